/* serve_inner.h - what serve.c and serve_talk.c share: a worker of a built-in server. */
#ifndef FS_SERVE_INNER_H
#define FS_SERVE_INNER_H

#include "serve.h"

struct server {
	unsigned refs;           /* workers */
	struct serve_options options;
	int      listener;       /* descriptor, in the process that serves */
	uint64_t hears;          /* its key in servers.hearers */
};

enum phase { PHASE_ACCEPT, PHASE_TALK, PHASE_WORK, PHASE_WAIT };

struct worker {
	GList    link;
	GList    woken_link;     /* in servers.woken */
	bool     woken;
	struct servers *all;
	uint64_t hears;          /* its key in servers.hearers; 0: none */
	struct server *server;
	struct node process;     /* ids only */
	int32_t  tid;            /* 0: the process's first thread */
	int32_t  child;          /* PHASE_WAIT: pid */
	enum phase phase;
	int      fd;             /* of the connection */
	void    *state;          /* of the service */
	GString *out;
	size_t   sent;
	bool     last;           /* close once `out` is sent */
	struct timer timer;      /* PHASE_WORK */
	struct timer limit;      /* PHASE_TALK: of the service's patience */
	bool     late;           /* that is over */
	ns_t     moved;          /* when some of `out` went last, or came */
	struct clock *clock;
};

struct servers {
	GQueue workers;          /* in order of birth */
	GQueue woken;            /* in order of waking */
	GHashTable *hearers;     /* key of a socket -> the worker that talks there; NULL: it listens */
	bool called;             /* a client has come: all are woken */
	uint64_t seen;           /* the hosts' generations at which all were woken last */
	uint64_t gone_on;        /* how often anybody has */
};

enum step { STEP_NONE, STEP_SOME, STEP_END };

/* serve.c */
/* The worker is woken by this connection, which stays the same unless somebody plays with its process's descriptors. */
void worker_hear(struct worker *k, struct net_socket *s);

/* serve_talk.c */
/* The worker's client is at descriptor `fd`. */
void worker_begin_talk(struct worker *k, int fd);
enum step worker_talk(struct worker *k, struct vm_proc *p);
/* Sets how long the client may let this worker wait: for a request, or for its taking the answer. */
void worker_watch(struct worker *k, struct vm_proc *p);

#endif
