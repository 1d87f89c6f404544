/* real.c - real sockets: made, read, written, ended. */
#include "real.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

const char *real_text(const struct real_addr *a, char out[REAL_TEXT])
{
	char name[INET6_ADDRSTRLEN];

	if (a->len == 0)
		snprintf(out, REAL_TEXT, "-");
	else if (a->any.sa_family == AF_UNIX)
		snprintf(out, REAL_TEXT, "unix:%.*s", (int)sizeof a->un.sun_path, a->un.sun_path);
	else if (a->any.sa_family == AF_INET6)
		snprintf(out, REAL_TEXT, "[%s]:%u", inet_ntop(AF_INET6, &a->v6.sin6_addr, name, sizeof name),
			 ntohs(a->v6.sin6_port));
	else
		snprintf(out, REAL_TEXT, "%s:%u", inet_ntop(AF_INET, &a->v4.sin_addr, name, sizeof name),
			 ntohs(a->v4.sin_port));
	return out;
}

uint16_t real_port(const struct real_addr *a)
{
	return a->any.sa_family == AF_INET ? ntohs(a->v4.sin_port) : a->any.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

bool real_equal(const struct real_addr *a, const struct real_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_UNIX)
		return strncmp(a->un.sun_path, b->un.sun_path, sizeof a->un.sun_path) == 0;
	if (a->any.sa_family == AF_INET6)
		return a->v6.sin6_port == b->v6.sin6_port && memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
	return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

guint real_hash(const struct real_addr *a)
{
	guint hash = 5381;

	if (a->any.sa_family == AF_UNIX)
		return g_str_hash(a->un.sun_path);
	if (a->any.sa_family == AF_INET)
		return (guint)a->v4.sin_addr.s_addr * 31 + a->v4.sin_port * 2654435761u;
	for (int i = 0; i < 16; i++)
		hash = hash * 33 + a->v6.sin6_addr.s6_addr[i];
	return hash + a->v6.sin6_port * 2654435761u;
}

static int open_socket(const struct real_addr *a, bool udp)
{
	int fd = socket(a->any.sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (a->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return fd;
}

int real_listen(const struct real_addr *at, bool udp)
{
	int fd = open_socket(at, udp), on = 1, rc;
	mode_t mask;

	if (fd < 0)
		return fd;
	if (!udp && at->any.sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	mask = umask(0177);
	rc = bind(fd, &at->any, at->len);
	umask(mask);
	if (rc == 0 && !udp)
		rc = listen(fd, BACKLOG);
	if (rc == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

void real_unlisten(int fd, const struct real_addr *at)
{
	if (at->any.sa_family == AF_UNIX)
		unlink(at->un.sun_path);
	close(fd);
}

static void get_name(int fd, int (*get)(int, struct sockaddr *, socklen_t *), struct real_addr *a)
{
	socklen_t len = sizeof a->un;

	memset(&a->un, 0, sizeof a->un);
	a->len = get(fd, &a->any, &len) ? 0 : MIN(len, (socklen_t)sizeof a->un);
}

static void be_quick(int fd, const struct real_addr *a)
{
	int on = 1;

	if (a->any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int real_accept(int listener, struct real_addr *local, struct real_addr *remote)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	get_name(fd, getsockname, local);
	get_name(fd, getpeername, remote);
	be_quick(fd, local);
	return fd;
}

int real_connect(const struct real_addr *to, bool udp, int *out, struct real_addr *local)
{
	int fd = open_socket(to, udp), rc;

	if (fd < 0)
		return fd;
	if (!udp)
		be_quick(fd, to);
	rc = connect(fd, &to->any, to->len) ? -errno : 0;
	if (rc && rc != -EINPROGRESS) {
		close(fd);
		return rc;
	}
	get_name(fd, getsockname, local);
	*out = fd;
	return rc;
}

int real_connected(int fd, struct real_addr *local)
{
	struct real_addr peer;
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return -errno;
	if (error)
		return -error;
	get_name(fd, getsockname, local);
	get_name(fd, getpeername, &peer);
	/* A port of the ephemeral range where nobody listens may be given to the very socket that asks for it. */
	return local->any.sa_family != AF_UNIX && real_equal(local, &peer) ? -ECONNREFUSED : 0;
}

static int as_iovec(const struct net_piece piece[2], struct iovec v[2])
{
	v[0] = (struct iovec){ piece[0].at, piece[0].len };
	v[1] = (struct iovec){ piece[1].at, piece[1].len };
	return piece[1].len ? 2 : 1;
}

ssize_t real_read(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	int pieces = as_iovec(piece, v);
	ssize_t n = pieces == 1 ? read(fd, v[0].iov_base, v[0].iov_len) : readv(fd, v, pieces);

	return n < 0 ? -errno : n;
}

ssize_t real_write(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)as_iovec(piece, v) };
	ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

ssize_t real_receive(int fd, void *to, size_t len, struct real_addr *from)
{
	socklen_t size = sizeof from->un;
	ssize_t n;

	memset(&from->un, 0, sizeof from->un);
	n = recvfrom(fd, to, len, 0, &from->any, &size);
	from->len = MIN(size, (socklen_t)sizeof from->un);
	return n < 0 ? -errno : n;
}

ssize_t real_send(int fd, const void *from, size_t len, const struct real_addr *to)
{
	ssize_t n = sendto(fd, from, len, MSG_NOSIGNAL, to ? &to->any : NULL, to ? to->len : 0);

	return n < 0 ? -errno : n;
}

void real_end(int fd)
{
	shutdown(fd, SHUT_WR);
}

bool real_delivered(int fd)
{
	int left = 0;

	return ioctl(fd, SIOCOUTQ, &left) != 0 || left == 0;
}

void real_close(int fd)
{
	close(fd);
}

void real_reset(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}
