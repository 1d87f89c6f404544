/*
 * socket.h - the inside of sockets, common to all kinds.
 *
 * Who holds a socket: every descriptor outside (`handles`), the host's table while it is alive, and for
 * the length of a call whoever works on it; `refs` counts all three. socket_kill() takes it out of the tables; the
 * memory goes with the last reference.
 */
#ifndef NETD_SOCKET_H
#define NETD_SOCKET_H

#include "host.h"
#include "net_socket.h"

struct tcp;

struct datagram {
	struct datagram *next;
	struct frame    *frame;
	const uint8_t   *data;
	struct ip_addr   src;
	uint32_t         len;
	uint16_t         sport;
	uint8_t          ttl;
	ns_t             time;
};

/* An ICMP error about something that this socket has sent: for ping and traceroute. */
struct icmp_note { struct ip_addr from; uint16_t key; uint8_t type, code; int error; };

/* Everyone who has a local port: a listening socket shares it with its connections. */
struct port_users {
	enum net_kind      kind;
	uint16_t           port;
	struct net_socket *users;      /* newest first */
	bool               by_hand;    /* bind() has made it: connect() keeps off */
	struct net_socket *listeners;  /* by next_listener */
};

/* What one kind of socket does; `s` belongs to a living host. Errors as in net_socket.h. */
struct kind_ops {
	int      (*connect)(struct net_socket *s, const struct net_endpoint *to, struct err *e);
	ssize_t  (*send)(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
			 struct err *e);
	ssize_t  (*recv)(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from,
			 struct err *e);
	int      (*shutdown)(struct net_socket *s, int how, struct err *e);
	unsigned (*poll)(const struct net_socket *s);
	void     (*close)(struct net_socket *s);   /* the last descriptor has closed */
	void     (*clear)(struct net_socket *s);   /* gives up all memory and timers, silently */
	void     (*describe)(const struct net_socket *s, struct net_socket_info *out);
};
extern const struct kind_ops udp_ops, icmp_ops, tcp_ops, rdt_ops;

struct net_socket {
	/* What a row of the tables tells stands first: of a hundred thousand of them only two cache lines are wanted. */
	struct net_host   *host;       /* NULL: gone */
	const struct kind_ops *ops;
	struct tcp        *tcp;
	struct net_socket *next;       /* of the host, by id; see prev */
	uint64_t           id, inode, cookie;
	uint8_t            kind;       /* enum net_kind */
	uint8_t            family;     /* enum net_family: of the table that lists it */
	bool               takes4, takes6; /* versions of IP that may reach it while laddr is any */
	bool               alive;      /* in the host's tables */
	bool               addr_given, port_given; /* by bind() */
	bool               paired;     /* in host->pairs */
	struct ip_addr     laddr, raddr; /* 0: any */
	uint16_t           lport, rport; /* 0: none */
	uint32_t           uid;
	int32_t            pid;
	unsigned           refs, handles;
	unsigned           iface;      /* of UDP: takes only what comes there, by index; 0: any */
	uint64_t           drops;
	uint32_t           queued;     /* bytes of memory, as Linux counts them */
	uint32_t           queued_out; /* of a fixture's row: a number alone, as part of `queued` is then */
	struct net_socket *prev;
	struct tree_node   node;
	struct port_users *users;
	struct net_socket *next_user, *prev_user, *next_listener;
	int                error;      /* to be reported once */
	bool               shut_rd, shut_wr;
	bool               reuse_addr, reuse_port, broadcast, oob_inline;
	int                linger;     /* seconds; -1: off */
	int                send_timeout, recv_timeout; /* ms; 0: none */
	uint32_t           send_limit, recv_limit;
	bool               send_limit_set, recv_limit_set;
	uint32_t           most;       /* net_limit(); 0: none */
	uint8_t            ttl, hops, tos; /* ttl of version 4, hops of version 6; 0: the host's */
	int                mtu_discover;
	struct route_hit   hit;        /* of raddr; see socket_route() */
	struct datagram   *first, *last;
	struct icmp_note   note;
	void             (*notify)(struct net_socket *s); /* an engine's own socket: instead of wake */
	void              *owner;
	void              *mark;       /* the caller's */
	struct rdt_socket *rdt;
};

static inline struct net_socket *socket_hold(struct net_socket *s) { s->refs++; return s; }
void socket_put(struct net_socket *s);
struct net_socket *socket_create(struct net_host *h, enum net_kind kind, enum net_family family);
/* May a packet to `addr` be for it? */
static inline bool socket_takes(const struct net_socket *s, struct ip_addr addr)
{
	return ip_none(s->laddr) ? (ip_is4(addr) ? s->takes4 : s->takes6) : ip_equal(s->laddr, addr);
}
/* The address of a peer that a caller has given, 0 for this host: -EAFNOSUPPORT, -EINVAL, -ENETUNREACH if it cannot be one. */
int  socket_peer(const struct net_socket *s, const struct net_addr *a, struct ip_addr *out, struct err *e);
/* Out of all tables; no timer may fire for it any more. */
void socket_kill(struct net_socket *s);
void socket_wake(struct net_socket *s);
/* Reports and forgets s->error: -errno, or 0. */
int  socket_error(struct net_socket *s, struct err *e);
/* Hops for a packet of its own, that goes along `hit`. */
uint8_t socket_ttl(const struct net_socket *s, const struct route_hit *hit);
#define COUNT_UDP(h, addr, name) (ip_is6(addr) ? COUNT6(h, Udp6##name) : COUNT(h, Udp_##name))
/* The route to raddr, looked up again when tables have changed; -errno. */
int  socket_route(struct net_socket *s);

/* bind.c */
int  bind_port(struct net_socket *s, uint16_t port, struct err *e);  /* laddr is set already; 0: ephemeral */
/* A port for connect(): raddr, rport, laddr are set. TCP may share one between different peers. */
int  bind_for_connect(struct net_socket *s, struct err *e);
bool bind_conflict(const struct net_socket *s, const struct port_users *u);
void bind_inherit(struct net_socket *child, const struct net_socket *listener);
void bind_drop(struct net_socket *s);
struct port_users *bind_users(const struct net_host *h, enum net_kind kind, uint16_t port);
void bind_listen(struct net_socket *s, bool on);
/* TCP sockets by their two ends. */
struct net_socket *pair_find(const struct net_host *h, struct ip_addr laddr, uint16_t lport, struct ip_addr raddr,
			     uint16_t rport);
void pair_add(struct net_socket *s);
void pair_drop(struct net_socket *s);

/* datagram.c: what UDP and ICMP sockets share */
void     datagram_add(struct net_socket *s, struct frame *f, const struct ip_in *in, const uint8_t *data, uint32_t len,
		      uint16_t sport);
ssize_t  datagram_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from, struct err *e);
bool     datagram_take(struct net_socket *s, struct datagram *out); /* the caller puts its frame */
int      datagram_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e);
int      datagram_shutdown(struct net_socket *s, int how, struct err *e);
unsigned datagram_poll(const struct net_socket *s);
void     datagram_close(struct net_socket *s);
void     datagram_clear(struct net_socket *s);
void     datagram_describe(const struct net_socket *s, struct net_socket_info *out);
/* Finds where to send: *to, or the peer. The addresses 0.0.0.0 and :: mean this host. */
int      datagram_target(struct net_socket *s, const struct net_endpoint *to, struct ip_addr *addr, uint16_t *port, struct err *e);

/* rdt_socket.c */
void   rdt_open(struct net_socket *s);
int    rdt_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e);
int    rdt_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e);
size_t rdt_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len);

/* tcp */
int  tcp_listen(struct net_socket *s, int backlog, struct err *e);
int  tcp_accept(struct net_socket *s, struct net_socket **out, struct net_endpoint *peer, struct err *e);
int  tcp_connect_result(struct net_socket *s, struct err *e);
void tcp_open(struct net_socket *s);
void tcp_set_buffer(struct net_socket *s); /* recv_limit has changed */
int  tcp_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e);
int  tcp_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e);
size_t tcp_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len);
int  tcp_fixture(struct net_socket *s, const struct net_fixture *f, struct err *e);
bool tcp_check(const struct net_socket *s, struct err *e);

#endif
