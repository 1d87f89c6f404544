/*
 * replay_tlb.h - the TLB of a replay: one level or two, counted.
 *
 * Sets replace by bit-PLRU as tlb.c does. A page comes into all levels when it is walked for, into the first when the
 * second has it. A store through an entry without D walks again, and is counted as a miss. Entries are dropped when
 * their page goes or its accessed bit is cleared.
 *
 * A tag is the page and process << 1 | D. So a load matches a tag with its last bit set, a store only one that has it.
 */
#ifndef VMCORE_REPLAY_TLB_H
#define VMCORE_REPLAY_TLB_H

#include "vm_ref.h"
#include "vm_walk.h"

#define TAG_NONE UINT64_MAX
enum { TLB_GUESSES = 512 };

struct replay_tlb_level {
	uint64_t *tag;           /* set after set */
	uint32_t *index;         /* of the page's leaf entry */
	uint32_t *marks;         /* by set: a bit a way */
	uint32_t  set_mask, ways, full;
};
struct replay_tlb {
	struct replay_tlb_level level[2];
	uint64_t  last;          /* tag of the page referenced last, in the first level and marked */
	uint32_t  last_index;
	uint64_t  refills, misses;
	uint16_t  guess[TLB_GUESSES];  /* by the low bits of the page: its slot in the first level, perhaps */
};

/* EINVAL: sets are no power of two, or more than 32 ways. Entries 0 in shape[1]: one level. */
int  replay_tlb_init(struct replay_tlb *t, const struct vm_tlb_shape shape[2], struct err *e);
void replay_tlb_clear(struct replay_tlb *t);
/* Both levels forget the page whose entry is `index`. */
void replay_tlb_drop(struct replay_tlb *t, uint32_t index);
/* Neither the last page nor the guessed slot matched: true if some level has it (counted), and its entry then. */
bool replay_tlb_find(struct replay_tlb *t, uint64_t key, uint64_t mask, uint32_t *index);
void replay_tlb_fill(struct replay_tlb *t, uint64_t tag, uint32_t index);

/* What a reference's tag must be, once the tag's last bit is set if `mask` is: a load does not care for D. */
static inline uint64_t tlb_key(uint64_t ref) { return ref << 2 >> 1 | 1; }
static inline uint64_t tlb_mask(uint64_t ref) { return ((ref >> 62 ^ ref >> 63) & 1) ^ 1; }

/* The slot of a page with that key or tag has been used. */
static inline void tlb_mark(struct replay_tlb_level *l, uint64_t key, uint32_t slot)
{
	uint32_t set = (uint32_t)(key >> 1) & l->set_mask, bit = (uint32_t)1 << (slot - set * l->ways), marks = l->marks[set];

	if (marks & bit)
		return;
	marks |= bit;
	l->marks[set] = marks == l->full ? bit : marks;
}

/* The usual cases of a hit. */
static inline bool tlb_hit(struct replay_tlb *t, uint64_t key, uint64_t mask, uint32_t *index)
{
	struct replay_tlb_level *l = &t->level[0];
	uint32_t slot;

	if ((t->last | mask) == key) {
		*index = t->last_index;
		return true;
	}
	slot = t->guess[key >> 1 & (TLB_GUESSES - 1)];
	if ((l->tag[slot] | mask) != key)
		return false;
	tlb_mark(l, key, slot);
	t->last = l->tag[slot];
	*index = t->last_index = l->index[slot];
	return true;
}

#endif
