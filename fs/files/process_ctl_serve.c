/* process_ctl_serve.c - `serve`: the process becomes a built-in server. */
#include "process_ctl.h"
#include "serve.h"

#include <string.h>

enum { POOL_MAX = 1024, BACKLOG = 128 };

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
	return err_set(e, EINVAL, 0, "'%.40s' is none of:%s", c->args[0].text, names->str);
}

int run_serve(struct call *c, struct err *e)
{
	struct serve_options o = { .backlog = BACKLOG };
	struct vm_proc *p = command_caller(c, e);
	uint64_t port = 0, backlog = BACKLOG, waits = 0;
	int fd, code;

	if (!p || read_service(c, &o, e) || read_style(c, &o, e) || !option_time(c, "work", &o.work, e) ||
	    !option_number(c, "backlog", &backlog, e) || !option_number(c, "wait", &waits, e) ||
	    (arg_present(c, 1) && !arg_number(c, 1, &port, e)))
		return -e->code;
	if (port > UINT16_MAX)
		return err_set(e, EINVAL, 1, "a port is at most 65535");
	if (waits > 1 || (waits && o.style != SERVE_FORK))
		return err_set(e, EINVAL, -1, "wait=1 is for style=fork");
	o.port = arg_present(c, 1) ? (uint16_t)port : o.service->port;
	o.backlog = (int)MIN(backlog, INT32_MAX);
	o.waits = waits;
	code = serve_start(c->n, p, &o, &fd, e);
	if (!code)
		put_dec(c->result, (uint64_t)fd);
	return code;
}
