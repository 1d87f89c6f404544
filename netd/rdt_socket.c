/*
 * rdt_socket.c - sockets of kind rdt: a message protocol of rdt.h with each peer, over IP.
 *
 * A packet (IP protocol 253, for experiments by RFC 3692) is a header of 12 bytes and data:
 *     source port 2, destination port 2, type 1 (1 data, 2 ACK, 3 NAK), flags 1 (1 last part, 2 numbered), checksum 2, number 4
 * The checksum is that of RFC 1071 over header and data; 0 where the variant has none.
 */
#include "rdt.h"
#include "socket.h"

enum { RDT_HEADER = 12, FLAG_LAST = 1, FLAG_NUMBERED = 2, PEERS_MAX = 256, SEND_PARTS_MAX = 256, MESSAGES_MAX = 1024 };

struct message {
	GList    link;
	struct ip_addr src;
	uint32_t len;
	uint16_t port;
	uint8_t  data[];
};

struct peer {
	GList    link;
	struct net_socket *socket;
	struct ip_addr addr;
	uint16_t port;
	struct rdt rdt;
	struct timer timer;
};

struct rdt_socket {
	const struct rdt_rules *rules;
	unsigned window, tries;      /* window 0: the variant's own */
	ns_t     timeout;
	size_t   part;
	GQueue   peers;              /* the one used last first */
	GQueue   messages;           /* struct message, delivered */
	size_t   bytes;              /* in them */
};

const char *const net_rdt_variant_names[RDT_VARIANTS + 1] = {
	"1.0", "2.0", "2.1", "2.2", "3.0", "gbn", "sr", "try1", "try2", "v3", NULL
};

static struct rdt_socket *state_of(const struct net_socket *s)
{
	return s->rdt;
}

/* Peers */

static void set_timer(struct peer *p)
{
	struct net *n = p->socket->host->net;
	ns_t at;

	if (rdt_deadline(&p->rdt, &at))
		net_timer(n, &p->timer, at > net_now(n) ? at - net_now(n) : 0, false);
	else
		net_cancel(n, &p->timer);
}

/* After anything that may have changed the sender's queue. */
static void settle(struct peer *p)
{
	if (p->rdt.error) {
		p->socket->error = p->rdt.error;
		p->rdt.error = 0;
	}
	set_timer(p);
	socket_wake(p->socket);
}

static void fire(struct timer *t)
{
	struct peer *p = entry_of(t, struct peer, timer);

	rdt_tick(&p->rdt, net_now(p->socket->host->net));
	settle(p);
}

static void peer_free(struct peer *p)
{
	net_cancel(p->socket->host->net, &p->timer);
	rdt_clear(&p->rdt);
	g_queue_unlink(&state_of(p->socket)->peers, &p->link);
	g_free(p);
}

static const struct rdt_ops peer_ops;

static void configure(struct peer *p)
{
	const struct rdt_socket *r = state_of(p->socket);

	p->rdt.window = r->rules->pipelined && r->window ? r->window : p->rdt.window;
	p->rdt.timeout = r->timeout;
	p->rdt.tries = r->tries;
	p->rdt.part_max = r->part;
}

/* The least recently used peer that has nothing under way makes room. */
static bool make_room(struct rdt_socket *r)
{
	for (GList *l = r->peers.tail; l; l = l->prev)
		if (rdt_done(&((struct peer *)l->data)->rdt)) {
			peer_free(l->data);
			return true;
		}
	return false;
}

static struct peer *peer_find(struct net_socket *s, struct ip_addr addr, uint16_t port)
{
	for (GList *l = state_of(s)->peers.head; l; l = l->next) {
		struct peer *p = l->data;

		if (ip_equal(p->addr, addr) && p->port == port)
			return p;
	}
	return NULL;
}

/* NULL: there are too many, all with something under way. */
static struct peer *peer_of(struct net_socket *s, struct ip_addr addr, uint16_t port)
{
	struct rdt_socket *r = state_of(s);
	struct peer *p = peer_find(s, addr, port);

	if (p) {
		g_queue_unlink(&r->peers, &p->link);
	} else {
		if (r->peers.length >= PEERS_MAX && !make_room(r))
			return NULL;
		p = g_new0(struct peer, 1);
		p->link.data = p;
		p->socket = s;
		p->addr = addr;
		p->port = port;
		p->timer.fire = fire;
		rdt_init(&p->rdt, r->rules, &peer_ops, p);
		configure(p);
	}
	g_queue_push_head_link(&r->peers, &p->link);
	return p;
}

static void peer_send(struct rdt *rdt, const struct rdt_packet *out)
{
	struct peer *p = rdt->user;
	struct net_socket *s = p->socket;
	struct net_host *h = s->host;
	struct ip_out o = { .protocol = IP_RDT, .tos = s->tos, .dst = p->addr };
	struct route_hit hit;
	struct frame *f;
	uint8_t *at;

	if (route_find(h, o.dst, &hit) < 0)
		return;                                  /* lost, like any other */
	o.src = ip_none(s->laddr) ? hit.src : s->laddr;
	o.ttl = s->ttl ? s->ttl : (uint8_t)KNOB(h, IP_DEFAULT_TTL);
	f = ip_frame(h, o.dst, RDT_HEADER + out->len);
	at = transport(f);
	put16(at, s->lport);
	put16(at + 2, p->port);
	at[4] = (uint8_t)out->type;
	at[5] = (uint8_t)((out->last ? FLAG_LAST : 0) | (out->numbered ? FLAG_NUMBERED : 0));
	put16(at + 6, 0);
	put32(at + 8, out->number);
	if (out->len)
		memcpy(at + RDT_HEADER, out->data, out->len);
	if (rdt->rules->checks) {
		uint16_t sum = sum_end(sum_add(0, at, RDT_HEADER + out->len));

		put16(at + 6, sum ? sum : 0xffff);
	}
	ip_send(h, &o, &hit, f);
}

static void peer_deliver(struct rdt *rdt, const uint8_t *data, size_t len)
{
	struct peer *p = rdt->user;
	struct rdt_socket *r = state_of(p->socket);
	struct message *m;

	if (r->messages.length >= MESSAGES_MAX || r->bytes + len > p->socket->recv_limit + (size_t)RDT_MESSAGE_MAX) {
		p->socket->drops++;
		return;
	}
	m = g_malloc(sizeof(*m) + len);
	*m = (struct message){ .link.data = m, .src = p->addr, .port = p->port, .len = (uint32_t)len };
	if (len)
		memcpy(m->data, data, len);
	g_queue_push_tail_link(&r->messages, &m->link);
	r->bytes += len;
}

static const struct rdt_ops peer_ops = { peer_send, peer_deliver };

/* From IP */

static struct net_socket *find(const struct net_host *h, const struct ip_in *in, uint16_t sport, uint16_t dport)
{
	const struct port_users *u = bind_users(h, NET_RDT, dport);
	struct net_socket *found = NULL;

	for (struct net_socket *s = u ? u->users : NULL; s; s = s->next_user) {
		bool paired = !ip_none(s->raddr);

		if (!socket_takes(s, in->dst) || (paired && (!ip_equal(s->raddr, in->src) || s->rport != sport)))
			continue;
		if (!found || paired)
			found = s;
	}
	return found;
}

void rdt_packet_input(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	const uint8_t *at = in->at;
	struct rdt_packet p;
	struct net_socket *s;
	struct peer *peer;

	if (in->len < RDT_HEADER || in->broadcast) {
		frame_put(f);
		return;
	}
	p = (struct rdt_packet){ .type = at[4], .last = at[5] & FLAG_LAST, .numbered = at[5] & FLAG_NUMBERED,
				 .number = get32(at + 8), .data = at + RDT_HEADER, .len = in->len - RDT_HEADER };
	p.damaged = (get16(at + 6) && sum_end(sum_add(0, at, in->len))) || p.type < RDT_DATA || p.type > RDT_NAK;
	if (p.type < RDT_DATA || p.type > RDT_NAK)
		p.type = p.len ? RDT_DATA : RDT_ACK;     /* damaged; what it was can be told by its length alone */
	s = find(h, in, get16(at), get16(at + 2));
	peer = s ? peer_of(s, in->src, get16(at)) : NULL;
	if (peer) {
		rdt_input(&peer->rdt, &p, net_now(h->net));
		settle(peer);
	} else if (!s && !p.damaged) {
		icmp_error(h, in->iface, f, 3, 3, 0);
	}
	frame_put(f);
}

/* As UDP: only a socket with a peer is told. */
void rdt_packet_error(struct net_host *h, const struct ip_in *in, int error, bool fatal)
{
	struct ip_in back = { .src = in->dst, .dst = in->src };
	struct net_socket *s = find(h, &back, get16(in->at + 2), get16(in->at));

	if (!s || ip_none(s->raddr) || !fatal)
		return;
	s->error = error;
	socket_wake(s);
}

/* Calls */

static ssize_t rdt_sock_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
			     struct err *e)
{
	struct rdt_socket *r = state_of(s);
	struct route_hit hit;
	struct peer *p;
	struct ip_addr addr;
	uint16_t port;
	int result = socket_error(s, e);

	if (result == 0)
		result = datagram_target(s, to, &addr, &port, e);
	if (result < 0)
		return result;
	if (port == 0)
		return err_set(e, EINVAL, 1, "there is no port 0");
	if (len > RDT_MESSAGE_MAX || len > r->part * SEND_PARTS_MAX)
		return err_set(e, EMSGSIZE, 2, "a message of %zu bytes; %d parts of %zu are the most", len, SEND_PARTS_MAX, r->part);
	result = route_find(s->host, addr, &hit);
	if (result < 0)
		return err_set(e, -result, 1, "no route");
	if (hit.broadcast || hit.multicast)
		return err_set(e, EACCES, 1, "a message goes to one host");
	if (!s->lport && (result = bind_port(s, 0, e)) < 0)
		return result;
	p = peer_of(s, addr, port);
	if (!p || p->rdt.parts.length >= SEND_PARTS_MAX)
		return err_set(e, EAGAIN, 0, "%u parts wait to be acknowledged", p ? p->rdt.parts.length : 0);
	rdt_send(&p->rdt, data, len, net_now(s->host->net));
	set_timer(p);
	return (ssize_t)len;
}

static ssize_t rdt_sock_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from,
			     struct err *e)
{
	struct rdt_socket *r = state_of(s);
	struct message *m;
	int result = socket_error(s, e);

	if (result < 0)
		return result;
	if (!r->messages.head)
		return s->shut_rd ? 0 : err_set(e, EAGAIN, 0, "nothing has arrived");
	m = r->messages.head->data;
	len = MIN(len, m->len);
	if (len)
		memcpy(data, m->data, len);
	if (from)
		*from = ip_show_end(m->src, m->port, s->family);
	if (!(flags & NET_PEEK)) {
		r->bytes -= m->len;
		g_queue_unlink(&r->messages, &m->link);
		g_free(m);
	}
	return (ssize_t)len;
}

static unsigned rdt_sock_poll(const struct net_socket *s)
{
	const struct rdt_socket *r = state_of(s);
	const struct peer *p = r->peers.head ? r->peers.head->data : NULL;
	unsigned ready = r->messages.head || s->error || s->shut_rd ? NET_POLLIN : 0;

	if (!p || p->rdt.parts.length < SEND_PARTS_MAX)
		ready |= NET_POLLOUT;
	return ready | (s->error ? NET_POLLERR : 0);
}

static void rdt_sock_clear(struct net_socket *s)
{
	struct rdt_socket *r = state_of(s);

	if (!r)
		return;
	while (r->peers.head)
		peer_free(r->peers.head->data);
	while (r->messages.head) {
		struct message *m = r->messages.head->data;

		g_queue_unlink(&r->messages, &m->link);
		g_free(m);
	}
	g_free(r);
	s->rdt = NULL;
}

static void rdt_sock_describe(const struct net_socket *s, struct net_socket_info *out)
{
	const struct rdt_socket *r = state_of(s);

	out->state = ip_none(s->raddr) ? NET_TCP_CLOSE : NET_TCP_ESTABLISHED;
	out->recv_queue = r ? (uint32_t)r->bytes : 0;
	for (GList *l = r ? r->peers.head : NULL; l; l = l->next)
		out->send_queue += (uint32_t)((struct peer *)l->data)->rdt.queued;
}

const struct kind_ops rdt_ops = {
	.connect = datagram_connect, .send = rdt_sock_send, .recv = rdt_sock_recv, .shutdown = datagram_shutdown,
	.poll = rdt_sock_poll, .close = datagram_close, .clear = rdt_sock_clear, .describe = rdt_sock_describe,
};

void rdt_open(struct net_socket *s)
{
	struct rdt_socket *r = g_new0(struct rdt_socket, 1);

	r->rules = &rdt_variants[4];                     /* 3.0: the first that is right when nothing overtakes */
	r->timeout = NS_PER_S / 5;
	r->tries = 16;
	r->part = 1024;
	g_queue_init(&r->peers);
	g_queue_init(&r->messages);
	s->rdt = r;
}

size_t rdt_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len)
{
	const struct rdt_socket *r = state_of(s);
	size_t done = 0;

	for (GList *l = received ? r->messages.head : NULL; l && done < len; l = l->next) {
		const struct message *m = l->data;
		size_t drop = MIN(skip, m->len), take = MIN(m->len - drop, len - done);

		skip -= drop;
		if (take)
			memcpy((uint8_t *)out + done, m->data + drop, take);
		done += take;
	}
	return done;
}

bool net_rdt_peer(const struct net_socket *s, unsigned index, struct net_rdt_info *out)
{
	const struct peer *p;

	if (s->kind != NET_RDT || !s->host || !(p = g_queue_peek_nth(&state_of(s)->peers, index)))
		return false;
	*out = (struct net_rdt_info){ .variant = p->rdt.rules->name, .peer = ip_show_end(p->addr, p->port, s->family),
				      .window = p->rdt.window, .timeout = p->rdt.timeout, .parts = p->rdt.parts.length,
				      .next = p->rdt.next, .expected = p->rdt.expected, .sent = p->rdt.stats.sent,
				      .resent = p->rdt.stats.resent, .acks = p->rdt.stats.acks, .naks = p->rdt.stats.naks,
				      .received = p->rdt.stats.received, .repeated = p->rdt.stats.repeated,
				      .damaged = p->rdt.stats.damaged, .delivered = p->rdt.stats.delivered };
	out->waits = rdt_waiting(&p->rdt, &out->oldest, &out->under_way);
	return true;
}

/* Options */

static int in_range(struct err *e, int value, int min, int max)
{
	return value < min || value > max ? err_set(e, EINVAL, 2, "%d is not in %d..%d", value, min, max) : 0;
}

int rdt_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e)
{
	struct rdt_socket *r = state_of(s);
	int result;

	switch (o) {
	case NET_RDT_VARIANT:
		result = in_range(e, value, 0, RDT_VARIANTS - 1);
		if (result == 0 && r->peers.head)
			result = err_set(e, EISCONN, 1, "messages have been sent already; choose before the first");
		if (result == 0)
			r->rules = &rdt_variants[value];
		return result;
	case NET_RDT_WINDOW:
		result = in_range(e, value, 1, 1024);
		r->window = result ? r->window : (unsigned)value;
		break;
	case NET_RDT_TIMEOUT:
		result = in_range(e, value, 1, 3600 * 1000);
		r->timeout = result ? r->timeout : (ns_t)value * NS_PER_MS;
		break;
	case NET_RDT_TRIES:
		result = in_range(e, value, 1, 1 << 20);
		r->tries = result ? r->tries : (unsigned)value;
		break;
	case NET_RDT_PART:
		result = in_range(e, value, 1, 65000);
		r->part = result ? r->part : (size_t)value;
		break;
	default:
		return err_set(e, ENOPROTOOPT, 1, "not an option of rdt");
	}
	for (GList *l = r->peers.head; l && result == 0; l = l->next)
		configure(l->data);
	return result;
}

int rdt_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e)
{
	const struct rdt_socket *r = state_of(s);

	switch (o) {
	case NET_RDT_VARIANT: *value = (int)(r->rules - rdt_variants); return 0;
	case NET_RDT_WINDOW:  *value = r->rules->pipelined ? r->window ? (int)r->window : 4 : 1; return 0;
	case NET_RDT_TIMEOUT: *value = (int)(r->timeout / NS_PER_MS); return 0;
	case NET_RDT_TRIES:   *value = (int)r->tries; return 0;
	case NET_RDT_PART:    *value = (int)r->part; return 0;
	default: return err_set(e, ENOPROTOOPT, 1, "not an option of rdt");
	}
}
