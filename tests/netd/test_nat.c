/* test_nat.c - translation of addresses, requirement by requirement of RFC 4787, 5382 and 5508. */
#include "lab.h"

#include "net_nat.h"
#include "net_tap.h"
#include "net_tool.h"
#include "rng.h"

/* a .1, b .2 - in - gw .254 (10.0.0.0/24)   gw .1 - out - web .80, other .81 (198.51.100.0/24) */
struct site {
	struct lab       *l;
	struct net_wire  *in, *out;
	struct net_host  *a, *b, *gw, *web, *other;
};

static void rule(struct net_host *h, enum net_nat_filter filter)
{
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1", .filter = filter };

	assert_int_equal(net_nat_add(h, &r, NULL), 0);
}

static int dnat(struct net_host *h, uint8_t protocol, uint16_t low, uint16_t high, const char *to)
{
	struct net_nat_rule r = { .kind = NET_NAT_DNAT, .iface = "eth1", .protocol = protocol, .low = low, .high = high, .to = at(to) };

	return net_nat_add(h, &r, NULL);
}

static struct site build(struct lab *l)
{
	struct site s = { .l = l, .in = lab_wire(l, "in"), .out = lab_wire(l, "out") };

	s.a = lab_host(l, "a", s.in, "10.0.0.1/24");
	s.b = lab_host(l, "b", s.in, "10.0.0.2/24");
	s.gw = lab_host(l, "gw", s.in, "10.0.0.254/24");
	lab_host(l, "gw", s.out, "198.51.100.1/24");
	s.web = lab_host(l, "web", s.out, "198.51.100.80/24");
	s.other = lab_host(l, "other", s.out, "198.51.100.81/24");
	lab_route(s.a, "0.0.0.0/0", "10.0.0.254");
	lab_route(s.b, "0.0.0.0/0", "10.0.0.254");
	net_knob_set(s.gw, NET_IP_FORWARD, 1, NULL);
	rule(s.gw, NET_NAT_FILTER_ADDRESS);
	return s;
}

/* The quoted packet of an ICMP error has a right header checksum, and a right one of its own where all of it is there. */
static void check_quote(const struct net_frame *f, const struct net_decoded *d)
{
	uint8_t copy[2048] = { 0 };
	struct net_decoded q;

	assert_true(d->payload_len + 14 <= sizeof(copy));
	memcpy(copy + 14, f->bytes + d->payload, d->payload_len);
	copy[12] = 8;
	net_decode(copy, 14 + d->payload_len, true, &q);
	assert_true(q.layers & NET_LAYER_IPV4);
	assert_false(q.bad & NET_BAD_IP_CHECKSUM);
	if (q.ip_total <= d->payload_len)
		assert_false(q.bad & NET_BAD_CHECKSUM);
}

/* Every frame on the wire adds up, quoted packets too; none on the outer one has an address from inside. */
static void check_wires(struct site *s)
{
	struct net_wire *wires[] = { s->in, s->out };

	for (unsigned w = 0; w < 2; w++) {
		for (uint64_t n = net_wire_first(wires[w]); n < net_wire_next(wires[w]); n++) {
			struct net_frame f;
			struct net_decoded d;

			assert_true(net_wire_frame(wires[w], n, &f));
			net_decode(f.bytes, f.len, true, &d);
			assert_int_equal(d.bad, 0);
			if (d.layers & NET_LAYER_ICMP && (d.icmp_type == 3 || d.icmp_type == 11))
				check_quote(&f, &d);
			if (w == 1 && d.layers & NET_LAYER_IPV4) {
				assert_int_not_equal(d.src.v4 >> 8, 0x0a0000);
				assert_int_not_equal(d.dst.v4 >> 8, 0x0a0000);
			}
		}
	}
	lab_check(s->l);
}

static unsigned sessions(const struct site *s)
{
	struct net_nat_stats n;

	net_nat_stats(s->gw, &n);
	return (unsigned)n.sessions;
}

static struct net_nat_stats stats(const struct site *s)
{
	struct net_nat_stats n;

	net_nat_stats(s->gw, &n);
	return n;
}

/* The newest row of the table. */
static struct net_nat_session newest(const struct site *s)
{
	struct net_nat_session row = { 0 };
	const void *cursor = NULL;

	while (net_nat_session(s->gw, &cursor, &row))
		;
	return row;
}

static void assert_end(const struct net_endpoint *e, const char *text)
{
	char is[NET_ENDPOINT_TEXT];

	assert_string_equal(net_endpoint_text(e, is), text);
}

/* Takes one message and tells from where it came. */
static struct net_endpoint from_whom(struct net_socket *s)
{
	struct net_endpoint e;
	char data[64];

	assert_true(net_recv(s, data, sizeof(data), 0, &e, NULL) >= 0);
	return e;
}

static void nothing_came(struct net_socket *s)
{
	assert_int_equal(net_recv(s, NULL, 0, 0, NULL, NULL), -EAGAIN);
}

static int pending_error(struct net_socket *s)
{
	int v = 0;

	assert_int_equal(net_getsockopt(s, NET_SO_ERROR, &v, NULL), 0);
	return v;
}

static void connect_to(struct net_socket *s, const char *to)
{
	struct net_endpoint e = at(to);
	int code = net_connect(s, &e, NULL);

	assert_true(code == 0 || code == -EINPROGRESS);
}

/* The last ICMP error on a wire. */
static struct net_decoded last_error(struct net_wire *w, struct net_decoded *quote)
{
	struct net_decoded d = { 0 }, found = { 0 };
	uint8_t copy[2048] = { 0 };
	struct net_frame f;

	for (uint64_t n = net_wire_first(w); n < net_wire_next(w); n++) {
		net_wire_frame(w, n, &f);
		net_decode(f.bytes, f.len, true, &d);
		if (!(d.layers & NET_LAYER_ICMP) || (d.icmp_type != 3 && d.icmp_type != 11))
			continue;
		found = d;
		memcpy(copy + 14, f.bytes + d.payload, d.payload_len);
		copy[12] = 8;
		net_decode(copy, 14 + d.payload_len, false, quote);
	}
	assert_true(found.layers & NET_LAYER_ICMP);
	return found;
}

/* A connection from a to port 80 of web, accepted. */
struct talk { struct net_socket *l, *c, *server; struct net_endpoint peer; };

static struct talk talk_begin(struct site *s)
{
	struct talk t = { .l = open_listener(s->web, "0.0.0.0:80", 5), .c = open_socket(s->a, NET_TCP) };

	connect_to(t.c, "198.51.100.80:80");
	lab_settle(s->l);
	assert_int_equal(net_accept(t.l, &t.server, &t.peer, NULL), 0);
	return t;
}

static void talk_end(struct talk *t)
{
	net_socket_release(t->l);
	if (t->c)
		net_socket_release(t->c);
	if (t->server)
		net_socket_release(t->server);
}

static struct net_socket *reusable(struct net_host *h, const char *where)
{
	struct net_socket *s = open_socket(h, NET_TCP);
	struct net_endpoint e = at(where);

	net_setsockopt(s, NET_SO_REUSEADDR, 1, NULL);
	assert_int_equal(net_bind(s, &root, &e, NULL), 0);
	return s;
}

/* --- RFC 4787 --------------------------------------------------------------------------------- */

static void rfc4787_req1_a_mapping_is_the_same_towards_everybody(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "10.0.0.1:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");

	send_text(a, "x", "198.51.100.80:9");
	send_text(a, "y", "198.51.100.81:9");
	lab_settle(s.l);
	assert_recv(web, "x", "198.51.100.1:5000");
	assert_recv(other, "y", "198.51.100.1:5000");
	send_text(other, "back", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "back", "198.51.100.81:9");
	assert_int_equal(sessions(&s), 2);
	assert_int_equal(stats(&s).mappings, 1);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(other);
}

static void rfc4787_req3_no_port_is_shared_and_ranges_are_kept(void **state)
{
	struct site s = build(*state);
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	for (unsigned port = 498; port < 6000; port = port == 503 ? 5000 : port == 5005 ? 6000 : port + 1) {
		char text[32];
		struct net_socket *a, *b;
		struct net_endpoint first, second;

		snprintf(text, sizeof(text), "0.0.0.0:%u", port);
		a = open_bound(s.a, NET_UDP, text);
		b = open_bound(s.b, NET_UDP, text);
		send_text(a, "x", "198.51.100.80:9");
		lab_settle(s.l);
		send_text(b, "x", "198.51.100.80:9");
		lab_settle(s.l);
		first = from_whom(web);
		second = from_whom(web);
		assert_int_equal(first.port, port);                   /* kept where it is free */
		assert_int_not_equal(second.port, port);              /* REQ-3 */
		assert_int_equal(second.port < 1024, port < 1024);    /* REQ-3a */
		assert_int_equal(second.port % 2, port % 2);          /* REQ-4 */
		net_socket_release(a);
		net_socket_release(b);
	}
	check_wires(&s);
	net_socket_release(web);
}

static void rfc4787_req5_and_6_a_udp_mapping_lives_five_minutes(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	send_text(a, "x", "198.51.100.80:9"); /* REQ-6: what goes out keeps it */
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	send_text(web, "x", "198.51.100.1:5000");
	lab_run(s.l, 299 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	assert_int_equal(stats(&s).mappings, 0);
	assert_int_equal(stats(&s).expired, 1);
	net_knob_set(s.gw, NET_NAT_UDP_TIMEOUT, 120, NULL); /* 5b: can be set */
	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 119 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	net_socket_release(a);
	net_socket_release(web);
}

/* What the peer, its address's other port, and a stranger may send to a mapping. */
static void filter_case(struct lab *l, enum net_nat_filter filter, bool port, bool stranger)
{
	struct site s = build(l);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1" };
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_socket *web2 = open_bound(s.web, NET_UDP, "0.0.0.0:10"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");

	assert_int_equal(net_nat_del(s.gw, &r, NULL), 0);
	rule(s.gw, filter);
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(l);
	send_text(web, "peer", "198.51.100.1:5000");
	lab_settle(l);
	assert_recv(a, "peer", "198.51.100.80:9");
	send_text(web2, "port", "198.51.100.1:5000");
	lab_settle(l);
	if (port)
		assert_recv(a, "port", "198.51.100.80:10");
	nothing_came(a);
	send_text(other, "stranger", "198.51.100.1:5000");
	lab_settle(l);
	if (stranger)
		assert_recv(a, "stranger", "198.51.100.81:9");
	nothing_came(a);
	assert_int_equal(stats(&s).filtered, !port + !stranger);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(web2);
	net_socket_release(other);
}

static void rfc4787_req8_filter_by_address(void **state) { filter_case(*state, NET_NAT_FILTER_ADDRESS, true, false); }
static void rfc4787_req8_filter_by_nothing(void **state) { filter_case(*state, NET_NAT_FILTER_ENDPOINT, true, true); }
static void rfc4787_req8_filter_by_port(void **state) { filter_case(*state, NET_NAT_FILTER_PORT, false, false); }

static void rfc4787_req9_hosts_inside_meet_by_their_outside_ends(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *b = open_bound(s.b, NET_UDP, "0.0.0.0:6000");

	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	send_text(a, "hello", "198.51.100.1:7000");
	lab_settle(s.l);
	assert_recv(b, "hello", "198.51.100.1:5000"); /* the sender's outside end, not its own */
	send_text(b, "hello yourself", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "hello yourself", "198.51.100.1:7000");
	assert_int_equal(stats(&s).hairpins, 2);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(b);
}

static void rfc4787_req12_an_icmp_error_ends_no_mapping(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_int_equal(stats(&s).errors, 1);
	assert_int_equal(sessions(&s), 1);
	assert_int_equal(newest(&s).packets_in, 0);
	web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	send_text(web, "late", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(a, "late", "198.51.100.80:9");
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
}

/* 5000 bytes each way, the first piece last, then over a smaller wire. */
static void rfc4787_req13_and_14_pieces_in_any_order(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_fault late = { .action = NET_DELAY, .count = 1, .delay = NS_PER_MS };
	struct net_endpoint to = at("198.51.100.80:9"), from = at("198.51.100.1:5000"), who;
	static char out[5000], in[6000];
	struct net_wire_config c;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "x", NULL);
	net_setsockopt(a, NET_IP_MTU_DISCOVER, 0, NULL);
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned i = 0; i < sizeof(out); i++)
			out[i] = (char)(i * (7 + round));
		net_wire_get(s.out, &c);
		c.mtu = round < 2 ? 1500 : 576;
		net_wire_set(s.out, &c, NULL);
		if (round % 2) {
			net_wire_fault(s.in, &late, NULL);
			net_wire_fault(s.out, &late, NULL);
		}
		assert_int_equal(net_send(a, out, sizeof(out), 0, &to, NULL), sizeof(out));
		lab_settle(s.l);
		assert_int_equal(net_recv(web, in, sizeof(in), 0, &who, NULL), sizeof(out));
		assert_memory_equal(in, out, sizeof(out));
		assert_end(&who, "198.51.100.1:5000");
		assert_int_equal(net_send(web, out, sizeof(out), 0, &from, NULL), sizeof(out));
		lab_settle(s.l);
		assert_int_equal(net_recv(a, in, sizeof(in), 0, &who, NULL), sizeof(out));
		assert_memory_equal(in, out, sizeof(out));
	}
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
}

static void rfc4787_req10_what_is_said_is_left_alone(void **state)
{
	static const char text[] = "PORT 10,0,0,1,19,136 at 10.0.0.1:5000\n";
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:21");
	struct talk t = talk_begin(&s);

	send_text(a, text, "198.51.100.80:21");
	send_text(t.c, text, NULL);
	lab_settle(s.l);
	assert_recv(web, text, "198.51.100.1:5000");
	assert_recv(t.server, text, NULL);
	check_wires(&s);
	talk_end(&t);
	net_socket_release(a);
	net_socket_release(web);
}

/* Where a port is taken already, all is as where it is free. */
static void rfc4787_req11_conflicts_change_nothing(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *b = open_bound(s.b, NET_UDP, "0.0.0.0:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *other = open_bound(s.other, NET_UDP, "0.0.0.0:9");
	struct net_endpoint end;
	char text[NET_ENDPOINT_TEXT];

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	from_whom(web);
	send_text(b, "x", "198.51.100.80:9");
	lab_settle(s.l);
	end = from_whom(web);
	assert_int_not_equal(end.port, 5000);
	send_text(other, "unasked", net_endpoint_text(&end, text));
	lab_settle(s.l);
	nothing_came(b);
	send_text(b, "x", "198.51.100.81:9");
	lab_settle(s.l);
	assert_int_equal(from_whom(other).port, end.port);
	send_text(other, "asked", text);
	lab_settle(s.l);
	assert_recv(b, "asked", "198.51.100.81:9");
	nothing_came(a);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(b);
	net_socket_release(web);
	net_socket_release(other);
}

static void rfc4787_req13_what_is_too_long_and_whole_is_told(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_endpoint to = at("198.51.100.80:9");
	struct net_wire_config c;
	struct net_decoded d, q;
	char text[1000] = { 0 };

	net_wire_get(s.out, &c);
	c.mtu = 576;
	net_wire_set(s.out, &c, NULL);
	assert_int_equal(net_setsockopt(a, NET_IP_MTU_DISCOVER, 2, NULL), 0);
	connect_to(a, "198.51.100.80:9");
	assert_int_equal(net_send(a, text, sizeof(text), 0, &to, NULL), sizeof(text));
	lab_settle(s.l);
	assert_int_equal(pending_error(a), EMSGSIZE);
	d = last_error(s.in, &q);
	assert_int_equal(d.icmp_type << 8 | d.icmp_code, 0x304);
	assert_int_equal(q.src.v4, 0x0a000001);
	check_wires(&s);
	net_socket_release(a);
}

/* --- RFC 5382 --------------------------------------------------------------------------------- */

static void rfc5382_req1_connections_from_inside(void **state)
{
	struct site s = build(*state);
	struct talk t = talk_begin(&s);

	assert_int_equal(t.peer.addr.v4, 0xc6336401);
	send_text(t.c, "question", NULL);
	lab_settle(s.l);
	assert_recv(t.server, "question", NULL);
	send_text(t.server, "answer", NULL);
	lab_settle(s.l);
	assert_recv(t.c, "answer", NULL);
	assert_int_equal(newest(&s).state, NET_NAT_ESTABLISHED);
	check_wires(&s);
	talk_end(&t);
	lab_settle(s.l);
	assert_int_equal(newest(&s).state, NET_NAT_TIME_WAIT);
}

static void rfc5382_req1_and_7_a_mapping_is_the_same_towards_everybody_and_nobody_elses(void **state)
{
	struct site s = build(*state);
	struct net_socket *web = open_listener(s.web, "0.0.0.0:80", 5), *other = open_listener(s.other, "0.0.0.0:80", 5);
	struct net_socket *a = reusable(s.a, "0.0.0.0:5000"), *b[] = { reusable(s.b, "0.0.0.0:5000"), reusable(s.b, "0.0.0.0:5000") };
	struct net_socket *accepted[3];
	struct net_endpoint end[3];

	connect_to(a, "198.51.100.80:80");
	lab_settle(s.l);
	connect_to(b[0], "198.51.100.80:80");
	connect_to(b[1], "198.51.100.81:80");
	lab_settle(s.l);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(net_accept(i < 2 ? web : other, &accepted[i], &end[i], NULL), 0);
	assert_int_equal(end[0].port, 5000);
	assert_int_not_equal(end[1].port, 5000);
	assert_int_equal(end[2].port, end[1].port);
	check_wires(&s);
	for (unsigned i = 0; i < 3; i++)
		net_socket_release(accepted[i]);
	net_socket_release(a);
	net_socket_release(b[0]);
	net_socket_release(b[1]);
	net_socket_release(web);
	net_socket_release(other);
}

/* A SYN to a mapping's port: what gets in is answered by the host inside at once, that nobody listens. */
static void req3_case(struct lab *l, enum net_nat_filter filter, bool port, bool stranger)
{
	struct site s = build(l);
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1" };
	struct net_socket *asks[] = { open_socket(s.web, NET_TCP), open_socket(s.other, NET_TCP) };
	char text[NET_ENDPOINT_TEXT];
	struct talk t;

	assert_int_equal(net_nat_del(s.gw, &r, NULL), 0);
	rule(s.gw, filter);
	t = talk_begin(&s);
	net_endpoint_text(&t.peer, text);
	for (unsigned i = 0; i < 2; i++)
		connect_to(asks[i], text);
	lab_run(l, NS_PER_MS * 100);
	assert_int_equal(net_connect_result(asks[0], NULL), port ? -ECONNREFUSED : -EINPROGRESS);
	assert_int_equal(net_connect_result(asks[1], NULL), stranger ? -ECONNREFUSED : -EINPROGRESS);
	assert_int_equal(stats(&s).filtered, !port + !stranger);
	assert_int_equal(state_of(t.c), NET_TCP_ESTABLISHED);
	check_wires(&s);
	talk_end(&t);
	for (unsigned i = 0; i < 2; i++)
		net_socket_release(asks[i]);
}

static void rfc5382_req3_filter_by_address(void **state) { req3_case(*state, NET_NAT_FILTER_ADDRESS, true, false); }
static void rfc5382_req3_filter_by_nothing(void **state) { req3_case(*state, NET_NAT_FILTER_ENDPOINT, true, true); }
static void rfc5382_req3_filter_by_port(void **state) { req3_case(*state, NET_NAT_FILTER_PORT, false, false); }

/* REQ-2: both send SYNs; the one from outside comes first and waits to be asked for. */
static void rfc5382_req2_simultaneous_open(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_TCP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_TCP, "0.0.0.0:80");
	struct net_socket *other = open_listener(s.other, "0.0.0.0:80", 5), *first = open_socket(s.a, NET_TCP);
	struct net_endpoint mine = at("0.0.0.0:5000");

	/* a has a mapping of port 5000 already, towards somebody else (as hole punching has it) */
	net_setsockopt(a, NET_SO_REUSEADDR, 1, NULL);
	net_setsockopt(first, NET_SO_REUSEADDR, 1, NULL);
	assert_int_equal(net_bind(first, &root, &mine, NULL), 0);
	connect_to(first, "198.51.100.81:80");
	lab_settle(s.l);
	connect_to(web, "198.51.100.1:5000");
	lab_run(s.l, 100 * NS_PER_MS);
	assert_int_equal(state_of(web), NET_TCP_SYN_SENT);
	connect_to(a, "198.51.100.80:80");
	lab_run(s.l, 10 * NS_PER_S);
	assert_int_equal(state_of(a), NET_TCP_ESTABLISHED);
	assert_int_equal(state_of(web), NET_TCP_ESTABLISHED);
	send_text(web, "hi", NULL);
	lab_settle(s.l);
	assert_recv(a, "hi", NULL);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(other);
	net_socket_release(first);
}

/* REQ-4: a SYN that nobody asked for is answered by ICMP after six seconds, not before. */
static void rfc5382_req4_an_unsolicited_syn_waits_six_seconds(void **state)
{
	struct site s = build(*state);
	struct net_socket *l = open_listener(s.web, "0.0.0.0:80", 5), *c = open_bound(s.a, NET_TCP, "0.0.0.0:5000");
	struct net_socket *stranger = open_socket(s.other, NET_TCP);

	connect_to(c, "198.51.100.80:80");
	lab_settle(s.l);
	net_knob_set(s.other, NET_SYN_RETRIES, 0, NULL);
	net_knob_set(s.other, NET_RTO_INIT, 20000, NULL);
	net_socket_release(stranger);
	stranger = open_socket(s.other, NET_TCP);
	connect_to(stranger, "198.51.100.1:5000");
	lab_run(s.l, 5900 * NS_PER_MS);
	assert_int_equal(counter(s.other, NET_Icmp_InDestUnreachs), 0);
	assert_int_equal(state_of(stranger), NET_TCP_SYN_SENT);
	lab_run(s.l, 200 * NS_PER_MS);
	assert_int_equal(counter(s.other, NET_Icmp_InDestUnreachs), 1);
	assert_int_equal(net_connect_result(stranger, NULL), -ECONNREFUSED);
	check_wires(&s);
	net_socket_release(l);
	net_socket_release(c);
	net_socket_release(stranger);
}

static void rfc5382_req5_time_outs_of_connections(void **state)
{
	struct site s = build(*state);
	struct net_socket *lost;
	struct talk t;

	net_knob_set(s.a, NET_SYN_RETRIES, 0, NULL);
	lost = open_socket(s.a, NET_TCP);
	connect_to(lost, "198.51.100.99:80"); /* nobody there: transitory, four minutes */
	lab_run(s.l, 239 * NS_PER_S);
	assert_int_equal(newest(&s).state, NET_NAT_SYN_SENT);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	t = talk_begin(&s);
	lab_run(s.l, 7438 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	send_text(t.server, "still here", NULL);
	lab_settle(s.l);
	assert_recv(t.c, "still here", NULL);
	lab_run(s.l, 7439 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	net_socket_release(lost);
	talk_end(&t);
}

static void rfc5382_req5_a_closed_connection_goes_after_four_minutes(void **state)
{
	struct site s = build(*state);
	struct talk t = talk_begin(&s);

	net_socket_release(t.c);
	lab_settle(s.l);
	assert_int_equal(newest(&s).state, NET_NAT_FIN_WAIT);
	net_socket_release(t.server);
	lab_settle(s.l);
	assert_int_equal(newest(&s).state, NET_NAT_TIME_WAIT);
	lab_run(s.l, 239 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	net_socket_release(t.l);
}

static void rfc7857_2_2_a_reset_ends_it_unless_it_goes_on(void **state)
{
	struct site s = build(*state);
	struct talk t = talk_begin(&s);

	net_setsockopt(t.server, NET_SO_LINGER, 0, NULL);
	net_socket_release(t.server); /* RST */
	lab_settle(s.l);
	assert_int_equal(newest(&s).state, NET_NAT_CLOSE);
	assert_int_equal(net_recv(t.c, NULL, 0, 0, NULL, NULL), -ECONNRESET);
	lab_run(s.l, 241 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	net_socket_release(t.c);
	net_socket_release(t.l);
}

static void rfc5382_req8_connections_by_hairpin(void **state)
{
	struct site s = build(*state);
	struct net_socket *l = open_listener(s.b, "0.0.0.0:80", 5), *c = open_socket(s.a, NET_TCP), *server;
	struct net_endpoint peer;

	assert_int_equal(dnat(s.gw, 6, 8080, 8080, "10.0.0.2:80"), 0);
	connect_to(c, "198.51.100.1:8080");
	lab_settle(s.l);
	assert_int_equal(net_accept(l, &server, &peer, NULL), 0);
	assert_int_equal(peer.addr.v4, 0xc6336401);
	send_text(c, "question", NULL);
	lab_settle(s.l);
	assert_recv(server, "question", NULL);
	net_socket_release(server);
	lab_settle(s.l);
	assert_int_equal(net_recv(c, NULL, 0, 0, NULL, NULL), 0);
	check_wires(&s);
	net_socket_release(c);
	net_socket_release(l);
}

/* A router behind the translation has no way: the connection hears of it, and is not ended by it. */
static void rfc5382_req9_and_10_icmp_errors_reach_connections_and_end_none(void **state)
{
	struct site s = build(*state);
	struct net_socket *c = open_bound(s.a, NET_TCP, "0.0.0.0:5000");
	struct net_decoded d, q;

	lab_route(s.gw, "203.0.113.0/24", "198.51.100.81");
	net_knob_set(s.other, NET_IP_FORWARD, 1, NULL);
	connect_to(c, "203.0.113.5:80");
	lab_run(s.l, 100 * NS_PER_MS);
	assert_int_equal(counter(s.a, NET_Icmp_InDestUnreachs), 1);
	assert_int_equal(stats(&s).errors, 1);
	d = last_error(s.in, &q);
	assert_int_equal(d.src.v4, 0xc6336451);
	assert_int_equal(q.src.v4, 0x0a000001);
	assert_int_equal(q.sport, 5000);
	assert_int_equal(sessions(&s), 1);
	assert_int_equal(newest(&s).state, NET_NAT_SYN_SENT);
	check_wires(&s);
	net_socket_release(c);
}

/* --- RFC 5508 --------------------------------------------------------------------------------- */

static void rfc5508_req1_and_2_queries_are_mapped_for_a_minute(void **state)
{
	struct site s = build(*state);
	struct net_addr to = addr("198.51.100.80");
	struct net_ping *p;
	struct net_ping_report r;

	assert_int_equal(net_ping_start(s.a, &to, 3, NS_PER_S, 56, NS_PER_S, &p, NULL), 0);
	lab_settle(s.l);
	net_ping_report(p, &r);
	assert_int_equal(r.received, 3);
	net_ping_free(p);
	assert_int_equal(newest(&s).protocol, 1);
	assert_int_equal(newest(&s).state, NET_NAT_REPLIED);
	lab_run(s.l, 57 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 3 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	check_wires(&s);
}

/* Hosts that ping with the same identifier stay apart. */
static void rfc5508_req1_identifiers_are_translated(void **state)
{
	static const uint8_t echo[] = { 8, 0, 0, 0, 0, 0, 0, 1, 'h', 'i' };
	struct site s = build(*state);
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
	assert_int_not_equal(newest(&s).outside.port, 77);
	assert_int_equal(sessions(&s), 2);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(b);
}

static void rfc5508_req4_an_error_from_outside_reaches_the_socket(void **state)
{
	struct site s = build(*state);
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
	check_wires(&s);
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
	struct site s = build(*state);
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
	assert_int_equal(stats(&s).errors, 3);
	net_tap_free(tap);
	net_socket_release(a);
}

/* RFC 5508 REQ-6: an error, however often, keeps no session, and ends none. */
static void rfc5508_req6_an_error_keeps_and_ends_nothing(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_tap *tap = stranger_on(s.out);

	send_text(a, "x", "198.51.100.80:9");
	lab_run(s.l, 200 * NS_PER_S);
	for (unsigned i = 0; i < 5; i++)
		error_again(&s, tap, 0, false);
	assert_int_equal(stats(&s).errors, 6);
	lab_run(s.l, 99 * NS_PER_S);
	assert_int_equal(sessions(&s), 1);
	lab_run(s.l, 2 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	error_again(&s, tap, 0, false);                  /* REQ-4: without a session there is nobody to tell */
	assert_int_equal(stats(&s).errors, 6);
	net_tap_free(tap);
	net_socket_release(a);
}

/* RFC 5508 REQ-10a: each router on the way is seen, the translating one and those behind it. */
static void rfc5508_req10_traceroute_passes(void **state)
{
	struct site s = build(*state);
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
	check_wires(&s);
}

static void rfc5508_req5_an_error_from_inside_shows_nothing_of_it(void **state)
{
	struct site s = build(*state);
	struct net_socket *web = open_socket(s.web, NET_UDP);
	struct net_decoded d, q;

	assert_int_equal(dnat(s.gw, 17, 7000, 7009, "10.0.0.2:6000"), 0);
	connect_to(web, "198.51.100.1:7003"); /* nobody listens at 10.0.0.2:6003 */
	send_text(web, "x", NULL);
	lab_settle(s.l);
	assert_int_equal(pending_error(web), ECONNREFUSED);
	d = last_error(s.out, &q);
	assert_int_equal(d.src.v4, 0xc6336401);
	assert_int_equal(q.dst.v4, 0xc6336401);
	assert_int_equal(q.dport, 7003);
	check_wires(&s);
	net_socket_release(web);
}

static void rfc5508_req7_an_error_of_a_hairpin(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_decoded d, q;

	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
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
	check_wires(&s);
	net_socket_release(a);
}

static void rfc5508_req8_a_full_table_refuses_and_says_so(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_socket *b = open_socket(s.b, NET_UDP), *out = open_socket(s.other, NET_UDP);
	struct net_decoded d, q;

	net_knob_set(s.gw, NET_NAT_MAX, 1, NULL);
	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
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
	assert_int_equal(stats(&s).full, 2);
	assert_int_equal(stats(&s).mappings, 1);
	send_text(a, "y", NULL); /* what is there goes on */
	lab_settle(s.l);
	assert_recv(web, "x", NULL);
	assert_recv(web, "y", NULL);
	lab_run(s.l, 301 * NS_PER_S);
	send_text(b, "z", NULL);
	lab_settle(s.l);
	assert_recv(web, "z", NULL);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(b);
	net_socket_release(out);
	net_socket_release(web);
}

static void rfc5508_req8_no_port_is_left(void **state)
{
	struct site s = build(*state);
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
	assert_int_equal(stats(&s).no_port, 1);
	assert_int_equal(sessions(&s), 2);
	check_wires(&s);
	for (unsigned i = 0; i < 3; i++)
		net_socket_release(a[i]);
}

/* --- errors that the translating host itself sends --------------------------------------------- */

static void errors_of_the_router_quote_what_the_sender_sent(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_socket(s.web, NET_UDP), *gone = open_socket(s.web, NET_UDP);
	struct net_decoded d, q;

	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(dnat(s.gw, 17, 7001, 7001, "10.0.0.77:6000"), 0);
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
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(gone);
}

/* --- around ----------------------------------------------------------------------------------- */

static void what_comes_in_by_a_route_is_left_alone(void **state)
{
	struct site s = build(*state);
	struct net_socket *l = open_listener(s.b, "0.0.0.0:80", 5), *c = open_socket(s.web, NET_TCP), *server;
	struct net_addr to = addr("10.0.0.2");
	struct net_ping *p;
	struct net_ping_report r;
	struct net_endpoint peer;

	lab_route(s.web, "10.0.0.0/24", "198.51.100.1");
	connect_to(c, "10.0.0.2:80");
	lab_settle(s.l);
	assert_int_equal(state_of(c), NET_TCP_ESTABLISHED);
	assert_int_equal(net_accept(l, &server, &peer, NULL), 0);
	assert_int_equal(peer.addr.v4, 0xc6336450);
	assert_true(newest(&s).plain);
	assert_int_equal(net_ping_start(s.web, &to, 2, NS_PER_S, 56, NS_PER_S, &p, NULL), 0);
	lab_settle(s.l);
	net_ping_report(p, &r);
	assert_int_equal(r.received, 2);
	net_ping_free(p);
	assert_int_equal(stats(&s).translated, 0);
	lab_check(s.l);
	net_socket_release(c);
	net_socket_release(server);
	net_socket_release(l);
}

static void a_connection_survives_a_forgotten_table(void **state)
{
	struct site s = build(*state);
	struct talk t = talk_begin(&s);

	net_nat_forget(s.gw);
	assert_int_equal(sessions(&s), 0);
	send_text(t.c, "still", NULL); /* from inside: taken up in its middle, with the port that it had */
	lab_settle(s.l);
	assert_recv(t.server, "still", NULL);
	assert_int_equal(newest(&s).state, NET_NAT_ESTABLISHED);
	net_nat_forget(s.gw);
	net_setsockopt(t.c, NET_SO_LINGER, 0, NULL);
	net_socket_release(t.c); /* a reset of nobody's connection does not go out with an inside address */
	lab_settle(s.l);
	assert_int_equal(stats(&s).no_session, 1);
	check_wires(&s);
	net_socket_release(t.server);
	net_socket_release(t.l);
}

static void rules_go_with_their_connections(void **state)
{
	struct site s = build(*state);
	struct net_nat_rule r = { .kind = NET_NAT_DNAT, .iface = "eth1", .protocol = 17, .low = 7000, .high = 7000 }, got;
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_iface *outside = net_iface_at(s.gw, "eth1");
	struct net_prefix p = prefix("198.51.100.1/24");
	struct err e;

	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(dnat(s.gw, 17, 7000, 7000, "10.0.0.2:6000"), 0);        /* again: nothing */
	assert_int_equal(dnat(s.gw, 17, 6990, 7000, "10.0.0.2:6000"), -EEXIST);
	assert_int_equal(dnat(s.gw, 6, 7000, 7000, "10.0.0.2:6000"), 0);
	assert_int_equal(dnat(s.gw, 6, 8000, 8000, "10.0.0.254:6000"), -EINVAL); /* itself */
	assert_int_equal(dnat(s.gw, 6, 8000, 9000, "10.0.0.2:65000"), -EINVAL);
	assert_true(net_nat_rule(s.gw, 2, &got));
	assert_false(net_nat_rule(s.gw, 3, &got));
	send_text(web, "x", "198.51.100.1:7000");
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	assert_int_equal(sessions(&s), 2);
	assert_int_equal(net_nat_del(s.gw, &r, &e), 0);
	assert_int_equal(sessions(&s), 1);
	assert_int_equal(net_nat_del(s.gw, &r, &e), -ENOENT);
	assert_int_equal(dnat(s.gw, 17, 5000, 5000, "10.0.0.2:6000"), 0); /* the port that a mapping has */
	assert_int_equal(sessions(&s), 0);
	send_text(a, "y", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "x", "198.51.100.1:5000");
	assert_int_not_equal(from_whom(web).port, 5000);
	assert_int_equal(net_iface_del(outside, &p, NULL), 0);           /* the address goes */
	assert_int_equal(sessions(&s), 0);
	assert_int_equal(net_iface_free(outside, NULL), 0);              /* and the interface, with its rules */
	assert_false(net_nat_rule(s.gw, 0, &got));
	lab_check(s.l);
	net_socket_release(a);
	net_socket_release(web);
}

static void ports_of_the_host_itself_and_of_mappings_stay_apart(void **state)
{
	struct site s = build(*state);
	struct net_socket *own = open_bound(s.gw, NET_UDP, "0.0.0.0:5000"), *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000");
	struct net_socket *web = open_bound(s.web, NET_UDP, "0.0.0.0:9"), *more;
	struct net_endpoint e;
	unsigned kept;

	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	e = from_whom(web);
	assert_int_not_equal(e.port, 5000);
	send_text(own, "own", "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, "own", "198.51.100.1:5000");
	send_text(web, "to the host", "198.51.100.1:5000");
	lab_settle(s.l);
	assert_recv(own, "to the host", "198.51.100.80:9");
	kept = e.port;
	net_knob_set(s.gw, NET_PORT_MIN, kept, NULL); /* the only ephemeral port is a mapping's */
	net_knob_set(s.gw, NET_PORT_MAX, kept, NULL);
	more = open_socket(s.gw, NET_UDP);
	e = at("198.51.100.80:9");
	assert_int_equal(net_connect(more, &e, NULL), -EADDRINUSE);
	check_wires(&s);
	net_socket_release(own);
	net_socket_release(a);
	net_socket_release(web);
	net_socket_release(more);
}

static void nothing_is_translated_by_a_host_that_does_not_forward(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_socket(s.a, NET_UDP), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");

	net_knob_set(s.gw, NET_IP_FORWARD, 0, NULL);
	send_text(a, "x", "198.51.100.80:9");
	lab_settle(s.l);
	nothing_came(web);
	assert_int_equal(sessions(&s), 0);
	net_socket_release(a);
	net_socket_release(web);
}

/* RFC 1624: a checksum that was wrong stays wrong, so that damage inside is found outside. */
static void damage_is_not_repaired(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_bound(s.a, NET_UDP, "0.0.0.0:5000"), *web = open_bound(s.web, NET_UDP, "0.0.0.0:9");
	struct net_fault damage = { .action = NET_CORRUPT, .count = 1, .match.what = NET_MATCH_UDP };
	unsigned arrived = 0;
	struct net_wire_config c;
	char in[256];
	static const char text[] = "a text that is long enough for most of the damage to hit it rather than the headers before it";

	net_wire_get(s.in, &c);
	c.fcs = false;
	net_wire_set(s.in, &c, NULL);
	send_text(a, text, "198.51.100.80:9");
	lab_settle(s.l);
	assert_recv(web, text, NULL);
	for (unsigned i = 0; i < 300; i++) {
		net_wire_fault(s.in, &damage, NULL);
		send_text(a, text, "198.51.100.80:9");
		lab_settle(s.l);
		if (net_recv(web, in, sizeof(in), 0, NULL, NULL) < 0)
			continue;
		in[sizeof(text) - 1] = '\0';
		assert_string_equal(in, text); /* the damage was in the Ethernet header */
		arrived++;
	}
	assert_in_range(arrived, 0, 60);
	assert_in_range(counter(s.web, NET_Udp_InCsumErrors), 100, 300);
	lab_check(s.l);
	net_socket_release(a);
	net_socket_release(web);
}

static void message_protocols_pass_too(void **state)
{
	struct site s = build(*state);
	struct net_socket *a = open_socket(s.a, NET_RDT), *web = open_bound(s.web, NET_RDT, "198.51.100.80:7");

	connect_to(a, "198.51.100.80:7");
	send_text(a, "message", NULL);
	lab_settle(s.l);
	assert_recv(web, "message", NULL);
	assert_int_equal(newest(&s).protocol, 253);
	check_wires(&s);
	net_socket_release(a);
	net_socket_release(web);
}

/* --- chaos ------------------------------------------------------------------------------------ */

struct stream { struct net_socket *from, *to; struct rng out, in; uint64_t sent, received; bool ended; };

enum { STREAM_BYTES = 60000 };

static void pump(struct stream *x)
{
	uint8_t data[4096];
	ssize_t n;

	while (x->sent < STREAM_BYTES) {
		struct rng ahead = x->out;
		size_t want = MIN(sizeof(data), STREAM_BYTES - x->sent);

		for (size_t i = 0; i < want; i++)
			data[i] = (uint8_t)rng_next(&ahead);
		n = net_send(x->from, data, want, 0, NULL, NULL);
		if (n == -EAGAIN)
			break;
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			rng_next(&x->out);
		x->sent += (uint64_t)n;
		if (x->sent == STREAM_BYTES)
			net_shutdown(x->from, SHUT_WR, NULL);
	}
	while (x->to && !x->ended && (n = net_recv(x->to, data, sizeof(data), 0, NULL, NULL)) != -EAGAIN) {
		assert_true(n >= 0);
		x->ended = n == 0;
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], (uint8_t)rng_next(&x->in));
		x->received += (uint64_t)n;
	}
}

static void trouble(struct net_wire_config *c)
{
	c->loss = 50000;
	c->corrupt = 20000;
	c->duplicate = 50000;
	c->reorder = 100000;
	c->jitter = NS_PER_MS;
	c->queue = 50;
}

static void transfers_through_bad_wires_arrive_as_sent(void **state)
{
	static const struct { const char *from, *listen, *to; bool mapped; } ways[] = {
		{ "a", "198.51.100.80:80", "198.51.100.80:80", false }, { "b", "198.51.100.81:80", "198.51.100.81:80", false },
		{ "web", "10.0.0.2:80", "198.51.100.1:8080", true }, { "a", "10.0.0.2:81", "198.51.100.1:8081", true },
	};
	struct site s = build(*state);
	struct stream x[G_N_ELEMENTS(ways)] = { 0 };
	struct net_socket *l[G_N_ELEMENTS(ways)];
	struct net_wire_config c;
	bool done = false;

	assert_int_equal(dnat(s.gw, 6, 8080, 8081, "10.0.0.2:80"), 0);
	lab_set(s.in, trouble);
	lab_set(s.out, trouble);
	net_wire_get(s.out, &c);
	c.mtu = 900; /* the path gets narrower behind the translation */
	net_wire_set(s.out, &c, NULL);
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
		struct net_endpoint where = at(ways[i].listen);
		struct net_host *server = where.addr.v4 == 0x0a000002 ? s.b : where.addr.v4 == 0xc6336450 ? s.web : s.other;

		l[i] = open_listener(server, ways[i].listen, 5);
		x[i].from = open_socket(net_host_at(s.l->net, ways[i].from), NET_TCP);
		rng_seed(&x[i].out, i, "stream");
		rng_seed(&x[i].in, i, "stream");
		connect_to(x[i].from, ways[i].to);
	}
	for (unsigned turn = 0; turn < 400000 && !done; turn++) {
		done = true;
		if (!clock_step(&s.l->clock))
			break;
		for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
			if (!x[i].to && net_accept(l[i], &x[i].to, NULL, NULL))
				x[i].to = NULL;
			if (net_connect_result(x[i].from, NULL) != -EINPROGRESS)
				pump(&x[i]);
			done &= x[i].ended;
		}
		if (turn % 1000 == 0)
			lab_check(s.l);
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
		assert_true(x[i].ended);
		assert_int_equal(x[i].received, STREAM_BYTES);
		net_socket_release(x[i].from);
		net_socket_release(x[i].to);
		net_socket_release(l[i]);
	}
	lab_run(s.l, 3 * 7440 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	lab_check(s.l);
}

/* Packets of any kind, from both sides, to any port: no crash, and the books balance. */
static void hostile_packets_leave_the_table_whole(void **state)
{
	struct site s = build(*state);
	static const struct net_mac tap_mac = { { 2, 9, 9, 9, 9, 9 } };
	struct net_tap *tap[2];
	struct net_iface_info info[2];
	struct rng r;

	rng_seed(&r, 7, "hostile");
	net_knob_set(s.gw, NET_NAT_MAX, 200, NULL);
	assert_int_equal(dnat(s.gw, 17, 7000, 7010, "10.0.0.2:6000"), 0);
	assert_int_equal(dnat(s.gw, 6, 7000, 7010, "10.0.0.2:6000"), 0);
	assert_int_equal(net_tap_new(s.in, "tap0", &tap_mac, NULL, NULL, &tap[0], NULL), 0);
	assert_int_equal(net_tap_new(s.out, "tap1", &tap_mac, NULL, NULL, &tap[1], NULL), 0);
	net_iface_get(net_iface_at(s.gw, "eth0"), &info[0]);
	net_iface_get(net_iface_at(s.gw, "eth1"), &info[1]);
	for (unsigned i = 0; i < 20000; i++) {
		static const uint8_t protocols[] = { 1, 1, 6, 6, 17, 253, 47 };
		static const uint32_t addrs[] = { 0x0a000001, 0x0a000002, 0xc6336401, 0xc6336450, 0xc6336451, 0x0a0000fe };
		unsigned side = (unsigned)rng_below(&r, 2), len = 14 + 20 + (unsigned)rng_below(&r, 80);
		uint8_t f[256], *p = f + 14;
		uint32_t sum = 0;

		for (unsigned k = 0; k < sizeof(f); k++)
			f[k] = (uint8_t)rng_next(&r);
		memcpy(f, info[side].mac.byte, 6);
		f[12] = 8, f[13] = 0, p[0] = 0x45, p[2] = 0, p[3] = (uint8_t)(len - 14), p[6] = rng_below(&r, 9) ? 0 : 0x20, p[7] = 0;
		p[8] = 64, p[9] = protocols[rng_below(&r, G_N_ELEMENTS(protocols))];
		for (unsigned k = 0; k < 2; k++) {
			uint32_t a = addrs[rng_below(&r, G_N_ELEMENTS(addrs))];

			p[12 + 4 * k] = (uint8_t)(a >> 24), p[13 + 4 * k] = (uint8_t)(a >> 16);
			p[14 + 4 * k] = (uint8_t)(a >> 8), p[15 + 4 * k] = (uint8_t)a;
		}
		p[20] = 27, p[22] = 27, p[23] = (uint8_t)(88 + rng_below(&r, 20)); /* ports near 7000 */
		if (p[9] == 1)
			p[20] = (uint8_t[]){ 0, 3, 8, 11, 5 }[rng_below(&r, 5)];
		p[10] = p[11] = 0;
		for (unsigned k = 0; k < 20; k += 2)
			sum += (uint32_t)(p[k] << 8 | p[k + 1]);
		sum = (sum & 0xffff) + (sum >> 16);
		sum = ~((sum & 0xffff) + (sum >> 16));
		p[10] = (uint8_t)(sum >> 8), p[11] = (uint8_t)sum;
		net_tap_send(tap[side], f, len, NULL);
		lab_run(s.l, rng_below(&r, 20 * NS_PER_MS));
		if (i % 500 == 0)
			lab_check(s.l);
	}
	assert_in_range(stats(&s).peak, 50, 200);
	lab_run(s.l, 3 * 7440 * NS_PER_S);
	assert_int_equal(sessions(&s), 0);
	net_tap_free(tap[0]);
	net_tap_free(tap[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rfc4787_req1_a_mapping_is_the_same_towards_everybody),
		TEST(rfc4787_req3_no_port_is_shared_and_ranges_are_kept),
		TEST(rfc4787_req5_and_6_a_udp_mapping_lives_five_minutes),
		TEST(rfc4787_req8_filter_by_address),
		TEST(rfc4787_req8_filter_by_nothing),
		TEST(rfc4787_req8_filter_by_port),
		TEST(rfc4787_req9_hosts_inside_meet_by_their_outside_ends),
		TEST(rfc4787_req12_an_icmp_error_ends_no_mapping),
		TEST(rfc4787_req13_and_14_pieces_in_any_order),
		TEST(rfc4787_req10_what_is_said_is_left_alone),
		TEST(rfc4787_req11_conflicts_change_nothing),
		TEST(rfc4787_req13_what_is_too_long_and_whole_is_told),
		TEST(rfc5382_req1_connections_from_inside),
		TEST(rfc5382_req1_and_7_a_mapping_is_the_same_towards_everybody_and_nobody_elses),
		TEST(rfc5382_req3_filter_by_address),
		TEST(rfc5382_req3_filter_by_nothing),
		TEST(rfc5382_req3_filter_by_port),
		TEST(rfc5382_req2_simultaneous_open),
		TEST(rfc5382_req4_an_unsolicited_syn_waits_six_seconds),
		TEST(rfc5382_req5_time_outs_of_connections),
		TEST(rfc5382_req5_a_closed_connection_goes_after_four_minutes),
		TEST(rfc7857_2_2_a_reset_ends_it_unless_it_goes_on),
		TEST(rfc5382_req8_connections_by_hairpin),
		TEST(rfc5382_req9_and_10_icmp_errors_reach_connections_and_end_none),
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
		TEST(what_comes_in_by_a_route_is_left_alone),
		TEST(a_connection_survives_a_forgotten_table),
		TEST(rules_go_with_their_connections),
		TEST(ports_of_the_host_itself_and_of_mappings_stay_apart),
		TEST(nothing_is_translated_by_a_host_that_does_not_forward),
		TEST(damage_is_not_repaired),
		TEST(message_protocols_pass_too),
		TEST(transfers_through_bad_wires_arrive_as_sent),
		TEST(hostile_packets_leave_the_table_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
