/*
 * table_look.c - a process's page table table by table, for pt/ and counts.
 *
 * It shows what the MMU finds: pokes and a base set by hand included. Hashed and inverted tables have no tables
 * below others; they are not shown here (their entries are: vm_page_above()).
 */
#include "proc.h"
#include "vm_page.h"

static bool table_in_ram(const struct vm_host *h, pa_t base, unsigned level)
{
	const struct mmu_format *f = &h->mmu.format;
	uint64_t bytes = (f->index_mask[level - 1] + 1) << f->pte_shift;

	return base <= h->mmu.ram_bytes && bytes <= h->mmu.ram_bytes - base;
}

/* What an upper entry leads to; false where it is no pointer to a frame in RAM. */
static bool pointer_base(const struct vm_host *h, uint64_t raw, pa_t *base)
{
	const struct mmu_format *f = &h->mmu.format;
	pfn_t pfn = raw >> f->ppn_shift & f->ppn_mask;

	if (!(raw & f->valid) || (raw ^ f->big_flip) & f->big_mask || pfn >= h->frame_count)
		return false;
	*base = pfn << f->page_bits;
	return true;
}

bool vm_table_at(const struct vm_proc *p, unsigned level, va_t va, struct vm_table_page *out)
{
	const struct vm_host *h = p->host;
	const struct mmu_format *f = &h->mmu.format;
	unsigned shift;
	pa_t base;

	if (!p->mm || p->mm->table.base == PA_NONE || level < 1 || level > f->levels)
		return false;
	base = p->mm->table.base;
	for (unsigned k = 1; k < level; k++) {
		pa_t at = base + ((va >> f->shift[k - 1] & f->index_mask[k - 1]) << f->pte_shift);

		if (!table_in_ram(h, base, k) || !pointer_base(h, pte_load(f, h->ram + at), &base))
			return false;
	}
	if (!table_in_ram(h, base, level))
		return false;
	shift = f->shift[level - 1] + (unsigned)__builtin_popcountll(f->index_mask[level - 1]);
	out->at = base;
	out->entries = f->index_mask[level - 1] + 1;
	out->entry_bits = f->shift[level - 1];
	out->first = shift >= 64 ? 0 : va >> shift << shift;
	return true;
}

void vm_table_entry(const struct vm_proc *p, const struct vm_table_page *t, uint64_t i, struct vm_walk_step *out,
		    bool *leaf)
{
	const struct vm_host *h = p->host;
	unsigned level = 1;

	while (level < h->mmu.format.levels && h->mmu.format.shift[level - 1] != t->entry_bits)
		level++;
	mmu_look_entry(h, level, i, t->at + (i << h->mmu.format.pte_shift), out, leaf);
}

uint64_t vm_table_bytes(const struct vm_proc *p)
{
	const struct table *t = p->mm ? &p->mm->table : NULL;
	const struct vm_host *h = p->host;
	uint64_t frames;

	if (!t || !t->own)
		return 0;
	frames = t->pages;
	if (h->geometry.table != VM_TABLE_INVERTED)
		frames += (uint64_t)1 << frame_of(h, (t->own - 1) >> h->geometry.page_bits)->order;
	return frames << h->geometry.page_bits;
}
