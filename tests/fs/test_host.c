/* test_host.c - a host's ctl: spawn, set, reboot, commands to a process by pid; and proc/ with its pids. */
#include "fs_test.h"
#include "vm_proc.h"

static int setup(void **state)
{
	*state = world_with("x86-64", 16 * MiB);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static uint64_t processes(struct world *w)
{
	struct host *h = w->hosts->pdata[0];

	return vm_proc_count(h->vm);
}

static void spawn_gives_the_pid(void **state)
{
	g_autofree char *first = command(*state, "hosts/host0/ctl", "spawn a");
	g_autofree char *second = command(*state, "hosts/host0/ctl", "spawn b bare brk=0x10000000");
	g_autofree char *comm = read_path(*state, "hosts/host0/proc/3/comm");
	g_autofree char *maps = read_path(*state, "hosts/host0/proc/3/maps");

	assert_string_equal(first, "2");
	assert_string_equal(second, "3");
	assert_string_equal(comm, "b\n");
	assert_string_equal(maps, "");
}

static void spawn_n_gives_the_first_and_the_last_pid(void **state)
{
	g_autofree char *pids = command(*state, "hosts/host0/ctl", "spawn -n 5 many uid=7 gid=8");
	struct node n = at(*state, "hosts/host0/proc/4");
	struct stat st;

	assert_string_equal(pids, "2 6");
	assert_int_equal(tree_attr(&n, &st), 0);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_gid, 8);
}

static void a_refused_spawn_changes_nothing(void **state)
{
	static const struct { const char *line; int code; } bad[] = {
		{ "spawn", EINVAL }, { "spawn -n", EINVAL }, { "spawn -n 5", EINVAL }, { "spawn -n 0 x", EINVAL },
		{ "spawn -n x y", EINVAL }, { "spawn -n 99999999999999999999 x", ERANGE }, { "spawn \"\"", EINVAL },
		{ "spawn x bare y", EINVAL }, { "spawn x brk=5", EINVAL }, { "spawn x uid=-1", EINVAL },
		{ "spawn x uid=99999999999", EINVAL }, { "spawn x nofile", ENOENT }, { "spawn -n 2 x pid=9", EINVAL },
		{ "spawn x pid=1", EEXIST }, { "spwan x", EINVAL }, { "99 fork", ESRCH }, { "1", EINVAL },
		{ "99999999999999999999 fork", ERANGE }, { "1 frok", EINVAL }, { "spawn \"x", EINVAL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		refuse(*state, "hosts/host0/ctl", bad[i].line, bad[i].code);
		assert_int_equal(processes(*state), 1);
	}
}

static void a_nul_byte_is_refused_where_a_name_would_end_at_it(void **state)
{
	static const struct { const char *path, *line; int column; } bad[] = {
		{ "hosts/host0/ctl", "spawn \"a\\0b\"", 6 }, { "hosts/host0/ctl", "set hostname \"a\\x00b\"", 13 },
		{ "hosts/host0/ctl", "1 execve \"/\\0\"", 9 }, { "proc/1/ctl", "open \"a\\0\"", 5 },
		{ "proc/1/ctl", "write \"0x40\\0\" 41", 6 }, { "mem/geometry", "\"x86-64\\0z\"", 0 },
		{ "mem/config", "\"trace_access=1\\0\"", 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct err e;

		assert_int_equal(write_line(*state, bad[i].path, bad[i].line, NULL, &e), -EINVAL);
		assert_int_equal(e.arg, bad[i].column);
		assert_non_null(strstr(e.why, "NUL"));
	}
	assert_int_equal(processes(*state), 1);
}

static void spawn_without_memory_for_all_makes_none(void **state)
{
	struct err e;
	int error = write_line(*state, "hosts/host0/ctl", "spawn -n 20000 x bare", NULL, &e);

	assert_int_equal(error, -ENOMEM);
	assert_int_equal(processes(*state), 1);
}

static void a_fixture_chooses_pid_and_parent(void **state)
{
	g_autofree char *pid = command(*state, "hosts/host0/ctl", "spawn a pid=40");
	g_autofree char *child = command(*state, "hosts/host0/ctl", "spawn b pid=30 ppid=40");
	g_autofree char *status = read_path(*state, "hosts/host0/proc/30/status");
	g_autofree char *ppid = line_of(status, "PPid:\t");

	assert_string_equal(pid, "40");
	assert_string_equal(child, "30");
	assert_string_equal(ppid, "40");
}

static void a_pid_before_a_command_names_its_process(void **state)
{
	g_autofree char *child = NULL;

	run_line(*state, "hosts/host0/ctl", "spawn a");
	child = command(*state, "hosts/host0/ctl", "2 fork");

	assert_string_equal(child, "3");
	run_line(*state, "hosts/host0/ctl", "# nothing");
	run_line(*state, "hosts/host0/ctl", "   ");
}

static void set_shows_in_proc(void **state)
{
	run_line(*state, "hosts/host0/ctl", "set loadavg 0.5 1.25 2");
	run_line(*state, "hosts/host0/ctl", "set uptime 3600s");
	run_line(*state, "hosts/host0/ctl", "set btime 1700000000");
	run_line(*state, "hosts/host0/ctl", "set hostname box");
	run_line(*state, "hosts/host0/ctl", "set vmstat pgpgin 77");
	g_autofree char *load = read_path(*state, "hosts/host0/proc/loadavg");
	g_autofree char *uptime = read_path(*state, "hosts/host0/proc/uptime");
	g_autofree char *stat = read_path(*state, "hosts/host0/proc/stat");
	g_autofree char *vmstat = read_path(*state, "hosts/host0/proc/vmstat");
	g_autofree char *name = read_path(*state, "hosts/host0/proc/sys/kernel/hostname");
	g_autofree char *btime = line_of(stat, "btime "), *pgpgin = line_of(vmstat, "pgpgin ");

	assert_true(g_str_has_prefix(load, "0.50 1.25 2.00 "));
	assert_true(g_str_has_prefix(uptime, "3600.00 "));
	assert_string_equal(btime, "1700000000");
	assert_string_equal(pgpgin, "77");
	assert_string_equal(name, "box\n");
}

static void bad_settings_are_refused(void **state)
{
	static const char *const bad[] = { "set", "set x", "set loadavg", "set loadavg 1 2", "set loadavg a b c",
					   "set loadavg -1 0 0", "set uptime 5", "set uptime x", "set cpu 1", "set ctxt -1",
					   "set hostname \"\"", "set hostname \"a b\"", "set vmstat pgpgin", "set btime 1 2" };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		refuse(*state, "hosts/host0/ctl", bad[i], EINVAL);
}

static void reboot_gives_the_host_as_it_was_made(void **state)
{
	struct node before = at(*state, "hosts/host0/mem/size");

	run_line(*state, "hosts/host0/ctl", "spawn -n 3 x");
	g_autofree char *maps = read_path(*state, "proc/2/maps");
	run_line(*state, "hosts/host0/ctl", "reboot");
	assert_int_equal(processes(*state), 1);
	assert_false(node_alive(&before));
	g_autofree char *pid = command(*state, "hosts/host0/ctl", "spawn x");
	assert_string_equal(pid, "2");
	g_autofree char *again = read_path(*state, "proc/2/maps");
	assert_string_equal(maps, again);
}

static void pids_are_listed_in_order_and_found(void **state)
{
	struct node dir = at(*state, "hosts/host0/proc"), child;
	uint64_t cookie = 0;
	char name[256];
	int32_t last = 0;
	unsigned pids = 0;

	run_line(*state, "hosts/host0/ctl", "spawn x pid=100");
	run_line(*state, "hosts/host0/ctl", "spawn x pid=9");
	while (tree_list(&dir, &cookie, name, &child)) {
		struct node found;

		assert_int_equal(tree_find(&dir, name, &found), 0);
		assert_true(node_equal(&child, &found));
		if (!g_ascii_isdigit(name[0]))
			continue;
		assert_true(atoi(name) > last);
		last = atoi(name);
		pids++;
	}
	assert_int_equal(pids, 3);
	assert_int_equal(last, 100);
}

static void a_listing_goes_on_where_it_was_whatever_is_born_and_dies(void **state)
{
	struct node dir = at(*state, "hosts/host0/proc"), child;
	char name[256];
	uint64_t cookie = 0;
	unsigned seen = 0;

	run_line(*state, "hosts/host0/ctl", "spawn -n 20 x");
	while (tree_list(&dir, &cookie, name, &child)) {
		if (strcmp(name, "10") == 0)
			run_line(*state, "hosts/host0/ctl", "10 exit");
		if (strcmp(name, "12") == 0)
			run_line(*state, "hosts/host0/ctl", "3 exit");
		seen += g_ascii_isdigit(name[0]);
	}
	assert_int_equal(seen, 21);
}

static void names_that_are_no_pids_are_not_found(void **state)
{
	static const char *const bad[] = { "0", "01", "+1", "-1", "1x", " 1", "2", "4294967297", "99999999999999999999" };
	struct node dir = at(*state, "hosts/host0/proc"), child;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(tree_find(&dir, bad[i], &child), -ENOENT);
}

static void the_reader_finds_itself_as_init(void **state)
{
	struct world *w = *state;
	struct node dir = at(w, "hosts/host0/proc"), child, init = at(w, "hosts/host0/proc/1");
	g_autoptr(GString) self = g_string_new(NULL);
	struct err e = { 0 };

	w->reader = 4711;
	assert_int_equal(tree_find(&dir, "self", &child), 0);
	assert_int_equal(node_show(&child, self, &e), 0);
	assert_string_equal(self->str, "4711");
	assert_int_equal(tree_find(&dir, "4711", &child), 0);
	assert_true(child.for_reader);
	assert_true(node_equal(&child, &init));
	w->reader = 4712;
	assert_int_equal(tree_find(&dir, "4711", &child), -ENOENT);
	w->reader = 1;
	assert_int_equal(tree_find(&dir, "1", &child), 0);
	assert_false(child.for_reader);
	w->reader = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spawn_gives_the_pid, setup, teardown),
		cmocka_unit_test_setup_teardown(spawn_n_gives_the_first_and_the_last_pid, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_spawn_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nul_byte_is_refused_where_a_name_would_end_at_it, setup, teardown),
		cmocka_unit_test_setup_teardown(spawn_without_memory_for_all_makes_none, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fixture_chooses_pid_and_parent, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pid_before_a_command_names_its_process, setup, teardown),
		cmocka_unit_test_setup_teardown(set_shows_in_proc, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_settings_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(reboot_gives_the_host_as_it_was_made, setup, teardown),
		cmocka_unit_test_setup_teardown(pids_are_listed_in_order_and_found, setup, teardown),
		cmocka_unit_test_setup_teardown(a_listing_goes_on_where_it_was_whatever_is_born_and_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_are_no_pids_are_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(the_reader_finds_itself_as_init, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
