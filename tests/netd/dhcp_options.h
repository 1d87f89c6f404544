/* dhcp_options.h - what the servers of DHCP's tests give: addresses of 10.66.0.0/24, and all else from 10.66.0.1. */
#ifndef TEST_DHCP_OPTIONS_H
#define TEST_DHCP_OPTIONS_H

#include "lab.h"
#include "net_dhcp.h"

static inline struct net_dhcp_options options(const char *first, const char *last)
{
	struct net_dhcp_options o = { .first = addr(first), .last = addr(last), .server = addr("10.66.0.1"), .prefix = 24,
				      .router = addr("10.66.0.1"), .dns = { addr("10.66.0.1") }, .dns_count = 1, .domain = "sim.test",
				      .lease = 3600 };

	return o;
}

#endif
