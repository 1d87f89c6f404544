/*
 * ip_addr.h - an address inside the engine: one type for both versions of IP.
 *
 * Host byte order; version 4 is kept as v4-mapped (RFC 4291 2.5.5.2), so that addresses of both versions compare
 * in one step and a socket of version 6 has peers of version 4 without a conversion. "None" and "any" of either version are
 * 0. An address that only means something on one link (fe80::/10, ff02::/16) carries the index of its interface in bytes 2
 * and 3, which are 0 on the wire: what comes in gets it, what goes out loses it.
 */
#ifndef NETD_IP_ADDR_H
#define NETD_IP_ADDR_H

#include "frame.h"
#include "net_addr.h"

struct ip_addr { uint64_t hi, lo; };

#define IP_MAPPED   ((uint64_t)0xffff << 32)
#define IP_SCOPE    ((uint64_t)0xffff << 32)
#define IP_ANY      ((struct ip_addr){ 0, 0 })

static inline struct ip_addr ip4(uint32_t v4) { return (struct ip_addr){ 0, v4 ? IP_MAPPED | v4 : 0 }; }
static inline struct ip_addr ip6(uint64_t hi, uint64_t lo) { return (struct ip_addr){ hi, lo }; }
static inline bool ip_is4(struct ip_addr a) { return a.hi == 0 && a.lo >> 32 == 0xffff; }
static inline bool ip_none(struct ip_addr a) { return (a.hi | a.lo) == 0; }
static inline bool ip_is6(struct ip_addr a) { return !ip_is4(a) && !ip_none(a); }
static inline uint32_t ip_v4(struct ip_addr a) { return (uint32_t)a.lo; }
static inline bool ip_equal(struct ip_addr a, struct ip_addr b) { return a.hi == b.hi && a.lo == b.lo; }
static inline bool ip_before(struct ip_addr a, struct ip_addr b) { return a.hi != b.hi ? a.hi < b.hi : a.lo < b.lo; }
static inline bool ip_is_loopback(struct ip_addr a)
{
	return ip_is4(a) ? ip_v4(a) >> 24 == 127 : a.hi == 0 && a.lo == 1;
}
static inline bool ip_is_multicast(struct ip_addr a)
{
	return ip_is4(a) ? ip_v4(a) >> 28 == 14 : a.hi >> 56 == 0xff;
}
static inline bool ip_is_link_local(struct ip_addr a) { return a.hi >> 54 == 0xfe80 >> 6; }
/* Does it need an interface to mean something: fe80::/10, ff01::/16, ff02::/16? */
static inline bool ip_has_scope(struct ip_addr a)
{
	return ip_is_link_local(a) || (a.hi >> 56 == 0xff && (a.hi >> 48 & 15) <= 2 && (a.hi >> 48 & 15) > 0);
}
static inline unsigned ip_scope(struct ip_addr a) { return ip_has_scope(a) ? (unsigned)(a.hi >> 32 & 0xffff) : 0; }
static inline struct ip_addr ip_on(struct ip_addr a, unsigned iface)
{
	if (ip_has_scope(a))
		a.hi = (a.hi & ~IP_SCOPE) | (uint64_t)(iface & 0xffff) << 32;
	return a;
}
static inline uint64_t ip_high_bits(unsigned n) { return n == 0 ? 0 : ~(uint64_t)0 << (64 - n); }
/* The first `len` bits: of 32 for version 4, else of 128. */
static inline struct ip_addr ip_masked(struct ip_addr a, unsigned len)
{
	if (ip_is4(a))
		return ip4(ip_v4(a) & net_mask(len));
	return len <= 64 ? ip6(a.hi & ip_high_bits(len), 0) : ip6(a.hi, a.lo & ip_high_bits(len - 64));
}
static inline uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return __builtin_bswap64(v);
}
static inline void put64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
}
/* 16 bytes of a header of version 6. */
static inline struct ip_addr ip_get6(const uint8_t *p) { return ip6(get64(p), get64(p + 8)); }
/* Without the interface; version 4 as mapped. */
static inline void ip_put6(uint8_t *p, struct ip_addr a)
{
	put64(p, ip_has_scope(a) ? a.hi & ~IP_SCOPE : a.hi);
	put64(p + 8, a.lo);
}
static inline uint64_t ip_mix(struct ip_addr a)
{
	return (a.hi ^ a.lo * 0x9e3779b97f4a7c15u) * 0xc2b2ae3d27d4eb4fu;
}

/* addr.c: an address as others see it, and back. `family` is that of the socket or table: it decides what 0 and mapped ones look like. */
struct net_addr     ip_show(struct ip_addr a, enum net_family family);
struct net_endpoint ip_show_end(struct ip_addr a, uint16_t port, enum net_family family);
struct ip_addr      ip_of(const struct net_addr *a);
/* For hash tables whose values begin with the address that is their key. */
unsigned ip_hash(const void *a);
int      ip_key_equal(const void *a, const void *b);

#endif
