/* test_ip6_headers.c - headers of version 6 by RFC 8200, from packets made by hand. */
#include "six.h"

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
		six_expect_reply(&s, version == 6);
	}
	p = pkt6("2001:db8::63", "2001:db8::1", 0); /* 3: at its destination even 0 is no reason to drop */
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	six_expect_reply(&s, 1);
	p = pkt6("2001:db8::63", "2001:db8::1", 64); /* traffic class and flow label are nobody's business */
	pkt6_icmp(p, ECHO_REQUEST);
	memcpy(p->frame + 14, "\x6f\xff\xff\xff", 4);
	six_send(&s, p);
	six_expect_reply(&s, 1);
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
	six_expect_reply(&s, 1);
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
	six_expect_reply(&s, 1);
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
					six_expect_reply(&s, 1);
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
				six_expect_reply(&s, 1);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc8200_3_lengths_and_padding),
		TEST(rfc8200_4_an_unknown_next_header_is_told),
		TEST(rfc8200_4_1_hop_by_hop_stands_first),
		TEST(rfc8200_4_2_unknown_options_by_their_two_bits),
		TEST(rfc8200_4_2_options_that_run_over),
		TEST(rfc8200_4_4_routing_headers),
		TEST(rfc8200_4_7_no_next_header_is_nothing),
		TEST(rfc8200_8_1_udp_needs_its_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
