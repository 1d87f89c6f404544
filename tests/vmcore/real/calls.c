/* calls.c - the running kernel as a struct backend: system calls, loads, stores and fetches of real processes. */
#include "recorder.h"
#include "vm_area.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* The numbers of vm_area.h that are Linux's own: they go through as they are. */
static_assert(VM_PROT_READ == PROT_READ && VM_PROT_WRITE == PROT_WRITE && VM_PROT_EXEC == PROT_EXEC, "PROT_");
static_assert(VM_REMAP_MAYMOVE == MREMAP_MAYMOVE && VM_REMAP_FIXED == MREMAP_FIXED &&
	      VM_REMAP_DONTUNMAP == MREMAP_DONTUNMAP, "MREMAP_");
static_assert(VM_MSYNC_ASYNC == MS_ASYNC && VM_MSYNC_INVALIDATE == MS_INVALIDATE && VM_MSYNC_SYNC == MS_SYNC, "MS_");

static void *real_start(bool swap)
{
	static int world; /* there is one */

	make_directories();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	find_zero_page();
	open_channels();
	if (swap)
		make_swap();
	return &world;
}

static void real_stop(void *w)
{
	kill_procs();
	put_machine_back();
	remove_files();
}

static int real_file(void *w, const char *name, bool tmpfs, uint64_t size, int seed)
{
	make_file(name, tmpfs, size, seed);
	return 0;
}

static int real_spawn(void *w, const char *p)
{
	start_proc(p);
	return 0;
}

static int real_fork(void *w, const char *p, const char *child)
{
	return fork_proc(proc_named(p), child);
}

static int real_exit(void *w, const char *p)
{
	end_proc(proc_named(p));
	return 0;
}

static int code_of(int64_t value)
{
	return value < 0 && value > -4096 ? (int)-value : 0;
}

static unsigned real_flags(unsigned flags)
{
	static const struct { unsigned flag, real; } names[] = {
		{ VM_MAP_PRIVATE, MAP_PRIVATE }, { VM_MAP_SHARED, MAP_SHARED }, { VM_MAP_ANON, MAP_ANONYMOUS },
		{ VM_MAP_FIXED, MAP_FIXED }, { VM_MAP_FIXED_NOREPLACE, MAP_FIXED_NOREPLACE },
		{ VM_MAP_POPULATE, MAP_POPULATE }, { VM_MAP_NORESERVE, MAP_NORESERVE },
		{ VM_MAP_GROWSDOWN, MAP_GROWSDOWN }, { VM_MAP_LOCKED, MAP_LOCKED }, { VM_MAP_HUGETLB, MAP_HUGETLB },
	};
	unsigned real = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (flags & names[i].flag)
			real |= names[i].real;
	return real;
}

static int real_mmap(void *w, const char *name, const struct map_call *c, uint64_t *result)
{
	struct proc *p = proc_named(name);
	GHashTable *before = look_before(p);
	bool fresh = false;
	int fd = c->file ? descriptor(p, c->file, &fresh) : -1;
	int64_t value = CALL(p, SYS_mmap, c->at, c->len, c->prot, real_flags(c->flags), (uint64_t)(int64_t)fd, c->offset);

	close_fresh(p, fd, fresh);
	drop_around_result(p, before, value, c->len);
	*result = (uint64_t)value;
	return code_of(value);
}

static int real_munmap(void *w, const char *p, uint64_t at, uint64_t len)
{
	return code_of(CALL(proc_named(p), SYS_munmap, at, len));
}

static int real_mprotect(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot)
{
	return code_of(CALL(proc_named(p), SYS_mprotect, at, len, prot));
}

static int real_mremap(void *w, const char *name, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		       uint64_t to, uint64_t *result)
{
	struct proc *p = proc_named(name);
	GHashTable *before = look_before(p);
	int64_t value = CALL(p, SYS_mremap, old, old_len, new_len, flags, to);

	*result = (uint64_t)value;
	if (value < 0) {
		g_hash_table_unref(before);
		return code_of(value);
	}
	moved(before, old, MIN(old_len, new_len), *result);
	drop_around(p, before, *result + MIN(old_len, new_len), *result + new_len);
	return 0;
}

/* Swap writes go on after madvise returns: a page counts as swapped when its write is complete. */
static void settle(void)
{
	usleep(20000);
}

static int real_madvise(void *w, const char *name, uint64_t at, uint64_t len, int advice)
{
	struct proc *p = proc_named(name);
	GHashTable *before = look_before(p);
	int code = code_of(CALL(p, SYS_madvise, at, len, (uint64_t)advice));

	if (advice == MADV_POPULATE_READ)
		drop_around(p, before, at, at + len);
	else
		g_hash_table_unref(before);
	if (advice == MADV_PAGEOUT)
		settle();
	return code;
}

static int real_mlock(void *w, const char *name, uint64_t at, uint64_t len, bool onfault)
{
	struct proc *p = proc_named(name);
	GHashTable *before = look_before(p);
	int code = code_of(onfault ? CALL(p, SYS_mlock2, at, len, MLOCK_ONFAULT) : CALL(p, SYS_mlock, at, len));

	drop_around(p, before, at & -(uint64_t)PAGE, at + len);
	return code;
}

static int real_munlock(void *w, const char *p, uint64_t at, uint64_t len)
{
	return code_of(CALL(proc_named(p), SYS_munlock, at, len));
}

static int real_msync(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags)
{
	return code_of(CALL(proc_named(p), SYS_msync, at, len, flags));
}

static int real_mincore(void *w, const char *p, uint64_t at, uint64_t len, uint8_t *vec)
{
	uint64_t pages = (len + PAGE - 1) / PAGE;
	struct request r = { .op = DO_SYSCALL, .out = (uint32_t)pages, .a = { SYS_mincore, at, len, BUFFER_AT } };

	if (pages > BUFFER_SIZE - 256)
		fail(1, "mincore of too many pages");
	return code_of(ask(proc_named(p), r, NULL, vec).value);
}

static int real_brk(void *w, const char *name, int64_t delta, uint64_t *result)
{
	struct proc *p = proc_named(name);
	uint64_t want = current_break(p) + (uint64_t)delta;

	*result = (uint64_t)CALL(p, SYS_brk, want);
	return *result == want ? 0 : ENOMEM;
}

static const char *fault_name(const struct answer *a)
{
	static const struct { int code; const char *name; } names[] = {
		{ 1, "SEGV MAPERR" }, { 2, "SEGV ACCERR" }, { 4, "SEGV PKUERR" }, { 128, "SEGV KERNEL" },
	};

	if (!a->signal)
		return NULL;
	if (a->signal == SIGBUS)
		return "BUS ADRERR";
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (a->code == names[i].code)
			return names[i].name;
	return "?";
}

static void access_memory(const char *name, struct request r, size_t len, void *to, struct access *out)
{
	struct proc *p = proc_named(name);
	uint64_t at = r.a[0];
	GHashTable *before = look_before(p);
	struct answer a = ask(p, r, NULL, to);

	drop_around(p, before, at & -(uint64_t)PAGE, at + len);
	*out = (struct access){ a.faults, fault_name(&a), a.addr };
}

static int real_load(void *w, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out)
{
	access_memory(p, (struct request){ .op = DO_LOAD, .out = (uint32_t)len, .a = { at } }, len, to, out);
	return 0;
}

static int real_store(void *w, const char *p, uint64_t at, uint8_t byte, struct access *out)
{
	access_memory(p, (struct request){ .op = DO_STORE, .a = { at, byte } }, 1, NULL, out);
	return 0;
}

static int real_fetch(void *w, const char *p, uint64_t at, struct access *out)
{
	access_memory(p, (struct request){ .op = DO_EXEC, .a = { at } }, 1, NULL, out);
	return 0;
}

static int real_truncate(void *w, const char *name, const char *file, uint64_t len)
{
	struct proc *p = proc_named(name);
	bool fresh;
	int fd = descriptor(p, file, &fresh), code = code_of(CALL(p, SYS_ftruncate, (uint64_t)fd, len));

	close_fresh(p, fd, fresh);
	return code;
}

static int real_pwrite(void *w, const char *name, const char *file, uint64_t at, uint8_t byte)
{
	struct proc *p = proc_named(name);
	bool fresh;
	int fd = descriptor(p, file, &fresh);
	struct request r = { .op = DO_SYSCALL, .in = 1, .a = { SYS_pwrite64, (uint64_t)fd, BUFFER_AT, 1, at } };
	int code = code_of(ask(p, r, &byte, NULL).value);

	close_fresh(p, fd, fresh);
	return code;
}

static int real_pread(void *w, const char *name, const char *file, uint64_t at, int *byte)
{
	struct proc *p = proc_named(name);
	bool fresh;
	int fd = descriptor(p, file, &fresh);
	struct request r = { .op = DO_SYSCALL, .out = 1, .a = { SYS_pread64, (uint64_t)fd, BUFFER_AT, 1, at } };
	uint8_t got = 0;
	int64_t n = ask(p, r, NULL, &got).value;

	close_fresh(p, fd, fresh);
	*byte = n > 0 ? got : -1;
	return code_of(n);
}

static int real_unlink(void *w, const char *p, const char *file)
{
	return unlink_file(file);
}

/* The areas are read when the first is asked for. */
static bool real_area_above(void *w, const char *p, uint64_t at, struct seen_area *out)
{
	static GArray *areas;

	if (at == 0) {
		g_clear_pointer(&areas, g_array_unref);
		areas = areas_of(proc_named(p));
	}
	for (guint i = 0; i < areas->len; i++) {
		*out = g_array_index(areas, struct seen_area, i);
		if (out->end > at)
			return true;
	}
	return false;
}

static void real_pages(void *w, const char *p, uint64_t at, size_t n, struct seen_page *out)
{
	g_autoptr(GArray) words = pagemap_words(proc_named(p)->pid, at, at + n * PAGE);

	for (size_t i = 0; i < n; i++) {
		uint64_t word = g_array_index(words, uint64_t, i);

		out[i] = (struct seen_page){ page_code(word), word & PFN_MASK };
	}
}

static void real_counts(void *w, const char *name, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge)
{
	struct proc *p = proc_named(name);

	*brk = current_break(p);
	*tables = read_status(p->pid, "VmPTE:") / 4 - p->own_tables;
	*locked = read_status(p->pid, "VmLck:") / 4;
	*huge = read_status(p->pid, "HugetlbPages:") / 4;
}

static void real_hugepages(void *w, uint64_t n) { set_pool(n); }
static void real_pool(void *w, uint64_t counts[4]) { get_pool(counts); }
static void real_thp(void *w) { allow_thp(); }

const struct backend real_backend = {
	"linux", real_start, real_stop, real_file, real_spawn, real_fork, real_exit, real_mmap, real_munmap,
	real_mprotect, real_mremap, real_madvise, real_mlock, real_munlock, real_msync, real_mincore, real_brk,
	real_load, real_store, real_fetch, real_truncate, real_pwrite, real_pread, real_unlink, real_area_above,
	real_pages, real_counts, real_hugepages, real_pool, NULL, real_thp,
};
