/* decode.c - a frame taken apart. */
#include "host.h"
#include "net_decode.h"

static void decode_arp(const uint8_t *p, size_t len, struct net_decoded *d)
{
	if (len < 28 || get16(p) != 1 || get16(p + 2) != TYPE_IPV4 || p[4] != 6 || p[5] != 4) {
		d->bad |= len < 28 ? NET_BAD_SHORT : NET_BAD_LENGTH;
		return;
	}
	d->layers |= NET_LAYER_ARP;
	d->arp_op = get16(p + 6);
	memcpy(&d->arp_sha, p + 8, 6);
	d->arp_spa = net_v4(get32(p + 14));
	memcpy(&d->arp_tha, p + 18, 6);
	d->arp_tpa = net_v4(get32(p + 24));
	d->payload += 28;
	d->payload_len = 0;
}

bool net_decode_tcp_options(const uint8_t *p, size_t len, struct net_tcp_options *out)
{
	*out = (struct net_tcp_options){ 0 };
	while (len > 0) {
		uint8_t kind = p[0], size;

		if (kind == 0)
			return true;
		if (kind == 1) {
			p++, len--;
			continue;
		}
		if (len < 2 || p[1] < 2 || p[1] > len)
			return false;
		size = p[1];
		if (kind == 2 && size == 4) {
			out->mss_present = true;
			out->mss = get16(p + 2);
		} else if (kind == 3 && size == 3) {
			out->wscale_present = true;
			out->wscale = p[2];
		} else if (kind == 4 && size == 2) {
			out->sack_permitted = true;
		} else if (kind == 5 && size >= 10 && (size - 2) % 8 == 0 && size <= 34) {
			out->sacks = (uint8_t)((size - 2) / 8);
			for (int i = 0; i < out->sacks; i++) {
				out->sack[i].start = get32(p + 2 + 8 * i);
				out->sack[i].end = get32(p + 6 + 8 * i);
			}
		} else if (kind == 8 && size == 10) {
			out->ts_present = true;
			out->tsval = get32(p + 2);
			out->tsecr = get32(p + 6);
		}
		p += size;
		len -= size;
	}
	return true;
}

static bool sums_to_zero(const uint8_t *p, size_t len, const struct net_decoded *d)
{
	return sum_end(sum_add(sum_pseudo(ip_of(&d->src), ip_of(&d->dst), d->protocol, (uint32_t)len), p, len)) == 0;
}

static void decode_tcp(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	if (len < 20) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	d->layers |= NET_LAYER_TCP;
	d->sport = get16(p);
	d->dport = get16(p + 2);
	d->seq = get32(p + 4);
	d->ack = get32(p + 8);
	d->tcp_header = (uint8_t)(p[12] >> 4 << 2);
	d->tcp_reserved = p[12] & 15;
	d->tcp_flags = p[13];
	d->window = get16(p + 14);
	d->checksum = get16(p + 16);
	d->urgent = get16(p + 18);
	if (checks && !sums_to_zero(p, len, d))
		d->bad |= NET_BAD_CHECKSUM;
	if (d->tcp_header < 20 || d->tcp_header > len) {
		d->bad |= NET_BAD_LENGTH;
		return;
	}
	if (!net_decode_tcp_options(p + 20, d->tcp_header - 20u, &d->options))
		d->bad |= NET_BAD_OPTIONS;
	d->payload += d->tcp_header;
	d->payload_len -= d->tcp_header;
}

static void decode_udp(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	size_t size;

	if (len < 8) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	d->layers |= NET_LAYER_UDP;
	d->sport = get16(p);
	d->dport = get16(p + 2);
	d->checksum = get16(p + 6);
	size = get16(p + 4);
	d->payload += 8;
	if (size < 8 || size > len) {
		d->bad |= d->mf && size > len ? 0 : NET_BAD_LENGTH; /* the rest is in other fragments */
		d->payload_len -= 8;
		return;
	}
	if (checks && (d->checksum != 0 || d->layers & NET_LAYER_IPV6) && !sums_to_zero(p, size, d))
		d->bad |= NET_BAD_CHECKSUM;
	d->payload_len = (uint32_t)size - 8;
}

static void decode_icmp(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	if (len < 8) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	d->layers |= NET_LAYER_ICMP;
	d->icmp_type = p[0];
	d->icmp_code = p[1];
	d->checksum = get16(p + 2);
	d->icmp_id = get16(p + 4);
	d->icmp_seq = get16(p + 6);
	if (checks && sum_end(sum_add(0, p, len)) != 0)
		d->bad |= NET_BAD_CHECKSUM;
	d->payload += 8;
	d->payload_len -= 8;
}

/* rdt_socket.c has the format. */
static void decode_rdt(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	if (len < 12) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	d->layers |= NET_LAYER_RDT;
	d->sport = get16(p);
	d->dport = get16(p + 2);
	d->rdt_type = p[4];
	d->rdt_last = p[5] & 1;
	d->rdt_numbered = p[5] & 2;
	d->checksum = get16(p + 6);
	d->rdt_number = get32(p + 8);
	if (checks && d->checksum && sum_end(sum_add(0, p, len)) != 0)
		d->bad |= NET_BAD_CHECKSUM;
	d->payload += 12;
	d->payload_len -= 12;
}

static void decode_ipv4(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	if (len < 20) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	if (p[0] >> 4 != 4) {
		d->bad |= NET_BAD_VERSION;
		return;
	}
	d->layers |= NET_LAYER_IPV4;
	d->ip_header = (p[0] & 15u) << 2;
	d->dscp = p[1] >> 2;
	d->ecn = p[1] & 3;
	d->ip_total = get16(p + 2);
	d->ip_id = get16(p + 4);
	d->reserved = p[6] & 0x80;
	d->df = p[6] & 0x40;
	d->mf = p[6] & 0x20;
	d->fragment_offset = (get16(p + 6) & 0x1fffu) * 8;
	d->ttl = p[8];
	d->protocol = p[9];
	d->ip_checksum = get16(p + 10);
	d->src = net_v4(get32(p + 12));
	d->dst = net_v4(get32(p + 16));
	if (d->ip_header < 20 || d->ip_header > len || d->ip_total < d->ip_header || d->ip_total > len) {
		d->bad |= NET_BAD_LENGTH;
		return;
	}
	if (checks && sum_end(sum_add(0, p, d->ip_header)) != 0)
		d->bad |= NET_BAD_IP_CHECKSUM;
	d->payload += d->ip_header;
	d->payload_len = (uint32_t)d->ip_total - d->ip_header;
	if (d->fragment_offset > 0)
		return;
	checks = checks && !d->mf;
	p += d->ip_header;
	if (d->protocol == 6)
		decode_tcp(p, d->payload_len, checks, d);
	else if (d->protocol == 17)
		decode_udp(p, d->payload_len, checks, d);
	else if (d->protocol == 1)
		decode_icmp(p, d->payload_len, checks, d);
	else if (d->protocol == 253)
		decode_rdt(p, d->payload_len, checks, d);
}

static void decode_icmp6(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	if (len < 8) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	d->layers |= NET_LAYER_ICMP6;
	d->icmp_type = p[0];
	d->icmp_code = p[1];
	d->checksum = get16(p + 2);
	d->icmp_id = get16(p + 4);
	d->icmp_seq = get16(p + 6);
	if (d->icmp_type == 2)
		d->icmp_mtu = get32(p + 4);
	if (d->icmp_type >= 135 && d->icmp_type <= 137 && len >= 24)
		d->icmp_target = net_v6(p + 8);
	if (checks && !sums_to_zero(p, len, d))
		d->bad |= NET_BAD_CHECKSUM;
	d->payload += 8;
	d->payload_len -= 8;
}

/* From the fixed header to the last extension header; false: cut off, or a later fragment. */
static bool walk_extensions(const uint8_t *p, struct net_decoded *d)
{
	d->protocol = p[6];
	while (d->protocol == IP_HOPOPTS || d->protocol == IP_ROUTING || d->protocol == IP_DSTOPTS ||
	       d->protocol == IP_FRAGMENT) {
		const uint8_t *q = p + d->ip_header;
		uint32_t size = 8;

		if (d->ip_header + 8 > d->ip_total || (d->protocol != IP_FRAGMENT && (size = (q[1] + 1u) * 8) + d->ip_header > d->ip_total)) {
			d->bad |= NET_BAD_SHORT;
			return false;
		}
		if (d->protocol == IP_FRAGMENT) {
			d->mf = q[3] & 1;
			d->fragment_offset = get16(q + 2) & 0xfff8;
			d->ip_id = get32(q + 4);
		}
		d->protocol = q[0];
		d->ip_header += size;
		if (d->fragment_offset > 0)
			return false;
	}
	return true;
}

static void decode_ipv6(const uint8_t *p, size_t len, bool checks, struct net_decoded *d)
{
	bool whole;

	if (len < 40) {
		d->bad |= NET_BAD_SHORT;
		return;
	}
	if (p[0] >> 4 != 6) {
		d->bad |= NET_BAD_VERSION;
		return;
	}
	d->layers |= NET_LAYER_IPV6;
	d->dscp = (uint8_t)(get16(p) >> 6 & 63);
	d->ecn = p[1] >> 4 & 3;
	d->flow_label = get32(p) & 0xfffff;
	d->ip_header = 40;
	d->ip_total = 40 + get16(p + 4);
	d->ttl = p[7];
	d->src = net_v6(p + 8);
	d->dst = net_v6(p + 24);
	if (d->ip_total > len) {
		d->protocol = p[6];
		d->bad |= NET_BAD_LENGTH;
		return;
	}
	whole = walk_extensions(p, d);
	d->payload += d->ip_header;
	d->payload_len = d->ip_total - d->ip_header;
	if (!whole)
		return;
	checks = checks && !d->mf;
	p += d->ip_header;
	if (d->protocol == IP_TCP)
		decode_tcp(p, d->payload_len, checks, d);
	else if (d->protocol == IP_UDP)
		decode_udp(p, d->payload_len, checks, d);
	else if (d->protocol == IP_ICMP6)
		decode_icmp6(p, d->payload_len, checks, d);
}

void net_decode(const uint8_t *frame, size_t len, bool checks, struct net_decoded *out)
{
	*out = (struct net_decoded){ 0 };
	if (len < FRAME_HEADER) {
		out->bad = NET_BAD_SHORT;
		return;
	}
	out->layers = NET_LAYER_ETHERNET;
	memcpy(&out->mac_dst, frame, 6);
	memcpy(&out->mac_src, frame + 6, 6);
	out->ethertype = get16(frame + 12);
	out->payload = FRAME_HEADER;
	out->payload_len = (uint32_t)len - FRAME_HEADER;
	if (out->ethertype == TYPE_ARP)
		decode_arp(frame + FRAME_HEADER, out->payload_len, out);
	else if (out->ethertype == TYPE_IPV4)
		decode_ipv4(frame + FRAME_HEADER, out->payload_len, checks, out);
	else if (out->ethertype == TYPE_IPV6)
		decode_ipv6(frame + FRAME_HEADER, out->payload_len, checks, out);
}

uint32_t net_fcs(const uint8_t *frame, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= frame[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}
