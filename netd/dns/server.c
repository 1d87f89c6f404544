/*
 * server.c - a name server: answers from its zones; for those who ask for recursion, from all of DNS.
 *
 * Each question that has to be looked up is a job; its answer goes back the way it came. A connection is closed when its client
 * has ended it and has every answer, or when it says something that cannot be understood.
 */
#include "query.h"
#include "zone.h"

#include "host.h"

#include <string.h>

enum { JOBS_MAX = 256, CONNECTIONS_MAX = 64, CONNECTION_OUT_MAX = 1 << 20, TCP_PREFIX = 2, MESSAGE_MAX = 65535, UDP_ANSWER_MAX = 1232,
       TIMEOUT_S = 2, ATTEMPTS = 2 };

struct connection {
	struct net_socket *socket;
	GByteArray *in, *out;
	unsigned jobs;
	bool     ended, broken;
};

struct job {
	struct net_endpoint from;        /* by UDP, at that socket */
	unsigned pair;
	struct connection *connection;   /* NULL: by UDP */
	struct dns_message question;
	struct dns_query *query;
};

struct net_dns_server {
	struct net_host *host;
	struct net_caller who;
	struct net_dns_cache *cache;
	GPtrArray *zones;
	struct net_addr root[NET_DNS_SERVERS];
	unsigned roots;
	GPtrArray *jobs, *connections;
};

static void free_job(gpointer p)
{
	struct job *j = p;

	if (j->connection)
		j->connection->jobs--;
	dns_query_free(j->query);
	dns_message_clear(&j->question);
	g_free(j);
}

static void free_connection(gpointer p)
{
	struct connection *k = p;

	net_socket_release(k->socket);
	g_byte_array_unref(k->in);
	g_byte_array_unref(k->out);
	g_free(k);
}

struct net_dns_server *net_dns_server_new(struct net_host *h, const struct net_caller *who, struct net_dns_cache *cache)
{
	struct net_dns_server *s = g_new0(struct net_dns_server, 1);

	s->host = h;
	s->who = *who;
	s->cache = cache;
	s->zones = g_ptr_array_new_with_free_func((GDestroyNotify)dns_zone_free);
	s->jobs = g_ptr_array_new_with_free_func(free_job);
	s->connections = g_ptr_array_new_with_free_func(free_connection);
	return s;
}

void net_dns_server_free(struct net_dns_server *s)
{
	if (!s)
		return;
	g_ptr_array_free(s->jobs, TRUE);
	g_ptr_array_free(s->connections, TRUE);
	g_ptr_array_free(s->zones, TRUE);
	g_free(s);
}

int net_dns_server_zone(struct net_dns_server *s, const char *text, size_t len, struct err *e)
{
	struct dns_zone *z;
	int rc = dns_zone_parse(text, len, NULL, &z, e);

	if (rc)
		return rc;
	for (unsigned i = 0; i < s->zones->len; i++)
		if (dns_name_equal(dns_zone_apex(s->zones->pdata[i]), dns_zone_apex(z))) {
			dns_zone_free(z);
			return err_set(e, EEXIST, -1, "two zones have the same name");
		}
	g_ptr_array_add(s->zones, z);
	return 0;
}

int net_dns_server_root(struct net_dns_server *s, const struct net_addr *root, struct err *e)
{
	if (s->roots == NET_DNS_SERVERS)
		return err_set(e, E2BIG, -1, "more than %d servers of the root", NET_DNS_SERVERS);
	s->root[s->roots++] = *root;
	return 0;
}

/* Answering */

static void put_message(struct connection *k, const GByteArray *m)
{
	uint8_t len[TCP_PREFIX];

	put16(len, m->len);
	g_byte_array_append(k->out, len, TCP_PREFIX);
	g_byte_array_append(k->out, m->data, m->len);
}

/* By TCP if `k` is not NULL. What UDP cannot take at once is lost, as everything with UDP. */
static void send_answer(const struct dns_message *m, struct net_socket *udp, const struct net_endpoint *from, struct connection *k)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	unsigned max = m->udp_max ? MIN(m->udp_max, UDP_ANSWER_MAX) : DNS_UDP_MAX;

	dns_message_write(m, k ? MESSAGE_MAX : max, bytes);
	if (k)
		put_message(k, bytes);
	else
		net_send(udp, bytes->data, bytes->len, 0, from, NULL);
}

static bool in_zones(const struct net_dns_server *s, const struct dns_name *name)
{
	for (unsigned i = 0; i < s->zones->len; i++)
		if (dns_name_is_in(name, dns_zone_apex(s->zones->pdata[i])))
			return true;
	return false;
}

static bool is_known(const struct net_dns_server *s, const struct dns_message *q, const struct net_endpoint *from)
{
	for (unsigned i = 0; i < s->jobs->len; i++) {
		const struct job *j = s->jobs->pdata[i];

		if (!j->connection && j->question.id == q->id && j->from.port == from->port &&
		    net_addr_equal(&j->from.addr, &from->addr) && j->question.type == q->type &&
		    dns_name_equal(&j->question.name, &q->name))
			return true;
	}
	return false;
}

/* Takes the question over. */
static void add_job(struct net_dns_server *s, struct dns_message *q, unsigned pair, const struct net_endpoint *from, struct connection *k)
{
	struct dns_query_config c = { .host = s->host, .who = s->who, .cache = s->cache, .servers = s->roots, .iterative = true,
				      .timeout = TIMEOUT_S * NS_PER_S, .attempts = ATTEMPTS };
	struct job *j;

	if (s->jobs->len == JOBS_MAX || (!k && is_known(s, q, from))) { /* whom we are at work for already is not answered twice */
		dns_message_clear(q);
		return;
	}
	memcpy(c.server, s->root, sizeof s->root);
	j = g_new0(struct job, 1);
	j->question = *q;
	j->connection = k;
	j->pair = pair;
	if (k)
		k->jobs++;
	else
		j->from = *from;
	j->query = dns_query_new(&c, &q->name, q->type);
	g_ptr_array_add(s->jobs, j);
}

/* False: not understood at all; then nothing was said (answers to answers would never end). */
static bool take_question(struct net_dns_server *s, const uint8_t *bytes, size_t len, struct net_socket *udp, unsigned pair,
			  const struct net_endpoint *from, struct connection *k)
{
	struct dns_message q, a;
	bool recursive;

	if (dns_message_parse(bytes, len, &q, NULL))
		return false;
	if (q.response) {
		dns_message_clear(&q);
		return false;
	}
	recursive = s->roots && q.opcode == 0 && !q.edns_version && q.has_question && q.class == DNS_IN && q.wants_recursion &&
		    !in_zones(s, &q.name);
	if (recursive) {
		add_job(s, &q, pair, from, k);
		return true;
	}
	dns_zones_answer((struct dns_zone *const *)s->zones->pdata, s->zones->len, &q, &a);
	a.recursion = s->roots > 0;
	send_answer(&a, udp, from, k);
	dns_message_clear(&a);
	dns_message_clear(&q);
	return true;
}

static void answer_job(const struct job *j, struct net_socket *udp)
{
	const struct dns_message *found;
	struct dns_message a;

	dns_message_init(&a);
	a.id = j->question.id;
	a.response = a.wants_recursion = a.recursion = a.has_question = true;
	a.name = j->question.name;
	a.type = j->question.type;
	a.udp_max = j->question.udp_max;
	if (dns_query_result(j->query, &found, NULL)) {
		a.rcode = DNS_SERVFAIL;
	} else {
		a.rcode = found->rcode;
		for (unsigned s = 0; s < DNS_SECTIONS; s++)
			for (unsigned i = 0; i < found->section[s]->len; i++)
				dns_message_add(&a, s, &g_array_index(found->section[s], struct dns_record, i));
	}
	send_answer(&a, udp, &j->from, j->connection);
	dns_message_clear(&a);
}

static bool step_jobs(struct net_dns_server *s, struct net_socket *const *udp)
{
	bool did = false;

	for (unsigned i = 0; i < s->jobs->len; ) {
		const struct job *j = s->jobs->pdata[i];

		if (!dns_query_step(j->query)) {
			i++;
			continue;
		}
		answer_job(j, udp[j->pair]);
		g_ptr_array_remove_index(s->jobs, i);
		did = true;
	}
	return did;
}

/* UDP */

static bool step_udp(struct net_dns_server *s, struct net_socket *udp, unsigned pair)
{
	g_autofree uint8_t *bytes = g_malloc(MESSAGE_MAX);
	struct net_endpoint from;
	bool did = false;
	ssize_t n;

	while ((n = net_recv(udp, bytes, MESSAGE_MAX, 0, &from, NULL)) >= 0) {
		take_question(s, bytes, (size_t)n, udp, pair, &from, NULL);
		did = true;
	}
	return did;
}

/* TCP */

static bool accept_all(struct net_dns_server *s, struct net_socket *tcp)
{
	struct net_socket *c;
	bool did = false;

	while (!net_accept(tcp, &c, NULL, NULL)) {
		struct connection *k;

		did = true;
		if (s->connections->len == CONNECTIONS_MAX) {
			net_socket_release(c);
			continue;
		}
		k = g_new0(struct connection, 1);
		k->socket = c;
		k->in = g_byte_array_new();
		k->out = g_byte_array_new();
		g_ptr_array_add(s->connections, k);
	}
	return did;
}

static void take_messages(struct net_dns_server *s, struct connection *k)
{
	while (!k->broken && k->in->len >= TCP_PREFIX && k->out->len < CONNECTION_OUT_MAX) {
		unsigned len = get16(k->in->data);

		if (k->in->len < TCP_PREFIX + len)
			return;
		k->broken = !take_question(s, k->in->data + TCP_PREFIX, len, NULL, 0, NULL, k);
		g_byte_array_remove_range(k->in, 0, TCP_PREFIX + len);
	}
}

static bool receive(struct net_dns_server *s, struct connection *k)
{
	g_autofree uint8_t *bytes = NULL;
	ssize_t n;

	if (k->ended || k->broken || k->out->len >= CONNECTION_OUT_MAX)
		return false;
	bytes = g_malloc(MESSAGE_MAX);
	n = net_recv(k->socket, bytes, MESSAGE_MAX, 0, NULL, NULL);
	if (n == -EAGAIN)
		return false;
	k->ended |= n == 0;
	k->broken |= n < 0;
	if (n > 0)
		g_byte_array_append(k->in, bytes, (guint)n);
	take_messages(s, k);
	return true;
}

static bool transmit(struct connection *k)
{
	ssize_t n;

	if (k->broken || !k->out->len)
		return false;
	n = net_send(k->socket, k->out->data, k->out->len, 0, NULL, NULL);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		k->broken = true;
	else
		g_byte_array_remove_range(k->out, 0, (guint)n);
	return true;
}

static void drop_connection(struct net_dns_server *s, unsigned i)
{
	struct connection *k = s->connections->pdata[i];

	for (unsigned j = s->jobs->len; k->jobs && j-- > 0; )
		if (((struct job *)s->jobs->pdata[j])->connection == k)
			g_ptr_array_remove_index(s->jobs, j);
	g_ptr_array_remove_index(s->connections, i);
}

static bool step_connections(struct net_dns_server *s)
{
	bool did = false;

	for (unsigned i = 0; i < s->connections->len; ) {
		struct connection *k = s->connections->pdata[i];

		while (receive(s, k) || transmit(k))
			did = true;
		if (k->broken || (k->ended && !k->jobs && !k->out->len))
			drop_connection(s, i);
		else
			i++;
	}
	return did;
}

bool net_dns_server_step(struct net_dns_server *s, struct net_socket *const *udp, struct net_socket *const *tcp, unsigned pairs)
{
	bool did = false;

	for (unsigned i = 0; i < pairs; i++) {
		did |= step_udp(s, udp[i], i);
		did |= accept_all(s, tcp[i]);
	}
	did |= step_jobs(s, udp);
	did |= step_connections(s);
	return did;
}
