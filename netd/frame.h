/*
 * frame.h - frames: counted references to bytes with room for headers in front.
 *
 * A frame that others may hold (the wire's log, other receivers of a broadcast) is never written;
 * frame_own() gives one that may be. Sizes come in three classes kept on free lists.
 */
#ifndef NETD_FRAME_H
#define NETD_FRAME_H

#include "units.h"

#include <string.h>

enum {
	FRAME_HEADER = 14,                /* Ethernet */
	FRAME_MIN    = 60,
	FRAME_MAX    = FRAME_HEADER + 65535,
	FRAME_FRONT  = 2,                 /* makes the IP header 4-byte aligned */
	FRAME_L3     = FRAME_FRONT + FRAME_HEADER,
	FRAME_CLASSES = 3
};

struct frame_pool {
	struct frame *free[FRAME_CLASSES];
	uint32_t      kept[FRAME_CLASSES];
	uint64_t      live;               /* frames in use: 0 at the end, or one has leaked */
};

struct frame {
	struct frame_pool *pool;
	struct frame      *next;          /* in a queue or on a free list */
	uint32_t           refs;
	uint8_t            class;
	bool               fcs_bad;       /* corrupted on the way, and the FCS tells */
	bool               sum_good;      /* the transport's checksum was made from these very bytes: no need to look again */
	uint32_t           capacity;
	uint32_t           start, end;    /* of the bytes in use, offsets in data[] */
	uint8_t            data[];
};

/* A frame with `len` bytes of room after offset `start`; start == end. */
struct frame *frame_new(struct frame_pool *pool, uint32_t start, uint32_t len);
static inline struct frame *frame_hold(struct frame *f) { f->refs++; return f; }
void          frame_put(struct frame *f);
/* Consumes the reference and returns a frame with the same bytes that nobody else holds. */
struct frame *frame_own(struct frame *f);
struct frame *frame_copy(const struct frame *f);
void          frame_pool_clear(struct frame_pool *pool);

static inline uint8_t *frame_bytes(struct frame *f) { return f->data + f->start; }
static inline uint32_t frame_len(const struct frame *f) { return f->end - f->start; }

struct frame_queue { struct frame *head, *tail; uint32_t count; };
static inline void frame_queue_add(struct frame_queue *q, struct frame *f)
{
	f->next = NULL;
	if (q->tail)
		q->tail->next = f;
	else
		q->head = f;
	q->tail = f;
	q->count++;
}
static inline struct frame *frame_queue_take(struct frame_queue *q)
{
	struct frame *f = q->head;

	if (f) {
		q->head = f->next;
		q->tail = q->head ? q->tail : NULL;
		q->count--;
	}
	return f;
}
static inline void frame_queue_clear(struct frame_queue *q)
{
	struct frame *f;

	while ((f = frame_queue_take(q)))
		frame_put(f);
}

/* Fields of headers, in network order. */
static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return __builtin_bswap32(v);
}
static inline void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static inline void put32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "get32 and the checksum swap bytes");

#endif
