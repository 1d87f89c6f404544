/*
 * checksum.h - the Internet checksum (RFC 1071), its update in place (RFC 1624).
 *
 * A sum is kept unfolded in 64 bits and in memory order, as RFC 1071 section 2(B) allows: bytes are swapped
 * once, at the end. Sums of parts add up if every part but the last has an even length.
 */
#ifndef NETD_CHECKSUM_H
#define NETD_CHECKSUM_H

#include "ip_addr.h"

uint64_t sum_add(uint64_t sum, const void *bytes, size_t len);
/* Copies and adds in one pass. */
uint64_t sum_copy(uint64_t sum, void *to, const void *from, size_t len);
/* A 16-bit number in host order. */
static inline uint64_t sum_add16(uint64_t sum, uint16_t v) { return sum + __builtin_bswap16(v); }
/* Half an address of version 6. */
static inline uint64_t sum_add64(uint64_t sum, uint64_t v)
{
	v = __builtin_bswap64(v);
	return sum + (uint32_t)v + (v >> 32);
}
/* The pseudo header of TCP, UDP and ICMP version 6: RFC 9293 3.1, RFC 8200 8.1. */
static inline uint64_t sum_pseudo(struct ip_addr src, struct ip_addr dst, uint8_t protocol, uint32_t len)
{
	uint64_t sum = (uint64_t)protocol << 8;

	if (ip_is4(dst))
		return sum + __builtin_bswap32(ip_v4(src)) + __builtin_bswap32(ip_v4(dst)) + __builtin_bswap16((uint16_t)len);
	sum = sum_add64(sum_add64(sum, ip_has_scope(src) ? src.hi & ~IP_SCOPE : src.hi), src.lo);
	sum = sum_add64(sum_add64(sum, ip_has_scope(dst) ? dst.hi & ~IP_SCOPE : dst.hi), dst.lo);
	return sum + __builtin_bswap32(len);
}
/* What goes into the header, host order: 0 over bytes that hold a right checksum. */
uint16_t sum_end(uint64_t sum);
/* RFC 1624 eqn. 3: the checksum after a 16-bit field has changed; all in host order. */
uint16_t checksum_update(uint16_t checksum, uint16_t before, uint16_t after);

#endif
