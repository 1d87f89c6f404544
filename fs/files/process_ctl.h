/* process_ctl.h - the commands of proc/PID/ctl, by what they are about; process_ctl.c has their rows. */
#ifndef FS_FILES_PROCESS_CTL_H
#define FS_FILES_PROCESS_CTL_H

#include "command.h"
#include "process.h"
#include "text.h"

/* The process that the command is given to; NULL with ESRCH when it is gone or a zombie. */
struct vm_proc *command_caller(const struct call *c, struct err *e);
/* The file that argument `i` names from the root of the simulated disk; processes' working directory is that root too. */
struct vm_inode *command_file(const struct call *c, unsigned i, struct err *e);
/* Bytes that one command moves: at least 1, at most TRANSFER_MAX. */
enum { TRANSFER_MAX = 1 << 20 };
bool command_length(const struct call *c, unsigned i, uint64_t *len, struct err *e);
void put_address(GString *out, va_t va);

/* process_ctl_map.c */
command_fn run_mmap, run_munmap, run_mprotect, run_mremap, run_madvise, run_mlock, run_munlock,
	run_mincore, run_msync, run_brk;
/* process_ctl_access.c */
command_fn run_read, run_write, run_exec, run_touch, run_push, run_ptbr;
/* process_ctl_life.c */
command_fn run_fork, run_clone, run_execve, run_exit, run_kill, run_wait, run_setuid, run_setrlimit;
/* process_ctl_set.c */
command_fn run_set;
/* process_ctl_file.c */
command_fn run_open, run_close, run_dup, run_lseek, run_recv, run_send;

#endif
