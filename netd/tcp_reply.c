/* tcp_reply.c - answers in the name of nobody: resets, and SYN-ACKs that are not remembered (RFC 9293 3.5.2). */
#include "tcp.h"

void tcp_reply(struct net_host *h, const struct tcp_reply *r)
{
	struct ip_out o = { .src = r->src, .dst = r->dst, .protocol = IP_TCP, .ttl = (uint8_t)KNOB(h, IP_DEFAULT_TTL),
			    .df = true };
	struct route_hit hit;
	struct frame *f;
	uint8_t *p;

	if (route_find(h, r->dst, &hit) < 0)
		return;
	if (ip_is6(r->dst))
		o.ttl = (uint8_t)KNOB(h, HOP_LIMIT);
	f = ip_frame(h, r->dst, TCP_HEADER + r->options_len);
	p = transport(f);
	put16(p, r->sport);
	put16(p + 2, r->dport);
	put32(p + 4, r->seq);
	put32(p + 8, r->ack);
	p[12] = (uint8_t)((TCP_HEADER + r->options_len) / 4 << 4);
	p[13] = r->flags;
	put16(p + 14, r->window);
	put16(p + 18, 0);
	if (r->options_len)
		memcpy(p + TCP_HEADER, r->options, r->options_len);
	tcp_finish(h, f, r->src, r->dst, TCP_HEADER + r->options_len, 0);
	ip_send(h, &o, &hit, f);
}

/* RFC 9293 3.5.2, reset generation, group 1. */
void tcp_refuse(struct net_host *h, const struct ip_in *in, const struct seg_in *g)
{
	struct tcp_reply r = { .src = in->dst, .dst = in->src, .flags = NET_RST };

	if (g->flags & NET_RST)
		return;
	r.sport = get16(in->at + 2);
	r.dport = get16(in->at);
	if (g->flags & NET_ACK) {
		r.seq = g->ack;
	} else {
		r.ack = seg_end(g);
		r.flags |= NET_ACK;
	}
	COUNT(h, Tcp_OutRsts);
	tcp_reply(h, &r);
}
