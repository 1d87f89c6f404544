/* icmp6.c - ICMPv6 (RFC 4443): echo, errors sent, errors taken to the sockets they concern. */
#include "host.h"

enum { UNREACHABLE = 1, TOO_BIG = 2, EXCEEDED = 3, PROBLEM = 4, ECHO = 128, ECHO_REPLY = 129, REDIRECT = 137 };

void icmp6_send(struct net_host *h, struct ip_addr src, struct ip_addr dst, struct frame *f, struct route_hit *hit, uint8_t ttl)
{
	static const struct { uint8_t type; enum net_counter6 counter; } counters[] = {
		{ 1, NET6_Icmp6OutDestUnreachs }, { 2, NET6_Icmp6OutPktTooBigs }, { 3, NET6_Icmp6OutTimeExcds },
		{ 4, NET6_Icmp6OutParmProblems }, { 128, NET6_Icmp6OutEchos }, { 129, NET6_Icmp6OutEchoReplies },
		{ 133, NET6_Icmp6OutRouterSolicits }, { 134, NET6_Icmp6OutRouterAdvertisements },
		{ 135, NET6_Icmp6OutNeighborSolicits }, { 136, NET6_Icmp6OutNeighborAdvertisements },
		{ 137, NET6_Icmp6OutRedirects },
	};
	struct ip_out o = { .src = src, .dst = dst, .protocol = IP_ICMP6, .ttl = ttl ? ttl : (uint8_t)KNOB(h, HOP_LIMIT) };
	uint8_t *p = transport(f);

	put16(p + 2, 0);
	put16(p + 2, sum_end(sum_add(sum_pseudo(src, dst, IP_ICMP6, transport_len(f)), p, transport_len(f))));
	COUNT6(h, Icmp6OutMsgs);
	h->icmp6_out[p[0]]++;
	for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
		h->count6[counters[i].counter] += counters[i].type == p[0];
	o.mtu = p[0] == ECHO || p[0] == ECHO_REPLY ? pmtu_to(h, dst, hit, NULL) : 0;
	ip6_send(h, &o, hit, f);
}

/* --- errors out ------------------------------------------------------------------------------- */

/* The protocol of the packet behind its extension headers; at[] the offset of its header, or 0: cut off. */
static uint8_t upper_protocol(const uint8_t *p, uint32_t len, uint32_t *at, bool *later)
{
	uint8_t next = p[6];

	*at = IP6_HEADER;
	*later = false;
	while (next == IP_HOPOPTS || next == IP_ROUTING || next == IP_DSTOPTS || next == IP_FRAGMENT) {
		if (*at + 8 > len) {
			*at = 0;
			return IP_NONE;
		}
		if (next == IP_FRAGMENT && get16(p + *at + 2) & 0xfff8) {
			*later = true;
			return p[*at];
		}
		next = p[*at];
		*at += next == IP_FRAGMENT || p[*at + 1] == 0 ? 8 : (p[*at + 1] + 1u) * 8;
	}
	return next;
}

/* RFC 4443 2.4(e): what no error is sent about. */
static bool may_complain(const struct net_host *h, const uint8_t *p, uint32_t len, struct ip_addr src, struct ip_addr dst,
			 bool by_link_group, uint8_t type, uint8_t code)
{
	bool exempt = type == TOO_BIG || (type == PROBLEM && code == 2), later;
	uint32_t at;

	if (len < IP6_HEADER || ip_none(src) || ip_is_multicast(src) || ip_is_loopback(src) != ip_is_loopback(dst))
		return false;
	if ((ip_is_multicast(dst) || by_link_group) && !exempt)
		return false;
	if (upper_protocol(p, len, &at, &later) != IP_ICMP6)
		return true;
	if (type == PROBLEM && code == 3 && at >= len) /* which is what it is about: RFC 8200 4.5 */
		return true;
	return !later && at != 0 && at < len && p[at] >= 128 && p[at] != REDIRECT;
}

void icmp6_error(struct net_host *h, const struct net_iface *arrived, const struct frame *f, uint8_t type, uint8_t code,
		 uint32_t rest)
{
	struct frame *about = (struct frame *)f;
	const uint8_t *p = packet(about);
	uint32_t len = packet_len(f);
	unsigned index = arrived ? arrived->index : 0;
	struct ip_addr src, dst, mine;
	struct route_hit hit;
	struct frame *out;
	uint8_t *q;

	if (len < IP6_HEADER)
		return;
	len = MIN(len, IP6_HEADER + (uint32_t)get16(p + 4));
	dst = ip_on(ip_get6(p + 8), index);
	src = ip_on(ip_get6(p + 24), index);
	if (!may_complain(h, p, len, dst, src, arrived && arrived != h->lo && frame_bytes(about)[0] & 1, type, code) ||
	    route_find(h, dst, &hit) < 0)
		return;
	mine = host_has(h, src) ? src : hit.src;
	if (ip_none(mine))
		return;
	if (!icmp_may_tell(h, dst)) {
		COUNT6(h, Icmp6OutRateLimitHost);
		return;
	}
	len = MIN(len, (uint32_t)IP6_MTU_MIN - IP6_HEADER - 8);
	out = ip_frame(h, dst, 8 + len);
	q = transport(out);
	q[0] = type;
	q[1] = code;
	put32(q + 4, rest);
	memcpy(q + 8, p, len);
	icmp6_send(h, mine, dst, out, &hit, 0);
}

static void tell_socket(struct net_host *h, const struct net_iface *i, const uint8_t *quoted, uint32_t len, uint8_t type,
			uint8_t code, uint32_t rest, struct ip_addr from);

void icmp6_host_unreachable(struct net_host *h, struct net_iface *i, struct frame *f)
{
	const uint8_t *p = packet(f);
	struct ip_addr src = ip_on(ip_get6(p + 8), i->index);

	if (host_has(h, src))
		tell_socket(h, i, p, packet_len(f), UNREACHABLE, 3, 0, src);
	else
		icmp6_error(h, NULL, f, UNREACHABLE, 3, 0);
	frame_put(f);
}

/* --- errors in -------------------------------------------------------------------------------- */

/* As Linux's icmpv6_err_convert(). */
static int error_of(uint8_t type, uint8_t code, bool *fatal)
{
	static const struct { int error; bool fatal; } unreachable[] = {
		{ ENETUNREACH, false }, { EACCES, true }, { EHOSTUNREACH, false }, { EHOSTUNREACH, false },
		{ ECONNREFUSED, true }, { EACCES, true }, { EACCES, true },
	};

	*fatal = false;
	if (type == UNREACHABLE && code < G_N_ELEMENTS(unreachable)) {
		*fatal = unreachable[code].fatal;
		return unreachable[code].error;
	}
	if (type == TOO_BIG)
		return EMSGSIZE;
	*fatal = type == PROBLEM;
	return type == PROBLEM ? EPROTO : EHOSTUNREACH;
}

/* `quoted` is a packet that this host has sent, or what came back of it. */
static void tell_socket(struct net_host *h, const struct net_iface *i, const uint8_t *quoted, uint32_t len, uint8_t type,
			uint8_t code, uint32_t rest, struct ip_addr from)
{
	struct ip_in in = { .ip = quoted };
	uint32_t at, mtu = 0;
	bool fatal, later;
	int error;

	if (len < IP6_HEADER || quoted[0] >> 4 != 6)
		return;
	in.protocol = upper_protocol(quoted, len, &at, &later);
	if (at == 0 || later || at + 8 > len)
		return;
	in.at = quoted + at;
	in.len = len - at;
	in.total = IP6_HEADER + get16(quoted + 4);
	in.src = ip_on(ip_get6(quoted + 8), i->index);
	in.dst = ip_on(ip_get6(quoted + 24), i->index);
	in.ttl = quoted[7];
	if (!host_has(h, in.src) || ip_is4(in.dst) || ip_none(in.dst))
		return;
	error = error_of(type, code, &fatal);
	if (type == TOO_BIG) {
		if (rest < IP6_MTU_MIN) /* RFC 8201 4: not believed */
			return;
		mtu = rest;
	}
	if (in.protocol == IP_TCP) {
		tcp_error(h, &in, error, fatal, type, code, mtu);
		return;
	}
	if (mtu)
		pmtu_learn(h, in.dst, mtu, in.total);
	if (in.protocol == IP_UDP)
		udp_error(h, &in, error, fatal, type, code, from);
	else if (in.protocol == IP_ICMP6 && in.at[0] == ECHO)
		ping_error(h, &in, error, type, code, from);
}

/* --- echo ------------------------------------------------------------------------------------- */

/* RFC 4443 4.2: also to a group, and then from an address of the interface. */
static void answer_echo(struct net_host *h, const struct ip_in *in)
{
	struct route_hit hit;
	struct ip_addr mine = in->dst;
	struct frame *out;

	if (KNOB(h, ICMP_ECHO_IGNORE_ALL) || ip_none(in->src) || route_find(h, in->src, &hit) < 0)
		return;
	if (in->broadcast)
		mine = iface_source(in->iface, in->src);
	if (!host_has(h, mine) || (in->broadcast && !icmp_may_tell(h, in->src)))
		return;
	out = ip_frame(h, in->src, in->len);
	memcpy(transport(out), in->at, in->len);
	transport(out)[0] = ECHO_REPLY;
	icmp6_send(h, mine, in->src, out, &hit, 0);
}

int icmp6_echo(struct net_host *h, struct ip_addr dst, uint16_t id, uint16_t seq, const void *data, uint32_t len, uint8_t ttl)
{
	struct route_hit hit;
	struct frame *f;
	uint8_t *p;
	int result = route_find(h, dst, &hit);

	if (result < 0)
		return result;
	if (ip_none(hit.src))
		return -EADDRNOTAVAIL;
	f = ip_frame(h, dst, 8 + len);
	p = transport(f);
	p[0] = ECHO;
	p[1] = 0;
	put16(p + 4, id);
	put16(p + 6, seq);
	memcpy(p + 8, data, len);
	icmp6_send(h, hit.src, dst, f, &hit, ttl);
	return 0;
}

static enum net_counter6 counter_in(uint8_t type)
{
	static const struct { uint8_t type; enum net_counter6 counter; } counters[] = {
		{ 1, NET6_Icmp6InDestUnreachs }, { 2, NET6_Icmp6InPktTooBigs }, { 3, NET6_Icmp6InTimeExcds },
		{ 4, NET6_Icmp6InParmProblems }, { 128, NET6_Icmp6InEchos }, { 129, NET6_Icmp6InEchoReplies },
		{ 133, NET6_Icmp6InRouterSolicits }, { 134, NET6_Icmp6InRouterAdvertisements },
		{ 135, NET6_Icmp6InNeighborSolicits }, { 136, NET6_Icmp6InNeighborAdvertisements },
		{ 137, NET6_Icmp6InRedirects }, { 143, NET6_Icmp6InMLDv2Reports },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(counters); i++)
		if (counters[i].type == type)
			return counters[i].counter;
	return NET_COUNTERS6_END;
}

void icmp6_input(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	const uint8_t *p = in->at;
	enum net_counter6 counter;

	COUNT6(h, Icmp6InMsgs);
	if (in->len < 4 || sum_end(sum_add(sum_pseudo(in->src, in->dst, IP_ICMP6, in->len), p, in->len)) != 0) {
		COUNT6(h, Icmp6InErrors);
		if (in->len >= 4)
			COUNT6(h, Icmp6InCsumErrors);
		frame_put(f);
		return;
	}
	h->icmp6_in[p[0]]++;
	counter = counter_in(p[0]);
	if (counter != NET_COUNTERS6_END)
		h->count6[counter]++;
	if (in->len < 8) {
		COUNT6(h, Icmp6InErrors);
	} else if (p[0] == ECHO) {
		answer_echo(h, in);
	} else if (p[0] == ECHO_REPLY) {
		ping_reply(h, frame_hold(f), in);
	} else if (p[0] >= 1 && p[0] <= 4) {
		tell_socket(h, in->iface, p + 8, in->len - 8, p[0], p[1], get32(p + 4), in->src);
	} else if (p[0] >= 133 && p[0] <= REDIRECT) {
		nd_input(h, in);
	} else if (p[0] < 128) { /* an error of a kind not known: RFC 4443 2.4(a) has it passed up, and nobody wants it */
		COUNT6(h, Icmp6InErrors);
	}
	frame_put(f);
}
