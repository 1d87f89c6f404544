/*
 * net_host.h - hosts of the network: interfaces, addresses, routes, neighbours.
 *
 * A host starts with `lo` (127.0.0.1/8, up, mtu 65536). Adding an address to an interface that is up
 * makes the route to its subnet, as on Linux; taking either away removes it again, and with `down`
 * all routes through the interface.
 */
#ifndef NET_HOST_H
#define NET_HOST_H

#include "net.h"

/*
 * `serial` marks its events and orders net_host_above(); both it and `name` are unique (EEXIST). MACs, inode numbers
 * and cookies are made of `number` (from 1), so that a host made anew under it has the same.
 */
int  net_host_new(struct net *n, const char *name, uint32_t serial, uint32_t number, struct net_host **out, struct err *e);
/* Its sockets die without a word on the wire; those still retained give ENETDOWN. */
void net_host_free(struct net_host *h);
uint32_t         net_host_serial(const struct net_host *h);
struct net_host *net_host_at(struct net *n, const char *name);
struct net_host *net_host_above(struct net *n, uint32_t serial);

/* --- interfaces ------------------------------------------------------------------------------- */

/* Starts down, on no wire, with a MAC made of host number and interface index, its mtu the wire's. */
int  net_iface_new(struct net_host *h, const char *name, struct net_iface **out, struct err *e);
/* EPERM for lo. */
int  net_iface_free(struct net_iface *i, struct err *e);
struct net_iface *net_iface_at(struct net_host *h, const char *name);
/* The interface with the lowest index above `index` (lo has 1), or NULL. */
struct net_iface *net_iface_above(struct net_host *h, unsigned index);

/* From one wire, or none, to another, or none (NULL). EPERM for lo. */
int net_iface_attach(struct net_iface *i, struct net_wire *w, struct err *e);
int net_iface_up(struct net_iface *i, bool up, struct err *e);
/* 68..65535; 0: that of the wire. */
int net_iface_set_mtu(struct net_iface *i, uint32_t mtu, struct err *e);
/* EADDRNOTAVAIL for a group address. */
int net_iface_set_mac(struct net_iface *i, const struct net_mac *mac, struct err *e);
/* EEXIST; EINVAL for 0.0.0.0, multicast, 255.255.255.255. The first is the primary one. */
int net_iface_add(struct net_iface *i, const struct net_prefix *a, struct err *e);
/* EADDRNOTAVAIL when it has no such address. */
int net_iface_del(struct net_iface *i, const struct net_prefix *a, struct err *e);
bool net_iface_address(const struct net_iface *i, unsigned index, struct net_prefix *out);

struct net_iface_info {
	const char      *name;
	unsigned         index;
	struct net_wire *wire;       /* NULL: none */
	struct net_mac   mac;
	uint32_t         mtu;        /* in force */
	bool             mtu_set;    /* rather than the wire's */
	bool             up, loopback;
	uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, rx_multicast;
	uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped, collisions;
};
void net_iface_get(const struct net_iface *i, struct net_iface_info *out);

/* --- version 6 --------------------------------------------------------------------------------- */

/*
 * An interface speaks version 6 once it has an address of it, or is to get one from a router: when it is up it then has a
 * link-local address (RFC 4291 2.5.6, made of the MAC), and each address is probed for a duplicate (RFC 4862 5.4); lo has ::1.
 */
enum net_addr_flag { /* as /proc/net/if_inet6 shows them */
	NET_ADDR_OPTIMISTIC = 0x04, NET_ADDR_DADFAILED = 0x08, NET_ADDR_DEPRECATED = 0x20, NET_ADDR_TENTATIVE = 0x40,
	NET_ADDR_PERMANENT = 0x80
};
struct net_addr6 {
	struct net_prefix prefix;
	unsigned scope;             /* 0 global, 0x10 this host, 0x20 link */
	unsigned flags;             /* enum net_addr_flag */
	bool     made;              /* not by hand */
	ns_t     valid, preferred;  /* from now; 0: for ever */
};
/* All of version 6, by hand or not; net_iface_address() has those by hand, of both versions. */
bool net_iface_address6(const struct net_iface *i, unsigned index, struct net_addr6 *out);
/* Has any interface but lo an address of version 6? */
bool net_host_speaks6(const struct net_host *h);
/* Ask routers, and make addresses of what they advertise (RFC 4862 5.5). EPERM for lo. */
int  net_iface_set_auto(struct net_iface *i, bool on, struct err *e);
bool net_iface_auto(const struct net_iface *i);
/* What a forwarding host advertises: its prefixes of 64 bits (RFC 4861 6.2). */
struct net_ra {
	bool     on;
	unsigned interval;          /* s, at most, between unasked ones: 4..1800 */
	unsigned lifetime;          /* s, as a default router: 0..9000 */
	unsigned valid, preferred;  /* s, of the prefixes; 0xffffffff: for ever */
	uint32_t mtu;               /* told; 0: not */
	uint8_t  hop_limit;         /* told; 0: not */
};
extern const struct net_ra net_ra_initial;
int  net_iface_set_ra(struct net_iface *i, const struct net_ra *ra, struct err *e);
void net_iface_ra(const struct net_iface *i, struct net_ra *out);
/* "fe80::1%eth0" and "[fe80::1%eth0]:80" with the interface's index for its name; to be freed. */
char *net_scope_number(struct net_host *h, const char *text);
/* The other way: an index after % becomes a name. */
char *net_scope_name(struct net_host *h, const char *text);

/* --- routes: longest prefix first, then lowest metric ------------------------------------------ */

struct net_route {
	struct net_prefix to;       /* bits after its length are 0 */
	struct net_addr   via;      /* family 0: directly connected */
	const char       *iface;    /* name; NULL: a reject route ("unreachable") */
	uint32_t          metric;
	struct net_addr   src;      /* the address that new packets take; family 0: by the interface */
	bool              connected; /* made by an address, not by hand */
	bool              made;      /* told by a router */
	ns_t              expires;   /* from now; 0: never */
};
/*
 * `iface` may be NULL with a `via`: the interface whose subnet has it; with neither: reject.
 * EEXIST the same prefix and metric; ENODEV no such interface; ENETUNREACH `via` is in no subnet of
 * the interface; EINVAL bits set after the length.
 */
int  net_route_add(struct net_host *h, const struct net_route *r, struct err *e);
/* Matches prefix and, where given, via, iface, metric; ESRCH none. */
int  net_route_del(struct net_host *h, const struct net_route *r, struct err *e);
/* The route at `index` in order of prefix length (longest first), prefix, metric. */
bool net_route(const struct net_host *h, unsigned index, struct net_route *out);
/* The route that `dst` takes, `src` filled in; ENETUNREACH, EHOSTUNREACH (reject route). */
int  net_route_to(struct net_host *h, const struct net_addr *dst, struct net_route *out, struct err *e);

/* --- neighbours (ARP, RFC 826; RFC 4861) ----------------------------------------------------------------- */

enum net_neigh_state {
	NET_NEIGH_INCOMPLETE, NET_NEIGH_REACHABLE, NET_NEIGH_STALE, NET_NEIGH_DELAY, NET_NEIGH_PROBE,
	NET_NEIGH_FAILED, NET_NEIGH_PERMANENT, NET_NEIGH_STATES
};
extern const char *const net_neigh_state_names[NET_NEIGH_STATES];

struct net_neigh {
	struct net_addr      addr;
	const char          *iface;
	struct net_mac       mac;      /* zero while incomplete or failed */
	enum net_neigh_state state;
	ns_t                 updated;
	unsigned             queued;   /* packets waiting for the answer */
	bool                 router;   /* version 6: it says so */
};
/* In order of interface, then address. */
bool net_neigh(const struct net_host *h, unsigned index, struct net_neigh *out);
/* A permanent entry; replaces what is there. */
int  net_neigh_add(struct net_host *h, const char *iface, const struct net_addr *a, const struct net_mac *m,
		   struct err *e);
/* ENOENT. */
int  net_neigh_del(struct net_host *h, const char *iface, const struct net_addr *a, struct err *e);
/* All but the permanent ones. */
void net_neigh_flush(struct net_host *h);

#endif
