/* vm_walk.h - the MMU: page-table walks as the hardware does them, and the TLB. */
#ifndef VM_WALK_H
#define VM_WALK_H

#include "err.h"
#include "vm_geometry.h"
#include "vm_types.h"

enum vm_access { VM_READ, VM_WRITE, VM_EXEC };

enum vm_walk_fault { VM_WALK_OK, VM_WALK_NOT_PRESENT, VM_WALK_WRITE, VM_WALK_EXEC, VM_WALK_USER,
		     VM_WALK_NON_CANONICAL, VM_WALK_BAD_PTE, VM_WALK_FAULTS };
extern const char *const vm_walk_fault_names[VM_WALK_FAULTS]; /* "not-present", "protection-write", ... */

enum { VM_PTE_WRITE = 1, VM_PTE_USER = 2, VM_PTE_EXEC = 4, VM_PTE_ACCESSED = 8, VM_PTE_DIRTY = 16,
       VM_PTE_HUGE = 32 };

struct vm_walk_step {
	unsigned level;    /* 1 the root */
	uint64_t index;    /* in the table; hashed: the bucket */
	pa_t     pte_addr;
	uint64_t pte;      /* as stored, in the geometry's byte order */
	bool     valid;
	pfn_t    ppn;
	unsigned flags;    /* VM_PTE_*, of this entry alone; those that the format lacks are clear */
};
struct vm_walk {
	va_t     va;
	pa_t     ptbr;
	unsigned steps;
	struct vm_walk_step step[VM_LEVELS_MAX + 8]; /* hashed tables: one a probe, at most so many shown */
	enum vm_walk_fault fault;
	unsigned fault_level;
	pa_t     pa;       /* valid if fault is VM_WALK_OK */
	unsigned page_bits; /* of the page found: larger for huge leaves */
	unsigned flags;    /* permissions of all levels ANDed */
	pa_t     leaf_addr; /* of the leaf entry; valid if fault is VM_WALK_OK */
};
/* The walk of a read in user mode, seen from outside: sets no bit, fills no TLB. ptbr PA_NONE: not-present, no step. */
void vm_walk_look(const struct vm_proc *p, va_t va, struct vm_walk *out);

/* mem/tlb. */
struct vm_tlb_entry {
	unsigned set, way;
	uint32_t asid;
	vpn_t    vpn;
	pfn_t    pfn;
	unsigned flags; /* VM_PTE_* */
};
struct vm_tlb_shape { unsigned entries, ways; }; /* entries 0: no TLB */
struct vm_tlb_shape vm_tlb_shape(const struct vm_host *h);
/* EINVAL unless ways divides entries and both sets and ways are powers of two up to 2^20. Empties it. */
int vm_tlb_reshape(struct vm_host *h, struct vm_tlb_shape s, struct err *e);
/* The n-th valid entry in order of set, way; false when there are fewer. *cursor starts at 0. */
bool vm_tlb_next(const struct vm_host *h, uint64_t *cursor, struct vm_tlb_entry *out);
void vm_tlb_flush(struct vm_host *h);
void vm_tlb_flush_va(struct vm_host *h, va_t va); /* of every ASID */

#endif
