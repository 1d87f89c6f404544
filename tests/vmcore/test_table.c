/* test_table.c - page tables of every layout: against a map of what was put in, when memory ends, when they grow. */
#include "entries.h"
#include "random_geometry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What a table should hold: vpn -> raw entry. */
struct shadow { struct table t; GHashTable *entries; };

static struct shadow *shadow_new(struct vm_host *h, uint32_t asid)
{
	struct shadow *s = g_new0(struct shadow, 1);

	table_init(&s->t, h, NULL, asid);
	s->entries = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	return s;
}

static uint64_t shadow_at(const struct shadow *s, vpn_t vpn)
{
	const uint64_t *raw = g_hash_table_lookup(s->entries, &vpn);

	return raw ? *raw : 0;
}

static void shadow_put(struct shadow *s, vpn_t vpn, uint64_t raw)
{
	if (raw)
		g_hash_table_replace(s->entries, g_memdup2(&vpn, 8), g_memdup2(&raw, 8));
	else
		g_hash_table_remove(s->entries, &vpn);
}

static vpn_t vpns(const struct vm_host *h) { return (vpn_t)1 << (h->geometry.va_bits - h->geometry.page_bits); }

/* An address that translates page vpn: sign-extended where the geometry wants it. */
static va_t va_of(const struct vm_host *h, vpn_t vpn)
{
	unsigned unused = 64 - h->geometry.va_bits;
	va_t va = vpn << h->geometry.page_bits;

	return h->geometry.sign_extended ? (va_t)((int64_t)(va << unused) >> unused) : va;
}

/* The MMU's answer for one page agrees with the shadow. */
static void compare_walk(struct shadow *s, vpn_t vpn)
{
	struct vm_host *h = s->t.host;
	uint64_t raw = shadow_at(s, vpn);
	struct vm_walk w;

	mmu_look(h, s->t.base, s->t.asid, va_of(h, vpn), VM_READ, false, &w);
	if (entry_kind(&h->geometry, raw) != ENTRY_PRESENT) {
		assert_int_equal(w.fault, VM_WALK_NOT_PRESENT);
		return;
	}
	if (entry_number(&h->geometry, raw) >= h->frame_count) {
		assert_int_equal(w.fault, VM_WALK_BAD_PTE);
		return;
	}
	assert_int_equal(w.fault, VM_WALK_OK);
	assert_int_equal(w.pa, entry_number(&h->geometry, raw) << h->geometry.page_bits);
	assert_int_equal(w.flags & (VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC),
			 entry_flags(&h->geometry, raw) & (VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC));
}

/* Going through all pages finds the shadow's entries and no other. */
static void compare_all(struct shadow *s)
{
	struct vm_host *h = s->t.host;
	guint found = 0;
	struct span sp;

	for (vpn_t at = 0; at < vpns(h); at += sp.count) {
		table_span(&s->t, at, vpns(h), &sp);
		assert_true(sp.count >= 1 && sp.count <= vpns(h) - at);
		for (uint64_t i = 0; sp.entry && i < sp.count; i++) {
			uint64_t raw = entry_os(h, &sp, i);

			assert_int_equal(raw, shadow_at(s, at + i));
			found += raw != 0;
		}
	}
	assert_int_equal(found, g_hash_table_size(s->entries));
}

static uint64_t draw_raw(struct vm_host *h, struct rng *r)
{
	const struct vm_geometry *g = &h->geometry;
	uint64_t mask = ((uint64_t)1 << g->ppn_bits) - 1;
	uint64_t raw;

	switch (rng_below(r, 6)) {
	case 0:
		return 0;
	case 1:
		raw = entry_protnone(g, rng_next(r) & mask, rng_below(r, 2));
		break;
	case 2:
		raw = entry_swapped(g, rng_below(r, 1000));
		break;
	default:
		raw = entry_present(g, rng_next(r) & mask & (2 * h->frame_count - 1),
				    (unsigned)rng_next(r) & (VM_PTE_WRITE | VM_PTE_USER | VM_PTE_EXEC));
	}
	return raw == UINT64_MAX ? 0 : raw;
}

static void put(struct shadow *s, vpn_t vpn, uint64_t raw)
{
	struct vm_host *h = s->t.host;
	struct span sp;

	if (raw == 0) {
		table_span(&s->t, vpn, vpn + 1, &sp);
		assert_int_equal(sp.count, 1);
		if (sp.entry && entry_os(h, &sp, 0))
			entry_set(&s->t, vpn, &sp, 0, 0);
		shadow_put(s, vpn, 0);
		return;
	}
	if (table_make(&s->t, vpn, &sp, NULL)) {
		assert_int_equal(shadow_at(s, vpn), 0);
		return;
	}
	assert_non_null(sp.entry);
	assert_int_equal(entry_os(h, &sp, 0), shadow_at(s, vpn));
	entry_set(&s->t, vpn, &sp, 0, raw);
	shadow_put(s, vpn, raw);
}

static void clear_range(struct shadow *s, vpn_t first, vpn_t end)
{
	struct span sp;

	for (vpn_t at = first; at < end; at += sp.count) {
		table_span(&s->t, at, end, &sp);
		for (uint64_t i = 0; sp.entry && i < sp.count; i++) {
			if (entry_os(s->t.host, &sp, i))
				entry_set(&s->t, at, &sp, i, 0);
			shadow_put(s, at + i, 0);
		}
	}
}

/* Bytes thrown at the table's own frames: what the OS part put stays known to it. */
static void poke_somewhere(struct vm_host *h, struct rng *r)
{
	uint8_t bytes[16];
	size_t len = 1 + rng_below(r, sizeof(bytes));
	pa_t at = rng_below(r, h->mmu.ram_bytes);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)rng_next(r);
	vm_ram_write(h, at, bytes, len);
}

static void end_of(struct shadow *s)
{
	clear_range(s, 0, vpns(s->t.host));
	table_trim(&s->t, 0, vpns(s->t.host));
	assert_int_equal(s->t.pages, 0);
	table_destroy(&s->t);
	g_hash_table_unref(s->entries);
	g_free(s);
}

static void random_steps(struct vm_host *h, struct rng *r, bool poke)
{
	struct shadow *s[3] = { shadow_new(h, 1), shadow_new(h, 2), shadow_new(h, 3) };
	vpn_t all = vpns(h), window = 1 + rng_below(r, all), base = rng_below(r, all - window + 1);

	for (int step = 0; step < 600; step++) {
		struct shadow *one = s[rng_below(r, 3)];
		vpn_t vpn = base + rng_below(r, window), end = vpn + 1 + rng_below(r, base + window - vpn);

		if (rng_below(r, 2))
			vpn = base + rng_below(r, MIN(window, 20));
		switch (rng_below(r, 12)) {
		case 0:
			clear_range(one, vpn, MAX(end, vpn));
			table_trim(&one->t, vpn, MAX(end, vpn));
			break;
		case 1:
			put(one, vpn, 0);
			if (h->geometry.table == VM_TABLE_RADIX)
				table_trim_empty(&one->t, vpn);
			break;
		case 2:
			if (poke)
				poke_somewhere(h, r);
			break;
		default:
			put(one, vpn, draw_raw(h, r));
		}
		if (!poke)
			compare_walk(one, vpn);
		if (step % 100 == 99)
			for (int i = 0; i < 3; i++)
				compare_all(s[i]);
	}
	for (int i = 0; i < 3; i++)
		end_of(s[i]);
	assert_int_equal(g_hash_table_size(h->poked) * (h->geometry.table != VM_TABLE_INVERTED), 0);
}

/* Frames that an entry can name; others are never handed out. */
static uint64_t nameable(const struct vm_host *h)
{
	return MIN(h->frame_count, (uint64_t)1 << h->geometry.ppn_bits);
}

static void random_tables(enum vm_table table, bool poke)
{
	const char *fixed = g_getenv("SEED");
	uint64_t seed = fixed ? g_ascii_strtoull(fixed, NULL, 0) : 20260102;
	struct rng r;

	print_message("%s SEED=%" G_GUINT64_FORMAT "\n", vm_table_names[table], seed);
	rng_seed(&r, seed, vm_table_names[table]);
	for (int i = 0; i < 60; i++) {
		struct vm_geometry g = random_geometry(&r, table);
		uint64_t page = (uint64_t)1 << g.page_bits, least = 16, frames;
		struct vm_host *h;

		if (g.upper_permissions && g.write == VM_BIT_NONE)
			g.upper_permissions = false;
		frames = least + rng_below(&r, 4096);                      /* often too few */
		frames = MIN(frames, ((uint64_t)1 << g.pa_bits) / page);
		h = bare_new(&g, frames * page);
		random_steps(h, &r, poke);
		if (table != VM_TABLE_INVERTED)
			assert_int_equal(frames_free(h), nameable(h));
		bare_free(h);
	}
}

static void radix_tables_hold_what_was_put(void **state) { random_tables(VM_TABLE_RADIX, false); }
static void flat_tables_hold_what_was_put(void **state) { random_tables(VM_TABLE_FLAT, false); }
static void hashed_tables_hold_what_was_put(void **state) { random_tables(VM_TABLE_HASHED, false); }
static void the_inverted_table_holds_what_was_put(void **state) { random_tables(VM_TABLE_INVERTED, false); }

static void pokes_leave_what_the_os_part_put(void **state)
{
	for (int table = 0; table < VM_TABLES; table++)
		random_tables((enum vm_table)table, true);
}

static void every_preset_keeps_each_kind_of_entry(void **state)
{
	for (unsigned i = 0; vm_geometry_at(i); i++) {
		const struct vm_geometry *g = vm_geometry_at(i);
		unsigned flags = VM_PTE_USER | VM_PTE_WRITE | (g->nx == VM_BIT_NONE ? VM_PTE_EXEC : 0);
		uint64_t raw = entry_present(g, 0x1234, flags);

		assert_int_equal(entry_kind(g, 0), ENTRY_NONE);
		assert_int_equal(entry_kind(g, raw), ENTRY_PRESENT);
		assert_int_equal(entry_number(g, raw), 0x1234);
		assert_int_equal(entry_flags(g, raw), flags);
		raw = entry_with_flags(g, raw, VM_PTE_DIRTY | VM_PTE_ACCESSED, VM_PTE_WRITE);
		assert_int_equal(entry_flags(g, raw), (flags & ~(unsigned)VM_PTE_WRITE) | VM_PTE_DIRTY | VM_PTE_ACCESSED);
		raw = entry_protnone(g, 0x1234, true);
		assert_int_equal(entry_protnone_dirty(g, raw), entry_protnone_keeps_dirty(g));
		assert_int_equal(entry_kind(g, raw), ENTRY_PROTNONE);
		assert_int_equal(entry_number(g, raw), 0x1234);
		raw = entry_swapped(g, 0);
		assert_int_equal(entry_kind(g, raw), ENTRY_SWAPPED);
		assert_int_equal(entry_number(g, raw), 0);
		assert_int_equal(entry_number(g, entry_swapped(g, 0xffffff)), 0xffffff);
	}
}

/* One byte: 3 bits of frame, valid. What cannot be expressed says so. */
static void a_tiny_entry_keeps_what_fits(void **state)
{
	struct vm_geometry g = { .name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1, .levels = 2,
				 .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3, .valid = 4, .read = -1, .write = -1,
				 .user = -1, .nx = -1, .accessed = -1, .dirty = -1, .huge = -1 };
	struct err e = { 0 };
	GHashTable *seen = g_hash_table_new(NULL, NULL);

	assert_int_equal(vm_geometry_check(&g, &e), 0);
	for (uint64_t n = 0; n < 300; n++) {
		uint64_t none = entry_protnone(&g, n, false), swap = entry_swapped(&g, n);

		assert_int_equal(none == UINT64_MAX, n > 7);
		if (none != UINT64_MAX) {
			assert_true(none < 256 && g_hash_table_add(seen, GUINT_TO_POINTER(none)));
			assert_int_equal(entry_kind(&g, none), ENTRY_PROTNONE);
			assert_int_equal(entry_number(&g, none), n);
		}
		assert_int_equal(swap == UINT64_MAX, n > 62);
		if (swap != UINT64_MAX) {
			assert_true(swap < 256 && g_hash_table_add(seen, GUINT_TO_POINTER(swap)));
			assert_int_equal(entry_kind(&g, swap), ENTRY_SWAPPED);
			assert_int_equal(entry_number(&g, swap), n);
		}
	}
	for (pfn_t n = 0; n < 8; n++)
		assert_true(g_hash_table_add(seen, GUINT_TO_POINTER(entry_present(&g, n, 0))));
	g_hash_table_unref(seen);
}

static void out_of_frames_leaves_the_table_as_it_was(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 5 * 4096);
	struct table t;
	struct span s;
	struct err e = { 0 };

	table_init(&t, h, NULL, 1);
	assert_int_equal(table_make(&t, 5, &s, &e), 0);
	entry_set(&t, 5, &s, 0, entry_present(&h->geometry, 4, VM_PTE_USER));
	assert_int_equal(frames_free(h), 1);
	assert_int_equal(t.pages, 3);
	assert_int_equal(table_make(&t, (vpn_t)1 << 30, &s, &e), -ENOMEM);   /* needs three tables */
	assert_string_equal(e.why, "a page table of level 4 takes 1 frames side by side; 1 of 5 are free");
	assert_int_equal(frames_free(h), 1);
	assert_int_equal(t.pages, 3);
	assert_int_equal(table_make(&t, 512, &s, &e), 0);                    /* needs one */
	table_trim(&t, 512, 1024);
	assert_int_equal(frames_free(h), 1);
	table_span(&t, 5, 6, &s);
	entry_set(&t, 5, &s, 0, 0);
	table_destroy(&t);
	assert_int_equal(frames_free(h), 5);
	assert_int_equal(t.base, PA_NONE);
	bare_free(h);
}

static void a_base_set_by_hand_leaves_the_own_table_to_the_os(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("vpn16"), MiB);
	struct table t;
	struct span s;

	table_init(&t, h, NULL, 1);
	assert_int_equal(table_make(&t, 0x601, &s, NULL), 0);
	entry_set(&t, 0x601, &s, 0, entry_present(&h->geometry, 9, VM_PTE_USER));
	t.base = 0x8000;
	t.by_hand = true;
	table_span(&t, 0x601, 0x602, &s);
	assert_int_equal(entry_number(&h->geometry, entry_os(h, &s, 0)), 9);
	entry_set(&t, 0x601, &s, 0, 0);
	table_destroy(&t);
	assert_int_equal(t.base, 0x8000);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void a_huge_leaf_splits_into_the_same_pages(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 16 * MiB);
	unsigned flags = VM_PTE_USER | VM_PTE_WRITE | VM_PTE_DIRTY;
	struct table t;
	struct span s;

	table_init(&t, h, NULL, 1);
	put_raw(&t, 0x200, entry_present(&h->geometry, 1, VM_PTE_USER));
	put_raw(&t, 0x200, 0);                                     /* an empty leaf table gives way */
	assert_int_equal(t.pages, 3);
	assert_int_equal(table_set_huge(&t, 0x200, entry_present(&h->geometry, 0x400, flags | VM_PTE_HUGE), NULL), 0);
	assert_int_equal(t.pages, 2);
	table_span(&t, 0x210, 0x1000, &s);
	assert_true(s.huge);
	assert_int_equal(s.huge_bits, 9);
	assert_int_equal(s.count, 0x1f0);
	assert_int_equal(entry_number(&h->geometry, entry_os(h, &s, 0)), 0x400);
	assert_int_equal(table_split_huge(&t, 0x210, NULL), 0);
	assert_int_equal(t.pages, 3);
	for (vpn_t i = 0; i < 512; i++)
		assert_int_equal(raw_at(&t, 0x200 + i), entry_present(&h->geometry, 0x400 + i, flags));
	table_span(&t, 0x200, 0x400, &s);
	assert_int_equal(s.count, 512);
	for (vpn_t i = 0; i < 512; i++)
		entry_set(&t, 0x200, &s, i, 0);
	assert_true(table_trim_empty(&t, 0x200));
	table_destroy(&t);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void a_hashed_table_grows_and_keeps_its_entries(void **state)
{
	struct vm_geometry g = *vm_geometry_preset("x86-64");
	struct vm_host *h;
	struct table t;
	struct vm_walk w;

	g.table = VM_TABLE_HASHED;
	g.levels = 0;
	g.huge = VM_BIT_NONE;
	h = bare_new(&g, 16 * MiB);
	table_init(&t, h, NULL, 1);
	for (vpn_t i = 0; i < 3000; i++)
		put_raw(&t, 0x7ffff0000 + 3 * i, entry_present(&g, i, VM_PTE_USER));
	assert_int_equal(frames_free(h), h->frame_count - 16);     /* 4,096 slots of 16 bytes */
	for (vpn_t i = 0; i < 3000; i++) {
		mmu_look(h, t.base, 1, (0x7ffff0000 + 3 * i) << 12, VM_READ, true, &w);
		assert_int_equal(w.fault, VM_WALK_OK);
		assert_int_equal(w.pa, i << 12);
		assert_int_equal(w.step[w.steps - 1].pte_addr, w.leaf_addr);
	}
	for (vpn_t i = 0; i < 3000; i++)
		put_raw(&t, 0x7ffff0000 + 3 * i, 0);
	table_destroy(&t);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

/* Pages 5 and 5 + 256 hash to one slot of 256: the second is kept a place behind the first, which then goes. */
static void a_hashed_page_is_found_though_its_neighbour_went_meanwhile(void **state)
{
	struct vm_geometry g = *vm_geometry_preset("x86-64");
	struct span first, second;
	struct vm_host *h;
	struct table t;

	g.table = VM_TABLE_HASHED;
	g.levels = 0;
	g.huge = VM_BIT_NONE;
	h = bare_new(&g, MiB);
	table_init(&t, h, NULL, 1);
	put_raw(&t, 5, entry_present(&g, 1, VM_PTE_USER));
	assert_int_equal(table_make(&t, 5 + 256, &second, NULL), 0);
	table_span(&t, 5, 6, &first);
	assert_int_equal(second.at, first.at + 16);
	entry_set(&t, 5, &first, 0, 0);
	table_span(&t, 100, 1000, &first);
	assert_null(first.entry);
	assert_int_equal(first.count, 5 + 256 - 100);
	table_span(&t, 5 + 256, 1000, &first);
	assert_ptr_equal(first.entry, second.entry);
	entry_set(&t, 5 + 256, &first, 0, entry_present(&g, 2, VM_PTE_USER));
	assert_int_equal(access_to(&t, 5 + 256, VM_READ), VM_WALK_OK);
	assert_int_equal(entry_number(&g, raw_at(&t, 5 + 256)), 2);
	put_raw(&t, 5 + 256, 0);
	table_destroy(&t);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void the_inverted_table_says_when_it_is_full(void **state)
{
	struct vm_geometry g = *vm_geometry_preset("x86-64");
	struct vm_host *h;
	struct err e = { 0 };
	struct table t;
	struct span s;
	vpn_t n = 0;

	g.table = VM_TABLE_INVERTED;
	g.levels = 0;
	g.huge = VM_BIT_NONE;
	h = bare_new(&g, MiB);
	table_init(&t, h, NULL, 1);
	while (table_make(&t, n, &s, &e) == 0)
		entry_set(&t, n++, &s, 0, entry_present(&g, 1, VM_PTE_USER));
	assert_int_equal(n, 448);
	assert_string_equal(e.why, "the inverted page table is full: 448 of 512 slots");
	for (vpn_t i = 0; i < n; i++)
		put_raw(&t, i, 0);
	table_destroy(&t);
	bare_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(radix_tables_hold_what_was_put),
		cmocka_unit_test(flat_tables_hold_what_was_put),
		cmocka_unit_test(hashed_tables_hold_what_was_put),
		cmocka_unit_test(the_inverted_table_holds_what_was_put),
		cmocka_unit_test(pokes_leave_what_the_os_part_put),
		cmocka_unit_test(every_preset_keeps_each_kind_of_entry),
		cmocka_unit_test(a_tiny_entry_keeps_what_fits),
		cmocka_unit_test(out_of_frames_leaves_the_table_as_it_was),
		cmocka_unit_test(a_base_set_by_hand_leaves_the_own_table_to_the_os),
		cmocka_unit_test(a_huge_leaf_splits_into_the_same_pages),
		cmocka_unit_test(a_hashed_table_grows_and_keeps_its_entries),
		cmocka_unit_test(a_hashed_page_is_found_though_its_neighbour_went_meanwhile),
		cmocka_unit_test(the_inverted_table_says_when_it_is_full),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
