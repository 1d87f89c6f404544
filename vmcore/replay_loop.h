/*
 * replay_loop.h - the loops of one policy, one for each way to the page table. Include with POLICY, POLICY_NEEDS and
 * POLICY_MOST defined (after a load, so many hits in a row make a difference to the policy); it gives POLICY_walk_loop,
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
 * One reference, the run's `now`th, whose walk ended at `entry`: what its leaf entry, which is at *at, holds then; 0: an
 * error. Always inline: what one policy does not need costs its loops nothing.
 */
static inline uint64_t __attribute__((always_inline)) NAMED(refer)(struct vm_replay *r, uint64_t ref, uint64_t now, uint64_t *entry,
								   uint64_t **at, struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS;
	uint64_t v = replay_load((uintptr_t)entry), want = vm_ref_stores(ref) ? ENTRY_A | ENTRY_D : ENTRY_A;
	struct policy *p = &r->policy;

	if (G_UNLIKELY(!(v & ENTRY_P)) && replay_no_table(&r->world, entry)) {
		entry = replay_walk(&r->world, ref);         /* there may be one by now */
		v = *entry;
	}
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

/* The leaf entries of many references. True: all are as they should be, and nothing changes but what the policy knows of hits. */
static inline bool __attribute__((always_inline)) NAMED(walk_many)(struct vm_replay *r, const struct replay_paths *paths, unsigned i,
								   uint64_t now, uint64_t **entry)
{
	uint64_t all = UINT64_MAX, value[WALK_MANY];

	for (unsigned k = 0; k < WALK_MANY; k++) {
		value[k] = replay_load((uintptr_t)entry[i + k]);
		all &= paths->stores ? value[k] | paths->any[i + k] : value[k] | ~(ENTRY_P | ENTRY_A);
	}
	for (unsigned k = 0; ((POLICY_NEEDS) & POLICY_HITS) && all == UINT64_MAX && k < WALK_MANY; k++) {
		r->policy.now = now + k;
		NAMED(hit)(&r->policy, entry_frame(r, value[k]));
	}
	return all == UINT64_MAX;
}

/* PATHS references: how many of them are done, all but after an error. While few change anything, only those are walked twice. */
static size_t NAMED(walk_paths)(struct vm_replay *r, const uint64_t *refs, const struct replay_paths *paths, struct err *e)
{
	const bool each = ((POLICY_NEEDS) & POLICY_HITS) || r->changing > PATHS / WALK_MANY / 4;
	uint64_t *entry[PATHS], *at;

	r->changing = 0;
	if (each)
		replay_follow_all(paths, entry);
	for (unsigned i = 0; i < PATHS; i += WALK_MANY) {
		if (!each && (i = replay_walk_on(paths, i)) == PATHS)
			break;
		if (each && NAMED(walk_many)(r, paths, i, r->refs + i, entry))
			continue;
		r->changing++;
		for (unsigned k = 0; k < WALK_MANY; k++)
			if (!NAMED(refer)(r, refs[i + k], r->refs + i + k, each ? entry[i + k] : replay_walk(&r->world, refs[i + k]), &at, e))
				return i + k;
	}
	return PATHS;
}

static int NAMED(walk_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	struct replay_paths paths;
	uint64_t *at;

	for (; n >= PATHS; refs += PATHS, n -= PATHS) {
		size_t done;

		replay_soon(refs + PATHS_AHEAD);
		replay_paths(&r->world, refs, &paths);
		done = NAMED(walk_paths)(r, refs, &paths, e);
		r->refs += done;
		if (done < PATHS)
			return -e->code;
	}
	for (size_t i = 0; i < n; i++, r->refs++)
		if (!NAMED(refer)(r, refs[i], r->refs, replay_walk(&r->world, refs[i]), &at, e))
			return -e->code;
	return 0;
}

static inline void __attribute__((always_inline)) NAMED(hit_often)(struct policy *p, uint32_t f, uint32_t n)
{
	const uint32_t most = POLICY_MOST;

	for (uint32_t k = 0; k < n && k < most; k++)
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
		uint64_t ref = refs[i], key = pair_key(ref), mask = pair_mask(ref), misses = r->misses, *entry, v;

		if (pair_has(&two, key, mask))
			continue;
		passed++;
		NAMED(tell)(&r->policy, &two);
		v = NAMED(refer)(r, ref, r->refs + i, replay_walk(&r->world, ref), &entry, e);
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

/* How many of the next references are known: the policy gets to know of these. While many are not, they are taken one by one. */
static inline size_t __attribute__((always_inline)) NAMED(known_on)(struct vm_replay *r, const uint64_t *refs, size_t n, uint64_t now)
{
	const struct replay_known *known = &r->known;
	size_t i = 0;

	if (!((POLICY_NEEDS) & POLICY_OWN_HITS))
		return known_run(&r->known, refs, n);
	for (; r->steady && i + KNOWN_MANY <= n && known_many(known, refs + i); i += KNOWN_MANY)
		for (unsigned k = 0; k < KNOWN_MANY; k++) {
			r->policy.now = now + i + k;
			NAMED(hit)(&r->policy, known->frame[known_slot(refs[i + k])]);
		}
	for (; i < n && known->ref[known_slot(refs[i])] == refs[i]; i++) {
		r->policy.now = now + i;
		NAMED(hit)(&r->policy, known->frame[known_slot(refs[i])]);
	}
	return i;
}

static int NAMED(filter_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	uint64_t passed = 0;

	if (((POLICY_NEEDS) & POLICY_HITS) && !((POLICY_NEEDS) & POLICY_OWN_HITS))
		return NAMED(pair_loop)(r, refs, n, e);
	for (size_t i = 0; i < n; i++) {
		uint64_t ref, *entry, v;

		if ((i += NAMED(known_on)(r, refs + i, n - i, r->refs + i)) == n)
			break;
		ref = refs[i];
		if (r->known.ref[known_slot(ref)] == ref) {
			r->policy.now = r->refs + i;
			NAMED(hit)(&r->policy, r->known.frame[known_slot(ref)]);
			continue;
		}
		passed++;
		v = NAMED(refer)(r, ref, r->refs + i, replay_walk(&r->world, ref), &entry, e);
		if (!v) {
			r->refs += i;
			return -e->code;
		}
		if (v & ENTRY_A)
			known_put(&r->known, ref, entry_frame(r, v));
	}
	r->passed = passed;
	r->refs += n;
	return 0;
}

/* A page that the TLB has, in frame f, was referenced. */
static inline void __attribute__((always_inline)) NAMED(tlb_told)(struct vm_replay *r, struct replay_pair *two, uint32_t f, uint64_t now)
{
	struct policy *p = &r->policy;

	if (!((POLICY_NEEDS) & POLICY_OWN_HITS)) {
		if (pair_has(two, f, 0))
			return;
		NAMED(tell)(p, two);
		pair_put(two, f, f, false);
	}
	p->now = now;
	NAMED(hit)(p, f);
}

/* One reference, the run's `now`th, that is not known. Its walk ended at `entry`, perhaps when a table was not there yet. */
static inline int __attribute__((always_inline)) NAMED(tlb_refer)(struct vm_replay *r, uint64_t ref, uint64_t now, uint64_t *entry,
								  struct replay_pair *two, struct replay_known *known, struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS, pairs = single && !((POLICY_NEEDS) & POLICY_OWN_HITS);
	uint64_t misses = r->misses, v;

	if (G_UNLIKELY(replay_no_table(&r->world, entry)))
		entry = replay_walk(&r->world, ref);
	if (replay_tlb_find(&r->tlb, ref, replay_index(&r->world, entry), known)) {
		uint32_t f = single || known ? entry_frame(r, *entry) : 0;

		if (known)
			known_put(known, ref, f);
		if (single)
			NAMED(tlb_told)(r, two, f, now);
		return 0;
	}
	if (pairs)
		NAMED(tell)(&r->policy, two);
	v = NAMED(refer)(r, ref, now, entry, &entry, e);
	if (!v)
		return -e->code;
	if (pairs)
		pair_put(two, entry_frame(r, v), entry_frame(r, v), r->misses > misses);
	if (v & ENTRY_A) {
		replay_tlb_fill(&r->tlb, ref, v, replay_index(&r->world, entry), known);
		if (known)
			known_put(known, ref, entry_frame(r, v));
	}
	return 0;
}

static int NAMED(tlb_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS, pairs = single && !((POLICY_NEEDS) & POLICY_OWN_HITS);
	struct replay_known *known = r->filtered ? &r->known : NULL;
	struct replay_pair two = REPLAY_PAIR_NONE;
	uint64_t passed = 0, *entry[PATHS];
	int error = 0;
	size_t i = 0;

	for (; !known && i + PATHS <= n && !error; ) {
		struct replay_paths paths;

		replay_soon(refs + i + PATHS_AHEAD);
		replay_paths(&r->world, refs + i, &paths);
		replay_follow_all(&paths, entry);
		for (unsigned k = 0; k < PATHS && !error; k++, i++)
			error = NAMED(tlb_refer)(r, refs[i], r->refs + i, entry[k], &two, NULL, e);
		passed += PATHS;
	}
	for (; i < n && !error; i++) {
		uint64_t ref;

		if (known && !pairs && (i += NAMED(known_on)(r, refs + i, n - i, r->refs + i)) == n)
			break;
		ref = refs[i];
		if (known && known->ref[known_slot(ref)] == ref) {
			if (single)
				NAMED(tlb_told)(r, &two, known->frame[known_slot(ref)], r->refs + i);
			continue;
		}
		passed++;
		error = NAMED(tlb_refer)(r, ref, r->refs + i, replay_walk(&r->world, ref), &two, known, e);
	}
	if (error) {
		r->refs += i - 1;
		return error;
	}
	if (pairs)
		NAMED(tell)(&r->policy, &two);
	r->passed = passed;
	r->refs += n;
	return 0;
}

#undef POLICY
#undef POLICY_NEEDS
#undef POLICY_MOST
#undef NAMED
#undef JOIN
#undef JOIN_
