/* process_ctl_life.c - commands about the process itself: fork, execve, exit, kill, wait, ids and limits. */
#include "process_ctl.h"

#include <string.h>

int run_fork(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int32_t pid;
	int code;

	if (!p)
		return -e->code;
	code = vm_fork(p, &pid, e);
	if (!code)
		put_dec(c->result, (uint64_t)pid);
	return code;
}

int run_clone(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int32_t tid;
	int code;

	uint64_t wanted = 0;

	if (!p || !option_number(c, "tid", &wanted, e))
		return -e->code;
	tid = (int32_t)MIN(wanted, INT32_MAX);
	code = arg_option(c, "tid") ? vm_clone_thread_as(p, tid, e) : vm_clone_thread(p, &tid, e);
	if (!code)
		put_dec(c->result, (uint64_t)tid);
	return code;
}

int run_execve(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	g_autofree const char **argv = NULL;
	struct vm_inode *file;

	if (!p)
		return -e->code;
	file = command_file(c, 0, e);
	if (!file)
		return -e->code;
	argv = g_new0(const char *, c->count + 1);
	for (unsigned i = 0; i < c->count; i++)
		argv[i] = c->args[i].text;
	return vm_execve(p, file, c->args[0].text, argv, e);
}

int run_exit(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int64_t code = 0;

	if (!p || (c->count && !arg_signed(c, 0, &code, e)))
		return -e->code;
	if (c->n->arg)                           /* below task/: of that thread */
		return vm_thread_exit(p, (int32_t)c->n->arg, (int)(code & 0xff), e);
	return vm_exit(p, (int)(code & 0xff), e); /* as exit_group(2) */
}

static const struct { const char *name; int number; } signals[] = {
	{ "HUP", 1 }, { "INT", 2 }, { "QUIT", 3 }, { "ILL", 4 }, { "TRAP", 5 }, { "ABRT", 6 }, { "IOT", 6 },
	{ "BUS", 7 }, { "FPE", 8 }, { "KILL", 9 }, { "USR1", 10 }, { "SEGV", 11 }, { "USR2", 12 }, { "PIPE", 13 },
	{ "ALRM", 14 }, { "TERM", 15 }, { "STKFLT", 16 }, { "CHLD", 17 }, { "CONT", 18 }, { "STOP", 19 },
	{ "TSTP", 20 }, { "TTIN", 21 }, { "TTOU", 22 }, { "URG", 23 }, { "XCPU", 24 }, { "XFSZ", 25 },
	{ "VTALRM", 26 }, { "PROF", 27 }, { "WINCH", 28 }, { "IO", 29 }, { "POLL", 29 }, { "PWR", 30 }, { "SYS", 31 },
};

/* A number from 0 to 64, or a name with or without SIG. */
static bool arg_signal(const struct call *c, unsigned i, int *signal, struct err *e)
{
	const char *text = c->args[i].text;
	uint64_t number;

	if (g_ascii_isdigit(*text)) {
		if (!arg_number(c, i, &number, e))
			return false;
		*signal = (int)MIN(number, 65);
		if (number <= 64)
			return true;
	} else {
		text += g_ascii_strncasecmp(text, "SIG", 3) ? 0 : 3;
		for (size_t k = 0; k < G_N_ELEMENTS(signals); k++) {
			if (!g_ascii_strcasecmp(signals[k].name, text)) {
				*signal = signals[k].number;
				return true;
			}
		}
	}
	err_set(e, EINVAL, (int)i, "\"%.40s\" is no signal", c->args[i].text);
	return false;
}

int run_kill(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int signal;

	if (!p || !arg_signal(c, 0, &signal, e))
		return -e->code;
	return vm_kill(p, signal, e);
}

/* As kill(2) with a number below 0: a zombie takes no notice, and init hears only what it has a handler for. */
int run_killpg(struct call *c, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t group, reached = 0;
	struct vm_proc_info info;
	int signal;

	if (!command_caller(c, e) || !arg_number(c, 0, &group, e) || !arg_signal(c, 1, &signal, e))
		return -e->code;
	for (struct vm_proc *p = vm_proc_above(vm, 0); p; p = vm_proc_above(vm, info.pid)) {
		struct err ignored = { 0 };

		vm_proc_info(p, &info);
		if (group ? (uint64_t)info.pgrp != group : info.pid == 1)
			continue;
		reached++;
		vm_kill(p, signal, &ignored);
	}
	if (!reached)
		return err_set(e, ESRCH, 0, "no process is in group %" PRIu64, group);
	put_dec(c->result, reached);
	return 0;
}

static void put_signal(GString *out, int number)
{
	for (size_t k = 0; k < G_N_ELEMENTS(signals); k++) {
		if (signals[k].number == number) {
			put_text(out, signals[k].name);
			return;
		}
	}
	put_dec(out, (uint64_t)number);
}

int run_wait(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_ended ended;
	int64_t pid = 0;
	int code;

	if (!p || (c->count && !arg_signed(c, 0, &pid, e)))
		return -e->code;
	if (pid > INT32_MAX || pid < -1)
		return err_set(e, ECHILD, 0, "%" PRId64 " is no child", pid);
	code = vm_wait(p, pid < 0 ? 0 : (int32_t)pid, &ended, e);
	if (code == -EAGAIN && !c->nonblock)
		return -EINPROGRESS;
	if (code)
		return code;
	put_dec(c->result, (uint64_t)ended.pid);
	put_char(c->result, ' ');
	if (ended.signal)
		put_signal(c->result, ended.signal);
	else
		put_dec(c->result, (uint64_t)ended.code);
	return 0;
}

int run_setuid(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	uint64_t uid;

	if (!p || !arg_number(c, 0, &uid, e))
		return -e->code;
	if (uid >= UINT32_MAX) /* (uid_t)-1 is none */
		return err_set(e, EINVAL, 0, "%" PRIu64 " is no user id", uid);
	return vm_setuid(p, (uint32_t)uid, e);
}

const char *const limit_names[] = {
	"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
	"MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
};
static_assert(G_N_ELEMENTS(limit_names) == VM_RLIMITS, "a limit without a name");

/* STACK, stack or RLIMIT_STACK. */
static bool arg_limit(const struct call *c, unsigned i, enum vm_rlimit *which, struct err *e)
{
	const char *text = c->args[i].text;

	if (!g_ascii_strncasecmp(text, "RLIMIT_", 7))
		text += 7;
	for (unsigned k = 0; k < VM_RLIMITS; k++) {
		if (!g_ascii_strcasecmp(limit_names[k], text)) {
			*which = k;
			return true;
		}
	}
	err_set(e, EINVAL, (int)i, "\"%.40s\" is no limit; STACK, NOFILE, MEMLOCK, AS, DATA ... are", c->args[i].text);
	return false;
}

int run_setrlimit(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct vm_limit l;
	enum vm_rlimit which;

	if (!p || !arg_limit(c, 0, &which, e))
		return -e->code;
	if (arg_is(c, 1, "unlimited") || arg_is(c, 1, "infinity"))
		l.soft = VM_RLIM_INFINITY;
	else if (!arg_number(c, 1, &l.soft, e))
		return -e->code;
	l.hard = l.soft;
	return vm_setrlimit(p, which, l, e);
}
