/* host.h - the host inside the engine. */
#ifndef VMCORE_HOST_H
#define VMCORE_HOST_H

#include "bitset.h"
#include "frame.h"
#include "lines.h"
#include "mmu.h"
#include "tree.h"
#include "vm_host.h"

struct tlb;
struct swap;
struct paging;
struct reclaim;
struct mm;
/* hugetlb.c: huge pages set aside; all counts are of huge pages. `reserved` may be one too small for a while, and wrap. */
struct huge_pool {
	uint64_t total, idle, reserved, surplus;
	uint32_t first;              /* idle ones, through frame->next; PFN + 1 */
};

struct vm_host {
	struct vm_options options;
	struct vm_geometry geometry; /* == options.geometry: near, for the hot paths */
	struct clock   *clock;
	struct journal *journal;
	ns_t     boot;
	uint64_t generation;
	struct vm_config config;
	struct vm_stats  stats;
	struct rng rng;

	/* ram.c, frame.c */
	uint8_t  *ram;               /* options.ram_bytes, sparse */
	struct frame *frames;        /* one a frame, sparse */
	uint64_t *lines;             /* likewise: where its bytes may be other than zeros (lines.h) */
	uint64_t  frame_count;
	struct bitset busy;          /* frames in use */
	uint64_t  frames_free;
	uint64_t  frames_by_use[VM_FRAME_USES];
	uint64_t  user_frames;       /* frames of processes: anon and file */
	uint64_t  frames_kept;       /* free frames that only eviction itself may take while pages can still go */
	GQueue    next_frames;       /* pfns asked for by mem/ctl next, GUINT_TO_POINTER(pfn + 1) */
	pfn_t     zero_frame;        /* PFN_NONE until first used */
	pfn_t     huge_zero;         /* the first frame of the huge page of zeros; likewise */
	struct huge_pool pool;
	uint64_t  huge_leaves;       /* frames of transparent huge pages that some huge leaf maps */
	uint64_t  ceiling_used;      /* lowest pfn above all frames ever used */
	bool      dense;             /* so many that the arrays are in large real pages */

	/* reclaim.c */
	struct reclaim *reclaim;
	uint8_t  *known;             /* by frame: FRAME_KNOWN_* of it and its entries; NULL: nothing is known */
	struct mm *asker;            /* whose fault needs frames; NULL: nobody's */
	uint64_t  coming;            /* the page that it is for (policy.h) */
	pfn_t     fresh;             /* the last user frame that got a page; PFN_NONE: its access is done */
	bool      watch_hits;        /* the policy wants to know each access */
	bool      watch;             /* that, or config trace_access: accesses are looked at one by one */
	uint64_t  watermark_low;     /* frames; 0: none */

	/* table.c: pa of an entry -> the value that the OS part had put there; pa as key */
	GHashTable *poked;           /* uint64_t * -> uint64_t * */
	uint64_t  poke_count;        /* pokes ever made: after one, the TLB may rightly be stale */
	struct table *global_table;  /* inverted: one for all */
	uint64_t  shared_tables;     /* leaf tables with sharers > 1 */
	uint32_t *near_leaf;         /* leaf tables found lately: PFN + 1; table_radix.c */
	uint32_t  near_leaves;       /* how many, a power of two */

	/* walk.c */
	struct mmu mmu;              /* the geometry as masks; ram_init() fills it */
	struct tlb *tlb;
	uint32_t  next_asid;

	/* swap.c, paging.c */
	struct swap *swap;
	struct paging *paging;
	bool     sharing;            /* processes take turns: vm_host_share() */
	ns_t     turn_over;          /* when the running one's is */
	uint64_t preempted, rest;    /* processes that have work and no turn; what proc_spend() has still to pass on */
	struct vm_proc *running;     /* who acted last; NULL: nobody since somebody began to wait */

	/* disk.c, cache.c */
	struct vm_inode *root;
	GHashTable *inodes;          /* number -> inode */
	GHashTable *unlisted;        /* path -> inode */
	uint64_t  next_inode;
	uint64_t  disk_used;         /* bytes */
	uint32_t  cache_oldest, cache_newest; /* page-cache frames in order of coming; PFN + 1 */
	uint64_t  cached, dirty;     /* pages */

	/* proc.c */
	GHashTable *procs;           /* serial -> vm_proc */
	struct tree by_pid;
	GHashTable *pids;            /* the same by pid: looking one up among 100,000 is as quick as among ten */
	GHashTable *threads;         /* tid -> thread, of those that are not their process's first */
	struct vm_proc *init;
	int32_t   last_pid;
	uint32_t  next_serial;
	uint64_t  committed;         /* pages, VM_ACCOUNT */
	uint64_t  mlocked;           /* frames */
	uint64_t  forks;
	uint64_t  next_description;
	uint64_t  last_pipe;
};

static inline uint64_t page_size(const struct vm_host *h) { return (uint64_t)1 << h->geometry.page_bits; }
static inline const uint8_t *frame_bytes(const struct vm_host *h, pfn_t pfn) { return h->ram + (pfn << h->geometry.page_bits); }
static inline struct frame *frame_of(const struct vm_host *h, pfn_t pfn) { return &h->frames[pfn]; }

static inline void frame_retain(struct vm_host *h, pfn_t pfn)
{
	assert(frame_of(h, pfn)->refs > 0);
	frame_of(h, pfn)->refs++;
}
static inline void frame_release(struct vm_host *h, pfn_t pfn)
{
	assert(frame_of(h, pfn)->refs > 0);
	if (--frame_of(h, pfn)->refs == 0)
		frame_free(h, pfn);
}

/*
 * How long a process runs while others have work. With several processors, turns stand for work side by side: the shorter,
 * the closer to it.
 */
static inline ns_t host_turn(const struct vm_host *h) { return h->options.cpus > 1 ? 100 * NS_PER_US : 3 * NS_PER_MS; }

/* Where `len` > 0 bytes of the frame, from `at` on, are about to be stored: nobody else writes to a frame that is no table. */
static inline uint8_t *frame_store(struct vm_host *h, pfn_t pfn, uint64_t at, uint64_t len)
{
	h->lines[pfn] |= lines_of(h->geometry.page_bits, at, len);
	return h->ram + (pfn << h->geometry.page_bits) + at;
}
static inline void frame_zero(struct vm_host *h, pfn_t pfn)
{
	lines_zero(h->ram + (pfn << h->geometry.page_bits), &h->lines[pfn], h->geometry.page_bits);
}
/* What was stored in it comes from memory. */
static inline void frame_soon(const struct vm_host *h, pfn_t pfn)
{
	lines_soon(frame_bytes(h, pfn), h->lines[pfn], h->geometry.page_bits);
}
static inline void frame_copy(struct vm_host *h, pfn_t to, pfn_t from)
{
	lines_copy(h->ram + (to << h->geometry.page_bits), &h->lines[to], frame_bytes(h, from), h->lines[from], h->geometry.page_bits);
}

/*
 * What a policy has seen of a frame stays true until one of its entries changes, which is said here by whoever stores the value
 * that replaces `raw`, and of what it stores; or until FRAME_REFERENCED changes or FRAME_DIRTY goes. A page that is not known
 * to be dirty may have become FRAME_DIRTY.
 */
enum { FRAME_KNOWN = 1, FRAME_KNOWN_USED = 2, FRAME_KNOWN_DIRTY = 4 };

static inline void frame_unknown(const struct vm_host *h, pfn_t pfn)
{
	if (h->known)
		h->known[pfn] = 0;
}

static inline void entry_unknown(const struct vm_host *h, uint64_t raw)
{
	pfn_t pfn = raw >> h->mmu.format.ppn_shift & h->mmu.format.ppn_mask;

	if ((raw & h->mmu.format.valid) && pfn < h->frame_count)
		h->known[pfn] = 0;
}

/* config.c */
extern const struct vm_config config_default;
/* Kinds of events that others may want to find; the rest are static where they happen. fault.c, trap.c, ram.c. */
extern const struct event_kind event_fault, event_cow, event_swapin, event_poke_dropped;

#endif
