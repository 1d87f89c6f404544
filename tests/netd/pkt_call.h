/* pkt_call.h - the system calls of a script; part of pkt_run.c, which includes it once. */
#include <stdlib.h>

static const struct { const char *name; int value; } errnos[] = {
#define E(name) { #name, name }
	E(EPERM), E(ENOENT), E(EINTR), E(EBADF), E(EAGAIN), E(EACCES), E(EINVAL), E(EPIPE), E(ENOTSOCK), E(EDESTADDRREQ),
	E(EMSGSIZE), E(EPROTOTYPE), E(ENOPROTOOPT), E(EPROTONOSUPPORT), E(EOPNOTSUPP), E(EAFNOSUPPORT), E(EADDRINUSE),
	E(EADDRNOTAVAIL), E(ENETDOWN), E(ENETUNREACH), E(ENETRESET), E(ECONNABORTED), E(ECONNRESET), E(ENOBUFS),
	E(EISCONN), E(ENOTCONN), E(ESHUTDOWN), E(ETIMEDOUT), E(ECONNREFUSED), E(EHOSTDOWN), E(EHOSTUNREACH), E(EALREADY),
	E(EINPROGRESS), E(ENONET), E(EPROTO), { "EWOULDBLOCK", EAGAIN },
#undef E
};

int pkt_errno(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(errnos); i++)
		if (strcmp(errnos[i].name, name) == 0)
			return errnos[i].value;
	return 0;
}

static const char *errno_name(long code)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(errnos); i++)
		if (errnos[i].value == code)
			return errnos[i].name;
	return "?";
}

static const char *arg(const struct pkt_event *e, int i)
{
	return i < e->nargs ? e->args[i] : "";
}

static long arg_number(const struct pkt_event *e, int i)
{
	const char *text = arg(e, i);

	text += *text == '[';
	return strtol(text, NULL, 0);
}

/* How many bytes a call moves: its third argument, or the sum of [{..., 100}, {..., 50}]. */
static long arg_bytes(const struct pkt_event *e)
{
	const char *text = arg(e, 1);
	long sum = 0;

	if (!strchr(text, '{'))
		return arg_number(e, 2);
	for (text = strstr(text, "{..."); text; text = strstr(text + 1, "{...")) {
		const char *number = text + 4 + strspn(text + 4, ", ");

		sum += strtol(number, NULL, 0);
	}
	return sum;
}

/* Flags of send and recv; sendmsg has them third. */
static const char *arg_flags(const struct pkt_event *e)
{
	return g_str_has_suffix(e->name, "msg") ? arg(e, 2) : arg(e, 3);
}

static int arg_fd(const struct pkt_event *e)
{
	return (int)arg_number(e, 0);
}

static bool is_open(const struct run *r, long fd)
{
	return fd >= 0 && fd < PKT_FDS && r->open[fd];
}

/* What the call makes gets the number that the script wants it to have. */
static bool may_be_new(const struct run *r, const struct pkt_event *e)
{
	return e->result >= 0 && e->result < PKT_FDS && !r->open[e->result];
}

static long new_fd(struct run *r, const struct pkt_event *e, long result)
{
	if (result < 0)
		return result;
	r->open[e->result] = true;
	return e->result;
}

static long call_socket(struct run *r, const struct pkt_event *e)
{
	const char *type = arg(e, 1);

	if (!may_be_new(r, e))
		return -EBADF;
	return new_fd(r, e, r->ops->socket(r->host, (int)e->result, strstr(type, "SOCK_DGRAM"), strstr(type, "SOCK_NONBLOCK")));
}

static long call_bind(struct run *r, const struct pkt_event *e)
{
	return r->ops->bind(r->host, arg_fd(e));
}

/* One that is to fail needs no number of its own, but the engine one to try with. */
static long call_accept(struct run *r, const struct pkt_event *e)
{
	int as = e->result >= 0 ? (int)e->result : PKT_FDS - 1;
	long result;

	if (e->result >= 0 && !may_be_new(r, e))
		return -EBADF;
	result = r->ops->accept(r->host, arg_fd(e), as);
	if (result >= 0)
		r->open[as] = true;
	return result < 0 ? result : as;
}

static long call_connect(struct run *r, const struct pkt_event *e)
{
	r->remote_port = PKT_PORT;
	return r->ops->connect(r->host, arg_fd(e), r->waiting == e);
}

static int message_flags(const char *text)
{
	static const struct { const char *name; int bit; } flags[] = {
		{ "MSG_PEEK", MSG_PEEK }, { "MSG_MORE", MSG_MORE }, { "MSG_OOB", MSG_OOB }, { "MSG_DONTWAIT", MSG_DONTWAIT },
		{ "MSG_WAITALL", MSG_WAITALL }, { "MSG_TRUNC", MSG_TRUNC },
	};
	int all = 0;

	for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
		all |= strstr(text, flags[i].name) ? flags[i].bit : 0;
	return all;
}

static long call_read(struct run *r, const struct pkt_event *e)
{
	return r->ops->recv(r->host, arg_fd(e), (size_t)MAX(arg_bytes(e), 0), message_flags(arg_flags(e)));
}

static long call_write(struct run *r, const struct pkt_event *e)
{
	bool named = strcmp(e->name, "sendto") == 0 && strcmp(arg(e, 4), "NULL") != 0;

	return r->ops->send(r->host, arg_fd(e), (size_t)MAX(arg_bytes(e), 0), message_flags(arg_flags(e)), named);
}

static long call_close(struct run *r, const struct pkt_event *e)
{
	r->ops->shut(r->host, arg_fd(e));
	r->open[arg_fd(e)] = false;
	return 0;
}

static long call_shutdown(struct run *r, const struct pkt_event *e)
{
	int how = strcmp(arg(e, 1), "SHUT_RD") == 0 ? SHUT_RD : strcmp(arg(e, 1), "SHUT_WR") == 0 ? SHUT_WR : SHUT_RDWR;

	return r->ops->shutdown(r->host, arg_fd(e), how);
}

static int option_of(const char *name)
{
	for (int o = 0; o < NET_OPTIONS; o++)
		if (strcmp(net_option_names[o], name) == 0)
			return o;
	return -1;
}

static long call_setsockopt(struct run *r, const struct pkt_event *e)
{
	int option = option_of(arg(e, 2)), value = (int)arg_number(e, 3);

	if (option < 0)
		return -ENOPROTOOPT;
	if (option == NET_SO_LINGER) {
		const char *on = strstr(arg(e, 3), "onoff="), *time = strstr(arg(e, 3), "linger=");

		value = on && atoi(on + 6) ? (time ? atoi(time + 7) : 0) : -1;
	}
	if (option == NET_TCP_CONGESTION)
		value = strstr(arg(e, 3), "cubic") ? 1 : strstr(arg(e, 3), "reno") ? 0 : -1;
	return r->ops->setsockopt(r->host, arg_fd(e), option, value);
}

static long call_getsockopt(struct run *r, const struct pkt_event *e)
{
	int option = option_of(arg(e, 2)), value = 0;
	const char *text = arg(e, 3);
	long result;

	if (option < 0)
		return -ENOPROTOOPT;
	result = r->ops->getsockopt(r->host, arg_fd(e), option, &value);
	if (result == 0 && option == NET_SO_ERROR && *text == '[' && g_ascii_isalpha(*++text)) {
		char *name = g_strndup(text, strcspn(text, "]"));
		bool same = pkt_errno(name) == value;

		g_free(name);
		return same ? 0 : -EINVAL;
	}
	return result < 0 ? result : value == arg_number(e, 3) ? 0 : -EINVAL;
}

static long call_fcntl(struct run *r, const struct pkt_event *e)
{
	if (strcmp(arg(e, 1), "F_SETFL") != 0)
		return e->result;
	return r->ops->nonblock(r->host, arg_fd(e), strstr(arg(e, 2), "O_NONBLOCK"));
}

/* One entry: poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0). */
static long call_poll(struct run *r, const struct pkt_event *e)
{
	static const struct { const char *name; unsigned bit; } bits[] = {
		{ "POLLIN", NET_POLLIN }, { "POLLPRI", NET_POLLPRI }, { "POLLOUT", NET_POLLOUT }, { "POLLERR", NET_POLLERR }, { "POLLHUP", NET_POLLHUP },
		{ "POLLRDHUP", NET_POLLRDHUP },
	};
	const char *fd = strstr(arg(e, 0), "fd="), *want = strstr(arg(e, 0), " events="), *got = strstr(arg(e, 0), "revents=");
	unsigned asked = 0, said = 0;
	long ready;

	if (!fd || !want || !got || !is_open(r, atoi(fd + 3)))
		return -EBADF;
	for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
		const char *w = strstr(want, bits[i].name), *g = strstr(got, bits[i].name);

		asked |= w && w < got ? bits[i].bit : 0;
		said |= g ? bits[i].bit : 0;
	}
	ready = r->ops->poll(r->host, atoi(fd + 3), asked);
	if (ready != (long)said)
		return ready ? -EINVAL : 0;
	return ready ? 1 : 0;
}

/* ioctl(4, SIOCINQ, [100]): what may be read; SIOCOUTQ: what is not acknowledged. */
static long call_ioctl(struct run *r, const struct pkt_event *e)
{
	bool out = strcmp(arg(e, 1), "SIOCOUTQ") == 0;

	if (!out && strcmp(arg(e, 1), "SIOCINQ") != 0)
		return -EINVAL;
	return r->ops->queued(r->host, arg_fd(e), !out) == arg_number(e, 2) ? 0 : -EINVAL;
}

static long call_listen(struct run *r, const struct pkt_event *e)
{
	return r->ops->listen(r->host, arg_fd(e), (int)arg_number(e, 1));
}

/* Not packetdrill's: the state of the connection (numbers of Linux), the host's newest socket that is no listener; 7: none. */
static long call_tcp_state(struct run *r, const struct pkt_event *e)
{
	return r->ops->state(r->host);
}

static const struct { const char *name; long (*call)(struct run *, const struct pkt_event *); bool fd; } calls[] = {
	{ "socket", call_socket, false }, { "bind", call_bind, true }, { "listen", call_listen, true },
	{ "accept", call_accept, true }, { "connect", call_connect, true }, { "read", call_read, true },
	{ "recv", call_read, true }, { "recvfrom", call_read, true }, { "write", call_write, true },
	{ "send", call_write, true }, { "sendto", call_write, true }, { "close", call_close, true },
	{ "writev", call_write, true }, { "sendmsg", call_write, true }, { "readv", call_read, true }, { "recvmsg", call_read, true },
	{ "shutdown", call_shutdown, true }, { "setsockopt", call_setsockopt, true },
	{ "getsockopt", call_getsockopt, true }, { "fcntl", call_fcntl, true }, { "poll", call_poll, false },
	{ "ioctl", call_ioctl, true }, { "tcp_state", call_tcp_state, false },
};

static long (*call_of(const char *name, bool *fd))(struct run *, const struct pkt_event *)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++)
		if (strcmp(calls[i].name, name) == 0) {
			*fd = calls[i].fd;
			return calls[i].call;
		}
	return NULL;
}

static long call_once(struct run *r, const struct pkt_event *e)
{
	bool fd = false;
	long (*call)(struct run *, const struct pkt_event *) = call_of(e->name, &fd);

	return fd && !is_open(r, arg_number(e, 0)) ? -EBADF : call(r, e);
}

static long call_waiting(void *arg)
{
	struct waiting *w = arg;

	return call_once(w->r, w->e);
}

static bool check_result(struct run *r, const struct pkt_event *e, long result)
{
	if (e->any_result || (e->error ? result == -e->error && e->result == -1 : result == e->result))
		return true;
	return wrong(r, e, "%s gave %ld%s%s", e->name, result < 0 ? -1 : result, result < 0 ? " " : "",
		     result < 0 ? errno_name(-result) : "");
}

static ns_t lateness(const struct run *r)
{
	return (ns_t)r->script->tolerance + (r->ops->real ? LATE : 0);
}

/* The call that waits is tried again; true unless it has ended otherwise than it should. */
static bool try_waiting(struct run *r)
{
	const struct pkt_event *e = r->waiting;
	long result;

	if (!e || r->failed)
		return !r->failed;
	if (!r->ops->wait(r->host, call_waiting, &r->call, &result)) {
		if (now(r) <= r->waiting_end + lateness(r))
			return true;
		r->waiting = NULL;
		r->failed = !wrong(r, e, "%s has not returned", e->name);
		return false;
	}
	r->waiting = NULL;
	if (now(r) + lateness(r) < r->waiting_end)
		r->failed = !wrong(r, e, "%s returned early, at %.6f", e->name, (double)(int64_t)(now(r) - r->start) / 1e9);
	else
		r->failed = !check_result(r, e, result);
	return !r->failed;
}

static bool do_call(struct run *r, const struct pkt_event *e)
{
	bool fd;

	if (!call_of(e->name, &fd))
		return wrong(r, e, "the call %s is not known", e->name);
	if (e->wait >= 0) { /* the script goes on while it waits */
		long result;

		r->call = (struct waiting){ r, e };
		if (r->ops->wait(r->host, call_waiting, &r->call, &result))
			return check_result(r, e, result);
		r->waiting = e;
		return true;
	}
	return check_result(r, e, call_once(r, e)) && run_until(r, now(r));
}
