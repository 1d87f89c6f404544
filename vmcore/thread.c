/* thread.c - threads: more than one flow of control in a process. They share all but their times, faults and name. */
#include "life.h"

#include <string.h>

static void thread_add(struct vm_proc *p, int32_t id)
{
	struct vm_host *h = p->host;
	struct thread *t = g_new0(struct thread, 1), **at = &p->threads;

	t->tid = id;
	t->proc = p;
	t->start = h->clock->now - h->boot;
	t->state = VM_SLEEPING;
	memcpy(t->comm, p->comm, sizeof t->comm);
	while (*at && (*at)->tid < id)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	p->thread_count++;
	g_hash_table_insert(h->threads, GINT_TO_POINTER(id), t);
	h->forks++;
	proc_changed(p);
}

struct vm_proc *vm_thread_owner(const struct vm_host *h, int32_t tid)
{
	const struct thread *t = g_hash_table_lookup(h->threads, GINT_TO_POINTER(tid));

	return t ? t->proc : NULL;
}

int vm_clone_thread(struct vm_proc *p, int32_t *tid, struct err *e)
{
	struct vm_host *h = p->host;
	int32_t id;

	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	id = pid_alloc(h);
	if (id == 0)
		return err_set(e, EAGAIN, -1, "all process numbers are in use");
	thread_add(p, id);
	proc_spend(p, h->config.syscall, false);
	*tid = id;
	return 0;
}

int vm_clone_thread_as(struct vm_proc *p, int32_t tid, struct err *e)
{
	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	if (pid_check(p->host, tid, e))
		return -e->code;
	thread_add(p, tid);
	return 0;
}

static struct thread *acting(const struct vm_proc *p)
{
	return p->acting ? p->acting : (struct thread *)&p->main;
}

/* What the process has done since the mark, the acting thread did. */
static void add_since_mark(const struct vm_proc *p, struct thread *t)
{
	t->utime += p->utime - p->mark.utime;
	t->stime += p->stime - p->mark.stime;
	t->minflt += p->minflt - p->mark.minflt;
	t->majflt += p->majflt - p->mark.majflt;
}

static void act(struct vm_proc *p, struct thread *t)
{
	add_since_mark(p, acting(p));
	p->mark.utime = p->utime;
	p->mark.stime = p->stime;
	p->mark.minflt = p->minflt;
	p->mark.majflt = p->majflt;
	p->acting = t;
}

static struct thread *thread_at(const struct vm_proc *p, int32_t tid)
{
	struct thread *t = tid == p->pid ? (struct thread *)&p->main :
		g_hash_table_lookup(p->host->threads, GINT_TO_POINTER(tid));

	return t && t->proc == p ? t : NULL;
}

int vm_act_as(struct vm_proc *p, int32_t tid, struct err *e)
{
	struct thread *t = tid ? thread_at(p, tid) : p->leader_exited ? p->threads : &p->main;

	if (!t || (t == &p->main && p->leader_exited))
		return err_set(e, ESRCH, -1, "process %d has no thread %d", p->pid, tid);
	if (t != acting(p))
		act(p, t);
	return 0;
}

static void thread_free(struct vm_proc *p, struct thread *t)
{
	struct thread **at = &p->threads;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	p->thread_count--;
	g_hash_table_remove(p->host->threads, GINT_TO_POINTER(t->tid));
	g_free(t);
}

int vm_thread_exit(struct vm_proc *p, int32_t tid, int code, struct err *e)
{
	struct thread *t = p->mm ? thread_at(p, tid) : NULL;

	if (!t || (t == &p->main && p->leader_exited))
		return err_set(e, ESRCH, -1, "process %d has no thread %d", p->pid, tid);
	if (p->leader_exited ? !p->threads->next : !p->threads)
		return vm_exit(p, p->leader_exited ? p->leader_code : code, e);
	act(p, NULL);
	if (t == &p->main) {
		p->leader_exited = true;
		p->leader_code = code;
	} else {
		thread_free(p, t);
	}
	proc_changed(p);
	return 0;
}

void threads_end(struct vm_proc *p)
{
	act(p, NULL);
	p->leader_exited = false;                        /* execve: the thread that calls it takes the first one's place */
	for (struct thread *t = p->threads, *next; t; t = next) {
		next = t->next;
		g_hash_table_remove(p->host->threads, GINT_TO_POINTER(t->tid));
		g_free(t);
	}
	p->threads = NULL;
	p->thread_count = 1;
}

int32_t vm_thread_above(const struct vm_proc *p, int32_t tid)
{
	const struct thread *at = tid > 0 && tid != p->pid ? thread_at(p, tid) : NULL, *t = at ? at->next : p->threads;

	while (t && t->tid <= tid)
		t = t->next;
	return p->pid > tid && (!t || p->pid < t->tid) ? p->pid : t ? t->tid : 0;
}

bool vm_thread_info(const struct vm_proc *p, int32_t tid, struct vm_proc_info *out)
{
	const struct thread *found = thread_at(p, tid);
	struct thread t;

	if (!found)
		return false;
	t = *found;
	if (found == acting(p))
		add_since_mark(p, &t);
	vm_proc_info(p, out);
	out->utime = t.utime;
	out->stime = t.stime;
	out->minflt = t.minflt;
	out->majflt = t.majflt;
	if (found == &p->main)
		return true;
	out->pid = t.tid;
	out->state = t.state_set ? (enum vm_state)(t.state_set - 1) : p->state == VM_STOPPED ? VM_STOPPED : t.state;
	out->start = t.start;
	memcpy(out->comm, t.comm, sizeof out->comm);
	return true;
}
