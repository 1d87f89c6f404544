/* rng.c - xoshiro256** and its seeding. */
#include "rng.h"

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed, const char *stream)
{
	uint64_t x = 0xcbf29ce484222325u; /* FNV-1a of the stream's name */

	for (; *stream; stream++)
		x = (x ^ (unsigned char)*stream) * 0x100000001b3u;
	x ^= splitmix(&seed);
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix(&x);
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t rng_next(struct rng *r)
{
	uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *r, uint64_t below)
{
	uint64_t x;

	if (below == 0)
		return 0;
	do                      /* 2^64 mod below, which is less than below: what would favour the small numbers */
		x = rng_next(r);
	while (x < below && x < -below % below);
	return x % below;
}
