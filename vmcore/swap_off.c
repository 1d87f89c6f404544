/*
 * swap_off.c - swapoff: every page of an area comes back into RAM.
 *
 * Processes first, entry by entry, as a read would bring the page in; then shared memory, object by object; then what is
 * left in the swap cache gives up its slot. Wherever it stops, every page is either back or still in its slot.
 */
#include "page.h"

#include "inode.h"
#include "paging.h"

static const struct event_kind event_swapoff = { "swapoff", "area:d" };

enum { PASSES = 8 };  /* what comes back for one may have to go again for the next */

struct off { struct vm_host *host; struct swap_area *area; struct err *e; int error; };

void pages_swapped(struct mm *mm, bool (*each)(void *arg, struct area *a, va_t va, uint32_t slot), void *arg)
{
	struct vm_host *h = mm->host;
	unsigned bits = h->geometry.page_bits;
	struct span s;

	for (struct area *a = area_of(tree_first(&mm->areas)); a && mm->swapped > 0; a = area_next(a))
		for (vpn_t at = a->start >> bits, last = a->end >> bits; at < last; at += s.count) {
			table_span(&mm->table, at, last, &s);
			for (uint64_t i = 0; s.entry && !s.huge && i < s.count; i++) {
				uint64_t raw = entry_os(h, &s, i);

				if (raw == 0 || entry_kind(&h->geometry, raw) != ENTRY_SWAPPED)
					continue;
				if (!each(arg, a, (at + i) << bits, (uint32_t)entry_number(&h->geometry, raw)))
					return;
				table_span(&mm->table, at, last, &s);
				if (!s.entry || i >= s.count)
					break;
			}
		}
}

/* The entry as swapoff leaves it: what the area permits, not used yet. */
static void settle_entry(struct area *a, va_t va)
{
	struct vm_host *h = a->mm->host;
	vpn_t vpn = vpn_of(h, va);
	struct span s;
	uint64_t raw;

	table_span(&a->mm->table, vpn, vpn + 1, &s);
	raw = entry_os(h, &s, 0);
	if (entry_kind(&h->geometry, raw) == ENTRY_PRESENT)
		raw = page_protected(a, entry_with_flags(&h->geometry, raw, 0, VM_PTE_ACCESSED));
	entry_set(&a->mm->table, vpn, &s, 0, raw);
}

static bool bring_back(void *arg, struct area *a, va_t va, uint32_t slot)
{
	struct off *o = arg;
	enum resolution resolution;
	pfn_t pfn;
	bool major;

	if (slot - o->area->first >= o->area->slots)
		return true;
	o->error = fault_in(a, va, VM_READ, &major, &resolution, o->e);
	if (o->error)
		return false;
	settle_entry(a, va);
	pfn = swap_cached(o->host->swap, slot);
	if (pfn != PFN_NONE)
		page_leave_swap(o->host, pfn);
	return true;
}

static void bring_processes(struct off *o)
{
	for (struct vm_proc *p = vm_proc_above(o->host, 0); p && !o->error; p = vm_proc_above(o->host, p->pid)) {
		if (!p->mm || p->mm->swapped == 0)
			continue;
		pages_swapped(p->mm, bring_back, o);
		mm_changed(p->mm);
	}
}

static void bring_object(struct off *o, struct vm_inode *i)
{
	struct cache_run *r;

	for (uint64_t at = 0; i->swapped > 0 && !o->error && (r = inode_run_above(i, at)); at = r->first + CACHE_RUN) {
		uint64_t first = r->first;

		for (unsigned k = 0; k < CACHE_RUN && !o->error; k++) {
			uint32_t slot = inode_slot(i, first + k);

			if (slot != SWAP_NONE && slot - o->area->first < o->area->slots &&
			    inode_page(i, first + k, NULL) == PFN_NONE)
				o->error = err_set(o->e, ENOMEM, -1, "no frame is free for a page of shared memory");
		}
		r = inode_run(i, first);
		if (!r || first + CACHE_RUN < first)
			break;
	}
}

static void bring_objects(struct off *o)
{
	GHashTableIter it;
	gpointer v;

	g_hash_table_iter_init(&it, o->host->inodes);
	while (!o->error && g_hash_table_iter_next(&it, NULL, &v))
		bring_object(o, v);
}

/* Frames that nobody maps, or that the area's slots alone keep. */
static void empty_cache(struct off *o)
{
	for (uint32_t at = 0; at < o->area->top; at++) {
		pfn_t pfn = o->area->slot[at].frame ? o->area->slot[at].frame - 1 : PFN_NONE;

		if (pfn == PFN_NONE)
			continue;
		frame_retain(o->host, pfn);
		page_leave_swap(o->host, pfn);
		page_put(o->host, pfn);
	}
}

static uint64_t frames_needed(const struct swap_area *a)
{
	uint64_t n = 0;

	for (uint32_t at = 0; at < a->top; at++)
		n += a->slot[at].count > 0 && !a->slot[at].frame;
	return n;
}

/* Whether it can fit at all: frames that are free or hold what can be had again, slots of other areas. */
static int check_room(struct vm_host *h, const struct swap_area *a, struct err *e)
{
	uint64_t needed = frames_needed(a), frames = h->frames_free + h->cached;
	uint64_t slots = swap_slots_free(h->swap) - (a->slots - a->busy.count);

	if (needed <= frames + slots)
		return 0;
	return err_set(e, ENOMEM, 0, "%" PRIu64 " pages are in it, %" PRIu64 " frames and %" PRIu64 " slots elsewhere can be had",
		       needed, frames, slots);
}

static void empty_area(struct off *o)
{
	for (unsigned pass = 0; pass < PASSES && !o->error && o->area->busy.count > o->area->bad; pass++) {
		bring_processes(o);
		if (!o->error)
			bring_objects(o);
		if (!o->error)
			empty_cache(o);
	}
	if (!o->error && o->area->busy.count > o->area->bad)
		o->error = err_set(o->e, ENOMEM, 0, "%" PRIu64 " pages found no place in RAM",
				   o->area->busy.count - o->area->bad);
}

int vm_swap_off(struct vm_host *h, unsigned number, struct err *e)
{
	struct swap_area *a = number < SWAP_AREAS ? h->swap->area[number] : NULL;
	struct off o = { h, a, e, 0 };

	if (!a)
		return err_set(e, EINVAL, 0, "there is no swap area %u", number);
	if (check_room(h, a, e) < 0)
		return -e->code;
	swap_area_leave(h->swap, a, true);
	paging_begin(h, 0, VA_NONE, false);
	paging_finish_area(h, a);
	empty_area(&o);
	paging_finish_area(h, a);
	paging_end(h);
	h->generation++;
	if (o.error) {
		swap_area_leave(h->swap, a, false);
		return o.error;
	}
	swap_area_remove(h->swap, a);
	journal_add(h->journal, &event_swapoff, h->options.serial, 0)->value[0] = number;
	return 0;
}
