/* kernel_lines.c - executes a recorded script line by line, and collects what it gives beside what is recorded. */
#include "kernel_run.h"

#include <stdio.h>
#include <string.h>

static void do_file(struct run *r, char **w)
{
	bool sparse = w[4] && !strcmp(w[4], "sparse");

	if (!w[1] || !w[2] || !w[3] || !w[4])
		bad(r, "file NAME tmpfs|ext4 SIZE SEED|sparse");
	r->b->file(r->w, w[1], !strcmp(w[2], "tmpfs"), number(r, w[3]), sparse ? -1 : (int)number(r, w[4]));
}

static void do_spawn(struct run *r, const char *name)
{
	r->b->spawn(r->w, name);
	g_ptr_array_add(r->procs, g_strdup(name));
}

/* "-1": more is kept than there is (hugetlb.c). */
static void do_pool(struct run *r)
{
	uint64_t n[4];

	r->b->pool(r->w, n);
	answer(r, 0);
	g_string_append_printf(r->out, "| Total=%d Free=%d Rsvd=%d Surp=%d\n", (int)n[0], (int)n[1], (int)n[2], (int)n[3]);
}

/* Executes a line; false for a directive, which has no result. */
static bool execute(struct run *r, char **w)
{
	const char *label = NULL;
	unsigned i = 1;

	if (!strcmp(w[0], "file")) {
		do_file(r, w);
		return false;
	}
	if (!strcmp(w[0], "spawn") && w[1]) {
		do_spawn(r, w[1]);
		return false;
	}
	if (!strcmp(w[0], "swap") || !strcmp(w[0], "thp"))
		return false;
	if (!strcmp(w[0], "hugepages") && w[1]) {
		r->b->hugepages(r->w, number(r, w[1]));
		return false;
	}
	if (!strcmp(w[0], "pool")) {
		do_pool(r);
		return true;
	}
	if (!strcmp(w[0], "checkall") || !strcmp(w[0], "share")) {
		(*w[0] == 'c' ? do_checkall : do_share)(r, NULL);
		return true;
	}
	r->p = w[0];
	if (!g_ptr_array_find_with_equal_func(r->procs, r->p, g_str_equal, NULL))
		bad(r, "an unknown process or word");
	if (w[1] && w[2] && !strcmp(w[2], "=")) {
		label = w[1];
		i = 3;
	}
	if (!w[i] || !run_call(r, w + i, label))
		bad(r, "an unknown operation");
	return true;
}

/* Words of a line, without comment and empty ones. */
static char **split(const char *line)
{
	g_autofree char *plain = g_strndup(line, strcspn(line, "#"));
	g_auto(GStrv) raw = g_strsplit_set(plain, " \t\r", -1);
	GPtrArray *words = g_ptr_array_new();

	for (char **w = raw; *w; w++)
		if (**w)
			g_ptr_array_add(words, g_strdup(*w));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

/* The recorded result lines below line i. */
static char *result_below(struct run *r, char **lines, unsigned i)
{
	GString *out = g_string_new(NULL);

	for (i++; lines[i] && (lines[i][0] == '=' || lines[i][0] == '|' || lines[i][0] == '#'); i++) {
		if (lines[i][0] != '#') {
			g_autofree char *plain = plain_addresses(r, lines[i]);

			g_string_append_printf(out, "%s\n", g_strchomp(plain));
		}
	}
	return g_string_free(out, FALSE);
}

bool execute_script(const struct backend *b, const char *file, char **lines, char **results, char **recorded,
		    unsigned *contradictions)
{
	struct run r = { .b = b, .file = file, .w = b->start(g_strv_contains((const char *const *)lines, "swap")) };

	if (!r.w)
		return false;
	r.labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	r.procs = g_ptr_array_new_with_free_func(g_free);
	r.out = g_string_new(NULL);
	do_spawn(&r, "p0");
	for (unsigned i = 0; lines[i]; i++) {
		g_auto(GStrv) words = split(lines[i]);
		g_autoptr(GString) wrong = g_string_new(NULL);

		if (!words[0] || lines[i][0] == '=' || lines[i][0] == '|')
			continue;
		r.line = i + 1;
		g_string_truncate(r.out, 0);
		if (!execute(&r, words))
			continue;
		results[i] = g_strdup(r.out->str);
		if (recorded)
			recorded[i] = result_below(&r, lines, i);
		b->check(r.w, wrong);
		if (wrong->len && (*contradictions)++ == 0)
			printf("  %s:%u: %s: contradicts itself:\n%s", file, r.line, lines[i], wrong->str);
	}
	b->stop(r.w);
	g_hash_table_unref(r.labels);
	g_ptr_array_unref(r.procs);
	g_string_free(r.out, TRUE);
	return true;
}
