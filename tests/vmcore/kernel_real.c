/*
 * kernel_real.c - scripts executed by the kernel that runs us.
 *
 * Each process is a real one that we trace. It is started from /bin/true with address randomization off, stopped
 * before its first instruction, given one page of code and one of data near address 0 and robbed of all else; the break is moved to H.
 * A system call, load, store or fetch is then done by setting its registers and letting it run to the next int3.
 * Everything that is compared is read from /proc/PID. Needs root (to see frame numbers and to move the break); the
 * process itself becomes an ordinary one.
 *
 * What differs from the recorder's setting is undone: pages that fault-around brings along are dropped again.
 */
#include "kernel_backend.h"
#include "vm_area.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

/* The two pages that each process keeps. */
#define STAY  0x10000ul
#define DATA  (STAY + PAGE)
#define STAY_END (DATA + PAGE)
enum { CODE_SYSCALL = 0, CODE_LOAD = 16, CODE_STORE = 32, CODE_SUM = 48 };

static const uint8_t code[] = {
	[CODE_SYSCALL] = 0x0f, 0x05, 0xcc,                    /* syscall; int3 */
	[CODE_LOAD] = 0x8a, 0x07, 0xcc,                       /* mov (%rdi),%al */
	[CODE_STORE] = 0x40, 0x88, 0x37, 0xcc,                /* mov %sil,(%rdi) */
	/* xor %eax,%eax; mov $4096,%ecx; 1: movzbl (%rdi),%edx; add %rdx,%rax; inc %rdi; dec %ecx; jnz 1b */
	[CODE_SUM] = 0x31, 0xc0, 0xb9, 0x00, 0x10, 0x00, 0x00, 0x0f, 0xb6, 0x17, 0x48, 0x01, 0xd0, 0x48, 0xff, 0xc7,
	0xff, 0xc9, 0x75, 0xf3, 0xcc,
};

enum { FD_MODES = 3 };
struct real_file { char *name, *path; bool unlinked; };
struct real_proc { pid_t pid; GArray *fds; };
struct real {
	GPtrArray *files;
	GHashTable *procs;
	int flags;      /* /proc/kpageflags */
	char *suffix;   /* of our files' names */
};

static struct real_proc *real_proc(struct real *w, const char *name)
{
	return g_hash_table_lookup(w->procs, name);
}

/* ---- the traced process ---- */

/* Runs from `at` to the next stop; the signal that stopped it, SIGTRAP when all went well. */
static int run_at(pid_t pid, struct user_regs_struct *regs, uint64_t at, siginfo_t *info)
{
	int status;

	regs->rip = at;
	regs->orig_rax = -1;
	if (ptrace(PTRACE_SETREGS, pid, 0, regs))
		g_error("process %d cannot be set: %m", pid);
	do {
		if (ptrace(PTRACE_CONT, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid)
			g_error("process %d does not run: %m", pid);
		if (!WIFSTOPPED(status))
			g_error("process %d has ended: 0x%x", pid, status);
	} while (WSTOPSIG(status) == SIGCHLD);
	if (ptrace(PTRACE_GETREGS, pid, 0, regs) || (info && ptrace(PTRACE_GETSIGINFO, pid, 0, info)))
		g_error("process %d cannot be read: %m", pid);
	return WSTOPSIG(status);
}

static int64_t call_at(pid_t pid, uint64_t at, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
		       uint64_t f)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, pid, 0, &regs))
		g_error("process %d cannot be read: %m", pid);
	regs.rax = nr;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	regs.r10 = d;
	regs.r8 = e;
	regs.r9 = f;
	if (run_at(pid, &regs, at, NULL) != SIGTRAP)
		g_error("a system call ended in a signal");
	return regs.rax;
}

static int64_t sys(struct real_proc *q, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	return call_at(q->pid, STAY + CODE_SYSCALL, nr, a, b, c, d, e, f);
}

/* 0 or an errno; the value otherwise returned in *value. */
static int result_of(int64_t r, uint64_t *value)
{
	if (r < 0 && r > -4096)
		return -r;
	if (value)
		*value = r;
	return 0;
}

static void put(struct real_proc *q, uint64_t at, const void *from, size_t len)
{
	struct iovec here = { (void *)from, len }, there = { (void *)at, len };

	if (process_vm_writev(q->pid, &here, 1, &there, 1, 0) != (ssize_t)len)
		g_error("process %d cannot be written: %m", q->pid);
}

static void poke_text(pid_t pid, uint64_t at, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t w = 0;

		memcpy(&w, bytes + i, MIN(8, len - i));
		if (ptrace(PTRACE_POKETEXT, pid, at + i, w))
			g_error("code cannot be placed: %m");
	}
}

static void become_victim(void)
{
	struct rlimit limit = { 8 << 20, 8 << 20 }, none = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_STACK, &limit);
	setrlimit(RLIMIT_MEMLOCK, &limit);
	setrlimit(RLIMIT_AS, &none);
	setrlimit(RLIMIT_DATA, &none);
	personality(ADDR_NO_RANDOMIZE);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* Leaves nothing but our two pages, the break at H, and no privilege. */
static void make_empty(struct real_proc *q)
{
	struct prctl_mm_map map = {
		.start_code = STAY, .end_code = STAY + 1, .start_data = DATA, .end_data = DATA, .start_brk = BASE_H,
		.brk = BASE_H, .start_stack = BASE_S - 0x800, .arg_start = DATA, .arg_end = DATA, .env_start = DATA,
		.env_end = DATA, .auxv = NULL, .auxv_size = 0, .exe_fd = -1,
	};
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, q->pid, 0, &regs))
		g_error("a new process cannot be read: %m");
	poke_text(q->pid, regs.rip, code, 8);
	call_at(q->pid, regs.rip, SYS_mmap, STAY, STAY_END - STAY, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	poke_text(q->pid, STAY, code, sizeof(code));
	if (sys(q, SYS_munmap, STAY_END, BASE_S - STAY_END, 0, 0, 0, 0))
		g_error("a new process cannot be emptied");
	put(q, DATA, &map, sizeof(map));
	if (sys(q, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, DATA, sizeof(map), 0, 0))
		g_error("the break cannot be moved");
	sys(q, SYS_setresgid, 1000, 1000, 1000, 0, 0, 0);
	sys(q, SYS_setresuid, 1000, 1000, 1000, 0, 0, 0);
}

/* ---- looking at it ---- */

static char *read_proc(struct real_proc *q, const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/%s", q->pid, name);
	char *text;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		g_error("%s cannot be read", path);
	return text;
}

static uint64_t faults_of(struct real_proc *q)
{
	g_autofree char *text = read_proc(q, "stat");
	unsigned long minor, major;

	if (sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %lu %*u %lu", &minor, &major) != 2)
		g_error("/proc/PID/stat is not understood");
	return minor + major;
}

static void read_pagemap(struct real_proc *q, uint64_t at, size_t n, uint64_t *words)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/pagemap", q->pid);
	int fd = open(path, O_RDONLY);
	size_t len = n * sizeof(*words);

	if (fd < 0 || pread(fd, words, len, at / PAGE * sizeof(*words)) != (ssize_t)len)
		g_error("%s cannot be read: %m", path);
	close(fd);
}

static void read_memory(struct real_proc *q, uint64_t at, uint8_t *to, size_t len)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/mem", q->pid);
	int fd = open(path, O_RDONLY);

	if (fd < 0 || pread(fd, to, len, at) != (ssize_t)len)
		g_error("%s cannot be read: %m", path);
	close(fd);
}

/* ---- fault-around ---- */

static bool next_maps_line(char **text, uint64_t *start, uint64_t *end, bool *file)
{
	unsigned long inode;
	int n = 0;

	if (sscanf(*text, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %lu%n", start, end, &inode, &n) < 3)
		return false;
	*file = inode != 0;
	*text += strcspn(*text, "\n");
	*text += **text == '\n';
	return true;
}

/* All present pages of files, ascending. */
static GArray *file_pages(struct real_proc *q)
{
	g_autofree char *maps = read_proc(q, "maps");
	GArray *out = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	uint64_t start, end;
	char *at = maps;
	bool file;

	while (next_maps_line(&at, &start, &end, &file)) {
		size_t n = (end - start) / PAGE;
		g_autofree uint64_t *words = NULL;

		if (!file)
			continue;
		words = g_new(uint64_t, n);
		read_pagemap(q, start, n, words);
		for (size_t i = 0; i < n; i++) {
			uint64_t page = start + i * PAGE;

			if (words[i] >> 63)
				g_array_append_val(out, page);
		}
	}
	return out;
}

/* Drops what has come since `before` outside [from, to). */
static void drop_extra(struct real_proc *q, GArray *before, uint64_t from, uint64_t to)
{
	g_autoptr(GArray) after = file_pages(q);
	guint k = 0;

	for (guint i = 0; i < after->len; i++) {
		uint64_t page = g_array_index(after, uint64_t, i);

		while (k < before->len && g_array_index(before, uint64_t, k) < page)
			k++;
		if (k < before->len && g_array_index(before, uint64_t, k) == page)
			continue;
		if (page < from || page >= to)
			sys(q, SYS_madvise, page, PAGE, 24 /* MADV_DONTNEED_LOCKED */, 0, 0, 0);
	}
}

/* ---- the backend ---- */

static void free_real_file(void *data)
{
	struct real_file *f = data;

	if (!f->unlinked)
		unlink(f->path);
	g_free(f->path);
	g_free(f->name);
	g_free(f);
}

static void free_real_proc(void *data)
{
	struct real_proc *q = data;
	int status;

	if (q->pid > 0) {
		kill(q->pid, SIGKILL);
		waitpid(q->pid, &status, 0);
	}
	g_array_unref(q->fds);
	g_free(q);
}

static void real_stop(void *data)
{
	struct real *w = data;

	g_hash_table_unref(w->procs);
	g_ptr_array_unref(w->files);
	close(w->flags);
	g_free(w->suffix);
	g_free(w);
}

static void *real_start(bool swap)
{
	static unsigned count;
	struct real *w;
	int flags;

	/* No swap area of our own: that would be the whole machine's. */
	if (swap || geteuid() != 0)
		return NULL;
	flags = open("/proc/kpageflags", O_RDONLY);
	if (flags < 0)
		return NULL;
	w = g_new0(struct real, 1);
	w->flags = flags;
	w->suffix = g_strdup_printf("vitrine-%d-%u", getpid(), count++);
	w->files = g_ptr_array_new_with_free_func(free_real_file);
	w->procs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_real_proc);
	return w;
}

static int open_in(struct real_proc *q, const char *path, int flags)
{
	int64_t fd;

	put(q, DATA, path, strlen(path) + 1);
	fd = sys(q, SYS_openat, AT_FDCWD, DATA, flags, 0, 0, 0);
	if (fd < 0)
		g_error("%s does not open: %s", path, strerror(-fd));
	return fd;
}

static void open_real_files(struct real *w, struct real_proc *q)
{
	static const int modes[FD_MODES] = { O_RDWR, O_RDONLY, O_WRONLY };

	for (guint i = q->fds->len / FD_MODES; i < w->files->len; i++)
		for (int k = 0; k < FD_MODES; k++) {
			struct real_file *f = g_ptr_array_index(w->files, i);
			int fd = open_in(q, f->path, modes[k]);

			g_array_append_val(q->fds, fd);
		}
}

static int real_file(void *data, const char *name, bool tmpfs, uint64_t size, int seed)
{
	struct real *w = data;
	struct real_file *f = g_new0(struct real_file, 1);
	g_autofree uint8_t *bytes = g_malloc(size);
	GHashTableIter it;
	void *q;
	int fd;

	f->name = g_strdup(name);
	f->path = g_strdup_printf("%s/%s-%s", tmpfs ? "/dev/shm" : "/var/tmp", name, w->suffix);
	fd = open(f->path, O_RDWR | O_CREAT | O_EXCL, 0644);
	for (uint64_t i = 0; i < size; i++)
		bytes[i] = seed + i / PAGE;
	if (fd < 0 || fchown(fd, 1000, 1000) || ftruncate(fd, size) ||
	    (seed >= 0 && pwrite(fd, bytes, size, 0) != (ssize_t)size) || (!tmpfs && fsync(fd)) ||
	    (!tmpfs && pread(fd, bytes, size, 0) < 0))
		g_error("%s cannot be made: %m", f->path);
	close(fd);
	g_ptr_array_add(w->files, f);
	g_hash_table_iter_init(&it, w->procs);
	while (g_hash_table_iter_next(&it, NULL, &q))
		open_real_files(w, q);
	return 0;
}

static guint real_file_index(struct real *w, const char *file, int *mode)
{
	const char *colon = strchr(file, ':');
	size_t len = colon ? (size_t)(colon - file) : strlen(file);

	*mode = !colon ? 0 : !strcmp(colon, ":ro") ? 1 : !strcmp(colon, ":wo") ? 2 : -1;
	for (guint i = 0; i < w->files->len; i++) {
		struct real_file *f = g_ptr_array_index(w->files, i);

		if (strlen(f->name) == len && !memcmp(f->name, file, len))
			return i;
	}
	g_error("no file %s", file);
}

/* A descriptor of ours for the file, through p's (which outlives its name). */
static int own_fd(struct real *w, const char *p, const char *file, int flags)
{
	struct real_proc *q = real_proc(w, p);
	int mode, fd;
	guint i = real_file_index(w, file, &mode);
	g_autofree char *path = g_strdup_printf("/proc/%d/fd/%d", q->pid, g_array_index(q->fds, int, i * FD_MODES));

	fd = open(path, flags);
	if (fd < 0)
		g_error("%s does not open: %m", path);
	return fd;
}

static int real_spawn(void *data, const char *name)
{
	struct real *w = data;
	struct real_proc *q = g_new0(struct real_proc, 1);
	int status;

	q->fds = g_array_new(FALSE, FALSE, sizeof(int));
	q->pid = fork();
	if (q->pid == 0)
		become_victim();
	if (q->pid < 0 || waitpid(q->pid, &status, 0) != q->pid || !WIFSTOPPED(status))
		g_error("no process: %m");
	if (ptrace(PTRACE_SETOPTIONS, q->pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACEFORK))
		g_error("a process cannot be traced: %m");
	make_empty(q);
	g_hash_table_replace(w->procs, g_strdup(name), q);
	open_real_files(w, q);
	return 0;
}

/* After a fork both sides take their copies of our own pages, so that these cause no more faults. */
static void warm_up(struct real_proc *q)
{
	struct user_regs_struct regs;

	for (int i = 0; i < 2; i++) {
		ptrace(PTRACE_GETREGS, q->pid, 0, &regs);
		regs.rdi = i ? DATA + 64 : STAY + 256;
		regs.rsi = 0;
		run_at(q->pid, &regs, STAY + CODE_STORE, NULL);
	}
}

static int real_fork(void *data, const char *p, const char *child)
{
	struct real *w = data;
	struct real_proc *q = real_proc(w, p), *c;
	struct user_regs_struct regs;
	unsigned long pid;
	int status;

	ptrace(PTRACE_GETREGS, q->pid, 0, &regs);
	regs.rax = SYS_fork;
	if (run_at(q->pid, &regs, STAY + CODE_SYSCALL, NULL) != SIGTRAP)
		g_error("fork ended in a signal");
	if (regs.rip == STAY + 3 && (int64_t)regs.rax < 0)
		return -(int64_t)regs.rax;
	if (ptrace(PTRACE_GETEVENTMSG, q->pid, 0, &pid))
		g_error("no child: %m");
	ptrace(PTRACE_CONT, q->pid, 0, 0);
	waitpid(q->pid, &status, 0); /* the int3 after the call */
	waitpid(pid, &status, __WALL);  /* the child's first stop */
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, __WALL);  /* its int3 */
	c = g_new0(struct real_proc, 1);
	c->pid = pid;
	c->fds = g_array_new(FALSE, FALSE, sizeof(int));
	g_array_append_vals(c->fds, q->fds->data, q->fds->len);
	g_hash_table_replace(w->procs, g_strdup(child), c);
	warm_up(q);
	warm_up(c);
	return 0;
}

static int real_exit(void *data, const char *p)
{
	struct real *w = data;
	struct real_proc *q = real_proc(w, p);
	int status;

	kill(q->pid, SIGKILL);
	waitpid(q->pid, &status, __WALL);
	q->pid = 0;
	g_hash_table_remove(w->procs, p);
	return 0;
}

static int linux_map_flags(unsigned flags)
{
	static const struct { unsigned ours; int theirs; } names[] = {
		{ VM_MAP_SHARED, MAP_SHARED }, { VM_MAP_PRIVATE, MAP_PRIVATE }, { VM_MAP_ANON, MAP_ANONYMOUS },
		{ VM_MAP_FIXED, MAP_FIXED }, { VM_MAP_FIXED_NOREPLACE, MAP_FIXED_NOREPLACE },
		{ VM_MAP_POPULATE, MAP_POPULATE }, { VM_MAP_LOCKED, MAP_LOCKED }, { VM_MAP_NORESERVE, MAP_NORESERVE },
		{ VM_MAP_GROWSDOWN, MAP_GROWSDOWN },
	};
	int out = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (flags & names[i].ours)
			out |= names[i].theirs;
	return out;
}

static int real_mmap(void *data, const char *p, const struct map_call *c, uint64_t *result)
{
	struct real *w = data;
	struct real_proc *q = real_proc(w, p);
	int fd = -1, mode = 0, r;
	g_autoptr(GArray) before = file_pages(q);
	uint64_t at = 0;

	if (c->file) {
		guint i = real_file_index(w, c->file, &mode);
		struct real_file *f = g_ptr_array_index(w->files, i);

		fd = mode >= 0 ? g_array_index(q->fds, int, i * FD_MODES + mode) : open_in(q, f->path, O_RDWR);
	}
	r = result_of(sys(q, SYS_mmap, c->at, c->len, c->prot, linux_map_flags(c->flags), fd, c->offset), &at);
	if (mode < 0)
		sys(q, SYS_close, fd, 0, 0, 0, 0, 0);
	if (!r)
		drop_extra(q, before, at, at + c->len + PAGE - 1);
	*result = at;
	return r;
}

static int real_munmap(void *w, const char *p, uint64_t at, uint64_t len)
{
	return result_of(sys(real_proc(w, p), SYS_munmap, at, len, 0, 0, 0, 0), NULL);
}

/* A call on a range that may populate it. */
static int ranged(struct real *w, const char *p, long nr, uint64_t at, uint64_t len, uint64_t arg)
{
	struct real_proc *q = real_proc(w, p);
	g_autoptr(GArray) before = file_pages(q);
	int r = result_of(sys(q, nr, at, len, arg, 0, 0, 0), NULL);

	drop_extra(q, before, at & ~(uint64_t)(PAGE - 1), (at + len + PAGE - 1) & ~(uint64_t)(PAGE - 1));
	return r;
}

static int real_mprotect(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot)
{
	return ranged(w, p, SYS_mprotect, at, len, prot);
}

static int real_mremap(void *data, const char *p, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		       uint64_t to, uint64_t *result)
{
	struct real_proc *q = real_proc(data, p);

	return result_of(sys(q, SYS_mremap, old, old_len, new_len, flags, to, 0), result);
}

static int real_madvise(void *w, const char *p, uint64_t at, uint64_t len, int advice)
{
	return ranged(w, p, SYS_madvise, at, len, advice);
}

static int real_mlock(void *w, const char *p, uint64_t at, uint64_t len, bool onfault)
{
	return onfault ? ranged(w, p, SYS_mlock2, at, len, 1) : ranged(w, p, SYS_mlock, at, len, 0);
}

static int real_munlock(void *w, const char *p, uint64_t at, uint64_t len)
{
	return ranged(w, p, SYS_munlock, at, len, 0);
}

static int real_msync(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags)
{
	return result_of(sys(real_proc(w, p), SYS_msync, at, len, flags, 0, 0, 0), NULL);
}

static int real_mincore(void *data, const char *p, uint64_t at, uint64_t len, uint8_t *vec)
{
	struct real_proc *q = real_proc(data, p);
	uint64_t n = MIN((len + PAGE - 1) / PAGE, PAGE);
	struct iovec here = { vec, n }, there = { (void *)DATA, n };
	int r = result_of(sys(q, SYS_mincore, at, len, DATA, 0, 0, 0), NULL);

	if (!r && n && process_vm_readv(q->pid, &here, 1, &there, 1, 0) != (ssize_t)n)
		g_error("mincore's result cannot be read: %m");
	return r;
}

static uint64_t break_of(struct real_proc *q)
{
	return sys(q, SYS_brk, 0, 0, 0, 0, 0, 0);
}

static int real_brk(void *data, const char *p, int64_t delta, uint64_t *result)
{
	struct real_proc *q = real_proc(data, p);
	uint64_t to = break_of(q) + delta;

	*result = sys(q, SYS_brk, to, 0, 0, 0, 0, 0);
	return *result == to ? 0 : ENOMEM;
}

static const char *signal_name(int sig, const siginfo_t *info)
{
	if (sig == SIGBUS)
		return "BUS ADRERR";
	if (info->si_code == SI_KERNEL)
		return "SEGV KERNEL";
	return info->si_code == SEGV_MAPERR ? "SEGV MAPERR" : info->si_code == SEGV_ACCERR ? "SEGV ACCERR" : "SEGV PKUERR";
}

/* Lets the process access `at` from the code at `from`; *rax is what it then has. */
static void access_at(struct real_proc *q, uint64_t from, uint64_t at, uint64_t rsi, uint64_t *rax, struct access *out)
{
	g_autoptr(GArray) before = file_pages(q);
	uint64_t count = faults_of(q), page = at & ~(uint64_t)(PAGE - 1);
	struct user_regs_struct regs;
	siginfo_t info;
	int sig;

	ptrace(PTRACE_GETREGS, q->pid, 0, &regs);
	regs.rdi = at;
	regs.rsi = rsi;
	sig = run_at(q->pid, &regs, from, &info);
	out->faults = faults_of(q) - count;
	out->signal = sig == SIGTRAP ? NULL : signal_name(sig, &info);
	out->addr = (uint64_t)info.si_addr;
	if (rax)
		*rax = regs.rax;
	drop_extra(q, before, page, page + PAGE);
}

static int real_load(void *data, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out)
{
	struct real_proc *q = real_proc(data, p);
	uint64_t rax = 0;

	access_at(q, STAY + (len == 1 ? CODE_LOAD : CODE_SUM), at, 0, &rax, out);
	if (out->signal)
		return 0;
	if (len == 1)
		*to = rax;
	else
		read_memory(q, at, to, len);
	return 0;
}

static int real_store(void *data, const char *p, uint64_t at, uint8_t byte, struct access *out)
{
	access_at(real_proc(data, p), STAY + CODE_STORE, at, byte, NULL, out);
	return 0;
}

/*
 * One instruction at `at`, whatever it is: every register points at our data page. A signal counts as the fetch's own when it names
 * its page; any other came from the instruction, which then has been fetched.
 */
static int real_fetch(void *data, const char *p, uint64_t at, struct access *out)
{
	struct real_proc *q = real_proc(data, p);
	g_autoptr(GArray) before = file_pages(q);
	uint64_t count, page = at & ~(uint64_t)(PAGE - 1), d = DATA + PAGE / 2;
	struct user_regs_struct saved, regs;
	siginfo_t info;
	int sig;

	count = faults_of(q);
	ptrace(PTRACE_GETREGS, q->pid, 0, &saved);
	regs = saved;
	regs.rax = regs.rbx = regs.rcx = regs.rdx = regs.rsi = regs.rdi = regs.rbp = regs.rsp = d;
	regs.r8 = regs.r9 = regs.r10 = regs.r11 = regs.r12 = regs.r13 = regs.r14 = regs.r15 = d;
	regs.eflags |= 1 << 8; /* not PTRACE_SINGLESTEP, which looks at the instruction first */
	sig = run_at(q->pid, &regs, at, &info);
	ptrace(PTRACE_SETREGS, q->pid, 0, &saved);
	out->faults = faults_of(q) - count;
	if ((sig == SIGSEGV || sig == SIGBUS) && (info.si_code == SI_KERNEL ? at >> 47 : (uint64_t)info.si_addr == at)) {
		out->signal = signal_name(sig, &info);
		out->addr = (uint64_t)info.si_addr;
	}
	drop_extra(q, before, page, page + PAGE);
	return 0;
}

static int real_truncate(void *w, const char *p, const char *file, uint64_t len)
{
	int fd = own_fd(w, p, file, O_RDWR), r = ftruncate(fd, len) ? errno : 0;

	close(fd);
	return r;
}

static int real_pwrite(void *w, const char *p, const char *file, uint64_t at, uint8_t byte)
{
	int fd = own_fd(w, p, file, O_RDWR), r = pwrite(fd, &byte, 1, at) < 0 ? errno : 0;

	close(fd);
	return r;
}

static int real_pread(void *w, const char *p, const char *file, uint64_t at, int *byte)
{
	int fd = own_fd(w, p, file, O_RDONLY);
	uint8_t b;
	ssize_t n = pread(fd, &b, 1, at);

	close(fd);
	*byte = n > 0 ? b : -1;
	return n < 0 ? errno : 0;
}

static int real_unlink(void *w, const char *p, const char *file)
{
	int mode;
	struct real_file *f = g_ptr_array_index(((struct real *)w)->files, real_file_index(w, file, &mode));

	if (unlink(f->path))
		return errno;
	f->unlinked = true;
	return 0;
}

/* ---- smaps ---- */

static uint64_t field(const char *block, const char *end, const char *name)
{
	g_autofree char *key = g_strdup_printf("\n%s:", name);
	const char *at = strstr(block, key);

	return at && at < end ? g_ascii_strtoull(at + strlen(key), NULL, 10) : 0;
}

static void copy_flags(const char *block, char *to, size_t size)
{
	static const char *const known[] = { "rd", "wr", "ex", "sh", "mr", "mw", "me", "ms", "gd", "lo", "sr", "rr", "dc",
		"de", "lf", "ac", "nr", "ht", "wf", "dd", "hg", "nh", "mg", NULL };
	const char *at = strstr(block, "\nVmFlags:");
	g_autofree char *line = g_strndup(at + 9, strcspn(at + 9, "\n"));
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	to[0] = '\0';
	for (char **w = words; *w; w++)
		if (g_strv_contains(known, *w)) {
			if (to[0])
				g_strlcat(to, ",", size);
			g_strlcat(to, *w, size);
		}
}

static void copy_label(struct real *w, const char *path, char *to, size_t size)
{
	g_strlcpy(to, *path ? path : "anon", size);
	if (g_str_has_prefix(path, "/dev/zero"))
		g_strlcpy(to, "shm", size);
	for (guint i = 0; i < w->files->len; i++) {
		struct real_file *f = g_ptr_array_index(w->files, i);

		if (g_str_has_prefix(path, f->path))
			g_snprintf(to, size, "%s%s", f->name, g_str_has_suffix(path, "(deleted)") ? "~" : "");
	}
}

static bool real_area_above(void *data, const char *p, uint64_t at, struct seen_area *out)
{
	struct real *w = data;
	g_autofree char *text = read_proc(real_proc(w, p), "smaps");
	g_autofree char *path = NULL;
	const char *block = text, *end;
	int n;

	for (;; block = end + 1) {
		if (sscanf(block, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s%n", &out->start, &out->end, out->perms,
			   &out->offset, &n) < 4)
			return false;
		end = strstr(block, "\nVmFlags:");
		end += 1 + strcspn(end + 1, "\n");
		if (out->start >= BASE_S)
			return false; /* [vsyscall] */
		if (out->end > at && out->start != STAY)
			break;
	}
	path = g_strstrip(g_strndup(block + n, strcspn(block + n, "\n")));
	copy_label(w, path, out->label, sizeof(out->label));
	copy_flags(block, out->flags, sizeof(out->flags));
	out->rss = field(block, end, "Rss") * 1024;
	out->shared_clean = field(block, end, "Shared_Clean") * 1024;
	out->shared_dirty = field(block, end, "Shared_Dirty") * 1024;
	out->private_clean = field(block, end, "Private_Clean") * 1024;
	out->private_dirty = field(block, end, "Private_Dirty") * 1024;
	out->anonymous = field(block, end, "Anonymous") * 1024;
	out->swap = field(block, end, "Swap") * 1024;
	out->pss = field(block, end, "Pss");
	out->swap_pss = field(block, end, "SwapPss");
	out->locked = field(block, end, "Locked");
	return true;
}

static void real_pages(void *data, const char *p, uint64_t at, size_t n, struct seen_page *out)
{
	struct real *w = data;
	g_autofree uint64_t *words = g_new(uint64_t, n);

	read_pagemap(real_proc(w, p), at, n, words);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = words[i], flags = 0;

		out[i].frame = x & ((1ull << 55) - 1);
		if (x >> 63 && pread(w->flags, &flags, 8, out[i].frame * 8) != 8)
			g_error("/proc/kpageflags cannot be read: %m");
		out[i].code = x >> 62 & 1 ? 's' : !(x >> 63) ? '.' : flags >> 24 & 1 ? 'z' :
			      x >> 61 & 1 ? (x >> 56 & 1 ? 'F' : 'f') : x >> 56 & 1 ? 'A' : 'a';
	}
}

static void real_counts(void *data, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked)
{
	struct real_proc *q = real_proc(data, p);
	g_autofree char *status = read_proc(q, "status");
	const char *end = status + strlen(status);

	*brk = break_of(q);
	*tables = field(status, end, "VmPTE") / 4 - 3; /* ours: one of each level */
	*locked = field(status, end, "VmLck") / 4;
}

static void real_check(void *data, GString *out)
{
}

const struct backend linux_backend = {
	"linux", real_start, real_stop, real_file, real_spawn, real_fork, real_exit, real_mmap, real_munmap,
	real_mprotect, real_mremap, real_madvise, real_mlock, real_munlock, real_msync, real_mincore, real_brk,
	real_load, real_store, real_fetch, real_truncate, real_pwrite, real_pread, real_unlink, real_area_above,
	real_pages, real_counts, real_check,
};

#else

static void *real_start(bool swap)
{
	return NULL;
}

const struct backend linux_backend = { .name = "linux", .start = real_start };

#endif
