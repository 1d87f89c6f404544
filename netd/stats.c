/* stats.c - the counters of a host, under Linux's names. */
#include "net_tcp.h"
#include "socket.h"

#define NAME(group, name) { #group, #name },
const struct net_counter_info net_counter_names[NET_COUNTERS_END] = { NET_COUNTERS(NAME) };
#undef NAME

#define NAME(name) #name,
const char *const net_counter6_names[NET_COUNTERS6_END] = { NET_COUNTERS6(NAME) };
#undef NAME

void net_counters6(const struct net_host *h, int64_t out[NET_COUNTERS6_END])
{
	memcpy(out, h->count6, sizeof(h->count6));
}

void net_icmp6_types(const struct net_host *h, uint64_t in[256], uint64_t out[256])
{
	memcpy(in, h->icmp6_in, sizeof(h->icmp6_in));
	memcpy(out, h->icmp6_out, sizeof(h->icmp6_out));
}

void net_counters(const struct net_host *h, int64_t out[NET_COUNTERS_END])
{
	memcpy(out, h->count, sizeof(h->count));
	out[NET_Ip_Forwarding] = KNOB(h, IP_FORWARD) ? 1 : 2;
	out[NET_Ip_DefaultTTL] = KNOB(h, IP_DEFAULT_TTL);
	out[NET_Tcp_RtoAlgorithm] = 1;
	out[NET_Tcp_RtoMin] = KNOB(h, RTO_MIN);
	out[NET_Tcp_RtoMax] = KNOB(h, RTO_MAX);
	out[NET_Tcp_MaxConn] = -1;
	out[NET_Tcp_CurrEstab] = 0;
	for (struct tree_node *n = tree_first(&h->sockets); n; n = tree_next(n)) {
		struct net_socket_info info;

		net_socket_get(tree_entry(n, struct net_socket, node), &info);
		out[NET_Tcp_CurrEstab] += info.kind == NET_TCP &&
					  (info.state == NET_TCP_ESTABLISHED || info.state == NET_TCP_CLOSE_WAIT);
	}
}

void net_icmp_types(const struct net_host *h, uint64_t in[256], uint64_t out[256])
{
	memcpy(in, h->icmp_in, sizeof(h->icmp_in));
	memcpy(out, h->icmp_out, sizeof(h->icmp_out));
}

void net_sockstat(const struct net_host *h, struct net_sockstat *out)
{
	*out = (struct net_sockstat){ .frag_inuse = h->frag_count, .frag_memory = h->frag_count ? h->frag_bytes : 0,
					 .frag6_inuse = h->frag_count6, .frag6_memory = h->frag_count6 ? h->frag_bytes : 0 };
	for (struct tree_node *n = tree_first(&h->sockets); n; n = tree_next(n)) {
		const struct net_socket *s = tree_entry(n, struct net_socket, node);
		struct net_socket_info info;

		net_socket_get(s, &info);
		out->used += s->handles > 0;
		*(s->family == NET_IPV6 ? &out->udp6_inuse : &out->udp_inuse) += s->kind == NET_UDP && s->lport;
		out->icmp_inuse += s->kind == NET_ICMP && s->lport;
		if (s->kind != NET_TCP)
			continue;
		if (info.state == NET_TCP_TIME_WAIT) {
			out->tcp_tw++;
			continue;
		}
		out->tcp_alloc++;
		*(s->family == NET_IPV6 ? &out->tcp6_inuse : &out->tcp_inuse) += info.state != NET_TCP_CLOSE || s->lport;
		out->tcp_orphan += s->handles == 0 && info.state != NET_TCP_SYN_RECV;
	}
}
