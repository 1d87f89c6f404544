/*
 * test_replay_sample.c - the error that a sampled run states, against how far it is off.
 *
 * usage: test_replay_sample [SEED [TRACES]]; the seed is printed. Traces are of several kinds, stationary ones and others; each is
 * replayed exactly and from samples of several sizes. No single run has to keep to its error; the share of all that do has to be
 * what a standard error promises, for every policy.
 */
#include "replay.h"
#include "rng.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { REFS = 60000, PAGES = 6000, KINDS = 6, TRACES = 24, SIZES = 2, WITHIN = 3 };

static const char *const policies[] = { "fifo", "sieve", "arc", "lfu", "mru", "clock-m" };
static uint64_t the_seed;
static unsigned the_traces = TRACES;

/* Traces. */

/* Few of the pages often, most seldom. */
static uint64_t skewed(struct rng *r, double pages)
{
	return (uint64_t)exp((double)rng_below(r, 1 << 30) / (1 << 30) * log(pages));
}

/* The i-th page of a trace. `scan` is its own state. */
static uint64_t next_page(struct rng *r, unsigned kind, uint64_t i, uint64_t *scan)
{
	uint64_t loop = PAGES / 4, phase = i / (REFS / 8);

	switch (kind) {
	case 0:
		return skewed(r, PAGES);
	case 1:                                    /* scans between */
		if (*scan == 0 && rng_below(r, 2000) == 0)
			*scan = PAGES / 2;
		return *scan ? PAGES + (*scan)-- : skewed(r, PAGES);
	case 2:                                    /* a loop now and then */
		return phase % 2 ? PAGES + i % loop : skewed(r, PAGES);
	case 3:                                    /* other pages in each phase */
		return skewed(r, PAGES / 2) + phase * PAGES / 4;
	case 4:                                    /* slowly others */
		return skewed(r, PAGES / 2) + i * PAGES / REFS;
	default:                                   /* all sorts, and bursts */
		switch (rng_below(r, 4)) {
		case 0: return 2 * PAGES + i / 7 % loop;
		case 1: return PAGES + rng_below(r, loop);
		default: return skewed(r, PAGES);
		}
	}
}

static char *write_trace(struct rng *r, unsigned kind)
{
	g_autofree uint64_t *refs = g_new(uint64_t, REFS);
	char *path = NULL;
	int fd = g_file_open_tmp("vitrine-XXXXXX.bin64", &path, NULL);
	uint64_t scan = 0;

	for (uint64_t i = 0; i < REFS; i++)
		refs[i] = next_page(r, kind, i, &scan);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, refs, REFS * 8), REFS * 8);
	close(fd);
	return path;
}

/* Runs. */

/* For each policy and size an exact run, then a sampled one. */
static void add_jobs(struct replay_batch *b, unsigned trace)
{
	static const uint64_t sizes[SIZES] = { PAGES / 16, PAGES / 4 };

	for (unsigned i = 0; i < G_N_ELEMENTS(policies) * SIZES * 2; i++) {
		struct replay_job *j = g_new0(struct replay_job, 1);

		j->policy = policies[i / 2 / SIZES];
		j->frames = sizes[i / 2 % SIZES];
		j->exact = i % 2 == 0;
		g_ptr_array_add(b->jobs, j);
	}
	b->awaited = 0;
}

struct tally { unsigned runs, within[WITHIN]; double off, stated; };

static void compare(const struct replay_batch *b, uint64_t seed, unsigned kind, struct tally *all)
{
	for (unsigned i = 0; i < b->jobs->len; i += 2) {
		const struct replay_job *exact = g_ptr_array_index(b->jobs, i), *sampled = g_ptr_array_index(b->jobs, i + 1);
		struct tally *t = &all[i / 2 / SIZES];
		double off = fabs((double)exact->result.misses - (double)sampled->result.misses) / REFS;

		assert_int_equal(exact->state, REPLAY_DONE);
		assert_int_equal(sampled->state, REPLAY_DONE);
		assert_true(sampled->exact == (sampled->error == 0));
		if (sampled->exact) {
			assert_int_equal(exact->result.misses, sampled->result.misses);
			continue;
		}
		t->runs++;
		for (unsigned k = 0; k < WITHIN; k++)
			t->within[k] += off <= (k + 1) * sampled->error;
		t->off += off;
		t->stated += sampled->error;
		if (off > 6 * sampled->error)
			printf("seed %" PRIu64 ", kind %u: %s %" PRIu64 ": off by %.4f, stated %.4f\n", seed, kind, exact->policy, exact->frames, off,
			       sampled->error);
	}
}

static void one_trace(uint64_t seed, struct tally *all)
{
	struct replay_batch b = { .jobs = g_ptr_array_new_with_free_func(g_free), .sources = g_ptr_array_new(), .path = VM_REPLAY_FILTER,
				  .workers = 1, .seed = 1, .table_bytes = 64 << 20, .add_jobs = add_jobs, .awaited = 1 };
	struct replay_source *s = g_new0(struct replay_source, 1);
	struct rng r;
	unsigned kind;

	rng_seed(&r, seed, "sampled");
	kind = (unsigned)(seed % KINDS);
	b.sample = 0.1 + 0.1 * (double)rng_below(&r, 3);
	*s = (struct replay_source){ .path = write_trace(&r, kind), .format = TRACE_BIN64, .many = true, .count_pages = true };
	g_ptr_array_add(b.sources, s);
	replay_batch_run(&b);
	unlink(s->path);
	g_free((char *)s->path);
	compare(&b, seed, kind, all);
	replay_batch_clear(&b);
}

static void runs_keep_to_the_error_they_state(void **state)
{
	static const double wanted[WITHIN] = { 0.55, 0.85, 0.95 };
	struct tally all[G_N_ELEMENTS(policies)] = { 0 };

	printf("seed %" PRIu64 "\n", the_seed);
	for (unsigned i = 0; i < the_traces; i++)
		one_trace(the_seed + i, all);
	for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++) {
		const struct tally *t = &all[i];

		if (t->runs == 0)
			continue;
		printf("%-8s %4u sampled: %.2f within one error, %.2f two, %.3f three; off by %.4f, stated %.4f\n", policies[i], t->runs,
		       (double)t->within[0] / t->runs, (double)t->within[1] / t->runs, (double)t->within[2] / t->runs, t->off / t->runs,
		       t->stated / t->runs);
		fflush(stdout);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(policies); i++)
		for (unsigned k = 0; k < WITHIN; k++)
			assert_true((double)all[i].within[k] >= wanted[k] * all[i].runs);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(runs_keep_to_the_error_they_state) };

	the_seed = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 0) : 1;
	if (argc > 2)
		the_traces = (unsigned)g_ascii_strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
