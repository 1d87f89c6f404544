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

/* May a huge page lie at `va`, where nothing is yet? Then all but it is there. */
static bool prepare(struct area *a, va_t va)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	unsigned order = table_huge_order(h);
	va_t size = page_size(h) << order, first = va & -size;

	if (order == 0 || !area_wants_huge(a) || h->config.user_frames || first < a->start || first + size > a->end ||
	    table_missing(&mm->table, vpn_of(h, va)) == 0 || h->frames_free < (uint64_t)1 << order)
		return false;
	return table_make_upper(&mm->table, vpn_of(h, va), 1, NULL) == 0 && (a->anon || anon_prepare(a) == 0) &&
	       table_deposit(&mm->table, NULL) == 0;
}

bool huge_fault(struct area *a, va_t va, unsigned flags)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	unsigned order = table_huge_order(h);
	va_t first = va & -(page_size(h) << order);
	pfn_t pfn;

	if (!prepare(a, va))
		return false;
	pfn = frame_alloc_order(h, VM_FRAME_ANON, order, true);
	if (pfn == PFN_NONE) {
		table_withdraw(&mm->table);
		return false;
	}
	table_set_huge(&mm->table, vpn_of(h, first), entry_present(&h->geometry, pfn, flags | VM_PTE_HUGE), NULL);
	make_frames(a, first, pfn, (uint64_t)1 << order);
	return true;
}

/* ---- the huge page of zeros ---- */

/* Its first frame; it stays once it is there. PFN_NONE. */
static pfn_t huge_zero(struct vm_host *h)
{
	unsigned order = table_huge_order(h);

	if (h->huge_zero != PFN_NONE)
		return h->huge_zero;
	h->huge_zero = frame_alloc_order(h, VM_FRAME_ZERO, order, true);
	for (uint64_t i = 0; h->huge_zero != PFN_NONE && i < (uint64_t)1 << order; i++) {
		frame_of(h, h->huge_zero + i)->order = 0;
		frame_of(h, h->huge_zero + i)->refs = 1;
	}
	return h->huge_zero;
}

static bool is_zero(const struct vm_host *h, pfn_t first)
{
	return frame_of(h, first)->use == VM_FRAME_ZERO;
}

static void count_zeros(struct vm_host *h, int32_t by)
{
	for (uint64_t i = 0; i < (uint64_t)1 << table_huge_order(h); i++) {
		frame_of(h, h->huge_zero + i)->refs += (uint32_t)by;
		frame_of(h, h->huge_zero + i)->maps += (uint32_t)by;
	}
}

bool huge_zero_fault(struct area *a, va_t va, unsigned flags)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;

	if (!prepare(a, va))
		return false;
	if (zero_frame(h) == PFN_NONE || huge_zero(h) == PFN_NONE) { /* the small one too: what it is split into */
		table_withdraw(&mm->table);
		return false;
	}
	table_set_huge(&mm->table, vpn_of(h, va & -(page_size(h) << table_huge_order(h))),
		       entry_present(&h->geometry, h->huge_zero, (flags & ~(unsigned)VM_PTE_WRITE) | VM_PTE_HUGE), NULL);
	count_zeros(h, 1);
	return true;
}

bool huge_fill(struct area *a, vpn_t vpn, const struct span *s, unsigned flags)
{
	struct vm_host *h = a->mm->host;
	pfn_t pfn;

	if (!is_zero(h, entry_number(&h->geometry, entry_os(h, s, 0))) || h->config.user_frames)
		return false;
	pfn = frame_alloc_order(h, VM_FRAME_ANON, s->huge_bits, true);
	if (pfn == PFN_NONE)
		return false;
	table_set_huge(&a->mm->table, vpn, entry_present(&h->geometry, pfn, flags | VM_PTE_HUGE), NULL);
	count_zeros(h, -1);
	make_frames(a, vpn << h->geometry.page_bits, pfn, (uint64_t)1 << s->huge_bits);
	return true;
}

/* A leaf table of the huge page of zeros comes to name the small one. */
static void small_zeros(struct mm *mm, vpn_t vpn)
{
	struct vm_host *h = mm->host;
	uint64_t n = leaf_pages(h);
	struct span s;

	vpn &= ~(n - 1);
	table_span(&mm->table, vpn, vpn + n, &s);
	for (uint64_t i = 0; i < s.count; i++) {
		uint64_t raw = entry_os(h, &s, i);
		bool present = entry_kind(&h->geometry, raw) == ENTRY_PRESENT;

		entry_set(&mm->table, vpn, &s, i, present ? entry_present(&h->geometry, h->zero_frame, page_flags(&h->geometry, raw))
							  : entry_protnone(&h->geometry, h->zero_frame, false));
	}
	frame_of(h, h->zero_frame)->refs += (uint32_t)n;
	frame_of(h, h->zero_frame)->maps += (uint32_t)n;
	count_zeros(h, -1);
	span_mark(h, &s, TABLE_ZEROS);
	pages_flush(mm, vpn, vpn + n);
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
	if (is_zero(h, first))
		small_zeros(mm, vpn);
	else
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
	int r = table_deposit(&dst->mm->table, e);

	if (r < 0)
		return r;
	if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
		now = entry_with_flags(&h->geometry, raw, 0, VM_PTE_WRITE);
	r = table_set_huge(&dst->mm->table, vpn, entry_kind(&h->geometry, now) == ENTRY_PRESENT ?
			   entry_with_flags(&h->geometry, now, 0, VM_PTE_ACCESSED) : now, e);
	if (r < 0)
		return r;
	if (now != raw)
		table_set_huge(&src->mm->table, vpn, now, NULL);
	if (is_zero(h, first)) {
		count_zeros(h, 1);
		return 0;
	}
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

	if (is_zero(h, first))
		return true;
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

	if (!is_zero(h, entry_number(&h->geometry, entry_os(h, s, 0))))
		forget(h, entry_number(&h->geometry, entry_os(h, s, 0)), s->huge_bits);
	table_withdraw(&a->mm->table);
	for (uint64_t i = 0; i < n; i++)
		page_gone(a, span_entry(h, s, vpn, i));
	table_set_huge(&a->mm->table, vpn, 0, NULL);
}

void huge_zap(struct area *a, vpn_t vpn, const struct span *s)
{
	struct vm_host *h = a->mm->host;

	if (area_is_hugetlb(a)) {
		hugetlb_zap(a, vpn, entry_os(h, s, 0));
		return;
	}
	if (s->count == (uint64_t)1 << s->huge_bits) {
		zap_whole(a, vpn, s);
		return;
	}
	if (huge_split(a->mm, vpn, NULL) < 0)
		g_assert_not_reached();
}

void pages_split_huge(struct mm *mm, va_t at)
{
	struct span s;

	table_span(&mm->table, vpn_of(mm->host, at), vpn_of(mm->host, at) + 1, &s);
	if (s.huge && (vpn_of(mm->host, at) & (((vpn_t)1 << s.huge_bits) - 1)) && huge_split(mm, vpn_of(mm->host, at), NULL) < 0)
		g_assert_not_reached();
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
