/*
 * host.h - the inside of a host: its tables, and the functions by which its layers call each other.
 *
 * Up: iface_receive -> arp_input, ip_input -> ip_deliver -> icmp_input, udp_input, tcp_input; of version 6
 * ip6_input -> ip6_deliver -> icmp6_input (-> nd_input), udp_input, tcp_input.
 * Down: ip_send (-> ip6_send) -> ip_transmit -> neigh_send -> port_send. Every function that is handed a frame takes
 * the reference. A frame always starts at its Ethernet header, also on lo (zeros) and before that header
 * is filled in; packet(f) is its IP header.
 */
#ifndef NETD_HOST_H
#define NETD_HOST_H

#include "checksum.h"
#include "ip_addr.h"
#include "net_counters.h"
#include "net_host.h"
#include "net_knob.h"
#include "siphash.h"
#include "tree.h"
#include "wire.h"

enum { IP_HEADER = 20, IP6_HEADER = 40, IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_RDT = 253, IP_HOPOPTS = 0, IP_ROUTING = 43,
       IP_FRAGMENT = 44, IP_ICMP6 = 58, IP_NONE = 59, IP_DSTOPTS = 60, IP6_MTU_MIN = 1280,
       TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86dd, ADDRS_MADE_MAX = 16, ROUTES_MADE_MAX = 64,
       LOOPBACK_MTU = 65536, NEIGHS_MAX = 8192 };
#define LOOPBACK_DELAY NS_PER_US
#define ADDR_BROADCAST 0xffffffffu

struct dhcp_client;

struct net_iface {
	struct net_host *host;
	char            *name;
	unsigned         index;
	struct net_mac   mac;
	uint32_t         mtu;      /* 0: the wire's */
	bool             up;
	struct port     *port;     /* NULL: no wire; always for lo */
	GArray          *addrs;    /* struct own_addr */
	struct nd       *nd;       /* NULL: no version 6 here */
	struct dhcp_client *dhcp;  /* NULL: none */
	struct net_iface_info stats; /* its counters only */
};

/* An address of an interface. */
struct own_addr {
	struct ip_addr addr;
	unsigned       len;
	bool           made;             /* not by hand: link-local, from advertisements, ::1 */
	/* version 6 */
	unsigned       flags;            /* enum net_addr_flag */
	unsigned       probes;           /* for a duplicate, still to be sent */
	ns_t           dad_at;           /* when the next is sent, or the silence is enough; while TENTATIVE */
	ns_t           valid, preferred; /* until; 0: for ever */
};
/* May packets come to it and go out from it? */
static inline bool own_usable(const struct own_addr *a)
{
	return !(a->flags & NET_ADDR_DADFAILED) && (!(a->flags & NET_ADDR_TENTATIVE) || a->flags & NET_ADDR_OPTIMISTIC);
}

struct neigh {
	struct net_iface    *iface;
	struct ip_addr       addr;
	struct net_mac       mac;
	enum net_neigh_state state;
	ns_t                 updated, confirmed;
	unsigned             probes;
	bool                 router;  /* it says so (RFC 4861 7.2.5) */
	struct timer         timer;
	struct frame_queue   queue;
};

struct route {
	struct ip_addr    to, via, src;  /* via and src 0: none */
	bool              v6;            /* `to` is 0 for a default route of either version */
	unsigned          len;
	struct net_iface *iface;         /* NULL: reject */
	uint32_t          metric;
	bool              connected;
	bool              made;          /* learnt from a router */
	ns_t              expires;       /* 0: never */
};

/* Where a packet goes: what routing has found out. */
struct route_hit {
	struct net_iface *iface;
	struct ip_addr    next;          /* the neighbour to hand it to */
	struct ip_addr    src;           /* the address that a new packet takes */
	bool              local, broadcast, multicast;
	const struct net_mac *mac;       /* of the neighbour, where it need not be asked for */
	struct neigh     *neigh;         /* once looked up; for `generation` only */
	uint32_t          generation;
};

/* What a transport hands to IP beside the frame. */
struct ip_out {
	struct ip_addr src, dst;         /* dst says which version it is */
	uint8_t  protocol, ttl, tos;
	bool     df;
	uint16_t id;                     /* 0 and not df: the host takes the next one */
	uint32_t mtu;                    /* of the path; 0: the interface's */
};

/* What IP hands to a transport beside the frame: `at` is the transport header. */
struct ip_in {
	struct net_iface *iface;
	const uint8_t    *ip;            /* the IP header */
	const uint8_t    *at;
	uint32_t          len;           /* of transport header and data */
	struct ip_addr    src, dst;
	uint8_t           ttl, protocol;
	bool              broadcast;     /* or multicast */
	uint32_t          total;         /* of the packet, as its header says */
};

struct pmtu { struct ip_addr dst; uint32_t mtu; bool locked; ns_t expires; };
struct icmp_bucket { struct ip_addr dst; ns_t tokens, last; };

struct net_host {
	struct net   *net;
	char         *name;
	uint32_t      serial, number;
	int64_t       knob[NET_KNOBS];
	int64_t       count[NET_COUNTERS_END];
	uint64_t      icmp_in[256], icmp_out[256];
	GPtrArray    *ifaces;            /* by index */
	unsigned      last_iface;
	struct net_iface *lo;
	struct frame_queue loop;         /* on their way through lo */
	struct timer  loop_timer;
	GArray       *routes;            /* struct route: version 4 first, longest prefix, lowest destination, lowest metric */
	uint64_t      route_lengths[2][3]; /* by version: bit n of all: there is a route of length n */
	uint32_t      generation;        /* of routes, addresses, neighbours: old route_hits are void */
	GPtrArray    *neighs;            /* struct neigh *, by interface index, then address */
	struct reassembly *reassemblies; /* newest first */
	struct reassembly6 *reassemblies6;
	int64_t       count6[NET_COUNTERS6_END];
	uint64_t      icmp6_in[256], icmp6_out[256];
	uint32_t      next_id6;
	uint64_t      frag_bytes;
	unsigned      frag_count, frag_count6;
	GHashTable   *pmtus;             /* dst -> struct pmtu * */
	GHashTable   *icmp_buckets;      /* dst -> struct icmp_bucket * */
	uint16_t      next_id;
	struct rng    rng_ports, rng_misc, rng_dns;
	struct sip_key secret;
	/* sockets */
	uint64_t      last_socket, last_inode;
	struct tree   sockets;           /* struct net_socket by id */
	struct net_socket *first_socket, *newest_socket;
	GHashTable   *ports;             /* (kind, port) -> struct port_users * */
	GHashTable   *pairs;             /* TCP sockets with two ends, by 4-tuple */
	GHashTable   *inodes;
	uint64_t      tw_count, listen_count;
	struct nat   *nat;               /* NULL: never had a rule */
	GPtrArray    *traces, *pings;    /* operations under way: struct net_ping *, net_trace * */
};

#define COUNT(h, name)     ((h)->count[NET_##name]++)
#define COUNT_BY(h, name, n) ((h)->count[NET_##name] += (int64_t)(n))
#define COUNT6(h, name)    ((h)->count6[NET6_##name]++)
#define COUNT6_BY(h, name, n) ((h)->count6[NET6_##name] += (int64_t)(n))
#define KNOB(h, name)      ((h)->knob[NET_##name])
#define KNOB_MS(h, name)   ((ns_t)(h)->knob[NET_##name] * NS_PER_MS)
#define KNOB_S(h, name)    ((ns_t)(h)->knob[NET_##name] * NS_PER_S)

/* iface.c */
void     iface_receive(struct port *p, struct frame *f);
uint32_t iface_mtu(const struct net_iface *i);
bool     iface_running(const struct net_iface *i);   /* up, and on a wire */
/* Fills in the Ethernet header and pads to 60. */
void     iface_send(struct net_iface *i, struct frame *f, const uint8_t dst[6], uint16_t type);
bool     host_has(const struct net_host *h, struct ip_addr addr);
bool     iface_has(const struct net_iface *i, struct ip_addr addr);
/* Is it the broadcast address of one of the interface's subnets? */
bool     iface_broadcast(const struct net_iface *i, uint32_t addr);
bool     own_prefix_has(const struct own_addr *a, struct ip_addr addr);
struct ip_addr iface_source(const struct net_iface *i, struct ip_addr towards);
void     iface_clear(struct net_iface *i);
/* For tools: fe80:: without an interface is meant on the first that speaks version 6. */
struct ip_addr host_scoped(const struct net_host *h, struct ip_addr addr);
/* 127.0.0.1 or ::1. */
static inline struct ip_addr host_self(enum net_family family)
{
	return family == NET_IPV6 ? ip6(0, 1) : ip4(0x7f000001);
}
struct net_iface *iface_create(struct net_host *h, const char *name);

/* ip6.c */
void ip6_input(struct net_iface *i, struct frame *f);
int  ip6_send(struct net_host *h, const struct ip_out *o, struct route_hit *hit, struct frame *f);
/* Whichever version it is: from lo, or from a socket's own host. */
void packet_input(struct net_iface *i, struct frame *f);
/* The mtu for version 6: a router may have said less than the link has. */
uint32_t iface_mtu6(const struct net_iface *i);

/* frag6.c */
void frag6_send(struct net_host *h, struct route_hit *hit, struct frame *f, uint32_t mtu);
/*
 * Takes a piece whose fragment header is at offset *at of the packet, named by the byte at *name. The whole packet once it is
 * complete, and what follows its headers is then at *at, named by the byte at *name; else NULL.
 */
struct frame *frag6_collect(struct net_iface *i, struct frame *f, uint32_t *at, uint32_t *name);
void frag6_clear(struct net_host *h);

/* icmp6.c */
void icmp6_input(struct net_host *h, struct frame *f, const struct ip_in *in);
void icmp6_error(struct net_host *h, const struct net_iface *arrived, const struct frame *f, uint8_t type, uint8_t code,
		 uint32_t rest);
void icmp6_host_unreachable(struct net_host *h, struct net_iface *i, struct frame *f);
int  icmp6_echo(struct net_host *h, struct ip_addr dst, uint16_t id, uint16_t seq, const void *data, uint32_t len, uint8_t ttl);
/* A message whose checksum is still to be filled in; hop limit 255 for neighbours. */
void icmp6_send(struct net_host *h, struct ip_addr src, struct ip_addr dst, struct frame *f, struct route_hit *hit, uint8_t ttl);
/* A token bucket for each destination (as Linux does; RFC 1812 4.3.2.8 and RFC 4443 2.4(f) want some limit). */
bool icmp_may_tell(struct net_host *h, struct ip_addr dst);

/* nd.c: neighbour discovery */
void nd_input(struct net_host *h, const struct ip_in *in);
void nd_solicit(struct net_iface *i, struct ip_addr src, struct ip_addr target, const struct net_mac *to);
void nd_router_solicit(struct net_iface *i);
void nd_router_advertise(struct net_iface *i, struct ip_addr to, uint16_t lifetime);
/* A packet goes back out where it came from: tells the sender the better way (RFC 4861 8.2). */
void nd_redirect(struct net_iface *i, const struct frame *f, const struct route_hit *hit);
static inline struct ip_addr ip_solicited_node(struct ip_addr a)
{
	return ip6(0xff02000000000000u, 0x00000001ff000000u | (a.lo & 0xffffff));
}

/* addrconf.c: addresses of version 6 */
struct nd {
	struct net_iface *iface;
	bool         automatic;         /* from advertisements, asked for */
	struct timer dad;               /* the next event of any address's probing */
	struct timer rs;
	unsigned     solicits;          /* still to be sent */
	struct timer ra;                /* idle: the next unasked advertisement */
	unsigned     initial;           /* advertisements still to be sent soon */
	struct timer life;              /* idle: the next end of an address or route */
	uint8_t      hop_limit;         /* as a router says; 0: it has not */
	uint32_t     mtu;
	int64_t      reachable, retrans; /* ms, as a router says; 0: as the knobs say */
	struct net_ra adv;
};
bool addrconf_begin(struct net_iface *i);       /* version 6 is wanted here; false for lo, which always has it */
void addrconf_up(struct net_iface *i);
void addrconf_down(struct net_iface *i);
void addrconf_clear(struct net_iface *i);
void addrconf_forwarding(struct net_host *h);   /* the host has become a router, or is no longer one */
void addrconf_start_dad(struct net_iface *i, struct own_addr *a);
void addrconf_duplicate(struct net_iface *i, struct own_addr *a);
struct own_addr *iface_own(const struct net_iface *i, struct ip_addr addr);  /* usable or not */
/* From an advertisement: RFC 4862 5.5.3. Lifetimes in s; 0xffffffff: for ever. */
void addrconf_prefix(struct net_iface *i, struct ip_addr prefix, uint32_t valid, uint32_t preferred);
void addrconf_route(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via, uint32_t lifetime);

/* neigh.c */
void arp_input(struct net_iface *i, struct frame *f);
/* Sends the packet to neighbour `next`, asking for its MAC first if need be. */
void neigh_send(struct net_iface *i, struct ip_addr next, struct frame *f, struct neigh **cache);
void neigh_confirm(struct neigh *n);
/* ms: what a router has told for version 6, or the knob. */
int64_t neigh_retrans(const struct net_iface *i, bool v6);
/* Where it is known to be, or NULL. */
const uint8_t *neigh_mac(const struct net_iface *i, struct ip_addr addr);
/* Is it known not to answer? `since` when. */
bool neigh_failed(const struct net_iface *i, struct ip_addr addr, ns_t *since);
/* A neighbour tells its address in something of its own: a solicitation, a router's word. */
void neigh_told(struct net_iface *i, struct ip_addr addr, const uint8_t mac[6], bool router);
/* An advertisement (RFC 4861 7.2.5); `mac` may be NULL. */
void neigh_advertised(struct net_iface *i, struct ip_addr addr, const uint8_t *mac, bool router, bool solicited, bool override);
void neigh_leave(struct net_iface *i);               /* the interface goes down or away */
void neigh_clear(struct net_host *h);

/* route.c */
/* One that a router has told, or its end; `expires` 0: for ever. */
void route_made(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via, uint32_t metric, ns_t expires);
void route_unmade(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via);
/* Drops what has expired; the next end, or 0. */
ns_t route_expire(struct net_iface *i);
void route_router_gone(struct net_iface *i, struct ip_addr router);
/* It does not answer: what redirects have sent to it goes the old way. */
void route_neighbour_failed(struct net_iface *i, struct ip_addr neighbour);
int  route_find(struct net_host *h, struct ip_addr dst, struct route_hit *hit);
void route_connect(struct net_iface *i, const struct own_addr *p, bool add);
void route_leave(struct net_iface *i);               /* drops all routes through it */
void route_address_gone(struct net_iface *i, struct ip_addr addr);

/* ip.c */
void ip_input(struct net_iface *i, struct frame *f);
void ip_deliver(struct net_iface *i, struct frame *f);   /* a whole packet for this host */
/*
 * `f` comes from ip_frame(), transport header and data filled in. `hit` is where it goes. EMSGSIZE: longer than the path, and df.
 */
int  ip_send(struct net_host *h, const struct ip_out *o, struct route_hit *hit, struct frame *f);
/* A finished packet that fits the interface. */
void ip_transmit(struct net_host *h, struct route_hit *hit, struct frame *f);
void ip_drop(struct net_host *h, struct frame *f, const char *why);
void loopback_fire(struct timer *t);
/* A packet of `len` bytes, its header too; not filled in. */
struct frame *packet_frame(struct net_host *h, uint32_t len);
/* A frame to `dst` whose transport header and data are `len` bytes, not yet filled in, at transport(f). */
struct frame *ip_frame(struct net_host *h, struct ip_addr dst, uint32_t len);
/* The length of the IP header of new packets to `dst`. */
static inline uint32_t ip_header(struct ip_addr dst) { return ip_is6(dst) ? IP6_HEADER : IP_HEADER; }
static inline uint8_t *packet(struct frame *f) { return f->data + f->start + FRAME_HEADER; }
static inline uint16_t packet_type(struct frame *f) { return packet(f)[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4; }
static inline uint32_t packet_len(const struct frame *f) { return frame_len(f) - FRAME_HEADER; }
/* Of a frame from ip_frame(): the version stands in it already. */
static inline uint32_t header_of(struct frame *f) { return packet(f)[0] >> 4 == 6 ? IP6_HEADER : IP_HEADER; }
static inline uint8_t *transport(struct frame *f) { return packet(f) + header_of(f); }
static inline uint32_t transport_len(struct frame *f) { return packet_len(f) - header_of(f); }

/* frag.c */
/* Sends the packet in pieces of at most `mtu`. */
void frag_send(struct net_host *h, struct route_hit *hit, struct frame *f, uint32_t mtu);
/* Takes a piece; the whole packet once it is complete, else NULL. */
struct frame *frag_collect(struct net_iface *i, struct frame *f);
void frag_clear(struct net_host *h);

/* pmtu.c */
uint32_t pmtu_to(struct net_host *h, struct ip_addr dst, const struct route_hit *hit, bool *locked);
void     pmtu_learn(struct net_host *h, struct ip_addr dst, uint32_t mtu, uint32_t packet);
uint32_t pmtu_plateau(uint32_t below);

/* icmp.c */
void icmp_input(struct net_host *h, struct frame *f, const struct ip_in *in);
/* About a packet to a port that nobody has. */
void icmp_port_unreachable(struct net_host *h, const struct ip_in *in, const struct frame *f);
/* Is it an unreachable message, of the version of `in`? */
static inline bool icmp_is_unreachable(const struct ip_in *in, uint8_t type) { return type == (ip_is4(in->dst) ? 3 : 1); }
/* About the packet in `f`, which stays the caller's. `rest` is the second word. */
void icmp_error(struct net_host *h, const struct net_iface *arrived, const struct frame *f, uint8_t type, uint8_t code,
		uint32_t rest);
/* As above, for a packet that could not be delivered to a neighbour: also tells local sockets. */
void icmp_host_unreachable(struct net_host *h, struct net_iface *i, struct frame *f);
int  icmp_echo(struct net_host *h, struct ip_addr dst, uint16_t id, uint16_t seq, const void *data, uint32_t len, uint8_t ttl,
	       bool broadcast);

/* The transports take an error about a packet of theirs: `in` describes the packet quoted. */
void udp_error(struct net_host *h, const struct ip_in *in, int error, bool fatal, uint8_t type, uint8_t code,
		struct ip_addr from);
void tcp_error(struct net_host *h, const struct ip_in *in, int error, bool fatal, uint8_t type, uint8_t code, uint32_t mtu);
void ping_error(struct net_host *h, const struct ip_in *in, int error, uint8_t type, uint8_t code, struct ip_addr from);
void ping_reply(struct net_host *h, struct frame *f, const struct ip_in *in);
void udp_input(struct net_host *h, struct frame *f, const struct ip_in *in);
void rdt_packet_input(struct net_host *h, struct frame *f, const struct ip_in *in);
void rdt_packet_error(struct net_host *h, const struct ip_in *in, int error, bool fatal);
void tcp_input(struct net_host *h, struct frame *f, const struct ip_in *in);

/*
 * nat_way.c: packets under way through a host that forwards and has rules (nat.h). Both take the frame; NULL: it goes no
 * further.
 */
struct frame *nat_arriving(struct net_iface *in, struct frame *f);
struct frame *nat_leaving(struct net_iface *in, const struct route_hit *hit, struct frame *f);
/* The packet as its sender had it; takes the frame. */
struct frame *nat_restored(struct net_host *h, struct frame *f);
/* icmp_error() about that packet. */
void nat_complain(struct net_iface *in, struct frame *f, uint8_t type, uint8_t code, uint32_t rest);
/* nat.c, nat_rule.c */
bool nat_holds_port(const struct net_host *h, int kind, uint16_t port);
void nat_iface_gone(struct net_iface *i);
void nat_addr_gone(struct net_host *h, struct ip_addr addr);
void nat_clear(struct net_host *h);
bool nat_check(const struct net_host *h, struct err *e);

void knobs_init(struct net_host *h);
void sockets_init(struct net_host *h);
void sockets_clear(struct net_host *h);
void tools_clear(struct net_host *h);
struct net_trace;
void trace_stop(struct net_trace *t);
bool sockets_check(const struct net_host *h, struct err *e);

#endif
