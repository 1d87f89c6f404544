/*
 * client.c - the DHCP client of an interface (RFC 2131 4.4, RFC 5227 2.1).
 *
 *   INIT -> SELECTING (DISCOVER is out) -> REQUESTING (an offer is taken) -> PROBING (is the address free?) -> BOUND
 *   BOUND -T1-> RENEWING (its server is asked) -T2-> REBINDING (any) -end-> INIT
 *
 * A NAK leads to INIT from everywhere, an address that someone has too to INIT after a DECLINE. In INIT the client waits for its
 * interface, or for a new beginning. One timer: what happens next in this state.
 */
#include "dhcp/wire.h"
#include "net_dhcp.h"

#include <errno.h>
#include <string.h>

enum state { INIT, SELECTING, REQUESTING, PROBING, BOUND, RENEWING, REBINDING };
static const char *const state_names[] = { "init", "selecting", "requesting", "probing", "bound", "renewing", "rebinding" };

/* RFC 2131 4.1: 4 8 16 32 64 s, each a second more or less; 3.1.5: DECLINE, then at least 10 s; 4.4.5: not under a minute. */
enum { TRIES = 5, REQUESTS = 4, FIRST_S = 4, AGAIN_S = 300, DECLINE_S = 10, NAK_S = 1, RENEW_MIN_S = 60, PROBES = 3 };
#define PROBE_MIN NS_PER_S       /* RFC 5227 1.1: 1 to 2 s between probes, the answer to the last is waited for 2 s */
#define ANNOUNCE_WAIT (2 * NS_PER_S)

struct dhcp_client {
	struct net_iface *iface;
	enum state state;
	struct timer timer;
	struct rng rng;
	uint32_t xid;
	ns_t     began, sent;            /* the exchange; the request that was acknowledged counts from its sending */
	unsigned tries;
	bool     failed;                 /* nobody has answered, or only with addresses that are taken: tried again later */
	struct dhcp_message lease;       /* the offer, then the acknowledgement */
	uint32_t addr;                   /* the interface's; 0: none */
	ns_t     t1, t2, expires;
};

static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct net *net_of(const struct dhcp_client *c) { return c->iface->host->net; }
static ns_t now_of(const struct dhcp_client *c) { return net_now(net_of(c)); }

/* Who waits for an address lets time run; all else is kept by a clock that nobody waits for. */
static void set_timer(struct dhcp_client *c, ns_t delay)
{
	net_timer(net_of(c), &c->timer, delay, c->state >= BOUND || c->failed);
}

static ns_t seconds_around(struct dhcp_client *c, unsigned s)
{
	return (s - 1) * NS_PER_S + rng_below(&c->rng, 2 * NS_PER_S + 1);
}

/* Sending */

static void fill(struct dhcp_client *c, enum dhcp_type type, struct dhcp_message *m)
{
	*m = (struct dhcp_message){ .type = type, .xid = c->xid, .wants = type == DHCP_DISCOVER || type == DHCP_REQUEST };
	m->secs = (uint16_t)MIN((now_of(c) - c->began) / NS_PER_S, UINT16_MAX);
	memcpy(m->chaddr, &c->iface->mac, 6);
	m->id[0] = 1;
	memcpy(m->id + 1, &c->iface->mac, 6);
	m->id_len = 7;
	if (m->wants)
		g_strlcpy(m->host, c->iface->host->name, sizeof m->host);
}

static void send_out(struct dhcp_client *c, const struct dhcp_message *m)
{
	dhcp_send(c->iface, all, 0, ADDR_BROADCAST, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, m);
}

/* To a server, by the host's own routes. */
static void send_to(struct dhcp_client *c, const struct dhcp_message *m, uint32_t server)
{
	struct net_endpoint to = { .addr = net_v4(server), .port = DHCP_SERVER_PORT };
	struct net_endpoint from = { .addr = net_v4(c->addr), .port = DHCP_CLIENT_PORT };
	static const struct net_caller root;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct net_socket *s;

	if (net_socket_new(c->iface->host, NET_UDP, NET_IPV4, &root, &s, NULL))
		return;
	dhcp_write(m, bytes);
	if (!net_bind(s, &root, &from, NULL))
		net_send(s, bytes->data, bytes->len, 0, &to, NULL);
	net_socket_release(s);
}

static void discover(struct dhcp_client *c)
{
	struct dhcp_message m;

	fill(c, DHCP_DISCOVER, &m);
	send_out(c, &m);
}

static void request(struct dhcp_client *c)
{
	struct dhcp_message m;

	fill(c, DHCP_REQUEST, &m);
	c->sent = now_of(c);
	if (c->state == REQUESTING) {
		m.requested = c->lease.yiaddr;
		m.server = c->lease.server;
		send_out(c, &m);
		return;
	}
	m.ciaddr = c->addr;
	if (c->state == RENEWING)
		send_to(c, &m, c->lease.server);
	else
		dhcp_send(c->iface, all, c->addr, ADDR_BROADCAST, DHCP_CLIENT_PORT, DHCP_SERVER_PORT, &m);
}

static void decline(struct dhcp_client *c)
{
	struct dhcp_message m;

	fill(c, DHCP_DECLINE, &m);
	m.requested = c->lease.yiaddr;
	m.server = c->lease.server;
	send_out(c, &m);
}

/* The address of the interface */

static struct net_prefix prefix_of(uint32_t addr, uint32_t mask)
{
	return (struct net_prefix){ .addr = net_v4(addr), .len = (unsigned)__builtin_popcount(mask) };
}

static struct net_route default_route(const struct dhcp_client *c)
{
	return (struct net_route){ .to = { .addr = net_v4(0) }, .via = net_v4(c->lease.router), .iface = c->iface->name };
}

static void drop_address(struct dhcp_client *c)
{
	struct net_prefix p = prefix_of(c->addr, c->lease.mask);
	struct net_route r = default_route(c);

	if (!c->addr)
		return;
	if (c->lease.router)
		net_route_del(c->iface->host, &r, NULL);
	net_iface_del(c->iface, &p, NULL);
	c->addr = 0;
}

static void take_address(struct dhcp_client *c)
{
	struct net_prefix p = prefix_of(c->lease.yiaddr, c->lease.mask);
	struct net_route r = default_route(c);

	if (net_iface_add(c->iface, &p, NULL))
		return;                                  /* it stands there by hand already */
	c->addr = c->lease.yiaddr;
	if (c->lease.router)
		net_route_add(c->iface->host, &r, NULL);
	dhcp_send_arp(c->iface, c->addr, c->addr);       /* RFC 5227 2.3 */
}

/* States */

static void enter(struct dhcp_client *c, enum state s)
{
	c->state = s;
	c->tries = 0;
}

static void begin(struct dhcp_client *c)
{
	drop_address(c);
	enter(c, INIT);
	net_cancel(net_of(c), &c->timer);
	if (!iface_running(c->iface))
		return;
	enter(c, SELECTING);
	c->xid = (uint32_t)rng_next(&c->rng);
	c->began = now_of(c);
	c->tries = 1;
	discover(c);
	set_timer(c, seconds_around(c, FIRST_S));
}

static void begin_later(struct dhcp_client *c, unsigned s)
{
	drop_address(c);
	enter(c, INIT);
	set_timer(c, s * NS_PER_S);
}

static void give_up(struct dhcp_client *c)
{
	c->failed = true;
	begin_later(c, AGAIN_S);
}

static void bound(struct dhcp_client *c)
{
	bool forever = !c->lease.has_lease || c->lease.lease == UINT32_MAX;
	uint32_t lease = c->lease.lease, t1 = c->lease.t1, t2 = c->lease.t2;

	if (!t2 || t2 > lease)
		t2 = (uint32_t)((uint64_t)lease * 7 / 8);
	if (!t1 || t1 > t2)
		t1 = MIN(lease / 2, t2);
	c->failed = false;
	c->t1 = c->sent + t1 * NS_PER_S;
	c->t2 = c->sent + t2 * NS_PER_S;
	c->expires = forever ? UINT64_MAX : c->sent + lease * NS_PER_S;
	enter(c, BOUND);
	if (forever)
		net_cancel(net_of(c), &c->timer);
	else
		set_timer(c, c->t1 > now_of(c) ? c->t1 - now_of(c) : 0);
}

static void probe(struct dhcp_client *c)
{
	dhcp_send_arp(c->iface, 0, c->lease.yiaddr);
	c->tries++;
	set_timer(c, c->tries < PROBES ? PROBE_MIN + rng_below(&c->rng, NS_PER_S + 1) : ANNOUNCE_WAIT);
}

static void conflict(struct dhcp_client *c)
{
	decline(c);
	begin_later(c, DECLINE_S);
}

/* RFC 2131 4.4.5: again after half of what is left, not under a minute; at the end of that the next state. */
static void ask_again(struct dhcp_client *c, ns_t until)
{
	ns_t left = until > now_of(c) ? until - now_of(c) : 0, wait = MAX(left / 2, RENEW_MIN_S * NS_PER_S);

	request(c);
	set_timer(c, MIN(wait, left));
}

static void selecting_on(struct dhcp_client *c)
{
	if (c->tries == TRIES) {
		give_up(c);
		return;
	}
	discover(c);
	set_timer(c, seconds_around(c, FIRST_S << c->tries++));
}

static void requesting_on(struct dhcp_client *c)
{
	if (c->tries == REQUESTS) {
		give_up(c);
		return;
	}
	request(c);
	set_timer(c, seconds_around(c, FIRST_S << c->tries++));
}

static void probing_on(struct dhcp_client *c)
{
	if (c->tries < PROBES) {
		probe(c);
		return;
	}
	take_address(c);
	if (c->addr)
		bound(c);
	else
		give_up(c);
}

static void renewing_on(struct dhcp_client *c)
{
	if (now_of(c) < c->t2) {
		ask_again(c, c->t2);
	} else {
		enter(c, REBINDING);
		ask_again(c, c->expires);
	}
}

static void client_fire(struct timer *t)
{
	struct dhcp_client *c = entry_of(t, struct dhcp_client, timer);

	switch (c->state) {
	case INIT:
		begin(c);
		break;
	case SELECTING:
		selecting_on(c);
		break;
	case REQUESTING:
		requesting_on(c);
		break;
	case PROBING:
		probing_on(c);
		break;
	case BOUND:
		enter(c, RENEWING);
		c->xid = (uint32_t)rng_next(&c->rng);
		c->began = now_of(c);
		renewing_on(c);
		break;
	case RENEWING:
		renewing_on(c);
		break;
	case REBINDING:
		if (now_of(c) < c->expires)
			ask_again(c, c->expires);
		else
			begin(c);                        /* the lease is over */
		break;
	}
}

/* What comes */

static void take_offer(struct dhcp_client *c, const struct dhcp_message *m)
{
	if (!m->yiaddr || !m->server || m->yiaddr == ADDR_BROADCAST || m->yiaddr >> 28 == 14 || m->yiaddr >> 24 == 127)
		return;
	c->lease = *m;
	enter(c, REQUESTING);
	requesting_on(c);
}

static bool mask_is_one(uint32_t mask)
{
	return mask && !(~mask & (~mask + 1));
}

static void take_ack(struct dhcp_client *c, const struct dhcp_message *m)
{
	uint32_t addr = c->state == REQUESTING ? c->lease.yiaddr : c->addr;

	if (m->yiaddr != addr || (c->state != REBINDING && m->server != c->lease.server))
		return;
	if (c->state != REQUESTING) {                    /* the address stays; its route and mask too */
		c->lease.server = m->server;
		c->lease.has_lease = m->has_lease;
		c->lease.lease = m->lease;
		c->lease.t1 = m->t1;
		c->lease.t2 = m->t2;
		bound(c);
		return;
	}
	c->lease = *m;
	if (!mask_is_one(c->lease.mask))
		c->lease.mask = net_mask(addr >> 31 == 0 ? 8 : addr >> 30 == 2 ? 16 : 24); /* by its class, as before there were masks */
	enter(c, PROBING);
	probe(c);
}

static void take_nak(struct dhcp_client *c, const struct dhcp_message *m)
{
	if (c->state != REBINDING && m->server != c->lease.server)
		return;
	begin_later(c, NAK_S);
}

static void take_message(struct dhcp_client *c, const struct dhcp_message *m)
{
	bool asks = c->state == REQUESTING || c->state == RENEWING || c->state == REBINDING;

	if (!m->reply || m->xid != c->xid || memcmp(m->chaddr, &c->iface->mac, 6))
		return;
	if (m->type == DHCP_OFFER && c->state == SELECTING)
		take_offer(c, m);
	else if (m->type == DHCP_ACK && asks)
		take_ack(c, m);
	else if (m->type == DHCP_NAK && asks)
		take_nak(c, m);
}

/* RFC 5227 2.1.1: the address in use, or probed for by another. */
static void take_arp(struct dhcp_client *c, const struct frame *f)
{
	const uint8_t *p = packet((struct frame *)f);

	if (c->state != PROBING || frame_len(f) < FRAME_HEADER + 28 || get16(p) != 1 || get16(p + 2) != TYPE_IPV4 ||
	    !memcmp(p + 8, &c->iface->mac, 6))
		return;
	if (get32(p + 14) == c->lease.yiaddr || (get32(p + 14) == 0 && get16(p + 6) == 1 && get32(p + 24) == c->lease.yiaddr))
		conflict(c);
}

bool dhcp_client_frame(struct dhcp_client *c, struct frame *f)
{
	uint16_t type = get16(frame_bytes(f) + 12);
	struct dhcp_message m;

	if (type == TYPE_ARP)
		take_arp(c, f);
	if (type != TYPE_IPV4 || !dhcp_in_frame(f, DHCP_CLIENT_PORT, &m))
		return false;
	take_message(c, &m);
	return true;
}

void dhcp_client_link(struct dhcp_client *c)
{
	if (iface_running(c->iface) && c->state != INIT)
		return;                                  /* nothing has changed for it */
	c->failed = false;
	begin(c);
}

void dhcp_client_free(struct dhcp_client *c)
{
	net_cancel(net_of(c), &c->timer);
	c->iface->dhcp = NULL;
	g_free(c);
}

/* For others */

int net_dhcp_start(struct net_iface *i, struct err *e)
{
	struct dhcp_client *c;

	if (i == i->host->lo)
		return err_set(e, EPERM, 0, "lo has its address");
	if (i->dhcp)
		return err_set(e, EALREADY, 0, "%s has a DHCP client already", i->name);
	c = g_new0(struct dhcp_client, 1);
	c->iface = i;
	c->timer.fire = client_fire;
	net_stream(i->host->net, &c->rng, "host/%s/%s/dhcp", i->host->name, i->name);
	i->dhcp = c;
	begin(c);
	return 0;
}

void net_dhcp_stop(struct net_iface *i)
{
	struct dhcp_client *c = i->dhcp;
	struct dhcp_message m;

	if (!c)
		return;
	if (c->addr && iface_running(i)) {
		fill(c, DHCP_RELEASE, &m);
		m.ciaddr = c->addr;
		m.server = c->lease.server;
		m.secs = 0;
		send_to(c, &m, c->lease.server);
	}
	drop_address(c);
	dhcp_client_free(c);
}

bool net_dhcp_client(const struct net_iface *i, struct net_dhcp_lease *out)
{
	const struct dhcp_client *c = i->dhcp;

	if (!c)
		return false;
	*out = (struct net_dhcp_lease){ .mac = i->mac, .state = state_names[c->state] };
	g_strlcpy(out->host, i->host->name, sizeof out->host);
	if (c->state >= REQUESTING) {
		out->addr = net_v4(c->addr ? c->addr : c->lease.yiaddr);
		out->server = net_v4(c->lease.server);
	}
	if (c->state >= BOUND) {
		out->forever = c->expires == UINT64_MAX;
		out->expires = c->expires;
		out->t1 = c->t1;
		out->t2 = c->t2;
	}
	return true;
}

int net_dhcp_result(const struct net_iface *i, struct err *e)
{
	const struct dhcp_client *c = i->dhcp;

	if (!c || c->addr)
		return 0;
	if (c->failed)
		return err_set(e, ETIMEDOUT, 0, "no DHCP server has given %s an address", i->name);
	if (!iface_running(i))
		return err_set(e, ENETDOWN, 0, "%s is not up on a wire", i->name);
	return -EINPROGRESS;
}

unsigned net_dhcp_dns(const struct net_iface *i, struct net_addr dns[NET_DHCP_DNS], const char **domain)
{
	const struct dhcp_client *c = i->dhcp;
	unsigned n = 0;

	*domain = "";
	if (!c || !c->addr)
		return 0;
	*domain = c->lease.domain;
	for (; n < DHCP_DNS && c->lease.dns[n]; n++)
		dns[n] = net_v4(c->lease.dns[n]);
	return n;
}
