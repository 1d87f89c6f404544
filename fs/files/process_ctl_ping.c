/* process_ctl_ping.c - ping and traceroute by a process: each lets time run until it is done. */
#include "process_ctl.h"

#include "net.h"
#include "net_tool.h"
#include "world.h"

#include <inttypes.h>

enum { PING_DATA = 56 };

/* The caller must be alive; the host is what sends. */
static struct net_host *caller_host(const struct call *c, struct err *e)
{
	return command_caller(c, e) ? world_net(c->n, e) : NULL;
}

/* What came instead of an answer. */
static void put_failure(GString *out, const struct net_echo *echo)
{
	bool v6 = echo->from.family == NET_IPV6;

	switch (echo->error ? v6 << 16 | echo->type << 8 | echo->code : -1) {
	case 1 << 16 | 1 << 8 | 0: put_text(out, "!N"); return;
	case 1 << 16 | 1 << 8 | 1: put_text(out, "!X"); return;
	case 1 << 16 | 1 << 8 | 2: put_text(out, "!S"); return;
	case 1 << 16 | 1 << 8 | 3: put_text(out, "!H"); return;
	case 1 << 16 | 1 << 8 | 4: put_text(out, "!U"); return;
	case 1 << 16 | 2 << 8 | 0: put_text(out, "!F"); return;
	case 1 << 16 | 3 << 8 | 0: put_text(out, "!T"); return;
	case 3 << 8 | 0: put_text(out, "!N"); return;
	case 3 << 8 | 1: put_text(out, "!H"); return;
	case 3 << 8 | 2: put_text(out, "!P"); return;
	case 3 << 8 | 3: put_text(out, "!U"); return;
	case 3 << 8 | 4: put_text(out, "!F"); return;
	case 11 << 8 | 0: put_text(out, "!T"); return;
	default:
		if (echo->error && !echo->from.family)
			put_text(out, g_strerror(echo->error));
		else if (echo->error)
			g_string_append_printf(out, "!%u/%u", echo->type, echo->code);
		else
			put_char(out, '*');
	}
}

static void put_rtt(GString *out, ns_t rtt)
{
	g_string_append_printf(out, "%" PRIu64 ".%03" PRIu64 " ms", rtt / NS_PER_MS, rtt % NS_PER_MS / NS_PER_US);
}

/* fe80::1%eth0, where the interface matters. */
static void put_scoped(GString *out, struct net_host *h, const struct net_addr *a)
{
	char text[NET_ADDR_TEXT];
	g_autofree char *named = net_scope_name(h, net_addr_text(a, text));

	put_text(out, named);
}

static void put_echo(GString *out, struct net_host *h, const struct net_echo *echo)
{

	g_string_append_printf(out, "seq=%u ", echo->sequence);
	if (echo->from.family) {
		put_text(out, "from=");
		put_scoped(out, h, &echo->from);
		put_char(out, ' ');
	}
	if (echo->rtt) {
		g_string_append_printf(out, "ttl=%u time=", echo->ttl);
		put_rtt(out, echo->rtt);
	} else if (echo->error) {
		put_text(out, "error=");
		put_failure(out, echo);
	} else {
		put_text(out, "no answer");
	}
	put_char(out, '\n');
}

static void put_ping(GString *out, struct net_host *h, const struct net_ping *p)
{
	struct net_ping_report r;
	struct net_echo echo;

	for (unsigned i = 0; net_ping_echo(p, i, &echo); i++)
		put_echo(out, h, &echo);
	net_ping_report(p, &r);
	g_string_append_printf(out, "sent=%u received=%u lost=%u%%", r.sent, r.received,
			       r.sent ? (r.sent - r.received) * 100 / r.sent : 0);
	if (r.received) {
		put_text(out, " min/avg/max=");
		g_string_append_printf(out, "%" PRIu64 ".%03" PRIu64 "/", r.min / NS_PER_MS, r.min % NS_PER_MS / NS_PER_US);
		g_string_append_printf(out, "%" PRIu64 ".%03" PRIu64 "/", r.average / NS_PER_MS,
				       r.average % NS_PER_MS / NS_PER_US);
		put_rtt(out, r.max);
	}
	put_char(out, '\n');
}

static void release_ping(void *ping)
{
	net_ping_free(ping);
}

int run_ping(struct call *c, struct err *e)
{
	struct net_host *h = caller_host(c, e);
	struct net_ping_report r;
	struct net_ping *p;
	struct naming *n;
	uint64_t count = 3;
	int rc;

	if (!h || (arg_present(c, 1) && !arg_number(c, 1, &count, e)))
		return -e->code;
	if (count > UINT16_MAX)
		return err_set(e, EINVAL, 1, "a count of %" PRIu64 " is not in 1..65535", count);
	rc = naming_go(c, 0, c->args[0].text, true, true, &n, e);
	if (rc)
		return rc;
	if (!n->work) {
		if (net_ping_start(h, &g_array_index(n->addrs, struct net_addr, 0), (unsigned)count, NS_PER_S, PING_DATA,
				   10 * NS_PER_S, &p, e))
			return -e->code;
		n->work = p;
		n->release = release_ping;
	}
	p = n->work;
	net_ping_report(p, &r);
	if (!r.done)
		return -EINPROGRESS;
	put_ping(c->result, h, p);
	return 0;
}

/* One line a hop, as traceroute(8) prints it: an address is repeated only when it changes. */
static void put_hop(GString *out, struct net_host *h, const struct net_trace *t, unsigned hop)
{
	struct net_addr last = { 0 };
	struct net_echo echo;

	g_string_append_printf(out, "%2u ", hop);
	for (unsigned i = 0; net_trace_probe(t, hop, i, &echo); i++) {
		put_char(out, ' ');
		if (echo.from.family && !net_addr_equal(&echo.from, &last)) {
			last = echo.from;
			put_scoped(out, h, &last);
			put_text(out, "  ");
		}
		if (echo.rtt)
			put_rtt(out, echo.rtt);
		if (echo.rtt && echo.error)
			put_char(out, ' ');
		if (!echo.rtt || echo.error)
			put_failure(out, &echo);
		if (i + 1 < NET_PROBES)
			put_char(out, ' ');
	}
	put_char(out, '\n');
}

static void release_trace(void *trace)
{
	net_trace_free(trace);
}

int run_traceroute(struct call *c, struct err *e)
{
	struct net_host *h = caller_host(c, e);
	struct net_trace *t;
	struct naming *n;
	int rc;

	if (!h)
		return -e->code;
	rc = naming_go(c, 0, c->args[0].text, true, true, &n, e);
	if (rc)
		return rc;
	if (!n->work) {
		if (net_trace_start(h, &g_array_index(n->addrs, struct net_addr, 0), 5 * NS_PER_S, &t, e))
			return -e->code;
		n->work = t;
		n->release = release_trace;
	}
	t = n->work;
	if (!net_trace_done(t))
		return -EINPROGRESS;
	for (unsigned hop = 1; hop <= net_trace_hops(t); hop++)
		put_hop(c->result, h, t, hop);
	return 0;
}
