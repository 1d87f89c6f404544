/*
 * process_ctl_load.c - `load echo|http NAME:PORT`: clients that measure how long a server takes.
 *
 * Each client has a connection of its own, a descriptor of the process; it sends a request, waits for the whole answer,
 * thinks, and sends the next. Of several addresses it takes the first that answers. rate= lets clients begin so many a second; without it all begin at once.
 */
#include "load.h"
#include "process_ctl.h"
#include "socket_file.h"

#include "vm_file.h"

#include <string.h>

enum { CLIENTS_MAX = 10000, REQUESTS_MAX = 1000000, SIZE_MAX_BYTES = 1 << 20, ANSWER_HEAD_MAX = 65536 };
enum phase { PHASE_LATER, PHASE_BEGIN, PHASE_CONNECT, PHASE_REQUEST, PHASE_SEND, PHASE_RECEIVE, PHASE_DONE };

struct load;
struct client {
	struct load *load;
	enum phase phase;
	int      fd;
	unsigned address;        /* which of the server's */
	unsigned left;           /* requests */
	size_t   sent;
	GString *in;
	ns_t     began;          /* of this request; of the first: of the connection */
	bool     connected;
	struct timer timer;      /* PHASE_LATER: until `next` */
	enum phase next;
};

struct load {
	struct node process;
	struct clock *clock;
	bool     http;
	GArray  *addrs;          /* struct net_addr, of the server */
	uint16_t port;
	GString *request;
	size_t   size;           /* echo: of request and answer */
	ns_t     think;
	unsigned clients, left;  /* left: not done */
	struct client *client;
	GArray  *times;          /* ns_t of each answer */
	uint64_t errors;
	char     arrived[65536]; /* by the receive() under way */
};

static void load_free(void *state)
{
	struct load *l = state;
	struct vm_proc *p = world_proc(&l->process, NULL);

	for (unsigned i = 0; i < l->clients; i++) {
		struct client *k = &l->client[i];

		clock_cancel(l->clock, &k->timer);
		if (k->in)
			g_string_free(k->in, TRUE);
		if (p && k->fd >= 0)
			vm_close(p, k->fd, NULL);
	}
	g_free(l->client);
	g_array_free(l->times, TRUE);
	g_array_unref(l->addrs);
	g_string_free(l->request, TRUE);
	g_free(l);
}

static void later_is_over(struct timer *t)
{
	struct client *k = (struct client *)((char *)t - offsetof(struct client, timer));

	k->phase = k->next;
}

static void later(struct client *k, ns_t when, enum phase next)
{
	k->phase = PHASE_LATER;
	k->next = next;
	clock_set(k->load->clock, &k->timer, when);
}

static void end_client(struct client *k, struct vm_proc *p, bool failed)
{
	if (k->fd >= 0)
		vm_close(p, k->fd, NULL);
	k->fd = -1;
	k->load->errors += failed;
	k->load->left--;
	k->phase = PHASE_DONE;
}

/* That address does not answer: the next one, if there is one. */
static void try_next(struct client *k, struct vm_proc *p)
{
	if (k->address + 1 == k->load->addrs->len) {
		end_client(k, p, true);
		return;
	}
	if (k->fd >= 0)
		vm_close(p, k->fd, NULL);
	k->fd = -1;
	k->address++;
	k->phase = PHASE_BEGIN;
}

/* One step; false when it has to wait. */
static bool begin(struct client *k, struct vm_proc *p)
{
	struct load *l = k->load;
	struct net_endpoint to = { .addr = g_array_index(l->addrs, struct net_addr, k->address), .port = l->port };
	struct net_caller who = socket_caller(p);
	struct net_socket *s;
	int code;

	if (k->address == 0)
		k->began = l->clock->now;
	code = net_socket_new(world_net(&l->process, NULL), NET_TCP, to.addr.family, &who, &s, NULL);
	if (!code)
		code = socket_install(p, s, &k->fd, NULL);
	if (code)
		k->fd = -1;
	else
		code = net_connect(s, &to, NULL);
	if (code && code != -EINPROGRESS)
		try_next(k, p);
	else
		k->phase = PHASE_CONNECT;
	return true;
}

static bool connect_on(struct client *k, struct vm_proc *p, struct net_socket *s)
{
	int code = net_connect_result(s, NULL);

	if (code == -EINPROGRESS)
		return false;
	if (code)
		try_next(k, p);
	else
		k->phase = PHASE_REQUEST;
	return true;
}

static bool request(struct client *k)
{
	if (k->connected)
		k->began = k->load->clock->now;
	k->connected = true;
	k->sent = 0;
	g_string_truncate(k->in, 0);
	k->phase = PHASE_SEND;
	return true;
}

static bool send_on(struct client *k, struct vm_proc *p, struct net_socket *s)
{
	const GString *out = k->load->request;
	ssize_t n = net_send(s, out->str + k->sent, out->len - k->sent, 0, NULL, NULL);

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		end_client(k, p, true);
		return true;
	}
	k->sent += (size_t)n;
	if (k->sent == out->len)
		k->phase = PHASE_RECEIVE;
	return true;
}

/* Whether `in` is a whole answer; *wrong: it will never be one. */
static bool is_answer(const struct load *l, const GString *in, bool *wrong)
{
	const char *end = l->http ? g_strstr_len(in->str, (gssize)in->len, "\r\n\r\n") : NULL, *length;
	uint64_t body;

	*wrong = false;
	if (!l->http)
		return in->len >= l->size;
	if (!end) {
		*wrong = in->len > ANSWER_HEAD_MAX;
		return false;
	}
	length = g_strstr_len(in->str, end - in->str, "Content-Length: ");
	body = length ? g_ascii_strtoull(length + 16, NULL, 10) : 0;
	*wrong = !length || strncmp(in->str, "HTTP/1.1 200 ", 13);
	return in->len >= (size_t)(end + 4 - in->str) + body;
}

static void answered(struct client *k, struct vm_proc *p)
{
	struct load *l = k->load;
	ns_t took = l->clock->now - k->began;

	g_array_append_val(l->times, took);
	load_times_add(&l->process, took);
	if (--k->left == 0)
		end_client(k, p, false);
	else if (l->think)
		later(k, l->clock->now + l->think, PHASE_REQUEST);
	else
		k->phase = PHASE_REQUEST;
}

static bool receive(struct client *k, struct vm_proc *p, struct net_socket *s)
{
	char *arrived = k->load->arrived;
	ssize_t n = net_recv(s, arrived, sizeof k->load->arrived, 0, NULL, NULL);
	bool wrong;

	if (n == -EAGAIN)
		return false;
	g_string_append_len(k->in, arrived, MAX(n, 0));
	if (n <= 0)
		end_client(k, p, true);
	else if (is_answer(k->load, k->in, &wrong) && !wrong)
		answered(k, p);
	else if (wrong)
		end_client(k, p, true);
	return true;
}

static bool step(struct client *k, struct vm_proc *p)
{
	struct net_socket *s;

	if (k->phase == PHASE_LATER || k->phase == PHASE_DONE)
		return false;
	if (k->phase == PHASE_BEGIN)
		return begin(k, p);
	s = socket_of_fd(p, k->fd, NULL);
	if (!s) {                                        /* somebody closed it */
		k->fd = -1;
		end_client(k, p, true);
		return true;
	}
	switch (k->phase) {
	case PHASE_CONNECT: return connect_on(k, p, s);
	case PHASE_REQUEST: return request(k);
	case PHASE_SEND:    return send_on(k, p, s);
	default:            return receive(k, p, s);
	}
}

/* The result */

static int by_time(gconstpointer a, gconstpointer b)
{
	ns_t x = *(const ns_t *)a, y = *(const ns_t *)b;

	return x < y ? -1 : x > y;
}

/* The nearest rank: the least time that so many per cent do not exceed. */
static void put_rank(GString *out, const char *name, const GArray *times, unsigned percent)
{
	g_string_append_printf(out, "%s=", name);
	if (times->len)
		put_time(out, g_array_index(times, ns_t, MAX(((uint64_t)times->len * percent + 99) / 100, 1) - 1));
	else
		put_char(out, '-');
	put_char(out, '\n');
}

static void put_result(GString *out, struct load *l)
{
	g_array_sort(l->times, by_time);
	g_string_append_printf(out, "done=%u\nerrors=%" PRIu64 "\n", l->times->len, l->errors);
	put_rank(out, "p50", l->times, 50);
	put_rank(out, "p90", l->times, 90);
	put_rank(out, "p99", l->times, 99);
	put_rank(out, "max", l->times, 100);
}

/* Beginning */

struct wanted { uint64_t clients, count, size, rate; ns_t think; const char *path; };

static int read_options(const struct call *c, struct wanted *w, struct err *e)
{
	*w = (struct wanted){ .clients = 1, .count = 1, .size = 16, .path = arg_option(c, "path") };
	if (!option_number(c, "clients", &w->clients, e) || !option_number(c, "count", &w->count, e) ||
	    !option_number(c, "size", &w->size, e) || !option_number(c, "rate", &w->rate, e) ||
	    !option_time(c, "think", &w->think, e))
		return -e->code;
	if (w->clients < 1 || w->clients > CLIENTS_MAX)
		return err_set(e, EINVAL, -1, "clients=%" PRIu64 " is not from 1 to %d", w->clients, CLIENTS_MAX);
	if (w->count < 1 || w->count > REQUESTS_MAX / w->clients)
		return err_set(e, EINVAL, -1, "count=%" PRIu64 ": %d requests in all are the most", w->count, REQUESTS_MAX);
	if (w->size < 1 || w->size > SIZE_MAX_BYTES)
		return err_set(e, EINVAL, -1, "size=%" PRIu64 " is not from 1 to %d", w->size, SIZE_MAX_BYTES);
	if (w->rate > NS_PER_S)
		return err_set(e, EINVAL, -1, "rate=%" PRIu64 " is more than %d", w->rate, (int)NS_PER_S);
	w->path = w->path ? w->path : "/";
	if (*w->path != '/' || strpbrk(w->path, " \r\n"))
		return err_set(e, EINVAL, -1, "path=%.40s is not the path of a URL", w->path);
	return 0;
}

/* `host` as in a URL */
static struct load *load_new(struct call *c, const struct wanted *o, bool http, const char *host, GArray *addrs, uint16_t port)
{
	struct load *l = g_new0(struct load, 1);

	l->process = *c->n;
	l->clock = &c->n->world->clock;
	l->http = http;
	l->addrs = g_array_ref(addrs);
	l->port = port;
	l->size = o->size;
	l->think = o->think;
	l->clients = l->left = (unsigned)o->clients;
	l->client = g_new0(struct client, o->clients);
	l->times = g_array_new(FALSE, FALSE, sizeof(ns_t));
	l->request = g_string_new(NULL);
	if (http)
		g_string_printf(l->request, "GET %s HTTP/1.1\r\nHost: %s:%u\r\n\r\n", o->path, host, port);
	for (size_t i = 0; !http && i < o->size; i++)
		g_string_append_c(l->request, (char)('a' + i % 26));
	for (unsigned i = 0; i < l->clients; i++) {
		struct client *k = &l->client[i];

		k->load = l;
		k->fd = -1;
		k->left = (unsigned)o->count;
		k->in = g_string_new(NULL);
		k->timer.fire = later_is_over;
		k->phase = PHASE_BEGIN;
		if (o->rate && i)
			later(k, l->clock->now + i * NS_PER_S / o->rate, PHASE_BEGIN);
	}
	return l;
}

/* The host at argument 1 as it stands there, its port, and its addresses: -EINPROGRESS until they are known. */
static int find_server(struct call *c, char **host, uint16_t *port, struct naming **n, struct err *e)
{
	struct net_host *h = world_net(c->n, e);
	g_autofree char *name = NULL, *text = h ? net_scope_number(h, c->args[1].text) : NULL; /* [fe80::1%eth0]:80 */
	struct net_endpoint to;

	if (!h)
		return -e->code;
	if (arg_is_named(c, 1)) {
		if (!arg_name_port(c, 1, host, port, e))
			return -e->code;
		name = g_strdup(*host);
	} else if (net_endpoint_parse(text, &to)) {
		*host = g_strndup(text, (size_t)(strrchr(text, ':') - text));
		name = **host == '[' ? g_strndup(*host + 1, strlen(*host) - 2) : g_strdup(*host);
		*port = to.port;
	} else {
		return err_set(e, EINVAL, 1, "'%.60s' is not an address and a port, as 10.0.0.1:80", c->args[1].text);
	}
	if (!*port)
		return err_set(e, EINVAL, 1, "there is no port 0");
	return naming_go(c, 1, name, true, true, n, e);
}

static int load_begin(struct call *c, struct naming **n, struct err *e)
{
	static const char *const kinds[] = { "echo", "http", NULL };
	g_autofree char *host = NULL;
	struct wanted o;
	unsigned kind;
	uint16_t port;
	int rc;

	if (!arg_choice(c, 0, kinds, &kind, e) || read_options(c, &o, e))
		return -e->code;
	rc = find_server(c, &host, &port, n, e);
	if (rc || (*n)->work)
		return rc;
	(*n)->work = load_new(c, &o, kind == 1, host, (*n)->addrs, port);
	(*n)->release = load_free;
	load_times_clear(c->n);
	return 0;
}

int run_load(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct naming *n = call_state(c);
	struct load *l;
	bool did;
	int rc = 0;

	if (!p)
		return -e->code;
	if (!n || !n->work)
		rc = load_begin(c, &n, e);
	if (rc)
		return rc;
	l = n->work;
	do {
		did = false;
		for (unsigned i = 0; i < l->clients; i++)
			did |= step(&l->client[i], p);
		if (did)
			world_changed(c->n->world);
	} while (did);
	if (l->left)
		return -EINPROGRESS;
	put_result(c->result, l);
	return 0;
}
