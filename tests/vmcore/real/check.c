/* check.c - what a script wants to see: the areas of processes, and which pages they share. */
#include "recorder.h"

#include <stdlib.h>

static char page_code(uint64_t w)
{
	bool exclusive = w >> 56 & 1;

	if (w >> 62 & 1)
		return 's';
	if (!(w >> 63))
		return '.';
	if (is_zero(w & PFN_MASK))
		return 'z';
	if (w >> 61 & 1)
		return exclusive ? 'F' : 'f';
	return exclusive ? 'A' : 'a';
}

static void put_codes(const GArray *words)
{
	for (guint i = 0; i < words->len;) {
		char c = page_code(g_array_index(words, uint64_t, i));
		guint n = 0;

		while (i < words->len && page_code(g_array_index(words, uint64_t, i)) == c)
			i++, n++;
		fprintf(out, "%u%c", n, c);
	}
}

static void put_count(const char *name, uint64_t v, const char *unit)
{
	if (v)
		fprintf(out, " %s=%" PRIu64 "%s", name, v, unit);
}

void check(struct proc *p)
{
	uint64_t brk = current_break(p);
	GPtrArray *rows = view(p);

	fprintf(out, "| %s brk=", p->name);
	put_address(brk);
	fprintf(out, " pt=%" PRIu64 " lck=%" PRIu64, read_status(p->pid, "VmPTE:") / 4 - p->own_tables,
		read_status(p->pid, "VmLck:") / 4);
	put_count("huge", read_status(p->pid, "HugetlbPages:") / 4, "");
	fprintf(out, "\n");
	for (guint i = 0; i < rows->len; i++) {
		const struct view_row *v = rows->pdata[i];

		fprintf(out, "| ");
		put_address(v->start);
		fprintf(out, "..");
		put_address(v->end);
		fprintf(out, " %s 0x%" PRIx64 " %s", v->perms, v->offset, v->label);
		put_count("rss", v->rss, "");
		put_count("sc", v->sc, "");
		put_count("sd", v->sd, "");
		put_count("pc", v->pc, "");
		put_count("pd", v->pd, "");
		put_count("an", v->an, "");
		put_count("sw", v->sw, "");
		put_count("pss", v->pss, "k");
		put_count("spss", v->spss, "k");
		put_count("lckd", v->locked, "k");
		put_count("ah", v->huge, "");
		put_count("ph", v->own_huge, "");
		put_count("sh", v->shared_huge, "");
		put_count("page", v->page == 1 ? 0 : v->page, "");
		fprintf(out, " fl=%s pg=", v->flags);
		put_codes(v->words);
		fprintf(out, "\n");
	}
	free_view(rows);
}

void check_all(void)
{
	struct proc *list[PROCS];
	unsigned n = sorted_procs(list);

	for (unsigned i = 0; i < n; i++)
		check(list[i]);
}

struct place { unsigned proc; uint64_t at, pfn; };

static int by_frame(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->pfn != y->pfn)
		return x->pfn < y->pfn ? -1 : 1;
	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

struct group { guint first, n, pages; };
static const GArray *group_places;

static int by_first(const void *a, const void *b)
{
	const struct place *x = &g_array_index(group_places, struct place, ((const struct group *)a)->first),
			   *y = &g_array_index(group_places, struct place, ((const struct group *)b)->first);

	if (x->proc != y->proc)
		return x->proc < y->proc ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* Does group `b` continue group `a`, page by page? */
static bool continues(const GArray *places, const struct group *a, const struct group *b)
{
	if (a->n != b->n)
		return false;
	for (guint i = 0; i < a->n; i++) {
		const struct place *x = &g_array_index(places, struct place, a->first + i),
				   *y = &g_array_index(places, struct place, b->first + i);

		if (x->proc != y->proc || x->at + (uint64_t)a->pages * PAGE != y->at)
			return false;
	}
	return true;
}

void share(void)
{
	g_autoptr(GArray) places = g_array_new(FALSE, FALSE, sizeof(struct place));
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	struct proc *list[PROCS];
	unsigned n = sorted_procs(list);

	for (unsigned i = 0; i < n; i++) {
		GPtrArray *rows = view(list[i]);

		for (guint r = 0; r < rows->len; r++) {
			const struct view_row *v = rows->pdata[r];

			for (guint w = 0; w < v->words->len; w++) {
				uint64_t word = g_array_index(v->words, uint64_t, w), pfn = word & PFN_MASK;
				struct place place = { i, v->start + (uint64_t)w * PAGE, pfn };

				if (word >> 63 && !is_zero(pfn))
					g_array_append_val(places, place);
			}
		}
		free_view(rows);
	}
	qsort(places->data, places->len, sizeof(struct place), by_frame);
	for (guint i = 0; i < places->len;) {
		struct group g = { i, 0, 1 };

		while (i < places->len && g_array_index(places, struct place, i).pfn ==
						  g_array_index(places, struct place, g.first).pfn)
			i++, g.n++;
		if (g.n > 1)
			g_array_append_val(groups, g);
	}
	group_places = places;
	qsort(groups->data, groups->len, sizeof(struct group), by_first);
	for (guint i = 0; i < groups->len;) {
		struct group g = g_array_index(groups, struct group, i++);

		while (i < groups->len && continues(places, &g, &g_array_index(groups, struct group, i)))
			g.pages++, i++;
		fprintf(out, "|");
		for (guint k = 0; k < g.n; k++) {
			const struct place *place = &g_array_index(places, struct place, g.first + k);

			fprintf(out, " %s:", list[place->proc]->name);
			put_address(place->at);
		}
		if (g.pages > 1)
			fprintf(out, " x%u", g.pages);
		fprintf(out, "\n");
	}
}
