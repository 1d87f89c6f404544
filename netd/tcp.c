/*
 * tcp.c - a connection's states, and its end.
 *
 * CLOSE is where it begins and ends. connect: SYN_SENT; a SYN for a listener: a child in SYN_RECV; then
 * ESTABLISHED. Our FIN: FIN_WAIT1, FIN_WAIT2 once acknowledged; theirs: CLOSE_WAIT, then our FIN: LAST_ACK;
 * both at once: CLOSING. Who sent the first FIN ends in TIME_WAIT (RFC 9293 3.3.2).
 */
#include "tcp.h"

const char *const net_tcp_state_names[NET_TCP_STATES] = {
	"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT",
	"LAST_ACK", "LISTEN", "CLOSING",
};
const char *const net_tcp_recovery_names[NET_TCP_RECOVERIES] = { "open", "disorder", "recovery", "loss" };

struct tcp *tcp_new(struct net_socket *s)
{
	struct net_host *h = s->host;
	struct tcp *t = g_new0(struct tcp, 1);
	struct rto_rules rules = host_rto(h);

	t->s = s;
	s->tcp = t;
	t->state = NET_TCP_CLOSE;
	t->timer.fire = tcp_fire;
	t->ack_timer.fire = tcp_fire_ack;
	t->long_timer.fire = tcp_fire_long;
	t->control = &tcp_controls[KNOB(h, CONGESTION)];
	rto_start(&t->rto, &rules);
	t->cwnd = (uint32_t)KNOB(h, INITIAL_CWND);
	t->ssthresh = NO_SSTHRESH;
	t->reordering = (uint32_t)KNOB(h, REORDERING);
	t->mss_peer = t->mss = MSS_DEFAULT;
	t->rcv_mss = MSS_DEFAULT;
	t->created = net_now(h->net);
	t->next_id = (uint16_t)(s->id * 40503u);
	return t;
}

void tcp_open(struct net_socket *s)
{
	tcp_new(s);
}

bool tcp_can_send(enum net_tcp_state s)
{
	return s == NET_TCP_ESTABLISHED || s == NET_TCP_CLOSE_WAIT || s == NET_TCP_FIN_WAIT1 || s == NET_TCP_CLOSING ||
	       s == NET_TCP_LAST_ACK;
}

static const struct event_kind state_event = { "state", "socket:d lport:d raddr:a rport:d change:s" };

void tcp_set_state(struct tcp *t, enum net_tcp_state state)
{
	struct net_socket *s = t->s;
	struct net_host *h = s->host;
	struct event *ev;

	if (t->state == state)
		return;
	ev = net_event(h->net, &state_event, h, s->pid);
	if (ev) {
		ev->value[0] = s->id;
		ev->value[1] = s->lport;
		event_addr(ev, 2, s->raddr, s->family == NET_IPV6);
		ev->value[4] = s->rport;
		ev->text = g_strdup_printf("%s->%s", net_tcp_state_names[t->state], net_tcp_state_names[state]);
	}
	h->tw_count += (state == NET_TCP_TIME_WAIT) - (uint64_t)(t->state == NET_TCP_TIME_WAIT);
	t->state = state;
}

void tcp_free_queues(struct tcp *t)
{
	ring_clear(&t->out);
	ring_clear(&t->in);
	g_free(t->segs);
	g_free(t->ranges);
	t->segs = NULL;
	t->ranges = NULL;
	t->segs_capacity = t->packets = t->sacked = t->lost = t->retrans = 0;
	t->ranges_count = t->ranges_capacity = 0;
}

/* For socket_kill(): silent. */
static void tcp_clear(struct net_socket *s)
{
	struct tcp *t = s->tcp;

	if (!t)
		return;
	tcp_stop_timers(t);
	if (t->state == NET_TCP_LISTEN)
		tcp_listen_close(t);
	tcp_child_gone(t);
	tcp_free_queues(t);
	tcp_set_state(t, NET_TCP_CLOSE);
	s->tcp = NULL;
	g_free(t);
}

/* What is left of the send side is of no use; what has been received may still be read. */
void tcp_done(struct tcp *t)
{
	struct net_socket *s = t->s;
	struct ring in;

	tcp_stop_timers(t);
	tcp_set_state(t, NET_TCP_CLOSE);
	in = t->in;
	t->in = (struct ring){ 0 };
	tcp_free_queues(t);
	t->in = in;
	t->fin_queued = t->fin_sent = false;
	t->snd_una = t->snd_nxt = t->write_seq;
	pair_drop(s);
	if (!s->port_given)
		bind_drop(s); /* what connect() took, the end gives back; lport stays to be looked at */
	if (s->handles > 0 || t->queued_ready) { /* who accepts it will learn of its end */
		socket_wake(s);
		return;
	}
	tcp_child_gone(t);
	socket_kill(s);
}

void tcp_fail(struct tcp *t, int error)
{
	struct net_socket *s = t->s;

	if (s->handles > 0 || t->parent)
		s->error = error;
	s->shut_rd = s->shut_wr = true;
	tcp_done(t);
}

/* --- numbers that strangers must not guess ------------------------------------------------------ */

static uint32_t ends_hash(struct net_host *h, struct ip_addr laddr, uint16_t lport, struct ip_addr raddr, uint16_t rport,
			  uint32_t purpose)
{
	struct { uint32_t laddr, raddr; uint16_t lport, rport; uint32_t purpose; } x = { ip_v4(laddr), ip_v4(raddr), lport,
											 rport, purpose };
	struct { struct ip_addr laddr, raddr; uint16_t lport, rport; uint32_t purpose; } y = { laddr, raddr, lport, rport,
											       purpose };

	return (uint32_t)(ip_is4(raddr) ? siphash(&h->secret, &x, sizeof(x)) : siphash(&h->secret, &y, sizeof(y)));
}

/* RFC 6528: M + F(ends, secret), M counting 4 us. */
uint32_t tcp_isn(struct net_host *h, struct ip_addr laddr, uint16_t lport, struct ip_addr raddr, uint16_t rport)
{
	return ends_hash(h, laddr, lport, raddr, rport, 1) + (uint32_t)(net_now(h->net) / (4 * NS_PER_US));
}

/* RFC 7323 5.4: each peer sees a clock of its own. */
uint32_t tcp_ts_offset(struct net_host *h, struct ip_addr laddr, struct ip_addr raddr)
{
	return ends_hash(h, laddr, 0, raddr, 0, 2);
}

uint32_t tcp_ts_now(const struct tcp *t)
{
	return (uint32_t)(tcp_now(t) / NS_PER_MS) + t->ts_offset;
}

/* --- the size of segments ----------------------------------------------------------------------- */

uint16_t tcp_mss_of(const struct net_iface *i, struct ip_addr peer)
{
	return (uint16_t)MIN(iface_mtu(i) - ip_header(peer) - TCP_HEADER, 65495);
}

/* Linux's tcp_sync_mss: the peer's word, the path, the options; at most half the largest window seen. */
void tcp_sync_mss(struct tcp *t)
{
	struct net_socket *s = t->s;
	uint32_t headers = ip_header(s->raddr) + TCP_HEADER, mss;

	if (socket_route(s) == 0)
		t->pmtu = pmtu_to(s->host, s->raddr, &s->hit, NULL);
	mss = t->pmtu > headers ? t->pmtu - headers : 0;
	if (t->mss_peer)
		mss = MIN(mss, t->mss_peer);
	if (t->mss_user)
		mss = MIN(mss, t->mss_user);
	mss = mss > (t->ts_ok ? TS_OPTION : 0) ? mss - (t->ts_ok ? TS_OPTION : 0) : 0;
	if (t->max_wnd > MSS_DEFAULT)
		mss = MIN(mss, t->max_wnd / 2);
	t->mss = (uint16_t)CLAMP(mss, t->ts_ok ? 8 : MSS_LEAST - 8, 65495);
}

void tcp_take_options(struct tcp *t, const struct seg_in *g)
{
	struct net_host *h = t->s->host;

	t->mss_peer = g->o.mss_present ? MAX(g->o.mss, 1) : MSS_DEFAULT;
	t->wscale_ok = g->o.wscale_present && KNOB(h, WINDOW_SCALING);
	t->snd_wscale = t->wscale_ok ? MIN(g->o.wscale, WSCALE_MAX) : 0;
	if (!t->wscale_ok)
		t->rcv_wscale = 0;
	t->sack_ok = g->o.sack_permitted && KNOB(h, SACK);
	t->ts_ok = g->o.ts_present && KNOB(h, TIMESTAMPS);
	if (t->ts_ok) {
		t->ts_recent = g->o.tsval;
		t->ts_recent_time = tcp_now(t);
	}
}

void tcp_established(struct tcp *t)
{
	struct net_host *h = t->s->host;

	tcp_sync_mss(t);
	/* RFC 5681 3.1: after a lost SYN a single segment, and RFC 6298 5.7: 3 s when nothing was measured. */
	if (t->retransmits > 1)
		t->cwnd = 1;
	else
		t->cwnd = (uint32_t)KNOB(h, INITIAL_CWND);
	if (!t->rto.measured && t->retransmits > 0)
		t->rto.rto = 3 * NS_PER_S;
	t->retransmits = t->backoff = 0;
	t->was_connected = true;
	t->rcv_mss = MAX(MIN(MIN(t->mss, MSS_DEFAULT), MAX(t->rcv_wnd / 2, 1)), 88);
	t->control->start(t);
	t->tune_space = t->in_limit;
	t->tune_time = tcp_now(t);
	t->last_received = tcp_now(t);
	tcp_set_state(t, NET_TCP_ESTABLISHED);
	tcp_keepalive_start(t);
}

const struct kind_ops tcp_ops = {
	.connect = tcp_connect, .send = tcp_send, .recv = tcp_recv, .shutdown = tcp_shutdown,
	.poll = tcp_poll, .close = tcp_close, .clear = tcp_clear, .describe = tcp_describe,
};
