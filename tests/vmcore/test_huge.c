/* test_huge.c - transparent huge pages: when one comes, what splits it, that nothing is lost. */
#include "machine.h"

#define HUGE (2 * MiB)
enum { A = 0x40000000, HUGEPAGE = 14, PAGEOUT = 21, DONTNEED = 4 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 32 * MiB, 4 * MiB);
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

/* A process with `n` huge pages' worth of memory, the first byte of each small page of the first one its number. */
static struct vm_proc *huge_proc(struct machine *m, unsigned n)
{
	struct vm_proc *p = machine_spawn(m, "huge");
	struct err e = { 0 };

	map_anon(p, A, n * HUGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_madvise(p, A, n * HUGE, HUGEPAGE, &e), 0);
	assert_int_equal(put(p, A + 7 * PAGE, 7), 1);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(put(p, A + i * PAGE, (uint8_t)i), 0);
	check_machine(m);
	return p;
}

static void assert_bytes(struct vm_proc *p, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		assert_int_equal(get(p, A + i * PAGE), (uint8_t)i);
}

static void a_store_brings_a_huge_page_where_it_fits(void **state)
{
	struct vm_proc *p = huge_proc(*state, 2);
	struct vm_usage u = usage_at(p, A);
	struct vm_page page = page_at(p, A + 5 * PAGE);
	uint64_t words[2];

	assert_int_equal(u.anon_huge, HUGE);
	assert_int_equal(u.rss, HUGE);
	assert_int_equal(page.huge_bits, 21);
	assert_int_equal(page.huge_va, A);
	vm_pagemap(p, A / PAGE + 5, 2, words);
	assert_int_equal(words[1] - words[0], 1);
	assert_int_equal(words[0] << 9 >> 9, page.pfn);
	assert_int_equal(page_at(p, A + HUGE).state, VM_PAGE_NONE);
}

static void without_advice_or_room_pages_are_small(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "small");
	struct err e = { 0 };

	map_anon(p, A, HUGE, 3, VM_MAP_PRIVATE);
	put(p, A, 1);
	assert_int_equal(page_at(p, A).huge_bits, 0);
	map_anon(p, A + 4 * HUGE + PAGE, HUGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_madvise(p, A + 4 * HUGE + PAGE, HUGE, HUGEPAGE, &e), 0);
	put(p, A + 4 * HUGE + PAGE, 1);
	assert_int_equal(page_at(p, A + 4 * HUGE + PAGE).huge_bits, 0);
}

static void unmapping_a_part_splits(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1);
	struct err e = { 0 };

	assert_int_equal(vm_munmap(p, A + 3 * PAGE, PAGE, &e), 0);
	check_machine(m);
	assert_int_equal(usage_at(p, A).anon_huge, 0);
	assert_bytes(p, 0, 3);
	assert_bytes(p, 4, 512);
	assert_int_equal(vm_munmap(p, A, HUGE, &e), 0);
	check_machine(m);
}

static void protecting_all_keeps_it_and_a_part_splits(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1);
	struct err e = { 0 };

	assert_int_equal(vm_mprotect(p, A, HUGE, 1, &e), 0);
	assert_int_equal(put(p, A, 1), -1);
	assert_int_equal(usage_at(p, A).anon_huge, HUGE);
	assert_int_equal(vm_mprotect(p, A, HUGE, 3, &e), 0);
	assert_int_equal(put(p, A, 0), 0);
	check_machine(m);
	assert_int_equal(vm_mprotect(p, A + 2 * PAGE, PAGE, 0, &e), 0);
	check_machine(m);
	assert_int_equal(get(p, A + 2 * PAGE), -1);
	assert_bytes(p, 3, 512);
	assert_int_equal(vm_mprotect(p, A + 2 * PAGE, PAGE, 3, &e), 0);
	assert_bytes(p, 0, 512);
}

static void fork_shares_and_a_store_splits(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1), *c = machine_fork(p);

	check_machine(m);
	assert_int_equal(page_at(c, A + PAGE).maps, 2);
	assert_int_equal(usage_at(c, A).anon_huge, HUGE);
	assert_int_equal(put(c, A + PAGE, 99), 1);
	check_machine(m);
	assert_int_equal(usage_at(c, A).anon_huge, 0);
	assert_int_equal(usage_at(p, A).anon_huge, HUGE);
	assert_bytes(p, 0, 512);
	assert_bytes(c, 2, 512);
}

static void eviction_splits(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1);
	struct err e = { 0 };

	assert_int_equal(vm_madvise(p, A, HUGE, PAGEOUT, &e), 0);
	check_machine(m);
	assert_int_equal(usage_at(p, A).swap, HUGE);
	assert_bytes(p, 0, 512);
	assert_int_equal(vm_madvise(p, A, HUGE, DONTNEED, &e), 0);
	assert_int_equal(put(p, A, 1), 1);
	assert_int_equal(usage_at(p, A).anon_huge, HUGE); /* dontneed of all freed the table: it comes back huge */
}

static void moving_keeps_the_bytes(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1);
	struct err e = { 0 };
	va_t to;

	assert_int_equal(vm_mremap(p, A, HUGE, HUGE, VM_REMAP_MAYMOVE | VM_REMAP_FIXED, A + 8 * HUGE, &to, &e), 0);
	check_machine(m);
	assert_int_equal(usage_at(p, to).anon_huge, HUGE);
	for (unsigned i = 0; i < 512; i++)
		assert_int_equal(get(p, to + i * PAGE), (uint8_t)i);
}

static void locking_a_part_and_leaving_needs_no_frame(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = huge_proc(m, 1), *q = machine_spawn(m, "filler");
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t byte = 1;

	assert_int_equal(vm_mlock(p, A + PAGE, PAGE, false, &e), 0); /* two borders of areas inside the huge leaf */
	map_anon(q, A, 64 * MiB, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	for (va_t at = A; vm_store(q, at, &byte, 1, &out, &e) == 0; at += PAGE)
		;
	assert_int_equal(e.code, ENOMEM);
	check_machine(m);
	machine_end(p);
	check_machine(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_store_brings_a_huge_page_where_it_fits), TEST(without_advice_or_room_pages_are_small),
		TEST(unmapping_a_part_splits), TEST(protecting_all_keeps_it_and_a_part_splits),
		TEST(fork_shares_and_a_store_splits), TEST(eviction_splits), TEST(moving_keeps_the_bytes),
		TEST(locking_a_part_and_leaving_needs_no_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
