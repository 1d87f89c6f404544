/*
 * page.h - the entries of one address space and the frames behind them: what fault.c and page_*.c share.
 *
 * Counts. Each entry that is present or protnone holds one reference of its frame. frame->maps counts (process, address)
 * pairs, with one exception that makes fork fast: a leaf table that fork has shared (sharers > 1) and that is not
 * TABLE_COUNTED holds only frames with maps == 1, which stands for all its sharers. When one of three or more sharers
 * leaves such a table, its frames get the full number and it becomes TABLE_COUNTED: then each sharer that goes takes 1 off.
 *
 * A leaf table without TABLE_MIXED holds nothing but the zero frame and anonymous frames with maps == 1 that are neither
 * FRAME_DIRTY, in the swap cache, LAZYFREE nor part of a huge page: whoever sums up its pages need not look at the frames.
 *
 * TABLE_SHARED stays on the table after all sharers but one have gone: fork has made each of them read-only, and as on
 * Linux each page must take one more fault before it can be written. leaf_own() turns that into read-only entries.
 */
#ifndef VMCORE_PAGE_H
#define VMCORE_PAGE_H

#include "mm.h"
#include "proc.h"
#include "swap.h"

#include <inttypes.h>

static inline vpn_t vpn_of(const struct vm_host *h, va_t va) { return va >> h->geometry.page_bits; }

/* Pages that one leaf table translates; 0 where there are no leaf tables that could be shared. */
static inline uint64_t leaf_pages(const struct vm_host *h)
{
	const struct vm_geometry *g = &h->geometry;

	return g->table == VM_TABLE_RADIX ? (uint64_t)1 << g->index_bits[g->levels - 1] : 0;
}

/* The frame of a span's table; NULL for tables of all processes. */
static inline struct frame *span_table(const struct vm_host *h, const struct span *s)
{
	return s->table == PFN_NONE ? NULL : frame_of(h, s->table);
}
static inline void span_mark(const struct vm_host *h, const struct span *s, uint32_t flags)
{
	if (s->table != PFN_NONE)
		frame_of(h, s->table)->flags |= flags;
}
/* Several processes use the table. */
static inline bool span_is_shared(const struct span *s) { return s->entry && s->sharers > 1; }
/* Shared, or not yet taken back: see TABLE_SHARED. */
static inline bool span_is_lent(const struct vm_host *h, const struct span *s)
{
	return s->entry && s->table != PFN_NONE && (frame_of(h, s->table)->flags & TABLE_SHARED);
}
/* Its pages can be summed up from the entries alone. */
static inline bool span_is_plain(const struct vm_host *h, const struct span *s)
{
	return s->table != PFN_NONE && !s->poked && !s->huge && !(frame_of(h, s->table)->flags & TABLE_MIXED);
}

static inline bool entry_names_frame(const struct vm_geometry *g, uint64_t raw)
{
	enum entry_kind k = entry_kind(g, raw);

	return k == ENTRY_PRESENT || k == ENTRY_PROTNONE;
}
/* VM_PTE_* of a present or protnone entry; of the latter D is all there is. */
static inline unsigned page_flags(const struct vm_geometry *g, uint64_t raw)
{
	if (entry_kind(g, raw) == ENTRY_PRESENT)
		return entry_flags(g, raw);
	return entry_protnone_dirty(g, raw) ? VM_PTE_DIRTY : 0;
}
/* Entry i of a span whose first page is vpn; of a huge leaf, as if it had been split. */
static inline uint64_t span_entry(const struct vm_host *h, const struct span *s, vpn_t vpn, uint64_t i)
{
	const struct vm_geometry *g = &h->geometry;
	uint64_t raw = entry_os(h, s, s->huge ? 0 : i), pfn;

	if (!s->huge || raw == 0)
		return raw;
	pfn = entry_number(g, raw) + ((vpn + i) & (((uint64_t)1 << s->huge_bits) - 1));
	return entry_kind(g, raw) == ENTRY_PRESENT ? entry_present(g, pfn, entry_flags(g, raw))
						   : entry_protnone(g, pfn, entry_protnone_dirty(g, raw));
}
/* A format without a dirty bit says nothing: what may be written counts as written. */
static inline bool flags_dirty(const struct vm_geometry *g, unsigned flags)
{
	return flags & (geometry_has_dirty(g) ? VM_PTE_DIRTY : VM_PTE_WRITE);
}

static inline uint64_t *rss_of(struct mm *mm, const struct frame *f)
{
	if (f->use != VM_FRAME_FILE)
		return &mm->rss_anon;
	return f->flags & FRAME_SHMEM ? &mm->rss_shmem : &mm->rss_file;
}
void rss_add(struct mm *mm, const struct frame *f, uint64_t n); /* the zero frame counts nowhere */
void rss_peak(struct mm *mm);

/* leaf.c */
/* The leaf table of vpn becomes the process's own, as entries that say what the process may do. ENOMEM: nothing changed. */
int leaf_own(struct mm *mm, vpn_t vpn, struct err *e);
/* Every sharer of the span's leaf table is counted in frame->maps from now on. */
void leaf_count(struct vm_host *h, struct span *leaf);
/* Looks through a whole mixed leaf table; true if it is a plain one after all, which it then is marked as. */
bool leaf_is_plain_again(struct vm_host *h, struct span *leaf);
/* The process gives up its use of a shared leaf table; its entries stay for the others. */
void leaf_drop(struct mm *mm, vpn_t vpn);
/* Gives up all shared leaf tables in the area, many at once where they need no look at their entries. */
void leaf_drop_area(struct area *a);

/* page.c */
/* A fresh anonymous frame for `va` of an area that has an anon: one reference, no entry yet. PFN_NONE. */
pfn_t page_new(struct area *a, va_t va, bool zero);
uint64_t page_index(const struct area *a, va_t va); /* frame->index of a page there */
/* Entry i of the span, which was none or a slot's, maps the frame; the caller's reference becomes the entry's. */
void page_map(struct area *a, va_t va, struct span *s, uint64_t i, pfn_t pfn, unsigned flags);
/* What becomes of frame, slot and counters when such an entry of `a` goes; the entry itself is the caller's. */
void page_gone(struct area *a, uint64_t raw);
/* Gives back one reference. */
void page_put(struct vm_host *h, pfn_t pfn);
/* An entry or object that named the slot has gone. */
void page_slot_put(struct vm_host *h, uint32_t slot);
/* The frame leaves the swap cache, which gives up its reference; the slot keeps its bytes for those who name it. */
void page_uncache(struct vm_host *h, pfn_t pfn);
/* Linux's folio_free_swap(): the frame leaves the swap cache and is dirty; false while entries still name the slot. */
bool page_leave_swap(struct vm_host *h, pfn_t pfn);
pfn_t zero_frame(struct vm_host *h);                  /* PFN_NONE */
/* Entry i of the span gets other flags; not for pokes. */
void page_set_flags(struct mm *mm, vpn_t first, struct span *s, uint64_t i, uint64_t raw, unsigned set, unsigned clear);
/* The TLB forgets pages whose translation or permission has been taken away. */
void pages_flush(struct mm *mm, vpn_t first, vpn_t end);

/*
 * page_evict.c: the frame leaves RAM: to its slot, its file or for good; Linux's shrink_folio_list(). False: it stays (locked, no
 * slot, a transfer under way, somebody waits for it), perhaps unmapped (a dirty page of a disk file).
 * frame_evict() frees it at once; the time of a write is for paging_end(). frame_evict_later() (kswapd) only begins a write:
 * the frame is FRAME_WRITEBACK until the device is done and is then free, unless an entry maps it again.
 * *slot: where an anonymous page or one of shared memory is then; else as it was.
 */
bool frame_evict(struct vm_host *h, pfn_t pfn, uint32_t *slot);
bool frame_evict_later(struct vm_host *h, pfn_t pfn, uint32_t *slot);

/* swap_off.c: every entry of the process that names a slot, until `each` returns false; it may bring the page in. */
void pages_swapped(struct mm *mm, bool (*each)(void *arg, struct area *a, va_t va, uint32_t slot), void *arg);

/* page_huge.c */
/* A huge leaf with these flags for an anonymous fault, if the area asks for it and frames allow. */
bool huge_fault(struct area *a, va_t va, unsigned flags);
/* The same for a read: a huge leaf of zeros. */
bool huge_zero_fault(struct area *a, va_t va, unsigned flags);
/* A store to the leaf of zeros brings a huge page instead; false: there is none to be had, or it is no such leaf. */
bool huge_fill(struct area *a, vpn_t vpn, const struct span *s, unsigned flags);
/* The huge leaf of vpn, if there is one, becomes a table of ordinary entries. ENOMEM: nothing changed. */
int  huge_split(struct mm *mm, vpn_t vpn, struct err *e);
/* The pages of `s`, from vpn on, go if that is all of the huge leaf; else it is split. */
void huge_zap(struct area *a, vpn_t vpn, const struct span *s);
/* The whole huge leaf follows the area's flags; false: it has to be split for that. */
bool huge_protect(struct area *a, vpn_t vpn, const struct span *s);
/* fork: the child maps the whole huge leaf too, both read-only. ENOMEM. */
int  huge_copy(struct area *dst, struct area *src, vpn_t vpn, const struct span *s, struct err *e);
/* A store to a read-only leaf whose frames nobody else has makes it writable; false: they have. */
bool huge_reuse(struct area *a, vpn_t vpn, const struct span *s, unsigned flags);
/* madvise free of the whole leaf; false: it has to be split for that. */
bool huge_free_lazily(struct area *a, vpn_t vpn, const struct span *s);

/* page_protect.c: entry `raw` as the area's flags want it. */
uint64_t page_protected(struct area *a, uint64_t raw);

#endif
