/*
 * test_replay.c - replays against recorded counts and victims, against a plain model, and against what must hold.
 *
 * The recorded ones are in cases/policies (two traces, every policy) and cases/ostep/replace (every hit, miss and
 * victim).
 */
#include "replay.h"
#include "rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REFS_MAX = 8192 };

struct string { uint64_t refs[REFS_MAX]; size_t n; };

/* Each way to the page table; none may change a result. */
static const struct vm_replay_options ways[] = {
	{ .path = VM_REPLAY_WALK }, { .path = VM_REPLAY_FILTER },
	{ .path = VM_REPLAY_TLB, .level = { { 64, 4 }, { 1536, 12 } } }, { .path = VM_REPLAY_TLB, .level = { { 4, 2 } } },
	{ .path = VM_REPLAY_TLB, .level = { { 16, 4 }, { 32, 4 } } }, { .path = VM_REPLAY_TLB, .level = { { 2048, 1 } } },
};

static struct vm_replay *replay_new(const char *policy, uint64_t frames, unsigned way, const struct string *s, uint32_t **next)
{
	struct vm_replay_options o = ways[way];
	struct err e = { 0 };
	struct vm_replay *r;

	o.policy = policy;
	o.frames = frames;
	o.seed = 1;
	*next = NULL;
	if (!strcmp(policy, "opt")) {
		*next = g_new(uint32_t, s->n + 1);
		assert_int_equal(vm_next_use(s->refs, s->n, *next, 0, NULL, &e), 0);
		o.next_use = *next;
		o.next_use_count = s->n;
	}
	r = vm_replay_new(&o, &e);
	if (!r)
		fail_msg("%s: %s", policy, e.why);
	return r;
}

static struct vm_replay_result run(const char *policy, uint64_t frames, unsigned way, const struct string *s)
{
	struct vm_replay_result out;
	uint32_t *next;
	struct vm_replay *r = replay_new(policy, frames, way, s, &next);

	assert_int_equal(vm_replay_run(r, s->refs, s->n, NULL), 0);
	vm_replay_result(r, &out);
	assert_int_equal(out.refs, s->n);
	assert_int_equal(out.hits + out.misses, out.refs);
	vm_replay_free(r);
	g_free(next);
	return out;
}

static void read_pages(const char *name, struct string *s)
{
	g_autofree char *path = g_strdup_printf(CASES "/policies/%s.txt", name), *text = NULL;

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	s->n = 0;
	for (char *at = strtok(text, "\n"); at; at = strtok(NULL, "\n"))
		s->refs[s->n++] = strtoull(at, NULL, 10);
}

static FILE *open_case(const char *name)
{
	g_autofree char *path = g_strdup_printf(CASES "/%s", name);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	return f;
}

static void recorded_counts_are_met(void **state)
{
	static struct string s;
	FILE *f = open_case("policies/expected.tsv");
	char line[200], trace[20], policy[20], last[20] = "";
	unsigned frames, hits, misses, seen = 0;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%19s %19s %u %u %u", trace, policy, &frames, &hits, &misses) != 5)
			continue;
		if (strcmp(trace, last))
			read_pages(strcpy(last, trace), &s);
		g_autofree char *name = g_ascii_strdown(policy, -1);

		for (unsigned way = 0; way < G_N_ELEMENTS(ways); way++) {
			struct vm_replay_result r = run(name, frames, way, &s);

			if (r.hits != hits || r.misses != misses)
				fail_msg("%s %s %u frames, way %u: %u misses, not %u", trace, name, frames, way, (unsigned)r.misses, misses);
		}
		seen++;
	}
	fclose(f);
	assert_true(seen > 100);
}

static void recorded_curves_are_met(void **state)
{
	static struct string s;
	FILE *f = open_case("policies/lru_mrc.tsv");
	char line[200], trace[20], last[20] = "";
	struct vm_curve *c = NULL;
	uint64_t at = 0, misses = 0;
	unsigned frames, wanted, seen = 0;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%19s %u %u", trace, &frames, &wanted) != 3)
			continue;
		if (strcmp(trace, last)) {
			read_pages(strcpy(last, trace), &s);
			vm_curve_free(c);
			c = vm_curve_new(0, NULL);
			assert_int_equal(vm_curve_run(c, s.refs, s.n, NULL), 0);
			at = 0;
		}
		assert_true(vm_curve_next(c, &at, &misses));
		assert_int_equal(at, frames);
		assert_int_equal(misses, wanted);
		seen++;
	}
	assert_false(vm_curve_next(c, &at, &misses));
	vm_curve_free(c);
	fclose(f);
	assert_true(seen > 700);
}

/* `event: PAGE hit|miss VICTIM|- | ...` */
static void check_event(struct vm_replay *r, const struct string *s, size_t i, const char *result, const char *victim)
{
	struct vm_replay_result before, after;

	vm_replay_result(r, &before);
	assert_int_equal(vm_replay_run(r, s->refs + i, 1, NULL), 0);
	vm_replay_result(r, &after);
	assert_string_equal(after.hits > before.hits ? "hit" : "miss", result);
	assert_int_equal(after.evictions > before.evictions, strcmp(victim, "-") != 0);
	if (strcmp(victim, "-"))
		assert_int_equal(vm_replay_victim(r), strtoull(victim, NULL, 10));
}

static void check_case(const char *path, unsigned way)
{
	g_autofree char *text = NULL, *policy = NULL;
	g_auto(GStrv) lines = NULL;
	unsigned long long page, frames = 0;
	char result[8], victim[20];
	static struct string s;
	struct vm_replay *r = NULL;
	uint32_t *next = NULL;
	size_t i = 0;

	assert_true(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	s.n = 0;
	for (char **l = lines; *l; l++) {
		if (g_str_has_prefix(*l, "policy: "))
			policy = g_ascii_strdown(*l + 8, -1);
		if (g_str_has_prefix(*l, "refs: "))
			for (char *at = *l + 6; *at; at += *at == ' ')
				s.refs[s.n++] = strtoull(at, &at, 10);
		sscanf(*l, "frames: %llu", &frames);
		if (sscanf(*l, "event: %llu %7s %19s", &page, result, victim) != 3)
			continue;
		if (!r)
			r = replay_new(policy, frames, way, &s, &next);
		assert_int_equal(page, s.refs[i]);
		check_event(r, &s, i++, result, victim);
	}
	assert_int_equal(i, s.n);
	vm_replay_free(r);
	g_free(next);
}

static void every_victim_of_ostep_is_met(void **state)
{
	GDir *dir = g_dir_open(CASES "/ostep/replace", 0, NULL);
	const char *name;
	unsigned seen = 0;

	assert_non_null(dir);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_strdup_printf(CASES "/ostep/replace/%s", name);

		if (!g_str_has_suffix(name, ".case"))
			continue;
		for (unsigned way = 0; way < G_N_ELEMENTS(ways); way++)
			check_case(path, way);
		seen++;
	}
	g_dir_close(dir);
	assert_true(seen >= 8);
}

/* The plain model: everything looked through at every reference. */

enum { TAU = 25 };
#define WSCLOCK "wsclock tau=25"

struct model {
	struct { uint64_t where; uint64_t loaded, used, seen, count; bool bit, dirty; } frame[64];
	size_t frames, size, hand;
	uint64_t misses, writebacks, evictions;
	size_t order[64];   /* sieve: frames, oldest first */
};

static uint64_t next_of(const struct string *s, size_t i, uint64_t where)
{
	for (size_t k = i + 1; k < s->n; k++)
		if (vm_ref_where(s->refs[k]) == where)
			return k;
	return UINT64_MAX;
}

/* How good a victim frame f is; the greatest goes. */
static bool better(const struct model *m, const char *policy, const struct string *s, size_t i, size_t a, size_t b)
{
	if (!strcmp(policy, "fifo"))
		return m->frame[a].loaded < m->frame[b].loaded;
	if (!strcmp(policy, "lru"))
		return m->frame[a].used < m->frame[b].used;
	if (!strcmp(policy, "mru"))
		return m->frame[a].used > m->frame[b].used;
	if (!strcmp(policy, "lfu"))
		return m->frame[a].count != m->frame[b].count ? m->frame[a].count < m->frame[b].count
							      : m->frame[a].used < m->frame[b].used;
	uint64_t na = next_of(s, i, m->frame[a].where), nb = next_of(s, i, m->frame[b].where); /* opt */

	return na != nb ? na > nb : m->frame[a].loaded > m->frame[b].loaded;
}

/* Unused and clean; else unused, and used bits are cleared; and so on. */
static size_t clock_m_victim(struct model *m)
{
	for (bool clean = true;; clean = !clean)
		for (size_t n = 0; n < m->frames; n++) {
			size_t f = (m->hand + n) % m->frames;

			if (!m->frame[f].bit && !(clean && m->frame[f].dirty))
				return f;
			if (!clean)
				m->frame[f].bit = false;
		}
}

/* The lowest of four classes, of these the page loaded first; bits are cleared after as many evictions as there are frames. */
static size_t nru_victim(struct model *m)
{
	size_t best = 0;

	if (m->evictions > 0 && m->evictions % m->frames == 0)
		for (size_t f = 0; f < m->frames; f++)
			m->frame[f].bit = false;
	for (size_t f = 1; f < m->frames; f++) {
		int class = m->frame[f].bit * 2 + m->frame[f].dirty, lowest = m->frame[best].bit * 2 + m->frame[best].dirty;

		if (class < lowest || (class == lowest && m->frame[f].loaded < m->frame[best].loaded))
			best = f;
	}
	return best;
}

/* `seen`: when the used bit was last found. */
static size_t wsclock_victim(struct model *m, size_t now, size_t tau)
{
	size_t dirty = SIZE_MAX, best = m->hand;

	for (size_t n = 0; n < m->frames; n++) {
		size_t f = (m->hand + n) % m->frames;

		if (m->frame[f].bit) {
			m->frame[f].bit = false;
			m->frame[f].seen = now;
		} else if (now - m->frame[f].seen > tau) {
			if (!m->frame[f].dirty)
				return f;
			dirty = dirty == SIZE_MAX ? f : dirty;
		}
		if (m->frame[f].seen < m->frame[best].seen)
			best = f;
	}
	return dirty != SIZE_MAX ? dirty : best;
}

static size_t model_victim(struct model *m, const char *policy, const struct string *s, size_t i)
{
	size_t best = 0;

	if (!strcmp(policy, "nru"))
		return nru_victim(m);
	if (!strcmp(policy, "clock-m") || g_str_has_prefix(policy, "wsclock")) {
		best = *policy == 'c' ? clock_m_victim(m) : wsclock_victim(m, i, TAU);
		m->hand = (best + 1) % m->frames;
		return best;
	}
	if (!strncmp(policy, "clock", 5)) {
		for (; m->frame[m->hand].bit; m->hand = (m->hand + 1) % m->frames)
			m->frame[m->hand].bit = false;
		best = m->hand;
		m->hand = (m->hand + 1) % m->frames;
		return best;
	}
	if (!strcmp(policy, "sieve")) {
		for (; m->frame[m->order[m->hand]].bit; m->hand = (m->hand + 1) % m->frames)
			m->frame[m->order[m->hand]].bit = false;
		best = m->order[m->hand];
		memmove(m->order + m->hand, m->order + m->hand + 1, (m->frames - m->hand - 1) * sizeof(m->order[0]));
		m->order[m->frames - 1] = best;
		if (m->hand == m->frames - 1)
			m->hand = 0;
		return best;
	}
	for (size_t f = 1; f < m->frames; f++)
		if (better(m, policy, s, i, f, best))
			best = f;
	return best;
}

/* Gives the victim, or UINT64_MAX; *hit. */
static uint64_t model_step(struct model *m, const char *policy, const struct string *s, size_t i, bool *hit)
{
	uint64_t where = vm_ref_where(s->refs[i]), gone = UINT64_MAX;
	size_t f = 0;

	while (f < m->size && m->frame[f].where != where)
		f++;
	*hit = f < m->size;
	if (!*hit) {
		m->misses++;
		if (m->size < m->frames) {
			f = m->order[m->size] = m->size;
			m->size++;
		} else {
			f = model_victim(m, policy, s, i);
			m->evictions++;
			gone = m->frame[f].where;
			m->writebacks += m->frame[f].dirty;
		}
		m->frame[f].where = where;
		m->frame[f].loaded = m->frame[f].seen = i;
		m->frame[f].count = 0;
		m->frame[f].dirty = false;
	}
	m->frame[f].used = i;
	m->frame[f].count++;
	m->frame[f].bit = *hit || (strcmp(policy, "clock0") && strcmp(policy, "sieve") && strcmp(policy, WSCLOCK));
	m->frame[f].dirty |= vm_ref_stores(s->refs[i]);
	return gone;
}

/* Few pages often, many seldom, runs of one page, to and fro between two; of three processes, loads and stores. */
static void random_string(struct string *s, struct rng *r, size_t n)
{
	uint64_t spread = 2 + rng_below(r, 60), page = 0;

	s->n = n;
	for (size_t i = 0; i < n; i++) {
		if (i > 1 && rng_below(r, 3) == 0)
			page = vm_ref_page(s->refs[i - 2]);
		else if (rng_below(r, 4))
			page = rng_below(r, rng_below(r, spread) + 1) * (rng_below(r, 20) ? 1 : 0x123457);
		s->refs[i] = vm_ref((enum vm_ref_kind)rng_below(r, 4), rng_below(r, 8) ? 0 : (unsigned)rng_below(r, 3), page);
	}
}

static const char *const modelled[] = { "fifo", "lru", "mru", "lfu", "clock", "clock0", "clock1", "sieve", "opt", "clock-m",
					 "nru", WSCLOCK };

/* In pieces of up to `most` references. */
static void compare_with_model(const char *policy, size_t frames, unsigned way, const struct string *s, size_t most)
{
	struct model m = { .frames = frames };
	struct vm_replay_result is;
	uint64_t gone = UINT64_MAX, victim;
	uint32_t *next;
	struct vm_replay *r = replay_new(policy, frames, way, s, &next);

	for (size_t i = 0, end; i < s->n; i = end) {
		bool hit;

		end = MIN(i + 1 + i * 7 % most, s->n);
		assert_int_equal(vm_replay_run(r, s->refs + i, end - i, NULL), 0);
		for (size_t k = i; k < end; k++) {
			victim = model_step(&m, policy, s, k, &hit);
			gone = victim == UINT64_MAX ? gone : victim;
		}
		vm_replay_result(r, &is);
		if (is.misses != m.misses || is.writebacks != m.writebacks || vm_replay_victim(r) != gone)
			fail_msg("%s, %zu frames, way %u, up to reference %zu: %d misses, not %d; %d writebacks, not %d; page %d went, not %d",
				 policy, frames, way, end, (int)is.misses, (int)m.misses, (int)is.writebacks, (int)m.writebacks,
				 (int)vm_replay_victim(r), (int)gone);
	}
	vm_replay_free(r);
	g_free(next);
}

static void every_step_is_the_models(void **state)
{
	static struct string s;
	struct rng r;

	rng_seed(&r, 1, "replay");
	for (unsigned round = 0; round < 40; round++) {
		random_string(&s, &r, 300);
		for (unsigned p = 0; p < G_N_ELEMENTS(modelled); p++)
			compare_with_model(modelled[p], 1 + rng_below(&r, 20), round % G_N_ELEMENTS(ways), &s,
					   round % 3 ? 1 : 40);
	}
}

/* Their numbers have 32 bits inside: 2^32 references later nothing is different. */
static void numbers_of_references_begin_again(void **state)
{
	static struct string s;
	struct rng r;

	rng_seed(&r, 5, "replay");
	for (unsigned round = 0; round < 8; round++)
		for (unsigned k = 0; k < 2; k++) {
			struct vm_replay_result now, late;
			uint64_t after = ((uint64_t)1 << 32) - 300 - round;
			uint32_t *next;
			struct vm_replay *p;

			random_string(&s, &r, 2000);
			now = run(k ? "lru" : "lfu", 9 + round, round % 3, &s);
			p = replay_new(k ? "lru" : "lfu", 9 + round, round % 3, &s, &next);
			for (size_t i = 0; i < s.n; i += 100) {
				if (i == 200)
					p->refs += after;
				assert_int_equal(vm_replay_run(p, s.refs + i, 100, NULL), 0);
			}
			vm_replay_result(p, &late);
			assert_int_equal(late.refs, s.n + after);
			assert_int_equal(late.misses, now.misses);
			assert_int_equal(late.writebacks, now.writebacks);
			vm_replay_free(p);
		}
}

static void no_way_to_the_page_table_changes_a_result(void **state)
{
	static struct string s;
	struct rng r;

	rng_seed(&r, 4, "replay");
	for (unsigned round = 0; round < 12; round++) {
		random_string(&s, &r, 4000);
		for (unsigned p = 0; vm_replay_policies[p]; p++) {
			uint64_t frames = 1 + rng_below(&r, 30);
			struct vm_replay_result first = run(vm_replay_policies[p], frames, 0, &s);

			for (unsigned way = 1; way < G_N_ELEMENTS(ways); way++) {
				struct vm_replay_result other = run(vm_replay_policies[p], frames, way, &s);

				if (other.misses != first.misses || other.writebacks != first.writebacks || other.cold != first.cold)
					fail_msg("%s, %d frames, way %u: %d misses, not %d", vm_replay_policies[p], (int)frames, way,
						 (int)other.misses, (int)first.misses);
			}
		}
	}
}

static uint64_t distinct(const struct string *s)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

	for (size_t i = 0; i < s->n; i++)
		g_hash_table_add(seen, g_memdup2(&(gint64){ (gint64)vm_ref_where(s->refs[i]) }, 8));
	return g_hash_table_size(seen);
}

static void what_must_hold_holds(void **state)
{
	static struct string s;
	struct rng r;

	rng_seed(&r, 2, "replay");
	for (unsigned round = 0; round < 20; round++) {
		uint64_t pages, before[64] = { 0 };

		random_string(&s, &r, 2000);
		pages = distinct(&s);
		for (uint64_t frames = 1; frames < 40; frames += 3) {
			uint64_t least = run("opt", frames, 1, &s).misses;

			for (unsigned p = 0; vm_replay_policies[p]; p++) {
				const char *name = vm_replay_policies[p];
				uint64_t misses = run(name, frames, round % G_N_ELEMENTS(ways), &s).misses;

				assert_true(misses >= least);
				if (!strcmp(name, "lru") || !strcmp(name, "opt")) {
					assert_true(!before[p] || misses <= before[p]);    /* stack policies */
					before[p] = misses;
				}
			}
		}
		for (unsigned p = 0; vm_replay_policies[p]; p++) {
			struct vm_replay_result all = run(vm_replay_policies[p], pages, 1, &s);

			assert_int_equal(all.misses, pages);
			assert_int_equal(all.cold, pages);
			assert_int_equal(all.writebacks, 0);
		}
	}
}

static void the_curve_is_lru_at_every_size(void **state)
{
	static struct string s;
	struct rng r;

	rng_seed(&r, 3, "replay");
	for (unsigned round = 0; round < 10; round++) {
		struct vm_curve *c = vm_curve_new(0, NULL);
		uint64_t frames = 0, misses = 0;

		random_string(&s, &r, REFS_MAX);       /* slots are moved together on the way */
		assert_int_equal(vm_curve_run(c, s.refs, s.n, NULL), 0);
		assert_int_equal(vm_curve_pages(c), distinct(&s));
		while (vm_curve_next(c, &frames, &misses))
			assert_int_equal(misses, run("lru", frames, 1, &s).misses);
		assert_int_equal(frames, vm_curve_pages(c));
		vm_curve_free(c);
	}
}

static void assert_refused(struct vm_replay_options o, int code, const char *why)
{
	struct err e = { 0 };

	assert_null(vm_replay_new(&o, &e));
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.why, why));
}

static void nonsense_is_refused(void **state)
{
	assert_refused((struct vm_replay_options){ .policy = "lru" }, ERANGE, "0 frames");
	assert_refused((struct vm_replay_options){ .policy = "lru", .frames = (uint64_t)1 << 40 }, ERANGE, "more than RAM");
	assert_refused((struct vm_replay_options){ .policy = "best", .frames = 4 }, EINVAL, "\"best\"");
	assert_refused((struct vm_replay_options){ .policy = "lru x=1", .frames = 4 }, EINVAL, "no parameter");
	assert_refused((struct vm_replay_options){ .policy = "opt", .frames = 4 }, EINVAL, "future");
	assert_refused((struct vm_replay_options){ .policy = "lru", .frames = 4, .path = VM_REPLAY_TLB, .level = { { 12, 4 } } },
		       EINVAL, "power of two");
}

/* Pages with as many references each as there are counts; scans; pages that come back: all lists are as long as they get. */
static void run_much(struct vm_replay *r, const uint64_t *refs, size_t n)
{
	struct err e = { 0 };

	for (size_t at = 0; at < n; at += 1 << 14)
		if (vm_replay_run(r, refs + at, MIN(n - at, (size_t)1 << 14), &e))
			fail_msg("%s", e.why);
}

static void memory_is_bounded_by_frames_and_pages(void **state)
{
	enum { FRAMES = 3000, PAGES = 9000, REFS = 400000 };
	uint64_t *refs = g_new(uint64_t, REFS);
	uint32_t *next = g_new(uint32_t, REFS);
	struct rng r;

	rng_seed(&r, 1, "memory");
	for (size_t i = 0; i < REFS; i++) {
		uint64_t page = i % 3 ? rng_below(&r, 1 + rng_below(&r, FRAMES)) : rng_below(&r, PAGES);

		refs[i] = i < PAGES ? i : page;
	}
	assert_int_equal(vm_next_use(refs, REFS, next, 0, NULL, NULL), 0);
	for (unsigned k = 0; vm_replay_policies[k]; k++)
		for (uint64_t frames = FRAMES; frames <= PAGES; frames += FRAMES) {
			g_autofree char *policy = strcmp(vm_replay_policies[k], "2q") || frames > FRAMES ?
				g_strdup(vm_replay_policies[k]) : g_strdup("2q out=1000");
			struct vm_replay_options o = { .policy = policy, .frames = frames, .path = VM_REPLAY_FILTER, .seed = 1,
						       .next_use = next, .next_use_count = REFS };
			struct vm_replay_memory m;
			struct vm_replay *p;

			if (strcmp(policy, "opt"))
				o.next_use = NULL;
			p = vm_replay_new(&o, NULL);
			assert_non_null(p);
			run_much(p, refs, REFS);
			vm_replay_memory(p, &m);
			print_message("%s with %u frames: %.1f bytes a frame, %.1f a page\n", policy, (unsigned)frames,
				      (double)m.by_frame / (double)frames, (double)m.by_page / PAGES);
			assert_true(m.by_frame >= 4 * frames);
			assert_in_range(m.by_frame, 1, 16 * frames);
			assert_in_range(m.by_page, 0, 32 * PAGES);
			assert_in_range(m.by_reference, 0, strcmp(policy, "opt") ? 0 : REFS / 8 + REFS / 256);
			vm_replay_free(p);
		}
	g_free(refs);
	g_free(next);
}

/* Of pages met again soon and of pages spread far, in turns, in several processes: as a table of all pages has it. */
static void next_uses_are_found_however_pages_lie(void **state)
{
	enum { REFS = 200000, SPREAD = 60000 };
	uint64_t *refs = g_new(uint64_t, REFS);
	uint32_t *next = g_new(uint32_t, REFS);
	GHashTable *seen = g_hash_table_new(g_int64_hash, g_int64_equal);
	struct rng r;

	rng_seed(&r, 1, "next");
	for (size_t i = 0; i < REFS; i++) {
		uint64_t page = i / 45000 % 2 ? rng_below(&r, SPREAD) << 3 : rng_below(&r, 1 + rng_below(&r, 600));

		refs[i] = vm_ref((enum vm_ref_kind)rng_below(&r, 4), i % 1000 ? 0 : 3, page);
	}
	assert_int_equal(vm_next_use(refs, REFS, next, 0, NULL, NULL), 0);
	for (size_t i = 0; i < REFS; i++)
		refs[i] = vm_ref_where(refs[i]);
	for (size_t i = REFS; i-- > 0; ) {
		void *then = g_hash_table_lookup(seen, &refs[i]);

		assert_int_equal(next[i], then ? GPOINTER_TO_UINT(then) - 1 : UINT32_MAX);
		g_hash_table_insert(seen, &refs[i], GUINT_TO_POINTER(i + 1));
	}
	g_hash_table_unref(seen);
	g_free(refs);
	g_free(next);
}

static void too_many_tables_are_refused_and_memory_stays_bounded(void **state)
{
	struct vm_replay_options o = { .policy = "fifo", .frames = 4, .table_bytes = 1 * MiB };
	struct vm_replay *r = vm_replay_new(&o, NULL);
	struct vm_replay_result out;
	struct err e = { 0 };
	int rc = 0;

	for (uint64_t page = 0; rc == 0 && page < 1000; page++) {
		uint64_t ref = page << 18;           /* each in a leaf table of its own */

		rc = vm_replay_run(r, &ref, 1, &e);
	}
	assert_int_equal(rc, -ENOMEM);
	vm_replay_result(r, &out);
	assert_true(out.table_bytes <= 1 * MiB);
	assert_true(out.refs > 50 && out.refs == out.misses);
	vm_replay_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_counts_are_met), cmocka_unit_test(recorded_curves_are_met),
		cmocka_unit_test(every_victim_of_ostep_is_met), cmocka_unit_test(every_step_is_the_models),
		cmocka_unit_test(no_way_to_the_page_table_changes_a_result), cmocka_unit_test(numbers_of_references_begin_again),
		cmocka_unit_test(what_must_hold_holds), cmocka_unit_test(the_curve_is_lru_at_every_size),
		cmocka_unit_test(nonsense_is_refused), cmocka_unit_test(too_many_tables_are_refused_and_memory_stays_bounded),
		cmocka_unit_test(memory_is_bounded_by_frames_and_pages), cmocka_unit_test(next_uses_are_found_however_pages_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
