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

static const struct policy_param random_params[] = { { "seed", 0, 0, UINT64_MAX, false }, { 0 } }; /* 0: the machine's */

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

/* As rng_below(), which refuses a few numbers: POLICY_NONE. */
static inline uint32_t random_place(uint64_t number, uint32_t size)
{
	return number < size && number < -(uint64_t)size % size ? POLICY_NONE : (uint32_t)(number % size);
}

static inline void random_ahead(struct policy *p, uint64_t n)
{
	p->ahead[n % 4].number = rng_next(&p->random);
	p->ahead[n % 4].size = p->size;
	p->ahead[n % 4].place = random_place(p->ahead[n % 4].number, p->size);
}

/* What rng_below(size) would draw. Numbers are drawn four ahead: if nothing happens but evictions, these are their places. */
static inline uint32_t random_draw(struct policy *p)
{
	uint32_t place;

	for (uint64_t n = 0; p->drawn == 0 && n < 4; n++)
		random_ahead(p, n);
	do {
		uint64_t n = p->drawn++;

		place = p->ahead[n % 4].size == p->size ? p->ahead[n % 4].place : random_place(p->ahead[n % 4].number, p->size);
		random_ahead(p, n);
	} while (place == POLICY_NONE);
	return place;
}

/* The last but one of those ahead is asked for its frame, the last for its place in the pool. */
static inline void random_soon(struct policy *p)
{
	uint32_t place = p->ahead[(p->drawn + 2) % 4].place, last = p->ahead[(p->drawn + 3) % 4].place;

	if (p->size < RANDOM_AHEAD || place >= p->size || last >= p->size)
		return;
	__builtin_prefetch(&p->pool[last], 1);
	__builtin_prefetch(&p->count[p->pool[place]], 1);
	policy_soon(p, p->pool[place]);
}

static inline uint32_t random_victim(struct policy *p, uint64_t page)
{
	uint32_t f = p->pool[random_draw(p)];

	random_soon(p);
	random_forget(p, f);
	return f;
}

static inline void random_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	for (uint32_t i = 0; i < p->size; i++)
		each(arg, "pool", p->pool[i]);
}

#endif
