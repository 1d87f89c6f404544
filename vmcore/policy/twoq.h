/*
 * twoq.h - 2Q, the full version (Johnson, Shasha: VLDB 1994): a page must come back before it counts as often used.
 *
 * New pages go through a short queue (in); hits there change nothing. Those that leave it are remembered for a while as
 * ghosts (out). A page that comes while it is remembered goes to the main list, which is LRU. A victim is taken from the
 * queue while that holds more than `in` per cent of all pages, else from the main list. `out` per cent are remembered.
 */
#ifndef VMCORE_POLICY_TWOQ_H
#define VMCORE_POLICY_TWOQ_H

#include "policy.h"

enum { TWOQ_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_PAGES | POLICY_GHOSTS | POLICY_HITS };
enum { TWOQ_IN, TWOQ_MAIN };                 /* rings; count[f] says which */

static const struct policy_param twoq_params[] = { { "in", 25, 1, 99, false }, { "out", 50, 0, 1000, false }, { 0 } };

static inline void twoq_load(struct policy *p, uint32_t f, uint64_t page)
{
	uint32_t ring = ghost_return(p, page) == POLICY_NONE ? TWOQ_IN : TWOQ_MAIN;

	policy_page_put(p, f, page);
	p->count[f] = ring;
	p->size++;
	ring_add(p, &p->ring[ring], f);
}

static inline void twoq_hit(struct policy *p, uint32_t f)
{
	if (p->count[f] == TWOQ_MAIN)
		ring_renew(p, &p->ring[TWOQ_MAIN], f);
}

static inline void twoq_forget(struct policy *p, uint32_t f)
{
	p->size--;
	ring_remove(p, &p->ring[p->count[f]], f);
}

static inline uint32_t twoq_victim(struct policy *p, uint64_t page)
{
	uint64_t most_in = p->size * p->param[0] / 100, most_out = p->size * p->param[1] / 100;
	uint32_t f;

	ghost_expect(p, page);
	if (p->ring[TWOQ_IN].size <= most_in && p->ring[TWOQ_MAIN].size > 0) {
		f = p->ring[TWOQ_MAIN].first;
	} else {
		f = p->ring[TWOQ_IN].first;
		ghost_add(&p->ghosts, 0, policy_page(p, f), 0);
		ghost_trim(&p->ghosts, 0, (uint32_t)most_out);
	}
	twoq_forget(p, f);
	ring_soon(p, &p->ring[p->count[f]]);
	return f;
}

static inline void twoq_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[TWOQ_IN], "in", each, arg);
	ring_each(p, &p->ring[TWOQ_MAIN], "main", each, arg);
}

#endif
