/* test_anon.c - tests of vmcore/anon.c */
#include "areas.h"

static struct area *at_of(struct vm_proc *p, va_t at)
{
	return area_at(p->mm, at);
}

static unsigned links_of(const struct area *a)
{
	unsigned n = 0;

	for (const struct anon_link *l = a->links; l; l = l->next)
		n++;
	return n;
}

static void reading_makes_no_anon_and_writing_makes_one(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, 2 * KB4, RW);
	whole_load(p, AT);
	assert_null(at_of(p, AT)->anon);
	whole_store(p, AT, 1);
	assert_non_null(at_of(p, AT)->anon);
	assert_int_equal(links_of(at_of(p, AT)), 1);
	assert_checks(m->h);
}

static void neighbours_that_differ_in_permissions_share_an_anon_and_merge_later(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, 2 * KB4, RW);
	assert_int_equal(vm_mprotect(p, AT + KB4, KB4, RW | VM_PROT_EXEC, &e), 0);
	whole_store(p, AT, 1);
	whole_store(p, AT + KB4, 2);
	assert_ptr_equal(at_of(p, AT)->anon, at_of(p, AT + KB4)->anon);
	assert_int_equal(vm_mprotect(p, AT, KB4, RW | VM_PROT_EXEC, &e), 0);
	assert_areas(p, "10000000000-10000002000 rwxp");
}

static void areas_written_apart_never_merge_and_what_fills_the_hole_joins_the_lower(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + 2 * KB4, KB4, RW);
	whole_store(p, AT, 1);
	whole_store(p, AT + 2 * KB4, 1);
	map_fixed(p, AT + KB4, KB4, RW);
	assert_areas(p, "10000000000-10000002000 rw-p\n10000002000-10000003000 rw-p");
}

static void a_child_s_area_has_its_own_anon_and_its_parent_s(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *c;

	map_fixed(p, AT, KB4, RW);
	whole_store(p, AT, 1);
	c = fork_of(p);
	assert_ptr_not_equal(at_of(c, AT)->anon, at_of(p, AT)->anon);
	assert_ptr_equal(at_of(c, AT)->anon->parent, at_of(p, AT)->anon);
	assert_ptr_equal(at_of(c, AT)->anon->root, at_of(p, AT)->anon);
	assert_int_equal(links_of(at_of(c, AT)), 2);
	map_fixed(c, AT + KB4, KB4, RW);
	assert_areas(c, "10000000000-10000001000 rw-p\n10000001000-10000002000 rw-p"); /* an inherited area does not grow */
	map_fixed(p, AT + KB4, KB4, RW);
	assert_areas(p, "10000000000-10000002000 rw-p");
}

static void an_anon_without_owner_is_taken_over_so_that_links_stay_few(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct err e = { 0 };

	map_fixed(p, AT, KB4, RW);
	whole_store(p, AT, 1);
	for (int generation = 0; generation < 50; generation++) {
		struct vm_proc *c = fork_of(p);

		assert_true(links_of(at_of(c, AT)) <= 3);
		whole_store(c, AT, generation);
		assert_int_equal(vm_exit(p, 0, &e), 0);
		assert_checks(m->h);
		p = c;
	}
	assert_int_equal(whole_load(p, AT), 49);
}

static void wiped_areas_begin_anew(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *c;
	struct err e = { 0 };

	map_fixed(p, AT, KB4, RW);
	whole_store(p, AT, 1);
	assert_int_equal(vm_madvise(p, AT, KB4, 18, &e), 0);
	c = fork_of(p);
	assert_null(at_of(c, AT)->anon);
	assert_int_equal(whole_load(c, AT), 0);
	assert_int_equal(whole_load(p, AT), 1);
}

struct found { unsigned n; va_t at[64]; const struct mm *mm[64]; };

static bool remember(void *arg, struct area *a, va_t va)
{
	struct found *f = arg;

	f->mm[f->n] = a->mm;
	f->at[f->n++] = va;
	return f->n < 64;
}

static pfn_t frame_at(struct vm_proc *p, va_t at)
{
	struct vm_page page;

	vm_page_at(p, at, &page);
	return page.pfn;
}

static bool was_found(const struct found *f, const struct vm_proc *p, va_t at)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->mm[i] == p->mm && f->at[i] == at)
			return true;
	return false;
}

static void from_a_frame_all_places_that_may_map_it_are_found(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *c, *d;
	struct found f = { 0 };
	struct err e = { 0 };
	va_t moved;

	map_fixed(p, AT, 8 * KB4, RW);
	whole_store(p, AT + 5 * KB4, 1);
	c = fork_of(p);
	d = fork_of(c);
	assert_int_equal(vm_mremap(d, AT + 4 * KB4, 2 * KB4, 2 * KB4, VM_REMAP_MAYMOVE | VM_REMAP_FIXED, AT + GiB, &moved, &e), 0);
	rmap_walk(m->h, frame_at(p, AT + 5 * KB4), remember, &f);
	assert_int_equal(f.n, 3);
	assert_true(was_found(&f, p, AT + 5 * KB4));
	assert_true(was_found(&f, c, AT + 5 * KB4));
	assert_true(was_found(&f, d, AT + GiB + KB4));
	whole_store(c, AT + 5 * KB4, 2);                                        /* a copy, which c alone can map */
	memset(&f, 0, sizeof(f));
	rmap_walk(m->h, frame_at(c, AT + 5 * KB4), remember, &f);
	assert_true(was_found(&f, c, AT + 5 * KB4));
	assert_false(was_found(&f, p, AT + 5 * KB4));
	assert_checks(m->h);
}

static void pages_of_files_are_found_by_what_maps_them(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *i = whole_file(m->h, NULL, "f", 8 * KB4, 1);
	struct found f = { 0 };

	whole_map(p, AT, 4 * KB4, RW, VM_MAP_SHARED | VM_MAP_FIXED, i, 0);
	whole_map(p, AT + GiB, 4 * KB4, VM_PROT_READ, VM_MAP_PRIVATE | VM_MAP_FIXED, i, 2 * KB4);
	whole_map(p, AT + 2 * GiB, 2 * KB4, VM_PROT_READ, VM_MAP_PRIVATE | VM_MAP_FIXED, i, 6 * KB4);
	rmap_walk(m->h, vm_inode_frame(i, 3), remember, &f);
	assert_int_equal(f.n, 2);
	assert_true(was_found(&f, p, AT + 3 * KB4));
	assert_true(was_found(&f, p, AT + GiB + KB4));
}

static void a_frame_can_be_taken_out_of_every_table(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true), *q = whole_spawn(m->h, "q", true);
	struct vm_inode *i = whole_file(m->h, NULL, "f", KB4, 1);
	pfn_t pfn;

	whole_map(p, AT, KB4, RW, VM_MAP_SHARED | VM_MAP_FIXED, i, 0);
	whole_map(q, AT, KB4, VM_PROT_READ, VM_MAP_SHARED | VM_MAP_FIXED, i, 0);
	whole_store(p, AT, 5);
	whole_load(q, AT);
	pfn = vm_inode_frame(i, 0);
	assert_int_equal(frame_of(m->h, pfn)->maps, 2);
	assert_true(rmap_unmap(m->h, pfn, UINT32_MAX));
	assert_int_equal(frame_of(m->h, pfn)->maps, 0);
	assert_int_equal(p->mm->rss_file + q->mm->rss_file, 0);
	assert_checks(m->h);
	assert_int_equal(whole_load(q, AT), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reading_makes_no_anon_and_writing_makes_one),
		TEST(neighbours_that_differ_in_permissions_share_an_anon_and_merge_later),
		TEST(areas_written_apart_never_merge_and_what_fills_the_hole_joins_the_lower),
		TEST(a_child_s_area_has_its_own_anon_and_its_parent_s),
		TEST(an_anon_without_owner_is_taken_over_so_that_links_stay_few),
		TEST(wiped_areas_begin_anew),
		TEST(from_a_frame_all_places_that_may_map_it_are_found),
		TEST(pages_of_files_are_found_by_what_maps_them),
		TEST(a_frame_can_be_taken_out_of_every_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
