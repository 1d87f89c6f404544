/* replay_recency.h - frames in the order of their pages' last references. */
#ifndef VMCORE_REPLAY_RECENCY_H
#define VMCORE_REPLAY_RECENCY_H

#include "units.h"

struct recency {
	uint32_t *number;        /* by frame: of the last reference, from `base` on */
	uint32_t *order;         /* the frames, the oldest first, as it was when */
	uint32_t  ordered;       /* this number's turn came; what has been referenced since is out of place */
	uint32_t  at;            /* how many of them are done */
	uint32_t *room;          /* as much again */
	uint32_t  frames;
	uint64_t  base;
};

void recency_init(struct recency *o, uint32_t frames);
void recency_clear(struct recency *o);
uint64_t recency_bytes(const struct recency *o);
/* Puts the first n frames in order. */
void recency_order(struct recency *o, uint32_t n);
/* References number `now` on, n of them, are to come: their numbers will fit. `used`: frames that have one. */
void recency_expect(struct recency *o, uint64_t now, uint64_t n, uint32_t used);

#endif
