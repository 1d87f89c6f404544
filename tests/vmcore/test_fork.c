/* test_fork.c - what a child inherits, entry by entry and table by table, and a fork that fails. */
#include "machine.h"

#include "vm_frame.h"

enum { A = 0x10000000, DONTFORK = 10, WIPEONFORK = 18, PAGEOUT = 21 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 32 * MiB, 1 * MiB);
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

static void only_areas_with_written_pages_bring_entries(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct vm_inode *i = make_file(m, "/", "f", 4, 0x20);

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);                          /* only read */
	map_file(p, A + 16 * PAGE, 4 * PAGE, 3, VM_MAP_PRIVATE, i, 0);    /* one page written, one read */
	map_file(p, A + 32 * PAGE, 4 * PAGE, 3, VM_MAP_PRIVATE, i, 0);    /* only read */
	map_file(p, A + 48 * PAGE, 4 * PAGE, 3, VM_MAP_SHARED, i, 0);     /* written */
	get(p, A);
	get(p, A + 16 * PAGE);
	put(p, A + 17 * PAGE, 1);
	get(p, A + 32 * PAGE);
	put(p, A + 48 * PAGE, 2);
	c = machine_fork(p);
	assert_int_equal(page_at(c, A).state, VM_PAGE_NONE);
	assert_int_equal(page_at(c, A + 16 * PAGE).state, VM_PAGE_FILE);
	assert_int_equal(page_at(c, A + 17 * PAGE).state, VM_PAGE_ANON);
	assert_int_equal(page_at(c, A + 32 * PAGE).state, VM_PAGE_NONE);
	assert_int_equal(page_at(c, A + 48 * PAGE).state, VM_PAGE_NONE);
	check_machine(m);
	assert_int_equal(get(c, A + 48 * PAGE), 2);
	assert_int_equal(get(c, A + 17 * PAGE), 1);
}

static void a_shared_table_counts_for_each_process(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct vm_memory before, after;

	map_anon(p, A, 512 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 512; i++)
		put(p, A + i * PAGE, 1);
	vm_memory(m->host, &before);
	c = machine_fork(p);
	vm_memory(m->host, &after);
	assert_int_equal(vm_table_bytes(p), vm_table_bytes(c));
	assert_int_equal(after.tables - before.tables, 3);    /* root and two upper tables; the leaf table is lent */
	assert_int_equal(usage_at(c, A).rss, 512 * PAGE);
	assert_int_equal(usage_at(p, A).pss >> 12, 256 * PAGE);
	assert_int_equal(put(c, A, 2), 1);
	vm_memory(m->host, &after);
	assert_int_equal(after.tables - before.tables, 4);
}

static void eager_fork_copies_at_once(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;

	configure(m, "eager_fork", 1);
	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	c = machine_fork(p);
	assert_int_not_equal(page_at(p, A).pfn, page_at(c, A).pfn);
	check_machine(m);
	assert_int_equal(put(c, A, 8), 0);
	assert_int_equal(put(p, A, 9), 0);
	assert_int_equal(get(c, A), 8);
}

static void advice_keeps_areas_from_the_child(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct err e = { 0 };

	map_anon(p, A, 3 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 3; i++)
		put(p, A + i * PAGE, 5);
	assert_int_equal(vm_madvise(p, A, PAGE, DONTFORK, &e), 0);
	assert_int_equal(vm_madvise(p, A + PAGE, PAGE, WIPEONFORK, &e), 0);
	c = machine_fork(p);
	assert_int_equal(get(c, A), -1);
	assert_int_equal(get(c, A + PAGE), 0);
	assert_int_equal(get(c, A + 2 * PAGE), 5);
	assert_int_equal(put(p, A + PAGE, 6), 0);             /* what the child did not get stays writable */
	assert_int_equal(put(p, A + 2 * PAGE, 6), 1);
}

static void locks_stay_with_the_parent(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct vm_memory mem;
	struct err e = { 0 };

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(vm_mlock(p, A, 2 * PAGE, false, &e), 0);
	c = machine_fork(p);
	assert_int_equal(usage_at(c, A).pss_locked, 0);
	check_machine(m);
	machine_end(p);
	vm_memory(m->host, &mem);
	assert_int_equal(mem.mlocked, 0);
}

static void a_poked_table_is_copied_entry_by_entry(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;
	struct vm_walk w;
	uint64_t entry;

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	put(p, A + PAGE, 8);
	vm_walk_look(p, A, &w);
	entry = w.step[3].pte & ~(uint64_t)1;
	vm_ram_write(m->host, w.step[3].pte_addr, &entry, 8);
	vm_tlb_flush(m->host);
	c = machine_fork(p);
	check_machine(m);
	assert_int_equal(get(c, A), 7);                       /* the OS part's own value went to the child */
}

static void a_fork_that_finds_no_frame_leaves_all_as_it_was(void **state)
{
	struct machine *m = machine_new("x86-64", 32 * MiB, 0); /* no swap: nothing can make room */
	struct vm_proc *p = machine_spawn(m, "p"), *q = machine_spawn(m, "filler");
	struct vm_memory before, after;
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t byte = 1;
	int32_t pid = -1;

	for (unsigned share = 0; share < 2; share++) {
		va_t at;

		configure(m, "share_tables", share);
		map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
		for (unsigned i = 0; i < 4; i++)
			put(p, A + i * PAGE, (uint8_t)(0x30 + i));
		map_anon(q, A, 64 * MiB, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
		for (at = A; vm_store(q, at, &byte, 1, &out, &e) == 0; at += PAGE)
			;
		assert_int_equal(e.code, ENOMEM);
		check_machine(m);
		vm_memory(m->host, &before);
		assert_int_equal(vm_fork(p, &pid, &e), -ENOMEM);
		assert_int_equal(pid, -1);
		check_machine(m);
		vm_memory(m->host, &after);
		assert_memory_equal(&before, &after, sizeof before);
		for (unsigned i = 0; i < 4; i++) {
			assert_int_equal(get(p, A + i * PAGE), 0x30 + i);
			assert_true(put(p, A + i * PAGE, 1) >= 0);
			assert_int_equal(page_at(p, A + i * PAGE).maps, 1);
		}
		assert_int_equal(vm_munmap(q, A, 64 * MiB, &e), 0);
		assert_int_equal(vm_munmap(p, A, 4 * PAGE, &e), 0);
	}
	machine_free(m);
}

static void generations_of_forks_end_in_any_order(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p[6];

	p[0] = machine_spawn(m, "p");
	map_anon(p[0], A, 4 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 4; i++)
		put(p[0], A + i * PAGE, 1);
	for (unsigned i = 1; i < 6; i++) {
		p[i] = machine_fork(p[i - 1]);
		put(p[i], A + i % 4 * PAGE, (uint8_t)(10 + i));
		check_machine(m);
	}
	assert_int_equal(get(p[5], A + PAGE), 15);
	assert_int_equal(get(p[4], A + PAGE), 11);
	for (unsigned i = 0; i < 5; i++) {
		machine_end(p[i * 3 % 5]);
		check_machine(m);
	}
	assert_int_equal(get(p[5], A), 14);
	assert_int_equal(usage_at(p[5], A).private_dirty, 4 * PAGE);
}

/* RAM is full of the parent's pages: the child's tables cost some of them, while they are being copied. */
static void a_fork_evicts_what_it_copies(void **state)
{
	for (unsigned k = 0; k < 2 * 12; k++) {
		struct machine *m = machine_new("x86-64", 64 * PAGE, 64 * PAGE);
		struct vm_proc *p = machine_spawn(m, "p"), *c;
		unsigned pages = 48 + k / 2;

		configure(m, "eager_fork", k % 2);
		map_anon(p, A, pages * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
		for (unsigned i = 0; i < pages; i++)
			assert_true(put(p, A + i * PAGE, (uint8_t)(i + 1)) >= 0);
		c = machine_fork(p);
		check_machine(m);
		for (unsigned i = 0; i < pages; i++)
			assert_int_equal(get(i % 2 ? c : p, A + i * PAGE), i + 1);
		for (unsigned i = 0; i < pages; i++)
			assert_int_equal(get(i % 2 ? p : c, A + i * PAGE), i + 1);
		check_machine(m);
		machine_free(m);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(only_areas_with_written_pages_bring_entries), TEST(a_shared_table_counts_for_each_process),
		TEST(eager_fork_copies_at_once), TEST(advice_keeps_areas_from_the_child), TEST(locks_stay_with_the_parent),
		TEST(a_poked_table_is_copied_entry_by_entry), TEST(a_fork_that_finds_no_frame_leaves_all_as_it_was),
		TEST(generations_of_forks_end_in_any_order), cmocka_unit_test(a_fork_evicts_what_it_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
