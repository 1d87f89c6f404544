/* test_ip6.c - version 6 between hosts: pings, routes, connections, and the addresses of RFC 4291 and 6724. */
#include "six.h"

static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }

static struct net_ping_report ping(struct lab *l, const char *from, const char *to, unsigned size, struct net_echo *echo)
{
	struct net_addr a = addr(to);
	struct net_ping_report report;
	struct net_ping *p;

	assert_int_equal(net_ping_start(host(l, from), &a, 1, NS_PER_S, size, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	net_ping_report(p, &report);
	assert_true(net_ping_echo(p, 0, echo));
	net_ping_free(p);
	return report;
}

static void address_text(char out[NET_ADDR_TEXT], struct net_iface *i, unsigned index, unsigned *flags)
{
	struct net_addr6 a;

	out[0] = '\0';
	if (!net_iface_address6(i, index, &a))
		return;
	net_addr_text(&a.prefix.addr, out);
	*flags = a.flags;
}

/* --- what works ------------------------------------------------------------------------------------ */

static void rfc5952_text_of_addresses(void **state)
{
	static const struct { const char *in, *out; } cases[] = {
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "2001:0DB8::0001", "2001:db8::1" }, { "::", "::" },
		{ "::1", "::1" }, { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, { "::ffff:10.0.0.1", "::ffff:10.0.0.1" },
		{ "fe80::1%3", "fe80::1%3" }, { "ff02::1%12", "ff02::1%12" },
	};
	static const char *const wrong[] = { "", ":", ":::", "1::2::3", "2001:db8", "12345::", "::1%0", "::1%2", "fe80::1%",
					     "fe80::1%x", "::1 ", " ::1", "::g", "fe80::1%65536", "1:2:3:4:5:6:7:8:9" };
	char text[NET_ADDR_TEXT], end[NET_ENDPOINT_TEXT];
	struct net_endpoint e;
	struct net_prefix p;
	struct net_addr a;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		a = addr(cases[i].in);
		assert_string_equal(net_addr_text(&a, text), cases[i].out);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		if (net_addr_parse(wrong[i], &a))
			fail_msg("'%s' is no address", wrong[i]);
	e = at("[fe80::1%2]:80");
	assert_string_equal(net_endpoint_text(&e, end), "[fe80::1%2]:80");
	assert_false(net_endpoint_parse("[::1]", &e) || net_endpoint_parse("::1:80", &e) || net_endpoint_parse("[::1:80", &e) ||
		     net_endpoint_parse("[10.0.0.1]:80", &e) || net_endpoint_parse("[::1]:65536", &e));
	assert_true(net_prefix_parse("2001:db8::/32", &p) && p.len == 32);
	assert_false(net_prefix_parse("2001:db8::/129", &p) || net_prefix_parse("::/", &p) || net_prefix_parse("::/x", &p));
}

static void ping_there_and_back(void **state)
{
	struct lab *l = *state;
	struct net_addr b = addr("2001:db8:3::1");
	struct net_ping_report report;
	struct net_echo echo;

	lab_chain(l, true);
	report = ping(l, "a", "2001:db8:3::1", 56, &echo);
	assert_true(report.done);
	assert_int_equal(report.received, 1);
	assert_int_equal(echo.ttl, 62);
	assert_true(net_addr_equal(&echo.from, &b));
	assert_int_equal(counter6(host(l, "b"), NET6_Icmp6InEchos), 1);
	assert_int_equal(counter6(host(l, "r1"), NET6_Ip6OutForwDatagrams), 2);
}

static void ping_itself_and_a_link_local_neighbour(void **state)
{
	struct lab *l = *state;
	struct net_echo echo;
	char text[NET_ADDR_TEXT];
	unsigned flags;

	lab_chain(l, true);
	assert_int_equal(ping(l, "a", "::1", 8, &echo).received, 1);
	assert_int_equal(ping(l, "a", "2001:db8:1::1", 8, &echo).received, 1);
	address_text(text, net_iface_at(host(l, "a"), "eth0"), 1, &flags);
	assert_string_equal(text, "fe80::ff:fe00:101"); /* RFC 4291 appendix A: of 02:00:00:00:01:01 */
	assert_int_equal(ping(l, "a", "fe80::ff:fe00:101", 8, &echo).received, 1);
	assert_int_equal(ping(l, "a", "fe80::ff:fe00:201%2", 8, &echo).received, 1); /* r1's eth0 */
	assert_string_equal(net_addr_text(&echo.from, text), "fe80::ff:fe00:201%2");
	assert_int_equal(ping(l, "r1", "fe80::ff:fe00:301%3", 8, &echo).received, 1); /* r2, on the second wire */
	assert_int_equal(ping(l, "a", "ff02::1%2", 8, &echo).received, 1);
}

static void traceroute_names_each_hop(void **state)
{
	static const char *const hops[] = { "2001:db8:1::fe", "2001:db8:2::2", "2001:db8:3::1" };
	struct lab *l = *state;
	struct net_addr b = addr("2001:db8:3::1");
	struct net_trace *t;
	struct net_echo echo;
	char text[NET_ADDR_TEXT];

	lab_chain(l, true);
	assert_int_equal(net_trace_start(host(l, "a"), &b, 5 * NS_PER_S, &t, NULL), 0);
	lab_settle(l);
	assert_true(net_trace_done(t));
	assert_int_equal(net_trace_hops(t), 3);
	for (unsigned hop = 1; hop <= 3; hop++) {
		assert_true(net_trace_probe(t, hop, 0, &echo));
		assert_string_equal(net_addr_text(&echo.from, text), hops[hop - 1]);
	}
	net_trace_free(t);
}

static void rfc8200_4_5_only_the_source_cuts(void **state)
{
	struct lab *l = *state;
	struct net_echo echo;

	lab_chain(l, true);
	assert_int_equal(ping(l, "a", "2001:db8:3::1", 8000, &echo).received, 1);
	assert_int_equal(counter6(host(l, "a"), NET6_Ip6FragCreates), 6);
	assert_int_equal(counter6(host(l, "b"), NET6_Ip6ReasmOKs), 1);
	assert_int_equal(counter6(host(l, "r1"), NET6_Ip6FragCreates), 0);
	assert_int_equal(ping(l, "a", "2001:db8:3::1", 65507, &echo).received, 1);
}

static void rfc8201_path_mtu_is_found(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *s;
	struct net_endpoint to = at("[2001:db8:3::1]:9");
	static const char data[1420];
	struct net_echo echo;
	int mtu;

	lab_chain(l, true);
	net_wire_get(net_wire_at(l->net, "w2"), &c);
	c.mtu = 1400;
	assert_int_equal(net_wire_set(net_wire_at(l->net, "w2"), &c, NULL), 0);
	s = open_socket6(host(l, "a"), NET_UDP);
	assert_int_equal(net_connect(s, &to, NULL), 0);
	assert_int_equal(net_setsockopt(s, NET_IPV6_MTU_DISCOVER, 2, NULL), 0);
	assert_int_equal(net_send(s, data, sizeof(data), 0, NULL, NULL), sizeof(data));
	lab_settle(l);
	assert_int_equal(counter6(host(l, "r1"), NET6_Icmp6OutPktTooBigs), 1);
	assert_int_equal(counter6(host(l, "a"), NET6_Icmp6InPktTooBigs), 1);
	assert_int_equal(net_getsockopt(s, NET_IPV6_MTU, &mtu, NULL), 0);
	assert_int_equal(mtu, 1400);
	assert_int_equal(net_send(s, data, sizeof(data), 0, NULL, NULL), -EMSGSIZE);
	assert_int_equal(ping(l, "a", "2001:db8:3::1", 3000, &echo).received, 0); /* the answer met the narrow wire */
	assert_int_equal(ping(l, "a", "2001:db8:3::1", 3000, &echo).received, 1); /* and b has learnt */
	lab_run(l, 601 * NS_PER_S);
	net_getsockopt(s, NET_IPV6_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1500);
	net_socket_release(s);
}

static void rfc4443_3_errors_reach_their_socket(void **state)
{
	struct lab *l = *state;
	struct net_endpoint to = at("[2001:db8:3::1]:9");
	struct net_echo echo;
	struct net_socket *s;
	char byte;

	lab_chain(l, true);
	s = open_socket6(host(l, "a"), NET_UDP);
	assert_int_equal(net_connect(s, &to, NULL), 0);
	send_text(s, "x", NULL);
	lab_settle(l);
	assert_int_equal(net_recv(s, &byte, 1, 0, NULL, NULL), -ECONNREFUSED); /* 1/4: nobody has the port */
	net_socket_release(s);
	ping(l, "a", "2001:db8:77::1", 8, &echo); /* r1 knows no way */
	assert_int_equal(echo.type, 1);
	assert_int_equal(echo.code, 0);
	ping(l, "a", "2001:db8:3::99", 8, &echo); /* r2 finds no neighbour */
	assert_int_equal(echo.type, 1);
	assert_int_equal(echo.code, 3);
	lab_route(host(l, "r1"), "2001:db8:66::/48", "2001:db8:2::2");
	lab_route(host(l, "r2"), "2001:db8:66::/48", "2001:db8:2::1");
	ping(l, "a", "2001:db8:66::1", 8, &echo); /* in circles */
	assert_int_equal(echo.type, 3);
	assert_int_equal(echo.code, 0);
}

static void tcp_over_three_wires(void **state)
{
	struct lab *l = *state;
	struct net_endpoint to = at("[2001:db8:3::1]:80"), peer;
	struct net_socket *listener, *client, *server;
	struct net_tcb info;
	char text[NET_ENDPOINT_TEXT];

	lab_chain(l, true);
	listener = open_listener(host(l, "b"), "[::]:80", 5);
	client = open_socket6(host(l, "a"), NET_TCP);
	assert_int_equal(net_connect(client, &to, NULL), -EINPROGRESS);
	lab_settle(l);
	assert_int_equal(net_connect_result(client, NULL), 0);
	assert_int_equal(net_accept(listener, &server, &peer, NULL), 0);
	assert_true(g_str_has_prefix(net_endpoint_text(&peer, text), "[2001:db8:1::1]:"));
	send_text(client, "over six", NULL);
	lab_settle(l);
	assert_recv(server, "over six", NULL);
	net_tcp_get(client, &info);
	assert_int_equal(info.mss_send, 1428); /* 1500 - 40 - 20 - 12 */
	net_socket_release(client);
	lab_settle(l);
	assert_recv(server, "", NULL);
	net_socket_release(server);
	net_socket_release(listener);
}

/* --- RFC 4291 and 6724: addresses ------------------------------------------------------------------------ */

static void rfc4291_addresses_that_no_packet_has(void **state)
{
	static const struct { const char *src, *dst; } cases[] = {
		{ "ff02::1", "2001:db8::1" }, { "ff0e::1", "2001:db8::1" },   /* 2.7: a group sends nothing */
		{ "::1", "2001:db8::1" }, { "2001:db8::63", "::1" },          /* 2.5.3: loopback never leaves */
		{ "2001:db8::63", "::" },                                     /* 2.5.2 */
		{ "2001:db8::63", "ff01::1" }, { "2001:db8::63", "ff00::1" }, /* 2.7: of an interface; reserved */
		{ "::ffff:10.0.0.1", "2001:db8::1" }, { "2001:db8::63", "::ffff:10.0.0.1" },
		{ "2001:db8::1", "2001:db8::1" },                             /* our own */
		{ "2001:db8::63", "2001:db8::2" }, { "2001:db8::63", "fe80::2" }, { "2001:db8::63", "ff02::1:ff00:2" },
		{ "2001:db8::63", "ff02::2" }, { "2001:db8::63", "ff02::5" }, { "2001:db8::63", "ff0e::1" },
	};
	struct six s;

	six_begin(&s, *state);
	for (unsigned router = 0; router < 2; router++) {
		net_knob_set(s.host, NET_IP_FORWARD, router, NULL);
		for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
			if (router && (strcmp(cases[i].dst, "2001:db8::2") == 0 || strcmp(cases[i].dst, "ff02::2") == 0))
				continue; /* forwarded, answered */
			six_icmp(&s, cases[i].src, cases[i].dst, 64, ECHO_REQUEST);
			if (s.seen->len > 0)
				fail_msg("%s to %s was answered", cases[i].src, cases[i].dst);
		}
	}
	six_icmp(&s, "2001:db8::63", "ff02::2", 64, ECHO_REQUEST); /* 2.8: routers listen there */
	six_expect_reply(&s, 1);
	six_end(&s);
}

/* 5: the same scope, not deprecated, the outgoing interface, the same label, the longest prefix. */
static void rfc6724_5_source_addresses(void **state)
{
	static const char *const own[] = { "2001:db8:1::2/64", "fd00:1::1/64", "2002:c000:201::1/64" };
	static const struct { const char *dst, *src; } cases[] = {
		{ "2001:db8::9", "2001:db8::1" }, { "2001:db8:1::9", "2001:db8:1::2" }, { "2001:db8:1::2", "2001:db8:1::2" },
		{ "fe80::9%2", "fe80::ff:fe00:101" }, { "ff02::1%2", "fe80::ff:fe00:101" }, { "fd00:1::9", "fd00:1::1" },
		{ "fd99::9", "fd00:1::1" }, { "2002:c633:6401::1", "2002:c000:201::1" }, { "2a00::1", "2001:db8::1" },
		{ "2003::1", "2001:db8::1" }, /* 2002: is nearer, but of another label */
		{ "::1", "::1" },
	};
	static const char *const gateways[] = { "2001:db8::fe", "fe80::fe" }; /* which does not matter */
	char text[NET_ADDR_TEXT];
	struct net_route r;
	struct six s;

	six_begin(&s, *state);
	for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
		struct net_prefix p = prefix(own[i]);

		assert_int_equal(net_iface_add(s.eth, &p, NULL), 0);
	}
	lab_settle(s.l);
	for (size_t i = 0; i < 2 * G_N_ELEMENTS(cases); i++) {
		size_t gateway = i / G_N_ELEMENTS(cases);
		struct net_addr dst = addr(cases[i % G_N_ELEMENTS(cases)].dst);
		const char *wanted = cases[i % G_N_ELEMENTS(cases)].src;

		if (i % G_N_ELEMENTS(cases) == 0) {
			struct net_route way = { .to = prefix("::/0"), .via = addr(gateways[gateway]), .iface = "eth0", .metric = gateway ? 1 : 2 };

			assert_int_equal(net_route_add(s.host, &way, NULL), 0);
		}
		assert_int_equal(net_route_to(s.host, &dst, &r, NULL), 0);
		r.src.scope = 0;
		if (strcmp(net_addr_text(&r.src, text), wanted) != 0)
			fail_msg("to %s from %s, not %s", cases[i % G_N_ELEMENTS(cases)].dst, text, wanted);
	}
	six_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5952_text_of_addresses),
		TEST(ping_there_and_back),
		TEST(ping_itself_and_a_link_local_neighbour),
		TEST(traceroute_names_each_hop),
		TEST(rfc8200_4_5_only_the_source_cuts),
		TEST(rfc8201_path_mtu_is_found),
		TEST(rfc4443_3_errors_reach_their_socket),
		TEST(tcp_over_three_wires),
		TEST(rfc4291_addresses_that_no_packet_has),
		TEST(rfc6724_5_source_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
