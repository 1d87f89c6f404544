/* trace_input.h - the bytes of a trace: a mapped file, a pipe, or either of them compressed by zstd. */
#ifndef FS_TRACE_INPUT_H
#define FS_TRACE_INPUT_H

#include "err.h"
#include "trace.h"
#include "units.h"

#include <signal.h>

struct input {
	const uint8_t *at, *end;  /* bytes that are there and not yet taken */
	bool     last;            /* nothing comes behind `end` */
	uint64_t passed;          /* bytes before `at` */
	bool     mapped;          /* the whole file is there */
	uint64_t file_bytes;      /* of a file; 0: unknown */
	uint64_t file_read;       /* so many of them are done (compressed ones count as they are) */
	const volatile sig_atomic_t *stop; /* EINTR once it is set; may be NULL */
	struct trace_bytes bytes; /* instead of a file, if it has a read() */
	/* its own: */
	int      fd;
	uint8_t *map, *buffer, *packed;
	size_t   packed_len, packed_at;
	void    *unzip;
	bool     in_frame;
};

/* "-" is the standard input. Errors have the reason without the name of the file. */
int  input_open(struct input *in, const char *path, const volatile sig_atomic_t *stop, struct err *e);
int  input_open_bytes(struct input *in, const struct trace_bytes *b, struct err *e);
void input_close(struct input *in);
/* Brings more bytes behind those not yet taken, which may move; sets `last` when there are none. */
int  input_more(struct input *in, struct err *e);
/* At least `n` bytes, or `last`. n is at most INPUT_WINDOW. */
int  input_want(struct input *in, size_t n, struct err *e);
static inline void input_take(struct input *in, size_t n) { in->at += n; in->passed += n; }

enum { INPUT_WINDOW = 1 << 20 };  /* what is there at once of a pipe */

#endif
