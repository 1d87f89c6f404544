/*
 * replay_furthest.h - each frame has a number, and the one with the highest is asked for.
 *
 * Above the numbers lie levels of bounds, each the highest of FURTHEST_FAN below it. Most changes raise a number: they go up only
 * as far as it is the highest.
 */
#ifndef VMCORE_REPLAY_FURTHEST_H
#define VMCORE_REPLAY_FURTHEST_H

#include "units.h"

enum { FURTHEST_FAN = 16, FURTHEST_LEVELS = 8 };

struct furthest {
	uint32_t *at[FURTHEST_LEVELS];   /* by frame; by 16 frames; ... */
	uint32_t  size[FURTHEST_LEVELS];
	unsigned  levels;
};

void furthest_init(struct furthest *s, uint32_t frames);
void furthest_clear(struct furthest *s);
uint64_t furthest_bytes(const struct furthest *s);
/* The frame with the highest number. */
uint32_t furthest_find(const struct furthest *s);
/* Any number in place of the frame's. */
void furthest_put(struct furthest *s, uint32_t f, uint32_t number);

/* One that is not less than it was. */
static inline void furthest_raise(struct furthest *s, uint32_t f, uint32_t number)
{
	s->at[0][f] = number;
	for (unsigned k = 1; k < s->levels; k++) {
		uint32_t *bound = &s->at[k][f /= FURTHEST_FAN];

		if (*bound >= number)
			return;
		*bound = number;
	}
}

#endif
