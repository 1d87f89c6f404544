/* test_proc_net.c - proc/net against the text of a real kernel (tests/cases/net/procnet.json). */
#include "fs_test.h"

#include "json.h"
#include "net_socket.h"
#include "net_tool.h"

#include <stdio.h>

static struct json *real;

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct net_host *h = world_host_named(w, "host0")->net;
	struct net_prefix address = { net_v4(0x0a090001), 24 };
	struct net_iface *i;

	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	assert_int_equal(net_iface_new(h, "e0", &i, NULL), 0);
	assert_int_equal(net_iface_attach(i, net_wire_at(w->net, "lan0"), NULL), 0);
	assert_int_equal(net_iface_add(i, &address, NULL), 0);
	assert_int_equal(net_iface_up(i, true, NULL), 0);
	world_changed(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const char *real_text(const char *file)
{
	return json_text(json_need(real, file), "text");
}

static void add_route(struct world *w, uint32_t to, unsigned len, const char *iface, uint32_t metric)
{
	struct net_route r = { .to = { net_v4(to), len }, .iface = iface, .metric = metric };

	if (iface)
		r.via = net_v4(0x0a090002);
	assert_int_equal(net_route_add(world_host_named(w, "host0")->net, &r, NULL), 0);
}

static void route_is_byte_for_byte_the_kernels(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL;

	add_route(w, 0, 0, "e0", 0);
	add_route(w, 0x0a4d0000, 16, "e0", 50);
	add_route(w, 0x0a630000, 16, NULL, 0);
	text = read_path(w, "proc/net/route");
	assert_string_equal(text, real_text("route"));
}

/* All of the row but the slot of a hash table, inode, references (which reading it takes, too) and pointer. */
static void assert_row6(struct world *w, const char *file)
{
	g_autofree char *path = g_strconcat("proc/net/", file, NULL), *text = read_path(w, path);
	g_auto(GStrv) ours = g_strsplit(text, "\n", -1), theirs = g_strsplit(real_text(file), "\n", -1);
	g_auto(GStrv) a = NULL, b = NULL;
	unsigned field = 0;

	assert_int_equal(g_strv_length(ours), g_strv_length(theirs));
	assert_string_equal(ours[0], theirs[0]);
	a = g_strsplit_set(strchr(ours[1], ':'), " ", -1);
	b = g_strsplit_set(strchr(theirs[1], ':'), " ", -1);
	assert_int_equal(g_strv_length(a), g_strv_length(b));
	for (unsigned i = 0; a[i]; i++) {
		if (field < 9 || field > 11)
			assert_string_equal(a[i], b[i]);
		field += *b[i] != '\0';
	}
}

static void rows_of_version_6_are_the_kernels(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/host0/ctl", "set-socket tcp6 [::1]:8081 [::]:0 LISTEN");
	run_line(w, "hosts/host0/ctl", "set-socket udp6 [::1]:546 - CLOSE");
	assert_row6(w, "tcp6");
	assert_row6(w, "udp6");
}

/* As Linux 6.18 showed the same, from a router's word and by hand. */
static void ipv6_route_marks_who_has_said_so(void **state)
{
	static const char *const rows[] = {
		"20010db8000500000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001       e0\n",
		"20010db8000700000000000000000000 30 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000005 00000001 00000000 00000003       e0\n",
		"20010db8000800000000000000000000 30 00000000000000000000000000000000 00 00000000000000000000000000000000 00000400 00000001 00000000 00200200       lo\n",
	};
	static const char refuses[] = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff ";
	struct world *w = *state;
	g_autofree char *text = NULL, *with_default = NULL;

	run_line(w, "net/ifs/e0/address", "2001:db8:5::9/64");
	run_line(w, "net/routes", "add 2001:db8:7::/48 via fe80::1 dev e0 metric 5");
	run_line(w, "net/routes", "add unreachable 2001:db8:8::/48");
	text = read_path(w, "proc/net/ipv6_route");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (!strstr(text, rows[i]))
			fail_msg("no row %sin\n%s", rows[i], text);
	assert_non_null(strstr(strstr(text, refuses) + 1, refuses)); /* in the main table and the local one */
	run_line(w, "net/routes", "add ::/0 via 2001:db8:5::1");
	with_default = read_path(w, "proc/net/ipv6_route");
	assert_null(strstr(strstr(with_default, refuses) + 1, refuses));
}

static void the_trie_is_shaped_as_the_kernels(void **state)
{
	static const char *const routes[] = {
		"10.1.2.0/24 via 10.0.0.3", "10.1.0.0/16 via 10.0.0.2", "10.1.0.0/16 via 10.0.0.9 metric 9", "128.143.0.0/16 via 10.0.0.2",
		"unreachable 5.0.0.0/8", "default via 10.0.0.254",
	};
	struct world *w = *state;
	struct json *recorded = json_read("fib_trie.json");
	g_autofree char *text = NULL;

	run_line(w, "net/ifs/e0/address", "-");
	run_line(w, "net/ifs/e0/address", "10.0.0.1/24 192.168.7.9/28");
	for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
		g_autofree char *line = g_strconcat("add ", routes[i], NULL);

		run_line(w, "net/routes", line);
	}
	text = read_path(w, "proc/net/fib_trie");
	assert_string_equal(text, json_text(recorded, "text"));
	json_free(recorded);
}

static gint order(gconstpointer a, gconstpointer b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The kernel lists in the order of its hash. */
static void assert_same_lines(const char *a, const char *b)
{
	g_auto(GStrv) x = g_strsplit(a, "\n", -1), y = g_strsplit(b, "\n", -1);

	assert_int_equal(g_strv_length(x), g_strv_length(y));
	qsort(x, g_strv_length(x), sizeof *x, order);
	qsort(y, g_strv_length(y), sizeof *y, order);
	for (unsigned i = 0; x[i]; i++)
		assert_string_equal(x[i], y[i]);
}

static void arp_has_the_kernels_lines(void **state)
{
	struct world *w = *state;
	struct net_host *h = world_host_named(w, "host0")->net, *other;
	struct net_addr permanent = net_v4(0x0a09004d), there = net_v4(0x0a090002), nobody = net_v4(0x0a090021);
	struct net_mac m77 = { { 2, 0, 0, 0, 0, 0x77 } }, m2 = { { 2, 0, 0, 0, 0, 2 } };
	struct net_prefix address = { there, 24 };
	struct net_caller who = { 0, 1 };
	struct net_socket *s;
	struct net_iface *i;
	g_autofree char *text = NULL;

	assert_int_equal(world_add_host(w, "b", NULL), 0);
	other = world_host_named(w, "b")->net;
	net_iface_new(other, "e0", &i, NULL);
	net_iface_set_mac(i, &m2, NULL);
	net_iface_attach(i, net_wire_at(w->net, "lan0"), NULL);
	net_iface_add(i, &address, NULL);
	net_iface_up(i, true, NULL);
	assert_int_equal(net_neigh_add(h, "e0", &permanent, &m77, NULL), 0);
	assert_int_equal(net_socket_new(h, NET_UDP, NET_IPV4, &who, &s, NULL), 0);
	assert_int_equal(net_send(s, "x", 1, 0, &(struct net_endpoint){ there, 9 }, NULL), 1);
	assert_int_equal(net_send(s, "x", 1, 0, &(struct net_endpoint){ nobody, 9 }, NULL), 1);
	assert_true(clock_run(&w->clock, w->clock.now + NS_PER_MS, 1000));
	world_changed(w);
	text = read_path(w, "proc/net/arp");
	assert_same_lines(text, real_text("arp"));
	net_socket_release(s);
}

static void dev_has_the_kernels_columns(void **state)
{
	struct world *w = *state;
	g_autofree char *text = read_path(w, "proc/net/dev");
	g_auto(GStrv) ours = g_strsplit(text, "\n", -1), theirs = g_strsplit(real_text("dev"), "\n", -1);

	assert_int_equal(g_strv_length(ours), g_strv_length(theirs));
	for (unsigned i = 0; i < 2; i++)
		assert_string_equal(ours[i], theirs[i]);
	for (unsigned i = 2; i < 4; i++) {
		assert_int_equal(strlen(ours[i]), strlen(theirs[i]));
		assert_memory_equal(ours[i], theirs[i], 7); /* "    lo:" */
		for (unsigned c = 7; theirs[i][c]; c++)     /* numbers end in the same columns */
			if (g_ascii_isdigit(theirs[i][c]) && !g_ascii_isdigit(theirs[i][c + 1]))
				assert_true(g_ascii_isdigit(ours[i][c]) && !g_ascii_isdigit(ours[i][c + 1]));
	}
}

static unsigned words(const char *line)
{
	g_auto(GStrv) w = g_strsplit(line, " ", -1);

	return g_strv_length(w);
}

/* The names are the kernel's, in its order; each line of values has as many. `absent`: there may be none of it. */
static void assert_same_names(const char *ours, const char *theirs, const char *absent)
{
	g_auto(GStrv) a = g_strsplit(ours, "\n", -1), b = g_strsplit(theirs, "\n", -1);
	unsigned i = 0;

	for (unsigned k = 0; b[k] && *b[k]; k += 2) {
		if (absent && g_str_has_prefix(b[k], absent))
			continue;
		assert_non_null(a[i]);
		assert_string_equal(a[i], b[k]);
		assert_non_null(a[i + 1]);
		assert_int_equal(words(a[i]), words(a[i + 1]));
		i += 2;
	}
	assert_string_equal(a[i], "");
}

static void snmp_and_netstat_have_the_kernels_names(void **state)
{
	struct world *w = *state;
	g_autofree char *snmp = read_path(w, "proc/net/snmp"), *netstat = read_path(w, "proc/net/netstat");

	assert_same_names(snmp, real_text("snmp"), "IcmpMsg");
	assert_non_null(strstr(snmp, "\nIp: 2 64 0 "));
	assert_non_null(strstr(snmp, "\nTcp: 1 200 120000 -1 "));
	assert_same_names(netstat, real_text("netstat"), "MPTcpExt"); /* Multipath TCP is not built in */
}

static void messages_of_icmp_are_counted_by_type(void **state)
{
	struct world *w = *state;
	struct net_addr to = net_v4(0x7f000001);
	struct net_ping *p;
	g_autofree char *snmp = NULL;

	assert_int_equal(net_ping_start(world_host_named(w, "host0")->net, &to, 2, NS_PER_MS, 56, NS_PER_S, &p, NULL), 0);
	assert_true(clock_run(&w->clock, w->clock.now + NS_PER_S, 1000));
	world_changed(w);
	snmp = read_path(w, "proc/net/snmp");
	assert_non_null(strstr(snmp, "\nIcmpMsg: InType0 InType8 OutType0 OutType8\nIcmpMsg: 2 2 2 2\n"));
	net_ping_free(p);
}

/* Inodes, pointers, timers and what a connection has measured differ; all else, and all columns, do not. */
static char *masked(const char *row)
{
	static const struct { unsigned from, to; } differing[] = { { 55, 66 } /* timer */, { 90, 149 } };
	char *copy = g_strdup(row);

	for (size_t i = 0; i < G_N_ELEMENTS(differing); i++)
		for (unsigned c = differing[i].from; c < differing[i].to && copy[c]; c++)
			copy[c] = g_ascii_isxdigit(copy[c]) ? 'x' : copy[c];
	return copy;
}

/* The row's two ends, state and queues, as set-socket takes them. */
static char *as_fixture(const char *row)
{
	unsigned local, local_port, remote, remote_port, st, tx, rx;
	struct net_addr a, b;
	char x[NET_ADDR_TEXT], y[NET_ADDR_TEXT];

	assert_int_equal(sscanf(row + 6, "%8X:%4X %8X:%4X %2X %8X:%8X", &local, &local_port, &remote, &remote_port, &st, &tx,
				&rx), 7);
	a = net_v4(GUINT32_SWAP_LE_BE(local));
	b = net_v4(GUINT32_SWAP_LE_BE(remote));
	return g_strdup_printf("set-socket tcp %s:%u %s:%u %s txq=%u rxq=%u", net_addr_text(&a, x), local_port,
			       net_addr_text(&b, y), remote_port, net_tcp_state_names[st], tx, rx);
}

static void tcp_rows_are_the_kernels(void **state)
{
	struct world *w = *state;
	g_auto(GStrv) theirs = g_strsplit(real_text("tcp"), "\n", -1), ours = NULL;
	g_autofree char *text = NULL;

	for (unsigned i = 1; *theirs[i]; i++) {
		g_autofree char *line = as_fixture(theirs[i]);

		run_line(w, "hosts/host0/ctl", line);
	}
	text = read_path(w, "proc/net/tcp");
	ours = g_strsplit(text, "\n", -1);
	assert_int_equal(g_strv_length(ours), g_strv_length(theirs));
	assert_string_equal(ours[0], theirs[0]);
	for (unsigned i = 1; *theirs[i]; i++) {
		g_autofree char *a = masked(ours[i]), *b = masked(theirs[i]);

		assert_int_equal(strlen(a), 149);
		a[90] = b[90] = '\0';
		assert_string_equal(a, b);
	}
}

static void udp_and_the_others_have_the_kernels_headers(void **state)
{
	static const char *const files[] = { "udp", "tcp6", "udp6", "icmp", "raw" };
	struct world *w = *state;
	g_autofree char *udp = NULL, *sockstat = NULL, *sockstat6 = read_path(w, "proc/net/sockstat6");

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_strconcat("proc/net/", files[i], NULL), *text = read_path(w, path);
		const char *theirs = real_text(files[i]);

		assert_memory_equal(text, theirs, (size_t)(strchr(theirs, '\n') + 1 - theirs));
		assert_null(strchr(text, '\n')[1] ? text : NULL);
	}
	run_line(w, "hosts/host0/ctl", "set-socket udp 0.0.0.0:53 - CLOSE");
	udp = read_path(w, "proc/net/udp");
	assert_int_equal(strlen(udp), 2 * 128);
	assert_memory_equal(udp + 134, strstr(real_text("udp"), "\n") + 7, 85); /* up to the inode */
	sockstat = read_path(w, "proc/net/sockstat");
	assert_string_equal(sockstat, "sockets: used 1\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 1 mem 0\n"
				      "UDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n");
	assert_int_equal(strlen(sockstat6), strlen(real_text("sockstat6")));
}

static void queues_of_a_udp_row_are_those_that_were_set(void **state)
{
	struct world *w = *state;
	g_autofree char *udp = NULL, *fixture = NULL;

	run_line(w, "hosts/host0/ctl", "set-socket udp 10.0.2.15:5353 10.0.2.9:53 ESTABLISHED rxq=512 txq=20");
	udp = read_path(w, "proc/net/udp");
	assert_non_null(strstr(udp, " 00000014:00000200 "));
	fixture = read_path(w, "hosts/host0/fixture");
	assert_non_null(strstr(fixture, " rxq=512 txq=20\n"));
	assert_checked(w);
}

static void protocols_are_counted(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL;

	run_line(w, "hosts/host0/ctl", "set-socket tcp 0.0.0.0:80 - LISTEN");
	text = read_path(w, "proc/net/protocols");
	assert_true(g_str_has_prefix(text, "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi "
				     "br ha uh gp em\nPACKET    1600      0      -1   NI       0   no   kernel      n  n  n"));
	assert_non_null(strstr(text, "\nTCP       2304      1       0   no     192   yes  kernel      y  y  y  y  y  y  y  y  y  y  y  y  n  y  "
				     "y  y  y  y\n"));
}

static void every_process_sees_the_same(void **state)
{
	struct world *w = *state;
	g_autofree char *net = read_path(w, "proc/net/route"), *init = read_path(w, "hosts/host0/proc/1/net/route"),
			*thread = read_path(w, "hosts/host0/proc/1/task/1/net/route");

	assert_string_equal(net, init);
	assert_string_equal(net, thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(route_is_byte_for_byte_the_kernels, setup, teardown),
		cmocka_unit_test_setup_teardown(arp_has_the_kernels_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(dev_has_the_kernels_columns, setup, teardown),
		cmocka_unit_test_setup_teardown(snmp_and_netstat_have_the_kernels_names, setup, teardown),
		cmocka_unit_test_setup_teardown(messages_of_icmp_are_counted_by_type, setup, teardown),
		cmocka_unit_test_setup_teardown(tcp_rows_are_the_kernels, setup, teardown),
		cmocka_unit_test_setup_teardown(udp_and_the_others_have_the_kernels_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_of_version_6_are_the_kernels, setup, teardown),
		cmocka_unit_test_setup_teardown(ipv6_route_marks_who_has_said_so, setup, teardown),
		cmocka_unit_test_setup_teardown(the_trie_is_shaped_as_the_kernels, setup, teardown),
		cmocka_unit_test_setup_teardown(protocols_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(queues_of_a_udp_row_are_those_that_were_set, setup, teardown),
		cmocka_unit_test_setup_teardown(every_process_sees_the_same, setup, teardown),
	};
	int failed;

	real = json_read("procnet.json");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	json_free(real);
	return failed;
}
