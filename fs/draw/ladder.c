/*
 * ladder.c - drawing ladders.
 *
 * Participant i stands in column LEFT + i * gap; the gap is as wide as the widest label needs that has to fit
 * between neighbours. A pause of more than PAUSE gets a line of its own.
 */
#include "ladder.h"
#include "text.h"

#include <string.h>

enum { TIME_WIDTH = 15, GAP_MIN = 20, ARROW_ROOM = 6 };
#define PAUSE (20 * NS_PER_MS)

static void step_clear(void *p)
{
	struct ladder_step *s = p;

	g_free(s->label);
	g_free(s->note);
}

struct ladder *ladder_new(void)
{
	struct ladder *l = g_new(struct ladder, 1);

	l->names = g_ptr_array_new_with_free_func(g_free);
	l->steps = g_array_new(FALSE, FALSE, sizeof(struct ladder_step));
	g_array_set_clear_func(l->steps, step_clear);
	return l;
}

void ladder_free(struct ladder *l)
{
	g_ptr_array_free(l->names, TRUE);
	g_array_free(l->steps, TRUE);
	g_free(l);
}

static const struct ladder_step *step_at(const struct ladder *l, guint i)
{
	return &g_array_index(l->steps, struct ladder_step, i);
}

struct page { size_t left, gap, width; unsigned count; char *line; };

static size_t column(const struct page *p, int who)
{
	return p->left + (size_t)who * p->gap;
}

/* The first and the last participant that an arrow reaches or leaves. */
static void ends_of(const struct page *p, const struct ladder_step *s, int *first, int *last)
{
	*first = s->to == LADDER_ALL ? 0 : MIN(s->from, s->to);
	*last = s->to == LADDER_ALL ? (int)p->count - 1 : MAX(s->from, s->to);
}

/* Of an arrow to all, the longer side bears the label. */
static bool label_goes_right(const struct page *p, const struct ladder_step *s)
{
	if (s->to != LADDER_ALL)
		return s->to > s->from;
	return (int)p->count - 1 - s->from >= s->from;
}

static int label_span(const struct page *p, const struct ladder_step *s)
{
	int first, last;

	if (s->to == LADDER_ALL)  /* up to the next one, so that the heads before the others are seen */
		return 1;
	ends_of(p, s, &first, &last);
	return last - first;
}

static void lay_out(const struct ladder *l, guint from, struct page *p)
{
	size_t half = 1;

	p->gap = GAP_MIN;
	for (guint i = 0; i < l->names->len; i++) {
		size_t len = strlen(l->names->pdata[i]);

		p->gap = MAX(p->gap, len + 2);
		half = MAX(half, i == 0 ? len / 2 : 0);
	}
	for (guint i = from; i < l->steps->len; i++) {
		const struct ladder_step *s = step_at(l, i);
		int span = MAX(label_span(p, s), 1);
		size_t need = strlen(s->label) + ARROW_ROOM + (s->lost ? 4 : 0);

		p->gap = MAX(p->gap, (need + (size_t)span - 1) / (size_t)span);
	}
	p->left = TIME_WIDTH + 2 + half;
	p->width = column(p, (int)p->count - 1) + 1;
}

static void put_lifelines(struct page *p, char c)
{
	memset(p->line, ' ', p->width);
	for (unsigned i = 0; i < p->count; i++)
		p->line[column(p, (int)i)] = c;
}

/* Time at the left, the note at the right, no blanks at the end. */
static void put_line(struct page *p, const char *time, const char *note, GString *out)
{
	size_t end = p->width;

	memcpy(p->line, time, strlen(time));
	while (end > 0 && p->line[end - 1] == ' ')
		end--;
	g_string_append_len(out, p->line, (gssize)end);
	if (note && *note) {
		put_text(out, "   ");
		put_text(out, note);
	}
	put_char(out, '\n');
}

static void put_names(const struct ladder *l, struct page *p, GString *out)
{
	size_t line = out->len;

	put_text(out, "time");
	for (unsigned i = 0; i < p->count; i++) {
		const char *name = l->names->pdata[i];

		put_pad(out, line, column(p, (int)i) - strlen(name) / 2);
		put_text(out, name);
	}
	put_text(out, "   arrives");
	put_char(out, '\n');
}

/* One side of an arrow, from the sender's column to `to`'s; the label near the sender if it is on this side. */
static void draw_side(struct page *p, const struct ladder_step *s, int to, const char *label)
{
	int step = to > s->from ? 1 : -1;
	size_t start = column(p, s->from), end = column(p, to), len = strlen(label), at;
	char dash = s->damaged ? '~' : '-';

	if (s->lost)
		end = start + (size_t)((ptrdiff_t)step * (ptrdiff_t)MAX((MAX(start, end) - MIN(start, end)) * 2 / 3, len + 7));
	for (at = start + (size_t)step; at != end; at += (size_t)step)
		p->line[at] = dash;
	p->line[end - (size_t)step] = s->lost ? 'X' : step > 0 ? '>' : '<';
	if (!s->lost && s->to == LADDER_ALL)  /* those in between receive it too */
		for (int i = s->from + step; i != to; i += step) {
			p->line[column(p, i)] = '|';
			p->line[column(p, i) - (size_t)step] = step > 0 ? '>' : '<';
		}
	at = step > 0 ? start + 3 : start - 2 - len;
	memcpy(p->line + at, label, len);
}

static void draw_step(struct page *p, const struct ladder_step *s, GString *out)
{
	g_autoptr(GString) time = g_string_new(NULL);
	bool right = label_goes_right(p, s);
	int first, last;

	ends_of(p, s, &first, &last);
	put_lifelines(p, '|');
	if (last > s->from)
		draw_side(p, s, last, right ? s->label : "");
	if (first < s->from)
		draw_side(p, s, first, right ? "" : s->label);
	put_time(time, s->time);
	put_line(p, time->str, s->note, out);
}

static void draw_pause(struct page *p, ns_t by, GString *out)
{
	g_autoptr(GString) note = g_string_new("+");

	put_time(note, by);
	put_lifelines(p, ':');
	put_line(p, "", note->str, out);
}

/* From which step on the drawing stays below `max` bytes. */
static guint first_shown(const struct ladder *l, size_t max, struct page *p)
{
	guint room;

	lay_out(l, 0, p);
	room = (guint)MIN(max / (2 * p->width + 64), G_MAXUINT / 2);
	return l->steps->len > room ? l->steps->len - room : 0;
}

void ladder_draw(const struct ladder *l, size_t max, GString *out)
{
	struct page p = { .count = l->names->len };
	guint first;

	if (p.count == 0)
		return;
	first = first_shown(l, max, &p);
	lay_out(l, first, &p);
	p.line = g_malloc(p.width);
	if (first)
		g_string_append_printf(out, "(%u earlier frames)\n", first);
	put_names(l, &p, out);
	for (guint i = first; i < l->steps->len; i++) {
		const struct ladder_step *s = step_at(l, i);

		if (i > first && s->time - step_at(l, i - 1)->time > PAUSE)
			draw_pause(&p, s->time - step_at(l, i - 1)->time, out);
		draw_step(&p, s, out);
	}
	g_free(p.line);
}
