/*
 * open_write.c - writing to open files.
 *
 * Complete lines run in order. What is behind the last newline is kept, and runs when its writer closes. A line that fails behind
 * others is reported by a short count: the writer sends it again and then gets its errno, without it being run twice.
 */
#include "command.h"
#include "node.h"
#include "open_inner.h"
#include "world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

enum {
	WHOLE_COMMAND_MAX = 4096,       /* a write shorter than this without a newline is a whole command */
	COLLECT_MAX = 128 << 20,
};

static void drop_tail(struct open_file *f)
{
	if (f->tail)
		g_string_free(f->tail, TRUE);
	f->tail = NULL;
}

static bool is_blank_or_comment(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && g_ascii_isspace(line[i]))
		i++;
	return i == len || line[i] == '#';
}

static int check_line(const char *line, size_t len, struct err *e)
{
	const char *bad;

	if (len > COMMAND_LINE_MAX)
		return err_set(e, E2BIG, -1, "a line of %zu bytes; the limit is %d", len, COMMAND_LINE_MAX);
	bad = memchr(line, '\0', len);
	if (bad)
		return err_set(e, EINVAL, (int)(bad - line), "a NUL byte");
	if (!g_utf8_validate(line, (gssize)len, &bad))
		return err_set(e, EINVAL, (int)(bad - line), "not UTF-8");
	return 0;
}

static int store_copy(const struct node *n, struct job *job, char *copy, size_t len, unsigned how, GString *result,
		      struct err *e)
{
	struct world *w = n->world;
	int rc = n->row->flags & ROW_RAW ? 0 : check_line(copy, how & STORE_WHOLE ? 0 : len, e);

	w->nonblock = how & STORE_NONBLOCK;
	w->fresh = how & STORE_FRESH;
	w->raw_result = false;
	w->job = job;
	if (rc == 0)
		rc = n->row->store(n, copy, result, e);
	w->job = NULL;
	w->nonblock = w->fresh = false;
	return rc;
}

/* Carries out one text and keeps its result or writes the error log. */
int node_store(const struct node *n, struct job *job, const char *text, size_t len, unsigned how, GBytes **answer,
	       struct err *e)
{
	struct world *w = n->world;
	g_autoptr(GString) result = g_string_new(NULL);
	g_autofree char *copy = g_try_malloc(len + 1);
	GBytes *kept;
	int rc;

	*e = (struct err){ .arg = -1 };
	if (!copy) {
		err_set(e, ENOMEM, -1, "no memory for a text of %zu bytes", len);
		error_log_add(w, n, NULL, -1, e);
		return -ENOMEM;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	rc = store_copy(n, job, copy, len, how, result, e);
	if (rc == -EINPROGRESS && !(how & STORE_NONBLOCK)) {
		if (!job->tried)
			world_changed(w);
		job->tried = true;
		return rc;
	}
	if (rc == -EINPROGRESS && e->code != EINPROGRESS)  /* that of connect(2) is final */
		rc = err_set(e, EAGAIN, -1, "it would have to wait");
	job_clear(job);
	world_changed(w);
	kept = node_keep_result(n, result);
	if (answer)
		*answer = kept;
	else if (kept)
		g_bytes_unref(kept);
	if (rc < 0) {
		if (e->code != -rc)
			err_set(e, -rc, -1, "%s", g_strerror(-rc));
		g_free(copy);  /* the command has taken it apart */
		copy = how & STORE_WHOLE ? NULL : g_strndup(text, MIN(len, COMMAND_LINE_MAX));
		error_log_add(w, n, copy, e->arg, e);
	}
	return rc == -EINPROGRESS ? -STORE_BEGUN : rc;
}

static int store(struct open_file *f, struct job *job, const char *text, size_t len, unsigned how, struct err *e)
{
	GBytes *answer = NULL;
	int rc;

	how |= (file_nonblock(f) ? STORE_NONBLOCK : 0) | (f->flags & O_TRUNC && !f->stored ? STORE_FRESH : 0);
	rc = node_store(&f->known->n, job, text, len, how, &answer, e);
	f->stored |= rc == 0;

	file_keep_answer(f, answer);
	return rc;
}

static bool failed_before(struct open_file *f, const char *line, size_t len)
{
	return f->failed_line && f->failed_len == len && !memcmp(f->failed_line, line, len);
}

/* One complete line, a kept tail in front of it included. */
static int run_line(struct open_file *f, struct job *job, const char *text, size_t len, struct err *e)
{
	g_autoptr(GString) joined = NULL;

	if (f->tail) {
		joined = g_string_new_len(f->tail->str, (gssize)f->tail->len);
		g_string_append_len(joined, text, (gssize)len);
		text = joined->str;
		len = joined->len;
	}
	if (!(f->known->n.row->flags & ROW_VERBATIM) && is_blank_or_comment(text, len) && len <= COMMAND_LINE_MAX)
		return 0;
	if (failed_before(f, text, len)) {
		int code = f->failed_code;

		g_clear_pointer(&f->failed_line, g_free);
		return err_set(e, code, -1, "it failed before");
	}
	g_clear_pointer(&f->failed_line, g_free);
	return store(f, job, text, len, 0, e);
}

/* A line has been carried out or has failed: in either case what was kept of it is gone. */
static int end_line(struct open_file *f, int rc)
{
	if (rc != -EINPROGRESS)
		drop_tail(f);
	return rc;
}

/* The line at c->data + c->done failed; those before it have run. */
static ssize_t stop_at(struct write_call *c, size_t len, int rc)
{
	struct open_file *f = c->file;

	if (c->done == 0)
		return rc;
	g_free(f->failed_line);
	f->failed_line = g_memdup2(c->data + c->done, len);
	f->failed_len = len;
	f->failed_code = -rc;
	return (ssize_t)c->done;
}

static ssize_t keep_tail(struct write_call *c, const char *rest, size_t len, struct err *e)
{
	struct open_file *f = c->file;
	size_t before = f->tail ? f->tail->len : 0;

	if (before + len > COMMAND_LINE_MAX) {
		err_set(e, E2BIG, -1, "a line of more than %d bytes", COMMAND_LINE_MAX);
		error_log_add(f->world, &f->known->n, NULL, -1, e);
		drop_tail(f);
		return c->done ? (ssize_t)c->done : -E2BIG;
	}
	if (!f->tail)
		f->tail = g_string_new(NULL);
	g_string_append_len(f->tail, rest, (gssize)len);
	f->tail_writer = c->writer;
	return (ssize_t)c->len;
}

static ssize_t write_lines(struct write_call *c, struct err *e)
{
	struct open_file *f = c->file;
	const char *rest, *newline;
	size_t len;
	int rc;

	for (;;) {
		rest = c->data + c->done;
		len = c->len - c->done;
		newline = memchr(rest, '\n', len);
		if (!newline)
			break;
		rc = end_line(f, run_line(f, &c->job, rest, (size_t)(newline - rest), e));
		if (rc == -EINPROGRESS)
			return rc;
		if (rc < 0)
			return stop_at(c, (size_t)(newline - rest), rc);
		c->done = (size_t)(newline + 1 - c->data);
	}
	if (len == 0)
		return (ssize_t)c->len;
	if (c->done == 0 && !f->tail && len < WHOLE_COMMAND_MAX) {
		rc = run_line(f, &c->job, rest, len, e);
		return rc < 0 ? rc : (ssize_t)len;
	}
	return keep_tail(c, rest, len, e);
}

static ssize_t collect(struct write_call *c, struct err *e)
{
	struct open_file *f = c->file;
	size_t need = f->collected_len + c->len;

	if (need > COLLECT_MAX) {
		err_set(e, E2BIG, -1, "a text of more than %d bytes", COLLECT_MAX);
		error_log_add(f->world, &f->known->n, NULL, -1, e);
		return -E2BIG;
	}
	if (need > f->collected_room) {
		size_t room = MAX(need, f->collected_room * 2);
		char *more = g_try_realloc(f->collected, room);

		if (!more) {
			err_set(e, ENOMEM, -1, "no memory for a text of %zu bytes", need);
			error_log_add(f->world, &f->known->n, NULL, -1, e);
			return -ENOMEM;
		}
		f->collected = more;
		f->collected_room = room;
	}
	memcpy(f->collected + f->collected_len, c->data, c->len);
	f->collected_len = need;
	f->collector = c->writer;
	return (ssize_t)c->len;
}

static void drop_collected(struct open_file *f)
{
	g_free(f->collected);
	f->collected = NULL;
	f->collected_len = f->collected_room = 0;
}

static int store_collected(struct open_file *f, struct job *job, struct err *e)
{
	int rc;

	rc = f->known->n.row->flags & ROW_RAW || !memchr(f->collected, '\0', f->collected_len) ? 0 : -EINVAL;
	if (rc) {
		err_set(e, EINVAL, -1, "a NUL byte in the text");
		error_log_add(f->world, &f->known->n, NULL, -1, e);
	} else {
		rc = store(f, job, f->collected, f->collected_len, STORE_WHOLE, e);
	}
	if (rc != -EINPROGRESS)
		drop_collected(f);
	return rc;
}

static ssize_t write_bytes(struct write_call *c, struct err *e)
{
	struct open_file *f = c->file;
	const struct node *n = &f->known->n;
	uint64_t at = c->at;
	ssize_t rc;

	if (f->flags & O_APPEND && n->row->setattr)  /* a file of the simulated disk: the kernel's idea of its size may be old */
		at = n->row->bytes->size(n);
	*e = (struct err){ .arg = -1 };
	f->world->job = &c->job;
	rc = n->row->bytes->write(n, at, c->data, c->len, e);
	f->world->job = NULL;
	if (rc == -EINPROGRESS && !file_nonblock(f)) {
		if (!c->job.tried)
			world_changed(f->world);
		c->job.tried = true;
		return rc;
	}
	if (rc == -EINPROGRESS)
		rc = err_set(e, EAGAIN, -1, "it would have to wait");
	job_clear(&c->job);
	world_changed(f->world);
	if (rc == 0)
		rc = err_set(e, ENOSPC, -1, "there is nothing at offset 0x%" PRIx64, at);
	if (rc < 0) {
		if (e->code != -rc)
			err_set(e, (int)-rc, -1, "%s", g_strerror((int)-rc));
		error_log_add(f->world, n, NULL, -1, e);
	}
	return rc;
}

/* All of it, as write(2) does that may wait; less when an error comes behind some. */
static ssize_t write_stream(struct write_call *c, struct err *e)
{
	struct open_file *f = c->file;
	const struct node *n = &f->known->n;
	ssize_t rc;

	do {
		rc = n->row->stream->write(n, f->stream, c->data + c->done, c->len - c->done, e);
		if (rc > 0) {
			c->done += (size_t)rc;
			world_changed(f->world);
		}
	} while (rc > 0 && c->done < c->len);
	if (rc == -EINPROGRESS && !file_nonblock(f))
		return rc;
	if (c->done || rc >= 0)
		return (ssize_t)c->done;
	world_changed(f->world);
	return rc == -EINPROGRESS ? -EAGAIN : rc;
}

ssize_t file_write(struct write_call *c, struct err *e)
{
	const struct row *row = c->file->known->n.row;
	struct err ignored = { 0 };

	if (!e)
		e = &ignored;
	if (row->kind == ROW_BYTES)
		return write_bytes(c, e);
	if (row->kind == ROW_STREAM)
		return write_stream(c, e);
	return row->flags & ROW_COLLECT ? collect(c, e) : write_lines(c, e);
}

bool file_flush_acts(const struct open_file *f, int32_t writer)
{
	return f->collected_len ? f->collector == writer : f->tail && f->tail_writer == writer;
}

ssize_t file_flush(struct write_call *c, struct err *e)
{
	struct open_file *f = c->file;
	struct err ignored = { 0 };

	if (!e)
		e = &ignored;
	if (!file_flush_acts(f, c->writer))
		return 0;
	return f->collected_len ? store_collected(f, &c->job, e) : end_line(f, run_line(f, &c->job, "", 0, e));
}

void file_cancel(struct write_call *c)
{
	job_clear(&c->job);
}

void file_drop_unfinished(struct open_file *f)
{
	drop_tail(f);
	drop_collected(f);
}

int file_end(struct open_file *f)
{
	struct err e = { 0 };
	int rc = 0;

	if (f->collected_len)
		rc = store_collected(f, &f->end_job, &e);
	else if (f->tail)
		rc = end_line(f, run_line(f, &f->end_job, "", 0, &e));
	if (rc == -EINPROGRESS)
		return rc;
	file_abandon(f);
	return 0;
}
