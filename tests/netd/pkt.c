/* pkt.c - runs scripts in the language of packetdrill against the simulated host, or against the kernel that is here. */
#include "pkt_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IMPOSSIBLE = 77, TOGETHER = 8, TRIES = 3 };

static const char usage[] =
	"usage: pkt [-v] [--strict] [--trace] [--linux] [--max SECONDS] [-j N] FILE.pkt...\n"
	"Runs each script (the language of packetdrill, a subset) against the simulated host in virtual time;\n"
	"--strict minds every packet and PSH, else bare ACKs that a script does not expect are passed over;\n"
	"--trace prints each packet that the host sends.\n"
	"--linux: against the kernel of this machine, through a tun device, each in a network namespace of its own, -j N\n"
	"(8) at a time, in real time: --max leaves out those that take longer. One that fails has two more tries.\n"
	"Exit status 0 if all went as written, 1 if one did not (why is on stderr), 2 wrong usage, 77 if there is no tun here.\n";

struct options {
	bool verbose, strict, trace, real;
	int64_t max;                 /* ns */
	int together;
};

static enum pkt_outcome run_script(const struct pkt_script *s, const char *path, const struct options *o, bool quietly)
{
	g_autoptr(GString) why = g_string_new(NULL);
	enum pkt_outcome got = pkt_run(s, o->real ? &pkt_linux : &pkt_ours, why);

	if (s->trace)
		fputs(s->trace->str, stdout);
	if (got != PKT_RIGHT && !quietly)
		fprintf(stderr, "%s: %s\n", path, why->str);
	return got;
}

static struct pkt_script *read_script(const char *path, const struct options *o)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct pkt_script *script;

	if (!g_file_get_contents(path, &text, NULL, &error)) {
		fprintf(stderr, "pkt: %s\n", error->message);
		return NULL;
	}
	script = pkt_parse(text);
	script->strict |= o->strict;
	script->trace = o->trace ? g_string_new(NULL) : NULL;
	return script;
}

static bool run_ours(const char *path, const struct options *o)
{
	struct pkt_script *script = read_script(path, o);
	bool good = script && run_script(script, path, o, false) == PKT_RIGHT;

	if (script)
		pkt_script_free(script);
	if (good && o->verbose)
		printf("%s: ok\n", path);
	return good;
}

/* --- the kernel --------------------------------------------------------------------------------------- */

struct job { pid_t pid; const char *path; int tries; };

static void start(struct job *j, const struct options *o)
{
	fflush(NULL);
	j->tries++;
	j->pid = fork();
	if (j->pid != 0)
		return;
	struct pkt_script *script = read_script(j->path, o);
	enum pkt_outcome got = script ? run_script(script, j->path, o, j->tries < TRIES) : PKT_WRONG;

	fflush(NULL);
	_exit(got == PKT_RIGHT ? 0 : got == PKT_IMPOSSIBLE ? IMPOSSIBLE : 1);
}

struct left_out { int ours, length; };

static bool is_left_out(const char *path, struct left_out *n, const struct options *o)
{
	struct pkt_script *script = read_script(path, o);
	bool ours = script && script->ours, length = script && !script->error && !ours && pkt_length(script) > o->max;

	if (script)
		pkt_script_free(script);
	n->ours += ours;
	n->length += length;
	if (o->verbose && (ours || length))
		printf("%s: %s\n", path, ours ? "not of the kernel" : "takes too long");
	return ours || length;
}

/* The next of `paths` that is to be run. */
static bool next_path(char **paths, int count, int *at, struct left_out *n, const struct options *o)
{
	while (*at < count && is_left_out(paths[*at], n, o))
		++*at;
	return *at < count;
}

static int run_linux(char **paths, int count, const struct options *o)
{
	g_autofree struct job *jobs = g_new0(struct job, (gsize)o->together);
	struct left_out left_out = { 0 };
	int at = 0, running = 0, bad = 0, again = 0, done = 0;

	for (;;) {
		int status;
		pid_t pid;

		for (int i = 0; i < o->together; i++)
			if (jobs[i].pid == 0 && next_path(paths, count, &at, &left_out, o)) {
				jobs[i] = (struct job){ .path = paths[at++] };
				start(&jobs[i], o);
				running++;
			}
		if (running == 0 || (pid = wait(&status)) < 0)
			break;
		for (int i = 0; i < o->together; i++) {
			struct job *j = &jobs[i];
			int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;

			if (j->pid != pid)
				continue;
			if (code == IMPOSSIBLE)
				return IMPOSSIBLE;
			if (code && j->tries < TRIES) {
				again++;
				start(j, o);
				continue;
			}
			if (code == 0 && o->verbose)
				printf("%s: ok%s\n", j->path, j->tries > 1 ? ", not at the first try" : "");
			bad += code != 0;
			done++;
			running--;
			j->pid = 0;
		}
	}
	printf("%d against the kernel, %d failed, %d tried again; left out: %d that take too long, %d of the simulated host\n", done,
	       bad, again, left_out.length, left_out.ours);
	return bad ? 1 : 0;
}

static bool number(const char *text, double *out)
{
	char *end = NULL;

	*out = text ? g_ascii_strtod(text, &end) : -1;
	return text && *text && !*end && *out > 0;
}

int main(int argc, char **argv)
{
	struct options o = { .max = INT64_MAX, .together = TOGETHER };
	bool good = true;
	double n;
	int files = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			return 0;
		}
		if (strcmp(argv[i], "-v") == 0) {
			o.verbose = true;
		} else if (strcmp(argv[i], "--strict") == 0) {
			o.strict = true;
		} else if (strcmp(argv[i], "--trace") == 0) {
			o.trace = true;
		} else if (strcmp(argv[i], "--linux") == 0) {
			o.real = true;
		} else if (strcmp(argv[i], "--max") == 0 && number(argv[i + 1], &n)) {
			o.max = (int64_t)(n * 1e9);
			i++;
		} else if (strcmp(argv[i], "-j") == 0 && number(argv[i + 1], &n)) {
			o.together = (int)CLAMP(n, 1, 1000);
			i++;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			fprintf(stderr, "pkt: no option %s; see pkt --help\n", argv[i]);
			return 2;
		} else {
			argv[files++] = argv[i];
		}
	}
	if (files == 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.real)
		return run_linux(argv, files, &o);
	for (int i = 0; i < files; i++)
		good &= run_ours(argv[i], &o);
	return good ? 0 : 1;
}
