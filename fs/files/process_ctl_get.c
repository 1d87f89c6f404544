/* process_ctl_get.c - `get URL`: the URL taken apart, its host's name looked up, a connection made, a question asked, the answer read. */
#include "net.h"
#include "net_http.h"
#include "process_ctl.h"
#include "socket_file.h"

#include "vm_file.h"

#include <string.h>

enum { HOPS_MAX = 10, INPUT_MAX = 65536 };
enum phase { PHASE_NAME, PHASE_CONNECT, PHASE_CONNECTING, PHASE_SEND, PHASE_RECEIVE, PHASE_DONE };

struct get {
	struct node process;
	enum phase phase;
	struct net_url url;
	struct net_lookup *lookup;
	GArray  *addrs;          /* struct net_addr */
	unsigned next, hops;
	int      fd;             /* -1: none */
	GString *request, *trace;
	size_t   sent;
	struct net_http *answer;
};

static void close_fd(struct get *g)
{
	struct vm_proc *p = world_proc(&g->process, NULL);

	if (p && g->fd >= 0)
		vm_close(p, g->fd, NULL);
	g->fd = -1;
}

static void get_free(void *state)
{
	struct get *g = state;

	close_fd(g);
	net_url_clear(&g->url);
	net_lookup_free(g->lookup);
	g_array_free(g->addrs, TRUE);
	g_string_free(g->request, TRUE);
	g_string_free(g->trace, TRUE);
	net_http_free(g->answer);
	g_free(g);
}

/* What it does, step by step, for trace=1: lines behind a mark. */
static void tell(struct get *g, char mark, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (unsigned i = 0; lines[i]; i++)
		if (*g_strchomp(lines[i]))
			g_string_append_printf(g->trace, "%c %s\n", mark, lines[i]);
}

static void tell_url(struct get *g)
{
	GString *line = g_string_new("url ");

	net_url_write(&g->url, line);
	g_string_append_printf(line, " host=%.*s port=%u path=%.*s", (int)g->url.host.len, g->url.host.at, net_url_port(&g->url),
			       (int)MAX(g->url.path.len, 1), g->url.path.len ? g->url.path.at : "/");
	tell(g, '*', line->str);
	g_string_free(line, TRUE);
}

/* The steps: each gives 1 it went on, 0 it has to wait, -errno */

/* Takes `u` over. */
static int begin(struct get *g, struct net_url *u, struct err *e)
{
	struct net_lookup_config c = { .v4 = true, .v6 = true };
	g_autofree char *host = NULL;
	struct vm_proc *p = world_proc(&g->process, e);

	net_url_clear(&g->url);
	g->url = *u;
	g_string_truncate(g->request, 0);
	g->sent = g->next = 0;
	net_http_free(g->answer);
	g->answer = net_http_new();
	net_lookup_free(g->lookup);
	g->lookup = NULL;
	if (!p || net_http_request(u, g->request, e))
		return -e->code;
	tell_url(g);
	host = net_http_host(u, e);
	c.who = socket_caller(p);
	g->phase = PHASE_NAME;
	return names_lookup(&g->process, host, &c, &g->lookup, e) ? -e->code : 1;
}

static int name_on(struct get *g, struct err *e)
{
	int rc;

	if (!net_lookup_step(g->lookup))
		return 0;
	tell(g, '*', net_lookup_trace(g->lookup));
	rc = net_lookup_addresses(g->lookup, g->addrs, e);
	g->phase = PHASE_CONNECT;
	return rc ? rc : 1;
}

/* That address is of no use: the next one, if there is one. */
static int failed(struct get *g, int rc, struct err *e)
{
	g_autofree char *line = NULL;
	char text[NET_ADDR_TEXT];

	line = g_strdup_printf("tcp %s port %u: %s", net_addr_text(&g_array_index(g->addrs, struct net_addr, g->next), text),
			       net_url_port(&g->url), g_strerror(-rc));
	tell(g, '*', line);
	close_fd(g);
	g->phase = PHASE_CONNECT;
	*e = (struct err){ .arg = -1 };
	return ++g->next < g->addrs->len ? 1 : err_set(e, -rc, 0, "%s", line);
}

static int connect_begin(struct get *g, struct vm_proc *p, struct err *e)
{
	struct net_endpoint to = { .addr = g_array_index(g->addrs, struct net_addr, g->next), .port = net_url_port(&g->url) };
	struct net_caller who = socket_caller(p);
	struct net_socket *s;
	int rc = net_socket_new(world_net(&g->process, NULL), NET_TCP, to.addr.family, &who, &s, e);

	if (rc)
		return failed(g, rc, e);
	rc = socket_install(p, s, &g->fd, e);
	if (rc) {
		g->fd = -1;
		return rc;
	}
	rc = net_connect(s, &to, e);
	g->phase = PHASE_CONNECTING;
	return rc && rc != -EINPROGRESS ? failed(g, rc, e) : 1;
}

static int connecting_on(struct get *g, struct net_socket *s, struct err *e)
{
	char local[NET_ENDPOINT_TEXT], remote[NET_ENDPOINT_TEXT];
	struct net_socket_info info;
	g_autofree char *line = NULL;
	int rc = net_connect_result(s, e);

	if (rc == -EINPROGRESS)
		return 0;
	if (rc)
		return failed(g, rc, e);
	net_socket_get(s, &info);
	line = g_strdup_printf("tcp %s -> %s connected", net_endpoint_text(&info.local, local), net_endpoint_text(&info.remote, remote));
	tell(g, '*', line);
	tell(g, '>', g->request->str);
	g->phase = PHASE_SEND;
	return 1;
}

static int send_on(struct get *g, struct net_socket *s, struct err *e)
{
	ssize_t n = net_send(s, g->request->str + g->sent, g->request->len - g->sent, 0, NULL, e);

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	g->sent += (size_t)n;
	if (g->sent == g->request->len)
		g->phase = PHASE_RECEIVE;
	return 1;
}

static int redirect(struct get *g, const char *location, struct err *e)
{
	struct net_url ref = { 0 }, target = { 0 };
	int rc;

	if (++g->hops > HOPS_MAX)
		return err_set(e, ELOOP, 0, "more than %d redirections", HOPS_MAX);
	rc = net_url_parse(location, strlen(location), &ref, e);
	if (!rc)
		rc = net_url_resolve(&g->url, &ref, &target, e);
	net_url_clear(&ref);
	return rc ? rc : begin(g, &target, e);
}

static int refused(int status, const char *head, struct err *e)
{
	int code = status == 404 || status == 410 ? ENOENT : status == 401 || status == 403 ? EACCES : EIO;

	return err_set(e, code, 0, "the server answers %.*s", (int)MIN(strcspn(head, "\n"), 100), head);
}

static int answered(struct get *g, struct err *e)
{
	struct net_http_answer a;

	net_http_get(g->answer, &a);
	close_fd(g);
	tell(g, '<', a.head);
	if ((a.status == 301 || a.status == 302 || a.status == 303 || a.status == 307 || a.status == 308) && a.location)
		return redirect(g, a.location, e);
	if (a.status >= 300)
		return refused(a.status, a.head, e);
	g->phase = PHASE_DONE;
	return 1;
}

static int receive_on(struct get *g, struct net_socket *s, struct err *e)
{
	g_autofree char *buffer = g_malloc(INPUT_MAX);
	ssize_t n = net_recv(s, buffer, INPUT_MAX, 0, NULL, e);
	struct net_http_answer a;
	int rc;

	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return (int)n;
	rc = net_http_input(g->answer, buffer, (size_t)n, n == 0, e);
	if (rc)
		return rc;
	net_http_get(g->answer, &a);
	return a.done ? answered(g, e) : 1;
}

static int step(struct get *g, struct vm_proc *p, struct err *e)
{
	struct net_socket *s;

	if (g->phase == PHASE_NAME)
		return name_on(g, e);
	if (g->phase == PHASE_CONNECT)
		return connect_begin(g, p, e);
	s = socket_of_fd(p, g->fd, e);
	if (!s) {
		g->fd = -1;                              /* somebody closed it */
		return -e->code;
	}
	switch (g->phase) {
	case PHASE_CONNECTING: return connecting_on(g, s, e);
	case PHASE_SEND:       return send_on(g, s, e);
	default:               return receive_on(g, s, e);
	}
}

static struct get *get_new(const struct call *c)
{
	struct get *g = g_new0(struct get, 1);

	g->process = *c->n;
	g->fd = -1;
	g->addrs = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	g->request = g_string_new(NULL);
	g->trace = g_string_new(NULL);
	return g;
}

static int first(struct call *c, struct get **out, struct err *e)
{
	struct net_url u;
	struct get *g;
	int rc;

	if (net_url_parse(c->args[0].text, c->args[0].len, &u, e)) {
		e->arg = 0;
		return -e->code;
	}
	if (c->nonblock) {
		net_url_clear(&u);
		return err_set(e, EAGAIN, -1, "it takes time");
	}
	*out = g = get_new(c);
	call_keep(c, g, get_free);
	rc = begin(g, &u, e);
	return MIN(rc, 0);
}

int run_get(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct get *g = call_state(c);
	struct net_http_answer a;
	uint64_t trace = 0;
	int rc = 0;

	if (!p || !option_number(c, "trace", &trace, e))
		return -e->code;
	if (!g)
		rc = first(c, &g, e);
	while (!rc && g->phase != PHASE_DONE) {
		rc = step(g, p, e);
		if (rc == 0)
			return -EINPROGRESS;
		rc = MIN(rc, 0);
	}
	if (rc) {
		if (e->arg > 0)
			e->arg = 0;                      /* of the call that failed; ours has one */
		return rc;
	}
	if (trace)
		g_string_append_len(c->result, g->trace->str, (gssize)g->trace->len);
	net_http_get(g->answer, &a);
	g_string_append_len(c->result, a.body->str, (gssize)a.body->len);
	c->n->world->raw_result = true;                  /* the bytes themselves */
	return 0;
}
