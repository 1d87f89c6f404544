/* page_protect.c - entries follow what has changed about them: the area's permissions, the file's writeback. */
#include "page.h"

#include "inode.h"

static bool accessible(const struct area *a)
{
	return a->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC);
}

/* Linux's can_change_pte_writable(): may the entry be writable at once, without a fault that copies or notifies? */
static bool may_be_writable(const struct area *a, const struct frame *f, unsigned flags)
{
	if (!(a->flags & VM_F_WRITE))
		return false;
	if (a->flags & VM_F_SHARED)
		return !area_wants_notify(a) || (flags & VM_PTE_DIRTY);
	return f->use == VM_FRAME_ANON && f->maps == 1 && (f->flags & FRAME_EXCLUSIVE);
}

uint64_t page_protected(struct area *a, uint64_t raw)
{
	const struct vm_geometry *g = &a->mm->host->geometry;
	const unsigned all = VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC;
	enum entry_kind kind = entry_kind(g, raw);
	unsigned want, old;
	uint64_t none;
	pfn_t pfn;

	if (kind != ENTRY_PRESENT && kind != ENTRY_PROTNONE)
		return raw;
	pfn = entry_number(g, raw);
	old = page_flags(g, raw) & (VM_PTE_ACCESSED | VM_PTE_DIRTY);
	if (!accessible(a)) {
		none = entry_protnone(g, pfn, old & VM_PTE_DIRTY);
		return kind == ENTRY_PROTNONE || none == UINT64_MAX ? raw : none;
	}
	want = area_page_flags(a) & all;
	if (may_be_writable(a, frame_of(a->mm->host, pfn), old))
		want |= VM_PTE_WRITE;
	else if (!(a->flags & VM_F_SHARED))
		want &= ~VM_PTE_WRITE;
	if (kind == ENTRY_PROTNONE)
		return entry_present(g, pfn, want | old);
	return entry_with_flags(g, raw, want, all & ~want);
}

/* Where a protnone entry has no room for the D bit, its frame remembers it. */
static void keep_dirty(struct vm_host *h, const struct span *s, uint64_t raw, uint64_t now)
{
	const struct vm_geometry *g = &h->geometry;
	struct frame *f;

	if (entry_kind(g, now) != ENTRY_PROTNONE || entry_protnone_keeps_dirty(g) || !flags_dirty(g, page_flags(g, raw)))
		return;
	f = frame_of(h, entry_number(g, raw));
	if (f->use == VM_FRAME_FILE)
		inode_page_dirty(f->inode, f->index);
	else if (f->use == VM_FRAME_ANON)
		f->flags |= FRAME_DIRTY;
	span_mark(h, s, TABLE_MIXED);
}

static bool protect_span(struct area *a, vpn_t first, struct span *s)
{
	struct vm_host *h = a->mm->host;
	bool any = false;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i), now;

		if (raw == 0)
			continue;
		now = page_protected(a, raw);
		if (now == raw)
			continue;
		keep_dirty(h, s, raw, now);
		entry_set(&a->mm->table, first, s, i, now);
		any = true;
	}
	return any;
}

/*
 * A shared leaf table is read-only as a whole, so entries that only gain or lose the right to write can stay as they
 * are: leaf_own() will look at it. What else changes needs a table of the process's own.
 */
static bool shared_may_stay(struct area *a, struct span *s)
{
	struct vm_host *h = a->mm->host;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i), now;

		if (raw == 0)
			continue;
		now = page_protected(a, raw);
		if (now != raw && (entry_kind(&h->geometry, now) != entry_kind(&h->geometry, raw) ||
				   entry_with_flags(&h->geometry, now, VM_PTE_WRITE, 0) !=
				   entry_with_flags(&h->geometry, raw, VM_PTE_WRITE, 0)))
			return false;
	}
	return true;
}

void pages_protect(struct area *a, va_t start, va_t end)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	bool any = false;
	struct span s;

	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&mm->table, at, last, &s);
		if (!s.entry)
			continue;
		if (a->flags & VM_F_EXEC_ONLY)
			mm->exec_only = true;
		if (s.huge) {
			any = true;
			if (huge_protect(a, at, &s) || huge_split(mm, at, NULL) < 0)
				continue;               /* not split: the caller left out pages_own(), and RAM is full */
			table_span(&mm->table, at, last, &s);
		}
		if (span_is_lent(h, &s)) {
			if (span_is_shared(&s) && shared_may_stay(a, &s))
				continue;
			if (leaf_own(mm, at, NULL) < 0)
				continue;               /* the caller left out pages_own(), and RAM is full */
			table_span(&mm->table, at, last, &s);
		}
		any |= protect_span(a, at, &s);
	}
	if (any)
		pages_flush(mm, first, last);
}

/* Linux's page_mkclean_one(): a page on its way to the disk is written to again only after a fault. */
static void clean_area(struct area *a, uint64_t first, uint64_t last)
{
	struct vm_host *h = a->mm->host;
	unsigned bits = h->geometry.page_bits;
	uint64_t low = MAX(first, a->pgoff), high = MIN(last, a->pgoff + area_pages(a, bits) - 1);
	vpn_t from = vpn_of(h, a->start) + (low - a->pgoff), end = from + (high - low + 1);
	struct span s;

	for (vpn_t at = from; at < end; at += s.count) {
		table_span(&a->mm->table, at, end, &s);
		for (uint64_t i = 0; s.entry && i < s.count; i++) {
			uint64_t raw = entry_os(h, &s, i);

			if (entry_kind(&h->geometry, raw) != ENTRY_PRESENT ||
			    !(entry_flags(&h->geometry, raw) & (VM_PTE_WRITE | VM_PTE_DIRTY)))
				continue;
			page_set_flags(a->mm, at, &s, i, raw, 0, VM_PTE_WRITE | VM_PTE_DIRTY);
			pages_flush(a->mm, at + i, at + i + 1);
		}
	}
}

void pages_clean(struct vm_inode *inode, uint64_t first, uint64_t n)
{
	struct area *a = NULL;

	while ((a = inode_mapping_next(inode, first, first + n - 1, a)))
		if (a->flags & VM_F_SHARED)
			clean_area(a, first, first + n - 1);
}
