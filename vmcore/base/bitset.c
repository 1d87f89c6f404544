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

void bitset_add(struct bitset *s, uint64_t i)
{
	s->count++;
	for (unsigned k = 0; k < s->levels; k++, i /= 64) {
		uint64_t *w = &s->bits[k][i / 64];

		*w |= (uint64_t)1 << (i % 64);
		if (*w != UINT64_MAX)
			return;
	}
}

void bitset_remove(struct bitset *s, uint64_t i)
{
	s->count--;
	for (unsigned k = 0; k < s->levels; k++, i /= 64) {
		uint64_t *w = &s->bits[k][i / 64];
		bool was_full = *w == UINT64_MAX;

		*w &= ~((uint64_t)1 << (i % 64));
		if (!was_full)
			return;
	}
}

uint64_t bitset_lowest_absent(const struct bitset *s)
{
	uint64_t i = 0;

	if (s->count == s->size)
		return UINT64_MAX;
	for (unsigned k = s->levels; k-- > 0;)
		i = i * 64 + (uint64_t)__builtin_ctzll(~s->bits[k][i]);
	return i;
}
