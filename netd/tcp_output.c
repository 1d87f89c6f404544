/* tcp_output.c - segments out: what may be sent, and when (RFC 9293 3.8, 3.10; 5681; 1122 4.2.3.4). */
#include "tcp.h"

/* --- one segment ---------------------------------------------------------------------------------- */

/* Sends [seq, seq + len) of `out` with these flags. SYN and FIN are flags; the window is chosen here. */
static void transmit(struct tcp *t, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct net_socket *s = t->s;
	struct net_host *h = s->host;
	struct ip_out o = { .src = s->laddr, .dst = s->raddr, .protocol = IP_TCP, .tos = s->tos };
	uint8_t options[TCP_OPTIONS_MAX];
	uint32_t size, window;
	bool locked = false;
	struct frame *f;
	uint16_t urgent;
	uint64_t sum;
	uint8_t *p;

	if (socket_route(s) < 0) { /* lost here rather than on the way */
		t->soft_error = EHOSTUNREACH;
		return;
	}
	size = flags & NET_SYN ? tcp_syn_options(t, options) : tcp_segment_options(t, options, len > 0);
	if (flags & NET_SYN)
		window = MIN(t->rcv_wnd, 65535);
	else if (flags & NET_RST)
		window = t->rcv_wnd >> t->rcv_wscale;
	else
		window = tcp_select_window(t) >> t->rcv_wscale;
	f = ip_frame(h, s->raddr, TCP_HEADER + size + len);
	p = transport(f);
	put16(p, s->lport);
	put16(p + 2, s->rport);
	put32(p + 4, seq);
	put32(p + 8, flags & NET_ACK ? t->rcv_nxt : 0);
	p[12] = (uint8_t)((TCP_HEADER + size) / 4 << 4);
	p[13] = flags;
	put16(p + 14, MIN(window, 65535));
	urgent = flags & (NET_SYN | NET_RST) ? 0 : tcp_urgent_pointer(t, seq);
	p[13] |= urgent ? NET_URG : 0;
	put16(p + 18, urgent);
	memcpy(p + TCP_HEADER, options, size);
	if (len)
		ring_get(&t->out, seq - t->out_seq, p + TCP_HEADER + size, len);
	sum = sum_add(0, p + TCP_HEADER + size, len); /* the header's length is even */
	tcp_finish(h, f, o.src, o.dst, TCP_HEADER + size, sum);

	t->segments_out++;
	if (flags & NET_ACK) {
		t->last_ack_sent = t->rcv_nxt;
		t->ack_pending = t->ack_now = false;
		net_cancel(h->net, &t->ack_timer);
		if (t->quick > 0 && !(flags & NET_SYN))
			t->quick--;
	}
	o.ttl = socket_ttl(s, &s->hit);
	t->pmtu = pmtu_to(h, s->raddr, &s->hit, &locked);
	o.mtu = t->pmtu;
	o.df = s->mtu_discover && !locked && !KNOB(h, NO_PMTU_DISC) && packet_len(f) <= o.mtu;
	o.id = o.df ? t->next_id++ : 0;
	ip_send(h, &o, &s->hit, f);
}

/* When the peer's window has shrunk, what is sent without data must not lie behind it. */
static uint32_t acceptable_seq(const struct tcp *t)
{
	uint32_t end = window_end(t);

	return seq_lt(end, t->snd_nxt) && !(t->wscale_ok && t->snd_nxt - end < 1u << t->rcv_wscale) ? end : t->snd_nxt;
}

void tcp_send_ack(struct tcp *t)
{
	if (t->state == NET_TCP_CLOSE || t->state == NET_TCP_LISTEN)
		return;
	transmit(t, acceptable_seq(t), 0, NET_ACK);
}

void tcp_send_probe(struct tcp *t)
{
	transmit(t, t->snd_una - 1, 0, NET_ACK);
}

void tcp_send_reset(struct tcp *t)
{
	COUNT(t->s->host, Tcp_OutRsts);
	transmit(t, acceptable_seq(t), 0, t->state == NET_TCP_SYN_SENT ? NET_RST : NET_RST | NET_ACK);
}

void tcp_challenge(struct tcp *t)
{
	ns_t now = tcp_now(t);

	if (t->last_challenge && now - t->last_challenge < KNOB_MS(t->s->host, CHALLENGE_INTERVAL)) {
		COUNT(t->s->host, TcpExt_TCPACKSkippedChallenge);
		return;
	}
	t->last_challenge = MAX(now, 1);
	t->challenges++;
	COUNT(t->s->host, TcpExt_TCPChallengeACK);
	tcp_send_ack(t);
}

/* --- segments under way -------------------------------------------------------------------------- */

static struct tcp_seg *seg_push(struct tcp *t)
{
	if (t->packets == t->segs_capacity) {
		uint32_t capacity = MAX(2 * t->segs_capacity, 4);
		struct tcp_seg *segs = g_new(struct tcp_seg, capacity);

		for (uint32_t i = 0; i < t->packets; i++)
			segs[i] = *seg_at(t, i);
		g_free(t->segs);
		t->segs = segs;
		t->segs_capacity = capacity;
		t->segs_head = 0;
	}
	return seg_at(t, t->packets++);
}

static void arm_retransmission(struct tcp *t)
{
	t->probing = false;
	net_timer(t->s->host->net, &t->timer, t->rto.rto, false);
}

static void send_new(struct tcp *t, uint32_t len, uint8_t flags)
{
	struct tcp_seg *g = seg_push(t);
	uint32_t seq = t->snd_nxt;
	bool first = t->packets == 1;

	*g = (struct tcp_seg){ .seq = seq, .end = seq + len + !!(flags & (NET_SYN | NET_FIN)), .sent = tcp_now(t),
			       .flags = flags };
	t->snd_nxt = g->end;
	if (len) {
		/* Soon after data came, data goes: the ends talk to each other (Linux's pingpong). */
		if (tcp_now(t) - t->last_data_received < t->ato)
			t->pingpong = true;
		t->last_sent_data = tcp_now(t);
		t->bytes_sent += len;
		COUNT(t->s->host, TcpExt_TCPOrigDataSent);
		if (len < tcp_full_segment(t))
			t->snd_small = g->end;
	}
	transmit(t, seq, len, flags);
	if (first || !timer_is_set(&t->timer) || t->probing)
		arm_retransmission(t);
}

void tcp_send_syn(struct tcp *t)
{
	uint8_t flags = t->state == NET_TCP_SYN_SENT ? NET_SYN : NET_SYN | NET_ACK;

	if (t->packets == 0) {
		send_new(t, 0, flags);
		return;
	}
	COUNT(t->s->host, Tcp_RetransSegs);
	COUNT(t->s->host, TcpExt_TCPSynRetrans);
	seg_at(t, 0)->ever = true;
	seg_at(t, 0)->flags = flags;
	transmit(t, t->iss, 0, flags);
}

static const struct event_kind retransmit_event = { "retransmit", "socket:d lport:d rport:d seq:d bytes:d" };

/* Splits segment `index` at `len` bytes: the mss has become smaller. */
static void seg_split(struct tcp *t, uint32_t index, uint32_t len)
{
	struct tcp_seg *g;

	seg_push(t);
	for (uint32_t i = t->packets - 1; i > index + 1; i--)
		*seg_at(t, i) = *seg_at(t, i - 1);
	g = seg_at(t, index);
	*seg_at(t, index + 1) = *g;
	seg_at(t, index + 1)->seq = g->seq + len;
	t->lost += g->lost;
	t->retrans += g->retrans;
	t->sacked += g->sacked;
	g->end = g->seq + len;
	g->flags &= (uint8_t)~(NET_FIN | NET_PSH);
}

/* Small ones that follow go with it, as Linux has them: one segment costs as much as another (RFC 9293 3.8.6.2.1). */
static void seg_join(struct tcp *t, uint32_t index)
{
	struct tcp_seg *g = seg_at(t, index), *next;
	uint32_t full = g->seq + tcp_full_segment(t), end = seq_lt(full, window_end(t)) ? full : window_end(t);

	while (index + 1 < t->packets) {
		next = seg_at(t, index + 1);
		if (g->sacked || next->sacked || seq_gt(next->end - !!(next->flags & NET_FIN), end))
			return;
		g->end = next->end;
		g->flags |= next->flags;
		g->ever |= next->ever;
		seg_forget(t, next);
		if (!t->sack_ok)
			t->sacked -= MIN(t->sacked, 1u);
		for (uint32_t i = index + 1; i + 1 < t->packets; i++)
			*seg_at(t, i) = *seg_at(t, i + 1);
		t->packets--;
	}
}

void tcp_resend(struct tcp *t, uint32_t index)
{
	struct tcp_seg *g = seg_at(t, index);
	struct net_host *h = t->s->host;
	uint32_t len, full;
	struct event *ev;

	if (g->flags & NET_SYN) {
		tcp_send_syn(t);
		return;
	}
	len = g->end - g->seq - !!(g->flags & NET_FIN);
	full = tcp_full_segment(t);
	if (len > full) {
		seg_split(t, index, full);
		g = seg_at(t, index);
		len = full;
	} else if (len < full) {
		seg_join(t, index);
		len = g->end - g->seq - !!(g->flags & NET_FIN);
	}
	ev = net_event(h->net, &retransmit_event, h, t->s->pid);
	if (ev) {
		ev->value[0] = t->s->id;
		ev->value[1] = t->s->lport;
		ev->value[2] = t->s->rport;
		ev->value[3] = g->seq;
		ev->value[4] = len;
	}
	COUNT(h, Tcp_RetransSegs);
	t->retransmitted++;
	g->ever = true;
	if (!g->retrans) {
		g->retrans = true;
		t->retrans++;
	}
	g->sent = tcp_now(t);
	transmit(t, g->seq, len, g->flags);
	if (!timer_is_set(&t->timer) || t->probing)
		arm_retransmission(t);
}

/* --- what may be sent ------------------------------------------------------------------------------ */

/* PSH where the last write ended. */
static bool take_push(struct tcp *t, uint32_t end)
{
	bool found = t->push && seq_le(t->push_end, end);

	t->push &= !found;
	return found;
}

/* Nagle as Minshall refined it, and Linux does: a small segment waits only for another small one (RFC 1122 4.2.3.4). */
static bool small_must_wait(const struct tcp *t, bool last)
{
	if ((t->fin_queued && last) || seq_gt(t->snd_up, t->snd_una))
		return false;
	if (t->cork)
		return true;
	if (t->nodelay)
		return false;
	return t->packets > 0 && seq_gt(t->snd_small, t->snd_una) && seq_le(t->snd_small, t->snd_nxt);
}

/* RFC 5681 4.1: after an RTO of silence the window restarts, halving for each RTO. */
static void restart_after_idle(struct tcp *t)
{
	struct net_host *h = t->s->host;
	ns_t idle = tcp_now(t) - t->last_sent_data;
	uint32_t restart = MIN((uint32_t)KNOB(h, INITIAL_CWND), t->cwnd);

	if (t->packets > 0 || !t->last_sent_data || idle <= t->rto.rto)
		return;
	t->control->idle(t, tcp_now(t));
	if (!KNOB(h, SLOW_START_AFTER_IDLE))
		return;
	t->ssthresh = t->ssthresh == NO_SSTHRESH ? NO_SSTHRESH : MAX(t->ssthresh, t->cwnd * 3 / 4);
	for (; idle > t->rto.rto && t->cwnd > restart; idle -= t->rto.rto)
		t->cwnd /= 2;
	t->cwnd = MAX(t->cwnd, restart);
}

static void resend_lost(struct tcp *t)
{
	for (uint32_t i = 0; t->lost > 0 && i < t->packets && in_flight(t) < t->cwnd; i++) {
		const struct tcp_seg *g = seg_at(t, i);

		if (!g->lost || g->retrans)
			continue;
		tcp_resend(t, i);
		t->prr_out++;
	}
}

/* Without limited transmit (RFC 3042) a duplicate acknowledgement makes no room for new data. */
static uint32_t flight_for_new(const struct tcp *t)
{
	bool strict = t->recovery == NET_TCP_DISORDER && !KNOB(t->s->host, LIMITED_TRANSMIT);

	return in_flight(t) + (strict ? t->sacked : 0);
}

static bool send_one(struct tcp *t)
{
	uint32_t ready = unsent(t), full = tcp_full_segment(t), len = MIN(ready, full);
	bool last = len == ready, fin = t->fin_queued && !t->fin_sent && last;
	uint8_t flags = NET_ACK;

	if (len == 0 && !fin)
		return false;
	if (flight_for_new(t) >= t->cwnd) {
		t->cwnd_limited = true;
		return false;
	}
	if (seq_gt(t->snd_nxt + len + fin, window_end(t))) /* all of it or nothing: the probe timer takes care */
		return false;
	if (len < full && !fin && small_must_wait(t, last))
		return false;
	if (take_push(t, t->snd_nxt + len))
		flags |= NET_PSH;
	if (fin) {
		flags |= NET_FIN;
		if (len == 0)
			flags &= (uint8_t)~NET_PSH;
		t->fin_sent = true;
	}
	send_new(t, len, flags);
	if (t->recovery >= NET_TCP_RECOVERY)
		t->prr_out++;
	return true;
}

void tcp_output(struct tcp *t)
{
	if (!tcp_can_send(t->state))
		return;
	t->cwnd_limited = false;
	if (t->lost > 0)
		resend_lost(t);
	if (unsent(t) || (t->fin_queued && !t->fin_sent)) {
		restart_after_idle(t);
		while (send_one(t))
			;
	}
	if (in_flight(t) >= t->cwnd)
		t->cwnd_limited = true;
	if (t->packets == 0 && (unsent(t) > 0 || (t->fin_queued && !t->fin_sent)) && !timer_is_set(&t->timer)) /* a closed window: RFC 9293 3.8.6.1 */
		tcp_rearm(t);
}

void tcp_wakeup_probe(struct tcp *t)
{
	uint32_t room = seq_gt(window_end(t), t->snd_nxt) ? window_end(t) - t->snd_nxt : 0;
	uint32_t len = MIN(MIN(unsent(t), room), t->mss);

	if (len > 0)
		send_new(t, len, NET_ACK | NET_PSH);
	else
		tcp_send_probe(t);
}
