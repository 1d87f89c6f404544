/* test_nat_udp.c - translation of addresses: datagrams, requirement by requirement of RFC 4787. */
#include "site.h"

static void assert_end(const struct net_endpoint *e, const char *text)
{
	char is[NET_ENDPOINT_TEXT];

	assert_string_equal(net_endpoint_text(e, is), text);
}

static void rfc4787_req1_a_mapping_is_the_same_towards_everybody(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "10.0.0.1:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");

	send_text(a, "x", "198.51.100.80:9");
	send_text(a, "y", "198.51.100.81:9");
	lab_settle(s.l);
	assert_recv(web, "x", "198.51.100.1:5000");
	assert_recv(other, "y", "198.51.100.1:5000");
	send_text(other, "back", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "back", "198.51.100.81:9");
	assert_int_equal(site_sessions(&s), 2);
	assert_int_equal(site_stats(&s).mappings, 1);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(other);
}

static void rfc4787_req3_no_port_is_shared_and_ranges_are_kept(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	for (unsigned port = 498; port < 6000; port = port == 503 ? 5000 : port == 5005 ? 6000 : port + 1) {
		char text[32];
		struct net_socket *a, *b;
		struct net_endpoint first, second;

		snprintf(text, sizeof(text), "0.0.0.0:%u", port);
		a = open_bound(s.a, NET_UDP, text);
		b = open_bound(s.b, NET_UDP, text);
		send_text(a, "x", "198.51.100.80:9");
		lab_settle(s.l);
		send_text(b, "x", "198.51.100.80:9");
		lab_settle(s.l);
		first = from_whom(web);
		second = from_whom(web);
		assert_int_equal(first.port, port);                   /* kept where it is free */
		assert_int_not_equal(second.port, port);              /* REQ-3 */
		assert_int_equal(second.port < 1024, port < 1024);    /* REQ-3a */
		assert_int_equal(second.port % 2, port % 2);          /* REQ-4 */
		net_socket_release(a);
		net_socket_release(b);
	}
	site_check(&s);
	net_socket_release(web);
}

static void rfc4787_req5_and_6_a_udp_mapping_lives_five_minutes(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	send_text(a, "x", "198.51.100.80:9"); /* REQ-6: what goes out keeps it */
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	send_text(web, "x", "198.51.100.1:5000");
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	assert_int_equal(site_stats(&s).mappings, 0);
	assert_int_equal(site_stats(&s).expired, 1);
	net_knob_set(s.gw, NET_NAT_UDP_TIMEOUT, 120, NULL); /* 5b: can be set */
	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 119 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	net_socket_release(a);
	net_socket_release(web);
}

/* What the peer, its address's other port, and a stranger may send to a mapping. */
static void filter_case(struct lab *l, enum net_nat_filter filter, bool port, bool stranger)
{
	struct site s = site_begin(l);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1" };
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_socket *web2 = open_bound(s.web, NET_UDP, "0.0.0.0:10"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");

	assert_int_equal(net_nat_del(s.gw, &r, NULL), 0);
	site_masquerade(s.gw, filter);
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(l);
	send_text(web, "peer", "198.51.100.1:5000");
	lab_settle(l);
	assert_recv(a, "peer", "198.51.100.80:9");
	send_text(web2, "port", "198.51.100.1:5000");
	lab_settle(l);
	if (port)
		assert_recv(a, "port", "198.51.100.80:10");
	nothing_came(a);
	send_text(other, "stranger", "198.51.100.1:5000");
	lab_settle(l);
	if (stranger)
		assert_recv(a, "stranger", "198.51.100.81:9");
	nothing_came(a);
	assert_int_equal(site_stats(&s).filtered, !port + !stranger);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(web2);
	net_socket_release(other);
}

static void rfc4787_req8_filter_by_address(void **state) { filter_case(*state, NET_NAT_FILTER_ADDRESS, true, false); }
static void rfc4787_req8_filter_by_nothing(void **state) { filter_case(*state, NET_NAT_FILTER_ENDPOINT, true, true); }
static void rfc4787_req8_filter_by_port(void **state) { filter_case(*state, NET_NAT_FILTER_PORT, false, false); }

static void rfc4787_req9_hosts_inside_meet_by_their_outside_ends(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *b = open_bound(s.b, NET_UDP, "0.0.0.0:6000");

	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	send_text(a, "hello", "198.51.100.1:7000");
	lab_settle(s.l);
	assert_recv(b, "hello", "198.51.100.1:5000"); /* the sender's outside end, not its own */
	send_text(b, "hello yourself", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "hello yourself", "198.51.100.1:7000");
	assert_int_equal(site_stats(&s).hairpins, 2);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(b);
}

static void rfc4787_req12_an_icmp_error_ends_no_mapping(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_int_equal(site_stats(&s).errors, 1);
	assert_int_equal(site_sessions(&s), 1);
	assert_int_equal(site_newest(&s).packets_in, 0);
	web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	send_text(web, "late", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "late", "198.51.100.80:9");
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
}

/* 5000 bytes each way, the first piece last, then over a smaller wire. */
static void rfc4787_req13_and_14_pieces_in_any_order(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_fault late = { .action = NET_DELAY, .count = 1, .delay = NS_PER_MS };
	struct net_endpoint to = at("198.51.100.80:9"), from = at("198.51.100.1:5000"), who;
	static char out[5000], in[6000];
	struct net_wire_config c;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "x", NULL);
	net_setsockopt(a, NET_IP_MTU_DISCOVER, 0, NULL);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < sizeof(out); i++)
			out[i] = (char)(i * (7 + round));
		net_wire_get(s.out, &c);
		c.mtu = round < 2 ? 1500 : 576;
		net_wire_set(s.out, &c, NULL);
		if (round % 2) {
			net_wire_fault(s.in, &late, NULL);
			net_wire_fault(s.out, &late, NULL);
		}
		assert_int_equal(net_send(a, out, sizeof(out), 0, &to, NULL), sizeof(out));
		lab_settle(s.l);
		assert_int_equal(net_recv(web, in, sizeof(in), 0, &who, NULL), sizeof(out));
		assert_memory_equal(in, out, sizeof(out));
		assert_end(&who, "198.51.100.1:5000");
		assert_int_equal(net_send(web, out, sizeof(out), 0, &from, NULL), sizeof(out));
		lab_settle(s.l);
		assert_int_equal(net_recv(a, in, sizeof(in), 0, &who, NULL), sizeof(out));
		assert_memory_equal(in, out, sizeof(out));
	}
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
}

static void rfc4787_req10_what_is_said_is_left_alone(void **state)
{
	static const char text[] = "PORT 10,0,0,1,19,136 at 10.0.0.1:5000\n";
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:21");
	struct talk t = talk_begin(&s);

	send_text(a, text, "198.51.100.80:21");
	send_text(t.c, text, NULL);
	lab_settle(s.l);
	assert_recv(web, text, "198.51.100.1:5000");
	assert_recv(t.server, text, NULL);
	site_check(&s);
	talk_end(&t);
	net_socket_release(a);
	net_socket_release(web);
}

/* Where a port is taken already, all is as where it is free. */
static void rfc4787_req11_conflicts_change_nothing(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *b = open_bound(s.b, NET_UDP, "0.0.0.0:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");
	struct net_endpoint end;
	char text[NET_ENDPOINT_TEXT];

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	from_whom(web);
	send_text(b, "x", "198.51.100.80:9");
	lab_settle(s.l);
	end = from_whom(web);
	assert_int_not_equal(end.port, 5000);
	send_text(other, "unasked", net_endpoint_text(&end, text));
	lab_settle(s.l);
	nothing_came(b);
	send_text(b, "x", "198.51.100.81:9");
	lab_settle(s.l);
	assert_int_equal(from_whom(other).port, end.port);
	send_text(other, "asked", text);
	lab_settle(s.l);
	assert_recv(b, "asked", "198.51.100.81:9");
	nothing_came(a);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(b);
	net_socket_release(web);
	net_socket_release(other);
}

static void rfc4787_req13_what_is_too_long_and_whole_is_told(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_endpoint to = at("198.51.100.80:9");
	struct net_wire_config c;
	struct net_decoded d, q;
	char text[1000] = { 0 };

	net_wire_get(s.out, &c);
	c.mtu = 576;
	net_wire_set(s.out, &c, NULL);
	assert_int_equal(net_setsockopt(a, NET_IP_MTU_DISCOVER, 2, NULL), 0);
	connect_to(a, "198.51.100.80:9");
	assert_int_equal(net_send(a, text, sizeof(text), 0, &to, NULL), sizeof(text));
	lab_settle(s.l);
	assert_int_equal(pending_error(a), EMSGSIZE);
	d = last_error(s.in, &q);
	assert_int_equal(d.icmp_type << 8 | d.icmp_code, 0x304);
	assert_int_equal(q.src.v4, 0x0a000001);
	site_check(&s);
	net_socket_release(a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4787_req1_a_mapping_is_the_same_towards_everybody),
		TEST(rfc4787_req3_no_port_is_shared_and_ranges_are_kept),
		TEST(rfc4787_req5_and_6_a_udp_mapping_lives_five_minutes),
		TEST(rfc4787_req8_filter_by_address),
		TEST(rfc4787_req8_filter_by_nothing),
		TEST(rfc4787_req8_filter_by_port),
		TEST(rfc4787_req9_hosts_inside_meet_by_their_outside_ends),
		TEST(rfc4787_req12_an_icmp_error_ends_no_mapping),
		TEST(rfc4787_req13_and_14_pieces_in_any_order),
		TEST(rfc4787_req10_what_is_said_is_left_alone),
		TEST(rfc4787_req11_conflicts_change_nothing),
		TEST(rfc4787_req13_what_is_too_long_and_whole_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
