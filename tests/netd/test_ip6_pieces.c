/* test_ip6_pieces.c - fragments of version 6: RFC 8200 4.5, 5722, 6946 and 7112. */
#include "six.h"

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc8200_4_5_in_order),
		TEST(rfc8200_4_5_reversed),
		TEST(rfc8200_4_5_an_exact_copy_is_let_go),
		TEST(rfc8200_4_5_after_60_s_the_sender_is_told),
		TEST(rfc8200_4_5_without_the_first_piece_nobody_is_told),
		TEST(rfc5722_4_overlaps_are_dropped_without_a_word),
		TEST(rfc8200_4_5_pieces_that_are_wrong_by_themselves),
		TEST(rfc6946_a_piece_that_is_all_is_whole_by_itself),
		TEST(rfc7112_5_the_first_piece_has_all_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
