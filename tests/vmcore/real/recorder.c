/*
 * recorder.c - executes a script of tests/cases/kernel's language on the running Linux kernel and prints it with the
 * results, in the form that README there describes. Needs root (empty address spaces, pagemap, swap).
 *
 *     recorder SCRIPT > RECORDED        result lines in SCRIPT are ignored
 *
 * Exit 77: not permitted here; 3: this one script cannot run here. Each simulated process is a real one that runs worker.c.
 */
#include "recorder.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

FILE *out;
static unsigned line_number;

static void clean_up(void)
{
	kill_procs();
	put_machine_back();
	remove_files();
}

void fail(int status, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "recorder: line %u: ", line_number);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	clean_up();
	exit(status);
}

static void do_spawn(char **w) { start(w[0]); }
static void do_swap(char **w) { make_swap(); }
static void do_thp(char **w) { allow_thp(); }
static void do_hugepages(char **w) { set_pool(w[0]); }
static void do_pool(char **w) { show_pool(); }

static void do_checkall(char **w)
{
	fprintf(out, "= ok\n");
	check_all();
}

static void do_share(char **w)
{
	fprintf(out, "= ok\n");
	share();
}

/* The words of a line, without its comment. */
static char **split(char *text)
{
	char **words;

	text[strcspn(text, "#")] = 0;
	words = g_strsplit_set(g_strstrip(text), " ", -1);
	for (char **from = words, **to = words;; from++) { /* several blanks: no empty words */
		if (*from && !**from) {
			g_free(*from);
			continue;
		}
		*to++ = *from;
		if (!*from)
			return words;
	}
}

static void run(char *text)
{
	static const struct { const char *name; void (*run)(char **w); } lines[] = {
		{ "file", declare_file }, { "spawn", do_spawn }, { "swap", do_swap }, { "thp", do_thp },
		{ "hugepages", do_hugepages }, { "pool", do_pool }, { "checkall", do_checkall }, { "share", do_share },
	};
	g_auto(GStrv) w = split(text);
	struct proc *p;

	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		if (strcmp(w[0], lines[i].name) == 0) {
			lines[i].run(w + 1);
			return;
		}
	p = proc_named(w[0]);
	if (!p || !w[1])
		fail(1, "no process %s", w[0]);
	if (w[2] && strcmp(w[2], "=") == 0)
		run_call(p, w + 3, w[1]);
	else
		run_call(p, w + 1, NULL);
}

/* All on one CPU: pages on their way to another CPU's lists would be neither paged out nor freed when asked for. */
static void use_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof one, &one);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	FILE *script;

	if (argc == 3 && strcmp(argv[1], "--worker") == 0)
		return be_worker((unsigned)atoi(argv[2]));
	if (argc != 2 || !(script = fopen(argv[1], "r"))) {
		fprintf(stderr, "usage: recorder SCRIPT\n");
		return 2;
	}
	if (geteuid() != 0) {
		fprintf(stderr, "recorder: needs root\n");
		return 77;
	}
	out = stdout;
	use_one_cpu();
	umask(0);
	make_directories();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	find_zero_page();
	open_channels();
	start("p0");
	while (getline(&line, &size, script) > 0) {
		line_number++;
		if (line[0] == '=' || line[0] == '|' || uses_unbound_label(line))
			continue;
		fputs(line, out);
		if (line[0] != '#' && line[strspn(line, " \n")])
			run(line);
	}
	free(line);
	fclose(script);
	fflush(out);
	clean_up();
	return 0;
}
