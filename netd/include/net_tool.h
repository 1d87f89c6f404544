/*
 * net_tool.h - ping and traceroute: operations of a host that take time.
 *
 * Start one, wait (poll `done`, or net_config.wake with the operation's own socket), read, free.
 */
#ifndef NET_TOOL_H
#define NET_TOOL_H

#include "net.h"

enum { NET_HOPS = 30, NET_PROBES = 3 };

struct net_ping;
struct net_trace;

/* One answer, or what came instead. */
struct net_echo {
	unsigned        sequence;    /* counts from 1 */
	ns_t            sent;
	ns_t            rtt;         /* 0: no answer */
	struct net_addr from;        /* who answered; family 0: nobody yet */
	uint8_t         ttl;
	int             error;       /* 0, or the errno of an ICMP error or of sending */
	uint8_t         type, code;  /* of that ICMP error */
};

struct net_ping_report {
	bool     done;
	unsigned sent, received, errors, duplicates;
	ns_t     min, average, max;
};

/*
 * `count` (1..65535) echo requests with `size` (0..65507) bytes of data, `interval` apart; done when the
 * last is answered, twice the slowest answer (at least `interval`) after it was sent, or without any answer till then
 * `timeout` after. `to` answers may be from another address (broadcast).
 * ENETUNREACH, EINVAL, EMSGSIZE.
 */
int  net_ping_start(struct net_host *h, const struct net_addr *to, unsigned count, ns_t interval, unsigned size,
		    ns_t timeout, struct net_ping **out, struct err *e);
void net_ping_report(const struct net_ping *p, struct net_ping_report *out);
/* The probe at `index` (0..sent-1). */
bool net_ping_echo(const struct net_ping *p, unsigned index, struct net_echo *out);
void net_ping_free(struct net_ping *p);

/*
 * UDP to port 33434 and up with TTL 1, 2, ...: three probes a hop, one at a time, each given `wait`.
 * Done when the destination answers (or an ICMP unreachable comes), or after NET_HOPS.
 */
int  net_trace_start(struct net_host *h, const struct net_addr *to, ns_t wait, struct net_trace **out, struct err *e);
bool net_trace_done(const struct net_trace *t);
unsigned net_trace_hops(const struct net_trace *t);
/* Probe 0..2 of hop 1..hops. */
bool net_trace_probe(const struct net_trace *t, unsigned hop, unsigned probe, struct net_echo *out);
void net_trace_free(struct net_trace *t);

#endif
