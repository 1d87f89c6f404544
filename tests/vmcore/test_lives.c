/*
 * test_lives.c - processes that do anything at random, on machines with little memory and all kinds of page tables.
 *
 * Nothing is expected of the calls but this: a failure has a reason, the host never contradicts itself, and when all
 * processes have ended, every frame, slot and promise is back. What memory holds is test_memory_model's.
 */
#include "swap.h"
#include "whole.h"

#include "inode.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 12, STEPS = 600 };

struct world {
	struct whole *m;
	struct vm_host *h;
	struct rng r;
	uint64_t page, top;
	struct err e;
};

static uint64_t below(struct world *w, uint64_t n) { return rng_below(&w->r, n); }

/* A process other than init, or NULL. */
static struct vm_proc *anyone(struct world *w)
{
	struct vm_proc *p = vm_proc_above(w->h, 1);

	for (uint64_t k = below(w, MAX(vm_proc_count(w->h), 1)); p && k > 0; k--) {
		struct vm_proc *next = vm_proc_above(w->h, p->pid);

		p = next ? next : p;
	}
	return p;
}

/* An address in or near an area. */
static va_t somewhere(struct world *w, struct vm_proc *p)
{
	uint64_t n = vm_area_count(p);
	struct vm_area a = { .start = w->top / 2, .end = w->top / 2 + w->page };

	for (uint64_t k = n ? below(w, n + 1) : 0, at = 0; k > 0 && vm_area_above(p, at, &a); k--)
		at = a.end;
	return a.start + below(w, (a.end - a.start) / w->page + 2) * w->page;
}

static struct vm_inode *some_file(struct world *w)
{
	const char *const names[] = { "/a", "/b", "/dev/shm/c" };

	return vm_disk_lookup(w->h, names[below(w, 3)], NULL);
}

static int map(struct world *w, struct vm_proc *p)
{
	static const unsigned kinds[] = { VM_MAP_PRIVATE | VM_MAP_ANON, VM_MAP_SHARED | VM_MAP_ANON, VM_MAP_PRIVATE, VM_MAP_SHARED };
	unsigned kind = kinds[below(w, 4)];
	struct vm_map_request r = { .addr = below(w, 2) ? somewhere(w, p) : 0, .len = (1 + below(w, 12)) * w->page,
				    .prot = (unsigned)below(w, 8), .fd = -1 };
	va_t at;

	r.flags = kind | (below(w, 4) == 0 && r.addr ? VM_MAP_FIXED : 0) | (below(w, 6) == 0 ? VM_MAP_POPULATE : 0) |
		  (below(w, 8) == 0 ? VM_MAP_LOCKED : 0);
	if (!(kind & VM_MAP_ANON)) {
		r.inode = some_file(w);
		r.offset = below(w, 4) * w->page;
	}
	return vm_mmap(p, &r, &at, &w->e);
}

static int use(struct world *w, struct vm_proc *p)
{
	struct vm_outcome o;
	uint8_t byte = (uint8_t)below(w, 256);
	va_t at = somewhere(w, p) + below(w, w->page);

	switch (below(w, 4)) {
	case 0:
		return vm_load(p, at, &byte, 1, &o, &w->e);
	case 1:
		return vm_fetch(p, at, &o, &w->e);
	default:
		return vm_store(p, at, &byte, 1, &o, &w->e);
	}
}

static int change(struct world *w, struct vm_proc *p)
{
	static const int advices[] = { 4, 8, 9, 10, 11, 18, 19, 20, 21, 22, 23, 14, 15 };
	va_t at = somewhere(w, p), result;
	uint64_t len = (1 + below(w, 10)) * w->page;

	switch (below(w, 8)) {
	case 0:
		return vm_munmap(p, at, len, &w->e);
	case 1:
		return vm_mprotect(p, at, len, (unsigned)below(w, 8), &w->e);
	case 2:
		return vm_mremap(p, at, len, (1 + below(w, 10)) * w->page, (unsigned)below(w, 8), somewhere(w, p), &result,
				 &w->e);
	case 3:
		return vm_mlock(p, at, len, below(w, 2), &w->e);
	case 4:
		return vm_munlock(p, at, len, &w->e);
	case 5:
		return vm_msync(p, at, len, (unsigned)below(w, 8), &w->e);
	case 6:
		return vm_brk(p, vm_break(p, NULL) + below(w, 8) * w->page - 2 * w->page, &result, &w->e);
	default:
		return vm_madvise(p, at, len, advices[below(w, G_N_ELEMENTS(advices))], &w->e);
	}
}

static int live(struct world *w, struct vm_proc *p)
{
	static const int signals[] = { 0, 9, 15, 17, 18, 19, 11 };
	struct vm_spawn s = { .name = below(w, 2) ? "x" : "y", .bare = below(w, 3) == 0 };
	struct vm_ended ended;
	int32_t id;

	switch (below(w, 8)) {
	case 0:
		return vm_exit(p, (int)below(w, 300), &w->e);
	case 1:
		return vm_kill(p, signals[below(w, G_N_ELEMENTS(signals))], &w->e);
	case 2:
		return vm_wait(p, 0, &ended, &w->e);
	case 3:
		return vm_clone_thread(p, &id, &w->e);
	case 4:
		if (vm_proc_count(w->h) < MOST && !vm_spawn(w->h, &s, &w->e))
			return -w->e.code;
		return 0;
	default:
		return vm_proc_count(w->h) < MOST ? vm_fork(p, &id, &w->e) : 0;
	}
}

static int files(struct world *w, struct vm_proc *p)
{
	struct vm_inode *f = some_file(w);
	uint8_t bytes[600];
	uint64_t at = below(w, 6 * w->page), n = below(w, sizeof bytes), position;
	size_t done;
	ssize_t r;
	int fd;

	memset(bytes, (int)at, sizeof bytes);
	switch (below(w, 9)) {
	case 0:
		return vm_inode_truncate(f, at, &w->e);
	case 1:
		r = vm_inode_write(f, at, bytes, n, &w->e);
		return r < 0 ? (int)r : 0;
	case 2:
		return vm_inode_writeback(f, &w->e);
	case 3:
		return vm_drop_caches(w->h, &w->e);
	case 4:
		return vm_open(p, f, 1 + (unsigned)below(w, 3), &fd, &w->e);
	case 5:
		return vm_close(p, (int)below(w, 5), &w->e);
	case 6:
		return vm_lseek(p, (int)below(w, 5), (int64_t)at, (int)below(w, 3), &position, &w->e);
	case 7:
		return vm_fd_read(p, (int)below(w, 5), bytes, n, &done, &w->e);
	default:
		return vm_fd_write(p, (int)below(w, 5), bytes, n, &done, &w->e);
	}
}

static void step(struct world *w)
{
	struct vm_proc *p = anyone(w);
	struct vm_spawn s = { .name = "x" };
	int r;

	w->e = (struct err){ 0 };
	if (!p) {
		vm_spawn(w->h, &s, &w->e);
		return;
	}
	switch (below(w, 10)) {
	case 0:
	case 1:
		r = map(w, p);
		break;
	case 2:
	case 3:
		r = change(w, p);
		break;
	case 4:
		r = live(w, p);
		break;
	case 5:
		r = files(w, p);
		break;
	default:
		r = use(w, p);
		break;
	}
	if (r < 0 && (w->e.code != -r || !*w->e.why))
		fail_msg("errno %d, but the reason says %d: %s", -r, w->e.code, w->e.why);
}

static struct vm_geometry tiny(enum vm_table table)
{
	struct vm_geometry g = *vm_geometry_preset("x86-64");

	g_strlcpy(g.name, "custom", sizeof g.name);
	g.va_bits = 24;
	g.page_bits = 9;
	g.pa_bits = 24;
	g.levels = table == VM_TABLE_RADIX ? 3 : table == VM_TABLE_FLAT;
	g.index_bits[0] = table == VM_TABLE_FLAT ? 15 : 3;
	g.index_bits[1] = g.index_bits[2] = 6;
	g.index_bits[3] = 0;
	g.table = table;
	g.sign_extended = false;
	g.ppn_shift = 12;
	g.ppn_bits = 40;
	if (table != VM_TABLE_RADIX) {
		g.huge = VM_BIT_NONE;
		g.upper_permissions = false;
	}
	return g;
}

/* One life of a machine; the seed and the step are told when it goes wrong. */
static void run(const struct vm_geometry *g, uint64_t frames, uint64_t slots, uint64_t seed)
{
	struct world w = { .page = vm_page_size(g) };
	struct vm_proc *p;

	w.m = whole_of(g, frames * w.page, slots * w.page);
	w.h = w.m->h;
	w.top = mm_top(w.h);
	w.h->config.share_tables = seed % 3 != 0;
	w.h->config.eager_fork = seed % 5 == 0;
	w.h->config.user_frames = seed % 7 == 0 ? frames / 3 : 0;
	rng_seed(&w.r, seed, "lives");
	whole_file(w.h, NULL, "a", 5 * w.page, 1);
	whole_file(w.h, NULL, "b", 3 * w.page + 100 % w.page, 2);
	whole_file(w.h, vm_disk_lookup(w.h, "/dev/shm", NULL), "c", 4 * w.page, 3);
	for (int k = 0; k < STEPS; k++) {
		g_autofree char *lines = NULL;

		step(&w);
		lines = whole_complaints(w.h);
		if (*lines)
			fail_msg("%s, %d frames, seed %d, step %d:\n%s", g->name, (int)frames, (int)seed, k, lines);
	}
	while ((p = vm_proc_above(w.h, 1)))
		vm_kill(p, 9, NULL);
	assert_int_equal(vm_proc_count(w.h), 1);
	assert_int_equal(w.h->committed, 0);
	assert_int_equal(w.h->mlocked, 0);
	assert_int_equal(w.h->frames_by_use[VM_FRAME_ANON], 0);
	if (w.h->global_table == NULL)
		assert_int_equal(w.h->frames_by_use[VM_FRAME_TABLE], 0);
	vm_dir_unlink(vm_disk_lookup(w.h, "/dev/shm", NULL), "c", false, NULL);
	if (w.h->swap)
		assert_int_equal(swap_slots_free(w.h->swap), slots);
	whole_free(w.m);
}

static void lives_on(const struct vm_geometry *g, uint64_t first)
{
	const char *more = g_getenv("LIVES");
	uint64_t n = more ? strtoull(more, NULL, 10) : 1;

	for (uint64_t k = 0; k < n; k++) {
		run(g, 300, 200, first + 3 * k);
		run(g, 60, 40, first + 3 * k + 1);
		run(g, 60, 0, first + 3 * k + 2);
	}
}

static void lives_on_x86_64_end_without_a_trace(void **state)
{
	lives_on(vm_geometry_preset("x86-64"), 1);
}

static void lives_on_sv32_end_without_a_trace(void **state)
{
	lives_on(vm_geometry_preset("sv32"), 1001);
}

static void lives_on_arm64_end_without_a_trace(void **state)
{
	lives_on(vm_geometry_preset("arm64-4k"), 2001);
}

static void lives_on_small_pages_end_without_a_trace(void **state)
{
	struct vm_geometry g = tiny(VM_TABLE_RADIX);

	lives_on(&g, 3001);
}

static void lives_on_a_flat_table_end_without_a_trace(void **state)
{
	struct vm_geometry g = tiny(VM_TABLE_FLAT);

	run(&g, 6000, 100, 4001);
	run(&g, 6000, 0, 4002);
}

static void lives_on_hashed_tables_end_without_a_trace(void **state)
{
	struct vm_geometry g = tiny(VM_TABLE_HASHED);

	lives_on(&g, 5001);
}

static void lives_on_an_inverted_table_end_without_a_trace(void **state)
{
	struct vm_geometry g = tiny(VM_TABLE_INVERTED);

	lives_on(&g, 6001);
}

static void lives_without_write_bits_end_without_a_trace(void **state)
{
	struct vm_geometry g = tiny(VM_TABLE_RADIX);

	g.write = g.user = g.nx = g.accessed = g.dirty = VM_BIT_NONE;
	g.upper_permissions = false;
	lives_on(&g, 7001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives_on_x86_64_end_without_a_trace),
		cmocka_unit_test(lives_on_sv32_end_without_a_trace),
		cmocka_unit_test(lives_on_arm64_end_without_a_trace),
		cmocka_unit_test(lives_on_small_pages_end_without_a_trace),
		cmocka_unit_test(lives_on_a_flat_table_end_without_a_trace),
		cmocka_unit_test(lives_on_hashed_tables_end_without_a_trace),
		cmocka_unit_test(lives_on_an_inverted_table_end_without_a_trace),
		cmocka_unit_test(lives_without_write_bits_end_without_a_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
