/*
 * replay_curve.c - the LRU curve: how far down the stack each reference finds its page.
 *
 * Time is a row of slots; each page in use has its bit set in the slot of its last reference, and its leaf entry keeps
 * the slot. A page's place in the LRU stack is the number of bits from its slot to the end (Bennett and Kruskal 1975,
 * Olken 1981). They are counted by words of 64, groups of 64 words, and blocks of 64 groups, from the end: near
 * pages, which are most, cost little. When the slots are used up the bits are moved together, into
 * twice the room if they fill more than half of it, so that a reference costs a constant share of that.
 */
#include "replay_world.h"

#include <inttypes.h>

enum { SLOTS_LEAST = 1 << 12, GROUP = 1 << 12 /* slots */, BLOCK = 1 << 18 };

struct vm_curve {
	struct replay_world world;
	uint64_t slots, now;         /* `now`: the next slot */
	uint64_t *bit;
	uint8_t  *word;              /* bits in each word, */
	uint32_t *group, *block;     /* group, block */
	uint32_t *owner;             /* by slot: the page's entry */
	uint64_t *found;             /* by place in the stack, from 0 */
	uint64_t found_room;
	uint64_t refs, pages;
};

static void rooms_free(struct vm_curve *c)
{
	g_free(c->bit);
	g_free(c->word);
	g_free(c->group);
	g_free(c->block);
	g_free(c->owner);
}

static void rooms_new(struct vm_curve *c, uint64_t slots)
{
	c->slots = slots;
	c->bit = g_new0(uint64_t, slots / 64);
	c->word = g_new0(uint8_t, slots / 64);
	c->group = g_new0(uint32_t, (slots + GROUP - 1) / GROUP);
	c->block = g_new0(uint32_t, (slots + BLOCK - 1) / BLOCK);
	c->owner = g_new(uint32_t, slots);
}

struct vm_curve *vm_curve_new(uint64_t table_bytes, struct err *e)
{
	struct vm_curve *c = g_new0(struct vm_curve, 1);

	if (replay_world_init(&c->world, 1, table_bytes, e)) {
		g_free(c);
		return NULL;
	}
	rooms_new(c, SLOTS_LEAST);
	return c;
}

void vm_curve_free(struct vm_curve *c)
{
	if (!c)
		return;
	rooms_free(c);
	g_free(c->found);
	replay_world_clear(&c->world);
	g_free(c);
}

static inline void slot_set(struct vm_curve *c, uint64_t s)
{
	c->bit[s / 64] |= (uint64_t)1 << s % 64;
	c->word[s / 64]++;
	c->group[s / GROUP]++;
	c->block[s / BLOCK]++;
}

/* A page's bit goes from one slot to a later one. Near slots share counts, which then stay as they are. */
static inline void slot_move(struct vm_curve *c, uint64_t from, uint64_t to)
{
	c->bit[from / 64] &= ~((uint64_t)1 << from % 64);
	c->bit[to / 64] |= (uint64_t)1 << to % 64;
	if (from / 64 == to / 64)
		return;
	c->word[from / 64]--;
	c->word[to / 64]++;
	if (from / GROUP == to / GROUP)
		return;
	c->group[from / GROUP]--;
	c->group[to / GROUP]++;
	c->block[from / BLOCK]--;
	c->block[to / BLOCK]++;
}

/* The sum of at most 64 bytes from `at` to `end`. */
static inline uint64_t sum_words(const uint8_t *at, const uint8_t *end)
{
	uint64_t sum = 0;

	for (; at + 8 <= end; at += 8) {
		uint64_t v;

		memcpy(&v, at, 8);      /* bytes are at most 64: pairs fit a byte, then 16 bits */
		v = (v & 0x00ff00ff00ff00ff) + (v >> 8 & 0x00ff00ff00ff00ff);
		sum += v * 0x0001000100010001 >> 48;
	}
	for (; at < end; at++)
		sum += *at;
	return sum;
}

static inline uint64_t sum_counts(const uint32_t *at, const uint32_t *end)
{
	uint64_t sum = 0;

	for (; at < end; at++)
		sum += *at;
	return sum;
}

/* Bits set behind slot s and before `now`. */
static inline uint64_t bits_behind(const struct vm_curve *c, uint64_t s)
{
	uint64_t word = s / 64, group = s / GROUP, block = s / BLOCK, last_group = (c->now - 1) / GROUP;
	uint64_t sum = s % 64 == 63 ? 0 : (uint64_t)__builtin_popcountll(c->bit[word] >> (s % 64 + 1));
	uint64_t words_end = MIN((group + 1) * (GROUP / 64), (c->now + 63) / 64);

	sum += sum_words(c->word + word + 1, c->word + words_end);
	if (group == last_group)
		return sum;
	sum += sum_counts(c->group + group + 1, c->group + MIN((block + 1) * (BLOCK / GROUP), last_group + 1));
	return sum + sum_counts(c->block + block + 1, c->block + (c->now + BLOCK - 1) / BLOCK);
}

/* All bits to the front, in order. */
static void move_together(struct vm_curve *c)
{
	struct vm_curve old = *c;
	uint64_t live = 0;

	rooms_new(c, c->pages > old.slots / 2 ? old.slots * 2 : old.slots);
	for (uint64_t w = 0; w < old.slots / 64; w++)
		for (uint64_t left = old.bit[w]; left; left &= left - 1) {
			uint64_t s = w * 64 + (unsigned)__builtin_ctzll(left);

			slot_set(c, live);
			c->owner[live] = old.owner[s];
			*replay_entry(&c->world, old.owner[s]) = (live + 1) << 1;
			live++;
		}
	c->now = live;
	rooms_free(&old);
}

static int new_page(struct vm_curve *c, uint64_t ref, uint64_t **entry, struct err *e)
{
	if (replay_no_table(&c->world, *entry) && replay_make(&c->world, ref, entry, e))
		return -e->code;
	if (c->pages == c->found_room) {
		uint64_t room = MAX(256, c->found_room * 2);

		c->found = g_renew(uint64_t, c->found, room);
		memset(c->found + c->found_room, 0, (room - c->found_room) * 8);
		c->found_room = room;
	}
	c->pages++;
	return 0;
}

/* The page whose entry that is comes to the top of the stack. */
static inline void to_top(struct vm_curve *c, uint64_t *entry)
{
	if (G_UNLIKELY(c->now == c->slots))
		move_together(c);
	if (*entry)
		slot_move(c, (*entry >> 1) - 1, c->now);
	else
		slot_set(c, c->now);
	c->owner[c->now] = replay_index(&c->world, entry);
	*entry = ++c->now << 1;
}

/*
 * The two pages at the top are told apart from the rest without slots: `newer` has the last slot, `older` the one before;
 * which of the two really was the last, `swapped` says until another page is referenced.
 */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("popcnt", "default")))
#endif
int vm_curve_run(struct vm_curve *c, const uint64_t *refs, size_t n, struct err *e)
{
	uint64_t newer = UINT64_MAX, older = UINT64_MAX, second = 0, *newer_entry = NULL, *older_entry = NULL, near = 0;
	bool swapped = false;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t where = vm_ref_where(refs[i]), *entry;
		bool is_older = where == older;

		if (is_older | (where == newer)) {
			near++;
			second += is_older != swapped;
			swapped = is_older;
			continue;
		}
		if (swapped) {
			to_top(c, older_entry);
		} else {
			older = newer;
			older_entry = newer_entry;
		}
		swapped = false;
		entry = replay_walk(&c->world, refs[i]);
		if (*entry)
			c->found[bits_behind(c, (*entry >> 1) - 1)]++;
		else if (new_page(c, refs[i], &entry, e)) {
			r = -e->code;
			newer = UINT64_MAX;
			break;
		}
		to_top(c, entry);
		c->refs++;
		newer = where;
		newer_entry = entry;
	}
	if (swapped)
		to_top(c, older_entry);
	c->refs += near;
	if (near > 0)
		c->found[0] += near - second;
	if (second > 0)
		c->found[1] += second;
	return r;
}

uint64_t vm_curve_refs(const struct vm_curve *c) { return c->refs; }
uint64_t vm_curve_pages(const struct vm_curve *c) { return c->pages; }

bool vm_curve_next(const struct vm_curve *c, uint64_t *frames, uint64_t *misses)
{
	if (*frames >= c->pages)
		return false;
	if (*frames == 0)
		*misses = c->refs;
	*misses -= c->found[(*frames)++];
	return true;
}
