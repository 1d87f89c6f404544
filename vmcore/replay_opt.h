/*
 * replay_opt.h - OPT (Belady 1966): the page whose next use is furthest away goes; of those never used again, the one
 * loaded last.
 *
 * No two pages have their next use at the same place of the trace, so the pages in memory are a set of places, and
 * the victim is the page referenced at the last of them. A hit does nothing at all: when a victim is asked for, the
 * references since the one before are gone through, and those places put into the set that are still to come. Places that
 * have passed are left there: they are never the last while a page of the future is in memory. Pages without a next use
 * are known by the place that loaded them, in a set of its own (count[f] keeps it by frame).
 */
#ifndef VMCORE_REPLAY_OPT_H
#define VMCORE_REPLAY_OPT_H

#include "replay.h"

enum { OPT_NEEDS = POLICY_COUNT | POLICY_FUTURE, OPT_MANY = 16 };

static inline uint32_t opt_frame(struct vm_replay *r, uint64_t at)
{
	return entry_frame(r, *replay_walk(&r->world, r->opt_refs[at]));
}

/* A page whose next use, if any, is still to come was referenced there. */
static inline void opt_note(struct vm_replay *r, uint64_t at)
{
	uint32_t next = r->next_use[at];

	if (next == UINT32_MAX)
		places_add(&r->useless, r->policy.count[opt_frame(r, at)]);
	else
		places_add(&r->needed, next);
}

/* Everything before `now` is noted. No page has gone since the last time. */
static void opt_catch_up(struct vm_replay *r, uint64_t now)
{
	while (r->noted < now) {
		uint64_t end = MIN(r->noted + OPT_MANY, now);
		bool any = end - r->noted < OPT_MANY;

		if (!any)
			for (unsigned k = 0; k < OPT_MANY; k++)
				any |= r->next_use[r->noted + k] >= (uint32_t)now;
		for (; any && r->noted < end; r->noted++)
			if (r->next_use[r->noted] >= now)
				opt_note(r, r->noted);
		r->noted = end;
	}
}

static inline void opt_hit(struct policy *p, uint32_t f)
{
}

static inline void opt_load(struct policy *p, uint32_t f, uint64_t page)
{
	p->count[f] = (uint32_t)p->now;
}

/* The reference at a place tells the page, its entry the frame. */
static inline uint32_t opt_victim(struct policy *p, uint64_t page)
{
	struct vm_replay *r = p->machine;
	uint64_t at;

	opt_catch_up(r, p->now);
	at = places_last(&r->useless);
	if (at != UINT64_MAX) {
		places_remove(&r->useless, at);
	} else {
		at = places_last(&r->needed);
		places_remove(&r->needed, at);
	}
	return opt_frame(r, at);
}

#endif
