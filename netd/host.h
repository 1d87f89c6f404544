/*
 * host.h - the inside of a host: its tables, and the functions by which its layers call each other.
 *
 * Up: iface_receive -> arp_input, ip_input -> ip_deliver -> icmp_input, udp_input, tcp_input.
 * Down: ip_send -> ip_transmit -> neigh_send -> port_send. Every function that is handed a frame takes
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

enum { IP_HEADER = 20, IP6_HEADER = 40, IP_ICMP = 1, IP_TCP = 6, IP_UDP = 17, IP_RDT = 253, TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806,
       LOOPBACK_MTU = 65536, NEIGHS_MAX = 8192 };
#define LOOPBACK_DELAY NS_PER_US
#define ADDR_BROADCAST 0xffffffffu

struct net_iface {
	struct net_host *host;
	char            *name;
	unsigned         index;
	struct net_mac   mac;
	uint32_t         mtu;      /* 0: the wire's */
	bool             up;
	struct port     *port;     /* NULL: no wire; always for lo */
	GArray          *addrs;    /* struct own_addr */
	struct net_iface_info stats; /* its counters only */
};

/* An address of an interface. */
struct own_addr {
	struct ip_addr addr;
	unsigned       len;
};

struct neigh {
	struct net_iface    *iface;
	struct ip_addr       addr;
	struct net_mac       mac;
	enum net_neigh_state state;
	ns_t                 updated, confirmed;
	unsigned             probes;
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
};

/* Where a packet goes: what routing has found out. */
struct route_hit {
	struct net_iface *iface;
	struct ip_addr    next;          /* the neighbour to hand it to */
	struct ip_addr    src;           /* the address that a new packet takes */
	bool              local, broadcast, multicast;
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
	uint64_t      frag_bytes;
	unsigned      frag_count;
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
	uint64_t      tw_count, orphan_count, listen_count;
	struct nat   *nat;               /* NULL: never had a rule */
	GPtrArray    *traces, *pings;    /* operations under way: struct net_ping *, net_trace * */
};

#define COUNT(h, name)     ((h)->count[NET_##name]++)
#define COUNT_BY(h, name, n) ((h)->count[NET_##name] += (int64_t)(n))
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
/* 127.0.0.1 or ::1. */
static inline struct ip_addr host_self(enum net_family family)
{
	return family == NET_IPV6 ? ip6(0, 1) : ip4(0x7f000001);
}
struct net_iface *iface_create(struct net_host *h, const char *name);

/* neigh.c */
void arp_input(struct net_iface *i, struct frame *f);
/* Sends the packet to neighbour `next`, asking for its MAC first if need be. */
void neigh_send(struct net_iface *i, struct ip_addr next, struct frame *f, struct neigh **cache);
void neigh_confirm(struct neigh *n);
void neigh_leave(struct net_iface *i);               /* the interface goes down or away */
void neigh_clear(struct net_host *h);

/* route.c */
int  route_find(struct net_host *h, struct ip_addr dst, struct route_hit *hit);
void route_connect(struct net_iface *i, const struct own_addr *p, bool add);
void route_leave(struct net_iface *i);               /* drops all routes through it */

/* ip.c */
void ip_input(struct net_iface *i, struct frame *f);
void ip_deliver(struct net_iface *i, struct frame *f);   /* a whole packet for this host */
/*
 * `f` comes from ip_frame(), transport header and data filled in. `hit` is where it goes. EMSGSIZE: longer than the path, and df.
 */
int  ip_send(struct net_host *h, const struct ip_out *o, struct route_hit *hit, struct frame *f);
/* A finished packet that fits the interface. */
void ip_transmit(struct net_host *h, struct route_hit *hit, struct frame *f);
void loopback_fire(struct timer *t);
/* A packet of `len` bytes, its header too; not filled in. */
struct frame *packet_frame(struct net_host *h, uint32_t len);
/* A frame to `dst` whose transport header and data are `len` bytes, not yet filled in, at transport(f). */
struct frame *ip_frame(struct net_host *h, struct ip_addr dst, uint32_t len);
/* The length of the IP header of new packets to `dst`. */
static inline uint32_t ip_header(struct ip_addr dst) { return ip_is6(dst) ? IP6_HEADER : IP_HEADER; }
static inline uint8_t *packet(struct frame *f) { return f->data + f->start + FRAME_HEADER; }
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
/* About the packet in `f`, which stays the caller's. `rest` is the second word. */
void icmp_error(struct net_host *h, const struct net_iface *arrived, const struct frame *f, uint8_t type, uint8_t code,
		uint32_t rest);
/* As above, for a packet that could not be delivered to a neighbour: also tells local sockets. */
void icmp_host_unreachable(struct net_host *h, struct net_iface *i, struct frame *f);
int  icmp_errno(uint8_t type, uint8_t code, bool *fatal);
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
