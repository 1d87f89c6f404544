/* nat_rule.c - the rules of address translation. */
#include "nat.h"

const char *const net_nat_filter_names[NET_NAT_FILTERS + 1] = { "address", "endpoint", "port", NULL };

#define RULES(n, r) (const struct nat_rule *r = (const struct nat_rule *)(void *)(n)->rules->data, \
		     *r##_end = r + (n)->rules->len; r < r##_end; r++)

const struct nat_rule *nat_masquerade(const struct nat *n, const struct net_iface *out)
{
	for RULES(n, r)
		if (r->rule.kind == NET_NAT_MASQUERADE && r->iface == out)
			return r;
	return NULL;
}

const struct nat_rule *nat_dnat(const struct nat *n, const struct net_iface *in, uint8_t protocol, uint16_t port)
{
	for RULES(n, r)
		if (r->rule.kind == NET_NAT_DNAT && r->iface == in && r->rule.protocol == protocol && port >= r->rule.low &&
		    port <= r->rule.high)
			return r;
	return NULL;
}

const struct nat_rule *nat_dnat_to(const struct nat *n, const struct net_iface *out, uint8_t protocol, const struct nat_end *in,
				   uint16_t *port)
{
	for RULES(n, r) {
		if (r->rule.kind != NET_NAT_DNAT || r->iface != out || r->rule.protocol != protocol ||
		    r->rule.to.addr.v4 != in->addr || in->port < r->rule.to.port ||
		    in->port - r->rule.to.port > r->rule.high - r->rule.low)
			continue;
		*port = (uint16_t)(r->rule.low + (in->port - r->rule.to.port));
		return r;
	}
	return NULL;
}

struct net_iface *nat_outside(const struct nat *n, uint32_t addr)
{
	for RULES(n, r)
		if (iface_has(r->iface, ip4(addr)))
			return r->iface;
	return NULL;
}

bool nat_rules_hold(const struct nat *n, uint8_t protocol, uint16_t port)
{
	for RULES(n, r) {
		for (unsigned k = 0; k < r->iface->addrs->len; k++) {
			struct ip_addr a = g_array_index(r->iface->addrs, struct own_addr, k).addr;
			struct nat_end out = { .addr = ip_v4(a), .port = port };

			if (ip_is4(a) && nat_map_out(n, protocol, &out))
				return true;
		}
	}
	return false;
}

/* --- changing --------------------------------------------------------------------------------- */

static bool same(const struct nat_rule *a, const struct nat_rule *b)
{
	return a->iface == b->iface && a->rule.kind == b->rule.kind && a->rule.low == b->rule.low && a->rule.high == b->rule.high &&
	       a->rule.filter == b->rule.filter && a->rule.protocol == b->rule.protocol && a->rule.to.port == b->rule.to.port &&
	       (a->rule.kind != NET_NAT_DNAT || net_addr_equal(&a->rule.to.addr, &b->rule.to.addr));
}

static bool conflict(const struct nat_rule *a, const struct nat_rule *b)
{
	if (a->iface != b->iface || a->rule.kind != b->rule.kind)
		return false;
	return a->rule.kind == NET_NAT_MASQUERADE ||
	       (a->rule.protocol == b->rule.protocol && a->rule.low <= b->rule.high && b->rule.low <= a->rule.high);
}

static int check_rule(struct net_host *h, const struct nat_rule *r, struct err *e)
{
	char text[NET_ADDR_TEXT];

	if (r->iface == h->lo)
		return err_set(e, EINVAL, 0, "nothing leaves the host by lo");
	if (r->rule.low > r->rule.high || (r->rule.high && !r->rule.low))
		return err_set(e, EINVAL, -1, "%u-%u are no ports", r->rule.low, r->rule.high);
	if (r->rule.kind == NET_NAT_MASQUERADE)
		return 0;
	if (!r->rule.low || !r->rule.to.port || r->rule.to.port + (r->rule.high - r->rule.low) > 65535)
		return err_set(e, EINVAL, -1, "ports are from 1 to 65535");
	if (r->rule.to.addr.family != NET_IPV4 || net_addr_is_any(&r->rule.to.addr) || net_addr_is_multicast(&r->rule.to.addr) ||
	    r->rule.to.addr.v4 == ADDR_BROADCAST)
		return err_set(e, EINVAL, -1, "no host can have this address");
	if (host_has(h, ip4(r->rule.to.addr.v4)))
		return err_set(e, EINVAL, -1, "%s is this host itself", net_addr_text(&r->rule.to.addr, text));
	return 0;
}

static bool made_by(const struct nat_session *s, const struct nat_rule *r)
{
	if (!s->map || !iface_has(r->iface, ip4(s->out.addr)))
		return false;
	if (r->rule.kind == NET_NAT_MASQUERADE)
		return !nat_dnat(s->nat, r->iface, s->protocol, s->out.port);
	return s->protocol == r->rule.protocol && s->out.port >= r->rule.low && s->out.port <= r->rule.high;
}

/* Closes the sessions whose outside end is the rule's. */
static void forget(struct net_host *h, const struct nat_rule *r)
{
	for (struct nat_session *s = h->nat->first, *next; s; s = next) {
		next = s->next;
		if (made_by(s, r))
			nat_close(s);
	}
}

static int rule_of(struct net_host *h, const struct net_nat_rule *given, struct nat_rule *out, struct err *e)
{
	*out = (struct nat_rule){ .iface = net_iface_at(h, given->iface), .rule = *given };
	if (!out->iface)
		return err_set(e, ENODEV, 0, "no interface %.20s", given->iface);
	out->rule.iface = NULL;
	return 0;
}

int net_nat_add(struct net_host *h, const struct net_nat_rule *given, struct err *e)
{
	struct nat_rule rule;
	struct nat *n;
	int code = rule_of(h, given, &rule, e);

	if (!code)
		code = check_rule(h, &rule, e);
	if (code)
		return code;
	n = nat_of(h);
	for RULES(n, r) {
		if (same(r, &rule))
			return 0;
		if (conflict(r, &rule))
			return err_set(e, EEXIST, -1, rule.rule.kind == NET_NAT_DNAT ? "another rule has these ports" :
				       "%s is masqueraded already", rule.iface->name);
	}

	if (rule.rule.kind == NET_NAT_DNAT)
		forget(h, &rule);
	g_array_append_val(n->rules, rule);
	return 0;
}

static void remove_rule(struct net_host *h, unsigned index)
{
	struct nat_rule rule = g_array_index(h->nat->rules, struct nat_rule, index);

	g_array_remove_index(h->nat->rules, index);
	forget(h, &rule);
}

int net_nat_del(struct net_host *h, const struct net_nat_rule *given, struct err *e)
{
	struct nat_rule rule;

	if (rule_of(h, given, &rule, e))
		return -e->code;
	for (unsigned i = 0; h->nat && i < h->nat->rules->len; i++) {
		const struct nat_rule *r = &g_array_index(h->nat->rules, struct nat_rule, i);

		if (r->iface == rule.iface && r->rule.kind == rule.rule.kind &&
		    (rule.rule.kind == NET_NAT_MASQUERADE || (r->rule.protocol == rule.rule.protocol &&
							      r->rule.low == rule.rule.low && r->rule.high == rule.rule.high))) {
			remove_rule(h, i);
			return 0;
		}
	}
	return err_set(e, ENOENT, -1, "there is no such rule");
}

bool net_nat_rule(const struct net_host *h, unsigned index, struct net_nat_rule *out)
{
	const struct nat_rule *r;

	if (!h->nat || index >= h->nat->rules->len)
		return false;
	r = &g_array_index(h->nat->rules, struct nat_rule, index);
	*out = r->rule;
	out->iface = r->iface->name;
	return true;
}

void nat_iface_gone(struct net_iface *i)
{
	struct nat *n = i->host->nat;

	for (unsigned k = n ? n->rules->len : 0; k-- > 0;)
		if (g_array_index(n->rules, struct nat_rule, k).iface == i)
			remove_rule(i->host, k);
}

void nat_addr_gone(struct net_host *h, struct ip_addr addr)
{
	for (struct nat_session *s = h->nat ? h->nat->first : NULL, *next; s; s = next) {
		next = s->next;
		if (s->map && ip_equal(ip4(s->out.addr), addr))
			nat_close(s);
	}
}
