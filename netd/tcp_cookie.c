/*
 * tcp_cookie.c - SYN cookies (Bernstein 1996; RFC 4987 3.6): the ISN of the answer holds all that must be known.
 *
 * The option of timestamps, if there is one, holds the others in the low bits of its value, as Linux has them.
 *
 * ISN = F(ends, 0) + SEQ + (minute << 24) + ((F(ends, minute) + index of the mss) & 0xffffff); a cookie is good for two minutes.
 */
#include "tcp.h"

enum { COOKIE_MINUTES = 2, COOKIE_WSCALE = 15 /* none */, COOKIE_SACK = 16, COOKIE_BITS = 6 };
static const uint16_t mss_table[] = { 536, 1300, 1440, 1460 };

static uint32_t cookie_hash(struct net_host *h, const struct ip_in *in, uint32_t minute)
{
	struct { uint32_t src, dst, ports, minute, purpose; } x = { ip_v4(in->src), ip_v4(in->dst), get32(in->at), minute, 3 };
	struct { struct ip_addr src, dst; uint32_t ports, minute, purpose, zero; } y = { in->src, in->dst, get32(in->at),
											 minute, 3, 0 };

	return (uint32_t)(ip_is4(in->dst) ? siphash(&h->secret, &x, sizeof(x)) : siphash(&h->secret, &y, sizeof(y)));
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

uint32_t cookie_tsval(const struct net_host *h, const struct net_tcp_options *o)
{
	uint32_t now = (uint32_t)(net_now(h->net) / NS_PER_MS), v = now >> COOKIE_BITS << COOKIE_BITS;

	v |= o->wscale_present ? MIN(o->wscale, WSCALE_MAX) : COOKIE_WSCALE;
	v |= o->sack_permitted ? COOKIE_SACK : 0;
	return v > now ? v - (1u << COOKIE_BITS) : v; /* never ahead of the clock */
}

void cookie_options(uint32_t tsval, struct net_tcp_options *o)
{
	uint32_t wscale = tsval & COOKIE_WSCALE;

	o->sack_permitted = tsval & COOKIE_SACK;
	o->wscale_present = wscale != COOKIE_WSCALE;
	o->wscale = (uint8_t)(o->wscale_present ? wscale : 0);
}
