/*
 * bench_walk.c - how many page-table walks a second the MMU does, TLB off, on tables that fit the cache.
 *
 * The floor, measured in the same run, is what no walk that waits for its entries can beat: four loads, each
 * at an address that the one before gave. The aim is 100 million walks a second on x86-64's four levels.
 */
#include "bench.h"
#include "bare.h"

#include "rng.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 384, ADDRESSES = 1024, ROUNDS = 100, TRIES = 300 };

/* Nanoseconds for one round of four loads, each waiting for the one before. */
static double floor_ns(void)
{
	static uint32_t next[4096];
	struct rng r;
	double best = 1e9;

	rng_seed(&r, 1, "chase");
	for (uint32_t i = 0; i < 4096; i++)
		next[i] = i;
	for (uint32_t i = 4095; i > 0; i--) {           /* one cycle through all (Sattolo) */
		uint32_t k = (uint32_t)rng_below(&r, i), t = next[i];

		next[i] = next[k];
		next[k] = t;
	}
	for (int try = 0; try < TRIES; try++) {
		double start = wall_s();
		volatile uint32_t end;
		uint32_t at = 0;

		for (uint64_t i = 0; i < 100000; i++)
			for (int k = 0; k < 4; k++)
				at = next[at];
		end = at;
		(void)end;
		best = MIN(best, (wall_s() - start) * 1e9 / 100000);
	}
	return best;
}

static double walk_ns(const char *preset, enum vm_access how)
{
	struct vm_host *h = bare_new(vm_geometry_preset(preset), 64 * MiB);
	unsigned bits = h->geometry.page_bits;
	struct table t;
	struct rng r;
	pa_t base;
	uint32_t asid;
	va_t va[ADDRESSES];
	double best = 1e9;
	uint64_t sum = 0;

	table_init(&t, h, NULL, 1);
	rng_seed(&r, 1, "walks");
	for (uint64_t i = 0; i < PAGES; i++) {
		struct span s;
		pfn_t pfn = frame_alloc(h, VM_FRAME_ANON, true, false);

		table_make(&t, 0x40000 % ((uint64_t)1 << (h->geometry.va_bits - bits)) + i, &s, NULL);
		entry_set(&t, 0x40000 + i, &s, 0, entry_present(&h->geometry, pfn, VM_PTE_WRITE | VM_PTE_USER |
								 VM_PTE_EXEC | VM_PTE_ACCESSED | VM_PTE_DIRTY));
	}
	for (int i = 0; i < ADDRESSES; i++)
		va[i] = ((0x40000 + rng_below(&r, PAGES)) << bits) + rng_below(&r, (uint64_t)1 << bits);
	base = t.base;
	asid = t.asid;
	for (int try = 0; try < TRIES; try++) {
		double start = wall_s();

		for (int round = 0; round < ROUNDS; round++)
			for (int i = 0; i < ADDRESSES; i++) {
				struct translation tr;

				mmu_walk(h, base, asid, va[i], how, true, &tr);
				sum += tr.pa + tr.fault;
			}
		best = MIN(best, (wall_s() - start) * 1e9 / ((double)ROUNDS * ADDRESSES));
	}
	if (sum == 0)
		abort();
	table_destroy(&t);
	bare_free(h);
	return best;
}

int main(void)
{
	static const char *const presets[] = { "x86-64", "x86-64-la57", "sv48", "arm64-4k", "x86-32" };
	double chase;

	pin();
	chase = floor_ns();
	printf("floor: four dependent loads            %6.2f ns\n", chase);
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
		double read = walk_ns(presets[i], VM_READ), write = walk_ns(presets[i], VM_WRITE);

		printf("%-12s read  %6.2f ns %6.1f M/s  %.2f of the floor;  write %6.2f ns %6.1f M/s\n", presets[i], read,
		       1e3 / read, read / chase, write, 1e3 / write);
	}
	return 0;
}
