/*
 * mm.h - the address space inside the engine: areas, who shares their pages, and what is done to pages.
 *
 * Areas are Linux's VMAs: a tree by address that knows the largest hole below each node. An area with private
 * written pages has an `anon` (Linux: anon_vma); areas that a fork copied hang on the anons of their ancestors too, through
 * links (anon_vma_chain), so all mappings of an anonymous frame are found from frame->anon. Files and
 * shared anonymous objects know the areas that map them (inode->mappings).
 */
#ifndef VMCORE_MM_H
#define VMCORE_MM_H

#include "host.h"
#include "table.h"
#include "tree.h"
#include "vm_access.h"
#include "vm_area.h"
#include "walk.h"

struct file; /* an open file description, file.h */

struct anon {
	uint32_t refs;        /* areas whose `anon` it is, links, frames */
	struct anon *root;    /* of the fork family */
	struct anon *parent;  /* itself for the first */
	uint32_t children, active; /* Linux's num_children, num_active_vmas: when an anon may be taken over at fork */
	struct tree links;    /* struct anon_link by first page, with the largest last page of each subtree */
};
struct anon_link {
	struct anon *anon;
	struct area *area;
	struct anon_link *next;  /* in area->links */
	struct tree_node node;   /* in anon->links */
	uint64_t last;           /* largest last pgoff below */
};

struct area {
	struct tree_node node;   /* in mm->areas, by start */
	va_t     start, end;
	uint64_t gap, max_gap;   /* bytes free below start; largest in the subtree */
	uint32_t flags;          /* VM_F_* */
	uint32_t page_prot : 31; /* VM_PTE_* a fresh entry may carry; see area_page_flags() */
	uint32_t robbed : 1;     /* hugetlb: lost a page to the owner of its object: finds none any more */
	uint64_t pgoff;          /* pages: in the object; private anonymous: start / page at its making */
	struct mm *mm;
	struct file *file;       /* open file description: the merge key; NULL for anonymous memory, shared too */
	struct vm_inode *inode;  /* file's or the shared anonymous object; NULL: private anonymous */
	struct tree_node shared; /* in inode->mappings, by pgoff */
	uint64_t shared_last;
	struct anon *anon;
	struct anon_link *links; /* newest first: its own anon, then the ancestors' */
	const char *special;     /* interned "[vdso]"; NULL */
};

struct mm {
	struct vm_host *host;
	uint32_t users;          /* processes (vfork-like sharing does not exist: 1), threads are in the process */
	uint64_t generation;     /* grows with every change to it */
	struct tree areas;
	struct table table;
	va_t     start_brk, brk, start_code, end_code, start_data, end_data, start_stack, arg_start, arg_end,
		 env_start, env_end, entry; /* entry: of the first instruction */
	/* pages */
	uint64_t total, locked, data, exec, stack;        /* total_vm, locked_vm, data_vm, exec_vm, stack_vm */
	uint64_t rss_anon, rss_file, rss_shmem, swapped;  /* entries; a shared leaf table's count for each */
	uint64_t hugetlb;        /* small pages of huge ones from the pool; in no rss */
	uint64_t rss_peak, total_peak;
	bool     huge_areas;     /* some area may be of huge pages from the pool */
	bool     exec_only;      /* some area with VM_F_EXEC_ONLY may have entries: each access looks at its area */
	uint64_t locked_excess;  /* pages that `locked` counts beyond the locked areas: Linux's dontunmap forgets them */
	struct vm_proc *owner;   /* for pid, limits, faults */
	uint32_t policy_set;     /* reclaim.c: scope=process; 0: none yet */
};

static inline struct area *area_of(struct tree_node *n) { return n ? tree_entry(n, struct area, node) : NULL; }
static inline uint64_t area_pages(const struct area *a, unsigned page_bits) { return (a->end - a->start) >> page_bits; }
/* The pgoff of its last page. */
static inline uint64_t area_last_page(const struct area *a)
{
	return a->pgoff + area_pages(a, a->mm->host->geometry.page_bits) - 1;
}

/* mm.c - an address space comes, is copied, goes. */
struct mm *mm_new(struct vm_host *h, struct vm_proc *owner);
void mm_free(struct mm *mm);                      /* exit_mmap: areas, pages, tables */
void unmap_all(struct mm *mm);                    /* every area; takes no frames, never fails */
/* fork: areas, links, entries (Linux's dup_mmap). ENOMEM: *out untouched, everything undone. */
int  mm_copy(struct mm *from, struct vm_proc *owner, struct mm **out, struct err *e);
uint64_t mm_limit(const struct mm *mm, int rlimit); /* owner's soft limit */
/* To be called after every change of a process's memory: generations of mm, process and host. */
void mm_changed(struct mm *mm);
/*
 * Entry of a system call on memory: charges its cost; NULL with ESRCH when the process has exited. No process has
 * capabilities here, uid 0 neither: limits and the lowest address hold for all.
 */
struct mm *mm_enter(struct vm_proc *p, struct err *e);
/* An event of the mm's owner; unused values are 0. */
struct event *mm_event(struct mm *mm, const struct event_kind *kind, uint64_t v0, uint64_t v1, uint64_t v2);
/* Bytes rounded up to pages; 0 when that overflows. */
static inline uint64_t page_align(const struct vm_host *h, uint64_t bytes)
{
	return (bytes + page_size(h) - 1) & ~(page_size(h) - 1);
}
static inline bool page_aligned(const struct vm_host *h, uint64_t at) { return !(at & (page_size(h) - 1)); }

/*
 * hole.c - where areas may be. User addresses are the lower half of the space where addresses are sign-extended,
 * else all of it; the last page is never used. So x86-64 has 0x7ffffffff000. Mappings go downwards from the map top: 128 MiB
 * below the end, or 1/16 of a space too small for that (0x7ffff7fff000). Spaces of more than 2 GiB keep their
 * lowest 4 KiB free (sysctl vm.mmap_min_addr), and the lowest 64 KiB of what is not asked for exactly
 * (CONFIG_LSM_MMAP_MIN_ADDR). The guard gap below a growsdown area is 256 pages, or 1/256 of the space.
 */
va_t mm_top(const struct vm_host *h);             /* end of user addresses */
va_t mm_map_top(const struct vm_host *h);         /* M */
va_t mm_bottom(const struct vm_host *h);          /* lowest address that may be mapped */
va_t mm_hint_bottom(const struct vm_host *h);     /* lowest that a hint gives, or that an area grows down to */
uint64_t guard_gap(const struct vm_host *h);      /* bytes */
/* Where the space that a growsdown area claims begins (vm_start_gap); `start` of any other. */
va_t area_guard_start(const struct area *a);
struct hole_request {
	va_t     hint;
	uint64_t len, offset;  /* bytes; len page aligned and not 0; offset in the file */
	bool     fixed;
	bool     huge;         /* private anonymous memory or a file of the disk: placed for huge pages */
	bool     anon;
	bool     hugetlb;      /* begins where huge pages do */
};
/* get_unmapped_area: ENOMEM no hole, EINVAL unaligned, EPERM below mm_bottom(). `arg`: 0 the address, 1 the length. */
int hole_find(struct mm *mm, const struct hole_request *r, va_t *at, struct err *e);

/* area.c - the tree of areas: find, split, link. No pages. */
void areas_init(struct tree *t);
struct area *area_find(const struct mm *mm, va_t at);   /* lowest with end > at (Linux's find_vma); not those only shown */
struct area *area_at(const struct mm *mm, va_t at);     /* that contains `at` */
struct area *area_below(const struct mm *mm, va_t at);  /* highest with start < at */
struct area *area_next(const struct area *a);
struct area *area_prev(const struct area *a);
struct area *area_new(struct mm *mm, va_t start, va_t end, uint32_t flags, uint64_t pgoff, struct file *file,
		      struct vm_inode *inode); /* retains file and inode; not linked */
void area_link(struct area *a);                         /* into mm and inode->mappings; accounts total, data, ... */
void area_unlink(struct area *a);                       /* the reverse */
void area_free(struct area *a);                         /* not linked; drops anon links, file, inode */
/* Like `a` in all but place, for `mm`, without anon; not linked. */
struct area *area_copy(const struct area *a, struct mm *mm, va_t start, va_t end, uint64_t pgoff);
void area_set_flags(struct area *a, uint32_t flags);    /* of a linked area: accounts and page_prot follow */
/* Splits at `at` (page aligned, inside); returns the upper part. Anon links are cloned. */
struct area *area_split(struct area *a, va_t at);
/* Moves the bounds of a linked area, keeping all trees right. */
void area_set_bounds(struct area *a, va_t start, va_t end, uint64_t pgoff);
/* What a fresh entry may carry by flags: no write for private or write-notified pages. */
unsigned area_page_flags(const struct area *a);
/* Linux's vma_wants_writenotify: shared, writable, on a disk file: clean pages are mapped read-only. */
bool area_wants_notify(const struct area *a);
uint32_t prot_to_flags(unsigned prot);
/* The same for a host: --x is execute-only by protection keys, which x86-64 alone has; elsewhere the hardware decides. */
uint32_t host_prot_flags(const struct vm_host *h, unsigned prot);

/* anon.c - who shares anonymous pages, and from a frame to every entry that maps it. */
int  anon_prepare(struct area *a);                        /* __anon_vma_prepare: gives it an anon, reusing a neighbour's */
void anon_clone(struct area *dst, const struct area *src);/* anon_vma_clone */
void anon_fork(struct area *child, const struct area *parent); /* anon_vma_fork */
void anon_unlink(struct area *a);                         /* unlink_anon_vmas */
void anon_retain(struct anon *n);
void anon_release(struct anon *n);
void anon_area_moved(struct area *a, bool before);        /* bounds or pgoff about to change (before) / changed: keeps links' trees in order */
/* Calls `each` for every area and address that may map the frame; it must look at the entry itself. Stops at false. */
void rmap_walk(struct vm_host *h, pfn_t pfn, bool (*each)(void *arg, struct area *a, va_t va), void *arg);
/*
 * The one entry that maps the frame, if it is found at once: ordinary, present, in a leaf table that is its process's own, none of
 * which is poked. False: it may be mapped all the same, see rmap_walk().
 */
struct sole { struct mm *mm; vpn_t vpn; pa_t at; uint64_t raw; };
bool frame_sole(const struct vm_host *h, pfn_t pfn, struct sole *out);
/* Takes the frame out of every page table (truncate, pageout): swap entries if slot is not UINT32_MAX. */
bool rmap_unmap(struct vm_host *h, pfn_t pfn, uint32_t slot);
/* Processes and addresses that map it: frame->maps, leaf-table sharers counted. `s` is a span whose entry names it. */
uint32_t page_mapcount(const struct vm_host *h, const struct span *s, pfn_t pfn);

/*
 * page_*.c - what system calls do to the entries of [start, end), which lies within one area.
 * A leaf table that fork shares has to become the process's own before part of it changes, which takes frames: callers that
 * may fail (munmap, mprotect, madvise, mremap) call pages_own() for the range first; after it pages_zap(), pages_protect()
 * and pages_move() find all the frames they need. `whole`: leaf tables that lie in the range as a whole too (not needed for zap).
 */
int  pages_own(struct mm *mm, va_t start, va_t end, bool whole, struct err *e); /* ENOMEM: nothing has changed that shows */
void pages_split_huge(struct mm *mm, va_t at);            /* no transparent huge page lies across `at` any more; never fails */
void pages_exit(struct mm *mm);                           /* exit_mmap: the entries of all areas; takes no frames */
/* One entry of rmap_unmap(): if the entry of `va` names `pfn`, it becomes none, or swapped to `slot` unless that is UINT32_MAX. */
bool page_unmap(struct area *a, va_t va, pfn_t pfn, uint32_t slot);
bool page_unmap_sole(const struct sole *e, pfn_t pfn, uint32_t slot); /* frame_sole()'s; false: nothing has changed */
void pages_zap(struct area *a, va_t start, va_t end);     /* drops entries: frames, slots, rss, TLB. Never fails */
void pages_zap_cow(struct area *a, va_t start, va_t end); /* truncate: even private copies */
void pages_protect(struct area *a, va_t start, va_t end); /* entries follow the area's new flags (change_protection) */
/* Moves entries to `to` in the same mm (move_page_tables): returns bytes moved, less than asked when out of table frames. */
uint64_t pages_move(struct area *from_area, va_t from, struct area *to_area, va_t to, uint64_t len);
/* fork's copy_page_range: shares leaf tables where it may, else copies entries. ENOMEM. */
int  pages_copy(struct area *dst, struct area *src, struct err *e);
void pages_free_tables(struct mm *mm, va_t floor, va_t ceiling); /* free_pgtables: floor, ceiling: ends of the areas around */
/*
 * Faults pages in as get_user_pages does (MADV_POPULATE_*); write: with a store's fault. Stops at the first failure, with the
 * bytes done: -ENOMEM a hole, or out of frames; -EINVAL an area that refuses the access; -EFAULT beyond the end of a file.
 */
int  pages_populate(struct mm *mm, va_t start, va_t end, bool write, uint64_t *done, struct err *e);
/*
 * mm_populate() after mmap, mlock, brk: area by area, write for private writable ones. Failures are silent unless `report`
 * (mlock): then the first one ends it, as mlock's errno: ENOMEM for what cannot be brought in, EAGAIN out of frames.
 */
int  mm_populate(struct mm *mm, va_t start, uint64_t len, bool report, struct err *e);
/* madvise's page work, each within one area. */
void pages_dontneed(struct area *a, va_t start, va_t end);  /* zap, then PT_RECLAIM of whole empty tables */
void pages_free_lazily(struct area *a, va_t start, va_t end);
void pages_cold(struct area *a, va_t start, va_t end);
void pages_pageout(struct area *a, va_t start, va_t end);
void pages_want_soon(struct area *a, va_t start, va_t end);
void pages_resident(struct area *a, va_t start, va_t end, uint8_t *vec); /* mincore */
void pages_set_locked(struct area *a, va_t start, va_t end, bool locked);
void pages_clean(struct vm_inode *inode, uint64_t first, uint64_t n); /* writeback: entries of these file pages become clean and read-only where notified */

/* fault.c, trap.c - from a fault address to an entry, or to a signal. */
enum resolution {
	RESOLVED_SPURIOUS, RESOLVED_ZEROPAGE, RESOLVED_ZERO, RESOLVED_COW, RESOLVED_FILE, RESOLVED_REUSE, RESOLVED_DIRTY,
	RESOLVED_SWAPIN, RESOLVED_HUGE, RESOLVED_GROW, RESOLUTIONS
};
enum fault_result { FAULT_DONE, FAULT_SIGNAL, FAULT_NOMEM, FAULT_AGAIN, FAULT_WAIT };
/*
 * One fault of process p; as handle_mm_fault with the checks of do_user_addr_fault before it. FAULT_WAIT: p->wait says for what; if for
 * a frame, the same fault has to be handled again after it. FAULT_NOMEM: p may have been killed, and be gone.
 */
enum fault_result fault_handle(struct vm_proc *p, va_t va, enum vm_access how, const struct translation *why,
			       struct vm_outcome *out, struct err *e);
/* The part after the checks, for populate: no signal, no record. -EFAULT, -ENOMEM or 0. */
int  fault_in(struct area *a, va_t va, enum vm_access how, bool *major, enum resolution *resolution, struct err *e);
/* The signal of a walk that no fault could help. -EFAULT. */
int  fault_signal(struct vm_proc *p, va_t va, enum vm_access how, const struct translation *why, struct vm_outcome *out,
		  struct err *e);
void fault_count(struct mm *mm, bool major);      /* a fault has been resolved: the counters of process and host */

/*
 * map.c: shared with execve, maps writing, brk. What is in the range is unmapped first, as MAP_FIXED does, once nothing
 * can fail any more; merges with neighbours. VM_F_ACCOUNT is the function's to decide.
 */
int  map_region(struct mm *mm, va_t start, uint64_t len, uint32_t flags, uint64_t pgoff, struct file *file,
		struct vm_inode *inode, struct area **out, struct err *e);
int  unmap_region(struct mm *mm, va_t start, va_t end, struct err *e);      /* do_munmap with its checks done */
bool may_expand(struct mm *mm, uint32_t flags, uint64_t pages);  /* RLIMIT_AS, RLIMIT_DATA */
bool may_lock(struct mm *mm, uint32_t flags, uint64_t pages);    /* mlock_future_ok: RLIMIT_MEMLOCK if flags say locked */
bool enough_memory(const struct vm_host *h, uint64_t pages); /* whether account_memory() would agree */
int  account_memory(struct vm_host *h, uint64_t pages, struct err *e); /* VM_ACCOUNT: overcommit by config; ENOMEM */
void unaccount_memory(struct vm_host *h, uint64_t pages);

/* merge.c: Linux's vma_merge for a new range and for a modified one; the merged area or NULL. */
struct area *merge_new(struct mm *mm, struct area *prev, struct area *next, va_t start, va_t end, uint32_t flags,
		       uint64_t pgoff, struct file *file, struct vm_inode *inode, struct anon *anon,
		       const struct area *copied_from);
/* Splits and merges, and gives [start, end) the new flags; the area that covers it. */
struct area *merge_modified(struct area *a, va_t start, va_t end, uint32_t new_flags);
struct area *merge_extend(struct area *a, uint64_t bytes); /* at its end, where `bytes` are free */

#endif
