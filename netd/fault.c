/* fault.c - what goes wrong with a frame: rules first, then dice. */
#include "net_decode.h"
#include "wire.h"

const char *const net_fault_action_names[NET_FAULT_ACTIONS] = { "drop", "delay", "corrupt", "duplicate", "hold" };

static const char *const chance_names[CHANCES] = { "loss", "corrupt", "duplicate", "reorder", "jitter", "backoff" };

static void seed_port(struct port *p)
{
	for (int i = 0; i < CHANCES; i++)
		net_stream(p->wire->net, &p->rng[i], "wire/%s/%s/%s", p->wire->name, p->name, chance_names[i]);
	p->rng_ready = true;
}

uint64_t port_roll(struct port *p, enum chance c, uint64_t below)
{
	if (!p->rng_ready)
		seed_port(p);
	return rng_below(&p->rng[c], below);
}

bool port_chance(struct port *p, enum chance c, uint32_t ppm)
{
	return ppm > 0 && port_roll(p, c, NET_PPM) < ppm;
}

static bool matches(const struct net_match *m, const struct net_decoded *d)
{
	const struct net_addr *src = d->layers & NET_LAYER_ARP ? &d->arp_spa : &d->src;
	const struct net_addr *dst = d->layers & NET_LAYER_ARP ? &d->arp_tpa : &d->dst;
	unsigned what = 0;

	what |= d->layers & NET_LAYER_ARP ? NET_MATCH_ARP : 0;
	what |= d->layers & NET_LAYER_IPV6 ? NET_MATCH_IP6 : 0;
	what |= d->layers & NET_LAYER_ICMP6 && d->icmp_type >= 133 && d->icmp_type <= 137 ? NET_MATCH_ND : 0;
	what |= (d->layers & NET_LAYER_IPV4 && d->protocol == 1) || (d->layers & NET_LAYER_IPV6 && d->protocol == 58) ?
		NET_MATCH_ICMP : 0;
	what |= d->protocol == 17 ? NET_MATCH_UDP : 0;
	what |= d->protocol == 6 ? NET_MATCH_TCP : 0;
	if (d->layers & NET_LAYER_TCP) {
		what |= d->tcp_flags & NET_SYN ? NET_MATCH_SYN : 0;
		what |= d->tcp_flags & NET_FIN ? NET_MATCH_FIN : 0;
		if (!(d->tcp_flags & (NET_SYN | NET_FIN | NET_RST)) && d->tcp_flags & NET_ACK && d->payload_len == 0)
			what |= NET_MATCH_ACK;
	}
	if (d->layers & NET_LAYER_RDT)
		what |= NET_MATCH_RDT | (d->rdt_type != 1 ? NET_MATCH_ACK : 0);
	if (d->payload_len > 0 && d->layers & (NET_LAYER_TCP | NET_LAYER_UDP | NET_LAYER_ICMP | NET_LAYER_ICMP6 | NET_LAYER_RDT))
		what |= NET_MATCH_DATA;
	if (m->what & ~what)
		return false;
	if ((m->src.family && !net_addr_equal(&m->src, src)) || (m->dst.family && !net_addr_equal(&m->dst, dst)))
		return false;
	return !m->port || m->port == d->sport || m->port == d->dport;
}

/* The first rule that is due takes the frame; all that match count it. */
static const struct net_fault *rule_for(struct net_wire *w, const struct frame *f, struct net_fault *used)
{
	const struct net_fault *found = NULL;
	struct net_decoded d;

	net_decode(f->data + f->start, frame_len(f), false, &d);
	for (unsigned i = 0; i < w->rules->len; i++) {
		struct rule *r = &g_array_index(w->rules, struct rule, i);

		if (!matches(&r->fault.match, &d))
			continue;
		if (r->skip > 0) {
			r->skip--;
			continue;
		}
		if (found)
			continue;
		*used = r->fault;
		found = used;
		if (r->fault.count > 0 && --r->fault.count == 0)
			g_array_remove_index(w->rules, i--);
	}
	return found;
}

static void apply(const struct net_fault *rule, struct verdict *v)
{
	static const unsigned fates[NET_FAULT_ACTIONS] = { NET_FATE_LOST, NET_FATE_DELAYED, NET_FATE_CORRUPTED,
							   NET_FATE_DUPLICATED, NET_FATE_HELD };

	v->fate |= fates[rule->action] | NET_FATE_RULE;
	if (rule->action == NET_DELAY)
		v->extra = MAX(rule->delay, 1);
}

void fault_judge(struct net_wire *w, struct port *from, const struct frame *f, struct verdict *v)
{
	const struct net_wire_config *c = &w->config;
	struct net_fault used;
	const struct net_fault *rule = w->rules->len ? rule_for(w, f, &used) : NULL;

	*v = (struct verdict){ 0 };
	w->stats.frames++;
	w->stats.bytes += frame_len(f);
	if (rule)
		apply(rule, v);
	if (from) { /* every die is cast for every frame: one setting never shifts another's stream */
		v->fate |= port_chance(from, CHANCE_LOSS, c->loss) ? NET_FATE_LOST : 0;
		v->fate |= port_chance(from, CHANCE_CORRUPT, c->corrupt) ? NET_FATE_CORRUPTED : 0;
		v->fate |= port_chance(from, CHANCE_DUPLICATE, c->duplicate) ? NET_FATE_DUPLICATED : 0;
		if (port_chance(from, CHANCE_REORDER, c->reorder)) {
			ns_t unit = wire_time(w, FRAME_HEADER + c->mtu) + c->delay / 8 + NS_PER_US;

			v->fate |= NET_FATE_REORDERED;
			v->extra += unit + port_roll(from, CHANCE_REORDER, 3 * unit);
		}
		v->jitter = c->jitter ? port_roll(from, CHANCE_JITTER, c->jitter + 1) : 0;
	}
	if (v->fate & NET_FATE_CORRUPTED)
		v->bit = from ? (uint32_t)port_roll(from, CHANCE_CORRUPT, 8 * (uint64_t)frame_len(f))
			      : 8 * (frame_len(f) - 1);
	if (v->fate & NET_FATE_LOST) /* what is lost is nothing else */
		v->fate &= NET_FATE_LOST | NET_FATE_RULE;
	if (v->fate & NET_FATE_HELD)
		v->fate &= NET_FATE_HELD | NET_FATE_RULE;
	w->stats.corrupted += !!(v->fate & NET_FATE_CORRUPTED);
	w->stats.duplicated += !!(v->fate & NET_FATE_DUPLICATED);
	w->stats.reordered += !!(v->fate & NET_FATE_REORDERED);
	w->stats.delayed += !!(v->fate & NET_FATE_DELAYED);
}

/* Takes the reference; the log keeps the frame as it was sent. */
struct frame *verdict_damage(struct net_wire *w, const struct verdict *v, struct frame *f)
{
	struct frame *bad = frame_copy(f);

	frame_put(f);
	frame_bytes(bad)[v->bit / 8] ^= (uint8_t)(0x80 >> v->bit % 8);
	bad->fcs_bad = w->config.fcs;
	bad->sum_good = false;
	return bad;
}

/* Words that are never true of one frame together. */
static int check_match(const struct net_match *m, struct err *e)
{
	const unsigned protocols = NET_MATCH_ARP | NET_MATCH_ICMP | NET_MATCH_UDP | NET_MATCH_TCP | NET_MATCH_RDT;
	unsigned protocol = m->what & protocols;

	if (protocol & (protocol - 1))
		return err_set(e, EINVAL, -1, "no frame is of two protocols");
	if (m->what & NET_MATCH_ACK && m->what & (NET_MATCH_SYN | NET_MATCH_FIN | NET_MATCH_DATA))
		return err_set(e, EINVAL, -1, "an acknowledgement alone is neither SYN, FIN nor data");
	if (m->port && m->what & (NET_MATCH_ARP | NET_MATCH_ICMP | NET_MATCH_RDT))
		return err_set(e, EINVAL, -1, "only tcp and udp have ports");
	return 0;
}

int net_wire_fault(struct net_wire *w, const struct net_fault *f, struct err *e)
{
	struct rule r = { .fault = *f, .skip = f->match.nth > 1 ? f->match.nth - 1 : 0 };

	if (f->action >= NET_FAULT_ACTIONS)
		return err_set(e, EINVAL, 0, "no such fault");
	if (f->delay > 3600 * NS_PER_S)
		return err_set(e, EINVAL, 0, "a delay is at most an hour");
	if (check_match(&f->match, e))
		return -e->code;
	if (w->rules->len >= 1024)
		return err_set(e, ENOSPC, 0, "%s has 1024 rules already", w->name);
	g_array_append_val(w->rules, r);
	return 0;
}

bool net_wire_fault_at(const struct net_wire *w, unsigned index, struct net_fault *out)
{
	const struct rule *r;

	if (index >= w->rules->len)
		return false;
	r = &g_array_index(w->rules, struct rule, index);
	*out = r->fault;
	out->match.nth = r->skip ? r->skip + 1 : 0;
	return true;
}

int net_wire_fault_end(struct net_wire *w, unsigned index, struct err *e)
{
	if (index >= w->rules->len)
		return err_set(e, ENOENT, 0, "%s has %u faults", w->name, w->rules->len);
	g_array_remove_index(w->rules, index);
	return 0;
}

unsigned net_wire_release(struct net_wire *w)
{
	GArray *held = w->held;
	unsigned count = held->len;
	struct verdict clean = { 0 };

	for (unsigned i = w->rules->len; i-- > 0;)
		if (g_array_index(w->rules, struct rule, i).fault.action == NET_HOLD)
			g_array_remove_index(w->rules, i);
	w->held = g_array_new(FALSE, FALSE, sizeof(struct held));
	for (unsigned i = 0; i < count; i++) {
		struct held *h = &g_array_index(held, struct held, i);

		switch_deliver(w, h->from && h->from->owner ? h->from : NULL, h->frame, &clean,
			       net_now(w->net) + wire_time(w, frame_len(h->frame)), h->number);
	}
	g_array_free(held, TRUE);
	return count;
}
