/*
 * frag.c - fragmentation and reassembly (RFC 791 2.3 and 3.2, 815, 1122 3.3.2, 6864).
 *
 * A packet under reassembly is a list of pieces by offset. A piece that says the same again is dropped;
 * one that overlaps differently, or reaches beyond 65535, kills the whole packet. After IPFRAG_TIME the
 * sender is told (11/1), if the first piece is there. All of a host's pieces together are bounded.
 */
#include "piece.h"

struct reassembly {
	struct net_host   *host;
	struct net_iface  *iface;
	uint32_t           src, dst;
	uint16_t           id;
	uint8_t            protocol;
	struct pieces      pieces;
	struct timer       timer;
	struct reassembly *next;
};

/* Copies those options that go into every fragment (RFC 791 3.1: the copy bit), padded; their length. */
static uint32_t copied_options(const uint8_t *p, uint32_t header, uint8_t *out)
{
	uint32_t len = 0;

	for (uint32_t at = IP_HEADER; at < header && p[at] != 0;) {
		uint32_t size = p[at] == 1 ? 1 : p[at + 1];

		if (p[at] & 0x80) {
			memcpy(out + len, p + at, size);
			len += size;
		}
		at += size;
	}
	while (len % 4)
		out[len++] = 0;
	return len;
}

void frag_send(struct net_host *h, struct route_hit *hit, struct frame *f, uint32_t mtu)
{
	const uint8_t *p = packet(f);
	uint32_t header = (p[0] & 15u) * 4, data = get16(p + 2) - header, first = get16(p + 6) & 0x1fff;
	bool more = p[6] & 0x20;
	uint8_t options[40];
	uint32_t later = IP_HEADER + copied_options(p, header, options);

	COUNT(h, Ip_FragOKs);
	for (uint32_t at = 0; at < data;) {
		uint32_t head = at == 0 ? header : later, room = (mtu - head) & ~7u, len = MIN(room, data - at);
		struct frame *piece = packet_frame(h, head + len);
		uint8_t *q = packet(piece);

		memcpy(q, p, IP_HEADER);
		memcpy(q + IP_HEADER, at == 0 ? p + IP_HEADER : options, head - IP_HEADER);
		memcpy(q + head, p + header + at, len);
		q[0] = (uint8_t)(0x40 | head / 4);
		put16(q + 2, head + len);
		put16(q + 6, (first + at / 8) | (more || at + len < data ? 0x2000u : 0));
		put16(q + 10, 0);
		put16(q + 10, sum_end(sum_add(0, q, head)));
		COUNT(h, Ip_FragCreates);
		ip_transmit(h, hit, piece);
		at += len;
	}
	frame_put(f);
}

/* --- reassembly ------------------------------------------------------------------------------- */

static void reassembly_free(struct reassembly *r)
{
	struct net_host *h = r->host;
	struct reassembly **link = &h->reassemblies;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	net_cancel(h->net, &r->timer);
	pieces_drop(&r->pieces, h);
	h->frag_count--;
	g_free(r);
}

void frag_clear(struct net_host *h)
{
	while (h->reassemblies)
		reassembly_free(h->reassemblies);
}

static void reassembly_fire(struct timer *t)
{
	struct reassembly *r = entry_of(t, struct reassembly, timer);

	COUNT(r->host, Ip_ReasmTimeout);
	COUNT(r->host, Ip_ReasmFails);
	if (r->pieces.first && r->pieces.first->start == 0)
		icmp_error(r->host, NULL, r->pieces.first->frame, 11, 1, 0);
	reassembly_free(r);
}

static struct reassembly *reassembly_of(struct net_iface *i, const uint8_t *p)
{
	struct net_host *h = i->host;
	struct reassembly *r;

	for (r = h->reassemblies; r; r = r->next)
		if (r->id == get16(p + 4) && r->src == get32(p + 12) && r->dst == get32(p + 16) && r->protocol == p[9])
			return r;
	r = g_new0(struct reassembly, 1);
	r->host = h;
	r->iface = i;
	r->id = get16(p + 4);
	r->src = get32(p + 12);
	r->dst = get32(p + 16);
	r->protocol = p[9];
	r->timer.fire = reassembly_fire;
	r->next = h->reassemblies;
	h->reassemblies = r;
	h->frag_count++;
	net_timer(h->net, &r->timer, KNOB_S(h, IPFRAG_TIME), false);
	return r;
}

static struct frame *whole(struct reassembly *r)
{
	const struct piece *first = r->pieces.first;
	uint32_t header = first->data;
	struct frame *f;
	uint8_t *p;

	if (header + r->pieces.total > 65535)
		return NULL;
	f = packet_frame(r->host, header + r->pieces.total);
	memcpy(frame_bytes(f), frame_bytes(first->frame), FRAME_HEADER);
	p = packet(f);
	memcpy(p, packet(first->frame), header);
	pieces_copy(&r->pieces, p + header);
	put16(p + 2, header + r->pieces.total);
	put16(p + 6, 0);
	put16(p + 10, 0);
	put16(p + 10, sum_end(sum_add(0, p, header)));
	return f;
}

/* False kills the packet. */
static bool piece_add(struct reassembly *r, const struct piece *like, bool last)
{
	enum piece_fit fit = PIECE_WRONG;

	if (like->end <= 65535 && (last || like->end % 8 == 0))
		fit = pieces_add(&r->pieces, r->host, like, last);
	if (fit == PIECE_OVERLAPS)
		COUNT(r->host, IpExt_ReasmOverlaps);
	return fit == PIECE_FITS;
}

struct frame *frag_collect(struct net_iface *i, struct frame *f)
{
	struct net_host *h = i->host;
	const uint8_t *p = packet(f);
	uint32_t start = (get16(p + 6) & 0x1fffu) * 8, header = (p[0] & 15u) * 4;
	struct piece like = { .frame = f, .start = start, .end = start + get16(p + 2) - header, .data = header };
	struct reassembly *r;
	struct frame *done;

	COUNT(h, Ip_ReasmReqds);
	while (h->frag_bytes > FRAG_BYTES && h->reassemblies) { /* the oldest makes room */
		for (r = h->reassemblies; r->next;)
			r = r->next;
		COUNT(h, Ip_ReasmFails);
		reassembly_free(r);
	}
	r = reassembly_of(i, p);
	if (!piece_add(r, &like, !(p[6] & 0x20))) {
		COUNT(h, Ip_ReasmFails);
		reassembly_free(r);
		frame_put(f);
		return NULL;
	}
	if (!pieces_whole(&r->pieces))
		return NULL;
	done = whole(r);
	if (done)
		COUNT(h, Ip_ReasmOKs);
	else
		COUNT(h, Ip_ReasmFails);
	reassembly_free(r);
	return done;
}
