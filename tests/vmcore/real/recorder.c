/*
 * recorder.c - executes a script of tests/cases/kernel's language on the running Linux kernel and prints it with the
 * results, in the form that README there describes. Needs root (empty address spaces, pagemap, swap).
 *
 *     recorder SCRIPT > RECORDED        result lines in SCRIPT are ignored
 *
 * Exit 77: not permitted here; 3: this one script cannot run here. Each simulated process is a real one that runs worker.c.
 */
#include "kernel_run.h"
#include "recorder.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct run script;

/* However the program ends. */
static void clean_up(void)
{
	real_backend.stop(script.w);
}

void fail(int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "recorder: line %u: ", script.line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(status);
}

/* All on one CPU: pages on their way to another CPU's lists would be neither paged out nor freed when asked for. */
static void use_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
}

/* A generated script may use a label (k0, k1...) whose call failed: such a line is left out of what is recorded. */
static bool uses_unbound_label(const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	for (guint i = 0; words[i]; i++) {
		g_autofree char *name = g_strndup(words[i], strcspn(words[i], "+-"));
		bool binding = words[i + 1] && strcmp(words[i + 1], "=") == 0;

		if (!binding && name[0] == 'k' && g_ascii_isdigit(name[1]) && !g_hash_table_contains(script.labels, name))
			return true;
	}
	return false;
}

static void record(const char *line)
{
	g_autofree char *result = NULL, *named = NULL;

	if (line[0] == '=' || line[0] == '|' || uses_unbound_label(line)) {
		script.line++;
		return;
	}
	printf("%s\n", line);
	result = script_line(&script, line);
	if (result) {
		named = named_addresses(result);
		fputs(named, stdout);
	}
}

int main(int argc, char **argv)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (argc == 3 && strcmp(argv[1], "--worker") == 0)
		return be_worker((unsigned)atoi(argv[2]));
	if (argc != 2 || !g_file_get_contents(argv[1], &text, NULL, NULL)) {
		fprintf(stderr, "usage: recorder SCRIPT\n");
		return 2;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "recorder: needs root\n");
		return 77;
	}
	use_one_cpu();
	umask(0);
	atexit(clean_up);
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	script_begin(&script, &real_backend, argv[1], lines);
	for (char **l = lines; *l; l++)
		record(*l);
	return 0; /* clean_up() is what ends the script */
}
