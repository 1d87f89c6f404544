/*
 * bench_net_hops.c - frame-hops a second: bulk TCP over two 1 Gb/s wires and a router, against a bare event
 * loop that pushes, copies and checksums as many frames. Issue 4: at least 1.0 million hops a second (0.5 while
 * capturing), or 0.2 of the bare loop; 1 Gb/s at least 3 times faster than real time.
 */
#include "bench.h"
#include "checksum.h"
#include "net_host.h"
#include "net_knob.h"
#include "net_socket.h"
#include "net_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the bare loop -------------------------------------------------------------------------------- */

enum { FRAME = 1514, IN_FLIGHT = 256, POOL = 512 };

struct hop { struct timer timer; uint8_t *data; uint64_t left; struct bare *bare; };
struct bare { struct clock clock; uint64_t hops, sum; uint8_t pool[POOL][FRAME]; unsigned next; };

static void hop_fire(struct timer *t)
{
	struct hop *h = (struct hop *)t;
	uint8_t *to = h->bare->pool[h->bare->next++ % POOL];

	memcpy(to, h->data, FRAME);
	h->bare->sum += sum_end(sum_add(0, to, FRAME));
	h->data = to;
	h->bare->hops++;
	if (--h->left > 0)
		clock_set(&h->bare->clock, t, h->bare->clock.now + 12304 + h->left % 7);
}

static double bare_loop(uint64_t hops)
{
	struct bare *b = calloc(1, sizeof(*b));
	struct hop *h = calloc(IN_FLIGHT, sizeof(*h));
	double start = cpu_s(), rate;

	clock_init(&b->clock);
	for (int i = 0; i < IN_FLIGHT; i++) {
		h[i] = (struct hop){ .data = b->pool[i], .left = hops / IN_FLIGHT, .bare = b };
		h[i].timer.fire = hop_fire;
		clock_set(&b->clock, &h[i].timer, (ns_t)i);
	}
	while (clock_step(&b->clock))
		;
	rate = (double)b->hops / (cpu_s() - start);
	if (b->sum == 1)
		printf("unlikely\n");
	clock_clear(&b->clock);
	free(h);
	free(b);
	return rate;
}

/* --- the network ------------------------------------------------------------------------------------ */

struct result { double hops, factor, gbit; };

static struct net_iface *join(struct net_host *h, struct net_wire *w, const char *name, const char *address)
{
	struct net_iface *i;
	struct net_prefix p;

	net_prefix_parse(address, &p);
	net_iface_new(h, name, &i, NULL);
	net_iface_attach(i, w, NULL);
	net_iface_add(i, &p, NULL);
	net_iface_up(i, true, NULL);
	return i;
}

static void default_route(struct net_host *h, const char *via)
{
	struct net_route r = { .to = { net_v4(0), 0 } };

	net_addr_parse(via, &r.via);
	net_route_add(h, &r, NULL);
}

static struct result bulk(uint64_t bytes, bool capture)
{
	static uint8_t data[65536], sink[262144];
	struct clock clock;
	struct journal journal;
	struct net_config config = { .clock = &clock, .journal = &journal, .seed = 1 };
	struct net_caller root = { 0 };
	struct net *n;
	struct net_wire *w[2];
	struct net_wire_stats stats[2];
	struct net_host *a, *r, *b;
	struct net_socket *l, *c, *s;
	struct net_endpoint at = { net_v4(0), 80 }, to;
	uint64_t sent = 0, got = 0;
	struct result result;
	double start;
	ns_t begun;

	clock_init(&clock);
	journal_init(&journal, 65536, &clock.now);
	n = net_new(&config);
	net_wire_new(n, "w0", &w[0], NULL);
	net_wire_new(n, "w1", &w[1], NULL);
	for (int i = 0; i < 2 && !capture; i++)
		net_wire_keep(w[i], 0, 0);
	net_host_new(n, "a", 1, 1, &a, NULL);
	net_host_new(n, "r", 2, 2, &r, NULL);
	net_host_new(n, "b", 3, 3, &b, NULL);
	join(a, w[0], "eth0", "10.0.1.1/24");
	join(r, w[0], "eth0", "10.0.1.254/24");
	join(r, w[1], "eth1", "10.0.2.254/24");
	join(b, w[1], "eth0", "10.0.2.1/24");
	net_knob_set(r, NET_IP_FORWARD, 1, NULL);
	default_route(a, "10.0.1.254");
	default_route(b, "10.0.2.254");
	net_socket_new(b, NET_TCP, NET_IPV4, &root, &l, NULL);
	net_bind(l, &root, &at, NULL);
	net_listen(l, 5, NULL);
	net_socket_new(a, NET_TCP, NET_IPV4, &root, &c, NULL);
	net_endpoint_parse("10.0.2.1:80", &to);
	net_connect(c, &to, NULL);
	while (net_accept(l, &s, NULL, NULL) < 0)
		clock_step(&clock);
	start = cpu_s();
	begun = clock.now;
	while (got < bytes) {
		ssize_t k;

		while (sent < bytes && (k = net_send(c, data, MIN(sizeof(data), bytes - sent), 0, NULL, NULL)) > 0)
			sent += (uint64_t)k;
		for (int i = 0; i < 64 && clock.busy > 0; i++)
			clock_step(&clock);
		while ((k = net_recv(s, sink, sizeof(sink), 0, NULL, NULL)) > 0)
			got += (uint64_t)k;
	}
	start = cpu_s() - start;
	net_wire_stats(w[0], &stats[0]);
	net_wire_stats(w[1], &stats[1]);
	result.hops = (double)(stats[0].delivered + stats[1].delivered) / start;
	result.factor = (double)(clock.now - begun) / 1e9 / start;
	result.gbit = (double)bytes * 8 / (double)(clock.now - begun);
	net_socket_release(l);
	net_socket_release(c);
	net_socket_release(s);
	net_free(n);
	journal_clear(&journal);
	while (clock_step(&clock))
		;
	clock_clear(&clock);
	return result;
}

int main(int argc, char **argv)
{
	uint64_t megabytes = argc > 1 ? strtoull(argv[1], NULL, 10) : 500;
	double bare = bare_loop(megabytes * 2000);
	struct result plain = bulk(megabytes * 1000000, false), captured = bulk(megabytes * 1000000, true);

	printf("bare event loop      %10.0f hops/s\n", bare);
	printf("bulk tcp, no capture %10.0f hops/s  %.2f of bare  (wanted: 1000000 or 0.20)\n", plain.hops, plain.hops / bare);
	printf("bulk tcp, capturing  %10.0f hops/s  %.2f of bare  (wanted:  500000 or 0.10)\n", captured.hops,
	       captured.hops / bare);
	printf("simulated rate       %.3f Gb/s, %.2f times real time (wanted: 3)\n", plain.gbit, plain.factor);
	return (plain.hops >= 1e6 || plain.hops >= 0.2 * bare) && (captured.hops >= 5e5 || captured.hops >= 0.1 * bare) &&
	       plain.factor >= 3 && plain.gbit > 0.85 ? 0 : 1;
}
