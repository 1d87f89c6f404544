/* test_net.c - the network as files: wires, and each host's part of it. */
#include "fs_test.h"

#include "net_socket.h"

static int setup(void **state)
{
	*state = world_with("x86-64", 4 * MiB);
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void every_host_has_a_loopback_interface(void **state)
{
	struct world *w = *state;
	struct net_iface_info info;
	struct net_prefix p;
	char text[NET_ADDR_TEXT];

	assert_int_equal(world_add_host(w, "b", NULL), 0);
	for (guint i = 0; i < w->hosts->len; i++) {
		struct net_iface *lo = net_iface_at(((struct host *)w->hosts->pdata[i])->net, "lo");

		assert_non_null(lo);
		net_iface_get(lo, &info);
		assert_true(info.up && info.loopback);
		assert_true(net_iface_address(lo, 0, &p));
		assert_int_equal(p.len, 8);
		assert_string_equal(net_addr_text(&p.addr, text), "127.0.0.1");
	}
}

/* Also while a process's descriptors still hold sockets: that is for the power switch to settle. */
static void a_host_leaves_the_network_and_comes_back_with_its_number(void **state)
{
	struct world *w = *state;
	struct net_iface *i;
	struct net_iface_info info;
	char before[NET_MAC_TEXT], after[NET_MAC_TEXT];

	assert_int_equal(world_add_host(w, "b", NULL), 0);
	assert_int_equal(net_iface_new(world_host_named(w, "b")->net, "eth0", &i, NULL), 0);
	net_iface_get(i, &info);
	net_mac_text(&info.mac, before);
	run_line(w, "hosts/b/ctl", "reboot");
	assert_null(net_iface_at(world_host_named(w, "b")->net, "eth0"));
	assert_int_equal(net_iface_new(world_host_named(w, "b")->net, "eth0", &i, NULL), 0);
	net_iface_get(i, &info);
	assert_string_equal(net_mac_text(&info.mac, after), before);
	assert_int_equal(world_remove_host(w, "b", NULL), 0);
	assert_null(net_host_at(w->net, "b"));
}

static void a_reset_world_has_no_wires_and_the_next_is_another(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	uint32_t serial;

	assert_int_equal(world_add_wire(w, "lan0", &e), 0);
	assert_int_equal(world_add_wire(w, "lan0", &e), -EEXIST);
	assert_int_equal(world_add_wire(w, "a b", &e), -EINVAL);
	serial = net_wire_serial(net_wire_at(w->net, "lan0"));
	run_line(w, "ctl", "reset");
	assert_null(net_wire_at(w->net, "lan0"));
	assert_int_equal(world_add_wire(w, "lan0", &e), 0);
	assert_int_not_equal(net_wire_serial(net_wire_at(w->net, "lan0")), serial);
	assert_int_equal(world_remove_wire(w, "lan0", &e), 0);
	assert_int_equal(world_remove_wire(w, "lan0", &e), -ENOENT);
}

static void events_name_hosts_wires_and_addresses(void **state)
{
	struct world *w = *state;
	struct net_endpoint to = { net_v4(0x0a000002), 9 };
	struct net_prefix p = { net_v4(0x0a000001), 24 };
	struct net_caller who = { 0, 1 };
	struct net_host *h = world_host_named(w, "host0")->net;
	struct net_socket *s;
	struct net_iface *i;
	g_autofree char *text = NULL, *json = NULL;

	world_add_wire(w, "lan0", NULL);
	net_iface_new(h, "eth0", &i, NULL);
	net_iface_attach(i, net_wire_at(w->net, "lan0"), NULL);
	net_iface_add(i, &p, NULL);
	net_iface_up(i, true, NULL);
	assert_int_equal(net_socket_new(h, NET_TCP, NET_IPV4, &who, &s, NULL), 0);
	assert_int_equal(net_connect(s, &to, NULL), -EINPROGRESS);
	world_changed(w);
	text = read_path(w, "events");
	json = read_path(w, "events.json");
	assert_non_null(strstr(text, " host0"));
	assert_non_null(strstr(text, "tx wire=lan0 frame=1 bytes=60\n"));
	assert_non_null(strstr(text, "raddr=10.0.0.2 rport=9"));
	assert_non_null(strstr(json, "\"kind\":\"tx\",\"wire\":\"lan0\",\"frame\":1,"));
	assert_non_null(strstr(json, "\"raddr\":\"10.0.0.2\""));
	net_socket_release(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_host_has_a_loopback_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(a_host_leaves_the_network_and_comes_back_with_its_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_world_has_no_wires_and_the_next_is_another, setup, teardown),
		cmocka_unit_test_setup_teardown(events_name_hosts_wires_and_addresses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
