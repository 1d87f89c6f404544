/* kernel_calls.c - the operations of recorded scripts: system calls, loads, stores and fetches, and what they give. */
#include "kernel_run.h"
#include "vm_area.h"

#include <string.h>

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

bool run_call(struct run *r, char **w, const char *label)
{
	static const struct { const char *name; void (*run)(struct run *r, const char *label); } calls[] = {
		{ "mmap", do_mmap }, { "mremap", do_mremap }, { "munmap", do_munmap }, { "mprotect", do_mprotect },
		{ "madvise", do_madvise }, { "mlock", do_mlock }, { "munlock", do_munlock }, { "msync", do_msync },
		{ "mincore", do_mincore }, { "brk", do_brk }, { "read", do_read }, { "write", do_write }, { "exec", do_exec },
		{ "sum", do_sum }, { "fork", do_fork }, { "exit", do_exit }, { "truncate", do_truncate },
		{ "fwrite", do_fwrite }, { "fread", do_fread }, { "unlink", do_unlink }, { "check", do_check },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
		if (!strcmp(w[0], calls[i].name)) {
			r->words = w + 1;
			calls[i].run(r, label);
			return true;
		}
	return false;
}
