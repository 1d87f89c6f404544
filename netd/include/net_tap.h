/*
 * net_tap.h - a raw port on a wire: sees every frame that reaches it, sends what it likes. For bridges
 * to real devices and for tests. What it sends is hostile input to the hosts.
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include "net_wire.h"

struct net_tap;

/* `receive` must not call the engine except net_tap_send(). A tap with a zero `mac` sees all frames. */
int  net_tap_new(struct net_wire *w, const char *name, const struct net_mac *mac,
		 void (*receive)(void *user, const uint8_t *frame, size_t len), void *user,
		 struct net_tap **out, struct err *e);
/* Also when the wire has gone. */
void net_tap_free(struct net_tap *t);
/* 14..65549 bytes. EINVAL, ENETDOWN the wire is gone. */
int  net_tap_send(struct net_tap *t, const void *frame, size_t len, struct err *e);

#endif
