/* bitset.c - a large set of numbers that gives its lowest absent one in a few steps. */
#include "bitset.h"

#include <stdlib.h>

bool bitset_init(struct bitset *s, uint64_t size)
{
	uint64_t n = size;

	*s = (struct bitset){ .size = size };
	for (unsigned k = 0; k == 0 || n > 1; k++) {
		s->levels = k + 1;
		s->words[k] = (n + 63) / 64;
		s->bits[k] = calloc(s->words[k] ? s->words[k] : 1, 8);
		if (!s->bits[k]) {
			bitset_clear(s);
			return false;
		}
		if (n % 64)                              /* what is beyond the end is never absent */
			s->bits[k][n / 64] = UINT64_MAX << (n % 64);
		n = s->words[k];
	}
	return true;
}

void bitset_clear(struct bitset *s)
{
	for (unsigned k = 0; k < s->levels; k++)
		free(s->bits[k]);
	*s = (struct bitset){ 0 };
}
