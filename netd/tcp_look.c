/* tcp_look.c - a connection seen from outside: its row, its TCB, its queues, its books. */
#include "tcp.h"

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
	out->snd_up = t->snd_up;
	out->snd_wl1 = t->snd_wl1;
	out->snd_wl2 = t->snd_wl2;
	out->max_snd_wnd = t->max_wnd;
	out->irs = t->irs;
	out->rcv_nxt = t->rcv_nxt;
	out->rcv_wnd = receive_window(t);
	out->rcv_up = t->urgent == URGENT_NONE ? t->rcv_nxt : t->rcv_up + 1;
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

/* It was sent, or will be, and is not acknowledged. */
static bool fin_is_pending(const struct tcp *t)
{
	return t->fin_queued && (t->state == NET_TCP_FIN_WAIT1 || t->state == NET_TCP_CLOSING || t->state == NET_TCP_LAST_ACK);
}

void tcp_describe(const struct net_socket *s, struct net_socket_info *out)
{
	const struct tcp *t = s->tcp;
	const struct timer *timer = NULL;

	if (!t)
		return;
	out->state = t->state;
	out->bound = t->state != NET_TCP_CLOSE;
	out->recv_queue = t->state == NET_TCP_LISTEN ? t->accept_queue : t->in.used;
	out->send_queue = t->state == NET_TCP_LISTEN ? t->backlog :
			  t->state == NET_TCP_SYN_SENT ? MAX(t->out.used, 1) /* the SYN */ : t->out.used + fin_is_pending(t);
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
