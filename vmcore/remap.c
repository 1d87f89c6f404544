/*
 * remap.c - mremap: areas grow, shrink and move, with the pages they have.
 *
 * A move maps the new place as a copy of the area (merging with what is there, if it may), hands the entries over
 * and unmaps the old place. Pages that were written keep their offsets, by which anon.c finds them; an area
 * that has none takes the offset of its new address, so that it can merge there.
 */
#include "file.h"
#include "hugetlb.h"
#include "proc.h"

#include <inttypes.h>

static const struct event_kind event_mremap = { "mremap", "va:x bytes:d to:x new_bytes:d" };

struct remap {
	struct mm *mm;
	struct area *area;            /* that holds `old` */
	va_t     old, to;
	uint64_t old_len, new_len;    /* whole pages */
	unsigned flags;               /* VM_REMAP_* */
	uint64_t charged;             /* pages */
	bool     locked;              /* new pages have come to a locked area */
};

static uint64_t pages_of(const struct remap *r, uint64_t bytes)
{
	return bytes >> r->mm->host->geometry.page_bits;
}

static bool has_target(const struct remap *r)
{
	return r->flags & (VM_REMAP_FIXED | VM_REMAP_DONTUNMAP);
}

static bool overlaps(const struct remap *r)
{
	return r->old + r->old_len > r->to && r->to + r->new_len > r->old;
}

static int check_target(const struct remap *r, struct err *e)
{
	if (r->to > mm_top(r->mm->host) - r->new_len)
		return err_set(e, EINVAL, 4, "0x%" PRIx64 " and %" PRIu64 " bytes end beyond user space", r->to, r->new_len);
	if (!page_aligned(r->mm->host, r->to))
		return err_set(e, EINVAL, 4, "address 0x%" PRIx64 " is not page aligned", r->to);
	if (!(r->flags & VM_REMAP_MAYMOVE))
		return err_set(e, EINVAL, 3, "fixed and dontunmap are moves: they need maymove");
	if ((r->flags & VM_REMAP_DONTUNMAP) && r->old_len != r->new_len)
		return err_set(e, EINVAL, 2, "dontunmap does not resize: %" PRIu64 " bytes are to stay %" PRIu64,
			       r->old_len, r->new_len);
	if (overlaps(r))
		return err_set(e, EINVAL, 4, "the new place overlaps the old one");
	return 0;
}

static int check_arguments(const struct remap *r, struct err *e)
{
	if (r->flags & ~(unsigned)(VM_REMAP_MAYMOVE | VM_REMAP_FIXED | VM_REMAP_DONTUNMAP))
		return err_set(e, EINVAL, 3, "flags 0x%x are unknown", r->flags);
	if (!page_aligned(r->mm->host, r->old))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", r->old);
	if (r->new_len == 0)
		return err_set(e, EINVAL, 2, "the new length is 0");
	if (r->new_len > mm_top(r->mm->host))
		return err_set(e, EINVAL, 2, "%" PRIu64 " bytes are more than the address space has", r->new_len);
	return has_target(r) ? check_target(r, e) : 0;
}

static int check_growth(const struct remap *r, struct err *e)
{
	const struct area *a = r->area;
	uint64_t delta = pages_of(r, r->new_len - r->old_len), pgoff = a->pgoff + pages_of(r, r->old - a->start);

	if (pgoff + pages_of(r, r->new_len) < pgoff)
		return err_set(e, EINVAL, 2, "offset and new length are more than 64 bits");
	if (a->flags & VM_F_DONTEXPAND)
		return err_set(e, EFAULT, 0, "the area at 0x%" PRIx64 " does not grow", a->start);
	if (!may_lock(r->mm, a->flags, delta))
		return err_set(e, EAGAIN, 2, "%" PRIu64 " locked pages more exceed RLIMIT_MEMLOCK", delta);
	if (!may_expand(r->mm, a->flags, delta))
		return err_set(e, ENOMEM, 2, "%" PRIu64 " pages more exceed RLIMIT_AS or RLIMIT_DATA", delta);
	return 0;
}

/* What the area allows. Shrinking in place needs no more than that its first page is mapped. */
static int check_area(const struct remap *r, struct err *e)
{
	const struct area *a = r->area;
	uint64_t kept = MIN(r->old_len, r->new_len);

	if (!a)
		return err_set(e, EFAULT, 0, "nothing is mapped at 0x%" PRIx64, r->old);
	if (r->new_len <= r->old_len && !has_target(r))
		return 0;
	if (r->old_len == 0 && !(a->flags & (VM_F_SHARED | VM_F_MAYSHARE)))
		return err_set(e, EINVAL, 1, "old length 0 duplicates a mapping, which must be shared");
	if ((r->flags & VM_REMAP_DONTUNMAP) && (a->flags & VM_F_DONTEXPAND))
		return err_set(e, EINVAL, 0, "the area at 0x%" PRIx64 " stays as it is", a->start);
	if (kept > a->end - r->old)
		return err_set(e, EFAULT, 1, "the area ends at 0x%" PRIx64 ", before the range does", a->end);
	return r->new_len > r->old_len ? check_growth(r, e) : 0;
}

static int charge(struct remap *r, struct err *e)
{
	r->charged = 0;
	if (!(r->area->flags & VM_F_ACCOUNT))
		return 0;
	r->charged = pages_of(r, r->flags & VM_REMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len);
	return account_memory(r->mm->host, r->charged, e);
}

/* ---- moving ---- */

/* An area at the new place, as a copy of the old one, merged if it may. r->area may have become part of it. */
static struct area *copy_area(struct remap *r)
{
	struct mm *mm = r->mm;
	struct area *a = r->area, *next = area_find(mm, r->to), *prev = area_below(mm, r->to), *copy;
	uint64_t pgoff = a->pgoff + pages_of(r, r->old - a->start);

	if (!a->inode && !a->anon)
		pgoff = pages_of(r, r->to);
	if (!a->special) {
		va_t start = a->start;

		copy = merge_new(mm, prev, next, r->to, r->to + r->new_len, a->flags, pgoff, a->file, a->inode, a->anon, a);
		if (copy) {
			if (start >= copy->start && start < copy->end)
				r->area = copy; /* nothing was ever written in it: it may merge with itself */
			return copy;
		}
	}
	copy = area_copy(a, mm, r->to, r->to + r->new_len, pgoff);
	if (a->anon) {
		anon_retain(a->anon);
		copy->anon = a->anon;
		anon_clone(copy, a);
	}
	area_link(copy);
	return copy;
}

/* Unmaps [at, at + len) of `a` and leaves what is charged as it is. */
static void unmap_moved(struct area *a, va_t at, uint64_t len)
{
	struct mm *mm = a->mm;
	va_t start = a->start, end = a->end;
	bool charged = a->flags & VM_F_ACCOUNT;
	struct area *rest;

	if (len == 0)
		return;
	if (charged)
		area_set_flags(a, a->flags & ~VM_F_ACCOUNT);
	if (area_is_hugetlb(a)) {                        /* what is reserved for the pages has moved with them */
		struct huge_object *o = a->inode->huge;
		struct mm *owner = o->owner;

		o->owner = NULL;
		unmap_region(mm, at, at + len, NULL);
		o->owner = owner;
		return;
	}
	unmap_region(mm, at, at + len, NULL);
	if (!charged)
		return;
	if (start < at) {
		rest = area_at(mm, at - 1);
		area_set_flags(rest, rest->flags | VM_F_ACCOUNT);
	}
	if (end > at + len) {
		rest = area_at(mm, at + len);
		area_set_flags(rest, rest->flags | VM_F_ACCOUNT);
	}
}

/*
 * The old area stays behind, empty and not locked. Linux forgets to take its pages off the count of locked ones: so do
 * we, and remember how many.
 */
static void leave_behind(struct remap *r, struct area *copy)
{
	struct area *a = r->area;

	if (a->flags & VM_F_LOCKED) {
		uint64_t pages = area_pages(a, r->mm->host->geometry.page_bits);

		area_set_flags(a, a->flags & ~(VM_F_LOCKED | VM_F_LOCKONFAULT));
		r->mm->locked += pages;
		r->mm->locked_excess += pages;
	}
	if (copy != a && a->start == r->old && a->end == r->old + r->old_len)
		anon_unlink(a);
}

static int move_area(struct remap *r, struct err *e)
{
	uint64_t peak = r->mm->total_peak, moved;
	struct area *copy;

	if (pages_own(r->mm, r->old, r->old + r->old_len, true, e) || charge(r, e))
		return -ENOMEM;
	copy = copy_area(r);
	moved = pages_move(r->area, r->old, copy, r->to, r->old_len);
	if (moved < r->old_len) {
		pages_move(copy, r->to, r->area, r->old, moved);
		unmap_moved(copy, r->to, r->new_len);
		unaccount_memory(r->mm->host, r->charged);
		r->mm->total_peak = peak;
		return err_set(e, ENOMEM, -1, "no frame is free for page tables at 0x%" PRIx64, r->to);
	}
	r->locked = r->area->flags & VM_F_LOCKED;
	if (r->flags & VM_REMAP_DONTUNMAP)
		leave_behind(r, copy);
	else
		unmap_moved(r->area, r->old, r->old_len);
	r->mm->total_peak = MAX(peak, r->mm->total);
	return 0;
}

static int choose_place(struct remap *r, struct err *e)
{
	const struct area *a = r->area;
	unsigned bits = r->mm->host->geometry.page_bits;
	struct hole_request q = {
		.hint = has_target(r) ? r->to : 0, .len = r->new_len, .fixed = r->flags & VM_REMAP_FIXED,
		.offset = a->file ? (a->pgoff << bits) + (r->old - a->start) : 0,
		.anon = !a->inode,
		.huge = a->inode ? !a->inode->tmpfs : !(a->flags & VM_F_MAYSHARE),
		.hugetlb = area_is_hugetlb(a),
	};

	return hole_find(r->mm, &q, &r->to, e);
}

/* ---- the forms of the call ---- */

static int shrink(struct remap *r, struct err *e)
{
	va_t top = mm_top(r->mm->host);

	if (r->old + r->new_len > top || r->old_len - r->new_len > top - (r->old + r->new_len))
		return err_set(e, EINVAL, 1, "the range ends beyond user space, at 0x%" PRIx64, top);
	return unmap_region(r->mm, r->old + r->new_len, r->old + r->old_len, e);
}

/* To a given place (or a hint for one, with dontunmap): what is there goes first. */
static int move_to(struct remap *r, struct err *e)
{
	if (r->flags & VM_REMAP_FIXED) {
		if (unmap_region(r->mm, r->to, r->to + r->new_len, e))
			return -e->code;
		r->area = area_at(r->mm, r->old);
		if (!r->area)
			return err_set(e, EFAULT, 0, "nothing is mapped at 0x%" PRIx64, r->old);
	}
	if (r->old_len > r->new_len) {
		if (shrink(r, e))
			return -e->code;
		r->area = area_at(r->mm, r->old);
		if (!r->area)
			return err_set(e, EFAULT, 0, "nothing is mapped at 0x%" PRIx64, r->old);
		r->old_len = r->new_len;
	}
	if ((r->flags & VM_REMAP_DONTUNMAP) && !may_expand(r->mm, r->area->flags, pages_of(r, r->old_len)))
		return err_set(e, ENOMEM, 2, "%" PRIu64 " bytes more exceed RLIMIT_AS or RLIMIT_DATA", r->old_len);
	if (choose_place(r, e))
		return -e->code;
	return move_area(r, e);
}

static bool free_behind(const struct remap *r)
{
	const struct area *a = r->area, *next = area_next(a);
	uint64_t delta = r->new_len - r->old_len;

	return a->end + delta >= a->end && a->end + delta <= mm_top(r->mm->host) &&
	       (!next || a->end + delta <= next->start);
}

static int grow(struct remap *r, struct err *e)
{
	struct area *a = r->area;

	if (a->end - r->old == r->old_len && free_behind(r)) {
		if (charge(r, e))
			return -ENOMEM;
		merge_extend(a, r->new_len - r->old_len);
		r->locked = a->flags & VM_F_LOCKED;
		r->to = r->old;
		return 0;
	}
	if (!(r->flags & VM_REMAP_MAYMOVE))
		return err_set(e, ENOMEM, 2, "there is no room to grow at 0x%" PRIx64 ", and without maymove no other",
			       r->old + r->old_len);
	if (choose_place(r, e))
		return -e->code;
	return move_area(r, e);
}

/* Of huge pages whole ones move or go; such areas never grow. */
static int align_huge(struct remap *r, struct err *e)
{
	uint64_t mask;

	if (!r->area || !area_is_hugetlb(r->area))
		return 0;
	mask = huge_page_bytes(r->mm->host) - 1;
	r->old_len = (r->old_len + mask) & ~mask;
	r->new_len = (r->new_len + mask) & ~mask;
	if ((r->old | (has_target(r) ? r->to : 0)) & mask)
		return err_set(e, EINVAL, 0, "no huge page begins at 0x%" PRIx64, r->old & mask ? r->old : r->to);
	return r->new_len > r->old_len ? err_set(e, EINVAL, 2, "memory of huge pages does not grow") : 0;
}

/* A move with equal lengths and a fixed target may span areas and holes: piece by piece. */
static int move_all(const struct remap *whole, struct err *e)
{
	va_t end = whole->old + whole->old_len, to = whole->to, last_end = 0;
	struct area *a = area_find(whole->mm, whole->old);
	bool first = true;

	if (!a || a->start > whole->old)
		return err_set(e, EFAULT, 0, "nothing is mapped at 0x%" PRIx64, whole->old);
	while (a && a->start < end) {
		va_t from = MAX(a->start, whole->old), until = MIN(a->end, end);
		struct remap r = *whole;
		int failed;

		to += first ? 0 : a->start - last_end;
		last_end = a->end;
		first = false;
		r.area = a;
		r.old = from;
		r.to = to;
		r.old_len = r.new_len = until - from;
		failed = align_huge(&r, e) ? -e->code : check_area(&r, e);
		if (!failed)
			failed = move_to(&r, e);
		if (failed)
			return failed;
		to += until - from;
		a = until < end ? area_find(whole->mm, until) : NULL;
	}
	return 0;
}

static int remap_one(struct remap *r, struct err *e)
{
	r->area = area_at(r->mm, r->old);
	if (align_huge(r, e) || check_area(r, e))
		return -e->code;
	if (has_target(r))
		return move_to(r, e);
	if (r->new_len > r->old_len)
		return grow(r, e);
	r->to = r->old;
	return r->new_len < r->old_len ? shrink(r, e) : 0;
}

int vm_mremap(struct vm_proc *p, va_t old, uint64_t old_len, uint64_t new_len, unsigned flags, va_t fixed,
	      va_t *result, struct err *e)
{
	struct mm *mm = mm_enter(p, e);
	struct remap r = { .mm = mm, .old = old, .to = fixed, .flags = flags };
	struct err own = { 0 };
	struct event *ev;
	int failed;

	if (!mm)
		return -ESRCH;
	r.old_len = old_len = page_align(mm->host, old_len);
	r.new_len = page_align(mm->host, new_len);
	if (!e)
		e = &own;
	failed = check_arguments(&r, e);
	if (failed)
		return failed;
	failed = (flags & VM_REMAP_FIXED) && r.old_len == r.new_len ? move_all(&r, e) : remap_one(&r, e);
	mm_changed(mm);
	if (failed)
		return failed;
	if (r.locked && r.new_len > old_len)
		mm_populate(mm, r.to + old_len, r.new_len - old_len, false, NULL);
	ev = mm_event(mm, &event_mremap, old, old_len, r.to);
	ev->value[3] = r.new_len;
	*result = r.to;
	return 0;
}
