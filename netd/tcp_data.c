/*
 * tcp_data.c - data in: put in order, acknowledged, offered a window (RFC 9293 3.8.6, 3.10.7.4; 1122 4.2.3.2-3).
 *
 * Bytes go straight to their place in the ring, in order or not; `ranges` remembers what lies beyond a gap.
 */
#include "tcp.h"

static void tcp_ack_later(struct tcp *t)
{
	struct net_host *h = t->s->host;
	ns_t delay = CLAMP(t->ato, KNOB_MS(h, DELACK_MIN), KNOB_MS(h, DELACK_MAX));

	if (!t->ato) { /* as Linux: no data has come before, so there is no pace to wait for */
		t->ack_now = true;
		return;
	}
	t->ack_pending = true;
	if (t->rto.srtt && delay > KNOB_MS(h, DELACK_MIN))
		delay = MAX(MIN(delay, t->rto.srtt), KNOB_MS(h, DELACK_MIN));
	if (!timer_is_set(&t->ack_timer))
		net_timer(h->net, &t->ack_timer, delay, false);
}

static void more_quick_acks(struct tcp *t)
{
	unsigned n = t->rcv_wnd / (2 * MAX(t->rcv_mss, 1));

	t->quick = MAX(t->quick, CLAMP(n, 2, QUICK_ACKS));
}

void tcp_quick(struct tcp *t)
{
	more_quick_acks(t);
	t->pingpong = false;
	t->ato = KNOB_MS(t->s->host, DELACK_MIN);
}

/* Linux's tcp_event_data_recv(): how long an acknowledgement may wait. */
static void note_arrival(struct tcp *t, uint32_t len)
{
	ns_t now = tcp_now(t), least = MAX(KNOB_MS(t->s->host, DELACK_MIN), 1), gap = now - t->last_data_received;

	if (len >= t->rcv_mss)
		t->rcv_mss = MIN(len, MAX(t->mss_here, 88));
	if (!t->ato) {
		more_quick_acks(t);
		t->ato = least;
	} else if (gap <= least / 2) {
		t->ato = t->ato / 2 + least / 2;
	} else if (gap < t->ato) {
		t->ato = MIN(t->ato / 2 + gap, t->rto.rto);
	} else if (gap > t->rto.rto) {
		more_quick_acks(t);
	}
	t->last_data_received = now;
}

static void schedule_ack(struct tcp *t, bool gap_filled)
{
	if (t->ranges_count > 0 || gap_filled || t->rcv_nxt - t->rcv_wup > t->rcv_mss || (t->quick > 0 && !t->pingpong))
		t->ack_now = true;
	else
		tcp_ack_later(t);
}

/* --- out of order --------------------------------------------------------------------------------- */

/* What of [start, end) is there already, as far as it hangs together, is told (RFC 2883 4). */
static void note_overlap(struct tcp *t, uint32_t start, uint32_t end)
{
	uint32_t from = start, to = start;

	for (uint32_t i = 0; i < t->ranges_count; i++) {
		const struct tcp_range *r = &t->ranges[i];

		if (seq_le(r->end, start) || seq_ge(r->start, end))
			continue;
		if (from == to)
			from = seq_max(start, r->start);
		else if (seq_gt(r->start, to))
			break;
		to = seq_lt(end, r->end) ? end : r->end;
	}
	if (from != to && t->sack_ok && KNOB(t->s->host, DSACK)) {
		COUNT(t->s->host, TcpExt_TCPDSACKOfoSent);
		t->dsack_start = from;
		t->dsack_end = to;
	}
}

/* Adds [start, end) to the ranges; false when it was there already, or when there are too many. */
static bool range_add(struct tcp *t, uint32_t start, uint32_t end)
{
	uint32_t first = 0, last;

	while (first < t->ranges_count && seq_lt(t->ranges[first].end, start))
		first++;
	if (first < t->ranges_count && seq_le(t->ranges[first].start, start) && seq_ge(t->ranges[first].end, end)) {
		t->ranges[first].stamp = ++t->range_stamp;
		return false;
	}
	for (last = first; last < t->ranges_count && seq_le(t->ranges[last].start, end); last++) {
		if (seq_lt(t->ranges[last].start, start))
			start = t->ranges[last].start;
		end = seq_max(end, t->ranges[last].end);
	}
	if (first == last && t->ranges_count == t->ranges_capacity) {
		t->ranges_capacity = MAX(2 * t->ranges_capacity, 8);
		t->ranges = g_renew(struct tcp_range, t->ranges, t->ranges_capacity);
	}
	memmove(&t->ranges[first + 1], &t->ranges[last], (t->ranges_count - last) * sizeof(t->ranges[0]));
	t->ranges_count = t->ranges_count - (last - first) + 1;
	t->ranges[first] = (struct tcp_range){ .start = start, .end = end, .stamp = ++t->range_stamp };
	return true;
}

/* What has become contiguous with rcv_nxt. */
static void join_ranges(struct tcp *t)
{
	uint32_t n = 0;

	while (n < t->ranges_count && seq_le(t->ranges[n].start, t->rcv_nxt)) {
		uint32_t end = t->ranges[n++].end;

		if (t->fin_known && seq_gt(end, t->fin_seq)) /* the FIN's number is no byte */
			end = t->fin_seq;
		if (seq_gt(end, t->rcv_nxt)) {
			t->in.used += end - t->rcv_nxt;
			t->rcv_nxt = end;
		}
	}
	t->ranges_count -= n;
	memmove(t->ranges, t->ranges + n, t->ranges_count * sizeof(t->ranges[0]));
}

void tcp_report_old(struct tcp *t, uint32_t start, uint32_t end)
{
	if (t->sack_ok && KNOB(t->s->host, DSACK)) {
		COUNT(t->s->host, TcpExt_TCPDSACKOldSent);
		t->dsack_start = start;
		t->dsack_end = end;
	}
}

static void duplicate(struct tcp *t, uint32_t start, uint32_t end)
{
	tcp_report_old(t, start, end);
	tcp_quick(t);
	t->ack_now = true;
}

/* `fin`: the FIN follows, which has a number in the ranges too. */
static void store(struct tcp *t, uint32_t seq, const uint8_t *data, uint32_t len, bool fin)
{
	bool gap = t->ranges_count > 0;

	if (seq != t->rcv_nxt) {
		t->ooo_in++;
		COUNT(t->s->host, TcpExt_TCPOFOQueue);
		if (t->ranges_count >= RANGES_MAX) {
			COUNT(t->s->host, TcpExt_TCPOFODrop);
		} else {
			if (len > 0)
				ring_put(&t->in, t->in.used + (seq - t->rcv_nxt), data, len);
			note_overlap(t, seq, seq + len + fin);
			range_add(t, seq, seq + len + fin);
		}
		t->ack_now = true;
		return;
	}
	if (gap && t->dsack_start == t->dsack_end)
		note_overlap(t, seq, seq + len); /* what of it had come out of order already */
	ring_put(&t->in, t->in.used, data, len);
	t->in.used += len;
	t->rcv_nxt += len;
	if (gap)
		join_ranges(t);
	note_arrival(t, len);
	schedule_ack(t, gap);
	socket_wake(t->s);
}

void tcp_take_data(struct tcp *t, const struct seg_in *g)
{
	uint32_t seq = g->seq, len = g->len, right = t->rcv_nxt + receive_window(t), end;
	const uint8_t *data = g->data;
	bool fin = g->flags & NET_FIN;

	end = seq + len;
	if (seq_lt(end + fin, t->rcv_nxt + 1) && (len > 0 || fin)) { /* nothing new */
		duplicate(t, seq, end + fin);
		return;
	}
	if (t->fin_received) {
		t->ack_now = true;
		return;
	}
	if (seq_lt(seq, t->rcv_nxt)) {
		uint32_t old = t->rcv_nxt - seq;

		if (len > 0)
			tcp_report_old(t, seq, t->rcv_nxt);
		data += old;
		len -= MIN(old, len);
		seq = t->rcv_nxt;
	}
	if (len > 0 && seq_ge(seq, right)) {
		COUNT(t->s->host, TcpExt_TCPZeroWindowDrop);
		t->ack_now = true;
		return;
	}
	if (seq_gt(seq + len, right)) {
		len = right - seq;
		fin = false;
		t->ack_now = true;
	}
	if (fin) {
		t->fin_known = true;
		t->fin_seq = seq + len;
	}
	if (t->fin_known && seq == t->rcv_nxt && seq + len == t->fin_seq && t->state == NET_TCP_ESTABLISHED)
		t->pingpong = true; /* our FIN may follow at once and carry the acknowledgement */
	if (len > 0 || (fin && seq != t->rcv_nxt)) {
		t->bytes_received += len;
		store(t, seq, data, len, fin);
	}
	if (t->fin_known && t->rcv_nxt == t->fin_seq)
		tcp_fin_arrived(t);
	else if (fin)
		t->ack_now = true;
}

/* RFC 9293 3.10.7.4, eighth: the FIN bit. */
void tcp_fin_arrived(struct tcp *t)
{
	t->rcv_nxt++;
	t->fin_received = true;
	t->ranges_count = 0;
	t->dsack_start = t->dsack_end;
	switch (t->state) {
	case NET_TCP_SYN_RECV:
	case NET_TCP_ESTABLISHED:
		tcp_set_state(t, NET_TCP_CLOSE_WAIT);
		t->pingpong = true;
		t->ack_now |= t->rcv_nxt - t->rcv_wup > t->rcv_mss; /* the FIN makes more than one segment of a full one */
		if (!t->ack_now)
			tcp_ack_later(t);
		break;
	case NET_TCP_FIN_WAIT1:
		tcp_set_state(t, NET_TCP_CLOSING);
		t->ack_now = true;
		break;
	case NET_TCP_FIN_WAIT2:
		tcp_send_ack(t);
		tcp_time_wait(t);
		break;
	default:
		break;
	}
	socket_wake(t->s);
}

/* --- the window offered ----------------------------------------------------------------------------- */

static uint32_t free_space(const struct tcp *t)
{
	return t->in_limit > t->in.used ? t->in_limit - t->in.used : 0;
}

/* What could be offered: nothing below an mss or a sixteenth (RFC 1122 4.2.3.3), never less than before. */
static uint32_t window_for(const struct tcp *t)
{
	uint32_t space = free_space(t), now = receive_window(t), unit = 1u << t->rcv_wscale, mss = MIN(t->rcv_mss, t->in_limit);

	if (t->window_clamp)
		space = MIN(space, t->window_clamp);
	if (space < t->in_limit / 2 && (space < t->in_limit / 16 || space < mss))
		space = 0;
	if (t->rcv_wscale)
		space = space / unit * unit;
	else if (space > 65535)
		space = 65535;
	if (space < now) /* never takes back what was offered; the scaled value must not round it off */
		space = (now + unit - 1) / unit * unit;
	return space;
}

uint32_t tcp_select_window(struct tcp *t)
{
	t->rcv_wnd = window_for(t);
	t->rcv_wup = t->rcv_nxt;
	return t->rcv_wnd;
}

/* If the reader emptied more in a round trip than the window let in, the window is what limits (Linux's DRS). */
static void tune(struct tcp *t)
{
	struct net_host *h = t->s->host;
	ns_t now = tcp_now(t), rtt = t->rto.srtt ? t->rto.srtt : 100 * NS_PER_MS;
	uint64_t wanted, most = t->s->most ? tcp_limit_in(t->s) : (uint64_t)KNOB(h, RMEM_MAX) / 2;

	if (now - t->tune_time < rtt)
		return;
	wanted = 2 * (uint64_t)t->tune_copied + 16u * t->rcv_mss;
	if (!t->s->recv_limit_set && wanted > t->in_limit)
		t->in_limit = (uint32_t)MIN(wanted, MAX(most, t->in_limit));
	t->tune_copied = 0;
	t->tune_time = now;
}

/*
 * Linux tells of a window that has doubled. Where buffers are limited (net_limit) that keeps a connection, whose reader came in the
 * middle of its window, at the half of it for good, beside others with the whole.
 */
static bool grew_much(const struct tcp *t, uint32_t before, uint32_t after)
{
	return t->s->most && after > before && after - before >= t->s->most / 4;
}

void tcp_window_opened(struct tcp *t)
{
	uint32_t before, after;

	tune(t);
	if (t->in.used == 0 && t->ranges_count == 0 && t->in.capacity > 64 * KiB && t->state == NET_TCP_CLOSE)
		ring_clear(&t->in);
	if (t->fin_received || t->state == NET_TCP_CLOSE || t->state == NET_TCP_TIME_WAIT || t->state == NET_TCP_SYN_SENT)
		return;
	before = receive_window(t);
	after = window_for(t);
	if ((after > 0 && after >= 2 * before) || grew_much(t, before, after) ||
	    (t->ack_pending && (t->rcv_nxt - t->rcv_wup > t->rcv_mss || (t->in.used == 0 && !t->pingpong))))
		tcp_send_ack(t);
}

uint32_t tcp_initial_window(const struct tcp *t)
{
	uint32_t space = t->in_limit, header = t->ts_ok ? TS_OPTION : 0, mss = t->mss_here > header ? t->mss_here - header : 1;

	space = MIN(space, 65535);
	if (t->window_clamp)
		space = MIN(space, t->window_clamp);
	return space > mss ? space / mss * mss : space;
}

/* RFC 7323 2.3: enough for the largest window that the buffer may grow to. */
uint8_t tcp_window_scale(const struct tcp *t)
{
	uint64_t most = MAX((uint64_t)KNOB(t->s->host, RMEM_MAX), t->s->recv_limit);
	uint8_t scale = 0;

	if (t->s->recv_limit_set)
		most = t->s->recv_limit;
	while (scale < WSCALE_MAX && most >> scale > 65535)
		scale++;
	return scale;
}

/* Half of a buffer is for data, as Linux has it (tcp_adv_win_scale 1). */
void tcp_set_buffer(struct net_socket *s)
{
	if (s->tcp)
		s->tcp->in_limit = s->recv_limit / 2;
}
