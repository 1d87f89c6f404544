/* replay.c - `vitrine replay`: from what was asked for to runs, and what became of them. */
#include "replay_inner.h"
#include "say.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { CURVE_SIZES = 40 };

static volatile sig_atomic_t stop;

/* timeout(1) sends its signal twice; who asks a third time does not want to wait for the table. */
static void on_signal(int sig)
{
	static volatile sig_atomic_t asked;

	stop = 1;
	if (++asked > 2)
		_exit(FAILED);
}

/* A mapped trace that gets shorter is no longer there to be read. */
static void on_bus(int sig)
{
	static const char text[] = "vitrine: a trace got shorter while it was read\n";

	_exit(write(2, text, sizeof(text) - 1) < 0 ? FAILED : FAILED);
}

const volatile sig_atomic_t *replay_catch_signals(void)
{
	struct sigaction on_stop = { .sa_handler = on_signal }, on_lost = { .sa_handler = on_bus };

	sigaction(SIGINT, &on_stop, NULL);
	sigaction(SIGTERM, &on_stop, NULL);
	sigaction(SIGBUS, &on_lost, NULL);
	return &stop;
}

/* What is to be done. */

static void add_job(struct replay_settings *s, unsigned trace, const char *policy, uint64_t frames)
{
	bool exact = !s->curve || g_str_has_prefix(policy, "opt");     /* who knows the future knows that of all pages */
	struct replay_job j = { .trace = trace, .policy = policy, .frames = frames, .exact = exact };

	g_array_append_val(s->batch.jobs, j);
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

static void add_jobs(struct replay_settings *s)
{
	for (unsigned t = 0; t < s->batch.sources->len; t++)
		for (unsigned p = 0; p < s->policies->len; p++) {
			const char *policy = g_ptr_array_index(s->policies, p);

			if (s->curve)
				add_curve(s, t, policy);
			for (unsigned i = 0; !s->curve && i < s->frames->len; i++)
				add_job(s, t, policy, g_array_index(s->frames, uint64_t, i));
		}
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
}

/* What became of it. */

static unsigned count_done(const struct replay_settings *s)
{
	unsigned done = 0;

	for (unsigned i = 0; i < s->batch.jobs->len; i++)
		done += g_array_index(s->batch.jobs, struct replay_job, i).state == REPLAY_DONE;
	return done;
}

static int report(const struct replay_settings *s)
{
	int rc = OK;

	for (unsigned i = 0; i < s->batch.sources->len && !replay_stopped(&s->batch); i++) {
		const struct replay_source *src = g_ptr_array_index(s->batch.sources, i);

		if (!src->failed)
			continue;
		rc = fail("%s: %s", src->path, src->err.why);
	}
	if (replay_stopped(&s->batch))
		rc = fail("interrupted: %u of %u runs are done", count_done(s), s->batch.jobs->len);
	return rc;
}

static int run_steps(struct replay_settings *s)
{
	struct replay_steps out = { .to = stdout, .format = s->output, .several = s->batch.jobs->len > 1 };

	for (unsigned i = 0; i < s->batch.jobs->len && !replay_stopped(&s->batch) && !out.failed; i++) {
		struct replay_job *j = &g_array_index(s->batch.jobs, struct replay_job, i);
		struct replay_source *src = g_ptr_array_index(s->batch.sources, j->trace);

		if (src->failed)
			continue;
		src->failed = replay_steps(&s->batch, j, &out, &src->err) != 0;
		j->state = src->failed || replay_stopped(&s->batch) ? REPLAY_FAILED : REPLAY_DONE;
	}
	replay_steps_end(&out);
	if (fflush(stdout) || out.failed)
		return fail("the rows: %s", g_strerror(out.failed ? out.failed : errno));
	return report(s);
}

static int run_all(struct replay_settings *s)
{
	int rc;

	replay_batch_prepare(&s->batch);
	add_jobs(s);
	if (s->steps)
		return run_steps(s);
	replay_batch_run(&s->batch);
	rc = count_done(s) ? replay_print(s) : OK;
	return report(s) | rc;
}

int replay_main(int argc, char **argv)
{
	struct replay_settings s;
	int rc;

	replay_settings_init(&s);
	rc = replay_settings_parse(&s, argc, argv);
	if (rc == OK && !s.help) {
		s.batch.stop = replay_catch_signals();
		s.batch.progress &= !s.steps;
		add_sources(&s, argv + optind, argc - optind);
		rc = run_all(&s);
	}
	replay_settings_clear(&s);
	return rc;
}
