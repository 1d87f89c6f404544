/*
 * kernel_scripts - runs scripts recorded from Linux (tests/cases/kernel, README there) and compares everything.
 *
 *	kernel_scripts [-a] SCRIPT...
 *
 * Prints a score per script and where the first difference is (-a: all differences); exit status 1 on any
 * difference. Scripts know nothing of what executes them: that is a struct backend, a set of system calls and of looks
 * at a process. The first one is the engine itself; another may drive a mounted tree.
 */
#include "vm_access.h"
#include "vm_area.h"
#include "vm_disk.h"
#include "vm_file.h"
#include "vm_host.h"
#include "vm_page.h"
#include "vm_frame.h"
#include "vm_proc.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE_A 0x10000000000
#define BASE_H 0x18000000000
#define BASE_M 0x7ffff7fff000
#define BASE_S 0x7ffffffff000
enum { PAGE = 4096 };

/* ---- what executes the scripts ---- */

/* An area as smaps shows it. */
struct seen_area {
	uint64_t start, end, offset;
	char     perms[5];
	char     label[64];       /* "anon", "[heap]", "[stack]", "shm", or the file's name, with ~ if unlinked */
	char     flags[128];      /* VmFlags, commas between */
	uint64_t rss, shared_clean, shared_dirty, private_clean, private_dirty, anonymous, swap; /* bytes */
	uint64_t pss, swap_pss, locked; /* KiB */
};
/* A page as pagemap shows it. */
struct seen_page {
	char     code;            /* . z A a F f s */
	uint64_t frame;           /* of a present page */
};
struct access {
	uint64_t faults;
	const char *signal;       /* "SEGV MAPERR", or NULL */
	uint64_t addr;            /* si_addr */
};
struct map_call { uint64_t at, len; unsigned prot, flags; const char *file; uint64_t offset; };

/* Calls return 0 or an errno. Processes and files go by the script's names; a file may carry ":ro", ":wo" or ":new". */
struct backend {
	const char *name;
	void *(*start)(bool swap);
	void (*stop)(void *w);
	int (*file)(void *w, const char *name, bool tmpfs, uint64_t size, int seed /* -1: sparse */);
	int (*spawn)(void *w, const char *p);
	int (*fork)(void *w, const char *p, const char *child);
	int (*exit)(void *w, const char *p);
	int (*mmap)(void *w, const char *p, const struct map_call *c, uint64_t *result);
	int (*munmap)(void *w, const char *p, uint64_t at, uint64_t len);
	int (*mprotect)(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot);
	int (*mremap)(void *w, const char *p, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		      uint64_t to, uint64_t *result);
	int (*madvise)(void *w, const char *p, uint64_t at, uint64_t len, int advice);
	int (*mlock)(void *w, const char *p, uint64_t at, uint64_t len, bool onfault);
	int (*munlock)(void *w, const char *p, uint64_t at, uint64_t len);
	int (*msync)(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags);
	int (*mincore)(void *w, const char *p, uint64_t at, uint64_t len, uint8_t *vec);
	int (*brk)(void *w, const char *p, int64_t delta, uint64_t *result);
	int (*load)(void *w, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out);
	int (*store)(void *w, const char *p, uint64_t at, uint8_t byte, struct access *out);
	int (*fetch)(void *w, const char *p, uint64_t at, struct access *out);
	int (*truncate)(void *w, const char *p, const char *file, uint64_t len);
	int (*pwrite)(void *w, const char *p, const char *file, uint64_t at, uint8_t byte);
	int (*pread)(void *w, const char *p, const char *file, uint64_t at, int *byte /* -1: end of file */);
	int (*unlink)(void *w, const char *p, const char *file);
	bool (*area_above)(void *w, const char *p, uint64_t at, struct seen_area *out);
	void (*pages)(void *w, const char *p, uint64_t at, size_t n, struct seen_page *out);
	void (*counts)(void *w, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked); /* pages */
	/* Contradictions inside; appends a line each. */
	void (*check)(void *w, GString *out);
};

/* ---- the engine ---- */

enum { FD_MODES = 3 };
struct engine_file { char *name; struct vm_inode *inode; bool unlinked; };
struct engine_proc { struct vm_proc *p; GArray *fds; /* FD_MODES a file */ };
struct engine {
	struct clock clock;
	struct journal journal;
	struct vm_host *host;
	GPtrArray *files;
	GHashTable *procs;
};

static struct vm_proc *proc(struct engine *w, const char *name)
{
	struct engine_proc *q = g_hash_table_lookup(w->procs, name);

	return q->p;
}

static void free_file(void *data)
{
	struct engine_file *f = data;

	vm_inode_release(f->inode);
	g_free(f->name);
	g_free(f);
}

static void free_proc(void *data)
{
	struct engine_proc *q = data;

	g_array_unref(q->fds);
	g_free(q);
}

static void open_files(struct engine *w, struct engine_proc *q)
{
	static const unsigned modes[FD_MODES] = { VM_OPEN_READ | VM_OPEN_WRITE, VM_OPEN_READ, VM_OPEN_WRITE };

	for (guint i = q->fds->len / FD_MODES; i < w->files->len; i++)
		for (int k = 0; k < FD_MODES; k++) {
			struct engine_file *f = g_ptr_array_index(w->files, i);
			int fd = -1;

			if (vm_open(q->p, f->inode, modes[k], &fd, NULL))
				g_error("%s does not open", f->name);
			g_array_append_val(q->fds, fd);
		}
}

static void *engine_start(bool swap)
{
	struct engine *w = g_new0(struct engine, 1);
	struct vm_options o = {
		.geometry = *vm_geometry_preset("x86-64"), .ram_bytes = 24 * GiB, .swap_bytes = swap ? 64 * MiB : 0,
		.cpus = 1, .seed = 1, .serial = 1,
	};
	struct err e = { 0 };

	clock_init(&w->clock);
	journal_init(&w->journal, 64, &w->clock.now);
	w->host = vm_host_new(&o, &w->clock, &w->journal, &e);
	if (!w->host)
		g_error("no host: %s", e.why);
	w->files = g_ptr_array_new_with_free_func(free_file);
	w->procs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_proc);
	return w;
}

static void engine_stop(void *data)
{
	struct engine *w = data;

	g_hash_table_unref(w->procs);
	g_ptr_array_unref(w->files);
	vm_host_free(w->host);
	journal_clear(&w->journal);
	clock_clear(&w->clock);
	g_free(w);
}

static struct vm_inode *shm_dir(struct engine *w, struct err *e)
{
	struct vm_inode *dir = vm_disk_lookup(w->host, "/dev/shm", e), *dev;

	if (dir)
		return dir;
	dev = vm_disk_lookup(w->host, "/dev", e);
	if (!dev && vm_dir_create(vm_disk_root(w->host), "dev", VM_INODE_DIR, 0755, NULL, &dev, e))
		return NULL;
	return vm_dir_create(dev, "shm", VM_INODE_DIR, 01777, NULL, &dir, e) ? NULL : dir;
}

static int engine_file(void *data, const char *name, bool tmpfs, uint64_t size, int seed)
{
	struct engine *w = data;
	struct vm_inode *dir = tmpfs ? shm_dir(w, NULL) : vm_disk_root(w->host), *inode;
	struct engine_file *f = g_new0(struct engine_file, 1);
	g_autofree uint8_t *bytes = g_malloc0(size);
	struct err e = { 0 };
	GHashTableIter it;
	void *q;

	if (!dir || vm_dir_create(dir, name, VM_INODE_FILE, 0644, NULL, &inode, &e) ||
	    vm_inode_chown(inode, 1000, 1000, &e) || vm_inode_truncate(inode, size, &e))
		g_error("%s cannot be made: %s", name, e.why);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = seed + i / PAGE;
	if (seed >= 0 && vm_inode_write(inode, 0, bytes, size, &e) != (ssize_t)size)
		g_error("%s cannot be filled: %s", name, e.why);
	if (!tmpfs && (vm_inode_writeback(inode, &e) || vm_inode_read(inode, 0, bytes, size, &e) < 0))
		g_error("%s cannot be written back: %s", name, e.why);
	f->name = g_strdup(name);
	f->inode = vm_inode_retain(inode);
	g_ptr_array_add(w->files, f);
	g_hash_table_iter_init(&it, w->procs);
	while (g_hash_table_iter_next(&it, NULL, &q))
		open_files(w, q);
	return 0;
}

/* The file's place in the list; *mode an index into FD_MODES, or -1 for ":new". */
static guint file_index(struct engine *w, const char *file, int *mode)
{
	const char *colon = strchr(file, ':');
	size_t len = colon ? (size_t)(colon - file) : strlen(file);

	*mode = !colon ? 0 : !strcmp(colon, ":ro") ? 1 : !strcmp(colon, ":wo") ? 2 : -1;
	for (guint i = 0; i < w->files->len; i++) {
		struct engine_file *f = g_ptr_array_index(w->files, i);

		if (strlen(f->name) == len && !memcmp(f->name, file, len))
			return i;
	}
	g_error("no file %s", file);
}

static struct engine_file *file_of(struct engine *w, const char *file)
{
	int mode;

	return g_ptr_array_index(w->files, file_index(w, file, &mode));
}

static int engine_spawn(void *data, const char *name)
{
	struct engine *w = data;
	struct vm_spawn s = { .name = name, .bare = true, .brk = BASE_H, .uid = 1000, .gid = 1000 };
	struct engine_proc *q = g_new0(struct engine_proc, 1);
	struct err e = { 0 };

	q->fds = g_array_new(FALSE, FALSE, sizeof(int));
	q->p = vm_spawn(w->host, &s, &e);
	if (!q->p)
		g_error("%s does not start: %s", name, e.why);
	g_hash_table_replace(w->procs, g_strdup(name), q);
	open_files(w, q);
	return 0;
}

static int engine_fork(void *data, const char *p, const char *child)
{
	struct engine *w = data;
	struct engine_proc *q = g_hash_table_lookup(w->procs, p), *c;
	struct err e = { 0 };
	int32_t pid;

	if (vm_fork(q->p, &pid, &e))
		return e.code;
	c = g_new0(struct engine_proc, 1);
	c->p = vm_proc_at(w->host, pid);
	c->fds = g_array_new(FALSE, FALSE, sizeof(int));
	g_array_append_vals(c->fds, q->fds->data, q->fds->len);
	g_hash_table_replace(w->procs, g_strdup(child), c);
	return 0;
}

static int engine_exit(void *data, const char *p)
{
	struct engine *w = data;
	struct err e = { 0 };

	vm_exit(proc(w, p), 0, &e);
	g_hash_table_remove(w->procs, p);
	return e.code;
}

static int engine_mmap(void *data, const char *p, const struct map_call *c, uint64_t *result)
{
	struct engine *w = data;
	struct engine_proc *q = g_hash_table_lookup(w->procs, p);
	struct vm_map_request r = { c->at, c->len, c->prot, c->flags, -1, NULL, c->offset };
	struct err e = { 0 };
	int mode = 0, opened = -1;
	guint i;

	if (c->file) {
		i = file_index(w, c->file, &mode);
		if (mode >= 0)
			r.fd = g_array_index(q->fds, int, i * FD_MODES + mode);
		else if (vm_open(q->p, file_of(w, c->file)->inode, VM_OPEN_READ | VM_OPEN_WRITE, &opened, &e))
			return e.code;
		else
			r.fd = opened;
	}
	vm_mmap(q->p, &r, result, &e);
	if (opened >= 0)
		vm_close(q->p, opened, NULL);
	return e.code;
}

static int engine_munmap(void *w, const char *p, uint64_t at, uint64_t len)
{
	return -vm_munmap(proc(w, p), at, len, NULL);
}

static int engine_mprotect(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot)
{
	return -vm_mprotect(proc(w, p), at, len, prot, NULL);
}

static int engine_mremap(void *w, const char *p, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
			 uint64_t to, uint64_t *result)
{
	return -vm_mremap(proc(w, p), old, old_len, new_len, flags, to, result, NULL);
}

static int engine_madvise(void *w, const char *p, uint64_t at, uint64_t len, int advice)
{
	return -vm_madvise(proc(w, p), at, len, advice, NULL);
}

static int engine_mlock(void *w, const char *p, uint64_t at, uint64_t len, bool onfault)
{
	return -vm_mlock(proc(w, p), at, len, onfault, NULL);
}

static int engine_munlock(void *w, const char *p, uint64_t at, uint64_t len)
{
	return -vm_munlock(proc(w, p), at, len, NULL);
}

static int engine_msync(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags)
{
	return -vm_msync(proc(w, p), at, len, flags, NULL);
}

static int engine_mincore(void *w, const char *p, uint64_t at, uint64_t len, uint8_t *vec)
{
	return -vm_mincore(proc(w, p), at, len, vec, NULL);
}

static int engine_brk(void *w, const char *p, int64_t delta, uint64_t *result)
{
	return -vm_brk(proc(w, p), vm_break(proc(w, p), NULL) + delta, result, NULL);
}

static int access_done(int r, const struct vm_outcome *o, struct access *out)
{
	out->faults = o->faults;
	out->signal = o->signal == VM_SIG_NONE ? NULL : vm_signal_names[o->signal];
	out->addr = o->addr;
	return out->signal ? 0 : -r;
}

static int engine_load(void *w, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out)
{
	struct vm_outcome o;
	int r = vm_load(proc(w, p), at, to, len, &o, NULL);

	return access_done(r, &o, out);
}

static int engine_store(void *w, const char *p, uint64_t at, uint8_t byte, struct access *out)
{
	struct vm_outcome o;
	int r = vm_store(proc(w, p), at, &byte, 1, &o, NULL);

	return access_done(r, &o, out);
}

static int engine_fetch(void *w, const char *p, uint64_t at, struct access *out)
{
	struct vm_outcome o;
	int r = vm_fetch(proc(w, p), at, &o, NULL);

	return access_done(r, &o, out);
}

static int engine_truncate(void *w, const char *p, const char *file, uint64_t len)
{
	return -vm_inode_truncate(file_of(w, file)->inode, len, NULL);
}

static int engine_pwrite(void *w, const char *p, const char *file, uint64_t at, uint8_t byte)
{
	ssize_t n = vm_inode_write(file_of(w, file)->inode, at, &byte, 1, NULL);

	return n < 0 ? -n : 0;
}

static int engine_pread(void *w, const char *p, const char *file, uint64_t at, int *byte)
{
	uint8_t b;
	ssize_t n = vm_inode_read(file_of(w, file)->inode, at, &b, 1, NULL);

	*byte = n > 0 ? b : -1;
	return n < 0 ? -n : 0;
}

static int engine_unlink(void *data, const char *p, const char *file)
{
	struct engine *w = data;
	struct engine_file *f = file_of(w, file);
	struct vm_inode_info info;
	struct err e = { 0 };

	vm_inode_info(f->inode, &info);
	vm_dir_unlink(info.tmpfs ? shm_dir(w, NULL) : vm_disk_root(w->host), f->name, false, &e);
	f->unlinked = f->unlinked || e.code == 0;
	return e.code;
}

static void flag_names(uint32_t flags, char *to, size_t size)
{
	static const struct { uint32_t flag; const char *name; } names[] = {
		{ VM_F_READ, "rd" }, { VM_F_WRITE, "wr" }, { VM_F_EXEC, "ex" }, { VM_F_SHARED, "sh" },
		{ VM_F_MAYREAD, "mr" }, { VM_F_MAYWRITE, "mw" }, { VM_F_MAYEXEC, "me" }, { VM_F_MAYSHARE, "ms" },
		{ VM_F_GROWSDOWN, "gd" }, { VM_F_LOCKED, "lo" }, { VM_F_SEQ_READ, "sr" }, { VM_F_RAND_READ, "rr" },
		{ VM_F_DONTCOPY, "dc" }, { VM_F_DONTEXPAND, "de" }, { VM_F_LOCKONFAULT, "lf" }, { VM_F_ACCOUNT, "ac" },
		{ VM_F_NORESERVE, "nr" }, { VM_F_HUGETLB, "ht" }, { VM_F_WIPEONFORK, "wf" }, { VM_F_DONTDUMP, "dd" },
		{ VM_F_HUGEPAGE, "hg" }, { VM_F_NOHUGEPAGE, "nh" }, { VM_F_MERGEABLE, "mg" },
	};

	to[0] = '\0';
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (flags & names[i].flag) {
			if (to[0])
				g_strlcat(to, ",", size);
			g_strlcat(to, names[i].name, size);
		}
}

static void name_area(struct engine *w, const struct vm_area *a, char *to, size_t size)
{
	struct vm_inode_info info;

	g_strlcpy(to, a->heap ? "[heap]" : a->stack ? "[stack]" : "anon", size);
	if (!a->inode)
		return;
	vm_inode_info(a->inode, &info);
	g_strlcpy(to, "shm", size);
	for (guint i = 0; i < w->files->len; i++) {
		struct engine_file *f = g_ptr_array_index(w->files, i);

		if (f->inode == a->inode)
			g_snprintf(to, size, "%s%s", f->name, info.unlinked ? "~" : "");
	}
}

static bool engine_area_above(void *data, const char *p, uint64_t at, struct seen_area *out)
{
	struct engine *w = data;
	struct vm_proc *q = proc(w, p);
	struct vm_usage u = { 0 };
	struct vm_area a;

	if (!vm_area_above(q, at, &a))
		return false;
	vm_usage_area(q, a.start, &u);
	*out = (struct seen_area){
		.start = a.start, .end = a.end, .offset = a.offset, .rss = u.rss,
		.shared_clean = u.shared_clean, .shared_dirty = u.shared_dirty, .private_clean = u.private_clean,
		.private_dirty = u.private_dirty, .anonymous = u.anonymous, .swap = u.swap,
		.pss = u.pss >> 22, .swap_pss = u.swap_pss >> 22, .locked = u.pss_locked >> 22,
	};
	g_snprintf(out->perms, sizeof(out->perms), "%c%c%c%c", a.flags & VM_F_READ ? 'r' : '-',
		   a.flags & VM_F_WRITE ? 'w' : '-', a.flags & VM_F_EXEC ? 'x' : '-',
		   a.flags & VM_F_MAYSHARE ? 's' : 'p');
	flag_names(a.flags, out->flags, sizeof(out->flags));
	name_area(w, &a, out->label, sizeof(out->label));
	return true;
}

static char page_code(struct engine *w, uint64_t word, uint64_t pfn)
{
	const uint64_t present = 1ull << 63, swapped = 1ull << 62, file = 1ull << 61, exclusive = 1ull << 56;
	struct vm_frame f;

	if (word & swapped)
		return 's';
	if (!(word & present))
		return '.';
	if (vm_frame_at(w->host, pfn, &f) && f.use == VM_FRAME_ZERO)
		return 'z';
	if (word & file)
		return word & exclusive ? 'F' : 'f';
	return word & exclusive ? 'A' : 'a';
}

static void engine_pages(void *data, const char *p, uint64_t at, size_t n, struct seen_page *out)
{
	struct engine *w = data;
	g_autofree uint64_t *words = g_new(uint64_t, n);

	vm_pagemap(proc(w, p), at / PAGE, n, words);
	for (size_t i = 0; i < n; i++) {
		out[i].frame = words[i] & ((1ull << 55) - 1);
		out[i].code = page_code(w, words[i], out[i].frame);
	}
}

static void engine_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked)
{
	struct vm_proc_info info;

	vm_proc_info(proc(data, p), &info);
	*brk = info.brk;
	*tables = info.vm_pte / PAGE;
	*locked = info.vm_locked / PAGE;
}

static void add_report(void *arg, bool poked, const char *line)
{
	if (!poked)
		g_string_append_printf(arg, "%s\n", line);
}

static void engine_check(void *data, GString *out)
{
	struct engine *w = data;

	vm_host_check(w->host, add_report, out);
}

static const struct backend engine = {
	"engine", engine_start, engine_stop, engine_file, engine_spawn, engine_fork, engine_exit, engine_mmap,
	engine_munmap, engine_mprotect, engine_mremap, engine_madvise, engine_mlock, engine_munlock, engine_msync,
	engine_mincore, engine_brk, engine_load, engine_store, engine_fetch, engine_truncate, engine_pwrite,
	engine_pread, engine_unlink, engine_area_above, engine_pages, engine_counts, engine_check,
};

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
		{ "noreserve", VM_MAP_NORESERVE }, { "growsdown", VM_MAP_GROWSDOWN }, { "locked", VM_MAP_LOCKED }, { 0 },
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
	g_string_append_printf(r->out, " fl=%s pg=", a->flags);
	r->b->pages(r->w, p, a->start, n, pages);
	for (uint64_t i = 0; i < n; i++)
		codes[i] = pages[i].code;
	add_runs(r->out, codes, n);
	g_string_append_c(r->out, '\n');
}

static void add_view(struct run *r, const char *p)
{
	uint64_t brk, tables, locked;
	struct seen_area a;

	r->b->counts(r->w, p, &brk, &tables, &locked);
	g_string_append_printf(r->out, "| %s brk=0x%" PRIx64 " pt=%" PRIu64 " lck=%" PRIu64 "\n", p, brk, tables, locked);
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
	if (!strcmp(w[0], "swap"))
		return false;
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
		{ 'A', BASE_A - GiB, BASE_A + 64 * GiB, BASE_A }, { 'H', BASE_H - GiB, BASE_H + 64 * GiB, BASE_H },
		{ 'M', BASE_M - 64 * GiB, BASE_M, BASE_M }, { 'S', BASE_M + 1, BASE_S, BASE_S },
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

struct score { unsigned operations, agree, contradictions; };

/* One operation has run: compares and counts; shows the first difference, or all. */
static void compare(struct run *r, const char *line, const char *expected, struct score *s, bool all)
{
	g_autoptr(GString) wrong = g_string_new(NULL);

	s->operations++;
	if (!strcmp(expected, r->out->str))
		s->agree++;
	else if (all || s->agree + 1 == s->operations) {
		printf("  %s:%u: %s\n", r->file, r->line, line);
		show_difference(expected, r->out->str);
	}
	r->b->check(r->w, wrong);
	if (wrong->len && s->contradictions++ == 0)
		printf("  %s:%u: %s: contradicts itself:\n%s", r->file, r->line, line, wrong->str);
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

static bool run_script(const struct backend *b, const char *file, bool all)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct run r = { .b = b, .file = file };
	struct score s = { 0 };

	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		fprintf(stderr, "%s: cannot be read\n", file);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	r.w = b->start(g_strv_contains((const char *const *)lines, "swap"));
	r.labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	r.procs = g_ptr_array_new_with_free_func(g_free);
	r.out = g_string_new(NULL);
	do_spawn(&r, "p0");
	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = split(lines[i]);

		if (!words[0] || lines[i][0] == '=' || lines[i][0] == '|')
			continue;
		r.line = i + 1;
		g_string_truncate(r.out, 0);
		if (execute(&r, words)) {
			g_autofree char *expected = result_below(&r, lines, i);

			compare(&r, lines[i], expected, &s, all);
		}
	}
	printf("%s %s: %u of %u operations agree%s\n", b->name, file, s.agree, s.operations,
	       s.contradictions ? ", state contradicts itself" : "");
	b->stop(r.w);
	g_hash_table_unref(r.labels);
	g_ptr_array_unref(r.procs);
	g_string_free(r.out, TRUE);
	return s.agree == s.operations && s.contradictions == 0;
}

int main(int argc, char **argv)
{
	int first = 1, scripts = 0, passed = 0;
	bool all = false;

	if (argc > 1 && !strcmp(argv[1], "-a")) {
		all = true;
		first = 2;
	}
	for (int i = first; i < argc; i++) {
		scripts++;
		passed += run_script(&engine, argv[i], all);
		fflush(stdout);
	}
	printf("%d of %d scripts agree in full\n", passed, scripts);
	return scripts > 0 && passed == scripts ? 0 : 1;
}
