/* table_huge.c - huge leaves, in the tables just above the leaf tables; the tables put aside for splitting them. */
#include "radix.h"

unsigned table_huge_order(const struct vm_host *h)
{
	const struct mmu_format *f = &h->mmu.format;

	return h->geometry.table == VM_TABLE_RADIX && f->levels > 1 && f->big_mask ? below(f, f->levels - 2) : 0;
}

int table_deposit(struct table *t, struct err *e)
{
	unsigned leaf = t->host->geometry.levels - 1;
	pfn_t pfn = radix_table_new(t, leaf, 0);
	struct frame *f;

	if (pfn == PFN_NONE)
		return radix_no_frame(t->host, leaf, e);
	f = frame_of(t->host, pfn);
	f->next = t->deposit;
	f->sharers = 0;
	t->deposit = (uint32_t)pfn + 1;
	t->pages += (uint64_t)1 << f->order;
	return 0;
}

/* The deposited table that comes next; PFN_NONE. */
static pfn_t withdraw(struct table *t)
{
	pfn_t pfn = t->deposit ? (pfn_t)t->deposit - 1 : PFN_NONE;

	if (pfn == PFN_NONE)
		return pfn;
	t->deposit = frame_of(t->host, pfn)->next;
	frame_of(t->host, pfn)->next = 0;
	frame_of(t->host, pfn)->sharers = 1;
	t->pages -= (uint64_t)1 << frame_of(t->host, pfn)->order;
	return pfn;
}

void table_withdraw(struct table *t)
{
	pfn_t pfn = withdraw(t);

	if (pfn != PFN_NONE)
		frame_release(t->host, pfn);
}

int table_split_huge(struct table *t, vpn_t vpn, struct err *e)
{
	struct vm_host *h = t->host;
	const struct vm_geometry *g = &h->geometry;
	unsigned upper = g->levels - 2;
	struct place p;
	pfn_t pfn;
	uint64_t n;

	if (!t->own || !table_huge_order(h) || descend(t, vpn, upper, &p) != upper || !is_huge(&h->mmu.format, p.value))
		return 0;
	pfn = withdraw(t);
	if (pfn == PFN_NONE)
		pfn = radix_table_new(t, upper + 1, vpn);
	if (pfn == PFN_NONE)
		return radix_no_frame(h, upper + 1, e);

	/* Everything is there: from here on nothing fails. */
	for (uint64_t i = 0; i < (uint64_t)1 << frame_of(h, pfn)->order; i++)
		frame_of(h, pfn + i)->index = vpn >> below(&h->mmu.format, upper) << below(&h->mmu.format, upper);
	n = h->mmu.format.index_mask[upper + 1] + 1;
	for (uint64_t i = 0; i < n; i++) {
		pfn_t page = entry_number(g, p.value) + i;
		uint64_t raw = entry_kind(g, p.value) == ENTRY_PRESENT ? entry_present(g, page, entry_flags(g, p.value))
								       : entry_protnone(g, page, entry_protnone_dirty(g, p.value));

		pte_store(&h->mmu.format, h->ram + (pfn << h->mmu.format.page_bits) + (i << h->mmu.format.pte_shift), raw);
	}
	frame_of(h, pfn)->entries = (uint32_t)n;
	place_set(h, &p, radix_pointer_to(g, pfn));
	t->pages += (uint64_t)1 << frame_of(h, pfn)->order;
	return 0;
}

int table_set_huge(struct table *t, vpn_t vpn, uint64_t raw, struct err *e)
{
	unsigned upper = t->host->geometry.levels - 2, stopped;
	struct place p;

	if (table_root(t, e) || radix_reach(t, vpn, upper, &p, &stopped, e))
		return -ENOMEM;
	assert(stopped == upper);
	if (p.value != 0 && !is_huge(format_of(t), p.value)) {
		assert(frame_of(t->host, pointer_pfn(format_of(t), p.value))->entries == 0);
		radix_unhook(t, &p);
	}
	place_set(t->host, &p, raw);
	return 0;
}
