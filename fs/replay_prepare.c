/*
 * replay_prepare.c - traces, made ready for runs.
 *
 * A trace that several runs need is read once: into a file without a name, one 64-bit word a reference, that all
 * threads map. A bin64 file is that already.
 */
#include "replay_inner.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void count_prepared(struct replay_batch *b, const struct trace *t)
{
	g_mutex_lock(&b->lock);
	trace_progress(t, &b->prepared_done, &b->prepared_total);
	g_mutex_unlock(&b->lock);
}

static int nameless_file(struct err *e)
{
	const char *set = getenv("TMPDIR"), *dir = set && *set ? set : "/tmp";
	g_autofree char *name = g_build_filename(dir, "vitrine-XXXXXX", NULL);
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	fd = g_mkstemp(name);              /* not every file system has files that never had a name */
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
		if (replay_stopped(b))
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
		if (replay_stopped(b))
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
	return vm_next_use(s->refs, s->count, s->next_use, b->table_bytes, b->stop, &s->err);
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
		if (i % REPLAY_PIECE == 0 && replay_stopped(b)) {
			err_set(&s->err, EINTR, -1, "interrupted");
			break;
		}
		if (vm_pages_number(pages, s->refs[i], &number, &fresh, &s->err))
			break;
		if (!fresh)
			continue;
		s->pages++;
		s->spread[replay_bucket(vm_ref_where(s->refs[i]))]++;
	}
	vm_pages_free(pages);
	return -s->err.code;
}

static void begin_phase(struct replay_batch *b, struct replay_source *s, enum replay_phase phase)
{
	g_mutex_lock(&b->lock);
	s->phase = phase;
	if (phase == PHASE_READ)
		b->prepared_done = b->prepared_total = 0;
	g_mutex_unlock(&b->lock);
}

static int prepare(struct replay_batch *b, struct replay_source *s)
{
	begin_phase(b, s, PHASE_READ);
	if ((s->opt || s->many || s->count_pages) && prepare_refs(b, s))
		return -s->err.code;
	begin_phase(b, s, PHASE_COUNT);
	if (s->count_pages && count_pages(b, s))
		return -s->err.code;
	begin_phase(b, s, PHASE_AHEAD);
	if (s->opt && prepare_future(b, s))
		return -s->err.code;
	begin_phase(b, s, PHASE_READY);
	return 0;
}

void replay_batch_prepare(struct replay_batch *b, unsigned trace)
{
	struct replay_source *s = g_ptr_array_index(b->sources, trace);
	bool failed;

	failed = prepare(b, s) != 0;
	g_mutex_lock(&b->lock);
	s->failed = failed;
	if (!failed || s->err.code != EINTR)
		b->add_jobs(b, trace);
	b->preparing = NULL;
	g_mutex_unlock(&b->lock);
}

void replay_source_free(struct replay_source *s)
{
	if (s->next_use)
		munmap(s->next_use, s->count * sizeof(uint32_t));
	if (s->refs && s->bytes)
		munmap((void *)s->refs, s->bytes);
	trace_close(s->keep);
	g_free(s->spread);
	g_free(s);
}
