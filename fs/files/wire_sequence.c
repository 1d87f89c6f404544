/*
 * wire_sequence.c - wires/W/sequence, sequence.svg: what went over the wire, as a ladder.
 *
 * TCP's sequence numbers are shown from 0, as the first SYN of each direction has it. A segment whose bytes went over the
 * wire before is marked `again`.
 */
#include "wire.h"

#include "ladder.h"
#include "net_capture.h"
#include "net_decode.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

/* No renderer takes pictures of more than 32,767 pixels. */
enum { SEQUENCE_BYTES_MAX = 8 << 20, SEQUENCE_STEPS_MAX = 900, SEATS_FOR_ALL = 8 };

/* One direction of a TCP connection. */
struct flow {
	struct net_endpoint src, dst;
	uint32_t base, end;          /* sequence numbers: shown as 0; behind the last byte sent so far */
};

struct reading {
	struct net_wire *wire;
	struct ladder *ladder;
	GHashTable *flows;           /* struct flow -> itself */
	GHashTable *ports;           /* mac_key() -> port + 1 */
	GHashTable *seats;           /* port + 1 -> participant + 1; 0: a stranger */
	bool ports_matter;           /* more than one connection */
};

static guint flow_hash(gconstpointer p)
{
	const struct flow *f = p;

	guint hash = (guint)f->src.port * 65599 + f->dst.port;

	if (f->src.addr.family == NET_IPV6)
		return hash + (f->src.addr.v6[15] * 31u + f->dst.addr.v6[15]) * 31;
	return hash + (f->src.addr.v4 * 31 + f->dst.addr.v4) * 31;
}

static gboolean flow_equal(gconstpointer x, gconstpointer y)
{
	const struct flow *a = x, *b = y;

	return net_addr_equal(&a->src.addr, &b->src.addr) && net_addr_equal(&a->dst.addr, &b->dst.addr) &&
	       a->src.port == b->src.port && a->dst.port == b->dst.port;
}

/* The flow of that direction, made when its first segment comes: `seq` is then where it starts. */
static struct flow *flow_of(struct reading *r, const struct net_decoded *d, bool back, uint32_t base)
{
	struct flow key = { .src = { d->src, d->sport }, .dst = { d->dst, d->dport } }, *f;

	if (back) {
		struct net_endpoint swap = key.src;

		key.src = key.dst;
		key.dst = swap;
	}
	f = g_hash_table_lookup(r->flows, &key);
	if (!f) {
		f = g_memdup2(&key, sizeof key);
		f->base = f->end = base;
		g_hash_table_add(r->flows, f);
	}
	return f;
}

static void label_tcp(struct reading *r, const struct net_decoded *d, GString *out)
{
	bool syn = d->tcp_flags & NET_SYN;
	struct flow *there = flow_of(r, d, false, syn ? d->seq : d->seq - 1);
	uint32_t end = d->seq + d->payload_len + syn + !!(d->tcp_flags & NET_FIN);
	bool again = end != d->seq && (int32_t)(end - there->end) <= 0;

	if (syn && !again)
		there->base = d->seq;
	if (r->ports_matter)
		g_string_append_printf(out, "%u>%u ", d->sport, d->dport);
	put_tcp_flags(out, d->tcp_flags);
	if (end != d->seq || d->tcp_flags & NET_RST)
		g_string_append_printf(out, " seq=%u", d->seq - there->base);
	if (d->payload_len)
		g_string_append_printf(out, " len=%u", d->payload_len);
	if (d->tcp_flags & NET_ACK)
		g_string_append_printf(out, " ack=%u", d->ack - flow_of(r, d, true, d->ack - 1)->base);
	g_string_append_printf(out, " win=%u", d->window);
	for (unsigned i = 0; i < d->options.sacks; i++) {
		uint32_t base = flow_of(r, d, true, d->ack - 1)->base;

		g_string_append_printf(out, " sack=%u-%u", d->options.sack[i].start - base, d->options.sack[i].end - base);
	}
	if (again)
		put_text(out, " again");
	if (!again || syn)
		there->end = end;
}

static void label_arp(const struct net_decoded *d, GString *out)
{
	char a[NET_ADDR_TEXT], b[NET_ADDR_TEXT], mac[NET_MAC_TEXT];

	if (d->arp_op == 1)
		g_string_append_printf(out, "ARP who-has %s tell %s", net_addr_text(&d->arp_tpa, a), net_addr_text(&d->arp_spa, b));
	else
		g_string_append_printf(out, "ARP %s is-at %s", net_addr_text(&d->arp_spa, a), net_mac_text(&d->arp_sha, mac));
}

static void label_icmp(const struct net_decoded *d, GString *out)
{
	put_text(out, "ICMP ");
	put_icmp_name(out, d->icmp_type, d->icmp_code);
	if (d->icmp_type == 8 || d->icmp_type == 0)
		g_string_append_printf(out, " seq=%u", d->icmp_seq);
	else if (d->icmp_type == 3 && d->icmp_code == 4)
		g_string_append_printf(out, " mtu=%u", d->icmp_seq);
}

static void label_icmp6(const struct net_decoded *d, GString *out)
{
	char a[NET_ADDR_TEXT];

	if (d->icmp_type == 135 && d->icmp_target.family) {
		g_string_append_printf(out, "ND who-has %s", net_addr_text(&d->icmp_target, a));
		if (!net_addr_is_any(&d->src))
			g_string_append_printf(out, " tell %s", net_addr_text(&d->src, a));
		return;
	}
	if (d->icmp_type == 136 && d->icmp_target.family) {
		char mac[NET_MAC_TEXT];

		g_string_append_printf(out, "ND %s is-at %s", net_addr_text(&d->icmp_target, a), net_mac_text(&d->mac_src, mac));
		return;
	}
	put_text(out, "ICMPv6 ");
	put_icmp6_name(out, d->icmp_type, d->icmp_code);
	if (d->icmp_type == 128 || d->icmp_type == 129)
		g_string_append_printf(out, " seq=%u", d->icmp_seq);
	else if (d->icmp_type == 2)
		g_string_append_printf(out, " mtu=%u", d->icmp_mtu);
}

/* A message protocol is about what it says: its beginning is shown. */
static void label_rdt(const struct net_decoded *d, const uint8_t *bytes, GString *out)
{
	static const char *const types[] = { "?", "part", "ACK", "NAK" };

	put_text(out, types[d->rdt_type < G_N_ELEMENTS(types) ? d->rdt_type : 0]);
	if (d->rdt_numbered)
		g_string_append_printf(out, " %u", d->rdt_number);
	if (d->payload_len == 0)
		return;
	put_text(out, " \"");
	for (unsigned i = 0; i < MIN(d->payload_len, 40); i++) {
		char c = (char)bytes[d->payload + i];

		put_char(out, g_ascii_isprint(c) ? c : '.');
	}
	put_text(out, d->payload_len > 40 ? "...\"" : "\"");
}

static char *label_of(struct reading *r, const struct net_decoded *d, const uint8_t *bytes)
{
	GString *out = g_string_new(NULL);

	if (d->layers & NET_LAYER_ARP)
		label_arp(d, out);
	else if (d->layers & NET_LAYER_TCP)
		label_tcp(r, d, out);
	else if (d->layers & NET_LAYER_UDP)
		g_string_append_printf(out, "UDP %u>%u len=%u", d->sport, d->dport, d->payload_len);
	else if (d->layers & NET_LAYER_ICMP)
		label_icmp(d, out);
	else if (d->layers & NET_LAYER_ICMP6)
		label_icmp6(d, out);
	else if (d->layers & NET_LAYER_RDT)
		label_rdt(d, bytes, out);
	else if (d->layers & (NET_LAYER_IPV4 | NET_LAYER_IPV6))
		g_string_append_printf(out, "IP protocol %u len=%u", d->protocol, d->payload_len);
	else
		g_string_append_printf(out, "type 0x%04x len=%u", d->ethertype, d->payload_len);
	if (d->mf || d->fragment_offset)
		g_string_append_printf(out, " fragment@%u", d->fragment_offset);
	return g_string_free(out, FALSE);
}

/* When it arrives, and what else there is to say. */
static char *note_of(const struct net_frame *f)
{
	GString *out = g_string_new(NULL);

	if (f->arrival)
		put_time(out, f->arrival);
	if (f->arrival && f->fate)
		put_char(out, ' ');
	net_fate_text(f, out);
	return g_string_free(out, FALSE);
}

static int seat_of(struct reading *r, unsigned port)
{
	gpointer key = GUINT_TO_POINTER(port + 1), seat = g_hash_table_lookup(r->seats, key);
	struct net_port_info info;

	if (!seat) {
		bool known = net_wire_port(r->wire, port, &info);

		g_ptr_array_add(r->ladder->names, g_strdup(known ? info.name : "(stranger)"));
		seat = GUINT_TO_POINTER(r->ladder->names->len);
		g_hash_table_insert(r->seats, key, seat);
	}
	return (int)GPOINTER_TO_UINT(seat) - 1;
}

static gpointer mac_key(const struct net_mac *mac)
{
	uint64_t key = 0;

	for (unsigned i = 0; i < 6; i++)
		key = key << 8 | mac->byte[i];
	return GSIZE_TO_POINTER(key);
}

/* The port that has this address now, or had it last; false for a group or an unknown one. */
static bool port_of(const struct reading *r, const struct net_mac *mac, unsigned *port)
{
	gpointer found = net_mac_is_group(mac) ? NULL : g_hash_table_lookup(r->ports, mac_key(mac));

	*port = GPOINTER_TO_UINT(found) - 1;
	return found != NULL;
}

static void add_step(struct reading *r, const struct net_frame *f)
{
	const unsigned gone = NET_FATE_LOST | NET_FATE_QUEUE_FULL | NET_FATE_TOO_LONG | NET_FATE_GIVEN_UP |
			      NET_FATE_COLLIDED | NET_FATE_HELD;
	struct ladder_step s = { .time = f->time, .arrival = f->arrival, .to = LADDER_ALL, .lost = f->arrival == 0 && f->fate & gone,
				 .damaged = f->fate & NET_FATE_CORRUPTED };
	struct net_decoded d;
	unsigned port;

	net_decode(f->bytes, f->len, false, &d);
	s.from = seat_of(r, f->port);
	if (port_of(r, &d.mac_dst, &port) && port != f->port)
		s.to = seat_of(r, port);
	s.label = label_of(r, &d, f->bytes);
	s.note = note_of(f);
	g_array_append_val(r->ladder->steps, s);
}

/*
 * Who has a place, in the order of coming to the wire: everyone who has heard anything; among many only those who have said
 * something or were spoken to.
 */
static void take_seats(struct reading *r)
{
	g_autoptr(GHashTable) talkers = g_hash_table_new(NULL, NULL);
	struct net_port_info info;
	struct net_decoded d;
	struct net_frame f;
	unsigned ports = 0, port;

	for (; net_wire_port(r->wire, ports, &info); ports++)
		if (info.attached || !g_hash_table_contains(r->ports, mac_key(&info.mac)))
			g_hash_table_insert(r->ports, mac_key(&info.mac), GUINT_TO_POINTER(ports + 1));
	for (uint64_t i = net_wire_first(r->wire); ports > SEATS_FOR_ALL && net_wire_frame(r->wire, i, &f); i++) {
		net_decode(f.bytes, f.len, false, &d);
		g_hash_table_add(talkers, GUINT_TO_POINTER(f.port));
		if (port_of(r, &d.mac_dst, &port))
			g_hash_table_add(talkers, GUINT_TO_POINTER(port));
	}
	for (unsigned i = 0; net_wire_port(r->wire, i, &info); i++)
		if (ports > SEATS_FOR_ALL ? g_hash_table_contains(talkers, GUINT_TO_POINTER(i)) : info.tx_frames || info.rx_frames)
			seat_of(r, i);
}

/* Whether there are several connections. */
static void prepare(struct reading *r)
{
	struct net_decoded d, first = { 0 };
	struct net_frame f;

	for (uint64_t i = net_wire_first(r->wire); net_wire_frame(r->wire, i, &f) && !r->ports_matter; i++) {
		net_decode(f.bytes, f.len, false, &d);
		if (!(d.layers & NET_LAYER_TCP))
			continue;
		if (!first.layers)
			first = d;
		r->ports_matter = d.sport + d.dport != first.sport + first.dport ||
				  (d.sport != first.sport && d.sport != first.dport);
	}
}

static struct ladder *read_wire(struct net_wire *w)
{
	struct reading r = { .wire = w, .ladder = ladder_new() };
	struct net_frame f;

	r.flows = g_hash_table_new_full(flow_hash, flow_equal, g_free, NULL);
	r.ports = g_hash_table_new(NULL, NULL);
	r.seats = g_hash_table_new(NULL, NULL);
	take_seats(&r);
	prepare(&r);
	for (uint64_t i = net_wire_first(r.wire); net_wire_frame(r.wire, i, &f); i++)
		add_step(&r, &f);
	g_hash_table_destroy(r.ports);
	g_hash_table_destroy(r.seats);
	g_hash_table_destroy(r.flows);
	return r.ladder;
}

int show_wire_sequence(const struct node *n, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	struct ladder *l;

	if (!w)
		return -e->code;
	l = read_wire(w);
	ladder_draw(l, SEQUENCE_BYTES_MAX, out);
	ladder_free(l);
	return 0;
}

int show_wire_sequence_svg(const struct node *n, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	struct ladder *l;

	if (!w)
		return -e->code;
	l = read_wire(w);
	ladder_draw_svg(l, SEQUENCE_STEPS_MAX, out);
	ladder_free(l);
	return 0;
}
