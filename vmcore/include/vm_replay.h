/*
 * vm_replay.h - traces of references against replacement policies, through page tables in simulated RAM.
 *
 * A replay is a world of its own: RAM, page tables (x86-64's), so many frames, a policy, a TLB. Replays share nothing,
 * so each may run in a thread of its own.
 */
#ifndef VM_REPLAY_H
#define VM_REPLAY_H

#include "err.h"
#include "vm_host.h"
#include "vm_ref.h"
#include "vm_walk.h"

#include <signal.h>

/*
 * How references reach the page table. None of these changes hits, misses, writebacks or victims: entries are dropped
 * when their page goes, and when its accessed bit is cleared.
 */
enum vm_replay_path {
	VM_REPLAY_WALK,      /* every reference walks */
	VM_REPLAY_FILTER,    /* those that would change nothing are told by a small cache, as long as that pays */
	VM_REPLAY_TLB,       /* a TLB of one or two levels is modelled and counted; it sets the accessed bit when it walks */
};

struct vm_replay_options {
	const char *policy;      /* a name of vm_replay_policies; its parameters as words behind it: "wsclock tau=5000" */
	uint64_t frames;
	enum vm_replay_path path;
	struct vm_tlb_shape level[2];   /* VM_REPLAY_TLB; level[1].entries 0: one level */
	uint64_t seed;
	uint64_t table_bytes;    /* page tables may take so much (real memory); 0: 4 GiB */
	const uint32_t *next_use;/* opt: as vm_next_use() gives it, of exactly the references that will be run; else NULL */
	uint64_t next_use_count;
	/* The machine stands for one of which it is this part: parameters that are frames, references or evictions shrink so. 0: it is that one. */
	double   part;
};

struct vm_replay_result {
	uint64_t refs, hits, misses, cold /* misses of pages never seen before */, evictions, writebacks;
	uint64_t tlb_refills;    /* misses of the first level that the second had */
	uint64_t tlb_misses;     /* of all levels: walks */
	uint64_t table_bytes;    /* page tables, at the end */
	ns_t     time;           /* by the costs of mem/config, see vm_replay_time() */
};

extern const char *const vm_replay_policies[];   /* ends with NULL; "opt" is among them */

struct vm_replay;
/* NULL: EINVAL for an unknown policy or parameter, ERANGE for frames; ENOMEM. */
struct vm_replay *vm_replay_new(const struct vm_replay_options *o, struct err *e);
void vm_replay_free(struct vm_replay *r);
/* The next references; any number of calls. ENOMEM: page tables exceed table_bytes; references before that one are done. */
int  vm_replay_run(struct vm_replay *r, const uint64_t *refs, size_t n, struct err *e);
void vm_replay_result(const struct vm_replay *r, struct vm_replay_result *out);
/*
 * Bytes taken besides page tables, next_use and a constant: at most 16 a frame and 32 a page that was met. opt has 1 bit
 * (and a 64th of that) for each reference to come, by_reference.
 */
struct vm_replay_memory { uint64_t by_frame, by_page, by_reference; };
void vm_replay_memory(const struct vm_replay *r, struct vm_replay_memory *out);
/* The page that was evicted last, as vm_ref_where() gives it; UINT64_MAX: none yet. */
uint64_t vm_replay_victim(const struct vm_replay *r);
/*
 * What the counts cost: every TLB hit tlb_hit, every walk four times walk_step, a cold miss minor_fault + zero, another
 * miss major_fault, a writeback copy. Without a TLB every reference walks.
 */
ns_t vm_replay_time(const struct vm_config *c /* NULL: as hosts begin */, const struct vm_replay_result *r, bool tlb);

/*
 * For each reference the place of the next one to the same page, UINT32_MAX: none. One pass from the end. `next` has
 * room for n, which is less than UINT32_MAX. ENOMEM as above; EINTR once *stop, which may be NULL, is set.
 */
int vm_next_use(const uint64_t *refs, uint64_t n, uint32_t *next, uint64_t table_bytes, const volatile sig_atomic_t *stop, struct err *e);

/* Pages numbered in order of first use. */
struct vm_pages;
struct vm_pages *vm_pages_new(uint64_t table_bytes, struct err *e);
void vm_pages_free(struct vm_pages *p);
/* *number of the reference's page; *fresh: it is new. ENOMEM. */
int  vm_pages_number(struct vm_pages *p, uint64_t ref, uint64_t *number, bool *fresh, struct err *e);

/* The exact LRU curve in one pass: misses for every number of frames. */
struct vm_curve;
struct vm_curve *vm_curve_new(uint64_t table_bytes, struct err *e);
void vm_curve_free(struct vm_curve *c);
int  vm_curve_run(struct vm_curve *c, const uint64_t *refs, size_t n, struct err *e);
uint64_t vm_curve_refs(const struct vm_curve *c);
uint64_t vm_curve_pages(const struct vm_curve *c);
/* Misses with 1, 2, ... frames: *frames starts at 0; false once more frames change nothing. */
bool vm_curve_next(const struct vm_curve *c, uint64_t *frames, uint64_t *misses);

#endif
