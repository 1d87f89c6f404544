/*
 * query.h - one question to DNS, asked until it is answered.
 *
 * Of a server that does the work itself (recursion), or iteratively: a server of the root is asked, which refers to those of a
 * zone below, and so on until one has the answer (RFC 1034 5.3.3). The number of each message and the port it is sent from
 * are random; an answer that does not fit the question, or comes from elsewhere, is as if it had not come (RFC 5452). Of what
 * a server says only what lies in the zone that it was asked for is believed.
 */
#ifndef NETD_DNS_QUERY_H
#define NETD_DNS_QUERY_H

#include "cache.h"

struct dns_query;
struct dns_query_config {
	struct net_host *host;
	struct net_caller who;
	struct net_dns_cache *cache;     /* NULL: none */
	struct net_addr server[NET_DNS_SERVERS];
	unsigned servers;
	bool     iterative;
	ns_t     timeout;                /* for each server */
	unsigned attempts;               /* rounds through all servers */
	GString *trace;                  /* NULL: not wanted; outlives the query */
};

struct dns_query *dns_query_new(const struct dns_query_config *c, const struct dns_name *name, uint16_t type);
void dns_query_free(struct dns_query *q);
bool dns_query_step(struct dns_query *q);        /* true: it is done */
/*
 * When done: 0, and the sections and rcode (NOERROR, NXDOMAIN) of *answer, which stays the query's, are what it found out;
 * -ETIMEDOUT, -EIO.
 */
int  dns_query_result(const struct dns_query *q, const struct dns_message **answer, struct err *e);

#endif
