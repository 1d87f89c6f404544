/* test_page.c - what system calls do to entries: tables that go, pages that move, stale translations, views. */
#include "machine.h"

enum { A = 0x40000000, DONTNEED = 4, FREE = 8, PAGEOUT = 21, POPULATE_WRITE = 23 };

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

static uint64_t tables(struct vm_proc *p) { return vm_table_bytes(p) / PAGE - 1; }

static void dontneed_of_a_whole_table_frees_it_and_of_a_part_does_not(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	map_anon(p, A, 4 * MiB, 3, VM_MAP_PRIVATE);
	put(p, A, 1);
	put(p, A + 2 * MiB, 1);
	assert_int_equal(tables(p), 4);
	assert_int_equal(vm_madvise(p, A, 2 * MiB - PAGE, DONTNEED, &e), 0);
	assert_int_equal(tables(p), 4);
	assert_int_equal(vm_madvise(p, A, 2 * MiB, DONTNEED, &e), 0);
	assert_int_equal(tables(p), 3);
	check_machine(m);
	assert_int_equal(vm_munmap(p, A, 4 * MiB, &e), 0);
	assert_int_equal(tables(p), 0);
}

static void moving_makes_and_frees_tables(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };
	va_t to = 0x8000000000, at;

	map_anon(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 3; i++)
		put(p, A + i * PAGE, (uint8_t)(1 + i));
	assert_int_equal(vm_madvise(p, A + PAGE, PAGE, PAGEOUT, &e), 0);
	assert_int_equal(vm_mremap(p, A, 4 * PAGE, 4 * PAGE, VM_REMAP_MAYMOVE | VM_REMAP_FIXED, to, &at, &e), 0);
	assert_int_equal(tables(p), 3);
	check_machine(m);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(get(p, to + i * PAGE), 1 + i);
	assert_int_equal(get(p, A), -1);
}

static void a_lazily_freed_page_is_clean_until_it_is_written(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	map_anon(p, A, 3 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 3; i++)
		put(p, A + i * PAGE, 7);
	assert_int_equal(vm_madvise(p, A, 2 * PAGE, FREE, &e), 0);
	assert_int_equal(usage_at(p, A).lazyfree, 2 * PAGE);
	assert_int_equal(usage_at(p, A).private_clean, 2 * PAGE);
	put(p, A, 8);
	assert_int_equal(vm_madvise(p, A, 3 * PAGE, PAGEOUT, &e), 0);
	check_machine(m);
	assert_int_equal(get(p, A), 8);                       /* written: kept */
	assert_int_equal(get(p, A + PAGE), 0);                /* given up */
	assert_int_equal(get(p, A + 2 * PAGE), 7);            /* swapped */
}

static void populate_stops_where_it_cannot_go_on(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_inode *i = make_file(m, "/", "f", 2, 0x20);
	struct err e = { 0 };

	map_file(p, A, 4 * PAGE, 3, VM_MAP_PRIVATE, i, 0);
	assert_int_equal(vm_madvise(p, A, 4 * PAGE, POPULATE_WRITE, &e), -EFAULT);
	assert_int_equal(page_at(p, A + PAGE).state, VM_PAGE_ANON);
	assert_int_equal(page_at(p, A + 2 * PAGE).state, VM_PAGE_NONE);
}

static void without_flushing_an_unmapped_page_can_be_read_on(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	configure(m, "flush_on_unmap", 0);
	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	assert_int_equal(vm_munmap(p, A, PAGE, &e), 0);
	assert_int_equal(get(p, A), 7);                       /* the TLB still has it, and nobody took the frame yet */
	vm_tlb_flush(m->host);
	assert_int_equal(get(p, A), -1);
}

static void protection_takes_effect_at_once(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	assert_int_equal(vm_mprotect(p, A, PAGE, 1, &e), 0);
	assert_int_equal(put(p, A, 8), -1);
	assert_int_equal(vm_mprotect(p, A, PAGE, 0, &e), 0);
	assert_int_equal(get(p, A), -1);
	assert_int_equal(usage_at(p, A).private_dirty, PAGE);  /* the frame is kept, and known to be dirty */
	assert_int_equal(page_at(p, A).state, VM_PAGE_ANON);
	assert_int_equal(vm_mprotect(p, A, PAGE, 3, &e), 0);
	assert_int_equal(put(p, A, 9), 0);                     /* exclusive: no fault */
}

static void shares_of_a_page_are_rounded_down_each(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *c;

	map_anon(p, A, 5 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 5; i++)
		put(p, A + i * PAGE, 1);
	c = machine_fork(p);
	machine_fork(c);
	assert_int_equal(usage_at(p, A).pss, 5 * ((PAGE << 12) / 3));
	put(c, A, 2);
	assert_int_equal(usage_at(p, A).pss, (PAGE << 12) / 2 + 4 * ((PAGE << 12) / 3));
}

static void hashed_and_inverted_tables_show_the_same(void **state)
{
	static const enum vm_table kinds[] = { VM_TABLE_FLAT, VM_TABLE_HASHED, VM_TABLE_INVERTED };

	for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++) {
		struct machine *m = machine_new("vpn16", 4 * MiB, 0);
		struct vm_geometry g = m->host ? vm_host_options(m->host)->geometry : (struct vm_geometry) { 0 };
		unsigned bits = g.va_bits - g.page_bits;
		struct vm_proc *p, *c;
		struct err e = { 0 };
		vpn_t vpn = 0;

		g.table = kinds[k];
		g.levels = kinds[k] == VM_TABLE_FLAT;
		memset(g.index_bits, 0, sizeof g.index_bits);
		if (g.levels)
			g.index_bits[0] = bits;
		if (vm_host_reshape(m->host, &g, 4 * MiB, &e) < 0)
			fail_msg("%s", e.why);
		p = machine_spawn(m, "p");
		map_anon(p, 0x100000, 8 * PAGE, 3, VM_MAP_PRIVATE);
		put(p, 0x100000, 1);
		put(p, 0x103000, 2);
		c = machine_fork(p);
		assert_int_equal(put(c, 0x103000, 3), 1);
		check_machine(m);
		assert_int_equal(get(p, 0x103000), 2);
		assert_int_equal(usage_at(p, 0x100000).rss, 2 * PAGE);
		assert_int_equal(page_at(p, 0x100000).maps, 2);
		assert_true(vm_page_above(p, 0x101, &vpn));
		assert_int_equal(vpn, 0x103);
		machine_end(p);
		check_machine(m);
		machine_free(m);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(dontneed_of_a_whole_table_frees_it_and_of_a_part_does_not), TEST(moving_makes_and_frees_tables),
		TEST(a_lazily_freed_page_is_clean_until_it_is_written), TEST(populate_stops_where_it_cannot_go_on),
		TEST(without_flushing_an_unmapped_page_can_be_read_on), TEST(protection_takes_effect_at_once),
		TEST(shares_of_a_page_are_rounded_down_each), TEST(hashed_and_inverted_tables_show_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
