/*
 * page_huge.c - transparent huge pages: one leaf of an upper table for as many frames side by side as a leaf table names.
 *
 * A huge leaf stands for ordinary anonymous frames, each with its own counts, as if each had an entry of its own. So
 * splitting one changes tables, not counts. It is split before anything is done to a part of it and when its pages are
 * evicted; fork and a move by whole huge pages leave it whole. The first frame's `sharers` counts the huge leaves that name it.
 */
#include "hugetlb.h"
#include "page.h"

#include "reclaim.h"

static bool area_wants_huge(const struct area *a)
{
	return (a->flags & VM_F_HUGEPAGE) && !(a->flags & VM_F_NOHUGEPAGE) && !a->inode && !(a->flags & VM_F_SHARED);
}

/* The frames come into use as anonymous ones, each for itself. */
static void make_frames(struct area *a, va_t va, pfn_t first, uint64_t n)
{
	struct vm_host *h = a->mm->host;

	for (uint64_t i = 0; i < n; i++) {
		struct frame *f = frame_of(h, first + i);

		f->order = 0;
		f->refs = f->maps = 1;
		f->flags |= FRAME_USER | FRAME_EXCLUSIVE | (i == 0 ? FRAME_HUGE_HEAD : FRAME_HUGE_TAIL);
		f->anon = a->anon;
		anon_retain(a->anon);
		f->index = page_index(a, va) + i;
		reclaim_add(h, first + i, a->mm);
	}
	frame_of(h, first)->sharers = 1;
	h->huge_leaves += n;
	h->user_frames += n;
	a->mm->rss_anon += n;
	rss_peak(a->mm);
	if (a->flags & VM_F_LOCKED)
		pages_set_locked(a, va, va + (n << h->geometry.page_bits), true);
}

bool huge_fault(struct area *a, va_t va, unsigned flags)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	unsigned order = table_huge_order(h);
	va_t size = page_size(h) << order, first = va & -size;
	pfn_t pfn;

	if (order == 0 || !area_wants_huge(a) || h->config.user_frames || first < a->start || first + size > a->end ||
	    table_missing(&mm->table, vpn_of(h, va)) == 0 || h->frames_free < (uint64_t)1 << order)
		return false;
	if (table_make_upper(&mm->table, vpn_of(h, va), 1, NULL) < 0 || (!a->anon && anon_prepare(a) < 0))
		return false;
	pfn = frame_alloc_order(h, VM_FRAME_ANON, order, true);
	if (pfn == PFN_NONE)
		return false;
	table_set_huge(&mm->table, vpn_of(h, first), entry_present(&h->geometry, pfn, flags | VM_PTE_HUGE), NULL);
	make_frames(a, first, pfn, (uint64_t)1 << order);
	return true;
}

/* A huge leaf goes; with the last one no frame of it is part of a huge page any more. */
static void forget(struct vm_host *h, pfn_t first, unsigned order)
{
	if (--frame_of(h, first)->sharers > 0)
		return;
	h->huge_leaves -= (uint64_t)1 << order;
	for (uint64_t i = 0; i < (uint64_t)1 << order; i++)
		frame_of(h, first + i)->flags &= ~(FRAME_HUGE_HEAD | FRAME_HUGE_TAIL);
}

int huge_split(struct mm *mm, vpn_t vpn, struct err *e)
{
	struct vm_host *h = mm->host;
	struct span s;
	pfn_t first;

	table_span(&mm->table, vpn, vpn + 1, &s);
	if (!s.entry || !s.huge)
		return 0;
	first = entry_number(&h->geometry, entry_os(h, &s, 0));
	if (table_split_huge(&mm->table, vpn, e) < 0)
		return -ENOMEM;
	forget(h, first, s.huge_bits);
	table_span(&mm->table, vpn, vpn + 1, &s);
	span_mark(h, &s, TABLE_MIXED);                   /* until someone has looked: leaf_is_plain_again() */
	return 0;
}

int huge_copy(struct area *dst, struct area *src, vpn_t vpn, const struct span *s, struct err *e)
{
	struct vm_host *h = src->mm->host;
	uint64_t raw = entry_os(h, s, 0), n = (uint64_t)1 << s->huge_bits, now = raw;
	pfn_t first = entry_number(&h->geometry, raw);
	int r;

	if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
		now = entry_with_flags(&h->geometry, raw, 0, VM_PTE_WRITE);
	r = table_set_huge(&dst->mm->table, vpn, entry_kind(&h->geometry, now) == ENTRY_PRESENT ?
			   entry_with_flags(&h->geometry, now, 0, VM_PTE_ACCESSED) : now, e);
	if (r < 0)
		return r;
	if (now != raw)
		table_set_huge(&src->mm->table, vpn, now, NULL);
	for (uint64_t i = 0; i < n; i++) {
		struct frame *f = frame_of(h, first + i);

		f->refs++;
		f->maps++;
		f->flags &= ~FRAME_EXCLUSIVE;
	}
	frame_of(h, first)->sharers++;
	dst->mm->rss_anon += n;
	return 0;
}

bool huge_reuse(struct area *a, vpn_t vpn, const struct span *s, unsigned flags)
{
	struct vm_host *h = a->mm->host;
	uint64_t n = (uint64_t)1 << s->huge_bits;
	pfn_t first = entry_number(&h->geometry, entry_os(h, s, 0));

	for (uint64_t i = 0; i < n; i++)
		if (frame_of(h, first + i)->refs != 1)
			return false;
	for (uint64_t i = 0; i < n; i++) {
		struct frame *f = frame_of(h, first + i);

		if (!(f->flags & FRAME_EXCLUSIVE) && f->anon != a->anon) {
			anon_retain(a->anon);
			anon_release(f->anon);
			f->anon = a->anon;
		}
		f->flags |= FRAME_EXCLUSIVE;
	}
	table_set_huge(&a->mm->table, vpn, entry_present(&h->geometry, first, flags | VM_PTE_HUGE), NULL);
	return true;
}

bool huge_free_lazily(struct area *a, vpn_t vpn, const struct span *s)
{
	struct vm_host *h = a->mm->host;
	uint64_t raw = entry_os(h, s, 0), n = (uint64_t)1 << s->huge_bits;
	pfn_t first = entry_number(&h->geometry, raw);

	if (s->count < n || entry_kind(&h->geometry, raw) != ENTRY_PRESENT)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (frame_of(h, first + i)->maps > 1)
			return true;                     /* others would have to give it up too */
	for (uint64_t i = 0; i < n; i++)
		frame_of(h, first + i)->flags = (frame_of(h, first + i)->flags & ~FRAME_DIRTY) | FRAME_LAZYFREE;
	table_set_huge(&a->mm->table, vpn, entry_with_flags(&h->geometry, raw, 0, VM_PTE_ACCESSED | VM_PTE_DIRTY), NULL);
	return true;
}

/* The whole huge leaf goes. */
static void zap_whole(struct area *a, vpn_t vpn, const struct span *s)
{
	struct vm_host *h = a->mm->host;
	uint64_t n = (uint64_t)1 << s->huge_bits;

	forget(h, entry_number(&h->geometry, entry_os(h, s, 0)), s->huge_bits);
	for (uint64_t i = 0; i < n; i++)
		page_gone(a, span_entry(h, s, vpn, i));
	table_set_huge(&a->mm->table, vpn, 0, NULL);
}

void huge_zap(struct area *a, vpn_t vpn, const struct span *s)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	struct span one;

	if (area_is_hugetlb(a)) {
		hugetlb_zap(a, vpn, entry_os(h, s, 0));
		return;
	}
	if (s->count == (uint64_t)1 << s->huge_bits) {
		zap_whole(a, vpn, s);
		return;
	}
	if (huge_split(mm, vpn, NULL) == 0)
		return;
	/* No frame is left for the table: one of those that go is. The entry that the split makes for it is dropped again. */
	page_gone(a, span_entry(h, s, vpn, 0));
	if (huge_split(mm, vpn, NULL) < 0)
		g_assert_not_reached();
	table_span(&mm->table, vpn, vpn + 1, &one);
	entry_set(&mm->table, vpn, &one, 0, 0);
}

bool huge_protect(struct area *a, vpn_t vpn, const struct span *s)
{
	struct mm *mm = a->mm;
	const struct vm_geometry *g = &mm->host->geometry;
	uint64_t raw = entry_os(mm->host, s, 0), now = area_is_hugetlb(a) ? hugetlb_protected(a, raw) : page_protected(a, raw);

	if (area_is_hugetlb(a)) {
		table_set_huge(&mm->table, vpn, now, NULL);
		return true;
	}
	if (s->count < (uint64_t)1 << s->huge_bits || (entry_kind(g, now) == ENTRY_PROTNONE && !entry_protnone_keeps_dirty(g)))
		return false;
	if (entry_kind(g, now) == ENTRY_PRESENT)
		now = entry_present(g, entry_number(g, now), entry_flags(g, now) | VM_PTE_HUGE);
	if (now != raw)
		table_set_huge(&mm->table, vpn, now, NULL);
	return true;
}
