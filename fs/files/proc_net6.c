/* proc_net6.c - proc/PID/net: what is about version 6 of IP alone, in Linux's formats. */
#include "proc_net.h"

#include "net_counters.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { UP = 1, GATEWAY = 2, DYNAMIC = 0x10, REJECT = 0x200, DEFAULT = 0x10000, ADDRCONF = 0x40000, PREFIX = 0x80000,
       NONEXTHOP = 0x200000, EXPIRES = 0x400000, LOCAL = 0x80000000 };
enum { METRIC_CONNECTED = 256, METRIC_HAND = 1024 };

static void put_bytes(GString *out, const uint8_t bytes[16])
{
	for (unsigned i = 0; i < 16; i++)
		g_string_append_printf(out, "%02x", bytes[i]);
}

/* Calls `each` for every address of version 6 of the host; interfaces in their order. */
static void each_address(struct net_host *h, void (*each)(const struct net_iface_info *, const struct net_addr6 *, GString *),
			 GString *out)
{
	struct net_iface_info info = { 0 };
	struct net_addr6 a;

	for (struct net_iface *i; (i = net_iface_above(h, info.index));) {
		net_iface_get(i, &info);
		for (unsigned n = 0; info.up && net_iface_address6(i, n, &a); n++)
			each(&info, &a, out);
	}
}

/* if_inet6 */

static void put_if_inet6(const struct net_iface_info *info, const struct net_addr6 *a, GString *out)
{
	put_bytes(out, a->prefix.addr.v6);
	g_string_append_printf(out, " %02x %02x %02x %02x %8s\n", info->index, a->prefix.len, a->scope, a->flags, info->name);
}

int show_if_inet6(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);

	if (!h)
		return -e->code;
	each_address(h, put_if_inet6, out);
	return 0;
}

/* ipv6_route: the main table, then the local one: addresses of this host, groups. Where a table has no default route a row refuses. */

static void put_row(GString *out, const struct net_prefix *to, const struct net_addr *via, uint32_t metric, unsigned refs,
		    unsigned flags, const char *dev)
{
	static const uint8_t none[16];

	put_bytes(out, to->addr.v6);
	g_string_append_printf(out, " %02x ", to->len);
	put_bytes(out, none);
	put_text(out, " 00 ");
	put_bytes(out, via && via->family ? via->v6 : none);
	g_string_append_printf(out, " %08x %08x %08x %08x %8s\n", metric, refs, 0, flags, dev);
}

static void put_local(const struct net_iface_info *info, const struct net_addr6 *a, GString *out)
{
	struct net_prefix to = { .addr = a->prefix.addr, .len = 128 };

	put_row(out, &to, NULL, 0, 2, LOCAL | NONEXTHOP | UP, info->name);
}

/* A router's word is marked: default routes, prefixes, redirects. */
static unsigned route_flags(const struct net_route *r)
{
	unsigned flags = UP | (r->via.family ? GATEWAY : 0) | (r->expires ? EXPIRES : 0);

	if (!r->iface)
		return REJECT | NONEXTHOP;
	if (r->made)
		flags |= r->to.len == 0 ? ADDRCONF | DEFAULT : r->to.len == 128 ? DYNAMIC : ADDRCONF | PREFIX;
	return flags;
}

static uint32_t route_metric(const struct net_route *r)
{
	if (r->made)
		return r->metric;
	if (r->connected)
		return METRIC_CONNECTED + r->metric;
	return r->metric ? r->metric : METRIC_HAND;
}

int show_ipv6_route(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_prefix all = { .addr = { .family = NET_IPV6 } }, groups = { .addr = { .family = NET_IPV6 }, .len = 8 };
	struct net_iface_info info = { 0 };
	bool has_default = false;
	struct net_addr6 a;
	struct net_route r;

	if (!h)
		return -e->code;
	groups.addr.v6[0] = 0xff;
	for (unsigned i = 0; net_route(h, i, &r); i++) {
		if (r.to.addr.family != NET_IPV6)
			continue;
		put_row(out, &r.to, &r.via, route_metric(&r), 1, route_flags(&r), r.iface ? r.iface : "lo");
		has_default |= r.to.len == 0;
	}
	if (!has_default)
		put_row(out, &all, NULL, UINT32_MAX, 1, REJECT | NONEXTHOP, "lo");
	each_address(h, put_local, out);
	for (struct net_iface *i; (i = net_iface_above(h, info.index));) {
		net_iface_get(i, &info);
		if (info.up && !info.loopback && net_iface_address6(i, 0, &a))
			put_row(out, &groups, NULL, METRIC_CONNECTED, 2, UP, info.name);
	}
	put_row(out, &all, NULL, UINT32_MAX, 1, REJECT | NONEXTHOP, "lo");
	return 0;
}

/* snmp6: a line a counter; types of ICMP only where some came or went. */

int show_snmp6(const struct node *n, GString *out, struct err *e)
{
	static const char *const lite[] = { "InDatagrams", "NoPorts", "InErrors", "OutDatagrams", "RcvbufErrors",
					    "SndbufErrors", "InCsumErrors", "MemErrors" };
	struct net_host *h = world_net(n, e);
	int64_t values[NET_COUNTERS6_END];
	uint64_t types[2][256];

	if (!h)
		return -e->code;
	net_counters6(h, values);
	net_icmp6_types(h, types[0], types[1]);
	for (unsigned i = 0; i < NET_COUNTERS6_END; i++) {
		if (i == NET6_Udp6InDatagrams)
			for (unsigned k = 0; k < 512; k++) {
				char name[24];

				if (!types[k / 256][k % 256])
					continue;
				g_snprintf(name, sizeof name, "Icmp6%sType%u", k < 256 ? "In" : "Out", k % 256);
				g_string_append_printf(out, "%-32s\t%" PRIu64 "\n", name, types[k / 256][k % 256]);
			}
		g_string_append_printf(out, "%-32s\t%" PRId64 "\n", net_counter6_names[i], values[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lite); i++)
		g_string_append_printf(out, "UdpLite6%-24s\t0\n", lite[i]);
	return 0;
}

/* igmp6: the groups that every interface hears, and those of its addresses. */

static void put_group(GString *out, const struct net_iface_info *info, const uint8_t group[16], unsigned flags)
{
	g_string_append_printf(out, "%-4u %-15s ", info->index, info->name);
	put_bytes(out, group);
	g_string_append_printf(out, " %5d %08X %d\n", 1, flags, 0);
}

int show_igmp6(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface_info info = { 0 };
	struct net_addr6 a, b;

	if (!h)
		return -e->code;
	for (struct net_iface *i; (i = net_iface_above(h, info.index));) {
		uint8_t group[16] = { 0xff, 0x02, [11] = 1, [12] = 0xff };

		net_iface_get(i, &info);
		if (!info.up || !net_iface_address6(i, 0, &a))
			continue;
		for (unsigned k = 0; !info.loopback && net_iface_address6(i, k, &a); k++) {
			bool before = false;

			for (unsigned j = 0; j < k; j++)
				before |= net_iface_address6(i, j, &b) && !memcmp(a.prefix.addr.v6 + 13, b.prefix.addr.v6 + 13, 3);
			memcpy(group + 13, a.prefix.addr.v6 + 13, 3);
			if (!before)
				put_group(out, &info, group, 4);
		}
		memset(group + 2, 0, 14);
		group[15] = 1;
		put_group(out, &info, group, 12);
		group[1] = 1;
		put_group(out, &info, group, 8);
	}
	return 0;
}
