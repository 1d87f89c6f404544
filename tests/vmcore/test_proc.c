/* test_proc.c - tests of vmcore/proc.c, thread.c, exit.c and signal.c */
#include "whole.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, whole_setup, whole_teardown)

static uint64_t free_frames(struct vm_host *h)
{
	struct vm_memory mem;

	vm_memory(h, &mem);
	return mem.free;
}

static int32_t fork_of(struct vm_proc *p)
{
	struct err e = { 0 };
	int32_t pid = 0;

	if (vm_fork(p, &pid, &e) < 0)
		fail_msg("fork: %s", e.why);
	return pid;
}

static void a_small_program_has_text_data_heap_and_stack(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "cat", false);
	g_autofree char *areas = whole_areas(p);
	struct vm_area a;

	assert_string_equal(areas, "400000-402000 r-xp\n402000-404000 rw-p\n404000-408000 rw-p\n"
				   "7ffffffde000-7ffffffff000 rw-p");
	assert_true(vm_area_above(p, 0x404000, &a) && a.heap);
	assert_true(vm_area_above(p, 0x408000, &a) && a.stack);
	assert_string_equal(vm_proc_exe(p), "/cat");
	assert_int_equal(vm_break(p, NULL), 0x408000);
	assert_checks(m->h);
}

static void two_of_a_name_share_text_frames_but_not_data(void **state)
{
	struct whole *m = *state;
	struct vm_proc *a = whole_spawn(m->h, "emacs", false), *b = whole_spawn(m->h, "emacs", false);
	struct vm_page pa, pb;

	whole_load(a, 0x400000);
	whole_load(b, 0x400000);
	whole_store(a, 0x402000, 1);
	whole_store(b, 0x402000, 2);
	vm_page_at(a, 0x400000, &pa);
	vm_page_at(b, 0x400000, &pb);
	assert_int_equal(pa.pfn, pb.pfn);
	assert_int_equal(pa.maps, 2);
	vm_page_at(a, 0x402000, &pa);
	vm_page_at(b, 0x402000, &pb);
	assert_int_not_equal(pa.pfn, pb.pfn);
	assert_checks(m->h);
}

static void a_bare_process_has_only_a_root_table(void **state)
{
	struct whole *m = *state;
	struct vm_spawn s = { .name = "p", .bare = true, .brk = 0x18000000000 };
	struct err e = { 0 };
	uint64_t before = free_frames(m->h);
	struct vm_proc *p = vm_spawn(m->h, &s, &e);
	struct vm_cpu cpu;
	va_t start;

	assert_non_null(p);
	assert_int_equal(vm_area_count(p), 0);
	assert_int_equal(before - free_frames(m->h), 1);
	vm_cpu(p, &cpu);
	assert_int_not_equal(cpu.ptbr, PA_NONE);
	assert_int_equal(vm_break(p, &start), 0x18000000000);
	assert_null(vm_proc_exe(p));
	s.brk = 0x18000000001;
	assert_null(vm_spawn(m->h, &s, &e));
	assert_int_equal(e.code, EINVAL);
	assert_int_equal(vm_proc_count(m->h), 2);
	assert_checks(m->h);
}

static void pids_count_up_and_those_asked_for_are_given(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_spawn s = { .name = "p", .bare = true, .pid = 77, .ppid = 2 };

	assert_int_equal(vm_proc_above(m->h, 1) == NULL, true);
	whole_spawn(m->h, "a", true);
	whole_spawn(m->h, "b", true);
	assert_non_null(vm_proc_at(m->h, 3));
	assert_non_null(vm_spawn(m->h, &s, &e));
	assert_null(vm_spawn(m->h, &s, &e));
	assert_int_equal(e.code, EEXIST);
	whole_spawn(m->h, "c", true);
	assert_non_null(vm_proc_at(m->h, 4));
	assert_int_equal(vm_child_above(vm_proc_at(m->h, 2), 0), 77);
	s.pid = 0;
	s.ppid = 1000;
	assert_null(vm_spawn(m->h, &s, &e));
	assert_int_equal(e.code, ESRCH);
	m->h->last_pid = 4194302;
	whole_spawn(m->h, "d", true);
	assert_non_null(vm_proc_at(m->h, 4194303));
	whole_spawn(m->h, "e", true);
	assert_non_null(vm_proc_at(m->h, 300));
	assert_checks(m->h);
}

static void fork_gives_a_child_with_the_same_memory_and_files(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", false), *child;
	struct vm_inode *f = whole_file(m->h, NULL, "f", 100, 5);
	struct err e = { 0 };
	struct vm_fd d;
	size_t done, len;
	char byte;
	int fd;

	whole_store(p, 0x404000, 42);
	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), 0);
	child = vm_proc_at(m->h, fork_of(p));
	assert_checks(m->h);
	assert_int_equal(whole_load(child, 0x404000), 42);
	whole_store(child, 0x404000, 43);
	assert_int_equal(whole_load(p, 0x404000), 42);
	assert_int_equal(vm_fd_read(child, fd, &byte, 1, &done, &e), 0);
	assert_true(vm_fd_above(p, 0, &d));
	assert_int_equal(d.position, 1);
	assert_string_equal(vm_proc_cmdline(child, &len), "p");
	assert_int_equal(len, 2);
	assert_checks(m->h);
}

static void exit_gives_every_frame_back(void **state)
{
	struct whole *m = *state;
	uint64_t before;
	struct vm_proc *p;
	struct err e = { 0 };
	int32_t child;

	whole_load(whole_spawn(m->h, "q", false), 0x400000); /* the zero page, q's text */
	p = whole_spawn(m->h, "q", false);
	before = free_frames(m->h);
	for (va_t at = 0x402000; at < 0x408000; at += 4096)
		whole_store(p, at, 1);
	whole_load(p, 0x400000);
	child = fork_of(p);
	whole_store(vm_proc_at(m->h, child), 0x7fffffffe000, 1);
	assert_int_equal(vm_exit(p, 3, &e), 0);
	assert_checks(m->h);
	assert_int_equal(vm_exit(vm_proc_at(m->h, child), 0, &e), 0);
	assert_null(vm_proc_at(m->h, child));
	vm_writeback(m->h, &e);
	vm_drop_caches(m->h, &e);
	assert_true(free_frames(m->h) >= before);
	assert_checks(m->h);
}

static void a_zombie_waits_for_its_parent_and_orphans_go_to_init(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *child, *grandchild;
	struct err e = { 0 };
	struct vm_ended ended;
	struct vm_proc_info info;
	size_t len;

	child = vm_proc_at(m->h, fork_of(p));
	grandchild = vm_proc_at(m->h, fork_of(child));
	assert_int_equal(vm_wait(p, 0, &ended, &e), -EAGAIN);
	assert_int_equal(vm_wait(p, 1, &ended, &e), -ECHILD);
	assert_int_equal(vm_wait(grandchild, 0, &ended, &e), -ECHILD);
	assert_int_equal(vm_exit(child, 300, &e), 0);
	vm_proc_info(child, &info);
	assert_int_equal(info.state, VM_ZOMBIE);
	assert_false(info.has_memory);
	vm_proc_cmdline(child, &len);
	assert_int_equal(len, 0);
	vm_proc_info(grandchild, &info);
	assert_int_equal(info.ppid, 1);
	assert_int_equal(vm_fork(child, &info.pid, &e), -ESRCH);
	assert_int_equal(vm_kill(child, 9, &e), 0);
	assert_checks(m->h);
	assert_int_equal(vm_wait(p, 0, &ended, &e), 0);
	assert_int_equal(ended.pid, 3);
	assert_int_equal(ended.code, 300 & 0xff);
	assert_int_equal(ended.signal, 0);
	assert_null(vm_proc_at(m->h, 3));
	assert_int_equal(vm_exit(grandchild, 0, &e), 0);
	assert_null(vm_proc_at(m->h, 4));
	assert_checks(m->h);
}

static void a_zombie_child_of_a_dying_process_is_reaped(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };
	int32_t child = fork_of(p);

	vm_exit(vm_proc_at(m->h, child), 0, &e);
	assert_non_null(vm_proc_at(m->h, child));
	vm_exit(p, 0, &e);
	assert_int_equal(vm_proc_count(m->h), 1);
	assert_checks(m->h);
}

static void signals_have_linuxs_default_actions(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *child;
	struct err e = { 0 };
	struct vm_ended ended;
	int32_t pid = fork_of(p);

	child = vm_proc_at(m->h, pid);
	assert_int_equal(vm_kill(child, 65, &e), -EINVAL);
	assert_int_equal(vm_kill(child, -1, &e), -EINVAL);
	assert_int_equal(vm_kill(child, 0, &e), 0);
	assert_int_equal(vm_kill(child, 17, &e), 0);
	assert_int_equal(child->state, VM_SLEEPING);
	assert_int_equal(vm_kill(child, 19, &e), 0);
	assert_int_equal(child->state, VM_STOPPED);
	assert_int_equal(vm_kill(child, 15, &e), 0);
	assert_int_equal(child->state, VM_STOPPED);              /* TERM is pending until it goes on */
	assert_int_equal(vm_kill(child, 18, &e), 0);
	assert_int_equal(vm_wait(p, pid, &ended, &e), 0);
	assert_int_equal(ended.signal, 15);
	pid = fork_of(p);
	assert_int_equal(vm_kill(vm_proc_at(m->h, pid), 11, &e), 0);
	assert_int_equal(vm_wait(p, 0, &ended, &e), 0);
	assert_int_equal(ended.signal, 11);
	assert_int_equal(vm_kill(vm_proc_at(m->h, 1), 9, &e), -EPERM);
	assert_int_equal(vm_exit(vm_proc_at(m->h, 1), 0, &e), -EPERM);
	assert_checks(m->h);
}

static void threads_share_memory_and_pids_and_end_with_the_process(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", false);
	struct err e = { 0 };
	int32_t tid, next;
	struct vm_proc_info info;

	assert_int_equal(vm_clone_thread(p, &tid, &e), 0);
	assert_int_equal(tid, 3);
	assert_null(vm_proc_at(m->h, tid));
	assert_int_equal(fork_of(p), 4);
	assert_int_equal(vm_clone_thread(p, &next, &e), 0);
	assert_int_equal(vm_thread_above(p, 0), 2);
	assert_int_equal(vm_thread_above(p, 2), 3);
	assert_int_equal(vm_thread_above(p, 3), next);
	assert_int_equal(vm_thread_above(p, next), 0);
	assert_true(vm_thread_info(p, tid, &info));
	assert_int_equal(info.pid, tid);
	assert_int_equal(info.threads, 3);
	assert_false(vm_thread_info(p, 99, &info));
	assert_checks(m->h);
	vm_proc_info(vm_proc_at(m->h, 4), &info);
	assert_int_equal(info.threads, 1);
	vm_exit(p, 0, &e);
	assert_checks(m->h);
}

static void a_thread_exits_alone_and_the_last_one_ends_the_process(void **state)
{
	struct vm_host *h = ((struct whole *)*state)->h;
	struct vm_proc *p = whole_spawn(h, "p", true);
	struct vm_proc_info info;
	struct vm_ended ended;
	struct err e = { 0 };
	int32_t child, second, third;
	struct vm_proc *c;

	assert_int_equal(vm_fork(p, &child, &e), 0);
	c = vm_proc_at(h, child);
	assert_int_equal(vm_clone_thread(c, &second, &e), 0);
	assert_int_equal(vm_clone_thread(c, &third, &e), 0);
	assert_int_equal(vm_thread_exit(c, 99, 0, &e), -ESRCH);
	assert_int_equal(vm_thread_exit(c, second, 7, &e), 0);
	assert_false(vm_thread_info(c, second, &info));
	vm_proc_info(c, &info);
	assert_int_equal(info.threads, 2);
	assert_int_equal(vm_thread_exit(c, child, 5, &e), 0);          /* the first one: a zombie beside a living thread */
	assert_int_equal(vm_thread_exit(c, child, 5, &e), -ESRCH);
	vm_proc_info(c, &info);
	assert_int_equal(info.state, VM_ZOMBIE);
	assert_int_equal(info.threads, 2);
	assert_true(vm_thread_info(c, third, &info));
	assert_int_not_equal(info.state, VM_ZOMBIE);
	assert_false(vm_proc_ended(c));
	assert_int_equal(vm_act_as(c, child, &e), -ESRCH);
	assert_int_equal(vm_act_as(c, 0, &e), 0);
	assert_int_equal(vm_wait(p, child, &ended, &e), -EAGAIN);
	assert_checks(h);
	assert_int_equal(vm_thread_exit(c, third, 9, &e), 0);
	assert_true(vm_proc_ended(c));
	assert_int_equal(vm_wait(p, child, &ended, &e), 0);
	assert_int_equal(ended.code, 5);
	assert_checks(h);
}

static void faults_and_times_are_counted_for_the_thread_that_acts(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", false);
	struct err e = { 0 };
	struct vm_proc_info a, b, all;
	int32_t tid;

	assert_int_equal(vm_clone_thread(p, &tid, &e), 0);
	whole_store(p, 0x404000, 1);
	assert_int_equal(vm_act_as(p, 99, &e), -ESRCH);
	assert_int_equal(vm_act_as(p, tid, &e), 0);
	whole_store(p, 0x404000, 1);                     /* the page is there already: no fault */
	whole_store(p, 0x405000, 1);
	whole_store(p, 0x406000, 1);
	assert_int_equal(vm_act_as(p, p->pid, &e), 0);
	whole_store(p, 0x407000, 1);
	assert_true(vm_thread_info(p, p->pid, &a) && vm_thread_info(p, tid, &b));
	vm_proc_info(p, &all);
	assert_int_equal(a.minflt, 2);
	assert_int_equal(b.minflt, 2);
	assert_int_equal(all.minflt, 4);
	assert_int_equal(a.stime + b.stime, all.stime);
	assert_true(b.stime > 0);
	assert_int_equal(a.utime + b.utime, all.utime);
	assert_checks(m->h);
}

static void limits_are_linuxs(void **state)
{
	struct whole *m = *state;
	struct vm_spawn s = { .name = "p", .bare = true, .uid = 1000 };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(m->h, &s, &e);

	assert_int_equal(vm_getrlimit(p, VM_RLIMIT_STACK).soft, 8 * MiB);
	assert_int_equal(vm_setrlimit(p, VM_RLIMIT_NOFILE, (struct vm_limit){ 3, 3 }, &e), 0);
	assert_int_equal(vm_setrlimit(p, VM_RLIMIT_NOFILE, (struct vm_limit){ 3, 4 }, &e), -EPERM);
	assert_int_equal(vm_setrlimit(p, VM_RLIMIT_NOFILE, (struct vm_limit){ 4, 3 }, &e), -EINVAL);
	assert_int_equal(vm_setrlimit(p, VM_RLIMITS, (struct vm_limit){ 1, 1 }, &e), -EINVAL);
	assert_int_equal(vm_getrlimit(vm_proc_at(m->h, fork_of(p)), VM_RLIMIT_NOFILE).soft, 3);
	assert_int_equal(vm_setuid(p, 0, &e), -EPERM);
	assert_int_equal(vm_setuid(p, 1000, &e), 0);
}

static void a_program_that_does_not_fit_is_refused_and_changes_nothing(void **state)
{
	struct whole *m = *state;
	struct err e = { 0 };
	struct vm_geometry g = { .name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1,
				 .table = VM_TABLE_RADIX, .levels = 2, .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3,
				 .valid = 4, .write = -1, .user = -1, .nx = -1, .accessed = -1, .dirty = -1, .huge = -1,
				 .read = -1 };
	struct vm_spawn s = { .name = "p" };
	struct vm_proc *p;

	assert_int_equal(vm_host_reshape(m->h, &g, 0, &e), 0);
	p = vm_spawn(m->h, &s, &e);
	if (!p)
		fail_msg("%s", e.why);
	assert_checks(m->h);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	g.va_bits = 6;
	g.index_bits[0] = 2;
	g.index_bits[1] = 1;
	assert_int_equal(vm_host_reshape(m->h, &g, 0, &e), 0);
	assert_null(vm_spawn(m->h, &s, &e));
	assert_int_equal(e.code, ENOMEM);
	assert_int_equal(vm_proc_count(m->h), 1);
	assert_int_equal(m->h->last_pid, 2);
	assert_checks(m->h);
}

static void out_of_frames_a_fork_fails_and_changes_nothing(void **state)
{
	struct whole *m = whole_with("x86-64", 40 * 4096, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	va_t at = whole_map(p, 0, 39 * 4096, RW, PRIVATE_ANON, NULL, 0);
	struct vm_outcome o;
	struct err e = { 0 };
	int32_t pid;
	uint64_t n = 0;

	while (vm_touch(p, at + n * 4096, 1, 4096, VM_WRITE, &o, &e) == 0)
		n++;
	assert_checks(m->h);
	assert_int_equal(vm_fork(p, &pid, &e), -ENOMEM);
	assert_int_equal(vm_proc_count(m->h), 2);
	assert_int_equal(m->h->last_pid, 2);
	assert_checks(m->h);
	for (uint64_t k = 0; k < n; k++)
		whole_store(p, at + k * 4096, (uint8_t)k);
	assert_checks(m->h);
	whole_free(m);
}

static void many_processes_are_small_and_quickly_found(void **state)
{
	struct whole *m = whole_with("x86-64", 512 * MiB, 0);
	struct vm_proc *p;
	uint64_t n = 0;

	for (int k = 0; k < 20000; k++)
		whole_spawn(m->h, "p", true);
	for (p = vm_proc_above(m->h, 0); p; p = vm_proc_above(m->h, p->pid))
		n++;
	assert_int_equal(n, 20001);
	for (int32_t pid = 20001; pid > 1; pid--)
		vm_kill(vm_proc_at(m->h, pid), 9, NULL);
	assert_int_equal(vm_proc_count(m->h), 1);
	assert_true(sizeof(struct vm_proc) + sizeof(struct mm) < 1500);
	whole_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_small_program_has_text_data_heap_and_stack),
		TEST(two_of_a_name_share_text_frames_but_not_data),
		TEST(a_bare_process_has_only_a_root_table),
		TEST(pids_count_up_and_those_asked_for_are_given),
		TEST(fork_gives_a_child_with_the_same_memory_and_files),
		TEST(exit_gives_every_frame_back),
		TEST(a_zombie_waits_for_its_parent_and_orphans_go_to_init),
		TEST(a_zombie_child_of_a_dying_process_is_reaped),
		TEST(signals_have_linuxs_default_actions),
		TEST(threads_share_memory_and_pids_and_end_with_the_process),
		TEST(a_thread_exits_alone_and_the_last_one_ends_the_process),
		TEST(faults_and_times_are_counted_for_the_thread_that_acts),
		TEST(limits_are_linuxs),
		TEST(a_program_that_does_not_fit_is_refused_and_changes_nothing),
		cmocka_unit_test(out_of_frames_a_fork_fails_and_changes_nothing),
		cmocka_unit_test(many_processes_are_small_and_quickly_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
