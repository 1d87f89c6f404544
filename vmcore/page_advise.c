/* page_advise.c - madvise's work on pages, mincore's look at them, and populating. */
#include "page.h"

#include "hugetlb.h"
#include "inode.h"
#include "paging.h"
#include "reclaim.h"

#include <string.h>

/* MADV_FREE: clean, and given up when frames are short; swapped pages go at once. */

static void free_entry(struct area *a, vpn_t vpn, struct span *s, uint64_t i, uint64_t raw)
{
	struct vm_host *h = a->mm->host;
	struct frame *f = frame_of(h, entry_number(&h->geometry, raw));
	pfn_t pfn = entry_number(&h->geometry, raw);

	if (f->use != VM_FRAME_ANON)
		return;
	if (f->flags & (FRAME_SWAPCACHE | FRAME_DIRTY)) {
		if (f->maps > 1 || ((f->flags & FRAME_SWAPCACHE) && !page_leave_swap(h, pfn)))
			return;
		f->flags &= ~FRAME_DIRTY;
		frame_unknown(h, pfn);
	}
	if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
		page_set_flags(a->mm, vpn - i, s, i, raw, 0, VM_PTE_ACCESSED | VM_PTE_DIRTY);
	else
		entry_set(&a->mm->table, vpn - i, s, i, entry_protnone(&h->geometry, pfn, false));
	f->flags |= FRAME_LAZYFREE;
	span_mark(h, s, TABLE_MIXED);
}

void pages_free_lazily(struct area *a, va_t start, va_t end)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	struct span s;

	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&mm->table, at, last, &s);
		if (s.huge) {
			if (huge_free_lazily(a, at, &s))
				continue;
			if (huge_split(mm, at, NULL) < 0)
				continue;
			table_span(&mm->table, at, last, &s);
		}
		if (span_is_lent(h, &s)) {
			if (leaf_own(mm, at, NULL) < 0)
				continue;               /* only advice */
			table_span(&mm->table, at, last, &s);
		}
		for (uint64_t i = 0; s.entry && i < s.count; i++) {
			uint64_t raw = entry_os(h, &s, i);
			enum entry_kind kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;

			if (kind == ENTRY_SWAPPED) {
				entry_set(&mm->table, at, &s, i, 0);
				page_gone(a, raw);
			} else if (kind == ENTRY_PRESENT || kind == ENTRY_PROTNONE) {
				free_entry(a, at + i, &s, i, raw);
			}
		}
	}
	pages_flush(mm, first, last);
}

/* MADV_COLD: pages of this process alone look as if they had not been used. */
void pages_cold(struct area *a, va_t start, va_t end)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	struct span s;

	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&mm->table, at, last, &s);
		for (uint64_t i = 0; s.entry && !s.huge && !span_is_shared(&s) && i < s.count; i++) {
			uint64_t raw = entry_os(h, &s, i);
			struct frame *f;

			if (entry_kind(&h->geometry, raw) != ENTRY_PRESENT)
				continue;
			f = frame_of(h, entry_number(&h->geometry, raw));
			if (f->use == VM_FRAME_ZERO || f->maps != 1)
				continue;
			f->flags &= ~(FRAME_REFERENCED | FRAME_ACTIVE);
			frame_unknown(h, entry_number(&h->geometry, raw));
			page_set_flags(mm, at, &s, i, raw, 0, VM_PTE_ACCESSED);
		}
	}
	pages_flush(mm, first, last);
}

/*
 * MADV_PAGEOUT: each frame that is mapped once is evicted. The order is that of Linux's shrink_folio_list(): an anonymous
 * page needs a slot before it is unmapped; dirty pages of disk files stay in the page cache, unmapped.
 */
void pages_pageout(struct area *a, va_t start, va_t end)
{
	struct vm_host *h = a->mm->host;
	vpn_t last = vpn_of(h, end);
	struct span s;

	paging_begin(h, a->mm->owner->pid, VA_NONE, false);
	for (vpn_t at = vpn_of(h, start); at < last; at++) {
		uint64_t raw;
		pfn_t pfn;

		table_span(&a->mm->table, at, last, &s);
		if (!s.entry) {
			at += s.count - 1;
			continue;
		}
		raw = span_entry(h, &s, at, 0);
		if (raw == 0 || span_is_shared(&s) ||
		    (entry_kind(&h->geometry, raw) != ENTRY_PRESENT && entry_kind(&h->geometry, raw) != ENTRY_PROTNONE))
			continue;
		pfn = entry_number(&h->geometry, raw);
		if (frame_of(h, pfn)->use != VM_FRAME_ZERO && frame_of(h, pfn)->maps == 1)
			reclaim_this(h, pfn, "madvise");
	}
	paging_end(h);
}

/* MADV_WILLNEED: pages in swap, of this process or of the object that it maps, begin to come into the swap cache. */

static bool want_slot(struct area *a, va_t va, uint32_t slot)
{
	struct vm_host *h = a->mm->host;
	bool room;

	paging_begin(h, a->mm->owner->pid, va, false);
	room = swap_ahead_one(h, slot);
	paging_end(h);
	return room;
}

static void want_entries(struct area *a, vpn_t first, vpn_t last)
{
	struct vm_host *h = a->mm->host;
	struct span s;

	for (vpn_t at = first; at < last; at++) {
		uint64_t raw;

		table_span(&a->mm->table, at, last, &s);
		if (!s.entry || s.huge) {
			at += s.count - 1;
			continue;
		}
		raw = entry_os(h, &s, 0);
		if (raw && entry_kind(&h->geometry, raw) == ENTRY_SWAPPED &&
		    !want_slot(a, at << h->geometry.page_bits, (uint32_t)entry_number(&h->geometry, raw)))
			return;
	}
}

static void want_object(struct area *a, uint64_t first, uint64_t end)
{
	unsigned bits = a->mm->host->geometry.page_bits;
	struct cache_run *r;

	for (uint64_t at = first; at < end && (r = inode_run_above(a->inode, at)) && r->first < end;) {
		uint64_t stop = MIN(r->first + CACHE_RUN, end);

		for (at = MAX(at, r->first); at < stop; at++) {
			uint32_t slot = inode_slot(a->inode, at);

			if (slot != SWAP_NONE && !want_slot(a, a->start + ((at - a->pgoff) << bits), slot))
				return;
		}
	}
}

void pages_want_soon(struct area *a, va_t start, va_t end)
{
	struct vm_host *h = a->mm->host;

	if ((a->inode ? a->inode->swapped : a->mm->swapped) == 0 || area_is_hugetlb(a))
		return;
	h->asker = a->mm;
	if (a->inode)
		want_object(a, page_index(a, start), page_index(a, start) + ((end - start) >> h->geometry.page_bits));
	else
		want_entries(a, vpn_of(h, start), vpn_of(h, end));
	h->asker = NULL;
	h->generation++;
}

/* mincore. */

/* A page without an entry is resident if its file's page is in the page cache. */
static uint8_t resident_without_entry(const struct area *a, va_t va)
{
	return a->inode && !area_is_hugetlb(a) && inode_cached(a->inode, page_index(a, va)) != PFN_NONE;
}

void pages_resident(struct area *a, va_t start, va_t end, uint8_t *vec)
{
	struct vm_host *h = a->mm->host;
	unsigned bits = h->geometry.page_bits;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	struct span s;

	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&a->mm->table, at, last, &s);
		if (!s.entry && !a->inode) {
			memset(vec + (at - first), 0, s.count);
			continue;
		}
		for (uint64_t i = 0; i < s.count; i++) {
			uint64_t raw = !s.entry ? 0 : span_entry(h, &s, at, i);
			enum entry_kind kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;
			uint8_t *to = &vec[at - first + i];

			if (kind == ENTRY_NONE || kind == ENTRY_NONSENSE)
				*to = resident_without_entry(a, (at + i) << bits);
			else if (kind == ENTRY_SWAPPED)
				*to = swap_cached(h->swap, (uint32_t)entry_number(&h->geometry, raw)) != PFN_NONE;
			else
				*to = 1;
		}
	}
}

/* Populating, as get_user_pages() does it. */

/* The page is there with the right to do it. */
static bool there(struct area *a, vpn_t vpn, bool write)
{
	struct vm_host *h = a->mm->host;
	struct span s;
	uint64_t raw;
	struct frame *f;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	raw = s.entry ? span_entry(h, &s, vpn, 0) : 0;
	if (!raw || entry_kind(&h->geometry, raw) != ENTRY_PRESENT)
		return false;
	if (!write)
		return true;
	if (span_is_lent(h, &s) || !(entry_flags(&h->geometry, raw) & VM_PTE_WRITE))
		return false;
	f = frame_of(h, entry_number(&h->geometry, raw));
	if (!flags_dirty(&h->geometry, entry_flags(&h->geometry, raw))) {  /* FOLL_TOUCH */
		if (f->use == VM_FRAME_FILE)
			inode_page_dirty(f->inode, f->index);
		else
			f->flags |= FRAME_DIRTY;
		span_mark(h, &s, TABLE_MIXED);
	}
	return true;
}

/* check_vma_flags(): may these pages be asked for? */
static bool may_populate(const struct area *a, bool write, bool force)
{
	if (a->flags & VM_F_EXEC_ONLY)
		return false;
	if (write)
		return a->flags & VM_F_WRITE;
	return (a->flags & VM_F_READ) || (force && (a->flags & VM_F_MAYREAD));
}

static int populate_area(struct area *a, va_t start, va_t end, bool write, uint64_t *done, struct err *e)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;

	for (va_t va = start; va < end; va += page_size(h), *done += page_size(h)) {
		for (unsigned tries = 0; !there(a, vpn_of(h, va), write); tries++) {
			enum resolution resolution;
			bool major = false;
			int r = fault_in(a, va, write ? VM_WRITE : VM_READ, &major, &resolution, e);

			if (r < 0)
				return r;
			fault_count(mm, major);
			if (tries == 4)
				return err_set(e, EFAULT, -1, "the page at 0x%" PRIx64 " cannot be brought in", va);
		}
	}
	return 0;
}

int pages_populate(struct mm *mm, va_t start, va_t end, bool write, uint64_t *done, struct err *e)
{
	*done = 0;
	for (va_t at = start; at < end;) {
		struct area *a = area_at(mm, at);
		va_t stop;
		int r;

		if (!a)
			return err_set(e, ENOMEM, -1, "nothing is mapped at 0x%" PRIx64, at);
		if (!may_populate(a, write, false))
			return err_set(e, EINVAL, -1, "the area at 0x%" PRIx64 " refuses that access", a->start);
		stop = MIN(end, a->end);
		r = populate_area(a, at, stop, write, done, e);
		if (r < 0)
			return r;
		at = stop;
	}
	return 0;
}

/* populate_vma_page_range(). */
static int populate_locked(struct area *a, va_t start, va_t end, struct err *e)
{
	bool write = (a->flags & (VM_F_WRITE | VM_F_SHARED)) == VM_F_WRITE;
	bool force = a->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC);
	uint64_t done = 0;

	if ((a->flags & VM_F_LOCKED) && (a->flags & VM_F_LOCKONFAULT))
		return 0;
	if (!may_populate(a, write, force))
		return err_set(e, EFAULT, -1, "the area at 0x%" PRIx64 " cannot be read", a->start);
	return populate_area(a, start, end, write, &done, e);
}

int mm_populate(struct mm *mm, va_t start, uint64_t len, bool report, struct err *e)
{
	va_t end = start + len;
	struct err first = { 0 };

	for (struct area *a = area_find(mm, start); a && a->start < end; a = area_next(a)) {
		int r = populate_locked(a, MAX(start, a->start), MIN(end, a->end), &first);

		if (r == 0 || !report)
			continue;
		if (e)
			*e = first;
		return err_set(e, r == -ENOMEM ? EAGAIN : ENOMEM, -1, "%s", first.why);
	}
	return 0;
}
