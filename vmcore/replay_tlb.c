/* replay_tlb.c - the TLB of a replay: what its common cases leave over. */
#include "replay_tlb.h"
#include "replay_world.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

enum { ENTRIES_MAX = 1 << 16, WAYS_MAX = 32 };

static int level_init(struct replay_tlb_level *l, struct vm_tlb_shape s, struct err *e)
{
	uint32_t sets;

	if (s.ways == 0 || s.ways > WAYS_MAX || s.entries % s.ways || s.entries > ENTRIES_MAX)
		return err_set(e, EINVAL, -1, "a TLB of %u entries and %u ways: at most %d entries and %d ways, of whole sets",
			       s.entries, s.ways, ENTRIES_MAX, WAYS_MAX);
	sets = s.entries / s.ways;
	if (sets & (sets - 1))
		return err_set(e, EINVAL, -1, "a TLB of %u sets: their number is a power of two", sets);
	l->set_mask = sets - 1;
	l->ways = s.ways;
	l->full = (uint32_t)(((uint64_t)1 << s.ways) - 1);
	l->tag = g_new(uint64_t, s.entries);
	l->index = g_new0(uint32_t, s.entries);
	l->marks = g_new0(uint32_t, sets);
	l->valid = g_new0(uint32_t, sets);
	memset(l->tag, 0xff, s.entries * sizeof(uint64_t));
	return 0;
}

int replay_tlb_init(struct replay_tlb *t, const struct vm_tlb_shape shape[2], struct err *e)
{
	memset(t, 0, sizeof(*t));
	if (level_init(&t->level[0], shape[0], e) || (shape[1].entries && level_init(&t->level[1], shape[1], e))) {
		replay_tlb_clear(t);
		return -e->code;
	}
	return 0;
}

void replay_tlb_clear(struct replay_tlb *t)
{
	for (unsigned i = 0; i < 2; i++) {
		g_free(t->level[i].tag);
		g_free(t->level[i].index);
		g_free(t->level[i].marks);
		g_free(t->level[i].valid);
	}
	memset(t, 0, sizeof(*t));
}

/* Ways of a set whose tags are such: key once `mask` is set. */
typedef uint32_t tags_fn(const uint64_t *tag, uint32_t ways, uint64_t key, uint64_t mask);
#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t tags_plainly(const uint64_t *tag, uint32_t ways, uint64_t key, uint64_t mask)
{
	uint32_t found = 0;

	for (uint32_t w = 0; w < ways; w++)
		found |= (uint32_t)((tag[w] | mask) == key) << w;
	return found;
}

/* Ways of a set that have such an index, or had it once. */
INLINE uint32_t indexes(const uint32_t *at, uint32_t ways, uint32_t index)
{
	uint32_t found = 0, w = 0;

#ifdef __SSE2__
	for (const __m128i k = _mm_set1_epi32((int)index); w + 4 <= ways; w += 4) {
		__m128i same = _mm_cmpeq_epi32(_mm_loadu_si128((const void *)(at + w)), k);

		found |= (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(same)) << w;
	}
#endif
	for (; w < ways; w++)
		found |= (uint32_t)(at[w] == index) << w;
	return found;
}

/* A leaf entry's place has the page's low nine bits; with more sets than those tell, all that they may be in are looked at. */
static void level_drop(struct replay_tlb_level *l, uint32_t index)
{
	uint32_t near = l->set_mask & 511;

	for (uint32_t set = index & near; set <= l->set_mask; set += near + 1) {
		uint32_t found = indexes(l->index + set * l->ways, l->ways, index) & l->valid[set];

		if (found == 0)
			continue;
		l->tag[set * l->ways + (uint32_t)__builtin_ctz(found)] = TAG_NONE;
		l->valid[set] &= ~found;
		l->marks[set] &= ~found;
	}
}

void replay_tlb_drop(struct replay_tlb *t, uint32_t index)
{
	level_drop(&t->level[0], index);
	if (t->level[1].tag)
		level_drop(&t->level[1], index);
}

/* The way has been used. When all of its set have been, the others no longer count as used, nor as known. */
INLINE void level_mark(struct replay_tlb_level *l, uint32_t set, uint32_t way, struct replay_known *known)
{
	uint32_t bit = (uint32_t)1 << way, marks = l->marks[set] | bit;

	l->marks[set] = marks == l->full ? bit : marks;
	for (uint32_t w = 0; marks == l->full && known && w < l->ways; w++)
		if (w != way)
			known_drop(known, l->index[set * l->ways + w]);
}

/* Puts a page in: over its older entry, or in a free way, or over the lowest unmarked one. */
INLINE void level_fill(struct replay_tlb_level *l, uint64_t tag, uint32_t index, bool stores, struct replay_known *known, tags_fn *tags)
{
	uint32_t set = (uint32_t)(tag >> 1) & l->set_mask, first = set * l->ways, free = l->full & ~l->valid[set], way;
	uint32_t older = stores ? tags(l->tag + first, l->ways, tag | 1, 1) : 0;

	if (older) {
		way = (uint32_t)__builtin_ctz(older);
	} else {
		way = (uint32_t)__builtin_ctz(free ? free : ~l->marks[set]);
		way = way < l->ways ? way : 0;
		l->marks[set] &= ~((uint32_t)1 << way);
		l->valid[set] |= (uint32_t)1 << way;
		if (known)
			known_drop(known, l->index[first + way]);
	}
	l->tag[first + way] = tag;
	l->index[first + way] = index;
	level_mark(l, set, way, known);
}

INLINE bool find(struct replay_tlb *t, uint64_t ref, uint32_t *index, struct replay_known *known, tags_fn *tags)
{
	uint64_t key = tlb_key(ref), mask = tlb_mask(ref);
	struct replay_tlb_level *l = &t->level[0];
	uint32_t set = (uint32_t)(key >> 1) & l->set_mask, found = tags(l->tag + set * l->ways, l->ways, key, mask), way;

	if (found) {
		way = (uint32_t)__builtin_ctz(found);
		level_mark(l, set, way, known);
		*index = l->index[set * l->ways + way];
		return true;
	}
	l = &t->level[1];
	set = (uint32_t)(key >> 1) & l->set_mask;
	found = l->tag ? tags(l->tag + set * l->ways, l->ways, key, mask) : 0;
	if (!found) {
		t->misses++;
		return false;
	}
	way = (uint32_t)__builtin_ctz(found);
	level_mark(l, set, way, NULL);
	t->refills++;
	*index = l->index[set * l->ways + way];
	level_fill(&t->level[0], l->tag[set * l->ways + way], *index, mask == 0, known, tags);
	return true;
}

INLINE void fill(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known, tags_fn *tags)
{
	uint64_t tag = (tlb_key(ref) & ~(uint64_t)1) | (entry & ENTRY_D) / ENTRY_D;

	if (t->level[1].tag)
		level_fill(&t->level[1], tag, index, vm_ref_stores(ref), NULL, tags);
	level_fill(&t->level[0], tag, index, vm_ref_stores(ref), known, tags);
}

#if defined(__x86_64__) && defined(__GNUC__)
#define AVX2 __attribute__((target("avx2,bmi")))

AVX2 INLINE uint32_t tags_by_four(const uint64_t *tag, uint32_t ways, uint64_t key, uint64_t mask)
{
	const __m256i k = _mm256_set1_epi64x((long long)key), m = _mm256_set1_epi64x((long long)mask);
	uint32_t found = 0, w;

	for (w = 0; w + 4 <= ways; w += 4) {
		__m256i v = _mm256_or_si256(_mm256_loadu_si256((const void *)(tag + w)), m);

		found |= (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(v, k))) << w;
	}
	return w == ways ? found : found | tags_plainly(tag + w, ways - w, key, mask) << w;
}

static bool have_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"); }

AVX2 static bool find_by_four(struct replay_tlb *t, uint64_t ref, uint32_t *index, struct replay_known *known)
{
	return find(t, ref, index, known, tags_by_four);
}

AVX2 static void fill_by_four(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known)
{
	fill(t, ref, entry, index, known, tags_by_four);
}
#else
static bool have_avx2(void) { return false; }
#define find_by_four(t, ref, index, known) find(t, ref, index, known, tags_plainly)
#define fill_by_four(t, ref, entry, index, known) fill(t, ref, entry, index, known, tags_plainly)
#endif

bool replay_tlb_find(struct replay_tlb *t, uint64_t ref, uint32_t *index, struct replay_known *known)
{
	return have_avx2() ? find_by_four(t, ref, index, known) : find(t, ref, index, known, tags_plainly);
}

void replay_tlb_fill(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known)
{
	if (have_avx2())
		fill_by_four(t, ref, entry, index, known);
	else
		fill(t, ref, entry, index, known, tags_plainly);
}
