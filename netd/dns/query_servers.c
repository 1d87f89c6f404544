/* query_servers.c - whom a question is put to: the servers of the nearest zone that is known, and their addresses. */
#include "query_inside.h"

static const struct dns_name root_name = { .len = 1 };

void query_add_server(struct dns_query *q, const struct dns_name *name, const struct net_addr *addr)
{
	if (q->servers < ZONE_SERVERS)
		q->server[q->servers++] = (struct server){ .name = *name, .addr = addr ? *addr : (struct net_addr){ 0 } };
}

bool query_record_address(const struct dns_record *r, struct net_addr *out)
{
	*out = (struct net_addr){ 0 };
	if (r->type == DNS_A && r->len == 4) {
		*out = net_v4(get32(r->data));
	} else if (r->type == DNS_AAAA && r->len == 16) {
		out->family = NET_IPV6;
		memcpy(out->v6, r->data, 16);
	}
	return out->family != NET_UNSET;
}

bool query_add_addresses(struct dns_query *q, const GArray *records, const struct dns_name *name)
{
	struct net_addr addr;
	bool any = false;

	for (unsigned i = 0; i < records->len; i++) {
		const struct dns_record *r = &g_array_index(records, struct dns_record, i);

		if (dns_name_equal(&r->name, name) && query_record_address(r, &addr)) {
			query_add_server(q, name, &addr);
			any = true;
		}
	}
	return any;
}

bool query_add_cached(struct dns_query *q, const struct dns_name *name)
{
	const struct dns_rrset *set = dns_cache_find(q->config.cache, name, DNS_A, q->clock->now);

	return set && !set->negative && query_add_addresses(q, set->records, name);
}

/* The servers of the nearest zone that the cache knows; those inside the zone itself are of use with an address only. */
static bool find_cached_zone(struct dns_query *q)
{
	struct dns_name at = q->at;

	do {
		const struct dns_rrset *set = dns_cache_find(q->config.cache, &at, DNS_NS, q->clock->now);

		q->servers = 0;
		for (unsigned i = 0; set && !set->negative && i < set->records->len; i++) {
			struct dns_name name;

			if (dns_record_target(&g_array_index(set->records, struct dns_record, i), &name) &&
			    !query_add_cached(q, &name) && !dns_name_is_in(&name, &at))
				query_add_server(q, &name, NULL);
		}
		if (q->servers) {
			q->zone = at;
			return true;
		}
	} while (dns_name_parent(&at, &at));
	return false;
}

void query_choose_servers(struct dns_query *q)
{
	q->next = q->round = 0;
	if (q->config.iterative && q->config.cache && find_cached_zone(q))
		return;
	q->zone = root_name;
	q->servers = 0;
	for (unsigned i = 0; i < q->config.servers; i++)
		query_add_server(q, &root_name, &q->config.server[i]);
}
