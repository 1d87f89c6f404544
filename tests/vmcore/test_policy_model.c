/*
 * test_policy_model.c - the cores of the replacement policies, reference by reference, against implementations that search
 * an array or a queue for what the definition says.
 */
#include "../base/test.h"

#include "policy_drive.h"
#include "policy_refs.h"

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

static void every_victim_is_the_definitions(void **state)
{
	struct rng r;

	for (unsigned round = random_rounds(&r, 7, 400); round-- > 0;) {
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

/*
 * The policies with several lists, as their papers tell them, over queues of page numbers (oldest at the head).
 */
struct lists { GQueue a, b, ga, gb; uint64_t c; double p; };
#define PAGE_PTR(page) GUINT_TO_POINTER((page) + 1)
#define PTR_PAGE(ptr) ((int64_t)GPOINTER_TO_UINT(ptr) - 1)

static bool take_out(GQueue *q, uint32_t page)
{
	return g_queue_remove(q, PAGE_PTR(page));
}

static int64_t pop(GQueue *q)
{
	return PTR_PAGE(g_queue_pop_head(q));
}

static int64_t step_2q(struct lists *l, uint32_t x, GHashTable *count)
{
	int64_t gone = NO_VICTIM;
	bool back;

	if (take_out(&l->b, x)) {
		g_queue_push_tail(&l->b, PAGE_PTR(x));
		return HIT;
	}
	if (g_queue_find(&l->a, PAGE_PTR(x)))
		return HIT;
	back = take_out(&l->ga, x);
	if (l->a.length + l->b.length == l->c) {
		if (l->a.length > l->c / 4 || l->b.length == 0) {
			gone = pop(&l->a);
			g_queue_push_tail(&l->ga, PAGE_PTR((uint32_t)gone));
			while (l->ga.length > l->c / 2)
				pop(&l->ga);
		} else {
			gone = pop(&l->b);
		}
	}
	g_queue_push_tail(back ? &l->b : &l->a, PAGE_PTR(x));
	return gone;
}

/* REPLACE of the paper. a = t1, b = t2, ga = b1, gb = b2. */
static int64_t arc_model_replace(struct lists *l, bool in_b2)
{
	int64_t gone;

	if (l->a.length >= 1 && ((in_b2 && l->a.length == l->p) || l->a.length > l->p || l->b.length == 0)) {
		gone = pop(&l->a);
		g_queue_push_tail(&l->ga, PAGE_PTR((uint32_t)gone));
	} else {
		gone = pop(&l->b);
		g_queue_push_tail(&l->gb, PAGE_PTR((uint32_t)gone));
	}
	return gone;
}

static int64_t step_arc(struct lists *l, uint32_t x, GHashTable *count)
{
	bool full = l->a.length + l->b.length == l->c, in_b1, in_b2;
	double n1 = l->ga.length, n2 = l->gb.length;
	int64_t gone = NO_VICTIM;

	if (take_out(&l->a, x) || take_out(&l->b, x)) {
		g_queue_push_tail(&l->b, PAGE_PTR(x));
		return HIT;
	}
	in_b1 = take_out(&l->ga, x);
	in_b2 = take_out(&l->gb, x);
	if (in_b1)
		l->p = MIN((double)l->c, l->p + MAX(n2 / n1, 1));
	if (in_b2)
		l->p = MAX(0, l->p - MAX(n1 / n2, 1));
	if (in_b1 || in_b2) {
		gone = arc_model_replace(l, in_b2);
		g_queue_push_tail(&l->b, PAGE_PTR(x));
		return gone;
	}
	if (full) {
		if (l->a.length + l->ga.length >= l->c) {
			if (l->a.length < l->c) {
				pop(&l->ga);
				gone = arc_model_replace(l, false);
			} else {
				gone = pop(&l->a);
			}
		} else {
			if (l->a.length + l->b.length + l->ga.length + l->gb.length >= 2 * l->c)
				pop(&l->gb);
			gone = arc_model_replace(l, false);
		}
	}
	g_queue_push_tail(&l->a, PAGE_PTR(x));
	return gone;
}

static unsigned freq(GHashTable *count, int64_t page)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(count, GINT_TO_POINTER((int)page)));
}

static void set_freq(GHashTable *count, int64_t page, unsigned v)
{
	g_hash_table_insert(count, GINT_TO_POINTER((int)page), GUINT_TO_POINTER(v));
}

static int64_t evict_main(struct lists *l, GHashTable *count)
{
	for (;;) {
		int64_t t = pop(&l->b);

		if (freq(count, t) == 0)
			return t;
		set_freq(count, t, freq(count, t) - 1);
		g_queue_push_tail(&l->b, PAGE_PTR((uint32_t)t));
	}
}

static int64_t evict_s3fifo(struct lists *l, GHashTable *count)
{
	uint64_t small = MAX(l->c / 10, 1);

	if (l->a.length < small && l->b.length > 0)
		return evict_main(l, count);
	while (l->a.length > 0 && (l->a.length >= small || l->b.length == 0)) {
		int64_t t = pop(&l->a);

		if (freq(count, t) <= 1) {
			g_queue_push_tail(&l->ga, PAGE_PTR((uint32_t)t));
			while (l->ga.length > l->c * 9 / 10)
				pop(&l->ga);
			return t;
		}
		set_freq(count, t, 0);
		g_queue_push_tail(&l->b, PAGE_PTR((uint32_t)t));
		if (l->b.length > l->c - small)
			break;
	}
	return evict_main(l, count);
}

static int64_t step_s3fifo(struct lists *l, uint32_t x, GHashTable *count)
{
	int64_t gone = NO_VICTIM;
	bool back;

	if (g_queue_find(&l->a, PAGE_PTR(x)) || g_queue_find(&l->b, PAGE_PTR(x))) {
		set_freq(count, x, MIN(freq(count, x) + 1, 3));
		return HIT;
	}
	back = take_out(&l->ga, x);
	if (l->a.length + l->b.length == l->c)
		gone = evict_s3fifo(l, count);
	set_freq(count, x, 0);
	g_queue_push_tail(back ? &l->b : &l->a, PAGE_PTR(x));
	return gone;
}

static void policies_of_several_lists_follow_their_papers(void **state)
{
	static const struct { const char *name; int64_t (*step)(struct lists *l, uint32_t x, GHashTable *count); } papers[] = {
		{ "2q", step_2q }, { "arc", step_arc }, { "s3fifo", step_s3fifo },
	};
	struct rng r;

	for (unsigned round = random_rounds(&r, 17, 300); round-- > 0;) {
		uint32_t pages = 2 + (uint32_t)rng_below(&r, 60), frames = 1 + (uint32_t)rng_below(&r, 40);
		struct string s = random_string(&r, 600, pages);

		for (size_t k = 0; k < G_N_ELEMENTS(papers); k++) {
			g_autoptr(GHashTable) count = g_hash_table_new(NULL, NULL);
			int64_t *is = driver(papers[k].name)(s.refs, s.n, frames, 0);
			struct lists l = { .c = frames };

			for (size_t i = 0; i < s.n; i++) {
				int64_t should = papers[k].step(&l, s.refs[i], count);

				if (is[i] != should)
					fail_msg("%s, round %u, %u frames, reference %zu: %" G_GINT64_FORMAT " not %"
						 G_GINT64_FORMAT, papers[k].name, round, frames, i, is[i], should);
			}
			g_queue_clear(&l.a);
			g_queue_clear(&l.b);
			g_queue_clear(&l.ga);
			g_queue_clear(&l.gb);
			g_free(is);
		}
		g_free(s.refs);
	}
}

/*
 * Aging and linux, as their headers tell them, over arrays: `n` pages in memory, each with what is known of it. `place`: when it
 * came to its list or to its counter.
 */
struct known { uint32_t page; uint64_t place; unsigned counter; bool used, seen, active; };
struct gone { uint32_t page; uint64_t when; };
struct memory { struct known at[64]; unsigned n, frames; uint64_t clock, evictions; struct gone gone[64]; unsigned remembered; };

static unsigned find_page(const struct memory *m, uint32_t page)
{
	unsigned i = 0;

	while (i < m->n && m->at[i].page != page)
		i++;
	return i;
}

static int64_t memory_drop(struct memory *m, unsigned i)
{
	int64_t page = m->at[i].page;

	m->at[i] = m->at[--m->n];
	m->evictions++;
	return page;
}

static unsigned counted_least(const struct memory *m)
{
	unsigned best = 0;

	for (unsigned i = 1; i < m->n; i++)
		if (m->at[i].counter < m->at[best].counter ||
		    (m->at[i].counter == m->at[best].counter && m->at[i].place < m->at[best].place))
			best = i;
	return best;
}

/* Counters age in the order of their values, so of pages that become equal, the one that had less stands first. */
static void age_all(struct memory *m)
{
	struct memory old = *m;

	while (old.n > 0) {
		unsigned i = counted_least(&old), k = find_page(m, old.at[i].page);

		m->at[k].counter = m->at[k].counter / 2 + (m->at[k].used ? 128 : 0);
		m->at[k].used = false;
		m->at[k].place = ++m->clock;
		old.at[i] = old.at[--old.n];
	}
}

static int64_t step_aging(struct memory *m, uint32_t page)
{
	unsigned i = find_page(m, page);
	int64_t out = NO_VICTIM;

	if (i < m->n) {
		m->at[i].used = true;
		return HIT;
	}
	if (m->n == m->frames) {
		if (m->evictions > 0 && m->evictions % m->frames == 0)
			age_all(m);
		out = memory_drop(m, counted_least(m));
	}
	m->at[m->n++] = (struct known){ .page = page, .place = ++m->clock, .counter = 128 };
	return out;
}

/* The oldest of a list; n: it is empty. */
static unsigned oldest(const struct memory *m, bool active, unsigned *length)
{
	unsigned best = m->n;

	*length = 0;
	for (unsigned i = 0; i < m->n; i++) {
		if (m->at[i].active != active)
			continue;
		++*length;
		if (best == m->n || m->at[i].place < m->at[best].place)
			best = i;
	}
	return best;
}

static int64_t shrink(struct memory *m)
{
	for (;;) {
		unsigned actives, inactives, first = oldest(m, true, &actives), i = oldest(m, false, &inactives);
		struct known *k;

		if (actives > 0 && (inactives < actives || inactives == 0)) {
			m->at[first] = (struct known){ .page = m->at[first].page, .place = ++m->clock };
			continue;
		}
		k = &m->at[i];
		if (!k->used)
			return memory_drop(m, i);
		*k = (struct known){ .page = k->page, .place = ++m->clock, .active = k->seen, .seen = !k->seen };
	}
}

static int64_t step_linux(struct memory *m, uint32_t page)
{
	unsigned i = find_page(m, page), g = 0, actives;
	int64_t out = NO_VICTIM;
	bool again = false;

	if (i < m->n) {
		m->at[i].used = true;
		return HIT;
	}
	if (m->n == m->frames) {
		out = shrink(m);
		m->gone[m->remembered++] = (struct gone){ (uint32_t)out, m->evictions };
		if (m->remembered > m->n)                /* as many as there are pages in memory now, the oldest first */
			memmove(m->gone, m->gone + 1, --m->remembered * sizeof m->gone[0]);
	}
	while (g < m->remembered && m->gone[g].page != page)
		g++;
	if (g < m->remembered) {
		oldest(m, true, &actives);
		again = m->evictions - m->gone[g].when <= actives;
		memmove(m->gone + g, m->gone + g + 1, (--m->remembered - g) * sizeof m->gone[0]);
	}
	m->at[m->n++] = (struct known){ .page = page, .place = ++m->clock, .used = true, .active = again };
	return out;
}

static void aging_and_linux_follow_their_headers(void **state)
{
	static const struct { const char *name; int64_t (*step)(struct memory *m, uint32_t page); } rows[] = {
		{ "aging", step_aging }, { "linux", step_linux },
	};
	struct rng r;

	for (unsigned round = random_rounds(&r, 19, 300); round-- > 0;) {
		uint32_t pages = 2 + (uint32_t)rng_below(&r, 60), frames = 1 + (uint32_t)rng_below(&r, 40);
		struct string s = random_string(&r, 600, pages);

		for (size_t k = 0; k < G_N_ELEMENTS(rows); k++) {
			struct memory m = { .frames = frames };
			int64_t *is = driver(rows[k].name)(s.refs, s.n, frames, 0);

			for (size_t i = 0; i < s.n; i++) {
				int64_t should = rows[k].step(&m, s.refs[i]);

				if (is[i] != should)
					fail_msg("%s, round %u, %u frames, reference %zu: %" PRId64 " not %" PRId64, rows[k].name,
						 round, frames, i, is[i], should);
			}
			g_free(is);
		}
		g_free(s.refs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_victim_is_the_definitions),
		cmocka_unit_test(policies_of_several_lists_follow_their_papers),
		cmocka_unit_test(aging_and_linux_follow_their_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
