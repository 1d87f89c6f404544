/* proc.h - a process inside the engine. */
#ifndef VMCORE_PROC_H
#define VMCORE_PROC_H

#include "mm.h"
#include "vm_proc.h"

enum { FAULT_RING = 256 };

struct fault_ring { uint64_t count; struct vm_fault_record ring[FAULT_RING]; };

/* Open file descriptions and the table of descriptors: file.h. */
struct fd_table;

struct thread {
	int32_t  tid;
	struct thread *next;
	ns_t     start, utime, stime;
	uint64_t minflt, majflt;
	enum vm_state state;
	char     comm[16];
};

struct vm_proc {
	struct tree_node node;       /* in host->by_pid */
	struct vm_host *host;
	uint32_t serial;
	int32_t  pid, pgrp, session, tty;
	struct vm_proc *parent, *first_child, *last_child, *prev_sibling, *next_sibling;
	uint32_t uid, gid;
	char     comm[16];
	char    *cmdline;            /* NUL-separated */
	size_t   cmdline_len;
	char    *exe_path;
	struct vm_inode *exe;        /* retained */
	enum vm_state state;
	int      nice, exit_code;
	uint64_t generation;
	struct mm *mm;               /* NULL: zombie */
	struct fd_table *fds;
	struct thread main, *threads; /* others; main.tid == pid */
	struct vm_limit *limits;     /* NULL: the defaults; VM_RLIMITS of them */
	struct fault_ring *faults;   /* NULL before the first */
	va_t     fault_addr, sp, pc;
	ns_t     start, utime, stime, cutime, cstime;
	uint64_t minflt, majflt, cminflt, cmajflt, nvcsw, nivcsw;
	uint64_t sig_pending, sig_blocked, sig_ignored, sig_caught;
	uint64_t read_bytes, write_bytes, rchar, wchar, syscr, syscw;
};

extern const struct vm_limit limits_default[VM_RLIMITS];
int  procs_init(struct vm_host *h, struct err *e); /* makes init */
void procs_clear(struct vm_host *h);
void proc_changed(struct vm_proc *p);              /* its generation and the host's */
/* Charges a cost to the clock, the host's and the process's time (user or system). */
void proc_spend(struct vm_proc *p, ns_t cost, bool user);
/* execve's mapping of an ELF into an empty mm; ENOEXEC, ENOMEM, EINVAL; elf.c. */
int  elf_load(struct mm *mm, struct vm_inode *file, const char *path, const char *const *argv, struct err *e);

#endif
