/* test_transfer.c - many bytes through bad wires arrive as they were sent; two runs are alike. */
#include "lab.h"

#include "rng.h"

struct flow {
	struct net_socket *from, *to;
	uint64_t sent, received, total;
	struct rng out, in;
	bool     closed, ended;
};

static uint8_t next_byte(struct rng *r)
{
	return (uint8_t)rng_next(r);
}

/* Sends and receives whatever is possible now; true if anything was. */
static bool pump(struct flow *f)
{
	uint8_t data[16384];
	bool moved = false;
	ssize_t n;

	while (f->sent < f->total) {
		struct rng ahead = f->out;
		size_t want = MIN(sizeof(data), f->total - f->sent);

		for (size_t i = 0; i < want; i++)
			data[i] = next_byte(&ahead);
		n = net_send(f->from, data, want, 0, NULL, NULL);
		if (n < 0) {
			assert_int_equal(n, -EAGAIN);
			break;
		}
		for (ssize_t i = 0; i < n; i++)
			next_byte(&f->out);
		f->sent += (uint64_t)n;
		moved = true;
	}
	if (f->sent == f->total && !f->closed) {
		assert_int_equal(net_shutdown(f->from, SHUT_WR, NULL), 0);
		f->closed = true;
	}
	while (!f->ended && (n = net_recv(f->to, data, sizeof(data), 0, NULL, NULL)) != -EAGAIN) {
		assert_true(n >= 0);
		if (n == 0) {
			f->ended = true;
			break;
		}
		for (ssize_t i = 0; i < n; i++)
			if (data[i] != next_byte(&f->in))
				fail_msg("byte %llu differs", (unsigned long long)f->received + (unsigned long long)i);
		f->received += (uint64_t)n;
		moved = true;
	}
	return moved;
}

struct setting {
	uint64_t seed, bytes, rate;
	ns_t     delay, jitter;
	uint32_t loss, duplicate, reorder, corrupt, mtu;
	bool     fcs, sack, timestamps;
	int      congestion;
	enum net_wire_kind kind;
	bool     both, v6;
};

struct outcome {
	ns_t     time;
	GByteArray *capture;
	struct net_tcb tcb;
	uint64_t retransmitted, csum_errors, events;
};

static void flow_init(struct flow *f, struct net_socket *from, struct net_socket *to, uint64_t total, const char *name)
{
	*f = (struct flow){ .from = from, .to = to, .total = total };
	rng_seed(&f->out, 99, name);
	f->in = f->out;
}

static void transfer(const struct setting *set, struct outcome *out)
{
	struct lab l;
	struct net_wire *w;
	struct net_host *a, *b;
	struct net_wire_config c;
	struct net_socket *listener, *client, *server;
	struct net_endpoint to = at(set->v6 ? "[2001:db8::2]:80" : "10.0.0.2:80");
	struct flow there, back;

	lab_open(&l, set->seed);
	w = lab_wire(&l, "lan0");
	a = lab_host(&l, "a", w, set->v6 ? "2001:db8::1/64" : "10.0.0.1/24");
	b = lab_host(&l, "b", w, set->v6 ? "2001:db8::2/64" : "10.0.0.2/24");
	lab_settle(&l); /* before anything is lost, also the probes for a duplicate */
	for (int i = 0; i < 2; i++) {
		net_knob_set(i ? b : a, NET_SACK, set->sack, NULL);
		net_knob_set(i ? b : a, NET_TIMESTAMPS, set->timestamps, NULL);
		net_knob_set(i ? b : a, NET_CONGESTION, set->congestion, NULL);
	}
	net_wire_get(w, &c);
	c.kind = set->kind;
	c.rate = set->rate;
	c.delay = set->delay;
	c.jitter = set->jitter;
	c.loss = set->loss;
	c.duplicate = set->duplicate;
	c.reorder = set->reorder;
	c.corrupt = set->corrupt;
	c.fcs = set->fcs;
	if (set->mtu)
		c.mtu = set->mtu;
	assert_int_equal(net_wire_set(w, &c, NULL), 0);
	listener = open_listener(b, set->v6 ? "[::]:80" : "0.0.0.0:80", 5);
	client = set->v6 ? open_socket6(a, NET_TCP) : open_socket(a, NET_TCP);
	assert_int_equal(net_connect(client, &to, NULL), -EINPROGRESS);
	lab_settle(&l);
	assert_int_equal(net_connect_result(client, NULL), 0);
	assert_int_equal(net_accept(listener, &server, NULL, NULL), 0);
	flow_init(&there, client, server, set->bytes, "there");
	flow_init(&back, server, client, set->both ? set->bytes : 0, "back");
	for (uint64_t steps = 0; !there.ended || !back.ended; steps++) {
		bool forth = pump(&there), moved = pump(&back) || forth;

		if (there.ended && back.ended)
			break;
		if (!moved && l.clock.busy == 0)
			fail_msg("stuck at %llu of %llu bytes", (unsigned long long)there.received,
				 (unsigned long long)there.total);
		for (int i = 0; i < 32 && l.clock.busy > 0; i++)
			clock_step(&l.clock);
		if (steps % 4096 == 0)
			lab_check(&l);
		assert_true(l.clock.now < 100000 * NS_PER_S);
	}
	assert_int_equal(there.received, there.total);
	assert_int_equal(back.received, back.total);
	out->time = l.clock.now;
	out->capture = g_byte_array_new();
	net_capture_all(w, out->capture);
	assert_true(net_tcp_get(client, &out->tcb));
	out->retransmitted = out->tcb.retransmitted;
	out->csum_errors = (uint64_t)(counter(a, NET_Tcp_InCsumErrors) + counter(b, NET_Tcp_InCsumErrors));
	out->events = l.journal.next;
	net_socket_release(client);
	net_socket_release(server);
	net_socket_release(listener);
	lab_settle(&l);
	lab_close(&l);
}

static const struct setting usual = { .seed = 1, .bytes = 1000000, .rate = 100000000, .delay = NS_PER_MS, .fcs = true,
				      .sack = true, .timestamps = true, .congestion = 1, .both = true };

static struct outcome run(const struct setting *set)
{
	struct outcome out;

	transfer(set, &out);
	g_byte_array_free(out.capture, TRUE);
	return out;
}

static void clean_wires_lose_nothing(void **state)
{
	struct setting set = usual;
	struct outcome out;

	set.bytes = 3000000;
	out = run(&set);
	assert_int_equal(out.retransmitted, 0);
	assert_true(out.time < 2 * NS_PER_S); /* 24 Mbit at 100 Mb/s, 2 ms round trips */
}

static void each_fault_alone_is_survived(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct setting set = usual;

		set.loss = i == 0 ? 100000 : 0;
		set.duplicate = i == 1 ? 50000 : 0;
		set.reorder = i == 2 ? 200000 : 0;
		set.corrupt = i == 3 ? 20000 : 0;
		set.fcs = false;
		run(&set);
	}
}

static void without_sack_and_timestamps_too(void **state)
{
	for (int i = 0; i < 4; i++) {
		struct setting set = usual;

		set.bytes = 300000;
		set.sack = i & 1;
		set.timestamps = i & 2;
		set.congestion = i & 1;
		set.loss = 50000;
		set.reorder = 100000;
		run(&set);
	}
}

static void hub_and_wifi_carry_it_too(void **state)
{
	for (enum net_wire_kind k = NET_HUB; k <= NET_WIFI; k++) {
		struct setting set = usual;

		set.kind = k;
		set.rate = 10000000;
		set.delay = 5 * NS_PER_US;
		set.loss = 20000;
		set.bytes = 200000;
		run(&set);
	}
}

static void small_and_large_mtus(void **state)
{
	static const uint32_t mtus[] = { 68, 552, 1280, 9000, 65535 };

	for (unsigned n = 0; n < 2 * G_N_ELEMENTS(mtus); n++) {
		unsigned i = n % G_N_ELEMENTS(mtus);
		struct setting set = usual;

		set.v6 = n >= G_N_ELEMENTS(mtus);
		if (set.v6 && mtus[i] < 1280) /* RFC 8200 5: no link for version 6 */
			continue;
		set.mtu = mtus[i];
		set.bytes = mtus[i] == 68 ? 20000 : 500000;
		set.loss = 10000;
		run(&set);
	}
}

/* Issue 4: 10 MB through 10 % loss, 5 % duplicates, 20 % reordering, 2 % corruption, both ways at once. */
static void ten_megabytes(bool v6)
{
	struct setting set = usual;
	struct outcome out;

	set.v6 = v6;
	set.bytes = 10000000;
	set.rate = 1000000000;
	set.delay = 100 * NS_PER_US;
	set.loss = 100000;
	set.duplicate = 50000;
	set.reorder = 200000;
	set.corrupt = 20000;
	set.fcs = false;
	out = run(&set);
	assert_true(out.csum_errors > 100);
	print_message("%.3f s of simulated time, %llu segments repeated\n", (double)out.time / 1e9,
		      (unsigned long long)out.retransmitted);
}

static void ten_megabytes_through_everything(void **state)
{
	ten_megabytes(false);
}

/* Its checksum covers no header of IP: what is corrupted there must not be taken for another's (RFC 8200 8.1). */
static void ten_megabytes_over_version_6(void **state)
{
	ten_megabytes(true);
}

/* Mathis et al. 1997: MSS / RTT * 1.22 / sqrt(p), with loss one way. */
static void reno_goes_as_fast_as_it_should(void **state)
{
	struct setting set = usual;
	struct outcome out;
	double rate, wanted = 1448 / 0.040 * 1.22 / 0.1;

	set.both = false;
	set.congestion = 0;
	set.loss = 10000;
	set.delay = 20 * NS_PER_MS;
	set.bytes = 20000000;
	out = run(&set);
	rate = (double)set.bytes / ((double)out.time / 1e9);
	print_message("%.0f bytes/s, %.2f of what the formula says\n", rate, rate / wanted);
	assert_true(rate > 0.75 * wanted && rate < 1.25 * wanted);
}

static void two_runs_are_byte_equal(void **state)
{
	struct setting set = usual;
	struct outcome one, two, other;

	set.loss = 30000;
	set.reorder = 50000;
	set.corrupt = 10000;
	set.jitter = 300 * NS_PER_US;
	transfer(&set, &one);
	transfer(&set, &two);
	set.seed = 2;
	transfer(&set, &other);
	assert_int_equal(one.time, two.time);
	assert_int_equal(one.events, two.events);
	assert_int_equal(one.capture->len, two.capture->len);
	assert_memory_equal(one.capture->data, two.capture->data, one.capture->len);
	assert_memory_equal(&one.tcb, &two.tcb, sizeof(one.tcb));
	assert_true(other.time != one.time);
	g_byte_array_free(one.capture, TRUE);
	g_byte_array_free(two.capture, TRUE);
	g_byte_array_free(other.capture, TRUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_wires_lose_nothing),
		cmocka_unit_test(each_fault_alone_is_survived),
		cmocka_unit_test(without_sack_and_timestamps_too),
		cmocka_unit_test(hub_and_wifi_carry_it_too),
		cmocka_unit_test(small_and_large_mtus),
		cmocka_unit_test(ten_megabytes_through_everything),
		cmocka_unit_test(ten_megabytes_over_version_6),
		cmocka_unit_test(reno_goes_as_fast_as_it_should),
		cmocka_unit_test(two_runs_are_byte_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
