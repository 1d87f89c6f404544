/* wire_frame.c - wires/W/frame/N: one frame, layer by layer, with the bytes of each. */
#include "wire.h"

#include "net_capture.h"
#include "net_decode.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { BYTES_A_LINE = 16, LINES_MAX = 96 };

/* "  0014  45 00 00 60 ...  E..`" */
static void put_dump(GString *out, const uint8_t *bytes, uint32_t from, uint32_t to)
{
	for (uint32_t line = from; line < to; line += BYTES_A_LINE) {
		uint32_t end = MIN(line + BYTES_A_LINE, to);

		if ((line - from) / BYTES_A_LINE == LINES_MAX) {
			g_string_append_printf(out, "  (%u more bytes)\n", to - line);
			return;
		}
		g_string_append_printf(out, "  %04u ", line);
		for (uint32_t i = line; i < line + BYTES_A_LINE; i++)
			g_string_append_printf(out, i < end ? " %02x" : "   ", i < end ? bytes[i] : 0);
		put_text(out, "  ");
		for (uint32_t i = line; i < end; i++)
			put_char(out, g_ascii_isprint(bytes[i]) ? (char)bytes[i] : '.');
		put_char(out, '\n');
	}
}

static const char *verdict(const struct net_decoded *d, unsigned bad)
{
	return d->bad & bad ? "wrong" : "right";
}

static void put_ethernet(GString *out, const struct net_decoded *d)
{
	char dst[NET_MAC_TEXT], src[NET_MAC_TEXT];

	g_string_append_printf(out, "ethernet dst=%s src=%s type=0x%04x\n", net_mac_text(&d->mac_dst, dst),
			       net_mac_text(&d->mac_src, src), d->ethertype);
}

static void put_arp(GString *out, const struct net_decoded *d)
{
	char spa[NET_ADDR_TEXT], tpa[NET_ADDR_TEXT], sha[NET_MAC_TEXT], tha[NET_MAC_TEXT];

	g_string_append_printf(out, "arp operation=%u sender=%s,%s target=%s,%s\n", d->arp_op,
			       net_mac_text(&d->arp_sha, sha), net_addr_text(&d->arp_spa, spa),
			       net_mac_text(&d->arp_tha, tha), net_addr_text(&d->arp_tpa, tpa));
}

static void put_ipv4(GString *out, const struct net_decoded *d)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT];

	g_string_append_printf(out, "ipv4 src=%s dst=%s header=%u total=%u id=0x%04x df=%d mf=%d offset=%u ttl=%u protocol=%u "
			       "checksum=0x%04x,%s\n", net_addr_text(&d->src, src), net_addr_text(&d->dst, dst), d->ip_header,
			       d->ip_total, d->ip_id, d->df, d->mf, d->fragment_offset, d->ttl, d->protocol, d->ip_checksum,
			       verdict(d, NET_BAD_IP_CHECKSUM));
}

static void put_ipv6(GString *out, const struct net_decoded *d)
{
	char src[NET_ADDR_TEXT], dst[NET_ADDR_TEXT];

	g_string_append_printf(out, "ipv6 src=%s dst=%s header=%u total=%u flow=0x%05x hop_limit=%u protocol=%u",
			       net_addr_text(&d->src, src), net_addr_text(&d->dst, dst), d->ip_header, d->ip_total,
			       d->flow_label, d->ttl, d->protocol);
	if (d->mf || d->fragment_offset)
		g_string_append_printf(out, " id=0x%08x mf=%d offset=%u", d->ip_id, d->mf, d->fragment_offset);
	put_char(out, '\n');
}

static void put_transport(GString *out, const struct net_decoded *d)
{
	const char *right = d->mf ? "of_all_fragments" : verdict(d, NET_BAD_CHECKSUM);

	if (d->layers & NET_LAYER_ICMP) {
		put_text(out, "icmp message=");
		put_icmp_name(out, d->icmp_type, d->icmp_code);
		g_string_append_printf(out, " id=%u seq=%u checksum=0x%04x,%s\n", d->icmp_id, d->icmp_seq, d->checksum, right);
	} else if (d->layers & NET_LAYER_ICMP6) {
		char target[NET_ADDR_TEXT];

		put_text(out, "icmp6 message=");
		put_icmp6_name(out, d->icmp_type, d->icmp_code);
		if (d->icmp_target.family)
			g_string_append_printf(out, " target=%s", net_addr_text(&d->icmp_target, target));
		else
			g_string_append_printf(out, " id=%u seq=%u", d->icmp_id, d->icmp_seq);
		g_string_append_printf(out, " checksum=0x%04x,%s\n", d->checksum, right);
	} else if (d->layers & NET_LAYER_UDP) {
		g_string_append_printf(out, "udp src_port=%u dst_port=%u len=%u checksum=0x%04x,%s\n", d->sport, d->dport,
				       d->payload_len + 8, d->checksum, d->checksum ? right : "none");
	} else {
		g_string_append_printf(out, "tcp src_port=%u dst_port=%u seq=%u ack=%u header=%u flags=", d->sport, d->dport,
				       d->seq, d->ack, d->tcp_header);
		put_tcp_flags(out, d->tcp_flags);
		g_string_append_printf(out, " window=%u checksum=0x%04x,%s", d->window, d->checksum, right);
		if (d->options.mss_present)
			g_string_append_printf(out, " mss=%u", d->options.mss);
		if (d->options.ts_present)
			g_string_append_printf(out, " ts=%u:%u", d->options.tsval, d->options.tsecr);
		put_char(out, '\n');
	}
}

/* The layers, from the outside to the inside: each starts where the one before ends. */
static void put_layers(GString *out, const struct net_frame *f, const struct net_decoded *d)
{
	uint32_t at = 14, data = d->payload, end = d->payload + d->payload_len;

	put_ethernet(out, d);
	put_dump(out, f->bytes, 0, at);
	if (d->layers & NET_LAYER_ARP) {
		put_arp(out, d);
		put_dump(out, f->bytes, at, data);
		at = data;
	}
	if (d->layers & (NET_LAYER_IPV4 | NET_LAYER_IPV6)) {
		uint32_t least = d->layers & NET_LAYER_IPV6 ? 40 : 20;
		uint32_t ip_end = d->bad & NET_BAD_LENGTH && data == at ? MIN(at + least, f->len) : at + d->ip_header;

		if (d->layers & NET_LAYER_IPV6)
			put_ipv6(out, d);
		else
			put_ipv4(out, d);
		put_dump(out, f->bytes, at, ip_end);
		at = ip_end;
		data = MAX(data, at);
		end = MAX(end, at);
	}
	if (d->layers & (NET_LAYER_ICMP | NET_LAYER_ICMP6 | NET_LAYER_UDP | NET_LAYER_TCP)) {
		put_transport(out, d);
		put_dump(out, f->bytes, at, data);
	}
	end = MIN(end, f->len);
	if (end > data) {
		g_string_append_printf(out, "data len=%u\n", end - data);
		put_dump(out, f->bytes, data, end);
	}
	if (f->len > MAX(end, data)) {
		g_string_append_printf(out, "padding len=%u\n", f->len - MAX(end, data));
		put_dump(out, f->bytes, MAX(end, data), f->len);
	}
}

static int show_frame(const struct node *n, GString *out, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	g_autoptr(GString) fate = g_string_new(NULL);
	struct net_port_info port;
	struct net_decoded d;
	struct net_frame f;

	if (!w)
		return -e->code;
	if (!net_wire_frame(w, n->arg2, &f))
		return err_set(e, ENOENT, -1, "frame %" PRIu64 " is not kept any more", n->arg2);
	net_decode(f.bytes, f.len, true, &d);
	net_fate_text(&f, fate);
	g_string_append_printf(out, "frame number=%" PRIu64 " from=%s bytes=%u time=", f.number,
			       net_wire_port(w, f.port, &port) ? port.name : "-", f.len);
	put_time(out, f.time);
	put_text(out, " arrival=");
	if (f.arrival)
		put_time(out, f.arrival);
	else
		put_char(out, '-');
	g_string_append_printf(out, " fcs=0x%08x", net_fcs(f.bytes, f.len));
	if (fate->len)
		g_string_append_printf(out, " fate=%s", g_strdelimit(fate->str, " ", '_'));
	put_char(out, '\n');
	put_layers(out, &f, &d);
	return 0;
}

static bool frame_alive(const struct node *n)
{
	struct net_wire *w = world_wire(n, NULL);
	struct net_frame f;

	return w && net_wire_frame(w, n->arg2, &f);
}

static const struct row frame_row = {
	.name = "FRAME", .kind = ROW_TEXT, .mode = 0444, .show = show_frame, .alive = frame_alive, .help = "wire-frames",
};

static int find_frame(const struct node *dir, const char *name, struct node *child)
{
	*child = *dir;
	child->row = &frame_row;
	if (strspn(name, "0123456789") != strlen(name) || *name == '0' || parse_number(name, &child->arg2, NULL) ||
	    !frame_alive(child))
		return -ENOENT;
	return 0;
}

const struct dir_ops wire_frame_dir = { .find = find_frame };
