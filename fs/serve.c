/*
 * serve.c - workers of built-in servers: who is woken, who accepts, who ends. What they say is in serve_talk.c.
 *
 * Of hundreds of workers few have anything to do at a time. One goes on when it is woken: it is new, its connection has been
 * named by net_config.wake, or a timer of its own has fired. All of them do when a client has come to a listening socket, or when
 * anything has changed in a process: it may have been killed, stopped, or have lost a descriptor.
 */
#include "serve_inner.h"

#include "record.h"
#include "socket_file.h"
#include "vm_file.h"
#include "vm_host.h"

const char *const serve_style_names[SERVE_STYLES + 1] = { "serial", "fork", "thread", "pool", NULL };

struct servers *servers_new(void)
{
	struct servers *all = g_new0(struct servers, 1);

	g_queue_init(&all->workers);
	g_queue_init(&all->woken);
	all->hearers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	return all;
}

/* Waking */

static void wake(struct worker *k)
{
	if (k->woken)
		return;
	k->woken = true;
	g_queue_push_tail_link(&k->all->woken, &k->woken_link);
}

static void sleep_again(struct worker *k)
{
	if (k->woken)
		g_queue_unlink(&k->all->woken, &k->woken_link);
	k->woken = false;
}

/* Hosts' numbers are small, and inodes count up from one. */
static uint64_t key_of(struct net_socket *s)
{
	const struct net_host *h = net_socket_host(s);

	return h ? (uint64_t)net_host_serial(h) << 40 | net_socket_inode(s) : 0;
}

static void hear(struct servers *all, uint64_t key, struct worker *k)
{
	g_hash_table_replace(all->hearers, g_memdup2(&key, sizeof key), k);
}

static void hear_nothing(struct worker *k)
{
	if (k->hears && g_hash_table_lookup(k->all->hearers, &k->hears) == k)
		g_hash_table_remove(k->all->hearers, &k->hears);
	k->hears = 0;
}

void worker_hear(struct worker *k, struct net_socket *s)
{
	uint64_t key = key_of(s);

	if (k->hears == key)
		return;
	hear_nothing(k);
	k->hears = key;
	if (key)
		hear(k->all, key, k);
}

void servers_woke(struct world *w, struct net_socket *s)
{
	uint64_t key = w->servers && w->servers->workers.length ? key_of(s) : 0;
	gpointer k;

	if (!key || !g_hash_table_lookup_extended(w->servers->hearers, &key, NULL, &k))
		return;
	if (k)
		wake(k);
	else
		w->servers->called = true;
}

static void forget_connection(struct worker *k)
{
	clock_cancel(k->clock, &k->timer);
	clock_cancel(k->clock, &k->limit);
	k->late = false;
	hear_nothing(k);
	if (k->out) {
		k->server->options.service->close(k->state);
		g_string_free(k->out, TRUE);
		k->out = NULL;
	}
}

static void server_free(struct servers *all, struct server *s)
{
	g_hash_table_remove(all->hearers, &s->hears);
	g_free(s);
}

static void worker_free(struct servers *all, struct worker *k)
{
	forget_connection(k);
	sleep_again(k);
	g_queue_unlink(&all->workers, &k->link);
	if (--k->server->refs == 0)
		server_free(all, k->server);
	g_free(k);
}

void servers_free(struct servers *all)
{
	if (!all)
		return;
	while (all->workers.head)
		worker_free(all, all->workers.head->data);
	g_hash_table_unref(all->hearers);
	g_free(all);
}

static void work_done(struct timer *t)
{
	struct worker *k = (struct worker *)((char *)t - offsetof(struct worker, timer));

	k->phase = PHASE_TALK;
	wake(k);
}

static void patience_over(struct timer *t)
{
	struct worker *k = (struct worker *)((char *)t - offsetof(struct worker, limit));

	k->late = true;
	wake(k);
}

static struct worker *worker_new(struct world *w, struct server *s, const struct node *process, int32_t tid)
{
	struct worker *k = g_new0(struct worker, 1);

	k->link.data = k->woken_link.data = k;
	k->all = w->servers;
	k->server = s;
	k->process = *process;
	k->tid = tid;
	k->fd = -1;
	k->timer.fire = work_done;
	k->limit.fire = patience_over;
	k->clock = &w->clock;
	s->refs++;
	g_queue_push_tail_link(&w->servers->workers, &k->link);
	wake(k);
	return k;
}

/* Accepting */

/* The child has the connection, the parent keeps the listening socket. */
static int hand_to_child(struct world *w, struct worker *k, struct vm_proc *p, int fd)
{
	struct node child = k->process;
	struct vm_proc *c;
	int32_t pid;

	if (vm_fork(p, &pid, NULL))
		return -EAGAIN;
	c = vm_proc_at(vm_proc_host(p), pid);
	child.process = vm_proc_serial(c);
	vm_close(c, k->server->listener, NULL);
	vm_close(p, fd, NULL);
	worker_begin_talk(worker_new(w, k->server, &child, 0), fd);
	if (k->server->options.waits) {
		k->phase = PHASE_WAIT;
		k->child = pid;
	}
	return 0;
}

static int hand_to_thread(struct world *w, struct worker *k, struct vm_proc *p, int fd)
{
	int32_t tid;

	if (vm_clone_thread(p, &tid, NULL))
		return -EAGAIN;
	worker_begin_talk(worker_new(w, k->server, &k->process, tid), fd);
	return 0;
}

static enum step accept_one(struct world *w, struct worker *k, struct vm_proc *p)
{
	struct net_socket *s = socket_of_fd(p, k->server->listener, NULL);
	struct net_endpoint peer;
	struct vm_ended ended;
	int fd, code;

	if (!s)
		return STEP_END;
	if (k->server->options.style == SERVE_FORK)
		while (vm_wait(p, 0, &ended, NULL) == 0)
			;                                /* children that have ended meanwhile */
	if (!(net_poll(s) & NET_POLLIN) || socket_accept(p, s, &fd, &peer, NULL))
		return STEP_NONE;
	switch (k->server->options.style) {
	case SERVE_FORK:
		code = hand_to_child(w, k, p, fd);
		break;
	case SERVE_THREAD:
		code = hand_to_thread(w, k, p, fd);
		break;
	default:
		worker_begin_talk(k, fd);
		return STEP_SOME;
	}
	if (code)
		vm_close(p, fd, NULL);                   /* no process, no thread: this one is turned away */
	return STEP_SOME;
}

static enum step wait_for_child(struct worker *k, struct vm_proc *p)
{
	struct vm_ended ended;

	if (vm_wait(p, k->child, &ended, NULL) == -EAGAIN)
		return STEP_NONE;
	k->phase = PHASE_ACCEPT;
	return STEP_SOME;
}

/* Ending */

/* True: the worker goes on with the next connection. */
static bool end_connection(struct worker *k, struct vm_proc *p)
{
	struct vm_proc_info info;

	if (k->out) {
		forget_connection(k);
		vm_close(p, k->fd, NULL);
	}
	if (k->phase == PHASE_ACCEPT)
		return false;                            /* its listening socket is gone */
	vm_proc_info(p, &info);
	switch (k->server->options.style) {
	case SERVE_FORK:
		vm_exit(p, 0, NULL);
		return false;
	case SERVE_THREAD:
		vm_thread_exit(p, k->tid, 0, NULL);
		return false;
	default:
		k->phase = PHASE_ACCEPT;
		k->fd = -1;
		return true;
	}
}

struct vm_proc *serve_alive(const struct node *process, int32_t tid, bool *gone)
{
	struct vm_proc *p = world_proc(process, NULL);
	struct vm_proc_info info;

	*gone = true;
	if (!p)
		return NULL;
	vm_proc_info(p, &info);
	if (info.state == VM_ZOMBIE || info.state == VM_DEAD || (tid && !vm_thread_info(p, tid, &info)))
		return NULL;
	*gone = false;
	return info.state == VM_STOPPED ? NULL : p;
}

static enum step step(struct world *w, struct worker *k, struct vm_proc *p)
{
	switch (k->phase) {
	case PHASE_ACCEPT: return accept_one(w, k, p);
	case PHASE_TALK:   return worker_talk(k, p);
	case PHASE_WAIT:   return wait_for_child(k, p);
	case PHASE_WORK:   break;
	}
	return STEP_NONE;
}

/* True if it did anything; a worker that is done is gone. */
static bool go_on(struct world *w, struct worker *k)
{
	bool did = false, gone;
	struct vm_proc *p;

	for (;;) {
		p = serve_alive(&k->process, k->tid, &gone);
		if (gone)
			worker_free(w->servers, k);
		if (!p)
			return did;
		vm_act_as(p, k->tid, NULL);
		switch (step(w, k, p)) {
		case STEP_NONE:
			vm_act_as(p, 0, NULL);
			worker_watch(k, p);
			return did;
		case STEP_SOME:
			did = true;
			break;
		case STEP_END:
			did = true;
			if (end_connection(k, p))
				break;
			worker_free(w->servers, k);
			return true;
		}
	}
}

const char *serve_waits_in(const struct node *process, int32_t tid)
{
	static const char *const names[] = { "inet_csk_accept", "wait_woken", "hrtimer_nanosleep", "do_wait" };

	for (const GList *l = process->world->servers->workers.head; l; l = l->next) {
		const struct worker *k = l->data;

		if (k->process.host == process->host && k->process.process == process->process && k->tid == tid)
			return names[k->phase];
	}
	return NULL;
}

/* Grows whenever anything does in any process: numbers of hosts only ever rise. */
static uint64_t generations(const struct world *w)
{
	uint64_t sum = (uint64_t)w->next_serial << 48;

	for (guint i = 0; i < w->hosts->len; i++)
		sum += vm_host_generation(((const struct host *)w->hosts->pdata[i])->vm);
	return sum;
}

static void wake_all(struct servers *all)
{
	for (GList *l = all->workers.head; l; l = l->next)
		wake(l->data);
}

/* True if anybody did anything. */
static bool go_round(struct world *w, bool some)
{
	struct servers *all = w->servers;
	GQueue *woken = &all->woken;
	ns_t start = some && woken->head && w->wall ? w->wall() : 0;
	bool did = false;

	while (woken->head) {
		struct worker *k = woken->head->data;

		sleep_again(k);
		did |= go_on(w, k);
		all->gone_on++;
		if (some && woken->head && record_break(w, "servers", all->gone_on, start && world_turn_over(w, start)))
			break;
	}
	return did;
}

bool servers_busy(const struct world *w)
{
	return w->servers->woken.length > 0;
}

bool servers_try(struct world *w, bool some)
{
	struct servers *all = w->servers;
	uint64_t now;

	if (!all->workers.head)
		return true;
	now = generations(w);
	if (all->called || now != all->seen)
		wake_all(all);
	all->called = false;
	all->seen = now;
	if (go_round(w, some))
		world_changed(w);
	return !servers_busy(w);
}

/* Starting */

static int listen_at(const struct node *process, struct vm_proc *p, const struct serve_options *o, int *fd, struct err *e)
{
	struct net_host *h = world_net(process, e);
	struct net_caller who = socket_caller(p);
	struct net_endpoint at = { .port = o->port };
	struct net_socket *s;
	int code;

	if (!h)
		return -e->code;
	if (vm_fd_next(p, e) < 0)
		return -e->code;
	at.addr.family = net_host_speaks6(h) ? NET_IPV6 : NET_IPV4; /* both versions where there are both */
	code = net_socket_new(h, NET_TCP, at.addr.family, &who, &s, e);
	if (code)
		return code;
	net_setsockopt(s, NET_SO_REUSEADDR, 1, NULL);
	code = net_bind(s, &who, &at, e);
	if (!code)
		code = net_listen(s, o->backlog, e);
	if (code) {
		net_socket_release(s);
		return code;
	}
	return socket_install(p, s, fd, e);
}

int serve_start(const struct node *process, struct vm_proc *p, const struct serve_options *o, int *fd, struct err *e)
{
	struct world *w = process->world;
	struct server *s;
	int32_t tid;
	int code = listen_at(process, p, o, fd, e);

	if (code)
		return code;
	s = g_new0(struct server, 1);
	s->options = *o;
	s->listener = *fd;
	s->hears = key_of(socket_of_fd(p, *fd, NULL));
	hear(w->servers, s->hears, NULL);
	if (o->style != SERVE_POOL) {
		worker_new(w, s, process, 0);
		return 0;
	}
	for (unsigned i = 0; i < o->pool; i++) {
		code = vm_clone_thread(p, &tid, e);
		if (code)
			break;
		worker_new(w, s, process, tid);
	}
	if (s->refs == 0) {
		vm_close(p, *fd, NULL);
		server_free(w->servers, s);
		return code;
	}
	return 0;
}
