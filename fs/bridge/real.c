/* real.c - real sockets: made, read, written, ended. */
#include "real.h"

#include "journal_file.h"
#include "path.h"
#include "record.h"

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

/* How many tell who it is: a path need not end in a NUL, an abstract name, which begins with one, may hold others. */
static size_t unix_bytes(const struct real_addr *a)
{
	return a->un.sun_path[0] ? offsetof(struct sockaddr_un, sun_path) + strnlen(a->un.sun_path, sizeof a->un.sun_path) : a->len;
}

bool real_equal(const struct real_addr *a, const struct real_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_UNIX)
		return unix_bytes(a) == unix_bytes(b) && memcmp(&a->un, &b->un, unix_bytes(a)) == 0;
	if (a->any.sa_family == AF_INET6)
		return a->v6.sin6_port == b->v6.sin6_port && memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, 16) == 0;
	return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

guint real_hash(const struct real_addr *a)
{
	guint hash = 5381;

	if (a->any.sa_family == AF_UNIX) {
		for (size_t i = 0; i < unix_bytes(a); i++)
			hash = hash * 33 + ((const uint8_t *)&a->un)[i];
		return hash;
	}
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

static int now_listen(const struct real_addr *at, bool udp)
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

static void now_unlisten(const struct world *w, int fd, const struct real_addr *at, const struct real_file *file)
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

static int now_accept(int listener, struct real_addr *local, struct real_addr *remote)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	get_name(fd, getsockname, local);
	get_name(fd, getpeername, remote);
	be_quick(fd, local);
	return fd;
}

static int now_connect(const struct real_addr *to, bool udp, int *out, struct real_addr *local)
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

static int now_connected(int fd, struct real_addr *local)
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

static ssize_t now_read(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	int pieces = as_iovec(piece, v);
	ssize_t n = pieces == 1 ? read(fd, v[0].iov_base, v[0].iov_len) : readv(fd, v, pieces);

	return n < 0 ? -errno : n;
}

static ssize_t now_write(int fd, const struct net_piece piece[2])
{
	struct iovec v[2];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = (size_t)as_iovec(piece, v) };
	ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

static ssize_t now_receive(int fd, void *to, size_t len, struct real_addr *from)
{
	socklen_t size = sizeof from->un;
	ssize_t n;

	memset(&from->un, 0, sizeof from->un);
	n = recvfrom(fd, to, len, 0, &from->any, &size);
	from->len = MIN(size, (socklen_t)sizeof from->un);
	return n < 0 ? -errno : n;
}

static ssize_t now_send(int fd, const void *from, size_t len, const struct real_addr *to)
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

static void now_refuse(const struct real_addr *at, const struct real_addr *to, int error)
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

static void now_end(int fd)
{
	shutdown(fd, SHUT_WR);
}

static bool now_delivered(int fd)
{
	int left = 0;

	return ioctl(fd, SIOCOUTQ, &left) != 0 || left == 0;
}

static void now_close(int fd)
{
	close(fd);
}

static void now_reset(int fd)
{
	struct linger now = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* The journal */

/* True: a journal says what the call gave; one that knows of no such call here says EIO. */
static bool repeats(struct world *w, const char *call, int64_t *result, const uint8_t **bytes, size_t *len)
{
	const void *told;

	if (!w->repeat)
		return false;
	if (!journal_answer(w, call, result, &told, len)) {
		*result = -EIO;
		told = "";
		*len = 0;
	}
	*result = CLAMP(*result, -4095, INT_MAX);
	*bytes = told;
	return true;
}

static void tell(struct world *w, const char *call, int64_t result)
{
	record_answer(w, call, result, NULL, 0);
}

/* The address at *bytes, and *bytes behind it. */
static void take_addr(const uint8_t **bytes, size_t *len, struct real_addr *a)
{
	memset(a, 0, sizeof *a);
	if (*len < sizeof *a)
		return;
	memcpy(a, *bytes, sizeof *a);
	a->len = MIN(a->len, (socklen_t)sizeof a->un);
	*bytes += sizeof *a;
	*len -= sizeof *a;
}

static void take_file(const uint8_t *bytes, size_t len, struct real_file *file)
{
	memcpy(file, bytes, MIN(len, sizeof *file));
}

int real_listen(struct world *w, const struct real_addr *at, bool udp, struct real_file *file)
{
	const uint8_t *bytes;
	int64_t fd;
	size_t len;

	*file = (struct real_file){ 0 };
	if (repeats(w, "listen", &fd, &bytes, &len)) {
		take_file(bytes, len, file);
	} else {
		fd = now_listen(at, udp);
		if (fd >= 0 && at->any.sa_family == AF_UNIX)
			path_file(at->un.sun_path, file);
	}
	record_answer(w, "listen", fd, file, file->inode ? sizeof *file : 0);
	return (int)fd;
}

void real_unlisten(struct world *w, int fd, const struct real_addr *at, const struct real_file *file)
{
	if (!w->repeat && fd >= 0)
		now_unlisten(w, fd, at, file);
}

bool real_leads_to_us(struct world *w, const char *path)
{
	const uint8_t *bytes;
	int64_t yes;
	size_t len;

	if (!repeats(w, "leads", &yes, &bytes, &len))
		yes = path_leads_to(path, w->device);
	tell(w, "leads", yes);
	return yes > 0;
}

void real_file(struct world *w, const char *path, struct real_file *file)
{
	const uint8_t *bytes;
	int64_t yes;
	size_t len;

	*file = (struct real_file){ 0 };
	if (repeats(w, "file", &yes, &bytes, &len))
		take_file(bytes, len, file);
	else
		yes = path_file(path, file);
	record_answer(w, "file", yes, file, yes > 0 ? sizeof *file : 0);
}

int real_accept(struct world *w, int listener, struct real_addr *local, struct real_addr *remote)
{
	struct real_addr both[2] = { 0 };
	const uint8_t *bytes;
	int64_t fd;
	size_t len;

	if (repeats(w, "accept", &fd, &bytes, &len)) {
		take_addr(&bytes, &len, &both[0]);
		take_addr(&bytes, &len, &both[1]);
	} else {
		fd = now_accept(listener, &both[0], &both[1]);
	}
	record_answer(w, "accept", fd, both, fd < 0 ? 0 : sizeof both);
	*local = both[0];
	*remote = both[1];
	return (int)fd;
}

/* The descriptor is told as the result, and whether it goes on with an errno as the first byte. */
int real_connect(struct world *w, const struct real_addr *to, bool udp, int *out, struct real_addr *local)
{
	struct { uint8_t begun; struct real_addr local; } told = { 0 };
	const uint8_t *bytes;
	int64_t fd;
	size_t len;
	int rc = 0;

	memset(&told, 0, sizeof told);
	if (repeats(w, "connect", &fd, &bytes, &len)) {
		memcpy(&told, bytes, MIN(len, sizeof told));
	} else {
		int made = -1;

		rc = now_connect(to, udp, &made, &told.local);
		told.begun = rc == -EINPROGRESS;
		fd = rc && !told.begun ? rc : made;
	}
	record_answer(w, "connect", fd, &told, fd < 0 ? 0 : sizeof told);
	if (fd < 0)
		return fd == -EINPROGRESS ? -EIO : (int)fd;  /* only a journal says that */
	*out = (int)fd;
	*local = told.local;
	local->len = MIN(local->len, (socklen_t)sizeof local->un);
	return told.begun ? -EINPROGRESS : 0;
}

int real_connected(struct world *w, int fd, struct real_addr *local)
{
	const uint8_t *bytes;
	int64_t rc;
	size_t len;

	if (repeats(w, "connected", &rc, &bytes, &len))
		take_addr(&bytes, &len, local);
	else
		rc = now_connected(fd, local);
	record_answer(w, "connected", rc, local, sizeof *local);
	return (int)rc;
}

/* The first `n` bytes of what the pieces hold. */
static void record_pieces(struct world *w, const char *call, ssize_t n, const struct net_piece piece[2])
{
	size_t first = n > 0 ? MIN((size_t)n, piece[0].len) : 0, rest = n > 0 ? (size_t)n - first : 0;
	g_autofree uint8_t *all = NULL;

	if (!w->record)
		return;
	if (rest == 0) {
		record_answer(w, call, n, piece[0].at, first);
		return;
	}
	all = g_malloc((size_t)n);
	memcpy(all, piece[0].at, first);
	memcpy(all + first, piece[1].at, rest);
	record_answer(w, call, n, all, (size_t)n);
}

ssize_t real_read(struct world *w, int fd, const struct net_piece piece[2])
{
	const uint8_t *bytes;
	int64_t n;
	size_t len, first;

	if (repeats(w, "read", &n, &bytes, &len)) {
		len = MIN(len, piece[0].len + piece[1].len);
		first = MIN(len, piece[0].len);
		memcpy(piece[0].at, bytes, first);
		if (len > first)
			memcpy(piece[1].at, bytes + first, len - first);
		n = n < 0 ? n : (int64_t)len;
	} else {
		n = now_read(fd, piece);
	}
	record_pieces(w, "read", (ssize_t)n, piece);
	return (ssize_t)n;
}

ssize_t real_write(struct world *w, int fd, const struct net_piece piece[2])
{
	const uint8_t *bytes;
	int64_t n;
	size_t len;

	if (repeats(w, "write", &n, &bytes, &len))
		n = MIN(n, (int64_t)(piece[0].len + piece[1].len));
	else
		n = now_write(fd, piece);
	tell(w, "write", n);
	return (ssize_t)n;
}

ssize_t real_receive(struct world *w, int fd, void *to, size_t room, struct real_addr *from)
{
	const uint8_t *bytes;
	int64_t n;
	size_t len;

	if (repeats(w, "receive", &n, &bytes, &len)) {
		take_addr(&bytes, &len, from);
		len = MIN(len, room);
		memcpy(to, bytes, len);
		n = n < 0 ? n : (int64_t)len;
	} else {
		n = now_receive(fd, to, room, from);
	}
	if (w->record && n >= 0) {
		g_autofree uint8_t *all = g_malloc(sizeof *from + (size_t)n);

		memcpy(all, from, sizeof *from);
		memcpy(all + sizeof *from, to, (size_t)n);
		record_answer(w, "receive", n, all, sizeof *from + (size_t)n);
	} else {
		tell(w, "receive", n);
	}
	return (ssize_t)n;
}

ssize_t real_send(struct world *w, int fd, const void *from, size_t room, const struct real_addr *to)
{
	const uint8_t *bytes;
	int64_t n;
	size_t len;

	if (!repeats(w, "send", &n, &bytes, &len))
		n = now_send(fd, from, room, to);
	tell(w, "send", n);
	return (ssize_t)n;
}

void real_refuse(struct world *w, const struct real_addr *at, const struct real_addr *to, int error)
{
	if (!w->repeat)
		now_refuse(at, to, error);
}

bool real_delivered(struct world *w, int fd)
{
	const uint8_t *bytes;
	int64_t yes;
	size_t len;

	if (!repeats(w, "delivered", &yes, &bytes, &len))
		yes = now_delivered(fd);
	tell(w, "delivered", yes);
	return yes;
}

void real_end(struct world *w, int fd)
{
	if (!w->repeat)
		now_end(fd);
}

void real_close(struct world *w, int fd)
{
	if (!w->repeat)
		now_close(fd);
}

void real_reset(struct world *w, int fd)
{
	if (!w->repeat)
		now_reset(fd);
}
