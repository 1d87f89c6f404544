/* lab.h - a small network for tests: a clock, hosts on wires, calls that must succeed. */
#ifndef LAB_H
#define LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "net.h"
#include "net_capture.h"
#include "net_counters.h"
#include "net_decode.h"
#include "net_host.h"
#include "net_knob.h"
#include "net_socket.h"
#include "net_tap.h"
#include "net_tcp.h"
#include "net_tool.h"
#include "net_wire.h"

struct lab {
	struct clock   clock;
	struct journal journal;
	struct net    *net;
	unsigned       wakes;
};

extern const struct net_caller root, user;

void lab_open(struct lab *l, uint64_t seed);
/* Also asserts that the books balance. */
void lab_close(struct lab *l);
/* The same for cmocka: *state is the lab, with seed 1. */
int  lab_setup(void **state);
int  lab_teardown(void **state);
int  lab_setup_pair(void **state);          /* with hosts a, 10.0.0.1, and b, 10.0.0.2, on wire lan0 */
/* Runs for a time, or until nothing that anyone waits for is left. */
void lab_run(struct lab *l, ns_t time);
void lab_settle(struct lab *l);
void lab_check(struct lab *l);

struct net_wire *lab_wire(struct lab *l, const char *name);
/* "h1", "10.0.0.1/24": a host (made if new), a further interface eth0, eth1, ... on `w`, up. */
struct net_host *lab_host(struct lab *l, const char *name, struct net_wire *w, const char *address);
void lab_route(struct net_host *h, const char *to, const char *via);
/*
 * a - w1 - r1 - w2 - r2 - w3 - b, routed: 10.1.0.1, .254, 10.2.0.1, .2, 10.3.0.254, .1;
 * or 2001:db8:1::1, ::fe, 2001:db8:2::1, ::2, 2001:db8:3::fe, ::1.
 */
void lab_chain(struct lab *l, bool v6);
void lab_set(struct net_wire *w, void (*change)(struct net_wire_config *c));

struct net_endpoint at(const char *text);   /* "10.0.0.1:80" */
struct net_addr     addr(const char *text);
struct net_prefix   prefix(const char *text);

struct net_socket *open_socket(struct net_host *h, enum net_kind kind);
struct net_socket *open_socket6(struct net_host *h, enum net_kind kind);
/* Of the version of `where`. */
struct net_socket *open_bound(struct net_host *h, enum net_kind kind, const char *where);
struct net_socket *open_listener(struct net_host *h, const char *where, int backlog);
void send_text(struct net_socket *s, const char *text, const char *to);
/* Expects exactly this text to be there, from `from` unless NULL. */
void assert_recv(struct net_socket *s, const char *text, const char *from);
int64_t counter(struct net_host *h, enum net_counter c);
enum net_tcp_state state_of(struct net_socket *s);

/* Reads a file of tests/cases/net whole; freed by the caller. */
char *case_file(const char *name);
/* Hex digits to bytes; the number of bytes. */
size_t unhex(const char *hex, uint8_t *out, size_t room);

#endif
