/* pkt.c - runs scripts in the language of packetdrill against the simulated host. */
#include "pkt.h"

#include <stdio.h>
#include <string.h>

static bool run_file(const char *path, bool verbose, bool strict)
{
	GString *why = g_string_new(NULL);
	struct pkt_script *script;
	GError *error = NULL;
	char *text;
	bool good;

	if (!g_file_get_contents(path, &text, NULL, &error)) {
		fprintf(stderr, "pkt: %s\n", error->message);
		g_error_free(error);
		g_string_free(why, TRUE);
		return false;
	}
	script = pkt_parse(text);
	script->strict |= strict;
	good = pkt_run(script, verbose, why);
	if (!good)
		fprintf(stderr, "%s: %s\n", path, why->str);
	else if (verbose)
		printf("%s: ok\n", path);
	pkt_script_free(script);
	g_string_free(why, TRUE);
	g_free(text);
	return good;
}

int main(int argc, char **argv)
{
	bool verbose = false, strict = false, good = true;
	int files = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			printf("usage: pkt [-v] [--strict] FILE.pkt...\n"
			       "Runs each script (the language of packetdrill, a subset) against the simulated host in virtual\n"
			       "time; --strict minds every packet and PSH, else bare ACKs that a script does not expect are passed over.\n"
			       "Exit status 0 if all went as written, 1 if one did not (why is on stderr), 2 wrong usage.\n");
			return 0;
		}
		if (strcmp(argv[i], "-v") == 0) {
			verbose = true;
		} else if (strcmp(argv[i], "--strict") == 0) {
			strict = true;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			fprintf(stderr, "pkt: no option %s; see pkt --help\n", argv[i]);
			return 2;
		} else {
			files++;
			good &= run_file(argv[i], verbose, strict);
		}
	}
	if (files == 0) {
		fprintf(stderr, "usage: pkt [-v] FILE.pkt...\n");
		return 2;
	}
	return good ? 0 : 1;
}
