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

/* replay_options.c */
void replay_settings_init(struct replay_settings *s);
void replay_settings_clear(struct replay_settings *s);
/* Takes the command line, and checks it without reading any trace; what is left of it, from optind on, are traces. `help` was shown. */
int  replay_settings_parse(struct replay_settings *s, int argc, char **argv);   /* an exit status */

/* replay_table.c: what is done, on the standard output. */
int  replay_print(const struct replay_settings *s);                             /* an exit status */

#endif
