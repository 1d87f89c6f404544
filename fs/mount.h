/* mount.h - directories to mount on: what is there already, and getting rid of it. */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "err.h"

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>

/* ioctl() of the root of a mount: the number of the program that serves it. */
#define MOUNT_PROGRAM _IOR('v', 1, pid_t)

/* The absolute name of `dir`, with no link in it, though what is mounted there may be dead; NULL with an error. */
char *mount_absolute(const char *dir, struct err *e);
/*
 * Makes sure that `dir` (absolute) may be mounted on: an empty directory with nothing mounted. A mount of ours whose
 * program is gone is detached first.
 */
int mount_prepare(const char *dir, struct err *e);
/*
 * Takes off a mount of ours; one that is in use is detached, and ends when it is not used any more. Else its program has ended
 * then, although mount namespaces that were made meanwhile still have copies of the mount.
 */
int mount_end(const char *dir, struct err *e);

#endif
