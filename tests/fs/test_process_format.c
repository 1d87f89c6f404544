/* test_process_format.c - the files of proc/PID byte for byte, beside those of the real kernel where the suite runs on one. */
#include "fs_test.h"
#include "vm_disk.h"

#define CTL "proc/2/ctl"

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 64 * MiB);

	run_line(w, "hosts/host0/ctl", "spawn \"a b) (c\" bare brk=0x800000 uid=1000 gid=1001");
	run_line(w, CTL, "mmap 0x600000 0x4000 rw- private,anon,fixed");
	run_line(w, CTL, "touch 0x600000 0x3000 w");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void assert_reads(struct world *w, const char *path, const char *expected)
{
	g_autofree char *text = read_path(w, path);

	assert_string_equal(text, expected);
}

static void smaps_of_one_area(void **state)
{
	assert_reads(*state, "proc/2/smaps",
		"00600000-00604000 rw-p 00000000 00:00 0 \n"
		"Size:                 16 kB\n"
		"KernelPageSize:        4 kB\n"
		"MMUPageSize:           4 kB\n"
		"Rss:                  12 kB\n"
		"Pss:                  12 kB\n"
		"Pss_Dirty:            12 kB\n"
		"Shared_Clean:          0 kB\n"
		"Shared_Dirty:          0 kB\n"
		"Private_Clean:         0 kB\n"
		"Private_Dirty:        12 kB\n"
		"Referenced:           12 kB\n"
		"Anonymous:            12 kB\n"
		"LazyFree:              0 kB\n"
		"AnonHugePages:         0 kB\n"
		"ShmemPmdMapped:        0 kB\n"
		"FilePmdMapped:         0 kB\n"
		"Shared_Hugetlb:        0 kB\n"
		"Private_Hugetlb:       0 kB\n"
		"Swap:                  0 kB\n"
		"SwapPss:               0 kB\n"
		"Locked:                0 kB\n"
		"THPeligible:           0\n"
		"VmFlags: rd wr mr mw me ac \n");
}

static void smaps_of_what_a_fork_shares(void **state)
{
	g_autofree char *smaps = NULL, *pss = NULL, *shared = NULL, *private_dirty = NULL;

	run_line(*state, CTL, "fork");
	run_line(*state, CTL, "fork");
	run_line(*state, CTL, "write 0x600000 00");
	smaps = read_path(*state, "proc/2/smaps");
	pss = line_of(smaps, "Pss:");
	shared = line_of(smaps, "Shared_Dirty:");
	private_dirty = line_of(smaps, "Private_Dirty:");
	assert_string_equal(pss, "                   6 kB");  /* 4 + 2 * 4/3 */
	assert_string_equal(shared, "          8 kB");
	assert_string_equal(private_dirty, "         4 kB");
}

static void a_rollup_is_one_block(void **state)
{
	run_line(*state, CTL, "mmap 0x700000 4096 rw- private,anon,fixed");
	assert_reads(*state, "proc/2/smaps_rollup",
		"00600000-00701000 ---p 00000000 00:00 0                                  [rollup]\n"
		"Rss:                  12 kB\n"
		"Pss:                  12 kB\n"
		"Pss_Dirty:            12 kB\n"
		"Pss_Anon:             12 kB\n"
		"Pss_File:              0 kB\n"
		"Pss_Shmem:             0 kB\n"
		"Shared_Clean:          0 kB\n"
		"Shared_Dirty:          0 kB\n"
		"Private_Clean:         0 kB\n"
		"Private_Dirty:        12 kB\n"
		"Referenced:           12 kB\n"
		"Anonymous:            12 kB\n"
		"LazyFree:              0 kB\n"
		"AnonHugePages:         0 kB\n"
		"ShmemPmdMapped:        0 kB\n"
		"FilePmdMapped:         0 kB\n"
		"Shared_Hugetlb:        0 kB\n"
		"Private_Hugetlb:       0 kB\n"
		"Swap:                  0 kB\n"
		"SwapPss:               0 kB\n"
		"Locked:                0 kB\n");
}

static void values_wider_than_their_column_stay_whole(void **state)
{
	g_autofree char *smaps = NULL;

	run_line(*state, CTL, "mmap 0x10000000000 100T rw- private,anon,noreserve,fixed");
	smaps = read_path(*state, "proc/2/smaps");
	assert_non_null(strstr(smaps, "\nSize:           107374182400 kB\nKernelPageSize:        4 kB\n"));
}

static void stat_has_52_fields_behind_any_name(void **state)
{
	g_autofree char *stat = read_path(*state, "proc/2/stat");
	g_auto(GStrv) fields = NULL;

	assert_true(g_str_has_prefix(stat, "2 (a b) (c) "));
	assert_true(g_str_has_suffix(stat, "\n"));
	fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1);
	assert_int_equal(g_strv_length(fields), 50);
	assert_string_equal(fields[4 - 3], "1");              /* ppid */
	assert_string_equal(fields[9 - 3], "4194304");
	assert_string_equal(fields[10 - 3], "3");             /* minflt */
	assert_string_equal(fields[20 - 3], "1");             /* threads */
	assert_string_equal(fields[23 - 3], "16384");         /* vsize: bytes */
	assert_string_equal(fields[24 - 3], "3");             /* rss: pages */
	assert_string_equal(fields[25 - 3], "18446744073709551615");
	assert_string_equal(fields[38 - 3], "17");
	assert_string_equal(fields[47 - 3], "8388608");       /* start_brk */
}

static void statm_counts_pages(void **state)
{
	assert_reads(*state, "proc/2/statm", "4 3 0 0 0 4 0\n");
}

/* The names of our lines are the kernel's, in its order; it may have more of them. */
static void assert_names_as_real(const char *ours, const char *path)
{
	g_autofree char *real = NULL;
	g_auto(GStrv) mine = g_strsplit(ours, "\n", -1), theirs = NULL;
	unsigned at = 0;

	if (!g_file_get_contents(path, &real, NULL, NULL))
		return;
	theirs = g_strsplit(real, "\n", -1);
	for (unsigned i = 0; mine[i] && *mine[i]; i++) {
		size_t len = strcspn(mine[i], ":");

		while (theirs[at] && (strncmp(theirs[at], mine[i], len) || theirs[at][len] != ':'))
			at++;
		if (!theirs[at])
			print_error("%s lacks %s, or has it elsewhere\n", path, mine[i]);
		assert_non_null(theirs[at]);
	}
}

static void status_has_linux_names_in_linux_order(void **state)
{
	g_autofree char *status = read_path(*state, "proc/2/status");

	assert_true(g_str_has_prefix(status, "Name:\ta b) (c\nUmask:\t0022\nState:\t"));
	assert_non_null(strstr(status, "\nTgid:\t2\nNgid:\t0\nPid:\t2\nPPid:\t1\nTracerPid:\t0\n"
			       "Uid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001\nFDSize:\t64\nGroups:\t1001 \n"));
	assert_non_null(strstr(status, "\nVmPeak:\t      16 kB\nVmSize:\t      16 kB\nVmLck:\t       0 kB\n"));
	assert_non_null(strstr(status, "\nVmRSS:\t      12 kB\nRssAnon:\t      12 kB\nRssFile:\t       0 kB\n"));
	assert_non_null(strstr(status, "\nVmPTE:\t      12 kB\nVmSwap:\t       0 kB\n"));
	assert_non_null(strstr(status, "\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"));
	assert_names_as_real(status, "/proc/self/status");
}

static void smaps_has_linux_names_in_linux_order(void **state)
{
	g_autofree char *smaps = read_path(*state, "proc/2/smaps"), *rollup = read_path(*state, "proc/2/smaps_rollup");

	assert_names_as_real(strchr(smaps, '\n') + 1, "/proc/self/smaps");
	assert_names_as_real(strchr(rollup, '\n') + 1, "/proc/self/smaps_rollup");
}

/* Names and units are Linux's; only the values are ours. */
static void limits_has_linux_rows(void **state)
{
	g_autofree char *ours = read_path(*state, "proc/2/limits"), *real = NULL;
	g_auto(GStrv) mine = g_strsplit(ours, "\n", -1), theirs = NULL;

	if (!g_file_get_contents("/proc/self/limits", &real, NULL, NULL))
		skip();
	theirs = g_strsplit(real, "\n", -1);
	assert_int_equal(g_strv_length(mine), g_strv_length(theirs));
	assert_string_equal(mine[0], theirs[0]);
	for (unsigned i = 1; *mine[i]; i++) {
		assert_int_equal(strlen(mine[i]), strlen(theirs[i]));
		assert_memory_equal(mine[i], theirs[i], 26);
		assert_string_equal(mine[i] + MIN(strlen(mine[i]), 68), theirs[i] + MIN(strlen(theirs[i]), 68));
	}
}

static void small_files_are_exact(void **state)
{
	struct world *w = *state;
	struct err e;

	assert_reads(w, "proc/2/comm", "a b) (c\n");
	assert_reads(w, "proc/2/cgroup", "0::/\n");
	assert_reads(w, "proc/2/cpuset", "/\n");
	assert_reads(w, "proc/2/loginuid", "4294967295");
	assert_reads(w, "proc/2/sessionid", "4294967295");
	assert_reads(w, "proc/2/personality", "00000000\n");
	assert_reads(w, "proc/2/attr/current", "unconfined\n");
	assert_reads(w, "proc/2/environ", "");
	assert_reads(w, "proc/2/oom_score_adj", "0\n");
	assert_reads(w, "proc/1/oom_score", "0\n");
	assert_reads(w, "proc/2/oom_adj", "0\n");
	assert_int_equal(write_line(w, "proc/2/oom_score_adj", "-1000", NULL, &e), 0);
	assert_reads(w, "proc/2/oom_adj", "-17\n");
	assert_int_equal(write_line(w, "proc/2/oom_score_adj", "1000", NULL, &e), 0);
	assert_reads(w, "proc/2/oom_adj", "15\n");
	assert_int_equal(write_line(w, "proc/2/oom_score_adj", "0", NULL, &e), 0);
	assert_reads(w, "proc/2/numa_maps", "00600000 default anon=3 dirty=3 N0=3 kernelpagesize_kB=4\n");
	assert_reads(w, "proc/2/io", "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n"
				     "cancelled_write_bytes: 0\n");
}

static void names_of_files_show_where_linux_shows_them(void **state)
{
	struct host *h = world_host_named(*state, "host0");
	g_autofree char *numa = NULL, *maps = NULL;
	struct vm_inode *file;
	struct err e = { 0 };

	assert_int_equal(vm_dir_create(vm_disk_root(h->vm), "a =b\n", VM_INODE_FILE, 0644, NULL, &file, &e), 0);
	assert_int_equal(vm_inode_write(file, 0, "x", 1, &e), 1);
	run_line(*state, CTL, "mmap 0x10000 4096 r-- private,fixed \"/a =b\\n\"");
	run_line(*state, CTL, "read 0x10000");
	run_line(*state, "hosts/host0/mem/ctl", "writeback");
	numa = read_path(*state, "proc/2/numa_maps");
	assert_true(g_str_has_prefix(numa, "00010000 default file=/a\\040\\075b\\012 mapped=1 N0=1 kernelpagesize_kB=4\n"));
	maps = read_path(*state, "proc/2/maps");
	assert_memory_equal(maps + 73, "/a =b\\012\n", 10);
	assert_int_equal(vm_dir_unlink(vm_disk_root(h->vm), "a =b\n", false, &e), 0);
	g_free(maps);
	maps = read_path(*state, "proc/2/maps");
	assert_memory_equal(maps + 73, "/a =b\\012 (deleted)\n", 20);
}

static void a_zombie_has_files_but_no_memory(void **state)
{
	struct world *w = *state;
	g_autofree char *status = NULL, *stat = NULL;
	g_autoptr(GString) target = g_string_new(NULL);
	struct err e = { 0 };
	struct node fd, cwd;
	char name[256];
	uint64_t cookie = 0;
	struct node child;

	run_line(w, CTL, "fork");
	run_line(w, "proc/3/ctl", "exit 3");
	assert_reads(w, "proc/3/maps", "");
	assert_reads(w, "proc/3/smaps", "");
	assert_reads(w, "proc/3/smaps_rollup", "");
	assert_reads(w, "proc/3/numa_maps", "");
	assert_reads(w, "proc/3/cmdline", "");
	assert_reads(w, "proc/3/statm", "0 0 0 0 0 0 0\n");
	fd = at(w, "proc/3");
	assert_int_equal(tree_find(&fd, "cwd", &cwd), 0);        /* readable to the end: psutil asks for it */
	assert_int_equal(cwd.row->show(&cwd, target, &e), 0);
	assert_string_equal(target->str, "/");
	status = read_path(w, "proc/3/status");
	assert_non_null(strstr(status, "\nState:\tZ (zombie)\n"));
	assert_null(strstr(status, "VmSize"));
	stat = read_path(w, "proc/3/stat");
	assert_true(g_str_has_prefix(stat, "3 (a b) (c) Z 2 "));
	assert_true(g_str_has_suffix(stat, " 768\n"));
	fd = at(w, "proc/3/fd");
	assert_false(tree_list(&fd, &cookie, name, &child));
	cookie = 0;
	fd = at(w, "proc/3/task");
	assert_true(tree_list(&fd, &cookie, name, &child));
	assert_string_equal(name, "3");
}

/* Pages of another size: what counts pages counts the reader's 4 KiB, what counts kB rounds up. */
static void other_page_sizes_are_told_in_the_readers_pages(void **state)
{
	struct world *w = world_with("x86-64", 1 * MiB);
	g_autofree char *smaps = NULL;
	struct err e = { 0 };
	struct node pagemap;
	uint64_t word;

	run_line(w, "hosts/host0/mem/geometry", "va=16 pa=16 page=256 pte=4 split=4,4 ppn=8+8 valid=0 write=1 dirty=2 accessed=3");
	run_line(w, "hosts/host0/ctl", "spawn p bare");
	run_line(w, CTL, "mmap 0x1000 0x300 rw- private,anon,fixed");
	run_line(w, CTL, "touch 0x1200 1 w");
	smaps = read_path(w, "proc/2/smaps");
	assert_non_null(strstr(smaps, "\nSize:                  1 kB\nKernelPageSize:        1 kB\n"));
	assert_non_null(strstr(smaps, "\nRss:                   1 kB\n"));
	assert_reads(w, "proc/2/statm", "1 1 0 0 0 1 0\n");
	pagemap = at(w, "proc/2/pagemap");
	assert_int_equal(pagemap.row->bytes->read(&pagemap, 8, &word, 8, &e), 8);
	assert_true(word >> 63);
	assert_int_equal(pagemap.row->bytes->read(&pagemap, 16, &word, 8, &e), 8);
	assert_int_equal(word, 0);
	assert_int_equal(pagemap.row->bytes->read(&pagemap, 16 * 8, &word, 8, &e), 0);
	world_free(w);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(smaps_of_one_area), TEST(smaps_of_what_a_fork_shares), TEST(a_rollup_is_one_block),
		TEST(values_wider_than_their_column_stay_whole), TEST(stat_has_52_fields_behind_any_name),
		TEST(statm_counts_pages), TEST(status_has_linux_names_in_linux_order),
		TEST(smaps_has_linux_names_in_linux_order), TEST(limits_has_linux_rows), TEST(small_files_are_exact),
		TEST(names_of_files_show_where_linux_shows_them), TEST(a_zombie_has_files_but_no_memory),
		TEST(other_page_sizes_are_told_in_the_readers_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
