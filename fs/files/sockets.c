/* sockets.c - hosts/H/net/sockets, and sockets.d/INODE: what a socket is and does. */
#include "net.h"

#include "net_tcp.h"
#include "socket_file.h"
#include "table.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

enum { QUEUE_SHOWN = 256 };

/* The table */

const struct column socket_columns[] = {
	{ "inode", COLUMN_NUMBER }, { "proto", COLUMN_WORD }, { "local", COLUMN_WORD }, { "remote", COLUMN_WORD },
	{ "state", COLUMN_WORD }, { "recv-q", COLUMN_NUMBER }, { "send-q", COLUMN_NUMBER }, { "pid", COLUMN_NUMBER },
	{ "fd", COLUMN_NUMBER }, { 0 }
};

/* As ss and netstat print it: 0.0.0.0:* where there is no port, [fe80::1%eth0]:80 where the interface matters. */
static void put_endpoint(GString *out, struct net_host *h, const struct net_endpoint *p)
{
	char text[NET_ADDR_TEXT];
	g_autofree char *named = net_scope_name(h, net_addr_text(&p->addr, text));

	if (p->addr.family == NET_IPV6)
		g_string_append_printf(out, "[%s]", named);
	else
		put_text(out, p->addr.family ? named : "0.0.0.0");
	put_char(out, ':');
	if (p->port)
		put_dec(out, p->port);
	else
		put_char(out, '*');
}

static const char *state_name(const struct net_socket_info *s)
{
	if (s->kind != NET_TCP && s->state != NET_TCP_ESTABLISHED)
		return "UNCONN";
	return net_tcp_state_names[s->state];
}

const char *socket_proto_name(const struct net_socket_info *s)
{
	static const char *const names6[NET_KINDS] = { "udp6", "tcp6", "icmp6", "rdt6" };

	return s->family == NET_IPV6 ? names6[s->kind] : net_kind_names[s->kind];
}

static void cell_endpoint(struct table_out *t, struct net_host *h, const struct net_endpoint *p)
{
	g_autoptr(GString) text = g_string_new(NULL);

	put_endpoint(text, h, p);
	table_word(t, text->str);
}

int fill_sockets(const struct node *n, struct table_out *t, struct err *e)
{
	struct host *h = world_host(n, e);
	struct net_socket_info s = { 0 };
	struct holders *all;

	if (!h)
		return -e->code;
	all = holders_new(h);
	while (net_socket_above(h->net, s.id, &s)) {
		const struct holder *who = s.inode ? holder_of(all, s.inode) : NULL;

		table_number(t, s.inode);
		table_word(t, socket_proto_name(&s));
		cell_endpoint(t, h->net, &s.local);
		cell_endpoint(t, h->net, &s.remote);
		table_word(t, state_name(&s));
		table_number(t, s.recv_queue);
		table_number(t, s.send_queue);
		if (who) {
			table_number(t, (uint64_t)who->pid);
			table_number(t, (uint64_t)who->fd);
		} else {
			table_none(t);
			table_none(t);
		}
	}
	holders_free(all);
	return 0;
}

/* One socket */

static struct net_socket *socket_at(const struct node *n, struct err *e)
{
	struct net_host *h = world_net(n, e);
	struct net_socket *s = h ? net_socket_by_inode(h, n->arg) : NULL;

	if (h && !s)
		err_set(e, ESRCH, -1, "the socket is closed");
	return s;
}

static bool socket_alive(const struct node *n)
{
	return socket_at(n, NULL) != NULL;
}

static int show_status(const struct node *n, GString *out, struct err *e)
{
	static const char *const timers[] = { "none", "retransmit", "keepalive", "time-wait", "probe" };
	struct net_socket *s = socket_at(n, e);
	struct net_socket_info i;
	const struct holder *who;
	struct holders *all;

	if (!s)
		return -e->code;
	net_socket_get(s, &i);
	all = holders_new(world_host(n, NULL));
	who = holder_of(all, i.inode);
	g_string_append_printf(out, "inode=%" PRIu64 "\nproto=%s\nstate=%s\nuid=%u\n", i.inode, socket_proto_name(&i),
			       state_name(&i), i.uid);
	if (who)
		g_string_append_printf(out, "pid=%d\nfd=%d\n", (int)who->pid, who->fd);
	else
		put_text(out, "pid=-\nfd=-\n");
	g_string_append_printf(out, "refs=%u\ntimer=%s\nexpires=", i.refs, timers[i.timer]);
	if (i.timer)
		put_time(out, i.expires);
	else
		put_char(out, '-');
	g_string_append_printf(out, "\nretransmits=%u\nprobes=%u\ndrops=%" PRIu64 "\n", i.retransmits, i.probes, i.drops);
	holders_free(all);
	return 0;
}

static int show_local(const struct node *n, GString *out, struct err *e)
{
	struct net_socket *s = socket_at(n, e);
	struct net_socket_info i;

	if (!s)
		return -e->code;
	net_socket_get(s, &i);
	put_endpoint(out, world_net(n, NULL), &i.local);
	put_char(out, '\n');
	return 0;
}

static int show_remote(const struct node *n, GString *out, struct err *e)
{
	struct net_socket *s = socket_at(n, e);
	struct net_socket_info i;

	if (!s)
		return -e->code;
	net_socket_get(s, &i);
	put_endpoint(out, world_net(n, NULL), &i.remote);
	put_char(out, '\n');
	return 0;
}

/* Its bytes as a quoted word, so that blanks and newlines are seen. */
static void put_bytes(GString *out, const char *bytes, size_t len, size_t all)
{
	put_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", c);
		else if (c == '\n')
			put_text(out, "\\n");
		else if (c < ' ' || c >= 0x7f)
			g_string_append_printf(out, "\\x%02x", c);
		else
			put_char(out, (char)c);
	}
	put_text(out, len < all ? "\"..." : "\"");
}

static void put_queue(const struct net_socket *s, bool received, uint32_t queued, GString *out)
{
	char bytes[QUEUE_SHOWN];
	size_t len = net_socket_queued(s, received, 0, bytes, sizeof bytes);

	g_string_append_printf(out, "%s=%u ", received ? "recv" : "send", queued);
	put_bytes(out, bytes, len, queued);
	put_char(out, '\n');
}

static int show_queue(const struct node *n, GString *out, struct err *e)
{
	struct net_socket *s = socket_at(n, e);
	struct net_socket_info i;

	if (!s)
		return -e->code;
	net_socket_get(s, &i);
	if (i.state == NET_TCP_LISTEN) {
		g_string_append_printf(out, "waiting=%u\nbacklog=%u\n", i.recv_queue, i.send_queue);
		return 0;
	}
	put_queue(s, true, i.recv_queue, out);
	put_queue(s, false, i.send_queue, out);
	return 0;
}

static int show_options(const struct node *n, GString *out, struct err *e)
{
	struct net_socket *s = socket_at(n, e);
	int value;

	if (!s)
		return -e->code;
	for (unsigned o = 0; o < NET_OPTIONS; o++) {
		if (o == NET_SO_ERROR || net_getsockopt(s, o, &value, NULL))  /* reading SO_ERROR would clear it */
			continue;
		if (o == NET_TCP_CONGESTION)
			g_string_append_printf(out, "%s=%s\n", net_option_names[o], net_tcp_congestion_names[value]);
		else
			g_string_append_printf(out, "%s=%d\n", net_option_names[o], value);
	}
	return 0;
}

/* tcb */

enum field_kind { FIELD_U8, FIELD_U32, FIELD_U64, FIELD_BOOL, FIELD_TIME, FIELD_WHEN };
struct field { const char *name; enum field_kind kind; size_t at; };
#define FIELD(NAME, KIND) { #NAME, KIND, offsetof(struct net_tcb, NAME) }
static const struct field fields[] = {
	FIELD(iss, FIELD_U32), FIELD(snd_una, FIELD_U32), FIELD(snd_nxt, FIELD_U32), FIELD(snd_max_seq, FIELD_U32),
	FIELD(snd_wnd, FIELD_U32), FIELD(snd_up, FIELD_U32), FIELD(snd_wl1, FIELD_U32), FIELD(snd_wl2, FIELD_U32), FIELD(max_snd_wnd, FIELD_U32),
	FIELD(irs, FIELD_U32), FIELD(rcv_nxt, FIELD_U32), FIELD(rcv_wnd, FIELD_U32), FIELD(rcv_up, FIELD_U32), FIELD(rcv_adv, FIELD_U32),
	FIELD(last_ack_sent, FIELD_U32), FIELD(mss_send, FIELD_U32), FIELD(mss_peer, FIELD_U32),
	FIELD(mss_advertised, FIELD_U32), FIELD(pmtu, FIELD_U32), FIELD(snd_wscale, FIELD_U8), FIELD(rcv_wscale, FIELD_U8),
	FIELD(wscale_ok, FIELD_BOOL), FIELD(sack_ok, FIELD_BOOL), FIELD(ts_ok, FIELD_BOOL), FIELD(nodelay, FIELD_BOOL),
	FIELD(cork, FIELD_BOOL), FIELD(keepalive, FIELD_BOOL), FIELD(ts_recent, FIELD_U32), FIELD(ts_offset, FIELD_U32),
	FIELD(ts_recent_age, FIELD_TIME), FIELD(srtt, FIELD_TIME), FIELD(rttvar, FIELD_TIME), FIELD(rto, FIELD_TIME),
	FIELD(min_rtt, FIELD_TIME), FIELD(backoff, FIELD_U32), FIELD(retransmits, FIELD_U32), FIELD(cwnd, FIELD_U32),
	FIELD(ssthresh, FIELD_U32), FIELD(packets_out, FIELD_U32), FIELD(sacked_out, FIELD_U32), FIELD(lost_out, FIELD_U32),
	FIELD(retrans_out, FIELD_U32), FIELD(flight, FIELD_U32), FIELD(recover, FIELD_U32), FIELD(dupacks, FIELD_U32),
	FIELD(reordering, FIELD_U32), FIELD(cubic_wmax, FIELD_U32), FIELD(cubic_origin, FIELD_U32), FIELD(cubic_k, FIELD_TIME),
	FIELD(cubic_epoch, FIELD_TIME), FIELD(send_queued, FIELD_U32), FIELD(send_limit, FIELD_U32),
	FIELD(recv_queued, FIELD_U32), FIELD(recv_limit, FIELD_U32), FIELD(out_of_order, FIELD_U32),
	FIELD(fin_queued, FIELD_BOOL), FIELD(fin_sent, FIELD_BOOL), FIELD(fin_received, FIELD_BOOL),
	FIELD(t_retransmit, FIELD_WHEN), FIELD(t_probe, FIELD_WHEN), FIELD(t_delayed_ack, FIELD_WHEN),
	FIELD(t_keepalive, FIELD_WHEN), FIELD(t_wait, FIELD_WHEN), FIELD(keepalive_probes, FIELD_U32),
	FIELD(bytes_sent, FIELD_U64), FIELD(bytes_acked, FIELD_U64), FIELD(bytes_received, FIELD_U64),
	FIELD(segments_in, FIELD_U64), FIELD(segments_out, FIELD_U64), FIELD(retransmitted, FIELD_U64),
	FIELD(dupacks_in, FIELD_U64), FIELD(out_of_order_in, FIELD_U64), FIELD(challenge_acks, FIELD_U64),
	FIELD(backlog, FIELD_U32), FIELD(accept_queue, FIELD_U32), FIELD(syn_queue, FIELD_U32),
};
#undef FIELD

static void put_field(const struct net_tcb *t, const struct field *f, GString *out)
{
	const void *at = (const char *)t + f->at;

	put_text(out, f->name);
	put_char(out, '=');
	switch (f->kind) {
	case FIELD_U8:   put_dec(out, *(const uint8_t *)at); break;
	case FIELD_U32:  put_dec(out, *(const uint32_t *)at); break;
	case FIELD_U64:  put_dec(out, *(const uint64_t *)at); break;
	case FIELD_BOOL: put_dec(out, *(const bool *)at); break;
	case FIELD_TIME: put_time(out, *(const ns_t *)at); break;
	case FIELD_WHEN:
		if (*(const ns_t *)at == UINT64_MAX)
			put_char(out, '-');
		else
			put_time(out, *(const ns_t *)at);
		break;
	}
	put_char(out, '\n');
}

static int show_tcb(const struct node *n, GString *out, struct err *e)
{
	struct net_socket *s = socket_at(n, e);
	struct net_tcb t;

	if (!s)
		return -e->code;
	if (!net_tcp_get(s, &t))
		return err_set(e, EOPNOTSUPP, -1, "only TCP has a control block");
	g_string_append_printf(out, "state=%s\ncongestion=%s\nrecovery=%s\n", net_tcp_state_names[t.state],
			       net_tcp_congestion_names[t.congestion], net_tcp_recovery_names[t.recovery]);
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		put_field(&t, &fields[i], out);
	put_text(out, "ranges=");
	for (unsigned i = 0; i < t.ranges && i < G_N_ELEMENTS(t.range); i++)
		g_string_append_printf(out, "%s%u-%u", i ? "," : "", t.range[i].start, t.range[i].end);
	put_text(out, t.ranges ? "\n" : "-\n");
	return 0;
}

static bool is_tcp(const struct node *n)
{
	struct net_socket *s = socket_at(n, NULL);
	struct net_tcb t;

	return s && net_tcp_get(s, &t);
}

#define SOCKET_TEXT(NAME, SHOW) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = 0444, .show = SHOW, .alive = socket_alive, .help = "net-sockets" }

static const struct row socket_rows[] = {
	SOCKET_TEXT("status", show_status),
	SOCKET_TEXT("local", show_local),
	SOCKET_TEXT("remote", show_remote),
	SOCKET_TEXT("queue", show_queue),
	SOCKET_TEXT("options", show_options),
	{ .name = "tcb", .kind = ROW_TEXT, .mode = 0444, .show = show_tcb, .alive = is_tcp, .listed = is_tcp,
	  .help = "net-sockets" },
	{ 0 }
};

static const struct row socket_row = {
	.name = "INODE", .kind = ROW_DIRECTORY, .mode = 0555, .rows = socket_rows, .alive = socket_alive, .help = "net-sockets",
};

static int find_socket(const struct node *dir, const char *name, struct node *child)
{
	struct net_host *h = world_net(dir, NULL);
	uint64_t inode;

	if (!h)
		return -ESRCH;
	if (*name == '0' || strspn(name, "0123456789") != strlen(name) || parse_number(name, &inode, NULL) ||
	    !net_socket_by_inode(h, inode))
		return -ENOENT;
	*child = *dir;
	child->row = &socket_row;
	child->arg = inode;
	return 0;
}

/* The cookie is the socket's id: inodes are given in the order of ids. */
static bool next_socket(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	struct net_host *h = world_net(dir, NULL);
	struct net_socket_info s = { .id = *cookie };

	while (h && net_socket_above(h, s.id, &s)) {
		if (!s.inode)
			continue;
		*cookie = s.id;
		g_snprintf(name, 256, "%" PRIu64, s.inode);
		*child = *dir;
		child->row = &socket_row;
		child->arg = s.inode;
		return true;
	}
	return false;
}

const struct dir_ops sockets_dir = { .find = find_socket, .next = next_socket };
