/* route.c - hosts/H/net/routes, and route/ADDR: which way a packet would go. */
#include "net.h"

#include "table.h"
#include "world.h"

#include <string.h>

const struct column route_columns[] = {
	{ "destination", COLUMN_WORD }, { "via", COLUMN_WORD }, { "dev", COLUMN_WORD }, { "metric", COLUMN_NUMBER },
	{ "src", COLUMN_WORD }, { 0 }
};

static void fill_route(const struct net_route *r, struct table_out *t)
{
	char addr[NET_ADDR_TEXT], prefix[NET_ADDR_TEXT + 4];

	g_snprintf(prefix, sizeof prefix, "%s/%u", net_addr_text(&r->to.addr, addr), r->to.len);
	table_word(t, r->to.len || r->to.addr.family == NET_IPV6 ? prefix : "default");
	table_word(t, !r->iface ? "unreachable" : r->via.family ? net_addr_text(&r->via, addr) : NULL);
	table_word(t, r->iface);
	table_number(t, r->metric);
	table_word(t, r->src.family ? net_addr_text(&r->src, addr) : NULL);
}

int fill_routes(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_route r;

	if (!h)
		return -e->code;
	for (unsigned i = 0; net_route(h, i, &r); i++)
		fill_route(&r, t);
	return 0;
}

/* [unreachable] PREFIX [via A] [dev IF] [metric N] [src A] */
static int read_route(const struct call *c, struct net_route *r, bool *reject, struct err *e)
{
	uint64_t metric;
	unsigned i = 0;

	*reject = arg_is(c, 0, "unreachable");
	i += *reject;
	if (!arg_net_prefix(c, i++, &r->to, e))
		return -e->code;
	for (; i < c->count; i += 2) {
		if (!arg_present(c, i + 1))
			return err_set(e, EINVAL, (int)c->count, "a value is missing behind %.20s", c->args[i].text);
		if (arg_is(c, i, "dev")) {
			r->iface = c->args[i + 1].text;
		} else if (arg_is(c, i, "via")) {
			if (!arg_net_addr(c, i + 1, &r->via, e))
				return -e->code;
			r->via.scope = 0; /* `dev` says which */
			if (arg_is(c, *reject, "default"))
				r->to.addr = (struct net_addr){ .family = r->via.family };
		} else if (arg_is(c, i, "src")) {
			if (!arg_net_addr(c, i + 1, &r->src, e))
				return -e->code;
		} else if (arg_is(c, i, "metric")) {
			if (!arg_number(c, i + 1, &metric, e))
				return -e->code;
			if (metric > UINT32_MAX)
				return err_set(e, ERANGE, (int)i + 1, "%.30s is too large", c->args[i + 1].text);
			r->metric = (uint32_t)metric;
		} else {
			return err_set(e, EINVAL, (int)i, "'%.30s' is none of: via dev metric src", c->args[i].text);
		}
	}
	return 0;
}

static int run_add(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_route r = { 0 };
	bool reject;

	if (!h || read_route(c, &r, &reject, e))
		return -e->code;
	if (reject == (r.iface || r.via.family))
		return err_set(e, EINVAL, 0, reject ? "what is unreachable goes nowhere" : "via ADDR or dev IF is missing");
	if (net_route_add(h, &r, e))
		e->arg = -1;
	return -e->code;
}

static int run_del(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_route r = { 0 };
	bool reject;

	if (!h || read_route(c, &r, &reject, e))
		return -e->code;
	if (net_route_del(h, &r, e))
		e->arg = -1;
	return -e->code;
}

const struct command route_commands[] = {
	{ "add", "[unreachable] DESTINATION [via ADDR] [dev IF] [metric N] [src ADDR]", run_add,
	  "10.1.0.0/16 or default; through a neighbour, or directly; the longest prefix wins, then the lowest metric" },
	{ "del", "DESTINATION [via ADDR] [dev IF] [metric N] [src ADDR]", run_del, "the first route that is so" },
	{ 0 }
};

int store_routes(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(route_commands, n, line, result, e);
}

/* route/ADDR */

static int fill_route_to(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_addr to = net_addr_of_halves(n->arg, n->arg2);
	struct net_route r;

	if (!h || net_route_to(h, &to, &r, e))
		return -e->code;
	fill_route(&r, t);
	return 0;
}

static const struct row route_to_row = {
	.name = "ADDR", .kind = ROW_TABLE, .mode = 0444, .columns = route_columns, .fill = fill_route_to, .help = "net-routes",
};

static int find_route_to(const struct node *dir, const char *name, struct node *child)
{
	struct net_host *h = world_net(dir, NULL);
	g_autofree char *text = h ? net_scope_number(h, name) : NULL;
	struct net_addr a;

	if (!h)
		return -ESRCH;
	if (!net_addr_parse(text, &a))
		return -ENOENT;
	*child = *dir;
	child->row = &route_to_row;
	net_addr_halves(&a, &child->arg, &child->arg2);
	return 0;
}

const struct dir_ops route_to_dir = { .find = find_route_to };
