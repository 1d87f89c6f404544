/* nat.c - the table of address translation: mappings, sessions, their ports and time-outs. */
#include "nat.h"

#include "net_decode.h"
#include "socket.h"

const char *const net_nat_state_names[NET_NAT_STATES] = {
	[NET_NAT_UNREPLIED] = "UNREPLIED", [NET_NAT_REPLIED] = "REPLIED", [NET_NAT_SYN_SENT] = "SYN_SENT",
	[NET_NAT_SYN_RECV] = "SYN_RECV", [NET_NAT_ESTABLISHED] = "ESTABLISHED", [NET_NAT_FIN_WAIT] = "FIN_WAIT",
	[NET_NAT_TIME_WAIT] = "TIME_WAIT", [NET_NAT_CLOSE] = "CLOSE",
};

/* --- looking up ------------------------------------------------------------------------------- */

static guint key_hash(gconstpointer p)
{
	const struct nat_key *k = p;
	uint64_t x = ((uint64_t)k->a << 32 | k->b) * 0x9e3779b97f4a7c15u;

	x ^= (uint64_t)k->a_port << 48 | (uint64_t)k->b_port << 32 | k->protocol;
	x *= 0xbf58476d1ce4e5b9u;
	return (guint)(x >> 32);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, sizeof(struct nat_key)) == 0;
}

static struct nat_key key_of(uint8_t protocol, const struct nat_end *a, const struct nat_end *b)
{
	return (struct nat_key){ .a = a->addr, .b = b->addr, .a_port = a->port, .b_port = b->port, .protocol = protocol };
}

struct nat_session *nat_inner(const struct nat *n, uint8_t protocol, const struct nat_end *in, const struct nat_end *remote)
{
	struct nat_key key = key_of(protocol, in, remote);

	return g_hash_table_lookup(n->inner, &key);
}

struct nat_session *nat_outer(const struct nat *n, uint8_t protocol, const struct nat_end *out, const struct nat_end *remote)
{
	struct nat_key key = key_of(protocol, out, remote);

	return g_hash_table_lookup(n->outer, &key);
}

static struct nat_key out_key(uint8_t protocol, const struct nat_end *out)
{
	return (struct nat_key){ .a = out->addr, .a_port = out->port, .protocol = protocol };
}

struct nat_map *nat_map_out(const struct nat *n, uint8_t protocol, const struct nat_end *out)
{
	struct nat_key key = out_key(protocol, out);

	return g_hash_table_lookup(n->by_out, &key);
}

/* --- mappings --------------------------------------------------------------------------------- */

static struct nat_map *map_new(struct nat *n, uint8_t protocol, const struct nat_end *in, const struct nat_end *out)
{
	struct nat_map *m = g_new0(struct nat_map, 1);

	m->protocol = protocol;
	m->in = *in;
	m->out = *out;
	m->in_key = (struct nat_key){ .a = in->addr, .a_port = in->port, .b = out->addr, .protocol = protocol };
	m->out_key = out_key(protocol, out);
	g_hash_table_insert(n->by_out, &m->out_key, m);
	g_hash_table_replace(n->by_in, &m->in_key, m);
	n->stats.mappings++;
	return m;
}

void nat_map_drop_unused(struct nat *n, struct nat_map *m)
{
	if (m->sessions)
		return;
	g_hash_table_remove(n->by_out, &m->out_key);
	if (g_hash_table_lookup(n->by_in, &m->in_key) == m)
		g_hash_table_remove(n->by_in, &m->in_key);
	n->stats.mappings--;
	g_free(m);
}

static const struct { uint8_t protocol; enum net_kind kind; } kinds[] = {
	{ IP_TCP, NET_TCP }, { IP_UDP, NET_UDP }, { IP_ICMP, NET_ICMP }, { IP_RDT, NET_RDT },
};

/* Neither a mapping's, nor a rule's, nor a socket's of this host. */
static bool port_is_free(const struct nat *n, const struct nat_rule *r, uint8_t protocol, const struct nat_end *out)
{
	if (nat_map_out(n, protocol, out) || nat_dnat(n, r->iface, protocol, out->port))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (kinds[i].protocol == protocol && bind_users(n->host, kinds[i].kind, out->port))
			return false;
	return true;
}

bool nat_holds_port(const struct net_host *h, int kind, uint16_t port)
{
	for (unsigned i = 0; h->nat && h->nat->stats.mappings && i < G_N_ELEMENTS(kinds); i++)
		if ((int)kinds[i].kind == kind && nat_rules_hold(h->nat, kinds[i].protocol, port))
			return true;
	return false;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IP_TCP || protocol == IP_UDP || protocol == IP_ICMP || protocol == IP_RDT;
}

/* RFC 4787 REQ-3a and 4: the port itself; else one of its range, of its parity if there is one; from a random one on (RFC 6056). */
static bool choose_port(struct nat *n, const struct nat_rule *r, uint8_t protocol, uint16_t wanted, struct nat_end *out)
{
	uint32_t low = wanted && wanted < 1024 ? 1 : 1024, high = wanted && wanted < 1024 ? 1023 : 65535, size, start;

	if (protocol == IP_ICMP)
		low = 1, high = 65535;           /* 0 stands for none */
	if (r->rule.high)
		low = r->rule.low, high = r->rule.high;
	out->port = wanted;
	if (!has_ports(protocol) || (wanted >= low && wanted <= high && port_is_free(n, r, protocol, out)))
		return has_ports(protocol) || port_is_free(n, r, protocol, out);
	size = high - low + 1;
	start = (uint32_t)rng_below(&n->rng, size);
	for (unsigned parity = 0; parity < 2; parity++) {
		for (uint32_t k = 0; k < size; k++) {
			out->port = (uint16_t)(low + (start + k) % size);
			if ((out->port & 1) == ((wanted + parity) & 1) && port_is_free(n, r, protocol, out))
				return true;
		}
	}
	return false;
}

struct nat_map *nat_map_for(struct nat *n, const struct nat_rule *r, uint8_t protocol, const struct nat_end *in, uint32_t address)
{
	struct nat_key key = { .a = in->addr, .a_port = in->port, .b = address, .protocol = protocol };
	struct nat_map *m = g_hash_table_lookup(n->by_in, &key);
	struct nat_end out = { .addr = address };
	const struct nat_rule *fixed;

	if (m)
		return m;
	fixed = nat_dnat_to(n, r->iface, protocol, in, &out.port);
	if (fixed)
		return nat_map_fixed(n, fixed, &out);
	if (!choose_port(n, r, protocol, in->port, &out)) {
		n->stats.no_port++;
		return NULL;
	}
	return map_new(n, protocol, in, &out);
}

struct nat_map *nat_map_fixed(struct nat *n, const struct nat_rule *r, const struct nat_end *out)
{
	struct nat_map *m = nat_map_out(n, r->rule.protocol, out);
	struct nat_end in = { .addr = r->rule.to.addr.v4, .port = (uint16_t)(r->rule.to.port + (out->port - r->rule.low)) };

	return m ? m : map_new(n, r->rule.protocol, &in, out);
}

/* --- sessions --------------------------------------------------------------------------------- */

static ns_t timeout_of(const struct nat_session *s)
{
	const struct net_host *h = s->nat->host;

	if (s->protocol == IP_TCP)
		return s->state == NET_NAT_ESTABLISHED ? KNOB_S(h, NAT_TCP_TIMEOUT) : KNOB_S(h, NAT_TCP_TRANSITORY);
	if (s->protocol == IP_ICMP)
		return KNOB_S(h, NAT_ICMP_TIMEOUT);
	return s->protocol == IP_UDP ? KNOB_S(h, NAT_UDP_TIMEOUT) : KNOB_S(h, NAT_GENERIC_TIMEOUT);
}

static void session_fire(struct timer *t)
{
	struct nat_session *s = entry_of(t, struct nat_session, timer);
	struct net *net = s->nat->host->net;

	if (net_now(net) < s->expires) {
		net_timer(net, t, s->expires - net_now(net), true);
		return;
	}
	s->nat->stats.expired++;
	nat_close(s);
}

static const struct event_kind nat_event = { "nat", "proto:d inside:a iport:d outside:a oport:d remote:a rport:d what:s" };

static void tell(const struct nat_session *s, const char *what)
{
	struct event *ev = net_event(s->nat->host->net, &nat_event, s->nat->host, 0);

	if (!ev)
		return;
	ev->value[0] = s->protocol;
	ev->value[1] = s->in.addr;
	ev->value[2] = s->in.port;
	ev->value[3] = s->out.addr;
	ev->value[4] = s->out.port;
	ev->value[5] = s->remote.addr;
	ev->value[6] = s->remote.port;
	ev->text = g_strdup(what);
}

struct nat_session *nat_open(struct nat *n, struct nat_map *m, uint8_t protocol, const struct nat_end *in,
			     const struct nat_end *remote)
{
	struct nat_session *s;

	s = nat_inner(n, protocol, in, remote);
	if (s)                                   /* by another outside end: the newer one holds */
		nat_close(s);
	if (n->stats.sessions >= (uint64_t)KNOB(n->host, NAT_MAX))
		return NULL;
	s = g_new0(struct nat_session, 1);
	s->nat = n;
	s->map = m;
	s->protocol = protocol;
	s->in = *in;
	s->out = m ? m->out : *in;
	s->remote = *remote;
	s->state = protocol == IP_TCP ? NET_NAT_SYN_SENT : NET_NAT_UNREPLIED;
	s->inner = key_of(protocol, &s->in, remote);
	s->outer = key_of(protocol, &s->out, remote);
	g_hash_table_insert(n->inner, &s->inner, s);
	g_hash_table_insert(n->outer, &s->outer, s);
	s->prev = n->last;
	*(n->last ? &n->last->next : &n->first) = s;
	n->last = s;
	if (m) {
		s->next_of_map = m->first;
		if (m->first)
			m->first->prev_of_map = s;
		m->first = s;
		m->sessions++;
	}
	s->timer.fire = session_fire;
	s->expires = net_now(n->host->net) + timeout_of(s);
	net_timer(n->host->net, &s->timer, timeout_of(s), true);
	n->stats.opened++;
	n->stats.sessions++;
	n->stats.peak = MAX(n->stats.peak, n->stats.sessions);
	tell(s, "open");
	return s;
}

void nat_close(struct nat_session *s)
{
	struct nat *n = s->nat;

	tell(s, "close");
	net_cancel(n->host->net, &s->timer);
	g_hash_table_remove(n->inner, &s->inner);
	g_hash_table_remove(n->outer, &s->outer);
	*(s->prev ? &s->prev->next : &n->first) = s->next;
	*(s->next ? &s->next->prev : &n->last) = s->prev;
	if (s->map) {
		*(s->prev_of_map ? &s->prev_of_map->next_of_map : &s->map->first) = s->next_of_map;
		if (s->next_of_map)
			s->next_of_map->prev_of_map = s->prev_of_map;
		s->map->sessions--;
		nat_map_drop_unused(n, s->map);
	}
	n->stats.sessions--;
	g_free(s);
}

static enum net_nat_state tcp_state(struct nat_session *s, uint8_t flags, enum nat_dir dir)
{
	bool over = s->state == NET_NAT_CLOSE || s->state == NET_NAT_TIME_WAIT;

	if (flags & NET_RST)
		return NET_NAT_CLOSE;
	if (flags & NET_SYN) {
		if (over && !(flags & NET_ACK)) { /* the same ends again */
			memset(s->syn, 0, sizeof(s->syn));
			memset(s->fin, 0, sizeof(s->fin));
		}
		s->syn[dir] = true;
		return s->syn[!dir] ? NET_NAT_SYN_RECV : NET_NAT_SYN_SENT;
	}
	if (flags & NET_FIN)
		s->fin[dir] = true;
	if (s->fin[0] || s->fin[1])
		return s->fin[0] && s->fin[1] ? NET_NAT_TIME_WAIT : NET_NAT_FIN_WAIT;
	if (s->state == NET_NAT_CLOSE) /* the reset was not believed inside (RFC 7857 2.2) */
		return dir == NAT_FROM_INSIDE ? NET_NAT_ESTABLISHED : NET_NAT_CLOSE;
	if (s->state == NET_NAT_SYN_SENT && s->syn[0] + s->syn[1] == 1)
		return NET_NAT_SYN_SENT;         /* an ACK of nothing: a challenge, or of an earlier connection */
	if (s->state == NET_NAT_SYN_SENT && !(s->packets[0] && s->packets[1]))
		return NET_NAT_SYN_SENT;         /* taken up in its middle: not before both have spoken */
	return NET_NAT_ESTABLISHED;
}

void nat_seen(struct nat_session *s, const struct nat_flow *f, enum nat_dir dir, uint32_t bytes)
{
	ns_t now = net_now(s->nat->host->net);

	s->packets[dir]++;
	s->bytes[dir] += bytes;
	if (s->protocol == IP_TCP)
		s->state = tcp_state(s, f->flags, dir);
	else if (s->packets[0] && s->packets[1])
		s->state = NET_NAT_REPLIED;
	s->expires = now + timeout_of(s);
	if (s->expires < s->timer.at)
		net_timer(s->nat->host->net, &s->timer, s->expires - now, true);
}

/* --- the whole -------------------------------------------------------------------------------- */

struct nat *nat_of(struct net_host *h)
{
	struct nat *n = h->nat;

	if (n)
		return n;
	n = h->nat = g_new0(struct nat, 1);
	n->host = h;
	n->rules = g_array_new(FALSE, FALSE, sizeof(struct nat_rule));
	n->inner = g_hash_table_new(key_hash, key_equal);
	n->outer = g_hash_table_new(key_hash, key_equal);
	n->by_in = g_hash_table_new(key_hash, key_equal);
	n->by_out = g_hash_table_new(key_hash, key_equal);
	net_stream(h->net, &n->rng, "host/%s/nat", h->name);
	return n;
}

void net_nat_forget(struct net_host *h)
{
	while (h->nat && h->nat->first)
		nat_close(h->nat->first);
}

void nat_clear(struct net_host *h)
{
	struct nat *n = h->nat;

	if (!n)
		return;
	net_nat_forget(h);
	nat_syns_clear(n);
	g_hash_table_destroy(n->inner);
	g_hash_table_destroy(n->outer);
	g_hash_table_destroy(n->by_in);
	g_hash_table_destroy(n->by_out);
	g_array_free(n->rules, TRUE);
	g_free(n);
	h->nat = NULL;
}

static struct net_endpoint endpoint(const struct nat_end *a)
{
	return (struct net_endpoint){ .addr = net_v4(a->addr), .port = a->port };
}

bool net_nat_session(const struct net_host *h, const void **cursor, struct net_nat_session *out)
{
	const struct nat_session *s = *cursor;

	s = s ? s->next : h->nat ? h->nat->first : NULL;
	if (!s)
		return false;
	*cursor = s;
	*out = (struct net_nat_session){
		.protocol = s->protocol, .inside = endpoint(&s->in), .outside = endpoint(&s->out), .remote = endpoint(&s->remote),
		.plain = !s->map, .state = s->state, .expires = s->expires,
		.packets_out = s->packets[NAT_FROM_INSIDE], .bytes_out = s->bytes[NAT_FROM_INSIDE],
		.packets_in = s->packets[NAT_FROM_OUTSIDE], .bytes_in = s->bytes[NAT_FROM_OUTSIDE],
	};
	return true;
}

void net_nat_stats(const struct net_host *h, struct net_nat_stats *out)
{
	*out = h->nat ? h->nat->stats : (struct net_nat_stats){ 0 };
}

bool nat_check(const struct net_host *h, struct err *e)
{
	const struct nat *n = h->nat;
	uint64_t sessions = 0, mapped = 0, of_maps = 0;
	GHashTableIter i;
	gpointer m;

	if (!n)
		return true;
	for (const struct nat_session *s = n->first; s; s = s->next) {
		sessions++;
		mapped += s->map != NULL;
		if (nat_inner(n, s->protocol, &s->in, &s->remote) != s || nat_outer(n, s->protocol, &s->out, &s->remote) != s ||
		    !timer_is_set(&s->timer) || s->timer.at > s->expires || (s->map && !nat_end_equal(&s->map->out, &s->out))) {
			err_set(e, EINVAL, 0, "host %s: a session of NAT is not found by its ends", h->name);
			return false;
		}
	}
	g_hash_table_iter_init(&i, n->by_out);
	while (g_hash_table_iter_next(&i, NULL, &m)) {
		uint64_t count = 0;

		for (const struct nat_session *s = ((struct nat_map *)m)->first; s; s = s->next_of_map)
			count++;
		if (count == 0 || count != ((struct nat_map *)m)->sessions) {
			err_set(e, EINVAL, 0, "host %s: a mapping of NAT miscounts its sessions", h->name);
			return false;
		}
		of_maps += count;
	}
	if (sessions != n->stats.sessions || mapped != of_maps || g_hash_table_size(n->by_out) != n->stats.mappings ||
	    g_hash_table_size(n->inner) != sessions || g_hash_table_size(n->outer) != sessions) {
		err_set(e, EINVAL, 0, "host %s: the tables of NAT disagree", h->name);
		return false;
	}
	return true;
}
