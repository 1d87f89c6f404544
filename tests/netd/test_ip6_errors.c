/* test_ip6_errors.c - ICMPv6 errors (RFC 4443), and what the path MTU makes of them (RFC 8201). */
#include "six.h"

static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }

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
	six_expect_reply(&s, 50);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4443_2_2_an_error_comes_from_the_address_that_was_meant),
		TEST(rfc4443_2_4_c_as_much_as_fits_into_1280),
		TEST(rfc4443_2_4_e_what_no_error_is_sent_about),
		TEST(rfc4443_2_4_f_errors_are_rate_limited),
		TEST(rfc4443_2_4_ab_kinds_that_nobody_knows),
		TEST(rfc4443_3_1_beyond_the_scope_of_the_source),
		TEST(rfc4443_3_2_and_3_3_a_routers_errors),
		TEST(rfc4443_4_2_an_echo_has_the_same_data),
		TEST(rfc8201_4_what_a_router_may_say),
		TEST(rfc8201_5_tcp_follows_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
