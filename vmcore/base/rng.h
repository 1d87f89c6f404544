/*
 * rng.h - seeded random numbers (xoshiro256**, Blackman and Vigna 2018; seeded by splitmix64).
 * One stream per purpose: the stream's name takes part in the seed, so that a new user of random
 * numbers leaves the numbers of all others alone.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "units.h"

struct rng { uint64_t s[4]; };

void     rng_seed(struct rng *r, uint64_t seed, const char *stream);
uint64_t rng_next(struct rng *r);
/* Uniform in [0, below); 0 when `below` is 0. */
uint64_t rng_below(struct rng *r, uint64_t below);

#endif
