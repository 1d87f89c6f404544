/*
 * bench_reclaim.c - what it costs to take one page away, with few and with many processes, areas, and slots in use. The pages
 * are as many each time. Processor time of vmcore alone.
 * Nothing may grow with their number but the misses of the real caches: fails when many cost more than three times as much as few.
 */
#include "bench.h"
#include "vm_area.h"
#include "vm_access.h"
#include "vm_host.h"
#include "vm_policy.h"
#include "vm_proc.h"
#include "vm_swap.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 40000, TAKEN = 20000, TRIES = 5, FEW = 10, MANY = 10000 };
#define AT ((va_t)1 << 32)
#define GAP ((va_t)1 << 24)      /* between areas: none share a leaf table */

struct world { struct clock clock; struct journal journal; struct vm_host *host; };

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->why);
	exit(1);
}

static void world_init(struct world *w)
{
	struct vm_options o = { .ram_bytes = 1 << 30, .cpus = 1, .seed = 1, .serial = 1 };
	struct vm_swap_request swap = { .bytes = 1 << 30, .model = *vm_device_preset("ssd"), .priority = -1 };
	struct err e = { 0 };
	unsigned number;

	o.geometry = *vm_geometry_preset("x86-64");
	clock_init(&w->clock);
	journal_init(&w->journal, 4096, &w->clock.now);
	w->host = vm_host_new(&o, &w->clock, &w->journal, &e);
	if (!w->host || vm_swap_on(w->host, &swap, &number, &e))
		die("host", &e);
}

static void world_clear(struct world *w)
{
	vm_host_free(w->host);
	journal_clear(&w->journal);
	clock_clear(&w->clock);
}

static struct vm_proc *process(struct world *w)
{
	struct vm_spawn s = { .name = "p", .bare = true };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(w->host, &s, &e);

	if (!p)
		die("process", &e);
	return p;
}

/* An area of clean pages (shared memory that was only read), or of dirty ones. */
static void area(struct vm_proc *p, va_t at, uint64_t pages, bool dirty)
{
	struct vm_map_request r = { .addr = at, .len = pages * 4096, .prot = 3, .fd = -1,
				    .flags = VM_MAP_ANON | VM_MAP_FIXED | VM_MAP_NORESERVE | (dirty ? VM_MAP_PRIVATE : VM_MAP_SHARED) };
	struct vm_outcome out;
	struct err e = { 0 };
	va_t got;

	if (vm_mmap(p, &r, &got, &e) || vm_touch(p, at, pages * 4096, 4096, dirty ? VM_WRITE : VM_READ, &out, &e))
		die("area", &e);
}

static void many_processes(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		area(process(w), AT, PAGES / n, false);
}

static void many_areas(struct world *w, unsigned n)
{
	struct vm_proc *p = process(w);

	for (unsigned i = 0; i < n; i++)
		area(p, AT + i * GAP, PAGES / n, false);
}

/* Before the pages come, n others have gone to slots. */
static void many_slots(struct world *w, unsigned n)
{
	struct vm_proc *p = process(w);
	uint64_t done;

	area(p, AT, n, true);
	vm_reclaim(w->host, n, &done, NULL);
	area(p, AT + GAP * 16, PAGES, true);
}

/* Microseconds a page; the best of some tries. */
static double measure(void (*fill)(struct world *w, unsigned n), unsigned n)
{
	double best = 1e9;

	for (unsigned k = 0; k < TRIES; k++) {
		struct world w;
		uint64_t done;
		double begin;

		world_init(&w);
		fill(&w, n);
		vm_reclaim(w.host, TAKEN / 10, &done, NULL);
		begin = cpu_us();
		vm_reclaim(w.host, TAKEN, &done, NULL);
		best = MIN(best, (cpu_us() - begin) / TAKEN);
		if (done != TAKEN)
			die("reclaim", &(struct err){ .why = "too few pages went" });
		world_clear(&w);
	}
	return best;
}

int main(void)
{
	static const struct { const char *name; void (*fill)(struct world *w, unsigned n); } rows[] = {
		{ "processes", many_processes }, { "areas", many_areas }, { "slots in use", many_slots },
	};
	bool good = true;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		double few = measure(rows[i].fill, FEW), many = measure(rows[i].fill, MANY);

		printf("%-13s %.3f us a page with %d, %.3f us with %d: %.2f times\n", rows[i].name, few, FEW, many, MANY, many / few);
		good &= many <= 3 * few;
	}
	return !good;
}
