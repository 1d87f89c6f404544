/* test_process_maps.c - maps written and read back; everything that a hostile text can hold. */
#include "fs_test.h"
#include "vm_disk.h"

#include <stdio.h>
#include <unistd.h>

#define CTL "proc/2/ctl"
#define MAPS "proc/2/maps"

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 16 * MiB);

	run_line(w, "hosts/host0/ctl", "spawn p bare");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* Each line without the columns of device and inode. */
static char *without_identity(const char *maps)
{
	g_auto(GStrv) lines = g_strsplit(maps, "\n", -1);
	GString *out = g_string_new(NULL);

	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = NULL;
		const char *name = strlen(lines[i]) > 73 ? lines[i] + 73 : "";

		if (!*lines[i])
			continue;
		words = g_strsplit(lines[i], " ", 6);
		assert_non_null(words[4]);
		g_string_append_printf(out, "%s %s %s %s\n", words[0], words[1], words[2], name);
	}
	return g_string_free(out, FALSE);
}

static void assert_reads_back(struct world *w, const char *text)
{
	g_autofree char *expected = without_identity(text), *now = NULL, *got = NULL;

	run_line(w, MAPS, text);
	now = read_path(w, MAPS);
	got = without_identity(now);
	assert_string_equal(got, expected);
}

static void refuse_text(struct world *w, const char *text, int code)
{
	g_autofree char *before = read_path(w, MAPS), *after = NULL;

	refuse(w, MAPS, text, code);
	after = read_path(w, MAPS);
	assert_string_equal(after, before);
}

static void the_maps_of_this_program_read_back(void **state)
{
	g_autofree char *text = NULL;

	assert_true(g_file_get_contents("/proc/self/maps", &text, NULL, NULL));
	assert_reads_back(*state, text);
}

static void the_maps_of_bash_and_python_read_back(void **state)
{
	static const char *const commands[] = {
		"bash -c 'cat /proc/$$/maps; :'", "python3 -c 'print(open(\"/proc/self/maps\").read(), end=\"\")'",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		FILE *f = popen(commands[i], "r");
		g_autoptr(GString) text = g_string_new(NULL);
		char line[4096];

		assert_non_null(f);
		while (fgets(line, sizeof(line), f))
			g_string_append(text, line);
		if (pclose(f) || !text->len)
			continue;  /* not installed */
		assert_reads_back(*state, text->str);
	}
}

static void a_line_has_its_name_at_column_73(void **state)
{
	g_autofree char *maps = NULL;

	run_line(*state, MAPS, "00400000-00401000 r-xp 00002000 08:01 77 /bin/x\n"
			       "00601000-00602000 rw-p 00000000 00:00 0 [heap]\n"
			       "7f0000000000-7f0000001000 ---p 00000000 00:00 0 \n");
	maps = read_path(*state, MAPS);
	assert_true(g_str_has_prefix(maps, "00400000-00401000 r-xp 00002000 08:01 "));
	assert_int_equal(strstr(maps, "/bin/x") - maps, 73);
	assert_non_null(strstr(maps, "\n00601000-00602000 rw-p 00000000 00:00 0                                  [heap]\n"));
	assert_true(g_str_has_suffix(maps, "\n7f0000000000-7f0000001000 ---p 00000000 00:00 0 \n"));
}

static void odd_names_read_back(void **state)
{
	assert_reads_back(*state,
		"00400000-00401000 r--p 00000000 08:01 77                                 /with blank  two\n"
		"00402000-00403000 r--p 00000000 08:01 77                                 /new\\012line\n"
		"00404000-00405000 r--s 00000000 00:01 77                                 /memfd:x (deleted)\n"
		"00406000-00407000 rw-s 00000000 00:01 77                                 /dev/zero (deleted)\n"
		"00408000-00409000 rw-s 00000000 00:01 78                                 /dev/zero (deleted)\n"
		"0040a000-0040b000 rw-p 00000000 00:00 0                                  [anon:name]\n"
		"0040c000-0040d000 rw-s 00000000 00:0e 9                                  anon_inode:[perf_event]\n"
		"7ffff7ff9000-7ffff7ffd000 r--p 00000000 00:00 0                          [vvar]\n"
		"7ffff7ffd000-7ffff7fff000 r-xp 00000000 00:00 0                          [vdso]\n"
		"7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
}

static void heap_and_stack_mean_what_they_say(void **state)
{
	g_autofree char *at = NULL;

	run_line(*state, MAPS, "00601000-00603000 rw-p 00000000 00:00 0 [heap]\n"
			       "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n");
	at = command(*state, CTL, "brk +4096");
	assert_string_equal(at, "0x604000");
	run_line(*state, CTL, "write 0x7ffffffdd000 41"); /* the stack grows */
}

static void neighbours_are_kept_apart_as_given(void **state)
{
	assert_reads_back(*state, "00600000-00601000 rw-p 00000000 00:00 0 \n00601000-00602000 rw-p 00000000 00:00 0 \n");
}

static void a_file_of_the_disk_is_used_when_it_is_there(void **state)
{
	g_autofree char *result = NULL;
	struct err e = { 0 };
	struct vm_inode *file;
	struct host *h = world_host_named(*state, "host0");

	assert_int_equal(vm_dir_create(vm_disk_root(h->vm), "x", VM_INODE_FILE, 0644, NULL, &file, &e), 0);
	assert_int_equal(vm_inode_write(file, 0, "AB", 2, &e), 2);
	run_line(*state, MAPS, "00400000-00401000 r--p 00000000 08:01 77 /x\n");
	result = command(*state, CTL, "read 0x400000 2");
	assert_true(g_str_has_prefix(result, "4142"));
}

static void a_path_that_the_disk_lacks_holds_zeros(void **state)
{
	g_autofree char *result = NULL;

	run_line(*state, MAPS, "00400000-00402000 r--p 00005000 08:01 77 /lib/none\n");
	result = command(*state, CTL, "read 0x401fff");
	assert_true(g_str_has_prefix(result, "00"));
}

static void nonsense_is_refused_and_changes_nothing(void **state)
{
	static const struct { const char *text; int code; } bad[] = {
		{ "\n", EINVAL }, { "   \n\n", EINVAL }, { "x\n", EINVAL }, { "00400000\n", EINVAL },
		{ "00400000-\n", EINVAL }, { "-00400000 r--p 0 0:0 0\n", EINVAL },
		{ "00400000-00401000\n", EINVAL }, { "00400000-00401000 \n", EINVAL },
		{ "00400000-00401000 r--\n", EINVAL }, { "00400000-00401000 rwxq 0 0:0 0\n", EINVAL },
		{ "00400000-00401000 xwrp 0 0:0 0\n", EINVAL }, { "00400000-00401000 r--p\n", EINVAL },
		{ "00400000-00401000 r--p 0\n", EINVAL }, { "00400000-00401000 r--p 0 \n", EINVAL },
		{ "00400000-00401000 r--p 0 0 0\n", EINVAL }, { "00400000-00401000 r--p 0 0:0\n", EINVAL },
		{ "00400000-00401000 r--p 0 0:0 x\n", EINVAL }, { "00400000-00401000 r--p 0 0:0 1x\n", EINVAL },
		{ "00400000-00401000 r--p 0 0:0 -1\n", EINVAL }, { "00400000-00401000 r--p -1000 0:0 1\n", EINVAL },
		{ "0x400000-0x401000 r--p 0 0:0 0\n", EINVAL },
		{ "00401000-00400000 r--p 0 0:0 0\n", EINVAL }, { "00400000-00400000 r--p 0 0:0 0\n", EINVAL },
		{ "00400001-00401000 r--p 0 0:0 0\n", EINVAL }, { "00400000-00401001 r--p 0 0:0 0\n", EINVAL },
		{ "00400000-00401000 r--p 7 0:0 0 /x\n", EINVAL },
		{ "10000000000000000-10000000000001000 r--p 0 0:0 0\n", EINVAL },
		{ "00400000-00401000 r--p 10000000000000000 0:0 0\n", EINVAL },
		{ "00400000-00402000 r--p fffffffffffff000 0:0 1 /x\n", EOVERFLOW },
		/* the second line */
		{ "00400000-00402000 r--p 0 0:0 0\n00401000-00403000 r--p 0 0:0 0\n", EINVAL },
		{ "00400000-00402000 r--p 0 0:0 0\n00300000-00301000 r--p 0 0:0 0\n", EINVAL },
		{ "00400000-00402000 r--p 0 0:0 0\nnonsense\n", EINVAL },
	};

	run_line(*state, MAPS, "00600000-00601000 rw-p 00000000 00:00 0 \n");
	run_line(*state, CTL, "write 0x600000 41");
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		refuse_text(*state, bad[i].text, bad[i].code);
}

static void areas_outside_user_space_are_refused(void **state)
{
	struct err e;

	run_line(*state, MAPS, "00600000-00601000 rw-p 00000000 00:00 0 \n");
	assert_true(write_line(*state, MAPS, "ffff800000000000-ffff800000001000 rw-p 0 0:0 0\n", NULL, &e) < 0);
	assert_true(write_line(*state, MAPS, "800000000000-800000001000 rw-p 0 0:0 0\n", NULL, &e) < 0);
	assert_true(write_line(*state, MAPS, "7fffffff0000-fffffffffffff000 rw-p 0 0:0 0\n", NULL, &e) < 0);
}

static void no_process_has_more_areas_than_linux_lets_it(void **state)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < 65532; i++)
		g_string_append_printf(text, "%x000-%x000 r--p 0 0:0 0\n", 0x400 + 2 * i, 0x401 + 2 * i);
	run_line(*state, MAPS, text->str);
	g_string_append(text, "7f0000000000-7f0000001000 r--p 0 0:0 0\n");
	refuse_text(*state, text->str, ENOMEM);
}

static void a_zombie_takes_no_maps(void **state)
{
	struct err e;
	g_autofree char *maps = NULL;

	run_line(*state, CTL, "fork");
	run_line(*state, "proc/3/ctl", "exit");
	maps = read_path(*state, "proc/3/maps");
	assert_string_equal(maps, "");
	assert_int_equal(write_line(*state, "proc/3/maps", "00400000-00401000 r--p 0 0:0 0\n", NULL, &e), -ESRCH);
}

/* Text cut at every byte, and with every byte changed: an errno or a defined layout, and the books balance. */
static void damaged_texts_never_harm(void **state)
{
	static const char text[] = "00400000-00401000 r-xp 00001000 08:01 7 /x y\n00601000-00603000 rw-p 00000000 00:00 0 [heap]\n"
				   "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0 [stack]\n";
	struct err e;

	for (size_t i = 1; i < sizeof(text); i++) {
		g_autofree char *cut = g_strndup(text, i), *changed = g_strdup(text);

		write_line(*state, MAPS, cut, NULL, &e);
		for (const char *c = "0f9-: \n[/\x80"; *c; c++) {
			changed[i - 1] = *c;
			write_line(*state, MAPS, changed, NULL, &e);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_maps_of_this_program_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_maps_of_bash_and_python_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_line_has_its_name_at_column_73, setup, teardown),
		cmocka_unit_test_setup_teardown(odd_names_read_back, setup, teardown),
		cmocka_unit_test_setup_teardown(heap_and_stack_mean_what_they_say, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_are_kept_apart_as_given, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_of_the_disk_is_used_when_it_is_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_path_that_the_disk_lacks_holds_zeros, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused_and_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(areas_outside_user_space_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_process_has_more_areas_than_linux_lets_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_zombie_takes_no_maps, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_texts_never_harm, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
