/* wire.c - wires: making them, their settings, what is under way on them. */
#include "wire.h"

const char *const net_wire_kind_names[NET_WIRE_KINDS] = { "ethernet", "hub", "wifi" };

int net_wire_new(struct net *n, const char *name, struct net_wire **out, struct err *e)
{
	struct net_wire *w;

	if (g_hash_table_contains(n->wire_names, name))
		return err_set(e, EEXIST, 0, "there is a wire %s already", name);

	w = g_new0(struct net_wire, 1);
	w->net = n;
	w->name = g_strdup(name);
	w->serial = ++n->last_wire;
	w->config = (struct net_wire_config){ .kind = NET_ETHERNET, .rate = 1000000000, .delay = 5 * NS_PER_US,
					      .mtu = 1500, .queue = 1000, .fcs = true };
	w->ports = g_ptr_array_new();
	w->macs = g_array_new(FALSE, FALSE, sizeof(struct mac_row));
	w->rules = g_array_new(FALSE, FALSE, sizeof(struct rule));
	w->held = g_array_new(FALSE, FALSE, sizeof(struct held));
	w->log_limit = LOG_FRAMES;
	w->log_bytes_limit = LOG_BYTES;
	w->log_first = w->log_next = 1;
	w->medium.fire = medium_done;
	g_ptr_array_add(n->wires, w);
	g_hash_table_insert(n->wire_names, w->name, w);
	*out = w;
	return 0;
}

/* The interfaces on it have let go already, or do so now through `owner`. */
void net_wire_free(struct net_wire *w)
{
	struct net *n = w->net;

	for (unsigned i = 0; i < w->ports->len; i++) {
		struct port *p = w->ports->pdata[i];

		if (p->owner)
			p->receive(p, NULL); /* the owner forgets the port and detaches it */
	}
	transits_drop(w, NULL);
	net_cancel(n, &w->medium);
	for (unsigned i = 0; i < w->held->len; i++)
		frame_put(g_array_index(w->held, struct held, i).frame);
	log_clear(w);
	for (unsigned i = 0; i < w->ports->len; i++) {
		struct port *p = w->ports->pdata[i];

		g_free(p->name);
		g_free(p);
	}
	g_hash_table_remove(n->wire_names, w->name);
	g_ptr_array_remove(n->wires, w);
	g_ptr_array_free(w->ports, TRUE);
	g_array_free(w->macs, TRUE);
	g_array_free(w->rules, TRUE);
	g_array_free(w->held, TRUE);
	g_free(w->log);
	g_free(w->name);
	g_free(w);
}

const char *net_wire_name(const struct net_wire *w) { return w->name; }
uint32_t net_wire_serial(const struct net_wire *w) { return w->serial; }
void net_wire_get(const struct net_wire *w, struct net_wire_config *out) { *out = w->config; }
void net_wire_stats(const struct net_wire *w, struct net_wire_stats *out) { *out = w->stats; }

struct net_wire *net_wire_at(struct net *n, const char *name)
{
	return g_hash_table_lookup(n->wire_names, name);
}

struct net_wire *net_wire_above(struct net *n, uint32_t serial)
{
	for (unsigned i = 0; i < n->wires->len; i++) {
		struct net_wire *w = n->wires->pdata[i];

		if (w->serial > serial)
			return w;
	}
	return NULL;
}

static bool wire_is_quiet(const struct net_wire *w)
{
	for (unsigned i = 0; i < w->ports->len; i++)
		if (((const struct port *)w->ports->pdata[i])->queue.count > 0)
			return false;
	return !w->transits && !w->talker;
}

int net_wire_set(struct net_wire *w, const struct net_wire_config *c, struct err *e)
{
	const uint32_t chance[] = { c->loss, c->corrupt, c->duplicate, c->reorder };

	for (unsigned i = 0; i < G_N_ELEMENTS(chance); i++)
		if (chance[i] > NET_PPM)
			return err_set(e, EINVAL, 0, "a probability of %u.%04u %% is above 100 %%", chance[i] / 10000,
				       chance[i] % 10000);
	if (c->mtu < 68 || c->mtu > 65535)
		return err_set(e, EINVAL, 0, "mtu %u is not in 68..65535", c->mtu);
	if (c->queue < 1)
		return err_set(e, EINVAL, 0, "a queue of 0 frames passes nothing");
	if (c->kind >= NET_WIRE_KINDS)
		return err_set(e, EINVAL, 0, "no such kind of wire");
	if (c->delay > 3600 * NS_PER_S || c->jitter > 3600 * NS_PER_S)
		return err_set(e, EINVAL, 0, "delay and jitter are at most an hour");
	if (c->kind != w->config.kind && !wire_is_quiet(w))
		return err_set(e, EBUSY, 0, "frames are under way on %s", w->name);

	if (c->kind != w->config.kind)
		g_array_set_size(w->macs, 0);
	w->config = *c;
	return 0;
}

ns_t wire_time(const struct net_wire *w, uint32_t len)
{
	uint64_t bits = 8 * (uint64_t)(MAX(len, FRAME_MIN) + WIRE_GAP);

	return w->config.rate ? bits * NS_PER_S / w->config.rate : 0;
}

/* --- frames under way ------------------------------------------------------------------------- */

static void transit_free(struct net_wire *w, struct transit *t)
{
	struct net *n = w->net;

	if (t->prev)
		t->prev->next = t->next;
	else
		w->transits = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = n->free_transits;
	n->free_transits = t;
	n->live_transits--;
}

static const struct event_kind rx_event = { "rx", "wire:w bytes:d damaged:d" };

/* The first of the line has gone: the next one's time counts. */
static void line_moves_up(struct port *p, struct clock *c)
{
	struct transit *t = p->line->behind;

	p->line = t;
	if (!t) {
		p->line_end = NULL;
		return;
	}
	t->waits = false;
	clock_set_reserved(c, &t->timer, t->at, t->sequence);
}

static void transit_arrive(struct timer *timer)
{
	struct transit *t = entry_of(timer, struct transit, timer);
	struct port *p = t->to;
	struct frame *f = t->frame;
	struct event *ev = net_event(p->wire->net, &rx_event, p->host, 0);

	if (ev) {
		ev->value[0] = p->wire->serial;
		ev->value[1] = frame_len(f);
		ev->value[2] = f->fcs_bad;
	}
	if (t->in_line)
		line_moves_up(p, p->wire->net->clock);
	transit_free(p->wire, t);
	p->rx_frames++;
	p->rx_bytes += frame_len(f);
	p->wire->stats.delivered++;
	p->receive(p, f);
}

static void transit_begin(struct clock *c, struct port *to, struct transit *t, ns_t at)
{
	t->at = MAX(at, c->now);
	t->behind = NULL;
	t->in_line = !to->line || t->at >= to->line_end->at;
	t->waits = t->in_line && to->line;
	if (t->waits) {
		t->sequence = clock_reserve(c);
		to->line_end->behind = t;
	} else {
		clock_set(c, &t->timer, t->at);
		to->line = t->in_line ? t : to->line;
	}
	to->line_end = t->in_line ? t : to->line_end;
}

void transit_add(struct net_wire *w, struct port *to, struct frame *f, ns_t at)
{
	struct net *n = w->net;
	struct transit *t = n->free_transits;

	if (t)
		n->free_transits = t->next;
	else
		t = g_new0(struct transit, 1);
	n->live_transits++;
	t->to = to;
	t->frame = f;
	t->timer.fire = transit_arrive;
	t->prev = NULL;
	t->next = w->transits;
	if (w->transits)
		w->transits->prev = t;
	w->transits = t;
	transit_begin(n->clock, to, t, at);
}

void transits_drop(struct net_wire *w, const struct port *to)
{
	for (struct transit *t = w->transits, *next; t; t = next) {
		next = t->next;
		if (to && t->to != to)
			continue;
		if (t->waits)
			clock_give_back(w->net->clock);
		t->to->line = t->to->line_end = NULL; /* all of it goes */
		net_cancel(w->net, &t->timer);
		frame_put(t->frame);
		transit_free(w, t);
	}
}

static const struct event_kind drop_event = { "drop", "wire:w frame:d fate:s" };

/* Notes that the frame ends here, for a reason that has no dice in it. */
void wire_drop(struct net_wire *w, struct port *p, uint64_t number, unsigned fate)
{
	struct logged *l = log_at(w, number);
	struct event *ev;

	if (l)
		l->fate |= (uint16_t)fate;
	if (p)
		p->dropped++;
	w->stats.queue_full += !!(fate & NET_FATE_QUEUE_FULL);
	w->stats.too_long += !!(fate & NET_FATE_TOO_LONG);
	w->stats.given_up += !!(fate & NET_FATE_GIVEN_UP);
	w->stats.lost += !!(fate & NET_FATE_LOST);
	ev = net_event(w->net, &drop_event, p ? p->host : NULL, 0);
	if (ev) {
		ev->value[0] = w->serial;
		ev->value[1] = number;
		ev->text = g_strdup(fate & NET_FATE_QUEUE_FULL ? "queue-full" : fate & NET_FATE_TOO_LONG ? "too-long" :
				    fate & NET_FATE_GIVEN_UP ? "given-up" : fate & NET_FATE_RULE ? "rule" : "lost");
	}
}
