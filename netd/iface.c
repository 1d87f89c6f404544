/* iface.c - interfaces and their addresses. */
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
	i->up = false;
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
	}
	if (w) {
		name = g_strdup_printf("%s.%s", i->host->name, i->name);
		i->port = port_attach(w, name, &i->mac, i, iface_receive);
		i->port->host = i->host;
		g_free(name);
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
		neigh_leave(i);
		route_leave(i);
		for (unsigned n = 0; n < i->addrs->len; n++)
			nat_addr_gone(i->host, g_array_index(i->addrs, struct own_addr, n).addr);
	}
	for (unsigned n = 0; up && n < i->addrs->len; n++)
		route_connect(i, &g_array_index(i->addrs, struct own_addr, n), true);
	i->host->generation++;
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

int net_iface_add(struct net_iface *i, const struct net_prefix *a, struct err *e)
{
	uint32_t v4 = a->addr.v4;
	struct own_addr own;

	if (a->addr.family != NET_IPV4)
		return err_set(e, EAFNOSUPPORT, 0, "not an address of version 4");
	if (a->len > 32 || v4 == 0 || v4 == ADDR_BROADCAST || v4 >> 28 == 14)
		return err_set(e, EINVAL, 0, "no host can have this address");
	own = (struct own_addr){ .addr = ip_of(&a->addr), .len = a->len };
	if (iface_has(i, own.addr))
		return err_set(e, EEXIST, 0, "%s has this address already", i->name);
	g_array_append_val(i->addrs, own);
	if (i->up)
		route_connect(i, &own, true);
	i->host->generation++;
	return 0;
}

int net_iface_del(struct net_iface *i, const struct net_prefix *a, struct err *e)
{
	for (unsigned n = 0; n < i->addrs->len; n++) {
		struct own_addr p = g_array_index(i->addrs, struct own_addr, n);

		if (!ip_equal(p.addr, ip_of(&a->addr)))
			continue;
		g_array_remove_index(i->addrs, n);
		nat_addr_gone(i->host, p.addr);
		route_connect(i, &p, false);
		i->host->generation++;
		return 0;
	}
	return err_set(e, EADDRNOTAVAIL, 0, "%s has no such address", i->name);
}

bool net_iface_address(const struct net_iface *i, unsigned index, struct net_prefix *out)
{
	const struct own_addr *a;

	if (index >= i->addrs->len)
		return false;
	a = &g_array_index(i->addrs, struct own_addr, index);
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
	for (unsigned n = 0; n < i->addrs->len; n++)
		if (ip_equal(g_array_index(i->addrs, struct own_addr, n).addr, addr))
			return true;
	return false;
}

bool host_has(const struct net_host *h, struct ip_addr addr)
{
	for (unsigned n = 0; n < h->ifaces->len; n++)
		if (iface_has(h->ifaces->pdata[n], addr))
			return true;
	return ip_is_loopback(addr);
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

/* The address whose subnet has `towards`, else the first. */
struct ip_addr iface_source(const struct net_iface *i, struct ip_addr towards)
{
	struct ip_addr first = IP_ANY;

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
	if (get16(bytes + 12) == TYPE_IPV4) {
		ip_input(i, f);
	} else if (get16(bytes + 12) == TYPE_ARP) {
		arp_input(i, f);
	} else { /* the place of IPv6 */
		i->stats.rx_dropped++;
		frame_put(f);
	}
}
