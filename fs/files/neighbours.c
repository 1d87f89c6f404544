/* neighbours.c - hosts/H/net/neighbours: who has which address on the wires of a host, as ARP has found out. */
#include "net.h"

#include "table.h"
#include "world.h"

#include <string.h>

const struct column neighbour_columns[] = {
	{ "address", COLUMN_WORD }, { "dev", COLUMN_WORD }, { "mac", COLUMN_WORD }, { "state", COLUMN_WORD },
	{ "age", COLUMN_TIME }, { "queued", COLUMN_NUMBER }, { 0 }
};

int fill_neighbours(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);
	char addr[NET_ADDR_TEXT], mac[NET_MAC_TEXT];
	struct net_neigh r;

	if (!h)
		return -e->code;
	for (unsigned i = 0; net_neigh(h, i, &r); i++) {
		bool known = r.state != NET_NEIGH_INCOMPLETE && r.state != NET_NEIGH_FAILED;

		table_word(t, net_addr_text(&r.addr, addr));
		table_word(t, r.iface);
		table_word(t, known ? net_mac_text(&r.mac, mac) : NULL);
		table_word(t, net_neigh_state_names[r.state]);
		table_time(t, n->world->clock.now - r.updated);
		table_number(t, r.queued);
	}
	return 0;
}

/* The interface behind `dev`, or the one through which the address is reached. */
static const char *neighbour_dev(const struct call *c, struct net_host *h, unsigned i, const struct net_addr *a, struct err *e)
{
	struct net_route r;

	if (arg_present(c, i)) {
		if (arg_is(c, i, "dev") && arg_present(c, i + 1))
			return c->args[i + 1].text;
		err_set(e, EINVAL, (int)i, "'%.30s' is not dev IF", c->args[i].text);
		return NULL;
	}
	if (net_route_to(h, a, &r, e)) {
		e->arg = 0;
		return NULL;
	}
	return r.iface;
}

static int run_add(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	unsigned i = 1 + arg_is(c, 1, "lladdr");
	struct net_addr a;
	struct net_mac m;
	const char *dev;

	if (!h || !arg_net_addr(c, 0, &a, e))
		return -e->code;
	if (!arg_present(c, i) || !net_mac_parse(c->args[i].text, &m))
		return err_set(e, EINVAL, (int)i, "a MAC is missing, as 02:00:00:00:00:01");
	dev = neighbour_dev(c, h, i + 1, &a, e);
	if (dev && net_neigh_add(h, dev, &a, &m, e))
		e->arg = -1;
	return -e->code;
}

static int run_del(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_addr a;
	const char *dev;

	if (!h || !arg_net_addr(c, 0, &a, e))
		return -e->code;
	dev = neighbour_dev(c, h, 1, &a, e);
	if (dev && net_neigh_del(h, dev, &a, e))
		e->arg = 0;
	return -e->code;
}

static int run_flush(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);

	if (!h)
		return -e->code;
	net_neigh_flush(h);
	return 0;
}

const struct command neighbour_commands[] = {
	{ "add", "ADDR [lladdr] MAC [dev IF]", run_add, "an entry that stays" },
	{ "del", "ADDR [dev IF]", run_del, "takes an entry away" },
	{ "flush", "", run_flush, "takes all away that ARP has found out" },
	{ 0 }
};

int store_neighbours(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(neighbour_commands, n, line, result, e);
}
