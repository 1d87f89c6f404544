/*
 * message.h - DNS names, records and messages (RFC 1034, 1035, 2181, 3596).
 *
 * A name is its wire form without compression: labels, each behind its length, then 0; compared without regard to case.
 * A record's data is its wire form with names uncompressed, so that records can be kept and compared as bytes.
 */
#ifndef NETD_DNS_MESSAGE_H
#define NETD_DNS_MESSAGE_H

#include "err.h"
#include "units.h"

#include <glib.h>

enum { DNS_NAME_MAX = 255, DNS_LABEL_MAX = 63, DNS_UDP_MAX = 512, DNS_TEXT_MAX = 1024 /* a name as text, escaped */ };
enum dns_type { DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16, DNS_AAAA = 28,
		DNS_OPT = 41, DNS_ANY = 255 };
enum dns_rcode { DNS_NOERROR, DNS_FORMERR, DNS_SERVFAIL, DNS_NXDOMAIN, DNS_NOTIMP, DNS_REFUSED, DNS_BADVERS = 16 /* with an OPT record */ };
enum { DNS_IN = 1 };

struct dns_name { uint8_t len, at[DNS_NAME_MAX]; };  /* len: with the final 0 */

/* Text: "www.virginia.edu", with or without a final dot; "." is the root; \. and \DDD as in master files. */
int  dns_name_parse(const char *text, struct dns_name *out, struct err *e);
void dns_name_write(const struct dns_name *n, GString *out);  /* with the final dot */
bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
guint dns_name_hash(const struct dns_name *n);
/* Whether `n` is `zone` or below it. */
bool dns_name_is_in(const struct dns_name *n, const struct dns_name *zone);
unsigned dns_name_labels(const struct dns_name *n);
/* Without its first label; false for the root. */
bool dns_name_parent(const struct dns_name *n, struct dns_name *out);

struct dns_record {
	struct dns_name name;
	uint16_t type, class;
	uint32_t ttl;            /* seconds */
	uint16_t len;
	uint8_t *data;           /* owned */
};
void dns_record_clear(struct dns_record *r);
void dns_record_copy(const struct dns_record *from, struct dns_record *to);
/* The name within NS, CNAME, PTR (at 0), MX (at 2) and SOA (its first); false for other types. */
bool dns_record_target(const struct dns_record *r, struct dns_name *out);
/* "www.x.edu. 3600 IN A 10.0.0.1" */
void dns_record_write(const struct dns_record *r, GString *out);
void dns_record_write_data(const struct dns_record *r, GString *out); /* its last part */
/* How long a negative answer may be kept (RFC 2308 5): the SOA's minimum, or its own time to live if that is less; seconds. */
uint32_t dns_soa_negative_ttl(const struct dns_record *soa);
const char *dns_type_name(unsigned type);        /* NULL: unknown */
bool dns_type_parse(const char *text, uint16_t *type);

enum { DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };
struct dns_message {
	uint16_t id;
	bool     response, authoritative, truncated, wants_recursion, recursion;
	unsigned opcode, rcode;
	bool     has_question;
	struct dns_name name;    /* the question */
	uint16_t type, class;
	GArray  *section[DNS_SECTIONS]; /* struct dns_record */
	uint16_t udp_max;        /* of an OPT record; 0: there was none */
	uint8_t  edns_version;   /* of it, too */
};
void dns_message_init(struct dns_message *m);
void dns_message_clear(struct dns_message *m);
void dns_message_add(struct dns_message *m, unsigned section, const struct dns_record *r); /* a copy */
/* EINVAL with what is wrong and where; the message is then cleared. */
int  dns_message_parse(const uint8_t *data, size_t len, struct dns_message *out, struct err *e);
/* At most `max` bytes: records that do not fit are left out, and TC set unless only additional ones are missing (RFC 2181 9). */
void dns_message_write(const struct dns_message *m, size_t max, GByteArray *out);

#endif
