/* wire.c - DHCP's packets in frames. */
#include "dhcp/wire.h"

enum { UDP_HEADER = 8, TTL = 64, ARP_LEN = 28 };

void dhcp_send(struct net_iface *i, const uint8_t mac[6], uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
	       const struct dhcp_message *m)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct frame *f;
	uint32_t len;
	uint8_t *p, *u;
	uint64_t sum;

	dhcp_write(m, bytes);
	len = UDP_HEADER + bytes->len;
	f = ip_frame(i->host, ip4(dst), len);
	p = packet(f);
	memset(p, 0, IP_HEADER);
	p[0] = 0x45;
	put16(p + 2, IP_HEADER + len);
	p[8] = TTL;
	p[9] = IP_UDP;
	put32(p + 12, src);
	put32(p + 16, dst);
	put16(p + 10, sum_end(sum_add(0, p, IP_HEADER)));
	u = p + IP_HEADER;
	put16(u, sport);
	put16(u + 2, dport);
	put16(u + 4, len);
	put16(u + 6, 0);
	memcpy(u + UDP_HEADER, bytes->data, bytes->len);
	sum = sum_add(sum_pseudo(ip4(src), ip4(dst), IP_UDP, len), u, len);
	put16(u + 6, sum_end(sum) ? sum_end(sum) : 0xffff);
	COUNT(i->host, Udp_OutDatagrams);
	iface_send(i, f, mac, TYPE_IPV4);
}

bool dhcp_in_frame(const struct frame *f, uint16_t port, struct dhcp_message *out)
{
	const uint8_t *p = packet((struct frame *)f), *u;
	uint32_t have = frame_len(f) - FRAME_HEADER, header, total, len;

	if (frame_len(f) < FRAME_HEADER + IP_HEADER + UDP_HEADER || p[0] >> 4 != 4 || p[9] != IP_UDP || get16(p + 6) & 0x3fff)
		return false;
	header = (p[0] & 15u) * 4;
	total = get16(p + 2);
	if (header < IP_HEADER || total > have || total < header + UDP_HEADER || sum_end(sum_add(0, p, header)))
		return false;
	u = p + header;
	len = get16(u + 4);
	if (get16(u + 2) != port || len < UDP_HEADER || len > total - header)
		return false;
	if (get16(u + 6) && sum_end(sum_add(sum_pseudo(ip4(get32(p + 12)), ip4(get32(p + 16)), IP_UDP, len), u, len)))
		return false;
	return !dhcp_parse(u + UDP_HEADER, len - UDP_HEADER, out, NULL);
}

void dhcp_send_arp(struct net_iface *i, uint32_t spa, uint32_t tpa)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct frame *f = frame_new(&i->host->net->pool, FRAME_FRONT, FRAME_MIN);
	uint8_t *p;

	f->end = f->start + FRAME_HEADER + ARP_LEN;
	p = packet(f);
	memset(p, 0, ARP_LEN);
	put16(p, 1);
	put16(p + 2, TYPE_IPV4);
	p[4] = 6;
	p[5] = 4;
	put16(p + 6, 1);
	memcpy(p + 8, &i->mac, 6);
	put32(p + 14, spa);
	put32(p + 24, tpa);
	iface_send(i, f, all, TYPE_ARP);
}
