/* trace_lackey.c - lackey's lines at full speed. (for now: none) */
#include "trace_inside.h"

size_t lackey_fast(const uint8_t *begin, const uint8_t **at, const uint8_t *end, uint64_t *out, size_t max, unsigned space)
{
	return 0;
}
