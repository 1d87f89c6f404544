/*
 * open.h - open files: contents read, lines written, answers, streams. No FUSE here, so tests run without a kernel.
 *
 * A call that has to wait gives -EINPROGRESS and changes nothing; whoever made it tries it again after the world has
 * changed (ops.c parks the request). All else is final.
 */
#ifndef FS_OPEN_H
#define FS_OPEN_H

#include "job.h"

struct known;

/* One rendering of one node: immutable, shared by all who read it. */
struct content {
	unsigned refs;
	uint64_t generation;     /* of the world when it was made */
	char    *bytes;          /* may be right behind this struct */
	size_t   len;
	struct known *of;        /* who caches it; NULL: nobody any more */
	GList    lru;            /* in opens->lru while `of` is set */
};
void content_unref(struct content *c);
/* The node's latest rendering is not needed any more (the node is forgotten). */
void content_forget(struct world *w, struct known *k);

struct opens *opens_new(void);
void opens_free(struct opens *o);
/* For tests and for `version`: what is there now. */
struct open_stats { size_t files, contents, content_bytes, results; };
void open_stats(const struct world *w, struct open_stats *out);

struct open_file;
/* `flags` as of open(2). Does not ask who opens: file_access() does. */
struct open_file *file_open(struct world *w, struct known *k, int flags, struct err *e);
/* EACCES unless a caller may do that: mounter and root all that the row can; others read what "other" may. */
int file_access(const struct node *n, int flags, uid_t uid);
/* Whether writes of this open would have to wait for a command that waits in the same inode (node.h). */
bool file_is_busy(const struct known *k, int flags);
/* A command waits in a write to it; or does no longer. */
void file_waits(struct open_file *f, bool begins);
/* At most `size` bytes at `at`: their number, in *bytes, which stay until the next call; or -errno. */
ssize_t file_read(struct open_file *f, uint64_t at, size_t size, const char **bytes, struct err *e);
/* Its exact length now. 0 for streams, and for what cannot be rendered. */
uint64_t file_size(struct world *w, struct known *k);
/* The length of what it reads: of what was there at its latest read of offset 0. 0: nothing, or no text. */
size_t file_shown(const struct open_file *f);
/* It is read through the kernel's cache, which wants to know how long the file is now. */
void file_set_cached(struct open_file *f);
/* Where what this open file reads ends, if that may be elsewhere than where the file ends now. */
bool file_own_end(const struct open_file *f, uint64_t *end);

/* One write(2), or a flush(2) (data NULL), on its way; `data` belongs to the caller and must stay. */
struct write_call {
	struct open_file *file;
	const char *data;
	size_t   len, done;      /* done: bytes whose lines have been carried out */
	uint64_t at;             /* offset: of bytes only */
	int32_t  writer;         /* the real thread id */
	struct job job;          /* of the line at `done` */
};
/* How much of it was taken (never 0 for a write), 0 for a flush; -errno; -EINPROGRESS: call it again later. */
ssize_t file_write(struct write_call *c, struct err *e);
/* What close(2) does for this writer: its unfinished line runs, its collected text is handed over. */
ssize_t file_flush(struct write_call *c, struct err *e);
/* It will not be called again: what its command keeps is released. */
void file_cancel(struct write_call *c);
/* The last close: whoever left an unfinished line. -EINPROGRESS: call it again later; else the file is gone. */
int file_end(struct open_file *f);
/* Ends it whatever is unfinished. */
void file_abandon(struct open_file *f);
void files_abandon(struct world *w);

/* Who left something unfinished in it (the real thread id); 0: nobody. */
int32_t file_last_writer(const struct open_file *f);
bool file_is_stream(const struct open_file *f);
bool file_wants_flush(const struct open_file *f);
bool file_is_readable(const struct open_file *f);
bool file_is_writable(const struct open_file *f);
bool file_nonblock(const struct open_file *f);
/* For poll(2): whether a read would not wait. */
bool file_ready(struct open_file *f);
/* By which its journal names it; 0: it has left no record (record.h). */
uint32_t file_number(const struct open_file *f);
/* Before a name goes: files on disks that are open, though only to be read, are in the journal from now on. */
void files_record_readers(struct world *w);
/* Whether file_flush() by this thread has something to do. */
bool file_flush_acts(const struct open_file *f, int32_t writer);
/* Whether time moves for a read that waits (ROW_MOVES_TIME). */
bool file_moves_time(const struct open_file *f);
/* Whether its writes have to wait while time runs for somebody else (all but ROW_AT_ONCE). */
bool file_queues(const struct open_file *f);

enum {
	STORE_WHOLE = 1,         /* not a line: all that was collected */
	STORE_NONBLOCK = 2,
	STORE_FRESH = 4,         /* the first text of an open that truncates */
	/* An errno for ours alone: the EINPROGRESS of connect(2), which is an answer; who replies makes it EINPROGRESS. */
	STORE_BEGUN = 4096 | EINPROGRESS,
};
/*
 * Carries out one text as if it had been written to `n`: world, result of the file, error log. The answer (which may be NULL,
 * as the pointer may) belongs to the caller. -EINPROGRESS: the job keeps what it has to know for the next try.
 */
int node_store(const struct node *n, struct job *job, const char *text, size_t len, unsigned how, GBytes **answer,
	       struct err *e);

#endif
