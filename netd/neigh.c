/*
 * neigh.c - neighbours: ARP (RFC 826) and the states of an entry (RFC 4861 7.3.2, as Linux has them for both versions of IP).
 *
 * INCOMPLETE asks by broadcast (version 6: the target's group), once a second, three times, with packets waiting; then FAILED, and the
 * senders are told. REACHABLE lasts NEIGH_REACHABLE_TIME from the last confirmation, then the entry is
 * STALE: still used, but the first use starts DELAY and then PROBE, which asks the neighbour itself, unless
 * something confirms it before. Busy timers only where packets wait.
 */
#include "host.h"

const char *const net_neigh_state_names[NET_NEIGH_STATES] = { "INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE",
							      "FAILED", "PERMANENT" };

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static unsigned neigh_place(const struct net_host *h, unsigned index, struct ip_addr addr)
{
	unsigned low = 0, high = h->neighs->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;
		const struct neigh *n = h->neighs->pdata[middle];

		if (n->iface->index < index || (n->iface->index == index && ip_before(n->addr, addr)))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct neigh *neigh_find(const struct net_iface *i, struct ip_addr addr)
{
	unsigned at = neigh_place(i->host, i->index, addr);
	struct neigh *n = at < i->host->neighs->len ? i->host->neighs->pdata[at] : NULL;

	return n && n->iface == i && ip_equal(n->addr, addr) ? n : NULL;
}

static void neigh_free(struct neigh *n)
{
	struct net_host *h = n->iface->host;

	net_cancel(h->net, &n->timer);
	frame_queue_clear(&n->queue);
	g_ptr_array_remove(h->neighs, n);
	h->generation++;
	g_free(n);
}

static void send_arp(struct net_iface *i, uint16_t op, const uint8_t to[6], uint32_t spa, const uint8_t tha[6], uint32_t tpa)
{
	struct frame *f = frame_new(&i->host->net->pool, FRAME_FRONT, FRAME_MIN);
	uint8_t *p;

	f->end = f->start + FRAME_HEADER + 28;
	p = packet(f);
	put16(p, 1);
	put16(p + 2, TYPE_IPV4);
	p[4] = 6;
	p[5] = 4;
	put16(p + 6, op);
	memcpy(p + 8, &i->mac, 6);
	put32(p + 14, spa);
	memcpy(p + 18, tha, 6);
	put32(p + 24, tpa);
	iface_send(i, f, to, TYPE_ARP);
}

int64_t neigh_retrans(const struct net_iface *i, bool v6)
{
	return v6 && i->nd && i->nd->retrans ? i->nd->retrans : KNOB(i->host, NEIGH_RETRANS);
}

/* RFC 4861 7.2.2: the source of the packet that waits, if it is one of the interface's. */
static struct ip_addr solicitor(const struct neigh *n)
{
	if (n->queue.count > 0) {
		struct ip_addr src = ip_on(ip_get6(packet(n->queue.head) + 8), n->iface->index);

		if (iface_has(n->iface, src))
			return src;
	}
	return iface_source(n->iface, n->addr);
}

static void solicit(struct neigh *n, bool unicast)
{
	static const uint8_t zero[6];

	n->probes++;
	if (ip_is4(n->addr))
		send_arp(n->iface, 1, unicast ? n->mac.byte : broadcast, ip_v4(iface_source(n->iface, n->addr)), zero,
			 ip_v4(n->addr));
	else
		nd_solicit(n->iface, solicitor(n), n->addr, unicast ? &n->mac : NULL);
	net_timer(n->iface->host->net, &n->timer, (ns_t)neigh_retrans(n->iface, ip_is6(n->addr)) * NS_PER_MS, unicast);
}

static void neigh_fail(struct neigh *n)
{
	struct frame_queue waiting = n->queue;
	struct net_iface *i = n->iface;
	struct frame *f;

	n->queue = (struct frame_queue){ 0 };
	n->state = NET_NEIGH_FAILED;
	n->mac = (struct net_mac){ { 0 } };
	n->updated = net_now(i->host->net);
	if (ip_is6(n->addr)) {
		route_neighbour_failed(i, n->addr);
		i->host->generation++; /* another router may be better now */
	}
	while ((f = frame_queue_take(&waiting)))
		icmp_host_unreachable(i->host, i, f);
}

static void neigh_fire(struct timer *t)
{
	struct neigh *n = entry_of(t, struct neigh, timer);
	struct net_host *h = n->iface->host;

	if (n->state == NET_NEIGH_DELAY) {
		n->state = NET_NEIGH_PROBE;
		n->probes = 0;
	}
	if (n->probes >= KNOB(h, NEIGH_PROBES))
		neigh_fail(n);
	else
		solicit(n, n->state == NET_NEIGH_PROBE);
}

/*
 * The one whose loss hurts least makes room, the oldest of its kind: so a scan for neighbours that are not there does not
 * drive out, nor keep out, those that are (RFC 6583 7).
 */
static bool neigh_make_room(struct net_host *h)
{
	static const uint8_t worth[NET_NEIGH_STATES] = { [NET_NEIGH_FAILED] = 0, [NET_NEIGH_INCOMPLETE] = 1, [NET_NEIGH_STALE] = 2,
							 [NET_NEIGH_PROBE] = 3, [NET_NEIGH_DELAY] = 4, [NET_NEIGH_REACHABLE] = 5,
							 [NET_NEIGH_PERMANENT] = 6 };
	struct neigh *least = NULL;

	for (unsigned k = 0; k < h->neighs->len; k++) {
		struct neigh *n = h->neighs->pdata[k];

		if (!least || worth[n->state] < worth[least->state] ||
		    (n->state == least->state && n->updated < least->updated))
			least = n;
	}
	if (least->state == NET_NEIGH_PERMANENT)
		return false;
	neigh_free(least);
	return true;
}

static struct neigh *neigh_create(struct net_iface *i, struct ip_addr addr)
{
	struct net_host *h = i->host;
	struct neigh *n;

	if (h->neighs->len >= NEIGHS_MAX && !neigh_make_room(h))
		return NULL;
	n = g_new0(struct neigh, 1);
	n->iface = i;
	n->addr = addr;
	n->state = NET_NEIGH_FAILED;
	n->updated = net_now(h->net);
	n->timer.fire = neigh_fire;
	g_ptr_array_insert(h->neighs, (gint)neigh_place(h, i->index, addr), n);
	return n;
}

/* A REACHABLE entry is really STALE when its time is over; nobody keeps a timer for that. */
static enum net_neigh_state neigh_state(const struct neigh *n)
{
	const struct net_host *h = n->iface->host;
	const struct nd *nd = ip_is6(n->addr) ? n->iface->nd : NULL;
	ns_t time = nd && nd->reachable ? (ns_t)nd->reachable * NS_PER_MS : KNOB_MS(h, NEIGH_REACHABLE_TIME);

	if (n->state == NET_NEIGH_REACHABLE && net_now(h->net) - n->confirmed > time)
		return NET_NEIGH_STALE;
	return n->state;
}

const uint8_t *neigh_mac(const struct net_iface *i, struct ip_addr addr)
{
	const struct neigh *n = neigh_find(i, addr);

	return n && n->state != NET_NEIGH_INCOMPLETE && n->state != NET_NEIGH_FAILED ? n->mac.byte : NULL;
}

bool neigh_failed(const struct net_iface *i, struct ip_addr addr, ns_t *since)
{
	const struct neigh *n = neigh_find(i, addr);

	*since = n ? n->updated : 0;
	return n && n->state == NET_NEIGH_FAILED;
}

void neigh_confirm(struct neigh *n)
{
	n->confirmed = net_now(n->iface->host->net);
	if (n->state == NET_NEIGH_STALE || n->state == NET_NEIGH_DELAY || n->state == NET_NEIGH_PROBE) {
		n->state = NET_NEIGH_REACHABLE;
		net_cancel(n->iface->host->net, &n->timer);
	}
}

static void neigh_learned(struct neigh *n, const uint8_t mac[6], enum net_neigh_state state)
{
	struct net *net = n->iface->host->net;
	struct frame_queue waiting = n->queue;
	struct frame *f;

	if (n->state == NET_NEIGH_PERMANENT)
		return;
	net_cancel(net, &n->timer);
	memcpy(&n->mac, mac, 6);
	n->state = state;
	n->probes = 0;
	n->updated = net_now(net);
	if (state == NET_NEIGH_REACHABLE)
		n->confirmed = n->updated;
	n->queue = (struct frame_queue){ 0 };
	while ((f = frame_queue_take(&waiting)))
		iface_send(n->iface, f, n->mac.byte, packet_type(f));
}

/* --- what RFC 4861 adds ------------------------------------------------------------------------- */

void neigh_told(struct net_iface *i, struct ip_addr addr, const uint8_t mac[6], bool router)
{
	struct neigh *n = neigh_find(i, addr);

	if (!n)
		n = neigh_create(i, addr);
	if (!n)
		return;
	if (n->state == NET_NEIGH_INCOMPLETE || n->state == NET_NEIGH_FAILED || memcmp(&n->mac, mac, 6) != 0)
		neigh_learned(n, mac, NET_NEIGH_STALE);
	n->router |= router;
}

/* RFC 4861 7.2.5. An entry that nobody waits for (FAILED) is as good as none. */
void neigh_advertised(struct net_iface *i, struct ip_addr addr, const uint8_t *mac, bool router, bool solicited, bool override)
{
	struct neigh *n = neigh_find(i, addr);
	bool other;

	if (!n || n->state == NET_NEIGH_FAILED || n->state == NET_NEIGH_PERMANENT)
		return;
	if (n->state == NET_NEIGH_INCOMPLETE) {
		if (mac) {
			n->router = router;
			neigh_learned(n, mac, solicited ? NET_NEIGH_REACHABLE : NET_NEIGH_STALE);
		}
		return;
	}
	other = mac && memcmp(&n->mac, mac, 6) != 0;
	if (other && !override) {
		if (neigh_state(n) == NET_NEIGH_REACHABLE)
			n->state = NET_NEIGH_STALE;
		return;
	}
	if (n->router && !router)
		route_router_gone(i, addr);
	n->router = router;
	if (solicited)
		neigh_learned(n, mac ? mac : n->mac.byte, NET_NEIGH_REACHABLE);
	else if (other)
		neigh_learned(n, mac, NET_NEIGH_STALE);
}

/* RFC 826, "Packet Reception"; as Linux, an unasked reply changes only what is known already. */
void arp_input(struct net_iface *i, struct frame *f)
{
	const uint8_t *p = packet(f);
	uint32_t spa, tpa;
	struct neigh *n;
	uint16_t op;

	if (packet_len(f) < 28 || get16(p) != 1 || get16(p + 2) != TYPE_IPV4 || p[4] != 6 || p[5] != 4)
		goto done;
	op = get16(p + 6);
	spa = get32(p + 14);
	tpa = get32(p + 24);
	if (p[8] & 1 || spa >> 28 == 14 || spa == ADDR_BROADCAST || spa >> 24 == 127 || iface_has(i, ip4(spa)))
		goto done;
	if (spa == 0) { /* a probe for a duplicate (RFC 5227 2.1.1): answered, not learned */
		if (op == 1 && iface_has(i, ip4(tpa)))
			send_arp(i, 2, p + 8, tpa, p + 8, 0);
		goto done;
	}
	n = neigh_find(i, ip4(spa));
	if (op == 2 && n) {
		bool ours = iface_has(i, ip4(tpa)) && memcmp(frame_bytes(f), broadcast, 6) != 0;

		neigh_learned(n, p + 8, ours ? NET_NEIGH_REACHABLE : NET_NEIGH_STALE);
	} else if (op == 1 && iface_has(i, ip4(tpa))) {
		uint8_t sha[6];

		memcpy(sha, p + 8, 6);
		if (!n)
			n = neigh_create(i, ip4(spa));
		if (n && (n->state == NET_NEIGH_INCOMPLETE || n->state == NET_NEIGH_FAILED || memcmp(&n->mac, sha, 6) != 0))
			neigh_learned(n, sha, NET_NEIGH_STALE);
		send_arp(i, 2, sha, tpa, sha, spa);
	} else if (op == 1 && n && spa == tpa) { /* an announcement (RFC 5227 2.3) */
		neigh_learned(n, p + 8, NET_NEIGH_STALE);
	}
done:
	frame_put(f);
}

void neigh_send(struct net_iface *i, struct ip_addr next, struct frame *f, struct neigh **cache)
{
	struct net_host *h = i->host;
	struct neigh *n = cache ? *cache : NULL;

	if (!n)
		n = neigh_find(i, next);
	if (!n)
		n = neigh_create(i, next);
	if (!n || !iface_running(i)) {
		i->stats.tx_dropped++;
		frame_put(f);
		return;
	}
	if (cache)
		*cache = n;
	switch (neigh_state(n)) {
	case NET_NEIGH_FAILED:
		n->state = NET_NEIGH_INCOMPLETE;
		n->probes = 0;
		n->updated = net_now(h->net);
		frame_queue_add(&n->queue, f);
		solicit(n, false);
		return;
	case NET_NEIGH_INCOMPLETE:
		if (n->queue.count >= KNOB(h, NEIGH_QUEUE)) { /* the oldest makes room */
			frame_put(frame_queue_take(&n->queue));
			i->stats.tx_dropped++;
		}
		frame_queue_add(&n->queue, f);
		return;
	case NET_NEIGH_STALE:
		n->state = NET_NEIGH_DELAY;
		n->updated = net_now(h->net);
		net_timer(h->net, &n->timer, KNOB_MS(h, NEIGH_DELAY_TIME), true);
		break;
	default:
		break;
	}
	iface_send(i, f, n->mac.byte, packet_type(f));
}

void neigh_leave(struct net_iface *i)
{
	for (unsigned k = i->host->neighs->len; k-- > 0;) {
		struct neigh *n = i->host->neighs->pdata[k];

		if (n->iface == i)
			neigh_free(n);
	}
}

void neigh_clear(struct net_host *h)
{
	while (h->neighs->len > 0)
		neigh_free(h->neighs->pdata[h->neighs->len - 1]);
}

/* --- for the outside -------------------------------------------------------------------------- */

bool net_neigh(const struct net_host *h, unsigned index, struct net_neigh *out)
{
	const struct neigh *n;

	if (index >= h->neighs->len)
		return false;
	n = h->neighs->pdata[index];
	*out = (struct net_neigh){ .addr = ip_show(n->addr, ip_is4(n->addr) ? NET_IPV4 : NET_IPV6), .iface = n->iface->name, .mac = n->mac, .state = neigh_state(n),
				   .updated = n->updated, .queued = n->queue.count, .router = n->router };
	out->addr.scope = 0; /* which interface is known */
	return true;
}

int net_neigh_add(struct net_host *h, const char *iface, const struct net_addr *a, const struct net_mac *m, struct err *e)
{
	struct net_iface *i = net_iface_at(h, iface);
	struct neigh *n;

	if (!i || i == h->lo)
		return err_set(e, ENODEV, 0, "no interface %s", iface);
	if (net_addr_is_any(a) || net_addr_is_multicast(a) || (a->family == NET_IPV6 && !i->nd))
		return err_set(e, EINVAL, 1, "not the address of a neighbour");
	if (net_mac_is_group(m))
		return err_set(e, EADDRNOTAVAIL, 2, "a neighbour has no group address");
	n = neigh_find(i, ip_on(ip_of(a), i->index));
	if (!n)
		n = neigh_create(i, ip_on(ip_of(a), i->index));
	if (!n)
		return err_set(e, ENOBUFS, 1, "the neighbour table is full");
	n->state = NET_NEIGH_STALE; /* so that it may change */
	neigh_learned(n, m->byte, NET_NEIGH_PERMANENT);
	return 0;
}

int net_neigh_del(struct net_host *h, const char *iface, const struct net_addr *a, struct err *e)
{
	struct net_iface *i = net_iface_at(h, iface);
	struct neigh *n;

	if (!i)
		return err_set(e, ENODEV, 0, "no interface %s", iface);
	n = neigh_find(i, ip_on(ip_of(a), i->index));
	if (!n)
		return err_set(e, ENOENT, 1, "no such neighbour");
	neigh_free(n);
	return 0;
}

void net_neigh_flush(struct net_host *h)
{
	for (unsigned k = h->neighs->len; k-- > 0;) {
		struct neigh *n = h->neighs->pdata[k];

		if (n->state != NET_NEIGH_PERMANENT)
			neigh_free(n);
	}
}
