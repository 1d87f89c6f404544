/*
 * fuzz_dns.c - hostile DNS messages, master files, resolv.conf and hosts. The first byte says what the rest is.
 *
 * What is read is written and read again: that must give the same. What a server says to it must be a message itself.
 */
#include "dns/cache.h"
#include "dns/resolvconf.h"
#include "dns/zone.h"

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

static void fuzz_message(const uint8_t *data, size_t size)
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
	static void (*const kinds[])(const uint8_t *, size_t) = { fuzz_message, fuzz_zone, fuzz_texts };
	g_autofree uint8_t *exact = NULL;

	if (size < 2)
		return 0;
	exact = g_memdup2(data + 1, size - 1);           /* so that one byte beyond is seen */
	kinds[(uint8_t)(data[0] - '0') % G_N_ELEMENTS(kinds)](exact, size - 1);
	return 0;
}
