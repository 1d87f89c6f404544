/* replay_recency.c - frames put in order by radix sort, the low digits first. */
#include "replay_recency.h"

#include "sparse.h"

#include <glib.h>

enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };

static uint32_t *array_new(uint32_t frames)
{
	uint32_t *p = sparse_new((uint64_t)frames * sizeof(p[0]));

	if (!p)
		g_error("no memory for the order of %u frames", frames);
	return p;
}

void recency_init(struct recency *o, uint32_t frames)
{
	*o = (struct recency){ .number = array_new(frames), .order = array_new(frames), .room = array_new(frames), .frames = frames,
			       .at = frames };
}

void recency_clear(struct recency *o)
{
	uint64_t bytes = (uint64_t)o->frames * sizeof(o->number[0]);

	sparse_free(o->number, bytes);
	sparse_free(o->order, bytes);
	sparse_free(o->room, bytes);
	*o = (struct recency){ 0 };
}

uint64_t recency_bytes(const struct recency *o)
{
	return (uint64_t)o->frames * 3 * sizeof(o->number[0]);
}

/* By one digit of what is more than `least`: from -> to. */
static void spread(const struct recency *o, const uint32_t *from, uint32_t *to, uint32_t n, uint32_t least, unsigned shift)
{
	uint32_t place[DIGITS] = { 0 }, sum = 0;

	for (uint32_t i = 0; i < n; i++)
		place[(o->number[from[i]] - least) >> shift & (DIGITS - 1)]++;
	for (unsigned d = 0; d < DIGITS; d++) {
		uint32_t count = place[d];

		place[d] = sum;
		sum += count;
	}
	for (uint32_t i = 0; i < n; i++)
		to[place[(o->number[from[i]] - least) >> shift & (DIGITS - 1)]++] = from[i];
}

void recency_order(struct recency *o, uint32_t n)
{
	uint32_t least = UINT32_MAX, most = 0;

	for (uint32_t f = 0; f < n; f++) {
		least = MIN(least, o->number[f]);
		most = MAX(most, o->number[f]);
		o->order[f] = f;
	}
	for (unsigned shift = 0; shift < 32 && n > 0 && (most - least) >> shift; shift += DIGIT_BITS) {
		uint32_t *to = o->room;

		spread(o, o->order, to, n, least, shift);
		o->room = o->order;
		o->order = to;
	}
	o->at = 0;
}

void recency_expect(struct recency *o, uint64_t now, uint64_t n, uint32_t used)
{
	if (now + n - o->base <= UINT32_MAX)
		return;
	recency_order(o, used);
	for (uint32_t i = 0; i < used; i++)
		o->number[o->order[i]] = i;
	o->base = now - used;
	o->ordered = used;
	o->at = used < o->frames ? o->frames : 0;
}
