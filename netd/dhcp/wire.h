/* wire.h - DHCP below sockets: packets of an interface that has no address yet, or to one that has none. */
#ifndef NETD_DHCP_WIRE_H
#define NETD_DHCP_WIRE_H

#include "host.h"

#include "message.h"

/* A packet straight to that MAC, whatever the host's addresses and routes. */
void dhcp_send(struct net_iface *i, const uint8_t mac[6], uint32_t src, uint32_t dst, uint16_t sport, uint16_t dport,
	       const struct dhcp_message *m);
/* The message in a frame to that port; false: it is none. */
bool dhcp_in_frame(const struct frame *f, uint16_t port, struct dhcp_message *out);
/* ARP on the sender's behalf; spa 0: a probe (RFC 5227). */
void dhcp_send_arp(struct net_iface *i, uint32_t spa, uint32_t tpa);

/* client.c: called by iface.c. True: the frame was for it alone, and stays the caller's. */
struct dhcp_client;
bool dhcp_client_frame(struct dhcp_client *c, struct frame *f);
/* The interface came up, went down, is on another wire. */
void dhcp_client_link(struct dhcp_client *c);
void dhcp_client_free(struct dhcp_client *c);

#endif
