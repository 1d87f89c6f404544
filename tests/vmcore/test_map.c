/* test_map.c - tests of vmcore/map.c, hole.c, brk.c and layout.c */
#include "areas.h"

#define M ((va_t)0x7ffff7fff000)
#define S ((va_t)0x7ffffffff000)

static struct vm_map_request anon_request(va_t at, uint64_t len, unsigned flags)
{
	return (struct vm_map_request){ at, len, RW, PRIVATE_ANON | flags, -1, NULL, 0 };
}

static void mmap_refuses_what_linux_refuses(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	const struct { struct vm_map_request r; int code, arg; const char *why; } cases[] = {
		{ { AT, 0, RW, PRIVATE_ANON, -1, NULL, 0 }, EINVAL, 1, "length is 0" },
		{ { AT, KB4, RW, VM_MAP_ANON, -1, NULL, 0 }, EINVAL, 3, "shared or private" },
		{ { AT, KB4, RW, VM_MAP_ANON | VM_MAP_PRIVATE | VM_MAP_SHARED, -1, NULL, 0 }, EINVAL, 3, "shared or private" },
		{ { AT + 1, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED, -1, NULL, 0 }, EINVAL, 0, "0x10000000001" },
		{ { 0, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED, -1, NULL, 0 }, EPERM, 0, "0x1000" },
		{ { S, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED, -1, NULL, 0 }, ENOMEM, 0, "0x7ffffffff000" },
		{ { AT, UINT64_MAX, RW, PRIVATE_ANON, -1, NULL, 0 }, ENOMEM, 1, "18446744073709551615" },
		{ { AT, S + KB4, RW, PRIVATE_ANON, -1, NULL, 0 }, ENOMEM, 1, "more than the address space" },
		{ { AT, KB4, RW, VM_MAP_PRIVATE, 7, NULL, 0 }, EBADF, 4, "descriptor 7" },
		{ { AT, KB4, RW, VM_MAP_PRIVATE, 7, NULL, 5 }, EINVAL, 5, "offset 0x5" },
		{ { AT, KB4, RW, VM_MAP_SHARED | VM_MAP_ANON | VM_MAP_GROWSDOWN, -1, NULL, 0 }, EINVAL, 3, "grows down" },
		{ { AT, KB4, RW, PRIVATE_ANON | VM_MAP_HUGETLB, -1, NULL, 0 }, ENOMEM, 3, "huge" },
		{ { AT + KB4, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED_NOREPLACE, -1, NULL, 0 }, EEXIST, 0, "0x10000001000" },
	};
	va_t at = 1;

	map_fixed(p, AT + KB4, KB4, RW);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		assert_refused(p, vm_mmap(p, &cases[i].r, &at, &e), cases[i].code, cases[i].arg, cases[i].why);
		assert_int_equal(at, 1);
	}
}

static void a_descriptor_allows_what_it_was_opened_for(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", KB4, 1);
	struct vm_map_request r = { AT, KB4, RW, VM_MAP_SHARED, 0, NULL, 0 };
	struct err opened = { 0 };
	int ro, wo;
	va_t at;

	assert_int_equal(vm_open(p, f, VM_OPEN_READ, &ro, &opened), 0);
	assert_int_equal(vm_open(p, f, VM_OPEN_WRITE, &wo, &opened), 0);
	r.fd = ro;
	assert_refused(p, vm_mmap(p, &r, &at, &e), EACCES, 2, "open for writing");
	r.fd = wo;
	assert_refused(p, vm_mmap(p, &r, &at, &e), EACCES, 4, "open for reading");
	r.fd = ro;
	r.prot = VM_PROT_READ;
	assert_int_equal(vm_mmap(p, &r, &at, &opened), 0);
	assert_int_equal(flags_at(p, at) & (VM_F_SHARED | VM_F_MAYWRITE | VM_F_MAYSHARE), VM_F_MAYSHARE);
}

static void memory_is_placed_downwards_from_the_map_top(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	assert_int_equal(whole_map(p, 0, KB4, RW, PRIVATE_ANON, NULL, 0), M - KB4);
	assert_int_equal(whole_map(p, 0, 1, VM_PROT_READ, PRIVATE_ANON, NULL, 0), M - 2 * KB4);
	assert_int_equal(whole_map(p, AT + 5, KB4, RW, PRIVATE_ANON, NULL, 0), AT);      /* a free hint, rounded down */
	assert_int_equal(whole_map(p, AT, KB4, VM_PROT_READ, PRIVATE_ANON, NULL, 0), M - 3 * KB4); /* a taken one */
	assert_int_equal(whole_map(p, 5, KB4, 0, PRIVATE_ANON, NULL, 0), M - 4 * KB4);
	assert_int_equal(vm_munmap(p, M - 2 * KB4, KB4, NULL), 0);
	assert_int_equal(whole_map(p, 0, 2 * KB4, RW, PRIVATE_ANON, NULL, 0), M - 6 * KB4); /* the hole is too small */
	assert_int_equal(whole_map(p, 0, KB4, RW, PRIVATE_ANON, NULL, 0), M - 2 * KB4);
}

static void hints_below_64_kib_are_rounded_up_to_it(void **state)
{
	struct whole *m = *state, *small = whole_with("vpn16", 4 * MiB, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true), *q = whole_spawn(small->h, "q", true);

	assert_int_equal(whole_map(p, 0x1000, KB4, RW, PRIVATE_ANON, NULL, 0), 0x10000);
	assert_int_equal(whole_map(p, 0x1fff, KB4, RW, PRIVATE_ANON, NULL, 0), M - KB4);  /* taken */
	assert_int_equal(whole_map(p, 0x11fff, KB4, RW, PRIVATE_ANON, NULL, 0), 0x11000);
	assert_int_equal(whole_map(p, 0x1000, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED, NULL, 0), 0x1000);
	assert_int_equal(whole_map(q, 0x1000, KB4, RW, PRIVATE_ANON, NULL, 0), 0x1000);   /* a small space is used in full */
	whole_free(small);
}

static void whole_huge_pages_of_private_memory_are_placed_on_their_boundary(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	assert_int_equal(whole_map(p, 0, 2 * MiB, RW, VM_MAP_SHARED | VM_MAP_ANON, NULL, 0), 0x7ffff7dff000);
	assert_int_equal(whole_map(p, 0, 2 * MiB, RW, PRIVATE_ANON, NULL, 0), 0x7ffff7a00000);
	assert_int_equal(whole_map(p, 0, 2 * MiB + KB4, RW, PRIVATE_ANON, NULL, 0), 0x7ffff77ff000);
	assert_int_equal(whole_map(p, AT + KB4, 2 * MiB, RW, PRIVATE_ANON, NULL, 0), AT + KB4);
}

static void nothing_is_placed_in_the_guard_gap_of_a_stack(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	whole_map(p, M - KB4, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED | VM_MAP_GROWSDOWN, NULL, 0);
	assert_int_equal(whole_map(p, 0, KB4, RW, PRIVATE_ANON, NULL, 0), M - 258 * KB4);
	assert_int_equal(whole_map(p, M - 100 * KB4, KB4, RW, PRIVATE_ANON, NULL, 0), M - 259 * KB4);
	assert_int_equal(map_fixed(p, M - 100 * KB4, KB4, RW), M - 100 * KB4);           /* fixed ones may */
}

static void without_room_below_the_map_top_the_search_goes_upwards(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_map_request r = { 0x1000, M - 0x1000, 0, PRIVATE_ANON | VM_MAP_FIXED, -1, NULL, 0 };
	struct err mapped = { 0 };
	va_t at;

	assert_int_equal(vm_mmap(p, &r, &at, &mapped), 0);
	assert_int_equal(whole_map(p, 0, KB4, RW, PRIVATE_ANON, NULL, 0), M);
	r = anon_request(0, S - M, 0);
	assert_refused(p, vm_mmap(p, &r, &at, &e), ENOMEM, 1, "no free range");
}

static void a_fixed_mapping_replaces_what_is_there(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, 4 * KB4, RW);
	whole_store(p, AT + KB4, 7);
	map_fixed(p, AT + KB4, KB4, VM_PROT_READ);
	assert_areas(p, "10000000000-10000001000 rw-p\n10000001000-10000002000 r--p\n10000002000-10000004000 rw-p");
	assert_int_equal(whole_load(p, AT + KB4), 0);
}

static void munmap_takes_pieces_and_goes_over_holes(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	map_fixed(p, AT, 4 * KB4, RW);
	map_fixed(p, AT + 8 * KB4, 4 * KB4, RW);
	whole_store(p, AT + 2 * KB4, 1);
	assert_int_equal(vm_munmap(p, AT + KB4, 9 * KB4 + 1, NULL), 0);
	assert_areas(p, "10000000000-10000001000 rw-p\n1000000b000-1000000c000 rw-p");
	assert_int_equal(p->mm->rss_anon, 0);
	assert_int_equal(vm_munmap(p, AT + 64 * KB4, KB4, NULL), 0);
	assert_refused(p, vm_munmap(p, AT + 1, KB4, &e), EINVAL, 0, "0x10000000001");
	assert_refused(p, vm_munmap(p, AT, 0, &e), EINVAL, 1, "length is 0");
	assert_refused(p, vm_munmap(p, S - KB4, 2 * KB4, &e), EINVAL, 1, "0x7ffffffff000");
	assert_refused(p, vm_munmap(p, 0xfffffffffffff000, KB4, &e), EINVAL, 0, "beyond user space");
}

static void limits_are_checked_before_anything_changes(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_map_request r = anon_request(AT, 4 * KB4, VM_MAP_FIXED);
	struct err fine = { 0 };
	va_t at;

	map_fixed(p, AT, 2 * KB4, RW);
	limit(p, VM_RLIMIT_AS, 3 * KB4);
	assert_refused(p, vm_mmap(p, &r, &at, &e), ENOMEM, 1, "RLIMIT_AS");
	r.len = 3 * KB4;
	assert_int_equal(vm_mmap(p, &r, &at, &fine), 0);       /* two of the three replace pages */
	limit(p, VM_RLIMIT_AS, VM_RLIM_INFINITY);
	limit(p, VM_RLIMIT_DATA, 3 * KB4);
	r.addr = AT + 8 * KB4;
	assert_refused(p, vm_mmap(p, &r, &at, &e), ENOMEM, 1, "RLIMIT_DATA");
	r.prot = VM_PROT_READ;
	assert_int_equal(vm_mmap(p, &r, &at, &fine), 0);
	r.flags |= VM_MAP_LOCKED;
	r.addr = AT + 16 * KB4;
	limit(p, VM_RLIMIT_MEMLOCK, 2 * KB4);
	assert_refused(p, vm_mmap(p, &r, &at, &e), EAGAIN, 1, "RLIMIT_MEMLOCK");
	limit(p, VM_RLIMIT_MEMLOCK, 0);
	assert_refused(p, vm_mmap(p, &r, &at, &e), EPERM, 3, "RLIMIT_MEMLOCK is 0");
}

static void overcommit_is_a_switch(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_map_request r = anon_request(AT, 32 * MiB, VM_MAP_FIXED);
	struct err fine = { 0 };
	va_t at;

	assert_refused(p, vm_mmap(p, &r, &at, &e), ENOMEM, 1, "8192 pages");   /* more than there is */
	r.len = 12 * MiB;
	assert_int_equal(vm_mmap(p, &r, &at, &fine), 0);
	r.addr += GiB;
	assert_int_equal(vm_mmap(p, &r, &at, &fine), 0);                       /* each alone could be */
	assert_int_equal(m->h->committed, 2 * 3072);
	m->h->config.overcommit = 2;
	r.addr += GiB;
	assert_refused(p, vm_mmap(p, &r, &at, &e), ENOMEM, 1, "overcommit=2");
	m->h->config.overcommit = 1;
	r.len = 64 * GiB;
	assert_int_equal(vm_mmap(p, &r, &at, &fine), 0);
	assert_int_equal(vm_munmap(p, AT, 256 * GiB, &fine), 0);
	assert_int_equal(m->h->committed, 0);
}

static struct vm_proc *with_heap(struct whole *m)
{
	struct vm_spawn s = { .name = "p", .bare = true, .brk = AT };
	struct err e = { 0 };

	return vm_spawn(m->h, &s, &e);
}

static void the_break_is_a_byte_and_the_heap_is_pages(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = with_heap(m);
	struct err fine = { 0 };
	va_t brk, start;

	assert_int_equal(vm_brk(p, AT + 1, &brk, &fine), 0);
	assert_int_equal(brk, AT + 1);
	assert_areas(p, "10000000000-10000001000 rw-p");
	assert_int_equal(vm_brk(p, AT + 3 * KB4, &brk, &fine), 0);
	assert_areas(p, "10000000000-10000003000 rw-p");
	assert_int_equal(vm_brk(p, AT + KB4 + 1, &brk, &fine), 0);
	assert_areas(p, "10000000000-10000002000 rw-p");
	assert_refused(p, vm_brk(p, AT - 1, &brk, &e), ENOMEM, 0, "0xffffffffff");
	assert_int_equal(brk, AT + KB4 + 1);
	assert_int_equal(vm_brk(p, 0, &brk, &fine), 0);                        /* a question */
	assert_int_equal(vm_break(p, &start), AT + KB4 + 1);
	assert_int_equal(start, AT);
}

static void the_heap_keeps_its_distance(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = with_heap(m);
	struct err fine = { 0 };
	va_t brk;

	map_fixed(p, AT + 4 * KB4, KB4, RW);
	assert_refused(p, vm_brk(p, AT + 4 * KB4, &brk, &e), ENOMEM, 0, "too near");
	assert_int_equal(vm_brk(p, AT + 3 * KB4, &brk, &fine), 0);
	whole_map(p, AT + 512 * KB4, KB4, RW, PRIVATE_ANON | VM_MAP_FIXED | VM_MAP_GROWSDOWN, NULL, 0);
	assert_int_equal(vm_munmap(p, AT + 4 * KB4, KB4, &fine), 0);
	assert_refused(p, vm_brk(p, AT + 256 * KB4, &brk, &e), ENOMEM, 0, "too near");
	assert_int_equal(vm_brk(p, AT + 255 * KB4, &brk, &fine), 0);
}

static void the_heap_does_not_merge_with_what_ends_where_it_starts(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = with_heap(m);
	struct err fine = { 0 };
	va_t brk;

	map_fixed(p, AT - KB4, KB4, RW);
	assert_int_equal(vm_brk(p, AT + KB4, &brk, &fine), 0);
	assert_areas(p, "fffffff000-10000000000 rw-p\n10000000000-10000001000 rw-p");
	assert_int_equal(vm_brk(p, AT + 2 * KB4, &brk, &fine), 0);
	assert_areas(p, "fffffff000-10000000000 rw-p\n10000000000-10000002000 rw-p");
}

static void a_layout_is_taken_as_given_or_not_at_all(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_inode *f = whole_file(m->h, NULL, "f", 4 * KB4, 1);
	struct vm_layout_area l[] = {
		{ .start = AT, .end = AT + KB4, .prot = VM_PROT_READ, .inode = f },
		{ .start = AT + KB4, .end = AT + 2 * KB4, .prot = VM_PROT_READ, .inode = f, .offset = KB4 },
		{ .start = AT + 8 * KB4, .end = AT + 9 * KB4, .prot = RW, .heap = true },
		{ .start = S - 2 * KB4, .end = S, .prot = RW, .stack = true },
		{ .start = 0xffffffffff600000, .end = 0xffffffffff601000, .prot = VM_PROT_EXEC, .only_shown = true,
		  .special = "[vsyscall]" },
	};
	struct err fine = { 0 };
	va_t brk;

	map_fixed(p, AT, KB4, RW);
	l[1].start = AT;
	assert_refused(p, vm_layout_set(p, l, G_N_ELEMENTS(l), &e), EINVAL, -1, "overlaps");
	l[1].start = AT + KB4 + 1;
	assert_refused(p, vm_layout_set(p, l, G_N_ELEMENTS(l), &e), EINVAL, -1, "page aligned");
	l[1].start = AT + KB4;
	l[3].end = S + KB4;
	assert_refused(p, vm_layout_set(p, l, G_N_ELEMENTS(l), &e), EINVAL, -1, "beyond user space");
	l[3].end = S;
	assert_int_equal(vm_layout_set(p, l, G_N_ELEMENTS(l), &fine), 0);
	assert_areas(p, "10000000000-10000001000 r--p\n10000001000-10000002000 r--p\n10000008000-10000009000 rw-p\n"
			"7fffffffd000-7ffffffff000 rw-p\nffffffffff600000-ffffffffff601000 --xp");
	assert_string_equal(vm_area_special(p, 0xffffffffff600000), "[vsyscall]");
	assert_int_equal(vm_brk(p, AT + 10 * KB4, &brk, &fine), 0);            /* the heap still grows as one */
	assert_int_equal(vm_area_count(p), 5);
	assert_int_equal(vm_layout_set(p, NULL, 0, &fine), 0);
	assert_areas(p, "");
}

/* [vsyscall] is in the list of areas, above user space; for calls it is not there. */
static void what_is_only_shown_is_in_nobody_s_way(void **state)
{
	struct whole *m = *state;
	struct vm_proc *p = whole_spawn(m->h, "p", true);
	struct vm_layout_area l[] = {
		{ .start = AT, .end = AT + KB4, .prot = RW, .heap = true },
		{ .start = 0xffffffffff600000, .end = 0xffffffffff601000, .prot = VM_PROT_EXEC, .only_shown = true },
	};
	struct err fine = { 0 };
	va_t at;

	assert_int_equal(vm_layout_set(p, l, 2, &fine), 0);
	assert_int_equal(vm_brk(p, AT + 2 * KB4, &at, &fine), 0);
	assert_areas(p, "10000000000-10000002000 rw-p\nffffffffff600000-ffffffffff601000 --xp");
	assert_refused(p, vm_mprotect(p, 0xffffffffff600000, KB4, RW, &e), ENOMEM, 0, "0xffffffffff600000");
	assert_refused(p, vm_madvise(p, 0xffffffffff600000, KB4, 10, &e), ENOMEM, 0, "0xffffffffff600000");
	assert_refused(p, vm_mlock(p, 0xffffffffff600000, KB4, false, &e), ENOMEM, 0, "0xffffffffff600000");
	assert_refused(p, vm_mremap(p, 0xffffffffff600000, KB4, KB4, 0, 0, &at, &e), EFAULT, 0, "0xffffffffff600000");
	l[1].start = AT + GiB;
	l[1].end = AT + GiB + KB4;
	assert_refused(p, vm_layout_set(p, l, 2, &e), EINVAL, -1, "in user space");
}

static void a_small_address_space_has_room_too(void **state)
{
	struct whole *m = whole_with("sv32", 4 * MiB, 0);
	struct vm_proc *p = whole_spawn(m->h, "p", true);

	assert_int_equal(mm_top(m->h), 0xfffff000);
	assert_int_equal(mm_map_top(m->h), 0xf7fff000);
	assert_int_equal(whole_map(p, 0, KB4, RW, PRIVATE_ANON, NULL, 0), 0xf7ffe000);
	whole_free(m);
}

/* Nine bits of address, pages of 8 bytes, entries of one byte: the machine of an exercise. */
static void a_tiny_address_space_has_room_too(void **state)
{
	struct whole *m = g_new0(struct whole, 1);
	struct vm_options o = {
		.ram_bytes = 64, .cpus = 1, .seed = 1, .serial = 1,
		.geometry = {
			.name = "custom", .va_bits = 9, .pa_bits = 6, .page_bits = 3, .pte_bytes = 1, .table = VM_TABLE_RADIX,
			.levels = 2, .index_bits = { 3, 3 }, .ppn_shift = 5, .ppn_bits = 3, .valid = 4, .write = VM_BIT_NONE,
			.user = VM_BIT_NONE, .nx = VM_BIT_NONE, .accessed = VM_BIT_NONE, .dirty = VM_BIT_NONE,
			.huge = VM_BIT_NONE, .read = VM_BIT_NONE,
		},
	};
	struct err e = { 0 };
	struct vm_proc *p;

	clock_init(&m->clock);
	journal_init(&m->journal, 64, &m->clock.now);
	m->h = vm_host_new(&o, &m->clock, &m->journal, &e);
	assert_non_null(m->h);
	p = whole_spawn(m->h, "p", true);
	assert_int_equal(mm_top(m->h), 504);
	assert_int_equal(mm_map_top(m->h), 504 - 24);
	assert_int_equal(mm_bottom(m->h), 0);
	assert_int_equal(whole_map(p, 0, 8, RW, PRIVATE_ANON, NULL, 0), 472);
	assert_int_equal(map_fixed(p, 0, 16, RW), 0);
	assert_areas(p, "0-10 rw-p\n1d8-1e0 rw-p");
	whole_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mmap_refuses_what_linux_refuses),
		TEST(a_descriptor_allows_what_it_was_opened_for),
		TEST(memory_is_placed_downwards_from_the_map_top),
		TEST(hints_below_64_kib_are_rounded_up_to_it),
		TEST(whole_huge_pages_of_private_memory_are_placed_on_their_boundary),
		TEST(nothing_is_placed_in_the_guard_gap_of_a_stack),
		TEST(without_room_below_the_map_top_the_search_goes_upwards),
		TEST(a_fixed_mapping_replaces_what_is_there),
		TEST(munmap_takes_pieces_and_goes_over_holes),
		TEST(limits_are_checked_before_anything_changes),
		TEST(overcommit_is_a_switch),
		TEST(the_break_is_a_byte_and_the_heap_is_pages),
		TEST(the_heap_keeps_its_distance),
		TEST(the_heap_does_not_merge_with_what_ends_where_it_starts),
		TEST(a_layout_is_taken_as_given_or_not_at_all),
		TEST(what_is_only_shown_is_in_nobody_s_way),
		cmocka_unit_test(a_small_address_space_has_room_too),
		cmocka_unit_test(a_tiny_address_space_has_room_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
