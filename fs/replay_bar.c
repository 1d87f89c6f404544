/* replay_bar.c - how far runs are, on a terminal: a thread that draws a bar. */
#include "replay_inner.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BAR_MS = 100, COLUMNS_UNKNOWN = 80 };

static unsigned all_jobs(const struct replay_batch *b) { return b->jobs->len + b->awaited; }

static void put_preparing(const struct replay_batch *b, GString *out)
{
	const struct replay_source *s = b->preparing;

	if (s->phase == PHASE_AHEAD)
		g_string_append_printf(out, "looking ahead in %.40s", s->path);
	else if (s->phase == PHASE_COUNT)
		g_string_append_printf(out, "counting pages of %.40s", s->path);
	else if (b->prepared_total)
		g_string_append_printf(out, "reading %.40s  %3.0f%%", s->path, 100 * (double)b->prepared_done / (double)b->prepared_total);
	else
		g_string_append_printf(out, "reading %.40s  %" PRIu64 " MiB", s->path, b->prepared_done >> 20);
}

static void put_bar(const struct replay_batch *b, double seconds, GString *out)
{
	double part = MIN(1.0, b->jobs_done / all_jobs(b));
	char bar[31] = "";
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	memset(bar, '-', 30);
	memset(bar, '#', (size_t)(30 * part));
	g_string_append_printf(out, "[%s] %u of %u%s runs  %.0f M refs/s  %ld MiB", bar, b->done, all_jobs(b), b->at_least && b->awaited ? "+" : "",
			       (double)b->refs_done / 1e6 / MAX(seconds, 1e-3), u.ru_maxrss / 1024);
}

/* Printable, and shorter than the terminal is wide: what goes on in a next line stays there when the first is drawn again. */
static void fit(GString *line)
{
	struct winsize size = { 0 };
	size_t most = ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col - 1 : COLUMNS_UNKNOWN - 1;

	for (size_t i = 0; i < line->len; i++)
		if (g_ascii_iscntrl(line->str[i]))
			line->str[i] = '?';
	if (line->len <= most)
		return;
	while (most > 0 && (line->str[most] & 0xc0) == 0x80)     /* not inside a character */
		most--;
	g_string_truncate(line, most);
}

/* Runs that are under way or over, what is being prepared for the next ones, or both. */
static void draw(struct replay_batch *b, gint64 since)
{
	g_autoptr(GString) out = g_string_new(NULL);

	g_mutex_lock(&b->lock);
	if (b->jobs->len)
		put_bar(b, (double)(g_get_monotonic_time() - since) / 1e6, out);
	if (b->jobs->len && b->preparing)
		put_text(out, "  ");
	if (b->preparing)
		put_preparing(b, out);
	g_mutex_unlock(&b->lock);
	fit(out);
	fprintf(stderr, "\r\033[K%s", out->str);
	fflush(stderr);
}

/* What stays on the terminal. */
static void sum_up(struct replay_batch *b, gint64 since)
{
	double seconds = (double)(g_get_monotonic_time() - since) / 1e6;
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	fprintf(stderr, "\r\033[K%u of %u%s runs, %.1f M references in %.1f s, %ld MiB of memory at most\n", b->done, all_jobs(b),
		b->at_least && b->awaited ? "+" : "", (double)b->refs_done / 1e6, seconds, u.ru_maxrss / 1024);
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
