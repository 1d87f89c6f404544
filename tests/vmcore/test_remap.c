/* test_remap.c - tests of vmcore/remap.c */
#include "areas.h"

enum { MOVE = VM_REMAP_MAYMOVE, FIXED = VM_REMAP_MAYMOVE | VM_REMAP_FIXED,
       LEAVE = VM_REMAP_MAYMOVE | VM_REMAP_DONTUNMAP };

static va_t remap(struct vm_proc *p, va_t old, uint64_t old_len, uint64_t new_len, unsigned flags, va_t fixed)
{
	struct err e = { 0 };
	va_t at = 0;

	if (vm_mremap(p, old, old_len, new_len, flags, fixed, &at, &e) < 0)
		fail_msg("mremap: %s", e.why);
	return at;
}

static void mremap_refuses_what_linux_refuses(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	const struct { va_t old; uint64_t old_len, new_len; unsigned flags; va_t fixed; int code, arg; const char *why; } cases[] = {
		{ AT + 1, KB4, KB4, 0, 0, EINVAL, 0, "0x10000000001" },
		{ AT, KB4, 0, 0, 0, EINVAL, 2, "new length is 0" },
		{ AT, KB4, KB4, 8, 0, EINVAL, 3, "0x8" },
		{ AT, UINT64_MAX - 2 * KB4, KB4, 0, 0, EINVAL, 1, "beyond user space" },
		{ AT, KB4, UINT64_MAX / 2, MOVE, 0, EINVAL, 2, "address space" },
		{ AT, KB4, KB4, VM_REMAP_FIXED, AT + GiB, EINVAL, 3, "maymove" },
		{ AT, KB4, KB4, FIXED, AT + GiB + 5, EINVAL, 4, "page aligned" },
		{ AT, 2 * KB4, 2 * KB4, FIXED, AT + KB4, EINVAL, 4, "overlaps" },
		{ AT, KB4, 2 * KB4, LEAVE, 0, EINVAL, 2, "dontunmap" },
		{ AT, 0, KB4, MOVE, 0, EINVAL, 1, "shared" },
		{ AT + GiB, KB4, KB4, 0, 0, EFAULT, 0, "0x10040000000" },
		{ AT, 4 * KB4, 8 * KB4, MOVE, 0, EFAULT, 1, "0x10000003000" },
		{ AT, 3 * KB4, 8 * KB4, 0, 0, ENOMEM, 2, "no room" },
		{ AT, 3 * KB4, 64 * MiB, MOVE, 0, ENOMEM, 1, "16381 pages" },
	};
	va_t at = 1;

	map_fixed(p, AT, 3 * KB4, RW);
	map_fixed(p, AT + 4 * KB4, KB4, VM_PROT_READ);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_refused(p, vm_mremap(p, cases[i].old, cases[i].old_len, cases[i].new_len, cases[i].flags, cases[i].fixed,
					    &at, &e), cases[i].code, cases[i].arg, cases[i].why);
	assert_int_equal(at, 1);
}

static void it_grows_in_place_and_merges_with_what_it_meets(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + 3 * KB4, KB4, RW);
	assert_int_equal(remap(p, AT, KB4, 2 * KB4, 0, 0), AT);
	assert_areas(p, "10000000000-10000002000 rw-p\n10000003000-10000004000 rw-p");
	assert_int_equal(remap(p, AT, 2 * KB4, 3 * KB4, 0, 0), AT);
	assert_areas(p, "10000000000-10000004000 rw-p");
	assert_int_equal(m->h->committed, 4);
	assert_int_equal(remap(p, AT + KB4, 8 * KB4, KB4, 0, 0), AT + KB4);      /* shrinking unmaps all that is there */
	assert_areas(p, "10000000000-10000002000 rw-p");
	assert_int_equal(m->h->committed, 2);
}

static void a_move_takes_pages_and_charges_along(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at;

	map_fixed(p, AT, 4 * KB4, RW);
	whole_store(p, AT + KB4, 42);
	at = remap(p, AT + KB4, KB4, 3 * KB4, MOVE, 0);
	assert_int_equal(whole_load(p, at), 42);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000002000-10000004000 rw-p\n7ffff7ffc000-7ffff7fff000 rw-p");
	assert_int_equal(m->h->committed, 6);
	assert_int_equal(p->mm->total, 6);
	assert_true(flags_at(p, AT) & flags_at(p, AT + 2 * KB4) & flags_at(p, at) & VM_F_ACCOUNT);
}

static void written_memory_keeps_its_offset_and_merges_again_only_where_that_fits(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, 3 * KB4, RW);
	whole_store(p, AT + KB4, 1);
	remap(p, AT + KB4, KB4, KB4, FIXED, AT + GiB);
	map_fixed(p, AT + GiB + KB4, KB4, RW);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000002000-10000003000 rw-p\n10040000000-10040001000 rw-p\n"
			"10040001000-10040002000 rw-p");
	remap(p, AT + GiB, KB4, KB4, FIXED, AT + KB4);
	assert_areas(p, "10000000000-10000003000 rw-p\n10040001000-10040002000 rw-p");
	assert_int_equal(whole_load(p, AT + KB4), 1);
}

static void unwritten_memory_takes_the_offset_of_its_new_place(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + GiB, KB4, RW);
	remap(p, AT + GiB, KB4, KB4, FIXED, AT + KB4);
	assert_areas(p, "10000000000-10000002000 rw-p");
}

static void several_areas_move_with_the_holes_between_them(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };
	va_t at;

	map_fixed(p, AT, 2 * KB4, RW);
	map_fixed(p, AT + 4 * KB4, KB4, VM_PROT_READ);
	whole_store(p, AT + KB4, 5);
	assert_int_equal(remap(p, AT + KB4, 8 * KB4, 8 * KB4, FIXED, AT + GiB), AT + GiB);
	assert_areas(p, "10000000000-10000001000 rw-p\n10040000000-10040001000 rw-p\n10040003000-10040004000 r--p");
	assert_int_equal(whole_load(p, AT + GiB), 5);
	/* with another length only one may move; a hole at the start is none at all */
	assert_int_equal(vm_mremap(p, AT + GiB, 4 * KB4, 5 * KB4, FIXED, AT, &at, &fine), -EFAULT);
	assert_refused(p, vm_mremap(p, AT + GiB + KB4, 4 * KB4, 4 * KB4, FIXED, AT + 2 * GiB, &at, &e), EFAULT, 0, "0x10040001000");
}

static void dontunmap_leaves_an_empty_area(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at;

	map_fixed(p, AT, 2 * KB4, RW);
	whole_store(p, AT, 3);
	at = remap(p, AT, 2 * KB4, 2 * KB4, LEAVE, 0);
	assert_int_equal(whole_load(p, at), 3);
	assert_int_equal(whole_load(p, AT), 0);
	assert_int_equal(m->h->committed, 4);
	at = remap(p, AT + KB4, KB4, KB4, LEAVE, AT + GiB);                     /* a part; the rest is not moved */
	assert_int_equal(at, AT + GiB);
	assert_areas(p, "10000000000-10000002000 rw-p\n10040000000-10040001000 rw-p\n7ffff7ffd000-7ffff7fff000 rw-p");
}

static void dontunmap_forgets_locked_pages_as_linux_does(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &e), 0);
	remap(p, AT, 2 * KB4, 2 * KB4, LEAVE | VM_REMAP_FIXED, AT + GiB);
	assert_false(flags_at(p, AT) & VM_F_LOCKED);
	assert_true(flags_at(p, AT + GiB) & VM_F_LOCKED);
	assert_int_equal(p->mm->locked, 4);
	assert_checks(m->h);
}

static void old_length_0_maps_a_shared_object_again(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at;

	whole_map(p, AT, 2 * KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_FIXED, NULL, 0);
	at = remap(p, AT + KB4, 0, KB4, MOVE, 0);
	whole_store(p, AT + KB4, 77);
	assert_int_equal(whole_load(p, at), 77);
}

static void growth_is_subject_to_limits(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };
	va_t at;

	map_fixed(p, AT, 2 * KB4, RW);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &fine), 0);
	limit(p, VM_RLIMIT_MEMLOCK, 3 * KB4);
	assert_refused(p, vm_mremap(p, AT, 2 * KB4, 4 * KB4, MOVE, 0, &at, &e), EAGAIN, 2, "RLIMIT_MEMLOCK");
	assert_int_equal(remap(p, AT, 2 * KB4, 3 * KB4, 0, 0), AT);
	assert_int_equal(p->mm->rss_anon, 3);                                  /* the new page has come in */
	limit(p, VM_RLIMIT_AS, 3 * KB4);
	assert_int_equal(vm_munlock(p, AT, 3 * KB4, &fine), 0);
	assert_refused(p, vm_mremap(p, AT, 3 * KB4, 4 * KB4, MOVE, 0, &at, &e), ENOMEM, 2, "RLIMIT_AS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mremap_refuses_what_linux_refuses),
		TEST(it_grows_in_place_and_merges_with_what_it_meets),
		TEST(a_move_takes_pages_and_charges_along),
		TEST(written_memory_keeps_its_offset_and_merges_again_only_where_that_fits),
		TEST(unwritten_memory_takes_the_offset_of_its_new_place),
		TEST(several_areas_move_with_the_holes_between_them),
		TEST(dontunmap_leaves_an_empty_area),
		TEST(dontunmap_forgets_locked_pages_as_linux_does),
		TEST(old_length_0_maps_a_shared_object_again),
		TEST(growth_is_subject_to_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
