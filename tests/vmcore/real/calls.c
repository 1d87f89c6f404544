/* calls.c - the lines of a script that a process carries out: system calls, loads, stores and fetches. */
#include "recorder.h"

#include <sys/mman.h>

static const struct word_value map_flags[] = {
	{ "private", MAP_PRIVATE }, { "shared", MAP_SHARED }, { "anon", MAP_ANONYMOUS }, { "fixed", MAP_FIXED },
	{ "fixed_noreplace", MAP_FIXED_NOREPLACE }, { "populate", MAP_POPULATE }, { "noreserve", MAP_NORESERVE },
	{ "growsdown", MAP_GROWSDOWN }, { "locked", MAP_LOCKED }, { "hugetlb", MAP_HUGETLB }, { NULL, 0 }
};
static const struct word_value advices[] = {
	{ "normal", 0 }, { "random", 1 }, { "sequential", 2 }, { "willneed", 3 }, { "dontneed", 4 }, { "free", 8 },
	{ "remove", 9 }, { "dontfork", 10 }, { "dofork", 11 }, { "dontdump", 16 }, { "dodump", 17 },
	{ "hugepage", 14 }, { "nohugepage", 15 }, { "wipeonfork", 18 }, { "keeponfork", 19 }, { "cold", 20 }, { "pageout", 21 }, { "populate_read", 22 },
	{ "populate_write", 23 }, { "dontneed_locked", 24 }, { "bad", 999 }, { NULL, 0 }
};
static const struct word_value sync_flags[] = {
	{ "async", MS_ASYNC }, { "invalidate", MS_INVALIDATE }, { "sync", MS_SYNC }, { "bad", 64 }, { NULL, 0 }
};

static void do_mmap(struct proc *p, char **w, const char *label)
{
	bool fresh = false;
	int fd = -1;
	uint64_t offset = 0, len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);
	int64_t value;

	if (w[4] && w[0]) {
		fd = descriptor(p, w[4], &fresh);
		offset = w[5] ? (uint64_t)number(w[5]) : 0;
	}
	value = CALL(p, SYS_mmap, address(w[0]), len, prot_of(w[2]), flags_of(w[3], map_flags),
		     (uint64_t)(int64_t)fd, offset);
	if (fresh)
		CALL(p, SYS_close, (uint64_t)fd);
	drop_around_result(p, before, value, len);
	put_address_result(value, label);
}

static void do_mremap(struct proc *p, char **w, const char *label)
{
	uint64_t flags = 0, fixed = 0, from = address(w[0]), old = (uint64_t)number(w[1]), len = (uint64_t)number(w[2]);
	GHashTable *before = look_before(p);
	int64_t value;

	for (char **x = w + 3; *x; x++) {
		if (strcmp(*x, "maymove") == 0)
			flags |= MREMAP_MAYMOVE;
		else if (strcmp(*x, "dontunmap") == 0)
			flags |= MREMAP_DONTUNMAP;
		else if (strcmp(*x, "fixed") == 0) {
			flags |= MREMAP_FIXED;
			fixed = address(*++x);
		}
	}
	value = CALL(p, SYS_mremap, from, old, len, flags, fixed);
	if (value < 0) {
		g_hash_table_unref(before);
	} else {
		moved(before, from, MIN(old, len), (uint64_t)value);
		drop_around(p, before, (uint64_t)value + MIN(old, len), (uint64_t)value + len);
	}
	put_address_result(value, label);
}

static void do_mincore(struct proc *p, char **w, const char *label)
{
	uint64_t len = (uint64_t)number(w[1]), pages = (len + PAGE - 1) / PAGE;
	uint8_t vec[BUFFER_SIZE];
	struct request r = { .op = DO_SYSCALL, .out = (uint32_t)pages,
			     .a = { SYS_mincore, address(w[0]), len, BUFFER_AT } };
	int64_t value;

	if (pages > BUFFER_SIZE - 256)
		fail(1, "mincore of too many pages");
	value = ask(p, r, NULL, vec).value;
	if (value < 0) {
		put_result(value);
		return;
	}
	fprintf(out, pages ? "= ok " : "= ok");
	for (uint64_t i = 0; i < pages;) {
		uint64_t n = 0;
		uint8_t c = vec[i] & 1;

		while (i < pages && (vec[i] & 1) == c)
			i++, n++;
		fprintf(out, "%" PRIu64 "%c", n, c ? 'r' : '.');
	}
	fprintf(out, "\n");
}

static void touch(struct proc *p, enum worker_op op, char **w)
{
	uint64_t at = address(w[0]);
	GHashTable *before = look_before(p);
	struct answer a = ask(p, (struct request){ .op = op, .a = { at, w[1] ? (uint64_t)number(w[1]) : 0 } }, NULL, NULL);

	drop_around(p, before, at & ~(uint64_t)(PAGE - 1), (at & ~(uint64_t)(PAGE - 1)) + PAGE);
	fprintf(out, "= ");
	if (a.signal)
		put_fault(&a, at, ' ');
	else if (op == DO_LOAD)
		fprintf(out, "0x%02" PRIx64, (uint64_t)a.value);
	else
		fprintf(out, "ok");
	if (a.faults)
		fprintf(out, " flt=%" PRIu64, a.faults);
	fprintf(out, "\n");
}

static void do_read(struct proc *p, char **w, const char *label)
{
	touch(p, DO_LOAD, w);
}

static void do_write(struct proc *p, char **w, const char *label)
{
	touch(p, DO_STORE, w);
}

static void do_exec(struct proc *p, char **w, const char *label)
{
	touch(p, DO_EXEC, w);
}

static void do_sum(struct proc *p, char **w, const char *label)
{
	uint64_t at = address(w[0]), len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);
	g_autofree char *last = NULL;
	unsigned n = 0;
	bool first = true;

	for (uint64_t done = 0; done <= len; done += PAGE) {
		g_autofree char *text = NULL;

		if (done < len) {
			struct answer a = ask(p, (struct request){ .op = DO_SUM, .a = { at + done } }, NULL, NULL);
			size_t size = 0;
			FILE *saved = out;

			out = open_memstream(&text, &size);
			if (a.signal)
				put_fault(&a, at + done, '/');
			else
				fprintf(out, "0x%" PRIx64, (uint64_t)a.value);
			fclose(out);
			out = saved;
		}
		if (last && text && strcmp(last, text) == 0) {
			n++;
			continue;
		}
		if (last) {
			fprintf(out, first ? "= %s" : " %s", last);
			if (n > 1)
				fprintf(out, "*%u", n);
			first = false;
		}
		g_free(last);
		last = g_steal_pointer(&text);
		n = 1;
	}
	fprintf(out, first ? "=\n" : "\n");
	drop_around(p, before, at & ~(uint64_t)(PAGE - 1), at + len);
}

/* Swap writes go on after madvise returns: a page counts as swapped when its write is complete. */
static void settle(void)
{
	usleep(20000);
}

static void do_munmap(struct proc *p, char **w, const char *label)
{
	put_result(CALL(p, SYS_munmap, address(w[0]), (uint64_t)number(w[1])));
}

static void do_mprotect(struct proc *p, char **w, const char *label)
{
	put_result(CALL(p, SYS_mprotect, address(w[0]), (uint64_t)number(w[1]), prot_of(w[2])));
}

static void do_msync(struct proc *p, char **w, const char *label)
{
	uint64_t flags = 0;

	for (char **x = w + 2; *x; x++)
		flags |= flags_of(*x, sync_flags);
	put_result(CALL(p, SYS_msync, address(w[0]), (uint64_t)number(w[1]), flags));
}

static void do_madvise(struct proc *p, char **w, const char *label)
{
	uint64_t at = address(w[0]), len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);

	put_result(CALL(p, SYS_madvise, at, len, flags_of(w[2], advices)));
	if (strcmp(w[2], "populate_read") == 0)
		drop_around(p, before, at, at + len);
	else
		g_hash_table_unref(before);
	if (strcmp(w[2], "pageout") == 0)
		settle();
}

static void do_mlock(struct proc *p, char **w, const char *label)
{
	uint64_t at = address(w[0]), len = (uint64_t)number(w[1]);
	GHashTable *before = look_before(p);

	put_result(w[2] ? CALL(p, SYS_mlock2, at, len, 1) : CALL(p, SYS_mlock, at, len));
	drop_around(p, before, at & ~(uint64_t)(PAGE - 1), at + len);
}

static void do_munlock(struct proc *p, char **w, const char *label)
{
	put_result(CALL(p, SYS_munlock, address(w[0]), (uint64_t)number(w[1])));
}

static void do_brk(struct proc *p, char **w, const char *label)
{
	uint64_t now = current_break(p), by = (uint64_t)number(w[0] + 1), want = w[0][0] == '-' ? now - by : now + by;
	int64_t got = CALL(p, SYS_brk, want);

	if ((uint64_t)got == want)
		put_address_result(got, NULL);
	else
		fprintf(out, "= ENOMEM\n");
}

static void do_check(struct proc *p, char **w, const char *label)
{
	fprintf(out, "= ok\n");
	check(p);
}

void run_call(struct proc *p, char **a, const char *label)
{
	static const struct { const char *name; void (*run)(struct proc *p, char **w, const char *label); } calls[] = {
		{ "mmap", do_mmap }, { "munmap", do_munmap }, { "mprotect", do_mprotect }, { "mremap", do_mremap },
		{ "madvise", do_madvise }, { "mlock", do_mlock }, { "munlock", do_munlock }, { "msync", do_msync },
		{ "mincore", do_mincore }, { "brk", do_brk }, { "read", do_read }, { "write", do_write }, { "exec", do_exec },
		{ "sum", do_sum }, { "fork", do_fork }, { "exit", do_exit }, { "truncate", do_truncate },
		{ "fwrite", do_fwrite }, { "fread", do_fread }, { "unlink", do_unlink }, { "check", do_check },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
		if (strcmp(a[0], calls[i].name) == 0) {
			calls[i].run(p, a + 1, label);
			return;
		}
	fail(1, "no operation %s", a[0]);
}
