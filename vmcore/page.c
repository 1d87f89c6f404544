/* page.c - entries come and go: what that means for frames, slots, counters and the TLB. */
#include "page.h"

#include "hugetlb.h"
#include "inode.h"
#include "paging.h"
#include "reclaim.h"

void rss_peak(struct mm *mm)
{
	uint64_t now = mm->rss_anon + mm->rss_file + mm->rss_shmem;

	mm->rss_peak = MAX(mm->rss_peak, now);
}

void rss_add(struct mm *mm, const struct frame *f, uint64_t n)
{
	if (f->use == VM_FRAME_ZERO)
		return;
	*rss_of(mm, f) += n;
	rss_peak(mm);
}

/* Frames. */

pfn_t zero_frame(struct vm_host *h)
{
	if (h->zero_frame == PFN_NONE)
		h->zero_frame = frame_alloc(h, VM_FRAME_ZERO, true, false);
	return h->zero_frame;
}

uint64_t page_index(const struct area *a, va_t va)
{
	return a->pgoff + ((va - a->start) >> a->mm->host->geometry.page_bits);
}

pfn_t page_new(struct area *a, va_t va, bool zero)
{
	struct vm_host *h = a->mm->host;
	struct frame *f;
	pfn_t pfn;

	h->coming = reclaim_page_of(a->mm, vpn_of(h, va));
	pfn = frame_alloc(h, VM_FRAME_ANON, zero, true);

	if (pfn == PFN_NONE)
		return PFN_NONE;
	f = frame_of(h, pfn);
	f->anon = a->anon;
	anon_retain(a->anon);
	f->index = page_index(a, va);
	f->flags |= FRAME_EXCLUSIVE;
	return pfn;
}

void page_uncache(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	swap_set_cached(h->swap, f->slot, PFN_NONE);
	f->flags &= ~FRAME_SWAPCACHE;
	f->slot = 0;
	f->refs--;                                       /* the caller has another */
}

bool page_leave_swap(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	if (swap_count(h->swap, f->slot) > 0 || (f->flags & FRAME_READING))
		return false;
	page_uncache(h, pfn);
	f->flags |= FRAME_DIRTY;
	return true;
}

void page_put(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	if (f->use == VM_FRAME_ANON) {
		if ((f->flags & FRAME_SWAPCACHE) && f->maps == 0 && f->refs == 2)
			page_leave_swap(h, pfn);
		if (f->refs == 1) {
			if (f->anon)                     /* none: it was read ahead for nobody */
				anon_release(f->anon);
			f->anon = NULL;
		}
	}
	frame_release(h, pfn);
}

void page_slot_put(struct vm_host *h, uint32_t slot)
{
	pfn_t pfn = swap_cached(h->swap, slot);

	swap_release(h->swap, slot);
	if (pfn == PFN_NONE || swap_count(h->swap, slot) > 0 || frame_of(h, pfn)->maps > 0)
		return;
	frame_retain(h, pfn);
	page_put(h, pfn);
}

/* Locked pages: host->mlocked counts frames that some locked area maps. */

static void frame_lock(struct vm_host *h, struct frame *f)
{
	if (f->flags & FRAME_LOCKED)
		return;
	if (f->flags & (FRAME_LISTED | FRAME_ASIDE))
		reclaim_remove(h, (pfn_t)(f - h->frames));
	f->flags |= FRAME_LOCKED;
	h->mlocked++;
}

static void frame_unlock(struct vm_host *h, struct frame *f)
{
	if (!(f->flags & FRAME_LOCKED))
		return;
	f->flags &= ~FRAME_LOCKED;
	h->mlocked--;
	if (f->flags & FRAME_USER)
		reclaim_add(h, (pfn_t)(f - h->frames), NULL);
}

struct locker { struct vm_host *host; pfn_t pfn; const struct area *not; bool found; };

static bool look_for_locker(void *arg, struct area *a, va_t va)
{
	struct locker *l = arg;
	struct span s;

	if (a == l->not || !(a->flags & VM_F_LOCKED))
		return true;
	table_span(&a->mm->table, vpn_of(l->host, va), vpn_of(l->host, va) + 1, &s);
	l->found = s.entry && entry_names_frame(&l->host->geometry, entry_os(l->host, &s, 0)) &&
		   entry_number(&l->host->geometry, span_entry(l->host, &s, vpn_of(l->host, va), 0)) == l->pfn;
	return !l->found;
}

/* Area `a` no longer locks the frame: does another one? */
static void frame_unlock_by(struct vm_host *h, pfn_t pfn, const struct area *a)
{
	struct frame *f = frame_of(h, pfn);
	struct locker l = { h, pfn, a, false };

	if (!(f->flags & FRAME_LOCKED))
		return;
	if (f->maps > 1)
		rmap_walk(h, pfn, look_for_locker, &l);
	if (!l.found)
		frame_unlock(h, f);
}

void pages_set_locked(struct area *a, va_t start, va_t end, bool locked)
{
	struct vm_host *h = a->mm->host;
	vpn_t last = vpn_of(h, end);
	struct span s;

	for (vpn_t at = vpn_of(h, start); at < last; at += s.count) {
		table_span(&a->mm->table, at, last, &s);
		for (uint64_t i = 0; s.entry && i < s.count; i++) {
			uint64_t raw = span_entry(h, &s, at, i);
			pfn_t pfn = entry_number(&h->geometry, raw);

			if (!entry_names_frame(&h->geometry, raw) || frame_of(h, pfn)->use == VM_FRAME_ZERO)
				continue;
			if (locked)
				frame_lock(h, frame_of(h, pfn));
			else
				frame_unlock_by(h, pfn, a);
		}
	}
}

/* Entries. */

/* The leaf's flags stay true when it comes to name this frame. */
static void mark_for(struct vm_host *h, const struct span *s, const struct frame *f)
{
	if (f->use == VM_FRAME_ZERO)
		span_mark(h, s, TABLE_ZEROS);
	else if (f->use != VM_FRAME_ANON || f->maps > 1 || (f->flags & (FRAME_DIRTY | FRAME_SWAPCACHE | FRAME_LAZYFREE |
									FRAME_HUGE_HEAD | FRAME_HUGE_TAIL)))
		span_mark(h, s, TABLE_MIXED);
}

void page_map(struct area *a, va_t va, struct span *s, uint64_t i, pfn_t pfn, unsigned flags)
{
	struct vm_host *h = a->mm->host;
	struct frame *f = frame_of(h, pfn);

	assert(flags < G_N_ELEMENTS(h->mmu.leaf));
	f->maps++;
	f->entry = s->at + (i << h->mmu.format.pte_shift) + 1;
	rss_add(a->mm, f, 1);
	mark_for(h, s, f);
	if ((a->flags & VM_F_LOCKED) && f->use != VM_FRAME_ZERO)
		frame_lock(h, f);
	if (a->flags & VM_F_EXEC_ONLY)
		a->mm->exec_only = true;
	if ((f->flags & (FRAME_USER | FRAME_LISTED | FRAME_ASIDE | FRAME_LOCKED)) == FRAME_USER)
		reclaim_add(h, pfn, a->mm);
	entry_set(&a->mm->table, vpn_of(h, va) - i, s, i, h->mmu.leaf[flags] | pfn << h->mmu.format.ppn_shift);
}

void page_set_flags(struct mm *mm, vpn_t first, struct span *s, uint64_t i, uint64_t raw, unsigned set, unsigned clear)
{
	uint64_t now = entry_with_flags(&mm->host->geometry, raw, set, clear);

	if (now != raw)
		entry_set(&mm->table, first, s, i, now);
}

static void frame_gone(struct area *a, pfn_t pfn, unsigned flags)
{
	struct vm_host *h = a->mm->host;
	struct frame *f = frame_of(h, pfn);

	if (f->use == VM_FRAME_FILE) {
		if (flags_dirty(&h->geometry, flags) && (a->flags & VM_F_SHARED))
			inode_page_dirty(f->inode, f->index);
		if (flags & VM_PTE_ACCESSED) {
			f->flags |= FRAME_REFERENCED;
			frame_unknown(h, pfn);
		}
	}
	if (f->use != VM_FRAME_ZERO)
		--*rss_of(a->mm, f);
	if (f->maps == 1)
		frame_unlock(h, f);
	else if (a->flags & VM_F_LOCKED)
		frame_unlock_by(h, pfn, a);
	f->maps--;
	page_put(h, pfn);
}

void page_gone(struct area *a, uint64_t raw)
{
	const struct vm_geometry *g = &a->mm->host->geometry;

	switch (entry_kind(g, raw)) {
	case ENTRY_PRESENT:
	case ENTRY_PROTNONE:
		frame_gone(a, entry_number(g, raw), page_flags(g, raw));
		break;
	case ENTRY_SWAPPED:
		a->mm->swapped--;
		page_slot_put(a->mm->host, (uint32_t)entry_number(g, raw));
		break;
	case ENTRY_NONE:
	case ENTRY_NONSENSE:
		break;
	}
}

void pages_flush(struct mm *mm, vpn_t first, vpn_t end)
{
	if (end - first == 1)
		tlb_flush_page(mm->host, mm->table.asid, first);
	else
		tlb_flush_range(mm->host, mm->table.asid, first, end);
}

/* Zapping. */

static bool zap_span(struct area *a, vpn_t first, struct span *s)
{
	struct vm_host *h = a->mm->host;
	bool any = false;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);

		if (raw == 0 || entry_kind(&h->geometry, raw) == ENTRY_NONE)
			continue;
		entry_set(&a->mm->table, first, s, i, 0);
		page_gone(a, raw);
		any = true;
	}
	return any;
}

static bool zap_part(struct area *a, vpn_t at, vpn_t last, struct span *s)
{
	struct mm *mm = a->mm;

	if (s->huge) {
		huge_zap(a, at, s);
		table_span(&mm->table, at, last, s);
		if (s->entry)
			zap_span(a, at, s);
		return true;
	}
	if (span_is_shared(s)) {
		if (s->count == leaf_pages(mm->host)) {
			leaf_drop(mm, at);
			return true;
		}
		if (leaf_own(mm, at, NULL) < 0)
			return false;                   /* the caller left out pages_own(), and RAM is full */
		table_span(&mm->table, at, last, s);
	}
	return zap_span(a, at, s);
}

void pages_zap(struct area *a, va_t start, va_t end)
{
	struct vm_host *h = a->mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	bool any = false;
	struct span s;

	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&a->mm->table, at, last, &s);
		if (s.entry)
			any |= zap_part(a, at, last, &s);
	}
	if (any && h->config.flush_on_unmap)
		pages_flush(a->mm, first, last);
}

void pages_zap_cow(struct area *a, va_t start, va_t end)
{
	pages_zap(a, start, end);
}

void pages_exit(struct mm *mm)
{
	struct vm_host *h = mm->host;

	for (struct area *a = area_of(tree_first(&mm->areas)); a && h->shared_tables > 0; a = area_next(a))
		leaf_drop_area(a);
	for (struct area *a = area_of(tree_first(&mm->areas)); a; a = area_next(a))
		pages_zap(a, a->start, a->end);
	tlb_flush_asid(h, mm->table.asid);
}

/* The entry, which names `pfn`, becomes none or swapped. */
static void unmap_entry(struct area *a, vpn_t vpn, struct span *s, uint64_t raw, pfn_t pfn, uint32_t slot)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	struct frame *f = frame_of(h, pfn);
	unsigned flags = page_flags(&h->geometry, raw);

	if (f->use == VM_FRAME_ANON && flags_dirty(&h->geometry, flags)) {
		f->flags |= FRAME_DIRTY;
		span_mark(h, s, TABLE_MIXED);
	}
	if (slot != SWAP_NONE) {
		swap_retain(h->swap, slot);
		swap_set_exclusive(h->swap, slot, f->flags & FRAME_EXCLUSIVE);
		f->flags &= ~FRAME_EXCLUSIVE;            /* the swap cache may keep it, and a fork share its slot */
		span_mark(h, s, TABLE_MIXED);
		mm->swapped++;
	}
	paging_victim(h, mm->owner->pid, vpn << h->geometry.page_bits);
	entry_set(&mm->table, vpn, s, 0, slot == SWAP_NONE ? 0 : entry_swapped(&h->geometry, slot));
	frame_gone(a, pfn, flags);
	tlb_flush_page(h, mm->table.asid, vpn);
	mm->generation++;
}

bool page_unmap_sole(const struct sole *e, pfn_t pfn, uint32_t slot)
{
	struct vm_host *h = e->mm->host;
	struct area *a = area_at(e->mm, e->vpn << h->geometry.page_bits);
	struct span s = { .entry = h->ram + e->at, .at = e->at, .count = 1, .table = e->at >> h->geometry.page_bits, .sharers = 1 };

	if (!a || area_is_hugetlb(a))
		return false;
	unmap_entry(a, e->vpn, &s, e->raw, pfn, slot);
	return true;
}

bool page_unmap(struct area *a, va_t va, pfn_t pfn, uint32_t slot)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t vpn = vpn_of(h, va);
	struct span s;

	table_span(&mm->table, vpn, vpn + 1, &s);
	if (!s.entry || !entry_names_frame(&h->geometry, span_entry(h, &s, vpn, 0)) ||
	    entry_number(&h->geometry, span_entry(h, &s, vpn, 0)) != pfn)
		return false;
	if (area_is_hugetlb(a)) {
		hugetlb_zap(a, vpn, entry_os(h, &s, 0));
		pages_flush(mm, vpn, vpn + ((vpn_t)1 << s.huge_bits));
		return true;
	}
	if (s.huge || span_is_lent(h, &s)) {
		if (huge_split(mm, vpn, NULL) < 0 || leaf_own(mm, vpn, NULL) < 0)
			return false;
		table_span(&mm->table, vpn, vpn + 1, &s);
	}
	unmap_entry(a, vpn, &s, entry_os(h, &s, 0), pfn, slot);
	return true;
}

void pages_free_tables(struct mm *mm, va_t floor, va_t ceiling)
{
	table_trim(&mm->table, vpn_of(mm->host, floor), vpn_of(mm->host, ceiling));
}

void pages_dontneed(struct area *a, va_t start, va_t end)
{
	struct vm_host *h = a->mm->host;
	uint64_t n = leaf_pages(h), mask = n - 1;

	pages_zap(a, start, end);
	if (n == 0)
		return;
	for (vpn_t at = (vpn_of(h, start) + mask) & ~mask; at + n <= vpn_of(h, end); ) {
		struct span s;

		table_span(&a->mm->table, at, vpn_of(h, end), &s);
		if (s.entry)
			table_trim_empty(&a->mm->table, at);
		at += s.entry ? n : MAX(s.count & ~mask, n);   /* without a table, on to where the next may be */
	}
}
