/* test_nat_icmp.c - translation of addresses: ICMP, requirement by requirement of RFC 5508. */
#include "site.h"

#include "net_tap.h"
#include "net_tool.h"

static void rfc5508_req1_and_2_queries_are_mapped_for_a_minute(void **state)
{
	struct site s = site_begin(*state);
	struct net_addr to = addr("198.51.100.80");
	struct net_ping *p;
	struct net_ping_report r;

	assert_int_equal(net_ping_start(s.a, &to, 3, NS_PER_S, 56, NS_PER_S, &p, NULL), 0);
	lab_settle(s.l);
	net_ping_report(p, &r);
	assert_int_equal(r.received, 3);
	net_ping_free(p);
	assert_int_equal(site_newest(&s).protocol, 1);
	assert_int_equal(site_newest(&s).state, NET_NAT_REPLIED);
	lab_run(s.l, 57 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 3 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	site_check(&s);
}

/* Hosts that ping with the same identifier stay apart. */
static void rfc5508_req1_identifiers_are_translated(void **state)
{
	static const uint8_t echo[] = { 8, 0, 0, 0, 0, 0, 0, 1, 'h', 'i' };
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_ICMP, "0.0.0.0:77"), *b = open_bound(s.b, NET_ICMP, "0.0.0.0:77");
	struct net_endpoint to = at("198.51.100.80:0");
	uint8_t in[64];

	assert_int_equal(net_send(a, echo, sizeof(echo), 0, &to, NULL), sizeof(echo));
	assert_int_equal(net_send(b, echo, sizeof(echo), 0, &to, NULL), sizeof(echo));
	lab_settle(s.l);
	assert_int_equal(net_recv(a, in, sizeof(in), 0, NULL, NULL), sizeof(echo));
	assert_int_equal(in[4] << 8 | in[5], 77);
	assert_int_equal(net_recv(b, in, sizeof(in), 0, NULL, NULL), sizeof(echo));
	assert_int_equal(in[4] << 8 | in[5], 77);
	assert_int_not_equal(site_newest(&s).outside.port, 77);
	assert_int_equal(site_sessions(&s), 2);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(b);
}

static void rfc5508_req4_an_error_from_outside_reaches_the_socket(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *b = open_bound(s.b, NET_UDP, "0.0.0.0:5000");
	struct net_decoded d, q;

	connect_to(a, "198.51.100.80:9");
	connect_to(b, "198.51.100.80:9");
	send_text(a, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(a), ECONNREFUSED);
	send_text(b, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(b), ECONNREFUSED);
	assert_int_equal(pending_error(a), 0);
	d = last_error(s.in, &q);
	assert_int_equal(d.src.v4, 0xc6336450);      /* REQ-4: who tells stays as it is */
	assert_int_equal(d.dst.v4, 0x0a000002);
	assert_int_equal(q.src.v4, 0x0a000002);
	assert_int_equal(q.sport, 5000);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(b);
}

/* An error as it came over the outer wire, sent again: with `offset` one byte of it is another, and the message's checksum fits. */
static void error_again(struct site *s, struct net_tap *tap, unsigned offset, bool sum)
{
	uint8_t copy[2048];
	struct net_decoded d;
	struct net_frame f;
	uint32_t total = 0;

	for (uint64_t n = net_wire_first(s->out); n < net_wire_next(s->out); n++) {
		net_wire_frame(s->out, n, &f);
		net_decode(f.bytes, f.len, true, &d);
		if (d.layers & NET_LAYER_ICMP && d.icmp_type == 3)
			break;
	}
	assert_int_equal(d.icmp_type, 3);
	memcpy(copy, f.bytes, f.len);
	if (offset)
		copy[offset] ^= 0x10;
	if (sum) {
		copy[36] = copy[37] = 0;
		for (unsigned i = 34; i < 14 + (unsigned)d.ip_total; i += 2)
			total += (uint32_t)(copy[i] << 8 | (i + 1 < 14 + (unsigned)d.ip_total ? copy[i + 1] : 0));
		total = (total & 0xffff) + (total >> 16);
		total = ~((total & 0xffff) + (total >> 16));
		copy[36] = (uint8_t)(total >> 8), copy[37] = (uint8_t)total;
	}
	assert_int_equal(net_tap_send(tap, copy, f.len, NULL), 0);
	lab_run(s->l, NS_PER_MS);
}

static struct net_tap *stranger_on(struct net_wire *w)
{
	static const struct net_mac mac = { { 2, 9, 9, 9, 9, 9 } };
	struct net_tap *t;

	assert_int_equal(net_tap_new(w, "tap0", &mac, NULL, NULL, &t, NULL), 0);
	return t;
}

static void rfc5508_req3_damaged_errors_are_dropped(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_tap *tap = stranger_on(s.out);
	enum { MESSAGE = 14 + 20, QUOTE = MESSAGE + 8 };

	connect_to(a, "198.51.100.80:9");
	send_text(a, "x", NULL);
	lab_run(s.l, NS_PER_MS);
	assert_int_equal(pending_error(a), ECONNREFUSED);
	error_again(&s, tap, 0, false);
	assert_int_equal(pending_error(a), ECONNREFUSED);
	error_again(&s, tap, MESSAGE + 4, false);        /* its own checksum is wrong */
	assert_int_equal(pending_error(a), 0);
	error_again(&s, tap, QUOTE + 8, true);           /* that of the quoted header is: its time to live has changed */
	assert_int_equal(pending_error(a), 0);
	error_again(&s, tap, QUOTE + 20 + 6, true);      /* that of what the quoted packet carries is nobody's business */
	assert_int_equal(pending_error(a), ECONNREFUSED);
	assert_int_equal(site_stats(&s).errors, 3);
	net_tap_free(tap);
	net_socket_release(a);
}

/* RFC 5508 REQ-6: an error, however often, keeps no session, and ends none. */
static void rfc5508_req6_an_error_keeps_and_ends_nothing(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_tap *tap = stranger_on(s.out);

	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 200 * NS_PER_S);
	for (unsigned i = 0; i < 5; i++)
		error_again(&s, tap, 0, false);
	assert_int_equal(site_stats(&s).errors, 6);
	lab_run(s.l, 99 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(site_sessions(&s), 0);
	error_again(&s, tap, 0, false);                  /* REQ-4: without a session there is nobody to tell */
	assert_int_equal(site_stats(&s).errors, 6);
	net_tap_free(tap);
	net_socket_release(a);
}

/* RFC 5508 REQ-10a: each router on the way is seen, the translating one and those behind it. */
static void rfc5508_req10_traceroute_passes(void **state)
{
	struct site s = site_begin(*state);
	struct net_addr to = addr("203.0.113.5");
	static const uint32_t hops[] = { 0x0a0000fe, 0xc6336451 };
	struct net_trace *t;
	struct net_echo echo;

	lab_route(s.gw, "203.0.113.0/24", "198.51.100.81");
	net_knob_set(s.other, NET_IP_FORWARD, 1, NULL);
	assert_int_equal(net_trace_start(s.a, &to, NS_PER_S, &t, NULL), 0);
	for (unsigned i = 0; i < 100000 && !net_trace_done(t); i++)
		clock_step(&s.l->clock);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(net_trace_probe(t, i + 1, 0, &echo));
		assert_int_equal(echo.from.v4, hops[i]);
	}
	net_trace_free(t);
	site_check(&s);
}

static void rfc5508_req5_an_error_from_inside_shows_nothing_of_it(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *web = open_socket(s.web, NET_UDP);
	struct net_decoded d, q;

	assert_int_equal(site_dnat(s.gw, 17, 7000, 7009, "10.0.0.2:6000"), 0);
	connect_to(web, "198.51.100.1:7003"); /* nobody listens at 10.0.0.2:6003 */
	send_text(web, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(web), ECONNREFUSED);
	d = last_error(s.out, &q);
	assert_int_equal(d.src.v4, 0xc6336401);
	assert_int_equal(q.dst.v4, 0xc6336401);
	assert_int_equal(q.dport, 7003);
	site_check(&s);
	net_socket_release(web);
}

static void rfc5508_req7_an_error_of_a_hairpin(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_decoded d, q;

	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	connect_to(a, "198.51.100.1:7000");
	send_text(a, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(a), ECONNREFUSED);
	d = last_error(s.in, &q);
	assert_int_equal(d.src.v4, 0xc6336401);
	assert_int_equal(d.dst.v4, 0x0a000001);
	assert_int_equal(q.src.v4, 0x0a000001);
	assert_int_equal(q.sport, 5000);
	assert_int_equal(q.dst.v4, 0xc6336401);
	assert_int_equal(q.dport, 7000);
	site_check(&s);
	net_socket_release(a);
}

static void rfc5508_req8_a_full_table_refuses_and_says_so(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_socket *b = open_socket(s.b, NET_UDP), *out = open_socket(s.other, NET_UDP);
	struct net_decoded d, q;

	net_knob_set(s.gw, NET_NAT_MAX, 1, NULL);
	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	connect_to(a, "198.51.100.80:9");
	connect_to(b, "198.51.100.80:9");
	connect_to(out, "198.51.100.1:7000");
	send_text(a, "x", NULL);
	lab_settle(s.l);
	send_text(b, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(b), EHOSTUNREACH);
	d = last_error(s.in, &q);
	assert_int_equal(d.icmp_code, 13);
	assert_int_equal(q.src.v4, 0x0a000002);
	send_text(out, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(out), EHOSTUNREACH);
	assert_int_equal(site_stats(&s).full, 2);
	assert_int_equal(site_stats(&s).mappings, 1);
	send_text(a, "y", NULL); /* what is there goes on */
	lab_settle(s.l);
	assert_recv(web, "x", NULL);
	assert_recv(web, "y", NULL);
	lab_run(s.l, 301 * NS_PER_S);
	send_text(b, "z", NULL);
	lab_settle(s.l);
	assert_recv(web, "z", NULL);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(b);
	net_socket_release(out);
	net_socket_release(web);
}

static void rfc5508_req8_no_port_is_left(void **state)
{
	struct site s = site_begin(*state);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1" };
	struct net_socket *a[3];

	net_nat_del(s.gw, &r, NULL);
	r.low = 5000;
	r.high = 5001;
	assert_int_equal(net_nat_add(s.gw, &r, NULL), 0);
	for (unsigned i = 0; i < 3; i++) {
		a[i] = open_socket(s.a, NET_UDP);
		connect_to(a[i], "198.51.100.81:9");
		send_text(a[i], "x", NULL);
		lab_settle(s.l);
		assert_int_equal(pending_error(a[i]), i == 2 ? EHOSTUNREACH : ECONNREFUSED);
	}
	assert_int_equal(site_stats(&s).no_port, 1);
	assert_int_equal(site_sessions(&s), 2);
	site_check(&s);
	for (unsigned i = 0; i < 3; i++)
		net_socket_release(a[i]);
}

/* --- errors that the translating host itself sends --------------------------------------------- */

static void errors_of_the_router_quote_what_the_sender_sent(void **state)
{
	struct site s = site_begin(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_socket(s.web, NET_UDP), *gone = open_socket(s.web, NET_UDP);
	struct net_decoded d, q;

	assert_int_equal(site_dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(site_dnat(s.gw, 17, 7001, 7001, "10.0.0.77:6000"), 0);
	connect_to(web, "198.51.100.1:7000");
	net_setsockopt(web, NET_IP_TTL, 1, NULL);
	send_text(web, "x", NULL); /* the time ends when it has been translated already */
	lab_settle(s.l);
	d = last_error(s.out, &q);
	assert_int_equal(d.icmp_type, 11);
	assert_int_equal(q.dst.v4, 0xc6336401);
	assert_int_equal(q.dport, 7000);
	connect_to(gone, "198.51.100.1:7001"); /* no neighbour inside */
	send_text(gone, "x", NULL);
	lab_settle(s.l);
	d = last_error(s.out, &q);
	assert_int_equal(d.icmp_type << 8 | d.icmp_code, 0x301);
	assert_int_equal(d.src.v4, 0xc6336401);
	assert_int_equal(q.dport, 7001);
	connect_to(a, "198.51.100.200:9"); /* no neighbour outside */
	send_text(a, "x", NULL);
	lab_settle(s.l);
	d = last_error(s.in, &q);
	assert_int_equal(d.icmp_type << 8 | d.icmp_code, 0x301);
	assert_int_equal(d.dst.v4, 0x0a000001);
	assert_int_equal(q.src.v4, 0x0a000001);
	site_check(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(gone);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc5508_req1_and_2_queries_are_mapped_for_a_minute),
		TEST(rfc5508_req1_identifiers_are_translated),
		TEST(rfc5508_req4_an_error_from_outside_reaches_the_socket),
		TEST(rfc5508_req5_an_error_from_inside_shows_nothing_of_it),
		TEST(rfc5508_req3_damaged_errors_are_dropped),
		TEST(rfc5508_req6_an_error_keeps_and_ends_nothing),
		TEST(rfc5508_req10_traceroute_passes),
		TEST(rfc5508_req7_an_error_of_a_hairpin),
		TEST(rfc5508_req8_a_full_table_refuses_and_says_so),
		TEST(rfc5508_req8_no_port_is_left),
		TEST(errors_of_the_router_quote_what_the_sender_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
