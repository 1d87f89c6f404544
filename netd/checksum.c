/* checksum.c - one's complement sums. */
#include "checksum.h"

#include <string.h>

static uint64_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* The last bytes, 0 to 3: an odd one counts as the high byte of a 16-bit word, that is, the first in memory. */
static uint64_t tail(const uint8_t *p, size_t len)
{
	uint32_t v = 0;

	memcpy(&v, p, len);
	return v;
}

uint64_t sum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t a = 0, b = 0;

	for (; len >= 32; p += 32, len -= 32) {
		a += load32(p) + load32(p + 4) + load32(p + 8) + load32(p + 12);
		b += load32(p + 16) + load32(p + 20) + load32(p + 24) + load32(p + 28);
	}
	for (; len >= 4; p += 4, len -= 4)
		a += load32(p);
	return sum + a + b + (len ? tail(p, len) : 0);
}

uint64_t sum_copy(uint64_t sum, void *to, const void *from, size_t len)
{
	if (len == 0)
		return sum;
	memcpy(to, from, len);
	return sum_add(sum, to, len);
}

uint16_t sum_end(uint64_t sum)
{
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffffffffu) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~__builtin_bswap16((uint16_t)sum);
}

uint16_t checksum_update(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)(uint16_t)~before + after;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}
