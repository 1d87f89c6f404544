/*
 * udp.c - datagrams: a session for each client, over when nothing has come either way for a minute.
 *
 * A datagram that has no room on the other side is lost, as anywhere; so is one over the rate or the number of sessions that would
 * have begun a new session. That nobody takes them at the far end is told to who sent them, by ICMP as anywhere.
 */
#include "inside.h"

#include <string.h>
#include <sys/epoll.h>

enum { DATAGRAM_MAX = 65536, DATAGRAMS_A_TURN = 64 };
#define SILENCE (60 * NS_PER_S)

struct chat {
	struct session s;
	ns_t until;                  /* real time */
	bool by_real;                /* a real client: answers leave by the rule's socket */
};

static const char *chat_state(const struct session *s) { return "ESTABLISHED"; }

static bool chat_over(struct chat *c, const char *why)
{
	struct rule *r = c->s.rule;

	g_hash_table_remove(r->peers, c->by_real ? (void *)&c->s.real_remote : (void *)&c->s.sim_remote);
	if (c->s.fd >= 0)
		real_close(r->end.bridge->world, c->s.fd);
	if (c->s.socket) {
		net_socket_mark(c->s.socket, NULL);
		net_socket_release(c->s.socket);
	}
	session_clear(&c->s, why);
	g_free(c);
	return false;
}

static void chat_abort(struct session *s)
{
	chat_over((struct chat *)s, "reset");
}

static void spoke(struct chat *c)
{
	c->until = c->s.end.bridge->now + SILENCE;
}

static struct chat *chat_new(struct rule *r, bool by_real, bool (*run)(struct end *), void (*event)(struct end *, uint32_t))
{
	struct chat *c = g_new0(struct chat, 1);

	end_init(&c->s.end, r->end.bridge, event, run);
	c->s.fd = -1;
	c->s.state = chat_state;
	c->s.abort = chat_abort;
	c->by_real = by_real;
	spoke(c);
	c->s.deadline = c->until;
	bridge_wake_at(r->end.bridge, c->s.deadline);
	return c;
}

static void end_if_silent(struct chat *c)
{
	struct bridge *b = c->s.end.bridge;

	if (c->until <= b->now) {
		chat_over(c, "silent");
		return;
	}
	c->s.deadline = c->until;
	bridge_wake_at(b, c->s.deadline);
}

static bool may_begin(struct rule *r, const struct real_addr *real)
{
	ns_t when;

	if (!session_room(r->end.bridge)) {
		session_refused(r, real, "too_many_sessions");
		return false;
	}
	if (!session_rate(r->end.bridge, &when)) {
		session_refused(r, real, "too_fast");
		return false;
	}
	return true;
}

/* Real clients */

/* What the simulated server says. */
static bool answer_real(struct end *end)
{
	struct chat *c = (struct chat *)end;
	uint8_t bytes[DATAGRAM_MAX];
	ssize_t n;

	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		n = net_recv(c->s.socket, bytes, sizeof bytes, 0, NULL, NULL);
		if (n == -EAGAIN) {
			end_if_silent(c);
			return false;
		}
		if (n == -ENETDOWN)
			return chat_over(c, "reset");
		if (n < 0) {
			real_refuse(c->s.end.bridge->world, &c->s.real_local, &c->s.real_remote, (int)-n);
			continue;
		}
		if (real_send(c->s.end.bridge->world, c->s.rule->fd, bytes, (size_t)n, &c->s.real_remote) >= 0)
			c->s.out += (uint64_t)n;
		spoke(c);
	}
	return true;
}

static struct chat *begin_real(struct rule *r, const struct real_addr *from)
{
	struct bridge *b = r->end.bridge;
	struct net_caller bridge = { 0 };
	struct net_host *gw;
	struct net_endpoint to;
	struct net_socket_info i;
	struct net_socket *s;
	struct chat *c;

	if (target_find(b, r, &to, NULL) || !(gw = gateway_for(b, &to.addr)) ||
	    net_socket_new(gw, NET_UDP, to.addr.family, &bridge, &s, NULL)) {
		session_refused(r, from, "ENETUNREACH");
		return NULL;
	}
	if (net_connect(s, &to, NULL)) {
		net_socket_release(s);
		session_refused(r, from, "ENETUNREACH");
		return NULL;
	}
	c = chat_new(r, true, answer_real, NULL);
	c->s.socket = s;
	net_socket_mark(s, &c->s.end);
	net_socket_get(s, &i);
	c->s.sim_local = i.local;
	c->s.sim_remote = i.remote;
	c->s.real_local = r->real;
	c->s.real_remote = *from;
	g_hash_table_insert(r->peers, &c->s.real_remote, c);
	session_init(&c->s, r);
	return c;
}

static guint hash_real(gconstpointer a) { return real_hash(a); }
static gboolean equal_real(gconstpointer a, gconstpointer b) { return real_equal(a, b); }

bool udp_take_real(struct rule *r)
{
	uint8_t bytes[DATAGRAM_MAX];
	struct real_addr from;
	struct chat *c;
	ssize_t n;

	if (!r->peers)
		r->peers = g_hash_table_new(hash_real, equal_real);
	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		n = real_receive(r->end.bridge->world, r->fd, bytes, sizeof bytes, &from);
		if (n == -EAGAIN)
			return false;
		if (n < 0)
			continue;                        /* an answer of ours that nobody wanted */
		c = g_hash_table_lookup(r->peers, &from);
		if (!c && may_begin(r, &from))
			c = begin_real(r, &from);
		if (!c)
			continue;
		if (net_send(c->s.socket, bytes, (size_t)n, 0, NULL, NULL) >= 0)
			c->s.in += (uint64_t)n;
		spoke(c);
	}
	return true;
}

/* Simulated clients */

static void real_spoke(struct end *end, uint32_t events)
{
	end_queue(end);
}

/* What the real server says. */
static bool answer_simulated(struct end *end)
{
	struct chat *c = (struct chat *)end;
	uint8_t bytes[DATAGRAM_MAX];
	ssize_t n;

	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		n = real_receive(c->s.end.bridge->world, c->s.fd, bytes, sizeof bytes, &(struct real_addr){ 0 });
		if (n == -EAGAIN) {
			end_if_silent(c);
			return false;
		}
		if (n == -EINTR)
			continue;
		if (n == -ECONNREFUSED) {
			net_refuse(c->s.rule->listener, &c->s.sim_remote);
			continue;
		}
		if (n < 0)
			return chat_over(c, "reset");
		if (net_send(c->s.rule->listener, bytes, (size_t)n, 0, &c->s.sim_remote, NULL) >= 0)
			c->s.in += (uint64_t)n;
		spoke(c);
	}
	return true;
}

static struct chat *begin_simulated(struct rule *r, const struct net_endpoint *from)
{
	struct real_addr local = { 0 };
	struct err e = { 0 };
	struct chat *c;
	int fd, rc = target_check_real(r, &e);

	if (rc == 0)
		rc = real_connect(r->end.bridge->world, &r->real, true, &fd, &local);
	if (rc) {
		session_refused(r, &r->real, g_intern_string(strerrorname_np(-rc)));
		return NULL;
	}
	c = chat_new(r, false, answer_simulated, real_spoke);
	c->s.fd = fd;
	c->s.real_local = local;
	c->s.real_remote = r->real;
	c->s.sim_local = r->simulated;
	c->s.sim_remote = *from;
	g_hash_table_insert(r->peers, &c->s.sim_remote, c);
	session_init(&c->s, r);
	end_watch(&c->s.end, fd, EPOLLIN | EPOLLET);
	return c;
}

static guint hash_simulated(gconstpointer a)
{
	const struct net_endpoint *e = a;
	uint64_t high, low;

	net_addr_halves(&e->addr, &high, &low);
	return (guint)(high * 33 + low) * 31 + e->port * 2654435761u;
}

static gboolean equal_simulated(gconstpointer a, gconstpointer b)
{
	const struct net_endpoint *x = a, *y = b;

	return x->port == y->port && net_addr_equal(&x->addr, &y->addr);
}

/* A send may tell of the refusal of one before, and has sent nothing then. */
static bool pass_on(struct chat *c, const uint8_t *bytes, size_t len)
{
	struct world *w = c->s.end.bridge->world;
	ssize_t n = real_send(w, c->s.fd, bytes, len, NULL);

	if (n != -ECONNREFUSED)
		return n >= 0;
	net_refuse(c->s.rule->listener, &c->s.sim_remote);
	return real_send(w, c->s.fd, bytes, len, NULL) >= 0;
}

bool udp_take_simulated(struct rule *r)
{
	uint8_t bytes[DATAGRAM_MAX];
	struct net_endpoint from;
	struct chat *c;
	ssize_t n;

	if (!r->peers)
		r->peers = g_hash_table_new(hash_simulated, equal_simulated);
	for (unsigned i = 0; i < DATAGRAMS_A_TURN; i++) {
		n = net_recv(r->listener, bytes, sizeof bytes, 0, &from, NULL);
		if (n == -EAGAIN || n == -ENETDOWN)
			return false;
		if (n < 0)
			continue;
		c = g_hash_table_lookup(r->peers, &from);
		if (!c && may_begin(r, &r->real))
			c = begin_simulated(r, &from);
		if (!c)
			continue;
		if (pass_on(c, bytes, (size_t)n))
			c->s.out += (uint64_t)n;
		spoke(c);
	}
	return true;
}
