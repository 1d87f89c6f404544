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

static const struct event_kind state_event = { "state", "socket:d lport:d raddr:x rport:d change:s" };

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
		ev->value[2] = s->raddr;
		ev->value[3] = s->rport;
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
	g_free(t->pushes);
	t->segs = NULL;
	t->ranges = NULL;
	t->pushes = NULL;
	t->segs_capacity = t->packets = t->sacked = t->lost = t->retrans = 0;
	t->ranges_count = t->ranges_capacity = 0;
	t->pushes_count = t->pushes_capacity = 0;
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

struct tuple { uint32_t laddr, raddr; uint16_t lport, rport; uint32_t purpose; };

/* RFC 6528: M + F(ends, secret), M counting 4 us. */
uint32_t tcp_isn(struct net_host *h, uint32_t laddr, uint16_t lport, uint32_t raddr, uint16_t rport)
{
	struct tuple x = { laddr, raddr, lport, rport, 1 };

	return (uint32_t)siphash(&h->secret, &x, sizeof(x)) + (uint32_t)(net_now(h->net) / (4 * NS_PER_US));
}

/* RFC 7323 5.4: each peer sees a clock of its own. */
uint32_t tcp_ts_offset(struct net_host *h, uint32_t laddr, uint32_t raddr)
{
	struct tuple x = { laddr, raddr, 0, 0, 2 };

	return (uint32_t)siphash(&h->secret, &x, sizeof(x));
}

uint32_t tcp_ts_now(const struct tcp *t)
{
	return (uint32_t)(tcp_now(t) / NS_PER_MS) + t->ts_offset;
}

/* --- the size of segments ----------------------------------------------------------------------- */

/* Linux's tcp_sync_mss: the peer's word, the path, the options; at most half the largest window seen. */
void tcp_sync_mss(struct tcp *t)
{
	struct net_socket *s = t->s;
	uint32_t mss;

	if (socket_route(s) == 0)
		t->pmtu = pmtu_to(s->host, s->raddr, &s->hit, NULL);
	mss = t->pmtu > IP_HEADER + TCP_HEADER ? t->pmtu - IP_HEADER - TCP_HEADER : 0;
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

/* --- for the outside ---------------------------------------------------------------------------- */

static ns_t timer_time(const struct timer *timer)
{
	return timer_is_set(timer) ? timer->at : G_MAXUINT64;
}

bool net_tcp_get(const struct net_socket *s, struct net_tcb *out)
{
	const struct tcp *t = s->tcp;

	if (s->kind != NET_TCP)
		return false;
	*out = (struct net_tcb){ .state = NET_TCP_CLOSE, .t_retransmit = G_MAXUINT64, .t_probe = G_MAXUINT64,
				 .t_delayed_ack = G_MAXUINT64, .t_keepalive = G_MAXUINT64, .t_wait = G_MAXUINT64 };
	if (!t)
		return true;
	out->state = t->state;
	out->iss = t->iss;
	out->snd_una = t->snd_una;
	out->snd_nxt = t->snd_nxt;
	out->snd_max_seq = t->write_seq + t->fin_queued;
	out->snd_wnd = t->snd_wnd;
	out->snd_wl1 = t->snd_wl1;
	out->snd_wl2 = t->snd_wl2;
	out->max_snd_wnd = t->max_wnd;
	out->irs = t->irs;
	out->rcv_nxt = t->rcv_nxt;
	out->rcv_wnd = receive_window(t);
	out->rcv_adv = t->rcv_wup + t->rcv_wnd;
	out->last_ack_sent = t->last_ack_sent;
	out->mss_send = t->mss;
	out->mss_peer = t->mss_peer;
	out->mss_advertised = t->mss_here;
	out->pmtu = t->pmtu;
	out->snd_wscale = t->snd_wscale;
	out->rcv_wscale = t->rcv_wscale;
	out->wscale_ok = t->wscale_ok;
	out->sack_ok = t->sack_ok;
	out->ts_ok = t->ts_ok;
	out->nodelay = t->nodelay;
	out->cork = t->cork;
	out->keepalive = t->keepalive;
	out->ts_recent = t->ts_recent;
	out->ts_offset = t->ts_offset;
	out->ts_recent_age = t->ts_ok && s->host ? tcp_now(t) - t->ts_recent_time : 0;
	out->srtt = t->rto.srtt;
	out->rttvar = t->rto.rttvar;
	out->rto = t->rto.rto;
	out->min_rtt = t->min_rtt;
	out->backoff = t->backoff;
	out->retransmits = t->retransmits;
	out->congestion = (unsigned)(t->control - tcp_controls);
	out->recovery = t->recovery;
	out->cwnd = t->cwnd;
	out->ssthresh = t->ssthresh;
	out->packets_out = t->packets;
	out->sacked_out = t->sacked;
	out->lost_out = t->lost;
	out->retrans_out = t->retrans;
	out->flight = t->snd_nxt - t->snd_una;
	out->recover = t->recover;
	out->dupacks = t->dupacks;
	out->reordering = t->reordering;
	out->cubic_wmax = t->cubic.wmax;
	out->cubic_origin = t->cubic.origin;
	out->cubic_k = t->cubic.k * NS_PER_MS;
	out->cubic_epoch = t->cubic.epoch;
	out->ranges = MIN(t->ranges_count, G_N_ELEMENTS(out->range));
	for (unsigned i = 0; i < out->ranges; i++) {
		out->range[i].start = t->ranges[i].start;
		out->range[i].end = t->ranges[i].end;
	}
	for (unsigned i = 0; i < t->ranges_count; i++)
		out->out_of_order += t->ranges[i].end - t->ranges[i].start;
	out->send_queued = t->out.used;
	out->send_limit = s->send_limit;
	out->recv_queued = t->in.used;
	out->recv_limit = t->in_limit;
	out->fin_queued = t->fin_queued;
	out->fin_sent = t->fin_sent;
	out->fin_received = t->fin_received;
	out->t_retransmit = t->probing ? G_MAXUINT64 : timer_time(&t->timer);
	out->t_probe = t->probing ? timer_time(&t->timer) : G_MAXUINT64;
	out->t_delayed_ack = timer_time(&t->ack_timer);
	if (t->state == NET_TCP_TIME_WAIT || t->state == NET_TCP_FIN_WAIT2)
		out->t_wait = timer_time(&t->long_timer);
	else
		out->t_keepalive = timer_time(&t->long_timer);
	out->keepalive_probes = t->probes;
	out->bytes_sent = t->bytes_sent;
	out->bytes_acked = t->bytes_acked;
	out->bytes_received = t->bytes_received;
	out->segments_in = t->segments_in;
	out->segments_out = t->segments_out;
	out->retransmitted = t->retransmitted;
	out->dupacks_in = t->dupacks_in;
	out->out_of_order_in = t->ooo_in;
	out->challenge_acks = t->challenges;
	out->backlog = t->backlog;
	out->accept_queue = t->accept_queue;
	out->syn_queue = t->syn_queue;
	return true;
}

static void tcp_describe(const struct net_socket *s, struct net_socket_info *out)
{
	const struct tcp *t = s->tcp;
	const struct timer *timer = NULL;

	if (!t)
		return;
	out->state = t->state;
	out->bound = t->state != NET_TCP_CLOSE;
	out->recv_queue = t->state == NET_TCP_LISTEN ? t->accept_queue : t->in.used;
	out->send_queue = t->state == NET_TCP_LISTEN ? t->backlog :
			  t->state == NET_TCP_SYN_SENT ? 1 : t->out.used + (t->fin_queued && t->state != NET_TCP_FIN_WAIT2);
	out->rto = t->rto.rto;
	out->ato = t->ato;
	out->quick = t->quick;
	out->pingpong = t->pingpong;
	out->cwnd = t->cwnd;
	out->ssthresh = t->ssthresh;
	out->retransmits = t->retransmits;
	out->probes = t->probes;
	if (timer_is_set(&t->timer)) {
		timer = &t->timer;
		out->timer = t->probing ? NET_TIMER_PROBE : NET_TIMER_RETRANSMIT;
	} else if (timer_is_set(&t->long_timer)) {
		timer = &t->long_timer;
		out->timer = t->state == NET_TCP_TIME_WAIT ? NET_TIMER_TIME_WAIT : NET_TIMER_KEEPALIVE;
	}
	if (timer)
		out->expires = timer->at > tcp_now(t) ? timer->at - tcp_now(t) : 0;
}

size_t tcp_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len)
{
	const struct ring *r = s->tcp ? received ? &s->tcp->in : &s->tcp->out : NULL;

	if (!r || skip >= r->used)
		return 0;
	len = MIN(len, r->used - skip);
	ring_get(r, (uint32_t)skip, out, (uint32_t)len);
	return len;
}

/* The books of a connection balance. */
bool tcp_check(const struct net_socket *s, struct err *e)
{
	const struct tcp *t = s->tcp;
	uint32_t sacked = 0, lost = 0, retrans = 0, seq = t->snd_una;

	for (uint32_t i = 0; i < t->packets; i++) {
		const struct tcp_seg *g = seg_at(t, i);

		sacked += g->sacked;
		lost += g->lost;
		retrans += g->retrans;
		if (g->seq != seq || g->end == g->seq || (g->sacked && (g->lost || g->retrans))) {
			err_set(e, EINVAL, 0, "socket %" G_GUINT64_FORMAT ": segment %u is out of place", s->id, i);
			return false;
		}
		seq = g->end;
	}
	if (t->packets && (seq != t->snd_nxt || sacked != (t->sack_ok ? t->sacked : 0) || lost != t->lost || retrans != t->retrans)) {
		err_set(e, EINVAL, 0, "socket %" G_GUINT64_FORMAT ": segments are miscounted", s->id);
		return false;
	}
	for (uint32_t i = 0; i < t->ranges_count; i++)
		if (!seq_lt(t->ranges[i].start, t->ranges[i].end) || !seq_gt(t->ranges[i].start, i ? t->ranges[i - 1].end : t->rcv_nxt)) {
			err_set(e, EINVAL, 0, "socket %" G_GUINT64_FORMAT ": ranges are out of order", s->id);
			return false;
		}
	return true;
}

const struct kind_ops tcp_ops = {
	.connect = tcp_connect, .send = tcp_send, .recv = tcp_recv, .shutdown = tcp_shutdown,
	.poll = tcp_poll, .close = tcp_close, .clear = tcp_clear, .describe = tcp_describe,
};
