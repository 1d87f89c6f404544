/*
 * net.h - a simulated network: wires, hosts on them, sockets in the hosts.
 *
 * A struct net is a value of its own; several can live in one program. It reads no clock and no
 * random device: time is the struct clock it is given (all its work happens in calls from outside
 * and in timers of that clock), and every random choice comes from a stream named after the link
 * direction and the purpose, so that what one host does leaves the others' choices alone.
 *
 * Nothing here ever waits. What cannot be done yet gives -EAGAIN (connect: -EINPROGRESS); the hook
 * `wake` tells when to try again.
 *
 * The rest of the interface: net_addr.h addresses, net_wire.h wires and their faults, net_capture.h
 * pcapng, net_decode.h frames taken apart, net_host.h interfaces, routes and neighbours,
 * net_socket.h sockets, net_tcp.h the insides of a connection, net_counters.h statistics,
 * net_knob.h settings, net_tool.h ping and traceroute, net_tap.h raw ports for bridges and tests.
 *
 * Errors are struct err (a NULL pointer is allowed) and -errno as the result.
 */
#ifndef NET_H
#define NET_H

#include "clock.h"
#include "err.h"
#include "journal.h"
#include "net_addr.h"

struct net;
struct net_host;
struct net_wire;
struct net_iface;
struct net_socket;

struct net_config {
	struct clock   *clock;   /* outlives the net */
	struct journal *journal; /* outlives the net; NULL: events are not kept */
	uint64_t        seed;
	uint32_t        wires;   /* wires of this and earlier ones are told apart: serials go on from here */
	/*
	 * Something a caller may wait for has changed in `s`: data, room, a connection, an error, the
	 * end. Called from deep inside: it must not call the engine, only take a note; try again when
	 * the call or clock_step() under way has returned. May come without need. NULL: not wanted.
	 */
	void (*wake)(void *user, struct net_socket *s);
	/* A frame has been added to the wire's log. Same rules. NULL: not wanted. */
	void (*logged)(void *user, struct net_wire *w);
	void *user;
};

struct net *net_new(const struct net_config *config);
/* Random choices start from `seed`, of hosts and links that there are, too; what has been drawn stays. */
void        net_reseed(struct net *n, uint64_t seed);
/* Frees all wires and hosts. Sockets still retained stay valid but dead: calls give ENETDOWN. */
void        net_free(struct net *n);

/* Who calls: its uid decides about ports below 1024, its pid appears in events. */
struct net_caller {
	uint32_t uid;
	int32_t  pid;
};

/* Recounts references, queues and tables; false with the contradiction in e->why. */
bool net_check(const struct net *n, struct err *e);

#endif
