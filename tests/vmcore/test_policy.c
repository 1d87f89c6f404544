/*
 * test_policy.c - the cores of the replacement policies: against recorded results, and reference by reference against
 * implementations that search an array for what the definition says.
 */
#include "../base/test.h"

#include "policy_drive.h"

struct string { uint32_t *refs; size_t n; };

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

/* The definitions, as searches of an array. `loaded`, `last`: times; the array is in order of loading. */
struct page { uint32_t page; uint64_t loaded, last, count; bool used; };
struct model { struct page at[64]; unsigned n, hand; };

static void model_drop(struct model *m, unsigned i)
{
	memmove(&m->at[i], &m->at[i + 1], (m->n - i - 1) * sizeof m->at[0]);
	m->n--;
}

static unsigned model_fifo(struct model *m) { return 0; }

static unsigned model_lru(struct model *m)
{
	unsigned best = 0;

	for (unsigned i = 1; i < m->n; i++)
		if (m->at[i].last < m->at[best].last)
			best = i;
	return best;
}

static unsigned model_mru(struct model *m)
{
	unsigned best = 0;

	for (unsigned i = 1; i < m->n; i++)
		if (m->at[i].last > m->at[best].last)
			best = i;
	return best;
}

static unsigned model_lfu(struct model *m)
{
	unsigned best = 0;

	for (unsigned i = 1; i < m->n; i++)
		if (m->at[i].count < m->at[best].count ||
		    (m->at[i].count == m->at[best].count && m->at[i].last < m->at[best].last))
			best = i;
	return best;
}

/* FIFO with reinsertion. */
static unsigned model_clock(struct model *m)
{
	while (m->at[0].used) {
		struct page first = m->at[0];

		first.used = false;
		model_drop(m, 0);
		m->at[m->n++] = first;
	}
	return 0;
}

static unsigned model_sieve(struct model *m)
{
	unsigned at = m->hand < m->n ? m->hand : 0;

	while (m->at[at].used) {
		m->at[at].used = false;
		at = at + 1 < m->n ? at + 1 : 0;
	}
	m->hand = at + 1 < m->n ? at : 0;               /* where the next newer one will be; behind the newest: the oldest */
	return at;
}

static int64_t *run_model(const uint32_t *refs, size_t n, uint32_t frames, unsigned (*victim)(struct model *), bool fresh)
{
	int64_t *out = g_new(int64_t, n + 1);
	struct model m = { .n = 0 };

	for (size_t t = 0; t < n; t++) {
		unsigned i = 0;

		while (i < m.n && m.at[i].page != refs[t])
			i++;
		if (i < m.n) {
			m.at[i].last = t;
			m.at[i].count++;
			m.at[i].used = true;
			out[t] = HIT;
			continue;
		}
		out[t] = NO_VICTIM;
		if (m.n == frames) {
			unsigned v = victim(&m);

			out[t] = m.at[v].page;
			model_drop(&m, v);
		}
		m.at[m.n++] = (struct page) { refs[t], t, t, 1, fresh };
	}
	return out;
}

static const struct definition { const char *name; unsigned (*victim)(struct model *); bool fresh; } definitions[] = {
	{ "fifo", model_fifo, false }, { "lru", model_lru, false }, { "mru", model_mru, false },
	{ "lfu", model_lfu, false }, { "clock", model_clock, true }, { "clock0", model_clock, false },
	{ "sieve", model_sieve, false },
};

/* References with some locality: half of them go to a window that wanders. */
static struct string random_string(struct rng *r, size_t n, uint32_t pages)
{
	struct string s = { g_new(uint32_t, n), n };
	uint32_t base = 0;

	for (size_t i = 0; i < n; i++) {
		if (rng_below(r, 50) == 0)
			base = (uint32_t)rng_below(r, pages);
		s.refs[i] = rng_below(r, 2) ? (uint32_t)rng_below(r, pages) : (uint32_t)((base + rng_below(r, 4)) % pages);
	}
	return s;
}

static void every_victim_is_the_definitions(void **state)
{
	struct rng r;

	rng_seed(&r, 7, "strings");
	for (unsigned round = 0; round < 400; round++) {
		uint32_t pages = 2 + (uint32_t)rng_below(&r, 40), frames = 1 + (uint32_t)rng_below(&r, 30);
		struct string s = random_string(&r, 300, pages);

		for (size_t k = 0; k < G_N_ELEMENTS(definitions); k++) {
			const struct definition *d = &definitions[k];
			int64_t *is = driver(d->name)(s.refs, s.n, frames, 0);
			int64_t *should = run_model(s.refs, s.n, frames, d->victim, d->fresh);

			for (size_t i = 0; i < s.n; i++)
				if (is[i] != should[i])
					fail_msg("%s, round %u, %u frames, reference %zu: %" G_GINT64_FORMAT " not %"
						 G_GINT64_FORMAT, d->name, round, frames, i, is[i], should[i]);
			g_free(is);
			g_free(should);
		}
		g_free(s.refs);
	}
}

static void enough_frames_leave_cold_misses_only(void **state)
{
	struct rng r;

	rng_seed(&r, 8, "strings");
	for (unsigned round = 0; round < 100; round++) {
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

	rng_seed(&r, 9, "strings");
	for (unsigned round = 0; round < 100; round++) {
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_counts_of_misses),
		cmocka_unit_test(exact_lru_at_every_size),
		cmocka_unit_test(recorded_victims),
		cmocka_unit_test(every_victim_is_the_definitions),
		cmocka_unit_test(enough_frames_leave_cold_misses_only),
		cmocka_unit_test(lru_never_loses_by_more_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
