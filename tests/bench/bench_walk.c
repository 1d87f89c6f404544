/*
 * bench_walk.c - how many page-table walks a second the MMU does, TLB off, on tables that fit the cache.
 *
 * The floor, measured in the same run, is what no walk that waits for its entries can beat: four loads, each
 * at an address that the one before gave. The aim is 100 million walks a second on x86-64's four levels.
 *
 * Two things besides the walker decide what a walk costs, and each is met. A processor that holds a load back behind
 * a store with the same low 12 address bits makes every walk wait where its result lies at the same place of a page as
 * the entries that all walks read (entry 0 of the upper tables): so results go to PLACES places of a page in turn, each
 * keeps the best of its tries, and the median place is printed, with the worst beside it. And whoever shares the
 * processor's core may slow it for a second: so all cases are measured in turn, SWEEPS times.
 */
#include "bench.h"
#include "bare.h"

#include "rng.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 384, ADDRESSES = 1024, ROUNDS = 50, PLACES = 64, SWEEPS = 8, CHAIN = 4096 };

struct subject {
	struct vm_host *host;
	struct table    table;
	va_t            va[ADDRESSES];
	double          best[2][PLACES];      /* ns; for VM_READ, VM_WRITE */
};

/* One cycle through all (Sattolo). */
static void make_chain(uint32_t *next)
{
	struct rng r;

	rng_seed(&r, 1, "chase");
	for (uint32_t i = 0; i < CHAIN; i++)
		next[i] = i;
	for (uint32_t i = CHAIN - 1; i > 0; i--) {
		uint32_t k = (uint32_t)rng_below(&r, i), t = next[i];

		next[i] = next[k];
		next[k] = t;
	}
}

/* Nanoseconds for one round of four loads, each waiting for the one before. */
static double floor_ns(const uint32_t *next)
{
	double best = 1e9;

	for (int try = 0; try < 10; try++) {
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

static void subject_init(struct subject *s, const char *preset)
{
	struct vm_host *h = bare_new(vm_geometry_preset(preset), 64 * MiB);
	unsigned bits = h->geometry.page_bits;
	struct rng r;

	s->host = h;
	table_init(&s->table, h, NULL, 1);
	rng_seed(&r, 1, "walks");
	for (uint64_t i = 0; i < PAGES; i++) {
		struct span at;
		pfn_t pfn = frame_alloc(h, VM_FRAME_ANON, true, false);

		table_make(&s->table, 0x40000 % ((uint64_t)1 << (h->geometry.va_bits - bits)) + i, &at, NULL);
		entry_set(&s->table, 0x40000 + i, &at, 0, entry_present(&h->geometry, pfn, VM_PTE_WRITE | VM_PTE_USER |
									VM_PTE_EXEC | VM_PTE_ACCESSED | VM_PTE_DIRTY));
	}
	for (int i = 0; i < ADDRESSES; i++)
		s->va[i] = ((0x40000 + rng_below(&r, PAGES)) << bits) + rng_below(&r, (uint64_t)1 << bits);
	for (int i = 0; i < PLACES; i++)
		s->best[0][i] = s->best[1][i] = 1e9;
}

static void subject_free(struct subject *s)
{
	table_destroy(&s->table);
	bare_free(s->host);
}

/* Nanoseconds a walk, the result written to `tr`. */
static double walk_ns(const struct subject *s, enum vm_access how, struct translation *tr)
{
	struct vm_host *h = s->host;
	pa_t base = s->table.base;
	uint32_t asid = s->table.asid;
	double start = wall_s();
	uint64_t sum = 0;

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < ADDRESSES; i++) {
			mmu_walk(h, base, asid, s->va[i], how, true, tr);
			sum += tr->pa + tr->fault;
		}
	if (sum == 0)
		abort();
	return (wall_s() - start) * 1e9 / ((double)ROUNDS * ADDRESSES);
}

static void sweep(struct subject *s, uint8_t *results)
{
	static const enum vm_access how[] = { VM_READ, VM_WRITE };

	for (int i = 0; i < PLACES; i++)
		for (int k = 0; k < 2; k++) {
			double ns = walk_ns(s, how[k], (void *)(results + i * 64));

			s->best[k][i] = MIN(s->best[k][i], ns);
		}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *how, double *best, double chase)
{
	double ns;

	qsort(best, PLACES, sizeof *best, by_value);
	ns = best[PLACES / 2];
	printf("  %s %6.2f ns %6.1f M/s %5.2f of the floor (worst place %5.2f ns)", how, ns, 1e3 / ns, ns / chase,
	       best[PLACES - 1]);
}

int main(void)
{
	static const char *const presets[] = { "x86-64", "x86-64-la57", "sv48", "arm64-4k", "x86-32" };
	static struct subject s[G_N_ELEMENTS(presets)];
	static uint32_t next[CHAIN];
	uint8_t *results = g_aligned_alloc0(PLACES, 64, 4096);
	double chase = 1e9;

	g_assert(sizeof(struct translation) <= 64);
	pin();
	make_chain(next);
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
		subject_init(&s[i], presets[i]);
	for (int n = 0; n < SWEEPS; n++) {
		double ns = floor_ns(next);

		chase = MIN(chase, ns);
		for (size_t i = 0; i < G_N_ELEMENTS(presets); i++)
			sweep(&s[i], results);
	}
	printf("floor: four dependent loads %6.2f ns\n", chase);
	for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
		printf("%-12s", presets[i]);
		report("read", s[i].best[0], chase);
		report("write", s[i].best[1], chase);
		printf("\n");
		subject_free(&s[i]);
	}
	g_aligned_free(results);
	return 0;
}
