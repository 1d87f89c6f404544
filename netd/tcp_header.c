/* tcp_header.c - how a segment looks: options in Linux's order (RFC 9293 3.2, 7323, 2018, 2883), the checksum. */
#include "tcp.h"

uint32_t tcp_syn_options(const struct tcp *t, uint8_t *out)
{
	const struct net_host *h = t->s->host;
	bool answer = t->state == NET_TCP_SYN_RECV;
	bool ts = answer ? t->ts_ok : KNOB(h, TIMESTAMPS), sack = answer ? t->sack_ok : KNOB(h, SACK);
	bool wscale = answer ? t->wscale_ok : KNOB(h, WINDOW_SCALING);
	uint8_t *p = out;

	*p++ = 2;
	*p++ = 4;
	put16(p, t->mss_here);
	p += 2;
	if (ts) {
		*p++ = sack ? 4 : 1;
		*p++ = sack ? 2 : 1;
		*p++ = 8;
		*p++ = 10;
		put32(p, tcp_ts_now(t));
		put32(p + 4, t->ts_recent);
		p += 8;
	} else if (sack) {
		memcpy(p, "\1\1\4\2", 4);
		p += 4;
	}
	if (wscale) {
		*p++ = 1;
		*p++ = 3;
		*p++ = 3;
		*p++ = t->rcv_wscale;
	}
	return (uint32_t)(p - out);
}

/* RFC 2018 4: the latest block first; RFC 2883: a duplicate before it. */
static uint32_t sack_option(struct tcp *t, uint8_t *out, unsigned room)
{
	uint32_t blocks[4][2], stamps[4] = { 0 };
	unsigned n = 0, dup = 0;
	uint8_t *p = out + 4;

	if (t->dsack_start != t->dsack_end) {
		blocks[0][0] = t->dsack_start;
		blocks[0][1] = t->dsack_end;
		n = dup = 1;
	}
	for (uint32_t i = 0; i < t->ranges_count; i++) { /* keep the latest few, sorted by stamp */
		const struct tcp_range *r = &t->ranges[i];
		unsigned at = n;

		while (at > dup && stamps[at - 1] < r->stamp)
			at--;
		if (at >= room)
			continue;
		for (unsigned k = MIN(n, room - 1); k > at; k--) {
			memcpy(blocks[k], blocks[k - 1], sizeof(blocks[k]));
			stamps[k] = stamps[k - 1];
		}
		blocks[at][0] = r->start;
		blocks[at][1] = r->end;
		stamps[at] = r->stamp;
		n = MIN(n + 1, room);
	}
	if (n == 0)
		return 0;
	out[0] = out[1] = 1;
	out[2] = 5;
	out[3] = (uint8_t)(2 + 8 * n);
	for (unsigned i = 0; i < n; i++, p += 8) {
		put32(p, blocks[i][0]);
		put32(p + 4, blocks[i][1]);
	}
	return 4 + 8 * n;
}

static unsigned sack_room(const struct tcp *t)
{
	return t->ts_ok ? 3 : 4;
}

uint32_t tcp_full_segment(const struct tcp *t)
{
	uint32_t blocks = t->sack_ok ? MIN(t->ranges_count + (t->dsack_start != t->dsack_end), sack_room(t)) : 0;
	uint32_t size = blocks ? 4 + 8 * blocks : 0;

	return t->mss < 2 * size ? t->mss : t->mss - size;
}

uint32_t tcp_segment_options(struct tcp *t, uint8_t *out, bool with_data)
{
	uint32_t len = 0;

	if (t->ts_ok) {
		memcpy(out, "\1\1\10\12", 4);
		put32(out + 4, tcp_ts_now(t));
		put32(out + 8, t->ts_recent);
		len = TS_OPTION;
	}
	if (t->sack_ok && (t->ranges_count > 0 || t->dsack_start != t->dsack_end) &&
	    (!with_data || tcp_full_segment(t) < t->mss)) {
		len += sack_option(t, out + len, sack_room(t));
		t->dsack_start = t->dsack_end;
	}
	return len;
}

/* The checksum; `data_sum` is the sum of what follows the header. */
void tcp_finish(struct net_host *h, struct frame *f, struct ip_addr src, struct ip_addr dst, uint32_t header, uint64_t data_sum)
{
	uint8_t *p = transport(f);
	uint32_t len = transport_len(f);

	put16(p + 16, 0);
	put16(p + 16, sum_end(sum_add(sum_pseudo(src, dst, IP_TCP, len) + data_sum, p, header)));
	f->sum_good = true;
	COUNT(h, Tcp_OutSegs);
}
