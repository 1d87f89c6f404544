/* tcp_user.c - what applications call (RFC 9293 3.9.1, 3.10.1-5). */
#include "tcp.h"

#include <sys/socket.h>

static void start_sequence(struct tcp *t)
{
	struct net_socket *s = t->s;

	t->iss = tcp_isn(s->host, s->laddr, s->lport, s->raddr, s->rport);
	t->snd_una = t->snd_nxt = t->iss;
	t->out_seq = t->write_seq = t->snd_small = t->highest_sack = t->iss + 1;
	t->recover = t->snd_up = t->iss; /* RFC 6582 3.2 step 1 */
	t->urgent = URGENT_NONE;
	t->ts_offset = tcp_ts_offset(s->host, s->laddr, s->raddr);
	t->ts_recent = 0;
	t->rcv_nxt = t->rcv_wup = 0;
	t->fin_queued = t->fin_sent = t->fin_known = t->fin_received = t->was_connected = false;
	t->in_limit = s->recv_limit / 2;
	t->rcv_wscale = KNOB(s->host, WINDOW_SCALING) ? tcp_window_scale(t) : 0;
	t->mss_here = tcp_mss_of(s->hit.iface, s->raddr);
	if (t->mss_user)
		t->mss_here = MIN(t->mss_here, t->mss_user);
	t->rcv_wnd = tcp_initial_window(t);
	t->created = tcp_now(t);
	t->retransmits = t->backoff = t->probes = 0;
	t->last_data_received = 0;
	t->soft_error = 0;
}

/* The 4-tuple is free, or its TIME-WAIT may be cut short. */
static bool pair_free(struct net_socket *s)
{
	struct net_socket *old = pair_find(s->host, s->laddr, s->lport, s->raddr, s->rport);

	if (!old)
		return true;
	if (!old->tcp || old->tcp->state != NET_TCP_TIME_WAIT || !tcp_wait_reusable(old->tcp))
		return false;
	socket_hold(old);
	tcp_done(old->tcp);
	socket_put(old);
	return true;
}

static int choose_ends(struct net_socket *s, const struct net_endpoint *to, struct err *e)
{
	char text[NET_ENDPOINT_TEXT];
	struct ip_addr addr, laddr = s->laddr;
	int result = socket_peer(s, &to->addr, &addr, e);

	if (result < 0)
		return result;
	result = route_find(s->host, addr, &s->hit);
	if (result < 0)
		return err_set(e, -result, 1, "no route to %s", net_endpoint_text(to, text));
	if (s->hit.broadcast || s->hit.multicast)
		return err_set(e, ENETUNREACH, 1, "tcp has one peer, not many");
	if (!s->hit.iface->up)
		return err_set(e, ENETUNREACH, 1, "%s is down", s->hit.iface->name);
	s->raddr = addr;
	s->rport = to->port;
	if (!s->addr_given)
		s->laddr = s->hit.src;
	if (s->users) {
		if (pair_free(s))
			return 0;
		result = err_set(e, EADDRNOTAVAIL, 1, "there is such a connection already");
	} else {
		result = bind_for_connect(s, e);
	}
	if (result < 0) {
		s->laddr = laddr;
		s->raddr = IP_ANY;
		s->rport = 0;
	}
	return result;
}

int tcp_connect(struct net_socket *s, const struct net_endpoint *to, struct err *e)
{
	struct tcp *t = s->tcp;
	struct rto_rules rules;
	int result;

	if (!t)
		return err_set(e, ENETDOWN, 0, "the socket is dead");
	if (t->state == NET_TCP_SYN_SENT || (t->state == NET_TCP_SYN_RECV && !t->was_connected))
		return err_set(e, EALREADY, 0, "the connection is being made");
	if (t->connect_untold && t->state != NET_TCP_CLOSE && t->state != NET_TCP_LISTEN) {
		t->connect_untold = false; /* as Linux: the next one will be told EISCONN */
		return 0;
	}
	if (t->state != NET_TCP_CLOSE)
		return err_set(e, EISCONN, 0, "the socket is connected or listens");
	if (s->error)
		return socket_error(s, e);
	if (to->addr.family == NET_UNSET)
		return 0;
	result = choose_ends(s, to, e);
	if (result < 0)
		return result;

	s->shut_rd = s->shut_wr = false;
	ring_clear(&t->in);
	pair_add(s);
	start_sequence(t);
	rules = host_rto(s->host);
	rto_start(&t->rto, &rules);
	t->min_rtt = 0;
	t->recovery = NET_TCP_OPEN;
	t->cwnd = (uint32_t)KNOB(s->host, INITIAL_CWND);
	t->ssthresh = NO_SSTHRESH;
	t->control->start(t);
	COUNT(s->host, Tcp_ActiveOpens);
	t->connect_untold = true;
	tcp_set_state(t, NET_TCP_SYN_SENT);
	tcp_send_syn(t);
	return err_set(e, EINPROGRESS, 0, "the SYN is sent");
}

int tcp_connect_result(struct net_socket *s, struct err *e)
{
	struct tcp *t = s->tcp;

	if (s->error)
		return socket_error(s, e);
	if (!t || t->state == NET_TCP_LISTEN || (t->state == NET_TCP_CLOSE && !t->was_connected))
		return err_set(e, ENOTCONN, 0, "the socket is not connected");
	if (t->state == NET_TCP_SYN_SENT || t->state == NET_TCP_SYN_RECV)
		return err_set(e, EINPROGRESS, 0, "no answer yet");
	t->connect_untold = false;
	return 0;
}

static bool is_connecting(const struct tcp *t)
{
	return t->state == NET_TCP_SYN_SENT || t->state == NET_TCP_SYN_RECV;
}

/* That many bytes have been put behind what is to be sent; those that wait already go with them, and need no PSH of their own. */
static void queue_out(struct tcp *t, uint32_t len, unsigned flags)
{
	bool cork = t->cork;

	t->out.used += len;
	t->write_seq += len;
	t->push = !(flags & NET_MORE);
	t->push_end = t->write_seq;
	if (flags & NET_OOB)
		t->snd_up = t->write_seq;
	t->cork |= (flags & NET_MORE) != 0;     /* for this call: what goes out later minds TCP_CORK alone, as on Linux */
	tcp_output(t);
	t->cork = cork;
}

ssize_t tcp_send(struct net_socket *s, const void *data, size_t len, unsigned flags, const struct net_endpoint *to,
		 struct err *e)
{
	struct tcp *t = s->tcp;
	uint32_t room, take;

	if (s->error)
		return socket_error(s, e);
	if (!t || s->shut_wr)
		return err_set(e, EPIPE, 0, "the socket is shut down for writing");
	if (is_connecting(t))
		return err_set(e, EAGAIN, 0, "the connection is being made");
	if (t->state != NET_TCP_ESTABLISHED && t->state != NET_TCP_CLOSE_WAIT)
		return err_set(e, EPIPE, 0, "the socket is not connected");
	if (len == 0)
		return 0;
	room = s->send_limit > t->out.used ? s->send_limit - t->out.used : 0;
	if (room == 0)
		return err_set(e, EAGAIN, 0, "the send queue is full");

	take = (uint32_t)MIN(len, room);
	ring_put(&t->out, t->out.used, data, take);
	queue_out(t, take, flags);
	return take;
}

size_t net_space(struct net_socket *s, uint32_t limit, size_t most, struct net_piece piece[2])
{
	struct tcp *t = s->host ? s->tcp : NULL;
	uint32_t room;

	if (!t || s->error || s->shut_wr || (t->state != NET_TCP_ESTABLISHED && t->state != NET_TCP_CLOSE_WAIT))
		return 0;
	s->send_limit = MIN(s->send_limit, limit);
	room = s->send_limit > t->out.used ? s->send_limit - t->out.used : 0;
	room = (uint32_t)MIN(most, room);
	ring_reserve(&t->out, t->out.used + room);
	ring_pieces(&t->out, t->out.used, room, piece);
	return room;
}

size_t net_queued(const struct net_socket *s)
{
	return s->host && s->tcp ? s->tcp->out.used : 0;
}

uint32_t net_held(const struct net_socket *s)
{
	const struct tcp *t = s->host ? s->tcp : NULL;

	return t ? MAX(t->out.used, t->in.used + receive_window(t)) : 0;
}

/* A window is told in units, so its right edge creeps by a part of one with each acknowledgement: there is room for that. */
uint32_t tcp_limit_in(const struct net_socket *s)
{
	return s->most - s->most / 8;
}

void net_limit(struct net_socket *s, uint32_t most)
{
	struct tcp *t = s->host ? s->tcp : NULL;

	s->most = most;
	s->send_limit = MIN(s->send_limit, most);
	s->recv_limit = MIN(s->recv_limit, 2 * tcp_limit_in(s));
	if (!t)
		return;
	t->in_limit = MIN(t->in_limit, tcp_limit_in(s));
	if (t->unanswered) /* no window has been offered yet */
		t->rcv_wnd = tcp_initial_window(t);
	ring_fit(&t->out, MAX(t->out.used, most));
	ring_fit(&t->in, MAX(t->in.used + receive_window(t), most));
}

void net_filled(struct net_socket *s, size_t len)
{
	queue_out(s->tcp, (uint32_t)len, 0);
}

static void drop_in(struct net_socket *s, uint32_t len)
{
	struct tcp *t = s->tcp;

	ring_drop(&t->in, len);
	t->tune_copied += len;
	socket_hold(s);
	tcp_window_opened(t);
	socket_put(s);
}

ssize_t tcp_recv(struct net_socket *s, void *data, size_t len, unsigned flags, struct net_endpoint *from, struct err *e)
{
	struct tcp *t = s->tcp;
	uint32_t take, skip;

	if (!t || t->state == NET_TCP_LISTEN)
		return err_set(e, ENOTCONN, 0, "the socket is not connected");
	if (from)
		*from = ip_show_end(s->raddr, s->rport, s->family);
	if (flags & NET_OOB)
		return tcp_recv_urgent(s, data, len, flags & NET_PEEK, e);
	take = (uint32_t)MIN(len, tcp_urgent_span(t, flags & NET_PEEK, &skip));
	if (t->in.used <= skip) {
		if (t->fin_received) /* whatever has gone wrong since */
			return 0;
		if (s->error)
			return socket_error(s, e);
		if (s->shut_rd)
			return 0;
		if (t->state == NET_TCP_CLOSE)
			return t->was_connected ? 0 : err_set(e, ENOTCONN, 0, "the socket is not connected");
		return err_set(e, EAGAIN, 0, "nothing has arrived");
	}
	ring_get(&t->in, skip, data, take);
	if (flags & NET_PEEK || take == 0)
		return take;
	drop_in(s, take);
	return take;
}

size_t net_peek(struct net_socket *s, struct net_piece piece[2])
{
	const struct tcp *t = s->host ? s->tcp : NULL;

	if (!t || t->state == NET_TCP_LISTEN || t->in.used == 0)
		return 0;
	ring_pieces(&t->in, 0, t->in.used, piece);
	return t->in.used;
}

void net_take(struct net_socket *s, size_t len)
{
	drop_in(s, (uint32_t)len);
}

/* Our side has said all it has to say. */
static void tcp_queue_fin(struct tcp *t)
{
	if (t->fin_queued)
		return;
	t->fin_queued = true;
	t->cork = false;
	if (unsent(t) > 0) {
		t->push = true;
		t->push_end = t->write_seq;
	}
	switch (t->state) {
	case NET_TCP_SYN_RECV:
	case NET_TCP_ESTABLISHED:
		tcp_set_state(t, NET_TCP_FIN_WAIT1);
		break;
	case NET_TCP_CLOSE_WAIT:
		tcp_set_state(t, NET_TCP_LAST_ACK);
		break;
	default:
		break;
	}
	tcp_output(t);
}

int tcp_shutdown(struct net_socket *s, int how, struct err *e)
{
	struct tcp *t = s->tcp;

	if (!t || t->state == NET_TCP_CLOSE)
		return err_set(e, ENOTCONN, 0, "the socket is not connected");
	if (t->state == NET_TCP_LISTEN) {
		if (how == SHUT_WR)
			return 0;
		bind_listen(s, false);
		tcp_listen_close(t);
		tcp_set_state(t, NET_TCP_CLOSE);
		socket_wake(s);
		return 0;
	}
	if (t->state == NET_TCP_SYN_SENT) {
		tcp_fail(t, ECONNRESET);
		return 0;
	}
	s->shut_rd |= how != SHUT_WR; /* sends nothing */
	if (how != SHUT_RD && !s->shut_wr) {
		s->shut_wr = true;
		tcp_queue_fin(t);
	}
	socket_wake(s);
	return 0;
}

unsigned tcp_poll(const struct net_socket *s)
{
	const struct tcp *t = s->tcp;
	unsigned ready = s->error ? NET_POLLERR : 0;
	bool rd, wr;

	if (!t)
		return NET_POLLHUP;
	if (t->state == NET_TCP_LISTEN)
		return ready | (t->ready_first ? NET_POLLIN : 0);
	rd = s->shut_rd || t->fin_received || t->state == NET_TCP_TIME_WAIT;
	wr = s->shut_wr || t->state == NET_TCP_TIME_WAIT;
	if (t->state == NET_TCP_CLOSE || (rd && wr))
		ready |= NET_POLLHUP;
	if (rd)
		ready |= NET_POLLIN | NET_POLLRDHUP;
	if (is_connecting(t))
		return ready;
	if (t->in.used > (t->urgent != URGENT_NONE && t->rcv_up == t->rcv_nxt - t->in.used && !s->oob_inline) || s->error)
		ready |= NET_POLLIN;
	if (t->urgent == URGENT_THERE)
		ready |= NET_POLLPRI;
	if (wr || t->state == NET_TCP_CLOSE || t->out.used <= s->send_limit / 3 * 2 || s->error)
		ready |= NET_POLLOUT;
	return ready;
}

/* Abort: RFC 9293 3.10.5, for unread data RFC 2525 2.17. */
static void tcp_abort(struct tcp *t)
{
	tcp_send_reset(t);
	tcp_done(t);
}

void tcp_close(struct net_socket *s)
{
	struct tcp *t = s->tcp;
	struct net_host *h = s->host;

	s->shut_rd = s->shut_wr = true;
	switch (t->state) {
	case NET_TCP_CLOSE:
	case NET_TCP_LISTEN:
	case NET_TCP_SYN_SENT:
		socket_kill(s);
		return;
	case NET_TCP_TIME_WAIT:
		ring_clear(&t->in);
		return;
	default:
		break;
	}
	if (t->in.used > 0) {
		COUNT(h, TcpExt_TCPAbortOnClose);
		tcp_abort(t);
		return;
	}
	if (s->linger == 0) {
		COUNT(h, TcpExt_TCPAbortOnLinger);
		tcp_abort(t);
		return;
	}
	if (t->state == NET_TCP_FIN_WAIT2)
		net_timer(h->net, &t->long_timer, t->linger2 > 0 ? (ns_t)t->linger2 * NS_PER_S : KNOB_S(h, FIN_TIMEOUT), true);
	else
		tcp_queue_fin(t);
}

/* A row as if by traffic: numbers are made up, timers are not set. */
int tcp_fixture(struct net_socket *s, const struct net_fixture *f, struct err *e)
{
	static const uint8_t zeros[4096];
	struct tcp *t = s->tcp;

	if (f->state == NET_TCP_NONE || f->state >= NET_TCP_STATES)
		return err_set(e, EINVAL, 3, "no such state");
	if (f->state == NET_TCP_LISTEN) {
		t->backlog = f->send_queue;
		t->accept_queue = f->recv_queue; /* a number alone: accept() finds nobody */
		bind_listen(s, true);
		tcp_set_state(t, NET_TCP_LISTEN);
		return 0;
	}
	if (f->recv_queue > 16 * MiB || f->send_queue > 16 * MiB)
		return err_set(e, EINVAL, 4, "a queue of more than 16 MiB");
	bind_inherit(s, &(struct net_socket){ .lport = f->local.port });
	pair_add(s);
	t->iss = tcp_isn(s->host, s->laddr, s->lport, s->raddr, s->rport);
	t->snd_una = t->snd_nxt = t->iss + 1;
	t->out_seq = t->write_seq = t->iss + 1;
	t->was_connected = true;
	t->in_limit = s->recv_limit / 2;
	t->snd_wnd = t->max_wnd = 65535;
	for (uint32_t n = f->recv_queue; n > 0; n -= MIN(n, sizeof(zeros))) {
		ring_put(&t->in, t->in.used, zeros, MIN(n, sizeof(zeros)));
		t->in.used += MIN(n, sizeof(zeros));
	}
	for (uint32_t n = f->send_queue; n > 0; n -= MIN(n, sizeof(zeros))) {
		ring_put(&t->out, t->out.used, zeros, MIN(n, sizeof(zeros)));
		t->out.used += MIN(n, sizeof(zeros));
		t->write_seq += MIN(n, sizeof(zeros));
	}
	tcp_set_state(t, f->state);
	return 0;
}
