/* world.h - all that is simulated: the hosts, their common time and events; ids become engine structs here. */
#ifndef FS_WORLD_H
#define FS_WORLD_H

#include "clock.h"
#include "journal.h"
#include "net_host.h"
#include "net_wire.h"
#include "tree.h"
#include "vm_host.h"
#include "vm_proc.h"

enum clock_mode { CLOCK_AUTO, CLOCK_MANUAL, CLOCK_REAL };

struct host {
	uint32_t serial;
	uint32_t number;            /* 0: host0, N: the Nth further one; a reboot keeps it: inode numbers are made of it */
	char    *name;
	struct vm_host *vm;
	struct net_host *net;
	GPtrArray *fixtures;        /* struct net_socket *, of no process; NULL: none. socket_file.c */
	ns_t     made;
	struct net_dns_cache *dns_cache;
	GHashTable *names;          /* net/resolv, hosts, services as written: file -> GString */
	GHashTable *settings;       /* host `set` values: name -> text; for fixtures */
	uint64_t victim_asked;      /* the last question of policy external that was seen open, */
	ns_t     victim_since;      /* and when, in real time */
	uint64_t ram_wanted;        /* what was written to mem/size; 0: as mounted. A geometry cuts it to 2^pa */
};

struct world_options {
	uint64_t ram_bytes, swap_bytes, seed;
	const char *swap_device;    /* a preset's name; NULL: ssd */
	unsigned cpus;
	struct vm_geometry geometry;
	const char *policy;         /* as mem/policy takes it; NULL: clock */
	size_t   events;            /* how many are kept; 0: 65536 */
	bool     bridge_any;        /* bridges may use other addresses of this machine than loopback */
};

struct error_entry { ns_t time; char *text; };

struct world {
	struct world_options options;
	struct clock   clock;
	enum clock_mode mode;
	struct journal journal;
	GPtrArray *hosts;           /* struct host *, in order of making */
	struct net *net;            /* wires, and each host's part of the network */
	GPtrArray *host_names;      /* char *, by serial; of removed hosts too, for old events */
	GPtrArray *wire_names;      /* the same of wires */
	uint32_t   next_serial, next_number;
	uint64_t   generation;      /* grows with every change; what was rendered at one value is still true at it */
	void     (*changed)(void *user); /* loop.c: called at every change; NULL: nobody */
	void      *changed_user;
	GQueue     errors;          /* struct error_entry *, last 64, newest last */
	uid_t      uid;             /* who mounted */
	gid_t      gid;
	ns_t       mtime;           /* what stat shows: nanoseconds since 1970; strictly rising with the generation */
	double     real_factor;     /* mode real: simulated seconds in one real second */
	ns_t       real_base, real_start; /* real and simulated time when that began; real_base 0: at the next tick */
	ns_t       real_lag;        /* how much of real time has been lost since, because there was too much to do */
	ns_t       due;             /* of the latest step of time in which something happened: its `until` */
	ns_t     (*wall)(void);     /* real nanoseconds, never going back; NULL: nobody says what time it is */
	bool     (*pressing)(void *user); /* loop.c: a request is there that should not wait long; changed_user is its; NULL: none ever is */
	dev_t      device;          /* of the mount, once there is one; 0: none */
	struct knowns *knowns;      /* node.c: the nodes that the kernel knows */
	struct opens  *opens;       /* open.c: contents, results, calls that wait */
	struct event_texts *texts;  /* events.c: lines rendered so far */
	struct bridge *bridge;      /* bridge.h */
	struct record *record;      /* record.c: the journal of this session; NULL: none is written */
	struct journal_file *repeat; /* journal_file.c: the journal that is repeated: nothing real is opened or asked; NULL: none is */
	struct servers *servers;    /* serve.c: processes that are built-in servers */
	struct daemons *daemons;    /* daemon.c: servers without connections to hand on: dns, dhcp */
	struct jobs *jobs;          /* job.c: commands that nobody waits for */
	void (*try_requests)(void *arg); /* park.c: tries all requests that wait once; NULL: there are none */
	void *try_arg;
	uint64_t tried;             /* the generation at which all that waits was tried last */
	uint64_t turn;              /* counts turns of the loop: a command that works in slices does one in each */
	bool sliced;                /* such a command has more to do */
	GHashTable *replays;        /* process_ctl_replay.c: host and process -> how far */
	GHashTable *loads;          /* files/load.c: the same -> how long answers took */
	struct job *job;            /* of the command that is being carried out; NULL: none */
	/* Of the request that is being served; set by ops*.c. */
	pid_t      reader;          /* its thread id as we see it; 0: none, or not visible to us */
	int        real_proc;       /* the real /proc, O_PATH, opened before mounting; -1: none */
	bool       nonblock;        /* its file was opened O_NONBLOCK */
	bool       fresh;           /* the first text of an open that truncates: it replaces what is there */
	bool       raw_result;      /* set by a command whose result is bytes as they are: no newline is put behind it */
};

struct world *world_new(const struct world_options *o, struct err *e);
void world_free(struct world *w);
/* To be called after every change: what was rendered before is rendered anew, who waits is tried again. */
void world_changed(struct world *w);
/* Lets all that waits go on, until nothing of it can. */
void world_try(struct world *w);
/* The same while a bridge is open, for one turn at most: servers_busy() tells whether there is more. */
void world_try_some(struct world *w);
/* Fires the next timer and lets what waits go on; false: none is set. */
bool world_step(struct world *w);
/* All that is due until then, the same way; false: stopped after `most` of them. */
bool world_run(struct world *w, ns_t until, uint64_t most);
/*
 * Policy external: questions that have been open for 5 s of real time are answered by FIFO. `now`: a clock of real nanoseconds
 * that never goes back. When it has to be called again; 0: there is no question.
 */
ns_t world_victims(struct world *w, ns_t now);
bool world_victim_wanted(const struct world *w);
/* FIFO answers this host's question. */
void world_victim_give_up(struct world *w, struct host *h);
/* Whether simulated time follows the clock on the wall: mode real, or auto while a bridge is open. */
bool world_is_live(const struct world *w);
/* To be called when that may have changed. */
void world_follow(struct world *w);
/*
 * Then: simulated time goes to `now`, a clock of real nanoseconds that never goes back. What is due within the next LEAD is
 * done already, so that a chain of events a few microseconds apart needs no timer of its own for each. True: there was too
 * much to do for one turn.
 */
bool world_tick(struct world *w, ns_t now);
/* Whether something is to happen now, though it has not yet. */
bool world_is_due(const struct world *w);
/* Whether a turn that began at `start` (real time) has taken long enough: a millisecond, less when somebody wants to read. */
bool world_turn_over(const struct world *w, ns_t start);
/* When the next event is wanted, in real time; 0: there is none, or time does not follow. */
ns_t world_wake(const struct world *w, ns_t now);
/*
 * What a tick does: fires what is due until `until`, then it is `to`, unless it is later already. False: there was too much to do
 * for one turn that began at `now` in real time.
 */
bool world_advance(struct world *w, ns_t to, ns_t until, ns_t now);
void world_set_mode(struct world *w, enum clock_mode mode, double factor);
int  world_reset(struct world *w, struct err *e);
int  world_add_host(struct world *w, const char *name, struct err *e);     /* EEXIST, EINVAL */
int  world_remove_host(struct world *w, const char *name, struct err *e);  /* host0: EBUSY */
/* The host as mkdir made it, under a new serial: nodes of the old one are gone, as `h` is. */
int  world_reboot_host(struct world *w, struct host *h, struct err *e);
/* Real process id of who makes the present request, as it sees itself (its own pid namespace); 0: unknown. For proc/self. */
int32_t world_reader(const struct world *w);
/* The same of its thread. */
int32_t world_reader_thread(const struct world *w);
int  world_add_wire(struct world *w, const char *name, struct err *e);     /* EEXIST, EINVAL */
int  world_remove_wire(struct world *w, const char *name, struct err *e);  /* interfaces on it lose their carrier */
void world_seed(struct world *w, uint64_t seed);
struct host *world_host_named(struct world *w, const char *name);

/* NULL with ESRCH, and *e filled (which may be NULL), when it is gone. */
struct host    *world_host(const struct node *n, struct err *e);
struct vm_host *world_vm(const struct node *n, struct err *e);
struct vm_proc *world_proc(const struct node *n, struct err *e);
struct net_host *world_net(const struct node *n, struct err *e);
struct net_wire *world_wire(const struct node *n, struct err *e);          /* n->arg is its serial */
/* st_ino of a file of the simulated disk, which maps prints too: above 2^56. */
uint64_t world_inode_number(const struct node *n, uint64_t number);

/* error_log.c: one entry: where (node_path), why, the line and a caret under column `at` (-1: none). */
void error_log_add(struct world *w, const struct node *n, const char *line, ssize_t at, const struct err *e);
void error_log_show(struct world *w, GString *out);
void error_log_clear(struct world *w);

#endif
