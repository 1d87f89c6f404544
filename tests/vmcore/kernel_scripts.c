/*
 * kernel_scripts - runs scripts recorded from Linux (tests/cases/kernel, README there) and compares everything.
 *
 *	kernel_scripts [-a] [-m] SCRIPT...
 *
 * Prints a score per script and where the first difference is (-a: all differences); -m: on a mount. Exit status 1 on any
 * difference. Scripts know nothing of what executes them: that is a struct backend, a set of system calls and of looks
 * at a process. One is the engine; the other drives a mount of its own by commands and files.
 */
#include "kernel_run.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show(const char *mark, const char *lines)
{
	g_auto(GStrv) list = g_strsplit(lines, "\n", -1);

	for (char **l = list; *l && **l; l++) {
		g_autofree char *named = named_addresses(*l);

		printf("    %s %s\n", mark, named);
	}
}

/* Only the lines that differ, each beside its counterpart. */
static void show_difference(const char *expected, const char *got)
{
	g_auto(GStrv) e = g_strsplit(expected, "\n", -1);
	g_auto(GStrv) g = g_strsplit(got, "\n", -1);
	guint n = MAX(g_strv_length(e), g_strv_length(g));

	if (g_strv_length(e) != g_strv_length(g)) {
		show("linux ", expected);
		show("engine", got);
		return;
	}
	for (guint i = 0; i < n; i++)
		if (strcmp(e[i], g[i])) {
			show("linux ", e[i]);
			show("engine", g[i]);
		}
}

/* The recorded result lines at the top of `below`. */
static char *recorded_result(struct run *r, char **below)
{
	GString *out = g_string_new(NULL);

	for (char **l = below; *l && **l && strchr("=|#", **l); l++) {
		g_autofree char *plain = plain_addresses(r, *l);

		if (**l != '#')
			g_string_append_printf(out, "%s\n", g_strchomp(plain));
	}
	return g_string_free(out, FALSE);
}

struct score { unsigned count, agree, contradictions; };

/* Executes a line and compares; shows `all` differences or the first. */
static void compare_line(struct run *r, char **line, struct score *s, bool all)
{
	g_autofree char *got = script_line(r, *line), *expected = NULL;
	g_autoptr(GString) wrong = g_string_new(NULL);

	if (!got)
		return;
	expected = recorded_result(r, line + 1);
	s->count++;
	if (!strcmp(expected, got)) {
		s->agree++;
	} else if (all || s->agree + 1 == s->count) {
		printf("  %s:%u: %s\n", r->file, r->line, *line);
		show_difference(expected, got);
	}
	r->b->check(r->w, wrong);
	if (wrong->len && s->contradictions++ == 0)
		printf("  %s:%u: %s: contradicts itself:\n%s", r->file, r->line, *line, wrong->str);
}

static bool run_recorded(const struct backend *b, const char *file, bool all)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	struct score s = { 0 };
	struct run r;

	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		fprintf(stderr, "%s: cannot be read\n", file);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	if (!script_begin(&r, b, file, lines)) {
		printf("%s %s: cannot run here\n", b->name, file);
		return false;
	}
	for (char **l = lines; *l; l++)
		compare_line(&r, l, &s, all);
	script_end(&r);
	printf("%s %s: %u of %u operations agree\n", b->name, file, s.agree, s.count);
	return s.agree == s.count && s.contradictions == 0;
}

int main(int argc, char **argv)
{
	const struct backend *b = &engine_backend;
	int total = 0, passed = 0;
	bool all = false;

	for (argv++; *argv && **argv == '-'; argv++) {
		all = all || !strcmp(*argv, "-a");
		b = strcmp(*argv, "-m") ? b : &mount_backend;
	}
	if (b == &mount_backend && access("/dev/fuse", R_OK | W_OK))
		return 77;
	for (; *argv; argv++, total++) {
		passed += run_recorded(b, *argv, all);
		fflush(stdout);
	}
	printf("%d of %d scripts agree in full\n", passed, total);
	return total > 0 && passed == total ? 0 : 1;
}
