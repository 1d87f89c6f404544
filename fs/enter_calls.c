/*
 * enter_calls.c - system calls that name a process, from inside `vitrine enter`.
 *
 * A seccomp filter makes such calls wait until whoever runs `enter` has answered. Where the number is a simulated process's,
 * the host answers: a signal goes to its ctl, a priority comes from its stat. Where it is not, the kernel goes on with the call as it was
 * made, and finds no process but those of the namespace; a process that names itself means itself. Signals to the caller's own group
 * are sent here, one by one, because the group may have members outside.
 */
#include "enter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE AUDIT_ARCH_RISCV64
#else
#define NATIVE 0
#endif

enum { MOST_SIGNAL = 64 };

/* One call being answered. */
struct caught {
	const struct calls *c;
	const struct seccomp_notif *call;
};
/* What the call returns (or -errno); GO_ON: the kernel is to carry it out. */
typedef int64_t answer_fn(const struct caught *q);
enum { GO_ON = -100000 };

static int64_t arg(const struct caught *q, unsigned i)
{
	return (int32_t)q->call->data.args[i];
}

/* --- simulated processes, through the mount --- */

static bool is_simulated(const struct caught *q, int64_t pid)
{
	g_autofree char *ctl = g_strdup_printf("%s/%" G_GINT64_FORMAT "/ctl", q->c->proc, pid);

	return pid > 0 && access(ctl, F_OK) == 0;
}

/* To a process, or to `self`: any will do. */
static int64_t command(const struct caught *q, const char *process, const char *line)
{
	g_autofree char *ctl = g_build_filename(q->c->proc, process, "ctl", NULL);
	int fd = open(ctl, O_WRONLY | O_CLOEXEC | O_NONBLOCK), code = 0;

	if (fd < 0)
		return -ESRCH;
	if (write(fd, line, strlen(line)) < 0)
		code = errno;
	close(fd);
	return -code;
}

static int64_t command_to(const struct caught *q, int64_t pid, const char *line)
{
	g_autofree char *process = g_strdup_printf("%" G_GINT64_FORMAT, pid);

	return command(q, process, line);
}

/* As in Linux a zombie takes no notice, and init does not hear what it has no handler for. */
static int64_t send_signal(const struct caught *q, int64_t pid, int64_t signal)
{
	g_autofree char *line = g_strdup_printf("kill %" G_GINT64_FORMAT "\n", signal);
	int64_t rc;

	if (signal < 0 || signal > MOST_SIGNAL)
		return -EINVAL;
	rc = command_to(q, pid, line);
	if ((rc == -EPERM && pid == 1) || (rc == -ESRCH && is_simulated(q, pid)))
		return 0;
	return rc;
}

/* Field `n` of its stat, counted from 3, behind the name. */
static bool stat_field(const char *path, unsigned n, int64_t *v)
{
	g_autofree char *text = NULL;
	const char *at;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !(at = strrchr(text, ')')))
		return false;
	for (at += 2; n > 3 && at; n--)
		at = (at = strchr(at, ' ')) ? at + 1 : NULL;
	if (!at)
		return false;
	*v = g_ascii_strtoll(at, NULL, 10);
	return true;
}

static bool simulated_field(const struct caught *q, int64_t pid, unsigned n, int64_t *v)
{
	g_autofree char *path = g_strdup_printf("%s/%" G_GINT64_FORMAT "/stat", q->c->proc, pid);

	return stat_field(path, n, v);
}

static GArray *numbers_in(const char *dir)
{
	GArray *numbers = g_array_new(FALSE, FALSE, sizeof(int64_t));
	DIR *d = opendir(dir);

	for (struct dirent *entry; d && (entry = readdir(d)); ) {
		int64_t v = g_ascii_strtoll(entry->d_name, NULL, 10);

		if (g_ascii_isdigit(*entry->d_name))
			g_array_append_val(numbers, v);
	}
	if (d)
		closedir(d);
	return numbers;
}

/* To all of a simulated group, or with group 0 to all but init, in one command: there may be a hundred thousand. */
static int64_t signal_group(const struct caught *q, int64_t group, int64_t signal, int64_t otherwise)
{
	g_autofree char *line = g_strdup_printf("killpg %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n", group, signal);
	int64_t rc;

	if (signal < 0 || signal > MOST_SIGNAL)
		return -EINVAL;
	rc = command(q, "self", line);
	return rc == -ESRCH ? otherwise : rc;
}

/* --- real processes inside --- */

/* The last number of that line of the caller's real status: its own id as it knows it. */
static int64_t own_number(const struct caught *q, const char *key)
{
	g_autofree char *path = g_strdup_printf("/proc/%u/status", q->call->pid), *text = NULL;
	const char *line, *end;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !(line = strstr(text, key)) || !(end = strchr(line + 1, '\n')))
		return 0;
	while (end > line && !g_ascii_isspace(end[-1]))
		end--;
	return g_ascii_strtoll(end, NULL, 10);
}

static bool names_itself(const struct caught *q, int64_t id)
{
	return id == own_number(q, "\nNStgid:") || id == own_number(q, "\nNSpid:");
}

static bool same_namespace(int64_t a, int64_t b)
{
	g_autofree char *pa = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/ns/pid", a),
			*pb = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/ns/pid", b);
	struct stat sa, sb;

	return stat(pa, &sa) == 0 && stat(pb, &sb) == 0 && sa.st_ino == sb.st_ino;
}

/* The caller last: the signal may end it. */
static int64_t signal_own_group(const struct caught *q, int64_t signal)
{
	g_autoptr(GArray) pids = numbers_in("/proc");
	pid_t group = getpgid((pid_t)q->call->pid);
	int64_t caller = own_number(q, "\nNStgid:"), of;

	if (signal < 0 || signal > MOST_SIGNAL)
		return -EINVAL;
	for (guint i = 0; i < pids->len; i++) {
		int64_t pid = g_array_index(pids, int64_t, i);
		g_autofree char *stat = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);

		if (pid != (int64_t)q->call->pid && stat_field(stat, 5, &of) && of == group && same_namespace(pid, q->call->pid))
			kill((pid_t)pid, (int)signal);
	}
	if (caller)
		kill((pid_t)q->call->pid, (int)signal);
	return 0;
}

/* --- the calls --- */

static int64_t answer_signal(const struct caught *q, int64_t pid, int64_t signal)
{
	return names_itself(q, pid) || !is_simulated(q, pid) ? GO_ON : send_signal(q, pid, signal);
}

static int64_t answer_kill(const struct caught *q)
{
	int64_t pid = arg(q, 0), signal = arg(q, 1);

	if (pid > 0)
		return answer_signal(q, pid, signal);
	if (pid == 0)
		return signal_own_group(q, signal);
	return pid == -1 ? signal_group(q, 0, signal, -ESRCH) : signal_group(q, -pid, signal, GO_ON);
}

static int64_t answer_first(const struct caught *q)      /* tkill, rt_sigqueueinfo: ID SIGNAL */
{
	return answer_signal(q, arg(q, 0), arg(q, 1));
}

static int64_t answer_thread(const struct caught *q)     /* tgkill, rt_tgsigqueueinfo: PID TID SIGNAL */
{
	g_autofree char *task = g_strdup_printf("%s/%" G_GINT64_FORMAT "/task/%" G_GINT64_FORMAT, q->c->proc, arg(q, 0), arg(q, 1));

	if (names_itself(q, arg(q, 0)) || !is_simulated(q, arg(q, 0)))
		return GO_ON;
	return access(task, F_OK) ? -ESRCH : send_signal(q, arg(q, 0), arg(q, 2));
}

/* killall opens /proc/PID and signals that. */
static int64_t answer_pidfd(const struct caught *q)
{
	g_autofree char *link = g_strdup_printf("/proc/%u/fd/%d", q->call->pid, (int)arg(q, 0)), *target = NULL;
	const char *name;
	struct stat st;

	if (stat(link, &st) || st.st_dev != q->c->device || !S_ISDIR(st.st_mode) || !(target = g_file_read_link(link, NULL)))
		return GO_ON;
	name = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	return g_ascii_isdigit(*name) ? send_signal(q, g_ascii_strtoll(name, NULL, 10), arg(q, 1)) : GO_ON;
}

static bool is_other(const struct caught *q, int64_t pid)
{
	return pid > 0 && is_simulated(q, pid) && !names_itself(q, pid);
}

static int64_t answer_getpriority(const struct caught *q)
{
	int64_t nice;

	if (arg(q, 0) != PRIO_PROCESS || !is_other(q, arg(q, 1)))
		return GO_ON;
	return simulated_field(q, arg(q, 1), 19, &nice) ? 20 - nice : -ESRCH;
}

static int64_t answer_setpriority(const struct caught *q)
{
	g_autofree char *line = g_strdup_printf("set nice %d\n", (int)CLAMP(arg(q, 2), -20, 19));

	return arg(q, 0) == PRIO_PROCESS && is_other(q, arg(q, 1)) ? command_to(q, arg(q, 1), line) : GO_ON;
}

static int64_t answer_ioprio(const struct caught *q)
{
	enum { WHO_PROCESS = 1 };

	return arg(q, 0) == WHO_PROCESS && is_other(q, arg(q, 1)) ? 0 : GO_ON;
}

static int64_t answer_scheduler(const struct caught *q)
{
	return is_other(q, arg(q, 0)) ? SCHED_OTHER : GO_ON;
}

/* Into the caller's memory, unless it has gone meanwhile. */
static int64_t give(const struct caught *q, uint64_t at, const void *bytes, size_t len)
{
	struct iovec from = { (void *)bytes, len }, to = { (void *)(uintptr_t)at, len };
	uint64_t id = q->call->id;

	if (ioctl(q->c->caught, SECCOMP_IOCTL_NOTIF_ID_VALID, &id))
		return -EINTR;
	return process_vm_writev((pid_t)q->call->pid, &from, 1, &to, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

static int64_t answer_param(const struct caught *q)
{
	const int priority = 0;

	return is_other(q, arg(q, 0)) ? give(q, q->call->data.args[1], &priority, sizeof priority) : GO_ON;
}

static int64_t answer_attr(const struct caught *q)
{
	/* struct sched_attr of version 0, which no header of the C library has. */
	struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t times[3]; } a = { 0 };
	int64_t nice;

	if (!is_other(q, arg(q, 0)))
		return GO_ON;
	if (q->call->data.args[2] < sizeof a)
		return -EINVAL;
	if (!simulated_field(q, arg(q, 0), 19, &nice))
		return -ESRCH;
	a.size = sizeof a;
	a.policy = SCHED_OTHER;
	a.nice = (int32_t)nice;
	return give(q, q->call->data.args[1], &a, sizeof a);
}

static unsigned simulated_cpus(const struct caught *q)
{
	g_autofree char *path = g_build_filename(q->c->proc, "stat", NULL), *text = NULL;
	unsigned n = 0;

	if (g_file_get_contents(path, &text, NULL, NULL))
		for (const char *at = text; (at = strstr(at, "\ncpu")); at++)
			n++;
	return n;
}

static int64_t answer_affinity(const struct caught *q)
{
	uint64_t mask[16] = { 0 };
	unsigned cpus = MIN(simulated_cpus(q), 1024);
	size_t bytes = (MAX(cpus, 1) + 63) / 64 * 8;
	int64_t rc;

	if (!is_other(q, arg(q, 0)))
		return GO_ON;
	if (q->call->data.args[1] < bytes || q->call->data.args[1] % 8)
		return -EINVAL;
	for (unsigned i = 0; i < cpus; i++)
		mask[i / 64] |= (uint64_t)1 << i % 64;
	rc = give(q, q->call->data.args[2], mask, bytes);
	return rc ? rc : (int64_t)bytes;
}

static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? g_ascii_strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

static int64_t answer_sysinfo(const struct caught *q)
{
	g_autofree char *memory_path = g_build_filename(q->c->proc, "meminfo", NULL), *memory = NULL,
			*load_path = g_build_filename(q->c->proc, "loadavg", NULL), *load = NULL,
			*uptime_path = g_build_filename(q->c->proc, "uptime", NULL), *uptime = NULL;
	struct sysinfo s = { .mem_unit = 1 };
	double loads[3] = { 0 };
	unsigned running, threads = 0;

	if (!g_file_get_contents(memory_path, &memory, NULL, NULL) || !g_file_get_contents(load_path, &load, NULL, NULL) ||
	    !g_file_get_contents(uptime_path, &uptime, NULL, NULL))
		return GO_ON;
	s.uptime = (long)g_ascii_strtoull(uptime, NULL, 10);
	s.totalram = meminfo(memory, "MemTotal:");
	s.freeram = meminfo(memory, "MemFree:");
	s.sharedram = meminfo(memory, "Shmem:");
	s.bufferram = meminfo(memory, "Buffers:");
	s.totalswap = meminfo(memory, "SwapTotal:");
	s.freeswap = meminfo(memory, "SwapFree:");
	if (sscanf(load, "%lf %lf %lf %u/%u", &loads[0], &loads[1], &loads[2], &running, &threads) == 5) {
		s.procs = (unsigned short)MIN(threads, UINT16_MAX);
		for (unsigned i = 0; i < 3; i++)
			s.loads[i] = (unsigned long)(loads[i] * (1 << SI_LOAD_SHIFT) + 0.5);
	}
	return give(q, q->call->data.args[0], &s, sizeof s);
}

static const struct { int number; answer_fn *answer; } answers[] = {
	{ SYS_kill, answer_kill }, { SYS_tkill, answer_first }, { SYS_rt_sigqueueinfo, answer_first },
	{ SYS_tgkill, answer_thread }, { SYS_rt_tgsigqueueinfo, answer_thread }, { SYS_pidfd_send_signal, answer_pidfd },
	{ SYS_getpriority, answer_getpriority }, { SYS_setpriority, answer_setpriority }, { SYS_ioprio_get, answer_ioprio },
	{ SYS_sched_getscheduler, answer_scheduler }, { SYS_sched_getparam, answer_param },
	{ SYS_sched_getattr, answer_attr },
	{ SYS_sched_getaffinity, answer_affinity }, { SYS_sysinfo, answer_sysinfo },
};

int calls_catch(void)
{
	enum { HEAD = 3, COUNT = G_N_ELEMENTS(answers) };
	struct sock_filter code[HEAD + COUNT + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 0, COUNT + 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { G_N_ELEMENTS(code), code };

	for (unsigned i = 0; i < COUNT; i++)
		code[HEAD + i] = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(COUNT - i), 0,
						       (uint32_t)answers[i].number };
	code[HEAD + COUNT] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
	code[HEAD + COUNT + 1] = (struct sock_filter){ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF };
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static answer_fn *answer_of(int number)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(answers); i++)
		if (answers[i].number == number)
			return answers[i].answer;
	return NULL;
}

void calls_answer(const struct calls *c)
{
	struct seccomp_notif_sizes sizes;
	g_autofree struct seccomp_notif *call = NULL;
	g_autofree struct seccomp_notif_resp *reply = NULL;
	struct caught q = { .c = c };
	answer_fn *answer;
	int64_t value;

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes))
		return;
	q.call = call = g_malloc0(MAX(sizes.seccomp_notif, sizeof *call));
	reply = g_malloc0(MAX(sizes.seccomp_notif_resp, sizeof *reply));
	if (ioctl(c->caught, SECCOMP_IOCTL_NOTIF_RECV, call))
		return;                                  /* its caller has ended */
	answer = answer_of(call->data.nr);
	value = answer ? answer(&q) : GO_ON;
	reply->id = call->id;
	if (value == GO_ON)
		reply->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	else if (value < 0)
		reply->error = (int32_t)value;
	else
		reply->val = value;
	ioctl(c->caught, SECCOMP_IOCTL_NOTIF_SEND, reply);
}
