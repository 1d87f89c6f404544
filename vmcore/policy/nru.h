/*
 * nru.h - not recently used: a page of the lowest class goes: 0 neither used nor modified, 1 modified, 2 used, 3 both.
 *
 * Used bits are cleared every `period` evictions (0: as many as there are pages), which stands for the clock interrupt of
 * textbooks. Of a class, the page that came first goes. Looks at `scan` pages at most, those that came first.
 */
#ifndef VMCORE_POLICY_NRU_H
#define VMCORE_POLICY_NRU_H

#include "fifo.h"

enum { NRU_NEEDS = POLICY_LINKS | POLICY_BITS | POLICY_MODIFIED };

static const struct policy_param nru_params[] = { { "period", 0, 0, UINT32_MAX, true }, { "scan", 128, 1, UINT32_MAX, true }, { 0 } };

static inline void nru_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	policy_use(p, f);
}

static inline void nru_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void nru_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

/* Is it time for the tick? Counts evictions. */
static inline bool policy_ticks(struct policy *p, uint64_t period)
{
	if (++p->ticked <= (period ? period : p->size))
		return false;
	p->ticked = 1;
	return true;
}

static inline uint32_t nru_victim(struct policy *p, uint64_t page)
{
	uint32_t f = p->ring[0].first, best = f;
	struct policy_scan scan = { 0 };
	unsigned lowest = 4;

	if (policy_ticks(p, p->param[0]))
		for (uint32_t n = p->size; n > 0; n--, f = p->next[f]) {
			policy_unuse(p, f);
			scan_steps(p, &scan, f);
		}
	f = p->ring[0].first;
	for (uint64_t n = 0; n < p->size && n < p->param[1] && lowest > 0; n++, f = p->next[f]) {
		uint32_t sure = policy_surely(p, f);
		unsigned class = (sure & POLICY_USED ? 2 : 0) + (sure & POLICY_DIRTY ? 1 : 0);

		if (class >= lowest)
			continue;
		class = policy_used(p, f) ? 2 : 0;
		class += policy_dirty(p, f);
		if (class < lowest) {
			lowest = class;
			best = f;
		}
	}
	fifo_forget(p, best);
	ring_soon(p, &p->ring[0]);
	return best;
}

static inline void nru_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "queue", each, arg);
}

#endif
