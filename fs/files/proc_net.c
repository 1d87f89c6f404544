/* proc_net.c - proc/PID/net: interfaces, routes, neighbours and counters, in Linux's formats. */
#include "proc_net.h"

#include "net_counters.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { ROUTE_WIDTH = 127 };

/* Upper-case hexadecimal, at least `width` wide. */
static void put_net_hex(GString *out, uint64_t value, unsigned width)
{
	static const char digits[] = "0123456789ABCDEF";
	char buf[16];
	unsigned at = sizeof buf;

	do {
		buf[--at] = digits[value & 15];
		value >>= 4;
	} while (at > 0 && (value || sizeof buf - at < width));
	g_string_append_len(out, buf + at, (gssize)(sizeof buf - at));
}

/* The bytes of an IPv4 address as the machine stores them: 10.0.2.15 is 0F02000A. */
static void put_net_address(GString *out, uint32_t v4)
{
	put_net_hex(out, GUINT32_SWAP_LE_BE(v4), 8);
}

void put_net_end(GString *out, size_t line, size_t width)
{
	put_pad(out, line, width);
	put_char(out, '\n');
}

/* dev */

static void put_interface(const struct net_iface *i, GString *out)
{
	struct net_iface_info f;

	net_iface_get(i, &f);
	g_string_append_printf(out, "%6s: %7" PRIu64 " %7" PRIu64 " %4" PRIu64 " %4" PRIu64 " %4d %5d %10d %9" PRIu64
			       " %8" PRIu64 " %7" PRIu64 " %4" PRIu64 " %4" PRIu64 " %4d %5" PRIu64 " %7d %10d\n",
			       f.name, f.rx_bytes, f.rx_packets, f.rx_errors, f.rx_dropped, 0, 0, 0, f.rx_multicast,
			       f.tx_bytes, f.tx_packets, f.tx_errors, f.tx_dropped, 0, f.collisions, 0, 0);
}

static int show_dev(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface_info info = { 0 };

	if (!h)
		return -e->code;
	put_text(out, "Inter-|   Receive                                                |  Transmit\n"
		      " face |bytes    packets errs drop fifo frame compressed multicast|"
		      "bytes    packets errs drop fifo colls carrier compressed\n");
	for (struct net_iface *i; (i = net_iface_above(h, info.index)); net_iface_get(i, &info))
		put_interface(i, out);
	return 0;
}

/* route: by destination, then the longer prefix first, as Linux walks its trie. */

static gint route_order(gconstpointer x, gconstpointer y)
{
	const struct net_route *a = x, *b = y;

	if (a->to.addr.v4 != b->to.addr.v4)
		return a->to.addr.v4 < b->to.addr.v4 ? -1 : 1;
	if (a->to.len != b->to.len)
		return a->to.len > b->to.len ? -1 : 1;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

static void put_route(const struct net_route *r, GString *out)
{
	enum { UP = 1, GATEWAY = 2, HOST = 4, REJECT = 0x200 };
	unsigned flags = UP | (r->via.family ? GATEWAY : 0) | (r->to.len == 32 ? HOST : 0) | (r->iface ? 0 : REJECT);
	size_t line = out->len;

	put_text(out, r->iface ? r->iface : "*");
	put_char(out, '\t');
	put_net_address(out, r->to.addr.v4);
	put_char(out, '\t');
	put_net_address(out, r->via.family ? r->via.v4 : 0);
	put_char(out, '\t');
	put_net_hex(out, flags, 4);
	put_text(out, "\t0\t0\t");
	put_dec(out, r->metric);
	put_char(out, '\t');
	put_net_address(out, net_mask(r->to.len));
	put_text(out, "\t0\t0\t0");
	put_net_end(out, line, ROUTE_WIDTH);
}

static int show_route(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	g_autoptr(GArray) routes = g_array_new(FALSE, FALSE, sizeof(struct net_route));
	struct net_route r;
	size_t line = out->len;

	if (!h)
		return -e->code;
	for (unsigned i = 0; net_route(h, i, &r); i++)
		if (r.to.addr.family == NET_IPV4)
			g_array_append_val(routes, r);
	g_array_sort(routes, route_order);
	put_text(out, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	put_net_end(out, line, ROUTE_WIDTH);
	for (guint i = 0; i < routes->len; i++)
		put_route(&g_array_index(routes, struct net_route, i), out);
	return 0;
}

/* arp */

static int show_arp(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	char addr[NET_ADDR_TEXT], mac[NET_MAC_TEXT];
	struct net_neigh r;

	if (!h)
		return -e->code;
	put_text(out, "IP address       HW type     Flags       HW address            Mask     Device\n");
	for (unsigned i = 0; net_neigh(h, i, &r); i++) {
		bool known = r.state != NET_NEIGH_INCOMPLETE && r.state != NET_NEIGH_FAILED;
		unsigned flags = r.state == NET_NEIGH_PERMANENT ? 6 : known ? 2 : 0;

		if (r.addr.family != NET_IPV4)
			continue;
		g_string_append_printf(out, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", net_addr_text(&r.addr, addr), 1,
				       flags, net_mac_text(&r.mac, mac), r.iface);
	}
	return 0;
}

/* snmp, netstat: a line of names, a line of values. */

static void put_group(const char *group, const char *shown, const int64_t *values, GString *out)
{
	g_autoptr(GString) line = g_string_new(shown);

	put_text(out, shown);
	for (unsigned i = 0; i < NET_COUNTERS_END; i++) {
		if (strcmp(net_counter_names[i].group, group))
			continue;
		put_char(out, ' ');
		put_text(out, net_counter_names[i].name);
		g_string_append_printf(line, " %" PRId64, values ? values[i] : 0);
	}
	put_char(out, '\n');
	g_string_append_len(out, line->str, (gssize)line->len);
	put_char(out, '\n');
}

/* Left out while there is none: nstat stumbles over a line without values. */
static void put_icmp_types(const struct net_host *h, GString *out)
{
	g_autoptr(GString) names = g_string_new("IcmpMsg:"), values = g_string_new("IcmpMsg:");
	uint64_t count[2][256];
	size_t empty = names->len;

	net_icmp_types(h, count[0], count[1]);
	for (unsigned i = 0; i < 512; i++) {
		uint64_t v = count[i / 256][i % 256];

		if (!v)
			continue;
		g_string_append_printf(names, " %sType%u", i < 256 ? "In" : "Out", i % 256);
		g_string_append_printf(values, " %" PRIu64, v);
	}
	if (names->len > empty)
		g_string_append_printf(out, "%s\n%s\n", names->str, values->str);
}

static int show_snmp(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	int64_t values[NET_COUNTERS_END];

	if (!h)
		return -e->code;
	net_counters(h, values);
	put_group("Ip", "Ip:", values, out);
	put_group("Icmp", "Icmp:", values, out);
	put_icmp_types(h, out);
	put_group("Tcp", "Tcp:", values, out);
	put_group("Udp", "Udp:", values, out);
	put_group("Udp", "UdpLite:", NULL, out);  /* there is none, but tools look for it */
	return 0;
}

static int show_netstat(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	int64_t values[NET_COUNTERS_END];

	if (!h)
		return -e->code;
	net_counters(h, values);
	put_group("TcpExt", "TcpExt:", values, out);
	put_group("IpExt", "IpExt:", values, out);
	return 0;
}

/* Every interface that is up hears 224.0.0.1. */
static int show_igmp(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_iface_info info = { 0 };

	if (!h)
		return -e->code;
	put_text(out, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	for (struct net_iface *i; (i = net_iface_above(h, info.index));) {
		net_iface_get(i, &info);
		if (info.up)
			g_string_append_printf(out, "%u\t%-10s: %5d %7s\n\t\t\t\t%08X %5d %d:%08X\t\t%d\n", info.index,
					       info.name, 1, "V3", 0x010000E0u, 1, 0, 0, 0);
	}
	return 0;
}

static int show_softnet(const struct node *n, GString *out, struct err *e)
{
	enum { COLUMNS = 15, CPU_COLUMN = 12 };
	struct vm_host *vm = world_vm(n, e);

	if (!vm)
		return -e->code;
	for (unsigned cpu = 0; cpu < MAX(vm_host_options(vm)->cpus, 1); cpu++)
		for (unsigned i = 0; i < COLUMNS; i++)
			g_string_append_printf(out, "%08x%c", i == CPU_COLUMN ? cpu : 0, i + 1 < COLUMNS ? ' ' : '\n');
	return 0;
}

#define NET_TEXT(NAME, SHOW) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = 0444, .show = SHOW, .help = "process-net" }

const struct row proc_net_rows[] = {
	NET_TEXT("arp", show_arp),
	NET_TEXT("dev", show_dev),
	NET_TEXT("fib_trie", show_fib_trie),
	NET_TEXT("icmp", show_icmp),
	NET_TEXT("icmp6", show_icmp6),
	NET_TEXT("if_inet6", show_if_inet6),
	NET_TEXT("igmp", show_igmp),
	NET_TEXT("igmp6", show_igmp6),
	NET_TEXT("ipv6_route", show_ipv6_route),
	NET_TEXT("netlink", show_netlink),
	NET_TEXT("netstat", show_netstat),
	NET_TEXT("packet", show_packet),
	NET_TEXT("protocols", show_protocols),
	NET_TEXT("raw", show_raw),
	NET_TEXT("raw6", show_raw6),
	NET_TEXT("route", show_route),
	NET_TEXT("snmp", show_snmp),
	NET_TEXT("snmp6", show_snmp6),
	NET_TEXT("sockstat", show_sockstat),
	NET_TEXT("sockstat6", show_sockstat6),
	NET_TEXT("softnet_stat", show_softnet),
	NET_TEXT("tcp", show_tcp),
	NET_TEXT("tcp6", show_tcp6),
	NET_TEXT("udp", show_udp),
	NET_TEXT("udp6", show_udp6),
	NET_TEXT("udplite", show_udplite),
	NET_TEXT("udplite6", show_raw6),
	NET_TEXT("unix", show_unix),
	{ 0 }
};
