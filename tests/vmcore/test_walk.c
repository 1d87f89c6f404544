/* test_walk.c - page-table walks: the lectures' exercises, and the fast walkers against the looking one. */
#include "bare.h"
#include "proc.h"
#include "random_geometry.h"
#include "vmcase.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The walk that proc/PID/walk/VA shows, of a process whose base was set by hand. */
static void look(struct vm_host *h, pa_t base, va_t va, struct vm_walk *w)
{
	struct mm mm = { .host = h, .table = { .host = h, .base = base, .by_hand = true, .asid = 7 } };
	struct vm_proc p = { .host = h, .mm = &mm };

	vm_walk_look(&p, va, w);
}

static void compare_answer(struct vm_host *h, const struct vmcase *c, const struct vmcase_access *a, pa_t base)
{
	struct translation tr;
	struct vm_walk w;
	uint8_t byte;

	look(h, base, a->va, &w);
	assert_int_equal(w.ptbr, base);
	assert_int_equal(w.fault, a->ok ? VM_WALK_OK : VM_WALK_NOT_PRESENT);
	mmu_walk(h, base, 7, a->va, VM_READ, true, &tr);
	assert_int_equal(tr.fault, w.fault);
	if (!a->ok) {
		assert_int_equal(w.fault_level, a->fault_level);
		assert_int_equal(tr.level, a->fault_level);
		return;
	}
	assert_int_equal(w.pa, a->pa);
	assert_int_equal(tr.pa, a->pa);
	if (c->memory->len == 0)
		return;
	assert_int_equal(vm_ram_read(h, w.pa, &byte, 1), 1);
	assert_int_equal(byte, a->byte);
}

static void compare_steps(struct vm_host *h, const struct vmcase_access *a, pa_t base)
{
	struct vm_walk w;

	look(h, base, a->va, &w);
	assert_int_equal(w.steps, a->steps->len);
	for (unsigned i = 0; i < w.steps; i++) {
		const struct vmcase_step *s = &g_array_index(a->steps, struct vmcase_step, i);

		assert_int_equal(w.step[i].level, s->level);
		assert_int_equal(w.step[i].index, s->index);
		assert_int_equal(w.step[i].pte_addr, s->pte_addr);
		assert_int_equal(w.step[i].pte, s->pte);
		assert_int_equal(w.step[i].valid, s->valid);
		assert_int_equal(w.step[i].ppn, s->pfn);
		assert_int_equal(w.step[i].flags, 0);
	}
}

static void run_walk_case(struct vmcase *c)
{
	struct vm_host *h = bare_new(&c->geometry, c->memory->len);

	assert_int_equal(vm_ram_write(h, 0, c->memory->data, c->memory->len), c->memory->len);
	assert_true(c->accesses->len > 0);
	for (guint i = 0; i < c->accesses->len; i++) {
		compare_answer(h, c, c->accesses->pdata[i], c->base);
		compare_steps(h, c->accesses->pdata[i], c->base);
	}
	bare_free(h);
}

/* The table is not part of the case's memory: it is put behind it. */
static void run_linear_case(struct vmcase *c)
{
	uint64_t page = (uint64_t)1 << c->geometry.page_bits, table = c->ptes->len * 4;
	uint64_t ram = c->pa_bytes + (table + page - 1) / page * page;
	struct vm_host *h;

	c->geometry.table = VM_TABLE_FLAT;
	c->geometry.pa_bits = 64 - (unsigned)__builtin_clzll(ram);
	h = bare_new(&c->geometry, ram);
	for (guint i = 0; i < c->ptes->len; i++) {
		uint32_t pte = GUINT32_TO_LE((uint32_t)g_array_index(c->ptes, uint64_t, i));

		assert_int_equal(vm_ram_write(h, c->pa_bytes + 4 * i, &pte, 4), 4);
	}
	assert_true(c->accesses->len > 0);
	for (guint i = 0; i < c->accesses->len; i++)
		compare_answer(h, c, c->accesses->pdata[i], c->pa_bytes);
	bare_free(h);
}

static void the_lecture_exercises_give_their_steps_and_answers(void **state)
{
	assert_int_equal(vmcase_each(CASES "/cs3130", run_walk_case), 6);
}

static void the_two_level_walks_of_ostep_give_their_steps_and_answers(void **state)
{
	assert_int_equal(vmcase_each(CASES "/ostep/walk2", run_walk_case), 3);
}

static void the_linear_tables_of_ostep_give_their_answers(void **state)
{
	assert_int_equal(vmcase_each(CASES "/ostep/linear", run_linear_case), 3);
}

/* A host of x86-64 with one page mapped at 0x40000000, all tables in frames 0 to 3. */
struct one { struct vm_host *h; struct table t; struct span s; pfn_t pfn; };
enum { VA = 0x40000000 };

static struct one one_page(const char *preset, unsigned flags)
{
	struct one o = { .h = bare_new(vm_geometry_preset(preset), 4 * MiB) };
	struct err e = { 0 };

	table_init(&o.t, o.h, NULL, 1);
	assert_int_equal(table_make(&o.t, VA >> 12, &o.s, &e), 0);
	o.pfn = frame_alloc(o.h, VM_FRAME_ANON, true, false);
	entry_set(&o.t, VA >> 12, &o.s, 0, entry_present(&o.h->geometry, o.pfn, flags));
	return o;
}

static void one_end(struct one *o)
{
	table_destroy(&o->t);
	frame_release(o->h, o->pfn);
	assert_int_equal(frames_free(o->h), o->h->frame_count);
	bare_free(o->h);
}

static struct translation walk(struct one *o, va_t va, enum vm_access how)
{
	struct translation tr;

	mmu_walk(o->h, o->t.base, 1, va, how, true, &tr);
	return tr;
}

static void a_read_sets_a_at_each_level_and_a_write_sets_d_at_the_leaf(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_WRITE | VM_PTE_USER);
	struct vm_walk w;
	struct translation tr;

	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	for (unsigned i = 0; i < 4; i++)
		assert_false(w.step[i].flags & (VM_PTE_ACCESSED | VM_PTE_DIRTY));
	tr = walk(&o, VA + 0x123, VM_READ);
	assert_int_equal(tr.fault, VM_WALK_OK);
	assert_int_equal(tr.pa, (o.pfn << 12) + 0x123);
	assert_int_equal(tr.steps, 4);
	assert_int_equal(tr.flags, VM_PTE_WRITE | VM_PTE_USER | VM_PTE_ACCESSED);
	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(w.step[i].flags & (VM_PTE_ACCESSED | VM_PTE_DIRTY), VM_PTE_ACCESSED);
	tr = walk(&o, VA, VM_WRITE);
	assert_int_equal(tr.flags, VM_PTE_WRITE | VM_PTE_USER | VM_PTE_ACCESSED | VM_PTE_DIRTY);
	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	assert_true(w.step[3].flags & VM_PTE_DIRTY);
	assert_false(w.step[2].flags & VM_PTE_DIRTY);
	assert_int_equal(g_hash_table_size(o.h->poked), 0);
	one_end(&o);
}

static void a_denied_access_sets_no_bit(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_USER);
	struct translation tr = walk(&o, VA, VM_WRITE);
	struct vm_walk w;

	assert_int_equal(tr.fault, VM_WALK_WRITE);
	assert_int_equal(tr.level, 4);
	tr = walk(&o, VA, VM_EXEC);
	assert_int_equal(tr.fault, VM_WALK_EXEC);
	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	for (unsigned i = 0; i < 4; i++)
		assert_false(w.step[i].flags & (VM_PTE_ACCESSED | VM_PTE_DIRTY));
	one_end(&o);
}

static void user_mode_needs_the_user_bit(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_WRITE);
	struct translation tr = walk(&o, VA, VM_READ);

	assert_int_equal(tr.fault, VM_WALK_USER);
	mmu_walk(o.h, o.t.base, 1, VA, VM_READ, false, &tr);
	assert_int_equal(tr.fault, VM_WALK_OK);
	one_end(&o);
}

static void an_upper_entry_denies_for_all_below(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC);
	struct vm_walk w;
	struct translation tr;
	uint64_t pte;

	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	pte = w.step[1].pte & ~(uint64_t)2;
	vm_ram_write(o.h, w.step[1].pte_addr, &pte, 8);
	tr = walk(&o, VA, VM_WRITE);
	assert_int_equal(tr.fault, VM_WALK_WRITE);
	assert_int_equal(tr.level, 2);
	tr = walk(&o, VA, VM_READ);
	assert_int_equal(tr.fault, VM_WALK_OK);
	assert_false(tr.flags & VM_PTE_WRITE);
	/* Not-present below goes before it, as on x86. */
	tr = walk(&o, VA + 0x1000, VM_WRITE);
	assert_int_equal(tr.fault, VM_WALK_NOT_PRESENT);
	assert_int_equal(tr.level, 4);
	one_end(&o);
}

static void addresses_must_repeat_their_top_bit(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_USER);

	assert_int_equal(walk(&o, (uint64_t)1 << 47, VM_READ).fault, VM_WALK_NON_CANONICAL);
	assert_int_equal(walk(&o, 0xffff800000000000, VM_READ).fault, VM_WALK_NOT_PRESENT);
	assert_int_equal(walk(&o, 0x7fffffffffff, VM_READ).fault, VM_WALK_NOT_PRESENT);
	one_end(&o);
}

static void an_address_beyond_the_width_is_not_canonical(void **state)
{
	struct one o = one_page("vpn16", VM_PTE_USER);
	struct translation tr;

	mmu_walk(o.h, o.t.base, 1, (va_t)1 << 28, VM_READ, true, &tr);
	assert_int_equal(tr.fault, VM_WALK_NON_CANONICAL);
	one_end(&o);
}

static void entries_that_point_outside_ram_are_bad(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_USER);

	for (unsigned level = 1; level <= 4; level++) {
		struct vm_walk w;
		uint64_t pte, old;

		mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
		old = w.step[level - 1].pte;
		pte = (old & 0xfff) | o.h->frame_count << 12;
		vm_ram_write(o.h, w.step[level - 1].pte_addr, &pte, 8);
		assert_int_equal(walk(&o, VA, VM_READ).fault, VM_WALK_BAD_PTE);
		assert_int_equal(walk(&o, VA, VM_READ).level, level);
		vm_ram_write(o.h, w.step[level - 1].pte_addr, &old, 8);
		assert_int_equal(walk(&o, VA, VM_READ).fault, VM_WALK_OK);
		assert_int_equal(g_hash_table_size(o.h->poked), 0);
	}
	one_end(&o);
}

static void a_base_outside_ram_is_bad_at_level_one(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_USER);
	struct translation tr;
	struct vm_walk w;

	mmu_walk(o.h, 4 * MiB, 1, VA, VM_READ, true, &tr);
	assert_int_equal(tr.fault, VM_WALK_BAD_PTE);
	assert_int_equal(tr.level, 1);
	mmu_walk(o.h, UINT64_MAX - 8, 1, VA, VM_READ, true, &tr);
	assert_int_equal(tr.fault, VM_WALK_BAD_PTE);
	look(o.h, PA_NONE, VA, &w);
	assert_int_equal(w.fault, VM_WALK_NOT_PRESENT);
	assert_int_equal(w.steps, 0);
	one_end(&o);
}

static void a_table_may_point_at_itself(void **state)
{
	struct one o = one_page("x86-64", VM_PTE_USER);
	uint64_t pte = (o.t.base & ~(uint64_t)0xfff) | 7;
	struct translation tr;

	vm_ram_write(o.h, o.t.base + 8 * 511, &pte, 8);
	tr = walk(&o, UINT64_MAX, VM_READ);
	assert_int_equal(tr.fault, VM_WALK_OK);
	assert_int_equal(tr.pa, o.t.base + 0xfff);
	one_end(&o);
}

static void huge_leaves_end_the_walk(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 16 * MiB);
	struct translation tr;
	struct table t;
	struct err e = { 0 };

	table_init(&t, h, NULL, 1);
	assert_int_equal(table_huge_order(h), 9);
	assert_int_equal(table_set_huge(&t, 512, entry_present(&h->geometry, 1024, VM_PTE_USER | VM_PTE_HUGE), &e), 0);
	mmu_walk(h, t.base, 1, 0x200000 + 0x12345, VM_READ, true, &tr);
	assert_int_equal(tr.fault, VM_WALK_OK);
	assert_int_equal(tr.pa, 0x400000 + 0x12345);
	assert_int_equal(tr.page_bits, 21);
	assert_int_equal(tr.steps, 3);
	assert_true(tr.flags & VM_PTE_HUGE);
	assert_true(tr.flags & VM_PTE_ACCESSED);
	assert_int_equal(table_set_huge(&t, 512, entry_present(&h->geometry, 1025, VM_PTE_USER | VM_PTE_HUGE), &e), 0);
	mmu_walk(h, t.base, 1, 0x200000, VM_READ, true, &tr);
	assert_int_equal(tr.fault, VM_WALK_BAD_PTE);       /* not aligned to its size */
	assert_int_equal(table_set_huge(&t, 512, 0, &e), 0);
	table_destroy(&t);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void riscv_reserves_writable_but_unreadable(void **state)
{
	struct one o = one_page("sv39", VM_PTE_USER | VM_PTE_WRITE);
	struct vm_walk w;
	uint64_t pte;

	assert_int_equal(walk(&o, VA, VM_WRITE).fault, VM_WALK_OK);
	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	assert_int_equal(w.step[0].flags, 0);              /* pointers carry no A */
	pte = w.step[2].pte & ~(uint64_t)2;
	vm_ram_write(o.h, w.step[2].pte_addr, &pte, 8);
	assert_int_equal(walk(&o, VA, VM_READ).fault, VM_WALK_BAD_PTE);
	pte = w.step[2].pte & ~(uint64_t)(2 | 4 | 8);      /* a pointer in a leaf table */
	vm_ram_write(o.h, w.step[2].pte_addr, &pte, 8);
	assert_int_equal(walk(&o, VA, VM_READ).fault, VM_WALK_BAD_PTE);
	one_end(&o);
}

static void arm64_tells_blocks_from_tables_by_a_clear_bit(void **state)
{
	struct one o = one_page("arm64-4k", VM_PTE_USER | VM_PTE_WRITE | VM_PTE_EXEC);
	struct vm_walk w;

	assert_int_equal(walk(&o, VA, VM_WRITE).fault, VM_WALK_OK);
	assert_int_equal(walk(&o, VA, VM_EXEC).fault, VM_WALK_OK);
	mmu_look(o.h, o.t.base, 1, VA, VM_READ, true, &w);
	assert_int_equal(w.steps, 4);
	assert_int_equal(w.step[0].pte & 3, 3);
	assert_int_equal(w.step[3].pte & 3, 3);
	assert_false(w.step[3].pte & 0x80);                /* AP[2]: read-only */
	one_end(&o);
}

/* Nothing in RAM but A and D bits of the entries on the way may have changed. */
static void compare_ram(struct vm_host *h, const uint8_t *before, const struct vm_walk *w, bool may_change)
{
	unsigned width = h->geometry.pte_bytes;
	uint64_t differ = 0;

	for (uint64_t i = 0; i < h->mmu.ram_bytes; i++)
		differ += h->ram[i] != before[i];
	if (!differ)
		return;
	assert_true(may_change);
	for (uint64_t i = 0; i < h->mmu.ram_bytes; i++) {
		bool on_the_way = false;

		if (h->ram[i] == before[i])
			continue;
		for (unsigned k = 0; k < w->steps; k++)
			on_the_way |= i >= w->step[k].pte_addr && i < w->step[k].pte_addr + width;
		assert_true(on_the_way);
	}
}

static void walk_and_look(struct vm_host *h, pa_t base, va_t va, enum vm_access how, bool user,
			  unsigned seen[VM_WALK_FAULTS])
{
	g_autofree uint8_t *before = g_memdup2(h->ram, h->mmu.ram_bytes);
	struct translation tr;
	struct vm_walk w;

	mmu_look(h, base, 3, va, how, user, &w);
	compare_ram(h, before, &w, false);
	mmu_walk(h, base, 3, va, how, user, &tr);
	assert_int_equal(tr.fault, w.fault);
	seen[w.fault]++;
	compare_ram(h, before, &w, w.fault == VM_WALK_OK);
	if (tr.fault != VM_WALK_OK) {
		assert_int_equal(tr.level, w.fault_level);
		return;
	}
	assert_int_equal(tr.pa, w.pa);
	assert_true(tr.pa < h->mmu.ram_bytes);
	assert_int_equal(tr.page_bits, w.page_bits);
	w.flags |= h->geometry.accessed != VM_BIT_NONE ? VM_PTE_ACCESSED : 0;
	w.flags |= h->geometry.dirty != VM_BIT_NONE && how == VM_WRITE ? VM_PTE_DIRTY : 0;
	assert_int_equal(tr.flags, w.flags);
}

static void walk_twice(struct vm_host *h, struct rng *r, unsigned seen[VM_WALK_FAULTS])
{
	pa_t base = rng_below(r, h->mmu.ram_bytes + 2);
	va_t va = rng_next(r) & (((va_t)2 << h->geometry.va_bits) - 1);
	enum vm_access how = (enum vm_access)rng_below(r, 3);
	bool user = rng_below(r, 4) != 0;

	if (rng_below(r, 2))
		base = base >> h->geometry.page_bits << h->geometry.page_bits;
	if (h->geometry.sign_extended && rng_below(r, 2))
		va = (va_t)((int64_t)(va << (64 - h->geometry.va_bits)) >> (64 - h->geometry.va_bits));
	walk_and_look(h, base, va, how, user, seen);
	walk_and_look(h, base, va, how, user, seen);  /* where the first succeeded, A and D are there now: the fast way */
}

/* Random bytes, with enough bits set that walks get somewhere. */
static void pour(struct vm_host *h, struct rng *r)
{
	g_autofree uint8_t *bytes = g_malloc(h->mmu.ram_bytes);
	const struct mmu_format *f = &h->mmu.format;
	unsigned width = h->geometry.pte_bytes;

	for (uint64_t i = 0; i < h->mmu.ram_bytes; i++)
		bytes[i] = (uint8_t)rng_next(r);
	for (uint64_t i = 0; i + width <= h->mmu.ram_bytes; i += width) {
		uint64_t raw = pte_load(&h->mmu.format, bytes + i);
		uint64_t frames = h->mmu.format.ppn_mask & ((h->mmu.mapped_bytes >> h->geometry.page_bits) - 1);

		if (rng_below(r, 4))
			raw |= h->mmu.format.valid;
		if (rng_below(r, 2))                     /* refuses nothing, has A and D, is no huge leaf */
			raw = ((raw | f->flip) & ~((f->write | f->nx | f->big_mask) & ~f->flip)) | f->big_flip;
		if (rng_below(r, 4))
			raw &= ~(h->mmu.format.ppn_mask << h->geometry.ppn_shift) | frames << h->geometry.ppn_shift;
		pte_store(&h->mmu.format, bytes + i, raw);
	}
	vm_ram_write(h, 0, bytes, h->mmu.ram_bytes);
}

/* RAM of up to 32 KiB, a power of two every other time. */
static uint64_t some_frames(const struct vm_geometry *g, struct rng *r)
{
	uint64_t most = (uint64_t)1 << (MIN(g->pa_bits, 15) - g->page_bits);

	return rng_below(r, 2) ? most : 1 + rng_below(r, most);
}

static void fast_and_looking_walks_agree_on_random_bytes(void **state)
{
	const char *fixed = g_getenv("SEED");
	uint64_t seed = fixed ? g_ascii_strtoull(fixed, NULL, 0) : 20260101;
	unsigned seen[VM_WALK_FAULTS] = { 0 };
	struct rng r;

	print_message("SEED=%" G_GUINT64_FORMAT "\n", seed);
	rng_seed(&r, seed, "walks over random bytes");
	for (int i = 0; i < 400; i++) {
		struct vm_geometry g = random_geometry(&r, (enum vm_table)rng_below(&r, VM_TABLES));
		struct vm_host *h;

		if (i % 10 == 0) {
			g = *vm_geometry_at((unsigned)i / 10 % 10);
			g.pa_bits = 15;
		}
		h = bare_new(&g, some_frames(&g, &r) << g.page_bits);
		pour(h, &r);
		for (int k = 0; k < 50; k++)
			walk_twice(h, &r, seen);
		bare_free(h);
	}
	for (int i = 0; i < VM_WALK_FAULTS; i++) {
		print_message("%s: %u\n", vm_walk_fault_names[i], seen[i]);
		assert_true(seen[i] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lecture_exercises_give_their_steps_and_answers),
		cmocka_unit_test(the_two_level_walks_of_ostep_give_their_steps_and_answers),
		cmocka_unit_test(the_linear_tables_of_ostep_give_their_answers),
		cmocka_unit_test(a_read_sets_a_at_each_level_and_a_write_sets_d_at_the_leaf),
		cmocka_unit_test(a_denied_access_sets_no_bit),
		cmocka_unit_test(user_mode_needs_the_user_bit),
		cmocka_unit_test(an_upper_entry_denies_for_all_below),
		cmocka_unit_test(addresses_must_repeat_their_top_bit),
		cmocka_unit_test(an_address_beyond_the_width_is_not_canonical),
		cmocka_unit_test(entries_that_point_outside_ram_are_bad),
		cmocka_unit_test(a_base_outside_ram_is_bad_at_level_one),
		cmocka_unit_test(a_table_may_point_at_itself),
		cmocka_unit_test(huge_leaves_end_the_walk),
		cmocka_unit_test(riscv_reserves_writable_but_unreadable),
		cmocka_unit_test(arm64_tells_blocks_from_tables_by_a_clear_bit),
		cmocka_unit_test(fast_and_looking_walks_agree_on_random_bytes),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
