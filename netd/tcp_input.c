/* tcp_input.c - a segment has arrived (RFC 9293 3.10.7, with the checks of RFC 7323 and 5961). */
#include "tcp.h"

/* RFC 9293 3.10.7.4, first: table 6. */
bool tcp_acceptable(uint32_t rcv_nxt, uint32_t rcv_wnd, uint32_t seq, uint32_t len)
{
	if (rcv_wnd == 0)
		return len == 0 && seq == rcv_nxt;
	if (seq - rcv_nxt < rcv_wnd)
		return true;
	return len > 0 && seq + len - 1 - rcv_nxt < rcv_wnd;
}

static bool parse(const struct ip_in *in, struct seg_in *g)
{
	const uint8_t *p = in->at;
	uint32_t header;

	if (in->len < TCP_HEADER)
		return false;
	header = (uint32_t)(p[12] >> 4) * 4;
	if (header < TCP_HEADER || header > in->len)
		return false;
	*g = (struct seg_in){ .seq = get32(p + 4), .ack = get32(p + 8), .len = in->len - header, .flags = p[13],
			      .window = get16(p + 14), .urgent = get16(p + 18), .data = p + header };
	if (header == TCP_HEADER + TS_OPTION && get32(p + TCP_HEADER) == 0x0101080a) { /* the usual */
		g->o.ts_present = true;
		g->o.tsval = get32(p + TCP_HEADER + 4);
		g->o.tsecr = get32(p + TCP_HEADER + 8);
	} else if (header > TCP_HEADER) {
		net_decode_tcp_options(p + TCP_HEADER, header - TCP_HEADER, &g->o); /* a malformed one ends the list */
	}
	return true;
}

#define SYN_AGAIN (2 * NS_PER_MS) /* Linux's TCP_TIMEOUT_MIN */

/* --- SYN-SENT ------------------------------------------------------------------------------------- */

static void take_syn(struct tcp *t, const struct seg_in *g)
{
	t->irs = g->seq;
	t->rcv_nxt = t->rcv_wup = g->seq + 1;
	tcp_take_options(t, g);
	t->snd_wnd = g->window;
	t->max_wnd = MAX(g->window, 1);
	t->snd_wl1 = g->seq;
	t->snd_wl2 = g->ack;
	tcp_sync_mss(t);
}

/* RFC 9293 3.10.7.3. */
static void syn_sent(struct tcp *t, const struct ip_in *in, const struct seg_in *g)
{
	struct net_host *h = t->s->host;
	bool ack = g->flags & NET_ACK;
	unsigned repeated;

	if (ack && (seq_le(g->ack, t->iss) || seq_gt(g->ack, t->snd_nxt))) {
		if (!(g->flags & NET_RST))
			tcp_refuse(h, in, g);
		if (t->retransmits == 0) /* as Linux: the other end has just been told that its old connection is over */
			net_timer(h->net, &t->timer, SYN_AGAIN, false);
		return;
	}
	if (ack && g->o.ts_present && g->o.tsecr && KNOB(h, TIMESTAMPS) && !(g->flags & NET_RST) &&
	    tcp_ts_now(t) - g->o.tsecr > G_MAXINT32) { /* answers a clock we never showed */
		COUNT(h, TcpExt_PAWSActive);
		tcp_refuse(h, in, g);
		return;
	}
	if (g->flags & NET_RST) {
		if (ack) {
			COUNT(h, Tcp_AttemptFails);
			tcp_fail(t, ECONNREFUSED);
		}
		return;
	}
	if (!(g->flags & NET_SYN))
		return;
	take_syn(t, g);
	if (!ack) { /* simultaneous open: RFC 9293 3.5, figure 7 */
		tcp_set_state(t, NET_TCP_SYN_RECV);
		seg_at(t, 0)->flags = NET_SYN | NET_ACK;
		tcp_send_syn(t);
		return;
	}
	if (t->retransmits > 0 && t->packets > 0)
		seg_at(t, 0)->ever = true;
	repeated = t->retransmits;
	tcp_acked(t, g);
	t->retransmits = repeated; /* tcp_established() asks how hard it was */
	tcp_established(t);
	tcp_send_ack(t);
	tcp_output(t);
	socket_wake(t->s);
}

/* --- synchronized states ---------------------------------------------------------------------------- */

static void reset_arrived(struct tcp *t)
{
	struct net_host *h = t->s->host;

	if (t->state == NET_TCP_SYN_RECV && t->parent) { /* passive: back to LISTEN, which never left */
		COUNT(h, Tcp_AttemptFails);
		COUNT(h, TcpExt_EmbryonicRsts);
		tcp_done(t);
		return;
	}
	if (t->state == NET_TCP_ESTABLISHED || t->state == NET_TCP_CLOSE_WAIT)
		COUNT(h, Tcp_EstabResets);
	tcp_fail(t, t->state == NET_TCP_CLOSE_WAIT ? EPIPE : t->state == NET_TCP_SYN_RECV ? ECONNREFUSED : ECONNRESET);
}

/* An answer to what is out of the window; to a bare acknowledgement only now and then, or two ends could loop. */
static void answer_outside(struct tcp *t, const struct seg_in *g)
{
	ns_t now = tcp_now(t);

	if (g->len > 0 || g->flags & NET_FIN) {
		if (seq_lt(g->seq, t->rcv_nxt)) {
			tcp_report_old(t, g->seq, seq_lt(seg_end(g), t->rcv_nxt) ? seg_end(g) : t->rcv_nxt);
			tcp_quick(t);
		}
		tcp_send_ack(t);
		return;
	}
	if (t->last_challenge && now - t->last_challenge < KNOB_MS(t->s->host, CHALLENGE_INTERVAL)) {
		COUNT(t->s->host, TcpExt_TCPACKSkippedSeq);
		return;
	}
	t->last_challenge = MAX(now, 1);
	tcp_send_ack(t);
}

/* RFC 7323 5.3 R1, with 5.5: a timestamp older than 24 days is none. */
static bool paws_rejects(const struct tcp *t, const struct seg_in *g)
{
	return t->ts_ok && g->o.ts_present && (int32_t)(g->o.tsval - t->ts_recent) < 0 &&
	       tcp_now(t) - t->ts_recent_time < PAWS_IDLE;
}

/* In the window, or overtaken by our last acknowledgement. */
static bool in_window(const struct tcp *t, const struct seg_in *g)
{
	uint32_t len = seg_end(g) - g->seq;

	if (tcp_acceptable(t->rcv_nxt, receive_window(t), g->seq, len))
		return true;
	if (len == 0)
		return seq_ge(g->seq, t->rcv_wup) && seq_le(g->seq, t->rcv_nxt + receive_window(t));
	/* As Linux: a repetition of the last that came is answered as such, but its times and what it acknowledges count. */
	if (seq_lt(g->seq, t->rcv_nxt) && seq_ge(seg_end(g), t->rcv_wup) && !(g->flags & NET_SYN))
		return true;
	/* A closed window: the acknowledgement still counts (RFC 9293 3.10.7.4, "special allowance"). */
	return receive_window(t) == 0 && g->seq == t->rcv_nxt && !(g->flags & NET_SYN);
}

/* True if the segment may go on. */
static bool validate(struct tcp *t, struct seg_in *g)
{
	bool reset = g->flags & NET_RST;

	if (!(g->flags & (NET_ACK | NET_SYN | NET_RST)))
		return false;
	if (paws_rejects(t, g) && !reset) {
		COUNT(t->s->host, TcpExt_PAWSEstab);
		answer_outside(t, g);
		return false;
	}
	if (t->state == NET_TCP_SYN_RECV && g->flags & NET_SYN && !reset && g->seq == t->irs) {
		if (g->flags & NET_ACK && g->ack == t->snd_nxt) { /* the answer to our half of a simultaneous open */
			g->flags &= (uint8_t)~NET_SYN;
			g->seq++;
			tcp_report_old(t, t->irs, t->rcv_nxt);
			t->ack_now = true;
			return true;
		}
		if (!t->unanswered)
			tcp_send_syn(t); /* they have not seen our answer */
		return false;
	}
	if (!in_window(t, g)) {
		if (reset)
			return false;
		if (g->flags & NET_SYN)
			tcp_challenge(t);
		else
			answer_outside(t, g);
		return false;
	}
	if (reset) { /* RFC 5961 3.2 */
		if (g->seq == t->rcv_nxt)
			reset_arrived(t);
		else
			tcp_challenge(t);
		return false;
	}
	if (g->flags & NET_SYN) { /* RFC 5961 4.2 */
		COUNT(t->s->host, TcpExt_TCPSYNChallenge);
		tcp_challenge(t);
		return false;
	}
	return g->flags & NET_ACK;
}

/* RFC 7323 4.3: only what is at the left edge, or reaches over it. */
static void take_timestamp(struct tcp *t, const struct seg_in *g)
{
	if (!t->ts_ok || !g->o.ts_present || seq_gt(g->seq, t->last_ack_sent) || (int32_t)(g->o.tsval - t->ts_recent) < 0)
		return;
	t->ts_recent = g->o.tsval;
	t->ts_recent_time = tcp_now(t);
}

/* The handshake's last acknowledgement; false if the segment is to be dropped. */
static bool syn_acked(struct tcp *t, const struct ip_in *in, const struct seg_in *g)
{
	unsigned repeated = t->retransmits;

	if (seq_le(g->ack, t->snd_una) || seq_gt(g->ack, t->snd_nxt)) {
		tcp_refuse(t->s->host, in, g);
		return false;
	}
	if (t->parent) {
		const struct tcp *l = t->parent->tcp;

		if (l && l->defer_accept && g->len == 0 && !(g->flags & NET_FIN) &&
		    tcp_now(t) - t->created < l->defer_accept * NS_PER_S) /* wakes nobody before there is data */
			return false;
		if (!tcp_child_ready(t))
			return false;
	}
	t->snd_wl1 = g->seq - 1;
	tcp_acked(t, g);
	t->retransmits = repeated;
	t->snd_wnd = g->window << t->snd_wscale;
	t->snd_wl1 = g->seq;
	t->snd_wl2 = g->ack;
	t->max_wnd = MAX(t->max_wnd, t->snd_wnd);
	tcp_established(t);
	socket_wake(t->parent ? t->parent : t->s);
	return true;
}

/* RFC 5961 5.2 and RFC 9293: false if the acknowledgement is impossible: of what was not sent, or before our first byte. */
static bool ack_plausible(struct tcp *t, const struct seg_in *g)
{
	uint32_t acked = t->bytes_acked > t->max_wnd ? t->max_wnd : t->snd_una - t->iss - 1;
	uint32_t oldest = t->snd_una - MIN(t->max_wnd, acked);

	if (seq_gt(g->ack, t->snd_nxt) || seq_lt(g->ack, oldest)) {
		tcp_challenge(t);
		return false;
	}
	return true;
}

/* Our FIN has been acknowledged; false if the connection is over. */
static bool fin_acked(struct tcp *t)
{
	struct net_host *h = t->s->host;
	ns_t wait;

	switch (t->state) {
	case NET_TCP_FIN_WAIT1:
		tcp_set_state(t, NET_TCP_FIN_WAIT2);
		socket_wake(t->s);
		if (t->s->handles == 0) { /* nobody will ever ask: do not wait for ever */
			wait = t->linger2 > 0 ? (ns_t)t->linger2 * NS_PER_S : KNOB_S(h, FIN_TIMEOUT);
			if (t->linger2 < 0) {
				tcp_done(t);
				return false;
			}
			net_timer(h->net, &t->long_timer, wait, true);
		}
		return true;
	case NET_TCP_CLOSING:
		tcp_time_wait(t);
		return false;
	case NET_TCP_LAST_ACK:
		tcp_done(t);
		return false;
	default:
		return true;
	}
}

/* Data that nobody can read any more, or behind the peer's own FIN (RFC 1122 4.2.2.13; RFC 2525 2.17): as Linux, an abort. */
static bool data_for_nobody(struct tcp *t, const struct ip_in *in, const struct seg_in *g)
{
	if ((g->len == 0 && !(g->flags & NET_FIN)) || !seq_gt(g->seq + g->len, t->rcv_nxt))
		return false;
	switch (t->state) {
	case NET_TCP_CLOSE_WAIT:
	case NET_TCP_CLOSING:
	case NET_TCP_LAST_ACK:
		if (!seq_lt(g->seq, t->rcv_nxt))
			return false;
		break;
	case NET_TCP_FIN_WAIT1:
	case NET_TCP_FIN_WAIT2:
		if (!t->s->shut_rd)
			return false;
		break;
	default:
		return false;
	}
	COUNT(t->s->host, TcpExt_TCPAbortOnData);
	tcp_refuse(t->s->host, in, g);
	reset_arrived(t);
	return true;
}

static void synchronized(struct tcp *t, const struct ip_in *in, struct seg_in *g)
{
	if (!validate(t, g))
		return;
	if (t->state == NET_TCP_SYN_RECV) {
		if (!syn_acked(t, in, g))
			return;
		take_timestamp(t, g);
	} else {
		if (!ack_plausible(t, g))
			return;
		take_timestamp(t, g);
		tcp_acked(t, g);
	}
	if (t->fin_sent && t->packets == 0 && t->snd_una == t->snd_nxt && !fin_acked(t))
		return;
	if (data_for_nobody(t, in, g))
		return;
	if (g->flags & NET_URG || t->urgent == URGENT_AWAITED)
		tcp_take_urgent(t, g);
	if (g->len > 0 || g->flags & NET_FIN)
		tcp_take_data(t, g);
	if (t->state == NET_TCP_TIME_WAIT || t->state == NET_TCP_CLOSE)
		return;
	tcp_output(t);
	if (t->ack_now)
		tcp_send_ack(t);
}

/* --- all ---------------------------------------------------------------------------------------------- */

static struct net_socket *find_listener(const struct net_host *h, struct ip_addr laddr, uint16_t lport)
{
	const struct port_users *u = bind_users(h, NET_TCP, lport);
	struct net_socket *any = NULL;

	for (struct net_socket *l = u ? u->listeners : NULL; l; l = l->next_listener) {
		if (!socket_takes(l, laddr))
			continue;
		if (!ip_none(l->laddr))
			return l;
		any = l;
	}
	return any;
}

static void to_listener(struct net_host *h, const struct ip_in *in, const struct seg_in *g, uint32_t isn)
{
	struct net_socket *l = find_listener(h, in->dst, get16(in->at + 2));

	if (!l) {
		tcp_refuse(h, in, g);
		return;
	}
	socket_hold(l);
	tcp_listen_input(l, in, g, isn);
	socket_put(l);
}

void tcp_input(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	struct net_socket *s;
	struct seg_in g;
	uint32_t isn = 0;

	COUNT(h, Tcp_InSegs);
	if (!parse(in, &g) || (!f->sum_good && sum_end(sum_add(sum_pseudo(in->src, in->dst, IP_TCP, in->len), in->at, in->len)) != 0)) {
		COUNT(h, Tcp_InErrs);
		if (in->len >= TCP_HEADER)
			COUNT(h, Tcp_InCsumErrors);
		frame_put(f);
		return;
	}
	if (in->broadcast || get16(in->at) == 0) {
		frame_put(f);
		return;
	}
	s = pair_find(h, in->dst, get16(in->at + 2), in->src, get16(in->at));
	if (!s || !s->tcp) {
		to_listener(h, in, &g, 0);
		frame_put(f);
		return;
	}
	socket_hold(s);
	s->tcp->segments_in++;
	s->tcp->last_received = net_now(h->net);
	if (s->tcp->state == NET_TCP_TIME_WAIT) {
		if (tcp_wait_input(s->tcp, &g, &isn))
			to_listener(h, in, &g, isn);
	} else if (s->tcp->state == NET_TCP_SYN_SENT) {
		syn_sent(s->tcp, in, &g);
	} else {
		synchronized(s->tcp, in, &g);
	}
	socket_put(s);
	frame_put(f);
}

/* --- what ICMP says --------------------------------------------------------------------------------------- */

void tcp_error(struct net_host *h, const struct ip_in *in, int error, bool fatal, uint8_t type, uint8_t code, uint32_t mtu)
{
	struct net_socket *s = pair_find(h, in->src, get16(in->at), in->dst, get16(in->at + 2));
	struct tcp *t = s ? s->tcp : NULL;
	uint32_t seq = get32(in->at + 4);

	if (!t || t->state == NET_TCP_TIME_WAIT || t->state == NET_TCP_CLOSE)
		return;
	if (seq_lt(seq, t->snd_una) || seq_gt(seq, t->snd_nxt)) { /* RFC 5927 4.1: not about what is under way */
		COUNT(h, TcpExt_OutOfWindowIcmps);
		return;
	}
	socket_hold(s);
	if (mtu) {
		if (!KNOB(h, NO_PMTU_DISC) && mtu < t->pmtu) {
			pmtu_learn(h, in->dst, mtu, MAX(in->total, mtu + 1));
			tcp_sync_mss(t);
			tcp_shrink_lost(t);
			tcp_output(t);
		}
	} else if (t->state == NET_TCP_SYN_SENT || (t->state == NET_TCP_SYN_RECV && fatal)) {
		if (icmp_is_unreachable(in, type) || fatal) {
			COUNT(h, Tcp_AttemptFails);
			tcp_fail(t, error);
		}
	} else {
		t->soft_error = error; /* told when the connection gives up (RFC 1122 4.2.3.9) */
	}
	socket_put(s);
}
