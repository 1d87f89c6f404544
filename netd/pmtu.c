/* pmtu.c - what the path to a destination carries (RFC 1191, 8201). */
#include "host.h"

#define PMTU_AGE (600 * NS_PER_S)

/* RFC 1191 table 7-1, for routers that do not say the next hop's MTU. */
static const uint32_t plateaus[] = { 65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };

uint32_t pmtu_plateau(uint32_t below)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(plateaus); i++)
		if (plateaus[i] < below)
			return plateaus[i];
	return 68;
}

uint32_t pmtu_to(struct net_host *h, struct ip_addr dst, const struct route_hit *hit, bool *locked)
{
	uint32_t mtu = ip_is6(dst) ? iface_mtu6(hit->iface) : iface_mtu(hit->iface);
	const struct pmtu *p = g_hash_table_size(h->pmtus) ? g_hash_table_lookup(h->pmtus, &dst) : NULL;

	if (locked)
		*locked = false;
	if (!p)
		return mtu;
	if (net_now(h->net) >= p->expires) { /* try larger again */
		g_hash_table_remove(h->pmtus, &dst);
		return mtu;
	}
	if (locked)
		*locked = p->locked;
	return MIN(mtu, p->mtu);
}

/* `mtu` as the router says, 0 if it does not; `packet` is the length of what did not fit. */
void pmtu_learn(struct net_host *h, struct ip_addr dst, uint32_t mtu, uint32_t length)
{
	struct pmtu *p;
	uint32_t least = ip_is6(dst) ? IP6_MTU_MIN : (uint32_t)KNOB(h, MIN_PMTU);
	bool locked = false;

	if (mtu == 0)
		mtu = pmtu_plateau(length);
	if (mtu < 68)
		mtu = 68;
	if (mtu >= length && length > 68) /* nonsense: it would have fitted */
		return;
	if (mtu < least) { /* smaller than we believe: let the routers cut */
		mtu = least;
		locked = true;
	}
	p = g_hash_table_lookup(h->pmtus, &dst);
	if (!p) {
		if (g_hash_table_size(h->pmtus) >= 4096)
			g_hash_table_remove_all(h->pmtus);
		p = g_new0(struct pmtu, 1);
		p->dst = dst;
		g_hash_table_insert(h->pmtus, p, p);
	}
	if (p->mtu && mtu > p->mtu && net_now(h->net) < p->expires) /* RFC 1191 3, 8201 4: nothing gets larger by being told */
		return;
	p->mtu = mtu;
	p->locked = locked;
	p->expires = net_now(h->net) + PMTU_AGE;
}
