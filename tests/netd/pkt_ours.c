/* pkt_ours.c - the simulated host, on an infinitely fast wire, in virtual time. */
#include "pkt_host.h"

#include "frame.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const uint8_t tap_mac[6] = { 2, 0, 0, 0, 0, 0xfe };
static const struct net_caller caller = { .uid = 0, .pid = 1 };

struct ours {
	struct clock     clock;
	struct net      *net;
	struct net_host *host;
	struct net_tap  *tap;
	struct net_mac   mac;             /* of the host */
	struct net_socket *fd[PKT_FDS];
	pkt_sent_fn     *sent;
	void            *user;
};

/* --- the wire --------------------------------------------------------------------------------------- */

static void answer_arp(struct ours *h, const uint8_t *q, size_t len)
{
	uint8_t f[60] = { 0 };

	if (len < 42 || get16(q + 20) != 1 || get32(q + 38) != PKT_ROUTER)
		return;
	memcpy(f, q + 6, 6);
	memcpy(f + 6, tap_mac, 6);
	memcpy(f + 12, q + 12, 8);
	put16(f + 20, 2);
	memcpy(f + 22, tap_mac, 6);
	put32(f + 28, PKT_ROUTER);
	memcpy(f + 32, q + 22, 10);
	net_tap_send(h->tap, f, sizeof(f), NULL);
}

static void receive(void *user, const uint8_t *frame, size_t len)
{
	struct ours *h = user;

	if (get16(frame + 12) == 0x0806)
		answer_arp(h, frame, len);
	else if (get16(frame + 12) == 0x0800)
		h->sent(h->user, h->clock.now, frame, len);
}

static void inject(void *host, uint8_t *frame, size_t len)
{
	struct ours *h = host;

	memcpy(frame, &h->mac, 6);
	memcpy(frame + 6, tap_mac, 6);
	put16(frame + 12, 0x0800);
	net_tap_send(h->tap, frame, len, NULL);
}

/* --- time ------------------------------------------------------------------------------------------- */

static ns_t now(const void *host)
{
	const struct ours *h = host;

	return h->clock.now;
}

static bool step(void *host, ns_t until)
{
	struct ours *h = host;
	ns_t next;

	if (clock_next(&h->clock, &next) && next <= until) {
		clock_step(&h->clock);
		return true;
	}
	clock_run(&h->clock, MAX(until, h->clock.now), G_MAXUINT64);
	return false;
}

static bool wait_for(void *host, long (*fn)(void *), void *arg, long *result)
{
	*result = fn(arg);
	return *result != -EAGAIN && *result != -EINPROGRESS;
}

/* --- its life --------------------------------------------------------------------------------------- */

static void *open_ours(const struct pkt_script *script, pkt_sent_fn *sent, void *user, GString *why)
{
	struct ours *h = g_new0(struct ours, 1);
	struct net_config config = { .clock = &h->clock, .seed = 7 };
	struct net_prefix here = { net_v4(PKT_LOCAL), 16 };
	struct net_route route = { .to = { net_v4(0), 0 }, .via = net_v4(PKT_ROUTER) };
	struct net_addr router = net_v4(PKT_ROUTER);
	struct net_wire_config c;
	struct net_iface_info info;
	struct net_iface *eth;
	struct net_wire *w;

	h->sent = sent;
	h->user = user;
	clock_init(&h->clock);
	h->clock.now = NS_PER_S;
	h->net = net_new(&config);
	net_wire_new(h->net, "wire", &w, NULL);
	net_wire_get(w, &c);
	c.rate = 0;
	c.delay = 0;
	c.mtu = script->mtu ? script->mtu : 1500;
	net_wire_set(w, &c, NULL);
	net_host_new(h->net, "host", 1, 1, &h->host, NULL);
	net_iface_new(h->host, "tun0", &eth, NULL);
	net_iface_attach(eth, w, NULL);
	net_iface_add(eth, &here, NULL);
	net_iface_up(eth, true, NULL);
	net_route_add(h->host, &route, NULL);
	net_tap_new(w, "far", (const struct net_mac *)tap_mac, receive, h, &h->tap, NULL);
	net_neigh_add(h->host, "tun0", &router, (const struct net_mac *)tap_mac, NULL);
	net_iface_get(eth, &info);
	h->mac = info.mac;
	return h;
}

static void close_ours(void *host)
{
	struct ours *h = host;

	for (int i = 0; i < PKT_FDS; i++)
		if (h->fd[i])
			net_socket_release(h->fd[i]);
	net_tap_free(h->tap);
	net_free(h->net);
	clock_clear(&h->clock);
	g_free(h);
}

/* A number, one of the knob's names, or of buffers the least, the first and the most: the most has a knob of its own. */
static bool knob(void *host, const char *name, const char *value)
{
	struct ours *h = host;
	enum net_knob k;
	long long v[3];
	int given;

	if (!net_knob_find(name, &k))
		return false;
	for (int i = 0; net_knobs[k].names && i <= net_knobs[k].max; i++)
		if (strcmp(net_knobs[k].names[i], value) == 0)
			return net_knob_set(h->host, k, i, NULL) == 0;
	given = sscanf(value, "%lli %lli %lli", &v[0], &v[1], &v[2]);
	if (given == 3 && (k == NET_RMEM || k == NET_WMEM))
		return net_knob_set(h->host, k, v[1], NULL) == 0 &&
		       net_knob_set(h->host, k == NET_RMEM ? NET_RMEM_MAX : NET_WMEM_MAX, v[2], NULL) == 0;
	return given >= 1 && net_knob_set(h->host, k, v[0], NULL) == 0;
}

static bool check(void *host, struct err *e)
{
	return net_check(((struct ours *)host)->net, e);
}

/* --- calls ------------------------------------------------------------------------------------------- */

static struct net_socket *at(void *host, int fd)
{
	return ((struct ours *)host)->fd[fd];
}

static long new_socket(void *host, int fd, bool udp, bool nonblock)
{
	struct ours *h = host;

	return net_socket_new(h->host, udp ? NET_UDP : NET_TCP, NET_IPV4, &caller, &h->fd[fd], NULL);
}

static long set_nonblock(void *host, int fd, bool on)
{
	return 0; /* no call waits by itself */
}

static long bind_ours(void *host, int fd)
{
	struct net_endpoint here = { .port = PKT_PORT };

	return net_bind(at(host, fd), &caller, &here, NULL);
}

static long listen_ours(void *host, int fd, int backlog)
{
	return net_listen(at(host, fd), backlog, NULL);
}

static long accept_ours(void *host, int fd, int as)
{
	struct ours *h = host;

	return net_accept(at(host, fd), &h->fd[as], NULL, NULL);
}

static struct net_endpoint remote(void)
{
	return (struct net_endpoint){ .addr = net_v4(PKT_REMOTE), .port = PKT_PORT };
}

static bool is_udp(void *host, int fd)
{
	struct net_socket_info info;

	net_socket_get(at(host, fd), &info);
	return info.kind == NET_UDP;
}

static long connect_ours(void *host, int fd, bool again)
{
	struct net_endpoint to = remote();

	return again && !is_udp(host, fd) ? net_connect_result(at(host, fd), NULL) : net_connect(at(host, fd), &to, NULL);
}

static unsigned message_flags(int flags)
{
	return (flags & MSG_PEEK ? NET_PEEK : 0) | (flags & MSG_MORE ? NET_MORE : 0) | (flags & MSG_OOB ? NET_OOB : 0);
}

static long recv_ours(void *host, int fd, size_t len, int flags)
{
	g_autofree uint8_t *data = g_malloc(MAX(len, 1));

	return net_recv(at(host, fd), data, len, message_flags(flags), NULL, NULL);
}

static long send_ours(void *host, int fd, size_t len, int flags, bool named)
{
	g_autofree uint8_t *zeros = g_malloc0(MAX(len, 1));
	struct net_endpoint to = remote();

	return net_send(at(host, fd), zeros, len, message_flags(flags), named && is_udp(host, fd) ? &to : NULL, NULL);
}

static long shutdown_ours(void *host, int fd, int how)
{
	return net_shutdown(at(host, fd), how, NULL);
}

static void shut(void *host, int fd)
{
	net_socket_release(at(host, fd));
	((struct ours *)host)->fd[fd] = NULL;
}

static long set_option(void *host, int fd, enum net_option o, int value)
{
	return net_setsockopt(at(host, fd), o, value, NULL);
}

static long get_option(void *host, int fd, enum net_option o, int *value)
{
	return net_getsockopt(at(host, fd), o, value, NULL);
}

static long poll_ours(void *host, int fd, unsigned events)
{
	return net_poll(at(host, fd)) & (events | NET_POLLERR | NET_POLLHUP);
}

static long queued(void *host, int fd, bool received)
{
	struct net_socket_info info;

	net_socket_get(at(host, fd), &info);
	return received ? info.recv_queue : info.send_queue;
}

static long state(void *host)
{
	struct ours *h = host;
	struct net_socket_info info = { 0 };
	long newest = NET_TCP_CLOSE;

	while (net_socket_above(h->host, info.id, &info))
		if (info.state != NET_TCP_LISTEN)
			newest = info.state;
	return newest;
}

const struct pkt_host_ops pkt_ours = {
	.name = "the simulated host", .open = open_ours, .close = close_ours, .now = now, .step = step, .inject = inject,
	.knob = knob, .wait = wait_for, .check = check, .socket = new_socket, .nonblock = set_nonblock, .bind = bind_ours,
	.listen = listen_ours, .accept = accept_ours, .connect = connect_ours, .recv = recv_ours, .send = send_ours,
	.shutdown = shutdown_ours, .shut = shut, .setsockopt = set_option, .getsockopt = get_option, .poll = poll_ours,
	.queued = queued, .state = state,
};
