/* replay_known.c - how far the next references are known. */
#include "replay_known.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512dq")))

/* The `near` references, in registers. */
struct near { __m512i at[KNOWN_NEAR / 8]; };

AVX512 static inline __attribute__((always_inline)) struct near near_load(const struct replay_known *k)
{
	struct near near;

	for (unsigned i = 0; i < KNOWN_NEAR / 8; i++)
		near.at[i] = _mm512_loadu_si512(k->near + i * 8);
	return near;
}

AVX512 static inline __attribute__((always_inline)) void near_put(struct replay_known *k, struct near *near, uint64_t ref)
{
	uint32_t slot = (uint32_t)1 << near_slot(ref);

	k->near[near_slot(ref)] = ref;
	for (unsigned i = 0; i < KNOWN_NEAR / 8; i++)
		near->at[i] = _mm512_mask_set1_epi64(near->at[i], (__mmask8)(slot >> i * 8), (long long)ref);
}

/* Which of eight references are not near. */
AVX512 static inline __attribute__((always_inline)) uint32_t far_from(const struct near *near, __m512i refs)
{
	__m512i kind = _mm512_and_si512(_mm512_srli_epi64(refs, NEAR_KIND_SHIFT), _mm512_set1_epi64(NEAR_KINDS));
	__m512i slot = _mm512_xor_si512(refs, kind);
	__m512i low = _mm512_permutex2var_epi64(near->at[0], slot, near->at[1]);
	__m512i high = _mm512_permutex2var_epi64(near->at[2], slot, near->at[3]);
	__mmask8 upper = _mm512_test_epi64_mask(slot, _mm512_set1_epi64(16));

	return _mm512_cmpneq_epi64_mask(refs, _mm512_mask_mov_epi64(low, upper, high));
}

AVX512 static size_t run_by_eight(struct replay_known *k, const uint64_t *refs, size_t n)
{
	struct near near = near_load(k);
	size_t i;

	for (i = 0; i + KNOWN_MANY <= n; i += KNOWN_MANY) {
		__m512i eight = _mm512_loadu_si512(refs + i);
		uint32_t far = far_from(&near, eight);

		__builtin_prefetch(refs + i + KNOWN_AHEAD);
		while (G_UNLIKELY(far)) {
			uint64_t ref = refs[i + (unsigned)__builtin_ctz(far)];

			if (k->ref[known_slot(ref)] != ref)
				return i + (unsigned)__builtin_ctz(far);
			near_put(k, &near, ref);
			far &= _mm512_cmpneq_epi64_mask(eight, _mm512_set1_epi64((long long)ref));
		}
	}
	return i;
}
#endif

size_t known_run(struct replay_known *k, const uint64_t *refs, size_t n)
{
	size_t i = 0;

#if defined(__x86_64__) && defined(__GNUC__)
	if (__builtin_cpu_supports("avx512dq"))
		return run_by_eight(k, refs, n);
#endif
	while (i + KNOWN_MANY <= n && known_many(k, refs + i))
		i += KNOWN_MANY;
	return i;
}
