/* clock.c - the file `clock`: simulated time, read and moved. */
#include "root.h"
#include "text.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 1000000 };  /* one command fires at most so many */

static const char *const mode_names[] = { "auto", "manual", "real" };

int show_clock(const struct node *n, GString *out, struct err *e)
{
	const struct world *w = n->world;
	ns_t next;

	put_text(out, "now=");
	put_time(out, w->clock.now);
	put_text(out, " mode=");
	put_text(out, mode_names[w->mode]);
	if (w->mode == CLOCK_REAL && w->real_factor != 1)
		g_string_append_printf(out, " x%g", w->real_factor);
	put_text(out, " pending=");
	put_dec(out, clock_pending(&w->clock));
	put_text(out, " next=");
	if (clock_next(&w->clock, &next))
		put_time(out, next);
	else
		put_char(out, '-');
	if (world_is_live(w)) {
		put_text(out, " lag=");
		put_time(out, w->real_lag);
	}
	put_char(out, '\n');
	return 0;
}

static int run_auto(struct call *c, struct err *e)
{
	world_set_mode(c->n->world, CLOCK_AUTO, 1);
	return 0;
}

static int run_manual(struct call *c, struct err *e)
{
	world_set_mode(c->n->world, CLOCK_MANUAL, 1);
	return 0;
}

static int run_real(struct call *c, struct err *e)
{
	double factor = 1;
	char *end;

	if (arg_present(c, 0)) {
		const char *text = c->args[0].text;

		factor = *text == 'x' && g_ascii_isdigit(text[1]) ? g_ascii_strtod(text + 1, &end) : 0;
		if (!(factor > 0) || *end)
			return err_set(e, EINVAL, 0, "'%.20s' is not a factor, as x10 or x0.5", text);
		if (factor > 1e6 || factor < 1e-6)
			return err_set(e, ERANGE, 0, "the factor is from x0.000001 to x1000000");
	}
	world_set_mode(c->n->world, CLOCK_REAL, factor);
	return 0;
}

static int too_much(struct err *e)
{
	return err_set(e, EAGAIN, -1, "stopped after %d events; write it again to go on", EVENTS_MAX);
}

static int run_advance(struct call *c, struct err *e)
{
	struct world *w = c->n->world;
	struct clock *clock = &w->clock;
	ns_t by, to;

	if (!arg_time(c, 0, &by, e))
		return -e->code;
	if (__builtin_add_overflow(clock->now, by, &to) || to > INT64_MAX / 2)
		return err_set(e, ERANGE, 0, "time would end");
	return world_run(w, to, EVENTS_MAX) ? 0 : too_much(e);
}

static int run_step(struct call *c, struct err *e)
{
	uint64_t n = 1;

	if (arg_present(c, 0) && !arg_number(c, 0, &n, e))
		return -e->code;
	if (n > EVENTS_MAX)
		return err_set(e, ERANGE, 0, "at most %d events at once", EVENTS_MAX);
	while (n-- && world_step(c->n->world))
		;
	return 0;
}

static int run_run(struct call *c, struct err *e)
{
	for (unsigned i = 0; i < EVENTS_MAX; i++)
		if (!world_step(c->n->world))
			return 0;
	return too_much(e);
}

const struct command clock_commands[] = {
	{ "auto", "", run_auto, "time moves only while some operation waits for it, as far as that needs" },
	{ "manual", "", run_manual, "time moves only by advance, step and run" },
	{ "real", "[xFACTOR]", run_real, "time follows the clock on the wall, FACTOR times as fast" },
	{ "advance", "T", run_advance, "T later (200ms, 1.5s), firing what is due until then; EAGAIN after a million events: again goes on" },
	{ "step", "[N]", run_step, "to the next event, or N events" },
	{ "run", "", run_run, "until nothing is pending; EAGAIN as above" },
	{ 0 }
};

int store_clock(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(clock_commands, n, line, result, e);
}
