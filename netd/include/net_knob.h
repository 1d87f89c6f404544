/*
 * net_knob.h - what people vary on a host: numbers with Linux's names, without tcp_, and defaults.
 */
#ifndef NET_KNOB_H
#define NET_KNOB_H

#include "net.h"

enum net_knob {
	NET_IP_FORWARD, NET_IP_DEFAULT_TTL, NET_ICMP_RATELIMIT /* ms */, NET_ICMP_ECHO_IGNORE_ALL,
	NET_IPFRAG_TIME /* s */, NET_MIN_PMTU, NET_NO_PMTU_DISC,
	NET_PORT_MIN, NET_PORT_MAX, NET_UNPRIVILEGED_PORT,
	NET_SOMAXCONN, NET_MAX_SYN_BACKLOG, NET_SYNCOOKIES, NET_SYN_RETRIES, NET_SYNACK_RETRIES,
	NET_RETRIES1, NET_RETRIES2, NET_ORPHAN_RETRIES, NET_FIN_TIMEOUT /* s */, NET_TIME_WAIT /* s */,
	NET_RTO_INIT, NET_RTO_MIN, NET_RTO_MAX /* ms */, NET_RTO_GRANULARITY /* ms: what 4*RTTVAR is at least */,
	NET_DELACK_MIN, NET_DELACK_MAX /* ms */,
	NET_KEEPALIVE_TIME, NET_KEEPALIVE_INTVL /* s */, NET_KEEPALIVE_PROBES,
	NET_SACK, NET_DSACK, NET_TIMESTAMPS, NET_WINDOW_SCALING, NET_CONGESTION, NET_INITIAL_CWND, NET_REORDERING,
	NET_SLOW_START_AFTER_IDLE, NET_LIMITED_TRANSMIT, NET_ABORT_ON_OVERFLOW, NET_TW_REUSE, NET_RFC1337,
	NET_CHALLENGE_INTERVAL /* ms between challenge ACKs of a connection */,
	NET_RMEM, NET_RMEM_MAX, NET_WMEM, NET_WMEM_MAX, NET_UDP_RMEM, NET_UDP_WMEM, /* bytes */
	NET_NEIGH_REACHABLE_TIME, NET_NEIGH_DELAY_TIME, NET_NEIGH_RETRANS /* ms */, NET_NEIGH_PROBES, NET_NEIGH_QUEUE,
	NET_NAT_MAX, NET_NAT_UDP_TIMEOUT, NET_NAT_TCP_TIMEOUT, NET_NAT_TCP_TRANSITORY, NET_NAT_ICMP_TIMEOUT,
	NET_NAT_GENERIC_TIMEOUT /* s */,
	/* version 6 */
	NET_HOP_LIMIT, NET_DAD_TRANSMITS, NET_OPTIMISTIC_DAD, NET_ACCEPT_RA, NET_IP6FRAG_TIME /* s */, NET_BINDV6ONLY,
	NET_KNOBS
};

struct net_knob_info {
	const char *name;
	int64_t     initial, min, max;
	const char *const *names; /* for values that are names (congestion), else NULL; `max`+1 of them */
	const char *about;        /* unit and meaning */
};
extern const struct net_knob_info net_knobs[NET_KNOBS];

/* By that name or Linux's: syn_retries, tcp_syn_retries, net.ipv4.tcp_syn_retries. */
bool    net_knob_find(const char *name, enum net_knob *out);
int64_t net_knob_get(const struct net_host *h, enum net_knob k);
/* EINVAL out of range. Holds for what happens from now on; existing connections keep their sizes. */
int     net_knob_set(struct net_host *h, enum net_knob k, int64_t value, struct err *e);
/*
 * All as at first; with `rfc`, RTO of RFC 6298 (1 s minimum), ephemeral ports of RFC 6335, TIME-WAIT of 4 minutes.
 */
void    net_knob_preset(struct net_host *h, bool rfc);

#endif
