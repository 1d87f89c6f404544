/* test_dhcp.c - DHCP: messages against recorded ones, the pool of a server, clients and servers on a wire (RFC 2131, 2132, 5227). */
#include "json.h"
#include "lab.h"
#include "dhcp/pool.h"
#include "dhcp/wire.h"

#include <errno.h>

/* --- messages --------------------------------------------------------------------------------- */

static size_t payload(const struct json *j, uint8_t *out, size_t room)
{
	const char *hex = json_get(j, "payload_hex") ? json_text(j, "payload_hex") : json_text(j, "frame_hex") + 2 * 42;

	return unhex(hex, out, room);
}

static uint32_t address(const struct json *decode, const char *key)
{
	return addr(json_text(decode, key)).v4;
}

static void assert_decoded(const struct json *c, const struct dhcp_message *m)
{
	const struct json *d = json_need(c, "decode"), *options = json_need(d, "options");
	struct net_mac mac;
	char text[NET_MAC_TEXT];

	assert_int_equal(m->xid, (uint32_t)json_number(d, "xid"));
	assert_int_equal(m->reply, json_number(d, "op") == 2);
	assert_int_equal(m->broadcast, (unsigned)json_number(d, "flags") >> 15);
	assert_int_equal(m->ciaddr, address(d, "ciaddr"));
	assert_int_equal(m->yiaddr, address(d, "yiaddr"));
	assert_int_equal(m->siaddr, address(d, "siaddr"));
	memcpy(mac.byte, m->chaddr, 6);
	assert_string_equal(net_mac_text(&mac, text), json_text(d, "chaddr"));
	for (unsigned i = 0; i < json_count(options); i++) {
		const struct json *o = json_at(options, i);
		uint8_t data[255];
		size_t len = unhex(json_text(o, "hex"), data, sizeof data);
		uint32_t v = len == 4 ? get32(data) : 0;

		switch ((unsigned)json_number(o, "code")) {
		case 1: assert_int_equal(m->mask, v); break;
		case 3: assert_int_equal(m->router, v); break;
		case 6: assert_int_equal(m->dns[0], v); break;
		case 12: assert_memory_equal(m->host, data, len); break;
		case 15: assert_memory_equal(m->domain, data, len); break;
		case 50: assert_int_equal(m->requested, v); break;
		case 51: assert_int_equal(m->lease, v); break;
		case 53: assert_int_equal(m->type, data[0]); break;
		case 54: assert_int_equal(m->server, v); break;
		case 58: assert_int_equal(m->t1, v); break;
		case 59: assert_int_equal(m->t2, v); break;
		case 61:
			assert_int_equal(m->id_len, len);
			assert_memory_equal(m->id, data, len);
			break;
		default: break;
		}
	}
}

/* RFC 2131 2, RFC 2132: recorded and built messages, right and wrong ones. */
static void rfc2131_2_messages_of_others_are_read(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames"), *built = json_need(all, "built");
	uint8_t bytes[1500];
	struct dhcp_message m, again;

	for (unsigned i = 0; i < json_count(frames) + json_count(built); i++) {
		const struct json *c = i < json_count(frames) ? json_at(frames, i) : json_at(built, i - json_count(frames));
		const struct json *valid = json_get(c, "valid");
		size_t len = payload(c, bytes, sizeof bytes);
		g_autoptr(GByteArray) out = g_byte_array_new();
		struct err e = { 0 };

		if (valid && !valid->number) {
			assert_int_equal(dhcp_parse(bytes, len, &m, &e), -EINVAL);
			assert_string_equal(e.why, json_text(c, "reject_reason"));
			continue;
		}
		if (dhcp_parse(bytes, len, &m, &e))
			fail_msg("%s", e.why);
		assert_decoded(c, &m);
		dhcp_write(&m, out);                     /* and as we write it, it says the same */
		assert_true(out->len >= 300);
		assert_int_equal(dhcp_parse(out->data, out->len, &again, NULL), 0);
		assert_memory_equal(&again, &m, sizeof m);
	}
	json_free(all);
}

static struct net_dhcp_options options(const char *first, const char *last)
{
	struct net_dhcp_options o = { .first = addr(first), .last = addr(last), .server = addr("10.66.0.1"), .prefix = 24,
				      .router = addr("10.66.0.1"), .dns = { addr("10.66.0.1") }, .dns_count = 1, .domain = "sim.test",
				      .lease = 3600 };

	return o;
}

/* What a real client accepted, byte for byte; ours also repeats the client's identifier (RFC 6842). */
static void rfc2131_4_3_1_the_offer_is_as_recorded(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames");
	struct net_dhcp_options o = options("10.66.0.100", "10.66.0.110");
	struct dhcp_pool *p = dhcp_pool_new(&o);
	g_autoptr(GByteArray) out = g_byte_array_new();

	for (unsigned i = 0; i < 4; i += 2) {            /* DISCOVER, OFFER, REQUEST, ACK */
		uint8_t question[1500], answer[1500];
		size_t len = payload(json_at(frames, i), question, sizeof question);
		size_t wanted = payload(json_at(frames, i + 1), answer, sizeof answer);
		struct dhcp_message in, reply;

		assert_int_equal(dhcp_parse(question, len, &in, NULL), 0);
		assert_true(dhcp_pool_input(p, &in, NS_PER_S, &reply));
		dhcp_write(&reply, out);
		while (answer[wanted - 1] != 0xff)
			wanted--;
		assert_memory_equal(out->data, answer, wanted - 1);
	}
	dhcp_pool_free(p);
	json_free(all);
}

static void damaged_messages_are_read_or_refused(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames");
	uint8_t bytes[1500], damaged[1500];
	struct dhcp_message m;
	struct rng r;

	rng_seed(&r, 1, "dhcp");
	for (unsigned i = 0; i < json_count(frames); i++) {
		size_t len = payload(json_at(frames, i), bytes, sizeof bytes);

		for (size_t cut = 0; cut <= len; cut++) {
			g_autofree uint8_t *exact = g_memdup2(bytes, cut);

			dhcp_parse(exact, cut, &m, NULL);
		}
		for (unsigned k = 0; k < 20000; k++) {
			memcpy(damaged, bytes, len);
			for (unsigned n = 0; n <= rng_below(&r, 4); n++)
				damaged[rng_below(&r, len)] = (uint8_t)rng_next(&r);
			dhcp_parse(damaged, len, &m, NULL);
		}
	}
	json_free(all);
}

/* --- the pool --------------------------------------------------------------------------------- */

static struct dhcp_message from_client(unsigned client, enum dhcp_type type)
{
	struct dhcp_message m = { .type = type, .xid = client, .chaddr = { 2, 0, 0, 0, (uint8_t)(client >> 8), (uint8_t)client } };

	return m;
}

/* The address that a client is offered; 0: none. */
static uint32_t offered(struct dhcp_pool *p, unsigned client, ns_t now)
{
	struct dhcp_message in = from_client(client, DHCP_DISCOVER), out;

	return dhcp_pool_input(p, &in, now, &out) ? out.yiaddr : 0;
}

static enum dhcp_type request(struct dhcp_pool *p, unsigned client, uint32_t server, uint32_t wanted, uint32_t ciaddr, ns_t now)
{
	struct dhcp_message in = from_client(client, DHCP_REQUEST), out = { 0 };

	in.server = server;
	in.requested = wanted;
	in.ciaddr = ciaddr;
	return dhcp_pool_input(p, &in, now, &out) ? out.type : 0;
}

enum { SERVER = 0x0a420001, FIRST = 0x0a420064 };

static struct dhcp_pool *small_pool(void)
{
	struct net_dhcp_options o = options("10.66.0.100", "10.66.0.102");

	return dhcp_pool_new(&o);
}

static unsigned leases(const struct dhcp_pool *p, ns_t now)
{
	struct net_dhcp_lease l;
	unsigned n = 0;

	while (dhcp_pool_lease(p, n, now, &l))
		n++;
	return n;
}

static void rfc2131_4_3_1_which_address(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message in = from_client(3, DHCP_DISCOVER), out;
	ns_t now = NS_PER_S;

	assert_int_equal(offered(p, 1, now), FIRST);
	assert_int_equal(offered(p, 1, now), FIRST);             /* the same again */
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	assert_int_equal(offered(p, 2, now), FIRST + 1);
	in.requested = FIRST;                                    /* another's: not given */
	assert_true(dhcp_pool_input(p, &in, now, &out));
	assert_int_equal(out.yiaddr, FIRST + 2);
	assert_int_equal(offered(p, 4, now), 0);                 /* no more */
	now += 61 * NS_PER_S;                                    /* two have not taken their offers */
	in = from_client(4, DHCP_DISCOVER);
	in.requested = FIRST + 2;
	assert_true(dhcp_pool_input(p, &in, now, &out));
	assert_int_equal(out.yiaddr, FIRST + 2);
	assert_int_equal(request(p, 4, SERVER, FIRST + 2, 0, now), DHCP_ACK);
	now += 3601 * NS_PER_S;                                  /* all leases are over; each is remembered */
	assert_int_equal(leases(p, now), 0);
	assert_int_equal(offered(p, 4, now), FIRST + 2);
	assert_int_equal(offered(p, 1, now), FIRST);
	dhcp_pool_free(p);
}

static void rfc2131_4_3_2_requests(void **state)
{
	struct dhcp_pool *p = small_pool();
	ns_t now = NS_PER_S;

	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_NAK);        /* never offered */
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST + 1, 0, now), DHCP_NAK);    /* not that one */
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now + 61 * NS_PER_S), DHCP_NAK); /* too late */
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER + 1, FIRST, 0, now), 0);           /* another server's: ours is free again */
	assert_int_equal(leases(p, now), 0);
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	assert_int_equal(request(p, 1, 0, FIRST, 0, now), DHCP_ACK);             /* INIT-REBOOT */
	assert_int_equal(request(p, 1, 0, FIRST + 1, 0, now), DHCP_NAK);
	assert_int_equal(request(p, 1, 0, 0x0a430064, 0, now), DHCP_NAK);        /* on the wrong network */
	assert_int_equal(request(p, 2, 0, FIRST + 2, 0, now), 0);                /* nothing is known of that client */
	assert_int_equal(request(p, 2, 0, FIRST, 0, now), DHCP_NAK);
	assert_int_equal(request(p, 1, 0, 0, FIRST, now + 1800 * NS_PER_S), DHCP_ACK); /* RENEWING: a new hour */
	assert_int_equal(leases(p, now + 5399 * NS_PER_S), 1);
	assert_int_equal(leases(p, now + 5400 * NS_PER_S), 0);
	assert_int_equal(request(p, 2, 0, 0, FIRST, now + 1800 * NS_PER_S), DHCP_NAK); /* of another's lease */
	dhcp_pool_free(p);
}

static void rfc2131_4_3_3_and_4_declined_and_released(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message m, out;
	ns_t now = NS_PER_S;

	offered(p, 1, now);
	request(p, 1, SERVER, FIRST, 0, now);
	m = from_client(2, DHCP_DECLINE);                        /* not his */
	m.server = SERVER;
	m.requested = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	m = from_client(2, DHCP_RELEASE);
	m.server = SERVER;
	m.ciaddr = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(request(p, 1, 0, 0, FIRST, now), DHCP_ACK);
	m = from_client(1, DHCP_DECLINE);
	m.server = SERVER;
	m.requested = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(offered(p, 1, now), FIRST + 1);
	assert_int_equal(request(p, 1, SERVER, FIRST + 1, 0, now), DHCP_ACK);
	m = from_client(1, DHCP_RELEASE);
	m.server = SERVER;
	m.ciaddr = FIRST + 1;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(offered(p, 2, now), FIRST + 2);         /* one that nobody had before one that was given back */
	assert_int_equal(offered(p, 3, now), FIRST + 1);
	assert_int_equal(offered(p, 4, now), 0);
	now += 3601 * NS_PER_S;                                  /* declined for an hour */
	for (unsigned i = 10; i < 13; i++)
		assert_true(offered(p, i, now));
	dhcp_pool_free(p);
}

/* Who has his address already asks for the rest: no address, no lease, and none is taken for it. */
static void rfc2131_4_3_5_inform(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message in = from_client(1, DHCP_INFORM), out;

	in.ciaddr = 0x0a420032;
	assert_true(dhcp_pool_input(p, &in, NS_PER_S, &out));
	assert_int_equal(out.type, DHCP_ACK);
	assert_int_equal(out.yiaddr, 0);
	assert_false(out.has_lease);
	assert_int_equal(out.mask, 0xffffff00);
	assert_int_equal(out.router, SERVER);
	assert_int_equal(out.dns[0], SERVER);
	assert_string_equal(out.domain, "sim.test");
	assert_int_equal(leases(p, NS_PER_S), 0);
	in.ciaddr = 0;                                           /* nowhere to send an answer to */
	assert_false(dhcp_pool_input(p, &in, NS_PER_S, &out));
	dhcp_pool_free(p);
}

/* Options may go on in the fields for a file's and a server's name, where option 52 says so; each place has its own end. */
static void rfc2132_9_3_options_overflow_into_other_fields(void **state)
{
	static const uint8_t head[] = { 1, 1, 6, 0, 1, 2, 3, 4 }, cookie[] = { 99, 130, 83, 99 }, type[] = { 53, 1, 3 };
	static const uint8_t file[] = { 50, 4, 10, 66, 0, 100, 0, 255, 54, 4, 9, 9, 9, 9 }, sname[] = { 12, 3, 'a', ' ', 'b', 255 };

	for (uint8_t overload = 0; overload <= 4; overload++) {
		uint8_t bytes[300] = { 0 }, *at = bytes + 240;
		struct dhcp_message m;

		memcpy(bytes, head, sizeof head);
		memcpy(bytes + 44, sname, sizeof sname);
		memcpy(bytes + 108, file, sizeof file);
		memcpy(bytes + 236, cookie, sizeof cookie);
		memcpy(at, type, sizeof type);
		at[3] = 52, at[4] = 1, at[5] = overload, at[6] = 255;
		assert_int_equal(dhcp_parse(bytes, sizeof bytes, &m, NULL), 0);
		assert_int_equal(m.type, DHCP_REQUEST);
		assert_int_equal(m.requested, overload & 1 ? 0x0a420064 : 0);
		assert_string_equal(m.host, overload & 2 ? "a_b" : "");
		assert_int_equal(m.server, 0);
		bytes[109] = 200;                                /* beyond the field's end */
		assert_int_equal(dhcp_parse(bytes, sizeof bytes, &m, NULL), overload & 1 ? -EINVAL : 0);
	}
}

/* A flood of clients takes what is free for a minute, and nothing of who has his address. */
static void a_flood_takes_no_lease_away(void **state)
{
	struct dhcp_pool *p = small_pool();
	ns_t now = NS_PER_S;
	unsigned got = 0;

	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	for (unsigned i = 2; i < 2000; i++)
		got += offered(p, i, now) != 0;
	assert_int_equal(got, 2);
	assert_int_equal(request(p, 1, 0, 0, FIRST, now), DHCP_ACK);
	now += 61 * NS_PER_S;
	assert_int_equal(offered(p, 5000, now) != 0, 1);
	assert_int_equal(leases(p, now), 2);
	dhcp_pool_free(p);
}

/* --- on a wire -------------------------------------------------------------------------------- */

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
		cmocka_unit_test(rfc2131_2_messages_of_others_are_read), cmocka_unit_test(rfc2131_4_3_1_the_offer_is_as_recorded),
		cmocka_unit_test(damaged_messages_are_read_or_refused), cmocka_unit_test(rfc2131_4_3_1_which_address),
		cmocka_unit_test(rfc2131_4_3_2_requests), cmocka_unit_test(rfc2131_4_3_3_and_4_declined_and_released),
		cmocka_unit_test(rfc2131_4_3_5_inform), cmocka_unit_test(rfc2132_9_3_options_overflow_into_other_fields),
		cmocka_unit_test(a_flood_takes_no_lease_away),
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, lab_setup, lab_teardown)
		T(rfc2131_4_4_5_a_lease_is_renewed_rebound_and_over), T(rfc2131_4_1_nobody_answers), T(rfc2131_3_1_two_servers),
		T(rfc5227_2_1_an_address_in_use_is_declined), T(rfc2131_4_4_5_a_nak_begins_anew), T(rfc2131_4_4_1_what_is_not_for_the_client_is_ignored),
		cmocka_unit_test(interfaces_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
