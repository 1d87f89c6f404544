/* vm_access.h - loads, stores and fetches by a process, through TLB and page table, faults included. */
#ifndef VM_ACCESS_H
#define VM_ACCESS_H

#include "vm_walk.h"

enum vm_signal_kind { VM_SIG_NONE, VM_SEGV_MAPERR, VM_SEGV_ACCERR, VM_SEGV_PKUERR, VM_SEGV_KERNEL,
		      VM_BUS_ADRERR, VM_SIGNAL_KINDS };
extern const char *const vm_signal_names[VM_SIGNAL_KINDS]; /* "SEGV MAPERR", ... */

struct vm_outcome {
	uint64_t accesses;  /* done without a signal */
	uint64_t faults;    /* resolved during them, minor and major */
	enum vm_signal_kind signal;
	va_t     addr;      /* of the signal: si_addr */
	uint64_t done;      /* bytes from `at` on that are done with: where to go on after -EINPROGRESS */
};
/*
 * One load or store of `len` bytes (split at page boundaries as hardware does). What would kill a real program is
 * EFAULT with out->signal set; bytes of earlier pages have been done. ENOMEM: no frame could be had, the
 * rest not done; in a live host the process may have been killed for it, and be gone. EINPROGRESS, in a live host alone: it
 * waits for a device, or others have their turn; to be called again for what is not done, after the clock has been stepped.
 * `out` is filled in any case.
 */
int vm_load(struct vm_proc *p, va_t at, void *to, size_t len, struct vm_outcome *out, struct err *e);
int vm_store(struct vm_proc *p, va_t at, const void *from, size_t len, struct vm_outcome *out, struct err *e);
int vm_fetch(struct vm_proc *p, va_t at, struct vm_outcome *out, struct err *e);
/* One access of a byte at `at`, at + stride, ... below at + len (a write stores what it loads). */
int vm_touch(struct vm_proc *p, va_t at, uint64_t len, uint64_t stride, enum vm_access how,
	     struct vm_outcome *out, struct err *e);
/* `push`, whose sp has moved once `out` says that it is done: a store of `bytes` bytes at sp - bytes; then sp moves. A fault leaves sp. */
int vm_push(struct vm_proc *p, uint64_t value, struct vm_outcome *out, struct err *e);

/* All is done but the waiting: 0, or -EINPROGRESS as above. */
static inline int vm_pause(struct vm_proc *p, struct vm_outcome *out, struct err *e)
{
	return vm_touch(p, 0, 0, 1, VM_READ, out, e);
}

/*
 * A debugger's look at process memory (proc/PID/mem): changes nothing. Gives the bytes wherever they are: frame,
 * swap, file, or zeros where nothing is there yet. Returns the number of bytes done: up to the first page
 * without an area; -EIO when that is the first one.
 */
ssize_t vm_peek(const struct vm_proc *p, va_t at, void *to, size_t len);

/* proc/PID/faults: the last 256. */
struct vm_fault_record {
	ns_t           time;
	va_t           va;
	enum vm_access access;
	const char    *kind;        /* "minor", "major", "signal" */
	const char    *resolution;  /* "zero", "zeropage", "file", "cow", "reuse", "swapin", "grow", "SEGV MAPERR", ... */
	ns_t           cost;
};
/* *cursor starts at 0; oldest first. */
bool vm_fault_next(const struct vm_proc *p, uint64_t *cursor, struct vm_fault_record *out);

/* proc/PID/cpu. */
struct vm_cpu {
	pa_t     ptbr;       /* PA_NONE: no table yet */
	va_t     fault_addr; /* cr2; 0 before the first fault */
	va_t     pc, sp;
	bool     by_hand;    /* ptbr was set by the user */
	uint32_t asid;
	bool     user_mode;
};
void vm_cpu(const struct vm_proc *p, struct vm_cpu *out);
void vm_set_sp(struct vm_proc *p, va_t sp);
/* The base is set by hand; from now on the OS part fills nothing for this process. ERANGE beyond RAM. */
int vm_set_ptbr(struct vm_proc *p, pa_t base, struct err *e);

#endif
