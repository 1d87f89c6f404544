/* test_system.c - the files of /proc about the whole machine: formats, and numbers that agree with each other. */
#include "fs_test.h"
#include "vm_disk.h"
#include "vm_proc.h"

#include <stdio.h>

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

/* Some of everything: processes, a fork, shared and private pages, a file in the cache. */
static void make_busy(struct world *w)
{
	struct node files = at(w, "files"), f;
	struct err e = { 0 };
	g_autofree char *bytes = g_malloc0(40000);

	assert_int_equal(files.row->dynamic->create(&files, "data", 0644, &f, &e), 0);
	assert_int_equal(f.row->bytes->write(&f, 0, bytes, 40000, &e), 40000);
	run_line(w, "hosts/host0/ctl", "spawn a");
	run_line(w, "proc/2/ctl", "mmap 0x10000000 256K rw- private,anon");
	run_line(w, "proc/2/ctl", "mmap 0x20000000 40K r-- shared,fixed data");
	run_line(w, "proc/2/ctl", "mmap 0x30000000 40K rw- shared,fixed,anon");
	run_line(w, "proc/2/ctl", "touch 0x10000000 256K w");
	run_line(w, "proc/2/ctl", "touch 0x20000000 40K r");
	run_line(w, "proc/2/ctl", "touch 0x30000000 20K w");
	run_line(w, "proc/2/ctl", "fork");
	run_line(w, "proc/3/ctl", "touch 0x10000000 64K w");
	run_line(w, "hosts/host0/ctl", "spawn b uid=5");
	run_line(w, "proc/4/ctl", "exit 3");
	run_line(w, "proc/3/ctl", "fork");
	run_line(w, "proc/5/ctl", "exit");  /* a zombie: 3 does not wait */
}

static uint64_t number(struct world *w, const char *path, const char *name)
{
	g_autofree char *text = read_path(w, path), *rest = line_of(text, name);

	return g_ascii_strtoull(rest, NULL, 10);
}

static void meminfo_has_its_rows_in_order(void **state)
{
	static const char *const names[] = {
		"MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached", "Active", "Inactive", "Active(anon)",
		"Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable", "Mlocked", "SwapTotal", "SwapFree", "Dirty",
		"Writeback", "AnonPages", "Mapped", "Shmem", "KReclaimable", "Slab", "SReclaimable", "SUnreclaim", "KernelStack",
		"PageTables", "NFS_Unstable", "Bounce", "WritebackTmp", "CommitLimit", "Committed_AS", "VmallocTotal",
		"VmallocUsed", "VmallocChunk", "Percpu", "HugePages_Total", "HugePages_Free", "HugePages_Rsvd",
		"HugePages_Surp", "Hugepagesize", "Hugetlb", "DirectMap4k", "DirectMap2M",
	};
	g_autofree char *text = read_path(*state, "proc/meminfo");
	const char *from = text;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *label = g_strdup_printf("%s:", names[i]);
		const char *found = strstr(from, label);

		if (!found)
			print_error("no %s\n", label);
		assert_non_null(found);
		assert_true(found == text || found[-1] == '\n');
		from = found + 1;
	}
	assert_true(g_str_has_prefix(text, "MemTotal:          16384 kB\nMemFree: "));
}

static void memory_adds_up(void **state)
{
	struct world *w = *state;

	make_busy(w);
	uint64_t total = number(w, "proc/meminfo", "MemTotal:"), free = number(w, "proc/meminfo", "MemFree:");
	uint64_t available = number(w, "proc/meminfo", "MemAvailable:");
	uint64_t buddies = 0, anon = 0, tables = 0, mapped = 0;
	struct node flags = at(w, "proc/kpageflags"), counts = at(w, "proc/kpagecount");
	g_autofree uint64_t *words = g_new(uint64_t, 4096), *maps = g_new(uint64_t, 4096);
	struct err e = { 0 };

	assert_int_equal(flags.row->bytes->size(&flags), 4096 * 8);
	assert_int_equal(flags.row->bytes->read(&flags, 0, words, 4096 * 8, &e), 4096 * 8);
	assert_int_equal(counts.row->bytes->read(&counts, 0, maps, 4096 * 8, &e), 4096 * 8);
	for (unsigned i = 0; i < 4096; i++) {
		buddies += words[i] >> 10 & 1;
		anon += (words[i] >> 12 & 1) && maps[i];
		tables += words[i] >> 26 & 1;
		mapped += !(words[i] >> 12 & 1) && !(words[i] >> 24 & 1) && !(words[i] >> 26 & 1) && maps[i];
	}
	assert_true(free <= available && available <= total);
	assert_int_equal(buddies * 4, free);
	assert_int_equal(number(w, "proc/vmstat", "nr_free_pages "), buddies);
	assert_int_equal(anon * 4, number(w, "proc/meminfo", "AnonPages:"));
	assert_int_equal(tables * 4, number(w, "proc/meminfo", "PageTables:"));
	assert_int_equal(mapped * 4, number(w, "proc/meminfo", "Mapped:"));
	assert_int_equal(number(w, "proc/meminfo", "Slab:"), 0);
	assert_true(number(w, "proc/meminfo", "Shmem:") >= 20);
	assert_true(number(w, "proc/meminfo", "Cached:") >= 60);
}

static void faults_of_processes_sum_to_pgfault(void **state)
{
	struct world *w = *state;
	uint64_t sum = 0;
	struct vm_proc_info info;
	struct host *h = w->hosts->pdata[0];

	make_busy(w);
	for (struct vm_proc *p = vm_proc_above(h->vm, 0); p; p = vm_proc_above(h->vm, info.pid)) {
		vm_proc_info(p, &info);
		sum += info.minflt + info.majflt + info.cminflt + info.cmajflt;
	}
	assert_int_equal(number(w, "proc/vmstat", "pgfault "), sum);
	assert_true(sum > 60);
}

static void cpu_lines_sum_to_the_uptime(void **state)
{
	struct world_options o = { .ram_bytes = 16 * MiB, .seed = 1, .cpus = 3, .geometry = *vm_geometry_preset("x86-64") };
	struct err e = { 0 };
	struct world *w = world_new(&o, &e);

	make_busy(w);
	clock_run(&w->clock, 123 * NS_PER_S, UINT64_MAX);
	world_changed(w);
	g_autofree char *stat = read_path(w, "proc/stat"), *uptime = read_path(w, "proc/uptime");
	uint64_t all = 0, ticks = (uint64_t)(g_ascii_strtod(uptime, NULL) * 100 + 0.5);
	static const char *const names[] = { "cpu0 ", "cpu1 ", "cpu2 ", "cpu  " };

	assert_true(ticks >= 12300);
	for (unsigned i = 0; i < 4; i++) {
		g_autofree char *line = line_of(stat, names[i]);
		g_auto(GStrv) fields = g_strsplit(line, " ", -1);
		uint64_t sum = 0;

		assert_int_equal(g_strv_length(fields), 10);
		for (char **field = fields; *field; field++)
			sum += g_ascii_strtoull(*field, NULL, 10);
		if (i == 3)
			assert_int_equal(sum, all);
		else
			assert_int_equal(sum, ticks);
		all += sum;
	}
	g_autofree char *idle = line_of(stat, "cpu  ");
	g_auto(GStrv) fields = g_strsplit(idle, " ", -1);
	g_auto(GStrv) both = g_strsplit(uptime, " ", -1);
	assert_int_equal((uint64_t)(g_ascii_strtod(both[1], NULL) * 100 + 0.5), g_ascii_strtoull(fields[3], NULL, 10));
	world_free(w);
}

/* Tools may see fewer processors than there are: what was set for all is spread over them. */
static void set_cpu_is_spread_over_the_processors(void **state)
{
	struct world_options o = { .ram_bytes = 16 * MiB, .seed = 1, .cpus = 3, .geometry = *vm_geometry_preset("x86-64") };
	struct err e = { 0 };
	struct world *w = world_new(&o, &e);

	run_line(w, "hosts/host0/ctl", "set cpu 1000 1 2 5000");
	g_autofree char *stat = read_path(w, "proc/stat"), *uptime = read_path(w, "proc/uptime");
	static const char *const lines[] = { "cpu  1000 1 2 5000 0 0 0 0 0 0\n", "cpu0 334 1 1 1667 0 0 0 0 0 0\n",
					     "cpu1 333 0 1 1667 0 0 0 0 0 0\n", "cpu2 333 0 0 1666 0 0 0 0 0 0\n" };

	for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++)
		assert_non_null(strstr(stat, lines[i]));
	assert_non_null(strstr(uptime, " 50.00\n"));
	world_free(w);
}

static void stat_counts_processes(void **state)
{
	struct world *w = *state;
	uint64_t before = number(w, "proc/stat", "processes ");

	make_busy(w);
	assert_int_equal(number(w, "proc/stat", "processes "), before + 4);
	assert_true(number(w, "proc/stat", "procs_running ") >= 1);
	assert_int_equal(number(w, "proc/stat", "btime "), 1735689600);
}

static void swaps_is_a_header_without_swap(void **state)
{
	g_autofree char *swaps = read_path(*state, "proc/swaps");

	assert_string_equal(swaps, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static void zoneinfo_has_the_watermarks(void **state)
{
	struct world *w = *state;
	g_autofree char *before = read_path(w, "proc/zoneinfo"), *after = NULL;

	assert_non_null(strstr(before, "        low      0\n        high     0\n"));
	run_line(w, "mem/ctl", "watermark 20 30");
	after = read_path(w, "proc/zoneinfo");
	assert_non_null(strstr(after, "        low      20\n        high     30\n"));
	assert_true(g_str_has_prefix(after, "Node 0, zone   Normal\n  pages free     "));
}

static void loadavg_has_five_fields(void **state)
{
	struct world *w = *state;
	char line[200];
	unsigned running, all;
	int newest;

	make_busy(w);
	g_autofree char *load = read_path(w, "proc/loadavg");
	assert_int_equal(sscanf(load, "0.00 0.00 0.00 %u/%u %d%199s", &running, &all, &newest, line), 3);
	assert_true(running >= 1);
	assert_int_equal(all, 4);
}

/* Recursively: everything that is listed can be read and says nothing of an error. */
static void read_all(struct world *w, const struct node *dir, unsigned *files)
{
	char name[256];
	struct node child;

	for (uint64_t cookie = 0; tree_list(dir, &cookie, name, &child); ) {
		g_autoptr(GString) out = g_string_new(NULL);
		struct err e = { 0 };
		struct stat st;

		assert_int_equal(tree_attr(&child, &st), 0);
		if (child.row->kind == ROW_DIRECTORY) {
			read_all(w, &child, files);
		} else if (child.row->kind == ROW_TEXT || child.row->kind == ROW_TABLE || child.row->kind == ROW_LINK) {
			/* Sizes are asked for without an err. */
			assert_int_equal(node_show(&child, out, NULL) == 0, node_show(&child, out, &e) == 0);
			if (e.code && child.row->kind != ROW_LINK) {
				print_error("%s: %s\n", name, e.why);
				assert_int_equal(e.code, 0);
			}
			++*files;
		} else if (child.row->kind == ROW_BYTES) {
			char bytes[64];

			assert_true(child.row->bytes->read(&child, 0, bytes, 64, &e) >= 0);
			++*files;
		}
	}
}

static void all_that_is_listed_can_be_read_and_changes_nothing(void **state)
{
	struct world *w = *state;
	struct host *h = w->hosts->pdata[0];
	struct node dir;
	unsigned files = 0;
	ns_t now;
	uint64_t generation;

	make_busy(w);
	dir = at(w, "hosts/host0");
	generation = vm_host_generation(h->vm);
	now = w->clock.now;
	read_all(w, &dir, &files);
	assert_true(files > 100);
	assert_int_equal(vm_host_generation(h->vm), generation);
	assert_int_equal(w->clock.now, now);
	assert_checked(w);
}

static void small_geometries_have_a_proc_too(void **state)
{
	struct world *w = *state;
	struct node dir;
	unsigned files = 0;

	run_line(w, "mem/geometry", "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4");
	run_line(w, "hosts/host0/ctl", "spawn x bare");
	dir = at(w, "hosts/host0");
	read_all(w, &dir, &files);
	assert_true(files > 50);
	assert_int_equal(number(w, "proc/meminfo", "MemTotal:"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(meminfo_has_its_rows_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_adds_up, setup, teardown),
		cmocka_unit_test_setup_teardown(faults_of_processes_sum_to_pgfault, setup, teardown),
		cmocka_unit_test(cpu_lines_sum_to_the_uptime),
		cmocka_unit_test(set_cpu_is_spread_over_the_processors),
		cmocka_unit_test_setup_teardown(stat_counts_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(zoneinfo_has_the_watermarks, setup, teardown),
		cmocka_unit_test_setup_teardown(swaps_is_a_header_without_swap, setup, teardown),
		cmocka_unit_test_setup_teardown(loadavg_has_five_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(all_that_is_listed_can_be_read_and_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(small_geometries_have_a_proc_too, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
