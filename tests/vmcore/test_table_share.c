/* test_table_share.c - leaf tables that several page tables share: who may write, who owns, who gets a copy. */
#include "entries.h"

static unsigned copies;
static void count_copy(struct table *t, uint64_t raw) { copies += raw != 0; }

struct family { struct vm_host *h; struct table a, b, c; };

static unsigned sharers_at(struct table *t, vpn_t vpn)
{
	struct span s;

	table_span(t, vpn, vpn + 1, &s);
	return s.sharers;
}

static struct family family_new(uint64_t ram)
{
	struct family f = { .h = bare_new(vm_geometry_preset("x86-64"), ram) };

	assert_true(table_can_share(f.h));
	table_init(&f.a, f.h, NULL, 1);
	table_init(&f.b, f.h, NULL, 2);
	table_init(&f.c, f.h, NULL, 3);
	for (vpn_t vpn = 0x400; vpn < 0x410; vpn++)
		put_raw(&f.a, vpn, entry_present(&f.h->geometry, vpn, VM_PTE_USER | VM_PTE_WRITE | VM_PTE_DIRTY));
	return f;
}

static void clear_pages(struct table *t)
{
	for (vpn_t vpn = 0x400; vpn < 0x410; vpn++)
		if (raw_at(t, vpn))
			put_raw(t, vpn, 0);
}

static void family_end(struct family *f)
{
	struct table *all[] = { &f->a, &f->b, &f->c };

	for (int i = 0; i < 3; i++) {
		if (all[i]->own && sharers_at(all[i], 0x400) > 1)
			table_drop_leaf(all[i], 0x400);
		clear_pages(all[i]);
		table_destroy(all[i]);
	}
	assert_int_equal(frames_free(f->h), f->h->frame_count);
	assert_int_equal(f->h->shared_tables, 0);
	bare_free(f->h);
}

static void a_shared_leaf_table_is_read_only_for_all(void **state)
{
	struct family f = family_new(16 * MiB);
	uint64_t pages = f.a.pages;

	assert_int_equal(access_to(&f.a, 0x400, VM_WRITE), VM_WALK_OK);
	assert_int_equal(table_share_leaf(&f.b, &f.a, 0x400, NULL), 0);
	assert_int_equal(f.b.pages, pages);
	assert_int_equal(f.h->shared_tables, 1);
	assert_int_equal(sharers_at(&f.a, 0x400), 2);
	assert_int_equal(access_to(&f.a, 0x400, VM_WRITE), VM_WALK_WRITE);
	assert_int_equal(access_to(&f.b, 0x400, VM_WRITE), VM_WALK_WRITE);
	assert_int_equal(access_to(&f.b, 0x40f, VM_READ), VM_WALK_OK);
	assert_true(entry_flags(&f.h->geometry, raw_at(&f.b, 0x400)) & VM_PTE_WRITE);
	family_end(&f);
}

static void a_shared_leaf_table_of_many_frames_counts_them_all(void **state)
{
	struct vm_geometry g = *vm_geometry_preset("x86-64");
	struct table a, b;
	struct vm_host *h;
	uint64_t pages, entries = 0;

	g.index_bits[2] = 6;
	g.index_bits[3] = 12;                            /* a leaf table takes 8 frames */
	h = bare_new(&g, 16 * MiB);
	table_init(&a, h, NULL, 1);
	table_init(&b, h, NULL, 2);
	for (vpn_t vpn = 0; vpn < 3 << 12; vpn += 1 << 12)
		put_raw(&a, vpn, entry_present(&h->geometry, vpn >> 12, VM_PTE_USER | VM_PTE_WRITE | VM_PTE_DIRTY));
	pages = a.pages;
	for (vpn_t vpn = 0; vpn < 3 << 12; vpn += 1 << 12)
		assert_int_equal(table_share_leaf(&b, &a, vpn, NULL), 0);
	assert_int_equal(b.pages, pages);
	for (vpn_t vpn = table_drop_run(&b, 0, 3 << 12, 0, &entries); vpn < 3 << 12; vpn += 1 << 12)
		table_drop_leaf(&b, vpn);
	for (vpn_t vpn = 0; vpn < 3 << 12; vpn += 1 << 12)
		put_raw(&a, vpn, 0);
	table_destroy(&b);
	table_destroy(&a);
	assert_int_equal(b.pages, 0);
	assert_int_equal(frames_free(h), h->frame_count);
	bare_free(h);
}

static void unsharing_copies_and_the_last_sharer_writes_again(void **state)
{
	struct family f = family_new(16 * MiB);

	assert_int_equal(table_share_leaf(&f.b, &f.a, 0x400, NULL), 0);
	assert_int_equal(table_share_leaf(&f.c, &f.a, 0x400, NULL), 0);
	assert_int_equal(sharers_at(&f.c, 0x400), 3);
	copies = 0;
	assert_int_equal(table_unshare_leaf(&f.b, 0x405, count_copy, NULL), 0);
	assert_int_equal(copies, 16);
	assert_int_equal(sharers_at(&f.b, 0x400), 1);
	assert_int_equal(sharers_at(&f.a, 0x400), 2);
	assert_false(entry_flags(&f.h->geometry, raw_at(&f.a, 0x400)) & VM_PTE_WRITE);
	assert_false(entry_flags(&f.h->geometry, raw_at(&f.b, 0x400)) & VM_PTE_WRITE);
	assert_int_equal(entry_number(&f.h->geometry, raw_at(&f.b, 0x40f)), 0x40f);
	put_raw(&f.b, 0x400, entry_present(&f.h->geometry, 7, VM_PTE_USER | VM_PTE_WRITE));
	assert_int_equal(access_to(&f.b, 0x400, VM_WRITE), VM_WALK_OK);
	assert_int_equal(entry_number(&f.h->geometry, raw_at(&f.a, 0x400)), 0x400);
	table_drop_leaf(&f.c, 0x400);
	assert_int_equal(raw_at(&f.c, 0x400), 0);
	assert_int_equal(sharers_at(&f.a, 0x400), 1);
	copies = 0;
	assert_int_equal(table_unshare_leaf(&f.a, 0x400, count_copy, NULL), 0);
	assert_int_equal(copies, 0);
	put_raw(&f.a, 0x400, entry_with_flags(&f.h->geometry, raw_at(&f.a, 0x400), VM_PTE_WRITE, 0));
	assert_int_equal(access_to(&f.a, 0x400, VM_WRITE), VM_WALK_OK);
	family_end(&f);
}

static void unsharing_without_a_frame_changes_nothing(void **state)
{
	struct family f = family_new(16 * MiB);

	assert_int_equal(table_share_leaf(&f.b, &f.a, 0x400, NULL), 0);
	GArray *taken = g_array_new(false, false, sizeof(pfn_t));
	for (pfn_t pfn; (pfn = frame_alloc(f.h, VM_FRAME_ANON, false, false)) != PFN_NONE; )
		g_array_append_val(taken, pfn);
	copies = 0;
	assert_int_equal(table_unshare_leaf(&f.b, 0x400, count_copy, NULL), -ENOMEM);
	assert_int_equal(copies, 0);
	assert_int_equal(sharers_at(&f.a, 0x400), 2);
	assert_true(entry_flags(&f.h->geometry, raw_at(&f.a, 0x400)) & VM_PTE_WRITE);
	assert_int_equal(table_share_leaf(&f.c, &f.a, 0x400, NULL), -ENOMEM);
	assert_int_equal(sharers_at(&f.a, 0x400), 2);
	for (guint i = 0; i < taken->len; i++)
		frame_release(f.h, g_array_index(taken, pfn_t, i));
	g_array_unref(taken);
	family_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shared_leaf_table_is_read_only_for_all),
		cmocka_unit_test(a_shared_leaf_table_of_many_frames_counts_them_all),
		cmocka_unit_test(unsharing_copies_and_the_last_sharer_writes_again),
		cmocka_unit_test(unsharing_without_a_frame_changes_nothing),
	};

	return cmocka_run_group_tests_name("table_share", tests, NULL, NULL);
}
