/* test_swap_ahead.c - swap readahead: what comes along with a page from swap, what is gained by it, and that it harms nobody. */
#include "machine.h"

#include "page.h"
#include "paging.h"
#include "vm_policy.h"

enum { A = 0x10000000, B = 0x20000000, WILLNEED = 3, PAGEOUT = 21 };

static struct vm_outcome outcome;

static struct machine *live(const char *device, uint64_t readahead)
{
	struct machine *m = machine_with((struct vm_options){ .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = 256 * PAGE,
							      .swap_bytes = 128 * PAGE, .swap_device = device, .cpus = 1,
							      .seed = 1, .serial = 1, .live = true });

	configure(m, "swap_readahead", readahead);
	return m;
}

/* `pages` pages from `at` on, page i in slot i with i + 1 in its first byte, if nothing is in swap yet. */
static struct vm_proc *swapped_out(struct machine *m, va_t at, unsigned pages, unsigned flags)
{
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	map_anon(p, at, pages * PAGE, 3, flags);
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(put(p, at + i * PAGE, (uint8_t)(i + 1)), 1);
	assert_int_equal(vm_madvise(p, at, pages * PAGE, PAGEOUT, &e), 0);
	return p;
}

/* Reads a byte, with the time that this takes. */
static uint8_t wait_for(struct machine *m, struct vm_proc *p, va_t at)
{
	struct err e = { 0 };
	uint8_t byte = 0;

	while (vm_load(p, at, &byte, 1, &outcome, &e) == -EINPROGRESS && outcome.done == 0)
		assert_true(clock_step(&m->clock));
	assert_int_equal(outcome.done, 1);
	return byte;
}

static uint64_t cached_pages(struct machine *m)
{
	struct vm_memory mem;

	vm_memory(m->host, &mem);
	return mem.swap_cached;
}

static const struct event *last_event(struct machine *m, const char *kind)
{
	for (uint64_t seq = m->journal.next; seq-- > journal_oldest(&m->journal);)
		if (strcmp(journal_at(&m->journal, seq)->kind->name, kind) == 0)
			return journal_at(&m->journal, seq);
	return NULL;
}

static void it_is_off_unless_somebody_turns_it_on(void **state)
{
	struct machine *m = machine_new("x86-64", 256 * PAGE, 128 * PAGE);
	struct vm_proc *p = swapped_out(m, A, 8, VM_MAP_PRIVATE);

	assert_int_equal(vm_config(m->host)->swap_readahead, 0);
	assert_int_equal(get(p, A + 3 * PAGE), 4);
	assert_int_equal(vm_stats(m->host)->swap_ins, 1);
	assert_null(last_event(m, "readahead"));
	machine_free(m);
}

static void what_is_no_power_of_two_is_refused(void **state)
{
	struct machine *m = machine_new("x86-64", 256 * PAGE, 128 * PAGE);
	const struct vm_config_row *row = vm_config_rows;
	struct err e = { 0 };

	while (strcmp(row->name, "swap_readahead") != 0)
		row++;
	assert_int_equal(vm_config_set(m->host, row, 3, &e), -EINVAL);
	assert_string_equal(e.why, "swap_readahead is 0 or a power of two, not 3");
	assert_int_equal(vm_config_set(m->host, row, 2048, &e), -ERANGE);
	assert_int_equal(vm_config(m->host)->swap_readahead, 0);
	machine_free(m);
}

/* The aligned window of slots around the one that is missing comes into the swap cache, and nobody waits for the rest of it. */
static void the_slots_around_come_along(void **state)
{
	struct machine *m = live("ssd", 8);
	struct vm_proc *p = swapped_out(m, A, 20, VM_MAP_PRIVATE);
	const struct event *ev;
	struct err e = { 0 };
	uint8_t byte;

	assert_int_equal(vm_load(p, A + 10 * PAGE, &byte, 1, &outcome, &e), -EINPROGRESS);
	assert_int_equal(cached_pages(m), 8);
	assert_true(page_at(p, A + 8 * PAGE).state == VM_PAGE_SWAPPED);
	check_machine(m);
	ev = last_event(m, "readahead");
	assert_non_null(ev);
	assert_int_equal(ev->value[0], A + 10 * PAGE);
	assert_int_equal(ev->value[2], 10);              /* the slot, */
	assert_int_equal(ev->value[3], 8);               /* where its window begins, */
	assert_int_equal(ev->value[4], 8);               /* and how long it is; */
	assert_int_equal(ev->value[5], 4);               /* hits: what Linux begins with */
	assert_int_equal(ev->value[6], 7);
	assert_int_equal(wait_for(m, p, A + 10 * PAGE), 11);
	check_machine(m);
	while (clock_step(&m->clock))
		check_machine(m);
	for (unsigned i = 8; i < 16; i++)
		assert_int_equal(wait_for(m, p, A + i * PAGE), i + 1);
	check_machine(m);
	assert_int_equal(vm_stats(m->host)->major_faults, 1);
	assert_int_equal(page_at(p, A + 9 * PAGE).state, VM_PAGE_ANON);
	assert_int_equal(page_at(p, A + 9 * PAGE).slot, 9);
	assert_int_equal(page_at(p, A).slot, 0);
	assert_int_equal(vm_stats(m->host)->swap_ins, 8);
	assert_int_equal(vm_stats(m->host)->swap_ra, 7);
	assert_int_equal(vm_stats(m->host)->swap_ra_hits, 7);
	machine_free(m);
}

/* Linux's window: as long as it pays, and half of it each time that it does not; alone where faults are apart. */
static void the_window_follows_the_hits(void **state)
{
	static const struct { unsigned page, window; } steps[] = { { 32, 8 }, { 5, 4 }, { 50, 2 }, { 20, 1 }, { 60, 1 }, { 61, 2 } };
	struct machine *m = machine_new("x86-64", 256 * PAGE, 128 * PAGE);
	struct vm_proc *p = swapped_out(m, A, 64, VM_MAP_PRIVATE);
	uint64_t ins = 0;

	configure(m, "swap_readahead", 8);
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++) {
		assert_int_equal(get(p, A + steps[i].page * PAGE), steps[i].page + 1);
		/* of 60 and 61 the first has come by itself */
		assert_int_equal(vm_stats(m->host)->swap_ins - ins, MAX(steps[i].window - (i == 5), 1));
		ins = vm_stats(m->host)->swap_ins;
		check_machine(m);
	}
	assert_int_equal(vm_stats(m->host)->swap_ra_hits, 0);
	machine_free(m);
}

/* One head: slots side by side come with one turn of the platter, those that are asked for one by one cost a turn each. */
static void a_disk_gains_by_it(void **state)
{
	ns_t took[2];

	for (unsigned k = 0; k < 2; k++) {
		struct machine *m = live("hdd", k ? 8 : 0);
		struct vm_proc *p = swapped_out(m, A, 64, VM_MAP_PRIVATE);
		ns_t before = m->clock.now;

		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(wait_for(m, p, A + i * PAGE), i + 1);
		took[k] = m->clock.now - before;
		assert_int_equal(vm_stats(m->host)->swap_ins, 64);
		check_machine(m);
		machine_free(m);
	}
	assert_true(took[0] > 60 * NS_PER_S / 120);
	assert_true(took[1] * 5 < took[0]);
}

static void what_nobody_comes_for_goes_under_any_policy(void **state)
{
	for (unsigned k = 0; vm_policy_name(k); k++) {
		struct vm_policy wanted = { .name = vm_policy_name(k) };
		struct machine *m = machine_new("x86-64", 256 * PAGE, 128 * PAGE);
		struct vm_proc *p = swapped_out(m, A, 16, VM_MAP_PRIVATE);

		if (vm_policy_set(m->host, &wanted, NULL) < 0) {
			machine_free(m);
			continue;
		}
		configure(m, "swap_readahead", 16);
		configure(m, "user_frames", 8);
		map_anon(p, B, 32 * PAGE, 3, VM_MAP_PRIVATE);
		assert_int_equal(get(p, A), 1);
		assert_int_equal(vm_stats(m->host)->swap_ra, 7);
		for (unsigned i = 0; i < 32; i++)
			assert_int_equal(put(p, B + i * PAGE, (uint8_t)(i + 1)), 1);
		check_machine(m);
		for (unsigned i = 0; i < 16; i++)
			assert_int_equal(get(p, A + i * PAGE), i + 1);
		for (unsigned i = 0; i < 32; i++)
			assert_int_equal(get(p, B + i * PAGE), i + 1);
		check_machine(m);
		machine_free(m);
	}
}

static void shared_memory_is_read_ahead_too(void **state)
{
	struct machine *m = live("ssd", 8);
	struct vm_proc *p = swapped_out(m, A, 8, VM_MAP_SHARED);
	uint64_t frames;

	assert_int_equal(wait_for(m, p, A), 1);
	assert_int_equal(cached_pages(m), 7);
	check_machine(m);
	frames = frames_free(m->host);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(wait_for(m, p, A + i * PAGE), i + 1);
	assert_int_equal(frames_free(m->host), frames);
	assert_int_equal(cached_pages(m), 0);
	assert_int_equal(vm_stats(m->host)->swap_ins, 8);
	assert_int_equal(vm_stats(m->host)->major_faults, 1);
	assert_int_equal(vm_stats(m->host)->swap_ra_hits, 7);
	check_machine(m);
	machine_free(m);
}

/* Gone are those who might have come for what is on its way: so is it. */
static void it_outlives_nobody(void **state)
{
	for (unsigned k = 0; k < 4; k++) {
		struct machine *m = live("hdd", 8);
		struct vm_proc *p = swapped_out(m, A, 8, k & 1 ? VM_MAP_SHARED : VM_MAP_PRIVATE);
		struct err e = { 0 };
		uint8_t byte;

		vm_load(p, A + 3 * PAGE, &byte, 1, &outcome, &e);
		if (k & 2)
			clock_step(&m->clock);
		check_machine(m);
		assert_int_equal(vm_kill(p, 9, &e), 0);
		check_machine(m);
		while (clock_step(&m->clock))
			check_machine(m);
		assert_int_equal(cached_pages(m), 0);
		assert_int_equal(swap_slots_free(m->host->swap), 128);
		assert_int_equal(m->host->user_frames, 0);
		machine_free(m);
	}
}

static void swapoff_finds_what_is_on_its_way(void **state)
{
	struct machine *m = live("hdd", 8);
	struct vm_proc *p = swapped_out(m, A, 32, VM_MAP_PRIVATE);
	struct err e = { 0 };
	uint8_t byte;

	assert_int_equal(vm_load(p, A + 3 * PAGE, &byte, 1, &outcome, &e), -EINPROGRESS);
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0);
	check_machine(m);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(wait_for(m, p, A + i * PAGE), i + 1);
	machine_free(m);
}

/* RAM and slots anew while pages that nobody is left for are on their way. */
static void a_reshape_ends_what_is_on_its_way(void **state)
{
	struct machine *m = live("hdd", 8);
	struct vm_proc *p = swapped_out(m, A, 16, VM_MAP_PRIVATE);
	struct err e = { 0 };
	uint8_t byte;

	assert_int_equal(vm_load(p, A + 3 * PAGE, &byte, 1, &outcome, &e), -EINPROGRESS);
	assert_int_equal(vm_kill(p, 9, &e), 0);
	assert_int_equal(vm_host_reshape(m->host, vm_geometry_preset("x86-64"), 128 * PAGE, &e), 0);
	check_machine(m);
	while (clock_step(&m->clock))
		check_machine(m);
	assert_int_equal(frames_free(m->host), 128);
	assert_int_equal(swap_slots_free(m->host->swap), 128);
	machine_free(m);
}

/* Frames that are on their way in for nobody are no lack of memory. */
static void it_costs_nobody_the_frames(void **state)
{
	struct machine *m = live("hdd", 64);
	struct vm_proc *p = swapped_out(m, A, 64, VM_MAP_PRIVATE), *q = machine_spawn(m, "q");
	struct err e = { 0 };
	uint8_t byte = 7;

	map_anon(q, B, PAGE, 3, VM_MAP_PRIVATE);
	configure(m, "user_frames", 4);
	assert_int_equal(vm_load(p, A, &byte, 1, &outcome, &e), -EINPROGRESS);
	assert_int_equal(m->host->user_frames, 4);
	byte = 7;
	while (vm_store(q, B, &byte, 1, &outcome, &e) == -EINPROGRESS && outcome.done == 0) {
		check_machine(m);
		assert_true(clock_step(&m->clock));
	}
	assert_int_equal(wait_for(m, q, B), 7);
	assert_int_equal(wait_for(m, p, A), 1);
	assert_int_equal(vm_stats(m->host)->oom_kills, 0);
	machine_free(m);
}

/* madvise willneed begins to read and returns; who comes later finds it there, however readahead is set. */
static void willneed_begins_to_read(void **state)
{
	for (unsigned k = 0; k < 2; k++) {
		struct machine *m = live("ssd", 0);
		struct vm_proc *p = swapped_out(m, A, 8, k ? VM_MAP_SHARED : VM_MAP_PRIVATE);
		ns_t before = m->clock.now;
		struct err e = { 0 };

		assert_int_equal(vm_madvise(p, A + PAGE, 4 * PAGE, WILLNEED, &e), 0);
		assert_true(m->clock.now - before < NS_PER_US);  /* the call alone */
		assert_int_equal(cached_pages(m), 4);
		assert_int_equal(vm_stats(m->host)->swap_ins, 4);
		check_machine(m);
		while (clock_step(&m->clock))
			check_machine(m);
		for (unsigned i = 1; i < 5; i++)
			assert_int_equal(get(p, A + i * PAGE), i + 1);
		assert_int_equal(vm_stats(m->host)->major_faults, 0);
		assert_int_equal(vm_stats(m->host)->swap_ra, 0); /* no guess */
		assert_int_equal(wait_for(m, p, A), 1);
		assert_int_equal(vm_stats(m->host)->major_faults, 1);
		check_machine(m);
		machine_free(m);
	}
}

static void willneed_of_more_than_there_is_room_for(void **state)
{
	struct machine *m = live("nvme", 8);
	struct vm_proc *p = swapped_out(m, A, 64, VM_MAP_PRIVATE);
	struct err e = { 0 };

	map_anon(p, B, (uint64_t)1 << 40, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	configure(m, "user_frames", 4);
	assert_int_equal(vm_madvise(p, A, 64 * PAGE, WILLNEED, &e), 0);
	assert_int_equal(cached_pages(m), 4);
	check_machine(m);
	assert_int_equal(vm_madvise(p, B, (uint64_t)1 << 40, WILLNEED, &e), 0);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(wait_for(m, p, A + i * PAGE), i + 1);
	check_machine(m);
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_off_unless_somebody_turns_it_on), cmocka_unit_test(what_is_no_power_of_two_is_refused),
		cmocka_unit_test(the_slots_around_come_along), cmocka_unit_test(the_window_follows_the_hits),
		cmocka_unit_test(a_disk_gains_by_it), cmocka_unit_test(what_nobody_comes_for_goes_under_any_policy),
		cmocka_unit_test(shared_memory_is_read_ahead_too), cmocka_unit_test(it_outlives_nobody),
		cmocka_unit_test(swapoff_finds_what_is_on_its_way), cmocka_unit_test(it_costs_nobody_the_frames), cmocka_unit_test(a_reshape_ends_what_is_on_its_way),
		cmocka_unit_test(willneed_begins_to_read), cmocka_unit_test(willneed_of_more_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
