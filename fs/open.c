/*
 * open.c - what happens between open(2) and close(2), but for writing (open_write.c).
 *
 * Reading: the content is rendered when offset 0 is read (or anything, the first time) and belongs to that open file
 * until offset 0 is read again. Renderings are shared (open_content.c).
 */
#include "command.h"
#include "node.h"
#include "open_inner.h"
#include "record.h"
#include "world.h"

#include <fcntl.h>
#include <string.h>

enum {
	BUFFER_BYTES = 1 << 20,
	RESULTS_MAX = 1 << 16,
	SET_SIZE = 1 << 3,              /* FUSE_SET_ATTR_SIZE */
};

struct result { struct node n; GBytes *bytes; };

static void result_free(struct result *r)
{
	g_bytes_unref(r->bytes);
	g_free(r);
}

static guint hash_key(gconstpointer n)
{
	return node_hash(n);
}

static gboolean equal_keys(gconstpointer a, gconstpointer b)
{
	return node_equal(a, b);
}

struct opens *opens_new(void)
{
	struct opens *o = g_new0(struct opens, 1);

	g_queue_init(&o->lru);
	g_queue_init(&o->files);
	o->results = g_hash_table_new_full(hash_key, equal_keys, NULL, (GDestroyNotify)result_free);
	o->buffer = g_malloc(BUFFER_BYTES);
	return o;
}

void opens_free(struct opens *o)
{
	if (!o)
		return;
	g_assert(o->lru.length == 0);
	g_hash_table_destroy(o->results);
	g_free(o->buffer);
	if (o->slate)
		g_string_free(o->slate, TRUE);
	g_free(o);
}

void open_stats(const struct world *w, struct open_stats *out)
{
	const struct opens *o = w->opens;

	*out = (struct open_stats){ o->files.length, o->lru.length, o->bytes, g_hash_table_size(o->results) };
}

/* Results of commands, by file: what a fresh open reads. */

int show_result(const struct node *n, GString *out, struct err *e)
{
	const struct result *r = g_hash_table_lookup(n->world->opens->results, n);

	if (r) {
		gsize len;
		const char *bytes = g_bytes_get_data(r->bytes, &len);

		g_string_append_len(out, bytes, (gssize)len);
	}
	return 0;
}

static gboolean is_dead(gpointer key, gpointer value, gpointer unused)
{
	return !node_alive(key);
}

static bool shows_result(const struct row *row)
{
	return row->kind == ROW_TEXT && row->store && (!row->show || row->show == show_result);
}

GBytes *node_keep_result(const struct node *n, GString *text)
{
	struct opens *o = n->world->opens;
	struct result *r;

	if (!shows_result(n->row))
		return NULL;
	if (text->len && text->str[text->len - 1] != '\n' && !n->world->raw_result)
		g_string_append_c(text, '\n');
	r = g_new(struct result, 1);
	r->n = *n;
	r->bytes = g_bytes_new(text->str, text->len);
	g_hash_table_replace(o->results, &r->n, r);
	if (g_hash_table_size(o->results) % RESULTS_MAX == 0)
		g_hash_table_foreach_remove(o->results, is_dead, NULL);
	return g_bytes_ref(r->bytes);
}

void file_keep_answer(struct open_file *f, GBytes *answer)
{
	if (!answer)
		return;
	g_clear_pointer(&f->answer, g_bytes_unref);
	f->answer = answer;
	f->answer_fresh = true;
}

/* Opening */

int file_access(const struct node *n, int flags, uid_t uid)
{
	struct stat st;
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	int rc;

	if (uid == n->world->uid || uid == 0)
		return node_alive(n) ? 0 : -ESTALE;
	rc = tree_attr(n, &st);
	if (rc)
		return rc;
	return writes || !(st.st_mode & S_IROTH) ? -EACCES : 0;
}

/* Whether its writes are commands, which may wait. */
static bool takes_commands(const struct row *row, int flags)
{
	return row->store && (flags & O_ACCMODE) != O_RDONLY;
}

static bool row_is_writable(const struct row *row)
{
	switch (row->kind) {
	case ROW_BYTES:  return row->bytes->write != NULL;
	case ROW_STREAM: return row->stream->write != NULL;
	case ROW_TEXT:
	case ROW_TABLE:  return row->store != NULL;
	default:         return false;
	}
}

static int truncate_at_open(const struct node *n, int flags, struct err *e)
{
	struct stat st = { .st_size = 0 };
	int rc;

	if (!(flags & O_TRUNC) || !n->row->setattr)
		return 0;
	rc = n->row->setattr(n, &st, SET_SIZE, e);
	world_changed(n->world);
	return rc;
}

/* Whether what is done with such an open file can change anything. */
static bool acts(const struct row *row, int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || row->flags & ROW_MOVES_TIME || (flags & O_TRUNC && row->setattr);
}

struct open_file *file_open(struct world *w, struct known *k, int flags, struct err *e)
{
	const struct row *row = k->n.row;
	struct open_file *f;
	void *stream = NULL;
	uint32_t number = 0;

	if ((flags & O_ACCMODE) != O_RDONLY && !(row_is_writable(row) && (k->n.format == FORMAT_TEXT))) {
		err_set(e, EACCES, -1, "open: it cannot be written");
		return NULL;
	}
	if (w->record && acts(row, flags))
		number = record_open(w, &k->n, flags);
	if (truncate_at_open(&k->n, flags, e))
		return NULL;
	if (row->kind == ROW_STREAM && !(stream = row->stream->open(&k->n, e)))
		return NULL;
	f = g_new(struct open_file, 1);  /* not g_new0(): calloc() takes its time where malloc() has just such a piece */
	*f = (struct open_file){ .world = w, .known = known_hold(k), .flags = flags, .number = number, .stream = stream };
	if (row->kind == ROW_BYTES && row->bytes->open)
		row->bytes->open(&k->n);
	f->link.data = f;
	g_queue_push_tail_link(&w->opens->files, &f->link);
	return f;
}

uint32_t file_number(const struct open_file *f)
{
	return f->number;
}

void files_record_readers(struct world *w)
{
	for (GList *l = w->opens->files.head; l; l = l->next) {
		struct open_file *f = l->data;
		const struct node *n = &f->known->n;

		if (!f->number && n->row->kind == ROW_BYTES && n->row->bytes->open)
			f->number = record_open(w, n, f->flags);
	}
}

bool file_is_busy(const struct known *k, int flags)
{
	return k->waiting && takes_commands(k->n.row, flags);
}

void file_waits(struct open_file *f, bool begins)
{
	f->known->waiting += begins ? 1u : -1u;
}

bool file_is_stream(const struct open_file *f)
{
	return f->known->n.row->kind == ROW_STREAM;
}

bool file_is_readable(const struct open_file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}

bool file_is_writable(const struct open_file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}

bool file_wants_flush(const struct open_file *f)
{
	return file_is_writable(f) && f->known->n.row->store;
}

int32_t file_last_writer(const struct open_file *f)
{
	return f->collected_len ? f->collector : f->tail ? f->tail_writer : 0;
}

size_t file_shown(const struct open_file *f)
{
	return f->content ? f->content->len : 0;
}

void file_set_cached(struct open_file *f)
{
	f->cached = true;
}

bool file_own_end(const struct open_file *f, uint64_t *end)
{
	if (f->cached || f->answer || !f->content || f->content->generation == f->world->generation)
		return false;
	*end = f->content->len;
	return true;
}

bool file_nonblock(const struct open_file *f)
{
	return f->flags & O_NONBLOCK;
}

bool file_moves_time(const struct open_file *f)
{
	return f->known->n.row->flags & ROW_MOVES_TIME;
}

bool file_queues(const struct open_file *f)
{
	const struct row *row = f->known->n.row;

	return !(row->flags & ROW_AT_ONCE) && file_is_writable(f);
}

bool file_ready(struct open_file *f)
{
	const struct node *n = &f->known->n;

	if (!file_is_stream(f) || (f->stream_rest && f->stream_rest->len))
		return true;
	return !n->row->stream->ready || n->row->stream->ready(n, f->stream);
}

/* Reading */

static ssize_t slice(const char *all, size_t len, uint64_t at, size_t size, const char **bytes)
{
	if (at >= len)
		return 0;
	*bytes = all + at;
	return (ssize_t)MIN(size, len - at);
}

static ssize_t read_answer(struct open_file *f, uint64_t at, size_t size, const char **bytes)
{
	gsize len;
	const char *all = g_bytes_get_data(f->answer, &len);

	if (f->answer_fresh || at < f->answer_base)
		f->answer_base = at;
	f->answer_fresh = false;
	return slice(all, len, at - f->answer_base, size, bytes);
}

static ssize_t read_content(struct open_file *f, uint64_t at, size_t size, const char **bytes, struct err *e)
{
	if (at == 0 || !f->content) {
		struct content *now = content_now(f->world, f->known, e);

		if (!now)
			return -e->code;
		content_unref(f->content);
		f->content = now;
	}
	return slice(f->content->bytes, f->content->len, at, size, bytes);
}

static ssize_t read_bytes(struct open_file *f, uint64_t at, size_t size, const char **bytes, struct err *e)
{
	const struct node *n = &f->known->n;

	*bytes = f->world->opens->buffer;
	if (at > INT64_MAX)
		return 0;
	return n->row->bytes->read(n, at, f->world->opens->buffer, MIN(size, BUFFER_BYTES), e);
}

static ssize_t read_stream(struct open_file *f, size_t size, const char **bytes, struct err *e)
{
	const struct node *n = &f->known->n;
	GString *rest = f->stream_rest;
	size_t len;
	int rc;

	if (!rest)
		rest = f->stream_rest = g_string_new(NULL);
	if (rest->len == 0) {
		rc = n->row->stream->read(n, f->stream, MIN(size, BUFFER_BYTES), rest, e);
		if (rc == -ESRCH)
			return 0;
		if (rc)
			return rc;
		if (rest->len == 0)
			return -EINPROGRESS;
	}
	len = MIN(MIN(size, rest->len), BUFFER_BYTES);
	memcpy(f->world->opens->buffer, rest->str, len);
	g_string_erase(rest, 0, (gssize)len);
	*bytes = f->world->opens->buffer;
	return (ssize_t)len;
}

ssize_t file_read(struct open_file *f, uint64_t at, size_t size, const char **bytes, struct err *e)
{
	struct err ignored = { 0 };

	if (!e)
		e = &ignored;
	*bytes = "";
	switch (f->known->n.row->kind) {
	case ROW_BYTES:
		return read_bytes(f, at, size, bytes, e);
	case ROW_STREAM:
		return read_stream(f, size, bytes, e);
	default:
		return f->answer ? read_answer(f, at, size, bytes) : read_content(f, at, size, bytes, e);
	}
}

/* Closing */

void file_abandon(struct open_file *f)
{
	struct world *w = f->world;
	const struct node *n = &f->known->n;

	job_clear(&f->end_job);
	if (f->stream)
		n->row->stream->close(n, f->stream);
	if (n->row->kind == ROW_BYTES && n->row->bytes->close)
		n->row->bytes->close(n);
	file_drop_unfinished(f);
	content_unref(f->content);
	g_clear_pointer(&f->answer, g_bytes_unref);
	if (f->stream_rest)
		g_string_free(f->stream_rest, TRUE);
	g_free(f->failed_line);
	known_drop(w, f->known);
	g_queue_unlink(&w->opens->files, &f->link);
	g_free(f);
}

void files_abandon(struct world *w)
{
	while (w->opens->files.length)
		file_abandon(w->opens->files.head->data);
}
