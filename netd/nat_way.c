/* nat_way.c - the way of a packet through address translation; nat.h has the plan. */
#include "nat.h"

#include "net_decode.h"

enum { SYNS_MAX = 64 };
#define SYN_PATIENCE (6 * NS_PER_S)

static const struct event_kind drop_event = { "drop", "proto:d src:a dst:a why:s" };

static struct frame *drop(struct net_host *h, struct frame *f, const char *why)
{
	struct event *ev = net_event(h->net, &drop_event, h, 0);

	if (ev) {
		ev->value[0] = packet(f)[9];
		ev->value[1] = get32(packet(f) + 12);
		ev->value[2] = get32(packet(f) + 16);
		ev->text = g_strdup(why);
	}
	frame_put(f);
	return NULL;
}

/* RFC 5508 REQ-8: who cannot be served is told so. */
static struct frame *refuse(struct net_iface *in, struct frame *f, const char *why)
{
	nat_complain(in, f, 3, 13, 0);
	return drop(in->host, f, why);
}

static uint32_t packet_total(struct frame *f)
{
	return MIN((uint32_t)get16(packet(f) + 2), packet_len(f));
}

static struct frame *rewrite(struct frame *f, bool source, const struct nat_end *to)
{
	f = frame_own(f);
	nat_flow_write(packet(f), packet_total(f), source, to);
	return f;
}

/* --- from outside ----------------------------------------------------------------------------- */

/* RFC 4787 REQ-8. */
static bool lets_in(const struct nat *n, const struct nat_map *m, const struct net_iface *outside, const struct nat_end *who)
{
	const struct nat_rule *r = nat_masquerade(n, outside);

	if (!r || r->rule.filter == NET_NAT_FILTER_PORT)
		return false;
	if (r->rule.filter == NET_NAT_FILTER_ENDPOINT)
		return true;
	for (const struct nat_session *s = m->first; s; s = s->next_of_map)
		if (s->remote.addr == who->addr)
			return true;
	return false;
}

static void syn_free(struct nat_syn *p)
{
	struct nat_syn **link = &p->nat->syns;

	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	p->nat->syn_count--;
	net_cancel(p->nat->host->net, &p->timer);
	frame_put(p->frame);
	g_free(p);
}

void nat_syns_clear(struct nat *n)
{
	while (n->syns)
		syn_free(n->syns);
}

/* Meanwhile a SYN from inside may have met it (simultaneous open); then nothing is said. */
static void syn_fire(struct timer *t)
{
	struct nat_syn *p = entry_of(t, struct nat_syn, timer);
	struct nat_flow f;

	if (nat_flow_read(packet(p->frame), packet_total(p->frame), &f) && !nat_outer(p->nat, f.protocol, &f.dst, &f.src))
		icmp_error(p->nat->host, NULL, p->frame, 3, 3, 0);
	syn_free(p);
}

/* RFC 5382 REQ-4. */
static void keep_syn(struct nat *n, struct frame *f)
{
	struct nat_syn *p;

	if (n->syn_count >= SYNS_MAX)
		return;
	p = g_new0(struct nat_syn, 1);
	p->nat = n;
	p->frame = frame_hold(f);
	p->timer.fire = syn_fire;
	p->next = n->syns;
	n->syns = p;
	n->syn_count++;
	net_timer(n->host->net, &p->timer, SYN_PATIENCE, true);
}

/* The session of a packet from outside to one of our outside ends; NULL: none, or, with *done, the packet is dealt with. */
static struct nat_session *session_from_outside(struct net_iface *in, struct net_iface *outside, struct frame *f,
						const struct nat_flow *flow, bool *done)
{
	struct nat *n = in->host->nat;
	const struct nat_rule *r = nat_dnat(n, outside, flow->protocol, flow->dst.port);
	struct nat_map *m = r ? nat_map_fixed(n, r, &flow->dst) : nat_map_out(n, flow->protocol, &flow->dst);
	struct nat_session *s;

	if (!m)
		return NULL;
	*done = true;
	if (!r && (!lets_in(n, m, outside, &flow->src) || (flow->protocol == IP_TCP && !flow->query))) {
		n->stats.filtered++;
		if ((flow->flags & (NET_SYN | NET_ACK)) == NET_SYN)
			keep_syn(n, f);
		drop(in->host, f, "nat-filtered");
		return NULL;
	}
	if (!flow->query && flow->protocol == IP_TCP) { /* to a port that is handed on, but not how a connection begins */
		n->stats.no_session++;
		nat_map_drop_unused(n, m);
		drop(in->host, f, "nat-no-session");
		return NULL;
	}
	s = nat_open(n, m, flow->protocol, &m->in, &flow->src);
	if (!s) {
		n->stats.full++;
		nat_map_drop_unused(n, m);
		refuse(in, f, "nat-full");
	}
	return s;
}

/* From inside to an outside end of ours: it gets an outside source too, and goes on as from outside (RFC 4787 REQ-9). */
static struct frame *hairpin(struct net_iface *in, struct net_iface *outside, struct frame *f, const struct nat_flow *flow,
			     bool *done)
{
	struct nat *n = in->host->nat;
	const struct nat_rule *r = nat_masquerade(n, outside);
	struct nat_session *s = nat_inner(n, flow->protocol, &flow->src, &flow->dst);
	struct nat_map *m;

	if (!s && (!r || !flow->query))
		return f;
	if (!s) {
		m = nat_map_for(n, r, flow->protocol, &flow->src, flow->dst.addr);
		s = m ? nat_open(n, m, flow->protocol, &flow->src, &flow->dst) : NULL;
		if (!s) {
			*done = true;
			n->stats.full += m != NULL;
			if (m)
				nat_map_drop_unused(n, m);
			return refuse(in, f, m ? "nat-full" : "nat-no-port");
		}
	}
	nat_seen(s, flow, NAT_FROM_INSIDE, packet_total(f));
	n->stats.hairpins++;
	return rewrite(f, true, &s->out);
}

/* --- ICMP errors ------------------------------------------------------------------------------ */

/* An error's quoted packet, writable, and its length; NULL: it cannot be read, or the message is damaged. */
static uint8_t *quoted(struct frame *f, uint32_t *len)
{
	uint8_t *p = packet(f);
	uint32_t header = (p[0] & 15u) * 4, total = packet_total(f);

	if (total < header + 8 + IP_HEADER || sum_end(sum_add(0, p + header, total - header)) != 0)
		return NULL;
	*len = total - header - 8;
	return p + header + 8;
}

/* RFC 5508 REQ-3: whether what it quotes arrived damaged at whoever complains. Its transport's checksum is nobody's business here. */
static bool quote_is_damaged(const uint8_t *q, uint32_t len)
{
	uint32_t header = (q[0] & 15u) * 4;

	return header >= IP_HEADER && header <= len && sum_end(sum_add(0, q, header)) != 0;
}

/* The outer address, and the checksum of the whole message, which was right before. */
static void finish_error(struct frame *f, bool source, uint32_t addr)
{
	struct nat_end to = { .addr = addr };
	uint8_t *p = packet(f);
	uint32_t header = (p[0] & 15u) * 4, total = packet_total(f);

	nat_flow_write(p, header, source, &to); /* the IP header alone */
	put16(p + header + 2, 0);
	put16(p + header + 2, sum_end(sum_add(0, p + header, total - header)));
}

/* RFC 5508 REQ-4, 6: about a packet that went out by us; no session lives longer or dies by it. */
static struct frame *error_arriving(struct net_iface *in, struct frame *f)
{
	struct nat *n = in->host->nat;
	struct nat_session *s, *target;
	struct nat_flow e;
	uint32_t len;
	uint8_t *q;

	f = frame_own(f);
	q = quoted(f, &len);
	if (!q || !nat_flow_read(q, len, &e))
		return f;
	if (quote_is_damaged(q, len) && nat_outer(n, e.protocol, &e.src, &e.dst))
		return drop(in->host, f, "nat-quote");
	target = nat_inner(n, e.protocol, &e.dst, &e.src);
	if (target && target->map && nat_outside(n, e.src.addr)) { /* REQ-7: of a hairpin, the error comes from inside */
		nat_flow_write(q, len, false, &target->out);
		finish_error(f, true, target->out.addr);
		e.dst = target->out;
	}
	s = nat_outer(n, e.protocol, &e.src, &e.dst);
	if (!s || !s->map)
		return f;
	nat_flow_write(q, len, true, &s->in);
	finish_error(f, false, s->in.addr);
	n->stats.errors++;
	n->stats.translated++;
	return f;
}

/* RFC 5508 REQ-5: from inside, about a packet that came in by us. */
static struct frame *error_leaving(struct net_iface *in, const struct net_iface *out, struct frame *f)
{
	struct nat *n = in->host->nat;
	struct nat_session *s;
	struct nat_flow e;
	uint32_t len;
	uint8_t *q;

	f = frame_own(f);
	q = quoted(f, &len);
	s = q && nat_flow_read(q, len, &e) ? nat_inner(n, e.protocol, &e.dst, &e.src) : NULL;
	if (s && s->map && quote_is_damaged(q, len))
		return drop(in->host, f, "nat-quote");
	if (s && s->map) {
		nat_flow_write(q, len, false, &s->out);
		finish_error(f, true, s->out.addr);
		n->stats.errors++;
		n->stats.translated++;
		return f;
	}
	if (s || !nat_masquerade(n, out) || nat_masquerade(n, in) || host_has(in->host, ip4(get32(packet(f) + 12))))
		return f;
	n->stats.no_session++;
	return drop(in->host, f, "nat-no-session");
}

/* --- through ---------------------------------------------------------------------------------- */

struct frame *nat_arriving(struct net_iface *in, struct frame *f)
{
	struct nat *n = in->host->nat;
	struct net_iface *outside;
	struct nat_session *s;
	struct nat_flow flow;
	bool done = false;

	if (in == in->host->lo || !nat_flow_read(packet(f), packet_total(f), &flow))
		return f;
	if (flow.error)
		return error_arriving(in, f);
	outside = nat_outside(n, flow.dst.addr);
	if (outside && outside != in && (nat_map_out(n, flow.protocol, &flow.dst) ||
					 nat_dnat(n, outside, flow.protocol, flow.dst.port))) {
		f = hairpin(in, outside, f, &flow, &done);
		if (done || !nat_flow_read(packet(f), packet_total(f), &flow))
			return f;
	}
	s = nat_outer(n, flow.protocol, &flow.dst, &flow.src);
	if (!s && outside)
		s = session_from_outside(in, outside, f, &flow, &done);
	if (!s)
		return done ? NULL : f;
	nat_seen(s, &flow, NAT_FROM_OUTSIDE, packet_total(f));
	if (!s->map)
		return f;
	n->stats.translated++;
	return rewrite(f, false, &s->in);
}

/* What comes in by an outside interface untranslated is remembered, so that its answers go out untranslated. */
static struct frame *leave_alone(struct net_iface *in, struct frame *f, const struct nat_flow *flow)
{
	struct nat *n = in->host->nat;
	struct nat_session *s;

	if (!nat_masquerade(n, in) || !flow->query || nat_inner(n, flow->protocol, &flow->dst, &flow->src))
		return f;
	s = nat_open(n, NULL, flow->protocol, &flow->dst, &flow->src);
	if (s)
		nat_seen(s, flow, NAT_FROM_OUTSIDE, packet_total(f));
	return f;
}

struct frame *nat_leaving(struct net_iface *in, const struct route_hit *hit, struct frame *f)
{
	struct nat *n = in->host->nat;
	const struct nat_rule *r;
	struct nat_session *s;
	struct nat_map *m;
	struct nat_flow flow;

	if (!nat_flow_read(packet(f), packet_total(f), &flow))
		return f;
	if (flow.error)
		return error_leaving(in, hit->iface, f);
	s = nat_inner(n, flow.protocol, &flow.src, &flow.dst);
	if (!s) {
		r = nat_masquerade(n, hit->iface);
		if (!r || host_has(in->host, ip4(flow.src.addr))) /* the latter: a hairpin's */
			return leave_alone(in, f, &flow);
		if (!flow.query) {
			n->stats.no_session++;
			return drop(in->host, f, "nat-no-session");
		}
		m = !ip_none(hit->src) ? nat_map_for(n, r, flow.protocol, &flow.src, ip_v4(hit->src)) : NULL;
		if (!m)
			return refuse(in, f, "nat-no-port");
		s = nat_open(n, m, flow.protocol, &flow.src, &flow.dst);
		if (!s) {
			n->stats.full++;
			nat_map_drop_unused(n, m);
			return refuse(in, f, "nat-full");
		}
	}
	nat_seen(s, &flow, NAT_FROM_INSIDE, packet_total(f));
	if (!s->map)
		return f;
	n->stats.translated++;
	return rewrite(f, true, &s->out);
}

struct frame *nat_restored(struct net_host *h, struct frame *f)
{
	struct nat_session *s;
	struct nat_flow flow;

	if (!h->nat || !nat_flow_read(packet(f), packet_total(f), &flow) || flow.error)
		return f;
	s = nat_inner(h->nat, flow.protocol, &flow.dst, &flow.src);
	if (s && s->map) {
		f = rewrite(f, false, &s->out);
		flow.dst = s->out;
	}
	s = nat_outer(h->nat, flow.protocol, &flow.src, &flow.dst);
	return s && s->map ? rewrite(f, true, &s->in) : f;
}

void nat_complain(struct net_iface *in, struct frame *f, uint8_t type, uint8_t code, uint32_t rest)
{
	struct frame *before = nat_restored(in->host, frame_hold(f));

	icmp_error(in->host, in, before, type, code, rest);
	frame_put(before);
}
