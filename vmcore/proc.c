/*
 * proc.c - processes: numbers, birth by spawn and fork, a new image, what ps prints.
 *
 * init is process 1 and is made with the host; everything else descends from it. Pids and thread ids come from one
 * sequence that grows and wraps at PID_MOST, as Linux's do. A process is in host->by_pid until it is reaped.
 */
#include "file.h"
#include "life.h"
#include "paging.h"

#include <string.h>

static const struct event_kind event_fork = { "fork", "child:d" };
static const struct event_kind event_spawn = { "spawn", "ppid:d name:s" };
static const struct event_kind event_exec = { "exec", "file:s" };

enum { PID_MOST = 4194304, PID_AFTER_WRAP = 300 };

const char vm_state_letters[VM_STATES + 1] = "RSDTtZXI";

static const struct vm_limit limits_default[VM_RLIMITS] = {
	[VM_RLIMIT_CPU] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_FSIZE] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_DATA] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_STACK] = { 8 * MiB, VM_RLIM_INFINITY },
	[VM_RLIMIT_CORE] = { 0, VM_RLIM_INFINITY },
	[VM_RLIMIT_RSS] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_NPROC] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_NOFILE] = { 1024, 1048576 },
	[VM_RLIMIT_MEMLOCK] = { 8 * MiB, 8 * MiB },
	[VM_RLIMIT_AS] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_LOCKS] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_SIGPENDING] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
	[VM_RLIMIT_MSGQUEUE] = { 819200, 819200 },
	[VM_RLIMIT_NICE] = { 0, 0 },
	[VM_RLIMIT_RTPRIO] = { 0, 0 },
	[VM_RLIMIT_RTTIME] = { VM_RLIM_INFINITY, VM_RLIM_INFINITY },
};

static struct vm_proc *proc_of(struct tree_node *n)
{
	return n ? tree_entry(n, struct vm_proc, node) : NULL;
}

static bool pid_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct vm_proc, node)->pid < tree_entry(b, struct vm_proc, node)->pid;
}

static bool sibling_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct vm_proc, sibling)->pid < tree_entry(b, struct vm_proc, sibling)->pid;
}

struct vm_proc *vm_proc_above(const struct vm_host *h, int32_t pid)
{
	struct tree_node *n = h->by_pid.root, *found = NULL;
	struct vm_proc *at = pid > 0 ? vm_proc_at(h, pid) : NULL;

	if (at)                                          /* going through all of them: the next one is near */
		return proc_of(tree_next(&at->node));
	while (n) {
		if (proc_of(n)->pid > pid) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return proc_of(found);
}

struct vm_proc *vm_proc_at(const struct vm_host *h, int32_t pid)
{
	return g_hash_table_lookup(h->pids, GINT_TO_POINTER(pid));
}

struct vm_proc *vm_proc_by_serial(const struct vm_host *h, uint32_t serial)
{
	return g_hash_table_lookup(h->procs, GUINT_TO_POINTER(serial));
}

uint64_t vm_proc_count(const struct vm_host *h)
{
	return h->by_pid.count;
}

struct vm_host *vm_proc_host(const struct vm_proc *p)
{
	return p->host;
}

int32_t vm_proc_pid(const struct vm_proc *p)
{
	return p->pid;
}

bool vm_proc_ended(const struct vm_proc *p)
{
	return !p->mm;
}

void vm_proc_owner(const struct vm_proc *p, uint32_t *uid, uint32_t *gid)
{
	*uid = p->uid;
	*gid = p->gid;
}

uint32_t vm_proc_serial(const struct vm_proc *p)
{
	return p->serial;
}

uint64_t vm_proc_generation(const struct vm_proc *p)
{
	return p->generation;
}

/* What passes while one process works for `cost` and others do so too. */
ns_t proc_passes(struct vm_host *h, ns_t cost)
{
	uint64_t side_by_side = MIN(h->preempted + 1, MAX(h->options.cpus, 1));

	h->rest += cost;
	cost = h->rest / side_by_side;
	h->rest -= cost * side_by_side;
	return cost;
}

void proc_turns(struct vm_proc *p)
{
	p->host->running = p;
	p->host->turn_over = p->host->clock->now + host_turn(p->host);
	if (p->host->options.live)
		paging_ran(p->host, p);
}

static bool pid_used(const struct vm_host *h, int32_t pid)
{
	return vm_proc_at(h, pid) || g_hash_table_contains(h->threads, GINT_TO_POINTER(pid));
}

int pid_check(const struct vm_host *h, int32_t pid, struct err *e)
{
	if (pid < 1 || pid >= PID_MOST)
		return err_set(e, EINVAL, -1, "pid %d is not within 1 to %d", pid, PID_MOST - 1);
	return pid_used(h, pid) ? err_set(e, EEXIST, -1, "pid %d is in use", pid) : 0;
}

int32_t pid_alloc(struct vm_host *h)
{
	for (int32_t tries = 0; tries < PID_MOST; tries++) {
		h->last_pid = h->last_pid + 1 < PID_MOST ? h->last_pid + 1 : PID_AFTER_WRAP;
		if (!pid_used(h, h->last_pid))
			return h->last_pid;
	}
	return 0;
}

void proc_adopt(struct vm_proc *parent, struct vm_proc *p)
{
	p->parent = parent;
	tree_insert(&parent->children, &p->sibling);
}

/* A process that nobody can find yet, without an image. */
static struct vm_proc *proc_new(struct vm_host *h, int32_t pid)
{
	struct vm_proc *p = g_new0(struct vm_proc, 1);

	p->host = h;
	p->serial = ++h->next_serial;
	p->pid = p->main.tid = p->pgrp = p->session = pid;
	p->state = p->main.state = VM_SLEEPING;
	p->start = p->main.start = h->clock->now - h->boot;
	p->main.proc = p;
	p->thread_count = 1;
	p->generation = 1;
	tree_init(&p->children, sibling_before, NULL);
	return p;
}

/* From now on it can be found. */
static void proc_publish(struct vm_proc *p, struct vm_proc *parent)
{
	struct vm_host *h = p->host;

	tree_insert(&h->by_pid, &p->node);
	g_hash_table_insert(h->procs, GUINT_TO_POINTER(p->serial), p);
	g_hash_table_insert(h->pids, GINT_TO_POINTER(p->pid), p);
	if (parent)
		proc_adopt(parent, p);
	h->generation++;
}

/* What a process has besides its struct and its place among others. */
void proc_strip(struct vm_proc *p)
{
	threads_end(p);
	paging_wait_end(p);
	if (p->host->running == p)
		p->host->running = NULL;
	if (p->mm)
		mm_free(p->mm);
	if (p->fds)
		fds_free(p->fds);
	if (p->exe)
		vm_inode_release(p->exe);
	g_clear_pointer(&p->cmdline, g_ref_string_release);
	g_clear_pointer(&p->exe_path, g_ref_string_release);
	g_clear_pointer(&p->limits, g_free);
	g_clear_pointer(&p->faults, g_free);
	p->cmdline_len = 0;
	p->thread_count = 0;
	p->mm = NULL;
	p->fds = NULL;
	p->exe = NULL;
}

void proc_unpublish(struct vm_proc *p)
{
	struct vm_host *h = p->host;

	tree_remove(&h->by_pid, &p->node);
	g_hash_table_remove(h->procs, GUINT_TO_POINTER(p->serial));
	g_hash_table_remove(h->pids, GINT_TO_POINTER(p->pid));
	if (p->parent)
		tree_remove(&p->parent->children, &p->sibling);
	h->generation++;
}

static void set_comm(struct vm_proc *p, const char *name)
{
	memset(p->comm, 0, sizeof p->comm);
	strncpy(p->comm, name, sizeof p->comm - 1);
	memcpy(p->main.comm, p->comm, sizeof p->comm);
}

static void set_cmdline(struct vm_proc *p, const char *name, const char *const *argv)
{
	const char *const only[] = { name, NULL };
	GString *s = g_string_new(NULL);

	for (const char *const *a = argv ? argv : only; *a; a++)
		g_string_append_len(s, *a, (gssize)strlen(*a) + 1);
	g_clear_pointer(&p->cmdline, g_ref_string_release);
	p->cmdline = g_ref_string_new_len(s->str, (gssize)s->len);
	p->cmdline_len = s->len;
	g_string_free(s, TRUE);
}

/* What a new image leaves behind: other threads end, the address space is replaced (it must be the process's). */
static void proc_set_image(struct vm_proc *p, struct mm *mm, const char *name, const char *const *argv,
		    struct vm_inode *exe, const char *path)
{
	threads_end(p);
	paging_wait_end(p);
	if (p->mm && p->mm != mm)
		mm_free(p->mm);
	p->mm = mm;
	p->sp = mm->start_stack;
	p->pc = mm->entry;
	set_comm(p, name);
	set_cmdline(p, name, argv);
	if (exe)
		vm_inode_retain(exe);
	if (p->exe)
		vm_inode_release(p->exe);
	p->exe = exe;
	g_clear_pointer(&p->exe_path, g_ref_string_release);
	p->exe_path = path ? g_ref_string_new(path) : NULL;
	proc_changed(p);
}

bool proc_is_bare(const struct vm_proc *p)
{
	return p->mm && p->mm->areas.count == 0 && p->mm->table.base == PA_NONE;
}

/* The break of a process without areas: where that of a small program begins. */
static va_t bare_break(const struct vm_host *h)
{
	uint64_t page = page_size(h), top = mm_top(h);

	return top / 4 > 0x600000 ? MAX(0x600000, page) : MAX(top / 4, page) & -page;
}

/* The image that `s` asks for, in an empty address space. */
static int load_image(struct mm *mm, const struct vm_spawn *s, struct err *e)
{
	struct vm_host *h = mm->host;

	if (s->file)
		return elf_load(mm, s->file, s->path, s->argv, e);
	if (!s->bare)
		return small_program_load(mm, s->name, e);
	mm->start_brk = mm->brk = s->brk ? s->brk : bare_break(h);
	if (mm->brk >= mm_top(h) || mm->brk & (page_size(h) - 1))
		return err_set(e, EINVAL, -1, "the break 0x%" G_GINT64_MODIFIER "x is not a page's start below 0x%"
			       G_GINT64_MODIFIER "x", mm->brk, mm_top(h));
	return s->table_later ? 0 : table_root(&mm->table, e);
}

static int spawn_check(struct vm_host *h, const struct vm_spawn *s, struct vm_proc **parent, struct err *e)
{
	*parent = s->ppid ? vm_proc_at(h, s->ppid) : h->init;
	if (!*parent || !(*parent)->mm)
		return err_set(e, ESRCH, -1, "there is no process %d to be the parent", s->ppid);
	return s->pid ? pid_check(h, s->pid, e) : 0;
}

struct vm_proc *vm_spawn(struct vm_host *h, const struct vm_spawn *s, struct err *e)
{
	int32_t last = h->last_pid, pid;
	struct vm_proc *parent, *p;
	struct event *ev;
	struct mm *mm;
	g_autofree char *path = NULL;

	if (spawn_check(h, s, &parent, e) < 0)
		return NULL;
	pid = s->pid ? s->pid : pid_alloc(h);
	if (pid == 0) {
		err_set(e, EAGAIN, -1, "all %d process numbers are in use", PID_MOST - 1);
		return NULL;
	}
	p = proc_new(h, pid);
	p->uid = s->uid;
	p->gid = s->gid;
	mm = mm_new(h, p);
	if (load_image(mm, s, e) < 0) {
		mm_free(mm);
		g_free(p);
		h->last_pid = last;
		h->next_serial--;
		return NULL;
	}
	if (s->path || !s->bare)
		path = s->path ? g_strdup(s->path) : g_strdup_printf("/%s", s->name);
	proc_set_image(p, mm, s->name, s->argv, s->file, path);
	proc_publish(p, parent);
	ev = journal_add(h->journal, &event_spawn, h->options.serial, pid);
	ev->value[0] = (uint64_t)parent->pid;
	ev->text = g_strescape(p->comm, NULL);
	h->forks++;
	h->stats.forks++;
	return p;
}

/* What a child takes from its parent besides memory and descriptors. */
static void inherit(struct vm_proc *child, const struct vm_proc *p)
{
	child->pgrp = p->pgrp;
	child->session = p->session;
	child->tty = p->tty;
	child->uid = p->uid;
	child->gid = p->gid;
	child->nice = p->nice;
	child->oom_score_adj = p->oom_score_adj;
	child->sp = p->sp;
	child->pc = p->pc;
	child->sig_blocked = p->sig_blocked;
	child->sig_ignored = p->sig_ignored;
	child->sig_caught = p->sig_caught;
	child->cmdline = p->cmdline ? g_ref_string_acquire(p->cmdline) : NULL;
	child->cmdline_len = p->cmdline_len;
	child->exe_path = p->exe_path ? g_ref_string_acquire(p->exe_path) : NULL;
	child->exe = p->exe ? vm_inode_retain(p->exe) : NULL;
	child->limits = p->limits ? g_memdup2(p->limits, VM_RLIMITS * sizeof *p->limits) : NULL;
	memcpy(child->comm, p->comm, sizeof p->comm);
	memcpy(child->main.comm, p->comm, sizeof p->comm);
}

static int alive(const struct vm_proc *p, struct err *e)
{
	return p->mm ? 0 : err_set(e, ESRCH, -1, "process %d has ended", p->pid);
}

int vm_fork(struct vm_proc *p, int32_t *id, struct err *e)
{
	struct vm_host *h = p->host;
	int32_t last = h->last_pid, pid;
	struct vm_proc *child;
	int r = alive(p, e);

	if (r < 0)
		return r;
	pid = pid_alloc(h);
	if (pid == 0)
		return err_set(e, EAGAIN, -1, "all %d process numbers are in use", PID_MOST - 1);
	child = proc_new(h, pid);
	inherit(child, p);
	r = mm_copy(p->mm, child, &child->mm, e);
	if (r < 0) {
		proc_strip(child);
		g_free(child);
		h->last_pid = last;
		h->next_serial--;
		return r;
	}
	if (p->fds)
		child->fds = fds_copy(p->fds);
	proc_publish(child, p);
	h->forks++;
	h->stats.forks++;
	journal_add(h->journal, &event_fork, h->options.serial, p->pid)->value[0] = (uint64_t)pid;
	proc_spend(p, h->config.syscall, false);
	proc_changed(p);
	*id = pid;
	return 0;
}

int vm_execve(struct vm_proc *p, struct vm_inode *file, const char *path, const char *const *argv, struct err *e)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	const char *const only[] = { path, NULL };
	struct mm *mm;
	int r = alive(p, e);

	if (r < 0)
		return r;
	argv = argv ? argv : only;
	mm = mm_new(p->host, p);
	r = elf_load(mm, file, path, argv, e);
	if (r < 0) {
		mm_free(mm);
		return r;
	}
	proc_set_image(p, mm, name, argv, file, path);
	journal_add(p->host->journal, &event_exec, p->host->options.serial, p->pid)->text = g_strescape(path, NULL);
	p->sig_caught = 0;                               /* handlers were code of the old image */
	proc_spend(p, p->host->config.syscall, false);
	return 0;
}

int vm_setuid(struct vm_proc *p, uint32_t uid, struct err *e)
{
	int r = alive(p, e);

	if (r < 0)
		return r;
	if (p->uid != 0 && uid != p->uid)
		return err_set(e, EPERM, 0, "uid %u may not become %u", p->uid, uid);
	p->uid = uid;
	proc_changed(p);
	return 0;
}

struct vm_limit vm_limit_default(enum vm_rlimit which)
{
	return limits_default[which];
}

struct vm_limit vm_getrlimit(const struct vm_proc *p, enum vm_rlimit which)
{
	return p->limits ? p->limits[which] : limits_default[which];
}

int vm_setrlimit(struct vm_proc *p, enum vm_rlimit which, struct vm_limit l, struct err *e)
{
	int r = alive(p, e);

	if (r < 0)
		return r;
	if ((unsigned)which >= VM_RLIMITS)
		return err_set(e, EINVAL, 0, "there is no such limit");
	if (l.soft > l.hard)
		return err_set(e, EINVAL, 1, "the soft limit is above the hard one");
	if (p->uid != 0 && l.hard > vm_getrlimit(p, which).hard)
		return err_set(e, EPERM, 1, "only uid 0 may raise a hard limit");
	if (!p->limits)
		p->limits = g_memdup2(limits_default, sizeof limits_default);
	p->limits[which] = l;
	proc_changed(p);
	return 0;
}

static void memory_info(const struct vm_proc *p, struct vm_proc_info *o)
{
	const struct mm *mm = p->mm;
	unsigned bits = p->host->geometry.page_bits;
	uint64_t page = page_size(p->host), rss = mm->rss_anon + mm->rss_file + mm->rss_shmem, text;

	text = mm->end_code > mm->start_code ? ((mm->end_code + page - 1) & -page) - (mm->start_code & -page) : 0;
	text = MIN(text, mm->exec << bits);
	o->has_memory = true;
	o->vm_size = mm->total << bits;
	o->vm_peak = MAX(mm->total_peak, mm->total) << bits;
	o->vm_locked = mm->locked << bits;
	o->rss_anon = mm->rss_anon << bits;
	o->rss_file = mm->rss_file << bits;
	o->rss_shmem = mm->rss_shmem << bits;
	o->rss_peak = MAX(mm->rss_peak, rss) << bits;
	o->vm_data = mm->data << bits;
	o->vm_stack = mm->stack << bits;
	o->vm_exe = text;
	o->vm_lib = (mm->exec << bits) - text;
	o->vm_pte = mm->table.pages << bits;
	o->vm_swap = mm->swapped << bits;
	o->hugetlb = mm->hugetlb << bits;
	o->start_code = mm->start_code;
	o->end_code = mm->end_code;
	o->start_data = mm->start_data;
	o->end_data = mm->end_data;
	o->start_brk = mm->start_brk;
	o->brk = mm->brk;
	o->start_stack = mm->start_stack;
	o->arg_start = mm->arg_start;
	o->arg_end = mm->arg_end;
	o->env_start = mm->env_start;
	o->env_end = mm->env_end;
}

void vm_proc_info(const struct vm_proc *p, struct vm_proc_info *out)
{
	*out = (struct vm_proc_info){
		.pid = p->pid, .ppid = p->parent && !p->parentless ? p->parent->pid : 0, .pgrp = p->pgrp, .session = p->session,
		.tty = p->tty, .threads = p->thread_count ? (int32_t)p->thread_count : 1,
		.uid = p->uid, .gid = p->gid, .serial = p->serial,
		.state = !p->wait.active ? p->state : paging_waits(p) && !p->wait.preempted ? VM_DISK : VM_RUNNING, .nice = p->nice, .exit_code = p->exit_code,
		.utime = p->utime, .stime = p->stime, .start = p->start, .minflt = p->minflt, .majflt = p->majflt,
		.cminflt = p->cminflt, .cmajflt = p->cmajflt, .cutime = p->cutime, .cstime = p->cstime,
		.nvcsw = p->nvcsw, .nivcsw = p->nivcsw,
		.sig_pending = p->sig_pending, .sig_blocked = p->sig_blocked, .sig_ignored = p->sig_ignored,
		.sig_caught = p->sig_caught,
		.read_bytes = p->read_bytes, .write_bytes = p->write_bytes, .rchar = p->rchar, .wchar = p->wchar,
		.syscr = p->syscr, .syscw = p->syscw,
		.set = p->set, .set_utime = p->set_utime, .set_stime = p->set_stime,
	};
	if (p->leader_exited && p->mm)
		out->state = VM_ZOMBIE;
	if (p->main.state_set && p->mm)
		out->state = p->main.state_set - 1;
	memcpy(out->comm, p->comm, sizeof out->comm);
	if (p->mm)
		memory_info(p, out);
}

const char *vm_proc_cmdline(const struct vm_proc *p, size_t *len)
{
	*len = p->cmdline_len;
	return p->cmdline ? p->cmdline : "";
}

const char *vm_proc_exe(const struct vm_proc *p)
{
	return p->exe_path;
}

int32_t vm_child_above(const struct vm_proc *p, int32_t pid)
{
	struct tree_node *n = p->children.root, *found = NULL;

	while (n) {
		if (tree_entry(n, struct vm_proc, sibling)->pid > pid) {
			found = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found ? tree_entry(found, struct vm_proc, sibling)->pid : 0;
}

int procs_init(struct vm_host *h, struct err *e)
{
	tree_init(&h->by_pid, pid_before, NULL);
	h->procs = g_hash_table_new(NULL, NULL);
	h->pids = g_hash_table_new(NULL, NULL);
	h->threads = g_hash_table_new(NULL, NULL);
	h->last_pid = 1;
	h->init = proc_new(h, 1);
	proc_set_image(h->init, mm_new(h, h->init), "init", NULL, NULL, NULL);
	h->init->mm->start_brk = h->init->mm->brk = bare_break(h);
	proc_publish(h->init, NULL);
	return 0;
}

void procs_clear(struct vm_host *h)
{
	struct vm_proc *p;

	while ((p = proc_of(h->by_pid.root))) {
		tree_remove(&h->by_pid, &p->node);       /* their relations end with all of them */
		proc_strip(p);
		g_free(p);
	}
	g_hash_table_destroy(h->procs);
	g_hash_table_destroy(h->pids);
	g_hash_table_destroy(h->threads);
	h->init = NULL;
}
