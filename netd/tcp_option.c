/* tcp_option.c - setsockopt and getsockopt of TCP. */
#include "tcp.h"

static int range(struct err *e, int value, int min, int max)
{
	if (value < min || value > max)
		return err_set(e, EINVAL, 2, "%d is not in %d..%d", value, min, max);
	return 0;
}

int tcp_setsockopt(struct net_socket *s, enum net_option o, int value, struct err *e)
{
	struct tcp *t = s->tcp;
	int result = 0;

	switch (o) {
	case NET_SO_KEEPALIVE:
		t->keepalive = value != 0;
		if (t->was_connected)
			tcp_keepalive_start(t);
		return 0;
	case NET_TCP_NODELAY:
		t->nodelay = value != 0;
		break;
	case NET_TCP_CORK:
		t->cork = value != 0;
		break;
	case NET_TCP_MAXSEG:
		result = value == 0 ? 0 : range(e, value, 88, 32767);
		if (result == 0)
			t->mss_user = (uint16_t)value;
		return result;
	case NET_TCP_KEEPIDLE:
		result = range(e, value, 1, 32767);
		if (result == 0) {
			t->keep_idle = (unsigned)value;
			if (t->was_connected)
				tcp_keepalive_start(t);
		}
		return result;
	case NET_TCP_KEEPINTVL:
		result = range(e, value, 1, 32767);
		if (result == 0)
			t->keep_interval = (unsigned)value;
		return result;
	case NET_TCP_KEEPCNT:
		result = range(e, value, 1, 127);
		if (result == 0)
			t->keep_count = (unsigned)value;
		return result;
	case NET_TCP_SYNCNT:
		result = range(e, value, 1, 127);
		if (result == 0)
			t->syn_count = (unsigned)value;
		return result;
	case NET_TCP_LINGER2: /* negative: no FIN-WAIT-2 for nobody; above two minutes: the default */
		t->linger2 = value < 0 ? -1 : value > 120 ? 0 : value;
		return 0;
	case NET_TCP_DEFER_ACCEPT:
		t->defer_accept = (unsigned)MAX(value, 0);
		return 0;
	case NET_TCP_WINDOW_CLAMP:
		if (value == 0 && t->state != NET_TCP_CLOSE)
			return err_set(e, EINVAL, 2, "the window cannot be clamped to nothing");
		result = range(e, value, 0, G_MAXINT);
		if (result == 0)
			t->window_clamp = value ? MAX((unsigned)value, 1152) : 0;
		return result;
	case NET_TCP_QUICKACK:
		if (value) {
			tcp_quick(t);
			if (t->ack_pending)
				tcp_send_ack(t);
		} else {
			t->pingpong = true;
		}
		return 0;
	case NET_TCP_CONGESTION:
		if (value != 0 && value != 1)
			return err_set(e, ENOENT, 2, "only reno and cubic are there");
		t->control = &tcp_controls[value];
		t->control->start(t);
		return 0;
	case NET_TCP_USER_TIMEOUT:
		result = range(e, value, 0, G_MAXINT);
		if (result == 0)
			t->user_timeout = (unsigned)value;
		return result;
	default:
		return err_set(e, ENOPROTOOPT, 1, "no such option");
	}
	tcp_output(t); /* what Nagle or the cork held back */
	return 0;
}

int tcp_getsockopt(struct net_socket *s, enum net_option o, int *value, struct err *e)
{
	const struct tcp *t = s->tcp;
	const struct net_host *h = s->host;

	switch (o) {
	case NET_SO_KEEPALIVE: *value = t->keepalive; return 0;
	case NET_TCP_NODELAY: *value = t->nodelay; return 0;
	case NET_TCP_CORK: *value = t->cork; return 0;
	case NET_TCP_MAXSEG:
		*value = t->state == NET_TCP_CLOSE && t->mss_user ? t->mss_user : t->mss;
		return 0;
	case NET_TCP_KEEPIDLE: *value = t->keep_idle ? (int)t->keep_idle : (int)KNOB(h, KEEPALIVE_TIME); return 0;
	case NET_TCP_KEEPINTVL: *value = t->keep_interval ? (int)t->keep_interval : (int)KNOB(h, KEEPALIVE_INTVL); return 0;
	case NET_TCP_KEEPCNT: *value = t->keep_count ? (int)t->keep_count : (int)KNOB(h, KEEPALIVE_PROBES); return 0;
	case NET_TCP_SYNCNT: *value = t->syn_count ? (int)t->syn_count : (int)KNOB(h, SYN_RETRIES); return 0;
	case NET_TCP_LINGER2: *value = t->linger2 ? t->linger2 : (int)KNOB(h, FIN_TIMEOUT); return 0;
	case NET_TCP_DEFER_ACCEPT: *value = (int)t->defer_accept; return 0;
	case NET_TCP_WINDOW_CLAMP: *value = (int)t->window_clamp; return 0;
	case NET_TCP_QUICKACK: *value = !t->pingpong; return 0;
	case NET_TCP_CONGESTION: *value = (int)(t->control - tcp_controls); return 0;
	case NET_TCP_USER_TIMEOUT: *value = (int)t->user_timeout; return 0;
	default:
		return err_set(e, ENOPROTOOPT, 1, "no such option");
	}
}
