/* test_dhcp.c - DHCP clients and servers on a wire (RFC 2131, 5227). */
#include "lab.h"
#include "dhcp/pool.h"
#include "dhcp/wire.h"

#include <errno.h>

struct dhcpd { struct net_dhcp_server *server; struct net_socket *udp; };
struct scene { struct lab *l; struct net_wire *w; struct dhcpd dhcpd[2]; unsigned count; };

static struct dhcpd *serve(struct scene *s, const char *host, const char *address, const char *first, const char *last, uint32_t lease)
{
	struct net_host *h = lab_host(s->l, host, s->w, address);
	struct net_prefix own = prefix(address);
	struct net_dhcp_options o = { .first = addr(first), .last = addr(last), .server = own.addr, .prefix = own.len, .router = own.addr,
				      .dns = { addr("10.0.0.53") }, .dns_count = 1, .domain = "x.edu", .lease = lease };
	struct dhcpd *d = &s->dhcpd[s->count++];

	assert_int_equal(net_dhcp_server_new(h, "eth0", &o, &d->server, NULL), 0);
	d->udp = open_bound(h, NET_UDP, "0.0.0.0:67");
	return d;
}

static void switch_off(struct dhcpd *d)
{
	net_dhcp_server_free(d->server);
	net_socket_release(d->udp);
	*d = (struct dhcpd){ 0 };
}

static void step(struct scene *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->dhcpd[i].server)
			net_dhcp_server_step(s->dhcpd[i].server, s->dhcpd[i].udp);
}

static void settle(struct scene *s)
{
	for (step(s); s->l->clock.busy; step(s))
		clock_step(&s->l->clock);
}

static void pass(struct scene *s, unsigned seconds)
{
	ns_t until = s->l->clock.now + seconds * NS_PER_S, at;

	while (clock_next(&s->l->clock, &at) && at <= until) {
		clock_step(&s->l->clock);
		step(s);
	}
	assert_true(clock_run(&s->l->clock, until, 1000));
}

static struct net_iface *iface_of(struct net_host *h)
{
	return net_iface_at(h, "eth0");
}

/* A host on the wire without an address. */
static struct net_iface *newcomer(struct scene *s, const char *name)
{
	struct net_host *h = lab_host(s->l, name, NULL, NULL);
	struct net_iface *i;

	assert_int_equal(net_iface_new(h, "eth0", &i, NULL), 0);
	assert_int_equal(net_iface_attach(i, s->w, NULL), 0);
	assert_int_equal(net_iface_up(i, true, NULL), 0);
	return i;
}

static void assert_client(struct net_iface *i, const char *wanted)
{
	char text[NET_ADDR_TEXT], got[100];
	struct net_dhcp_lease l;
	struct net_prefix p;

	assert_true(net_dhcp_client(i, &l));
	if (net_iface_address(i, 0, &p) && p.addr.family == NET_IPV4)
		g_snprintf(got, sizeof got, "%s %s/%u", l.state, net_addr_text(&p.addr, text), p.len);
	else
		g_strlcpy(got, l.state, sizeof got);
	assert_string_equal(got, wanted);
}

static void end(struct scene *s)
{
	for (unsigned i = 0; i < s->count; i++)
		if (s->dhcpd[i].server)
			switch_off(&s->dhcpd[i]);
}

static struct scene scene(struct lab *l)
{
	return (struct scene){ .l = l, .w = lab_wire(l, "lan0") };
}

/* RFC 2131 3.1, 4.4.5 */
static void rfc2131_4_4_5_a_lease_is_renewed_rebound_and_over(void **state)
{
	struct scene s = scene(*state);
	struct dhcpd *d = serve(&s, "server", "10.0.0.1/24", "10.0.0.100", "10.0.0.109", 3600);
	struct net_iface *i = newcomer(&s, "c");
	struct net_addr dns[NET_DHCP_DNS], far = addr("192.0.2.1");
	struct net_dhcp_lease l;
	struct net_route r;
	const char *domain;
	struct err e;

	assert_int_equal(net_dhcp_start(i, NULL), 0);
	assert_int_equal(net_dhcp_start(i, NULL), -EALREADY);
	assert_int_equal(net_dhcp_result(i, NULL), -EINPROGRESS);
	settle(&s);
	assert_int_equal(net_dhcp_result(i, NULL), 0);
	assert_client(i, "bound 10.0.0.100/24");
	assert_true(s.l->clock.now > 3 * NS_PER_S && s.l->clock.now < 7 * NS_PER_S); /* three probes */
	assert_int_equal(net_route_to(net_host_at(s.l->net, "c"), &far, &r, &e), 0);
	assert_int_equal(r.via.v4, 0x0a000001);
	assert_int_equal(net_dhcp_dns(i, dns, &domain), 1);
	assert_int_equal(dns[0].v4, 0x0a000035);
	assert_string_equal(domain, "x.edu");

	assert_true(net_dhcp_client(i, &l));             /* T1 = .5, T2 = .875 of the lease */
	assert_int_equal((l.expires - l.t1) / NS_PER_S, 1800);
	assert_int_equal((l.expires - l.t2) / NS_PER_S, 450);
	assert_int_equal(s.l->clock.busy, 0);
	pass(&s, 1800);
	assert_client(i, "bound 10.0.0.100/24");
	assert_true(net_dhcp_client(i, &l));
	assert_true(l.expires > s.l->clock.now + 3500 * NS_PER_S);
	switch_off(d);
	pass(&s, 1810);
	assert_client(i, "renewing 10.0.0.100/24");
	pass(&s, 1350);
	assert_client(i, "rebinding 10.0.0.100/24");
	s.count = 0;
	d = serve(&s, "other", "10.0.0.2/24", "10.0.0.120", "10.0.0.129", 3600); /* one that knows nothing of it is silent */
	pass(&s, 440);
	assert_int_equal(net_dhcp_result(i, NULL), -EINPROGRESS);
	settle(&s);
	assert_client(i, "bound 10.0.0.120/24");
	net_dhcp_stop(i);
	step(&s);
	assert_false(net_dhcp_client(i, &l));
	lab_settle(s.l);
	step(&s);
	assert_false(net_dhcp_server_lease(d->server, 0, &l)); /* RELEASE has come */
	end(&s);
}

/* RFC 2131 4.1: DISCOVER after 4 8 16 32 64 s, each more or less a second; then it is told, and tried later. */
static void rfc2131_4_1_nobody_answers(void **state)
{
	struct scene s = scene(*state);
	struct net_iface *i = newcomer(&s, "c");

	assert_int_equal(net_dhcp_start(i, NULL), 0);
	settle(&s);
	assert_int_equal(net_dhcp_result(i, NULL), -ETIMEDOUT);
	assert_true(s.l->clock.now >= 119 * NS_PER_S && s.l->clock.now <= 129 * NS_PER_S);
	serve(&s, "server", "10.0.0.1/24", "10.0.0.100", "10.0.0.109", 3600);
	pass(&s, 320);
	assert_client(i, "bound 10.0.0.100/24");
	end(&s);
}

/* The first offer is taken; who made the other has his address back. */
static void rfc2131_3_1_two_servers(void **state)
{
	struct scene s = scene(*state);
	struct net_iface *i;
	struct net_dhcp_lease l;

	serve(&s, "one", "10.0.0.1/24", "10.0.0.100", "10.0.0.109", 3600);
	serve(&s, "two", "10.0.0.2/24", "10.0.0.200", "10.0.0.209", 3600);
	i = newcomer(&s, "c");
	net_dhcp_start(i, NULL);
	settle(&s);
	assert_client(i, "bound 10.0.0.100/24");
	assert_true(net_dhcp_server_lease(s.dhcpd[0].server, 0, &l));
	assert_false(net_dhcp_server_lease(s.dhcpd[1].server, 0, &l));
	end(&s);
}

/* RFC 5227 2.1, RFC 2131 3.1.5 */
static void rfc5227_2_1_an_address_in_use_is_declined(void **state)
{
	struct scene s = scene(*state);
	struct net_iface *i;
	struct net_dhcp_lease l;

	serve(&s, "server", "10.0.0.1/24", "10.0.0.100", "10.0.0.101", 3600);
	lab_host(s.l, "squatter", s.w, "10.0.0.100/24");
	i = newcomer(&s, "c");
	net_dhcp_start(i, NULL);
	settle(&s);
	assert_client(i, "bound 10.0.0.101/24");
	assert_true(s.l->clock.now >= 10 * NS_PER_S);    /* not at once again */
	assert_true(net_dhcp_server_lease(s.dhcpd[0].server, 0, &l));
	assert_string_equal(l.state, "declined");
	end(&s);
}

/* RFC 2131 4.4.5: a NAK ends the use of an address. */
static void rfc2131_4_4_5_a_nak_begins_anew(void **state)
{
	struct scene s = scene(*state);
	struct net_iface *i, *other;

	serve(&s, "server", "10.0.0.1/24", "10.0.0.100", "10.0.0.109", 600);
	i = newcomer(&s, "c");
	net_dhcp_start(i, NULL);
	settle(&s);
	switch_off(&s.dhcpd[0]);
	s.count = 0;                                     /* it has lost its memory, and given the address to another */
	serve(&s, "server", "10.0.0.9/24", "10.0.0.100", "10.0.0.109", 600);
	end(&s);
	s.count = 0;
	{
		struct net_dhcp_options o = { .first = addr("10.0.0.100"), .last = addr("10.0.0.109"), .server = addr("10.0.0.1"),
					      .prefix = 24, .lease = 600 };
		struct dhcp_message m = { .type = DHCP_DISCOVER, .chaddr = { 2, 9 } };
		struct net_host *h = net_host_at(s.l->net, "server");
		struct dhcpd *d = &s.dhcpd[s.count++];

		assert_int_equal(net_dhcp_server_new(h, "eth0", &o, &d->server, NULL), 0);
		d->udp = open_bound(h, NET_UDP, "0.0.0.0:67");
		other = newcomer(&s, "o");
		dhcp_send(other, (const uint8_t[6]){ 255, 255, 255, 255, 255, 255 }, 0, 0xffffffff, 68, 67, &m);
		lab_settle(s.l);
		step(&s);
		m.type = DHCP_REQUEST;
		m.server = 0x0a000001;
		m.requested = 0x0a000064;
		dhcp_send(other, (const uint8_t[6]){ 255, 255, 255, 255, 255, 255 }, 0, 0xffffffff, 68, 67, &m);
		lab_settle(s.l);
		step(&s);
	}
	assert_client(i, "bound 10.0.0.100/24");
	pass(&s, 320);
	settle(&s);
	assert_client(i, "bound 10.0.0.101/24");
	end(&s);
}

/* Offers for others, of other numbers, of addresses that no host can have. */
static void rfc2131_4_4_1_what_is_not_for_the_client_is_ignored(void **state)
{
	struct scene s = scene(*state);
	struct net_host *evil = lab_host(s.l, "evil", s.w, "10.0.0.66/24");
	struct net_iface *i = newcomer(&s, "c"), *e = iface_of(evil);
	struct net_iface_info info;
	struct dhcp_message m = { .reply = true, .type = DHCP_OFFER, .yiaddr = 0x0a000065, .server = 0x0a000042, .has_lease = true, .lease = 60 };
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	struct dhcp_message seen;
	struct net_socket *udp = open_bound(evil, NET_UDP, "0.0.0.0:67");
	uint8_t bytes[600];
	ssize_t n;

	net_dhcp_start(i, NULL);
	lab_run(s.l, NS_PER_MS);
	n = net_recv(udp, bytes, sizeof bytes, 0, NULL, NULL);
	assert_int_equal(dhcp_parse(bytes, (size_t)n, &seen, NULL), 0);
	assert_int_equal(seen.type, DHCP_DISCOVER);
	net_iface_get(i, &info);
	m.xid = seen.xid + 1;
	memcpy(m.chaddr, info.mac.byte, 6);
	dhcp_send(e, all, 0x0a000042, 0xffffffff, 67, 68, &m);
	m.xid = seen.xid;
	m.chaddr[5] ^= 1;
	dhcp_send(e, all, 0x0a000042, 0xffffffff, 67, 68, &m);
	m.chaddr[5] ^= 1;
	m.yiaddr = 0xe0000001;
	dhcp_send(e, all, 0x0a000042, 0xffffffff, 67, 68, &m);
	m.type = DHCP_ACK;                               /* nothing was asked for */
	m.yiaddr = 0x0a000065;
	dhcp_send(e, all, 0x0a000042, 0xffffffff, 67, 68, &m);
	lab_run(s.l, NS_PER_S);
	assert_client(i, "selecting");
	m.type = DHCP_OFFER;
	dhcp_send(e, all, 0x0a000042, 0xffffffff, 67, 68, &m);
	lab_run(s.l, NS_PER_MS);
	assert_client(i, "requesting");
	net_socket_release(udp);
	end(&s);
}

/* The wire goes, the interface goes down and up, the host goes: at any time. */
static void interfaces_come_and_go(void **state)
{
	for (unsigned steps = 0; steps < 40; steps++) {
		struct lab l;
		struct scene s;
		struct net_iface *i;

		lab_open(&l, 1);
		s = scene(&l);
		serve(&s, "server", "10.0.0.1/24", "10.0.0.100", "10.0.0.101", 60);
		i = newcomer(&s, "c");
		net_dhcp_start(i, NULL);
		for (unsigned k = 0; k < steps; k++, step(&s))
			clock_step(&l.clock);
		switch (steps % 4) {
		case 0:
			assert_int_equal(net_iface_up(i, false, NULL), 0);
			assert_client(i, "init");
			assert_int_equal(net_dhcp_result(i, NULL), -ENETDOWN);
			assert_int_equal(net_iface_up(i, true, NULL), 0);
			settle(&s);
			assert_true(net_dhcp_result(i, NULL) == 0);
			break;
		case 1:
			net_host_free(net_host_at(l.net, "c"));
			break;
		case 2:
			net_wire_free(s.w);
			assert_client(i, "init");
			break;
		default:
			net_dhcp_stop(i);
		}
		lab_run(&l, NS_PER_S);
		end(&s);
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, lab_setup, lab_teardown)
		T(rfc2131_4_4_5_a_lease_is_renewed_rebound_and_over), T(rfc2131_4_1_nobody_answers), T(rfc2131_3_1_two_servers),
		T(rfc5227_2_1_an_address_in_use_is_declined), T(rfc2131_4_4_5_a_nak_begins_anew), T(rfc2131_4_4_1_what_is_not_for_the_client_is_ignored),
		cmocka_unit_test(interfaces_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
