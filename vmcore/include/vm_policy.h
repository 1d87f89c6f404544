/*
 * vm_policy.h - which page goes when a frame is needed: the host's replacement policy, looked at and changed.
 *
 * Evictable are the frames of processes and of the page cache that nobody has locked. They are asked for when RAM is full,
 * when processes have config user_frames frames already, when free frames fall below the low watermark (then until the
 * high one is reached), and by vm_reclaim().
 */
#ifndef VM_POLICY_H
#define VM_POLICY_H

#include "err.h"
#include "vm_types.h"

enum { VM_POLICY_PARAMS = 4 };
struct vm_policy_param { const char *name; uint64_t value; };
struct vm_policy {
	const char *name;            /* "clock": static */
	bool     by_process;         /* a process that needs a frame gives up one of its own */
	unsigned params;             /* all that the policy has */
	struct vm_policy_param param[VM_POLICY_PARAMS];
};
void vm_policy(const struct vm_host *h, struct vm_policy *out);
/* The name of the n-th policy; NULL: there are no more. */
const char *vm_policy_name(unsigned n);
/*
 * Another policy from now on; what the old one knew about pages is lost but for the order in which they would have gone.
 * Parameters not given have their usual values. EINVAL: an unknown name or parameter (`arg`: which of params, or -1), a
 * value out of its range, opt, which needs the future.
 */
int  vm_policy_set(struct vm_host *h, const struct vm_policy *wanted, struct err *e);

/* mem/lru: the candidates as the policy holds them, those first whose turn comes first. */
struct vm_candidate {
	pfn_t    pfn;
	const char *list;            /* the policy's own: "queue", "active" */
	bool     hand;               /* the hand stands here */
	bool     used, dirty;        /* A and D of its entries, or of the frame */
	uint64_t count;              /* references, age: what the policy counts; else 0 */
	bool     counted;
	int32_t  pid;                /* first owner; 0: none */
	va_t     va;
};
void vm_policy_each(const struct vm_host *h, void (*each)(void *arg, const struct vm_candidate *c), void *arg);

/* mem/ctl. Evicts up to `n` pages; *done says how many went. */
int  vm_reclaim(struct vm_host *h, uint64_t n, uint64_t *done, struct err *e);
/* In frames, low <= high < frames; 0 0: none (policy linux: its own again). ERANGE. */
int  vm_watermark_set(struct vm_host *h, uint64_t low, uint64_t high, struct err *e);
/* Free frames that only eviction itself takes, as long as pages can still go. */
uint64_t vm_frames_kept(const struct vm_host *h);
void vm_watermark(const struct vm_host *h, uint64_t *low, uint64_t *high);

/*
 * Policy external. A process whose access needs a victim waits (EINPROGRESS) until the question has been answered or given
 * up. What cannot wait (system calls, the system itself, a host that is not live) gets its victims by FIFO.
 */
bool vm_victim_wanted(const struct vm_host *h);
uint64_t vm_victim_number(const struct vm_host *h);      /* of the question: grows, from 1 on */
/* Those among which the answer has to be, the oldest first. */
void vm_victim_candidates(const struct vm_host *h, void (*each)(void *arg, pfn_t pfn), void *arg);
/* EINVAL: no candidate, or no question is open. */
int  vm_victim_answer(struct vm_host *h, pfn_t pfn, struct err *e);
/* The open question is answered by FIFO, with an event. */
void vm_victim_give_up(struct vm_host *h);

#endif
