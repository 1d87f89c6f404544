/*
 * table_radix.c - page tables as trees of tables, each in frames of its own; flat ones are trees of one level.
 *
 * A table frame's refs and sharers count the upper entries that name it (the root: 1). Only leaf tables are ever
 * named more than once; all entries that name such a table forbid writing, and its frame's mm is NULL. Levels count
 * from 0 here, the root.
 */
#include "radix.h"

uint64_t radix_pointer_to(const struct vm_geometry *g, pfn_t pfn)
{
	uint64_t raw = g->table_set | (uint64_t)1 << g->valid | pfn << g->ppn_shift;

	return g->upper_permissions ? entry_with_flags(g, raw, VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC, 0) : raw;
}

static uint64_t pages_left(vpn_t vpn, unsigned bits, vpn_t limit)
{
	uint64_t to_end = ((uint64_t)1 << bits) - (vpn & (((uint64_t)1 << bits) - 1));

	return MIN(to_end, limit - vpn);
}

/* Pages without a table from vpn on: the empty entry p and those behind it in its table. */
static uint64_t hole_length(const struct table *t, const struct place *p, unsigned level, vpn_t vpn, vpn_t limit)
{
	const struct mmu_format *f = format_of(t);
	uint64_t index = vpn >> below(f, level) & f->index_mask[level], left = f->index_mask[level] - index;
	uint64_t count = pages_left(vpn, below(f, level), limit), rest = limit - vpn;
	const uint64_t step = (uint64_t)1 << below(f, level);
	struct place next = *p;

	/* All entries of a root may be 2^64 pages: nothing is added that could be more than the rest. */
	if (frame_of(t->host, p->table)->entries == 0)
		return left <= (rest - count) >> below(f, level) ? count + (left << below(f, level)) : rest;
	while (left-- > 0 && count < rest) {
		next.at += (uint64_t)1 << f->pte_shift;
		if (os_value(t->host, p->table, next.at) != 0)
			break;
		count = rest - count > step ? count + step : rest;
	}
	return count;
}

/*
 * Leaf tables found lately, by address space and number. A look-up is answered if the frame says of itself that it is this
 * space's own leaf table for these pages, so nobody has to keep the array true.
 */
static uint32_t *near_leaf(const struct table *t, vpn_t first, unsigned bits)
{
	uint64_t n = first >> bits;

	/* Neighbours lie side by side; areas and spaces, which like to begin at round addresses, apart. */
	return &t->host->near_leaf[(n ^ ((n >> 10) + t->asid * (uint64_t)1031) * 0x9e3779b97f4a7c15u >> 40) & (t->host->near_leaves - 1)];
}

static bool find_near(const struct table *t, vpn_t vpn, struct place *p)
{
	const struct mmu_format *f = format_of(t);
	unsigned bits = t->host->geometry.index_bits[f->levels - 1];
	vpn_t first = vpn >> bits << bits;
	uint32_t near = *near_leaf(t, first, bits);
	const struct frame *fr = frame_of(t->host, near - 1);

	if (!near || f->levels < 2 || !t->mm || fr->use != VM_FRAME_TABLE || fr->mm != t->mm || fr->index != first ||
	    fr->level != f->levels || fr->sharers != 1)
		return false;
	p->table = near - 1;
	p->at = (p->table << f->page_bits) + ((vpn - first) << f->pte_shift);
	return true;
}

static void remember_near(const struct table *t, vpn_t vpn, const struct place *p)
{
	unsigned bits = t->host->geometry.index_bits[format_of(t)->levels - 1];

	*near_leaf(t, vpn >> bits << bits, bits) = (uint32_t)p->table + 1;
}

void radix_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s)
{
	const struct mmu_format *f = format_of(t);
	unsigned leaf = f->levels - 1, level, bits = t->host->geometry.index_bits[leaf];
	struct place p;

	if (find_near(t, vpn, &p)) {
		span_fill(t, &p, pages_left(vpn, bits, limit), s);
		return;
	}
	level = descend(t, vpn, leaf, &p);
	if (level == leaf) {
		remember_near(t, vpn, &p);
		span_fill(t, &p, pages_left(vpn, bits, limit), s);
	} else if (p.value == 0) {
		s->count = hole_length(t, &p, level, vpn, limit);
	} else {
		span_fill(t, &p, pages_left(vpn, below(f, level), limit), s);
		s->huge = true;
		s->huge_bits = below(f, level);
	}
}

pfn_t radix_table_new(struct table *t, unsigned level, vpn_t vpn)
{
	struct vm_host *h = t->host;
	unsigned order = table_order(&h->geometry, level + 1);
	pfn_t pfn = frame_alloc_order(h, VM_FRAME_TABLE, order, true);
	unsigned span_bits = level ? below(&h->mmu.format, level - 1) : 63;

	if (pfn == PFN_NONE)
		return pfn;
	for (pfn_t i = pfn; i < pfn + ((pfn_t)1 << order); i++) {
		struct frame *f = frame_of(h, i);

		f->level = (uint8_t)(level + 1);
		f->mm = t->mm;
		f->index = vpn >> span_bits << span_bits;
	}
	frame_of(h, pfn)->sharers = 1;
	return pfn;
}

int radix_no_frame(struct vm_host *h, unsigned level, struct err *e)
{
	unsigned order = table_order(&h->geometry, level + 1);

	return err_set(e, ENOMEM, -1, "a page table of level %u takes %" G_GUINT64_FORMAT " frames side by side; "
		       "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " are free", level + 1, (uint64_t)1 << order,
		       h->frames_free, h->frame_count);
}

int radix_root(struct table *t, struct err *e)
{
	pfn_t pfn = radix_table_new(t, 0, 0);

	if (pfn == PFN_NONE)
		return radix_no_frame(t->host, 0, e);
	t->own = (pfn << t->host->geometry.page_bits) + 1;
	return 0;
}

/* Makes the tables from below `*p` at level `from` down to the one at `to`; p then is the entry in it. */
static int grow_down(struct table *t, vpn_t vpn, unsigned from, unsigned to, struct place *p, struct err *e)
{
	struct vm_host *h = t->host;
	pfn_t fresh[VM_LEVELS_MAX];

	for (unsigned k = from + 1; k <= to; k++) {
		fresh[k] = radix_table_new(t, k, vpn);
		if (fresh[k] != PFN_NONE)
			continue;
		while (--k > from)
			frame_release(h, fresh[k]);
		return radix_no_frame(h, to, e);
	}

	/* Everything is there: from here on nothing fails. */
	for (unsigned k = from + 1; k <= to; k++) {
		place_set(h, p, radix_pointer_to(&h->geometry, fresh[k]));
		t->pages += (uint64_t)1 << frame_of(h, fresh[k])->order;
		place_in(t, fresh[k], k, vpn, p);
	}
	return 0;
}

int radix_reach(struct table *t, vpn_t vpn, unsigned level, struct place *p, unsigned *stopped, struct err *e)
{
	*stopped = descend(t, vpn, level, p);
	if (*stopped == level || p->value != 0)
		return 0;
	if (grow_down(t, vpn, *stopped, level, p, e))
		return -ENOMEM;
	*stopped = level;
	return 0;
}

int radix_make(struct table *t, vpn_t vpn, struct span *s, struct err *e)
{
	const struct mmu_format *f = format_of(t);
	unsigned leaf = f->levels - 1, stopped;
	struct place p;

	if (find_near(t, vpn, &p)) {
		span_fill(t, &p, 1, s);
		return 0;
	}
	if (radix_reach(t, vpn, leaf, &p, &stopped, e))
		return -ENOMEM;
	span_fill(t, &p, 1, s);
	s->huge = stopped < leaf;
	s->huge_bits = s->huge ? below(f, stopped) : 0;
	return 0;
}

int radix_make_upper(struct table *t, vpn_t vpn, unsigned without, struct err *e)
{
	unsigned levels = format_of(t)->levels, stopped;
	struct place p;

	return levels <= without ? 0 : radix_reach(t, vpn, levels - 1 - without, &p, &stopped, e);
}

unsigned table_missing(const struct table *t, vpn_t vpn)
{
	unsigned levels = format_of(t)->levels, level;
	struct place p;

	if (!t->own || levels < 2)
		return t->own ? 0 : levels;
	level = descend(t, vpn, levels - 1, &p);
	return level < levels - 1 && p.value == 0 ? levels - 1 - level : 0;
}

void radix_unhook(struct table *t, struct place *p)
{
	struct vm_host *h = t->host;
	pfn_t child = pointer_pfn(format_of(t), p->value);
	struct frame *f = frame_of(h, child);

	t->pages -= (uint64_t)1 << f->order;
	place_set(h, p, 0);
	if (--f->sharers == 1)
		h->shared_tables--;
	frame_release(h, child);
}

static bool trim_below(struct table *t, pfn_t table, unsigned level, vpn_t first, vpn_t floor, vpn_t ceiling);

/* Trims the child at p, then the entry itself if that left an empty table that lies within. */
static void trim_child(struct table *t, struct place *p, unsigned level, vpn_t first, vpn_t floor, vpn_t ceiling)
{
	const struct mmu_format *f = format_of(t);
	vpn_t last = first + (((vpn_t)1 << below(f, level)) - 1);

	if (p->value == 0 || is_huge(f, p->value))
		return;
	if (trim_below(t, pointer_pfn(f, p->value), level + 1, first, floor, ceiling) && first >= floor &&
	    last < ceiling)
		radix_unhook(t, p);
}

/* Trims what is below the table at `level` whose first page is `first`; true if the table is empty then. */
static bool trim_below(struct table *t, pfn_t table, unsigned level, vpn_t first, vpn_t floor, vpn_t ceiling)
{
	const struct mmu_format *f = format_of(t);
	const struct frame *fr = frame_of(t->host, table);
	unsigned bits = below(f, level);
	vpn_t last = first + (f->index_mask[level] << bits) + (((vpn_t)1 << bits) - 1);

	if (level == f->levels - 1 || fr->entries == 0)
		return fr->entries == 0;
	last = MIN(last, ceiling - 1);
	for (vpn_t at = MAX(first, floor) >> bits; at <= last >> bits; at++) {
		struct place p;

		place_in(t, table, level, at << bits, &p);
		trim_child(t, &p, level, at << bits, floor, ceiling);
	}
	return fr->entries == 0;
}

void radix_trim(struct table *t, vpn_t floor, vpn_t ceiling)
{
	if (floor < ceiling)
		trim_below(t, root_pfn(t), 0, 0, floor, ceiling);
}

bool table_trim_empty(struct table *t, vpn_t vpn)
{
	const struct mmu_format *f = format_of(t);
	struct place p;
	unsigned upper = f->levels - 2;

	if (!t->own || f->levels < 2 || descend(t, vpn, upper, &p) != upper || p.value == 0 || is_huge(f, p.value))
		return false;
	if (frame_of(t->host, pointer_pfn(f, p.value))->entries != 0)
		return false;
	radix_unhook(t, &p);
	return true;
}

static void destroy_below(struct table *t, pfn_t table, unsigned level)
{
	const struct mmu_format *f = format_of(t);
	const struct frame *fr = frame_of(t->host, table);

	for (uint64_t i = 0; i <= f->index_mask[level] && fr->entries > 0; i++) {
		struct place p;

		place_in(t, table, level, i << below(f, level), &p);
		if (p.value == 0 || is_huge(f, p.value))
			continue;
		if (level + 1 < f->levels - 1)
			destroy_below(t, pointer_pfn(f, p.value), level + 1);
		radix_unhook(t, &p);
	}
}

void radix_destroy(struct table *t)
{
	pfn_t root = root_pfn(t);

	if (format_of(t)->levels > 1)
		destroy_below(t, root, 0);
	frame_release(t->host, root);
}
