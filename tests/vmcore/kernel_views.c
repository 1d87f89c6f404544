/* kernel_views.c - what recorded scripts look at: the areas of processes, and which pages they share. */
#include "kernel_run.h"

#include <string.h>

static void add_count(GString *out, const char *name, uint64_t n, const char *unit)
{
	if (n)
		g_string_append_printf(out, " %s=%" PRIu64 "%s", name, n, unit);
}

static void add_area(struct run *r, const char *p, const struct seen_area *a)
{
	uint64_t n = (a->end - a->start) / PAGE;
	g_autofree struct seen_page *pages = g_new(struct seen_page, n);
	g_autofree char *codes = g_malloc(n);

	g_string_append_printf(r->out, "| 0x%" PRIx64 "..0x%" PRIx64 " %s 0x%" PRIx64 " %s", a->start, a->end, a->perms,
			       a->offset, a->label);
	add_count(r->out, "rss", a->rss / PAGE, "");
	add_count(r->out, "sc", a->shared_clean / PAGE, "");
	add_count(r->out, "sd", a->shared_dirty / PAGE, "");
	add_count(r->out, "pc", a->private_clean / PAGE, "");
	add_count(r->out, "pd", a->private_dirty / PAGE, "");
	add_count(r->out, "an", a->anonymous / PAGE, "");
	add_count(r->out, "sw", a->swap / PAGE, "");
	add_count(r->out, "pss", a->pss, "k");
	add_count(r->out, "spss", a->swap_pss, "k");
	add_count(r->out, "lckd", a->locked, "k");
	add_count(r->out, "ah", a->huge / PAGE, "");
	add_count(r->out, "ph", a->own_huge / PAGE, "");
	add_count(r->out, "sh", a->shared_huge / PAGE, "");
	add_count(r->out, "page", a->page == PAGE ? 0 : a->page / PAGE, "");
	g_string_append_printf(r->out, " fl=%s pg=", a->flags);
	r->b->pages(r->w, p, a->start, n, pages);
	for (uint64_t i = 0; i < n; i++)
		codes[i] = pages[i].code;
	add_runs(r->out, codes, n);
	g_string_append_c(r->out, '\n');
}

static void add_view(struct run *r, const char *p)
{
	uint64_t brk, tables, locked, huge;
	struct seen_area a;

	r->b->counts(r->w, p, &brk, &tables, &locked, &huge);
	g_string_append_printf(r->out, "| %s brk=0x%" PRIx64 " pt=%" PRIu64 " lck=%" PRIu64, p, brk, tables, locked);
	add_count(r->out, "huge", huge, "");
	g_string_append_c(r->out, '\n');
	for (uint64_t at = 0; r->b->area_above(r->w, p, at, &a); at = a.end)
		add_area(r, p, &a);
}

void do_check(struct run *r, const char *label)
{
	answer(r, 0);
	add_view(r, r->p);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void do_checkall(struct run *r, const char *label)
{
	answer(r, 0);
	g_ptr_array_sort(r->procs, by_name);
	for (guint i = 0; i < r->procs->len; i++)
		add_view(r, r->procs->pdata[i]);
}

struct mapper { const char *p; uint64_t at, frame; unsigned order; };

static int by_frame(const void *a, const void *b)
{
	const struct mapper *x = a, *y = b;

	if (x->frame != y->frame)
		return x->frame < y->frame ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* One group of mappers; `n` counts them. Groups are ordered by their first. */
struct group { const struct mapper *m; unsigned n; };

static int by_first(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->m->order < y->m->order ? -1 : 1;
}

/* Does `b` continue `a` as its i-th page? */
static bool continues(const struct group *a, const struct group *b, unsigned i)
{
	if (a->n != b->n)
		return false;
	for (unsigned k = 0; k < a->n; k++)
		if (strcmp(a->m[k].p, b->m[k].p) || b->m[k].at != a->m[k].at + (uint64_t)i * PAGE)
			return false;
	return true;
}

static void collect_mappers(struct run *r, GArray *all)
{
	struct seen_area a;

	g_ptr_array_sort(r->procs, by_name);
	for (guint i = 0; i < r->procs->len; i++) {
		const char *p = r->procs->pdata[i];

		for (uint64_t at = 0; r->b->area_above(r->w, p, at, &a); at = a.end) {
			uint64_t n = (a.end - a.start) / PAGE;
			g_autofree struct seen_page *pages = g_new(struct seen_page, n);

			r->b->pages(r->w, p, a.start, n, pages);
			for (uint64_t k = 0; k < n; k++) {
				struct mapper m = { p, a.start + k * PAGE, pages[k].frame, all->len };

				if (strchr("AaFf", pages[k].code))
					g_array_append_val(all, m);
			}
		}
	}
}

void do_share(struct run *r, const char *label)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct mapper));
	g_autoptr(GArray) groups = g_array_new(FALSE, FALSE, sizeof(struct group));
	struct mapper *m;
	struct group *g;

	answer(r, 0);
	collect_mappers(r, all);
	g_array_sort(all, by_frame);
	m = (struct mapper *)all->data;
	for (guint i = 0, k; i < all->len; i = k) {
		struct group one = { &m[i], 0 };

		for (k = i; k < all->len && m[k].frame == m[i].frame; k++)
			one.n++;
		if (one.n > 1)
			g_array_append_val(groups, one);
	}
	g_array_sort(groups, by_first);
	g = (struct group *)groups->data;
	for (guint i = 0, k; i < groups->len; i = k) {
		for (k = i + 1; k < groups->len && continues(&g[i], &g[k], k - i); k++)
			;
		g_string_append_c(r->out, '|');
		for (unsigned j = 0; j < g[i].n; j++)
			g_string_append_printf(r->out, " %s:0x%" PRIx64, g[i].m[j].p, g[i].m[j].at);
		if (k - i > 1)
			g_string_append_printf(r->out, " x%u", k - i);
		g_string_append_c(r->out, '\n');
	}
}
