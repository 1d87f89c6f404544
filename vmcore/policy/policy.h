/*
 * policy.h - replacement policies: which page goes so that another may come.
 *
 * Each policy is a header of its own name, static inline functions over a struct policy, so that the live machine
 * (policy/live.c) and replays of traces run the same text, each compiled into its own loop (but lru, lfu and opt, which replays
 * have in a way that makes hits cost nearly nothing: replay_lru.h, replay_opt.h):
 *
 *   void NAME_load(p, f, page)       `page` has come into frame f, which had none
 *   void NAME_hit(p, f)              the page in f was referenced again
 *   uint32_t NAME_victim(p, page)    the frame whose page goes so that `page` can come; it is out of the policy's lists
 *                                    already. At least one frame is in use.
 *   void NAME_forget(p, f)           the page in f has gone by itself (munmap, exit)
 *   void NAME_each(p, each, arg)     every frame in the order in which the policy would look at them now
 *
 * Pages are told apart by any number that stays the same while they are away (POLICY_NO_PAGE: nothing comes). Only
 * policies that remember pages which have gone ask for it. The reference that brings a page in is its load, not a hit.
 *
 * Most policies know who is next: they say so by policy_soon(), which changes nothing.
 *
 * State. What a policy knows of a frame lies in arrays indexed by frame, an array a field; lists are rings through prev and
 * next. A frame is in one struct policy at most, so several (one a process) may share the arrays.
 *
 * The used bit. Policies that look at one do so through policy_used() and policy_unuse(), dirty pages through
 * policy_dirty(): here they are bits in p->bits. Where they lie elsewhere (the A bits of page tables), POLICY_OWN_BITS is
 * defined and these functions come from there. NAME_hit() of such a policy is policy_use(). In the same way POLICY_OWN_PAGES
 * says that somebody else knows which page is in a frame, before NAME_load() and until NAME_victim() has returned.
 */
#ifndef VMCORE_POLICY_H
#define VMCORE_POLICY_H

#include "rng.h"
#include "units.h"

#include <assert.h>

#define POLICY_NONE    UINT32_MAX            /* no frame */
#define POLICY_NO_PAGE UINT64_MAX

enum { POLICY_USED = 1, POLICY_DIRTY = 2 };  /* p->bits */
enum { POLICY_RINGS = 5 };

struct policy_ring { uint32_t first, size; };    /* first: POLICY_NONE when empty; the last is prev[first] */

/* Frames by some value of theirs: a ring for each value that occurs, the lowest first. */
struct policy_class {
	struct policy_ring ring;
	uint32_t value;
	uint32_t up, down;           /* the class of the next higher and lower value; POLICY_NONE. Unused: `up` the next unused */
};
struct policy_classes { struct policy_class *class; uint32_t room, unused, lowest; };
/* Pages that have gone but are remembered, in two lists, the oldest of each first. */
struct policy_ghost {
	uint64_t page;
	uint32_t prev, next;         /* ring of its list. Unused: `next` the next unused */
	uint32_t chain;              /* ring of its bucket: the next newer one, or of the newest the oldest */
	uint32_t list : 1, stamp : 31; /* linux: when it went */
};
static_assert(sizeof(struct policy_ghost) == 24, "with their buckets less than 32 bytes a page, however full they are");
struct policy_ghosts {
	struct policy_ghost *at;
	uint32_t room, unused;
	/*
	 * The low `bits` of a bucket: the newest of its ring. Those above: marks, of which each ghost sets one, so that most pages that
	 * are no ghosts are known by the bucket alone. Some may be left of ghosts that have gone; 0: none.
	 */
	uint32_t *bucket, buckets;   /* a power of two, at least half of `room` */
	unsigned bits;
	struct policy_ring list[2];
};

struct policy {
	/* By frame. Not all policies need all: those may be NULL, see NAME_NEEDS. */
	uint32_t *prev, *next, *count, *bits;
	uint64_t *page;
	uint32_t frames;             /* of the arrays */
	bool     shared;             /* the arrays are another's */
	uint32_t size;               /* frames with a page of this policy's */
	uint32_t hand;
	struct policy_ring ring[POLICY_RINGS];
	uint64_t param[4];           /* what each means, NAME_params say */
	double   moved;              /* arc: how far its target is from where it began */
	uint64_t now;                /* references so far; set before NAME_load, _hit and _victim by whom it matters to */
	uint64_t ticked;
	uint32_t *pool;              /* random: the frames in use */
	uint32_t pool_room;
	struct rng random;
	struct { uint64_t number; uint32_t size, place; } ahead[4]; /* random: what it draws next, and the place that is in a pool of that size */
	uint64_t drawn;              /* random: numbers used so far */
	struct policy_classes classes;   /* lfu */
	struct policy_ghosts ghosts;     /* 2q, arc, s3fifo, linux */
	uint64_t back_page;          /* NAME_victim() has found that this page comes back */
	uint32_t back_list;          /* from that list of ghosts, which has forgotten it */
	void *machine;               /* for own bits */
};

/* What a policy needs. */
enum {
	POLICY_LINKS = 1,            /* prev, next */
	POLICY_COUNT = 2,            /* count */
	POLICY_BITS = 4,             /* looks at used bits */
	POLICY_MODIFIED = 8,         /* looks at dirty bits */
	POLICY_PAGES = 16,           /* page */
	POLICY_HITS = 32,            /* each single reference, not only whether there were any */
	POLICY_FRESH_UNUSED = 64,    /* a load leaves the used bit clear */
	POLICY_GHOSTS = 128, POLICY_CLASSES = 256,
	POLICY_SEED = 512,
	POLICY_FUTURE = 2048,        /* the references to come */
	POLICY_HAND = 1024,          /* has one: `hand`, or if that is POLICY_NONE, where ring 0 begins */
};

/*
 * An empty policy with arrays of its own for `frames` frames, as `needs` (NAME_NEEDS) says. policy_share(): with the
 * arrays of `of`, which stays until after policy_clear(). param[] is the caller's to fill in afterwards.
 */
void policy_init(struct policy *p, unsigned needs, uint32_t frames, uint64_t seed);
void policy_share(struct policy *p, unsigned needs, const struct policy *of, uint64_t seed);
void policy_clear(struct policy *p);
void policy_dense(struct policy *p);             /* most frames are in use: sparse.h */
void policy_classes_grow(struct policy_classes *c);
void policy_pool_grow(struct policy *p);
void policy_ghosts_grow(struct policy_ghosts *g);

/* Bytes taken: *by_frame by what each frame has, *by_page by what there is for pages that were met. */
void policy_memory(const struct policy *p, uint64_t *by_frame, uint64_t *by_page);

typedef void policy_each_fn(void *arg, const char *list, uint32_t f);


/* How many evictions before its own a frame is best told to policy_soon(). */
#ifndef POLICY_AHEAD
#define POLICY_AHEAD 0
#endif
static inline void policy_soon(struct policy *p, uint32_t f);
static inline void policy_scans(struct policy *p, uint32_t near, uint32_t far);

#ifndef POLICY_OWN_BITS
static inline bool policy_used(struct policy *p, uint32_t f)
{
	return p->bits[f] & POLICY_USED;
}
static inline void policy_unuse(struct policy *p, uint32_t f)
{
	p->bits[f] &= ~(uint32_t)POLICY_USED;
}
static inline void policy_use(struct policy *p, uint32_t f)
{
	p->bits[f] |= POLICY_USED;
}
static inline bool policy_dirty(struct policy *p, uint32_t f)
{
	return p->bits[f] & POLICY_DIRTY;
}
/* As much of POLICY_USED and POLICY_DIRTY as is known to be set without a closer look; where it says some, that counts as a look. */
static inline uint32_t policy_surely(struct policy *p, uint32_t f)
{
	return 0;
}
/* Something other than bits was looked at: for who wants to know the candidates. */
static inline void policy_looked(struct policy *p, uint32_t f, uint32_t value)
{
}
/* The frame will go soon, probably: what is known of it may come from memory meanwhile. The calls before that bring it on. */
static inline void policy_soon(struct policy *p, uint32_t f)
{
}
/* A scan will look at `near` soon, and later at `far`. */
static inline void policy_scans(struct policy *p, uint32_t near, uint32_t far)
{
}
/* A page of a file, not anonymous memory. */
static inline bool policy_is_file(struct policy *p, uint32_t f)
{
	return false;
}
#endif

/* Which page is in the frame: for who has no other way to know. */
#ifndef POLICY_OWN_PAGES
static inline uint64_t policy_page(const struct policy *p, uint32_t f)
{
	return p->page[f];
}
static inline void policy_page_put(struct policy *p, uint32_t f, uint64_t page)
{
	p->page[f] = page;
}
#endif

/* Rings. `first` is the oldest, or where the hand stands; what is added comes before it: last in turn. */

static inline void ring_clear(struct policy_ring *r)
{
	r->first = POLICY_NONE;
	r->size = 0;
}

static inline void ring_add(struct policy *p, struct policy_ring *r, uint32_t f)
{
	uint32_t first = r->first, last;

	r->size++;
	if (first == POLICY_NONE) {
		p->prev[f] = p->next[f] = r->first = f;
		return;
	}
	last = p->prev[first];
	p->prev[f] = last;
	p->next[f] = first;
	p->next[last] = f;
	p->prev[first] = f;
}

static inline void ring_remove(struct policy *p, struct policy_ring *r, uint32_t f)
{
	uint32_t prev = p->prev[f], next = p->next[f];

	p->next[prev] = next;
	p->prev[next] = prev;
	if (--r->size == 0)
		r->first = POLICY_NONE;
	else if (r->first == f)
		r->first = next;
}

/* To the end of the same ring. */
static inline void ring_renew(struct policy *p, struct policy_ring *r, uint32_t f)
{
	uint32_t first = r->first, last, prev, next;

	if (f == first) {
		r->first = p->next[f];
		return;
	}
	last = p->prev[first];
	if (f == last)
		return;
	prev = p->prev[f];
	next = p->next[f];
	p->next[prev] = next;
	p->prev[next] = prev;
	p->prev[f] = last;
	p->next[f] = first;
	p->next[last] = f;
	p->prev[first] = f;
}

static inline uint32_t ring_last(const struct policy *p, const struct policy_ring *r)
{
	return r->first == POLICY_NONE ? POLICY_NONE : p->prev[r->first];
}

/* Takes the first out. */
static inline uint32_t ring_pop(struct policy *p, struct policy_ring *r)
{
	uint32_t f = r->first;

	ring_remove(p, r, f);
	return f;
}

/* Its first are the next victims. */
static inline void ring_soon(struct policy *p, const struct policy_ring *r)
{
	uint32_t f = r->first;

	if (f == POLICY_NONE)
		return;
	for (int i = 0; i < POLICY_AHEAD; i++)
		f = p->next[f];
	policy_soon(p, f);
}

/* A scan through a ring looks ahead: far ahead once it has become long. */
enum { SCAN_AHEAD = 8 };
struct policy_scan { uint32_t steps, near, far; };

static inline void scan_steps(struct policy *p, struct policy_scan *s, uint32_t f)
{
	if (POLICY_AHEAD == 0) {
		policy_soon(p, p->next[p->next[f]]);
		return;
	}
	if (++s->steps <= SCAN_AHEAD) {
		s->near = p->next[f];
		s->far = p->next[s->near];
		for (unsigned i = 0; s->steps == SCAN_AHEAD && i < SCAN_AHEAD; i++) {
			s->near = p->next[s->near];
			s->far = p->next[p->next[s->far]];
		}
	} else {
		s->near = p->next[s->near];
		s->far = p->next[s->far];
	}
	policy_scans(p, s->near, s->far);
}

static inline void ring_each(const struct policy *p, const struct policy_ring *r, const char *list, policy_each_fn *each,
			     void *arg)
{
	uint32_t f = r->first;

	for (uint32_t n = r->size; n > 0; n--, f = p->next[f])
		each(arg, list, f);
}

/*
 * Pages side by side are often asked for one after the other: 16 of them share a cache line of buckets. The next 16 get another one,
 * by the golden section: so many in a row as there are lines are spread over nearly all of them.
 */
static inline uint64_t ghost_hash(uint64_t page)
{
	return (page >> 4) * 0x9e3779b97f4a7c15u;
}

static inline uint32_t *ghost_bucket(const struct policy_ghosts *g, uint64_t page)
{
	return &g->bucket[ghost_hash(page) >> (69 - g->bits) << 4 | (page & 15)];
}

static inline uint32_t ghost_mark(const struct policy_ghosts *g, uint64_t page)
{
	return (uint32_t)1 << (g->bits + ((ghost_hash(page) >> 26 & 63) * (32 - g->bits) >> 6));
}

static inline uint32_t ghost_newest(const struct policy_ghosts *g, uint32_t bucket)
{
	return bucket & (((uint32_t)1 << g->bits) - 1);
}

/*
 * The page will be looked for, or its ghost be removed, some evictions from now: `steps` are left. The bucket comes from memory
 * first, then the newest of its ring; at last, if the page may be a ghost, the oldest.
 */
static inline void ghost_soon(const struct policy_ghosts *g, uint64_t page, unsigned steps)
{
	const uint32_t *bucket = ghost_bucket(g, page);

	if (steps > 2) {
		__builtin_prefetch(bucket, 1);
		return;
	}
	if (!(*bucket & ghost_mark(g, page)))
		return;
	if (steps == 2)
		__builtin_prefetch(&g->at[ghost_newest(g, *bucket)], 1);
	else
		__builtin_prefetch(&g->at[g->at[ghost_newest(g, *bucket)].chain], 1);
}

/* The newest of that page: it may have been in two frames. */
static inline uint32_t ghost_find(struct policy_ghosts *g, uint64_t page)
{
	uint32_t *bucket, newest, i, marks = 0, found = POLICY_NONE;

	if (!g->room || page == POLICY_NO_PAGE)
		return POLICY_NONE;
	bucket = ghost_bucket(g, page);
	if (!(*bucket & ghost_mark(g, page)))
		return POLICY_NONE;
	i = newest = ghost_newest(g, *bucket);
	do {
		i = g->at[i].chain;
		if (g->at[i].page == page)
			found = i;
		marks |= ghost_mark(g, g->at[i].page);
	} while (i != newest);
	*bucket = marks | newest;                        /* no false alarm next time */
	return found;
}

static inline void ghost_enter(struct policy_ghosts *g, uint32_t i)
{
	struct policy_ghost *o = &g->at[i];
	uint32_t *bucket = ghost_bucket(g, o->page), newest = ghost_newest(g, *bucket), marks = *bucket ^ newest;

	o->chain = i;
	if (marks) {
		o->chain = g->at[newest].chain;
		g->at[newest].chain = i;
	}
	*bucket = marks | ghost_mark(g, o->page) | i;
}

static inline void ghost_leave(struct policy_ghosts *g, uint32_t i)
{
	struct policy_ghost *o = &g->at[i];
	uint32_t *bucket = ghost_bucket(g, o->page), newest = ghost_newest(g, *bucket), before = newest, marks = *bucket ^ newest;

	if (o->chain == i) {
		*bucket = 0;
		return;
	}
	while (g->at[before].chain != i)                 /* mostly it is the oldest */
		before = g->at[before].chain;
	g->at[before].chain = o->chain;
	if (o->chain == before)                          /* it is alone now */
		marks = ghost_mark(g, g->at[before].page);
	*bucket = marks | (newest == i ? before : newest);
}

static inline void ghost_remove(struct policy_ghosts *g, uint32_t i)
{
	struct policy_ghost *o = &g->at[i];
	struct policy_ring *r = &g->list[o->list];

	ghost_leave(g, i);
	g->at[o->prev].next = o->next;
	g->at[o->next].prev = o->prev;
	if (--r->size == 0)
		r->first = POLICY_NONE;
	else if (r->first == i)
		r->first = o->next;
	o->next = g->unused;
	g->unused = i;
}

/* The page becomes the newest of the list. Pages without a number leave no ghost. */
static inline void ghost_add(struct policy_ghosts *g, uint32_t list, uint64_t page, uint32_t stamp)
{
	struct policy_ring *r = &g->list[list];
	uint32_t i;

	if (page == POLICY_NO_PAGE)
		return;
	if (g->unused == POLICY_NONE)
		policy_ghosts_grow(g);
	i = g->unused;
	g->unused = g->at[i].next;
	g->at[i] = (struct policy_ghost){ page, i, i, i, list & 1, stamp & 0x7fffffff };
	ghost_enter(g, i);
	if (r->size++ == 0) {
		r->first = i;
		return;
	}
	g->at[i].prev = g->at[r->first].prev;
	g->at[i].next = r->first;
	g->at[g->at[i].prev].next = i;
	g->at[r->first].prev = i;
}

/* The oldest of a list are forgotten until at most `most` are left. */
static inline void ghost_trim(struct policy_ghosts *g, uint32_t list, uint32_t most)
{
	while (g->list[list].size > most) {
		uint32_t i = g->list[list].first, n = g->at[i].next;

		ghost_soon(g, g->at[n].page, 1);
		n = g->at[n].next;
		ghost_soon(g, g->at[n].page, 2);
		ghost_soon(g, g->at[g->at[n].next].page, 3);
		ghost_remove(g, i);
	}
}

/* A page that comes: was it a ghost? NAME_victim() asks before it makes ghosts of others. POLICY_NONE or its list. */
static inline uint32_t ghost_return(struct policy *p, uint64_t page)
{
	uint32_t i, list;

	if (p->back_page == page && page != POLICY_NO_PAGE) {
		p->back_page = POLICY_NO_PAGE;
		return p->back_list;
	}
	i = ghost_find(&p->ghosts, page);
	if (i == POLICY_NONE)
		return POLICY_NONE;
	list = p->ghosts.at[i].list;
	ghost_remove(&p->ghosts, i);
	return list;
}

static inline uint32_t ghost_expect(struct policy *p, uint64_t page)
{
	uint32_t list = ghost_return(p, page);

	p->back_page = list == POLICY_NONE ? POLICY_NO_PAGE : page;
	p->back_list = list;
	return list;
}

/* Parameters: a row each, ended by a NULL name. param[i] is row i's. */
struct policy_param {
	const char *name;
	uint64_t normal, least, most;
	bool     by_size;             /* frames, references or evictions: a machine of half the size wants half of it */
};

#endif
