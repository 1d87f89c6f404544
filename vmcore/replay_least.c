/* replay_least.c - the least of the keys of all frames. */
#include "replay_least.h"

#include "sparse.h"

#include <inttypes.h>
#include <string.h>
#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

static void *array_new(uint64_t bytes)
{
	void *p = sparse_new(bytes);

	if (!p)
		g_error("no memory for the %" PRIu64 " bytes of a policy's keys", bytes);
	return p;
}

static uint32_t whole_blocks(uint32_t n) { return (n + LEAST_FAN - 1) / LEAST_FAN * LEAST_FAN; }

/* Blocks are whole: what is behind the last one that counts is never the least. */
static uint64_t *bounds_new(uint32_t n)
{
	uint64_t *at = array_new(whole_blocks(n) * sizeof(uint64_t));

	for (uint32_t i = n; i < whole_blocks(n); i++)
		at[i] = UINT64_MAX;
	return at;
}

void least_init(struct least *l, uint32_t frames)
{
	uint32_t n = frames;

	*l = (struct least){ .frames = frames };
	l->key = (union least_key *)(void *)bounds_new(frames);
	do {
		n = (n + LEAST_FAN - 1) / LEAST_FAN;
		l->size[l->levels] = n;
		l->bound[l->levels++] = bounds_new(n);
	} while (n > LEAST_FAN);
	l->room = frames / 2 + 1;
	l->queue = array_new(l->room * sizeof(l->queue[0]));
}

void least_clear(struct least *l)
{
	sparse_free(l->key, whole_blocks(l->frames) * sizeof(l->key[0]));
	for (unsigned k = 0; k < l->levels; k++)
		sparse_free(l->bound[k], whole_blocks(l->size[k]) * sizeof(uint64_t));
	sparse_free(l->queue, l->room * sizeof(l->queue[0]));
	*l = (struct least){ 0 };
}

uint64_t least_bytes(const struct least *l)
{
	uint64_t bytes = whole_blocks(l->frames) * sizeof(l->key[0]) + l->room * sizeof(l->queue[0]);

	for (unsigned k = 0; k < l->levels; k++)
		bytes += whole_blocks(l->size[k]) * sizeof(uint64_t);
	return bytes;
}

#define INLINE static inline __attribute__((always_inline))

/* The place of the least of a block. */
INLINE uint32_t place_plainly(const uint64_t *at)
{
	uint64_t least = at[0];
	uint32_t place = 0;

	for (uint32_t i = 1; i < LEAST_FAN; i++) {
		place = at[i] < least ? i : place;
		least = MIN(least, at[i]);
	}
	return place;
}

typedef uint32_t place_fn(const uint64_t *at);

/* The bound of a block of keys is `to`, which is not less than it was. */
INLINE void raise_bounds(struct least *l, uint32_t block, uint64_t to, place_fn *place)
{
	l->bound[0][block] = to;
	for (unsigned k = 1; k < l->levels; k++) {
		uint32_t up = block / LEAST_FAN;
		const uint64_t *below = l->bound[k - 1] + up * LEAST_FAN;

		to = below[place(below)];
		if (l->bound[k][up] == to)
			return;
		l->bound[k][up] = to;
		block = up;
	}
}

INLINE uint32_t find_victim(struct least *l, place_fn *place)
{
	for (;;) {
		uint32_t block = 0, f;
		uint64_t *keys, found;

		for (unsigned k = l->levels; k-- > 0; )
			block = block * LEAST_FAN + place(l->bound[k] + block * LEAST_FAN);
		keys = &l->key[(uint64_t)block * LEAST_FAN].all;
		f = place(keys);
		found = keys[f];
		if (found == l->bound[0][block])
			return block * LEAST_FAN + f;
		raise_bounds(l, block, found, place);
	}
}

#if defined(__x86_64__) && defined(__GNUC__)
#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE __m256i less(__m256i a, __m256i b)
{
	return _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi64(a, b));
}

AVX2 INLINE uint32_t where(__m256i a, __m256i least)
{
	return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(a, least)));
}

/* Comparisons are signed ones: halves of the range change places. */
AVX2 INLINE uint32_t place_by_four(const uint64_t *at)
{
	const __m256i turn = _mm256_set1_epi64x(INT64_MIN), *v = (const __m256i *)(const void *)at;
	__m256i a = _mm256_xor_si256(_mm256_loadu_si256(v), turn), b = _mm256_xor_si256(_mm256_loadu_si256(v + 1), turn);
	__m256i c = _mm256_xor_si256(_mm256_loadu_si256(v + 2), turn), d = _mm256_xor_si256(_mm256_loadu_si256(v + 3), turn);
	__m256i least = less(less(a, b), less(c, d));

	least = less(least, _mm256_permute4x64_epi64(least, 0x4e));
	least = less(least, _mm256_shuffle_epi32(least, 0x4e));
	return _tzcnt_u32(where(a, least) | where(b, least) << 4 | where(c, least) << 8 | where(d, least) << 12);
}

AVX2 static uint32_t find_victim_by_four(struct least *l) { return find_victim(l, place_by_four); }

static uint32_t find(struct least *l)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") ? find_victim_by_four(l) : find_victim(l, place_plainly);
}
#else
static uint32_t find(struct least *l)
{
	return find_victim(l, place_plainly);
}
#endif

/* The frame's key, which may be less than it had, is known to the bounds from now on. */
static void put(struct least *l, uint32_t f)
{
	uint64_t key = l->key[f].all;

	for (unsigned k = 0; k < l->levels; k++) {
		uint64_t *bound = &l->bound[k][f /= LEAST_FAN];

		if (*bound <= key)
			return;
		*bound = key;
	}
}

static uint32_t queue_pop(struct least *l)
{
	uint32_t f = l->queue[l->first];

	l->first = l->first + 1 == l->room ? 0 : l->first + 1;
	l->waiting--;
	return f;
}

/* The first in the queue comes under the bounds. */
static void queue_leave(struct least *l)
{
	uint32_t f = queue_pop(l);

	l->mixed |= l->key[f].high == 1;
	put(l, f);
}

void least_load(struct least *l, uint32_t f, uint64_t now)
{
	uint32_t at;

	if (l->waiting == l->room)
		queue_leave(l);
	at = l->first + l->waiting++;
	l->queue[at < l->room ? at : at - l->room] = f;
	l->key[f].all = (uint64_t)1 << 32 | (uint32_t)(now - l->base);
}

uint32_t least_victim(struct least *l)
{
	uint32_t f;

	for (; !l->mixed && l->waiting > 0; queue_leave(l))
		if (l->key[l->queue[l->first]].high == 1)
			return queue_pop(l);
	while (l->waiting > 0)
		queue_leave(l);
	f = find(l);
	l->mixed = l->key[f].high == 1;
	return f;
}

static int by_number(gconstpointer a, gconstpointer b, gpointer keys)
{
	const union least_key *key = keys;
	uint32_t x = key[*(const uint32_t *)a].low, y = key[*(const uint32_t *)b].low;

	return x < y ? -1 : x > y;
}

void least_expect(struct least *l, uint64_t now, uint64_t n, uint32_t used)
{
	g_autofree uint32_t *order = NULL;

	if (now + n - l->base <= UINT32_MAX)
		return;
	order = g_new(uint32_t, used + 1);
	for (uint32_t f = 0; f < used; f++)
		order[f] = f;
	g_qsort_with_data(order, (gint)used, sizeof(order[0]), by_number, l->key);
	for (uint32_t i = 0; i < used; i++)
		l->key[order[i]].low = i;
	l->base = now - used;
	for (unsigned k = 0; k < l->levels; k++)
		memset(l->bound[k], 0, l->size[k] * sizeof(uint64_t));
}
