/*
 * sieve.h - SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi: NSDI 2024): a queue in order of coming, a used bit each, one hand.
 *
 * The hand goes from the oldest towards the newest and clears used bits; the first page found unused goes, and the hand
 * stays at the next newer one (behind the newest: at the oldest again). Survivors keep their places; the new page is the
 * newest, unused. The ring begins at the oldest, so a step from the newest leads there by itself.
 */
#ifndef VMCORE_POLICY_SIEVE_H
#define VMCORE_POLICY_SIEVE_H

#include "fifo.h"

enum { SIEVE_NEEDS = POLICY_LINKS | POLICY_BITS | POLICY_FRESH_UNUSED | POLICY_HAND };

static inline void sieve_load(struct policy *p, uint32_t f, uint64_t page)
{
	fifo_load(p, f, page);
	policy_unuse(p, f);
	if (p->size == 1)
		p->hand = f;
}

static inline void sieve_hit(struct policy *p, uint32_t f)
{
	policy_use(p, f);
}

static inline void sieve_forget(struct policy *p, uint32_t f)
{
	if (p->hand == f)
		p->hand = p->next[f];
	fifo_forget(p, f);
}

static inline uint32_t sieve_victim(struct policy *p, uint64_t page)
{
	struct policy_scan scan = { 0 };
	uint32_t f = p->hand;

	for (; policy_used(p, f); f = p->next[f]) {
		policy_unuse(p, f);
		scan_steps(p, &scan, f);
	}
	p->hand = f;
	sieve_forget(p, f);
	if (p->size > 0)
		policy_soon(p, p->next[p->hand]);
	return f;
}

static inline void sieve_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	uint32_t f = p->hand;

	for (uint32_t n = p->size; n > 0; n--, f = p->next[f])
		each(arg, "queue", f);
}

#endif
