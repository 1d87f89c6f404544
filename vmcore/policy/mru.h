/* mru.h - the page that was referenced last goes: right for loops that are a little too long. */
#ifndef VMCORE_POLICY_MRU_H
#define VMCORE_POLICY_MRU_H

#include "lru.h"

enum { MRU_NEEDS = POLICY_LINKS | POLICY_HITS };

static inline void mru_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
}

static inline void mru_hit(struct policy *p, uint32_t f)
{
	lru_hit(p, f);
}

static inline uint32_t mru_victim(struct policy *p, uint64_t page)
{
	uint32_t f = ring_last(p, &p->ring[0]);

	fifo_forget(p, f);
	return f;
}

static inline void mru_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline void mru_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	uint32_t f = ring_last(p, &p->ring[0]);

	for (uint32_t n = p->size; n > 0; n--, f = p->prev[f])
		each(arg, "recency", f);
}

#endif
