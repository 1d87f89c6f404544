/* tcp_timer.c - what happens when nothing happens: retransmission, probes, delayed ACKs, keepalive. */
#include "tcp.h"

void tcp_stop_timers(struct tcp *t)
{
	struct net *n = t->s->host->net;

	net_cancel(n, &t->timer);
	net_cancel(n, &t->ack_timer);
	net_cancel(n, &t->long_timer);
	t->probing = t->ack_pending = false;
}

static void give_up(struct tcp *t)
{
	COUNT(t->s->host, TcpExt_TCPAbortOnTimeout);
	if (t->state == NET_TCP_SYN_SENT || t->state == NET_TCP_SYN_RECV)
		COUNT(t->s->host, Tcp_AttemptFails);
	tcp_fail(t, t->soft_error ? t->soft_error : ETIMEDOUT);
}

static unsigned most_retries(const struct tcp *t)
{
	const struct net_host *h = t->s->host;

	if (t->state == NET_TCP_SYN_SENT)
		return t->syn_count ? t->syn_count : (unsigned)KNOB(h, SYN_RETRIES);
	if (t->state == NET_TCP_SYN_RECV)
		return (unsigned)KNOB(h, SYNACK_RETRIES);
	if (t->s->handles == 0 && !t->parent)
		return (unsigned)KNOB(h, ORPHAN_RETRIES);
	return (unsigned)KNOB(h, RETRIES2);
}

static bool user_timeout(const struct tcp *t)
{
	return t->user_timeout && t->first_retransmit && tcp_now(t) - t->first_retransmit >= t->user_timeout * NS_PER_MS;
}

/* The window has shrunk below what is under way: what is sent again only probes it, as long as anything comes back (as Linux). */
static bool only_probes(const struct tcp *t)
{
	return t->snd_wnd == 0 && t->state != NET_TCP_SYN_SENT && t->state != NET_TCP_SYN_RECV &&
	       (t->s->handles > 0 || t->parent) && tcp_now(t) - t->last_received <= 2 * KNOB_MS(t->s->host, RTO_MAX);
}

static void retransmit(struct tcp *t)
{
	struct rto_rules rules = host_rto(t->s->host);
	bool probes = only_probes(t);

	if ((t->retransmits >= most_retries(t) && !probes) || user_timeout(t)) {
		give_up(t);
		return;
	}
	if (t->retransmits >= KNOB(t->s->host, RETRIES1))
		t->s->hit.iface = NULL; /* the route may be to blame: look again */
	if (!t->first_retransmit)
		t->first_retransmit = tcp_now(t);
	if (t->state != NET_TCP_SYN_SENT && t->state != NET_TCP_SYN_RECV)
		tcp_timeout_loss(t);
	t->retransmits += !probes;
	t->backoff++;
	rto_back_off(&t->rto, &rules);
	tcp_resend(t, 0);
	net_timer(t->s->host->net, &t->timer, t->rto.rto, false);
}

/*
 * RFC 9293 3.8.6.1: never given up while they are answered, each of which sets `probes` to 0. But what nobody holds
 * any more does not wait for a reader for ever (as Linux).
 */
static void probe(struct tcp *t)
{
	bool orphan = t->s->handles == 0 && !t->parent;

	if (t->probes >= most_retries(t) || user_timeout(t) || (orphan && t->backoff >= most_retries(t))) {
		give_up(t);
		return;
	}
	t->probes++;
	t->backoff++;
	COUNT(t->s->host, TcpExt_TCPWinProbe);
	tcp_wakeup_probe(t);
	if (t->packets == 0)
		tcp_rearm(t);
}

void tcp_fire(struct timer *timer)
{
	struct tcp *t = entry_of(timer, struct tcp, timer);
	struct net_socket *s = socket_hold(t->s);

	if (t->probing)
		probe(t);
	else if (t->packets > 0)
		retransmit(t);
	socket_put(s);
}

void tcp_fire_ack(struct timer *timer)
{
	struct tcp *t = entry_of(timer, struct tcp, ack_timer);
	ns_t least = KNOB_MS(t->s->host, DELACK_MIN);

	if (!t->ack_pending)
		return;
	COUNT(t->s->host, TcpExt_DelayedACKs);
	if (t->pingpong) { /* no answer came to carry it */
		t->pingpong = false;
		t->ato = least;
	} else {
		t->ato = MIN(2 * t->ato, t->rto.rto);
	}
	tcp_send_ack(t);
}

/* --- keepalive (RFC 9293 3.8.4), and the end of FIN-WAIT-2 and TIME-WAIT ----------------------------- */

static ns_t keep_idle(const struct tcp *t)
{
	return t->keep_idle ? t->keep_idle * NS_PER_S : KNOB_S(t->s->host, KEEPALIVE_TIME);
}

void tcp_keepalive_start(struct tcp *t)
{
	struct net *n = t->s->host->net;

	if (t->state == NET_TCP_TIME_WAIT || (t->state == NET_TCP_FIN_WAIT2 && t->s->handles == 0))
		return;
	if (!t->keepalive || t->state == NET_TCP_CLOSE || t->state == NET_TCP_LISTEN || t->state == NET_TCP_SYN_SENT) {
		net_cancel(n, &t->long_timer);
		return;
	}
	net_timer(n, &t->long_timer, keep_idle(t), true);
}

static void keepalive(struct tcp *t)
{
	const struct net_host *h = t->s->host;
	ns_t silent = tcp_now(t) - t->last_received, idle = keep_idle(t);
	ns_t interval = t->keep_interval ? t->keep_interval * NS_PER_S : KNOB_S(h, KEEPALIVE_INTVL);
	unsigned most = t->keep_count ? t->keep_count : (unsigned)KNOB(h, KEEPALIVE_PROBES);

	if (!t->keepalive)
		return;
	if (t->packets > 0 || unsent(t) > 0 || silent < idle) { /* the other timers are watching, or it is alive */
		net_timer(h->net, &t->long_timer, silent < idle ? idle - silent : idle, true);
		return;
	}
	if (t->probes >= most || (t->user_timeout && silent >= t->user_timeout * NS_PER_MS && t->probes > 0)) {
		tcp_send_reset(t);
		COUNT(t->s->host, TcpExt_TCPAbortOnTimeout);
		tcp_fail(t, t->soft_error ? t->soft_error : ETIMEDOUT);
		return;
	}
	t->probes++;
	COUNT(t->s->host, TcpExt_TCPKeepAlive);
	tcp_send_probe(t);
	net_timer(h->net, &t->long_timer, interval, true);
}

void tcp_fire_long(struct timer *timer)
{
	struct tcp *t = entry_of(timer, struct tcp, long_timer);
	struct net_socket *s = socket_hold(t->s);

	if (t->state == NET_TCP_TIME_WAIT) {
		COUNT(s->host, TcpExt_TW);
		tcp_done(t);
	} else if (t->state == NET_TCP_FIN_WAIT2 && s->handles == 0) {
		tcp_done(t);
	} else {
		keepalive(t);
	}
	socket_put(s);
}
