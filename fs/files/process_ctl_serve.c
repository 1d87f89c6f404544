/* process_ctl_serve.c - `serve`: the process becomes a built-in server. */
#include "daemon.h"
#include "process_ctl.h"
#include "serve.h"

#include <string.h>

enum { POOL_MAX = 1024, BACKLOG = 128, PATIENCE_S = 20 };

/* Servers of messages: each is one loop, and has options of its own. */
static const struct { const char *name; uint16_t port; int (*run)(struct call *, struct vm_proc *, uint16_t, struct err *); } daemons[] = {
	{ "dns", 53, serve_dns },
	{ "dhcp", 67, serve_dhcp },
};

/* serial, fork, thread, or pool=N: written style=pool=4. */
static int read_style(const struct call *c, struct serve_options *o, struct err *e)
{
	const char *text = arg_option(c, "style");
	uint64_t n;

	if (!text)
		return 0;
	if (g_str_has_prefix(text, "pool=")) {
		if (parse_number(text + 5, &n, e))
			return -e->code;
		if (n < 1 || n > POOL_MAX)
			return err_set(e, EINVAL, -1, "a pool has 1 to %d threads", POOL_MAX);
		o->style = SERVE_POOL;
		o->pool = (unsigned)n;
		return 0;
	}
	for (unsigned i = 0; i < SERVE_POOL; i++)
		if (!strcmp(serve_style_names[i], text)) {
			o->style = i;
			return 0;
		}
	return err_set(e, EINVAL, -1, "style=%.40s is none of: serial fork thread pool=N", text);
}

static int read_service(const struct call *c, struct serve_options *o, struct err *e)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const struct net_service *s;

	o->service = net_service_named(c->args[0].text);
	if (o->service)
		return 0;
	for (unsigned i = 0; (s = net_service_at(i)); i++)
		g_string_append_printf(names, " %s", s->name);
	for (size_t i = 0; i < G_N_ELEMENTS(daemons); i++)
		g_string_append_printf(names, " %s", daemons[i].name);
	return err_set(e, EINVAL, 0, "'%.40s' is none of:%s", c->args[0].text, names->str);
}

static int read_port(const struct call *c, uint16_t known, uint16_t *port, struct err *e)
{
	uint64_t v = known;

	if (arg_present(c, 1) && !arg_is(c, 1, "recursive") && !arg_number(c, 1, &v, e))
		return -e->code;
	if (v > UINT16_MAX)
		return err_set(e, EINVAL, 1, "a port is at most 65535");
	*port = (uint16_t)v;
	return 0;
}

/* 1: it is none of them. */
static int run_daemon(struct call *c, struct vm_proc *p, struct err *e)
{
	uint16_t port = 0;

	for (size_t i = 0; i < G_N_ELEMENTS(daemons); i++)
		if (!strcmp(daemons[i].name, c->args[0].text)) {
			if (c->count == 3 && !arg_is(c, 2, "recursive"))
				return err_set(e, EINVAL, 2, "'%.40s' is not recursive", c->args[2].text);
			return read_port(c, daemons[i].port, &port, e) ? -e->code : daemons[i].run(c, p, port, e);
		}
	return 1;
}

static int check_options(const struct call *c, struct err *e)
{
	static const char *const others[] = { "zone", "root", "if", "range", "router", "dns", "domain", "lease" };

	for (size_t i = 0; i < G_N_ELEMENTS(others); i++)
		if (arg_option(c, others[i]))
			return err_set(e, EINVAL, -1, "%s= is not for %.20s", others[i], c->args[0].text);
	if (arg_is(c, 1, "recursive") || c->count > 2)
		return err_set(e, EINVAL, (int)c->count - 1, "recursive is for dns");
	return 0;
}

int run_serve(struct call *c, struct err *e)
{
	struct serve_options o = { .backlog = BACKLOG, .patience = (ns_t)PATIENCE_S * NS_PER_S };
	struct vm_proc *p = command_caller(c, e);
	uint64_t backlog = BACKLOG, waits = 0;
	const char *proto = arg_option(c, "proto");
	int fd, code = p ? run_daemon(c, p, e) : -e->code;

	if (code <= 0)
		return code;
	if (read_service(c, &o, e) || check_options(c, e) || read_style(c, &o, e) || !option_time(c, "work", &o.work, e) ||
	    !option_time(c, "timeout", &o.patience, e) || !option_number(c, "backlog", &backlog, e) || !option_number(c, "wait", &waits, e) ||
	    read_port(c, o.service->port, &o.port, e))
		return -e->code;
	if (arg_option(c, "timeout") && !o.service->deadline)
		return err_set(e, EINVAL, -1, "timeout= is for http: %.20s waits as long as its clients like", o.service->name);
	if (proto && strcmp(proto, "tcp") && strcmp(proto, "udp"))
		return err_set(e, EINVAL, -1, "proto=%.40s is neither tcp nor udp", proto);
	if (proto && !strcmp(proto, "udp")) {
		if (o.style != SERVE_SERIAL || o.work || waits || arg_option(c, "backlog"))
			return err_set(e, EINVAL, -1, "a server of datagrams is one process and has no queue of connections");
		return serve_messages(c, p, o.service, o.port, e);
	}
	if (waits > 1 || (waits && o.style != SERVE_FORK))
		return err_set(e, EINVAL, -1, "wait=1 is for style=fork");
	o.backlog = (int)MIN(backlog, INT32_MAX);
	o.waits = waits;
	code = serve_start(c->n, p, &o, &fd, e);
	if (!code)
		put_dec(c->result, (uint64_t)fd);
	return code;
}
