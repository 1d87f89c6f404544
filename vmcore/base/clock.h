/*
 * clock.h - simulated time: what time it is, and what is to happen when.
 *
 * Time is a number that moves only when it is told to: clock_spend() charges the cost of work,
 * clock_step() jumps to the next timer and fires it. Timers fire in the order (time, order of
 * setting), so a run depends on the calls alone. Idle timers (cache ageing, leases, keepalive) are
 * fired by clock_step() like others, but clock_next_busy() leaves them out: nobody waits for them.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "units.h"

#include <glib.h>

struct timer {
	ns_t     at;       /* when it fires; meaningful while set */
	uint64_t sequence; /* order among timers of one instant */
	size_t   slot;     /* place in the heap plus 1; 0: not set */
	bool     idle;
	void   (*fire)(struct timer *t);
};

struct clock {
	ns_t       now;
	bool       frozen;   /* manual and real time: clock_spend() counts but does not move */
	ns_t       spent;    /* all that clock_spend() was given */
	GPtrArray *heap;     /* struct timer *, owned by who set them */
	uint64_t   sequence;
	size_t     busy;     /* timers set that are not idle, and places reserved */
	size_t     reserved;
};

void clock_init(struct clock *c);
/* No timer may be set any more. */
void clock_clear(struct clock *c);

/* Charges `cost` for work done; moves `now` unless frozen. Never fires a timer. */
static inline void clock_spend(struct clock *c, ns_t cost)
{
	c->spent += cost;
	if (!c->frozen)
		c->now += cost;
}

/* Sets or moves a timer; a time in the past counts as now. `fire` and `idle` are set before. */
void clock_set(struct clock *c, struct timer *t, ns_t at);
/*
 * The same in two steps, for many that follow each other and of which only the first has to be set: a place in the order now,
 * which counts as a timer set that is not idle, and the timer itself at any time before it is due.
 */
uint64_t clock_reserve(struct clock *c);
void clock_set_reserved(struct clock *c, struct timer *t, ns_t at, uint64_t sequence);
void clock_give_back(struct clock *c); /* a place that is not wanted any more */
/* A timer that is not set may be cancelled. */
void clock_cancel(struct clock *c, struct timer *t);
static inline bool timer_is_set(const struct timer *t) { return t->slot != 0; }

/* How many are set or reserved. */
static inline size_t clock_pending(const struct clock *c) { return c->heap->len + c->reserved; }

/* The next timer's time in `*at`; false when none is set. */
bool clock_next(const struct clock *c, ns_t *at);
/* The same among timers that are not idle. Linear in the timers set when idle ones come first. */
bool clock_next_busy(const struct clock *c, ns_t *at);
/* Moves to the next timer and fires it; false when none is set. */
bool clock_step(struct clock *c);
/* Fires all that is due until `until`, then sets now to it; stops after `max` events: false. */
bool clock_run(struct clock *c, ns_t until, uint64_t max);

#endif
