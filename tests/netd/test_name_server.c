/* test_name_server.c - name servers under odd clients: strange messages, many questions on one connection (RFC 1035). */
#include "internet.h"
#include "dns/message.h"

static void a_server_takes_odd_messages(void **state)
{
	struct scene s;
	struct net_socket *c, *t;
	struct net_endpoint to = at("10.0.0.3:53");
	static const uint8_t question[] = { 0, 29, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e', 'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t bytes[600] = { 0 };

	open_scene(&s, *state);
	c = open_socket(s.client, NET_UDP);
	for (unsigned len = 0; len < 40; len++)          /* no answer to what is not understood, nor to answers */
		assert_int_equal(net_send(c, bytes, len, 0, &to, NULL), len);
	bytes[2] = 0x80;
	assert_int_equal(net_send(c, bytes, 12, 0, &to, NULL), 12);
	lab_settle(s.l);
	step_servers(&s);
	lab_settle(s.l);
	for (ssize_t n; (n = net_recv(c, bytes, sizeof bytes, 0, NULL, NULL)) >= 0; )
		assert_int_equal(bytes[3] & 15, DNS_FORMERR); /* a header without a question */

	t = open_socket(s.client, NET_TCP);              /* a byte at a time, then the end in the middle of a message */
	assert_int_equal(net_connect(t, &to, NULL), -EINPROGRESS);
	lab_settle(s.l);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(net_send(t, question + i, 1, 0, NULL, NULL), 1);
		step_servers(&s);
		lab_settle(s.l);
	}
	assert_int_equal(net_shutdown(t, SHUT_WR, NULL), 0);
	lab_settle(s.l);
	step_servers(&s);
	lab_settle(s.l);
	assert_int_equal(net_recv(t, bytes, sizeof bytes, 0, NULL, NULL), 0);
	net_socket_release(t);
	net_socket_release(c);
	close_scene(&s);
}

/* RFC 1035 4.2.2: several questions on one connection, in one segment. */
static void rfc1035_4_2_2_questions_on_one_connection(void **state)
{
	struct scene s;
	struct net_endpoint to = at("10.0.0.53:53");
	g_autoptr(GByteArray) both = g_byte_array_new(), one = g_byte_array_new();
	uint8_t in[2000], len[2] = { 0 };
	struct net_socket *t;
	struct dns_message q;
	unsigned answers = 0, ids = 0;
	ssize_t n;

	open_scene(&s, *state);
	add_server(&s, "resolver", "10.0.0.53/24", NULL, "10.0.0.1");
	t = open_socket(s.client, NET_TCP);
	assert_int_equal(net_connect(t, &to, NULL), -EINPROGRESS);
	lab_settle(s.l);
	for (unsigned i = 0; i < 2; i++) {
		dns_message_init(&q);
		q.id = (uint16_t)(1 << i);
		q.has_question = q.wants_recursion = true;
		assert_int_equal(dns_name_parse(i ? "web.virginia.edu" : "ns.edu", &q.name, NULL), 0);
		q.type = DNS_A;
		dns_message_write(&q, 512, one);
		len[1] = (uint8_t)one->len;
		g_byte_array_append(both, len, 2);
		g_byte_array_append(both, one->data, one->len);
		dns_message_clear(&q);
	}
	assert_int_equal(net_send(t, both->data, both->len, 0, NULL, NULL), both->len);
	assert_int_equal(net_shutdown(t, SHUT_WR, NULL), 0); /* the answers come all the same */
	for (unsigned i = 0; i < 1000 && s.l->clock.busy; i++) {
		step_servers(&s);
		clock_step(&s.l->clock);
	}
	n = net_recv(t, in, sizeof in, 0, NULL, NULL);
	for (ssize_t at = 0; at < n; answers++) {
		size_t m = (size_t)in[at] << 8 | in[at + 1];

		assert_int_equal(dns_message_parse(in + at + 2, m, &q, NULL), 0);
		assert_true(q.recursion && !q.rcode && q.section[DNS_ANSWER]->len);
		ids += q.id;
		dns_message_clear(&q);
		at += 2 + (ssize_t)m;
	}
	assert_int_equal(answers, 2);
	assert_int_equal(ids, 3);
	net_socket_release(t);
	close_scene(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, lab_setup, lab_teardown)
		T(a_server_takes_odd_messages),
		T(rfc1035_4_2_2_questions_on_one_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
