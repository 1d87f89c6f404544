/*
 * replay_lru.h - LRU and LFU of replays: a hit writes nothing but what its frame has.
 *
 * lru ("oldest": the name is another's): the number of the page's last reference. When a victim is asked for, all frames
 * are put in order of these; that order serves until it is used up, since whoever is referenced meanwhile is not the
 * oldest, and known by its number.
 * lfu ("rarest"): a key, the references since the page was loaded and below them the last one's number; see replay_least.h.
 *
 * Numbers have 32 bits; when they are used up, frames are numbered anew in their order.
 */
#ifndef VMCORE_REPLAY_LRU_H
#define VMCORE_REPLAY_LRU_H

#include "replay.h"

enum { OLDEST_NEEDS = POLICY_HITS | POLICY_OWN_HITS | POLICY_ORDER, RAREST_NEEDS = POLICY_HITS | POLICY_OWN_HITS | POLICY_KEYS };
enum { OLDEST_AHEAD = 4 };

static inline void oldest_hit(struct policy *p, uint32_t f)
{
	struct recency *o = &((struct vm_replay *)p->machine)->recency;

	o->number[f] = (uint32_t)(p->now - o->base);
}
static inline void oldest_load(struct policy *p, uint32_t f, uint64_t page)
{
	oldest_hit(p, f);
}
static inline uint32_t oldest_victim(struct policy *p, uint64_t page)
{
	struct recency *o = &((struct vm_replay *)p->machine)->recency;

	for (;;) {
		while (o->at < o->frames) {
			uint32_t f = o->order[o->at++];

			if (o->at + OLDEST_AHEAD < o->frames)
				policy_soon(p, o->order[o->at + OLDEST_AHEAD]);
			if (o->number[f] < o->ordered)
				return f;
		}
		recency_order(o, o->frames);
		o->ordered = (uint32_t)(p->now - o->base);
	}
}

static inline void rarest_load(struct policy *p, uint32_t f, uint64_t page)
{
	struct least *l = &((struct vm_replay *)p->machine)->least;

	least_load(l, f, p->now);
}
static inline void rarest_hit(struct policy *p, uint32_t f)
{
	struct least *l = &((struct vm_replay *)p->machine)->least;
	union least_key *key = &l->key[f];

	if (__builtin_add_overflow(key->high, 1, &key->high))
		key->high = UINT32_MAX;
	key->low = (uint32_t)(p->now - l->base);
}
static inline uint32_t rarest_victim(struct policy *p, uint64_t page)
{
	return least_victim(&((struct vm_replay *)p->machine)->least);
}

#endif
