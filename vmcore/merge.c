/*
 * merge.c - neighbours become one area where nothing tells them apart.
 *
 * Two areas side by side merge when flags, open file description and object are equal, the page offsets continue, and
 * their anons allow it: the same one, or only one of them has any and did not inherit it from a fork. (A
 * forked area hangs on its ancestors' anons as well; to spread those over more areas would make every walk from
 * a frame longer.) Where three could become one, the outer two must get on with each other too.
 */
#include "proc.h"

struct merge {
	struct area *prev, *next;         /* neighbours, or NULL */
	struct area *middle;              /* the area that is modified; NULL: a new range */
	const struct area *copied_from;   /* mremap: the area that the new range is a copy of */
	va_t     start, end;
	uint32_t flags;
	uint64_t pgoff;
	struct file *file;
	struct vm_inode *inode;
	struct anon *anon;
	unsigned page_bits;
};

static bool inherited(const struct area *a)
{
	return a && a->anon && a->links && a->links->next;
}

static bool anons_allow(const struct merge *m, const struct area *with)
{
	if (!with->anon && m->anon)
		return !inherited(m->middle) && !inherited(m->copied_from);
	if (with->anon && !m->anon)
		return !inherited(with);
	return with->anon == m->anon;
}

static bool alike(const struct merge *m, const struct area *with)
{
	return !(m->flags & (VM_F_KEEP | VM_F_ONLY_SHOWN | VM_F_DONTEXPAND)) && with->flags == m->flags &&
	       with->file == m->file && with->inode == m->inode && !with->special && anons_allow(m, with);
}

static bool merges_left(const struct merge *m)
{
	const struct area *a = m->prev;

	return a && a->end == m->start && a->pgoff + area_pages(a, m->page_bits) == m->pgoff && alike(m, a);
}

static bool merges_right(const struct merge *m, bool left)
{
	const struct area *a = m->next;

	if (!a || a->start != m->end || a->pgoff != m->pgoff + ((m->end - m->start) >> m->page_bits) || !alike(m, a))
		return false;
	return !left || !m->prev->anon || !a->anon || m->prev->anon == a->anon;
}

/* An area that grows over another's pages needs that one's anon. */
static void take_anon(struct area *a, const struct area *from)
{
	if (a->anon || !from || !from->anon)
		return;
	anon_retain(from->anon);
	a->anon = from->anon;
	anon_clone(a, from);
}

static void area_drop(struct area *a)
{
	area_unlink(a);
	area_free(a);
}

struct area *merge_new(struct mm *mm, struct area *prev, struct area *next, va_t start, va_t end, uint32_t flags,
		       uint64_t pgoff, struct file *file, struct vm_inode *inode, struct anon *anon,
		       const struct area *copied_from)
{
	struct merge m = { prev, next, NULL, copied_from, start, end, flags, pgoff, file, inode, anon,
			   mm->host->geometry.page_bits };
	bool left = merges_left(&m), right = merges_right(&m, left);

	if (left && right)
		take_anon(prev, next);
	if (left || right)
		take_anon(left ? prev : next, copied_from);
	if (left) {
		if (right) {
			end = next->end;
			area_drop(next);
		}
		area_set_bounds(prev, prev->start, end, prev->pgoff);
		return prev;
	}
	if (right) {
		area_set_bounds(next, start, next->end, pgoff);
		return next;
	}
	return NULL;
}

struct area *merge_extend(struct area *a, uint64_t bytes)
{
	unsigned bits = a->mm->host->geometry.page_bits;
	va_t end = a->end + bytes;
	struct area *next = area_next(a);
	struct merge m = { a, next, NULL, NULL, a->end, end, a->flags, a->pgoff + area_pages(a, bits), a->file,
			   a->inode, a->anon, bits };

	if (merges_right(&m, true)) {
		take_anon(a, next);
		end = next->end;
		area_drop(next);
	}
	area_set_bounds(a, a->start, end, a->pgoff);
	return a;
}

/* [start, end) of `middle` goes to its neighbours; they have the flags that it is to get. */
static struct area *merge_existing(struct area *middle, va_t start, va_t end, uint32_t flags)
{
	unsigned bits = middle->mm->host->geometry.page_bits;
	struct merge m = { .middle = middle, .start = start, .end = end, .flags = flags,
			   .pgoff = middle->pgoff + ((start - middle->start) >> bits), .file = middle->file,
			   .inode = middle->inode, .anon = middle->anon, .page_bits = bits };
	bool left, right, whole = start == middle->start && end == middle->end;
	uint64_t pages = (end - start) >> bits;

	if (middle->special)
		return NULL;
	m.prev = start == middle->start ? area_prev(middle) : NULL;
	m.next = end == middle->end ? area_next(middle) : NULL;
	left = merges_left(&m);
	right = merges_right(&m, left);
	if (left && right) {
		va_t far = m.next->end;

		take_anon(m.prev, m.next->anon ? m.next : middle);
		area_drop(middle);
		area_drop(m.next);
		area_set_bounds(m.prev, m.prev->start, far, m.prev->pgoff);
		return m.prev;
	}
	if (!left && !right)
		return NULL;
	take_anon(left ? m.prev : m.next, middle);
	if (whole)
		area_drop(middle);
	else if (left)
		area_set_bounds(middle, end, middle->end, middle->pgoff + pages);
	else
		area_set_bounds(middle, middle->start, start, middle->pgoff);
	if (left)
		area_set_bounds(m.prev, m.prev->start, end, m.prev->pgoff);
	else
		area_set_bounds(m.next, start, m.next->end, m.next->pgoff - pages);
	return left ? m.prev : m.next;
}

struct area *merge_modified(struct area *a, va_t start, va_t end, uint32_t new_flags)
{
	struct area *merged = merge_existing(a, start, end, new_flags);

	if (merged)
		return merged;
	if (a->start < start)
		a = area_split(a, start);
	if (a->end > end)
		area_split(a, end);
	area_set_flags(a, new_flags);
	return a;
}
