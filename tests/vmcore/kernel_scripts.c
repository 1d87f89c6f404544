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

/* Counts and shows; `all` differences or the first. True if there is none. */
static bool compare(const char *who, const char *file, char **lines, char **expected, char **got, bool all)
{
	unsigned count = 0, agree = 0;

	for (unsigned i = 0; lines[i]; i++) {
		if (!expected[i] || !got[i])
			continue;
		count++;
		if (!strcmp(expected[i], got[i])) {
			agree++;
		} else if (all || agree + 1 == count) {
			printf("  %s:%u: %s\n", file, i + 1, lines[i]);
			show_difference(expected[i], got[i]);
		}
	}
	printf("%s %s: %u of %u operations agree\n", who, file, agree, count);
	return agree == count;
}

static void free_results(char **results, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		g_free(results[i]);
	g_free(results);
}

static bool run_recorded(const struct backend *b, const char *file, bool all)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char **results, **recorded;
	unsigned n, contradictions = 0;
	bool same = false;

	if (!g_file_get_contents(file, &text, NULL, NULL)) {
		fprintf(stderr, "%s: cannot be read\n", file);
		return false;
	}
	lines = g_strsplit(text, "\n", -1);
	n = g_strv_length(lines);
	results = g_new0(char *, n + 1);
	recorded = g_new0(char *, n + 1);
	if (execute_script(b, file, lines, results, recorded, &contradictions))
		same = compare(b->name, file, lines, recorded, results, all);
	else
		printf("%s %s: cannot run here\n", b->name, file);
	free_results(results, n);
	free_results(recorded, n);
	return same && contradictions == 0;
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
