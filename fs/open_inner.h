/* open_inner.h - what open.c, open_content.c and open_write.c share: open files, and what they say. */
#ifndef FS_OPEN_INNER_H
#define FS_OPEN_INNER_H

#include "open.h"

struct opens {
	GQueue   lru;         /* struct content, the most recently used first */
	size_t   bytes;       /* of those */
	GHashTable *results;  /* struct node -> struct result */
	char    *buffer;      /* of bytes being read */
	GString *slate;       /* NULL: in use */
	GQueue   files;       /* struct open_file */
};

struct open_file {
	GList    link;                /* in opens->files */
	struct world *world;
	struct known *known;
	int flags;
	uint32_t number;              /* in the journal; 0: it is not in it */
	bool stored;                  /* a text of it has been carried out */
	bool cached;                  /* by the kernel */
	struct content *content;      /* being read; NULL before the first read */
	/* The answer to this file's own last command. */
	GBytes  *answer;              /* NULL: no command yet */
	bool     answer_fresh;        /* not read yet: the next read starts it, at any offset */
	uint64_t answer_base;
	/* Lines */
	GString *tail;                /* behind the last newline; NULL: none */
	int32_t  tail_writer;
	struct job end_job;           /* of the line that runs at the last close */
	char    *failed_line;         /* it failed, and its writer was told by a short count only */
	size_t   failed_len;
	int      failed_code;
	/* ROW_COLLECT */
	char    *collected;
	size_t   collected_len, collected_room;
	int32_t  collector;
	/* Streams */
	void    *stream;
	GString *stream_rest;         /* read from the engine, not yet by the reader */
};

/* open.c */
/* The answer to this file's own last command; takes the reference, which may be NULL. */
void file_keep_answer(struct open_file *f, GBytes *answer);
/* What a fresh open of the node reads from now on; the caller's own reference, or NULL where the node shows something else. */
GBytes *node_keep_result(const struct node *n, GString *text);
/* open_content.c: the node as it is now, referenced for the caller; NULL with an error. */
struct content *content_now(struct world *w, struct known *k, struct err *e);
/* open_write.c: the unfinished line and the collected text are gone. */
void file_drop_unfinished(struct open_file *f);

#endif
