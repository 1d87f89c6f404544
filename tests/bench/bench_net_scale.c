/*
 * bench_net_scale.c - many hosts, many sockets. Issue 4: 1,000 hosts with 10,000 sockets in 300 MiB;
 * connecting 100,000 sockets costs linear time, looking one up constant.
 *
 * What memory costs grows with how much there is of it, when it falls out of the caches. So bare tables of as many records of
 * the same size are filled and asked in the same run: what they grow is memory's.
 */
#include "bench.h"
#include "net_host.h"
#include "net_knob.h"
#include "net_socket.h"
#include "net_wire.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static double resident_mib(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size = 0, resident = 0;

	if (f && fscanf(f, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static const struct net_caller root = { 0 };
static struct clock   sim;
static struct journal events;

static struct net *begin(void)
{
	struct net_config config = { .clock = &sim, .journal = &events, .seed = 1 };

	clock_init(&sim);
	journal_init(&events, 65536, &sim.now);
	return net_new(&config);
}

static void end(struct net *n)
{
	net_free(n);
	journal_clear(&events);
	clock_clear(&sim);
}

static void settle(void)
{
	while (sim.busy > 0) /* not clock_next_busy(), which may look at all timers */
		clock_step(&sim);
}

static struct net_host *add_host(struct net *n, struct net_wire *w, unsigned serial, uint32_t address)
{
	char name[32];
	struct net_host *h;
	struct net_iface *i;
	struct net_prefix p = { net_v4(address), 16 };

	snprintf(name, sizeof(name), "h%u", serial);
	net_host_new(n, name, serial, serial, &h, NULL);
	net_iface_new(h, "eth0", &i, NULL);
	net_iface_attach(i, w, NULL);
	net_iface_add(i, &p, NULL);
	net_iface_up(i, true, NULL);
	return h;
}

static struct net_socket *listener(struct net_host *h, uint16_t port)
{
	struct net_endpoint at = { net_v4(0), port };
	struct net_socket *l;

	net_socket_new(h, NET_TCP, NET_IPV4, &root, &l, NULL);
	net_bind(l, &root, &at, NULL);
	net_listen(l, 4096, NULL);
	return l;
}

/* Each of 1,000 hosts on one wire listens and has 5 connections to others: 10,000 connected sockets. */
static bool size(void)
{
	enum { HOSTS = 1000, EACH = 5 };
	double before = resident_mib(), used;
	struct net *n = begin();
	struct net_wire *w;
	struct net_host **h = calloc(HOSTS, sizeof(*h));
	GPtrArray *sockets = g_ptr_array_new();
	unsigned accepted = 0;

	net_wire_new(n, "w", &w, NULL);
	for (unsigned i = 0; i < HOSTS; i++) {
		h[i] = add_host(n, w, i + 1, 0x0a000001 + i);
		g_ptr_array_add(sockets, listener(h[i], 80));
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		for (unsigned k = 0; k < EACH; k++) {
			struct net_endpoint to = { net_v4(0x0a000001 + (i + 1 + k * 37) % HOSTS), 80 };
			struct net_socket *c;

			net_socket_new(h[i], NET_TCP, NET_IPV4, &root, &c, NULL);
			net_connect(c, &to, NULL);
			g_ptr_array_add(sockets, c);
		}
		settle(); /* all at once, their ARP requests would fill every queue */
	}
	for (unsigned i = 0; i < HOSTS; i++) {
		struct net_socket *s;

		while (net_accept(sockets->pdata[i], &s, NULL, NULL) == 0) {
			net_send(s, "x", 1, 0, NULL, NULL);
			g_ptr_array_add(sockets, s);
			accepted++;
		}
	}
	settle();
	used = resident_mib() - before;
	printf("1000 hosts, %u sockets, %u of them connected: %.0f MiB (wanted: 300)\n", sockets->len, 2 * accepted, used);
	for (unsigned i = 0; i < sockets->len; i++)
		net_socket_release(sockets->pdata[i]);
	settle();
	end(n);
	free(h);
	g_ptr_array_free(sockets, TRUE);
	return used <= 300 && accepted == HOSTS * EACH;
}

/* --- the floor: bare tables ------------------------------------------------------------------------- */

struct record { uint64_t key[3]; uint8_t rest[]; };

/* Two records a connection, each in three tables, and asked for twice in vain: what ports, pairs and inodes cost at least. */
static void bare_tables(unsigned count, size_t bytes, double *each, double *lookup)
{
	GHashTable *table[3];
	struct record **r = calloc(2 * (size_t)count, sizeof(*r));
	unsigned found = 0, probes = 200000;
	double start = cpu_s();

	for (unsigned k = 0; k < 3; k++)
		table[k] = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (unsigned i = 0; i < 2 * count; i++) {
		r[i] = malloc(MAX(bytes, sizeof(*r[i])));
		memset(r[i], 1, MAX(bytes, sizeof(*r[i])));
		for (unsigned k = 0; k < 3; k++) {
			uint64_t absent[2] = { i * 0x9e3779b97f4a7c15u, ~(i * 0x9e3779b97f4a7c15u) };

			r[i]->key[k] = k == 2 ? i : (i + 1) * 0x9e3779b97f4a7c15u;
			g_hash_table_insert(table[k], &r[i]->key[k], r[i]);
			if (k == 0)
				for (unsigned j = 0; j < 2; j++)
					found += g_hash_table_contains(table[k], &absent[j]);
		}
	}
	*each = (cpu_s() - start) / count;
	start = cpu_s();
	for (unsigned i = 0; i < probes; i++)
		found += g_hash_table_lookup(table[2], &r[(i * 7919u) % count]->key[2]) == r[(i * 7919u) % count];
	*lookup = (cpu_s() - start) / probes;
	if (found < probes)
		printf("the bare tables are wrong\n");
	for (unsigned k = 0; k < 3; k++)
		g_hash_table_destroy(table[k]);
	for (unsigned i = 0; i < 2 * count; i++)
		free(r[i]);
	free(r);
}

/* `count` connections from one host to another; CPU time for one, and for looking one up. */
static void connect_many(unsigned count, double *each, double *lookup, size_t *bytes)
{
	double before = (malloc_trim(0), resident_mib());
	struct net *n = begin();
	struct net_wire *w;
	struct net_host *a, *b;
	struct net_socket *l[8], **c = calloc(count, sizeof(*c)), **s = calloc(count, sizeof(*s));
	double start;
	unsigned ready = 0, found = 0, probes = 200000;

	net_wire_new(n, "w", &w, NULL);
	net_wire_keep(w, 0, 0);
	a = add_host(n, w, 1, 0x0a000001);
	b = add_host(n, w, 2, 0x0a000002);
	for (unsigned i = 0; i < 8; i++)
		l[i] = listener(b, (uint16_t)(8000 + i));
	start = cpu_s();
	for (unsigned i = 0; i < count; i++) {
		struct net_endpoint to = { net_v4(0x0a000002), (uint16_t)(8000 + i % 8) };

		net_socket_new(a, NET_TCP, NET_IPV4, &root, &c[i], NULL);
		if (net_connect(c[i], &to, NULL) != -EINPROGRESS)
			printf("connection %u refused\n", i);
		if (i % 500 < 499 && i + 1 < count)
			continue;
		settle();
		for (unsigned k = 0; k < 8; k++)
			while (net_accept(l[k], &s[ready], NULL, NULL) == 0)
				ready++;
	}
	*each = (cpu_s() - start) / count;
	*bytes = (size_t)((resident_mib() - before) * (1 << 20) / (2 * count));
	if (ready != count)
		printf("only %u of %u connections\n", ready, count);
	start = cpu_s();
	for (unsigned i = 0; i < probes; i++)
		found += net_socket_by_inode(a, net_socket_inode(c[(i * 7919u) % count])) == c[(i * 7919u) % count];
	*lookup = (cpu_s() - start) / probes;
	if (found != probes)
		printf("lookup failed\n");
	for (unsigned i = 0; i < count; i++)
		net_socket_release(c[i]);
	for (unsigned i = 0; i < ready; i++)
		net_socket_release(s[i]);
	for (unsigned i = 0; i < 8; i++)
		net_socket_release(l[i]);
	settle();
	end(n);
	free(c);
	free(s);
}

int main(void)
{
	enum { SMALL = 10000, LARGE = 100000 };
	double small, large, small_lookup, large_lookup, bare_small, bare_large, bare_small_lookup, bare_large_lookup;
	double growth, bare_growth, lookup_growth, bare_lookup_growth;
	size_t bytes;
	bool fits;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fits = size();
	connect_many(SMALL, &small, &small_lookup, &bytes);
	connect_many(LARGE, &large, &large_lookup, &bytes);
	bare_tables(SMALL, bytes, &bare_small, &bare_small_lookup);
	bare_tables(LARGE, bytes, &bare_large, &bare_large_lookup);
	growth = large / small;
	bare_growth = bare_large / bare_small;
	lookup_growth = large_lookup / small_lookup;
	bare_lookup_growth = bare_large_lookup / bare_small_lookup;
	printf("connecting: %.2f us each of 10,000, %.2f us each of 100,000: %.2f times; bare tables %.2f, %.2f: %.2f times "
	       "(wanted: linear)\n", small * 1e6, large * 1e6, growth, bare_small * 1e6, bare_large * 1e6, bare_growth);
	printf("looking up: %.0f ns among 10,000, %.0f ns among 100,000: %.2f times; bare tables %.0f, %.0f: %.2f times "
	       "(wanted: constant but for caches)\n", small_lookup * 1e9, large_lookup * 1e9, lookup_growth, bare_small_lookup * 1e9,
	       bare_large_lookup * 1e9, bare_lookup_growth);
	printf("%zu bytes a connected socket\n", bytes);
	return fits && (growth < 2 || growth < 1.5 * bare_growth) && (lookup_growth < 3 || lookup_growth < 2 * bare_lookup_growth) ? 0 : 1;
}
