/*
 * pkt_host.h - what a script runs against: the simulated host in virtual time (pkt_ours.c), or the kernel that runs
 * the test, in real time (pkt_linux.c). pkt_run.c knows the script and the far end, and neither of them.
 *
 * Sockets are named by the numbers that the script gives them. Calls give what the system call does, errors as -errno.
 */
#ifndef PKT_HOST_H
#define PKT_HOST_H

#include "pkt.h"

enum { PKT_FDS = 64, PKT_LOCAL = 0xc0a80001, PKT_ROUTER = 0xc0a80002, PKT_REMOTE = 0xc0000201, PKT_PORT = 8080 };

/* A packet of IP that the host has sent. `frame` begins with 14 bytes in which nothing but the type counts. */
typedef void pkt_sent_fn(void *user, ns_t time, const uint8_t *frame, size_t len);

struct pkt_host_ops {
	const char *name;
	bool  real;             /* time goes on by itself: nothing happens exactly when it should */
	/* NULL: it cannot be had, or not with these settings; `why` says so. */
	void *(*open)(const struct pkt_script *s, pkt_sent_fn *sent, void *user, GString *why);
	void  (*close)(void *h);
	ns_t  (*now)(const void *h);
	/* Time goes on until something happens, or until `until`: then false. */
	bool  (*step)(void *h, ns_t until);
	void  (*inject)(void *h, uint8_t *frame, size_t len);
	/* False: there is none, or it has no such value. */
	bool  (*knob)(void *h, const char *name, const char *value);
	/* fn(arg) is a call that may wait. False: not done yet, call it again after the next step. */
	bool  (*wait)(void *h, long (*fn)(void *arg), void *arg, long *result);
	bool  (*check)(void *h, struct err *e);

	long  (*socket)(void *h, int fd, bool udp, bool nonblock);
	long  (*nonblock)(void *h, int fd, bool on);
	long  (*bind)(void *h, int fd);
	long  (*listen)(void *h, int fd, int backlog);
	long  (*accept)(void *h, int fd, int as);
	long  (*connect)(void *h, int fd, bool again);   /* again: how did it come out? */
	long  (*recv)(void *h, int fd, size_t len, int flags);             /* MSG_ of sys/socket.h */
	long  (*send)(void *h, int fd, size_t len, int flags, bool named); /* named: sendto with an address */
	long  (*shutdown)(void *h, int fd, int how);
	void  (*shut)(void *h, int fd);
	long  (*setsockopt)(void *h, int fd, enum net_option o, int value);
	long  (*getsockopt)(void *h, int fd, enum net_option o, int *value);
	long  (*poll)(void *h, int fd, unsigned events);  /* what is ready of them, as enum net_poll */
	long  (*queued)(void *h, int fd, bool received);  /* bytes not read, or not acknowledged */
	long  (*state)(void *h);                          /* tcp_state() */
};
extern const struct pkt_host_ops pkt_ours, pkt_linux;

#endif
