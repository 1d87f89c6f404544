/* nat.c - hosts/H/net: nat (the rules), nat_table (the connections), nat_stats. */
#include "net.h"

#include "net_nat.h"
#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

static const char *protocol_name(uint8_t protocol, char text[8])
{
	static const struct { uint8_t protocol; const char *name; } names[] = {
		{ IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" }, { IPPROTO_ICMP, "icmp" }, { 253, "rdt" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		if (names[i].protocol == protocol)
			return names[i].name;
	g_snprintf(text, 8, "%u", protocol);
	return text;
}

/* nat */

/* As it is written. */
static void put_rule(GString *out, const struct net_nat_rule *r)
{
	char text[NET_ENDPOINT_TEXT], number[8];

	if (r->kind == NET_NAT_MASQUERADE) {
		g_string_append_printf(out, "masquerade %s", r->iface);
		if (r->high)
			g_string_append_printf(out, " ports=%u-%u", r->low, r->high);
		if (r->filter)
			g_string_append_printf(out, " filter=%s", net_nat_filter_names[r->filter]);
	} else {
		g_string_append_printf(out, "dnat %s %s %u", r->iface, protocol_name(r->protocol, number), r->low);
		if (r->high != r->low)
			g_string_append_printf(out, "-%u", r->high);
		g_string_append_printf(out, " to %s", net_endpoint_text(&r->to, text));
	}
	put_char(out, '\n');
}

int show_nat(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_nat_rule r;

	if (!h)
		return -e->code;
	for (unsigned i = 0; net_nat_rule(h, i, &r); i++)
		put_rule(out, &r);
	return 0;
}

/* N or LOW-HIGH. */
static int read_ports(const char *text, int arg, struct net_nat_rule *r, struct err *e)
{
	const char *dash = strchr(text, '-');
	g_autofree char *first = g_strndup(text, dash ? (size_t)(dash - text) : strlen(text));
	uint64_t low, high;
	int code = parse_number(first, &low, e);

	if (!code)
		code = parse_number(dash ? dash + 1 : first, &high, e);
	if (!code && (low < 1 || high > UINT16_MAX || low > high))
		code = err_set(e, EINVAL, arg, "'%.40s' is no port from 1 to 65535, nor a range of them, as 5000-5999", text);
	if (code) {
		e->arg = arg;
		return code;
	}
	r->low = (uint16_t)low;
	r->high = (uint16_t)high;
	return 0;
}

static int run_masquerade(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = c->args[0].text };
	const char *ports = arg_option(c, "ports"), *filter = arg_option(c, "filter");
	unsigned f = 0;

	if (!h || (ports && read_ports(ports, -1, &r, e)))
		return -e->code;
	while (filter && f < NET_NAT_FILTERS && strcmp(net_nat_filter_names[f], filter))
		f++;
	if (f == NET_NAT_FILTERS)
		return err_set(e, EINVAL, -1, "filter=%.40s is none of: address endpoint port", filter);
	r.filter = f;
	return net_nat_add(h, &r, e);
}

/* IF tcp|udp PORTS */
static int read_dnat(const struct call *c, unsigned first, struct net_nat_rule *r, struct err *e)
{
	static const char *const protocols[] = { "tcp", "udp", NULL };
	unsigned protocol;

	*r = (struct net_nat_rule){ .kind = NET_NAT_DNAT, .iface = c->args[first].text };
	if (!arg_choice(c, first + 1, protocols, &protocol, e) || read_ports(c->args[first + 2].text, (int)first + 2, r, e))
		return -e->code;
	r->protocol = protocol ? IPPROTO_UDP : IPPROTO_TCP;
	return 0;
}

static int run_dnat(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_nat_rule r;

	if (!h || read_dnat(c, 0, &r, e))
		return -e->code;
	if (!arg_is(c, 3, "to"))
		return err_set(e, EINVAL, 3, "'%.20s' is not: to", c->args[3].text);
	r.to.port = r.low;
	if ((!net_addr_parse(c->args[4].text, &r.to.addr) && !net_endpoint_parse(c->args[4].text, &r.to)) ||
	    r.to.addr.family != NET_IPV4)
		return err_set(e, EINVAL, 4, "'%.60s' is not an address, as 10.0.0.2 or 10.0.0.2:80", c->args[4].text);
	return net_nat_add(h, &r, e);
}

static int run_del(struct call *c, struct err *e)
{
	static const char *const kinds[] = { "masquerade", "dnat", NULL };
	struct net_host *h = world_net(c->n, e);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = c->args[1].text };
	unsigned kind;
	int code;

	if (!h || !arg_choice(c, 0, kinds, &kind, e))
		return -e->code;
	if (c->count != (kind ? 4 : 2))
		return err_set(e, EINVAL, (int)MIN(c->count, kind ? 4u : 2u), "it takes %s", kind ? "dnat IF tcp|udp PORTS" :
			       "masquerade IF");
	if (kind && read_dnat(c, 1, &r, e))
		return -e->code;
	code = net_nat_del(h, &r, e);
	if (code == -ENODEV)
		e->arg = 1;
	return code;
}

static int run_flush(struct call *c, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	struct net_nat_rule r;

	if (!h)
		return -e->code;
	if (arg_present(c, 0) && !arg_is(c, 0, "table"))
		return err_set(e, EINVAL, 0, "'%.20s' is not: table", c->args[0].text);
	while (!arg_present(c, 0) && net_nat_rule(h, 0, &r))
		net_nat_del(h, &r, NULL);
	net_nat_forget(h);
	return 0;
}

const struct command nat_commands[] = {
	{ "masquerade", "IF [ports=LOW-HIGH] [filter=address|endpoint|port]", run_masquerade,
	  "what leaves by this interface takes its address; filter: who may send to a port that was taken" },
	{ "dnat", "IF tcp|udp PORT[-PORT] to ADDR[:PORT]", run_dnat, "a port of this interface is handed to a host inside" },
	{ "del", "masquerade|dnat IF [tcp|udp PORT[-PORT]]", run_del, "takes a rule away, with its connections" },
	{ "flush", "[table]", run_flush, "takes all rules away, or only all connections" },
	{ 0 }
};

int store_nat(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(nat_commands, n, line, result, e);
}

/* nat_table */

const struct column nat_columns[] = {
	{ "proto", COLUMN_WORD }, { "inside", COLUMN_WORD }, { "outside", COLUMN_WORD }, { "remote", COLUMN_WORD },
	{ "state", COLUMN_WORD }, { "expires", COLUMN_TIME }, { "packets-out", COLUMN_NUMBER }, { "bytes-out", COLUMN_NUMBER },
	{ "packets-in", COLUMN_NUMBER }, { "bytes-in", COLUMN_NUMBER }, { 0 }
};

static void cell_end(struct table_out *t, const struct net_endpoint *p)
{
	char text[NET_ENDPOINT_TEXT];

	table_word(t, p->port ? net_endpoint_text(p, text) : net_addr_text(&p->addr, text));
}

int fill_nat(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_host *h = world_net(n, e);
	const void *cursor = NULL;
	struct net_nat_session s;
	char number[8];

	if (!h)
		return -e->code;
	while (net_nat_session(h, &cursor, &s)) {
		table_word(t, protocol_name(s.protocol, number));
		cell_end(t, &s.inside);
		if (s.plain)
			table_none(t);
		else
			cell_end(t, &s.outside);
		cell_end(t, &s.remote);
		table_word(t, net_nat_state_names[s.state]);
		table_time(t, s.expires - n->world->clock.now);
		table_number(t, s.packets_out);
		table_number(t, s.bytes_out);
		table_number(t, s.packets_in);
		table_number(t, s.bytes_in);
	}
	return 0;
}

/* nat_stats */

int show_nat_stats(const struct node *n, GString *out, struct err *e)
{
	static const struct { const char *name; size_t at; } rows[] = {
#define STAT(NAME) { #NAME, offsetof(struct net_nat_stats, NAME) }
		STAT(sessions), STAT(mappings), STAT(peak), STAT(opened), STAT(expired), STAT(translated), STAT(errors),
		STAT(hairpins), STAT(full), STAT(no_port), STAT(filtered), STAT(no_session),
#undef STAT
	};
	struct net_host *h = world_net(n, e);
	struct net_nat_stats s;

	if (!h)
		return -e->code;
	net_nat_stats(h, &s);
	for (size_t k = 0; k < G_N_ELEMENTS(rows); k++)
		g_string_append_printf(out, "%s %" PRIu64 "\n", rows[k].name, *(const uint64_t *)((const char *)&s + rows[k].at));
	return 0;
}
