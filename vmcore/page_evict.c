/* page_evict.c - one frame leaves RAM: its entries first, then its bytes go where they can be had again. */
#include "page.h"

#include "inode.h"
#include "paging.h"

#include <string.h>

static const struct event_kind event_swapout = { "swapout", "pfn:x slot:p" };

static void note_swapout(struct vm_host *h, pfn_t pfn, uint32_t slot)
{
	struct event *ev = journal_add(h->journal, &event_swapout, h->options.serial, 0);

	ev->value[0] = pfn;
	ev->value[1] = swap_event_place(h->swap, slot);
	h->stats.swap_outs++;
}

/* MADV_FREE's pages just go, unless they were written since; then they are ordinary pages again. */
static bool evict_lazy(struct vm_host *h, pfn_t pfn, bool dirty)
{
	struct frame *f = frame_of(h, pfn);

	if (dirty || (f->flags & FRAME_DIRTY)) {
		f->flags = (f->flags & ~FRAME_LAZYFREE) | FRAME_DIRTY;
		return false;
	}
	rmap_unmap(h, pfn, SWAP_NONE);
	h->stats.evictions_clean++;
	return true;
}

static bool evict_anon(struct vm_host *h, pfn_t pfn, bool later, uint32_t *out)
{
	struct frame *f = frame_of(h, pfn);
	bool fresh = !(f->flags & FRAME_SWAPCACHE), write;
	uint32_t slot = fresh ? swap_alloc(h->swap) : f->slot;

	if (slot == SWAP_NONE)
		return false;
	if (fresh) {                                     /* the slot's first count is ours until the entries have theirs */
		f->flags |= FRAME_SWAPCACHE | FRAME_DIRTY;
		f->slot = slot;
		swap_set_cached(h->swap, slot, pfn);
		frame_retain(h, pfn);
	} else {
		swap_retain(h->swap, slot);
	}
	frame_retain(h, pfn);
	*out = slot;
	rmap_unmap(h, pfn, slot);
	swap_release(h->swap, slot);
	write = f->flags & FRAME_DIRTY;
	if (write) {
		f->flags &= ~FRAME_DIRTY;
		frame_unknown(h, pfn);
		note_swapout(h, pfn, slot);
		h->stats.evictions_dirty++;
		if (!later)
			paging_write(h, slot, pfn);
	} else {
		h->stats.evictions_clean++;
	}
	if (f->maps == 0 && !(write && later && paging_write_frame(h, slot, pfn)))
		page_uncache(h, pfn);                    /* nothing but the swap cache and we hold it */
	page_put(h, pfn);
	return true;
}

/* A page of shared memory: its object remembers the slot, the entries become none. */
static bool evict_shmem(struct vm_host *h, struct vm_inode *inode, uint64_t index, pfn_t pfn, uint32_t *out)
{
	struct frame *f = frame_of(h, pfn);
	uint32_t slot;

	if (!(f->flags & FRAME_DIRTY)) {                 /* never written: a hole again */
		inode_drop_page(inode, index);
		h->stats.evictions_clean++;
		return true;
	}
	slot = swap_alloc(h->swap);
	if (slot == SWAP_NONE)
		return false;
	*out = slot;
	paging_write(h, slot, pfn);
	inode_set_slot(inode, index, slot);
	inode_drop_page(inode, index);
	note_swapout(h, pfn, slot);
	h->stats.evictions_dirty++;
	return true;
}

static bool evict_file(struct vm_host *h, pfn_t pfn, uint32_t *slot)
{
	struct frame *f = frame_of(h, pfn);
	struct vm_inode *inode = f->inode;

	rmap_unmap(h, pfn, SWAP_NONE);
	if (f->maps > 0)
		return false;
	if (f->flags & FRAME_SHMEM)
		return evict_shmem(h, inode, f->index, pfn, slot);
	if (f->flags & FRAME_DIRTY)
		return false;
	inode_drop_page(inode, f->index);
	h->stats.evictions_clean++;
	return true;
}

struct look { struct vm_host *host; pfn_t pfn; bool dirty; };

static bool look_at_entry(void *arg, struct area *a, va_t va)
{
	struct look *l = arg;
	const struct vm_geometry *g = &l->host->geometry;
	struct span s;

	table_span(&a->mm->table, vpn_of(l->host, va), vpn_of(l->host, va) + 1, &s);
	if (s.entry && entry_kind(g, entry_os(l->host, &s, 0)) == ENTRY_PRESENT &&
	    entry_number(g, span_entry(l->host, &s, vpn_of(l->host, va), 0)) == l->pfn)
		l->dirty |= flags_dirty(g, entry_flags(g, entry_os(l->host, &s, 0)));
	return true;
}

/* Nobody maps it, but a slot has its bytes: it goes if nobody else holds it. */
static bool evict_unmapped(struct vm_host *h, pfn_t pfn, uint32_t *slot)
{
	struct frame *f = frame_of(h, pfn);

	if (f->use != VM_FRAME_ANON || !(f->flags & FRAME_SWAPCACHE) || f->refs > 1 || (f->flags & FRAME_DIRTY))
		return false;
	*slot = f->slot;
	frame_retain(h, pfn);
	page_uncache(h, pfn);
	page_put(h, pfn);
	h->stats.evictions_clean++;
	return true;
}

static bool evict(struct vm_host *h, pfn_t pfn, bool later, uint32_t *slot)
{
	struct frame *f = frame_of(h, pfn);
	struct look l = { h, pfn, false };

	if (f->flags & (FRAME_LOCKED | FRAME_READING | FRAME_WRITEBACK))
		return false;
	if (f->use == VM_FRAME_FILE)
		return evict_file(h, pfn, slot);
	if (f->maps == 0)
		return evict_unmapped(h, pfn, slot);
	if (f->use != VM_FRAME_ANON)
		return false;
	if (f->flags & FRAME_LAZYFREE) {
		rmap_walk(h, pfn, look_at_entry, &l);
		return evict_lazy(h, pfn, l.dirty);
	}
	return evict_anon(h, pfn, later, slot);
}

bool frame_evict(struct vm_host *h, pfn_t pfn, uint32_t *slot)
{
	return evict(h, pfn, false, slot);
}

bool frame_evict_later(struct vm_host *h, pfn_t pfn, uint32_t *slot)
{
	return evict(h, pfn, true, slot);
}
