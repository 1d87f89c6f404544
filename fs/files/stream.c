/*
 * stream.c - proc/PID/stream/FD: the data of a connected socket or a pipe, as read(2) and write(2) of the process give it.
 *
 * The stream of a listening socket gives the descriptor of one new connection, then its end, so that
 * `fd=$(cat proc/3/stream/4)` is accept. Closing the file does nothing to the socket.
 */
#include "process.h"
#include "process_ctl.h"
#include "socket_file.h"

#include <stdlib.h>

/* One open. The number of the descriptor may be another's by now. */
struct reading {
	uint64_t description;
	bool     accepted;
};

static int find_fd(const struct node *n, struct vm_proc **p, struct vm_fd *f, struct err *e)
{
	*p = process_alive(n, e);
	return *p ? vm_fd_at(*p, (int)n->arg2, f, e) : -ESRCH;
}

static bool listens(const struct vm_fd *f)
{
	struct net_socket_info info;

	if (!socket_of(f))
		return false;
	net_socket_get(socket_of(f), &info);
	return info.state == NET_TCP_LISTEN;
}

static void *open_stream(const struct node *n, struct err *e)
{
	struct reading *r;
	struct vm_proc *p;
	struct vm_fd f;

	if (find_fd(n, &p, &f, e))
		return NULL;
	if (!f.ops) {
		err_set(e, EINVAL, -1, "descriptor %d is a file: its data is in files/", f.fd);
		return NULL;
	}
	r = g_new0(struct reading, 1);
	r->description = f.description;
	return r;
}

static void close_stream(const struct node *n, void *state)
{
	g_free(state);
}

static int still_open(const struct node *n, const struct reading *r, struct vm_proc **p, struct vm_fd *f, struct err *e)
{
	int code = find_fd(n, p, f, e);

	if (!code && f->description != r->description)
		return err_set(e, EBADF, -1, "descriptor %d has been closed", f->fd);
	return code;
}

static int read_connection(struct vm_proc *p, const struct vm_fd *f, struct reading *r, GString *out, struct err *e)
{
	struct net_endpoint peer;
	int fd, code;

	if (r->accepted)
		return -ESRCH;
	code = socket_accept(p, socket_of(f), &fd, &peer, e);
	if (code)
		return code == -EAGAIN ? 0 : code;
	r->accepted = true;
	put_dec(out, (uint64_t)fd);
	put_char(out, '\n');
	return 0;
}

/* No more than is asked for: what is taken out of the queue and not read would be lost. */
static int read_data(struct vm_proc *p, const struct vm_fd *f, size_t max, GString *out, struct err *e)
{
	size_t done;
	int code;

	g_string_set_size(out, MIN(max, TRANSFER_MAX));
	code = vm_fd_read(p, f->fd, out->str, out->len, &done, e);
	g_string_truncate(out, code ? 0 : done);
	if (code)
		return code == -EAGAIN ? 0 : code;
	return done ? 0 : -ESRCH;
}

static int read_stream(const struct node *n, void *state, size_t max, GString *out, struct err *e)
{
	struct reading *r = state;
	struct vm_proc *p;
	struct vm_fd f;
	int code = still_open(n, r, &p, &f, e);

	if (code)
		return code;
	code = r->accepted || listens(&f) ? read_connection(p, &f, r, out, e) : read_data(p, &f, max, out, e);
	if (code != 0 || out->len)
		world_changed(n->world);
	return code;
}

static ssize_t write_stream(const struct node *n, void *state, const void *from, size_t len, struct err *e)
{
	struct vm_proc *p;
	struct vm_fd f;
	size_t done;
	int code = still_open(n, state, &p, &f, e);

	if (!code)
		code = vm_fd_write(p, f.fd, from, len, &done, e);
	if (code)
		return code == -EAGAIN ? -EINPROGRESS : code;
	return (ssize_t)done;
}

static bool stream_ready(const struct node *n, void *state)
{
	struct vm_proc *p;
	struct vm_fd f;

	return still_open(n, state, &p, &f, NULL) ||
	       (f.ops->poll ? f.ops->poll(f.object) : VM_POLL_IN) & (VM_POLL_IN | VM_POLL_HUP | VM_POLL_ERR);
}

static const struct stream_ops stream_ops = {
	.open = open_stream, .read = read_stream, .write = write_stream, .ready = stream_ready, .close = close_stream,
};

static const struct row stream_row = {
	.name = "FD", .kind = ROW_STREAM, .mode = 0600, .flags = ROW_OWNED | ROW_UNLISTED | ROW_MOVES_TIME,
	.stream = &stream_ops, .help = "process-stream",
};

/* Files too have such a name: opening it tells why there is nothing in it. */
static int stream_find(const struct node *dir, const char *name, struct node *child)
{
	struct vm_proc *p = process_alive(dir, NULL);
	struct vm_fd f;
	int fd;

	if (!p)
		return -ESRCH;
	if (!parse_descriptor(name, &fd) || vm_fd_at(p, fd, &f, NULL))
		return -ENOENT;
	*child = *dir;
	child->row = &stream_row;
	child->arg2 = (uint64_t)fd;
	return 0;
}

static bool stream_next(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	return false;
}

const struct dir_ops streams_ops = { .find = stream_find, .next = stream_next };
