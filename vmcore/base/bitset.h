/* bitset.h - a large set of numbers that gives its lowest absent one in a few steps. Costs real memory where it is used. */
#ifndef BASE_BITSET_H
#define BASE_BITSET_H

#include "units.h"

enum { BITSET_LEVELS = 6 };
struct bitset {
	unsigned  levels;               /* as many as it takes: the highest is one word */
	uint64_t *bits[BITSET_LEVELS];  /* level k + 1 has a bit a word of level k: full */
	uint64_t  words[BITSET_LEVELS];
	uint64_t  size, count;
};
/* Empty, for the numbers [0, size), size at most 2^36; false: no memory. */
bool bitset_init(struct bitset *s, uint64_t size);
void bitset_clear(struct bitset *s);
static inline bool bitset_has(const struct bitset *s, uint64_t i)
{
	return s->bits[0][i / 64] >> (i % 64) & 1;
}
/* A number that is not, and one that is in it. */
static inline void bitset_add(struct bitset *s, uint64_t i)
{
	s->count++;
	for (unsigned k = 0; k < s->levels; k++, i /= 64) {
		uint64_t *w = &s->bits[k][i / 64];

		*w |= (uint64_t)1 << (i % 64);
		if (*w != UINT64_MAX)
			return;
	}
}

static inline void bitset_remove(struct bitset *s, uint64_t i)
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

/* UINT64_MAX: every number is in it. */
static inline uint64_t bitset_lowest_absent(const struct bitset *s)
{
	uint64_t i = 0;

	if (s->count == s->size)
		return UINT64_MAX;
	for (unsigned k = s->levels; k-- > 0;)
		i = i * 64 + (uint64_t)__builtin_ctzll(~s->bits[k][i]);
	return i;
}

#endif
