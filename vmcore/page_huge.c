/*
 * page_huge.c - transparent huge pages: one leaf of an upper table for as many frames side by side as a leaf table names.
 *
 * A huge leaf stands for ordinary anonymous frames, each with its own counts, of one process alone: all of them have one
 * reference, maps == 1 and FRAME_EXCLUSIVE. So splitting one changes tables, not counts. It is split before anything
 * is done to a part of it, at fork, when it moves and when its pages are evicted.
 */
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

/* No frame of the huge leaf is part of one any more. */
static void forget(struct vm_host *h, pfn_t first, unsigned order)
{
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
	return 0;
}

/* The whole huge leaf goes. */
static void zap_whole(struct area *a, vpn_t vpn, const struct span *s)
{
	struct vm_host *h = a->mm->host;
	uint64_t n = (uint64_t)1 << s->huge_bits, raw[1];

	for (uint64_t i = 0; i < n; i++) {
		raw[0] = span_entry(h, s, vpn, i);
		frame_of(h, entry_number(&h->geometry, raw[0]))->flags &= ~(FRAME_HUGE_HEAD | FRAME_HUGE_TAIL);
		page_gone(a, raw[0]);
	}
	table_set_huge(&a->mm->table, vpn, 0, NULL);
}

void huge_zap(struct area *a, vpn_t vpn, const struct span *s)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	struct span one;

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
	uint64_t raw = entry_os(mm->host, s, 0), now = page_protected(a, raw);

	if (s->count < (uint64_t)1 << s->huge_bits || entry_kind(g, now) != ENTRY_PRESENT || entry_kind(g, raw) != ENTRY_PRESENT)
		return false;
	if (now != raw)
		table_set_huge(&mm->table, vpn, now, NULL);
	return true;
}
