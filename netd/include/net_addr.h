/*
 * net_addr.h - addresses: of interfaces (48 bits), of the Internet (both versions), with a port or with a
 * prefix length.
 *
 * All are values and compare with the functions below; version 4 is in host order, version 6 in that of the
 * wire. A net_addr of family 0 is "none" or, in a match, "any". Text is the usual one: 10.0.0.1, 10.0.0.0/8,
 * 02:00:00:00:00:01, and by RFC 5952 2001:db8::1, fe80::1%2, [2001:db8::1]:80.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "units.h"

#include <string.h>

enum net_family { NET_UNSET = 0, NET_IPV4 = 4, NET_IPV6 = 6 };

struct net_addr {
	enum net_family family;
	union {
		uint32_t v4; /* host order: 10.0.0.1 is 0x0a000001 */
		uint8_t  v6[16];
	};
	uint32_t scope;      /* of fe80::/10 and ff02::/16: the index of the interface; 0: not said */
};

struct net_endpoint {
	struct net_addr addr;
	uint16_t        port;
};

struct net_prefix {
	struct net_addr addr; /* as given: the bits after `len` may be set (an interface's address) */
	unsigned        len;  /* 0..32, version 6: 0..128 */
};

struct net_mac { uint8_t byte[6]; };

enum { NET_ADDR_TEXT = 64, NET_ENDPOINT_TEXT = 72, NET_MAC_TEXT = 18 };

static inline struct net_addr net_v4(uint32_t v4)
{
	return (struct net_addr){ .family = NET_IPV4, .v4 = v4 };
}

static inline uint32_t net_mask(unsigned len) { return len == 0 ? 0 : ~(uint32_t)0 << (32 - len); }

/* 16 bytes, as on the wire. */
static inline struct net_addr net_v6(const uint8_t bytes[16])
{
	struct net_addr a = { .family = NET_IPV6 };

	memcpy(a.v6, bytes, 16);
	return a;
}

/* From its halves in host order, version 4 as mapped: how events carry it. */
struct net_addr net_addr_of_halves(uint64_t high, uint64_t low);
void net_addr_halves(const struct net_addr *a, uint64_t *high, uint64_t *low);

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b);
bool net_addr_is_any(const struct net_addr *a);       /* 0.0.0.0, :: or none */
bool net_addr_is_loopback(const struct net_addr *a);  /* 127.0.0.0/8, ::1 */
bool net_addr_is_multicast(const struct net_addr *a); /* 224.0.0.0/4, ff00::/8 */
bool net_prefix_has(const struct net_prefix *p, const struct net_addr *a);
/* The highest address of the prefix, to which everyone in it listens; none in a /31 or /32. */
bool net_prefix_broadcast(const struct net_prefix *p, struct net_addr *out);

/* Text into `out`, which is also returned. */
const char *net_addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT]);
const char *net_endpoint_text(const struct net_endpoint *e, char out[NET_ENDPOINT_TEXT]);
const char *net_mac_text(const struct net_mac *m, char out[NET_MAC_TEXT]);
/* Whole-string parsers; false leaves `out` alone. A prefix without a length is a /32, or /128. */
bool net_addr_parse(const char *text, struct net_addr *out);
bool net_endpoint_parse(const char *text, struct net_endpoint *out);
bool net_prefix_parse(const char *text, struct net_prefix *out);
bool net_mac_parse(const char *text, struct net_mac *out);

bool net_mac_equal(const struct net_mac *a, const struct net_mac *b);
bool net_mac_is_group(const struct net_mac *m); /* broadcast is one too */

#endif
