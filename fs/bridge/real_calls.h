/* real_calls.h - the system calls behind real.h, made at once; results as there. */
#ifndef FS_BRIDGE_REAL_CALLS_H
#define FS_BRIDGE_REAL_CALLS_H

#include "real.h"

int now_listen(const struct real_addr *at, bool udp);
void now_unlisten(const struct world *w, int fd, const struct real_addr *at, const struct real_file *file);
int now_accept(int listener, struct real_addr *local, struct real_addr *remote);
int now_connect(const struct real_addr *to, bool udp, int *out, struct real_addr *local);
int now_connected(int fd, struct real_addr *local);
ssize_t now_read(int fd, const struct net_piece piece[2]);
ssize_t now_write(int fd, const struct net_piece piece[2]);
ssize_t now_receive(int fd, void *to, size_t len, struct real_addr *from);
ssize_t now_send(int fd, const void *from, size_t len, const struct real_addr *to);
void now_refuse(const struct real_addr *at, const struct real_addr *to, int error);
void now_end(int fd);
bool now_delivered(int fd);
void now_close(int fd);
void now_reset(int fd);

#endif
