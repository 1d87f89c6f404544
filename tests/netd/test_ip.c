/* test_ip.c - ARP, routes, forwarding, ICMP, reassembly, ping and traceroute. */
#include "lab.h"

static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }

static void rfc826_request_to_all_answer_from_one(void **state)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "w");
	struct net_host *a = lab_host(l, "a", w, "10.0.0.1/24");
	struct net_socket *s = open_socket(a, NET_UDP);
	struct net_neigh n;
	struct net_frame f;
	struct net_decoded d;

	lab_host(l, "b", w, "10.0.0.2/24");
	lab_host(l, "c", w, "10.0.0.3/24");
	send_text(s, "x", "10.0.0.2:9");
	assert_true(net_neigh(a, 0, &n));
	assert_int_equal(n.state, NET_NEIGH_INCOMPLETE);
	assert_int_equal(n.queued, 1);
	lab_settle(l);
	assert_true(net_neigh(a, 0, &n));
	assert_int_equal(n.state, NET_NEIGH_REACHABLE);
	assert_false(net_neigh(host(l, "c"), 0, &n)); /* it was not asked */
	net_wire_frame(w, 1, &f);
	net_decode(f.bytes, f.len, true, &d);
	assert_int_equal(f.len, 60);
	assert_int_equal(d.arp_op, 1);
	assert_true(net_mac_is_group(&d.mac_dst));
	net_wire_frame(w, 2, &f);
	net_decode(f.bytes, f.len, true, &d);
	assert_int_equal(d.arp_op, 2);
	assert_false(net_mac_is_group(&d.mac_dst));
	lab_run(l, 31 * NS_PER_S);
	assert_true(net_neigh(a, 0, &n));
	assert_int_equal(n.state, NET_NEIGH_STALE);
	net_socket_release(s);
}

static void rfc1122_2_3_2_one_request_a_second_three_times(void **state)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "w");
	struct net_host *a = lab_host(l, "a", w, "10.0.0.1/24");
	struct net_socket *s = open_socket(a, NET_UDP);
	struct net_neigh n;
	struct net_frame f;

	for (int i = 0; i < 5; i++)
		send_text(s, "x", "10.0.0.2:9");
	lab_settle(l);
	assert_int_equal(net_wire_next(w), 4);
	for (unsigned i = 1; i <= 3; i++) {
		net_wire_frame(w, i, &f);
		assert_int_equal(f.time, (i - 1) * NS_PER_S);
	}
	assert_true(net_neigh(a, 0, &n));
	assert_int_equal(n.state, NET_NEIGH_FAILED);
	assert_int_equal(n.queued, 0);
	net_socket_release(s);
}

/* Lesson 34. */
static void longest_prefix_wins(void **state)
{
	static const struct { const char *to, *via; } table[] = {
		{ "128.143.0.0/16", "10.0.1.1" }, { "192.107.102.0/24", "10.0.1.1" }, { "4.0.0.0/6", "10.0.2.1" },
		{ "64.8.0.0/13", "10.0.2.1" }, { "0.0.0.0/0", "10.0.3.1" },
	};
	static const struct { const char *to, *via; } asked[] = {
		{ "128.143.0.0", "10.0.1.1" }, { "128.143.255.255", "10.0.1.1" }, { "128.144.0.0", "10.0.3.1" },
		{ "192.107.102.77", "10.0.1.1" }, { "192.107.103.0", "10.0.3.1" }, { "4.0.0.0", "10.0.2.1" },
		{ "7.255.255.255", "10.0.2.1" }, { "8.0.0.0", "10.0.3.1" }, { "64.7.255.255", "10.0.3.1" },
		{ "64.8.0.0", "10.0.2.1" }, { "64.15.255.255", "10.0.2.1" }, { "64.16.0.0", "10.0.3.1" },
	};
	struct lab *l = *state;
	struct net_host *h = lab_host(l, "h", lab_wire(l, "w1"), "10.0.1.2/24");
	char text[NET_ADDR_TEXT];

	lab_host(l, "h", lab_wire(l, "w2"), "10.0.2.2/24");
	lab_host(l, "h", lab_wire(l, "w3"), "10.0.3.2/24");
	for (unsigned i = 0; i < G_N_ELEMENTS(table); i++)
		lab_route(h, table[i].to, table[i].via);
	for (unsigned i = 0; i < G_N_ELEMENTS(asked); i++) {
		struct net_addr to = addr(asked[i].to);
		struct net_route r;

		assert_int_equal(net_route_to(h, &to, &r, NULL), 0);
		assert_string_equal(net_addr_text(&r.via, text), asked[i].via);
	}
}

static void routes_come_and_go_with_interfaces(void **state)
{
	struct lab *l = *state;
	struct net_host *h = lab_host(l, "h", lab_wire(l, "w"), "10.0.0.1/24");
	struct net_iface *i = net_iface_at(h, "eth0");
	struct net_addr to = addr("8.8.8.8");
	struct net_route r = { .to = prefix("0.0.0.0/0"), .via = addr("10.0.0.254") };
	struct err e = { 0 };

	assert_int_equal(net_route_to(h, &to, &r, &e), -ENETUNREACH);
	assert_string_equal(e.why, "no route to 8.8.8.8");
	r = (struct net_route){ .to = prefix("0.0.0.0/0"), .via = addr("10.0.0.254") };
	assert_int_equal(net_route_add(h, &r, NULL), 0);
	assert_int_equal(net_route_add(h, &r, &e), -EEXIST);
	r.via = addr("10.9.9.9");
	assert_int_equal(net_route_add(h, &r, &e), -ENETUNREACH);
	r.to = prefix("10.5.5.5/16");
	assert_int_equal(net_route_add(h, &r, &e), -EINVAL);
	assert_string_equal(e.why, "10.5.5.5 has bits set after its first 16");
	net_iface_up(i, false, NULL);
	assert_false(net_route(h, 0, &r));
	net_iface_up(i, true, NULL);
	assert_true(net_route(h, 0, &r));
	assert_true(r.connected);
	assert_false(net_route(h, 1, &r));
}

/* As Linux: routes whose source it was go with an address, with the last one all that lead through the interface. */
static void routes_go_with_the_last_address(void **state)
{
	struct lab *l = *state;
	struct net_host *h = lab_host(l, "h", lab_wire(l, "w"), "10.0.0.1/24");
	struct net_iface *i = net_iface_at(h, "eth0");
	struct net_prefix first = prefix("10.0.0.1/24"), second = prefix("10.0.0.2/24");
	struct net_route r = { .to = prefix("10.7.0.0/16"), .via = addr("10.0.0.254"), .src = addr("10.0.0.2") };

	assert_int_equal(net_iface_add(i, &second, NULL), 0);
	assert_int_equal(net_route_add(h, &r, NULL), 0);
	lab_route(h, "0.0.0.0/0", "10.0.0.254");
	assert_int_equal(net_iface_del(i, &second, NULL), 0);
	assert_true(net_route(h, 1, &r));
	assert_int_equal(r.to.len, 0);                         /* only the one from 10.0.0.2 has gone */
	assert_false(net_route(h, 2, &r));
	assert_int_equal(net_iface_del(i, &first, NULL), 0);
	assert_false(net_route(h, 0, &r));
}

static void a_reject_route_refuses(void **state)
{
	struct lab *l = *state;
	struct net_host *h = lab_host(l, "h", lab_wire(l, "w"), "10.0.0.1/24");
	struct net_addr to = addr("10.99.1.1");
	struct net_route r;

	lab_route(h, "10.99.0.0/16", NULL);
	assert_int_equal(net_route_to(h, &to, &r, NULL), -EHOSTUNREACH);
}

static void ping_there_and_back(void **state)
{
	struct lab *l = *state;
	struct net_addr b = addr("10.3.0.1");
	struct net_ping_report report;
	struct net_ping *p;
	struct net_echo echo;

	lab_chain(l, false);
	assert_int_equal(net_ping_start(host(l, "a"), &b, 3, NS_PER_S, 56, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	net_ping_report(p, &report);
	assert_true(report.done);
	assert_int_equal(report.sent, 3);
	assert_int_equal(report.received, 3);
	assert_true(report.min > 0 && report.min <= report.average && report.average <= report.max);
	assert_true(net_ping_echo(p, 0, &echo));
	assert_int_equal(echo.ttl, 62);
	assert_true(net_addr_equal(&echo.from, &b));
	net_ping_free(p);
}

static void ping_large_in_fragments(void **state)
{
	struct lab *l = *state;
	struct net_addr b = addr("10.3.0.1");
	struct net_ping_report report;
	struct net_ping *p;

	lab_chain(l, false);
	assert_int_equal(net_ping_start(host(l, "a"), &b, 1, NS_PER_S, 8000, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	net_ping_report(p, &report);
	assert_int_equal(report.received, 1);
	assert_int_equal(counter(host(l, "b"), NET_Ip_ReasmOKs), 1);
	net_ping_free(p);
}

static void ping_nobody(void **state)
{
	struct lab *l = *state;
	struct net_addr nobody = addr("10.3.0.99"), nowhere = addr("172.16.0.1");
	struct net_ping_report report;
	struct net_ping *p;
	struct net_echo echo;

	lab_chain(l, false);
	assert_int_equal(net_ping_start(host(l, "a"), &nobody, 1, NS_PER_S, 56, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	net_ping_report(p, &report);
	assert_int_equal(report.errors, 1);
	assert_true(net_ping_echo(p, 0, &echo));
	assert_int_equal(echo.error, EHOSTUNREACH);
	assert_int_equal(echo.type, 3);
	assert_int_equal(echo.code, 1);
	net_ping_free(p);
	assert_int_equal(net_ping_start(host(l, "a"), &nowhere, 1, NS_PER_S, 56, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	assert_true(net_ping_echo(p, 0, &echo));
	assert_int_equal(echo.error, ENETUNREACH); /* the router knows no way */
	net_ping_free(p);
	assert_int_equal(net_ping_start(host(l, "r1"), &nowhere, 1, NS_PER_S, 56, 10 * NS_PER_S, &p, NULL), -ENETUNREACH);
}

static void traceroute_names_each_hop(void **state)
{
	static const char *const hops[] = { "10.1.0.254", "10.2.0.2", "10.3.0.1" };
	struct lab *l = *state;
	struct net_addr b = addr("10.3.0.1");
	struct net_trace *t;
	struct net_echo echo;
	char text[NET_ADDR_TEXT];

	lab_chain(l, false);
	assert_int_equal(net_trace_start(host(l, "a"), &b, 5 * NS_PER_S, &t, NULL), 0);
	lab_settle(l);
	assert_true(net_trace_done(t));
	assert_int_equal(net_trace_hops(t), 3);
	for (unsigned hop = 1; hop <= 3; hop++)
		for (unsigned probe = 0; probe < 3; probe++) {
			assert_true(net_trace_probe(t, hop, probe, &echo));
			assert_true(echo.rtt > 0);
			assert_string_equal(net_addr_text(&echo.from, text), hops[hop - 1]);
		}
	net_trace_free(t);
}

/* Issue 4, bad input: routes in circles end at TTL 0. */
static void routes_in_circles(void **state)
{
	struct lab *l = *state;
	struct net_addr there = addr("10.77.0.1");
	struct net_ping *p;
	struct net_echo echo;

	lab_chain(l, false);
	lab_route(host(l, "r1"), "10.77.0.0/16", "10.2.0.2");
	lab_route(host(l, "r2"), "10.77.0.0/16", "10.2.0.1");
	assert_int_equal(net_ping_start(host(l, "a"), &there, 1, NS_PER_S, 8, 10 * NS_PER_S, &p, NULL), 0);
	lab_settle(l);
	assert_true(net_ping_echo(p, 0, &echo));
	assert_int_equal(echo.type, 11);
	net_ping_free(p);
}

static void rfc1191_path_mtu_is_found(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *s;
	struct net_endpoint to = at("10.3.0.1:9");
	static const char data[1400];
	int mtu, error;

	lab_chain(l, false);
	net_wire_get(net_wire_at(l->net, "w2"), &c);
	c.mtu = 1000;
	assert_int_equal(net_wire_set(net_wire_at(l->net, "w2"), &c, NULL), 0);
	s = open_socket(host(l, "a"), NET_UDP);
	assert_int_equal(net_connect(s, &to, NULL), 0);
	assert_int_equal(net_setsockopt(s, NET_IP_MTU_DISCOVER, 2, NULL), 0);
	assert_int_equal(net_send(s, data, sizeof(data), 0, NULL, NULL), sizeof(data)); /* DF: it comes back */
	lab_settle(l);
	assert_int_equal(counter(host(l, "a"), NET_Icmp_InDestUnreachs), 1);
	assert_int_equal(net_getsockopt(s, NET_IP_MTU, &mtu, NULL), 0);
	assert_int_equal(mtu, 1000);
	assert_int_equal(net_getsockopt(s, NET_SO_ERROR, &error, NULL), 0);
	assert_int_equal(error, EMSGSIZE); /* as Linux tells a socket that is connected */
	assert_int_equal(net_send(s, data, sizeof(data), 0, NULL, NULL), -EMSGSIZE);
	lab_run(l, 601 * NS_PER_S);
	net_getsockopt(s, NET_IP_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1500); /* tried again after ten minutes */
	net_socket_release(s);
}

static void rfc1812_4_3_2_8_errors_are_rate_limited(void **state)
{
	struct lab *l = *state;
	struct net_socket *s;

	lab_chain(l, false);
	s = open_socket(host(l, "a"), NET_UDP);
	for (int i = 0; i < 50; i++) {
		send_text(s, "x", "10.3.0.1:9"); /* nobody there: 3/3 */
		lab_settle(l);
	}
	assert_int_equal(counter(host(l, "b"), NET_Udp_NoPorts), 50);
	assert_int_equal(counter(host(l, "b"), NET_Icmp_OutDestUnreachs), 6);
	lab_run(l, NS_PER_S);
	send_text(s, "x", "10.3.0.1:9");
	lab_settle(l);
	assert_int_equal(counter(host(l, "b"), NET_Icmp_OutDestUnreachs), 7);
	net_socket_release(s);
}

/* --- reassembly, from frames made by hand ---------------------------------------------------------- */

struct far { struct net_tap *tap; struct net_mac mac; unsigned errors; uint8_t code; };

static void far_receive(void *data, const uint8_t *frame, size_t len)
{
	struct far *f = data;
	struct net_decoded d;

	net_decode(frame, len, true, &d);
	if (d.layers & NET_LAYER_ICMP && d.icmp_type == 11) {
		f->errors++;
		f->code = d.icmp_code;
	}
}

static uint16_t sum16(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

/* Bytes [from, to) of a UDP datagram of `total` bytes, payload byte i being i, checksum none. */
static void send_piece(struct far *f, uint16_t id, unsigned from, unsigned to, bool more)
{
	uint8_t frame[70000] = { 0 }, *p = frame + 14;
	uint16_t sum;

	memcpy(frame, &f->mac, 6);
	memcpy(frame + 6, "\2\0\0\0\0\x63", 6);
	frame[12] = 8;
	p[0] = 0x45;
	p[2] = (uint8_t)((20 + to - from) >> 8);
	p[3] = (uint8_t)(20 + to - from);
	p[4] = (uint8_t)(id >> 8);
	p[5] = (uint8_t)id;
	p[6] = (uint8_t)((more ? 0x20 : 0) | from / 8 >> 8);
	p[7] = (uint8_t)(from / 8);
	p[8] = 64;
	p[9] = 17;
	memcpy(p + 12, "\12\0\0\x63\12\0\0\1", 8);
	sum = sum16(p, 20);
	p[10] = (uint8_t)(sum >> 8);
	p[11] = (uint8_t)sum;
	for (unsigned i = from; i < to; i++)
		p[20 + i - from] = i < 8 ? "\0\7\0\7\0\x40\0\0"[i] : (uint8_t)i;
	assert_int_equal(net_tap_send(f->tap, frame, 34 + to - from, NULL), 0);
}

struct piece { unsigned from, to; bool more; };

static void reassembly(void **state, const struct piece *pieces, unsigned n, bool delivered, bool told)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "w");
	struct net_host *a = lab_host(l, "a", w, "10.0.0.1/24");
	struct net_socket *s = open_bound(a, NET_UDP, "0.0.0.0:7");
	struct far far = { 0 };
	struct net_iface_info info;
	struct net_addr peer = addr("10.0.0.99");
	uint8_t data[100];

	net_iface_get(net_iface_at(a, "eth0"), &info);
	far.mac = info.mac;
	net_tap_new(w, "far", (const struct net_mac *)"\2\0\0\0\0\x63", far_receive, &far, &far.tap, NULL);
	net_neigh_add(a, "eth0", &peer, (const struct net_mac *)"\2\0\0\0\0\x63", NULL);
	for (unsigned i = 0; i < n; i++) {
		send_piece(&far, 77, pieces[i].from, pieces[i].to, pieces[i].more);
		lab_run(l, NS_PER_MS);
	}
	assert_int_equal(net_recv(s, data, sizeof(data), 0, NULL, NULL), delivered ? 56 : -EAGAIN);
	for (unsigned i = 0; delivered && i < 56; i++)
		assert_int_equal(data[i], i + 8);
	lab_run(l, 31 * NS_PER_S);
	assert_int_equal(far.errors, told);
	if (told)
		assert_int_equal(far.code, 1);
	net_socket_release(s);
	net_tap_free(far.tap);
}

static void rfc791_3_2_in_order(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 24, true }, { 24, 48, true }, { 48, 64, false } }, 3, true, false);
}

static void rfc791_3_2_reversed(void **state)
{
	reassembly(state, (struct piece[]){ { 48, 64, false }, { 24, 48, true }, { 0, 24, true } }, 3, true, false);
}

static void a_repeated_piece_is_harmless(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 24, true }, { 0, 24, true }, { 24, 64, false } }, 3, true, false);
}

static void rfc1122_3_3_2_a_missing_piece_is_told(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 24, true }, { 48, 64, false } }, 2, false, true);
}

static void without_the_first_piece_nobody_is_told(void **state)
{
	reassembly(state, (struct piece[]){ { 24, 48, true }, { 48, 64, false } }, 2, false, false);
}

static void overlapping_pieces_kill_the_packet(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 32, true }, { 24, 64, false } }, 2, false, false);
}

static void a_piece_beyond_65535_kills_the_packet(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 24, true }, { 65528, 65592, false } }, 2, false, false);
}

static void a_middle_piece_has_whole_units(void **state)
{
	reassembly(state, (struct piece[]){ { 0, 20, true }, { 24, 64, false } }, 2, false, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(rfc826_request_to_all_answer_from_one), TEST(rfc1122_2_3_2_one_request_a_second_three_times),
		TEST(longest_prefix_wins), TEST(routes_come_and_go_with_interfaces), TEST(routes_go_with_the_last_address),
		TEST(a_reject_route_refuses),
		TEST(ping_there_and_back), TEST(ping_large_in_fragments), TEST(ping_nobody), TEST(traceroute_names_each_hop),
		TEST(routes_in_circles), TEST(rfc1191_path_mtu_is_found), TEST(rfc1812_4_3_2_8_errors_are_rate_limited),
		TEST(rfc791_3_2_in_order), TEST(rfc791_3_2_reversed), TEST(a_repeated_piece_is_harmless),
		TEST(rfc1122_3_3_2_a_missing_piece_is_told), TEST(without_the_first_piece_nobody_is_told),
		TEST(overlapping_pieces_kill_the_packet), TEST(a_piece_beyond_65535_kills_the_packet),
		TEST(a_middle_piece_has_whole_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
