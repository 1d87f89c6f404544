/* socket_test.h - two hosts whose first processes talk to each other through sockets. */
#ifndef TEST_SOCKET_TEST_H
#define TEST_SOCKET_TEST_H

#include "net_test.h"

enum { SERVER = 2, CLIENT = 2 };  /* each the first process of its host */

static inline int setup(void **state)
{
	*state = two_hosts("server", "client");
	return 0;
}

/* Server's descriptor 0 listens on 10.0.0.1:80, 1 is the connection of client's descriptor 0. */
static inline void connect_both(struct world *w)
{
	gives(w, "host0", SERVER, "socket tcp", "0\n");
	does(w, "host0", SERVER, "bind 0 10.0.0.1:80");
	does(w, "host0", SERVER, "listen 0 5");
	gives(w, "b", CLIENT, "socket tcp", "0\n");
	does(w, "b", CLIENT, "bind 0 10.0.0.2:4000");
	does(w, "b", CLIENT, "connect 0 10.0.0.1:80");
	gives(w, "host0", SERVER, "accept 0", "1 10.0.0.2:4000\n");
}

static inline char *state_of(struct world *w, const char *host, unsigned port)
{
	struct net_socket_info info;
	struct net_host *h = world_host_named(w, host)->net;

	for (const struct net_socket *s = NULL; (s = net_socket_next(h, s));) {
		net_socket_get(s, &info);
		if (info.local.port == port && info.state != NET_TCP_LISTEN)
			return g_strdup(net_tcp_state_names[info.state]);
	}
	return g_strdup("-");
}

static inline void assert_state(struct world *w, const char *host, unsigned port, const char *expected)
{
	g_autofree char *state = state_of(w, host, port);

	assert_string_equal(state, expected);
}

#endif
