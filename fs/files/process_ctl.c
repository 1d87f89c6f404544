/*
 * process_ctl.c - proc/PID/ctl: system calls and memory accesses by that process.
 *
 * Each command checks its words, calls the engine and prints what the call returned. Errors that the engine
 * finds name the argument of the call, which is the command's own in nearly all of them.
 */
#include "process_ctl.h"
#include "vm_disk.h"

#include <string.h>

struct vm_proc *command_caller(const struct call *c, struct err *e)
{
	return process_alive(c->n, e);
}

int command_pages(const struct vm_proc *p, unsigned arg, uint64_t len, struct err *e)
{
	uint64_t pages = len / vm_page_size(process_geometry(p));

	if (pages <= TOUCH_MAX)
		return 0;
	return err_set(e, E2BIG, (int)arg, "%" PRIu64 " pages; one command brings in %d at most", pages, TOUCH_MAX);
}

void put_address(GString *out, va_t va)
{
	put_text(out, "0x");
	put_hex(out, va);
}

struct vm_inode *command_file(const struct call *c, unsigned i, struct err *e)
{
	struct vm_host *h = world_vm(c->n, e);
	struct vm_inode *inode;

	if (!h)
		return NULL;
	if (c->args[i].len != strlen(c->args[i].text)) {
		err_set(e, EINVAL, (int)i, "a path has no NUL byte");
		return NULL;
	}
	if (!c->args[i].len) {
		err_set(e, ENOENT, (int)i, "the path is empty");
		return NULL;
	}
	inode = vm_disk_lookup(h, c->args[i].text, e);
	if (!inode)
		e->arg = (int)i;
	return inode;
}

bool command_length(const struct call *c, unsigned i, uint64_t *len, struct err *e)
{
	if (!arg_size(c, i, len, e))
		return false;
	if (!*len || *len > TRANSFER_MAX) {
		err_set(e, EINVAL, (int)i, "%" PRIu64 " bytes; one access moves 1 to %d", *len, TRANSFER_MAX);
		return false;
	}
	return true;
}

const struct command process_commands[] = {
	{ "mmap", "ADDR|- LEN PROT FLAGS [FILE|fd:N [OFFSET]]", run_mmap,
	  "maps memory; PROT like rw-; FLAGS: private or shared, anon fixed fixed_noreplace populate locked noreserve "
	  "growsdown hugetlb, with commas; result: the address" },
	{ "munmap", "ADDR LEN", run_munmap, "takes areas, or parts of them, away" },
	{ "mprotect", "ADDR LEN PROT", run_mprotect, "changes what may be done to pages; splits and merges areas" },
	{ "mremap", "OLD OLDLEN NEWLEN [maymove] [fixed NEW] [dontunmap]", run_mremap,
	  "grows, shrinks or moves a mapping; result: its address" },
	{ "madvise", "ADDR LEN ADVICE", run_madvise,
	  "dontneed free remove cold pageout willneed populate_read populate_write dontfork wipeonfork hugepage ..." },
	{ "mlock", "ADDR LEN [onfault]", run_mlock, "brings pages in and keeps them; onfault: once they are touched" },
	{ "munlock", "ADDR LEN", run_munlock, "lets locked pages go" },
	{ "mincore", "ADDR LEN", run_mincore, "which pages are in memory; result: 3r1. is three that are, one that is not" },
	{ "msync", "ADDR LEN [sync|async|invalidate]...", run_msync, "writes a shared file mapping back; sync if not said" },
	{ "brk", "+DELTA|-DELTA|ADDR", run_brk, "moves the end of the heap; result: where it is then" },
	{ "read", "ADDR [LEN]", run_read, "loads bytes; result: them in hex, and faults=N if there were any" },
	{ "write", "ADDR HEX|\"text\"", run_write, "stores bytes; result: faults=N if there were any" },
	{ "exec", "ADDR", run_exec, "fetches an instruction; result: faults=N if there were any" },
	{ "touch", "ADDR [LEN] [r|w|x] [STRIDE]", run_touch,
	  "one access a page, or every STRIDE bytes, 4194304 at most; result: accesses=N faults=N" },
	{ "push", "VALUE", run_push, "stores below the stack pointer, then moves it; a fault leaves it" },
	{ "fork", "", run_fork, "makes a child with the same memory, copied on write; result: its pid" },
	{ "clone", "[tid=N]", run_clone, "starts a thread; result: its tid, for task/TID/ctl" },
	{ "execve", "FILE [ARG...]", run_execve, "replaces the memory by an ELF file's; nothing is loaded until touched" },
	{ "exit", "[CODE]", run_exit, "ends the process, which stays a zombie until its parent waits; "
	  "from task/TID/ctl that thread alone, and the process with the last one" },
	{ "kill", "SIG", run_kill, "sends it a signal, as SEGV, SIGTERM or 9" },
	{ "killpg", "PGRP SIG", run_killpg, "a signal to all processes of that group, PGRP 0: to all but init; result: how many that were" },
	{ "wait", "[PID]", run_wait, "waits for a child to end; result: PID and its exit code or signal" },
	{ "open", "FILE [r|w|rw]", run_open, "opens a file of files/ (r if not said; w keeps its content); result: the descriptor" },
	{ "close", "FD", run_close, "closes a descriptor; with SO_LINGER waits for the other end to have everything" },
	{ "dup", "FD", run_dup, "a second descriptor with the same position; result: it" },
	{ "lseek", "FD N [set|cur|end]", run_lseek, "moves the position; result: where it is then" },
	{ "pipe", "", run_pipe, "makes a pipe; result: the descriptor that reads and the one that writes" },
	{ "socket", "KIND", run_socket, "makes a socket: tcp udp tcp6 udp6 icmp rdt (a message protocol of lectures); result: the descriptor" },
	{ "bind", "FD ADDR:PORT", run_bind, "gives a socket its address; 0.0.0.0 is any, port 0 a free one" },
	{ "listen", "FD [BACKLOG]", run_listen, "lets connections come, so many waiting for accept" },
	{ "accept", "FD", run_accept, "takes the oldest connection, or waits for one; result: its descriptor and ADDR:PORT" },
	{ "connect", "FD ADDR:PORT", run_connect,
	  "tcp: connects, and waits until it is done; opened O_NONBLOCK: EINPROGRESS. udp, icmp: remembers the peer. Of a name, "
	  "NAME:PORT or NAME:SERVICE, all addresses are tried in turn" },
	{ "send", "FD HEX|\"text\" [oob] [more]", run_send,
	  "send(2), write(2): waits until there was room for all; result: how many bytes. EPIPE spares the process its SIGPIPE. oob: the "
	  "last byte is urgent; more: a part of a segment waits for what follows" },
	{ "sendto", "FD ADDR:PORT HEX|\"text\"", run_sendto, "sends one datagram, ADDR an address or a name; result: how many bytes" },
	{ "recv", "FD [N] [oob] [peek]", run_recv,
	  "recv(2), read(2): what is there, at most N bytes, or waits; result: the bytes themselves, behind `ADDR:PORT ` of the "
	  "sender where they are a datagram; empty at the end. oob: the urgent byte (poll FD=pri; SO_OOBINLINE leaves it among the others); "
	  "peek: the bytes stay" },
	{ "shutdown", "FD r|w|rw", run_shutdown, "ends one direction, or both" },
	{ "setsockopt", "FD NAME VALUE", run_setsockopt,
	  "SO_REUSEADDR SO_KEEPALIVE SO_LINGER (seconds, -1 off) SO_RCVTIMEO (2s) SO_RCVBUF IP_TTL TCP_NODELAY TCP_CONGESTION ..., as in C; of rdt: "
	  "RDT_VARIANT (1.0 2.0 2.1 2.2 3.0 gbn sr try1 try2 v3) RDT_TIMEOUT (ms) RDT_WINDOW RDT_PART (bytes) RDT_TRIES" },
	{ "poll", "FD[=in|=out|=pri]... [timeout=T]", run_poll,
	  "waits until one is ready; result: 4=in,out 5=hup, those that are; empty when the time is over" },
	{ "resolve", "NAME [SERVICE] [type=T] [server=ADDR] [root=ADDR] [trace=N]", run_resolve,
	  "looks a name up as getaddrinfo(3) does, in net/hosts, then DNS by net/resolv; result: its addresses, a line each, with "
	  "the port of SERVICE if one is said. type=: the records of that type instead; server=: asks that one; root=: follows "
	  "referrals from there itself; trace=1: who was asked before the result" },
	{ "ping", "ADDR [COUNT]", run_ping,
	  "COUNT (3) echo requests, a second apart, to an address (fe80::1%eth0: on that link) or a name; result: a line for each, and a sum" },
	{ "traceroute", "ADDR", run_traceroute, "which routers lie on the way; result: a line for each" },
	{ "serve", "SERVICE [PORT] [recursive] [proto=tcp|udp] [style=S] [work=T] [timeout=T] [backlog=N] [wait=N] [zone=FILE] [root=ADDR] [if=NAME] "
	  "[range=FIRST-LAST] [router=ADDR] [dns=ADDR,...] [domain=NAME] [lease=T]", run_serve,
	  "becomes a server: echo discard daytime chargen http dns dhcp; proto=udp: answers datagrams (the first four); "
	  "style= serial, fork (wait=1: for each child), thread or pool=N; "
	  "work=: busy so long before an answer; timeout= (20s, 0 none): http answers 408 when a request takes longer, and closes what is idle "
	  "or not read three times as long, or idle for 0.1s where no worker is left for another client; result: the listening descriptor. dns: zone=FILE, a master file of files/, and more of "
	  "them, or recursive root=ADDR; result: the descriptors for UDP and TCP, of IPv4 and of IPv6. dhcp: addresses of range= on interface if= for lease= (3600s), "
	  "and what else clients are told" },
	{ "load", "echo|http ADDR:PORT [clients=N] [count=N] [think=T] [rate=N] [size=N] [path=P]", run_load,
	  "clients of an address or a name, so many requests each, one after the other on a connection; think= between them; rate=: clients that begin "
	  "in a second, 0 all at once; result: done= errors= and the times that 50, 90, 99 and 100 per cent took at most" },
	{ "url", "REF [base=URL]", run_url,
	  "takes a reference apart (RFC 3986), seen from base= if given; result: scheme= userinfo= host= port= path= query= "
	  "fragment= url=, - where one is absent" },
	{ "get", "URL [trace=N]", run_get,
	  "fetches an http:// URL: DNS, TCP to each address in turn, HTTP/1.1, redirections; result: the body, as it is. ENOENT, EACCES, "
	  "EIO for a status of 404, 403, others that are no success; EBADMSG for an answer that is none or ends early; trace=1: each step first" },
	{ "setrlimit", "NAME N|unlimited", run_setrlimit, "sets a limit: STACK NOFILE MEMLOCK AS DATA ..." },
	{ "setuid", "N", run_setuid, "changes the owner" },
	{ "set", "FIELD [VALUE...]", run_set,
	  "for fixtures: utime stime starttime T, nice minflt majflt nvcsw nivcsw N, ppid pgrp session PID, state LETTER, tty NAME|N, "
	  "comm NAME, cmdline WORD..., exe PATH, io RCHAR WCHAR SYSCR SYSCW READ_BYTES WRITE_BYTES, fd N TEXT [r|w|rw [POSITION]], "
	  "image START_CODE END_CODE START_DATA END_DATA START_BRK BRK START_STACK ARG_START ARG_END ENV_START ENV_END; and sp ADDR" },
	{ "area", "LINE", run_area, "for fixtures: a quoted line of maps becomes an area more" },
	{ "ptbr", "ADDR", run_ptbr, "sets the page-table base by hand; the OS part then fills nothing for this process" },
	{ "replay", "FILE [FORMAT]", run_replay,
	  "accesses the pages of a trace in files/: lackey din pages bin64 compact, told from the name or beginning if not said; "
	  "the file replay beside ctl shows how far it is; result: accesses=N faults=N" },
	{ 0 }
};

/* Below task/ the command is that thread's. */
int store_process_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	struct vm_proc *p = world_proc(n, NULL);

	if (p && vm_act_as(p, (int32_t)n->arg, e) < 0)
		return -e->code;
	return command_run(process_commands, n, line, result, e);
}
