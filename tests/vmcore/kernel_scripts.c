/*
 * kernel_scripts - runs scripts recorded from Linux (tests/cases/kernel, README there) and compares everything.
 *
 *	kernel_scripts [-a] [-m] SCRIPT...
 *
 * Prints a score per script and where the first difference is (-a: all differences); -m: on a mount. Exit status 1 on any
 * difference. Scripts know nothing of what executes them: that is a struct backend, a set of system calls and of looks
 * at a process. One is the engine; the other drives a mount of its own by commands and files.
 */
#include "kernel_backend.h"
#include "vm_area.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- a script while it runs ---- */

struct run {
	const struct backend *b;
	void *w;
	const char *file;
	GHashTable *labels;       /* name -> uint64_t * */
	GPtrArray *procs;         /* names */
	char   **words;           /* of the line: without process and label */
	const char *p;            /* the process */
	GString *out;             /* the lines that the operation gives */
	unsigned line;
};

static G_NORETURN void bad(struct run *r, const char *what)
{
	fprintf(stderr, "%s:%u: %s\n", r->file, r->line, what);
	exit(2);
}

static uint64_t number(struct run *r, const char *s)
{
	char *end;
	uint64_t n = g_ascii_strtoull(s, &end, 0);
	const char *unit = "KMGT", *u;

	if (end == s)
		bad(r, "not a number");
	u = *end ? strchr(unit, *end) : NULL;
	return u ? n << (10 * (u - unit + 1)) : n;
}

static bool base(struct run *r, const char *name, uint64_t *at)
{
	static const struct { const char *name; uint64_t at; } bases[] = {
		{ "A", BASE_A }, { "H", BASE_H }, { "M", BASE_M }, { "S", BASE_S },
	};
	uint64_t *label = g_hash_table_lookup(r->labels, name);

	for (size_t i = 0; i < G_N_ELEMENTS(bases); i++)
		if (!strcmp(name, bases[i].name)) {
			*at = bases[i].at;
			return true;
		}
	if (label)
		*at = *label;
	return label;
}

static uint64_t address(struct run *r, const char *s)
{
	size_t len = strcspn(s, "+-");
	g_autofree char *name = g_strndup(s, len);
	uint64_t at;

	if (!strcmp(s, "-"))
		return 0;
	if (g_ascii_isdigit(*s))
		return number(r, s);
	if (!base(r, name, &at))
		bad(r, "an unknown label");
	if (s[len] == '\0')
		return at;
	return s[len] == '+' ? at + number(r, s + len + 1) : at - number(r, s + len + 1);
}

static const char *word(struct run *r, unsigned i)
{
	for (unsigned k = 0; k <= i; k++)
		if (!r->words[k])
			bad(r, "an operand is missing");
	return r->words[i];
}

static uint64_t arg_at(struct run *r, unsigned i) { return address(r, word(r, i)); }
static uint64_t arg_n(struct run *r, unsigned i) { return number(r, word(r, i)); }
static bool has_word(struct run *r, const char *w)
{
	return g_strv_contains((const char *const *)r->words, w);
}

static unsigned protection(const char *s)
{
	return (s[0] == 'r' ? VM_PROT_READ : 0) | (s[1] == 'w' ? VM_PROT_WRITE : 0) | (s[2] == 'x' ? VM_PROT_EXEC : 0);
}

struct name { const char *name; unsigned value; };

static unsigned value_of(struct run *r, const struct name *names, const char *name)
{
	for (; names->name; names++)
		if (!strcmp(names->name, name))
			return names->value;
	bad(r, "an unknown word");
}

static void answer(struct run *r, int code)
{
	if (code)
		g_string_append_printf(r->out, "= %s\n", strerrorname_np(code));
	else
		g_string_append(r->out, "= ok\n");
}

static void answer_address(struct run *r, int code, uint64_t at, const char *label)
{
	if (code) {
		answer(r, code);
		return;
	}
	g_string_append_printf(r->out, "= 0x%" PRIx64 "\n", at);
	if (label)
		g_hash_table_replace(r->labels, g_strdup(label), g_memdup2(&at, sizeof(at)));
}

static void do_mmap(struct run *r, const char *label)
{
	static const struct name flags[] = {
		{ "private", VM_MAP_PRIVATE }, { "shared", VM_MAP_SHARED }, { "anon", VM_MAP_ANON },
		{ "fixed", VM_MAP_FIXED }, { "fixed_noreplace", VM_MAP_FIXED_NOREPLACE }, { "populate", VM_MAP_POPULATE },
		{ "noreserve", VM_MAP_NORESERVE }, { "growsdown", VM_MAP_GROWSDOWN }, { "locked", VM_MAP_LOCKED },
		{ "hugetlb", VM_MAP_HUGETLB }, { 0 },
	};
	struct map_call c = { arg_at(r, 0), arg_n(r, 1), protection(word(r, 2)), 0, NULL, 0 };
	g_auto(GStrv) list = g_strsplit(word(r, 3), ",", -1);
	uint64_t at = 0;
	int code;

	for (char **f = list; *f; f++)
		c.flags |= value_of(r, flags, *f);
	if (r->words[4]) {
		c.file = r->words[4];
		c.offset = arg_n(r, 5);
	}
	code = r->b->mmap(r->w, r->p, &c, &at);
	answer_address(r, code, at, label);
}

static void do_mremap(struct run *r, const char *label)
{
	unsigned flags = 0;
	uint64_t to = 0, at = 0;
	int code;

	for (unsigned i = 3; r->words[i]; i++) {
		if (!strcmp(r->words[i], "maymove")) {
			flags |= VM_REMAP_MAYMOVE;
		} else if (!strcmp(r->words[i], "dontunmap")) {
			flags |= VM_REMAP_DONTUNMAP;
		} else if (!strcmp(r->words[i], "fixed")) {
			flags |= VM_REMAP_FIXED;
			to = arg_at(r, ++i);
		} else {
			bad(r, "an unknown word");
		}
	}
	code = r->b->mremap(r->w, r->p, arg_at(r, 0), arg_n(r, 1), arg_n(r, 2), flags, to, &at);
	answer_address(r, code, at, label);
}

static void do_munmap(struct run *r, const char *label)
{
	answer(r, r->b->munmap(r->w, r->p, arg_at(r, 0), arg_n(r, 1)));
}

static void do_mprotect(struct run *r, const char *label)
{
	answer(r, r->b->mprotect(r->w, r->p, arg_at(r, 0), arg_n(r, 1), protection(word(r, 2))));
}

static void do_madvise(struct run *r, const char *label)
{
	static const struct name advices[] = {
		{ "normal", 0 }, { "random", 1 }, { "sequential", 2 }, { "willneed", 3 }, { "dontneed", 4 }, { "free", 8 },
		{ "remove", 9 }, { "dontfork", 10 }, { "dofork", 11 }, { "dontdump", 16 }, { "dodump", 17 },
		{ "hugepage", 14 }, { "nohugepage", 15 },
		{ "wipeonfork", 18 }, { "keeponfork", 19 }, { "cold", 20 }, { "pageout", 21 }, { "populate_read", 22 },
		{ "populate_write", 23 }, { "dontneed_locked", 24 }, { "bad", 12345 }, { 0 },
	};

	answer(r, r->b->madvise(r->w, r->p, arg_at(r, 0), arg_n(r, 1), value_of(r, advices, word(r, 2))));
}

static void do_mlock(struct run *r, const char *label)
{
	answer(r, r->b->mlock(r->w, r->p, arg_at(r, 0), arg_n(r, 1), has_word(r, "onfault")));
}

static void do_munlock(struct run *r, const char *label)
{
	answer(r, r->b->munlock(r->w, r->p, arg_at(r, 0), arg_n(r, 1)));
}

static void do_msync(struct run *r, const char *label)
{
	static const struct name names[] = {
		{ "async", VM_MSYNC_ASYNC }, { "sync", VM_MSYNC_SYNC }, { "invalidate", VM_MSYNC_INVALIDATE },
		{ "bad", 0x100 }, { 0 },
	};
	unsigned flags = 0;

	for (unsigned i = 2; r->words[i]; i++)
		flags |= value_of(r, names, r->words[i]);
	answer(r, r->b->msync(r->w, r->p, arg_at(r, 0), arg_n(r, 1), flags));
}

/* Run-length code: count and letter. */
static void add_runs(GString *out, const char *codes, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && codes[k] == codes[i]; k++)
			;
		g_string_append_printf(out, "%zu%c", k - i, codes[i]);
	}
}

static void do_mincore(struct run *r, const char *label)
{
	uint64_t len = arg_n(r, 1), n = MIN((len + PAGE - 1) / PAGE, 1 << 20);
	g_autofree uint8_t *vec = g_malloc0(n + 1);
	int code = r->b->mincore(r->w, r->p, arg_at(r, 0), len, vec);

	if (code || n == 0) {
		answer(r, code);
		return;
	}
	for (uint64_t i = 0; i < n; i++)
		vec[i] = vec[i] & 1 ? 'r' : '.';
	g_string_append(r->out, "= ok ");
	add_runs(r->out, (char *)vec, n);
	g_string_append_c(r->out, '\n');
}

static void do_brk(struct run *r, const char *label)
{
	const char *s = word(r, 0);
	int64_t delta = number(r, s + 1);
	uint64_t at = 0;
	int code = r->b->brk(r->w, r->p, *s == '-' ? -delta : delta, &at);

	answer_address(r, code, at, NULL);
}

static void add_signal(GString *out, const struct access *a, uint64_t at)
{
	g_string_append(out, a->signal);
	if (a->addr != at)
		g_string_append_printf(out, " addr=0x%" PRIx64, a->addr);
}

/* The result of an access: `done` unless there was a signal. */
static void answer_access(struct run *r, int code, const struct access *a, uint64_t at, const char *done)
{
	if (code) {
		answer(r, code);
		return;
	}
	g_string_append(r->out, "= ");
	if (a->signal)
		add_signal(r->out, a, at);
	else
		g_string_append(r->out, done);
	if (a->faults)
		g_string_append_printf(r->out, " flt=%" PRIu64, a->faults);
	g_string_append_c(r->out, '\n');
}

static void do_read(struct run *r, const char *label)
{
	uint64_t at = arg_at(r, 0);
	struct access a = { 0 };
	uint8_t byte = 0;
	char done[8];
	int code = r->b->load(r->w, r->p, at, &byte, 1, &a);

	g_snprintf(done, sizeof(done), "0x%02x", byte);
	answer_access(r, code, &a, at, done);
}

static void do_write(struct run *r, const char *label)
{
	uint64_t at = arg_at(r, 0);
	struct access a = { 0 };
	int code = r->b->store(r->w, r->p, at, arg_n(r, 1), &a);

	answer_access(r, code, &a, at, "ok");
}

static void do_exec(struct run *r, const char *label)
{
	uint64_t at = arg_at(r, 0);
	struct access a = { 0 };
	int code = r->b->fetch(r->w, r->p, at, &a);

	answer_access(r, code, &a, at, "ok");
}

static char *sum_page(struct run *r, uint64_t at)
{
	uint8_t bytes[PAGE];
	struct access a = { 0 };
	uint64_t sum = 0;
	int code = r->b->load(r->w, r->p, at, bytes, PAGE, &a);

	if (code)
		return g_strdup(strerrorname_np(code));
	if (a.signal)
		return g_strdelimit(g_strdup(a.signal), " ", '/');
	for (size_t i = 0; i < PAGE; i++)
		sum += bytes[i];
	return g_strdup_printf("0x%" PRIx64, sum);
}

static void do_sum(struct run *r, const char *label)
{
	uint64_t at = arg_at(r, 0), len = arg_n(r, 1);
	g_autoptr(GPtrArray) sums = g_ptr_array_new_with_free_func(g_free);

	for (uint64_t i = 0; i < len; i += PAGE)
		g_ptr_array_add(sums, sum_page(r, at + i));
	g_string_append_c(r->out, '=');
	for (guint i = 0, k; i < sums->len; i = k) {
		for (k = i; k < sums->len && !strcmp(sums->pdata[k], sums->pdata[i]); k++)
			;
		g_string_append_printf(r->out, " %s", (char *)sums->pdata[i]);
		if (k - i > 1)
			g_string_append_printf(r->out, "*%u", k - i);
	}
	g_string_append_c(r->out, '\n');
}

static void do_fork(struct run *r, const char *child)
{
	int code = r->b->fork(r->w, r->p, child);

	if (!code)
		g_ptr_array_add(r->procs, g_strdup(child));
	answer(r, code);
}

static void do_exit(struct run *r, const char *label)
{
	guint i;

	answer(r, r->b->exit(r->w, r->p));
	if (g_ptr_array_find_with_equal_func(r->procs, r->p, g_str_equal, &i))
		g_ptr_array_remove_index(r->procs, i);
}

static void do_truncate(struct run *r, const char *label)
{
	answer(r, r->b->truncate(r->w, r->p, word(r, 0), arg_n(r, 1)));
}

static void do_fwrite(struct run *r, const char *label)
{
	answer(r, r->b->pwrite(r->w, r->p, word(r, 0), arg_n(r, 1), arg_n(r, 2)));
}

static void do_fread(struct run *r, const char *label)
{
	int byte = 0, code = r->b->pread(r->w, r->p, word(r, 0), arg_n(r, 1), &byte);

	if (code)
		answer(r, code);
	else if (byte < 0)
		g_string_append(r->out, "= EOF\n");
	else
		g_string_append_printf(r->out, "= 0x%02x\n", byte);
}

static void do_unlink(struct run *r, const char *label)
{
	answer(r, r->b->unlink(r->w, r->p, word(r, 0)));
}

/* ---- views ---- */

static void add_count(GString *out, const char *name, uint64_t n, const char *unit)
{
	if (n)
		g_string_append_printf(out, " %s=%" PRIu64 "%s", name, n, unit);
}

static void add_area(struct run *r, const char *p, const struct seen_area *a)
{
	uint64_t n = (a->end - a->start) / PAGE;
	g_autofree struct seen_page *pages = g_new(struct seen_page, n);
	g_autofree char *codes = g_malloc(n);

	g_string_append_printf(r->out, "| 0x%" PRIx64 "..0x%" PRIx64 " %s 0x%" PRIx64 " %s", a->start, a->end, a->perms,
			       a->offset, a->label);
	add_count(r->out, "rss", a->rss / PAGE, "");
	add_count(r->out, "sc", a->shared_clean / PAGE, "");
	add_count(r->out, "sd", a->shared_dirty / PAGE, "");
	add_count(r->out, "pc", a->private_clean / PAGE, "");
	add_count(r->out, "pd", a->private_dirty / PAGE, "");
	add_count(r->out, "an", a->anonymous / PAGE, "");
	add_count(r->out, "sw", a->swap / PAGE, "");
	add_count(r->out, "pss", a->pss, "k");
	add_count(r->out, "spss", a->swap_pss, "k");
	add_count(r->out, "lckd", a->locked, "k");
	add_count(r->out, "ah", a->huge / PAGE, "");
	add_count(r->out, "ph", a->own_huge / PAGE, "");
	add_count(r->out, "sh", a->shared_huge / PAGE, "");
	add_count(r->out, "page", a->page == PAGE ? 0 : a->page / PAGE, "");
	g_string_append_printf(r->out, " fl=%s pg=", a->flags);
	r->b->pages(r->w, p, a->start, n, pages);
	for (uint64_t i = 0; i < n; i++)
		codes[i] = pages[i].code;
	add_runs(r->out, codes, n);
	g_string_append_c(r->out, '\n');
}

static void add_view(struct run *r, const char *p)
{
	uint64_t brk, tables, locked, huge;
	struct seen_area a;

	r->b->counts(r->w, p, &brk, &tables, &locked, &huge);
	g_string_append_printf(r->out, "| %s brk=0x%" PRIx64 " pt=%" PRIu64 " lck=%" PRIu64, p, brk, tables, locked);
	add_count(r->out, "huge", huge, "");
	g_string_append_c(r->out, '\n');
	for (uint64_t at = 0; r->b->area_above(r->w, p, at, &a); at = a.end)
		add_area(r, p, &a);
}

static void do_check(struct run *r, const char *label)
{
	answer(r, 0);
	add_view(r, r->p);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void do_checkall(struct run *r, const char *label)
{
	answer(r, 0);
	g_ptr_array_sort(r->procs, by_name);
	for (guint i = 0; i < r->procs->len; i++)
		add_view(r, r->procs->pdata[i]);
}

struct mapper { const char *p; uint64_t at, frame; unsigned order; };

static int by_frame(const void *a, const void *b)
{
	const struct mapper *x = a, *y = b;

	if (x->frame != y->frame)
		return x->frame < y->frame ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* One group of mappers; `n` counts them. Groups are ordered by their first. */
struct group { const struct mapper *m; unsigned n; };

static int by_first(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->m->order < y->m->order ? -1 : 1;
}

/* Does `b` continue `a` as its i-th page? */
static bool continues(const struct group *a, const struct group *b, unsigned i)
{
	if (a->n != b->n)
		return false;
	for (unsigned k = 0; k < a->n; k++)
		if (strcmp(a->m[k].p, b->m[k].p) || b->m[k].at != a->m[k].at + (uint64_t)i * PAGE)
			return false;
	return true;
}

static void collect_mappers(struct run *r, GArray *all)
{
	struct seen_area a;

	g_ptr_array_sort(r->procs, by_name);
	for (guint i = 0; i < r->procs->len; i++) {
		const char *p = r->procs->pdata[i];

		for (uint64_t at = 0; r->b->area_above(r->w, p, at, &a); at = a.end) {
			uint64_t n = (a.end - a.start) / PAGE;
			g_autofree struct seen_page *pages = g_new(struct seen_page, n);

			r->b->pages(r->w, p, a.start, n, pages);
			for (uint64_t k = 0; k < n; k++) {
				struct mapper m = { p, a.start + k * PAGE, pages[k].frame, all->len };

				if (strchr("AaFf", pages[k].code))
					g_array_append_val(all, m);
			}
		}
	}
}

static void do_share(struct run *r, const char *label)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct mapper));
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	struct mapper *m;
	struct group *g;

	answer(r, 0);
	collect_mappers(r, all);
	g_array_sort(all, by_frame);
	m = (struct mapper *)all->data;
	for (guint i = 0, k; i < all->len; i = k) {
		struct group one = { &m[i], 0 };

		for (k = i; k < all->len && m[k].frame == m[i].frame; k++)
			one.n++;
		if (one.n > 1)
			g_array_append_val(groups, one);
	}
	g_array_sort(groups, by_first);
	g = (struct group *)groups->data;
	for (guint i = 0, k; i < groups->len; i = k) {
		for (k = i + 1; k < groups->len && continues(&g[i], &g[k], k - i); k++)
			;
		g_string_append_c(r->out, '|');
		for (unsigned j = 0; j < g[i].n; j++)
			g_string_append_printf(r->out, " %s:0x%" PRIx64, g[i].m[j].p, g[i].m[j].at);
		if (k - i > 1)
			g_string_append_printf(r->out, " x%u", k - i);
		g_string_append_c(r->out, '\n');
	}
}

/* ---- lines ---- */

static const struct { const char *name; void (*run)(struct run *r, const char *label); } operations[] = {
	{ "mmap", do_mmap }, { "mremap", do_mremap }, { "munmap", do_munmap }, { "mprotect", do_mprotect },
	{ "madvise", do_madvise }, { "mlock", do_mlock }, { "munlock", do_munlock }, { "msync", do_msync },
	{ "mincore", do_mincore }, { "brk", do_brk }, { "read", do_read }, { "write", do_write }, { "exec", do_exec },
	{ "sum", do_sum }, { "fork", do_fork }, { "exit", do_exit }, { "truncate", do_truncate },
	{ "fwrite", do_fwrite }, { "fread", do_fread }, { "unlink", do_unlink }, { "check", do_check },
};

static void do_file(struct run *r, char **w)
{
	bool sparse = w[4] && !strcmp(w[4], "sparse");

	if (!w[1] || !w[2] || !w[3] || !w[4])
		bad(r, "file NAME tmpfs|ext4 SIZE SEED|sparse");
	r->b->file(r->w, w[1], !strcmp(w[2], "tmpfs"), number(r, w[3]), sparse ? -1 : (int)number(r, w[4]));
}

static void do_spawn(struct run *r, const char *name)
{
	r->b->spawn(r->w, name);
	g_ptr_array_add(r->procs, g_strdup(name));
}

/* "-1": more is kept than there is (hugetlb.c). */
static void do_pool(struct run *r)
{
	uint64_t n[4];

	r->b->pool(r->w, n);
	answer(r, 0);
	g_string_append_printf(r->out, "| Total=%d Free=%d Rsvd=%d Surp=%d\n", (int)n[0], (int)n[1], (int)n[2], (int)n[3]);
}

/* Executes a line; false for a directive, which has no result. */
static bool execute(struct run *r, char **w)
{
	const char *label = NULL;
	unsigned i = 1;

	if (!strcmp(w[0], "file")) {
		do_file(r, w);
		return false;
	}
	if (!strcmp(w[0], "spawn") && w[1]) {
		do_spawn(r, w[1]);
		return false;
	}
	if (!strcmp(w[0], "swap") || !strcmp(w[0], "thp"))
		return false;
	if (!strcmp(w[0], "hugepages") && w[1]) {
		r->b->hugepages(r->w, number(r, w[1]));
		return false;
	}
	if (!strcmp(w[0], "pool")) {
		do_pool(r);
		return true;
	}
	if (!strcmp(w[0], "checkall") || !strcmp(w[0], "share")) {
		(*w[0] == 'c' ? do_checkall : do_share)(r, NULL);
		return true;
	}
	r->p = w[0];
	if (!g_ptr_array_find_with_equal_func(r->procs, r->p, g_str_equal, NULL))
		bad(r, "an unknown process or word");
	if (w[1] && w[2] && !strcmp(w[2], "=")) {
		label = w[1];
		i = 3;
	}
	for (size_t k = 0; w[i] && k < G_N_ELEMENTS(operations); k++)
		if (!strcmp(w[i], operations[k].name)) {
			r->words = w + i + 1;
			operations[k].run(r, label);
			return true;
		}
	bad(r, "an unknown operation");
}

/* Words of a line, without comment and empty ones. */
static char **split(const char *line)
{
	g_autofree char *plain = g_strndup(line, strcspn(line, "#"));
	g_auto(GStrv) raw = g_strsplit_set(plain, " \t\r", -1);
	GPtrArray *words = g_ptr_array_new();

	for (char **w = raw; *w; w++)
		if (**w)
			g_ptr_array_add(words, g_strdup(*w));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

/* The recorded line with every address as a plain number, as our own lines have them. */
static char *plain_addresses(struct run *r, const char *line)
{
	GString *out = g_string_new(NULL);

	for (const char *s = line; *s;) {
		bool starts = s == line || strchr(" =:.", s[-1]);

		if (starts && strchr("AHMS", s[0]) && (s[1] == '+' || s[1] == '-') && s[2] == '0' && s[3] == 'x') {
			size_t len = 4 + strspn(s + 4, "0123456789abcdef");
			g_autofree char *one = g_strndup(s, len);

			g_string_append_printf(out, "0x%" PRIx64, address(r, one));
			s += len;
		} else {
			g_string_append_c(out, *s++);
		}
	}
	return g_string_free(out, FALSE);
}

/* Puts names back into our lines, so that a difference reads well. */
static char *named_addresses(const char *line)
{
	static const struct { char name; uint64_t from, to, base; } near[] = {
		{ 'A', BASE_A - BASE_NEAR, BASE_A + BASE_NEAR, BASE_A }, { 'H', BASE_H - BASE_NEAR, BASE_H + BASE_NEAR, BASE_H },
		{ 'M', BASE_M - BASE_NEAR, BASE_M, BASE_M }, { 'S', BASE_M + 1, BASE_S, BASE_S },
	};
	GString *out = g_string_new(NULL);

	for (const char *s = line; *s;) {
		char *end = (char *)s;
		uint64_t at = s[0] == '0' && s[1] == 'x' ? g_ascii_strtoull(s, &end, 16) : 0;
		size_t i;

		for (i = 0; i < G_N_ELEMENTS(near); i++)
			if (end != s && at >= near[i].from && at <= near[i].to)
				break;
		if (end == s) {
			g_string_append_c(out, *s++);
			continue;
		}
		if (i < G_N_ELEMENTS(near) && at >= near[i].base && near[i].name < 'M')
			g_string_append_printf(out, "%c+0x%" PRIx64, near[i].name, at - near[i].base);
		else if (i < G_N_ELEMENTS(near))
			g_string_append_printf(out, "%c-0x%" PRIx64, near[i].name, near[i].base - at);
		else
			g_string_append_len(out, s, end - s);
		s = end;
	}
	return g_string_free(out, FALSE);
}

static void show(const char *mark, const char *lines)
{
	g_auto(GStrv) list = g_strsplit(lines, "\n", -1);

	for (char **l = list; *l && **l; l++) {
		g_autofree char *named = named_addresses(*l);

		printf("    %s %s\n", mark, named);
	}
}

/* Only the lines that differ, each beside its counterpart. */
static void show_difference(const char *expected, const char *got)
{
	g_auto(GStrv) e = g_strsplit(expected, "\n", -1);
	g_auto(GStrv) g = g_strsplit(got, "\n", -1);
	guint n = MAX(g_strv_length(e), g_strv_length(g));

	if (g_strv_length(e) != g_strv_length(g)) {
		show("linux ", expected);
		show("engine", got);
		return;
	}
	for (guint i = 0; i < n; i++)
		if (strcmp(e[i], g[i])) {
			show("linux ", e[i]);
			show("engine", g[i]);
		}
}

/* The recorded result lines below line i. */
static char *result_below(struct run *r, char **lines, unsigned i)
{
	GString *out = g_string_new(NULL);

	for (i++; lines[i] && (lines[i][0] == '=' || lines[i][0] == '|' || lines[i][0] == '#'); i++) {
		if (lines[i][0] != '#') {
			g_autofree char *plain = plain_addresses(r, lines[i]);

			g_string_append_printf(out, "%s\n", g_strchomp(plain));
		}
	}
	return g_string_free(out, FALSE);
}

/*
 * Executes a script. results[i] becomes what the operation in line i gave (NULL: none); where `recorded` is not NULL,
 * recorded[i] what its lines say. False where the backend cannot run. Contradictions are printed and counted.
 */
static bool execute_script(const struct backend *b, const char *file, char **lines, char **results, char **recorded,
			   unsigned *contradictions)
{
	struct run r = { .b = b, .file = file, .w = b->start(g_strv_contains((const char *const *)lines, "swap")) };

	if (!r.w)
		return false;
	r.labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	r.procs = g_ptr_array_new_with_free_func(g_free);
	r.out = g_string_new(NULL);
	do_spawn(&r, "p0");
	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = split(lines[i]);
		g_autoptr(GString) wrong = g_string_new(NULL);

		if (!words[0] || lines[i][0] == '=' || lines[i][0] == '|')
			continue;
		r.line = i + 1;
		g_string_truncate(r.out, 0);
		if (!execute(&r, words))
			continue;
		results[i] = g_strdup(r.out->str);
		if (recorded)
			recorded[i] = result_below(&r, lines, i);
		b->check(r.w, wrong);
		if (wrong->len && (*contradictions)++ == 0)
			printf("  %s:%u: %s: contradicts itself:\n%s", file, r.line, lines[i], wrong->str);
	}
	b->stop(r.w);
	g_hash_table_unref(r.labels);
	g_ptr_array_unref(r.procs);
	g_string_free(r.out, TRUE);
	return true;
}

/* Counts and shows; `all` differences or the first. True if there is none. */
static bool compare(const char *who, const char *file, char **lines, char **expected, char **got, bool all)
{
	unsigned count = 0, agree = 0;

	for (unsigned i = 0; lines[i]; i++) {
		if (!expected[i] || !got[i])
			continue;
		count++;
		if (!strcmp(expected[i], got[i])) {
			agree++;
		} else if (all || agree + 1 == count) {
			printf("  %s:%u: %s\n", file, i + 1, lines[i]);
			show_difference(expected[i], got[i]);
		}
	}
	printf("%s %s: %u of %u operations agree\n", who, file, agree, count);
	return agree == count;
}

static void free_results(char **results, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		g_free(results[i]);
	g_free(results);
}

static bool run_recorded(const struct backend *b, const char *file, bool all)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char **results, **recorded;
	unsigned n, contradictions = 0;
	bool same = false;

	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		fprintf(stderr, "%s: cannot be read\n", file);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	n = g_strv_length(lines);
	results = g_new0(char *, n + 1);
	recorded = g_new0(char *, n + 1);
	if (execute_script(b, file, lines, results, recorded, &contradictions))
		same = compare(b->name, file, lines, recorded, results, all);
	else
		printf("%s %s: cannot run here\n", b->name, file);
	free_results(results, n);
	free_results(recorded, n);
	return same && contradictions == 0;
}

int main(int argc, char **argv)
{
	const struct backend *b = &engine_backend;
	int total = 0, passed = 0;
	bool all = false;

	for (argv++; *argv && **argv == '-'; argv++) {
		all = all || !strcmp(*argv, "-a");
		b = strcmp(*argv, "-m") ? b : &mount_backend;
	}
	if (b == &mount_backend && access("/dev/fuse", R_OK | W_OK))
		return 77;
	for (; *argv; argv++, total++) {
		passed += run_recorded(b, *argv, all);
		fflush(stdout);
	}
	printf("%d of %d scripts agree in full\n", passed, total);
	return total > 0 && passed == total ? 0 : 1;
}
