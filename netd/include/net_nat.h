/*
 * net_nat.h - address translation by a host that forwards (RFC 4787, 5382, 5508): its rules, its table.
 *
 * `masquerade` on an interface gives what leaves by it the interface's address; `dnat` hands a port of that address to a
 * host inside. Mappings are independent of the peer (RFC 4787 REQ-1), never shared by two inside ends (REQ-3), keep the port if it is
 * free, else its range and parity (REQ-4). Hosts inside reach each other by their outside ends (hairpin, REQ-9).
 * Nothing is translated while ip_forward is 0. Time-outs and the size of the table are knobs.
 */
#ifndef NET_NAT_H
#define NET_NAT_H

#include "net_host.h"

enum net_nat_kind { NET_NAT_MASQUERADE, NET_NAT_DNAT };
/* Whose packets a mapping lets in (RFC 4787 REQ-8): anybody's, of addresses it has sent to, of ports it has sent to. */
enum net_nat_filter { NET_NAT_FILTER_ADDRESS, NET_NAT_FILTER_ENDPOINT, NET_NAT_FILTER_PORT, NET_NAT_FILTERS };
extern const char *const net_nat_filter_names[NET_NAT_FILTERS + 1]; /* ends with NULL */

struct net_nat_rule {
	enum net_nat_kind   kind;
	const char         *iface;     /* the outside one */
	enum net_nat_filter filter;    /* masquerade */
	uint16_t            low, high; /* masquerade: ports to hand out, 0: any; dnat: ports outside */
	uint8_t             protocol;  /* dnat: 6 or 17 */
	struct net_endpoint to;        /* dnat: who gets `low`; the next ports follow */
};
/*
 * A rule that is there already is no error. ENODEV no such interface; EEXIST another rule has the interface or the ports;
 * EINVAL ports the wrong way round, beyond 65535, or an address of the host itself.
 * Connections that hold a port which a new dnat rule takes are forgotten.
 */
int  net_nat_add(struct net_host *h, const struct net_nat_rule *r, struct err *e);
/* By kind, interface and, for dnat, protocol and ports, with its connections; ENOENT. */
int  net_nat_del(struct net_host *h, const struct net_nat_rule *r, struct err *e);
bool net_nat_rule(const struct net_host *h, unsigned index, struct net_nat_rule *out);
/* Forgets all connections; the rules stay. */
void net_nat_forget(struct net_host *h);

enum net_nat_state {
	NET_NAT_UNREPLIED, NET_NAT_REPLIED, NET_NAT_SYN_SENT, NET_NAT_SYN_RECV, NET_NAT_ESTABLISHED, NET_NAT_FIN_WAIT,
	NET_NAT_TIME_WAIT, NET_NAT_CLOSE, NET_NAT_STATES
};
extern const char *const net_nat_state_names[NET_NAT_STATES];

/* One row of the table. Ports are identifiers for ICMP queries, 0 for protocols without any. */
struct net_nat_session {
	uint8_t             protocol;
	struct net_endpoint inside, outside, remote;
	bool                plain;     /* came in untranslated and is left so: outside == inside */
	enum net_nat_state  state;
	ns_t                expires;   /* unless a packet comes */
	uint64_t            packets_out, bytes_out, packets_in, bytes_in;
};
/* In order of birth; *cursor starts as NULL, and is void after any change. */
bool net_nat_session(const struct net_host *h, const void **cursor, struct net_nat_session *out);

struct net_nat_stats {
	uint64_t sessions, mappings, peak; /* now; most sessions at once */
	uint64_t opened, expired;
	uint64_t translated, errors;       /* packets; ICMP errors among them */
	uint64_t hairpins;                 /* packets from inside to inside */
	uint64_t full, no_port;            /* refused: the table was full; no port was left */
	uint64_t filtered;                 /* from outside to a mapping that does not let them in */
	uint64_t no_session;               /* from inside, of no connection and not the beginning of one */
};
void net_nat_stats(const struct net_host *h, struct net_nat_stats *out);

#endif
