/*
 * linux.h - what Linux does (mm/vmscan.c, mm/workingset.c, without cgroups, nodes and batches): active and inactive lists.
 *
 * Anonymous pages and pages of files have two lists each. A page comes to the inactive list. Its oldest goes unless it was used: the
 * first time that is found it goes round once more, the second time it becomes active. When the active list is longer than
 * the inactive one (beyond 1 GiB: sqrt(10 GiB) times), its oldest go back to the inactive list, whatever their bits.
 * A page that comes back after no more evictions than there are active pages becomes active at once (a refault).
 * Files give up pages as long as their inactive list is not too short; else anonymous memory and files share by `swappiness`
 * of 200. Watermarks and kswapd are the machine's: reclaim.c.
 */
#ifndef VMCORE_POLICY_LINUX_H
#define VMCORE_POLICY_LINUX_H

#include "policy.h"

#undef linux                                 /* GCC's own, 1 */

enum { LINUX_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_PAGES | POLICY_BITS | POLICY_GHOSTS };
enum { LINUX_ACTIVE = 1, LINUX_FILE = 2, LINUX_SEEN = 4 }; /* count[f]: the first two are the ring; PG_referenced */

enum { LINUX_CREDIT = 1 };                   /* param[]: what anonymous memory owes, of 200 */

static const struct policy_param linux_params[] = { { "swappiness", 60, 0, 200, false }, { 0 } };

static inline void linux_put(struct policy *p, uint32_t f, uint32_t ring)
{
	p->count[f] = ring;
	ring_add(p, &p->ring[ring], f);
}

static inline void linux_load(struct policy *p, uint32_t f, uint64_t page)
{
	uint32_t ring = policy_is_file(p, f) ? LINUX_FILE : 0, i = ghost_find(&p->ghosts, page);

	if (i != POLICY_NONE) {
		uint32_t away = ((uint32_t)p->ticked - p->ghosts.at[i].stamp) & 0x7fffffff;

		if (away <= p->ring[LINUX_ACTIVE].size + p->ring[LINUX_ACTIVE | LINUX_FILE].size)
			ring |= LINUX_ACTIVE;
		ghost_remove(&p->ghosts, i);
	}
	policy_page_put(p, f, page);
	p->size++;
	linux_put(p, f, ring);
	policy_use(p, f);
}

static inline void linux_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void linux_forget(struct policy *p, uint32_t f)
{
	p->size--;
	ring_remove(p, &p->ring[p->count[f] & 3], f);
}

/* inactive_is_low() */
static inline bool linux_is_low(const struct policy *p, uint32_t kind)
{
	uint64_t inactive = p->ring[kind].size, active = p->ring[kind | LINUX_ACTIVE].size;
	uint64_t gib = (inactive + active) >> 18, ratio = 1;

	while (gib && (ratio + 1) * (ratio + 1) <= 10 * gib)
		ratio++;
	return inactive * ratio < active;
}

/* get_scan_count(): which kind gives up a page? */
static inline uint32_t linux_kind(struct policy *p)
{
	uint32_t anon = p->ring[0].size + p->ring[LINUX_ACTIVE].size;

	if (anon == p->size)
		return 0;
	if (anon == 0 || (p->ring[LINUX_FILE].size > 0 && !linux_is_low(p, LINUX_FILE)))
		return LINUX_FILE;
	p->param[LINUX_CREDIT] += p->param[0];
	if (p->param[LINUX_CREDIT] < 200)
		return LINUX_FILE;
	p->param[LINUX_CREDIT] -= 200;
	return 0;
}

/* folio_check_references() found it used: once more round, or active. */
static inline void linux_look_again(struct policy *p, uint32_t f, uint32_t kind)
{
	bool seen = p->count[f] & LINUX_SEEN;

	linux_put(p, f, seen ? kind | LINUX_ACTIVE : kind);
	if (!seen)
		p->count[f] |= LINUX_SEEN;
}

/* Who is next; where the ghosts of the next pages would be, and that of the page that comes. */
static inline void linux_soon(struct policy *p, uint32_t kind, uint64_t page)
{
	uint32_t f = p->ring[kind].first;

	if (f == POLICY_NONE)
		return;
	ring_soon(p, &p->ring[kind]);
	for (unsigned steps = 1; steps <= 3; steps++, f = p->next[f])
		if (p->ghosts.room && policy_page(p, f) != POLICY_NO_PAGE)
			ghost_soon(&p->ghosts, policy_page(p, f), steps);
	if (p->ghosts.room && page != POLICY_NO_PAGE)
		ghost_soon(&p->ghosts, page, 2);
}

static inline uint32_t linux_victim(struct policy *p, uint64_t page)
{
	uint32_t kind = linux_kind(p), f, again;
	struct policy_scan scan = { 0 }, refill = { 0 };

	if (p->ghosts.room && page != POLICY_NO_PAGE)
		ghost_soon(&p->ghosts, page, 3);
	for (;;) {
		struct policy_ring *inactive = &p->ring[kind], *active = &p->ring[kind | LINUX_ACTIVE];

		while (active->size > 0 && (linux_is_low(p, kind) || inactive->size == 0)) {
			scan_steps(p, &refill, active->first);
			f = ring_pop(p, active);
			policy_unuse(p, f);
			linux_put(p, f, kind);
		}
		f = inactive->first;
		if (!policy_used(p, f))
			break;
		policy_unuse(p, f);
		scan_steps(p, &scan, f);
		ring_remove(p, inactive, f);
		linux_look_again(p, f, kind);
	}
	linux_forget(p, f);
	linux_soon(p, kind, page);
	p->ticked++;
	again = ghost_find(&p->ghosts, policy_page(p, f));      /* a page that another process had under that number */
	if (again != POLICY_NONE)
		ghost_remove(&p->ghosts, again);
	ghost_add(&p->ghosts, 0, policy_page(p, f), (uint32_t)p->ticked);
	ghost_trim(&p->ghosts, 0, p->size);
	return f;
}

static inline void linux_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "inactive_anon", each, arg);
	ring_each(p, &p->ring[LINUX_FILE], "inactive_file", each, arg);
	ring_each(p, &p->ring[LINUX_ACTIVE], "active_anon", each, arg);
	ring_each(p, &p->ring[LINUX_ACTIVE | LINUX_FILE], "active_file", each, arg);
}

#endif
