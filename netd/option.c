/* option.c - setsockopt and getsockopt: what is common; TCP's own are in tcp_option.c. */
#include "socket.h"

const char *const net_option_names[NET_OPTIONS] = {
	"SO_REUSEADDR", "SO_REUSEPORT", "SO_BROADCAST", "SO_KEEPALIVE", "SO_OOBINLINE", "SO_LINGER", "SO_SNDBUF",
	"SO_RCVBUF", "SO_SNDTIMEO", "SO_RCVTIMEO", "SO_ERROR", "SO_ACCEPTCONN", "SO_TYPE", "IP_TTL", "IP_TOS", "IP_MTU_DISCOVER", "IP_MTU",
	"IPV6_V6ONLY", "IPV6_UNICAST_HOPS", "IPV6_TCLASS", "IPV6_MTU_DISCOVER", "IPV6_MTU",
	"TCP_NODELAY", "TCP_CORK", "TCP_MAXSEG", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_SYNCNT",
	"TCP_LINGER2", "TCP_DEFER_ACCEPT", "TCP_WINDOW_CLAMP", "TCP_QUICKACK", "TCP_CONGESTION", "TCP_USER_TIMEOUT",
	"RDT_VARIANT", "RDT_WINDOW", "RDT_TIMEOUT", "RDT_TRIES", "RDT_PART",
};

static int range(struct err *e, int value, int min, int max)
{
	if (value < min || value > max)
		return err_set(e, EINVAL, 2, "%d is not in %d..%d", value, min, max);
	return 0;
}

static bool is_rdt(enum net_option o)
{
	return o >= NET_RDT_VARIANT && o <= NET_RDT_PART;
}

static bool is_v6(enum net_option o)
{
	return o >= NET_IPV6_V6ONLY && o <= NET_IPV6_MTU;
}

static bool is_tcp(enum net_option o)
{
	return (o >= NET_TCP_NODELAY && o <= NET_TCP_USER_TIMEOUT) || o == NET_SO_KEEPALIVE;
}

int net_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e)
{
	int result = 0;

	if (!s->host || !s->alive)
		return err_set(e, ENETDOWN, 0, "the host is gone");
	if (is_tcp(o)) {
		if (s->kind != NET_TCP)
			return o == NET_SO_KEEPALIVE ? 0 : err_set(e, ENOPROTOOPT, 1, "not a tcp socket");
		return tcp_setsockopt(s, o, value, e);
	}
	if (is_rdt(o))
		return s->kind == NET_RDT ? rdt_setsockopt(s, o, value, e) : err_set(e, ENOPROTOOPT, 1, "not an rdt socket");
	if (is_v6(o) && s->family != NET_IPV6)
		return err_set(e, ENOPROTOOPT, 1, "not a socket of version 6");
	switch (o) {
	case NET_SO_REUSEADDR:
		s->reuse_addr = value != 0;
		return 0;
	case NET_SO_REUSEPORT:
		s->reuse_port = value != 0;
		return 0;
	case NET_SO_BROADCAST:
		s->broadcast = value != 0;
		return 0;
	case NET_SO_OOBINLINE:
		s->oob_inline = value != 0;
		return 0;
	case NET_SO_LINGER:
		s->linger = MAX(value, -1);
		return 0;
	case NET_SO_SNDBUF: /* doubled for bookkeeping, with Linux's minimums */
		s->send_limit = (uint32_t)MIN((int64_t)MAX(value, 0), KNOB(s->host, WMEM_MAX) / 2) * 2;
		s->send_limit = MAX(s->send_limit, 4608);
		s->send_limit_set = true;
		socket_wake(s);
		return 0;
	case NET_SO_RCVBUF:
		s->recv_limit = (uint32_t)MIN((int64_t)MAX(value, 0), KNOB(s->host, RMEM_MAX) / 2) * 2;
		s->recv_limit = MAX(s->recv_limit, 2304);
		s->recv_limit_set = true;
		if (s->kind == NET_TCP)
			tcp_set_buffer(s);
		return 0;
	case NET_SO_SNDTIMEO:
	case NET_SO_RCVTIMEO:
		if (value < 0)
			return err_set(e, EDOM, 2, "%d ms is no time to wait", value);
		*(o == NET_SO_SNDTIMEO ? &s->send_timeout : &s->recv_timeout) = value;
		return 0;
	case NET_IP_TTL:
		result = value == -1 ? 0 : range(e, value, 1, 255);
		if (result == 0)
			s->ttl = value == -1 ? 0 : (uint8_t)value;
		return result;
	case NET_IPV6_V6ONLY:
		if (s->users)
			return err_set(e, EINVAL, 1, "the socket is bound already");
		s->takes4 = value == 0;
		return 0;
	case NET_IPV6_UNICAST_HOPS:
		result = value == -1 ? 0 : range(e, value, 0, 255);
		if (result == 0)
			s->hops = value == -1 ? 0 : (uint8_t)value;
		return result;
	case NET_IPV6_TCLASS:
	case NET_IP_TOS:
		result = range(e, value, 0, 255);
		if (result == 0)
			s->tos = (uint8_t)value;
		return result;
	case NET_IPV6_MTU_DISCOVER:
	case NET_IP_MTU_DISCOVER:
		result = range(e, value, 0, 2);
		if (result == 0)
			s->mtu_discover = value;
		return result;
	default:
		return err_set(e, ENOPROTOOPT, 1, "%s can only be read", o < NET_OPTIONS ? net_option_names[o] : "this");
	}
}

int net_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e)
{
	if (!s->host)
		return err_set(e, ENETDOWN, 0, "the host is gone");
	if (is_tcp(o)) {
		if (s->kind != NET_TCP)
			return err_set(e, ENOPROTOOPT, 1, "not a tcp socket");
		return tcp_getsockopt(s, o, value, e);
	}
	if (is_rdt(o))
		return s->kind == NET_RDT ? rdt_getsockopt(s, o, value, e) : err_set(e, ENOPROTOOPT, 1, "not an rdt socket");
	if (is_v6(o) && s->family != NET_IPV6)
		return err_set(e, ENOPROTOOPT, 1, "not a socket of version 6");
	switch (o) {
	case NET_SO_REUSEADDR: *value = s->reuse_addr; return 0;
	case NET_SO_REUSEPORT: *value = s->reuse_port; return 0;
	case NET_SO_BROADCAST: *value = s->broadcast; return 0;
	case NET_SO_OOBINLINE: *value = s->oob_inline; return 0;
	case NET_SO_LINGER: *value = s->linger; return 0;
	case NET_SO_SNDBUF: *value = (int)s->send_limit; return 0;
	case NET_SO_RCVBUF: *value = (int)s->recv_limit; return 0;
	case NET_SO_SNDTIMEO: *value = s->send_timeout; return 0;
	case NET_SO_RCVTIMEO: *value = s->recv_timeout; return 0;
	case NET_SO_TYPE: *value = s->kind == NET_TCP ? 1 : 2; return 0; /* SOCK_STREAM, SOCK_DGRAM */
	case NET_IP_TTL: *value = s->ttl ? s->ttl : (int)KNOB(s->host, IP_DEFAULT_TTL); return 0;
	case NET_IPV6_V6ONLY: *value = !s->takes4; return 0;
	case NET_IPV6_UNICAST_HOPS: *value = s->hops ? s->hops : (int)KNOB(s->host, HOP_LIMIT); return 0;
	case NET_IPV6_TCLASS:
	case NET_IP_TOS: *value = s->tos; return 0;
	case NET_IPV6_MTU_DISCOVER:
	case NET_IP_MTU_DISCOVER: *value = s->mtu_discover; return 0;
	case NET_SO_ERROR:
		*value = s->error;
		s->error = 0;
		return 0;
	case NET_SO_ACCEPTCONN: {
		struct net_socket_info info;

		net_socket_get(s, &info);
		*value = info.state == NET_TCP_LISTEN;
		return 0;
	}
	case NET_IPV6_MTU:
	case NET_IP_MTU:
		if (ip_none(s->raddr) || socket_route(s) < 0)
			return err_set(e, ENOTCONN, 0, "the socket has no peer");
		*value = (int)pmtu_to(s->host, s->raddr, &s->hit, NULL);
		return 0;
	default:
		return err_set(e, ENOPROTOOPT, 1, "no such option");
	}
}
