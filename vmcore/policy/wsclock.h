/*
 * wsclock.h - WSClock (Carr, Hennessy: SOSP 1981): a clock that keeps the working set, by when pages were last used.
 *
 * A used page under the hand was used now: its bit is cleared, the time taken down. An unused page whose time is more than
 * `tau` references ago has left the working set: it goes if it is clean; a modified one is passed by (there a write would be
 * begun). After one circle, or `scan` frames, the first such modified page goes, or else the page whose last use is
 * furthest back. count[f] is the time of the last known use, in references (p->now).
 */
#ifndef VMCORE_POLICY_WSCLOCK_H
#define VMCORE_POLICY_WSCLOCK_H

#include "fifo.h"

enum { WSCLOCK_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_BITS | POLICY_MODIFIED | POLICY_FRESH_UNUSED | POLICY_HAND };

static const struct policy_param wsclock_params[] = { { "tau", 1000, 1, UINT32_MAX, true }, { "scan", 128, 1, UINT32_MAX, true }, { 0 } };

static inline void wsclock_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	p->count[f] = (uint32_t)p->now;
	policy_unuse(p, f);
}

static inline void wsclock_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void wsclock_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline uint32_t wsclock_victim(struct policy *p, uint64_t page)
{
	uint32_t now = (uint32_t)p->now, f = p->ring[0].first, old = POLICY_NONE, oldest = f;

	for (uint64_t n = 0; n < p->size && n < p->param[1]; n++, f = p->next[f]) {
		if (policy_used(p, f)) {
			policy_unuse(p, f);
			p->count[f] = now;
		} else if (now - p->count[f] > p->param[0]) {
			if (old != POLICY_NONE && policy_surely(p, f))
				continue;                /* dirty, and not the first such */
			if (!policy_dirty(p, f)) {
				old = f;
				break;
			}
			if (old == POLICY_NONE)
				old = f;
		}
		if (now - p->count[f] > now - p->count[oldest])
			oldest = f;
	}
	p->ring[0].first = old != POLICY_NONE ? old : oldest;
	return fifo_victim(p, page);
}

static inline void wsclock_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "circle", each, arg);
}

#endif
