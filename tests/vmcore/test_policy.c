/* test_policy.c - the cores of the replacement policies: recorded results, and what holds of all of them. */
#include "../base/test.h"

#include "policy_drive.h"
#include "policy_refs.h"

static char *case_text(const char *name)
{
	g_autofree char *path = g_build_filename(CASES, name, NULL);
	char *text;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		fail_msg("no %s", path);
	return text;
}

static struct string string_of(const char *text)
{
	g_auto(GStrv) words = g_strsplit_set(text, " \n", -1);
	GArray *a = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	for (char **w = words; *w; w++) {
		uint32_t page = (uint32_t)strtoul(*w, NULL, 10);

		if (**w)
			g_array_append_val(a, page);
	}
	struct string s = { NULL, a->len };
	s.refs = (uint32_t *)g_array_free(a, FALSE);
	return s;
}

static struct string string_in(const char *name)
{
	g_autofree char *path = g_strdup_printf("policies/%s.txt", name), *text = case_text(path);

	return string_of(text);
}

static void recorded_counts_of_misses(void **state)
{
	g_autofree char *text = case_text("policies/expected.tsv");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	unsigned compared = 0;

	for (char **l = lines; *l; l++) {
		g_auto(GStrv) cell = g_strsplit(*l, "\t", -1);
		run_fn *run = **l && **l != '#' ? driver(cell[1]) : NULL;
		struct string s;
		int64_t *out;

		if (!run)
			continue;
		s = string_in(cell[0]);
		out = run(s.refs, s.n, (uint32_t)atoi(cell[2]), 0);
		if (misses(out, s.n) != strtoull(cell[4], NULL, 10))
			fail_msg("%s: %" G_GUINT64_FORMAT " misses", *l, misses(out, s.n));
		g_free(out);
		g_free(s.refs);
		compared++;
	}
	assert_true(compared >= 100);
}

static void exact_lru_at_every_size(void **state)
{
	g_autofree char *text = case_text("policies/lru_mrc.tsv");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **l = lines; *l; l++) {
		g_auto(GStrv) cell = g_strsplit(*l, "\t", -1);

		if (!**l || **l == '#')
			continue;
		struct string s = string_in(cell[0]);
		int64_t *out = run_lru(s.refs, s.n, (uint32_t)atoi(cell[1]), 0);

		assert_int_equal(misses(out, s.n), strtoull(cell[2], NULL, 10));
		g_free(out);
		g_free(s.refs);
	}
}

/* Lines `event: PAGE hit|miss VICTIM | ...` of a case file. */
static void compare_events(const char *file)
{
	g_autofree char *text = case_text(file);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	run_fn *run = NULL;
	uint32_t frames = 0;
	struct string s = { 0 };
	int64_t *out = NULL;
	size_t at = 0;

	for (char **l = lines; *l; l++) {
		unsigned page;
		char what[8], victim[16];

		if (g_str_has_prefix(*l, "policy: "))
			run = driver(*l + 8);
		else if (g_str_has_prefix(*l, "frames: "))
			frames = (uint32_t)atoi(*l + 8);
		else if (g_str_has_prefix(*l, "refs: "))
			s = string_of(*l + 6);
		if (sscanf(*l, "event: %u %7s %15s", &page, what, victim) != 3)
			continue;
		if (!out)
			out = run(s.refs, s.n, frames, 0);
		assert_int_equal(page, s.refs[at]);
		if (strcmp(what, "hit") == 0)
			assert_int_equal(out[at], HIT);
		else
			assert_int_equal(out[at], strcmp(victim, "-") == 0 ? NO_VICTIM : atoi(victim));
		at++;
	}
	assert_true(at > 0);
	assert_int_equal(at, s.n);
	g_free(out);
	g_free(s.refs);
}

static void recorded_victims(void **state)
{
	static const char *const files[] = { "belady-FIFO-C3", "belady-FIFO-C4", "loop-MRU-C4", "one-frame-LRU",
					     "rand1-FIFO-C5", "silber-LRU-C3" };

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *name = g_strdup_printf("ostep/replace/%s.case", files[i]);

		compare_events(name);
	}
}

/* Random: no definition says whom, but each as often as every other, and as the seed says. */
static void random_takes_each_as_often(void **state)
{
	enum { FRAMES = 16, REFS = 160000 };
	uint32_t *refs = g_new(uint32_t, REFS), age[FRAMES] = { 0 };
	GQueue in = G_QUEUE_INIT;
	int64_t *out;

	for (uint32_t i = 0; i < REFS; i++)
		refs[i] = i;
	out = run_random(refs, REFS, FRAMES, 0);
	for (uint32_t i = 0; i < REFS; i++) {
		if (out[i] >= 0) {
			int at = g_queue_index(&in, GUINT_TO_POINTER((guint)out[i]));

			assert_true(at >= 0);
			age[at]++;
			g_queue_pop_nth(&in, (guint)at);
		}
		g_queue_push_tail(&in, GUINT_TO_POINTER(i));
	}
	for (unsigned k = 0; k < FRAMES; k++)            /* 10000 expected, 97 the deviation */
		assert_in_range(age[k], 9500, 10500);
	g_queue_clear(&in);
	g_free(out);
	g_free(refs);
}

static void enough_frames_leave_cold_misses_only(void **state)
{
	struct rng r;

	for (unsigned round = random_rounds(&r, 8, 100); round-- > 0;) {
		struct string s = random_string(&r, 500, 1 + (uint32_t)rng_below(&r, 60));
		g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

		for (size_t i = 0; i < s.n; i++)
			g_hash_table_add(seen, GUINT_TO_POINTER(s.refs[i]));
		for (size_t k = 0; k < G_N_ELEMENTS(driven); k++) {
			int64_t *out = driven[k].run(s.refs, s.n, g_hash_table_size(seen), 0);

			assert_int_equal(misses(out, s.n), g_hash_table_size(seen));
			g_free(out);
		}
		g_free(s.refs);
	}
}

static void lru_never_loses_by_more_frames(void **state)
{
	struct rng r;

	for (unsigned round = random_rounds(&r, 9, 100); round-- > 0;) {
		struct string s = random_string(&r, 500, 40);
		uint64_t before = UINT64_MAX;

		for (uint32_t frames = 1; frames <= 40; frames++) {
			int64_t *out = run_lru(s.refs, s.n, frames, 0);

			assert_true(misses(out, s.n) <= before);
			before = misses(out, s.n);
			g_free(out);
		}
		g_free(s.refs);
	}
}

static uint64_t misses_of_opt(const uint32_t *refs, size_t n, uint32_t frames)
{
	GArray *in = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	uint64_t count = 0;

	for (size_t t = 0; t < n; t++) {
		size_t furthest = 0;
		unsigned at = 0, i = 0;

		while (i < in->len && g_array_index(in, uint32_t, i) != refs[t])
			i++;
		if (i < in->len)
			continue;
		count++;
		for (i = 0; in->len == frames && i < in->len; i++) {
			size_t next = t + 1;

			while (next < n && refs[next] != g_array_index(in, uint32_t, i))
				next++;
			if (next > furthest) {
				furthest = next;
				at = i;
			}
		}
		if (in->len == frames)
			g_array_remove_index(in, at);
		g_array_append_val(in, refs[t]);
	}
	g_array_free(in, TRUE);
	return count;
}

static void nobody_beats_opt(void **state)
{
	struct rng r;

	for (unsigned round = random_rounds(&r, 10, 100); round-- > 0;) {
		struct string s = random_string(&r, 300, 30);
		uint32_t frames = 1 + (uint32_t)rng_below(&r, 25);
		uint64_t least = misses_of_opt(s.refs, s.n, frames);

		for (size_t k = 0; k < G_N_ELEMENTS(driven); k++) {
			int64_t *out = driven[k].run(s.refs, s.n, frames, 0);

			assert_true(misses(out, s.n) >= least);
			g_free(out);
		}
		g_free(s.refs);
	}
}

/* Pages that have no number, as those that were in memory when the policy came, count when they go. */
static void linux_counts_every_eviction(void **state)
{
	enum { PAGE = 7, FRAMES = 4 };
	struct policy p;
	uint32_t f;

	policy_init(&p, LINUX_NEEDS, FRAMES, 1);
	p.param[0] = 60;
	for (f = 0; f < FRAMES; f++)
		linux_load(&p, f, f == 0 ? PAGE : POLICY_NO_PAGE);
	assert_int_equal(linux_victim(&p, POLICY_NO_PAGE), 0);
	linux_load(&p, 0, POLICY_NO_PAGE);
	linux_hit(&p, 1);                                /* the second time that it is found used: active */
	for (f = 2; f < FRAMES; f++) {
		assert_int_equal(linux_victim(&p, POLICY_NO_PAGE), f);
		linux_load(&p, f, POLICY_NO_PAGE);
	}
	assert_int_equal(p.ring[LINUX_ACTIVE].size, 1);
	f = linux_victim(&p, PAGE);
	linux_load(&p, f, PAGE);                         /* three have gone since it did */
	assert_int_equal(p.ring[LINUX_ACTIVE].size, 1);
	policy_clear(&p);
}

static void comes(struct policy *p, uint32_t page)
{
	arc_load(p, arc_victim(p, page), page);
}

/* The first victim for a page that is remembered cannot go: another one is asked for, which is no second return. */
static void arc_moves_its_target_once_for_a_page_that_returns(void **state)
{
	static const uint32_t pages[] = { 20, 12, 13, 30, 31, 32 };
	struct policy p;

	policy_init(&p, ARC_NEEDS, 4, 1);
	for (uint32_t f = 0; f < 4; f++)
		arc_load(&p, f, 10 + f);
	arc_hit(&p, 0);
	arc_hit(&p, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
		comes(&p, pages[i]);
	assert_int_equal(p.ghosts.list[0].size, 1);      /* page 20 */
	assert_int_equal(p.ghosts.list[1].size, 3);
	assert_true(arc_target(&p) == 2);
	arc_victim(&p, 20);
	assert_true(arc_target(&p) == 4);
	arc_set_target(&p, 3);
	arc_load(&p, arc_victim(&p, 20), 20);
	assert_true(arc_target(&p) == 3);
	policy_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_counts_of_misses),
		cmocka_unit_test(exact_lru_at_every_size),
		cmocka_unit_test(recorded_victims),
		cmocka_unit_test(random_takes_each_as_often),
		cmocka_unit_test(enough_frames_leave_cold_misses_only),
		cmocka_unit_test(nobody_beats_opt),
		cmocka_unit_test(lru_never_loses_by_more_frames),
		cmocka_unit_test(linux_counts_every_eviction),
		cmocka_unit_test(arc_moves_its_target_once_for_a_page_that_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
