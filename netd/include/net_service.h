/*
 * net_service.h - what built-in servers say on a connection: bytes in, bytes out. Who accepts, who carries the bytes and
 * which process pays for it is not their business.
 */
#ifndef NET_SERVICE_H
#define NET_SERVICE_H

#include "err.h"
#include "units.h"

#include <glib.h>

/* What a service may know of the world. */
struct net_service_env {
	void *user;
	ns_t  time;              /* simulated, since 1970 */
	uint32_t random;         /* another one for each message */
	ns_t  patience;          /* how long a request may take to come; 0: as long as it likes */
	/* A file of the server's host, appended to `out`: 0; ENOENT, EISDIR, EACCES, EFBIG ... */
	int (*file)(void *user, const char *path, GString *out);
};

struct net_service {
	const char *name;
	uint16_t    port;        /* the well-known one */
	/* One connection's state; freed by close. */
	void *(*open)(void);
	/*
	 * Takes `len` bytes that have come (0: only a look, as when all output is gone) and appends what is to be said. `end`: the
	 * peer has ended its direction. False: nothing more will be said; close once `out` is sent.
	 */
	bool (*input)(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out);
	void (*close)(void *state);
	/* When it loses patience, on the clock of env->time, if nothing more comes; INT64_MAX: never. NULL: it never does. */
	ns_t (*deadline)(const void *state, const struct net_service_env *env);
	/* That time has come: what is to be said before the connection is closed. */
	void (*late)(void *state, const struct net_service_env *env, GString *out);
	/* Whether it has answered and nothing more has come: who has no other worker may close then (RFC 9112 9.3). NULL: never. */
	bool (*idle)(const void *state);
	/* What answers one datagram, in `out`; false: nothing does. NULL: it has connections only. */
	bool (*message)(const struct net_service_env *env, const char *data, size_t len, GString *out);
	/* It speaks without being asked, and for as long as the peer takes it. */
	bool  endless;
};
/* By name; NULL: there is none. net_service_at(0), (1) ... list them. */
const struct net_service *net_service_named(const char *name);
const struct net_service *net_service_at(unsigned index);

#endif
