/* test_net.c - the network as files: wires, and each host's part of it. */
#include "fs_test.h"

#include "net_socket.h"

#include <stdio.h>

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

/* Interfaces */

static void make_iface(struct world *w, const char *host, const char *name)
{
	g_autofree char *path = g_strdup_printf("hosts/%s/net/ifs", host);
	struct node dir = at(w, path);
	struct err e = { 0 };

	assert_int_equal(dir.row->dynamic->mkdir(&dir, name, 0755, &e), 0);
}

static void assert_text(struct world *w, const char *path, const char *wanted)
{
	g_autofree char *text = read_path(w, path);

	assert_string_equal(text, wanted);
}

/* host0 is 10.0.0.1, b is 10.0.0.2; lan0. */
static void two_hosts(struct world *w)
{
	static const char *const names[] = { "host0", "b" };

	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	assert_int_equal(world_add_host(w, "b", NULL), 0);
	for (unsigned i = 0; i < 2; i++) {
		g_autofree char *wire = g_strdup_printf("hosts/%s/net/ifs/eth0/wire", names[i]),
				*address = g_strdup_printf("hosts/%s/net/ifs/eth0/address", names[i]),
				*up = g_strdup_printf("hosts/%s/net/ifs/eth0/up", names[i]),
				*line = g_strdup_printf("10.0.0.%u/24", i + 1);

		make_iface(w, names[i], "eth0");
		run_line(w, wire, "lan0");
		run_line(w, address, line);
		run_line(w, up, "1");
	}
}

static void a_first_line_replaces_addresses_others_add(void **state)
{
	struct world *w = *state;

	make_iface(w, "host0", "eth0");
	w->fresh = true;
	run_line(w, "net/ifs/eth0/address", "10.0.0.1/24");
	w->fresh = false;
	run_line(w, "net/ifs/eth0/address", "10.0.0.2/24 10.1.0.1/16");
	assert_text(w, "net/ifs/eth0/address", "10.0.0.1/24\n10.0.0.2/24\n10.1.0.1/16\n");
	refuse(w, "net/ifs/eth0/address", "10.0.0.2/16", EEXIST);
	w->fresh = true;
	refuse(w, "net/ifs/eth0/address", "10.0.0.9/24 224.0.0.1/24", EINVAL);
	refuse(w, "net/ifs/eth0/address", "10.0.0.9/33", EINVAL);
	refuse(w, "net/ifs/eth0/address", "dhcpx", EINVAL);
	assert_text(w, "net/ifs/eth0/address", "10.0.0.1/24\n10.0.0.2/24\n10.1.0.1/16\n");
	run_line(w, "net/ifs/eth0/address", "10.0.0.2/8");
	w->fresh = false;
	assert_text(w, "net/ifs/eth0/address", "10.0.0.2/8\n");
	run_line(w, "net/ifs/eth0/address", "-");
	assert_text(w, "net/ifs/eth0/address", "");
}

static void interfaces_are_what_is_written(void **state)
{
	struct world *w = *state;
	struct node dir = at(w, "net/ifs"), old;
	struct err e = { 0 };

	make_iface(w, "host0", "eth0");
	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	assert_text(w, "net/ifs/eth0/wire", "-\n");
	assert_text(w, "net/ifs/eth0/up", "0\n");
	assert_text(w, "net/ifs/eth0/mac", "02:00:00:00:01:01\n");
	run_line(w, "net/ifs/eth0/wire", "lan0");
	run_line(w, "net/ifs/eth0/wire", "lan0");
	run_line(w, "net/ifs/eth0/mac", "02:00:00:00:00:0a");
	run_line(w, "net/ifs/eth0/up", "1");
	run_line(w, "wires/lan0/mtu", "900");
	assert_text(w, "net/ifs/eth0/wire", "lan0\n");
	assert_text(w, "net/ifs/eth0/mac", "02:00:00:00:00:0a\n");
	assert_text(w, "net/ifs/eth0/up", "1\n");
	assert_text(w, "net/ifs/eth0/mtu", "900\n");
	run_line(w, "net/ifs/eth0/mtu", "800");
	assert_text(w, "net/ifs/eth0/mtu", "800\n");
	run_line(w, "net/ifs/eth0/mtu", "-");
	assert_text(w, "net/ifs/eth0/mtu", "900\n");
	refuse(w, "net/ifs/eth0/wire", "lan1", ENOENT);
	refuse(w, "net/ifs/eth0/mac", "01:00:5e:00:00:01", EADDRNOTAVAIL);
	refuse(w, "net/ifs/eth0/mac", "02:00", EINVAL);
	refuse(w, "net/ifs/eth0/mtu", "67", EINVAL);
	refuse(w, "net/ifs/eth0/mtu", "0", EINVAL);
	refuse(w, "net/ifs/eth0/mtu", "4294967396", EINVAL);
	refuse(w, "net/ifs/eth0/up", "2", EINVAL);
	refuse(w, "net/ifs/lo/wire", "lan0", EPERM);
	assert_int_equal(dir.row->dynamic->mkdir(&dir, "eth0", 0755, &e), -EEXIST);
	assert_int_equal(dir.row->dynamic->mkdir(&dir, "a/b", 0755, &e), -EINVAL);
	assert_int_equal(dir.row->dynamic->mkdir(&dir, "sixteencharacter", 0755, &e), -EINVAL);
	assert_int_equal(dir.row->dynamic->rmdir(&dir, "lo", &e), -EPERM);
	old = at(w, "net/ifs/eth0/up");
	assert_int_equal(dir.row->dynamic->rmdir(&dir, "eth0", &e), 0);
	make_iface(w, "host0", "eth0");
	assert_false(node_alive(&old));
}

static void routes_are_added_found_and_removed(void **state)
{
	struct world *w = *state;
	struct node none;
	g_autoptr(GString) out = g_string_new(NULL);
	struct err e = { 0 };

	two_hosts(w);
	run_line(w, "net/routes", "add 10.1.0.0/16 via 10.0.0.254 dev eth0");
	run_line(w, "net/routes", "add 10.1.2.0/24 dev eth0 metric 7 src 10.0.0.1");
	run_line(w, "net/routes", "add unreachable 10.9.0.0/16");
	assert_text(w, "net/routes",
		    "destination via         dev  metric src\n"
		    "10.0.0.0/24 -           eth0      0 10.0.0.1\n"
		    "10.1.2.0/24 -           eth0      7 10.0.0.1\n"
		    "10.1.0.0/16 10.0.0.254  eth0      0 -\n"
		    "10.9.0.0/16 unreachable -         0 -\n");
	assert_text(w, "net/route/10.1.3.4", "destination via        dev  metric src\n10.1.0.0/16 10.0.0.254 eth0      0 10.0.0.1\n");
	none = at(w, "net/route/11.0.0.1");
	assert_int_equal(node_show(&none, out, &e), -ENETUNREACH);
	none = at(w, "net/route/10.9.0.1");
	assert_int_equal(node_show(&none, out, &e), -EHOSTUNREACH);
	assert_int_equal(tree_path(w, "net/route/10.9.0", &none), -ENOENT);
	run_line(w, "net/routes", "add default via 10.0.0.254");
	assert_text(w, "net/route/11.0.0.1", "destination via        dev  metric src\ndefault     10.0.0.254 eth0      0 10.0.0.1\n");
	run_line(w, "net/routes", "del default");
	run_line(w, "net/routes", "del 10.1.2.0/24 dev eth0");
	refuse(w, "net/routes", "del 10.1.2.0/24", ESRCH);
	refuse(w, "net/routes", "add 10.1.0.0/16 via 10.0.0.253", EEXIST);
	refuse(w, "net/routes", "add 10.2.0.0/16", EINVAL);
	refuse(w, "net/routes", "add 10.2.0.1/16 via 10.0.0.254", EINVAL);
	refuse(w, "net/routes", "add 10.2.0.0/16 via 12.0.0.1", ENETUNREACH);
	refuse(w, "net/routes", "add 10.2.0.0/16 dev eth7", ENODEV);
	refuse(w, "net/routes", "add 10.2.0.0/16 via", EINVAL);
	refuse(w, "net/routes", "add 10.2.0.0/33 dev eth0", EINVAL);
	refuse(w, "net/routes", "add 10.2.0.0/16 dev eth0 weight 3", EINVAL);
	refuse(w, "net/routes", "add 10.2.0.0/16 dev eth0 metric 4294967296", ERANGE);
	refuse(w, "net/routes", "10.2.0.0/16 dev eth0", EINVAL);
}

static void neighbours_are_added_found_and_flushed(void **state)
{
	struct world *w = *state;

	two_hosts(w);
	run_line(w, "net/neighbours", "add 10.0.0.9 02:00:00:00:00:09 dev eth0");
	run_line(w, "net/neighbours", "add 10.0.0.8 lladdr 02:00:00:00:00:08");
	run_line(w, "hosts/host0/ctl", "1 socket udp");
	run_line(w, "hosts/host0/ctl", "1 sendto 0 10.0.0.2:9 \"x\"");
	run_line(w, "clock", "advance 1ms");
	{
		g_autofree char *text = read_path(w, "net/neighbours");

		assert_non_null(strstr(text, "10.0.0.2 eth0 02:00:00:00:02:01 REACHABLE"));
		assert_non_null(strstr(text, "10.0.0.9 eth0 02:00:00:00:00:09 PERMANENT"));
	}
	run_line(w, "net/neighbours", "flush");
	run_line(w, "net/neighbours", "del 10.0.0.9");
	{
		g_autofree char *text = read_path(w, "net/neighbours");

		assert_null(strstr(text, "10.0.0.2"));
		assert_null(strstr(text, "10.0.0.9"));
		assert_non_null(strstr(text, "10.0.0.8"));
	}
	refuse(w, "net/neighbours", "del 10.0.0.9", ENOENT);
	refuse(w, "net/neighbours", "add 10.0.0.9", EINVAL);
	refuse(w, "net/neighbours", "add 10.0.0.9 ff:ff:ff:ff:ff:ff", EADDRNOTAVAIL);
	refuse(w, "net/neighbours", "add 10.0.0.9 02:00:00:00:00:09 dev eth3", ENODEV);
	refuse(w, "net/neighbours", "add 99.0.0.9 02:00:00:00:00:09", ENETUNREACH);
}

static bool knob_is(struct world *w, const char *name, const char *value)
{
	g_autofree char *text = read_path(w, "net/knobs");
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 1; lines[i] && *lines[i]; i++) {
		char have[2][64];

		assert_int_equal(sscanf(lines[i], "%63s %63s", have[0], have[1]), 2);
		if (!strcmp(have[0], name))
			return !strcmp(have[1], value);
	}
	return false;
}

static void knobs_are_turned_by_name(void **state)
{
	struct world *w = *state;

	assert_true(knob_is(w, "somaxconn", "4096") && knob_is(w, "syn_retries", "6") && knob_is(w, "rto_min", "200") &&
		    knob_is(w, "congestion", "cubic") && knob_is(w, "syncookies", "1"));
	run_line(w, "net/knobs", "syn_retries 2");
	run_line(w, "net/knobs", "congestion reno");
	run_line(w, "net/knobs", "net.ipv4.tcp_fin_timeout 7");
	run_line(w, "net/forwarding", "1");
	assert_true(knob_is(w, "syn_retries", "2") && knob_is(w, "congestion", "reno") && knob_is(w, "fin_timeout", "7") &&
		    knob_is(w, "ip_forward", "1"));
	run_line(w, "net/knobs", "preset rfc");
	assert_true(knob_is(w, "rto_min", "1000") && knob_is(w, "syn_retries", "6"));
	run_line(w, "net/knobs", "preset linux");
	assert_true(knob_is(w, "rto_min", "200"));
	refuse(w, "net/knobs", "syn_retries", EINVAL);
	refuse(w, "net/knobs", "syn_retries 1 2", EINVAL);
	refuse(w, "net/knobs", "syn_retries many", EINVAL);
	refuse(w, "net/knobs", "syn_retries 128", EINVAL);
	refuse(w, "net/knobs", "congestion vegas", EINVAL);
	refuse(w, "net/knobs", "no_such_knob 1", EINVAL);
	refuse(w, "net/knobs", "preset bsd", EINVAL);
	refuse(w, "net/knobs", "port_min 61000", EINVAL);
	refuse(w, "net/knobs", "port_max 32767", EINVAL);
	refuse(w, "net/forwarding", "2", EINVAL);
}

/* What is read of the rules can be written; a refused line changes nothing; the table has a row a connection. */
static void rules_of_translation_read_as_they_are_written(void **state)
{
	static const char *const wrong[] = {
		"masquerade", "masquerade lo", "masquerade eth0 filter=all", "masquerade eth0 ports=9-8", "masquerade eth0 ports=5-",
		"dnat eth0 tcp 0 to 10.0.0.9", "dnat eth0 tcp 65536 to 10.0.0.9", "dnat eth0 icmp 8 to 10.0.0.9",
		"dnat eth0 tcp 1-65535 to 10.0.0.9:2", "dnat eth0 tcp 5 at 10.0.0.9",
		"dnat eth0 tcp 5 to 10.0.0.2", "dnat eth0 tcp 5 to 224.0.0.1", "dnat eth0 tcp 5 to nowhere", "del dnat eth0",
		"del masquerade", "flush everything", "snat eth0",
	};
	static const char rules[] = "masquerade eth0 ports=5000-5999 filter=endpoint\n"
				    "dnat eth0 tcp 8080 to 10.0.0.9:80\ndnat eth0 udp 6000-6009 to 10.0.0.9:6000\n";
	struct world *w = *state;
	g_autofree char *table = NULL;

	two_hosts(w);
	assert_text(w, "hosts/b/net/nat", "");
	run_line(w, "hosts/b/net/nat", "masquerade eth0 ports=5000-5999 filter=endpoint");
	run_line(w, "hosts/b/net/nat", "dnat eth0 tcp 8080 to 10.0.0.9:80");
	run_line(w, "hosts/b/net/nat", "dnat eth0 udp 6000-6009 to 10.0.0.9");
	assert_text(w, "hosts/b/net/nat", rules);
	for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
		refuse(w, "hosts/b/net/nat", wrong[i], EINVAL);
	refuse(w, "hosts/b/net/nat", "dnat eth0 tcp 8080 to 10.0.0.8:80", EEXIST);
	refuse(w, "hosts/b/net/nat", "masquerade eth1", ENODEV);
	refuse(w, "hosts/b/net/nat", "masquerade eth0", EEXIST);
	refuse(w, "hosts/b/net/nat", "del dnat eth0 tcp 8081", ENOENT);
	assert_text(w, "hosts/b/net/nat", rules);
	run_line(w, "hosts/b/net/forwarding", "1");
	run_line(w, "hosts/host0/ctl", "1 socket udp");
	run_line(w, "hosts/host0/ctl", "1 bind 0 0.0.0.0:5000");
	run_line(w, "hosts/host0/ctl", "1 sendto 0 10.0.0.2:6001 \"x\"");
	run_line(w, "clock", "advance 1s");
	table = read_path(w, "hosts/b/net/nat_table.csv");
	assert_non_null(strstr(table, "proto,inside,outside,remote,state,expires,packets-out,bytes-out,packets-in,bytes-in"));
	assert_non_null(strstr(table, "udp,10.0.0.9:6001,10.0.0.2:6001,10.0.0.1:5000,UNREPLIED,299."));
	assert_non_null(strstr(table, ",0,0,1,29"));
	assert_text(w, "check", "ok\n");
	run_line(w, "hosts/b/net/nat", "del dnat eth0 tcp 8080");
	run_line(w, "hosts/b/net/nat", "flush");
	assert_text(w, "hosts/b/net/nat", "");
}

static void sockets_show_their_ends_queues_and_variables(void **state)
{
	struct world *w = *state;
	g_autofree char *table = NULL, *inode = NULL, *path = NULL, *tcb = NULL, *queue = NULL;

	two_hosts(w);
	run_line(w, "hosts/b/ctl", "1 socket tcp");
	run_line(w, "hosts/b/ctl", "1 bind 0 0.0.0.0:80");
	run_line(w, "hosts/b/ctl", "1 listen 0 5");
	run_line(w, "hosts/host0/ctl", "1 socket tcp");
	run_line(w, "hosts/host0/ctl", "1 connect 0 10.0.0.2:80 &");
	run_line(w, "clock", "advance 10ms");
	run_line(w, "hosts/host0/ctl", "1 send 0 \"hello\"");
	run_line(w, "clock", "advance 1us");
	table = read_path(w, "hosts/b/net/sockets");
	assert_non_null(strstr(table, " tcp   0.0.0.0:80 "));
	assert_non_null(strstr(table, " LISTEN "));
	table = (g_free(table), read_path(w, "net/sockets.csv"));
	inode = g_strndup(strchr(table, '\n') + 1, strcspn(strchr(table, '\n') + 1, ","));
	path = g_strdup_printf("net/sockets.d/%s/tcb", inode);
	tcb = read_path(w, path);
	assert_non_null(strstr(tcb, "state=ESTABLISHED\ncongestion=cubic\n"));
	assert_non_null(strstr(tcb, "\ncwnd=10\n"));
	assert_non_null(strstr(tcb, "\nsnd_nxt="));
	path = (g_free(path), g_strdup_printf("net/sockets.d/%s/queue", inode));
	queue = read_path(w, path);
	assert_string_equal(queue, "recv=0 \"\"\nsend=5 \"hello\"\n");
	path = (g_free(path), g_strdup_printf("net/sockets.d/%s/remote", inode));
	assert_text(w, path, "10.0.0.2:80\n");
	run_line(w, "hosts/host0/ctl", "1 close 0");
	assert_int_equal(tree_path(w, path, &(struct node){ 0 }), -ENOENT);
}

/* Commands that wait run in the background here: their results are in the process's ctl. */
static void ping_and_traceroute_tell_what_they_have_seen(void **state)
{
	struct world *w = *state;
	static const char report[] =
		"seq=1 from=10.0.0.2 ttl=64 time=0.023 ms\n"
		"seq=2 no answer\n"
		"seq=3 from=10.0.0.2 ttl=64 time=0.011 ms\n"
		"sent=3 received=2 lost=33% min/avg/max=0.011/0.017/0.023 ms\n";
	g_autofree char *trace = NULL;

	two_hosts(w);
	run_line(w, "wires/lan0/ctl", "drop next 1 icmp nth=3");
	run_line(w, "net/hosts", "10.0.0.2 b b.example");
	run_line(w, "hosts/host0/ctl", "1 ping b.example &");
	run_line(w, "clock", "advance 1500ms");
	assert_text(w, "hosts/host0/proc/1/ctl", "");
	run_line(w, "clock", "advance 2s");
	assert_text(w, "hosts/host0/proc/1/ctl", report);
	run_line(w, "hosts/host0/ctl", "1 traceroute 10.0.0.2 &");
	run_line(w, "clock", "advance 2s");
	trace = read_path(w, "hosts/host0/proc/1/ctl");
	assert_memory_equal(trace, " 1  10.0.0.2  0.011 ms  ", 22);
	run_line(w, "wires/lan0/delay", "900ms");
	run_line(w, "hosts/host0/ctl", "1 ping b 1 &");
	run_line(w, "clock", "advance 2s");
	assert_text(w, "hosts/host0/proc/1/ctl",
		    "seq=1 from=10.0.0.2 ttl=64 time=1800.001 ms\nsent=1 received=1 lost=0% min/avg/max=1800.001/1800.001/1800.001 ms\n");
	refuse(w, "hosts/host0/ctl", "1 ping nobody", ENOENT);
	refuse(w, "hosts/host0/ctl", "1 ping 10.0.0.2 0", EINVAL);
	refuse(w, "hosts/host0/ctl", "1 ping 10.0.0.2 65536", EINVAL);
	refuse(w, "hosts/host0/ctl", "1 ping 11.0.0.1", ENETUNREACH);
	refuse(w, "hosts/host0/ctl", "1 traceroute 11.0.0.1", ENETUNREACH);
}

static void names_have_their_forms(void **state)
{
	static const struct { const char *file, *good, *bad, *why; int at; } cases[] = {
		{ "net/hosts", "10.0.0.2\tb b.example # the second", "10.0.0.3", "a name is missing", 8 },
		{ "net/hosts", "::1 localhost", " 10.0.0.256 b", "'10.0.0.256' is not an address", 1 },
		{ "net/services", "http 80/tcp www", "http 80", "'80' is not PORT/PROTOCOL", 5 },
		{ "net/services", "# none", "http 65536/tcp", "'65536/tcp' is not PORT/PROTOCOL", 5 },
		{ "net/services", "", "http # 80/tcp", "PORT/PROTOCOL, as 80/tcp is missing", 4 },
		{ "net/resolv", "nameserver 10.0.0.1", "junk", "'junk' is not nameserver", 0 },
		{ "net/resolv", "; by hand", "nameserver ns.example", "'ns.example' is not an address", 11 },
	};
	struct world *w = *state;
	struct err e;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *wanted = g_strconcat(cases[i].good, "\n", NULL);

		w->fresh = true;
		run_line(w, cases[i].file, cases[i].good);
		assert_int_equal(write_line(w, cases[i].file, cases[i].bad, NULL, &e), -EINVAL);
		assert_non_null(strstr(e.why, cases[i].why));
		assert_int_equal(e.arg, cases[i].at);
		w->fresh = false;
		assert_text(w, cases[i].file, wanted);
	}
	run_line(w, "net/resolv", "search a.example");
	assert_text(w, "net/resolv", "; by hand\nsearch a.example\n");
}

/* A host that goes takes what waits in it along, without harm. */
static void a_ping_survives_neither_its_host_nor_its_wire(void **state)
{
	struct world *w = *state;

	two_hosts(w);
	run_line(w, "hosts/b/ctl", "1 ping 10.0.0.1 100 &");
	run_line(w, "hosts/host0/ctl", "1 ping 10.0.0.2 3 &");
	run_line(w, "clock", "advance 10ms");
	assert_int_equal(world_remove_host(w, "b", NULL), 0);
	run_line(w, "clock", "advance 1s");
	assert_int_equal(world_remove_wire(w, "lan0", NULL), 0);
	run_line(w, "clock", "advance 10s");
	run_line(w, "hosts/host0/ctl", "reboot");
	assert_text(w, "check", "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_host_has_a_loopback_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(a_host_leaves_the_network_and_comes_back_with_its_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_world_has_no_wires_and_the_next_is_another, setup, teardown),
		cmocka_unit_test_setup_teardown(events_name_hosts_wires_and_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(a_first_line_replaces_addresses_others_add, setup, teardown),
		cmocka_unit_test_setup_teardown(interfaces_are_what_is_written, setup, teardown),
		cmocka_unit_test_setup_teardown(routes_are_added_found_and_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(neighbours_are_added_found_and_flushed, setup, teardown),
		cmocka_unit_test_setup_teardown(knobs_are_turned_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(rules_of_translation_read_as_they_are_written, setup, teardown),
		cmocka_unit_test_setup_teardown(sockets_show_their_ends_queues_and_variables, setup, teardown),
		cmocka_unit_test_setup_teardown(ping_and_traceroute_tell_what_they_have_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(names_have_their_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ping_survives_neither_its_host_nor_its_wire, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
