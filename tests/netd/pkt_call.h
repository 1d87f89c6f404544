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

static struct net_socket **arg_fd(struct run *r, const struct pkt_event *e, int i)
{
	long fd = arg_number(e, i);

	return fd >= 0 && fd < FD_MAX && r->fd[fd] ? &r->fd[fd] : NULL;
}

static long new_fd(struct run *r, const struct pkt_event *e, struct net_socket *s)
{
	long fd = e->result;

	if (fd < 0 || fd >= FD_MAX || r->fd[fd]) {
		net_socket_release(s);
		return -EBADF;
	}
	r->fd[fd] = s;
	r->nonblock[fd] = false;
	return fd;
}

static const struct net_caller caller = { .uid = 0, .pid = 1 };

static long call_socket(struct run *r, const struct pkt_event *e)
{
	bool udp = strstr(arg(e, 1), "SOCK_DGRAM") != NULL;
	struct net_socket *s;
	int result = net_socket_new(r->host, udp ? NET_UDP : NET_TCP, NET_IPV4, &caller, &s, NULL);
	long fd;

	if (result < 0)
		return result;
	fd = new_fd(r, e, s);
	if (fd >= 0)
		r->nonblock[fd] = strstr(arg(e, 1), "SOCK_NONBLOCK") != NULL;
	return fd;
}

static long call_bind(struct run *r, const struct pkt_event *e)
{
	struct net_endpoint at = { .port = LOCAL_PORT };

	return net_bind(*arg_fd(r, e, 0), &caller, &at, NULL);
}

static long call_accept(struct run *r, const struct pkt_event *e)
{
	struct net_socket *s;
	int result = net_accept(*arg_fd(r, e, 0), &s, NULL, NULL);

	return result < 0 ? result : new_fd(r, e, s);
}

static long call_connect(struct run *r, const struct pkt_event *e)
{
	struct net_endpoint to = { .addr = net_v4(REMOTE), .port = LOCAL_PORT };
	struct net_socket *s = *arg_fd(r, e, 0);
	struct net_socket_info info;

	r->remote_port = LOCAL_PORT;
	net_socket_get(s, &info);
	if (info.kind == NET_UDP)
		return net_connect(s, &to, NULL);
	if (r->waiting == e) /* it has been asked for: how did it come out? */
		return net_connect_result(s, NULL);
	return net_connect(s, &to, NULL);
}

static unsigned message_flags(const char *text)
{
	return (strstr(text, "MSG_PEEK") ? NET_PEEK : 0) | (strstr(text, "MSG_MORE") ? NET_MORE : 0) | (strstr(text, "MSG_OOB") ? NET_OOB : 0);
}

static long call_read(struct run *r, const struct pkt_event *e)
{
	long want = arg_bytes(e), result;
	uint8_t *data = g_malloc((gsize)MAX(want, 1));

	result = net_recv(*arg_fd(r, e, 0), data, (size_t)MAX(want, 0), message_flags(arg_flags(e)), NULL, NULL);
	g_free(data);
	return result;
}

static long call_write(struct run *r, const struct pkt_event *e)
{
	static const uint8_t zeros[1 << 20];
	struct net_endpoint to = { .addr = net_v4(REMOTE), .port = LOCAL_PORT };
	bool named = strcmp(e->name, "sendto") == 0 && *arg_fd(r, e, 0) && strcmp(arg(e, 4), "NULL") != 0;
	struct net_socket_info info;

	net_socket_get(*arg_fd(r, e, 0), &info);
	return net_send(*arg_fd(r, e, 0), zeros, MIN((size_t)arg_bytes(e), sizeof(zeros)),
			message_flags(arg_flags(e)), named && info.kind == NET_UDP ? &to : NULL, NULL);
}

static long call_close(struct run *r, const struct pkt_event *e)
{
	struct net_socket **s = arg_fd(r, e, 0);

	net_socket_release(*s);
	*s = NULL;
	return 0;
}

static long call_shutdown(struct run *r, const struct pkt_event *e)
{
	int how = strcmp(arg(e, 1), "SHUT_RD") == 0 ? SHUT_RD : strcmp(arg(e, 1), "SHUT_WR") == 0 ? SHUT_WR : SHUT_RDWR;

	return net_shutdown(*arg_fd(r, e, 0), how, NULL);
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
	return net_setsockopt(*arg_fd(r, e, 0), option, value, NULL);
}

static long call_getsockopt(struct run *r, const struct pkt_event *e)
{
	int option = option_of(arg(e, 2)), value, result;
	const char *text = arg(e, 3);

	if (option < 0)
		return -ENOPROTOOPT;
	result = net_getsockopt(*arg_fd(r, e, 0), option, &value, NULL);
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
	long fd = arg_number(e, 0);

	if (strcmp(arg(e, 1), "F_SETFL") == 0)
		r->nonblock[fd] = strstr(arg(e, 2), "O_NONBLOCK") != NULL;
	else
		return e->result;
	return 0;
}

/* One entry: poll([{fd=4, events=POLLIN, revents=POLLIN}], 1, 0). */
static long call_poll(struct run *r, const struct pkt_event *e)
{
	static const struct { const char *name; unsigned bit; } bits[] = {
		{ "POLLIN", NET_POLLIN }, { "POLLPRI", NET_POLLPRI }, { "POLLOUT", NET_POLLOUT }, { "POLLERR", NET_POLLERR }, { "POLLHUP", NET_POLLHUP },
		{ "POLLRDHUP", NET_POLLRDHUP },
	};
	const char *fd = strstr(arg(e, 0), "fd="), *want = strstr(arg(e, 0), " events="), *got = strstr(arg(e, 0), "revents=");
	unsigned asked = NET_POLLERR | NET_POLLHUP, said = 0, ready;

	if (!fd || !want || !got || atoi(fd + 3) >= FD_MAX || !r->fd[atoi(fd + 3)])
		return -EBADF;
	for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
		const char *w = strstr(want, bits[i].name), *g = strstr(got, bits[i].name);

		asked |= w && w < got ? bits[i].bit : 0;
		said |= g ? bits[i].bit : 0;
	}
	ready = net_poll(r->fd[atoi(fd + 3)]) & asked;
	if (ready != said)
		return ready ? -EINVAL : 0;
	return ready ? 1 : 0;
}

/* ioctl(4, SIOCINQ, [100]): what may be read; SIOCOUTQ: what is not acknowledged. */
static long call_ioctl(struct run *r, const struct pkt_event *e)
{
	struct net_socket_info info;
	bool out = strcmp(arg(e, 1), "SIOCOUTQ") == 0;

	if (!out && strcmp(arg(e, 1), "SIOCINQ") != 0)
		return -EINVAL;
	net_socket_get(*arg_fd(r, e, 0), &info);
	return (long)(out ? info.send_queue : info.recv_queue) == arg_number(e, 2) ? 0 : -EINVAL;
}

static long call_listen(struct run *r, const struct pkt_event *e)
{
	return net_listen(*arg_fd(r, e, 0), (int)arg_number(e, 1), NULL);
}

/* Not packetdrill's: the state of the connection (numbers of Linux), the host's newest socket that is no listener; 7: none. */
static long call_tcp_state(struct run *r, const struct pkt_event *e)
{
	struct net_socket_info info = { 0 };
	long state = NET_TCP_CLOSE;

	while (net_socket_above(r->host, info.id, &info))
		if (info.state != NET_TCP_LISTEN)
			state = info.state;
	return state;
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

static long call_once(struct run *r, const struct pkt_event *e, bool *known)
{
	*known = true;
	for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++)
		if (strcmp(calls[i].name, e->name) == 0)
			return calls[i].fd && !arg_fd(r, e, 0) ? -EBADF : calls[i].call(r, e);
	*known = false;
	return 0;
}

static bool would_block(long result)
{
	return result == -EAGAIN || result == -EINPROGRESS;
}

static bool check_result(struct run *r, const struct pkt_event *e, long result)
{
	if (e->any_result || (e->error ? result == -e->error && e->result == -1 : result == e->result))
		return true;
	return wrong(r, e, "%s gave %ld%s%s", e->name, result < 0 ? -1 : result, result < 0 ? " " : "",
		     result < 0 ? errno_name(-result) : "");
}

/* The call that waits is tried again; true unless it has ended otherwise than it should. */
static bool try_waiting(struct run *r)
{
	const struct pkt_event *e = r->waiting;
	ns_t tolerance = (ns_t)r->script->tolerance;
	bool known;
	long result;

	if (!e || r->failed)
		return !r->failed;
	result = call_once(r, e, &known);
	if (would_block(result) && r->clock.now <= r->waiting_end + tolerance)
		return true;
	r->waiting = NULL;
	if (!would_block(result) && r->clock.now + tolerance < r->waiting_end)
		r->failed = !wrong(r, e, "%s returned early, at %.6f", e->name, (double)(int64_t)(r->clock.now - r->start) / 1e9);
	else
		r->failed = !check_result(r, e, result);
	return !r->failed;
}

static bool do_call(struct run *r, const struct pkt_event *e)
{
	long result;
	bool known;

	result = call_once(r, e, &known);
	if (!known)
		return wrong(r, e, "the call %s is not known", e->name);
	if (e->wait >= 0) { /* the script goes on while it waits */
		r->waiting = e;
		if (would_block(result))
			return true;
		r->waiting = NULL;
	}
	return check_result(r, e, result) && run_until(r, r->clock.now);
}
