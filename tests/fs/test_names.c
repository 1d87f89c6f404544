/* test_names.c - names by the commands of processes: resolve, connect, ping, get; `serve dns`; net/dns_cache; DHCP. */
#include "net_test.h"

/* host0 is 10.0.0.1 and asks; b is 10.0.0.2 and has a name server, and a small one of HTTP. */
static int setup(void **state)
{
	struct world *w = *state = two_hosts("client", "named httpd");

	run_line(w, "hosts/host0/net/resolv", "nameserver 10.0.0.2");
	return 0;
}

static void serve_zone(struct world *w)
{
	static const char text[] = "$ORIGIN virginia.edu.\n$TTL 100\n@ SOA ns admin 1 2 3 4 50\n@ NS ns\nns A 10.0.0.2\nwww CNAME web\n"
				   "web A 10.0.0.9\nweb A 10.0.0.2\n@ MX 10 ns\n";

	put_file(w, "b", "zone", text, strlen(text));
	gives(w, "b", 2, "serve dns 53 zone=/zone", "0 1 2 3\n");
}

static void resolve_gives_addresses_and_records(void **state)
{
	struct world *w = *state;

	serve_zone(w);
	gives(w, "host0", 2, "resolve www.virginia.edu", "10.0.0.9\n10.0.0.2\n");
	gives(w, "host0", 2, "resolve www.virginia.edu http", "10.0.0.9:80\n10.0.0.2:80\n");
	gives(w, "host0", 2, "resolve www.virginia.edu 8080", "10.0.0.9:8080\n10.0.0.2:8080\n");
	gives(w, "host0", 2, "resolve virginia.edu type=MX", "virginia.edu. 100 IN MX 10 ns.virginia.edu.\n");
	gives(w, "host0", 2, "resolve localhost", "127.0.0.1\n");
	gives(w, "host0", 2, "resolve 10.9.9.9", "10.9.9.9\n");
	gives(w, "host0", 2, "resolve ns.virginia.edu type=A server=10.0.0.2 trace=1",
	      "10.0.0.2 ns.virginia.edu. A: 1 record\nns.virginia.edu. 100 IN A 10.0.0.2\n");
	fails(w, "host0", 2, "resolve virginia.edu", ENODATA);
	fails(w, "host0", 2, "resolve x.virginia.edu", ENOENT);
	fails(w, "host0", 2, "resolve example.com", EIO);          /* REFUSED */
	fails(w, "host0", 2, "resolve www.virginia.edu nonsense", EINVAL);
	fails(w, "host0", 2, "resolve a..b", EINVAL);
	fails(w, "host0", 2, "resolve \"\"", EINVAL);
	fails(w, "host0", 2, "resolve a type=OPT", EINVAL);
	fails(w, "host0", 2, "resolve a server=b", EINVAL);
	fails(w, "host0", 2, "resolve a server=10.0.0.2 root=10.0.0.2", EINVAL);
	fails_at_once(w, "host0", 2, "resolve www.virginia.edu", EAGAIN);
	fails(w, "host0", 2, "resolve www.virginia.edu server=10.0.0.77", ETIMEDOUT); /* whatever the cache says */
}

/* The whole of it as a table, which counts down; written to, it forgets. */
static void the_cache_is_a_table(void **state)
{
	struct world *w = *state;
	g_autofree char *before = NULL, *after = NULL, *empty = NULL;

	serve_zone(w);
	gives(w, "host0", 2, "resolve www.virginia.edu type=A", "www.virginia.edu. 100 IN CNAME web.virginia.edu.\n"
	      "web.virginia.edu. 100 IN A 10.0.0.9\nweb.virginia.edu. 100 IN A 10.0.0.2\n");
	fails(w, "host0", 2, "resolve x.virginia.edu type=MX", ENOENT);
	before = read_path(w, "hosts/host0/net/dns_cache.csv");
	assert_string_equal(before, "name,type,ttl,data\r\nweb.virginia.edu.,A,100,10.0.0.9\r\nweb.virginia.edu.,A,100,10.0.0.2\r\n"
			    "www.virginia.edu.,CNAME,100,web.virginia.edu.\r\nx.virginia.edu.,ANY,50,NXDOMAIN\r\n");
	assert_true(world_run(w, w->clock.now + 60 * NS_PER_S, 1000000));
	world_changed(w);
	after = read_path(w, "hosts/host0/net/dns_cache");
	assert_non_null(strstr(after, "web.virginia.edu. A      40 10.0.0.9\n"));
	assert_null(strstr(after, "NXDOMAIN"));
	refuse(w, "hosts/host0/net/dns_cache", "forget", EINVAL);
	run_line(w, "hosts/host0/net/dns_cache", "flush");
	empty = read_path(w, "hosts/host0/net/dns_cache");
	assert_string_equal(empty, "name type ttl data\n");
}

static void connect_tries_every_address(void **state)
{
	struct world *w = *state;
	g_autofree char *sockets = NULL;

	serve_zone(w);
	gives(w, "b", 3, "serve http", "0\n");
	gives(w, "host0", 2, "socket tcp", "0\n");
	does(w, "host0", 2, "connect 0 www.virginia.edu:http");    /* 10.0.0.9 is not there */
	sockets = read_path(w, "hosts/host0/net/sockets");
	assert_non_null(strstr(sockets, "10.0.0.2:80"));
	gives(w, "host0", 2, "send 0 \"GET / HTTP/1.0\\r\\n\\r\\n\"", "18\n");
	gives(w, "host0", 2, "socket tcp", "1\n");
	fails(w, "host0", 2, "connect 1 ns.virginia.edu:81", ECONNREFUSED);
	fails(w, "host0", 2, "connect 1 none.virginia.edu:80", ENOENT);
	fails(w, "host0", 2, "connect 1 ns.virginia.edu:nonsense", EINVAL);
	fails(w, "host0", 2, "connect 1 ns.virginia.edu:", EINVAL);
	fails(w, "host0", 2, "connect 1 ns.virginia.edu", EINVAL);
	fails(w, "host0", 2, "connect 1 10.0.0.300:80", EINVAL);
	fails(w, "host0", 2, "connect 1 :80", EINVAL);
	does(w, "host0", 2, "connect 1 ns.virginia.edu:80");
	gives(w, "host0", 2, "socket udp", "2\n");
	does(w, "host0", 2, "connect 2 ns.virginia.edu:domain");
}

static void sendto_and_load_take_names(void **state)
{
	struct world *w = *state;
	g_autofree char *result = NULL, *two = NULL;

	serve_zone(w);
	run_line(w, "hosts/b/ctl", "spawn echod");
	gives(w, "b", 4, "serve echo proto=udp", "0\n");
	gives(w, "host0", 2, "socket udp", "0\n");
	gives(w, "host0", 2, "sendto 0 ns.virginia.edu:echo \"hi\"", "2\n");
	gives(w, "host0", 2, "recv 0", "10.0.0.2:7 hi");
	fails(w, "host0", 2, "sendto 0 none.virginia.edu:echo \"hi\"", ENOENT);
	fails(w, "host0", 2, "sendto 0 ns.virginia.edu:none \"hi\"", EINVAL);
	fails(w, "host0", 2, "sendto 1 ns.virginia.edu:echo \"hi\"", EBADF);
	fails_at_once(w, "host0", 2, "sendto 0 ns.virginia.edu:echo \"hi\"", EAGAIN);
	does(w, "host0", 2, "close 0");
	put_file(w, "b", "index.html", "home\n", 5);
	gives(w, "b", 3, "serve http", "0\n");
	assert_int_equal(try_command(w, "host0", 2, 0, "load http www.virginia.edu:http clients=2 count=3", &result), 0);
	assert_true(g_str_has_prefix(result, "done=6\nerrors=0\n"));  /* 10.0.0.9 is not there: they try the other one */
	assert_int_equal(try_command(w, "host0", 2, 0, "load http ns.virginia.edu:81 clients=2", &two), 0);
	assert_true(g_str_has_prefix(two, "done=0\nerrors=2\n"));
	fails(w, "host0", 2, "load http none.virginia.edu:80", ENOENT);
	fails(w, "host0", 2, "load http www.virginia.edu", EINVAL);
	fails(w, "host0", 2, "load http www.virginia.edu:0", EINVAL);
	fails(w, "host0", 2, "load http 10.0.0.2:0", EINVAL);
	fails_at_once(w, "host0", 2, "load http www.virginia.edu:http", EAGAIN);
}

static void ping_takes_names(void **state)
{
	struct world *w = *state;
	g_autofree char *result = NULL;

	serve_zone(w);
	assert_int_equal(try_command(w, "host0", 2, 0, "ping ns.virginia.edu 1", &result), 0);
	assert_non_null(strstr(result, "from=10.0.0.2"));
	fails(w, "host0", 2, "ping none.virginia.edu", ENOENT);
	fails(w, "host0", 2, "traceroute none.virginia.edu", ENOENT);
	fails(w, "host0", 2, "ping ns.virginia.edu 70000", EINVAL);
}

/* A server ends with its process, and when its socket is closed; what it had is free again. */
static void a_name_server_is_a_process(void **state)
{
	struct world *w = *state;

	serve_zone(w);
	gives(w, "host0", 2, "resolve ns.virginia.edu type=A", "ns.virginia.edu. 100 IN A 10.0.0.2\n");
	run_line(w, "hosts/host0/net/dns_cache", "flush");
	does(w, "b", 2, "kill STOP");
	fails(w, "host0", 2, "resolve ns.virginia.edu", ETIMEDOUT);
	does(w, "b", 2, "kill CONT");
	gives(w, "host0", 2, "resolve ns.virginia.edu", "10.0.0.2\n");
	fails(w, "b", 3, "serve dns 53 zone=/zone", EADDRINUSE);
	does(w, "b", 2, "kill KILL");
	gives(w, "b", 3, "serve dns 53 zone=/zone", "0 1 2 3\n");
	run_line(w, "hosts/host0/net/dns_cache", "flush");
	gives(w, "host0", 2, "resolve ns.virginia.edu", "10.0.0.2\n");
	run_line(w, "hosts/b/net/ifs/eth0/address", "fd00::2/64");     /* and by IPv6 */
	run_line(w, "hosts/host0/net/ifs/eth0/address", "fd00::1/64");
	settle(w);
	gives(w, "host0", 2, "resolve ns.virginia.edu type=A server=fd00::2", "ns.virginia.edu. 100 IN A 10.0.0.2\n");
	does(w, "b", 3, "close 1");
	run_line(w, "hosts/host0/net/dns_cache", "flush");
	fails(w, "host0", 2, "resolve ns.virginia.edu", ETIMEDOUT);
}

static void serve_dns_refuses_what_is_wrong(void **state)
{
	struct world *w = *state;
	struct err e;

	put_file(w, "b", "zone", "virginia.edu. SOA a b 1 2 3 4\n", 29);
	assert_int_equal(write_line(w, "hosts/b/proc/2/ctl", "serve dns zone=/zone", NULL, &e), -EINVAL);
	assert_string_equal(e.why, "serve: /zone: line 1: not a number of a SOA record");
	fails(w, "b", 2, "serve dns", EINVAL);
	fails(w, "b", 2, "serve dns recursive", EINVAL);
	fails(w, "b", 2, "serve dns root=10.0.0.1", EINVAL);
	fails(w, "b", 2, "serve dns 53 recursive root=nonsense", EINVAL);
	fails(w, "b", 2, "serve dns 70000 recursive root=10.0.0.1", EINVAL);
	fails(w, "b", 2, "serve dns 53 nonsense root=10.0.0.1", EINVAL);
	fails(w, "b", 2, "serve dns zone=/none", ENOENT);
	fails(w, "b", 2, "serve dns zone=/", EISDIR);
	fails(w, "b", 2, "serve dns recursive root=10.0.0.1 style=fork", EINVAL);
	fails(w, "b", 2, "serve http 80 zone=/zone", EINVAL);
	fails(w, "b", 2, "serve http recursive", EINVAL);
	fails(w, "b", 2, "serve http 80 recursive", EINVAL);
	gives(w, "b", 2, "socket udp", "0\n");                     /* nothing of them has been left */
}

/* Whoever looks a name up may die meanwhile, and so may computers, and the world. */
static void hosts_and_processes_go_meanwhile(void **state)
{
	struct world *w = *state;
	struct err e;

	serve_zone(w);
	run_line(w, "hosts/host0/net/resolv", "nameserver 10.0.0.77");
	run_line(w, "hosts/host0/ctl", "2 resolve a.b &");
	step(w);
	does(w, "host0", 2, "kill KILL");
	settle(w);
	run_line(w, "hosts/b/ctl", "2 resolve a.b server=10.0.0.78 &");
	step(w);
	assert_int_equal(world_reboot_host(w, world_host_named(w, "b"), NULL), 0);
	world_changed(w);
	settle(w);
	assert_true(net_check(w->net, &e));
	run_line(w, "hosts/b/ctl", "spawn x");
	run_line(w, "hosts/b/ctl", "2 resolve a.b server=10.0.0.78 &");
	assert_int_equal(world_reset(w, NULL), 0);
	world_changed(w);
	settle(w);
}

/* --- get -------------------------------------------------------------------------------------- */

static void get_fetches_by_name(void **state)
{
	struct world *w = *state;
	g_autofree char *story = NULL, *seen = NULL;

	serve_zone(w);
	put_file(w, "b", "page", "a page\n", 7);
	gives(w, "b", 3, "serve http", "0\n");
	gives(w, "host0", 2, "get http://www.virginia.edu/page", "a page\n");
	gives(w, "host0", 2, "get http://10.0.0.2:80/page#part", "a page\n");
	assert_int_equal(try_command(w, "host0", 2, 0, "get http://www.virginia.edu/page trace=1", &story), 0);
	assert_non_null(strstr(story, "* tcp 10.0.0.9 port 80: No route to host\n* tcp 10.0.0.1:"));
	assert_non_null(strstr(story, "\n> GET /page HTTP/1.1\n> Host: www.virginia.edu\n"));
	assert_non_null(strstr(story, "\n< HTTP/1.1 200 OK\n"));
	assert_true(g_str_has_suffix(story, "\na page\n"));
	fails(w, "host0", 2, "get http://www.virginia.edu/none", ENOENT);
	fails(w, "host0", 2, "get http://www.virginia.edu:81/page", ECONNREFUSED);
	fails(w, "host0", 2, "get http://none.virginia.edu/page", ENOENT);
	fails(w, "host0", 2, "get https://www.virginia.edu/page", EPROTONOSUPPORT);
	fails(w, "host0", 2, "get www.virginia.edu/page", EINVAL);
	fails(w, "host0", 2, "get \"http://www.virginia.edu/a b\"", EINVAL);
	fails(w, "host0", 2, "get http://www.virginia.edu:99999/", EINVAL);
	fails(w, "host0", 2, "get http://[1::2::3]/", EINVAL);
	fails_at_once(w, "host0", 2, "get http://www.virginia.edu/page", EAGAIN);
	gives(w, "host0", 2, "socket tcp", "0\n");                /* no descriptor has been left */
	seen = read_path(w, "hosts/host0/net/sockets");
	assert_null(strstr(seen, "ESTAB"));
}

/* A server by hand on b: what it answers to `get`, and what that says. */
static void answer_by_hand(struct world *w, const char *answer, const char *request, int code, const char *wanted)
{
	g_autofree char *line = g_strdup_printf("send 1 \"%s\"", answer), *get = g_strdup_printf("2 get %s &", request), *got = NULL;

	error_log_clear(w);
	run_line(w, "hosts/host0/ctl", get);
	settle(w);
	assert_int_equal(try_command(w, "b", 3, 0, "accept 0", NULL), 0);
	assert_int_equal(try_command(w, "b", 3, 0, line, NULL), 0);
	assert_int_equal(try_command(w, "b", 3, 0, "recv 1", NULL), 0);
	does(w, "b", 3, "close 1");
	settle(w);
	got = read_path(w, code ? "error_log" : "hosts/host0/proc/2/ctl");
	if (!strstr(got, wanted))
		print_error("%s: %s\n", answer, got);
	assert_non_null(strstr(got, wanted));
}

static void get_takes_answers_of_all_kinds(void **state)
{
	struct world *w = *state;

	put_file(w, "b", "page", "a page\n", 7);
	run_line(w, "hosts/b/ctl", "spawn httpd");
	gives(w, "b", 4, "serve http", "0\n");
	gives(w, "b", 3, "socket tcp", "0\n");
	does(w, "b", 3, "bind 0 10.0.0.2:8080");
	does(w, "b", 3, "listen 0");
	answer_by_hand(w, "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n3\\r\\none\\r\\n0\\r\\n\\r\\n", "http://10.0.0.2:8080/", 0, "one");
	answer_by_hand(w, "HTTP/1.1 301 Moved\\r\\nLocation: //10.0.0.2/page\\r\\nContent-Length: 0\\r\\n\\r\\n", "http://10.0.0.2:8080/x", 0, "a page");
	answer_by_hand(w, "HTTP/1.1 200 OK\\r\\nContent-Length: 9\\r\\n\\r\\nshort", "http://10.0.0.2:8080/x", EBADMSG,
		       "the connection ends after 5 of 9 bytes of the body");
	answer_by_hand(w, "220 ftp\\r\\n", "http://10.0.0.2:8080/x", EBADMSG, "the answer is not HTTP: it has no status line");
	answer_by_hand(w, "HTTP/1.1 302 Found\\r\\nLocation: gopher://x/\\r\\nContent-Length: 0\\r\\n\\r\\n", "http://10.0.0.2:8080/x", EPROTONOSUPPORT,
		       "gopher is not spoken here, only http");
	answer_by_hand(w, "HTTP/1.1 500 Oops\\r\\nContent-Length: 0\\r\\n\\r\\n", "http://10.0.0.2:8080/x", EIO, "the server answers HTTP/1.1 500 Oops");
}

/* --- DHCP ------------------------------------------------------------------------------------- */

/* A line to a file of an interface, waiting as its writer would. */
static int write_iface(struct world *w, const char *path, const char *line)
{
	struct node n = at(w, path);
	struct job job = { 0 };
	GBytes *answer = NULL;
	struct err e;
	int rc;

	while ((rc = node_store(&n, &job, line, strlen(line), STORE_FRESH, &answer, &e)) == -EINPROGRESS && step(w))
		;
	job_clear(&job);
	if (answer)
		g_bytes_unref(answer);
	return rc;
}

static void an_interface_gets_its_address(void **state)
{
	struct world *w = *state;
	g_autofree char *address = NULL, *resolv = NULL, *leases = NULL, *server = NULL, *none = NULL;

	assert_int_equal(world_add_host(w, "c", NULL), 0);
	{
		struct net_iface *i;

		assert_int_equal(net_iface_new(world_host_named(w, "c")->net, "eth0", &i, NULL), 0);
	}
	gives(w, "b", 2, "serve dhcp 67 range=10.0.0.50-10.0.0.50 router=10.0.0.2 dns=10.0.0.2,10.0.0.3 domain=virginia.edu lease=100s", "0\n");
	assert_int_equal(write_iface(w, "hosts/c/net/ifs/eth0/address", "dhcp"), 0);   /* not up: later */
	none = read_path(w, "hosts/c/net/ifs/eth0/address");
	assert_string_equal(none, "dhcp\n");
	run_line(w, "hosts/c/net/ifs/eth0/wire", "lan0");
	assert_int_equal(write_iface(w, "hosts/c/net/ifs/eth0/up", "1"), 0);
	address = read_path(w, "hosts/c/net/ifs/eth0/address");
	assert_string_equal(address, "10.0.0.50/24\n");
	resolv = read_path(w, "hosts/c/net/resolv");
	assert_string_equal(resolv, "nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch virginia.edu\n");
	leases = read_path(w, "hosts/c/net/leases.csv");
	assert_non_null(strstr(leases, "\r\nclient,eth0,10.0.0.50,"));
	server = read_path(w, "hosts/b/net/leases.csv");
	assert_non_null(strstr(server, "\r\nserver,eth0,10.0.0.50,"));
	assert_non_null(strstr(server, ",c,bound,"));
	run_line(w, "hosts/c/net/resolv", "search x");                  /* by hand counts more, what is added to it stays */
	g_free(resolv);
	resolv = read_path(w, "hosts/c/net/resolv");
	assert_string_equal(resolv, "nameserver 10.0.0.2\nnameserver 10.0.0.3\nsearch virginia.edu\nsearch x\n");
	assert_int_equal(write_iface(w, "hosts/c/net/ifs/eth0/address", "10.0.0.60/24"), 0); /* static again */
	g_free(address);
	address = read_path(w, "hosts/c/net/ifs/eth0/address");
	assert_string_equal(address, "10.0.0.60/24\n");
}

static void serve_dhcp_refuses_what_is_wrong(void **state)
{
	static const struct { const char *line; int code; } cases[] = {
		{ "serve dhcp range=10.0.0.50", EINVAL }, { "serve dhcp range=10.0.0.50-10.0.0.40", EINVAL },
		{ "serve dhcp range=10.0.1.1-10.0.1.9", EINVAL }, { "serve dhcp range=10.0.0.1-x", EINVAL },
		{ "serve dhcp if=eth9", ENODEV }, { "serve dhcp if=wlan0", ENODEV }, { "serve dhcp lease=0", ERANGE },
		{ "serve dhcp lease=5", EINVAL }, { "serve dhcp lease=5000000000s", ERANGE }, { "serve dhcp dns=a", EINVAL },
		{ "serve dhcp dns=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4", E2BIG }, { "serve dhcp router=::1", EINVAL },
		{ "serve dhcp \"domain=a\"", EINVAL }, { "serve dhcp domain=a/b", EINVAL }, { "serve dhcp zone=/zone", EINVAL },
		{ "serve dhcp style=fork", EINVAL }, { "serve dhcp recursive", EINVAL }, { "serve dhcp 70000", EINVAL },
		{ "serve echo 7 lease=5s", EINVAL },
	};
	struct world *w = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		fails(w, "b", 2, cases[i].line, cases[i].code);
	gives(w, "b", 2, "serve dhcp", "0\n");
	fails(w, "b", 3, "serve dhcp", EADDRINUSE);
	run_line(w, "hosts/b/net/ifs/eth0/up", "0");
	assert_int_equal(world_reboot_host(w, world_host_named(w, "b"), NULL), 0);
	world_changed(w);
	settle(w);
}

static void nobody_gives_an_address(void **state)
{
	struct world *w = *state;
	g_autofree char *address = NULL;
	struct net_iface *i;
	ns_t before = w->clock.now;

	assert_int_equal(world_add_host(w, "c", NULL), 0);
	assert_int_equal(net_iface_new(world_host_named(w, "c")->net, "eth0", &i, NULL), 0);
	run_line(w, "hosts/c/net/ifs/eth0/wire", "lan0");
	run_line(w, "hosts/c/net/ifs/eth0/up", "1");
	assert_int_equal(write_iface(w, "hosts/c/net/ifs/eth0/address", "dhcp"), -ETIMEDOUT);
	assert_true(w->clock.now - before > 100 * NS_PER_S);
	address = read_path(w, "hosts/c/net/ifs/eth0/address");
	assert_string_equal(address, "");                              /* nothing is left of it */
	refuse(w, "hosts/c/net/ifs/lo/address", "dhcp", EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		T(resolve_gives_addresses_and_records), T(the_cache_is_a_table), T(connect_tries_every_address),
		T(sendto_and_load_take_names), T(ping_takes_names), T(a_name_server_is_a_process), T(serve_dns_refuses_what_is_wrong),
		T(hosts_and_processes_go_meanwhile), T(get_fetches_by_name), T(get_takes_answers_of_all_kinds),
		T(an_interface_gets_its_address), T(serve_dhcp_refuses_what_is_wrong), T(nobody_gives_an_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
