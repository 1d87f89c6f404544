/*
 * clock.h - CLOCK, second chance: frames in a circle, a used bit each, one hand.
 *
 * While the page under the hand is used, its bit is cleared and the hand steps. The first page found unused goes, the
 * new one takes its place, and the hand steps past it. So the new page is the last whose turn comes: the ring begins at
 * the hand, and what is added comes before it.
 *
 * clock1, or just clock, is what hardware makes of it: the access that faulted is repeated and sets the new page's bit.
 * clock0 clears that bit: a page has to be referenced once more to count as used. (Corbato 1968; FIFO with reinsertion.)
 */
#ifndef VMCORE_POLICY_CLOCK_H
#define VMCORE_POLICY_CLOCK_H

#include "fifo.h"

enum { CLOCK_NEEDS = POLICY_LINKS | POLICY_BITS | POLICY_HAND, CLOCK0_NEEDS = CLOCK_NEEDS | POLICY_FRESH_UNUSED };

static inline void clock_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	policy_use(p, f);
}

static inline void clock_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline uint32_t clock_victim(struct policy *p, uint64_t page)
{
	struct policy_ring *r = &p->ring[0];
	struct policy_scan scan = { 0 };
	uint32_t f = r->first;

	for (; policy_used(p, f); f = p->next[f]) {
		policy_unuse(p, f);
		scan_steps(p, &scan, f);
	}
	r->first = f;
	return fifo_victim(p, page);
}

static inline void clock_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline void clock_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "circle", each, arg);
}

static inline void clock0_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	policy_unuse(p, f);
}

static inline void clock0_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline uint32_t clock0_victim(struct policy *p, uint64_t page)
{
	return clock_victim(p, page);
}

static inline void clock0_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline void clock0_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	clock_each(p, each, arg);
}

#endif
