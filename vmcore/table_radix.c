/*
 * table_radix.c - page tables as trees of tables, each in frames of its own; flat ones are trees of one level.
 *
 * A table frame's refs and sharers count the upper entries that name it (the root: 1). Only leaf tables are ever
 * named more than once; all entries that name such a table forbid writing, and its frame's mm is NULL. Levels count
 * from 0 here, the root.
 */
#include "mm.h"
#include "table.h"

#include <string.h>

/* An entry of an upper table: where it is, in which table, and its value as the OS part put it. */
struct place { pfn_t table; pa_t at; uint64_t value; };

static const struct mmu_format *format_of(const struct table *t) { return &t->host->mmu.format; }

/* log2 of the pages that one entry at `level` translates. */
static unsigned below(const struct mmu_format *f, unsigned level) { return f->shift[level] - f->page_bits; }

static uint64_t os_value(const struct vm_host *h, pfn_t table, pa_t at)
{
	const uint64_t *poked = frame_of(h, table)->flags & TABLE_POKED ? poke_at(h, at) : NULL;

	return poked ? *poked : pte_load(&h->mmu.format, h->ram + at);
}

/* The OS part writes an upper entry; a poke of it ends. */
static void place_set(struct vm_host *h, struct place *p, uint64_t raw)
{
	if (frame_of(h, p->table)->flags & TABLE_POKED)
		poke_drop(h, p->at);
	if (!p->value != !raw)
		frame_of(h, p->table)->entries += raw ? 1 : UINT32_MAX;
	pte_store(&h->mmu.format, h->ram + p->at, raw);
	p->value = raw;
}

static pfn_t pointer_pfn(const struct mmu_format *f, uint64_t raw) { return raw >> f->ppn_shift & f->ppn_mask; }

/* In an upper table: neither empty nor a pointer, so a huge leaf, valid or not. */
static bool is_huge(const struct mmu_format *f, uint64_t raw)
{
	return raw != 0 && (!(raw & f->valid) || ((raw ^ f->big_flip) & f->big_mask));
}

static uint64_t pointer_to(const struct vm_geometry *g, pfn_t pfn)
{
	uint64_t raw = g->table_set | (uint64_t)1 << g->valid | pfn << g->ppn_shift;

	return g->upper_permissions ? entry_with_flags(g, raw, VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC, 0) : raw;
}

static void place_in(const struct table *t, pfn_t table, unsigned level, vpn_t vpn, struct place *p)
{
	const struct mmu_format *f = format_of(t);
	uint64_t index = vpn >> below(f, level) & f->index_mask[level];

	p->table = table;
	p->at = (table << f->page_bits) + (index << f->pte_shift);
	p->value = os_value(t->host, table, p->at);
}

static pfn_t root_pfn(const struct table *t) { return (t->own - 1) >> t->host->geometry.page_bits; }

/* Goes down to the entry for vpn at `level`; stops above it at one that is no pointer. Returns where it stopped. */
static unsigned descend(const struct table *t, vpn_t vpn, unsigned level, struct place *p)
{
	const struct mmu_format *f = format_of(t);
	pfn_t table = root_pfn(t);

	for (unsigned k = 0; ; k++) {
		place_in(t, table, k, vpn, p);
		if (k == level || p->value == 0 || is_huge(f, p->value))
			return k;
		table = pointer_pfn(f, p->value);
	}
}

static uint64_t pages_left(vpn_t vpn, unsigned bits, vpn_t limit)
{
	uint64_t to_end = ((uint64_t)1 << bits) - (vpn & (((uint64_t)1 << bits) - 1));

	return MIN(to_end, limit - vpn);
}

static void span_fill(const struct table *t, const struct place *p, uint64_t count, struct span *s)
{
	const struct frame *table = frame_of(t->host, p->table);

	s->entry = t->host->ram + p->at;
	s->at = p->at;
	s->count = count;
	s->table = p->table;
	s->sharers = table->sharers;
	s->poked = table->flags & TABLE_POKED;
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

/* A table for `level` that translates vpn; all its entries none. PFN_NONE: out of frames. */
static pfn_t table_new(struct table *t, unsigned level, vpn_t vpn)
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

static int no_frame(struct vm_host *h, unsigned level, struct err *e)
{
	unsigned order = table_order(&h->geometry, level + 1);

	return err_set(e, ENOMEM, -1, "a page table of level %u takes %" G_GUINT64_FORMAT " frames side by side; "
		       "%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " are free", level + 1, (uint64_t)1 << order,
		       h->frames_free, h->frame_count);
}

int radix_root(struct table *t, struct err *e)
{
	pfn_t pfn = table_new(t, 0, 0);

	if (pfn == PFN_NONE)
		return no_frame(t->host, 0, e);
	t->own = (pfn << t->host->geometry.page_bits) + 1;
	return 0;
}

/* Makes the tables from below `*p` at level `from` down to the one at `to`; p then is the entry in it. */
static int grow_down(struct table *t, vpn_t vpn, unsigned from, unsigned to, struct place *p, struct err *e)
{
	struct vm_host *h = t->host;
	pfn_t fresh[VM_LEVELS_MAX];

	for (unsigned k = from + 1; k <= to; k++) {
		fresh[k] = table_new(t, k, vpn);
		if (fresh[k] != PFN_NONE)
			continue;
		while (--k > from)
			frame_release(h, fresh[k]);
		return no_frame(h, to, e);
	}

	/* Everything is there: from here on nothing fails. */
	for (unsigned k = from + 1; k <= to; k++) {
		place_set(h, p, pointer_to(&h->geometry, fresh[k]));
		t->pages += (uint64_t)1 << frame_of(h, fresh[k])->order;
		place_in(t, fresh[k], k, vpn, p);
	}
	return 0;
}

/* The entry for vpn at `level`, with the tables on the way made; stops at a huge leaf above. */
static int reach(struct table *t, vpn_t vpn, unsigned level, struct place *p, unsigned *stopped, struct err *e)
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
	if (reach(t, vpn, leaf, &p, &stopped, e))
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

	return levels <= without ? 0 : reach(t, vpn, levels - 1 - without, &p, &stopped, e);
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

/* Takes a child table out of the entry p and gives its frames back, unless others share it. */
static void unhook(struct table *t, struct place *p)
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
		unhook(t, p);
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
	unhook(t, &p);
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
		unhook(t, &p);
	}
}

void radix_destroy(struct table *t)
{
	pfn_t root = root_pfn(t);

	if (format_of(t)->levels > 1)
		destroy_below(t, root, 0);
	frame_release(t->host, root);
}

/* Sharing leaf tables. */

bool table_can_share(const struct vm_host *h)
{
	const struct vm_geometry *g = &h->geometry;

	return g->table == VM_TABLE_RADIX && g->levels > 1 && g->upper_permissions && geometry_has_write(g) &&
	       h->config.share_tables;
}

/* The upper entry that names vpn's leaf table; false where there is none. */
static bool leaf_place(const struct table *t, vpn_t vpn, struct place *p)
{
	const struct mmu_format *f = format_of(t);

	return t->own && f->levels > 1 && descend(t, vpn, f->levels - 2, p) == f->levels - 2 && p->value != 0 &&
	       !is_huge(f, p->value);
}

int table_share_leaf(struct table *dst, struct table *src, vpn_t vpn, struct err *e)
{
	struct vm_host *h = src->host;
	const struct vm_geometry *g = &h->geometry;
	struct place from, to;
	unsigned stopped;
	struct frame *f;

	if (!leaf_place(src, vpn, &from))
		return 0;
	if (table_root(dst, e) || reach(dst, vpn, g->levels - 2, &to, &stopped, e))
		return -ENOMEM;

	/* Everything is there: from here on nothing fails. */
	assert(to.value == 0);
	f = frame_of(h, pointer_pfn(&h->mmu.format, from.value));
	if (f->sharers++ == 1) {
		h->shared_tables++;
		place_set(h, &from, entry_with_flags(g, from.value, 0, VM_PTE_WRITE));
	}
	f->refs++;
	f->mm = NULL;
	place_set(h, &to, entry_with_flags(g, from.value, 0, VM_PTE_WRITE | VM_PTE_ACCESSED));
	dst->pages += (uint64_t)1 << f->order;
	return 0;
}

/* Upper entries as an array; NULL unless they are of 8 bytes, in this machine's order, and none is poked. */
static uint64_t *upper_array(const struct vm_host *h, const struct place *p)
{
	const struct mmu_format *f = &h->mmu.format;
	bool wide = f->pte_shift == 3 && !f->big_endian && G_BYTE_ORDER == G_LITTLE_ENDIAN;

	return wide && !(frame_of(h, p->table)->flags & TABLE_POKED) ? (uint64_t *)(void *)(h->ram + p->at) : NULL;
}

enum { AHEAD = 16 };     /* entries whose frames are fetched in advance */

/* How many entries from p on lie in its table and translate only pages below `end`. */
static uint64_t run_length(const struct mmu_format *f, const struct place *p, vpn_t vpn, vpn_t end)
{
	unsigned upper = f->levels - 2;
	uint64_t left = (f->index_mask[upper] + 1) - (vpn >> below(f, upper) & f->index_mask[upper]);

	return MIN(left, (end - vpn) >> below(f, upper));
}

uint64_t table_share_run(struct table *dst, struct table *src, vpn_t vpn, vpn_t end, uint32_t refuse, uint32_t mark,
			 uint64_t *entries, struct err *e)
{
	struct vm_host *h = src->host;
	const struct mmu_format *f = &h->mmu.format;
	unsigned upper = f->levels - 2, stopped;
	const uint64_t write = f->write, accessed = f->upper_accessed;
	const bool denied = f->flip & f->write;
	uint64_t *from, *to, n, i, filled = 0, fresh = 0, sum = 0;
	struct frame *frames = h->frames;
	struct place a, b;

	if (!src->own || descend(src, vpn, upper, &a) != upper || !(from = upper_array(h, &a)))
		return 0;
	n = run_length(f, &a, vpn, end);
	if (n < 2 || table_root(dst, e) || reach(dst, vpn, upper, &b, &stopped, e) || !(to = upper_array(h, &b)))
		return 0;
	for (i = 0; i < n; i++) {
		uint64_t raw = from[i];
		struct frame *leaf;

		if (i + AHEAD < n)
			__builtin_prefetch(frames + pointer_pfn(f, from[i + AHEAD]), 1);
		if (raw == 0)
			continue;
		leaf = frames + pointer_pfn(f, raw);
		if (to[i] != 0 || is_huge(f, raw) || (leaf->flags & refuse) || leaf->order != 0)
			break;
		raw = denied ? raw & ~write : raw | write;
		from[i] = raw;
		to[i] = raw & ~accessed;
		fresh += leaf->sharers++ == 1;
		leaf->refs++;
		leaf->mm = NULL;
		leaf->flags |= mark;
		sum += leaf->entries;
		filled++;
	}
	h->shared_tables += fresh;
	*entries += sum;
	frame_of(h, b.table)->entries += (uint32_t)filled;
	dst->pages += filled;
	return i << below(f, upper);
}

uint64_t table_drop_run(struct table *t, vpn_t vpn, vpn_t end, uint32_t refuse, uint64_t *entries)
{
	struct vm_host *h = t->host;
	const struct mmu_format *f = &h->mmu.format;
	unsigned upper = f->levels - 2;
	uint64_t *at, n, i, dropped = 0;
	struct place p;

	if (!t->own || descend(t, vpn, upper, &p) != upper || !(at = upper_array(h, &p)))
		return 0;
	n = run_length(f, &p, vpn, end);
	for (i = 0; i < n; i++) {
		uint64_t raw = at[i];
		struct frame *leaf;

		if (i + AHEAD < n)
			__builtin_prefetch(frame_of(h, pointer_pfn(f, at[i + AHEAD])), 1);
		if (raw == 0)
			continue;
		leaf = frame_of(h, pointer_pfn(f, raw));
		if (is_huge(f, raw) || (leaf->flags & refuse) || leaf->order != 0 || leaf->sharers < 2)
			break;
		at[i] = 0;
		h->shared_tables -= --leaf->sharers == 1;
		leaf->refs--;
		*entries += leaf->entries;
		dropped++;
	}
	frame_of(h, p.table)->entries -= (uint32_t)dropped;
	t->pages -= dropped;
	return i << below(f, upper);
}

/* The copy of entry i goes into the fresh table; both become read-only if present. */
static void unshare_entry(struct table *t, struct span *old, struct span *copy, uint64_t i)
{
	struct vm_host *h = t->host;
	const struct vm_geometry *g = &h->geometry;
	pa_t at = old->at + (i << h->mmu.format.pte_shift);
	uint64_t *poked = old->poked ? poke_at(h, at) : NULL;
	uint64_t raw = poked ? *poked : entry_raw(h, old, i);

	if (raw == 0)
		return;
	if (entry_kind(g, raw) == ENTRY_PRESENT) {
		if (h->known)
			entry_unknown(h, raw);           /* some formats have no other sign of a dirty page */
		raw = entry_with_flags(g, raw, 0, VM_PTE_WRITE);
		if (poked)
			*poked = raw;
		else
			pte_store(&h->mmu.format, h->ram + at, raw);
	}
	pte_store(&h->mmu.format, copy->entry + (i << h->mmu.format.pte_shift), raw);
}

/* t is the only one left: it may write again. */
static void become_owner(struct table *t, struct place *p, struct frame *f)
{
	f->mm = t->mm;
	place_set(t->host, p, entry_with_flags(&t->host->geometry, p->value, VM_PTE_WRITE, 0));
}

int table_unshare_leaf(struct table *t, vpn_t vpn, void (*copied)(struct table *t, uint64_t raw), struct err *e)
{
	struct vm_host *h = t->host;
	uint64_t n = h->mmu.format.index_mask[h->mmu.format.levels - 1] + 1;
	struct place p, from = { 0 }, to = { 0 };
	struct span old = { 0 }, copy = { 0 };
	struct frame *f, *mine;
	pfn_t pfn;

	if (!leaf_place(t, vpn, &p))
		return 0;
	f = frame_of(h, pointer_pfn(&h->mmu.format, p.value));
	if (f->sharers == 1) {
		if (f->mm == NULL || !(entry_flags(&h->geometry, p.value) & VM_PTE_WRITE))
			become_owner(t, &p, f);
		return 0;
	}
	pfn = table_new(t, h->mmu.format.levels - 1, vpn);
	if (pfn == PFN_NONE)
		return no_frame(h, h->mmu.format.levels - 1, e);

	/* Everything is there: from here on nothing fails. */
	mine = frame_of(h, pfn);
	from.table = pointer_pfn(&h->mmu.format, p.value);
	from.at = from.table << h->geometry.page_bits;
	to.table = pfn;
	to.at = pfn << h->geometry.page_bits;
	span_fill(t, &from, n, &old);
	span_fill(t, &to, n, &copy);
	for (uint64_t i = 0; i < n; i++)
		unshare_entry(t, &old, &copy, i);
	mine->entries = f->entries;
	mine->flags |= TABLE_MIXED;
	f->flags |= TABLE_MIXED;
	if (--f->sharers == 1)
		h->shared_tables--;
	f->refs--;
	place_set(h, &p, pointer_to(&h->geometry, pfn));
	for (uint64_t i = 0; copied && i < n; i++)
		if (entry_raw(h, &copy, i))
			copied(t, entry_raw(h, &copy, i));
	return 0;
}

void table_drop_leaf(struct table *t, vpn_t vpn)
{
	struct place p;

	if (!leaf_place(t, vpn, &p))
		return;
	assert(frame_of(t->host, pointer_pfn(format_of(t), p.value))->sharers > 1);
	unhook(t, &p);
}

/* Huge leaves, in the tables just above the leaf tables. */

unsigned table_huge_order(const struct vm_host *h)
{
	const struct mmu_format *f = &h->mmu.format;

	return h->geometry.table == VM_TABLE_RADIX && f->levels > 1 && f->big_mask ? below(f, f->levels - 2) : 0;
}

int table_deposit(struct table *t, struct err *e)
{
	unsigned leaf = t->host->geometry.levels - 1;
	pfn_t pfn = table_new(t, leaf, 0);
	struct frame *f;

	if (pfn == PFN_NONE)
		return no_frame(t->host, leaf, e);
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
		pfn = table_new(t, upper + 1, vpn);
	if (pfn == PFN_NONE)
		return no_frame(h, upper + 1, e);

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
	place_set(h, &p, pointer_to(g, pfn));
	t->pages += (uint64_t)1 << frame_of(h, pfn)->order;
	return 0;
}

int table_set_huge(struct table *t, vpn_t vpn, uint64_t raw, struct err *e)
{
	unsigned upper = t->host->geometry.levels - 2, stopped;
	struct place p;

	if (table_root(t, e) || reach(t, vpn, upper, &p, &stopped, e))
		return -ENOMEM;
	assert(stopped == upper);
	if (p.value != 0 && !is_huge(format_of(t), p.value)) {
		assert(frame_of(t->host, pointer_pfn(format_of(t), p.value))->entries == 0);
		unhook(t, &p);
	}
	place_set(t->host, &p, raw);
	return 0;
}
