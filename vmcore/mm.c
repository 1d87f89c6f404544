/* mm.c - an address space comes, is copied by fork, goes. */
#include "hugetlb.h"
#include "proc.h"
#include "reclaim.h"

#include <inttypes.h>

struct mm *mm_new(struct vm_host *h, struct vm_proc *owner)
{
	struct mm *mm = g_new0(struct mm, 1);

	mm->host = h;
	mm->owner = owner;
	mm->users = 1;
	areas_init(&mm->areas);
	table_init(&mm->table, h, mm, h->next_asid++);
	mm->start_stack = mm_top(h) - (page_size(h) + 1) / 2; /* in the page where a stack begins */
	return mm;
}

void unmap_all(struct mm *mm)
{
	uint64_t n = mm->areas.count, charged = 0;
	g_autofree struct area **areas = g_new(struct area *, n + 1);
	struct area *a = area_of(tree_first(&mm->areas));

	pages_exit(mm);
	for (uint64_t i = 0; i < n; i++, a = area_next(a))
		areas[i] = a;
	for (uint64_t i = 0; i < n; i++) {
		if (areas[i]->flags & VM_F_ACCOUNT)
			charged += area_pages(areas[i], mm->host->geometry.page_bits);
		if (area_is_hugetlb(areas[i]))
			hugetlb_unmapped(areas[i], areas[i]->start, areas[i]->end);
		area_unlink(areas[i]);
		area_free(areas[i]);
	}
	unaccount_memory(mm->host, charged);
	mm->locked = mm->locked_excess = 0;
	pages_free_tables(mm, 0, UINT64_MAX);
}

void mm_free(struct mm *mm)
{
	unmap_all(mm);
	table_destroy(&mm->table);
	reclaim_mm_gone(mm->host, mm);
	g_free(mm);
}

/* ---- fork ---- */

/* The child's area, without pages. */
static void copy_area(struct mm *to, struct area *a)
{
	struct area *child = area_copy(a, to, a->start, a->end, a->pgoff);

	child->flags &= ~(VM_F_LOCKED | VM_F_LOCKONFAULT);
	area_link(child);
	if (!(a->flags & VM_F_WIPEONFORK))
		anon_fork(child, a);
}

static struct mm *new_like(const struct mm *from, struct vm_proc *owner)
{
	struct mm *mm = mm_new(from->host, owner);

	mm->start_brk = from->start_brk;
	mm->brk = from->brk;
	mm->start_code = from->start_code;
	mm->end_code = from->end_code;
	mm->start_data = from->start_data;
	mm->end_data = from->end_data;
	mm->start_stack = from->start_stack;
	mm->huge_areas = from->huge_areas;
	mm->arg_start = from->arg_start;
	mm->arg_end = from->arg_end;
	mm->env_start = from->env_start;
	mm->env_end = from->env_end;
	return mm;
}

int mm_copy(struct mm *from, struct vm_proc *owner, struct mm **out, struct err *e)
{
	struct mm *mm;
	struct area *a, *child;

	for (a = area_of(tree_first(&from->areas)); a; a = area_next(a))
		if ((a->flags & VM_F_ACCOUNT) && !(a->flags & VM_F_DONTCOPY) &&
		    account_memory(from->host, area_pages(a, from->host->geometry.page_bits), e))
			goto uncharge;
	mm = new_like(from, owner);
	for (a = area_of(tree_first(&from->areas)); a; a = area_next(a))
		if (!(a->flags & VM_F_DONTCOPY))
			copy_area(mm, a);
	a = area_of(tree_first(&from->areas));
	for (child = area_of(tree_first(&mm->areas)); child; child = area_next(child), a = area_next(a)) {
		while (a->start != child->start)
			a = area_next(a);
		if (a->anon && !(a->flags & VM_F_WIPEONFORK) && pages_copy(child, a, e)) {
			mm_free(mm); /* uncharges as well */
			return -ENOMEM;
		}
	}
	mm->rss_peak = mm->rss_anon + mm->rss_file + mm->rss_shmem;
	*out = mm;
	return 0;
uncharge:
	for (struct area *b = area_of(tree_first(&from->areas)); b != a; b = area_next(b))
		if ((b->flags & VM_F_ACCOUNT) && !(b->flags & VM_F_DONTCOPY))
			unaccount_memory(from->host, area_pages(b, from->host->geometry.page_bits));
	return -ENOMEM;
}

/* ---- what every call on memory begins and ends with ---- */

uint64_t mm_limit(const struct mm *mm, int rlimit)
{
	return mm->owner ? vm_getrlimit(mm->owner, rlimit).soft : VM_RLIM_INFINITY;
}

void mm_changed(struct mm *mm)
{
	mm->generation++;
	if (mm->owner)
		proc_changed(mm->owner);
}

struct mm *mm_enter(struct vm_proc *p, struct err *e)
{
	if (!p->mm) {
		err_set(e, ESRCH, -1, "process %" PRId32 " has exited", p->pid);
		return NULL;
	}
	proc_spend(p, p->host->config.syscall, false);
	return p->mm;
}

struct event *mm_event(struct mm *mm, const struct event_kind *kind, uint64_t v0, uint64_t v1, uint64_t v2)
{
	struct event *ev = journal_add(mm->host->journal, kind, mm->host->options.serial,
				       mm->owner ? mm->owner->pid : 0);

	ev->value[0] = v0;
	ev->value[1] = v1;
	ev->value[2] = v2;
	return ev;
}
