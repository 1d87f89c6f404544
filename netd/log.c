/* log.c - the ring of frames that a wire has carried. */
#include "wire.h"

struct logged *log_at(const struct net_wire *w, uint64_t number)
{
	if (number < w->log_first || number >= w->log_next)
		return NULL;
	return &w->log[number % w->log_capacity];
}

static void log_drop_oldest(struct net_wire *w)
{
	struct logged *l = log_at(w, w->log_first);

	w->log_bytes -= l->frame->capacity;
	w->net->logged_bytes -= l->frame->capacity;
	frame_put(l->frame);
	w->log_first++;
}

void log_clear(struct net_wire *w)
{
	while (w->log_first < w->log_next)
		log_drop_oldest(w);
}

/* Doubles the ring; entries move because a number's place depends on the capacity. */
static void log_grow(struct net_wire *w)
{
	uint32_t capacity = w->log_capacity ? MIN(2 * w->log_capacity, w->log_limit) : MIN(64, w->log_limit);
	struct logged *ring = g_new(struct logged, capacity);

	for (uint64_t i = w->log_first; i < w->log_next; i++)
		ring[i % capacity] = *log_at(w, i);
	g_free(w->log);
	w->log = ring;
	w->log_capacity = capacity;
}

static const struct event_kind tx_event = { "tx", "wire:w frame:d bytes:d" };

uint64_t log_add(struct net_wire *w, const struct port *from, struct frame *f, unsigned fate, uint32_t bit, unsigned attempt)
{
	struct event *ev = net_event(w->net, &tx_event, from ? from->host : NULL, 0);
	struct logged *l;

	if (ev) {
		ev->value[0] = w->serial;
		ev->value[1] = w->log_next;
		ev->value[2] = frame_len(f);
	}
	if (w->log_limit == 0) {
		w->log_first = ++w->log_next;
		return w->log_next - 1;
	}
	while (w->log_first < w->log_next &&
	       (w->log_next - w->log_first >= w->log_limit || w->log_bytes + f->capacity > w->log_bytes_limit ||
		(w->net->logged_bytes > LOG_BYTES_ALL && w->log_bytes > 64 * KiB)))
		log_drop_oldest(w);
	if (w->log_next - w->log_first >= w->log_capacity)
		log_grow(w);
	w->log_next++;
	l = log_at(w, w->log_next - 1);
	*l = (struct logged){ .frame = frame_hold(f), .time = net_now(w->net), .port = from ? from->index : G_MAXUINT32,
			      .bit = bit, .fate = (uint16_t)fate, .attempt = (uint16_t)attempt };
	w->log_bytes += f->capacity;
	w->net->logged_bytes += f->capacity;
	if (w->net->config.logged)
		w->net->config.logged(w->net->config.user, w);
	return w->log_next - 1;
}

void log_arrival(struct net_wire *w, uint64_t number, ns_t at)
{
	struct logged *l = log_at(w, number);

	if (l)
		l->arrival = at;
}

uint64_t net_wire_first(const struct net_wire *w) { return w->log_first; }
uint64_t net_wire_next(const struct net_wire *w) { return w->log_next; }

bool net_wire_frame(const struct net_wire *w, uint64_t number, struct net_frame *out)
{
	const struct logged *l = log_at(w, number);

	if (!l)
		return false;
	*out = (struct net_frame){ .number = number, .time = l->time, .arrival = l->arrival, .port = l->port,
				   .bytes = frame_bytes(l->frame), .len = frame_len(l->frame), .fate = l->fate,
				   .bit = l->bit, .attempt = l->attempt };
	return true;
}

void net_wire_keep(struct net_wire *w, uint32_t frames, uint64_t bytes)
{
	log_clear(w);
	g_free(w->log);
	w->log = NULL;
	w->log_capacity = 0;
	w->log_limit = frames;
	w->log_bytes_limit = bytes;
}
