/* live.c - the policies as the live machine calls them: the used bit is the A bit of page-table entries. */
#define POLICY_OWN_BITS
#define POLICY_AHEAD 2                       /* machine_soon() takes that long */
#include "reclaim_inner.h"

#include <string.h>

static inline bool policy_used(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	bool used = frame_seems_used(h, f);

	note_look(h->reclaim, f, used, LOOK_USED);
	return used;
}

static inline void policy_unuse(struct policy *p, uint32_t f)
{
	machine_unuse(p, f);
}

/* The MMU does it. */
static inline void policy_use(struct policy *p, uint32_t f)
{
}

static inline bool policy_dirty(struct policy *p, uint32_t f)
{
	struct vm_host *h = p->machine;
	bool dirty = frame_seems_dirty(h, f);

	note_dirty(h->reclaim, f, dirty);
	return dirty;
}

/* Only where no event will show what the look has seen. */
static inline uint32_t policy_surely(struct policy *p, uint32_t f)
{
	const struct vm_host *h = p->machine;
	uint32_t known;

	static_assert(FRAME_KNOWN_USED == POLICY_USED << 1 && FRAME_KNOWN_DIRTY == POLICY_DIRTY << 1, "the same bits, shifted");
	if (h->reclaim->looks < LOOKED_MAX || !h->known)
		return 0;
	known = h->known[f] >> 1;
	if (known)
		h->reclaim->looks = LOOKED_MAX + 1;
	return known;
}

static inline void policy_looked(struct policy *p, uint32_t f, uint32_t value)
{
	struct vm_host *h = p->machine;

	note_look(h->reclaim, f, value, LOOK_NUMBER);
}

static inline void policy_soon(struct policy *p, uint32_t f)
{
	machine_soon(p, f);
}

static inline void policy_scans(struct policy *p, uint32_t near, uint32_t far)
{
	const struct vm_host *h = p->machine;

	__builtin_prefetch(frame_of(h, far), 1);
	fetch_entry(h, frame_of(h, near));
}

static inline bool policy_is_file(struct policy *p, uint32_t f)
{
	return machine_is_file(p, f);
}

#include "aging.h"
#include "arc.h"
#include "clock.h"
#include "clockm.h"
#include "lfu.h"
#include "linux.h"
#include "mru.h"
#include "nru.h"
#include "random.h"
#include "s3fifo.h"
#include "sieve.h"
#include "twoq.h"
#include "wsclock.h"

#define OPS(NAME) .load = NAME##_load, .hit = NAME##_hit, .victim = NAME##_victim, .forget = NAME##_forget, .each = NAME##_each

const struct policy_ops policies[] = {
	{ .name = "fifo", .needs = FIFO_NEEDS, OPS(fifo) },
	{ .name = "lru", .needs = LRU_NEEDS, OPS(lru) },
	{ .name = "clock", .needs = CLOCK_NEEDS, OPS(clock) },
	{ .name = "clock0", .needs = CLOCK0_NEEDS, OPS(clock0) },
	{ .name = "clock-m", .needs = CLOCKM_NEEDS, .params = clockm_params, OPS(clockm) },
	{ .name = "nru", .needs = NRU_NEEDS, .params = nru_params, OPS(nru) },
	{ .name = "aging", .needs = AGING_NEEDS, .params = aging_params, OPS(aging), .count = aging_count },
	{ .name = "lfu", .needs = LFU_NEEDS, OPS(lfu), .count = lfu_count },
	{ .name = "mru", .needs = MRU_NEEDS, OPS(mru) },
	{ .name = "random", .needs = RANDOM_NEEDS, .params = random_params, OPS(random) },
	{ .name = "2q", .needs = TWOQ_NEEDS, .params = twoq_params, OPS(twoq) },
	{ .name = "arc", .needs = ARC_NEEDS, .params = arc_params, OPS(arc) },
	{ .name = "s3fifo", .needs = S3FIFO_NEEDS, .params = s3fifo_params, OPS(s3fifo), .count = s3fifo_count },
	{ .name = "sieve", .needs = SIEVE_NEEDS, OPS(sieve) },
	{ .name = "wsclock", .needs = WSCLOCK_NEEDS, .params = wsclock_params, OPS(wsclock) },
	{ .name = "linux", .needs = LINUX_NEEDS, .params = linux_params, OPS(linux), .watermarks = true },
	{ .name = "external", .needs = FIFO_NEEDS, OPS(fifo), .asks = true },
	{ .name = "opt", .refused = "opt needs to know the references to come: vitrine replay has them" },
	{ 0 }
};

const struct policy_ops *const policy_default = &policies[2];

const struct policy_ops *policy_named(const char *name)
{
	if (strcmp(name, "clock1") == 0)
		return policy_default;
	for (const struct policy_ops *o = policies; o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return NULL;
}
