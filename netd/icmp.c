/* icmp.c - ICMP (RFC 792, 1122 3.2.2, 1812 4.3): echo, errors sent, errors taken to the sockets they concern. */
#include "host.h"

enum { ECHO_REPLY = 0, UNREACHABLE = 3, REDIRECT = 5, ECHO = 8, EXCEEDED = 11, PARAMETER = 12, QUOTE_MAX = 576 };
enum { BURST = 6 }; /* errors that may go to one destination at once; then one each ICMP_RATELIMIT */

static void icmp_send(struct net_host *h, struct ip_addr src, struct ip_addr dst, struct frame *f, struct route_hit *hit)
{
	struct ip_out o = { .src = src, .dst = dst, .protocol = IP_ICMP, .ttl = (uint8_t)KNOB(h, IP_DEFAULT_TTL) };
	uint8_t *p = transport(f);

	put16(p + 2, 0);
	put16(p + 2, sum_end(sum_add(0, p, transport_len(f))));
	COUNT(h, Icmp_OutMsgs);
	h->icmp_out[p[0]]++;
	if (p[0] == ECHO_REPLY)
		COUNT(h, Icmp_OutEchoReps);
	else if (p[0] == ECHO)
		COUNT(h, Icmp_OutEchos);
	else if (p[0] == UNREACHABLE)
		COUNT(h, Icmp_OutDestUnreachs);
	else if (p[0] == EXCEEDED)
		COUNT(h, Icmp_OutTimeExcds);
	else if (p[0] == PARAMETER)
		COUNT(h, Icmp_OutParmProbs);
	ip_send(h, &o, hit, f);
}

/* --- errors out ------------------------------------------------------------------------------- */

bool icmp_may_tell(struct net_host *h, struct ip_addr dst)
{
	ns_t interval = KNOB_MS(h, ICMP_RATELIMIT), now = net_now(h->net);
	struct icmp_bucket *b;

	if (interval == 0)
		return true;
	b = g_hash_table_lookup(h->icmp_buckets, &dst);
	if (!b) {
		if (g_hash_table_size(h->icmp_buckets) >= 4096)
			g_hash_table_remove_all(h->icmp_buckets);
		b = g_new(struct icmp_bucket, 1);
		*b = (struct icmp_bucket){ .dst = dst, .tokens = BURST * interval, .last = now };
		g_hash_table_insert(h->icmp_buckets, b, b);
	}
	b->tokens = MIN(b->tokens + (now - b->last), BURST * interval);
	b->last = now;
	if (b->tokens < interval)
		return false;
	b->tokens -= interval;
	return true;
}

static bool is_icmp_error(uint8_t type)
{
	return type == UNREACHABLE || type == 4 || type == REDIRECT || type == EXCEEDED || type == PARAMETER;
}

/* RFC 1122 3.2.2: never about an error, a broadcast, a later fragment, or to what is no single host. */
static bool may_complain(const struct net_host *h, const struct net_iface *arrived, const struct frame *f)
{
	const uint8_t *p = packet((struct frame *)f);
	uint32_t src = get32(p + 12), dst = get32(p + 16), header = (p[0] & 15u) * 4;

	if (get16(p + 6) & 0x1fff || dst == ADDR_BROADCAST || dst >> 28 == 14 || src == 0 || src == ADDR_BROADCAST ||
	    src >> 28 >= 14 || (src >> 24 == 127 && arrived != h->lo))
		return false;
	if (arrived && (iface_broadcast(arrived, dst) || iface_broadcast(arrived, src)))
		return false;
	if (arrived && arrived != h->lo && frame_bytes((struct frame *)f)[0] & 1)
		return false;
	return p[9] != IP_ICMP || packet_len(f) <= header || !is_icmp_error(p[header]);
}

void icmp_error(struct net_host *h, const struct net_iface *arrived, const struct frame *f, uint8_t type, uint8_t code,
		uint32_t rest)
{
	const uint8_t *p = packet((struct frame *)f);
	struct ip_addr src, dst = ip4(get32(p + 12)), about = ip4(get32(p + 16));
	uint32_t len;
	struct route_hit hit;
	struct frame *out;
	uint8_t *q;

	if (!may_complain(h, arrived, f) || route_find(h, dst, &hit) < 0)
		return;
	if (!icmp_may_tell(h, dst)) {
		COUNT(h, Icmp_OutRateLimitHost);
		return;
	}
	src = host_has(h, about) ? about : hit.src;
	len = MIN(MIN((uint32_t)get16(p + 2), packet_len(f)), QUOTE_MAX - IP_HEADER - 8);
	out = ip_frame(h, dst, 8 + len);
	q = transport(out);
	q[0] = type;
	q[1] = code;
	put32(q + 4, rest);
	memcpy(q + 8, p, len);
	icmp_send(h, src, dst, out, &hit);
}

void icmp_port_unreachable(struct net_host *h, const struct ip_in *in, const struct frame *f)
{
	if (ip_is4(in->dst))
		icmp_error(h, in->iface, f, UNREACHABLE, 3, 0);
	else
		icmp6_error(h, in->iface, f, 1, 4, 0);
}

static void tell_socket(struct net_host *h, const uint8_t *quoted, uint32_t len, uint8_t type, uint8_t code, uint32_t rest,
			struct ip_addr from);

void icmp_host_unreachable(struct net_host *h, struct net_iface *i, struct frame *f)
{
	const uint8_t *p = packet(f);
	struct ip_addr src;

	if (p[0] >> 4 == 6) {
		icmp6_host_unreachable(h, i, f);
		return;
	}
	f = nat_restored(h, f);
	p = packet(f);
	src = ip4(get32(p + 12));
	if (host_has(h, src))
		tell_socket(h, p, packet_len(f), UNREACHABLE, 1, 0, src);
	else
		icmp_error(h, NULL, f, UNREACHABLE, 1, 0);
	frame_put(f);
}

/* --- errors in -------------------------------------------------------------------------------- */

static int icmp_errno(uint8_t type, uint8_t code, bool *fatal)
{
	static const struct { int error; bool fatal; } unreachable[] = {
		{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true }, { ECONNREFUSED, true },
		{ EMSGSIZE, false }, { EOPNOTSUPP, false }, { ENETUNREACH, true }, { EHOSTDOWN, true },
		{ ENONET, true }, { ENETUNREACH, true }, { EHOSTUNREACH, true }, { ENETUNREACH, false },
		{ EHOSTUNREACH, false }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true },
	};

	*fatal = false;
	if (type == UNREACHABLE && code < G_N_ELEMENTS(unreachable)) {
		*fatal = unreachable[code].fatal;
		return unreachable[code].error;
	}
	if (type == PARAMETER) {
		*fatal = true;
		return EPROTO;
	}
	return EHOSTUNREACH; /* time exceeded */
}

/* `quoted` is a packet that this host has sent, or what came back of it. */
static void tell_socket(struct net_host *h, const uint8_t *quoted, uint32_t len, uint8_t type, uint8_t code, uint32_t rest,
			struct ip_addr from)
{
	struct ip_in in = { .ip = quoted };
	uint32_t header, mtu = 0;
	bool fatal;
	int error;

	if (len < IP_HEADER || quoted[0] >> 4 != 4)
		return;
	header = (quoted[0] & 15u) * 4;
	if (header < IP_HEADER || len < header + 8 || get16(quoted + 6) & 0x1fff)
		return;
	in.at = quoted + header;
	in.len = len - header;
	in.src = ip4(get32(quoted + 12));
	in.dst = ip4(get32(quoted + 16));
	in.protocol = quoted[9];
	in.ttl = quoted[8];
	in.total = get16(quoted + 2);
	if (!host_has(h, in.src))
		return;
	error = icmp_errno(type, code, &fatal);
	if (type == UNREACHABLE && code == 4)
		mtu = rest & 0xffff ? rest & 0xffff : pmtu_plateau(get16(quoted + 2));
	if (in.protocol == IP_TCP) {
		tcp_error(h, &in, error, fatal, type, code, mtu);
		return;
	}
	if (mtu && !KNOB(h, NO_PMTU_DISC))
		pmtu_learn(h, in.dst, rest & 0xffff, get16(quoted + 2));
	if (in.protocol == IP_UDP)
		udp_error(h, &in, error, fatal, type, code, from);
	else if (in.protocol == IP_ICMP)
		ping_error(h, &in, error, type, code, from);
	else if (in.protocol == IP_RDT)
		rdt_packet_error(h, &in, error, fatal);
}

/* --- echo ------------------------------------------------------------------------------------- */

static void answer_echo(struct net_host *h, const struct ip_in *in)
{
	struct route_hit hit;
	struct frame *out;

	if (in->broadcast || KNOB(h, ICMP_ECHO_IGNORE_ALL) || route_find(h, in->src, &hit) < 0)
		return;
	out = ip_frame(h, in->src, in->len);
	memcpy(transport(out), in->at, in->len);
	transport(out)[0] = ECHO_REPLY;
	icmp_send(h, in->dst, in->src, out, &hit);
}

int icmp_echo(struct net_host *h, struct ip_addr dst, uint16_t id, uint16_t seq, const void *data, uint32_t len, uint8_t ttl,
	      bool broadcast)
{
	struct ip_out o = { .dst = dst, .protocol = IP_ICMP, .ttl = ttl };
	struct route_hit hit;
	struct frame *f;
	uint8_t *p;
	int result;

	if (ip_is6(dst))
		return icmp6_echo(h, dst, id, seq, data, len, ttl);
	result = route_find(h, dst, &hit);
	if (result < 0)
		return result;
	if (hit.broadcast && !broadcast)
		return -EACCES;
	f = ip_frame(h, dst, 8 + len);
	p = transport(f);
	p[0] = ECHO;
	p[1] = 0;
	put16(p + 2, 0);
	put16(p + 4, id);
	put16(p + 6, seq);
	memcpy(p + 8, data, len);
	put16(p + 2, sum_end(sum_add(0, p, 8 + len)));
	COUNT(h, Icmp_OutMsgs);
	COUNT(h, Icmp_OutEchos);
	h->icmp_out[ECHO]++;
	o.src = hit.src;
	o.mtu = pmtu_to(h, dst, &hit, NULL);
	o.df = packet_len(f) <= o.mtu && !KNOB(h, NO_PMTU_DISC);
	return ip_send(h, &o, &hit, f);
}

void icmp_input(struct net_host *h, struct frame *f, const struct ip_in *in)
{
	const uint8_t *p = in->at;

	COUNT(h, Icmp_InMsgs);
	if (in->len < 8 || sum_end(sum_add(0, p, in->len)) != 0) {
		COUNT(h, Icmp_InErrors);
		if (in->len >= 8)
			COUNT(h, Icmp_InCsumErrors);
		frame_put(f);
		return;
	}
	h->icmp_in[p[0]]++;
	switch (p[0]) {
	case ECHO:
		COUNT(h, Icmp_InEchos);
		answer_echo(h, in);
		break;
	case ECHO_REPLY:
		COUNT(h, Icmp_InEchoReps);
		ping_reply(h, frame_hold(f), in);
		break;
	case UNREACHABLE:
		COUNT(h, Icmp_InDestUnreachs);
		tell_socket(h, p + 8, in->len - 8, p[0], p[1], get32(p + 4), in->src);
		break;
	case EXCEEDED:
		COUNT(h, Icmp_InTimeExcds);
		tell_socket(h, p + 8, in->len - 8, p[0], p[1], 0, in->src);
		break;
	case PARAMETER:
		COUNT(h, Icmp_InParmProbs);
		tell_socket(h, p + 8, in->len - 8, p[0], p[1], 0, in->src);
		break;
	case REDIRECT:
		COUNT(h, Icmp_InRedirects); /* not followed: our hosts are told their routes */
		break;
	default:
		COUNT(h, Icmp_InErrors);
	}
	frame_put(f);
}
