/* daemon.c - who of the servers of messages is there, and who goes on. */
#include "daemon.h"

#include "serve.h"
#include "socket_file.h"

enum { BACKLOG = 16 };

struct daemon {
	GList link;
	struct node process;     /* ids only */
	const struct daemon_ops *ops;
	void *state;
};

struct daemons { GQueue all; }; /* in order of birth */

struct daemons *daemons_new(void)
{
	struct daemons *all = g_new0(struct daemons, 1);

	g_queue_init(&all->all);
	return all;
}

static void daemon_end(struct daemons *all, struct daemon *d)
{
	g_queue_unlink(&all->all, &d->link);
	d->ops->free(d->state);
	g_free(d);
}

void daemons_free(struct daemons *all)
{
	if (!all)
		return;
	while (all->all.head)
		daemon_end(all, all->all.head->data);
	g_free(all);
}

void daemon_start(const struct node *process, const struct daemon_ops *ops, void *state)
{
	struct daemon *d = g_new0(struct daemon, 1);

	d->link.data = d;
	d->process = *process;
	d->ops = ops;
	d->state = state;
	g_queue_push_tail_link(&process->world->daemons->all, &d->link);
}

/* True if it did anything; one that has ended is gone. */
static bool go_on(struct daemons *all, struct daemon *d)
{
	enum daemon_step step;
	bool gone;
	struct vm_proc *p = serve_alive(&d->process, 0, &gone);

	step = gone ? DAEMON_ENDS : p ? d->ops->step(d->state, p) : DAEMON_WAITS;
	if (step == DAEMON_ENDS)
		daemon_end(all, d);
	return step != DAEMON_WAITS;
}

void daemons_each(const struct node *host, const struct daemon_ops *ops, void (*fn)(void *state, void *user), void *user)
{
	for (GList *l = host->world->daemons->all.head; l; l = l->next) {
		const struct daemon *d = l->data;

		if (d->ops == ops && d->process.host == host->host)
			fn(d->state, user);
	}
}

bool daemons_try(struct world *w)
{
	bool did = false;

	for (GList *l = w->daemons->all.head, *next; l; l = next) {
		next = l->next;
		did |= go_on(w->daemons, l->data);
	}
	if (did)
		world_changed(w);
	return did;
}

int daemon_socket(const struct node *process, struct vm_proc *p, enum net_kind kind, enum net_family family, uint16_t port,
		  int *fd, struct err *e)
{
	struct net_caller who = socket_caller(p);
	struct net_endpoint at = { .addr = { .family = family }, .port = port };
	struct net_host *h = world_net(process, e);
	struct net_socket *s;
	int rc;

	if (!h || vm_fd_next(p, e) < 0)
		return -e->code;
	if (family == NET_UNSET)
		at.addr.family = net_host_speaks6(h) ? NET_IPV6 : NET_IPV4;
	rc = net_socket_new(h, kind, at.addr.family, &who, &s, e);
	if (rc)
		return rc;
	if (kind == NET_TCP)
		net_setsockopt(s, NET_SO_REUSEADDR, 1, NULL);
	if (family == NET_IPV6)
		net_setsockopt(s, NET_IPV6_V6ONLY, 1, NULL);
	rc = net_bind(s, &who, &at, e);
	if (!rc && kind == NET_TCP)
		rc = net_listen(s, BACKLOG, e);
	if (rc)
		net_socket_release(s);
	return rc ? rc : socket_install(p, s, fd, e);
}
