/*
 * nat.h - the inside of address translation.
 *
 * A mapping joins an end inside (address, port) with one outside; a session is a mapping's talk with one remote end.
 * A packet on its way through the host passes twice:
 *
 *     ip_input -> nat_arriving -> here, or routed -> nat_leaving -> out
 *
 * nat_arriving turns destinations: outside ends into inside ones (and sources too when it came from inside: hairpin).
 * nat_leaving turns sources. Each finds the session by the packet's two ends, or makes it: from inside by a masquerade rule,
 * from outside by a dnat rule or a mapping whose filter lets it in. What came in by an outside interface
 * untranslated gets a plain session, so that its answers are left alone too.
 *
 * Sessions are in two tables: `inner` by (inside, remote), as packets from inside have it, `outer` by (outside, remote). Mappings are in
 * `by_out`, and in `by_in` the one that an inside end takes when it speaks to somebody new.
 * A session's timer is set to some time not after `expires`, and set again when it fires too early: packets
 * only write `expires`.
 */
#ifndef NETD_NAT_H
#define NETD_NAT_H

#include "host.h"
#include "net_nat.h"

struct nat_end { uint32_t addr; uint16_t port; };

/* Two ends of a protocol, hashed whole: no padding that could differ. */
struct nat_key { uint32_t a, b; uint16_t a_port, b_port; uint32_t protocol; };

struct nat_flow {
	uint8_t        protocol;
	bool           error;    /* an ICMP error: its ports are 0 */
	bool           query;    /* not an answer to one: may open a session */
	uint8_t        flags;    /* of TCP */
	struct nat_end src, dst;
};

struct nat_rule {
	struct net_iface   *iface;
	struct net_nat_rule rule; /* its `iface` is not used */
};

struct nat_map {
	struct nat_key      in_key, out_key; /* in_key.b: the outside address */
	uint8_t             protocol;
	struct nat_end      in, out;
	unsigned            sessions;
	struct nat_session *first;
};

struct nat_session {
	struct nat_key      inner, outer;
	struct nat         *nat;
	struct nat_map     *map;             /* NULL: plain */
	uint8_t             protocol;
	struct nat_end      in, out, remote;
	enum net_nat_state  state;
	bool                syn[2], fin[2];  /* seen: from outside, from inside */
	ns_t                expires;
	struct timer        timer;
	struct nat_session *next, *prev;     /* of all, by birth */
	struct nat_session *next_of_map, *prev_of_map;
	uint64_t            packets[2], bytes[2];
};

/* A SYN from outside that nobody expects: answered late, or never (RFC 5382 REQ-4). */
struct nat_syn { struct nat_syn *next; struct nat *nat; struct frame *frame; struct timer timer; };

struct nat {
	struct net_host    *host;
	GArray             *rules;           /* struct nat_rule */
	GHashTable         *inner, *outer, *by_in, *by_out;
	struct nat_session *first, *last;
	struct nat_syn     *syns;
	unsigned            syn_count;
	struct rng          rng;
	struct net_nat_stats stats;
};

enum nat_dir { NAT_FROM_OUTSIDE, NAT_FROM_INSIDE };

/* nat_flow.c: the ends in a packet of `len` bytes (a quoted one may be cut short) */
bool nat_flow_read(const uint8_t *p, uint32_t len, struct nat_flow *f);
/* Changes one end; checksums are updated where they are there. */
void nat_flow_write(uint8_t *p, uint32_t len, bool source, const struct nat_end *to);
static inline bool nat_end_equal(const struct nat_end *a, const struct nat_end *b)
{
	return a->addr == b->addr && a->port == b->port;
}

/* nat.c: the table */
struct nat *nat_of(struct net_host *h);      /* made when first wanted */
struct nat_session *nat_inner(const struct nat *n, uint8_t protocol, const struct nat_end *in, const struct nat_end *remote);
struct nat_session *nat_outer(const struct nat *n, uint8_t protocol, const struct nat_end *out, const struct nat_end *remote);
struct nat_map *nat_map_out(const struct nat *n, uint8_t protocol, const struct nat_end *out);
/* The mapping of an inside end on an outside address: the one it has, or a new one; NULL: no port is left. */
struct nat_map *nat_map_for(struct nat *n, const struct nat_rule *r, uint8_t protocol, const struct nat_end *in, uint32_t address);
/* The mapping of a dnat rule for one of its ports. */
struct nat_map *nat_map_fixed(struct nat *n, const struct nat_rule *r, const struct nat_end *out);
void nat_map_drop_unused(struct nat *n, struct nat_map *m);
/* NULL: the table is full. `m` NULL: a plain one of `in`. */
struct nat_session *nat_open(struct nat *n, struct nat_map *m, uint8_t protocol, const struct nat_end *in,
			     const struct nat_end *remote);
void nat_close(struct nat_session *s);
/* A packet of the session: state and time-out go on. */
void nat_seen(struct nat_session *s, const struct nat_flow *f, enum nat_dir dir, uint32_t bytes);

/* nat_rule.c */
const struct nat_rule *nat_masquerade(const struct nat *n, const struct net_iface *out);
const struct nat_rule *nat_dnat(const struct nat *n, const struct net_iface *in, uint8_t protocol, uint16_t port);
/* The port outside that a dnat rule has for an inside end; NULL: none has. */
const struct nat_rule *nat_dnat_to(const struct nat *n, const struct net_iface *out, uint8_t protocol, const struct nat_end *in,
				   uint16_t *port);
/* The interface with rules that has this address. */
struct net_iface *nat_outside(const struct nat *n, uint32_t addr);
/* Whether a mapping has the port on an address of such an interface. */
bool nat_rules_hold(const struct nat *n, uint8_t protocol, uint16_t port);

/* nat_way.c */
void nat_syns_clear(struct nat *n);

#endif
