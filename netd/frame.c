/* frame.c - frames and their free lists. */
#include "frame.h"

#include <glib.h>

static const uint32_t class_size[FRAME_CLASSES - 1] = { 192, 1664 };
enum { KEEP = 4096 };

struct frame *frame_new(struct frame_pool *pool, uint32_t start, uint32_t len)
{
	uint32_t need = start + len;
	uint8_t class = 0;
	struct frame *f;

	while (class < FRAME_CLASSES - 1 && need > class_size[class])
		class++;
	f = pool->free[class];
	if (f) {
		pool->free[class] = f->next;
		pool->kept[class]--;
	} else {
		uint32_t capacity = class < FRAME_CLASSES - 1 ? class_size[class] : need;

		f = g_malloc(sizeof(*f) + capacity);
		f->pool = pool;
		f->class = class;
		f->capacity = capacity;
	}
	pool->live++;
	f->next = NULL;
	f->refs = 1;
	f->fcs_bad = f->sum_good = false;
	f->start = f->end = start;
	return f;
}

void frame_put(struct frame *f)
{
	struct frame_pool *pool = f->pool;

	if (--f->refs > 0)
		return;
	pool->live--;
	if (f->class == FRAME_CLASSES - 1 || pool->kept[f->class] >= KEEP) {
		g_free(f);
		return;
	}
	f->next = pool->free[f->class];
	pool->free[f->class] = f;
	pool->kept[f->class]++;
}

struct frame *frame_copy(const struct frame *f)
{
	struct frame *copy = frame_new(f->pool, f->start, frame_len(f));

	copy->end = f->end;
	copy->fcs_bad = f->fcs_bad;
	copy->sum_good = f->sum_good;
	memcpy(copy->data + f->start, f->data + f->start, frame_len(f));
	return copy;
}

struct frame *frame_own(struct frame *f)
{
	struct frame *copy;

	if (f->refs == 1)
		return f;
	copy = frame_copy(f);
	frame_put(f);
	return copy;
}

void frame_pool_clear(struct frame_pool *pool)
{
	for (int i = 0; i < FRAME_CLASSES; i++)
		for (struct frame *f = pool->free[i], *next; f; f = next) {
			next = f->next;
			g_free(f);
		}
	*pool = (struct frame_pool){ .live = pool->live };
}
