/*
 * medium.c - hub and wifi: one channel, one talker at a time.
 *
 * hub: who wants to send waits until the cable is silent and then begins at once. Two that begin within
 * the propagation delay of each other collide, notice, and try again after a random number of slots that
 * doubles in range with each collision (IEEE 802.3; a slot is 512 bit times).
 * wifi: who wants to send waits for silence and a random number of slots. Two that begin in the same slot
 * destroy each other without noticing. The receiver of a unicast frame acknowledges it; without the
 * acknowledgement, lost or not deserved, the sender repeats the frame with a doubled range of slots.
 */
#include "wire.h"

enum { HUB_RANGE_MAX = 1024, WIFI_RANGE = 16, WIFI_RANGE_MAX = 1024, WIFI_ACK = 14 };
#define WIFI_SLOT (9 * NS_PER_US)
#define WIFI_SIFS (16 * NS_PER_US)

static ns_t slot_time(const struct net_wire *w)
{
	if (w->config.kind == NET_WIFI)
		return WIFI_SLOT;
	return w->config.rate ? 512 * NS_PER_S / w->config.rate : NS_PER_US;
}

static ns_t backoff(struct port *p)
{
	uint64_t range;

	if (p->wire->config.kind == NET_WIFI)
		range = MIN((uint64_t)WIFI_RANGE << MIN(p->attempt, 10), WIFI_RANGE_MAX);
	else
		range = MIN((uint64_t)1 << MIN(p->attempt, 10), HUB_RANGE_MAX);
	return port_roll(p, CHANCE_BACKOFF, range) * slot_time(p->wire);
}

static void retry_after(struct port *p, ns_t delay)
{
	clock_set(p->wire->net->clock, &p->timer, net_now(p->wire->net) + delay);
}

/* The frame at the head is done with, one way or the other. */
static void head_done(struct port *p)
{
	frame_put(frame_queue_take(&p->queue));
	p->attempt = 0;
	p->delivered = false;
	if (p->queue.count > 0)
		p->waiting = true;
}

/* Everyone who waits goes on when the medium is silent: at once on a hub, after a backoff on wifi. */
static void wake_waiting(struct net_wire *w)
{
	for (unsigned i = 0; i < w->ports->len; i++) {
		struct port *p = w->ports->pdata[i];

		if (!p->waiting)
			continue;
		p->waiting = false;
		if (p->queue.count == 0)
			continue;
		clock_set(w->net->clock, &p->timer,
			  w->medium_until + (w->config.kind == NET_WIFI ? WIFI_SIFS + backoff(p) : 0));
	}
}

static void begin(struct port *p)
{
	struct net_wire *w = p->wire;
	struct frame *f = p->queue.head;

	w->talker = p;
	w->talk_start = net_now(w->net);
	w->talk_collided = false;
	fault_judge(w, p, f, &w->talk_verdict);
	w->talk_number = log_add(w, p, f, w->talk_verdict.fate | (p->attempt ? NET_FATE_RESENT : 0), w->talk_verdict.bit,
				 p->attempt + 1);
	w->stats.resent += p->attempt > 0;
	w->medium_until = w->talk_start + wire_time(w, frame_len(f));
	clock_set(w->net->clock, &w->medium, w->medium_until);
}

static void give_up_or_retry(struct port *p, uint64_t number, unsigned most, ns_t after)
{
	if (++p->attempt >= most) {
		wire_drop(p->wire, p, number, NET_FATE_GIVEN_UP);
		head_done(p);
		return;
	}
	p->waiting = false;
	retry_after(p, after + backoff(p));
}

/* CSMA/CD: both stop; `p` is the second. */
static void collide(struct port *p)
{
	struct net_wire *w = p->wire;
	struct port *first = w->talker;
	struct logged *l = log_at(w, w->talk_number);
	ns_t jam = w->config.rate ? 48 * NS_PER_S / w->config.rate : NS_PER_US;

	w->stats.collisions++;
	if (l)
		l->fate = NET_FATE_COLLIDED;
	if (first) { /* it is still talking: stop it */
		net_cancel(w->net, &w->medium);
		w->talker = NULL;
		w->talk_collided = true;
		w->medium_until = net_now(w->net) + jam;
		give_up_or_retry(first, w->talk_number, HUB_ATTEMPTS, jam);
	}
	log_add(w, p, p->queue.head, NET_FATE_COLLIDED, 0, p->attempt + 1);
	give_up_or_retry(p, net_wire_next(w) - 1, HUB_ATTEMPTS, w->medium_until - net_now(w->net));
	wake_waiting(w);
}

void medium_try(struct port *p)
{
	struct net_wire *w = p->wire;
	ns_t now = net_now(w->net);

	if (p->queue.count == 0 || w->talker == p)
		return;
	if (w->talker) {
		if (w->config.kind == NET_HUB && now <= w->talk_start + w->config.delay) {
			collide(p);
		} else if (w->config.kind == NET_WIFI && now == w->talk_start) {
			w->stats.collisions++;
			w->talk_collided = true;
			log_add(w, p, p->queue.head, NET_FATE_COLLIDED, 0, p->attempt + 1);
			w->medium_until = MAX(w->medium_until, now + wire_time(w, frame_len(p->queue.head)));
			clock_set(w->net->clock, &w->medium, w->medium_until);
			p->attempt++;
			p->waiting = true;
		} else {
			p->waiting = true;
		}
		return;
	}
	if (now < w->medium_until) { /* a jam, or an acknowledgement */
		retry_after(p, w->medium_until - now);
		return;
	}
	if (w->config.kind == NET_HUB && w->talk_collided && now == w->talk_start) {
		collide(p); /* a third one in the same instant */
		return;
	}
	begin(p);
}

static ns_t deliver_all(struct net_wire *w, struct port *from, struct frame *f, const struct verdict *v)
{
	ns_t at = net_now(w->net) + w->config.delay + v->jitter + v->extra;

	if (v->extra == 0)
		at = from->last_arrival = MAX(at, from->last_arrival);
	for (unsigned i = 0; i < w->ports->len; i++) {
		struct port *to = w->ports->pdata[i];
		const uint8_t *dst = frame_bytes(f);

		if (to == from || !to->owner)
			continue;
		/* All hear it; a radio passes on only its own, a cable leaves that to the interface. */
		if (w->config.kind == NET_WIFI && !(dst[0] & 1) && !to->all && memcmp(&to->mac, dst, 6) != 0)
			continue;
		transit_add(w, to, frame_hold(f), at);
	}
	return at;
}

static struct port *wire_find(struct net_wire *w, const uint8_t mac[6])
{
	for (unsigned i = 0; i < w->ports->len; i++) {
		struct port *p = w->ports->pdata[i];

		if (p->owner && (memcmp(&p->mac, mac, 6) == 0 || p->all))
			return p;
	}
	return NULL;
}

/* Delivers the head of `p` as judged; false if its receiver did not get it whole. */
static bool deliver_head(struct port *p, const struct verdict *v)
{
	struct net_wire *w = p->wire;
	struct frame *f = frame_hold(p->queue.head);

	if (v->fate & NET_FATE_LOST) {
		wire_drop(w, p, w->talk_number, v->fate);
		frame_put(f);
		return false;
	}
	if (v->fate & NET_FATE_HELD) {
		struct held held = { .from = p, .frame = f, .number = w->talk_number };

		w->stats.held++;
		g_array_append_val(w->held, held);
		return true;
	}
	if (v->fate & NET_FATE_CORRUPTED)
		f = verdict_damage(w, v, f);
	if (!p->delivered) {
		log_arrival(w, w->talk_number, deliver_all(w, p, f, v));
		if (v->fate & NET_FATE_DUPLICATED)
			deliver_all(w, p, f, v);
	}
	frame_put(f);
	return !(v->fate & NET_FATE_CORRUPTED && w->config.fcs);
}

static void wifi_done(struct port *p)
{
	struct net_wire *w = p->wire;
	const uint8_t *dst = frame_bytes(p->queue.head);
	bool group = dst[0] & 1;
	struct port *to = group ? NULL : wire_find(w, dst);
	bool arrived = !w->talk_collided && (group || to) && deliver_head(p, &w->talk_verdict);
	ns_t ack = WIFI_SIFS + wire_time(w, WIFI_ACK);

	if (w->talk_collided) {
		struct logged *l = log_at(w, w->talk_number);

		if (l)
			l->fate |= NET_FATE_COLLIDED;
	} else if (!group && !to) {
		wire_drop(w, p, w->talk_number, NET_FATE_LOST);
	}
	w->medium_until = net_now(w->net) + (group ? 0 : ack);
	if (group || (arrived && !port_chance(to, CHANCE_LOSS, w->config.loss))) {
		head_done(p);
		return;
	}
	p->delivered |= arrived; /* only the acknowledgement was lost: the receiver knows the repetition */
	give_up_or_retry(p, w->talk_number, WIFI_ATTEMPTS, ack);
}

void medium_done(struct timer *t)
{
	struct net_wire *w = entry_of(t, struct net_wire, medium);
	struct port *p = w->talker;

	w->talker = NULL;
	p->tx_frames++;
	p->tx_bytes += frame_len(p->queue.head);
	if (w->config.kind == NET_WIFI) {
		wifi_done(p);
	} else {
		deliver_head(p, &w->talk_verdict);
		head_done(p);
	}
	wake_waiting(w);
}

/* The port goes away, perhaps in the middle of a frame. */
void medium_leave(struct port *p)
{
	struct net_wire *w = p->wire;

	p->waiting = false;
	for (unsigned i = w->held->len; i-- > 0;)
		if (g_array_index(w->held, struct held, i).from == p)
			g_array_index(w->held, struct held, i).from = NULL;
	if (w->talker != p)
		return;
	net_cancel(w->net, &w->medium);
	w->talker = NULL;
	w->medium_until = net_now(w->net);
	wake_waiting(w);
}
