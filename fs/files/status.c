/* status.c - stat, status, statm and the other small files of proc/PID and task/TID, as Linux prints them. */
#include "process.h"
#include "serve.h"
#include "text.h"
#include "vm_file.h"

#include <string.h>

enum { READER_PAGE = 4096, TICK_NS = 10000000, FLAGS_USER = 0x00400000, EXIT_SIGNAL = 17 };

/* What the node names: the whole process, with what all its threads did, or one thread of it (task/TID: n->arg). */
struct subject {
	struct vm_proc *p;
	struct vm_proc_info process, thread; /* equal in proc/PID itself */
	bool is_thread;                      /* any but the first */
};

static int subject_of(const struct node *n, struct subject *s, struct err *e)
{
	s->p = world_proc(n, e);
	if (!s->p)
		return -e->code;
	vm_proc_info(s->p, &s->process);
	s->is_thread = n->arg && (int32_t)n->arg != s->process.pid;
	if (!n->arg)
		s->thread = s->process;
	else if (!vm_thread_info(s->p, (int32_t)n->arg, &s->thread))
		return err_set(e, ESRCH, -1, "thread %d has ended", (int)n->arg);
	return 0;
}

static uint64_t pages(uint64_t bytes)
{
	return bytes / READER_PAGE + (bytes % READER_PAGE != 0);
}

static uint64_t resident(const struct vm_proc_info *i)
{
	return i->rss_anon + i->rss_file + i->rss_shmem;
}

static void put_next(GString *out, uint64_t value)
{
	put_char(out, ' ');
	put_dec(out, value);
}

static void put_next_signed(GString *out, int64_t value)
{
	put_char(out, ' ');
	if (value < 0)
		put_char(out, '-');
	put_dec(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static void put_zeros(GString *out, unsigned n)
{
	while (n--)
		put_text(out, " 0");
}

static uint64_t ticks(ns_t t)
{
	return t / TICK_NS;
}

/* Fields by their number in proc(5). */
int show_stat(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	const struct vm_proc_info *p = &s.process, *t = &s.thread;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_dec(out, s.is_thread ? n->arg : (uint64_t)p->pid);
	put_text(out, " (");
	put_text(out, t->comm);
	put_text(out, ") ");
	put_char(out, vm_state_letters[t->state]);
	put_next_signed(out, p->ppid);               /* 4 */
	put_next_signed(out, p->pgrp);
	put_next_signed(out, p->session);
	put_next_signed(out, p->tty);
	put_next_signed(out, p->tty ? p->pgrp : -1); /* 8 tpgid */
	put_next(out, FLAGS_USER);
	put_next(out, t->minflt);                    /* 10 */
	put_next(out, p->cminflt);
	put_next(out, t->majflt);
	put_next(out, p->cmajflt);
	put_next(out, ticks(t->utime));              /* 14 */
	put_next(out, ticks(t->stime));
	put_next(out, ticks(p->cutime));
	put_next(out, ticks(p->cstime));
	put_next_signed(out, 20 + p->nice);          /* 18 */
	put_next_signed(out, p->nice);
	put_next_signed(out, p->threads);
	put_zeros(out, 1);
	put_next(out, ticks(t->start));              /* 22 */
	put_next(out, p->vm_size);
	put_next(out, pages(resident(p)));
	put_next(out, vm_getrlimit(s.p, VM_RLIMIT_RSS).soft);
	put_next(out, p->start_code);                /* 26 */
	put_next(out, p->end_code);
	put_next(out, p->start_stack);
	put_zeros(out, 2);
	put_next(out, p->sig_pending & 0x7fffffff);  /* 31 */
	put_next(out, p->sig_blocked & 0x7fffffff);
	put_next(out, p->sig_ignored & 0x7fffffff);
	put_next(out, p->sig_caught & 0x7fffffff);
	put_next(out, t->state != VM_RUNNING);       /* 35 wchan */
	put_zeros(out, 2);
	put_next_signed(out, s.is_thread ? -1 : EXIT_SIGNAL); /* 38 */
	put_zeros(out, 6);
	put_next(out, p->start_data);                /* 45 */
	put_next(out, p->end_data);
	put_next(out, p->start_brk);
	put_next(out, p->arg_start);
	put_next(out, p->arg_end);
	put_next(out, p->env_start);
	put_next(out, p->env_end);
	put_next_signed(out, p->exit_code);          /* 52 */
	put_char(out, '\n');
	return 0;
}

int show_statm(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	const struct vm_proc_info *p = &s.process;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_dec(out, pages(p->vm_size));
	put_next(out, pages(resident(p)));
	put_next(out, pages(p->rss_file + p->rss_shmem));
	put_next(out, pages(p->vm_exe));
	put_zeros(out, 1);
	put_next(out, pages(p->vm_data + p->vm_stack));
	put_zeros(out, 1);
	put_char(out, '\n');
	return 0;
}

/* --- status --- */

static const char *const state_words[] = {
	"running", "sleeping", "disk sleep", "stopped", "tracing stop", "zombie", "dead", "idle",
};
static_assert(G_N_ELEMENTS(state_words) == VM_STATES, "a state without a word");

static void put_field(GString *out, const char *name, int64_t value)
{
	put_text(out, name);
	if (value < 0)
		put_char(out, '-');
	put_dec(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
	put_char(out, '\n');
}

static void put_ids(GString *out, const char *name, uint32_t id)
{
	put_text(out, name);
	for (int i = 0; i < 4; i++) {
		put_char(out, '\t');
		put_dec(out, id);
	}
	put_char(out, '\n');
}

static void put_kb(GString *out, const char *name, uint64_t bytes)
{
	put_text(out, name);
	put_dec_width(out, (bytes + 1023) >> 10, 8);
	put_text(out, " kB\n");
}

static void put_mask(GString *out, const char *name, uint64_t mask)
{
	put_text(out, name);
	put_hex_width(out, mask, 16);
	put_char(out, '\n');
}

static void put_identity(GString *out, const struct subject *s)
{
	const struct vm_proc_info *p = &s->process, *t = &s->thread;

	put_text(out, "Name:\t");
	for (const char *c = t->comm; *c; c++) {  /* as seq_escape_str() does it */
		if (*c == '\n' || *c == '\\')
			put_char(out, '\\');
		put_char(out, *c == '\n' ? 'n' : *c);
	}
	put_text(out, "\nUmask:\t0022\nState:\t");
	put_char(out, vm_state_letters[t->state]);
	put_text(out, " (");
	put_text(out, state_words[t->state]);
	put_text(out, ")\n");
	put_field(out, "Tgid:\t", p->pid);
	put_text(out, "Ngid:\t0\n");
	put_field(out, "Pid:\t", t->pid);
	put_field(out, "PPid:\t", p->ppid);
	put_text(out, "TracerPid:\t0\n");
	put_ids(out, "Uid:", p->uid);
	put_ids(out, "Gid:", p->gid);
}

/* As the kernel's table of descriptors grows: in powers of two from 64. */
static unsigned descriptor_slots(const struct vm_proc *p)
{
	unsigned slots = 64;
	struct vm_fd fd;

	for (int at = 0; vm_fd_above(p, at, &fd); at = fd.fd + 1) {
		while (slots <= (unsigned)fd.fd)
			slots *= 2;
		at = MAX(at, (int)slots - 1);
	}
	return slots;
}

static void put_groups(GString *out, const struct subject *s)
{
	const struct vm_proc_info *p = &s->process;

	put_field(out, "FDSize:\t", p->has_memory ? descriptor_slots(s->p) : 0);
	put_text(out, "Groups:\t");
	put_dec(out, p->gid);
	put_text(out, " \n");
	put_field(out, "NStgid:\t", p->pid);
	put_field(out, "NSpid:\t", s->thread.pid);
	put_field(out, "NSpgid:\t", p->pgrp);
	put_field(out, "NSsid:\t", p->session);
}

static void put_memory(GString *out, const struct vm_proc_info *p)
{
	put_kb(out, "VmPeak:\t", p->vm_peak);
	put_kb(out, "VmSize:\t", p->vm_size);
	put_kb(out, "VmLck:\t", p->vm_locked);
	put_kb(out, "VmPin:\t", 0);
	put_kb(out, "VmHWM:\t", p->rss_peak);
	put_kb(out, "VmRSS:\t", resident(p));
	put_kb(out, "RssAnon:\t", p->rss_anon);
	put_kb(out, "RssFile:\t", p->rss_file);
	put_kb(out, "RssShmem:\t", p->rss_shmem);
	put_kb(out, "VmData:\t", p->vm_data);
	put_kb(out, "VmStk:\t", p->vm_stack);
	put_kb(out, "VmExe:\t", p->vm_exe);
	put_kb(out, "VmLib:\t", p->vm_lib);
	put_kb(out, "VmPTE:\t", p->vm_pte);
	put_kb(out, "VmSwap:\t", p->vm_swap);
	put_kb(out, "HugetlbPages:\t", p->hugetlb);
	put_text(out, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static void put_signals(GString *out, const struct subject *s)
{
	const struct vm_proc_info *p = &s->process;
	uint64_t all = 0x1ffffffffff, held = p->uid ? 0 : all;

	put_field(out, "Threads:\t", p->threads);
	put_text(out, "SigQ:\t0/");
	put_dec(out, MIN(vm_getrlimit(s->p, VM_RLIMIT_SIGPENDING).soft, INT32_MAX));
	put_char(out, '\n');
	put_mask(out, "SigPnd:\t", 0);
	put_mask(out, "ShdPnd:\t", p->sig_pending);
	put_mask(out, "SigBlk:\t", p->sig_blocked);
	put_mask(out, "SigIgn:\t", p->sig_ignored);
	put_mask(out, "SigCgt:\t", p->sig_caught);
	put_mask(out, "CapInh:\t", 0);
	put_mask(out, "CapPrm:\t", held);
	put_mask(out, "CapEff:\t", held);
	put_mask(out, "CapBnd:\t", all);
	put_mask(out, "CapAmb:\t", 0);
}

static void put_placement(GString *out, const struct subject *s)
{
	unsigned cpus = MIN(MAX(vm_host_options(vm_proc_host(s->p))->cpus, 1), 32);

	put_text(out, "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tnot vulnerable\n"
		      "SpeculationIndirectBranch:\tnot affected\nCpus_allowed:\t");
	put_hex(out, ((uint64_t)1 << cpus) - 1);
	put_text(out, "\nCpus_allowed_list:\t0");
	if (cpus > 1) {
		put_char(out, '-');
		put_dec(out, cpus - 1);
	}
	put_text(out, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
	put_field(out, "voluntary_ctxt_switches:\t", (int64_t)s->thread.nvcsw);
	put_field(out, "nonvoluntary_ctxt_switches:\t", (int64_t)s->thread.nivcsw);
}

int show_status(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_identity(out, &s);
	put_groups(out, &s);
	if (s.process.has_memory)
		put_memory(out, &s.process);
	put_signals(out, &s);
	put_placement(out, &s);
	return 0;
}

/* --- one value each --- */

int show_cmdline(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	const char *line;
	size_t len;

	if (!p)
		return -e->code;
	line = vm_proc_cmdline(p, &len);
	if (len)
		g_string_append_len(out, line, (gssize)len);
	return 0;
}

int show_comm(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_text(out, s.thread.comm);
	put_char(out, '\n');
	return 0;
}

static const struct { const char *name, *unit; } limit_rows[VM_RLIMITS] = {
	[VM_RLIMIT_CPU] = { "Max cpu time", "seconds" },
	[VM_RLIMIT_FSIZE] = { "Max file size", "bytes" },
	[VM_RLIMIT_DATA] = { "Max data size", "bytes" },
	[VM_RLIMIT_STACK] = { "Max stack size", "bytes" },
	[VM_RLIMIT_CORE] = { "Max core file size", "bytes" },
	[VM_RLIMIT_RSS] = { "Max resident set", "bytes" },
	[VM_RLIMIT_NPROC] = { "Max processes", "processes" },
	[VM_RLIMIT_NOFILE] = { "Max open files", "files" },
	[VM_RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
	[VM_RLIMIT_AS] = { "Max address space", "bytes" },
	[VM_RLIMIT_LOCKS] = { "Max file locks", "locks" },
	[VM_RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[VM_RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
	[VM_RLIMIT_NICE] = { "Max nice priority", NULL },
	[VM_RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
	[VM_RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
};

static void put_limit(GString *out, uint64_t value)
{
	if (value == VM_RLIM_INFINITY)
		put_text(out, "unlimited            ");
	else
		g_string_append_printf(out, "%-20" PRIu64 " ", value);
}

int show_limits(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);

	if (!p)
		return -e->code;
	g_string_append_printf(out, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned i = 0; i < VM_RLIMITS; i++) {
		struct vm_limit l = vm_getrlimit(p, i);

		g_string_append_printf(out, "%-25s ", limit_rows[i].name);
		put_limit(out, l.soft);
		put_limit(out, l.hard);
		if (limit_rows[i].unit)
			g_string_append_printf(out, "%-10s", limit_rows[i].unit);
		put_char(out, '\n');
	}
	return 0;
}

int show_io(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_field(out, "rchar: ", (int64_t)s.process.rchar);
	put_field(out, "wchar: ", (int64_t)s.process.wchar);
	put_field(out, "syscr: ", (int64_t)s.process.syscr);
	put_field(out, "syscw: ", (int64_t)s.process.syscw);
	put_field(out, "read_bytes: ", (int64_t)s.process.read_bytes);
	put_field(out, "write_bytes: ", (int64_t)s.process.write_bytes);
	put_field(out, "cancelled_write_bytes: ", 0);
	return 0;
}

int show_oom_score(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);

	if (!p)
		return -e->code;
	put_dec(out, (uint64_t)vm_oom_score(p));
	put_char(out, '\n');
	return 0;
}

int show_oom_score_adj(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);

	if (!p)
		return -e->code;
	g_string_append_printf(out, "%d\n", vm_oom_score_adj(p));
	return 0;
}

/* The older scale, -17 to 15. */
int show_oom_adj(const struct node *n, GString *out, struct err *e)
{
	struct vm_proc *p = world_proc(n, e);
	int adj;

	if (!p)
		return -e->code;
	adj = vm_oom_score_adj(p);
	g_string_append_printf(out, "%d\n", adj == 1000 ? 15 : adj * 17 / 1000);
	return 0;
}

int store_oom_score_adj(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_proc *p = process_alive(n, e);
	char *end;
	long long adj;

	if (!p)
		return -e->code;
	adj = g_ascii_strtoll(g_strstrip(line), &end, 10);
	if (end == line || *end)
		return err_set(e, EINVAL, 0, "'%.20s' is not a number", line);
	return vm_set_oom_score_adj(p, adj, e);
}

int show_wchan(const struct node *n, GString *out, struct err *e)
{
	const char *where;
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	switch (s.thread.state) {
	case VM_RUNNING: case VM_ZOMBIE: case VM_DEAD: put_char(out, '0'); break;
	case VM_STOPPED: case VM_TRACED: put_text(out, "do_signal_stop"); break;
	default:
		where = serve_waits_in(n, s.is_thread ? (int32_t)n->arg : 0);
		put_text(out, where ? where : "schedule");
	}
	return 0;
}

int show_schedstat(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	put_dec(out, s.thread.utime + s.thread.stime);
	put_zeros(out, 1);
	put_next(out, s.thread.nvcsw + s.thread.nivcsw);
	put_char(out, '\n');
	return 0;
}

/* Linux lists a child under the thread that made it; here the first thread has them all. */
int show_children(const struct node *n, GString *out, struct err *e)
{
	struct subject s;
	int code = subject_of(n, &s, e);

	if (code)
		return code;
	if (s.is_thread)
		return 0;
	for (int32_t pid = vm_child_above(s.p, 0); pid; pid = vm_child_above(s.p, pid)) {
		put_dec(out, (uint64_t)pid);
		put_char(out, ' ');
	}
	return 0;
}
