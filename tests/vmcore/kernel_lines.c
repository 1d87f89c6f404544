/* kernel_lines.c - executes a script line by line. */
#include "kernel_run.h"

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
	if (!strcmp(w[0], "swap"))
		return false; /* it has been there from the start */
	if (!strcmp(w[0], "thp")) {
		if (r->b->thp)
			r->b->thp(r->w);
		return false;
	}
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

bool script_begin(struct run *r, const struct backend *b, const char *file, char **lines)
{
	*r = (struct run){ .b = b, .file = file, .w = b->start(g_strv_contains((const char *const *)lines, "swap")) };
	if (!r->w)
		return false;
	r->labels = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	r->procs = g_ptr_array_new_with_free_func(g_free);
	r->out = g_string_new(NULL);
	do_spawn(r, "p0");
	return true;
}

char *script_line(struct run *r, const char *line)
{
	g_auto(GStrv) words = split(line);

	r->line++;
	if (!words[0] || line[0] == '=' || line[0] == '|')
		return NULL;
	g_string_truncate(r->out, 0);
	return execute(r, words) ? g_strdup(r->out->str) : NULL;
}

void script_end(struct run *r)
{
	r->b->stop(r->w);
	g_hash_table_unref(r->labels);
	g_ptr_array_unref(r->procs);
	g_string_free(r->out, TRUE);
}
