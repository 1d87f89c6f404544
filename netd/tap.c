/* tap.c - a raw port on a wire. */
#include "net_tap.h"
#include "wire.h"

struct net_tap {
	struct net  *net;
	struct port *port; /* NULL: the wire has gone */
	void       (*receive)(void *user, const uint8_t *frame, size_t len);
	void        *user;
};

static void tap_receive(struct port *p, struct frame *f)
{
	struct net_tap *t = p->owner;

	if (!f) { /* the wire goes */
		t->port = NULL;
		port_detach(p);
		return;
	}
	if (!f->fcs_bad && t->receive)
		t->receive(t->user, frame_bytes(f), frame_len(f));
	frame_put(f);
}

int net_tap_new(struct net_wire *w, const char *name, const struct net_mac *mac,
		void (*receive)(void *user, const uint8_t *frame, size_t len), void *user,
		struct net_tap **out, struct err *e)
{
	static const struct net_mac zero;
	struct net_tap *t;

	if (net_mac_is_group(mac))
		return err_set(e, EADDRNOTAVAIL, 2, "a group address cannot be a port's own");
	t = g_new0(struct net_tap, 1);
	t->net = w->net;
	t->receive = receive;
	t->user = user;
	t->port = port_attach(w, name, mac, t, tap_receive);
	t->port->all = net_mac_equal(mac, &zero);
	*out = t;
	return 0;
}

void net_tap_free(struct net_tap *t)
{
	if (t->port)
		port_detach(t->port);
	g_free(t);
}

int net_tap_send(struct net_tap *t, const void *frame, size_t len, struct err *e)
{
	struct frame *f;

	if (!t->port)
		return err_set(e, ENETDOWN, 0, "the wire has gone");
	if (len < FRAME_HEADER || len > FRAME_MAX)
		return err_set(e, EINVAL, 1, "a frame of %zu bytes is not in 14..65549", len);
	f = frame_new(&t->net->pool, FRAME_FRONT, (uint32_t)len);
	memcpy(frame_bytes(f), frame, len);
	f->end += (uint32_t)len;
	port_send(t->port, f);
	return 0;
}
