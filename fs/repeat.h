/* repeat.h - a journal (record.h) carried out again: the same commands and the same input from outside, at the same times. */
#ifndef FS_REPEAT_H
#define FS_REPEAT_H

#include "journal_file.h"

struct fs;

/*
 * Carries out all records in the fresh world of `fs`, before it is mounted. 0: all, up to the end of the session. Otherwise
 * the world stands as the last record that could be carried out left it, and `e` says which was not, and why:
 * ENODATA the journal ends without its end, EBADMSG a record that is none, EPROTO the world has become another.
 * `turns`: at most so many in all (tests); 0: no limit.
 */
int journal_repeat(struct fs *fs, struct journal_file *j, uint64_t turns, struct err *e);

#endif
