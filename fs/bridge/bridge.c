/* bridge.c - the bridge's birth and death, what it polls, whose turn it is. */
#include "inside.h"

#include "journal_file.h"
#include "record.h"
#include "serve.h"

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
	b->rate_since = b->wake = b->share_at = 0;
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
	for (unsigned n = 0; n < GATEWAYS && bridge_is_open(w); n++)
		if (h->net == gateway(w->bridge, n))
			return true;
	return false;
}

/* Ends */

void end_init(struct end *end, struct bridge *b, void (*event)(struct end *, uint32_t), bool (*run)(struct end *))
{
	*end = (struct end){ .link.data = end, .bridge = b, .fd = -1, .event = event, .run = run };
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

	end->fd = fd;
	if (end->bridge->world->repeat)
		return 0;
	return epoll_ctl(end->bridge->epoll, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int end_rewatch(struct end *end, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = end };

	if (end->bridge->world->repeat)
		return 0;
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
	session_look_at_clock(b);
}

/* Turns in which nothing became ready, and for which nothing waits, leave no record. */
static bool happens(const struct bridge *b, int n)
{
	return n > 0 || (b->wake && b->now >= b->wake) || b->busy.length > 0 || servers_busy(b->world) ||
	       record_is_live(b->world);
}

static void record_ready(struct bridge *b, const struct epoll_event *event, int n)
{
	g_autoptr(GString) words = g_string_new(NULL);

	for (int i = 0; i < n; i++)
		g_string_append_printf(words, " %d %u", ((const struct end *)event[i].data.ptr)->fd, event[i].events);
	record_bridge(b->world, b->now, words->str);
	b->told = b->now;
}

void bridge_poll(struct world *w, ns_t now)
{
	struct bridge *b = w->bridge;
	struct epoll_event event[EVENTS_A_POLL];
	int n;

	b->now = now;
	n = epoll_wait(b->epoll, event, EVENTS_A_POLL, 0);
	if (w->record && !happens(b, n))
		return;
	if (w->record)
		record_ready(b, event, n);
	for (int i = 0; i < n; i++) {
		struct end *end = event[i].data.ptr;

		end->event(end, event[i].events);
	}
	look_at_clock(b);
	world_try_some(w);
	if (!bridge_busy(w))
		record_settled(w);
}

/* Whose descriptor had that number. */
static struct end *end_at(struct bridge *b, uint64_t fd)
{
	for (guint i = 0; i < b->rules->len; i++) {
		struct rule *r = b->rules->pdata[i];

		if (r->fd >= 0 && (uint64_t)r->fd == fd)
			return &r->end;
	}
	for (GList *l = b->sessions.head; l; l = l->next) {
		struct session *s = l->data;

		if (s->fd >= 0 && (uint64_t)s->fd == fd)
			return &s->end;
	}
	return NULL;
}

int bridge_repeat(struct world *w, const struct journal_record *r, struct err *e)
{
	struct bridge *b = w->bridge;
	g_autoptr(GString) words = g_string_new(NULL);

	if (!journal_time(r, 0, &b->now))
		return err_set(e, EBADMSG, -1, "no time");
	for (unsigned i = 1; i < r->count; i += 2) {
		uint64_t fd, events;
		struct end *end;

		if (!journal_number(r, i, &fd) || !journal_number(r, i + 1, &events) || !(end = end_at(b, fd)))
			return err_set(e, EBADMSG, -1, "nothing has that descriptor");
		g_string_append_printf(words, " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, fd, events);
		end->event(end, (uint32_t)events);
	}
	record_bridge(w, b->now, words->str);
	b->told = b->now;
	look_at_clock(b);
	world_try_some(w);
	if (!bridge_busy(w))
		record_settled(w);
	return 0;
}

void bridge_repeated(struct world *w)
{
	struct bridge *b = w->bridge;

	for (guint i = 0; i < b->rules->len; i++) {
		struct rule *r = b->rules->pdata[i];

		r->fd = r->end.fd = -1;
		end_clear(&r->end);
	}
	for (GList *l = b->sessions.head; l; l = l->next) {
		struct session *s = l->data;

		s->fd = s->end.fd = -1;
		s->deadline = 0;             /* of a clock that has gone on without us */
		end_clear(&s->end);
	}
	b->wake = b->share_at = 0;
}

/* Sessions reckon with the real time of the latest poll, which may have no record of its own. */
static void tell_now(struct bridge *b)
{
	struct world *w = b->world;
	const struct journal_record *r = w->repeat ? journal_takes(w, "now") : NULL;

	if (r)
		journal_time(r, 0, &b->now);
	if (w->record && b->now != b->told)
		record_now(w, b->now);
	b->told = b->now;
}

void bridge_pump(struct world *w)
{
	struct bridge *b = w->bridge;
	ns_t start = w->wall ? w->wall() : 0;
	bool any = b->busy.length > 0;

	if (any)
		tell_now(b);
	for (guint n = b->busy.length; n > 0 && b->busy.length > 0; n--) {
		GList *link = g_queue_pop_head_link(&b->busy);
		struct end *end = link->data;

		end->queued = false;
		if (end->run(end))
			end_queue(end);
		b->ran++;
		if (record_break(w, "bridge", b->ran, world_turn_over(w, start)))
			break;
	}
	if (any)
		world_changed(w);
}
