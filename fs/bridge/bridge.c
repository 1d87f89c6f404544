/* bridge.c - the bridge's birth and death, what it polls, whose turn it is. */
#include "inside.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS_A_POLL = 128 };

static const struct limits limits_at_first = { .sessions = 256, .rate = 100, .buffer = 64 * MiB };

struct bridge *bridge_new(struct world *w)
{
	struct bridge *b = g_new0(struct bridge, 1);

	b->world = w;
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->rules = g_ptr_array_new();
	b->next_rule = 1;
	b->limits = limits_at_first;
	g_queue_init(&b->sessions);
	g_queue_init(&b->busy);
	return b;
}

void bridge_reset(struct bridge *b)
{
	while (b->rules->len > 0)
		rule_remove(b, b->rules->pdata[b->rules->len - 1]);
	g_assert(b->sessions.length == 0 && b->busy.length == 0);
	b->next_rule = 1;
	b->limits = limits_at_first;
	b->rate_since = b->wake = 0;
}

void bridge_free(struct bridge *b)
{
	if (!b)
		return;
	bridge_reset(b);
	if (b->epoll >= 0)
		close(b->epoll);
	g_ptr_array_free(b->rules, TRUE);
	g_free(b);
}

bool bridge_is_open(const struct world *w) { return w->bridge && w->bridge->rules->len > 0; }
int bridge_fd(const struct world *w) { return w->bridge->epoll; }
ns_t bridge_wake(const struct world *w) { return w->bridge->wake; }
bool bridge_busy(const struct world *w) { return w->bridge->busy.length > 0; }

bool bridge_needs(const struct world *w, const struct host *h)
{
	return bridge_is_open(w) && h->net == gateway(w->bridge);
}

/* Ends */

void end_init(struct end *end, struct bridge *b, void (*event)(struct end *, uint32_t), bool (*run)(struct end *))
{
	*end = (struct end){ .link.data = end, .bridge = b, .event = event, .run = run };
}

void end_clear(struct end *end)
{
	if (end->queued)
		g_queue_unlink(&end->bridge->busy, &end->link);
	end->queued = false;
}

void end_queue(struct end *end)
{
	if (end->queued)
		return;
	end->queued = true;
	g_queue_push_tail_link(&end->bridge->busy, &end->link);
}

int end_watch(struct end *end, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = end };

	return epoll_ctl(end->bridge->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int end_rewatch(struct end *end, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = end };

	return epoll_ctl(end->bridge->epoll, EPOLL_CTL_MOD, fd, &e) ? -errno : 0;
}

void bridge_woke(struct world *w, struct net_socket *s)
{
	struct end *end = net_socket_marked(s);

	if (end)
		end_queue(end);
}

/* Turns */

void bridge_wake_at(struct bridge *b, ns_t at)
{
	b->wake = b->wake ? MIN(b->wake, at) : at;
}

static void look_at_clock(struct bridge *b)
{
	if (!b->wake || b->now < b->wake)
		return;
	b->wake = 0;
	for (guint i = 0; i < b->rules->len; i++) {
		struct rule *r = b->rules->pdata[i];

		if (r->resume)
			rule_resume(r);
	}
	for (GList *l = b->sessions.head; l; l = l->next) {
		struct session *s = l->data;

		if (s->deadline && s->deadline <= b->now)
			end_queue(&s->end);
		else if (s->deadline)
			bridge_wake_at(b, s->deadline);
	}
}

void bridge_poll(struct world *w, ns_t now)
{
	struct bridge *b = w->bridge;
	struct epoll_event event[EVENTS_A_POLL];
	int n;

	b->now = now;
	n = epoll_wait(b->epoll, event, EVENTS_A_POLL, 0);
	for (int i = 0; i < n; i++) {
		struct end *end = event[i].data.ptr;

		end->event(end, event[i].events);
	}
	look_at_clock(b);
}

void bridge_pump(struct world *w)
{
	struct bridge *b = w->bridge;
	ns_t start = w->wall ? w->wall() : 0;
	bool any = b->busy.length > 0;

	for (guint n = b->busy.length; n > 0 && b->busy.length > 0; n--) {
		GList *link = g_queue_pop_head_link(&b->busy);
		struct end *end = link->data;

		end->queued = false;
		if (end->run(end))
			end_queue(end);
		if (world_turn_over(w, start))
			break;
	}
	if (any)
		world_changed(w);
}
