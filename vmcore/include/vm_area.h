/*
 * vm_area.h - the address space: its areas (Linux: VMAs), and the system calls that change them.
 *
 * Calls behave as Linux 6.18 on x86-64 does, errno for errno, including what is left half done
 * (mprotect over a hole). `arg` in errors counts the call's own arguments from 0.
 */
#ifndef VM_AREA_H
#define VM_AREA_H

#include "err.h"
#include "vm_types.h"

enum { VM_PROT_READ = 1, VM_PROT_WRITE = 2, VM_PROT_EXEC = 4 };

/* Flags of an area; names in smaps' VmFlags in brackets, in Linux's order. */
enum vm_area_flag {
	VM_F_READ = 1 << 0, VM_F_WRITE = 1 << 1, VM_F_EXEC = 1 << 2, VM_F_SHARED = 1 << 3,         /* rd wr ex sh */
	VM_F_MAYREAD = 1 << 4, VM_F_MAYWRITE = 1 << 5, VM_F_MAYEXEC = 1 << 6, VM_F_MAYSHARE = 1 << 7, /* mr mw me ms */
	VM_F_GROWSDOWN = 1 << 8,                                  /* gd */
	VM_F_LOCKED = 1 << 9, VM_F_LOCKONFAULT = 1 << 10,         /* lo lf */
	VM_F_SEQ_READ = 1 << 11, VM_F_RAND_READ = 1 << 12,        /* sr rr */
	VM_F_DONTCOPY = 1 << 13, VM_F_DONTEXPAND = 1 << 14,       /* dc de */
	VM_F_ACCOUNT = 1 << 15, VM_F_NORESERVE = 1 << 16,         /* ac nr */
	VM_F_HUGETLB = 1 << 17, VM_F_WIPEONFORK = 1 << 18,        /* ht wf */
	VM_F_DONTDUMP = 1 << 19, VM_F_HUGEPAGE = 1 << 20, VM_F_NOHUGEPAGE = 1 << 21, /* dd hg nh */
	VM_F_MERGEABLE = 1 << 22,                                 /* mg */
	VM_F_ONLY_SHOWN = 1 << 23,   /* [vsyscall]: printed, never mapped */
	VM_F_EXEC_ONLY = 1 << 24,    /* protection key of --x */
	VM_F_KEEP = 1 << 25,         /* made by writing maps: not merged */
};

/* A copy of one area: it stays true however the process changes afterwards. */
struct vm_area {
	va_t     start, end;      /* bytes, page aligned, end exclusive */
	uint32_t flags;           /* enum vm_area_flag */
	uint64_t offset;          /* bytes in the file; 0 for private anonymous memory */
	struct vm_inode *inode;   /* of a mapped file or shared anonymous object, not retained; else NULL */
	const char *special;      /* "[vdso]", "[vvar]", ...; interned; NULL: none */
	bool     heap, stack;     /* as maps labels them */
};
/* Copies the lowest area that ends above `at`; false when there is none, which is not an error. */
bool vm_area_above(const struct vm_proc *p, va_t at, struct vm_area *out);
/* The same for a run of them: up to `n` areas, ascending, into `out`; how many. Linear in n. */
size_t vm_areas(const struct vm_proc *p, va_t at, struct vm_area *out, size_t n);
uint64_t vm_area_count(const struct vm_proc *p);

enum vm_map_flag { VM_MAP_SHARED = 1, VM_MAP_PRIVATE = 2, VM_MAP_ANON = 4, VM_MAP_FIXED = 8,
		   VM_MAP_FIXED_NOREPLACE = 16, VM_MAP_POPULATE = 32, VM_MAP_LOCKED = 64,
		   VM_MAP_NORESERVE = 128, VM_MAP_GROWSDOWN = 256, VM_MAP_HUGETLB = 512, VM_MAP_STACK = 1024 };
/*
 * mmap(2). `fd` is -1 for none; `inode`, when not NULL, is mapped through a description opened for this call
 * alone, read-write if the mapping needs it. The address goes to *result.
 */
struct vm_map_request {
	va_t     addr;
	uint64_t len;
	unsigned prot, flags;
	int      fd;
	struct vm_inode *inode;
	uint64_t offset;
};
int vm_mmap(struct vm_proc *p, const struct vm_map_request *r, va_t *result, struct err *e);
int vm_munmap(struct vm_proc *p, va_t at, uint64_t len, struct err *e);
int vm_mprotect(struct vm_proc *p, va_t at, uint64_t len, unsigned prot, struct err *e);
enum { VM_REMAP_MAYMOVE = 1, VM_REMAP_FIXED = 2, VM_REMAP_DONTUNMAP = 4 };
int vm_mremap(struct vm_proc *p, va_t old, uint64_t old_len, uint64_t new_len, unsigned flags, va_t fixed,
	      va_t *result, struct err *e);
/* madvise(2)'s advice by Linux's number (MADV_DONTNEED 4, ...); EINVAL for one that Linux does not know. */
int vm_madvise(struct vm_proc *p, va_t at, uint64_t len, int advice, struct err *e);
int vm_mlock(struct vm_proc *p, va_t at, uint64_t len, bool onfault, struct err *e);
int vm_munlock(struct vm_proc *p, va_t at, uint64_t len, struct err *e);
enum { VM_MSYNC_ASYNC = 1, VM_MSYNC_INVALIDATE = 2, VM_MSYNC_SYNC = 4 };
int vm_msync(struct vm_proc *p, va_t at, uint64_t len, unsigned flags, struct err *e);
/* One byte a page into `resident` (len rounded up to pages), 1 resident; the caller sizes it. */
int vm_mincore(struct vm_proc *p, va_t at, uint64_t len, uint8_t *resident, struct err *e);
/* brk(2): the break after the call in *result; ENOMEM when it did not move to `to`. `to` 0 asks. */
int vm_brk(struct vm_proc *p, va_t to, va_t *result, struct err *e);
va_t vm_break(const struct vm_proc *p, va_t *start);

/*
 * The layout of a whole address space replaced in one transaction (writing maps): areas ascending, not
 * overlapping, page aligned; kept as given, never merged. `path` as struct vm_area says by inode: the caller
 * resolved it. The area labelled heap sets the break, stack the stack. On an error nothing has changed.
 */
struct vm_layout_area {
	va_t     start, end;
	unsigned prot;
	bool     shared, heap, stack, only_shown;
	struct vm_inode *inode;   /* retained by the call; NULL: anonymous */
	uint64_t offset;
	const char *special;      /* "[vdso]", "[vvar]", ...: the label; copied; NULL: none */
};
int vm_layout_set(struct vm_proc *p, const struct vm_layout_area *areas, size_t n, struct err *e);
/* One more, where nothing is mapped: EEXIST otherwise. */
int vm_layout_add(struct vm_proc *p, const struct vm_layout_area *area, struct err *e);
/* One more, where nothing is mapped: EEXIST otherwise. */
int vm_layout_add(struct vm_proc *p, const struct vm_layout_area *area, struct err *e);
/* The special label of an area made so ("[vdso]"), or NULL. */
const char *vm_area_special(const struct vm_proc *p, va_t start);

#endif
