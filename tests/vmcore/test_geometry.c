/* test_geometry.c - the presets, and the contradictions that are refused. */
#include "mmu.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void every_preset_is_valid_and_found_by_its_name(void **state)
{
	unsigned n = 0;

	for (; vm_geometry_at(n); n++) {
		struct err e = { 0 };

		assert_int_equal(vm_geometry_check(vm_geometry_at(n), &e), 0);
		assert_ptr_equal(vm_geometry_preset(vm_geometry_at(n)->name), vm_geometry_at(n));
	}
	assert_int_equal(n, 10);
	assert_null(vm_geometry_preset("x86"));
	assert_null(vm_geometry_preset(""));
}

/* The lecture's: 9-bit addresses, pages of 8 bytes, entries of one. */
static struct vm_geometry tiny(void)
{
	return (struct vm_geometry) { .name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1,
				      .levels = 2, .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3, .valid = 4,
				      .read = -1, .write = -1, .user = -1, .nx = -1, .accessed = -1, .dirty = -1,
				      .huge = -1 };
}

static void refused(const struct vm_geometry *g, const char *why)
{
	struct vm_geometry before = *g;
	struct err e = { 0 };

	assert_int_equal(vm_geometry_check(g, &e), -EINVAL);
	assert_int_equal(e.code, EINVAL);
	assert_int_equal(e.arg, -1);
	assert_string_equal(e.why, why);
	assert_memory_equal(g, &before, sizeof(before));
}

#define REFUSED(why, ...) do { struct vm_geometry g = tiny(); __VA_ARGS__; refused(&g, why); } while (0)

static void widths_that_contradict_each_other_are_refused(void **state)
{
	struct vm_geometry ok = tiny();

	assert_int_equal(vm_geometry_check(&ok, NULL), 0);
	REFUSED("va=0: addresses have 1 to 64 bits", g.va_bits = 0);
	REFUSED("va=65: addresses have 1 to 64 bits", g.va_bits = 65);
	REFUSED("pa=53: physical addresses have 1 to 52 bits", g.pa_bits = 53);
	REFUSED("a page of 2^31 bytes is larger than 1 GiB", g.page_bits = 31);
	REFUSED("a page of 2^7 bytes does not fit in RAM of 2^6", g.page_bits = 7);
	REFUSED("va=3 leaves no page number beside 3 bits of offset", g.va_bits = 3);
	REFUSED("pte=3: an entry takes 1, 2, 4 or 8 bytes", g.pte_bytes = 3);
	REFUSED("there is no table kind 4", g.table = VM_TABLES);
}

static void a_split_that_does_not_sum_up_is_refused(void **state)
{
	REFUSED("the split has 7 bits, but va=9 less 3 bits of offset leaves 6", g.index_bits[1] = 4);
	REFUSED("the split has 3 bits, but va=9 less 3 bits of offset leaves 6", g.levels = 1);
	REFUSED("9 levels: there can be 1 to 8", g.levels = 9);
	REFUSED("0 levels: there can be 1 to 8", g.levels = 0);
	REFUSED("level 2 has an index of 0 bits", g.index_bits[0] = 6; g.index_bits[1] = 0);
	REFUSED("a flat table has one level, not 2", g.table = VM_TABLE_FLAT);
	REFUSED("a table of 2^20 entries of 1 bytes is larger than RAM of 2^6", g.va_bits = 26; g.index_bits[0] = 20);
}

static void bits_outside_or_on_top_of_each_other_are_refused(void **state)
{
	REFUSED("ppn=6+3 lies outside an entry of 8 bits", g.ppn_shift = 6);
	REFUSED("ppn=8+1 lies outside an entry of 8 bits", g.ppn_shift = 8; g.ppn_bits = 1);
	REFUSED("the frame number has no bits", g.ppn_bits = 0);
	REFUSED("an entry needs a valid bit", g.valid = VM_BIT_NONE);
	REFUSED("valid=8 lies outside an entry of 8 bits", g.valid = 8);
	REFUSED("write=-7 lies outside an entry of 8 bits", g.write = -7);
	REFUSED("valid=5 lies inside the frame number, ppn=5+3", g.valid = 5);
	REFUSED("valid and dirty are both bit 4", g.dirty = 4);
	REFUSED("write and user are both bit 1", g.write = g.user = 1);
	REFUSED("huge pages need a table of two levels or more", g.huge = 0; g.levels = 1; g.index_bits[0] = 6);
	REFUSED("fixed bits 0x20 and 0x0 touch the frame number or lie outside an entry", g.leaf_set = 0x20);
	REFUSED("addresses of 64 bits have no upper part to extend the sign into", g.va_bits = 64;
		g.sign_extended = true);
	REFUSED("an inverted write bit needs a write bit", g.write_inverted = true);
	REFUSED("leaves told by R, W and X need these three bits and no huge bit", g.leaf_by_rwx = true);
}

static void hashed_tables_say_what_does_not_fit_them(void **state)
{
	REFUSED("table=hashed has no levels: leave split out", g.table = VM_TABLE_HASHED);
	REFUSED("table=hashed, whose slots take 16 bytes, needs pages of 2^4 bytes or more", g.table = VM_TABLE_HASHED;
		g.levels = 0);
	REFUSED("table=inverted, whose slots take 16 bytes, needs pages of 2^7 bytes or more", g.table = VM_TABLE_INVERTED;
		g.levels = 0);
	REFUSED("page numbers of 54 bits do not fit an inverted table's tag of 40", g.table = VM_TABLE_INVERTED;
		g.levels = 0; g.va_bits = 64; g.page_bits = 10; g.pa_bits = 20);
	REFUSED("table=hashed has no huge pages", g.table = VM_TABLE_HASHED; g.levels = 0; g.huge = 0);
}

static void pages_of_one_byte_are_ordinary(void **state)
{
	struct vm_geometry g = tiny();
	struct err e = { 0 };

	g.page_bits = 0;
	g.va_bits = 6;
	assert_int_equal(vm_geometry_check(&g, &e), 0);
	assert_int_equal(vm_page_size(&g), 1);
}

static void tables_take_as_many_frames_as_their_entries_need(void **state)
{
	const struct vm_geometry *x86 = vm_geometry_preset("x86-64"), *pae = vm_geometry_preset("x86-pae");
	struct vm_geometry g = tiny();

	assert_int_equal(table_order(x86, 1), 0);
	assert_int_equal(table_order(pae, 1), 0);           /* four entries in a whole frame */
	assert_int_equal(table_order(&g, 1), 0);
	g.index_bits[0] = 4;
	assert_int_equal(table_order(&g, 1), 1);
	g.page_bits = 0;
	assert_int_equal(table_order(&g, 1), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_preset_is_valid_and_found_by_its_name),
		cmocka_unit_test(widths_that_contradict_each_other_are_refused),
		cmocka_unit_test(a_split_that_does_not_sum_up_is_refused),
		cmocka_unit_test(bits_outside_or_on_top_of_each_other_are_refused),
		cmocka_unit_test(hashed_tables_say_what_does_not_fit_them),
		cmocka_unit_test(pages_of_one_byte_are_ordinary),
		cmocka_unit_test(tables_take_as_many_frames_as_their_entries_need),
	};

	return cmocka_run_group_tests_name("geometry", tests, NULL, NULL);
}
