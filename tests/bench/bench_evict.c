/*
 * bench_evict.c - what a fault costs that evicts a clean page, for each policy: 2^20 frames, all in use by clean pages, then
 * faults on other pages. Processor time of vmcore alone, in microseconds a fault
 * (the median of parts of the run, so that what else runs on the machine matters less); the floor beside it is what the same
 * accesses cost where no page has to go. Takes 4 GiB of real memory. The second row is the same with pages that were written, which
 * have to go to swap first; of an eighth of the frames, since each slot takes real memory too.
 * The highest part is, for policies with used bits, the one in which all 2^20 of them are cleared: clock's hand goes round once, linux
 * gives each page its second chance, nru's tick comes. That is once for as many evictions as there are frames.
 * The goal is 2 us for a clean page; fails only when other pages went than were to go.
 */
#include "bench.h"
#include "vm_access.h"
#include "vm_area.h"
#include "vm_host.h"
#include "vm_policy.h"
#include "vm_proc.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 1 << 20, DIRTY_FRAMES = FRAMES / 8, PARTS = 32 };
#define AT ((va_t)1 << 32)

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->why);
	exit(1);
}

static struct vm_host *machine(struct clock *clock, struct journal *journal, uint64_t frames, uint64_t slots)
{
	struct vm_options o = { .ram_bytes = 4096 * (frames + frames / 64), .swap_bytes = 4096 * slots, .cpus = 1, .seed = 1,
				.serial = 1 };
	struct err e = { 0 };
	struct vm_host *h;

	o.geometry = *vm_geometry_preset("x86-64");
	clock_init(clock);
	journal_init(journal, 4096, &clock->now);
	h = vm_host_new(&o, clock, journal, &e);
	if (!h)
		die("host", &e);
	return h;
}

/* Shared anonymous memory that is only read: clean pages, which nothing has to keep. Private memory is for writing. */
static struct vm_proc *process(struct vm_host *h, uint64_t pages, bool dirty)
{
	struct vm_spawn s = { .name = "p", .bare = true };
	struct vm_map_request r = { .addr = AT, .len = pages * 4096, .prot = 3, .fd = -1,
				    .flags = (dirty ? VM_MAP_PRIVATE : VM_MAP_SHARED) | VM_MAP_ANON | VM_MAP_FIXED | VM_MAP_NORESERVE };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(h, &s, &e);
	va_t at;

	if (!p || vm_mmap(p, &r, &at, &e))
		die("process", &e);
	return p;
}

static double touch(struct vm_proc *p, uint64_t first, uint64_t n, bool dirty)
{
	struct vm_outcome out;
	struct err e = { 0 };
	double begin = cpu_us();

	if (vm_touch(p, AT + first * 4096, n * 4096, 4096, dirty ? VM_WRITE : VM_READ, &out, &e))
		die("touch", &e);
	return (cpu_us() - begin) / (double)n;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool measure(const char *name, bool dirty)
{
	uint64_t frames = dirty ? DIRTY_FRAMES : FRAMES, faults = frames / 2, pages = 2 * frames + faults, before;
	struct vm_policy policy = { .name = name };
	struct clock clock;
	struct journal journal;
	struct vm_host *h = machine(&clock, &journal, frames, dirty ? pages : 0);
	struct vm_proc *p = process(h, pages, dirty);
	const struct vm_config_row *row = vm_config_rows;
	const struct vm_stats *stats = vm_stats(h);
	const uint64_t *gone = dirty ? &stats->evictions_dirty : &stats->evictions_clean;
	struct err e = { 0 };
	double fill, cost[PARTS];
	bool right;

	while (strcmp(row->name, "user_frames") != 0)
		row++;
	if (vm_policy_set(h, &policy, &e) || vm_config_set(h, row, frames, &e))
		die(name, &e);
	fill = touch(p, 0, frames, dirty);
	touch(p, frames, frames, dirty);                 /* every frame's bytes have been there once: the real kernel is out of it */
	before = *gone;
	for (unsigned i = 0; i < PARTS; i++)
		cost[i] = touch(p, 2 * frames + i * (faults / PARTS), faults / PARTS, dirty);
	qsort(cost, PARTS, sizeof cost[0], by_value);
	printf("%-9s %.3f us a fault that evicts%s (%.3f to %.3f), %.3f us one that does not\n", name, cost[PARTS / 2],
	       dirty ? " a dirty page" : "", cost[0], cost[PARTS - 1], fill);
	right = *gone - before == faults;
	if (!right)
		printf("%" PRIu64 " pages went, not %" PRIu64 "\n", *gone - before, faults);
	vm_host_free(h);
	journal_clear(&journal);
	clock_clear(&clock);
	return right;
}

static bool measure_both(const char *name)
{
	bool clean = measure(name, false);

	return measure(name, true) && clean;
}

/* With arguments: these policies alone. */
int main(int argc, char **argv)
{
	const char *name;
	bool good = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < argc; i++)
		good &= measure_both(argv[i]);
	for (unsigned n = 0; argc == 1 && (name = vm_policy_name(n)); n++)
		if (strcmp(name, "opt") != 0 && strcmp(name, "external") != 0)
			good &= measure_both(name);
	return !good;
}
