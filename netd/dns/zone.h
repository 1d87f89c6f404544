/* zone.h - zones: master files (RFC 1035 5) read, questions answered with authority (RFC 1034 4.3.2). */
#ifndef NETD_DNS_ZONE_H
#define NETD_DNS_ZONE_H

#include "message.h"

struct dns_zone;

/*
 * Types A AAAA NS CNAME MX PTR SOA TXT; $ORIGIN and $TTL; parentheses, comments, @ and relative names. `origin` is where
 * relative names stand (NULL: the file's own $ORIGIN, or the name of its SOA record, which is then absolute). EINVAL with the line.
 */
int  dns_zone_parse(const char *text, size_t len, const char *origin, struct dns_zone **out, struct err *e);
void dns_zone_free(struct dns_zone *z);
const struct dns_name *dns_zone_apex(const struct dns_zone *z);

/* Answers a parsed query from these zones; REFUSED for what is in none. `answer` is initialised here. */
void dns_zones_answer(struct dns_zone *const *zones, unsigned count, const struct dns_message *query,
		      struct dns_message *answer);

#endif
