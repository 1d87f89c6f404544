/* vm_proc.h - processes: birth, life, signals, death. */
#ifndef VM_PROC_H
#define VM_PROC_H

#include "err.h"
#include "vm_access.h"
#include "vm_types.h"

struct vm_spawn {
	const char *name;          /* comm: its first 15 bytes */
	const char *const *argv;   /* NULL-terminated command line; NULL: `name` */
	struct vm_inode *file;     /* an ELF to execute; NULL: text, data, heap and stack of a few pages */
	const char *path;          /* of `file`, for exe and maps */
	bool     bare;             /* no areas at all, only an empty page table */
	bool     table_later;      /* bare: that table takes its frame at the first fault, as without `bare` */
	va_t     brk;              /* bare: where the break is; 0: the default */
	uint32_t uid, gid;
	int32_t  pid, ppid;        /* 0: the next free one; 1 */
};
/* A child of init. EAGAIN: no pid left; ENOEXEC, ENOMEM, ...; then NULL and nothing changed. */
struct vm_proc *vm_spawn(struct vm_host *h, const struct vm_spawn *s, struct err *e);
/* The child's or thread's (p's own process) id in *id. */
int vm_fork(struct vm_proc *p, int32_t *id, struct err *e);
int vm_clone_thread(struct vm_proc *p, int32_t *tid, struct err *e);
/* One with the id that a fixture wants. EEXIST, EINVAL. */
int vm_clone_thread_as(struct vm_proc *p, int32_t tid, struct err *e);
/*
 * What comes next is done by that thread (0: the first one): its times and faults are counted for it as well. The first
 * one acts until told otherwise, or, when it has exited, the next. ESRCH.
 */
int vm_act_as(struct vm_proc *p, int32_t tid, struct err *e);
int vm_execve(struct vm_proc *p, struct vm_inode *file, const char *path, const char *const *argv, struct err *e);
int vm_exit(struct vm_proc *p, int code, struct err *e);
/*
 * exit(2) of one thread, as pthread_exit() does it; the last one ends the process. The first one stays, as a zombie, until the
 * others have ended; its code is the process's. ESRCH.
 */
int vm_thread_exit(struct vm_proc *p, int32_t tid, int code, struct err *e);
/* A signal by number; 0 only asks. Default actions of Linux: end, stop, continue, nothing. init ignores what it has no handler for: EPERM. */
int vm_kill(struct vm_proc *p, int signal, struct err *e);
/* Reaps a child (pid 0: any). ECHILD none; EAGAIN none has ended yet: see the wait hook in vm_host. */
struct vm_ended { int32_t pid; int code; int signal; };
int vm_wait(struct vm_proc *p, int32_t pid, struct vm_ended *out, struct err *e);
int vm_setuid(struct vm_proc *p, uint32_t uid, struct err *e);

struct vm_proc *vm_proc_at(const struct vm_host *h, int32_t pid);           /* processes, not threads; zombies too */
struct vm_proc *vm_proc_by_serial(const struct vm_host *h, uint32_t serial); /* NULL once reaped */
struct vm_proc *vm_proc_above(const struct vm_host *h, int32_t pid);        /* the lowest pid > `pid` */
uint64_t vm_proc_count(const struct vm_host *h);
struct vm_host *vm_proc_host(const struct vm_proc *p);
int32_t vm_proc_pid(const struct vm_proc *p);
bool vm_proc_ended(const struct vm_proc *p);           /* a zombie: no memory, no descriptors */
void vm_proc_owner(const struct vm_proc *p, uint32_t *uid, uint32_t *gid);
uint32_t vm_proc_serial(const struct vm_proc *p);
/* Grows with each change that could show in this process's files. */
uint64_t vm_proc_generation(const struct vm_proc *p);

enum vm_state { VM_RUNNING, VM_SLEEPING, VM_DISK, VM_STOPPED, VM_TRACED, VM_ZOMBIE, VM_DEAD, VM_IDLE, VM_STATES };
extern const char vm_state_letters[VM_STATES + 1]; /* RSDTtZXI */

enum vm_rlimit { VM_RLIMIT_CPU, VM_RLIMIT_FSIZE, VM_RLIMIT_DATA, VM_RLIMIT_STACK, VM_RLIMIT_CORE, VM_RLIMIT_RSS,
		 VM_RLIMIT_NPROC, VM_RLIMIT_NOFILE, VM_RLIMIT_MEMLOCK, VM_RLIMIT_AS, VM_RLIMIT_LOCKS,
		 VM_RLIMIT_SIGPENDING, VM_RLIMIT_MSGQUEUE, VM_RLIMIT_NICE, VM_RLIMIT_RTPRIO, VM_RLIMIT_RTTIME,
		 VM_RLIMITS };
#define VM_RLIM_INFINITY UINT64_MAX
struct vm_limit { uint64_t soft, hard; };
struct vm_limit vm_limit_default(enum vm_rlimit which);
struct vm_limit vm_getrlimit(const struct vm_proc *p, enum vm_rlimit which);
/* Sets soft and hard. EPERM: raising the hard limit without uid 0. */
int vm_setrlimit(struct vm_proc *p, enum vm_rlimit which, struct vm_limit l, struct err *e);

/* A copy of what stat, statm and status print. */
struct vm_proc_info {
	int32_t  pid, ppid, pgrp, session, tty, threads;
	uint32_t uid, gid, serial;
	char     comm[16];
	enum vm_state state;
	int      nice, exit_code;      /* wait(2)'s encoding */
	bool     has_memory;           /* false for zombies */
	ns_t     utime, stime, start;  /* start: after the host's boot */
	uint64_t minflt, majflt, cminflt, cmajflt;
	ns_t     cutime, cstime;
	uint64_t nvcsw, nivcsw;
	uint64_t sig_pending, sig_blocked, sig_ignored, sig_caught;
	/* bytes */
	uint64_t vm_size, vm_peak, vm_locked, rss_anon, rss_file, rss_shmem, rss_peak, vm_data, vm_stack, vm_exe,
		 vm_lib, vm_pte, vm_swap, hugetlb;
	va_t     start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end,
		 env_start, env_end;
	uint64_t read_bytes, write_bytes, rchar, wchar, syscr, syscw;
	uint32_t set;                  /* bits 1 << enum vm_setting: what a fixture has set by hand */
	ns_t     set_utime, set_stime; /* of utime and cutime, stime and cstime together: what no processor ever did; may wrap */
};
void vm_proc_info(const struct vm_proc *p, struct vm_proc_info *out);
/* How likely out of memory is to end it, 0 to 2000, as /proc/PID/oom_score; and what it adds to that itself, -1000 (never) to 1000. */
int vm_oom_score(const struct vm_proc *p);
int vm_oom_score_adj(const struct vm_proc *p);
int vm_set_oom_score_adj(struct vm_proc *p, int64_t adj, struct err *e); /* EINVAL */
/* Arguments, each ended by NUL; owned by the process. Empty for zombies. */
const char *vm_proc_cmdline(const struct vm_proc *p, size_t *len);
/* "/NAME" or NULL. */
const char *vm_proc_exe(const struct vm_proc *p);
/* Threads: the lowest tid > `tid`, 0 when none; the process's own pid is its first. */
int32_t vm_thread_above(const struct vm_proc *p, int32_t tid);
bool vm_thread_info(const struct vm_proc *p, int32_t tid, struct vm_proc_info *out);
/* Whose thread that is, of all but first ones; NULL: there is none. */
struct vm_proc *vm_thread_owner(const struct vm_host *h, int32_t tid);
/* Children: the lowest pid > `pid`, 0 when none. */
int32_t vm_child_above(const struct vm_proc *p, int32_t pid);

/* --- fixtures: what otherwise follows from what a process does, set by hand --- */

enum vm_setting { VM_SET_UTIME, VM_SET_STIME, VM_SET_NICE, VM_SET_STATE, VM_SET_CMDLINE, VM_SET_COMM, VM_SET_PPID, VM_SET_PGRP,
		  VM_SET_SESSION, VM_SET_TTY, VM_SET_STARTTIME, VM_SET_MINFLT, VM_SET_MAJFLT, VM_SET_NVCSW, VM_SET_NIVCSW,
		  VM_SET_IO, VM_SET_EXE, VM_SET_IMAGE, VM_SETTINGS };
/*
 * All but CMDLINE, COMM, IO, EXE and IMAGE: ns, counts, ids, enum vm_state. Times, faults, start, state and comm are the acting thread's. A state stays
 * until a signal stops or continues the process; ZOMBIE ends it without telling the parent. Times and counts go on from the value.
 * EINVAL out of range; ESRCH.
 */
int vm_proc_set(struct vm_proc *p, enum vm_setting which, int64_t value, struct err *e);
int vm_proc_set_comm(struct vm_proc *p, const char *name, struct err *e);
/* Arguments, each ended by NUL; none: as a kernel thread. */
int vm_proc_set_cmdline(struct vm_proc *p, const char *bytes, size_t len, struct err *e);
struct vm_io { uint64_t rchar, wchar, syscr, syscw, read_bytes, write_bytes; };
int vm_proc_set_io(struct vm_proc *p, const struct vm_io *io, struct err *e);
/* What exe shows; "": nothing. */
int vm_proc_set_exe(struct vm_proc *p, const char *path, struct err *e);
/* Where the image's parts are: what stat, statm and the labels in maps go by. EINVAL outside of user space. */
struct vm_image { va_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start, arg_end, env_start, env_end; };
int vm_proc_set_image(struct vm_proc *p, const struct vm_image *i, struct err *e);

#endif
