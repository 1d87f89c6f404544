/* vm_page.h - pages of a process: their state one by one, and summed up as smaps does. */
#ifndef VM_PAGE_H
#define VM_PAGE_H

#include "vm_area.h"
#include "vm_walk.h"

/* pagemap words (Linux bits: 63 present, 62 swapped, 61 file or shmem, 56 exclusive, 0-54 PFN or swap type + slot) of
 * the pages [first, first + n); a page without an entry is 0. */
void vm_pagemap(const struct vm_proc *p, vpn_t first, size_t n, uint64_t *out);

/* The lowest page at or above `first` that has an entry (present or swapped); false when there is none. */
bool vm_page_above(const struct vm_proc *p, vpn_t first, vpn_t *found);

enum vm_page_state { VM_PAGE_NONE, VM_PAGE_ZERO, VM_PAGE_ANON, VM_PAGE_FILE, VM_PAGE_SWAPPED, VM_PAGE_STATES };
extern const char *const vm_page_state_names[VM_PAGE_STATES];
struct vm_page {
	enum vm_page_state state;
	uint64_t pte;          /* as the table holds it */
	pfn_t    pfn;          /* PFN_NONE unless present */
	uint64_t slot;         /* the slot in its area that has its bytes (of a present page: too); PFN_NONE */
	unsigned swap_area;    /* the area's number, if there is a slot */
	unsigned flags;        /* VM_PTE_* of all levels ANDed */
	uint32_t refs, maps;   /* of the frame */
	bool     poked;        /* changed through mem/ram */
	unsigned huge_bits;    /* page_bits of a huge leaf; 0: an ordinary page */
	va_t     huge_va;
};
/* The entry of one page. */
void vm_page_at(const struct vm_proc *p, va_t va, struct vm_page *out);

/* smaps, in bytes but for pss and swap_pss: bytes << 12. */
struct vm_usage {
	uint64_t size, rss, shared_clean, shared_dirty, private_clean, private_dirty, referenced, anonymous,
		 lazyfree, anon_huge, shmem_pmd, file_pmd, shared_hugetlb, private_hugetlb, swap;
	uint64_t pss, pss_dirty, pss_anon, pss_file, pss_shmem, pss_locked, swap_pss;
	uint64_t page_size;
	bool     thp_eligible;
};
/* Adds the pages of the area that contains `at` to *sum. */
void vm_usage_area(const struct vm_proc *p, va_t at, struct vm_usage *sum);
/* numa_maps of one area, in pages. */
struct vm_numa { uint64_t anon, dirty, mapped, mapmax, swapcache, pages, page_size; /* bytes of one */ };
void vm_numa_area(const struct vm_proc *p, va_t at, struct vm_numa *out);

/* Table frames of a process, for pt/ and counts: the table at `level` (1 the root) that translates va. */
struct vm_table_page {
	pa_t     at;           /* of its first entry */
	uint64_t entries;
	unsigned entry_bits;   /* log2 of the bytes that one entry translates */
	va_t     first;        /* address that its first entry translates */
};
/* False when there is no such table. */
bool vm_table_at(const struct vm_proc *p, unsigned level, va_t va, struct vm_table_page *out);
/* Entry `i` of that table as the MMU would read it. */
void vm_table_entry(const struct vm_proc *p, const struct vm_table_page *t, uint64_t i, struct vm_walk_step *out,
		    bool *leaf);
/* Bytes of page tables, all levels, as the process sees it (shared leaf tables count for each). */
uint64_t vm_table_bytes(const struct vm_proc *p);

#endif
