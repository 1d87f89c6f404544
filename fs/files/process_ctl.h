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
/* Pages that one command brings in, and accesses that it makes: nobody else is served meanwhile. E2BIG. */
enum { TOUCH_MAX = 1 << 22 };
int command_pages(const struct vm_proc *p, unsigned arg, uint64_t len, struct err *e);
void put_address(GString *out, va_t va);
bool arg_fd(const struct call *c, unsigned i, int *fd, struct err *e);

/* process_ctl_map.c */
command_fn run_mmap, run_munmap, run_mprotect, run_mremap, run_madvise, run_mlock, run_munlock,
	run_mincore, run_msync, run_brk;
/* process_ctl_access.c */
command_fn run_read, run_write, run_exec, run_touch, run_push, run_ptbr;
/* process_ctl_life.c */
command_fn run_fork, run_clone, run_execve, run_exit, run_kill, run_killpg, run_wait, run_setuid, run_setrlimit;
/* process_ctl_set.c */
command_fn run_set, run_area;
/* process_ctl_replay.c */
command_fn run_replay;
/* process_ctl_file.c */
command_fn run_open, run_dup, run_lseek, run_pipe;
/* process_ctl_net.c */
command_fn run_socket, run_url, run_bind, run_listen, run_accept, run_connect, run_send, run_sendto, run_recv, run_shutdown,
	run_setsockopt;
/* process_ctl_get.c */
command_fn run_get;
/* process_ctl_name.c */
command_fn run_resolve;
/*
 * A command that takes a name: it keeps this, and in it what it then does with the addresses. naming_go() gives -EINPROGRESS until
 * they are known, best first; then 0. An address as it is is known at once, and the order of calls the same.
 */
struct naming {
	struct net_lookup *lookup;
	GArray  *addrs;              /* struct net_addr; at least one once naming_go() has given 0 */
	unsigned next;               /* the one that is being tried; the command's own, as are these: */
	bool     trying;
	void    *work;
	void   (*release)(void *work);
};
int naming_go(struct call *c, unsigned arg, const char *name, bool v4, bool v6, struct naming **out, struct err *e);
/* Whether argument i is something:PORT where that is no address. */
bool arg_is_named(const struct call *c, unsigned i);
/* NAME:PORT at argument i, the port a number or a service; *name is the caller's. */
bool arg_name_port(const struct call *c, unsigned i, char **name, uint16_t *port, struct err *e);
/* process_ctl_ping.c */
command_fn run_ping, run_traceroute;
/* process_ctl_serve.c */
command_fn run_serve;
/* process_ctl_load.c */
command_fn run_load;
/* process_ctl_wait.c */
command_fn run_poll, run_close;

/* What one command keeps while it waits. */
struct waiting {
	struct clock *clock;
	struct timer timer;          /* its deadline, if it has one */
	bool   over;                 /* the deadline has passed */
	size_t done;                 /* bytes sent so far */
	struct net_socket *held;     /* closed, but lingering */
};
struct waiting *wait_begin(struct call *c);
struct waiting *wait_until(struct call *c, ns_t after);
/* The -EAGAIN of an engine that never waits, for a caller that does; other results as they are. */
int or_wait(const struct call *c, int error);

#endif
