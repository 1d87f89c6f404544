/* policy_refs.h - reference strings for tests of policies. Include test.h first. */
#ifndef POLICY_REFS_H
#define POLICY_REFS_H

struct string { uint32_t *refs; size_t n; };

/* References with some locality: half of them go to a window that wanders. */
static inline struct string random_string(struct rng *r, size_t n, uint32_t pages)
{
	struct string s = { g_new(uint32_t, n), n };
	uint32_t base = 0;

	for (size_t i = 0; i < n; i++) {
		if (rng_below(r, 50) == 0)
			base = (uint32_t)rng_below(r, pages);
		s.refs[i] = rng_below(r, 2) ? (uint32_t)rng_below(r, pages) : (uint32_t)((base + rng_below(r, 4)) % pages);
	}
	return s;
}

#endif
