/*
 * fuzz_net.c - hostile frames: from Ethernet up to a TCP connection and back.
 *
 * The input is a series of steps. Each begins with a byte: what to send (a raw frame, or one whose headers
 * are made to fit, so that TCP, UDP, ICMP and fragments are reached, with checksums right), or to let time pass, or
 * an application's call. After each step the engine's books must balance.
 */
#include "checksum.h"
#include "frame.h"
#include "net_host.h"
#include "net_knob.h"
#include "net_socket.h"
#include "net_tap.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input { const uint8_t *p; size_t left; };

static unsigned take(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->p++;
}

static size_t take_some(struct input *in, uint8_t *out, size_t most)
{
	size_t n = take(in) % (most + 1);

	n = MIN(n, in->left); /* not in one: MIN() evaluates twice */
	memcpy(out, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

struct world {
	struct clock       clock;
	struct net        *net;
	struct net_host   *host;
	struct net_tap    *tap;
	struct net_mac     mac;
	struct net_socket *udp, *listener, *client, *accepted;
	uint32_t           seq, ack;     /* of the last segment seen: what would fit */
	uint16_t           sport, dport;
};

static void receive(void *user, const uint8_t *f, size_t len)
{
	struct world *w = user;

	if (len < 54 || get16(f + 12) != 0x0800 || f[23] != 6)
		return;
	w->sport = get16(f + 36);
	w->dport = get16(f + 34);
	w->ack = get32(f + 38) + (f[47] & 3 ? 1 : 0) + (uint32_t)(get16(f + 16) - 20 - (f[46] >> 4) * 4);
	w->seq = get32(f + 42) ? get32(f + 42) : 1000;
}

static void send_ip(struct world *w, uint8_t *f, uint8_t protocol, size_t payload, unsigned fragment)
{
	uint8_t *p = f + 14;

	memcpy(f, &w->mac, 6);
	memcpy(f + 6, "\2\0\0\0\0\x63", 6);
	put16(f + 12, 0x0800);
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)(20 + payload));
	put16(p + 4, fragment ? 7 : 0);
	put16(p + 6, fragment);
	p[8] = 64;
	p[9] = protocol;
	put32(p + 12, 0x0a000063);
	put32(p + 16, 0x0a000001);
	put16(p + 10, sum_end(sum_add(0, p, 20)));
	net_tap_send(w->tap, f, 34 + payload, NULL);
}

static void send_tcp(struct world *w, struct input *in)
{
	uint8_t f[400], *p = f + 34;
	unsigned how = take(in), options = (take(in) % 11) * 4;
	size_t len;

	memset(p, 0, 20);
	put16(p, how & 1 ? w->sport : (uint32_t)(40000 + take(in) % 4));
	put16(p + 2, how & 1 ? w->dport : 80);
	put32(p + 4, w->seq + (how & 2 ? take(in) << 8 : 0) - (how & 4 ? take(in) : 0));
	put32(p + 8, w->ack - (how & 8 ? take(in) << 6 : 0) + (how & 16 ? take(in) : 0));
	p[12] = (uint8_t)((20 + options) / 4 << 4);
	p[13] = (uint8_t)take(in);
	put16(p + 14, take(in) << 8 | take(in));
	put16(p + 18, how & 32 ? take(in) : 0);
	memset(p + 20, 1, options);
	take_some(in, p + 20, options);
	len = 20 + options;
	len += take_some(in, p + len, 255);
	put16(p + 16, sum_end(sum_add(sum_pseudo(ip4(0x0a000063), ip4(0x0a000001), 6, (uint32_t)len), p, len)));
	send_ip(w, f, 6, len, 0);
}

static const uint8_t here6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, far6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 0x63 };

/* Where a packet of version 6 comes from or goes to. */
static void address6(struct input *in, uint8_t *to, const uint8_t *usual)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 }, solicited[16] = { 0xff, 2, [11] = 1, 0xff, [15] = 1 };
	static const uint8_t link[16] = { 0xfe, 0x80, [15] = 0x63 };
	unsigned which = take(in) % 8;

	memcpy(to, which == 1 ? all_nodes : which == 2 ? solicited : which == 3 ? link : usual, 16);
	if (which == 4)
		take_some(in, to, 16);
}

/* Version 6: any chain of extension headers, then a message with a right checksum, or the bytes as they are. */
static void send_ip6(struct world *w, struct input *in)
{
	uint8_t f[1000], *p = f + 14, *at = p + 40, *kind = p + 6;
	unsigned headers = take(in) % 4, how = take(in), protocol;
	size_t len;

	memset(f, 0, sizeof(f));
	memcpy(f, &w->mac, 6);
	memcpy(f + 6, "\2\0\0\0\0\x63", 6);
	put16(f + 12, 0x86dd);
	p[0] = 0x60;
	p[7] = how & 1 ? 255 : 64;
	address6(in, p + 8, far6);
	address6(in, p + 24, here6);
	for (unsigned i = 0; i < headers; i++) {
		*kind = (uint8_t)(how & 2 ? take(in) : (const uint8_t[]){ 0, 60, 44, 43 }[take(in) % 4]);
		kind = at;
		len = *kind == 44 ? 8 : 8 * (1 + take(in) % 3);
		take_some(in, at + 1, len - 1);
		if (!(how & 4))
			at[1] = (uint8_t)(len / 8 - 1);
		at += len;
	}
	protocol = (const uint8_t[]){ 58, 17, 6, 59 }[how >> 3 & 3];
	*kind = (uint8_t)protocol;
	len = take_some(in, at, 255);
	if (how & 128 && protocol == 58) {               /* neighbour discovery that fits */
		p[7] = 255;
		at[0] = (uint8_t)(133 + take(in) % 5);
		at[1] = 0;
		if (take(in) & 1)
			memcpy(at + 8, take(in) & 1 ? here6 : far6, 16);
		len = MAX(len, 24);
	}
	if (how & 32 && len >= 20) {
		size_t sum = protocol == 58 ? 2 : protocol == 17 ? 6 : 16;

		if (protocol != 58) {
			put16(at, (uint32_t)(40000 + take(in) % 4));
			put16(at + 2, protocol == 17 ? 7 : 80);
		}
		if (protocol == 17)
			put16(at + 4, (uint32_t)len);
		put16(at + sum, 0);
		put16(at + sum, sum_end(sum_add(sum_pseudo(ip_get6(p + 8), ip_get6(p + 24), (uint8_t)protocol, (uint32_t)len), at,
						len)));
	}
	len += (size_t)(at - p) - 40;
	put16(p + 4, how & 64 ? take(in) : (uint32_t)len);
	net_tap_send(w->tap, f, 54 + len, NULL);
}

static void send_other(struct world *w, struct input *in, unsigned what)
{
	uint8_t f[400], *p = f + 34;
	size_t len;

	memset(f, 0, sizeof(f));
	len = take_some(in, p, 255);
	switch (what) {
	case 0: /* anything, to the host */
		memcpy(f, &w->mac, 6);
		len = take_some(in, f + 6, 255) + 6;
		len = MAX(len, 14);
		net_tap_send(w->tap, f, len, NULL);
		return;
	case 1: /* ARP */
		memcpy(f, take(in) & 1 ? "\xff\xff\xff\xff\xff\xff" : (const char *)w->mac.byte, 6);
		put16(f + 12, 0x0806);
		memmove(f + 14, p, len);
		memcpy(f + 14, "\0\1\x8\0\6\4\0", 7);
		net_tap_send(w->tap, f, 60, NULL);
		return;
	case 2: /* UDP */
		len = MAX(len, 8);
		put16(p + 2, 7);
		put16(p + 4, (uint32_t)len);
		put16(p + 6, 0);
		break;
	case 3: /* ICMP, also about a packet of ours */
		len = MAX(len, 36);
		p[8] = 0x45;
		p[17] = take(in) & 1 ? 6 : 17;
		put32(p + 20, 0x0a000001);
		put32(p + 24, 0x0a000063);
		if (take(in) & 1) {
			put16(p + 28, w->dport);
			put16(p + 30, w->sport);
			put32(p + 32, w->ack - take(in));
		}
		put16(p + 2, 0);
		put16(p + 2, sum_end(sum_add(0, p, len)));
		break;
	default: /* a fragment */
		send_ip(w, f, 17, MAX(len, 1), (take(in) & 0x20) << 8 | take(in) % 32);
		return;
	}
	send_ip(w, f, what == 2 ? 17 : 1, len, 0);
}

static void call(struct world *w, struct input *in)
{
	struct net_endpoint far = { net_v4(0x0a000063), 80 };
	struct net_caller root = { 0 };
	uint8_t bytes[2000] = { 0 };
	struct net_socket **s = take(in) & 1 && w->accepted ? &w->accepted : &w->client;

	switch (take(in) % 8) {
	case 0:
		if (!w->accepted)
			net_accept(w->listener, &w->accepted, NULL, NULL);
		break;
	case 1:
		if (!w->client)
			net_socket_new(w->host, NET_TCP, NET_IPV4, &root, &w->client, NULL);
		net_connect(w->client, &far, NULL);
		break;
	case 2:
		if (*s)
			net_send(*s, bytes, 1 + take(in) * 7, 0, NULL, NULL);
		break;
	case 3:
		if (*s)
			net_recv(*s, bytes, take(in) * 7, 0, NULL, NULL);
		break;
	case 4:
		if (*s)
			net_shutdown(*s, (int)(take(in) % 3), NULL);
		break;
	case 5:
		if (*s)
			net_socket_release(*s);
		*s = NULL;
		break;
	case 6:
		net_recv(w->udp, bytes, sizeof(bytes), 0, NULL, NULL);
		break;
	default:
		if (*s)
			net_setsockopt(*s, NET_SO_KEEPALIVE + take(in) % 20, (int)take(in), NULL);
	}
}

static void begin(struct world *w, bool forwards)
{
	struct net_config config = { .clock = &w->clock, .seed = 1 };
	struct net_caller root = { 0 };
	static const uint8_t any[16];
	struct net_prefix here = { net_v4(0x0a000001), 24 }, here_too = { net_v6(here6), 64 };
	struct net_endpoint udp = { net_v6(any), 7 }, tcp = { net_v6(any), 80 };
	struct net_addr far = net_v4(0x0a000063);
	struct net_iface_info info;
	struct net_iface *i;
	struct net_wire *wire;

	clock_init(&w->clock);
	w->net = net_new(&config);
	net_wire_new(w->net, "w", &wire, NULL);
	net_wire_keep(wire, 16, 65536);
	net_host_new(w->net, "h", 1, 1, &w->host, NULL);
	net_iface_new(w->host, "eth0", &i, NULL);
	net_iface_attach(i, wire, NULL);
	net_iface_add(i, &here, NULL);
	net_iface_add(i, &here_too, NULL);
	net_iface_up(i, true, NULL);
	net_iface_get(i, &info);
	w->mac = info.mac;
	net_tap_new(wire, "tap", (const struct net_mac *)"\2\0\0\0\0\x63", receive, w, &w->tap, NULL);
	net_neigh_add(w->host, "eth0", &far, (const struct net_mac *)"\2\0\0\0\0\x63", NULL);
	net_knob_set(w->host, NET_IP_FORWARD, forwards, NULL);
	net_socket_new(w->host, NET_UDP, NET_IPV6, &root, &w->udp, NULL);
	net_bind(w->udp, &root, &udp, NULL);
	net_socket_new(w->host, NET_TCP, NET_IPV6, &root, &w->listener, NULL);
	net_bind(w->listener, &root, &tcp, NULL);
	net_listen(w->listener, 2, NULL);
	w->seq = 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct world w = { 0 };
	struct err e = { 0 };
	ns_t wait;

	begin(&w, take(&in) & 1);
	for (unsigned steps = 0; in.left > 0 && steps < 200; steps++) {
		unsigned what = take(&in);

		wait = NS_PER_MS;
		if (what % 8 < 3)
			send_tcp(&w, &in);
		else if (what % 8 < 5 && what / 8 % 8 < 5)
			send_other(&w, &in, what / 8 % 8);
		else if (what % 8 < 5)
			send_ip6(&w, &in);
		else if (what % 8 < 7)
			call(&w, &in);
		else
			wait = (ns_t)take(&in) * take(&in) * NS_PER_MS * 10;
		clock_run(&w.clock, w.clock.now + wait, 100000);
		if (!net_check(w.net, &e))
			abort();
	}
	net_socket_release(w.udp);
	net_socket_release(w.listener);
	if (w.client)
		net_socket_release(w.client);
	if (w.accepted)
		net_socket_release(w.accepted);
	clock_run(&w.clock, w.clock.now + 10000 * NS_PER_S, 1000000);
	net_tap_free(w.tap);
	net_free(w.net);
	clock_clear(&w.clock);
	return 0;
}
