/*
 * cache.h - what a host remembers of DNS answers: sets of records, and names or types that do not exist (RFC 2181 5, 2308).
 *
 * Nothing is given out once its time to live is over. A set gives way only to one as trustworthy (RFC 2181 5.4.1).
 */
#ifndef NETD_DNS_CACHE_H
#define NETD_DNS_CACHE_H

#include "message.h"
#include "net_dns.h"

enum dns_rank { DNS_RANK_GLUE, DNS_RANK_ANSWER, DNS_RANK_AUTHORITY };

struct dns_rrset {
	struct dns_name name;
	uint16_t type;           /* 0: no type at all is there (NXDOMAIN) */
	bool     negative;       /* then `records` is the SOA that says so, or empty */
	enum dns_rank rank;
	ns_t     expires;
	GArray  *records;        /* struct dns_record */
};

/* The records of that name and type in `section`, of which there must be one. Those to live 0 s are not kept. */
void dns_cache_add(struct net_dns_cache *c, const GArray *section, const struct dns_name *name, uint16_t type,
		   enum dns_rank rank, ns_t now);
/* That there are none; type 0: nothing at that name. For as long as `soa` says; without one (NULL) it is not kept. */
void dns_cache_add_none(struct net_dns_cache *c, const struct dns_name *name, uint16_t type, const struct dns_record *soa,
			ns_t now);
/* Still alive; valid until the cache changes. NULL: unknown. */
const struct dns_rrset *dns_cache_find(const struct net_dns_cache *c, const struct dns_name *name, uint16_t type, ns_t now);
/* Its records, with the time that is left to them, into a section of `m`. */
void dns_rrset_copy(const struct dns_rrset *set, ns_t now, struct dns_message *m, unsigned section);

#endif
