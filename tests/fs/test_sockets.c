/* test_sockets.c - sockets and pipes by the commands of processes, without a kernel. */
#include "command.h"
#include "socket_test.h"

/* --- tcp --- */

static void bytes_go_both_ways(void **state)
{
	struct world *w = *state;

	connect_both(w);
	gives(w, "b", CLIENT, "send 0 \"hello \"", "6\n");
	gives(w, "b", CLIENT, "send 0 776f726c64", "5\n");
	gives(w, "host0", SERVER, "recv 1 8", "hello ");           /* what is there: the second is on its way */
	gives(w, "host0", SERVER, "recv 1", "world");
	gives(w, "host0", SERVER, "send 1 \"\\0\\n\"", "2\n");
	assert_int_equal(try_command(w, "b", CLIENT, 0, "recv 0", NULL), 0);
	gives(w, "b", CLIENT, "send 0 \"more\"", "4\n");
	gives(w, "host0", SERVER, "recv 1 4G", "more");            /* room for more than any call moves */
	does(w, "b", CLIENT, "shutdown 0 w");
	does(w, "host0", SERVER, "recv 1");                        /* the end, as often as one asks */
	does(w, "host0", SERVER, "recv 1");
	fails(w, "b", CLIENT, "send 0 41", EPIPE);
	gives(w, "host0", SERVER, "send 1 41", "1\n");
	gives(w, "b", CLIENT, "recv 0", "A");
}

static void without_waiting_there_is_eagain(void **state)
{
	struct world *w = *state;

	connect_both(w);
	fails_at_once(w, "host0", SERVER, "accept 0", EAGAIN);
	fails_at_once(w, "host0", SERVER, "recv 1", EAGAIN);
	fails_at_once(w, "host0", SERVER, "poll 1=in", EAGAIN);
	gives(w, "b", CLIENT, "socket tcp", "1\n");
	fails_at_once(w, "b", CLIENT, "connect 1 10.0.0.1:80", STORE_BEGUN);
	fails_at_once(w, "b", CLIENT, "connect 1 10.0.0.1:80", EALREADY);
	does(w, "b", CLIENT, "connect 1 10.0.0.1:80");             /* waits for that one, as Linux does */
	fails(w, "b", CLIENT, "connect 1 10.0.0.1:80", EISCONN);
}

static void nobody_listens_nobody_is_there(void **state)
{
	struct world *w = *state;
	ns_t begun;

	gives(w, "b", CLIENT, "socket tcp", "0\n");
	fails(w, "b", CLIENT, "connect 0 10.0.0.1:81", ECONNREFUSED);
	fails(w, "b", CLIENT, "connect 0 10.9.9.9:81", ENETUNREACH);
	fails(w, "b", CLIENT, "connect 0 10.0.0.77:81", EHOSTUNREACH); /* no answer to ARP */
	begun = w->clock.now;
	assert_int_equal(net_neigh_add(world_host_named(w, "b")->net, "eth0", &(struct net_addr){ .family = NET_IPV4, .v4 = 0x0a000063 },
				       &(struct net_mac){ { 2, 0, 0, 0, 0, 99 } }, NULL), 0);
	fails(w, "b", CLIENT, "connect 0 10.0.0.99:81", ETIMEDOUT);
	assert_int_equal((w->clock.now - begun + NS_PER_MS) / NS_PER_S, 127);
}

static void a_sender_waits_for_room(void **state)
{
	struct world *w = *state;
	g_autoptr(GString) line = g_string_new("send 0 \"");
	struct node ctl;
	struct job job = { 0 };
	GBytes *answer = NULL;
	unsigned got = 0;
	struct err e;

	connect_both(w);
	does(w, "b", CLIENT, "setsockopt 0 SO_SNDBUF 5000");
	does(w, "host0", SERVER, "setsockopt 1 SO_RCVBUF 5000");
	for (unsigned i = 0; i < 60000; i++)
		g_string_append_c(line, (char)('a' + i % 26));
	g_string_append_c(line, '"');
	ctl = ctl_of(w, "b", CLIENT);
	assert_int_equal(node_store(&ctl, &job, line->str, line->len, 0, &answer, &e), -EINPROGRESS);
	while (got < 60000) {
		g_autofree char *part = NULL;

		assert_int_equal(try_command(w, "host0", SERVER, 0, "recv 1", &part), 0);
		assert_true(*part);
		for (const char *c = part; *c; c++)
			assert_int_equal(*c, 'a' + got++ % 26);
		if (job.state && node_store(&ctl, &job, line->str, line->len, 0, &answer, &e) == 0)
			assert_int_equal(got < 60000, 1);
	}
	assert_int_equal(got, 60000);
	assert_memory_equal(g_bytes_get_data(answer, NULL), "60000\n", 6);
	g_bytes_unref(answer);
}

static void descriptors_share_the_connection(void **state)
{
	struct world *w = *state;

	connect_both(w);
	gives(w, "b", CLIENT, "fork", "3\n");
	gives(w, "b", CLIENT, "dup 0", "1\n");
	does(w, "b", CLIENT, "close 0");
	does(w, "b", CLIENT, "close 1");
	settle(w);
	assert_state(w, "b", 4000, "ESTABLISHED");                 /* the child has it */
	gives(w, "b", 3, "send 0 \"from the child\"", "14\n");
	does(w, "b", 3, "exit 0");
	gives(w, "host0", SERVER, "recv 1", "from the child");
	does(w, "host0", SERVER, "recv 1");
	settle(w);
	assert_state(w, "b", 4000, "FIN_WAIT2");                   /* outlives its processes */
	does(w, "host0", SERVER, "close 1");
	settle(w);
	assert_state(w, "b", 4000, "TIME_WAIT");
	assert_state(w, "host0", 80, "-");
}

static void death_by_signal_closes_too(void **state)
{
	struct world *w = *state;

	connect_both(w);
	does(w, "b", CLIENT, "kill KILL");
	does(w, "host0", SERVER, "recv 1");
	assert_state(w, "host0", 80, "CLOSE_WAIT");
	gives(w, "host0", SERVER, "poll 1", "1=in,out\n");
}

static void a_full_table_takes_no_connection_from_the_queue(void **state)
{
	struct world *w = *state;

	connect_both(w);
	gives(w, "b", CLIENT, "socket tcp", "1\n");
	does(w, "b", CLIENT, "connect 1 10.0.0.1:80");
	does(w, "host0", SERVER, "setrlimit NOFILE 2");
	fails(w, "host0", SERVER, "accept 0", EMFILE);
	fails(w, "host0", SERVER, "socket tcp", EMFILE);
	fails(w, "host0", SERVER, "pipe", EMFILE);
	does(w, "host0", SERVER, "close 1");
	assert_int_equal(try_command(w, "host0", SERVER, 0, "accept 0", NULL), 0);
}

static void close_lingers_until_the_other_end_has_it(void **state)
{
	struct world *w = *state;
	ns_t begun;

	connect_both(w);
	gives(w, "b", CLIENT, "send 0 \"last words\"", "10\n");
	does(w, "b", CLIENT, "setsockopt 0 SO_LINGER 5");
	does(w, "b", CLIENT, "close 0");
	assert_state(w, "b", 4000, "FIN_WAIT2");
	gives(w, "host0", SERVER, "recv 1", "last words");

	/* Nobody answers: for five seconds, then it goes on behind. */
	does(w, "host0", SERVER, "setsockopt 1 SO_LINGER 5");
	net_iface_up(net_iface_at(world_host_named(w, "b")->net, "eth0"), false, NULL);
	begun = w->clock.now;
	does(w, "host0", SERVER, "close 1");
	assert_int_equal((w->clock.now - begun) / NS_PER_MS, 5000);
	assert_state(w, "host0", 80, "LAST_ACK");
}

static void linger_zero_resets(void **state)
{
	struct world *w = *state;

	connect_both(w);
	does(w, "b", CLIENT, "setsockopt 0 SO_LINGER 0");
	does(w, "b", CLIENT, "close 0");
	fails(w, "host0", SERVER, "recv 1", ECONNRESET);
	fails(w, "host0", SERVER, "send 1 41", EPIPE);
}

static void the_backlog_holds_one_more_than_it_says(void **state)
{
	struct world *w = *state;

	gives(w, "host0", SERVER, "socket tcp", "0\n");
	does(w, "host0", SERVER, "bind 0 0.0.0.0:80");
	does(w, "host0", SERVER, "listen 0 2");
	for (unsigned i = 0; i < 3; i++) {
		g_autofree char *fd = g_strdup_printf("%u\n", i), *connect = g_strdup_printf("connect %u 10.0.0.1:80", i);

		gives(w, "b", CLIENT, "socket tcp", fd);
		does(w, "b", CLIENT, connect);
	}
	gives(w, "b", CLIENT, "socket tcp", "3\n");
	fails(w, "b", CLIENT, "connect 3 10.0.0.1:80", ETIMEDOUT);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(try_command(w, "host0", SERVER, 0, "accept 0", NULL), 0);
	fails_at_once(w, "host0", SERVER, "accept 0", EAGAIN);
}

static void port_rules(void **state)
{
	struct world *w = *state;

	gives(w, "host0", SERVER, "socket tcp", "0\n");
	gives(w, "host0", SERVER, "socket tcp", "1\n");
	gives(w, "host0", SERVER, "socket udp", "2\n");
	does(w, "host0", SERVER, "bind 0 0.0.0.0:80");
	fails(w, "host0", SERVER, "bind 0 0.0.0.0:81", EINVAL);
	fails(w, "host0", SERVER, "bind 1 10.0.0.1:80", EADDRINUSE);
	fails(w, "host0", SERVER, "bind 1 10.0.0.9:80", EADDRNOTAVAIL);
	does(w, "host0", SERVER, "bind 2 10.0.0.1:80");            /* udp has its own ports */
	does(w, "host0", SERVER, "setuid 1000");
	fails(w, "host0", SERVER, "bind 1 10.0.0.1:1023", EACCES);
	does(w, "host0", SERVER, "bind 1 10.0.0.1:1024");
	fails(w, "host0", SERVER, "socket sctp", EINVAL);
	fails(w, "host0", SERVER, "bind 1 [::1]:1025", EAFNOSUPPORT);
	fails(w, "host0", SERVER, "bind 1 10.0.0.1:99999", EINVAL);
	fails(w, "host0", SERVER, "setsockopt 0 SO_NONSENSE 1", ENOPROTOOPT);
	fails(w, "host0", SERVER, "setsockopt 0 SO_TYPE 1", ENOPROTOOPT);
	fails(w, "host0", SERVER, "setsockopt 0 TCP_CONGESTION vegas", ENOENT);
	does(w, "host0", SERVER, "setsockopt 0 TCP_CONGESTION reno");
	fails(w, "host0", SERVER, "listen 2", EOPNOTSUPP);
	fails(w, "host0", SERVER, "accept 0", EINVAL);
	fails(w, "host0", SERVER, "recv 0", ENOTCONN);
	fails(w, "host0", SERVER, "shutdown 0 w", ENOTCONN);
}

static void a_wildcard_of_version_6_takes_both_versions(void **state)
{
	struct world *w = *state;
	gives(w, "host0", SERVER, "socket tcp6", "0\n");
	gives(w, "host0", SERVER, "socket tcp", "1\n");
	does(w, "host0", SERVER, "bind 0 [::]:80");
	fails(w, "host0", SERVER, "bind 1 0.0.0.0:80", EADDRINUSE);
	fails(w, "host0", SERVER, "bind 1 10.0.0.1:80", EADDRINUSE);
	does(w, "host0", SERVER, "listen 0");
	gives(w, "b", CLIENT, "socket tcp", "0\n");
	does(w, "b", CLIENT, "bind 0 0.0.0.0:4000");
	does(w, "b", CLIENT, "connect 0 10.0.0.1:80");
	gives(w, "host0", SERVER, "accept 0", "2 [::ffff:10.0.0.2]:4000\n");
	gives(w, "host0", SERVER, "socket tcp6", "3\n");
	does(w, "host0", SERVER, "setsockopt 3 IPV6_V6ONLY 1");
	does(w, "host0", SERVER, "bind 3 [::]:81");
	fails(w, "host0", SERVER, "setsockopt 3 IPV6_V6ONLY 0", EINVAL);
	does(w, "host0", SERVER, "bind 1 0.0.0.0:81");
	gives(w, "b", CLIENT, "socket tcp6", "1\n");
	fails(w, "b", CLIENT, "connect 1 10.0.0.1:80", EAFNOSUPPORT);
	does(w, "b", CLIENT, "connect 1 [::ffff:10.0.0.1]:80");
	gives(w, "b", CLIENT, "socket tcp6", "2\n");
	does(w, "b", CLIENT, "setsockopt 2 IPV6_V6ONLY 1");
	fails(w, "b", CLIENT, "connect 2 [::ffff:10.0.0.1]:80", ENETUNREACH);
	fails(w, "b", CLIENT, "connect 2 [fe80::1]:80", EINVAL);
	fails(w, "b", CLIENT, "connect 2 [2001:db8::1]:80", ENETUNREACH);
	gives(w, "b", CLIENT, "socket udp6", "3\n");
	does(w, "b", CLIENT, "bind 3 [::1]:53");
	gives(w, "b", CLIENT, "sendto 3 [::1]:53 \"x\"", "1\n");
	gives(w, "b", CLIENT, "recv 3", "[::1]:53 x");
	fails(w, "b", CLIENT, "setsockopt 0 IPV6_V6ONLY 1", ENOPROTOOPT);
}

/* fe80:: means something on a link only: everywhere with the interface's name. */
static void addresses_of_a_link_name_their_interface(void **state)
{
	struct world *w = *state;
	g_autofree char *trace = NULL, *table = NULL;

	run_line(w, "hosts/host0/net/ifs/eth0/address", "2001:db8::1/64");
	run_line(w, "hosts/b/net/ifs/eth0/address", "2001:db8::2/64");
	settle(w);
	gives(w, "host0", SERVER, "socket udp6", "0\n");
	does(w, "host0", SERVER, "bind 0 [::]:7");
	gives(w, "b", CLIENT, "socket udp6", "0\n");
	does(w, "b", CLIENT, "bind 0 [::]:4000");
	gives(w, "b", CLIENT, "sendto 0 [fe80::ff:fe00:101%eth0]:7 \"x\"", "1\n");
	gives(w, "host0", SERVER, "recv 0", "[fe80::ff:fe00:201%eth0]:4000 x");
	does(w, "b", CLIENT, "connect 0 [fe80::ff:fe00:101%eth0]:7");
	table = read_path(w, "hosts/b/net/sockets");
	assert_non_null(strstr(table, " [fe80::ff:fe00:201%eth0]:4000 [fe80::ff:fe00:101%eth0]:7 "));
	assert_int_equal(try_command(w, "b", CLIENT, 0, "traceroute fe80::ff:fe00:101%eth0", &trace), 0);
	assert_true(g_str_has_prefix(trace, " 1  fe80::ff:fe00:101%eth0  "));
}

static void waiting_has_a_limit_if_one_is_set(void **state)
{
	struct world *w = *state;
	g_autoptr(GString) line = g_string_new("send 0 \"");
	g_autofree char *sent = NULL;
	ns_t begun;

	connect_both(w);
	does(w, "host0", SERVER, "setsockopt 1 SO_RCVTIMEO 2s");
	does(w, "host0", SERVER, "setsockopt 0 SO_RCVTIMEO 500ms");
	begun = w->clock.now;
	fails(w, "host0", SERVER, "recv 1", EAGAIN);
	assert_int_equal((w->clock.now - begun) / NS_PER_MS, 2000);
	fails(w, "host0", SERVER, "accept 0", EAGAIN);
	assert_int_equal((w->clock.now - begun) / NS_PER_MS, 2500);
	gives(w, "b", CLIENT, "send 0 41", "1\n");
	gives(w, "host0", SERVER, "recv 1", "A");
	does(w, "b", CLIENT, "setsockopt 0 SO_SNDTIMEO 1s");
	does(w, "b", CLIENT, "setsockopt 0 SO_SNDBUF 5000");
	does(w, "host0", SERVER, "setsockopt 1 SO_RCVBUF 5000");
	for (unsigned i = 0; i < 200000; i++)
		g_string_append_c(line, 'x');
	g_string_append_c(line, '"');
	assert_int_equal(try_command(w, "b", CLIENT, 0, line->str, &sent), 0);
	assert_true(atoi(sent) > 5000 && atoi(sent) < 200000);     /* what had room until then */
	fails(w, "b", CLIENT, line->str, EAGAIN);
	fails(w, "b", CLIENT, "setsockopt 0 SO_SNDTIMEO 7", EINVAL);
}

/* --- udp --- */

static void datagrams_tell_their_sender(void **state)
{
	struct world *w = *state;

	gives(w, "host0", SERVER, "socket udp", "0\n");
	does(w, "host0", SERVER, "bind 0 0.0.0.0:53");
	gives(w, "b", CLIENT, "socket udp", "0\n");
	does(w, "b", CLIENT, "bind 0 10.0.0.2:5000");
	fails(w, "b", CLIENT, "send 0 41", EDESTADDRREQ);
	gives(w, "b", CLIENT, "sendto 0 10.0.0.1:53 \"what is x?\"", "10\n");
	gives(w, "host0", SERVER, "recv 0", "10.0.0.2:5000 what is x?");
	gives(w, "host0", SERVER, "sendto 0 10.0.0.2:5000 \"\"", "0\n");
	gives(w, "b", CLIENT, "recv 0", "10.0.0.1:53 ");
	does(w, "b", CLIENT, "connect 0 10.0.0.1:53");
	gives(w, "b", CLIENT, "send 0 \"long message\"", "12\n");
	gives(w, "host0", SERVER, "recv 0 4", "10.0.0.2:5000 long");   /* the rest of a datagram is lost */
	fails_at_once(w, "host0", SERVER, "recv 0", EAGAIN);
	does(w, "b", CLIENT, "connect 0 10.0.0.1:54");
	gives(w, "b", CLIENT, "send 0 41", "1\n");
	fails(w, "b", CLIENT, "recv 0", ECONNREFUSED);
}

/* --- pipes --- */

static void a_pipe_joins_parent_and_child(void **state)
{
	struct world *w = *state;

	gives(w, "host0", SERVER, "pipe", "0 1\n");
	gives(w, "host0", SERVER, "fork", "3\n");
	does(w, "host0", SERVER, "close 1");
	gives(w, "host0", 3, "send 1 \"hi\"", "2\n");
	gives(w, "host0", SERVER, "recv 0", "hi");
	fails_at_once(w, "host0", SERVER, "recv 0", EAGAIN);
	gives(w, "host0", SERVER, "poll 0 timeout=2s", "");
	assert_int_equal(w->clock.now / NS_PER_S, 2);
	does(w, "host0", 3, "exit 0");
	gives(w, "host0", SERVER, "poll 0", "0=hup\n");
	does(w, "host0", SERVER, "recv 0");
	fails(w, "host0", SERVER, "bind 0 10.0.0.1:80", ENOTSOCK);
	fails(w, "host0", SERVER, "lseek 0 0", ESPIPE);
}

static void poll_tells_what_is_ready(void **state)
{
	struct world *w = *state;

	connect_both(w);
	gives(w, "host0", SERVER, "poll 0 1 9", "1=out 9=nval\n");
	gives(w, "host0", SERVER, "poll 0 1=in timeout=0", "");
	gives(w, "b", CLIENT, "send 0 41", "1\n");
	gives(w, "host0", SERVER, "poll 1=in", "1=in\n");
	gives(w, "b", CLIENT, "socket tcp", "1\n");
	does(w, "b", CLIENT, "connect 1 10.0.0.1:80");
	settle(w);
	gives(w, "host0", SERVER, "poll 0 1", "0=in 1=in,out\n");
	fails(w, "host0", SERVER, "poll 1=both", EINVAL);
	fails(w, "host0", SERVER, "poll x", EINVAL);
}

/* --- what is shown --- */

static void links_lead_to_sockets_and_pipes(void **state)
{
	struct world *w = *state;
	g_autofree char *text = NULL;
	struct node n;
	struct stat st;

	gives(w, "host0", SERVER, "socket tcp", "0\n");
	gives(w, "host0", SERVER, "pipe", "1 2\n");
	n = at(w, "hosts/host0/proc/2/fd/0");
	assert_int_equal(tree_attr(&n, &st), 0);
	assert_int_equal(st.st_mode, S_IFSOCK | 0777);
	text = g_strdup_printf("hosts/host0/proc/2/fd/socket:[%lu]", (unsigned long)st.st_ino);
	n = at(w, text);
	n = at(w, "hosts/host0/proc/2/fd/2");
	assert_int_equal(tree_attr(&n, &st), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0600);
	assert_int_equal(tree_path(w, "hosts/host0/proc/2/fd/socket:[77]", &n), -ENOENT);
	assert_int_equal(tree_path(w, "hosts/host0/proc/2/fd/socket:[]", &n), -ENOENT);
	assert_int_equal(tree_path(w, "hosts/host0/proc/2/fd/pipe:", &n), -ENOENT);
	assert_int_equal(tree_path(w, "hosts/host0/proc/2/fd/pipe:[ 1]", &n), -ENOENT);
}

static void fixtures_have_their_holders(void **state)
{
	struct world *w = *state;
	g_autofree char *tcp = NULL, *link = NULL;

	run_line(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 - LISTEN pid=2 fd=7 rxq=3");
	run_line(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:5555 ESTABLISHED rxq=10 txq=20");
	run_line(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:5556 time-wait");
	run_line(w, "hosts/host0/ctl", "set-socket udp 0.0.0.0:53 - - pid=2");
	refuse(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:5555 ESTABLISHED", EADDRINUSE);
	refuse(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:1 ESTABLISHED pid=9", ESRCH);
	refuse(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:1 ESTABLISHED fd=9", EINVAL);
	refuse(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:1 ESTABLISHED pid=2 fd=7", EBUSY);
	refuse(w, "hosts/host0/ctl", "set-socket tcp 10.0.0.1:80 10.0.0.9:1 DREAMING", EINVAL);
	refuse(w, "hosts/host0/ctl", "set-socket tcp6 10.0.0.1:80 10.0.0.9:1 LISTEN", EINVAL);
	tcp = read_path(w, "proc/net/tcp");
	assert_non_null(strstr(tcp, "\n   0: 0100000A:0050 00000000:0000 0A 00000000:00000003 "));
	assert_non_null(strstr(tcp, "\n   1: 0100000A:0050 0900000A:15B3 01 00000014:0000000A "));
	assert_non_null(strstr(tcp, "\n   2: 0100000A:0050 0900000A:15B4 06 00000000:00000000 "));
	assert_null(strstr(tcp, "\n   3:"));
	link = read_path(w, "hosts/host0/proc/2/fdinfo/7");
	assert_non_null(strstr(link, "flags:\t02\n"));
	run_line(w, "hosts/host0/ctl", "reboot");
}

/* send(2) and recv(2) with MSG_OOB, MSG_MORE, MSG_PEEK. */
static void flags_of_messages_are_words(void **state)
{
	struct world *w = *state;

	connect_both(w);
	fails(w, "host0", SERVER, "recv 1 oob", EINVAL);           /* nothing urgent */
	gives(w, "b", CLIENT, "send 0 \"abc\" oob", "3\n");
	gives(w, "host0", SERVER, "poll 1=pri", "1=pri\n");
	gives(w, "host0", SERVER, "recv 1 peek", "ab");            /* the urgent byte is not among them */
	gives(w, "host0", SERVER, "recv 1 1 peek", "a");
	gives(w, "host0", SERVER, "recv 1 oob", "c");
	fails(w, "host0", SERVER, "recv 1 oob", EINVAL);           /* once */
	gives(w, "host0", SERVER, "recv 1", "ab");
	does(w, "host0", SERVER, "setsockopt 1 SO_OOBINLINE 1");
	gives(w, "host0", SERVER, "recv 1", "c");                  /* nobody has stepped over it yet */
	gives(w, "b", CLIENT, "send 0 \"xyz\" oob", "3\n");
	gives(w, "host0", SERVER, "recv 1", "xy");                 /* up to the mark */
	gives(w, "host0", SERVER, "recv 1", "z");
	run_line(w, "clock", "advance 1s");                        /* an acknowledgement under way would send it */
	gives(w, "b", CLIENT, "send 0 \"one\" more", "3\n");
	fails_at_once(w, "host0", SERVER, "recv 1", EAGAIN);
	gives(w, "b", CLIENT, "send 0 \"two\"", "3\n");
	gives(w, "host0", SERVER, "recv 1", "onetwo");
	fails(w, "b", CLIENT, "send 0 \"x\" urgent", EINVAL);
	fails(w, "b", CLIENT, "send 0 \"x\" \"oob\"", EINVAL); /* a quoted word is no option */
	fails(w, "b", CLIENT, "recv 0 oob 1", EINVAL);
	gives(w, "b", CLIENT, "pipe", "1 2\n");
	fails(w, "b", CLIENT, "send 2 \"x\" oob", ENOTSOCK);
	fails(w, "b", CLIENT, "recv 1 peek", ENOTSOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		TEST(bytes_go_both_ways), TEST(without_waiting_there_is_eagain), TEST(nobody_listens_nobody_is_there),
		TEST(a_sender_waits_for_room), TEST(descriptors_share_the_connection), TEST(death_by_signal_closes_too),
		TEST(a_full_table_takes_no_connection_from_the_queue), TEST(close_lingers_until_the_other_end_has_it),
		TEST(linger_zero_resets), TEST(the_backlog_holds_one_more_than_it_says), TEST(port_rules), TEST(a_wildcard_of_version_6_takes_both_versions),
		TEST(addresses_of_a_link_name_their_interface), TEST(waiting_has_a_limit_if_one_is_set),
		TEST(datagrams_tell_their_sender), TEST(a_pipe_joins_parent_and_child), TEST(poll_tells_what_is_ready),
		TEST(links_lead_to_sockets_and_pipes), TEST(fixtures_have_their_holders), TEST(flags_of_messages_are_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
