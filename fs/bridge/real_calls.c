/* real_calls.c - the system calls behind real.h. */
#include "real_calls.h"

#include "path.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static int open_socket(const struct real_addr *a, bool udp)
{
	int fd = socket(a->any.sa_family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		return -errno;
	if (a->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	return fd;
}

int now_listen(const struct real_addr *at, bool udp)
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

void now_unlisten(const struct world *w, int fd, const struct real_addr *at, const struct real_file *file)
{
	struct real_file there;

	if (at->any.sa_family == AF_UNIX && !path_leads_to(at->un.sun_path, w->device) && path_file(at->un.sun_path, &there) &&
	    there.device == file->device && there.inode == file->inode)
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

int now_accept(int listener, struct real_addr *local, struct real_addr *remote)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	get_name(fd, getsockname, local);
	get_name(fd, getpeername, remote);
	be_quick(fd, local);
	return fd;
}

int now_connect(const struct real_addr *to, bool udp, int *out, struct real_addr *local)
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

int now_connected(int fd, struct real_addr *local)
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

ssize_t now_read(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	int pieces = as_iovec(piece, v);
	ssize_t n = pieces == 1 ? read(fd, v[0].iov_base, v[0].iov_len) : readv(fd, v, pieces);

	return n < 0 ? -errno : n;
}

ssize_t now_write(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)as_iovec(piece, v) };
	ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

ssize_t now_receive(int fd, void *to, size_t len, struct real_addr *from)
{
	socklen_t size = sizeof from->un;
	ssize_t n;

	memset(&from->un, 0, sizeof from->un);
	n = recvfrom(fd, to, len, 0, &from->any, &size);
	from->len = MIN(size, (socklen_t)sizeof from->un);
	return n < 0 ? -errno : n;
}

ssize_t now_send(int fd, const void *from, size_t len, const struct real_addr *to)
{
	ssize_t n = sendto(fd, from, len, MSG_NOSIGNAL, to ? &to->any : NULL, to ? to->len : 0);

	return n < 0 ? -errno : n;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned ones_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* ICMP's 8 bytes, and the headers of the datagram that the error is about. The kernel sums those of version 6. */
static size_t unreachable4(uint8_t *p, const struct sockaddr_in *at, const struct sockaddr_in *from, int error)
{
	uint8_t *ip = p + 8;

	p[0] = 3;
	p[1] = error == ECONNREFUSED ? 3 : error == EHOSTUNREACH ? 1 : 0;
	ip[0] = 0x45;
	put16(ip + 2, 28);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &from->sin_addr, 4);
	memcpy(ip + 16, &at->sin_addr, 4);
	put16(ip + 10, ones_sum(ip, 20));
	memcpy(ip + 20, &from->sin_port, 2);
	memcpy(ip + 22, &at->sin_port, 2);
	put16(ip + 24, 8);
	put16(p + 2, ones_sum(p, 36));
	return 36;
}

static size_t unreachable6(uint8_t *p, const struct sockaddr_in6 *at, const struct sockaddr_in6 *from, int error)
{
	uint8_t *ip = p + 8;

	p[0] = 1;
	p[1] = error == ECONNREFUSED ? 4 : error == EHOSTUNREACH ? 3 : 0;
	ip[0] = 0x60;
	put16(ip + 4, 8);
	ip[6] = IPPROTO_UDP;
	ip[7] = 64;
	memcpy(ip + 8, &from->sin6_addr, 16);
	memcpy(ip + 24, &at->sin6_addr, 16);
	memcpy(ip + 40, &from->sin6_port, 2);
	memcpy(ip + 42, &at->sin6_port, 2);
	put16(ip + 44, 8);
	return 56;
}

void now_refuse(const struct real_addr *at, const struct real_addr *to, int error)
{
	bool six = at->any.sa_family == AF_INET6;
	struct real_addr whom = *to;
	uint8_t bytes[56] = { 0 };
	size_t len;
	int fd;

	if (at->any.sa_family != to->any.sa_family || (!six && at->any.sa_family != AF_INET))
		return;
	fd = socket(at->any.sa_family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (fd < 0)
		return;
	if (six) {
		len = unreachable6(bytes, &at->v6, &to->v6, error);
		whom.v6.sin6_port = 0;
	} else {
		len = unreachable4(bytes, &at->v4, &to->v4, error);
		whom.v4.sin_port = 0;
	}
	now_send(fd, bytes, len, &whom);
	close(fd);
}

void now_end(int fd)
{
	shutdown(fd, SHUT_WR);
}

bool now_delivered(int fd)
{
	int left = 0;

	return ioctl(fd, SIOCOUTQ, &left) != 0 || left == 0;
}

void now_close(int fd)
{
	close(fd);
}

void now_reset(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}
