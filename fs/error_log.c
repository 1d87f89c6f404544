/* error_log.c - why writes failed: what the engine knows and what the caller knows, put together once. */
#include "text.h"
#include "world.h"

#include <string.h>

enum { ENTRIES_MAX = 64, LINE_SHOWN = 160 };

static void entry_free(struct error_entry *entry)
{
	g_free(entry->text);
	g_free(entry);
}

/* The line, or of a long one the part around the column, and a caret below that column. */
static void put_line(GString *out, const char *line, ssize_t at)
{
	size_t len = strlen(line), from = 0, shown;

	if (len > LINE_SHOWN && at > LINE_SHOWN / 2)
		from = MIN((size_t)at, len) - LINE_SHOWN / 2;
	shown = MIN(len - from, LINE_SHOWN);
	put_text(out, from ? "  ..." : "  ");
	for (size_t i = from; i < from + shown; i++)
		put_char(out, (unsigned char)line[i] < ' ' ? ' ' : line[i]);
	put_text(out, from + shown < len ? "...\n" : "\n");
	if (at < 0)
		return;
	put_text(out, from ? "     " : "  ");
	for (size_t i = from; i < MIN((size_t)at, len); i++)
		if ((line[i] & 0xc0) != 0x80)  /* a column is a character, not a byte */
			put_char(out, ' ');
	put_text(out, "^\n");
}

/* The reason in one line, whatever names it quotes. */
static void put_reason(GString *out, const char *why)
{
	for (const unsigned char *c = (const unsigned char *)why; *c; c++) {
		if (*c < ' ' || *c == 0x7f)
			g_string_append_printf(out, "\\%03o", *c);
		else
			put_char(out, (char)*c);
	}
}

void error_log_add(struct world *w, const struct node *n, const char *line, ssize_t at, const struct err *e)
{
	struct error_entry *entry = g_new(struct error_entry, 1);
	GString *out = g_string_new("[");
	g_autofree char *path = node_path(n);

	put_time(out, w->clock.now);
	put_text(out, "] ");
	put_text(out, path);
	put_text(out, ": error: ");
	put_reason(out, e->why);
	put_char(out, '\n');
	if (line)
		put_line(out, line, at);
	*entry = (struct error_entry){ w->clock.now, g_string_free(out, FALSE) };
	g_queue_push_tail(&w->errors, entry);
	if (w->errors.length > ENTRIES_MAX)
		entry_free(g_queue_pop_head(&w->errors));
	world_changed(w);
}

void error_log_show(struct world *w, GString *out)
{
	for (GList *l = w->errors.head; l; l = l->next)
		put_text(out, ((struct error_entry *)l->data)->text);
}

void error_log_clear(struct world *w)
{
	g_queue_clear_full(&w->errors, (GDestroyNotify)entry_free);
}
