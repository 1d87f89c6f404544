/*
 * mm.h - the address space inside the engine: areas, who shares their pages, and what is done to pages.
 *
 * Areas are Linux's VMAs: a tree by address that knows the largest hole below each node. An area with private
 * written pages has an `anon` (Linux: anon_vma); areas that a fork copied hang on the anons of their ancestors too, through
 * links (anon_vma_chain), so all mappings of an anonymous frame are found from frame->anon. Files and
 * shared anonymous objects know the areas that map them (inode->mappings).
 */
#ifndef VMCORE_MM_H
#define VMCORE_MM_H

#include "host.h"
#include "table.h"
#include "tree.h"
#include "vm_access.h"
#include "vm_area.h"
#include "walk.h"

struct file; /* an open file description, file.h */

struct anon {
	uint32_t refs;        /* areas whose `anon` it is, links, frames */
	struct anon *root;    /* of the fork family */
	struct anon *parent;  /* itself for the first */
	uint32_t children, active; /* Linux's num_children, num_active_vmas: when an anon may be taken over at fork */
	struct tree links;    /* struct anon_link by first page, with the largest last page of each subtree */
};
struct anon_link {
	struct anon *anon;
	struct area *area;
	struct anon_link *next;  /* in area->links */
	struct tree_node node;   /* in anon->links */
	uint64_t last;           /* largest last pgoff below */
};

struct area {
	struct tree_node node;   /* in mm->areas, by start */
	va_t     start, end;
	uint64_t gap, max_gap;   /* bytes free below start; largest in the subtree */
	uint32_t flags;          /* VM_F_* */
	uint32_t page_prot;      /* VM_PTE_* a fresh entry may carry; see area_page_flags() */
	uint64_t pgoff;          /* pages: in the object; private anonymous: start / page at its making */
	struct mm *mm;
	struct file *file;       /* open file description: the merge key; NULL for anonymous memory, shared too */
	struct vm_inode *inode;  /* file's or the shared anonymous object; NULL: private anonymous */
	struct tree_node shared; /* in inode->mappings, by pgoff */
	uint64_t shared_last;
	struct anon *anon;
	struct anon_link *links; /* newest first: its own anon, then the ancestors' */
	const char *special;     /* interned "[vdso]"; NULL */
};

struct mm {
	struct vm_host *host;
	uint32_t users;          /* processes (vfork-like sharing does not exist: 1), threads are in the process */
	uint64_t generation;     /* grows with every change to it */
	struct tree areas;
	struct table table;
	va_t     start_brk, brk, start_code, end_code, start_data, end_data, start_stack, arg_start, arg_end,
		 env_start, env_end;
	/* pages */
	uint64_t total, locked, data, exec, stack;        /* total_vm, locked_vm, data_vm, exec_vm, stack_vm */
	uint64_t rss_anon, rss_file, rss_shmem, swapped;  /* entries; a shared leaf table's count for each */
	uint64_t rss_peak, total_peak;
	struct vm_proc *owner;   /* for pid, limits, faults */
};

static inline struct area *area_of(struct tree_node *n) { return n ? tree_entry(n, struct area, node) : NULL; }
static inline uint64_t area_pages(const struct area *a, unsigned page_bits) { return (a->end - a->start) >> page_bits; }

/* mm.c - an address space comes, is copied, goes. */
struct mm *mm_new(struct vm_host *h, struct vm_proc *owner);
void mm_free(struct mm *mm);                      /* exit_mmap: areas, pages, tables */
/* fork: areas, links, entries (Linux's dup_mmap). ENOMEM: *out untouched, everything undone. */
int  mm_copy(struct mm *from, struct vm_proc *owner, struct mm **out, struct err *e);
uint64_t mm_limit(const struct mm *mm, int rlimit); /* owner's soft limit */
va_t mm_top(const struct vm_host *h);             /* end of user addresses, 0x7ffffffff000 on x86-64 */
va_t mm_map_top(const struct vm_host *h);         /* M: 0x7ffff7fff000 */

/* area.c - the tree of areas: find, split, merge, link. No pages. */
struct area *area_find(const struct mm *mm, va_t at);   /* lowest with end > at (Linux's find_vma) */
struct area *area_at(const struct mm *mm, va_t at);     /* that contains `at` */
struct area *area_next(const struct area *a);
struct area *area_prev(const struct area *a);
struct area *area_new(struct mm *mm, va_t start, va_t end, uint32_t flags, uint64_t pgoff, struct file *file,
		      struct vm_inode *inode); /* retains file and inode; not linked */
void area_link(struct area *a);                         /* into mm and inode->mappings; accounts total, data, ... */
void area_unlink(struct area *a);                       /* the reverse */
void area_free(struct area *a);                         /* not linked; drops anon links, file, inode */
/* Splits at `at` (page aligned, inside); returns the upper part. Anon links are cloned. */
struct area *area_split(struct area *a, va_t at);
/* Moves the bounds of a linked area, keeping all trees right. */
void area_set_bounds(struct area *a, va_t start, va_t end, uint64_t pgoff);
/* What a fresh entry may carry by flags: no write for private or write-notified pages. */
unsigned area_page_flags(const struct area *a);
/* Linux's vma_wants_writenotify: shared, writable, on a disk file: clean pages are mapped read-only. */
bool area_wants_notify(const struct area *a);
uint32_t prot_to_flags(unsigned prot);

/* anon.c - who shares anonymous pages, and from a frame to every entry that maps it. */
int  anon_prepare(struct area *a);                        /* __anon_vma_prepare: gives it an anon, reusing a neighbour's */
void anon_clone(struct area *dst, const struct area *src);/* anon_vma_clone */
void anon_fork(struct area *child, const struct area *parent); /* anon_vma_fork */
void anon_unlink(struct area *a);                         /* unlink_anon_vmas */
void anon_retain(struct anon *n);
void anon_release(struct anon *n);
void anon_area_moved(struct area *a, bool before);        /* bounds or pgoff about to change (before) / changed: keeps links' trees in order */
/* Calls `each` for every area and address that may map the frame; it must look at the entry itself. Stops at false. */
void rmap_walk(struct vm_host *h, pfn_t pfn, bool (*each)(void *arg, struct area *a, va_t va), void *arg);
/* Takes the frame out of every page table (truncate, pageout): swap entries if slot is not UINT32_MAX. */
bool rmap_unmap(struct vm_host *h, pfn_t pfn, uint32_t slot);
/* Processes and addresses that map it: frame->maps, leaf-table sharers counted. `s` is a span whose entry names it. */
uint32_t page_mapcount(const struct vm_host *h, const struct span *s, pfn_t pfn);

/* page.c - what system calls do to the entries of [start, end), which lies within one area. */
void pages_zap(struct area *a, va_t start, va_t end);     /* drops entries: frames, slots, rss, TLB. Never fails */
void pages_zap_cow(struct area *a, va_t start, va_t end); /* truncate: even private copies */
void pages_protect(struct area *a, va_t start, va_t end); /* entries follow the area's new flags (change_protection) */
/* Moves entries to `to` in the same mm (move_page_tables): returns bytes moved, less than asked when out of table frames. */
uint64_t pages_move(struct area *from_area, va_t from, struct area *to_area, va_t to, uint64_t len);
/* fork's copy_page_range: shares leaf tables where it may, else copies entries. ENOMEM. */
int  pages_copy(struct area *dst, struct area *src, struct err *e);
void pages_free_tables(struct mm *mm, va_t floor, va_t ceiling); /* free_pgtables: floor, ceiling: ends of the areas around */
/* Faults pages in as get_user_pages does; write: with a store's fault. Stops at the first failure: -EFAULT, -ENOMEM, with the bytes done. */
int  pages_populate(struct mm *mm, va_t start, va_t end, bool write, uint64_t *done, struct err *e);
/* mm_populate() after mmap, mlock, brk: area by area, write for private writable ones; failures are silent unless mlock's. */
int  mm_populate(struct mm *mm, va_t start, uint64_t len, bool report, struct err *e);
/* madvise's page work, each within one area. */
void pages_dontneed(struct area *a, va_t start, va_t end);  /* zap, then PT_RECLAIM of whole empty tables */
void pages_free_lazily(struct area *a, va_t start, va_t end);
void pages_cold(struct area *a, va_t start, va_t end);
void pages_pageout(struct area *a, va_t start, va_t end);
void pages_resident(struct area *a, va_t start, va_t end, uint8_t *vec); /* mincore */
void pages_set_locked(struct area *a, va_t start, va_t end, bool locked);
void pages_clean(struct vm_inode *inode, uint64_t first, uint64_t n); /* writeback: entries of these file pages become clean and read-only where notified */

/* fault.c - from a fault address to an entry, or to a signal. */
enum fault_result { FAULT_DONE, FAULT_SIGNAL, FAULT_NOMEM, FAULT_AGAIN };
/* One fault of process p; as handle_mm_fault with the checks of do_user_addr_fault before it. */
enum fault_result fault_handle(struct vm_proc *p, va_t va, enum vm_access how, const struct translation *why,
			       struct vm_outcome *out, struct err *e);
/* The part after the checks, for populate: no signal, no record. -EFAULT, -ENOMEM or 0. */
int  fault_in(struct area *a, va_t va, enum vm_access how, bool *major, const char **resolution, struct err *e);
/* expand_stack for a growsdown area above `at`; NULL when refused. */
struct area *area_grow_down(struct mm *mm, va_t at);

/* map.c: shared with execve, maps writing, brk. */
int  map_region(struct mm *mm, va_t start, uint64_t len, uint32_t flags, uint64_t pgoff, struct file *file,
		struct vm_inode *inode, struct area **out, struct err *e); /* merges; range is free */
int  unmap_region(struct mm *mm, va_t start, va_t end, struct err *e);      /* do_munmap with its checks done */
/* A free range, top-down from mm_map_top(), Linux's rules; 0 with ENOMEM. */
va_t find_hole(struct mm *mm, va_t hint, uint64_t len, unsigned map_flags, uint32_t flags, bool file, struct err *e);
bool may_expand(struct mm *mm, uint32_t flags, uint64_t pages);  /* RLIMIT_AS, RLIMIT_DATA */
int  account_memory(struct vm_host *h, uint64_t pages, struct err *e); /* VM_ACCOUNT: overcommit by config; ENOMEM */
void unaccount_memory(struct vm_host *h, uint64_t pages);
/* Linux's vma_merge for a new range and for a modified one; the merged area or NULL. */
struct area *merge_new(struct mm *mm, struct area *prev, struct area *next, va_t start, va_t end, uint32_t flags,
		       uint64_t pgoff, struct file *file, struct vm_inode *inode, struct anon *anon,
		       const struct area *copied_from);
struct area *merge_modified(struct area *a, va_t start, va_t end, uint32_t new_flags); /* splits and merges; the area that covers [start, end) */

#endif
