/* vm_frame.h - physical memory: the bytes of RAM and what each frame is used for. */
#ifndef VM_FRAME_H
#define VM_FRAME_H

#include "err.h"
#include "vm_types.h"

/*
 * RAM byte for byte, as a debugger's probe sees it. Writing over page tables pokes them: the next walk reads
 * what is there; what the OS part had put there is remembered, so accounts stay right (see vm_host_check()).
 * Both return the number of bytes done, less than `len` only at the end of RAM (0: nothing there).
 */
size_t vm_ram_read(const struct vm_host *h, pa_t at, void *to, size_t len);
size_t vm_ram_write(struct vm_host *h, pa_t at, const void *from, size_t len);
uint64_t vm_ram_size(const struct vm_host *h);

enum vm_frame_use { VM_FRAME_FREE, VM_FRAME_TABLE, VM_FRAME_ANON, VM_FRAME_FILE, VM_FRAME_ZERO,
		    VM_FRAME_KERNEL, VM_FRAME_USES };
extern const char *const vm_frame_use_names[VM_FRAME_USES];

enum { VM_FRAME_DIRTY = 1, VM_FRAME_REFERENCED = 2, VM_FRAME_LOCKED = 4 /* mlock */,
       VM_FRAME_SWAPCACHE = 8, VM_FRAME_WRITEBACK = 16, VM_FRAME_SHMEM = 32, VM_FRAME_HUGE_HEAD = 64,
       VM_FRAME_HUGE_TAIL = 128, VM_FRAME_ACTIVE = 256, VM_FRAME_SHARED_TABLE = 512 };

struct vm_frame {
	pfn_t    pfn;
	enum vm_frame_use use;
	uint32_t refs;      /* everything that holds it: mappings, page cache, swap cache, table tree */
	uint32_t maps;      /* (process, address) pairs that map it; a shared leaf table counts for each */
	int32_t  pid;       /* first owner; 0: none (page cache alone) */
	va_t     va;        /* where it maps it (a table: the first address it translates); valid if pid */
	unsigned flags;
	ns_t     age;       /* since it was taken into its present use */
	struct vm_inode *inode; /* of a file frame, not retained; else NULL */
	uint64_t index;     /* page number in that file */
	unsigned level;     /* of a table frame: 1 the root; else 0 */
};
/* False beyond RAM. */
bool vm_frame_at(const struct vm_host *h, pfn_t pfn, struct vm_frame *out);
/* The lowest frame at or above `pfn` that was ever used; false when there is none. */
bool vm_frame_above(const struct vm_host *h, pfn_t pfn, struct vm_frame *out);
uint64_t vm_frame_count(const struct vm_host *h);
/* Every (process, address) that maps the frame, in order of pid, then address. Stops when `each` returns false. */
void vm_frame_mappers(const struct vm_host *h, pfn_t pfn,
		      bool (*each)(void *arg, int32_t pid, va_t va), void *arg);
/* kpagecount and kpageflags (Linux's KPF_ bits) of the frames [first, first + n), one word each. */
void vm_kpagecount(const struct vm_host *h, pfn_t first, size_t n, uint64_t *out);
void vm_kpageflags(const struct vm_host *h, pfn_t first, size_t n, uint64_t *out);

#endif
