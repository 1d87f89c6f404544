/* trace_inside.h - what the readers of the formats share. */
#ifndef FS_TRACE_INSIDE_H
#define FS_TRACE_INSIDE_H

#include "trace.h"
#include "trace_input.h"

enum { BATCH = 1 << 14 };    /* references that one call gives, of what has to be decoded */
enum { LINE_MAX_BYTES = 4096 };

struct trace {
	enum trace_format format;
	struct input in;
	uint64_t refs;           /* given so far */
	uint64_t line;           /* of text: lines taken */
	unsigned space, page_bits;
	bool     begun;          /* text: a reference has been read */
	GArray  *pids;           /* uint64_t by space */
	uint64_t *batch;
	/* compact */
	uint64_t *dictionary, dictionary_len, dictionary_room;
	uint32_t block_left;
	bool     ended;
};

/* trace_text.c */
int text_next(struct trace *t, size_t *n, struct err *e);
/*
 * trace_lackey.c: as many whole, plain lines of [*at, end) as it can take at full speed, at most `max`; the rest is for
 * the careful reader. The LACKEY_BEFORE bytes before *at may be read; the last of them is a newline.
 */
enum { LACKEY_BEFORE = 16 };
size_t lackey_fast(const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space);
/* trace_compact.c */
int compact_start(struct trace *t, struct err *e);
int compact_next(struct trace *t, size_t *n, struct err *e);
extern const char compact_magic[16];

#endif
