/* chunks.h - a body in chunks (RFC 9112 7.1), read strictly: a line ends in CRLF, and nothing is forgiven. */
#ifndef NETD_CHUNKS_H
#define NETD_CHUNKS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct chunks {
	enum { CHUNKS_SIZE, CHUNKS_DATA, CHUNKS_DATA_END, CHUNKS_TRAILER, CHUNKS_DONE } state;
	uint64_t left;           /* of the chunk */
	size_t   extra;          /* bytes of extensions and trailers */
};

/* Takes the next piece from the front of `in`, and appends what is body to `body` (NULL: nowhere). 1: it went on; 0: it needs more, or
 * is done; -1: it is wrong, as *why says. */
int chunks_take(struct chunks *c, GString *in, GString *body, const char **why);

#endif
