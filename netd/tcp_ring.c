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

void ring_reserve(struct ring *r, uint32_t size)
{
	uint32_t capacity = r->capacity ? r->capacity : RING_FIRST;
	uint8_t *data;

	if (size <= r->capacity)
		return;
	while (capacity < size)
		capacity *= 2;
	data = g_malloc(capacity);
	if (r->capacity) /* all of it: what came out of order lies behind `used` */
		ring_get(r, 0, data, r->capacity);
	g_free(r->data);
	r->data = data;
	r->capacity = capacity;
	r->head = 0;
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
