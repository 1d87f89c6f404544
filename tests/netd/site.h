/* site.h - for tests of translation: two hosts behind a router, two outside, and what can be seen of the router's table. */
#ifndef SITE_H
#define SITE_H

#include "lab.h"

#include "net_nat.h"

/* a .1, b .2 - in - gw .254 (10.0.0.0/24)   gw .1 - out - web .80, other .81 (198.51.100.0/24) */
struct site {
	struct lab       *l;
	struct net_wire  *in, *out;
	struct net_host  *a, *b, *gw, *web, *other;
};

/* The router masquerades what goes out, and filters by address. */
struct site site_begin(struct lab *l);
/* Every frame on the wires adds up, quoted packets too; none on the outer one has an address from inside. */
void site_check(struct site *s);
/* A further rule for what goes out by eth1. */
void site_masquerade(struct net_host *h, enum net_nat_filter filter);
int  site_dnat(struct net_host *h, uint8_t protocol, uint16_t low, uint16_t high, const char *to);

unsigned site_sessions(const struct site *s);
struct net_nat_stats site_stats(const struct site *s);
/* The newest row of the table. */
struct net_nat_session site_newest(const struct site *s);

/* Takes one message and tells from where it came. */
struct net_endpoint from_whom(struct net_socket *s);
void nothing_came(struct net_socket *s);
int  pending_error(struct net_socket *s);
void connect_to(struct net_socket *s, const char *to);
/* The last ICMP error on a wire, and the packet that it quotes. */
struct net_decoded last_error(struct net_wire *w, struct net_decoded *quote);

/* A connection from a to port 80 of web, accepted. */
struct talk { struct net_socket *l, *c, *server; struct net_endpoint peer; };

struct talk talk_begin(struct site *s);
void talk_end(struct talk *t);

#endif
