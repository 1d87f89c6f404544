/*
 * test_process_agree.c - the files of one moment agree: after random commands maps, smaps, smaps_rollup, status,
 * stat, statm, numa_maps, pagemap, pagetable, kpagecount, kpageflags, meminfo, vmstat and mem/frames are counted against
 * each other.
 *
 * usage: test_process_agree [SEED [STEPS]]; the seed is printed.
 */
#include "fs_test.h"
#include "job.h"
#include "rng.h"
#include "vm_disk.h"

#include <inttypes.h>
#include <stdio.h>

enum { PROCESSES = 6, BASE = 0x10000000, SPAN_PAGES = 96, HUGE_BASE = 0x40000000, HUGE_SPAN = 4, HUGE = 2 * 1024 * 1024 };
enum { KPF_BUDDY = 10, KPF_ANON = 12, KPF_HUGE = 17, KPF_THP = 22, KPF_ZERO = 24, KPF_TABLE = 26 };

struct run {
	struct world *w;
	struct rng rng;
	uint64_t frames;
	bool     huge;             /* with huge pages, of both kinds */
	uint64_t thp;              /* kB of transparent ones that processes show */
	uint64_t *count, *flags;   /* kpagecount, kpageflags */
	uint64_t *mapped;          /* present words of all pagemaps, by frame */
};

static uint64_t below(struct run *r, uint64_t n)
{
	return rng_below(&r->rng, n);
}

/* --- random commands --- */

static const char *pick(struct run *r, const char *const *words, unsigned n)
{
	return words[below(r, n)];
}
#define PICK(R, ...) pick(R, (const char *const[]){ __VA_ARGS__ }, \
			  sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void random_huge_line(struct run *r, char *line, size_t size)
{
	uint64_t at = HUGE_BASE + below(r, HUGE_SPAN) * HUGE, len = (1 + below(r, 2)) * HUGE;

	switch (below(r, 8)) {
	case 0:
		g_snprintf(line, size, "mmap %#" PRIx64 " %" PRIu64 " rw- %s,anon,fixed,hugetlb%s", at, len,
			   PICK(r, "private", "private", "shared"), PICK(r, "", ",populate", ",noreserve"));
		break;
	case 1:
		g_snprintf(line, size, "mmap %#" PRIx64 " %" PRIu64 " rw- private,anon,fixed", at, len);
		break;
	case 2:
		g_snprintf(line, size, "madvise %#" PRIx64 " %" PRIu64 " %s", at, len,
			   PICK(r, "hugepage", "hugepage", "hugepage", "dontneed", "nohugepage", "free"));
		break;
	case 3:
		g_snprintf(line, size, "munmap %#" PRIx64 " %" PRIu64, at, below(r, 3) ? len : 8192);
		break;
	case 4:
		g_snprintf(line, size, "mremap %#" PRIx64 " %" PRIu64 " %" PRIu64 " maymove fixed %#" PRIx64, at, len, len,
			   HUGE_BASE + (HUGE_SPAN + below(r, HUGE_SPAN)) * (uint64_t)HUGE);
		break;
	default:
		g_snprintf(line, size, "touch %#" PRIx64 " 1 %s", at + below(r, 512) * 4096, PICK(r, "r", "w", "w"));
	}
}

static void random_line(struct run *r, char *line, size_t size)
{
	uint64_t at = BASE + below(r, SPAN_PAGES) * 4096, len = (1 + below(r, 12)) * 4096;
	const char *prot = PICK(r, "rw-", "rw-", "rw-", "r--", "r-x", "---", "-w-", "rwx");

	switch (below(r, 20)) {
	case 0: case 1: case 2:
		g_snprintf(line, size, "mmap %#" PRIx64 " %" PRIu64 " %s %s,anon,fixed%s", at, len, prot,
			   PICK(r, "private", "private", "shared"), PICK(r, "", "", ",populate", ",noreserve"));
		break;
	case 3: case 4:
		g_snprintf(line, size, "mmap %#" PRIx64 " %" PRIu64 " %s %s,fixed %s %" PRIu64, at, len, prot,
			   PICK(r, "private", "shared"), PICK(r, "/a", "/b", "/dev/shm/c"), below(r, 4) * 4096);
		break;
	case 5:
		g_snprintf(line, size, "munmap %#" PRIx64 " %" PRIu64, at, len);
		break;
	case 6: case 7:
		g_snprintf(line, size, "mprotect %#" PRIx64 " %" PRIu64 " %s", at, len, prot);
		break;
	case 8:
		g_snprintf(line, size, "mremap %#" PRIx64 " %" PRIu64 " %" PRIu64 " maymove", at, len,
			   (1 + below(r, 12)) * 4096);
		break;
	case 9: case 10:
		g_snprintf(line, size, "madvise %#" PRIx64 " %" PRIu64 " %s", at, len,
			   PICK(r, "dontneed", "free", "pageout", "cold", "populate_write", "dontfork", "wipeonfork", "remove"));
		break;
	case 11:
		g_snprintf(line, size, "%s %#" PRIx64 " %" PRIu64, PICK(r, "mlock", "munlock"), at, len);
		break;
	case 12:
		g_snprintf(line, size, "brk %s%" PRIu64, PICK(r, "+", "-"), len);
		break;
	case 13: case 14: case 15:
		g_snprintf(line, size, "touch %#" PRIx64 " %" PRIu64 " %s", at, len, PICK(r, "r", "w", "w", "x"));
		break;
	case 16: case 17:
		g_snprintf(line, size, "write %#" PRIx64 " 5a", at + below(r, 4096));
		break;
	case 18:
		g_snprintf(line, size, "msync %#" PRIx64 " %" PRIu64, at, len);
		break;
	default:
		g_strlcpy(line, PICK(r, "fork", "fork", "exit", "wait 99", "clone"), size);
	}
}

/* A command that waits, for a device or its turn, is tried again after each step of the clock. */
static void try_line(struct run *r, const char *path, const char *line)
{
	struct node n = at(r->w, path);
	struct job job = { 0 };
	ns_t next;
	int error;

	r->w->job = &job;
	do {
		g_autoptr(GString) out = g_string_new(NULL);
		g_autofree char *copy = g_strdup(line);
		struct err e = { .arg = -1 };

		error = n.row->store(&n, copy, out, &e);
		world_changed(r->w);
		assert_checked(r->w);
	} while (error == -EINPROGRESS && clock_next_busy(&r->w->clock, &next) && clock_step(&r->w->clock));
	r->w->job = NULL;
	job_clear(&job);
}

/* One command by one process; errors are ordinary. Dead children are reaped, so that they do not pile up. */
static void random_step(struct run *r)
{
	struct vm_host *h = world_host_named(r->w, "host0")->vm;
	struct vm_proc_info info;
	struct vm_proc *p = NULL;
	char line[200];
	g_autofree char *path = NULL;
	int32_t pid = 1;

	for (uint64_t skip = below(r, vm_proc_count(h) - 1) + 1; skip; skip--) {
		p = vm_proc_above(h, pid);
		vm_proc_info(p, &info);
		pid = info.pid;
	}
	(r->huge && below(r, 2) ? random_huge_line : random_line)(r, line, sizeof(line));
	if (!strcmp(line, "exit") && pid == 2)
		return;
	if (!strcmp(line, "fork") && vm_proc_count(h) > PROCESSES)
		return;
	path = g_strdup_printf("proc/%d/ctl", pid);
	try_line(r, path, line);
}

/* --- counting --- */

struct totals {
	uint64_t size, rss, anon, swap, dirty, clean, pss, locked, hugetlb, thp;  /* kB */
	uint64_t areas;
};

static uint64_t kb_of(const char *line)
{
	return g_ascii_strtoull(strchr(line, ':') + 1, NULL, 10);
}

static uint64_t value(const char *text, const char *name)
{
	g_autofree char *rest = line_of(text, name);

	return g_ascii_strtoull(g_strchug(rest), NULL, 10);
}

static void add_row(struct totals *t, const char *line)
{
	static const struct { const char *name; size_t at; } rows[] = {
		{ "Size:", offsetof(struct totals, size) }, { "Rss:", offsetof(struct totals, rss) },
		{ "Anonymous:", offsetof(struct totals, anon) }, { "Swap:", offsetof(struct totals, swap) },
		{ "Shared_Dirty:", offsetof(struct totals, dirty) }, { "Private_Dirty:", offsetof(struct totals, dirty) },
		{ "Shared_Clean:", offsetof(struct totals, clean) }, { "Private_Clean:", offsetof(struct totals, clean) },
		{ "Pss:", offsetof(struct totals, pss) }, { "Locked:", offsetof(struct totals, locked) },
		{ "Shared_Hugetlb:", offsetof(struct totals, hugetlb) }, { "Private_Hugetlb:", offsetof(struct totals, hugetlb) },
		{ "AnonHugePages:", offsetof(struct totals, thp) },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (g_str_has_prefix(line, rows[i].name))
			*(uint64_t *)((char *)t + rows[i].at) += kb_of(line);
	t->areas += g_str_has_prefix(line, "VmFlags:");
}

static struct totals totals_of(const char *smaps)
{
	g_auto(GStrv) lines = g_strsplit_set(smaps, "\n", -1);
	struct totals t = { 0 };

	for (unsigned i = 0; lines[i]; i++)
		add_row(&t, lines[i]);
	return t;
}

/* Present and swapped words of an area of pagemap, the zero page left out as smaps does. */
static void count_words(struct run *r, const struct node *pagemap, uint64_t start, uint64_t end, uint64_t *present,
			uint64_t *swapped, uint64_t *hugetlb)
{
	struct err e = { 0 };

	for (uint64_t page = start / 4096; page < end / 4096; page++) {
		uint64_t word, pfn;

		assert_int_equal(pagemap->row->bytes->read(pagemap, page * 8, &word, 8, &e), 8);
		*swapped += word >> 62 & 1;
		if (!(word >> 63))
			continue;
		pfn = word & (((uint64_t)1 << 55) - 1);
		assert_true(pfn < r->frames);
		if (r->flags[pfn] >> KPF_ZERO & 1)
			continue;
		++*(r->flags[pfn] >> KPF_HUGE & 1 ? hugetlb : present);
		r->mapped[pfn]++;
		if (!(r->flags[pfn] >> KPF_THP & 1))   /* there the first page asked for tells for all */
			assert_int_equal(word >> 56 & 1, r->count[pfn] == 1);
	}
}

/* What numa_maps counts, in kB. */
static uint64_t numa_total(const char *text)
{
	g_auto(GStrv) lines = g_strsplit_set(text, "\n", -1);
	uint64_t sum = 0;

	for (unsigned i = 0; lines[i]; i++) {
		const char *pages = strstr(lines[i], " N0="), *size = strstr(lines[i], " kernelpagesize_kB=");

		if (pages && size)
			sum += g_ascii_strtoull(pages + 4, NULL, 10) * g_ascii_strtoull(strchr(size, '=') + 1, NULL, 10);
	}
	return sum;
}

static void check_process(struct run *r, int32_t pid)
{
	g_autofree char *dir = g_strdup_printf("proc/%d/", pid);
#define FILE_OF(NAME) ({ g_autofree char *p_ = g_strconcat(dir, NAME, NULL); read_path(r->w, p_); })
	g_autofree char *maps = FILE_OF("maps"), *smaps = FILE_OF("smaps"), *rollup = FILE_OF("smaps_rollup"),
		*status = FILE_OF("status"), *stat = FILE_OF("stat"), *statm = FILE_OF("statm"),
		*pagetable = FILE_OF("pagetable.csv"), *numa = FILE_OF("numa_maps"), *path = g_strconcat(dir, "pagemap", NULL);
	g_auto(GStrv) lines = g_strsplit_set(maps, "\n", -1), fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1),
		words = g_strsplit(statm, " ", -1), blocks = g_strsplit_set(smaps, "\n", -1);
	struct totals t = totals_of(smaps), sum = totals_of(rollup);
	struct node pagemap = at(r->w, path);
	uint64_t bytes = 0, present = 0, swapped = 0, hugetlb = 0, rows = 0, areas = 0;
	unsigned block = 0;

	for (unsigned i = 0; lines[i] && *lines[i]; i++, areas++) {
		uint64_t start = g_ascii_strtoull(lines[i], NULL, 16), here = 0, out = 0;
		uint64_t end = g_ascii_strtoull(strchr(lines[i], '-') + 1, NULL, 16);

		/* The same line heads its block of smaps. */
		while (blocks[block] && strcmp(blocks[block], lines[i]))
			block++;
		assert_non_null(blocks[block]);
		count_words(r, &pagemap, start, end, &here, &out, &hugetlb);
		assert_int_equal(here * 4, kb_of(blocks[block + 4]));
		assert_true(g_str_has_prefix(blocks[block + 4], "Rss:"));
		bytes += end - start;
		present += here;
		swapped += out;
	}
	for (const char *c = pagetable; *c; c++)
		rows += *c == '\n';
	assert_int_equal(areas, t.areas);
	assert_int_equal(t.size, bytes / 1024);
	assert_int_equal(t.rss, present * 4);
	assert_int_equal(t.rss, t.dirty + t.clean);
	assert_true(r->huge || rows - 1 >= present);   /* it shows zero pages and swapped ones too; a huge leaf is one row */
	assert_int_equal(t.hugetlb, hugetlb * 4);
	assert_int_equal(value(status, "HugetlbPages:"), t.hugetlb);
	assert_int_equal(numa_total(numa), t.rss + t.hugetlb);
	r->thp += t.thp;
	/* smaps counts the slots of shared memory, which no entry names. */
	assert_true(t.swap >= swapped * 4);

	assert_int_equal(sum.rss, t.rss);
	assert_int_equal(sum.anon, t.anon);
	assert_int_equal(sum.swap, t.swap);
	assert_int_equal(sum.dirty, t.dirty);
	assert_int_equal(sum.hugetlb, t.hugetlb);
	assert_int_equal(sum.thp, t.thp);
	assert_true(sum.locked >= t.locked && sum.locked <= t.locked + areas);
	assert_true(sum.pss >= t.pss && sum.pss <= t.pss + areas);    /* each block rounds down */

	assert_int_equal(value(status, "VmSize:"), t.size);
	assert_int_equal(value(status, "VmRSS:"), t.rss);
	assert_int_equal(value(status, "RssAnon:"), t.anon);
	assert_int_equal(value(status, "RssAnon:") + value(status, "RssFile:") + value(status, "RssShmem:"), t.rss);
	assert_int_equal(value(status, "VmSwap:"), swapped * 4);
	assert_true(value(status, "VmHWM:") >= t.rss);
	assert_true(value(status, "VmPeak:") >= t.size);

	assert_int_equal(g_ascii_strtoull(fields[23 - 3], NULL, 10), bytes);
	assert_int_equal(g_ascii_strtoull(fields[24 - 3], NULL, 10), present);
	assert_int_equal(g_ascii_strtoull(words[0], NULL, 10), bytes / 4096);
	assert_int_equal(g_ascii_strtoull(words[1], NULL, 10), present);
	assert_int_equal(g_ascii_strtoull(words[2], NULL, 10) * 4, value(status, "RssFile:") + value(status, "RssShmem:"));
}

static void read_words(struct run *r, const char *path, uint64_t *to)
{
	struct node n = at(r->w, path);
	struct err e = { 0 };

	assert_int_equal(n.row->bytes->read(&n, 0, to, r->frames * 8, &e), r->frames * 8);
}

static void check_frames(struct run *r)
{
	g_autofree char *meminfo = read_path(r->w, "proc/meminfo");
	g_autofree char *vmstat = read_path(r->w, "proc/vmstat");
	uint64_t free_frames = 0, anon = 0, tables = 0, pool = 0;

	for (uint64_t f = 0; f < r->frames; f++) {
		free_frames += r->flags[f] >> KPF_BUDDY & 1;
		tables += r->flags[f] >> KPF_TABLE & 1;
		pool += r->flags[f] >> KPF_HUGE & 1;
		if (r->flags[f] >> KPF_ZERO & 1)
			continue;
		anon += (r->flags[f] >> KPF_ANON & 1) && !(r->flags[f] >> KPF_HUGE & 1) && r->count[f];
		if (r->mapped[f] != r->count[f])
			print_error("frame %#" PRIx64 ": %" PRIu64 " words name it, kpagecount %" PRIu64 "\n", f,
				    r->mapped[f], r->count[f]);
		assert_int_equal(r->mapped[f], r->count[f]);
	}
	assert_int_equal(free_frames * 4, value(meminfo, "MemFree:"));
	assert_int_equal(anon * 4, value(meminfo, "AnonPages:"));
	assert_int_equal(tables * 4, value(meminfo, "PageTables:"));
	assert_int_equal(pool * 4, value(meminfo, "Hugetlb:"));
	assert_int_equal(pool, value(meminfo, "HugePages_Total:") * 512);
	assert_true(value(meminfo, "AnonHugePages:") <= r->thp && (!r->thp || value(meminfo, "AnonHugePages:")));
	assert_int_equal(free_frames, value(vmstat, "nr_free_pages "));
	assert_int_equal(anon, value(vmstat, "nr_anon_pages "));
	assert_int_equal(tables, value(vmstat, "nr_page_table_pages "));
	assert_int_equal(r->frames * 4, value(meminfo, "MemTotal:"));
}

/* mem/frames lists every frame that was ever used, with the same counts. */
static void check_frame_table(struct run *r)
{
	g_autofree char *table = read_path(r->w, "mem/frames.csv");
	g_auto(GStrv) lines = g_strsplit_set(table, "\n", -1);
	uint64_t mapped = 0, all = 0;

	assert_true(g_str_has_prefix(lines[0], "pfn,use,refs,maps,"));
	for (unsigned i = 1; lines[i] && *lines[i]; i++) {
		g_auto(GStrv) cells = g_strsplit(lines[i], ",", -1);
		uint64_t pfn = g_ascii_strtoull(cells[0], NULL, 16), maps = g_ascii_strtoull(cells[3], NULL, 10);

		if (!strcmp(cells[1], "anon") || !strcmp(cells[1], "file")) {
			assert_int_equal(maps, r->count[pfn]);
			mapped += maps;
		}
		assert_int_equal(!strcmp(cells[1], "free"), r->flags[pfn] >> 10 & 1);
		assert_int_equal(!strcmp(cells[1], "table"), r->flags[pfn] >> 26 & 1);
	}
	for (uint64_t f = 0; f < r->frames; f++)
		all += r->flags[f] >> KPF_ZERO & 1 ? 0 : r->count[f];
	assert_int_equal(mapped, all);
}

/* Faults of the living, and of the dead in their parents' sums, are all that the host counts. */
static void check_faults(struct run *r)
{
	struct vm_host *h = world_host_named(r->w, "host0")->vm;
	g_autofree char *vmstat = read_path(r->w, "proc/vmstat");
	uint64_t all = 0, major = 0;
	struct vm_proc_info info;
	struct vm_proc *p;
	int32_t pid = 0;

	for (; (p = vm_proc_above(h, pid)); pid = info.pid) {
		vm_proc_info(p, &info);
		major += info.majflt + info.cmajflt;
		all += info.minflt + info.cminflt;
	}
	assert_int_equal(value(vmstat, "pgfault "), all + major);
	assert_int_equal(value(vmstat, "pgmajfault "), major);
}

static void check_all(struct run *r)
{
	struct vm_host *h = world_host_named(r->w, "host0")->vm;
	struct vm_proc_info info;
	struct vm_proc *p;
	int32_t pid = 0;

	memset(r->mapped, 0, r->frames * 8);
	r->thp = 0;
	read_words(r, "proc/kpagecount", r->count);
	read_words(r, "proc/kpageflags", r->flags);
	while ((p = vm_proc_above(h, pid))) {
		vm_proc_info(p, &info);
		pid = info.pid;
		if (info.has_memory)
			check_process(r, pid);
	}
	check_frames(r);
	check_frame_table(r);
	check_faults(r);
}

static void make_file(struct run *r, struct vm_inode *dir, const char *name)
{
	struct vm_inode *file;
	struct err e = { 0 };
	char bytes[30000];

	memset(bytes, *name, sizeof(bytes));
	assert_int_equal(vm_dir_create(dir, name, VM_INODE_FILE, 0644, NULL, &file, &e), 0);
	assert_int_equal(vm_inode_write(file, 0, bytes, sizeof(bytes), &e), sizeof(bytes));
}

static struct vm_inode *directory(struct vm_inode *dir, const char *name)
{
	struct vm_inode *found = vm_dir_at(dir, name);
	struct err e = { 0 };

	if (!found)
		assert_int_equal(vm_dir_create(dir, name, VM_INODE_DIR, 0755, NULL, &found, &e), 0);
	return found;
}

struct plan { uint64_t seed, steps, ram; bool huge; };

static void the_files_of_one_moment_agree(void **state)
{
	const struct plan *plan = *state;
	struct world_options o = { .ram_bytes = plan->ram, .swap_bytes = 4 * MiB, .seed = 1, .cpus = 1,
				   .geometry = *vm_geometry_preset("x86-64") };
	struct run r = { 0 };
	struct vm_inode *root;
	struct err e = { 0 };

	print_message("seed %" PRIu64 ", %" PRIu64 " steps\n", plan->seed, plan->steps);
	r.w = world_new(&o, &e);
	assert_non_null(r.w);
	rng_seed(&r.rng, plan->seed, "agree");
	r.frames = plan->ram / 4096;
	r.count = g_new0(uint64_t, r.frames);
	r.flags = g_new0(uint64_t, r.frames);
	r.mapped = g_new0(uint64_t, r.frames);
	root = vm_disk_root(world_host_named(r.w, "host0")->vm);
	make_file(&r, root, "a");
	make_file(&r, root, "b");
	make_file(&r, directory(directory(root, "dev"), "shm"), "c");
	run_line(r.w, "hosts/host0/ctl", "spawn p bare brk=0x8000000");
	r.huge = plan->huge;
	if (r.huge) {
		g_autofree char *advised = g_strdup_printf("%d %d", HUGE_BASE, HUGE_SPAN * HUGE);
		g_autofree char *map = g_strconcat("mmap ", advised, " rw- private,anon,fixed", NULL);
		g_autofree char *advise = g_strconcat("madvise ", advised, " hugepage", NULL);

		run_line(r.w, "proc/sys/vm/nr_hugepages", "4");
		run_line(r.w, "proc/2/ctl", map);
		run_line(r.w, "proc/2/ctl", advise);
	}
	for (uint64_t i = 0; i < plan->steps; i++) {
		random_step(&r);
		check_all(&r);
	}
	g_free(r.count);
	g_free(r.flags);
	g_free(r.mapped);
	world_free(r.w);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 0) : (uint64_t)g_get_real_time() % 1000000;
	uint64_t steps = argc > 2 ? g_ascii_strtoull(argv[2], NULL, 0) : 150;
	struct plan roomy = { seed, steps, 8 * MiB, false }, tight = { seed + 1, steps, 1 * MiB, false },
		    huge = { seed + 2, steps / 2, 32 * MiB, true };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(the_files_of_one_moment_agree, &roomy),
		cmocka_unit_test_prestate(the_files_of_one_moment_agree, &tight), /* and frames run out */
		cmocka_unit_test_prestate(the_files_of_one_moment_agree, &huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
