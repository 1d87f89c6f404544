/*
 * world.h - struct net and what everyone inside shares: frames, timers, events, random streams.
 */
#ifndef NETD_WORLD_H
#define NETD_WORLD_H

#include "ip_addr.h"
#include "net.h"
#include "rng.h"

struct net {
	struct net_config config;
	struct clock     *clock;
	struct frame_pool pool;
	GPtrArray        *wires;        /* struct net_wire *, ascending serial */
	GPtrArray        *hosts;        /* struct net_host *, ascending serial */
	GHashTable       *wire_names, *host_names;
	uint32_t          last_wire;    /* serial */
	uint64_t          logged_bytes; /* held by all wires' logs; bounded by LOG_BYTES_ALL */
	struct transit   *free_transits;
	uint64_t          live_transits;
};

static inline ns_t net_now(const struct net *n) { return n->clock->now; }
/* Sets a timer `delay` from now, as busy or idle; it may have been set as the other. */
void net_timer(struct net *n, struct timer *t, ns_t delay, bool idle);
static inline void net_cancel(struct net *n, struct timer *t) { clock_cancel(n->clock, t); }
/* The stream of random numbers for one purpose in one place: "wire/lan0/h1.eth0/loss". */
void net_stream(const struct net *n, struct rng *r, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Values `at` and the next: an address; 0 is that of `v6` or not. */
static inline void event_addr(struct event *ev, unsigned at, struct ip_addr a, bool v6)
{
	ev->value[at] = a.hi;
	ev->value[at + 1] = ip_none(a) && !v6 ? IP_MAPPED : a.lo;
}
/* An event, or NULL when no journal is kept. Values start as JOURNAL_NONE. */
struct event *net_event(struct net *n, const struct event_kind *kind, const struct net_host *h, int32_t pid);

#define entry_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#endif
