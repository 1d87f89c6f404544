/*
 * replay_opt.h - OPT (Belady 1966): the page whose next use is furthest away goes; of those never used again, the one
 * loaded last.
 *
 * Each frame has its page's next use in a struct furthest. A hit does nothing at all: when a victim is asked for, the
 * references since the one before are gone through, and the next uses that are still to come put down. Those that have passed
 * are left: they are never the highest while all pages have a future. Pages without one are known by the place that loaded
 * them, in a set of such (count[f] keeps it by frame); no two were loaded at the same.
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
	uint32_t next = r->next_use[at], f = opt_frame(r, at);

	if (next == UINT32_MAX)
		places_add(&r->useless, r->policy.count[f]);
	else
		furthest_raise(&r->needed, f, next);
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
	struct vm_replay *r = p->machine;
	uint32_t next = r->next_use[p->now];

	p->count[f] = (uint32_t)p->now;
	furthest_put(&r->needed, f, next == UINT32_MAX ? 0 : next);
	if (next == UINT32_MAX)
		places_add(&r->useless, p->now);
	r->noted += r->noted == p->now;
}

/* The reference at a place tells the page, its entry the frame. */
static inline uint32_t opt_victim(struct policy *p, uint64_t page)
{
	struct vm_replay *r = p->machine;
	uint64_t at;

	opt_catch_up(r, p->now);
	at = places_last(&r->useless);
	if (at == UINT64_MAX)
		return furthest_find(&r->needed);
	places_remove(&r->useless, at);
	return opt_frame(r, at);
}

#endif
