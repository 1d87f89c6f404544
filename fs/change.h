/* change.h - names made and removed, attributes set: what ops.c is asked for, without FUSE, so that a journal can ask too. */
#ifndef FS_CHANGE_H
#define FS_CHANGE_H

#include "tree.h"

enum change_kind {
	CHANGE_MKDIR, CHANGE_CREATE, CHANGE_SYMLINK, CHANGE_LINK, CHANGE_UNLINK, CHANGE_RMDIR, CHANGE_RENAME, CHANGE_ATTR,
	CHANGE_KINDS
};
extern const char *const change_names[CHANGE_KINDS];

struct change {
	enum change_kind kind;
	struct node at;          /* the directory; of attr the file itself */
	const char *name;        /* in it; of attr NULL */
	const char *text;        /* symlink: the target; rename: the new name */
	struct node to;          /* link: the file; rename: the new directory */
	mode_t mode;             /* mkdir, create */
	unsigned flags;          /* rename: those of renameat2(2) */
	struct stat st;          /* attr: which of it are valid */
	int valid;               /* says this, in FUSE_SET_ATTR_ bits */
};

/* Whether such a change can be asked for there at all; EPERM, EACCES, EXDEV, ENAMETOOLONG: no, and it leaves no trace. */
int change_allowed(const struct change *c);
/*
 * Makes one that is allowed: in the journal, in the world, in the error log. 0 or -errno; *child is what now has the name
 * (mkdir, create, symlink, link).
 */
int change_make(const struct change *c, struct node *child, struct err *e);

#endif
