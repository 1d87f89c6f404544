/*
 * nd.c - neighbour discovery (RFC 4861): solicitations and advertisements of neighbours and routers, redirects.
 *
 * What neighbours say goes into the table of neigh.c, what routers say into addrconf.c. Every message must have come with hop
 * limit 255, so from this link; anything else about it that is wrong makes it nothing at all (RFC 4861 6.1, 7.1, 8.1).
 */
#include "host.h"

enum { RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137 };
enum { OPTION_SOURCE = 1, OPTION_TARGET = 2, OPTION_PREFIX = 3, OPTION_REDIRECTED = 4, OPTION_MTU = 5 };
enum { NA_ROUTER = 0x80, NA_SOLICITED = 0x40, NA_OVERRIDE = 0x20, PREFIX_ON_LINK = 0x80, PREFIX_AUTO = 0x40 };

static const struct ip_addr all_nodes = { 0xff02000000000000u, 1 }, all_routers = { 0xff02000000000000u, 2 };

/* --- out -------------------------------------------------------------------------------------- */

/* A message on the link itself: to a group, or to `mac` without asking for it. */
static void send_on_link(struct net_iface *i, struct ip_addr src, struct ip_addr dst, struct frame *f, const struct net_mac *mac)
{
	struct route_hit hit = { .iface = i, .next = ip_on(dst, i->index), .src = src, .multicast = ip_is_multicast(dst),
				 .mac = mac };

	icmp6_send(i->host, src, ip_on(dst, i->index), f, &hit, 255);
}

static void put_link_option(uint8_t *p, uint8_t kind, const struct net_iface *i)
{
	p[0] = kind;
	p[1] = 1;
	memcpy(p + 2, &i->mac, 6);
}

static bool is_certain(const struct net_iface *i, struct ip_addr addr)
{
	const struct own_addr *a = iface_own(i, addr);

	return a && !(a->flags & NET_ADDR_TENTATIVE);
}

/* `src` 0: the probe for a duplicate. An address that is not certain yet must not be bound to our MAC (RFC 4429 3.2). */
void nd_solicit(struct net_iface *i, struct ip_addr src, struct ip_addr target, const struct net_mac *to)
{
	bool option = is_certain(i, src);
	struct ip_addr dst = to ? target : ip_on(ip_solicited_node(target), i->index);
	struct frame *f = ip_frame(i->host, dst, option ? 32 : 24);
	uint8_t *p = transport(f);

	memset(p, 0, 8);
	p[0] = NS;
	ip_put6(p + 8, target);
	if (option)
		put_link_option(p + 24, OPTION_SOURCE, i);
	send_on_link(i, src, dst, f, to);
}

/* To a solicitor with that MAC, or to all (`to` 0). */
static void nd_advertise(struct net_iface *i, struct ip_addr target, struct ip_addr to, const struct net_mac *mac, bool override)
{
	struct ip_addr dst = ip_none(to) ? all_nodes : to;
	struct frame *f = ip_frame(i->host, dst, 32);
	uint8_t *p = transport(f);

	memset(p, 0, 8);
	p[0] = NA;
	p[4] = (uint8_t)((KNOB(i->host, IP_FORWARD) ? NA_ROUTER : 0) | (ip_none(to) ? 0 : NA_SOLICITED) |
			 (override ? NA_OVERRIDE : 0));
	ip_put6(p + 8, target);
	put_link_option(p + 24, OPTION_TARGET, i);
	send_on_link(i, target, dst, f, ip_none(to) ? NULL : mac);
}

void nd_router_solicit(struct net_iface *i)
{
	struct ip_addr src = iface_source(i, ip_on(all_routers, i->index));
	bool option = is_certain(i, src);
	struct frame *f = ip_frame(i->host, all_routers, option ? 16 : 8);
	uint8_t *p = transport(f);

	memset(p, 0, 8);
	p[0] = RS;
	if (option)
		put_link_option(p + 8, OPTION_SOURCE, i);
	send_on_link(i, src, all_routers, f, NULL);
}

static bool is_advertised(const struct own_addr *a)
{
	return ip_is6(a->addr) && !a->made && a->len == 64 && !ip_has_scope(a->addr) && own_usable(a);
}

/* Two addresses of one prefix make one option. */
static bool advertised_before(const struct net_iface *i, unsigned n)
{
	const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

	for (unsigned k = 0; k < n; k++) {
		const struct own_addr *b = &g_array_index(i->addrs, struct own_addr, k);

		if (is_advertised(b) && b->addr.hi == a->addr.hi)
			return true;
	}
	return false;
}

void nd_router_advertise(struct net_iface *i, struct ip_addr to, uint16_t lifetime)
{
	const struct net_ra *adv = &i->nd->adv;
	struct ip_addr dst = ip_none(to) ? all_nodes : to, src = iface_source(i, ip_on(all_nodes, i->index));
	uint32_t prefixes = 0, len;
	struct frame *f;
	uint8_t *p;

	if (!ip_is_link_local(src)) /* RFC 4861 6.1.2 */
		return;
	for (unsigned n = 0; n < i->addrs->len; n++)
		prefixes += is_advertised(&g_array_index(i->addrs, struct own_addr, n)) && !advertised_before(i, n);
	prefixes = MIN(prefixes, 32);
	len = 16 + 8 + (adv->mtu ? 8 : 0) + 32 * prefixes;
	f = ip_frame(i->host, dst, len);
	p = transport(f);
	memset(p, 0, len);
	p[0] = RA;
	p[4] = adv->hop_limit;
	put16(p + 6, lifetime);
	put_link_option(p + 16, OPTION_SOURCE, i);
	p += 24;
	if (adv->mtu) {
		p[0] = OPTION_MTU;
		p[1] = 1;
		put32(p + 4, adv->mtu);
		p += 8;
	}
	for (unsigned n = 0; n < i->addrs->len && prefixes > 0; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

		if (!is_advertised(a) || advertised_before(i, n))
			continue;
		p[0] = OPTION_PREFIX;
		p[1] = 4;
		p[2] = 64;
		p[3] = PREFIX_ON_LINK | PREFIX_AUTO;
		put32(p + 4, adv->valid);
		put32(p + 8, adv->preferred);
		ip_put6(p + 16, ip_masked(a->addr, 64));
		p += 32;
		prefixes--;
	}
	send_on_link(i, src, dst, f, NULL);
}

void nd_redirect(struct net_iface *i, const struct frame *f, const struct route_hit *hit)
{
	const uint8_t *about = packet((struct frame *)f);
	struct ip_addr src = ip_on(ip_get6(about + 8), i->index), dst = ip_get6(about + 24), mine = IP_ANY;
	uint32_t len = MIN(IP6_HEADER + (uint32_t)get16(about + 4), (uint32_t)IP6_MTU_MIN - IP6_HEADER - 40 - 8 - 8) & ~7u;
	struct route_hit back;
	const uint8_t *mac;
	struct frame *out;
	uint8_t *p;

	if (route_find(i->host, src, &back) < 0 || back.iface != i || !ip_equal(back.next, src)) /* not a neighbour */
		return;
	mine = iface_source(i, ip_on(all_nodes, i->index));
	if (!ip_is_link_local(mine) || (!ip_is_link_local(hit->next) && !ip_equal(hit->next, dst)) ||
	    !icmp_may_tell(i->host, src))
		return;
	mac = neigh_mac(i, hit->next);
	out = ip_frame(i->host, src, 40 + (mac ? 8 : 0) + 8 + len);
	p = transport(out);
	memset(p, 0, 40 + 8 + 8);
	p[0] = REDIRECT;
	ip_put6(p + 8, hit->next);
	ip_put6(p + 24, dst);
	p += 40;
	if (mac) {
		p[0] = OPTION_TARGET;
		p[1] = 1;
		memcpy(p + 2, mac, 6);
		p += 8;
	}
	p[0] = OPTION_REDIRECTED;
	p[1] = (uint8_t)(1 + len / 8);
	memcpy(p + 8, about, len);
	send_on_link(i, mine, src, out, NULL);
}

/* --- in --------------------------------------------------------------------------------------- */

/* The options from `at` on: each has a length (RFC 4861 4.6). */
static bool options_right(const struct ip_in *in, uint32_t at)
{
	while (at < in->len) {
		if (at + 8 > in->len || in->at[at + 1] == 0 || at + in->at[at + 1] * 8u > in->len)
			return false;
		at += in->at[at + 1] * 8u;
	}
	return true;
}

/* The MAC in the option of that kind, or NULL. */
static const uint8_t *link_option(const struct ip_in *in, uint32_t at, uint8_t kind)
{
	for (; at < in->len; at += in->at[at + 1] * 8u)
		if (in->at[at] == kind && in->at[at + 1] == 1 && !(in->at[at + 2] & 1))
			return in->at + at + 2;
	return NULL;
}

static void take_neighbour_solicitation(struct net_iface *i, const struct ip_in *in)
{
	struct ip_addr target = ip_on(ip_get6(in->at + 8), i->index);
	const uint8_t *mac = link_option(in, 24, OPTION_SOURCE);
	struct own_addr *a;
	bool probe = ip_none(in->src);
	struct net_mac sender;

	if (ip_is_multicast(target) || (probe && (mac || !ip_equal(ip_on(ip_solicited_node(target), i->index), in->dst))))
		return;
	a = iface_own(i, target);
	if (!a || a->flags & NET_ADDR_DADFAILED || (!probe && iface_own(i, in->src)))
		return;
	if (a->flags & NET_ADDR_TENTATIVE && probe) { /* someone else wants it as well */
		addrconf_duplicate(i, a);
		return;
	}
	if (!own_usable(a))
		return;
	if (mac && !probe)
		neigh_told(i, in->src, mac, false);
	/* To where it came from: who is not certain of its address yet does not tell its MAC (RFC 4429 3.2). */
	memcpy(&sender, mac ? mac : in->ip - FRAME_HEADER + 6, 6);
	nd_advertise(i, target, in->src, &sender, !(a->flags & NET_ADDR_OPTIMISTIC));
}

static void take_neighbour_advertisement(struct net_iface *i, const struct ip_in *in)
{
	struct ip_addr target = ip_on(ip_get6(in->at + 8), i->index);
	uint8_t flags = in->at[4];
	struct own_addr *a;

	if (ip_is_multicast(target) || (in->broadcast && flags & NA_SOLICITED) || ip_none(in->src))
		return;
	a = iface_own(i, target);
	if (a) {
		if (a->flags & NET_ADDR_TENTATIVE)
			addrconf_duplicate(i, a);
		return;
	}
	neigh_advertised(i, target, link_option(in, 24, OPTION_TARGET), flags & NA_ROUTER, flags & NA_SOLICITED,
			 flags & NA_OVERRIDE);
}

static void take_router_solicitation(struct net_iface *i, const struct ip_in *in)
{
	const uint8_t *mac = link_option(in, 8, OPTION_SOURCE);

	if (!KNOB(i->host, IP_FORWARD) || !i->nd->adv.on || (ip_none(in->src) && mac))
		return;
	if (mac)
		neigh_told(i, in->src, mac, false);
	if (!icmp_may_tell(i->host, ip_none(in->src) ? ip_on(all_nodes, i->index) : in->src))
		return;
	nd_router_advertise(i, in->src, (uint16_t)i->nd->adv.lifetime);
}

static void take_prefix(struct net_iface *i, const uint8_t *p)
{
	struct ip_addr prefix = ip_masked(ip_get6(p + 16), MIN(p[2], 128));
	uint32_t valid = get32(p + 4), preferred = get32(p + 8);

	if (p[2] > 128 || ip_has_scope(prefix) || ip_is_multicast(prefix) || ip_none(prefix) || ip_is4(prefix))
		return;
	if (p[3] & PREFIX_ON_LINK)
		addrconf_route(i, prefix, p[2], IP_ANY, valid);
	if (p[3] & PREFIX_AUTO && p[2] == 64 && preferred <= valid)
		addrconf_prefix(i, prefix, valid, preferred);
}

/* ms within what the knob allows; 0 says nothing. */
static int64_t told_time(enum net_knob k, uint32_t told, int64_t before)
{
	return told ? CLAMP((int64_t)told, net_knobs[k].min, net_knobs[k].max) : before;
}

static void take_router_advertisement(struct net_iface *i, const struct ip_in *in)
{
	const uint8_t *mac = link_option(in, 16, OPTION_SOURCE);
	struct nd *nd = i->nd;

	if (KNOB(i->host, IP_FORWARD) || !KNOB(i->host, ACCEPT_RA) || !ip_is_link_local(in->src) || iface_own(i, in->src))
		return;
	nd->solicits = 0;
	net_cancel(i->host->net, &nd->rs);
	if (in->at[4])
		nd->hop_limit = in->at[4];
	nd->reachable = told_time(NET_NEIGH_REACHABLE_TIME, get32(in->at + 8), nd->reachable);
	nd->retrans = told_time(NET_NEIGH_RETRANS, get32(in->at + 12), nd->retrans);
	if (mac)
		neigh_told(i, in->src, mac, true);
	addrconf_route(i, IP_ANY, 0, in->src, get16(in->at + 6));
	for (uint32_t at = 16; at < in->len; at += in->at[at + 1] * 8u) {
		const uint8_t *p = in->at + at;

		if (p[0] == OPTION_PREFIX && p[1] == 4) {
			take_prefix(i, p);
		} else if (p[0] == OPTION_MTU && p[1] == 1 && get32(p + 4) >= IP6_MTU_MIN && get32(p + 4) <= iface_mtu(i)) {
			nd->mtu = get32(p + 4);
			i->host->generation++;
		}
	}
}

/* RFC 4861 8.1, 8.3: only from the router that the packet would go to now. */
static void take_redirect(struct net_iface *i, const struct ip_in *in)
{
	struct ip_addr target = ip_on(ip_get6(in->at + 8), i->index), dst = ip_get6(in->at + 24);
	const uint8_t *mac = link_option(in, 40, OPTION_TARGET);
	struct route_hit hit;

	if (KNOB(i->host, IP_FORWARD) || !ip_is_link_local(in->src) || ip_is_multicast(dst) || ip_has_scope(dst) ||
	    ip_none(dst) || ip_is4(dst) || (!ip_is_link_local(target) && !ip_equal(target, dst)))
		return;
	if (route_find(i->host, dst, &hit) < 0 || hit.iface != i || !ip_equal(hit.next, in->src))
		return;
	if (mac)
		neigh_told(i, target, mac, !ip_equal(target, dst));
	addrconf_route(i, dst, 128, ip_equal(target, dst) ? IP_ANY : target, 600);
}

void nd_input(struct net_host *h, const struct ip_in *in)
{
	static const struct {
		uint32_t least;         /* bytes, before options */
		void (*take)(struct net_iface *i, const struct ip_in *in);
	} kinds[] = {
		{ 8, take_router_solicitation }, { 16, take_router_advertisement }, { 24, take_neighbour_solicitation },
		{ 24, take_neighbour_advertisement }, { 40, take_redirect },
	};
	unsigned kind = in->at[0] - RS;

	if (in->iface == h->lo || !in->iface->nd || in->ttl != 255 || in->at[1] != 0 || in->len < kinds[kind].least ||
	    !options_right(in, kinds[kind].least)) {
		COUNT6(h, Icmp6InErrors);
		return;
	}
	kinds[kind].take(in->iface, in);
}
