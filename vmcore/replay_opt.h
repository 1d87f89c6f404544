/*
 * replay_opt.h - OPT (Belady 1966): the page whose next use is furthest away goes; of those never used again, the one
 * loaded last.
 *
 * No two pages have their next use at the same place of the trace, so the pages in memory are a set of places, and
 * the victim is the page referenced at the last of them. A place is put into the set when its page is referenced;
 * places that have passed are left there: they are never the last while a page of the future is in memory. Pages
 * without a next use are known by the place that loaded them, in a set of its own (count[f] keeps it by frame).
 */
#ifndef VMCORE_REPLAY_OPT_H
#define VMCORE_REPLAY_OPT_H

#include "replay.h"

enum { OPT_NEEDS = POLICY_COUNT | POLICY_HITS | POLICY_FUTURE };

static inline void opt_hit(struct policy *p, uint32_t f)
{
	struct vm_replay *r = p->machine;
	uint32_t next = r->next_use[p->now];

	if (next == UINT32_MAX)
		places_add(&r->useless, p->count[f]);
	else
		places_add(&r->needed, next);
}

/* A hit of a page wherever it is; false: its frame matters. */
static inline bool opt_knows(struct vm_replay *r, uint64_t now)
{
	uint32_t next = r->next_use[now];

	if (next == UINT32_MAX)
		return false;
	places_add(&r->needed, next);
	return true;
}

static inline void opt_load(struct policy *p, uint32_t f, uint64_t page)
{
	p->count[f] = (uint32_t)p->now;
	opt_hit(p, f);
}

/* The reference at a place tells the page, its entry the frame. */
static inline uint32_t opt_victim(struct policy *p, uint64_t page)
{
	struct vm_replay *r = p->machine;
	uint64_t at = places_last(&r->useless);

	if (at != UINT64_MAX) {
		places_remove(&r->useless, at);
	} else {
		at = places_last(&r->needed);
		places_remove(&r->needed, at);
	}
	return entry_frame(r, *replay_walk(&r->world, r->opt_refs[at]));
}

#endif
