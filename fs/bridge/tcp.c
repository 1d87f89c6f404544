/*
 * tcp.c - streams: a real connection and a simulated one, and the bytes between them.
 *
 *   DIALS     one end is there, the other is being connected; nothing is read yet
 *   OPEN      bytes go both ways; an end of stream is handed on when all before it has been
 *   RESETS    the simulated end was reset: the real one will be as soon as it has what came before
 *   ENDS      the real end is closed, the simulated one still has to say its last
 *
 * Bytes have no place of their own here: what is read goes straight into the simulated send queue, what is written comes straight
 * from the simulated receive queue. So a real peer that does not read closes the simulated window, and a closed simulated window
 * leaves the real peer's bytes where they are, in its own kernel. A read that fails or ends does so behind the last byte, on both
 * sides; so does what is handed on.
 */
#include "inside.h"

#include <sys/epoll.h>

enum { FIRST_READ = 16 * KiB, QUANTUM = 256 * KiB, CROWD = 64 * KiB, EDGES = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET };
#define ACCEPT_AGAIN (100 * NS_PER_MS)        /* out of descriptors */
#define FULL_LOOK NS_PER_MS
#define FULL_PATIENCE (50 * NS_PER_MS)
#define RESET_LOOK (5 * NS_PER_MS)
#define RESET_PATIENCE (10 * NS_PER_S)

enum phase { DIALS, OPEN, RESETS, ENDS };

struct stream {
	struct session s;
	enum phase phase;
	bool dials_real;             /* DIALS: that end is not there yet */
	bool readable, writable;     /* real, as far as we know */
	bool hung;                   /* its end or an error is to be read soon */
	bool broken;                 /* an error */
	bool real_ended, simulated_ended; /* handed on */
	uint32_t chunk;              /* what the next read asks for */
	ns_t patience;               /* RESETS: until then, real time */
};

static const char *stream_state(const struct session *s)
{
	const struct stream *t = (const struct stream *)s;
	struct net_socket_info i = { 0 };

	if (t->phase == DIALS && t->dials_real)
		return "CONNECTING";
	if (!s->socket)
		return "RESET";
	net_socket_get(s->socket, &i);
	return net_tcp_state_names[i.state];
}

static void drop_socket(struct stream *t, bool reset)
{
	if (!t->s.socket)
		return;
	net_socket_mark(t->s.socket, NULL);
	if (reset)
		net_setsockopt(t->s.socket, NET_SO_LINGER, 0, NULL);
	net_socket_release(t->s.socket);
	t->s.socket = NULL;
}

/* The session is gone; false, for run(). */
static bool over(struct stream *t, const char *why)
{
	session_clear(&t->s, why);
	g_free(t);
	return false;
}

static bool real_failed(struct stream *t, const char *why)
{
	real_close(t->s.end.bridge->world, t->s.fd);
	drop_socket(t, true);
	return over(t, why);
}

static void stream_abort(struct session *s)
{
	struct stream *t = (struct stream *)s;

	if (s->fd >= 0)
		real_reset(s->end.bridge->world, s->fd);
	drop_socket(t, true);
	over(t, "reset");
}

/* The simulated end is no more: the real peer learns it when it has all that came before. */
static bool simulated_failed(struct stream *t)
{
	struct bridge *b = t->s.end.bridge;

	drop_socket(t, true);
	if (t->phase != RESETS) {
		t->phase = RESETS;
		t->patience = b->now + RESET_PATIENCE;
	}
	if (t->hung || real_delivered(b->world, t->s.fd) || b->now >= t->patience) {
		real_reset(t->s.end.bridge->world, t->s.fd);
		return over(t, "reset");
	}
	t->s.deadline = b->now + RESET_LOOK;
	bridge_wake_at(b, t->s.deadline);
	return false;
}

/* Both directions have ended and been handed on. */
static bool wait_for_last_words(struct stream *t)
{
	struct net_socket_info i;

	net_socket_get(t->s.socket, &i);
	if (i.state != NET_TCP_TIME_WAIT && i.state != NET_TCP_CLOSE && i.state != NET_TCP_NONE)
		return false;
	drop_socket(t, false);
	return over(t, "closed");
}

static size_t cut(struct net_piece piece[2], size_t most)
{
	piece[0].len = MIN(piece[0].len, most);
	piece[1].len = MIN(piece[1].len, most - piece[0].len);
	return piece[0].len + piece[1].len;
}

/* Frames are still to be moved now: more bytes can wait. The fewer are under way at once, the faster they are moved. */
static bool is_crowded(const struct stream *t)
{
	return net_queued(t->s.socket) >= CROWD && world_is_due(t->s.end.bridge->world);
}

/* Real to simulated. False: the session is over. `more` is set when there is more to do at once. */
static bool move_in(struct stream *t, bool *more)
{
	struct net_piece piece[2];
	size_t room, left = QUANTUM;
	ssize_t n;

	while (t->readable && !t->real_ended) {
		if (is_crowded(t)) {
			*more = true;
			return true;
		}
		room = left ? net_space(t->s.socket, t->s.limit, MIN(t->chunk, left), piece) : 0;
		if (room == 0) {
			*more |= left == 0;
			return true;
		}
		n = real_read(t->s.end.bridge->world, t->s.fd, piece);
		if (n > 0) {
			net_filled(t->s.socket, (size_t)n);
			t->s.in += (uint64_t)n;
			left -= (size_t)n;
			t->readable = (size_t)n == room || t->hung;
			if ((size_t)n == t->chunk)
				t->chunk = MIN(2 * t->chunk, QUANTUM);
		} else if (n == 0) {
			t->real_ended = true;
			net_shutdown(t->s.socket, SHUT_WR, NULL);
		} else if (n == -EAGAIN || n == -EINTR) {
			t->readable = n == -EINTR;
		} else {
			return real_failed(t, "reset_by_real");
		}
	}
	return true;
}

/* Simulated to real, the same way. */
static bool move_out(struct stream *t, bool *more)
{
	struct net_socket *s = t->s.socket;
	struct net_piece piece[2];
	size_t want, left = QUANTUM;
	char byte;
	ssize_t n;

	while (!t->simulated_ended && net_peek(s, piece) > 0) {
		t->s.behind = !t->writable;
		if (!t->writable)
			return true;
		want = cut(piece, left);
		if (want == 0) {
			*more = true;
			return true;
		}
		n = real_write(t->s.end.bridge->world, t->s.fd, piece);
		if (n > 0) {
			net_take(s, (size_t)n);
			t->s.out += (uint64_t)n;
			left -= (size_t)n;
			t->writable = (size_t)n == want;
		} else if (n == -EAGAIN || n == -EINTR || n == 0) {
			t->writable = n == -EINTR;
		} else {
			return real_failed(t, "reset_by_real");
		}
	}
	if (t->simulated_ended)
		return net_poll(s) & NET_POLLERR ? simulated_failed(t) : true;
	if (!(net_poll(s) & (NET_POLLRDHUP | NET_POLLHUP | NET_POLLERR)))
		return true;
	n = net_recv(s, &byte, 1, 0, NULL, NULL);
	if (n == -EAGAIN)
		return true;
	if (n < 0)
		return simulated_failed(t);
	t->simulated_ended = true;
	real_end(t->s.end.bridge->world, t->s.fd);
	return true;
}

static bool stream_moves(struct stream *t)
{
	bool more = false;

	if (!move_out(t, &more) || t->phase != OPEN)
		return false;
	if (!move_in(t, &more))
		return false;
	if (!t->real_ended || !t->simulated_ended)
		return t->real_ended && t->broken ? real_failed(t, "reset_by_real") : more;
	real_close(t->s.end.bridge->world, t->s.fd);
	t->s.fd = -1;
	t->phase = ENDS;
	return wait_for_last_words(t);
}

/* The end that was missing is there, or will never be. */
static bool stream_dials(struct stream *t)
{
	int rc;

	if (t->dials_real) {
		if (net_poll(t->s.socket) & (NET_POLLERR | NET_POLLHUP)) { /* it has given up */
			real_close(t->s.end.bridge->world, t->s.fd);
			drop_socket(t, true);
			return over(t, "reset");
		}
		if (!t->writable)
			return false;
		rc = real_connected(t->s.end.bridge->world, t->s.fd, &t->s.real_local);
		if (rc)
			return real_failed(t, g_intern_string(strerrorname_np(-rc)));
	} else {
		rc = net_connect_result(t->s.socket, NULL);
		if (rc == -EINPROGRESS) {
			return t->broken ? real_failed(t, "reset_by_real") : false;
		}
		if (rc) {
			real_reset(t->s.end.bridge->world, t->s.fd);
			drop_socket(t, true);
			return over(t, g_intern_string(strerrorname_np(-rc)));
		}
	}
	t->phase = OPEN;
	net_answer(t->s.socket);
	return stream_moves(t);
}

static bool stream_run(struct end *end)
{
	struct stream *t = (struct stream *)end;

	switch (t->phase) {
	case DIALS:  return stream_dials(t);
	case OPEN:   return stream_moves(t);
	case RESETS: return simulated_failed(t);
	case ENDS:   return wait_for_last_words(t);
	}
	return false;
}

static void stream_event(struct end *end, uint32_t events)
{
	struct stream *t = (struct stream *)end;

	t->readable |= events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	t->writable |= events & (EPOLLOUT | EPOLLHUP | EPOLLERR);
	t->s.behind &= !t->writable;
	t->hung |= events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
	t->broken |= events & EPOLLERR;
	end_queue(end);
}

static struct stream *stream_new(struct rule *r, int fd, struct net_socket *s)
{
	struct stream *t = g_new0(struct stream, 1);
	struct net_socket_info i;

	end_init(&t->s.end, r->end.bridge, stream_event, stream_run);
	t->s.fd = fd;
	t->s.socket = s;
	t->s.state = stream_state;
	t->s.abort = stream_abort;
	t->chunk = FIRST_READ;
	net_socket_mark(s, &t->s.end);
	net_socket_get(s, &i);
	t->s.sim_local = i.local;
	t->s.sim_remote = i.remote;
	return t;
}

/* Real clients */

/* A simulated connection to the rule's target is begun; NULL with a reason. */
static struct net_socket *dial_simulated(struct rule *r, struct err *e)
{
	struct bridge *b = r->end.bridge;
	struct net_caller bridge = { 0 };
	struct net_host *gw;
	struct net_endpoint to;
	struct net_socket *s;

	if (target_find(b, r, &to, e))
		return NULL;
	gw = gateway_for(b, &to.addr);
	if (!gw) {
		err_set(e, ENETUNREACH, -1, "the gateway is gone");
		return NULL;
	}
	if (net_socket_new(gw, NET_TCP, to.addr.family, &bridge, &s, e))
		return NULL;
	net_setsockopt(s, NET_TCP_NODELAY, 1, NULL);
	net_limit(s, session_share(b));
	if (net_connect(s, &to, e) == -EINPROGRESS)
		return s;
	net_socket_release(s);
	return NULL;
}

static void take_one(struct rule *r, int fd, const struct real_addr *local, const struct real_addr *remote)
{
	struct bridge *b = r->end.bridge;
	struct err e = { 0 };
	struct net_socket *s = session_room(b) ? dial_simulated(r, &e) : NULL;
	struct stream *t;

	if (!s) {
		real_reset(b->world, fd);
		session_refused(r, remote, e.code ? g_intern_string(strerrorname_np(e.code)) : "too_many_sessions");
		return;
	}
	t = stream_new(r, fd, s);
	t->s.real_local = *local;
	t->s.real_remote = *remote;
	session_init(&t->s, r);
	if (end_watch(&t->s.end, fd, EDGES))
		stream_abort(&t->s);
}

/* False: not before *when. A moment may make room, when many go as quickly as they came. */
static bool may_take(struct rule *r, ns_t *when)
{
	struct bridge *b = r->end.bridge;

	if (session_room(b))
		r->full_since = 0;
	else if (!r->full_since)
		r->full_since = b->now;
	if (r->full_since && b->now < r->full_since + FULL_PATIENCE) {
		*when = b->now + FULL_LOOK;
		return false;
	}
	return session_rate(b, when);
}

bool tcp_take_real(struct rule *r)
{
	struct bridge *b = r->end.bridge;
	struct real_addr local, remote;
	ns_t when;
	int fd;

	for (unsigned n = 0; n < 64; n++) {
		if (!may_take(r, &when)) {
			rule_pause(r, when);
			return false;
		}
		fd = real_accept(b->world, r->fd, &local, &remote);
		if (fd < 0) {
			b->rate_left++;
			if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM)
				rule_pause(r, b->now + ACCEPT_AGAIN);
			return false;
		}
		take_one(r, fd, &local, &remote);
	}
	return true;
}

/* Simulated clients */

bool tcp_take_simulated(struct rule *r)
{
	struct bridge *b = r->end.bridge;
	struct net_endpoint peer;
	struct real_addr local = { 0 };
	struct net_socket *s;
	struct stream *t;
	struct err e = { 0 };
	int fd, rc;
	ns_t when;

	if (!(net_poll(r->listener) & NET_POLLIN))
		return false;
	if (!may_take(r, &when)) {
		rule_pause(r, when);
		return false;
	}
	if (net_accept(r->listener, &s, &peer, NULL))
		return false;
	rc = !session_room(b) ? -EAGAIN : target_check_real(r, &e) ? -e.code : real_connect(b->world, &r->real, false, &fd, &local);
	if (rc && rc != -EINPROGRESS) {
		net_setsockopt(s, NET_SO_LINGER, 0, NULL);
		net_socket_release(s);
		session_refused(r, &r->real, session_room(b) ? g_intern_string(strerrorname_np(-rc)) : "too_many_sessions");
		return true;
	}
	net_setsockopt(s, NET_TCP_NODELAY, 1, NULL);
	t = stream_new(r, fd, s);
	t->s.real_local = local;
	t->s.real_remote = r->real;
	t->phase = rc ? DIALS : OPEN;
	t->dials_real = rc;
	session_init(&t->s, r);
	if (rc == 0)
		net_answer(s);
	if (end_watch(&t->s.end, fd, EDGES))
		stream_abort(&t->s);
	return true;
}
