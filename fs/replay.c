/* replay.c - `vitrine replay`: from what was asked for to runs, and what became of them. */
#include "replay_inner.h"
#include "say.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { CURVE_SIZES = 40 };

/* What is to be done. */

static void add_job(struct replay_settings *s, unsigned trace, const char *policy, uint64_t frames)
{
	bool exact = !s->curve || g_str_has_prefix(policy, "opt");     /* who knows the future knows that of all pages */
	struct replay_job *j = g_new(struct replay_job, 1);

	*j = (struct replay_job){ .trace = trace, .policy = policy, .frames = frames, .exact = exact };
	g_ptr_array_add(s->batch.jobs, j);
}

/* Sizes for a sampled curve, closer together where they are small, up to all pages. */
static void curve_sizes(uint64_t pages, GArray *frames)
{
	double step = MAX(1.05, exp2(log2((double)MAX(2, pages)) / CURVE_SIZES)), at = 1;
	uint64_t last = 0;

	for (; at < (double)pages; at *= step)
		if ((uint64_t)at > last) {
			last = (uint64_t)at;
			g_array_append_val(frames, last);
		}
	g_array_append_val(frames, pages);
}

/* The LRU curve is one job; other policies are sampled at the sizes asked for, or at some. */
static void add_curve(struct replay_settings *s, unsigned trace, const char *policy)
{
	struct replay_source *src = g_ptr_array_index(s->batch.sources, trace);
	g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(uint64_t));

	if (!strcmp(policy, "lru")) {
		add_job(s, trace, policy, 0);
		return;
	}
	if (s->frames->len == 0)
		curve_sizes(src->pages, sizes);
	for (unsigned i = 0; i < s->frames->len + sizes->len; i++)
		add_job(s, trace, policy, i < sizes->len ? g_array_index(sizes, uint64_t, i) :
			g_array_index(s->frames, uint64_t, i - sizes->len));
}

/* How many jobs a trace will have, or at least. */
static unsigned jobs_awaited(const struct replay_settings *s)
{
	unsigned jobs = 0;

	for (unsigned p = 0; p < s->policies->len; p++)
		jobs += s->curve && !strcmp(g_ptr_array_index(s->policies, p), "lru") ? 1 : MAX(1, s->frames->len);
	return jobs;
}

static void add_jobs(struct replay_batch *b, unsigned trace)
{
	struct replay_settings *s = b->owner;

	for (unsigned p = 0; p < s->policies->len; p++) {
		const char *policy = g_ptr_array_index(s->policies, p);

		if (s->curve)
			add_curve(s, trace, policy);
		for (unsigned i = 0; !s->curve && i < s->frames->len; i++)
			add_job(s, trace, policy, g_array_index(s->frames, uint64_t, i));
	}
	b->awaited -= jobs_awaited(s);
}

/* What the jobs of each trace will need of it. */
static void add_sources(struct replay_settings *s, char **paths, int n)
{
	bool opt = false, other = false;

	for (unsigned p = 0; p < s->policies->len; p++) {
		opt |= g_str_has_prefix(g_ptr_array_index(s->policies, p), "opt");
		other |= strcmp(g_ptr_array_index(s->policies, p), "lru") != 0;
	}
	for (int i = 0; i < n; i++) {
		struct replay_source *src = g_new0(struct replay_source, 1);

		src->path = paths[i];
		src->format = s->format;
		src->opt = opt;
		src->many = s->steps || s->policies->len * s->frames->len > 1;
		src->count_pages = s->curve && other;
		g_ptr_array_add(s->batch.sources, src);
	}
	s->batch.owner = s;
	s->batch.add_jobs = add_jobs;
	s->batch.awaited = (unsigned)n * jobs_awaited(s);
	s->batch.at_least = s->curve && other && s->frames->len == 0;
}

/* What became of it. */

static unsigned count_done(const struct replay_settings *s)
{
	unsigned done = 0;

	for (unsigned i = 0; i < s->batch.jobs->len; i++)
		done += ((struct replay_job *)g_ptr_array_index(s->batch.jobs, i))->state == REPLAY_DONE;
	return done;
}

/* What became of traces whose runs had not even begun. */
static void put_unprepared(const struct replay_settings *s, GString *out)
{
	static const char *const was[REPLAY_PHASES] = { [PHASE_READ] = "was being read", [PHASE_COUNT] = "was having its pages counted",
							[PHASE_AHEAD] = "was being looked ahead in" };
	const struct replay_batch *b = &s->batch;
	unsigned waiting = 0;

	for (unsigned i = 0; i < b->sources->len; i++) {
		const struct replay_source *src = g_ptr_array_index(b->sources, i);

		waiting += src->phase == PHASE_WAITS;
		if (!src->failed || src->err.code != EINTR || !was[src->phase])
			continue;
		g_string_append_printf(out, "; %s %s", src->path, was[src->phase]);
		if (src->phase == PHASE_READ && b->prepared_total)
			g_string_append_printf(out, " (%.0f%%)", 100 * (double)b->prepared_done / (double)b->prepared_total);
	}
	if (waiting)
		g_string_append_printf(out, "; %u %s not begun", waiting, waiting == 1 ? "trace was" : "traces were");
}

static int report_stop(const struct replay_settings *s)
{
	unsigned done = count_done(s), all = s->batch.jobs->len + s->batch.awaited;
	g_autoptr(GString) rest = g_string_new(NULL);

	if (done == all)
		return OK;
	put_unprepared(s, rest);
	fail("interrupted: %u of %s%u runs are done%s", done, s->batch.at_least && s->batch.awaited ? "at least " : "", all, rest->str);
	return replay_signalled();
}

static int report(const struct replay_settings *s)
{
	int rc = OK;

	if (replay_stopped(&s->batch))
		return report_stop(s);
	for (unsigned i = 0; i < s->batch.sources->len; i++) {
		const struct replay_source *src = g_ptr_array_index(s->batch.sources, i);

		if (src->failed)
			rc = fail("%s: %s", src->path, src->err.why);
	}
	return rc;
}

static void run_job_steps(struct replay_settings *s, struct replay_job *j, struct replay_steps *out)
{
	struct replay_source *src = replay_source_of(&s->batch, j);

	if (src->failed)
		return;
	src->failed = replay_steps(&s->batch, j, out, &src->err) != 0;
	j->state = src->failed || replay_stopped(&s->batch) ? REPLAY_FAILED : REPLAY_DONE;
}

static int run_steps(struct replay_settings *s)
{
	struct replay_steps out = { .to = stdout, .format = s->output, .several = s->batch.awaited > 1 };
	unsigned done = 0;

	for (unsigned t = 0; t < s->batch.sources->len && !replay_stopped(&s->batch) && !out.failed; t++) {
		replay_batch_prepare(&s->batch, t);
		for (; done < s->batch.jobs->len && !replay_stopped(&s->batch) && !out.failed; done++)
			run_job_steps(s, g_ptr_array_index(s->batch.jobs, done), &out);
	}
	replay_steps_end(&out);
	if (fflush(stdout) || out.failed)
		return fail("the rows: %s", g_strerror(out.failed ? out.failed : errno));
	return report(s);
}

/* Interrupted, it prints a table too: of no rows, perhaps. */
static int run_all(struct replay_settings *s)
{
	int printed = OK, rc;

	replay_batch_run(&s->batch);
	if (count_done(s) || replay_stopped(&s->batch))
		printed = replay_print(s);
	rc = report(s);
	return printed ? printed : rc;
}

int replay_main(int argc, char **argv)
{
	struct replay_settings s;
	int rc;

	replay_settings_init(&s);
	rc = replay_settings_parse(&s, argc, argv);
	if (rc == OK && !s.help) {
		s.batch.stop = replay_catch_signals(true);
		add_sources(&s, argv + optind, argc - optind);
		rc = s.steps ? run_steps(&s) : run_all(&s);
	}
	replay_settings_clear(&s);
	return rc;
}
