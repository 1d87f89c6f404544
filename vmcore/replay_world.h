/*
 * replay_world.h - the machine of a replay: simulated RAM with page tables in it, and a walk.
 *
 * Page tables are x86-64's, made by table.h. RAM has two parts: tables from frame 1 on, and from frame user_base on,
 * 2^k frames above it, those that hold pages, whose bytes nobody ever touches. user_base is a multiple of the
 * number of frames, so an entry's low PFN bits are the frame's index in arrays.
 *
 * Frame 0 is all zeros for ever. An entry that is not there leads to it, and so down to a leaf entry that is not there
 * either: the walk needs no check on its way, the leaf tells.
 *
 * Entries above the leaves are never changed once they are made, so what led to a leaf table is kept in `upper`, as an
 * MMU keeps it in its paging-structure cache; the leaf entry itself is read by every walk.
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
#define ENTRY_WENT  ((uint64_t)1 << 62)     /* not present: it was, and was evicted */

enum { REPLAY_UPPER = 1024 };

struct replay_world {
	uint8_t *ram;                      /* of vm */
	struct replay_upper { uint64_t tag, *leaf; } upper[REPLAY_UPPER]; /* tag: process and page / 512 */
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

static inline uint64_t *replay_walk_all(const struct replay_world *w, uint64_t ref)
{
	uint64_t va = ref << 12, e = w->root[vm_ref_space(ref)];

	e = replay_step(w, e, va >> 36 & 0xff8);
	e = replay_step(w, e, va >> 27 & 0xff8);
	e = replay_step(w, e, va >> 18 & 0xff8);
	return (uint64_t *)(void *)(w->ram + (e & ENTRY_FRAME) + (va >> 9 & 0xff8));
}

uint64_t *replay_walk_upper(struct replay_world *w, uint64_t ref);

/* The leaf entry of a page; one in frame 0 if there is no table for it. */
static inline uint64_t *replay_walk(struct replay_world *w, uint64_t ref)
{
	uint64_t tag = ref << 2 >> 11;
	const struct replay_upper *u = &w->upper[tag & (REPLAY_UPPER - 1)];

	return G_LIKELY(u->tag == tag) ? u->leaf + (ref & 511) : replay_walk_upper(w, ref);
}

/* The leaf entry had better come from memory meanwhile. */
enum { WALK_AHEAD = 8 };
static inline void replay_walk_soon(const struct replay_world *w, uint64_t ref)
{
	uint64_t tag = ref << 2 >> 11;
	const struct replay_upper *u = &w->upper[tag & (REPLAY_UPPER - 1)];

	if (u->tag == tag)
		__builtin_prefetch(u->leaf + (ref & 511));
}

static inline bool replay_no_table(const struct replay_world *w, const uint64_t *entry)
{
	return (const uint8_t *)entry < w->ram + 4096;
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
