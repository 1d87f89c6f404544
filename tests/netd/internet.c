/* internet.c - name servers on a wire, and look-ups among them. */
#include "internet.h"

#include <arpa/inet.h>
#include <errno.h>

struct named *add_server(struct scene *s, const char *host, const char *address, const char *zone, const char *hints)
{
	struct named *n = &s->named[s->count++];
	struct net_host *h = lab_host(s->l, host, s->wire, address);
	struct net_addr hint;
	struct err e = { 0 };

	n->cache = net_dns_cache_new();
	n->server = net_dns_server_new(h, &root, n->cache);
	if (zone && net_dns_server_zone(n->server, zone, strlen(zone), &e))
		fail_msg("%s: %s", host, e.why);
	if (hints) {
		hint = addr(hints);
		assert_int_equal(net_dns_server_root(n->server, &hint, NULL), 0);
	}
	n->udp = open_bound(h, NET_UDP, "0.0.0.0:53");
	n->tcp = open_listener(h, "0.0.0.0:53", 8);
	return n;
}

const char root_zone[] = "$ORIGIN .\n." SOA ". NS a.root.\na.root. A 10.0.0.1\nedu. NS ns.edu.\nns.edu. A 10.0.0.2\n"
				"com. NS ns.edu.\ndead. NS ns.dead.\nns.dead. A 10.0.0.99\n";
static const char edu_zone[] = "$ORIGIN edu.\n@" SOA "@ NS ns\nns A 10.0.0.2\nvirginia NS ns.virginia\nns.virginia A 10.0.0.3\n"
			       "glueless NS ns.virginia.edu.\n";
static const char com_zone[] = "$ORIGIN com.\n@" SOA "@ NS ns.edu.\nx CNAME www.virginia.edu.\n";
static const char glueless_zone[] = "$ORIGIN glueless.edu.\n@" SOA "@ NS ns.virginia.edu.\nwww A 10.1.1.1\n";
static char *virginia_zone(void)
{
	GString *z = g_string_new("$ORIGIN virginia.edu.\n$TTL 100\n@" SOA "@ NS ns\nns A 10.0.0.3\nwww CNAME web\n"
				  "web A 10.0.0.80\nweb A 10.0.0.81\nweb AAAA fd00::80\nshort 5 A 10.0.0.5\n@ MX 10 mail\nmail A 10.0.0.25\n"
				  "zero 0 A 10.0.0.7\nloop1 CNAME loop2\nloop2 CNAME loop1\nlame NS ns.edu.\ntext TXT \"a b\" c\n");

	for (unsigned i = 0; i < 60; i++)
		g_string_append_printf(z, "many A 10.9.0.%u\n", i);
	return g_string_free(z, FALSE);
}

void open_scene(struct scene *s, struct lab *l)
{
	g_autofree char *virginia = virginia_zone();

	*s = (struct scene){ .l = l, .wire = lab_wire(l, "lan0"), .cache = net_dns_cache_new() };
	add_server(s, "root", "10.0.0.1/24", root_zone, NULL);
	add_server(s, "edu", "10.0.0.2/24", edu_zone, NULL);
	assert_int_equal(net_dns_server_zone(s->named[1].server, com_zone, strlen(com_zone), NULL), 0);
	add_server(s, "virginia", "10.0.0.3/24", virginia, NULL);
	assert_int_equal(net_dns_server_zone(s->named[2].server, glueless_zone, strlen(glueless_zone), NULL), 0);
	s->client = lab_host(l, "c", s->wire, "10.0.0.10/24");
}

void close_scene(struct scene *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		net_dns_server_free(s->named[i].server);
		net_socket_release(s->named[i].udp);
		net_socket_release(s->named[i].tcp);
		net_dns_cache_free(s->named[i].cache);
	}
	net_dns_cache_free(s->cache);
	lab_settle(s->l);
}

void step_servers(struct scene *s)
{
	bool did;

	do {
		did = false;
		for (unsigned i = 0; i < s->count; i++)
			did |= net_dns_server_step(s->named[i].server, &s->named[i].udp, &s->named[i].tcp, 1);
	} while (did);
}

void finish(struct scene *s, struct net_lookup *q, void (*also)(struct scene *s))
{
	for (unsigned i = 0; !net_lookup_step(q); i++) {
		assert_true(i < 100000);
		step_servers(s);
		if (also)
			also(s);
		if (net_lookup_step(q))
			return;
		assert_true(s->l->clock.busy > 0);
		clock_step(&s->l->clock);
	}
}

struct net_lookup_config from_root(struct scene *s, const char *type)
{
	struct net_lookup_config c = { .cache = s->cache, .who = root, .v4 = true, .v6 = true, .type = type, .servers = 1,
				       .iterative = true };

	c.server[0] = addr("10.0.0.1");
	return c;
}

char trace[4096];

char *result_of(struct net_lookup *q, const char *type)
{
	g_autoptr(GArray) addrs = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	GString *out = g_string_new(NULL);
	struct err e = { 0 };
	char text[NET_ADDR_TEXT];

	g_strlcpy(trace, net_lookup_trace(q), sizeof trace);
	if (type ? net_lookup_records(q, out, &e) : net_lookup_addresses(q, addrs, &e))
		g_string_printf(out, "%s: %s", e.code == ENOENT ? "ENOENT" : e.code == ENODATA ? "ENODATA" :
				e.code == ETIMEDOUT ? "ETIMEDOUT" : e.code == EIO ? "EIO" : "?", e.why);
	for (unsigned i = 0; i < addrs->len; i++) {
		const struct net_addr *a = &g_array_index(addrs, struct net_addr, i);

		g_string_append_printf(out, "%s%s", i ? " " : "", a->family == NET_IPV4 ? net_addr_text(a, text) :
				       inet_ntop(AF_INET6, a->v6, text, sizeof text));
	}
	net_lookup_free(q);
	return g_string_free(out, FALSE);
}

char *look(struct scene *s, const char *name, const struct net_lookup_config *c)
{
	struct net_lookup *q;
	struct err e = { 0 };

	if (net_lookup_start(s->client, name, c, &q, &e))
		return g_strdup_printf("refused: %s", e.why);
	finish(s, q, NULL);
	return result_of(q, c->type);
}

void assert_look(struct scene *s, const char *name, const struct net_lookup_config *c, const char *wanted)
{
	g_autofree char *got = look(s, name, c);

	if (strcmp(got, wanted))
		print_error("%s\n%s", name, trace);
	assert_string_equal(got, wanted);
}

unsigned questions(void)
{
	unsigned n = 0;

	for (const char *c = trace; *c; c++)
		n += *c == '\n';
	return n;
}
