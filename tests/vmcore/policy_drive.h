/* policy_drive.h - runs a string of references through a policy's core, frame by frame as a machine would. */
#ifndef POLICY_DRIVE_H
#define POLICY_DRIVE_H

#include "policy/clock.h"
#include "policy/fifo.h"
#include "policy/lfu.h"
#include "policy/lru.h"
#include "policy/mru.h"
#include "policy/random.h"
#include "policy/sieve.h"

#include <glib.h>

enum { NO_VICTIM = -1, HIT = -2 };

/* What became of each reference: HIT, NO_VICTIM (a miss that found a free frame), or the page that went. */
typedef int64_t *run_fn(const uint32_t *refs, size_t n, uint32_t frames, uint64_t param);

#define DRIVE(NAME, NEEDS) \
static int64_t *run_##NAME(const uint32_t *refs, size_t n, uint32_t frames, uint64_t param) \
{ \
	int64_t *out = g_new(int64_t, n + 1); \
	uint32_t *frame = NULL, most = 0, used = 0; \
	uint32_t *page = g_new(uint32_t, frames); \
	struct policy p; \
	for (size_t i = 0; i < n; i++) \
		most = MAX(most, refs[i]); \
	frame = g_new(uint32_t, most + 1); \
	memset(frame, 0xff, (most + 1) * sizeof *frame); \
	policy_init(&p, NEEDS, frames, 1); \
	p.param[0] = param; \
	for (size_t i = 0; i < n; i++) { \
		uint32_t f = frame[refs[i]]; \
		p.now = i + 1; \
		if (f != POLICY_NONE) { \
			NAME##_hit(&p, f); \
			out[i] = HIT; \
			continue; \
		} \
		out[i] = NO_VICTIM; \
		f = used; \
		if (used == frames) { \
			f = NAME##_victim(&p, refs[i]); \
			out[i] = page[f]; \
			frame[page[f]] = POLICY_NONE; \
		} else { \
			used++; \
		} \
		page[f] = refs[i]; \
		frame[refs[i]] = f; \
		NAME##_load(&p, f, refs[i]); \
	} \
	policy_clear(&p); \
	g_free(frame); \
	g_free(page); \
	return out; \
}

DRIVE(fifo, FIFO_NEEDS)
DRIVE(lru, LRU_NEEDS)
DRIVE(mru, MRU_NEEDS)
DRIVE(clock, CLOCK_NEEDS)
DRIVE(clock0, CLOCK0_NEEDS)
DRIVE(sieve, SIEVE_NEEDS)
DRIVE(lfu, LFU_NEEDS)
DRIVE(random, RANDOM_NEEDS)

static const struct driven { const char *name; run_fn *run; } driven[] = {
	{ "fifo", run_fifo }, { "lru", run_lru }, { "mru", run_mru }, { "clock", run_clock }, { "clock0", run_clock0 },
	{ "sieve", run_sieve }, { "lfu", run_lfu }, { "random", run_random },
};

static inline run_fn *driver(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(driven); i++)
		if (g_ascii_strcasecmp(driven[i].name, name) == 0)
			return driven[i].run;
	return g_ascii_strcasecmp(name, "clock1") == 0 ? run_clock : NULL;
}

static inline uint64_t misses(const int64_t *out, size_t n)
{
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++)
		m += out[i] != HIT;
	return m;
}

#endif
