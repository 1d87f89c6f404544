/*
 * clockm.h - the clock that would rather not write (enhanced second chance, as in the Macintosh): U and M bits.
 *
 * First the hand looks for a page neither used nor modified, and changes nothing; then for one not used but modified, and
 * clears the used bits that it passes; then both again. Each search goes once round, or over `scan` frames if there are more
 * (textbooks: always once round), so that memory full of modified pages does not cost a circle for each victim.
 */
#ifndef VMCORE_POLICY_CLOCKM_H
#define VMCORE_POLICY_CLOCKM_H

#include "fifo.h"

enum { CLOCKM_NEEDS = POLICY_LINKS | POLICY_BITS | POLICY_MODIFIED | POLICY_HAND };

static const struct policy_param clockm_params[] = { { "scan", 128, 1, UINT32_MAX, true }, { 0 } };

static inline void clockm_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	policy_use(p, f);
}

static inline void clockm_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void clockm_forget(struct policy *p, uint32_t f)
{
	fifo_forget(p, f);
}

static inline uint32_t clockm_take(struct policy *p, uint32_t f)
{
	p->ring[0].first = f;
	return fifo_victim(p, POLICY_NO_PAGE);
}

static inline uint32_t clockm_victim(struct policy *p, uint64_t page)
{
	uint64_t most = p->size < p->param[0] ? p->size : p->param[0];
	uint32_t f;

	for (;;) {
		f = p->ring[0].first;
		for (uint64_t n = 0; n < most; n++, f = p->next[f])
			if (!policy_surely(p, f) && !policy_used(p, f) && !policy_dirty(p, f))
				return clockm_take(p, f);
		f = p->ring[0].first;
		for (uint64_t n = 0; n < most; n++, f = p->next[f]) {
			if (!policy_used(p, f))
				return clockm_take(p, f);
			policy_unuse(p, f);
		}
	}
}

static inline void clockm_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "circle", each, arg);
}

#endif
