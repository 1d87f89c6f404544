/* six.h - packets of version 6 made by hand: a stranger on the wire sends them, and keeps what the hosts send. */
#ifndef SIX_H
#define SIX_H

#include "lab.h"

#include "checksum.h"

enum { ROOM = 66000, RS = 133, RA = 134, NS = 135, NA = 136, REDIRECT = 137,
       HOPOPTS = 0, TCP = 6, UDP = 17, ROUTING = 43, FRAGMENT = 44, ICMP6 = 58, NONE = 59, DSTOPTS = 60 };
/* The stranger's MAC is 02:00:00:00:00:63. */
#define STRANGER "\2\0\0\0\0\x63"

/* Messages as pkt6_icmp() takes them. */
#define ECHO_REQUEST "8000 0000 1234 0001 6162636465666768"
#define SOLICIT   "8700 0000 00000000 @2001:db8::1"
#define SLLA      " 0101 020000000063"
#define TLLA      " 0201 020000000063"
#define ADVERT(flags) "8800 0000 " flags "000000 @2001:db8::77"
#define ROUTER(lifetime) "8600 0000 4000" lifetime "00000000 00000000"
#define PREFIX(flags, valid, preferred) " 030440" flags valid preferred "00000000 @2001:db8:5::"
#define ME64      "2001:db8:5::ff:fe00:101"
#define REDIRECTED "8900 0000 00000000 @fe80::64 @2001:db8:9::9"

struct seen { ns_t time; size_t len; uint8_t *bytes; };

struct six {
	struct lab      *l;
	struct net_host *host;      /* "a", 2001:db8::1/64 on eth0 */
	struct net_iface *eth;
	struct net_tap  *tap;       /* sees all frames */
	unsigned         sent;
	GArray          *seen;      /* struct seen: since six_forget() */
};

/* The wire "w", host "a" on it with its addresses certain, and the stranger, whose addresses (2001:db8::63, fe80::63) it knows. */
void six_begin(struct six *s, struct lab *l);
/* The same with the host's neighbours unknown and the address just added. */
void six_begin_fresh(struct six *s, struct lab *l);
void six_end(struct six *s);
/* The host knows the stranger's addresses. */
void six_introduce(struct six *s);
void six_forget(struct six *s);

/* A packet under construction: begin, any number of headers, then the rest. */
struct pkt6 { uint8_t frame[ROOM]; uint32_t at, name; };

struct pkt6 *pkt6(const char *src, const char *dst, unsigned hops);         /* static: one at a time */
/* An extension header: its first byte (what follows) is filled in, and its length unless it is a fragment's. */
void pkt6_header(struct pkt6 *p, uint8_t kind, const char *hex);
/* The rest; checksum and lengths of ICMP and UDP are filled in. */
void pkt6_rest(struct pkt6 *p, uint8_t kind, const void *bytes, size_t len);
/* As pkt6_rest() with ICMP, "8000 0000 ..." and "@2001:db8::1" for the 16 bytes of an address. */
void pkt6_icmp(struct pkt6 *p, const char *text);
/* Sends it to the host's MAC, or that of the group, and lets a millisecond pass. */
void six_send(struct six *s, struct pkt6 *p);
/* All in one: a message of ICMP without extension headers. */
void six_icmp(struct six *s, const char *src, const char *dst, unsigned hops, const char *text);

/* How many messages of that type has the host sent; the last into `out` unless NULL, its message at `*at`. */
unsigned six_count(const struct six *s, unsigned type, struct net_decoded *out, const uint8_t **at);
/* Is there one error, of that type, code and second word? Forgets what was seen. */
void six_expect(struct six *s, unsigned type, unsigned code, uint32_t rest);
/* So many echo replies and nothing else; forgets them. */
void six_expect_reply(struct six *s, unsigned times);
/* Nothing at all has been answered. */
void six_expect_nothing(struct six *s);
int64_t counter6(struct net_host *h, enum net_counter6 c);
/* The state of the host's neighbour, or -1. */
int  six_neigh(const struct six *s, const char *address, struct net_neigh *out);
bool six_address(const struct six *s, const char *address, struct net_addr6 *out);
bool six_route(const struct six *s, const char *to, const char *via, struct net_route *out);

/* The same message in every way that makes it nothing. */
enum { SIX_BADS = 8 };
extern const struct bad { const char *why; unsigned hops, code; bool sum, cut, zero_option, long_option; } six_bads[SIX_BADS];
/* `least`: the bytes that such a message has at least. */
void six_send_bad(struct six *s, const struct bad *b, const char *src, const char *dst, const char *message, size_t least);
/* Makes 2001:db8::77 a neighbour with MAC 02:..:63 in the state wanted; `u` sends to it. */
void six_neighbour_in(struct six *s, struct net_socket *u, int state);

#endif
