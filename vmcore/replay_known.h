/*
 * replay_known.h - the exact filter: references that would change nothing, told by a look at one word.
 *
 * A reference is known as a whole, what it does included, in the slot that its page's low bits and its kind give: the same
 * was done before, and since then its page has neither gone nor lost its A bit. With a modelled TLB it says more: the first
 * level has the page, marked as used. So nothing changes but, with some policies, what they know of the page's frame.
 *
 * A few that were met lately are `near` besides: so few that a vector register or two find eight of them at once.
 */
#ifndef VMCORE_REPLAY_KNOWN_H
#define VMCORE_REPLAY_KNOWN_H

#include "vm_ref.h"

#include <glib.h>
#include <string.h>

enum {
	KNOWN_PAGES = 512,           /* no more than the low bits that a leaf entry's place tells */
	KNOWN_KINDS = 4,
	KNOWN_SLOTS = KNOWN_PAGES * KNOWN_KINDS,
	KNOWN_MANY = 8,              /* references of a cache line */
	KNOWN_AHEAD = 256,
	KNOWN_NEAR = 32,
	NEAR_KINDS = 0x18, NEAR_KIND_SHIFT = VM_REF_KIND_SHIFT - 3,  /* a slot: the page's low bits, two of them turned by the kind */
};

struct replay_known {
	uint64_t near[KNOWN_NEAR];   /* as ref */
	uint64_t ref[KNOWN_SLOTS];   /* UINT64_MAX, which is no reference: none */
	uint32_t frame[KNOWN_SLOTS];
};

static inline unsigned near_slot(uint64_t ref)
{
	return (unsigned)(ref ^ (ref >> NEAR_KIND_SHIFT & NEAR_KINDS)) & (KNOWN_NEAR - 1);
}

static inline unsigned known_slot(uint64_t ref)
{
	return (unsigned)(ref << 2 | ref >> VM_REF_KIND_SHIFT) & (KNOWN_SLOTS - 1);
}

static inline void known_clear(struct replay_known *k)
{
	memset(k->near, 0xff, sizeof(k->near));
	memset(k->ref, 0xff, sizeof(k->ref));
}

static inline void known_put(struct replay_known *k, uint64_t ref, uint32_t f)
{
	k->ref[known_slot(ref)] = ref;
	k->frame[known_slot(ref)] = f;
}

/* The page whose leaf entry is at that place, and perhaps others. */
static inline void known_drop(struct replay_known *k, uint32_t index)
{
	memset(&k->ref[(index & (KNOWN_PAGES - 1)) * KNOWN_KINDS], 0xff, KNOWN_KINDS * sizeof(k->ref[0]));
	for (unsigned kind = 0; kind < KNOWN_KINDS; kind++)
		k->near[near_slot((uint64_t)kind << VM_REF_KIND_SHIFT ^ index)] = UINT64_MAX;
}

/* All of the next references? Those to come later are on their way from memory. */
static inline bool known_many(const struct replay_known *k, const uint64_t *refs)
{
	uint64_t other = 0;

	__builtin_prefetch(refs + KNOWN_AHEAD);
	for (unsigned i = 0; i < KNOWN_MANY; i++)
		other |= refs[i] ^ k->ref[known_slot(refs[i])];
	return other == 0;
}

/* How many of the next n are, at least as whole groups of KNOWN_MANY tell. */
size_t known_run(struct replay_known *k, const uint64_t *refs, size_t n);

#endif
