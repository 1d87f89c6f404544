/*
 * bench_many.c - 100,000 processes and 1,000,000 areas at once: what each costs in memory, beyond page tables, and whether
 * listing them stays linear and looking one up constant.
 *
 * Targets: at most 2 KiB a process and 192 bytes an area; an entry listed, and a look-up, at 100,000 processes at
 * most 3 times as dear as at 1,000. They are told, not tested.
 */
#include "bench.h"
#include "tree.h"
#include "vm_area.h"
#include "vm_page.h"
#include "vm_proc.h"
#include "world.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROCESSES = 100000, AREAS_EACH = 10, PAGE = 4096 };

/* All that malloc has given out, with its own overhead; frames and their bytes are not of malloc. */
static double heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return (double)m.uordblks + (double)m.hblkhd;
}

static void must(int code, const struct err *e)
{
	if (code >= 0)
		return;
	fprintf(stderr, "bench_many: %s\n", e->why);
	exit(2);
}

static void spawn(struct vm_host *h, unsigned n)
{
	struct vm_spawn s = { .name = "many", .bare = true };
	struct err e = { 0 };

	for (unsigned i = 0; i < n; i++)
		must(vm_spawn(h, &s, &e) ? 0 : -e.code, &e);
}

/* Neighbours differ in what they permit, so none merge. */
static void map(struct vm_host *h)
{
	struct vm_map_request r = { .len = PAGE, .flags = VM_MAP_PRIVATE | VM_MAP_ANON | VM_MAP_FIXED, .fd = -1 };
	struct vm_proc_info info;
	struct vm_proc *p;
	struct err e = { 0 };
	int32_t pid = 1;
	va_t at;

	while ((p = vm_proc_above(h, pid))) {
		vm_proc_info(p, &info);
		pid = info.pid;
		for (unsigned i = 0; i < AREAS_EACH; i++) {
			r.addr = 0x400000 + (va_t)i * PAGE;
			r.prot = i % 2 ? VM_PROT_READ : VM_PROT_READ | VM_PROT_WRITE;
			must(vm_mmap(p, &r, &at, &e), &e);
		}
	}
}

static struct node node_at(struct world *w, const char *path)
{
	struct node n;

	if (tree_path(w, path, &n)) {
		fprintf(stderr, "bench_many: no %s\n", path);
		exit(2);
	}
	return n;
}

/* ns an entry, all entries of proc/. */
static double list_ns(struct world *w)
{
	struct node dir = node_at(w, "hosts/host0/proc"), child;
	double start = cpu_us();
	uint64_t n = 0, cookie = 0;
	char name[256];

	while (tree_list(&dir, &cookie, name, &child))
		n++;
	return (cpu_us() - start) * 1e3 / (double)n;
}

/* ns for proc/PID/maps of a process, pids all over. */
static double look_up_ns(struct world *w, unsigned processes)
{
	enum { TIMES = 100000 };
	struct node dir = node_at(w, "hosts/host0/proc"), process, maps;
	double start = cpu_us();
	char name[32];

	for (unsigned i = 0; i < TIMES; i++) {
		snprintf(name, sizeof(name), "%u", 2 + (unsigned)((uint64_t)i * 7919 % processes));
		if (tree_find(&dir, name, &process) || tree_find(&process, "maps", &maps))
			exit(2);
	}
	return (cpu_us() - start) * 1e3 / TIMES;
}

static void tell(const char *what, double value, const char *unit, double most)
{
	printf("%-44s %9.1f %s", what, value, unit);
	if (most > 0)
		printf(" (at most %.0f)%s", most, value > most ? "  MISSED" : "");
	printf("\n");
	fflush(stdout);
}

int main(void)
{
	struct world_options o = { .ram_bytes = GiB, .seed = 1, .cpus = 1, .geometry = *vm_geometry_preset("x86-64") };
	double before, processes, areas, list[2], look_up[2];
	struct err e = { 0 };
	struct world *w = world_new(&o, &e);
	struct vm_host *h;

	must(w ? 0 : -e.code, &e);
	h = world_host_named(w, "host0")->vm;
	before = heap_bytes();
	spawn(h, PROCESSES / 100);
	list[0] = list_ns(w);
	look_up[0] = look_up_ns(w, PROCESSES / 100);
	spawn(h, PROCESSES - PROCESSES / 100);
	processes = heap_bytes() - before;
	list[1] = list_ns(w);
	look_up[1] = look_up_ns(w, PROCESSES);
	before = heap_bytes();
	map(h);
	areas = heap_bytes() - before;

	tell("bytes a process, of 100,000", processes / PROCESSES, "", 2048);
	tell("bytes an area, of 1,000,000", areas / PROCESSES / AREAS_EACH, "", 192);
	tell("list proc/, 1,000 processes", list[0], "ns each", 0);
	tell("list proc/, 100,000 processes", list[1], "ns each", 3 * list[0]);
	tell("look up proc/PID/maps among 1,000", look_up[0], "ns", 0);
	tell("look up proc/PID/maps among 100,000", look_up[1], "ns", 3 * look_up[0]);
	if (vm_host_check(h, NULL, NULL))
		return 2;
	world_free(w);
	return 0;
}
