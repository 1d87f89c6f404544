/* table.c - page tables, whatever their layout: the codec of entries, and the calls that dispatch. */
#include "table.h"

#include "mm.h"

/* The codec. */

static uint64_t low_bits(unsigned n)
{
	return n >= 64 ? UINT64_MAX : ((uint64_t)1 << n) - 1;
}

/*
 * What is not valid keeps a number in the bits besides valid, closed up: its lowest bit tells protnone (1, then the
 * frame) from swapped (0, then the slot plus one), so that no entry in use is 0.
 */
static unsigned spare_bits(const struct vm_geometry *g)
{
	return 8 * g->pte_bytes - 1;
}

/* A frame behind protnone has room for its D bit above it. */
static bool keeps_dirty(const struct vm_geometry *g)
{
	return geometry_has_dirty(g) && spare_bits(g) >= g->ppn_bits + 2;
}

static uint64_t spread(const struct vm_geometry *g, uint64_t packed)
{
	uint64_t low = low_bits((unsigned)g->valid);

	return (packed & low) | (packed & ~low) << 1;
}

static uint64_t closed_up(const struct vm_geometry *g, uint64_t raw)
{
	uint64_t low = low_bits((unsigned)g->valid);

	return (raw & low) | (raw >> 1 & ~low);
}

static bool is_valid(const struct vm_geometry *g, uint64_t raw)
{
	return raw >> g->valid & 1;
}

static bool has(uint64_t raw, int bit)
{
	return bit != VM_BIT_NONE && (raw >> bit & 1);
}

/* entry_kind() of what is not 0. */
enum entry_kind entry_kind_judged(const struct vm_geometry *g, uint64_t raw)
{
	uint64_t packed;

	if (is_valid(g, raw)) {
		if (g->leaf_by_rwx && (!has(raw, g->read) && (has(raw, g->write) || !has(raw, g->nx))))
			return ENTRY_NONSENSE;
		return ENTRY_PRESENT;
	}
	packed = closed_up(g, raw);
	if (packed & 1)
		return packed >> 1 <= low_bits(g->ppn_bits + keeps_dirty(g)) ? ENTRY_PROTNONE : ENTRY_NONSENSE;
	return ENTRY_SWAPPED;
}

bool entry_protnone_dirty(const struct vm_geometry *g, uint64_t raw)
{
	return keeps_dirty(g) && (closed_up(g, raw) >> (g->ppn_bits + 1) & 1);
}

bool entry_protnone_keeps_dirty(const struct vm_geometry *g)
{
	return keeps_dirty(g);
}

/* entry_number() of what is not valid. */
uint64_t entry_number_packed(const struct vm_geometry *g, uint64_t raw)
{
	uint64_t packed = closed_up(g, raw);

	return packed & 1 ? packed >> 1 & low_bits(g->ppn_bits) : (packed >> 1) - 1;
}

uint64_t entry_protnone(const struct vm_geometry *g, pfn_t pfn, bool dirty)
{
	if (pfn > low_bits(g->ppn_bits) || pfn > low_bits(spare_bits(g) - 1))
		return UINT64_MAX;
	return spread(g, pfn << 1 | 1 | (uint64_t)(dirty && keeps_dirty(g)) << (g->ppn_bits + 1));
}

uint64_t entry_swapped(const struct vm_geometry *g, uint64_t slot)
{
	if (slot >= low_bits(spare_bits(g) - 1))
		return UINT64_MAX;
	return spread(g, (slot + 1) << 1);
}

uint64_t entry_slots(const struct vm_geometry *g)
{
	return low_bits(spare_bits(g) - 1);
}

static uint64_t put(uint64_t raw, int bit, bool on)
{
	uint64_t mask = bit == VM_BIT_NONE ? 0 : (uint64_t)1 << bit;

	return on ? raw | mask : raw & ~mask;
}

static uint64_t put_flags(const struct vm_geometry *g, uint64_t raw, unsigned flags, unsigned which)
{
	if (which & VM_PTE_WRITE)
		raw = put(raw, g->write, !(flags & VM_PTE_WRITE) == g->write_inverted);
	if (which & VM_PTE_USER)
		raw = put(raw, g->user, flags & VM_PTE_USER);
	if (which & VM_PTE_EXEC)
		raw = put(raw, g->nx, !(flags & VM_PTE_EXEC) != g->exec_positive);
	if (which & VM_PTE_ACCESSED)
		raw = put(raw, g->accessed, flags & VM_PTE_ACCESSED);
	if (which & VM_PTE_DIRTY)
		raw = put(raw, g->dirty, flags & VM_PTE_DIRTY);
	if (which & VM_PTE_HUGE)
		raw = put(raw, g->huge, !(flags & VM_PTE_HUGE) == g->huge_inverted);
	return raw;
}

uint64_t entry_present(const struct vm_geometry *g, pfn_t pfn, unsigned flags)
{
	uint64_t raw = g->leaf_set | (uint64_t)1 << g->valid | pfn << g->ppn_shift;
	unsigned all = VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC | VM_PTE_ACCESSED | VM_PTE_DIRTY;

	assert(pfn <= low_bits(g->ppn_bits));
	raw = put(raw, g->read, true);
	return put_flags(g, raw, flags, flags & VM_PTE_HUGE ? all | VM_PTE_HUGE : all);
}

unsigned entry_flags(const struct vm_geometry *g, uint64_t raw)
{
	unsigned flags = 0;

	if (g->write == VM_BIT_NONE || has(raw, g->write) != g->write_inverted)
		flags |= VM_PTE_WRITE;
	if (g->user == VM_BIT_NONE || has(raw, g->user))
		flags |= VM_PTE_USER;
	if (g->nx == VM_BIT_NONE || has(raw, g->nx) == g->exec_positive)
		flags |= VM_PTE_EXEC;
	if (has(raw, g->accessed))
		flags |= VM_PTE_ACCESSED;
	if (has(raw, g->dirty))
		flags |= VM_PTE_DIRTY;
	return flags;
}

uint64_t entry_with_flags(const struct vm_geometry *g, uint64_t raw, unsigned set, unsigned clear)
{
	return put_flags(g, put_flags(g, raw, 0, clear), set, set);
}

/* Dispatch. */

static const struct table_ops *ops_of(const struct table *t)
{
	return &table_ops[t->host->geometry.table];
}

void table_init(struct table *t, struct vm_host *h, struct mm *mm, uint32_t asid)
{
	*t = (struct table) { .host = h, .mm = mm, .base = PA_NONE, .asid = asid };
}

int table_root(struct table *t, struct err *e)
{
	int r = t->own ? 0 : ops_of(t)->root(t, e);

	if (!r && !t->by_hand)
		t->base = t->own - 1;
	return r;
}

void table_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s)
{
	const struct vm_geometry *g = &t->host->geometry;

	*s = (struct span) { .count = limit - vpn, .table = PFN_NONE, .sharers = 1 };
	if (t->own && vpn <= low_bits(g->va_bits - g->page_bits))
		ops_of(t)->span(t, vpn, limit, s);
}

int table_make(struct table *t, vpn_t vpn, struct span *s, struct err *e)
{
	int r = table_root(t, e);

	if (r)
		return r;
	*s = (struct span) { .count = 1, .table = PFN_NONE, .sharers = 1 };
	r = ops_of(t)->make(t, vpn, s, e);
	if (!r && !t->by_hand)
		t->base = t->own - 1;           /* a hashed table moves when it grows */
	return r;
}

int table_make_upper(struct table *t, vpn_t vpn, unsigned without, struct err *e)
{
	int r = table_root(t, e);

	return r || t->host->geometry.table != VM_TABLE_RADIX ? r : radix_make_upper(t, vpn, without, e);
}

void table_trim(struct table *t, vpn_t floor, vpn_t ceiling)
{
	if (t->own && ops_of(t)->trim)
		ops_of(t)->trim(t, floor, ceiling);
}

void table_destroy(struct table *t)
{
	if (t->own)
		ops_of(t)->destroy(t);
	t->own = 0;
	t->pages = 0;
	if (!t->by_hand)
		t->base = PA_NONE;
}

void entry_set(struct table *t, vpn_t first, struct span *s, uint64_t i, uint64_t raw)
{
	struct vm_host *h = t->host;
	const struct mmu_format *f = &h->mmu.format;
	uint64_t old = entry_os(h, s, i);
	bool was = old != 0, is = raw != 0;

	assert(s->sharers <= 1);
	if (h->known) {
		entry_unknown(h, old);
		entry_unknown(h, raw);
	}
	if (s->poked)
		poke_drop(h, s->at + (i << f->pte_shift));
	pte_store(f, s->entry + (i << f->pte_shift), raw);
	if (was == is)
		return;
	if (s->table != PFN_NONE)
		frame_of(h, s->table)->entries += is ? 1 : UINT32_MAX;
	if (ops_of(t)->counted)
		ops_of(t)->counted(t, first + i, s, is);
}

const struct table_ops table_ops[VM_TABLES] = {
	[VM_TABLE_RADIX] = { radix_root, radix_span, radix_make, NULL, radix_trim, radix_destroy },
	/* A flat table is a radix table of one level. */
	[VM_TABLE_FLAT] = { radix_root, radix_span, radix_make, NULL, NULL, radix_destroy },
	[VM_TABLE_HASHED] = { hashed_root, hashed_span, hashed_make, hashed_counted, NULL, hashed_destroy },
	[VM_TABLE_INVERTED] = { hashed_root, hashed_span, hashed_make, hashed_counted, NULL, hashed_destroy },
};
