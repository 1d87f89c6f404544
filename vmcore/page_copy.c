/*
 * page_copy.c - entries go to another place: to a child's address space at fork, to another address at mremap.
 *
 * fork lends leaf tables to the child where it may (page.h). A table may be lent when all its entries are of areas that
 * fork copies entirely and it holds nothing that would need a count per page: that is what a table without
 * TABLE_MIXED says; with it, the entries are looked through, because what made them mixed may be over.
 */
#include "hugetlb.h"
#include "page.h"

#include <string.h>

/* Linux's vma_needs_copy(): other entries will come back by faults. */
static bool area_is_copied(const struct area *a)
{
	return a->anon && !(a->flags & (VM_F_DONTCOPY | VM_F_WIPEONFORK | VM_F_ONLY_SHOWN));
}

static bool lends_tables(const struct vm_host *h)
{
	return h->config.share_tables && !h->config.eager_fork && geometry_has_write(&h->geometry) &&
	       table_can_share(h);
}

/* Entries of the area from `first` on: none? */
static bool part_is_empty(const struct area *a, vpn_t first, vpn_t end)
{
	struct vm_host *h = a->mm->host;
	struct span s;

	for (vpn_t at = first; at < end; at += s.count) {
		table_span(&a->mm->table, at, end, &s);
		for (uint64_t i = 0; s.entry && i < s.count; i++)
			if (entry_os(h, &s, i) != 0)
				return false;
	}
	return true;
}

/* All areas in the leaf table's span are such that the table as a whole may go to the child. */
static bool areas_lend(const struct mm *mm, vpn_t first, vpn_t end)
{
	unsigned bits = mm->host->geometry.page_bits;

	for (struct area *a = area_find(mm, first << bits); a && a->start < end << bits; a = area_next(a)) {
		if (area_is_copied(a) && !a->inode && !(a->flags & VM_F_LOCKED))
			continue;
		if (!part_is_empty(a, MAX(first, a->start >> bits), MIN(end, a->end >> bits)))
			return false;
	}
	return true;
}

static bool leaf_may_be_lent(struct area *a, vpn_t first, struct span *leaf)
{
	struct vm_host *h = a->mm->host;
	unsigned bits = h->geometry.page_bits;
	uint64_t n = leaf_pages(h);

	if (leaf->huge || leaf->poked || (span_table(h, leaf)->flags & TABLE_COUNTED))
		return false;
	if (a->start >> bits > first || a->end >> bits < first + n) {
		if (!areas_lend(a->mm, first, first + n))
			return false;
	} else if (a->inode || (a->flags & VM_F_LOCKED)) {
		return false;
	}
	return !(span_table(h, leaf)->flags & TABLE_MIXED) || leaf_is_plain_again(h, leaf);
}

static uint64_t plain_rss(struct vm_host *h, const struct span *s)
{
	const struct frame *t = span_table(h, s);
	uint64_t n = t->entries;

	for (uint64_t i = 0; (t->flags & TABLE_ZEROS) && i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);

		n -= raw && entry_number(&h->geometry, raw) == h->zero_frame;
	}
	return n;
}

static int leaf_lend(struct area *dst, struct area *src, vpn_t vpn, struct span *leaf, struct err *e)
{
	struct vm_host *h = src->mm->host;
	int r = table_share_leaf(&dst->mm->table, &src->mm->table, vpn, e);

	if (r < 0)
		return r;
	span_mark(h, leaf, TABLE_SHARED);
	dst->mm->rss_anon += plain_rss(h, leaf);
	return 0;
}

/* A private page is copied at once: eager_fork, or the format cannot refuse a store. */
static int copy_frame(struct area *dst, va_t va, pfn_t from, pfn_t *to, struct err *e)
{
	struct vm_host *h = dst->mm->host;

	*to = page_new(dst, va, false);
	if (*to == PFN_NONE)
		return err_set(e, ENOMEM, -1, "no frame is free for a copy of the page at 0x%" PRIx64, va);
	frame_copy(h, *to, from);
	h->stats.cow_copies++;
	return 0;
}

/* copy_present_pte(): both sides lose the right to write. Entry i of both spans. */
static int copy_present(struct area *dst, struct area *src, vpn_t vpn, struct span *to, struct span *from, uint64_t i,
			uint64_t raw, struct err *e)
{
	struct vm_host *h = src->mm->host;
	const struct vm_geometry *g = &h->geometry;
	pfn_t pfn = entry_number(g, raw), copy;
	struct frame *f = frame_of(h, pfn);
	bool now = f->use == VM_FRAME_ANON && (h->config.eager_fork || !geometry_has_write(g));
	unsigned clear = VM_PTE_ACCESSED | (src->flags & VM_F_SHARED ? VM_PTE_DIRTY : VM_PTE_WRITE);

	if (now && copy_frame(dst, vpn << g->page_bits, pfn, &copy, e) < 0)
		return -ENOMEM;
	if (now) {
		bool none = entry_kind(g, raw) == ENTRY_PROTNONE;

		page_map(dst, vpn << g->page_bits, to, i, copy, page_flags(g, raw) & ~VM_PTE_ACCESSED);
		if (none)
			entry_set(&dst->mm->table, vpn - i, to, i, entry_protnone(g, copy, page_flags(g, raw) & VM_PTE_DIRTY));
		return 0;
	}
	if (f->use == VM_FRAME_ANON) {
		f->flags &= ~FRAME_EXCLUSIVE;
		if (!span_is_lent(h, from) && entry_kind(g, raw) == ENTRY_PRESENT)
			page_set_flags(src->mm, vpn - i, from, i, raw, 0, VM_PTE_WRITE);
	}
	f->refs++;
	f->maps++;
	rss_add(dst->mm, f, 1);
	span_mark(h, to, f->use == VM_FRAME_ZERO ? TABLE_ZEROS : TABLE_MIXED);
	span_mark(h, from, f->use == VM_FRAME_ZERO ? TABLE_ZEROS : TABLE_MIXED);
	if (entry_kind(g, raw) == ENTRY_PRESENT)
		raw = entry_with_flags(g, raw, 0, clear);
	entry_set(&dst->mm->table, vpn - i, to, i, raw);
	return 0;
}

static void copy_swapped(struct area *dst, vpn_t vpn, struct span *to, struct span *from, uint64_t i, uint64_t raw)
{
	struct vm_host *h = dst->mm->host;
	uint32_t slot = (uint32_t)entry_number(&h->geometry, raw);

	swap_retain(h->swap, slot);
	swap_set_exclusive(h->swap, slot, false);
	dst->mm->swapped++;
	span_mark(h, to, TABLE_MIXED);
	span_mark(h, from, TABLE_MIXED);
	entry_set(&dst->mm->table, vpn - i, to, i, raw);
}

/* As on Linux, the child gets the tables that the parent has, whatever they hold. */
static int copy_hole(struct area *dst, struct area *src, vpn_t at, struct err *e)
{
	unsigned missing = table_missing(&src->mm->table, at);

	if (leaf_pages(src->mm->host) == 0 || missing + 1 >= src->mm->host->geometry.levels)
		return 0;
	return table_make_upper(&dst->mm->table, at, missing, e);
}

/* copy_pte_range() for the entries [at, at + from->count), which lie side by side in one table: so they do in the child. */
static int copy_span(struct area *dst, struct area *src, vpn_t at, struct span *from, struct err *e)
{
	struct vm_host *h = src->mm->host;
	struct span to = { 0 };

	if (leaf_pages(h) > 0 && table_make(&dst->mm->table, at, &to, e) < 0)
		return -ENOMEM;
	if (to.entry)
		table_span(&dst->mm->table, at, at + from->count, &to);
	for (uint64_t i = 0; i < from->count; i++) {
		uint64_t raw = entry_os(h, from, i);
		enum entry_kind kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;

		if (kind == ENTRY_NONE || kind == ENTRY_NONSENSE)
			continue;
		if (!to.entry) {
			if (table_make(&dst->mm->table, at + i, &to, e) < 0)
				return -ENOMEM;
			table_span(&dst->mm->table, at, at + from->count, &to);
			assert(to.count == from->count);
			table_span(&src->mm->table, at, at + from->count, from);
			raw = entry_os(h, from, i);      /* the table may have taken the page's frame */
			kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;
		}
		if (kind == ENTRY_SWAPPED)
			copy_swapped(dst, at + i, &to, from, i, raw);
		else if (kind != ENTRY_NONE && copy_present(dst, src, at + i, &to, from, i, raw, e) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Plain leaf tables that lie wholly within the area, many at once. Returns the pages done. */
static uint64_t lend_run(struct area *dst, struct area *src, vpn_t at, vpn_t last, struct err *e)
{
	uint64_t n = leaf_pages(src->mm->host), entries = 0, done;

	if ((at & (n - 1)) != 0 || last - at < 2 * n || src->inode || (src->flags & VM_F_LOCKED))
		return 0;
	done = table_share_run(&dst->mm->table, &src->mm->table, at, last,
			       TABLE_MIXED | TABLE_COUNTED | TABLE_POKED | TABLE_ZEROS, TABLE_SHARED, &entries, e);
	dst->mm->rss_anon += entries;
	return done;
}

int pages_copy(struct area *dst, struct area *src, struct err *e)
{
	struct vm_host *h = src->mm->host;
	vpn_t first = vpn_of(h, src->start), last = vpn_of(h, src->end);
	uint64_t n = leaf_pages(h);
	bool lend = lends_tables(h), any = false;
	struct span s, leaf;
	int r = 0;

	if (!area_is_copied(src))
		return 0;
	dst->mm->exec_only |= src->mm->exec_only;
	for (vpn_t at = first; at < last && r == 0; at += s.count) {
		vpn_t start = at & ~(n - 1);

		s.count = lend ? lend_run(dst, src, at, last, e) : 0;
		if (s.count > 0) {
			any = true;
			continue;
		}
		table_span(&src->mm->table, at, last, &s);
		if (!s.entry) {
			r = copy_hole(dst, src, at, e);
			continue;
		}
		any = true;
		if (s.huge && area_is_hugetlb(src)) {
			r = hugetlb_copy(dst, src, at, entry_os(h, &s, 0), e);
			continue;
		}
		if (s.huge && s.count == (uint64_t)1 << s.huge_bits && geometry_has_write(&h->geometry) && !h->config.eager_fork) {
			r = huge_copy(dst, src, at, &s, e);
			continue;
		}
		if (s.huge) {
			r = huge_split(src->mm, at, e);
			s.count = 0;
			continue;
		}
		if (n > 0 && s.sharers > 1) {
			struct span d;

			table_span(&dst->mm->table, at, at + 1, &d);
			if (d.entry && d.table == s.table)
				continue;               /* it went with an area before this one */
		}
		if (n > 0 && lend) {
			/* First: what the upper tables evict may be pages of this leaf, which then has entries of slots. */
			r = table_make_upper(&dst->mm->table, at, 1, e);
			if (r < 0)
				break;
			table_span(&src->mm->table, start, start + n, &leaf);
			if (leaf_may_be_lent(src, start, &leaf)) {
				r = leaf_lend(dst, src, at, &leaf, e);
				continue;
			}
		}
		if (span_is_shared(&s)) {
			table_span(&src->mm->table, start, start + n, &leaf);
			leaf_count(h, &leaf);
		}
		r = copy_span(dst, src, at, &s, e);
	}
	if (any)
		tlb_flush_asid(h, src->mm->table.asid);
	rss_peak(dst->mm);
	return r;
}

/* mremap. */

/* Moves the entries of one span; the frames stay, since their index follows the area's pgoff. */
static void move_span(struct mm *mm, vpn_t from, struct span *old, vpn_t to, struct span *new)
{
	struct vm_host *h = mm->host;
	uint32_t flags = old->table == PFN_NONE ? TABLE_MIXED | TABLE_ZEROS
						: span_table(h, old)->flags & (TABLE_MIXED | TABLE_ZEROS);

	span_mark(h, new, flags);
	for (uint64_t i = 0; i < old->count; i++) {
		uint64_t raw = entry_os(h, old, i);

		if (raw == 0)
			continue;
		entry_set(&mm->table, from, old, i, 0);
		entry_set(&mm->table, to, new, i, raw);
	}
}

/* Linux makes a table two levels above the leaf where the old place lacks none but the leaf, before it sees that. */
static uint64_t move_hole(struct mm *mm, vpn_t from, vpn_t to, uint64_t count)
{
	if (leaf_pages(mm->host) > 0 && table_missing(&mm->table, from) <= 1 &&
	    (table_make_upper(&mm->table, to, 2, NULL) < 0 || table_make_upper(&mm->table, to + count - 1, 2, NULL) < 0))
		return 0;
	return count;
}

/* A huge leaf goes as a whole where both places allow it; a leaf table in the way, empty or not, means that it is split. */
static bool move_huge(struct mm *mm, vpn_t from, vpn_t to, const struct span *old)
{
	uint64_t raw = entry_os(mm->host, old, 0);
	struct span new;

	table_span(&mm->table, to, to + 1, &new);
	if (new.entry || table_set_huge(&mm->table, to, raw, NULL) < 0)
		return false;
	return table_set_huge(&mm->table, from, 0, NULL) == 0;
}

/* One step of a move: as many pages as lie in one table on both sides. 0: out of frames. */
static uint64_t move_step(struct mm *mm, vpn_t from, vpn_t to, uint64_t left)
{
	uint64_t n = leaf_pages(mm->host);
	struct span old, new;

	table_span(&mm->table, from, from + left, &old);
	if (!old.entry)
		return move_hole(mm, from, to, old.count);
	if (old.huge && old.count == (uint64_t)1 << old.huge_bits && !((from ^ to) & (old.count - 1)) &&
	    move_huge(mm, from, to, &old))
		return old.count;
	if (huge_split(mm, from, NULL) < 0)
		return 0;
	table_span(&mm->table, from, from + left, &old);
	if (span_is_lent(mm->host, &old)) {
		if (leaf_own(mm, from, NULL) < 0)
			return 0;
		table_span(&mm->table, from, from + left, &old);
	}
	if (table_make(&mm->table, to, &new, NULL) < 0 || leaf_own(mm, to, NULL) < 0)
		return 0;
	table_span(&mm->table, to, to + old.count, &new);
	table_span(&mm->table, from, from + MIN(old.count, new.count), &old);
	table_span(&mm->table, to, to + old.count, &new);
	move_span(mm, from, &old, to, &new);
	if (n > 0 && old.count == n && (from & (n - 1)) == 0 && (to & (n - 1)) == 0)
		table_trim_empty(&mm->table, from);     /* Linux moves the table itself */
	return old.count;
}

uint64_t pages_move(struct area *from_area, va_t from, struct area *to_area, va_t to, uint64_t len)
{
	struct mm *mm = from_area->mm;
	unsigned bits = mm->host->geometry.page_bits;
	uint64_t pages = len >> bits, done = 0, step;

	for (; done < pages; done += step) {
		step = move_step(mm, (from >> bits) + done, (to >> bits) + done, pages - done);
		if (step == 0)
			break;
	}
	pages_flush(mm, from >> bits, (from >> bits) + done);
	return done << bits;
}
