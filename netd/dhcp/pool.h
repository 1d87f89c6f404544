/*
 * pool.h - the addresses of a DHCP server and who has them: a message in, perhaps one out (RFC 2131 4.3).
 *
 * A client is known by its identifier, or else by its MAC. An offer keeps its address for a minute; one that a client has declined
 * is given to nobody for an hour. Free addresses go out lowest first, those that never had a client before others.
 */
#ifndef NETD_DHCP_POOL_H
#define NETD_DHCP_POOL_H

#include "message.h"
#include "net_dhcp.h"

struct dhcp_pool;
struct dhcp_pool *dhcp_pool_new(const struct net_dhcp_options *o);
void dhcp_pool_free(struct dhcp_pool *p);
/* False: nothing is to be said. */
bool dhcp_pool_input(struct dhcp_pool *p, const struct dhcp_message *in, ns_t now, struct dhcp_message *out);
/* The addresses that have a client, ascending; false beyond the last. */
bool dhcp_pool_lease(const struct dhcp_pool *p, unsigned index, ns_t now, struct net_dhcp_lease *out);

#endif
