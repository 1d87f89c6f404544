/* test_nd_addresses.c - addresses a host gives itself: RFC 4862, and 4429 for duplicates. */
#include "six.h"

/* --- RFC 4862 5.4, 4429: duplicates ------------------------------------------------------------------- */

static void rfc4862_5_4_2_the_probe(void **state)
{
	struct net_decoded d;
	const uint8_t *at;
	struct net_addr6 a;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin_fresh(&s, *state);
	lab_run(s.l, NS_PER_MS);
	assert_int_equal(six_count(&s, NS, &d, &at), 2); /* 2001:db8::1 and the link-local one */
	assert_true(net_addr_is_any(&d.src));
	assert_int_equal(d.ip_total, 40 + 24);           /* without a MAC */
	assert_true(g_str_has_prefix(net_addr_text(&d.dst, text), "ff02::1:ff"));
	assert_true(six_address(&s, "2001:db8::1", &a) && a.flags & NET_ADDR_TENTATIVE);
	lab_run(s.l, NS_PER_S);
	assert_true(six_address(&s, "2001:db8::1", &a) && !(a.flags & NET_ADDR_TENTATIVE));
	assert_int_equal(six_count(&s, NS, NULL, NULL), 2);
	net_knob_set(s.host, NET_DAD_TRANSMITS, 3, NULL);
	six_forget(&s);
	net_iface_up(s.eth, false, NULL);
	net_iface_up(s.eth, true, NULL);
	lab_run(s.l, 2500 * NS_PER_MS);
	assert_true(six_address(&s, "2001:db8::1", &a) && a.flags & NET_ADDR_TENTATIVE);
	lab_run(s.l, NS_PER_S);
	assert_int_equal(six_count(&s, NS, NULL, NULL), 6);
	assert_true(six_address(&s, "2001:db8::1", &a) && !(a.flags & NET_ADDR_TENTATIVE));
	six_end(&s);
}

/* 5.4.3, 5.4.4: what says that another has it, and what does not. */
static void rfc4862_5_4_3_collisions(void **state)
{
	static const struct { const char *src, *dst, *message; bool taken; } cases[] = {
		{ "::", "ff02::1:ff00:1", SOLICIT, true },               /* another probes at the same time */
		{ "fe80::63", "ff02::1", "8800 0000 20000000 @2001:db8::1" TLLA, true }, /* another has it */
		{ "2001:db8::1", "ff02::1", "8800 0000 20000000 @2001:db8::1" TLLA, true },
		{ "fe80::63", "ff02::1:ff00:1", SOLICIT SLLA, false },   /* somebody only looks for it */
		{ "::", "ff02::1:ff00:2", "8700 0000 00000000 @2001:db8::2", false },
	};

	for (unsigned optimistic = 0; optimistic < 2; optimistic++)
		for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
			struct net_prefix again = prefix("2001:db8::1/64");
			struct net_addr6 a;
			struct six s;

			lab_teardown(state);
			lab_setup(state);
			six_begin_fresh(&s, *state);
			net_knob_set(s.host, NET_OPTIMISTIC_DAD, optimistic, NULL);
			lab_settle(s.l);
			net_iface_del(s.eth, &again, NULL);
			net_iface_add(s.eth, &again, NULL);
			lab_run(s.l, 10 * NS_PER_MS);
			six_forget(&s);
			six_icmp(&s, cases[i].src, cases[i].dst, 255, cases[i].message);
			if (!cases[i].taken) /* a tentative one answers nobody; an optimistic one without override: RFC 4429 3.3 */
				assert_int_equal(six_count(&s, NA, NULL, NULL), optimistic && i == 3);
			lab_run(s.l, 2 * NS_PER_S);
			assert_true(six_address(&s, "2001:db8::1", &a));
			if (!!(a.flags & NET_ADDR_DADFAILED) != cases[i].taken)
				fail_msg("case %zu: flags %x", i, a.flags);
			six_forget(&s);
			six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, ECHO_REQUEST);
			lab_settle(s.l);
			assert_int_equal(six_count(&s, NS, NULL, NULL) > 0, !cases[i].taken); /* answered, or not its own */
			six_end(&s);
		}
}

/* Two hosts with one address: the one that was there keeps it, also when both begin at once neither believes. */
static void rfc4862_5_4_two_hosts_of_the_same_address(void **state)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "w");
	struct net_host *a = lab_host(l, "a", w, "2001:db8::1/64"), *b, *c, *d;
	struct net_addr6 own;

	lab_settle(l);
	b = lab_host(l, "b", w, "2001:db8::1/64");
	lab_settle(l);
	net_iface_address6(net_iface_at(a, "eth0"), 0, &own);
	assert_int_equal(own.flags, NET_ADDR_PERMANENT);
	net_iface_address6(net_iface_at(b, "eth0"), 0, &own);
	assert_true(own.flags & NET_ADDR_DADFAILED);
	c = lab_host(l, "c", w, "2001:db8::2/64");
	d = lab_host(l, "d", w, "2001:db8::2/64");
	lab_settle(l);
	net_iface_address6(net_iface_at(c, "eth0"), 0, &own);
	assert_true(own.flags & NET_ADDR_DADFAILED);
	net_iface_address6(net_iface_at(d, "eth0"), 0, &own);
	assert_true(own.flags & NET_ADDR_DADFAILED);
	net_iface_up(net_iface_at(a, "eth0"), false, NULL); /* the owner goes; b tries again */
	net_iface_up(net_iface_at(b, "eth0"), false, NULL);
	net_iface_up(net_iface_at(b, "eth0"), true, NULL);
	lab_settle(l);
	net_iface_address6(net_iface_at(b, "eth0"), 0, &own);
	assert_false(own.flags & NET_ADDR_DADFAILED);
}

/* --- RFC 4862 5.5: from prefixes ----------------------------------------------------------------------- */

static void rfc4862_5_5_3_prefixes_that_make_nothing(void **state)
{
	static const struct { const char *option; bool address, route; } cases[] = {
		{ PREFIX("80", "00015180", "00003840"), false, true },             /* a: not for addresses */
		{ PREFIX("40", "00015180", "00003840"), true, false },             /* not on this link */
		{ " 030440c0 00015180 00003840 00000000 @fe80::", false, false },  /* b */
		{ PREFIX("c0", "00003840", "00015180"), false, true },             /* c: preferred for longer than valid */
		{ PREFIX("c0", "00000000", "00000000"), false, false },            /* d: over before it began */
		{ " 03043fc0 00015180 00003840 00000000 @2001:db8:5::", false, false }, /* 63 and 64 bits are not 128 */
		{ " 030441c0 00015180 00003840 00000000 @2001:db8:5::", false, false },
		{ " 030481c0 00015180 00003840 00000000 @2001:db8:5::", false, false }, /* 129 bits */
		{ " 0304ffc0 00015180 00003840 00000000 @2001:db8:5::", false, false },
		{ " 030440c0 00015180 00003840 00000000 @ff0e::", false, false },
		{ " 030440c0 00015180 00003840 00000000 @::", false, false },
		{ " 030340c0 00015180 00003840 00000000 20010db8 00050000", false, false }, /* too short a prefix option */
		{ PREFIX("c0", "00015180", "00003840"), true, true },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = g_strconcat(ROUTER("0708"), cases[i].option, NULL);
		struct six s;

		lab_teardown(state);
		lab_setup(state);
		six_begin(&s, *state);
		net_iface_set_auto(s.eth, true, NULL);
		six_icmp(&s, "fe80::63", "ff02::1", 255, message);
		assert_true(six_route(&s, "::/0", "fe80::63", NULL));
		if (six_address(&s, ME64, NULL) != cases[i].address || six_route(&s, "2001:db8:5::/64", NULL, NULL) != cases[i].route)
			fail_msg("case %zu", i);
		six_end(&s);
	}
}

/* Only an interface that was asked to makes addresses. */
static void rfc4862_5_5_made_where_asked(void **state)
{
	struct six s;

	six_begin(&s, *state);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708") PREFIX("c0", "00015180", "00003840"));
	assert_true(six_address(&s, ME64, NULL)); /* as on Linux, where accept_ra and autoconf are 1 */
	net_knob_set(s.host, NET_ACCEPT_RA, 0, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708") " 030440c0 00015180 00003840 00000000 @2001:db8:6::");
	assert_false(six_address(&s, "2001:db8:6::ff:fe00:101", NULL));
	six_end(&s);
}

/* e: what is left of 5 hours, told this, becomes that (the two-hour rule); preferred is as told. */
static void rfc4862_5_5_3_e_two_hours(void **state)
{
	static const struct { unsigned first, told, after; } cases[] = {
		{ 18000, 36000, 36000 }, { 18000, 7201, 7201 }, { 18000, 7200, 7200 }, { 18000, 60, 7200 }, { 18000, 0, 7200 },
		{ 3600, 7199, 7199 }, { 3600, 3601, 3601 }, { 3600, 60, 3600 }, { 3600, 0, 3600 }, { 7200, 1, 7200 },
		{ 0xffffffff, 60, 7200 }, { 0xffffffff, 10000, 10000 }, { 60, 0xffffffff, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *first = g_strdup_printf(ROUTER("0708") " 030440c0 %08x 00000010 00000000 @2001:db8:5::", cases[i].first);
		g_autofree char *then = g_strdup_printf(ROUTER("0708") " 030440c0 %08x 00000000 00000000 @2001:db8:5::", cases[i].told);
		struct net_addr6 a;
		struct six s;

		lab_teardown(state);
		lab_setup(state);
		six_begin(&s, *state);
		net_iface_set_auto(s.eth, true, NULL);
		six_icmp(&s, "fe80::63", "ff02::1", 255, first);
		assert_true(six_address(&s, ME64, &a) && !(a.flags & NET_ADDR_DEPRECATED));
		six_icmp(&s, "fe80::63", "ff02::1", 255, then);
		assert_true(six_address(&s, ME64, &a));
		if (a.valid > cases[i].after * NS_PER_S || (cases[i].after && a.valid + 5 * NS_PER_MS < cases[i].after * NS_PER_S))
			fail_msg("%u, then %u: %g, not %u", cases[i].first, cases[i].told, (double)a.valid / 1e9, cases[i].after);
		if (!(a.flags & NET_ADDR_DEPRECATED))
			fail_msg("case %zu: still preferred", i);
		six_end(&s);
	}
}

/* 5.5.4: deprecated, then invalid. */
static void rfc4862_5_5_4_an_address_ages(void **state)
{
	struct net_addr far = addr("2001:db8:9::9");
	struct net_addr6 a;
	struct net_route r;
	char text[NET_ADDR_TEXT];
	struct net_prefix own = prefix("2001:db8::1/64");
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	net_iface_del(s.eth, &own, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("ffff") PREFIX("c0", "000000c8", "00000064") /* 200 s, 100 s */
		 " 030440c0 000000c8 000000c8 00000000 @2001:db8:6::");
	lab_settle(s.l);
	assert_int_equal(net_route_to(s.host, &far, &r, NULL), 0);
	assert_string_equal(net_addr_text(&r.src, text), ME64);
	lab_run(s.l, 101 * NS_PER_S);
	assert_true(six_address(&s, ME64, &a) && a.flags & NET_ADDR_DEPRECATED);
	net_route_to(s.host, &far, &r, NULL);
	assert_string_equal(net_addr_text(&r.src, text), "2001:db8:6::ff:fe00:101"); /* not for what is new, */
	six_forget(&s);
	six_icmp(&s, "2001:db8::63", ME64, 64, ECHO_REQUEST);
	lab_settle(s.l);
	assert_true(s.seen->len > 0);                                                     /* but it still answers */
	lab_run(s.l, 100 * NS_PER_S);
	assert_false(six_address(&s, ME64, NULL));
	assert_false(six_route(&s, "2001:db8:5::/64", NULL, NULL));
	six_end(&s);
}

/* The whole way, without anybody's hand: router, host, address, default route, ping through. */
static void rfc4862_4_a_host_configures_itself(void **state)
{
	struct lab *l = *state;
	struct net_wire *w1 = lab_wire(l, "w1"), *w2 = lab_wire(l, "w2");
	struct net_host *r = lab_host(l, "r", w1, "2001:db8:1::1/64"), *a = NULL;
	struct net_ra ra = net_ra_initial;
	struct net_addr b = addr("2001:db8:2::9");
	struct net_ping_report report;
	struct net_iface *i;
	struct net_addr6 own;
	struct net_ping *ping;
	char text[NET_ADDR_TEXT];

	lab_host(l, "r", w2, "2001:db8:2::1/64");
	lab_host(l, "b", w2, "2001:db8:2::9/64");
	lab_route(net_host_at(l->net, "b"), "::/0", "2001:db8:2::1");
	net_knob_set(r, NET_IP_FORWARD, 1, NULL);
	ra.on = true;
	net_iface_set_ra(net_iface_at(r, "eth0"), &ra, NULL);
	lab_run(l, 100 * NS_PER_S);
	assert_int_equal(net_host_new(l->net, "a", 9, 9, &a, NULL), 0);
	net_iface_new(a, "eth0", &i, NULL);
	net_iface_attach(i, w1, NULL);
	net_iface_set_auto(i, true, NULL);
	net_iface_up(i, true, NULL);
	lab_settle(l);
	assert_true(net_iface_address6(i, 1, &own));
	assert_string_equal(net_addr_text(&own.prefix.addr, text), "2001:db8:1::ff:fe00:901");
	assert_int_equal(net_ping_start(a, &b, 1, NS_PER_S, 56, 10 * NS_PER_S, &ping, NULL), 0);
	lab_settle(l);
	net_ping_report(ping, &report);
	assert_int_equal(report.received, 1);
	net_ping_free(ping);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4862_5_4_2_the_probe),
		TEST(rfc4862_5_4_3_collisions),
		TEST(rfc4862_5_4_two_hosts_of_the_same_address),
		TEST(rfc4862_5_5_3_prefixes_that_make_nothing),
		TEST(rfc4862_5_5_made_where_asked),
		TEST(rfc4862_5_5_3_e_two_hours),
		TEST(rfc4862_5_5_4_an_address_ages),
		TEST(rfc4862_4_a_host_configures_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
