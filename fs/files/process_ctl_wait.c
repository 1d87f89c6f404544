/* process_ctl_wait.c - how commands about descriptors wait; poll and close, which may wait for a time. */
#include "process_ctl.h"
#include "socket_file.h"

#include <string.h>
#include <sys/socket.h>

static void waiting_release(void *state)
{
	struct waiting *w = state;

	clock_cancel(w->clock, &w->timer);
	if (w->held)
		net_socket_release(w->held);
	g_free(w);
}

static void waiting_fire(struct timer *t)
{
	struct waiting *w = (struct waiting *)((char *)t - offsetof(struct waiting, timer));

	w->over = true;
}

struct waiting *wait_begin(struct call *c)
{
	struct waiting *w = g_new0(struct waiting, 1);

	w->clock = &c->n->world->clock;
	w->timer.fire = waiting_fire;
	call_keep(c, w, waiting_release);
	return w;
}

struct waiting *wait_until(struct call *c, ns_t after)
{
	struct waiting *w = wait_begin(c);

	clock_set(w->clock, &w->timer, w->clock->now + after);
	return w;
}

int or_wait(const struct call *c, int error)
{
	return error == -EAGAIN && !c->nonblock ? -EINPROGRESS : error;
}

/* poll */

static const struct { unsigned bit; const char *name; } poll_names[] = {
	{ VM_POLL_IN, "in" }, { VM_POLL_PRI, "pri" }, { VM_POLL_OUT, "out" }, { VM_POLL_ERR, "err" }, { VM_POLL_HUP, "hup" },
};

static void put_ready(GString *out, uint64_t fd, const char *what, unsigned ready)
{
	bool first = true;

	if (out->len)
		put_char(out, ' ');
	put_dec(out, fd);
	put_char(out, '=');
	put_text(out, what);
	for (size_t i = 0; i < G_N_ELEMENTS(poll_names); i++) {
		if (!(ready & poll_names[i].bit))
			continue;
		put_text(out, first ? "" : ",");
		put_text(out, poll_names[i].name);
		first = false;
	}
}

/* FD (in and out), FD=in, FD=out or FD=pri: errors and the end are always told. */
static bool arg_polled(const struct call *c, unsigned i, uint64_t *fd, unsigned *wanted, struct err *e)
{
	g_autofree char *number = g_strndup(c->args[i].text, strcspn(c->args[i].text, "="));
	const char *rest = c->args[i].text + strlen(number);

	*wanted = VM_POLL_ERR | VM_POLL_HUP;
	if (!*rest || !strcmp(rest, "=in"))
		*wanted |= VM_POLL_IN;
	if (!*rest || !strcmp(rest, "=out"))
		*wanted |= VM_POLL_OUT;
	if (!strcmp(rest, "=pri"))
		*wanted |= VM_POLL_PRI;
	if ((*rest && *wanted == (VM_POLL_ERR | VM_POLL_HUP)) || strlen(c->args[i].text) != c->args[i].len) {
		err_set(e, EINVAL, (int)i, "'%.40s' is not FD, FD=in, FD=out or FD=pri", c->args[i].text);
		return false;
	}
	if (!parse_number(number, fd, e))
		return true;
	e->arg = (int)i;
	return false;
}

static int poll_all(struct call *c, struct vm_proc *p, struct err *e)
{
	unsigned ready, wanted;
	uint64_t fd;

	for (unsigned i = 0; i < c->count; i++) {
		if (!arg_polled(c, i, &fd, &wanted, e))
			return -e->code;
		if (fd > INT32_MAX || vm_fd_poll(p, (int)fd, &ready, NULL))
			put_ready(c->result, fd, "nval", 0);
		else if (ready & wanted)
			put_ready(c->result, fd, "", ready & wanted);
	}
	return 0;
}

int run_poll(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	const struct waiting *w = call_state(c);
	ns_t timeout = 0;
	int code;

	if (!p || !option_time(c, "timeout", &timeout, e))
		return -e->code;
	code = poll_all(c, p, e);
	if (code || c->result->len || (w && w->over))
		return code;
	if (arg_option(c, "timeout") && timeout == 0)
		return 0;
	if (c->nonblock)
		return err_set(e, EAGAIN, -1, "nothing is ready");
	if (!w && arg_option(c, "timeout"))
		wait_until(c, timeout);
	return -EINPROGRESS;
}

/* close */

/* SO_LINGER: how long close(2) waits for the other end to have everything; 0: it does not. */
static ns_t linger_time(const struct vm_fd *f)
{
	struct net_socket *s = socket_of(f);
	struct net_socket_info info;
	int seconds;

	if (!s || net_getsockopt(s, NET_SO_LINGER, &seconds, NULL) || seconds <= 0)
		return 0;
	net_socket_get(s, &info);
	if (info.kind != NET_TCP || info.refs > 1 || info.recv_queue)
		return 0;
	return (ns_t)seconds * NS_PER_S;
}

static bool is_unsettled(const struct net_socket *s)
{
	struct net_socket_info info;

	net_socket_get(s, &info);
	return info.state == NET_TCP_FIN_WAIT1 || info.state == NET_TCP_CLOSING || info.state == NET_TCP_LAST_ACK;
}

int run_close(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct waiting *w = call_state(c);
	struct net_socket *s;
	struct vm_fd f;
	ns_t linger;
	int fd;

	if (w)
		return w->over || !is_unsettled(w->held) ? 0 : -EINPROGRESS;
	if (!p || !arg_fd(c, 0, &fd, e) || vm_fd_at(p, fd, &f, e))
		return -e->code;
	linger = linger_time(&f);
	if (!linger || c->nonblock)
		return vm_close(p, fd, e);
	s = socket_of(&f);
	net_socket_retain(s);
	vm_close(p, fd, NULL);
	if (net_shutdown(s, SHUT_RDWR, NULL) || !is_unsettled(s)) {
		net_socket_release(s);
		return 0;
	}
	wait_until(c, linger)->held = s;
	return -EINPROGRESS;
}
