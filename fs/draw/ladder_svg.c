/*
 * ladder_svg.c - ladders as SVG: time goes down, so that an arrow's slope is its way and one that overtakes crosses another.
 *
 * Not to scale: a departure takes DEPART of height and bears the label, which lies above its arrow, next to the sender; an arrival
 * takes ARRIVE. So no label meets another, however many frames are on their way.
 */
#include "ladder.h"
#include "text.h"

#include <string.h>

enum { TIME_X = 8, FIRST_X = 130, CHAR = 8, DEPART = 22, ARRIVE = 10, HEAD = 40, GAP_MIN = 160, LABEL_ROOM = 30, PAUSE_HEIGHT = 24 };
#define PAUSE (20 * NS_PER_MS)

/* One departure or arrival, and where it is drawn. */
struct point { ns_t time; guint step; bool arrival; unsigned y; };
struct page { const struct ladder *l; guint first; unsigned gap, height; GArray *points; unsigned *left, *arrived; GString *pauses; };

static const struct ladder_step *step_at(const struct page *p, guint i)
{
	return &g_array_index(p->l->steps, struct ladder_step, i);
}

static unsigned column(const struct page *p, int who)
{
	return FIRST_X + (unsigned)who * p->gap;
}

/* Of an arrow to all, the longer side bears the label. */
static bool goes_right(const struct page *p, const struct ladder_step *s)
{
	return s->to == LADDER_ALL ? (int)p->l->names->len - 1 - s->from >= s->from : s->to > s->from;
}

static int by_time(gconstpointer x, gconstpointer y)
{
	const struct point *a = x, *b = y;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->arrival != b->arrival)
		return a->arrival ? -1 : 1;
	return a->step < b->step ? -1 : a->step > b->step;
}

static void put_escaped(GString *out, const char *text)
{
	g_autofree char *safe = g_markup_escape_text(text, -1);

	put_text(out, safe);
}

static void put_words(GString *out, unsigned x, unsigned y, const char *attributes, const char *text)
{
	g_string_append_printf(out, "<text x=\"%u\" y=\"%u\"%s>", x, y, attributes);
	put_escaped(out, text);
	put_text(out, "</text>\n");
}

static void put_pause(struct page *p, ns_t by)
{
	g_autoptr(GString) text = g_string_new("+");

	put_time(text, by);
	put_words(p->pauses, TIME_X, p->height + 16, " fill=\"#777\"", text->str);
	p->height += PAUSE_HEIGHT;
}

/* Gives every departure and arrival its height. */
static void lay_out(struct page *p)
{
	ns_t last = 0;

	p->gap = GAP_MIN;
	for (guint i = p->first; i < p->l->steps->len; i++) {
		const struct ladder_step *s = step_at(p, i);
		unsigned span = s->to == LADDER_ALL ? 1 : (unsigned)MAX(ABS(s->to - s->from), 1);
		struct point leaves = { .time = s->time, .step = i }, arrives = { .time = s->arrival, .step = i, .arrival = true };

		p->gap = MAX(p->gap, ((unsigned)strlen(s->label) * CHAR + LABEL_ROOM) / span + 1);
		g_array_append_val(p->points, leaves);
		if (s->arrival > s->time)
			g_array_append_val(p->points, arrives);
	}
	for (guint i = 0; i < p->l->names->len; i++)
		p->gap = MAX(p->gap, (unsigned)(strlen(p->l->names->pdata[i]) + 2) * CHAR);
	g_array_sort(p->points, by_time);
	for (guint i = 0; i < p->points->len; i++) {
		struct point *at = &g_array_index(p->points, struct point, i);

		if (i > 0 && !at->arrival && at->time - last > PAUSE)  /* silence; frames on their way are none */
			put_pause(p, at->time - last);
		last = at->time;
		p->height += at->arrival ? ARRIVE : DEPART;
		*(at->arrival ? &p->arrived[at->step - p->first] : &p->left[at->step - p->first]) = p->height;
	}
	p->height += DEPART;
}

static void put_arrow(const struct page *p, guint step, int to, GString *out)
{
	const struct ladder_step *s = step_at(p, step);
	int from_x = (int)column(p, s->from), to_x = (int)column(p, to);
	unsigned y = p->left[step - p->first], end = p->arrived[step - p->first];

	if (end == 0)
		end = y + (s->lost ? ARRIVE : 0);
	if (s->lost)
		to_x = from_x + (to_x - from_x) * 2 / 3;
	g_string_append_printf(out, "<line x1=\"%d\" y1=\"%u\" x2=\"%d\" y2=\"%u\"%s%s/>\n", from_x, y, to_x, end,
			       s->damaged ? " stroke-dasharray=\"5 3\"" : "", s->lost ? "" : " marker-end=\"url(#head)\"");
	if (s->lost)
		g_string_append_printf(out, "<path d=\"M%d %u l10 10 m0 -10 l-10 10\" stroke=\"#c00\"/>\n", to_x - 5, end - 5);
}

static void put_arrows(const struct page *p, guint step, GString *out)
{
	const struct ladder_step *s = step_at(p, step);

	if (s->to != LADDER_ALL) {
		put_arrow(p, step, s->to, out);
		return;
	}
	for (int i = 0; i < (int)p->l->names->len; i++)
		if (i != s->from)
			put_arrow(p, step, i, out);
}

static void put_step_text(const struct page *p, guint step, GString *out)
{
	const struct ladder_step *s = step_at(p, step);
	unsigned y = p->left[step - p->first], x = column(p, s->from);
	g_autoptr(GString) time = g_string_new(NULL);
	bool right = goes_right(p, s);

	put_time(time, s->time);
	put_words(out, TIME_X, y + 4, " fill=\"#777\"", time->str);
	put_words(out, right ? x + 8 : x - 8, y - 4, right ? " class=\"label\"" : " class=\"label\" text-anchor=\"end\"", s->label);
	if (s->note && *s->note)
		put_words(out, column(p, (int)p->l->names->len - 1) + 16, y + 4, " fill=\"#777\"", s->note);
}

static unsigned width_of(const struct page *p)
{
	size_t note = strlen("arrives");

	for (guint i = p->first; i < p->l->steps->len; i++)
		note = MAX(note, step_at(p, i)->note ? strlen(step_at(p, i)->note) : 0);
	return column(p, (int)p->l->names->len - 1) + 24 + (unsigned)note * CHAR;
}

static void put_head(const struct page *p, GString *out)
{
	unsigned width = width_of(p);

	g_string_append_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" font-family=\"monospace\" "
			       "font-size=\"12\">\n<style>.label { paint-order: stroke; stroke: white; stroke-width: 4px }</style>\n"
			       "<defs><marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" "
			       "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8 z\"/></marker></defs>\n"
			       "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", width, p->height);
	put_words(out, TIME_X, 16, "", "time");
	if (p->first)
		g_string_append_printf(out, "<text x=\"%d\" y=\"32\" fill=\"#777\">(%u earlier)</text>\n", TIME_X, p->first);
	for (guint i = 0; i < p->l->names->len; i++) {
		unsigned x = column(p, (int)i);

		put_words(out, x, 16, " text-anchor=\"middle\" font-weight=\"bold\"", p->l->names->pdata[i]);
		g_string_append_printf(out, "<line x1=\"%u\" y1=\"22\" x2=\"%u\" y2=\"%u\" stroke=\"#bbb\"/>\n", x, x, p->height);
	}
	if (p->l->names->len)
		put_words(out, column(p, (int)p->l->names->len - 1) + 16, 32, "", "arrives");
}

void ladder_draw_svg(const struct ladder *l, guint max, GString *out)
{
	guint n = MIN(l->steps->len, max);
	struct page p = { .l = l, .first = l->steps->len - n, .height = HEAD, .left = g_new0(unsigned, n), .arrived = g_new0(unsigned, n),
			  .points = g_array_new(FALSE, FALSE, sizeof(struct point)), .pauses = g_string_new(NULL) };

	lay_out(&p);
	put_head(&p, out);
	g_string_append_len(out, p.pauses->str, (gssize)p.pauses->len);
	put_text(out, "<g stroke=\"#246\" fill=\"none\">\n");
	for (guint i = p.first; i < l->steps->len; i++)
		put_arrows(&p, i, out);
	put_text(out, "</g>\n");
	for (guint i = p.first; i < l->steps->len; i++)
		put_step_text(&p, i, out);
	put_text(out, "</svg>\n");
	g_free(p.left);
	g_free(p.arrived);
	g_array_free(p.points, TRUE);
	g_string_free(p.pauses, TRUE);
}
