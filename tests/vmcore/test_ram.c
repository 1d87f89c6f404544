/* test_ram.c - the bytes of RAM, and what is remembered when page tables are poked. */
#include "bare.h"
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { PAGE = 4096 };

static void reads_and_writes_stop_at_the_end_of_ram(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 2 * PAGE);
	char got[8] = "";

	assert_int_equal(vm_ram_size(h), 2 * PAGE);
	assert_int_equal(vm_ram_write(h, 2 * PAGE - 3, "abcdef", 6), 3);
	assert_int_equal(vm_ram_read(h, 2 * PAGE - 3, got, 6), 3);
	assert_string_equal(got, "abc");
	assert_int_equal(vm_ram_write(h, 2 * PAGE, "x", 1), 0);
	assert_int_equal(vm_ram_read(h, 2 * PAGE, got, 1), 0);
	assert_int_equal(vm_ram_write(h, UINT64_MAX, "x", 1), 0);
	assert_int_equal(vm_ram_read(h, UINT64_MAX - 2, got, 8), 0);
	assert_int_equal(vm_ram_write(h, 5, "x", 0), 0);
	bare_free(h);
}

static void sizes_that_contradict_the_geometry_are_refused(void **state)
{
	struct vm_host h = { .geometry = *vm_geometry_preset("sv32") };
	struct err e = { 0 };

	h.options.ram_bytes = 0;
	assert_int_equal(ram_init(&h, &e), -EINVAL);
	h.options.ram_bytes = 5000;
	assert_int_equal(ram_init(&h, &e), -EINVAL);
	assert_string_equal(e.why, "5000 bytes of RAM are not whole frames of 4096");
	h.options.ram_bytes = (uint64_t)1 << 35;
	assert_int_equal(ram_init(&h, &e), -EINVAL);
	assert_null(h.ram);
}

static void much_ram_costs_what_is_touched(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 64 * GiB);

	assert_int_equal(vm_ram_write(h, 64 * GiB - 1, "x", 1), 1);
	assert_int_equal(frames_free(h), 64 * GiB / PAGE);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, true, false), 0);
	bare_free(h);
}

/* A table with one entry, at 0x1000 on; returns where. */
static pa_t one_entry(struct vm_host *h, struct table *t, struct span *s)
{
	table_init(t, h, NULL, 1);
	assert_int_equal(table_make(t, 3, s, NULL), 0);
	entry_set(t, 3, s, 0, entry_present(&h->geometry, 9, VM_PTE_USER));
	table_span(t, 3, 4, s);
	return s->at;
}

static uint64_t os_value(struct table *t)
{
	struct span s;

	table_span(t, 3, 4, &s);
	return entry_os(t->host, &s, 0);
}

static uint64_t mmu_value(struct table *t)
{
	struct span s;

	table_span(t, 3, 4, &s);
	return entry_raw(t->host, &s, 0);
}

static void a_poke_changes_the_walk_and_not_the_accounts(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	struct table t;
	struct span s;
	pa_t at = one_entry(h, &t, &s);
	uint64_t own = os_value(&t), poked = entry_present(&h->geometry, 12, VM_PTE_USER);
	struct translation tr;

	vm_ram_write(h, at, &poked, 8);
	mmu_walk(h, t.base, 1, 3 * PAGE, VM_READ, true, &tr);
	assert_int_equal(tr.pa, 12 * PAGE);
	assert_int_equal(os_value(&t), own);
	assert_int_equal(*poke_at(h, at), own);
	/* The bits that hardware sets in it do not make it another poke, and restoring ends it. */
	vm_ram_write(h, at, &own, 8);
	assert_null(poke_at(h, at));
	assert_int_equal(os_value(&t), own);
	bare_free(h);
}

static void a_poke_of_one_byte_keeps_the_rest(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	struct table t;
	struct span s;
	pa_t at = one_entry(h, &t, &s);
	uint64_t own = os_value(&t);
	uint8_t was;

	vm_ram_read(h, at + 1, &was, 1);
	vm_ram_write(h, at + 1, "\xff", 1);
	vm_ram_write(h, at + 7, "\x40", 1);
	assert_int_equal(g_hash_table_size(h->poked), 1);
	assert_int_equal(os_value(&t), own);
	assert_int_equal(mmu_value(&t), (own & ~((uint64_t)0xff << 56)) | 0xff00 | (uint64_t)0x40 << 56);
	vm_ram_write(h, at + 1, &was, 1);
	assert_int_equal(g_hash_table_size(h->poked), 1);
	was = (uint8_t)(own >> 56);
	vm_ram_write(h, at + 7, &was, 1);
	assert_int_equal(g_hash_table_size(h->poked), 0);
	bare_free(h);
}

static void the_os_part_overwrites_a_poke_with_an_event(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	struct table t;
	struct span s;
	pa_t at = one_entry(h, &t, &s);
	uint64_t poked = 0xdead;
	const struct event *ev;

	vm_ram_write(h, at, &poked, 8);
	table_span(&t, 3, 4, &s);
	assert_true(s.poked);
	entry_set(&t, 3, &s, 0, 0);
	assert_null(poke_at(h, at));
	assert_int_equal(mmu_value(&t), 0);
	ev = journal_at(h->journal, h->journal->next - 1);
	assert_ptr_equal(ev->kind, &event_poke_dropped);
	assert_int_equal(ev->value[0], at);
	assert_int_equal(ev->value[1], 0xdead);
	table_destroy(&t);
	bare_free(h);
}

static void freeing_a_table_frame_ends_its_pokes(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	struct table t;
	struct span s;
	pa_t at = one_entry(h, &t, &s);
	uint64_t poked = 0xdead;

	vm_ram_write(h, at + 8, &poked, 8);               /* the entry beside it, which is none */
	assert_int_equal(g_hash_table_size(h->poked), 1);
	table_span(&t, 3, 4, &s);
	entry_set(&t, 3, &s, 0, 0);
	table_destroy(&t);
	assert_int_equal(g_hash_table_size(h->poked), 0);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void a_write_over_many_frames_pokes_the_tables_among_them(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	g_autofree uint8_t *bytes = g_malloc(32 * PAGE), *got = g_malloc(32 * PAGE);
	struct table t;
	struct span s;
	uint64_t own;

	frame_alloc(h, VM_FRAME_ANON, false, false);
	one_entry(h, &t, &s);
	own = os_value(&t);
	memset(bytes, 0x5a, 32 * PAGE);
	assert_int_equal(vm_ram_write(h, 100, bytes, 31 * PAGE), 31 * PAGE);
	assert_int_equal(vm_ram_read(h, 100, got, 31 * PAGE), 31 * PAGE);
	assert_memory_equal(bytes, got, 31 * PAGE);
	assert_int_equal(g_hash_table_size(h->poked), 4 * 512);
	assert_int_equal(os_value(&t), own);
	bare_free(h);
}

static void hardware_stores_into_a_table_are_pokes_too(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 32 * PAGE);
	struct table t;
	struct span s;
	pa_t at = one_entry(h, &t, &s);

	ram_store(h, at, "\0", 1);
	assert_int_equal(g_hash_table_size(h->poked), 1);
	ram_store(h, 20 * PAGE, "text", 4);
	assert_int_equal(g_hash_table_size(h->poked), 1);
	bare_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_writes_stop_at_the_end_of_ram),
		cmocka_unit_test(sizes_that_contradict_the_geometry_are_refused),
		cmocka_unit_test(much_ram_costs_what_is_touched),
		cmocka_unit_test(a_poke_changes_the_walk_and_not_the_accounts),
		cmocka_unit_test(a_poke_of_one_byte_keeps_the_rest),
		cmocka_unit_test(the_os_part_overwrites_a_poke_with_an_event),
		cmocka_unit_test(freeing_a_table_frame_ends_its_pokes),
		cmocka_unit_test(a_write_over_many_frames_pokes_the_tables_among_them),
		cmocka_unit_test(hardware_stores_into_a_table_are_pokes_too),
	};

	return cmocka_run_group_tests_name("ram", tests, NULL, NULL);
}
