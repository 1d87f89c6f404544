/*
 * fuzz_names.c - hostile DNS, DHCP, HTTP, URLs and the texts about names. The first byte says what the rest is.
 *
 * What is read is written and read again: that must give the same. What a server says to it must be a message itself.
 */
#include "dhcp/pool.h"
#include "dns/cache.h"
#include "dns/resolvconf.h"
#include "dns/zone.h"
#include "net_http.h"
#include "net_service.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char zone_text[] = "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 10.0.0.1\nwww CNAME ns\nsub NS ns.sub\nns.sub A 10.0.0.2\n"
				"@ MX 1 ns\nt TXT \"a b\"\n";

static void keep_sets(struct net_dns_cache *c, const struct dns_message *m)
{
	for (unsigned s = 0; s < DNS_SECTIONS; s++)
		for (unsigned i = 0; i < m->section[s]->len; i++) {
			const struct dns_record *r = &g_array_index(m->section[s], struct dns_record, i);

			if (r->class == DNS_IN)
				dns_cache_add(c, m->section[s], &r->name, r->type, DNS_RANK_ANSWER, 0);
			if (r->type == DNS_SOA)
				dns_cache_add_none(c, &r->name, DNS_A, r, 0);
		}
}

static void count_row(const struct net_dns_row *row, void *user)
{
	*(size_t *)user += strlen(row->name) + strlen(row->data);
}

static void fuzz_dns(const uint8_t *data, size_t size)
{
	struct net_dns_cache *c = net_dns_cache_new();
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct dns_message m, again, answer;
	struct dns_zone *z;
	size_t rows = 0;

	if (!dns_message_parse(data, size, &m, NULL)) {
		dns_message_write(&m, 65535, out);
		if (!m.truncated && out->len < 65535)
			g_assert(!dns_message_parse(out->data, out->len, &again, NULL));
		else
			dns_message_init(&again);
		dns_message_clear(&again);
		keep_sets(c, &m);
		net_dns_cache_rows(c, 1, count_row, &rows);
		g_assert(!dns_zone_parse(zone_text, strlen(zone_text), NULL, &z, NULL));
		dns_zones_answer(&z, 1, &m, &answer);
		dns_message_write(&answer, DNS_UDP_MAX, out);
		g_assert(out->len <= DNS_UDP_MAX && !dns_message_parse(out->data, out->len, &again, NULL));
		dns_message_clear(&again);
		dns_message_clear(&answer);
		dns_zone_free(z);
		dns_message_clear(&m);
	}
	net_dns_cache_free(c);
}

static void fuzz_zone(const uint8_t *data, size_t size)
{
	struct dns_zone *z;

	if (!dns_zone_parse((const char *)data, size, NULL, &z, NULL))
		dns_zone_free(z);
}

static void fuzz_dhcp(const uint8_t *data, size_t size)
{
	struct net_dhcp_options o = { .first = net_v4(0x0a000064), .last = net_v4(0x0a000067), .server = net_v4(0x0a000001), .prefix = 24,
				      .lease = 60, .domain = "x" };
	struct dhcp_pool *p = dhcp_pool_new(&o);
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct dhcp_message m, again, reply;

	/* several messages, each behind its length */
	for (ns_t now = 1; size > 1; now += 30 * NS_PER_S) {
		size_t len = MIN((size_t)data[0] * 2 + 200, size - 1);

		if (!dhcp_parse(data + 1, len, &m, NULL)) {
			dhcp_write(&m, out);
			g_assert(!dhcp_parse(out->data, out->len, &again, NULL) && again.xid == m.xid && again.type == m.type);
			if (dhcp_pool_input(p, &m, now, &reply)) {
				dhcp_write(&reply, out);
				g_assert(!dhcp_parse(out->data, out->len, &again, NULL) && again.reply);
			}
		}
		data += 1 + len;
		size -= 1 + len;
	}
	dhcp_pool_free(p);
}

static int no_file(void *user, const char *path, GString *out)
{
	g_string_append(out, path);
	return strlen(path) % 3 ? 0 : -ENOENT;
}

/* In pieces, whose lengths the first bytes say. */
static void fuzz_http(const uint8_t *data, size_t size)
{
	const struct net_service *s = net_service_named("http");
	struct net_service_env env = { .file = no_file, .patience = 20 * NS_PER_S };
	g_autoptr(GString) out = g_string_new(NULL);
	void *state = s->open();
	bool more = true;

	s->input(state, &env, "", 0, false, out);
	while (more && size > 1) {
		size_t n = MIN((size_t)data[0] + 1, size - 1);

		more = s->input(state, &env, (const char *)data + 1, n, false, out);
		g_assert(!more || s->deadline(state, &env) > env.time);
		env.time += NS_PER_MS;
		data += 1 + n;
		size -= 1 + n;
	}
	if (more && size)
		s->late(state, &env, out);
	else if (more)
		s->input(state, &env, "", 0, true, out);
	s->close(state);
}

static void fuzz_answer(const uint8_t *data, size_t size)
{
	struct net_http *h = net_http_new();
	struct net_http_answer a;
	int rc = 0;

	while (!rc && size > 1) {
		size_t n = MIN((size_t)data[0] + 1, size - 1);

		rc = net_http_input(h, (const char *)data + 1, n, false, NULL);
		data += 1 + n;
		size -= 1 + n;
	}
	if (!rc && !net_http_input(h, "", 0, true, NULL)) {
		net_http_get(h, &a);
		g_assert(a.done && a.status >= 200 && a.status < 600);
	}
	net_http_free(h);
}

/* A base and a reference, a NUL between. */
static void fuzz_url(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, 0, size);
	size_t first = nul ? (size_t)(nul - data) : size;
	struct net_url base, ref = { 0 }, target, again;
	g_autoptr(GString) text = g_string_new(NULL);

	if (net_url_parse((const char *)data, first, &base, NULL))
		return;
	net_url_write(&base, text);
	g_assert(text->len == first && !memcmp(text->str, data, first));
	net_http_request(&base, text, NULL);
	if (nul && !net_url_parse((const char *)nul + 1, size - first - 1, &ref, NULL) && !net_url_resolve(&base, &ref, &target, NULL)) {
		g_string_truncate(text, 0);
		net_url_write(&target, text);
		g_assert(!net_url_parse(text->str, text->len, &again, NULL));
		net_url_clear(&again);
		net_url_clear(&target);
	}
	net_url_clear(&ref);
	net_url_clear(&base);
}

static void fuzz_texts(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	struct resolv r;

	resolv_parse(text, &r);
	g_assert(r.servers <= RESOLV_SERVERS && r.timeout > 0 && r.attempts > 0);
	resolv_clear(&r);
	hosts_find(text, "a", true, true, found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = { fuzz_dns, fuzz_zone, fuzz_dhcp, fuzz_http, fuzz_answer, fuzz_url, fuzz_texts };
	g_autofree uint8_t *exact = NULL;

	if (size < 2)
		return 0;
	exact = g_memdup2(data + 1, size - 1);           /* so that one byte beyond is seen */
	kinds[(uint8_t)(data[0] - 48) % G_N_ELEMENTS(kinds)](exact, size - 1);
	return 0;
}
