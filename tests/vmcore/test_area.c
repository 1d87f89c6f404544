/* test_area.c - tests of vmcore/area.c and merge.c */
#include "areas.h"

#include "rng.h"

#include <malloc.h>

static struct area *link_area(struct mm *mm, va_t start, va_t end)
{
	struct area *a = area_new(mm, start, end, VM_F_READ | VM_F_MAYREAD, start >> 12, NULL, NULL);

	area_link(a);
	return a;
}

static void an_area_costs_at_most_192_bytes(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct area *a = area_new(p->mm, AT, AT + KB4, 0, 0, NULL, NULL);

	assert_true(malloc_usable_size(a) + 2 * sizeof(size_t) <= 192);
	area_free(a);
}

static void areas_are_found_by_any_address_as_a_plain_list_would_find_them(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	bool used[300] = { false };
	struct rng rng;

	rng_seed(&rng, 7, "areas");
	for (int step = 0; step < 2000; step++) {
		unsigned k = rng_below(&rng, 300), n;
		struct area *a = area_at(p->mm, AT + k * KB4);

		assert_int_equal(a != NULL, used[k]);
		if (a) {
			area_unlink(a);
			area_free(a);
		} else {
			link_area(p->mm, AT + k * KB4, AT + (k + 1) * KB4);
		}
		used[k] = !used[k];
		k = rng_below(&rng, 300);
		for (n = k; n < 300 && !used[n]; n++)
			;
		a = area_find(p->mm, AT + k * KB4 + 5);
		assert_int_equal(a ? (a->start - AT) / KB4 : 300, n);
		for (a = area_of(tree_first(&p->mm->areas)); a; a = area_next(a))
			assert_int_equal(a->gap, a->start - (area_prev(a) ? area_prev(a)->end : 0));
	}
	assert_checks(m->h);
}

static void a_split_keeps_offsets_flags_and_counts(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4 * KB4, 1);
	struct area *a, *b;

	whole_map(p, AT, 4 * KB4, RW, VM_MAP_PRIVATE | VM_MAP_FIXED, f, KB4);
	a = area_at(p->mm, AT);
	b = area_split(a, AT + KB4);
	assert_int_equal(a->end, AT + KB4);
	assert_int_equal(b->start, AT + KB4);
	assert_int_equal(a->pgoff, 1);
	assert_int_equal(b->pgoff, 2);
	assert_int_equal(a->flags, b->flags);
	assert_ptr_equal(a->file, b->file);
	assert_int_equal(p->mm->total, 4);
	assert_checks(m->h);
}

static void both_parts_of_a_written_area_hang_on_its_anon(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct area *a, *b;

	map_fixed(p, AT, 4 * KB4, RW);
	whole_store(p, AT + 3 * KB4, 9);
	a = area_at(p->mm, AT);
	b = area_split(a, AT + 2 * KB4);
	assert_ptr_equal(a->anon, b->anon);
	assert_int_equal(a->anon->active, 2);
	assert_int_equal(whole_load(p, AT + 3 * KB4), 9);
	assert_checks(m->h);
}

static void counts_follow_flags(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + 2 * KB4, 2 * KB4, VM_PROT_READ | VM_PROT_EXEC);
	whole_map(p, AT + 8 * KB4, 4 * KB4, RW, PRIVATE_ANON | VM_MAP_FIXED | VM_MAP_GROWSDOWN, NULL, 0);
	whole_map(p, AT + 16 * KB4, 8 * KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_FIXED, NULL, 0);
	assert_int_equal(p->mm->total, 15);
	assert_int_equal(p->mm->data, 1);
	assert_int_equal(p->mm->exec, 2);
	assert_int_equal(p->mm->stack, 4);
	assert_int_equal(p->mm->total_peak, 15);
}

static void heap_and_stack_are_known_by_their_place(void **state)
{
	struct whole *m = *state;
	struct vm_spawn s = { .name = "p", .bare = true, .brk = AT + 64 * KB4 };
	struct err e = { 0 };
	struct vm_proc *p = vm_spawn(m->h, &s, &e);
	struct vm_area a;
	va_t top = mm_top(m->h), brk;

	map_fixed(p, top - 2 * KB4, 2 * KB4, RW);
	assert_int_equal(vm_brk(p, AT + 65 * KB4, &brk, &e), 0);
	assert_true(vm_area_above(p, AT, &a));
	assert_true(a.heap && !a.stack);
	assert_true(vm_area_above(p, top - KB4, &a));
	assert_true(a.stack && !a.heap);
	assert_false(vm_area_above(p, top, &a));
	assert_int_equal(vm_area_count(p), 2);
}

static void neighbours_alike_merge_and_others_do_not(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, KB4, RW);
	map_fixed(p, AT + 2 * KB4, KB4, RW);
	map_fixed(p, AT + KB4, KB4, RW);
	assert_areas(p, "10000000000-10000003000 rw-p");
	map_fixed(p, AT + 3 * KB4, KB4, VM_PROT_READ);
	whole_map(p, AT + 4 * KB4, KB4, VM_PROT_READ, PRIVATE_ANON | VM_MAP_FIXED | VM_MAP_NORESERVE, NULL, 0);
	whole_map(p, AT + 5 * KB4, KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_FIXED, NULL, 0);
	whole_map(p, AT + 6 * KB4, KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_FIXED, NULL, 0);
	assert_areas(p, "10000000000-10000003000 rw-p\n10000003000-10000004000 r--p\n10000004000-10000005000 r--p\n"
			"10000005000-10000006000 rw-s\n10000006000-10000007000 rw-s");
}

static void files_merge_by_description_and_offset(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4 * KB4, 1);
	struct vm_map_request r = { AT, KB4, VM_PROT_READ, VM_MAP_PRIVATE | VM_MAP_FIXED, -1, NULL, 0 };
	struct err e = { 0 };
	int fd, other;
	va_t at;

	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &fd, &e), 0);
	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &other, &e), 0);
	r.fd = fd;
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);
	r.addr = AT + KB4;
	r.offset = KB4;
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);
	assert_areas(p, "10000000000-10000002000 r--p");
	r.addr = AT + 2 * KB4;
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);      /* the offset does not continue */
	r.fd = other;
	r.addr = AT + 3 * KB4;
	r.offset = 2 * KB4;
	assert_int_equal(vm_mmap(p, &r, &at, &e), 0);      /* it does, but from another description */
	assert_areas(p, "10000000000-10000002000 r--p\n10000002000-10000003000 r--p\n10000003000-10000004000 r--p");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_area_costs_at_most_192_bytes),
		TEST(areas_are_found_by_any_address_as_a_plain_list_would_find_them),
		TEST(a_split_keeps_offsets_flags_and_counts),
		TEST(both_parts_of_a_written_area_hang_on_its_anon),
		TEST(counts_follow_flags),
		TEST(heap_and_stack_are_known_by_their_place),
		TEST(neighbours_alike_merge_and_others_do_not),
		TEST(files_merge_by_description_and_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
