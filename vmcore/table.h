/*
 * table.h - page tables as the OS part sees them: entries found, made, set and freed, whatever the layout.
 *
 * An entry is in one of four states:
 *   none      all bits outside its table's fixed ones are 0
 *   present   valid: the MMU follows it
 *   protnone  not valid for the MMU, but a frame is kept behind it (mprotect to PROT_NONE)
 *   swapped   not valid, a swap slot is kept in it
 * protnone and swapped are packed into whatever bits the format has besides valid.
 *
 * Pokes. Whoever writes to a table frame past this file (mem/ram, a store through a poked entry) goes through
 * ram_poke(), which remembers in host->poked what the OS part had there. table_span() and entry_os() give the OS
 * part's own values, so accounts stay right; the MMU (walk.h) reads what is really in RAM.
 */
#ifndef VMCORE_TABLE_H
#define VMCORE_TABLE_H

#include "vm_geometry.h"
#include "vm_types.h"

struct mm;

/* The page table of one address space. */
struct table {
	struct vm_host *host;
	struct mm *mm;
	pa_t     base;      /* PA_NONE: none yet */
	bool     by_hand;   /* ptbr was set: the OS part does nothing with it */
	uint32_t asid;
	uint64_t pages;     /* table frames beyond the root's (VmPTE counts these), shared ones included */
};

/*
 * Entries of consecutive pages that lie side by side in RAM; or, `entry` NULL, a run of pages without a table.
 * Good until the next call that makes, frees or unshares tables.
 */
struct span {
	uint8_t *entry;     /* of the first page; NULL: hole */
	pa_t     at;        /* its physical address */
	uint64_t count;     /* pages described, >= 1, from the one asked for, clipped to the limit */
	pfn_t    table;     /* first frame of the table that holds it; PFN_NONE for global tables */
	bool     huge;      /* `entry` is one upper-level leaf that maps all `count` pages and more */
	unsigned huge_bits; /* log2 pages of it */
	uint32_t sharers;   /* processes that share the leaf table; 1: own */
	bool     poked;     /* some entry of the table is poked: use entry_os() */
};

struct table_ops {
	int  (*root)(struct table *t, struct err *e);        /* makes sure there is a root: ENOMEM */
	void (*span)(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s);
	int  (*make)(struct table *t, vpn_t vpn, struct span *s, struct err *e); /* tables on the way, then as span with limit vpn + 1: ENOMEM */
	void (*cleared)(struct table *t, vpn_t vpn, struct span *s, uint64_t i); /* entry i became none: hashed tables drop its tag */
	/* Frees tables that translate only addresses within [floor, ceiling). Their entries are none. */
	void (*trim)(struct table *t, vpn_t floor, vpn_t ceiling);
	void (*destroy)(struct table *t);                    /* root and all; entries are none */
	/* MMU side: the trace of a walk without side effects; see walk.h for the fast one. */
};
extern const struct table_ops table_ops[VM_TABLES];

int  table_root(struct table *t, struct err *e);
void table_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s);
int  table_make(struct table *t, vpn_t vpn, struct span *s, struct err *e);
void table_trim(struct table *t, vpn_t floor, vpn_t ceiling);
/* Frees the leaf table of vpn if all its entries are none (PT_RECLAIM); true if it did. */
bool table_trim_empty(struct table *t, vpn_t vpn);
void table_destroy(struct table *t);

/* The raw entry i of a span, in native byte order, as the OS part put it. */
uint64_t entry_os(const struct vm_host *h, const struct span *s, uint64_t i);
/* As the MMU reads it. */
uint64_t entry_raw(const struct vm_host *h, const struct span *s, uint64_t i);
/* Sets entry i (counts table->entries, ends a poke of it with an event). The span is not shared. Flushes no TLB. */
void entry_set(struct table *t, vpn_t first, struct span *s, uint64_t i, uint64_t raw);

/* Radix only. Sharing leaf tables between two address spaces (fork). */
bool table_can_share(const struct vm_host *h);
/* dst gets src's leaf table of vpn (dst has none there); both upper entries lose write permission. ENOMEM for dst's upper tables. */
int  table_share_leaf(struct table *dst, struct table *src, vpn_t vpn, struct err *e);
/*
 * Gives `t` a leaf table of its own. When others still use the old one, its entries are copied: every present
 * entry in both is made read-only and `copied` is called once per non-none entry of the copy, to count it.
 * When t is the last user its upper entry becomes writable again. ENOMEM: nothing changed.
 */
int  table_unshare_leaf(struct table *t, vpn_t vpn, void (*copied)(struct table *t, uint64_t raw), struct err *e);
/* Drops t's use of a shared leaf table without looking at its entries (exit, munmap of all of it). */
void table_drop_leaf(struct table *t, vpn_t vpn);
/* Splits a huge leaf into a table of ordinary entries, or ENOMEM. */
int  table_split_huge(struct table *t, vpn_t vpn, struct err *e);
/* Puts a huge leaf (2^huge pages, x86: 512) at vpn, where there is no table or an empty one. */
int  table_set_huge(struct table *t, vpn_t vpn, uint64_t raw, struct err *e);
unsigned table_huge_order(const struct vm_host *h); /* log2 pages of the lowest huge leaf; 0: the geometry has none */

/* The codec. Flags are VM_PTE_*; those that the format lacks are ignored or, for reading, as `lacking` below. */
enum entry_kind { ENTRY_NONE, ENTRY_PRESENT, ENTRY_PROTNONE, ENTRY_SWAPPED, ENTRY_NONSENSE };
enum entry_kind entry_kind(const struct vm_geometry *g, uint64_t raw);
uint64_t entry_present(const struct vm_geometry *g, pfn_t pfn, unsigned flags);
uint64_t entry_protnone(const struct vm_geometry *g, pfn_t pfn);   /* UINT64_MAX: cannot be expressed */
uint64_t entry_swapped(const struct vm_geometry *g, uint64_t slot); /* likewise */
/* present and protnone: the frame; swapped: the slot. */
uint64_t entry_number(const struct vm_geometry *g, uint64_t raw);
/* present: VM_PTE_*. A format without a write, user or exec bit permits; without A or D it says 0. */
unsigned entry_flags(const struct vm_geometry *g, uint64_t raw);
uint64_t entry_with_flags(const struct vm_geometry *g, uint64_t raw, unsigned set, unsigned clear);
static inline bool geometry_has_write(const struct vm_geometry *g) { return g->write != VM_BIT_NONE; }
static inline bool geometry_has_dirty(const struct vm_geometry *g) { return g->dirty != VM_BIT_NONE; }

#endif
