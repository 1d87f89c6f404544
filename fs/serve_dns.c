/* serve_dns.c - `serve dns`: a process that is a name server. */
#include "command.h"
#include "daemon.h"
#include "net_dns.h"
#include "serve.h"
#include "socket_file.h"
#include "text.h"

#include <string.h>

struct dns_daemon {
	struct net_dns_server *server;
	int udp[NET_DNS_PAIRS], tcp[NET_DNS_PAIRS]; /* descriptors, of version 4 and 6 */
};

static enum daemon_step step(void *state, struct vm_proc *p)
{
	struct dns_daemon *d = state;
	struct net_socket *udp[NET_DNS_PAIRS], *tcp[NET_DNS_PAIRS];

	for (unsigned i = 0; i < NET_DNS_PAIRS; i++) {
		udp[i] = socket_of_fd(p, d->udp[i], NULL);
		tcp[i] = socket_of_fd(p, d->tcp[i], NULL);
		if (!udp[i] || !tcp[i])
			return DAEMON_ENDS;
	}
	return net_dns_server_step(d->server, udp, tcp, NET_DNS_PAIRS) ? DAEMON_DID : DAEMON_WAITS;
}

static void dns_free(void *state)
{
	struct dns_daemon *d = state;

	net_dns_server_free(d->server);
	g_free(d);
}

static const struct daemon_ops ops = { .step = step, .free = dns_free };

static int add_zone(struct call *c, struct net_dns_server *s, const char *path, struct err *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int rc = serve_read_file(c->n, path, text);
	struct err why = { .arg = -1 };

	if (rc)
		return err_set(e, -rc, -1, "zone=%.80s: %s", path, g_strerror(-rc));
	if (net_dns_server_zone(s, text->str, text->len, &why))
		return err_set(e, why.code, -1, "%.60s: %s", path, why.why);
	return 0;
}

static int add_root(struct net_dns_server *s, const char *text, struct err *e)
{
	struct net_addr a;

	if (!net_addr_parse(text, &a))
		return err_set(e, EINVAL, -1, "root=%.40s is not an address", text);
	return net_dns_server_root(s, &a, e);
}

/* zone=FILE..., root=ADDR..., recursive */
static int configure(struct call *c, struct net_dns_server *s, struct err *e)
{
	bool recursive = false, roots = false, any = false;

	for (unsigned i = 1; i < c->count; i++)
		recursive |= arg_is(c, i, "recursive");
	for (unsigned i = 0; i < c->option_count; i++) {
		const char *word = c->options[i].text;
		int rc = 0;

		if (g_str_has_prefix(word, "zone=")) {
			rc = add_zone(c, s, word + 5, e);
			any = true;
		} else if (g_str_has_prefix(word, "root=")) {
			rc = add_root(s, word + 5, e);
			roots = true;
		} else {
			rc = err_set(e, EINVAL, -1, "dns does not take %.40s", word);
		}
		if (rc)
			return rc;
	}
	if (recursive != roots)
		return err_set(e, EINVAL, -1, "recursive and root=ADDR go together");
	if (!any && !recursive)
		return err_set(e, EINVAL, -1, "a name server has zone=FILE, or is recursive root=ADDR");
	return 0;
}

/* All of them or none. */
static int open_sockets(struct call *c, struct vm_proc *p, struct dns_daemon *d, uint16_t port, struct err *e)
{
	static const enum net_family families[NET_DNS_PAIRS] = { NET_IPV4, NET_IPV6 };
	int opened[2 * NET_DNS_PAIRS], n = 0, rc = 0;

	for (unsigned i = 0; i < NET_DNS_PAIRS && !rc; i++) {
		rc = daemon_socket(c->n, p, NET_UDP, families[i], port, &d->udp[i], e);
		if (!rc)
			opened[n++] = d->udp[i];
		if (!rc)
			rc = daemon_socket(c->n, p, NET_TCP, families[i], port, &d->tcp[i], e);
		if (!rc)
			opened[n++] = d->tcp[i];
	}
	for (int i = 0; i < n; i++) {
		if (rc) {
			vm_close(p, opened[i], NULL);
			continue;
		}
		if (i)
			put_char(c->result, ' ');
		put_dec(c->result, (uint64_t)opened[i]);
	}
	return rc;
}

int serve_dns(struct call *c, struct vm_proc *p, uint16_t port, struct err *e)
{
	struct host *h = world_host(c->n, e);
	struct net_caller who = socket_caller(p);
	struct dns_daemon *d;
	int rc;

	if (!h)
		return -e->code;
	d = g_new0(struct dns_daemon, 1);
	d->server = net_dns_server_new(h->net, &who, h->dns_cache);
	rc = configure(c, d->server, e);
	if (!rc)
		rc = open_sockets(c, p, d, port, e);
	if (rc) {
		dns_free(d);
		return rc;
	}
	daemon_start(c->n, &ops, d);
	return 0;
}
