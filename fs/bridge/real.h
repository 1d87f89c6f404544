/*
 * real.h - this machine's sockets, as the bridge uses them: every call to the outside is here.
 *
 * All are non-blocking and closed on exec. Results are 0, a count, or -errno. What they give is in the world's journal, if it has
 * one; while a journal is repeated nothing is called, and they give what it says (descriptors are only names then).
 */
#ifndef FS_BRIDGE_REAL_H
#define FS_BRIDGE_REAL_H

#include "err.h"
#include "net_socket.h"
#include "world.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct real_addr {
	socklen_t len;               /* 0: none */
	union {
		struct sockaddr     any;
		struct sockaddr_in  v4;
		struct sockaddr_in6 v6;
		struct sockaddr_un  un;
	};
};
enum { REAL_TEXT = 128 };
/* 127.0.0.1:8080, [::1]:8080, unix:/path; `-` for none, unix: for a nameless end. */
const char *real_text(const struct real_addr *a, char out[REAL_TEXT]);
bool real_equal(const struct real_addr *a, const struct real_addr *b);
guint real_hash(const struct real_addr *a);
uint16_t real_port(const struct real_addr *a); /* 0: unix */

/* Which file of the file system; zeros: none. */
struct real_file { uint64_t device, inode; };

/* A listening (udp: bound) socket; one of the file system, which is then *file, is for its owner alone. */
int  real_listen(struct world *w, const struct real_addr *at, bool udp, struct real_file *file);
/* Takes its name out of the file system, too, if that is still its own. */
void real_unlisten(struct world *w, int fd, const struct real_addr *at, const struct real_file *file);
/* Whether a path leads through our own mount: any call for it would wait for ourselves. */
bool real_leads_to_us(struct world *w, const char *path);
/* Which file that is; for paths that do not. */
void real_file(struct world *w, const char *path, struct real_file *file);
int  real_accept(struct world *w, int listener, struct real_addr *local, struct real_addr *remote);
/* -EINPROGRESS: real_connected() when it is writable. The descriptor in *fd unless it failed at once. */
int  real_connect(struct world *w, const struct real_addr *to, bool udp, int *fd, struct real_addr *local);
/* How that has ended; one that met itself is refused. */
int  real_connected(struct world *w, int fd, struct real_addr *local);
ssize_t real_read(struct world *w, int fd, const struct net_piece piece[2]);
ssize_t real_write(struct world *w, int fd, const struct net_piece piece[2]);
ssize_t real_receive(struct world *w, int fd, void *to, size_t len, struct real_addr *from);          /* a datagram */
ssize_t real_send(struct world *w, int fd, const void *from, size_t len, const struct real_addr *to); /* NULL: connected */
/*
 * Tells the program at `to` that nobody took the datagram it sent to `at`, an address of ours: ICMP, of which only root may send
 * any. ECONNREFUSED, EHOSTUNREACH or ENETUNREACH. Nothing hangs on it here.
 */
void real_refuse(struct world *w, const struct real_addr *at, const struct real_addr *to, int error);
/* No more will be written. */
void real_end(struct world *w, int fd);
/* Whether the other end has all that was written. */
bool real_delivered(struct world *w, int fd);
void real_close(struct world *w, int fd);
/* Closes so that the other end is reset; what was not delivered is lost. */
void real_reset(struct world *w, int fd);

#endif
