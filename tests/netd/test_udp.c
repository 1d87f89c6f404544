/* test_udp.c - UDP over one wire, over a router, through loopback. */
#include "lab.h"

static void a_message_arrives_with_its_senders_address(void **state)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "lan0");
	struct net_host *a = lab_host(l, "a", w, "10.0.0.1/24"), *b = lab_host(l, "b", w, "10.0.0.2/24");
	struct net_socket *sa = open_bound(a, NET_UDP, "0.0.0.0:5000"), *sb = open_bound(b, NET_UDP, "10.0.0.2:7");

	send_text(sa, "hello", "10.0.0.2:7");
	assert_int_equal(net_recv(sb, NULL, 0, 0, NULL, NULL), -EAGAIN);
	lab_settle(l);
	assert_true(net_poll(sb) & NET_POLLIN);
	assert_int_equal(counter(b, NET_Udp_InDatagrams), 0);  /* as Linux: counted when it is read */
	assert_recv(sb, "hello", "10.0.0.1:5000");
	assert_int_equal(counter(b, NET_Udp_InDatagrams), 1);
	send_text(sb, "back", "10.0.0.1:5000");
	lab_settle(l);
	assert_recv(sa, "back", "10.0.0.2:7");
	net_socket_release(sa);
	net_socket_release(sb);
}

static void loopback_needs_no_wire(void **state)
{
	struct lab *l = *state;
	struct net_host *a = lab_host(l, "a", NULL, NULL);
	struct net_socket *s = open_bound(a, NET_UDP, "127.0.0.1:53"), *c = open_socket(a, NET_UDP);

	send_text(c, "query", "127.0.0.1:53");
	lab_settle(l);
	assert_recv(s, "query", NULL);
	net_socket_release(s);
	net_socket_release(c);
}

/* RFC 791 3.2: 5000 bytes over an MTU of 1500, then over one of 576 behind a router. */
static void a_long_message_is_cut_and_put_together(void **state)
{
	struct lab *l = *state;
	struct net_wire *w1 = lab_wire(l, "w1"), *w2 = lab_wire(l, "w2");
	struct net_host *a = lab_host(l, "a", w1, "10.0.1.1/24"), *r = lab_host(l, "r", w1, "10.0.1.254/24");
	struct net_host *b = lab_host(l, "b", w2, "10.0.2.1/24");
	struct net_socket *sa, *sb;
	static char out[5000], in[6000];
	struct net_endpoint to = at("10.0.2.1:9");
	struct net_wire_config c;

	net_wire_get(w2, &c);
	c.mtu = 576;
	assert_int_equal(net_wire_set(w2, &c, NULL), 0);
	lab_host(l, "r", w2, "10.0.2.254/24");
	assert_int_equal(net_knob_set(r, NET_IP_FORWARD, 1, NULL), 0);
	lab_route(a, "0.0.0.0/0", "10.0.1.254");
	lab_route(b, "0.0.0.0/0", "10.0.2.254");
	sa = open_bound(a, NET_UDP, "0.0.0.0:1000");
	sb = open_bound(b, NET_UDP, "0.0.0.0:9");
	for (unsigned i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	assert_int_equal(net_send(sa, out, sizeof(out), 0, &to, NULL), sizeof(out));
	lab_settle(l);
	assert_int_equal(net_recv(sb, in, sizeof(in), 0, NULL, NULL), sizeof(out));
	assert_memory_equal(in, out, sizeof(out));
	assert_int_equal(counter(b, NET_Ip_ReasmOKs), 1);
	assert_true(counter(r, NET_Ip_FragCreates) >= 9);
	net_socket_release(sa);
	net_socket_release(sb);
}

static void two_nets_in_one_program_do_not_meet(void **state)
{
	struct lab *one = *state, two;
	struct net_host *a = lab_host(one, "a", lab_wire(one, "w"), "10.0.0.1/24"), *b;
	struct net_socket *sa = open_bound(a, NET_UDP, "0.0.0.0:7"), *sb;

	lab_open(&two, 1);
	b = lab_host(&two, "b", lab_wire(&two, "w"), "10.0.0.2/24");
	sb = open_socket(b, NET_UDP);
	send_text(sb, "hello?", "10.0.0.1:7");
	lab_settle(&two);
	lab_settle(one);
	assert_int_equal(net_recv(sa, NULL, 0, 0, NULL, NULL), -EAGAIN);
	assert_int_equal(one->clock.now, 0);
	net_socket_release(sa);
	net_socket_release(sb);
	lab_close(&two);
}

/* A DHCP server's is, and whoever has asked it may be gone when it answers. */
static void an_error_finds_a_socket_of_one_interface(void **state)
{
	struct lab *l = *state;
	struct net_wire *w = lab_wire(l, "lan0");
	struct net_host *a = lab_host(l, "a", w, "10.0.0.1/24");
	struct net_socket *s = open_bound(a, NET_UDP, "0.0.0.0:67");

	lab_host(l, "b", w, "10.0.0.2/24");
	net_socket_bind_iface(s, 2);
	send_text(s, "an answer", "10.0.0.2:68");
	lab_settle(l);
	send_text(s, "to nobody", "10.0.0.77:68");
	lab_settle(l);
	assert_int_equal(net_recv(s, NULL, 0, 0, NULL, NULL), -EAGAIN);
	assert_int_equal(counter(a, NET_Icmp_InDestUnreachs), 1);
	net_socket_release(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_arrives_with_its_senders_address, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(loopback_needs_no_wire, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(a_long_message_is_cut_and_put_together, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(an_error_finds_a_socket_of_one_interface, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(two_nets_in_one_program_do_not_meet, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
