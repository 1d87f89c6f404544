/* test_clock.c - timers fire in order of time, then of setting; time moves only when told to. */
#include "test.h"

#include "clock.h"
#include "rng.h"

static char fired[64];
static struct clock *running;

struct named { struct timer timer; char name; };

static void note(struct timer *t)
{
	size_t n = strlen(fired);

	fired[n] = ((struct named *)t)->name;
	fired[n + 1] = 0;
}

static int setup(void **state)
{
	struct clock *c = calloc(1, sizeof *c);

	clock_init(c);
	fired[0] = 0;
	running = c;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	clock_clear(*state);
	free(*state);
	return 0;
}

static void timers_fire_in_order_of_time_then_of_setting(void **state)
{
	struct clock *c = *state;
	struct named t[4];

	for (int i = 0; i < 4; i++)
		t[i] = (struct named){ .timer.fire = note, .name = (char)('a' + i) };
	clock_set(c, &t[0].timer, 30);
	clock_set(c, &t[1].timer, 10);
	clock_set(c, &t[2].timer, 30);
	clock_set(c, &t[3].timer, 20);
	assert_true(clock_run(c, 100, 1000));
	assert_string_equal(fired, "bdac");
	assert_int_equal(c->now, 100);
}

static void a_cancelled_or_moved_timer_does_not_fire_at_its_old_time(void **state)
{
	struct clock *c = *state;
	struct named a = { .timer.fire = note, .name = 'a' }, b = { .timer.fire = note, .name = 'b' };
	ns_t at;

	clock_set(c, &a.timer, 10);
	clock_set(c, &b.timer, 20);
	clock_set(c, &a.timer, 50);
	clock_cancel(c, &b.timer);
	assert_false(timer_is_set(&b.timer));
	assert_true(clock_next(c, &at));
	assert_int_equal(at, 50);
	clock_cancel(c, &b.timer);
	assert_true(clock_step(c));
	assert_string_equal(fired, "a");
	assert_false(clock_step(c));
}

static void a_reserved_place_is_taken_by_the_timer_that_comes_later(void **state)
{
	struct clock *c = *state;
	struct named t[3];
	uint64_t place;
	ns_t at;

	for (int i = 0; i < 3; i++)
		t[i] = (struct named){ .timer.fire = note, .name = (char)('a' + i) };
	clock_set(c, &t[0].timer, 10);
	place = clock_reserve(c);
	clock_set(c, &t[2].timer, 20);
	assert_int_equal(clock_pending(c), 3);
	assert_true(clock_step(c));
	assert_true(clock_next_busy(c, &at));
	clock_set_reserved(c, &t[1].timer, 20, place);
	assert_int_equal(clock_pending(c), 2);
	assert_true(clock_run(c, 100, 1000));
	assert_string_equal(fired, "abc");
	clock_reserve(c);
	clock_give_back(c);
	assert_int_equal(clock_pending(c), 0);
	assert_false(clock_next_busy(c, &at));
}

static void nobody_waits_for_idle_timers(void **state)
{
	struct clock *c = *state;
	struct named a = { .timer.fire = note, .timer.idle = true, .name = 'a' },
		     b = { .timer.fire = note, .name = 'b' };
	ns_t at;

	clock_set(c, &a.timer, 10);
	assert_false(clock_next_busy(c, &at));
	clock_set(c, &b.timer, 20);
	assert_true(clock_next_busy(c, &at));
	assert_int_equal(at, 20);
	assert_true(clock_run(c, 30, 10));
	assert_string_equal(fired, "ab");
}

static void a_frozen_clock_counts_but_does_not_move(void **state)
{
	struct clock *c = *state;

	clock_spend(c, 5);
	c->frozen = true;
	clock_spend(c, 7);
	assert_int_equal(c->now, 5);
	assert_int_equal(c->spent, 12);
}

static void run_stops_after_so_many_events(void **state)
{
	struct clock *c = *state;
	struct named a = { .timer.fire = note, .name = 'a' }, b = { .timer.fire = note, .name = 'b' };

	clock_set(c, &a.timer, 1);
	clock_set(c, &b.timer, 2);
	assert_false(clock_run(c, 10, 1));
	assert_string_equal(fired, "a");
	assert_int_equal(c->now, 1);
	assert_true(clock_run(c, 10, 1));
}

static ns_t last_time;

static void ascending(struct timer *t)
{
	assert_true(t->at >= last_time);
	assert_int_equal(running->now, t->at);
	last_time = t->at;
}

static void random_sets_and_cancels_fire_in_order(void **state)
{
	struct clock *c = *state;
	static struct timer t[500];
	struct rng r;

	print_message("seed 7\n");
	rng_seed(&r, 7, "clock");
	last_time = 0;
	for (int step = 0; step < 20000; step++) {
		struct timer *x = &t[rng_below(&r, 500)];

		x->fire = ascending;
		switch (rng_below(&r, 4)) {
		case 0: clock_cancel(c, x); break;
		case 1: clock_step(c); break;
		default: clock_set(c, x, c->now + rng_below(&r, 1000)); break;
		}
	}
	while (clock_step(c))
		;
	assert_int_equal(c->busy, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(timers_fire_in_order_of_time_then_of_setting, setup, teardown),
		cmocka_unit_test_setup_teardown(a_cancelled_or_moved_timer_does_not_fire_at_its_old_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reserved_place_is_taken_by_the_timer_that_comes_later, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits_for_idle_timers, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frozen_clock_counts_but_does_not_move, setup, teardown),
		cmocka_unit_test_setup_teardown(run_stops_after_so_many_events, setup, teardown),
		cmocka_unit_test_setup_teardown(random_sets_and_cancels_fire_in_order, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
