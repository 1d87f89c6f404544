/* walk.h - the MMU inside the engine: translation with its side effects, and the TLB. */
#ifndef VMCORE_WALK_H
#define VMCORE_WALK_H

#include "host.h"
#include "vm_walk.h"

struct table;

struct translation {
	enum vm_walk_fault fault;
	unsigned level;      /* of the fault */
	pa_t     pa;
	unsigned page_bits;
	unsigned flags;      /* permissions of all levels ANDed, VM_PTE_DIRTY of the leaf */
	unsigned steps;      /* entries read */
	uint64_t absent;     /* VM_WALK_NOT_PRESENT: the leaf that is no page, if the walk came so far; else 0 */
};
/* What the fast walkers leave over: denials, entries outside RAM, huge leaves, A to set above a leaf; hashed tables. */
void mmu_walk_slowly(struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
		     struct translation *out);
/*
 * One walk as hardware does it: reads entries in RAM and nothing else, checks present, write, user, exec at each
 * level, sets A on the way and D for a write (only when permitted). `user`: in user mode.
 */
static inline void mmu_walk(struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
			    struct translation *out)
{
	/* No table: PA_NONE plus an index would wrap around into RAM. */
	if (ptbr == PA_NONE || !h->mmu.walk(h, ptbr, va, h->mmu.stop[how][user], out))
		mmu_walk_slowly(h, ptbr, asid, va, how, user, out);
}
/* Through the TLB: counts hits, misses, steps and their cost in the host's stats. */
void mmu_translate(struct vm_host *h, const struct table *t, va_t va, enum vm_access how, struct translation *out);

/* Fills in host->mmu.walk; ram_init() calls it. */
void mmu_choose_walk(struct vm_host *h);
/*
 * The same walk without side effects, step by step: what vm_walk_look() shows, and what decides every case that the
 * fast walkers do not. Returns the number of entries read, of which out->step keeps the first.
 */
unsigned mmu_look(const struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
		  struct vm_walk *out);

/* One entry of a radix or flat table, at `at`, by itself; *leaf: it maps a page, if it is valid. */
void mmu_look_entry(const struct vm_host *h, unsigned level, uint64_t index, pa_t at, struct vm_walk_step *s,
		    bool *leaf);
/* walk.c: checks the step of a hashed table's matching slot and fills in the answer. */
void mmu_look_leaf(const struct vm_host *h, enum vm_access how, bool user, struct vm_walk_step *s, struct vm_walk *w);
/* table_hashed.c: mmu_look() for hashed and inverted tables; fills in what follows w->ptbr. */
unsigned hashed_look(const struct vm_host *h, uint32_t asid, enum vm_access how, bool user, struct vm_walk *w);

struct tlb;
struct tlb *tlb_new(struct vm_tlb_shape s);
void tlb_free(struct tlb *t);
uint64_t tlb_valid(const struct vm_host *h); /* entries */
/* invlpg for one address space; called whenever the OS part takes a translation or a permission away. */
void tlb_flush_page(struct vm_host *h, uint32_t asid, vpn_t vpn);
void tlb_flush_range(struct vm_host *h, uint32_t asid, vpn_t first, vpn_t end);
void tlb_flush_asid(struct vm_host *h, uint32_t asid);

/*
 * Bytes of RAM. ram_store() is how the simulated hardware stores: into a table frame it is a poke. ram_poke() records
 * what the OS part had in entries that [at, at + len) changes; the bytes themselves are then written by the caller.
 * ram_init() also makes host->mmu from the geometry; it comes before frames_init(), ram_clear() after frames_clear().
 */
int  ram_init(struct vm_host *h, struct err *e);
void ram_clear(struct vm_host *h);
void ram_store(struct vm_host *h, pa_t at, const void *from, size_t len);
void ram_poke(struct vm_host *h, pa_t at, const void *from, size_t len);
/* The OS part's own value of the poked entry at `at`, to be read or changed; NULL: it is not poked. */
uint64_t *poke_at(const struct vm_host *h, pa_t at);
/* Ends the poke of the entry at `at`, if any, with an event: the OS part is about to overwrite it. */
void poke_drop(struct vm_host *h, pa_t at);
/* The same for all pokes of the frame, which is being freed. */
void poke_drop_frame(struct vm_host *h, pfn_t pfn);
/* And of all 2^order frames of a table. */
void poke_drop_frames(struct vm_host *h, pfn_t head);

#endif
