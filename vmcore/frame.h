/*
 * frame.h - the frame array: who uses each frame of RAM, and the free ones.
 *
 * One struct frame a frame, in one sparse array (zero bytes: free and never used). Free frames are bits of a
 * bitmap with summaries above it; the lowest free frame goes first, unless frames_next said which.
 *
 * refs counts every holder: each entry of a page table that names it (a leaf table that several processes share
 * counts once), the page cache, the swap cache, the tree of tables. maps counts the entries alone.
 */
#ifndef VMCORE_FRAME_H
#define VMCORE_FRAME_H

#include "vm_frame.h"

#include <assert.h>

struct anon;

enum frame_flag {
	FRAME_DIRTY = 1 << 0,       /* newer than disk or slot (besides D bits of entries) */
	FRAME_REFERENCED = 1 << 1,
	FRAME_WRITEBACK = 1 << 2,
	FRAME_SWAPCACHE = 1 << 3,   /* `slot` holds the same bytes */
	FRAME_SHMEM = 1 << 4,       /* FILE: of tmpfs or shared anonymous memory */
	FRAME_ACTIVE = 1 << 5,
	FRAME_USED = 1 << 6,        /* was ever used */
	FRAME_LOCKED = 1 << 7,      /* mapped by a locked area */
	FRAME_HUGE_HEAD = 1 << 8, FRAME_HUGE_TAIL = 1 << 9,
	FRAME_LAZYFREE = 1 << 10,
	FRAME_USER = 1 << 11,       /* counts in host->user_frames */
	FRAME_READING = 1 << 13,    /* SWAPCACHE: its bytes are still to come from the slot */
	FRAME_AHEAD = 1 << 24,      /* SWAPCACHE: read ahead, and nobody has come for it (PG_readahead) */
	FRAME_HUGETLB = 1 << 21,    /* KERNEL: part of a page of the pool of huge pages (hugetlb.h) */
	FRAME_POOL_ANON = 1 << 22, FRAME_POOL_RESTORE = 1 << 23, /* its first frame: of private memory; reserved again when it comes back */
	FRAME_EXCLUSIVE = 1 << 12,  /* ANON: of one process alone; its entry may be made writable without a copy (PG_anon_exclusive) */
	FRAME_LISTED = 1 << 14,     /* the replacement policy may choose it, */
	FRAME_ASIDE = 1 << 15,      /* or had chosen it in vain: reclaim.h */
	/* tables: */
	TABLE_POKED = 1 << 16,      /* some entry is in the host's poked map */
	TABLE_MIXED = 1 << 17,      /* leaf: may hold swap entries, file frames or frames with maps > 1: not shareable as it is */
	TABLE_SHARED = 1 << 18,     /* leaf: was shared by a fork; all its users' upper entries are still read-only, whatever the leaf's say */
	TABLE_COUNTED = 1 << 19,    /* leaf with sharers > 1: frame->maps counts its entries once for each sharer (page.h) */
	TABLE_ZEROS = 1 << 20,      /* leaf: may hold entries of the zero frame */
};

struct frame {
	uint32_t refs, maps;
	uint32_t flags;
	uint8_t  use;               /* enum vm_frame_use */
	uint8_t  level;             /* table: 1 the root */
	uint16_t order;             /* table or huge head: log2 of the frames that belong together */
	union {
		struct anon     *anon;   /* ANON: of the area that made it */
		struct vm_inode *inode;  /* FILE */
		struct mm       *mm;     /* TABLE: the owner; NULL while shared or global */
	};
	uint64_t index;             /* ANON: page offset as in area->pgoff; FILE: page of the file; TABLE: first vpn */
	union {
		uint32_t slot;      /* SWAPCACHE: slot */
		uint32_t entries;   /* TABLE: entries in use (not none) */
	};
	uint32_t sharers;           /* leaf TABLE: processes that use it, >= 1; 0: a deposited one */
	uint32_t prev, next;        /* lists of the page cache and of replacement; PFN + 1, 0: none */
	uint64_t since;             /* ns_t when it came to its present use */
	uint64_t entry;             /* ANON, FILE: where the entry was that page_map() made last: address + 1; 0: none */
} __attribute__((aligned(64)));
static_assert(sizeof(struct frame) == 64, "a frame is a cache line");

int  frames_init(struct vm_host *h, struct err *e);
void frames_clear(struct vm_host *h);
/*
 * The lowest free frame, or the one that mem/ctl `next` asked for; its bytes are zero iff `zero`. refs is 1, maps 0.
 * `user`: counts against config user_frames. Tries reclaim_one() before it gives up: PFN_NONE.
 */
pfn_t frame_alloc(struct vm_host *h, enum vm_frame_use use, bool zero, bool user);
/* 2^order frames side by side, aligned to their size; PFN_NONE. refs and use on the first, the others carry use too. */
pfn_t frame_alloc_order(struct vm_host *h, enum vm_frame_use use, unsigned order, bool zero);
void  frame_free(struct vm_host *h, pfn_t pfn);    /* refs is 0; frees 2^order: frame_release() does it (host.h) */
/* A frame of an anonymous page that belonged to nobody is one of a file from now on. */
void  frame_to_file(struct vm_host *h, pfn_t pfn);
uint64_t frames_free(const struct vm_host *h);
bool  frame_is_free(const struct vm_host *h, pfn_t pfn);

#endif
