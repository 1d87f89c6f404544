/* replay_tlb.c - the TLB of a replay: what its common cases leave over. */
#include "replay_tlb.h"

#include <string.h>

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
	memset(l->tag, 0xff, s.entries * sizeof(uint64_t));
	return 0;
}

int replay_tlb_init(struct replay_tlb *t, const struct vm_tlb_shape shape[2], struct err *e)
{
	memset(t, 0, sizeof(*t));
	t->last = TAG_NONE;
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
	}
	memset(t, 0, sizeof(*t));
}

/* A leaf entry's place has the page's low nine bits; with more sets than those tell, all that they may be in are looked at. */
static void level_drop(struct replay_tlb_level *l, uint32_t index)
{
	uint32_t near = l->set_mask & 511;

	for (uint32_t set = index & near; set <= l->set_mask; set += near + 1)
		for (uint32_t w = 0; w < l->ways; w++) {
			uint32_t slot = set * l->ways + w;

			if (l->index[slot] == index && l->tag[slot] != TAG_NONE) {
				l->tag[slot] = TAG_NONE;
				l->marks[set] &= ~((uint32_t)1 << w);
			}
		}
}

void replay_tlb_drop(struct replay_tlb *t, uint32_t index)
{
	if (t->last_index == index)
		t->last = TAG_NONE;
	level_drop(&t->level[0], index);
	if (t->level[1].tag)
		level_drop(&t->level[1], index);
}

static uint32_t level_find(const struct replay_tlb_level *l, uint64_t key, uint64_t mask)
{
	uint32_t first = (uint32_t)(key >> 1 & l->set_mask) * l->ways;

	for (uint32_t slot = first; slot < first + l->ways; slot++)
		if ((l->tag[slot] | mask) == key)
			return slot;
	return UINT32_MAX;
}

/* Puts a page in: over its older entry, or in a free way, or over the lowest unmarked one. */
static uint32_t level_fill(struct replay_tlb_level *l, uint64_t tag, uint32_t index)
{
	uint32_t set = (uint32_t)(tag >> 1 & l->set_mask), first = set * l->ways, slot = level_find(l, tag | 1, 1);

	if (slot == UINT32_MAX) {
		uint32_t way = (uint32_t)__builtin_ctz(~l->marks[set]);

		for (uint32_t w = l->ways; w-- > 0; )
			if (l->tag[first + w] == TAG_NONE)
				way = w;
		slot = first + (way < l->ways ? way : 0);
		l->marks[set] &= ~((uint32_t)1 << (slot - first));
	}
	l->tag[slot] = tag;
	l->index[slot] = index;
	tlb_mark(l, tag, slot);
	return slot;
}

static void fill_first(struct replay_tlb *t, uint64_t tag, uint32_t index)
{
	t->guess[tag >> 1 & (TLB_GUESSES - 1)] = (uint16_t)level_fill(&t->level[0], tag, index);
	t->last = tag;
	t->last_index = index;
}

bool replay_tlb_find(struct replay_tlb *t, uint64_t key, uint64_t mask, uint32_t *index)
{
	struct replay_tlb_level *l = &t->level[0];
	uint32_t slot = level_find(l, key, mask);

	if (slot != UINT32_MAX) {
		tlb_mark(l, key, slot);
		t->guess[key >> 1 & (TLB_GUESSES - 1)] = (uint16_t)slot;
		t->last = l->tag[slot];
		*index = t->last_index = l->index[slot];
		return true;
	}
	l = &t->level[1];
	slot = l->tag ? level_find(l, key, mask) : UINT32_MAX;
	if (slot == UINT32_MAX) {
		t->misses++;
		return false;
	}
	tlb_mark(l, key, slot);
	t->refills++;
	*index = l->index[slot];
	fill_first(t, l->tag[slot], *index);
	return true;
}

void replay_tlb_fill(struct replay_tlb *t, uint64_t tag, uint32_t index)
{
	if (t->level[1].tag)
		level_fill(&t->level[1], tag, index);
	fill_first(t, tag, index);
}
