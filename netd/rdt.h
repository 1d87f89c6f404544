/*
 * rdt.h - the message protocols of lectures: a sender and a receiver, without a network and without a clock.
 *
 * A message is cut into parts. The sender keeps those that are not acknowledged, at most a window of them under way;
 * the receiver puts parts together and delivers at the last one. What a variant can do is a row of rules, so that a protocol
 * and its failed attempt differ in what they say and in nothing else. Sources: Kurose and Ross, 3.4 (rdt 1.0 to 3.0, go-back-N,
 * selective repeat); the attempts try1, try2 and v3 are those of lessons 21 to 26.
 */
#ifndef NETD_RDT_H
#define NETD_RDT_H

#include "err.h"
#include "units.h"

#include <glib.h>

enum rdt_type { RDT_DATA = 1, RDT_ACK, RDT_NAK };

struct rdt_packet {
	enum rdt_type type;
	bool     numbered, last;
	bool     damaged;      /* its checksum is wrong; only looked at where the rules check */
	uint32_t number;
	const uint8_t *data;
	uint32_t len;
};

struct rdt_rules {
	const char *name;
	bool checks;           /* damage is noticed */
	bool acks;
	bool naks;             /* damage is answered */
	bool numbers;          /* parts have numbers */
	bool numbers_acks;
	bool resends;          /* an answer that is damaged, or not the one waited for, makes the sender send again */
	bool timer;
	bool pipelined;        /* a window of more than one part */
	bool selective;        /* parts are acknowledged one by one, and kept when early */
	uint32_t modulus;      /* of numbers; 0: 2^32 */
	uint32_t first;        /* the first part's number */
};
enum { RDT_VARIANTS = 10, RDT_MESSAGE_MAX = 1 << 20 /* bytes */ };
extern const struct rdt_rules rdt_variants[RDT_VARIANTS];

/* A part that waits: to be acknowledged, or (selective) for those before it. */
struct rdt_part {
	GList    link;
	uint32_t number, len;
	bool     last, acked;
	unsigned tries;        /* 0: not sent yet */
	ns_t     deadline;
	uint8_t  data[];
};

struct rdt;
struct rdt_ops {
	void (*send)(struct rdt *r, const struct rdt_packet *p);
	/* A whole message. */
	void (*deliver)(struct rdt *r, const uint8_t *data, size_t len);
};

struct rdt_stats { uint64_t sent, resent, acks, naks, received, repeated, damaged, delivered; };

struct rdt {
	const struct rdt_rules *rules;
	const struct rdt_ops *ops;
	void    *user;
	unsigned window;
	unsigned tries;        /* after so many of one part the sender gives up; 0: never */
	ns_t     timeout;
	size_t   part_max;     /* bytes */
	/* the sender */
	GQueue   parts;        /* struct rdt_part, oldest first: not acknowledged */
	uint32_t next;         /* the number of the next part */
	size_t   queued;       /* bytes in them */
	int      error;        /* ETIMEDOUT: it has given up; taken by the owner */
	/* the receiver */
	uint32_t expected;
	bool     any;          /* some part has come in its turn */
	GQueue   early;        /* selective: struct rdt_part, by number */
	GByteArray *message;   /* parts so far */
	struct rdt_stats stats;
};

void rdt_init(struct rdt *r, const struct rdt_rules *rules, const struct rdt_ops *ops, void *user);
void rdt_clear(struct rdt *r);
/* Queues a message and sends what the window allows. */
void rdt_send(struct rdt *r, const void *data, size_t len, ns_t now);
/* A packet from the other side. */
void rdt_input(struct rdt *r, const struct rdt_packet *p, ns_t now);
/* When rdt_tick() is to be called next; false: there is nothing to wait for. */
bool rdt_deadline(const struct rdt *r, ns_t *at);
void rdt_tick(struct rdt *r, ns_t now);
/* Whether all that was sent is acknowledged (or needs no acknowledgement). */
bool rdt_done(const struct rdt *r);
/* For display: the oldest part that is waited for; false: none. */
bool rdt_waiting(const struct rdt *r, uint32_t *number, unsigned *under_way);

#endif
