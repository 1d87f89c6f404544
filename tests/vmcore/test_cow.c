/* test_cow.c - copy on write: who shares a page, who copies, who keeps it. */
#include "machine.h"

enum { A = 0x10000000 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 64 * MiB, 0);
	return 0;
}

static int teardown(void **state)
{
	machine_free(*state);
	return 0;
}

static struct vm_proc *writer(struct machine *m, unsigned pages)
{
	struct vm_proc *p = machine_spawn(m, "writer");

	map_anon(p, A, pages * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < pages; i++)
		assert_int_equal(put(p, A + i * PAGE, (uint8_t)(0x40 + i)), 1);
	return p;
}

static void a_store_after_fork_copies_one_page(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 3), *c = machine_fork(p);

	assert_int_equal(page_at(p, A).pfn, page_at(c, A).pfn);
	assert_int_equal(page_at(p, A).maps, 2);
	assert_false(page_at(p, A).flags & VM_PTE_WRITE);
	check_machine(m);
	assert_int_equal(put(c, A, 0x51), 1);
	assert_int_not_equal(page_at(p, A).pfn, page_at(c, A).pfn);
	assert_int_equal(page_at(p, A + PAGE).pfn, page_at(c, A + PAGE).pfn);
	assert_int_equal(get(p, A), 0x40);
	assert_int_equal(get(c, A), 0x51);
	assert_true(page_at(c, A).flags & VM_PTE_WRITE);
	check_machine(m);
}

static void the_last_owner_keeps_the_page_after_one_more_fault(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 3), *c = machine_fork(p);
	pfn_t pfn = page_at(p, A).pfn;

	machine_end(c);
	check_machine(m);
	assert_int_equal(page_at(p, A).maps, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(put(p, A + i * PAGE, 1), 1);
		assert_int_equal(put(p, A + i * PAGE, 1), 0);
	}
	assert_int_equal(page_at(p, A).pfn, pfn);
	assert_int_equal(vm_stats(m->host)->cow_copies, 0);
	check_machine(m);
}

static void three_sharers_part_one_after_the_other(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 4), *c = machine_fork(p), *d = machine_fork(c);

	assert_int_equal(page_at(p, A).maps, 3);
	assert_int_equal(usage_at(d, A).pss >> 12, 4 * (PAGE / 3.0));
	assert_int_equal(put(c, A, 0x60), 1);
	check_machine(m);
	assert_int_equal(page_at(p, A).maps, 2);
	assert_int_equal(page_at(p, A + PAGE).maps, 3);
	assert_int_equal(page_at(c, A + PAGE).maps, 3);
	assert_int_equal(put(d, A, 0x61), 1);
	check_machine(m);
	assert_int_equal(page_at(p, A).maps, 1);
	assert_int_equal(page_at(p, A + PAGE).maps, 3);
	assert_int_equal(put(p, A, 0x62), 1);
	assert_int_equal(vm_stats(m->host)->cow_copies, 2);
	machine_end(p);
	check_machine(m);
	assert_int_equal(page_at(c, A + PAGE).maps, 2);
	assert_int_equal(get(c, A), 0x60);
	assert_int_equal(get(d, A), 0x61);
	machine_end(d);
	check_machine(m);
	assert_int_equal(page_at(c, A + 3 * PAGE).maps, 1);
	assert_int_equal(put(c, A + 3 * PAGE, 0x63), 1);
	check_machine(m);
}

static void a_sharer_of_a_counted_table_may_just_go(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 4), *c = machine_fork(p), *d = machine_fork(p), *f = machine_fork(p);

	assert_int_equal(put(d, A, 0x60), 1);
	assert_int_equal(page_at(f, A + PAGE).maps, 4);
	check_machine(m);
	machine_end(c);
	check_machine(m);
	assert_int_equal(page_at(f, A + PAGE).maps, 3);
	machine_end(f);
	check_machine(m);
	assert_int_equal(page_at(p, A + PAGE).maps, 2);
	machine_end(d);
	check_machine(m);
	assert_int_equal(page_at(p, A + PAGE).maps, 1);
	assert_int_equal(put(p, A + PAGE, 0x61), 1);
	check_machine(m);
}

static void unmapping_a_part_of_a_shared_table_leaves_the_other_side_alone(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 4), *c = machine_fork(p);
	struct err e = { 0 };

	assert_int_equal(vm_munmap(c, A + PAGE, PAGE, &e), 0);
	check_machine(m);
	assert_int_equal(page_at(p, A + PAGE).maps, 1);
	assert_int_equal(page_at(p, A).maps, 2);
	assert_int_equal(get(p, A + PAGE), 0x41);
	assert_int_equal(get(c, A + PAGE), -1);
	assert_int_equal(vm_munmap(p, A, 4 * PAGE, &e), 0);
	check_machine(m);
	assert_int_equal(page_at(c, A).maps, 1);
	assert_int_equal(get(c, A), 0x40);
}

static void protection_of_a_shared_table_is_each_sides_own(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 4), *c = machine_fork(p);
	struct err e = { 0 };

	assert_int_equal(vm_mprotect(c, A, 2 * PAGE, 1, &e), 0);
	check_machine(m);
	assert_int_equal(put(c, A, 1), -1);
	assert_int_equal(get(c, A), 0x40);
	assert_int_equal(vm_mprotect(c, A, 2 * PAGE, 0, &e), 0);
	check_machine(m);
	assert_int_equal(get(c, A), -1);
	assert_int_equal(get(p, A), 0x40);
	assert_int_equal(vm_mprotect(c, A, 2 * PAGE, 3, &e), 0);
	assert_int_equal(get(c, A), 0x40);
	assert_int_equal(put(c, A, 0x70), 1);
	assert_int_equal(get(p, A), 0x40);
	check_machine(m);
}

static void without_sharing_tables_fork_looks_the_same(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 3), *c;
	struct vm_usage shared, copied;

	c = machine_fork(p);
	shared = usage_at(c, A);
	machine_end(c);
	configure(m, "share_tables", 0);
	c = machine_fork(p);
	copied = usage_at(c, A);
	copied.referenced = shared.referenced; /* a copied entry is old, a shared one as old as its other side */
	assert_memory_equal(&shared, &copied, sizeof shared);
	check_machine(m);
}

static void out_of_frames_a_copy_changes_nothing(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = writer(m, 3), *c = machine_fork(p);
	struct vm_memory before, after;
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t byte = 9;
	va_t at;

	assert_int_equal(put(c, A, 1), 1);              /* tables are its own now */
	vm_memory(m->host, &before);
	at = map_anon(p, 0, before.total * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	while (vm_store(p, at, &byte, 1, &out, &e) == 0)
		at += PAGE;
	assert_int_equal(e.code, ENOMEM);
	check_machine(m);
	vm_memory(m->host, &before);
	assert_int_equal(vm_store(c, A + PAGE, &byte, 1, &out, &e), -ENOMEM);
	assert_int_equal(out.faults, 0);
	vm_memory(m->host, &after);
	assert_memory_equal(&before, &after, sizeof before);
	assert_int_equal(get(c, A + PAGE), 0x41);
	assert_int_equal(page_at(c, A + PAGE).pfn, page_at(p, A + PAGE).pfn);
	check_machine(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_store_after_fork_copies_one_page, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_owner_keeps_the_page_after_one_more_fault, setup, teardown),
		cmocka_unit_test_setup_teardown(three_sharers_part_one_after_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_sharer_of_a_counted_table_may_just_go, setup, teardown),
		cmocka_unit_test_setup_teardown(unmapping_a_part_of_a_shared_table_leaves_the_other_side_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(protection_of_a_shared_table_is_each_sides_own, setup, teardown),
		cmocka_unit_test_setup_teardown(without_sharing_tables_fork_looks_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(out_of_frames_a_copy_changes_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
