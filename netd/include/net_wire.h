/*
 * net_wire.h - wires: what carries frames between interfaces, and what goes wrong on the way.
 *
 * An ethernet wire is a switch: every interface has a full-duplex link to it, the switch learns which
 * address is behind which port (ageing 300 s, IEEE 802.1D), floods what it does not know, and
 * queues in front of a busy port. A hub is one shared cable with collisions (CSMA/CD, binary
 * exponential backoff, given up after 16 attempts, IEEE 802.3). wifi is one shared channel where the
 * receiver acknowledges every unicast frame and the sender repeats it, up to 8 times in all.
 *
 * Frames run from the destination address to the end of the data, without preamble and FCS; shorter
 * ones are padded to 60 bytes by their sender. On the wire 24 more bytes take time (preamble, FCS, gap).
 * A corrupted frame fails the FCS and is discarded by the receiver, unless `fcs` is off.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "net.h"

enum net_wire_kind { NET_ETHERNET, NET_HUB, NET_WIFI, NET_WIRE_KINDS };
extern const char *const net_wire_kind_names[NET_WIRE_KINDS];

enum { NET_PPM = 1000000 }; /* probabilities are parts per million: 10 % is 100000 */

struct net_wire_config {
	enum net_wire_kind kind;
	uint64_t rate;                                /* bit/s; 0: infinite */
	ns_t     delay;                               /* propagation, one way */
	ns_t     jitter;                              /* 0..jitter is added; keeps the order */
	uint32_t loss, corrupt, duplicate, reorder;   /* parts per million, of each frame */
	uint32_t mtu;                                 /* bytes after the 14 of the header: 68..65535 */
	uint32_t queue;                               /* frames that may wait at one port */
	bool     fcs;                                 /* receivers discard corrupted frames */
};

/* Name: unique among wires (EEXIST). Starts as an ethernet of 1 Gb/s, 5 us, mtu 1500, queue 1000. */
int  net_wire_new(struct net *n, const char *name, struct net_wire **out, struct err *e);
/* Interfaces on it lose their carrier; frames under way are gone. */
void net_wire_free(struct net_wire *w);
const char *net_wire_name(const struct net_wire *w);
uint32_t    net_wire_serial(const struct net_wire *w); /* counts from 1, never reused */
struct net_wire *net_wire_at(struct net *n, const char *name);
/* The wire with the lowest serial above `serial`, or NULL. */
struct net_wire *net_wire_above(struct net *n, uint32_t serial);

void net_wire_get(const struct net_wire *w, struct net_wire_config *out);
/* EINVAL: a probability above NET_PPM, mtu or queue out of range; EBUSY: kind with frames under way. */
int  net_wire_set(struct net_wire *w, const struct net_wire_config *c, struct err *e);

struct net_wire_stats {
	uint64_t frames, bytes;    /* that began to be sent */
	uint64_t delivered;        /* copies handed to receivers */
	uint64_t lost, corrupted, duplicated, reordered, delayed, held;
	uint64_t queue_full, too_long, collisions, resent, given_up, injected;
};
void net_wire_stats(const struct net_wire *w, struct net_wire_stats *out);

/* The ports: who has ever been attached, in order; `attached` tells whether it still is. */
struct net_port_info {
	const char    *name;       /* host.interface; valid until the wire is freed */
	struct net_mac mac;
	bool           attached;
	uint32_t       queued;     /* frames waiting to be sent */
	uint64_t       tx_frames, tx_bytes, rx_frames, rx_bytes, dropped;
};
bool net_wire_port(const struct net_wire *w, unsigned index, struct net_port_info *out);

/* The switch's table, by ascending address: the entry at `index` of those not aged out. */
struct net_mac_entry {
	struct net_mac mac;
	const char    *port;
	ns_t           seen;
};
bool net_wire_mac(const struct net_wire *w, unsigned index, struct net_mac_entry *out);

/* --- precise faults --------------------------------------------------------------------------- */

enum net_match_what { /* ANDed */
	NET_MATCH_ARP = 1, NET_MATCH_ICMP = 2, NET_MATCH_UDP = 4, NET_MATCH_TCP = 8,
	NET_MATCH_SYN = 16,  /* SYN is set */
	NET_MATCH_ACK = 32,  /* an acknowledgement and nothing else: no data, SYN, FIN, RST */
	NET_MATCH_FIN = 64,
	NET_MATCH_DATA = 128, /* carries at least a byte */
	NET_MATCH_RDT = 256, NET_MATCH_IP6 = 512, NET_MATCH_ND = 1024 /* neighbour discovery */
};

struct net_match {
	unsigned        what;     /* 0: any frame */
	struct net_addr src, dst; /* family 0: any; in ARP the sender's and the target's */
	uint16_t        port;     /* either side's; 0: any */
	unsigned        nth;      /* only from the nth matching frame on, counted from 1; 0 is 1 */
};

enum net_fault_action { NET_DROP, NET_DELAY, NET_CORRUPT, NET_DUPLICATE, NET_HOLD, NET_FAULT_ACTIONS };
extern const char *const net_fault_action_names[NET_FAULT_ACTIONS];

/* The next `count` matching frames that are sent; older rules first, one rule acts on a frame. */
struct net_fault {
	enum net_fault_action action;
	unsigned         count; /* 0: all (as `hold` wants it) */
	ns_t             delay; /* for NET_DELAY; others may overtake */
	struct net_match match;
};
/* EINVAL a match that no frame can have; ENOSPC more than 1024 rules. */
int  net_wire_fault(struct net_wire *w, const struct net_fault *f, struct err *e);
/* The rule at `index` of those not used up, with what remains of count and nth. */
bool net_wire_fault_at(const struct net_wire *w, unsigned index, struct net_fault *out);
/* Ends that rule; what a NET_HOLD one has taken stays held until release. ENOENT no such rule. */
int  net_wire_fault_end(struct net_wire *w, unsigned index, struct err *e);
/* Ends all NET_HOLD rules and sends what they held, in order; the number of frames. */
unsigned net_wire_release(struct net_wire *w);

/*
 * Puts a frame on the wire as if the port named `from` ("host.if"; NULL: a stranger) had sent it.
 * EINVAL shorter than 14 bytes or longer than 65549; ENODEV no such port.
 */
int net_wire_inject(struct net_wire *w, const void *bytes, size_t len, const char *from, struct err *e);

/* --- the log of frames ------------------------------------------------------------------------ */

enum net_fate {
	NET_FATE_LOST = 1, NET_FATE_CORRUPTED = 2, NET_FATE_DUPLICATED = 4, NET_FATE_REORDERED = 8,
	NET_FATE_DELAYED = 16, NET_FATE_HELD = 32, NET_FATE_QUEUE_FULL = 64, NET_FATE_TOO_LONG = 128,
	NET_FATE_COLLIDED = 256, NET_FATE_RESENT = 512, NET_FATE_GIVEN_UP = 1024,
	NET_FATE_INJECTED = 2048, NET_FATE_RULE = 4096 /* by a rule, not by chance */
};

struct net_frame {
	uint64_t       number;   /* counts from 1 on each wire */
	ns_t           time;     /* when its first bit was sent */
	ns_t           arrival;  /* when its last bit arrives; 0: it does not (or is still held) */
	unsigned       port;     /* index of the sender's port; G_MAXUINT: a stranger */
	const uint8_t *bytes;    /* as sent, before any corruption; valid until the engine runs again */
	uint32_t       len;
	unsigned       fate;     /* enum net_fate, ORed; 0: it went through */
	uint32_t       bit;      /* the bit that was flipped, counted from the first byte's highest */
	unsigned       attempt;  /* 1, more for repetitions on a hub or wifi */
};

/* Numbers kept: net_wire_first() <= number < net_wire_next(). The ring is bounded in frames and bytes. */
uint64_t net_wire_first(const struct net_wire *w);
uint64_t net_wire_next(const struct net_wire *w);
bool     net_wire_frame(const struct net_wire *w, uint64_t number, struct net_frame *out);
/* Limits of the log; 0 frames: nothing is kept. The default is 16384 frames and 4 MiB. */
void     net_wire_keep(struct net_wire *w, uint32_t frames, uint64_t bytes);

#endif
