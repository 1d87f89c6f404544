/* vm_host.h - a simulated computer: its RAM, its costs, its counters. */
#ifndef VM_HOST_H
#define VM_HOST_H

#include "clock.h"
#include "err.h"
#include "journal.h"
#include "rng.h"
#include "vm_geometry.h"
#include "vm_swap.h"

struct vm_options {
	struct vm_geometry geometry;
	uint64_t ram_bytes;    /* a multiple of the page size, at most 2^pa_bits */
	uint64_t swap_bytes;   /* a swap area that exists from the start; 0: none */
	const char *swap_device; /* its kind: a preset's name; NULL: ssd */
	/*
	 * Its processes may wait: an access that needs a page from a device returns -EINPROGRESS, `clock` has to be stepped, and the
	 * access is made again. Out of memory ends a process. Else the clock just moves on, and out of memory is ENOMEM.
	 */
	bool     live;
	unsigned cpus;
	uint64_t seed;
	uint32_t serial;       /* the host's own number, never reused; goes into events */
};

/*
 * `clock` and `journal` belong to the world and outlive the host. init (pid 1) exists afterwards.
 * EINVAL for a geometry or a size that contradicts itself; then NULL.
 */
struct vm_host *vm_host_new(const struct vm_options *o, struct clock *clock, struct journal *journal,
			    struct err *e);
void vm_host_free(struct vm_host *h);
/*
 * In a live host, whether accesses of several processes are on their way at once. Then each has its turn, after which
 * its access returns -EINPROGRESS, and while n of them have work, `cpus` processors do min(n, cpus) times as much in the same time.
 */
void vm_host_share(struct vm_host *h, bool on);
const struct vm_options *vm_host_options(const struct vm_host *h);
/* Random numbers from now on start from `seed`; what has been drawn stays. */
void vm_host_reseed(struct vm_host *h, uint64_t seed);
/* For fixtures: start times of processes count from there; before time 0 it wraps. */
void vm_host_set_boot_time(struct vm_host *h, ns_t boot);
/* Grows with every change of the host's state; what was rendered at one value is still true at it. */
uint64_t vm_host_generation(const struct vm_host *h);

/*
 * A new geometry or size of RAM: everything in RAM is lost. EBUSY while the host has any process
 * besides a bare init, or files with cached pages (they are written to the disk first).
 */
int vm_host_reshape(struct vm_host *h, const struct vm_geometry *g, uint64_t ram_bytes, struct err *e);

/* mem/config: costs in nanoseconds, and switches. One table of rows names them all. */
struct vm_config {
	uint64_t tlb_hit, walk_step, minor_fault, major_fault, copy, zero, syscall; /* ns */
	uint64_t disk;            /* ns: to read a page of a file */
	uint64_t flush_on_unmap;  /* 0: leaves stale TLB entries, for a lesson */
	uint64_t eager_fork;      /* 1: fork copies pages at once */
	uint64_t swap_cache, share_tables, fault_around /* bytes */, trace_access;
	uint64_t user_frames;     /* at most so many frames hold process pages; 0: all */
	uint64_t oom_kill;        /* 0: out of memory ends no process, the access fails with ENOMEM */
	uint64_t swap_readahead;  /* a page that is read from swap brings up to so many along, a power of two; 0: none */
	uint64_t overcommit;      /* 0 heuristic, 1 always, 2 never, as vm.overcommit_memory */
};
struct vm_config_row {
	const char *name;
	size_t      offset;       /* of a uint64_t in struct vm_config */
	enum { VM_UNIT_TIME, VM_UNIT_SWITCH, VM_UNIT_SIZE, VM_UNIT_COUNT, VM_UNIT_POWER /* 0 or a power of two */ } unit;
	uint64_t    least, most;
};
extern const struct vm_config_row vm_config_rows[]; /* ends with a NULL name */
const struct vm_config *vm_config(const struct vm_host *h);
/* All costs at once: modern, slow, free. */
struct vm_config_preset { const char *name; struct vm_config costs; };
const struct vm_config_preset *vm_config_preset(const char *name);             /* NULL if unknown */
const struct vm_config_preset *vm_config_preset_of(const struct vm_host *h);   /* whose costs are in use; NULL: no one's */
void vm_config_use(struct vm_host *h, const struct vm_config_preset *p);
/* ERANGE outside [least, most]; EINVAL no power of two where there must be one. */
int vm_config_check(const struct vm_config_row *row, uint64_t value, struct err *e);
int vm_config_set(struct vm_host *h, const struct vm_config_row *row, uint64_t value, struct err *e);

/* mem/stats. All count from boot. */
struct vm_stats {
	uint64_t accesses, tlb_hits, tlb_misses, walk_steps, minor_faults, major_faults, zero_fills,
		 cow_copies, evictions_clean, evictions_dirty, swap_ins, swap_outs, writebacks;
	ns_t     time;           /* charged by vm_config's costs */
	uint64_t forks, context_switches, interrupts, oom_kills;
	uint64_t pages_allocated, pages_freed; /* pgalloc, pgfree of /proc/vmstat */
	uint64_t disk_read, disk_written;      /* bytes */
	uint64_t swap_ra, swap_ra_hits;        /* pages read ahead; of those, how many somebody came for */
};
const struct vm_stats *vm_stats(const struct vm_host *h);

/* Counts of frames and commitments, for meminfo and vmstat; in pages of the host. */
struct vm_memory {
	uint64_t total, free, available, tables, kernel, anon_mapped, file_mapped, shmem, cached, buffers,
		 dirty, writeback, swap_cached, mlocked, unevictable, swap_total, swap_free, committed,
		 commit_limit, active_anon, inactive_anon, active_file, inactive_file, huge_anon;
};
void vm_memory(const struct vm_host *h, struct vm_memory *out);

/* Huge pages set aside for hugetlb (proc/sys/vm/nr_hugepages), in huge pages of `bytes` (0: the geometry has none). */
struct vm_huge_pages { uint64_t total, free, reserved, surplus, bytes; };
void vm_huge_pages(const struct vm_host *h, struct vm_huge_pages *out);
/* As many as can be had; those in use stay, as surplus. Returns how many are set aside then, without the surplus. */
uint64_t vm_huge_pages_set(struct vm_host *h, uint64_t count);

/*
 * Recounts everything: frame references against entries, page cache, areas, TLB against entries, the free
 * list, swap slots, counters of every process. Calls `report` once per contradiction, then with
 * poked = true once per entry changed through mem/ram or base set by hand. Returns the
 * number of contradictions. Linear in RAM used and areas.
 */
uint64_t vm_host_check(struct vm_host *h, void (*report)(void *arg, bool poked, const char *line), void *arg);

/* mem/ctl */
int vm_drop_caches(struct vm_host *h, struct err *e);         /* clean, unmapped page cache goes */
int vm_writeback(struct vm_host *h, struct err *e);           /* dirty file pages go to the disk */
int vm_frames_next(struct vm_host *h, const pfn_t *pfns, size_t n, struct err *e); /* EBUSY not free; ERANGE beyond RAM */

#endif
