/* lab.c - a small network for tests. */
#include "lab.h"

#ifndef CASES
#error "CASES is the directory of the data"
#endif

const struct net_caller root = { .uid = 0, .pid = 1 }, user = { .uid = 1000, .pid = 2 };

static void count_wake(void *data, struct net_socket *s)
{
	((struct lab *)data)->wakes++;
}

void lab_open(struct lab *l, uint64_t seed)
{
	struct net_config config = { .clock = &l->clock, .journal = &l->journal, .seed = seed, .wake = count_wake,
				     .user = l };

	memset(l, 0, sizeof(*l));
	clock_init(&l->clock);
	journal_init(&l->journal, 4096, &l->clock.now);
	l->net = net_new(&config);
}

void lab_check(struct lab *l)
{
	struct err e = { 0 };

	if (!net_check(l->net, &e))
		fail_msg("net_check: %s", e.why);
}

void lab_close(struct lab *l)
{
	lab_check(l);
	net_free(l->net);
	journal_clear(&l->journal);
	clock_clear(&l->clock);
}

int lab_setup(void **state)
{
	struct lab *l = malloc(sizeof(*l));

	lab_open(l, 1);
	*state = l;
	return 0;
}

int lab_teardown(void **state)
{
	lab_close(*state);
	free(*state);
	return 0;
}

int lab_setup_pair(void **state)
{
	struct net_wire *w;

	lab_setup(state);
	w = lab_wire(*state, "lan0");
	lab_host(*state, "a", w, "10.0.0.1/24");
	lab_host(*state, "b", w, "10.0.0.2/24");
	return 0;
}

void lab_run(struct lab *l, ns_t time)
{
	assert_true(clock_run(&l->clock, l->clock.now + time, 20000000));
}

void lab_settle(struct lab *l)
{
	for (unsigned steps = 0; l->clock.busy > 0; steps++) {
		assert_true(steps < 20000000);
		clock_step(&l->clock);
	}
}

struct net_wire *lab_wire(struct lab *l, const char *name)
{
	struct net_wire *w;

	assert_int_equal(net_wire_new(l->net, name, &w, NULL), 0);
	return w;
}

struct net_host *lab_host(struct lab *l, const char *name, struct net_wire *w, const char *address)
{
	struct net_host *h = net_host_at(l->net, name);
	struct net_iface *i;
	struct net_prefix p;
	char eth[16];

	if (!h) {
		uint32_t serial = 1;

		while (net_host_above(l->net, serial - 1) && net_host_serial(net_host_above(l->net, serial - 1)) == serial)
			serial++;
		assert_int_equal(net_host_new(l->net, name, serial, serial, &h, NULL), 0);
	}
	if (!w)
		return h;
	for (int n = 0;; n++) {
		snprintf(eth, sizeof(eth), "eth%d", n);
		if (!net_iface_at(h, eth))
			break;
	}
	assert_int_equal(net_iface_new(h, eth, &i, NULL), 0);
	assert_int_equal(net_iface_attach(i, w, NULL), 0);
	p = prefix(address);
	assert_int_equal(net_iface_add(i, &p, NULL), 0);
	assert_int_equal(net_iface_up(i, true, NULL), 0);
	return h;
}

void lab_route(struct net_host *h, const char *to, const char *via)
{
	struct net_route r = { .to = prefix(to) };
	struct err e = { 0 };

	if (via)
		r.via = addr(via);
	if (net_route_add(h, &r, &e) != 0)
		fail_msg("route %s via %s: %s", to, via ? via : "-", e.why);
}

void lab_chain(struct lab *l, bool v6)
{
	static const struct { const char *name, *address[2], *to[2], *via[2]; } plugs[] = {
		{ "a", { "10.1.0.1/24", "2001:db8:1::1/64" }, { "0.0.0.0/0", "::/0" }, { "10.1.0.254", "2001:db8:1::fe" } },
		{ "r1", { "10.1.0.254/24", "2001:db8:1::fe/64" }, { NULL }, { NULL } },
		{ "r1", { "10.2.0.1/24", "2001:db8:2::1/64" }, { "10.3.0.0/24", "2001:db8:3::/64" }, { "10.2.0.2", "2001:db8:2::2" } },
		{ "r2", { "10.2.0.2/24", "2001:db8:2::2/64" }, { "10.1.0.0/24", "2001:db8:1::/64" }, { "10.2.0.1", "2001:db8:2::1" } },
		{ "r2", { "10.3.0.254/24", "2001:db8:3::fe/64" }, { NULL }, { NULL } },
		{ "b", { "10.3.0.1/24", "2001:db8:3::1/64" }, { "0.0.0.0/0", "::/0" }, { "10.3.0.254", "2001:db8:3::fe" } },
	};
	struct net_wire *w = NULL;

	for (unsigned n = 0; n < G_N_ELEMENTS(plugs); n++) {
		static const char *const wires[] = { "w1", "w2", "w3" };
		struct net_host *h;

		w = n % 2 ? w : lab_wire(l, wires[n / 2]);
		h = lab_host(l, plugs[n].name, w, plugs[n].address[v6]);
		if (plugs[n].name[0] == 'r')
			net_knob_set(h, NET_IP_FORWARD, 1, NULL);
		if (plugs[n].to[v6])
			lab_route(h, plugs[n].to[v6], plugs[n].via[v6]);
	}
}

void lab_set(struct net_wire *w, void (*change)(struct net_wire_config *c))
{
	struct net_wire_config c;

	net_wire_get(w, &c);
	change(&c);
	assert_int_equal(net_wire_set(w, &c, NULL), 0);
}

struct net_endpoint at(const char *text)
{
	struct net_endpoint e = { 0 };

	assert_true(net_endpoint_parse(text, &e));
	return e;
}

struct net_addr addr(const char *text)
{
	struct net_addr a = { 0 };

	assert_true(net_addr_parse(text, &a));
	return a;
}

struct net_prefix prefix(const char *text)
{
	struct net_prefix p = { 0 };

	assert_true(net_prefix_parse(text, &p));
	return p;
}

struct net_socket *open_socket(struct net_host *h, enum net_kind kind)
{
	struct net_socket *s;

	assert_int_equal(net_socket_new(h, kind, NET_IPV4, &root, &s, NULL), 0);
	return s;
}

struct net_socket *open_socket6(struct net_host *h, enum net_kind kind)
{
	struct net_socket *s;

	assert_int_equal(net_socket_new(h, kind, NET_IPV6, &root, &s, NULL), 0);
	return s;
}

struct net_socket *open_bound(struct net_host *h, enum net_kind kind, const char *where)
{
	struct net_endpoint e = at(where);
	struct net_socket *s = e.addr.family == NET_IPV6 ? open_socket6(h, kind) : open_socket(h, kind);

	assert_int_equal(net_bind(s, &root, &e, NULL), 0);
	return s;
}

struct net_socket *open_listener(struct net_host *h, const char *where, int backlog)
{
	struct net_endpoint e = at(where);
	struct net_socket *s = e.addr.family == NET_IPV6 ? open_socket6(h, NET_TCP) : open_socket(h, NET_TCP);

	assert_int_equal(net_setsockopt(s, NET_SO_REUSEADDR, 1, NULL), 0);
	assert_int_equal(net_bind(s, &root, &e, NULL), 0);
	assert_int_equal(net_listen(s, backlog, NULL), 0);
	return s;
}

void send_text(struct net_socket *s, const char *text, const char *to)
{
	struct net_endpoint e;

	if (to)
		e = at(to);
	assert_int_equal(net_send(s, text, strlen(text), 0, to ? &e : NULL, NULL), (ssize_t)strlen(text));
}

void assert_recv(struct net_socket *s, const char *text, const char *from)
{
	char data[4096], where[NET_ENDPOINT_TEXT];
	struct net_endpoint e;
	ssize_t got = net_recv(s, data, sizeof(data) - 1, 0, &e, NULL);

	assert_true(got >= 0);
	data[got] = '\0';
	assert_string_equal(data, text);
	if (from)
		assert_string_equal(net_endpoint_text(&e, where), from);
}

int64_t counter(struct net_host *h, enum net_counter c)
{
	int64_t all[NET_COUNTERS_END];

	net_counters(h, all);
	return all[c];
}

enum net_tcp_state state_of(struct net_socket *s)
{
	struct net_socket_info info;

	net_socket_get(s, &info);
	return info.state;
}

char *case_file(const char *name)
{
	char *path = g_strdup_printf("%s/%s", CASES, name), *text;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		fail_msg("cannot read %s", path);
	g_free(path);
	return text;
}

size_t unhex(const char *hex, uint8_t *out, size_t room)
{
	size_t n = 0;

	for (; g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]) && n < room; hex += 2)
		out[n++] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
	return n;
}
