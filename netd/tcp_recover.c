/*
 * tcp_recover.c - losses: found, repaired, paid for (RFC 5681, 6582, 6675, 2018; PRR: 6937).
 *
 * open -> disorder   something arrived out of order
 *      -> recovery   `reordering` segments beyond a gap have arrived (or as many duplicate acknowledgements):
 *                    the gap is lost. ssthresh falls; the window follows the deliveries down to it (PRR)
 *      -> loss       the timer fired: all that is not sacked is lost, the window is 1
 * recovery and loss end when all that was sent before they began is acknowledged (`recover`).
 * Without SACK the counter `sacked` stands for duplicate acknowledgements, and no segment is marked.
 * Within recovery and loss a repeated segment counts as lost again when something sent later has arrived
 * (the core of RACK, RFC 8985).
 */
#include "tcp.h"

static void tcp_mark_lost(struct tcp *t, struct tcp_seg *g)
{
	if (g->sacked || g->lost)
		return;
	g->lost = true;
	t->lost++;
}

/* The first segment that does not begin before `seq`. */
static uint32_t seg_place(const struct tcp *t, uint32_t seq)
{
	uint32_t low = 0, high = t->packets;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (seq_lt(seg_at(t, middle)->seq, seq))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void seg_sacked(struct tcp *t, struct tcp_seg *g)
{
	ns_t now = tcp_now(t);

	if (!g->ever) {
		if (t->sacked && seq_lt(g->seq, t->highest_sack)) { /* it was only late */
			uint32_t distance = (t->highest_sack - g->seq) / MAX(t->mss, 1) + 1;

			t->reordering = MAX(t->reordering, MIN(distance, 300));
		}
		t->rack_sent = MAX(t->rack_sent, g->sent);
	} else if (now - g->sent >= t->min_rtt) {
		t->rack_sent = MAX(t->rack_sent, g->sent);
	}
	seg_forget(t, g);
	g->lost = g->retrans = false;
	g->sacked = true;
	t->sacked++;
}

uint32_t tcp_take_sacks(struct tcp *t, const struct seg_in *g)
{
	uint32_t newly = 0;

	for (int b = 0; b < g->o.sacks; b++) {
		uint32_t start = g->o.sack[b].start, end = g->o.sack[b].end;

		if (seq_le(end, t->snd_una) && b == 0) {
			COUNT(t->s->host, TcpExt_TCPDSACKRecv);
			continue;
		}
		if (!seq_lt(start, end) || seq_lt(start, t->snd_una) || seq_gt(end, t->snd_nxt))
			continue;
		for (uint32_t i = seg_place(t, start); i < t->packets; i++) {
			struct tcp_seg *seg = seg_at(t, i);

			if (seq_gt(seg->end, end))
				break;
			if (seg->sacked)
				continue;
			seg_sacked(t, seg);
			newly++;
		}
		if (seq_gt(end, t->highest_sack) || t->sacked == newly)
			t->highest_sack = t->sacked == newly ? end : seq_max(end, t->highest_sack);
	}
	return newly;
}

/* RFC 6675 IsLost(): `reordering` segments above have been sacked. */
static void mark_gaps(struct tcp *t)
{
	uint32_t above = t->sacked;

	for (uint32_t i = 0; i < t->packets && above >= t->reordering; i++) {
		struct tcp_seg *g = seg_at(t, i);

		if (g->sacked)
			above--;
		else if (!g->retrans)
			tcp_mark_lost(t, g);
	}
}

static void find_lost_repetitions(struct tcp *t)
{
	ns_t slack = t->min_rtt / 4 + NS_PER_US;

	for (uint32_t i = 0; t->retrans > 0 && i < t->packets; i++) {
		struct tcp_seg *g = seg_at(t, i);

		if (!g->retrans || g->sent + slack >= t->rack_sent)
			continue;
		g->retrans = false;
		t->retrans--;
		tcp_mark_lost(t, g);
		COUNT(t->s->host, TcpExt_TCPLostRetransmit);
	}
}

static void limit_reno_sacks(struct tcp *t)
{
	uint32_t holes = MAX(t->lost, 1);

	if (t->sacked + holes > t->packets)
		t->sacked = t->packets > holes ? t->packets - holes : 0;
}

/* Without SACK: a duplicate stands for a segment that has arrived; an advance fills a gap and eats the rest. */
static void count_reno(struct tcp *t, const struct ack_news *n)
{
	if (n->dup) {
		t->sacked++;
	} else if (n->una_moved) {
		uint32_t eaten = n->acked > 0 ? n->acked - 1 : 0;

		t->sacked = t->sacked > eaten && t->recovery != NET_TCP_OPEN ? t->sacked - eaten : 0;
	}
	limit_reno_sacks(t);
}

/* RFC 6937: sends in proportion to what arrives, until ssthresh is reached. */
static void follow_deliveries(struct tcp *t, uint32_t delivered, bool advanced)
{
	uint32_t flight = in_flight(t), count;

	if (delivered == 0)
		return;
	t->prr_delivered += delivered;
	if (flight > t->ssthresh) {
		uint64_t share = ((uint64_t)t->ssthresh * t->prr_delivered + t->prior_cwnd - 1) / MAX(t->prior_cwnd, 1);

		count = share > t->prr_out ? (uint32_t)share - t->prr_out : 0;
	} else {
		uint32_t owed = t->prr_delivered > t->prr_out ? t->prr_delivered - t->prr_out : 0;

		count = MIN(t->ssthresh - flight, MAX(owed, delivered) + advanced);
	}
	if (count == 0 && t->prr_out == 0)
		count = 1; /* the fast retransmission itself */
	t->cwnd = flight + count;
}

static void begin_recovery(struct tcp *t, const struct ack_news *n)
{
	struct net_host *h = t->s->host;

	t->recovery = NET_TCP_RECOVERY;
	t->recover = t->snd_nxt;
	t->prior_cwnd = t->cwnd;
	t->ssthresh = t->control->ssthresh(t);
	t->prr_delivered = t->prr_out = 0;
	t->cwnd_count = 0;
	if (t->sack_ok) {
		COUNT(h, TcpExt_TCPSackRecovery);
		mark_gaps(t);
	} else {
		COUNT(h, TcpExt_TCPRenoRecovery);
	}
	COUNT(h, TcpExt_TCPFastRetrans);
	tcp_mark_lost(t, seg_at(t, 0));
	if (!t->sack_ok)
		limit_reno_sacks(t);
	t->cwnd = in_flight(t); /* follow_deliveries() adds to it */
	follow_deliveries(t, MAX(n->delivered + n->dup, 1), false);
	/* The first repetition goes at once, whatever the window says (RFC 5681 3.2 step 3). */
	t->cwnd = MAX(t->cwnd, in_flight(t) + 1);
}

static void end_recovery(struct tcp *t)
{
	if (t->recovery == NET_TCP_RECOVERY)
		t->cwnd = t->ssthresh;
	t->recovery = NET_TCP_OPEN;
	t->dupacks = 0;
	if (!t->sack_ok)
		t->sacked = 0;
}

static bool gap_is_lost(const struct tcp *t)
{
	if (t->packets == 0)
		return false;
	if (t->sack_ok)
		return t->sacked >= t->reordering;
	/* RFC 6582 3.2 step 2: not again for duplicates that our own repetitions have caused. */
	return t->dupacks >= t->reordering && seq_gt(t->snd_una, t->recover);
}

void tcp_recover(struct tcp *t, const struct ack_news *n)
{
	uint32_t delivered = n->delivered;

	if (!t->sack_ok) {
		count_reno(t, n);
		delivered += n->dup;
	}
	t->dupacks = n->una_moved ? 0 : t->dupacks + n->dup;
	if (t->recovery >= NET_TCP_RECOVERY && n->una_moved && seq_ge(t->snd_una, t->recover))
		end_recovery(t);

	switch (t->recovery) {
	case NET_TCP_RECOVERY:
		if (t->sack_ok) {
			mark_gaps(t);
			if (n->una_moved && t->packets > 0 && !seg_at(t, 0)->retrans)
				tcp_mark_lost(t, seg_at(t, 0));
			find_lost_repetitions(t);
		} else if (n->una_moved && t->packets > 0 && !seg_at(t, 0)->retrans) { /* RFC 6582: a partial one */
			tcp_mark_lost(t, seg_at(t, 0));
			limit_reno_sacks(t);
		}
		follow_deliveries(t, delivered, n->una_moved);
		break;
	case NET_TCP_LOSS:
		find_lost_repetitions(t);
		break;
	default:
		if (gap_is_lost(t))
			begin_recovery(t, n);
		else
			t->recovery = t->sacked > 0 || t->dupacks > 0 ? NET_TCP_DISORDER : NET_TCP_OPEN;
	}
}

/* RFC 5681 3.1 (4), 6675 5.1: the timer has fired. */
void tcp_timeout_loss(struct tcp *t)
{
	struct net_host *h = t->s->host;

	if (t->recovery < NET_TCP_RECOVERY || (t->recovery == NET_TCP_LOSS && t->retransmits == 0)) {
		t->prior_cwnd = t->cwnd;
		t->ssthresh = t->control->ssthresh(t); /* once for a series of timeouts */
	}
	COUNT(h, TcpExt_TCPTimeouts);
	COUNT(h, TcpExt_TCPSlowStartRetrans);
	t->recovery = NET_TCP_LOSS;
	t->recover = t->snd_nxt;
	t->cwnd = 1;
	t->cwnd_count = 0;
	t->dupacks = 0;
	t->reordering = MIN(t->reordering, (uint32_t)KNOB(h, REORDERING));
	if (!t->sack_ok || (t->packets > 0 && seg_at(t, 0)->sacked)) { /* RFC 2018 8: the receiver has gone back on it */
		for (uint32_t i = 0; i < t->packets; i++)
			seg_at(t, i)->sacked = false;
		t->sacked = 0;
	}
	for (uint32_t i = 0; i < t->packets; i++) {
		struct tcp_seg *g = seg_at(t, i);

		t->retrans -= g->retrans;
		g->retrans = false;
		tcp_mark_lost(t, g);
	}
}

void tcp_shrink_lost(struct tcp *t)
{
	bool any = false;

	for (uint32_t i = 0; i < t->packets; i++) {
		struct tcp_seg *g = seg_at(t, i);

		if (g->sacked || g->end - g->seq - !!(g->flags & NET_FIN) <= t->mss)
			continue;
		t->retrans -= g->retrans;
		g->retrans = false;
		tcp_mark_lost(t, g);
		any = true;
	}
	if (!any || t->recovery >= NET_TCP_RECOVERY)
		return;
	if (!t->sack_ok)
		limit_reno_sacks(t);
	t->recovery = NET_TCP_LOSS; /* no congestion: the window stays */
	t->recover = t->snd_nxt;
}
