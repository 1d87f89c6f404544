/* test_serve.c - servers as processes: who has which memory, descriptors and connections; `load` and its histogram. */
#include "net_test.h"

#include "vm_proc.h"

/* host0 asks, b serves. */
static int setup(void **state)
{
	*state = two_hosts("client", "server");
	return 0;
}

static void only_connect(struct world *w, int fd)
{
	g_autofree char *socket = g_strdup_printf("%d\n", fd), *line = g_strdup_printf("connect %d 10.0.0.2:7", fd);

	gives(w, "host0", 2, "socket tcp", socket);
	does(w, "host0", 2, line);
}

static void connect_client(struct world *w, int fd)
{
	only_connect(w, fd);
	settle(w);
}

static bool is_there(struct world *w, const char *path)
{
	struct node n;

	return tree_path(w, path, &n) == 0;
}

/* The frame that a page of the process is in: the inode of its file in pt/. */
static ino_t frame_of(struct world *w, int pid, const char *page)
{
	g_autofree char *path = g_strdup_printf("hosts/b/proc/%d/pt/%s", pid, page);
	struct node n = at(w, path);
	struct stat st = { 0 };

	assert_int_equal(tree_attr(&n, &st), 0);
	return st.st_ino;
}

static void children_of_a_server_are_processes(void **state)
{
	static const char text[] = "000/000/002/000", data[] = "000/000/002/004";
	struct world *w = *state;
	g_autofree char *line = NULL, *parent = NULL, *child = NULL;

	gives(w, "b", 2, "exec 0x400000", "faults=1\n");
	gives(w, "b", 2, "write 0x404000 \"parent\"", "faults=1\n");
	gives(w, "b", 2, "serve echo 7 style=fork", "0\n");
	connect_client(w, 0);
	connect_client(w, 1);
	line = read_path(w, "hosts/b/proc/4/status");
	assert_non_null(strstr(line, "PPid:\t2\n"));
	assert_non_null(strstr(line, "Name:\tserver\n"));
	/* each has a table of its own, on the parent's frames until it writes */
	parent = read_path(w, "hosts/b/proc/2/cpu");
	child = read_path(w, "hosts/b/proc/3/cpu");
	assert_string_not_equal(parent, child);
	assert_int_equal(frame_of(w, 2, data), frame_of(w, 3, data));
	assert_int_equal(frame_of(w, 2, data), frame_of(w, 4, data));
	gives(w, "b", 3, "exec 0x400000", "faults=1\n");
	assert_int_equal(frame_of(w, 2, text), frame_of(w, 3, text));
	gives(w, "b", 3, "write 0x404000 \"child\"", "faults=1\n");
	assert_int_not_equal(frame_of(w, 2, data), frame_of(w, 3, data));
	/* the parent has the listening socket, each child its connection */
	assert_true(is_there(w, "hosts/b/proc/2/fd/0") && !is_there(w, "hosts/b/proc/2/fd/1"));
	assert_true(is_there(w, "hosts/b/proc/3/fd/1") && !is_there(w, "hosts/b/proc/3/fd/0"));
	assert_true(is_there(w, "hosts/b/proc/4/fd/1") && !is_there(w, "hosts/b/proc/4/fd/0"));
}

static void a_killed_child_frees_its_socket(void **state)
{
	struct world *w = *state;
	g_autofree char *sockets = NULL;

	gives(w, "b", 2, "serve echo 7 style=fork", "0\n");
	connect_client(w, 0);
	connect_client(w, 1);
	does(w, "b", 3, "kill KILL");
	settle(w);
	gives(w, "host0", 2, "recv 0", "");      /* the end of the stream */
	gives(w, "host0", 2, "send 1 \"still\"", "5\n");
	gives(w, "host0", 2, "recv 1", "still");
	does(w, "host0", 2, "close 0");
	settle(w);
	run_line(w, "clock", "advance 130s");
	sockets = read_path(w, "hosts/b/net/sockets.csv");
	assert_null(strstr(sockets, "WAIT"));
	assert_non_null(strstr(sockets, "ESTABLISHED"));
	connect_client(w, 0);                    /* the parent serves on, and has buried its child */
	assert_false(is_there(w, "hosts/b/proc/3"));
}

static void workers_of_a_pool_wait_in_accept(void **state)
{
	struct world *w = *state;
	g_autofree char *where = NULL;

	gives(w, "b", 2, "serve echo 7 style=pool=2", "0\n");
	where = read_path(w, "hosts/b/proc/2/task/3/wchan");
	assert_string_equal(where, "inet_csk_accept");
	where = (g_free(where), read_path(w, "hosts/b/proc/4/wchan"));       /* where ps -L looks */
	assert_string_equal(where, "inet_csk_accept");
	assert_false(is_there(w, "hosts/b/proc/5"));
	for (int i = 0; i < 3; i++)
		connect_client(w, i);
	gives(w, "host0", 2, "send 0 \"a\"", "1\n");
	gives(w, "host0", 2, "recv 0", "a");
	gives(w, "host0", 2, "send 2 \"c\"", "1\n");
	fails_at_once(w, "host0", 2, "recv 2", EAGAIN);  /* both workers are talking; the third connection waits */
	where = (g_free(where), read_path(w, "hosts/b/proc/2/task/3/wchan"));
	assert_string_equal(where, "wait_woken");
	does(w, "host0", 2, "close 0");
	gives(w, "host0", 2, "recv 2", "c");
}

static void the_port_of_a_killed_server_is_free(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/b/ctl", "spawn other");
	gives(w, "b", 2, "serve echo 7 style=pool=2", "0\n");
	fails(w, "b", 3, "serve echo 7", EADDRINUSE);
	does(w, "b", 2, "kill KILL");
	gives(w, "b", 3, "serve echo 7", "0\n");
	connect_client(w, 0);
}

/* Three clients that ask slowly or not at all, then one that asks: how long that one waits. */
static void slow_clients_hold_a_serial_server_no_longer_than_it_has_patience(void **state)
{
	static const struct { const char *serve; int least, most /* ms */; } cases[] = {
		{ "serve http 7 style=serial", 20000 + 20000 + 60000, 101000 },  /* half a head, half a body, nothing */
		{ "serve http 7 style=serial timeout=1s", 5000, 5500 },
		{ "serve http 7 style=pool=2", 20000, 20500 },
		{ "serve http 7 style=fork wait=1", 100000, 101000 },
		{ "serve http 7 style=fork", 0, 100 }, { "serve http 7 style=thread", 0, 100 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct world *w = two_hosts("slow other", "server");
		ns_t began;

		gives(w, "b", 2, cases[i].serve, "0\n");
		for (int fd = 0; fd < 3; fd++)
			only_connect(w, fd);
		assert_int_equal(try_command(w, "host0", 2, 0, "send 0 \"GET / HTTP/1.1\\r\\nHost:\"", NULL), 0);
		assert_int_equal(try_command(w, "host0", 2, 0, "send 1 \"GET / HTTP/1.1\\r\\nHost: b\\r\\nContent-Length: 9\\r\\n\\r\\n1\"", NULL), 0);
		began = w->clock.now;
		fails(w, "host0", 3, "get http://10.0.0.2:7/", ENOENT);      /* it is answered: there is no such file */
		if (w->clock.now - began < cases[i].least * NS_PER_MS || w->clock.now - began > cases[i].most * NS_PER_MS)
			print_error("%s: %ld ms\n", cases[i].serve, (long)((w->clock.now - began) / NS_PER_MS));
		assert_true(w->clock.now - began >= cases[i].least * NS_PER_MS);
		assert_true(w->clock.now - began <= cases[i].most * NS_PER_MS);
		world_free(w);
	}
}

/*
 * Clients that may keep their connections do, and would hold a server that has no worker left for whole minutes (RFC 9112 9.3). One
 * that has just been answered has a moment to ask again.
 */
static void an_idle_connection_goes_when_another_waits(void **state)
{
	static const char *const serve[] = { "serve http 7 style=serial", "serve http 7 style=pool=1" };

	for (unsigned i = 0; i < 4; i++) {
		bool at_once = i % 2;
		struct world *w = two_hosts("keeper other", "server");
		ns_t began, took;

		gives(w, "b", 2, serve[i / 2], "0\n");
		only_connect(w, 0);
		for (int n = 0; n < 2; n++) {                            /* kept while nobody waits */
			g_autofree char *said = NULL;

			run_line(w, "clock", "advance 5s");
			gives(w, "host0", 2, "send 0 \"GET / HTTP/1.1\\r\\nHost: b\\r\\n\\r\\n\"", "27\n");
			assert_int_equal(try_command(w, "host0", 2, 0, "recv 0", &said), 0);
			assert_true(g_str_has_prefix(said, "HTTP/1.1 404 Not Found\r\n"));
		}
		if (!at_once)
			run_line(w, "clock", "advance 5s");
		began = w->clock.now;
		fails(w, "host0", 3, "get http://10.0.0.2:7/", ENOENT);
		took = w->clock.now - began;
		assert_true(at_once ? took > 90 * NS_PER_MS && took < 150 * NS_PER_MS : took < 50 * NS_PER_MS);
		gives(w, "host0", 2, "recv 0", "");
		world_free(w);
	}
}

static void who_is_slow_is_told_and_who_does_not_read_is_left(void **state)
{
	struct world *w = *state;
	g_autofree char *said = NULL;
	g_autoptr(GString) file = g_string_new(NULL);
	ns_t began;

	gives(w, "b", 2, "serve http 7 style=thread timeout=2s", "0\n");
	only_connect(w, 0);
	gives(w, "host0", 2, "send 0 \"GET / HT\"", "8\n");
	began = w->clock.now;
	assert_int_equal(try_command(w, "host0", 2, 0, "recv 0", &said), 0);
	assert_true(g_str_has_prefix(said, "HTTP/1.1 408 Request Timeout\r\n"));
	assert_true(w->clock.now - began >= 1900 * NS_PER_MS && w->clock.now - began < 2100 * NS_PER_MS);
	gives(w, "host0", 2, "recv 0", "");
	/* an answer of 8 MiB that nobody reads */
	g_string_set_size(file, 8 << 20);
	memset(file->str, 'x', file->len);
	put_file(w, "b", "big", file->str, file->len);
	only_connect(w, 1);
	assert_int_equal(try_command(w, "host0", 2, 0, "send 1 \"GET /big HTTP/1.1\\r\\nHost: b\\r\\n\\r\\n\"", NULL), 0);
	run_line(w, "clock", "advance 5s");
	assert_true(is_there(w, "hosts/b/proc/2/fd/2") || is_there(w, "hosts/b/proc/2/fd/1"));
	run_line(w, "clock", "advance 5s");
	assert_false(is_there(w, "hosts/b/proc/2/fd/1"));
	assert_false(is_there(w, "hosts/b/proc/2/fd/2"));
	fails(w, "b", 2, "serve echo 8 timeout=1s", EINVAL);
}

/* RFC 862, 863, 864, 867 over UDP. */
static void datagrams_are_answered(void **state)
{
	struct world *w = *state;
	g_autofree char *some = NULL;

	run_line(w, "hosts/b/ctl", "spawn -n 3 more");
	gives(w, "b", 2, "serve echo proto=udp", "0\n");
	gives(w, "b", 3, "serve discard proto=udp", "0\n");
	gives(w, "b", 4, "serve daytime proto=udp", "0\n");
	gives(w, "b", 5, "serve chargen proto=udp", "0\n");
	gives(w, "host0", 2, "socket udp", "0\n");
	gives(w, "host0", 2, "sendto 0 10.0.0.2:7 \"hello\"", "5\n");
	gives(w, "host0", 2, "recv 0", "10.0.0.2:7 hello");
	gives(w, "host0", 2, "sendto 0 10.0.0.2:9 \"hello\"", "5\n");
	settle(w);
	fails_at_once(w, "host0", 2, "recv 0", EAGAIN);
	gives(w, "host0", 2, "sendto 0 10.0.0.2:13 \"\"", "0\n");
	gives(w, "host0", 2, "recv 0", "10.0.0.2:13 Wednesday, January 1, 2025 00:00:00-UTC\r\n");
	for (int i = 0; i < 5; i++) {
		gives(w, "host0", 2, "sendto 0 10.0.0.2:19 \"x\"", "1\n");
		assert_int_equal(try_command(w, "host0", 2, 0, "recv 0", &some), 0);
		assert_true(strlen(some) <= strlen("10.0.0.2:19 ") + 512);
		g_free(some);
		some = NULL;
	}
	fails(w, "b", 2, "serve http proto=udp", EINVAL);
	fails(w, "b", 2, "serve echo 17 proto=udp style=fork", EINVAL);
	fails(w, "b", 2, "serve echo 17 proto=sctp", EINVAL);
	fails(w, "b", 3, "serve echo proto=udp", EADDRINUSE);
	does(w, "b", 2, "close 0");
	gives(w, "b", 3, "serve echo proto=udp", "1\n");
}

static void datagrams_of_both_versions_are_answered(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/b/net/ifs/eth0/address", "fd00::2/64");
	run_line(w, "hosts/host0/net/ifs/eth0/address", "fd00::1/64");
	run_line(w, "clock", "advance 3s");                     /* probes for duplicates are over */
	gives(w, "b", 2, "serve echo proto=udp", "0\n");
	gives(w, "host0", 2, "socket udp", "0\n");
	gives(w, "host0", 2, "sendto 0 10.0.0.2:7 \"four\"", "4\n");
	gives(w, "host0", 2, "recv 0", "10.0.0.2:7 four");
	gives(w, "host0", 2, "socket udp6", "1\n");
	gives(w, "host0", 2, "sendto 1 [fd00::2]:7 \"six\"", "3\n");
	gives(w, "host0", 2, "recv 1", "[fd00::2]:7 six");
}

/* Two such servers would answer each other for ever. */
static void a_server_of_datagrams_answers_no_other(void **state)
{
	struct world *w = *state;

	gives(w, "b", 2, "serve echo proto=udp", "0\n");
	gives(w, "host0", 2, "socket udp", "0\n");
	does(w, "host0", 2, "bind 0 0.0.0.0:19");
	gives(w, "host0", 2, "sendto 0 10.0.0.2:7 \"x\"", "1\n");
	settle(w);
	fails_at_once(w, "host0", 2, "recv 0", EAGAIN);
}

/* One worker, 10 ms an answer: the answer to client i takes i times as long. The table counts what the result tells. */
static void load_tells_exact_percentiles_and_a_histogram(void **state)
{
	struct world *w = *state;
	g_autofree char *result = NULL, *table = NULL;

	table = read_path(w, "hosts/host0/proc/2/load.csv");
	assert_string_equal(table, "from,to,count,sum,percent,bar\r\n");
	gives(w, "b", 2, "serve echo 7 work=10ms", "0\n");
	assert_int_equal(try_command(w, "host0", 2, 0, "load echo 10.0.0.2:7 clients=10", &result), 0);
	assert_true(g_str_has_prefix(result, "done=10\nerrors=0\np50=0.050"));
	assert_non_null(strstr(result, "\np90=0.090"));
	assert_non_null(strstr(result, "\np99=0.100"));
	assert_non_null(strstr(result, "\nmax=0.100"));
	g_free(table);
	table = read_path(w, "hosts/host0/proc/2/load.csv");
	/* 10 ms | 20 30 40 | 50 ... 90 | 100 */
	assert_string_equal(table, "from,to,count,sum,percent,bar\r\n"
				   "0.010000000,0.020000000,1,1,10.0,########\r\n"
				   "0.020000000,0.050000000,3,4,40.0,########################\r\n"
				   "0.050000000,0.100000000,5,9,90.0,########################################\r\n"
				   "0.100000000,0.200000000,1,10,100.0,########\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(children_of_a_server_are_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_child_frees_its_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(workers_of_a_pool_wait_in_accept, setup, teardown),
		cmocka_unit_test_setup_teardown(the_port_of_a_killed_server_is_free, setup, teardown),
		cmocka_unit_test(slow_clients_hold_a_serial_server_no_longer_than_it_has_patience),
		cmocka_unit_test(an_idle_connection_goes_when_another_waits),
		cmocka_unit_test_setup_teardown(who_is_slow_is_told_and_who_does_not_read_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(datagrams_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(datagrams_of_both_versions_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_of_datagrams_answers_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(load_tells_exact_percentiles_and_a_histogram, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
