/*
 * tcp_cookie.c - SYN cookies (Bernstein 1996; RFC 4987 3.6): the ISN of the answer holds all that must be known.
 *
 * ISN = F(ends, 0) + SEQ + (minute << 24) + ((F(ends, minute) + index of the mss) & 0xffffff); a cookie is good for two minutes.
 */
#include "tcp.h"

enum { COOKIE_MINUTES = 2 };
static const uint16_t mss_table[] = { 536, 1300, 1440, 1460 };

static uint32_t cookie_hash(struct net_host *h, const struct ip_in *in, uint32_t minute)
{
	struct { uint32_t src, dst, ports, minute, purpose; } x = { in->src, in->dst, get32(in->at), minute, 3 };

	return (uint32_t)siphash(&h->secret, &x, sizeof(x));
}

static uint32_t minute_of(const struct net_host *h)
{
	return (uint32_t)(net_now(h->net) / (60 * NS_PER_S));
}

uint32_t cookie_make(struct net_host *h, const struct ip_in *in, const struct seg_in *g)
{
	uint32_t minute = minute_of(h), index = G_N_ELEMENTS(mss_table) - 1;
	uint16_t mss = g->o.mss_present ? g->o.mss : MSS_DEFAULT;

	while (index > 0 && mss_table[index] > mss)
		index--;
	return cookie_hash(h, in, 0) + g->seq + (minute << 24) + ((cookie_hash(h, in, minute + 1) + index) & 0xffffff);
}

uint16_t cookie_check(struct net_host *h, const struct ip_in *in, const struct seg_in *g)
{
	uint32_t now = minute_of(h), x = g->ack - 1 - cookie_hash(h, in, 0) - (g->seq - 1), age, index;

	age = (now - (x >> 24)) & 0xff;
	if (age >= COOKIE_MINUTES)
		return 0;
	index = (x - cookie_hash(h, in, now - age + 1)) & 0xffffff;
	return index < G_N_ELEMENTS(mss_table) ? mss_table[index] : 0;
}
