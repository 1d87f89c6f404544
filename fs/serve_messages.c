/*
 * serve_messages.c - `serve echo ... proto=udp`: a process that answers datagrams, one after the other.
 *
 * As inetd does, it answers no port below 1024: two such servers would talk to each other for ever.
 */
#include "command.h"
#include "daemon.h"
#include "socket_file.h"
#include "text.h"

#include "rng.h"

enum { MESSAGE_MAX = 65507, AT_ONCE = 64, BTIME = 1735689600 };

struct message_daemon {
	struct clock *clock;
	const struct net_service *service;
	struct rng rng;
	int fd;
};

/* False: there is nothing to read. */
static bool answer_one(struct message_daemon *d, struct net_socket *s)
{
	g_autofree char *in = g_malloc(MESSAGE_MAX);
	g_autoptr(GString) out = g_string_new(NULL);
	struct net_service_env env = { .time = (ns_t)BTIME * NS_PER_S + d->clock->now };
	struct net_endpoint from;
	ssize_t n = net_recv(s, in, MESSAGE_MAX, 0, &from, NULL);

	if (n < 0)
		return n != -EAGAIN;                     /* an error of an earlier answer has been taken away */
	env.random = (uint32_t)rng_next(&d->rng);
	if (d->service->message(&env, in, (size_t)n, out) && from.port >= 1024)
		net_send(s, out->str, out->len, 0, &from, NULL);
	return true;
}

static enum daemon_step step(void *state, struct vm_proc *p)
{
	struct message_daemon *d = state;
	struct net_socket *s = socket_of_fd(p, d->fd, NULL);
	unsigned done = 0;

	if (!s)
		return DAEMON_ENDS;
	while (done < AT_ONCE && answer_one(d, s))
		done++;
	return done ? DAEMON_DID : DAEMON_WAITS;
}

static const struct daemon_ops ops = { .step = step, .free = g_free };

int serve_messages(struct call *c, struct vm_proc *p, const struct net_service *s, uint16_t port, struct err *e)
{
	struct host *h = world_host(c->n, e);
	struct message_daemon *d;
	g_autofree char *stream = NULL;
	int fd;

	if (!h)
		return -e->code;
	if (!s->message)
		return err_set(e, EINVAL, 0, "%s has connections only", s->name);
	if (daemon_socket(c->n, p, NET_UDP, NET_UNSET, port, &fd, e))
		return -e->code;
	d = g_new0(struct message_daemon, 1);
	d->clock = &c->n->world->clock;
	d->service = s;
	d->fd = fd;
	stream = g_strdup_printf("serve/%u/%s/%u", c->n->host, s->name, port);
	rng_seed(&d->rng, c->n->world->options.seed, stream);
	daemon_start(c->n, &ops, d);
	put_dec(c->result, (uint64_t)fd);
	return 0;
}
