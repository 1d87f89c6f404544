/*
 * record.h - the journal of a session: all that enters a world from outside, in order, so that it can be repeated.
 *
 * A text: a header, an empty line, then a record a line, each written before what it tells is carried out:
 *
 *     vitrine journal 1
 *     seed 1                                  options of the mount, NAME VALUE a line
 *
 *     0.000000000 0 1 open 1 hosts/host0/ctl rwt
 *     0.000000000 0 1 write 1 0 11            followed by that many bytes and a newline
 *     spawn demo
 *
 * Each begins with the simulated time, the turns of the loop in which what waits was let go on since the last record, and
 * the number that the next event will have. Then comes what happened (words are quoted as in commands; [q]: it came while
 * time ran for others, and was queued):
 *
 *     mkdir DIR NAME MODE | create DIR NAME MODE | symlink DIR NAME TARGET | link DIR NAME FILE | unlink DIR NAME
 *     rmdir DIR NAME | rename DIR NAME DIR2 NAME2 FLAGS | attr FILE VALID MODE UID GID SIZE SECONDS NANOSECONDS
 *     open N FILE FLAGS                       r w rw, t truncate, a append, n nonblock; N counts from 1
 *     write N OFFSET LEN [q]                  bytes follow
 *     flush N [q] | release N [q]             an unfinished line runs; the last close
 *     read N SIZE | poll N                    of streams in which reading acts
 *     interrupt I                             the I-th of the requests that wait ends with EINTR
 *     time T UNTIL                            the wall clock moved simulated time to T; what was due until UNTIL happened
 *     break WHERE DONE                        in the middle of it: the rest has to wait for its next turn
 *     turn                                    what waits was let go on, and took input from outside, which follows
 *     victim HOST                             policy external got no answer in time
 *     ready NOW [FD EVENTS]...                what was ready outside at that real time, and was let go on
 *     now NOW                                 the real time, in the middle of something
 *     answer CALL RESULT LEN                  what a call to the outside gave then; bytes follow
 *     pause | end                             the clock is manual now; the session ended
 *
 * FILE and DIR are paths of the tree; `hosts/H/files//N` is inode N of a disk. What only looks is not there. Who reads a journal
 * is repeat.c.
 */
#ifndef FS_RECORD_H
#define FS_RECORD_H

#include "tree.h"

struct change;
struct record;

#define RECORD_MAGIC "vitrine journal 1"

/* A new journal, or one that replaces the file; NULL with an error. */
struct record *record_new(const char *path, struct err *e);
void record_free(struct record *r);
/* The header: options in any order, then its end. */
void record_option(struct record *r, const char *name, const char *value);
void record_begin(struct record *r);

/* All of these do nothing in a world without a journal. */
void record_change(struct world *w, const struct change *c);
/* The number by which later records name it; 0: there is no journal, or what is done with it leaves no trace. */
uint32_t record_open(struct world *w, const struct node *n, int flags);
void record_write(struct world *w, uint32_t file, bool queued, uint64_t at, const void *bytes, size_t len);
void record_flush(struct world *w, uint32_t file, bool queued);
void record_release(struct world *w, uint32_t file, bool queued);
void record_read(struct world *w, uint32_t file, size_t size);
void record_poll(struct world *w, uint32_t file);
void record_interrupt(struct world *w, unsigned index);
void record_time(struct world *w, ns_t to, ns_t until);
/* Whether work stops here because it `takes_long`: while a journal is repeated, whether it did. `where`: a word,
 * `done`: how much there has been of it, which no other place has where it could stop. */
bool record_break(struct world *w, const char *where, uint64_t done, bool takes_long);
void record_victim(struct world *w, const char *host);
/* What bridge_poll() found: the real time, and `words` for what has become ready, each with a blank in front. */
void record_bridge(struct world *w, ns_t now, const char *words);
void record_now(struct world *w, ns_t now);
/*
 * What a call to the outside gave, told when it has been made; that of another program's is journal_answer(). `call` is a
 * word for it, `result` what it returned.
 */
void record_answer(struct world *w, const char *call, int64_t result, const void *bytes, size_t len);
void record_pause(struct world *w);
void record_end(struct world *w);

/* loop.c, around a turn: what waits is let go on if `settles`; there was more to do at once. */
void record_turn_begins(struct world *w, bool settles);
void record_turn_ends(struct world *w, bool more);
/* All that could go on has: a turn in which nothing comes in does nothing. */
void record_settled(struct world *w);
/* Whether the next turn may do something, though nothing comes in before it. */
bool record_is_live(const struct world *w);
/* Whether anything waited in the last turn. */
bool record_waits(const struct world *w);

#endif
