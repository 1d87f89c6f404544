/* query_answer.c - what an answer says, of a server or of the cache: records, an alias, a referral, that there is nothing. */
#include "query_inside.h"

enum { CHAIN_MAX = 16 };

/* Moves on to what an alias leads to; false, and the query has failed: there is no end of them. */
static bool move_to(struct dns_query *q, const struct dns_name *name)
{
	q->at = *name;
	if (++q->chain <= CHAIN_MAX)
		return true;
	query_finish(q, EIO, "a chain of too many aliases");
	return false;
}

bool query_from_cache(struct dns_query *q)
{
	struct net_dns_cache *c = q->config.cache;
	ns_t now = q->clock->now;

	while (c) {
		const struct dns_rrset *set = dns_cache_find(c, &q->at, 0, now);
		struct dns_name target;

		if (!set)
			set = dns_cache_find(c, &q->at, q->type, now);
		if (set && set->negative) {
			q->answer.rcode = set->type ? DNS_NOERROR : DNS_NXDOMAIN;
			dns_rrset_copy(set, now, &q->answer, DNS_AUTHORITY);
			query_finish(q, 0, "");
			return true;
		}
		if (set && set->rank != DNS_RANK_GLUE) { /* glue leads to servers only (RFC 2181 5.4.1) */
			dns_rrset_copy(set, now, &q->answer, DNS_ANSWER);
			query_finish(q, 0, "");
			return true;
		}
		set = dns_cache_find(c, &q->at, DNS_CNAME, now);
		if (!set || set->negative || !dns_record_target(&g_array_index(set->records, struct dns_record, 0), &target))
			break;
		dns_rrset_copy(set, now, &q->answer, DNS_ANSWER);
		if (!move_to(q, &target))
			return true;
	}
	return false;
}

static const struct dns_record *record_of(const struct dns_message *m, unsigned section, const struct dns_name *name, uint16_t type)
{
	for (unsigned i = 0; i < m->section[section]->len; i++) {
		const struct dns_record *r = &g_array_index(m->section[section], struct dns_record, i);

		if (r->type == type && r->class == DNS_IN && (!name || dns_name_equal(&r->name, name)))
			return r;
	}
	return NULL;
}

/* What is not of the zone that was asked for is nothing that this server has a word in. */
static void drop_foreign(const struct dns_query *q, struct dns_message *m)
{
	for (unsigned s = 0; s < DNS_SECTIONS; s++)
		for (unsigned i = m->section[s]->len; i-- > 0; ) {
			const struct dns_record *r = &g_array_index(m->section[s], struct dns_record, i);

			if (r->class != DNS_IN || !dns_name_is_in(&r->name, &q->zone))
				g_array_remove_index(m->section[s], i);
		}
}

static void cache_set(struct dns_query *q, const struct dns_message *m, unsigned section, const struct dns_name *name,
		      uint16_t type, enum dns_rank rank)
{
	if (q->config.cache && type != DNS_ANY)
		dns_cache_add(q->config.cache, m->section[section], name, type, rank, q->clock->now);
}

/* Takes the records of the present name over, if there are any. */
static bool take_records(struct dns_query *q, const struct dns_message *m, uint16_t type)
{
	const GArray *from = m->section[DNS_ANSWER];
	bool any = false;

	for (unsigned i = 0; i < from->len; i++) {
		const struct dns_record *r = &g_array_index(from, struct dns_record, i);

		if (!dns_name_equal(&r->name, &q->at) || r->class != DNS_IN || (type != DNS_ANY && r->type != type))
			continue;
		dns_message_add(&q->answer, DNS_ANSWER, r);
		any = true;
	}
	if (any)
		cache_set(q, m, DNS_ANSWER, &q->at, type, m->authoritative ? DNS_RANK_AUTHORITY : DNS_RANK_ANSWER);
	return any;
}

/* Follows the aliases of the answer to its records; true: the query is done. *moved: to another name. */
static bool take_answer(struct dns_query *q, const struct dns_message *m, bool *moved)
{
	while (!take_records(q, m, q->type)) {
		const struct dns_record *alias = record_of(m, DNS_ANSWER, &q->at, DNS_CNAME);
		struct dns_name target;

		if (!alias || !dns_record_target(alias, &target))
			return false;
		take_records(q, m, DNS_CNAME);
		*moved = true;
		if (!move_to(q, &target))
			return true;
	}
	query_finish(q, 0, "");
	return true;
}

static void take_none(struct dns_query *q, const struct dns_message *m)
{
	const struct dns_record *soa = record_of(m, DNS_AUTHORITY, NULL, DNS_SOA);

	if (soa && !dns_name_is_in(&q->at, &soa->name))
		soa = NULL;
	q->answer.rcode = m->rcode;
	if (soa)
		dns_message_add(&q->answer, DNS_AUTHORITY, soa);
	if (q->config.cache)
		dns_cache_add_none(q->config.cache, &q->at, m->rcode == DNS_NXDOMAIN ? 0 : q->type, soa, q->clock->now);
	query_finish(q, 0, "");
}

/* The servers of a zone nearer to the name; false: it is no referral. */
static bool take_referral(struct dns_query *q, const struct dns_message *m)
{
	const GArray *from = m->section[DNS_AUTHORITY];
	const struct dns_record *ns = record_of(m, DNS_AUTHORITY, NULL, DNS_NS);
	g_autoptr(GString) zone = g_string_new(NULL);
	struct dns_name name, target;

	if (!ns || dns_name_equal(&ns->name, &q->zone) || !dns_name_is_in(&q->at, &ns->name))
		return false;
	name = ns->name;
	dns_name_write(&name, zone);
	query_tell(q, "referral to %s", zone->str);
	cache_set(q, m, DNS_AUTHORITY, &name, DNS_NS, DNS_RANK_GLUE);
	q->servers = q->next = q->round = 0;
	for (unsigned i = 0; i < from->len; i++) {
		const struct dns_record *r = &g_array_index(from, struct dns_record, i);

		if (r->type != DNS_NS || !dns_name_equal(&r->name, &name) || !dns_record_target(r, &target))
			continue;
		if (record_of(m, DNS_ADDITIONAL, &target, DNS_A))
			cache_set(q, m, DNS_ADDITIONAL, &target, DNS_A, DNS_RANK_GLUE);
		if (!query_add_addresses(q, m->section[DNS_ADDITIONAL], &target) && !(q->config.cache && query_add_cached(q, &target)) &&
		    !dns_name_is_in(&target, &name))
			query_add_server(q, &target, NULL);
	}
	q->zone = name;
	return true;
}

static void refused(struct dns_query *q, unsigned rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

	q->failure = EIO;
	if (rcode == DNS_NOERROR)
		g_strlcpy(q->why, "a server knows nothing about the name", sizeof q->why);
	else if (rcode < G_N_ELEMENTS(names))
		g_snprintf(q->why, sizeof q->why, "a server answers %s", names[rcode]);
	else
		g_snprintf(q->why, sizeof q->why, "a server answers with error %u", rcode);
	query_tell(q, "%s", rcode < G_N_ELEMENTS(names) ? rcode ? names[rcode] : "no answer to it" : "error");
	query_next_server(q);
}

void query_take(struct dns_query *q, struct dns_message *m)
{
	bool moved = false;

	if (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN) {
		refused(q, m->rcode);
		return;
	}
	if (q->config.iterative)
		drop_foreign(q, m);
	query_close(q);
	if (m->section[DNS_ANSWER]->len)
		query_tell(q, "%u record%s", m->section[DNS_ANSWER]->len, m->section[DNS_ANSWER]->len > 1 ? "s" : "");
	if (take_answer(q, m, &moved))
		return;
	if (moved && q->config.iterative) {
		query_restart(q);
	} else if (q->config.iterative && m->rcode == DNS_NOERROR && take_referral(q, m)) {
		return;
	} else if (m->rcode == DNS_NXDOMAIN || !q->config.iterative || m->authoritative) {
		if (!m->section[DNS_ANSWER]->len)
			query_tell(q, "%s", m->rcode == DNS_NXDOMAIN ? "there is no such name" : "there is no such record");
		take_none(q, m);
	} else {
		refused(q, DNS_NOERROR);
	}
}
