/* route.c - the routing table: longest prefix, then lowest metric. */
#include "host.h"

static bool route_before(const struct route *a, const struct route *b)
{
	if (a->v6 != b->v6)
		return b->v6;
	if (a->len != b->len)
		return a->len > b->len;
	return ip_equal(a->to, b->to) ? a->metric < b->metric : ip_before(a->to, b->to);
}

static void note_lengths(struct net_host *h)
{
	memset(h->route_lengths, 0, sizeof(h->route_lengths));
	for (unsigned i = 0; i < h->routes->len; i++) {
		const struct route *r = &g_array_index(h->routes, struct route, i);

		h->route_lengths[r->v6][r->len / 64] |= (uint64_t)1 << r->len % 64;
	}
	h->generation++;
}

/* The first place that is not before `r`. */
static unsigned route_place(const struct net_host *h, const struct route *r)
{
	unsigned low = 0, high = h->routes->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (route_before(&g_array_index(h->routes, struct route, middle), r))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_place(const struct route *a, const struct route *b)
{
	return a->v6 == b->v6 && a->len == b->len && ip_equal(a->to, b->to) && a->metric == b->metric;
}

static bool route_insert(struct net_host *h, const struct route *r)
{
	unsigned at = route_place(h, r);

	if (at < h->routes->len && same_place(&g_array_index(h->routes, struct route, at), r))
		return false;
	g_array_insert_vals(h->routes, at, r, 1);
	note_lengths(h);
	return true;
}

void route_connect(struct net_iface *i, const struct own_addr *p, bool add)
{
	struct net_host *h = i->host;
	struct route r = { .to = ip_masked(p->addr, p->len), .v6 = ip_is6(p->addr), .len = p->len, .iface = i,
			   .src = p->addr, .connected = true };

	if (i == h->lo || p->len == (r.v6 ? 128 : 32))
		return;
	if (add) {
		while (!route_insert(h, &r) && r.metric < 64) /* two interfaces in one subnet: the older one first */
			r.metric++;
		return;
	}
	for (unsigned k = h->routes->len; k-- > 0;) {
		const struct route *old = &g_array_index(h->routes, struct route, k);

		if (old->connected && old->iface == i && ip_equal(old->src, r.src))
			g_array_remove_index(h->routes, k);
	}
	note_lengths(h);
}

void route_leave(struct net_iface *i)
{
	struct net_host *h = i->host;

	for (unsigned k = h->routes->len; k-- > 0;)
		if (g_array_index(h->routes, struct route, k).iface == i)
			g_array_remove_index(h->routes, k);
	note_lengths(h);
}

/* As Linux: routes from that address go with it, and with the last address of version 4 all of the interface's. */
void route_address_gone(struct net_iface *i, struct ip_addr addr)
{
	struct net_host *h = i->host;
	bool others = false, held = host_has(h, addr);

	for (unsigned n = 0; n < i->addrs->len; n++)
		others |= ip_is4(g_array_index(i->addrs, struct own_addr, n).addr);
	for (unsigned k = h->routes->len; k-- > 0;) {
		const struct route *r = &g_array_index(h->routes, struct route, k);

		if (!r->v6 && ((!held && ip_equal(r->src, addr)) || (!others && r->iface == i)))
			g_array_remove_index(h->routes, k);
	}
	note_lengths(h);
}

/* --- those that routers tell (version 6) -------------------------------------------------------- */

static struct route *made_find(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via)
{
	struct net_host *h = i->host;

	for (unsigned k = 0; k < h->routes->len; k++) {
		struct route *r = &g_array_index(h->routes, struct route, k);

		if (r->made && r->iface == i && r->len == len && ip_equal(r->to, to) && ip_equal(r->via, via))
			return r;
	}
	return NULL;
}

void route_made(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via, uint32_t metric, ns_t expires)
{
	struct route r = { .to = to, .v6 = true, .len = len, .via = via, .iface = i, .metric = metric,
			   .made = true, .expires = expires };
	struct route *old = made_find(i, to, len, via);
	unsigned made = 0;

	if (old) {
		old->expires = expires;
		return;
	}
	for (unsigned k = 0; k < i->host->routes->len; k++)
		made += g_array_index(i->host->routes, struct route, k).made;
	if (made >= ROUTES_MADE_MAX)
		return;
	while (!route_insert(i->host, &r) && r.metric < metric + 64) /* another router for the same: after it */
		r.metric++;
}

static void remove_at(struct net_host *h, unsigned k)
{
	g_array_remove_index(h->routes, k);
	note_lengths(h);
}

void route_unmade(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via)
{
	struct route *r = made_find(i, to, len, via);

	if (r)
		remove_at(i->host, (unsigned)(r - &g_array_index(i->host->routes, struct route, 0)));
}

ns_t route_expire(struct net_iface *i)
{
	struct net_host *h = i->host;
	ns_t next = 0;

	for (unsigned k = h->routes->len; k-- > 0;) {
		const struct route *r = &g_array_index(h->routes, struct route, k);

		if (r->iface != i || !r->expires)
			continue;
		if (r->expires <= net_now(h->net))
			remove_at(h, k);
		else if (!next || r->expires < next)
			next = r->expires;
	}
	return next;
}

void route_router_gone(struct net_iface *i, struct ip_addr router)
{
	struct net_host *h = i->host;

	for (unsigned k = h->routes->len; k-- > 0;) {
		const struct route *r = &g_array_index(h->routes, struct route, k);

		if (r->made && r->iface == i && ip_equal(r->via, router))
			remove_at(h, k);
	}
}

void route_neighbour_failed(struct net_iface *i, struct ip_addr neighbour)
{
	struct net_host *h = i->host;

	for (unsigned k = h->routes->len; k-- > 0;) {
		const struct route *r = &g_array_index(h->routes, struct route, k);

		if (r->made && r->len == 128 && r->iface == i && ip_equal(ip_none(r->via) ? r->to : r->via, neighbour))
			remove_at(h, k);
	}
}

/*
 * RFC 4861 6.3.6, of the routes to one prefix from `at` on: the first whose router is not known to be silent; if all
 * are, the one that has been asked longest ago. What is set by hand is not doubted.
 */
static const struct route *route_answering(const struct net_host *h, unsigned at)
{
	const struct route *first = &g_array_index(h->routes, struct route, at), *best = first;
	ns_t oldest = G_MAXUINT64, since;

	for (; at < h->routes->len; at++) {
		const struct route *r = &g_array_index(h->routes, struct route, at);

		if (r->v6 != first->v6 || r->len != first->len || !ip_equal(r->to, first->to))
			break;
		if (!r->iface || !r->iface->up)
			continue;
		if (!r->made || ip_none(r->via) || !neigh_failed(r->iface, r->via, &since))
			return r;
		if (since < oldest) {
			oldest = since;
			best = r;
		}
	}
	return best;
}

/* Binary search in each length that occurs: at most 33, or 129. Routes through interfaces that are down do not count. */
static const struct route *route_best(const struct net_host *h, struct ip_addr dst)
{
	bool v6 = ip_is6(dst);
	const uint64_t *lengths = h->route_lengths[v6];

	for (unsigned len = v6 ? 129 : 33; len-- > 0;) {
		struct route key = { .to = ip_masked(dst, len), .v6 = v6, .len = len };

		if (!(lengths[len / 64] >> len % 64 & 1))
			continue;
		for (unsigned at = route_place(h, &key); at < h->routes->len; at++) {
			const struct route *r = &g_array_index(h->routes, struct route, at);

			if (r->v6 != v6 || r->len != len || !ip_equal(r->to, key.to))
				break;
			if (!r->iface || r->iface->up)
				return r->made ? route_answering(h, at) : r;
		}
	}
	return NULL;
}

/* A group of version 6: on the interface it names, or the first that speaks version 6. */
static int group_route(struct net_host *h, struct ip_addr dst, struct route_hit *hit)
{
	for (unsigned n = 0; n < h->ifaces->len && !hit->iface; n++) {
		struct net_iface *i = h->ifaces->pdata[n];

		if (i->nd && i->up && (!ip_scope(dst) || ip_scope(dst) == i->index))
			hit->iface = i;
	}
	if (!hit->iface)
		return -ENETUNREACH;
	hit->src = iface_source(hit->iface, dst);
	return 0;
}

int route_find(struct net_host *h, struct ip_addr dst, struct route_hit *hit)
{
	const struct route *r;

	*hit = (struct route_hit){ .next = dst, .generation = h->generation };
	if (host_has(h, dst)) {
		hit->iface = h->lo;
		hit->src = dst;
		hit->local = true;
		return 0;
	}
	hit->multicast = ip_is_multicast(dst);
	if (hit->multicast && ip_is6(dst))
		return group_route(h, dst, hit);
	hit->broadcast = ip_equal(dst, ip4(ADDR_BROADCAST));
	r = route_best(h, dst);
	if (!r && (hit->broadcast || hit->multicast)) { /* without a route: the first interface that is up */
		for (unsigned n = 0; n < h->ifaces->len && !hit->iface; n++) {
			struct net_iface *i = h->ifaces->pdata[n];

			if (i != h->lo && i->up)
				hit->iface = i;
		}
		if (!hit->iface)
			return -ENETUNREACH;
		hit->src = iface_source(hit->iface, dst);
		return 0;
	}
	if (!r)
		return -ENETUNREACH;
	if (!r->iface)
		return -EHOSTUNREACH;
	hit->iface = r->iface;
	hit->next = ip_none(r->via) ? dst : r->via;
	if (r->v6) /* RFC 6724: of those that there are now, for the destination */
		hit->src = ip_none(r->src) || r->connected ? iface_source(r->iface, dst) : r->src;
	else
		hit->src = ip_none(r->src) ? iface_source(r->iface, hit->next) : r->src;
	hit->broadcast |= ip_none(r->via) && ip_is4(dst) && iface_broadcast(r->iface, ip_v4(dst));
	return 0;
}

/* --- for the outside -------------------------------------------------------------------------- */

static void route_copy(const struct route *r, struct net_route *out)
{
	enum net_family family = r->v6 ? NET_IPV6 : NET_IPV4;

	*out = (struct net_route){ .to = { .addr = ip_show(r->to, family), .len = r->len }, .metric = r->metric,
				   .iface = r->iface ? r->iface->name : NULL, .connected = r->connected,
				   .made = r->made };

	if (r->expires)
		out->expires = MAX(r->expires, net_now(r->iface->host->net) + 1) - net_now(r->iface->host->net);
	if (!ip_none(r->via))
		out->via = ip_show(r->via, family);
	if (!ip_none(r->src))
		out->src = ip_show(r->src, family);
	out->to.addr.scope = out->via.scope = out->src.scope = 0; /* the interface is known */
}

/* The interface that has `via` in a subnet of its own. */
static struct net_iface *iface_towards(const struct net_host *h, struct ip_addr via)
{
	for (unsigned n = 0; n < h->ifaces->len; n++) {
		struct net_iface *i = h->ifaces->pdata[n];

		for (unsigned k = 0; k < i->addrs->len; k++)
			if (i != h->lo && own_prefix_has(&g_array_index(i->addrs, struct own_addr, k), via))
				return i;
	}
	return NULL;
}

static bool iface_reaches(const struct net_iface *i, struct ip_addr via)
{
	for (unsigned k = 0; k < i->addrs->len; k++)
		if (own_prefix_has(&g_array_index(i->addrs, struct own_addr, k), via))
			return true;
	return false;
}

int net_route_add(struct net_host *h, const struct net_route *n, struct err *e)
{
	struct route r = { .to = ip_of(&n->to.addr), .v6 = n->to.addr.family == NET_IPV6, .len = n->to.len,
			   .via = ip_of(&n->via), .src = ip_of(&n->src), .metric = n->metric };
	char text[NET_ADDR_TEXT];

	if (n->via.family && (n->via.family == NET_IPV6) != r.v6)
		return err_set(e, EAFNOSUPPORT, 1, "not an address of version %d", r.v6 ? 6 : 4);
	if (r.len > (r.v6 ? 128 : 32) || !ip_equal(r.to, ip_masked(r.to, r.len)))
		return err_set(e, EINVAL, 0, "%s has bits set after its first %u", net_addr_text(&n->to.addr, text), r.len);
	if (n->iface && !(r.iface = net_iface_at(h, n->iface)))
		return err_set(e, ENODEV, 2, "no interface %s", n->iface);
	if (!ip_none(r.via) && !r.iface)
		r.iface = iface_towards(h, r.via);
	if (r.iface)
		r.via = ip_on(r.via, r.iface->index); /* fe80:: of that interface */
	if (!ip_none(r.via) && (!r.iface || !iface_reaches(r.iface, r.via)))
		return err_set(e, ENETUNREACH, 1, "%s is in no subnet of the interface", net_addr_text(&n->via, text));
	if (!ip_none(r.via) && host_has(h, r.via))
		return err_set(e, EINVAL, 1, "%s is this host itself", net_addr_text(&n->via, text));
	if (!ip_none(r.src) && !host_has(h, r.src))
		return err_set(e, EINVAL, 0, "%s is not an address of this host", net_addr_text(&n->src, text));
	if (r.iface && !r.iface->up)
		return err_set(e, ENETDOWN, 2, "%s is down", r.iface->name);
	if (!route_insert(h, &r))
		return err_set(e, EEXIST, 0, "there is such a route already");
	return 0;
}

/* fe80:: is meant on the route's interface. */
static struct ip_addr via_of(const struct net_route *n, const struct net_iface *i)
{
	struct ip_addr via = ip_of(&n->via);

	return i && !ip_scope(via) ? ip_on(via, i->index) : via;
}

int net_route_del(struct net_host *h, const struct net_route *n, struct err *e)
{
	for (unsigned k = 0; k < h->routes->len; k++) {
		const struct route *r = &g_array_index(h->routes, struct route, k);

		if (r->v6 != (n->to.addr.family == NET_IPV6) || !ip_equal(r->to, ip_of(&n->to.addr)) || r->len != n->to.len ||
		    (n->via.family && !ip_equal(r->via, via_of(n, r->iface))) ||
		    (n->iface && (!r->iface || strcmp(r->iface->name, n->iface) != 0)) ||
		    (n->metric && r->metric != n->metric))
			continue;
		g_array_remove_index(h->routes, k);
		note_lengths(h);
		return 0;
	}
	return err_set(e, ESRCH, 0, "no such route");
}

bool net_route(const struct net_host *h, unsigned index, struct net_route *out)
{
	if (index >= h->routes->len)
		return false;
	route_copy(&g_array_index(h->routes, struct route, index), out);
	return true;
}

int net_route_to(struct net_host *h, const struct net_addr *dst, struct net_route *out, struct err *e)
{
	struct route_hit hit;
	const struct route *r;
	char text[NET_ADDR_TEXT];
	int result;

	result = route_find(h, ip_of(dst), &hit);
	if (result < 0)
		return err_set(e, -result, 0, "no route to %s", net_addr_text(dst, text));
	r = hit.local ? NULL : route_best(h, ip_of(dst));
	if (r)
		route_copy(r, out);
	else
		*out = (struct net_route){ .to = { .addr = *dst, .len = dst->family == NET_IPV6 ? 128 : 32 }, .iface = hit.iface->name, .connected = true };
	if (!ip_none(hit.src))
		out->src = ip_show(hit.src, dst->family);
	return 0;
}
