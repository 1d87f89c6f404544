/*
 * bridge.h - simulated sockets joined to real ones.
 *
 * A rule lets one kind of traffic through: `listen` takes real clients to a simulated server, `allow` simulated clients to a
 * real server, tun and tap make this machine's kernel a host on a wire. Whatever crosses is ended twice: in an ordinary
 * non-blocking socket of this machine, and in an ordinary simulated socket of the host gw, so that handshake, losses and
 * windows of the simulated half are where every host shows its own.
 *
 * While there is a rule and the clock is in mode auto, simulated time follows the clock on the wall (world_is_live()).
 * Nothing here waits: bridge_poll() takes note of what has become ready outside, bridge_pump() moves bytes.
 */
#ifndef FS_BRIDGE_H
#define FS_BRIDGE_H

#include "command.h"
#include "world.h"

struct bridge;
struct bridge *bridge_new(struct world *w);
/* Real peers are reset, what the rules made is taken away. The hosts may be gone by then. */
void bridge_free(struct bridge *b);
/* Back to no rules and the limits of the beginning; before the hosts go. */
void bridge_reset(struct bridge *b);

/* Whether there is a rule. */
bool bridge_is_open(const struct world *w);
/* Whether `h` is the gateway and a rule needs it. */
bool bridge_needs(const struct world *w, const struct host *h);

/* What to poll for EPOLLIN, then call bridge_poll(). `now`: a clock of real nanoseconds that never goes back. -1: none. */
int  bridge_fd(const struct world *w);
void bridge_poll(struct world *w, ns_t now);
/* The same as a journal tells it: `r` is a record "ready". -EBADMSG. */
struct journal_record;
int  bridge_repeat(struct world *w, const struct journal_record *r, struct err *e);
/* The journal is at its end: what its rules had outside is not there, and its sessions stand as they stood. */
void bridge_repeated(struct world *w);
/* Moves bytes that can be moved, a share of each connection, for one turn at most. */
void bridge_pump(struct world *w);
/* Whether there is more to do at once. */
bool bridge_busy(const struct world *w);
/* When bridge_poll() wants to be called although nothing is ready; 0: not at all. */
ns_t bridge_wake(const struct world *w);
/* net_config.wake has named this socket. */
void bridge_woke(struct world *w, struct net_socket *s);

/* The files of bridge/ */
extern const struct command bridge_commands[];
extern const struct column bridge_rule_columns[], bridge_connection_columns[];
fill_fn fill_bridge_rules, fill_bridge_connections;
show_fn show_bridge_limits;
store_fn store_bridge_rules, store_bridge_limits;

#endif
