/*
 * layout.c - a whole address space replaced at once, as writing maps does.
 *
 * Areas stay as they were given: VM_F_KEEP keeps them from merging, with each other or with what comes later. The heap and the
 * stack lack it, so that brk and growth go on as usual.
 */
#include "file.h"
#include "proc.h"

#include <inttypes.h>

static const struct event_kind event_layout = { "layout", "areas:d" };

static int check_area(const struct mm *mm, const struct vm_layout_area *a, va_t floor, struct err *e)
{
	va_t top = mm_top(mm->host);

	if (!page_aligned(mm->host, a->start) || !page_aligned(mm->host, a->end) || !page_aligned(mm->host, a->offset))
		return err_set(e, EINVAL, -1, "0x%" PRIx64 "-0x%" PRIx64 " at offset 0x%" PRIx64 " is not page aligned",
			       a->start, a->end, a->offset);
	if (a->start >= a->end)
		return err_set(e, EINVAL, -1, "0x%" PRIx64 "-0x%" PRIx64 " is empty", a->start, a->end);
	if (a->start < floor)
		return err_set(e, EINVAL, -1, "0x%" PRIx64 "-0x%" PRIx64 " overlaps what comes before it, or is out of order",
			       a->start, a->end);
	if (a->only_shown && a->start < top)
		return err_set(e, EINVAL, -1, "0x%" PRIx64 "-0x%" PRIx64 " is in user space, where areas are more than shown",
			       a->start, a->end);
	if (!a->only_shown && a->end > top)
		return err_set(e, EINVAL, -1, "0x%" PRIx64 "-0x%" PRIx64 " is beyond user space, which ends at 0x%" PRIx64,
			       a->start, a->end, top);
	if (a->inode && a->offset + (a->end - a->start) < a->offset)
		return err_set(e, EOVERFLOW, -1, "offset 0x%" PRIx64 " and the length are more than 64 bits", a->offset);
	if ((a->heap || a->stack) && (a->inode || a->shared))
		return err_set(e, EINVAL, -1, "heap and stack are private anonymous memory");
	return 0;
}

/* An area larger than all that this host could ever promise was mapped noreserve where the layout comes from. */
static bool is_charged(const struct mm *mm, const struct vm_layout_area *a)
{
	uint64_t pages = (a->end - a->start) >> mm->host->geometry.page_bits;

	return !a->only_shown && !a->shared && (a->prot & VM_PROT_WRITE) &&
	       (mm->host->config.overcommit == 2 || enough_memory(mm->host, pages));
}

static uint32_t flags_of(const struct mm *mm, const struct vm_layout_area *a)
{
	uint32_t flags = host_prot_flags(mm->host, a->prot) | VM_F_MAYREAD | VM_F_MAYWRITE | VM_F_MAYEXEC;

	if (a->only_shown)
		return flags | VM_F_ONLY_SHOWN;
	if (a->shared)
		flags |= VM_F_SHARED | VM_F_MAYSHARE;
	else if (a->prot & VM_PROT_WRITE)
		flags |= is_charged(mm, a) ? VM_F_ACCOUNT : VM_F_NORESERVE;
	if (a->stack)
		flags |= VM_F_GROWSDOWN;
	return a->heap || a->stack ? flags : flags | VM_F_KEEP;
}

/* Checks all, and what they will be charged. */
static int check_layout(const struct mm *mm, const struct vm_layout_area *areas, size_t n, uint64_t *charge,
			struct err *e)
{
	va_t floor = 0;

	*charge = 0;
	for (size_t i = 0; i < n; i++) {
		if (check_area(mm, &areas[i], floor, e))
			return -e->code;
		floor = areas[i].end;
		if (is_charged(mm, &areas[i]))
			*charge += (areas[i].end - areas[i].start) >> mm->host->geometry.page_bits;
	}
	return 0;
}

static void add_area(struct mm *mm, const struct vm_layout_area *l, struct file *file)
{
	unsigned bits = mm->host->geometry.page_bits;
	struct vm_inode *object = l->inode ? vm_inode_retain(l->inode) : NULL;
	struct area *a;

	if (!object && l->shared)
		object = inode_new_shm(mm->host, l->end - l->start);
	a = area_new(mm, l->start, l->end, flags_of(mm, l), l->inode ? l->offset >> bits : l->shared ? 0 : l->start >> bits,
		     file, object);
	a->special = l->special ? g_intern_string(l->special) : NULL;
	area_link(a);
	if (object)
		vm_inode_release(object);
	if (l->stack)
		mm->start_stack = l->end - (page_size(mm->host) + 1) / 2;
}

/* The break is where the last part of the heap ends; without a heap it stays, or moves up to where nothing is mapped. */
static void set_break(struct mm *mm, const struct vm_layout_area *areas, size_t n)
{
	va_t at = mm->start_brk;
	bool heap = false;

	for (size_t i = 0; i < n; i++) {
		if (areas[i].heap) {
			mm->start_brk = heap ? mm->start_brk : areas[i].start;
			mm->brk = areas[i].end;
			heap = true;
		}
		if (areas[i].start <= at && at < areas[i].end && !areas[i].only_shown)
			at = areas[i].end;
	}
	if (!heap)
		mm->start_brk = mm->brk = at;
}

int vm_layout_set(struct vm_proc *p, const struct vm_layout_area *areas, size_t n, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	struct file *file = NULL;
	struct err own = { 0 };
	uint64_t charge;

	if (!mm)
		return -ESRCH;
	if (!e)
		e = &own;
	if (check_layout(mm, areas, n, &charge, e))
		return -e->code;
	if (mm->host->config.overcommit == 2 && !enough_memory(mm->host, charge))
		return err_set(e, ENOMEM, -1, "the layout's %" PRIu64 " private writable pages are more than the host may "
			       "promise", charge);

	/* Everything has been checked: from here on nothing fails. */
	mm->host->committed += charge;
	unmap_all(mm);
	for (size_t i = 0; i < n; i++) {
		/* A program's segments are mapped from one description. */
		if (areas[i].inode && (i == 0 || areas[i].inode != areas[i - 1].inode)) {
			if (file)
				file_release(file);
			file = file_new(areas[i].inode, VM_OPEN_READ | VM_OPEN_WRITE);
		}
		add_area(mm, &areas[i], areas[i].inode ? file : NULL);
	}
	if (file)
		file_release(file);
	set_break(mm, areas, n);
	mm_changed(mm);
	mm_event(mm, &event_layout, n, 0, 0);
	return 0;
}

/* The first part of a heap that was empty moves the break there, another stretches it. */
static void stretch_break(struct mm *mm, const struct vm_layout_area *l)
{
	if (mm->start_brk == mm->brk)
		mm->start_brk = l->start;
	mm->brk = MAX(mm->brk, l->end);
}

int vm_layout_add(struct vm_proc *p, const struct vm_layout_area *l, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	struct file *file = NULL;
	struct vm_area above;
	uint64_t charge;

	if (!mm)
		return -ESRCH;
	if (check_layout(mm, l, 1, &charge, e))
		return -e->code;
	if (vm_area_above(p, l->start, &above) && above.start < l->end)
		return err_set(e, EEXIST, -1, "0x%" PRIx64 "-0x%" PRIx64 " is mapped", above.start, above.end);
	if (mm->host->config.overcommit == 2 && !enough_memory(mm->host, charge))
		return err_set(e, ENOMEM, -1, "%" PRIu64 " private writable pages are more than the host may promise", charge);

	/* Everything has been checked: from here on nothing fails. */
	mm->host->committed += charge;
	if (l->inode)
		file = file_new(l->inode, VM_OPEN_READ | VM_OPEN_WRITE);
	add_area(mm, l, file);
	if (file)
		file_release(file);
	if (l->heap)
		stretch_break(mm, l);
	mm_changed(mm);
	mm_event(mm, &event_layout, 1, 0, 0);
	return 0;
}
