/*
 * bench_swap.c - what a fault costs in processor time that brings a page in from swap: with the victim clean, with it dirty, and in a live host,
 * where the process waits and a timer ends the transfer. Swap is large enough that slots are kept. RAM of 64 MiB, pages at random out of 160 MiB, a fixed seed.
 */
#include "bench.h"
#include "vm_access.h"
#include "vm_area.h"
#include "vm_host.h"
#include "vm_proc.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGES = 160 * 256, ACCESSES = 2000000 };
#define PAGE ((uint64_t)4096)

static void stop(const char *what, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", what, e->why);
	exit(1);
}

static void touch(struct vm_proc *p, struct clock *clock, va_t at, enum vm_access how)
{
	struct vm_outcome out;
	struct err e = { 0 };
	uint64_t left = PAGE;
	int r;

	while ((r = vm_touch(p, at + PAGE - left, left, PAGE, how, &out, &e)) == -EINPROGRESS) {
		left -= out.done;
		clock_step(clock);
	}
	if (r < 0)
		stop("touch", &e);
}

static void run(const char *name, bool live, enum vm_access how)
{
	struct vm_options o = { .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = 64 * MiB, .swap_bytes = 512 * MiB,
				.swap_device = "nvme", .cpus = 1, .seed = 1, .serial = 1, .live = live };
	struct vm_spawn s = { .name = "p", .bare = true };
	struct vm_map_request map = { .addr = 0x10000000, .len = PAGES * PAGE, .prot = 3, .fd = -1,
				      .flags = VM_MAP_PRIVATE | VM_MAP_ANON | VM_MAP_FIXED | VM_MAP_NORESERVE };
	struct journal journal;
	struct clock clock;
	struct vm_host *h;
	struct vm_proc *p;
	struct err e = { 0 };
	struct rng r;
	uint64_t faults, major;
	double start;
	va_t at;

	clock_init(&clock);
	journal_init(&journal, 65536, &clock.now);
	h = vm_host_new(&o, &clock, &journal, &e);
	if (!h || !(p = vm_spawn(h, &s, &e)) || vm_mmap(p, &map, &at, &e) < 0)
		stop("setup", &e);
	for (uint64_t i = 0; i < PAGES; i++)
		touch(p, &clock, at + i * PAGE, VM_WRITE);
	rng_seed(&r, 1, "bench");
	major = vm_stats(h)->major_faults;
	start = cpu_s();
	for (unsigned i = 0; i < ACCESSES; i++)
		touch(p, &clock, at + rng_below(&r, PAGES) * PAGE, how);
	faults = vm_stats(h)->major_faults - major;
	printf("%-28s %7.0f ns an access, %7.0f ns a fault from swap (%.0f %% of accesses)\n", name,
	       (cpu_s() - start) * 1e9 / ACCESSES, (cpu_s() - start) * 1e9 / (double)faults, 100.0 * (double)faults / ACCESSES);
	vm_host_free(h);
	journal_clear(&journal);
	clock_clear(&clock);
}

int main(void)
{
	run("reads, victims clean", false, VM_READ);
	run("writes, victims dirty", false, VM_WRITE);
	run("reads in a live host", true, VM_READ);
	run("writes in a live host", true, VM_WRITE);
	return 0;
}
