/*
 * wire.h - the inside of wires.
 *
 * A frame's way: port_send() puts it into the port's queue; when the port may send, the rules and the dice
 * decide its fate (fault_judge), it enters the log, and deliver_at() makes a transit for every receiver.
 * ethernet (switch.c): a port sends as soon as its own link is free; the switch's output link to the
 * receiver may be busy with frames of others, then the frame waits there.
 * hub and wifi (medium.c): one talker at a time; fate is decided at the start, deliveries are made at the end.
 */
#ifndef NETD_WIRE_H
#define NETD_WIRE_H

#include "net_wire.h"
#include "world.h"

enum chance { CHANCE_LOSS, CHANCE_CORRUPT, CHANCE_DUPLICATE, CHANCE_REORDER, CHANCE_JITTER, CHANCE_BACKOFF, CHANCES };

enum {
	WIRE_GAP = 24,               /* preamble 8, FCS 4, gap between frames 12 */
	HUB_ATTEMPTS = 16, WIFI_ATTEMPTS = 8, MACS_MAX = 4096
};
#define LOG_FRAMES    16384
#define LOG_BYTES     (4 * MiB)
#define LOG_BYTES_ALL (64 * MiB)
#define MAC_AGE       (300 * NS_PER_S)

struct port {
	struct net_wire   *wire;
	char              *name;
	unsigned           index;
	struct net_mac     mac;
	bool               all;          /* receives frames to others too */
	void              *owner;        /* NULL: detached */
	const struct net_host *host;     /* whose interface it is; NULL: a tap */
	void             (*receive)(struct port *p, struct frame *f); /* takes the reference */
	struct frame_queue queue;
	struct timer       timer;        /* own link free; on a shared medium: try to send */
	ns_t               busy_until;   /* own link, towards the switch */
	ns_t               out_until;    /* link from the switch */
	ns_t               last_arrival; /* jitter keeps the order */
	struct transit    *line, *line_end;
	unsigned           attempt;      /* of the frame at the head, on a shared medium */
	bool               waiting;      /* for the medium to become free */
	bool               delivered;    /* wifi: the head has arrived, its acknowledgement has not */
	bool               rng_ready;
	struct rng         rng[CHANCES];
	uint64_t           tx_frames, tx_bytes, rx_frames, rx_bytes, dropped;
};

/*
 * On its way to a port. Those that arrive in order of sending stand in the port's line, and only the first of a line has its
 * timer set; one that overtakes has its own.
 */
struct transit {
	struct timer    timer;
	ns_t            at;
	uint64_t        sequence;        /* reserved in the clock, while `waits` */
	bool            in_line, waits;
	struct transit *behind;          /* in the line */
	struct port    *to;
	struct frame   *frame;
	struct transit *next, *prev;     /* of the wire */
};

struct held { struct port *from; struct frame *frame; uint64_t number; };

struct rule { struct net_fault fault; unsigned skip; /* matches still let through */ };

struct logged {
	struct frame *frame;
	ns_t          time, arrival;
	uint32_t      port, bit;
	uint16_t      fate, attempt;
};

/* What rules and dice say about one frame. */
struct verdict {
	unsigned fate;
	uint32_t bit;
	ns_t     extra;       /* on top of delay and jitter; such a frame may be overtaken */
	ns_t     jitter;
};

struct mac_row { uint64_t mac; struct port *port; ns_t seen; };

struct net_wire {
	struct net            *net;
	char                  *name;
	uint32_t               serial;
	struct net_wire_config config;
	struct net_wire_stats  stats;
	GPtrArray             *ports;    /* struct port *, by index */
	unsigned               attached;
	GArray                *macs;     /* struct mac_row, ascending */
	GArray                *rules;    /* struct rule */
	GArray                *held;     /* struct held */
	struct transit        *transits;
	struct logged         *log;      /* ring, allocated up to log_capacity as needed */
	uint32_t               log_capacity, log_limit;
	uint64_t               log_first, log_next, log_bytes, log_bytes_limit;
	/* shared medium */
	struct timer           medium;   /* the talker is done */
	struct port           *talker;
	ns_t                   talk_start, medium_until;
	struct verdict         talk_verdict;
	uint64_t               talk_number;
	bool                   talk_collided;
};

/* port.c */
struct port *port_attach(struct net_wire *w, const char *name, const struct net_mac *mac, void *owner,
			 void (*receive)(struct port *, struct frame *));
void         port_detach(struct port *p);
/* Takes the reference. The frame's first bytes are the Ethernet header. */
void         port_send(struct port *p, struct frame *f);
/* wire.c: time that `len` bytes take on the wire. */
ns_t         wire_time(const struct net_wire *w, uint32_t len);
/* Hands `f` to `to` at time `at`; takes the reference. */
void         transit_add(struct net_wire *w, struct port *to, struct frame *f, ns_t at);
void         transits_drop(struct net_wire *w, const struct port *to); /* NULL: all */
void         wire_drop(struct net_wire *w, struct port *p, uint64_t number, unsigned fate);

/* switch.c */
void switch_start(struct port *p);
void switch_deliver(struct net_wire *w, struct port *from, struct frame *f, const struct verdict *v, ns_t end,
		    uint64_t number);
void switch_forget(struct net_wire *w, const struct port *p);
/* medium.c */
void medium_try(struct port *p);
void medium_done(struct timer *t);
void medium_leave(struct port *p);
/* Makes what the verdict says of it: the frame damaged and duplicated. Used by both. */
struct frame *verdict_damage(struct net_wire *w, const struct verdict *v, struct frame *f);

/* fault.c */
void     fault_judge(struct net_wire *w, struct port *from, const struct frame *f, struct verdict *v);
uint64_t port_roll(struct port *p, enum chance c, uint64_t below);
bool     port_chance(struct port *p, enum chance c, uint32_t ppm);

/* log.c */
uint64_t log_add(struct net_wire *w, const struct port *from, struct frame *f, unsigned fate, uint32_t bit, unsigned attempt);
struct logged *log_at(const struct net_wire *w, uint64_t number);
void     log_arrival(struct net_wire *w, uint64_t number, ns_t at);
void     log_clear(struct net_wire *w);

#endif
