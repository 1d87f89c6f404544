/*
 * swap.h - slots of the swap area: who refers to them and what bytes they keep.
 *
 * A slot's count is the number of entries that name it (a shared leaf table never holds one), plus one for a
 * shared object's page in it. The swap cache is apart: a slot is free when its count is 0 and no frame is cached for it.
 */
#ifndef VMCORE_SWAP_H
#define VMCORE_SWAP_H

#include "host.h"

enum { SWAP_NONE = UINT32_MAX };

/* NULL stands for a host without swap: it has no slots. */
struct swap_area *swap_new(struct vm_host *h, uint64_t bytes); /* NULL for less than a page */
void swap_free(struct swap_area *s);
uint64_t swap_slots(const struct swap_area *s);
/* No slot from there on has ever been used: only those below can be asked about. */
uint32_t swap_top(const struct swap_area *s);
uint64_t swap_slots_free(const struct swap_area *s);
/* Linux's vm_swap_full(): so little is left that slots are not kept for frames that came back. */
bool swap_is_tight(const struct swap_area *s);
/* The lowest free slot, count 1, its bytes undefined; SWAP_NONE: full. */
uint32_t swap_alloc(struct swap_area *s);
void swap_retain(struct swap_area *s, uint32_t slot);
void swap_release(struct swap_area *s, uint32_t slot);   /* frees bytes when nobody needs them any more */
uint32_t swap_count(const struct swap_area *s, uint32_t slot); /* entries and objects: the swap cache left out */
uint8_t *swap_bytes(struct swap_area *s, uint32_t slot); /* a page */
/* Swap cache: the frame that holds the same bytes, PFN_NONE. */
pfn_t swap_cached(const struct swap_area *s, uint32_t slot);
void swap_set_cached(struct swap_area *s, uint32_t slot, pfn_t pfn); /* PFN_NONE: forgets it */
/* The one entry that names the slot was made from a frame of one process alone, and has not been copied since. */
bool swap_exclusive(const struct swap_area *s, uint32_t slot);
void swap_set_exclusive(struct swap_area *s, uint32_t slot, bool exclusive);

#endif
