/* server.c - a DHCP server on an interface: messages from its socket to the pool, answers to who asked (RFC 2131 4.1). */
#include "dhcp/pool.h"
#include "dhcp/wire.h"

#include "socket.h"

#include <errno.h>
#include <string.h>

enum { MESSAGE_MAX = 2048, ADDRESSES_MAX = 4096 };

struct net_dhcp_server {
	struct net_host *host;
	char *iface;
	uint32_t addr;
	struct dhcp_pool *pool;
};

static int check(const struct net_dhcp_options *o, struct err *e)
{
	struct net_prefix subnet = { .addr = o->server, .len = o->prefix };

	if (o->first.family != NET_IPV4 || o->last.family != NET_IPV4 || o->first.v4 > o->last.v4)
		return err_set(e, EINVAL, -1, "the range does not go upwards");
	if (!net_prefix_has(&subnet, &o->first) || !net_prefix_has(&subnet, &o->last))
		return err_set(e, EINVAL, -1, "the range is not in the subnet of the interface");
	if (o->last.v4 - o->first.v4 >= ADDRESSES_MAX)
		return err_set(e, E2BIG, -1, "a range has at most %d addresses", ADDRESSES_MAX);
	if (!o->lease)
		return err_set(e, ERANGE, -1, "a lease is for a second at least");
	return 0;
}

int net_dhcp_server_new(struct net_host *h, const char *iface, const struct net_dhcp_options *o, struct net_dhcp_server **out,
			 struct err *e)
{
	struct net_dhcp_server *s;

	if (check(o, e))
		return -e->code;
	s = g_new0(struct net_dhcp_server, 1);
	s->host = h;
	s->iface = g_strdup(iface);
	s->addr = o->server.v4;
	s->pool = dhcp_pool_new(o);
	*out = s;
	return 0;
}

void net_dhcp_server_free(struct net_dhcp_server *s)
{
	if (!s)
		return;
	dhcp_pool_free(s->pool);
	g_free(s->iface);
	g_free(s);
}

/* Who has no address yet cannot be asked for his MAC: it stands in the message. */
static void answer(struct net_dhcp_server *s, struct net_socket *udp, const struct dhcp_message *in, const struct dhcp_message *out)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct net_iface *i = net_iface_at(s->host, s->iface);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct net_endpoint to = { .addr = net_v4(in->ciaddr), .port = DHCP_CLIENT_PORT };

	if (!i)
		return;
	if (out->type != DHCP_NAK && in->ciaddr) {
		dhcp_write(out, bytes);
		net_send(udp, bytes->data, bytes->len, 0, &to, NULL);
	} else if (out->type == DHCP_NAK || in->broadcast) {
		dhcp_send(i, all, s->addr, ADDR_BROADCAST, DHCP_SERVER_PORT, DHCP_CLIENT_PORT, out);
	} else {
		dhcp_send(i, in->chaddr, s->addr, out->yiaddr, DHCP_SERVER_PORT, DHCP_CLIENT_PORT, out);
	}
}

bool net_dhcp_server_step(struct net_dhcp_server *s, struct net_socket *udp)
{
	struct dhcp_message in, out;
	uint8_t bytes[MESSAGE_MAX];
	bool did = false;
	ssize_t n;

	while ((n = net_recv(udp, bytes, sizeof bytes, 0, NULL, NULL)) >= 0) {
		did = true;
		if (!dhcp_parse(bytes, (size_t)n, &in, NULL) && dhcp_pool_input(s->pool, &in, net_now(s->host->net), &out))
			answer(s, udp, &in, &out);
	}
	return did;
}

const char *net_dhcp_server_iface(const struct net_dhcp_server *s)
{
	return s->iface;
}

bool net_dhcp_server_lease(const struct net_dhcp_server *s, unsigned index, struct net_dhcp_lease *out)
{
	return dhcp_pool_lease(s->pool, index, net_now(s->host->net), out);
}
