/* test_external.c - policy external: questions, answers of every kind, and who waits for them. */
#include "machine.h"

#include "vm_policy.h"

enum { A = 0x10000000, FRAMES = 3 };

static void choose(struct machine *m, const char *policy, bool by_process)
{
	struct vm_policy wanted = { .name = policy, .by_process = by_process };
	struct err e = { 0 };

	assert_int_equal(vm_policy_set(m->host, &wanted, &e), 0);
}

static int setup(void **state)
{
	struct machine *m = machine_with((struct vm_options){ .geometry = *vm_geometry_preset("x86-64"), .ram_bytes = 64 * PAGE,
		.swap_bytes = 64 * PAGE, .cpus = 1, .seed = 1, .serial = 1, .live = true });

	choose(m, "external", false);
	configure(m, "user_frames", FRAMES);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	check_machine(m);
	machine_free(m);
	return 0;
}

static struct vm_proc *with_area(struct machine *m, const char *name)
{
	struct vm_proc *p = machine_spawn(m, name);

	map_anon(p, A, 16 * PAGE, 3, VM_MAP_PRIVATE);
	return p;
}

/* Stores to one page; -EINPROGRESS: it waits. */
static int touch(struct vm_proc *p, unsigned page)
{
	struct vm_outcome out;
	struct err e = { 0 };

	return vm_touch(p, A + page * PAGE, PAGE, PAGE, VM_WRITE, &out, &e);
}

/* The same, waiting for the disk, but not for an answer. */
static int touch_to_end(struct machine *m, struct vm_proc *p, unsigned page)
{
	int r;

	while ((r = touch(p, page)) == -EINPROGRESS && !vm_victim_wanted(m->host))
		assert_true(clock_step(&m->clock));
	return r;
}

static void collect(void *arg, pfn_t pfn)
{
	g_array_append_val(arg, pfn);
}

/* Candidates: how many, and the n-th. */
static guint candidates(struct machine *m, guint n, pfn_t *pfn)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(pfn_t));

	vm_victim_candidates(m->host, collect, all);
	if (n < all->len)
		*pfn = g_array_index(all, pfn_t, n);
	return all->len;
}

static bool has(struct vm_proc *p, unsigned page)
{
	struct vm_page at;

	vm_page_at(p, A + page * PAGE, &at);
	return at.pfn != PFN_NONE;
}

static const char *last_answer(struct machine *m)
{
	for (uint64_t seq = m->journal.next; seq-- > journal_oldest(&m->journal);)
		if (strcmp(journal_at(&m->journal, seq)->kind->name, "victim") == 0)
			return journal_at(&m->journal, seq)->text;
	return NULL;
}

static struct vm_proc *full(struct machine *m)
{
	struct vm_proc *p = with_area(m, "p");

	for (unsigned i = 0; i < FRAMES; i++)
		assert_int_equal(touch(p, i), 0);
	return p;
}

static void the_answer_goes(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m);
	struct err e = { 0 };
	pfn_t pfn = 0;

	assert_int_equal(touch(p, 5), -EINPROGRESS);
	assert_int_equal(candidates(m, 1, &pfn), FRAMES);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(touch_to_end(m, p, 5), 0);
	assert_true(has(p, 0) && !has(p, 1) && has(p, 2) && has(p, 5));
}

static void nonsense_and_second_answers_are_refused(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m);
	struct err e = { 0 };
	pfn_t pfn = 0;

	assert_int_equal(vm_victim_answer(m->host, 0, &e), -EINVAL);       /* nobody has asked */
	assert_int_equal(touch(p, 5), -EINPROGRESS);
	assert_int_equal(vm_victim_answer(m->host, 1 << 20, &e), -EINVAL); /* beyond RAM */
	for (pfn_t f = 0; f < 64; f++) {
		bool offered = false;

		for (guint n = 0; n < FRAMES; n++)
			offered |= candidates(m, n, &pfn) && pfn == f;
		if (!offered)
			assert_int_equal(vm_victim_answer(m->host, f, &e), -EINVAL);
	}
	assert_true(vm_victim_wanted(m->host));
	candidates(m, 2, &pfn);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), -EINVAL);
	assert_int_equal(touch_to_end(m, p, 5), 0);
	assert_false(has(p, 2));
}

static void no_answer_is_fifo_and_an_event(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m);

	assert_int_equal(touch(p, 5), -EINPROGRESS);
	vm_victim_give_up(m->host);
	assert_int_equal(touch_to_end(m, p, 5), 0);
	assert_false(has(p, 0));
	assert_string_equal(last_answer(m), "fifo,timeout");
}

static void another_policy_needs_no_answer(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m);

	assert_int_equal(touch(p, 5), -EINPROGRESS);
	choose(m, "mru", false);
	assert_false(vm_victim_wanted(m->host));
	assert_int_equal(touch_to_end(m, p, 5), 0);
	assert_false(has(p, 2));
}

/* Who asked has gone, and left frames: those who waited with it need no answer any more. */
static void a_question_goes_with_the_need(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m), *q = with_area(m, "q");
	struct err e = { 0 };

	assert_int_equal(touch(p, 5), -EINPROGRESS);
	assert_int_equal(touch(q, 0), -EINPROGRESS);
	assert_int_equal(vm_kill(p, 9, &e), 0);
	assert_int_equal(touch_to_end(m, q, 0), 0);
	assert_false(vm_victim_wanted(m->host));
	for (unsigned i = 1; i < FRAMES; i++)
		assert_int_equal(touch(q, i), 0);
	assert_int_equal(touch(q, 5), -EINPROGRESS);     /* a question of its own, not a left-over answer */
	assert_true(vm_victim_wanted(m->host));
}

static void a_question_goes_with_the_only_one_who_asked(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = full(m);
	struct err e = { 0 };

	assert_int_equal(touch(p, 5), -EINPROGRESS);
	assert_int_equal(vm_kill(p, 9, &e), 0);
	assert_false(vm_victim_wanted(m->host));
}

/* Frames are full: one page of p, two of q, which wants another. */
static void second_asks(struct machine *m, struct vm_proc *p, struct vm_proc *q)
{
	choose(m, "external", true);
	assert_int_equal(touch(p, 0), 0);
	assert_int_equal(touch(q, 0), 0);
	assert_int_equal(touch(q, 1), 0);
	assert_int_equal(touch(q, 2), -EINPROGRESS);
}

static void with_scope_process_only_own_pages_are_candidates(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = with_area(m, "p"), *q = with_area(m, "q");
	struct vm_page mine;
	struct err e = { 0 };
	pfn_t pfn = 0;

	second_asks(m, p, q);
	assert_int_equal(candidates(m, 1, &pfn), 2);
	vm_page_at(p, A, &mine);
	assert_int_equal(vm_victim_answer(m->host, mine.pfn, &e), -EINVAL);
	assert_int_equal(touch(p, 1), -EINPROGRESS);     /* waits for that answer first, then has a question of its own */
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(touch_to_end(m, q, 2), 0);
	assert_true(has(p, 0) && has(q, 0) && !has(q, 1) && has(q, 2));
	assert_int_equal(touch_to_end(m, p, 1), -EINPROGRESS);
	assert_int_equal(candidates(m, 0, &pfn), 1);
	assert_int_equal(pfn, mine.pfn);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(touch_to_end(m, p, 1), 0);
	assert_true(!has(p, 0) && has(p, 1));
}

/* The answer was for another process's question: it is not taken for one's own. */
static void with_scope_process_an_answer_is_for_who_asked(void **state)
{
	struct machine *m = *state;
	struct vm_proc *p = with_area(m, "p"), *q = with_area(m, "q");
	struct err e = { 0 };
	pfn_t pfn = 0;

	second_asks(m, p, q);
	assert_int_equal(touch(p, 1), -EINPROGRESS);
	candidates(m, 1, &pfn);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(touch(p, 1), -EINPROGRESS);     /* comes first, and asks */
	assert_int_equal(candidates(m, 0, &pfn), 1);
	assert_int_equal(vm_victim_answer(m->host, pfn, &e), 0);
	assert_int_equal(touch_to_end(m, p, 1), 0);
	assert_true(has(q, 0) && has(q, 1) && has(p, 1));
	assert_int_equal(touch_to_end(m, q, 2), -EINPROGRESS);
	assert_int_equal(candidates(m, 0, &pfn), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(the_answer_goes), TEST(nonsense_and_second_answers_are_refused), TEST(no_answer_is_fifo_and_an_event),
		TEST(another_policy_needs_no_answer), TEST(a_question_goes_with_the_need),
		TEST(a_question_goes_with_the_only_one_who_asked), TEST(with_scope_process_only_own_pages_are_candidates),
		TEST(with_scope_process_an_answer_is_for_who_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
