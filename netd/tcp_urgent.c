/*
 * tcp_urgent.c - urgent data (RFC 9293 3.8.5, 6093), as Linux has it: the last urgent byte leaves the stream.
 *
 * rcv_up is that byte's number (the pointer names the one behind it). The byte stays in the queue, where reading stops before it
 * and then steps over it, unless SO_OOBINLINE; a copy waits for NET_OOB.
 */
#include "tcp.h"

/* What is read next. */
static uint32_t next_read(const struct tcp *t)
{
	return t->rcv_nxt - t->fin_received - t->in.used;
}

static void point_at(struct tcp *t, uint32_t up)
{
	uint32_t next = next_read(t);

	if (seq_lt(up, next) || seq_lt(up, t->rcv_nxt) || (t->urgent != URGENT_NONE && seq_le(up, t->rcv_up)))
		return;
	if (t->urgent != URGENT_NONE && t->rcv_up == next && !t->s->oob_inline && t->in.used > 0)
		ring_drop(&t->in, 1); /* the one before is forgotten */
	t->urgent = URGENT_AWAITED;
	t->rcv_up = up;
	socket_wake(t->s);
}

void tcp_take_urgent(struct tcp *t, const struct seg_in *g)
{
	if (g->flags & NET_URG)
		point_at(t, g->seq + g->urgent - (g->urgent > 0));
	if (t->urgent == URGENT_AWAITED && t->rcv_up - g->seq < g->len) {
		t->urgent_byte = g->data[t->rcv_up - g->seq];
		t->urgent = URGENT_THERE;
		socket_wake(t->s);
	}
}

uint32_t tcp_urgent_span(struct tcp *t, bool peek, uint32_t *skip)
{
	uint32_t ahead = t->rcv_up - next_read(t);

	*skip = 0;
	if (t->urgent == URGENT_NONE || t->in.used == 0 || ahead >= t->in.used)
		return t->in.used;
	if (ahead > 0)
		return ahead;
	if (!t->s->oob_inline && peek)
		*skip = 1;
	else if (!t->s->oob_inline)
		ring_drop(&t->in, 1);
	if (!peek)
		t->urgent = URGENT_NONE;
	return t->in.used - *skip;
}

ssize_t tcp_recv_urgent(struct net_socket *s, void *data, size_t len, bool peek, struct err *e)
{
	struct tcp *t = s->tcp;

	if (s->oob_inline || t->urgent == URGENT_NONE || t->urgent == URGENT_TAKEN)
		return err_set(e, EINVAL, 0, "there is no urgent data out of band");
	if (t->urgent == URGENT_AWAITED)
		return t->state == NET_TCP_CLOSE || s->shut_rd ? 0 : err_set(e, EAGAIN, 0, "the urgent byte has not arrived");
	if (len == 0)
		return 0;
	*(uint8_t *)data = t->urgent_byte;
	if (!peek)
		t->urgent = URGENT_TAKEN;
	return 1;
}

uint16_t tcp_urgent_pointer(const struct tcp *t, uint32_t seq)
{
	if (!seq_gt(t->snd_up, t->snd_una) || !seq_gt(t->snd_up, seq))
		return 0;
	if (t->snd_up - seq <= 0xffff)
		return (uint16_t)(t->snd_up - seq);
	return seq_gt(seq + 0xffff, t->snd_nxt) ? 0xffff : 0;
}
