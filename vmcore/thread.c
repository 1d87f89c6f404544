/* thread.c - threads: more than one flow of control in a process. They share all but their times, faults and name. */
#include "life.h"

#include <string.h>

int vm_clone_thread(struct vm_proc *p, int32_t *tid, struct err *e)
{
	struct vm_host *h = p->host;
	struct thread *t, **at = &p->threads;
	int32_t id;

	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	id = pid_alloc(h);
	if (id == 0)
		return err_set(e, EAGAIN, -1, "all process numbers are in use");
	t = g_new0(struct thread, 1);
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
	proc_spend(p, h->config.syscall, false);
	proc_changed(p);
	*tid = id;
	return 0;
}

void threads_end(struct vm_proc *p)
{
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
	int32_t best = p->pid > tid ? p->pid : 0;

	for (const struct thread *t = p->threads; t; t = t->next)
		if (t->tid > tid && (best == 0 || t->tid < best))
			best = t->tid;
	return best;
}

bool vm_thread_info(const struct vm_proc *p, int32_t tid, struct vm_proc_info *out)
{
	const struct thread *t = tid == p->pid ? &p->main : p->threads;

	while (t && t->tid != tid)
		t = t->next;
	if (!t)
		return false;
	vm_proc_info(p, out);
	if (t == &p->main)
		return true;
	out->pid = t->tid;
	out->state = p->state == VM_STOPPED ? VM_STOPPED : t->state;
	out->start = t->start;
	out->utime = t->utime;
	out->stime = t->stime;
	out->minflt = t->minflt;
	out->majflt = t->majflt;
	memcpy(out->comm, t->comm, sizeof out->comm);
	return true;
}
