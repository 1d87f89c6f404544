/* test_protect.c - tests of vmcore/protect.c */
#include "areas.h"

static void mprotect_refuses_what_it_cannot_understand(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	assert_refused(p, vm_mprotect(p, AT + 1, KB4, VM_PROT_READ, &e), EINVAL, 0, "0x10000000001 is not page aligned");
	assert_refused(p, vm_mprotect(p, AT, UINT64_MAX - KB4 + 1, VM_PROT_READ, &e), ENOMEM, 1, "beyond");
	assert_refused(p, vm_mprotect(p, AT, KB4, 8, &e), EINVAL, 2, "0x8");
	assert_refused(p, vm_mprotect(p, AT + 4 * KB4, KB4, VM_PROT_READ, &e), ENOMEM, 0, "0x10000004000");
	assert_refused(p, vm_mprotect(p, AT - KB4, 2 * KB4, VM_PROT_READ, &e), ENOMEM, 0, "0xfffffff000");
	assert_int_equal(vm_mprotect(p, AT + 64 * KB4, 0, VM_PROT_READ, &fine), 0);  /* nothing of nothing */
}

static void it_splits_and_merges_back(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err fine = { 0 };

	map_fixed(p, AT, 4 * KB4, RW);
	whole_store(p, AT + KB4, 1);
	assert_int_equal(vm_mprotect(p, AT + KB4, KB4, VM_PROT_READ, &fine), 0);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000001000-10000002000 r--p\n10000002000-10000004000 rw-p");
	assert_int_equal(vm_mprotect(p, AT, 2 * KB4, VM_PROT_READ, &fine), 0);
	assert_areas(p, "10000000000-10000002000 r--p\n10000002000-10000004000 rw-p");
	assert_int_equal(vm_mprotect(p, AT, 4 * KB4, RW, &fine), 0);
	assert_areas(p, "10000000000-10000004000 rw-p");
}

static void a_hole_stops_it_and_what_lies_before_has_changed(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	map_fixed(p, AT + 3 * KB4, KB4, RW);
	assert_int_equal(vm_mprotect(p, AT + KB4, 3 * KB4, VM_PROT_READ, &e), -ENOMEM);
	assert_string_equal(e.why, "nothing is mapped at 0x10000002000");
	assert_areas(p, "10000000000-10000001000 rw-p\n10000001000-10000002000 r--p\n10000003000-10000004000 rw-p");
}

static void a_read_only_description_forbids_writing(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 1);
	struct vm_map_request r = { AT + KB4, KB4, VM_PROT_READ, VM_MAP_SHARED | VM_MAP_FIXED, 0, NULL, 0 };
	struct err e = { 0 };
	va_t at;

	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &r.fd, &e), 0);
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);
	map_fixed(p, AT, KB4, VM_PROT_READ);
	assert_int_equal(vm_mprotect(p, AT, 2 * KB4, RW, &e), -EACCES);
	assert_int_equal(e.arg, 2);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000001000-10000002000 r--s"); /* the first has changed */
}

static void unwritten_memory_is_charged_only_while_writable(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 1);
	struct err e = { 0 };

	map_fixed(p, AT, KB4, RW);
	assert_int_equal(vm_mprotect(p, AT, KB4, VM_PROT_READ, &e), 0);
	assert_false(flags_at(p, AT) & VM_F_ACCOUNT);
	assert_int_equal(m->h->committed, 0);
	assert_int_equal(vm_mprotect(p, AT, KB4, RW, &e), 0);
	whole_store(p, AT, 1);
	assert_int_equal(vm_mprotect(p, AT, KB4, VM_PROT_READ, &e), 0);
	assert_true(flags_at(p, AT) & VM_F_ACCOUNT);                             /* it has been written */
	whole_map(p, AT + 8 * KB4, KB4, RW, VM_MAP_PRIVATE | VM_MAP_FIXED, f, 0);
	assert_int_equal(vm_mprotect(p, AT + 8 * KB4, KB4, VM_PROT_READ, &e), 0);
	assert_true(flags_at(p, AT + 8 * KB4) & VM_F_ACCOUNT);                   /* files keep it */
	assert_int_equal(m->h->committed, 2);
}

static void becoming_data_is_subject_to_limits(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, 4 * KB4, VM_PROT_READ);
	limit(p, VM_RLIMIT_DATA, 2 * KB4);
	assert_refused(p, vm_mprotect(p, AT, 4 * KB4, RW, &e), ENOMEM, 1, "RLIMIT_DATA");
	limit(p, VM_RLIMIT_DATA, VM_RLIM_INFINITY);
	m->h->config.overcommit = 2;
	map_fixed(p, AT + GiB, 64 * MiB, VM_PROT_READ);
	assert_refused(p, vm_mprotect(p, AT + GiB, 64 * MiB, RW, &e), ENOMEM, 1, "overcommit=2");
	assert_false(flags_at(p, AT + GiB) & VM_F_ACCOUNT);
}

static void execute_only_is_a_key_of_x86_64(void **state)
{
	struct whole *m = *state, *other = whole_with("sv39", 4 * MiB, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true), *q = whole_spawn(other->h, "q", true);
	struct err e = { 0 };

	map_fixed(p, AT, KB4, RW);
	assert_int_equal(vm_mprotect(p, AT, KB4, VM_PROT_EXEC, &e), 0);
	assert_true(flags_at(p, AT) & VM_F_EXEC_ONLY);
	assert_int_equal(vm_mprotect(p, AT, KB4, VM_PROT_EXEC | VM_PROT_READ, &e), 0);
	assert_false(flags_at(p, AT) & VM_F_EXEC_ONLY);
	map_fixed(q, 0x10000, KB4, VM_PROT_EXEC);
	assert_false(flags_at(q, 0x10000) & VM_F_EXEC_ONLY);
	whole_free(other);
}

static void memory_locked_without_access_comes_in_when_it_may(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, 0);
	assert_int_equal(vm_mlock(p, AT, 2 * KB4, false, &e), -ENOMEM);
	assert_int_equal(p->mm->rss_anon, 0);
	assert_int_equal(vm_mprotect(p, AT, 2 * KB4, RW, &e), 0);
	assert_int_equal(p->mm->rss_anon, 2);
	assert_checks(m->h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mprotect_refuses_what_it_cannot_understand),
		TEST(it_splits_and_merges_back),
		TEST(a_hole_stops_it_and_what_lies_before_has_changed),
		TEST(a_read_only_description_forbids_writing),
		TEST(unwritten_memory_is_charged_only_while_writable),
		TEST(becoming_data_is_subject_to_limits),
		TEST(execute_only_is_a_key_of_x86_64),
		TEST(memory_locked_without_access_comes_in_when_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
