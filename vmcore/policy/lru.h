/* lru.h - the page that was not referenced for the longest time goes. Exact: each hit moves its page to the end. */
#ifndef VMCORE_POLICY_LRU_H
#define VMCORE_POLICY_LRU_H

#include "fifo.h"

enum { LRU_NEEDS = POLICY_LINKS | POLICY_HITS };

static inline void lru_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
}

static inline void lru_hit(struct policy *p, uint32_t f)
{
	ring_renew(p, &p->ring[0], f);
}

static inline uint32_t lru_victim(struct policy *p, uint64_t page)
{
	return fifo_victim(p, page);
}

static inline void lru_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline void lru_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "recency", each, arg);
}

#endif
