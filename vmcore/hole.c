/* hole.c - where areas may be: the ends of user space, guard gaps, and the choice of a free range. */
#include "proc.h"

#include <inttypes.h>

/* Bytes of user addresses, of which the last page is left out; 0 stands for 2^64. */
static uint64_t user_span(const struct vm_host *h)
{
	unsigned bits = h->geometry.va_bits - (h->geometry.sign_extended ? 1 : 0);

	return bits < 64 ? (uint64_t)1 << bits : 0;
}

va_t mm_top(const struct vm_host *h)
{
	return user_span(h) - page_size(h);
}

va_t mm_map_top(const struct vm_host *h)
{
	va_t top = mm_top(h);
	uint64_t below = (top / 16) & ~(page_size(h) - 1);

	return top - MIN(below, 128 * MiB);
}

va_t mm_bottom(const struct vm_host *h)
{
	return mm_top(h) > 2 * GiB ? page_align(h, 4096) : 0;
}

va_t mm_hint_bottom(const struct vm_host *h)
{
	return mm_top(h) > 2 * GiB ? page_align(h, 64 * KiB) : 0;
}

uint64_t guard_gap(const struct vm_host *h)
{
	return MIN(256 * page_size(h), (mm_top(h) / 256) & ~(page_size(h) - 1));
}

va_t area_guard_start(const struct area *a)
{
	uint64_t gap = a->flags & VM_F_GROWSDOWN ? guard_gap(a->mm->host) : 0;

	return a->start > gap ? a->start - gap : 0;
}

/* ---- free ranges by the tree's largest gaps ---- */

static uint64_t max_gap(struct tree_node *n)
{
	return n ? area_of(n)->max_gap : 0;
}

/* In the subtree, the highest (or lowest) area with at least `len` bytes free below it; there is one. */
static struct area *gap_in(struct tree_node *n, uint64_t len, bool highest)
{
	for (;;) {
		struct tree_node *near = highest ? n->right : n->left, *far = highest ? n->left : n->right;

		if (max_gap(near) >= len)
			n = near;
		else if (area_of(n)->gap >= len)
			return area_of(n);
		else
			n = far;
	}
}

/* The next such area below (or above) `a`, or NULL. */
static struct area *gap_beside(struct area *a, uint64_t len, bool below)
{
	struct tree_node *n = &a->node;

	for (;;) {
		struct tree_node *side = below ? n->left : n->right;

		if (max_gap(side) >= len)
			return gap_in(side, len, below);
		while (n->parent && n == (below ? n->parent->left : n->parent->right))
			n = n->parent;
		n = n->parent;
		if (!n)
			return NULL;
		if (area_of(n)->gap >= len)
			return area_of(n);
	}
}

static va_t end_below(const struct area *a)
{
	return a->start - a->gap;
}

/* The highest free range of `len` bytes in [low, high): its upper end in *end, the area above it or NULL in *above. */
static bool highest_gap(struct mm *mm, va_t low, va_t high, uint64_t len, va_t *end, struct area **above)
{
	struct area *a = high ? area_find(mm, high - 1) : NULL, *last;
	va_t from;

	if (high < low || high - low < len)
		return false;
	if (!a) {
		last = area_below(mm, high);
		from = last ? last->end : 0;
		if (high - MAX(from, low) >= len) {
			*end = high;
			*above = NULL;
			return true;
		}
		if (!last)
			return false;
		a = last->gap < len ? gap_beside(last, len, true) : last;
	}
	for (; a && MIN(a->start, high) > low; a = gap_beside(a, len, true)) {
		va_t top = MIN(a->start, high);

		from = MAX(end_below(a), low);
		if (top > from && top - from >= len) {
			*end = top;
			*above = a;
			return true;
		}
	}
	return false;
}

/* The lowest one; its start in *start. */
static bool lowest_gap(struct mm *mm, va_t low, va_t high, uint64_t len, va_t *start, struct area **above)
{
	struct area *a = area_find(mm, low), *last = area_below(mm, high);
	va_t from;

	for (; a; a = gap_beside(a, len, false)) {
		from = MAX(end_below(a), low);
		if (from >= high)
			return false;
		if (MIN(a->start, high) > from && MIN(a->start, high) - from >= len) {
			*start = from;
			*above = a;
			return true;
		}
	}
	from = MAX(last ? last->end : 0, low);
	if (from >= high || high - from < len)
		return false;
	*start = from;
	*above = NULL;
	return true;
}

static bool search_down(struct mm *mm, uint64_t len, va_t *at)
{
	va_t low = MAX(page_size(mm->host), mm_bottom(mm->host)), high = mm_map_top(mm->host), end;
	struct area *above;

	while (highest_gap(mm, low, high, len, &end, &above)) {
		if (!above || area_guard_start(above) >= end) {
			*at = end - len;
			return true;
		}
		high = area_guard_start(above);
	}
	return false;
}

/* From a third of the space upwards: what Linux falls back to when nothing is free below the map top. */
static bool search_up(struct mm *mm, uint64_t len, va_t *at)
{
	va_t top = mm_top(mm->host), low = page_align(mm->host, top / 3), start;
	struct area *above;

	while (lowest_gap(mm, low, top, len, &start, &above)) {
		if (!above || area_guard_start(above) >= start + len) {
			*at = start;
			return true;
		}
		low = above->end;
	}
	return false;
}

static bool hint_is_free(struct mm *mm, va_t hint, uint64_t len)
{
	struct area *a;

	if (mm_top(mm->host) - len < hint)
		return false;
	a = area_find(mm, hint);
	return !a || hint + len <= area_guard_start(a);
}

static bool search(struct mm *mm, va_t hint, uint64_t len, va_t *at)
{
	if (len > mm_top(mm->host))
		return false;
	hint &= ~(page_size(mm->host) - 1);
	if (hint && hint_is_free(mm, hint, len)) {
		*at = hint;
		return true;
	}
	return search_down(mm, len, at) || search_up(mm, len, at);
}

/* The highest place where huge pages begin; a hint is rounded up to one. */
static bool search_hugetlb(struct mm *mm, const struct hole_request *r, va_t *at)
{
	uint64_t size = page_size(mm->host) << table_huge_order(mm->host), more = size - page_size(mm->host);

	if (r->hint && search(mm, (r->hint + size - 1) & -size, r->len, at) && !(*at & (size - 1)))
		return true;
	if (!search(mm, 0, r->len + more, at))
		return false;
	*at = (*at + more) & -size;
	return true;
}

/* A place where huge pages of the object would be aligned: the search is for one huge page more, then rounded up. */
static bool search_huge(struct mm *mm, const struct hole_request *r, va_t *at)
{
	unsigned order = table_huge_order(mm->host);
	uint64_t size = page_size(mm->host) << order, first = (r->offset + size - 1) & ~(size - 1), shift;

	if (!order || r->offset + r->len <= first || r->offset + r->len - first < size || r->len + size < r->len)
		return false;
	if (!search(mm, r->hint, r->len + size, at))
		return false;
	if (*at == r->hint)
		return true;
	shift = (r->offset - *at) & (size - 1);
	*at += shift ? shift : size;
	return true;
}

enum { LINUX_ERRNO_MAX = 133 };                          /* the last that has a name */

int hole_find(struct mm *mm, const struct hole_request *r, va_t *at, struct err *e)
{
	uint64_t top = mm_top(mm->host), size = page_size(mm->host) << table_huge_order(mm->host);
	/* Anonymous memory is placed so only without a hint, and only whole huge pages of it. */
	bool huge = r->huge && !r->fixed && (!r->anon || (!r->hint && r->len % size == 0));

	if (r->len > top)
		return err_set(e, ENOMEM, 1, "%" PRIu64 " bytes are more than the address space has", r->len);
	if (r->hugetlb && r->fixed && (r->hint & (size - 1)))
		return err_set(e, EINVAL, 0, "no huge page begins at 0x%" PRIx64, r->hint);
	if (r->fixed)
		*at = r->hint;
	else if (r->hugetlb) {
		if (!search_hugetlb(mm, r, at))
			return err_set(e, ENOMEM, 1, "no free range of %" PRIu64 " bytes", r->len);
	} else if (!(huge && search_huge(mm, r, at)) && !search(mm, r->hint, r->len, at))
		return err_set(e, ENOMEM, 1, "no free range of %" PRIu64 " bytes", r->len);
	if (*at >= -(va_t)LINUX_ERRNO_MAX)                /* __get_unmapped_area takes it for an error: IS_ERR_VALUE */
		return err_set(e, (int)-*at, 0, "0x%" PRIx64 " is no address that mmap can return", *at);
	if (*at > top - r->len)
		return err_set(e, ENOMEM, 0, "0x%" PRIx64 " and %" PRIu64 " bytes end beyond 0x%" PRIx64, *at, r->len, top);
	if (!page_aligned(mm->host, *at))
		return err_set(e, EINVAL, 0, "address 0x%" PRIx64 " is not page aligned", *at);
	if (*at < mm_bottom(mm->host))
		return err_set(e, EPERM, 0, "addresses below 0x%" PRIx64 " are never mapped", mm_bottom(mm->host));
	return 0;
}
