/*
 * test_dual_stack.c - sockets of both versions on one port: which pairs of binds are let, and who gets what comes.
 *
 * tests/cases/net/dual_stack.txt is what Linux 6.18 said: a line for each way to bind a first socket, a word for each second
 * one: `b` its bind fails, `l` its listen fails, `e` one of them is no bind at all, else who is reached at 127.0.0.1 and at
 * ::1 (1, 2, - nobody, . not tried). Where it runs, and a network namespace of our own can be had, it is asked again.
 */
#include "lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct { const char *address; bool v6, only; } places[] = {
	{ "0.0.0.0", false, false }, { "127.0.0.1", false, false }, { "127.0.0.2", false, false },
	{ "::", true, false }, { "::", true, true }, { "::1", true, false }, { "::1", true, true },
	{ "::ffff:127.0.0.1", true, false }, { "::ffff:0.0.0.0", true, false }, { "::ffff:127.0.0.1", true, true },
};
enum { SHARE_NOT, SHARE_ADDR, SHARE_PORT, SHARES };
static const char *const share_names[SHARES] = { "", ",reuseaddr", ",reuseport" };

struct way { unsigned place, share; bool listens; };

/* What is asked: a kernel, or the engine. A socket is a descriptor or a pointer; < 0 is -errno. */
struct asked {
	intptr_t (*open)(void *w, bool v6, bool udp, bool only, unsigned share);
	int  (*bind)(void *w, intptr_t s, const char *address, uint16_t port, bool v6);
	int  (*listen)(void *w, intptr_t s);
	void (*send)(void *w, const char *to, uint16_t port, bool v6, bool udp); /* a connection, or a datagram */
	bool (*reached)(void *w, intptr_t s, bool udp);
	void (*close)(void *w, intptr_t s);
	void *world;
};

static intptr_t open_way(const struct asked *a, const struct way *w, bool udp)
{
	return a->open(a->world, places[w->place].v6, udp, places[w->place].only, w->share);
}

static int bind_way(const struct asked *a, intptr_t s, const struct way *w, uint16_t port)
{
	return a->bind(a->world, s, places[w->place].address, port, places[w->place].v6);
}

static char who(const struct asked *a, intptr_t one, intptr_t two, const char *to, uint16_t port, bool v6, bool udp)
{
	bool first, second;

	a->send(a->world, to, port, v6, udp);
	first = a->reached(a->world, one, udp);
	second = a->reached(a->world, two, udp);
	return first && second ? 'X' : first ? '1' : second ? '2' : '-';
}

static void pair(const struct asked *a, const struct way *x, const struct way *y, uint16_t port, bool udp, GString *out)
{
	intptr_t one = open_way(a, x, udp), two = open_way(a, y, udp);
	int rc = bind_way(a, one, x, port);

	if (!rc && x->listens)
		rc = a->listen(a->world, one);
	if (rc) {
		g_string_append(out, " e");
	} else if ((rc = bind_way(a, two, y, port))) {
		g_string_append(out, rc == -EADDRINUSE ? " b" : rc == -EINVAL ? " e" : " ?");
	} else if (y->listens && (rc = a->listen(a->world, two))) {
		g_string_append(out, rc == -EADDRINUSE ? " l" : " ?");
	} else if ((!udp && !x->listens && !y->listens) || (x->share == SHARE_PORT && y->share == SHARE_PORT)) {
		g_string_append(out, " .."); /* nobody to reach, or chance decides */
	} else {
		g_string_append_c(out, ' ');
		g_string_append_c(out, who(a, one, two, "127.0.0.1", port, false, udp));
		g_string_append_c(out, who(a, one, two, "::1", port, true, udp));
	}
	a->close(a->world, one);
	a->close(a->world, two);
}

static void way_at(unsigned n, bool udp, struct way *w)
{
	w->listens = !udp && n % 2;
	n /= udp ? 1 : 2;
	w->share = n % SHARES;
	w->place = n / SHARES;
}

static char *table(const struct asked *a)
{
	GString *out = g_string_new(NULL);
	uint16_t port = 2000;

	for (unsigned udp = 0; udp < 2; udp++) {
		unsigned ways = G_N_ELEMENTS(places) * SHARES * (udp ? 1 : 2);

		for (unsigned i = 0; i < ways; i++) {
			struct way x, y;

			way_at(i, udp, &x);
			g_string_append_printf(out, "%s,%s%s%s%s:", udp ? "udp" : "tcp", places[x.place].address,
					       places[x.place].only ? ",v6only" : "", share_names[x.share], x.listens ? ",listen" : "");
			for (unsigned k = 0; k < ways; k++) {
				way_at(k, udp, &y);
				pair(a, &x, &y, port++, udp, out);
			}
			g_string_append_c(out, '\n');
		}
	}
	return g_string_free(out, FALSE);
}

/* --- the engine ------------------------------------------------------------------------------------------ */

struct inside { struct lab l; struct net_host *h; struct net_socket *last; };

static intptr_t sim_open(void *world, bool v6, bool udp, bool only, unsigned share)
{
	struct inside *w = world;
	struct net_socket *s;

	assert_int_equal(net_socket_new(w->h, udp ? NET_UDP : NET_TCP, v6 ? NET_IPV6 : NET_IPV4, &root, &s, NULL), 0);
	if (only)
		assert_int_equal(net_setsockopt(s, NET_IPV6_V6ONLY, 1, NULL), 0);
	if (share)
		assert_int_equal(net_setsockopt(s, share == SHARE_ADDR ? NET_SO_REUSEADDR : NET_SO_REUSEPORT, 1, NULL), 0);
	return (intptr_t)s;
}

static int sim_bind(void *world, intptr_t s, const char *address, uint16_t port, bool v6)
{
	struct net_endpoint at = { .addr = addr(address), .port = port };

	return net_bind((struct net_socket *)s, &root, &at, NULL);
}

static int sim_listen(void *world, intptr_t s)
{
	return net_listen((struct net_socket *)s, 5, NULL);
}

static void sim_send(void *world, const char *to, uint16_t port, bool v6, bool udp)
{
	struct inside *w = world;
	struct net_endpoint end = { .addr = addr(to), .port = port };
	struct net_socket *s = v6 ? open_socket6(w->h, udp ? NET_UDP : NET_TCP) : open_socket(w->h, udp ? NET_UDP : NET_TCP);

	if (udp)
		net_send(s, "x", 1, 0, &end, NULL);
	else
		net_connect(s, &end, NULL);
	lab_run(&w->l, 100 * NS_PER_US);
	net_socket_release(s);
	lab_run(&w->l, 100 * NS_PER_US);
}

static bool sim_reached(void *world, intptr_t s, bool udp)
{
	struct net_socket *child;
	char byte;

	if (udp)
		return net_recv((struct net_socket *)s, &byte, 1, 0, NULL, NULL) == 1;
	if (net_accept((struct net_socket *)s, &child, NULL, NULL))
		return false;
	net_socket_release(child);
	return true;
}

static void sim_close(void *world, intptr_t s)
{
	net_socket_release((struct net_socket *)s);
}

static void like_linux(void **state)
{
	struct inside w = { 0 };
	const struct asked sim = { sim_open, sim_bind, sim_listen, sim_send, sim_reached, sim_close, &w };
	g_autofree char *wanted = case_file("dual_stack.txt"), *got = NULL;
	g_auto(GStrv) want = g_strsplit(wanted, "\n", -1), have = NULL;
	unsigned wrong = 0;

	lab_open(&w.l, 1);
	w.h = lab_host(&w.l, "a", NULL, NULL);
	got = table(&sim);
	have = g_strsplit(got, "\n", -1);
	for (unsigned i = 0; want[i] && have[i]; i++)
		if (strcmp(want[i], have[i]) != 0 && wrong++ < 20)
			print_message("Linux %s\nhere  %s\n", want[i], have[i]);
	if (strcmp(wanted, got) != 0)
		fail_msg("%u of %u ways differ", wrong, g_strv_length(want) - 1);
	lab_settle(&w.l);
	lab_close(&w.l);
}

/* --- the kernel ------------------------------------------------------------------------------------------ */

static intptr_t real_open(void *world, bool v6, bool udp, bool only, unsigned share)
{
	int s = socket(v6 ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0), on = 1, set = only;

	if (v6)
		setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &set, sizeof(set));
	if (share)
		setsockopt(s, SOL_SOCKET, share == SHARE_ADDR ? SO_REUSEADDR : SO_REUSEPORT, &on, sizeof(on));
	return s;
}

static socklen_t real_address(struct sockaddr_storage *out, const char *address, uint16_t port, bool v6)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = v6 ? AF_INET6 : AF_INET;
	inet_pton(out->ss_family, address, v6 ? (void *)&six->sin6_addr : (void *)&four->sin_addr);
	*(v6 ? &six->sin6_port : &four->sin_port) = htons(port);
	return v6 ? sizeof(*six) : sizeof(*four);
}

static int real_bind(void *world, intptr_t s, const char *address, uint16_t port, bool v6)
{
	struct sockaddr_storage at;
	socklen_t len = real_address(&at, address, port, v6);

	return bind((int)s, (struct sockaddr *)&at, len) ? -errno : 0;
}

static int real_listen(void *world, intptr_t s)
{
	return listen((int)s, 5) ? -errno : 0;
}

static void real_send(void *world, const char *to, uint16_t port, bool v6, bool udp)
{
	int s = socket(v6 ? AF_INET6 : AF_INET, udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	struct linger at_once = { 1, 0 };
	struct sockaddr_storage at;
	socklen_t len = real_address(&at, to, port, v6);

	if (udp) {
		sendto(s, "x", 1, 0, (struct sockaddr *)&at, len);
	} else {
		connect(s, (struct sockaddr *)&at, len);
		setsockopt(s, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	}
	close(s);
}

static bool real_reached(void *world, intptr_t s, bool udp)
{
	char byte;
	int child;

	if (udp)
		return recv((int)s, &byte, 1, 0) == 1;
	child = accept((int)s, NULL, NULL);
	if (child >= 0)
		close(child);
	return child >= 0;
}

static void real_close(void *world, intptr_t s)
{
	close((int)s);
}

/* In a namespace of our own, where nobody else has ports. */
static bool alone(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s;
	bool up;

	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM, 0);
	up = ioctl(s, SIOCSIFFLAGS, &lo) == 0;
	close(s);
	return up && access("/proc/net/if_inet6", R_OK) == 0;
}

static void this_kernel_too(void **state)
{
	const struct asked real = { real_open, real_bind, real_listen, real_send, real_reached, real_close, NULL };
	g_autofree char *wanted = getenv("RECORD") ? NULL : case_file("dual_stack.txt"), *name = NULL, *got = NULL;
	struct utsname kernel;
	pid_t child;
	int status, fd;

	if (uname(&kernel) || (wanted && !g_str_has_prefix(kernel.release, "6.18."))) /* others may have other rules */
		skip();
	fd = g_file_open_tmp("dual-XXXXXX", &name, NULL);
	close(fd);
	child = fork();
	if (child == 0) {
		g_autofree char *text = alone() ? table(&real) : NULL;

		_exit(text ? !g_file_set_contents(name, text, -1, NULL) : 77);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(g_file_get_contents(name, &got, NULL, NULL));
	unlink(name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	if (getenv("RECORD"))
		g_file_set_contents(getenv("RECORD"), got, -1, NULL);
	else
		assert_string_equal(got, wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(this_kernel_too), cmocka_unit_test(like_linux) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
