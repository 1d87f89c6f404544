/* pool.c - leases: who may have which address until when. */
#include "pool.h"

#include <string.h>

enum { OFFER_S = 60, DECLINED_S = 3600, ID_MAX = DHCP_ID_MAX };
enum state { FREE, OFFERED, BOUND, DECLINED };

struct lease {
	enum state state;        /* as long as `expires` is not over */
	ns_t     expires;        /* UINT64_MAX: never */
	uint8_t  id[ID_MAX];     /* of the present or the last client; id_len 0: there was none */
	unsigned id_len;
	uint8_t  mac[6];
	char     host[NET_DHCP_TEXT];
};

struct dhcp_pool {
	uint32_t first, count, mask, server, router, dns[DHCP_DNS];
	char     domain[DHCP_NAME_MAX];
	uint32_t seconds;
	struct lease *lease;     /* of first + index */
};

struct dhcp_pool *dhcp_pool_new(const struct net_dhcp_options *o)
{
	struct dhcp_pool *p = g_new0(struct dhcp_pool, 1);

	p->first = o->first.v4;
	p->count = o->last.v4 - o->first.v4 + 1;
	p->mask = net_mask(o->prefix);
	p->server = o->server.v4;
	p->router = o->router.family ? o->router.v4 : 0;
	for (unsigned i = 0; i < o->dns_count; i++)
		p->dns[i] = o->dns[i].v4;
	g_strlcpy(p->domain, o->domain ? o->domain : "", sizeof p->domain);
	p->seconds = o->lease;
	p->lease = g_new0(struct lease, p->count);
	return p;
}

void dhcp_pool_free(struct dhcp_pool *p)
{
	g_free(p->lease);
	g_free(p);
}

/* Who asks: the identifier, or the MAC behind its type (RFC 2132 9.14), so that both name the same one. */
static unsigned client_id(const struct dhcp_message *m, uint8_t id[ID_MAX])
{
	if (m->id_len) {
		memcpy(id, m->id, m->id_len);
		return m->id_len;
	}
	id[0] = 1;
	memcpy(id + 1, m->chaddr, 6);
	return 7;
}

static bool is_of(const struct lease *l, const struct dhcp_message *m)
{
	uint8_t id[ID_MAX];
	unsigned len = client_id(m, id);

	return l->id_len == len && !memcmp(l->id, id, len);
}

static enum state state_of(const struct lease *l, ns_t now)
{
	return l->expires > now ? l->state : FREE;
}

static bool usable(const struct dhcp_pool *p, uint32_t addr)
{
	uint32_t host = addr & ~p->mask;

	return addr != p->server && addr != p->router && (!~p->mask || ~p->mask == 1 || (host != 0 && host != ~p->mask));
}

static struct lease *lease_at(const struct dhcp_pool *p, uint32_t addr)
{
	return addr >= p->first && addr - p->first < p->count && usable(p, addr) ? &p->lease[addr - p->first] : NULL;
}

static uint32_t addr_of(const struct dhcp_pool *p, const struct lease *l)
{
	return p->first + (uint32_t)(l - p->lease);
}

static struct lease *lease_of(const struct dhcp_pool *p, const struct dhcp_message *m)
{
	for (uint32_t i = 0; i < p->count; i++)
		if (is_of(&p->lease[i], m))
			return &p->lease[i];
	return NULL;
}

/* RFC 2131 4.3.1: what the client has or had, what it wishes, one that nobody had, the one that is free for longest. */
static struct lease *choose(const struct dhcp_pool *p, const struct dhcp_message *m, ns_t now)
{
	struct lease *l = lease_of(p, m), *best = NULL;

	if (l && state_of(l, now) != DECLINED)
		return l;
	l = lease_at(p, m->requested);
	if (l && state_of(l, now) == FREE)
		return l;
	for (uint32_t i = 0; i < p->count; i++) {
		l = &p->lease[i];
		if (!usable(p, p->first + i) || state_of(l, now) != FREE)
			continue;
		if (!l->id_len && l->expires == 0)
			return l;
		if (!best || l->expires < best->expires)
			best = l;
	}
	return best;
}

static void give(struct dhcp_pool *p, struct lease *l, const struct dhcp_message *m, enum state state, ns_t expires)
{
	struct lease *old = lease_of(p, m);

	if (old && old != l) {                           /* one client, one address */
		old->id_len = 0;
		if (old->state != DECLINED)
			old->expires = 0;
	}
	l->state = state;
	l->expires = expires;
	l->id_len = client_id(m, l->id);
	memcpy(l->mac, m->chaddr, sizeof l->mac);
	g_strlcpy(l->host, m->host, sizeof l->host);
}

static void begin(const struct dhcp_pool *p, const struct dhcp_message *in, enum dhcp_type type, struct dhcp_message *out)
{
	*out = (struct dhcp_message){ .reply = true, .type = type, .xid = in->xid, .broadcast = in->broadcast, .ciaddr = in->ciaddr,
				      .siaddr = p->server, .server = p->server };
	memcpy(out->chaddr, in->chaddr, sizeof out->chaddr);
	memcpy(out->id, in->id, in->id_len);             /* RFC 6842 */
	out->id_len = in->id_len;
}

static void tell_config(const struct dhcp_pool *p, struct dhcp_message *out)
{
	out->mask = p->mask;
	out->router = p->router;
	memcpy(out->dns, p->dns, sizeof out->dns);
	g_strlcpy(out->domain, p->domain, sizeof out->domain);
}

static void tell_lease(const struct dhcp_pool *p, const struct lease *l, struct dhcp_message *out)
{
	out->yiaddr = addr_of(p, l);
	out->has_lease = true;
	out->lease = p->seconds;
	if (p->seconds != UINT32_MAX) {
		out->t1 = p->seconds / 2;
		out->t2 = (uint32_t)((uint64_t)p->seconds * 7 / 8);
	}
	tell_config(p, out);
}

static ns_t end_of(const struct dhcp_pool *p, ns_t now)
{
	return p->seconds == UINT32_MAX ? UINT64_MAX : now + p->seconds * NS_PER_S;
}

static bool discover(struct dhcp_pool *p, const struct dhcp_message *in, ns_t now, struct dhcp_message *out)
{
	struct lease *l = choose(p, in, now);

	if (!l)
		return false;                            /* no address is left: another server may have one */
	if (state_of(l, now) != BOUND)
		give(p, l, in, OFFERED, now + OFFER_S * NS_PER_S);
	begin(p, in, DHCP_OFFER, out);
	tell_lease(p, l, out);
	out->ciaddr = 0;
	return true;
}

static bool nak(const struct dhcp_pool *p, const struct dhcp_message *in, const char *why, struct dhcp_message *out)
{
	begin(p, in, DHCP_NAK, out);
	out->ciaddr = out->siaddr = 0;
	g_strlcpy(out->text, why, sizeof out->text);
	return true;
}

static bool ack(struct dhcp_pool *p, struct lease *l, const struct dhcp_message *in, ns_t now, struct dhcp_message *out)
{
	give(p, l, in, BOUND, end_of(p, now));
	begin(p, in, DHCP_ACK, out);
	tell_lease(p, l, out);
	return true;
}

/* RFC 2131 4.3.2, by what is filled in: SELECTING, INIT-REBOOT, RENEWING and REBINDING. */
static bool request(struct dhcp_pool *p, const struct dhcp_message *in, ns_t now, struct dhcp_message *out)
{
	uint32_t wanted = in->requested ? in->requested : in->ciaddr;
	struct lease *mine = lease_of(p, in), *l = lease_at(p, wanted);

	if (in->server && in->server != p->server) {     /* it has taken another's offer */
		if (mine && state_of(mine, now) == OFFERED)
			mine->expires = now;
		return false;
	}
	if (mine && state_of(mine, now) == DECLINED)
		mine = NULL;
	if (in->server)
		return l && l == mine && state_of(l, now) != FREE ? ack(p, l, in, now, out) : nak(p, in, "not_what_was_offered", out);
	if ((wanted & p->mask) != (p->server & p->mask))
		return in->requested ? nak(p, in, "wrong_network", out) : false;
	if (l && l == mine)
		return state_of(l, now) != OFFERED ? ack(p, l, in, now, out) : false;
	if (l && state_of(l, now) != FREE)
		return nak(p, in, "the_address_is_of_another_client", out);
	return mine ? nak(p, in, "another_address_is_yours", out) : false; /* of a client that it knows nothing about it is silent */
}

bool dhcp_pool_input(struct dhcp_pool *p, const struct dhcp_message *in, ns_t now, struct dhcp_message *out)
{
	struct lease *l;

	if (in->reply || in->giaddr)
		return false;
	switch (in->type) {
	case DHCP_DISCOVER:
		return discover(p, in, now, out);
	case DHCP_REQUEST:
		return request(p, in, now, out);
	case DHCP_DECLINE:
		l = in->server == p->server ? lease_at(p, in->requested) : NULL;
		if (l && is_of(l, in) && state_of(l, now) != FREE) {
			l->state = DECLINED;
			l->expires = now + DECLINED_S * NS_PER_S;
			l->id_len = 0;
		}
		return false;
	case DHCP_RELEASE:
		l = in->server == p->server ? lease_at(p, in->ciaddr) : NULL;
		if (l && is_of(l, in) && state_of(l, now) == BOUND)
			l->expires = now;                /* it remembers whose it was */
		return false;
	case DHCP_INFORM:
		begin(p, in, DHCP_ACK, out);
		tell_config(p, out);
		return in->ciaddr != 0;
	default:
		return false;
	}
}

bool dhcp_pool_lease(const struct dhcp_pool *p, unsigned index, ns_t now, struct net_dhcp_lease *out)
{
	static const char *const names[] = { "free", "offered", "bound", "declined" };

	for (uint32_t i = 0; i < p->count; i++) {
		const struct lease *l = &p->lease[i];

		if (state_of(l, now) == FREE || index-- > 0)
			continue;
		*out = (struct net_dhcp_lease){ .addr = net_v4(p->first + i), .server = net_v4(p->server), .state = names[l->state],
						.expires = l->expires, .forever = l->expires == UINT64_MAX };
		memcpy(out->mac.byte, l->mac, 6);
		memcpy(out->host, l->host, sizeof out->host);
		return true;
	}
	return false;
}
