/* tun_station.c - the station of Ethernet that a tun is on its wire: who has an address there, who asks for ours. */
#include "tun_inner.h"

#include "record.h"

#include <string.h>

enum { ARP_BYTES = 28, IPV4_HEADER = 20, NEIGHBOURS_MAX = 1024, WAITING_MAX = 16, ASKED_MAX = 64 };
#define NEIGHBOUR_AGE (60 * NS_PER_S)
#define ASK_AGAIN NS_PER_S

/* Who has an address on the wire. */
struct neighbour {
	uint32_t addr;
	bool     known;
	struct net_mac mac;
	ns_t     asked, answered;
	GQueue   waiting;            /* GBytes: packets until it is known */
};

/* A question of the wire's: ARP */
struct question { struct net_mac mac; uint32_t from, to; };

static const struct net_mac everybody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static void put_header(uint8_t *p, const struct net_mac *to, const struct net_mac *from, unsigned type)
{
	memcpy(p, to->byte, 6);
	memcpy(p + 6, from->byte, 6);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
}

static void send_frame(struct device *d, const void *frame, size_t len)
{
	net_tap_send(d->tap, frame, len, NULL);
}

static void send_arp(struct device *d, unsigned op, const struct net_mac *to, uint32_t from_addr, uint32_t to_addr)
{
	static const uint8_t ethernet_ipv4[6] = { 0, 1, TYPE_IPV4 >> 8, TYPE_IPV4 & 0xff, 6, 4 };
	uint8_t frame[60] = { 0 }, *arp = frame + HEADER;

	put_header(frame, to, &d->mac, TYPE_ARP);
	memcpy(arp, ethernet_ipv4, sizeof ethernet_ipv4);
	arp[7] = (uint8_t)op;
	memcpy(arp + 8, d->mac.byte, 6);
	put32(arp + 14, from_addr);
	if (op == 2)
		memcpy(arp + 18, to->byte, 6);
	put32(arp + 24, to_addr);
	send_frame(d, frame, sizeof frame);
}

static void neighbour_free(void *p)
{
	struct neighbour *n = p;

	g_queue_clear_full(&n->waiting, (GDestroyNotify)g_bytes_unref);
	g_free(n);
}

GHashTable *station_neighbours(void)
{
	return g_hash_table_new_full(NULL, NULL, NULL, neighbour_free);
}

static struct neighbour *neighbour_at(struct device *d, uint32_t addr)
{
	struct neighbour *n = g_hash_table_lookup(d->neighbours, GUINT_TO_POINTER(addr));

	if (n)
		return n;
	if (g_hash_table_size(d->neighbours) >= NEIGHBOURS_MAX)
		g_hash_table_remove_all(d->neighbours);
	n = g_new0(struct neighbour, 1);
	n->addr = addr;
	g_queue_init(&n->waiting);
	g_hash_table_insert(d->neighbours, GUINT_TO_POINTER(addr), n);
	return n;
}

static void send_waiting(struct device *d, struct neighbour *n)
{
	GBytes *packet;

	while ((packet = g_queue_pop_head(&n->waiting))) {
		gsize len;
		const uint8_t *bytes = g_bytes_get_data(packet, &len);
		g_autofree uint8_t *frame = g_malloc(HEADER + len);

		put_header(frame, &n->mac, &d->mac, TYPE_IPV4);
		memcpy(frame + HEADER, bytes, len);
		send_frame(d, frame, HEADER + len);
		g_bytes_unref(packet);
	}
}

/* A source that the device has: what goes to a peer on the wire says who asks. */
static uint32_t own_towards(const struct device *d, uint32_t to)
{
	for (guint i = 0; i < d->own->len; i++) {
		const struct net_prefix *p = &g_array_index(d->own, struct net_prefix, i);
		struct net_addr a = net_v4(to);

		if (net_prefix_has(p, &a))
			return p->addr.v4;
	}
	return d->own->len ? g_array_index(d->own, struct net_prefix, 0).addr.v4 : 0;
}

/* A host on this wire that passes packets on; 0: there is none. */
static uint32_t router_on_wire(struct device *d)
{
	struct world *w = world_of(d);
	struct net_wire *wire = net_wire_at(w->net, d->rule->wire);

	for (guint n = 0; wire && n < w->hosts->len; n++) {
		struct net_host *h = ((struct host *)w->hosts->pdata[n])->net;
		struct net_iface_info info = { .index = 1 };

		for (struct net_iface *i; net_knob_get(h, NET_IP_FORWARD) && (i = net_iface_above(h, info.index)); ) {
			struct net_prefix p;

			net_iface_get(i, &info);
			for (unsigned k = 0; info.wire == wire && info.up && net_iface_address(i, k, &p); k++)
				if (p.addr.family == NET_IPV4)
					return p.addr.v4;
		}
	}
	return 0;
}

/* To whom a packet goes next. */
static uint32_t next_hop(struct device *d, uint32_t to)
{
	struct net_addr a = net_v4(to);
	uint32_t router;

	for (guint i = 0; i < d->own->len; i++) {
		const struct net_prefix *p = &g_array_index(d->own, struct net_prefix, i);

		if (p->len < 32 && net_prefix_has(p, &a))
			return to;
	}
	router = router_on_wire(d);
	return router ? router : to;
}

static bool is_broadcast(const struct device *d, uint32_t to)
{
	for (guint i = 0; i < d->own->len; i++) {
		struct net_addr last;

		if (net_prefix_broadcast(&g_array_index(d->own, struct net_prefix, i), &last) && last.v4 == to)
			return true;
	}
	return to == UINT32_MAX;
}

static void send_to_hop(struct device *d, uint8_t *frame, size_t len, uint32_t to)
{
	struct neighbour *n = neighbour_at(d, next_hop(d, to));
	ns_t now = world_of(d)->clock.now;

	if (n->known && now < n->answered + NEIGHBOUR_AGE) {
		put_header(frame, &n->mac, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
		return;
	}
	if (n->waiting.length >= WAITING_MAX)
		g_bytes_unref(g_queue_pop_head(&n->waiting));
	g_queue_push_tail(&n->waiting, g_bytes_new(frame + HEADER, len - HEADER));
	if (n->asked && now < n->asked + ASK_AGAIN)
		return;
	n->known = false;
	n->asked = MAX(now, 1);
	send_arp(d, 1, &everybody, own_towards(d, to), n->addr);
}

void station_send_packet(struct device *d, uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + HEADER;
	uint32_t from, to;

	if (len < HEADER + IPV4_HEADER || ip[0] >> 4 != 4)
		return;
	from = get32(ip + 12);
	to = get32(ip + 16);
	tun_look_at_own(d);
	if (from)
		tun_put_own(d, from, 32);
	if (to >> 28 == 14) {
		const struct net_mac group = { { 0x01, 0x00, 0x5e, ip[17] & 0x7f, ip[18], ip[19] } };

		put_header(frame, &group, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
	} else if (is_broadcast(d, to)) {
		put_header(frame, &everybody, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
	} else {
		send_to_hop(d, frame, len, to);
	}
}

void station_take_arp(struct device *d, const uint8_t *frame, size_t len)
{
	const uint8_t *arp = frame + HEADER;
	struct question q;
	struct neighbour *n;

	if (len < HEADER + ARP_BYTES || arp[0] || arp[1] != 1 || arp[2] != TYPE_IPV4 >> 8 || arp[3] || arp[4] != 6 || arp[5] != 4)
		return;
	memcpy(q.mac.byte, arp + 8, 6);
	q.from = get32(arp + 14);
	q.to = get32(arp + 24);
	if (net_mac_is_group(&q.mac))
		return;
	n = g_hash_table_lookup(d->neighbours, GUINT_TO_POINTER(q.from));
	if (n) {
		n->mac = q.mac;
		n->known = true;
		n->answered = world_of(d)->clock.now;
		send_waiting(d, n);
	}
	if (arp[7] == 1 && d->asked.length < ASKED_MAX) {
		g_queue_push_tail(&d->asked, g_memdup2(&q, sizeof q));
		end_queue(&d->rule->end);
	}
}

void station_answer_questions(struct device *d)
{
	struct question *q;

	while ((q = g_queue_pop_head(&d->asked))) {
		tun_look_at_own(d);
		if (tun_is_own(d, q->to))
			send_arp(d, 2, &q->mac, q->to, q->from);
		g_free(q);
	}
}
