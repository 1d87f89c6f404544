/* serve_talk.c - a worker and its client: bytes to the service and from it, and how long either may be waited for. */
#include "serve_inner.h"

#include "socket_file.h"
#include "vm_disk.h"
#include "vm_file.h"
#include "vm_host.h"

#define IDLE_WANTED (100 * NS_PER_MS)  /* where the only worker is wanted: a client that has more to ask does so sooner, or asks again */
enum { INPUT_MAX = 65536, FILE_MAX = 64 << 20, BTIME = 1735689600, UNREAD_TIMES = 3 };

/* What services may ask for */

int serve_read_file(const struct node *process, const char *path, GString *out)
{
	struct vm_host *h = world_vm(process, NULL);
	struct vm_inode *inode = h ? vm_disk_lookup(h, path, NULL) : NULL;
	struct vm_inode_info info;
	size_t before = out->len;
	ssize_t n;

	if (!inode)
		return -ENOENT;
	vm_inode_info(inode, &info);
	if (info.kind == VM_INODE_DIR)
		return -EISDIR;
	if (info.size > FILE_MAX)
		return -EFBIG;
	g_string_set_size(out, before + info.size);
	n = vm_inode_read(inode, 0, out->str + before, info.size, NULL);  /* through the page cache, as a process reads */
	g_string_truncate(out, before + (size_t)MAX(n, 0));
	return n < 0 ? (int)n : 0;
}

static int read_file(void *user, const char *path, GString *out)
{
	return serve_read_file(&((const struct worker *)user)->process, path, out);
}

static struct net_service_env env_of(struct worker *k)
{
	return (struct net_service_env){ .user = k, .time = (ns_t)BTIME * NS_PER_S + k->clock->now, .file = read_file,
					 .patience = k->server->options.patience };
}

/* Talking */

static void feed(struct worker *k, const char *data, size_t len, bool end)
{
	struct net_service_env env = env_of(k);

	k->last = !k->server->options.service->input(k->state, &env, data, len, end, k->out);
	k->moved = k->clock->now;
	if (k->server->options.work && len) {
		k->phase = PHASE_WORK;
		clock_set(k->clock, &k->timer, k->clock->now + k->server->options.work);
	}
}

void worker_begin_talk(struct worker *k, int fd)
{
	k->phase = PHASE_TALK;
	k->fd = fd;
	k->state = k->server->options.service->open();
	k->out = g_string_new(NULL);
	k->sent = 0;
	feed(k, "", 0, false);                          /* some speak first (RFC 867) */
}

static enum step send_out(struct worker *k, struct net_socket *s)
{
	ssize_t n = net_send(s, k->out->str + k->sent, k->out->len - k->sent, 0, NULL, NULL);

	if (n == -EAGAIN)
		return STEP_NONE;
	if (n < 0)
		return STEP_END;
	k->sent += (size_t)n;
	k->moved = k->clock->now;
	if (k->sent == k->out->len) {
		g_string_truncate(k->out, 0);
		k->sent = 0;
		if (!k->last)
			feed(k, "", 0, false);           /* there may be more to say */
	}
	return STEP_SOME;
}

/* Another client has come, and no worker is there to accept it. */
static bool is_wanted(const struct worker *k, struct vm_proc *p)
{
	struct net_socket *s;

	if (k->server->options.style != SERVE_SERIAL && k->server->options.style != SERVE_POOL)
		return false;
	for (const GList *l = k->all->workers.head; l; l = l->next) {
		const struct worker *other = l->data;

		if (other->server == k->server && other->phase == PHASE_ACCEPT)
			return false;
	}
	s = socket_of_fd(p, k->server->listener, NULL);
	return s && net_poll(s) & NET_POLLIN;
}

void worker_watch(struct worker *k, struct vm_proc *p)
{
	const struct net_service *s = k->server->options.service;
	struct net_service_env env = env_of(k);
	ns_t at = INT64_MAX;

	if (k->phase == PHASE_TALK && s->deadline && env.patience)
		at = k->out->len ? k->moved + UNREAD_TIMES * env.patience : s->deadline(k->state, &env);
	if (at != INT64_MAX && !k->out->len)
		at -= (ns_t)BTIME * NS_PER_S;
	if (k->phase == PHASE_TALK && !k->out->len && s->idle && s->idle(k->state) && is_wanted(k, p))
		at = MIN(at, MAX(k->moved + IDLE_WANTED, k->clock->now));
	if (at == INT64_MAX)
		clock_cancel(k->clock, &k->limit);
	else if (!timer_is_set(&k->limit) || k->limit.at != at)
		clock_set(k->clock, &k->limit, at);
}

static enum step lose_patience(struct worker *k)
{
	struct net_service_env env = env_of(k);

	k->late = false;
	if (k->out->len)
		return STEP_END;                         /* it does not read */
	k->server->options.service->late(k->state, &env, k->out);
	k->moved = k->clock->now;
	k->last = true;
	return STEP_SOME;
}

enum step worker_talk(struct worker *k, struct vm_proc *p)
{
	struct net_socket *s = socket_of_fd(p, k->fd, NULL);
	g_autofree char *in = NULL;
	ssize_t n;

	if (!s)
		return STEP_END;                         /* somebody closed it */
	worker_hear(k, s);
	if (k->late)
		return lose_patience(k);
	if (k->out->len)
		return send_out(k, s);
	if (k->last)
		return STEP_END;
	if (!(net_poll(s) & (NET_POLLIN | NET_POLLERR | NET_POLLHUP))) {
		if (!k->server->options.service->endless || !(net_poll(s) & NET_POLLOUT))
			return STEP_NONE;
		feed(k, "", 0, false);
		return STEP_SOME;
	}
	in = g_malloc(INPUT_MAX);
	n = net_recv(s, in, INPUT_MAX, 0, NULL, NULL);
	if (n == -EAGAIN)
		return STEP_NONE;
	if (n < 0)
		return STEP_END;
	feed(k, in, (size_t)n, n == 0);
	return STEP_SOME;
}
