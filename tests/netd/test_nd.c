/* test_nd.c - neighbour discovery (RFC 4861) and addresses that make themselves (RFC 4862, 4429), from messages made by hand. */
#include "six.h"

/* --- RFC 4861 6, 7, 8: what is valid ----------------------------------------------------------------- */

#define ECHO_REQUEST "8000 0000 1234 0001 6162636465666768"
#define SOLICIT   "8700 0000 00000000 @2001:db8::1"
#define SLLA      " 0101 020000000063"
#define TLLA      " 0201 020000000063"
#define ADVERT(flags) "8800 0000 " flags "000000 @2001:db8::77"
#define ROUTER(lifetime) "8600 0000 4000" lifetime "00000000 00000000"
#define PREFIX(flags, valid, preferred) " 030440" flags valid preferred "00000000 @2001:db8:5::"
#define ME64      "2001:db8:5::ff:fe00:101"
#define REDIRECTED "8900 0000 00000000 @fe80::64 @2001:db8:9::9"

/* The same message in every way that makes it nothing. */
static const struct bad { const char *why; unsigned hops, code; bool sum, cut, zero_option, long_option; } bads[] = {
	{ "hop limit 254", .hops = 254 }, { "hop limit 64", .hops = 64 }, { "hop limit 0", .hops = 0 }, { "code", .hops = 255, .code = 1 },
	{ "checksum", .hops = 255, .sum = true }, { "short", .hops = 255, .cut = true },
	{ "option of length 0", .hops = 255, .zero_option = true }, { "option beyond the end", .hops = 255, .long_option = true },
};

static void send_bad(struct six *s, const struct bad *b, const char *src, const char *dst, const char *message, size_t least)
{
	struct pkt6 *p = pkt6(src, dst, b->hops);
	g_autofree char *text = g_strconcat(message, b->zero_option ? " 0100 020000000063" : b->long_option ? " 0102 020000000063" : "",
					    NULL);
	uint8_t bytes[256];
	size_t len;

	pkt6_icmp(p, text);
	len = p->at - 54;
	memcpy(bytes, p->frame + 54, len);
	bytes[1] = (uint8_t)b->code;
	p = pkt6(src, dst, b->hops);
	pkt6_rest(p, ICMP6, bytes, b->cut ? least - 1 : len);
	if (b->sum)
		p->frame[56] ^= 1;
	six_send(s, p);
}

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
	for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
		send_bad(&s, &bads[i], "fe80::64", "2001:db8::1", SOLICIT, 24);
		if (s.seen->len > 0)
			fail_msg("%s: answered", bads[i].why);
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
	for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
		send_bad(&s, &bads[i], "fe80::63", "fe80::ff:fe00:101", ADVERT("60") TLLA, 24);
		if (six_neigh(&s, "2001:db8::77", NULL) != NET_NEIGH_INCOMPLETE)
			fail_msg("%s: believed", bads[i].why);
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
	for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
		send_bad(&s, &bads[i], "fe80::63", "ff02::1", message, 16);
		if (six_address(&s, ME64, NULL) || six_route(&s, "::/0", NULL, NULL))
			fail_msg("%s: believed", bads[i].why);
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
	for (size_t i = 0; i < G_N_ELEMENTS(bads); i++)
		if (!bads[i].long_option)
			send_bad(&s, &bads[i], "fe80::64", "ff02::2", "8500 0000 00000000", 8);
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

/* Makes 2001:db8::77 a neighbour with MAC 02:..:63 in the state wanted. */
static void neighbour_in(struct six *s, struct net_socket *u, int state)
{
	net_neigh_flush(s->host);
	if (state == NET_NEIGH_STALE) {
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, SOLICIT SLLA);
	} else {
		send_text(u, "x", "[2001:db8::77]:9");
		lab_run(s->l, 10 * NS_PER_MS);
	}
	if (state == NET_NEIGH_REACHABLE)
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, ADVERT("60") TLLA);
	if (state == NET_NEIGH_PROBE || state == NET_NEIGH_DELAY) {
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, ADVERT("20") TLLA);
		send_text(u, "x", "[2001:db8::77]:9");
		if (state == NET_NEIGH_PROBE)
			lab_run(s->l, 5100 * NS_PER_MS);
	}
	assert_int_equal(six_neigh(s, "2001:db8::77", NULL), state);
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

		neighbour_in(&s, u, cases[i].before);
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
	neighbour_in(&s, u, NET_NEIGH_REACHABLE);
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
	neighbour_in(&s, u, NET_NEIGH_REACHABLE);             /* 10 s now, */
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
	neighbour_in(&s, u, NET_NEIGH_REACHABLE);             /* 0 has changed nothing */
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
	for (size_t i = 0; i < G_N_ELEMENTS(bads); i++) {
		send_bad(&s, &bads[i], "fe80::63", "2001:db8::1", REDIRECTED, 40);
		if (six_route(&s, "2001:db8:9::9/128", NULL, NULL))
			fail_msg("%s: believed", bads[i].why);
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		T(rfc4861_7_1_1_solicitations_that_are_none), T(rfc4861_7_2_4_the_answer),
		T(rfc4861_7_2_3_a_solicitor_becomes_a_neighbour),
		T(rfc4861_7_1_2_advertisements_that_are_none), T(rfc4861_6_1_routers_messages_that_are_none),
		T(rfc4861_7_2_2_three_questions_then_nobody_is_there),
		T(rfc4861_7_2_2_the_packets_own_source_asks), T(rfc4861_appendix_c_the_state_machine),
		T(rfc4861_7_3_3_unreachability_is_noticed), T(rfc4861_7_2_5_a_router_no_longer),
		T(rfc4861_6_3_4_the_lifetime_of_a_router), T(rfc4861_6_3_4_parameters),
		T(rfc4861_6_3_6_a_router_that_answers_is_preferred), T(rfc4861_6_3_7_solicitations),
		T(rfc4861_6_2_a_router_advertises), T(rfc4861_8_1_redirects_that_are_none),
		T(rfc4861_8_3_a_host_follows), T(rfc4861_8_2_a_router_redirects), T(rfc4862_5_4_2_the_probe),
		T(rfc4862_5_4_3_collisions), T(rfc4862_5_4_two_hosts_of_the_same_address),
		T(rfc4862_5_5_3_prefixes_that_make_nothing), T(rfc4862_5_5_made_where_asked),
		T(rfc4862_5_5_3_e_two_hours), T(rfc4862_5_5_4_an_address_ages),
		T(rfc4862_4_a_host_configures_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
