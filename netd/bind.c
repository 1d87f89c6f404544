/*
 * bind.c - who has which port, and which connection is whose.
 *
 * The rules for sharing a port are Linux's: two sockets conflict when their addresses are equal or one is
 * the wildcard, unless both have SO_REUSEADDR and neither listens, or both have SO_REUSEPORT and one owner.
 * bind(0) and connect() take their ephemeral ports from the two halves (odd, even) of the range.
 */
#include "socket.h"

static gpointer users_key(enum net_kind kind, uint16_t port)
{
	return GUINT_TO_POINTER((guint)kind << 16 | port);
}

struct port_users *bind_users(const struct net_host *h, enum net_kind kind, uint16_t port)
{
	return g_hash_table_lookup(h->ports, users_key(kind, port));
}

static void users_add(struct net_socket *s, uint16_t port, bool explicit)
{
	struct port_users *u = bind_users(s->host, s->kind, port);

	if (!u) {
		u = g_new0(struct port_users, 1);
		u->kind = s->kind;
		u->port = port;
		g_hash_table_insert(s->host->ports, users_key(s->kind, port), u);
	}
	s->lport = port;
	s->users = u;
	s->port_given = explicit;
	u->by_hand |= explicit;
	s->prev_user = NULL;
	s->next_user = u->users;
	if (u->users)
		u->users->prev_user = s;
	u->users = s;
}

void bind_drop(struct net_socket *s)
{
	struct port_users *u = s->users;

	if (!u)
		return;
	bind_listen(s, false);
	if (s->prev_user)
		s->prev_user->next_user = s->next_user;
	else
		u->users = s->next_user;
	if (s->next_user)
		s->next_user->prev_user = s->prev_user;
	s->users = NULL;
	s->next_user = s->prev_user = NULL;
	if (!u->users) {
		g_hash_table_remove(s->host->ports, users_key(u->kind, u->port));
		g_free(u);
	}
}

void bind_listen(struct net_socket *s, bool on)
{
	struct net_socket **link = &s->users->listeners;

	while (*link && *link != s)
		link = &(*link)->next_listener;
	if (on && !*link) {
		s->next_listener = s->users->listeners;
		s->users->listeners = s;
		s->host->listen_count++;
	} else if (!on && *link) {
		*link = s->next_listener;
		s->next_listener = NULL;
		s->host->listen_count--;
	}
}

void bind_inherit(struct net_socket *child, const struct net_socket *listener)
{
	users_add(child, listener->lport, false);
}

/* Is there an address at which both would be reached? */
static bool sockets_meet(const struct net_socket *a, const struct net_socket *b)
{
	if (!ip_none(a->laddr))
		return socket_takes(b, a->laddr);
	if (!ip_none(b->laddr))
		return socket_takes(a, b->laddr);
	return (a->takes4 && b->takes4) || (a->takes6 && b->takes6);
}

static bool listens(const struct net_socket *s)
{
	for (const struct net_socket *l = s->users->listeners; l; l = l->next_listener)
		if (l == s)
			return true;
	return false;
}

bool bind_conflict(const struct net_socket *s, const struct port_users *u)
{
	for (const struct net_socket *o = u ? u->users : NULL; o; o = o->next_user) {
		if (o == s || !sockets_meet(s, o))
			continue;
		if (s->reuse_addr && o->reuse_addr && (s->kind != NET_TCP || !listens(o)))
			continue;
		if (s->reuse_port && o->reuse_port && s->uid == o->uid)
			continue;
		return true;
	}
	return false;
}

/* Tries every second port of the range from a random one on, then the others. */
static bool find_open(struct net_socket *s, unsigned parity, bool (*usable)(struct net_socket *, uint16_t), uint16_t *out)
{
	struct net_host *h = s->host;
	uint32_t low = (uint32_t)KNOB(h, PORT_MIN), high = (uint32_t)KNOB(h, PORT_MAX), size, start;

	if (high < low)
		return false;
	size = high - low + 1;
	start = (uint32_t)rng_below(&h->rng_ports, size) & ~1u;
	for (unsigned half = 0; half < 2; half++) {
		uint32_t at = start + ((parity + half) & 1);

		for (uint32_t tries = 0; tries <= size / 2; tries++, at += 2) {
			if (at >= size)
				at = (parity + half) & 1;
			if (at < size && usable(s, (uint16_t)(low + at)) && !nat_holds_port(h, s->kind, (uint16_t)(low + at))) {
				*out = (uint16_t)(low + at);
				return true;
			}
		}
	}
	return false;
}

static bool free_for_bind(struct net_socket *s, uint16_t port)
{
	return !bind_conflict(s, bind_users(s->host, s->kind, port));
}

int bind_port(struct net_socket *s, uint16_t port, struct err *e)
{
	char text[NET_ENDPOINT_TEXT];
	struct net_endpoint at = ip_show_end(s->laddr, port, s->family);

	if (port == 0) {
		if (!find_open(s, s->kind == NET_TCP, free_for_bind, &port))
			return err_set(e, EADDRINUSE, 1, "all ephemeral ports are taken");
		users_add(s, port, true);
		return 0;
	}
	if (bind_conflict(s, bind_users(s->host, s->kind, port)))
		return err_set(e, EADDRINUSE, 1, "%s is in use", net_endpoint_text(&at, text));
	users_add(s, port, true);
	return 0;
}

/* A port that nobody has bound by hand, and no connection from here to there uses. */
static bool free_for_connect(struct net_socket *s, uint16_t port)
{
	const struct port_users *u = bind_users(s->host, s->kind, port);

	if (!u)
		return true;
	return !u->by_hand && !pair_find(s->host, s->laddr, port, s->raddr, s->rport);
}

int bind_for_connect(struct net_socket *s, struct err *e)
{
	uint16_t port;

	if (!find_open(s, 0, free_for_connect, &port))
		return err_set(e, EADDRNOTAVAIL, 1, "no ephemeral port is left to this peer");
	users_add(s, port, false);
	return 0;
}

/* --- pairs of ends ------------------------------------------------------------------------------ */

static guint pair_hash(gconstpointer p)
{
	const struct net_socket *s = p;
	uint64_t x = ((uint64_t)ip_v4(s->raddr) << 32 | (uint32_t)s->rport << 16 | s->lport) ^ (uint64_t)ip_v4(s->laddr) << 16;

	x ^= s->raddr.hi ^ s->raddr.lo >> 32 << 16 ^ s->laddr.hi; /* of version 4: a constant */
	x *= 0x9e3779b97f4a7c15u;
	return (guint)(x >> 32);
}

static gboolean pair_equal(gconstpointer a, gconstpointer b)
{
	const struct net_socket *s = a, *t = b;

	return ip_equal(s->raddr, t->raddr) && s->rport == t->rport && s->lport == t->lport && ip_equal(s->laddr, t->laddr);
}

struct net_socket *pair_find(const struct net_host *h, struct ip_addr laddr, uint16_t lport, struct ip_addr raddr,
			     uint16_t rport)
{
	struct net_socket key;

	key.laddr = laddr;
	key.lport = lport;
	key.raddr = raddr;
	key.rport = rport;
	return g_hash_table_lookup(h->pairs, &key);
}

void pair_add(struct net_socket *s)
{
	g_hash_table_add(s->host->pairs, s);
	s->paired = true;
}

void pair_drop(struct net_socket *s)
{
	if (s->paired)
		g_hash_table_remove(s->host->pairs, s);
	s->paired = false;
}

static bool id_before(const struct tree_node *a, const struct tree_node *b)
{
	return tree_entry(a, struct net_socket, node)->id < tree_entry(b, struct net_socket, node)->id;
}

void sockets_init(struct net_host *h)
{
	tree_init(&h->sockets, id_before, NULL);
	h->ports = g_hash_table_new(NULL, NULL);
	h->pairs = g_hash_table_new(pair_hash, pair_equal);
	h->inodes = g_hash_table_new(g_int64_hash, g_int64_equal);
	h->last_inode = (uint64_t)h->number << 20;
}

void sockets_clear(struct net_host *h)
{
	struct tree_node *n;

	while ((n = tree_first(&h->sockets))) {
		struct net_socket *s = tree_entry(n, struct net_socket, node);

		socket_hold(s);
		socket_kill(s);
		s->host = NULL;
		if (s->handles > 0)
			s->error = ENETDOWN;
		socket_put(s);
	}
	g_hash_table_destroy(h->ports);
	g_hash_table_destroy(h->pairs);
	g_hash_table_destroy(h->inodes);
}

bool sockets_check(const struct net_host *h, struct err *e)
{
	uint64_t pairs = 0, bound = 0, listed = 0;
	GHashTableIter iter;
	gpointer value;

	for (struct tree_node *n = tree_first(&h->sockets); n; n = tree_next(n)) {
		const struct net_socket *s = tree_entry(n, struct net_socket, node);

		pairs += s->paired;
		bound += s->users != NULL;
		if (!s->alive || s->host != h || s->refs <= s->handles || (s->paired && !s->users)) {
			err_set(e, EINVAL, 0, "%s: socket %" G_GUINT64_FORMAT " is miscounted", h->name, s->id);
			return false;
		}
		if (s->tcp && !tcp_check(s, e))
			return false;
	}
	g_hash_table_iter_init(&iter, h->ports);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct port_users *u = value;
		for (const struct net_socket *s = u->users; s; s = s->next_user) {
			listed++;
			if (s->users != u || s->lport != u->port) {
				err_set(e, EINVAL, 0, "%s: a user of port %u does not know", h->name, u->port);
				return false;
			}
		}
	}
	if (pairs != g_hash_table_size(h->pairs) || bound != listed) {
		err_set(e, EINVAL, 0, "%s: the tables of ports and connections are miscounted", h->name);
		return false;
	}
	return true;
}
