/* iface.c - interfaces and their addresses. */
#include "dhcp/wire.h"
#include "host.h"

struct net_iface *iface_create(struct net_host *h, const char *name)
{
	struct net_iface *i = g_new0(struct net_iface, 1);

	i->host = h;
	i->name = g_strdup(name);
	i->index = ++h->last_iface;
	if (i->index > 1)
		i->mac = (struct net_mac){ { 0x02, 0, (uint8_t)(h->number >> 16), (uint8_t)(h->number >> 8),
					     (uint8_t)h->number, (uint8_t)(i->index - 1) } };
	i->addrs = g_array_new(FALSE, FALSE, sizeof(struct own_addr));
	g_ptr_array_add(h->ifaces, i);
	return i;
}

int net_iface_new(struct net_host *h, const char *name, struct net_iface **out, struct err *e)
{
	if (net_iface_at(h, name))
		return err_set(e, EEXIST, 0, "%s has an interface %s already", h->name, name);
	if (strlen(name) > 15 || !*name)
		return err_set(e, EINVAL, 0, "an interface's name has 1 to 15 characters");
	*out = iface_create(h, name);
	return 0;
}

void iface_clear(struct net_iface *i)
{
	struct net_host *h = i->host;

	nat_iface_gone(i);
	if (i->dhcp)
		dhcp_client_free(i->dhcp);
	i->up = false;
	addrconf_clear(i);
	neigh_leave(i);
	route_leave(i);
	if (i->port)
		port_detach(i->port);
	g_ptr_array_remove(h->ifaces, i);
	g_array_free(i->addrs, TRUE);
	g_free(i->name);
	g_free(i);
	h->generation++;
}

int net_iface_free(struct net_iface *i, struct err *e)
{
	if (i == i->host->lo)
		return err_set(e, EPERM, 0, "lo cannot be removed");
	iface_clear(i);
	return 0;
}

struct net_iface *net_iface_at(struct net_host *h, const char *name)
{
	for (unsigned n = 0; n < h->ifaces->len; n++) {
		struct net_iface *i = h->ifaces->pdata[n];

		if (strcmp(i->name, name) == 0)
			return i;
	}
	return NULL;
}

struct net_iface *net_iface_above(struct net_host *h, unsigned index)
{
	for (unsigned n = 0; n < h->ifaces->len; n++) {
		struct net_iface *i = h->ifaces->pdata[n];

		if (i->index > index)
			return i;
	}
	return NULL;
}

uint32_t iface_mtu(const struct net_iface *i)
{
	if (i == i->host->lo)
		return i->mtu ? i->mtu : LOOPBACK_MTU;
	return i->mtu ? i->mtu : i->port ? i->port->wire->config.mtu : 1500;
}

bool iface_running(const struct net_iface *i)
{
	return i->up && (i->port || i == i->host->lo);
}

static void link_changed(struct net_iface *i)
{
	if (i->dhcp)
		dhcp_client_link(i->dhcp);
}

int net_iface_attach(struct net_iface *i, struct net_wire *w, struct err *e)
{
	char *name;

	if (i == i->host->lo)
		return err_set(e, EPERM, 0, "lo is on no wire");
	if (i->port && i->port->wire == w)
		return 0;
	if (i->port) {
		port_detach(i->port);
		i->port = NULL;
		neigh_leave(i);
		link_changed(i);
	}
	if (w) {
		name = g_strdup_printf("%s.%s", i->host->name, i->name);
		i->port = port_attach(w, name, &i->mac, i, iface_receive);
		i->port->host = i->host;
		g_free(name);
		addrconf_up(i);
		link_changed(i);
	}
	i->host->generation++;
	return 0;
}

int net_iface_up(struct net_iface *i, bool up, struct err *e)
{
	if (i->up == up)
		return 0;
	i->up = up;
	if (!up) {
		addrconf_down(i);
		neigh_leave(i);
		route_leave(i);
		for (unsigned n = 0; n < i->addrs->len; n++)
			nat_addr_gone(i->host, g_array_index(i->addrs, struct own_addr, n).addr);
	}
	for (unsigned n = 0; up && n < i->addrs->len; n++)
		route_connect(i, &g_array_index(i->addrs, struct own_addr, n), true);
	if (up)
		addrconf_up(i);
	i->host->generation++;
	link_changed(i);
	return 0;
}

int net_iface_set_mtu(struct net_iface *i, uint32_t mtu, struct err *e)
{
	if (mtu != 0 && (mtu < 68 || mtu > (i == i->host->lo ? LOOPBACK_MTU : 65535)))
		return err_set(e, EINVAL, 0, "mtu %u is not in 68..65535", mtu);
	i->mtu = mtu;
	i->host->generation++;
	return 0;
}

int net_iface_set_mac(struct net_iface *i, const struct net_mac *mac, struct err *e)
{
	static const struct net_mac zero;

	if (net_mac_is_group(mac) || net_mac_equal(mac, &zero))
		return err_set(e, EADDRNOTAVAIL, 0, "an interface's own address is neither a group's nor zero");
	i->mac = *mac;
	if (i->port)
		i->port->mac = *mac;
	return 0;
}

/* The first address of version 6 brings the link-local one. */
static void address6_added(struct net_iface *i, bool first)
{
	struct own_addr *a = &g_array_index(i->addrs, struct own_addr, i->addrs->len - 1);

	a->flags = NET_ADDR_PERMANENT | (i == i->host->lo ? 0 : NET_ADDR_TENTATIVE);
	if (addrconf_begin(i) && first)
		addrconf_up(i);
	else if (i->nd && i->up)
		addrconf_start_dad(i, a);
}

int net_iface_add(struct net_iface *i, const struct net_prefix *a, struct err *e)
{
	struct own_addr own = { .addr = ip_on(ip_of(&a->addr), i->index), .len = a->len };
	bool v6 = a->addr.family == NET_IPV6, first = !i->nd;

	if (a->len > (v6 ? 128 : 32) || ip_none(own.addr) || v6 == ip_is4(own.addr) || ip_equal(own.addr, ip4(ADDR_BROADCAST)) ||
	    ip_is_multicast(own.addr) || (v6 && ip_is_loopback(own.addr)))
		return err_set(e, EINVAL, 0, "no host can have this address");
	if (iface_own(i, own.addr))
		return err_set(e, EEXIST, 0, "%s has this address already", i->name);
	g_array_append_val(i->addrs, own);
	if (i->up)
		route_connect(i, &own, true);
	if (v6)
		address6_added(i, first);
	i->host->generation++;
	return 0;
}

int net_iface_del(struct net_iface *i, const struct net_prefix *a, struct err *e)
{
	bool v6 = a->addr.family == NET_IPV6;

	for (unsigned n = 0; n < i->addrs->len; n++) {
		struct own_addr p = g_array_index(i->addrs, struct own_addr, n);

		if (p.made || !ip_equal(p.addr, ip_on(ip_of(&a->addr), i->index)))
			continue;
		g_array_remove_index(i->addrs, n);
		nat_addr_gone(i->host, p.addr);
		route_connect(i, &p, false);
		if (!v6)
			route_address_gone(i, p.addr);
		i->host->generation++;
		return 0;
	}
	return err_set(e, EADDRNOTAVAIL, 0, "%s has no such address", i->name);
}

bool net_iface_address(const struct net_iface *i, unsigned index, struct net_prefix *out)
{
	const struct own_addr *a = NULL;

	for (unsigned n = 0; n < i->addrs->len && !a; n++) {
		const struct own_addr *own = &g_array_index(i->addrs, struct own_addr, n);

		if (!own->made && index-- == 0)
			a = own;
	}
	if (!a)
		return false;
	*out = (struct net_prefix){ .addr = ip_show(a->addr, ip_is4(a->addr) ? NET_IPV4 : NET_IPV6), .len = a->len };
	out->addr.scope = 0; /* which interface is known */
	return true;
}

void net_iface_get(const struct net_iface *i, struct net_iface_info *out)
{
	*out = i->stats;
	out->name = i->name;
	out->index = i->index;
	out->wire = i->port ? i->port->wire : NULL;
	out->mac = i->mac;
	out->mtu = iface_mtu(i);
	out->mtu_set = i->mtu != 0;
	out->up = i->up;
	out->loopback = i == i->host->lo;
}

bool iface_has(const struct net_iface *i, struct ip_addr addr)
{
	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

		if (ip_equal(a->addr, addr))
			return own_usable(a);
	}
	return false;
}

bool host_has(const struct net_host *h, struct ip_addr addr)
{
	for (unsigned n = 0; n < h->ifaces->len; n++)
		if (iface_has(h->ifaces->pdata[n], addr))
			return true;
	return ip_is_loopback(addr);
}

struct ip_addr host_scoped(const struct net_host *h, struct ip_addr addr)
{
	for (unsigned n = 0; n < h->ifaces->len && ip_has_scope(addr) && !ip_scope(addr); n++) {
		const struct net_iface *i = h->ifaces->pdata[n];

		if (i->nd && i->up)
			addr = ip_on(addr, i->index);
	}
	return addr;
}

bool iface_broadcast(const struct net_iface *i, uint32_t addr)
{
	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

		if (ip_is4(a->addr) && a->len <= 30 && (ip_v4(a->addr) | ~net_mask(a->len)) == addr)
			return true;
	}
	return false;
}

bool own_prefix_has(const struct own_addr *a, struct ip_addr addr)
{
	return ip_is4(a->addr) == ip_is4(addr) && ip_equal(ip_masked(a->addr, a->len), ip_masked(addr, a->len));
}

/* RFC 6724 2.1: the labels of its table; addresses of different ones should not talk to each other. */
static unsigned label_of(struct ip_addr a)
{
	static const struct { uint64_t hi, lo; uint8_t len, label; } table[] = { /* longest first */
		{ 0, 1, 128, 0 }, { 0, IP_MAPPED, 96, 4 }, { 0, 0, 96, 3 }, { 0x2001000000000000u, 0, 32, 5 }, { 0x2002000000000000u, 0, 16, 2 },
		{ 0x3ffe000000000000u, 0, 16, 12 }, { 0xfec0000000000000u, 0, 10, 11 }, { 0xfc00000000000000u, 0, 7, 13 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		if (ip_equal(table[i].len <= 64 ? ip6(a.hi & ip_high_bits(table[i].len), 0) :
			     ip6(a.hi, a.lo & ip_high_bits(table[i].len - 64u)), ip6(table[i].hi, table[i].lo)))
			return table[i].label;
	return 1;
}

enum { SAME_SCOPE = 2048 };

/* RFC 6724 5 in short: the same scope, then not deprecated, then certain, the same label, the longest common prefix. */
static unsigned source_rank(const struct net_iface *i, const struct own_addr *a, struct ip_addr towards)
{
	uint64_t hi = a->addr.hi ^ towards.hi, lo = a->addr.lo ^ towards.lo;
	unsigned common = hi ? (unsigned)__builtin_clzll(hi) : lo ? 64 + (unsigned)__builtin_clzll(lo) : 128;
	bool fresh = !a->preferred || a->preferred > net_now(i->host->net);

	return (ip_is_link_local(a->addr) == ip_has_scope(towards)) * (unsigned)SAME_SCOPE + fresh * 1024u +
	       !(a->flags & NET_ADDR_TENTATIVE) * 512u + (label_of(a->addr) == label_of(towards)) * 256u + common + 1;
}

static struct ip_addr iface_source6(const struct net_iface *i, struct ip_addr towards, unsigned *best)
{
	struct ip_addr source = IP_ANY;

	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);
		unsigned rank = ip_is6(a->addr) && own_usable(a) ? source_rank(i, a, towards) : 0;

		if (rank > *best) {
			*best = rank;
			source = a->addr;
		}
	}
	return source;
}

/* An address of the interface; a global one of another rather than none of that scope. */
static struct ip_addr source6(const struct net_iface *i, struct ip_addr towards)
{
	unsigned best = 0;
	struct ip_addr source = iface_source6(i, towards, &best), other;

	if (best >= SAME_SCOPE)
		return source;
	for (unsigned n = 0; n < i->host->ifaces->len && !ip_has_scope(towards); n++) {
		const struct net_iface *o = i->host->ifaces->pdata[n];

		other = o != i && o != i->host->lo ? iface_source6(o, towards, &best) : IP_ANY;
		if (!ip_none(other) && best >= SAME_SCOPE)
			source = other;
	}
	return source;
}

/* The address whose subnet has `towards`, else the first. */
struct ip_addr iface_source(const struct net_iface *i, struct ip_addr towards)
{
	struct ip_addr first = IP_ANY;

	if (ip_is6(towards))
		return source6(i, towards);
	for (unsigned n = 0; n < i->addrs->len; n++) {
		const struct own_addr *a = &g_array_index(i->addrs, struct own_addr, n);

		if (ip_is4(a->addr) != ip_is4(towards))
			continue;
		if (own_prefix_has(a, towards))
			return a->addr;
		if (ip_none(first))
			first = a->addr;
	}
	return first;
}

void iface_send(struct net_iface *i, struct frame *f, const uint8_t dst[6], uint16_t type)
{
	uint8_t *p = frame_bytes(f);

	if (!iface_running(i)) {
		i->stats.tx_dropped++;
		frame_put(f);
		return;
	}
	memcpy(p, dst, 6);
	memcpy(p + 6, &i->mac, 6);
	put16(p + 12, type);
	if (frame_len(f) < FRAME_MIN) {
		if (f->start + FRAME_MIN > f->capacity) {
			struct frame *larger = frame_new(&i->host->net->pool, f->start, FRAME_MIN);

			memcpy(frame_bytes(larger), p, frame_len(f));
			larger->end = f->end;
			frame_put(f);
			f = larger;
		}
		memset(f->data + f->end, 0, FRAME_MIN - frame_len(f));
		f->end = f->start + FRAME_MIN;
	}
	i->stats.tx_packets++;
	i->stats.tx_bytes += frame_len(f);
	port_send(i->port, f);
}

/* From the wire; a NULL frame says that the wire goes. */
void iface_receive(struct port *p, struct frame *f)
{
	struct net_iface *i = p->owner;
	const uint8_t *bytes;

	if (!f) {
		i->port = NULL;
		port_detach(p);
		neigh_leave(i);
		link_changed(i);
		i->host->generation++;
		return;
	}
	bytes = frame_bytes(f);
	if (f->fcs_bad || frame_len(f) < FRAME_HEADER || !i->up) {
		i->stats.rx_errors += f->fcs_bad && i->up;
		frame_put(f);
		return;
	}
	if (!(bytes[0] & 1) && memcmp(bytes, &i->mac, 6) != 0) { /* flooded, or a hub: not ours */
		frame_put(f);
		return;
	}
	i->stats.rx_packets++;
	i->stats.rx_bytes += frame_len(f);
	i->stats.rx_multicast += bytes[0] & 1 && bytes[0] != 0xff;
	if (i->dhcp && dhcp_client_frame(i->dhcp, f)) {
		frame_put(f);
	} else if (get16(bytes + 12) == TYPE_IPV4) {
		ip_input(i, f);
	} else if (get16(bytes + 12) == TYPE_ARP) {
		arp_input(i, f);
	} else if (get16(bytes + 12) == TYPE_IPV6 && i->nd) {
		ip6_input(i, f);
	} else {
		i->stats.rx_dropped++;
		frame_put(f);
	}
}
