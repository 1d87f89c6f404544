/* socket.c - sockets: from making to closing, what all kinds have in common. */
#include "socket.h"

#include <sys/socket.h>

const char *const net_kind_names[NET_KINDS] = { "udp", "tcp", "icmp", "rdt" };
static const struct kind_ops *const kinds[NET_KINDS] = { &udp_ops, &tcp_ops, &icmp_ops, &rdt_ops };

/* Looks like an address of the kernel's. */
static uint64_t make_cookie(const struct net_host *h, uint64_t id)
{
	struct { uint32_t host; uint64_t id; } __attribute__((packed)) seed = { h->number, id };
	static const struct sip_key key = { { 1, 2 } };

	return siphash(&key, &seed, sizeof(seed)) & 0xffffffffu;
}

struct net_socket *socket_create(struct net_host *h, enum net_kind kind, enum net_family family)
{
	struct net_socket *s = g_new0(struct net_socket, 1);

	s->host = h;
	s->ops = kinds[kind];
	s->kind = (uint8_t)kind;
	s->family = (uint8_t)family;
	s->takes4 = true;
	s->takes6 = family == NET_IPV6;
	if (family == NET_IPV6)
		s->takes4 = !KNOB(h, BINDV6ONLY);
	s->id = ++h->last_socket;
	s->refs = 1; /* the table's */
	s->alive = true;
	s->linger = -1;
	s->ttl = 0; /* the host's default */
	s->mtu_discover = 1;
	s->send_limit = (uint32_t)(kind == NET_TCP ? KNOB(h, WMEM) : KNOB(h, UDP_WMEM));
	s->recv_limit = (uint32_t)(kind == NET_TCP ? KNOB(h, RMEM) : KNOB(h, UDP_RMEM));
	s->cookie = make_cookie(h, s->id);
	tree_insert(&h->sockets, &s->node);
	s->prev = h->newest_socket;
	if (s->prev)
		s->prev->next = s;
	else
		h->first_socket = s;
	h->newest_socket = s;
	return s;
}

static void leave_list(struct net_socket *s)
{
	struct net_host *h = s->host;

	if (s->prev)
		s->prev->next = s->next;
	else
		h->first_socket = s->next;
	if (s->next)
		s->next->prev = s->prev;
	else
		h->newest_socket = s->prev;
	s->next = s->prev = NULL;
}

int net_socket_new(struct net_host *h, enum net_kind kind, enum net_family family, const struct net_caller *who,
		   struct net_socket **out, struct err *e)
{
	struct net_socket *s;

	if (family != NET_IPV4 && (family != NET_IPV6 || kind == NET_RDT))
		return err_set(e, EAFNOSUPPORT, 0, "not a version of IP for %s", net_kind_names[kind]);
	if (!kinds[kind]->connect)
		return err_set(e, EPROTONOSUPPORT, 0, "%s is not there yet", net_kind_names[kind]);
	s = socket_create(h, kind, family);
	s->uid = who->uid;
	s->pid = who->pid;
	s->inode = ++h->last_inode;
	g_hash_table_insert(h->inodes, &s->inode, s);
	if (kind == NET_TCP)
		tcp_open(s);
	else if (kind == NET_RDT)
		rdt_open(s);
	net_socket_retain(s);
	*out = s;
	return 0;
}

void socket_put(struct net_socket *s)
{
	if (--s->refs > 0)
		return;
	g_assert(!s->alive);
	g_free(s);
}

void socket_kill(struct net_socket *s)
{
	struct net_host *h = s->host;

	if (!s->alive)
		return;
	s->ops->clear(s);
	pair_drop(s);
	bind_drop(s);
	if (s->inode)
		g_hash_table_remove(h->inodes, &s->inode);
	tree_remove(&h->sockets, &s->node);
	leave_list(s);
	s->alive = false;
	socket_put(s);
}

void net_socket_retain(struct net_socket *s)
{
	s->handles++;
	s->refs++;
}

void net_socket_release(struct net_socket *s)
{
	g_assert(s->handles > 0);
	if (--s->handles == 0 && s->alive) {
		g_hash_table_remove(s->host->inodes, &s->inode);
		s->inode = 0;
		s->ops->close(s);
	}
	socket_put(s);
}

uint64_t net_socket_inode(const struct net_socket *s) { return s->inode; }
void net_socket_mark(struct net_socket *s, void *mark) { s->mark = mark; }
void *net_socket_marked(const struct net_socket *s) { return s->mark; }
struct net_host *net_socket_host(const struct net_socket *s) { return s->host; }

void socket_wake(struct net_socket *s)
{
	const struct net_config *c = &s->host->net->config;

	if (s->notify)
		s->notify(s);
	if (s->handles > 0 && c->wake)
		c->wake(c->user, s);
}

int socket_error(struct net_socket *s, struct err *e)
{
	int error = s->error;

	s->error = 0;
	return error ? err_set(e, error, -1, "%s", g_strerror(error)) : 0;
}

uint8_t socket_ttl(const struct net_socket *s, const struct route_hit *hit)
{
	const struct net_host *h = s->host;
	bool v6 = ip_is6(hit->next);

	if (v6 ? s->hops : s->ttl)
		return v6 ? s->hops : s->ttl;
	if (hit->multicast)
		return 1;
	if (v6 && hit->iface->nd && hit->iface->nd->hop_limit)
		return hit->iface->nd->hop_limit;
	return (uint8_t)(v6 ? KNOB(h, HOP_LIMIT) : KNOB(h, IP_DEFAULT_TTL));
}

int socket_route(struct net_socket *s)
{
	if (s->hit.iface && s->hit.generation == s->host->generation)
		return 0;
	return route_find(s->host, s->raddr, &s->hit);
}

/* As Linux: udp sockets of version 6 take an address of version 4 as it is, tcp sockets want it as mapped. */
/* An address that a caller has given, 0 for any: -EAFNOSUPPORT, -EINVAL, -ENETUNREACH if this socket cannot have it. */
static int socket_addr(const struct net_socket *s, const struct net_addr *a, struct ip_addr *out, struct err *e)
{
	char text[NET_ADDR_TEXT];

	*out = ip_of(a);
	if (a->family == NET_UNSET)
		return 0;
	if (a->family != s->family && (a->family == NET_IPV6 || s->kind == NET_TCP || !s->takes4))
		return err_set(e, EAFNOSUPPORT, 1, s->family == NET_IPV6 ? "write an address of version 4 as ::ffff:10.0.0.1" :
			       "not an address of version 4");
	if (ip_has_scope(*out) && !ip_scope(*out))
		return err_set(e, EINVAL, 1, "%s needs an interface, as %s%%eth0", net_addr_text(a, text),
			       ip_is_multicast(*out) ? "ff02::1" : "fe80::1");
	return 0;
}

int socket_peer(const struct net_socket *s, const struct net_addr *a, struct ip_addr *out, struct err *e)
{
	int result = socket_addr(s, a, out, e);

	if (result < 0)
		return result;
	if (ip_none(*out))
		*out = host_self(a->family);
	if (ip_is4(*out) && !s->takes4)
		return err_set(e, ENETUNREACH, 1, "the socket is IPV6_V6ONLY");
	if (!ip_none(s->laddr) && s->addr_given && ip_is4(s->laddr) != ip_is4(*out))
		return err_set(e, ENETUNREACH, 1, "the socket's own address is of the other version");
	return 0;
}

static int gone(struct err *e)
{
	return err_set(e, ENETDOWN, -1, "the host is gone");
}

int net_bind(struct net_socket *s, const struct net_caller *who, const struct net_endpoint *at, struct err *e)
{
	struct net_host *h = s->host;
	struct ip_addr addr;
	char text[NET_ADDR_TEXT];
	bool all4;
	int result;

	if (!h || !s->alive)
		return gone(e);
	result = socket_addr(s, &at->addr, &addr, e);
	if (result < 0)
		return result;
	all4 = addr.hi == 0 && addr.lo == IP_MAPPED; /* ::ffff:0.0.0.0: any address, of version 4 only */
	if (ip_is4(addr) && !s->takes4)
		return err_set(e, EINVAL, 1, "the socket is IPV6_V6ONLY");
	if (s->users)
		return err_set(e, EINVAL, 0, "the socket is bound to port %u already", s->lport);
	if (!ip_none(addr) && !all4 && !host_has(h, addr) &&
	    (s->kind == NET_TCP || (!ip_equal(addr, ip4(ADDR_BROADCAST)) && !ip_is_multicast(addr))))
		return err_set(e, EADDRNOTAVAIL, 1, "%s is not an address of this host", net_addr_text(&at->addr, text));
	if (at->port && at->port < KNOB(h, UNPRIVILEGED_PORT) && who->uid != 0 && s->kind != NET_ICMP)
		return err_set(e, EACCES, 1, "ports below %d are for uid 0", (int)KNOB(h, UNPRIVILEGED_PORT));
	s->laddr = all4 ? IP_ANY : addr;
	s->takes6 &= !all4;
	result = bind_port(s, at->port, e);
	if (result < 0) {
		s->laddr = IP_ANY;
		s->takes6 |= all4;
	} else {
		s->addr_given = !ip_none(s->laddr);
	}
	return result;
}

int net_listen(struct net_socket *s, int backlog, struct err *e)
{
	if (!s->host || !s->alive)
		return gone(e);
	if (s->kind != NET_TCP)
		return err_set(e, EOPNOTSUPP, 0, "only tcp sockets listen");
	return tcp_listen(s, backlog, e);
}

int net_accept(struct net_socket *s, struct net_socket **out, struct net_endpoint *peer, struct err *e)
{
	if (!s->host || !s->alive)
		return gone(e);
	if (s->kind != NET_TCP)
		return err_set(e, EOPNOTSUPP, 0, "only tcp sockets accept");
	return tcp_accept(s, out, peer, e);
}

int net_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e)
{
	if (!s->host)
		return gone(e);
	return s->ops->connect(s, to, e);
}

int net_connect_result(struct net_socket *s, struct err *e)
{
	if (!s->host)
		return gone(e);
	return s->kind == NET_TCP ? tcp_connect_result(s, e) : socket_error(s, e);
}

ssize_t net_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
		 struct err *e)
{
	if (!s->host)
		return gone(e);
	return s->ops->send(s, data, len, flags, to, e);
}

ssize_t net_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from, struct err *e)
{
	if (!s->host)
		return gone(e);
	return s->ops->recv(s, data, len, flags, from, e);
}

int net_shutdown(struct net_socket *s, int how, struct err *e)
{
	if (!s->host)
		return gone(e);
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return err_set(e, EINVAL, 1, "shutdown of what");
	return s->ops->shutdown(s, how, e);
}

unsigned net_poll(const struct net_socket *s)
{
	return s->host ? s->ops->poll(s) : NET_POLLERR | NET_POLLHUP | NET_POLLIN;
}

/* --- the table -------------------------------------------------------------------------------- */

void net_socket_get(const struct net_socket *s, struct net_socket_info *out)
{
	*out = (struct net_socket_info){ .id = s->id, .inode = s->inode, .kind = s->kind, .family = s->family,
					 .local = ip_show_end(ip_none(s->laddr) && s->family == NET_IPV6 && !s->takes6 ?
							      (struct ip_addr){ 0, IP_MAPPED } : s->laddr, s->lport, s->family),
					 .remote = ip_show_end(s->raddr, s->rport, s->family),
					 .state = NET_TCP_CLOSE, .refs = s->handles, .uid = s->uid, .pid = s->pid,
					 .drops = s->drops, .bound = s->lport != 0, .cookie = s->cookie };
	if (s->host)
		s->ops->describe(s, out);
}

/* The first socket of a higher id. */
static struct net_socket *socket_above(const struct net_host *h, uint64_t id)
{
	struct net_socket *best = NULL;

	for (struct tree_node *n = h->sockets.root; n;) {
		struct net_socket *s = tree_entry(n, struct net_socket, node);

		if (s->id > id) {
			best = s;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

bool net_socket_above(const struct net_host *h, uint64_t id, struct net_socket_info *out)
{
	const struct net_socket *s = socket_above(h, id);

	if (s)
		net_socket_get(s, out);
	return s != NULL;
}

const struct net_socket *net_socket_next(const struct net_host *h, const struct net_socket *s)
{
	s = s ? s->next : h->first_socket;
	if (s && s->next) {  /* what the next calls will read */
		const char *coming = (const char *)s->next->tcp;

		__builtin_prefetch(s->next->next);
		__builtin_prefetch((const char *)s->next->next + 64);
		for (size_t line = 0; coming && line < 4; line++)
			__builtin_prefetch(coming + 64 * line);
	}
	return s;
}

uint64_t net_socket_count(const struct net_host *h) { return h->sockets.count; }
uint64_t net_socket_listeners(const struct net_host *h) { return h->listen_count; }

struct net_socket *net_socket_by_inode(const struct net_host *h, uint64_t inode)
{
	return g_hash_table_lookup(h->inodes, &inode);
}

size_t net_socket_queued(const struct net_socket *s, bool received, size_t skip, void *out, size_t len)
{
	size_t done = 0;

	if (s->kind == NET_TCP)
		return tcp_queued(s, received, skip, out, len);
	if (s->kind == NET_RDT)
		return rdt_queued(s, received, skip, out, len);
	for (const struct datagram *d = received ? s->first : NULL; d && done < len; d = d->next) {
		size_t drop = MIN(skip, d->len), take = MIN(d->len - drop, len - done);

		skip -= drop;
		if (take)
			memcpy((uint8_t *)out + done, d->data + drop, take);
		done += take;
	}
	return done;
}

int net_socket_fixture(struct net_host *h, const struct net_fixture *f, const struct net_caller *who,
		       struct net_socket **out, struct err *e)
{
	struct net_socket *s = NULL;
	int result;

	if (f->local.port == 0)
		return err_set(e, EINVAL, 1, "a row in the table has a local port");
	result = net_socket_new(h, f->kind, f->local.addr.family == NET_IPV6 ? NET_IPV6 : NET_IPV4, who, &s, e);
	if (result < 0)
		return result;
	s->laddr = ip_of(&f->local.addr);
	s->raddr = ip_of(&f->remote.addr);
	s->rport = f->remote.port;
	s->reuse_addr = true;
	if (f->kind == NET_TCP && f->state != NET_TCP_LISTEN && pair_find(h, s->laddr, f->local.port, s->raddr, s->rport))
		result = err_set(e, EADDRINUSE, 2, "there is such a connection already");
	if (result == 0 && (f->kind != NET_TCP || f->state == NET_TCP_LISTEN))
		result = bind_port(s, f->local.port, e);
	if (result == 0 && f->kind == NET_TCP) {
		result = tcp_fixture(s, f, e);
	} else {
		s->queued = f->recv_queue;
		s->queued_out = f->send_queue;
	}
	if (result < 0) {
		net_socket_release(s);
		return result;
	}
	*out = s;
	return 0;
}
