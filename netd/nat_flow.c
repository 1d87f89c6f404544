/* nat_flow.c - the two ends in the bytes of a packet. Checksums are updated, not computed anew (RFC 1624): damage stays visible. */
#include "nat.h"

#include "net_decode.h"

static uint32_t header_len(const uint8_t *p)
{
	return (p[0] & 15u) * 4;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IP_TCP || protocol == IP_UDP || protocol == IP_RDT;
}

/* The identifier is a port of who has asked. */
static void read_icmp(const uint8_t *at, uint32_t len, struct nat_flow *f)
{
	switch (at[0]) {
	case 3: case 4: case 5: case 11: case 12:
		f->error = true;
		return;
	case 8: case 13: case 15: case 17:
		f->query = true;
		f->src.port = len >= 6 ? get16(at + 4) : 0;
		return;
	case 0: case 14: case 16: case 18:
		f->dst.port = len >= 6 ? get16(at + 4) : 0;
		return;
	}
}

bool nat_flow_read(const uint8_t *p, uint32_t len, struct nat_flow *f)
{
	uint32_t header;
	const uint8_t *at;

	*f = (struct nat_flow){ 0 };
	if (len < IP_HEADER || p[0] >> 4 != 4 || get16(p + 6) & 0x1fff)
		return false;
	header = header_len(p);
	if (header < IP_HEADER || len < header)
		return false;
	at = p + header;
	len -= header;
	f->protocol = p[9];
	f->src.addr = get32(p + 12);
	f->dst.addr = get32(p + 16);
	if (p[9] == IP_ICMP) {
		if (len < 4)
			return false;
		read_icmp(at, len, f);
		return true;
	}
	f->query = true;
	if (!has_ports(p[9]))
		return true;
	if (len < 4)
		return false;
	f->src.port = get16(at);
	f->dst.port = get16(at + 2);
	if (p[9] == IP_TCP && len >= 14) {
		f->flags = at[13];
		f->query = (f->flags & (NET_SYN | NET_ACK)) != (NET_SYN | NET_ACK) && !(f->flags & NET_RST);
	}
	return true;
}

/* Where the transport's checksum is, or NULL: there is none, or it is cut off. */
static uint8_t *transport_sum(uint8_t *at, uint32_t len, uint8_t protocol)
{
	uint32_t place = protocol == IP_TCP ? 16 : protocol == IP_UDP || protocol == IP_RDT ? 6 : protocol == IP_ICMP ? 2 : len;

	if (place + 2 > len || (has_ports(protocol) && protocol != IP_TCP && get16(at + place) == 0))
		return NULL;
	return at + place;
}

static void update(uint8_t *sum, uint16_t before, uint16_t after)
{
	put16(sum, checksum_update(get16(sum), before, after));
}

static void update32(uint8_t *sum, uint32_t before, uint32_t after)
{
	update(sum, (uint16_t)(before >> 16), (uint16_t)(after >> 16));
	update(sum, (uint16_t)before, (uint16_t)after);
}

void nat_flow_write(uint8_t *p, uint32_t len, bool source, const struct nat_end *to)
{
	uint32_t header = header_len(p), before = get32(p + (source ? 12 : 16));
	uint8_t *at = p + header, *port = NULL, *sum;
	uint8_t protocol = p[9];

	len -= header;
	sum = transport_sum(at, len, protocol);
	put32(p + (source ? 12 : 16), to->addr);
	update32(p + 10, before, to->addr);
	if (sum && (protocol == IP_TCP || protocol == IP_UDP)) /* the pseudo header */
		update32(sum, before, to->addr);
	if (has_ports(protocol)) {
		port = at + (source ? 0 : 2);
	} else if (protocol == IP_ICMP && len >= 6) {
		struct nat_flow f = { 0 };

		read_icmp(at, len, &f);
		if (!f.error && (source ? f.query : !f.query))
			port = at + 4;
	}
	if (port) {
		if (sum)
			update(sum, get16(port), to->port);
		put16(port, to->port);
	}
	if (sum && protocol != IP_TCP && protocol != IP_ICMP && get16(sum) == 0)
		put16(sum, 0xffff); /* 0 would say that there is none */
}
