/*
 * bench_fork.c - fork of a process with 1 GiB touched, against fork() of a real one in the same run; exit of the child;
 * pagemap and smaps of that 1 GiB.
 *
 * Targets: sharing leaf tables, at most 5 us and 1/500 of the kernel's; copying entries, at most 0.3 ms or 1/15; pagemap at
 * most 1 ms; smaps of 1,000 areas over it at most 1.5 ms. They are told, not tested.
 */
#include "bench.h"
#include "vm_access.h"
#include "vm_area.h"
#include "vm_host.h"
#include "vm_page.h"
#include "vm_proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOUCHED GiB
enum { PAGE = 4096, AREAS = 1000, A = 0x40000000 };

static void must(int r, const struct err *e)
{
	if (r >= 0)
		return;
	fprintf(stderr, "bench_fork: %s\n", e->why);
	exit(2);
}

/* fork() of this very process with 1 GiB of small pages touched; the child ends at once. */
static double real_fork_us(void)
{
	uint8_t *p = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	double best = 1e12;

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	madvise(p, TOUCHED, MADV_NOHUGEPAGE);
	for (uint64_t at = 0; at < TOUCHED; at += PAGE)
		p[at] = 1;
	for (int i = 0; i < 7; i++) {
		double start = wall_us();
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		best = MIN(best, wall_us() - start);
		waitpid(child, NULL, 0);
	}
	munmap(p, TOUCHED);
	return best;
}

static struct vm_host *host_new(struct clock *c, struct journal *j)
{
	struct vm_options o = { .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = 3 * GiB, .cpus = 1, .seed = 1,
				.serial = 1 };
	struct err e = { 0 };
	struct vm_host *h;

	clock_init(c);
	journal_init(j, 1024, &c->now);
	h = vm_host_new(&o, c, j, &e);
	if (!h)
		must(-1, &e);
	return h;
}

/* A process with 1 GiB written, as one area or as many with a page of another protection between them. */
static struct vm_proc *toucher(struct vm_host *h, unsigned areas)
{
	struct vm_spawn s = { .name = "toucher", .bare = true };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(h, &s, &e);
	uint64_t each = TOUCHED / PAGE / areas;
	uint8_t one = 1;
	va_t at = A, got;

	if (!p)
		must(-1, &e);
	for (unsigned i = 0; i < areas; i++) {
		uint64_t pages = each + (i < TOUCHED / PAGE % areas);
		struct vm_map_request r = { .addr = at, .len = pages * PAGE, .prot = 3, .fd = -1,
					    .flags = VM_MAP_PRIVATE | VM_MAP_ANON | VM_MAP_FIXED |
						     (i % 2 ? VM_MAP_NORESERVE : 0) };
		struct vm_outcome out;

		must(vm_mmap(p, &r, &got, &e), &e);
		for (uint64_t k = 0; k < pages; k++, at += PAGE)
			must(vm_store(p, at, &one, 1, &out, &e), &e);
	}
	return p;
}

struct times { double fork, exit; };

static struct times fork_us(struct vm_proc *p, int rounds)
{
	struct vm_host *h = vm_proc_host(p);
	struct times best = { 1e12, 1e12 };
	struct err e = { 0 };

	for (int i = 0; i < rounds; i++) {
		double start = wall_us(), middle;
		struct vm_ended ended;
		int32_t pid;

		must(vm_fork(p, &pid, &e), &e);
		best.fork = MIN(best.fork, wall_us() - start);
		middle = wall_us();
		must(vm_exit(vm_proc_at(h, pid), 0, &e), &e);
		best.exit = MIN(best.exit, wall_us() - middle);
		vm_wait(p, pid, &ended, &e);
	}
	return best;
}

static void share_tables(struct vm_host *h, bool on)
{
	struct err e = { 0 };

	for (const struct vm_config_row *r = vm_config_rows; r->name; r++)
		if (strcmp(r->name, "share_tables") == 0)
			must(vm_config_set(h, r, on, &e), &e);
}

static double pagemap_us(struct vm_proc *p)
{
	uint64_t n = TOUCHED / PAGE;
	uint64_t *out = calloc(n, 8);
	double best = 1e12;

	for (int i = 0; i < 20; i++) {
		double start = wall_us();

		vm_pagemap(p, A / PAGE, n, out);
		best = MIN(best, wall_us() - start);
	}
	for (uint64_t i = 0; i < n; i++)
		if (!(out[i] >> 63))
			exit(2);
	free(out);
	return best;
}

static double smaps_us(struct vm_proc *p)
{
	double best = 1e12;

	for (int i = 0; i < 20; i++) {
		double start = wall_us();
		struct vm_usage sum = { 0 };
		struct vm_area a;

		for (va_t at = 0; vm_area_above(p, at, &a); at = a.end)
			vm_usage_area(p, a.start, &sum);
		best = MIN(best, wall_us() - start);
		if (sum.rss != TOUCHED || sum.private_dirty != TOUCHED)
			exit(2);
	}
	return best;
}

static void line(const char *what, double us, double most, double real)
{
	printf("%-34s %10.2f us  (at most %8.2f)", what, us, most);
	if (real > 0)
		printf("  1/%.0f of the kernel's", real / us);
	printf("%s\n", us <= most ? "" : "  MISSED");
}

int main(void)
{
	struct journal j;
	struct clock c;
	struct vm_host *h;
	struct vm_proc *p;
	struct times shared, copied;
	double real;

	pin();
	real = real_fork_us();
	printf("%-34s %10.2f us\n", "fork() of the kernel, 1 GiB", real);
	h = host_new(&c, &j);
	p = toucher(h, 1);
	line("pagemap of 1 GiB", pagemap_us(p), 1000, 0);
	shared = fork_us(p, 200);
	line("fork, leaf tables shared", shared.fork, 5, real);
	line("exit of that child", shared.exit, 20, 0);
	share_tables(h, false);
	copied = fork_us(p, 7);
	line("fork, entries copied", copied.fork, MAX(300, real / 15), real);
	printf("%-34s %10.2f us\n", "exit of that child", copied.exit);
	line("pagemap of 1 GiB afterwards", pagemap_us(p), 1000, 0);
	vm_host_free(h);
	journal_clear(&j);
	h = host_new(&c, &j);
	p = toucher(h, AREAS);
	line("smaps of 1,000 areas over 1 GiB", smaps_us(p), 1500, 0);
	vm_host_free(h);
	journal_clear(&j);
	return 0;
}
