/*
 * replay_tlb.h - the TLB of a replay: one level or two, counted.
 *
 * Sets replace by bit-PLRU as tlb.c does. A page comes into all levels when it is walked for, into the first when the
 * second has it. A store through an entry without D walks again, and is counted as a miss. Entries are dropped when
 * their page goes or its accessed bit is cleared. Hits of marked entries of the first level change nothing: those are
 * the filter's (replay_known.h).
 *
 * A page is known by the place of its leaf entry, which is had by following the tables, many references side by side: that
 * costs less than a tag that has the whole page in it. A tag is that place << 1 | D, so a load matches a tag with its last
 * bit set, a store only one that has it. Which set is told by the page.
 */
#ifndef VMCORE_REPLAY_TLB_H
#define VMCORE_REPLAY_TLB_H

#include "replay_known.h"
#include "vm_walk.h"

/* A level is an array of such, `step` words from one to the next. */
struct replay_tlb_set {
	uint32_t marks, valid;   /* a bit a way */
	uint32_t tag[];          /* of all ways and some that are never used */
};
struct replay_tlb_level {
	uint32_t *sets;          /* NULL: no such level */
	uint32_t  step, set_mask, ways, full;
};
struct replay_tlb {
	struct replay_tlb_level level[2];
	uint64_t  refills, misses;
};

/* EINVAL: sets are no power of two, or more than 32 ways. Entries 0 in shape[1]: one level. */
int  replay_tlb_init(struct replay_tlb *t, const struct vm_tlb_shape shape[2], struct err *e);
void replay_tlb_clear(struct replay_tlb *t);
/* Both levels forget the page whose entry is `index`. */
void replay_tlb_drop(struct replay_tlb *t, uint32_t index);
/*
 * Not known, and its leaf entry is `index`: true if some level has the page (counted); afterwards the first level has it,
 * marked. What is no longer so is dropped from what is known.
 */
bool replay_tlb_find(struct replay_tlb *t, uint64_t ref, uint32_t index, struct replay_known *known);
/* It was not found. `entry`: what the leaf entry at `index` holds, which has A. */
void replay_tlb_fill(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known);

#endif
