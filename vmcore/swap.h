/*
 * swap.h - slots of the swap area: who refers to them and what bytes they keep.
 * A slot's count is the number of entries that name it (a shared leaf table never holds one), plus one for
 * a shared object's page in it, plus one while the swap cache keeps a frame with the same bytes.
 */
#ifndef VMCORE_SWAP_H
#define VMCORE_SWAP_H

#include "host.h"

struct swap_area *swap_new(struct vm_host *h, uint64_t bytes);
void swap_free(struct swap_area *s);
uint64_t swap_slots(const struct swap_area *s);
uint64_t swap_slots_free(const struct swap_area *s);
/* UINT32_MAX: full. Count 1. */
uint32_t swap_alloc(struct swap_area *s);
void swap_retain(struct swap_area *s, uint32_t slot);
void swap_release(struct swap_area *s, uint32_t slot);   /* frees bytes at 0 */
uint32_t swap_count(const struct swap_area *s, uint32_t slot); /* entries and objects: the swap cache left out */
uint8_t *swap_bytes(struct swap_area *s, uint32_t slot); /* a page */
/* Swap cache: the frame that holds the same bytes, PFN_NONE. */
pfn_t swap_cached(const struct swap_area *s, uint32_t slot);
void swap_set_cached(struct swap_area *s, uint32_t slot, pfn_t pfn);

#endif
