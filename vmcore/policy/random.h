/*
 * random.h - any page goes, each as likely as every other.
 *
 * The frames in use stand in pool[0 .. size), in no order that matters; count[f] is f's place there. Numbers come from a
 * generator of the policy's own (rng.h), so they depend on the seed and on how many were drawn.
 */
#ifndef VMCORE_POLICY_RANDOM_H
#define VMCORE_POLICY_RANDOM_H

#include "policy.h"
#include "rng.h"

enum { RANDOM_NEEDS = POLICY_COUNT | POLICY_SEED, RANDOM_AHEAD = 1 << 14 /* from so many pages on it pays */ };

static const struct policy_param random_params[] = { { "seed", 0, 0, UINT64_MAX }, { 0 } }; /* 0: the machine's */

static inline void random_load(struct policy *p, uint32_t f, uint64_t page)
{
	if (p->size == p->pool_room)
		policy_pool_grow(p);
	p->count[f] = p->size;
	p->pool[p->size++] = f;
}

static inline void random_hit(struct policy *p, uint32_t f)
{
}

static inline void random_forget(struct policy *p, uint32_t f)
{
	uint32_t at = p->count[f], moved = p->pool[--p->size];

	p->pool[at] = moved;
	p->count[moved] = at;
}

static inline uint32_t random_victim(struct policy *p, uint64_t page)
{
	uint32_t f = p->pool[rng_below(&p->random, p->size)];
	struct rng ahead = p->random;                    /* who is next if nothing happens but evictions */

	if (p->size >= RANDOM_AHEAD) {
		policy_soon(p, p->pool[rng_below(&ahead, p->size)]);
		__builtin_prefetch(&p->pool[rng_below(&ahead, p->size)]);
	}
	random_forget(p, f);
	return f;
}

static inline void random_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	for (uint32_t i = 0; i < p->size; i++)
		each(arg, "pool", p->pool[i]);
}

#endif
