/* vm_file.h - what a descriptor stands for. vmcore never learns what is behind `object`. */
#ifndef VM_FILE_H
#define VM_FILE_H

#include "err.h"
#include "vm_types.h"

#include <sys/types.h>

struct vm_file_ops {
	const char *kind;                /* "socket", "pipe": the name in fd/ links */
	void (*retain)(void *object);    /* fork, dup */
	void (*release)(void *object);   /* close, exit */
	uint64_t (*number)(const void *object); /* of its inode; NULL: that of the description */
	/* read(2), write(2), poll(2); never wait: -EAGAIN. NULL: EINVAL, always ready. */
	ssize_t (*read)(void *object, void *to, size_t len, struct err *e);
	ssize_t (*write)(void *object, const void *from, size_t len, struct err *e);
	unsigned (*poll)(const void *object); /* VM_POLL_* */
};
enum { VM_POLL_IN = 1, VM_POLL_PRI = 2, VM_POLL_OUT = 4, VM_POLL_ERR = 8, VM_POLL_HUP = 16 }; /* numbers of poll(2) */

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
	uint64_t number;            /* of an object's inode */
};
/* The result is the lowest free descriptor. ENFILE, EMFILE by RLIMIT_NOFILE. */
int vm_open(struct vm_proc *p, struct vm_inode *inode, unsigned mode, int *fd, struct err *e);
/* The reference that the caller has of `object` becomes the descriptor's. */
int vm_open_object(struct vm_proc *p, const struct vm_file_ops *ops, void *object, unsigned mode, int *fd,
		   struct err *e);
/* The same at a number that a fixture wants (-1: the lowest free), whatever RLIMIT_NOFILE says. EBUSY it is open; EBADF beyond 2^20. */
int vm_place_object(struct vm_proc *p, const struct vm_file_ops *ops, void *object, unsigned mode, int fd,
		    struct err *e);
/* Where an open description stands, whatever it is: for fixtures. */
void vm_fd_set_position(struct vm_proc *p, int fd, uint64_t position);
/* Whether that would be refused. */
int vm_place_check(const struct vm_proc *p, int fd, struct err *e);
/* A file, likewise, read and written from `position` on. */
int vm_place_file(struct vm_proc *p, struct vm_inode *inode, unsigned mode, uint64_t position, int fd, struct err *e);
/* pipe(2): fds[0] reads what fds[1] writes. EMFILE. */
int vm_pipe(struct vm_proc *p, int fds[2], struct err *e);
int vm_close(struct vm_proc *p, int fd, struct err *e);
int vm_dup(struct vm_proc *p, int fd, int *result, struct err *e);
enum { VM_SEEK_SET, VM_SEEK_CUR, VM_SEEK_END };
int vm_lseek(struct vm_proc *p, int fd, int64_t offset, int whence, uint64_t *result, struct err *e);
/*
 * read(2) and write(2): *done bytes. A file's pages are brought into the page cache. They never wait: EAGAIN when
 * nothing is in the pipe or there is no room; EPIPE nobody reads it any more.
 */
int vm_fd_read(struct vm_proc *p, int fd, void *to, size_t len, size_t *done, struct err *e);
int vm_fd_write(struct vm_proc *p, int fd, const void *from, size_t len, size_t *done, struct err *e);
/* VM_POLL_*; EBADF. Files are always ready. */
int vm_fd_poll(const struct vm_proc *p, int fd, unsigned *ready, struct err *e);
/* Copies one descriptor; EBADF. */
int vm_fd_at(const struct vm_proc *p, int fd, struct vm_fd *out, struct err *e);
/* The descriptor that an open would give now; EMFILE. */
int vm_fd_next(const struct vm_proc *p, struct err *e);
/* The lowest descriptor at or above `fd`; false when there is none. */
bool vm_fd_above(const struct vm_proc *p, int fd, struct vm_fd *out);

#endif
