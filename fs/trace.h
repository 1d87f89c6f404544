/*
 * trace.h - traces of memory references, in the formats that tools write.
 *
 *   lackey   valgrind --tool=lackey --trace-mem=yes: `I  04016d00,3`, ` L 1ffeffe7e,8`, S, M. Lines that begin with == or
 *            -- are valgrind's own and skipped.
 *   din      dinero's: LABEL ADDRESS, hexadecimal; label 0 load, 1 store, 2 fetch
 *   pages    a page number a line, decimal or 0x
 *   bin64    page numbers as little-endian 64-bit words
 *   compact  our own, written by `vitrine convert`; trace_compact.c describes it
 *
 * In the text formats empty lines and # comments are skipped, and a line `pid N` says that what follows was done by
 * process N (until the first one: by process 0), so that one trace holds several address spaces.
 *
 * Each reference touches one page, that of its address: sizes are ignored. Pages are of 4096 bytes.
 */
#ifndef FS_TRACE_H
#define FS_TRACE_H

#include "err.h"
#include "vm_ref.h"

#include <signal.h>
#include <stdio.h>

enum trace_format { TRACE_LACKEY, TRACE_DIN, TRACE_PAGES, TRACE_BIN64, TRACE_COMPACT, TRACE_FORMATS, TRACE_GUESS = TRACE_FORMATS };
extern const char *const trace_format_names[TRACE_FORMATS + 1]; /* ends with NULL */
int trace_format_parse(const char *name, enum trace_format *f, struct err *e); /* EINVAL */
enum { TRACE_PAGE_BITS = 12 };

/* By the end of its name, as .bin64 or .lackey.zst; TRACE_GUESS: that says nothing. */
enum trace_format trace_guess_by_name(const char *path);

struct trace;
/*
 * `path` "-" is the standard input; compressed files and pipes are unpacked. TRACE_GUESS looks at the name's end
 * (.bin64, .lackey.zst), then at the first bytes. NULL with `e`: what was wrong, with the line or byte, not the path.
 */
struct trace *trace_open(const char *path, enum trace_format f, const volatile sig_atomic_t *stop, struct err *e);
/* Bytes that somebody else has: read() gives up to len at `at`, 0 at the end, or -errno. */
struct trace_bytes { ssize_t (*read)(void *from, uint64_t at, void *to, size_t len); void *from; };
/* The same of such bytes, with pages of another size; `name` is only for guessing. */
struct trace *trace_open_bytes(const struct trace_bytes *b, const char *name, enum trace_format f, unsigned page_bits, struct err *e);
void trace_close(struct trace *t);
/* The next references: *n of them at *refs, good until the next call; *n 0: the end. Valid words of vm_ref.h, all of them. */
int  trace_next(struct trace *t, const uint64_t **refs, size_t *n, struct err *e);
/* For a progress bar: how much of the file is done, of how much; *total 0: unknown. */
void trace_progress(const struct trace *t, uint64_t *done, uint64_t *total);
/* The number that the trace has for process `space` of its references; spaces are counted in order of appearance. */
uint64_t trace_pid(const struct trace *t, unsigned space);
/* All references as one array, when the file itself is that (a mapped bin64); else NULL. They still have to be checked. */
const uint64_t *trace_array(const struct trace *t, uint64_t *n);

/*
 * Writes what is read from `from`; counting its pages takes at most table_bytes (0: 4 GiB). Errors: errno of the stream, ERANGE for
 * what the format cannot say.
 */
struct trace_writer;
struct trace_writer *trace_writer_new(FILE *to, enum trace_format f, const struct trace *from, uint64_t table_bytes, struct err *e);
int  trace_write(struct trace_writer *w, const uint64_t *refs, size_t n, struct err *e);
int  trace_writer_end(struct trace_writer *w, struct err *e);  /* flushes and frees; not to be called after an error: then trace_writer_drop() */
void trace_writer_drop(struct trace_writer *w);

#endif
