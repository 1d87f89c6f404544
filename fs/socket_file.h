/* socket_file.h - sockets as descriptors of processes: what fills vmcore's hole with netd's sockets. */
#ifndef FS_SOCKET_FILE_H
#define FS_SOCKET_FILE_H

#include "net_socket.h"
#include "vm_file.h"
#include "world.h"

/* A new descriptor for `s`, whose reference becomes the descriptor's; on failure it is given back. EMFILE. */
int socket_install(struct vm_proc *p, struct net_socket *s, int *fd, struct err *e);
/* accept(2): -EAGAIN when nobody is there; nothing is taken from the queue when no descriptor is free. */
int socket_accept(struct vm_proc *p, struct net_socket *s, int *fd, struct net_endpoint *peer, struct err *e);
/* The socket behind a descriptor, not retained; NULL with EBADF or ENOTSOCK. */
struct net_socket *socket_of_fd(const struct vm_proc *p, int fd, struct err *e);
/* NULL for what is no socket. */
struct net_socket *socket_of(const struct vm_fd *f);
struct net_caller  socket_caller(const struct vm_proc *p);

/*
 * A row for fixtures, as if by traffic: held by descriptor `fd` (-1: the lowest free one) of `p`, or by the host itself when
 * `p` is NULL. EBUSY the descriptor is open.
 */
int socket_fixture(struct host *h, struct vm_proc *p, int fd, const struct net_fixture *f, struct err *e);
void socket_fixtures_clear(struct host *h);

/* Who has which socket: every descriptor of a host looked at once. */
struct holder { int32_t pid; int fd; };
struct holders;
struct holders *holders_new(const struct host *h);
void holders_free(struct holders *all);
/* The lowest pid that has it open, and its lowest descriptor; NULL: nobody. */
const struct holder *holder_of(const struct holders *all, uint64_t inode);

#endif
