/* test_tlb.c - translation through the TLB: what is counted, what is kept, what is flushed. */
#include "bare.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PAGE = 4096 };
struct machine { struct vm_host *h; struct table t; };

static void map(struct table *t, vpn_t vpn, pfn_t pfn, unsigned flags)
{
	struct span s;

	assert_int_equal(table_make(t, vpn, &s, NULL), 0);
	entry_set(t, vpn, &s, 0, entry_present(&t->host->geometry, pfn, flags));
}

/* Pages 16 to 47 at frames 100 + n, writable. */
static struct machine machine_new(unsigned entries, unsigned ways)
{
	struct machine m = { .h = bare_new(vm_geometry_preset("x86-64"), 2 * MiB) };

	assert_int_equal(vm_tlb_reshape(m.h, (struct vm_tlb_shape) { entries, ways }, NULL), 0);
	table_init(&m.t, m.h, NULL, 5);
	for (vpn_t vpn = 16; vpn < 48; vpn++)
		map(&m.t, vpn, 100 + vpn, VM_PTE_USER | VM_PTE_WRITE);
	return m;
}

static struct translation go(struct machine *m, vpn_t vpn, enum vm_access how)
{
	struct translation tr;

	mmu_translate(m->h, &m->t, vpn * PAGE + 5, how, &tr);
	return tr;
}

/* Does an access to the page hit? */
static bool hits(struct machine *m, vpn_t vpn)
{
	uint64_t before = m->h->stats.tlb_hits;

	go(m, vpn, VM_READ);
	return m->h->stats.tlb_hits > before;
}

static void a_second_access_hits(void **state)
{
	struct machine m = machine_new(8, 2);
	struct translation tr = go(&m, 16, VM_READ);

	assert_int_equal(tr.pa, 116 * PAGE + 5);
	assert_int_equal(tr.steps, 4);
	tr = go(&m, 16, VM_READ);
	assert_int_equal(tr.pa, 116 * PAGE + 5);
	assert_int_equal(tr.steps, 0);
	assert_int_equal(m.h->stats.accesses, 2);
	assert_int_equal(m.h->stats.tlb_hits, 1);
	assert_int_equal(m.h->stats.tlb_misses, 1);
	assert_int_equal(m.h->stats.walk_steps, 4);
	bare_free(m.h);
}

static void without_a_tlb_each_access_walks(void **state)
{
	struct machine m = machine_new(0, 0);
	struct vm_tlb_entry e;
	uint64_t cursor = 0;

	go(&m, 16, VM_READ);
	go(&m, 16, VM_READ);
	assert_int_equal(m.h->stats.walk_steps, 8);
	assert_int_equal(m.h->stats.tlb_hits + m.h->stats.tlb_misses, 0);
	assert_false(vm_tlb_next(m.h, &cursor, &e));
	tlb_flush_page(m.h, 5, 16);
	tlb_flush_range(m.h, 5, 0, 100);
	vm_tlb_flush_va(m.h, 16 * PAGE);
	bare_free(m.h);
}

static void a_stale_entry_holds_until_it_is_flushed(void **state)
{
	struct machine m = machine_new(8, 2);

	go(&m, 16, VM_READ);
	map(&m.t, 16, 7, VM_PTE_USER);
	assert_int_equal(go(&m, 16, VM_READ).pa, 116 * PAGE + 5);
	vm_tlb_flush_va(m.h, 16 * PAGE);
	assert_int_equal(go(&m, 16, VM_READ).pa, 7 * PAGE + 5);
	bare_free(m.h);
}

static void a_store_through_an_entry_without_d_walks_and_sets_it(void **state)
{
	struct machine m = machine_new(8, 2);
	struct span s;

	go(&m, 16, VM_READ);
	table_span(&m.t, 16, 17, &s);
	assert_false(entry_flags(&m.h->geometry, entry_raw(m.h, &s, 0)) & VM_PTE_DIRTY);
	assert_int_equal(go(&m, 16, VM_WRITE).steps, 4);
	assert_true(entry_flags(&m.h->geometry, entry_raw(m.h, &s, 0)) & VM_PTE_DIRTY);
	assert_int_equal(go(&m, 16, VM_WRITE).steps, 0);
	assert_int_equal(m.h->stats.tlb_misses, 2);
	bare_free(m.h);
}

static void a_denied_access_walks_again_and_forgets_the_entry(void **state)
{
	struct machine m = machine_new(8, 2);

	map(&m.t, 16, 7, VM_PTE_USER);
	go(&m, 16, VM_READ);
	assert_int_equal(go(&m, 16, VM_WRITE).fault, VM_WALK_WRITE);
	assert_false(hits(&m, 16));
	map(&m.t, 16, 7, VM_PTE_USER | VM_PTE_WRITE);             /* a permission given needs no flush */
	assert_int_equal(go(&m, 16, VM_WRITE).fault, VM_WALK_OK);
	bare_free(m.h);
}

static void a_fault_leaves_nothing_in_the_tlb(void **state)
{
	struct machine m = machine_new(8, 2);
	struct vm_tlb_entry e;
	uint64_t cursor = 0;

	assert_int_equal(go(&m, 5, VM_READ).fault, VM_WALK_NOT_PRESENT);
	assert_false(vm_tlb_next(m.h, &cursor, &e));
	bare_free(m.h);
}

static void address_spaces_do_not_mix(void **state)
{
	struct machine m = machine_new(8, 2);
	struct table other;
	struct translation tr;

	table_init(&other, m.h, NULL, 6);
	map(&other, 16, 3, VM_PTE_USER);
	go(&m, 16, VM_READ);
	mmu_translate(m.h, &other, 16 * PAGE, VM_READ, &tr);
	assert_int_equal(tr.pa, 3 * PAGE);
	assert_true(hits(&m, 16));
	tlb_flush_asid(m.h, 6);
	assert_true(hits(&m, 16));
	mmu_translate(m.h, &other, 16 * PAGE, VM_READ, &tr);
	assert_int_equal(tr.steps, 4);
	vm_tlb_flush_va(m.h, 16 * PAGE);                          /* of every address space */
	assert_false(hits(&m, 16));
	bare_free(m.h);
}

/* Set 0 of four sets by two ways: pages 16, 20, 24, ... */
static void a_set_keeps_what_was_used_last(void **state)
{
	struct machine m = machine_new(8, 2);

	go(&m, 16, VM_READ);
	go(&m, 20, VM_READ);
	assert_true(hits(&m, 16));
	go(&m, 24, VM_READ);                                      /* replaces 20 */
	assert_true(hits(&m, 16));
	assert_false(hits(&m, 20));
	go(&m, 17, VM_READ);                                      /* another set */
	assert_true(hits(&m, 20));
	bare_free(m.h);
}

static void flushes_take_what_they_name_and_nothing_else(void **state)
{
	struct machine m = machine_new(64, 4);

	for (vpn_t vpn = 16; vpn < 32; vpn++)
		go(&m, vpn, VM_READ);
	tlb_flush_page(m.h, 5, 20);
	tlb_flush_range(m.h, 5, 24, 28);
	tlb_flush_page(m.h, 9, 16);
	for (vpn_t vpn = 16; vpn < 32; vpn++)
		assert_int_equal(hits(&m, vpn), vpn != 20 && !(vpn >= 24 && vpn < 28));
	tlb_flush_range(m.h, 5, 18, 1000);                        /* more pages than sets: another way through */
	for (vpn_t vpn = 16; vpn < 32; vpn++)
		assert_int_equal(hits(&m, vpn), vpn < 18);
	vm_tlb_flush(m.h);
	assert_false(hits(&m, 16));
	bare_free(m.h);
}

static void entries_are_listed_by_set_and_way(void **state)
{
	struct machine m = machine_new(8, 2);
	struct vm_tlb_entry e;
	uint64_t cursor = 0;

	go(&m, 18, VM_READ);
	go(&m, 16, VM_WRITE);
	go(&m, 20, VM_READ);
	assert_true(vm_tlb_next(m.h, &cursor, &e));
	assert_int_equal(e.set, 0);
	assert_int_equal(e.way, 0);
	assert_int_equal(e.vpn, 16);
	assert_int_equal(e.pfn, 116);
	assert_int_equal(e.asid, 5);
	assert_int_equal(e.flags, VM_PTE_USER | VM_PTE_WRITE | VM_PTE_ACCESSED | VM_PTE_DIRTY);
	assert_true(vm_tlb_next(m.h, &cursor, &e));
	assert_int_equal(e.way, 1);
	assert_int_equal(e.vpn, 20);
	assert_true(vm_tlb_next(m.h, &cursor, &e));
	assert_int_equal(e.set, 2);
	assert_false(vm_tlb_next(m.h, &cursor, &e));
	bare_free(m.h);
}

static void odd_shapes_are_refused(void **state)
{
	struct machine m = machine_new(8, 2);
	static const struct vm_tlb_shape odd[] = { { 6, 2 }, { 8, 3 }, { 8, 0 }, { 8, 16 }, { 1u << 21, 4 } };
	struct err e = { 0 };

	go(&m, 16, VM_READ);
	for (size_t i = 0; i < G_N_ELEMENTS(odd); i++)
		assert_int_equal(vm_tlb_reshape(m.h, odd[i], &e), -EINVAL);
	assert_string_equal(e.why, "entries=2097152 is not a power of two up to 2^20");
	assert_int_equal(vm_tlb_shape(m.h).entries, 8);
	assert_true(hits(&m, 16));
	assert_int_equal(vm_tlb_reshape(m.h, (struct vm_tlb_shape) { 16, 16 }, &e), 0);
	assert_false(hits(&m, 16));
	bare_free(m.h);
}

static void a_huge_page_takes_an_entry_for_each_small_page_used(void **state)
{
	struct machine m = machine_new(8, 2);
	struct translation tr;

	assert_int_equal(table_set_huge(&m.t, 512, entry_present(&m.h->geometry, 0, VM_PTE_USER | VM_PTE_HUGE), NULL), 0);
	tr = go(&m, 513, VM_READ);
	assert_int_equal(tr.pa, PAGE + 5);
	assert_false(hits(&m, 514));
	tr = go(&m, 513, VM_READ);
	assert_int_equal(tr.pa, PAGE + 5);
	assert_int_equal(tr.steps, 0);
	assert_true(tr.flags & VM_PTE_HUGE);
	bare_free(m.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_second_access_hits),
		cmocka_unit_test(without_a_tlb_each_access_walks),
		cmocka_unit_test(a_stale_entry_holds_until_it_is_flushed),
		cmocka_unit_test(a_store_through_an_entry_without_d_walks_and_sets_it),
		cmocka_unit_test(a_denied_access_walks_again_and_forgets_the_entry),
		cmocka_unit_test(a_fault_leaves_nothing_in_the_tlb),
		cmocka_unit_test(address_spaces_do_not_mix),
		cmocka_unit_test(a_set_keeps_what_was_used_last),
		cmocka_unit_test(flushes_take_what_they_name_and_nothing_else),
		cmocka_unit_test(entries_are_listed_by_set_and_way),
		cmocka_unit_test(odd_shapes_are_refused),
		cmocka_unit_test(a_huge_page_takes_an_entry_for_each_small_page_used),
	};

	return cmocka_run_group_tests_name("tlb", tests, NULL, NULL);
}
