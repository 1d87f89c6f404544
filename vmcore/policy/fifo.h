/* fifo.h - first in, first out: the page that came first goes. A hit changes nothing. */
#ifndef VMCORE_POLICY_FIFO_H
#define VMCORE_POLICY_FIFO_H

#include "policy.h"

enum { FIFO_NEEDS = POLICY_LINKS };

static inline void fifo_load(struct policy *p, uint32_t f, uint64_t page)
{
	p->size++;
	ring_add(p, &p->ring[0], f);
}

static inline void fifo_hit(struct policy *p, uint32_t f)
{
}

static inline uint32_t fifo_victim(struct policy *p, uint64_t page)
{
	uint32_t f = ring_pop(p, &p->ring[0]);

	p->size--;
	ring_soon(p, &p->ring[0]);
	return f;
}

static inline void fifo_forget(struct policy *p, uint32_t f)
{
	p->size--;
	ring_remove(p, &p->ring[0], f);
}

static inline void fifo_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "queue", each, arg);
}

#endif
