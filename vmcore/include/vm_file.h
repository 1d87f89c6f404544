/* vm_file.h - what a descriptor stands for. vmcore never learns what is behind `object`. */
#ifndef VM_FILE_H
#define VM_FILE_H

#include "err.h"
#include "vm_types.h"

struct vm_file_ops {
	const char *kind;                /* "socket", "pipe": the name in fd/ links */
	void (*retain)(void *object);    /* fork, dup */
	void (*release)(void *object);   /* close, exit */
};

enum { VM_OPEN_READ = 1, VM_OPEN_WRITE = 2 };

/* A copy of what one descriptor shows. */
struct vm_fd {
	int      fd;
	unsigned mode;              /* VM_OPEN_* */
	struct vm_inode *inode;     /* of a file, not retained; else NULL */
	const struct vm_file_ops *ops;
	void    *object;            /* of ops */
	uint64_t position;          /* of the open file description, shared after dup and fork */
	uint64_t description;       /* its number: equal for descriptors that share it */
};
/* The result is the lowest free descriptor. ENFILE, EMFILE by RLIMIT_NOFILE. */
int vm_open(struct vm_proc *p, struct vm_inode *inode, unsigned mode, int *fd, struct err *e);
int vm_open_object(struct vm_proc *p, const struct vm_file_ops *ops, void *object, unsigned mode, int *fd,
		   struct err *e);
int vm_close(struct vm_proc *p, int fd, struct err *e);
int vm_dup(struct vm_proc *p, int fd, int *result, struct err *e);
enum { VM_SEEK_SET, VM_SEEK_CUR, VM_SEEK_END };
int vm_lseek(struct vm_proc *p, int fd, int64_t offset, int whence, uint64_t *result, struct err *e);
/* read(2) and write(2) on a file: *done bytes. The file's pages are brought into the page cache. */
int vm_fd_read(struct vm_proc *p, int fd, void *to, size_t len, size_t *done, struct err *e);
int vm_fd_write(struct vm_proc *p, int fd, const void *from, size_t len, size_t *done, struct err *e);
/* The lowest descriptor at or above `fd`; false when there is none. */
bool vm_fd_above(const struct vm_proc *p, int fd, struct vm_fd *out);

#endif
