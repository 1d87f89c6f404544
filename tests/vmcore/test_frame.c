/* test_frame.c - frames handed out and taken back, and what others see of them. */
#include "bare.h"
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct vm_host *ten_frames(void)
{
	return bare_new(vm_geometry_preset("x86-64"), 10 * 4096);
}

static void the_lowest_free_frame_goes_first(void **state)
{
	struct vm_host *h = ten_frames();

	for (pfn_t i = 0; i < 10; i++)
		assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), i);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), PFN_NONE);
	frame_release(h, 7);
	frame_release(h, 3);
	assert_int_equal(frames_free(h), 2);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 3);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 7);
	bare_free(h);
}

static void frames_asked_for_go_first_in_their_order(void **state)
{
	struct vm_host *h = ten_frames();
	pfn_t wanted[] = { 8, 2, 5 }, beyond[] = { 4, 10 }, taken[] = { 4, 0 };
	struct err e = { 0 };

	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 0);
	assert_int_equal(vm_frames_next(h, beyond, 2, &e), -ERANGE);
	assert_int_equal(e.arg, 1);
	assert_int_equal(vm_frames_next(h, taken, 2, &e), -EBUSY);
	assert_string_equal(e.why, "frame 0x0 is not free: anon");
	assert_int_equal(vm_frames_next(h, wanted, 3, &e), 0);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 8);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 2);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 5);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), 1);
	bare_free(h);
}

static void a_frame_used_before_comes_back_zeroed_if_asked(void **state)
{
	struct vm_host *h = ten_frames();
	pfn_t pfn = frame_alloc(h, VM_FRAME_ANON, true, false);

	memset(frame_store(h, pfn, 0, 4096), 0xee, 4096);
	frame_release(h, pfn);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, true, false), pfn);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(frame_bytes(h, pfn)[i], 0);
	vm_ram_write(h, 4096 + 100, "x", 1);              /* the next one, free and never used */
	pfn = frame_alloc(h, VM_FRAME_ANON, true, false);
	assert_int_equal(pfn, 1);
	assert_int_equal(frame_bytes(h, pfn)[100], 0);
	bare_free(h);
}

/* Random stores into two frames, which are then copied and cleared: with pages of any size, against plain arrays. */
static void copies_and_zeros_are_whole_however_little_was_stored(void **state)
{
	static const unsigned page_bits[] = { 3, 6, 8, 12 };
	struct rng r;

	rng_seed(&r, 1, "lines");
	for (unsigned k = 0; k < G_N_ELEMENTS(page_bits); k++) {
		struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 2 * 4096);
		uint8_t want[2][4096] = { 0 };

		h->geometry.page_bits = page_bits[k];            /* that is all they ask */
		for (unsigned i = 0; i < 3000; i++) {
			unsigned f = rng_below(&r, 2), page = 1u << page_bits[k], at = (unsigned)rng_below(&r, page);
			unsigned len = 1 + (unsigned)rng_below(&r, i % 7 ? MIN(page - at, 9) : page - at);

			if (i % 5 == 0) {
				frame_copy(h, f, !f);
				memcpy(want[f], want[!f], page);
			} else if (i % 11 == 0) {
				frame_zero(h, f);
				memset(want[f], 0, page);
			} else {
				memset(frame_store(h, f, at, len), (int)i, len);
				memset(want[f] + at, (int)i, len);
			}
			assert_memory_equal(frame_bytes(h, 0), want[0], page);
			assert_memory_equal(frame_bytes(h, 1), want[1], page);
		}
		h->geometry.page_bits = 12;
		bare_free(h);
	}
}

static void frames_side_by_side_are_aligned_to_their_number(void **state)
{
	struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), 3000 * 4096);
	pfn_t one = frame_alloc(h, VM_FRAME_ANON, false, false);
	pfn_t four = frame_alloc_order(h, VM_FRAME_TABLE, 2, true), huge = frame_alloc_order(h, VM_FRAME_ANON, 9, true);

	assert_int_equal(one, 0);
	assert_int_equal(four, 4);
	assert_int_equal(huge, 512);
	assert_int_equal(frame_of(h, huge)->refs, 1);
	assert_int_equal(frame_of(h, huge + 511)->use, VM_FRAME_ANON);
	assert_int_equal(frames_free(h), 3000 - 1 - 4 - 512);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 9, true), 1024);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 9, true), 1536);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 9, true), 2048);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 9, true), PFN_NONE);  /* 2,560 to 2,999 are too few */
	frame_release(h, 1024);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 8, true), 256);
	assert_int_equal(frame_alloc_order(h, VM_FRAME_ANON, 9, true), 1024);
	frame_release(h, huge);
	assert_int_equal(h->frames_by_use[VM_FRAME_ANON], 1 + 512 * 3 + 256);
	bare_free(h);
}

static void no_more_frames_than_allowed_hold_process_pages(void **state)
{
	struct vm_host *h = ten_frames();

	h->config.user_frames = 3;
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(frame_alloc(h, VM_FRAME_ANON, false, true), PFN_NONE);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, true), PFN_NONE);
	assert_int_equal(frame_alloc(h, VM_FRAME_TABLE, false, false), 3);
	frame_release(h, 1);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, true), 1);
	bare_free(h);
}

static void frames_that_no_entry_can_name_are_kept_back(void **state)
{
	struct vm_geometry g = *vm_geometry_preset("vpn16");
	struct vm_host *h;

	g.ppn_bits = 3;
	h = bare_new(&g, 20 * 4096);
	for (pfn_t i = 0; i < 8; i++)
		assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), i);
	assert_int_equal(frame_alloc(h, VM_FRAME_ANON, false, false), PFN_NONE);
	assert_int_equal(frame_of(h, 8)->use, VM_FRAME_KERNEL);
	bare_free(h);
}

static void references_keep_a_frame(void **state)
{
	struct vm_host *h = ten_frames();
	pfn_t pfn = frame_alloc(h, VM_FRAME_ANON, false, false);

	frame_retain(h, pfn);
	frame_release(h, pfn);
	assert_false(frame_is_free(h, pfn));
	frame_release(h, pfn);
	assert_true(frame_is_free(h, pfn));
	assert_false(frame_is_free(h, 10));
	bare_free(h);
}

/* Against a plain array of booleans, around the ends of words of each level of the bitmap. */
static void the_bitmap_agrees_with_an_array(void **state)
{
	static const uint64_t sizes[] = { 1, 63, 64, 65, 4095, 4096, 4097, 5000 };
	struct rng r;

	rng_seed(&r, 20260103, "bitmap");
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		uint64_t n = sizes[i];
		struct vm_host *h = bare_new(vm_geometry_preset("x86-64"), n * 4096);
		g_autofree bool *busy = g_new0(bool, n);
		uint64_t free_now = n;

		for (int step = 0; step < 3 * (int)n; step++) {
			pfn_t pfn = rng_below(&r, n), lowest = 0;

			if (busy[pfn] && rng_below(&r, 3)) {
				frame_release(h, pfn);
				busy[pfn] = false;
				free_now++;
				continue;
			}
			while (lowest < n && busy[lowest])
				lowest++;
			pfn = frame_alloc(h, VM_FRAME_ANON, false, false);
			assert_int_equal(pfn, lowest == n ? PFN_NONE : lowest);
			if (pfn == PFN_NONE)
				continue;
			busy[pfn] = true;
			free_now--;
			assert_int_equal(frames_free(h), free_now);
		}
		bare_free(h);
	}
}

static void a_frame_is_seen_with_its_use(void **state)
{
	struct vm_host *h = ten_frames();
	struct vm_frame f;
	uint64_t word[12];
	pfn_t pfn = frame_alloc(h, VM_FRAME_TABLE, true, false);

	((struct bare *)h)->clock.now = 500;
	assert_true(vm_frame_at(h, pfn, &f));
	assert_int_equal(f.use, VM_FRAME_TABLE);
	assert_int_equal(f.refs, 1);
	assert_int_equal(f.age, 500);
	assert_true(vm_frame_at(h, 9, &f));
	assert_int_equal(f.use, VM_FRAME_FREE);
	assert_false(vm_frame_at(h, 10, &f));
	assert_true(vm_frame_above(h, 0, &f));
	assert_int_equal(f.pfn, 0);
	assert_false(vm_frame_above(h, 1, &f));
	vm_kpageflags(h, 0, 12, word);
	assert_int_equal(word[0], (uint64_t)1 << 26);     /* PGTABLE */
	assert_int_equal(word[1], (uint64_t)1 << 10);     /* BUDDY */
	assert_int_equal(word[9], (uint64_t)1 << 10);
	assert_int_equal(word[10], (uint64_t)1 << 20);    /* NOPAGE */
	vm_kpagecount(h, 0, 12, word);
	for (int i = 0; i < 12; i++)
		assert_int_equal(word[i], 0);
	bare_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_free_frame_goes_first),
		cmocka_unit_test(frames_asked_for_go_first_in_their_order),
		cmocka_unit_test(a_frame_used_before_comes_back_zeroed_if_asked),
		cmocka_unit_test(copies_and_zeros_are_whole_however_little_was_stored),
		cmocka_unit_test(frames_side_by_side_are_aligned_to_their_number),
		cmocka_unit_test(no_more_frames_than_allowed_hold_process_pages),
		cmocka_unit_test(frames_that_no_entry_can_name_are_kept_back),
		cmocka_unit_test(references_keep_a_frame),
		cmocka_unit_test(the_bitmap_agrees_with_an_array),
		cmocka_unit_test(a_frame_is_seen_with_its_use),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
