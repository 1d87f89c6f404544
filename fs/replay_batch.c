/*
 * replay_batch.c - runs of traces on all cores.
 *
 * A trace that several runs need is read once: into a file without a name, one 64-bit word a reference, that all
 * threads map. A bin64 file is that already. Each run has a world of its own, so nothing is shared but what is read.
 */
#include "replay.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PIECE = 1 << 16, BAR_MS = 100 };

static bool stopped(const struct replay_batch *b)
{
	return b->stop && *b->stop;
}

static struct replay_source *source_of(const struct replay_batch *b, const struct replay_job *j)
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

static void count_prepared(struct replay_batch *b, const struct trace *t)
{
	g_mutex_lock(&b->lock);
	trace_progress(t, &b->prepared_done, &b->prepared_total);
	g_mutex_unlock(&b->lock);
}

/* Preparing. */

static int nameless_file(struct err *e)
{
	const char *dir = getenv("TMPDIR");
	g_autofree char *name = g_build_filename(dir && *dir ? dir : "/tmp", "vitrine-XXXXXX", NULL);
	int fd = g_mkstemp(name);

	if (fd < 0)
		return err_set(e, errno, -1, "%s: %s", name, g_strerror(errno));
	unlink(name);
	return fd;
}

/* What is wrong with a file of nameless_file(). */
static int copy_failed(int code, struct err *e)
{
	return err_set(e, code, -1, "the temporary copy: %s (TMPDIR says where it goes)", g_strerror(code));
}

static int write_all(int fd, const void *from, size_t len, struct err *e)
{
	const char *at = from;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return copy_failed(errno, e);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int copy_refs(struct replay_batch *b, struct replay_source *s, struct trace *t, int fd)
{
	const uint64_t *refs;
	size_t n;

	for (;;) {
		if (stopped(b))
			return err_set(&s->err, EINTR, -1, "interrupted");
		if (trace_next(t, &refs, &n, &s->err))
			return -s->err.code;
		if (n == 0)
			return 0;
		if (write_all(fd, refs, n * 8, &s->err))
			return -s->err.code;
		s->count += n;
		count_prepared(b, t);
	}
}

static int map_copy(struct replay_source *s, int fd)
{
	void *p;

	s->bytes = s->count * 8;
	if (s->count == 0)
		return err_set(&s->err, EINVAL, -1, "it holds no reference");
	p = mmap(NULL, s->bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_set(&s->err, errno, -1, "%s", g_strerror(errno));
	s->refs = p;
	return 0;
}

/* Checks an array in place as trace_next() does. */
static int check_array(struct replay_batch *b, struct replay_source *s)
{
	const uint64_t *refs;
	size_t n;

	do {
		if (stopped(b))
			return err_set(&s->err, EINTR, -1, "interrupted");
		if (trace_next(s->keep, &refs, &n, &s->err))
			return -s->err.code;
		s->count += n;
		count_prepared(b, s->keep);
	} while (n > 0);
	return s->count ? 0 : err_set(&s->err, EINVAL, -1, "it holds no reference");
}

static int prepare_refs(struct replay_batch *b, struct replay_source *s)
{
	struct trace *t = trace_open(s->path, s->format, b->stop, &s->err);
	int fd, r;

	if (!t)
		return -s->err.code;
	s->refs = trace_array(t, &s->count);
	s->count = 0;
	s->keep = t;
	if (s->refs)
		return check_array(b, s);
	fd = nameless_file(&s->err);
	r = fd < 0 ? fd : copy_refs(b, s, t, fd);
	if (r == 0)
		r = map_copy(s, fd);
	if (fd >= 0)
		close(fd);
	return r;
}

/* In a file too when it is large, so that memory stays bounded. */
static int prepare_future(struct replay_batch *b, struct replay_source *s)
{
	uint64_t bytes = s->count * sizeof(uint32_t);
	int fd = nameless_file(&s->err), r;
	void *p;

	if (fd < 0)
		return fd;
	r = s->count < UINT32_MAX ? posix_fallocate(fd, 0, (off_t)bytes) : 0;   /* not on a full disk: a mapping cannot tell */
	if (r) {
		close(fd);
		return copy_failed(r, &s->err);
	}
	p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return err_set(&s->err, errno, -1, "%s", g_strerror(errno));
	s->next_use = p;
	b->ahead = true;
	return vm_next_use(s->refs, s->count, s->next_use, b->table_bytes, &s->err);
}

/* The bucket of a page, 0 to REPLAY_BUCKETS - 1. */
static uint64_t hash_page(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) >> 48;
}

static int count_pages(struct replay_batch *b, struct replay_source *s)
{
	struct vm_pages *pages = vm_pages_new(b->table_bytes, &s->err);
	uint64_t number;
	bool fresh;

	if (!pages)
		return -s->err.code;
	s->spread = g_new0(uint32_t, REPLAY_BUCKETS);
	for (uint64_t i = 0; i < s->count; i++) {
		if (i % PIECE == 0 && stopped(b)) {
			err_set(&s->err, EINTR, -1, "interrupted");
			break;
		}
		if (vm_pages_number(pages, s->refs[i], &number, &fresh, &s->err))
			break;
		if (!fresh)
			continue;
		s->pages++;
		s->spread[hash_page(vm_ref_where(s->refs[i]))]++;
	}
	vm_pages_free(pages);
	return -s->err.code;
}

static void prepare(struct replay_batch *b, struct replay_source *s)
{
	int r = 0;

	b->preparing = s->path;
	if (s->opt || s->many || s->count_pages)
		r = prepare_refs(b, s);
	if (r == 0 && s->count_pages)
		r = count_pages(b, s);
	if (r == 0 && s->opt)
		r = prepare_future(b, s);
	b->preparing = NULL;
	b->ahead = false;
	s->prepared = true;
	s->failed = r != 0;
}

/* Running. The references of a source come from its array, or from the trace itself. */

/* How much of it has been taken, 0 to 1. */
static double part_taken(const struct replay_source *s, const struct trace *t, uint64_t refs)
{
	uint64_t done = refs, total = s->count;

	if (t)
		trace_progress(t, &done, &total);
	return total ? MIN(1.0, (double)done / (double)total) : 0;
}

typedef int piece_fn(void *to, const uint64_t *refs, size_t n, struct err *e);

static int feed(struct replay_batch *b, struct replay_source *s, piece_fn *piece, void *to, struct err *e)
{
	struct trace *t = s->refs ? NULL : trace_open(s->path, s->format, b->stop, e);
	double part = 0, was;
	uint64_t at = 0;
	int r = 0;

	if (!s->refs && !t)
		return -e->code;
	for (;;) {
		const uint64_t *refs = s->refs + at;
		size_t n = MIN(s->count - at, (uint64_t)PIECE);

		if (stopped(b)) {
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

static struct vm_replay_options options_of(const struct replay_batch *b, const struct replay_job *j)
{
	const struct replay_source *s = source_of(b, j);

	return (struct vm_replay_options) {
		.policy = j->policy, .frames = j->frames, .path = b->path, .level = { b->tlb[0], b->tlb[1] }, .seed = b->seed,
		.table_bytes = b->table_bytes, .next_use = s->next_use, .next_use_count = s->count,
	};
}

static int run_exact(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	struct vm_replay_options o = options_of(b, j);
	struct vm_replay *r = vm_replay_new(&o, e);
	int rc;

	if (!r)
		return -e->code;
	rc = feed(b, source_of(b, j), run_piece, r, e);
	vm_replay_result(r, &j->result);
	vm_replay_free(r);
	return rc;
}

static int run_curve(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	j->curve = vm_curve_new(b->table_bytes, e);
	return j->curve ? feed(b, source_of(b, j), curve_piece, j->curve, e) : -e->code;
}

/*
 * Sampled: pages fall by a hash into CLASSES classes and a rest that is left out; each class is replayed with as large a
 * part of the frames as it has of all pages (SHARDS: Waldspurger et al., FAST 2015; how many pages a class has is known
 * here, not estimated); and so are all of them together, which gives the result. Two things make its error: classes are
 * independent samples, so how much they differ tells how much chance does; and a small machine is not just a large one seen from
 * afar, so the classes are all wrong in one direction: how far their mean is from the result, whose machine is four times
 * as large, tells how much of that there is.
 */
enum { CLASSES = 4, TOGETHER = CLASSES, SAMPLES, ENOUGH_PAGES = 1 << 15, LEAST_FRAMES = 16 };

struct sampler {
	struct vm_replay *replay[SAMPLES];
	uint64_t width;               /* buckets of a class */
	double   part[SAMPLES];       /* of all pages */
	uint64_t *piece[SAMPLES];     /* PIECE references each */
};

static int sample_piece(void *to, const uint64_t *refs, size_t n, struct err *e)
{
	struct sampler *s = to;
	size_t got[SAMPLES] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint64_t class = hash_page(vm_ref_where(refs[i])) / s->width;

		if (class < CLASSES) {
			s->piece[class][got[class]++] = refs[i];
			s->piece[TOGETHER][got[TOGETHER]++] = refs[i];
		}
	}
	for (unsigned k = 0; k < SAMPLES; k++)
		if (vm_replay_run(s->replay[k], s->piece[k], got[k], e))
			return -e->code;
	return 0;
}

/* Miss ratios are over the references that the part of the pages should have had. */
static void sample_result(const struct sampler *s, struct replay_job *j, uint64_t refs)
{
	double ratio[SAMPLES], mean = 0, square = 0, far;

	for (unsigned k = 0; k < SAMPLES; k++) {
		struct vm_replay_result r;

		vm_replay_result(s->replay[k], &r);
		ratio[k] = MIN(1.0, (double)r.misses / ((double)refs * s->part[k]));
		mean += k < CLASSES ? ratio[k] / CLASSES : 0;
	}
	for (unsigned k = 0; k < CLASSES; k++)
		square += (ratio[k] - mean) * (ratio[k] - mean);
	far = ratio[TOGETHER] - mean;
	j->error = sqrt(square / (CLASSES - 1) / CLASSES + far * far);
	j->result.refs = refs;
	j->result.misses = MIN(refs, (uint64_t)llround(ratio[TOGETHER] * (double)refs));
	j->result.hits = refs - j->result.misses;
}

static void sampler_clear(struct sampler *s)
{
	for (unsigned k = 0; k < SAMPLES; k++) {
		vm_replay_free(s->replay[k]);
		g_free(s->piece[k]);
	}
}

static double sample_rate(const struct replay_batch *b, const struct replay_job *j)
{
	const struct replay_source *src = source_of(b, j);
	double rate = b->sample > 0 ? b->sample : (double)ENOUGH_PAGES / (double)MAX(1, src->pages);

	/* Less than that many frames in a class say little. */
	return MAX(rate, (double)LEAST_FRAMES * CLASSES / (double)j->frames);
}

static int sampler_init(struct replay_batch *b, struct replay_job *j, double rate, struct sampler *s, struct err *e)
{
	struct vm_replay_options o = options_of(b, j);
	const struct replay_source *src = source_of(b, j);

	s->width = MAX(1, (uint64_t)(rate / CLASSES * REPLAY_BUCKETS));
	o.path = VM_REPLAY_FILTER;
	for (unsigned k = 0; k < SAMPLES; k++) {
		uint64_t pages = 0, from = k == TOGETHER ? 0 : k, to = MIN(k + 1, CLASSES);

		for (uint64_t i = from * s->width; i < to * s->width; i++)
			pages += src->spread[i];
		s->part[k] = (double)MAX(1, pages) / (double)src->pages;
		o.frames = MAX(1, (uint64_t)llround((double)j->frames * s->part[k]));
		s->replay[k] = vm_replay_new(&o, e);
		s->piece[k] = g_new(uint64_t, PIECE);
		if (!s->replay[k])
			return -e->code;
	}
	return 0;
}

static int run_sampled(struct replay_batch *b, struct replay_job *j, double rate, struct err *e)
{
	struct sampler s = { 0 };
	int r = sampler_init(b, j, rate, &s, e);

	if (r == 0)
		r = feed(b, source_of(b, j), sample_piece, &s, e);
	if (r == 0)
		sample_result(&s, j, source_of(b, j)->count);
	sampler_clear(&s);
	return r;
}

static int run_job(struct replay_batch *b, struct replay_job *j, struct err *e)
{
	double rate;

	if (j->frames == 0)
		return run_curve(b, j, e);
	rate = j->exact ? 1 : sample_rate(b, j);
	if (rate >= 1) {
		j->exact = true;
		return run_exact(b, j, e);
	}
	return run_sampled(b, j, rate, e);
}

static void *worker(void *arg)
{
	struct replay_batch *b = arg;

	for (;;) {
		struct replay_source *s;
		struct err e = { 0 };
		struct replay_job *j;
		bool good;

		g_mutex_lock(&b->lock);
		j = b->next < b->jobs->len && !stopped(b) ? &g_array_index(b->jobs, struct replay_job, b->next++) : NULL;
		g_mutex_unlock(&b->lock);
		if (!j)
			return NULL;
		s = source_of(b, j);
		good = !s->failed && run_job(b, j, &e) == 0;
		g_mutex_lock(&b->lock);
		j->state = good ? REPLAY_DONE : REPLAY_FAILED;
		if (!good && !s->failed) {
			s->failed = true;
			s->err = e;
		}
		b->done += good || !stopped(b);
		g_mutex_unlock(&b->lock);
	}
}

/* The bar. */

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

void replay_batch_prepare(struct replay_batch *b)
{
	if (b->progress) {
		b->drawing = 1;
		b->bar = g_thread_new("bar", drawer, b);
	}
	for (unsigned i = 0; i < b->sources->len && !stopped(b); i++)
		prepare(b, g_ptr_array_index(b->sources, i));
}

void replay_batch_run(struct replay_batch *b)
{
	g_autoptr(GPtrArray) threads = g_ptr_array_new();

	for (unsigned i = 0; i < MIN(b->workers, b->jobs->len); i++)
		g_ptr_array_add(threads, g_thread_new("replay", worker, b));
	for (unsigned i = 0; i < threads->len; i++)
		g_thread_join(g_ptr_array_index(threads, i));
	if (b->bar) {
		g_atomic_int_set(&b->drawing, 0);
		g_thread_join(b->bar);
	}
}

void replay_batch_clear(struct replay_batch *b)
{
	for (unsigned i = 0; i < b->jobs->len; i++)
		vm_curve_free(g_array_index(b->jobs, struct replay_job, i).curve);
	for (unsigned i = 0; i < b->sources->len; i++) {
		struct replay_source *s = g_ptr_array_index(b->sources, i);

		if (s->next_use)
			munmap(s->next_use, s->count * sizeof(uint32_t));
		if (s->refs && s->bytes)
			munmap((void *)s->refs, s->bytes);
		trace_close(s->keep);
		g_free(s->spread);
		g_free(s);
	}
	g_array_unref(b->jobs);
	g_ptr_array_unref(b->sources);
	g_mutex_clear(&b->lock);
}
