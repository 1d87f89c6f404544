/*
 * process_ctl_load.c - `load echo|http ADDR:PORT`: clients that measure how long a server takes.
 *
 * Each client has a connection of its own, a descriptor of the process; it sends a request, waits for the whole answer,
 * thinks, and sends the next. rate= lets clients begin so many a second; without it all begin at once.
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
	struct net_endpoint to;
	GString *request;
	size_t   size;           /* echo: of request and answer */
	ns_t     think;
	unsigned clients, left;  /* left: not done */
	struct client *client;
	GArray  *times;          /* ns_t of each answer */
	uint64_t errors;
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

/* One step; false when it has to wait. */
static bool begin(struct client *k, struct vm_proc *p)
{
	struct load *l = k->load;
	struct net_caller who = socket_caller(p);
	struct net_socket *s;
	int code;

	k->began = l->clock->now;
	code = net_socket_new(world_net(&l->process, NULL), NET_TCP, l->to.addr.family, &who, &s, NULL);
	if (!code)
		code = socket_install(p, s, &k->fd, NULL);
	if (code)
		k->fd = -1;
	else
		code = net_connect(s, &l->to, NULL);
	if (code && code != -EINPROGRESS)
		end_client(k, p, true);
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
		end_client(k, p, true);
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
	g_autofree char *buffer = g_malloc(65536);
	ssize_t n = net_recv(s, buffer, 65536, 0, NULL, NULL);
	bool wrong;

	if (n == -EAGAIN)
		return false;
	g_string_append_len(k->in, buffer, MAX(n, 0));
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

static struct load *load_new(struct call *c, const struct wanted *o, bool http, const struct net_endpoint *to)
{
	struct load *l = g_new0(struct load, 1);
	char text[NET_ENDPOINT_TEXT];

	l->process = *c->n;
	l->clock = &c->n->world->clock;
	l->http = http;
	l->to = *to;
	l->size = o->size;
	l->think = o->think;
	l->clients = l->left = (unsigned)o->clients;
	l->client = g_new0(struct client, o->clients);
	l->times = g_array_new(FALSE, FALSE, sizeof(ns_t));
	l->request = g_string_new(NULL);
	if (http)
		g_string_printf(l->request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", o->path, net_endpoint_text(to, text));
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

static int load_begin(struct call *c, struct load **l, struct err *e)
{
	static const char *const kinds[] = { "echo", "http", NULL };
	struct net_endpoint to;
	struct wanted o;
	unsigned kind;

	if (!arg_choice(c, 0, kinds, &kind, e) || read_options(c, &o, e))
		return -e->code;
	if (!net_endpoint_parse(c->args[1].text, &to) || !to.port)
		return err_set(e, EINVAL, 1, "'%.60s' is not an address and a port, as 10.0.0.1:80", c->args[1].text);
	*l = load_new(c, &o, kind == 1, &to);
	load_times_clear(c->n);
	return 0;
}

int run_load(struct call *c, struct err *e)
{
	struct vm_proc *p = command_caller(c, e);
	struct load *l = call_state(c);
	bool did;

	if (!p)
		return -e->code;
	if (!l) {
		if (c->nonblock)
			return err_set(e, EAGAIN, -1, "it takes time");
		if (load_begin(c, &l, e))
			return -e->code;
		call_keep(c, l, load_free);
	}
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
