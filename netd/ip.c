/* ip.c - IPv4 (RFC 791, 1122 3.2, 1812 5): packets in, through and out. */
#include "host.h"

struct frame *packet_frame(struct net_host *h, uint32_t len)
{
	struct frame *f = frame_new(&h->net->pool, FRAME_FRONT, FRAME_HEADER + len);

	f->end = f->start + FRAME_HEADER + len;
	return f;
}

struct frame *ip_frame(struct net_host *h, struct ip_addr dst, uint32_t len)
{
	struct frame *f = packet_frame(h, ip_header(dst) + len);

	packet(f)[0] = ip_is6(dst) ? 0x60 : 0x45;
	return f;
}

/* --- in --------------------------------------------------------------------------------------- */

static const struct event_kind drop_event = { "drop", "proto:d src:a dst:a why:s" };

void ip_drop(struct net_host *h, struct frame *f, const char *why)
{
	struct event *ev = net_event(h->net, &drop_event, h, 0);
	const uint8_t *p = packet(f);

	if (ev) {
		if (packet_len(f) >= IP6_HEADER && p[0] >> 4 == 6) {
			ev->value[0] = p[6];
			event_addr(ev, 1, ip_get6(p + 8), true);
			event_addr(ev, 3, ip_get6(p + 24), true);
		} else if (packet_len(f) >= IP_HEADER) {
			ev->value[0] = p[9];
			event_addr(ev, 1, ip4(get32(p + 12)), false);
			event_addr(ev, 3, ip4(get32(p + 16)), false);
		}
		ev->text = g_strdup(why);
	}
	frame_put(f);
}

/* NULL if the header can be worked with, else why not. */
static const char *header_fault(const uint8_t *p, uint32_t len)
{
	uint32_t header, total;

	if (len < IP_HEADER || p[0] >> 4 != 4)
		return "ip-header";
	header = (p[0] & 15u) * 4;
	total = get16(p + 2);
	if (header < IP_HEADER || header > len || total < header || total > len)
		return "ip-length";
	if (sum_end(sum_add(0, p, header)) != 0)
		return "ip-checksum";
	return NULL;
}

/* The offset of the first malformed or refused option (source routes: as Linux by default), or 0. */
static uint32_t option_fault(const uint8_t *p, uint32_t header)
{
	for (uint32_t at = IP_HEADER; at < header;) {
		uint8_t kind = p[at];

		if (kind == 0)
			return 0;
		if (kind == 1) {
			at++;
			continue;
		}
		if (at + 1 >= header || p[at + 1] < 2 || at + p[at + 1] > header)
			return at + 1;
		if (kind == 131 || kind == 137)
			return at;
		at += p[at + 1];
	}
	return 0;
}

static void forward(struct net_iface *in, struct frame *f);

void ip_input(struct net_iface *i, struct frame *f)
{
	struct net_host *h = i->host;
	const uint8_t *p = packet(f);
	const char *fault = header_fault(p, packet_len(f));
	uint32_t src, dst, option;

	COUNT(h, Ip_InReceives);
	if (fault) {
		if (strcmp(fault, "ip-checksum") == 0)
			COUNT(h, IpExt_InCsumErrors);
		COUNT(h, Ip_InHdrErrors);
		ip_drop(h, f, fault);
		return;
	}
	COUNT_BY(h, IpExt_InOctets, get16(p + 2));
	src = get32(p + 12);
	dst = get32(p + 16);
	if (src >> 28 == 14 || src == ADDR_BROADCAST || (i != h->lo && (src >> 24 == 127 || dst >> 24 == 127)) ||
	    (i != h->lo && src && host_has(h, ip4(src)))) {
		COUNT(h, Ip_InAddrErrors);
		ip_drop(h, f, "ip-martian");
		return;
	}
	option = option_fault(p, (p[0] & 15u) * 4);
	if (option) {
		COUNT(h, Ip_InHdrErrors);
		icmp_error(h, i, f, 12, 0, option << 24);
		ip_drop(h, f, "ip-option");
		return;
	}
	if (h->nat && KNOB(h, IP_FORWARD) && dst >> 28 != 14 && dst != ADDR_BROADCAST) {
		if (get16(p + 6) & 0x3fff) /* only the first piece has ports (RFC 4787 REQ-14) */
			f = frag_collect(i, f);
		f = f ? nat_arriving(i, f) : NULL;
		if (!f)
			return;
		p = packet(f);
		dst = get32(p + 16);
	}
	if (host_has(h, ip4(dst)) || dst == ADDR_BROADCAST || iface_broadcast(i, dst) || dst == 0xe0000001) {
		if (get16(p + 6) & 0x3fff) {
			f = frag_collect(i, f);
			if (!f)
				return;
		}
		ip_deliver(i, f);
	} else if (dst >> 28 == 14 || (frame_bytes(f)[0] & 1 && i != h->lo)) {
		frame_put(f); /* a group we are not in; and what came by broadcast is never forwarded */
	} else if (KNOB(h, IP_FORWARD)) {
		forward(i, f);
	} else {
		COUNT(h, Ip_InAddrErrors);
		ip_drop(h, f, "not-for-us");
	}
}

void ip_deliver(struct net_iface *i, struct frame *f)
{
	struct net_host *h = i->host;
	const uint8_t *p = packet(f);
	uint32_t header = (p[0] & 15u) * 4, dst = get32(p + 16);
	struct ip_in in = { .iface = i, .ip = p, .at = p + header, .len = get16(p + 2) - header, .src = ip4(get32(p + 12)),
			    .dst = ip4(dst), .ttl = p[8], .protocol = p[9] };

	in.broadcast = dst == ADDR_BROADCAST || dst >> 28 == 14 || iface_broadcast(i, dst) ||
		       (frame_bytes(f)[0] & 1 && i != h->lo);
	COUNT(h, Ip_InDelivers);
	switch (in.protocol) {
	case IP_TCP:
		tcp_input(h, f, &in);
		return;
	case IP_UDP:
		udp_input(h, f, &in);
		return;
	case IP_ICMP:
		icmp_input(h, f, &in);
		return;
	case IP_RDT:
		rdt_packet_input(h, f, &in);
		return;
	}
	COUNT(h, Ip_InUnknownProtos);
	icmp_error(h, i, f, 3, 2, 0);
	ip_drop(h, f, "protocol");
}

/* RFC 1812 5.2.1: TTL, then size; the checksum is updated, not computed anew (RFC 1624). */
static void forward(struct net_iface *in, struct frame *f)
{
	struct net_host *h = in->host;
	struct route_hit hit;
	uint8_t *p;
	uint32_t mtu;
	int result = route_find(h, ip4(get32(packet(f) + 16)), &hit);

	if (result < 0 || hit.local) {
		COUNT(h, Ip_OutNoRoutes);
		nat_complain(in, f, 3, result == -ENETUNREACH ? 0 : 1, 0);
		ip_drop(h, f, "no-route");
		return;
	}
	if (packet(f)[8] <= 1) {
		COUNT(h, Ip_InHdrErrors);
		nat_complain(in, f, 11, 0, 0);
		ip_drop(h, f, "ttl");
		return;
	}
	mtu = iface_mtu(hit.iface);
	if (get16(packet(f) + 2) > mtu && packet(f)[6] & 0x40) {
		COUNT(h, Ip_FragFails);
		nat_complain(in, f, 3, 4, mtu);
		ip_drop(h, f, "needs-fragments");
		return;
	}
	if (h->nat && !(f = nat_leaving(in, &hit, f)))
		return;
	COUNT(h, Ip_ForwDatagrams);
	f = frame_own(f);
	p = packet(f);
	f->end = f->start + FRAME_HEADER + get16(p + 2); /* without padding */
	put16(p + 10, checksum_update(get16(p + 10), get16(p + 8), (uint16_t)(get16(p + 8) - 0x100)));
	p[8]--;
	if (get16(p + 2) > mtu)
		frag_send(h, &hit, f, mtu);
	else
		ip_transmit(h, &hit, f);
}

/* --- out -------------------------------------------------------------------------------------- */

void loopback_fire(struct timer *t)
{
	struct net_host *h = entry_of(t, struct net_host, loop_timer);

	/* What these cause is sent after them, in its own time. */
	for (uint32_t n = h->loop.count; n > 0 && h->loop.count > 0; n--) {
		struct frame *f = frame_queue_take(&h->loop);

		h->lo->stats.rx_packets++;
		h->lo->stats.rx_bytes += packet_len(f);
		packet_input(h->lo, f);
	}
	if (h->loop.count > 0)
		net_timer(h->net, &h->loop_timer, LOOPBACK_DELAY, false);
}

static void loopback_send(struct net_host *h, struct frame *f)
{
	if (!h->lo->up) {
		h->lo->stats.tx_dropped++;
		frame_put(f);
		return;
	}
	memset(frame_bytes(f), 0, FRAME_HEADER);
	h->lo->stats.tx_packets++;
	h->lo->stats.tx_bytes += packet_len(f);
	frame_queue_add(&h->loop, f);
	if (!timer_is_set(&h->loop_timer))
		net_timer(h->net, &h->loop_timer, LOOPBACK_DELAY, false);
}

/* RFC 1112 6.4: a group's low 23 bits behind 01:00:5e. RFC 2464 7: the low 32 bits behind 33:33. */
static void group_mac(struct ip_addr dst, uint8_t mac[6])
{
	put16(mac, ip_is4(dst) ? 0x0100 : 0x3333);
	put32(mac + 2, ip_is4(dst) ? 0x5e000000 | (ip_v4(dst) & 0x7fffff) : (uint32_t)dst.lo);
}

static void count6(struct net_host *h, const struct route_hit *hit, const struct frame *f)
{
	COUNT6(h, Ip6OutTransmits);
	COUNT6_BY(h, Ip6OutOctets, packet_len(f));
	COUNT6_BY(h, Ip6OutMcastPkts, hit->multicast);
	COUNT6_BY(h, Ip6OutMcastOctets, hit->multicast ? packet_len(f) : 0);
}

void ip_transmit(struct net_host *h, struct route_hit *hit, struct frame *f)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint8_t mac[6];

	bool v6 = packet(f)[0] >> 4 == 6;
	uint16_t type = v6 ? TYPE_IPV6 : TYPE_IPV4;

	if (v6)
		count6(h, hit, f);
	COUNT_BY(h, Ip_OutTransmits, !v6);
	COUNT_BY(h, IpExt_OutOctets, v6 ? 0 : packet_len(f));
	if (hit->local) {
		loopback_send(h, f);
	} else if (hit->broadcast) {
		iface_send(hit->iface, f, all, type);
	} else if (hit->multicast) {
		group_mac(hit->next, mac);
		iface_send(hit->iface, f, mac, type);
	} else if (hit->mac) {
		iface_send(hit->iface, f, hit->mac->byte, type);
	} else {
		neigh_send(hit->iface, hit->next, f, hit->generation == h->generation ? &hit->neigh : NULL);
	}
}

int ip_send(struct net_host *h, const struct ip_out *o, struct route_hit *hit, struct frame *f)
{
	uint8_t *p = packet(f);
	uint32_t total = packet_len(f), mtu = o->mtu ? MIN(o->mtu, iface_mtu(hit->iface)) : iface_mtu(hit->iface);
	uint16_t id = o->id;

	if (ip_is6(o->dst))
		return ip6_send(h, o, hit, f);
	COUNT(h, Ip_OutRequests);
	if (total > 65535 || (total > mtu && o->df)) {
		COUNT(h, Ip_OutDiscards);
		frame_put(f);
		return -EMSGSIZE;
	}
	if (!o->df && id == 0) { /* RFC 6864: only what may be fragmented needs one */
		id = h->next_id++;
		if (h->next_id == 0)
			h->next_id = 1;
	}
	p[0] = 0x45;
	p[1] = o->tos;
	put16(p + 2, total);
	put16(p + 4, id);
	put16(p + 6, o->df ? 0x4000 : 0);
	p[8] = o->ttl;
	p[9] = o->protocol;
	put16(p + 10, 0);
	put32(p + 12, ip_v4(o->src));
	put32(p + 16, ip_v4(o->dst));
	put16(p + 10, sum_end(sum_add(0, p, IP_HEADER)));
	if (total > mtu)
		frag_send(h, hit, f, mtu);
	else
		ip_transmit(h, hit, f);
	return 0;
}
