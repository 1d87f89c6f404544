/*
 * tcp.h - the inside of TCP (RFC 9293 and what it points to).
 *
 * Sequence space of a sender:            Sequence space of a receiver:
 *   snd_una      snd_nxt    write_seq      read        rcv_nxt          rcv_wup + rcv_wnd
 *   |-- segs ----|- unsent -|[FIN]         |- unread --|- ranges, gaps -|
 * Bytes from snd_una on are in `out`, those from the first unread on in `in`, which also holds what came
 * out of order, at its place. Each segment under way has an entry in `segs`, in order of sequence; SYN and
 * FIN are segments too. A segment is at most one of sacked and lost; lost ones may be on their way again
 * (retrans). What is believed to be in the network is packets - sacked - lost + retrans.
 *
 * Files: tcp.c states and their end, tcp_user.c calls of the application, tcp_listen.c new connections,
 * tcp_input.c segments in, tcp_data.c their data, tcp_ack.c their acknowledgements, tcp_recover.c losses,
 * tcp_output.c segments out, tcp_header.c how they look, tcp_reply.c answers of nobody, tcp_look.c, tcp_timer.c, tcp_rto.c, tcp_cubic.c and tcp_reno.c, tcp_wait.c TIME-WAIT.
 */
#ifndef NETD_TCP_H
#define NETD_TCP_H

#include "net_decode.h"
#include "net_tcp.h"
#include "socket.h"

enum { TCP_HEADER = 20, TCP_OPTIONS_MAX = 40, TS_OPTION = 12, MSS_DEFAULT = 536, MSS_LEAST = 28, WSCALE_MAX = 14,
       QUICK_ACKS = 16, RANGES_MAX = 512 };
#define PAWS_IDLE (24 * 24 * 3600 * NS_PER_S)   /* RFC 7323 5.5 */
#define NO_SSTHRESH G_MAXUINT32

static inline bool seq_lt(uint32_t a, uint32_t b) { return (int32_t)(a - b) < 0; }
static inline bool seq_le(uint32_t a, uint32_t b) { return (int32_t)(a - b) <= 0; }
static inline bool seq_gt(uint32_t a, uint32_t b) { return seq_lt(b, a); }
static inline bool seq_ge(uint32_t a, uint32_t b) { return seq_le(b, a); }
static inline uint32_t seq_max(uint32_t a, uint32_t b) { return seq_lt(a, b) ? b : a; }

/* A queue of bytes that grows by doubling; offsets count from its first byte. */
struct ring { uint8_t *data; uint32_t capacity, head, used; };
void ring_clear(struct ring *r);
/* Makes room for offsets below `size`. */
void ring_reserve(struct ring *r, uint32_t size);
/* Keeps no more memory than offsets below `size` need, which includes all that is there. */
void ring_fit(struct ring *r, uint32_t size);
void ring_put(struct ring *r, uint32_t offset, const void *bytes, uint32_t len);
void ring_get(const struct ring *r, uint32_t offset, void *bytes, uint32_t len);
void ring_drop(struct ring *r, uint32_t len);
/* Where those bytes are; room for them has been made. */
void ring_pieces(const struct ring *r, uint32_t offset, uint32_t len, struct net_piece piece[2]);

struct tcp_seg {
	uint32_t seq, end;
	ns_t     sent;               /* last time */
	uint8_t  flags;              /* SYN FIN PSH as sent */
	bool     sacked, lost, retrans, ever; /* ever: sent more than once */
};

struct tcp_range { uint32_t start, end, stamp; }; /* stamp: when it last grew, for the order of SACK blocks */

/* A segment that has arrived. */
struct seg_in {
	uint32_t seq, ack, len;      /* len of data */
	uint8_t  flags;
	uint32_t window;             /* as in the header, unscaled */
	uint16_t urgent;             /* the pointer, as in the header */
	const uint8_t *data;
	struct net_tcp_options o;
};
static inline uint32_t seg_end(const struct seg_in *g)
{
	return g->seq + g->len + !!(g->flags & NET_SYN) + !!(g->flags & NET_FIN);
}

struct tcp;
/* A congestion control: reno or cubic. All in segments. */
struct tcp_control {
	void     (*start)(struct tcp *t);
	uint32_t (*ssthresh)(struct tcp *t);           /* after a loss */
	void     (*acked)(struct tcp *t, uint32_t segments, ns_t now); /* in congestion avoidance */
	void     (*idle)(struct tcp *t, ns_t now);     /* sends again after silence */
};
extern const struct tcp_control tcp_controls[2];
void     cubic_start(struct tcp *t);
uint32_t cubic_ssthresh(struct tcp *t);
void     cubic_acked(struct tcp *t, uint32_t segments, ns_t now);
void     cubic_idle(struct tcp *t, ns_t now);

struct rto_rules { ns_t initial, min, max, granularity; };
struct rto { ns_t srtt, rttvar, rto; bool measured; };
void rto_start(struct rto *r, const struct rto_rules *rules);
void rto_sample(struct rto *r, const struct rto_rules *rules, ns_t rtt);   /* RFC 6298 2.2, 2.3 */
void rto_back_off(struct rto *r, const struct rto_rules *rules);           /* 5.5 */
struct rto_rules host_rto(const struct net_host *h);

struct tcp {
	/* What a row of the socket table tells: near each other, for tables of a hundred thousand. */
	struct net_socket *s;
	enum net_tcp_state state;
	bool     fin_queued, pingpong, probing;
	struct ring in;              /* received: `used` counts the bytes in order */
	struct ring out;             /* sent: its first byte has the number out_seq */
	struct rto rto;
	ns_t     ato;
	unsigned retransmits, probes, quick;
	uint32_t cwnd, ssthresh;
	struct timer timer;          /* retransmission, or probe of a closed window */
	struct timer long_timer;     /* keepalive, FIN-WAIT-2, TIME-WAIT */
	/* send */
	uint32_t iss, snd_una, snd_nxt, write_seq, snd_wnd, snd_wl1, snd_wl2, max_wnd, snd_small;
	uint32_t out_seq;
	struct tcp_seg *segs;        /* ring */
	uint32_t segs_capacity, segs_head, packets;
	uint32_t sacked, lost, retrans;
	uint32_t snd_up;             /* behind the last urgent byte; not above snd_una: none */
	uint32_t push_end;           /* PSH belongs to the segment that ends there */
	bool     push;
	bool     fin_sent, cwnd_limited;
	uint16_t next_id;
	/* receive */
	uint32_t irs, rcv_nxt, rcv_wnd, rcv_wup;
	struct tcp_range *ranges;
	uint32_t ranges_count, ranges_capacity, range_stamp;
	uint32_t in_limit;           /* bytes the window may offer */
	uint32_t fin_seq, rcv_up;
	enum { URGENT_NONE, URGENT_AWAITED, URGENT_THERE, URGENT_TAKEN } urgent;
	uint8_t  urgent_byte;
	bool     fin_known, fin_received, was_connected;
	bool     connect_untold;     /* connect(2) has begun, and has not told yet that it is done */
	uint32_t dsack_start, dsack_end; /* equal: none */
	uint32_t tune_copied, tune_space;
	ns_t     tune_time;
	/* options agreed on */
	uint16_t mss_peer, mss_here, mss;    /* mss: data in a full segment, options allowed for */
	uint16_t mss_user;
	uint32_t pmtu;
	uint8_t  snd_wscale, rcv_wscale;
	bool     wscale_ok, sack_ok, ts_ok;
	uint32_t ts_recent, ts_offset, last_ack_sent;
	ns_t     ts_recent_time;
	/* time */
	ns_t     min_rtt;
	unsigned backoff;
	struct timer ack_timer;      /* a delayed ACK */
	ns_t     last_received, last_sent_data, last_challenge, last_data_received, created, first_retransmit;
	/* acknowledging */
	bool     ack_pending, ack_now;
	uint32_t rcv_mss;
	/* congestion */
	const struct tcp_control *control;
	enum net_tcp_recovery recovery;
	uint32_t cwnd_count, recover, dupacks, reordering, highest_sack;
	uint32_t prr_delivered, prr_out, prior_cwnd;
	ns_t     rack_sent;          /* when the latest segment known to have arrived was sent */
	struct {
		uint32_t wmax, origin, prior;
		uint64_t estimate;   /* what Reno would have, in millionths of a segment */
		ns_t epoch, k;
	} cubic;
	/* settings */
	bool     nodelay, cork, keepalive;
	unsigned keep_idle, keep_interval, keep_count; /* s; 0: the host's */
	unsigned syn_count, defer_accept, window_clamp, user_timeout;
	int      linger2;
	int      soft_error;
	/* listening */
	struct net_socket *parent;   /* not accepted yet: the listener; held */
	struct net_socket *next_child, *prev_child;
	struct net_socket *children; /* of a listener: SYN-RECEIVED, in no order that matters */
	struct net_socket *ready_first, *ready_last;
	unsigned backlog, syn_queue, accept_queue;
	bool     queued_ready;
	bool     asks;               /* SYNs wait in the accept queue until net_answer() */
	bool     unanswered;         /* such a one */
	/* totals */
	uint64_t bytes_sent, bytes_acked, bytes_received, segments_in, segments_out, retransmitted, dupacks_in, ooo_in,
		 challenges;
};

static inline struct tcp_seg *seg_at(const struct tcp *t, uint32_t i)
{
	return &t->segs[(t->segs_head + i) & (t->segs_capacity - 1)];
}
static inline uint32_t in_flight(const struct tcp *t) { return t->packets - t->sacked - t->lost + t->retrans; }
static inline uint32_t unsent(const struct tcp *t) { return t->fin_sent ? 0 : t->write_seq - t->snd_nxt; }
static inline ns_t tcp_now(const struct tcp *t) { return net_now(t->s->host->net); }
static inline uint32_t window_end(const struct tcp *t) { return t->snd_una + t->snd_wnd; }
/* What the other end may still send. */
static inline uint32_t receive_window(const struct tcp *t)
{
	uint32_t end = t->rcv_wup + t->rcv_wnd;

	return seq_gt(end, t->rcv_nxt) ? end - t->rcv_nxt : 0;
}
bool tcp_can_send(enum net_tcp_state s); /* data, or what is left of it */

/* tcp.c */
struct tcp *tcp_new(struct net_socket *s);
void tcp_set_state(struct tcp *t, enum net_tcp_state state);
/* The connection is over: CLOSED. The socket goes with it unless someone still holds a descriptor. */
void tcp_done(struct tcp *t);
/* Over, with an error for the application. */
void tcp_fail(struct tcp *t, int error);
void tcp_free_queues(struct tcp *t);
uint32_t tcp_ts_now(const struct tcp *t);
uint32_t tcp_isn(struct net_host *h, struct ip_addr laddr, uint16_t lport, struct ip_addr raddr, uint16_t rport);
uint32_t tcp_ts_offset(struct net_host *h, struct ip_addr laddr, struct ip_addr raddr);
/* The most that the interface of the route can carry, from the first SYN on. */
uint16_t tcp_mss_of(const struct net_iface *i, struct ip_addr peer);
/* After the handshake: windows, mss, timers of an established connection. */
void tcp_established(struct tcp *t);
void tcp_sync_mss(struct tcp *t);
void tcp_take_options(struct tcp *t, const struct seg_in *g);  /* of a SYN */

/* tcp_look.c */
void tcp_describe(const struct net_socket *s, struct net_socket_info *out);

/* tcp_user.c */
int      tcp_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e);
ssize_t  tcp_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
		  struct err *e);
ssize_t  tcp_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from, struct err *e);
int      tcp_shutdown(struct net_socket *s, int how, struct err *e);
unsigned tcp_poll(const struct net_socket *s);
void     tcp_close(struct net_socket *s);
/* net_limit()'s for what is received; 0: none */
uint32_t tcp_limit_in(const struct net_socket *s);

/* tcp_output.c */
void tcp_output(struct tcp *t);               /* all that windows and Nagle allow */
void tcp_send_ack(struct tcp *t);
void tcp_send_syn(struct tcp *t);             /* or SYN-ACK, by state; also again */
void tcp_send_reset(struct tcp *t);           /* of a connection that is given up */
/* About a segment that belongs to nobody, or is unacceptable before synchronization. */
void tcp_refuse(struct net_host *h, const struct ip_in *in, const struct seg_in *g);
void tcp_resend(struct tcp *t, uint32_t index);
void tcp_send_probe(struct tcp *t);           /* to a closed window, or keepalive: an old sequence number */
void tcp_wakeup_probe(struct tcp *t);         /* probes with data if the window has any room */
void tcp_challenge(struct tcp *t);            /* RFC 5961, rate limited */
void tcp_quick(struct tcp *t);                /* acknowledge at once for a while */
void tcp_window_opened(struct tcp *t);        /* the application has read */
/* An answer in the name of nobody: TIME-WAIT, SYN cookies. */
struct tcp_reply { struct ip_addr src, dst; uint16_t sport, dport; uint32_t seq, ack; uint8_t flags; uint16_t window;
		   const uint8_t *options; uint32_t options_len; };
void tcp_reply(struct net_host *h, const struct tcp_reply *r);
uint32_t tcp_initial_window(const struct tcp *t);

/* tcp_header.c: options of a SYN, of another segment; their length */
uint32_t tcp_syn_options(const struct tcp *t, uint8_t *out);
uint32_t tcp_segment_options(struct tcp *t, uint8_t *out, bool with_data);
/* How much data fits in a segment now: SACK blocks take some of the mss, unless that is very small; then data goes without. */
uint32_t tcp_full_segment(const struct tcp *t);
void tcp_finish(struct net_host *h, struct frame *f, struct ip_addr src, struct ip_addr dst, uint32_t header, uint64_t data_sum);

/* tcp_input.c */
bool tcp_acceptable(uint32_t rcv_nxt, uint32_t rcv_wnd, uint32_t seq, uint32_t len);

/* tcp_ack.c, tcp_recover.c */
void tcp_acked(struct tcp *t, const struct seg_in *g);
void tcp_rearm(struct tcp *t);                /* the retransmission or probe timer */
struct ack_news { uint32_t delivered, acked; bool una_moved, sack_moved, dup; uint32_t prior_flight; };
uint32_t tcp_take_sacks(struct tcp *t, const struct seg_in *g); /* segments newly sacked */
void tcp_recover(struct tcp *t, const struct ack_news *n);
void tcp_timeout_loss(struct tcp *t);
void tcp_shrink_lost(struct tcp *t);          /* the mss is smaller now: what was too large is lost */
void seg_forget(struct tcp *t, const struct tcp_seg *g); /* takes it out of the counts */

/* tcp_data.c */
void tcp_take_data(struct tcp *t, const struct seg_in *g);
void tcp_fin_arrived(struct tcp *t);
uint32_t tcp_select_window(struct tcp *t);
uint8_t tcp_window_scale(const struct tcp *t);
void tcp_report_old(struct tcp *t, uint32_t start, uint32_t end); /* with the next acknowledgement (RFC 2883) */

/* tcp_timer.c */
void tcp_fire(struct timer *t);
void tcp_fire_ack(struct timer *t);
void tcp_fire_long(struct timer *t);
void tcp_keepalive_start(struct tcp *t);
void tcp_stop_timers(struct tcp *t);

/* tcp_wait.c */
void tcp_time_wait(struct tcp *t);
/* True: the segment opens a new connection, whose ISN must be above *isn. */
bool tcp_wait_input(struct tcp *t, const struct seg_in *g, uint32_t *isn);
bool tcp_wait_reusable(const struct tcp *t);

/* tcp_listen.c */
void tcp_listen_input(struct net_socket *l, const struct ip_in *in, const struct seg_in *g, uint32_t isn_above);
bool tcp_child_ready(struct tcp *t);          /* false: the accept queue is full */
void tcp_child_gone(struct tcp *t);
void tcp_listen_close(struct tcp *t);
/* tcp_urgent.c */
void     tcp_take_urgent(struct tcp *t, const struct seg_in *g);
/* How many bytes may be read at once, and how many of the queue to step over first when only peeking. */
uint32_t tcp_urgent_span(struct tcp *t, bool peek, uint32_t *skip);
ssize_t  tcp_recv_urgent(struct net_socket *s, void *data, size_t len, bool peek, struct err *e);
uint16_t tcp_urgent_pointer(const struct tcp *t, uint32_t seq);  /* of a segment; 0: none */
/* tcp_cookie.c */
uint32_t cookie_make(struct net_host *h, const struct ip_in *in, const struct seg_in *g);
/* The mss that the cookie stands for, or 0: it is none of ours. */
uint16_t cookie_check(struct net_host *h, const struct ip_in *in, const struct seg_in *g);
/* A time of the host's clock whose low bits stand for the peer's options, and what they stood for. */
uint32_t cookie_tsval(const struct net_host *h, const struct net_tcp_options *o);
void     cookie_options(uint32_t tsval, struct net_tcp_options *o);

#endif
