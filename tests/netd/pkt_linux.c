/*
 * pkt_linux.c - the kernel that runs the test: real sockets, and a tun device through which the script is everything that
 * they reach. In a network namespace of its own, which open() makes of the process that calls it, so one process a script.
 *
 * What a call waits for is done by a thread. All else is made at once; an alarm ends a call that waits although the script
 * does not say so.
 */
#include "pkt_host.h"

#include "frame.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 14, LONGEST = 65536, PATIENCE_S = 3, AT_ONCE_MS = 5 };

struct linux_host {
	int          tun, done_fd;   /* done_fd: an eventfd, when the call that waits has returned */
	int          fd[PKT_FDS];    /* -1: none */
	pkt_sent_fn *sent;
	void        *user;
	bool         waits;          /* there is such a call */
	pthread_t    thread;
	long       (*fn)(void *arg);
	void        *arg;
	long         result;
};

/* What our settings are at first where Linux has others, or chooses by the memory there is. */
static const struct { const char *name, *value; } settings[] = {
	{ "tcp_syn_linear_timeouts", "0" }, { "tcp_ecn", "0" }, { "tcp_early_retrans", "0" }, { "tcp_no_metrics_save", "1" },
	{ "tcp_wmem", "4096 16384 4194304" },
};

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

static bool knob(void *host, const char *name, const char *value)
{
	g_autofree char *path = g_strdup_printf("/proc/sys/%s%s", strchr(name, '.') ? "" : "net/ipv4/", name);

	g_strdelimit(path + strlen("/proc/sys/"), ".", '/');
	return write_text(path, value);
}

/* --- its life --------------------------------------------------------------------------------------- */

static void give_up(int signal)
{
}

static bool own_namespace(void)
{
	g_autofree char *uids = g_strdup_printf("0 %u 1", getuid()), *gids = g_strdup_printf("0 %u 1", getgid());

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 && write_text("/proc/self/setgroups", "deny") &&
	       write_text("/proc/self/gid_map", gids) && write_text("/proc/self/uid_map", uids);
}

static struct sockaddr_in address(uint32_t addr, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr) };
}

static struct ifreq request(const char *name)
{
	struct ifreq r = { 0 };

	g_strlcpy(r.ifr_name, name, sizeof r.ifr_name);
	return r;
}

static bool set_address(int s, struct ifreq *r, unsigned long what, uint32_t addr)
{
	struct sockaddr_in a = address(addr, 0);

	memcpy(&r->ifr_addr, &a, sizeof a);
	return ioctl(s, what, r) == 0;
}

static bool up(int s, const char *name)
{
	struct ifreq r = request(name);

	if (ioctl(s, SIOCGIFFLAGS, &r))
		return false;
	r.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(s, SIOCSIFFLAGS, &r) == 0;
}

/* Everything is behind the device. */
static bool add_route(int s)
{
	struct sockaddr_in none = address(0, 0);
	struct rtentry route = { .rt_flags = RTF_UP, .rt_dev = (char[]){ "tun0" } };

	memcpy(&route.rt_dst, &none, sizeof none);
	memcpy(&route.rt_genmask, &none, sizeof none);
	return ioctl(s, SIOCADDRT, &route) == 0;
}

static bool plug_in(struct linux_host *h, uint32_t mtu)
{
	struct ifreq r = request("tun0");
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good;

	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	h->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	good = s >= 0 && h->tun >= 0 && ioctl(h->tun, TUNSETIFF, &r) == 0;
	r = request("tun0");
	r.ifr_mtu = (int)mtu;
	good = good && ioctl(s, SIOCSIFMTU, &r) == 0 && set_address(s, &r, SIOCSIFADDR, PKT_LOCAL) &&
	       set_address(s, &r, SIOCSIFNETMASK, 0xffff0000) && up(s, "tun0") && up(s, "lo") && add_route(s);
	if (s >= 0)
		close(s);
	return good;
}

static void close_linux(void *host)
{
	struct linux_host *h = host;
	struct linger at_once = { 1, 0 };

	for (int i = 0; i < PKT_FDS; i++)
		if (h->fd[i] >= 0) {
			setsockopt(h->fd[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
			close(h->fd[i]);
		}
	if (h->waits)
		return; /* the process ends with its thread; `h` is still in use */
	if (h->tun >= 0)
		close(h->tun);
	close(h->done_fd);
	g_free(h);
}

static void set_at_first(struct linux_host *h)
{
	g_autofree char *rmem = g_strdup_printf("4096 %" PRIi64 " %" PRIi64, net_knobs[NET_RMEM].initial,
						net_knobs[NET_RMEM_MAX].initial);

	for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++)
		knob(h, settings[i].name, settings[i].value);
	knob(h, "tcp_rmem", rmem);
}

static void *open_linux(const struct pkt_script *script, pkt_sent_fn *sent, void *user, GString *why)
{
	struct linux_host *h;
	struct sched_param soon = { .sched_priority = 1 };

	if (!own_namespace()) {
		g_string_append_printf(why, "no network namespace: %s", g_strerror(errno));
		return NULL;
	}
	h = g_new0(struct linux_host, 1);
	h->sent = sent;
	h->user = user;
	h->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	memset(h->fd, -1, sizeof h->fd);
	if (!plug_in(h, script->mtu ? script->mtu : 1500)) {
		g_string_append_printf(why, "no tun device: %s", g_strerror(errno));
		close_linux(h);
		return NULL;
	}
	set_at_first(h);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = give_up }, NULL);
	signal(SIGPIPE, SIG_IGN);
	sched_setscheduler(0, SCHED_FIFO, &soon); /* where we may: keeps the times of the script better */
	return h;
}

static bool check(void *host, struct err *e)
{
	return true;
}

/* --- time, the wire --------------------------------------------------------------------------------- */

static ns_t now(const void *host)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (ns_t)t.tv_sec * NS_PER_S + (ns_t)t.tv_nsec;
}

static void inject(void *host, uint8_t *frame, size_t len)
{
	const struct linux_host *h = host;

	if (write(h->tun, frame + HEADER, len - HEADER) < 0)
		perror("the tun device");
}

static bool take_packets(struct linux_host *h)
{
	static uint8_t frame[HEADER + LONGEST];
	bool any = false;
	ssize_t n;

	put16(frame + 12, 0x0800);
	while ((n = read(h->tun, frame + HEADER, LONGEST)) > 0) {
		if (frame[HEADER] >> 4 != 4)
			continue; /* the kernel looks for routers of version 6 */
		any = true;
		h->sent(h->user, now(h), frame, HEADER + (size_t)n);
	}
	return any;
}

static bool step(void *host, ns_t until)
{
	struct linux_host *h = host;
	struct pollfd p[2] = { { .fd = h->tun, .events = POLLIN }, { .fd = h->done_fd, .events = POLLIN } };

	for (;;) {
		ns_t at = now(h), left = until > at ? until - at : 0;
		struct timespec t = { (time_t)(left / NS_PER_S), (long)(left % NS_PER_S) };
		uint64_t count;

		if (ppoll(p, 2, &t, NULL) <= 0 && left == 0)
			return false;
		if (take_packets(h) || read(h->done_fd, &count, sizeof count) > 0)
			return true;
	}
}

static void *call_thread(void *arg)
{
	struct linux_host *h = arg;
	uint64_t one = 1;

	h->result = h->fn(h->arg);
	if (write(h->done_fd, &one, sizeof one) < 0)
		perror("eventfd");
	return NULL;
}

static bool ended(struct linux_host *h)
{
	struct timespec never = { 0 };

	return pthread_timedjoin_np(h->thread, NULL, &never) == 0;
}

static bool wait_for(void *host, long (*fn)(void *), void *arg, long *result)
{
	struct linux_host *h = host;

	if (!h->waits) {
		h->fn = fn;
		h->arg = arg;
		h->waits = true;
		g_assert(pthread_create(&h->thread, NULL, call_thread, h) == 0);
		g_usleep(AT_ONCE_MS * 1000); /* it is in the kernel by now */
	}
	if (!ended(h))
		return false;
	h->waits = false;
	*result = h->result;
	return true;
}

/* --- calls ------------------------------------------------------------------------------------------- */

static int at(void *host, int fd)
{
	return ((struct linux_host *)host)->fd[fd];
}

/* As -errno; the alarm, if it is ours that is made at once, is off again. */
static long result_of(void *host, long n)
{
	int error = errno;

	if (!((struct linux_host *)host)->waits)
		alarm(0);
	return n < 0 ? -error : n;
}

static void begin(void *host)
{
	if (!((struct linux_host *)host)->waits)
		alarm(PATIENCE_S);
}

static long new_socket(void *host, int fd, bool udp, bool nonblock)
{
	struct linux_host *h = host;

	h->fd[fd] = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | (nonblock ? SOCK_NONBLOCK : 0) | SOCK_CLOEXEC, 0);
	return h->fd[fd] < 0 ? -errno : 0;
}

static long set_nonblock(void *host, int fd, bool on)
{
	return fcntl(at(host, fd), F_SETFL, on ? O_NONBLOCK : 0) ? -errno : 0;
}

static long bind_linux(void *host, int fd)
{
	struct sockaddr_in here = address(0, PKT_PORT);

	return bind(at(host, fd), (struct sockaddr *)&here, sizeof here) ? -errno : 0;
}

static long listen_linux(void *host, int fd, int backlog)
{
	return listen(at(host, fd), backlog) ? -errno : 0;
}

static long accept_linux(void *host, int fd, int as)
{
	struct linux_host *h = host;
	long n;

	begin(h);
	n = result_of(h, accept4(at(h, fd), NULL, NULL, SOCK_CLOEXEC));
	if (n >= 0)
		h->fd[as] = (int)n;
	return MIN(n, 0);
}

static long connect_linux(void *host, int fd, bool again)
{
	struct sockaddr_in to = address(PKT_REMOTE, PKT_PORT);

	begin(host);
	return result_of(host, connect(at(host, fd), (struct sockaddr *)&to, sizeof to));
}

static long recv_linux(void *host, int fd, size_t len, int flags)
{
	g_autofree uint8_t *data = g_malloc(MAX(len, 1));

	begin(host);
	return result_of(host, recv(at(host, fd), data, len, flags));
}

static long send_linux(void *host, int fd, size_t len, int flags, bool named)
{
	g_autofree uint8_t *zeros = g_malloc0(MAX(len, 1));
	struct sockaddr_in to = address(PKT_REMOTE, PKT_PORT);

	begin(host);
	return result_of(host, sendto(at(host, fd), zeros, len, flags | MSG_NOSIGNAL, named ? (struct sockaddr *)&to : NULL,
				      named ? sizeof to : 0));
}

static long shutdown_linux(void *host, int fd, int how)
{
	return shutdown(at(host, fd), how) ? -errno : 0;
}

static void shut(void *host, int fd)
{
	close(at(host, fd));
	((struct linux_host *)host)->fd[fd] = -1;
}

static const struct { int level, name; } options[NET_OPTIONS] = {
#define O(level, name) [NET_##name] = { level, name }
	O(SOL_SOCKET, SO_REUSEADDR), O(SOL_SOCKET, SO_REUSEPORT), O(SOL_SOCKET, SO_BROADCAST), O(SOL_SOCKET, SO_KEEPALIVE),
	O(SOL_SOCKET, SO_OOBINLINE), O(SOL_SOCKET, SO_LINGER), O(SOL_SOCKET, SO_SNDBUF), O(SOL_SOCKET, SO_RCVBUF),
	O(SOL_SOCKET, SO_ERROR), O(SOL_SOCKET, SO_ACCEPTCONN), O(SOL_SOCKET, SO_TYPE), O(IPPROTO_IP, IP_TTL),
	O(IPPROTO_IP, IP_TOS), O(IPPROTO_IP, IP_MTU_DISCOVER), O(IPPROTO_TCP, TCP_NODELAY),
	O(IPPROTO_TCP, TCP_CORK), O(IPPROTO_TCP, TCP_MAXSEG), O(IPPROTO_TCP, TCP_KEEPIDLE), O(IPPROTO_TCP, TCP_KEEPINTVL),
	O(IPPROTO_TCP, TCP_KEEPCNT), O(IPPROTO_TCP, TCP_SYNCNT), O(IPPROTO_TCP, TCP_LINGER2),
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT), O(IPPROTO_TCP, TCP_WINDOW_CLAMP), O(IPPROTO_TCP, TCP_QUICKACK),
	O(IPPROTO_TCP, TCP_USER_TIMEOUT),
#undef O
};

static long set_option(void *host, int fd, enum net_option o, int value)
{
	struct linger linger = { value >= 0, MAX(value, 0) };

	if (o == NET_SO_LINGER)
		return setsockopt(at(host, fd), SOL_SOCKET, SO_LINGER, &linger, sizeof linger) ? -errno : 0;
	if (o == NET_TCP_CONGESTION) {
		const char *name = value ? "cubic" : "reno";

		return setsockopt(at(host, fd), IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name)) ? -errno : 0;
	}
	if (!options[o].name)
		return -ENOPROTOOPT;
	return setsockopt(at(host, fd), options[o].level, options[o].name, &value, sizeof value) ? -errno : 0;
}

static long get_option(void *host, int fd, enum net_option o, int *value)
{
	socklen_t len = sizeof *value;

	if (!options[o].name || o == NET_SO_LINGER)
		return -ENOPROTOOPT;
	return getsockopt(at(host, fd), options[o].level, options[o].name, value, &len) ? -errno : 0;
}

static long poll_linux(void *host, int fd, unsigned events)
{
	struct pollfd p = { .fd = at(host, fd), .events = (short)events };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static long queued(void *host, int fd, bool received)
{
	int n = 0;

	return ioctl(at(host, fd), received ? SIOCINQ : SIOCOUTQ, &n) ? -errno : n;
}

/* The kernel's table: connections that nobody has accepted, or that are closed, are there too. */
static long state(void *host)
{
	g_autofree char *text = NULL;
	long newest = NET_TCP_CLOSE;

	if (!g_file_get_contents("/proc/thread-self/net/tcp", &text, NULL, NULL))
		return -ENOENT;
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		unsigned st;

		if (sscanf(line, " %*u: %*8x:%*4x %*8x:%*4x %2x", &st) == 1 && st != NET_TCP_LISTEN)
			newest = st == 12 ? NET_TCP_SYN_RECV : st;
	}
	return newest;
}

const struct pkt_host_ops pkt_linux = {
	.name = "the kernel", .real = true, .open = open_linux, .close = close_linux, .now = now, .step = step, .inject = inject,
	.knob = knob, .wait = wait_for, .check = check, .socket = new_socket, .nonblock = set_nonblock, .bind = bind_linux,
	.listen = listen_linux, .accept = accept_linux, .connect = connect_linux, .recv = recv_linux, .send = send_linux,
	.shutdown = shutdown_linux, .shut = shut, .setsockopt = set_option, .getsockopt = get_option, .poll = poll_linux,
	.queued = queued, .state = state,
};
