/* lookup.c - look-ups: the file hosts first, then DNS with the search list (RFC 1535), as libc does; what it finds sorted (RFC 6724). */
#include "query.h"
#include "resolvconf.h"

#include "host.h"

#include <errno.h>
#include <string.h>

enum { ITERATIVE_TIMEOUT_S = 2, PRECEDENCE_UNUSABLE = -1 };

struct net_lookup {
	struct net_host *host;
	struct dns_query_config config;
	uint16_t type;                   /* 0: addresses */
	bool     v4, v6;
	GArray  *candidates;             /* struct dns_name */
	unsigned next;
	struct dns_query *query[2];      /* those under way, for candidates[next - 1] */
	GArray  *found;                  /* struct net_addr */
	GString *records, *trace;
	bool     done, exists;           /* exists: a name was there, without what is wanted */
	struct err failed;               /* a server's failure: no further name is tried */
};

/* Names to try */

static void add_candidate(struct net_lookup *l, const char *name, const char *domain)
{
	g_autofree char *whole = domain ? g_strconcat(name, ".", domain, NULL) : g_strdup(name);
	struct dns_name n;

	if (!dns_name_parse(whole, &n, NULL))
		g_array_append_val(l->candidates, n);
}

static void add_candidates(struct net_lookup *l, const char *name, const struct resolv *r)
{
	unsigned dots = 0;
	size_t len = strlen(name);

	for (const char *c = name; *c; c++)
		dots += *c == '.';
	if (name[len - 1] == '.') {
		add_candidate(l, name, NULL);
		return;
	}
	if (dots >= r->ndots)
		add_candidate(l, name, NULL);
	for (unsigned i = 0; r->search[i]; i++)
		add_candidate(l, name, r->search[i]);
	if (dots < r->ndots)
		add_candidate(l, name, NULL);
}

/* 10.0.0.1: 1.0.0.10.in-addr.arpa (RFC 1035 3.5); version 6 a digit a label (RFC 3596 2.5). */
static char *reverse_name(const struct net_addr *a)
{
	GString *out = g_string_new(NULL);

	if (a->family == NET_IPV4) {
		g_string_printf(out, "%u.%u.%u.%u.in-addr.arpa.", a->v4 & 255, a->v4 >> 8 & 255, a->v4 >> 16 & 255, a->v4 >> 24);
		return g_string_free(out, FALSE);
	}
	for (int i = 15; i >= 0; i--)
		g_string_append_printf(out, "%x.%x.", a->v6[i] & 15, a->v6[i] >> 4);
	g_string_append(out, "ip6.arpa.");
	return g_string_free(out, FALSE);
}

/* Beginning */

static void configure(struct net_lookup *l, struct net_host *h, const struct net_lookup_config *c, const struct resolv *r)
{
	l->config = (struct dns_query_config){ .host = h, .who = c->who, .cache = c->cache, .iterative = c->iterative,
					       .attempts = r->attempts, .trace = l->trace };
	l->config.timeout = (c->iterative ? ITERATIVE_TIMEOUT_S : r->timeout) * NS_PER_S;
	l->config.servers = c->servers ? c->servers : r->servers;
	memcpy(l->config.server, c->servers ? c->server : r->server, l->config.servers * sizeof *c->server);
}

static int begin(struct net_lookup *l, const char *name, const struct net_lookup_config *c, const struct resolv *r,
		 struct err *e)
{
	g_autofree char *reverse = NULL;
	struct dns_name whole;
	struct net_addr a;

	if (c->type && (!dns_type_parse(c->type, &l->type) || l->type == DNS_OPT))
		return err_set(e, EINVAL, -1, "'%.20s' is not a type of record, as A, AAAA, MX, NS, PTR, SOA, TXT", c->type);
	if (!*name)
		return err_set(e, EINVAL, 0, "an empty name");
	if (!c->type && net_addr_parse(name, &a)) {
		if (a.family == NET_IPV4 ? c->v4 : c->v6)
			g_array_append_val(l->found, a);
		l->exists = l->done = true;
		return 0;
	}
	if (l->type == DNS_PTR && net_addr_parse(name, &a))
		name = reverse = reverse_name(&a);
	if (dns_name_parse(name, &whole, e))
		return -e->code;
	if (!c->type)
		hosts_find(c->hosts, name, c->v4, c->v6, l->found);
	if (l->found->len) {
		l->done = true;
		return 0;
	}
	if (!l->config.servers)
		return err_set(e, ENOENT, 0, "'%.60s' is neither an address nor a name in net/hosts, and net/resolv has no nameserver",
			       name);
	add_candidates(l, name, r);
	return 0;
}

int net_lookup_start(struct net_host *h, const char *name, const struct net_lookup_config *c, struct net_lookup **out,
		     struct err *e)
{
	struct net_lookup *l = g_new0(struct net_lookup, 1);
	struct err ignored;
	struct resolv r;
	int rc;

	resolv_parse(c->resolv, &r);
	l->host = h;
	l->v4 = c->v4;
	l->v6 = c->v6;
	l->candidates = g_array_new(FALSE, FALSE, sizeof(struct dns_name));
	l->found = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	l->records = g_string_new(NULL);
	l->trace = g_string_new(NULL);
	configure(l, h, c, &r);
	rc = begin(l, name, c, &r, e ? e : &ignored);
	resolv_clear(&r);
	if (rc)
		net_lookup_free(l);
	else
		*out = l;
	return rc;
}

static void drop_queries(struct net_lookup *l)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(l->query); i++) {
		dns_query_free(l->query[i]);
		l->query[i] = NULL;
	}
}

void net_lookup_free(struct net_lookup *l)
{
	if (!l)
		return;
	drop_queries(l);
	g_array_free(l->candidates, TRUE);
	g_array_free(l->found, TRUE);
	g_string_free(l->records, TRUE);
	g_string_free(l->trace, TRUE);
	g_free(l);
}

/* Going on */

static void next_candidate(struct net_lookup *l)
{
	const struct dns_name *name = &g_array_index(l->candidates, struct dns_name, l->next++);

	if (l->type) {
		l->query[0] = dns_query_new(&l->config, name, l->type);
		return;
	}
	l->query[0] = l->v4 ? dns_query_new(&l->config, name, DNS_A) : NULL;
	l->query[1] = l->v6 ? dns_query_new(&l->config, name, DNS_AAAA) : NULL;
}

static void take_record(struct net_lookup *l, const struct dns_record *r)
{
	struct net_addr a = { 0 };

	if (l->type) {
		dns_record_write(r, l->records);
		g_string_append_c(l->records, '\n');
	} else if (r->type == DNS_A && r->len == 4) {
		a = net_v4(get32(r->data));
	} else if (r->type == DNS_AAAA && r->len == 16) {
		a.family = NET_IPV6;
		memcpy(a.v6, r->data, 16);
	}
	if (a.family)
		g_array_append_val(l->found, a);
}

static void take_result(struct net_lookup *l, const struct dns_query *q)
{
	const struct dns_message *m;
	struct err e = { 0 };

	if (dns_query_result(q, &m, &e)) {
		l->failed = e;
		return;
	}
	l->exists |= m->rcode == DNS_NOERROR;
	for (unsigned i = 0; i < m->section[DNS_ANSWER]->len; i++)
		take_record(l, &g_array_index(m->section[DNS_ANSWER], struct dns_record, i));
}

static bool step_queries(struct net_lookup *l)
{
	bool done = true;

	for (unsigned i = 0; i < G_N_ELEMENTS(l->query); i++)
		done &= !l->query[i] || dns_query_step(l->query[i]);
	return done;
}

bool net_lookup_step(struct net_lookup *l)
{
	while (!l->done) {
		if (!l->query[0] && !l->query[1])
			next_candidate(l);
		if (!step_queries(l))
			return false;
		for (unsigned i = 0; i < G_N_ELEMENTS(l->query); i++)
			if (l->query[i])
				take_result(l, l->query[i]);
		drop_queries(l);
		l->done = l->found->len || l->records->len || l->failed.code || l->next == l->candidates->len;
	}
	return true;
}

/* The result */

/* RFC 6724 2.1: of what can be reached, the higher goes first. */
static int precedence(struct net_host *h, const struct net_addr *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };
	struct net_route r;

	if (net_route_to(h, a, &r, NULL))
		return PRECEDENCE_UNUSABLE;
	if (a->family == NET_IPV4)
		return 35;
	if (!memcmp(a->v6, loopback, 16))
		return 50;
	if ((a->v6[0] & 0xfe) == 0xfc)
		return 3;
	return a->v6[0] == 0x20 && a->v6[1] == 0x02 ? 30 : 40;
}

/* Stable: those alike stay in the order that the server gave. */
static void sort_addresses(struct net_host *h, GArray *a)
{
	for (unsigned i = 1; i < a->len; i++) {
		struct net_addr x = g_array_index(a, struct net_addr, i);
		unsigned k = i;

		for (; k > 0 && precedence(h, &g_array_index(a, struct net_addr, k - 1)) < precedence(h, &x); k--)
			g_array_index(a, struct net_addr, k) = g_array_index(a, struct net_addr, k - 1);
		g_array_index(a, struct net_addr, k) = x;
	}
}

static int nothing_found(const struct net_lookup *l, struct err *e)
{
	if (l->failed.code)
		return err_set(e, l->failed.code, 0, "%s", l->failed.why);
	if (l->exists)
		return err_set(e, ENODATA, 0, "the name has no %s", l->type ? "record of that type" : "address of that kind");
	return err_set(e, ENOENT, 0, "there is no such name");
}

int net_lookup_addresses(const struct net_lookup *l, GArray *out, struct err *e)
{
	if (!l->found->len)
		return nothing_found(l, e);
	g_array_set_size(out, 0);
	g_array_append_vals(out, l->found->data, l->found->len);
	sort_addresses(l->host, out);
	return 0;
}

int net_lookup_records(const struct net_lookup *l, GString *out, struct err *e)
{
	if (!l->records->len)
		return nothing_found(l, e);
	g_string_append_len(out, l->records->str, (gssize)l->records->len);
	return 0;
}

const char *net_lookup_trace(const struct net_lookup *l)
{
	return l->trace->str;
}
