/* process.c - the processes of a script: each is a real one that runs worker.c, asked over a channel of its own. */
#include "recorder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct proc procs[PROCS];
static unsigned proc_count;
static int channels[PROCS][2];    /* ours, the worker's */

static void all(ssize_t (*io)(int, void *, size_t), int fd, void *at, size_t len)
{
	for (char *p = at; len > 0;) {
		ssize_t n = io(fd, p, len);

		if (n <= 0)
			fail(1, "a worker is gone");
		p += n;
		len -= (size_t)n;
	}
}

static ssize_t write_some(int fd, void *at, size_t len)
{
	return write(fd, at, len);
}

struct answer ask(struct proc *p, struct request r, const void *in, void *out_bytes)
{
	struct answer a;

	all(write_some, p->fd, &r, sizeof r);
	if (r.in)
		all(write_some, p->fd, (void *)in, r.in);
	all(read, p->fd, &a, sizeof a);
	if (r.out)
		all(read, p->fd, out_bytes, r.out);
	return a;
}

int64_t call(struct proc *p, struct request r)
{
	return ask(p, r, NULL, NULL).value;
}

/* Out of the way of the files' descriptors. */
void open_channels(void)
{
	for (unsigned i = 0; i < PROCS; i++)
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, channels[i]))
			fail(77, "no socket pair");
	for (unsigned i = 0; i < PROCS; i++) {
		channels[i][0] = fcntl(channels[i][0], F_DUPFD_CLOEXEC, 300);
		channels[i][1] = fcntl(channels[i][1], F_DUPFD_CLOEXEC, 300);
	}
}

/* Runs in a fresh image without randomisation: copies the code and never returns. */
int be_worker(unsigned index)
{
	extern uint64_t worker_entry(void);
	size_t size = (size_t)(__stop_worker - __start_worker);
	char *at = mmap((void *)REGION, REGION_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (at != (void *)REGION)
		return 1;
	memset(at, 0, REGION_SIZE);
	memcpy(at, __start_worker, size);
	__asm__ volatile("mov %0, %%rsp\n xor %%ebp, %%ebp\n call *%1\n" : : "r"((uint64_t)STACK_TOP - 64),
			 "r"((uint64_t)REGION + worker_entry()), "D"((uint64_t)index));
	return 1;
}

struct proc *next_proc(const struct proc *p)
{
	for (unsigned i = p ? (unsigned)(p - procs) + 1 : 0; i < proc_count; i++)
		if (procs[i].alive)
			return &procs[i];
	return NULL;
}

struct proc *proc_named(const char *name)
{
	for (struct proc *p = NULL; (p = next_proc(p));)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static struct proc *add_proc(const char *name, pid_t pid, unsigned index)
{
	struct proc *p = &procs[proc_count++];

	g_strlcpy(p->name, name, sizeof p->name);
	p->pid = pid;
	p->fd = channels[index][0];
	p->alive = true;
	return p;
}

void start_proc(const char *name)
{
	unsigned index = proc_count;
	struct proc *p;
	struct answer hello;
	pid_t pid;

	if (index == PROCS)
		fail(1, "too many processes");
	pid = fork();
	if (pid == 0) {
		char number[16];
		struct rlimit stack = { 8 << 20, 8 << 20 }, memlock = { 8 << 20, 8 << 20 };
		char *argv[] = { (char *)"worker", (char *)"--worker", number, NULL };
		char *envp[] = { (char *)"GLIBC_TUNABLES=glibc.pthread.rseq=0", NULL };

		snprintf(number, sizeof number, "%u", index);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setrlimit(RLIMIT_STACK, &stack);
		setrlimit(RLIMIT_MEMLOCK, &memlock);
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
		personality(ADDR_NO_RANDOMIZE);
		for (unsigned i = 0; i < PROCS; i++)
			dup2(channels[i][1], WORKER_FD + (int)i);
		close_range(3, WORKER_FD - 1, 0);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	p = add_proc(name, pid, index);
	all(read, p->fd, &hello, sizeof hello);
	if (thp_allowed())
		CALL(p, SYS_prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
	open_files(p, 0);
	p->own_tables = read_status(pid, "VmPTE:") / 4;
}

int fork_proc(struct proc *p, const char *name)
{
	unsigned index = proc_count;
	struct answer a, hello;
	struct proc *child;

	if (index == PROCS)
		fail(1, "too many processes");
	a = ask(p, (struct request){ .op = DO_FORK, .a = { index } }, NULL, NULL);
	if (a.value < 0)
		return (int)-a.value;
	child = add_proc(name, (pid_t)a.value, index);
	child->own_tables = p->own_tables;
	all(read, child->fd, &hello, sizeof hello);
	return 0;
}

void end_proc(struct proc *p)
{
	struct request r = { .op = DO_SYSCALL, .a = { SYS_exit_group, 0 } };
	char path[64];

	all(write_some, p->fd, &r, sizeof r);
	p->alive = false;
	/* A child of ours or of another worker: gone when its memory is. */
	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	for (int i = 0; i < 1000; i++) {
		char byte;
		int fd = open(path, O_RDONLY);
		bool gone = fd < 0 || read(fd, &byte, 1) <= 0;

		if (fd >= 0)
			close(fd);
		if (gone)
			break;
		usleep(500);
	}
	usleep(1000);
}

uint64_t current_break(struct proc *p)
{
	return (uint64_t)CALL(p, SYS_brk, 0);
}

void kill_procs(void)
{
	for (struct proc *p = NULL; (p = next_proc(p));)
		kill(p->pid, SIGKILL);
	while (wait(NULL) > 0)
		;
}
