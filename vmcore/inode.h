/* inode.h - files inside the engine: directory entries, bytes on the disk, the page cache. */
#ifndef VMCORE_INODE_H
#define VMCORE_INODE_H

#include "host.h"
#include "tree.h"
#include "vm_disk.h"

/*
 * A run of a file's pages: what the disk holds (real memory of this program) and which frames cache them. Runs of
 * CACHE_RUN pages in a tree by first page, so sparse files cost what is there.
 */
enum { CACHE_RUN = 64 };
struct cache_run {
	struct tree_node node;
	uint64_t first;                   /* page, a multiple of CACHE_RUN */
	uint32_t frame[CACHE_RUN];        /* PFN + 1; 0: not cached */
	uint32_t slot[CACHE_RUN];         /* shmem swapped out: slot + 1; 0: none */
	uint8_t *disk[CACHE_RUN];         /* a page of bytes, or NULL: a hole */
};

struct vm_inode {
	struct vm_host *host;
	uint32_t refs;
	uint64_t number;
	enum vm_inode_kind kind;
	bool     tmpfs, unlisted;
	uint32_t mode, uid, gid, links;
	ns_t     mtime, ctime;
	uint64_t size;
	struct tree runs;
	uint64_t cached, dirty, disk_pages, swapped;
	struct tree mappings;             /* struct area by pgoff (mm.h) */
	uint32_t writable_maps;
	/* directories */
	struct vm_inode *parent;          /* for paths; not retained; NULL: root or no name */
	char    *name;                    /* in parent; or the path of an unlisted file; or a memfd-like label */
	GHashTable *entries;              /* name -> dir_entry */
	GPtrArray *order;                 /* by cookie */
	uint64_t next_cookie;
	char    *target;                  /* symbolic link */
};

/* cache.c. inode_page(): the frame that caches page `index`, bringing it in (major: from the disk). PFN_NONE: out of frames. */
pfn_t inode_page(struct vm_inode *i, uint64_t index, bool *major);
pfn_t inode_cached(const struct vm_inode *i, uint64_t index);      /* PFN_NONE */
void  inode_page_dirty(struct vm_inode *i, uint64_t index);        /* FRAME_DIRTY and counts */
void  inode_drop_page(struct vm_inode *i, uint64_t index);         /* out of the cache; nothing maps it */
uint64_t inode_pages(const struct vm_inode *i);                    /* size rounded up */
struct cache_run *inode_run(const struct vm_inode *i, uint64_t index); /* that contains it, or NULL */
struct cache_run *inode_run_make(struct vm_inode *i, uint64_t index);
struct cache_run *inode_run_above(const struct vm_inode *i, uint64_t index); /* first run that ends above */
int   inode_write_page(struct vm_inode *i, uint64_t index);        /* one dirty page to the disk; entries become clean */
/* A hole punched (madvise remove): pages leave cache, disk and page tables. */
void  inode_punch(struct vm_inode *i, uint64_t first, uint64_t n);
/* Shared anonymous memory: an unnamed object of tmpfs. One reference is the caller's. */
struct vm_inode *inode_new_shm(struct vm_host *h, uint64_t size);
/* A frame for frame_alloc(): drops the oldest clean unmapped page-cache page, after writing it if dirty. False: none. */
bool  reclaim_for_frame(struct vm_host *h);
int   disk_init(struct vm_host *h);
void  disk_clear(struct vm_host *h);

#endif
