/* timeline.c - drawing swap/timeline: time goes to the right, each transfer has a line of its own. */
#include "timeline.h"

#include <inttypes.h>

enum { WIDTH = 1000, LABEL = 300, LINE = 20, TOP = 30, RIGHT = 20 };

struct scale { ns_t from, span; };

static unsigned column(const struct scale *s, ns_t t)
{
	return LABEL + (unsigned)((unsigned __int128)(t - s->from) * (WIDTH - LABEL - RIGHT) / s->span);
}

static void put_label(const struct vm_paging *p, GString *out)
{
	if (p->va == VA_NONE)
		g_string_append_printf(out, "out: %" PRId32 ":0x%" PRIx64, p->victim_pid, p->victim_va);
	else
		g_string_append_printf(out, "pid %" PRId32 " 0x%" PRIx64, p->pid, p->va);
	if (p->va != VA_NONE && p->victim_pid)
		g_string_append_printf(out, " for %" PRId32 ":0x%" PRIx64, p->victim_pid, p->victim_va);
}

static void put_row(const struct vm_paging *p, const struct scale *s, unsigned y, GString *out)
{
	unsigned x = column(s, p->start), end = column(s, p->end);

	g_string_append_printf(out, "<text x=\"4\" y=\"%u\">", y + 14);
	put_label(p, out);
	g_string_append_printf(out, "</text>\n<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%d\" fill=\"%s\"><title>%" PRIu64
			       " ns</title></rect>\n", x, y + 3, MAX(end - x, 1), LINE - 6,
			       p->va == VA_NONE ? "#cc6677" : "#4477aa", p->end - p->start);
	if (!p->ran[0])
		return;
	g_string_append_printf(out, "<text x=\"%u\" y=\"%u\" fill=\"#333\">ran", x + 4, y + 14);
	for (unsigned i = 0; i < VM_RAN && p->ran[i]; i++)
		g_string_append_printf(out, " %" PRId32, p->ran[i]);
	g_string_append(out, p->more ? " ...</text>\n" : "</text>\n");
}

void draw_timeline(const struct vm_paging *rows, size_t n, GString *out)
{
	struct scale s = { n ? rows[0].start : 0, 1 };
	ns_t end = 0;

	for (size_t i = 0; i < n; i++) {
		s.from = MIN(s.from, rows[i].start);
		end = MAX(end, rows[i].end);
	}
	s.span = MAX(end - MIN(s.from, end), 1);
	g_string_append_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" font-family=\"monospace\" "
			       "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", WIDTH,
			       TOP + n * LINE + 10);
	g_string_append_printf(out, "<text x=\"4\" y=\"18\">paging: blue comes in, red goes out; %" PRIu64 ".%06u to %" PRIu64
			       ".%06u s</text>\n", s.from / NS_PER_S, (unsigned)(s.from % NS_PER_S / 1000), end / NS_PER_S,
			       (unsigned)(end % NS_PER_S / 1000));
	for (size_t i = 0; i < n; i++)
		put_row(&rows[i], &s, (unsigned)(TOP + i * LINE), out);
	g_string_append(out, "</svg>\n");
}
