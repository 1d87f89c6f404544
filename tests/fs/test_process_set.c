/* test_process_set.c - `set` of a process: shown as real, told by check and page/, out of the processors' sums. */
#include "fs_test.h"
#include "vm_proc.h"

#define CTL "proc/2/ctl"

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 16 * MiB);

	run_line(w, "hosts/host0/ctl", "spawn p");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	assert_checked(*state);
	world_free(*state);
	return 0;
}

/* Field `n` of stat, counted from 1; the name holds no blank. */
static char *field(struct world *w, const char *path, unsigned n)
{
	g_autofree char *stat = read_path(w, path);
	g_auto(GStrv) words = g_strsplit(g_strchomp(stat), " ", -1);

	return g_strdup(words[n - 1]);
}

static void assert_field(struct world *w, const char *path, unsigned n, const char *wanted)
{
	g_autofree char *got = field(w, path, n);

	if (strcmp(got, wanted))
		print_error("%s, field %u\n", path, n);
	assert_string_equal(got, wanted);
}

static void assert_holds(struct world *w, const char *path, const char *text, bool wanted)
{
	g_autofree char *got = read_path(w, path);

	if ((strstr(got, text) != NULL) != wanted)
		print_error("%s: %s\n%s", path, text, got);
	assert_int_equal(strstr(got, text) != NULL, wanted);
}

static void what_is_set_is_shown_as_real(void **state)
{
	static const struct { const char *line; unsigned field; const char *shown; } cases[] = {
		{ "set utime 3.5s", 14, "350" }, { "set stime 20ms", 15, "2" }, { "set nice -5", 19, "-5" },
		{ "set state D", 3, "D" }, { "set state T", 3, "T" }, { "set pgrp 77", 5, "77" }, { "set session 78", 6, "78" },
		{ "set tty tty3", 7, "1027" }, { "set tty pts/5", 7, "34821" }, { "set tty /dev/pts/300", 7, "1083436" },
		{ "set tty 1025", 7, "1025" }, { "set tty -", 7, "0" },
		{ "set starttime 12s", 22, "1200" }, { "set minflt 1000", 10, "1000" }, { "set majflt 20", 12, "20" },
		{ "set utime 1s", 14, "100" }, { "set comm other", 2, "(other)" },
		{ "set comm \"a name of more than 15\"", 2, "(a" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		run_line(*state, CTL, cases[i].line);
		assert_field(*state, "proc/2/stat", cases[i].field, cases[i].shown);
	}
	run_line(*state, CTL, "set nvcsw 5");
	run_line(*state, CTL, "set nivcsw 6");
	assert_holds(*state, "proc/2/status", "\nvoluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\t6\n", true);
	run_line(*state, CTL, "set io 1 2 3 4 5 6");
	assert_holds(*state, "proc/2/io", "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n", true);
	run_line(*state, CTL, "set cmdline prog -x \"a b\"");
	assert_holds(*state, "proc/2/cmdline", "prog", true);
}

static void a_command_line_of_any_bytes(void **state)
{
	struct vm_proc *p;
	const char *line;
	size_t len;

	run_line(*state, CTL, "set cmdline \"one\\ntwo\" \"\\377)(\" \"\"");
	p = vm_proc_at(world_host_named(*state, "host0")->vm, 2);
	line = vm_proc_cmdline(p, &len);
	assert_int_equal(len, 13);
	assert_memory_equal(line, "one\ntwo\0\377)(\0\0", 13);
	run_line(*state, CTL, "set cmdline");
	vm_proc_cmdline(p, &len);
	assert_int_equal(len, 0);
}

static void times_go_on_from_what_was_set(void **state)
{
	run_line(*state, CTL, "set minflt 1000");
	run_line(*state, CTL, "touch 0x404000");
	assert_field(*state, "proc/2/stat", 10, "1001");
}

static void a_set_time_is_no_time_of_a_processor(void **state)
{
	g_autofree char *before = read_path(*state, "proc/stat"), *after = NULL;

	run_line(*state, CTL, "set utime 1000s");
	run_line(*state, CTL, "set stime 1000s");
	after = read_path(*state, "proc/stat");
	*strchr(after, '\n') = *strchr(before, '\n') = '\0';
	assert_string_equal(after, before);
	run_line(*state, CTL, "fork");
	run_line(*state, CTL, "exit");                        /* init takes the times over */
	g_free(g_steal_pointer(&after));
	after = read_path(*state, "proc/stat");
	assert_null(strstr(after, "100000"));
}

static void check_and_page_tell_what_was_set(void **state)
{
	assert_holds(*state, "check", "set:", false);
	run_line(*state, CTL, "set utime 3.5s");
	run_line(*state, CTL, "set cmdline a \"b c\"");
	assert_holds(*state, "check", "ok\nset: host0: 2 utime 3.500000000s\nset: host0: 2 cmdline a \"b c\"\n", true);
	assert_holds(*state, "proc/2/page/0x400000", "\nset=utime 3.500000000s\n", true);
	assert_holds(*state, "proc/1/page/0x400000", "set=", false);
}

static void parents_change(void **state)
{
	struct err e;

	run_line(*state, "hosts/host0/ctl", "spawn q");
	run_line(*state, CTL, "set ppid 3");
	assert_field(*state, "proc/2/stat", 4, "3");
	assert_holds(*state, "proc/3/task/3/children", "2 ", true);
	assert_int_equal(write_line(*state, "proc/3/ctl", "set ppid 2", NULL, &e), -EINVAL);   /* a circle */
	assert_int_equal(write_line(*state, CTL, "set ppid 2", NULL, &e), -EINVAL);
	run_line(*state, CTL, "set ppid 0");                                                  /* as kthreadd's */
	assert_field(*state, "proc/2/stat", 4, "0");
	assert_holds(*state, "proc/2/status", "\nPPid:\t0\n", true);
	assert_holds(*state, "hosts/host0/fixture", "\n2 set ppid 0\n", true);
	assert_checked(*state);
	run_line(*state, CTL, "set ppid 3");
	assert_field(*state, "proc/2/stat", 4, "3");
	assert_int_equal(write_line(*state, CTL, "set ppid 99", NULL, &e), -ESRCH);
	assert_int_equal(write_line(*state, "proc/1/ctl", "set ppid 2", NULL, &e), -EINVAL);
	run_line(*state, "proc/3/ctl", "exit");
	assert_field(*state, "proc/2/stat", 4, "1");
}

static void a_zombie_stays_until_someone_waits(void **state)
{
	struct node n;

	run_line(*state, CTL, "set state Z");
	assert_field(*state, "proc/2/stat", 3, "Z");
	assert_holds(*state, "proc/2/cmdline", "p", false);
	assert_holds(*state, "check", "set: host0: 2 state Z\n", true);
	assert_checked(*state);
	run_line(*state, "proc/1/ctl", "wait 2");
	assert_int_equal(tree_path(*state, "proc/2", &n), -ENOENT);
}

static void a_state_stays_until_a_signal_or_the_end(void **state)
{
	struct node n;

	run_line(*state, CTL, "set state T");
	run_line(*state, CTL, "kill CONT");
	assert_field(*state, "proc/2/stat", 3, "S");
	run_line(*state, CTL, "set state D");
	run_line(*state, CTL, "kill STOP");
	assert_field(*state, "proc/2/stat", 3, "T");
	run_line(*state, CTL, "set state D");
	run_line(*state, CTL, "exit");
	assert_int_equal(tree_path(*state, "proc/2", &n), -ENOENT);
}

static void threads_have_their_own(void **state)
{
	run_line(*state, CTL, "clone");
	run_line(*state, "proc/2/task/3/ctl", "set utime 2s");
	run_line(*state, "proc/2/task/3/ctl", "set comm helper");
	run_line(*state, "proc/2/task/3/ctl", "set state R");
	assert_field(*state, "proc/2/task/3/stat", 14, "200");
	assert_field(*state, "proc/2/task/3/stat", 2, "(helper)");
	assert_field(*state, "proc/2/task/3/stat", 3, "R");
	assert_field(*state, "proc/2/task/2/stat", 3, "S");
	assert_field(*state, "proc/2/stat", 14, "200");
	assert_field(*state, "proc/2/stat", 2, "(p)");
}

static void what_cannot_be_is_refused(void **state)
{
	static const char *const lines[] = {
		"set", "set colour red", "set utime", "set utime 3", "set utime x", "set utime -1s", "set nice 20", "set nice -21",
		"set state", "set state Q", "set state RS", "set pgrp -1", "set tty tty64", "set tty pts", "set minflt -1",
		"set io 1", "set io 1 2 3 4 5 x", "set comm", "set comm a b", "set sp", "set utime 1s 2s",
	};
	g_autofree char *before = read_path(*state, "proc/2/stat"), *after = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct err e;
		int code = write_line(*state, CTL, lines[i], NULL, &e);

		if (code >= 0)
			print_error("%s\n", lines[i]);
		assert_true(code == -EINVAL || code == -ERANGE);
	}
	after = read_path(*state, "proc/2/stat");
	assert_string_equal(after, before);
	assert_holds(*state, "check", "set:", false);
}

int main(void)
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_set_is_shown_as_real), CASE(a_command_line_of_any_bytes), CASE(times_go_on_from_what_was_set),
		CASE(a_set_time_is_no_time_of_a_processor), CASE(check_and_page_tell_what_was_set), CASE(parents_change),
		CASE(a_zombie_stays_until_someone_waits), CASE(a_state_stays_until_a_signal_or_the_end),
		CASE(threads_have_their_own), CASE(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
