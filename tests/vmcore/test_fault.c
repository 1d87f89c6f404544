/* test_fault.c - what a fault does, what it is recorded as, and what a poked entry or a table set by hand makes of it. */
#include "machine.h"

#include "vm_frame.h"

enum { A = 0x10000000 };

static int setup(void **state)
{
	*state = machine_new("x86-64", 64 * MiB, 1 * MiB);
	return 0;
}

static int teardown(void **state)
{
	check_machine((struct machine *)*state);
	machine_free(*state);
	return 0;
}

static struct vm_fault_record last_fault(struct vm_proc *p)
{
	struct vm_fault_record r = { 0 };
	uint64_t cursor = 0;

	while (vm_fault_next(p, &cursor, &r))
		;
	return r;
}

static void a_read_maps_the_zero_page_and_a_store_replaces_it(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	assert_int_equal(get(p, A), 0);
	assert_int_equal(page_at(p, A).state, VM_PAGE_ZERO);
	assert_int_equal(usage_at(p, A).rss, 0);
	assert_string_equal(last_fault(p).resolution, "zeropage");
	assert_int_equal(put(p, A, 7), 1);
	assert_int_equal(page_at(p, A).state, VM_PAGE_ANON);
	assert_string_equal(last_fault(p).resolution, "zero");
	assert_int_equal(last_fault(p).va, A);
	assert_int_equal(last_fault(p).access, VM_WRITE);
	assert_string_equal(last_fault(p).kind, "minor");
	assert_int_equal(get(p, A), 7);
}

static void a_fault_moves_the_clock_by_its_cost(void **state)
{
	struct machine *m = *state;
	const struct vm_config *c = vm_config(m->host);
	struct vm_proc *p = machine_spawn(m, "p");
	ns_t before;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	before = m->clock.now;
	assert_int_equal(put(p, A, 7), 1);
	/* The first walk finds nothing in the root; the restarted one reads four entries. */
	assert_int_equal(m->clock.now - before, c->minor_fault + c->zero + 5 * c->walk_step);
	assert_int_equal(last_fault(p).cost, c->minor_fault + c->zero);
	before = m->clock.now;
	assert_int_equal(put(p, A, 8), 0);
	assert_int_equal(m->clock.now - before, c->tlb_hit);
}

static void only_the_last_256_faults_are_kept(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_fault_record r;
	uint64_t cursor = 0, n = 0;

	map_anon(p, A, 300 * PAGE, 3, VM_MAP_PRIVATE);
	for (unsigned i = 0; i < 300; i++)
		put(p, A + i * PAGE, 1);
	while (vm_fault_next(p, &cursor, &r)) {
		assert_int_equal(r.va, A + (44 + n) * PAGE);
		n++;
	}
	assert_int_equal(n, 256);
}

static void signals_are_told_apart(void **state)
{
	static const struct { va_t va; enum vm_access how; enum vm_signal_kind kind; va_t addr; } cases[] = {
		{ A - PAGE, VM_READ, VM_SEGV_MAPERR, A - PAGE }, { A, VM_WRITE, VM_SEGV_ACCERR, A },
		{ A + 3 * PAGE, VM_READ, VM_BUS_ADRERR, A + 3 * PAGE }, { A + 3 * PAGE, VM_WRITE, VM_SEGV_ACCERR, A + 3 * PAGE },
		{ 0x800000000000, VM_READ, VM_SEGV_KERNEL, 0 }, { 0xffff800000000000, VM_READ, VM_SEGV_MAPERR, 0xffff800000000000 },
	};
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_inode *i = make_file(m, "/", "f", 2, 0x20);

	map_file(p, A, 4 * PAGE, 1, VM_MAP_SHARED, i, 0);
	for (unsigned k = 0; k < G_N_ELEMENTS(cases); k++) {
		struct vm_outcome out;
		struct err e = { 0 };

		assert_int_equal(vm_touch(p, cases[k].va, 1, 1, cases[k].how, &out, &e), -EFAULT);
		assert_int_equal(out.signal, cases[k].kind);
		assert_int_equal(out.addr, cases[k].addr);
		assert_int_equal(out.accesses, 0);
		assert_string_equal(last_fault(p).kind, "signal");
		assert_string_equal(last_fault(p).resolution, vm_signal_names[cases[k].kind]);
	}
}

static void execute_only_memory_is_refused_by_its_key(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_outcome out;
	struct err e = { 0 };

	map_anon(p, A, PAGE, 4, VM_MAP_PRIVATE);
	assert_int_equal(vm_fetch(p, A, &out, &e), 0);
	assert_int_equal(out.faults, 1);
	assert_int_equal(vm_touch(p, A, 1, 1, VM_READ, &out, &e), -EFAULT);
	assert_int_equal(out.signal, VM_SEGV_PKUERR);
	assert_int_equal(vm_touch(machine_fork(p), A, 1, 1, VM_READ, &out, &e), -EFAULT);
	assert_int_equal(out.signal, VM_SEGV_PKUERR);
}

static void stacks_grow_to_their_limit_only(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_area a;

	map_anon(p, 0x7ffffffde000, 0x21000, 3, VM_MAP_PRIVATE | VM_MAP_GROWSDOWN);
	assert_int_equal(put(p, 0x7ffffffdd000 - 5 * PAGE, 1), 1);
	assert_true(vm_area_above(p, 0x7ffffff00000, &a));
	assert_int_equal(a.start, 0x7ffffffdd000 - 5 * PAGE);
	assert_string_equal(last_fault(p).resolution, "grow");
	assert_int_equal(put(p, 0x7ffffffff000 - 8 * MiB, 1), 1);
	assert_int_equal(put(p, 0x7ffffffff000 - 8 * MiB - 1, 1), -1);
	assert_true(vm_area_above(p, 0x7fffff000000, &a));
	assert_int_equal(a.start, 0x7ffffffff000 - 8 * MiB);
}

static void nothing_grows_below_64_kib(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_area a;

	map_anon(p, 0x18000, PAGE, 3, VM_MAP_PRIVATE | VM_MAP_GROWSDOWN);
	assert_int_equal(put(p, 0xffff, 1), -1);
	assert_int_equal(put(p, 0x10000, 1), 1);
	assert_true(vm_area_above(p, 0, &a));
	assert_int_equal(a.start, 0x10000);
}

/* The address of the leaf entry of va. */
static pa_t entry_at(struct vm_proc *p, va_t va)
{
	struct vm_walk w;

	vm_walk_look(p, va, &w);
	assert_int_equal(w.steps, 4);
	return w.step[3].pte_addr;
}

static void poke(struct machine *m, pa_t at, uint64_t entry)
{
	assert_int_equal(vm_ram_write(m->host, at, &entry, 8), 8);
	vm_tlb_flush(m->host);
}

static uint64_t entry_in_ram(struct machine *m, pa_t at)
{
	uint64_t entry;

	vm_ram_read(m->host, at, &entry, 8);
	return entry;
}

static void poked_flags_are_taken_as_they_are(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	pa_t at;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	at = entry_at(p, A);
	poke(m, at, entry_in_ram(m, at) & ~(uint64_t)2); /* read-only */
	assert_true(page_at(p, A).poked);
	check_machine(m);
	assert_int_equal(put(p, A, 8), 1);               /* the fault settles it */
	assert_false(page_at(p, A).poked);
	assert_int_equal(get(p, A), 8);
}

static void a_poked_hole_loses_the_page(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	poke(m, entry_at(p, A), 0);
	check_machine(m);
	assert_int_equal(get(p, A), 0);                  /* a page of zeros: the old frame has been given back */
	assert_int_equal(page_at(p, A).state, VM_PAGE_ZERO);
}

static void an_entry_poked_out_of_ram_is_a_bus_error(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t byte;
	pa_t at;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	at = entry_at(p, A);
	poke(m, at, entry_in_ram(m, at) | 0xffff00000000);
	assert_int_equal(vm_load(p, A, &byte, 1, &out, &e), -EFAULT);
	assert_int_equal(out.signal, VM_BUS_ADRERR);
}

static void a_poked_upper_entry_ends_in_a_signal(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_walk w;

	map_anon(p, A, PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	vm_walk_look(p, A, &w);
	poke(m, w.step[2].pte_addr, 0);
	assert_int_equal(get(p, A), -1);
	poke(m, w.step[2].pte_addr, w.step[2].pte);
	assert_int_equal(get(p, A), 7);
}

static void with_a_table_set_by_hand_nothing_is_filled(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p"), *q = machine_spawn(m, "q");
	struct vm_cpu cpu;
	struct err e = { 0 };
	uint8_t byte = 0;

	map_anon(p, A, 2 * PAGE, 3, VM_MAP_PRIVATE);
	put(p, A, 7);
	vm_cpu(p, &cpu);
	assert_int_equal(vm_set_ptbr(q, 64 * MiB, &e), -ERANGE);
	assert_int_equal(vm_set_ptbr(q, cpu.ptbr, &e), 0);
	assert_int_equal(get(q, A), 7);                  /* through the other one's table */
	assert_int_equal(get(q, A + PAGE), -1);
	assert_int_equal(vm_peek(q, A, &byte, 1), 1);
	assert_int_equal(byte, 7);
	assert_int_equal(page_at(p, A + PAGE).state, VM_PAGE_NONE);
	vm_cpu(q, &cpu);
	assert_true(cpu.by_hand);
}

static void faults_around_bring_cached_pages_without_counting(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_inode *i = make_file(m, "/", "f", 8, 0x20);
	struct vm_proc_info info;

	configure(m, "fault_around", 64 * KiB);
	map_file(p, A, 8 * PAGE, 1, VM_MAP_SHARED, i, 0);
	assert_int_equal(get(p, A + 3 * PAGE), 0x23);
	for (unsigned k = 0; k < 8; k++)
		assert_int_equal(page_at(p, A + k * PAGE).state, VM_PAGE_FILE);
	vm_proc_info(p, &info);
	assert_int_equal(info.minflt + info.majflt, 1);
	assert_int_equal(info.rss_file, 8 * PAGE);
}

static void a_clean_page_of_a_disk_file_tells_its_first_store(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = machine_spawn(m, "p");
	struct vm_inode *i = make_file(m, "/", "f", 2, 0x20), *t = make_file(m, "/dev/shm", "t", 2, 0x30);
	struct vm_inode_info info;
	struct err e = { 0 };

	vm_writeback(m->host, &e);
	map_file(p, A, 2 * PAGE, 3, VM_MAP_SHARED, i, 0);
	map_file(p, A + 16 * PAGE, 2 * PAGE, 3, VM_MAP_SHARED, t, 0);
	assert_int_equal(get(p, A), 0x20);
	vm_inode_info(i, &info);
	assert_int_equal(info.dirty, 0);
	assert_int_equal(put(p, A, 1), 1);
	vm_inode_info(i, &info);
	assert_int_equal(info.dirty, 1);
	vm_writeback(m->host, &e);
	assert_int_equal(put(p, A, 2), 1);               /* and again after it went to the disk */
	assert_int_equal(get(p, A + 16 * PAGE), 0x30);
	assert_int_equal(put(p, A + 16 * PAGE, 1), 0);   /* tmpfs need not know */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_read_maps_the_zero_page_and_a_store_replaces_it), TEST(a_fault_moves_the_clock_by_its_cost),
		TEST(only_the_last_256_faults_are_kept), TEST(signals_are_told_apart),
		TEST(execute_only_memory_is_refused_by_its_key), TEST(stacks_grow_to_their_limit_only), TEST(nothing_grows_below_64_kib),
		TEST(poked_flags_are_taken_as_they_are), TEST(a_poked_hole_loses_the_page),
		TEST(an_entry_poked_out_of_ram_is_a_bus_error), TEST(a_poked_upper_entry_ends_in_a_signal),
		TEST(with_a_table_set_by_hand_nothing_is_filled), TEST(faults_around_bring_cached_pages_without_counting),
		TEST(a_clean_page_of_a_disk_file_tells_its_first_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
