/* convert.c - `vitrine convert`: a trace from one format into another. */
#include "replay.h"
#include "say.h"
#include "trace_zip.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
	"usage: vitrine convert [--from F] [--to F] IN OUT    F: lackey din pages bin64 compact; `-`: standard in- and output\n"
	"  Without --from the name or the beginning of IN tells, without --to the name of OUT, else compact is written.\n"
	"  What is written to a name that ends in .zst is compressed.\n";

struct conversion {
	const char *from_path, *to_path;
	struct trace *in;
	enum trace_format to;
	const volatile sig_atomic_t *stop;
};

static int parse_options(int argc, char **argv, enum trace_format *from, enum trace_format *to, bool *help)
{
	static const struct option longs[] = {
		{ "from", required_argument, NULL, 'f' }, { "to", required_argument, NULL, 't' }, { "help", no_argument, NULL, 'h' }, { 0 }
	};
	struct err e;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		*help |= c == 'h';
		if (c == 'h')
			continue;
		if (c != 'f' && c != 't') {
			fputs(usage, stderr);
			return USAGE;
		}
		if (trace_format_parse(optarg, c == 'f' ? from : to, &e))
			return misused("%s", e.why);
	}
	if (argc - optind == 2 || *help)
		return OK;
	fputs(usage, stderr);
	return USAGE;
}

/* *reading: the trace is at fault, not what is written. */
static int copy_all(const struct conversion *c, struct trace_writer *w, bool *reading, struct err *e)
{
	const uint64_t *refs;
	uint64_t all = 0;
	size_t n;

	do {
		if (c->stop && *c->stop)
			return err_set(e, EINTR, -1, "interrupted");
		*reading = true;
		if (trace_next(c->in, &refs, &n, e))
			return -e->code;
		all += n;
		if (n == 0 && all == 0)
			return err_set(e, EINVAL, -1, "it holds no reference");
		*reading = false;
		if (trace_write(w, refs, n, e))
			return -e->code;
	} while (n > 0);
	return 0;
}

static int copy(const struct conversion *c, FILE *out, bool *reading, struct err *e)
{
	struct trace_writer *w = trace_writer_new(out, c->to, c->in, replay_table_share(1), e);

	if (!w)
		return -e->code;
	if (copy_all(c, w, reading, e)) {
		trace_writer_drop(w);
		return -e->code;
	}
	return trace_writer_end(w, e);
}

/* Closes `out`. */
static int copy_to(const struct conversion *c, FILE *out)
{
	struct err e = { 0 };
	bool reading = false;
	int r = copy(c, out, &reading, &e);

	if (r)
		fail("%s: %s", reading ? c->from_path : c->to_path, e.why);
	if (fclose(out) && r == 0)
		r = fail("%s: %s", c->to_path, g_strerror(errno));
	return r ? FAILED : OK;
}

static int write_stream(const struct conversion *c, FILE *out)
{
	struct err e = { 0 };

	if (out && g_str_has_suffix(c->to_path, ".zst")) {
		out = trace_zip(out, &e);
		if (!out)
			return fail("%s: %s", c->to_path, e.why);
	}
	return out ? copy_to(c, out) : fail("%s: %s", c->to_path, g_strerror(errno));
}

/* A file appears whole or not at all; IN may be OUT. */
static int write_file(const struct conversion *c, const char *path)
{
	g_autofree char *part = g_strconcat(path, ".XXXXXX", NULL);
	int fd = g_mkstemp(part), rc;
	mode_t mask = umask(0);

	umask(mask);
	replay_unfinished(fd < 0 ? NULL : part);
	if (fd < 0)
		return fail("%s: %s", c->to_path, g_strerror(errno));
	rc = fchmod(fd, 0666 & ~mask) ? fail("%s: %s", c->to_path, g_strerror(errno)) : write_stream(c, fdopen(fd, "w"));
	if (rc == OK && rename(part, path))
		rc = fail("%s: %s", c->to_path, g_strerror(errno));
	if (rc)
		unlink(part);
	replay_unfinished(NULL);
	return rc;
}

/* Devices and pipes are written as it comes; a link's file is written, not the link. */
static int convert(const struct conversion *c)
{
	g_autofree char *real = realpath(c->to_path, NULL);

	if (!strcmp(c->to_path, "-"))
		return write_stream(c, fdopen(dup(1), "w"));
	if (g_file_test(c->to_path, G_FILE_TEST_EXISTS) && !g_file_test(c->to_path, G_FILE_TEST_IS_REGULAR))
		return write_stream(c, fopen(c->to_path, "we"));
	return write_file(c, real ? real : c->to_path);
}

int convert_main(int argc, char **argv)
{
	struct conversion c = { .to = TRACE_GUESS };
	enum trace_format from = TRACE_GUESS;
	struct err e = { 0 };
	bool help = false;
	int rc = parse_options(argc, argv, &from, &c.to, &help);

	if (rc == OK && help)
		return fputs(usage, stdout) < 0 || fflush(stdout) ? fail("%s", g_strerror(errno)) : OK;
	if (rc)
		return rc;
	c.stop = replay_catch_signals(false);
	c.from_path = argv[optind];
	c.to_path = argv[optind + 1];
	if (c.to == TRACE_GUESS)
		c.to = trace_guess_by_name(c.to_path);
	if (c.to == TRACE_GUESS)
		c.to = TRACE_COMPACT;
	c.in = trace_open(c.from_path, from, c.stop, &e);
	if (!c.in)
		rc = fail("%s: %s", c.from_path, e.why);
	else
		rc = convert(&c);
	trace_close(c.in);
	return rc && *c.stop ? replay_signalled() : rc;
}
