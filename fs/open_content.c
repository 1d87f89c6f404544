/*
 * open_content.c - what files say: rendered when they are read, and kept for the next reader.
 *
 * Each known node keeps the latest rendering, which stays good while the world's generation stands; together they are
 * bounded, the least recently used goes first.
 */
#include "node.h"
#include "open_inner.h"
#include "table.h"
#include "world.h"

#include <string.h>

enum {
	CONTENT_BYTES_MAX = 64 << 20,   /* all renderings that only wait for the next reader */
	CONTENT_COUNT_MAX = 1 << 14,    /* of them: a hundred thousand small files cost more than their bytes */
	SLATE_BYTES = 1 << 12, SLATE_BYTES_MAX = 1 << 16,
};

void content_unref(struct content *c)
{
	if (!c || --c->refs)
		return;
	if (c->bytes != (char *)(c + 1))
		g_free(c->bytes);
	g_free(c);
}

/* The cache gives up its reference. */
static void uncache(struct opens *o, struct content *c)
{
	g_queue_unlink(&o->lru, &c->lru);
	o->bytes -= c->len;
	c->of->content = NULL;
	c->of = NULL;
	content_unref(c);
}

void content_forget(struct world *w, struct known *k)
{
	if (k->content)
		uncache(w->opens, k->content);
}

static void cache(struct opens *o, struct known *k, struct content *c)
{
	if (k->content)
		uncache(o, k->content);
	c->refs++;
	c->of = k;
	c->lru.data = c;
	k->content = c;
	g_queue_push_head_link(&o->lru, &c->lru);
	o->bytes += c->len;
	while ((o->bytes > CONTENT_BYTES_MAX || o->lru.length > CONTENT_COUNT_MAX) && o->lru.length > 1)
		uncache(o, o->lru.tail->data);
	if (o->bytes > CONTENT_BYTES_MAX)
		uncache(o, c);
}

/* Where a node is rendered that had `before` bytes: small texts come by the hundred thousand, and share one place. */
static GString *take_slate(struct opens *o, size_t before)
{
	GString *slate = before < SLATE_BYTES_MAX ? g_steal_pointer(&o->slate) : g_string_sized_new(before + 64);

	return slate ? g_string_truncate(slate, 0) : g_string_sized_new(SLATE_BYTES);
}

/* A content with what is on the slate, which goes back; small ones are copied behind their struct. */
static struct content *content_of(struct opens *o, GString *slate)
{
	bool goes_back = slate->allocated_len <= SLATE_BYTES_MAX && !o->slate;
	struct content *c = g_malloc(sizeof *c + (goes_back ? slate->len + 1 : 0));

	*c = (struct content){ .refs = 1, .len = slate->len };
	c->bytes = goes_back ? memcpy(c + 1, slate->str, slate->len + 1) : g_string_free(slate, FALSE);
	if (goes_back)
		o->slate = slate;
	return c;
}

static void keep_size(const struct world *w, struct known *k, uint64_t size)
{
	k->size = size;
	k->size_generation = w->generation;
}

struct content *content_now(struct world *w, struct known *k, struct err *e)
{
	struct content *c = k->content;
	GString *out;
	int rc;

	if (c && c->generation == w->generation) {
		g_queue_unlink(&w->opens->lru, &c->lru);
		g_queue_push_head_link(&w->opens->lru, &c->lru);
		c->refs++;
		return c;
	}
	out = take_slate(w->opens, c ? c->len : 0);
	rc = node_show(&k->n, out, e);
	if (rc) {
		if (e && e->code != -rc)
			err_set(e, -rc, -1, "%s", g_strerror(-rc));
		content_unref(content_of(w->opens, out));
		return NULL;
	}
	c = content_of(w->opens, out);
	c->generation = w->generation;
	if (k->n.row->kind == ROW_LINK)  /* it may depend on who reads it */
		return c;
	keep_size(w, k, c->len);
	cache(w->opens, k, c);
	return c;
}

/* Those of large tables are counted without rendering: `ls -l` asks for no more. */
static uint64_t content_size(struct world *w, struct known *k)
{
	bool table = k->n.row->kind == ROW_TABLE && k->n.format == FORMAT_TEXT;
	struct content *c;
	uint64_t size;

	if (k->size_generation == w->generation)
		return k->size;
	if (table) {
		keep_size(w, k, table_text_bytes(&k->n));
		return k->size;
	}
	c = content_now(w, k, NULL);
	size = c ? c->len : 0;
	content_unref(c);
	return size;
}

uint64_t file_size(struct world *w, struct known *k)
{
	const struct row *row = k->n.row;

	switch (row->kind) {
	case ROW_BYTES:
		return row->bytes->size(&k->n);
	case ROW_DIRECTORY:
	case ROW_STREAM:
	case ROW_SPECIAL:
		return 0;
	default:
		return content_size(w, k);
	}
}
