/*
 * inside.h - what the files of the bridge share.
 *
 * Files: bridge.c life, polling and turns; rules.c rules and their commands; target.c what may be named in a rule; gateway.c
 * the host gw; session.c what all sessions have, limits; tcp.c, udp.c; real.c the only calls to the outside, path.c among them; tun.c devices.
 *
 * Everything that is polled or has work to do is an `end`. Its event() only takes note and puts it in the queue of those with
 * work; run() does it, and is the only one that may free the end.
 */
#ifndef FS_BRIDGE_INSIDE_H
#define FS_BRIDGE_INSIDE_H

#include "bridge.h"
#include "real.h"

#include "net_knob.h"
#include "net_socket.h"

struct bridge;
struct rule;

struct end {
	GList  link;                 /* in bridge.busy while queued */
	bool   queued;
	struct bridge *bridge;
	int    fd;                   /* that is watched for it, or was; -1: none */
	void (*event)(struct end *end, uint32_t events); /* EPOLLIN ... */
	bool (*run)(struct end *end);                    /* true: once more, at the next turn */
};
void end_init(struct end *end, struct bridge *b, void (*event)(struct end *, uint32_t), bool (*run)(struct end *));
void end_clear(struct end *end);
void end_queue(struct end *end);
/* Has `fd` polled for `events`; EPOLLET where wanted. */
int  end_watch(struct end *end, int fd, uint32_t events);
int  end_rewatch(struct end *end, int fd, uint32_t events);

struct limits { uint64_t sessions, rate, buffer; };

struct bridge {
	struct world *world;
	int     epoll;
	GPtrArray *rules;            /* struct rule *, in order of making */
	unsigned next_rule;
	GQueue  sessions;            /* struct session, oldest first */
	GQueue  busy;                /* struct end */
	uint64_t ran;                /* how often one of them has, ever */
	struct limits limits;
	uint64_t granted;            /* to all sessions, for one direction */
	ns_t    share_at;            /* real: when shares are looked at again; 0: not */
	ns_t    now;                 /* real time, of the latest bridge_poll() */
	ns_t    rate_since;          /* connects are counted by a bucket that holds `rate` */
	double  rate_left;
	ns_t    told;                /* `now` as the journal has it */
	ns_t    wake;                /* 0: none */
};
/* bridge_poll() is wanted at `at` at the latest. */
void bridge_wake_at(struct bridge *b, ns_t at);

/* real.c's sockets, and what the rule joins them to */
enum rule_kind { RULE_LISTEN, RULE_ALLOW, RULE_TUN, RULE_TAP, RULE_KINDS };
struct rule {
	struct end  end;             /* of its listening socket, real or simulated, or of its device */
	unsigned    number;
	enum rule_kind kind;
	bool        udp;
	struct real_addr real;       /* listen, allow */
	struct real_file file;       /* listen: of its name, if that is a path */
	char       *device;          /* tun, tap: its name, and the wire's */
	char       *wire;
	char       *host;            /* listen: the target's name; NULL: it is an address */
	struct net_endpoint simulated;
	int         fd;              /* real listening socket, or device; -1 */
	struct net_socket *listener; /* allow: simulated */
	GHashTable *peers;           /* udp: who has which session */
	ns_t        resume;          /* over the rate, or out of descriptors: not polled until then; 0: it is */
	ns_t        full_since;      /* no session is left since then; 0: some are */
	void       *state;           /* of a device: tun.c */
	void      (*close)(struct rule *r); /* takes a device away; NULL: it has none */
	uint64_t    accepted, refused;
};

/* rules.c */
void rule_remove(struct bridge *b, struct rule *r);
struct rule *rule_new(struct bridge *b, enum rule_kind kind);
void rule_add(struct bridge *b, struct rule *r);
void rule_free(struct rule *r);  /* one that was not added */
/* What waits at its socket waits until then. */
void rule_pause(struct rule *r, ns_t until);
void rule_resume(struct rule *r);

/* tun.c */
command_fn run_tun, run_tap;

/* target.c */
/* A real address as rules may name it; `e->arg` is `arg`. */
int target_parse_real(struct bridge *b, const char *text, struct real_addr *a, int arg, struct err *e);
/* Whether the rule's may still be connected to, before each time: EACCES, EINVAL. */
int target_check_real(const struct rule *r, struct err *e);
/* Whether a rule of that kind has it, by whatever name. */
bool target_is_ours(const struct bridge *b, const struct real_addr *a, bool udp, enum rule_kind kind);
/* HOST:PORT or ADDR:PORT; *host (owned by the caller) is NULL for an address. */
int target_parse_simulated(struct bridge *b, const char *text, char **host, struct net_endpoint *out, int arg, struct err *e);
/* Where that is now; ENETUNREACH. */
int target_find(struct bridge *b, const struct rule *r, struct net_endpoint *out, struct err *e);

/* gateway.c */
/* A gateway on the wire where `to` is, made where it is not there yet. ENETUNREACH, EADDRNOTAVAIL. */
int  gateway_towards(struct bridge *b, const struct net_addr *to, struct err *e);
/* From which `to` is reached, gw1 made if it is that; NULL: it is not there. */
struct net_host *gateway_for(struct bridge *b, const struct net_addr *to);
/* Gives gw that address. EADDRINUSE another host has it; ENETUNREACH no wire has such addresses. */
int  gateway_take(struct bridge *b, const struct net_addr *as, struct net_host **out, struct err *e);
void gateway_drop(struct bridge *b, const struct net_addr *as);
/* gw and gw1; NULL: there is none, or no such number. */
enum { GATEWAYS = 2 };
struct net_host *gateway(struct bridge *b, unsigned n);

/* session.c */
struct session {
	struct end  end;
	GList       link;            /* in bridge.sessions */
	struct rule *rule;
	int         fd;              /* -1: closed */
	struct net_socket *socket;   /* NULL: closed */
	struct real_addr real_local, real_remote;
	struct net_endpoint sim_local, sim_remote;
	uint64_t    in, out;         /* bytes from real to simulated, and back */
	uint32_t    grant, limit;    /* what one direction of it may hold, and may grow to; 0: nothing is kept, as of datagrams */
	bool        behind;          /* its real peer does not read as fast as bytes come: a larger buffer would be of no use */
	ns_t        opened;
	ns_t        deadline;        /* real: run() is wanted then; 0: none */
	const char *(*state)(const struct session *s);
	void      (*abort)(struct session *s); /* at once, both ends reset */
};
/* Enters it into the tables; what the rule has accepted is counted. */
void session_init(struct session *s, struct rule *r);
/* Both ends are closed or given away by then. */
void session_clear(struct session *s, const char *why);
void session_look_at_clock(struct bridge *b);
/* Whether there is room for one more. */
bool session_room(struct bridge *b);
/* Takes one of the connects of this second; false: none is left until *when. */
bool session_rate(struct bridge *b, ns_t *when);
/* What one direction of one session more may hold. */
uint32_t session_share(const struct bridge *b);
/* Refused before it was one: only an event. */
void session_refused(struct rule *r, const struct real_addr *real, const char *why);

/*
 * tcp.c, udp.c: what waits at the rule's socket, real or simulated, is taken, as much as one turn allows. True: there may be
 * more.
 */
bool tcp_take_real(struct rule *r);
bool tcp_take_simulated(struct rule *r);
bool udp_take_real(struct rule *r);
bool udp_take_simulated(struct rule *r);

#endif
