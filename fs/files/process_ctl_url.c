/* process_ctl_url.c - `url REF [base=URL]`: a reference taken apart, resolved where a base is given. */
#include "process_ctl.h"
#include "net_url.h"

#include <string.h>

static void put_line(GString *out, const char *name, const struct net_url_part *p)
{
	put_text(out, name);
	put_char(out, '=');
	if (p->at)
		g_string_append_len(out, p->at, (gssize)p->len);
	else
		put_char(out, '-');
	put_char(out, '\n');
}

static void put_url(GString *out, const struct net_url *u)
{
	put_line(out, "scheme", &u->scheme);
	put_line(out, "userinfo", &u->userinfo);
	put_line(out, "host", &u->host);
	put_line(out, "port", &u->port);
	put_line(out, "path", &u->path);
	put_line(out, "query", &u->query);
	put_line(out, "fragment", &u->fragment);
	put_text(out, "url=");
	net_url_write(u, out);
	put_char(out, '\n');
}

int run_url(struct call *c, struct err *e)
{
	const char *base_text = arg_option(c, "base");
	struct net_url ref = { 0 }, base = { 0 }, target = { 0 };
	int rc;

	if (!command_caller(c, e))
		return -e->code;
	rc = net_url_parse(c->args[0].text, c->args[0].len, &ref, e);
	if (rc) {
		e->arg = 0;
	} else if (base_text) {
		rc = net_url_parse(base_text, strlen(base_text), &base, e);
		if (!rc)
			rc = net_url_resolve(&base, &ref, &target, e);
		if (rc)
			e->arg = -1;
	}
	if (!rc)
		put_url(c->result, base_text ? &target : &ref);
	net_url_clear(&ref);
	net_url_clear(&base);
	net_url_clear(&target);
	return rc;
}
