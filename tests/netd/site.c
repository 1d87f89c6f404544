/* site.c - a network behind a router that translates; see site.h */
#include "site.h"

void site_masquerade(struct net_host *h, enum net_nat_filter filter)
{
	struct net_nat_rule r = { .kind = NET_NAT_MASQUERADE, .iface = "eth1", .filter = filter };

	assert_int_equal(net_nat_add(h, &r, NULL), 0);
}

int site_dnat(struct net_host *h, uint8_t protocol, uint16_t low, uint16_t high, const char *to)
{
	struct net_nat_rule r = { .kind = NET_NAT_DNAT, .iface = "eth1", .protocol = protocol, .low = low, .high = high, .to = at(to) };

	return net_nat_add(h, &r, NULL);
}

struct site site_begin(struct lab *l)
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
	site_masquerade(s.gw, NET_NAT_FILTER_ADDRESS);
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

void site_check(struct site *s)
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

unsigned site_sessions(const struct site *s)
{
	struct net_nat_stats n;

	net_nat_stats(s->gw, &n);
	return (unsigned)n.sessions;
}

struct net_nat_stats site_stats(const struct site *s)
{
	struct net_nat_stats n;

	net_nat_stats(s->gw, &n);
	return n;
}

struct net_nat_session site_newest(const struct site *s)
{
	struct net_nat_session row = { 0 };
	const void *cursor = NULL;

	while (net_nat_session(s->gw, &cursor, &row))
		;
	return row;
}

struct net_endpoint from_whom(struct net_socket *s)
{
	struct net_endpoint e;
	char data[64];

	assert_true(net_recv(s, data, sizeof(data), 0, &e, NULL) >= 0);
	return e;
}

void nothing_came(struct net_socket *s)
{
	assert_int_equal(net_recv(s, NULL, 0, 0, NULL, NULL), -EAGAIN);
}

int pending_error(struct net_socket *s)
{
	int v = 0;

	assert_int_equal(net_getsockopt(s, NET_SO_ERROR, &v, NULL), 0);
	return v;
}

void connect_to(struct net_socket *s, const char *to)
{
	struct net_endpoint e = at(to);
	int code = net_connect(s, &e, NULL);

	assert_true(code == 0 || code == -EINPROGRESS);
}

struct net_decoded last_error(struct net_wire *w, struct net_decoded *quote)
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

struct talk talk_begin(struct site *s)
{
	struct talk t = { .l = open_listener(s->web, "0.0.0.0:80", 5), .c = open_socket(s->a, NET_TCP) };

	connect_to(t.c, "198.51.100.80:80");
	lab_settle(s->l);
	assert_int_equal(net_accept(t.l, &t.server, &t.peer, NULL), 0);
	return t;
}

void talk_end(struct talk *t)
{
	net_socket_release(t->l);
	if (t->c)
		net_socket_release(t->c);
	if (t->server)
		net_socket_release(t->server);
}
