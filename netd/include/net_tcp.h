/*
 * net_tcp.h - the inside of a TCP connection, copied out whole.
 *
 * Names are those of RFC 9293 section 3.3.1, 6298, 5681, 9438, 6675 and 7323; sequence numbers are as on the wire.
 */
#ifndef NET_TCP_H
#define NET_TCP_H

#include "net_socket.h"

enum net_tcp_recovery { /* RFC 5681, 6675: Linux's names */
	NET_TCP_OPEN, NET_TCP_DISORDER, NET_TCP_RECOVERY, NET_TCP_LOSS, NET_TCP_RECOVERIES
};
extern const char *const net_tcp_recovery_names[NET_TCP_RECOVERIES];
extern const char *const net_tcp_congestion_names[2]; /* reno, cubic */

struct net_tcb {
	enum net_tcp_state state;
	/* send */
	uint32_t iss, snd_una, snd_nxt, snd_max_seq /* end of what was written */, snd_wnd, snd_up, snd_wl1, snd_wl2, max_snd_wnd;
	/* receive */
	uint32_t irs, rcv_nxt, rcv_wnd, rcv_up, rcv_adv /* right edge offered */, last_ack_sent;
	uint32_t mss_send, mss_peer, mss_advertised, pmtu;
	uint8_t  snd_wscale, rcv_wscale;
	bool     wscale_ok, sack_ok, ts_ok, nodelay, cork, keepalive;
	uint32_t ts_recent, ts_offset;
	ns_t     ts_recent_age;
	/* RFC 6298 */
	ns_t     srtt, rttvar, rto, min_rtt;
	unsigned backoff, retransmits;
	/* congestion */
	unsigned congestion;                 /* index of net_tcp_congestion_names */
	enum net_tcp_recovery recovery;
	uint32_t cwnd, ssthresh;             /* segments */
	uint32_t packets_out, sacked_out, lost_out, retrans_out, flight; /* segments; flight in bytes */
	uint32_t recover, dupacks, reordering;
	uint32_t cubic_wmax, cubic_origin;   /* segments */
	ns_t     cubic_k, cubic_epoch;
	/* out of order data */
	unsigned ranges;
	struct { uint32_t start, end; } range[8];
	/* queues, bytes */
	uint32_t send_queued, send_limit, recv_queued, recv_limit, out_of_order;
	bool     fin_queued, fin_sent, fin_received;
	/* timers: G_MAXUINT64 not set, else the absolute time */
	ns_t     t_retransmit, t_probe, t_delayed_ack, t_keepalive, t_wait /* FIN-WAIT-2, TIME-WAIT */;
	unsigned keepalive_probes;
	/* totals */
	uint64_t bytes_sent, bytes_acked, bytes_received, segments_in, segments_out, retransmitted, dupacks_in,
		 out_of_order_in, challenge_acks;
	/* listening */
	unsigned backlog, accept_queue, syn_queue;
};
/* False when `s` is not a TCP socket. */
bool net_tcp_get(const struct net_socket *s, struct net_tcb *out);

#endif
