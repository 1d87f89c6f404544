/* test_rdt.c - the message protocols over a network; test_rdt_paths.c has every order of events. */
#include "lab.h"
#include "rdt.h"

#include <errno.h>

static const struct rdt_rules *rules_of(const char *name)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++)
		if (strcmp(rdt_variants[i].name, name) == 0)
			return &rdt_variants[i];
	assert_true(false);
	return NULL;
}

struct pair { struct net_wire *wire; struct net_socket *a, *b; };

static void set(struct net_socket *s, enum net_option o, int value)
{
	assert_int_equal(net_setsockopt(s, o, value, NULL), 0);
}

static struct pair pair_of(struct lab *l, const char *variant)
{
	struct pair p = { .wire = lab_wire(l, "lan0") };
	struct net_host *a = lab_host(l, "a", p.wire, "10.0.0.1/24"), *b = lab_host(l, "b", p.wire, "10.0.0.2/24");
	int index = (int)(rules_of(variant) - rdt_variants);

	p.a = open_bound(a, NET_RDT, "0.0.0.0:5000");
	p.b = open_bound(b, NET_RDT, "0.0.0.0:6000");
	assert_string_equal(net_rdt_variant_names[index], variant);
	set(p.a, NET_RDT_VARIANT, index);
	set(p.b, NET_RDT_VARIANT, index);
	return p;
}

static void pair_end(struct pair *p)
{
	net_socket_release(p->a);
	net_socket_release(p->b);
}

static void fault(struct net_wire *w, enum net_fault_action action, unsigned count, unsigned what, unsigned nth)
{
	struct net_fault f = { .action = action, .count = count, .match = { .what = what, .nth = nth } };

	assert_int_equal(net_wire_fault(w, &f, NULL), 0);
}

static void every_variant_carries_a_message_both_ways(void **state)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++) {
		struct lab l;
		struct pair p;

		lab_open(&l, i + 1);
		p = pair_of(&l, rdt_variants[i].name);
		send_text(p.a, "hello", "10.0.0.2:6000");
		lab_settle(&l);
		assert_recv(p.b, "hello", "10.0.0.1:5000");
		send_text(p.b, "back", "10.0.0.1:5000");
		lab_settle(&l);
		assert_recv(p.a, "back", "10.0.0.2:6000");
		lab_check(&l);
		pair_end(&p);
		lab_close(&l);
	}
}

/* The slide of lesson 24, word for word. */
static void a_lost_acknowledgement_gives_the_meeting_the_meeting(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "try1");

	set(p.a, NET_RDT_PART, 12);
	fault(p.wire, NET_DROP, 1, NET_MATCH_RDT | NET_MATCH_ACK, 1);
	send_text(p.a, "The meeting is at 12pm.", "10.0.0.2:6000");
	lab_settle(l);
	assert_recv(p.b, "The meetingThe meeting is at 12pm.", NULL);
	pair_end(&p);
}

static void v3_survives_the_same(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct net_rdt_info info;

	set(p.a, NET_RDT_PART, 12);
	fault(p.wire, NET_DROP, 1, NET_MATCH_RDT | NET_MATCH_ACK, 1);
	send_text(p.a, "The meeting is at 12pm.", "10.0.0.2:6000");
	lab_settle(l);
	assert_recv(p.b, "The meeting is at 12pm.", NULL);
	assert_true(net_rdt_peer(p.a, 0, &info));
	assert_int_equal(info.sent, 3);
	assert_int_equal(info.resent, 1);
	assert_false(info.waits);
	pair_end(&p);
}

static void who_is_not_answered_gives_up(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct err e;

	set(p.a, NET_RDT_TRIES, 3);
	set(p.a, NET_RDT_TIMEOUT, 100);
	fault(p.wire, NET_DROP, 0, NET_MATCH_RDT, 1);
	send_text(p.a, "anybody?", "10.0.0.2:6000");
	lab_settle(l);
	assert_true(l->clock.now >= 300 * NS_PER_MS && l->clock.now < 400 * NS_PER_MS);
	assert_int_equal(net_recv(p.a, NULL, 0, 0, NULL, &e), -ETIMEDOUT);
	assert_int_equal(net_recv(p.a, NULL, 0, 0, NULL, &e), -EAGAIN);
	pair_end(&p);
}

static void a_thousand_parts_arrive_through_a_bad_wire(void **state)
{
	static const char *const names[] = { "v3", "gbn", "sr" };

	for (unsigned i = 0; i < 3; i++) {
		struct lab l;
		struct pair p;
		struct net_wire_config c;
		GString *sent = g_string_new(NULL), *got = g_string_new(NULL);
		char buffer[4096];
		ssize_t n;

		lab_open(&l, 7 + i);
		p = pair_of(&l, names[i]);
		net_wire_get(p.wire, &c);
		c.loss = c.corrupt = c.duplicate = c.reorder = NET_PPM / 10;
		assert_int_equal(net_wire_set(p.wire, &c, NULL), 0);
		set(p.a, NET_RDT_PART, 100);
		set(p.a, NET_RDT_TIMEOUT, 20);
		set(p.a, NET_RDT_TRIES, 1000);           /* ARP asks once a second */
		for (unsigned k = 0; k < 50; k++) {
			for (unsigned j = 0; j < 2000; j++)
				buffer[j] = (char)('a' + (k * 7 + j) % 26);
			g_string_append_len(sent, buffer, 2000);
			assert_int_equal(net_send(p.a, buffer, 2000, 0, &(struct net_endpoint){ addr("10.0.0.2"), 6000 }, NULL), 2000);
			lab_settle(&l);
			while ((n = net_recv(p.b, buffer, sizeof(buffer), 0, NULL, NULL)) > 0)
				g_string_append_len(got, buffer, n);
		}
		assert_int_equal(got->len, sent->len);
		assert_string_equal(got->str, sent->str);
		g_string_free(sent, TRUE);
		g_string_free(got, TRUE);
		pair_end(&p);
		lab_close(&l);
	}
}

static void bad_options_and_messages_are_refused(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct net_endpoint to = at("10.0.0.2:6000");
	struct net_socket *u = open_socket(net_socket_host(p.a), NET_UDP);
	static char big[RDT_MESSAGE_MAX + 1];
	struct err e;

	assert_int_equal(net_setsockopt(p.a, NET_RDT_VARIANT, 10, &e), -EINVAL);
	assert_int_equal(net_setsockopt(p.a, NET_RDT_PART, 0, &e), -EINVAL);
	assert_int_equal(net_setsockopt(u, NET_RDT_PART, 10, &e), -ENOPROTOOPT);
	assert_int_equal(net_send(p.a, big, sizeof(big), 0, &to, &e), -EMSGSIZE);
	assert_int_equal(net_send(p.a, "x", 1, 0, NULL, &e), -EDESTADDRREQ);
	send_text(p.a, "x", "10.0.0.2:6000");
	assert_int_equal(net_setsockopt(p.a, NET_RDT_VARIANT, 1, &e), -EISCONN);
	net_socket_release(u);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_variant_carries_a_message_both_ways),
		cmocka_unit_test_setup_teardown(a_lost_acknowledgement_gives_the_meeting_the_meeting, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(v3_survives_the_same, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(who_is_not_answered_gives_up, lab_setup, lab_teardown),
		cmocka_unit_test(a_thousand_parts_arrive_through_a_bad_wire),
		cmocka_unit_test_setup_teardown(bad_options_and_messages_are_refused, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
