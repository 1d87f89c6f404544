/* tcp_ack.c - acknowledgements: what has arrived, how long it took, how much more may go (RFC 9293 3.10.7.4, 6298). */
#include "tcp.h"

/* Takes a segment out of the counts of what is under way, sacked and lost. */
void seg_forget(struct tcp *t, const struct tcp_seg *g)
{
	if (t->sack_ok)
		t->sacked -= g->sacked;
	t->lost -= g->lost;
	t->retrans -= g->retrans;
}

static bool update_window(struct tcp *t, const struct seg_in *g)
{
	uint32_t window = g->flags & NET_SYN ? g->window : g->window << t->snd_wscale;
	bool changed = false;

	/* RFC 9293 3.10.7.4: no older segment takes it back, nor does what it said when it was sent hold any more. */
	if (seq_lt(g->ack, t->snd_una))
		return false;
	if (seq_gt(g->ack, t->snd_una) || seq_lt(t->snd_wl1, g->seq) || (t->snd_wl1 == g->seq && window > t->snd_wnd)) {
		changed = window != t->snd_wnd;
		t->snd_wnd = window;
		t->snd_wl1 = g->seq;
		t->snd_wl2 = g->ack;
		if (window > t->max_wnd) {
			bool rise = t->max_wnd < 2u * t->mss_peer;

			t->max_wnd = window;
			if (rise)
				tcp_sync_mss(t);
		}
	}
	return changed;
}

static void reordered(struct tcp *t, uint32_t seq)
{
	uint32_t distance = (t->highest_sack - seq) / MAX(t->mss, 1) + 1;

	if (distance > t->reordering) {
		t->reordering = MIN(distance, 300);
		COUNT(t->s->host, TcpExt_TCPSACKReorder);
	}
}

/* Drops what is acknowledged from the front of the segments; notes times for RTT and loss detection. */
static void take_front(struct tcp *t, uint32_t ack, struct ack_news *n, ns_t *first_sent, bool *repeated)
{
	ns_t now = tcp_now(t);

	while (t->packets > 0) {
		struct tcp_seg *g = seg_at(t, 0);

		if (seq_lt(ack, g->end)) {
			if (seq_gt(ack, g->seq)) {
				if (g->flags & NET_SYN)
					g->flags &= (uint8_t)~NET_SYN;
				g->seq = ack;
			}
			return;
		}
		if (g->ever) {
			*repeated = true;
			if (now - g->sent >= t->min_rtt)
				t->rack_sent = MAX(t->rack_sent, g->sent);
		} else {
			if (!*first_sent)
				*first_sent = MAX(g->sent, 1);
			t->rack_sent = MAX(t->rack_sent, g->sent);
			if (!g->sacked && t->sacked && t->sack_ok && seq_lt(g->seq, t->highest_sack))
				reordered(t, g->seq);
		}
		n->acked++;
		n->delivered += !g->sacked;
		seg_forget(t, g);
		t->segs_head = (t->segs_head + 1) & (t->segs_capacity - 1);
		t->packets--;
	}
}

static void sample_rtt(struct tcp *t, const struct seg_in *g, ns_t first_sent, bool repeated)
{
	struct rto_rules rules = host_rto(t->s->host);
	ns_t now = tcp_now(t), rtt;

	if (first_sent && !repeated) {
		rtt = MAX(now - first_sent, NS_PER_US);
	} else if (t->ts_ok && g->o.ts_present && g->o.tsecr) { /* RFC 7323 4: repeated segments too */
		uint32_t ms = tcp_ts_now(t) - g->o.tsecr;

		if (ms > G_MAXINT32)
			return;
		rtt = MAX(ms, 1) * NS_PER_MS;
	} else {
		return; /* Karn */
	}
	rto_sample(&t->rto, &rules, rtt);
	t->min_rtt = t->min_rtt ? MIN(t->min_rtt, rtt) : rtt;
	t->backoff = 0;
}

static void grow(struct tcp *t, const struct ack_news *n)
{
	uint32_t left = n->acked, step;

	if (t->recovery == NET_TCP_RECOVERY)
		return;
	if (t->cwnd < t->ssthresh) {
		if (!t->cwnd_limited && t->cwnd >= 2 * n->prior_flight && t->recovery != NET_TCP_LOSS)
			return;
		step = MIN(left, t->ssthresh - t->cwnd);
		t->cwnd += step;
		left -= step;
	}
	if (left > 0 && t->cwnd_limited && t->recovery != NET_TCP_LOSS)
		t->control->acked(t, left, tcp_now(t));
}

/* The send buffer follows the window, so that it is never what limits (Linux's tcp_sndbuf_expand). */
static void expand_buffer(struct tcp *t)
{
	struct net_socket *s = t->s;
	uint64_t wanted = (uint64_t)2 * t->cwnd * t->mss;

	if (!s->send_limit_set && wanted > s->send_limit)
		s->send_limit = (uint32_t)MIN(wanted, s->most ? s->most : (uint64_t)KNOB(s->host, WMEM_MAX));
}

static void take_out(struct tcp *t, uint32_t ack)
{
	struct net_socket *s = t->s;
	uint32_t bytes = seq_gt(ack, t->out_seq) ? MIN(ack - t->out_seq, t->out.used) : 0;
	bool was_full = t->out.used > s->send_limit / 3 * 2;

	ring_drop(&t->out, bytes);
	t->out_seq += bytes;
	t->bytes_acked += bytes;
	if (t->out.used == 0 && t->out.capacity > 64 * KiB && t->packets == 0)
		ring_clear(&t->out);
	expand_buffer(t);
	if (was_full && t->out.used <= s->send_limit / 3 * 2)
		socket_wake(s);
}

void tcp_rearm(struct tcp *t)
{
	struct net *net = t->s->host->net;
	ns_t delay;

	if (t->packets > 0) {
		t->probing = false;
		net_timer(net, &t->timer, t->rto.rto, false);
	} else if ((unsent(t) > 0 || (t->fin_queued && !t->fin_sent)) && tcp_can_send(t->state)) {
		delay = t->rto.rto << MIN(t->backoff, 16);
		t->probing = true;
		/* The first few are worth waiting for; then only the other end's reader can help. */
		net_timer(net, &t->timer, MIN(delay, KNOB_MS(t->s->host, RTO_MAX)), t->backoff > 8);
	} else {
		net_cancel(net, &t->timer);
		t->probing = false;
	}
}

void tcp_acked(struct tcp *t, const struct seg_in *g)
{
	struct ack_news n = { .prior_flight = in_flight(t) };
	bool changed, repeated = false;
	ns_t first_sent = 0;
	uint32_t ack = g->ack, packets = t->packets;

	if (seq_lt(ack, t->snd_una)) /* old: only its selective part may tell something */
		ack = t->snd_una;
	changed = update_window(t, g);
	n.una_moved = seq_gt(ack, t->snd_una);
	if (n.una_moved) {
		take_front(t, ack, &n, &first_sent, &repeated);
		t->snd_una = ack;
		t->snd_up = seq_max(t->snd_up, ack);
		take_out(t, ack);
		t->retransmits = 0;
		t->first_retransmit = 0;
		sample_rtt(t, g, first_sent, repeated);
	}
	t->probes = 0;
	if (t->sack_ok && g->o.sacks > 0) {
		uint32_t sacked = tcp_take_sacks(t, g);

		n.delivered += sacked;
		n.sack_moved = sacked > 0;
	}
	n.dup = !n.una_moved && g->ack == t->snd_una && g->len == 0 && !(g->flags & (NET_SYN | NET_FIN)) && !changed &&
		packets > 0;
	t->dupacks_in += n.dup;
	if (n.una_moved || n.dup || n.sack_moved)
		tcp_recover(t, &n);
	if (n.una_moved) {
		grow(t, &n);
		t->backoff = 0;
		if (t->s->hit.neigh && t->s->hit.generation == t->s->host->generation)
			neigh_confirm(t->s->hit.neigh);
		tcp_rearm(t);
	} else if (t->probing) { /* an answer to a probe */
		if (changed && t->snd_wnd > 0) {
			t->backoff = 0;
			net_cancel(t->s->host->net, &t->timer);
		}
	}
}
