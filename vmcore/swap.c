/* swap.c - slots of the swap area. A page may be one byte, so slots cost nothing before they are first used. */
#include "swap.h"

struct slot {
	uint32_t count : 31, exclusive : 1;
	uint32_t frame;              /* PFN + 1 of the swap cache; 0: none */
	uint8_t *bytes;              /* NULL until first asked for */
};

struct swap_area {
	struct vm_host *host;
	uint32_t slots, used, hint;  /* no slot below `hint` is free */
	uint32_t top, room;          /* no slot from `top` on has ever been used; entries in `slot` */
	struct slot *slot;
};

struct swap_area *swap_new(struct vm_host *h, uint64_t bytes)
{
	uint64_t n = bytes >> h->geometry.page_bits;
	struct swap_area *s;

	if (n == 0)
		return NULL;
	s = g_new0(struct swap_area, 1);
	s->host = h;
	s->slots = (uint32_t)MIN(n, SWAP_NONE - 1);
	return s;
}

void swap_free(struct swap_area *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; i < s->top; i++)
		g_free(s->slot[i].bytes);
	g_free(s->slot);
	g_free(s);
}

uint64_t swap_slots(const struct swap_area *s)
{
	return s ? s->slots : 0;
}

uint32_t swap_top(const struct swap_area *s)
{
	return s ? s->top : 0;
}

uint64_t swap_slots_free(const struct swap_area *s)
{
	return s ? s->slots - s->used : 0;
}

bool swap_is_tight(const struct swap_area *s)
{
	return swap_slots_free(s) * 2 < swap_slots(s);
}

static bool is_free(const struct swap_area *s, uint32_t slot)
{
	return s->slot[slot].count == 0 && s->slot[slot].frame == 0;
}

/* The count or the cache of a slot has gone. */
static void settle(struct swap_area *s, uint32_t slot)
{
	if (!is_free(s, slot))
		return;
	g_clear_pointer(&s->slot[slot].bytes, g_free);
	s->slot[slot].exclusive = 0;
	s->used--;
	s->hint = MIN(s->hint, slot);
}

/* Makes slot `top` usable. */
static bool grow(struct swap_area *s)
{
	if (s->top == s->room) {
		uint32_t room = (uint32_t)MIN((uint64_t)s->room * 2 + 64, s->slots);
		struct slot *more = g_try_renew(struct slot, s->slot, room);

		if (!more)
			return false;
		s->slot = more;
		s->room = room;
	}
	s->slot[s->top++] = (struct slot){ 0 };
	return true;
}

uint32_t swap_alloc(struct swap_area *s)
{
	if (!s)
		return SWAP_NONE;
	while (s->hint < s->top && !is_free(s, s->hint))
		s->hint++;
	if (s->hint == s->slots || (s->hint == s->top && !grow(s)))
		return SWAP_NONE;
	s->slot[s->hint].count = 1;
	s->used++;
	return s->hint++;
}

void swap_retain(struct swap_area *s, uint32_t slot)
{
	assert(!is_free(s, slot));
	s->slot[slot].count++;
}

void swap_release(struct swap_area *s, uint32_t slot)
{
	assert(s->slot[slot].count > 0);
	s->slot[slot].count--;
	settle(s, slot);
}

uint32_t swap_count(const struct swap_area *s, uint32_t slot)
{
	return s->slot[slot].count;
}

uint8_t *swap_bytes(struct swap_area *s, uint32_t slot)
{
	if (!s->slot[slot].bytes)
		s->slot[slot].bytes = g_malloc0(page_size(s->host));
	return s->slot[slot].bytes;
}

pfn_t swap_cached(const struct swap_area *s, uint32_t slot)
{
	return s->slot[slot].frame ? s->slot[slot].frame - 1 : PFN_NONE;
}

void swap_set_cached(struct swap_area *s, uint32_t slot, pfn_t pfn)
{
	s->slot[slot].frame = pfn == PFN_NONE ? 0 : (uint32_t)pfn + 1;
	if (pfn == PFN_NONE)
		settle(s, slot);
}

bool swap_exclusive(const struct swap_area *s, uint32_t slot)
{
	return s->slot[slot].exclusive;
}

void swap_set_exclusive(struct swap_area *s, uint32_t slot, bool exclusive)
{
	s->slot[slot].exclusive = exclusive;
}
