/*
 * s3fifo.h - S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: SOSP 2023): three queues, and a count up to 3 for each page.
 *
 * New pages go to the small queue (`small` per cent); its oldest goes on to the main queue if it was hit more than once,
 * else it leaves and is remembered (as many as are left of all frames without `small` per cent, rounded down). A page that comes back goes to the main queue at once.
 * The main queue's oldest goes to its end again, with a count one lower, until one has 0.
 */
#ifndef VMCORE_POLICY_S3FIFO_H
#define VMCORE_POLICY_S3FIFO_H

#include "policy.h"

enum { S3FIFO_NEEDS = POLICY_LINKS | POLICY_COUNT | POLICY_PAGES | POLICY_GHOSTS | POLICY_HITS };
enum { S3FIFO_MAIN = 4 };                    /* in count[f], besides the hits: which queue */

static const struct policy_param s3fifo_params[] = { { "small", 10, 1, 99, false }, { 0 } };

static inline uint32_t s3fifo_count(const struct policy *p, uint32_t f)
{
	return p->count[f] & 3;
}

static inline void s3fifo_load(struct policy *p, uint32_t f, uint64_t page)
{
	bool main = ghost_return(p, page) != POLICY_NONE;

	policy_page_put(p, f, page);
	p->count[f] = main ? S3FIFO_MAIN : 0;
	p->size++;
	ring_add(p, &p->ring[main], f);
}

static inline void s3fifo_hit(struct policy *p, uint32_t f)
{
	if (s3fifo_count(p, f) < 3)
		p->count[f]++;
}

static inline void s3fifo_forget(struct policy *p, uint32_t f)
{
	p->size--;
	ring_remove(p, &p->ring[(p->count[f] & S3FIFO_MAIN) != 0], f);
}

static inline uint32_t s3fifo_from_main(struct policy *p)
{
	uint32_t f = p->ring[1].first;

	for (; s3fifo_count(p, f) > 0; f = p->ring[1].first) {
		policy_looked(p, f, s3fifo_count(p, f));
		p->count[f]--;
		ring_renew(p, &p->ring[1], f);
	}
	policy_looked(p, f, 0);
	s3fifo_forget(p, f);
	ring_soon(p, &p->ring[1]);
	return f;
}

static inline uint32_t s3fifo_victim(struct policy *p, uint64_t page)
{
	uint64_t c = p->size, small = c * p->param[0] / 100;
	uint32_t f;

	if (small == 0)
		small = 1;
	ghost_expect(p, page);
	while (p->ring[0].size > 0 && (p->ring[0].size >= small || p->ring[1].size == 0)) {
		f = p->ring[0].first;
		policy_looked(p, f, s3fifo_count(p, f));
		if (s3fifo_count(p, f) < 2) {
			s3fifo_forget(p, f);
			ghost_add(&p->ghosts, 0, policy_page(p, f), 0);
			ghost_trim(&p->ghosts, 0, (uint32_t)(c * (100 - p->param[0]) / 100));
			ring_soon(p, &p->ring[0]);
			return f;
		}
		ring_remove(p, &p->ring[0], f);
		p->count[f] = S3FIFO_MAIN;
		ring_add(p, &p->ring[1], f);
		if (p->ring[1].size > c - small)
			break;
	}
	return s3fifo_from_main(p);
}

static inline void s3fifo_each(const struct policy *p, policy_each_fn *each, void *arg)
{
	ring_each(p, &p->ring[0], "small", each, arg);
	ring_each(p, &p->ring[1], "main", each, arg);
}

#endif
