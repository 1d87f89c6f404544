/* test_swap.c - slots, and pages on their way out and back. */
#include "machine.h"

#include "swap.h"
#include "vm_policy.h"

enum { A = 0x10000000, PAGEOUT = 21 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 16 * MiB, 16 * PAGE);
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

static uint64_t slots_free(struct machine *m) { return swap_slots_free(m->host->swap); }

static void out(struct vm_proc *p, va_t at, unsigned pages)
{
	struct err e = { 0 };

	assert_int_equal(vm_madvise(p, at, pages * PAGE, PAGEOUT, &e), 0);
}

static void slots_go_lowest_first_and_come_back(void **state)
{
	struct machine *m = *state;
	struct vm_swap_request r = { .bytes = 3 * PAGE + 100, .model = *vm_device_preset("ssd"), .priority = -1 };
	struct swap *s = swap_new(m->host), *before = m->host->swap;
	struct err e = { 0 };
	uint8_t bytes[4096];
	unsigned number;

	m->host->swap = s;
	assert_int_equal(swap_alloc(s), SWAP_NONE);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(swap_slots(s), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(swap_alloc(s), i);
	assert_int_equal(swap_alloc(s), SWAP_NONE);
	assert_true(swap_is_tight(s));
	*frame_store(m->host, 3, 5, 1) = 7;
	swap_write(s, 1, 3);
	swap_retain(s, 1);
	swap_release(s, 1);
	assert_int_equal(vm_swap_peek(m->host, number, 1, 0, bytes, sizeof bytes), sizeof bytes);
	assert_int_equal(bytes[5], 7);
	frame_zero(m->host, 3);
	*frame_store(m->host, 3, 4095, 1) = 9;
	swap_write(s, 1, 3);                             /* what was there before is not seen any more, */
	swap_read(s, 1, 4);                              /* nor brought back */
	assert_int_equal(vm_swap_peek(m->host, number, 1, 0, bytes, sizeof bytes), sizeof bytes);
	assert_memory_equal(bytes, frame_bytes(m->host, 3), sizeof bytes);
	assert_memory_equal(bytes, frame_bytes(m->host, 4), sizeof bytes);
	assert_int_equal(vm_swap_peek(m->host, number, 1, 4, bytes, 2), 2);
	assert_int_equal(bytes[1], 0);
	swap_release(s, 1);
	swap_set_cached(s, 0, 99);
	swap_release(s, 0);
	assert_int_equal(swap_slots_free(s), 1);         /* the cache keeps slot 0 */
	assert_int_equal(swap_alloc(s), 1);
	swap_set_cached(s, 0, PFN_NONE);
	assert_int_equal(swap_alloc(s), 0);
	r.bytes = 100;
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), -EINVAL);
	swap_free(s);
	m->host->swap = before;
}

static void a_page_goes_out_and_comes_back_clean(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_fault_record r = { 0 };
	struct vm_proc_info info;
	uint64_t cursor = 0;

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	put(p, A + PAGE, 8);
	out(p, A, 2);
	assert_int_equal(slots_free(m), 14);
	vm_proc_info(p, &info);
	assert_int_equal(info.rss_anon, 0);
	assert_int_equal(info.vm_swap, 2 * PAGE);
	check_machine(m);
	assert_int_equal(get(p, A), 7);
	while (vm_fault_next(p, &cursor, &r))
		;
	assert_string_equal(r.kind, "major");
	assert_string_equal(r.resolution, "swapin");
	assert_int_equal(usage_at(p, A).private_clean, PAGE);
	assert_int_equal(slots_free(m), 14);             /* kept by the swap cache */
	assert_int_equal(put(p, A, 9), 0);               /* it was exclusive: no second fault */
	out(p, A, 1);
	assert_int_equal(vm_stats(m->host)->swap_outs, 3);
	assert_int_equal(get(p, A), 9);
	out(p, A, 1);                                    /* clean: nothing to write */
	assert_int_equal(vm_stats(m->host)->swap_outs, 3);
}

static void pages_shared_in_swap_come_back_as_one_frame(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c, *d;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	out(p, A, 1);
	c = machine_fork(p);
	d = machine_fork(p);
	assert_int_equal(usage_at(c, A).swap_pss >> 12, PAGE / 3);
	check_machine(m);
	assert_int_equal(get(p, A), 7);
	assert_int_equal(get(c, A), 7);
	assert_int_equal(page_at(p, A).pfn, page_at(c, A).pfn);
	assert_int_equal(page_at(p, A).maps, 2);
	assert_int_equal(vm_stats(m->host)->swap_ins, 1);
	check_machine(m);
	assert_int_equal(put(d, A, 9), 1);               /* swap in and copy, one fault */
	assert_int_not_equal(page_at(d, A).pfn, page_at(c, A).pfn);
	assert_int_equal(get(p, A), 7);
	check_machine(m);
	machine_end(p);
	assert_int_equal(put(c, A, 8), 1);
	assert_int_equal(slots_free(m), 16);             /* the last owner of page and slot keeps the page */
	check_machine(m);
}

/* Nobody maps it for a while, but it is in memory all along: under FIFO it goes first, for it came first. */
static void mapping_a_page_of_the_swap_cache_is_no_load(void **state)
{
	struct machine *m = *state;
	struct vm_policy fifo = { .name = "fifo" };
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct err e = { 0 };

	assert_int_equal(vm_policy_set(m->host, &fifo, &e), 0);
	map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	out(p, A, 1);
	c = machine_fork(p);
	configure(m, "user_frames", 3);
	assert_int_equal(get(p, A), 7);
	put(c, A + PAGE, 1);
	put(c, A + 2 * PAGE, 2);
	machine_end(p);
	assert_int_equal(page_at(c, A).state, VM_PAGE_SWAPPED);
	assert_int_equal(get(c, A), 7);
	assert_int_equal(vm_stats(m->host)->swap_ins, 1);
	put(c, A + 3 * PAGE, 3);
	assert_int_equal(page_at(c, A).state, VM_PAGE_SWAPPED);
	assert_int_equal(page_at(c, A + PAGE).state, VM_PAGE_ANON);
	configure(m, "user_frames", 0);
}

/* kswapd's victim is still being written out when its owner forks: it is not the child's alone when that stores to it. */
static void a_page_on_its_way_out_is_shared_by_a_fork(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	uint64_t free;
	struct err e = { 0 };

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	free = m->host->frames_free;
	assert_int_equal(vm_watermark_set(m->host, free + 1, free + 1, &e), 0);
	assert_int_equal(vm_watermark_set(m->host, 0, 0, &e), 0);
	assert_int_equal(page_at(p, A).state, VM_PAGE_SWAPPED);
	assert_int_equal(m->host->frames_free, free);    /* the frame is busy */
	c = machine_fork(p);
	assert_int_equal(put(c, A, 9), 1);
	check_machine(m);
	assert_int_equal(get(p, A), 7);
	assert_int_equal(get(c, A), 9);
	check_machine(m);
}

static void without_a_free_slot_pages_stay(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	unsigned swapped = 0;

	map_anon(p, A, 20 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 20; i++)
		put(p, A + i * PAGE, (uint8_t)i);
	out(p, A, 20);
	for (unsigned i = 0; i < 20; i++)
		swapped += page_at(p, A + i * PAGE).state == VM_PAGE_SWAPPED;
	assert_int_equal(swapped, 16);
	check_machine(m);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(get(p, A + i * PAGE), i);
}

static void shared_memory_in_swap_leaves_no_entries(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;

	map_anon(p, A, 4 * PAGE, 3, VM_MAP_SHARED);
	put(p, A, 7);
	out(p, A, 4);
	assert_int_equal(page_at(p, A).state, VM_PAGE_NONE);
	assert_int_equal(usage_at(p, A).swap, PAGE);
	c = machine_fork(p);
	assert_int_equal(get(c, A), 7);
	assert_int_equal(usage_at(p, A).swap, 0);
	assert_int_equal(get(p, A), 7);
}

static void dropping_a_swapped_page_frees_its_slot(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct err e = { 0 };

	map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 4; i++)
		put(p, A + i * PAGE, 7);
	out(p, A, 4);
	assert_int_equal(vm_madvise(p, A, PAGE, 4, &e), 0);
	assert_int_equal(slots_free(m), 13);
	c = machine_fork(p);
	assert_int_equal(vm_munmap(p, A + PAGE, PAGE, &e), 0);
	assert_int_equal(slots_free(m), 13);             /* the child has it still */
	machine_end(c);
	assert_int_equal(slots_free(m), 14);
	machine_end(p);
	assert_int_equal(slots_free(m), 16);
}

/* Areas. */

static unsigned on(struct machine *m, uint64_t pages, int priority)
{
	struct vm_swap_request r = { .bytes = pages * PAGE, .model = *vm_device_preset("nvme"), .priority = priority };
	struct err e = { 0 };
	unsigned number = 99;

	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	return number;
}

static struct vm_swap_area area(struct machine *m, unsigned number)
{
	struct vm_swap_area a;

	assert_true(vm_swap_above(m->host, number, &a));
	assert_int_equal(a.number, number);
	return a;
}

static void areas_fill_by_priority_and_equal_ones_in_turn(void **state)
{
	struct machine *m = *state;
	unsigned low = on(m, 4, -1), a = on(m, 3, 7), b = on(m, 3, 7), high = on(m, 2, 9);
	struct swap *s = m->host->swap;
	uint64_t within;

	assert_int_equal(area(m, 0).priority, -2);
	assert_int_equal(area(m, low).priority, -3);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(swap_place(s, swap_alloc(s), &within), high);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(swap_place(s, swap_alloc(s), &within), i % 2 ? b : a);
		assert_int_equal(within, i / 2);
	}
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(swap_place(s, swap_alloc(s), &within), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(swap_place(s, swap_alloc(s), &within), low);
	assert_int_equal(swap_alloc(s), SWAP_NONE);
	for (uint32_t slot = 0; slot < 28; slot++)
		swap_release(s, slot);
}

/* As Linux numbers the areas that name no priority: below all that are on, without holes. */
static void those_below_an_area_that_goes_move_up(void **state)
{
	struct machine *m = *state;
	unsigned a = on(m, 4, -1), b = on(m, 4, -1), high = on(m, 4, 5);
	struct err e = { 0 };

	assert_int_equal(vm_swap_off(m->host, a, &e), 0);
	assert_int_equal(area(m, 0).priority, -2);
	assert_int_equal(area(m, b).priority, -3);
	assert_int_equal(vm_swap_off(m->host, high, &e), 0);
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0);
	assert_int_equal(area(m, b).priority, -2);
	assert_int_equal(area(m, on(m, 4, -1)).priority, -3);
}

static void swapoff_brings_everything_back(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct err e = { 0 };

	map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
	map_anon(p, A + 8 * PAGE, 4 * PAGE, 3, VM_MAP_SHARED);
	for (unsigned i = 0; i < 12; i++)
		put(p, A + i * PAGE, (uint8_t)(i + 1));
	out(p, A, 4);
	c = machine_fork(p);
	out(p, A + 8 * PAGE, 4);
	assert_int_equal(vm_mprotect(c, A + PAGE, PAGE, 0, &e), 0);
	assert_int_equal(get(c, A), 1);
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0);
	check_machine(m);
	assert_false(vm_swap_above(m->host, 0, &(struct vm_swap_area){ 0 }));
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(page_at(p, A + i * PAGE).state == VM_PAGE_SWAPPED, false);
		if (i < 4 || i >= 8)
			assert_int_equal(get(p, A + i * PAGE), i + 1);
	}
	assert_int_equal(get(c, A + PAGE), -1);          /* no access, but there */
	assert_int_equal(vm_mprotect(c, A + PAGE, PAGE, 3, &e), 0);
	assert_int_equal(get(c, A + PAGE), 2);
	assert_int_equal(put(c, A + 2 * PAGE, 9), 1);    /* the frame is shared: a copy */
	assert_int_equal(get(p, A + 2 * PAGE), 3);
	assert_int_equal(vm_swap_off(m->host, 0, &e), -EINVAL);
	on(m, 16, -1);
	out(p, A, 4);
	assert_int_equal(get(p, A), 1);
}

static void swapoff_that_cannot_fit_loses_nothing(void **state)
{
	struct machine *m = machine_new("x86-64", 40 * PAGE, 64 * PAGE);
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };
	unsigned other;

	map_anon(p, A, 60 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(put(p, A + i * PAGE, (uint8_t)i), 1);
	assert_int_equal(vm_swap_off(m->host, 0, &e), -ENOMEM);
	check_machine(m);
	assert_true(e.why[0]);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(get(p, A + i * PAGE), i);
	other = on(m, 64, -1);
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0); /* now it can, into the other one */
	check_machine(m);
	assert_true(area(m, other).used > 0);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(get(p, A + i * PAGE), i);
	machine_free(m);
}

static void an_area_beyond_what_entries_can_name_is_cut(void **state)
{
	struct machine *m = machine_new("sv32", 4 * MiB, 0);
	struct vm_geometry tiny = *vm_geometry_preset("vpn16");
	struct vm_swap_request r = { .bytes = (uint64_t)1 << 50, .model = *vm_device_preset("ssd"), .priority = -1 };
	struct err e = { 0 };
	unsigned number;
	uint64_t named;

	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	named = area(m, number).slots;
	assert_true(named > 0 && named < r.bytes / PAGE);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), -ENOSPC);
	assert_true(strstr(e.why, "can name"));
	assert_int_equal(vm_swap_off(m->host, 0, &e), 0);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(number, 0);
	assert_int_equal(area(m, 0).slots, named);
	assert_int_equal(vm_host_reshape(m->host, &tiny, 0, &e), 0);
	assert_true(area(m, 0).slots > 0);
	check_machine(m);
	machine_free(m);
}

/* A place of the device stays bad, whatever RAM there is and however large a page. */
static void bad_slots_outlive_a_reshape(void **state)
{
	struct machine *m = machine_new("x86-64", 4 * MiB, 0);
	struct vm_geometry same = *vm_geometry_preset("x86-64"), tiny = same;
	struct vm_swap_request r = { .bytes = 8 * PAGE, .model = *vm_device_preset("ssd"), .priority = -1,
				     .bad = { 1, 6 }, .bads = 2 };
	enum { EACH = PAGE / 512 };
	struct vm_slot slots[8 * EACH];
	struct err e = { 0 };
	unsigned number;

	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(vm_host_reshape(m->host, &same, 2 * MiB, &e), 0);
	assert_int_equal(area(m, 0).bad, 2);
	assert_int_equal(swap_slots(m->host->swap), 6);
	assert_int_equal(vm_swap_slots(m->host, 0, slots, 8), 8);
	assert_int_equal(slots[1].state, VM_SLOT_BAD);
	assert_int_equal(slots[6].state, VM_SLOT_BAD);
	check_machine(m);
	g_strlcpy(tiny.name, "custom", sizeof tiny.name);
	tiny.va_bits = tiny.pa_bits = 24;
	tiny.page_bits = 9;
	tiny.levels = 3;
	tiny.index_bits[0] = 3;
	tiny.index_bits[1] = tiny.index_bits[2] = 6;
	tiny.index_bits[3] = 0;
	tiny.sign_extended = false;
	assert_int_equal(vm_host_reshape(m->host, &tiny, 1 * MiB, &e), 0);
	assert_int_equal(area(m, 0).bad, 2 * EACH);
	assert_int_equal(vm_swap_slots(m->host, 0, slots, 8 * EACH), 8 * EACH);
	for (uint64_t i = 0; i < 8 * EACH; i++)
		assert_int_equal(slots[i].state, i / EACH == 1 || i / EACH == 6 ? VM_SLOT_BAD : VM_SLOT_FREE);
	check_machine(m);
	machine_free(m);
}

static void there_are_as_many_areas_as_linux_has(void **state)
{
	struct machine *m = *state;
	struct vm_swap_request r = { .bytes = PAGE, .model = *vm_device_preset("ssd"), .priority = 40000 };
	struct err e = { 0 };
	unsigned number;

	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), -ERANGE);
	r.priority = 32767;
	for (unsigned i = 1; i < SWAP_AREAS; i++)
		assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), -EPERM);
	assert_int_equal(vm_swap_off(m->host, 17, &e), 0);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(number, 17);
}

static void bad_slots_are_never_used(void **state)
{
	struct machine *m = *state;
	struct vm_swap_request r = { .bytes = 8 * PAGE, .model = *vm_device_preset("ssd"), .priority = 9, .bad = { 0, 2, 8 }, .bads = 3 };
	struct err e = { 0 };
	struct vm_slot slots[8];
	struct vm_swap_area a;
	uint32_t got[6];
	unsigned n;

	assert_int_equal(vm_swap_on(m->host, &r, &n, &e), -ERANGE);
	assert_string_equal(e.why, "bad slot 8 is beyond the last, 7");
	r.bad[2] = 2;                                    /* twice is once */
	assert_int_equal(vm_swap_on(m->host, &r, &n, &e), 0);
	assert_true(vm_swap_above(m->host, n, &a));
	assert_int_equal(a.slots, 8);
	assert_int_equal(a.bad, 2);
	assert_int_equal(a.used, 0);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t within;

		got[i] = swap_alloc(m->host->swap);
		assert_int_equal(swap_place(m->host->swap, got[i], &within), n);
		assert_int_equal(within, ((const unsigned[]){ 1, 3, 4, 5, 6, 7 })[i]);
	}
	assert_int_equal(vm_swap_slots(m->host, n, slots, 8), 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(slots[i].state, i == 0 || i == 2 ? VM_SLOT_BAD : VM_SLOT_USED);
	for (unsigned i = 0; i < 6; i++)
		swap_release(m->host->swap, got[i]);
	check_machine(m);
	assert_int_equal(vm_swap_off(m->host, n, &e), 0);
	check_machine(m);
}

static void slots_know_their_owners(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_slot slots[20];
	char byte;

	map_anon(p, A, 3 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 3; i++)
		put(p, A + i * PAGE, (uint8_t)('a' + i));
	out(p, A, 3);
	machine_fork(p);
	get(p, A + PAGE);
	assert_int_equal(vm_swap_slots(m->host, 0, slots, 20), 16);
	assert_int_equal(slots[0].state, VM_SLOT_USED);
	assert_int_equal(slots[0].refs, 2);
	assert_int_equal(slots[1].state, VM_SLOT_CACHED);
	assert_int_equal(slots[1].refs, 1);
	assert_int_equal(slots[1].pfn, page_at(p, A + PAGE).pfn);
	assert_int_equal(slots[2].va, A + 2 * PAGE);
	assert_int_equal(slots[2].writes, 1);
	assert_int_equal(slots[3].state, VM_SLOT_FREE);
	assert_int_equal(slots[3].pid, 0);
	assert_int_equal(vm_swap_peek(m->host, 0, 2, 0, &byte, 1), 1);
	assert_int_equal(byte, 'c');
	assert_int_equal(vm_swap_peek(m->host, 0, 16, 0, &byte, 1), -ENOENT);
	assert_int_equal(vm_swap_peek(m->host, 1, 0, 0, &byte, 1), -ENOENT);
	assert_int_equal(vm_swap_peek(m->host, 0, 2, PAGE, &byte, 1), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(slots_go_lowest_first_and_come_back), TEST(a_page_goes_out_and_comes_back_clean),
		TEST(pages_shared_in_swap_come_back_as_one_frame), TEST(a_page_on_its_way_out_is_shared_by_a_fork),
		TEST(mapping_a_page_of_the_swap_cache_is_no_load),
		TEST(without_a_free_slot_pages_stay),
		TEST(shared_memory_in_swap_leaves_no_entries), TEST(dropping_a_swapped_page_frees_its_slot),
		TEST(areas_fill_by_priority_and_equal_ones_in_turn), TEST(those_below_an_area_that_goes_move_up),
		TEST(swapoff_brings_everything_back),
		TEST(swapoff_that_cannot_fit_loses_nothing), cmocka_unit_test(bad_slots_outlive_a_reshape),
		TEST(an_area_beyond_what_entries_can_name_is_cut),
		TEST(there_are_as_many_areas_as_linux_has), TEST(slots_know_their_owners), TEST(bad_slots_are_never_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
