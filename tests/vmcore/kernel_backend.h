/* kernel_backend.h - what executes scripts: system calls, accesses and looks at a process. */
#ifndef KERNEL_BACKEND_H
#define KERNEL_BACKEND_H

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>

#define BASE_A 0x10000000000
#define BASE_H 0x18000000000
#define BASE_M 0x7ffff7fff000
#define BASE_S 0x7ffffffff000
#define BASE_NEAR 0x4000000000 /* addresses are written relative to a base that is so near */
enum { PAGE = 4096 };

/* An area as smaps shows it. */
struct seen_area {
	uint64_t start, end, offset;
	char     perms[5];
	char     label[64];       /* "anon", "[heap]", "[stack]", "shm", or the file's name, with ~ if unlinked */
	char     flags[128];      /* VmFlags, commas between */
	uint64_t rss, shared_clean, shared_dirty, private_clean, private_dirty, anonymous, swap; /* bytes */
	uint64_t pss, swap_pss, locked; /* KiB */
	uint64_t huge, own_huge, shared_huge, page; /* bytes: AnonHugePages, Private_Hugetlb, Shared_Hugetlb, KernelPageSize */
};
/* A page as pagemap shows it. */
struct seen_page {
	char     code;            /* . z A a F f s */
	uint64_t frame;           /* of a present page */
};
struct access {
	uint64_t faults;
	const char *signal;       /* "SEGV MAPERR", or NULL */
	uint64_t addr;            /* si_addr */
};
struct map_call { uint64_t at, len; unsigned prot, flags; const char *file; uint64_t offset; };

/* Calls return 0 or an errno. Processes and files go by the script's names; a file may carry ":ro", ":wo" or ":new". */
struct backend {
	const char *name;
	void *(*start)(bool swap);
	void (*stop)(void *w);
	int (*file)(void *w, const char *name, bool tmpfs, uint64_t size, int seed /* -1: sparse */);
	int (*spawn)(void *w, const char *p);
	int (*fork)(void *w, const char *p, const char *child);
	int (*exit)(void *w, const char *p);
	int (*mmap)(void *w, const char *p, const struct map_call *c, uint64_t *result);
	int (*munmap)(void *w, const char *p, uint64_t at, uint64_t len);
	int (*mprotect)(void *w, const char *p, uint64_t at, uint64_t len, unsigned prot);
	int (*mremap)(void *w, const char *p, uint64_t old, uint64_t old_len, uint64_t new_len, unsigned flags,
		      uint64_t to, uint64_t *result);
	int (*madvise)(void *w, const char *p, uint64_t at, uint64_t len, int advice);
	int (*mlock)(void *w, const char *p, uint64_t at, uint64_t len, bool onfault);
	int (*munlock)(void *w, const char *p, uint64_t at, uint64_t len);
	int (*msync)(void *w, const char *p, uint64_t at, uint64_t len, unsigned flags);
	int (*mincore)(void *w, const char *p, uint64_t at, uint64_t len, uint8_t *vec);
	int (*brk)(void *w, const char *p, int64_t delta, uint64_t *result);
	int (*load)(void *w, const char *p, uint64_t at, uint8_t *to, size_t len, struct access *out);
	int (*store)(void *w, const char *p, uint64_t at, uint8_t byte, struct access *out);
	int (*fetch)(void *w, const char *p, uint64_t at, struct access *out);
	int (*truncate)(void *w, const char *p, const char *file, uint64_t len);
	int (*pwrite)(void *w, const char *p, const char *file, uint64_t at, uint8_t byte);
	int (*pread)(void *w, const char *p, const char *file, uint64_t at, int *byte /* -1: end of file */);
	int (*unlink)(void *w, const char *p, const char *file);
	bool (*area_above)(void *w, const char *p, uint64_t at, struct seen_area *out);
	void (*pages)(void *w, const char *p, uint64_t at, size_t n, struct seen_page *out);
	void (*counts)(void *w, const char *p, uint64_t *brk, uint64_t *tables, uint64_t *locked, uint64_t *huge); /* pages */
	/* Huge pages set aside, and what has become of them: total, free, reserved, surplus. */
	void (*hugepages)(void *w, uint64_t n);
	void (*pool)(void *w, uint64_t counts[4]);
	/* Contradictions inside; appends a line each. */
	void (*check)(void *w, GString *out);
	/* Advice may bring transparent huge pages from here on; NULL: it always may. */
	void (*thp)(void *w);
};
extern const struct backend engine_backend; /* the engine, by its public calls */
extern const struct backend mount_backend;  /* a mount of its own, by commands and files; start is NULL where there is no FUSE */

#endif
