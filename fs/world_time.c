/* world_time.c - how simulated time goes on: by steps, with the clock on the wall, and who is let try after each. */
#include "bridge.h"
#include "daemon.h"
#include "job.h"
#include "record.h"
#include "serve.h"
#include "vm_policy.h"
#include "world.h"

enum { TICK_EVENTS = 10000, BATCH_EVENTS = 64 };
#define LEAD (100 * NS_PER_US)               /* mode real: what is due so soon is done at once */
#define BATCH_TIME (20 * NS_PER_US)          /* and what is due in so short a time together */
#define TURN_TIME NS_PER_MS                  /* real time that one turn may take, */
#define TURN_TIME_PRESSED (200 * NS_PER_US)  /* and when somebody waits for an answer */
#define CATCH_UP (50 * NS_PER_MS)            /* real time that is made up for; what is more is lost */
#define VICTIM_PATIENCE (5 * NS_PER_S)       /* real time that policy external has for an answer */

/* `some`: what the servers have to do may be left over for the next time, when it takes long. */
static void let_try(struct world *w, bool some)
{
	/* What waits has its own request and its own answer; whoever lets time run goes on with his afterwards. */
	struct job *job = w->job;
	pid_t reader = w->reader;
	bool nonblock = w->nonblock, raw = w->raw_result, whole = true;

	while (whole && w->tried != w->generation) {
		w->tried = w->generation;
		whole = servers_try(w, some);
		daemons_try(w);
		jobs_try(w);
		if (w->try_requests)
			w->try_requests(w->try_arg);
	}
	if (bridge_busy(w))
		bridge_pump(w);
	w->job = job;
	w->reader = reader;
	w->nonblock = nonblock;
	w->raw_result = raw;
}

void world_try(struct world *w)
{
	let_try(w, false);
}

void world_try_some(struct world *w)
{
	let_try(w, bridge_is_open(w));
}

bool world_step(struct world *w)
{
	if (!clock_step(&w->clock))
		return false;
	world_changed(w);
	world_try(w);
	return true;
}

bool world_run(struct world *w, ns_t until, uint64_t most)
{
	ns_t at;

	while (clock_next(&w->clock, &at) && at <= until) {
		if (most-- == 0)
			return false;
		world_step(w);
	}
	return clock_run(&w->clock, until, 0);
}

bool world_victim_wanted(const struct world *w)
{
	for (guint i = 0; i < w->hosts->len; i++)
		if (vm_victim_wanted(((struct host *)w->hosts->pdata[i])->vm))
			return true;
	return false;
}

void world_victim_give_up(struct world *w, struct host *h)
{
	record_victim(w, h->name);
	vm_victim_give_up(h->vm);
	world_changed(w);
}

ns_t world_victims(struct world *w, ns_t now)
{
	ns_t next = 0;

	for (guint i = 0; i < w->hosts->len; i++) {
		struct host *h = w->hosts->pdata[i];

		if (!vm_victim_wanted(h->vm))
			continue;
		if (h->victim_asked != vm_victim_number(h->vm)) {
			h->victim_asked = vm_victim_number(h->vm);
			h->victim_since = now;
		}
		if (now >= h->victim_since + VICTIM_PATIENCE) {
			world_victim_give_up(w, h);
			continue;
		}
		next = next ? MIN(next, h->victim_since + VICTIM_PATIENCE) : h->victim_since + VICTIM_PATIENCE;
	}
	return next;
}

bool world_is_live(const struct world *w)
{
	return w->mode == CLOCK_REAL || (w->mode == CLOCK_AUTO && bridge_is_open(w));
}

void world_follow(struct world *w)
{
	bool frozen = w->mode != CLOCK_AUTO || world_is_live(w);

	if (frozen != w->clock.frozen)
		w->real_base = 0;
	w->clock.frozen = frozen;
}

void world_set_mode(struct world *w, enum clock_mode mode, double factor)
{
	w->mode = mode;
	w->real_factor = factor;
	w->real_base = 0;
	world_follow(w);
}

/* Events that are close to each other, then whoever waited for any of them. */
static uint64_t run_batch(struct world *w, ns_t until)
{
	uint64_t n = 0;
	ns_t at, end;

	clock_next(&w->clock, &at);
	for (end = MIN(at + BATCH_TIME, until); n < BATCH_EVENTS && clock_next(&w->clock, &at) && at <= end; n++)
		clock_step(&w->clock);
	world_changed(w);
	world_try_some(w);
	return n;
}

bool world_is_due(const struct world *w)
{
	ns_t at;

	return world_is_live(w) && clock_next(&w->clock, &at) && at <= MAX(w->due, w->clock.now + (ns_t)(LEAD * w->real_factor));
}

/* Simulated time at a real one. */
static ns_t live_time(const struct world *w, ns_t now)
{
	return w->real_start + (ns_t)((double)(now - w->real_base) * w->real_factor);
}

/* What cannot be made up for is lost: time runs slower rather than dropping events. */
static void fall_behind(struct world *w, ns_t to)
{
	ns_t most = (ns_t)(CATCH_UP * w->real_factor), lost;

	if (to <= w->clock.now + most)
		return;
	lost = to - w->clock.now - most;
	w->real_base += (ns_t)((double)lost / w->real_factor);
	w->real_lag += lost;
}

bool world_turn_over(const struct world *w, ns_t start)
{
	ns_t spent = w->wall ? w->wall() - start : 0;

	return spent > TURN_TIME || (spent > TURN_TIME_PRESSED && w->pressing && w->pressing(w->changed_user));
}

bool world_advance(struct world *w, ns_t to, ns_t until, ns_t now)
{
	uint64_t n = 0;
	ns_t at;

	/* Steps in which nothing happens have no record: a replay knows of none. */
	if (clock_next(&w->clock, &at) && at <= until)
		w->due = until;
	while (clock_next(&w->clock, &at) && at <= until) {
		if (n >= TICK_EVENTS || (n > 0 && record_break(w, "time", n, world_turn_over(w, now))))
			return false;
		n += run_batch(w, until);
	}
	if (to > w->clock.now) {
		w->clock.now = to;
		world_changed(w);
	}
	return true;
}

/* A step in which nothing happens, and for which nobody waits, leaves no record: the next one tells the time. */
static bool happens(const struct world *w, ns_t until)
{
	ns_t next;

	return (clock_next(&w->clock, &next) && next <= until) || record_waits(w);
}

bool world_tick(struct world *w, ns_t now)
{
	ns_t to, until;

	if (!world_is_live(w))
		return false;
	if (w->real_base == 0) {
		w->real_base = now;
		w->real_start = w->clock.now;
		w->real_lag = 0;
	}
	to = live_time(w, now);
	until = to + (ns_t)(LEAD * w->real_factor);
	if (w->record && happens(w, until))
		record_time(w, to, until);
	if (world_advance(w, to, until, now))
		return false;
	fall_behind(w, to);
	return true;
}

ns_t world_wake(const struct world *w, ns_t now)
{
	ns_t at;

	if (!world_is_live(w) || !clock_next(&w->clock, &at))
		return 0;
	if (w->real_base == 0 || at <= w->real_start)
		return now;
	/* A little late, so that what comes soon after it is done in the same turn. */
	return MAX(w->real_base + (ns_t)((double)(at - w->real_start) / w->real_factor) - LEAD, now) + LEAD / 2;
}
