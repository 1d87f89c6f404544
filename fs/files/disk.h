/* disk.h - the host's disk as ordinary files: what host.c puts into its row `files`, and its room for statfs(2). */
#ifndef FS_DISK_H
#define FS_DISK_H

#include "tree.h"

#include <sys/statvfs.h>

int disk_attr(const struct node *n, struct stat *st);
int disk_setattr(const struct node *n, const struct stat *st, int valid, struct err *e);
/* True if the node is the disk or on it; then *out is filled: a file system of 4 KiB blocks. */
bool disk_statfs(const struct node *n, struct statvfs *out);

/* `hosts/H/files//N`, by its inode's number, which stays when names go; NULL for what is not on a disk. Free with g_free(). */
char *disk_name(const struct node *n);
/* The node of such a name: 0, -ENOENT or, for a name of another form, -EINVAL. */
int disk_path(struct world *w, const char *name, struct node *n);

#endif
