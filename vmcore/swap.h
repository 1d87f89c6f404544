/*
 * swap.h - slots of the swap areas: who refers to them and what bytes they keep.
 *
 * Inside the engine a slot is one number, whatever its area: each area has a run of numbers, from `first` on, all of
 * which a page-table entry can name. A slot's count is the number of entries that name it (a shared leaf table never holds
 * one), plus one for a shared object's page in it. The swap cache is apart: a slot is free when its count is 0 and no frame is
 * cached for it.
 */
#ifndef VMCORE_SWAP_H
#define VMCORE_SWAP_H

#include "bitset.h"
#include "device.h"
#include "host.h"

enum { SWAP_NONE = UINT32_MAX, SWAP_AREAS = 30, SWAP_AHEAD_MOST = 1024 };

struct slot {
	uint32_t count : 30, exclusive : 1, bad : 1;
	uint32_t frame;              /* PFN + 1 of the swap cache; 0: none */
	uint32_t writes;
	uint64_t lines;              /* where its bytes are; the rest are zeros, whatever lies there (lines.h) */
};

struct swap_area {
	unsigned number;
	int      priority;           /* as /proc/swaps shows it: below 0 where Linux chose it */
	bool     leaving;            /* swapoff is at it: gives out no slot */
	uint32_t first, slots;
	uint64_t wanted;             /* slots that were asked for */
	uint32_t top;                /* no slot from there on has ever been used */
	uint32_t bad;                /* slots that swapon was told not to use; they count as busy for ever */
	struct bitset busy;
	struct slot *slot;           /* sparse */
	uint8_t *bytes;              /* sparse: slots pages */
	unsigned line_bits;
	struct device device;
};

struct swap {
	struct vm_host *host;
	struct swap_area *area[SWAP_AREAS];  /* by number; NULL: none */
	struct swap_area *order[SWAP_AREAS]; /* in which they are filled */
	unsigned count;
	struct swap_area *recent;            /* where the last look-up ended */
	uint64_t slots, used, cached;
	int      least_priority;
	struct { uint32_t hits, last, slot; } ahead; /* swap_ahead.c: pages come for since, the last window, where it was without hits */
};

struct swap *swap_new(struct vm_host *h);
void swap_free(struct swap *s);
uint64_t swap_slots(const struct swap *s);
uint64_t swap_slots_free(const struct swap *s);
/* Linux's vm_swap_full(): so little is left that slots are not kept for frames that came back. */
bool swap_is_tight(const struct swap *s);
/* The lowest free slot of the area whose turn it is, count 1, its bytes undefined; SWAP_NONE: full. */
uint32_t swap_alloc(struct swap *s);
/* The area that has the slot; NULL: there is no such slot. */
struct swap_area *swap_search(struct swap *s, uint32_t slot);
static inline struct swap_area *swap_area_of(struct swap *s, uint32_t slot)
{
	struct swap_area *a = s->recent;

	return a && slot - a->first < a->slots ? a : swap_search(s, slot);
}
static inline struct slot *swap_slot(struct swap *s, uint32_t slot)
{
	struct swap_area *a = swap_area_of(s, slot);

	return &a->slot[slot - a->first];
}
static inline void swap_retain(struct swap *s, uint32_t slot) { swap_slot(s, slot)->count++; }
void swap_release(struct swap *s, uint32_t slot);
/* Entries and objects: the swap cache left out. */
static inline uint32_t swap_count(struct swap *s, uint32_t slot) { return swap_slot(s, slot)->count; }
/* Bytes [at, at + len) of the page in the slot. */
void swap_look(const struct swap_area *a, uint32_t slot, uint64_t at, void *to, size_t len);
void swap_write(struct swap *s, uint32_t slot, pfn_t from); /* what is in the frame, */
void swap_read(struct swap *s, uint32_t slot, pfn_t to);    /* and back */
/* The slot will be read soon: what is known of it, later its bytes, may come from memory meanwhile. */
void swap_soon(struct swap *s, uint32_t slot, bool bytes);
void swap_zero(struct swap *s, uint32_t slot, uint64_t at, uint64_t len);
/* Swap cache: the frame that holds the same bytes, PFN_NONE. */
static inline pfn_t swap_cached(struct swap *s, uint32_t slot)
{
	uint32_t frame = swap_slot(s, slot)->frame;

	return frame ? frame - 1 : PFN_NONE;
}
void swap_set_cached(struct swap *s, uint32_t slot, pfn_t pfn); /* PFN_NONE: forgets it */
/* The one entry that names the slot was made from a frame of one process alone, and has not been copied since. */
static inline bool swap_exclusive(struct swap *s, uint32_t slot) { return swap_slot(s, slot)->exclusive; }
static inline void swap_set_exclusive(struct swap *s, uint32_t slot, bool exclusive) { swap_slot(s, slot)->exclusive = exclusive; }
/* The number of the slot's area, and its number there, as users see them. */
unsigned swap_place(struct swap *s, uint32_t slot, uint64_t *within);
/* The same for events. */
uint64_t swap_event_place(struct swap *s, uint32_t slot);
/* swapoff begins: no slot is given out any more; or has been given up. Once no slot is busy the area may be removed. */
void swap_area_leave(struct swap *s, struct swap_area *a, bool leaving);
void swap_area_remove(struct swap *s, struct swap_area *a);
/*
 * swap_ahead.c, config swap_readahead. The slot's own page is about to be read: swap_ahead() secures frames for those around it, which
 * are then in the swap cache; swap_ahead_read() reads those below `slot`, or what is left of them. Device time goes by slots.
 */
struct ahead { struct swap_area *area; uint32_t at, end; };
struct ahead swap_ahead(struct vm_host *h, uint32_t slot);
void swap_ahead_read(struct vm_host *h, struct ahead *w, uint32_t slot);
/* madvise: this slot's page begins to come into the swap cache. False: there is no frame for it. */
bool swap_ahead_one(struct vm_host *h, uint32_t slot);
/* Somebody has come for a page that was read ahead. */
void swap_ahead_hit(struct vm_host *h, pfn_t pfn);
/* All areas anew for pages of another size; they are empty. */
void swap_reshape(struct swap *s);

#endif
