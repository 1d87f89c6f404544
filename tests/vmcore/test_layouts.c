/* test_layouts.c - a process lives, forks and ends the same on every geometry and every kind of page table. */
#include "vm_access.h"
#include "vm_area.h"
#include "vm_frame.h"
#include "vm_host.h"
#include "vm_page.h"
#include "vm_proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void say(void *arg, bool poked, const char *line)
{
	print_message("%s\n", line);
}

struct world { struct clock clock; struct journal journal; struct vm_host *h; };

static void sound(struct world *w)
{
	assert_int_equal(vm_host_check(w->h, say, NULL), 0);
}

static void world_start(struct world *w, const struct vm_geometry *g, uint64_t ram)
{
	struct vm_options o = { .geometry = *g, .ram_bytes = ram, .cpus = 1, .seed = 1, .serial = 1 };
	struct err e = { 0 };

	clock_init(&w->clock);
	journal_init(&w->journal, 1000, &w->clock.now);
	w->h = vm_host_new(&o, &w->clock, &w->journal, &e);
	if (!w->h)
		print_message("%s: %s\n", g->name, e.why);
	assert_non_null(w->h);
}

static void world_end(struct world *w)
{
	vm_host_free(w->h);
	journal_clear(&w->journal);
	clock_clear(&w->clock);
}

static uint8_t byte_at(struct vm_proc *p, va_t at)
{
	struct vm_outcome out;
	struct err e = { 0 };
	uint8_t b = 0;
	int r = vm_load(p, at, &b, 1, &out, &e);

	if (r)
		print_message("load at 0x%" G_GINT64_MODIFIER "x: %s\n", at, e.why);
	assert_int_equal(r, 0);
	return b;
}

static void put_byte(struct vm_proc *p, va_t at, uint8_t b)
{
	struct vm_outcome out;
	struct err e = { 0 };
	int r = vm_store(p, at, &b, 1, &out, &e);

	if (r)
		print_message("store at 0x%" G_GINT64_MODIFIER "x: %s\n", at, e.why);
	assert_int_equal(r, 0);
}

/* mmap, stores, fork, both write, the child ends, munmap of half, the parent ends: every frame comes back. */
static void a_life(struct world *w)
{
	uint64_t page = vm_page_size(&vm_host_options(w->h)->geometry), before;
	struct vm_spawn s = { .name = "life", .bare = true };
	struct vm_map_request m = { .len = 40 * page, .prot = VM_PROT_READ | VM_PROT_WRITE,
				    .flags = VM_MAP_PRIVATE | VM_MAP_ANON, .fd = -1 };
	struct vm_memory mem;
	struct err e = { 0 };
	struct vm_proc *p, *child;
	int32_t pid;
	va_t at;

	p = vm_spawn(w->h, &s, &e);
	assert_non_null(p);
	vm_memory(w->h, &mem);
	before = mem.free;
	if (vm_mmap(p, &m, &at, &e))
		print_message("mmap: %s\n", e.why);
	assert_int_equal(e.code, 0);
	for (int i = 0; i < 40; i++)
		put_byte(p, at + (va_t)i * page, (uint8_t)(i + 1));
	sound(w);
	assert_int_equal(vm_fork(p, &pid, &e), 0);
	sound(w);
	child = vm_proc_at(w->h, pid);
	put_byte(child, at + page, 200);
	put_byte(p, at + 2 * page, 201);
	sound(w);
	assert_int_equal(byte_at(child, at + page), 200);
	assert_int_equal(byte_at(p, at + page), 2);
	assert_int_equal(byte_at(child, at + 2 * page), 3);
	assert_int_equal(byte_at(child, at + 39 * page), 40);
	assert_int_equal(vm_mprotect(p, at, 10 * page, 0, &e), 0);
	sound(w);
	assert_int_equal(vm_mprotect(p, at, 10 * page, VM_PROT_READ, &e), 0);
	assert_int_equal(byte_at(p, at + 3 * page), 4);
	assert_int_equal(vm_exit(child, 0, &e), 0);
	sound(w);
	assert_int_equal(vm_munmap(p, at, 20 * page, &e), 0);
	assert_int_equal(byte_at(p, at + 20 * page), 21);
	sound(w);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	sound(w);
	vm_memory(w->h, &mem);
	if (vm_host_options(w->h)->geometry.table != VM_TABLE_INVERTED)
		assert_true(mem.free >= before);
}

static void on_every_preset(void **state)
{
	for (unsigned i = 0; vm_geometry_at(i); i++) {
		struct world w;

		print_message("%s\n", vm_geometry_at(i)->name);
		world_start(&w, vm_geometry_at(i), 16 * MiB);
		a_life(&w);
		world_end(&w);
	}
}

static void on_every_kind_of_table(void **state)
{
	for (enum vm_table kind = VM_TABLE_FLAT; kind < VM_TABLES; kind++) {
		struct vm_geometry g = *vm_geometry_preset("vpn16");
		struct world w;

		strcpy(g.name, "custom");
		g.table = kind;
		g.levels = kind == VM_TABLE_FLAT;
		g.index_bits[0] = 16;
		print_message("%s\n", vm_table_names[kind]);
		world_start(&w, &g, 16 * MiB);
		a_life(&w);
		world_end(&w);
	}
}

/* No write bit, no A, no D, big-endian entries of two bytes, pages of 64 bytes. */
static void on_an_odd_geometry(void **state)
{
	struct vm_geometry g = { .name = "custom", .va_bits = 18, .pa_bits = 16, .page_bits = 6, .pte_bytes = 2,
				 .big_endian = true, .levels = 2, .index_bits = { 6, 6 }, .ppn_shift = 0, .ppn_bits = 10,
				 .valid = 15, .read = -1, .write = -1, .user = -1, .nx = -1, .accessed = -1, .dirty = -1,
				 .huge = -1 };
	struct world w;

	world_start(&w, &g, 64 * KiB);
	a_life(&w);
	g.write = 12;
	world_end(&w);
	world_start(&w, &g, 64 * KiB);
	a_life(&w);
	world_end(&w);
}

/* The lecture's memory, poured into mem/ram, with the base set as `ptbr` does. */
static void the_lecture_example_through_a_process(void **state)
{
	static const uint8_t memory[64] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
		0x1a, 0x2a, 0x3a, 0x4a, 0x1b, 0x2b, 0x3b, 0x4b, 0x1c, 0x2c, 0x3c, 0x4c, 0x1c, 0x2c, 0x3c, 0x4c,
		0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0x89, 0x9a, 0xab, 0xbc, 0xcd, 0xde, 0xef, 0xf0,
		0xba, 0x0a, 0xba, 0x0a, 0xdb, 0x0b, 0xdb, 0x0b, 0xec, 0x0c, 0xec, 0x0c, 0xfc, 0x0c, 0xfc, 0x0c };
	struct vm_geometry g = { .name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1, .levels = 2,
				 .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3, .valid = 4, .read = -1, .write = -1,
				 .user = -1, .nx = -1, .accessed = -1, .dirty = -1, .huge = -1 };
	struct vm_spawn s = { .name = "example", .bare = true };
	struct err e = { 0 };
	struct vm_proc *p;
	struct vm_walk walk;
	struct vm_outcome out;
	struct world w;
	uint8_t b;

	world_start(&w, &g, 64);
	p = vm_spawn(w.h, &s, &e);
	if (!p)
		print_message("spawn: %s\n", e.why);
	assert_non_null(p);
	assert_int_equal(vm_ram_write(w.h, 0, memory, 64), 64);
	assert_int_equal(vm_set_ptbr(p, 64, &e), -ERANGE);
	assert_int_equal(vm_set_ptbr(p, 0x20, &e), 0);
	vm_walk_look(p, 0x131, &walk);
	assert_int_equal(walk.steps, 2);
	assert_int_equal(walk.step[0].pte, 0xd4);
	assert_int_equal(walk.step[1].pte_addr, 0x36);
	assert_int_equal(walk.pa, 0x31);
	assert_int_equal(vm_load(p, 0x131, &b, 1, &out, &e), 0);
	assert_int_equal(b, 0x0a);
	assert_int_equal(vm_set_ptbr(p, 0x08, &e), 0);
	assert_int_equal(vm_load(p, 0x00b, &b, 1, &out, &e), -EFAULT);
	assert_int_equal(out.signal, VM_SEGV_MAPERR);
	assert_int_equal(vm_exit(p, 0, &e), 0);
	sound(&w);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_every_preset),
		cmocka_unit_test(on_every_kind_of_table),
		cmocka_unit_test(on_an_odd_geometry),
		cmocka_unit_test(the_lecture_example_through_a_process),
	};

	return cmocka_run_group_tests_name("layouts", tests, NULL, NULL);
}
