/* test_mem.c - mem/: geometry, size, ram, frames, the TLB, counters, settings. */
#include "fs_test.h"
#include "geometry_text.h"

#include <inttypes.h>

static int setup(void **state)
{
	*state = world_with("x86-64", 4 * MiB);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char exercise[] = "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 endian=little";

static void every_preset_reads_back_as_itself(void **state)
{
	const struct vm_geometry *g;

	for (unsigned i = 0; (g = vm_geometry_at(i)); i++) {
		struct vm_geometry by_name, by_text;
		g_autoptr(GString) text = g_string_new(NULL);
		struct err e = { 0 };

		assert_int_equal(geometry_parse(g->name, &by_name, &e), 0);
		geometry_print(g, text);
		assert_int_equal(geometry_parse(text->str, &by_text, &e), 0);
		assert_memory_equal(&by_name, g, sizeof(*g));
		assert_memory_equal(&by_text, g, sizeof(*g));
	}
	assert_true(vm_geometry_preset("vpn16") != NULL);
}

static void a_geometry_of_words_reads_back(void **state)
{
	static const char *const lines[] = {
		exercise,
		"va=10 pa=6 page=16 pte=2 split=3,3 ppn=14+2 valid=13 endian=big",
		"va=15 pa=12 page=32 pte=1 split=5,5 ppn=0+7 valid=7",
		"va=8 pa=10 page=1 pte=2 split=8 ppn=0+8 valid=15 table=flat",
		"va=48 pa=40 page=4096 pte=8 ppn=12+28 valid=0 table=inverted",
		"va=48 pa=40 page=4K pte=8 ppn=12+28 valid=0 write=1 user=2 nx=63 accessed=5 dirty=6 table=hashed",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
		struct vm_geometry g, again;
		g_autoptr(GString) text = g_string_new(NULL), twice = g_string_new(NULL);
		struct err e = { 0 };

		if (geometry_parse(lines[i], &g, &e))
			print_error("%s: %s\n", lines[i], e.why);
		assert_int_equal(e.code, 0);
		geometry_print(&g, text);
		assert_int_equal(geometry_parse(text->str, &again, &e), 0);
		geometry_print(&again, twice);
		assert_string_equal(text->str, twice->str);
	}
}

static void a_contradiction_leaves_the_geometry(void **state)
{
	static const char *const bad[] = {
		"", "x87", "va=9", "va=9 va=9", "va=9 pa=6 page=7 pte=1 split=3,3 ppn=5+3 valid=4",
		"va=9 pa=6 page=8 pte=1 split=3,4 ppn=5+3 valid=4", "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+9 valid=4",
		"va=9 pa=6 page=8 pte=3 split=3,3 ppn=5+3 valid=4", "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5 valid=4",
		"va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=99", "va=0 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4",
		"va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 table=tree", "va=-1 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4",
		"va=9 pa=6 page=8 pte=1 split=,, ppn=5+3 valid=4", "va=9 x86-64", "va=9 pa=6 page=8 pte=1 ppn=5+3 valid=4",
		"split=1,1,1,1,1,1,1,1,1", "colour=red", "name=x87", "=", "va=99999999999999999999",
		"va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=5",
		"va=19 pa=46 page=1 pte=8 ppn=5+46 valid=1 table=flat", /* it would have 2^22 pages, all in RAM */
	};
	g_autofree char *before = read_path(*state, "mem/geometry");

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct err e;
		int error = write_line(*state, "mem/geometry", bad[i], NULL, &e);
		g_autofree char *after = read_path(*state, "mem/geometry");

		if (error != -EINVAL && error != -ERANGE)
			print_error("'%s' gave %d\n", bad[i], error);
		assert_true(error == -EINVAL || error == -ERANGE);
		assert_string_equal(before, after);
	}
}

static void a_geometry_cuts_ram_to_what_addresses_reach(void **state)
{
	run_line(*state, "mem/geometry", exercise);
	g_autofree char *size = read_path(*state, "mem/size");
	g_autofree char *text = read_path(*state, "mem/geometry");

	assert_string_equal(size, "64\n");
	assert_true(strstr(text, " va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4 "));
	run_line(*state, "mem/geometry", "x86-64");
	g_autofree char *again = read_path(*state, "mem/size");
	assert_string_equal(again, "4194304\n");
}

static void size_is_written_like_geometry(void **state)
{
	run_line(*state, "mem/size", "8M");
	g_autofree char *size = read_path(*state, "mem/size");
	assert_string_equal(size, "8388608\n");
	refuse(*state, "mem/size", "8193", EINVAL);
	refuse(*state, "mem/size", "0", EINVAL);
	refuse(*state, "mem/size", "lots", EINVAL);
	run_line(*state, "mem/geometry", "sv39");
	g_autofree char *kept = read_path(*state, "mem/size");
	assert_string_equal(kept, "8388608\n");
	run_line(*state, "hosts/host0/ctl", "spawn x");
	refuse(*state, "mem/size", "4M", EBUSY);
	refuse(*state, "mem/geometry", "x86-64", EBUSY);
}

static void ram_is_read_and_written_at_any_offset(void **state)
{
	struct node n = at(*state, "mem/ram");
	struct err e = { 0 };
	char bytes[8] = { 0 };

	assert_int_equal(n.row->bytes->size(&n), 4 * MiB);
	assert_int_equal(n.row->bytes->write(&n, 4 * MiB - 3, "abcdef", 6, &e), 3);
	assert_int_equal(n.row->bytes->read(&n, 4 * MiB - 4, bytes, 8, &e), 4);
	assert_memory_equal(bytes, "\0abc", 4);
	assert_int_equal(n.row->bytes->read(&n, 4 * MiB, bytes, 8, &e), 0);
	assert_int_equal(n.row->bytes->read(&n, INT64_MAX, bytes, 8, &e), 0);
	assert_int_equal(n.row->bytes->write(&n, 4 * MiB, "x", 1, &e), -ENOSPC);
	assert_checked(*state);
}

static void frames_agree_with_meminfo_and_map(void **state)
{
	run_line(*state, "hosts/host0/ctl", "spawn x");
	run_line(*state, "proc/2/ctl", "mmap 0x10000000 64K rw- private,anon");
	run_line(*state, "proc/2/ctl", "touch 0x10000000 64K w");
	g_autofree char *frames = read_path(*state, "mem/frames");
	g_autofree char *map = read_path(*state, "mem/map");
	g_autofree char *meminfo = read_path(*state, "proc/meminfo");
	g_autofree char *free_kb = line_of(meminfo, "MemFree:"), *anon_kb = line_of(meminfo, "AnonPages:");
	uint64_t free_frames = 0, anon_frames = 0, dots = 0;
	g_auto(GStrv) lines = g_strsplit(frames, "\n", -1);

	for (char **line = lines + 1; *line && **line; line++) {
		free_frames += strstr(*line, " free ") != NULL;
		anon_frames += strstr(*line, " anon ") != NULL;
	}
	for (const char *c = map; *c; c++)
		dots += *c == '.';
	assert_int_equal(g_strv_length(lines), 1024 + 2);
	assert_int_equal(free_frames * 4, g_ascii_strtoull(free_kb, NULL, 10));
	assert_int_equal(anon_frames * 4, g_ascii_strtoull(anon_kb, NULL, 10));
	assert_true(anon_frames >= 16);
	assert_int_equal(dots, free_frames);
	assert_int_equal(strlen(map), 1024 + 1024 / 64);
}

static void a_frame_tells_who_maps_it(void **state)
{
	run_line(*state, "hosts/host0/ctl", "spawn x bare");
	run_line(*state, "mem/ctl", "next 0x2a 0x2b 0x2c 0x2d");
	run_line(*state, "proc/2/ctl", "mmap 0x10000000 4K rw- private,anon,fixed");
	run_line(*state, "proc/2/ctl", "write 0x10000000 \"hello\"");
	g_autofree char *walk = read_path(*state, "proc/2/walk/0x10000000");
	const char *pa = strstr(walk, "pa=0x");

	assert_non_null(pa);
	g_autofree char *path = g_strdup_printf("mem/frame/0x%" PRIx64, g_ascii_strtoull(pa + 3, NULL, 16) >> 12);
	g_autofree char *frame = read_path(*state, path);
	assert_true(strstr(frame, "use=anon\n"));
	assert_true(strstr(frame, "mapped=2:0x10000000\n"));
	assert_true(strstr(frame, ": 68 65 6c 6c 6f 00"));
	assert_true(strstr(frame, "hello"));
}

static void a_frame_beyond_ram_is_not_found(void **state)
{
	static const char *const bad[] = { "0x400", "1024", "x", "", "-1", "99999999999999999999", "0x" };
	struct node dir = at(*state, "mem/frame"), child;

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_int_equal(tree_find(&dir, bad[i], &child), -ENOENT);
	assert_int_equal(tree_find(&dir, "0x3ff", &child), 0);
	assert_int_equal(tree_find(&dir, "1023", &child), 0);
}

static void next_frames_are_checked_first(void **state)
{
	refuse(*state, "mem/ctl", "next", EINVAL);
	refuse(*state, "mem/ctl", "next 0x400", ERANGE);
	refuse(*state, "mem/ctl", "next 1 2 x", EINVAL);
	refuse(*state, "mem/ctl", "drop_caches 1", EINVAL);
	refuse(*state, "mem/ctl", "reclaim everything", EINVAL);
}

static void the_tlb_is_shaped_and_flushed(void **state)
{
	run_line(*state, "mem/tlb", "entries=8 ways=2");
	run_line(*state, "hosts/host0/ctl", "spawn x");
	run_line(*state, "proc/2/ctl", "mmap 0x10000000 64K rw- private,anon");
	run_line(*state, "proc/2/ctl", "touch 0x10000000 8K w");
	g_autofree char *full = read_path(*state, "mem/tlb");
	assert_true(strstr(full, "0x10000"));
	run_line(*state, "mem/tlb", "flush 0x10000000");
	g_autofree char *one = read_path(*state, "mem/tlb");
	assert_null(strstr(one, "0x10000 "));
	assert_true(strstr(one, "0x10001"));
	run_line(*state, "mem/tlb", "flush");
	g_autofree char *none = read_path(*state, "mem/tlb");
	assert_null(strstr(none, "0x10001"));
	refuse(*state, "mem/tlb", "entries=7 ways=2", EINVAL);
	refuse(*state, "mem/tlb", "entries=99999999999 ways=2", EINVAL);
	refuse(*state, "mem/tlb", "entries=x", EINVAL);
	refuse(*state, "mem/tlb", "flash", EINVAL);
	run_line(*state, "mem/tlb", "entries=0");
}

static void config_changes_all_or_nothing(void **state)
{
	run_line(*state, "mem/config", "tlb_hit=3ns walk_step=2us fault_around=64K");
	g_autofree char *config = read_path(*state, "mem/config");
	g_autofree char *hit = line_of(config, "tlb_hit="), *step = line_of(config, "walk_step="),
		*around = line_of(config, "fault_around=");

	assert_string_equal(hit, "3ns");
	assert_string_equal(step, "2us");
	assert_string_equal(around, "64K");
	refuse(*state, "mem/config", "tlb_hit=4ns walk_step=2", EINVAL);
	refuse(*state, "mem/config", "tlb_hit=4ns nosuch=1", EINVAL);
	refuse(*state, "mem/config", "tlb_hit=4ns eager_fork=2", ERANGE);
	refuse(*state, "mem/config", "tlb_hit", EINVAL);
	g_autofree char *after = read_path(*state, "mem/config");
	assert_string_equal(config, after);
	/* What is read can be written. */
	g_auto(GStrv) lines = g_strsplit(config, "\n", -1);
	for (char **line = lines; *line; line++)
		run_line(*state, "mem/config", *line);
}

static void stats_have_the_names_of_the_interface(void **state)
{
	static const char *const names[] = { "accesses", "tlb_hits", "tlb_misses", "walk_steps", "minor_faults", "major_faults",
					     "zero_fills", "cow_copies", "evictions_clean", "evictions_dirty", "swap_ins",
					     "swap_outs", "writebacks", "time" };
	g_autofree char *stats = read_path(*state, "mem/stats");
	g_auto(GStrv) lines = g_strsplit(stats, "\n", -1);

	assert_int_equal(g_strv_length(lines), G_N_ELEMENTS(names) + 1);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		assert_true(g_str_has_prefix(lines[i], names[i]));
		assert_int_equal(lines[i][strlen(names[i])], ' ');
	}
}

static void shows(struct world *w, const char *path, const char *text)
{
	g_autofree char *now = read_path(w, path);

	assert_string_equal(now, text);
}

static void readahead_is_one_setting_under_two_names(void **state)
{
	shows(*state, "proc/sys/vm/page-cluster", "0\n");
	run_line(*state, "mem/config", "swap_readahead=8");
	shows(*state, "proc/sys/vm/page-cluster", "3\n");
	refuse(*state, "mem/config", "swap_readahead=3", EINVAL);
	refuse(*state, "mem/config", "swap_readahead=4096", ERANGE);
	refuse(*state, "proc/sys/vm/page-cluster", "11", EINVAL);
	refuse(*state, "proc/sys/vm/page-cluster", "x", EINVAL);
	shows(*state, "proc/sys/vm/page-cluster", "3\n");
	run_line(*state, "proc/sys/vm/page-cluster", "10");
	g_autofree char *config = read_path(*state, "mem/config");
	assert_non_null(strstr(config, "\nswap_readahead=1024\n"));
	run_line(*state, "proc/sys/vm/page-cluster", "0");
	g_autofree char *after = read_path(*state, "mem/config");
	assert_non_null(strstr(after, "\nswap_readahead=0\n"));
}

static uint64_t among(struct rng *r, uint64_t least, uint64_t most)
{
	return least + rng_below(r, most - least + 1);
}

/* Mostly possible, sometimes not. */
static void random_geometry(struct rng *r, GString *text)
{
	static const char *const tables[] = { "radix", "flat", "hashed", "inverted" };
	static const char *const bits[] = { "write", "user", "nx", "accessed", "dirty", "huge" };
	uint64_t page = among(r, 0, 12), pte = among(r, 0, 3), pa = among(r, page + 1, 20), index = among(r, 1, 24);
	uint64_t ppn = MIN(pa - page + among(r, 0, 1), (uint64_t)8 << pte), shift = among(r, 0, 1) ? among(r, 0, ((uint64_t)8 << pte) - ppn) : 0;
	const char *table = tables[among(r, 0, 3)];

	g_string_printf(text, "va=%" PRIu64 " pa=%" PRIu64 " page=%" PRIu64 " pte=%d ppn=%" PRIu64 "+%" PRIu64 " valid=%" PRIu64
			" table=%s endian=%s split=", page + index + (among(r, 0, 30) == 0), pa, (uint64_t)1 << page, 1 << pte,
			shift, ppn, among(r, 0, (8 << pte) - 1), table, among(r, 0, 1) ? "big" : "little");
	while (index) {
		uint64_t part = strcmp(table, "flat") ? among(r, 1, index) : index;

		g_string_append_printf(text, "%" PRIu64 "%s", part, index > part ? "," : "");
		index -= part;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bits); i++) {
		if (among(r, 0, 2) == 0)
			g_string_append_printf(text, " %s=%" PRIu64, bits[i], among(r, 0, (8 << pte) - 1));
	}
}

/* For a failing check, which ends the test: what it was about. */
static const char *last_geometry, *last_line;

static int tell_last(void **state)
{
	if (last_line)
		print_message("last: %s; %s\n", last_geometry, last_line);
	return 0;
}

/* What runs in a machine of any geometry gives a result or an errno, and the books balance. */
static void random_geometries_are_refused_or_work(void **state)
{
	static const char *const lines[] = { "mmap 0 1 rw- private,anon,fixed", "write 0 41", "read 0", "fork",
					     "write 0 42", "touch 0 64 r 1", "munmap 0 1", "exit" };
	struct world *w = world_with("x86-64", 1 * MiB);
	g_autoptr(GString) text = g_string_new(NULL);
	unsigned accepted = 0, stored = 0;
	struct rng r;
	struct err e;

	rng_seed(&r, 1, "geometries");
	for (unsigned i = 0; i < 3000; i++) {
		random_geometry(&r, text);
		if (write_line(w, "mem/geometry", text->str, NULL, &e)) {
			assert_true(e.why[0] != '\0');
			continue;
		}
		accepted++;
		if (write_line(w, "hosts/host0/ctl", "spawn x bare", NULL, &e))
			continue;
		for (size_t k = 0; k < G_N_ELEMENTS(lines); k++) {
			g_autofree char *line = g_strdup_printf("2 %s", lines[k]);
			int error;

			last_geometry = text->str;
			last_line = line;
			error = write_line(w, "hosts/host0/ctl", line, NULL, &e);
			stored += !error && k == 1;
			assert_true(!error || e.why[0] != '\0');
		}
		run_line(w, "hosts/host0/ctl", "reboot");
	}
	print_message("%u of 3000 geometries accepted, %u stored to\n", accepted, stored);
	assert_true(accepted > 300 && stored > 100);
	last_line = NULL;
	world_free(w);
}

static void huge_ram_is_not_listed_and_frames_are_those_used(void **state)
{
	struct world *w = world_with("x86-64", 8 * GiB);
	struct node dir = at(w, "mem"), proc = at(w, "proc"), child;
	char name[256];

	for (uint64_t cookie = 0; tree_list(&dir, &cookie, name, &child); )
		assert_string_not_equal(name, "ram");
	for (uint64_t cookie = 0; tree_list(&proc, &cookie, name, &child); )
		assert_string_not_equal(name, "kpagecount");
	at(w, "mem/ram");
	at(w, "proc/kpagecount");
	g_autofree char *frames = read_path(w, "mem/frames");
	assert_true(strlen(frames) < 100000);
	world_free(w);
}

static void a_policy_is_chosen_with_its_parameters(void **state)
{
	struct world *w = *state;
	g_autofree char *before = read_path(w, "mem/policy");

	assert_string_equal(before, "clock\n");
	run_line(w, "mem/policy", "2q out=70 scope=process");
	g_autofree char *now = read_path(w, "mem/policy");
	assert_string_equal(now, "2q in=25 out=70 scope=process\n");
	refuse(w, "mem/policy", "best", EINVAL);
	refuse(w, "mem/policy", "opt", EINVAL);
	refuse(w, "mem/policy", "fifo in=3", EINVAL);
	refuse(w, "mem/policy", "2q in=0", ERANGE);
	refuse(w, "mem/policy", "lru scope=host", EINVAL);
	g_autofree char *after = read_path(w, "mem/policy");
	assert_string_equal(after, now);
	run_line(w, "mem/policy", "clock1");
	g_autofree char *last = read_path(w, "mem/policy");
	assert_string_equal(last, "clock\n");
	refuse(w, "mem/ctl", "watermark 20 10", EINVAL);
	refuse(w, "mem/ctl", "watermark 1 1000000", ERANGE);
}

static void the_policy_shows_its_candidates(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL, *result = NULL;

	run_line(w, "mem/policy", "lru");
	run_line(w, "hosts/host0/ctl", "spawn p bare");
	run_line(w, "proc/2/ctl", "mmap 0x10000 12K rw- private,anon,fixed");
	run_line(w, "proc/2/ctl", "touch 0x10000 12K w");
	run_line(w, "proc/2/ctl", "touch 0x10000");
	text = read_path(w, "mem/lru.csv");
	assert_true(g_str_has_prefix(text, "turn,list,pfn,hand,used,dirty,count,pid,va\r\n1,recency,"));
	assert_true(strstr(text, "0x11000") < strstr(text, "0x12000") && strstr(text, "0x12000") < strstr(text, "0x10000"));
	result = command(w, "mem/ctl", "reclaim 1");
	assert_string_equal(result, "reclaimed=0");      /* this host has no swap */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_preset_reads_back_as_itself),
		cmocka_unit_test_setup_teardown(a_policy_is_chosen_with_its_parameters, setup, teardown),
		cmocka_unit_test_setup_teardown(the_policy_shows_its_candidates, setup, teardown),
		cmocka_unit_test(a_geometry_of_words_reads_back),
		cmocka_unit_test_setup_teardown(a_contradiction_leaves_the_geometry, setup, teardown),
		cmocka_unit_test_setup_teardown(a_geometry_cuts_ram_to_what_addresses_reach, setup, teardown),
		cmocka_unit_test_setup_teardown(size_is_written_like_geometry, setup, teardown),
		cmocka_unit_test_setup_teardown(ram_is_read_and_written_at_any_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_agree_with_meminfo_and_map, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_tells_who_maps_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_beyond_ram_is_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(next_frames_are_checked_first, setup, teardown),
		cmocka_unit_test_setup_teardown(the_tlb_is_shaped_and_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(config_changes_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(stats_have_the_names_of_the_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(readahead_is_one_setting_under_two_names, setup, teardown),
		cmocka_unit_test_teardown(random_geometries_are_refused_or_work, tell_last),
		cmocka_unit_test(huge_ram_is_not_listed_and_frames_are_those_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
