/*
 * replay_world.h - the machine of a replay: simulated RAM with page tables in it, and a walk.
 *
 * Page tables are x86-64's, made by table.h. RAM has two parts: tables from frame 1 on, and from frame user_base on,
 * 2^k frames above it, those that hold pages, whose bytes nobody ever touches: they do not exist. user_base is a multiple of the
 * number of frames, so an entry's low PFN bits are the frame's index in arrays.
 *
 * Frame 0 is all zeros for ever. An entry that is not there leads to it, and so down to a leaf entry that is not there
 * either: the walk needs no check on its way, the leaf tells.
 *
 * Every walk reads an entry of each level. Walks of references that follow each other are independent: many are done side by
 * side, after the places in the tables that their addresses lead to have been taken apart for all of them (struct replay_paths).
 * Entries that lead to a table all have the same flags (replay_make() sees to it), so subtracting those takes the place of
 * masking; an entry that is not there then leads to a few bytes in front of frame 0, where there are zeros too.
 *
 * Of a leaf entry that is not present the other 63 bits are the replay's own: WENT, and numbers.
 */
#ifndef VMCORE_REPLAY_WORLD_H
#define VMCORE_REPLAY_WORLD_H

#include "host.h"
#include "table.h"
#include "vm_replay.h"

#include <string.h>

#define ENTRY_P     ((uint64_t)1)
#define ENTRY_A     ((uint64_t)0x20)
#define ENTRY_D     ((uint64_t)0x40)
#define ENTRY_FRAME ((uint64_t)0x000ffffffffff000)
#define REPLAY_FRAMES_MAX ((uint64_t)1 << 28)
#define ENTRY_WENT  ((uint64_t)1 << 62)     /* not present: it was, and was evicted */

enum { TABLE_FLAGS = 0x27 /* P, writable, user, A */ };
enum { REPLAY_LEVELS = 4, WALK_MANY = 8, PATHS = 128 /* references */, PATHS_AHEAD = 2 * PATHS };

/* By level, the root first: where in (real) memory the entry is; below it, once the table's place in RAM is added. */
struct replay_paths {
	uint64_t at[REPLAY_LEVELS][PATHS] __attribute__((aligned(64)));
	uint64_t any[PATHS];       /* bits of the leaf entry that may be as they like; the others are to be 1 */
	bool     stores;           /* some are; else any[] is not filled in: all but P and A */
	bool     spread;           /* over several entries of roots; else at[0][0] is all of at[0] */
};

struct replay_world {
	uint8_t *ram;                      /* of vm */
	pa_t     root[VM_REF_SPACES];      /* 0: none yet */
	struct vm_host *vm;
	uint64_t user_base, user_mask;     /* frame numbers; index = pfn & user_mask */
	uint64_t tables_max;               /* frames of tables */
	struct table *table[VM_REF_SPACES];
	struct clock clock;
	struct journal journal;
};

/* EINVAL, ENOMEM. On failure nothing is left. */
int  replay_world_init(struct replay_world *w, uint64_t frames, uint64_t table_bytes, struct err *e);
void replay_world_clear(struct replay_world *w);
/* The leaf entry of a page, its tables made. ENOMEM; ERANGE for a page beyond the space. */
int  replay_make(struct replay_world *w, uint64_t ref, uint64_t **entry, struct err *e);
/* The page whose entry that is, as vm_ref_where(). */
uint64_t replay_page_of(const struct replay_world *w, uint32_t index);

static inline uint64_t replay_step(const struct replay_world *w, uint64_t entry, uint64_t offset)
{
	return *(const uint64_t *)(const void *)(w->ram + (entry & ENTRY_FRAME) + offset);
}

/* The leaf entry of a page; one in frame 0 if there is no table for it. */
static inline uint64_t *replay_walk(const struct replay_world *w, uint64_t ref)
{
	uint64_t va = ref << 12, e = w->root[vm_ref_space(ref)];

	e = replay_step(w, e, va >> 36 & 0xff8);
	e = replay_step(w, e, va >> 27 & 0xff8);
	e = replay_step(w, e, va >> 18 & 0xff8);
	return (uint64_t *)(void *)(w->ram + (e & ENTRY_FRAME) + (va >> 9 & 0xff8));
}

/* References that are wanted later. */
static inline void replay_soon(const uint64_t *refs)
{
	for (unsigned i = 0; i < PATHS; i += 64 / sizeof(refs[0]))
		__builtin_prefetch(refs + i);
}

/* Of the next PATHS references. Roots are what they are now. */
void replay_paths(const struct replay_world *w, const uint64_t *restrict refs, struct replay_paths *restrict p);
/*
 * Walks the paths from the i-th on: up to which one, a multiple of WALK_MANY behind i, all led to leaf entries as they should
 * be after their references.
 */
unsigned replay_walk_on(const struct replay_paths *p, unsigned i);

/* In front of frame 0 nothing is aligned. */
static inline uint64_t replay_load(uint64_t at)
{
	uint64_t v;

	memcpy(&v, (const void *)at, sizeof(v));
	return v;
}

/* Where the leaf entry is that such a path leads to. Each reads its root's entry, be it the same. */
static inline uint64_t replay_follow(const struct replay_paths *p, size_t i, bool spread)
{
	uint64_t at = *(const volatile uint64_t *)(uintptr_t)p->at[0][spread ? i : 0] + p->at[1][i];

	for (unsigned k = 2; k < REPLAY_LEVELS; k++)
		at = replay_load(at - TABLE_FLAGS) + p->at[k][i];
	return at - TABLE_FLAGS;
}

/* All of them, whose leaf entries are on their way from memory then. */
void replay_follow_all(const struct replay_paths *p, uint64_t **entry);

static inline bool replay_no_table(const struct replay_world *w, const uint64_t *entry)
{
	return (const uint8_t *)entry < w->ram + 4096;        /* frame 0, or in front of it */
}

/* Leaf entries are told apart by their place in RAM; tables never move. */
static inline uint32_t replay_index(const struct replay_world *w, const uint64_t *entry)
{
	return (uint32_t)(entry - (const uint64_t *)(const void *)w->ram);
}
static inline uint64_t *replay_entry(const struct replay_world *w, uint32_t index)
{
	return (uint64_t *)(void *)w->ram + index;
}

#endif
