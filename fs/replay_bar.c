/* replay_bar.c - how far runs are, on a terminal: a thread that draws a bar. */
#include "replay_inner.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

enum { BAR_MS = 100 };

static void draw(struct replay_batch *b, gint64 since)
{
	double seconds = (double)(g_get_monotonic_time() - since) / 1e6, part;
	char bar[31] = "";
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	g_mutex_lock(&b->lock);
	if (b->preparing && b->ahead) {
		fprintf(stderr, "\r\033[Klooking ahead in %.40s", b->preparing);
	} else if (b->preparing && b->prepared_total) {
		part = (double)b->prepared_done / (double)b->prepared_total;
		fprintf(stderr, "\r\033[Kreading %.40s  %3.0f%%", b->preparing, 100 * part);
	} else if (b->preparing) {
		fprintf(stderr, "\r\033[Kreading %.40s  %" PRIu64 " MiB", b->preparing, b->prepared_done >> 20);
	} else if (b->jobs->len) {
		part = MIN(1.0, b->jobs_done / b->jobs->len);
		memset(bar, '-', 30);
		memset(bar, '#', (size_t)(30 * part));
		fprintf(stderr, "\r\033[K[%s] %u of %u runs  %.0f M refs/s  %ld MiB", bar, b->done, b->jobs->len,
			(double)b->refs_done / 1e6 / MAX(seconds, 1e-3), u.ru_maxrss / 1024);
	}
	g_mutex_unlock(&b->lock);
	fflush(stderr);
}

/* What stays on the terminal. */
static void sum_up(struct replay_batch *b, gint64 since)
{
	double seconds = (double)(g_get_monotonic_time() - since) / 1e6;
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	fprintf(stderr, "\r\033[K%u of %u runs, %.1f M references in %.1f s, %ld MiB of memory at most\n", b->done, b->jobs->len,
		(double)b->refs_done / 1e6, seconds, u.ru_maxrss / 1024);
}

static void *drawer(void *arg)
{
	struct replay_batch *b = arg;
	gint64 since = g_get_monotonic_time();

	while (g_atomic_int_get(&b->drawing)) {
		draw(b, since);
		g_usleep(BAR_MS * 1000);
	}
	sum_up(b, since);
	return NULL;
}

void replay_bar_begin(struct replay_batch *b)
{
	if (!b->progress)
		return;
	b->drawing = 1;
	b->bar = g_thread_new("bar", drawer, b);
}

void replay_bar_end(struct replay_batch *b)
{
	if (!b->bar)
		return;
	g_atomic_int_set(&b->drawing, 0);
	g_thread_join(b->bar);
}
