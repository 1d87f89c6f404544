/*
 * aging.h - a counter of 8 bits a page, which ages: at each tick it is halved and the used bit comes in at the top.
 *
 * The page with the lowest counter goes; of equals, the one that has had that counter for longer (a tick goes through the
 * counters from the lowest up, so of those that become equal the one that had less before stands first). A tick comes every
 * `period` evictions (0: as many as there are pages). A new page starts with 128, as if it had been used in the tick before.
 * Pages of equal counter are in one ring: class[counter], all 256 of which exist.
 */
#ifndef VMCORE_POLICY_AGING_H
#define VMCORE_POLICY_AGING_H

#include "nru.h"

enum { AGING_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_BITS | POLICY_CLASSES | POLICY_FRESH_UNUSED };
enum { AGING_NEW = 128, AGING_VALUES = 256 };

static const struct policy_param aging_params[] = { { "period", 0, 0, UINT32_MAX, true }, { 0 } };

static inline uint32_t aging_count(const struct policy *p, uint32_t f)
{
	return p->count[f];
}

static inline void aging_put(struct policy *p, uint32_t f, uint32_t value)
{
	p->count[f] = value;
	ring_add(p, &p->classes.class[value].ring, f);
}

static inline void aging_load(struct policy *p, uint32_t f, uint64_t page)
{
	if (p->classes.room < AGING_VALUES) {
		while (p->classes.room < AGING_VALUES)
			policy_classes_grow(&p->classes);
		for (uint32_t k = 0; k < AGING_VALUES; k++)
			ring_clear(&p->classes.class[k].ring);
	}
	aging_put(p, f, AGING_NEW);
	p->size++;
	policy_unuse(p, f);
}

static inline void aging_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void aging_forget(struct policy *p, uint32_t f)
{
	ring_remove(p, &p->classes.class[p->count[f]].ring, f);
	p->size--;
}

static inline void aging_tick(struct policy *p)
{
	struct policy_ring old[AGING_VALUES];
	struct policy_scan scan;

	for (uint32_t k = 0; k < AGING_VALUES; k++) {
		old[k] = p->classes.class[k].ring;
		ring_clear(&p->classes.class[k].ring);
	}
	for (uint32_t k = 0; k < AGING_VALUES; k++) {
		scan = (struct policy_scan){ 0 };
		for (uint32_t f = old[k].first, next; old[k].size > 0; old[k].size--, f = next) {
			scan_steps(p, &scan, f);
			next = p->next[f];
			aging_put(p, f, k >> 1 | (policy_used(p, f) ? 128 : 0));
			policy_unuse(p, f);
		}
	}
}

static inline uint32_t aging_victim(struct policy *p, uint64_t page)
{
	uint32_t k = 0, f;

	if (policy_ticks(p, p->param[0]))
		aging_tick(p);
	while (p->classes.class[k].ring.size == 0)
		k++;
	f = p->classes.class[k].ring.first;
	policy_looked(p, f, k);
	aging_forget(p, f);
	ring_soon(p, &p->classes.class[k].ring);
	return f;
}

static inline void aging_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	for (uint32_t k = 0; k < AGING_VALUES && p->classes.room; k++)
		ring_each(p, &p->classes.class[k].ring, "class", each, arg);
}

#endif
