/* test_swap.c - slots, and pages on their way out and back. */
#include "machine.h"

#include "swap.h"

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
	unsigned number;

	m->host->swap = s;
	assert_int_equal(swap_alloc(s), SWAP_NONE);
	assert_int_equal(vm_swap_on(m->host, &r, &number, &e), 0);
	assert_int_equal(swap_slots(s), 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(swap_alloc(s), i);
	assert_int_equal(swap_alloc(s), SWAP_NONE);
	assert_true(swap_is_tight(s));
	swap_bytes(s, 1)[5] = 7;
	swap_retain(s, 1);
	swap_release(s, 1);
	assert_int_equal(swap_bytes(s, 1)[5], 7);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(slots_go_lowest_first_and_come_back), TEST(a_page_goes_out_and_comes_back_clean),
		TEST(pages_shared_in_swap_come_back_as_one_frame), TEST(without_a_free_slot_pages_stay),
		TEST(shared_memory_in_swap_leaves_no_entries), TEST(dropping_a_swapped_page_frees_its_slot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
