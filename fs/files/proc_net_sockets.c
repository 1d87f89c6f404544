/*
 * proc_net_sockets.c - proc/PID/net/tcp, udp and others: a row a socket, in Linux's formats.
 *
 * A host may have a hundred thousand sockets, so a row is written digit by digit into a line of blanks.
 */
#include "proc_net.h"

#include "net_counters.h"
#include "net_socket.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum {
	TCP_WIDTH = 149, UDP_WIDTH = 127,  /* without the newline */
	ROW_MAX = 256,
	TICK = NS_PER_S / 100,
};

/* Two digits of every byte. */
#define DIGITS_OF(H) H"0" H"1" H"2" H"3" H"4" H"5" H"6" H"7" H"8" H"9" H"A" H"B" H"C" H"D" H"E" H"F"
static const char hex_pairs[] =
	DIGITS_OF("0") DIGITS_OF("1") DIGITS_OF("2") DIGITS_OF("3") DIGITS_OF("4") DIGITS_OF("5") DIGITS_OF("6") DIGITS_OF("7")
	DIGITS_OF("8") DIGITS_OF("9") DIGITS_OF("A") DIGITS_OF("B") DIGITS_OF("C") DIGITS_OF("D") DIGITS_OF("E") DIGITS_OF("F");

/* So many digits, an even number, at `at`; gives the place behind them, as all of these do. */
static inline char *hex(char *at, uint32_t v, unsigned width)
{
	for (unsigned i = width; i; v >>= 8)
		memcpy(at + (i -= 2), hex_pairs + (v & 255) * 2, 2);
	return at + width;
}

/* Right-aligned in blanks that are there already. */
static char *dec(char *at, uint64_t v, unsigned width)
{
	char digits[20], *d = digits + sizeof digits;
	size_t len;

	if (v < 10) {
		at += width - 1;
		*at = (char)('0' + v);
		return at + 1;
	}
	do {
		*--d = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	len = (size_t)(digits + sizeof digits - d);
	if (len < width)
		at += width - len;
	memcpy(at, d, len);
	return at + len;
}

static char *endpoint(char *at, const struct net_endpoint *p)
{
	if (p->addr.family == NET_IPV6)
		for (unsigned i = 0; i < 16; i += 4) {
			uint32_t word;

			memcpy(&word, p->addr.v6 + i, 4);
			at = hex(at, GUINT32_FROM_LE(word), 8);
		}
	else
		at = hex(at, GUINT32_SWAP_LE_BE(p->addr.family == NET_IPV4 ? p->addr.v4 : 0), 8);
	*at++ = ':';
	return hex(at, p->port, 4) + 1;
}

static char *pointer(char *at, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 16; i-- > 0; v >>= 4)
		at[i] = digits[v & 15];
	return at + 16;
}

/* What rows of all kinds have alike, up to the inode; gives the place of the next word. */
static char *put_common(char *at, const struct net_socket_info *s, uint32_t sent, uint32_t received, uint32_t when,
			uint32_t uid, uint64_t inode)
{
	*at++ = ':';
	at = endpoint(at + 1, &s->local);
	at = endpoint(at, &s->remote);
	at = hex(at, s->state, 2) + 1;
	at = hex(at, sent, 8);
	*at++ = ':';
	at = hex(at, received, 8) + 1;
	at = hex(at, s->timer, 2);
	*at++ = ':';
	at = hex(at, when, 8) + 1;
	at = hex(at, s->retransmits, 8) + 1;
	at = dec(at, uid, 5) + 1;
	at = dec(at, s->probes, 8) + 1;
	return dec(at, inode, 1) + 1;
}

/* Blanks up to the width, and the newline. */
static void end_row(GString *out, char *row, const char *at, size_t width)
{
	size_t len = MAX((size_t)(at - row), width);

	row[len++] = '\n';
	if (out->allocated_len - out->len <= len) {
		g_string_append_len(out, row, (gssize)len);
		return;
	}
	memcpy(out->str + out->len, row, len);
	out->len += len;
	out->str[out->len] = '\0';
}

static uint32_t ticks(ns_t t)
{
	return (uint32_t)MIN(t / TICK, UINT32_MAX);
}

/* TIME-WAIT and SYN-RECEIVED are no sockets yet or any more: nobody owns them. */
static void put_tcp(GString *out, uint64_t line, const struct net_socket_info *s)
{
	bool half = s->state == NET_TCP_TIME_WAIT || s->state == NET_TCP_SYN_RECV, listens = s->state == NET_TCP_LISTEN;
	char row[ROW_MAX], *at;

	memset(row, ' ', sizeof row);
	at = dec(row, line, 4);
	at = put_common(at, s, listens || half ? 0 : s->send_queue, half ? 0 : s->recv_queue, ticks(s->expires),
			s->state == NET_TCP_TIME_WAIT ? 0 : s->uid, half ? 0 : s->inode);
	at = dec(at, s->state == NET_TCP_SYN_RECV ? 0 : half ? 3 : s->inode ? 2 : 1, 1) + 1;
	at = pointer(at, s->cookie);
	if (!half) {
		at = dec(at + 1, ticks(s->rto), 1) + 1;
		at = dec(at, ticks(s->ato), 1) + 1;
		at = dec(at, s->quick << 1 | s->pingpong, 1) + 1;
		at = dec(at, s->cwnd, 1) + 1;
		if (listens)
			at = dec(at, 0, 1);
		else if (s->ssthresh == UINT32_MAX)
			at = (char *)memcpy(at, "-1", 2) + 2;
		else
			at = dec(at, s->ssthresh, 1);
	}
	end_row(out, row, at, s->family == NET_IPV6 ? 0 : TCP_WIDTH);
}

/* `line` stands for the slot of a hash table. */
static void put_datagram(GString *out, const struct net_socket_info *s)
{
	char row[ROW_MAX], *at;

	memset(row, ' ', sizeof row);
	at = dec(row, s->local.port, 5);
	at = put_common(at, s, s->send_queue, s->recv_queue, 0, s->uid, s->inode);
	at = dec(at, s->inode ? 2 : 1, 1) + 1;
	at = pointer(at, s->cookie) + 1;
	at = dec(at, s->drops, 1);
	end_row(out, row, at, s->family == NET_IPV6 ? 0 : UDP_WIDTH);
}

/* Room for so many bytes more, at once rather than by doubling. */
static void reserve(GString *out, size_t len)
{
	size_t now = out->len;

	g_string_set_size(out, now + len);
	g_string_truncate(out, now);
}

static void put_header(GString *out, const char *text, size_t width)
{
	size_t line = out->len;

	put_text(out, text);
	put_net_end(out, line, width);
}

/* Rows of listening sockets, which come first, or of the others; the next line's number. */
static uint64_t put_tcp_rows(GString *out, struct net_host *h, enum net_family family, bool listening, uint64_t line)
{
	uint64_t listeners = net_socket_listeners(h);
	struct net_socket_info info;

	for (const struct net_socket *s = NULL; (s = net_socket_next(h, s));) {
		if (listening && line == listeners)
			break;
		net_socket_get(s, &info);
		if (info.kind == NET_TCP && info.family == family && info.state != NET_TCP_CLOSE && (info.state == NET_TCP_LISTEN) == listening)
			put_tcp(out, line++, &info);
	}
	return line;
}

int show_tcp(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);

	if (!h)
		return -e->code;
	put_header(out, "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
		   TCP_WIDTH);
	reserve(out, net_socket_count(h) * (TCP_WIDTH + 1));
	put_tcp_rows(out, h, NET_IPV4, false, put_tcp_rows(out, h, NET_IPV4, true, 0));
	return 0;
}

static int show_datagrams(const struct node *n, enum net_kind kind, enum net_family family, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_socket_info info;

	if (!h)
		return -e->code;
	for (const struct net_socket *s = NULL; (s = net_socket_next(h, s));) {
		net_socket_get(s, &info);
		if (info.kind == kind && info.family == family && info.bound)
			put_datagram(out, &info);
	}
	return 0;
}

#define DATAGRAM_HEADER \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"
#define HEADER6 \
	"  sl  local_address                         remote_address                        " \
	"st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"

int show_udp(const struct node *n, GString *out, struct err *e)
{
	put_header(out, " " DATAGRAM_HEADER, UDP_WIDTH);
	return show_datagrams(n, NET_UDP, NET_IPV4, out, e);
}

int show_icmp(const struct node *n, GString *out, struct err *e)
{
	put_header(out, DATAGRAM_HEADER, UDP_WIDTH);
	return show_datagrams(n, NET_ICMP, NET_IPV4, out, e);
}

/* Tables without rows: no simulated process has such a socket. */

int show_udplite(const struct node *n, GString *out, struct err *e)
{
	put_header(out, " " DATAGRAM_HEADER, UDP_WIDTH);
	return 0;
}

int show_raw(const struct node *n, GString *out, struct err *e)
{
	put_header(out, DATAGRAM_HEADER, 0);
	return 0;
}

int show_tcp6(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);

	if (!h)
		return -e->code;
	put_header(out, HEADER6, 0);
	put_tcp_rows(out, h, NET_IPV6, false, put_tcp_rows(out, h, NET_IPV6, true, 0));
	return 0;
}

int show_udp6(const struct node *n, GString *out, struct err *e)
{
	put_header(out, HEADER6 " ref pointer drops", 0);
	return show_datagrams(n, NET_UDP, NET_IPV6, out, e);
}

int show_icmp6(const struct node *n, GString *out, struct err *e)
{
	put_header(out, HEADER6 " ref pointer drops", 0);
	return show_datagrams(n, NET_ICMP, NET_IPV6, out, e);
}

/* No simulated process has such a socket. */
int show_raw6(const struct node *n, GString *out, struct err *e)
{
	put_header(out, HEADER6 " ref pointer drops", 0);
	return 0;
}

int show_unix(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	return 0;
}

int show_packet(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n");
	return 0;
}

int show_netlink(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
	return 0;
}

int show_sockstat(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_sockstat s;

	if (!h)
		return -e->code;
	net_sockstat(h, &s);
	g_string_append_printf(out, "sockets: used %" PRIu64 "\n"
			       "TCP: inuse %" PRIu64 " orphan %" PRIu64 " tw %" PRIu64 " alloc %" PRIu64 " mem 0\n"
			       "UDP: inuse %" PRIu64 " mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\n"
			       "FRAG: inuse %" PRIu64 " memory %" PRIu64 "\n",
			       s.used, s.tcp_inuse, s.tcp_orphan, s.tcp_tw, s.tcp_alloc, s.udp_inuse, s.frag_inuse,
			       s.frag_memory);
	return 0;
}

int show_sockstat6(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_sockstat s;

	if (!h)
		return -e->code;
	net_sockstat(h, &s);
	g_string_append_printf(out, "TCP6: inuse %" PRIu64 "\nUDP6: inuse %" PRIu64 "\nUDPLITE6: inuse 0\nRAW6: inuse 0\n"
			       "FRAG6: inuse %" PRIu64 " memory %" PRIu64 "\n", s.tcp6_inuse, s.udp6_inuse, s.frag6_inuse,
			       s.frag6_memory);
	return 0;
}

/* protocols: sizes of structures, memory and calls are Linux's 6.18; -1: memory is not counted. */

static uint64_t count_kind(struct net_host *h, enum net_kind kind, enum net_family family)
{
	struct net_socket_info info;
	uint64_t count = 0;

	for (const struct net_socket *s = NULL; (s = net_socket_next(h, s));) {
		net_socket_get(s, &info);
		count += info.kind == kind && info.family == family;
	}
	return count;
}

static const struct protocol {
	const char *name;
	unsigned    size, header;
	int         memory;
	bool        slab;
	int         kind;               /* enum net_kind; -1: none of it here */
	int         family;
	const char *calls;
} protocols[] = {
	{ "PACKET", 1600, 0, -1, false, -1, NET_IPV4, "nnnnnnnnnnnnnnnnnn" },
	{ "PINGv6", 1344, 0, -1, true, NET_ICMP, NET_IPV6, "yyynnynnyyyyyynyyn" },
	{ "RAWv6", 1344, 0, -1, true, -1, NET_IPV6, "yyynyyynyyyyyyyynn" },
	{ "UDPLITEv6", 1472, 0, 0, true, -1, NET_IPV6, "yyynyyynyyyynnyyyn" },
	{ "UDPv6", 1472, 0, 0, true, NET_UDP, NET_IPV6, "yyynyyynyyyynnyyyn" },
	{ "TCPv6", 2432, 192, 0, true, NET_TCP, NET_IPV6, "yyyyyyyyyyyynyyyyy" },
	{ "UNIX-STREAM", 1152, 0, -1, true, -1, NET_IPV4, "ynnnnnnnnnnnnnnnnn" },
	{ "UNIX", 1152, 0, -1, true, -1, NET_IPV4, "ynnnnnnnnnnnnnnnnn" },
	{ "UDP-Lite", 1344, 0, 0, true, -1, NET_IPV4, "yyynyyynyyyynnyyyn" },
	{ "PING", 1016, 0, -1, true, NET_ICMP, NET_IPV4, "yyynnynnyyyyyynyyn" },
	{ "RAW", 1152, 0, -1, true, -1, NET_IPV4, "yyynyyynyyyyyyyynn" },
	{ "UDP", 1344, 0, 0, true, NET_UDP, NET_IPV4, "yyynyyynyyyynnyyyn" },
	{ "TCP", 2304, 192, 0, true, NET_TCP, NET_IPV4, "yyyyyyyyyyyynyyyyy" },
	{ "NETLINK", 1096, 0, -1, false, -1, NET_IPV4, "nnnnnnnnnnnnnnnnnn" },
};

int show_protocols(const struct node *n, GString *out, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_sockstat s;

	if (!h)
		return -e->code;
	net_sockstat(h, &s);
	put_text(out, "protocol  size sockets  memory press maxhdr  slab module     "
		      "cl co di ac io in de sh ss gs se re bi br ha uh gp em\n");
	for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
		const struct protocol *p = &protocols[i];
		bool v6 = p->family == NET_IPV6;
		uint64_t sockets = p->kind == NET_TCP ? (v6 ? s.tcp6_inuse : s.tcp_inuse) :
				   p->kind == NET_UDP ? (v6 ? s.udp6_inuse : s.udp_inuse) :
				   p->kind >= 0 ? count_kind(h, (enum net_kind)p->kind, (enum net_family)p->family) : 0;

		g_string_append_printf(out, "%-9s %4u %6" PRIu64 "  %6d   %-3s %6u   %-3s  %-10s", p->name, p->size, sockets, p->memory,
				       p->header ? "no" : "NI", p->header, p->slab ? "yes" : "no", "kernel");
		for (const char *c = p->calls; *c; c++)
			g_string_append_printf(out, "%3c", *c);
		put_char(out, '\n');
	}
	return 0;
}
