/*
 * lfu.h - the page with the fewest references goes; among those, the one that was not referenced for the longest time.
 *
 * The count is 1 at the load, one more a hit, and forgotten with the page. Pages of equal count are in one class, a ring in
 * order of their last reference: it is by a reference that a page comes into its class. count[f] is the number of f's class.
 */
#ifndef VMCORE_POLICY_LFU_H
#define VMCORE_POLICY_LFU_H

#include "policy.h"

enum { LFU_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_CLASSES | POLICY_HITS };

/* A class of `value` above class `down` (POLICY_NONE: at the bottom). */
static inline uint32_t lfu_class_new(struct policy_classes *c, uint32_t value, uint32_t down)
{
	uint32_t k, up = down == POLICY_NONE ? c->lowest : c->class[down].up;

	if (c->unused == POLICY_NONE)
		policy_classes_grow(c);
	k = c->unused;
	c->unused = c->class[k].up;
	ring_clear(&c->class[k].ring);
	c->class[k].value = value;
	c->class[k].up = up;
	c->class[k].down = down;
	if (down == POLICY_NONE)
		c->lowest = k;
	else
		c->class[down].up = k;
	if (up != POLICY_NONE)
		c->class[up].down = k;
	return k;
}

static inline void lfu_class_free(struct policy_classes *c, uint32_t k)
{
	uint32_t up = c->class[k].up, down = c->class[k].down;

	if (down == POLICY_NONE)
		c->lowest = up;
	else
		c->class[down].up = up;
	if (up != POLICY_NONE)
		c->class[up].down = down;
	c->class[k].up = c->unused;
	c->unused = k;
}

static inline uint32_t lfu_count(const struct policy *p, uint32_t f)
{
	return p->classes.class[p->count[f]].value;
}

static inline void lfu_load(struct policy *p, uint32_t f, uint64_t page)
{
	struct policy_classes *c = &p->classes;
	uint32_t k = c->lowest;

	if (k == POLICY_NONE || c->class[k].value != 1)
		k = lfu_class_new(c, 1, POLICY_NONE);
	p->count[f] = k;
	p->size++;
	ring_add(p, &c->class[k].ring, f);
}

static inline void lfu_hit(struct policy *p, uint32_t f)
{
	struct policy_classes *c = &p->classes;
	uint32_t k = p->count[f], up = c->class[k].up, value = c->class[k].value;
	bool there = up != POLICY_NONE && c->class[up].value == value + 1;

	if (value == UINT32_MAX) {
		ring_renew(p, &c->class[k].ring, f);
		return;
	}
	if (!there && c->class[k].ring.size == 1) {      /* alone in its class: that moves */
		c->class[k].value++;
		return;
	}
	if (!there)
		up = lfu_class_new(c, value + 1, k);
	ring_remove(p, &c->class[k].ring, f);
	if (c->class[k].ring.size == 0)
		lfu_class_free(c, k);
	p->count[f] = up;
	ring_add(p, &c->class[up].ring, f);
}

static inline void lfu_forget(struct policy *p, uint32_t f)
{
	struct policy_classes *c = &p->classes;
	uint32_t k = p->count[f];

	ring_remove(p, &c->class[k].ring, f);
	if (c->class[k].ring.size == 0)
		lfu_class_free(c, k);
	p->size--;
}

static inline uint32_t lfu_victim(struct policy *p, uint64_t page)
{
	uint32_t f = p->classes.class[p->classes.lowest].ring.first;

	policy_looked(p, f, lfu_count(p, f));
	lfu_forget(p, f);
	if (p->size > 0)
		ring_soon(p, &p->classes.class[p->classes.lowest].ring);
	return f;
}

static inline void lfu_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	for (uint32_t k = p->classes.lowest; k != POLICY_NONE; k = p->classes.class[k].up)
		ring_each(p, &p->classes.class[k].ring, "class", each, arg);
}

#endif
