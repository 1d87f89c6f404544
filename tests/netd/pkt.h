/*
 * pkt.h - scripts in the language of packetdrill (Cardwell et al., USENIX ATC 2013), a subset of it.
 *
 *   TIME  < FLAGS seq:end(len) [ack N] [win N] [urg N] [<options>]     a segment arrives
 *   TIME  > FLAGS ...                                                  the host sends one
 *   TIME  call(args) = result [ERRNO]                                  a system call
 *   TIME  < [seq:end(len)] icmp unreachable CODE [mtu N]               an ICMP error arrives
 *   TIME  < udp (len), > udp (len)
 *   `sysctl -q name=value`                                             a setting, where we have it
 * Stacks differ in when they acknowledge and push, so a bare ACK that is not the expected packet is passed over, and PSH
 * not compared, unless the script says --strict or the runner is told so.
 * Beyond packetdrill: tcp_state() = N, the state of the connection in Linux's numbers; --ours, the script holds for the
 * simulated host alone.
 * TIME: 0.5 absolute, +.1 after the event before, * at any time, +a~+b within, 1...2 a call that waits.
 */
#ifndef PKT_H
#define PKT_H

#include "net_decode.h"
#include "net_host.h"
#include "net_knob.h"
#include "net_socket.h"
#include "net_tap.h"

enum pkt_time { PKT_ABSOLUTE, PKT_RELATIVE, PKT_ANY };
enum pkt_kind { PKT_IN, PKT_OUT, PKT_CALL, PKT_SHELL };
enum pkt_proto { PKT_TCP, PKT_UDP, PKT_ICMP };
enum { PKT_OPTIONS = 40, PKT_ARGS = 6 };

struct pkt_segment {
	enum pkt_proto proto;
	uint8_t  flags;
	uint32_t seq, end, len, ack, urgent;
	bool     has_ack, has_win;
	uint32_t win;
	bool     any_options;           /* <...> */
	uint8_t  options[PKT_OPTIONS];  /* as on the wire, sequence numbers and times those of the script */
	unsigned options_len;
	uint8_t  icmp_type, icmp_code;
	uint32_t icmp_mtu;
};

struct pkt_event {
	int      line;
	enum pkt_kind kind;
	enum pkt_time time;
	int64_t  at, until;             /* ns; until < 0: no range */
	int64_t  wait;                  /* of a blocking call: when it returns; < 0: at once */
	bool     wait_relative;
	struct pkt_segment seg;
	char    *name, *args[PKT_ARGS]; /* of a call; args as text */
	int      nargs;
	long     result;
	int      error;                 /* 0: none */
	bool     any_result;
};

struct pkt_script {
	GPtrArray *events;              /* struct pkt_event *, owned */
	char      *error;               /* NULL, or what cannot be understood */
	int        error_line;
	int64_t    tolerance;           /* ns */
	uint32_t   mtu;
	bool       ours;
	bool       strict;              /* every packet counts; else bare ACKs may be passed over */
	GString   *trace;               /* not NULL: gets a line for each packet that the host sends */
};

struct pkt_script *pkt_parse(const char *text);
void pkt_script_free(struct pkt_script *s);
/* Against one of the hosts of pkt_host.h. `why`: what did not happen as written, or why that host cannot be had here. */
enum pkt_outcome { PKT_RIGHT, PKT_WRONG, PKT_IMPOSSIBLE };
struct pkt_host_ops;
enum pkt_outcome pkt_run(const struct pkt_script *s, const struct pkt_host_ops *ops, GString *why);
/* What its times add up to, at least. */
int64_t pkt_length(const struct pkt_script *s);
int  pkt_errno(const char *name);

#endif
