/* test_ip6.c - version 6 of IP: headers, ICMP, neighbour discovery, addresses, fragments; most from frames made by hand. */
#include "six.h"

static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }
static struct net_iface *eth(struct lab *l, const char *name) { return net_iface_at(host(l, name), "eth0"); }

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
	address_text(text, eth(l, "a"), 1, &flags);
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

/* --- RFC 8200: headers, from packets made by hand --------------------------------------------------- */

#define ECHO_REQUEST "8000 0000 1234 0001 6162636465666768"

static void expect_reply(struct six *s, unsigned times)
{
	assert_int_equal(six_count(s, 129, NULL, NULL), times);
	assert_int_equal(s->seen->len, times);
	six_forget(s);
}

static void rfc8200_3_lengths_and_padding(void **state)
{
	struct pkt6 *p;
	struct net_decoded d;
	struct six s;

	six_begin(&s, *state);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_icmp(p, ECHO_REQUEST);
	p->at += 40; /* behind the payload: of the link, not of the packet */
	six_send(&s, p);
	assert_int_equal(six_count(&s, 129, &d, NULL), 1);
	assert_int_equal(d.ip_total, 40 + 16);
	six_forget(&s);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_icmp(p, ECHO_REQUEST);
	p->at--; /* shorter than it says */
	six_send(&s, p);
	six_expect_nothing(&s);
	assert_int_equal(counter6(s.host, NET6_Ip6InTruncatedPkts), 1);
	for (unsigned version = 0; version < 16; version++) {
		p = pkt6("2001:db8::63", "2001:db8::1", 64);
		pkt6_icmp(p, ECHO_REQUEST);
		p->frame[14] = (uint8_t)(version << 4);
		six_send(&s, p);
		expect_reply(&s, version == 6);
	}
	p = pkt6("2001:db8::63", "2001:db8::1", 0); /* 3: at its destination even 0 is no reason to drop */
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	expect_reply(&s, 1);
	p = pkt6("2001:db8::63", "2001:db8::1", 64); /* traffic class and flow label are nobody's business */
	pkt6_icmp(p, ECHO_REQUEST);
	memcpy(p->frame + 14, "\x6f\xff\xff\xff", 4);
	six_send(&s, p);
	expect_reply(&s, 1);
	six_end(&s);
}

static void rfc8200_4_an_unknown_next_header_is_told(void **state)
{
	struct six s;

	six_begin(&s, *state);
	for (unsigned kind = 0; kind < 256; kind++) {
		struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);

		if (kind == HOPOPTS || kind == ROUTING || kind == FRAGMENT || kind == ICMP6 || kind == NONE || kind == DSTOPTS ||
		    kind == TCP || kind == UDP)
			continue;
		pkt6_header(p, DSTOPTS, "010400000000");
		pkt6_rest(p, (uint8_t)kind, "x", 1);
		six_send(&s, p);
		six_expect(&s, 4, 1, 40); /* the byte that says so */
		lab_run(s.l, NS_PER_S);
	}
	six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, ECHO_REQUEST);
	expect_reply(&s, 1);
	six_end(&s);
}

static void rfc8200_4_1_hop_by_hop_stands_first(void **state)
{
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, HOPOPTS, "010400000000");
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	expect_reply(&s, 1);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, DSTOPTS, "010400000000");
	pkt6_header(p, HOPOPTS, "010400000000");
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	six_expect(&s, 4, 1, 40);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, HOPOPTS, "010400000000");
	pkt6_header(p, HOPOPTS, "010400000000");
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	six_expect(&s, 4, 1, 40);
	six_end(&s);
}

/* 00 skip, 01 discard, 10 discard and tell, 11 the same unless it was for a group. */
static void rfc8200_4_2_unknown_options_by_their_two_bits(void **state)
{
	static const uint8_t kinds[] = { HOPOPTS, DSTOPTS };
	struct six s;

	six_begin(&s, *state);
	for (unsigned k = 0; k < 2; k++)
		for (unsigned bits = 0; bits < 4; bits++)
			for (unsigned group = 0; group < 2; group++) {
				struct pkt6 *p = pkt6("2001:db8::63", group ? "ff02::1" : "2001:db8::1", 64);
				char option[16];

				snprintf(option, sizeof(option), "0100 %02x020000", bits << 6 | 0x1e);
				pkt6_header(p, kinds[k], option);
				pkt6_icmp(p, ECHO_REQUEST);
				six_send(&s, p);
				if (bits == 0)
					expect_reply(&s, 1);
				else if (bits == 1 || (bits == 3 && group))
					six_expect_nothing(&s);
				else
					six_expect(&s, 4, 2, 44);
				lab_run(s.l, 2 * NS_PER_S);
			}
	six_end(&s);
}

static void rfc8200_4_2_options_that_run_over(void **state)
{
	static const struct { const char *options; uint32_t at; } cases[] = {
		{ "010500000000", 43 }, { "01ff00000000", 43 }, { "0000000000 01", 47 }, { "1eff00000000", 43 }, { "0102 0000 1e01", 47 },
	};
	struct six s;

	six_begin(&s, *state);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);

		pkt6_header(p, DSTOPTS, cases[i].options);
		pkt6_icmp(p, ECHO_REQUEST);
		six_send(&s, p);
		assert_int_equal(six_count(&s, 129, NULL, NULL), 0);
		six_forget(&s);
		lab_run(s.l, 2 * NS_PER_S);
	}
	six_end(&s);
}

/* Types unknown, so all: nothing left to do: skipped; else the type is pointed at. RFC 5095 has buried type 0. */
static void rfc8200_4_4_routing_headers(void **state)
{
	static const unsigned types[] = { 0, 1, 2, 3, 4, 253, 255 };
	struct six s;

	six_begin(&s, *state);
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		for (unsigned left = 0; left < 3; left++) {
			struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);
			char routing[80];

			snprintf(routing, sizeof(routing), "%02x%02x 00000000 @2001:db8::99 @2001:db8::98", types[i], left);
			pkt6_header(p, ROUTING, routing);
			pkt6_icmp(p, ECHO_REQUEST);
			six_send(&s, p);
			if (left == 0)
				expect_reply(&s, 1);
			else
				six_expect(&s, 4, 0, 42);
			lab_run(s.l, 2 * NS_PER_S);
		}
	six_end(&s);
}

static void rfc8200_4_7_no_next_header_is_nothing(void **state)
{
	struct six s;
	struct pkt6 *p;

	six_begin(&s, *state);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_rest(p, NONE, "ignored", 7);
	six_send(&s, p);
	six_expect_nothing(&s);
	six_end(&s);
}

static void rfc8200_8_1_udp_needs_its_checksum(void **state)
{
	static const uint8_t datagram[12] = { 0x9c, 0x40, 0, 7, 0, 0, 0, 0, 'a', 'b', 'c', 'd' };
	struct net_socket *u;
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	u = open_bound(s.host, NET_UDP, "[::]:7");
	for (unsigned how = 0; how < 3; how++) {
		p = pkt6("2001:db8::63", "2001:db8::1", 64);
		pkt6_rest(p, UDP, datagram, sizeof(datagram));
		if (how == 1)
			memset(p->frame + 54 + 6, 0, 2); /* none: nobody hears of it (RFC 6935 is for tunnels) */
		if (how == 2)
			p->frame[54 + 7] ^= 1;
		six_send(&s, p);
		if (how == 0)
			assert_recv(u, "abcd", "[2001:db8::63]:40000");
		else
			assert_int_equal(net_recv(u, (char[4]){ 0 }, 4, 0, NULL, NULL), -EAGAIN);
		six_expect_nothing(&s);
	}
	assert_int_equal(counter6(s.host, NET6_Udp6InErrors), 2);
	net_socket_release(u);
	six_end(&s);
}

/* --- RFC 8200 4.5: fragments ------------------------------------------------------------------------- */

/* Bytes [from, to) of a UDP datagram of `total` bytes to port 7, byte i being i from the 8th on. */
static void send_piece(struct six *s, unsigned id, unsigned total, unsigned from, unsigned to, bool more)
{
	struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);
	uint8_t all[70000] = { 0x9c, 0x40, 0, 7 };
	char header[40];

	for (unsigned i = 8; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	put16(all + 4, total);
	put16(all + 6, sum_end(sum_add(sum_pseudo(ip_get6(p->frame + 22), ip_get6(p->frame + 38), UDP, total), all, total)));
	snprintf(header, sizeof(header), "00 %04x %08x", (from & 0xfff8) | more, id);
	pkt6_header(p, FRAGMENT, header);
	memcpy(p->frame + p->at, all + from, to - from);
	p->frame[p->name] = UDP;
	p->at += to - from;
	put16(p->frame + 18, p->at - 54);
	six_send(s, p);
}

struct cut { unsigned from, to; bool more; };

/* Sends the pieces; is the datagram of 64 bytes there? `told`: what comes when the time is over. */
static void reassembly(void **state, const struct cut *cuts, unsigned n, bool delivered, bool told)
{
	struct net_socket *u;
	uint8_t data[100];
	struct six s;
	ns_t began;

	six_begin(&s, *state);
	u = open_bound(s.host, NET_UDP, "[::]:7");
	began = s.l->clock.now;
	for (unsigned i = 0; i < n; i++)
		send_piece(&s, 77, 64, cuts[i].from, cuts[i].to, cuts[i].more);
	assert_int_equal(net_recv(u, data, sizeof(data), 0, NULL, NULL), delivered ? 56 : -EAGAIN);
	for (unsigned i = 0; delivered && i < 56; i++)
		assert_int_equal(data[i], i + 8);
	six_expect_nothing(&s);
	lab_run(s.l, began + 60 * NS_PER_S - NS_PER_MS - s.l->clock.now);
	six_expect_nothing(&s);
	lab_run(s.l, 2 * NS_PER_MS);
	if (told)
		six_expect(&s, 3, 1, 0);
	else
		six_expect_nothing(&s);
	net_socket_release(u);
	six_end(&s);
}

static void rfc8200_4_5_in_order(void **state)
{
	reassembly(state, (struct cut[]){ { 0, 24, true }, { 24, 48, true }, { 48, 64, false } }, 3, true, false);
}

static void rfc8200_4_5_reversed(void **state)
{
	reassembly(state, (struct cut[]){ { 48, 64, false }, { 24, 48, true }, { 0, 24, true } }, 3, true, false);
}

static void rfc8200_4_5_an_exact_copy_is_let_go(void **state)
{
	reassembly(state, (struct cut[]){ { 0, 24, true }, { 24, 48, true }, { 24, 48, true }, { 48, 64, false } }, 4, true, false);
}

static void rfc8200_4_5_after_60_s_the_sender_is_told(void **state)
{
	reassembly(state, (struct cut[]){ { 0, 24, true }, { 48, 64, false } }, 2, false, true);
}

static void rfc8200_4_5_without_the_first_piece_nobody_is_told(void **state)
{
	reassembly(state, (struct cut[]){ { 24, 48, true }, { 48, 64, false } }, 2, false, false);
}

static void rfc5722_4_overlaps_are_dropped_without_a_word(void **state)
{
	static const struct { struct cut cuts[4]; unsigned n; } cases[] = {
		{ { { 0, 32, true }, { 24, 64, false } }, 2 },
		{ { { 0, 32, true }, { 24, 64, false }, { 32, 64, false } }, 3 }, /* what comes later does not heal it */
		{ { { 24, 64, false }, { 0, 32, true }, { 0, 24, true } }, 3 },
		{ { { 0, 32, true }, { 0, 24, true }, { 32, 64, false } }, 3 },
		{ { { 0, 24, true }, { 0, 32, true }, { 32, 64, false } }, 3 },
		{ { { 0, 16, true }, { 32, 64, false }, { 8, 40, true }, { 16, 32, true } }, 4 },
		{ { { 0, 24, true }, { 24, 56, false }, { 24, 64, false } }, 3 }, /* two ends: the first whole one counts */
		{ { { 0, 24, true }, { 48, 64, false }, { 64, 72, true }, { 24, 48, true } }, 4 },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (i == 6) /* complete before the overlap: it is a datagram with a wrong length */
			continue;
		lab_teardown(state);
		lab_setup(state);
		reassembly(state, cases[i].cuts, cases[i].n, false, false);
	}
}

static void rfc8200_4_5_pieces_that_are_wrong_by_themselves(void **state)
{
	struct six s;

	six_begin(&s, *state);
	send_piece(&s, 1, 64, 0, 20, true);         /* not a multiple of 8: the payload length is pointed at */
	six_expect(&s, 4, 0, 4);
	lab_run(s.l, 2 * NS_PER_S);
	send_piece(&s, 2, 64, 65528, 65544, false); /* beyond 65535: the offset */
	six_expect(&s, 4, 0, 42);
	lab_run(s.l, 2 * NS_PER_S);
	send_piece(&s, 3, 64, 65528, 65536, true);
	six_expect(&s, 4, 0, 42);
	send_piece(&s, 4, 64, 8, 8, true);          /* nothing in it */
	send_piece(&s, 5, 64, 8, 8, false);
	six_expect_nothing(&s);
	six_end(&s);
}

static void rfc6946_a_piece_that_is_all_is_whole_by_itself(void **state)
{
	struct net_socket *u;
	uint8_t data[100];
	struct six s;

	six_begin(&s, *state);
	u = open_bound(s.host, NET_UDP, "[::]:7");
	send_piece(&s, 9, 64, 0, 32, true);
	send_piece(&s, 9, 48, 0, 48, false); /* the same identification, and whole */
	assert_int_equal(net_recv(u, data, sizeof(data), 0, NULL, NULL), 40);
	send_piece(&s, 9, 64, 32, 64, false); /* which the other one has not noticed */
	assert_int_equal(net_recv(u, data, sizeof(data), 0, NULL, NULL), 56);
	six_expect_nothing(&s);
	net_socket_release(u);
	six_end(&s);
}

/* The first piece has all headers up to the transport's (also RFC 8200 4.5): else it is told, code 3. */
static void rfc7112_5_the_first_piece_has_all_headers(void **state)
{
	static const struct { uint8_t kind; unsigned bytes; bool right; } cases[] = {
		{ TCP, 0, false }, { TCP, 8, false }, { TCP, 16, false }, { TCP, 24, true }, { UDP, 0, false }, { UDP, 8, true },
		{ ICMP6, 8, true }, { ICMP6, 0, false }, { DSTOPTS, 0, false }, { DSTOPTS, 8, false }, { DSTOPTS, 24, true },
	};
	uint8_t rest[64] = { 0 };
	struct six s;

	six_begin(&s, *state);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);

		pkt6_header(p, DSTOPTS, "010400000000");
		pkt6_header(p, FRAGMENT, "00 0001 00000063");
		rest[0] = cases[i].kind == DSTOPTS ? UDP : 0;
		rest[1] = cases[i].kind == DSTOPTS ? 1 : 0; /* 16 bytes of options, then UDP */
		memcpy(p->frame + p->at, rest, cases[i].bytes);
		p->frame[p->name] = cases[i].kind;
		p->at += cases[i].bytes;
		put16(p->frame + 18, p->at - 54);
		p->frame[p->at - cases[i].bytes - 1] = (uint8_t)i; /* the identification */
		six_send(&s, p);
		if (cases[i].right)
			six_expect_nothing(&s);
		else
			six_expect(&s, 4, 3, 0);
		lab_run(s.l, 2 * NS_PER_S);
	}
	six_end(&s);
}

/* --- RFC 4443: errors ----------------------------------------------------------------------------------- */

static void send_udp(struct six *s, const char *src, const char *dst, size_t len, const char *before)
{
	struct pkt6 *p = pkt6(src, dst, 64);
	uint8_t datagram[2000] = { 0x9c, 0x40, 0, 9 };

	if (before)
		pkt6_header(p, DSTOPTS, before);
	pkt6_rest(p, UDP, datagram, 8 + len);
	six_send(s, p);
}

static void rfc4443_2_2_an_error_comes_from_the_address_that_was_meant(void **state)
{
	struct net_prefix second = prefix("2001:db8::2/64");
	struct net_decoded d;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin(&s, *state);
	net_iface_add(s.eth, &second, NULL);
	lab_settle(s.l);
	six_forget(&s);
	send_udp(&s, "2001:db8::63", "2001:db8::2", 4, NULL);
	assert_int_equal(six_count(&s, 1, &d, NULL), 1);
	assert_string_equal(net_addr_text(&d.src, text), "2001:db8::2");
	six_expect(&s, 1, 4, 0);
	send_udp(&s, "2001:db8::63", "ff02::1", 4, "9e0400000000"); /* to a group: one of the interface's own */
	assert_int_equal(six_count(&s, 4, &d, NULL), 1);
	assert_false(net_addr_is_multicast(&d.src));
	six_expect(&s, 4, 2, 42);
	six_end(&s);
}

static void rfc4443_2_4_c_as_much_as_fits_into_1280(void **state)
{
	static const unsigned sizes[] = { 0, 1, 100, 1184, 1185, 1400 };
	struct net_decoded d;
	struct six s;

	six_begin(&s, *state);
	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		send_udp(&s, "2001:db8::63", "2001:db8::1", sizes[i], NULL);
		six_count(&s, 1, &d, NULL);
		assert_int_equal(d.ip_total, MIN(1280, 48 + 48 + sizes[i]));
		six_expect(&s, 1, 4, 0);
		lab_run(s.l, 2 * NS_PER_S);
	}
	six_end(&s);
}

static void rfc4443_2_4_e_what_no_error_is_sent_about(void **state)
{
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, DSTOPTS, "9e0400000000");
	pkt6_icmp(p, "0104 0000 00000000");                     /* e.1 about an error, */
	six_send(&s, p);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, DSTOPTS, "9e0400000000");
	pkt6_icmp(p, "6400 0000 00000000");                     /* of any kind, */
	six_send(&s, p);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, DSTOPTS, "9e0400000000");
	pkt6_icmp(p, "8900 0000 00000000 @fe80::1 @2001:db8::77"); /* e.2 or a redirect, */
	six_send(&s, p);
	send_udp(&s, "2001:db8::63", "ff02::1", 4, NULL);       /* e.3 a group's, */
	p = pkt6("2001:db8::63", "2001:db8::1", 64);            /* e.4 a group's of the link, */
	pkt6_rest(p, UDP, "\x9c\x40\0\x9\0\0\0\0", 8);
	memcpy(p->frame, "\x33\x33\0\0\0\1", 6);
	six_send(&s, p);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);            /* e.5 everyone's, */
	pkt6_rest(p, UDP, "\x9c\x40\0\x9\0\0\0\0", 8);
	memset(p->frame, 0xff, 6);
	six_send(&s, p);
	send_udp(&s, "::", "2001:db8::1", 4, NULL);             /* e.6 nobody's */
	six_expect_nothing(&s);
	six_end(&s);
}

static void rfc4443_2_4_f_errors_are_rate_limited(void **state)
{
	struct six s;

	six_begin(&s, *state);
	for (int i = 0; i < 50; i++)
		send_udp(&s, "2001:db8::63", "2001:db8::1", 4, NULL);
	assert_int_equal(six_count(&s, 1, NULL, NULL), 6);
	assert_int_equal(counter6(s.host, NET6_Icmp6OutRateLimitHost), 44);
	lab_run(s.l, NS_PER_S);
	send_udp(&s, "2001:db8::63", "2001:db8::1", 4, NULL);
	assert_int_equal(six_count(&s, 1, NULL, NULL), 7);
	six_forget(&s);
	for (int i = 0; i < 50; i++)  /* pings are no errors */
		six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, ECHO_REQUEST);
	expect_reply(&s, 50);
	six_end(&s);
}

static void rfc4443_2_4_ab_kinds_that_nobody_knows(void **state)
{
	static const unsigned known[] = { 1, 2, 3, 4, 128, 129, 133, 134, 135, 136, 137 };
	struct six s;

	six_begin(&s, *state);
	for (unsigned type = 0; type < 256; type++) {
		bool is_known = false;
		char message[64];

		for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
			is_known |= known[i] == type;
		snprintf(message, sizeof(message), "%02x00 0000 00000000 60000000", type);
		if (!is_known)
			six_icmp(&s, "2001:db8::63", "2001:db8::1", 255, message);
	}
	six_expect_nothing(&s);
	six_end(&s);
}

static void rfc4443_3_1_beyond_the_scope_of_the_source(void **state)
{
	struct net_host *r;
	struct six s;

	six_begin(&s, *state);
	r = lab_host(s.l, "a", lab_wire(s.l, "w2"), "2001:db8:2::1/64");
	net_knob_set(r, NET_IP_FORWARD, 1, NULL);
	lab_settle(s.l);
	six_forget(&s);
	send_udp(&s, "fe80::63", "2001:db8:2::9", 4, NULL);
	six_expect(&s, 1, 2, 0);
	send_udp(&s, "2001:db8::63", "2001:db8:9::9", 4, NULL);
	six_expect(&s, 1, 0, 0);
	lab_route(r, "2001:db8:8::/48", NULL); /* a route that refuses */
	send_udp(&s, "2001:db8::63", "2001:db8:8::9", 4, NULL);
	six_expect(&s, 1, 0, 0);
	send_udp(&s, "2001:db8::63", "fe80::9", 4, NULL); /* never forwarded */
	send_udp(&s, "::1", "2001:db8:2::9", 4, NULL);
	send_udp(&s, "::", "2001:db8:2::9", 4, NULL);
	send_udp(&s, "ff02::1", "2001:db8:2::9", 4, NULL);
	send_udp(&s, "2001:db8::63", "ff0e::9", 4, NULL);
	six_expect_nothing(&s);
	assert_int_equal(counter6(r, NET6_Ip6OutForwDatagrams), 0);
	six_end(&s);
}

static void rfc4443_3_2_and_3_3_a_routers_errors(void **state)
{
	struct net_wire_config c;
	struct net_host *r;
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	r = lab_host(s.l, "a", lab_wire(s.l, "w2"), "2001:db8:2::1/64");
	net_knob_set(r, NET_IP_FORWARD, 1, NULL);
	net_wire_get(net_wire_at(s.l->net, "w2"), &c);
	c.mtu = 1300;
	net_wire_set(net_wire_at(s.l->net, "w2"), &c, NULL);
	lab_settle(s.l);
	six_forget(&s);
	send_udp(&s, "2001:db8::63", "2001:db8:2::9", 1300 - 48 + 1, NULL);
	six_expect(&s, 2, 0, 1300);
	for (unsigned hops = 0; hops < 2; hops++) {
		p = pkt6("2001:db8::63", "2001:db8:2::9", hops);
		pkt6_icmp(p, ECHO_REQUEST);
		six_send(&s, p);
		six_expect(&s, 3, 0, 0);
	}
	assert_int_equal(counter6(r, NET6_Ip6OutForwDatagrams), 0);
	assert_int_equal(counter6(r, NET6_Ip6InTooBigErrors), 1);
	six_end(&s);
}

static void rfc4443_4_2_an_echo_has_the_same_data(void **state)
{
	static const char *const groups[] = { "ff02::1", "ff02::1:ff00:1" };
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin(&s, *state);
	six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, "8000 0000 abcd 0102 00ff00ff");
	assert_int_equal(six_count(&s, 129, &d, &at), 1);
	assert_memory_equal(at + 4, "\xab\xcd\1\2\0\xff\0\xff", 8);
	assert_int_equal(d.ttl, 64);
	assert_string_equal(net_addr_text(&d.src, text), "2001:db8::1");
	six_forget(&s);
	for (size_t i = 0; i < G_N_ELEMENTS(groups); i++) {
		six_icmp(&s, "fe80::63", groups[i], 64, ECHO_REQUEST);
		assert_int_equal(six_count(&s, 129, &d, NULL), 1);
		assert_string_equal(net_addr_text(&d.src, text), "fe80::ff:fe00:101"); /* never the group itself */
		six_forget(&s);
	}
	six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, "8001 0000 abcd 0102"); /* the code says nothing */
	assert_int_equal(six_count(&s, 129, NULL, NULL), 1);
	six_forget(&s);
	six_icmp(&s, "::", "2001:db8::1", 64, ECHO_REQUEST);
	six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, "8100 0000 abcd 0102"); /* a reply that nobody waits for */
	six_expect_nothing(&s);
	six_end(&s);
}

/* --- RFC 8201: the path's MTU ---------------------------------------------------------------------------- */

/* A router's word about a UDP packet of 1500 bytes that the host has sent to 2001:db8::63. */
static void too_big(struct six *s, uint32_t mtu, const char *quoted_src)
{
	struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);
	g_autofree char *text = g_strdup_printf("0200 0000 %08x 6000000005b4 1140 @%s @2001:db8::63 8000 0009 05b4 0000", mtu,
						quoted_src);

	pkt6_icmp(p, text);
	six_send(s, p);
}

static void rfc8201_4_what_a_router_may_say(void **state)
{
	static const struct { uint32_t told; int after; } cases[] = {
		{ 0, 1500 }, { 1, 1500 }, { 1279, 1500 }, /* 4: less than 1280 is thrown away */
		{ 1500, 1500 }, { 1501, 1500 }, { 0xffffffff, 1500 }, /* nothing gets larger by it */
		{ 1400, 1400 }, { 1450, 1400 }, { 1280, 1280 }, { 1400, 1280 },
	};
	struct net_endpoint to = at("[2001:db8::63]:9");
	struct net_socket *u;
	struct six s;
	int mtu;

	six_begin(&s, *state);
	u = open_socket6(s.host, NET_UDP);
	assert_int_equal(net_connect(u, &to, NULL), 0);
	too_big(&s, 1300, "2001:db8::99"); /* about somebody else's packet */
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		too_big(&s, cases[i].told, "2001:db8::1");
		assert_int_equal(net_getsockopt(u, NET_IPV6_MTU, &mtu, NULL), 0);
		assert_int_equal(mtu, cases[i].after);
	}
	lab_run(s.l, 599 * NS_PER_S);
	net_getsockopt(u, NET_IPV6_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1280);
	lab_run(s.l, 2 * NS_PER_S);
	net_getsockopt(u, NET_IPV6_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1500);
	net_socket_release(u);
	six_end(&s);
}

static void rfc8201_5_tcp_follows_the_path(void **state)
{
	struct lab *l = *state;
	struct net_endpoint to = at("[2001:db8:3::1]:80");
	struct net_socket *listener, *client, *server;
	static char data[20000], back[20000];
	struct net_wire_config c;
	struct net_tcb info;
	size_t got = 0;
	ssize_t n;

	lab_chain(l, true);
	listener = open_listener(host(l, "b"), "[::]:80", 5);
	client = open_socket6(host(l, "a"), NET_TCP);
	net_connect(client, &to, NULL);
	lab_settle(l);
	assert_int_equal(net_accept(listener, &server, NULL, NULL), 0);
	net_wire_get(net_wire_at(l->net, "w2"), &c);
	c.mtu = 1280;
	net_wire_set(net_wire_at(l->net, "w2"), &c, NULL);
	memset(data, 'x', sizeof(data));
	assert_int_equal(net_send(client, data, sizeof(data), 0, NULL, NULL), sizeof(data));
	lab_settle(l);
	while ((n = net_recv(server, back + got, sizeof(back) - got, 0, NULL, NULL)) > 0)
		got += (size_t)n;
	assert_int_equal(got, sizeof(data));
	assert_memory_equal(data, back, sizeof(data));
	net_tcp_get(client, &info);
	assert_int_equal(info.mss_send, 1280 - 40 - 20 - 12);
	assert_int_equal(counter6(host(l, "a"), NET6_Ip6FragCreates), 0);
	net_socket_release(client);
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
	expect_reply(&s, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5952_text_of_addresses),
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
		T(ping_there_and_back), T(ping_itself_and_a_link_local_neighbour),
		T(traceroute_names_each_hop), T(rfc8200_4_5_only_the_source_cuts),
		T(rfc8201_path_mtu_is_found), T(rfc4443_3_errors_reach_their_socket), T(tcp_over_three_wires),
		T(rfc8200_3_lengths_and_padding), T(rfc8200_4_an_unknown_next_header_is_told),
		T(rfc8200_4_1_hop_by_hop_stands_first), T(rfc8200_4_2_unknown_options_by_their_two_bits),
		T(rfc8200_4_2_options_that_run_over), T(rfc8200_4_4_routing_headers),
		T(rfc8200_4_7_no_next_header_is_nothing), T(rfc8200_8_1_udp_needs_its_checksum),
		T(rfc8200_4_5_in_order), T(rfc8200_4_5_reversed), T(rfc8200_4_5_an_exact_copy_is_let_go),
		T(rfc8200_4_5_after_60_s_the_sender_is_told),
		T(rfc8200_4_5_without_the_first_piece_nobody_is_told),
		T(rfc5722_4_overlaps_are_dropped_without_a_word),
		T(rfc8200_4_5_pieces_that_are_wrong_by_themselves),
		T(rfc6946_a_piece_that_is_all_is_whole_by_itself),
		T(rfc7112_5_the_first_piece_has_all_headers),
		T(rfc4443_2_2_an_error_comes_from_the_address_that_was_meant),
		T(rfc4443_2_4_c_as_much_as_fits_into_1280), T(rfc4443_2_4_e_what_no_error_is_sent_about),
		T(rfc4443_2_4_f_errors_are_rate_limited), T(rfc4443_2_4_ab_kinds_that_nobody_knows),
		T(rfc4443_3_1_beyond_the_scope_of_the_source), T(rfc4443_3_2_and_3_3_a_routers_errors),
		T(rfc4443_4_2_an_echo_has_the_same_data), T(rfc8201_4_what_a_router_may_say),
		T(rfc8201_5_tcp_follows_the_path), T(rfc4291_addresses_that_no_packet_has),
		T(rfc6724_5_source_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
