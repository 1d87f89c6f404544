/* bare.h - a host of hardware alone, for the tests of RAM, frames, tables and walks: no process, no disk. */
#ifndef TESTS_BARE_H
#define TESTS_BARE_H

#include "mm.h"
#include "paging.h"
#include "reclaim.h"
#include "walk.h"

struct bare {
	struct vm_host host;
	struct clock clock;
	struct journal journal;
};

static inline struct vm_host *bare_new(const struct vm_geometry *g, uint64_t ram_bytes)
{
	struct bare *b = g_new0(struct bare, 1);
	struct vm_host *h = &b->host;
	struct err e = { 0 };

	clock_init(&b->clock);
	journal_init(&b->journal, 1024, &b->clock.now);
	h->clock = &b->clock;
	h->journal = &b->journal;
	h->options = (struct vm_options) { .geometry = *g, .ram_bytes = ram_bytes, .serial = 1 };
	h->geometry = *g;
	h->config = config_default;
	if (vm_geometry_check(g, &e) || ram_init(h, &e) || frames_init(h, &e)) {
		g_printerr("%s\n", e.why);
		abort();
	}
	reclaim_init(h);
	h->swap = swap_new(h);
	h->paging = paging_new(h);
	h->tlb = tlb_new((struct vm_tlb_shape) { 64, 4 });
	return h;
}

static inline void bare_free(struct vm_host *h)
{
	struct bare *b = (struct bare *)((char *)h - offsetof(struct bare, host));

	tlb_free(h->tlb);
	paging_free(h->paging);
	swap_free(h->swap);
	reclaim_clear(h);
	reclaim_free(h);
	frames_clear(h);
	ram_clear(h);
	journal_clear(&b->journal);
	clock_clear(&b->clock);
	g_free(b);
}

#endif
