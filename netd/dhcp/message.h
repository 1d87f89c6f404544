/* message.h - messages of DHCP between bytes and values (RFC 2131 2, RFC 2132). Addresses are of version 4, in host order; 0: none. */
#ifndef NETD_DHCP_MESSAGE_H
#define NETD_DHCP_MESSAGE_H

#include "err.h"
#include "units.h"

#include <glib.h>

enum dhcp_type { DHCP_DISCOVER = 1, DHCP_OFFER, DHCP_REQUEST, DHCP_DECLINE, DHCP_ACK, DHCP_NAK, DHCP_RELEASE, DHCP_INFORM };
enum { DHCP_SERVER_PORT = 67, DHCP_CLIENT_PORT = 68, DHCP_DNS = 3, DHCP_ID_MAX = 32, DHCP_NAME_MAX = 64,
       DHCP_FOREVER = -1 /* a lease of 0xffffffff seconds */ };

struct dhcp_message {
	bool     reply;
	enum dhcp_type type;
	uint32_t xid;
	uint16_t secs;
	bool     broadcast;              /* the client cannot take unicast yet */
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t  chaddr[6];
	/* Options; 0 or empty: not there. */
	uint32_t requested, server, mask, router, dns[DHCP_DNS];
	bool     has_lease;
	uint32_t lease, t1, t2;          /* seconds */
	char     domain[DHCP_NAME_MAX], host[DHCP_NAME_MAX], text[DHCP_NAME_MAX];
	uint8_t  id[DHCP_ID_MAX];        /* client identifier */
	unsigned id_len;
	bool     wants;                  /* a parameter request list, ours */
};
/* EINVAL with what is wrong. What is longer than it has room for is cut, or left out where that would change its meaning. */
int  dhcp_parse(const uint8_t *data, size_t len, struct dhcp_message *out, struct err *e);
/* Padded to the 300 bytes that relays of BOOTP want. */
void dhcp_write(const struct dhcp_message *m, GByteArray *out);

#endif
