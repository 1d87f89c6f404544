/* datagram.c - what UDP and ICMP sockets share: a queue of messages, a peer as a convenience. */
#include "socket.h"

#include <sys/socket.h>

/* What Linux charges for a message: a power of two with its bookkeeping. */
static uint32_t memory_of(uint32_t len)
{
	uint32_t size = 512;

	while (size < len + 64 + 320)
		size *= 2;
	return size + 256;
}

void datagram_add(struct net_socket *s, struct frame *f, const struct ip_in *in, const uint8_t *data, uint32_t len,
		  uint16_t sport)
{
	struct datagram *d;

	if (s->queued + memory_of(len) > s->recv_limit || s->shut_rd) {
		s->drops++;
		if (s->kind == NET_UDP) {
			COUNT_UDP(s->host, in->dst, InErrors);
			COUNT_UDP(s->host, in->dst, RcvbufErrors);
		}
		return;
	}
	d = g_new(struct datagram, 1);
	*d = (struct datagram){ .frame = frame_hold(f), .data = data, .len = len, .src = in->src, .sport = sport,
				.ttl = in->ttl, .time = net_now(s->host->net) };
	if (s->last)
		s->last->next = d;
	else
		s->first = d;
	s->last = d;
	s->queued += memory_of(len);
	socket_wake(s);
}

bool datagram_take(struct net_socket *s, struct datagram *out)
{
	struct datagram *d = s->first;

	if (!d)
		return false;
	*out = *d;
	s->first = d->next;
	if (!s->first)
		s->last = NULL;
	s->queued -= memory_of(d->len);
	g_free(d);
	return true;
}

ssize_t datagram_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from, struct err *e)
{
	struct datagram d;
	int result = socket_error(s, e);

	if (result < 0)
		return result;
	if (!s->first)
		return s->shut_rd ? 0 : err_set(e, EAGAIN, 0, "nothing has arrived");
	d = *s->first;
	len = MIN(len, d.len);
	if (len)
		memcpy(data, d.data, len);
	if (from)
		*from = ip_show_end(d.src, d.sport, s->family);
	if (!(flags & NET_PEEK)) {
		datagram_take(s, &d);
		frame_put(d.frame);
		if (s->kind == NET_UDP) /* as Linux: those that were read */
			COUNT_UDP(s->host, d.src, InDatagrams);
	}
	return (ssize_t)len;
}

int datagram_target(struct net_socket *s, const struct net_endpoint *to, struct ip_addr *addr, uint16_t *port,
		    struct err *e)
{
	int result;

	if (s->shut_wr)
		return err_set(e, EPIPE, 0, "the socket is shut down for writing");
	if (to) {
		result = socket_peer(s, &to->addr, addr, e);
		if (result < 0)
			return result;
		*port = to->port;
		if (s->kind == NET_UDP && *port == 0)
			return err_set(e, EINVAL, 1, "there is no port 0");
	} else if (!ip_none(s->raddr)) {
		*addr = s->raddr;
		*port = s->rport;
	} else {
		return err_set(e, EDESTADDRREQ, 1, "the socket has no peer: say where to send");
	}
	return 0;
}

int datagram_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e)
{
	struct route_hit hit;
	struct ip_addr addr;
	char text[NET_ADDR_TEXT];
	int result;

	if (to->addr.family == NET_UNSET) { /* forgets the peer */
		s->raddr = IP_ANY;
		s->rport = 0;
		if (!s->addr_given)
			s->laddr = IP_ANY;
		return 0;
	}
	result = socket_peer(s, &to->addr, &addr, e);
	if (result < 0)
		return result;
	result = route_find(s->host, addr, &hit);
	if (result < 0)
		return err_set(e, -result, 1, "no route to %s", net_addr_text(&to->addr, text));
	if (hit.broadcast && !s->broadcast)
		return err_set(e, EACCES, 1, "a broadcast needs SO_BROADCAST");
	if (!s->lport) {
		result = bind_port(s, 0, e);
		if (result < 0)
			return result;
	}
	s->raddr = addr;
	s->rport = to->port;
	s->hit = hit;
	if (ip_none(s->laddr))
		s->laddr = hit.src;
	return 0;
}

int datagram_shutdown(struct net_socket *s, int how, struct err *e)
{
	if (ip_none(s->raddr))
		return err_set(e, ENOTCONN, 0, "the socket has no peer");
	s->shut_rd |= how != SHUT_WR;
	s->shut_wr |= how != SHUT_RD;
	socket_wake(s);
	return 0;
}

unsigned datagram_poll(const struct net_socket *s)
{
	unsigned ready = NET_POLLOUT;

	if (s->first || s->shut_rd || s->error)
		ready |= NET_POLLIN;
	if (s->shut_rd)
		ready |= NET_POLLRDHUP;
	if (s->shut_rd && s->shut_wr)
		ready |= NET_POLLHUP;
	if (s->error)
		ready |= NET_POLLERR;
	return ready;
}

void datagram_clear(struct net_socket *s)
{
	struct datagram d;

	while (datagram_take(s, &d))
		frame_put(d.frame);
}

void datagram_close(struct net_socket *s)
{
	socket_kill(s);
}

void datagram_describe(const struct net_socket *s, struct net_socket_info *out)
{
	out->state = ip_none(s->raddr) ? NET_TCP_CLOSE : NET_TCP_ESTABLISHED;
	out->recv_queue = s->queued;
	out->send_queue = s->queued_out;
}
