/*
 * page_view.c - the pages of a process as pagemap, smaps, numa_maps and page/VA show them.
 *
 * These run over millions of entries. Where an entry is 8 little-endian bytes and its table is plain (page.h), they read
 * the entries as an array and never look at a frame; everything else goes entry by entry.
 */
#include "page.h"

#include "hugetlb.h"
#include "inode.h"
#include "vm_page.h"

#include <string.h>

const char *const vm_page_state_names[VM_PAGE_STATES] = { "none", "zero", "anon", "file", "swapped" };

#define PM_PRESENT   ((uint64_t)1 << 63)
#define PM_SWAPPED   ((uint64_t)1 << 62)
#define PM_FILE      ((uint64_t)1 << 61)
#define PM_EXCLUSIVE ((uint64_t)1 << 56)

/* The entries as an array, where that is what they are: as the OS part put them, and of 8 bytes. */
static const uint64_t *as_array(const struct vm_host *h, const struct span *s)
{
	bool wide = h->mmu.format.levels > 0 && h->mmu.format.pte_shift == 3 && !h->mmu.format.big_endian;

	return wide && !s->poked && !s->huge && G_BYTE_ORDER == G_LITTLE_ENDIAN ? (const uint64_t *)s->entry : NULL;
}

static pfn_t frame_at(const struct vm_host *h, const struct span *s, vpn_t vpn, uint64_t raw)
{
	pfn_t pfn = entry_number(&h->geometry, raw);

	return s->huge ? pfn + (vpn & (((vpn_t)1 << s->huge_bits) - 1)) : pfn;
}

static uint64_t entry_of(const struct vm_host *h, const struct span *s, uint64_t i)
{
	return entry_os(h, s, s->huge ? 0 : i);
}

/* Parts of huge pages count with the head. */
static const struct frame *head_of(const struct vm_host *h, pfn_t pfn)
{
	const struct frame *f = frame_of(h, pfn);

	return f->flags & FRAME_HUGE_TAIL ? frame_of(h, pfn & -((pfn_t)1 << f->order)) : f;
}

static uint32_t mapcount(const struct span *s, const struct frame *f)
{
	return f->maps > 1 ? f->maps : s->sharers;
}

/*
 * A look at all pages of a mixed table is the time to see whether it still is one. Nothing that shows depends on it.
 */
static bool is_plain(struct vm_host *h, struct span *s)
{
	if (span_is_plain(h, s))
		return true;
	return s->table != PFN_NONE && s->count == leaf_pages(h) && s->sharers == 1 && !s->huge && !s->poked &&
	       leaf_is_plain_again(h, s);
}

/* pagemap. */

static uint64_t pagemap_word(const struct vm_host *h, const struct span *s, vpn_t vpn, uint64_t raw)
{
	const struct frame *f;
	uint64_t word, within;
	unsigned type;
	pfn_t pfn;

	switch (raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE) {
	case ENTRY_SWAPPED:
		type = swap_place(h->swap, (uint32_t)entry_number(&h->geometry, raw), &within);
		return PM_SWAPPED | within << 5 | type;
	case ENTRY_PRESENT:
	case ENTRY_PROTNONE:
		pfn = frame_at(h, s, vpn, raw);
		f = head_of(h, pfn);
		word = PM_PRESENT | pfn;
		if (f->use == VM_FRAME_ZERO)
			return word;
		if (frame_kind(f) == VM_FRAME_FILE)
			word |= PM_FILE;
		return mapcount(s, f) == 1 ? word | PM_EXCLUSIVE : word;
	default:
		return 0;
	}
}

static void pagemap_plain(const struct vm_host *h, const struct span *s, const uint64_t *entry, vpn_t vpn, uint64_t *out)
{
	const struct mmu_format *f = &h->mmu.format;
	const uint64_t valid = f->valid, mask = f->ppn_mask, zero = h->zero_frame;
	const uint64_t anon = PM_PRESENT | (s->sharers == 1 ? PM_EXCLUSIVE : 0);
	const unsigned shift = f->ppn_shift;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry[i], pfn = raw >> shift & mask;

		if (raw & valid)
			out[i] = (pfn == zero ? PM_PRESENT : anon) | pfn;
		else
			out[i] = raw ? pagemap_word(h, s, vpn + i, raw) : 0;
	}
}

void vm_pagemap(const struct vm_proc *p, vpn_t first, size_t n, uint64_t *out)
{
	const struct vm_host *h = p->host;
	vpn_t end = first + n;
	struct span s;

	if (!p->mm) {
		memset(out, 0, n * sizeof *out);
		return;
	}
	for (vpn_t at = first; at < end; out += s.count, at += s.count) {
		const uint64_t *entry;

		table_span(&p->mm->table, at, end, &s);
		entry = s.entry ? as_array(h, &s) : NULL;
		if (!s.entry)
			memset(out, 0, s.count * sizeof *out);
		else if (entry && is_plain(p->host, &s))
			pagemap_plain(h, &s, entry, at, out);
		else
			for (uint64_t i = 0; i < s.count; i++)
				out[i] = pagemap_word(h, &s, at + i, entry_of(h, &s, i));
		/* As on Linux, of a huge leaf the first page asked for tells whether all are exclusive. */
		for (uint64_t i = 1; s.huge && i < s.count; i++)
			out[i] = (out[i] & ~PM_EXCLUSIVE) | (out[0] & PM_EXCLUSIVE);
	}
}

bool vm_page_above(const struct vm_proc *p, vpn_t first, vpn_t *found)
{
	const struct vm_host *h = p->host;
	vpn_t end = (vpn_t)1 << MIN(h->geometry.va_bits - h->geometry.page_bits, 63);
	struct span s;

	if (!p->mm)
		return false;
	for (vpn_t at = first; at < end; at += s.count) {
		table_span(&p->mm->table, at, end, &s);
		for (uint64_t i = 0; s.entry && i < s.count; i++)
			if (entry_of(h, &s, i) != 0) {
				*found = at + i;
				return true;
			}
	}
	return false;
}

/* page/VA. */

static void page_frame(const struct vm_host *h, const struct span *s, vpn_t vpn, uint64_t raw, struct vm_page *out)
{
	const struct frame *f;

	out->pfn = frame_at(h, s, vpn, raw);
	f = head_of(h, out->pfn);
	out->state = f->use == VM_FRAME_ZERO ? VM_PAGE_ZERO : frame_kind(f) == VM_FRAME_FILE ? VM_PAGE_FILE : VM_PAGE_ANON;
	out->maps = mapcount(s, f);
	out->refs = frame_kind(f) == VM_FRAME_ANON ? out->maps + !!(f->flags & FRAME_SWAPCACHE) : f->refs;
	out->flags = page_flags(&h->geometry, raw);
	if (frame_kind(f) == VM_FRAME_ANON && (f->flags & FRAME_SWAPCACHE))
		out->swap_area = swap_place(h->swap, f->slot, &out->slot);
	if (span_is_lent(h, s)) {                        /* reads as if fork had copied it */
		out->flags &= ~VM_PTE_WRITE;
		if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
			out->pte = entry_with_flags(&h->geometry, out->pte, 0, VM_PTE_WRITE);
	}
	if (s->huge) {
		out->huge_bits = s->huge_bits + h->geometry.page_bits;
		out->huge_va = vpn >> s->huge_bits << out->huge_bits;
		out->flags |= VM_PTE_HUGE;
	}
}

void vm_page_at(const struct vm_proc *p, va_t va, struct vm_page *out)
{
	const struct vm_host *h = p->host;
	vpn_t vpn = vpn_of(h, va);
	enum entry_kind kind;
	struct span s;
	uint64_t raw;

	*out = (struct vm_page) { .pfn = PFN_NONE, .slot = PFN_NONE };
	if (!p->mm)
		return;
	table_span(&p->mm->table, vpn, vpn + 1, &s);
	if (!s.entry)
		return;
	raw = entry_of(h, &s, 0);
	out->pte = entry_raw(h, &s, 0);
	out->poked = out->pte != raw;
	kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;
	if (kind == ENTRY_SWAPPED) {
		out->state = VM_PAGE_SWAPPED;
		out->swap_area = swap_place(h->swap, (uint32_t)entry_number(&h->geometry, raw), &out->slot);
	} else if (kind == ENTRY_PRESENT || kind == ENTRY_PROTNONE) {
		page_frame(h, &s, vpn, raw, out);
	}
}

/* smaps. */

/* Sums `n` pages of one kind (smaps_page_accumulate()). */
struct kind { const struct frame *frame; bool dirty, locked; uint32_t maps; uint64_t bytes; };

static void add_pages(struct vm_usage *u, const struct kind *k)
{
	uint64_t pss = (k->bytes << 12) / k->maps;
	bool file = k->frame->use == VM_FRAME_FILE, shmem = file && (k->frame->flags & FRAME_SHMEM);

	u->rss += k->bytes;
	u->pss += pss;
	*(!file ? &u->pss_anon : shmem ? &u->pss_shmem : &u->pss_file) += pss;
	u->pss_locked += k->locked ? pss : 0;
	u->pss_dirty += k->dirty ? pss : 0;
	if (k->maps == 1)
		*(k->dirty ? &u->private_dirty : &u->private_clean) += k->bytes;
	else
		*(k->dirty ? &u->shared_dirty : &u->shared_clean) += k->bytes;
	u->anonymous += file ? 0 : k->bytes;
}

static void add_present(const struct area *a, struct vm_usage *u, const struct span *s, vpn_t vpn, uint64_t raw)
{
	const struct vm_host *h = a->mm->host;
	uint64_t bytes = page_size(h);
	unsigned flags = page_flags(&h->geometry, raw);
	pfn_t pfn = frame_at(h, s, vpn, raw);
	const struct frame *f = head_of(h, pfn);
	bool dirty = flags_dirty(&h->geometry, flags) || (f->flags & FRAME_DIRTY);
	struct kind k = { f, dirty, a->flags & VM_F_LOCKED, mapcount(s, f), bytes };

	if (f->use == VM_FRAME_ZERO)
		return;
	if (f->flags & FRAME_HUGETLB) {
		*(f->maps > 1 ? &u->shared_hugetlb : &u->private_hugetlb) += bytes;
		return;
	}
	add_pages(u, &k);
	if ((flags & VM_PTE_ACCESSED) || (f->flags & FRAME_REFERENCED))
		u->referenced += bytes;
	if ((f->flags & FRAME_LAZYFREE) && !dirty)
		u->lazyfree += bytes;
	if (s->huge && f->use == VM_FRAME_ANON)
		u->anon_huge += bytes;
}

static void add_swapped(const struct vm_host *h, struct vm_usage *u, uint64_t slot)
{
	uint32_t n = swap_count(h->swap, (uint32_t)slot);

	u->swap += page_size(h);
	u->swap_pss += (page_size(h) << 12) / MAX(n, 1);
}

static void add_entry(const struct area *a, struct vm_usage *u, const struct span *s, vpn_t vpn, uint64_t raw)
{
	const struct vm_host *h = a->mm->host;

	switch (raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE) {
	case ENTRY_SWAPPED:
		add_swapped(h, u, entry_number(&h->geometry, raw));
		break;
	case ENTRY_PRESENT:
	case ENTRY_PROTNONE:
		add_present(a, u, s, vpn, raw);
		break;
	default:
		break;
	}
}

/* Anonymous pages of a plain table, whose mapcount is the number of its sharers. */
static void add_plain(const struct area *a, struct vm_usage *u, const struct span *s, const uint64_t *entry, vpn_t vpn)
{
	static const struct frame anon = { .use = VM_FRAME_ANON };
	const struct vm_host *h = a->mm->host;
	const struct mmu_format *f = &h->mmu.format;
	const unsigned dirty_shift = (unsigned)__builtin_ctzll(f->dirty), young_shift = (unsigned)__builtin_ctzll(f->accessed);
	const unsigned valid_shift = (unsigned)__builtin_ctzll(f->valid);
	uint64_t present = 0, dirty = 0, young = 0, other = 0, one = page_size(h);
	bool zeros = frame_of(h, s->table)->flags & TABLE_ZEROS;

	for (uint64_t i = 0; i < s->count; i++) {
		uint64_t raw = entry[i], v = raw >> valid_shift & 1;

		present += v;
		dirty += raw >> dirty_shift & v;
		young += raw >> young_shift & v;
		other |= v ? 0 : raw;
	}
	for (uint64_t i = 0; zeros && i < s->count; i++) {
		uint64_t raw = entry[i], v = (raw & f->valid) && (raw >> f->ppn_shift & f->ppn_mask) == h->zero_frame;

		present -= v;
		dirty -= raw >> dirty_shift & v;
		young -= raw >> young_shift & v;
	}
	for (uint64_t i = 0; other && i < s->count; i++)
		if (!(entry[i] & f->valid))
			add_entry(a, u, s, vpn + i, entry[i]);
	u->referenced += young * one;
	/* Page by page and then summed, as the kernel divides: each page's share is rounded down. */
	for (unsigned d = 0; d < 2; d++) {
		struct kind k = { &anon, d, a->flags & VM_F_LOCKED, s->sharers, one };
		uint64_t n = d ? dirty : present - dirty;
		struct vm_usage each = { 0 };

		if (n == 0)
			continue;
		add_pages(&each, &k);
		u->rss += n * each.rss;
		u->pss += n * each.pss;
		u->pss_anon += n * each.pss_anon;
		u->pss_locked += n * each.pss_locked;
		u->pss_dirty += n * each.pss_dirty;
		u->private_dirty += n * each.private_dirty;
		u->private_clean += n * each.private_clean;
		u->shared_dirty += n * each.shared_dirty;
		u->shared_clean += n * each.shared_clean;
		u->anonymous += n * each.anonymous;
	}
}

/* Is there no entry, so that the object's own swapped page shows? */
static bool has_no_entry(const struct area *a, vpn_t vpn)
{
	struct span s;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	return !s.entry || entry_os(a->mm->host, &s, 0) == 0;
}

/* Pages of shared memory in swap have no entries: the object says which they are (shmem_swap_usage()). */
static void add_shmem_swap(const struct area *a, struct vm_usage *u)
{
	const struct vm_host *h = a->mm->host;
	uint64_t end = a->pgoff + area_pages(a, h->geometry.page_bits);
	bool all = (a->flags & VM_F_SHARED) || !(a->flags & VM_F_WRITE);

	if (!a->inode || !a->inode->tmpfs || a->inode->swapped == 0)
		return;
	for (uint64_t at = a->pgoff; at < end;) {
		const struct cache_run *r = inode_run_above(a->inode, at);
		uint64_t stop;

		if (!r || r->first >= end)
			break;
		stop = MIN(end, r->first + CACHE_RUN);
		for (at = MAX(at, r->first); at < stop; at++)
			if (r->slot[at - r->first] && (all || has_no_entry(a, vpn_of(h, a->start) + (at - a->pgoff))))
				u->swap += page_size(h);
	}
}

static bool thp_eligible(const struct area *a)
{
	unsigned order = table_huge_order(a->mm->host);
	va_t size = page_size(a->mm->host) << order;

	return order && !a->inode && (a->flags & VM_F_HUGEPAGE) && ((a->start + size - 1) & -size) + size <= a->end;
}

void vm_usage_area(const struct vm_proc *p, va_t at, struct vm_usage *sum)
{
	const struct vm_host *h = p->host;
	const struct area *a = p->mm ? area_at(p->mm, at) : NULL;
	struct span s;

	if (!a)
		return;
	sum->size += a->end - a->start;
	sum->page_size = area_is_hugetlb(a) ? huge_page_bytes(h) : page_size(h);
	sum->thp_eligible |= thp_eligible(a);
	for (vpn_t vpn = vpn_of(h, a->start), end = vpn_of(h, a->end); vpn < end; vpn += s.count) {
		const uint64_t *entry;

		table_span(&p->mm->table, vpn, end, &s);
		if (!s.entry)
			continue;
		entry = as_array(h, &s);
		if (entry && is_plain(p->host, &s) && h->mmu.format.dirty && h->mmu.format.accessed)
			add_plain(a, sum, &s, entry, vpn);
		else
			for (uint64_t i = 0; i < s.count; i++)
				add_entry(a, sum, &s, vpn + i, entry_of(h, &s, i));
	}
	add_shmem_swap(a, sum);
}

/* numa_maps. */

static void numa_entry(const struct vm_host *h, struct vm_numa *out, const struct span *s, vpn_t vpn, uint64_t raw)
{
	enum entry_kind kind = raw ? entry_kind(&h->geometry, raw) : ENTRY_NONE;
	const struct frame *f;

	if (kind != ENTRY_PRESENT && kind != ENTRY_PROTNONE)
		return;
	f = head_of(h, frame_at(h, s, vpn, raw));
	if (f->use == VM_FRAME_ZERO || ((f->flags & FRAME_HUGETLB) && (vpn & (((vpn_t)1 << s->huge_bits) - 1))))
		return;                                  /* of a huge page from the pool the first small one counts */
	out->pages++;
	out->mapped++;
	out->anon += frame_kind(f) == VM_FRAME_ANON;
	out->dirty += flags_dirty(&h->geometry, page_flags(&h->geometry, raw)) || (f->flags & FRAME_DIRTY);
	out->swapcache += !!(f->flags & FRAME_SWAPCACHE);
	out->mapmax = MAX(out->mapmax, mapcount(s, f));
}

void vm_numa_area(const struct vm_proc *p, va_t at, struct vm_numa *out)
{
	const struct vm_host *h = p->host;
	const struct area *a = p->mm ? area_at(p->mm, at) : NULL;
	struct span s;

	*out = (struct vm_numa) { 0 };
	if (!a)
		return;
	out->page_size = area_is_hugetlb(a) ? huge_page_bytes(h) : page_size(h);
	for (vpn_t vpn = vpn_of(h, a->start), end = vpn_of(h, a->end); vpn < end; vpn += s.count) {
		table_span(&p->mm->table, vpn, end, &s);
		for (uint64_t i = 0; s.entry && i < s.count; i++)
			numa_entry(h, out, &s, vpn + i, entry_of(h, &s, i));
	}
}
