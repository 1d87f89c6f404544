/* port.c - where an interface meets a wire. */
#include "wire.h"

static void port_fire(struct timer *t)
{
	struct port *p = entry_of(t, struct port, timer);

	if (p->wire->config.kind == NET_ETHERNET)
		switch_start(p);
	else
		medium_try(p);
}

/* A port that comes back under its old name is the same one, in captures and to the dice. */
struct port *port_attach(struct net_wire *w, const char *name, const struct net_mac *mac, void *owner,
			 void (*receive)(struct port *, struct frame *))
{
	struct port *p = NULL;

	for (unsigned i = 0; i < w->ports->len && !p; i++) {
		struct port *old = w->ports->pdata[i];

		if (!old->owner && strcmp(old->name, name) == 0)
			p = old;
	}
	if (!p) {
		p = g_new0(struct port, 1);
		p->wire = w;
		p->name = g_strdup(name);
		p->index = w->ports->len;
		p->timer.fire = port_fire;
		g_ptr_array_add(w->ports, p);
	}
	p->mac = *mac;
	p->owner = owner;
	p->host = NULL;
	p->receive = receive;
	w->attached++;
	return p;
}

void port_detach(struct port *p)
{
	struct net_wire *w = p->wire;

	net_cancel(w->net, &p->timer);
	medium_leave(p);
	frame_queue_clear(&p->queue);
	transits_drop(w, p);
	switch_forget(w, p);
	p->owner = NULL;
	p->attempt = 0;
	p->waiting = p->delivered = false;
	w->attached--;
}

void port_send(struct port *p, struct frame *f)
{
	struct net_wire *w = p->wire;
	unsigned fate = frame_len(f) > w->config.mtu + FRAME_HEADER ? NET_FATE_TOO_LONG :
			p->queue.count >= w->config.queue ? NET_FATE_QUEUE_FULL : 0;

	if (fate) {
		wire_drop(w, p, log_add(w, p, f, 0, 0, 1), fate);
		frame_put(f);
		return;
	}
	frame_queue_add(&p->queue, f);
	if (w->config.kind == NET_ETHERNET)
		switch_start(p);
	else if (!p->waiting && !timer_is_set(&p->timer) && w->talker != p)
		medium_try(p);
}

bool net_wire_port(const struct net_wire *w, unsigned index, struct net_port_info *out)
{
	const struct port *p;

	if (index >= w->ports->len)
		return false;
	p = w->ports->pdata[index];
	*out = (struct net_port_info){ .name = p->name, .mac = p->mac, .attached = p->owner != NULL,
				       .queued = p->queue.count, .tx_frames = p->tx_frames, .tx_bytes = p->tx_bytes,
				       .rx_frames = p->rx_frames, .rx_bytes = p->rx_bytes, .dropped = p->dropped };
	return true;
}

int net_wire_inject(struct net_wire *w, const void *bytes, size_t len, const char *from, struct err *e)
{
	struct port *p = NULL;
	struct frame *f;
	struct verdict v;
	uint64_t number;

	if (len < FRAME_HEADER || len > FRAME_MAX)
		return err_set(e, EINVAL, 0, "a frame of %zu bytes is not in 14..65549", len);
	for (unsigned i = 0; from && i < w->ports->len; i++) {
		struct port *q = w->ports->pdata[i];

		if (q->owner && strcmp(q->name, from) == 0)
			p = q;
	}
	if (from && !p)
		return err_set(e, ENODEV, 1, "no interface %s is on %s", from, w->name);

	f = frame_new(&w->net->pool, FRAME_FRONT, (uint32_t)len);
	memcpy(frame_bytes(f), bytes, len);
	f->end = f->start + (uint32_t)len;
	w->stats.injected++;
	if (p) {
		port_send(p, f);
		return 0;
	}
	fault_judge(w, NULL, f, &v);
	number = log_add(w, NULL, f, v.fate | NET_FATE_INJECTED, v.bit, 1);
	switch_deliver(w, NULL, f, &v, net_now(w->net) + wire_time(w, (uint32_t)len), number);
	return 0;
}
