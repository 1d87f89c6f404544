/*
 * addrconf.c - addresses of version 6: link-local (RFC 4291 2.5.6), the probe for duplicates (RFC 4862 5.4, 4429), addresses
 * and routes that routers advertise (RFC 4862 5.5, 4861 6.3), and advertising them (RFC 4861 6.2).
 *
 * An address is TENTATIVE until its probes have met silence; with OPTIMISTIC it is used meanwhile. A duplicate stays,
 * DADFAILED, and is not used. Made addresses go when the interface goes down or their time is over; those by hand stay.
 * Timers that only wait for silence or an answer are busy ones; repeated advertisements and ends of lifetimes are idle.
 */
#include "host.h"

enum { SOLICITS = 3, INITIAL_ADVERTISEMENTS = 3 };
#define SOLICIT_INTERVAL  (4 * NS_PER_S)
#define INITIAL_INTERVAL  (16 * NS_PER_S)
#define TWO_HOURS         (7200 * NS_PER_S)

const struct net_ra net_ra_initial = { .interval = 600, .lifetime = 1800, .valid = 86400, .preferred = 14400, .hop_limit = 64 };

static struct own_addr *own_at(const struct net_iface *i, unsigned n)
{
	return &g_array_index(i->addrs, struct own_addr, n);
}

struct own_addr *iface_own(const struct net_iface *i, struct ip_addr addr)
{
	for (unsigned n = 0; n < i->addrs->len; n++)
		if (ip_equal(own_at(i, n)->addr, addr))
			return own_at(i, n);
	return NULL;
}

/* RFC 4291 appendix A: the MAC with ff:fe in the middle and the universal bit turned. */
static uint64_t interface_id(const struct net_iface *i)
{
	const uint8_t *m = i->mac.byte;
	uint8_t id[8] = { m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5] };

	return get64(id);
}

/* --- the probe for duplicates ----------------------------------------------------------------- */

/* Sends what is due, ends what has been silent long enough; sets the timer for the next. */
static void dad_step(struct net_iface *i)
{
	struct net *net = i->host->net;
	ns_t now = net_now(net), next = 0;

	for (unsigned n = 0; n < i->addrs->len; n++) {
		struct own_addr *a = own_at(i, n);

		if (!(a->flags & NET_ADDR_TENTATIVE) || a->flags & NET_ADDR_DADFAILED)
			continue;
		if (a->dad_at <= now && a->probes == 0) {
			a->flags &= ~(unsigned)(NET_ADDR_TENTATIVE | NET_ADDR_OPTIMISTIC);
			i->host->generation++;
			continue;
		}
		if (a->dad_at <= now) {
			a->probes--;
			a->dad_at = now + (ns_t)neigh_retrans(i, true) * NS_PER_MS;
			nd_solicit(i, IP_ANY, a->addr, NULL);
		}
		next = next ? MIN(next, a->dad_at) : a->dad_at;
	}
	if (next)
		net_timer(net, &i->nd->dad, next - now, false);
}

static void dad_fire(struct timer *t)
{
	dad_step(entry_of(t, struct nd, dad)->iface);
}

void addrconf_start_dad(struct net_iface *i, struct own_addr *a)
{
	a->flags &= ~(unsigned)(NET_ADDR_TENTATIVE | NET_ADDR_OPTIMISTIC | NET_ADDR_DADFAILED);
	if (i == i->host->lo || KNOB(i->host, DAD_TRANSMITS) == 0)
		return;
	a->flags |= NET_ADDR_TENTATIVE | (KNOB(i->host, OPTIMISTIC_DAD) ? NET_ADDR_OPTIMISTIC : 0);
	a->probes = (unsigned)KNOB(i->host, DAD_TRANSMITS);
	a->dad_at = net_now(i->host->net);
	if (i->up)
		dad_step(i);
}

static const struct event_kind duplicate_event = { "duplicate", "addr:a iface:s" };

void addrconf_duplicate(struct net_iface *i, struct own_addr *a)
{
	struct event *ev = net_event(i->host->net, &duplicate_event, i->host, 0);

	if (ev) {
		event_addr(ev, 0, ip_on(a->addr, 0), true);
		ev->text = g_strdup(i->name);
	}
	a->flags = (a->flags & ~(unsigned)NET_ADDR_OPTIMISTIC) | NET_ADDR_DADFAILED;
	route_connect(i, a, false);
	i->host->generation++;
}

/* --- lifetimes -------------------------------------------------------------------------------- */

static ns_t end_of(const struct net_iface *i, uint32_t seconds)
{
	return seconds == 0xffffffff ? 0 : net_now(i->host->net) + seconds * NS_PER_S;
}

/* Drops what is over, and sets the timer for the next end. */
static void life_step(struct net_iface *i)
{
	struct net *net = i->host->net;
	ns_t now = net_now(net), next = route_expire(i);

	for (unsigned n = i->addrs->len; n-- > 0;) {
		const struct own_addr *a = own_at(i, n);

		if (a->valid && a->valid <= now) {
			g_array_remove_index(i->addrs, n);
			i->host->generation++;
		} else if (a->valid && (!next || a->valid < next)) {
			next = a->valid;
		}
	}
	if (next)
		net_timer(net, &i->nd->life, next - now, true);
	else
		net_cancel(net, &i->nd->life);
}

static void life_fire(struct timer *t)
{
	life_step(entry_of(t, struct nd, life)->iface);
}

/* --- made addresses --------------------------------------------------------------------------- */

static void add_made(struct net_iface *i, struct own_addr a)
{
	a.made = true;
	g_array_append_val(i->addrs, a);
	if (ip_is_link_local(a.addr))
		route_connect(i, &a, true);
	addrconf_start_dad(i, own_at(i, i->addrs->len - 1));
	i->host->generation++;
}

static unsigned made_count(const struct net_iface *i)
{
	unsigned count = 0;

	for (unsigned n = 0; n < i->addrs->len; n++)
		count += own_at(i, n)->made;
	return count;
}

/* RFC 4862 5.5.3 (e): an advertisement nobody has signed cannot shorten a life below two hours. */
static void renew(struct net_iface *i, struct own_addr *a, uint32_t valid, uint32_t preferred)
{
	ns_t now = net_now(i->host->net), left = a->valid ? a->valid - now : TWO_HOURS + 1, told = valid * NS_PER_S;

	a->preferred = end_of(i, preferred);
	if (valid == 0xffffffff || told > TWO_HOURS || (a->valid && told > left))
		a->valid = end_of(i, valid);
	else if (left > TWO_HOURS)
		a->valid = now + TWO_HOURS;
}

void addrconf_prefix(struct net_iface *i, struct ip_addr prefix, uint32_t valid, uint32_t preferred)
{
	struct ip_addr addr = ip6(prefix.hi, interface_id(i));
	struct own_addr *a = iface_own(i, addr);

	if (a && a->made)
		renew(i, a, valid, preferred);
	else if (!a && valid > 0 && made_count(i) < ADDRS_MADE_MAX)
		add_made(i, (struct own_addr){ .addr = addr, .len = 64, .valid = end_of(i, valid),
					       .preferred = end_of(i, preferred) });
	life_step(i);
}

void addrconf_route(struct net_iface *i, struct ip_addr to, unsigned len, struct ip_addr via, uint32_t lifetime)
{
	if (lifetime == 0)
		route_unmade(i, to, len, via);
	else
		route_made(i, to, len, via, ip_none(via) ? 256 : 1024, end_of(i, lifetime));
	life_step(i);
}

/* --- asking routers, and being one ------------------------------------------------------------- */

static void rs_fire(struct timer *t)
{
	struct nd *nd = entry_of(t, struct nd, rs);
	struct net_iface *i = nd->iface;

	if (nd->solicits == 0 || KNOB(i->host, IP_FORWARD) || !KNOB(i->host, ACCEPT_RA))
		return;
	nd->solicits--;
	nd_router_solicit(i);
	net_timer(i->host->net, &nd->rs, SOLICIT_INTERVAL, false);
}

static void rs_begin(struct net_iface *i)
{
	if (!i->up)
		return;
	i->nd->solicits = SOLICITS;
	rs_fire(&i->nd->rs);
}

static void ra_fire(struct timer *t)
{
	struct nd *nd = entry_of(t, struct nd, ra);
	struct net_iface *i = nd->iface;
	ns_t wait = nd->adv.interval * NS_PER_S;

	if (!nd->adv.on || !i->up)
		return;
	if (KNOB(i->host, IP_FORWARD))
		nd_router_advertise(i, IP_ANY, (uint16_t)nd->adv.lifetime);
	if (nd->initial > 0)
		nd->initial--;
	net_timer(i->host->net, &nd->ra, nd->initial > 0 ? MIN(wait, INITIAL_INTERVAL) : wait, true);
}

static void ra_begin(struct net_iface *i)
{
	i->nd->initial = INITIAL_ADVERTISEMENTS;
	ra_fire(&i->nd->ra);
}

/* --- an interface ------------------------------------------------------------------------------ */

static struct ip_addr link_local(const struct net_iface *i)
{
	return ip_on(ip6(0xfe80000000000000u, interface_id(i)), i->index);
}

static bool has_link_local(const struct net_iface *i)
{
	return iface_own(i, link_local(i)) != NULL;
}

void addrconf_up(struct net_iface *i)
{
	struct ip_addr local = link_local(i);

	if (!i->nd || !i->up)
		return;
	if (!iface_own(i, local))
		add_made(i, (struct own_addr){ .addr = local, .len = 64, .flags = NET_ADDR_PERMANENT });
	for (unsigned n = 0; n < i->addrs->len; n++) {
		struct own_addr *a = own_at(i, n);

		if (ip_is6(a->addr) && (!ip_equal(a->addr, local) || a->flags & NET_ADDR_DADFAILED))
			addrconf_start_dad(i, a);
	}
	if (i->nd->automatic)
		rs_begin(i);
	if (i->nd->adv.on)
		ra_begin(i);
}

void addrconf_forwarding(struct net_host *h)
{
	for (unsigned n = 0; n < h->ifaces->len; n++) {
		struct net_iface *i = h->ifaces->pdata[n];

		if (i->nd && i->up && i->nd->adv.on && KNOB(h, IP_FORWARD))
			ra_begin(i);
	}
}

static void stop_timers(struct net_iface *i)
{
	struct net *net = i->host->net;

	net_cancel(net, &i->nd->dad);
	net_cancel(net, &i->nd->rs);
	net_cancel(net, &i->nd->ra);
	net_cancel(net, &i->nd->life);
}

void addrconf_down(struct net_iface *i)
{
	if (!i->nd)
		return;
	stop_timers(i);
	for (unsigned n = i->addrs->len; n-- > 0;) {
		if (own_at(i, n)->made)
			g_array_remove_index(i->addrs, n);
		else if (ip_is6(own_at(i, n)->addr))
			own_at(i, n)->flags |= NET_ADDR_TENTATIVE;
	}
	i->nd->mtu = 0;
	i->nd->hop_limit = 0;
	i->nd->reachable = i->nd->retrans = 0;
	i->host->generation++;
}

bool addrconf_begin(struct net_iface *i)
{
	struct nd *nd;

	if (i == i->host->lo)
		return false;
	if (i->nd)
		return true;
	nd = g_new0(struct nd, 1);
	nd->iface = i;
	nd->dad.fire = dad_fire;
	nd->rs.fire = rs_fire;
	nd->ra.fire = ra_fire;
	nd->life.fire = life_fire;
	nd->adv = net_ra_initial;
	i->nd = nd;
	return true;
}

void addrconf_clear(struct net_iface *i)
{
	if (!i->nd)
		return;
	stop_timers(i);
	g_free(i->nd);
	i->nd = NULL;
}

/* --- for the outside -------------------------------------------------------------------------- */

bool net_iface_address6(const struct net_iface *i, unsigned index, struct net_addr6 *out)
{
	ns_t now = net_now(i->host->net);

	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = own_at(i, n);

		if (!ip_is6(a->addr) || index-- > 0)
			continue;
		*out = (struct net_addr6){ .prefix = { .addr = ip_show(a->addr, NET_IPV6), .len = a->len }, .flags = a->flags,
					   .made = a->made };
		out->prefix.addr.scope = 0;
		out->scope = ip_is_loopback(a->addr) ? 0x10 : ip_is_link_local(a->addr) ? 0x20 : 0;
		out->valid = a->valid ? MAX(a->valid, now + 1) - now : 0;
		out->preferred = a->preferred > now ? a->preferred - now : 0;
		if (a->preferred && a->preferred <= now)
			out->flags |= NET_ADDR_DEPRECATED;
		return true;
	}
	return false;
}

bool net_host_speaks6(const struct net_host *h)
{
	for (unsigned n = 0; n < h->ifaces->len; n++) {
		const struct net_iface *i = h->ifaces->pdata[n];

		if (i->nd && i->up)
			return true;
	}
	return false;
}

int net_iface_set_auto(struct net_iface *i, bool on, struct err *e)
{
	if (!addrconf_begin(i))
		return err_set(e, EPERM, 0, "lo hears no routers");
	if (i->nd->automatic == on)
		return 0;
	i->nd->automatic = on;
	if (on && !has_link_local(i))
		addrconf_up(i);
	else if (on)
		rs_begin(i);
	else
		net_cancel(i->host->net, &i->nd->rs);
	return 0;
}

bool net_iface_auto(const struct net_iface *i)
{
	return i->nd && i->nd->automatic;
}

int net_iface_set_ra(struct net_iface *i, const struct net_ra *ra, struct err *e)
{
	bool was;

	if (i == i->host->lo)
		return err_set(e, EPERM, 0, "lo has no neighbours");
	if (ra->interval < 4 || ra->interval > 1800)
		return err_set(e, EINVAL, 0, "an interval of %u s is not in 4..1800", ra->interval);
	if (ra->lifetime > 9000 || (ra->lifetime && ra->lifetime < ra->interval))
		return err_set(e, EINVAL, 0, "a lifetime of %u s is neither 0 nor in the interval's %u..9000", ra->lifetime,
			       ra->interval);
	if (ra->preferred > ra->valid)
		return err_set(e, EINVAL, 0, "preferred for longer than valid");
	if (ra->mtu && (ra->mtu < IP6_MTU_MIN || ra->mtu > iface_mtu(i)))
		return err_set(e, EINVAL, 0, "mtu %u is not in %d..%u", ra->mtu, IP6_MTU_MIN, iface_mtu(i));

	addrconf_begin(i);
	was = i->nd->adv.on;
	i->nd->adv = *ra;
	if (!has_link_local(i))
		addrconf_up(i);
	else if (ra->on && i->up)
		ra_begin(i);
	if (was && !ra->on) {
		net_cancel(i->host->net, &i->nd->ra);
		if (i->up && KNOB(i->host, IP_FORWARD))
			nd_router_advertise(i, IP_ANY, 0); /* RFC 4861 6.2.5: the last one says so */
	}
	return 0;
}

void net_iface_ra(const struct net_iface *i, struct net_ra *out)
{
	*out = i->nd ? i->nd->adv : net_ra_initial;
}

/* The text with what stands between % and the end (or ] or /) replaced. */
static char *scope_replaced(const char *text, const char *with)
{
	const char *from = strchr(text, '%') + 1, *end = from + strcspn(from, "]/");

	return g_strdup_printf("%.*s%s%s", (int)(from - text), text, with, end);
}

char *net_scope_number(struct net_host *h, const char *text)
{
	const char *percent = strchr(text, '%');
	struct net_iface *i = NULL;
	char number[16];

	if (percent) {
		g_autofree char *name = g_strndup(percent + 1, strcspn(percent + 1, "]/"));

		i = net_iface_at(h, name);
	}
	if (!i)
		return g_strdup(text);
	g_snprintf(number, sizeof(number), "%u", i->index);
	return scope_replaced(text, number);
}

char *net_scope_name(struct net_host *h, const char *text)
{
	const char *percent = strchr(text, '%');
	unsigned index = percent ? (unsigned)g_ascii_strtoull(percent + 1, NULL, 10) : 0;
	struct net_iface *i = index ? net_iface_above(h, index - 1) : NULL;

	return i && i->index == index ? scope_replaced(text, i->name) : g_strdup(text);
}
