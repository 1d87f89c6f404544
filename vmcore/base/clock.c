/* clock.c - a binary heap of timers ordered by (time, sequence). */
#include "clock.h"

void clock_init(struct clock *c)
{
	*c = (struct clock){ .heap = g_ptr_array_new() };
}

void clock_clear(struct clock *c)
{
	g_assert(c->heap->len == 0);
	g_ptr_array_free(c->heap, TRUE);
	c->heap = NULL;
}

static struct timer *heap_at(const struct clock *c, size_t i)
{
	return c->heap->pdata[i];
}

static void heap_put(struct clock *c, size_t i, struct timer *t)
{
	c->heap->pdata[i] = t;
	t->slot = i + 1;
}

static bool earlier(const struct timer *a, const struct timer *b)
{
	return a->at < b->at || (a->at == b->at && a->sequence < b->sequence);
}

static void sift(struct clock *c, size_t i)
{
	struct timer *t = heap_at(c, i);

	while (i > 0 && earlier(t, heap_at(c, (i - 1) / 2))) {
		heap_put(c, i, heap_at(c, (i - 1) / 2));
		i = (i - 1) / 2;
	}
	for (size_t child; (child = 2 * i + 1) < c->heap->len; i = child) {
		if (child + 1 < c->heap->len && earlier(heap_at(c, child + 1), heap_at(c, child)))
			child++;
		if (!earlier(heap_at(c, child), t))
			break;
		heap_put(c, i, heap_at(c, child));
	}
	heap_put(c, i, t);
}

static void set(struct clock *c, struct timer *t, ns_t at, uint64_t sequence)
{
	if (!timer_is_set(t)) {
		g_ptr_array_add(c->heap, t);
		t->slot = c->heap->len;
		c->busy += !t->idle;
	}
	t->at = at;
	t->sequence = sequence;
	sift(c, t->slot - 1);
}

void clock_set(struct clock *c, struct timer *t, ns_t at)
{
	set(c, t, MAX(at, c->now), c->sequence++);
}

uint64_t clock_reserve(struct clock *c)
{
	c->reserved++;
	c->busy++;
	return c->sequence++;
}

void clock_set_reserved(struct clock *c, struct timer *t, ns_t at, uint64_t sequence)
{
	clock_give_back(c);
	set(c, t, at, sequence);
}

void clock_give_back(struct clock *c)
{
	c->reserved--;
	c->busy--;
}

void clock_cancel(struct clock *c, struct timer *t)
{
	size_t i = t->slot - 1;
	struct timer *last;

	if (!timer_is_set(t))
		return;
	last = heap_at(c, c->heap->len - 1);
	g_ptr_array_set_size(c->heap, (gint)c->heap->len - 1);
	t->slot = 0;
	c->busy -= !t->idle;
	if (last != t) {
		heap_put(c, i, last);
		sift(c, i);
	}
}

bool clock_next(const struct clock *c, ns_t *at)
{
	if (c->heap->len == 0)
		return false;
	*at = heap_at(c, 0)->at;
	return true;
}

bool clock_next_busy(const struct clock *c, ns_t *at)
{
	bool found = false;

	if (c->busy == 0)
		return false;
	if (!heap_at(c, 0)->idle) {
		*at = heap_at(c, 0)->at;
		return true;
	}
	for (size_t i = 0; i < c->heap->len; i++)
		if (!heap_at(c, i)->idle && (!found || heap_at(c, i)->at < *at)) {
			*at = heap_at(c, i)->at;
			found = true;
		}
	return found;
}

bool clock_step(struct clock *c)
{
	struct timer *t;

	if (c->heap->len == 0)
		return false;
	t = heap_at(c, 0);
	c->now = MAX(c->now, t->at);
	clock_cancel(c, t);
	t->fire(t);
	return true;
}

bool clock_run(struct clock *c, ns_t until, uint64_t max)
{
	ns_t at;

	while (clock_next(c, &at) && at <= until) {
		if (max-- == 0)
			return false;
		clock_step(c);
	}
	c->now = MAX(c->now, until);
	return true;
}
