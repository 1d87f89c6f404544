/* replay_furthest.c - the highest of the numbers of all frames. */
#include "replay_furthest.h"

#include "sparse.h"

#include <glib.h>
#include <inttypes.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

static uint64_t level_bytes(uint32_t n)
{
	return ((uint64_t)n + FURTHEST_FAN - 1) / FURTHEST_FAN * FURTHEST_FAN * sizeof(uint32_t);
}

void furthest_init(struct furthest *s, uint32_t frames)
{
	uint32_t n = frames;

	*s = (struct furthest){ 0 };
	do {
		s->size[s->levels] = n;
		s->at[s->levels] = sparse_new(level_bytes(n));
		if (!s->at[s->levels++])
			g_error("no memory for the %" PRIu64 " bytes of next uses", level_bytes(n));
		n = (n + FURTHEST_FAN - 1) / FURTHEST_FAN;
	} while (s->size[s->levels - 1] > FURTHEST_FAN);
}

void furthest_clear(struct furthest *s)
{
	for (unsigned k = 0; k < s->levels; k++)
		sparse_free(s->at[k], level_bytes(s->size[k]));
	*s = (struct furthest){ 0 };
}

uint64_t furthest_bytes(const struct furthest *s)
{
	uint64_t bytes = 0;

	for (unsigned k = 0; k < s->levels; k++)
		bytes += level_bytes(s->size[k]);
	return bytes;
}

#define INLINE static inline __attribute__((always_inline))

/* The place of the highest of a block, and what it is. */
struct highest { uint32_t place, number; };
typedef struct highest highest_fn(const uint32_t *at);

INLINE struct highest highest_plainly(const uint32_t *at)
{
	struct highest h = { 0, at[0] };

	for (uint32_t i = 1; i < FURTHEST_FAN; i++)
		if (at[i] > h.number)
			h = (struct highest){ i, at[i] };
	return h;
}

INLINE uint32_t find(const struct furthest *s, highest_fn *highest)
{
	uint32_t block = 0;

	for (unsigned k = s->levels; k-- > 0; )
		block = block * FURTHEST_FAN + highest(s->at[k] + (uint64_t)block * FURTHEST_FAN).place;
	return block;
}

INLINE void put(struct furthest *s, uint32_t f, uint32_t number, highest_fn *highest)
{
	s->at[0][f] = number;
	for (unsigned k = 1; k < s->levels; k++) {
		uint32_t up = f / FURTHEST_FAN;

		number = highest(s->at[k - 1] + (uint64_t)up * FURTHEST_FAN).number;
		if (s->at[k][up] == number)
			return;
		s->at[k][up] = number;
		f = up;
	}
}

#if defined(__x86_64__) && defined(__GNUC__)
#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE uint32_t equal(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)));
}

AVX2 INLINE struct highest highest_by_eight(const uint32_t *at)
{
	__m256i a = _mm256_loadu_si256((const void *)at), b = _mm256_loadu_si256((const void *)(at + 8)), most = _mm256_max_epu32(a, b);

	most = _mm256_max_epu32(most, _mm256_permute4x64_epi64(most, 0x4e));
	most = _mm256_max_epu32(most, _mm256_shuffle_epi32(most, 0x4e));
	most = _mm256_max_epu32(most, _mm256_shuffle_epi32(most, 0xb1));
	return (struct highest){ _tzcnt_u32(equal(a, most) | equal(b, most) << 8), (uint32_t)_mm256_cvtsi256_si32(most) };
}

static bool have_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }
AVX2 static uint32_t find_by_eight(const struct furthest *s) { return find(s, highest_by_eight); }
AVX2 static void put_by_eight(struct furthest *s, uint32_t f, uint32_t number) { put(s, f, number, highest_by_eight); }
#else
static bool have_avx2(void) { return false; }
#define find_by_eight(s) find(s, highest_plainly)
#define put_by_eight(s, f, number) put(s, f, number, highest_plainly)
#endif

uint32_t furthest_find(const struct furthest *s)
{
	return have_avx2() ? find_by_eight(s) : find(s, highest_plainly);
}

void furthest_put(struct furthest *s, uint32_t f, uint32_t number)
{
	if (have_avx2())
		put_by_eight(s, f, number);
	else
		put(s, f, number, highest_plainly);
}
