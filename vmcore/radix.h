/*
 * radix.h - trees of tables from inside: what table_radix.c, which makes, finds and frees them, shares with table_share.c and
 * table_huge.c. Levels count from 0 here, the root.
 */
#ifndef VMCORE_RADIX_H
#define VMCORE_RADIX_H

#include "mm.h"
#include "table.h"

/* An entry of an upper table: where it is, in which table, and its value as the OS part put it. */
struct place { pfn_t table; pa_t at; uint64_t value; };

static inline const struct mmu_format *format_of(const struct table *t) { return &t->host->mmu.format; }

/* log2 of the pages that one entry at `level` translates. */
static inline unsigned below(const struct mmu_format *f, unsigned level) { return f->shift[level] - f->page_bits; }

static inline uint64_t os_value(const struct vm_host *h, pfn_t table, pa_t at)
{
	const uint64_t *poked = frame_of(h, table)->flags & TABLE_POKED ? poke_at(h, at) : NULL;

	return poked ? *poked : pte_load(&h->mmu.format, h->ram + at);
}

/* The OS part writes an upper entry; a poke of it ends. */
static inline void place_set(struct vm_host *h, struct place *p, uint64_t raw)
{
	if (frame_of(h, p->table)->flags & TABLE_POKED)
		poke_drop(h, p->at);
	if (!p->value != !raw)
		frame_of(h, p->table)->entries += raw ? 1 : UINT32_MAX;
	pte_store(&h->mmu.format, h->ram + p->at, raw);
	p->value = raw;
}

static inline pfn_t pointer_pfn(const struct mmu_format *f, uint64_t raw) { return raw >> f->ppn_shift & f->ppn_mask; }

/* In an upper table: neither empty nor a pointer, so a huge leaf, valid or not. */
static inline bool is_huge(const struct mmu_format *f, uint64_t raw)
{
	return raw != 0 && (!(raw & f->valid) || ((raw ^ f->big_flip) & f->big_mask));
}

static inline void place_in(const struct table *t, pfn_t table, unsigned level, vpn_t vpn, struct place *p)
{
	const struct mmu_format *f = format_of(t);
	uint64_t index = vpn >> below(f, level) & f->index_mask[level];

	p->table = table;
	p->at = (table << f->page_bits) + (index << f->pte_shift);
	p->value = os_value(t->host, table, p->at);
}

static inline pfn_t root_pfn(const struct table *t) { return (t->own - 1) >> t->host->geometry.page_bits; }

/* Goes down to the entry for vpn at `level`; stops above it at one that is no pointer. Returns where it stopped. */
static inline unsigned descend(const struct table *t, vpn_t vpn, unsigned level, struct place *p)
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

static inline void span_fill(const struct table *t, const struct place *p, uint64_t count, struct span *s)
{
	const struct frame *table = frame_of(t->host, p->table);

	s->entry = t->host->ram + p->at;
	s->at = p->at;
	s->count = count;
	s->table = p->table;
	s->sharers = table->sharers;
	s->poked = table->flags & TABLE_POKED;
}

/* A table for `level` that translates vpn; all its entries none. PFN_NONE: out of frames. */
pfn_t radix_table_new(struct table *t, unsigned level, vpn_t vpn);
int radix_no_frame(struct vm_host *h, unsigned level, struct err *e); /* -ENOMEM, with the reason */
uint64_t radix_pointer_to(const struct vm_geometry *g, pfn_t pfn);
/* The entry for vpn at `level`, with the tables on the way made; stops at a huge leaf above. */
int radix_reach(struct table *t, vpn_t vpn, unsigned level, struct place *p, unsigned *stopped, struct err *e);
/* Takes a child table out of the entry p and gives its frames back, unless others share it. */
void radix_unhook(struct table *t, struct place *p);

#endif
