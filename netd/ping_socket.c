/*
 * ping_socket.c - sockets of kind icmp: what Linux calls ping sockets (SOCK_DGRAM, IPPROTO_ICMP).
 *
 * The local port is the identifier of the echo requests. A message is the ICMP message from its type on, as on
 * Linux; identifier and checksum are filled in. Only replies to this identifier arrive.
 */
#include "socket.h"

enum { ICMP_HEADER = 8, ICMP_MAX = 65535 - IP_HEADER };

static struct net_socket *ping_find(const struct net_host *h, uint16_t id, struct ip_addr laddr)
{
	const struct port_users *u = bind_users(h, NET_ICMP, id);

	for (struct net_socket *s = u ? u->users : NULL; s; s = s->next_user)
		if (socket_takes(s, laddr))
			return s;
	return NULL;
}

void ping_reply(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	struct net_socket *s = ping_find(h, get16(in->at + 4), in->dst);

	if (s)
		datagram_add(s, f, in, in->at, in->len, 0);
	frame_put(f);
}

void ping_error(struct net_host *h, const struct ip_in *in, int error, uint8_t type, uint8_t code, struct ip_addr from)
{
	struct net_socket *s = in->at[0] == (ip_is4(in->dst) ? 8 : 128) ? ping_find(h, get16(in->at + 4), in->src) : NULL;

	if (!s)
		return;
	s->note = (struct icmp_note){ .from = from, .key = get16(in->at + 6), .type = type, .code = code, .error = error };
	if (!s->notify && !ip_none(s->raddr))
		s->error = error;
	socket_wake(s);
}

static ssize_t ping_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
			 struct err *e)
{
	const uint8_t *p = data;
	struct ip_addr addr;
	uint16_t port;
	int result = socket_error(s, e);

	if (result == 0)
		result = datagram_target(s, to, &addr, &port, e);
	if (result < 0)
		return result;
	if (len < ICMP_HEADER || p[0] != (s->family == NET_IPV6 ? 128 : 8) || p[1] != 0)
		return err_set(e, EINVAL, 2, "not an echo request: type %d, code 0, at least 8 bytes",
			       s->family == NET_IPV6 ? 128 : 8);
	if (len > ICMP_MAX)
		return err_set(e, EMSGSIZE, 2, "a message of %zu bytes is longer than %d", len, ICMP_MAX);
	if (!s->lport && (result = bind_port(s, 0, e)) < 0)
		return result;
	result = icmp_echo(s->host, addr, s->lport, get16(p + 6), p + ICMP_HEADER, (uint32_t)len - ICMP_HEADER,
			   s->family == NET_IPV6 ? s->hops : s->ttl ? s->ttl : (uint8_t)KNOB(s->host, IP_DEFAULT_TTL),
			   s->broadcast);
	if (result < 0)
		return err_set(e, -result, 1, "%s", g_strerror(-result));
	return (ssize_t)len;
}

const struct kind_ops icmp_ops = {
	.connect = datagram_connect, .send = ping_send, .recv = datagram_recv, .shutdown = datagram_shutdown,
	.poll = datagram_poll, .close = datagram_close, .clear = datagram_clear, .describe = datagram_describe,
};
