/* test_nd.c - neighbours: RFC 4861 7, and what of its messages is valid. */
#include "six.h"

/* --- RFC 4861 6, 7, 8: what is valid ----------------------------------------------------------------- */

static void rfc4861_7_1_1_solicitations_that_are_none(void **state)
{
	static const struct { const char *src, *dst, *message; } wrong[] = {
		{ "fe80::63", "2001:db8::1", "8700 0000 00000000 @ff02::1" SLLA },            /* the target a group */
		{ "::", "ff02::1:ff00:1", SOLICIT SLLA },                                     /* nobody has a MAC */
		{ "::", "2001:db8::1", SOLICIT },                                             /* a probe goes to the group of the address */
		{ "::", "ff02::1", SOLICIT },
		{ "fe80::63", "ff02::1:ff00:2", "8700 0000 00000000 @2001:db8::2" SLLA },     /* not ours */
		{ "ff02::1", "2001:db8::1", SOLICIT SLLA },
	};
	struct six s;

	six_begin(&s, *state);
	for (size_t i = 0; i < SIX_BADS; i++) {
		six_send_bad(&s, &six_bads[i], "fe80::64", "2001:db8::1", SOLICIT, 24);
		if (s.seen->len > 0)
			fail_msg("%s: answered", six_bads[i].why);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		six_icmp(&s, wrong[i].src, wrong[i].dst, 255, wrong[i].message);
		six_expect_nothing(&s);
	}
	assert_int_equal(six_neigh(&s, "fe80::64", NULL), -1);
	six_icmp(&s, "fe80::63", "2001:db8::1", 255, SOLICIT SLLA " 1901 000000000000"); /* 4.6: an unknown option is passed over */
	assert_int_equal(six_count(&s, NA, NULL, NULL), 1);
	six_end(&s);
}

static void rfc4861_7_2_4_the_answer(void **state)
{
	static const struct { const char *src, *dst, *message, *to; unsigned flags; } cases[] = {
		{ "fe80::63", "2001:db8::1", SOLICIT SLLA, "fe80::63", 0x60 },
		{ "2001:db8::63", "ff02::1:ff00:1", SOLICIT SLLA, "2001:db8::63", 0x60 },
		{ "2001:db8::63", "2001:db8::1", SOLICIT, "2001:db8::63", 0x60 }, /* asked directly: no MAC needed */
		{ "::", "ff02::1:ff00:1", SOLICIT, "ff02::1", 0x20 },             /* someone's probe: to all */
	};
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin(&s, *state);
	for (unsigned router = 0; router < 2; router++) {
		net_knob_set(s.host, NET_IP_FORWARD, router, NULL);
		for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
			six_icmp(&s, cases[i].src, cases[i].dst, 255, cases[i].message);
			assert_int_equal(six_count(&s, NA, &d, &at), 1);
			assert_string_equal(net_addr_text(&d.dst, text), cases[i].to);
			assert_int_equal(at[4], cases[i].flags | (router ? 0x80 : 0));
			assert_int_equal(d.ttl, 255);
			assert_string_equal(net_addr_text(&d.icmp_target, text), "2001:db8::1");
			assert_memory_equal(at + 24, "\2\1\2\0\0\0\1\1", 8); /* where to find it */
			six_forget(&s);
		}
	}
	six_end(&s);
}

static void rfc4861_7_2_3_a_solicitor_becomes_a_neighbour(void **state)
{
	struct net_neigh n;
	struct six s;

	six_begin(&s, *state);
	six_icmp(&s, "2001:db8::70", "ff02::1:ff00:1", 255, SOLICIT " 0101 020000000070");
	assert_int_equal(six_neigh(&s, "2001:db8::70", &n), NET_NEIGH_STALE);
	assert_memory_equal(n.mac.byte, "\2\0\0\0\0\x70", 6);
	assert_false(n.router);
	six_icmp(&s, "2001:db8::70", "ff02::1:ff00:1", 255, SOLICIT " 0101 020000000071"); /* it has moved */
	six_neigh(&s, "2001:db8::70", &n);
	assert_memory_equal(n.mac.byte, "\2\0\0\0\0\x71", 6);
	six_icmp(&s, "2001:db8::72", "ff02::1:ff00:1", 255, SOLICIT " 0101 030000000072"); /* a group's MAC */
	six_icmp(&s, "2001:db8::73", "2001:db8::1", 255, SOLICIT);
	assert_int_equal(six_neigh(&s, "2001:db8::72", NULL), -1);
	six_end(&s);
}

static void rfc4861_7_1_2_advertisements_that_are_none(void **state)
{
	static const struct { const char *src, *dst, *message; } wrong[] = {
		{ "fe80::63", "fe80::ff:fe00:101", "8800 0000 60000000 @ff02::1" TLLA },
		{ "fe80::63", "ff02::1", ADVERT("60") TLLA },  /* to all, and yet asked for */
		{ "::", "fe80::ff:fe00:101", ADVERT("60") TLLA },
	};
	struct net_socket *u;
	struct six s;

	six_begin(&s, *state);
	u = open_socket6(s.host, NET_UDP);
	send_text(u, "x", "[2001:db8::77]:9");
	lab_run(s.l, 10 * NS_PER_MS);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_INCOMPLETE);
	for (size_t i = 0; i < SIX_BADS; i++) {
		six_send_bad(&s, &six_bads[i], "fe80::63", "fe80::ff:fe00:101", ADVERT("60") TLLA, 24);
		if (six_neigh(&s, "2001:db8::77", NULL) != NET_NEIGH_INCOMPLETE)
			fail_msg("%s: believed", six_bads[i].why);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		six_icmp(&s, wrong[i].src, wrong[i].dst, 255, wrong[i].message);
		assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_INCOMPLETE);
	}
	net_socket_release(u);
	six_end(&s);
}

static void rfc4861_6_1_routers_messages_that_are_none(void **state)
{
	static const char message[] = ROUTER("0708") PREFIX("c0", "00015180", "00003840");
	struct net_ra ra = net_ra_initial;
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	for (size_t i = 0; i < SIX_BADS; i++) {
		six_send_bad(&s, &six_bads[i], "fe80::63", "ff02::1", message, 16);
		if (six_address(&s, ME64, NULL) || six_route(&s, "::/0", NULL, NULL))
			fail_msg("%s: believed", six_bads[i].why);
	}
	six_icmp(&s, "2001:db8::63", "ff02::1", 255, message); /* 6.1.2: only from a link-local address */
	six_icmp(&s, "::", "ff02::1", 255, message);
	assert_false(six_address(&s, ME64, NULL) || six_route(&s, "::/0", NULL, NULL));
	net_knob_set(s.host, NET_IP_FORWARD, 1, NULL);         /* a router believes nobody */
	six_icmp(&s, "fe80::63", "ff02::1", 255, message);
	assert_false(six_address(&s, ME64, NULL) || six_route(&s, "::/0", NULL, NULL));
	ra.on = true;
	net_iface_set_ra(s.eth, &ra, NULL);
	lab_run(s.l, 20 * NS_PER_S);
	six_forget(&s);
	for (size_t i = 0; i < SIX_BADS; i++)
		if (!six_bads[i].long_option)
			six_send_bad(&s, &six_bads[i], "fe80::64", "ff02::2", "8500 0000 00000000", 8);
	six_icmp(&s, "::", "ff02::2", 255, "8500 0000 00000000" SLLA);
	assert_int_equal(six_count(&s, RA, NULL, NULL), 0);
	six_icmp(&s, "fe80::63", "ff02::2", 255, "8500 0000 00000000" SLLA);
	assert_int_equal(six_count(&s, RA, NULL, NULL), 1);
	six_end(&s);
}

/* --- RFC 4861 7.2, 7.3: asking ---------------------------------------------------------------------- */

static void rfc4861_7_2_2_three_questions_then_nobody_is_there(void **state)
{
	struct net_socket *u;
	struct net_decoded d;
	const uint8_t *at;
	char text[NET_ADDR_TEXT];
	struct six s;
	ns_t began;

	six_begin(&s, *state);
	u = open_socket6(s.host, NET_UDP);
	net_connect(u, &(struct net_endpoint){ addr("2001:db8::77"), 9 }, NULL);
	began = s.l->clock.now;
	send_text(u, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(six_count(&s, NS, &d, &at), 3);
	assert_int_equal(s.seen->len, 3);
	for (unsigned n = 0; n < 3; n++)
		assert_in_range(g_array_index(s.seen, struct seen, n).time, began + n * NS_PER_S, began + n * NS_PER_S + NS_PER_MS);
	assert_string_equal(net_addr_text(&d.dst, text), "ff02::1:ff00:77");
	assert_memory_equal(g_array_index(s.seen, struct seen, 0).bytes, "\x33\x33\xff\0\0\x77", 6);
	assert_string_equal(net_addr_text(&d.src, text), "2001:db8::1");
	assert_int_equal(d.ttl, 255);
	assert_memory_equal(at + 24, "\1\1\2\0\0\0\1\1", 8);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_FAILED);
	net_socket_release(u);
	six_end(&s);
}

/* "If the source address of the packet prompting the solicitation is one of the interface's": from that one. */
static void rfc4861_7_2_2_the_packets_own_source_asks(void **state)
{
	struct net_prefix second = prefix("2001:db8:2::2/64");
	struct net_socket *u;
	struct net_decoded d;
	char text[NET_ADDR_TEXT];
	struct six s;

	six_begin(&s, *state);
	net_iface_add(s.eth, &second, NULL);
	lab_settle(s.l);
	six_forget(&s);
	u = open_bound(s.host, NET_UDP, "[2001:db8:2::2]:5000");
	send_text(u, "x", "[2001:db8::77]:9");
	lab_run(s.l, 10 * NS_PER_MS);
	assert_int_equal(six_count(&s, NS, &d, NULL), 1);
	assert_string_equal(net_addr_text(&d.src, text), "2001:db8:2::2");
	net_socket_release(u);
	six_end(&s);
}

/* Appendix C: state, what comes, state afterwards; has the MAC become 02:..:64? */
static void rfc4861_appendix_c_the_state_machine(void **state)
{
	enum { I = NET_NEIGH_INCOMPLETE, R = NET_NEIGH_REACHABLE, S = NET_NEIGH_STALE, D = NET_NEIGH_DELAY, P = NET_NEIGH_PROBE };
	static const struct { int before; const char *flags; int mac; int after; bool new_mac; } cases[] = {
		/* mac: 0 none, 1 the same, 2 another; flags: 40 solicited, 20 override */
		{ I, "00", 0, I, false }, { I, "40", 0, I, false }, { I, "60", 0, I, false },
		{ I, "00", 2, S, true }, { I, "20", 2, S, true }, { I, "40", 2, R, true }, { I, "60", 2, R, true },
		{ R, "40", 1, R, false }, { S, "40", 1, R, false }, { D, "40", 1, R, false }, { P, "40", 1, R, false },
		{ R, "40", 0, R, false }, { S, "40", 0, R, false }, { D, "40", 0, R, false }, { P, "40", 0, R, false },
		{ R, "40", 2, S, false }, { S, "40", 2, S, false }, { D, "40", 2, D, false }, { P, "40", 2, P, false },
		{ R, "00", 2, S, false }, { S, "00", 2, S, false }, { D, "00", 2, D, false }, { P, "00", 2, P, false },
		{ R, "60", 2, R, true }, { S, "60", 2, R, true }, { D, "60", 2, R, true }, { P, "60", 2, R, true },
		{ R, "60", 0, R, false }, { S, "60", 0, R, false }, { D, "60", 1, R, false }, { P, "60", 0, R, false },
		{ R, "20", 2, S, true }, { S, "20", 2, S, true }, { D, "20", 2, S, true }, { P, "20", 2, S, true },
		{ R, "20", 1, R, false }, { S, "20", 1, S, false }, { D, "20", 1, D, false }, { P, "20", 1, P, false },
		{ R, "00", 0, R, false }, { S, "00", 1, S, false }, { D, "20", 0, D, false }, { P, "00", 0, P, false },
	};
	struct net_socket *u;
	struct net_neigh n;
	struct six s;

	six_begin(&s, *state);
	u = open_socket6(s.host, NET_UDP);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *message = g_strdup_printf("8800 0000 %s000000 @2001:db8::77%s", cases[i].flags,
							   cases[i].mac == 0 ? "" : cases[i].mac == 1 ? TLLA : " 0201 020000000064");

		six_neighbour_in(&s, u, cases[i].before);
		six_icmp(&s, "2001:db8::77", "2001:db8::1", 255, message);
		if (six_neigh(&s, "2001:db8::77", &n) != cases[i].after)
			fail_msg("case %zu: %s, flags %s, mac %d: %s, not %s", i, net_neigh_state_names[cases[i].before], cases[i].flags,
				 cases[i].mac, net_neigh_state_names[n.state], net_neigh_state_names[cases[i].after]);
		if (cases[i].after != NET_NEIGH_INCOMPLETE && (n.mac.byte[5] == 0x64) != cases[i].new_mac)
			fail_msg("case %zu: MAC", i);
	}
	net_neigh_flush(s.host);
	six_icmp(&s, "2001:db8::77", "2001:db8::1", 255, ADVERT("60") TLLA); /* unasked, about nobody we know: nothing */
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), -1);
	net_socket_release(u);
	six_end(&s);
}

/* REACHABLE 30 s, STALE until used, DELAY 5 s, PROBE: three questions to itself, 1 s apart, then gone. */
static void rfc4861_7_3_3_unreachability_is_noticed(void **state)
{
	struct net_socket *u;
	struct net_decoded d;
	struct six s;
	ns_t used;

	six_begin(&s, *state);
	u = open_socket6(s.host, NET_UDP);
	six_neighbour_in(&s, u, NET_NEIGH_REACHABLE);
	lab_run(s.l, 29 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_REACHABLE);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_STALE);
	lab_run(s.l, 100 * NS_PER_S);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_STALE); /* nobody has used it */
	six_forget(&s);
	used = s.l->clock.now;
	send_text(u, "x", "[2001:db8::77]:9");
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_DELAY);
	lab_run(s.l, 4999 * NS_PER_MS);
	assert_int_equal(s.seen->len, 1); /* the packet went out at once */
	lab_run(s.l, 10 * NS_PER_MS);
	assert_int_equal(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_PROBE);
	assert_int_equal(six_count(&s, NS, &d, NULL), 1);
	assert_memory_equal(d.mac_dst.byte, STRANGER, 6); /* itself, not the group */
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(six_count(&s, NS, NULL, NULL), 3);
	lab_run(s.l, NS_PER_S);
	assert_int_equal(six_count(&s, NS, NULL, NULL), 3);
	assert_in_range(six_neigh(&s, "2001:db8::77", NULL), NET_NEIGH_FAILED, NET_NEIGH_FAILED);
	assert_in_range(s.l->clock.now - used, 8 * NS_PER_S, 9 * NS_PER_S);
	net_socket_release(u);
	six_end(&s);
}

/* 7.2.5: a router that has become a host is a default router no more. */
static void rfc4861_7_2_5_a_router_no_longer(void **state)
{
	struct six s;

	six_begin_fresh(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	six_icmp(&s, "fe80::63", "ff02::1", 255, ROUTER("0708") SLLA);
	assert_true(six_route(&s, "::/0", "fe80::63", NULL));
	six_icmp(&s, "fe80::63", "fe80::ff:fe00:101", 255, "8800 0000 c0000000 @fe80::63" TLLA);
	assert_true(six_route(&s, "::/0", "fe80::63", NULL));
	six_icmp(&s, "fe80::63", "fe80::ff:fe00:101", 255, "8800 0000 40000000 @fe80::63" TLLA);
	assert_false(six_route(&s, "::/0", NULL, NULL));
	six_end(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4861_7_1_1_solicitations_that_are_none),
		TEST(rfc4861_7_2_4_the_answer),
		TEST(rfc4861_7_2_3_a_solicitor_becomes_a_neighbour),
		TEST(rfc4861_7_1_2_advertisements_that_are_none),
		TEST(rfc4861_6_1_routers_messages_that_are_none),
		TEST(rfc4861_7_2_2_three_questions_then_nobody_is_there),
		TEST(rfc4861_7_2_2_the_packets_own_source_asks),
		TEST(rfc4861_appendix_c_the_state_machine),
		TEST(rfc4861_7_3_3_unreachability_is_noticed),
		TEST(rfc4861_7_2_5_a_router_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
