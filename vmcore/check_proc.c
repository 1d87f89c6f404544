/* check_proc.c - processes counted again: their numbers, families, threads and descriptors. */
#include "check.h"
#include "file.h"

#include <inttypes.h>

static struct vm_proc *proc_of(struct tree_node *n)
{
	return n ? tree_entry(n, struct vm_proc, node) : NULL;
}

static struct vm_proc *child_of(struct tree_node *n)
{
	return n ? tree_entry(n, struct vm_proc, sibling) : NULL;
}

/* Children name the parent and come in order of pid; returns how many there are. */
static uint64_t check_family(struct check *c, const struct vm_proc *p)
{
	uint64_t n = 0;
	int32_t before = 0;

	for (struct tree_node *i = tree_first(&p->children); i; i = tree_next(i), n++) {
		const struct vm_proc *child = child_of(i);

		if (child->parent != p)
			check_wrong(c, "process %d is among the children of %d, but names another parent", child->pid, p->pid);
		if (child->pid <= before)
			check_wrong(c, "the children of process %d are out of order at %d", p->pid, child->pid);
		if (child->state == VM_ZOMBIE && p == c->h->init && child->main.state_set != VM_ZOMBIE + 1)
			check_wrong(c, "process %d has ended, and init did not reap it", child->pid);
		before = child->pid;
	}
	if (n != p->children.count)
		check_wrong(c, "process %d: %" PRIu64 " children counted, %" PRIu64 " found", p->pid, p->children.count, n);
	return n;
}

static void check_threads(struct check *c, const struct vm_proc *p)
{
	uint32_t n = p->mm ? 1 : 0;

	for (const struct thread *t = p->threads; t; t = t->next, n++) {
		c->threads++;
		if (t->proc != p || g_hash_table_lookup(c->h->threads, GINT_TO_POINTER(t->tid)) != t)
			check_wrong(c, "thread %d of process %d cannot be found by its number", t->tid, p->pid);
		if (vm_proc_at(c->h, t->tid))
			check_wrong(c, "%d is both a thread and a process", t->tid);
	}
	if (n != p->thread_count)
		check_wrong(c, "process %d: %u threads counted, %u found", p->pid, p->thread_count, n);
}

static void check_descriptors(struct check *c, const struct vm_proc *p)
{
	struct vm_fd d;

	for (int fd = 0; vm_fd_above(p, fd, &d); fd = d.fd + 1)
		check_seen(c->files, fd_at(p->fds, d.fd))->refs++;
}

static void check_state(struct check *c, const struct vm_proc *p)
{
	if ((p->state == VM_ZOMBIE) != !p->mm)
		check_wrong(c, "process %d: state %c %s memory", p->pid, vm_state_letters[p->state],
			    p->mm ? "with" : "without");
	if (!p->mm && (p->fds || p->exe || p->threads))
		check_wrong(c, "process %d has ended, but keeps files or threads", p->pid);
	if (p->mm && p->mm->owner != p)
		check_wrong(c, "process %d: its memory belongs to another process", p->pid);
	if (vm_proc_at(c->h, p->pid) != p)
		check_wrong(c, "process %d cannot be found by its number", p->pid);
	if (vm_proc_by_serial(c->h, p->serial) != p)
		check_wrong(c, "process %d cannot be found by its serial number", p->pid);
	if (!p->parent && p != c->h->init)
		check_wrong(c, "process %d has no parent", p->pid);
}

static void check_memory(struct check *c, const struct vm_proc *p)
{
	const struct mm *mm = p->mm;

	if (g_hash_table_contains(c->asids, GUINT_TO_POINTER(mm->table.asid + 1)))
		check_wrong(c, "process %d: address space number %u is another process's too", p->pid, mm->table.asid);
	g_hash_table_insert(c->asids, GUINT_TO_POINTER(mm->table.asid + 1), (gpointer)mm);
	check_areas(c, mm);
	check_tables(c, mm);
	check_entries(c, mm);
	if (mm->table.by_hand)
		check_poked(c, "process %d: page-table base set by hand to 0x%" PRIx64, p->pid, mm->table.base);
}

void check_processes(struct check *c)
{
	struct vm_host *h = c->h;
	uint64_t n = 0, children = 0;
	int32_t before = 0;

	for (struct vm_proc *p = proc_of(tree_first(&h->by_pid)); p; p = proc_of(tree_next(&p->node)), n++) {
		if (p->pid <= before)
			check_wrong(c, "processes are out of order at %d", p->pid);
		before = p->pid;
		check_state(c, p);
		check_threads(c, p);
		check_descriptors(c, p);
		children += check_family(c, p);
		if (p->exe)
			check_seen(c->inodes, p->exe)->refs++;
		if (p->mm)
			check_memory(c, p);
	}
	if (n != h->by_pid.count || n != g_hash_table_size(h->procs))
		check_wrong(c, "processes: %" PRIu64 " and %u counted, %" PRIu64 " found", h->by_pid.count,
			    g_hash_table_size(h->procs), n);
	if (children != n - 1)
		check_wrong(c, "%" PRIu64 " processes besides init, but %" PRIu64 " children", n - 1, children);
	if (c->threads != g_hash_table_size(h->threads))
		check_wrong(c, "threads: %u counted, %" PRIu64 " found", g_hash_table_size(h->threads), c->threads);
}
