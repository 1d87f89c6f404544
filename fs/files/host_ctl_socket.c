/* host_ctl_socket.c - set-socket: rows in a host's socket tables as if by traffic, for fixtures. */
#include "host_ctl.h"

#include "socket_file.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static bool arg_kind(const struct call *c, unsigned i, enum net_kind *kind, enum net_family *family, struct err *e)
{
	static const char *const names[] = { "udp", "tcp", "icmp", "udp6", "tcp6", "icmp6", NULL };
	unsigned which;

	static_assert(NET_UDP == 0 && NET_TCP == 1 && NET_ICMP == 2, "names are in their order");
	if (!arg_choice(c, i, names, &which, e))
		return false;
	*kind = which % 3;
	*family = which < 3 ? NET_IPV4 : NET_IPV6;
	return true;
}

/* ADDR:PORT; `-` is 0.0.0.0:0, or [::]:0. */
static bool arg_end(const struct call *c, unsigned i, enum net_family family, struct net_endpoint *end, struct err *e)
{
	*end = (struct net_endpoint){ .addr.family = family };
	if (arg_is(c, i, "-") || (strlen(c->args[i].text) == c->args[i].len && net_endpoint_parse(c->args[i].text, end) &&
				   end->addr.family == family))
		return true;
	err_set(e, EINVAL, (int)i, "'%.60s' is not an address and a port, as %s", c->args[i].text,
		family == NET_IPV6 ? "[2001:db8::1]:80" : "10.0.0.1:80");
	return false;
}

/* TIME_WAIT, TIME-WAIT, time_wait. For what is not tcp: `-`, CLOSE and ESTABLISHED, by the remote end alone. */
static bool arg_state(const struct call *c, unsigned i, enum net_tcp_state *state, struct err *e)
{
	g_autofree char *name = g_ascii_strup(c->args[i].text, -1);

	for (char *d = name; d[0] && d[1]; d++)
		if (*d == '-')
			*d = '_';
	*state = NET_TCP_CLOSE;
	if (arg_is(c, i, "-"))
		return true;
	for (unsigned s = 1; s < NET_TCP_STATES; s++)
		if (!strcmp(net_tcp_state_names[s], name)) {
			*state = s;
			return true;
		}
	err_set(e, EINVAL, (int)i, "'%.40s' is no state, as ESTABLISHED, LISTEN or TIME_WAIT", c->args[i].text);
	return false;
}

static bool option_queue(const struct call *c, const char *name, uint32_t *bytes, struct err *e)
{
	uint64_t v = 0;

	if (!option_number(c, name, &v, e))
		return false;
	if (v > UINT32_MAX) {
		err_set(e, EINVAL, -1, "%s=%" PRIu64 " is no queue's length", name, v);
		return false;
	}
	*bytes = (uint32_t)v;
	return true;
}

/* Who holds it: *p NULL when nobody is named. */
static bool option_holder(const struct call *c, struct vm_proc **p, int *fd, struct err *e)
{
	struct vm_host *vm = world_vm(c->n, e);
	uint64_t pid = 0, number = 0;

	*p = NULL;
	*fd = -1;
	if (!vm || !option_number(c, "pid", &pid, e) || !option_number(c, "fd", &number, e))
		return false;
	if (arg_option(c, "pid") && (pid > INT32_MAX || !(*p = vm_proc_at(vm, (int32_t)pid)))) {
		err_set(e, ESRCH, -1, "there is no process %" PRIu64, pid);
		return false;
	}
	if (!arg_option(c, "fd"))
		return true;
	if (!*p) {
		err_set(e, EINVAL, -1, "fd= is of the process that pid= names");
		return false;
	}
	*fd = (int)MIN(number, INT32_MAX);
	return true;
}

int run_set_socket(struct call *c, struct err *e)
{
	struct host *h = world_host(c->n, e);
	struct net_fixture f = { 0 };
	enum net_family family;
	struct vm_proc *p;
	int fd;

	if (!h || !arg_kind(c, 0, &f.kind, &family, e) || !arg_end(c, 1, family, &f.local, e) ||
	    !arg_end(c, 2, family, &f.remote, e) ||
	    !arg_state(c, 3, &f.state, e) || !option_queue(c, "rxq", &f.recv_queue, e) ||
	    !option_queue(c, "txq", &f.send_queue, e) || !option_holder(c, &p, &fd, e))
		return -e->code;
	return socket_fixture(h, p, fd, &f, e);
}
