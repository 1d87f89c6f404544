/* test_device.c - when transfers start and end. */
#include "machine.h"

#include "device.h"

static struct device make(const char *name, uint64_t slots)
{
	struct device d;

	device_init(&d, vm_device_preset(name), slots, PAGE);
	return d;
}

static void a_head_needs_neither_seek_nor_turn_for_the_next_slot(void **state)
{
	struct device d = make("hdd", 32768);
	struct transfer first = device_transfer(&d, 100, true, 0), next = device_transfer(&d, 101, true, 0);

	assert_int_equal(next.start, first.end);
	assert_in_range(next.end - next.start, 20 * NS_PER_US, 40 * NS_PER_US);
}

static void an_instant_too_late_costs_a_whole_turn(void **state)
{
	struct device d = make("hdd", 32768);
	struct transfer first = device_transfer(&d, 100, false, 0), next = device_transfer(&d, 101, false, first.end + 1000);

	assert_in_range(next.end - next.start, d.model.turn - 30 * NS_PER_US, d.model.turn + 30 * NS_PER_US);
}

static void farther_tracks_take_longer(void **state)
{
	ns_t least = 0;

	for (uint64_t slot = 1000; slot < 4000000; slot *= 4) {
		struct device d = make("hdd", 4000000);

		d.model.turn = 1;                        /* as good as none: the seek alone */
		d.model.bandwidth = 0;
		ns_t took = device_transfer(&d, slot, false, 0).end;

		assert_true(took > least);
		least = took;
	}
	assert_true(least <= 15 * NS_PER_MS + 1);
}

static void channels_wait_side_by_side_and_share_the_bus(void **state)
{
	struct device d = make("nvme", 1000);
	ns_t move = (PAGE * NS_PER_S + d.model.bandwidth - 1) / d.model.bandwidth, end = 0;

	for (unsigned i = 0; i < d.model.channels; i++) {
		struct transfer t = device_transfer(&d, i, false, 0);

		assert_int_equal(t.start, 0);
		assert_int_equal(t.end, d.model.read_latency + (i + 1) * move);
		end = t.end;
	}
	assert_true(device_transfer(&d, 99, false, 0).start > 0);  /* all channels are taken */
	assert_true(device_transfer(&d, 99, false, end + NS_PER_S).start == end + NS_PER_S);
	assert_int_equal(d.reads, d.model.channels + 2);
}

static void no_latency_takes_no_time_and_a_huge_one_does_not_overflow(void **state)
{
	struct vm_device_model m = { .kind = VM_DEVICE_CUSTOM, .channels = 1 };
	struct device d;
	ns_t before = 0;

	device_init(&d, &m, 1000, PAGE);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(device_transfer(&d, i, i & 1, 7).end, 7);
	m.read_latency = m.write_latency = VM_LATENCY_MOST;
	m.bandwidth = 1;
	assert_int_equal(device_check(&m, NULL), 0);
	device_init(&d, &m, 1000, (uint64_t)1 << 30);
	for (unsigned i = 0; i < 20000; i++) {
		struct transfer t = device_transfer(&d, i, true, 0);

		assert_true(t.end >= t.start && t.end >= before && t.end <= INT64_MAX / 2);
		before = t.end;
	}
	m.read_latency++;
	assert_int_equal(device_check(&m, NULL), -ERANGE);
	m = (struct vm_device_model){ .channels = 0 };
	assert_int_equal(device_check(&m, NULL), -ERANGE);
	m.channels = VM_DEVICE_CHANNELS + 1;
	assert_int_equal(device_check(&m, NULL), -ERANGE);
}

/* Whatever is asked in whatever order: time never runs backwards on a channel, and twice the same gives the same. */
static void random_transfers_are_orderly_and_repeat(void **state)
{
	static const char *const names[] = { "hdd", "ssd", "nvme" };
	uint64_t seed = g_getenv("SEED") ? g_ascii_strtoull(g_getenv("SEED"), NULL, 0) : 1;

	print_message("seed %" G_GUINT64_FORMAT "\n", seed);
	for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
		struct device a = make(names[k], 5000), b = make(names[k], 5000);
		ns_t now = 0, busy = 0;
		struct rng r;

		rng_seed(&r, seed, names[k]);
		for (unsigned i = 0; i < 20000; i++) {
			uint64_t slot = rng_below(&r, 5000);
			bool write = rng_below(&r, 2);
			struct transfer t, u;

			now += rng_below(&r, 300) * NS_PER_US;
			t = device_transfer(&a, slot, write, now);
			u = device_transfer(&b, slot, write, now);
			assert_int_equal(t.start, u.start);
			assert_int_equal(t.end, u.end);
			assert_true(t.start >= now && t.end > t.start && t.end <= a.last_end);
			assert_true(t.end - t.start <= 30 * NS_PER_MS);
			busy += t.end - t.start;
		}
		assert_int_equal(busy, a.busy);
		assert_int_equal(a.reads + a.writes, 20000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_needs_neither_seek_nor_turn_for_the_next_slot),
		cmocka_unit_test(an_instant_too_late_costs_a_whole_turn),
		cmocka_unit_test(farther_tracks_take_longer),
		cmocka_unit_test(channels_wait_side_by_side_and_share_the_bus),
		cmocka_unit_test(no_latency_takes_no_time_and_a_huge_one_does_not_overflow),
		cmocka_unit_test(random_transfers_are_orderly_and_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
