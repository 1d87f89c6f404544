/* process_ctl_name.c - names in commands: how one is looked up before the command goes on; and `resolve`. */
#include "net.h"
#include "process_ctl.h"
#include "socket_file.h"

#include <string.h>

static void naming_free(void *state)
{
	struct naming *n = state;

	if (n->work)
		n->release(n->work);
	net_lookup_free(n->lookup);
	g_array_free(n->addrs, TRUE);
	g_free(n);
}

static struct naming *naming_new(struct call *c, struct net_lookup *l)
{
	struct naming *n = g_new0(struct naming, 1);

	n->lookup = l;
	n->addrs = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	call_keep(c, n, naming_free);
	return n;
}

static int begin(struct call *c, const char *name, struct net_lookup_config *config, struct naming **out, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct net_host *h = p ? world_net(c->n, e) : NULL;
	g_autofree char *scoped = h ? net_scope_number(h, name) : NULL; /* fe80::1%eth0 */
	struct net_lookup *l;

	if (!h)
		return -e->code;
	if (c->nonblock)
		return err_set(e, EAGAIN, -1, "it would have to wait");
	config->who = socket_caller(p);
	if (names_lookup(c->n, scoped, config, &l, e))
		return -e->code;
	*out = naming_new(c, l);
	return 0;
}

int naming_go(struct call *c, unsigned arg, const char *name, bool v4, bool v6, struct naming **out, struct err *e)
{
	struct net_lookup_config config = { .v4 = v4, .v6 = v6 };
	struct naming *n = call_state(c);
	int rc = 0;

	if (!command_caller(c, e))
		return -e->code;                         /* it, or its host, has gone meanwhile */
	if (!n)
		rc = begin(c, name, &config, &n, e);
	if (!rc && !net_lookup_step(n->lookup))
		return -EINPROGRESS;
	if (!rc && !n->addrs->len)
		rc = net_lookup_addresses(n->lookup, n->addrs, e);
	if (rc && e->arg >= 0)
		e->arg = (int)arg;
	*out = n;
	return rc;
}

bool arg_is_named(const struct call *c, unsigned i)
{
	const char *text = c->args[i].text, *colon = strrchr(text, ':');
	g_autofree char *host = colon ? g_strndup(text, (size_t)(colon - text)) : NULL;
	struct net_endpoint to;
	struct net_addr a;

	return host && *host && *host != '[' && !strchr(host, ':') && !net_addr_parse(host, &a) && !net_endpoint_parse(text, &to) &&
	       !g_ascii_isdigit(host[strlen(host) - 1]);
}

bool arg_name_port(const struct call *c, unsigned i, char **name, uint16_t *port, struct err *e)
{
	const char *text = c->args[i].text, *colon = strrchr(text, ':');

	if (!colon || colon == text) {
		err_set(e, EINVAL, (int)i, "'%.60s' is not a name and a port, as www.virginia.edu:80", text);
		return false;
	}
	if (!names_port(c->n, colon + 1, port)) {
		err_set(e, EINVAL, (int)i, "'%.40s' is neither a port nor a name in net/services", colon + 1);
		return false;
	}
	*name = g_strndup(text, (size_t)(colon - text));
	return true;
}

/* resolve */

static bool add_server(const struct call *c, const char *option, struct net_lookup_config *config, struct err *e)
{
	const char *text = arg_option(c, option);

	if (!text)
		return true;
	if (config->servers) {
		err_set(e, EINVAL, -1, "server= asks one for all, root= follows referrals: either");
		return false;
	}
	if (net_addr_parse(text, &config->server[0])) {
		config->servers = 1;
		return true;
	}
	err_set(e, EINVAL, -1, "%s=%.40s is not an address", option, text);
	return false;
}

static void put_addresses(GString *out, const GArray *addrs, bool has_port, uint16_t port)
{
	char text[NET_ENDPOINT_TEXT];

	for (unsigned i = 0; i < addrs->len; i++) {
		struct net_endpoint at = { .addr = g_array_index(addrs, struct net_addr, i), .port = port };

		put_text(out, has_port ? net_endpoint_text(&at, text) : net_addr_text(&at.addr, text));
		put_char(out, '\n');
	}
}

int run_resolve(struct call *c, struct err *e)
{
	struct net_lookup_config config = { .v4 = true, .v6 = true, .type = arg_option(c, "type"), .iterative = arg_option(c, "root") };
	struct naming *n = call_state(c);
	uint64_t trace = 0;
	uint16_t port = 0;
	int rc = 0;

	if (!command_caller(c, e) || !add_server(c, "server", &config, e) || !add_server(c, "root", &config, e) || !option_number(c, "trace", &trace, e))
		return -e->code;
	if (arg_present(c, 1) && !names_port(c->n, c->args[1].text, &port))
		return err_set(e, EINVAL, 1, "'%.40s' is neither a port nor a name in net/services", c->args[1].text);
	if (!n)
		rc = begin(c, c->args[0].text, &config, &n, e);
	if (!rc && !net_lookup_step(n->lookup))
		return -EINPROGRESS;
	if (!rc && trace)
		put_text(c->result, net_lookup_trace(n->lookup));
	if (!rc && config.type)
		rc = net_lookup_records(n->lookup, c->result, e);
	else if (!rc)
		rc = net_lookup_addresses(n->lookup, n->addrs, e);
	if (!rc && !config.type)
		put_addresses(c->result, n->addrs, arg_present(c, 1), port);
	return rc;
}
