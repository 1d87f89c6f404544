/* test_nat.c - translation of addresses: rules, ports, damage, bad wires and hostile packets. */
#include "site.h"

#include "net_tap.h"
#include "net_tool.h"
#include "rng.h"

static void what_comes_in_by_a_route_is_left_alone(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *l = open_listener(s.b, "0.0.0.0:80", 5), *c = open_socket(s.web, NET_TCP), *server;
	struct net_addr to = addr("10.0.0.2");
	struct net_ping *p;
	struct net_ping_report r;
	struct net_endpoint peer;

	lab_route(s.web, "10.0.0.0/24", "198.51.100.1");
	connect_to(c, "10.0.0.2:80");
	lab_settle(s.l);
	assert_int_equal(state_of(c), NET_TCP_ESTABLISHED);
	assert_int_equal(net_accept(l, &server, &peer, NULL), 0);
	assert_int_equal(peer.addr.v4, 0xc6336450);
	assert_true(site_newest(&s).plain);
	assert_int_equal(net_ping_start(s.web, &to, 2, NS_PER_S, 56, NS_PER_S, &p, NULL), 0);
	lab_settle(s.l);
	net_ping_report(p, &r);
	assert_int_equal(r.received, 2);
	net_ping_free(p);
	assert_int_equal(site_stats(&s).translated, 0);
	lab_check(s.l);
	net_socket_release(c);
	net_socket_release(server);
	net_socket_release(l);
}

static void a_connection_survives_a_forgotten_table(void **state)
{
	struct site s = site_begin(*state);
	struct talk t = talk_begin(&s);

	net_nat_forget(s.gw);
	assert_int_equal(site_sessions(&s), 0);
	send_text(t.c, "still", NULL); /* from inside: taken up in its middle, with the port that it had */
	lab_settle(s.l);
	assert_recv(t.server, "still", NULL);
	assert_int_equal(site_newest(&s).state, NET_NAT_ESTABLISHED);
	net_nat_forget(s.gw);
	net_setsockopt(t.c, NET_SO_LINGER, 0, NULL);
	net_socket_release(t.c); /* a reset of nobody's connection does not go out with an inside address */
	lab_settle(s.l);
	assert_int_equal(site_stats(&s).no_session, 1);
	site_check(&s);
	net_socket_release(t.server);
	net_socket_release(t.l);
}

static void rules_go_with_their_connections(void **state)
{
	struct site s = site_begin(*state);
	struct net_nat_rule r = { .kind = NET_NAT_DNAT, .iface = "eth1", .protocol = 17, .low = 7000, .high = 7000 }, got;
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_iface *outside = net_iface_at(s.gw, "eth1");
	struct net_prefix p = prefix("198.51.100.1/24");
	struct err e;

	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);        /* again: nothing */
	assert_int_equal(site_dnat(s.gw, 17, 6990, 7000, "10.0.0.2:6000"), -EEXIST);
	assert_int_equal(site_dnat(s.gw, 6, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(site_dnat(s.gw, 6, 8000, 8000, "10.0.0.254:6000"), -EINVAL); /* itself */
	assert_int_equal(site_dnat(s.gw, 6, 8000, 9000, "10.0.0.2:65000"), -EINVAL);
	assert_true(net_nat_rule(s.gw, 2, &got));
	assert_false(net_nat_rule(s.gw, 3, &got));
	send_text(web, "x", "198.51.100.1:7000");
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_int_equal(site_sessions(&s), 2);
	assert_int_equal(net_nat_del(s.gw, &r, &e), 0);
	assert_int_equal(site_sessions(&s), 1);
	assert_int_equal(net_nat_del(s.gw, &r, &e), -ENOENT);
	assert_int_equal(site_dnat(s.gw, 17, 5000, 5000, "10.0.0.2:6000"), 0); /* the port that a mapping has */
	assert_int_equal(site_sessions(&s), 0);
	send_text(a, "y", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "x", "198.51.100.1:5000");
	assert_int_not_equal(from_whom(web).port, 5000);
	assert_int_equal(net_iface_del(outside, &p, NULL), 0);           /* the address goes */
	assert_int_equal(site_sessions(&s), 0);
	assert_int_equal(net_iface_free(outside, NULL), 0);              /* and the interface, with its rules */
	assert_false(net_nat_rule(s.gw, 0, &got));
	lab_check(s.l);
	net_socket_release(a);
	net_socket_release(web);
}

static void ports_of_the_host_itself_and_of_mappings_stay_apart(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *own = open_bound(s.gw, NET_UDP, "0.0.0.0:5000"), *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *more;
	struct net_endpoint e;
	unsigned kept;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	e = from_whom(web);
	assert_int_not_equal(e.port, 5000);
	send_text(own, "own", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "own", "198.51.100.1:5000");
	send_text(web, "to the host", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(own, "to the host", "198.51.100.80:9");
	kept = e.port;
	net_knob_set(s.gw, NET_PORT_MIN, kept, NULL); /* the only ephemeral port is a mapping's */
	net_knob_set(s.gw, NET_PORT_MAX, kept, NULL);
	more = open_socket(s.gw, NET_UDP);
	e = at("198.51.100.80:9");
	assert_int_equal(net_connect(more, &e, NULL), -EADDRINUSE);
	site_check(&s);
	net_socket_release(own);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(more);
}

static void nothing_is_translated_by_a_host_that_does_not_forward(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	net_knob_set(s.gw, NET_IP_FORWARD, 0, NULL);
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	nothing_came(web);
	assert_int_equal(site_sessions(&s), 0);
	net_socket_release(a);
	net_socket_release(web);
}

/* RFC 1624: a checksum that was wrong stays wrong, so that damage inside is found outside. */
static void damage_is_not_repaired(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_fault damage = { .action = NET_CORRUPT, .count = 1, .match.what = NET_MATCH_UDP };
	unsigned arrived = 0;
	struct net_wire_config c;
	char in[256];
	static const char text[] = "a text that is long enough for most of the damage to hit it rather than the headers before it";

	net_wire_get(s.in, &c);
	c.fcs = false;
	net_wire_set(s.in, &c, NULL);
	send_text(a, text, "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, text, NULL);
	for (unsigned i = 0; i < 300; i++) {
		net_wire_fault(s.in, &damage, NULL);
		send_text(a, text, "198.51.100.80:9");
		lab_settle(s.l);
		if (net_recv(web, in, sizeof(in), 0, NULL, NULL) < 0)
			continue;
		in[sizeof(text) - 1] = '\0';
		assert_string_equal(in, text); /* the damage was in the Ethernet header */
		arrived++;
	}
	assert_in_range(arrived, 0, 60);
	assert_in_range(counter(s.web, NET_Udp_InCsumErrors), 100, 300);
	lab_check(s.l);
	net_socket_release(a);
	net_socket_release(web);
}

static void message_protocols_pass_too(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_socket(s.a, NET_RDT), *web = open_bound(s.web, NET_RDT, "198.51.100.80:7");

	connect_to(a, "198.51.100.80:7");
	send_text(a, "message", NULL);
	lab_settle(s.l);
	assert_recv(web, "message", NULL);
	assert_int_equal(site_newest(&s).protocol, 253);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
}

/* --- chaos ------------------------------------------------------------------------------------ */

struct stream { struct net_socket *from, *to; struct rng out, in; uint64_t sent, received; bool ended; };

enum { STREAM_BYTES = 60000 };

static void pump(struct stream *x)
{
	uint8_t data[4096];
	ssize_t n;

	while (x->sent < STREAM_BYTES) {
		struct rng ahead = x->out;
		size_t want = MIN(sizeof(data), STREAM_BYTES - x->sent);

		for (size_t i = 0; i < want; i++)
			data[i] = (uint8_t)rng_next(&ahead);
		n = net_send(x->from, data, want, 0, NULL, NULL);
		if (n == -EAGAIN)
			break;
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			rng_next(&x->out);
		x->sent += (uint64_t)n;
		if (x->sent == STREAM_BYTES)
			net_shutdown(x->from, SHUT_WR, NULL);
	}
	while (x->to && !x->ended && (n = net_recv(x->to, data, sizeof(data), 0, NULL, NULL)) != -EAGAIN) {
		assert_true(n >= 0);
		x->ended = n == 0;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], (uint8_t)rng_next(&x->in));
		x->received += (uint64_t)n;
	}
}

static void trouble(struct net_wire_config *c)
{
	c->loss = 50000;
	c->corrupt = 20000;
	c->duplicate = 50000;
	c->reorder = 100000;
	c->jitter = NS_PER_MS;
	c->queue = 50;
}

static void transfers_through_bad_wires_arrive_as_sent(void **state)
{
	static const struct { const char *from, *listen, *to; bool mapped; } ways[] = {
		{ "a", "198.51.100.80:80", "198.51.100.80:80", false }, { "b", "198.51.100.81:80", "198.51.100.81:80", false },
		{ "web", "10.0.0.2:80", "198.51.100.1:8080", true }, { "a", "10.0.0.2:81", "198.51.100.1:8081", true },
	};
	struct site s = site_begin(*state);
	struct stream x[G_N_ELEMENTS(ways)] = { 0 };
	struct net_socket *l[G_N_ELEMENTS(ways)];
	struct net_wire_config c;
	bool done = false;

	assert_int_equal(site_dnat(s.gw, 6, 8080, 8081, "10.0.0.2:80"), 0);
	lab_set(s.in, trouble);
	lab_set(s.out, trouble);
	net_wire_get(s.out, &c);
	c.mtu = 900; /* the path gets narrower behind the translation */
	net_wire_set(s.out, &c, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct net_endpoint where = at(ways[i].listen);
		struct net_host *server = where.addr.v4 == 0x0a000002 ? s.b : where.addr.v4 == 0xc6336450 ? s.web : s.other;

		l[i] = open_listener(server, ways[i].listen, 5);
		x[i].from = open_socket(net_host_at(s.l->net, ways[i].from), NET_TCP);
		rng_seed(&x[i].out, i, "stream");
		rng_seed(&x[i].in, i, "stream");
		connect_to(x[i].from, ways[i].to);
	}
	for (unsigned turn = 0; turn < 400000 && !done; turn++) {
		done = true;
		if (!clock_step(&s.l->clock))
			break;
		for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
			if (!x[i].to && net_accept(l[i], &x[i].to, NULL, NULL))
				x[i].to = NULL;
			if (net_connect_result(x[i].from, NULL) != -EINPROGRESS)
				pump(&x[i]);
			done &= x[i].ended;
		}
		if (turn % 1000 == 0)
			lab_check(s.l);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
		assert_true(x[i].ended);
		assert_int_equal(x[i].received, STREAM_BYTES);
		net_socket_release(x[i].from);
		net_socket_release(x[i].to);
		net_socket_release(l[i]);
	}
	lab_run(s.l, 3 * 7440 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	lab_check(s.l);
}

/* Packets of any kind, from both sides, to any port: no crash, and the books balance. */
static void hostile_packets_leave_the_table_whole(void **state)
{
	struct site s = site_begin(*state);
	static const struct net_mac tap_mac = { { 2, 9, 9, 9, 9, 9 } };
	struct net_tap *tap[2];
	struct net_iface_info info[2];
	struct rng r;

	rng_seed(&r, 7, "hostile");
	net_knob_set(s.gw, NET_NAT_MAX, 200, NULL);
	assert_int_equal(site_dnat(s.gw, 17, 7000, 7010, "10.0.0.2:6000"), 0);
	assert_int_equal(site_dnat(s.gw, 6, 7000, 7010, "10.0.0.2:6000"), 0);
	assert_int_equal(net_tap_new(s.in, "tap0", &tap_mac, NULL, NULL, &tap[0], NULL), 0);
	assert_int_equal(net_tap_new(s.out, "tap1", &tap_mac, NULL, NULL, &tap[1], NULL), 0);
	net_iface_get(net_iface_at(s.gw, "eth0"), &info[0]);
	net_iface_get(net_iface_at(s.gw, "eth1"), &info[1]);
	for (unsigned i = 0; i < 20000; i++) {
		static const uint8_t protocols[] = { 1, 1, 6, 6, 17, 253, 47 };
		static const uint32_t addrs[] = { 0x0a000001, 0x0a000002, 0xc6336401, 0xc6336450, 0xc6336451, 0x0a0000fe };
		unsigned side = (unsigned)rng_below(&r, 2), len = 14 + 20 + (unsigned)rng_below(&r, 80);
		uint8_t f[256], *p = f + 14;
		uint32_t sum = 0;

		for (unsigned k = 0; k < sizeof(f); k++)
			f[k] = (uint8_t)rng_next(&r);
		memcpy(f, info[side].mac.byte, 6);
		f[12] = 8, f[13] = 0, p[0] = 0x45, p[2] = 0, p[3] = (uint8_t)(len - 14), p[6] = rng_below(&r, 9) ? 0 : 0x20, p[7] = 0;
		p[8] = 64, p[9] = protocols[rng_below(&r, G_N_ELEMENTS(protocols))];
		for (unsigned k = 0; k < 2; k++) {
			uint32_t a = addrs[rng_below(&r, G_N_ELEMENTS(addrs))];

			p[12 + 4 * k] = (uint8_t)(a >> 24), p[13 + 4 * k] = (uint8_t)(a >> 16);
			p[14 + 4 * k] = (uint8_t)(a >> 8), p[15 + 4 * k] = (uint8_t)a;
		}
		p[20] = 27, p[22] = 27, p[23] = (uint8_t)(88 + rng_below(&r, 20)); /* ports near 7000 */
		if (p[9] == 1)
			p[20] = (uint8_t[]){ 0, 3, 8, 11, 5 }[rng_below(&r, 5)];
		p[10] = p[11] = 0;
		for (unsigned k = 0; k < 20; k += 2)
			sum += (uint32_t)(p[k] << 8 | p[k + 1]);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = ~((sum & 0xffff) + (sum >> 16));
		p[10] = (uint8_t)(sum >> 8), p[11] = (uint8_t)sum;
		net_tap_send(tap[side], f, len, NULL);
		lab_run(s.l, rng_below(&r, 20 * NS_PER_MS));
		if (i % 500 == 0)
			lab_check(s.l);
	}
	assert_in_range(site_stats(&s).peak, 50, 200);
	lab_run(s.l, 3 * 7440 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	net_tap_free(tap[0]);
	net_tap_free(tap[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes_in_by_a_route_is_left_alone),
		TEST(a_connection_survives_a_forgotten_table),
		TEST(rules_go_with_their_connections),
		TEST(ports_of_the_host_itself_and_of_mappings_stay_apart),
		TEST(nothing_is_translated_by_a_host_that_does_not_forward),
		TEST(damage_is_not_repaired),
		TEST(message_protocols_pass_too),
		TEST(transfers_through_bad_wires_arrive_as_sent),
		TEST(hostile_packets_leave_the_table_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
