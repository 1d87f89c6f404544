/*
 * frag6.c - fragmentation by the source, and reassembly (RFC 8200 4.5, 5722, 6946, 7112, 8021).
 *
 * Pieces that overlap in any way kill the packet and all that still comes of it (RFC 5722 4); the same piece once more
 * is let go. After IP6FRAG_TIME the sender is told (3/1), if the first piece is there. A host's pieces of both
 * versions of IP together are bounded, as in frag.c.
 */
#include "piece.h"

enum { FRAG_HEADER = 8 };

struct reassembly6 {
	struct net_host     *host;
	struct net_iface    *iface;
	struct ip_addr       src, dst;
	uint32_t             id;
	bool                 dead;        /* pieces overlapped: what still comes is dropped */
	struct pieces        pieces;      /* of what is behind the fragment headers */
	struct timer         timer;
	struct reassembly6  *next;
};

void frag6_send(struct net_host *h, struct route_hit *hit, struct frame *f, uint32_t mtu)
{
	const uint8_t *p = packet(f);
	uint32_t data = packet_len(f) - IP6_HEADER, room = (mtu - IP6_HEADER - FRAG_HEADER) & ~7u;
	uint32_t id = ++h->next_id6;

	COUNT6(h, Ip6FragOKs);
	for (uint32_t at = 0; at < data; at += room) {
		uint32_t len = MIN(room, data - at);
		struct frame *piece = packet_frame(h, IP6_HEADER + FRAG_HEADER + len);
		uint8_t *q = packet(piece);

		memcpy(q, p, IP6_HEADER);
		put16(q + 4, FRAG_HEADER + len);
		q[6] = IP_FRAGMENT;
		q += IP6_HEADER;
		q[0] = p[6];
		q[1] = 0;
		put16(q + 2, at | (at + len < data));
		put32(q + 4, id);
		memcpy(q + FRAG_HEADER, p + IP6_HEADER + at, len);
		COUNT6(h, Ip6FragCreates);
		ip_transmit(h, hit, piece);
	}
	frame_put(f);
}

/* --- reassembly ------------------------------------------------------------------------------- */

static void reassembly_free(struct reassembly6 *r)
{
	struct net_host *h = r->host;
	struct reassembly6 **link = &h->reassemblies6;

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	net_cancel(h->net, &r->timer);
	pieces_drop(&r->pieces, h);
	h->frag_count6--;
	g_free(r);
}

void frag6_clear(struct net_host *h)
{
	while (h->reassemblies6)
		reassembly_free(h->reassemblies6);
}

static void reassembly_fire(struct timer *t)
{
	struct reassembly6 *r = entry_of(t, struct reassembly6, timer);

	if (!r->dead) {
		COUNT6(r->host, Ip6ReasmTimeout);
		COUNT6(r->host, Ip6ReasmFails);
	}
	if (r->pieces.first && r->pieces.first->start == 0)
		icmp6_error(r->host, NULL, r->pieces.first->frame, 3, 1, 0);
	reassembly_free(r);
}

static struct reassembly6 *reassembly_of(struct net_iface *i, struct ip_addr src, struct ip_addr dst, uint32_t id)
{
	struct net_host *h = i->host;
	struct reassembly6 *r;

	for (r = h->reassemblies6; r; r = r->next)
		if (r->id == id && ip_equal(r->src, src) && ip_equal(r->dst, dst))
			return r;
	r = g_new0(struct reassembly6, 1);
	*r = (struct reassembly6){ .host = h, .iface = i, .src = src, .dst = dst, .id = id, .next = h->reassemblies6 };
	r->timer.fire = reassembly_fire;
	h->reassemblies6 = r;
	h->frag_count6++;
	net_timer(h->net, &r->timer, KNOB_S(h, IP6FRAG_TIME), false);
	return r;
}

/* The first piece's headers without its fragment header, then the data of all. */
static struct frame *whole(struct reassembly6 *r)
{
	const struct piece *first = r->pieces.first;
	uint32_t at = first->data - FRAG_HEADER;
	struct frame *f;
	uint8_t *p;

	if (at - IP6_HEADER + r->pieces.total > 65535)
		return NULL;
	f = packet_frame(r->host, at + r->pieces.total);
	memcpy(frame_bytes(f), frame_bytes(first->frame), FRAME_HEADER);
	p = packet(f);
	memcpy(p, packet(first->frame), at);
	p[first->name] = packet(first->frame)[at];
	pieces_copy(&r->pieces, p + at);
	put16(p + 4, at - IP6_HEADER + r->pieces.total);
	return f;
}

/* RFC 7112 5: are all headers there, to the transport's end? `at` is where the one of kind `next` begins. */
static bool headers_whole(const uint8_t *p, uint8_t next, uint32_t at, uint32_t end)
{
	while (next == IP_HOPOPTS || next == IP_ROUTING || next == IP_DSTOPTS) {
		if (at + 8 > end)
			return false;
		next = p[at];
		at += (p[at + 1] + 1u) * 8;
	}
	return at + (next == IP_TCP ? 20 : next == IP_UDP || next == IP_ICMP6 ? 8 : 1) <= end;
}

/* RFC 8200 4.5: what is wrong with a piece by itself is told its sender. */
static bool piece_right(struct net_iface *i, struct frame *f, uint32_t at, const struct piece *q, bool last)
{
	const uint8_t *p = packet(f);

	if (!last && q->end % 8)
		icmp6_error(i->host, i, f, 4, 0, 4);
	else if (q->end > 65535)
		icmp6_error(i->host, i, f, 4, 0, at + 2);
	else if (q->start == 0 && !headers_whole(p, p[at], at + FRAG_HEADER, at + FRAG_HEADER + q->end))
		icmp6_error(i->host, i, f, 4, 3, 0);
	else
		return true;
	return false;
}

struct frame *frag6_collect(struct net_iface *i, struct frame *f, uint32_t *header, uint32_t *name)
{
	struct net_host *h = i->host;
	const uint8_t *p = packet(f);
	uint32_t at = *header, start = get16(p + at + 2) & 0xfff8, end = start + IP6_HEADER + get16(p + 4) - at - FRAG_HEADER;
	bool last = !(p[at + 3] & 1);
	struct piece like = { .frame = f, .start = start, .end = end, .data = at + FRAG_HEADER, .name = *name };
	struct reassembly6 *r;
	struct frame *done;

	COUNT6(h, Ip6ReasmReqds);
	if (!piece_right(i, f, at, &like, last)) {
		COUNT6(h, Ip6ReasmFails);
		frame_put(f);
		return NULL;
	}
	while ((h->frag_bytes > FRAG_BYTES || h->frag_count6 > PIECES_MAX) && h->reassemblies6) { /* the oldest makes room */
		for (r = h->reassemblies6; r->next;)
			r = r->next;
		COUNT6(h, Ip6ReasmFails);
		reassembly_free(r);
	}
	r = reassembly_of(i, ip_on(ip_get6(p + 8), i->index), ip_on(ip_get6(p + 24), i->index), get32(p + at + 4));
	if (r->dead || pieces_add(&r->pieces, h, &like, last) != PIECE_FITS) {
		if (!r->dead)
			COUNT6(h, Ip6ReasmFails);
		r->dead = true;
		pieces_drop(&r->pieces, h);
		frame_put(f);
		return NULL;
	}
	if (!pieces_whole(&r->pieces))
		return NULL;
	*header = r->pieces.first->data - FRAG_HEADER;
	*name = r->pieces.first->name;
	done = whole(r);
	if (done)
		COUNT6(h, Ip6ReasmOKs);
	else
		COUNT6(h, Ip6ReasmFails);
	reassembly_free(r);
	return done;
}
