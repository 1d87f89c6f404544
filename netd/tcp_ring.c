/* tcp_ring.c - a queue of bytes. */
#include "tcp.h"

enum { RING_FIRST = 4096 };

void ring_clear(struct ring *r)
{
	g_free(r->data);
	*r = (struct ring){ 0 };
}

void ring_get(const struct ring *r, uint32_t offset, void *bytes, uint32_t len)
{
	uint32_t at = (r->head + offset) & (r->capacity - 1), first = MIN(len, r->capacity - at);

	if (len == 0)
		return;
	memcpy(bytes, r->data + at, first);
	memcpy((uint8_t *)bytes + first, r->data, len - first);
}

/* Its first `len` bytes in new memory; what came out of order lies behind `used`. */
static void ring_move(struct ring *r, uint32_t capacity, uint32_t len)
{
	uint8_t *data = g_malloc(capacity);

	if (r->capacity)
		ring_get(r, 0, data, len);
	g_free(r->data);
	r->data = data;
	r->capacity = capacity;
	r->head = 0;
}

static uint32_t capacity_for(uint32_t least, uint32_t size)
{
	while (least < size)
		least *= 2;
	return least;
}

void ring_reserve(struct ring *r, uint32_t size)
{
	if (size > r->capacity)
		ring_move(r, capacity_for(r->capacity ? r->capacity : RING_FIRST, size), r->capacity);
}

void ring_fit(struct ring *r, uint32_t size)
{
	uint32_t capacity = capacity_for(RING_FIRST, size);

	if (capacity < r->capacity)
		ring_move(r, capacity, size);
}

void ring_put(struct ring *r, uint32_t offset, const void *bytes, uint32_t len)
{
	uint32_t at, first;

	if (len == 0)
		return;
	ring_reserve(r, offset + len);
	at = (r->head + offset) & (r->capacity - 1);
	first = MIN(len, r->capacity - at);
	memcpy(r->data + at, bytes, first);
	memcpy(r->data, (const uint8_t *)bytes + first, len - first);
}

void ring_drop(struct ring *r, uint32_t len)
{
	r->used -= len;
	if (r->capacity)
		r->head = (r->head + len) & (r->capacity - 1);
}

void ring_pieces(const struct ring *r, uint32_t offset, uint32_t len, struct net_piece piece[2])
{
	uint32_t at = r->capacity ? (r->head + offset) & (r->capacity - 1) : 0, first = MIN(len, r->capacity - at);

	piece[0] = (struct net_piece){ r->data + at, first };
	piece[1] = (struct net_piece){ r->data, len - first };
}
