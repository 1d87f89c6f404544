/*
 * hugetlb.c - huge pages that are set aside (proc/sys/vm/nr_hugepages), as Linux's mm/hugetlb.c has them.
 *
 * mmap reserves what a mapping may need, so that later faults find a page; what was not reserved (noreserve, a child's copies)
 * takes only pages that nobody has reserved, and ends in SIGBUS when there is none. A private mapping's reservations are its
 * owner's, the process that mapped it: its children have none, and lose their page when the owner must copy one and the pool
 * is empty. A page that leaves its owner's table gives the reservation back when it comes back to the pool, even if the
 * mapping has gone by then: until then the count of reserved pages is, as Linux's, one too small, and may be "-1".
 */
#include "hugetlb.h"

#include "inode.h"
#include "page.h"

#include <string.h>

uint64_t huge_page_bytes(const struct vm_host *h)
{
	unsigned order = table_huge_order(h);

	return order ? page_size(h) << order : 0;
}

static uint64_t small_pages(const struct vm_host *h)
{
	return (uint64_t)1 << table_huge_order(h);
}

/* ---- the pool ---- */

static void to_idle(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	f->flags &= ~(FRAME_POOL_ANON | FRAME_POOL_RESTORE | FRAME_EXCLUSIVE);
	f->inode = NULL;
	f->index = 0;
	f->maps = 0;
	f->next = h->pool.first;
	h->pool.first = (uint32_t)pfn + 1;
	h->pool.idle++;
}

static pfn_t from_idle(struct vm_host *h)
{
	pfn_t pfn = (pfn_t)h->pool.first - 1;

	h->pool.first = frame_of(h, pfn)->next;
	frame_of(h, pfn)->next = 0;
	h->pool.idle--;
	return pfn;
}

static bool pool_grow(struct vm_host *h)
{
	uint64_t n = small_pages(h);
	pfn_t pfn = frame_alloc_order(h, VM_FRAME_KERNEL, table_huge_order(h), false);

	if (pfn == PFN_NONE)
		return false;
	for (uint64_t i = 0; i < n; i++)
		frame_of(h, pfn + i)->flags |= FRAME_HUGETLB | (i == 0 ? FRAME_HUGE_HEAD : FRAME_HUGE_TAIL);
	h->pool.total++;
	to_idle(h, pfn);
	return true;
}

/* An idle page's frames are free again. */
static void pool_shrink(struct vm_host *h)
{
	pfn_t pfn = from_idle(h);

	h->pool.total--;
	frame_release(h, pfn);
}

uint64_t vm_huge_pages_set(struct vm_host *h, uint64_t count)
{
	struct huge_pool *p = &h->pool;
	uint64_t kept;

	if (!huge_page_bytes(h))
		return 0;
	while (p->surplus > 0 && count > p->total - p->surplus)
		p->surplus--;
	while (count > p->total - p->surplus && pool_grow(h))
		;
	kept = MAX(count, p->reserved + p->total - p->idle);
	while (kept < p->total - p->surplus && p->idle > 0)
		pool_shrink(h);
	if (count < p->total - p->surplus)
		p->surplus = p->total - count;
	h->generation++;
	return p->total - p->surplus;
}

void vm_huge_pages(const struct vm_host *h, struct vm_huge_pages *out)
{
	*out = (struct vm_huge_pages) { h->pool.total, h->pool.idle, h->pool.reserved, h->pool.surplus, huge_page_bytes(h) };
}

/* A page that nobody uses any more. */
static void page_free(struct vm_host *h, pfn_t pfn)
{
	struct frame *f = frame_of(h, pfn);

	if (f->flags & FRAME_POOL_RESTORE)
		h->pool.reserved++;
	if (f->flags & FRAME_POOL_ANON)
		anon_release(f->anon);
	to_idle(h, pfn);
	if (h->pool.surplus > 0) {
		h->pool.surplus--;
		pool_shrink(h);
	}
}

/* ---- objects and what is reserved for them ---- */

int hugetlb_object(struct vm_host *h, uint64_t bytes, bool shared, struct mm *owner, bool reserve, struct vm_inode **out,
		   struct err *e)
{
	uint64_t pages = bytes / huge_page_bytes(h), available = h->pool.idle - h->pool.reserved;
	struct huge_object *o;

	if (reserve && pages > available)
		return err_set(e, ENOMEM, 3, "%" PRIu64 " huge pages are more than the %" PRIu64 " that the host has not promised"
			       " (sys/vm/nr_hugepages)", pages, available);
	*out = inode_new_shm(h, bytes);
	o = (*out)->huge = g_new0(struct huge_object, 1);
	o->pages = pages;
	o->shared = shared;
	o->owner = reserve && !shared ? owner : NULL;
	o->reserved = g_malloc0(pages);
	o->frame = shared ? g_new0(uint32_t, pages) : NULL;
	if (reserve) {
		memset(o->reserved, 1, pages);
		h->pool.reserved += pages;
	}
	g_free((*out)->label);
	(*out)->label = g_strdup("/anon_hugepage");
	return 0;
}

/* Surplus pages that were kept for what is given up go with it. */
static void unreserve(struct vm_host *h, struct huge_object *o, uint64_t first, uint64_t end)
{
	uint64_t n = 0;

	for (uint64_t i = first; i < end; i++) {
		n += o->reserved[i];
		o->reserved[i] = 0;
	}
	h->pool.reserved -= n;
	for (n = MIN(n, h->pool.surplus); n > 0 && h->pool.idle > 0; n--) {
		h->pool.surplus--;
		pool_shrink(h);
	}
}

void hugetlb_object_free(struct vm_inode *i)
{
	struct huge_object *o = i->huge;

	if (!o)
		return;
	hugetlb_punch(i, 0, o->pages * small_pages(i->host));
	unreserve(i->host, o, 0, o->pages);
	g_free(o->reserved);
	g_free(o->frame);
	g_free(o);
	i->huge = NULL;
}

/* The huge page of the object that lies at `va`. */
static uint64_t object_page(const struct area *a, va_t va)
{
	return page_index(a, va) / small_pages(a->mm->host);
}

static bool is_owner(const struct area *a)
{
	const struct huge_object *o = a->inode->huge;

	return o->shared || o->owner == a->mm;
}

void hugetlb_unmapped(struct area *a, va_t start, va_t end)
{
	struct huge_object *o = a->inode->huge;

	if (!o->shared && o->owner == a->mm)
		unreserve(a->mm->host, o, object_page(a, start), object_page(a, end - 1) + 1);
}

void hugetlb_punch(struct vm_inode *i, uint64_t first, uint64_t n)
{
	struct huge_object *o = i->huge;
	uint64_t small = small_pages(i->host), end = MIN((first + n) / small, o->pages);

	for (uint64_t k = (first + small - 1) / small; o->frame && k < end; k++) {
		if (!o->frame[k])
			continue;
		rmap_unmap(i->host, (pfn_t)o->frame[k] - 1, UINT32_MAX);
		page_free(i->host, (pfn_t)o->frame[k] - 1);
		o->frame[k] = 0;
	}
}

/*
 * A page of zeros for that place: the one that is reserved for it, if `reserved` ones may be taken, or one that is not. PFN_NONE.
 */
static pfn_t page_for(struct area *a, va_t va, bool reserved)
{
	struct vm_host *h = a->mm->host;
	uint8_t *mark = &a->inode->huge->reserved[object_page(a, va)];
	pfn_t pfn;

	reserved = reserved && is_owner(a) && *mark;
	if (h->pool.idle == 0 || (!reserved && h->pool.idle - h->pool.reserved == 0))
		return PFN_NONE;
	if (reserved) {
		*mark = 0;
		h->pool.reserved--;
	}
	pfn = from_idle(h);
	for (pfn_t i = pfn; i < pfn + small_pages(h); i++)
		frame_zero(h, i);
	return pfn;
}

/* ---- faults ---- */

static int pool_is_empty(struct area *a, va_t va, struct err *e)
{
	return err_set(e, EFAULT, -1, "no huge page is left for 0x%" PRIx64 ": of %" PRIu64 ", %" PRIu64 " are reserved", va,
		       a->mm->host->pool.total, a->mm->host->pool.reserved);
}

static int map_page(struct area *a, va_t va, pfn_t pfn, unsigned flags, struct err *e)
{
	struct vm_host *h = a->mm->host;
	vpn_t first = vpn_of(h, va & -huge_page_bytes(h));
	int r = table_set_huge(&a->mm->table, first, entry_present(&h->geometry, pfn, flags | VM_PTE_HUGE), e);

	if (r < 0)
		return r;
	frame_of(h, pfn)->maps++;
	a->mm->hugetlb += small_pages(h);
	return 0;
}

static void make_anon(struct area *a, va_t va, pfn_t pfn)
{
	struct frame *f = frame_of(a->mm->host, pfn);

	f->flags |= FRAME_POOL_ANON | FRAME_EXCLUSIVE;
	f->anon = a->anon;
	anon_retain(a->anon);
	f->index = page_index(a, va & -huge_page_bytes(a->mm->host));
}

static unsigned plain_flags(const struct area *a)
{
	return (area_page_flags(a) | VM_PTE_ACCESSED) & ~(unsigned)VM_PTE_WRITE;
}

static unsigned writable_flags(const struct area *a)
{
	return plain_flags(a) | VM_PTE_DIRTY | (a->flags & VM_F_WRITE ? VM_PTE_WRITE : 0);
}

static int missing_shared(struct area *a, va_t va, struct err *e)
{
	struct vm_host *h = a->mm->host;
	uint32_t *at = &a->inode->huge->frame[object_page(a, va)];

	if (!*at) {
		pfn_t pfn = page_for(a, va, true);

		if (pfn == PFN_NONE)
			return pool_is_empty(a, va, e);
		frame_of(h, pfn)->inode = a->inode;
		frame_of(h, pfn)->index = page_index(a, va & -huge_page_bytes(h));
		*at = (uint32_t)pfn + 1;
	}
	return map_page(a, va, (pfn_t)*at - 1, a->flags & VM_F_WRITE ? writable_flags(a) : plain_flags(a), e);
}

static int missing_private(struct area *a, va_t va, bool write, struct err *e)
{
	pfn_t pfn;
	int r;

	if (a->robbed)
		return pool_is_empty(a, va, e);
	if (!a->anon && anon_prepare(a) < 0)
		return err_set(e, ENOMEM, -1, "no frame is free for the page at 0x%" PRIx64, va);
	pfn = page_for(a, va, true);
	if (pfn == PFN_NONE)
		return pool_is_empty(a, va, e);
	make_anon(a, va, pfn);
	r = map_page(a, va, pfn, write ? writable_flags(a) : plain_flags(a), e);
	if (r < 0)
		page_free(a->mm->host, pfn);
	return r;
}

static void set_writable(struct area *a, va_t va, pfn_t pfn)
{
	struct vm_host *h = a->mm->host;
	struct frame *f = frame_of(h, pfn);
	vpn_t first = vpn_of(h, va & -huge_page_bytes(h));

	if (!(f->flags & FRAME_EXCLUSIVE) && f->anon != a->anon) {
		anon_retain(a->anon);
		anon_release(f->anon);
		f->anon = a->anon;
	}
	f->flags |= FRAME_EXCLUSIVE;
	table_set_huge(&a->mm->table, first, entry_present(&h->geometry, pfn, writable_flags(a) | VM_PTE_HUGE), NULL);
	pages_flush(a->mm, first, first + small_pages(h));
}

struct robbery { struct vm_host *host; pfn_t pfn; const struct area *by; };

/* unmap_ref_private(): another process's copy of the owner's mapping loses the page, and finds none there any more. */
static bool rob(void *arg, struct area *a, va_t va)
{
	const struct robbery *r = arg;
	vpn_t vpn = vpn_of(r->host, va);
	struct span s;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	if (a == r->by || !s.huge || entry_number(&r->host->geometry, entry_os(r->host, &s, 0)) != r->pfn)
		return true;
	a->robbed = true;
	hugetlb_zap(a, vpn, entry_os(r->host, &s, 0));
	pages_flush(a->mm, vpn, vpn + small_pages(r->host));
	return true;
}

static int refused_store(struct area *a, va_t va, pfn_t pfn, enum resolution *resolution, struct err *e)
{
	struct vm_host *h = a->mm->host;
	const struct huge_object *o = a->inode->huge;
	vpn_t first = vpn_of(h, va & -huge_page_bytes(h));
	pfn_t copy;

	if (o->shared || frame_of(h, pfn)->maps == 1) {
		*resolution = RESOLVED_REUSE;
		set_writable(a, va, pfn);
		return 0;
	}
	copy = page_for(a, va, o->owner != a->mm);
	if (copy == PFN_NONE && o->owner != a->mm)
		return pool_is_empty(a, va, e);
	if (copy == PFN_NONE) {
		struct robbery r = { h, pfn, a };

		rmap_walk(h, pfn, rob, &r);
		*resolution = RESOLVED_REUSE;
		set_writable(a, va, pfn);
		return 0;
	}
	for (pfn_t i = 0; i < small_pages(h); i++)
		frame_copy(h, copy + i, pfn + i);
	h->stats.cow_copies++;
	*resolution = RESOLVED_COW;
	make_anon(a, va, copy);
	frame_of(h, pfn)->maps--;
	frame_of(h, copy)->maps++;
	table_set_huge(&a->mm->table, first, entry_present(&h->geometry, copy, writable_flags(a) | VM_PTE_HUGE), NULL);
	pages_flush(a->mm, first, first + small_pages(h));
	return 0;
}

int hugetlb_fault(struct area *a, va_t va, bool write, enum resolution *resolution, struct err *e)
{
	struct vm_host *h = a->mm->host;
	const struct vm_geometry *g = &h->geometry;
	vpn_t vpn = vpn_of(h, va);
	struct span s;
	uint64_t raw;

	if (table_make_upper(&a->mm->table, vpn, 1, e) < 0)
		return -ENOMEM;
	table_span(&a->mm->table, vpn, vpn + 1, &s);
	raw = s.entry && s.huge ? entry_os(h, &s, 0) : 0;
	if (raw == 0) {
		*resolution = RESOLVED_HUGE;
		return a->inode->huge->shared ? missing_shared(a, va, e) : missing_private(a, va, write, e);
	}
	*resolution = RESOLVED_SPURIOUS;
	if (write && !(page_flags(g, raw) & VM_PTE_WRITE))
		return refused_store(a, va, entry_number(g, raw), resolution, e);
	pages_flush(a->mm, vpn, vpn + 1);
	return 0;
}

/* ---- entries ---- */

void hugetlb_zap(struct area *a, vpn_t vpn, uint64_t raw)
{
	struct vm_host *h = a->mm->host;
	struct huge_object *o = a->inode->huge;
	pfn_t pfn = entry_number(&h->geometry, raw);
	struct frame *f = frame_of(h, pfn);

	table_set_huge(&a->mm->table, vpn, 0, NULL);
	a->mm->hugetlb -= small_pages(h);
	f->maps--;
	if (!(f->flags & FRAME_POOL_ANON))
		return;
	if (h->pool.surplus == 0 && o->owner == a->mm) {
		f->flags |= FRAME_POOL_RESTORE;
		o->reserved[object_page(a, vpn << h->geometry.page_bits)] = 1;
	}
	if (f->maps == 0)
		page_free(h, pfn);
}

int hugetlb_copy(struct area *dst, struct area *src, vpn_t vpn, uint64_t raw, struct err *e)
{
	struct vm_host *h = src->mm->host;
	const struct vm_geometry *g = &h->geometry;
	pfn_t pfn = entry_number(g, raw);
	bool present = entry_kind(g, raw) == ENTRY_PRESENT;
	uint64_t now = present ? entry_with_flags(g, raw, 0, VM_PTE_WRITE) : raw;
	int r = table_set_huge(&dst->mm->table, vpn, now, e);

	if (r < 0)
		return r;
	frame_of(h, pfn)->maps++;
	frame_of(h, pfn)->flags &= ~FRAME_EXCLUSIVE;
	dst->mm->hugetlb += small_pages(h);
	if (now != raw)
		table_set_huge(&src->mm->table, vpn, now, NULL);
	return 0;
}

uint64_t hugetlb_protected(struct area *a, uint64_t raw)
{
	const struct vm_geometry *g = &a->mm->host->geometry;
	unsigned kept = page_flags(g, raw) & (VM_PTE_ACCESSED | VM_PTE_DIRTY), want = area_page_flags(a);
	uint64_t none;

	if (a->flags & (VM_F_READ | VM_F_WRITE | VM_F_EXEC))
		return entry_present(g, entry_number(g, raw), want | kept | VM_PTE_HUGE);
	none = entry_protnone(g, entry_number(g, raw), kept & VM_PTE_DIRTY);
	return none == UINT64_MAX ? raw : none;
}

/* ---- ends of areas ---- */

int hugetlb_check_ends(struct mm *mm, va_t start, va_t end, struct err *e)
{
	uint64_t mask = huge_page_bytes(mm->host) - 1;
	struct area *a = area_at(mm, start), *b = area_at(mm, end);

	if (a && area_is_hugetlb(a) && a->start < start && (start & mask))
		return err_set(e, EINVAL, 0, "0x%" PRIx64 " is inside a huge page", start);
	if (!b || !area_is_hugetlb(b) || b->start >= end || !(end & mask))
		return 0;
	if (a && a->start < start)
		area_split(a, start);                    /* Linux has split there before it finds that it cannot here */
	return err_set(e, EINVAL, 1, "0x%" PRIx64 " is inside a huge page", end);
}

/* ---- check ---- */

void hugetlb_check(const struct vm_host *h, void (*wrong)(void *arg, const char *why), void *arg)
{
	uint64_t idle = 0, total = 0;

	for (uint32_t at = h->pool.first; at && idle <= h->pool.idle; at = frame_of(h, at - 1)->next)
		idle++;
	for (pfn_t pfn = 0; pfn < h->ceiling_used; pfn++)
		total += (frame_of(h, pfn)->flags & (FRAME_HUGETLB | FRAME_HUGE_HEAD)) == (FRAME_HUGETLB | FRAME_HUGE_HEAD);
	if (idle != h->pool.idle)
		wrong(arg, "the pool of huge pages does not count its idle ones right");
	if (total != h->pool.total)
		wrong(arg, "the pool of huge pages does not count its pages right");
}
