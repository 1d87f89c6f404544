/*
 * trap.c - from a fault address to a signal, or to an entry that lets the access be tried again: Linux's
 * do_user_addr_fault(). Which area is it, may a stack grow, is the access permitted; then fault_in(), and what it cost.
 */
#include "page.h"

#include "oom.h"
#include "paging.h"
#include "reclaim.h"

const struct event_kind event_fault = { "fault", "va:x access:n kind:n resolution:n" };

static const char *const access_names[] = { "read", "write", "exec" };
static const char *const resolution_names[] = {
	"spurious", "zeropage", "zero", "cow", "file", "reuse", "dirty", "swapin", "huge", "grow"
};
static_assert(G_N_ELEMENTS(resolution_names) == RESOLUTIONS, "a resolution without a name");

/* expand_downwards(). */

static bool gap_is_kept(const struct area *a, va_t at)
{
	const struct area *below = area_prev(a);

	return !below || (below->flags & VM_F_GROWSDOWN) || !(below->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC)) ||
	       at - below->end >= guard_gap(a->mm->host);
}

static bool growth_is_allowed(struct area *a, va_t at, uint64_t pages)
{
	struct mm *mm = a->mm;
	uint64_t limit = mm_limit(mm, VM_RLIMIT_MEMLOCK);

	if (pages > a->pgoff || !may_expand(mm, a->flags, pages) || a->end - at > mm_limit(mm, VM_RLIMIT_STACK))
		return false;
	if ((a->flags & VM_F_LOCKED) && limit != VM_RLIM_INFINITY &&
	    (mm->locked + pages) << mm->host->geometry.page_bits > limit)
		return false;
	return !(a->flags & VM_F_ACCOUNT) || account_memory(mm->host, pages, NULL) == 0;
}

/* expand_stack for a growsdown area above `at`; NULL when refused. */
static struct area *area_grow_down(struct mm *mm, va_t at)
{
	struct area *a = area_find(mm, at);
	uint64_t pages;

	at &= -page_size(mm->host);
	if (!a || !(a->flags & VM_F_GROWSDOWN) || at >= a->start)
		return NULL;
	if (at < mm_hint_bottom(mm->host) || !gap_is_kept(a, at))
		return NULL;
	if (!a->anon && anon_prepare(a) < 0)
		return NULL;
	pages = (a->start - at) >> mm->host->geometry.page_bits;
	if (!growth_is_allowed(a, at, pages))
		return NULL;
	area_set_bounds(a, at, a->end, a->pgoff - pages);
	return a;
}

/* do_user_addr_fault(). */

/* access_error() and the signal that it leads to. */
static enum vm_signal_kind refused(const struct area *a, enum vm_access how, const struct translation *why)
{
	bool present = why->fault == VM_WALK_WRITE || why->fault == VM_WALK_EXEC || why->fault == VM_WALK_USER;

	if ((a->flags & VM_F_EXEC_ONLY) && how != VM_EXEC)
		return VM_SEGV_PKUERR;
	if (how == VM_WRITE)
		return a->flags & VM_F_WRITE ? VM_SIG_NONE : VM_SEGV_ACCERR;
	if (present)
		return VM_SEGV_ACCERR;
	return a->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC) ? VM_SIG_NONE : VM_SEGV_ACCERR;
}

static enum vm_signal_kind signal_of_walk(const struct translation *why)
{
	switch (why->fault) {
	case VM_WALK_NON_CANONICAL:
		return VM_SEGV_KERNEL;
	case VM_WALK_BAD_PTE:
		return VM_BUS_ADRERR;
	case VM_WALK_WRITE:
	case VM_WALK_EXEC:
	case VM_WALK_USER:
		return VM_SEGV_ACCERR;
	default:
		return VM_SEGV_MAPERR;
	}
}

static struct area *find_area(struct mm *mm, va_t va, bool *grew)
{
	struct area *a = area_find(mm, va);

	if (a && a->start > va) {
		a = area_grow_down(mm, va);
		*grew = a;
	}
	return a && !(a->flags & VM_F_ONLY_SHOWN) ? a : NULL;
}

/* The ring grows up to FAULT_RING records, so that a process with few faults costs little. */
static struct vm_fault_record *next_record(struct vm_proc *p)
{
	struct fault_ring *r = p->faults;

	if (!r || (r->count == r->room && r->room < FAULT_RING)) {
		uint32_t room = r ? MIN(r->room * 4, FAULT_RING) : 4;

		p->faults = g_realloc(r, sizeof *r + room * sizeof r->ring[0]);
		if (!r)
			p->faults->count = 0;
		p->faults->room = room;
		r = p->faults;
	}
	return &r->ring[r->count++ & (r->room - 1)];     /* a power of two */
}

static void record(struct vm_proc *p, va_t va, enum vm_access how, const char *kind, const char *resolution, ns_t cost)
{
	struct vm_host *h = p->host;
	struct event *ev = journal_add(h->journal, &event_fault, h->options.serial, p->pid);

	ev->value[0] = va;
	ev->value[1] = (uintptr_t)access_names[how];
	ev->value[2] = (uintptr_t)kind;
	ev->value[3] = (uintptr_t)resolution;
	*next_record(p) = (struct vm_fault_record) { h->clock->now, va, how, kind, resolution, cost };
}

static enum fault_result signal_for(struct vm_proc *p, va_t va, enum vm_access how, enum vm_signal_kind kind,
				    struct vm_outcome *out, struct err *e)
{
	out->signal = kind;
	out->addr = kind == VM_SEGV_KERNEL ? 0 : va;
	if (kind != VM_SEGV_KERNEL)
		p->fault_addr = va;
	record(p, va, how, "signal", vm_signal_names[kind], 0);
	err_set(e, EFAULT, 0, "%s addr=0x%" PRIx64, vm_signal_names[kind], out->addr);
	return FAULT_SIGNAL;
}

int fault_signal(struct vm_proc *p, va_t va, enum vm_access how, const struct translation *why, struct vm_outcome *out,
		 struct err *e)
{
	signal_for(p, va, how, signal_of_walk(why), out, e);
	return -EFAULT;
}

void fault_count(struct mm *mm, bool major)
{
	struct vm_host *h = mm->host;

	if (major) {
		mm->owner->majflt++;
		h->stats.major_faults++;
	} else {
		mm->owner->minflt++;
		h->stats.minor_faults++;
	}
	mm->generation++;
}

static ns_t cost_of(const struct vm_host *h, enum resolution resolution, bool major)
{
	ns_t cost = major ? h->config.major_fault : h->config.minor_fault;

	if (resolution == RESOLVED_COW)
		cost += h->config.copy;
	else if (resolution == RESOLVED_ZERO)
		cost += h->config.zero;
	else if (resolution == RESOLVED_HUGE)
		cost += h->config.zero << table_huge_order(h);
	return cost;
}

/* Out of memory, one process ends after the other until there is some; `p` itself may be among them. */
static int fault_or_kill(struct vm_proc *p, struct area *a, va_t va, enum vm_access how, bool *major,
			 enum resolution *resolution, struct err *e)
{
	struct vm_host *h = p->host;
	int32_t pid = p->pid;

	for (;;) {
		int r = fault_in(a, va, how, major, resolution, e);
		struct vm_proc *victim;

		if (r == -ENOMEM && paging_may_wait(h) && vm_victim_wanted(h)) {
			paging_wait_victim(p);
			return -EINPROGRESS;
		}
		if (r == -ENOMEM && paging_may_wait(h) && paging_wait_others(p))
			return -EINPROGRESS;
		victim = r == -ENOMEM ? oom_victim(h) : NULL;
		if (!victim)
			return r;
		if (e)
			*e = (struct err){ .arg = -1 };  /* not in vain after all */
		oom_kill(victim, pid);
		if (victim == p)
			return err_set(e, ENOMEM, -1, "process %d has been killed: memory and swap are full", pid);
	}
}

/* The fault is over, or will be when `until` has come. */
static void resolved(struct vm_proc *p, va_t va, enum vm_access how, bool major, enum resolution resolution, ns_t cost,
		     ns_t since, ns_t until)
{
	struct vm_host *h = p->host;
	ns_t wait = h->options.live && until > h->clock->now ? until - h->clock->now : 0;
	ns_t waited = h->clock->now - since + wait;

	fault_count(p->mm, major);
	proc_spend(p, cost, false);
	if (wait)
		paging_wait_until(p, h->clock->now + wait);
	record(p, va, how, major ? "major" : "minor", resolution_names[resolution], cost + waited);
}

enum fault_result fault_handle(struct vm_proc *p, va_t va, enum vm_access how, const struct translation *why,
			       struct vm_outcome *out, struct err *e)
{
	enum vm_signal_kind kind;
	enum resolution resolution;
	bool grew = false, major;
	struct vm_host *h = p->host;                     /* out of memory may end `p` */
	ns_t since, until;
	struct area *a;
	int r;

	if (why->fault == VM_WALK_NOT_PRESENT && entry_kind(&h->geometry, why->absent) == ENTRY_SWAPPED)
		swap_soon(h->swap, (uint32_t)entry_number(&h->geometry, why->absent), false);
	if (p->mm->table.by_hand || why->fault == VM_WALK_NON_CANONICAL || why->fault == VM_WALK_BAD_PTE)
		return signal_for(p, va, how, signal_of_walk(why), out, e);
	p->fault_addr = va;
	a = find_area(p->mm, va, &grew);
	if (!a)
		return signal_for(p, va, how, VM_SEGV_MAPERR, out, e);
	kind = refused(a, how, why);
	if (kind != VM_SIG_NONE)
		return signal_for(p, va, how, kind, out, e);
	since = p->wait.active ? p->wait.since : h->clock->now;
	paging_begin(h, p->pid, va & -page_size(h), h->options.live);
	r = fault_or_kill(p, a, va, how, &major, &resolution, e);
	until = paging_end(h);
	if (r == -ENOMEM)
		return FAULT_NOMEM;
	if (r == -EINPROGRESS) {
		p->wait.why = *why;
		return FAULT_WAIT;
	}
	major |= p->wait.major;
	paging_wait_end(p);
	if (r < 0)
		return signal_for(p, va, how, VM_BUS_ADRERR, out, e);
	out->faults++;
	resolved(p, va, how, major, grew ? RESOLVED_GROW : resolution, cost_of(h, resolution, major), since, until);
	return FAULT_DONE;
}
