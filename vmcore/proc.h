/* proc.h - a process inside the engine. */
#ifndef VMCORE_PROC_H
#define VMCORE_PROC_H

#include "mm.h"
#include "vm_proc.h"

enum { FAULT_RING = 256 };

/* The last faults; room grows from a few up to FAULT_RING. Record n is at ring[n % room]. One g_malloc() block. */
struct fault_ring { uint64_t count; uint32_t room; struct vm_fault_record ring[]; };

/* Open file descriptions and the table of descriptors: file.h. */
struct fd_table;

struct thread {
	int32_t  tid;
	struct vm_proc *proc;
	struct thread *next;
	ns_t     start, utime, stime;
	uint64_t minflt, majflt;
	enum vm_state state;
	uint8_t  state_set;          /* what is shown instead, plus 1; 0: nothing is */
	char     comm[16];
};

/* What a process waits for; see paging.h. */
struct proc_wait {
	bool     active, major, preempted;
	bool     scarce;             /* for a frame: all are on their way in for others */
	uint64_t settled;            /* scarce: how many pages had come when this began */
	pfn_t    pfn;                /* the frame that is read; PFN_NONE: `until` */
	va_t     va;                 /* of the access that faulted */
	struct translation why;      /* and how */
	ns_t     since, until;
	uint64_t question;           /* policy external has been asked; 0: no */
	struct timer timer;
	GList    link;
};

/* A zombie keeps what wait(2) and ps want to know: mm, fds, threads, faults, limits, cmdline, exe are gone. */
struct vm_proc {
	struct tree_node node;       /* in host->by_pid */
	struct tree_node sibling;    /* in parent->children */
	struct vm_host *host;
	uint32_t serial;
	int32_t  pid, pgrp, session, tty;
	struct vm_proc *parent;      /* NULL: init */
	struct tree children;        /* by pid; zombies too */
	uint32_t uid, gid;
	char     comm[16];
	char    *cmdline;            /* NUL-separated; a GRefString, shared after fork */
	size_t   cmdline_len;
	char    *exe_path;           /* a GRefString; NULL: none */
	struct vm_inode *exe;        /* retained */
	enum vm_state state;
	int      nice, exit_code;    /* exit_code: wait(2)'s encoding */
	int16_t  oom_score_adj;
	uint64_t generation;
	struct mm *mm;               /* NULL: zombie */
	struct fd_table *fds;        /* NULL until something is opened */
	struct thread main, *threads; /* others, newest last; main.tid == pid */
	bool     leader_exited;      /* main has ended, others have not */
	int      leader_code;        /* with that code, which will be the process's */
	bool     parentless;         /* shown with parent 0, as what the kernel has started; a child of init for all that */
	struct thread *acting;       /* whose times and faults the next ones are; NULL: main */
	struct { ns_t utime, stime; uint64_t minflt, majflt; } mark; /* the process's, when it began to act */
	uint32_t thread_count;       /* main included; 0: zombie */
	struct vm_limit *limits;     /* NULL: the defaults; VM_RLIMITS of them */
	struct proc_wait wait;
	struct fault_ring *faults;   /* NULL before the first */
	va_t     fault_addr, sp, pc;
	ns_t     start, utime, stime, cutime, cstime;
	uint64_t minflt, majflt, cminflt, cmajflt, nvcsw, nivcsw;
	uint64_t sig_pending, sig_blocked, sig_ignored, sig_caught;
	uint64_t read_bytes, write_bytes, rchar, wchar, syscr, syscw;
	uint32_t set;                /* vm_proc_info's */
	ns_t     set_utime, set_stime;
};

int  procs_init(struct vm_host *h, struct err *e); /* makes init */
void procs_clear(struct vm_host *h);
/* Its generation and the host's. */
static inline void proc_changed(struct vm_proc *p)
{
	p->generation++;
	p->host->generation++;
}
/* proc_spend()'s rare cases: others have work too; another process ran before. */
ns_t proc_passes(struct vm_host *h, ns_t cost);
void proc_turns(struct vm_proc *p);
/* Charges a cost to the clock, the host's and the process's time (user or system). */
static inline void proc_spend(struct vm_proc *p, ns_t cost, bool user)
{
	struct vm_host *h = p->host;

	clock_spend(h->clock, h->preempted ? proc_passes(h, cost) : cost);
	h->stats.time += cost;
	if (user)
		p->utime += cost;
	else
		p->stime += cost;
	if (h->running != p)
		proc_turns(p);
}
/* init before its first use: nothing but a struct. */
bool proc_is_bare(const struct vm_proc *p);
/* Ends a process; `code` is wait(2)'s. Its parent may reap it at once: `p` may be gone afterwards. Not init. */
void proc_end(struct vm_proc *p, int code);
/* Removes all threads but the first. */
void threads_end(struct vm_proc *p);

/* elf.c: execve's mapping of an ELF into an empty mm; ENOEXEC, ENOMEM, EINVAL, ENOENT (its interpreter). */
int  elf_load(struct mm *mm, struct vm_inode *file, const char *path, const char *const *argv, struct err *e);
/* The program of `spawn NAME` without a file: text, data, heap and stack of a few pages. ENOMEM if they do not fit. */
int  small_program_load(struct mm *mm, const char *name, struct err *e);

#endif
