/* net.c - hosts/H/net: a host's part of the network. */
#include "net.h"

#include "net_knob.h"
#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

bool arg_net_addr(const struct call *c, unsigned i, struct net_addr *a, struct err *e)
{
	struct net_host *h = world_net(c->n, NULL);
	g_autofree char *text = h && arg_present(c, i) ? net_scope_number(h, c->args[i].text) : NULL;

	if (text && net_addr_parse(text, a))
		return true;
	err_set(e, EINVAL, (int)i, "'%.40s' is not an address, as 10.0.0.1", arg_present(c, i) ? c->args[i].text : "");
	return false;
}

bool arg_net_prefix(const struct call *c, unsigned i, struct net_prefix *p, struct err *e)
{
	if (arg_is(c, i, "default")) {
		*p = (struct net_prefix){ .addr = net_v4(0) };
		return true;
	}
	if (arg_present(c, i) && net_prefix_parse(c->args[i].text, p))
		return true;
	err_set(e, EINVAL, (int)i, "'%.40s' is not a range, as 10.1.0.0/16", arg_present(c, i) ? c->args[i].text : "");
	return false;
}

/* forwarding */

static int show_forwarding(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);

	if (!h)
		return -e->code;
	put_dec(out, (uint64_t)net_knob_get(h, NET_IP_FORWARD));
	put_char(out, '\n');
	return 0;
}

static int store_forwarding(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_host *h = world_net(n, e);
	uint64_t v;

	if (!h || parse_number(g_strstrip(line), &v, e))
		return -e->code;
	if (v > 1)
		return err_set(e, EINVAL, 0, "forwarding is 0 or 1");
	return net_knob_set(h, NET_IP_FORWARD, (int64_t)v, e);
}

/* knobs */

static const struct column knob_columns[] = {
	{ "name", COLUMN_WORD }, { "value", COLUMN_WORD }, { "default", COLUMN_WORD }, { "min", COLUMN_NUMBER },
	{ "max", COLUMN_NUMBER }, { "about", COLUMN_WORD }, { 0 }
};

static void cell_knob(struct table_out *t, const struct net_knob_info *k, int64_t value)
{
	char text[24];

	g_snprintf(text, sizeof text, "%" PRId64, value);
	table_word(t, k->names ? k->names[value] : text);
}

static int fill_knobs(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);

	if (!h)
		return -e->code;
	for (unsigned i = 0; i < NET_KNOBS; i++) {
		const struct net_knob_info *k = &net_knobs[i];
		g_autofree char *about = g_strdelimit(g_strdup(k->about), n->format == FORMAT_TEXT ? " " : "", '_');

		table_word(t, k->name);
		cell_knob(t, k, net_knob_get(h, i));
		cell_knob(t, k, k->initial);
		table_signed(t, k->min);
		table_signed(t, k->max);
		table_word(t, about);
	}
	return 0;
}

static int parse_knob(const char *text, const struct net_knob_info *k, int64_t *value, struct err *e)
{
	uint64_t v;

	for (int64_t i = 0; k->names && i <= k->max; i++) {
		if (!strcmp(k->names[i], text)) {
			*value = i;
			return 0;
		}
	}
	if (k->names)
		return err_set(e, EINVAL, 1, "%s cannot be %.30s", k->name, text);
	if (parse_number(text, &v, e)) {
		e->arg = 1;
		return -e->code;
	}
	*value = (int64_t)MIN(v, INT64_MAX);
	return 0;
}

static int set_knob(struct net_host *h, const char *name, const char *value, struct err *e)
{
	enum net_knob k;
	int64_t v = 0;

	if (!strcmp(name, "preset")) {
		if (strcmp(value, "rfc") && strcmp(value, "linux"))
			return err_set(e, EINVAL, 1, "'%.30s' is none of: linux rfc", value);
		net_knob_preset(h, !strcmp(value, "rfc"));
		return 0;
	}
	if (!net_knob_find(name, &k))
		return err_set(e, EINVAL, 0, "there is no knob %.40s", name);
	return parse_knob(value, &net_knobs[k], &v, e) ? -e->code : net_knob_set(h, k, v, e);
}

static int store_knobs(const struct node *n, char *line, GString *result, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct words w;
	int error;

	if (!h || words_split(line, &w, e))
		return -e->code;
	if (w.count == 2)
		error = set_knob(h, w.word[0].text, w.word[1].text, e);
	else
		error = err_set(e, EINVAL, -1, "it takes NAME VALUE");
	if (error && e->arg >= 0)
		e->arg = (int)w.word[e->arg].at;
	words_free(&w);
	return error;
}

const struct row host_net_rows[] = {
	{ .name = "ifs", .kind = ROW_DIRECTORY, .mode = 0755, .dynamic = &ifaces_dir, .help = "net-ifs" },
	{ .name = "routes", .kind = ROW_TABLE, .mode = 0644, .columns = route_columns, .fill = fill_routes,
	  .store = store_routes, .help = "net-routes" },
	{ .name = "route", .kind = ROW_DIRECTORY, .mode = 0555, .dynamic = &route_to_dir, .help = "net-routes" },
	{ .name = "neighbours", .kind = ROW_TABLE, .mode = 0644, .columns = neighbour_columns, .fill = fill_neighbours,
	  .store = store_neighbours, .help = "net-neighbours" },
	{ .name = "resolv", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_VERBATIM, .show = show_names,
	  .store = store_names, .help = "net-names" },
	{ .name = "hosts", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_VERBATIM, .show = show_names,
	  .store = store_names, .help = "net-names" },
	{ .name = "services", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_VERBATIM, .show = show_names,
	  .store = store_names, .help = "net-names" },
	{ .name = "dns_cache", .kind = ROW_TABLE, .mode = 0644, .columns = dns_cache_columns, .fill = fill_dns_cache,
	  .store = store_dns_cache, .help = "net-dns" },
	{ .name = "leases", .kind = ROW_TABLE, .mode = 0444, .columns = lease_columns, .fill = fill_leases, .help = "net-leases" },
	{ .name = "forwarding", .kind = ROW_TEXT, .mode = 0644, .show = show_forwarding, .store = store_forwarding,
	  .help = "net-knobs" },
	{ .name = "nat", .kind = ROW_TEXT, .mode = 0644, .show = show_nat, .store = store_nat, .help = "net-nat" },
	{ .name = "nat_table", .kind = ROW_TABLE, .mode = 0444, .columns = nat_columns, .fill = fill_nat, .help = "net-nat" },
	{ .name = "nat_stats", .kind = ROW_TEXT, .mode = 0444, .show = show_nat_stats, .help = "net-nat" },
	{ .name = "knobs", .kind = ROW_TABLE, .mode = 0644, .columns = knob_columns, .fill = fill_knobs,
	  .store = store_knobs, .help = "net-knobs" },
	{ .name = "sockets", .kind = ROW_TABLE, .mode = 0444, .columns = socket_columns, .fill = fill_sockets,
	  .help = "net-sockets" },
	{ .name = "sockets.d", .kind = ROW_DIRECTORY, .mode = 0555, .dynamic = &sockets_dir, .help = "net-sockets" },
	{ 0 }
};
