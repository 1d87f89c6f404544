/*
 * replay_tlb.h - the TLB of a replay: one level or two, counted.
 *
 * Sets replace by bit-PLRU as tlb.c does. A page comes into all levels when it is walked for, into the first when the
 * second has it. A store through an entry without D walks again, and is counted as a miss. Entries are dropped when
 * their page goes or its accessed bit is cleared. Hits of marked entries of the first level change nothing: those are
 * the filter's (replay_known.h).
 *
 * A tag is the page and process << 1 | D. So a load matches a tag with its last bit set, a store only one that has it.
 */
#ifndef VMCORE_REPLAY_TLB_H
#define VMCORE_REPLAY_TLB_H

#include "replay_known.h"
#include "vm_walk.h"

#define TAG_NONE UINT64_MAX

struct replay_tlb_level {
	uint64_t *tag;           /* set after set */
	uint32_t *index;         /* of the page's leaf entry */
	uint32_t *marks;         /* by set: a bit a way */
	uint32_t *valid;         /* so too */
	uint32_t  set_mask, ways, full;
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
 * Not known: true if some level has the page (counted), and where its entry is then; afterwards the first level has it,
 * marked. What is no longer so is dropped from what is known.
 */
bool replay_tlb_find(struct replay_tlb *t, uint64_t ref, uint32_t *index, struct replay_known *known);
/* `entry`: what the leaf entry at `index` holds, which has A. */
void replay_tlb_fill(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known);

/* What a reference's tag must be, once the tag's last bit is set if `mask` is: a load does not care for D. */
static inline uint64_t tlb_key(uint64_t ref) { return ref << 2 >> 1 | 1; }
static inline uint64_t tlb_mask(uint64_t ref) { return ((ref >> 62 ^ ref >> 63) & 1) ^ 1; }

#endif
