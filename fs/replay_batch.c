/*
 * replay_batch.c - runs of traces on all cores.
 *
 * Each run has a world of its own, so nothing is shared but the references that are read. They come from the array of their
 * source, or from the trace itself.
 */
#include "replay_inner.h"

struct replay_source *replay_source_of(const struct replay_batch *b, const struct replay_job *j)
{
	return g_ptr_array_index(b->sources, j->trace);
}

static void count_refs(struct replay_batch *b, uint64_t n, double part_of_job)
{
	g_mutex_lock(&b->lock);
	b->refs_done += n;
	b->jobs_done += part_of_job;
	g_mutex_unlock(&b->lock);
}

/* How much of it has been taken, 0 to 1. */
static double part_taken(const struct replay_source *s, const struct trace *t, uint64_t refs)
{
	uint64_t done = refs, total = s->count;

	if (t)
		trace_progress(t, &done, &total);
	return total ? MIN(1.0, (double)done / (double)total) : 0;
}

int replay_feed(struct replay_batch *b, struct replay_source *s, replay_piece_fn *piece, void *to, struct err *e)
{
	struct trace *t = s->refs ? NULL : trace_open(s->path, s->format, b->stop, e);
	double part = 0, was;
	uint64_t at = 0;
	int r = 0;

	if (!s->refs && !t)
		return -e->code;
	for (;;) {
		const uint64_t *refs = s->refs + at;
		size_t n = MIN(s->count - at, (uint64_t)REPLAY_PIECE);

		if (replay_stopped(b)) {
			r = err_set(e, EINTR, -1, "interrupted");
			break;
		}
		if (t)
			r = trace_next(t, &refs, &n, e);
		if (r || n == 0)
			break;
		r = piece(to, refs, n, e);
		if (r)
			break;
		at += n;
		was = part;
		part = part_taken(s, t, at);
		count_refs(b, n, part - was);
	}
	count_refs(b, 0, r == -EINTR ? 0 : 1 - part);
	if (r == 0 && at == 0)
		r = err_set(e, EINVAL, -1, "it holds no reference");
	trace_close(t);
	return r;
}

static int run_piece(void *to, const uint64_t *refs, size_t n, struct err *e) { return vm_replay_run(to, refs, n, e); }
static int curve_piece(void *to, const uint64_t *refs, size_t n, struct err *e) { return vm_curve_run(to, refs, n, e); }

struct vm_replay_options replay_options_of(const struct replay_batch *b, const struct replay_job *j)
{
	const struct replay_source *s = replay_source_of(b, j);

	return (struct vm_replay_options) {
		.policy = j->policy, .frames = j->frames, .path = b->path, .level = { b->tlb[0], b->tlb[1] }, .seed = b->seed,
		.table_bytes = b->table_bytes, .next_use = s->next_use, .next_use_count = s->count,
	};
}

static int run_exact(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	struct vm_replay_options o = replay_options_of(b, j);
	struct vm_replay *r = vm_replay_new(&o, e);
	int rc;

	if (!r)
		return -e->code;
	rc = replay_feed(b, replay_source_of(b, j), run_piece, r, e);
	vm_replay_result(r, &j->result);
	vm_replay_free(r);
	return rc;
}

static int run_curve(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	j->curve = vm_curve_new(b->table_bytes, e);
	return j->curve ? replay_feed(b, replay_source_of(b, j), curve_piece, j->curve, e) : -e->code;
}

static int run_job(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	double rate;

	if (j->frames == 0)
		return run_curve(b, j, e);
	rate = j->exact ? 1 : replay_sample_rate(b, j);
	if (rate >= 1) {
		j->exact = true;
		return run_exact(b, j, e);
	}
	return replay_sampled(b, j, rate, e);
}

/* Told under the lock. */
static void end_job(struct replay_batch *b, struct replay_job *j, bool good, const struct err *e)
{
	struct replay_source *s = replay_source_of(b, j);

	j->state = good ? REPLAY_DONE : REPLAY_FAILED;
	if (!good && !s->failed) {
		s->failed = true;
		s->err = *e;
	}
	b->done += good || !replay_stopped(b);
}

/*
 * What there is to do: jobs, then the next source; while somebody else prepares that, nothing. So sources are prepared one at a
 * time and in order, and as late as they can be without a worker at rest. False: there is nothing left.
 */
static bool work(struct replay_batch *b)
{
	struct replay_job *j;
	struct err e = { 0 };
	bool good;

	if (replay_stopped(b))
		return false;
	if (b->next < b->jobs->len) {
		j = g_ptr_array_index(b->jobs, b->next++);
		good = !replay_source_of(b, j)->failed;
		g_mutex_unlock(&b->lock);
		good = good && run_job(b, j, &e) == 0;
		g_mutex_lock(&b->lock);
		end_job(b, j, good, &e);
	} else if (b->preparing) {
		g_cond_wait(&b->more, &b->lock);
	} else if (b->next_source < b->sources->len) {
		unsigned trace = b->next_source++;

		b->preparing = g_ptr_array_index(b->sources, trace);
		g_mutex_unlock(&b->lock);
		replay_batch_prepare(b, trace);
		g_mutex_lock(&b->lock);
		g_cond_broadcast(&b->more);
	} else {
		return false;
	}
	return true;
}

static void *worker(void *arg)
{
	struct replay_batch *b = arg;

	g_mutex_lock(&b->lock);
	while (work(b))
		;
	g_mutex_unlock(&b->lock);
	return NULL;
}

void replay_batch_run(struct replay_batch *b)
{
	g_autoptr(GPtrArray) threads = g_ptr_array_new();

	replay_bar_begin(b);
	for (unsigned i = 0; i < MIN(b->workers, b->awaited) || (b->at_least && i < b->workers); i++)
		g_ptr_array_add(threads, g_thread_new("replay", worker, b));
	for (unsigned i = 0; i < threads->len; i++)
		g_thread_join(g_ptr_array_index(threads, i));
	replay_bar_end(b);
}

void replay_batch_clear(struct replay_batch *b)
{
	for (unsigned i = 0; i < b->jobs->len; i++)
		vm_curve_free(((struct replay_job *)g_ptr_array_index(b->jobs, i))->curve);
	for (unsigned i = 0; i < b->sources->len; i++)
		replay_source_free(g_ptr_array_index(b->sources, i));
	g_ptr_array_unref(b->jobs);
	g_ptr_array_unref(b->sources);
	g_cond_clear(&b->more);
	g_mutex_clear(&b->lock);
}
