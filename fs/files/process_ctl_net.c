/*
 * process_ctl_net.c - commands about sockets.
 *
 * netd never waits: a command that has to is tried again after each change of the world (process_ctl_wait.c).
 */
#include "process_ctl.h"
#include "net_tcp.h"
#include "socket_file.h"

#include <string.h>
#include <sys/socket.h>

/* The socket that argument 0 names; NULL with the error. */
static struct net_socket *command_socket(const struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	int fd;

	return p && arg_fd(c, 0, &fd, e) ? socket_of_fd(p, fd, e) : NULL;
}

/* ADDR:PORT, or ADDR alone: port 0. */
static bool arg_endpoint(const struct call *c, unsigned i, struct net_endpoint *to, struct err *e)
{
	struct net_host *h = world_net(c->n, NULL);
	g_autofree char *text = h ? net_scope_number(h, c->args[i].text) : NULL;

	*to = (struct net_endpoint){ 0 };
	if (h && strlen(c->args[i].text) == c->args[i].len && (net_endpoint_parse(text, to) || net_addr_parse(text, &to->addr)))
		return true;
	err_set(e, EINVAL, (int)i, "'%.60s' is not an address and a port, as 10.0.0.1:80 or [2001:db8::1]:80",
		c->args[i].text);
	return false;
}

static void put_endpoint(const struct call *c, GString *out, const struct net_endpoint *at)
{
	struct net_host *h = world_net(c->n, NULL);
	char text[NET_ENDPOINT_TEXT];
	g_autofree char *named = h ? net_scope_name(h, net_endpoint_text(at, text)) : NULL;

	put_text(out, named ? named : "");
}

/* The same within the time that a socket's option gives; -EAGAIN when it is over. */
static int or_wait_for(struct call *c, int error, struct net_socket *s, enum net_option limit)
{
	const struct waiting *w = call_state(c);
	int ms = 0;

	error = or_wait(c, error);
	if (error != -EINPROGRESS)
		return error;
	if (w && w->over)
		return -EAGAIN;
	if (!w && !net_getsockopt(s, limit, &ms, NULL) && ms > 0)
		wait_until(c, (ns_t)ms * NS_PER_MS);
	return -EINPROGRESS;
}

/* Commands */

int run_socket(struct call *c, struct err *e)
{
	static const char *const names[] = { "udp", "tcp", "icmp", "rdt", "tcp6", "udp6", NULL };
	struct vm_proc *p = command_caller(c, e);
	struct net_host *h = world_net(c->n, e);
	struct net_caller who;
	struct net_socket *s;
	unsigned kind;
	int fd, code;

	static_assert(NET_UDP == 0 && NET_TCP == 1 && NET_ICMP == 2 && NET_RDT == 3, "names are in their order");
	if (!p || !h || !arg_choice(c, 0, names, &kind, e))
		return -e->code;
	if (vm_fd_next(p, e) < 0)
		return -e->code;
	who = socket_caller(p);
	if (kind < NET_KINDS)
		code = net_socket_new(h, kind, NET_IPV4, &who, &s, e);
	else
		code = net_socket_new(h, kind == NET_KINDS ? NET_TCP : NET_UDP, NET_IPV6, &who, &s, e);
	if (!code)
		code = socket_install(p, s, &fd, e);
	if (!code)
		put_dec(c->result, (uint64_t)fd);
	return code;
}

int run_bind(struct call *c, struct err *e)
{
	struct net_socket *s = command_socket(c, e);
	struct net_endpoint at;
	struct net_caller who;

	if (!s || !arg_endpoint(c, 1, &at, e))
		return -e->code;
	who = socket_caller(command_caller(c, e));
	return net_bind(s, &who, &at, e);
}

int run_listen(struct call *c, struct err *e)
{
	struct net_socket *s = command_socket(c, e);
	int64_t backlog = SOMAXCONN;

	if (!s || (c->count > 1 && !arg_signed(c, 1, &backlog, e)))
		return -e->code;
	return net_listen(s, (int)CLAMP(backlog, INT32_MIN, INT32_MAX), e);
}

int run_accept(struct call *c, struct err *e)
{
	struct net_socket *s = command_socket(c, e);
	struct net_endpoint peer;
	int fd, code;

	if (!s)
		return -e->code;
	code = socket_accept(command_caller(c, e), s, &fd, &peer, e);
	if (code)
		return or_wait_for(c, code, s, NET_SO_RCVTIMEO);
	put_dec(c->result, (uint64_t)fd);
	put_char(c->result, ' ');
	put_endpoint(c, c->result, &peer);
	return 0;
}

/* One address after the other, as users of getaddrinfo(3) do. */
static int connect_by_name(struct call *c, struct net_socket *s, struct err *e)
{
	g_autofree char *name = NULL;
	struct net_socket_info info;
	struct net_endpoint to;
	struct naming *n;
	int rc;

	net_socket_get(s, &info);
	if (!arg_name_port(c, 1, &name, &to.port, e))
		return -e->code;
	rc = naming_go(c, 1, name, info.family == NET_IPV4, info.family == NET_IPV6, &n, e);
	while (!rc) {
		to.addr = g_array_index(n->addrs, struct net_addr, n->next);
		if (!n->trying)
			rc = net_connect(s, &to, e);
		if (n->trying || rc == -EINPROGRESS)
			rc = net_connect_result(s, e);
		n->trying = rc == -EINPROGRESS;
		if (!rc || rc == -EINPROGRESS || ++n->next == n->addrs->len)
			break;
		rc = 0;
	}
	return rc;
}

/* A connection that an interrupted or O_NONBLOCK connect left on its way may be waited for by another one. */
int run_connect(struct call *c, struct err *e)
{
	struct net_socket *s = command_socket(c, e);
	struct net_endpoint to;
	int code;

	if (!s)
		return -e->code;
	if (arg_is_named(c, 1))
		return connect_by_name(c, s, e);
	if (!arg_endpoint(c, 1, &to, e))
		return -e->code;
	if (call_state(c))
		return net_connect_result(s, e);
	code = net_connect(s, &to, e);
	if (c->nonblock || (code != -EINPROGRESS && code != -EALREADY))
		return code;
	code = net_connect_result(s, e);  /* over loopback all has happened already */
	if (code == -EINPROGRESS)
		wait_begin(c);
	return code;
}

/* Flags of send(2) and recv(2) as words, from argument `i` on. */
static bool arg_flags(const struct call *c, unsigned i, const char *const *names, const unsigned *bits, unsigned *flags, struct err *e)
{
	for (*flags = 0; i < c->count; i++) {
		unsigned k = 0;

		while (names[k] && !arg_is(c, i, names[k]))
			k++;
		if (!names[k]) {
			err_set(e, EINVAL, (int)i, "'%.40s' is none of: %s %s", c->args[i].text, names[0], names[1]);
			return false;
		}
		*flags |= bits[k];
	}
	return true;
}

/* As much as goes now; -EAGAIN none. */
static ssize_t send_some(const struct call *c, const struct vm_fd *f, const char *from, size_t len, unsigned flags,
			 const struct net_endpoint *to, struct err *e)
{
	struct net_socket *s = socket_of(f);
	size_t done;
	int code;

	if (s)
		return net_send(s, from, len, flags, to, e);
	if (flags)
		return err_set(e, ENOTSOCK, 0, "descriptor %d is no socket", f->fd);
	code = vm_fd_write(command_caller(c, e), f->fd, from, len, &done, e);
	return code ? code : (ssize_t)done;
}

/* All of `bytes`, waiting for room; fewer when an error comes after some have gone, as Linux does. */
static int send_all(struct call *c, const GString *bytes, unsigned flags, const struct net_endpoint *to, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct waiting *w = call_state(c);
	size_t done = w ? w->done : 0, before = done;
	struct vm_fd f;
	ssize_t n;
	int fd;

	if (!p || !arg_fd(c, 0, &fd, e) || vm_fd_at(p, fd, &f, e))
		return -e->code;
	do {
		if (done && f.ops && f.ops->poll(f.object) & VM_POLL_ERR)
			break;                         /* told by the next call */
		n = send_some(c, &f, bytes->str + done, bytes->len - done, flags, to, e);
		if (n > 0)
			done += (size_t)n;
	} while (n > 0 && done < bytes->len && f.ops);
	if (n < 0 && n != -EAGAIN && !done)
		return (int)n;
	if (n == -EAGAIN) {
		int code = socket_of(&f) ? or_wait_for(c, -EAGAIN, socket_of(&f), NET_SO_SNDTIMEO) : or_wait(c, -EAGAIN);

		if (code == -EINPROGRESS && done > before) {
			w = call_state(c) ? call_state(c) : wait_begin(c);
			w->done = done;
			world_changed(c->n->world);
		}
		if (code == -EINPROGRESS || !done)
			return code;
	}
	put_dec(c->result, done);
	return 0;
}

int run_send(struct call *c, struct err *e)
{
	static const char *const names[] = { "oob", "more", NULL };
	static const unsigned bits[] = { NET_OOB, NET_MORE };
	g_autoptr(GString) bytes = g_string_new(NULL);
	unsigned flags;

	if (!arg_bytes(c, 1, bytes, e) || !arg_flags(c, 2, names, bits, &flags, e))
		return -e->code;
	return send_all(c, bytes, flags, NULL, e);
}

/* To the name's first address: nobody says whether a datagram has arrived. */
static int send_by_name(struct call *c, struct net_socket *s, const GString *bytes, struct err *e)
{
	g_autofree char *name = NULL;
	struct net_socket_info info;
	struct net_endpoint to;
	struct naming *n;
	ssize_t sent;
	int rc;

	net_socket_get(s, &info);
	if (!arg_name_port(c, 1, &name, &to.port, e))
		return -e->code;
	rc = naming_go(c, 1, name, info.family == NET_IPV4, info.family == NET_IPV6, &n, e);
	if (rc)
		return rc;
	to.addr = g_array_index(n->addrs, struct net_addr, 0);
	sent = net_send(s, bytes->str, bytes->len, 0, &to, e);
	if (sent < 0)
		return or_wait(c, (int)sent);
	put_dec(c->result, (uint64_t)sent);
	return 0;
}

int run_sendto(struct call *c, struct err *e)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	struct net_socket *s = command_socket(c, e);
	struct net_endpoint to;

	if (!s || !arg_bytes(c, 2, bytes, e))
		return -e->code;
	if (arg_is_named(c, 1))
		return send_by_name(c, s, bytes, e);
	return arg_endpoint(c, 1, &to, e) ? send_all(c, bytes, 0, &to, e) : -e->code;
}

/* The bytes as they are; of a datagram, behind its sender. */
static int recv_socket(struct call *c, struct net_socket *s, size_t len, unsigned flags, struct err *e)
{
	struct net_endpoint from = { 0 };
	struct net_socket_info info;
	ssize_t n;

	net_socket_get(s, &info);
	if (info.kind != NET_TCP && !(net_poll(s) & (NET_POLLIN | NET_POLLERR | NET_POLLHUP)))
		return or_wait_for(c, err_set(e, EAGAIN, 0, "nothing has arrived"), s, NET_SO_RCVTIMEO);
	g_string_set_size(c->result, len);
	n = net_recv(s, c->result->str, len, flags, &from, e);
	g_string_truncate(c->result, (gsize)MAX(n, 0));
	if (n < 0)
		return or_wait_for(c, (int)n, s, NET_SO_RCVTIMEO);
	if (info.kind != NET_TCP && info.kind != NET_RDT && from.addr.family != NET_UNSET) {
		g_autoptr(GString) sender = g_string_new(NULL);

		put_endpoint(c, sender, &from);
		put_char(sender, ' ');
		g_string_prepend_len(c->result, sender->str, (gssize)sender->len);
	}
	return 0;
}

int run_recv(struct call *c, struct err *e)
{
	static const char *const names[] = { "oob", "peek", NULL };
	static const unsigned bits[] = { NET_OOB, NET_PEEK };
	struct vm_proc *p = command_caller(c, e);
	bool sized = c->count > 1 && !arg_is(c, 1, "oob") && !arg_is(c, 1, "peek");
	uint64_t len = 65536;
	size_t done = 0;
	unsigned flags;
	struct vm_fd f;
	int fd, code;

	if (!p || !arg_fd(c, 0, &fd, e) || (sized && !arg_size(c, 1, &len, e)) || !arg_flags(c, 1 + sized, names, bits, &flags, e) ||
	    vm_fd_at(p, fd, &f, e))
		return -e->code;
	if (flags && !socket_of(&f))
		return err_set(e, ENOTSOCK, 0, "descriptor %d is no socket", fd);
	len = MIN(len, TRANSFER_MAX);    /* fewer bytes than one has room for are an ordinary result */
	c->n->world->raw_result = true;  /* the bytes themselves: no newline behind them */
	if (socket_of(&f))
		return recv_socket(c, socket_of(&f), len, flags, e);
	g_string_set_size(c->result, len);
	code = vm_fd_read(p, fd, c->result->str, len, &done, e);
	g_string_truncate(c->result, code ? 0 : done);
	return or_wait(c, code);
}

int run_shutdown(struct call *c, struct err *e)
{
	static const char *const names[] = { "r", "w", "rw", NULL };
	static const int how[] = { SHUT_RD, SHUT_WR, SHUT_RDWR };
	struct net_socket *s = command_socket(c, e);
	unsigned which;

	if (!s || !arg_choice(c, 1, names, &which, e))
		return -e->code;
	return net_shutdown(s, how[which], e);
}

/* A number, or the name of an algorithm. */
static bool arg_option_value(const struct call *c, unsigned i, enum net_option o, int *value, struct err *e)
{
	unsigned variant;
	ns_t time;
	int64_t v;

	if (o == NET_RDT_VARIANT) {
		if (!arg_choice(c, i, net_rdt_variant_names, &variant, e))
			return false;
		*value = (int)variant;
		return true;
	}
	if (o == NET_TCP_CONGESTION && !g_ascii_isdigit(*c->args[i].text)) {
		for (v = 0; v < (int64_t)G_N_ELEMENTS(net_tcp_congestion_names); v++)
			if (!strcmp(net_tcp_congestion_names[v], c->args[i].text)) {
				*value = (int)v;
				return true;
			}
		err_set(e, ENOENT, (int)i, "'%.40s' is no congestion control: reno cubic", c->args[i].text);
		return false;
	}
	if (o == NET_SO_SNDTIMEO || o == NET_SO_RCVTIMEO) {
		if (!arg_time(c, i, &time, e))
			return false;
		v = (int64_t)((time + NS_PER_MS - 1) / NS_PER_MS);
	} else if (!arg_signed(c, i, &v, e)) {
		return false;
	}
	*value = (int)CLAMP(v, INT32_MIN, INT32_MAX);
	return true;
}

int run_setsockopt(struct call *c, struct err *e)
{
	struct net_socket *s = command_socket(c, e);
	int value;

	if (!s)
		return -e->code;
	for (unsigned o = 0; o < NET_OPTIONS; o++) {
		if (strcmp(net_option_names[o], c->args[1].text))
			continue;
		if (!arg_option_value(c, 2, o, &value, e))
			return -e->code;
		return net_setsockopt(s, o, value, e);
	}
	return err_set(e, ENOPROTOOPT, 1, "'%.40s' is no option, as SO_REUSEADDR or TCP_NODELAY", c->args[1].text);
}
