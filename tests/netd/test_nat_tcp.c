/* test_nat_tcp.c - translation of addresses: connections, requirement by requirement of RFC 5382 and 7857. */
#include "site.h"

static struct net_socket *reusable(struct net_host *h, const char *where)
{
	struct net_socket *s = open_socket(h, NET_TCP);
	struct net_endpoint e = at(where);

	net_setsockopt(s, NET_SO_REUSEADDR, 1, NULL);
	assert_int_equal(net_bind(s, &root, &e, NULL), 0);
	return s;
}

static void rfc5382_req1_connections_from_inside(void **state)
{
	struct site s = site_begin(*state);
	struct talk t = talk_begin(&s);

	assert_int_equal(t.peer.addr.v4, 0xc6336401);
	send_text(t.c, "question", NULL);
	lab_settle(s.l);
	assert_recv(t.server, "question", NULL);
	send_text(t.server, "answer", NULL);
	lab_settle(s.l);
	assert_recv(t.c, "answer", NULL);
	assert_int_equal(site_newest(&s).state, NET_NAT_ESTABLISHED);
	site_check(&s);
	talk_end(&t);
	lab_settle(s.l);
	assert_int_equal(site_newest(&s).state, NET_NAT_TIME_WAIT);
}

static void rfc5382_req1_and_7_a_mapping_is_the_same_towards_everybody_and_nobody_elses(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *web = open_listener(s.web, "0.0.0.0:80", 5), *other = open_listener(s.other, "0.0.0.0:80", 5);
	struct net_socket *a = reusable(s.a, "0.0.0.0:5000"), *b[] = { reusable(s.b, "0.0.0.0:5000"), reusable(s.b, "0.0.0.0:5000") };
	struct net_socket *accepted[3];
	struct net_endpoint end[3];

	connect_to(a, "198.51.100.80:80");
	lab_settle(s.l);
	connect_to(b[0], "198.51.100.80:80");
	connect_to(b[1], "198.51.100.81:80");
	lab_settle(s.l);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(net_accept(i < 2 ? web : other, &accepted[i], &end[i], NULL), 0);
	assert_int_equal(end[0].port, 5000);
	assert_int_not_equal(end[1].port, 5000);
	assert_int_equal(end[2].port, end[1].port);
	site_check(&s);
	for (unsigned i = 0; i < 3; i++)
		net_socket_release(accepted[i]);
	net_socket_release(a);
	net_socket_release(b[0]);
	net_socket_release(b[1]);
	net_socket_release(web);
	net_socket_release(other);
}

/* A SYN to a mapping's port: what gets in is answered by the host inside at once, that nobody listens. */
static void req3_case(struct lab *l, enum net_nat_filter filter, bool port, bool stranger)
{
	struct site s = site_begin(l);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1" };
	struct net_socket *asks[] = { open_socket(s.web, NET_TCP), open_socket(s.other, NET_TCP) };
	char text[NET_ENDPOINT_TEXT];
	struct talk t;

	assert_int_equal(net_nat_del(s.gw, &r, NULL), 0);
	site_masquerade(s.gw, filter);
	t = talk_begin(&s);
	net_endpoint_text(&t.peer, text);
	for (unsigned i = 0; i < 2; i++)
		connect_to(asks[i], text);
	lab_run(l, NS_PER_MS * 100);
	assert_int_equal(net_connect_result(asks[0], NULL), port ? -ECONNREFUSED : -EINPROGRESS);
	assert_int_equal(net_connect_result(asks[1], NULL), stranger ? -ECONNREFUSED : -EINPROGRESS);
	assert_int_equal(site_stats(&s).filtered, !port + !stranger);
	assert_int_equal(state_of(t.c), NET_TCP_ESTABLISHED);
	site_check(&s);
	talk_end(&t);
	for (unsigned i = 0; i < 2; i++)
		net_socket_release(asks[i]);
}

static void rfc5382_req3_filter_by_address(void **state) { req3_case(*state, NET_NAT_FILTER_ADDRESS, true, false); }
static void rfc5382_req3_filter_by_nothing(void **state) { req3_case(*state, NET_NAT_FILTER_ENDPOINT, true, true); }
static void rfc5382_req3_filter_by_port(void **state) { req3_case(*state, NET_NAT_FILTER_PORT, false, false); }

/* REQ-2: both send SYNs; the one from outside comes first and waits to be asked for. */
static void rfc5382_req2_simultaneous_open(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_TCP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_TCP, "0.0.0.0:80");
	struct net_socket *other = open_listener(s.other, "0.0.0.0:80", 5), *first = open_socket(s.a, NET_TCP);
	struct net_endpoint mine = at("0.0.0.0:5000");

	/* a has a mapping of port 5000 already, towards somebody else (as hole punching has it) */
	net_setsockopt(a, NET_SO_REUSEADDR, 1, NULL);
	net_setsockopt(first, NET_SO_REUSEADDR, 1, NULL);
	assert_int_equal(net_bind(first, &root, &mine, NULL), 0);
	connect_to(first, "198.51.100.81:80");
	lab_settle(s.l);
	connect_to(web, "198.51.100.1:5000");
	lab_run(s.l, 100 * NS_PER_MS);
	assert_int_equal(state_of(web), NET_TCP_SYN_SENT);
	connect_to(a, "198.51.100.80:80");
	lab_run(s.l, 10 * NS_PER_S);
	assert_int_equal(state_of(a), NET_TCP_ESTABLISHED);
	assert_int_equal(state_of(web), NET_TCP_ESTABLISHED);
	send_text(web, "hi", NULL);
	lab_settle(s.l);
	assert_recv(a, "hi", NULL);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(other);
	net_socket_release(first);
}

/* REQ-4: a SYN that nobody asked for is answered by ICMP after six seconds, not before. */
static void rfc5382_req4_an_unsolicited_syn_waits_six_seconds(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *l = open_listener(s.web, "0.0.0.0:80", 5), *c = open_bound(s.a, NET_TCP, "0.0.0.0:5000");
	struct net_socket *stranger = open_socket(s.other, NET_TCP);

	connect_to(c, "198.51.100.80:80");
	lab_settle(s.l);
	net_knob_set(s.other, NET_SYN_RETRIES, 0, NULL);
	net_knob_set(s.other, NET_RTO_INIT, 20000, NULL);
	net_socket_release(stranger);
	stranger = open_socket(s.other, NET_TCP);
	connect_to(stranger, "198.51.100.1:5000");
	lab_run(s.l, 5900 * NS_PER_MS);
	assert_int_equal(counter(s.other, NET_Icmp_InDestUnreachs), 0);
	assert_int_equal(state_of(stranger), NET_TCP_SYN_SENT);
	lab_run(s.l, 200 * NS_PER_MS);
	assert_int_equal(counter(s.other, NET_Icmp_InDestUnreachs), 1);
	assert_int_equal(net_connect_result(stranger, NULL), -ECONNREFUSED);
	site_check(&s);
	net_socket_release(l);
	net_socket_release(c);
	net_socket_release(stranger);
}

static void rfc5382_req5_time_outs_of_connections(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *lost;
	struct talk t;

	net_knob_set(s.a, NET_SYN_RETRIES, 0, NULL);
	lost = open_socket(s.a, NET_TCP);
	connect_to(lost, "198.51.100.99:80"); /* nobody there: transitory, four minutes */
	lab_run(s.l, 239 * NS_PER_S);
	assert_int_equal(site_newest(&s).state, NET_NAT_SYN_SENT);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	t = talk_begin(&s);
	lab_run(s.l, 7438 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	send_text(t.server, "still here", NULL);
	lab_settle(s.l);
	assert_recv(t.c, "still here", NULL);
	lab_run(s.l, 7439 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	net_socket_release(lost);
	talk_end(&t);
}

static void rfc5382_req5_a_closed_connection_goes_after_four_minutes(void **state)
{
	struct site s = site_begin(*state);
	struct talk t = talk_begin(&s);

	net_socket_release(t.c);
	lab_settle(s.l);
	assert_int_equal(site_newest(&s).state, NET_NAT_FIN_WAIT);
	net_socket_release(t.server);
	lab_settle(s.l);
	assert_int_equal(site_newest(&s).state, NET_NAT_TIME_WAIT);
	lab_run(s.l, 239 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	net_socket_release(t.l);
}

static void rfc7857_2_2_a_reset_ends_it_unless_it_goes_on(void **state)
{
	struct site s = site_begin(*state);
	struct talk t = talk_begin(&s);

	net_setsockopt(t.server, NET_SO_LINGER, 0, NULL);
	net_socket_release(t.server); /* RST */
	lab_settle(s.l);
	assert_int_equal(site_newest(&s).state, NET_NAT_CLOSE);
	assert_int_equal(net_recv(t.c, NULL, 0, 0, NULL, NULL), -ECONNRESET);
	lab_run(s.l, 241 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	net_socket_release(t.c);
	net_socket_release(t.l);
}

static void rfc5382_req8_connections_by_hairpin(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *l = open_listener(s.b, "0.0.0.0:80", 5), *c = open_socket(s.a, NET_TCP), *server;
	struct net_endpoint peer;

	assert_int_equal(site_dnat(s.gw, 6, 8080, 8080, "10.0.0.2:80"), 0);
	connect_to(c, "198.51.100.1:8080");
	lab_settle(s.l);
	assert_int_equal(net_accept(l, &server, &peer, NULL), 0);
	assert_int_equal(peer.addr.v4, 0xc6336401);
	send_text(c, "question", NULL);
	lab_settle(s.l);
	assert_recv(server, "question", NULL);
	net_socket_release(server);
	lab_settle(s.l);
	assert_int_equal(net_recv(c, NULL, 0, 0, NULL, NULL), 0);
	site_check(&s);
	net_socket_release(c);
	net_socket_release(l);
}

/* A router behind the translation has no way: the connection hears of it, and is not ended by it. */
static void rfc5382_req9_and_10_icmp_errors_reach_connections_and_end_none(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *c = open_bound(s.a, NET_TCP, "0.0.0.0:5000");
	struct net_decoded d, q;

	lab_route(s.gw, "203.0.113.0/24", "198.51.100.81");
	net_knob_set(s.other, NET_IP_FORWARD, 1, NULL);
	connect_to(c, "203.0.113.5:80");
	lab_run(s.l, 100 * NS_PER_MS);
	assert_int_equal(counter(s.a, NET_Icmp_InDestUnreachs), 1);
	assert_int_equal(site_stats(&s).errors, 1);
	d = last_error(s.in, &q);
	assert_int_equal(d.src.v4, 0xc6336451);
	assert_int_equal(q.src.v4, 0x0a000001);
	assert_int_equal(q.sport, 5000);
	assert_int_equal(site_sessions(&s), 1);
	assert_int_equal(site_newest(&s).state, NET_NAT_SYN_SENT);
	site_check(&s);
	net_socket_release(c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc5382_req1_connections_from_inside),
		TEST(rfc5382_req1_and_7_a_mapping_is_the_same_towards_everybody_and_nobody_elses),
		TEST(rfc5382_req3_filter_by_address),
		TEST(rfc5382_req3_filter_by_nothing),
		TEST(rfc5382_req3_filter_by_port),
		TEST(rfc5382_req2_simultaneous_open),
		TEST(rfc5382_req4_an_unsolicited_syn_waits_six_seconds),
		TEST(rfc5382_req5_time_outs_of_connections),
		TEST(rfc5382_req5_a_closed_connection_goes_after_four_minutes),
		TEST(rfc7857_2_2_a_reset_ends_it_unless_it_goes_on),
		TEST(rfc5382_req8_connections_by_hairpin),
		TEST(rfc5382_req9_and_10_icmp_errors_reach_connections_and_end_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
