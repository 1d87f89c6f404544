/* walk.h - the MMU inside the engine: translation with its side effects, and the TLB. */
#ifndef VMCORE_WALK_H
#define VMCORE_WALK_H

#include "table.h"
#include "vm_walk.h"

struct translation {
	enum vm_walk_fault fault;
	unsigned level;      /* of the fault */
	pa_t     pa;
	unsigned page_bits;
	unsigned flags;      /* permissions of all levels ANDed, VM_PTE_DIRTY of the leaf */
	unsigned steps;      /* entries read */
};
/*
 * One walk as hardware does it: reads entries in RAM and nothing else, checks present, write, user, exec at each
 * level, sets A on the way and D for a write (only when permitted). `user`: in user mode.
 */
void mmu_walk(struct vm_host *h, pa_t ptbr, uint32_t asid, va_t va, enum vm_access how, bool user,
	      struct translation *out);
/* Through the TLB: counts hits, misses, steps and their cost in the host's stats. */
void mmu_translate(struct vm_host *h, const struct table *t, va_t va, enum vm_access how, struct translation *out);

struct tlb;
struct tlb *tlb_new(struct vm_tlb_shape s);
void tlb_free(struct tlb *t);
/* invlpg for one address space; called whenever the OS part takes a translation or a permission away. */
void tlb_flush_page(struct vm_host *h, uint32_t asid, vpn_t vpn);
void tlb_flush_range(struct vm_host *h, uint32_t asid, vpn_t first, vpn_t end);
void tlb_flush_asid(struct vm_host *h, uint32_t asid);

/*
 * Bytes of RAM. ram_store() is how the simulated hardware stores: into a table frame it is a poke. ram_poke() records
 * what the OS part had in entries that [at, at + len) changes; the bytes themselves are then written by the caller.
 */
int  ram_init(struct vm_host *h, struct err *e);
void ram_clear(struct vm_host *h);
void ram_store(struct vm_host *h, pa_t at, const void *from, size_t len);
void ram_poke(struct vm_host *h, pa_t at, const void *from, size_t len);

#endif
