/*
 * exit.c - the end of processes, and who hears of it.
 *
 * A process that ends gives back everything but its struct and stays, as a zombie, until its parent waits. Its own
 * children become init's. init waits all the time: its children never stay as zombies.
 */
#include "life.h"

static const struct event_kind event_exit = { "exit", "code:d signal:d" };

enum { SIGNAL_CHLD = 17 };

static struct vm_proc *child_of(struct tree_node *n)
{
	return n ? tree_entry(n, struct vm_proc, sibling) : NULL;
}

/* The parent takes the child's times over, and nothing is left of it. */
static void reap(struct vm_proc *p)
{
	struct vm_proc *parent = p->parent;

	parent->cutime += p->utime + p->cutime;
	parent->cstime += p->stime + p->cstime;
	parent->cminflt += p->minflt + p->cminflt;
	parent->cmajflt += p->majflt + p->cmajflt;
	parent->set_utime += p->set_utime;
	parent->set_stime += p->set_stime;
	parent->generation++;
	proc_unpublish(p);
	g_free(p);
}

static bool waits_always(const struct vm_proc *parent)
{
	return parent == parent->host->init || parent->sig_ignored >> (SIGNAL_CHLD - 1) & 1;
}

/* A fixture's zombie stays. */
static bool is_kept(const struct vm_proc *p)
{
	return p->main.state_set == VM_ZOMBIE + 1;
}

static void leave_children(struct vm_proc *p)
{
	struct vm_proc *child, *init = p->host->init;

	while ((child = child_of(p->children.root))) {
		tree_remove(&p->children, &child->sibling);
		proc_adopt(init, child);
		child->generation++;
		if (child->state == VM_ZOMBIE && !is_kept(child))
			reap(child);
	}
}

void proc_end(struct vm_proc *p, int code)
{
	struct vm_host *h = p->host;
	struct event *ev = journal_add(h->journal, &event_exit, h->options.serial, p->pid);

	assert(p != h->init && p->mm);
	ev->value[0] = (uint64_t)code >> 8;
	ev->value[1] = (uint64_t)code & 0x7f;
	proc_strip(p);
	leave_children(p);
	p->state = p->main.state = VM_ZOMBIE;
	p->exit_code = code;
	p->sig_pending = 0;
	proc_changed(p);
	p->parent->generation++;
	if (waits_always(p->parent) && !is_kept(p))
		reap(p);
}

int vm_exit(struct vm_proc *p, int code, struct err *e)
{
	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	if (p == p->host->init)
		return err_set(e, EPERM, -1, "init must not end");
	proc_end(p, (code & 0xff) << 8);
	return 0;
}

static struct vm_proc *ended_child(const struct vm_proc *p, int32_t pid)
{
	for (struct tree_node *n = tree_first(&p->children); n; n = tree_next(n)) {
		struct vm_proc *child = child_of(n);

		if (child->state == VM_ZOMBIE && (pid == 0 || child->pid == pid))
			return child;
	}
	return NULL;
}

int vm_wait(struct vm_proc *p, int32_t pid, struct vm_ended *out, struct err *e)
{
	const struct vm_proc *named = pid ? vm_proc_at(p->host, pid) : NULL;
	struct vm_proc *child;

	if (!p->mm)
		return err_set(e, ESRCH, -1, "process %d has ended", p->pid);
	if (p->children.count == 0)
		return err_set(e, ECHILD, -1, "process %d has no children", p->pid);
	if (pid && (!named || named->parent != p))
		return err_set(e, ECHILD, 0, "process %d is not a child of %d", pid, p->pid);
	child = ended_child(p, pid);
	if (!child)
		return err_set(e, EAGAIN, -1, "no child has ended yet");
	*out = (struct vm_ended){ .pid = child->pid, .code = child->exit_code >> 8, .signal = child->exit_code & 0x7f };
	reap(child);
	p->host->generation++;
	return 0;
}
