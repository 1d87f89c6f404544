/* tun_inner.h - what tun.c and tun_station.c share: the device of a rule. */
#ifndef FS_BRIDGE_TUN_INNER_H
#define FS_BRIDGE_TUN_INNER_H

#include "inside.h"

#include "net_tap.h"

enum { HEADER = 14, TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86dd };

struct device {
	struct rule *rule;
	struct net_tap *tap;
	struct net_mac mac;
	bool     ethernet;
	uint8_t *buffer;             /* HEADER bytes, then what is read */
	/* of a tun */
	GHashTable *neighbours;      /* station_neighbours() */
	GArray  *own;                /* struct net_prefix */
	ns_t     looked;             /* real: when it was seen last which those are; 0: never */
	GQueue   asked;              /* questions of the wire: the station's */
};

static inline struct world *world_of(const struct device *d)
{
	return d->rule->end.bridge->world;
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline unsigned type_of(const uint8_t *frame)
{
	return (unsigned)frame[12] << 8 | frame[13];
}

/* tun.c */
/* Finds out which addresses the device has now, if it has not just done so. */
void tun_look_at_own(struct device *d);
bool tun_is_own(const struct device *d, uint32_t addr);
/* A packet of the kernel's came from that address: it has it, too. */
void tun_put_own(struct device *d, uint32_t addr, unsigned len);

/* tun_station.c */
GHashTable *station_neighbours(void);   /* nobody is known yet */
/* `frame`: HEADER bytes of room, then a packet of the kernel's. */
void station_send_packet(struct device *d, uint8_t *frame, size_t len);
/* An ARP frame of the wire: who has the sender's address is learned, questions are kept until somebody may look at the device. */
void station_take_arp(struct device *d, const uint8_t *frame, size_t len);
void station_answer_questions(struct device *d);

#endif
