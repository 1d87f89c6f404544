/* test_nd_routers.c - what routers say: RFC 4861 6.3, and redirects (8). */
#include "six.h"

/* --- RFC 4861 6.3: what routers say ------------------------------------------------------------------ */

static void rfc4861_6_3_4_the_lifetime_of_a_router(void **state)
{
	struct net_neigh n;
	struct net_route r;
	struct six s;

	six_begin_fresh(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708") SLLA);
	assert_true(six_route(&s, "::/0", "fe80::63", &r));
	assert_true(r.made && strcmp(r.iface, "eth0") == 0);
	assert_in_range(r.expires, 1799 * NS_PER_S, 1800 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "fe80::63", &n), NET_NEIGH_STALE);
	assert_true(n.router);
	lab_run(s.l, 1000 * NS_PER_S);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708")); /* again */
	lab_run(s.l, 1799 * NS_PER_S);
	assert_true(six_route(&s, "::/0", "fe80::63", NULL));
	lab_run(s.l, 2 * NS_PER_S);
	assert_false(six_route(&s, "::/0", NULL, NULL));
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("ffff"));
	six_icmp(&s, "fe80::64", "ff02::1", 255, ROUTER("0708"));
	assert_true(six_route(&s, "::/0", "fe80::64", NULL));
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0000")); /* it goes away */
	assert_false(six_route(&s, "::/0", "fe80::63", NULL));
	assert_true(six_route(&s, "::/0", "fe80::64", NULL));
	six_end(&s);
}

/* The hop limit, times and MTU that it tells; 0 says nothing. */
static void rfc4861_6_3_4_parameters(void **state)
{
	struct net_socket *u;
	struct net_decoded d;
	struct six s;
	int mtu;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	u = open_socket6(s.host, NET_UDP);
	net_connect(u, &(struct net_endpoint){ addr("2001:db8::63"), 9 }, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, "8600 0000 1100 0708 00002710 000001f4 0501 0000 00000578" SLLA);
	six_forget(&s);
	send_text(u, "x", NULL);
	lab_run(s.l, NS_PER_MS);
	net_decode(g_array_index(s.seen, struct seen, 0).bytes, g_array_index(s.seen, struct seen, 0).len, true, &d);
	assert_int_equal(d.ttl, 0x11);
	net_getsockopt(u, NET_IPV6_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1400);
	six_neighbour_in(&s, u, NET_NEIGH_REACHABLE);             /* 10 s now, */
	lab_run(s.l, 11 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_STALE);
	six_forget(&s);
	send_text(u, "x", "[2001:db8::78]:9");                /* and 0.5 s between questions */
	lab_run(s.l, 1100 * NS_PER_MS);
	assert_int_equal(six_count(&s, NS, NULL, NULL), 3);
	six_icmp(&s, "fe80::63", "ff02::1", 255, "8600 0000 0000 0708 00000000 00000000 0501 0000 000005dd"); /* 1501: no */
	six_icmp(&s, "fe80::63", "ff02::1", 255, "8600 0000 0000 0708 00000000 00000000 0501 0000 000004ff"); /* 1279: no */
	net_getsockopt(u, NET_IPV6_MTU, &mtu, NULL);
	assert_int_equal(mtu, 1400);
	six_neighbour_in(&s, u, NET_NEIGH_REACHABLE);             /* 0 has changed nothing */
	lab_run(s.l, 11 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_STALE);
	net_socket_release(u);
	six_end(&s);
}

/* The first router told is taken; when it cannot be reached, the other; 7.3.3 finds out. */
static void rfc4861_6_3_6_a_router_that_answers_is_preferred(void **state)
{
	struct net_addr far = addr("2001:db8:9::9");
	char text[NET_ADDR_TEXT];
	struct net_socket *u;
	struct net_route r;
	struct six s;

	six_begin_fresh(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("ffff") SLLA);
	six_icmp(&s, "fe80::64", "ff02::1", 255, ROUTER("ffff") " 0101 020000000064");
	u = open_socket6(s.host, NET_UDP);
	assert_int_equal(net_route_to(s.host, &far, &r, NULL), 0);
	assert_string_equal(net_addr_text(&r.via, text), "fe80::63");
	send_text(u, "x", "[2001:db8:9::9]:9");
	lab_run(s.l, 12 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "fe80::63", NULL), NET_NEIGH_FAILED);
	assert_int_equal(net_route_to(s.host, &far, &r, NULL), 0);
	assert_string_equal(net_addr_text(&r.via, text), "fe80::64");
	six_forget(&s);
	send_text(u, "y", "[2001:db8:9::9]:9");
	lab_run(s.l, NS_PER_MS);
	assert_true(s.seen->len == 1);
	assert_memory_equal(g_array_index(s.seen, struct seen, 0).bytes, "\2\0\0\0\0\x64", 6);
	net_socket_release(u);
	six_end(&s);
}

static void rfc4861_6_3_7_solicitations(void **state)
{
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	lab_run(s.l, 20 * NS_PER_S);
	assert_int_equal(six_count(&s, RS, &d, &at), 3);
	assert_int_equal(s.seen->len, 3); /* and nothing else: certain addresses stay so */
	assert_int_equal(g_array_index(s.seen, struct seen, 1).time - g_array_index(s.seen, struct seen, 0).time, 4 * NS_PER_S);
	assert_string_equal(net_addr_text(&d.dst, text), "ff02::2");
	assert_string_equal(net_addr_text(&d.src, text), "fe80::ff:fe00:101");
	assert_memory_equal(at + 8, "\1\1\2\0\0\0\1\1", 8);
	six_forget(&s);
	net_iface_up(s.eth, false, NULL);
	net_iface_up(s.eth, true, NULL);
	lab_run(s.l, 5 * NS_PER_S);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708"));
	lab_run(s.l, 20 * NS_PER_S);
	assert_int_equal(six_count(&s, RS, NULL, NULL), 2); /* enough is known */
	six_end(&s);
}

static void rfc4861_6_2_a_router_advertises(void **state)
{
	struct net_ra ra = net_ra_initial;
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	unsigned before;
	struct six s;

	six_begin(&s, *state);
	ra.on = true;
	ra.mtu = 1400;
	assert_int_equal(net_iface_set_ra(s.eth, &ra, NULL), 0);
	lab_run(s.l, 60 * NS_PER_S);
	assert_int_equal(six_count(&s, RA, NULL, NULL), 0); /* not while it does not forward */
	net_knob_set(s.host, NET_IP_FORWARD, 1, NULL);
	lab_run(s.l, 40 * NS_PER_S);
	assert_int_equal(six_count(&s, RA, &d, &at), 3);    /* 6.2.4: the first three within 16 s of each other */
	assert_string_equal(net_addr_text(&d.src, text), "fe80::ff:fe00:101");
	assert_string_equal(net_addr_text(&d.dst, text), "ff02::1");
	assert_int_equal(d.ttl, 255);
	assert_memory_equal(at + 4, "\x40\0\x07\x08\0\0\0\0\0\0\0\0\1\1\2\0\0\0\1\1\5\1\0\0\0\0\5\x78", 28);
	assert_memory_equal(at + 32, "\3\4\x40\xc0\0\1\x51\x80\0\0\x38\x40\0\0\0\0\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\0", 32);
	before = six_count(&s, RA, NULL, NULL);
	lab_run(s.l, 601 * NS_PER_S);
	assert_int_equal(six_count(&s, RA, NULL, NULL), before + 1);
	for (unsigned n = 0; n < 20; n++)                   /* 6.2.6: a flood is not answered one by one */
		six_icmp(&s, "fe80::63", "ff02::2", 255, "8500 0000 00000000" SLLA);
	assert_in_range(six_count(&s, RA, NULL, NULL), before + 2, before + 8);
	six_forget(&s);
	ra.on = false;
	net_iface_set_ra(s.eth, &ra, NULL);
	lab_run(s.l, NS_PER_S);
	assert_int_equal(six_count(&s, RA, NULL, &at), 1);
	assert_memory_equal(at + 6, "\0\0", 2);             /* 6.2.5: the last one says so */
	six_end(&s);
}

/* --- RFC 4861 8: redirects ------------------------------------------------------------------------------- */

static void rfc4861_8_1_redirects_that_are_none(void **state)
{
	static const struct { const char *src, *message; } wrong[] = {
		{ "2001:db8::63", REDIRECTED }, { "::", REDIRECTED },              /* not link-local */
		{ "fe80::64", REDIRECTED },                                        /* not from the router in use */
		{ "fe80::63", "8900 0000 00000000 @fe80::64 @ff0e::9" },           /* about a group */
		{ "fe80::63", "8900 0000 00000000 @2001:db8::64 @2001:db8:9::9" }, /* to neither a router nor the target itself */
		{ "fe80::63", "8900 0000 00000000 @fe80::64 @fe80::9" },
	};
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("ffff"));
	for (size_t i = 0; i < SIX_BADS; i++) {
		six_send_bad(&s, &six_bads[i], "fe80::63", "2001:db8::1", REDIRECTED, 40);
		if (six_route(&s, "2001:db8:9::9/128", NULL, NULL))
			fail_msg("%s: believed", six_bads[i].why);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		six_icmp(&s, wrong[i].src, "2001:db8::1", 255, wrong[i].message);
		assert_false(six_route(&s, "2001:db8:9::9/128", NULL, NULL) || six_route(&s, "fe80::9/128", NULL, NULL) ||
			     six_route(&s, "ff0e::9/128", NULL, NULL));
	}
	six_icmp(&s, "fe80::63", "2001:db8::1", 255, REDIRECTED);
	assert_true(six_route(&s, "2001:db8:9::9/128", "fe80::64", NULL));
	six_end(&s);
}

static void rfc4861_8_3_a_host_follows(void **state)
{
	struct net_socket *u;
	struct net_neigh n;
	struct six s;

	six_begin_fresh(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("ffff") SLLA);
	u = open_socket6(s.host, NET_UDP);
	six_icmp(&s, "fe80::63", "2001:db8::1", 255, REDIRECTED " 0201 020000000064"); /* a better router */
	assert_int_equal(six_neigh(&s, "fe80::64", &n), NET_NEIGH_STALE);
	assert_true(n.router);
	six_forget(&s);
	send_text(u, "x", "[2001:db8:9::9]:9");
	lab_run(s.l, NS_PER_MS);
	assert_memory_equal(g_array_index(s.seen, struct seen, 0).bytes, "\2\0\0\0\0\x64", 6);
	six_icmp(&s, "fe80::63", "2001:db8::1", 255, "8900 0000 00000000 @2001:db8:8::8 @2001:db8:8::8 0201 020000000065"); /* on this link */
	assert_int_equal(six_neigh(&s, "2001:db8:8::8", &n), NET_NEIGH_STALE);
	assert_false(n.router);
	six_forget(&s);
	send_text(u, "x", "[2001:db8:8::8]:9");
	lab_run(s.l, NS_PER_MS);
	assert_memory_equal(g_array_index(s.seen, struct seen, 0).bytes, "\2\0\0\0\0\x65", 6);
	/* 7.3.3: neither answers: back to the router */
	lab_run(s.l, 20 * NS_PER_S);
	assert_false(six_route(&s, "2001:db8:8::8/128", NULL, NULL));
	assert_false(six_route(&s, "2001:db8:9::9/128", NULL, NULL));
	net_socket_release(u);
	six_end(&s);
}

/* a has the router r1, which sends it on to r2 on the same wire. */
static void rfc4861_8_2_a_router_redirects(void **state)
{
	struct lab *l = *state;
	struct net_host *r1, *r2;
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	struct net_socket *u;
	struct net_addr far = addr("2001:db8:3::1");
	struct net_wire *w;
	struct net_frame f;
	struct net_route r;
	struct six s;

	six_begin_fresh(&s, l);
	w = net_wire_at(l->net, "w");
	r1 = lab_host(l, "r1", net_wire_at(l->net, "w"), "2001:db8::fe/64");
	r2 = lab_host(l, "r2", net_wire_at(l->net, "w"), "2001:db8::fd/64");
	lab_host(l, "r2", lab_wire(l, "w3"), "2001:db8:3::fe/64");
	lab_host(l, "b", net_wire_at(l->net, "w3"), "2001:db8:3::1/64");
	net_knob_set(r1, NET_IP_FORWARD, 1, NULL);
	net_knob_set(r2, NET_IP_FORWARD, 1, NULL);
	lab_settle(l);
	r = (struct net_route){ .to = prefix("::/0"), .via = addr("fe80::ff:fe00:201"), .iface = "eth0" };
	assert_int_equal(net_route_add(s.host, &r, NULL), 0);
	r = (struct net_route){ .to = prefix("2001:db8:3::/64"), .via = addr("fe80::ff:fe00:301"), .iface = "eth0" };
	assert_int_equal(net_route_add(r1, &r, NULL), 0);
	lab_route(net_host_at(l->net, "b"), "::/0", "2001:db8:3::fe");
	u = open_socket6(r1, NET_UDP);
	send_text(u, "x", "[fe80::ff:fe00:301%2]:9"); /* it knows its neighbour */
	lab_settle(l);
	net_socket_release(u);
	u = open_socket6(s.host, NET_UDP);
	send_text(u, "x", "[2001:db8:3::1]:9");
	lab_settle(l);
	assert_int_equal(counter6(r1, NET6_Ip6OutForwDatagrams), 1); /* the packet itself goes on */
	assert_int_equal(counter6(net_host_at(l->net, "b"), NET6_Udp6NoPorts), 1);
	for (uint64_t n = net_wire_next(w); --n >= net_wire_first(w);) { /* the switch does not show it to strangers */
		assert_true(net_wire_frame(w, n, &f));
		net_decode(f.bytes, f.len, true, &d);
		if (d.layers & NET_LAYER_ICMP6 && d.icmp_type == REDIRECT)
			break;
	}
	at = f.bytes + 14 + d.ip_header;
	assert_int_equal(counter6(r1, NET6_Icmp6OutRedirects), 1);
	assert_string_equal(net_addr_text(&d.icmp_target, text), "fe80::ff:fe00:301");
	assert_int_equal(d.ttl, 255);
	assert_memory_equal(at + 40, "\2\1\2\0\0\0\3\1", 8);          /* 8.2: its MAC, which the router has just learnt */
	assert_int_equal(at[48], 4);                                 /* and the packet */
	assert_int_equal(net_route_to(s.host, &far, &r, NULL), 0);
	assert_string_equal(net_addr_text(&r.via, text), "fe80::ff:fe00:301");
	send_text(u, "x", "[2001:db8:3::1]:9");
	lab_settle(l);
	assert_int_equal(counter6(r1, NET6_Ip6OutForwDatagrams), 1);
	net_socket_release(u);
	six_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4861_6_3_4_the_lifetime_of_a_router),
		TEST(rfc4861_6_3_4_parameters),
		TEST(rfc4861_6_3_6_a_router_that_answers_is_preferred),
		TEST(rfc4861_6_3_7_solicitations),
		TEST(rfc4861_6_2_a_router_advertises),
		TEST(rfc4861_8_1_redirects_that_are_none),
		TEST(rfc4861_8_3_a_host_follows),
		TEST(rfc4861_8_2_a_router_redirects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
