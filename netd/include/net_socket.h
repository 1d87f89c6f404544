/*
 * net_socket.h - sockets, with the rules and errors of Linux. No call ever waits.
 *
 * How a caller blocks: call; on -EAGAIN (net_connect: -EINPROGRESS) park the request under the socket;
 * when net_config.wake names the socket, try again after the engine has returned (net_connect: ask
 * net_connect_result). An interrupt just forgets the parked request; nothing is left behind.
 *
 * A socket is retained once for each descriptor (fork, dup) and released when one closes: the last
 * release closes it. TCP then finishes behind: it stays in the tables until done.
 * Buffers are copied in and out; a partial count is an ordinary result. Errors of the connection
 * (ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH) are reported once.
 */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "net.h"

#include <sys/types.h>

enum net_kind { NET_UDP, NET_TCP, NET_ICMP, NET_RDT /* message protocols of lectures */, NET_KINDS };
extern const char *const net_kind_names[NET_KINDS];

enum net_tcp_state { /* numbers of Linux: /proc/net/tcp prints them */
	NET_TCP_NONE, NET_TCP_ESTABLISHED, NET_TCP_SYN_SENT, NET_TCP_SYN_RECV, NET_TCP_FIN_WAIT1,
	NET_TCP_FIN_WAIT2, NET_TCP_TIME_WAIT, NET_TCP_CLOSE, NET_TCP_CLOSE_WAIT, NET_TCP_LAST_ACK,
	NET_TCP_LISTEN, NET_TCP_CLOSING, NET_TCP_STATES
};
extern const char *const net_tcp_state_names[NET_TCP_STATES];

/*
 * A new socket, retained once. Inode numbers come from the host and are never reused. A socket of version 6 has peers of
 * version 4, too, whose addresses it sees as ::ffff:10.0.0.1, unless IPV6_V6ONLY. EAFNOSUPPORT: rdt over version 6.
 */
int  net_socket_new(struct net_host *h, enum net_kind kind, enum net_family family,
		    const struct net_caller *who, struct net_socket **out, struct err *e);
void net_socket_retain(struct net_socket *s);
void net_socket_release(struct net_socket *s);
uint64_t net_socket_inode(const struct net_socket *s);
struct net_host *net_socket_host(const struct net_socket *s); /* NULL: the host is gone */

/*
 * Addresses 0.0.0.0 and :: are any, port 0 an ephemeral one. EACCES EADDRINUSE EADDRNOTAVAIL EINVAL (bound; fe80:: without an
 * interface) EAFNOSUPPORT (of the other version).
 */
int net_bind(struct net_socket *s, const struct net_caller *who, const struct net_endpoint *at, struct err *e);
/* SO_BINDTODEVICE, of UDP: takes only what arrives at the interface of that index. */
void net_socket_bind_iface(struct net_socket *s, unsigned index);
/* Backlog is cut to somaxconn; again: changes it. EADDRINUSE; EINVAL connected; EOPNOTSUPP not tcp. */
int net_listen(struct net_socket *s, int backlog, struct err *e);
/* The oldest connection, retained once. EAGAIN none yet; EINVAL not listening. */
int net_accept(struct net_socket *s, struct net_socket **out, struct net_endpoint *peer, struct err *e);
/*
 * For one who listens in another's name: from now on net_accept() gives connections as soon as their SYN has come. net_answer()
 * sends the SYN-ACK (and net_connect_result() tells how that went); one that is closed instead, with NET_SO_LINGER 0, was refused.
 */
void net_listen_asks(struct net_socket *s);
void net_answer(struct net_socket *s);
/*
 * UDP, ICMP: remembers the peer (family 0: forgets it). TCP: sends the SYN, -EINPROGRESS.
 * EALREADY EISCONN EADDRNOTAVAIL (no free port) ENETUNREACH EHOSTUNREACH ECONNREFUSED EACCES.
 */
int net_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e);
/* 0 connected; -EINPROGRESS; else why it failed, once. */
int net_connect_result(struct net_socket *s, struct err *e);

enum net_message { NET_PEEK = 1, NET_MORE = 2, NET_OOB = 4 /* TCP: urgent */ };
/*
 * Bytes taken, at least 1 unless `len` is 0 (a UDP message is taken whole). `to` only for UDP and ICMP, or NULL.
 * EAGAIN the queue is full; EPIPE after shutdown (the caller raises SIGPIPE); ENOTCONN; EISCONN;
 * EDESTADDRREQ; EMSGSIZE; EACCES broadcast without SO_BROADCAST; errors of the connection.
 */
ssize_t net_send(struct net_socket *s, const void *data, size_t len, unsigned flags,
		 const struct net_endpoint *to, struct err *e);
/*
 * Bytes given; 0 at the end of a stream (or an empty datagram). `from` may be NULL. A datagram longer
 * than `len` is cut. EAGAIN nothing yet; ENOTCONN; errors of the connection.
 */
ssize_t net_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from,
		 struct err *e);/*
 * For one who answers in another's name: UDP, bound to an address. Tells `peer`, from whom a datagram came, that nobody is
 * there: ICMP port unreachable, as often as the host may send such.
 */
void net_refuse(struct net_socket *s, const struct net_endpoint *peer);

/*
 * TCP without copying. net_peek: what net_recv() would give, in at most two pieces; 0 when it would give no bytes (ask it why).
 * net_take takes so many of them. net_space: room for at most `most` bytes behind what is to be sent, of which there are never
 * more than `limit` (this is the send buffer's from now on); 0 when net_send() would take none; net_filled sends the first `len`
 * of it. net_queued: how many are to be sent, or to be acknowledged. Pieces are valid until the engine is called again.
 */
struct net_piece { uint8_t *at; size_t len; };
size_t net_peek(struct net_socket *s, struct net_piece piece[2]);
void   net_take(struct net_socket *s, size_t len);
size_t net_space(struct net_socket *s, uint32_t limit, size_t most, struct net_piece piece[2]);
void   net_filled(struct net_socket *s, size_t len);
size_t net_queued(const struct net_socket *s);
/*
 * TCP: neither direction's buffer grows above `most` bytes from now on, nor is more memory kept for it. What is there already
 * stays, and so does the window that the other end was offered: net_held is the larger of the two directions with that. A
 * window that has grown by a quarter of `most` is told at once.
 */
void     net_limit(struct net_socket *s, uint32_t most);
uint32_t net_held(const struct net_socket *s);

/* Whatever the caller wants to find again in `wake`; NULL until set, also in accepted sockets. */
void  net_socket_mark(struct net_socket *s, void *mark);
void *net_socket_marked(const struct net_socket *s);

/* SHUT_RD, SHUT_WR, SHUT_RDWR of sys/socket.h. ENOTCONN. */
int net_shutdown(struct net_socket *s, int how, struct err *e);

enum net_poll { NET_POLLIN = 1, NET_POLLPRI = 2, NET_POLLOUT = 4, NET_POLLERR = 8, NET_POLLHUP = 16, NET_POLLRDHUP = 0x2000 };
unsigned net_poll(const struct net_socket *s);

enum net_option {
	NET_SO_REUSEADDR, NET_SO_REUSEPORT, NET_SO_BROADCAST, NET_SO_KEEPALIVE, NET_SO_OOBINLINE,
	NET_SO_LINGER,                       /* seconds; -1: off */
	NET_SO_SNDBUF, NET_SO_RCVBUF,        /* bytes; read back doubled, as Linux does */
	NET_SO_SNDTIMEO, NET_SO_RCVTIMEO,    /* ms; 0: for ever. Kept for the caller, who does the waiting */
	NET_SO_ERROR,                        /* read and clear */
	NET_SO_ACCEPTCONN, NET_SO_TYPE,      /* read only */
	NET_IP_TTL, NET_IP_TOS, NET_IP_MTU_DISCOVER, /* 0 never sets DF, 1 as needed, 2 always */
	NET_IP_MTU,                          /* read only, connected */
	NET_IPV6_V6ONLY,                     /* before bind: no peers of version 4 */
	NET_IPV6_UNICAST_HOPS, NET_IPV6_TCLASS, NET_IPV6_MTU_DISCOVER, NET_IPV6_MTU, /* as IP_TTL, IP_TOS, ... */
	NET_TCP_NODELAY, NET_TCP_CORK, NET_TCP_MAXSEG, NET_TCP_KEEPIDLE, NET_TCP_KEEPINTVL, NET_TCP_KEEPCNT,
	NET_TCP_SYNCNT, NET_TCP_LINGER2, NET_TCP_DEFER_ACCEPT, NET_TCP_WINDOW_CLAMP, NET_TCP_QUICKACK,
	NET_TCP_CONGESTION,                  /* 0 reno, 1 cubic */
	NET_TCP_USER_TIMEOUT,                /* ms */
	NET_RDT_VARIANT,                     /* index in net_rdt_variant_names; before the first message */
	NET_RDT_WINDOW,                      /* parts under way: gbn and sr */
	NET_RDT_TIMEOUT,                     /* ms, before a part is sent again */
	NET_RDT_TRIES,                       /* of one part, then ETIMEDOUT */
	NET_RDT_PART,                        /* bytes: a longer message is cut */
	NET_OPTIONS
};
extern const char *const net_option_names[NET_OPTIONS]; /* as in C */
/* EINVAL a value out of range; ENOPROTOOPT not an option of this kind of socket, or read only. */
int net_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e);
int net_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e);

/* "1.0" ... "v3", then NULL. */
extern const char *const net_rdt_variant_names[];
/* What an rdt socket knows of one peer, the one used last first; false beyond the last. */
struct net_rdt_info {
	const char *variant;
	struct net_endpoint peer;
	unsigned window, parts;              /* parts: not acknowledged, sent or not */
	ns_t     timeout;
	bool     waits;                      /* for an acknowledgement of part `oldest`; under_way: so many in all */
	uint32_t oldest, next, expected;     /* numbers: of the next part sent, of the part expected from the peer */
	unsigned under_way;
	uint64_t sent, resent, acks, naks, received, repeated, damaged, delivered; /* packets; delivered: messages */
};
bool net_rdt_peer(const struct net_socket *s, unsigned index, struct net_rdt_info *out);

/* --- the tables -------------------------------------------------------------------------------- */

enum net_timer_kind { /* as /proc/net/tcp numbers them */
	NET_TIMER_NONE, NET_TIMER_RETRANSMIT, NET_TIMER_KEEPALIVE, NET_TIMER_TIME_WAIT, NET_TIMER_PROBE
};

/* A copy of one socket's row. */
struct net_socket_info {
	uint64_t            id;       /* never reused; orders the table */
	uint64_t            inode;    /* 0 once no descriptor refers to it */
	enum net_kind       kind;
	enum net_family     family;
	struct net_endpoint local, remote;
	enum net_tcp_state  state;    /* UDP: ESTABLISHED when connected, else CLOSE */
	uint32_t            recv_queue, send_queue; /* bytes; LISTEN: connections waiting, backlog */
	enum net_timer_kind timer;
	ns_t                expires;  /* from now */
	unsigned            retransmits, probes, refs;
	uint32_t            uid;
	int32_t             pid;      /* who made it */
	ns_t                rto, ato;
	unsigned            quick;    /* ACKs still sent at once */
	bool                pingpong;
	uint32_t            cwnd, ssthresh;  /* segments; ssthresh G_MAXUINT32: none yet */
	uint64_t            drops;
	bool                bound;    /* Linux's tables list it: UDP with a port, TCP in a state but CLOSE */
	uint64_t            cookie;   /* looks like a kernel pointer: stable, made of host and id */
};
void net_socket_get(const struct net_socket *s, struct net_socket_info *out);
/* The socket of host `h` with the lowest id above `id`; false when there is none. */
bool net_socket_above(const struct net_host *h, uint64_t id, struct net_socket_info *out);
/* One socket of the host after the other, by id; NULL begins and ends. None may come or go meanwhile. */
const struct net_socket *net_socket_next(const struct net_host *h, const struct net_socket *s);
/* How many there are, and how many listen. */
uint64_t net_socket_count(const struct net_host *h);
uint64_t net_socket_listeners(const struct net_host *h);
struct net_socket *net_socket_by_inode(const struct net_host *h, uint64_t inode);

/* Bytes waiting in the receive (`received`) or send queue, copied from the front; for inspection. */
size_t net_socket_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len);

/* A row without traffic, for fixtures: retained once. EINVAL, EADDRINUSE the same 5-tuple. */
struct net_fixture {
	enum net_kind       kind;
	struct net_endpoint local, remote;
	enum net_tcp_state  state;
	uint32_t            recv_queue, send_queue;
};
int net_socket_fixture(struct net_host *h, const struct net_fixture *f, const struct net_caller *who,
		       struct net_socket **out, struct err *e);

#endif
