/* resolvconf.h - the texts that tell a host about names: resolv.conf(5) and hosts(5). */
#ifndef NETD_DNS_RESOLVCONF_H
#define NETD_DNS_RESOLVCONF_H

#include "net_addr.h"

#include <glib.h>

enum { RESOLV_SERVERS = 3, RESOLV_SEARCH = 6 };
struct resolv {
	struct net_addr server[RESOLV_SERVERS];
	unsigned servers;
	char    *search[RESOLV_SEARCH + 1]; /* owned */
	unsigned ndots, timeout, attempts;  /* seconds */
};
/* As libc does, what is not understood is passed over. */
void resolv_parse(const char *text, struct resolv *out);
void resolv_clear(struct resolv *r);
/* Appends the addresses (struct net_addr) that lines of `text` give to `name`, of the wanted families. */
void hosts_find(const char *text, const char *name, bool v4, bool v6, GArray *out);

#endif
