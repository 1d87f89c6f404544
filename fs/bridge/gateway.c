/*
 * gateway.c - the host gw: an interface on each wire that a rule leads to.
 *
 * It is an ordinary host; what the rules need is added to what is there, and only addresses of `allow` rules are taken away again.
 * Who has an address himself needs no wire to reach it, so real clients of such an address, who want to go through the simulated
 * world and out again, come from a second host, gw1. So do those of a router that hands ports on to such an address: a packet that
 * comes from outside with one's own address as its source is dropped.
 */
#include "inside.h"

#include "net_knob.h"
#include "net_nat.h"

#include <string.h>

enum { WINDOW_MOST = 4 * MiB };
static const char *const names[] = { "gw", "gw1" };

static struct net_host *host_named(struct bridge *b, const char *name)
{
	struct host *h = world_host_named(b->world, name);

	return h ? h->net : NULL;
}

struct net_host *gateway(struct bridge *b, unsigned n)
{
	return n < G_N_ELEMENTS(names) ? host_named(b, names[n]) : NULL;
}

static bool host_has_it(struct net_host *h, const struct net_addr *a)
{
	struct net_iface_info info = { .index = 1 };
	struct net_prefix p;

	for (struct net_iface *i; h && (i = net_iface_above(h, info.index)); ) {
		net_iface_get(i, &info);
		for (unsigned k = 0; net_iface_address(i, k, &p); k++)
			if (net_addr_equal(&p.addr, a))
				return true;
	}
	return false;
}

/* A place on a wire: whose interface, with which of its addresses. */
struct place { struct net_host *host; struct net_wire *wire; struct net_prefix prefix; };

/* The next place that `fits`; walks hosts and their interfaces in order. */
static bool find_place(struct bridge *b, bool (*fits)(const struct net_prefix *, const struct net_addr *),
		       const struct net_addr *a, const struct net_host *but, struct place *out)
{
	for (guint n = 0; n < b->world->hosts->len; n++) {
		struct net_host *h = ((struct host *)b->world->hosts->pdata[n])->net;
		struct net_iface_info info = { .index = 1 };

		if (h == but)
			continue;
		for (struct net_iface *i; (i = net_iface_above(h, info.index)); ) {
			struct net_prefix p;

			net_iface_get(i, &info);
			for (unsigned k = 0; info.wire && net_iface_address(i, k, &p); k++) {
				if (!fits(&p, a))
					continue;
				*out = (struct place){ h, info.wire, p };
				return true;
			}
		}
	}
	return false;
}

static bool is_it(const struct net_prefix *p, const struct net_addr *a) { return net_addr_equal(&p->addr, a); }
static bool has_it(const struct net_prefix *p, const struct net_addr *a)
{
	return p->addr.family == a->family && net_prefix_has(p, a);
}

static bool allows_any(const struct bridge *b)
{
	for (guint i = 0; i < b->rules->len; i++)
		if (((const struct rule *)b->rules->pdata[i])->kind == RULE_ALLOW)
			return true;
	return false;
}

/* Whether what goes to `to` may end at the first gateway: it has that address, or a router has it that hands ports on to gw. */
static bool leads_back(struct bridge *b, const struct net_addr *to)
{
	struct net_host *gw = gateway(b, 0);
	struct net_nat_rule r;
	struct place at;

	if (host_has_it(gw, to))
		return true;
	if (!allows_any(b) || !find_place(b, is_it, to, gw, &at))
		return false;
	for (unsigned i = 0; net_nat_rule(at.host, i, &r); i++)
		if (r.kind == NET_NAT_DNAT && host_has_it(gw, &r.to.addr))
			return true;
	return false;
}

/* From which of them `to` is reached. */
static const char *name_towards(struct bridge *b, const struct net_addr *to)
{
	return names[leads_back(b, to)];
}

struct net_host *gateway_for(struct bridge *b, const struct net_addr *to)
{
	const char *name = name_towards(b, to);

	/* That it is gw1 may have become true after the rule was written: by an `allow`. */
	if (name != names[0] && gateway_towards(b, to, NULL))
		return NULL;
	return host_named(b, name);
}

static bool is_taken(struct bridge *b, const struct net_addr *a, const struct net_host *but)
{
	struct place ignored;

	return find_place(b, is_it, a, but, &ignored);
}

/* The highest address of the subnet that nobody has; `but` is to stay free. */
static bool highest_free4(struct bridge *b, const struct net_prefix *p, const struct net_addr *but, struct net_addr *out)
{
	uint32_t mask = net_mask(p->len), low = p->addr.v4 & mask, high = low | ~mask;

	if (p->len > 30)
		return false;
	for (uint32_t a = high - 1; a > low; a--) {
		*out = net_v4(a);
		if (!(but && net_addr_equal(but, out)) && !is_taken(b, out, NULL))
			return true;
	}
	return false;
}

/* Of version 6, of which there are enough: the highest that is free below ::ff. */
static bool highest_free6(struct bridge *b, const struct net_prefix *p, const struct net_addr *but, struct net_addr *out)
{
	*out = p->addr;
	for (unsigned bit = p->len; bit < 128; bit++)
		out->v6[bit / 8] &= (uint8_t)~(0x80 >> bit % 8);
	for (unsigned last = 0xfe; last > 0; last--) {
		out->v6[15] = (uint8_t)last;
		if (net_prefix_has(p, out) && !(but && net_addr_equal(but, out)) && !is_taken(b, out, NULL))
			return true;
	}
	return false;
}

static bool highest_free(struct bridge *b, const struct net_prefix *p, const struct net_addr *but, struct net_addr *out)
{
	return (p->addr.family == NET_IPV4 ? highest_free4 : highest_free6)(b, p, but, out);
}

static struct net_iface *iface_on(struct net_host *h, const struct net_wire *wire)
{
	struct net_iface_info info = { .index = 1 };

	for (struct net_iface *i; h && (i = net_iface_above(h, info.index)); ) {
		net_iface_get(i, &info);
		if (info.wire == wire)
			return i;
	}
	return NULL;
}

/* A TIME-WAIT of the gateway's keeps a port; with many short connections they would run out. */
static struct net_host *make_gateway(struct bridge *b, const char *name)
{
	struct net_host *h = host_named(b, name);

	if (h)
		return h;
	world_add_host(b->world, name, NULL);
	h = host_named(b, name);
	net_knob_set(h, NET_TW_REUSE, 1, NULL);
	net_knob_set(h, NET_PORT_MIN, 10000, NULL);
	net_knob_set(h, NET_RMEM_MAX, WINDOW_MOST, NULL); /* a smaller unit of windows: buffers have limits of their own */
	return h;
}

/* The first address of that version that the interface was given. */
static bool first_of(const struct net_iface *i, enum net_family family, struct net_prefix *out)
{
	for (unsigned k = 0; net_iface_address(i, k, out); k++)
		if (out->addr.family == family)
			return true;
	return false;
}

/* The first host there that passes packets on is the way to other subnets, unless the user says otherwise. */
static void add_default_route(struct bridge *b, struct net_host *gw, const struct net_wire *wire, enum net_family family)
{
	struct net_route r = { .to = { { .family = family }, 0 } }, old;

	for (unsigned i = 0; net_route(gw, i, &old); i++)
		if (old.to.len == 0 && old.to.addr.family == family)
			return;
	for (guint n = 0; n < b->world->hosts->len; n++) {
		struct net_host *h = ((struct host *)b->world->hosts->pdata[n])->net;
		struct net_iface *i = h == gw ? NULL : iface_on(h, wire);
		struct net_prefix p;

		if (!i || !net_knob_get(h, NET_IP_FORWARD) || !first_of(i, family, &p))
			continue;
		r.via = p.addr;
		net_route_add(gw, &r, NULL);
		return;
	}
}

static struct net_iface *plug_in(struct net_host *gw, struct net_wire *wire)
{
	struct net_iface *i;
	char eth[16];
	unsigned n = 0;

	do
		g_snprintf(eth, sizeof eth, "eth%u", n++);
	while (net_iface_at(gw, eth));
	net_iface_new(gw, eth, &i, NULL);
	net_iface_attach(i, wire, NULL);
	net_iface_up(i, true, NULL);
	return i;
}

int gateway_towards(struct bridge *b, const struct net_addr *to, struct err *e)
{
	const char *name = name_towards(b, to);
	struct net_host *gw = host_named(b, name);
	struct net_prefix mine, p;
	struct place at;
	char text[NET_ADDR_TEXT];
	struct net_iface *i;

	if (!find_place(b, is_it, to, gw, &at) && !find_place(b, has_it, to, gw, &at))
		return err_set(e, ENETUNREACH, 3, "no interface on a wire has %s, or addresses near it", net_addr_text(to, text));
	i = iface_on(gw, at.wire);
	if (i && first_of(i, to->family, &p))
		return 0;
	mine = at.prefix;
	if (!highest_free(b, &at.prefix, NULL, &mine.addr))
		return err_set(e, EADDRNOTAVAIL, 3, "no address of %s/%u is free for the gateway", net_addr_text(to, text), mine.len);

	gw = make_gateway(b, name);
	if (!i)
		i = plug_in(gw, at.wire);
	net_iface_add(i, &mine, NULL);
	add_default_route(b, gw, at.wire, to->family);
	return 0;
}

static bool is_special(const struct net_prefix *p, const struct net_addr *a)
{
	struct net_addr all;

	if (a->family == NET_IPV6)
		return false;
	return a->v4 == (p->addr.v4 & net_mask(p->len)) || (net_prefix_broadcast(p, &all) && net_addr_equal(&all, a));
}

int gateway_take(struct bridge *b, const struct net_addr *as, struct net_host **out, struct err *e)
{
	struct net_host *gw = gateway(b, 0);
	struct net_prefix p;
	struct place at;
	char text[NET_ADDR_TEXT];
	struct net_iface *i;

	if (is_taken(b, as, gw))
		return err_set(e, EADDRINUSE, 3, "another host has %s", net_addr_text(as, text));
	if (host_has_it(gw, as)) {
		*out = gw;
		return 0;
	}
	if (!find_place(b, has_it, as, gw, &at))
		return err_set(e, ENETUNREACH, 3, "no wire has addresses as %s: no interface on one has an address near it",
			       net_addr_text(as, text));
	if (is_special(&at.prefix, as))
		return err_set(e, EADDRNOTAVAIL, 3, "%s is the subnet's own address, or everybody's", net_addr_text(as, text));

	gw = make_gateway(b, names[0]);
	i = iface_on(gw, at.wire);
	if (!i)
		i = plug_in(gw, at.wire);
	p = at.prefix;
	if (!first_of(i, as->family, &p) && highest_free(b, &at.prefix, as, &p.addr)) {
		p.len = at.prefix.len;
		net_iface_add(i, &p, NULL);
	}
	p = (struct net_prefix){ *as, at.prefix.len };
	net_iface_add(i, &p, NULL);
	add_default_route(b, gw, at.wire, as->family);
	*out = gw;
	return 0;
}

void gateway_drop(struct bridge *b, const struct net_addr *as)
{
	struct net_host *gw = gateway(b, 0);
	struct net_iface_info info = { .index = 1 };
	struct net_prefix p;

	for (struct net_iface *i; gw && (i = net_iface_above(gw, info.index)); ) {
		net_iface_get(i, &info);
		if (!first_of(i, as->family, &p) || net_addr_equal(&p.addr, as)) /* the first is the interface's own */
			continue;
		p.addr = *as;
		net_iface_del(i, &p, NULL);
	}
}
