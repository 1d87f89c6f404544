/*
 * replay_loop.h - the loops of one policy, one for each way to the page table. Include with POLICY, POLICY_NEEDS and
 * POLICY_REPEATS defined; it gives POLICY_walk_loop, _filter_loop and _tlb_loop.
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

/* With single hits asked for, only a page referenced again at once is no news, if that. */
static int NAMED(filter_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	const bool single = (POLICY_NEEDS) & POLICY_HITS;
	uint64_t passed = 0;

	if (POLICY_REPEATS)
		return NAMED(walk_loop)(r, refs, n, e);
	for (size_t i = 0; i < n; i++) {
		uint64_t ref = refs[i], key, *entry, v;
		struct known *known = &r->filter[single ? 0 : ref & (REPLAY_FILTER - 1)];

		if (known->ref == ref)
			continue;
		key = tlb_key(ref);
		if ((known->tag | tlb_mask(ref)) == key) {
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

static int NAMED(tlb_loop)(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e)
{
	struct replay_world *w = &r->world;
	const bool single = (POLICY_NEEDS) & POLICY_HITS;
	struct policy *p = &r->policy;

	for (size_t i = 0; i < n; i++) {
		uint64_t ref = refs[i], key = tlb_key(ref), mask = tlb_mask(ref), *entry, v;
		uint32_t index;

		if (tlb_hit(&r->tlb, key, mask, &index) || replay_tlb_find(&r->tlb, key, mask, &index)) {
			if (single) {
				p->now = r->refs + i;
				NAMED(hit)(p, entry_frame(r, *replay_entry(w, index)));
			}
			continue;
		}
		v = NAMED(refer)(r, ref, r->refs + i, &entry, e);
		if (!v) {
			r->refs += i;
			return -e->code;
		}
		if (v & ENTRY_A)
			replay_tlb_fill(&r->tlb, (key & ~(uint64_t)1) | (v & ENTRY_D) / ENTRY_D, replay_index(w, entry));
	}
	r->refs += n;
	return 0;
}

#undef POLICY
#undef POLICY_NEEDS
#undef POLICY_REPEATS
#undef NAMED
#undef JOIN
#undef JOIN_
