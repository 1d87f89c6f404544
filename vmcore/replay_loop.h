/*
 * replay_loop.h - the loops of one policy, one for each way to the page table. Include with POLICY, POLICY_NEEDS and
 * POLICY_MOST defined (after a load, so many hits in a row make a difference to the policy; UINT32_MAX: lfu); it gives POLICY_walk_loop,
 * _filter_loop and _tlb_loop.
 */
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAMED(what) JOIN(POLICY, what)

/* The page is not there. *entry may be in frame 0 still. */
static int __attribute__((noinline)) NAMED(fault)(struct vm_replay *r, uint64_t ref, uint64_t *entry, uint64_t **at, struct err *e)
{
	struct policy *p = &r->policy;
	uint64_t page;
	uint32_t f;

	if (replay_no_table(&r->world, entry) && replay_make(&r->world, ref, &entry, e))
		return -e->code;
	page = replay_index(&r->world, entry);
	r->misses++;
	r->cold += !(*entry & ENTRY_WENT);
	if (r->used < r->frames) {
		f = r->used++;
	} else {
		f = NAMED(victim)(p, page);
		replay_evict(r, f);
	}
	r->mapped[f] = (uint32_t)page;
	*entry = entry_present_at(r, f, ref);
	NAMED(load)(p, f, page);
	*at = entry;
	return 0;
}

/*
 * One reference, the run's `now`th, through the page table: what its leaf entry, which is at *at, holds then; 0: an error. Always
 * inline: what one policy does not need costs its loops nothing.
 */
static inline uint64_t __attribute__((always_inline)) NAMED(refer)(struct vm_replay *r, uint64_t ref, uint64_t now, uint64_t **at,
								   struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS;
	uint64_t *entry = replay_walk(&r->world, ref), v = *entry;
	uint64_t want = vm_ref_stores(ref) ? ENTRY_A | ENTRY_D : ENTRY_A;
	struct policy *p = &r->policy;

	*at = entry;
	if (single)
		p->now = now;
	if (G_UNLIKELY(!(v & ENTRY_P))) {
		p->now = now;
		if (NAMED(fault)(r, ref, entry, &entry, e))
			return 0;
		*at = entry;
		return *entry;
	}
	if ((v & want) != want)
		*entry = v |= want;
	if (single)
		NAMED(hit)(p, entry_frame(r, v));
	return v;
}

static int NAMED(walk_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	uint64_t *entry;

	for (size_t i = 0; i < n; i++)
		if (!NAMED(refer)(r, refs[i], r->refs + i, &entry, e)) {
			r->refs += i;
			return -e->code;
		}
	r->refs += n;
	return 0;
}

static inline void __attribute__((always_inline)) NAMED(hit_often)(struct policy *p, uint32_t f, uint32_t n)
{
	const uint32_t most = POLICY_MOST;

	if (most == UINT32_MAX && n > 0)
		lfu_hits(p, f, n);
	for (uint32_t k = 0; most != UINT32_MAX && k < n && k < most; k++)
		NAMED(hit)(p, f);
}

/* The policy gets to know the hits of the two pages referenced last. */
static inline void __attribute__((always_inline)) NAMED(tell)(struct policy *p, struct replay_pair *two)
{
	if (POLICY_MOST == 0) {
		if (two->older_last)
			NAMED(hit)(p, two->older_f);
	} else if (two->older_last) {
		NAMED(hit_often)(p, two->newer_f, two->newer_hits);
		NAMED(hit_often)(p, two->older_f, two->older_hits);
	} else {
		NAMED(hit_often)(p, two->older_f, two->older_hits);
		NAMED(hit_often)(p, two->newer_f, two->newer_hits);
	}
	two->older_hits = two->newer_hits = 0;
}

/* Hits are told in pairs. */
static int NAMED(pair_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	struct replay_pair two = REPLAY_PAIR_NONE;
	uint64_t passed = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t ref = refs[i], key = tlb_key(ref), mask = tlb_mask(ref), misses = r->misses, *entry, v;

		if (pair_has(&two, key, mask))
			continue;
		passed++;
		NAMED(tell)(&r->policy, &two);
		v = NAMED(refer)(r, ref, r->refs + i, &entry, e);
		if (!v) {
			r->refs += i;
			return -e->code;
		}
		pair_put(&two, (key & ~(uint64_t)1) | (v & ENTRY_D) / ENTRY_D, entry_frame(r, v), r->misses > misses);
	}
	NAMED(tell)(&r->policy, &two);
	r->passed = passed;
	r->refs += n;
	return 0;
}

static int NAMED(filter_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	const bool future = (POLICY_NEEDS) & POLICY_FUTURE;
	uint64_t passed = 0;

	if (((POLICY_NEEDS) & POLICY_HITS) && !future)
		return NAMED(pair_loop)(r, refs, n, e);
	for (size_t i = 0; i < n; i++) {
		uint64_t ref, key, *entry, v;
		struct known *known;

		if (!future && i % KNOWN_MANY == 0 && n - i >= KNOWN_MANY && replay_knows_many(r, refs + i)) {
			i += KNOWN_MANY - 1;
			continue;
		}
		ref = refs[i];
		known = &r->filter[ref & (REPLAY_FILTER - 1)];
		if (known->ref == ref && (!future || opt_knows(r, r->refs + i)))
			continue;
		key = tlb_key(ref);
		if ((known->tag | tlb_mask(ref)) == key && (!future || opt_knows(r, r->refs + i))) {
			known->ref = ref;
			continue;
		}
		passed++;
		v = NAMED(refer)(r, ref, r->refs + i, &entry, e);
		if (!v) {
			r->refs += i;
			return -e->code;
		}
		known->tag = v & ENTRY_A ? (key & ~(uint64_t)1) | (v & ENTRY_D) / ENTRY_D : TAG_NONE;
		known->ref = v & ENTRY_A ? ref : TAG_NONE;
	}
	r->passed = passed;
	r->refs += n;
	return 0;
}

/* A page that the TLB has was referenced. */
static inline void __attribute__((always_inline)) NAMED(tlb_told)(struct vm_replay *r, struct replay_pair *two, uint32_t index, uint64_t now)
{
	struct policy *p = &r->policy;
	uint32_t f;

	if (pair_has(two, index, 0))
		return;
	f = entry_frame(r, *replay_entry(&r->world, index));
	p->now = now;
	if (!((POLICY_NEEDS) & POLICY_FUTURE)) {
		NAMED(tell)(p, two);
		pair_put(two, index, f, false);
	}
	NAMED(hit)(p, f);
}

static int NAMED(tlb_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS;
	struct replay_pair two = REPLAY_PAIR_NONE;

	for (size_t i = 0; i < n; i++) {
		uint64_t ref = refs[i], key = tlb_key(ref), mask = tlb_mask(ref), misses = r->misses, *entry, v;
		uint32_t index;

		if (tlb_hit(&r->tlb, key, mask, &index) || replay_tlb_find(&r->tlb, key, mask, &index)) {
			if (single)
				NAMED(tlb_told)(r, &two, index, r->refs + i);
			continue;
		}
		if (i + WALK_AHEAD < n)
			replay_walk_soon(&r->world, refs[i + WALK_AHEAD]);
		if (single)
			NAMED(tell)(&r->policy, &two);
		v = NAMED(refer)(r, ref, r->refs + i, &entry, e);
		if (!v) {
			r->refs += i;
			return -e->code;
		}
		index = replay_index(&r->world, entry);
		if (single && !((POLICY_NEEDS) & POLICY_FUTURE))
			pair_put(&two, index, entry_frame(r, v), r->misses > misses);
		if (v & ENTRY_A)
			replay_tlb_fill(&r->tlb, (key & ~(uint64_t)1) | (v & ENTRY_D) / ENTRY_D, index);
	}
	NAMED(tell)(&r->policy, &two);
	r->refs += n;
	return 0;
}

#undef POLICY
#undef POLICY_NEEDS
#undef POLICY_MOST
#undef NAMED
#undef JOIN
#undef JOIN_
