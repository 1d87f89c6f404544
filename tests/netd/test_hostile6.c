/* test_hostile6.c - version 6: input that nobody sends by accident. Whatever comes, the books balance and nothing grows without end. */
#include "six.h"

#include "rng.h"

#include <inttypes.h>

#define ECHO_REQUEST "8000 0000 1234 0001 6162636465666768"

/* Is the host as before: does it answer, has it room? */
static void still_well(struct six *s)
{
	lab_run(s->l, 2 * NS_PER_S);
	six_forget(s);
	six_icmp(s, "2001:db8::63", "2001:db8::1", 64, ECHO_REQUEST);
	assert_int_equal(six_count(s, 129, NULL, NULL), 1);
	six_forget(s);
}

/* Messages of every kind, whole, as a base for what follows. */
static const struct { const char *src, *dst, *text; } messages[] = {
	{ "2001:db8::63", "2001:db8::1", ECHO_REQUEST },
	{ "2001:db8::63", "2001:db8::1", "0100 0000 00000000 6000000000083a40 @2001:db8::1 @2001:db8::63 8000000012340001" },
	{ "2001:db8::63", "2001:db8::1", "0200 0000 00000500 6000000005b41140 @2001:db8::1 @2001:db8::63 8000000905b40000" },
	{ "fe80::63", "ff02::2", "8500 0000 00000000 0101 020000000063" },
	{ "fe80::63", "ff02::1", "8600 0000 40000708 00000000 00000000 0101 020000000063 0501 0000 00000578"
	  " 030440c0 00015180 00003840 00000000 @2001:db8:5::" },
	{ "2001:db8::63", "ff02::1:ff00:1", "8700 0000 00000000 @2001:db8::1 0101 020000000063" },
	{ "2001:db8::63", "2001:db8::1", "8800 0000 60000000 @2001:db8::63 0201 020000000063" },
	{ "fe80::63", "2001:db8::1", "8900 0000 00000000 @fe80::64 @2001:db8:9::9 0201 020000000064" },
};

static size_t message(unsigned n, struct pkt6 **p)
{
	*p = pkt6(messages[n].src, messages[n].dst, 255);
	pkt6_icmp(*p, messages[n].text);
	return (*p)->at - 54;
}

static void messages_of_every_length_from_0(void **state)
{
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	for (unsigned router = 0; router < 2; router++) {
		net_knob_set(s.host, NET_IP_FORWARD, router, NULL);
		for (unsigned n = 0; n < G_N_ELEMENTS(messages); n++) {
			struct pkt6 *p;
			size_t whole = message(n, &p);
			uint8_t bytes[512];

			memcpy(bytes, p->frame + 54, whole);
			for (size_t len = 0; len <= whole; len++) {
				p = pkt6(messages[n].src, messages[n].dst, 255);
				pkt6_rest(p, ICMP6, bytes, len); /* shorter, and says so, with a right checksum */
				six_send(&s, p);
				p->at = (uint32_t)(54 + len);    /* longer than it is */
				put16(p->frame + 18, (uint32_t)whole + 1);
				six_send(&s, p);
			}
			for (uint32_t len = 14; len < 54; len++) { /* the header itself */
				message(n, &p);
				p->at = len;
				six_send(&s, p);
			}
		}
	}
	still_well(&s);
	six_end(&s);
}

/* Every byte of header and message: 0, 1, 127, 128, 254, 255 (16 bits: 0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff). */
static void every_field_at_its_extremes(void **state)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xfe, 0xff };
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	for (unsigned n = 0; n < G_N_ELEMENTS(messages); n++) {
		struct pkt6 *p;
		size_t len = message(n, &p);

		for (uint32_t at = 14; at < 54 + len; at++)
			for (unsigned v = 0; v < G_N_ELEMENTS(values); v++)
				for (unsigned wide = 0; wide < 2; wide++) {
					message(n, &p);
					p->frame[at] = values[v];
					if (wide && at + 1 < 54 + len)
						p->frame[at + 1] = v < 2 ? 0 : 0xff;
					if (at >= 54 && at != 56 && at != 57) { /* with a right checksum too */
						uint8_t bytes[512];

						memcpy(bytes, p->frame + 54, len);
						p = pkt6(messages[n].src, messages[n].dst, 255);
						pkt6_rest(p, ICMP6, bytes, len);
					}
					six_send(&s, p);
				}
	}
	net_iface_up(s.eth, false, NULL); /* some advertisement has had its way */
	net_iface_up(s.eth, true, NULL);
	lab_settle(s.l);
	six_end(&s);
}

static void chains_of_extension_headers(void **state)
{
	static const unsigned counts[] = { 1, 8, 15, 16, 17, 100, 5000 };
	static const uint8_t kinds[] = { DSTOPTS, ROUTING, FRAGMENT, HOPOPTS };
	struct six s;

	six_begin(&s, *state);
	for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
		for (unsigned n = 0; n < G_N_ELEMENTS(counts); n++) {
			struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);

			for (unsigned i = 0; i < counts[n]; i++)
				pkt6_header(p, kinds[k], kinds[k] == FRAGMENT ? "00000000000007" : "000000000000");
			pkt6_icmp(p, ECHO_REQUEST);
			six_send(&s, p);
			/* one hop-by-hop header, and as many of the others as a sane limit allows */
			assert_int_equal(six_count(&s, 129, NULL, NULL), counts[n] == 1 || (counts[n] < 16 && kinds[k] != HOPOPTS));
			six_forget(&s);
			lab_run(s.l, 2 * NS_PER_S);
		}
	still_well(&s);
	six_end(&s);
}

/* A header that says it is longer than the packet, each kind and place. */
static void headers_that_reach_beyond_the_end(void **state)
{
	static const uint8_t kinds[] = { HOPOPTS, DSTOPTS, ROUTING, FRAGMENT, TCP, UDP, ICMP6 };
	struct six s;

	six_begin(&s, *state);
	for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
		for (unsigned behind = 0; behind < 2; behind++)
			for (unsigned len = 0; len < 24; len++)
				for (unsigned says = 0; says < 3; says++) {
					uint8_t bytes[24] = { NONE, (uint8_t)(says == 0 ? 0 : says == 1 ? 3 : 255), 4, 0 };
					struct pkt6 *p = pkt6("2001:db8::63", "2001:db8::1", 64);

					if (behind)
						pkt6_header(p, DSTOPTS, "010400000000");
					memcpy(p->frame + p->at, bytes, len);
					p->frame[p->name] = kinds[k];
					p->at += len;
					put16(p->frame + 18, p->at - 54);
					six_send(&s, p);
				}
	still_well(&s);
	six_end(&s);
}

/* RFC 2675: the jumbo payload option is not known, so a problem (its two bits are 11); a length of 0 is 0. */
static void jumbograms(void **state)
{
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	p = pkt6("2001:db8::63", "2001:db8::1", 64);
	pkt6_header(p, HOPOPTS, "c20400010000");
	pkt6_icmp(p, ECHO_REQUEST);
	six_send(&s, p);
	six_expect(&s, 4, 2, 42);
	put16(p->frame + 18, 0);
	six_send(&s, p);
	six_expect_nothing(&s);
	still_well(&s);
	six_end(&s);
}

/* --- floods --------------------------------------------------------------------------------------------- */

/* 20,000 neighbours, each real; the table stays bounded, and who is there is still found. */
static void neighbours_without_number(void **state)
{
	struct net_neigh n;
	unsigned known = 0;
	struct six s;

	six_begin(&s, *state);
	for (unsigned i = 1; i <= 20000; i++) {
		g_autofree char *from = g_strdup_printf("2001:db8::1:%x", i);
		struct pkt6 *p = pkt6(from, "ff02::1:ff00:1", 255);

		pkt6_icmp(p, "8700 0000 00000000 @2001:db8::1 0101 020000000099");
		put16(p->frame, 0x3333);
		memcpy(p->frame + 2, p->frame + 14 + 36, 4);
		assert_int_equal(net_tap_send(s.tap, p->frame, p->at, NULL), 0);
		if (i % 256 == 0)
			lab_run(s.l, NS_PER_MS);
	}
	lab_run(s.l, NS_PER_S);
	while (net_neigh(s.host, known, &n))
		known++;
	assert_in_range(known, 1000, 8192);
	assert_true(six_neigh(&s, "2001:db8::63", NULL) == NET_NEIGH_PERMANENT);
	still_well(&s);
	six_end(&s);
}

/* RFC 6583: a scan of a prefix through a router, for hosts that are not there. */
static void a_scan_does_not_block_the_living(void **state)
{
	struct net_neigh n;
	unsigned known = 0;
	struct net_host *b;
	struct six s;

	six_begin(&s, *state);
	lab_host(s.l, "a", lab_wire(s.l, "w2"), "2001:db8:2::1/64");
	b = lab_host(s.l, "b", net_wire_at(s.l->net, "w2"), "2001:db8:2::9/64");
	lab_route(b, "::/0", "2001:db8:2::1");
	net_knob_set(s.host, NET_IP_FORWARD, 1, NULL);
	lab_settle(s.l);
	for (unsigned i = 1; i <= 20000; i++) {
		g_autofree char *to = g_strdup_printf("2001:db8:2::1:%x", i);
		struct pkt6 *p = pkt6("2001:db8::63", to, 64);

		pkt6_icmp(p, ECHO_REQUEST);
		memcpy(p->frame, "\2\0\0\0\1\1", 6);
		assert_int_equal(net_tap_send(s.tap, p->frame, p->at, NULL), 0);
		if (i % 256 == 0)
			lab_run(s.l, NS_PER_MS);
	}
	while (net_neigh(s.host, known, &n))
		known++;
	assert_in_range(known, 2, 8192);
	six_forget(&s);
	six_icmp(&s, "2001:db8::63", "2001:db8:2::9", 64, ECHO_REQUEST); /* in the middle of it */
	lab_run(s.l, 20 * NS_PER_MS);
	assert_int_equal(six_count(&s, 129, NULL, NULL), 1);
	lab_settle(s.l);
	lab_check(s.l);
	six_end(&s);
}

/* Routers, prefixes, redirects by the thousand: bounded, and gone when the interface goes down. */
static void advertisements_without_number(void **state)
{
	struct net_addr6 a;
	struct net_route r;
	unsigned addresses = 0, routes = 0;
	struct six s;

	six_begin(&s, *state);
	net_iface_set_auto(s.eth, true, NULL);
	for (unsigned i = 1; i <= 3000; i++) {
		g_autofree char *from = g_strdup_printf("fe80::%x", i);
		g_autofree char *text = g_strdup_printf("8600 0000 4000ffff 00000000 00000000 030440c0 ffffffff ffffffff 00000000 "
							"@2001:%x:: 030440c0 ffffffff ffffffff 00000000 @2002:%x::", i, i);
		g_autofree char *redirect = g_strdup_printf("8900 0000 00000000 @fe80::9999 @2001:db8:9::%x", i);

		six_icmp(&s, from, "ff02::1", 255, text);
		six_icmp(&s, "fe80::1", "2001:db8::1", 255, redirect);
	}
	while (net_iface_address6(s.eth, addresses, &a))
		addresses++;
	while (net_route(s.host, routes, &r))
		routes++;
	assert_in_range(addresses, 3, 20);
	assert_in_range(routes, 10, 70);
	net_iface_up(s.eth, false, NULL);
	assert_false(net_route(s.host, 0, &r));
	net_iface_up(s.eth, true, NULL);
	lab_settle(s.l);
	addresses = 0;
	while (net_iface_address6(s.eth, addresses, &a))
		addresses++;
	assert_int_equal(addresses, 2);
	six_introduce(&s);
	still_well(&s);
	six_end(&s);
}

/* Someone says to every probe that the address is his: none is used, the interface goes on. */
static void a_liar_about_duplicates(void **state)
{
	struct net_prefix p;
	struct net_addr6 a;
	struct six s;

	six_begin(&s, *state);
	for (unsigned i = 2; i < 200; i++) {
		g_autofree char *mine = g_strdup_printf("2001:db8::%x/64", i), *target = g_strndup(mine, strlen(mine) - 3);
		g_autofree char *lie = g_strdup_printf("8800 0000 20000000 @%s 0201 020000000063", target);

		p = prefix(mine);
		assert_int_equal(net_iface_add(s.eth, &p, NULL), 0);
		for (unsigned n = 0; n < 20; n++)
			six_icmp(&s, "fe80::63", "ff02::1", 255, lie);
		assert_true(six_address(&s, target, &a) && a.flags & NET_ADDR_DADFAILED);
	}
	for (unsigned n = 0; n < 2000; n++) /* and that those which are certain are his: as on Linux, nothing happens */
		six_icmp(&s, "fe80::63", "ff02::1", 255, "8800 0000 20000000 @2001:db8::1 0201 020000000063");
	assert_true(six_address(&s, "2001:db8::1", &a) && !(a.flags & NET_ADDR_DADFAILED));
	still_well(&s);
	six_end(&s);
}

/* First pieces of packets that never come: bounded in bytes and number; a whole one still passes. */
static void pieces_without_number(void **state)
{
	struct pkt6 *p;
	struct six s;

	six_begin(&s, *state);
	for (unsigned i = 1; i <= 30000; i++) {
		g_autofree char *header = g_strdup_printf("00 0001 %08x", i);

		p = pkt6("2001:db8::63", "2001:db8::1", 64);
		pkt6_header(p, FRAGMENT, header);
		pkt6_rest(p, NONE, (uint8_t[1024]){ 0 }, i % 2 ? 1024 : 8);
		memcpy(p->frame, "\2\0\0\0\1\1", 6);
		assert_int_equal(net_tap_send(s.tap, p->frame, p->at, NULL), 0);
		if (i % 512 == 0)
			lab_run(s.l, 10 * NS_PER_MS);
	}
	lab_run(s.l, 10 * NS_PER_MS);
	six_icmp(&s, "2001:db8::63", "2001:db8::1", 64, ECHO_REQUEST);
	assert_int_equal(six_count(&s, 129, NULL, NULL), 1);
	lab_run(s.l, 61 * NS_PER_S);
	assert_in_range(six_count(&s, 3, NULL, NULL), 1, 70); /* told, at one a second */
	assert_int_equal(counter6(s.host, NET6_Ip6ReasmFails), counter6(s.host, NET6_Ip6ReasmReqds));
	still_well(&s);
	six_end(&s);
}

/* --- at random -------------------------------------------------------------------------------------------- */

static const char *some_address(struct rng *r)
{
	static const char *const all[] = { "2001:db8::63", "2001:db8::1", "fe80::63", "fe80::ff:fe00:101", "ff02::1", "ff02::2",
					   "ff02::1:ff00:1", "::", "::1", "2001:db8:2::9", "::ffff:10.0.0.1", "ff01::1" };

	return all[rng_below(r, G_N_ELEMENTS(all))];
}

static void half_a_million_random_bytes_in_packets(void **state)
{
	static const uint8_t kinds[] = { HOPOPTS, DSTOPTS, ROUTING, FRAGMENT, TCP, UDP, ICMP6, NONE, 99 };
	struct rng r;
	struct six s;

	rng_seed(&r, 6, "hostile");
	six_begin(&s, *state);
	lab_host(s.l, "a", lab_wire(s.l, "w2"), "2001:db8:2::1/64");
	net_iface_set_auto(s.eth, true, NULL);
	for (unsigned i = 0; i < 20000; i++) {
		struct pkt6 *p = pkt6(some_address(&r), some_address(&r), rng_below(&r, 2) ? 255 : (unsigned)rng_below(&r, 256));
		uint8_t bytes[200];
		size_t len = (size_t)rng_below(&r, rng_below(&r, 4) ? 60 : sizeof(bytes));

		net_knob_set(s.host, NET_IP_FORWARD, i / 5000 % 2, NULL);
		for (uint64_t headers = rng_below(&r, 4); headers > 0; headers--) {
			g_autofree char *header = g_strdup_printf("%014" PRIx64, rng_next(&r) >> 8);
			uint8_t kind = kinds[rng_below(&r, 4)];

			pkt6_header(p, kind, header + (kind == FRAGMENT ? 0 : 2));
		}
		for (size_t k = 0; k < len; k++)
			bytes[k] = (uint8_t)rng_next(&r);
		if (rng_below(&r, 2) && len > 2) {
			bytes[0] = (uint8_t)(133 + rng_below(&r, 5));
			bytes[1] = 0;
		}
		pkt6_rest(p, rng_below(&r, 2) ? ICMP6 : kinds[rng_below(&r, G_N_ELEMENTS(kinds))], bytes, len);
		if (rng_below(&r, 8) == 0)
			put16(p->frame + 18, (uint32_t)rng_below(&r, 65536));
		six_send(&s, p);
	}
	lab_settle(s.l);
	six_end(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		T(messages_of_every_length_from_0), T(every_field_at_its_extremes),
		T(chains_of_extension_headers), T(headers_that_reach_beyond_the_end), T(jumbograms),
		T(neighbours_without_number), T(a_scan_does_not_block_the_living),
		T(advertisements_without_number), T(a_liar_about_duplicates), T(pieces_without_number),
		T(half_a_million_random_bytes_in_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
