/* test_lock.c - tests of vmcore/lock.c */
#include "areas.h"

static void locking_brings_pages_in_and_rounds_outwards(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 4 * KB4, RW);
	assert_int_equal(vm_mlock(p, AT + KB4 + 5, KB4, false, &e), 0);
	assert_int_equal(p->mm->locked, 2);
	assert_int_equal(p->mm->rss_anon, 2);
	assert_int_equal(m->h->mlocked, 2);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000001000-10000003000 rw-p\n10000003000-10000004000 rw-p");
	assert_int_equal(vm_munlock(p, AT + 2 * KB4 - 1, 2, &e), 0);
	assert_int_equal(p->mm->locked, 0);
	assert_int_equal(m->h->mlocked, 0);
	assert_areas(p, "10000000000-10000004000 rw-p");
}

static void on_fault_brings_nothing_in(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, true, &e), 0);
	assert_int_equal(p->mm->locked, 2);
	assert_int_equal(p->mm->rss_anon, 0);
	whole_store(p, AT, 1);
	assert_int_equal(m->h->mlocked, 1);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &e), 0);               /* from on fault to at once */
	assert_int_equal(p->mm->locked, 2);
	assert_int_equal(p->mm->rss_anon, 2);
	assert_checks(m->h);
}

static void a_hole_leaves_the_part_before_locked_but_not_brought_in(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	map_fixed(p, AT + 3 * KB4, KB4, RW);
	assert_int_equal(vm_mlock(p, AT, 4 * KB4, false, &e), -ENOMEM);
	assert_string_equal(e.why, "nothing is mapped at 0x10000002000");
	assert_int_equal(p->mm->locked, 2);
	assert_int_equal(p->mm->rss_anon, 0);
	assert_int_equal(vm_munlock(p, AT, 4 * KB4, &e), -ENOMEM);
	assert_int_equal(p->mm->locked, 0);
	assert_checks(m->h);
}

static void what_cannot_be_brought_in_is_locked_all_the_same(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, KB4, 0);
	assert_int_equal(vm_mlock(p, AT, KB4, false, &e), -ENOMEM);
	assert_int_equal(p->mm->locked, 1);
	assert_checks(m->h);
}

static void the_limit_counts_pages_once(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };

	map_fixed(p, AT, 4 * KB4, RW);
	limit(p, VM_RLIMIT_MEMLOCK, 2 * KB4);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &fine), 0);
	assert_int_equal(vm_mlock(p, AT + KB4, KB4, false, &fine), 0);
	assert_refused(p, vm_mlock(p, AT, 3 * KB4, false, &e), ENOMEM, 1, "RLIMIT_MEMLOCK");
	assert_refused(p, vm_mlock(p, AT, 0xfffffffffffff000, false, &e), ENOMEM, 1, "RLIMIT_MEMLOCK");
	limit(p, VM_RLIMIT_MEMLOCK, 0);
	assert_refused(p, vm_mlock(p, AT + 2 * KB4, KB4, false, &e), EPERM, -1, "RLIMIT_MEMLOCK is 0");
	assert_int_equal(vm_munlock(p, AT, 4 * KB4, &fine), 0);
}

static void locks_are_not_inherited(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *c;
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &e), 0);
	c = fork_of(p);
	assert_int_equal(c->mm->locked, 0);
	assert_false(flags_at(c, AT) & VM_F_LOCKED);
	assert_int_equal(p->mm->locked, 2);
	assert_checks(m->h);
}

static void out_of_frames_is_eagain_and_no_crash(void **state)
{
	struct whole *m = whole_with("x86-64", 64 * KB4, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 60 * KB4, RW);
	map_fixed(p, AT + GiB, 60 * KB4, RW);
	vm_mlock(p, AT, 60 * KB4, false, &e);
	assert_int_equal(vm_mlock(p, AT + GiB, 60 * KB4, false, &e), -EAGAIN);
	assert_checks(m->h);
	whole_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(locking_brings_pages_in_and_rounds_outwards),
		TEST(on_fault_brings_nothing_in),
		TEST(a_hole_leaves_the_part_before_locked_but_not_brought_in),
		TEST(what_cannot_be_brought_in_is_locked_all_the_same),
		TEST(the_limit_counts_pages_once),
		TEST(locks_are_not_inherited),
		cmocka_unit_test(out_of_frames_is_eagain_and_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
