/*
 * ip6.c - IPv6 (RFC 8200): packets in, through and out.
 *
 * Extension headers are walked where they matter: hop-by-hop options by everyone, the rest at the destination. What a
 * header asks for and this host cannot do is answered by a parameter problem that points at it.
 */
#include "host.h"

enum { EXTENSIONS_MAX = 16 /* in one packet: more are nobody's need (RFC 8504 5.3 allows a limit) */ };
enum { PROBLEM_HEADER = 0, PROBLEM_NEXT = 1, PROBLEM_OPTION = 2 };

/* Walks from header to header. */
struct walk {
	uint32_t at, end;   /* offsets in the packet: of what comes next, of the payload's end */
	uint32_t name;      /* of the byte that says what comes next */
	uint8_t  next;
};

void packet_input(struct net_iface *i, struct frame *f)
{
	if (packet_len(f) > 0 && packet(f)[0] >> 4 == 6)
		ip6_input(i, f);
	else
		ip_input(i, f);
}

uint32_t iface_mtu6(const struct net_iface *i)
{
	uint32_t mtu = iface_mtu(i);

	return i->nd && i->nd->mtu ? MIN(mtu, i->nd->mtu) : mtu;
}

/* Is the host a listener of the group on that interface? */
static bool iface_in_group(const struct net_iface *i, struct ip_addr group)
{
	uint64_t hi = group.hi & ~IP_SCOPE;
	bool local = hi == 0xff01000000000000u || hi == 0xff02000000000000u;

	if ((local && group.lo == 1) ||
	    (group.lo == 2 && (local || hi == 0xff05000000000000u) && KNOB(i->host, IP_FORWARD)))
		return true;
	if (hi != 0xff02000000000000u)
		return false;
	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

		if (ip_is6(a->addr) && ip_solicited_node(a->addr).lo == group.lo)
			return true;
	}
	return false;
}

/* --- in --------------------------------------------------------------------------------------- */

static void drop(struct net_host *h, struct frame *f, enum net_counter6 counter, const char *why)
{
	h->count6[counter]++;
	ip_drop(h, f, why);
}

static void problem(struct net_iface *i, struct frame *f, uint8_t code, uint32_t pointer, const char *why)
{
	icmp6_error(i->host, i, f, 4, code, pointer);
	drop(i->host, f, NET6_Ip6InHdrErrors, why);
}

static bool header_right(const uint8_t *p, uint32_t len)
{
	return len >= IP6_HEADER && p[0] >> 4 == 6 && get16(p + 4) + (uint32_t)IP6_HEADER <= len;
}

/* RFC 4291 2.5.3, 2.7, 2.5.6: what no packet from a wire may have. */
static bool is_martian(const struct net_iface *i, struct ip_addr src, struct ip_addr dst)
{
	const struct net_host *h = i->host;

	if (src.hi >> 56 == 0xff || ip_none(dst) || (dst.hi >> 56 == 0xff && (dst.hi >> 48 & 15) == 0))
		return true;
	if (ip_is4(src) || ip_is4(dst)) /* mapped ones are not for the wire */
		return true;
	if (i == h->lo)
		return false;
	return ip_is_loopback(src) || ip_is_loopback(dst) || (dst.hi >> 56 == 0xff && (dst.hi >> 48 & 15) == 1);
}

/*
 * The options of a hop-by-hop or destination header (RFC 8200 4.2). False: the packet is done with. `group`: the destination
 * is one, which an unknown option of the kind 11 keeps quiet for.
 */
static bool options_right(struct net_iface *i, struct frame *f, uint32_t at, uint32_t end, bool group)
{
	const uint8_t *p = packet(f);

	while (at < end) {
		uint32_t size = p[at] == 0 ? 1 : at + 1 < end ? 2u + p[at + 1] : 0;

		if (size == 0 || at + size > end) {
			problem(i, f, PROBLEM_HEADER, at + (size > 0), "options");
			return false;
		}
		if (p[at] > 1 && p[at] != 5) { /* not padding, not the router alert */
			unsigned action = p[at] >> 6;

			if (action >= 2 && !(action == 3 && group)) {
				problem(i, f, PROBLEM_OPTION, at, "option");
				return false;
			}
			if (action >= 1) {
				drop(i->host, f, NET6_Ip6InHdrErrors, "option");
				return false;
			}
		}
		at += size;
	}
	return true;
}

/* The extension header at w->at, of at least `least` bytes, lies within the packet; else the packet is done with. */
static bool extension_there(struct net_iface *i, struct frame *f, const struct walk *w, uint32_t *size)
{
	const uint8_t *p = packet(f);

	*size = 8;
	if (w->at + 8 <= w->end && w->next != IP_FRAGMENT)
		*size = (p[w->at + 1] + 1u) * 8;
	if (w->at + *size > w->end) {
		drop(i->host, f, NET6_Ip6InTruncatedPkts, "truncated");
		return false;
	}
	return true;
}

/* Hop-by-hop options, which stand first; false: the packet is done with. */
static bool hop_by_hop(struct net_iface *i, struct frame *f, struct walk *w, bool group)
{
	uint32_t size;

	if (w->next != IP_HOPOPTS)
		return true;
	if (!extension_there(i, f, w, &size) || !options_right(i, f, w->at + 2, w->at + size, group))
		return false;
	w->name = w->at;
	w->next = packet(f)[w->at];
	w->at += size;
	return true;
}

static void transport_input(struct net_iface *i, struct frame *f, const struct ip_in *in, uint32_t name)
{
	struct net_host *h = i->host;

	switch (in->protocol) {
	case IP_TCP:
		COUNT6(h, Ip6InDelivers);
		tcp_input(h, f, in);
		return;
	case IP_UDP:
		COUNT6(h, Ip6InDelivers);
		udp_input(h, f, in);
		return;
	case IP_ICMP6:
		COUNT6(h, Ip6InDelivers);
		icmp6_input(h, f, in);
		return;
	case IP_NONE:
		frame_put(f);
		return;
	}
	icmp6_error(h, i, f, 4, PROBLEM_NEXT, name);
	drop(h, f, NET6_Ip6InUnknownProtos, "protocol");
}

/* For this host: the rest of the headers. */
static void deliver(struct net_iface *i, struct frame *f, struct walk w, const struct ip_in *like)
{
	for (unsigned n = 0; n < EXTENSIONS_MAX; n++) {
		const uint8_t *p = packet(f);
		struct ip_in in = *like;
		uint32_t size;

		switch (w.next) {
		case IP_HOPOPTS: /* only directly behind the header */
			problem(i, f, PROBLEM_NEXT, w.name, "header-order");
			return;
		case IP_DSTOPTS:
			if (!extension_there(i, f, &w, &size) || !options_right(i, f, w.at + 2, w.at + size, in.broadcast))
				return;
			break;
		case IP_ROUTING: /* no type is known: RFC 8200 4.4; RFC 5095 has buried type 0 */
			if (!extension_there(i, f, &w, &size))
				return;
			if (p[w.at + 3] != 0) {
				problem(i, f, PROBLEM_HEADER, w.at + 2, "routing-header");
				return;
			}
			break;
		case IP_FRAGMENT:
			if (!extension_there(i, f, &w, &size))
				return;
			if ((get16(p + w.at + 2) & 0xfff9) != 0) {
				f = frag6_collect(i, f, &w.at, &w.name);
				if (!f)
					return;
				p = packet(f);
				w.end = IP6_HEADER + get16(p + 4);
				w.next = p[w.name];
				continue;
			}
			break; /* RFC 6946: whole by itself */
		default:
			in.ip = p;
			in.at = p + w.at;
			in.len = w.end - w.at;
			in.protocol = w.next;
			in.total = w.end;
			transport_input(i, f, &in, w.name);
			return;
		}
		w.next = p[w.at];
		w.name = w.at;
		w.at += size;
	}
	drop(i->host, f, NET6_Ip6InHdrErrors, "too-many-headers");
}

static void forward(struct net_iface *in, struct frame *f, struct ip_addr src, struct ip_addr dst);

void ip6_input(struct net_iface *i, struct frame *f)
{
	struct net_host *h = i->host;
	const uint8_t *p = packet(f);
	struct ip_in in = { .iface = i };
	struct walk w;
	bool group;

	COUNT6(h, Ip6InReceives);
	if (!header_right(p, packet_len(f))) {
		if (packet_len(f) >= IP6_HEADER && p[0] >> 4 == 6)
			drop(h, f, NET6_Ip6InTruncatedPkts, "truncated");
		else
			drop(h, f, NET6_Ip6InHdrErrors, "ip-header");
		return;
	}
	w = (struct walk){ .at = IP6_HEADER, .end = IP6_HEADER + get16(p + 4), .name = 6, .next = p[6] };
	COUNT6_BY(h, Ip6InOctets, w.end);
	COUNT6(h, Ip6InNoECTPkts);
	in.src = ip_on(ip_get6(p + 8), i->index);
	in.dst = ip_on(ip_get6(p + 24), i->index);
	in.ttl = p[7];
	if (i == h->lo) { /* back from this host itself: the interface is known by the source */
		unsigned scope = 0;

		for (unsigned n = 0; n < h->ifaces->len && ip_has_scope(in.dst); n++) {
			const struct net_iface *other = h->ifaces->pdata[n];

			if (iface_has(other, ip_on(in.dst, other->index)))
				scope = other->index;
		}
		in.src = ip_on(in.src, scope);
		in.dst = ip_on(in.dst, scope);
	}
	if (is_martian(i, in.src, in.dst) || (!i->nd && i != h->lo)) {
		drop(h, f, NET6_Ip6InAddrErrors, "ip-martian");
		return;
	}
	group = in.broadcast = ip_is_multicast(in.dst);
	if (group) {
		COUNT6(h, Ip6InMcastPkts);
		COUNT6_BY(h, Ip6InMcastOctets, w.end);
		if (!iface_in_group(i, in.dst)) {
			frame_put(f);
			return;
		}
	}
	if (i != h->lo && !ip_none(in.src) && host_has(h, in.src)) { /* our own address: ND looks at it, nobody else */
		if (!(group && w.next == IP_ICMP6)) {
			drop(h, f, NET6_Ip6InAddrErrors, "ip-martian");
			return;
		}
	}
	if (group || host_has(h, in.dst) || (w.next == IP_ICMP6 && iface_own(i, in.dst))) {
		if (hop_by_hop(i, f, &w, group))
			deliver(i, f, w, &in);
	} else if (frame_bytes(f)[0] & 1 && i != h->lo) {
		frame_put(f); /* what came to a group of the link is never forwarded */
	} else if (KNOB(h, IP_FORWARD)) {
		if (hop_by_hop(i, f, &w, false))
			forward(i, f, in.src, in.dst);
	} else {
		drop(h, f, NET6_Ip6InAddrErrors, "not-for-us");
	}
}

/* RFC 8200 3 and 4.5: hop limit, then size; a router never cuts. */
static void forward(struct net_iface *in, struct frame *f, struct ip_addr src, struct ip_addr dst)
{
	struct net_host *h = in->host;
	uint32_t total = IP6_HEADER + get16(packet(f) + 4), mtu;
	struct route_hit hit;
	int result;

	if (packet(f)[7] <= 1) {
		icmp6_error(h, in, f, 3, 0, 0);
		drop(h, f, NET6_Ip6InHdrErrors, "hop-limit");
		return;
	}
	if (ip_has_scope(dst) || ip_none(src)) {
		drop(h, f, NET6_Ip6InAddrErrors, "scope");
		return;
	}
	result = route_find(h, dst, &hit);
	if (result < 0 || hit.local) {
		icmp6_error(h, in, f, 1, 0, 0);
		drop(h, f, NET6_Ip6InNoRoutes, "no-route");
		return;
	}
	if (ip_has_scope(src) && hit.iface != in) { /* RFC 4443 3.1: beyond the scope of the source */
		icmp6_error(h, in, f, 1, 2, 0);
		drop(h, f, NET6_Ip6InAddrErrors, "scope");
		return;
	}
	mtu = iface_mtu6(hit.iface);
	if (total > mtu) {
		icmp6_error(h, in, f, 2, 0, mtu);
		drop(h, f, NET6_Ip6InTooBigErrors, "too-big");
		return;
	}
	if (hit.iface == in)
		nd_redirect(in, f, &hit);
	COUNT6(h, Ip6OutForwDatagrams);
	f = frame_own(f);
	f->end = f->start + FRAME_HEADER + total; /* without padding */
	packet(f)[7]--;
	ip_transmit(h, &hit, f);
}

/* --- out -------------------------------------------------------------------------------------- */

int ip6_send(struct net_host *h, const struct ip_out *o, struct route_hit *hit, struct frame *f)
{
	uint32_t total = packet_len(f), mtu = iface_mtu6(hit->iface);
	uint8_t *p = packet(f);

	if (o->mtu)
		mtu = MIN(mtu, o->mtu);
	COUNT6(h, Ip6OutRequests);
	if (total > 65535 + (uint32_t)IP6_HEADER) {
		COUNT6(h, Ip6OutDiscards);
		frame_put(f);
		return -EMSGSIZE;
	}
	put32(p, 0x60000000u | (uint32_t)o->tos << 20);
	put16(p + 4, total - IP6_HEADER);
	p[6] = o->protocol;
	p[7] = o->ttl;
	ip_put6(p + 8, o->src);
	ip_put6(p + 24, o->dst);
	if (total > mtu)
		frag6_send(h, hit, f, mtu);
	else
		ip_transmit(h, hit, f);
	return 0;
}
