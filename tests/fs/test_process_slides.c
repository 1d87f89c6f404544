/* test_process_slides.c - what slides show of page tables, with the slides' own numbers; pt/ and walk/. */
#include "fs_test.h"

#include <inttypes.h>

#define CTL "proc/2/ctl"

static int setup(void **state)
{
	*state = world_with("x86-64", 64 * MiB);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void expect(struct world *w, const char *path, const char *line, const char *expected)
{
	g_autofree char *result = command(w, path, line);

	if (strcmp(result, expected))
		print_error("%s\n", line);
	assert_string_equal(result, expected);
}

/* What stat would show of a leaf of pt/. */
static struct stat leaf(struct world *w, const char *pid, const char *path)
{
	g_autofree char *all = g_strdup_printf("proc/%s/pt/%s", pid, path);
	struct node n = at(w, all);
	struct stat st;

	assert_int_equal(tree_attr(&n, &st), 0);
	return st;
}

static void assert_value(struct world *w, const char *path, const char *name, const char *expected)
{
	g_autofree char *text = read_path(w, path), *value = line_of(text, name);

	assert_string_equal(value, expected);
}

static void assert_missing(struct world *w, const char *path)
{
	struct node n;

	assert_int_equal(tree_path(w, path, &n), -ENOENT);
}

/* "Allocating space on demand": VPNs 0x7FFFC to 0x7FFFF are there, 0x7FFFB is not; a push at 0x7FFFBFF8. */
static void space_is_allocated_on_demand(void **state)
{
	struct world *w = *state;
	g_autofree char *faults = NULL, *walk = NULL;

	run_line(w, "hosts/host0/ctl", "spawn slide bare");
	expect(w, CTL, "mmap 0x7fffc000 0x4000 rw- private,anon,fixed,growsdown", "0x7fffc000");
	expect(w, CTL, "touch 0x7fffc000 0x4000 w", "accesses=4 faults=4");
	run_line(w, CTL, "set sp 0x7fffc000");
	walk = read_path(w, "proc/2/walk/0x7fffbff8");
	assert_non_null(strstr(walk, "\nfault=not-present level=4\n"));
	assert_missing(w, "proc/2/pt/000/001/1ff/1fb");

	expect(w, CTL, "push 0x1234", "faults=1");
	assert_value(w, "proc/2/cpu", "cr2=", "0x7fffbff8");
	assert_value(w, "proc/2/cpu", "sp=", "0x7fffbff8");
	assert_value(w, "proc/2/page/0x7fffbff8", "vma=", "7fffb000-80000000 rw-p 00000000");
	expect(w, CTL, "read 0x7fffbff8 8", "3412000000000000");
	assert_int_equal(leaf(w, "2", "000/001/1ff/1fb").st_nlink, 1);
	faults = read_path(w, "proc/2/faults.csv");
	assert_non_null(strstr(faults, ",0x7fffbff8,write,minor,"));
}

/* "Copy-on-write and page tables": VPNs 0x601 to 0x605, one store to 0x605. */
static void fork_copies_on_write(void **state)
{
	static const char *const pages[] = { "000/000/003/001", "000/000/003/002", "000/000/003/003", "000/000/003/004",
					     "000/000/003/005" };
	struct world *w = *state;
	struct stat before[5], parent, child;

	run_line(w, "hosts/host0/ctl", "spawn slide bare");
	run_line(w, "hosts/host0/mem/ctl", "next 0x1234 0x1236 0x1230 0x20d 0x20a");
	run_line(w, CTL, "mmap 0x601000 0x5000 rw- private,anon,fixed");
	run_line(w, CTL, "write 0x605000 \"old\"");
	run_line(w, CTL, "touch 0x601000 0x5000 w");
	for (unsigned i = 0; i < 5; i++) {
		before[i] = leaf(w, "2", pages[i]);
		assert_int_equal(before[i].st_nlink, 1);
		assert_int_equal(before[i].st_mode & 0777, 0666);
		assert_int_equal(before[i].st_size, 4096);
	}
	expect(w, CTL, "fork", "3");
	for (unsigned i = 0; i < 5; i++) {
		parent = leaf(w, "2", pages[i]);
		child = leaf(w, "3", pages[i]);
		assert_int_equal(parent.st_ino, before[i].st_ino);
		assert_int_equal(child.st_ino, before[i].st_ino);
		assert_int_equal(parent.st_nlink, 2);
		assert_int_equal(child.st_nlink, 2);
		assert_int_equal(parent.st_mode & 0777, 0444);
		assert_int_equal(child.st_mode & 0777, 0444);
	}
	expect(w, CTL, "write 0x605000 \"new\"", "faults=1");
	parent = leaf(w, "2", pages[4]);
	child = leaf(w, "3", pages[4]);
	assert_int_not_equal(parent.st_ino, before[4].st_ino);
	assert_int_equal(parent.st_mode & 0777, 0666);
	assert_int_equal(parent.st_nlink, 1);
	assert_int_equal(child.st_ino, before[4].st_ino);
	assert_int_equal(child.st_mode & 0777, 0444);
	assert_int_equal(child.st_nlink, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(leaf(w, "2", pages[i]).st_nlink, 2);
	expect(w, "proc/3/ctl", "read 0x605000 3", "6f6c64");
	expect(w, CTL, "read 0x605000 3", "6e6577");
}

/* The frames that the slide names are handed out in its order. */
static void the_next_frames_are_those_asked_for(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/host0/ctl", "spawn slide bare");
	run_line(w, CTL, "mmap 0x601000 0x5000 rw- private,anon,fixed");
	run_line(w, CTL, "write 0x601000 00");
	run_line(w, "hosts/host0/mem/ctl", "next 0x2347 0x2340 0xdf 0xaf");
	run_line(w, CTL, "touch 0x602000 0x4000 w");
	assert_int_equal(leaf(w, "2", "000/000/003/002").st_ino, 0x2347);
	assert_int_equal(leaf(w, "2", "000/000/003/003").st_ino, 0x2340);
	assert_int_equal(leaf(w, "2", "000/000/003/004").st_ino, 0xdf);
	assert_int_equal(leaf(w, "2", "000/000/003/005").st_ino, 0xaf);
}

/* Exercise 1 of the lecture: memory poured in, base by hand, the walk step by step. */
static void a_walk_by_hand_is_told_step_by_step(void **state)
{
	static const uint8_t memory[64] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
		0x1a, 0x2a, 0x3a, 0x4a, 0x1b, 0x2b, 0x3b, 0x4b, 0x1c, 0x2c, 0x3c, 0x4c, 0x1c, 0x2c, 0x3c, 0x4c,
		0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0x89, 0x9a, 0xab, 0xbc, 0xcd, 0xde, 0xef, 0xf0,
		0xba, 0x0a, 0xba, 0x0a, 0xdb, 0x0b, 0xdb, 0x0b, 0xec, 0x0c, 0xec, 0x0c, 0xfc, 0x0c, 0xfc, 0x0c,
	};
	struct world *w = *state;
	g_autofree char *good = NULL, *bad = NULL, *none = NULL;
	struct err e = { 0 };
	struct node ram;

	run_line(w, "hosts/host0/mem/geometry", "va=9 pa=6 page=8 pte=1 split=3,3 ppn=5+3 valid=4");
	run_line(w, "hosts/host0/ctl", "spawn walk bare");
	ram = at(w, "hosts/host0/mem/ram");
	none = read_path(w, "proc/2/walk/0xfb");
	assert_true(g_str_has_prefix(none, "va=0xfb ptbr="));
	assert_int_equal(ram.row->bytes->write(&ram, 0, memory, sizeof(memory), &e), sizeof(memory));
	world_changed(w);
	run_line(w, CTL, "ptbr 0x8");
	good = read_path(w, "proc/2/walk/0x0fb");
	assert_string_equal(good, "va=0xfb ptbr=0x8\n"
		"level=1 index=0x3 pte_addr=0xb pte=0xbb valid=1 ppn=0x5 flags=-\n"
		"level=2 index=0x7 pte_addr=0x2f pte=0xf0 valid=1 ppn=0x7 flags=-\n"
		"pa=0x3b byte=0x0c\n");
	bad = read_path(w, "proc/2/walk/11");
	assert_string_equal(bad, "va=0xb ptbr=0x8\n"
		"level=1 index=0x0 pte_addr=0x8 pte=0x88 valid=0 ppn=0x4 flags=-\n"
		"fault=not-present level=1\n");
}

static void pt_has_raw_tables_and_decoded_ones(void **state)
{
	struct world *w = *state;
	g_autofree char *entries = NULL, *csv = NULL;
	g_autoptr(GString) raw = g_string_new(NULL);
	struct node n;
	struct err e = { 0 };
	struct stat st;

	run_line(w, "hosts/host0/ctl", "spawn p bare");
	run_line(w, CTL, "mmap 0x601000 0x5000 rw- private,anon,fixed");
	run_line(w, CTL, "touch 0x601000 0x5000 w");
	n = at(w, "proc/2/pt/000/000/003/.table");
	assert_int_equal(node_show(&n, raw, &e), 0);
	assert_int_equal(raw->len, 4096);
	assert_int_equal(((uint64_t *)raw->str)[0], 0);
	assert_int_equal(((uint64_t *)raw->str)[1] & 1, 1);
	st = leaf(w, "2", "000/000/003/001");
	assert_int_equal(((uint64_t *)raw->str)[1] >> 12 & 0xffffffffff, st.st_ino);
	entries = read_path(w, "proc/2/pt/000/000/003/.entries");
	assert_true(g_str_has_prefix(entries, "index"));
	csv = read_path(w, "proc/2/pt/.entries.csv");
	assert_true(g_str_has_prefix(csv, "index,va,pte_addr,pte,kind,ppn,flags"));
	assert_non_null(strstr(csv, "0x0,0x0,"));
	assert_missing(w, "proc/2/pt/000/000/003/000");
	assert_missing(w, "proc/2/pt/000/000/003/006");
	assert_missing(w, "proc/2/pt/000/000/003/0001");
	assert_missing(w, "proc/2/pt/000/000/003/1");
	assert_missing(w, "proc/2/pt/001");
	assert_missing(w, "proc/2/pt/200");
	assert_missing(w, "proc/2/pt/00A");
}

/* Every directory of pt/, listed to the bottom: the leaves are the pages of pagetable. */
static unsigned count_leaves(const struct node *dir)
{
	struct node child, again;
	unsigned leaves = 0;
	char name[256];

	for (uint64_t cookie = 0; tree_list(dir, &cookie, name, &child); ) {
		assert_int_equal(tree_find(dir, name, &again), 0);
		assert_true(node_equal(&child, &again));
		if (*name == '.')
			continue;
		leaves += child.row->kind == ROW_DIRECTORY ? count_leaves(&child) : 1;
	}
	return leaves;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void pt_and_pagetable_show_the_same_pages_in_every_layout(void **state)
{
	static const char *const geometries[] = {
		"x86-64", "x86-32", "x86-pae", "sv39", "arm64-4k", "vpn16",
		"va=9 pa=12 page=8 pte=2 split=3,3 ppn=8+8 valid=4",
		"va=16 pa=20 page=256 pte=4 ppn=8+12 valid=0 write=1 table=flat",
		"va=32 pa=24 page=4K pte=8 ppn=12+12 valid=0 write=1 user=2 accessed=5 dirty=6 table=hashed",
		"va=32 pa=24 page=4K pte=8 ppn=12+12 valid=0 write=1 table=inverted",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(geometries); i++) {
		struct world *w = world_with("x86-64", 16 * MiB);
		g_autofree char *table = NULL, *csv = NULL;
		char line[64];
		const struct vm_geometry *g;
		struct node pt;

		run_line(w, "hosts/host0/mem/geometry", geometries[i]);
		g = &vm_host_options(world_host_named(w, "host0")->vm)->geometry;
		run_line(w, "hosts/host0/ctl", "spawn p bare");
		g_snprintf(line, sizeof(line), "mmap %#" PRIx64 " %" PRIu64 " rw- private,anon,fixed",
			   vm_page_size(g) * 16, vm_page_size(g) * 8);
		run_line(w, CTL, line);
		g_snprintf(line, sizeof(line), "touch %#" PRIx64 " %" PRIu64 " w", vm_page_size(g) * 17, vm_page_size(g) * 5);
		run_line(w, CTL, line);
		table = read_path(w, "proc/2/pagetable");
		csv = read_path(w, "proc/2/pagetable.csv");
		assert_int_equal(count_lines(table), 6);
		assert_int_equal(count_lines(csv), 6);
		pt = at(w, "proc/2/pt");
		assert_int_equal(count_leaves(&pt), 5);
		world_free(w);
	}
}

static void a_poked_entry_shows_at_once(void **state)
{
	struct world *w = *state;
	struct node table, ram, n;
	uint64_t entry = 0;
	g_autofree char *before = NULL, *after = NULL, *entries = NULL;
	g_auto(GStrv) words = NULL;
	struct err e = { 0 };
	uint64_t address;

	run_line(w, "hosts/host0/ctl", "spawn p bare");
	run_line(w, CTL, "mmap 0x601000 0x2000 rw- private,anon,fixed");
	run_line(w, CTL, "touch 0x601000 0x2000 w");
	entries = read_path(w, "proc/2/pt/000/000/003/.entries.csv");
	words = g_strsplit(strchr(entries, '\n') + 1, ",", -1);
	address = g_ascii_strtoull(words[2], NULL, 16);
	ram = at(w, "hosts/host0/mem/ram");
	assert_int_equal(ram.row->bytes->write(&ram, address, &entry, 8, &e), 8);
	world_changed(w);
	after = read_path(w, "proc/2/walk/0x601000");
	assert_non_null(strstr(after, "\nfault=not-present level=4\n"));
	assert_missing(w, "proc/2/pt/000/000/003/001");
	table = at(w, "proc/2/pt/000/000/003/002");
	/* An entry that points to its own table: a page like any other, and no endless tree. */
	entry = (address & ~(uint64_t)4095) | 0x67;
	assert_int_equal(ram.row->bytes->write(&ram, address, &entry, 8, &e), 8);
	n = at(w, "proc/2/pt/000/000/003/001");
	assert_int_equal(n.row->kind, ROW_BYTES);
	assert_true(node_alive(&table));
	/* And beyond RAM. */
	entry = 0xffffffffff067;
	assert_int_equal(ram.row->bytes->write(&ram, address, &entry, 8, &e), 8);
	before = read_path(w, "proc/2/walk/0x601000");
	assert_non_null(strstr(before, "fault=bad-pte level=4"));
	g_free(read_path(w, "proc/2/pagetable"));
	g_free(read_path(w, "proc/2/smaps"));
	run_line(w, CTL, "munmap 0x601000 0x2000");
	assert_missing(w, "proc/2/pt/000/000/003");
}

/* A leaf of an upper table is one file and one row, as large as what it maps. */
static void a_huge_leaf_is_one_file(void **state)
{
	struct world *w = *state;
	g_autofree char *table = NULL;

	run_line(w, "hosts/host0/ctl", "spawn p bare");
	run_line(w, CTL, "mmap 0x40000000 4M rw- private,anon,fixed");
	run_line(w, CTL, "madvise 0x40000000 4M hugepage");
	expect(w, CTL, "touch 0x40000000 4M w", "accesses=1024 faults=2");
	assert_int_equal(leaf(w, "2", "000/001/001").st_size, 2 * MiB);
	assert_int_equal(leaf(w, "2", "000/001/001").st_nlink, 1);
	table = read_path(w, "proc/2/pagetable.csv");
	assert_int_equal(count_lines(table), 3);
	assert_non_null(strstr(table, "0x40200000,0x0,0x1,0x1,,"));
	run_line(w, CTL, "munmap 0x40001000 4096");
	assert_int_equal(leaf(w, "2", "000/001/000/000").st_size, 4096);
	assert_missing(w, "proc/2/pt/000/001/000/001");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(space_is_allocated_on_demand), TEST(fork_copies_on_write), TEST(the_next_frames_are_those_asked_for),
		TEST(a_walk_by_hand_is_told_step_by_step), TEST(pt_has_raw_tables_and_decoded_ones),
		TEST(pt_and_pagetable_show_the_same_pages_in_every_layout), TEST(a_poked_entry_shows_at_once), TEST(a_huge_leaf_is_one_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
