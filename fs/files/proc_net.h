/* proc_net.h - proc/PID/net: what a host counts, its tables, its sockets, in Linux's formats. */
#ifndef FS_PROC_NET_H
#define FS_PROC_NET_H

#include "tree.h"

extern const struct row proc_net_rows[];

/* proc_net_sockets.c */
show_fn show_tcp, show_tcp6, show_udp, show_udp6, show_udplite, show_icmp, show_icmp6, show_raw, show_raw6, show_unix, show_packet,
	show_netlink, show_sockstat, show_sockstat6, show_protocols;

/* proc_net6.c */
show_fn show_if_inet6, show_ipv6_route, show_snmp6, show_igmp6;

/* proc_net_trie.c */
show_fn show_fib_trie;
/* Blanks up to column `width` of the line that begins at `line`, and the newline. */
void put_net_end(GString *out, size_t line, size_t width);

#endif
