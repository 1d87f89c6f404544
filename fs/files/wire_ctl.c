/*
 * wire_ctl.c - wires/W/ctl: faults for single frames.
 *
 * A match is words that all must be true of a frame: arp icmp udp tcp tcp.syn tcp.ack tcp.fin tcp.data rdt rdt.ack rdt.data
 * src=A dst=A port=N, and nth=K: not before the Kth such frame.
 */
#include "wire.h"

#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define MATCH "[MATCH...] [src=A] [dst=A] [port=N] [nth=K]"

static const struct { const char *word; unsigned what; } words[] = {
	{ "arp", NET_MATCH_ARP }, { "icmp", NET_MATCH_ICMP }, { "udp", NET_MATCH_UDP }, { "tcp", NET_MATCH_TCP },
	{ "tcp.syn", NET_MATCH_TCP | NET_MATCH_SYN }, { "tcp.ack", NET_MATCH_TCP | NET_MATCH_ACK },
	{ "tcp.fin", NET_MATCH_TCP | NET_MATCH_FIN }, { "tcp.data", NET_MATCH_TCP | NET_MATCH_DATA },
	{ "ip6", NET_MATCH_IP6 }, { "nd", NET_MATCH_ND }, { "rdt", NET_MATCH_RDT }, { "rdt.ack", NET_MATCH_RDT | NET_MATCH_ACK }, { "rdt.data", NET_MATCH_RDT | NET_MATCH_DATA },
};

static int match_word(const struct call *c, unsigned i, struct net_match *m, struct err *e)
{
	for (size_t k = 0; k < G_N_ELEMENTS(words); k++) {
		if (arg_is(c, i, words[k].word)) {
			m->what |= words[k].what;
			return 0;
		}
	}
	return err_set(e, EINVAL, (int)i, "'%.30s' is none of: arp icmp udp tcp tcp.syn tcp.ack tcp.fin tcp.data "
		       "ip6 nd rdt rdt.ack rdt.data src=A dst=A port=N nth=K", c->args[i].text);
}

static int match_address(const struct call *c, const char *option, struct net_addr *a, struct err *e)
{
	const char *text = arg_option(c, option);

	if (text && !net_addr_parse(text, a))
		return err_set(e, EINVAL, -1, "%s=%.40s is not an address", option, text);
	return 0;
}

/* The words from argument `from` on, and the options. */
static int read_match(const struct call *c, unsigned from, struct net_match *m, struct err *e)
{
	uint64_t port = 0, nth = 1;

	for (unsigned i = from; i < c->count; i++)
		if (match_word(c, i, m, e))
			return -e->code;
	if (match_address(c, "src", &m->src, e) || match_address(c, "dst", &m->dst, e) ||
	    !option_number(c, "port", &port, e) || !option_number(c, "nth", &nth, e))
		return -e->code;
	if (port > UINT16_MAX)
		return err_set(e, EINVAL, -1, "port=%" PRIu64 " is more than 65535", port);
	if (nth == 0 || nth > UINT32_MAX)
		return err_set(e, EINVAL, -1, "nth=%" PRIu64 " is not from 1 to 4294967295", nth);
	m->port = (uint16_t)port;
	m->nth = (unsigned)nth;
	return 0;
}

static bool is_all_digits(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* next [N] [TIME] [MATCH]: a number is N, a number with a unit the time. */
static int run_fault(struct call *c, struct err *e)
{
	struct net_wire *w = world_wire(c->n, e);
	struct net_fault f = { .count = 1 };
	uint64_t count = 1;
	unsigned i = 1;

	if (!w)
		return -e->code;
	while (strcmp(net_fault_action_names[f.action], c->command->name))
		f.action++;
	if (!arg_is(c, 0, "next"))
		return err_set(e, EINVAL, 0, "'%.30s' is not next", c->args[0].text);
	if (arg_present(c, i) && is_all_digits(c->args[i].text) && !arg_number(c, i++, &count, e))
		return -e->code;
	if (count == 0 || count > UINT32_MAX)
		return err_set(e, EINVAL, 1, "%" PRIu64 " frames cannot be next", count);
	f.count = (unsigned)count;
	if (arg_present(c, i) && g_ascii_isdigit(c->args[i].text[0])) {
		if (f.action != NET_DELAY)
			return err_set(e, EINVAL, (int)i, "only delay takes a time");
		if (!arg_time(c, i++, &f.delay, e))
			return -e->code;
	} else if (f.action == NET_DELAY) {
		return err_set(e, EINVAL, (int)i, "the time is missing, as in: delay next 2 200ms");
	}
	return read_match(c, i, &f.match, e) ? -e->code : net_wire_fault(w, &f, e);
}

static int run_hold(struct call *c, struct err *e)
{
	struct net_wire *w = world_wire(c->n, e);
	struct net_fault f = { .action = NET_HOLD };

	return !w || read_match(c, 0, &f.match, e) ? -e->code : net_wire_fault(w, &f, e);
}

/* clear: all of them; clear N: the Nth of the table. */
static int run_clear(struct call *c, struct err *e)
{
	struct net_wire *w = world_wire(c->n, e);
	uint64_t rule = 0;

	if (!w || (arg_present(c, 0) && !arg_number(c, 0, &rule, e)))
		return -e->code;
	if (arg_present(c, 0))
		return net_wire_fault_end(w, (unsigned)MIN(rule - 1, G_MAXUINT), e);
	while (net_wire_fault_end(w, 0, NULL) == 0)
		;
	return 0;
}

static int run_release(struct call *c, struct err *e)
{
	struct net_wire *w = world_wire(c->n, e);

	if (!w)
		return -e->code;
	put_dec(c->result, net_wire_release(w));
	return 0;
}

static int run_inject(struct call *c, struct err *e)
{
	struct net_wire *w = world_wire(c->n, e);
	g_autoptr(GString) bytes = g_string_new(NULL);

	if (!w || !arg_bytes(c, 0, bytes, e))
		return -e->code;
	return net_wire_inject(w, bytes->str, bytes->len, arg_present(c, 1) ? c->args[1].text : NULL, e);
}

const struct command wire_commands[] = {
	{ "drop", "next [N] " MATCH, run_fault, "loses the next N (1) frames that match" },
	{ "delay", "next [N] TIME " MATCH, run_fault, "sends them TIME later; others may overtake" },
	{ "corrupt", "next [N] " MATCH, run_fault, "flips a bit in them" },
	{ "duplicate", "next [N] " MATCH, run_fault, "sends them twice" },
	{ "hold", MATCH, run_hold, "keeps all that match from now on, until release" },
	{ "clear", "[N]", run_clear, "ends the Nth fault of `faults`, or all of them" },
	{ "release", "", run_release, "ends every hold and sends what was kept, in order; result: how many" },
	{ "inject", "HEX [IF]", run_inject,
	  "puts a frame on the wire, from the destination address to the end of the data; as if interface IF (host.if) had sent it" },
	{ 0 }
};

/* wires/W/faults: what ctl has ordered and no frame has used up. */

const struct column wire_fault_columns[] = {
	{ "fault", COLUMN_NUMBER }, { "action", COLUMN_WORD }, { "left", COLUMN_NUMBER }, { "delay", COLUMN_TIME }, { "match", COLUMN_WORD },
	{ 0 }
};

static void put_match(const struct net_match *m, GString *out)
{
	char text[NET_ADDR_TEXT];
	unsigned said = 0;

	for (size_t i = G_N_ELEMENTS(words); i-- > 0;) /* the longer ones say the shorter ones too */
		if ((m->what & words[i].what) == words[i].what && words[i].what & ~said) {
			said |= words[i].what;
			g_string_append_printf(out, "%s,", words[i].word);
		}
	if (m->src.family)
		g_string_append_printf(out, "src=%s,", net_addr_text(&m->src, text));
	if (m->dst.family)
		g_string_append_printf(out, "dst=%s,", net_addr_text(&m->dst, text));
	if (m->port)
		g_string_append_printf(out, "port=%u,", m->port);
	if (m->nth > 1)
		g_string_append_printf(out, "nth=%u,", m->nth);
	g_string_truncate(out, out->len - (out->len > 0));
}

int fill_wire_faults(const struct node *n, struct table_out *t, struct err *e)
{
	struct net_wire *w = world_wire(n, e);
	struct net_fault f;

	if (!w)
		return -e->code;
	for (unsigned i = 0; net_wire_fault_at(w, i, &f); i++) {
		g_autoptr(GString) match = g_string_new(NULL);

		put_match(&f.match, match);
		table_number(t, i + 1);
		table_word(t, net_fault_action_names[f.action]);
		if (f.count)
			table_number(t, f.count);
		else
			table_none(t);
		if (f.action == NET_DELAY)
			table_time(t, f.delay);
		else
			table_none(t);
		if (match->len)
			table_word(t, match->str);
		else
			table_none(t);
	}
	return 0;
}

int store_wire_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(wire_commands, n, line, result, e);
}
