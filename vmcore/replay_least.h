/*
 * replay_least.h - each frame has a key, the page with the least one goes, and a hit only raises the key of its page.
 *
 * So hits, which are most references, write nothing but the key. Above the keys lie levels of bounds, one for LEAST_FAN
 * below it, that no key is less than: so the way down along the least bounds leads to keys of which the least is the victim's
 * if it is as low as its bound; else the bound is raised, which each hit can cause but once, and the way tried again.
 *
 * Most victims of lfu are pages that came lately and were not referenced again. So pages wait in a queue at first, in the
 * order they came: as long as nobody else has been referenced only once (`mixed`), the victim is the first such one there.
 * Who is found to have been referenced again, or has to make room, comes under the bounds.
 */
#ifndef VMCORE_REPLAY_LEAST_H
#define VMCORE_REPLAY_LEAST_H

#include "units.h"

#include <glib.h>

enum { LEAST_FAN = 16, LEAST_LEVELS = 8 };

/* As a whole, or in halves. */
union least_key {
	uint64_t all;
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
	struct { uint32_t low, high; };
#else
	struct { uint32_t high, low; };
#endif
};

struct least {
	union least_key *key;        /* by frame */
	uint64_t *bound[LEAST_LEVELS];
	uint32_t  size[LEAST_LEVELS], frames;
	unsigned  levels;
	uint64_t  base;              /* lfu: what numbers are counted from */
	uint32_t *queue;             /* a ring: frames whose keys the bounds do not know of */
	uint32_t  room, first, waiting;
	bool      mixed;             /* keys of pages that were referenced once may be under the bounds */
};

void least_init(struct least *l, uint32_t frames);
void least_clear(struct least *l);
uint64_t least_bytes(const struct least *l);
/* The frame with the least key, when all have one. It has to be put or loaded anew. */
uint32_t least_victim(struct least *l);
/* The frame has a page that is referenced for the first time, now. */
void least_load(struct least *l, uint32_t f, uint64_t now);
/* References number `now` on, n of them, are to come: their numbers will fit the low halves of keys, `used` of which are in use. */
void least_expect(struct least *l, uint64_t now, uint64_t n, uint32_t used);

#endif
