/*
 * replay_least.h - each frame has a key, the page with the least one goes, and a hit only raises the key of its page.
 *
 * So hits, which are most references, write nothing but the key. Above the keys lie levels of bounds, one for LEAST_FAN
 * below it, that no key is less than: so the way down along the least bounds leads to keys of which the least is the victim's
 * if it is as low as its bound; else the bound is raised, which each hit can cause but once, and the way tried again.
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
};

void least_init(struct least *l, uint32_t frames);
void least_clear(struct least *l);
uint64_t least_bytes(const struct least *l);
/* The frame with the least key, when all have one. */
uint32_t least_victim(struct least *l);
/* References number `now` on, n of them, are to come: their numbers will fit the low halves of keys, `used` of which are in use. */
void least_expect(struct least *l, uint64_t now, uint64_t n, uint32_t used);

/* A key that may be less than the frame had. */
static inline void least_put(struct least *l, uint32_t f, uint64_t key)
{
	l->key[f].all = key;
	for (unsigned k = 0; k < l->levels; k++) {
		uint64_t *bound = &l->bound[k][f /= LEAST_FAN];

		if (*bound <= key)
			return;
		*bound = key;
	}
}

#endif
