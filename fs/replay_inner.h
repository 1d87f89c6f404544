/* replay_inner.h - what the files of `vitrine replay` share: what was asked for, and how it is told. */
#ifndef FS_REPLAY_INNER_H
#define FS_REPLAY_INNER_H

#include "replay.h"

struct replay_settings {
	struct replay_batch batch;
	GPtrArray *policies;     /* char * */
	GArray   *frames;        /* uint64_t, in order, each once */
	enum trace_format format;
	bool      curve, steps, help;
	uint8_t   output;        /* FORMAT_TEXT, _JSON, _CSV */
};

static inline bool replay_stopped(const struct replay_batch *b)
{
	return b->stop && *b->stop;
}

/* replay_options.c */
void replay_settings_init(struct replay_settings *s);
void replay_settings_clear(struct replay_settings *s);
/* Takes the command line, and checks it without reading any trace; what is left of it, from optind on, are traces. `help` was shown. */
int  replay_settings_parse(struct replay_settings *s, int argc, char **argv);   /* an exit status */

/* replay_prepare.c */
void replay_source_free(struct replay_source *s);

/* replay_batch.c */
enum { REPLAY_PIECE = 1 << 16 };  /* references at once */
typedef int replay_piece_fn(void *to, const uint64_t *refs, size_t n, struct err *e);
struct replay_source *replay_source_of(const struct replay_batch *b, const struct replay_job *j);
struct vm_replay_options replay_options_of(const struct replay_batch *b, const struct replay_job *j);
/* All references of the source, at most REPLAY_PIECE at a time; counts them as done. */
int  replay_feed(struct replay_batch *b, struct replay_source *s, replay_piece_fn *piece, void *to, struct err *e);

/* replay_sample.c */
/* The bucket of a page, 0 to REPLAY_BUCKETS - 1. */
static inline uint64_t replay_bucket(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x ^ x >> 31) >> 48;
}

/* How large a part of the pages is enough for this run; 1 or more: all. */
double replay_sample_rate(const struct replay_batch *b, const struct replay_job *j);
/* A run of about so large a part of the pages, less than 1: misses are an estimate then, with its error. */
int  replay_sampled(struct replay_batch *b, struct replay_job *j, double rate, struct err *e);

/* replay_bar.c */
void replay_bar_begin(struct replay_batch *b);
void replay_bar_end(struct replay_batch *b);     /* what stays on the terminal is there then */

/* replay_table.c: what is done, on the standard output. */
int  replay_print(const struct replay_settings *s);                             /* an exit status */

#endif
