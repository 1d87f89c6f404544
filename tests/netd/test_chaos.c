/* test_chaos.c - everything at once, at random: whatever happens, the books balance and nothing leaks. */
#include "lab.h"

#include "rng.h"

enum { HOSTS = 6, SOCKETS = 40, STEPS = 4000 };

struct chaos {
	struct lab l;
	struct rng rng;
	struct net_host   *host[HOSTS];
	struct net_socket *socket[SOCKETS], *listener[HOSTS];
	unsigned           next_name;
};

static uint64_t roll(struct chaos *c, uint64_t below) { return rng_below(&c->rng, below); }

static struct net_wire *some_wire(struct chaos *c)
{
	struct net_wire *w = net_wire_above(c->l.net, 0), *pick = w;

	for (unsigned n = 1; w; w = net_wire_above(c->l.net, net_wire_serial(w)), n++)
		if (roll(c, n) == 0)
			pick = w;
	return pick;
}

static struct net_wire *new_wire(struct chaos *c)
{
	char name[16];

	snprintf(name, sizeof(name), "w%u", c->next_name++);
	return lab_wire(&c->l, name);
}

static void change_wire(struct chaos *c)
{
	struct net_wire *w = some_wire(c);
	struct net_wire_config config;
	struct net_fault f = { .action = (enum net_fault_action)roll(c, NET_FAULT_ACTIONS), .count = (unsigned)roll(c, 4),
			       .delay = roll(c, NS_PER_S), .match = { .what = 1u << roll(c, 8), .nth = (unsigned)roll(c, 3) } };

	switch (roll(c, 8)) {
	case 0:
		net_wire_free(w);
		new_wire(c);
		return;
	case 1:
	case 2:
		net_wire_fault(w, &f, NULL);
		return;
	case 3:
		net_wire_release(w);
		return;
	default:
		net_wire_get(w, &config);
		config.kind = (enum net_wire_kind)roll(c, NET_WIRE_KINDS);
		config.rate = roll(c, 3) ? 1000000 * (1 + roll(c, 1000)) : 0;
		config.delay = roll(c, 2 * NS_PER_MS);
		config.jitter = roll(c, 2) * roll(c, NS_PER_MS);
		config.loss = (uint32_t)roll(c, 200000);
		config.corrupt = (uint32_t)roll(c, 100000);
		config.duplicate = (uint32_t)roll(c, 100000);
		config.reorder = (uint32_t)roll(c, 200000);
		config.mtu = (uint32_t)(68 + roll(c, 3000));
		config.queue = (uint32_t)(1 + roll(c, 100));
		config.fcs = roll(c, 2);
		net_wire_set(w, &config, NULL);
	}
}

static struct net_addr some_addr6(struct chaos *c)
{
	uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(1 + roll(c, HOSTS)) };

	return net_v6(bytes);
}

static struct net_prefix some_prefix6(struct chaos *c)
{
	return (struct net_prefix){ some_addr6(c), 64 };
}

static void advertise(struct chaos *c, struct net_host *h)
{
	struct net_ra ra = net_ra_initial;

	ra.on = roll(c, 2);
	ra.interval = 4 + (unsigned)roll(c, 20);
	ra.valid = (unsigned)roll(c, 100);
	ra.preferred = (unsigned)roll(c, ra.valid + 1);
	net_iface_set_ra(net_iface_at(h, "eth0"), &ra, NULL);
	net_iface_set_auto(net_iface_at(h, "eth0"), roll(c, 2), NULL);
	net_knob_set(h, NET_IP_FORWARD, (int64_t)roll(c, 2), NULL);
}

static void change_host(struct chaos *c)
{
	struct net_host *h = c->host[roll(c, HOSTS)];
	struct net_iface *i = net_iface_at(h, "eth0");
	struct net_prefix p = roll(c, 2) ? some_prefix6(c) : (struct net_prefix){ net_v4(0x0a000001 + (uint32_t)roll(c, HOSTS)), 24 };

	switch (roll(c, 7)) {
	case 0:
		net_iface_attach(i, roll(c, 4) ? net_wire_above(c->l.net, 0) : NULL, NULL);
		break;
	case 1:
		net_iface_up(i, false, NULL);
		net_iface_up(i, true, NULL);
		break;
	case 2:
		net_iface_set_mtu(i, (uint32_t)(roll(c, 2) * (68 + roll(c, 2000))), NULL);
		break;
	case 3:
		if (roll(c, 2))
			net_iface_add(i, &p, NULL);
		else
			net_iface_del(i, &p, NULL);
		break;
	case 4:
		net_neigh_flush(h);
		break;
	case 5:
		advertise(c, h);
		break;
	default:
		if (roll(c, 8) == 0)
			net_knob_set(h, (enum net_knob)(NET_SOMAXCONN + roll(c, NET_KNOBS - NET_SOMAXCONN)), (int64_t)roll(c, 20), NULL);
	}
}

static void use_socket(struct chaos *c)
{
	struct net_socket **s = &c->socket[roll(c, SOCKETS)], **other = &c->socket[roll(c, SOCKETS)];
	struct net_endpoint e = { net_v4(0x0a000001 + (uint32_t)roll(c, HOSTS)), 80 };
	bool v6 = roll(c, 2);
	uint8_t data[5000] = { 0 };

	if (v6)
		e.addr = some_addr6(c);
	if (!*s) {
		if (roll(c, 2)) {
			net_accept(c->listener[roll(c, HOSTS)], s, NULL, NULL);
		} else {
			struct net_host *h = c->host[roll(c, HOSTS)];
			enum net_kind kind = roll(c, 5) ? NET_TCP : NET_UDP;

			*s = v6 ? open_socket6(h, kind) : open_socket(h, kind);
			net_connect(*s, &e, NULL);
		}
		return;
	}
	switch (roll(c, 24)) {
	case 0:
		net_socket_release(*s);
		*s = NULL;
		break;
	case 1:
		if (roll(c, 2))
			memset(&e.addr.v6, 0, sizeof(e.addr.v6));
		net_setsockopt(*s, NET_SO_REUSEADDR, (int)roll(c, 2), NULL);
		net_bind(*s, &root, &e, NULL);
		break;
	case 2:
		net_listen(*s, (int)roll(c, 5), NULL);
		break;
	case 3:
		if (!*other)
			net_accept(*s, other, NULL, NULL);
		break;
	case 4:
		net_connect(*s, &e, NULL);
		break;
	case 5:
	case 6:
	case 7:
	case 12:
	case 13:
	case 14:
	case 15:
	case 16:
		net_send(*s, data, roll(c, sizeof(data)), (unsigned)roll(c, 3), roll(c, 8) ? NULL : &e, NULL);
		break;
	case 8:
	case 9:
		net_recv(*s, data, roll(c, sizeof(data)), (unsigned)roll(c, 2), NULL, NULL);
		break;
	case 10:
		if (roll(c, 4))
			break;
		net_shutdown(*s, (int)roll(c, 3), NULL);
		break;
	case 11:
		net_setsockopt(*s, (enum net_option)roll(c, NET_OPTIONS), (int)roll(c, 10), NULL);
		break;
	default:
		net_recv(*s, data, sizeof(data), 0, NULL, NULL);
	}
}

/* So that it is chaos and not silence. */
static void count(struct chaos *c, int64_t *opened, int64_t *segments)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		*opened += counter(c->host[i], NET_Tcp_PassiveOpens);
		*segments += counter(c->host[i], NET_Tcp_InSegs);
	}
}

static void chaos(uint64_t seed, int64_t *opened, int64_t *segments)
{
	struct chaos *c = calloc(1, sizeof(*c));

	lab_open(&c->l, seed);
	rng_seed(&c->rng, seed, "chaos");
	new_wire(c);
	new_wire(c);
	for (unsigned i = 0; i < HOSTS; i++) {
		char name[8], address[20];
		struct net_prefix p;

		snprintf(name, sizeof(name), "h%u", i);
		snprintf(address, sizeof(address), "10.0.0.%u/24", i + 1);
		c->host[i] = lab_host(&c->l, name, net_wire_above(c->l.net, 0), address);
		p = (struct net_prefix){ net_v6((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)(i + 1) }), 64 };
		assert_int_equal(net_iface_add(net_iface_at(c->host[i], "eth0"), &p, NULL), 0);
		c->listener[i] = open_listener(c->host[i], "[::]:80", 3);
	}
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned what = (unsigned)roll(c, 100);

		if (what == 0)
			change_wire(c);
		else if (what == 1)
			change_host(c);
		else
			use_socket(c);
		if (roll(c, 4) == 0)
			clock_run(&c->l.clock, c->l.clock.now + roll(c, roll(c, 100) ? 20 * NS_PER_MS : 20 * NS_PER_S), 20000);
		lab_check(&c->l);
	}
	count(c, opened, segments);
	for (unsigned i = 0; i < HOSTS; i++)
		net_socket_release(c->listener[i]);
	for (unsigned i = 0; i < SOCKETS; i++)
		if (c->socket[i] && roll(c, 2)) {
			net_socket_release(c->socket[i]);
			c->socket[i] = NULL;
		}
	lab_close(&c->l); /* with frames under way and sockets still held */
	for (unsigned i = 0; i < SOCKETS; i++)
		if (c->socket[i])
			net_socket_release(c->socket[i]);
	free(c);
}

static void nothing_breaks_it(void **state)
{
	int64_t opened = 0, segments = 0;

	for (uint64_t seed = 1; seed <= 12; seed++)
		chaos(seed, &opened, &segments);
	print_message("%lld connections, %lld segments\n", (long long)opened, (long long)segments);
	assert_true(opened > 100 && segments > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_breaks_it) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
