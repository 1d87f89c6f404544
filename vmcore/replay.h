/*
 * replay.h - a replay inside the engine, and what a policy's loop sees of it.
 *
 * Per frame there are the policy's arrays and `mapped`, the place of the leaf entry that maps it; a page has its leaf
 * entry and nothing else. A reference walks to the entry; present, it sets A (and D) there, as the MMU would; the used
 * bit that policies look at is that A bit.
 */
#ifndef VMCORE_REPLAY_H
#define VMCORE_REPLAY_H

#include "replay_known.h"
#include "replay_tlb.h"
#include "replay_world.h"

#define POLICY_OWN_BITS
#define POLICY_OWN_PAGES
#include "policy/policy.h"
#include "replay_furthest.h"
#include "replay_least.h"

#include "replay_recency.h"

/* What some policies of replays need besides. */
enum {
	POLICY_OWN_HITS = 1 << 16,   /* a hit changes nothing but what its frame has: they may be told without a walk */
	POLICY_ORDER = 1 << 17, POLICY_KEYS = 1 << 18,
};
enum { SOON = 6 };              /* frames */

typedef int replay_loop_fn(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e);

struct replay_policy {
	const char *name;
	unsigned needs;
	replay_loop_fn *run[3];     /* enum vm_replay_path */
	const struct policy_param *params; /* or NULL */
};
extern const struct replay_policy replay_policies[];  /* replay_policies.c; ends with a NULL name */

/* opt: a set of places in the trace, one bit each, and a bit a word in the level above. */
struct places { uint64_t *level[6], words[6]; unsigned levels; };
static inline void places_add(struct places *s, uint64_t at)
{
	for (unsigned k = 0; k < s->levels; k++, at >>= 6) {
		uint64_t *word = &s->level[k][at >> 6], was = *word;

		*word = was | (uint64_t)1 << (at & 63);
		if (was)
			return;
	}
}
void places_remove(struct places *s, uint64_t at);
uint64_t places_last(const struct places *s);   /* UINT64_MAX: none */

struct vm_replay {
	struct replay_world world;
	struct policy policy;
	uint32_t *mapped;           /* by frame: replay_index() of its page's entry */
	uint32_t  used;             /* frames taken so far */
	uint32_t  frames;
	uint64_t  refs, misses, cold, writebacks;
	uint32_t  victim;           /* index of the page that went last; 0: none */
	enum vm_replay_path path;
	const struct replay_policy *kind;
	struct replay_tlb tlb;
	struct replay_known known;
	uint64_t  passed;           /* references of this call that were not known */
	bool      filtered;         /* in this piece */
	bool      steady;           /* nearly all of the last piece's were known */
	unsigned  rest;             /* pieces to go without it */
	unsigned  changing;         /* of the last PATHS walks, groups of WALK_MANY in which some entry changed */
	/* opt */
	const uint32_t *next_use;
	const uint64_t *opt_refs;
	uint64_t  next_use_count, noted /* what references before that one say is known */;
	struct furthest needed;     /* each page's next use */
	struct places useless;      /* places that loaded pages which have none */
	struct recency recency;     /* lru */
	struct least least;         /* lfu */
};

static inline uint64_t *mapped_entry(const struct vm_replay *r, uint32_t f)
{
	return replay_entry(&r->world, r->mapped[f]);
}
static inline uint32_t entry_frame(const struct vm_replay *r, uint64_t entry)
{
	return (uint32_t)(entry >> 12 & r->world.user_mask);
}

/*
 * Whatever stands in front of the page table forgets the page, whose leaf entry held that. What has no A is not there: it comes
 * by a walk, which sets A, and goes when A is cleared.
 */
static inline void replay_drop(struct vm_replay *r, uint32_t index, uint64_t entry)
{
	if (!(entry & ENTRY_A))
		return;
	if (r->filtered)
		known_drop(&r->known, index);
	if (r->path == VM_REPLAY_TLB)
		replay_tlb_drop(&r->tlb, index);
}

static inline bool policy_used(struct policy *p, uint32_t f)
{
	return *mapped_entry(p->machine, f) & ENTRY_A;
}
static inline void policy_use(struct policy *p, uint32_t f)
{
	*mapped_entry(p->machine, f) |= ENTRY_A;
}
static inline void policy_unuse(struct policy *p, uint32_t f)
{
	struct vm_replay *r = p->machine;
	uint64_t *entry = mapped_entry(r, f), was = *entry;

	*entry = was & ~ENTRY_A;
	replay_drop(r, r->mapped[f], was);
}
static inline bool policy_dirty(struct policy *p, uint32_t f)
{
	return *mapped_entry(p->machine, f) & ENTRY_D;
}
/* Pages are told apart by the place of their entry. */
static inline uint64_t policy_page(const struct policy *p, uint32_t f)
{
	return ((const struct vm_replay *)p->machine)->mapped[f];
}
static inline void policy_page_put(struct policy *p, uint32_t f, uint64_t page)
{
}
static inline bool policy_is_file(struct policy *p, uint32_t f)
{
	return false;
}
static inline uint32_t policy_surely(struct policy *p, uint32_t f)
{
	return 0;
}
static inline void policy_looked(struct policy *p, uint32_t f, uint32_t value)
{
}
/* In a ring it is some frames further on that there is still time for. */
static inline void policy_soon(struct policy *p, uint32_t f)
{
	for (unsigned k = 0; k < SOON && p->next; k++)
		f = p->next[f];
	__builtin_prefetch(mapped_entry(p->machine, f), 1);
}
static inline void policy_scans(struct policy *p, uint32_t near, uint32_t far)
{
}

/*
 * Policies that want to know each hit get to know those of the two pages referenced last together, once something else is
 * referenced: first all of the one, then all of the other, which was referenced last. Since no page came or went meanwhile
 * that leaves a policy as it would be, if only the order of the pages' last references matters to it, and their numbers.
 */
struct replay_pair {
	uint64_t older, newer;      /* by what the policy knows */
	uint32_t older_f, newer_f;  /* their frames */
	uint32_t older_hits, newer_hits; /* not told yet */
	bool     older_last;        /* in fact the older was referenced last */
};
#define PAIR_NONE UINT64_MAX
#define REPLAY_PAIR_NONE { .older = PAIR_NONE, .newer = PAIR_NONE }

/* By page and D: what a reference's must be, once the last bit is set if `mask` is, since a load does not care for D. */
static inline uint64_t pair_key(uint64_t ref) { return ref << 2 >> 1 | 1; }
static inline uint64_t pair_mask(uint64_t ref) { return !vm_ref_stores(ref); }

/* What must be `key` is the id of a page with the bits of `mask` set. */
static inline bool pair_has(struct replay_pair *two, uint64_t key, uint64_t mask)
{
	bool older = (two->older | mask) == key, newer = (two->newer | mask) == key;

	if (!(older | newer))
		return false;
	two->newer_hits += newer;
	two->older_hits += !newer;
	two->older_last = !newer;
	return true;
}

/* Another page has been referenced; everything is told. `alone`: it may have driven out any other. */
static inline void pair_put(struct replay_pair *two, uint64_t id, uint32_t f, bool alone)
{
	if (!two->older_last) {
		two->older = two->newer;
		two->older_f = two->newer_f;
	}
	if (alone)
		two->older = PAIR_NONE;
	two->newer = id;
	two->newer_f = f;
	two->older_last = false;
}

/* The frame is another page's from now on: its entry says that the page went. */
static inline void replay_evict(struct vm_replay *r, uint32_t f)
{
	uint32_t index = r->mapped[f];
	uint64_t *entry = replay_entry(&r->world, index), was = *entry;

	r->writebacks += (was & ENTRY_D) != 0;
	*entry = ENTRY_WENT;
	r->victim = index;
	replay_drop(r, index, was);
}

static inline uint64_t entry_present_at(const struct vm_replay *r, uint32_t f, uint64_t ref)
{
	return (r->world.user_base + f) << 12 | ENTRY_P | 2 | 4 | ENTRY_A | (vm_ref_stores(ref) ? ENTRY_D : 0);
}

#endif
