/* test_fixture.c - hosts/H/fixture: what it says, written into a fresh host, gives the same processes. */
#include "fs_test.h"
#include "vm_proc.h"

static int setup(void **state)
{
	struct world_options o = { .ram_bytes = 16 * MiB, .swap_bytes = 16 * MiB, .seed = 1, .cpus = 1,
				   .geometry = *vm_geometry_preset("x86-64") };
	struct err e = { 0 };

	*state = world_new(&o, &e);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	assert_checked(*state);
	world_free(*state);
	return 0;
}

static void run_lines(struct world *w, const char *path, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 0; lines[i]; i++)
		run_line(w, path, lines[i]);
}

/* Without device and inode, which belong to a host. */
static char *without_identity(const char *text)
{
	g_autoptr(GRegex) identity = g_regex_new(" [0-9a-f]+:[0-9a-f]+ [0-9]+ *", 0, 0, NULL);

	return g_regex_replace_literal(identity, text, -1, 0, " ", 0, NULL);
}

static void assert_same(struct world *w, const char *name)
{
	g_autofree char *a = g_strconcat("hosts/host0/", name, NULL), *b = g_strconcat("hosts/b/", name, NULL);
	g_autofree char *of_a = read_path(w, a), *of_b = read_path(w, b);
	g_autofree char *left = without_identity(of_a), *right = without_identity(of_b);

	if (strcmp(left, right))
		print_error("%s\n", name);
	assert_string_equal(right, left);
}

static void assert_rebuilt(struct world *w)
{
	static const char *const files[] = { "stat", "statm", "status", "maps", "smaps", "smaps_rollup", "cmdline", "comm", "io",
					     "limits", "oom_score", "numa_maps" };
	g_autofree char *fixture = read_path(w, "hosts/host0/fixture"), *again = NULL;
	struct vm_host *vm = world_host_named(w, "host0")->vm;
	struct vm_proc_info info;
	struct err e;

	assert_int_equal(world_add_host(w, "b", &e), 0);
	run_lines(w, "hosts/b/ctl", fixture);
	again = read_path(w, "hosts/b/fixture");
	assert_string_equal(again, fixture);
	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		vm_proc_info(p, &info);
		for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
			g_autofree char *name = g_strdup_printf("proc/%d/%s", info.pid, files[i]);

			assert_same(w, name);
		}
	}
	assert_same(w, "proc/uptime");
	assert_same(w, "proc/loadavg");
}

static void a_fresh_host_needs_only_its_uptime(void **state)
{
	g_autofree char *text = read_path(*state, "hosts/host0/fixture");

	assert_string_equal(text, "set uptime 0.000000000s\n");
	assert_rebuilt(*state);
}

static void memory_is_rebuilt(void **state)
{
	run_lines(*state, "hosts/host0/ctl",
		  "spawn program uid=5 gid=6\n"
		  "2 touch 0x400000 0x2000 x\n2 touch 0x402000 0x1000 w\n2 brk +0x5123\n2 touch 0x404000 0x7000 w\n"
		  "2 mmap 0x7f0000000000 0x10000 rw- private,anon,fixed\n"
		  "2 touch 0x7f0000001000 0x2000 r\n2 touch 0x7f0000004000 0x3000 w\n"
		  "2 mmap 0x7f0000100000 0x8000 rw- shared,anon,fixed\n2 touch 0x7f0000100000 0x2000 w\n2 touch 0x7f0000103000 0x2000 r\n"
		  "2 mmap 0x7f0000200000 0x4000 rw- private,anon,fixed\n2 touch 0x7f0000200000 0x2000 w\n"
		  "2 mprotect 0x7f0000200000 0x4000 r--\n"
		  "2 mmap 0x7f0000300000 0x4000 rw- private,anon,fixed\n2 touch 0x7f0000300000 0x4000 w\n"
		  "2 mprotect 0x7f0000300000 0x2000 ---\n"
		  "2 mmap 0x7f0000400000 0x4000 rw- private,anon,fixed\n2 touch 0x7f0000400000 0x4000 w\n"
		  "2 madvise 0x7f0000401000 0x2000 pageout\n"
		  "2 mmap 0x7f0000500000 0x3000 rw- private,anon,fixed,locked\n"
		  "spawn empty bare brk=0x800000");
	assert_rebuilt(*state);
}

static void families_threads_and_states_are_rebuilt(void **state)
{
	run_lines(*state, "hosts/host0/ctl",
		  "spawn a\n2 fork\n3 fork\nspawn late pid=50\nspawn early ppid=50 pid=40 uid=1000\n50 clone\n50 clone tid=100\n"
		  "40 set state Z\n3 kill STOP\n4 set state D\n4 set nice -3\n2 set pgrp 1\n2 set session 1\n2 set tty tty2\n"
		  "50 setrlimit NOFILE 77\n50 set cmdline \"a b\" \"\" \"\\377\\n\"\n1 set cmdline /sbin/init splash\n"
		  "1 set starttime 1s\n2 set io 1 2 3 4 5 6\n2 set nvcsw 7\n2 set comm \"a) (b\\n\"\n100 set comm its-own");
	assert_rebuilt(*state);
	assert_same(*state, "proc/50/task/100/comm");
	g_autofree char *comm = read_path(*state, "hosts/b/proc/50/task/100/comm");
	assert_string_equal(comm, "its-own\n");
	assert_same(*state, "proc/50/task/50/children");
}

static void descriptors_are_rebuilt(void **state)
{
	run_lines(*state, "hosts/host0/ctl",
		  "spawn a\n2 set fd 0 /dev/null r\n2 set fd 7 \"anon_inode:[eventpoll]\"\n2 set fd 1000 /var/log/x w 512\n"
		  "2 set fd 4 pipe:[123] w");
	assert_rebuilt(*state);
	assert_same(*state, "proc/2/fdinfo/1000");
	g_autofree char *position = read_path(*state, "hosts/b/proc/2/fdinfo/1000");
	assert_non_null(strstr(position, "pos:\t512\n"));
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *name = g_strdup_printf("proc/2/fd/%u", (unsigned[]){ 0, 7, 1000, 4 }[i]);
		g_autoptr(GString) text = g_string_new(NULL);
		struct node dir = at(*state, "hosts/b/proc/2/fd"), link;

		assert_int_equal(tree_find(&dir, strrchr(name, '/') + 1, &link), 0);
		assert_int_equal(node_show(&link, text, NULL), 0);
		assert_string_equal(text->str, ((const char *const[]){ "/dev/null", "anon_inode:[eventpoll]", "/var/log/x", "pipe:[123]" })[i]);
	}
}

static void sockets_are_rebuilt(void **state)
{
	run_lines(*state, "hosts/host0/ctl",
		  "spawn server uid=33\nset-socket tcp 0.0.0.0:80 - LISTEN pid=2 fd=3\n"
		  "set-socket tcp 10.0.2.15:80 10.0.2.2:51234 ESTABLISHED pid=2 fd=9 rxq=17 txq=290\n"
		  "set-socket tcp 10.0.2.15:80 10.0.2.2:51235 TIME_WAIT\nset-socket udp 0.0.0.0:53 - - pid=2 fd=1");
	assert_rebuilt(*state);
}

static void what_the_host_was_told_is_kept(void **state)
{
	run_lines(*state, "hosts/host0/ctl", "set loadavg 1 2 3\nset hostname box\nset uptime 3600s\nspawn a");
	assert_rebuilt(*state);
	assert_same(*state, "proc/sys/kernel/hostname");
}

static void commands_of_fixtures_refuse_nonsense(void **state)
{
	static const struct { const char *line; int code; } cases[] = {
		{ "2 area", -EINVAL }, { "2 area x", -EINVAL }, { "2 area \"400000-401000 r-xp 0 0:0 0\"", -EEXIST },
		{ "2 area \"100000-101000 r-xp 0 0:0 0\\n102000-103000 r-xp 0 0:0 0\"", -EINVAL },
		{ "2 area \"100001-101000 r-xp 0 0:0 0\"", -EINVAL }, { "2 clone tid=0", -EINVAL }, { "2 clone tid=2", -EEXIST },
		{ "2 clone tid=99999999", -EINVAL }, { "2 set fd", -EINVAL }, { "2 set fd x /dev/null", -EINVAL },
		{ "2 set fd 3", -EINVAL }, { "2 set fd 3 \"\"", -EINVAL }, { "2 set fd 3 /x q", -EINVAL },
		{ "2 set fd 99999999 /x", -EBADF }, { "2 set image 1 2", -EINVAL },
		{ "2 set image 0 0 0 0 2 1 0 0 0 0 0", -EINVAL }, { "2 set image 0 0 0 0 0 0 0xffffffffffffffff 0 0 0 0", -EINVAL },
	};
	g_autofree char *before = NULL, *after = NULL;

	run_line(*state, "hosts/host0/ctl", "spawn a");
	before = read_path(*state, "hosts/host0/fixture");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct err e;
		int code = write_line(*state, "hosts/host0/ctl", cases[i].line, NULL, &e);

		if (code != cases[i].code)
			print_error("%s: %d %s\n", cases[i].line, code, e.why);
		assert_int_equal(code, cases[i].code);
	}
	after = read_path(*state, "hosts/host0/fixture");
	*strstr(before, "2 set utime") = *strstr(after, "2 set utime") = '\0';   /* calls that fail take time */
	assert_string_equal(after, before);
	run_line(*state, "hosts/host0/ctl", "2 set fd 3 /x r");
	struct err e;
	assert_int_equal(write_line(*state, "hosts/host0/ctl", "2 set fd 3 /x r", NULL, &e), -EBUSY);
}

/* Most processes of a large machine; their tables come with their first fault, as those of the machine did. */
static void what_was_never_touched_takes_no_frame(void **state)
{
	struct world *w = *state;
	g_autofree char *fixture = NULL, *again = NULL, *memory = NULL, *other = NULL, *cpu = NULL;
	struct err e;

	run_line(w, "hosts/host0/ctl", "spawn -n 20 worker");
	run_line(w, "hosts/host0/ctl", "spawn touched bare");
	run_line(w, "hosts/host0/ctl", "2 touch 0x404000");
	fixture = read_path(w, "hosts/host0/fixture");
	assert_int_equal(world_add_host(w, "b", &e), 0);
	run_lines(w, "hosts/b/ctl", fixture);
	again = read_path(w, "hosts/b/fixture");
	assert_string_equal(again, fixture);
	memory = read_path(w, "hosts/host0/proc/meminfo");
	other = read_path(w, "hosts/b/proc/meminfo");
	assert_string_equal(other, memory);
	cpu = read_path(w, "hosts/b/proc/9/cpu");
	assert_true(g_str_has_prefix(cpu, "ptbr=-\n"));
}

static void a_table_that_comes_later_is_for_a_bare_process(void **state)
{
	refuse(*state, "hosts/host0/ctl", "spawn a ptbr=-", EINVAL);
	refuse(*state, "hosts/host0/ctl", "spawn a bare ptbr=0x1000", EINVAL);
	run_line(*state, "hosts/host0/ctl", "spawn a bare ptbr=-");
	run_line(*state, "proc/2/ctl", "mmap 0x10000 4096 rw- private,anon,fixed");
	run_line(*state, "proc/2/ctl", "touch 0x10000 4096 w");
}

int main(void)
{
#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_fresh_host_needs_only_its_uptime), CASE(memory_is_rebuilt), CASE(families_threads_and_states_are_rebuilt),
		CASE(descriptors_are_rebuilt), CASE(sockets_are_rebuilt), CASE(what_the_host_was_told_is_kept), CASE(commands_of_fixtures_refuse_nonsense),
		CASE(what_was_never_touched_takes_no_frame), CASE(a_table_that_comes_later_is_for_a_bare_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
