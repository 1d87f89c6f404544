/* knob.c - the settings of a host. */
#include "host.h"

#include "net_tcp.h"

#define MB (1 << 20)

const struct net_knob_info net_knobs[NET_KNOBS] = {
	[NET_IP_FORWARD] = { "ip_forward", 0, 0, 1, NULL, "1: pass packets on between interfaces" },
	[NET_IP_DEFAULT_TTL] = { "ip_default_ttl", 64, 1, 255, NULL, "hops a new packet may make" },
	[NET_ICMP_RATELIMIT] = { "icmp_ratelimit", 1000, 0, 3600000, NULL, "ms between ICMP errors to one host (6 at once)" },
	[NET_ICMP_ECHO_IGNORE_ALL] = { "icmp_echo_ignore_all", 0, 0, 1, NULL, "1: no answer to ping" },
	[NET_IPFRAG_TIME] = { "ipfrag_time", 30, 1, 3600, NULL, "s until an incomplete packet is given up" },
	[NET_MIN_PMTU] = { "min_pmtu", 552, 68, 65535, NULL, "bytes: smaller path MTUs are not believed" },
	[NET_NO_PMTU_DISC] = { "ip_no_pmtu_disc", 0, 0, 1, NULL, "1: never set DF" },
	[NET_PORT_MIN] = { "port_min", 32768, 1, 65535, NULL, "lowest ephemeral port" },
	[NET_PORT_MAX] = { "port_max", 60999, 1, 65535, NULL, "highest ephemeral port" },
	[NET_UNPRIVILEGED_PORT] = { "unprivileged_port_start", 1024, 0, 65535, NULL, "lower ports are for uid 0" },
	[NET_SOMAXCONN] = { "somaxconn", 4096, 0, 65535, NULL, "longest accept queue" },
	[NET_MAX_SYN_BACKLOG] = { "max_syn_backlog", 2048, 1, 1000000, NULL, "half-open connections of a listener" },
	[NET_SYNCOOKIES] = { "syncookies", 1, 0, 2, NULL, "1: when the queue is full; 2: always" },
	[NET_SYN_RETRIES] = { "syn_retries", 6, 0, 127, NULL, "times a SYN is sent again" },
	[NET_SYNACK_RETRIES] = { "synack_retries", 5, 0, 127, NULL, "times a SYN-ACK is sent again" },
	[NET_RETRIES1] = { "retries1", 3, 0, 255, NULL, "times before the route is doubted" },
	[NET_RETRIES2] = { "retries2", 15, 0, 255, NULL, "times data is sent again" },
	[NET_ORPHAN_RETRIES] = { "orphan_retries", 8, 0, 255, NULL, "the same when nobody holds the socket" },
	[NET_FIN_TIMEOUT] = { "fin_timeout", 60, 0, 7200, NULL, "s a closed socket stays in FIN-WAIT-2" },
	[NET_TIME_WAIT] = { "time_wait", 60, 0, 7200, NULL, "s in TIME-WAIT (2 MSL)" },
	[NET_RTO_INIT] = { "rto_init", 1000, 1, 120000, NULL, "ms: RTO before the first measurement" },
	[NET_RTO_MIN] = { "rto_min", 200, 1, 120000, NULL, "ms: lower bound of RTO" },
	[NET_RTO_MAX] = { "rto_max", 120000, 1000, 1200000, NULL, "ms: upper bound of RTO" },
	[NET_RTO_GRANULARITY] = { "rto_granularity", 200, 1, 120000, NULL, "ms: G of RFC 6298, least distance of RTO from SRTT" },
	[NET_DELACK_MIN] = { "delack_min", 40, 0, 500, NULL, "ms: shortest delay of an ACK" },
	[NET_DELACK_MAX] = { "delack_max", 200, 0, 500, NULL, "ms: longest delay of an ACK" },
	[NET_KEEPALIVE_TIME] = { "keepalive_time", 7200, 1, 32767, NULL, "s of silence before the first probe" },
	[NET_KEEPALIVE_INTVL] = { "keepalive_intvl", 75, 1, 32767, NULL, "s between probes" },
	[NET_KEEPALIVE_PROBES] = { "keepalive_probes", 9, 1, 127, NULL, "unanswered probes that end a connection" },
	[NET_SACK] = { "sack", 1, 0, 1, NULL, "selective acknowledgements (RFC 2018)" },
	[NET_DSACK] = { "dsack", 1, 0, 1, NULL, "report duplicates (RFC 2883)" },
	[NET_TIMESTAMPS] = { "timestamps", 1, 0, 1, NULL, "RFC 7323" },
	[NET_WINDOW_SCALING] = { "window_scaling", 1, 0, 1, NULL, "RFC 7323" },
	[NET_CONGESTION] = { "congestion", 1, 0, 1, net_tcp_congestion_names, "of new sockets" },
	[NET_INITIAL_CWND] = { "initcwnd", 10, 1, 1000, NULL, "segments (RFC 6928)" },
	[NET_REORDERING] = { "reordering", 3, 1, 300, NULL, "duplicate ACKs that mean a loss" },
	[NET_SLOW_START_AFTER_IDLE] = { "slow_start_after_idle", 1, 0, 1, NULL, "RFC 5681 4.1" },
	[NET_LIMITED_TRANSMIT] = { "limited_transmit", 1, 0, 1, NULL, "RFC 3042" },
	[NET_ABORT_ON_OVERFLOW] = { "abort_on_overflow", 0, 0, 1, NULL, "1: RST when the accept queue is full" },
	[NET_TW_REUSE] = { "tw_reuse", 2, 0, 2, NULL, "connect over TIME-WAIT: 2 on loopback, 1 everywhere" },
	[NET_RFC1337] = { "rfc1337", 0, 0, 1, NULL, "1: RST does not end TIME-WAIT" },
	[NET_CHALLENGE_INTERVAL] = { "invalid_ratelimit", 500, 0, 60000, NULL, "ms between challenge ACKs of a connection" },
	[NET_RMEM] = { "rmem", 131072, 4096, 64 * MB, NULL, "bytes of a receive buffer at first" },
	[NET_RMEM_MAX] = { "rmem_max", 32 * MB, 4096, 1024 * MB, NULL, "and at most" },
	[NET_WMEM] = { "wmem", 87380, 4608, 64 * MB, NULL, "bytes of a send buffer at first" },
	[NET_WMEM_MAX] = { "wmem_max", 4194304, 4608, 1024 * MB, NULL, "and at most" },
	[NET_UDP_RMEM] = { "rmem_default", 212992, 2304, 64 * MB, NULL, "bytes of a UDP receive buffer" },
	[NET_UDP_WMEM] = { "wmem_default", 212992, 4608, 64 * MB, NULL, "bytes of a UDP send buffer" },
	[NET_NEIGH_REACHABLE_TIME] = { "base_reachable_time_ms", 30000, 100, 86400000, NULL, "ms a neighbour counts as reachable" },
	[NET_NEIGH_DELAY_TIME] = { "delay_first_probe_time_ms", 5000, 0, 86400000, NULL, "ms until a stale one is asked" },
	[NET_NEIGH_RETRANS] = { "retrans_time_ms", 1000, 1, 60000, NULL, "ms between ARP requests" },
	[NET_NEIGH_PROBES] = { "mcast_solicit", 3, 1, 100, NULL, "ARP requests before giving up" },
	[NET_NEIGH_QUEUE] = { "unres_qlen", 101, 1, 10000, NULL, "packets that wait for an answer" },
	[NET_NAT_MAX] = { "nat_max", 16384, 1, 1 << 20, NULL, "connections in the table of NAT" },
	[NET_NAT_UDP_TIMEOUT] = { "nat_udp_timeout", 300, 1, 86400, NULL, "s of silence (RFC 4787 REQ-5: at least 120)" },
	[NET_NAT_TCP_TIMEOUT] = { "nat_tcp_timeout", 7440, 1, 864000, NULL, "s of silence when established (RFC 5382 REQ-5: 7440)" },
	[NET_NAT_TCP_TRANSITORY] = { "nat_tcp_transitory", 240, 1, 86400, NULL, "s of silence when opening or closing (240)" },
	[NET_NAT_ICMP_TIMEOUT] = { "nat_icmp_timeout", 60, 1, 86400, NULL, "s of silence of a ping (RFC 5508 REQ-2: 60)" },
	[NET_NAT_GENERIC_TIMEOUT] = { "nat_generic_timeout", 600, 1, 86400, NULL, "s of silence of other protocols" },
	[NET_HOP_LIMIT] = { "hop_limit", 64, 1, 255, NULL, "hops a new packet of version 6 may make" },
	[NET_DAD_TRANSMITS] = { "dad_transmits", 1, 0, 10, NULL, "probes for a duplicate of a new address of version 6" },
	[NET_OPTIMISTIC_DAD] = { "optimistic_dad", 1, 0, 1, NULL, "1: it is used meanwhile (RFC 4429)" },
	[NET_ACCEPT_RA] = { "accept_ra", 1, 0, 1, NULL, "0: router advertisements are not believed" },
	[NET_IP6FRAG_TIME] = { "ip6frag_time", 60, 1, 3600, NULL, "s until an incomplete packet of version 6 is given up" },
	[NET_BINDV6ONLY] = { "bindv6only", 0, 0, 1, NULL, "IPV6_V6ONLY of new sockets" },
};

void knobs_init(struct net_host *h)
{
	for (int k = 0; k < NET_KNOBS; k++)
		h->knob[k] = net_knobs[k].initial;
}

bool net_knob_find(const char *name, enum net_knob *out)
{
	static const char *const prefixes[] = { "net.ipv4.", "net.ipv6.conf.all.", "net.ipv6.", "net.core.", "tcp_" };

	for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(name, prefixes[i]))
			name += strlen(prefixes[i]);
	if (strcmp(name, "congestion_control") == 0)
		name = "congestion";
	for (unsigned k = 0; k < NET_KNOBS; k++) {
		if (strcmp(name, net_knobs[k].name) == 0) {
			*out = k;
			return true;
		}
	}
	return false;
}

int64_t net_knob_get(const struct net_host *h, enum net_knob k)
{
	return h->knob[k];
}

int net_knob_set(struct net_host *h, enum net_knob k, int64_t value, struct err *e)
{
	if (value < net_knobs[k].min || value > net_knobs[k].max)
		return err_set(e, EINVAL, 1, "%s is in %" G_GINT64_FORMAT "..%" G_GINT64_FORMAT, net_knobs[k].name,
			       net_knobs[k].min, net_knobs[k].max);
	if ((k == NET_PORT_MIN && value > h->knob[NET_PORT_MAX]) || (k == NET_PORT_MAX && value < h->knob[NET_PORT_MIN]))
		return err_set(e, EINVAL, 1, "port_min would be above port_max");
	h->knob[k] = value;
	if (k == NET_IP_FORWARD)
		addrconf_forwarding(h);
	return 0;
}

void net_knob_preset(struct net_host *h, bool rfc)
{
	knobs_init(h);
	if (!rfc)
		return;
	h->knob[NET_RTO_MIN] = 1000;      /* RFC 6298 2.4 */
	h->knob[NET_RTO_GRANULARITY] = 1;
	h->knob[NET_RTO_MAX] = 60000;
	h->knob[NET_PORT_MIN] = 49152;    /* RFC 6335 6 */
	h->knob[NET_PORT_MAX] = 65535;
	h->knob[NET_TIME_WAIT] = 240;     /* RFC 9293 3.4.2: MSL 2 minutes */
	h->knob[NET_IPFRAG_TIME] = 60;    /* RFC 1122 3.3.2 */
	h->knob[NET_MIN_PMTU] = 68;       /* RFC 1191 3 */
}
