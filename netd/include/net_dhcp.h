/*
 * net_dhcp.h - the configuration of hosts by others (RFC 2131): the client of an interface, and servers.
 *
 * A client asks on the wire of its interface whenever that is up, without an address of its own. Of the offers it takes the first,
 * asks the neighbours whether someone has the address already (RFC 5227; then it declines), and gives it to the interface, with
 * a default route. It renews the lease at T1 from its server, at T2 from any, and gives the address up at its end. Its timers are
 * idle ones except while it has no address yet and has not given up.
 */
#ifndef NET_DHCP_H
#define NET_DHCP_H

#include "net_socket.h"

enum { NET_DHCP_DNS = 3, NET_DHCP_TEXT = 64 };

struct net_dhcp_lease {
	struct net_addr addr, server;    /* family 0: none */
	struct net_mac  mac;             /* of the client */
	char            host[NET_DHCP_TEXT]; /* as the client calls itself, or empty */
	const char     *state;           /* client: init selecting requesting probing bound renewing rebinding; server: offered bound declined */
	bool            forever;
	ns_t            expires, t1, t2; /* from 0 of the clock; t1, t2: of a client */
};

/* The client of an interface: EALREADY it has one; EPERM lo. */
int  net_dhcp_start(struct net_iface *i, struct err *e);
/* Releases what it has; nothing if there is none. */
void net_dhcp_stop(struct net_iface *i);
bool net_dhcp_client(const struct net_iface *i, struct net_dhcp_lease *out); /* false: there is none */
/* It has its address: 0; -EINPROGRESS it is trying, also -ENETDOWN: it waits for the interface to come up; -ETIMEDOUT nobody has answered. */
int  net_dhcp_result(const struct net_iface *i, struct err *e);
/* What else its server has told: the name servers, and the domain or "". */
unsigned net_dhcp_dns(const struct net_iface *i, struct net_addr dns[NET_DHCP_DNS], const char **domain);

struct net_dhcp_options {
	struct net_addr first, last;     /* the range, in the subnet of the interface */
	struct net_addr server;          /* the interface's own address; not given out, nor is `router` */
	unsigned prefix;
	struct net_addr router;          /* family 0: none is told */
	struct net_addr dns[NET_DHCP_DNS];
	unsigned dns_count;
	const char *domain;              /* NULL: none; copied */
	uint32_t lease;                  /* seconds */
};
struct net_dhcp_server;
/* For one interface, by its name. EINVAL the range is not one, or not of the subnet; E2BIG more than 4096 addresses; ERANGE a lease under 1 s. */
int  net_dhcp_server_new(struct net_host *h, const char *iface, const struct net_dhcp_options *o, struct net_dhcp_server **out,
			 struct err *e);
void net_dhcp_server_free(struct net_dhcp_server *s);
/* Answers what `udp`, bound to port 67 and to the interface, has; true: did something. */
bool net_dhcp_server_step(struct net_dhcp_server *s, struct net_socket *udp);
const char *net_dhcp_server_iface(const struct net_dhcp_server *s);
bool net_dhcp_server_lease(const struct net_dhcp_server *s, unsigned index, struct net_dhcp_lease *out);

#endif
