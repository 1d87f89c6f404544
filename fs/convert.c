/* convert.c - `vitrine convert`: a trace from one format into another. */
#include "replay.h"
#include "say.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: vitrine convert [--from F] [--to F] IN OUT    F: lackey din pages bin64 compact; `-`: standard in- and output\n"
	"  Without --from the name or the beginning of IN tells, without --to the name of OUT, else compact is written.\n";

static int parse_options(int argc, char **argv, enum trace_format *from, enum trace_format *to)
{
	static const struct option longs[] = { { "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' }, { 0 } };
	struct err e;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (c != 'f' && c != 't') {
			fputs(usage, stderr);
			return USAGE;
		}
		if (trace_format_parse(optarg, c == 'f' ? from : to, &e))
			return misused("%s", e.why);
	}
	if (argc - optind == 2)
		return OK;
	fputs(usage, stderr);
	return USAGE;
}

static int copy(struct trace *in, FILE *out, enum trace_format to, struct err *e)
{
	struct trace_writer *w = trace_writer_new(out, to, in, e);
	const uint64_t *refs;
	uint64_t all = 0;
	size_t n;

	if (!w)
		return -e->code;
	do {
		if (trace_next(in, &refs, &n, e) || trace_write(w, refs, n, e)) {
			trace_writer_drop(w);
			return -e->code;
		}
		all += n;
	} while (n > 0);
	if (all == 0) {
		trace_writer_drop(w);
		return err_set(e, EINVAL, -1, "it holds no reference");
	}
	return trace_writer_end(w, e);
}

static int copy_to(struct trace *in, FILE *out, const char *from_path, const char *to_path, enum trace_format to)
{
	struct err e = { 0 };
	int r = copy(in, out, to, &e);

	if (r)
		fail("%s: %s", from_path, e.why);
	if (fclose(out) && r == 0)
		r = fail("%s: %s", to_path, g_strerror(errno));
	return r ? FAILED : OK;
}

/* A file appears whole or not at all; IN may be OUT. Devices and pipes are written as it comes. */
static int convert(struct trace *in, const char *from_path, const char *to_path, enum trace_format to)
{
	g_autofree char *part = g_strconcat(to_path, ".part", NULL);
	bool plain = strcmp(to_path, "-") && (access(to_path, F_OK) || g_file_test(to_path, G_FILE_TEST_IS_REGULAR));
	FILE *out = !strcmp(to_path, "-") ? fdopen(dup(1), "w") : fopen(plain ? part : to_path, "we");
	int rc;

	if (!out)
		return fail("%s: %s", to_path, g_strerror(errno));
	rc = copy_to(in, out, from_path, to_path, to);
	if (plain && rc == OK && rename(part, to_path))
		rc = fail("%s: %s", to_path, g_strerror(errno));
	if (plain && rc)
		unlink(part);
	return rc;
}

int convert_main(int argc, char **argv)
{
	enum trace_format from = TRACE_GUESS, to = TRACE_GUESS;
	int rc = parse_options(argc, argv, &from, &to);
	struct err e = { 0 };
	struct trace *in;

	if (rc)
		return rc;
	if (to == TRACE_GUESS)
		to = trace_guess_by_name(argv[optind + 1]);
	in = trace_open(argv[optind], from, NULL, &e);
	if (!in)
		return fail("%s: %s", argv[optind], e.why);
	rc = convert(in, argv[optind], argv[optind + 1], to == TRACE_GUESS ? TRACE_COMPACT : to);
	trace_close(in);
	return rc;
}
