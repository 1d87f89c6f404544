/* policy.c - the arrays and lists of a policy come and go. */
#include "policy.h"

#include "sparse.h"

#include <glib.h>
#include <string.h>

enum { LARGE = 2 << 20 /* bytes */, GHOSTS_MOST = 1 << 30 /* which take 24 GiB */ };

/* Pages of the array that are never touched cost nothing: RAM may have a million frames of which few are in use. */
static void *array_new(uint64_t bytes)
{
	void *p = sparse_new(bytes);

	if (!p)
		g_error("no memory for the %" G_GUINT64_FORMAT " bytes of a policy's array", bytes);
	return p;
}

static void lists_init(struct policy *p, unsigned needs, uint64_t seed)
{
	for (unsigned i = 0; i < POLICY_RINGS; i++)
		ring_clear(&p->ring[i]);
	p->hand = POLICY_NONE;
	p->classes.unused = p->classes.lowest = p->ghosts.unused = POLICY_NONE;
	ring_clear(&p->ghosts.list[0]);
	ring_clear(&p->ghosts.list[1]);
	p->back_page = POLICY_NO_PAGE;
	if (needs & POLICY_SEED)
		rng_seed(&p->random, seed, "policy");
}

void policy_init(struct policy *p, unsigned needs, uint32_t frames, uint64_t seed)
{
	*p = (struct policy){ .frames = frames };
	if (needs & POLICY_LINKS) {
		p->prev = array_new((uint64_t)frames * sizeof p->prev[0]);
		p->next = array_new((uint64_t)frames * sizeof p->next[0]);
	}
	if (needs & POLICY_COUNT)
		p->count = array_new((uint64_t)frames * sizeof p->count[0]);
	if (needs & (POLICY_BITS | POLICY_MODIFIED))
		p->bits = array_new((uint64_t)frames * sizeof p->bits[0]);
	if (needs & POLICY_PAGES)
		p->page = array_new((uint64_t)frames * sizeof p->page[0]);
	lists_init(p, needs, seed);
}

void policy_share(struct policy *p, unsigned needs, const struct policy *of, uint64_t seed)
{
	*p = (struct policy){ .prev = of->prev, .next = of->next, .count = of->count, .bits = of->bits, .page = of->page,
			      .frames = of->frames, .shared = true, .machine = of->machine };
	lists_init(p, needs, seed);
}

void policy_dense(struct policy *p)
{
	uint64_t n = p->shared ? 0 : p->frames;

	sparse_dense(p->prev, n * sizeof p->prev[0]);
	sparse_dense(p->next, n * sizeof p->next[0]);
	sparse_dense(p->count, n * sizeof p->count[0]);
	sparse_dense(p->bits, n * sizeof p->bits[0]);
	sparse_dense(p->page, n * sizeof p->page[0]);
}

void policy_clear(struct policy *p)
{
	if (!p->shared) {
		sparse_free(p->prev, (uint64_t)p->frames * sizeof p->prev[0]);
		sparse_free(p->next, (uint64_t)p->frames * sizeof p->next[0]);
		sparse_free(p->count, (uint64_t)p->frames * sizeof p->count[0]);
		sparse_free(p->bits, (uint64_t)p->frames * sizeof p->bits[0]);
		sparse_free(p->page, (uint64_t)p->frames * sizeof p->page[0]);
	}
	g_free(p->classes.class);
	g_free(p->pool);
	g_free(p->ghosts.at);
	g_free(p->ghosts.bucket);
	*p = (struct policy){ 0 };
}

void policy_classes_grow(struct policy_classes *c)
{
	uint32_t room = c->room + MAX(64, c->room / 2);

	c->class = g_renew(struct policy_class, c->class, room);
	for (uint32_t k = c->room; k < room; k++)
		c->class[k].up = k + 1 < room ? k + 1 : POLICY_NONE;
	c->unused = c->room;
	c->room = room;
}

void policy_pool_grow(struct policy *p)
{
	p->pool_room = p->pool_room ? p->pool_room * 2 : 64;
	p->pool = g_renew(uint32_t, p->pool, p->pool_room);
}

/* What is looked up here and there lies better in large real pages; those that lie wholly within. */
static void policy_large(void *at, uint64_t bytes)
{
	uintptr_t first = ((uintptr_t)at + LARGE - 1) & -(uintptr_t)LARGE, end = ((uintptr_t)at + bytes) & -(uintptr_t)LARGE;

	if (end > first)
		sparse_dense((void *)first, end - first);
}

static void policy_ghosts_spread(struct policy_ghosts *g, uint32_t buckets, uint32_t used)
{
	g->buckets = buckets;
	g->bits = (unsigned)__builtin_ctz(buckets) + 1;
	g->bucket = g_renew(uint32_t, g->bucket, buckets);
	policy_large(g->bucket, buckets * sizeof g->bucket[0]);
	memset(g->bucket, 0, buckets * sizeof g->bucket[0]);
	for (uint32_t i = 0; i < used; i++)
		ghost_enter(g, i);
}

void policy_ghosts_grow(struct policy_ghosts *g)
{
	uint32_t old = g->room, room = old + MAX(64, old / 8), buckets = MAX(64, g->buckets);

	if (room > GHOSTS_MOST)
		g_error("no memory to remember %u pages that have gone", room);
	while (buckets < room - room / 2)
		buckets *= 2;
	g->at = g_renew(struct policy_ghost, g->at, room);
	g->room = room;
	policy_large(g->at, room * sizeof g->at[0]);
	if (buckets != g->buckets)
		policy_ghosts_spread(g, buckets, old);   /* all are in use: that is why there is too little room */
	for (uint32_t i = old; i < room; i++)
		g->at[i].next = i + 1 < room ? i + 1 : POLICY_NONE;
	g->unused = old;
}

void policy_memory(const struct policy *p, uint64_t *by_frame, uint64_t *by_page)
{
	const void *const arrays[] = { p->prev, p->next, p->count, p->bits };

	*by_frame = p->page ? p->frames * sizeof p->page[0] : 0;
	for (unsigned i = 0; i < G_N_ELEMENTS(arrays); i++)
		*by_frame += arrays[i] ? p->frames * sizeof(uint32_t) : 0;
	*by_frame += p->pool_room * sizeof p->pool[0];
	*by_page = p->classes.room * sizeof p->classes.class[0] + p->ghosts.room * sizeof p->ghosts.at[0] +
		   p->ghosts.buckets * sizeof p->ghosts.bucket[0];
}
