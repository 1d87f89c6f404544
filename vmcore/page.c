/* page.c - entries come and go: what that means for frames, slots, counters, leaf tables and the TLB. */
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

/* Leaf tables. */

static void not_counted(struct table *t, uint64_t raw)
{
}

static void leaf_span(const struct mm *mm, vpn_t vpn, struct span *s)
{
	uint64_t n = leaf_pages(mm->host);
	vpn_t first = vpn & ~(n - 1);

	table_span(&mm->table, first, first + n, s);
}

static bool names_frame(const struct vm_geometry *g, uint64_t raw)
{
	enum entry_kind k = entry_kind(g, raw);

	return k == ENTRY_PRESENT || k == ENTRY_PROTNONE;
}

/* Calls for each frame that the leaf table names. */
static void leaf_frames(struct vm_host *h, const struct span *s, uint32_t more_refs, uint32_t more_maps)
{
	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);
		struct frame *f;

		if (!names_frame(&h->geometry, raw))
			continue;
		f = frame_of(h, entry_number(&h->geometry, raw));
		f->refs += more_refs;
		f->maps += more_maps;
		f->flags &= ~FRAME_EXCLUSIVE;
	}
}

void leaf_count(struct vm_host *h, struct span *leaf)
{
	struct frame *t = span_table(h, leaf);

	if (leaf->sharers < 2 || (t->flags & TABLE_COUNTED))
		return;
	leaf_frames(h, leaf, 0, leaf->sharers - 1);
	t->flags |= TABLE_COUNTED | TABLE_MIXED;
}

/* The last user takes a table back: fork had made each page read-only, which is now for the entries to say. */
static void leaf_taken_back(struct mm *mm, vpn_t first, struct span *s)
{
	struct vm_host *h = mm->host;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);

		if (!names_frame(&h->geometry, raw))
			continue;
		frame_of(h, entry_number(&h->geometry, raw))->flags &= ~FRAME_EXCLUSIVE;
		if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
			page_set_flags(mm, first, s, i, raw, 0, VM_PTE_WRITE);
	}
	span_table(h, s)->flags &= ~(TABLE_SHARED | TABLE_COUNTED);
}

int leaf_own(struct mm *mm, vpn_t vpn, struct err *e)
{
	struct vm_host *h = mm->host;
	struct span old, own;
	uint32_t users;
	int r;

	if (leaf_pages(h) == 0)
		return 0;
	leaf_span(mm, vpn, &old);
	if (!span_is_lent(h, &old) || old.huge)
		return 0;
	users = old.sharers;
	r = table_unshare_leaf(&mm->table, vpn, not_counted, e);
	if (r < 0)
		return r;
	leaf_span(mm, vpn, &own);
	if (users == 1) {
		leaf_taken_back(mm, vpn & ~(leaf_pages(h) - 1), &own);
		return 0;
	}
	span_mark(h, &own, TABLE_MIXED | (span_table(h, &old)->flags & TABLE_ZEROS));
	leaf_frames(h, &old, 1, span_table(h, &old)->flags & TABLE_COUNTED ? 0 : users - 1);
	span_mark(h, &old, TABLE_MIXED | (users > 2 ? TABLE_COUNTED : 0));
	if (users == 2)
		span_table(h, &old)->flags &= ~TABLE_COUNTED;
	return 0;
}

bool leaf_is_plain_again(struct vm_host *h, struct span *s)
{
	const struct vm_geometry *g = &h->geometry;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry_os(h, s, i);
		enum entry_kind kind = raw ? entry_kind(g, raw) : ENTRY_NONE;
		const struct frame *f;

		if (kind == ENTRY_NONE)
			continue;
		if (kind != ENTRY_PRESENT && kind != ENTRY_PROTNONE)
			return false;
		f = frame_of(h, entry_number(g, raw));
		if (f->use == VM_FRAME_ZERO)
			continue;
		if (f->use != VM_FRAME_ANON || f->maps != 1 ||
		    (f->flags & (FRAME_DIRTY | FRAME_SWAPCACHE | FRAME_LAZYFREE | FRAME_HUGE_HEAD | FRAME_HUGE_TAIL)))
			return false;
	}
	span_table(h, s)->flags &= ~TABLE_MIXED;
	return true;
}

/* Entries of a shared leaf table that count in rss: a shared table holds nothing but anonymous frames and the zero frame. */
static uint64_t leaf_rss(struct vm_host *h, const struct span *s)
{
	const struct frame *t = span_table(h, s);
	uint64_t n = t->entries;

	if (t->flags & TABLE_ZEROS)
		for (uint64_t i = 0; i < s->count; i++) {
			uint64_t raw = entry_os(h, s, i);

			n -= raw && names_frame(&h->geometry, raw) && entry_number(&h->geometry, raw) == h->zero_frame;
		}
	return n;
}

/* The process gives up its use of a shared leaf table; its entries stay for the others. */
static void leaf_drop(struct mm *mm, vpn_t vpn)
{
	struct vm_host *h = mm->host;
	struct span s;
	struct frame *t;

	leaf_span(mm, vpn, &s);
	t = span_table(h, &s);
	mm->rss_anon -= leaf_rss(h, &s);
	if (t->flags & TABLE_COUNTED)
		leaf_frames(h, &s, 0, UINT32_MAX);      /* one less */
	if (s.sharers == 2)
		t->flags &= ~TABLE_COUNTED;
	table_drop_leaf(&mm->table, vpn);
}

int pages_own(struct mm *mm, va_t start, va_t end, bool whole, struct err *e)
{
	struct vm_host *h = mm->host;
	vpn_t first = vpn_of(h, start), last = vpn_of(h, end);
	uint64_t n = leaf_pages(h);
	struct span s;

	if (n == 0)
		return 0;
	for (vpn_t at = first; at < last; at += s.count) {
		table_span(&mm->table, at, last, &s);
		if (s.huge && s.count < (uint64_t)1 << s.huge_bits && huge_split(mm, at, e) < 0)
			return -ENOMEM;
		if (s.huge || !span_is_shared(&s) || (!whole && s.count == n))
			continue;
		if (leaf_own(mm, at, e) < 0)
			return -ENOMEM;
	}
	return 0;
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
	l->found = s.entry && names_frame(&l->host->geometry, entry_os(l->host, &s, 0)) &&
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

			if (!names_frame(&h->geometry, raw) || frame_of(h, pfn)->use == VM_FRAME_ZERO)
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
	entry_set(&a->mm->table, vpn_of(h, va) - i, s, i, entry_present(&h->geometry, pfn, flags));
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
		if (flags & VM_PTE_ACCESSED)
			f->flags |= FRAME_REFERENCED;
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

/* Gives up all shared leaf tables in the area, many at once where they need no look at their entries. */
static void drop_shared(struct area *a)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	vpn_t last = vpn_of(h, a->end);
	uint64_t mask = leaf_pages(h) - 1, entries = 0;
	struct span s;

	for (vpn_t at = vpn_of(h, a->start); at < last; at += s.count) {
		s.count = at & mask ? 0 : table_drop_run(&mm->table, at, last, TABLE_COUNTED | TABLE_ZEROS | TABLE_POKED,
							 &entries);
		if (s.count > 0)
			continue;
		table_span(&mm->table, at, last, &s);
		if (span_is_shared(&s))
			leaf_drop(mm, at);
	}
	mm->rss_anon -= entries;
}

void pages_exit(struct mm *mm)
{
	struct vm_host *h = mm->host;

	for (struct area *a = area_of(tree_first(&mm->areas)); a && h->shared_tables > 0; a = area_next(a))
		drop_shared(a);
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

	if (f->use == VM_FRAME_ANON && flags_dirty(&h->geometry, page_flags(&h->geometry, raw))) {
		f->flags |= FRAME_DIRTY;
		span_mark(h, s, TABLE_MIXED);
	}
	if (slot != SWAP_NONE) {
		swap_retain(h->swap, slot);
		swap_set_exclusive(h->swap, slot, f->flags & FRAME_EXCLUSIVE);
		span_mark(h, s, TABLE_MIXED);
		mm->swapped++;
	}
	paging_victim(h, mm->owner->pid, vpn << h->geometry.page_bits);
	entry_set(&mm->table, vpn, s, 0, slot == SWAP_NONE ? 0 : entry_swapped(&h->geometry, slot));
	page_gone(a, raw);
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
	if (!s.entry || !names_frame(&h->geometry, span_entry(h, &s, vpn, 0)) ||
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
