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

/* Four words of 64 bits at once; the compiler knows what the machine has for it. */
typedef uint64_t words __attribute__((vector_size(32)));

uint64_t sum_add(uint64_t sum, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	words low = { 0 }, high = { 0 }, v;

	for (; len >= sizeof v; p += sizeof v, len -= sizeof v) {
		memcpy(&v, p, sizeof v);
		low += v & 0xffffffffu;
		high += v >> 32;
	}
	low += high;
	sum += low[0] + low[1] + low[2] + low[3];
	for (; len >= 4; p += 4, len -= 4)
		sum += load32(p);
	return sum + (len ? tail(p, len) : 0);
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
