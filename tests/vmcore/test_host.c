/* test_host.c - tests of vmcore/host.c */
#include "whole.h"

static void a_new_host_has_init_alone_and_all_its_frames_free(void **state)
{
	struct whole *m = *state;
	struct vm_memory mem;
	struct vm_proc *init = vm_proc_at(m->h, 1);

	vm_memory(m->h, &mem);
	assert_int_equal(mem.total, 4096);
	assert_int_equal(mem.free, 4096);
	assert_int_equal(mem.available, 4096);
	assert_int_equal(vm_proc_count(m->h), 1);
	assert_int_equal(vm_area_count(init), 0);
	assert_true(proc_is_bare(init));
	assert_checks(m->h);
}

static void a_host_refuses_a_size_that_is_no_number_of_pages(void **state)
{
	struct whole *m = *state;
	struct vm_options o = *vm_host_options(m->h);
	struct err e = { 0 };

	o.ram_bytes = 4097;
	assert_null(vm_host_new(&o, &m->clock, &m->journal, &e));
	assert_int_equal(e.code, EINVAL);
	o.ram_bytes = 0;
	assert_null(vm_host_new(&o, &m->clock, &m->journal, &e));
	o.ram_bytes = (uint64_t)1 << 60;
	assert_null(vm_host_new(&o, &m->clock, &m->journal, &e));
	assert_int_equal(e.code, EINVAL);
}

static void reshaping_gives_a_fresh_whole_and_keeps_the_files(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10000, 7);
	uint8_t bytes[2] = { 0 };

	assert_int_equal(vm_host_reshape(m->h, vm_geometry_preset("sv32"), 1 * MiB, &e), 0);
	assert_checks(m->h);
	assert_int_equal(vm_ram_size(m->h), 1 * MiB);
	assert_int_equal(vm_host_options(m->h)->geometry.va_bits, 32);
	assert_int_equal(vm_inode_peek(f, 9999, bytes, 2), 1);
	assert_int_equal(bytes[0], 9);
	assert_int_equal(vm_inode_frame(f, 0), PFN_NONE);
	whole_store(whole_spawn(m->h, "p", false), 0x402000, 1);
	assert_checks(m->h);
}

static void reshaping_keeps_files_whatever_the_page_size(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10000, 7);
	struct vm_geometry g = { .name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1,
				 .table = VM_TABLE_RADIX, .levels = 2, .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3,
				 .valid = 4, .write = -1, .user = -1, .nx = -1, .accessed = -1, .dirty = -1, .huge = -1,
				 .read = -1 };
	uint8_t bytes[10000];

	assert_int_equal(vm_host_reshape(m->h, &g, 0, &e), 0);
	assert_int_equal(vm_ram_size(m->h), 64);
	assert_checks(m->h);
	assert_int_equal(vm_inode_read(f, 0, bytes, sizeof bytes, &e), 10000);
	for (size_t k = 0; k < sizeof bytes; k++)
		assert_int_equal(bytes[k], 7 + k / 4096);
	assert_checks(m->h);
	assert_int_equal(vm_inode_write(f, 5, "hello", 5, &e), 5);
	assert_int_equal(vm_inode_peek(f, 4, bytes, 7), 7);
	assert_memory_equal(bytes, "\7hello\7", 7);
	assert_checks(m->h);
}

static void reshaping_is_refused_while_processes_or_tmpfs_pages_exist(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_geometry g = *vm_geometry_preset("sv39");
	struct vm_inode *shm = vm_disk_lookup(m->h, "/dev/shm", &e);
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	assert_int_equal(vm_host_reshape(m->h, &g, 1 * MiB, &e), -EBUSY);
	assert_string_equal(vm_host_options(m->h)->geometry.name, "x86-64");
	assert_int_equal(vm_exit(p, 0, &e), 0);
	whole_file(m->h, shm, "f", 10, 1);
	assert_int_equal(vm_host_reshape(m->h, &g, 1 * MiB, &e), -EBUSY);
	assert_string_equal(e.why, "/dev/shm/f is in RAM only: remove it first");
	assert_int_equal(vm_dir_unlink(shm, "f", false, &e), 0);
	assert_int_equal(vm_host_reshape(m->h, &g, 1 * MiB, &e), 0);
	assert_checks(m->h);
}

static void a_reshape_that_makes_no_sense_changes_nothing(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_geometry g = *vm_geometry_preset("sv39");

	g.levels = 7;
	assert_int_equal(vm_host_reshape(m->h, &g, 1 * MiB, &e), -EINVAL);
	assert_int_equal(vm_host_reshape(m->h, vm_geometry_preset("sv39"), 12345, &e), -EINVAL);
	assert_string_equal(vm_host_options(m->h)->geometry.name, "x86-64");
	assert_int_equal(vm_ram_size(m->h), 16 * MiB);
	assert_checks(m->h);
}

static void memory_numbers_fit_together(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 5 * 4096, 1);
	va_t anon = whole_map(p, 0, 8 * 4096, RW, PRIVATE_ANON, NULL, 0);
	va_t file = whole_map(p, 0, 5 * 4096, VM_PROT_READ, VM_MAP_PRIVATE, f, 0);
	va_t shared = whole_map(p, 0, 4096, RW, VM_MAP_SHARED | VM_MAP_ANON, NULL, 0);
	struct vm_memory mem;

	for (int k = 0; k < 3; k++)
		whole_store(p, anon + k * 4096, 1);
	whole_load(p, file);
	whole_store(p, shared, 1);
	vm_memory(m->h, &mem);
	assert_int_equal(mem.anon_mapped, 3);
	assert_int_equal(mem.file_mapped, 2);
	assert_int_equal(mem.shmem, 1);
	assert_int_equal(mem.cached, 6);
	assert_int_equal(mem.dirty, 5);
	assert_int_equal(mem.committed, 8);
	assert_int_equal(mem.inactive_file, 5);
	assert_int_equal(mem.total, mem.free + mem.tables + mem.kernel + mem.anon_mapped + mem.cached);
	assert_checks(m->h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_host_has_init_alone_and_all_its_frames_free, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(a_host_refuses_a_size_that_is_no_number_of_pages, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(reshaping_gives_a_fresh_whole_and_keeps_the_files, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(reshaping_keeps_files_whatever_the_page_size, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(reshaping_is_refused_while_processes_or_tmpfs_pages_exist, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(a_reshape_that_makes_no_sense_changes_nothing, whole_setup, whole_teardown),
		cmocka_unit_test_setup_teardown(memory_numbers_fit_together, whole_setup, whole_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
