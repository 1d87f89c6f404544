/* test_socket.c - sockets as Linux has them: ports, conflicts, errors, queues, tables. */
#include "lab.h"

static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }

static int try_bind(struct net_socket *s, const char *where)
{
	struct net_endpoint e = at(where);

	return net_bind(s, &root, &e, NULL);
}

static struct net_socket *connected(struct lab *l, const char *to)
{
	struct net_socket *c = open_socket(host(l, "a"), NET_TCP);
	struct net_endpoint e = at(to);

	assert_int_equal(net_connect(c, &e, NULL), -EINPROGRESS);
	lab_settle(l);
	return c;
}

static struct net_socket *accepted(struct net_socket *listener)
{
	struct net_socket *s;

	assert_int_equal(net_accept(listener, &s, NULL, NULL), 0);
	return s;
}

static void low_ports_are_for_root(void **state)
{
	struct net_socket *s = open_socket(host(*state, "a"), NET_TCP);
	struct net_endpoint e = at("0.0.0.0:1023");
	struct err err = { 0 };

	assert_int_equal(net_bind(s, &user, &e, &err), -EACCES);
	assert_int_equal(err.arg, 1);
	e.port = 1024;
	assert_int_equal(net_bind(s, &user, &e, NULL), 0);
	assert_int_equal(net_bind(s, &user, &e, &err), -EINVAL); /* bound already */
	net_socket_release(s);
}

static void only_own_addresses(void **state)
{
	struct net_socket *s = open_socket(host(*state, "a"), NET_TCP);

	assert_int_equal(try_bind(s, "10.0.0.2:80"), -EADDRNOTAVAIL);
	assert_int_equal(try_bind(s, "127.0.0.5:80"), 0);
	net_socket_release(s);
}

/* Linux's rules; `reuse` is SO_REUSEADDR of both. */
static void port_conflicts(void **state)
{
	static const struct { enum net_kind kind; const char *first, *second; bool reuse, listens; int result; } rows[] = {
		{ NET_TCP, "0.0.0.0:80", "0.0.0.0:80", false, false, -EADDRINUSE },
		{ NET_TCP, "0.0.0.0:80", "10.0.0.1:80", false, false, -EADDRINUSE },
		{ NET_TCP, "10.0.0.1:80", "0.0.0.0:80", false, false, -EADDRINUSE },
		{ NET_TCP, "10.0.0.1:80", "127.0.0.1:80", false, false, 0 },
		{ NET_TCP, "0.0.0.0:80", "0.0.0.0:81", false, false, 0 },
		{ NET_TCP, "0.0.0.0:80", "0.0.0.0:80", true, false, 0 },
		{ NET_TCP, "0.0.0.0:80", "0.0.0.0:80", true, true, -EADDRINUSE },
		{ NET_TCP, "0.0.0.0:80", "10.0.0.1:80", true, true, -EADDRINUSE },
		{ NET_UDP, "0.0.0.0:80", "0.0.0.0:80", false, false, -EADDRINUSE },
		{ NET_UDP, "0.0.0.0:80", "10.0.0.1:80", true, false, 0 },
		{ NET_UDP, "10.0.0.1:80", "127.0.0.1:80", false, false, 0 },
	};
	struct lab *l = *state;

	for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct net_socket *one = open_socket(host(l, "a"), rows[i].kind), *two = open_socket(host(l, "a"), rows[i].kind);

		net_setsockopt(one, NET_SO_REUSEADDR, rows[i].reuse, NULL);
		net_setsockopt(two, NET_SO_REUSEADDR, rows[i].reuse, NULL);
		assert_int_equal(try_bind(one, rows[i].first), 0);
		if (rows[i].listens)
			assert_int_equal(net_listen(one, 5, NULL), 0);
		if (try_bind(two, rows[i].second) != rows[i].result)
			fail_msg("row %u", i);
		lab_check(l);
		net_socket_release(one);
		net_socket_release(two);
	}
}

static void tcp_and_udp_ports_are_different(void **state)
{
	struct net_socket *t = open_bound(host(*state, "a"), NET_TCP, "0.0.0.0:53");
	struct net_socket *u = open_bound(host(*state, "a"), NET_UDP, "0.0.0.0:53");

	net_socket_release(t);
	net_socket_release(u);
}

static void two_may_bind_but_one_listens(void **state)
{
	struct net_socket *s[2];

	for (int i = 0; i < 2; i++) {
		s[i] = open_socket(host(*state, "a"), NET_TCP);
		net_setsockopt(s[i], NET_SO_REUSEADDR, 1, NULL);
		assert_int_equal(try_bind(s[i], "0.0.0.0:80"), 0);
	}
	assert_int_equal(net_listen(s[0], 5, NULL), 0);
	assert_int_equal(net_listen(s[1], 5, NULL), -EADDRINUSE);
	net_socket_release(s[0]);
	net_socket_release(s[1]);
}

static void ephemeral_ports_come_from_the_range(void **state)
{
	struct lab *l = *state;
	struct net_host *a = host(l, "a");
	struct net_socket *s[5];
	struct net_socket_info info;
	struct net_endpoint any = at("0.0.0.0:0");
	struct err e = { 0 };

	net_knob_set(a, NET_PORT_MIN, 49152, NULL);
	net_knob_set(a, NET_PORT_MAX, 49155, NULL);
	for (int i = 0; i < 4; i++) {
		s[i] = open_socket(a, NET_UDP);
		assert_int_equal(net_bind(s[i], &user, &any, NULL), 0);
		net_socket_get(s[i], &info);
		assert_in_range(info.local.port, 49152, 49155);
		for (int k = 0; k < i; k++) {
			struct net_socket_info other;

			net_socket_get(s[k], &other);
			assert_int_not_equal(other.local.port, info.local.port);
		}
	}
	s[4] = open_socket(a, NET_UDP);
	assert_int_equal(net_bind(s[4], &user, &any, &e), -EADDRINUSE); /* exhausted */
	for (int i = 0; i < 5; i++)
		net_socket_release(s[i]);
}

static void connect_runs_out_of_ports_per_peer(void **state)
{
	struct lab *l = *state;
	struct net_socket *one = open_listener(host(l, "b"), "0.0.0.0:80", 100), *two = open_listener(host(l, "b"), "0.0.0.0:81", 100);
	struct net_endpoint to = at("10.0.0.2:80"), other = at("10.0.0.2:81");
	struct net_socket *c[4], *more;

	net_knob_set(host(l, "a"), NET_PORT_MIN, 50000, NULL);
	net_knob_set(host(l, "a"), NET_PORT_MAX, 50002, NULL);
	for (int i = 0; i < 3; i++) {
		c[i] = open_socket(host(l, "a"), NET_TCP);
		assert_int_equal(net_connect(c[i], &to, NULL), -EINPROGRESS);
	}
	more = open_socket(host(l, "a"), NET_TCP);
	assert_int_equal(net_connect(more, &to, NULL), -EADDRNOTAVAIL);
	assert_int_equal(net_connect(more, &other, NULL), -EINPROGRESS); /* another 5-tuple */
	lab_settle(l);
	assert_int_equal(net_connect_result(more, NULL), 0);
	c[3] = more;
	for (int i = 0; i < 4; i++)
		net_socket_release(c[i]);
	net_socket_release(one);
	net_socket_release(two);
	lab_settle(l);
}

static void udp_connected_hears_only_its_peer_and_of_refusal(void **state)
{
	struct lab *l = *state;
	struct net_socket *c = open_socket(host(l, "a"), NET_UDP), *s = open_bound(host(l, "b"), NET_UDP, "0.0.0.0:7");
	struct net_socket *other = open_bound(host(l, "b"), NET_UDP, "0.0.0.0:8");
	struct net_endpoint to = at("10.0.0.2:7");
	struct net_socket_info info;
	char back[NET_ENDPOINT_TEXT];

	assert_int_equal(net_send(c, "x", 1, 0, NULL, NULL), -EDESTADDRREQ);
	assert_int_equal(net_connect(c, &to, NULL), 0);
	net_socket_get(c, &info);
	assert_int_equal(info.state, NET_TCP_ESTABLISHED);
	net_endpoint_text(&info.local, back);
	send_text(c, "hello", NULL);
	lab_settle(l);
	assert_recv(s, "hello", back);
	send_text(other, "intruder", back);
	send_text(s, "answer", back);
	lab_settle(l);
	assert_recv(c, "answer", "10.0.0.2:7");
	assert_int_equal(net_recv(c, NULL, 0, 0, NULL, NULL), -EAGAIN);
	net_socket_release(s);
	send_text(c, "anyone?", NULL);
	lab_settle(l);
	assert_true(net_poll(c) & NET_POLLERR);
	assert_int_equal(net_recv(c, NULL, 0, 0, NULL, NULL), -ECONNREFUSED);
	assert_int_equal(net_recv(c, NULL, 0, 0, NULL, NULL), -EAGAIN); /* told once */
	net_socket_release(c);
	net_socket_release(other);
}

static void udp_limits(void **state)
{
	struct lab *l = *state;
	struct net_socket *c = open_socket(host(l, "a"), NET_UDP), *s = open_bound(host(l, "b"), NET_UDP, "0.0.0.0:7");
	struct net_endpoint to = at("10.0.0.2:7"), all = at("10.0.0.255:7");
	char *data = calloc(1, 65536), small[10];
	struct net_socket_info info;

	assert_int_equal(net_send(c, data, 65508, 0, &to, NULL), -EMSGSIZE);
	assert_int_equal(net_send(c, data, 65507, 0, &to, NULL), 65507);
	lab_settle(l);
	assert_int_equal(net_recv(s, data, 65536, 0, NULL, NULL), 65507);
	assert_int_equal(net_send(c, data, 1, 0, &all, NULL), -EACCES);
	net_setsockopt(c, NET_SO_BROADCAST, 1, NULL);
	assert_int_equal(net_send(c, "all", 3, 0, &all, NULL), 3);
	lab_settle(l);
	assert_recv(s, "all", NULL);
	send_text(c, "a long message is cut", "10.0.0.2:7");
	lab_settle(l);
	assert_int_equal(net_recv(s, small, 6, 0, NULL, NULL), 6);
	assert_int_equal(net_recv(s, small, 6, 0, NULL, NULL), -EAGAIN); /* the rest is gone */
	net_setsockopt(s, NET_SO_RCVBUF, 2304, NULL);
	for (int i = 0; i < 20; i++)
		send_text(c, "x", "10.0.0.2:7");
	lab_settle(l);
	net_socket_get(s, &info);
	assert_int_equal(info.drops, 14); /* 768 bytes each, as Linux charges */
	free(data);
	net_socket_release(c);
	net_socket_release(s);
}

/* Lesson 43: listen(fd, 5) holds six; the seventh's SYN is dropped, and tried again after 1 s. */
static void the_backlog(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c[8], *s[8];
	struct net_endpoint to = at("10.0.0.2:80");
	struct net_socket_info info;

	for (int i = 0; i < 7; i++) {
		c[i] = open_socket(host(l, "a"), NET_TCP);
		assert_int_equal(net_connect(c[i], &to, NULL), -EINPROGRESS);
		lab_run(l, 10 * NS_PER_MS);
	}
	net_socket_get(listener, &info);
	assert_int_equal(info.state, NET_TCP_LISTEN);
	assert_int_equal(info.recv_queue, 6);
	assert_int_equal(info.send_queue, 5);
	assert_int_equal(state_of(c[5]), NET_TCP_ESTABLISHED);
	assert_int_equal(state_of(c[6]), NET_TCP_SYN_SENT);
	assert_true(counter(host(l, "b"), NET_TcpExt_ListenDrops) >= 1);
	s[0] = accepted(listener);
	lab_run(l, NS_PER_S);
	assert_int_equal(state_of(c[6]), NET_TCP_ESTABLISHED);
	net_socket_release(listener); /* the others are reset */
	lab_settle(l);
	assert_int_equal(net_recv(c[3], (char[1]){ 0 }, 1, 0, NULL, NULL), -ECONNRESET);
	assert_int_equal(state_of(c[0]), NET_TCP_ESTABLISHED);
	for (int i = 0; i < 7; i++)
		net_socket_release(c[i]);
	net_socket_release(s[0]);
	lab_settle(l);
}

/* Lesson 41. */
static void time_wait_keeps_the_port(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_socket(host(l, "b"), NET_TCP), *c, *s;

	assert_int_equal(try_bind(listener, "0.0.0.0:80"), 0);
	assert_int_equal(net_listen(listener, 5, NULL), 0);
	c = connected(l, "10.0.0.2:80");
	s = accepted(listener);
	net_socket_release(s); /* the server closes first */
	lab_settle(l);
	net_socket_release(c);
	lab_settle(l);
	net_socket_release(listener);
	listener = open_socket(host(l, "b"), NET_TCP);
	assert_int_equal(try_bind(listener, "0.0.0.0:80"), -EADDRINUSE);
	lab_run(l, 61 * NS_PER_S);
	assert_int_equal(try_bind(listener, "0.0.0.0:80"), 0);
	net_socket_release(listener);
}

static void reuseaddr_binds_over_time_wait(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);

	net_socket_release(s);
	lab_settle(l);
	net_socket_release(c);
	lab_settle(l);
	net_socket_release(listener);
	listener = open_listener(host(l, "b"), "0.0.0.0:80", 5);
	net_socket_release(listener);
}

/* Lesson 42: two connections to one port, told apart by the other end. */
static void five_tuples(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5);
	struct net_socket *c1 = connected(l, "10.0.0.2:80"), *c2 = connected(l, "10.0.0.2:80");
	struct net_socket *s1 = accepted(listener), *s2 = accepted(listener);
	struct net_socket_info i1, i2, row = { 0 };
	unsigned rows = 0;

	net_socket_get(s1, &i1);
	net_socket_get(s2, &i2);
	assert_int_equal(i1.local.port, i2.local.port);
	assert_int_not_equal(i1.remote.port, i2.remote.port);
	send_text(c1, "one", NULL);
	send_text(c2, "two", NULL);
	lab_settle(l);
	assert_recv(s1, "one", NULL);
	assert_recv(s2, "two", NULL);
	while (net_socket_above(host(l, "b"), row.id, &row))
		rows++;
	assert_int_equal(rows, 3);
	assert_ptr_equal(net_socket_by_inode(host(l, "b"), i1.inode), s1);
	net_socket_release(c1);
	net_socket_release(c2);
	net_socket_release(s1);
	net_socket_release(s2);
	net_socket_release(listener);
	lab_settle(l);
}

static void a_shared_socket_lives_until_the_last_release(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);

	net_socket_retain(c); /* fork */
	net_socket_release(c);
	lab_settle(l);
	assert_int_equal(state_of(s), NET_TCP_ESTABLISHED);
	net_socket_release(c);
	lab_settle(l);
	assert_int_equal(state_of(s), NET_TCP_CLOSE_WAIT);
	net_socket_release(s);
	net_socket_release(listener);
	lab_settle(l);
}

/* Lesson 40: close and exit at once; what was written arrives, with the end. */
static void tcp_finishes_behind(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);
	struct net_fault f = { .action = NET_DROP, .count = 2, .match = { .what = NET_MATCH_DATA } };

	net_wire_fault(net_wire_at(l->net, "lan0"), &f, NULL);
	send_text(c, "last words", NULL);
	net_socket_release(c);
	lab_settle(l);
	assert_recv(s, "last words", NULL);
	assert_int_equal(net_recv(s, (char[1]){ 0 }, 1, 0, NULL, NULL), 0);
	net_socket_release(s);
	net_socket_release(listener);
	lab_settle(l);
}

static void a_connection_reset_before_accept_is_accepted_and_reset(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80"), *s;

	net_setsockopt(c, NET_SO_LINGER, 0, NULL);
	net_socket_release(c);
	lab_settle(l);
	lab_check(l);
	s = accepted(listener);
	assert_int_equal(net_recv(s, (char[1]){ 0 }, 1, 0, NULL, NULL), -ECONNRESET);
	net_socket_release(s);
	c = connected(l, "10.0.0.2:80"); /* and once more, but nobody accepts it */
	net_setsockopt(c, NET_SO_LINGER, 0, NULL);
	net_socket_release(c);
	lab_settle(l);
	net_socket_release(listener);
	lab_settle(l);
}

static void a_full_queue_says_again(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);
	static char data[1 << 20], sink[1 << 20];
	size_t total = 0, got = 0;
	ssize_t n;
	unsigned wakes;

	for (int i = 0; i < 100 && (n = net_send(c, data, sizeof(data), 0, NULL, NULL)) > 0; i++) {
		total += (size_t)n;
		lab_run(l, NS_PER_S);
	}
	assert_int_equal(net_send(c, data, 1, 0, NULL, NULL), -EAGAIN);
	assert_false(net_poll(c) & NET_POLLOUT);
	wakes = l->wakes;
	while (got < total) {
		n = net_recv(s, sink, sizeof(sink), 0, NULL, NULL);
		got += n > 0 ? (size_t)n : 0;
		lab_run(l, NS_PER_S);
	}
	assert_true(net_poll(c) & NET_POLLOUT);
	assert_true(l->wakes > wakes);
	net_socket_release(c);
	net_socket_release(s);
	net_socket_release(listener);
	lab_settle(l);
}

static void syn_flood_is_answered_with_cookies(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 8), *c, *s;
	struct net_wire *w = net_wire_at(l->net, "lan0");
	struct net_tap *tap;
	struct net_iface_info info;
	struct net_tcb tcb;
	struct net_mac mac = { { 2, 0, 0, 0, 0, 0x77 } };
	struct net_addr liar = addr("10.0.0.200");

	net_iface_get(net_iface_at(host(l, "b"), "eth0"), &info);
	net_tap_new(w, "liar", &mac, NULL, NULL, &tap, NULL);
	net_neigh_add(host(l, "b"), "eth0", &liar, &mac, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t f[54] = { 0 }, *p = f + 14;
		uint32_t sum = 0;

		memcpy(f, &info.mac, 6);
		memcpy(f + 6, &mac, 6);
		f[12] = 8;
		memcpy(p, "\x45\0\0\x28\0\0\0\0\x40\6\0\0\12\0\0\310\12\0\0\2", 20);
		for (int k = 0; k < 20; k += 2)
			sum += (uint32_t)(p[k] << 8 | p[k + 1]);
		sum = ~(sum % 65535 ? sum % 65535 : 65535);
		p[10] = (uint8_t)(sum >> 8);
		p[11] = (uint8_t)sum;
		p[20] = (uint8_t)(i >> 8 | 0x80);
		p[21] = (uint8_t)i;
		p[23] = 80;
		p[32] = 0x50;
		p[33] = NET_SYN;
		sum = 6 + 20;
		for (int k = 12; k < 40; k += 2)
			sum += (uint32_t)(p[k] << 8 | p[k + 1]);
		sum = ~(sum % 65535 ? sum % 65535 : 65535);
		p[36] = (uint8_t)(sum >> 8);
		p[37] = (uint8_t)sum;
		net_tap_send(tap, f, sizeof(f), NULL);
		lab_run(l, 10 * NS_PER_US);
	}
	assert_true(net_tcp_get(listener, &tcb));
	assert_int_equal(tcb.syn_queue, 9);
	assert_true(counter(host(l, "b"), NET_TcpExt_SyncookiesSent) > 900);
	c = open_socket(host(l, "a"), NET_TCP);
	{
		struct net_endpoint to = at("10.0.0.2:80");

		assert_int_equal(net_connect(c, &to, NULL), -EINPROGRESS);
		lab_run(l, 10 * NS_PER_MS);
	}
	assert_int_equal(net_connect_result(c, NULL), 0); /* an honest one gets through */
	s = accepted(listener);
	assert_int_equal(counter(host(l, "b"), NET_TcpExt_SyncookiesRecv), 1);
	send_text(c, "honest", NULL);
	lab_run(l, NS_PER_S);
	assert_recv(s, "honest", NULL);
	net_tap_free(tap);
	net_socket_release(c);
	net_socket_release(s);
	net_socket_release(listener);
	lab_settle(l);
}

static void the_table_of_options(void **state)
{
	struct net_socket *t = open_socket(host(*state, "a"), NET_TCP), *u = open_socket(host(*state, "a"), NET_UDP);
	struct err e = { 0 };
	int value;

	for (int o = 0; o < NET_OPTIONS; o++) {
		assert_non_null(net_option_names[o]);
		if (o >= NET_RDT_VARIANT || (o >= NET_IPV6_V6ONLY && o <= NET_IPV6_MTU))
			assert_int_equal(net_getsockopt(t, o, &value, &e), -ENOPROTOOPT);
		else if (o != NET_IP_MTU)
			assert_int_equal(net_getsockopt(t, o, &value, NULL), 0);
	}
	assert_int_equal(net_setsockopt(u, NET_TCP_NODELAY, 1, &e), -ENOPROTOOPT);
	assert_int_equal(net_setsockopt(t, NET_SO_TYPE, 1, &e), -ENOPROTOOPT);
	assert_int_equal(net_setsockopt(t, NET_TCP_KEEPCNT, 128, &e), -EINVAL);
	assert_int_equal(net_setsockopt(t, NET_SO_RCVBUF, 10000, NULL), 0);
	assert_int_equal(net_getsockopt(t, NET_SO_RCVBUF, &value, NULL), 0);
	assert_int_equal(value, 20000);
	net_socket_release(t);
	net_socket_release(u);
}

static void fixtures_make_rows_without_traffic(void **state)
{
	struct lab *l = *state;
	struct net_fixture f = { .kind = NET_TCP, .local = at("10.0.0.1:80"), .remote = at("10.0.0.9:5555"),
				 .state = NET_TCP_ESTABLISHED, .recv_queue = 0, .send_queue = 17 };
	struct net_socket *s, *again;
	struct net_socket_info info;

	assert_int_equal(net_socket_fixture(host(l, "a"), &f, &user, &s, NULL), 0);
	net_socket_get(s, &info);
	assert_int_equal(info.state, NET_TCP_ESTABLISHED);
	assert_int_equal(info.send_queue, 17);
	assert_int_equal(info.uid, 1000);
	assert_true(info.bound);
	assert_int_equal(net_socket_fixture(host(l, "a"), &f, &user, &again, NULL), -EADDRINUSE);
	lab_check(l);
	net_socket_release(s);
	lab_run(l, 3600 * NS_PER_S);
}

static void the_host_may_go_before_its_sockets(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);

	net_host_free(host(l, "b"));
	lab_check(l);
	assert_int_equal(net_recv(s, (char[1]){ 0 }, 1, 0, NULL, NULL), -ENETDOWN);
	assert_int_equal(net_send(s, "x", 1, 0, NULL, NULL), -ENETDOWN);
	net_socket_release(s);
	net_socket_release(listener);
	net_socket_release(c);
	lab_run(l, 1000 * NS_PER_S);
}

static void clocks_stepped_by_years(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = connected(l, "10.0.0.2:80");
	struct net_socket *s = accepted(listener);

	l->clock.now += (ns_t)10 * 365 * 86400 * NS_PER_S;
	send_text(c, "still there?", NULL);
	lab_settle(l);
	assert_recv(s, "still there?", NULL);
	net_socket_release(c);
	net_socket_release(s);
	net_socket_release(listener);
	lab_settle(l);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup_pair, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(low_ports_are_for_root), TEST(only_own_addresses), TEST(port_conflicts), TEST(tcp_and_udp_ports_are_different),
		TEST(two_may_bind_but_one_listens), TEST(ephemeral_ports_come_from_the_range),
		TEST(connect_runs_out_of_ports_per_peer), TEST(udp_connected_hears_only_its_peer_and_of_refusal), TEST(udp_limits),
		TEST(the_backlog), TEST(time_wait_keeps_the_port), TEST(reuseaddr_binds_over_time_wait), TEST(five_tuples),
		TEST(a_shared_socket_lives_until_the_last_release), TEST(tcp_finishes_behind), TEST(a_full_queue_says_again),
		TEST(a_connection_reset_before_accept_is_accepted_and_reset),
		TEST(syn_flood_is_answered_with_cookies), TEST(the_table_of_options), TEST(fixtures_make_rows_without_traffic),
		TEST(the_host_may_go_before_its_sockets), TEST(clocks_stepped_by_years),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
