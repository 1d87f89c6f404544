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

#include "host.h"
#include "vm_geometry.h"
#include "vm_types.h"
#include "walk.h"

struct mm;

/* The page table of one address space. */
struct table {
	struct vm_host *host;
	struct mm *mm;
	pa_t     base;      /* what the MMU walks from (ptbr); PA_NONE: none yet */
	pa_t     own;       /* the OS part's own root + 1, == base + 1 unless by_hand; 0: none yet. table_*.c only */
	bool     by_hand;   /* ptbr was set (vm_set_ptbr() changes `base` alone) */
	uint32_t asid;
	uint32_t deposit;   /* leaf tables kept to split huge leaves with, through frame->next; PFN + 1 */
	uint64_t pages;     /* table frames beyond the root's (VmPTE counts these), shared ones included */
	struct page_index *index; /* hashed, inverted: the pages that have an entry, in order */
};
/* A fresh struct table is zero bytes but for host, mm, asid and base = PA_NONE, as this sets it. */
void table_init(struct table *t, struct vm_host *h, struct mm *mm, uint32_t asid);

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
	/* Tables on the way, then as span with limit vpn + 1: ENOMEM. span() of vpn finds the same entry until the next make(). */
	int  (*make)(struct table *t, vpn_t vpn, struct span *s, struct err *e);
	/* An entry came into use or became none: hashed tables keep its tag and their index; NULL: nothing to do. */
	void (*counted)(struct table *t, vpn_t vpn, struct span *s, bool used);
	/* Frees tables that translate only addresses within [floor, ceiling). Their entries are none. */
	void (*trim)(struct table *t, vpn_t floor, vpn_t ceiling);
	void (*destroy)(struct table *t);                    /* root and all; entries are none */
};
extern const struct table_ops table_ops[VM_TABLES];
/* table_radix.c: radix and, with one level, flat. */
int  radix_root(struct table *t, struct err *e);
void radix_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s);
int  radix_make(struct table *t, vpn_t vpn, struct span *s, struct err *e);
int  radix_make_upper(struct table *t, vpn_t vpn, unsigned without, struct err *e);
void radix_trim(struct table *t, vpn_t floor, vpn_t ceiling);
void radix_destroy(struct table *t);
/* table_hashed.c: hashed and inverted. */
int  hashed_root(struct table *t, struct err *e);
void hashed_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s);
int  hashed_make(struct table *t, vpn_t vpn, struct span *s, struct err *e);
void hashed_counted(struct table *t, vpn_t vpn, struct span *s, bool used);
void hashed_destroy(struct table *t);

int  table_root(struct table *t, struct err *e);
void table_span(const struct table *t, vpn_t vpn, vpn_t limit, struct span *s);
int  table_make(struct table *t, vpn_t vpn, struct span *s, struct err *e);
/* The tables on the way but for the lowest `without` levels: what calls that find nothing to do leave behind. ENOMEM. */
int  table_make_upper(struct table *t, vpn_t vpn, unsigned without, struct err *e);
/* How many levels of tables are missing for vpn: 0 the leaf table is there, or a huge leaf. */
unsigned table_missing(const struct table *t, vpn_t vpn);
void table_trim(struct table *t, vpn_t floor, vpn_t ceiling);
/* Frees the leaf table of vpn if all its entries are none (PT_RECLAIM); true if it did. */
bool table_trim_empty(struct table *t, vpn_t vpn);
void table_destroy(struct table *t);

/* The raw entry i of a span, in native byte order, as the MMU reads it. */
static inline uint64_t entry_raw(const struct vm_host *h, const struct span *s, uint64_t i)
{
	return pte_load(&h->mmu.format, s->entry + (i << h->mmu.format.pte_shift));
}
/* As the OS part put it. */
static inline uint64_t entry_os(const struct vm_host *h, const struct span *s, uint64_t i)
{
	const uint64_t *os_value = s->poked ? poke_at(h, s->at + (i << h->mmu.format.pte_shift)) : NULL;

	return os_value ? *os_value : entry_raw(h, s, i);
}
/* Sets entry i (counts table->entries, ends a poke of it with an event). The span is not shared. Flushes no TLB. */
void entry_set(struct table *t, vpn_t first, struct span *s, uint64_t i, uint64_t raw);

/* The frame that says whose table `pfn` belongs to: the first of its 2^order. */
static inline struct frame *table_head(const struct vm_host *h, pfn_t pfn)
{
	return frame_of(h, pfn & -((pfn_t)1 << frame_of(h, pfn)->order));
}
/* Frees the global table of an inverted host; ram.c. */
void table_global_free(struct vm_host *h);

/*
 * Radix only. Sharing leaf tables between two address spaces (fork): where upper entries can forbid writing.
 * None of these flushes a TLB: after table_share_leaf() entries of src that permit writing are stale.
 */
bool table_can_share(const struct vm_host *h);
/* dst gets src's leaf table of vpn (dst has none there); both upper entries lose write permission. ENOMEM for dst's upper tables. */
int  table_share_leaf(struct table *dst, struct table *src, vpn_t vpn, struct err *e);
/*
 * The same for many: leaf tables from vpn's on, which starts one, until one that ends beyond `end`, that has a flag of
 * `refuse`, or for which dst already has something; each gets `mark`. Adds up the entries of those shared. Returns the
 * number of pages that are done: 0 says nothing about errors, table_share_leaf() will. Leaf tables may be missing between.
 */
uint64_t table_share_run(struct table *dst, struct table *src, vpn_t vpn, vpn_t end, uint32_t refuse, uint32_t mark,
			 uint64_t *entries, struct err *e);
/* And back: shared leaf tables are dropped until one that is not shared or has a flag of `refuse`. */
uint64_t table_drop_run(struct table *t, vpn_t vpn, vpn_t end, uint32_t refuse, uint64_t *entries);
/*
 * Gives `t` a leaf table of its own. When others still use the old one, its entries are copied: every present
 * entry in both is made read-only and `copied` is called once per non-none entry of the copy, to count it.
 * When t is the last user its upper entry becomes writable again. ENOMEM: nothing changed.
 */
int  table_unshare_leaf(struct table *t, vpn_t vpn, void (*copied)(struct table *t, uint64_t raw), struct err *e);
/* Drops t's use of a shared leaf table without looking at its entries (exit, munmap of all of it). */
void table_drop_leaf(struct table *t, vpn_t vpn);
/* A leaf table set aside for a huge leaf of one's own, so that splitting it never fails (as on Linux, it counts in VmPTE). */
int  table_deposit(struct table *t, struct err *e);
void table_withdraw(struct table *t);               /* one is not needed any more */
/* Splits a huge leaf into a table of ordinary entries, or ENOMEM. */
int  table_split_huge(struct table *t, vpn_t vpn, struct err *e);
/* Puts a huge leaf (2^huge pages, x86: 512) at vpn, where there is no table or an empty one. */
int  table_set_huge(struct table *t, vpn_t vpn, uint64_t raw, struct err *e);
unsigned table_huge_order(const struct vm_host *h); /* log2 pages of the lowest huge leaf; 0: the geometry has none */

/* The codec. Flags are VM_PTE_*; those that the format lacks are ignored or, for reading, as `lacking` below. */
enum entry_kind { ENTRY_NONE, ENTRY_PRESENT, ENTRY_PROTNONE, ENTRY_SWAPPED, ENTRY_NONSENSE };
enum entry_kind entry_kind_judged(const struct vm_geometry *g, uint64_t raw);
static inline enum entry_kind entry_kind(const struct vm_geometry *g, uint64_t raw)
{
	if (raw == 0)
		return ENTRY_NONE;
	return (raw >> g->valid & 1) && !g->leaf_by_rwx ? ENTRY_PRESENT : entry_kind_judged(g, raw);
}
uint64_t entry_present(const struct vm_geometry *g, pfn_t pfn, unsigned flags);
/* `dirty`: its D bit, kept where the format has room for it. UINT64_MAX: cannot be expressed. */
uint64_t entry_protnone(const struct vm_geometry *g, pfn_t pfn, bool dirty);
bool entry_protnone_dirty(const struct vm_geometry *g, uint64_t raw);
bool entry_protnone_keeps_dirty(const struct vm_geometry *g);
uint64_t entry_swapped(const struct vm_geometry *g, uint64_t slot); /* likewise */
uint64_t entry_slots(const struct vm_geometry *g);    /* the lowest slot that cannot be expressed */
/* present and protnone: the frame; swapped: the slot. */
uint64_t entry_number_packed(const struct vm_geometry *g, uint64_t raw);
static inline uint64_t entry_number(const struct vm_geometry *g, uint64_t raw)
{
	if (raw >> g->valid & 1)
		return raw >> g->ppn_shift & (((uint64_t)1 << g->ppn_bits) - 1);
	return entry_number_packed(g, raw);
}
/* present: VM_PTE_*. A format without a write, user or exec bit permits; without A or D it says 0. */
unsigned entry_flags(const struct vm_geometry *g, uint64_t raw);
uint64_t entry_with_flags(const struct vm_geometry *g, uint64_t raw, unsigned set, unsigned clear);
static inline bool geometry_has_write(const struct vm_geometry *g) { return g->write != VM_BIT_NONE; }
static inline bool geometry_has_dirty(const struct vm_geometry *g) { return g->dirty != VM_BIT_NONE; }

#endif
