/*
 * net_decode.h - a frame taken apart: Ethernet, ARP, IPv4, IPv6, ICMP of both, UDP, TCP with its options.
 *
 * Decoding never fails as a whole: `layers` says how far it went, `bad` what is wrong, and all
 * offsets lie within the frame. Sources: RFC 826, 791, 792, 768, 9293, 7323, 2018; 8200, 4443, 4861.
 */
#ifndef NET_DECODE_H
#define NET_DECODE_H

#include "net_addr.h"

enum net_layer {
	NET_LAYER_ETHERNET = 1, NET_LAYER_ARP = 2, NET_LAYER_IPV4 = 4, NET_LAYER_ICMP = 8,
	NET_LAYER_UDP = 16, NET_LAYER_TCP = 32, NET_LAYER_RDT = 64, NET_LAYER_IPV6 = 128, NET_LAYER_ICMP6 = 256
};
enum net_bad {
	NET_BAD_SHORT = 1,        /* ends within a header */
	NET_BAD_LENGTH = 2,       /* a length field contradicts the frame */
	NET_BAD_IP_CHECKSUM = 4, NET_BAD_CHECKSUM = 8, /* of ICMP, UDP or TCP */
	NET_BAD_OPTIONS = 16, NET_BAD_VERSION = 32
};
enum net_tcp_flag {
	NET_FIN = 1, NET_SYN = 2, NET_RST = 4, NET_PSH = 8, NET_ACK = 16, NET_URG = 32, NET_ECE = 64, NET_CWR = 128
};

struct net_tcp_options {
	bool     mss_present, wscale_present, sack_permitted, ts_present;
	uint16_t mss;
	uint8_t  wscale;
	uint32_t tsval, tsecr;
	uint8_t  sacks;                       /* blocks present, at most 4 */
	struct { uint32_t start, end; } sack[4];
};

struct net_decoded {
	unsigned layers, bad;
	struct net_mac mac_dst, mac_src;
	uint16_t ethertype;

	uint16_t arp_op;                      /* 1 request, 2 reply */
	struct net_mac  arp_sha, arp_tha;
	struct net_addr arp_spa, arp_tpa;

	struct net_addr src, dst;
	uint8_t  dscp, ecn, ttl, protocol;    /* protocol: behind extension headers */
	uint32_t ip_header, ip_total, ip_id;  /* bytes, with extension headers; ip_id of version 6: of a fragment */
	uint16_t ip_checksum;
	uint32_t flow_label;
	bool     df, mf, reserved;
	uint32_t fragment_offset;             /* bytes */

	uint8_t  icmp_type, icmp_code;
	uint16_t icmp_id, icmp_seq;           /* of echo; of 3/4: seq is the next hop's MTU */
	uint32_t icmp_mtu;                    /* of version 6's too-big */
	struct net_addr icmp_target;          /* of neighbour solicitations, advertisements, redirects */

	uint16_t sport, dport, checksum;
	uint32_t seq, ack;
	uint8_t  tcp_header, tcp_reserved;
	uint16_t tcp_flags, window, urgent;
	struct net_tcp_options options;

	uint8_t  rdt_type;                    /* 1 data, 2 ACK, 3 NAK */
	bool     rdt_last, rdt_numbered;
	uint32_t rdt_number;

	uint32_t payload, payload_len;        /* offset in the frame, bytes: of the innermost layer */
};

/* `checks`: verify checksums too (fragments have none that could be checked). */
void net_decode(const uint8_t *frame, size_t len, bool checks, struct net_decoded *out);
/* The options of a TCP header; false if one is malformed (those before it are filled in). */
bool net_decode_tcp_options(const uint8_t *p, size_t len, struct net_tcp_options *out);
/* CRC-32 of IEEE 802.3 over the frame: what the FCS would be (its bytes go out lowest first). */
uint32_t net_fcs(const uint8_t *frame, size_t len);

#endif
