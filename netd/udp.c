/* udp.c - UDP (RFC 768, 1122 4.1). */
#include "socket.h"

enum { UDP_HEADER = 8, UDP_MAX = 65535 - IP_HEADER - UDP_HEADER };

/* How well `s` fits a packet for it: -1 not at all; every fixed end counts, then the version for which it was made. */
static int score(const struct net_socket *s, const struct ip_in *in, uint16_t sport)
{
	int points = ip_is4(in->dst) && s->family == NET_IPV4;

	/* Of an error it need not be known where the packet that it is about has left. */
	if (!socket_takes(s, in->dst) || (s->iface && in->iface && s->iface != in->iface->index))
		return -1;
	points += ip_none(s->laddr) ? 0 : 2;
	if (!ip_none(s->raddr)) {
		if (!ip_equal(s->raddr, in->src) || (s->rport && s->rport != sport))
			return -1;
		points += 4;
	}
	return points;
}

/* A broadcast goes to all that fit; also to sockets bound to an address of the interface. */
static bool fits_broadcast(const struct net_socket *s, const struct ip_in *in, uint16_t sport)
{
	if (!ip_none(s->raddr) && (!ip_equal(s->raddr, in->src) || s->rport != sport))
		return false;
	return socket_takes(s, in->dst) && (!s->iface || s->iface == in->iface->index);
}

static struct net_socket *udp_find(const struct net_host *h, const struct ip_in *in, uint16_t sport, uint16_t dport)
{
	const struct port_users *u = bind_users(h, NET_UDP, dport);
	struct net_socket *best = NULL;
	int most = -1;

	for (struct net_socket *s = u ? u->users : NULL; s; s = s->next_user) {
		int points = score(s, in, sport);

		if (points > most) {
			best = s;
			most = points;
		}
	}
	return best;
}

static bool checksum_right(const struct ip_in *in, uint32_t len)
{
	if (get16(in->at + 6) == 0) /* none: not allowed over version 6 (RFC 8200 8.1) */
		return ip_is4(in->dst);
	return sum_end(sum_add(sum_pseudo(in->src, in->dst, IP_UDP, len), in->at, len)) == 0;
}

void udp_input(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	const uint8_t *p = in->at;
	uint32_t len = in->len >= UDP_HEADER ? get16(p + 4) : 0;
	struct net_socket *s;

	if (len < UDP_HEADER || len > in->len || !checksum_right(in, len)) {
		COUNT_UDP(h, in->dst, InErrors);
		if (len >= UDP_HEADER && len <= in->len)
			COUNT_UDP(h, in->dst, InCsumErrors);
		frame_put(f);
		return;
	}
	if (in->broadcast) {
		const struct port_users *u = bind_users(h, NET_UDP, get16(p + 2));

		for (s = u ? u->users : NULL; s; s = s->next_user)
			if (fits_broadcast(s, in, get16(p)))
				datagram_add(s, f, in, p + UDP_HEADER, len - UDP_HEADER, get16(p));
	} else if ((s = udp_find(h, in, get16(p), get16(p + 2)))) {
		datagram_add(s, f, in, p + UDP_HEADER, len - UDP_HEADER, get16(p));
	} else {
		COUNT_UDP(h, in->dst, NoPorts);
		icmp_port_unreachable(h, in, f);
	}
	frame_put(f);
}

/* As on Linux an unconnected socket is not told. */
void udp_error(struct net_host *h, const struct ip_in *in, int error, bool fatal, uint8_t type, uint8_t code,
	       struct ip_addr from)
{
	struct ip_in back = { .src = in->dst, .dst = in->src, .iface = in->iface };
	struct net_socket *s = udp_find(h, &back, get16(in->at + 2), get16(in->at));

	if (!s)
		return;
	if (error == EMSGSIZE && s->mtu_discover == 0) /* IP_PMTUDISC_DONT */
		return;                                  /* what it sends may be cut into pieces: it learns nothing */
	fatal |= error == EMSGSIZE;
	s->note = (struct icmp_note){ .from = from, .key = get16(in->at + 2), .type = type, .code = code, .error = error };
	if (!ip_none(s->raddr) && fatal)
		s->error = error;
	if (s->notify || (!ip_none(s->raddr) && fatal))
		socket_wake(s);
}

/* The datagram itself has been read: its headers are made again, as far as an error quotes them. */
void net_refuse(struct net_socket *s, const struct net_endpoint *peer)
{
	struct ip_addr from = ip_of(&peer->addr);
	struct ip_in in = { .src = from, .dst = s->laddr };
	struct frame *f;
	uint8_t *p;

	if (s->kind != NET_UDP || !s->host || ip_none(s->laddr) || ip_none(from) || ip_is4(from) != ip_is4(s->laddr))
		return;
	f = ip_frame(s->host, s->laddr, UDP_HEADER);
	p = packet(f);
	memset(p + 1, 0, packet_len(f) - 1);
	if (ip_is6(s->laddr)) {
		put16(p + 4, UDP_HEADER);
		p[6] = IP_UDP;
		p[7] = 64;
		ip_put6(p + 8, from);
		ip_put6(p + 24, s->laddr);
	} else {
		put16(p + 2, IP_HEADER + UDP_HEADER);
		p[8] = 64;
		p[9] = IP_UDP;
		put32(p + 12, ip_v4(from));
		put32(p + 16, ip_v4(s->laddr));
		put16(p + 10, sum_end(sum_add(0, p, IP_HEADER)));
	}
	p = transport(f);
	put16(p, peer->port);
	put16(p + 2, s->lport);
	put16(p + 4, UDP_HEADER);
	icmp_port_unreachable(s->host, &in, f);
	frame_put(f);
}

void net_socket_bind_iface(struct net_socket *s, unsigned index)
{
	s->iface = index;
}

static ssize_t udp_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
			struct err *e)
{
	struct net_host *h = s->host;
	struct ip_out o = { .protocol = IP_UDP, .tos = s->tos };
	struct route_hit hit;
	struct frame *f;
	uint64_t sum;
	uint16_t port;
	uint32_t headers;
	uint8_t *p;
	bool locked;
	int result = socket_error(s, e);

	if (result == 0)
		result = datagram_target(s, to, &o.dst, &port, e);
	if (result < 0)
		return result;
	if (len > UDP_MAX)
		return err_set(e, EMSGSIZE, 2, "a message of %zu bytes is longer than %d", len, UDP_MAX);
	result = route_find(h, o.dst, &hit);
	if (result < 0)
		return err_set(e, -result, 1, "%s", result == -ENETUNREACH ? "no route" : "the route refuses");
	if (hit.broadcast && !s->broadcast)
		return err_set(e, EACCES, 1, "a broadcast needs SO_BROADCAST");
	if (ip_none(hit.src) && ip_is6(o.dst))
		return err_set(e, EADDRNOTAVAIL, 1, "this host has no address to send from");
	if (!s->lport && (result = bind_port(s, 0, e)) < 0)
		return result;

	headers = ip_header(o.dst) + UDP_HEADER;
	o.src = ip_none(s->laddr) ? hit.src : s->laddr;
	o.ttl = s->ttl ? s->ttl : hit.multicast ? 1 : socket_ttl(s, &hit);
	o.mtu = pmtu_to(h, o.dst, &hit, &locked);
	if (headers + len > o.mtu && s->mtu_discover == 2)
		return err_set(e, EMSGSIZE, 2, "longer than the path's %u bytes", o.mtu);
	o.df = s->mtu_discover && !KNOB(h, NO_PMTU_DISC) && !locked && headers + len <= o.mtu;
	f = ip_frame(h, o.dst, UDP_HEADER + (uint32_t)len);
	p = transport(f);
	put16(p, s->lport);
	put16(p + 2, port);
	put16(p + 4, UDP_HEADER + (uint32_t)len);
	put16(p + 6, 0);
	sum = sum_copy(sum_pseudo(o.src, o.dst, IP_UDP, UDP_HEADER + (uint32_t)len), p + UDP_HEADER, data, len);
	sum = sum_add(sum, p, UDP_HEADER);
	put16(p + 6, sum_end(sum) ? sum_end(sum) : 0xffff); /* RFC 768: 0 would mean none */
	COUNT_UDP(h, o.dst, OutDatagrams);
	result = ip_send(h, &o, &hit, f);
	return result < 0 ? err_set(e, -result, 2, "the message does not fit") : (ssize_t)len;
}

const struct kind_ops udp_ops = {
	.connect = datagram_connect, .send = udp_send, .recv = datagram_recv, .shutdown = datagram_shutdown,
	.poll = datagram_poll, .close = datagram_close, .clear = datagram_clear, .describe = datagram_describe,
};
