/* kernel_engine.c - scripts executed by the engine. */
#include "kernel_backend.h"
#include "vm_access.h"
#include "vm_area.h"
#include "vm_disk.h"
#include "vm_file.h"
#include "vm_frame.h"
#include "vm_host.h"
#include "vm_page.h"
#include "vm_proc.h"

#include <string.h>

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
	vm_inode_closed(inode);
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

/* The descriptor for f0, f0:ro, f0:wo; f0:new opens one, which the caller closes (*fresh). */
static int descriptor(struct engine *w, const char *p, const char *file, bool *fresh, struct err *e)
{
	struct engine_proc *q = g_hash_table_lookup(w->procs, p);
	int mode, fd;
	guint i = file_index(w, file, &mode);

	*fresh = mode < 0;
	if (mode >= 0)
		return g_array_index(q->fds, int, i * FD_MODES + mode);
	return vm_open(q->p, file_of(w, file)->inode, VM_OPEN_READ | VM_OPEN_WRITE, &fd, e) ? -1 : fd;
}

static int engine_mmap(void *data, const char *p, const struct map_call *c, uint64_t *result)
{
	struct engine *w = data;
	struct engine_proc *q = g_hash_table_lookup(w->procs, p);
	struct vm_map_request r = { c->at, c->len, c->prot, c->flags, -1, NULL, c->offset };
	struct err e = { 0 };
	bool fresh = false;

	if (c->file) {
		r.fd = descriptor(w, p, c->file, &fresh, &e);
		if (r.fd < 0)
			return e.code;
	}
	vm_mmap(q->p, &r, result, &e);
	if (fresh)
		vm_close(q->p, r.fd, NULL);
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
	va_t wanted = vm_break(proc(w, p), NULL) + delta;
	int r = vm_brk(proc(w, p), wanted, result, NULL);

	return r ? -r : *result == wanted ? 0 : ENOMEM; /* 0 only asks where the break is */
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
	bool fresh;
	int fd = descriptor(w, p, file, &fresh, NULL), r = -vm_inode_truncate(file_of(w, file)->inode, len, NULL);

	if (fresh)
		vm_close(proc(w, p), fd, NULL);
	return r;
}

/* One byte through a descriptor; the number of bytes, or a negative errno. */
static int one_byte(struct engine *w, const char *p, const char *file, uint64_t at, bool write, uint8_t *byte)
{
	struct err e = { 0 };
	uint64_t position;
	size_t done = 0;
	bool fresh;
	int fd = descriptor(w, p, file, &fresh, &e);

	if (!vm_lseek(proc(w, p), fd, (int64_t)at, VM_SEEK_SET, &position, &e)) {
		if (write)
			vm_fd_write(proc(w, p), fd, byte, 1, &done, &e);
		else
			vm_fd_read(proc(w, p), fd, byte, 1, &done, &e);
	}
	if (fresh)
		vm_close(proc(w, p), fd, NULL);
	return e.code ? -e.code : (int)done;
}

static int engine_pwrite(void *w, const char *p, const char *file, uint64_t at, uint8_t byte)
{
	return -MIN(one_byte(w, p, file, at, true, &byte), 0);
}

static int engine_pread(void *w, const char *p, const char *file, uint64_t at, int *byte)
{
	uint8_t b;
	int n = one_byte(w, p, file, at, false, &b);

	*byte = n > 0 ? b : -1;
	return -MIN(n, 0);
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
	g_strlcpy(to, a->flags & VM_F_HUGETLB ? "anon_hugepage~" : "shm", size);
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
		.huge = u.anon_huge, .own_huge = u.private_hugetlb, .shared_huge = u.shared_hugetlb, .page = u.page_size,
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

static void engine_hugepages(void *data, uint64_t n)
{
	struct engine *w = data;

	vm_huge_pages_set(w->host, n);
}

static void engine_pool(void *data, uint64_t counts[4])
{
	struct engine *w = data;
	struct vm_huge_pages p;

	vm_huge_pages(w->host, &p);
	counts[0] = p.total;
	counts[1] = p.free;
	counts[2] = p.reserved;
	counts[3] = p.surplus;
}

static void engine_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge)
{
	struct vm_proc_info info;

	vm_proc_info(proc(data, p), &info);
	*brk = info.brk;
	*tables = info.vm_pte / PAGE;
	*locked = info.vm_locked / PAGE;
	*huge = info.hugetlb / PAGE;
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

const struct backend engine_backend = {
	"engine", engine_start, engine_stop, engine_file, engine_spawn, engine_fork, engine_exit, engine_mmap,
	engine_munmap, engine_mprotect, engine_mremap, engine_madvise, engine_mlock, engine_munlock, engine_msync,
	engine_mincore, engine_brk, engine_load, engine_store, engine_fetch, engine_truncate, engine_pwrite,
	engine_pread, engine_unlink, engine_area_above, engine_pages, engine_counts, engine_hugepages,
	engine_pool, engine_check, NULL,
};
