/*
 * checksum.h - the Internet checksum (RFC 1071), its update in place (RFC 1624).
 *
 * A sum is kept unfolded in 64 bits and in memory order, as RFC 1071 section 2(B) allows: bytes are swapped
 * once, at the end. Sums of parts add up if every part but the last has an even length.
 */
#ifndef NETD_CHECKSUM_H
#define NETD_CHECKSUM_H

#include "units.h"

uint64_t sum_add(uint64_t sum, const void *bytes, size_t len);
/* Copies and adds in one pass. */
uint64_t sum_copy(uint64_t sum, void *to, const void *from, size_t len);
/* A 16-bit number in host order. */
static inline uint64_t sum_add16(uint64_t sum, uint16_t v) { return sum + __builtin_bswap16(v); }
/* The pseudo header of TCP and UDP over version 4 (RFC 9293 3.1); addresses in host order. */
static inline uint64_t sum_pseudo(uint32_t src, uint32_t dst, uint8_t protocol, uint32_t len)
{
	return (uint64_t)__builtin_bswap32(src) + __builtin_bswap32(dst) + ((uint64_t)protocol << 8) +
	       __builtin_bswap16((uint16_t)len);
}
/* What goes into the header, host order: 0 over bytes that hold a right checksum. */
uint16_t sum_end(uint64_t sum);
/* RFC 1624 eqn. 3: the checksum after a 16-bit field has changed; all in host order. */
uint16_t checksum_update(uint16_t checksum, uint16_t before, uint16_t after);

#endif
