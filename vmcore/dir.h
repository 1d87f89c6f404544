/* dir.h - directories inside the engine, and what disk.c, cache.c and dir.c share about inodes. */
#ifndef VMCORE_DIR_H
#define VMCORE_DIR_H

#include "inode.h"

struct vm_inode *inode_new(struct vm_host *h, enum vm_inode_kind kind, uint32_t mode, bool tmpfs);
void inode_changed(struct vm_inode *i);   /* ctime, and the host's generation */
void mappings_init(struct tree *t);       /* mappings.c: areas by pgoff, with the largest last page below */

void dir_init(struct vm_inode *dir);
void dir_clear(struct vm_inode *dir);     /* a directory ends: it is empty, or all inodes end with it */

#endif
