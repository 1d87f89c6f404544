/* inode.h - files inside the engine: directory entries, bytes on the disk, the page cache. */
#ifndef VMCORE_INODE_H
#define VMCORE_INODE_H

#include "host.h"
#include "tree.h"
#include "vm_disk.h"

/*
 * Which frames cache a file's pages, and which slots keep pages of shared memory that were swapped out: runs of
 * CACHE_RUN pages in a tree by first page, so sparse files cost what is there.
 */
enum { CACHE_RUN = 64, CACHE_NEAR = 8 /* at least */ };
struct cache_run {
	struct tree_node node;            /* in inode->runs */
	uint64_t first;                   /* page, a multiple of CACHE_RUN */
	uint32_t used;                    /* frames and slots in it; an empty run goes */
	uint32_t frame[CACHE_RUN];        /* PFN + 1; 0: not cached */
	uint32_t slot[CACHE_RUN];         /* shmem swapped out: slot + 1; 0: none. Then frame[] is 0 or its swap cache */
};

/* What the disk holds: blocks of DISK_BLOCK bytes, whatever the page size, so a new geometry leaves files alone. */
enum { DISK_BITS = 12, DISK_BLOCK = 1 << DISK_BITS, DISK_RUN = 64 };
#define DISK_BYTES ((uint64_t)1 << 30)    /* of the whole disk: ENOSPC beyond */
struct disk_block {
	uint8_t *bytes;                   /* NULL: zeros */
	uint64_t lines;                   /* where they may be other than zeros (lines.h) */
};
struct disk_run {
	struct tree_node node;            /* in inode->blocks */
	uint64_t first;                   /* block, a multiple of DISK_RUN */
	uint64_t taken;                   /* bit set: the block counts as used (a dirty page will be written to it) */
	struct disk_block block[DISK_RUN];
};

struct dir_entry {
	char    *name;                    /* NULL: gone, its place in `order` is kept for readers */
	struct vm_inode *dir, *inode;     /* inode: retained */
	uint64_t cookie;
	struct dir_entry *next_name;      /* other names of the same inode */
};

struct vm_inode {
	struct vm_host *host;
	uint32_t refs;                    /* names, descriptions, areas, executables, callers */
	uint64_t number;
	enum vm_inode_kind kind;
	bool     tmpfs, unlisted;
	uint32_t mode, uid, gid, links;
	ns_t     mtime, ctime;
	uint64_t size;
	struct tree runs, blocks;
	struct cache_run **near_runs;     /* found lately: by number; NULL: none */
	uint32_t nears;                   /* a power of two, as many as there are runs; 0 before the first */
	uint64_t cached, dirty, swapped;  /* pages in the cache, newer than the disk; in swap */
	uint64_t taken, filled;           /* blocks on the disk, and how many have been written; the others wait for it */
	bool     flush_at_close;          /* it was truncated to nothing: see vm_inode_closed() */
	struct tree mappings;             /* struct area by pgoff (mm.h), with the largest last page of each subtree */
	uint32_t writable_maps;
	struct dir_entry *names;          /* hard links; the first is the path that is shown */
	char    *label;                   /* without names: the last path, or that of an unlisted file; NULL: the root */
	/* directories */
	GHashTable *entries;              /* name -> dir_entry */
	GPtrArray *order;                 /* of dir_entry, by cookie */
	uint64_t next_cookie;
	uint64_t gone;                    /* entries of `order` without a name */
	char    *target;                  /* symbolic link */
	struct huge_object *huge;         /* an object of huge pages (hugetlb.h); else NULL */
};

/* cache.c. inode_page(): the frame that caches page `index`, bringing it in (major: from disk or swap). PFN_NONE: out of frames. */
pfn_t inode_page(struct vm_inode *i, uint64_t index, bool *major);
pfn_t inode_cached(const struct vm_inode *i, uint64_t index);      /* PFN_NONE */
void  inode_page_dirty(struct vm_inode *i, uint64_t index);        /* of a cached page: FRAME_DIRTY and counts */
void  inode_drop_page(struct vm_inode *i, uint64_t index);         /* out of the cache, without writing; nothing maps it */
uint64_t inode_pages(const struct vm_inode *i);                    /* size rounded up */
size_t inode_bytes_in_page(const struct vm_inode *i, uint64_t index); /* that lie before the end of the file */
/* Calls `each` for every cached page in [first, last]; it may drop the page. */
void  inode_each_cached(struct vm_inode *i, uint64_t first, uint64_t last,
			void (*each)(struct vm_inode *i, uint64_t index));
struct cache_run *inode_run(const struct vm_inode *i, uint64_t index); /* that contains it, or NULL */
/* The page will be asked for: what leads to it may be fetched meanwhile; `next`: that was said before. */
void inode_soon(const struct vm_inode *i, uint64_t index, bool next);
struct cache_run *inode_run_above(const struct vm_inode *i, uint64_t index); /* first run that ends above */
/*
 * A page of shared memory goes to `slot` or comes back: keeps run->slot, run->used, inode->swapped. The slot's
 * count is the caller's to give and take. UINT32_MAX: none.
 */
void  inode_set_slot(struct vm_inode *i, uint64_t index, uint32_t slot);
uint32_t inode_slot(const struct vm_inode *i, uint64_t index);
int   inode_write_page(struct vm_inode *i, uint64_t index);        /* one dirty page to the disk; entries become clean */
/* Blocks are found for what waits for them (ext4_alloc_da_blocks): where there is such a page, all dirty ones are written. */
void  inode_allocate(struct vm_inode *i);
/* cache_io.c. A hole punched (madvise remove): pages leave cache, disk and page tables. */
void  inode_punch(struct vm_inode *i, uint64_t first, uint64_t n);
/* Shared anonymous memory: an unnamed object of tmpfs. One reference is the caller's. */
struct vm_inode *inode_new_shm(struct vm_host *h, uint64_t size);
/* mappings.c. The areas that map a file's pages [first, last], in order: *cursor starts as NULL. */
struct area *inode_mapping_next(const struct vm_inode *i, uint64_t first, uint64_t last, struct area *cursor);
void  inode_free_pages(struct vm_inode *i);  /* cache, slots and disk blocks: the inode ends */

/* disk.c: bytes on the disk. */
void  disk_read(const struct vm_inode *i, uint64_t at, void *to, size_t len);
/* The first `len` bytes of a page into a frame, zeros behind them; and back. */
void  disk_read_page(const struct vm_inode *i, uint64_t index, pfn_t to, size_t len);
void  disk_write_page(struct vm_inode *i, uint64_t index, pfn_t from, size_t len);
void  disk_write(struct vm_inode *i, uint64_t at, const void *from, size_t len); /* takes blocks past DISK_BYTES if it must */
bool  disk_has(const struct vm_inode *i, uint64_t at);              /* the block there is no hole */
bool  disk_take(struct vm_inode *i, uint64_t at, uint64_t len);    /* blocks for these bytes; false: ENOSPC, nothing taken */
void  disk_drop(struct vm_inode *i, uint64_t at, uint64_t end);    /* whole blocks go, parts of blocks become zeros */
int   disk_init(struct vm_host *h);
void  disk_clear(struct vm_host *h);

#endif
