/* test_vectors.c - RTO, segment acceptance, subnets, fragments: rto.json, tcp_fsm.json, subnet.json, frag.json. */
#include "host.h"
#include "json.h"
#include "lab.h"
#include "tcp.h"

static ns_t from_ms(double ms)
{
	return (ns_t)(ms * 1e6 + 0.5);
}

static void assert_near(ns_t value, double ms)
{
	ns_t wanted = from_ms(ms), off = value > wanted ? value - wanted : wanted - value;

	if (off > NS_PER_US)
		fail_msg("%llu ns instead of %f ms", (unsigned long long)value, ms);
}

static void rfc6298_2_the_estimator(void **state)
{
	struct json *all = json_read("rto.json");
	const struct json *cases = json_need(all, "rfc6298_estimator");

	for (unsigned i = 0; i < json_count(cases); i++) {
		const struct json *c = json_at(cases, i), *steps = json_need(c, "steps");
		struct rto_rules rules = { .initial = NS_PER_S, .min = from_ms(json_number(c, "min_ms")),
					   .max = from_ms(json_number(c, "max_ms")), .granularity = from_ms(json_number(c, "G_ms")) };
		struct rto r;

		rto_start(&r, &rules);
		assert_int_equal(r.rto, NS_PER_S);
		for (unsigned k = 0; k < json_count(steps); k++) {
			const struct json *step = json_at(steps, k);

			rto_sample(&r, &rules, from_ms(json_number(step, "rtt_ms")));
			assert_near(r.srtt, json_number(step, "srtt_ms"));
			assert_near(r.rttvar, json_number(step, "rttvar_ms"));
			assert_near(r.rto, json_number(step, "rto_ms"));
		}
	}
	json_free(all);
}

static void rfc6298_5_the_backoff(void **state)
{
	struct json *all = json_read("rto.json");
	const struct json *cases = json_need(all, "backoff");

	for (unsigned i = 0; i < json_count(cases); i++) {
		const struct json *c = json_at(cases, i), *events = json_need(c, "events");
		struct rto_rules rules = { .max = strstr(json_text(c, "name"), "120 s") ? 120 * NS_PER_S : 60 * NS_PER_S };
		struct rto r = { .rto = from_ms(1000 * json_number(c, "start_s")) };
		ns_t at = 0;

		for (unsigned k = 0; k < json_count(events); k++) {
			const struct json *event = json_at(events, k);

			assert_near(r.rto, 1000 * json_number(event, "timer_s"));
			at += r.rto;
			assert_near(at, 1000 * json_number(event, "at_s"));
			rto_back_off(&r, &rules);
		}
	}
	json_free(all);
}

static void rfc9293_3_10_7_4_acceptability(void **state)
{
	struct json *all = json_read("tcp_fsm.json");
	const struct json *cases = json_need(all, "acceptability_cases");

	assert_int_equal(json_count(cases), 384);
	for (unsigned i = 0; i < json_count(cases); i++) {
		const struct json *c = json_at(cases, i);
		uint32_t v[5];

		for (unsigned k = 0; k < 5; k++)
			v[k] = (uint32_t)json_at(c, k)->number;
		if (tcp_acceptable(v[0], v[1], v[2], v[3]) != v[4])
			fail_msg("rcv_nxt %u rcv_wnd %u seq %u len %u", v[0], v[1], v[2], v[3]);
	}
	json_free(all);
}

static void subnets(void **state)
{
	struct json *rows = json_read("subnet.json");

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		struct net_prefix p = prefix(json_text(row, "iface"));
		struct net_addr network = net_v4(p.addr.v4 & net_mask(p.len)), mask = net_v4(net_mask(p.len)), b;
		char text[NET_ADDR_TEXT];

		assert_string_equal(net_addr_text(&mask, text), json_text(row, "mask"));
		assert_int_equal(mask.v4, json_number(row, "mask_hex"));
		assert_string_equal(net_addr_text(&network, text), json_text(row, "network"));
		assert_int_equal(__builtin_bswap32(network.v4), strtoul(json_text(row, "proc_route_dest"), NULL, 16));
		assert_int_equal(__builtin_bswap32(mask.v4), strtoul(json_text(row, "proc_route_mask"), NULL, 16));
		if (net_prefix_broadcast(&p, &b)) {
			assert_string_equal(net_addr_text(&b, text), json_text(row, "broadcast"));
			assert_true(net_prefix_has(&p, &b));
		} else {
			assert_true(p.len >= 31);
		}
		assert_true(net_prefix_has(&p, &network));
	}
	json_free(rows);
}

/* --- fragments: a host sends a packet of that length over that MTU; the wire's log is looked at ------- */

static void assert_fragments(const struct json *c)
{
	const struct json *wanted = json_need(c, "fragments");
	unsigned total = (unsigned)json_number(c, "total_length"), mtu = (unsigned)json_number(c, "mtu"), n = 0;
	bool df = json_number(c, "df") != 0;
	struct lab l;
	struct net_wire *w;
	struct net_host *a;
	struct net_wire_config config;
	struct net_prefix link = { net_v4(0x0a000001), 24 };
	struct net_iface *i;
	struct net_mac mac = { { 2, 0, 0, 0, 0, 9 } };
	struct net_addr peer = net_v4(0x0a000002);
	struct net_socket *s;
	struct net_endpoint to = at("10.0.0.2:9");
	struct net_frame f;
	struct net_decoded d;
	uint8_t *data = calloc(1, 65536);

	if (total < 28)
		return;
	lab_open(&l, 1);
	w = lab_wire(&l, "w");
	net_wire_get(w, &config);
	config.mtu = mtu;
	assert_int_equal(net_wire_set(w, &config, NULL), 0);
	assert_int_equal(net_host_new(l.net, "a", 1, 1, &a, NULL), 0);
	assert_int_equal(net_iface_new(a, "eth0", &i, NULL), 0);
	net_iface_attach(i, w, NULL);
	net_iface_add(i, &link, NULL);
	net_iface_up(i, true, NULL);
	net_neigh_add(a, "eth0", &peer, &mac, NULL);
	s = open_socket(a, NET_UDP);
	assert_int_equal(net_setsockopt(s, NET_IP_MTU_DISCOVER, df && total <= mtu ? 1 : 0, NULL), 0);
	assert_int_equal(net_send(s, data, total - 28, 0, &to, NULL), (ssize_t)(total - 28));
	lab_settle(&l);
	for (uint64_t k = net_wire_first(w); k < net_wire_next(w); k++, n++) {
		const struct json *row = json_at(wanted, n);

		assert_true(net_wire_frame(w, k, &f));
		net_decode(f.bytes, f.len, true, &d);
		assert_int_equal(d.bad, 0);
		assert_int_equal(d.fragment_offset, json_number(row, "offset_bytes"));
		assert_int_equal(d.fragment_offset / 8, json_number(row, "offset_units"));
		assert_int_equal(d.ip_total, json_number(row, "total_length"));
		assert_int_equal(d.mf, json_number(row, "mf"));
	}
	assert_int_equal(n, json_count(wanted));
	net_socket_release(s);
	lab_close(&l);
	free(data);
}

static void rfc791_fragmentation(void **state)
{
	struct json *all = json_read("frag.json");
	const struct json *cases = json_need(all, "fragment");
	unsigned done = 0;

	for (unsigned i = 0; i < json_count(cases); i++) {
		const struct json *c = json_at(cases, i);

		if (json_number(c, "df") && json_number(c, "total_length") > json_number(c, "mtu"))
			continue; /* refused: test_ip.c */
		assert_fragments(c);
		done++;
	}
	assert_true(done >= 8);
	json_free(all);
}

static void rfc1191_plateaus(void **state)
{
	struct json *all = json_read("frag.json");
	const struct json *plateaus = json_need(all, "plateaus_rfc1191");

	for (unsigned i = 1; i < json_count(plateaus); i++)
		assert_int_equal(pmtu_plateau((uint32_t)json_at(plateaus, i - 1)->number), json_at(plateaus, i)->number);
	assert_int_equal(pmtu_plateau(68), 68);
	json_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc6298_2_the_estimator), cmocka_unit_test(rfc6298_5_the_backoff),
		cmocka_unit_test(rfc9293_3_10_7_4_acceptability), cmocka_unit_test(subnets),
		cmocka_unit_test(rfc791_fragmentation), cmocka_unit_test(rfc1191_plateaus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
