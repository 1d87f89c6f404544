/* random_geometry.h - geometries drawn at random, all of them valid, many of them odd. */
#ifndef TESTS_RANDOM_GEOMETRY_H
#define TESTS_RANDOM_GEOMETRY_H

#include "rng.h"
#include "vm_geometry.h"

#include <stdlib.h>
#include <string.h>

/* A bit of the entry that nothing has taken yet, or VM_BIT_NONE. */
static inline int draw_bit(struct rng *r, unsigned width, uint64_t *taken)
{
	for (int tries = 0; tries < 20; tries++) {
		unsigned bit = (unsigned)rng_below(r, width);

		if (*taken >> bit & 1)
			continue;
		*taken |= (uint64_t)1 << bit;
		return (int)bit;
	}
	return VM_BIT_NONE;
}

static inline void draw_entry(struct rng *r, struct vm_geometry *g)
{
	unsigned width = 8 * g->pte_bytes, most = width - 1 < 40 ? width - 1 : 40;
	uint64_t taken;

	g->ppn_bits = 1 + (unsigned)rng_below(r, most);
	if (g->ppn_bits + g->page_bits > 63)
		g->ppn_bits = 63 - g->page_bits;
	g->ppn_shift = (unsigned)rng_below(r, width - g->ppn_bits + 1);
	taken = (((uint64_t)1 << g->ppn_bits) - 1) << g->ppn_shift;
	g->valid = VM_BIT_NONE;
	while (g->valid == VM_BIT_NONE)
		g->valid = draw_bit(r, width, &taken);
	g->read = VM_BIT_NONE;
	g->write = rng_below(r, 4) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->user = rng_below(r, 2) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->nx = rng_below(r, 2) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->accessed = rng_below(r, 4) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->dirty = rng_below(r, 4) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->huge = g->levels > 1 && rng_below(r, 2) ? draw_bit(r, width, &taken) : VM_BIT_NONE;
	g->write_inverted = g->write != VM_BIT_NONE && rng_below(r, 3) == 0;
	g->exec_positive = g->nx != VM_BIT_NONE && rng_below(r, 3) == 0;
	g->upper_permissions = rng_below(r, 2);
}

/* Tables of at most 2^10 entries, addresses of at most 30 bits. */
static inline struct vm_geometry random_geometry(struct rng *r, enum vm_table table)
{
	struct vm_geometry g = { .table = table };
	bool hashed = table == VM_TABLE_HASHED || table == VM_TABLE_INVERTED;
	struct err e = { 0 };

	strcpy(g.name, "custom");
	g.pte_bytes = 1u << rng_below(r, 4);
	g.big_endian = rng_below(r, 2);
	g.page_bits = (hashed ? 7 : 0) + (unsigned)rng_below(r, hashed ? 6 : 10);
	g.levels = hashed ? 0 : table == VM_TABLE_FLAT ? 1 : 1 + (unsigned)rng_below(r, 5);
	g.va_bits = g.page_bits;
	for (unsigned i = 0; i < g.levels; i++) {
		g.index_bits[i] = 1 + (unsigned)rng_below(r, g.levels > 3 ? 4 : 7);
		g.va_bits += g.index_bits[i];
	}
	if (hashed)
		g.va_bits += 1 + (unsigned)rng_below(r, 20);
	g.pa_bits = g.page_bits + 6 + (unsigned)rng_below(r, 6);
	if (g.pa_bits < 10)
		g.pa_bits = 10;
	do
		draw_entry(r, &g);
	while (g.pte_bytes > 1 && g.ppn_bits < 6);
	g.sign_extended = rng_below(r, 3) == 0;
	if (vm_geometry_check(&g, &e)) {
		g_printerr("random geometry: %s\n", e.why);
		abort();
	}
	return g;
}

#endif
