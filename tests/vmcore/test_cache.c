/* test_cache.c - tests of vmcore/cache.c */
#include "swap.h"
#include "whole.h"

#include "inode.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

static struct vm_inode *shm_dir(struct vm_host *h)
{
	return vm_disk_lookup(h, "/dev/shm", NULL);
}

static struct vm_inode_info info_of(const struct vm_inode *i)
{
	struct vm_inode_info info;

	vm_inode_info(i, &info);
	return info;
}

static uint8_t peek(const struct vm_inode *i, uint64_t at)
{
	uint8_t byte = 0xee;

	assert_int_equal(vm_inode_peek(i, at, &byte, 1), 1);
	return byte;
}

static void touch_bus(struct vm_proc *p, va_t at)
{
	struct vm_outcome o;
	struct err e = { 0 };
	uint8_t byte;

	assert_int_equal(vm_load(p, at, &byte, 1, &o, &e), -EFAULT);
	assert_int_equal(o.signal, VM_BUS_ADRERR);
}

static void written_pages_are_dirty_in_frames_until_written_back(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 10000, 1);
	struct err e = { 0 };

	assert_int_equal(info_of(f).cached, 3);
	assert_int_equal(info_of(f).dirty, 3);
	assert_int_equal(info_of(f).blocks, 24);
	assert_int_equal(m->h->frames_by_use[VM_FRAME_FILE], 3);
	assert_int_equal(vm_inode_writeback(f, &e), 0);
	assert_int_equal(info_of(f).cached, 3);
	assert_int_equal(info_of(f).dirty, 0);
	assert_int_equal(m->h->stats.writebacks, 3);
	assert_int_equal(m->h->stats.disk_written, 10000);
	assert_checks(m->h);
	assert_int_equal(vm_drop_caches(m->h, &e), 0);
	assert_int_equal(info_of(f).cached, 0);
	assert_int_equal(peek(f, 9999), 3);
	assert_int_equal(info_of(f).cached, 0);                  /* peeking changes nothing */
	assert_checks(m->h);
}

static void drop_caches_keeps_what_is_dirty_mapped_or_without_a_disk(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 3 * 4096, 1), *t = whole_file(m->h, shm_dir(m->h), "t", 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	va_t at = whole_map(p, 0, 4096, VM_PROT_READ, VM_MAP_PRIVATE, f, 0);

	vm_inode_writeback(f, &e);
	whole_load(p, at);
	assert_int_equal(vm_inode_write(f, 4096, "x", 1, &e), 1);
	vm_drop_caches(m->h, &e);
	assert_int_not_equal(vm_inode_frame(f, 0), PFN_NONE);
	assert_int_not_equal(vm_inode_frame(f, 1), PFN_NONE);
	assert_int_equal(vm_inode_frame(f, 2), PFN_NONE);
	assert_int_not_equal(vm_inode_frame(t, 0), PFN_NONE);
	assert_checks(m->h);
}

static void what_is_written_after_a_truncation_to_nothing_is_flushed_at_close(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 2 * 4096, 1), *t = whole_file(m->h, shm_dir(m->h), "t", 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	int fd;

	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), 0);
	vm_close(p, fd, &e);
	assert_int_equal(info_of(f).dirty, 2);                   /* an ordinary close writes nothing */
	vm_inode_truncate(f, 0, &e);
	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), 0);
	assert_int_equal(vm_inode_write(f, 8191, "x", 1, &e), 1);
	vm_close(p, fd, &e);
	assert_int_equal(info_of(f).dirty, 0);
	assert_int_equal(vm_inode_write(f, 8192, "x", 1, &e), 1);
	vm_inode_closed(f);
	assert_int_equal(info_of(f).dirty, 1);                   /* once */
	vm_inode_truncate(t, 0, &e);
	vm_inode_write(t, 0, "x", 1, &e);
	vm_inode_closed(t);
	assert_int_equal(m->h->stats.writebacks, 1);
	assert_checks(m->h);
}

static void a_mapping_that_is_the_last_to_hold_a_description_flushes_when_it_goes(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_map_request r = { .addr = 0x10000, .len = 4096, .prot = RW, .flags = VM_MAP_SHARED | VM_MAP_FIXED };
	struct err e = { 0 };
	va_t at, other = whole_map(p, 0x20000, 4096, RW, VM_MAP_SHARED, f, 0);

	assert_int_equal(vm_open(p, f, VM_OPEN_READ | VM_OPEN_WRITE, &r.fd, &e), 0);
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);
	vm_close(p, r.fd, &e);
	vm_inode_truncate(f, 0, &e);
	vm_inode_truncate(f, 4096, &e);
	whole_store(p, other, 7);
	assert_int_equal(info_of(f).dirty, 1);
	assert_int_equal(vm_munmap(p, at, 4096, &e), 0);
	assert_int_equal(info_of(f).dirty, 0);
	whole_store(p, other, 8);                                /* it faults again */
	assert_int_equal(info_of(f).dirty, 1);
	assert_checks(m->h);
}

static void only_pages_without_a_block_call_for_a_flush(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4096, 1);
	struct err e = { 0 };

	vm_inode_truncate(f, 0, &e);
	vm_inode_write(f, 0, "x", 1, &e);
	vm_inode_writeback(f, &e);
	vm_inode_write(f, 0, "y", 1, &e);
	vm_inode_closed(f);
	assert_int_equal(info_of(f).dirty, 1);                   /* its block is known: nothing is delayed */
	vm_inode_write(f, 4096, "z", 1, &e);
	vm_inode_closed(f);
	assert_int_equal(info_of(f).dirty, 2);                   /* the close before has cleared the mark */
	assert_checks(m->h);
}

static void a_file_that_replaces_another_is_flushed(void **state)
{
	struct whole *m = *state;
	struct vm_inode *root = vm_disk_root(m->h), *f = whole_file(m->h, NULL, "f", 4096, 1);
	struct err e = { 0 };

	assert_int_equal(vm_dir_rename(root, "f", root, "free", false, &e), 0);
	assert_int_equal(info_of(f).dirty, 1);
	whole_file(m->h, NULL, "old", 4096, 1);
	assert_int_equal(vm_dir_rename(root, "free", root, "old", false, &e), 0);
	assert_int_equal(info_of(f).dirty, 0);
	assert_checks(m->h);
}

static void a_holey_file_costs_what_is_there(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 1, 9);
	struct err e = { 0 };
	uint8_t bytes[3] = { 0 };

	assert_int_equal(vm_inode_write(f, (uint64_t)1 << 40, "end", 3, &e), 3);
	assert_int_equal(info_of(f).blocks, 16);
	assert_int_equal(vm_inode_read(f, (uint64_t)1 << 39, bytes, 1, &e), 1);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(vm_inode_read(f, (uint64_t)1 << 40, bytes, 3, &e), 3);
	assert_memory_equal(bytes, "end", 3);
	assert_int_equal(vm_inode_read(f, ((uint64_t)1 << 40) + 3, bytes, 1, &e), 0);
	assert_checks(m->h);
}

static void without_a_free_frame_writes_go_to_the_disk(void **state)
{
	struct whole *m = whole_with("x86-64", 8 * 4096, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at = whole_map(p, 0, 8 * 4096, RW, PRIVATE_ANON, NULL, 0);
	struct vm_outcome o;
	struct err e = { 0 };
	struct vm_inode *f, *t;
	uint8_t byte;

	for (int k = 0; vm_touch(p, at + k * 4096, 1, 1, VM_WRITE, &o, &e) == 0; k++)
		;
	assert_int_equal(m->h->frames_free, 0);
	f = whole_file(m->h, NULL, "f", 3 * 4096, 4);
	assert_int_equal(info_of(f).cached, 0);
	assert_int_equal(peek(f, 8192), 6);
	assert_int_equal(vm_inode_read(f, 4096, &byte, 1, &e), 1);
	assert_int_equal(byte, 5);
	assert_int_equal(vm_dir_create(shm_dir(m->h), "t", VM_INODE_FILE, 0644, NULL, &t, &e), 0);
	assert_int_equal(vm_inode_write(t, 0, "x", 1, &e), -ENOSPC);
	assert_int_equal(info_of(t).size, 0);
	assert_checks(m->h);
	whole_free(m);
}

static void the_oldest_unmapped_page_makes_room_for_a_frame(void **state)
{
	struct whole *m = whole_with("x86-64", 12 * 4096, 0);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 12 * 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at = whole_map(p, 0, 4 * 4096, RW, PRIVATE_ANON, NULL, 0);

	assert_checks(m->h);
	for (int k = 0; k < 4; k++)
		whole_store(p, at + k * 4096, 1);
	assert_checks(m->h);
	assert_int_equal(vm_inode_frame(f, 0), PFN_NONE);
	assert_int_not_equal(vm_inode_frame(f, 11), PFN_NONE);
	for (int k = 0; k < 12; k++)
		assert_int_equal(peek(f, k * 4096), 1 + k);
	whole_free(m);
}

static void truncating_unmaps_what_lies_beyond_private_copies_too(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4 * 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	va_t shared = whole_map(p, 0, 4 * 4096, RW, VM_MAP_SHARED, f, 0);
	va_t private = whole_map(p, 0, 4 * 4096, RW, VM_MAP_PRIVATE, f, 0);

	for (int k = 0; k < 4; k++) {
		whole_store(p, shared + k * 4096 + 100, 0x70);
		whole_store(p, private + k * 4096 + 200, 0x71);
	}
	assert_int_equal(vm_inode_truncate(f, 4096 + 50, &e), 0);
	assert_checks(m->h);
	touch_bus(p, shared + 2 * 4096);
	touch_bus(p, private + 2 * 4096);
	assert_int_equal(whole_load(p, shared + 4096 + 49), 2);
	assert_int_equal(whole_load(p, shared + 4096 + 100), 0);
	assert_int_equal(whole_load(p, private + 4096 + 100), 0x70);
	assert_int_equal(whole_load(p, private + 4096 + 200), 0x71);
	assert_int_equal(whole_load(p, private + 200), 0x71);
	assert_int_equal(vm_inode_truncate(f, 4 * 4096, &e), 0);
	assert_int_equal(whole_load(p, private + 3 * 4096), 0);
	assert_int_equal(peek(f, 4096 + 100), 0);
	assert_checks(m->h);
	vm_writeback(m->h, &e);
	assert_checks(m->h);
}

static void what_a_mapping_stores_behind_the_end_does_not_become_part_of_the_file(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 100, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	va_t at = whole_map(p, 0, 4096, RW, VM_MAP_SHARED, f, 0);

	whole_store(p, at + 200, 7);
	assert_int_equal(whole_load(p, at + 200), 7);
	assert_int_equal(vm_inode_truncate(f, 300, &e), 0);
	assert_int_equal(peek(f, 200), 0);
	whole_store(p, at + 400, 7);
	assert_int_equal(vm_inode_write(f, 500, "x", 1, &e), 1);
	assert_int_equal(peek(f, 400), 0);
	whole_store(p, at + 600, 7);
	vm_inode_writeback(f, &e);
	assert_int_equal(whole_load(p, at + 600), 0);
	assert_checks(m->h);
}

static void a_file_lives_while_it_is_mapped(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_disk_usage usage;
	struct err e = { 0 };
	va_t at = whole_map(p, 0, 4096, RW, VM_MAP_SHARED, f, 0);
	g_autofree char *path = NULL;
	struct vm_area a;

	whole_store(p, at, 9);
	assert_int_equal(vm_dir_unlink(vm_disk_root(m->h), "f", false, &e), 0);
	assert_int_equal(whole_load(p, at), 9);
	assert_true(vm_area_above(p, at, &a));
	path = vm_inode_path(a.inode);
	assert_string_equal(path, "/f");
	assert_true(info_of(a.inode).unlinked);
	assert_checks(m->h);
	assert_int_equal(vm_munmap(p, at, 4096, &e), 0);
	vm_disk_usage(m->h, &usage);
	assert_int_equal(usage.used, 0);
	assert_int_equal(m->h->cached, 0);
	assert_checks(m->h);
}

static void writing_back_makes_entries_clean_again(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	va_t at = whole_map(p, 0, 4096, RW, VM_MAP_SHARED, f, 0);
	struct vm_page page;

	whole_store(p, at, 9);
	vm_page_at(p, at, &page);
	assert_true(page.flags & VM_PTE_WRITE);
	vm_inode_writeback(f, &e);
	vm_page_at(p, at, &page);
	assert_false(page.flags & (VM_PTE_WRITE | VM_PTE_DIRTY));
	assert_checks(m->h);
	whole_store(p, at, 10);
	assert_int_equal(info_of(f).dirty, 1);
	assert_int_equal(peek(f, 0), 10);
	assert_checks(m->h);
}

static void a_punched_hole_leaves_private_copies(void **state)
{
	struct whole *m = *state;
	struct vm_inode *f = whole_file(m->h, shm_dir(m->h), "f", 4 * 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t shared = whole_map(p, 0, 4 * 4096, RW, VM_MAP_SHARED, f, 0);
	va_t private = whole_map(p, 0, 4 * 4096, RW, VM_MAP_PRIVATE, f, 0);

	whole_store(p, shared + 4096, 5);
	whole_store(p, private + 4096, 6);
	whole_load(p, private + 2 * 4096);
	inode_punch(f, 1, 2);
	assert_checks(m->h);
	assert_int_equal(info_of(f).cached, 2);
	assert_int_equal(whole_load(p, shared + 4096), 0);
	assert_int_equal(whole_load(p, private + 4096), 6);
	assert_int_equal(whole_load(p, private + 2 * 4096), 0);
	assert_int_equal(info_of(f).size, 4 * 4096);
	inode_punch(f, 3, UINT64_MAX - 3);
	assert_int_equal(peek(f, 3 * 4096), 0);
	assert_checks(m->h);
}

static void shared_memory_swapped_out_comes_back_with_its_bytes(void **state)
{
	struct whole *m = whole_with("x86-64", 64 * 4096, 64 * 4096);
	struct vm_inode *f = whole_file(m->h, shm_dir(m->h), "f", 3 * 4096, 1);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	va_t at = whole_map(p, 0, 3 * 4096, RW, VM_MAP_SHARED, f, 0);

	whole_store(p, at, 0x31);
	assert_int_equal(vm_madvise(p, at, 3 * 4096, 21 /* MADV_PAGEOUT */, &e), 0);
	assert_checks(m->h);
	assert_int_equal(peek(f, 0), 0x31);
	assert_int_equal(peek(f, 8192), 3);
	assert_true(m->h->stats.swap_outs > 0);
	assert_int_equal(whole_load(p, at), 0x31);
	assert_checks(m->h);
	assert_int_equal(vm_madvise(p, at, 3 * 4096, 21, &e), 0);
	assert_int_equal(vm_inode_truncate(f, 10, &e), 0);
	assert_checks(m->h);
	assert_int_equal(vm_inode_truncate(f, 4096, &e), 0);
	assert_int_equal(peek(f, 9), 1);
	assert_int_equal(peek(f, 10), 0);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	assert_int_equal(vm_dir_unlink(shm_dir(m->h), "f", false, &e), 0);
	assert_int_equal(swap_slots_free(m->h->swap), 64);
	whole_free(m);
}

/* A file and a plain array, written, read, truncated and written back at random, are the same bytes all the time. */
static void a_file_is_an_array_of_bytes(void **state)
{
	enum { MOST = 40000 };
	struct whole *m = whole_with("x86-64", 24 * 4096, 0);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 0, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at = whole_map(p, 0, 10 * 4096, RW, VM_MAP_SHARED, f, 0);
	g_autofree uint8_t *model = g_malloc0(MOST + 4096), *got = g_malloc(MOST);
	struct err e = { 0 };
	struct rng r;
	uint64_t size = 0;

	rng_seed(&r, 7, "test");
	for (int step = 0; step < 3000; step++) {
		uint64_t where = rng_below(&r, MOST - 100), n = 1 + rng_below(&r, rng_below(&r, 4) ? 90 : MOST - where);

		switch (rng_below(&r, 7)) {
		case 0:
		case 1:
			for (uint64_t k = 0; k < n; k++)
				model[where + k] = (uint8_t)rng_next(&r);
			assert_int_equal(vm_inode_write(f, where, model + where, n, &e), n);
			size = MAX(size, where + n);
			break;
		case 2:
			if (rng_below(&r, 3))
				break;
			assert_int_equal(vm_inode_truncate(f, where, &e), 0);
			if (where < size)
				memset(model + where, 0, MOST - where);
			size = where;
			break;
		case 3:
			if (where < size && where < 10 * 4096)
				whole_store(p, at + where, model[where] = (uint8_t)step);
			break;
		case 4:
			if (where < size && where < 10 * 4096)
				assert_int_equal(whole_load(p, at + where), model[where]);
			break;
		case 5:
			vm_inode_writeback(f, &e);
			if (rng_below(&r, 2))
				vm_drop_caches(m->h, &e);
			break;
		default:
			assert_int_equal(vm_inode_read(f, where, got, n, &e), where < size ? MIN(n, size - where) : 0);
			if (where < size)
				assert_memory_equal(got, model + where, MIN(n, size - where));
			break;
		}
		assert_int_equal(info_of(f).size, size);
		if (step % 16 == 0)
			assert_checks(m->h);
	}
	assert_int_equal(vm_inode_peek(f, 0, got, MOST), size);
	assert_memory_equal(got, model, size);
	whole_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(written_pages_are_dirty_in_frames_until_written_back),
		TEST(drop_caches_keeps_what_is_dirty_mapped_or_without_a_disk),
		TEST(what_is_written_after_a_truncation_to_nothing_is_flushed_at_close),
		TEST(a_mapping_that_is_the_last_to_hold_a_description_flushes_when_it_goes),
		TEST(only_pages_without_a_block_call_for_a_flush),
		TEST(a_file_that_replaces_another_is_flushed),
		TEST(a_holey_file_costs_what_is_there),
		cmocka_unit_test(without_a_free_frame_writes_go_to_the_disk),
		cmocka_unit_test(the_oldest_unmapped_page_makes_room_for_a_frame),
		TEST(truncating_unmaps_what_lies_beyond_private_copies_too),
		TEST(what_a_mapping_stores_behind_the_end_does_not_become_part_of_the_file),
		TEST(a_file_lives_while_it_is_mapped),
		TEST(writing_back_makes_entries_clean_again),
		TEST(a_punched_hole_leaves_private_copies),
		cmocka_unit_test(shared_memory_swapped_out_comes_back_with_its_bytes),
		cmocka_unit_test(a_file_is_an_array_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
