/*
 * journal_file.h - reading a journal (record.h): its header, and its records one after the other.
 *
 * Most records are carried out one by one (repeat.c). Some are what a call to the outside gave while another was carried out: the
 * code that made that call takes them instead of calling (journal_takes()).
 */
#ifndef FS_JOURNAL_FILE_H
#define FS_JOURNAL_FILE_H

#include "command.h"

struct journal_file;

struct journal_record {
	uint64_t number;              /* counts from 1 */
	size_t   at;                  /* where it begins in the file */
	ns_t     time;
	uint64_t turns, event;
	const char *name;
	const struct word *words;     /* behind the name */
	unsigned count;
	const char *bytes;            /* that follow its line; NULL: it has none */
	size_t   bytes_len;
};

/* NULL with an error: it cannot be read, or is none. */
struct journal_file *journal_file_open(const char *path, struct err *e);
/* The same of a text, which the file takes over; `name` is for messages. */
struct journal_file *journal_file_of(const char *name, GBytes *text, struct err *e);
void journal_file_free(struct journal_file *j);
/* The option of the header at `index`; false behind the last. */
bool journal_file_option(const struct journal_file *j, unsigned index, const char **name, const char **value);

/* The next record, until the next call; NULL with ENODATA where the journal is cut off, EBADMSG for what is no record. */
const struct journal_record *journal_next(struct journal_file *j, struct err *e);
/* Where that is. */
void journal_place(const struct journal_file *j, uint64_t *number, size_t *at);
/* The same without taking it; NULL where there is none. */
const struct journal_record *journal_peek(struct journal_file *j);
/*
 * Whether the next record of w->repeat has that name and was made at this time and event: much the same may have happened before,
 * without one. It is taken then, and stays until the next is looked at.
 */
const struct journal_record *journal_takes(struct world *w, const char *name);
/* Whether a record was made at this time and event. */
bool journal_is_now(const struct world *w, const struct journal_record *r);

/* The same for what a call to the outside gave; false: it was not made here. The bytes stay as long as the file. */
bool journal_answer(struct world *w, const char *call, int64_t *result, const void **bytes, size_t *len);

/* The number, or the time, that is word `i`. */
bool journal_number(const struct journal_record *r, unsigned i, uint64_t *v);
bool journal_time(const struct journal_record *r, unsigned i, ns_t *t);
/* Whether word `i` is this. */
bool journal_word(const struct journal_record *r, unsigned i, const char *text);

#endif
