/*
 * policy.h - replacement policies: which page goes so that another may come.
 *
 * Each policy is a header of its own name, static inline functions over a struct policy, so that the live machine
 * (policy/live.c) and replays of traces run the same text, each compiled into its own loop:
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
 * State. What a policy knows of a frame lies in arrays indexed by frame, an array a field; lists are rings through prev and
 * next. A frame is in one struct policy at most, so several (one a process) may share the arrays.
 *
 * The used bit. Policies that look at one do so through policy_used() and policy_unuse(), dirty pages through
 * policy_dirty(): here they are bits in p->bits. Where they lie elsewhere (the A bits of page tables), POLICY_OWN_BITS is
 * defined and these functions come from there. NAME_hit() of such a policy is policy_use().
 */
#ifndef VMCORE_POLICY_H
#define VMCORE_POLICY_H

#include "rng.h"
#include "units.h"

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
struct policy_ghosts;

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
	uint64_t now;                /* references so far; set before NAME_load, _hit and _victim by whom it matters to */
	uint64_t ticked;
	struct rng random;
	struct policy_classes classes;   /* lfu */
	struct policy_ghosts *ghosts;    /* 2q, arc, s3fifo */
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
	POLICY_POOL = 1024,          /* bits, as it likes */
};

/*
 * An empty policy with arrays of its own for `frames` frames, as `needs` (NAME_NEEDS) says. policy_share(): with the
 * arrays of `of`, which stays until after policy_clear(). param[] is the caller's to fill in afterwards.
 */
void policy_init(struct policy *p, unsigned needs, uint32_t frames, uint64_t seed);
void policy_share(struct policy *p, unsigned needs, const struct policy *of, uint64_t seed);
void policy_clear(struct policy *p);
void policy_classes_grow(struct policy_classes *c);

typedef void policy_each_fn(void *arg, const char *list, uint32_t f);


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
/* Something other than bits was looked at: for who wants to know the candidates. */
static inline void policy_looked(struct policy *p, uint32_t f, uint32_t value)
{
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

static inline void ring_each(const struct policy *p, const struct policy_ring *r, const char *list, policy_each_fn *each,
			     void *arg)
{
	uint32_t f = r->first;

	for (uint32_t n = r->size; n > 0; n--, f = p->next[f])
		each(arg, list, f);
}

/* Parameters: a row each, ended by a NULL name. param[i] is row i's. */
struct policy_param { const char *name; uint64_t normal, least, most; };

#endif
