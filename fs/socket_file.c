/* socket_file.c - sockets as descriptors of processes: each descriptor is one reference of the socket. */
#include "socket_file.h"

static void retain_socket(void *object)
{
	net_socket_retain(object);
}

/* The last one closes it; TCP goes on behind. */
static void release_socket(void *object)
{
	net_socket_release(object);
}

static uint64_t socket_number(const void *object)
{
	return net_socket_inode(object);
}

static ssize_t read_socket(void *object, void *to, size_t len, struct err *e)
{
	return net_recv(object, to, len, 0, NULL, e);
}

static ssize_t write_socket(void *object, const void *from, size_t len, struct err *e)
{
	return net_send(object, from, len, 0, NULL, e);
}

static unsigned poll_socket(const void *object)
{
	return net_poll(object) & (VM_POLL_IN | VM_POLL_PRI | VM_POLL_OUT | VM_POLL_ERR | VM_POLL_HUP);
}

static const struct vm_file_ops socket_file = {
	.kind = "socket", .retain = retain_socket, .release = release_socket, .number = socket_number,
	.read = read_socket, .write = write_socket, .poll = poll_socket,
};

int socket_install(struct vm_proc *p, struct net_socket *s, int *fd, struct err *e)
{
	int error = vm_open_object(p, &socket_file, s, VM_OPEN_READ | VM_OPEN_WRITE, fd, e);

	if (error)
		net_socket_release(s);
	return error;
}

int socket_accept(struct vm_proc *p, struct net_socket *s, int *fd, struct net_endpoint *peer, struct err *e)
{
	struct net_socket *accepted;
	int code = vm_fd_next(p, e);

	if (code >= 0)
		code = net_accept(s, &accepted, peer, e);
	return code ? code : socket_install(p, accepted, fd, e);
}

struct net_socket *socket_of(const struct vm_fd *f)
{
	return f->ops == &socket_file ? f->object : NULL;
}

struct net_socket *socket_of_fd(const struct vm_proc *p, int fd, struct err *e)
{
	struct net_socket *s;
	struct vm_fd f;

	if (vm_fd_at(p, fd, &f, e))
		return NULL;
	s = socket_of(&f);
	if (!s)
		err_set(e, ENOTSOCK, 0, "descriptor %d is a %s", fd, f.ops ? f.ops->kind : "file");
	return s;
}

struct net_caller socket_caller(const struct vm_proc *p)
{
	struct vm_proc_info info;

	vm_proc_info(p, &info);
	return (struct net_caller){ .uid = info.uid, .pid = info.pid };
}

/* Fixtures */

static int hold_by_host(struct host *h, struct net_socket *s)
{
	if (!h->fixtures)
		h->fixtures = g_ptr_array_new_with_free_func((GDestroyNotify)net_socket_release);
	g_ptr_array_add(h->fixtures, s);
	return 0;
}

int socket_fixture(struct host *h, struct vm_proc *p, int fd, const struct net_fixture *f, struct err *e)
{
	struct net_caller who = p ? socket_caller(p) : (struct net_caller){ 0 };
	struct net_socket *s;
	int error = p ? vm_place_check(p, fd, e) : 0;

	if (!error)
		error = net_socket_fixture(h->net, f, &who, &s, e);
	if (error)
		return error;
	return p ? vm_place_object(p, &socket_file, s, VM_OPEN_READ | VM_OPEN_WRITE, fd, e) : hold_by_host(h, s);
}

void socket_fixtures_clear(struct host *h)
{
	if (h->fixtures)
		g_ptr_array_free(g_steal_pointer(&h->fixtures), TRUE);
}

/* Holders */

struct held { uint64_t inode; struct holder by; };
struct holders {
	GArray *held;            /* struct held: by inode, then in order of pid and fd */
};

static int by_inode(gconstpointer a, gconstpointer b)
{
	const struct held *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->by.pid != y->by.pid)
		return x->by.pid < y->by.pid ? -1 : 1;
	return x->by.fd < y->by.fd ? -1 : x->by.fd > y->by.fd;
}

struct holders *holders_new(const struct host *h)
{
	struct holders *all = g_new(struct holders, 1);
	const struct vm_proc *p;
	struct vm_proc_info info = { 0 };
	struct vm_fd f;

	all->held = g_array_new(FALSE, FALSE, sizeof(struct held));
	while ((p = vm_proc_above(h->vm, info.pid))) {
		vm_proc_info(p, &info);
		for (int fd = 0; vm_fd_above(p, fd, &f); fd = f.fd + 1) {
			struct held one = { f.number, { info.pid, f.fd } };

			if (socket_of(&f))
				g_array_append_val(all->held, one);
		}
	}
	g_array_sort(all->held, by_inode);
	return all;
}

void holders_free(struct holders *all)
{
	g_array_free(all->held, TRUE);
	g_free(all);
}

const struct holder *holder_of(const struct holders *all, uint64_t inode)
{
	const struct held *held = (const struct held *)all->held->data;
	guint low = 0, high = all->held->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (held[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return inode && low < all->held->len && held[low].inode == inode ? &held[low].by : NULL;
}
