/*
 * serve.h - processes that are built-in servers (`serve SERVICE`), in the manners of the lectures.
 *
 *   serial   one connection at a time, by the process itself
 *   fork     a child for each connection; `waits`: the parent waits for it before it accepts the next
 *   thread   a thread for each connection
 *   pool     so many threads from the start, each of which accepts
 *
 * The processes, threads and descriptors are the machine's own: ps shows them, kill ends them, /proc/net/tcp has their
 * sockets. Only what they do is ours: each worker is a small state machine that goes on whenever the world has changed.
 */
#ifndef FS_SERVE_H
#define FS_SERVE_H

#include "net_service.h"
#include "vm_proc.h"
#include "world.h"

enum serve_style { SERVE_SERIAL, SERVE_FORK, SERVE_THREAD, SERVE_POOL, SERVE_STYLES };
extern const char *const serve_style_names[SERVE_STYLES + 1];

struct serve_options {
	const struct net_service *service;
	enum serve_style style;
	unsigned pool;           /* threads of a pool */
	bool     waits;          /* fork: for each child */
	ns_t     work;           /* how long a worker is busy with one input before it answers */
	ns_t     patience;       /* of services that have some: see net_service.h; 0: for ever */
	uint16_t port;
	int      backlog;
};

struct servers *servers_new(void);
void servers_free(struct servers *all);
/* Process `p` of node `process` listens and serves from then on; the listening descriptor in *fd. */
int  serve_start(const struct node *process, struct vm_proc *p, const struct serve_options *o, int *fd, struct err *e);
/* The process, as long as thread `tid` of it (0: its first) lives and is not stopped; NULL with *gone. */
struct vm_proc *serve_alive(const struct node *process, int32_t tid, bool *gone);
/* A file of the process's host, as the process reads it, appended to `out`: 0, -ENOENT -EISDIR -EFBIG ... */
int  serve_read_file(const struct node *process, const char *path, GString *out);
/* In what a worker waits, as the kernel's functions are called; NULL: that thread is none. */
const char *serve_waits_in(const struct node *process, int32_t tid);
/* net_config.wake has named this socket. */
void servers_woke(struct world *w, struct net_socket *s);
/* Lets every worker go on that can; `some`: for one turn at most. False: there is more to do. */
bool servers_try(struct world *w, bool some);
bool servers_busy(const struct world *w);

#endif
