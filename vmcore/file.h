/* file.h - open file descriptions and tables of descriptors. */
#ifndef VMCORE_FILE_H
#define VMCORE_FILE_H

#include "inode.h"
#include "vm_file.h"

struct file {
	uint32_t refs;               /* descriptors and areas */
	uint64_t number;             /* of the description, never reused */
	unsigned mode;               /* VM_OPEN_* */
	struct vm_inode *inode;      /* retained; or NULL */
	const struct vm_file_ops *ops;
	void    *object;
	uint64_t position;
};
struct file *file_new(struct vm_inode *i, unsigned mode);
struct file *file_retain(struct file *f);
void file_release(struct file *f);

struct fd_table;
struct fd_table *fds_copy(const struct fd_table *from); /* fork */
void fds_free(struct fd_table *t);
struct file *fd_at(const struct fd_table *t, int fd); /* NULL */

#endif
