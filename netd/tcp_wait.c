/* tcp_wait.c - TIME-WAIT (RFC 9293 3.10.7.4, 1337, 6191). */
#include "tcp.h"

static void restart(struct tcp *t)
{
	net_timer(t->s->host->net, &t->long_timer, KNOB_S(t->s->host, TIME_WAIT), true);
}

void tcp_time_wait(struct tcp *t)
{
	struct ring in = t->in;

	tcp_stop_timers(t);
	tcp_set_state(t, NET_TCP_TIME_WAIT);
	t->in = (struct ring){ 0 };
	tcp_free_queues(t);
	if (t->s->handles > 0) /* unread data stays readable */
		t->in = in;
	else
		ring_clear(&in);
	t->snd_una = t->snd_nxt;
	restart(t);
	socket_wake(t->s);
}

bool tcp_wait_reusable(const struct tcp *t)
{
	const struct net_host *h = t->s->host;

	if (KNOB(h, TW_REUSE) == 0 || (KNOB(h, TW_REUSE) == 2 && !ip_is_loopback(t->s->raddr) && !host_has(h, t->s->raddr)))
		return false;
	return t->ts_ok && tcp_now(t) - t->ts_recent_time > NS_PER_S;
}

bool tcp_wait_input(struct tcp *t, const struct seg_in *g, uint32_t *isn)
{
	bool paws = t->ts_ok && g->o.ts_present && (int32_t)(g->o.tsval - t->ts_recent) < 0;
	uint32_t len = seg_end(g) - g->seq;
	ns_t now = tcp_now(t);

	if (!paws && g->seq == t->rcv_nxt && (len == 0 || g->flags & NET_RST)) {
		if (g->flags & NET_RST) {
			if (!KNOB(t->s->host, RFC1337)) {
				COUNT(t->s->host, TcpExt_TWKilled);
				tcp_done(t);
			}
			return false;
		}
		restart(t);
		return false;
	}
	/* RFC 6191: a SYN that can only be new opens a new connection. */
	if (g->flags & NET_SYN && !(g->flags & (NET_RST | NET_ACK)) && !paws &&
	    (seq_gt(g->seq, t->rcv_nxt) || (t->ts_ok && g->o.ts_present && (int32_t)(t->ts_recent - g->o.tsval) < 0))) {
		*isn = t->snd_nxt + 65535 + 2;
		if (*isn == 0)
			*isn = 1;
		COUNT(t->s->host, TcpExt_TWRecycled);
		tcp_done(t);
		return true;
	}
	if (g->flags & NET_RST)
		return false;
	if (paws)
		COUNT(t->s->host, TcpExt_PAWSTimewait);
	if (paws || g->flags & NET_ACK)
		restart(t);
	if (len == 0 && t->last_challenge && now - t->last_challenge < KNOB_MS(t->s->host, CHALLENGE_INTERVAL)) {
		COUNT(t->s->host, TcpExt_TCPACKSkippedTimeWait);
		return false;
	}
	if (len == 0)
		t->last_challenge = MAX(now, 1);
	tcp_send_ack(t);
	return false;
}
