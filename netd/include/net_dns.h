/*
 * net_dns.h - names: a host's cache, look-ups as getaddrinfo(3) and res_query(3) make them, and DNS servers.
 *
 * Look-ups and servers are operations that take time. They have sockets of their own, made in the name of a caller; step them
 * after each change (net_config.wake, a timer that fired) while their host is there. They may be freed at any time, even
 * when their host is gone, but not after the clock.
 */
#ifndef NET_DNS_H
#define NET_DNS_H

#include "net_socket.h"

enum { NET_DNS_SERVERS = 4 /* that one look-up may be told of */ };

/* What a host remembers of answers. */
struct net_dns_cache;
struct net_dns_cache *net_dns_cache_new(void);
void net_dns_cache_free(struct net_dns_cache *c);
void net_dns_cache_flush(struct net_dns_cache *c);
struct net_dns_row {
	const char *name, *type;  /* type "ANY": the name does not exist */
	ns_t        left;
	const char *data;         /* as in a master file; NXDOMAIN, NODATA */
};
typedef void net_dns_row_fn(const struct net_dns_row *row, void *user);
/* Every record that is still alive, by name and type. */
void net_dns_cache_rows(const struct net_dns_cache *c, ns_t now, net_dns_row_fn *fn, void *user);

struct net_lookup;
struct net_lookup_config {
	const char *hosts, *resolv;      /* texts in the form of /etc/hosts and /etc/resolv.conf; NULL: empty */
	struct net_dns_cache *cache;     /* NULL: none; outlives the look-up */
	struct net_caller who;
	bool     v4, v6;                 /* the families that are wanted */
	const char *type;                /* "MX" ...: records of that type instead, asked of DNS alone; NULL: addresses */
	struct net_addr server[NET_DNS_SERVERS]; /* instead of resolv's */
	unsigned servers;
	bool     iterative;              /* they are of the root: follow referrals oneself, instead of asking for recursion */
};
/* EINVAL not a name or a type; ENOENT where there is nobody to ask. */
int  net_lookup_start(struct net_host *h, const char *name, const struct net_lookup_config *c, struct net_lookup **out,
		      struct err *e);
void net_lookup_free(struct net_lookup *l);
/* Goes on as far as it can; true: it is done. */
bool net_lookup_step(struct net_lookup *l);
/*
 * When done. Addresses (struct net_addr) in the order of RFC 6724, best first. ENOENT there is no such name, ENODATA it has no
 * address or record of that kind, ETIMEDOUT nobody answered, EIO the servers failed.
 */
int  net_lookup_addresses(const struct net_lookup *l, GArray *out, struct err *e);
/* With `type`: the records, a line each. */
int  net_lookup_records(const struct net_lookup *l, GString *out, struct err *e);
/* Who was asked what, and what came of it, a line each. */
const char *net_lookup_trace(const struct net_lookup *l);

struct net_dns_server;
/*
 * Answers on a UDP socket and on a listening TCP one, or on such a pair of each version of IP, all bound and kept by the caller. Zones are master files (RFC 1035 5).
 * `root`: also answers everything else for those who ask for recursion, beginning with these servers.
 */
struct net_dns_server *net_dns_server_new(struct net_host *h, const struct net_caller *who, struct net_dns_cache *cache);
int  net_dns_server_zone(struct net_dns_server *s, const char *text, size_t len, struct err *e);
int  net_dns_server_root(struct net_dns_server *s, const struct net_addr *root, struct err *e); /* E2BIG */
enum { NET_DNS_PAIRS = 2 };
/* `pairs`: 1 or 2, always the same ones in the same order. True: did something. */
bool net_dns_server_step(struct net_dns_server *s, struct net_socket *const *udp, struct net_socket *const *tcp, unsigned pairs);
void net_dns_server_free(struct net_dns_server *s);

#endif
