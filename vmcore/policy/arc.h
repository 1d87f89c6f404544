/*
 * arc.h - ARC, the adaptive replacement cache (Megiddo, Modha: FAST 2003).
 *
 * t1 holds pages seen once lately, t2 those seen at least twice, both in order of recency; b1 and b2 remember as many that
 * have left them. A page that comes back from b1 says that t1 is too short, one from b2 that it is too long: that moves the
 * target p for t1's length, by the ratio of the ghost lists, at least 1; p is no whole number. The victim is t1's
 * oldest when t1 is longer than p, else t2's.
 */
#ifndef VMCORE_POLICY_ARC_H
#define VMCORE_POLICY_ARC_H

#include "policy.h"

enum { ARC_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_PAGES | POLICY_GHOSTS | POLICY_HITS };

static const struct policy_param arc_params[] = { { "p", 0, 0, UINT32_MAX, true }, { 0 } };

static inline void arc_load(struct policy *p, uint32_t f, uint64_t page)
{
	uint32_t t = ghost_return(p, page) != POLICY_NONE;

	policy_page_put(p, f, page);
	p->count[f] = t;
	p->size++;
	ring_add(p, &p->ring[t], f);
}

static inline void arc_hit(struct policy *p, uint32_t f)
{
	if (p->count[f] == 1) {
		ring_renew(p, &p->ring[1], f);
		return;
	}
	ring_remove(p, &p->ring[0], f);
	p->count[f] = 1;
	ring_add(p, &p->ring[1], f);
}

static inline void arc_forget(struct policy *p, uint32_t f)
{
	p->size--;
	ring_remove(p, &p->ring[p->count[f]], f);
}

/* The parameter p is where it begins. */
static inline double arc_target(const struct policy *p)
{
	return (double)p->param[0] + p->moved;
}

static inline void arc_set_target(struct policy *p, double target)
{
	target = target < 0 ? 0 : target > p->size ? p->size : target;
	p->moved = target - (double)p->param[0];
}

/* A page came back from the list of ghosts that remembers so many, while the other one has so many. */
static inline double arc_step(uint32_t came_back, uint32_t other)
{
	return other > came_back ? (double)other / came_back : 1;
}

static inline uint32_t arc_replace(struct policy *p, bool from_b2)
{
	double t1 = p->ring[0].size, target = arc_target(p);
	bool first = t1 > 0 && (t1 > target || (from_b2 && t1 == target) || p->ring[1].size == 0);
	uint32_t f = p->ring[!first].first;

	ghost_add(&p->ghosts, !first, policy_page(p, f), 0);
	arc_forget(p, f);
	ring_soon(p, &p->ring[!first]);
	return f;
}

static inline uint32_t arc_victim(struct policy *p, uint64_t page)
{
	uint32_t c = p->size, b1 = p->ghosts.list[0].size, b2 = p->ghosts.list[1].size;
	bool again = p->back_page == page && page != POLICY_NO_PAGE; /* the last victim for it could not go */
	uint32_t back = ghost_expect(p, page), t1 = p->ring[0].size;
	uint32_t f;

	if (again)
		return arc_replace(p, back == 1);
	if (back == 0) {
		arc_set_target(p, arc_target(p) + arc_step(b1, b2));
	} else if (back == 1) {
		arc_set_target(p, arc_target(p) - arc_step(b2, b1));
	} else if (t1 >= c) {                            /* all of L1 is in memory: nothing remembers this one */
		f = p->ring[0].first;
		arc_forget(p, f);
		ring_soon(p, &p->ring[0]);
		ghost_trim(&p->ghosts, 0, 0);
		return f;
	} else if (t1 + b1 >= c) {
		ghost_trim(&p->ghosts, 0, c - t1 - 1);
	} else if (b1 + b2 >= c) {
		ghost_trim(&p->ghosts, 1, c - b1 - 1);
	}
	return arc_replace(p, back == 1);
}

static inline void arc_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "t1", each, arg);
	ring_each(p, &p->ring[1], "t2", each, arg);
}

#endif
