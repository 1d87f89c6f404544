/* test_advise.c - tests of vmcore/advise.c */
#include "areas.h"

enum { NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE = 8, REMOVE, DONTFORK, DOFORK, DONTDUMP = 16, DODUMP, WIPEONFORK,
       KEEPONFORK, COLD, PAGEOUT, POPULATE_READ, POPULATE_WRITE, DONTNEED_LOCKED };

static int advise(struct vm_proc *p, va_t at, uint64_t len, int advice)
{
	struct err e = { 0 };

	return vm_madvise(p, at, len, advice, &e);
}

static void madvise_refuses_what_linux_refuses(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	assert_refused(p, vm_madvise(p, AT, KB4, 4711, &e), EINVAL, 2, "4711");
	assert_refused(p, vm_madvise(p, AT + 1, KB4, DONTNEED, &e), EINVAL, 0, "0x10000000001");
	assert_refused(p, vm_madvise(p, AT, UINT64_MAX, DONTNEED, &e), EINVAL, 1, "beyond");
	assert_refused(p, vm_madvise(p, AT, 0xfffffffffffff000, DONTNEED, &e), EINVAL, 1, "beyond");
	assert_refused(p, vm_madvise(p, AT, KB4, 100, &e), EPERM, 2, "hwpoison");
	assert_int_equal(advise(p, AT + GiB, 0, DONTNEED), 0);
	assert_refused(p, vm_madvise(p, AT + GiB, KB4, DONTNEED, &e), ENOMEM, 0, "0x10040000000");
}

static void each_advice_sets_its_flag_and_takes_it_back(void **state)
{
	static const struct { int on, off; uint32_t flag; } pairs[] = {
		{ RANDOM, NORMAL, VM_F_RAND_READ }, { SEQUENTIAL, NORMAL, VM_F_SEQ_READ }, { DONTFORK, DOFORK, VM_F_DONTCOPY },
		{ DONTDUMP, DODUMP, VM_F_DONTDUMP }, { WIPEONFORK, KEEPONFORK, VM_F_WIPEONFORK },
	};
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	uint32_t before;

	map_fixed(p, AT, 3 * KB4, RW);
	before = flags_at(p, AT);
	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
		assert_int_equal(advise(p, AT + KB4, KB4, pairs[i].on), 0);
		assert_int_equal(flags_at(p, AT + KB4), before | pairs[i].flag);
		assert_int_equal(vm_area_count(p), 3);
		assert_int_equal(advise(p, AT, 3 * KB4, pairs[i].off), 0);
		assert_int_equal(flags_at(p, AT), before);
		assert_int_equal(vm_area_count(p), 1);
	}
}

static void it_goes_on_over_holes_and_says_so_at_the_end(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + 2 * KB4, KB4, RW);
	whole_store(p, AT, 1);
	whole_store(p, AT + 2 * KB4, 1);
	assert_int_equal(vm_madvise(p, AT, 3 * KB4, DONTNEED, &e), -ENOMEM);
	assert_string_equal(e.why, "nothing is mapped at 0x10000001000");
	assert_int_equal(p->mm->rss_anon, 0);
	assert_checks(m->h);
}

static void a_locked_area_stops_it_after_the_part_before(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 3 * KB4, RW);
	for (int i = 0; i < 3; i++)
		whole_store(p, AT + i * KB4, 1);
	assert_int_equal(vm_mlock(p, AT + KB4, KB4, false, &e), 0);
	assert_int_equal(vm_madvise(p, AT, 3 * KB4, DONTNEED, &e), -EINVAL);
	assert_int_equal(p->mm->rss_anon, 2);
	assert_int_equal(advise(p, AT + KB4, KB4, DONTNEED_LOCKED), 0);
	assert_int_equal(p->mm->rss_anon, 1);
	assert_checks(m->h);
}

static void some_advice_is_for_private_memory_only(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	whole_map(p, AT, KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_FIXED, NULL, 0);
	assert_refused(p, vm_madvise(p, AT, KB4, WIPEONFORK, &e), EINVAL, 2, "private anonymous");
	assert_refused(p, vm_madvise(p, AT, KB4, FREE, &e), EINVAL, 2, "private anonymous");
	map_fixed(p, AT + KB4, KB4, RW);
	assert_refused(p, vm_madvise(p, AT + KB4, KB4, REMOVE, &e), EINVAL, 2, "maps no file");
}

static void remove_needs_the_right_to_write_not_the_permission(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 2 * KB4, 7);
	struct err fine = { 0 };
	uint8_t byte;

	whole_map(p, AT, 2 * KB4, RW, VM_MAP_PRIVATE | VM_MAP_FIXED, f, 0);
	assert_refused(p, vm_madvise(p, AT, KB4, REMOVE, &e), EACCES, 2, "may not write");
	whole_map(p, AT, 2 * KB4, VM_PROT_READ, VM_MAP_SHARED | VM_MAP_FIXED, f, 0);
	assert_int_equal(whole_load(p, AT + KB4), 8);
	assert_int_equal(vm_madvise(p, AT + KB4, KB4, REMOVE, &fine), 0);
	assert_int_equal(whole_load(p, AT + KB4), 0);
	assert_int_equal(vm_inode_peek(f, KB4, &byte, 1), 1);
	assert_int_equal(byte, 0);
	assert_int_equal(whole_load(p, AT), 7);
}

static void populate_tells_holes_permissions_and_ends_of_files_apart(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 7);

	map_fixed(p, AT, KB4, VM_PROT_READ);
	assert_int_equal(advise(p, AT, KB4, POPULATE_READ), 0);
	assert_int_equal(advise(p, AT, KB4, POPULATE_WRITE), -EINVAL);
	assert_int_equal(advise(p, AT, 2 * KB4, POPULATE_READ), -ENOMEM);
	whole_map(p, AT, 2 * KB4, VM_PROT_READ, VM_MAP_SHARED | VM_MAP_FIXED, f, 0);
	assert_int_equal(advise(p, AT, 2 * KB4, POPULATE_READ), -EFAULT);
	assert_int_equal(p->mm->rss_file, 1);
}

static void msync_refuses_what_linux_refuses(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };

	map_fixed(p, AT, KB4, RW);
	assert_refused(p, vm_msync(p, AT, KB4, 64, &e), EINVAL, 2, "0x40");
	assert_refused(p, vm_msync(p, AT, KB4, VM_MSYNC_SYNC | VM_MSYNC_ASYNC, &e), EINVAL, 2, "exclude");
	assert_refused(p, vm_msync(p, AT + 1, KB4, 0, &e), EINVAL, 0, "0x10000000001");
	assert_refused(p, vm_msync(p, AT, UINT64_MAX - KB4 + 1, 0, &e), ENOMEM, 1, "beyond");
	assert_refused(p, vm_msync(p, AT, 2 * KB4, VM_MSYNC_SYNC, &e), ENOMEM, 0, "not mapped");
	assert_int_equal(vm_mlock(p, AT, KB4, false, &fine), 0);
	assert_refused(p, vm_msync(p, AT, KB4, VM_MSYNC_INVALIDATE, &e), EBUSY, 2, "locked");
}

static void msync_writes_dirty_pages_of_disk_files_in_the_range(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 3 * KB4, 7);
	struct vm_inode_info info;
	struct err e = { 0 };

	assert_int_equal(vm_inode_writeback(f, &e), 0);
	whole_map(p, AT, 3 * KB4, RW, VM_MAP_SHARED | VM_MAP_FIXED, f, 0);
	for (int i = 0; i < 3; i++)
		whole_store(p, AT + i * KB4, 99);
	assert_int_equal(vm_msync(p, AT, 2 * KB4, VM_MSYNC_ASYNC, &e), 0);
	vm_inode_info(f, &info);
	assert_int_equal(info.dirty, 3);
	assert_int_equal(vm_msync(p, AT, 2 * KB4, VM_MSYNC_SYNC, &e), 0);
	vm_inode_info(f, &info);
	assert_int_equal(info.dirty, 1);
	assert_checks(m->h);
}

static void mincore_tells_what_is_there(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 7);
	struct err fine = { 0 };
	uint8_t v[4] = { 9, 9, 9, 9 };

	map_fixed(p, AT, 2 * KB4, RW);
	whole_map(p, AT + 2 * KB4, 2 * KB4, VM_PROT_READ, VM_MAP_SHARED | VM_MAP_FIXED, f, 0);
	whole_load(p, AT + KB4);
	assert_int_equal(vm_mincore(p, AT, 3 * KB4 + 1, v, &fine), 0);
	assert_int_equal(v[0] << 3 | v[1] << 2 | v[2] << 1 | v[3], 6);           /* the zero page, the page cache */
	assert_refused(p, vm_mincore(p, AT + 1, KB4, v, &e), EINVAL, 0, "0x10000000001");
	assert_refused(p, vm_mincore(p, AT + GiB, KB4, v, &e), ENOMEM, 0, "0x10040000000");
	assert_refused(p, vm_mincore(p, AT, UINT64_MAX, v, &e), ENOMEM, 1, "beyond");
	assert_int_equal(vm_mincore(p, AT + GiB, 0, v, &fine), 0);
}

static void who_may_not_write_a_file_learns_nothing_of_its_cache(void **state)
{
	struct whole *m = *state;
	struct vm_spawn s = { .name = "p", .bare = true, .uid = 1000, .gid = 1000 };
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 7);
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(m->h, &s, &e);
	uint8_t v[2] = { 9, 9 };

	whole_map(p, AT, 2 * KB4, VM_PROT_READ, VM_MAP_PRIVATE | VM_MAP_FIXED, f, 0);
	assert_int_equal(vm_mincore(p, AT, 2 * KB4, v, &e), 0);
	assert_int_equal(v[0] + v[1], 2);
	assert_int_equal(vm_inode_chown(f, 1000, 1000, &e), 0);
	assert_int_equal(vm_mincore(p, AT, 2 * KB4, v, &e), 0);
	assert_int_equal(v[0] + v[1], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(madvise_refuses_what_linux_refuses),
		TEST(each_advice_sets_its_flag_and_takes_it_back),
		TEST(it_goes_on_over_holes_and_says_so_at_the_end),
		TEST(a_locked_area_stops_it_after_the_part_before),
		TEST(some_advice_is_for_private_memory_only),
		TEST(remove_needs_the_right_to_write_not_the_permission),
		TEST(populate_tells_holes_permissions_and_ends_of_files_apart),
		TEST(msync_refuses_what_linux_refuses),
		TEST(msync_writes_dirty_pages_of_disk_files_in_the_range),
		TEST(mincore_tells_what_is_there),
		TEST(who_may_not_write_a_file_learns_nothing_of_its_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
