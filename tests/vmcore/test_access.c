/* test_access.c - loads, stores, fetches, touches and pushes; a debugger's look. */
#include "machine.h"

enum { A = 0x10000000 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 16 * MiB, 1 * MiB);
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

static void a_store_over_a_page_border_is_two_accesses(void **state)
{
	struct vm_proc *p = machine_spawn(*state, "p");
	struct vm_outcome out;
	struct err e = { 0 };
	char text[11] = { 0 };

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_store(p, A + PAGE - 5, "0123456789", 10, &out, &e), 0);
	assert_int_equal(out.accesses, 2);
	assert_int_equal(out.faults, 2);
	assert_int_equal(vm_load(p, A + PAGE - 5, text, 10, &out, &e), 0);
	assert_string_equal(text, "0123456789");
	assert_int_equal(out.faults, 0);
}

static void a_store_that_runs_off_its_area_has_done_the_pages_before(void **state)
{
	struct vm_proc *p = machine_spawn(*state, "p");
	struct vm_outcome out;
	struct err e = { 0 };

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_store(p, A + PAGE - 2, "abcd", 4, &out, &e), -EFAULT);
	assert_int_equal(out.signal, VM_SEGV_MAPERR);
	assert_int_equal(out.addr, A + PAGE);
	assert_int_equal(get(p, A + PAGE - 1), 'b');
}

static void touch_makes_one_access_a_stride(void **state)
{
	struct vm_proc *p = machine_spawn(*state, "p");
	struct vm_outcome out;
	struct err e = { 0 };

	map_anon(p, A, 8 * PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_touch(p, A, 8 * PAGE, PAGE, VM_WRITE, &out, &e), 0);
	assert_int_equal(out.accesses, 8);
	assert_int_equal(out.faults, 8);
	assert_int_equal(vm_touch(p, A, 8 * PAGE, PAGE / 4, VM_READ, &out, &e), 0);
	assert_int_equal(out.accesses, 32);
	assert_int_equal(vm_touch(p, A, PAGE, 0, VM_READ, &out, &e), -EINVAL);
	assert_int_equal(vm_touch(p, UINT64_MAX - 10, 100, PAGE, VM_READ, &out, &e), -EFAULT);
}

static void a_push_moves_sp_only_when_it_is_done(void **state)
{
	struct vm_proc *p = machine_spawn(*state, "p");
	struct vm_outcome out;
	struct vm_cpu cpu;
	struct err e = { 0 };
	uint64_t value = 0;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	vm_set_sp(p, A + 8);
	assert_int_equal(vm_push(p, 0x1122334455667788, &out, &e), 0);
	vm_cpu(p, &cpu);
	assert_int_equal(cpu.sp, A);
	vm_load(p, A, &value, 8, &out, &e);
	assert_int_equal(value, 0x1122334455667788);
	assert_int_equal(vm_push(p, 1, &out, &e), -EFAULT);
	assert_int_equal(out.addr, A - 8);
	vm_cpu(p, &cpu);
	assert_int_equal(cpu.sp, A);
	assert_int_equal(cpu.fault_addr, A - 8);
}

static void a_look_changes_nothing(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_inode *i = make_file(m, "/", "f", 2, 0x20);
	struct err e = { 0 };
	uint64_t generation;
	uint8_t bytes[4] = { 9, 9, 9, 9 };
	struct vm_stats stats;

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	map_file(p, A + 4 * PAGE, 2 * PAGE, 1, VM_MAP_PRIVATE, i, 0);
	put(p, A, 7);
	put(p, A + PAGE, 8);
	assert_int_equal(vm_madvise(p, A + PAGE, PAGE, 21, &e), 0);
	assert_int_equal(page_at(p, A + PAGE).state, VM_PAGE_SWAPPED);
	generation = vm_host_generation(m->host);
	stats = *vm_stats(m->host);
	assert_int_equal(vm_peek(p, A, bytes, 2), 2);
	assert_int_equal(bytes[0], 7);
	assert_int_equal(vm_peek(p, A + PAGE, bytes, 1), 1);
	assert_int_equal(bytes[0], 8);
	assert_int_equal(vm_peek(p, A + 5 * PAGE, bytes, 1), 1);
	assert_int_equal(bytes[0], 0x21);
	assert_int_equal(vm_peek(p, A + 2 * PAGE - 1, bytes, 4), 1);
	assert_int_equal(vm_peek(p, A + 2 * PAGE, bytes, 4), -EIO);
	assert_int_equal(vm_peek(p, UINT64_MAX, bytes, 4), -EIO);
	assert_int_equal(vm_host_generation(m->host), generation);
	assert_memory_equal(&stats, vm_stats(m->host), sizeof stats);
	assert_int_equal(page_at(p, A + PAGE).state, VM_PAGE_SWAPPED);
}

static void traced_accesses_are_events(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	const struct event *ev;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	ev = journal_at(&m->journal, m->journal.next - 1);
	assert_string_equal(ev->kind->name, "fault");
	assert_string_equal((const char *)(uintptr_t)ev->value[1], "write");
	assert_string_equal((const char *)(uintptr_t)ev->value[3], "zero");
	configure(m, "trace_access", 1);
	get(p, A + 3);
	ev = journal_at(&m->journal, m->journal.next - 1);
	assert_string_equal(ev->kind->name, "access");
	assert_int_equal(ev->value[0], A + 3);
	assert_int_equal(ev->value[1] & (PAGE - 1), 3);
}

static void a_zombie_accesses_nothing(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c = machine_fork(p);
	struct err e = { 0 };
	uint64_t word = 1;
	uint8_t byte;

	assert_int_equal(vm_exit(c, 0, &e), 0);
	assert_int_equal(put(c, A, 1), -1);
	assert_int_equal(vm_peek(c, A, &byte, 1), -EIO);
	vm_pagemap(c, A / PAGE, 1, &word);
	assert_int_equal(word, 0);
	assert_int_equal(vm_set_ptbr(c, 0, &e), -ESRCH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_store_over_a_page_border_is_two_accesses), TEST(a_store_that_runs_off_its_area_has_done_the_pages_before),
		TEST(touch_makes_one_access_a_stride), TEST(a_push_moves_sp_only_when_it_is_done), TEST(a_look_changes_nothing),
		TEST(traced_accesses_are_events), TEST(a_zombie_accesses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
