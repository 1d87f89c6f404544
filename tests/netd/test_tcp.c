/* test_tcp.c - connections between two hosts: opening, bytes, closing. */
#include "lab.h"

static struct net_host *host(struct lab *l, const char *name)
{
	return net_host_at(l->net, name);
}

/* A connection from a to b's port 80. */
static void open_pair(struct lab *l, struct net_socket **client, struct net_socket **server)
{
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5);
	struct net_endpoint to = at("10.0.0.2:80"), peer;

	*client = open_socket(host(l, "a"), NET_TCP);
	assert_int_equal(net_connect(*client, &to, NULL), -EINPROGRESS);
	assert_int_equal(net_accept(listener, server, &peer, NULL), -EAGAIN);
	lab_settle(l);
	assert_int_equal(net_connect_result(*client, NULL), 0);
	assert_int_equal(net_accept(listener, server, &peer, NULL), 0);
	net_socket_release(listener);
	lab_check(l);
}

static void a_connection_carries_bytes_both_ways(void **state)
{
	struct lab *l = *state;
	struct net_socket *c, *s;

	open_pair(l, &c, &s);
	assert_int_equal(state_of(c), NET_TCP_ESTABLISHED);
	assert_int_equal(state_of(s), NET_TCP_ESTABLISHED);
	send_text(c, "hello", NULL);
	send_text(c, " world", NULL);
	lab_settle(l);
	lab_check(l);
	assert_recv(s, "hello world", NULL);
	send_text(s, "back", NULL);
	lab_settle(l);
	assert_recv(c, "back", "10.0.0.2:80");
	assert_int_equal(net_recv(c, (char[1]){ 0 }, 1, 0, NULL, NULL), -EAGAIN);
	net_socket_release(c);
	net_socket_release(s);
	lab_settle(l);
}

static void who_closes_first_waits(void **state)
{
	struct lab *l = *state;
	struct net_socket *c, *s;
	struct net_socket_info info;
	char byte;

	open_pair(l, &c, &s);
	net_socket_release(c);
	lab_settle(l);
	assert_int_equal(net_recv(s, &byte, 1, 0, NULL, NULL), 0);
	assert_int_equal(state_of(s), NET_TCP_CLOSE_WAIT);
	net_socket_release(s);
	lab_settle(l);
	assert_true(net_socket_above(host(l, "a"), 0, &info));
	assert_int_equal(info.state, NET_TCP_TIME_WAIT);
	assert_int_equal(info.send_queue, 0); /* its FIN has been acknowledged */
	assert_int_equal(info.timer, NET_TIMER_TIME_WAIT);
	assert_int_equal(info.inode, 0);
	assert_false(net_socket_above(host(l, "b"), 0, &info));
	lab_run(l, 61 * NS_PER_S);
	assert_false(net_socket_above(host(l, "a"), 0, &info));
}

static void nobody_listens(void **state)
{
	struct lab *l = *state;
	struct net_socket *c = open_socket(host(l, "a"), NET_TCP);
	struct net_endpoint to = at("10.0.0.2:81");

	assert_int_equal(net_connect(c, &to, NULL), -EINPROGRESS);
	lab_settle(l);
	assert_int_equal(net_connect_result(c, NULL), -ECONNREFUSED);
	net_socket_release(c);
}

static void nobody_is_there(void **state)
{
	struct lab *l = *state;
	struct net_socket *c = open_socket(host(l, "a"), NET_TCP);
	struct net_endpoint to = at("10.0.0.77:81");

	assert_int_equal(net_connect(c, &to, NULL), -EINPROGRESS);
	lab_settle(l);
	assert_int_equal(net_connect_result(c, NULL), -EHOSTUNREACH);
	assert_true(l->clock.now >= 3 * NS_PER_S && l->clock.now < 4 * NS_PER_S);
	net_socket_release(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_connection_carries_bytes_both_ways, lab_setup_pair, lab_teardown),
		cmocka_unit_test_setup_teardown(who_closes_first_waits, lab_setup_pair, lab_teardown),
		cmocka_unit_test_setup_teardown(nobody_listens, lab_setup_pair, lab_teardown),
		cmocka_unit_test_setup_teardown(nobody_is_there, lab_setup_pair, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
