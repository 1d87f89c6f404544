/*
 * switch.c - an ethernet wire: a link for each port, and a switch that learns (IEEE 802.1D).
 *
 * A frame leaves its sender when that link is free, and begins to leave the switch at once if the output
 * link is free too (cut-through), else after the frames before it. A port's timer is only set while frames
 * wait, so that a frame on an idle link costs one timer: its arrival.
 */
#include "wire.h"

static uint64_t mac_number(const uint8_t m[6])
{
	return (uint64_t)get16(m) << 32 | get32(m + 2);
}

/* The first row not below `mac`. */
static unsigned mac_place(const struct net_wire *w, uint64_t mac)
{
	unsigned low = 0, high = w->macs->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (g_array_index(w->macs, struct mac_row, middle).mac < mac)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void learn(struct net_wire *w, const uint8_t mac[6], struct port *p)
{
	struct mac_row row = { .mac = mac_number(mac), .port = p, .seen = net_now(w->net) };
	unsigned i = mac_place(w, row.mac);

	if (mac[0] & 1)
		return;
	if (i < w->macs->len && g_array_index(w->macs, struct mac_row, i).mac == row.mac)
		g_array_index(w->macs, struct mac_row, i) = row;
	else if (w->macs->len < MACS_MAX)
		g_array_insert_val(w->macs, i, row);
}

static struct port *learned(struct net_wire *w, const uint8_t mac[6])
{
	uint64_t number = mac_number(mac);
	unsigned i = mac_place(w, number);
	const struct mac_row *row;

	if (i >= w->macs->len)
		return NULL;
	row = &g_array_index(w->macs, struct mac_row, i);
	return row->mac == number && net_now(w->net) - row->seen <= MAC_AGE ? row->port : NULL;
}

void switch_forget(struct net_wire *w, const struct port *p)
{
	for (unsigned i = w->macs->len; i-- > 0;)
		if (g_array_index(w->macs, struct mac_row, i).port == p)
			g_array_remove_index(w->macs, i);
}

bool net_wire_mac(const struct net_wire *w, unsigned index, struct net_mac_entry *out)
{
	for (unsigned i = 0; i < w->macs->len; i++) {
		const struct mac_row *row = &g_array_index(w->macs, struct mac_row, i);

		if (net_now(w->net) - row->seen > MAC_AGE || index-- > 0)
			continue;
		put16(out->mac.byte, (uint32_t)(row->mac >> 32));
		put32(out->mac.byte + 2, (uint32_t)row->mac);
		out->port = row->port->name;
		out->seen = row->seen;
		return true;
	}
	return false;
}

/* Through the switch's link to `to`; takes the reference. `end` is when the last bit reaches the switch. */
static ns_t forward(struct net_wire *w, struct port *to, struct frame *f, const struct verdict *v, ns_t end)
{
	ns_t time = wire_time(w, frame_len(f)), start = end - time, arrival;

	if (to->out_until > start) {
		if (time && (to->out_until - start) / time >= w->config.queue) {
			to->dropped++;
			w->stats.queue_full++;
			frame_put(f);
			return 0;
		}
		start = to->out_until;
	}
	to->out_until = start + time;
	arrival = start + time + w->config.delay + v->jitter + v->extra;
	if (v->extra == 0) { /* jitter keeps the order */
		arrival = MAX(arrival, to->last_arrival);
		to->last_arrival = arrival;
	}
	transit_add(w, to, f, arrival);
	return arrival;
}

static ns_t deliver_one(struct net_wire *w, struct port *from, struct frame *f, const struct verdict *v, ns_t end)
{
	const uint8_t *dst = frame_bytes(f);
	struct port *to = dst[0] & 1 ? NULL : learned(w, dst);
	ns_t last = 0, arrival;

	if (to)
		return to == from ? 0 : forward(w, to, frame_hold(f), v, end);
	for (unsigned i = 0; i < w->ports->len; i++) {
		to = w->ports->pdata[i];
		if (to == from || !to->owner)
			continue;
		arrival = forward(w, to, frame_hold(f), v, end);
		last = MAX(last, arrival);
	}
	return last;
}

/* Takes the reference. */
void switch_deliver(struct net_wire *w, struct port *from, struct frame *f, const struct verdict *v, ns_t end,
		    uint64_t number)
{
	ns_t arrival;

	if (v->fate & (NET_FATE_LOST | NET_FATE_HELD)) {
		if (v->fate & NET_FATE_HELD) {
			struct held held = { .from = from, .frame = f, .number = number };

			w->stats.held++;
			g_array_append_val(w->held, held);
			return;
		}
		wire_drop(w, from, number, v->fate);
		frame_put(f);
		return;
	}
	if (v->fate & NET_FATE_CORRUPTED)
		f = verdict_damage(w, v, f);
	else if (from)
		learn(w, frame_bytes(f) + 6, from);
	arrival = deliver_one(w, from, f, v, end);
	log_arrival(w, number, arrival);
	if (arrival && v->fate & NET_FATE_DUPLICATED)
		deliver_one(w, from, f, v, end);
	frame_put(f);
}

void switch_start(struct port *p)
{
	struct net_wire *w = p->wire;
	ns_t now = net_now(w->net);

	while (p->queue.count > 0) {
		struct frame *f;
		struct verdict v;
		uint64_t number;

		if (p->busy_until > now) {
			if (!timer_is_set(&p->timer))
				clock_set(w->net->clock, &p->timer, p->busy_until);
			return;
		}
		f = frame_queue_take(&p->queue);
		p->busy_until = now + wire_time(w, frame_len(f));
		p->tx_frames++;
		p->tx_bytes += frame_len(f);
		fault_judge(w, p, f, &v);
		number = log_add(w, p, f, v.fate, v.bit, 1);
		switch_deliver(w, p, f, &v, p->busy_until, number);
	}
}
