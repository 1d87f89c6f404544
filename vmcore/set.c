/*
 * set.c - what a fixture sets by hand of a process: values that otherwise follow from what it does.
 *
 * Each is shown as if it were real. Times that were set are kept apart as well, so that the processors' sums can leave them
 * out. A process that is set to be a zombie really ends, but stays, even where its parent would reap it.
 */
#include "life.h"
#include "vm_disk.h"

#include <string.h>

static int in_range(int64_t value, int64_t least, int64_t most, struct err *e)
{
	if (value >= least && value <= most)
		return 0;
	return err_set(e, EINVAL, 1, "%" G_GINT64_FORMAT " is not from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, value, least,
		       most);
}

static bool descends_from(const struct vm_proc *p, const struct vm_proc *ancestor)
{
	while (p && p != ancestor)
		p = p->parent;
	return p != NULL;
}

static int set_parent(struct vm_proc *p, int64_t pid, struct err *e)
{
	struct vm_proc *parent = pid > 0 && pid <= INT32_MAX ? vm_proc_at(p->host, (int32_t)pid) : NULL;

	if (p == p->host->init)
		return err_set(e, EINVAL, 1, "init has no parent");
	if (pid == 0) {
		p->parentless = true;
		return 0;
	}
	if (!parent || !parent->mm)
		return err_set(e, ESRCH, 1, "there is no process %" G_GINT64_FORMAT " to be the parent", pid);
	if (descends_from(parent, p))
		return err_set(e, EINVAL, 1, "process %" G_GINT64_FORMAT " descends from %d", pid, p->pid);
	tree_remove(&p->parent->children, &p->sibling);
	proc_adopt(parent, p);
	p->parentless = false;
	return 0;
}

static int set_state(struct vm_proc *p, struct thread *t, enum vm_state state, struct err *e)
{
	if (state == VM_ZOMBIE && p == p->host->init)
		return err_set(e, EPERM, 1, "init must not end");
	t = state == VM_ZOMBIE ? &p->main : t;
	t->state_set = (uint8_t)(state + 1);
	p->set |= 1u << VM_SET_STATE;
	if (state == VM_ZOMBIE)
		proc_end(p, 0);
	proc_changed(p);
	return 0;
}

/* A counter's value becomes `value`; what it counts from now on is added as before. */
static void set_count(uint64_t *count, uint64_t now, int64_t value)
{
	*count += (uint64_t)value - now;
}

static void set_start(struct vm_proc *p, struct thread *t, ns_t start)
{
	t->start = start;
	if (t == &p->main)
		p->start = start;
}

static void set_number(struct vm_proc *p, struct thread *t, const struct vm_proc_info *now, enum vm_setting which, int64_t value)
{
	switch (which) {
	case VM_SET_UTIME:
		set_count(&p->set_utime, now->utime, value);
		set_count(&p->utime, now->utime, value);
		break;
	case VM_SET_STIME:
		set_count(&p->set_stime, now->stime, value);
		set_count(&p->stime, now->stime, value);
		break;
	case VM_SET_MINFLT: set_count(&p->minflt, now->minflt, value); break;
	case VM_SET_MAJFLT: set_count(&p->majflt, now->majflt, value); break;
	case VM_SET_NVCSW: p->nvcsw = (uint64_t)value; break;
	case VM_SET_NIVCSW: p->nivcsw = (uint64_t)value; break;
	case VM_SET_STARTTIME: set_start(p, t, (ns_t)value); break;
	case VM_SET_NICE: p->nice = (int)value; break;
	case VM_SET_PGRP: p->pgrp = (int32_t)value; break;
	case VM_SET_SESSION: p->session = (int32_t)value; break;
	case VM_SET_TTY: p->tty = (int32_t)value; break;
	default: assert(false);
	}
}

static const struct { int64_t least, most; } ranges[VM_SETTINGS] = {
	[VM_SET_UTIME] = { 0, INT64_MAX }, [VM_SET_STIME] = { 0, INT64_MAX }, [VM_SET_NICE] = { -20, 19 },
	[VM_SET_STATE] = { 0, VM_STATES - 1 }, [VM_SET_PPID] = { 0, INT32_MAX }, [VM_SET_PGRP] = { 0, INT32_MAX },
	[VM_SET_SESSION] = { 0, INT32_MAX }, [VM_SET_TTY] = { 0, INT32_MAX }, [VM_SET_STARTTIME] = { 0, INT64_MAX },
	[VM_SET_MINFLT] = { 0, INT64_MAX }, [VM_SET_MAJFLT] = { 0, INT64_MAX }, [VM_SET_NVCSW] = { 0, INT64_MAX },
	[VM_SET_NIVCSW] = { 0, INT64_MAX },
};

static int alive(const struct vm_proc *p, struct err *e)
{
	return p->mm ? 0 : err_set(e, ESRCH, -1, "process %d has ended", p->pid);
}

int vm_proc_set(struct vm_proc *p, enum vm_setting which, int64_t value, struct err *e)
{
	struct thread *t = p->acting ? p->acting : &p->main;
	struct vm_proc_info now;

	assert((unsigned)which < VM_SETTINGS && ranges[which].most);  /* one that is a number */
	if (alive(p, e) || in_range(value, ranges[which].least, ranges[which].most, e))
		return -e->code;
	if (which == VM_SET_STATE)
		return set_state(p, t, (enum vm_state)value, e);
	if (which == VM_SET_PPID) {
		if (set_parent(p, value, e))
			return -e->code;
	} else {
		vm_proc_info(p, &now);
		if (t != &p->main)
			vm_thread_info(p, t->tid, &now);
		set_number(p, t, &now, which, value);
	}
	p->set |= 1u << which;
	proc_changed(p);
	return 0;
}

int vm_proc_set_comm(struct vm_proc *p, const char *name, struct err *e)
{
	struct thread *t = p->acting ? p->acting : &p->main;

	if (alive(p, e))
		return -e->code;
	memset(t->comm, 0, sizeof t->comm);
	strncpy(t->comm, name, sizeof t->comm - 1);
	if (t == &p->main)
		memcpy(p->comm, t->comm, sizeof p->comm);
	p->set |= 1u << VM_SET_COMM;
	proc_changed(p);
	return 0;
}

int vm_proc_set_cmdline(struct vm_proc *p, const char *bytes, size_t len, struct err *e)
{
	if (alive(p, e))
		return -e->code;
	g_clear_pointer(&p->cmdline, g_ref_string_release);
	p->cmdline = g_ref_string_new_len(bytes, (gssize)len);
	p->cmdline_len = len;
	p->set |= 1u << VM_SET_CMDLINE;
	proc_changed(p);
	return 0;
}

int vm_proc_set_io(struct vm_proc *p, const struct vm_io *io, struct err *e)
{
	if (alive(p, e))
		return -e->code;
	p->rchar = io->rchar;
	p->wchar = io->wchar;
	p->syscr = io->syscr;
	p->syscw = io->syscw;
	p->read_bytes = io->read_bytes;
	p->write_bytes = io->write_bytes;
	p->set |= 1u << VM_SET_IO;
	proc_changed(p);
	return 0;
}

int vm_proc_set_exe(struct vm_proc *p, const char *path, struct err *e)
{
	if (alive(p, e))
		return -e->code;
	if (p->exe)
		vm_inode_release(p->exe);
	p->exe = NULL;
	g_clear_pointer(&p->exe_path, g_ref_string_release);
	p->exe_path = *path ? g_ref_string_new(path) : NULL;
	p->set |= 1u << VM_SET_EXE;
	proc_changed(p);
	return 0;
}

int vm_proc_set_image(struct vm_proc *p, const struct vm_image *i, struct err *e)
{
	const va_t all[] = { i->start_code, i->end_code, i->start_data, i->end_data, i->start_brk, i->brk, i->start_stack,
			     i->arg_start, i->arg_end, i->env_start, i->env_end };
	struct mm *mm = p->mm;

	if (alive(p, e))
		return -e->code;
	for (size_t k = 0; k < G_N_ELEMENTS(all); k++) {
		if (all[k] > mm_top(p->host))
			return err_set(e, EINVAL, (int)k + 1, "0x%" G_GINT64_MODIFIER "x is beyond user space", all[k]);
	}
	if (i->brk < i->start_brk)
		return err_set(e, EINVAL, 6, "the break is below the start of the heap");
	mm->start_code = i->start_code;
	mm->end_code = i->end_code;
	mm->start_data = i->start_data;
	mm->end_data = i->end_data;
	mm->start_brk = i->start_brk;
	mm->brk = i->brk;
	mm->start_stack = i->start_stack;
	mm->arg_start = i->arg_start;
	mm->arg_end = i->arg_end;
	mm->env_start = i->env_start;
	mm->env_end = i->env_end;
	p->set |= 1u << VM_SET_IMAGE;
	mm_changed(mm);
	proc_changed(p);
	return 0;
}
