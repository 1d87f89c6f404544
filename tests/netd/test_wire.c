/* test_wire.c - what wires do to frames: speed, queues, learning, rules, dice, capture. */
#include "json.h"
#include "lab.h"

static int setup(void **state)
{
	lab_setup_pair(state);
	lab_host(*state, "c", net_wire_at(((struct lab *)*state)->net, "lan0"), "10.0.0.3/24");
	return 0;
}

static struct net_wire *wire(struct lab *l) { return net_wire_at(l->net, "lan0"); }
static struct net_host *host(struct lab *l, const char *name) { return net_host_at(l->net, name); }

static struct net_wire_stats stats(struct lab *l)
{
	struct net_wire_stats s;

	net_wire_stats(wire(l), &s);
	return s;
}

/* a and b know each other, the switch knows both, the log is empty. */
static void warm_up(struct lab *l, struct net_socket **a, struct net_socket **b)
{
	*a = open_bound(host(l, "a"), NET_UDP, "0.0.0.0:1000");
	*b = open_bound(host(l, "b"), NET_UDP, "0.0.0.0:2000");
	send_text(*a, "x", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(*b, "x", NULL);
	send_text(*b, "x", "10.0.0.1:1000");
	lab_settle(l);
	assert_recv(*a, "x", NULL);
	net_wire_keep(wire(l), 1000, 1000000);
}

static void cool_down(struct net_socket *a, struct net_socket *b)
{
	net_socket_release(a);
	net_socket_release(b);
}

static void rule(struct lab *l, enum net_fault_action action, unsigned count, ns_t delay, struct net_match match)
{
	struct net_fault f = { .action = action, .count = count, .delay = delay, .match = match };

	assert_int_equal(net_wire_fault(wire(l), &f, NULL), 0);
}

static void rate_and_delay_make_the_time(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;
	struct net_frame f;
	ns_t start;

	warm_up(l, &a, &b);
	start = l->clock.now;
	send_text(a, "0123456789012345678901234567890123456789", "10.0.0.2:2000"); /* 82 bytes, 106 on the wire */
	lab_settle(l);
	assert_true(net_wire_frame(wire(l), net_wire_first(wire(l)), &f));
	assert_int_equal(f.len, 82);
	assert_int_equal(f.arrival - start, 106 * 8 + 5000); /* at 1 Gb/s, and 5 us */
	assert_int_equal(l->clock.now, f.arrival);
	cool_down(a, b);
}

static void too_much_is_discarded(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	net_wire_get(wire(l), &c);
	c.queue = 5;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	for (int i = 0; i < 20; i++)
		send_text(a, "x", "10.0.0.2:2000");
	lab_settle(l);
	assert_int_equal(stats(l).queue_full, 14); /* one is being sent, five wait */
	cool_down(a, b);
}

static void too_long_is_not_sent(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	assert_int_equal(net_iface_set_mtu(net_iface_at(host(l, "a"), "eth0"), 1500, NULL), 0);
	net_wire_get(wire(l), &c);
	c.mtu = 500;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	assert_int_equal(net_send(a, (char[600]){ 0 }, 600, 0, (struct net_endpoint[1]){ at("10.0.0.2:2000") }, NULL), 600);
	lab_settle(l);
	assert_int_equal(stats(l).too_long, 1);
	assert_int_equal(net_recv(b, NULL, 0, 0, NULL, NULL), -EAGAIN);
	cool_down(a, b);
}

static void the_switch_learns_and_forgets(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;
	struct net_mac_entry e;
	struct net_port_info c0, c1;

	warm_up(l, &a, &b);
	assert_true(net_wire_mac(wire(l), 0, &e));
	assert_string_equal(e.port, "a.eth0");
	assert_true(net_wire_mac(wire(l), 1, &e));
	assert_false(net_wire_mac(wire(l), 2, &e));
	assert_true(net_wire_port(wire(l), 2, &c0));
	send_text(a, "x", "10.0.0.2:2000");
	lab_settle(l);
	assert_true(net_wire_port(wire(l), 2, &c1));
	assert_int_equal(c1.rx_frames, c0.rx_frames); /* c did not see it */
	lab_run(l, 310 * NS_PER_S); /* at 5 s b has made sure that a is still there */
	assert_false(net_wire_mac(wire(l), 0, &e));
	cool_down(a, b);
}

static void a_hub_repeats_everything_to_all(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;
	struct net_port_info before, after;

	warm_up(l, &a, &b);
	lab_settle(l);
	net_wire_get(wire(l), &c);
	c.kind = NET_HUB;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	net_wire_port(wire(l), 2, &before);
	send_text(a, "x", "10.0.0.2:2000");
	lab_settle(l);
	net_wire_port(wire(l), 2, &after);
	assert_int_equal(after.rx_frames, before.rx_frames + 1);
	assert_recv(b, "x", NULL);
	cool_down(a, b);
}

static void two_who_begin_at_once_collide_and_try_again(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	net_wire_get(wire(l), &c);
	c.kind = NET_HUB;
	c.rate = 10000000;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	send_text(a, "from a", "10.0.0.2:2000");
	send_text(b, "from b", "10.0.0.1:1000");
	lab_settle(l);
	assert_true(stats(l).collisions >= 1);
	assert_true(stats(l).resent >= 2);
	assert_recv(b, "from a", NULL);
	assert_recv(a, "from b", NULL);
	cool_down(a, b);
}

static void wifi_sends_again_what_was_lost(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	net_wire_get(wire(l), &c);
	c.kind = NET_WIFI;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	rule(l, NET_DROP, 3, 0, (struct net_match){ .what = NET_MATCH_UDP });
	send_text(a, "persistent", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(b, "persistent", NULL);
	assert_int_equal(net_recv(b, NULL, 0, 0, NULL, NULL), -EAGAIN); /* once */
	assert_int_equal(stats(l).resent, 3);
	rule(l, NET_DROP, 0, 0, (struct net_match){ .what = NET_MATCH_UDP });
	send_text(a, "hopeless", "10.0.0.2:2000");
	lab_settle(l);
	assert_int_equal(stats(l).given_up, 1);
	cool_down(a, b);
}

static void ethernet_loses_silently(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	rule(l, NET_DROP, 1, 0, (struct net_match){ 0 });
	send_text(a, "lost", "10.0.0.2:2000");
	send_text(a, "kept", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(b, "kept", NULL);
	assert_int_equal(stats(l).lost, 1);
	assert_int_equal(stats(l).resent, 0);
	cool_down(a, b);
}

static void a_corrupted_frame_fails_the_fcs(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;
	struct net_iface_info info;
	struct net_frame f;

	warm_up(l, &a, &b);
	rule(l, NET_CORRUPT, 1, 0, (struct net_match){ .what = NET_MATCH_UDP });
	send_text(a, "damaged", "10.0.0.2:2000");
	lab_settle(l);
	net_iface_get(net_iface_at(host(l, "b"), "eth0"), &info);
	assert_int_equal(net_recv(b, NULL, 0, 0, NULL, NULL), -EAGAIN);
	assert_true(net_wire_frame(wire(l), net_wire_first(wire(l)), &f));
	assert_int_equal(f.fate, NET_FATE_CORRUPTED | NET_FATE_RULE);
	assert_true(f.bit < 8 * f.len);
	cool_down(a, b);
}

/* Lesson 33: without the link's check it is the Internet checksum that notices. */
static void without_fcs_the_checksums_notice(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c;
	struct net_socket *a, *b;
	int64_t before, after;

	warm_up(l, &a, &b);
	net_wire_get(wire(l), &c);
	c.fcs = false;
	assert_int_equal(net_wire_set(wire(l), &c, NULL), 0);
	before = counter(host(l, "b"), NET_Udp_InCsumErrors) + counter(host(l, "b"), NET_IpExt_InCsumErrors);
	rule(l, NET_CORRUPT, 40, 0, (struct net_match){ .what = NET_MATCH_UDP });
	for (int i = 0; i < 40; i++)
		send_text(a, "0123456789012345678901234567890123456789", "10.0.0.2:2000");
	lab_settle(l);
	after = counter(host(l, "b"), NET_Udp_InCsumErrors) + counter(host(l, "b"), NET_IpExt_InCsumErrors);
	assert_true(after - before >= 20);
	cool_down(a, b);
}

static void delayed_frames_are_overtaken(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	rule(l, NET_DELAY, 1, 200 * NS_PER_MS, (struct net_match){ 0 });
	send_text(a, "first", "10.0.0.2:2000");
	send_text(a, "second", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(b, "second", NULL);
	assert_recv(b, "first", NULL);
	assert_true(l->clock.now >= 200 * NS_PER_MS);
	cool_down(a, b);
}

static void held_frames_wait_for_release(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	rule(l, NET_HOLD, 0, 0, (struct net_match){ .dst = addr("10.0.0.2") });
	send_text(a, "one", "10.0.0.2:2000");
	send_text(a, "two", "10.0.0.2:2000");
	lab_run(l, NS_PER_S);
	assert_int_equal(net_recv(b, NULL, 0, 0, NULL, NULL), -EAGAIN);
	assert_int_equal(net_wire_release(wire(l)), 2);
	send_text(a, "three", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(b, "one", NULL);
	assert_recv(b, "two", NULL);
	assert_recv(b, "three", NULL);
	cool_down(a, b);
}

static void duplicated_once(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	rule(l, NET_DUPLICATE, 1, 0, (struct net_match){ 0 });
	send_text(a, "twin", "10.0.0.2:2000");
	lab_settle(l);
	assert_recv(b, "twin", NULL);
	assert_recv(b, "twin", NULL);
	assert_int_equal(net_recv(b, NULL, 0, 0, NULL, NULL), -EAGAIN);
	cool_down(a, b);
}

/* Issue 4: "lose the second acknowledgement" is one rule. */
static void the_second_acknowledgement_is_lost(void **state)
{
	struct lab *l = *state;
	struct net_socket *listener = open_listener(host(l, "b"), "0.0.0.0:80", 5), *c = open_socket(host(l, "a"), NET_TCP);
	struct net_endpoint to = at("10.0.0.2:80");
	struct net_match match = { .what = NET_MATCH_TCP | NET_MATCH_ACK, .src = addr("10.0.0.2"), .nth = 2 };
	unsigned acks = 0, lost = 0;
	struct net_fault left;

	rule(l, NET_DROP, 1, 0, match);
	net_connect(c, &to, NULL);
	lab_settle(l);
	for (int i = 0; i < 3; i++) {
		send_text(c, "part", NULL);
		lab_settle(l);
	}
	for (uint64_t k = net_wire_first(wire(l)); k < net_wire_next(wire(l)); k++) {
		struct net_frame f;
		struct net_decoded d;

		net_wire_frame(wire(l), k, &f);
		net_decode(f.bytes, f.len, true, &d);
		if (!(d.layers & NET_LAYER_TCP) || d.tcp_flags != NET_ACK || d.payload_len || d.sport != 80)
			continue;
		acks++;
		if (f.fate & NET_FATE_LOST) {
			lost++;
			assert_int_equal(acks, 2);
		}
	}
	assert_int_equal(lost, 1);
	assert_false(net_wire_fault_at(wire(l), 0, &left));
	net_socket_release(c);
	net_socket_release(listener);
	lab_settle(l);
}

static void dice_of_one_host_leave_the_others_alone(void **state)
{
	unsigned pattern[2] = { 0 };

	for (int with = 0; with < 2; with++) {
		struct lab l;
		struct net_wire *w;
		struct net_host *a, *b, *x;
		struct net_socket *sa, *sb, *sx;
		struct net_wire_config c;

		lab_open(&l, 5);
		w = lab_wire(&l, "w");
		a = lab_host(&l, "a", w, "10.0.0.1/24");
		b = lab_host(&l, "b", w, "10.0.0.2/24");
		sa = open_bound(a, NET_UDP, "0.0.0.0:1");
		sb = open_bound(b, NET_UDP, "0.0.0.0:2");
		send_text(sa, "x", "10.0.0.2:2");
		lab_settle(&l);
		assert_recv(sb, "x", NULL);
		net_wire_get(w, &c);
		c.loss = 500000;
		net_wire_set(w, &c, NULL);
		x = with ? lab_host(&l, "x", w, "10.0.0.9/24") : NULL;
		sx = with ? open_socket(x, NET_UDP) : NULL;
		for (int i = 0; i < 32; i++) {
			if (with)
				send_text(sx, "noise", "10.0.0.2:3");
			send_text(sa, "x", "10.0.0.2:2");
			lab_run(&l, NS_PER_MS);
			pattern[with] = pattern[with] << 1 | (net_recv(sb, (char[9]){ 0 }, 9, 0, NULL, NULL) >= 0);
		}
		net_socket_release(sa);
		net_socket_release(sb);
		if (with)
			net_socket_release(sx);
		lab_settle(&l);
		lab_close(&l);
	}
	assert_int_equal(pattern[0], pattern[1]);
	assert_true(pattern[0] != 0 && pattern[0] != 0xffffffff);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void a_capture_is_sound_pcapng(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;
	GByteArray *bytes = g_byte_array_new(), *stream = g_byte_array_new();
	unsigned blocks[8] = { 0 }, ports = 0, others = 0;
	bool comment = false;

	warm_up(l, &a, &b);
	rule(l, NET_DROP, 1, 0, (struct net_match){ 0 });
	send_text(a, "lost", "10.0.0.2:2000");
	send_text(a, "kept", "10.0.0.2:2000");
	lab_settle(l);
	net_capture_all(wire(l), bytes);
	for (unsigned at_byte = 0; at_byte < bytes->len;) {
		const uint8_t *p = bytes->data + at_byte;
		uint32_t type = le32(p), len = le32(p + 4);

		assert_true(len >= 12 && len % 4 == 0 && at_byte + len <= bytes->len);
		assert_int_equal(le32(p + len - 4), len);
		if (type < 8)
			blocks[type]++;
		else
			others++;
		if (type == 1)
			assert_int_equal(le32(p + 12), 262144); /* all alike, or libpcap refuses */
		if (type == 6)
			comment |= memmem(p, len, "lost by rule", 12) != NULL;
		at_byte += len;
	}
	assert_int_equal(others, 1);      /* the section header */
	assert_int_equal(blocks[1], 4);   /* the wire and three ports */
	assert_int_equal(blocks[6], 2);
	assert_int_equal(blocks[5], 3);
	assert_true(comment);
	net_capture_start(wire(l), &ports, stream);
	for (uint64_t k = net_wire_first(wire(l)); k < net_wire_next(wire(l)); k++)
		assert_true(net_capture_frame(wire(l), k, 0, &ports, stream));
	assert_memory_equal(stream->data, bytes->data, stream->len); /* the snapshot has statistics behind */
	g_byte_array_free(bytes, TRUE);
	g_byte_array_free(stream, TRUE);
	cool_down(a, b);
}

static void injected_byte_by_byte(void **state)
{
	struct lab *l = *state;
	struct json *all = json_read("frame_tls.json");
	uint8_t frame[200];
	size_t len = unhex(json_text(all, "hex"), frame, sizeof(frame));
	struct net_frame f;
	struct err e = { 0 };

	assert_int_equal(net_wire_inject(wire(l), frame, len, NULL, NULL), 0);
	lab_settle(l);
	assert_true(net_wire_frame(wire(l), net_wire_next(wire(l)) - 1, &f));
	assert_int_equal(f.len, len);
	assert_memory_equal(f.bytes, frame, len);
	assert_int_equal(f.fate, NET_FATE_INJECTED);
	assert_int_equal(net_wire_inject(wire(l), frame, 13, NULL, &e), -EINVAL);
	assert_int_equal(net_wire_inject(wire(l), frame, len, "nobody.eth0", &e), -ENODEV);
	assert_string_equal(e.why, "no interface nobody.eth0 is on lan0");
	json_free(all);
}

static void settings_are_checked(void **state)
{
	struct lab *l = *state;
	struct net_wire_config c, before;
	struct net_wire *w;
	struct err e = { 0 };

	net_wire_get(wire(l), &before);
	c = before;
	c.loss = NET_PPM + 1;
	assert_int_equal(net_wire_set(wire(l), &c, &e), -EINVAL);
	c = before;
	c.mtu = 67;
	assert_int_equal(net_wire_set(wire(l), &c, &e), -EINVAL);
	assert_string_equal(e.why, "mtu 67 is not in 68..65535");
	net_wire_get(wire(l), &c);
	assert_memory_equal(&c, &before, sizeof(c)); /* nothing changed */
	assert_int_equal(net_wire_new(l->net, "lan0", &w, &e), -EEXIST);
}

static void a_wire_can_go_with_frames_under_way(void **state)
{
	struct lab *l = *state;
	struct net_socket *a, *b;

	warm_up(l, &a, &b);
	for (int i = 0; i < 5; i++)
		send_text(a, "x", "10.0.0.2:2000");
	net_wire_free(wire(l));
	lab_check(l);
	send_text(a, "x", "10.0.0.2:2000"); /* no carrier: lost */
	lab_settle(l);
	cool_down(a, b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(rate_and_delay_make_the_time), TEST(too_much_is_discarded), TEST(too_long_is_not_sent),
		TEST(the_switch_learns_and_forgets), TEST(a_hub_repeats_everything_to_all),
		TEST(two_who_begin_at_once_collide_and_try_again), TEST(wifi_sends_again_what_was_lost),
		TEST(ethernet_loses_silently), TEST(a_corrupted_frame_fails_the_fcs), TEST(without_fcs_the_checksums_notice),
		TEST(delayed_frames_are_overtaken), TEST(held_frames_wait_for_release), TEST(duplicated_once),
		TEST(the_second_acknowledgement_is_lost), cmocka_unit_test(dice_of_one_host_leave_the_others_alone),
		TEST(a_capture_is_sound_pcapng), TEST(injected_byte_by_byte), TEST(settings_are_checked),
		TEST(a_wire_can_go_with_frames_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
