/* replay_tlb.c - the TLB of a replay: what its common cases leave over. */
#include "replay_tlb.h"
#include "replay_world.h"

#include "sparse.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define TAG_NONE UINT32_MAX                  /* no leaf entry has that place */
enum { ENTRIES_MAX = 1 << 16, WAYS_MAX = 32, MANY = 4 /* tags looked at together */, LINE = 16 /* words */ };

static uint64_t level_bytes(const struct replay_tlb_level *l)
{
	return ((uint64_t)l->set_mask + 1) * l->step * sizeof(l->sets[0]);
}

static inline struct replay_tlb_set *set_of(const struct replay_tlb_level *l, uint64_t ref)
{
	return (struct replay_tlb_set *)(void *)(l->sets + ((uint32_t)ref & l->set_mask) * l->step);
}

static int level_init(struct replay_tlb_level *l, struct vm_tlb_shape s, struct err *e)
{
	uint32_t sets, words;

	if (s.ways == 0 || s.ways > WAYS_MAX || s.entries % s.ways || s.entries > ENTRIES_MAX)
		return err_set(e, EINVAL, -1, "a TLB of %u entries and %u ways: at most %d entries and %d ways, of whole sets",
			       s.entries, s.ways, ENTRIES_MAX, WAYS_MAX);
	sets = s.entries / s.ways;
	if (sets & (sets - 1))
		return err_set(e, EINVAL, -1, "a TLB of %u sets: their number is a power of two", sets);
	words = sizeof(struct replay_tlb_set) / sizeof(uint32_t) + (s.ways + MANY - 1) / MANY * MANY;
	l->step = words <= LINE / 2 ? LINE / 2 : (words + LINE - 1) / LINE * LINE;
	l->set_mask = sets - 1;
	l->ways = s.ways;
	l->full = (uint32_t)(((uint64_t)1 << s.ways) - 1);
	l->sets = sparse_new(level_bytes(l));
	if (!l->sets)
		g_error("no memory for a TLB");
	for (uint32_t i = 0; i < sets; i++)
		memset(set_of(l, i)->tag, 0xff, (l->step - 2) * sizeof(uint32_t));
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
	for (unsigned i = 0; i < 2; i++)
		sparse_free(t->level[i].sets, level_bytes(&t->level[i]));
	memset(t, 0, sizeof(*t));
}

#define INLINE static inline __attribute__((always_inline))

/* Ways of a set whose tags are such: `key` once the bits of `any` are set. */
#ifdef __SSE2__
INLINE __m128i four_with(const uint32_t *tag, __m128i key, __m128i any)
{
	return _mm_cmpeq_epi32(_mm_or_si128(_mm_loadu_si128((const void *)tag), any), key);
}

INLINE uint32_t ways_with(const struct replay_tlb_set *set, uint32_t ways, uint32_t key, uint32_t any)
{
	const __m128i k = _mm_set1_epi32((int)key), a = _mm_set1_epi32((int)any);
	__m128i four = four_with(set->tag, k, a);
	uint32_t found;

	if (ways <= MANY)
		return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(four));
	four = _mm_packs_epi32(four, four_with(set->tag + 4, k, a));
	found = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(four, _mm_setzero_si128()));
	for (uint32_t w = 2 * MANY; w < ways; w += MANY)
		found |= (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(four_with(set->tag + w, k, a))) << w;
	return found;
}
#else
INLINE uint32_t ways_with(const struct replay_tlb_set *set, uint32_t ways, uint32_t key, uint32_t any)
{
	uint32_t found = 0;

	for (uint32_t w = 0; w < ways; w++)
		found |= (uint32_t)((set->tag[w] | any) == key) << w;
	return found;
}
#endif

INLINE uint32_t tag_of(uint32_t index) { return index << 1 | 1; }
INLINE uint32_t tag_any(uint64_t ref) { return !vm_ref_stores(ref); }

/* A leaf entry's place has the page's low nine bits; with more sets than those tell, all that they may be in are looked at. */
INLINE void level_drop(struct replay_tlb_level *l, uint32_t index)
{
	uint32_t near = l->set_mask & 511;

	for (uint32_t at = index & near; at <= l->set_mask; at += near + 1) {
		struct replay_tlb_set *set = set_of(l, at);
		uint32_t found = ways_with(set, l->ways, tag_of(index), 1);

		if (found == 0)
			continue;
		set->tag[__builtin_ctz(found)] = TAG_NONE;
		set->valid &= ~found;
		set->marks &= ~found;
	}
}

void replay_tlb_drop(struct replay_tlb *t, uint32_t index)
{
	level_drop(&t->level[0], index);
	if (t->level[1].sets)
		level_drop(&t->level[1], index);
}

/* The way has been used. When all of its set have been, the others no longer count as used, nor as known. */
INLINE void level_mark(const struct replay_tlb_level *l, struct replay_tlb_set *set, uint32_t way, struct replay_known *known)
{
	uint32_t bit = (uint32_t)1 << way, marks = set->marks | bit;

	set->marks = marks == l->full ? bit : marks;
	for (uint32_t w = 0; marks == l->full && known && w < l->ways; w++)
		if (w != way)
			known_drop(known, set->tag[w] >> 1);
}

/* Puts a page in: over its older entry, or in a free way, or over the lowest unmarked one. */
INLINE void level_fill(struct replay_tlb_level *l, uint64_t ref, uint32_t tag, struct replay_known *known)
{
	struct replay_tlb_set *set = set_of(l, ref);
	uint32_t free = l->full & ~set->valid, older = tag_any(ref) ? 0 : ways_with(set, l->ways, tag | 1, 1), way;

	if (older) {
		way = (uint32_t)__builtin_ctz(older);
	} else {
		way = (uint32_t)__builtin_ctz(free ? free : ~set->marks);
		way = way < l->ways ? way : 0;
		set->marks &= ~((uint32_t)1 << way);
		set->valid |= (uint32_t)1 << way;
		if (known)
			known_drop(known, set->tag[way] >> 1);
	}
	set->tag[way] = tag;
	level_mark(l, set, way, known);
}

bool replay_tlb_find(struct replay_tlb *t, uint64_t ref, uint32_t index, struct replay_known *known)
{
	struct replay_tlb_level *l = &t->level[0];
	struct replay_tlb_set *set = set_of(l, ref);
	uint32_t found = ways_with(set, l->ways, tag_of(index), tag_any(ref));

	if (found) {
		level_mark(l, set, (uint32_t)__builtin_ctz(found), known);
		return true;
	}
	l = &t->level[1];
	set = set_of(l, ref);
	found = l->sets ? ways_with(set, l->ways, tag_of(index), tag_any(ref)) : 0;
	if (!found) {
		t->misses++;
		return false;
	}
	level_mark(l, set, (uint32_t)__builtin_ctz(found), NULL);
	t->refills++;
	level_fill(&t->level[0], ref, set->tag[__builtin_ctz(found)], known);
	return true;
}

void replay_tlb_fill(struct replay_tlb *t, uint64_t ref, uint64_t entry, uint32_t index, struct replay_known *known)
{
	uint32_t tag = index << 1 | (uint32_t)((entry & ENTRY_D) / ENTRY_D);

	if (t->level[1].sets)
		level_fill(&t->level[1], ref, tag, NULL);
	level_fill(&t->level[0], ref, tag, known);
}
