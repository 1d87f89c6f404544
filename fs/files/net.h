/* net.h - what the files of hosts/H/net share. */
#ifndef FS_NET_H
#define FS_NET_H

#include "command.h"
#include "net_dns.h"
#include "net_host.h"

/* iface.c: ifs/; in nodes below it `arg` is the interface's index. */
extern const struct dir_ops ifaces_dir;
/* route.c: routes, and route/ADDR, where `arg` is the address. */
extern const struct column route_columns[];
fill_fn fill_routes;
store_fn store_routes;
extern const struct dir_ops route_to_dir;
/* neighbours.c */
extern const struct column neighbour_columns[];
fill_fn fill_neighbours;
store_fn store_neighbours;
/* sockets.c: sockets, and sockets.d/INODE, where `arg` is the inode. */
extern const struct column socket_columns[];
fill_fn fill_sockets;
struct net_socket_info;
/* udp, tcp, ...; tcp6, udp6, ... for those of version 6, as netstat has them. */
const char *socket_proto_name(const struct net_socket_info *s);
extern const struct dir_ops sockets_dir;
/* nat.c: nat, nat_table, nat_stats. */
extern const struct column nat_columns[];
fill_fn fill_nat;
show_fn show_nat, show_nat_stats;
store_fn store_nat;
/* serve_dhcp.c: leases, of clients and servers. */
extern const struct column lease_columns[];
fill_fn fill_leases;
/* names.c: resolv, hosts, services, as texts. */
show_fn show_names;
store_fn store_names;
extern const struct column dns_cache_columns[];
fill_fn fill_dns_cache;
store_fn store_dns_cache;
/* Begins to look a name up as the host's files say; the rest of `c` is the caller's. */
int  names_lookup(const struct node *n, const char *name, struct net_lookup_config *c, struct net_lookup **out, struct err *e);
/* A port: a number, or the first of that name in the file services. */
bool names_port(const struct node *n, const char *text, uint16_t *port);

/* Argument i as an address of version 4, or as a prefix: `default` is 0.0.0.0/0. */
bool arg_net_addr(const struct call *c, unsigned i, struct net_addr *a, struct err *e);
bool arg_net_prefix(const struct call *c, unsigned i, struct net_prefix *p, struct err *e);

#endif
