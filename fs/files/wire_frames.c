/* wire_frames.c - wires/W/frames: a row for each frame that was sent, taken apart. */
#include "wire.h"

#include "net_capture.h"
#include "net_decode.h"
#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct column wire_frame_columns[] = {
	{ "frame", COLUMN_NUMBER }, { "time", COLUMN_TIME }, { "arrival", COLUMN_TIME }, { "from", COLUMN_WORD },
	{ "bytes", COLUMN_NUMBER }, { "mac_src", COLUMN_WORD }, { "mac_dst", COLUMN_WORD }, { "proto", COLUMN_WORD },
	{ "src", COLUMN_WORD }, { "dst", COLUMN_WORD }, { "ttl", COLUMN_NUMBER }, { "flags", COLUMN_WORD },
	{ "seq", COLUMN_NUMBER }, { "ack", COLUMN_NUMBER }, { "win", COLUMN_NUMBER }, { "len", COLUMN_NUMBER },
	{ "info", COLUMN_WORD }, { "fate", COLUMN_WORD }, { 0 }
};

void put_tcp_flags(GString *out, unsigned flags)
{
	static const struct { unsigned flag; const char *name; } names[] = {
		{ NET_FIN, "FIN" }, { NET_SYN, "SYN" }, { NET_RST, "RST" }, { NET_PSH, "PSH" },
		{ NET_URG, "URG" }, { NET_ECE, "ECE" }, { NET_CWR, "CWR" }, { NET_ACK, "ACK" },
	};
	size_t start = out->len;

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (flags & names[i].flag)
			g_string_append_printf(out, "%s%s", out->len > start ? "," : "", names[i].name);
	if (out->len == start)
		put_char(out, '-');
}

void put_icmp_name(GString *out, unsigned type, unsigned code)
{
	static const struct { unsigned type, code; const char *name; } names[] = {
		{ 0, 0, "echo-reply" }, { 8, 0, "echo-request" }, { 3, 0, "net-unreachable" }, { 3, 1, "host-unreachable" },
		{ 3, 2, "protocol-unreachable" }, { 3, 3, "port-unreachable" }, { 3, 4, "fragmentation-needed" },
		{ 11, 0, "time-exceeded" }, { 11, 1, "reassembly-time-exceeded" }, { 12, 0, "parameter-problem" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (names[i].type == type && names[i].code == code) {
			put_text(out, names[i].name);
			return;
		}
	}
	g_string_append_printf(out, "icmp-%u/%u", type, code);
}

/* RFC 4443, 4861 */
void put_icmp6_name(GString *out, unsigned type, unsigned code)
{
	static const struct { unsigned char type, code; const char *name; } names[] = {
		{ 1, 0, "net-unreachable" }, { 1, 1, "prohibited" }, { 1, 2, "beyond-scope" }, { 1, 3, "host-unreachable" },
		{ 1, 4, "port-unreachable" }, { 2, 0, "packet-too-big" }, { 3, 0, "hop-limit-exceeded" },
		{ 3, 1, "reassembly-time-exceeded" }, { 4, 0, "bad-header" }, { 4, 1, "unknown-next-header" },
		{ 4, 2, "unknown-option" }, { 128, 0, "echo-request" }, { 129, 0, "echo-reply" },
		{ 133, 0, "router-solicitation" }, { 134, 0, "router-advertisement" }, { 135, 0, "neighbour-solicitation" },
		{ 136, 0, "neighbour-advertisement" }, { 137, 0, "redirect" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (names[i].type == type && names[i].code == code) {
			put_text(out, names[i].name);
			return;
		}
	}
	g_string_append_printf(out, "icmp6-%u/%u", type, code);
}

static const char *proto_name(const struct net_decoded *d, char text[16])
{
	if (d->layers & NET_LAYER_ARP || d->ethertype == 0x0806)
		return "arp";
	if (!(d->layers & (NET_LAYER_IPV4 | NET_LAYER_IPV6))) {
		snprintf(text, 16, "0x%04x", d->ethertype);
		return text;
	}
	switch (d->protocol) {
	case 1:  return "icmp";
	case 58: return "icmp6";
	case 6:  return "tcp";
	case 17: return "udp";
	case 253: return "rdt";
	default:
		snprintf(text, 16, "ip-%u", d->protocol);
		return text;
	}
}

/* "name=value" behind what is there. */
static void add_info(GString *out, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static void add_info(GString *out, const char *fmt, ...)
{
	va_list args;

	if (out->len)
		put_char(out, ',');
	va_start(args, fmt);
	g_string_append_vprintf(out, fmt, args);
	va_end(args);
}

static void add_tcp_options(GString *out, const struct net_tcp_options *o)
{
	if (o->mss_present)
		add_info(out, "mss=%u", o->mss);
	if (o->sack_permitted)
		add_info(out, "sack_ok");
	if (o->wscale_present)
		add_info(out, "wscale=%u", o->wscale);
	if (o->ts_present)
		add_info(out, "ts=%u:%u", o->tsval, o->tsecr);
	for (unsigned i = 0; i < o->sacks; i++)
		add_info(out, "sack=%u-%u", o->sack[i].start, o->sack[i].end);
}

static void add_bad(GString *out, unsigned bad)
{
	static const struct { unsigned bad; const char *name; } names[] = {
		{ NET_BAD_SHORT, "short" }, { NET_BAD_LENGTH, "bad_length" }, { NET_BAD_IP_CHECKSUM, "bad_ip_checksum" },
		{ NET_BAD_CHECKSUM, "bad_checksum" }, { NET_BAD_OPTIONS, "bad_options" }, { NET_BAD_VERSION, "bad_version" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (bad & names[i].bad)
			add_info(out, "%s", names[i].name);
}

/* "data,part=2,last" "ack=2" "nak" */
static void put_rdt(GString *out, const struct net_decoded *d)
{
	static const char *const types[] = { "?", "data", "ack", "nak" };

	add_info(out, "%s", types[d->rdt_type < G_N_ELEMENTS(types) ? d->rdt_type : 0]);
	if (d->rdt_numbered)
		g_string_append_printf(out, d->rdt_type == 1 ? ",part=%u" : "=%u", d->rdt_number);
	if (d->rdt_last)
		add_info(out, "last");
}

static void put_info(GString *out, const struct net_decoded *d)
{
	char mac[NET_MAC_TEXT], addr[NET_ADDR_TEXT];

	if (d->layers & NET_LAYER_ARP) {
		if (d->arp_op == 1)
			add_info(out, "who-has");
		else if (d->arp_op == 2)
			add_info(out, "is-at=%s", net_mac_text(&d->arp_sha, mac));
		else
			add_info(out, "op=%u", d->arp_op);
	}
	if (d->layers & NET_LAYER_ICMP) {
		put_icmp_name(out, d->icmp_type, d->icmp_code);
		if (d->icmp_type == 8 || d->icmp_type == 0)
			add_info(out, "id=%u,seq=%u", d->icmp_id, d->icmp_seq);
		else if (d->icmp_type == 3 && d->icmp_code == 4)
			add_info(out, "mtu=%u", d->icmp_seq);
	}
	if (d->layers & NET_LAYER_ICMP6) {
		put_icmp6_name(out, d->icmp_type, d->icmp_code);
		if (d->icmp_target.family)
			add_info(out, "target=%s", net_addr_text(&d->icmp_target, addr));
		else if (d->icmp_type == 128 || d->icmp_type == 129)
			add_info(out, "id=%u,seq=%u", d->icmp_id, d->icmp_seq);
		else if (d->icmp_type == 2)
			add_info(out, "mtu=%u", d->icmp_mtu);
	}
	if (d->layers & NET_LAYER_TCP)
		add_tcp_options(out, &d->options);
	if (d->layers & NET_LAYER_RDT)
		put_rdt(out, d);
	if (d->mf || d->fragment_offset)
		add_info(out, "id=%u,offset=%u%s", d->ip_id, d->fragment_offset, d->mf ? ",more" : "");
	add_bad(out, d->bad);
}

static void cell_of(struct table_out *t, GString *text)
{
	table_word(t, text->len ? text->str : NULL);
	g_string_truncate(text, 0);
}

static void cell_endpoint(struct table_out *t, const struct net_decoded *d, bool src)
{
	char text[NET_ENDPOINT_TEXT];
	const struct net_addr *a = d->layers & NET_LAYER_ARP ? (src ? &d->arp_spa : &d->arp_tpa) : src ? &d->src : &d->dst;

	if (d->layers & (NET_LAYER_UDP | NET_LAYER_TCP | NET_LAYER_RDT))
		table_word(t, net_endpoint_text(&(struct net_endpoint){ *a, src ? d->sport : d->dport }, text));
	else
		table_word(t, a->family ? net_addr_text(a, text) : NULL);
}

static void cell_if(struct table_out *t, bool there, uint64_t value)
{
	if (there)
		table_number(t, value);
	else
		table_none(t);
}

/* "lost, sent again" as one word: lost,sent_again */
static void put_fate(GString *out, const struct net_frame *f)
{
	g_autoptr(GString) text = g_string_new(NULL);

	net_fate_text(f, text);
	for (const char *c = text->str; *c; c++)
		if (*c != ' ')
			put_char(out, *c);
		else if (c[-1] != ',')
			put_char(out, '_');
}

static void fill_frame(const struct net_wire *w, const struct net_frame *f, struct table_out *t, GString *text)
{
	struct net_port_info port;
	struct net_decoded d;
	char word[NET_MAC_TEXT];
	bool tcp;

	net_decode(f->bytes, f->len, true, &d);
	tcp = d.layers & NET_LAYER_TCP;
	table_number(t, f->number);
	table_time(t, f->time);
	if (f->arrival)
		table_time(t, f->arrival);
	else
		table_none(t);
	table_word(t, net_wire_port(w, f->port, &port) ? port.name : NULL);
	table_number(t, f->len);
	table_word(t, d.layers & NET_LAYER_ETHERNET ? net_mac_text(&d.mac_src, word) : NULL);
	table_word(t, d.layers & NET_LAYER_ETHERNET ? net_mac_text(&d.mac_dst, word) : NULL);
	table_word(t, proto_name(&d, word));
	cell_endpoint(t, &d, true);
	cell_endpoint(t, &d, false);
	cell_if(t, d.layers & (NET_LAYER_IPV4 | NET_LAYER_IPV6), d.ttl);
	if (tcp)
		put_tcp_flags(text, d.tcp_flags);
	cell_of(t, text);
	cell_if(t, tcp, d.seq);
	cell_if(t, tcp && d.tcp_flags & NET_ACK, d.ack);
	cell_if(t, tcp, d.window);
	cell_if(t, d.layers & ~(unsigned)(NET_LAYER_ETHERNET | NET_LAYER_ARP), d.payload_len);
	put_info(text, &d);
	cell_of(t, text);
	put_fate(text, f);
	cell_of(t, text);
}

int fill_wire_frames(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	g_autoptr(GString) text = g_string_new(NULL);
	struct net_frame f;

	if (!w)
		return -e->code;
	for (uint64_t i = net_wire_first(w); net_wire_frame(w, i, &f); i++)
		fill_frame(w, &f, t, text);
	return 0;
}
