/* serve_dhcp.c - `serve dhcp`: a process that gives out addresses on one interface; net/leases, of servers and clients. */
#include "command.h"
#include "daemon.h"
#include "files/net.h"
#include "net_dhcp.h"
#include "socket_file.h"
#include "table.h"
#include "text.h"

#include <string.h>

enum { LEASE_S = 3600, RANGE_FIRST = 100, RANGE_LAST = 199 };

struct dhcp_daemon {
	struct net_dhcp_server *server;
	int fd;
};

static enum daemon_step step(void *state, struct vm_proc *p)
{
	struct dhcp_daemon *d = state;
	struct net_socket *s = socket_of_fd(p, d->fd, NULL);

	if (!s)
		return DAEMON_ENDS;
	return net_dhcp_server_step(d->server, s) ? DAEMON_DID : DAEMON_WAITS;
}

static void dhcp_free(void *state)
{
	struct dhcp_daemon *d = state;

	net_dhcp_server_free(d->server);
	g_free(d);
}

static const struct daemon_ops ops = { .step = step, .free = dhcp_free };

/* Options */

static bool first_v4(const struct net_iface *i, struct net_prefix *out)
{
	for (unsigned k = 0; net_iface_address(i, k, out); k++)
		if (out->addr.family == NET_IPV4)
			return true;
	return false;
}

/* if=NAME, or the first interface with an address besides lo. */
static struct net_iface *choose_iface(const struct call *c, struct net_host *h, struct net_prefix *own, struct err *e)
{
	const char *name = arg_option(c, "if");
	struct net_iface_info info = { 0 };
	struct net_iface *i;

	if (name) {
		i = net_iface_at(h, name);
		if (i && first_v4(i, own))
			return i;
		err_set(e, ENODEV, -1, "if=%.40s is no interface that has an address", name);
		return NULL;
	}
	while ((i = net_iface_above(h, info.index))) {
		net_iface_get(i, &info);
		if (!info.loopback && first_v4(i, own))
			return i;
	}
	err_set(e, ENODEV, -1, "no interface of the host has an address");
	return NULL;
}

static int read_addr(const char *option, const char *text, struct net_addr *out, struct err *e)
{
	if (net_addr_parse(text, out) && out->family == NET_IPV4)
		return 0;
	return err_set(e, EINVAL, -1, "%s=%.40s is not an address, as 10.0.0.1", option, text);
}

/* FIRST-LAST; not said: .100 to .199, or in a small subnet all of it. */
static int read_range(const struct call *c, const struct net_prefix *own, struct net_dhcp_options *o, struct err *e)
{
	const char *text = arg_option(c, "range"), *dash = text ? strchr(text, '-') : NULL;
	uint32_t mask = net_mask(own->len), net = own->addr.v4 & mask;
	g_autofree char *first = dash ? g_strndup(text, (size_t)(dash - text)) : NULL;

	if (!text) {
		o->first = net_v4(own->len <= 24 ? net + RANGE_FIRST : net);
		o->last = net_v4(own->len <= 24 ? net + RANGE_LAST : net | ~mask);
		return 0;
	}
	if (!dash)
		return err_set(e, EINVAL, -1, "range=%.40s is not FIRST-LAST, as 10.0.0.100-10.0.0.199", text);
	return read_addr("range", first, &o->first, e) || read_addr("range", dash + 1, &o->last, e) ? -e->code : 0;
}

static int read_dns(const struct call *c, struct net_dhcp_options *o, struct err *e)
{
	g_auto(GStrv) words = g_strsplit(arg_option(c, "dns") ? arg_option(c, "dns") : "", ",", -1);

	for (unsigned i = 0; words[i]; i++) {
		if (i == NET_DHCP_DNS)
			return err_set(e, E2BIG, -1, "more than %d name servers", NET_DHCP_DNS);
		if (read_addr("dns", words[i], &o->dns[i], e))
			return -e->code;
		o->dns_count++;
	}
	return 0;
}

static int read_options(const struct call *c, const struct net_prefix *own, struct net_dhcp_options *o, struct err *e)
{
	static const char *const known[] = { "if=", "range=", "router=", "dns=", "domain=", "lease=" };
	ns_t lease = LEASE_S * NS_PER_S;

	for (unsigned i = 0; i < c->option_count; i++) {
		bool ok = false;

		for (size_t k = 0; k < G_N_ELEMENTS(known); k++)
			ok |= g_str_has_prefix(c->options[i].text, known[k]);
		if (!ok)
			return err_set(e, EINVAL, -1, "dhcp does not take %.40s", c->options[i].text);
	}
	*o = (struct net_dhcp_options){ .server = own->addr, .prefix = own->len, .domain = arg_option(c, "domain") };
	if (!option_time(c, "lease", &lease, e) || read_range(c, own, o, e) || read_dns(c, o, e) ||
	    (arg_option(c, "router") && read_addr("router", arg_option(c, "router"), &o->router, e)))
		return -e->code;
	if (o->domain && (!*o->domain || strspn(o->domain, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-") != strlen(o->domain) ||
			  strlen(o->domain) >= NET_DHCP_TEXT))
		return err_set(e, EINVAL, -1, "domain=%.40s is not a name", o->domain);
	if (lease / NS_PER_S >= UINT32_MAX)
		return err_set(e, ERANGE, -1, "a lease is for less than 4294967295 s");
	o->lease = (uint32_t)(lease / NS_PER_S);
	return 0;
}

static int open_socket(struct call *c, struct vm_proc *p, struct net_iface *i, uint16_t port, int *fd, struct err *e)
{
	struct net_caller who = socket_caller(p);
	struct net_endpoint at = { .addr = net_v4(0), .port = port };
	struct net_iface_info info;
	struct net_socket *s;
	int rc;

	if (vm_fd_next(p, e) < 0)
		return -e->code;
	rc = net_socket_new(world_net(c->n, NULL), NET_UDP, NET_IPV4, &who, &s, e);
	if (rc)
		return rc;
	net_iface_get(i, &info);
	net_socket_bind_iface(s, info.index);
	rc = net_bind(s, &who, &at, e);
	if (rc)
		net_socket_release(s);
	return rc ? rc : socket_install(p, s, fd, e);
}

int serve_dhcp(struct call *c, struct vm_proc *p, uint16_t port, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_iface_info info;
	struct net_dhcp_options o;
	struct net_prefix own;
	struct dhcp_daemon *d;
	struct net_iface *i;

	if (arg_present(c, 1) && arg_is(c, 1, "recursive"))
		return err_set(e, EINVAL, 1, "recursive is for dns");
	i = h ? choose_iface(c, h, &own, e) : NULL;
	if (!i || read_options(c, &own, &o, e))
		return -e->code;
	net_iface_get(i, &info);
	d = g_new0(struct dhcp_daemon, 1);
	if (net_dhcp_server_new(h, info.name, &o, &d->server, e) || open_socket(c, p, i, port, &d->fd, e)) {
		dhcp_free(d);
		return -e->code;
	}
	daemon_start(c->n, &ops, d);
	put_dec(c->result, (uint64_t)d->fd);
	return 0;
}

/* net/leases */

const struct column lease_columns[] = {
	{ "role", COLUMN_WORD }, { "if", COLUMN_WORD }, { "address", COLUMN_WORD }, { "mac", COLUMN_WORD }, { "host", COLUMN_WORD },
	{ "state", COLUMN_WORD }, { "expires", COLUMN_TIME }, { "t1", COLUMN_TIME }, { "t2", COLUMN_TIME }, { "server", COLUMN_WORD }, { 0 }
};

static void put_addr(struct table_out *t, const struct net_addr *a)
{
	char text[NET_ADDR_TEXT];

	table_word(t, a->family ? net_addr_text(a, text) : NULL);
}

static void put_when(struct table_out *t, ns_t when)
{
	if (when)
		table_time(t, when);
	else
		table_none(t);
}

static void put_lease(struct table_out *t, const char *role, const char *iface, const struct net_dhcp_lease *l)
{
	char mac[NET_MAC_TEXT];

	table_word(t, role);
	table_word(t, iface);
	put_addr(t, &l->addr);
	table_word(t, net_mac_text(&l->mac, mac));
	table_word(t, *l->host ? l->host : NULL);
	table_word(t, l->state);
	put_when(t, l->forever ? 0 : l->expires);
	put_when(t, l->forever ? 0 : l->t1);
	put_when(t, l->forever ? 0 : l->t2);
	put_addr(t, &l->server);
}

static void put_server(void *state, void *user)
{
	const struct dhcp_daemon *d = state;
	struct net_dhcp_lease l;

	for (unsigned i = 0; net_dhcp_server_lease(d->server, i, &l); i++)
		put_lease(user, "server", net_dhcp_server_iface(d->server), &l);
}

int fill_leases(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface_info info = { 0 };
	struct net_dhcp_lease l;
	struct net_iface *i;

	if (!h)
		return -e->code;
	while ((i = net_iface_above(h, info.index))) {
		net_iface_get(i, &info);
		if (net_dhcp_client(i, &l))
			put_lease(t, "client", info.name, &l);
	}
	daemons_each(n, &ops, put_server, t);
	return 0;
}
