/*
 * daemon.h - processes that are servers of messages (`serve dns`, `serve dhcp`): one loop over their sockets, nothing to hand on.
 *
 * As with serve.h the processes and descriptors are the machine's own; what such a server says is netd's.
 */
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

#include "net_service.h"
#include "net_socket.h"
#include "world.h"

enum daemon_step { DAEMON_WAITS, DAEMON_DID, DAEMON_ENDS };
struct daemon_ops {
	/* Goes on as far as it can. DAEMON_ENDS: a socket of it is gone. */
	enum daemon_step (*step)(void *state, struct vm_proc *p);
	void (*free)(void *state);       /* the process and its host may be gone */
};

struct daemons *daemons_new(void);
void daemons_free(struct daemons *all);
/* From now on that process is one; takes `state` over. */
void daemon_start(const struct node *process, const struct daemon_ops *ops, void *state);
/* Lets each go on that can; true if any did. */
bool daemons_try(struct world *w);

/* The states of those of a host that have these ops, in order of birth. */
void daemons_each(const struct node *host, const struct daemon_ops *ops, void (*fn)(void *state, void *user), void *user);

/*
 * A socket of the process at a port of all addresses of a version of IP (NET_UNSET: of both where there are both), bound,
 * installed, for TCP listening; its descriptor in *fd.
 */
int daemon_socket(const struct node *process, struct vm_proc *p, enum net_kind kind, enum net_family family, uint16_t port,
		  int *fd, struct err *e);

/* Servers. The options are checked, sockets bound and installed; the result has their descriptors. */
struct call;
int serve_dns(struct call *c, struct vm_proc *p, uint16_t port, struct err *e);
int serve_dhcp(struct call *c, struct vm_proc *p, uint16_t port, struct err *e);
int serve_messages(struct call *c, struct vm_proc *p, const struct net_service *s, uint16_t port, struct err *e);

#endif
