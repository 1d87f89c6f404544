/* real.c - real sockets: their addresses, and what the journal tells of them. */
#include "real_calls.h"

#include "journal_file.h"
#include "path.h"
#include "record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

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
