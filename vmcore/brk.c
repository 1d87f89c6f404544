/*
 * brk.c - the break: the end of the heap, to the byte; the heap itself is made of pages.
 *
 * A heap is an ordinary private anonymous area. It merges with the area below only if that one reaches beyond the start of the
 * heap, and keeps clear of the area above by a page and that one's guard gap.
 */
#include "proc.h"

#include <inttypes.h>

static const struct event_kind event_brk = { "brk", "from:x to:x" };

static int shrink(struct mm *mm, va_t new_end, va_t old_end, struct err *e)
{
	struct area *a = area_find(mm, new_end);

	if (!a || a->start >= old_end)
		return err_set(e, ENOMEM, 0, "nothing is mapped from 0x%" PRIx64 " to the break", new_end);
	return unmap_region(mm, new_end, old_end, e);
}

static int check_growth(struct mm *mm, va_t from, va_t to, uint32_t flags, struct err *e)
{
	struct vm_host *h = mm->host;
	struct area *above = area_find(mm, from);

	if (to > mm_top(h))
		return err_set(e, ENOMEM, 0, "user space ends at 0x%" PRIx64, mm_top(h));
	if (from < mm_bottom(h))
		return err_set(e, ENOMEM, 0, "addresses below 0x%" PRIx64 " are never mapped", mm_bottom(h));
	if (above && to + page_size(h) > area_guard_start(above))
		return err_set(e, ENOMEM, 0, "the area at 0x%" PRIx64 " is too near", above->start);
	if (!may_expand(mm, flags, (to - from) >> h->geometry.page_bits))
		return err_set(e, ENOMEM, 0, "%" PRIu64 " bytes more exceed RLIMIT_AS or RLIMIT_DATA", to - from);
	return 0;
}

static int grow(struct mm *mm, va_t from, va_t to, struct err *e)
{
	unsigned bits = mm->host->geometry.page_bits;
	uint32_t flags = VM_F_READ | VM_F_WRITE | VM_F_MAYREAD | VM_F_MAYWRITE | VM_F_MAYEXEC | VM_F_ACCOUNT;
	struct area *below, *a = NULL;

	if (check_growth(mm, from, to, flags, e) || account_memory(mm->host, (to - from) >> bits, e))
		return -ENOMEM;
	below = area_below(mm, from);
	if (below && below->end == from && below->end > mm->start_brk)
		a = merge_new(mm, below, NULL, from, to, flags, from >> bits, NULL, NULL, NULL, NULL);
	if (!a)
		area_link(area_new(mm, from, to, flags, from >> bits, NULL, NULL));
	mm_changed(mm);
	return 0;
}

/* Moves the break; what fails leaves it. */
static int move_break(struct mm *mm, va_t to, struct err *e)
{
	va_t old_end = page_align(mm->host, mm->brk), new_end = page_align(mm->host, to);
	uint64_t limit = mm_limit(mm, VM_RLIMIT_DATA);

	if (to < mm->start_brk)
		return err_set(e, ENOMEM, 0, "0x%" PRIx64 " is below the start of the heap, 0x%" PRIx64, to,
			       mm->start_brk);
	if (limit != VM_RLIM_INFINITY && to - mm->start_brk + (mm->end_data - mm->start_data) > limit)
		return err_set(e, ENOMEM, 0, "the heap would exceed RLIMIT_DATA, %" PRIu64 " bytes", limit);
	if (new_end < to)
		return err_set(e, ENOMEM, 0, "user space ends at 0x%" PRIx64, mm_top(mm->host));
	if (new_end < old_end && shrink(mm, new_end, old_end, e))
		return -ENOMEM;
	if (new_end > old_end && grow(mm, old_end, new_end, e))
		return -ENOMEM;
	mm->brk = to;
	return 0;
}

int vm_brk(struct vm_proc *p, va_t to, va_t *result, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	va_t from;
	int failed = 0;

	if (!mm)
		return -ESRCH;
	from = mm->brk;
	if (to != 0 && to != from)
		failed = move_break(mm, to, e);
	*result = mm->brk;
	if (failed)
		return -ENOMEM;
	if (to != 0 && to != from) {
		mm_changed(mm);
		mm_event(mm, &event_brk, from, to, 0);
	}
	return 0;
}

va_t vm_break(const struct vm_proc *p, va_t *start)
{
	if (start)
		*start = p->mm ? p->mm->start_brk : 0;
	return p->mm ? p->mm->brk : 0;
}
