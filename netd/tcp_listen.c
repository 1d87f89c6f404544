/*
 * tcp_listen.c - new connections: SYN queue and accept queue, as Linux keeps them.
 *
 * A SYN makes a child in SYN_RECV, which holds its listener (`parent`) until it is accepted or gone. Once the
 * handshake is done it waits in the accept queue, which holds backlog + 1. When that is full, SYNs are
 * dropped and last ACKs ignored: the other end tries again. When only the SYN queue is full, cookies are sent.
 */
#include "tcp.h"

static bool accept_queue_full(const struct tcp *l)
{
	return l->accept_queue > l->backlog;
}

static void child_link(struct tcp *l, struct tcp *t)
{
	t->parent = socket_hold(l->s);
	t->prev_child = NULL;
	t->next_child = l->children;
	if (l->children)
		l->children->tcp->prev_child = t->s;
	l->children = t->s;
	l->syn_queue++;
}

static void child_unlink(struct tcp *l, struct tcp *t)
{
	struct net_socket **link;

	if (t->queued_ready) {
		struct net_socket *before = NULL;

		for (link = &l->ready_first; *link != t->s; link = &(*link)->tcp->next_child)
			before = *link;
		*link = t->next_child;
		if (l->ready_last == t->s)
			l->ready_last = before;
		l->accept_queue--;
		t->queued_ready = false;
	} else {
		if (t->prev_child)
			t->prev_child->tcp->next_child = t->next_child;
		else
			l->children = t->next_child;
		if (t->next_child)
			t->next_child->tcp->prev_child = t->prev_child;
		l->syn_queue--;
	}
	t->next_child = t->prev_child = NULL;
}

/* The child is no longer its listener's: accepted, or over. */
void tcp_child_gone(struct tcp *t)
{
	struct net_socket *parent = t->parent;

	if (!parent)
		return;
	child_unlink(parent->tcp, t);
	t->parent = NULL;
	socket_put(parent);
}

bool tcp_child_ready(struct tcp *t)
{
	struct tcp *l = t->parent->tcp;
	struct net_host *h = t->s->host;

	if (accept_queue_full(l)) {
		COUNT(h, TcpExt_ListenOverflows);
		COUNT(h, TcpExt_ListenDrops);
		if (KNOB(h, ABORT_ON_OVERFLOW)) {
			tcp_send_reset(t);
			tcp_done(t);
		}
		return false;
	}
	child_unlink(l, t);
	t->queued_ready = true;
	if (l->ready_last)
		l->ready_last->tcp->next_child = t->s;
	else
		l->ready_first = t->s;
	l->ready_last = t->s;
	l->accept_queue++;
	COUNT(h, Tcp_PassiveOpens);
	return true;
}

/* What a new connection has from its listener. */
static struct tcp *child_new(struct net_socket *ls, const struct ip_in *in)
{
	struct net_host *h = ls->host;
	struct net_socket *s = socket_create(h, NET_TCP, ls->family);
	struct tcp *t = tcp_new(s), *l = ls->tcp;

	s->laddr = in->dst;
	s->raddr = in->src;
	s->rport = get16(in->at);
	s->uid = ls->uid;
	s->pid = ls->pid;
	s->reuse_addr = ls->reuse_addr;
	s->reuse_port = ls->reuse_port;
	s->linger = ls->linger;
	s->send_timeout = ls->send_timeout;
	s->recv_timeout = ls->recv_timeout;
	s->ttl = ls->ttl;
	s->hops = ls->hops;
	s->takes4 = ls->takes4;
	s->tos = ls->tos;
	s->mtu_discover = ls->mtu_discover;
	s->oob_inline = ls->oob_inline;
	s->send_limit = ls->send_limit;
	s->recv_limit = ls->recv_limit;
	s->send_limit_set = ls->send_limit_set;
	s->recv_limit_set = ls->recv_limit_set;
	bind_inherit(s, ls);
	pair_add(s);
	t->in_limit = s->recv_limit / 2;
	t->control = l->control;
	t->nodelay = l->nodelay;
	t->cork = l->cork;
	t->keepalive = l->keepalive;
	t->keep_idle = l->keep_idle;
	t->keep_interval = l->keep_interval;
	t->keep_count = l->keep_count;
	t->linger2 = l->linger2;
	t->mss_user = l->mss_user;
	t->window_clamp = l->window_clamp;
	t->user_timeout = l->user_timeout;
	t->last_data_received = net_now(h->net);
	child_link(l, t);
	return t;
}

static void child_start(struct tcp *t, const struct seg_in *g, uint32_t iss)
{
	struct net_socket *s = t->s;

	t->iss = t->snd_una = t->snd_nxt = iss;
	t->out_seq = t->write_seq = t->snd_small = t->highest_sack = iss + 1;
	t->recover = t->snd_up = iss; /* RFC 6582 3.2 step 1 */
	t->irs = g->seq;
	t->rcv_nxt = t->rcv_wup = g->seq + 1;
	t->rcv_wscale = tcp_window_scale(t);
	tcp_take_options(t, g);
	t->ts_offset = tcp_ts_offset(s->host, s->laddr, s->raddr);
	t->snd_wnd = t->max_wnd = g->window;
	t->snd_wl1 = g->seq;
	if (socket_route(s) == 0)
		t->mss_here = tcp_mss_of(s->hit.iface, s->raddr);
	if (t->mss_user)
		t->mss_here = MIN(t->mss_here, t->mss_user);
	tcp_sync_mss(t);
	t->rcv_wnd = tcp_initial_window(t);
}

/* As the connection itself would answer; what cannot be kept in the cookie or the timestamp is not agreed to. */
static uint32_t cookie_syn_options(struct tcp *like, const struct ip_in *in, const struct seg_in *g, uint8_t *out)
{
	struct net_host *h = like->s->host;
	uint32_t len;

	like->state = NET_TCP_SYN_RECV;
	like->ts_ok = g->o.ts_present && KNOB(h, TIMESTAMPS);
	like->sack_ok = like->ts_ok && g->o.sack_permitted && KNOB(h, SACK);
	like->wscale_ok = like->ts_ok && g->o.wscale_present && KNOB(h, WINDOW_SCALING);
	like->rcv_wscale = tcp_window_scale(like);
	like->ts_recent = g->o.tsval;
	len = tcp_syn_options(like, out);
	if (like->ts_ok)
		put32(out + 8, cookie_tsval(h, &g->o) + tcp_ts_offset(h, in->dst, in->src));
	return len;
}

static void send_cookie(struct net_socket *ls, const struct ip_in *in, const struct seg_in *g)
{
	struct net_host *h = ls->host;
	struct tcp_reply r = { .src = in->dst, .dst = in->src, .seq = cookie_make(h, in, g), .ack = g->seq + 1,
			       .flags = NET_SYN | NET_ACK };
	struct tcp like = *ls->tcp; /* of which nothing is kept */
	uint8_t options[TCP_OPTIONS_MAX];
	struct route_hit hit;

	if (route_find(h, in->src, &hit) < 0)
		return;
	like.mss_here = tcp_mss_of(hit.iface, in->src);
	if (like.mss_user)
		like.mss_here = MIN(like.mss_here, like.mss_user);
	like.in_limit = ls->recv_limit / 2;
	r.sport = get16(in->at + 2);
	r.dport = get16(in->at);
	r.options_len = cookie_syn_options(&like, in, g, options);
	r.window = (uint16_t)tcp_initial_window(&like); /* what of options was agreed on takes its part of an mss */
	r.options = options;
	COUNT(h, TcpExt_SyncookiesSent);
	tcp_reply(h, &r);
}

/* The last ACK of a handshake that nobody remembers: what the cookie knows is enough for a connection. */
static bool take_cookie(struct net_socket *ls, const struct ip_in *in, const struct seg_in *g)
{
	struct net_host *h = ls->host;
	struct seg_in syn = *g;
	uint16_t mss;
	struct tcp *t;

	if (!KNOB(h, SYNCOOKIES) || g->flags & (NET_SYN | NET_RST) || !(g->flags & NET_ACK))
		return false;
	mss = cookie_check(h, in, g);
	if (!mss) {
		if (ls->tcp->syn_queue > 0)
			COUNT(h, TcpExt_SyncookiesFailed);
		return false;
	}
	if (accept_queue_full(ls->tcp)) {
		COUNT(h, TcpExt_ListenOverflows);
		return true;
	}
	COUNT(h, TcpExt_SyncookiesRecv);
	t = child_new(ls, in);
	syn.seq = g->seq - 1;
	syn.o = (struct net_tcp_options){ .mss_present = true, .mss = mss };
	if (g->o.ts_present && KNOB(h, TIMESTAMPS)) {
		syn.o.ts_present = true;
		syn.o.tsval = g->o.tsval;
		cookie_options(g->o.tsecr - tcp_ts_offset(h, in->dst, in->src), &syn.o);
	}
	tcp_set_state(t, NET_TCP_SYN_RECV);
	child_start(t, &syn, g->ack - 1);
	t->snd_una = t->snd_nxt = g->ack;
	t->snd_wnd = t->max_wnd = (uint32_t)g->window << t->snd_wscale;
	t->snd_wl1 = g->seq;
	t->snd_wl2 = g->ack;
	tcp_child_ready(t);
	tcp_established(t);
	if (g->len > 0 || g->flags & NET_FIN) {
		tcp_take_data(t, g);
		if (t->ack_now)
			tcp_send_ack(t);
	}
	socket_wake(ls);
	return true;
}

/* RFC 9293 3.10.7.2. `isn_above`: the least ISN for one that replaces a connection in TIME-WAIT, or 0. */
void tcp_listen_input(struct net_socket *ls, const struct ip_in *in, const struct seg_in *g, uint32_t isn_above)
{
	struct net_host *h = ls->host;
	struct tcp *l = ls->tcp, *t;
	bool full;

	if (g->flags & NET_RST)
		return;
	if (g->flags & NET_ACK) {
		if (!take_cookie(ls, in, g))
			tcp_refuse(h, in, g);
		return;
	}
	if (!(g->flags & NET_SYN) || g->flags & NET_FIN)
		return;
	if (accept_queue_full(l)) {
		COUNT(h, TcpExt_ListenOverflows);
		COUNT(h, TcpExt_ListenDrops);
		return;
	}
	full = l->syn_queue >= l->backlog + 1 || l->syn_queue >= KNOB(h, MAX_SYN_BACKLOG);
	if (!l->asks && (full || KNOB(h, SYNCOOKIES) == 2)) {
		if (KNOB(h, SYNCOOKIES)) {
			if (full)
				COUNT(h, TcpExt_TCPReqQFullDoCookies);
			send_cookie(ls, in, g);
		} else {
			COUNT(h, TcpExt_TCPReqQFullDrop);
			COUNT(h, TcpExt_ListenDrops);
		}
		return;
	}
	t = child_new(ls, in);
	tcp_set_state(t, NET_TCP_SYN_RECV);
	child_start(t, g, isn_above ? isn_above : tcp_isn(h, t->s->laddr, t->s->lport, t->s->raddr, t->s->rport));
	if (l->asks) {
		t->unanswered = true;
		tcp_child_ready(t);
		socket_wake(ls);
	} else {
		tcp_send_syn(t);
	}
}

void net_listen_asks(struct net_socket *s)
{
	s->tcp->asks = true;
}

void net_answer(struct net_socket *s)
{
	struct tcp *t = s->host ? s->tcp : NULL;

	if (!t || !t->unanswered || t->state != NET_TCP_SYN_RECV)
		return;
	t->unanswered = false;
	tcp_send_syn(t);
}

/* --- for the application ------------------------------------------------------------------------------- */

int tcp_listen(struct net_socket *s, int backlog, struct err *e)
{
	struct net_host *h = s->host;
	struct tcp *t = s->tcp;
	unsigned most = (unsigned)KNOB(h, SOMAXCONN);
	int result;

	if (t->state != NET_TCP_CLOSE && t->state != NET_TCP_LISTEN)
		return err_set(e, EINVAL, 0, "the socket is connected");
	if (t->state == NET_TCP_CLOSE) {
		if (!s->users) { /* also after a connection: what it had taken is free again */
			result = bind_port(s, 0, e);
			if (result < 0)
				return result;
		}
		bind_listen(s, true);
		if (bind_conflict(s, s->users)) { /* someone else with SO_REUSEADDR listens already */
			bind_listen(s, false);
			return err_set(e, EADDRINUSE, 0, "another socket listens on port %u", s->lport);
		}
		s->raddr = IP_ANY;
		s->rport = 0;
		s->error = 0;
		tcp_set_state(t, NET_TCP_LISTEN);
	}
	t->backlog = backlog < 0 ? most : MIN((unsigned)backlog, most); /* as unsigned: -1 is the most */
	return 0;
}

static const struct event_kind accept_event = { "accept", "inode:d lport:d raddr:a rport:d" };

static void note_accept(const struct net_socket *listener, const struct net_socket *s)
{
	struct event *ev = net_event(s->host->net, &accept_event, s->host, listener->pid);

	if (!ev)
		return;
	ev->value[0] = s->inode;
	ev->value[1] = s->lport;
	event_addr(ev, 2, s->raddr, s->family == NET_IPV6);
	ev->value[4] = s->rport;
}

int tcp_accept(struct net_socket *s, struct net_socket **out, struct net_endpoint *peer, struct err *e)
{
	struct tcp *l = s->tcp;
	struct net_socket *child = l->ready_first;

	if (l->state != NET_TCP_LISTEN)
		return err_set(e, EINVAL, 0, "the socket does not listen");
	if (!child)
		return err_set(e, EAGAIN, 0, "no connection is waiting");
	socket_hold(child);
	tcp_child_gone(child->tcp);
	child->inode = ++child->host->last_inode;
	g_hash_table_insert(child->host->inodes, &child->inode, child);
	net_socket_retain(child);
	socket_put(child);
	note_accept(s, child);
	if (peer)
		*peer = ip_show_end(child->raddr, child->rport, child->family);
	*out = child;
	return 0;
}

/* The listener goes: those in its accept queue are reset, half-open ones forgotten. */
void tcp_listen_close(struct tcp *l)
{
	struct net_socket *s;

	while ((s = l->ready_first ? l->ready_first : l->children)) {
		struct tcp *t = s->tcp;

		socket_hold(s);
		if (t->queued_ready && t->state != NET_TCP_CLOSE)
			tcp_send_reset(t);
		tcp_child_gone(t);
		if (t->state != NET_TCP_CLOSE)
			tcp_done(t);
		else
			socket_kill(s);
		socket_put(s);
	}
}
