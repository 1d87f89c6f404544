/* policy_drive.h - runs a string of references through a policy's core, frame by frame as a machine would. */
#ifndef POLICY_DRIVE_H
#define POLICY_DRIVE_H

#include "policy/aging.h"
#include "policy/arc.h"
#include "policy/clock.h"
#include "policy/clockm.h"
#include "policy/fifo.h"
#include "policy/lfu.h"
#include "policy/linux.h"
#include "policy/lru.h"
#include "policy/mru.h"
#include "policy/nru.h"
#include "policy/random.h"
#include "policy/s3fifo.h"
#include "policy/sieve.h"
#include "policy/twoq.h"
#include "policy/wsclock.h"

#include "rng.h"

#include <glib.h>
#include <inttypes.h>

enum { NO_VICTIM = -1, HIT = -2 };

/* What became of each reference: HIT, NO_VICTIM (a miss that found a free frame), or the page that went. */
typedef int64_t *run_fn(const uint32_t *refs, size_t n, uint32_t frames, uint64_t param);

#define DRIVE(NAME, NEEDS, PARAMS) \
static int64_t *run_##NAME(const uint32_t *refs, size_t n, uint32_t frames, uint64_t param) \
{ \
	int64_t *out = g_new(int64_t, n + 1); \
	uint32_t *frame = NULL, most = 0, used = 0; \
	uint32_t *page = g_new(uint32_t, frames); \
	const struct policy_param *none = NULL; \
	struct policy p; \
	for (size_t i = 0; i < n; i++) \
		most = MAX(most, refs[i]); \
	frame = g_new(uint32_t, most + 1); \
	memset(frame, 0xff, (most + 1) * sizeof *frame); \
	policy_init(&p, NEEDS, frames, 1); \
	for (const struct policy_param *row = PARAMS; row && row->name; row++) \
		p.param[row - (PARAMS)] = row->normal; \
	if (param) \
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
	(void)none; \
	g_free(frame); \
	g_free(page); \
	return out; \
}

DRIVE(fifo, FIFO_NEEDS, none)
DRIVE(lru, LRU_NEEDS, none)
DRIVE(mru, MRU_NEEDS, none)
DRIVE(clock, CLOCK_NEEDS, none)
DRIVE(clock0, CLOCK0_NEEDS, none)
DRIVE(sieve, SIEVE_NEEDS, none)
DRIVE(lfu, LFU_NEEDS, none)
DRIVE(random, RANDOM_NEEDS, random_params)
DRIVE(clockm, CLOCKM_NEEDS, clockm_params)
DRIVE(nru, NRU_NEEDS, nru_params)
DRIVE(aging, AGING_NEEDS, aging_params)
DRIVE(twoq, TWOQ_NEEDS, twoq_params)
DRIVE(arc, ARC_NEEDS, arc_params)
DRIVE(s3fifo, S3FIFO_NEEDS, s3fifo_params)
DRIVE(wsclock, WSCLOCK_NEEDS, wsclock_params)
DRIVE(linux, LINUX_NEEDS, linux_params)

static const struct driven { const char *name; run_fn *run; } driven[] = {
	{ "fifo", run_fifo }, { "lru", run_lru }, { "mru", run_mru }, { "clock", run_clock }, { "clock0", run_clock0 },
	{ "sieve", run_sieve }, { "lfu", run_lfu }, { "random", run_random },
	{ "clock-m", run_clockm }, { "nru", run_nru }, { "aging", run_aging }, { "2q", run_twoq }, { "arc", run_arc },
	{ "s3fifo", run_s3fifo }, { "wsclock", run_wsclock }, { "linux", run_linux },
};

static inline run_fn *driver(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(driven); i++)
		if (g_ascii_strcasecmp(driven[i].name, name) == 0)
			return driven[i].run;
	return g_ascii_strcasecmp(name, "clock1") == 0 ? run_clock : NULL;
}

/* Random strings: SEED=N others than usual, ROUNDS=N so many. Says which, for who looks for one that failed. */
static inline unsigned random_rounds(struct rng *r, uint64_t seed, unsigned rounds)
{
	const char *other = g_getenv("SEED"), *more = g_getenv("ROUNDS");

	seed = other ? g_ascii_strtoull(other, NULL, 0) : seed;
	rounds = more ? (unsigned)g_ascii_strtoull(more, NULL, 0) : rounds;
	print_message("SEED=%" PRIu64 " ROUNDS=%u\n", seed, rounds);
	rng_seed(r, seed, "strings");
	return rounds;
}

static inline uint64_t misses(const int64_t *out, size_t n)
{
	uint64_t m = 0;

	for (size_t i = 0; i < n; i++)
		m += out[i] != HIT;
	return m;
}

#endif
