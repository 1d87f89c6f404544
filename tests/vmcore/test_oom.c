/* test_oom.c - memory and swap are full: who has to go. */
#include "machine.h"

enum { A = 0x10000000 };

static struct machine *live(uint64_t frames, uint64_t slots)
{
	return machine_with((struct vm_options){ .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = frames * PAGE,
						 .swap_bytes = slots * PAGE, .cpus = 1, .seed = 1, .serial = 1, .live = true });
}

/* Touches pages, however long it has to wait; 0 or the error that ended it. */
static int touch(struct machine *m, int32_t pid, va_t at, uint64_t pages)
{
	for (uint64_t done = 0;;) {
		struct vm_proc *p = vm_proc_at(m->host, pid);
		struct vm_outcome out;
		struct err e = { 0 };
		int r = p ? vm_touch(p, at + done, pages * PAGE - done, PAGE, VM_WRITE, &out, &e) : -ESRCH;

		if (r != -EINPROGRESS)
			return r;
		done += out.done;
		assert_true(clock_step(&m->clock));
	}
}

static int32_t with_pages(struct machine *m, const char *name, uint64_t pages)
{
	struct vm_proc *p = machine_spawn(m, name);
	struct vm_proc_info info;

	vm_proc_info(p, &info);
	map_anon(p, A, 1000 * PAGE, 3, VM_MAP_PRIVATE | VM_MAP_NORESERVE);
	if (pages)
		assert_int_equal(touch(m, info.pid, A, pages), 0);
	return info.pid;
}

static const struct event *last_kill(struct machine *m)
{
	for (uint64_t seq = m->journal.next; seq-- > journal_oldest(&m->journal);)
		if (strcmp(journal_at(&m->journal, seq)->kind->name, "oom_kill") == 0)
			return journal_at(&m->journal, seq);
	return NULL;
}

static void the_largest_goes_and_the_one_that_asked_goes_on(void **state)
{
	struct machine *m = live(64, 0);
	int32_t big = with_pages(m, "big", 30), small = with_pages(m, "small", 5);

	assert_int_equal(touch(m, small, A, 28), 0);
	assert_null(vm_proc_at(m->host, big));           /* a child of init: reaped */
	assert_int_equal(last_kill(m)->pid, big);
	assert_int_equal(last_kill(m)->value[0], small);
	assert_int_equal(last_kill(m)->value[2], 30);
	assert_string_equal(last_kill(m)->text, "big");
	assert_int_equal(vm_stats(m->host)->oom_kills, 1);
	check_machine(m);
	machine_free(m);
}

static void whoever_asks_may_be_the_largest(void **state)
{
	struct machine *m = live(64, 16);
	int32_t one = with_pages(m, "one", 20), two = with_pages(m, "two", 0);

	assert_int_equal(touch(m, two, A, 200), -ENOMEM);
	assert_null(vm_proc_at(m->host, two));
	assert_non_null(vm_proc_at(m->host, one));
	check_machine(m);
	assert_int_equal(touch(m, one, A, 20), 0);       /* all is there, or in swap */
	check_machine(m);
	machine_free(m);
}

static void oom_score_adj_decides_as_linux_does(void **state)
{
	struct machine *m = live(4000, 0);
	int32_t big = with_pages(m, "big", 900), small = with_pages(m, "small", 300);
	struct err e = { 0 };

	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, small), 1001, &e), -EINVAL);
	assert_int_equal(vm_oom_score(vm_proc_at(m->host, big)),
			 (1000 + (900 + 5) * 1000 / 4000) * 2 / 3);  /* 3 upper and leaf tables, a second leaf */
	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, small), 500, &e), 0);
	assert_int_equal(touch(m, with_pages(m, "other", 0), A, 1000), 0);
	assert_int_equal(touch(m, with_pages(m, "another", 0), A, 1000), 0);
	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, big), -1000, &e), 0);
	assert_int_equal(touch(m, with_pages(m, "last", 0), A, 1000), 0);
	assert_null(vm_proc_at(m->host, small));
	assert_non_null(vm_proc_at(m->host, big));
	assert_int_equal(vm_oom_score(vm_proc_at(m->host, big)), 0);
	check_machine(m);
	machine_free(m);
}

/* oom_badness() takes whole thousandths of all memory, which here are of 2 pages, not of 2.5. */
static void oom_score_adj_is_in_whole_pages(void **state)
{
	struct machine *m = live(2500, 0);
	int32_t p = with_pages(m, "p", 300);
	struct err e = { 0 };

	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, p), 501, &e), 0);
	assert_int_equal(vm_oom_score(vm_proc_at(m->host, p)), (1000 + (300 + 3 + 501 * 2) * 1000 / 2500) * 2 / 3);
	machine_free(m);
}

/* Linux divides all memory by 1000 first: where that leaves nothing, the setting would do nothing. */
static void oom_score_adj_decides_in_a_small_machine_too(void **state)
{
	struct machine *m = live(64, 0);
	int32_t big = with_pages(m, "big", 30), small = with_pages(m, "small", 5);
	struct err e = { 0 };

	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, small), 1000, &e), 0);
	assert_int_equal(vm_oom_score(vm_proc_at(m->host, small)), (1000 + (5 + 3 + 64) * 1000 / 64) * 2 / 3);
	assert_int_equal(touch(m, with_pages(m, "other", 0), A, 20), 0);
	assert_null(vm_proc_at(m->host, small));
	assert_non_null(vm_proc_at(m->host, big));
	assert_int_equal((int64_t)last_kill(m)->value[6], 1000);
	check_machine(m);
	machine_free(m);
}

static void a_child_inherits_oom_score_adj(void **state)
{
	struct machine *m = live(64, 0);
	struct vm_proc *p = machine_spawn(m, "p");
	struct err e = { 0 };

	assert_int_equal(vm_set_oom_score_adj(p, -17, &e), 0);
	assert_int_equal(vm_oom_score_adj(machine_fork(p)), -17);
	machine_free(m);
}

static void nobody_left_to_kill_is_an_error(void **state)
{
	struct machine *m = live(64, 0);
	int32_t p = with_pages(m, "p", 0);
	struct err e = { 0 };

	assert_int_equal(vm_set_oom_score_adj(vm_proc_at(m->host, p), -1000, &e), 0);
	assert_int_equal(touch(m, p, A, 500), -ENOMEM);
	assert_non_null(vm_proc_at(m->host, p));
	check_machine(m);
	machine_free(m);
}

static void a_switch_turns_it_off(void **state)
{
	struct machine *m = live(64, 0);
	int32_t p = with_pages(m, "p", 0);

	configure(m, "oom_kill", 0);
	assert_int_equal(touch(m, p, A, 500), -ENOMEM);
	assert_non_null(vm_proc_at(m->host, p));
	machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_goes_and_the_one_that_asked_goes_on),
		cmocka_unit_test(whoever_asks_may_be_the_largest),
		cmocka_unit_test(oom_score_adj_decides_as_linux_does),
		cmocka_unit_test(oom_score_adj_is_in_whole_pages),
		cmocka_unit_test(oom_score_adj_decides_in_a_small_machine_too),
		cmocka_unit_test(a_child_inherits_oom_score_adj),
		cmocka_unit_test(nobody_left_to_kill_is_an_error),
		cmocka_unit_test(a_switch_turns_it_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
