/* test_serve.c - servers as processes: who has which memory, descriptors and connections; `load` and its histogram. */
#include "net_test.h"

#include "vm_proc.h"

/* host0 is 10.0.0.1 and asks; b is 10.0.0.2 and serves. Process 2 of each. */
static int setup(void **state)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct node root = tree_root(w);

	w->knowns = knowns_new(w, &root, "");
	assert_int_equal(world_add_host(w, "b", NULL), 0);
	assert_int_equal(world_add_wire(w, "lan0", NULL), 0);
	plug(w, "host0", 0x0a000001);
	plug(w, "b", 0x0a000002);
	run_line(w, "hosts/host0/ctl", "spawn client");
	run_line(w, "hosts/b/ctl", "spawn server");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void connect_client(struct world *w, int fd)
{
	g_autofree char *socket = g_strdup_printf("%d\n", fd), *line = g_strdup_printf("connect %d 10.0.0.2:7", fd);

	gives(w, "host0", 2, "socket tcp", socket);
	does(w, "host0", 2, line);
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
		cmocka_unit_test_setup_teardown(datagrams_are_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_of_datagrams_answers_no_other, setup, teardown),
		cmocka_unit_test_setup_teardown(load_tells_exact_percentiles_and_a_histogram, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
