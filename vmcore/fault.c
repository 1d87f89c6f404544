/*
 * fault.c - Linux's handle_mm_fault(): what is missing at an address, or what stands in the way of a store there, is
 * supplied. It secures every frame that it needs before it changes anything that shows.
 */
#include "page.h"

#include "hugetlb.h"
#include "inode.h"
#include "paging.h"
#include "reclaim.h"

#include <string.h>

const struct event_kind event_swapin = { "swapin", "va:x pfn:x slot:p" };
const struct event_kind event_cow = { "cow", "va:x from:x to:x" };

/* What handle_mm_fault() carries along. */
struct fault {
	struct area *a;
	struct mm *mm;
	struct vm_host *h;
	va_t     va;         /* of the page */
	vpn_t    vpn;
	bool     write;
	bool     waits;      /* -EINPROGRESS may be returned */
	struct span s;       /* the one page; entry NULL: no table yet */
	uint64_t raw;
	bool    *major;
	enum resolution *resolution;
	struct err *e;
};

static int no_frame(struct fault *f)
{
	return err_set(f->e, ENOMEM, -1, "no frame is free for the page at 0x%" PRIx64, f->va);
}

/* The table for the page; only then is f->s good for page_map(). */
static int make_table(struct fault *f)
{
	if (table_make(&f->mm->table, f->vpn, &f->s, f->e) < 0)
		return -ENOMEM;
	if (!span_is_lent(f->h, &f->s))
		return 0;
	if (leaf_own(f->mm, f->vpn, f->e) < 0)
		return -ENOMEM;
	table_span(&f->mm->table, f->vpn, f->vpn + 1, &f->s);
	return 0;
}

/*
 * For a read, Linux looks whether the page cache has pages around the address before it finds that the address itself lies
 * beyond the end; if so, it has made the leaf table by then. That it maps those pages is config fault_around's to say.
 */
static bool cached_around(const struct fault *f)
{
	unsigned bits = f->h->geometry.page_bits;
	vpn_t window = f->vpn & ~(vpn_t)15, first = MAX(window, f->a->start >> bits);
	vpn_t last = MIN(window + 16, f->a->end >> bits);

	for (vpn_t at = first; !f->write && at < last; at++) {
		uint64_t index = page_index(f->a, at << bits);

		/* Of a disk file, not when it is the last page: that one is left to a fault of its own. */
		if (index < inode_pages(f->a->inode) && inode_cached(f->a->inode, index) != PFN_NONE)
			return f->a->inode->tmpfs || index + 1 < inode_pages(f->a->inode);
	}
	return false;
}

/* Beyond the end of the file; upper tables have been made by then. */
static int beyond_end(struct fault *f)
{
	if (cached_around(f) ? make_table(f) < 0 : table_make_upper(&f->mm->table, f->vpn, 1, f->e) < 0)
		return -ENOMEM;
	return err_set(f->e, EFAULT, -1, "0x%" PRIx64 " lies beyond the end of the file", f->va);
}

static bool is_beyond_end(const struct fault *f)
{
	return page_index(f->a, f->va) >= inode_pages(f->a->inode);
}

static int prepare_anon(struct fault *f)
{
	if (f->a->anon || anon_prepare(f->a) == 0)
		return 0;
	return no_frame(f);
}

static unsigned fresh_flags(const struct area *a)
{
	return area_page_flags(a) | VM_PTE_ACCESSED;
}

static unsigned written_flags(const struct area *a)
{
	return fresh_flags(a) | VM_PTE_DIRTY | (a->flags & VM_F_WRITE ? VM_PTE_WRITE : 0);
}

static void note_copy(struct fault *f, pfn_t from, pfn_t to)
{
	struct event *ev = journal_add(f->h->journal, &event_cow, f->h->options.serial, f->mm->owner->pid);

	ev->value[0] = f->va;
	ev->value[1] = from;
	ev->value[2] = to;
	f->h->stats.cow_copies++;
}

/* do_anonymous_page(). */

static bool zero_page_will_do(const struct fault *f)
{
	return !f->write && geometry_has_write(&f->h->geometry) && zero_frame(f->h) != PFN_NONE;
}

static int anonymous(struct fault *f)
{
	pfn_t pfn;

	if (zero_page_will_do(f) && huge_zero_fault(f->a, f->va, fresh_flags(f->a))) {
		*f->resolution = RESOLVED_ZEROPAGE;
		return 0;
	}
	if (zero_page_will_do(f)) {
		if (make_table(f) < 0)
			return -ENOMEM;
		*f->resolution = RESOLVED_ZEROPAGE;
		frame_retain(f->h, f->h->zero_frame);
		page_map(f->a, f->va, &f->s, 0, f->h->zero_frame, fresh_flags(f->a) & ~VM_PTE_WRITE);
		return 0;
	}
	if (f->write && huge_fault(f->a, f->va, written_flags(f->a))) {
		*f->resolution = RESOLVED_HUGE;
		f->h->stats.zero_fills += (uint64_t)1 << table_huge_order(f->h);
		return 0;
	}
	if (make_table(f) < 0 || prepare_anon(f) < 0)
		return -ENOMEM;
	pfn = page_new(f->a, f->va, true);
	if (pfn == PFN_NONE)
		return no_frame(f);
	*f->resolution = RESOLVED_ZERO;
	f->h->stats.zero_fills++;
	page_map(f->a, f->va, &f->s, 0, pfn, f->a->flags & VM_F_WRITE ? written_flags(f->a) : fresh_flags(f->a));
	return 0;
}

/* do_fault(): pages of files and of shared memory. */

/* A private copy of the file's page, for a store, or where the format cannot refuse one later. */
static int file_copied(struct fault *f)
{
	struct vm_inode *inode = f->a->inode;
	pfn_t to, from;

	if (prepare_anon(f) < 0)
		return -ENOMEM;
	if (is_beyond_end(f))
		return beyond_end(f);
	to = page_new(f->a, f->va, false);
	if (to == PFN_NONE)
		return no_frame(f);
	from = inode_page(inode, page_index(f->a, f->va), f->major);
	if (from == PFN_NONE) {
		page_put(f->h, to);
		return no_frame(f);
	}
	frame_copy(f->h, to, from);
	if (make_table(f) < 0) {
		page_put(f->h, to);
		return -ENOMEM;
	}
	note_copy(f, from, to);
	*f->resolution = RESOLVED_COW;
	page_map(f->a, f->va, &f->s, 0, to, written_flags(f->a));
	return 0;
}

/* Maps pages around that the page cache has: config fault_around. They count as no faults. */
static void map_around(struct fault *f)
{
	unsigned bits = f->h->geometry.page_bits;
	uint64_t pages = f->h->config.fault_around >> bits;
	vpn_t first, last;
	struct span s;

	if (pages < 2)
		return;
	first = MAX(f->vpn - f->vpn % pages, f->a->start >> bits);
	last = MIN(f->vpn - f->vpn % pages + pages, f->a->end >> bits);
	for (vpn_t at = first; at < last; at++) {
		va_t va = at << bits;
		pfn_t pfn;

		table_span(&f->mm->table, at, at + 1, &s);
		if (!s.entry || s.huge || span_is_lent(f->h, &s) || entry_os(f->h, &s, 0) != 0 ||
		    page_index(f->a, va) >= inode_pages(f->a->inode))
			continue;
		pfn = inode_cached(f->a->inode, page_index(f->a, va));
		if (pfn == PFN_NONE)
			continue;
		frame_retain(f->h, pfn);
		page_map(f->a, va, &s, 0, pfn, area_page_flags(f->a));
	}
}

static int file_shared(struct fault *f)
{
	struct vm_inode *inode = f->a->inode;
	uint64_t index = page_index(f->a, f->va);
	unsigned flags = f->write ? written_flags(f->a) : fresh_flags(f->a);
	pfn_t pfn;

	if (is_beyond_end(f))
		return beyond_end(f);
	pfn = inode_page(inode, index, f->major);
	if (pfn == PFN_NONE)
		return no_frame(f);
	frame_retain(f->h, pfn);                         /* stays while the table takes its frames; then the entry's */
	if (make_table(f) < 0) {
		frame_release(f->h, pfn);
		return -ENOMEM;
	}
	if ((f->a->flags & VM_F_SHARED) && (f->write || (!geometry_has_dirty(&f->h->geometry) && (flags & VM_PTE_WRITE)) ||
					    !geometry_has_write(&f->h->geometry)))
		inode_page_dirty(inode, index);
	*f->resolution = RESOLVED_FILE;
	page_map(f->a, f->va, &f->s, 0, pfn, flags);
	if (!f->write)
		map_around(f);
	return 0;
}

static int missing(struct fault *f)
{
	bool private = !(f->a->flags & VM_F_SHARED);

	if (!f->a->inode)
		return anonymous(f);
	if (private && (f->a->flags & VM_F_WRITE) && (f->write || !geometry_has_write(&f->h->geometry)))
		return file_copied(f);
	return file_shared(f);
}

/* do_wp_page(): the entry is there and refuses a store that the area permits. */

/* wp_can_reuse_anon_folio(): nobody else has the page, in memory or in swap. */
static bool may_reuse(struct fault *f, pfn_t pfn)
{
	struct frame *p = frame_of(f->h, pfn);

	if (p->use != VM_FRAME_ANON || p->maps > 1)
		return false;
	if (p->flags & FRAME_EXCLUSIVE)
		return true;
	return !(p->flags & FRAME_SWAPCACHE) || page_leave_swap(f->h, pfn);
}

static void set_writable(struct fault *f)
{
	page_set_flags(f->mm, f->vpn, &f->s, 0, entry_os(f->h, &f->s, 0),
		       VM_PTE_WRITE | VM_PTE_DIRTY | VM_PTE_ACCESSED, 0);
	pages_flush(f->mm, f->vpn, f->vpn + 1);
}

static void reuse(struct fault *f, pfn_t pfn)
{
	struct frame *p = frame_of(f->h, pfn);

	if (!(p->flags & FRAME_EXCLUSIVE) && p->anon != f->a->anon) {
		anon_retain(f->a->anon);
		anon_release(p->anon);
		p->anon = f->a->anon;
	}
	p->flags |= FRAME_EXCLUSIVE;
	*f->resolution = RESOLVED_REUSE;
	set_writable(f);
}

static int copy(struct fault *f, pfn_t from)
{
	bool zero = from == f->h->zero_frame;
	pfn_t to;

	if (prepare_anon(f) < 0)
		return -ENOMEM;
	frame_retain(f->h, from);
	to = page_new(f->a, f->va, zero);
	if (to == PFN_NONE) {
		page_put(f->h, from);
		return no_frame(f);
	}
	if (zero) {
		f->h->stats.zero_fills++;
		*f->resolution = RESOLVED_ZERO;
	} else {
		frame_copy(f->h, to, from);
		note_copy(f, from, to);
		*f->resolution = RESOLVED_COW;
	}
	f->raw = entry_os(f->h, &f->s, 0);
	entry_set(&f->mm->table, f->vpn, &f->s, 0, 0);
	page_gone(f->a, f->raw);
	page_map(f->a, f->va, &f->s, 0, to, written_flags(f->a));
	pages_flush(f->mm, f->vpn, f->vpn + 1);
	page_put(f->h, from);
	return 0;
}

static int refused_store(struct fault *f)
{
	pfn_t pfn = entry_number(&f->h->geometry, f->raw);
	struct frame *p = frame_of(f->h, pfn);

	if (f->a->flags & (VM_F_SHARED | VM_F_MAYSHARE)) {
		inode_page_dirty(p->inode, p->index);    /* page_mkwrite() */
		*f->resolution = RESOLVED_DIRTY;
		set_writable(f);
		return 0;
	}
	if (!may_reuse(f, pfn))
		return copy(f, pfn);
	reuse(f, pfn);
	return 0;
}

/* do_swap_page(). */

static void note_swapin(struct fault *f, pfn_t pfn, uint32_t slot)
{
	struct event *ev = journal_add(f->h->journal, &event_swapin, f->h->options.serial, f->mm->owner->pid);

	ev->value[0] = f->va;
	ev->value[1] = pfn;
	ev->value[2] = swap_event_place(f->h->swap, slot);
	f->h->stats.swap_ins++;
	*f->major = true;
}

/* The cached frame, once its bytes are there. */
static int cached_frame(struct fault *f, pfn_t pfn)
{
	struct frame *p = frame_of(f->h, pfn);

	f->h->coming = reclaim_page_of(f->mm, f->vpn);
	if (p->flags & FRAME_AHEAD)
		swap_ahead_hit(f->h, pfn);
	if ((p->flags & FRAME_READING) && f->waits) {
		paging_wait_frame(f->mm->owner, pfn, f->va, false);
		return -EINPROGRESS;
	}
	frame_retain(f->h, pfn);                         /* first: the end of a write frees a frame that nobody else wants */
	paging_finish(f->h, pfn);
	if (f->h->config.swap_cache || p->maps > 0)
		return 0;
	page_uncache(f->h, pfn);                         /* it was there to be waited for; our reference stays */
	p->flags |= FRAME_DIRTY;
	return 0;
}

/* False: they are on their way. */
static bool read_slot(struct fault *f, uint32_t slot, pfn_t pfn)
{
	struct ahead w;
	bool done;

	if (f->h->config.swap_readahead < 2)
		return paging_read_frame(f->h, slot, pfn);
	w = swap_ahead(f->h, slot);
	swap_ahead_read(f->h, &w, slot);
	done = paging_read_frame(f->h, slot, pfn);
	swap_ahead_read(f->h, &w, SWAP_NONE);
	return done;
}

/* The frame that holds the slot's bytes, with a reference for the caller. -ENOMEM: out of frames; -EINPROGRESS. */
static int frame_of_slot(struct fault *f, uint32_t slot, pfn_t *pfn)
{
	struct frame *p;

	*pfn = swap_cached(f->h->swap, slot);
	if (*pfn != PFN_NONE)
		return cached_frame(f, *pfn);
	*pfn = page_new(f->a, f->va, false);
	if (*pfn == PFN_NONE)
		return no_frame(f);
	p = frame_of(f->h, *pfn);
	p->flags = (p->flags & ~FRAME_EXCLUSIVE) | FRAME_SWAPCACHE;
	p->slot = slot;
	swap_set_cached(f->h->swap, slot, *pfn);
	frame_retain(f->h, *pfn);
	note_swapin(f, *pfn, slot);
	if (!read_slot(f, slot, *pfn)) {
		paging_wait_frame(f->mm->owner, *pfn, f->va, true);
		return -EINPROGRESS;
	}
	if (!f->h->config.swap_cache) {
		page_uncache(f->h, *pfn);
		p->flags |= FRAME_DIRTY;
	}
	return 0;
}

/* The page belongs to `anon` from now on: of the area if no other process can have it, else of the whole family. */
static void adopt(const struct fault *f, struct frame *p, struct anon *anon)
{
	if (p->anon == anon)
		return;
	anon_retain(anon);
	if (p->anon)
		anon_release(p->anon);
	else                                             /* read ahead for nobody */
		p->index = page_index(f->a, f->va);
	p->anon = anon;
}

static int swapped(struct fault *f)
{
	uint32_t slot = (uint32_t)entry_number(&f->h->geometry, f->raw);
	bool exclusive, alone, tight;
	unsigned flags;
	struct frame *p;
	pfn_t pfn;
	int r;

	if (prepare_anon(f) < 0)                         /* the table is there, and the process's own: see resolve() */
		return -ENOMEM;
	exclusive = swap_exclusive(f->h->swap, slot);
	swap_soon(f->h->swap, slot, true);
	r = frame_of_slot(f, slot, &pfn);
	if (r < 0)
		return r;
	p = frame_of(f->h, pfn);
	*f->resolution = RESOLVED_SWAPIN;
	f->mm->swapped--;
	swap_release(f->h->swap, slot);                  /* the cache keeps the slot, or nobody needs it */
	tight = swap_is_tight(f->h->swap) || (f->a->flags & VM_F_LOCKED) || (p->flags & FRAME_LOCKED);
	if ((p->flags & FRAME_SWAPCACHE) && (tight || (f->write && p->maps == 0)))
		page_leave_swap(f->h, pfn);
	alone = exclusive || (p->maps == 0 && !(p->flags & FRAME_SWAPCACHE));
	if (p->maps == 0) {
		if (!p->anon && (p->flags & (FRAME_LISTED | FRAME_ASIDE)))
			reclaim_remove(f->h, pfn);       /* as nobody's page; page_map() makes it this one's */
		adopt(f, p, alone ? f->a->anon : f->a->anon->root);
	}
	flags = fresh_flags(f->a) & ~VM_PTE_WRITE;
	if (alone) {
		p->flags |= FRAME_EXCLUSIVE;
		flags |= f->a->flags & VM_F_WRITE ? VM_PTE_WRITE : 0;
		flags |= f->write ? VM_PTE_DIRTY : 0;
	}
	page_map(f->a, f->va, &f->s, 0, pfn, flags);
	f->raw = entry_os(f->h, &f->s, 0);
	return f->write && !alone && geometry_has_write(&f->h->geometry) ? refused_store(f) : 0;
}

/* What was poked over the entry: flags are taken as they are; another frame means that ours is gone for this process. */
static void settle_poke(struct fault *f)
{
	const struct vm_geometry *g = &f->h->geometry;
	uint64_t real = entry_raw(f->h, &f->s, 0), ours = entry_os(f->h, &f->s, 0);

	if (real == ours)
		return;
	if (entry_kind(g, real) == ENTRY_PRESENT && entry_kind(g, ours) == ENTRY_PRESENT &&
	    entry_number(g, real) == entry_number(g, ours)) {
		entry_set(&f->mm->table, f->vpn, &f->s, 0, real);
		return;
	}
	entry_set(&f->mm->table, f->vpn, &f->s, 0, 0);
	page_gone(f->a, ours);
	pages_flush(f->mm, f->vpn, f->vpn + 1);
}

static int resolve(struct area *a, va_t va, enum vm_access how, bool *major, enum resolution *resolution, struct err *e)
{
	struct mm *mm = a->mm;
	struct vm_host *h = mm->host;
	struct fault f = { .a = a, .mm = mm, .h = h, .va = va & -page_size(h), .vpn = vpn_of(h, va),
			   .write = how == VM_WRITE, .waits = paging_may_wait(h), .major = major, .resolution = resolution, .e = e };

	*major = false;
	if (area_is_hugetlb(a))
		return hugetlb_fault(a, va, f.write, resolution, e);
	*resolution = RESOLVED_SPURIOUS;
	table_span(&mm->table, f.vpn, f.vpn + 1, &f.s);
	if (f.s.entry && span_is_lent(h, &f.s) && make_table(&f) < 0)
		return -ENOMEM;
	if (f.s.huge && f.s.poked && huge_split(mm, f.vpn, e) < 0)
		return -ENOMEM;
	if (f.s.huge && f.s.poked)
		table_span(&mm->table, f.vpn, f.vpn + 1, &f.s);
	if (f.s.entry && f.s.poked)
		settle_poke(&f);
	f.raw = f.s.entry ? entry_os(h, &f.s, 0) : 0;
	switch (f.raw ? entry_kind(&h->geometry, f.raw) : ENTRY_NONE) {
	case ENTRY_NONE:
	case ENTRY_NONSENSE:
		return missing(&f);
	case ENTRY_SWAPPED:
		return swapped(&f);
	case ENTRY_PROTNONE:
		if (f.s.huge)
			break;
		f.raw = page_protected(a, f.raw);
		entry_set(&mm->table, f.vpn, &f.s, 0, f.raw);
		break;
	case ENTRY_PRESENT:
		break;
	}
	if (f.s.huge && f.write && !(entry_flags(&h->geometry, f.raw) & VM_PTE_WRITE)) {
		vpn_t first = f.vpn >> f.s.huge_bits << f.s.huge_bits;

		if (huge_fill(a, first, &f.s, written_flags(a))) {
			*resolution = RESOLVED_HUGE;
			pages_flush(mm, first, first + ((vpn_t)1 << f.s.huge_bits));
			return 0;
		}
		if (huge_reuse(a, first, &f.s, written_flags(a))) {
			*resolution = RESOLVED_REUSE;
			pages_flush(mm, first, first + ((vpn_t)1 << f.s.huge_bits));
			return 0;
		}
		if (huge_split(mm, f.vpn, e) < 0)
			return -ENOMEM;
		table_span(&mm->table, f.vpn, f.vpn + 1, &f.s);
		f.raw = entry_os(h, &f.s, 0);
	}
	if (f.s.huge) {                                  /* a stale translation: the leaf permits all that the area does */
		pages_flush(mm, f.vpn, f.vpn + 1);
		return 0;
	}
	if (f.write && !(entry_flags(&h->geometry, f.raw) & VM_PTE_WRITE))
		return refused_store(&f);
	page_set_flags(mm, f.vpn, &f.s, 0, f.raw, VM_PTE_ACCESSED | (f.write ? VM_PTE_DIRTY : 0), 0);
	pages_flush(mm, f.vpn, f.vpn + 1);
	return 0;
}

int fault_in(struct area *a, va_t va, enum vm_access how, bool *major, enum resolution *resolution, struct err *e)
{
	struct vm_host *h = a->mm->host;
	int r;

	h->asker = a->mm;
	h->fresh = PFN_NONE;
	r = resolve(a, va, how, major, resolution, e);
	h->asker = NULL;
	return r;
}
