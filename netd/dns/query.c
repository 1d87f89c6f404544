/*
 * query.c - the states of a question.
 *
 * A query stands at a name (the one asked for, later what aliases lead to) and has a list of servers of a zone that the name
 * is in. It asks one after the other; an answer ends it or moves it to another name, a referral to another zone. A server
 * whose address is not known is looked up by a query of its own, the child.
 */
#include "query.h"

#include "host.h"
#include "socket.h"

#include <errno.h>
#include <string.h>

enum { QUESTIONS_MAX = 64, DEPTH_MAX = 4, CHAIN_MAX = 16, ZONE_SERVERS = 16, TCP_PREFIX = 2, MESSAGE_MAX = 65535 };

struct server {
	struct dns_name name;
	struct net_addr addr;    /* family 0: to be looked up */
};

struct dns_query {
	struct dns_query_config config;
	struct clock *clock;
	struct timer timer;
	bool     over;           /* the server's time */
	struct dns_name name, at;
	uint16_t type;
	unsigned chain, depth;
	unsigned *questions, own_questions; /* sent so far, by all that came of the first query */
	struct dns_name zone;
	struct server server[ZONE_SERVERS];
	unsigned servers, next, round;
	struct dns_query *child; /* looks up server[next] */
	/* The question that is out. */
	struct net_socket *socket;
	bool     tcp, connected;
	uint16_t id;
	GByteArray *out, *in;
	unsigned sent;
	/* The result. */
	struct dns_message answer;
	bool     done;
	int      failure;        /* errno */
	char     why[100];
};

static const struct dns_name root_name = { .len = 1 };

static void time_is_over(struct timer *t)
{
	entry_of(t, struct dns_query, timer)->over = true;
}

static void restart(struct dns_query *q);

struct dns_query *dns_query_new(const struct dns_query_config *c, const struct dns_name *name, uint16_t type)
{
	struct dns_query *q = g_new0(struct dns_query, 1);

	q->config = *c;
	q->clock = c->host->net->clock;
	q->timer.fire = time_is_over;
	q->name = q->at = *name;
	q->type = type;
	q->questions = &q->own_questions;
	q->out = g_byte_array_new();
	q->in = g_byte_array_new();
	dns_message_init(&q->answer);
	restart(q);
	return q;
}

static void close_socket(struct dns_query *q)
{
	clock_cancel(q->clock, &q->timer);
	if (q->socket)
		net_socket_release(q->socket);
	q->socket = NULL;
}

void dns_query_free(struct dns_query *q)
{
	if (!q)
		return;
	dns_query_free(q->child);
	close_socket(q);
	g_byte_array_unref(q->out);
	g_byte_array_unref(q->in);
	dns_message_clear(&q->answer);
	g_free(q);
}

int dns_query_result(const struct dns_query *q, const struct dns_message **answer, struct err *e)
{
	*answer = &q->answer;
	return q->failure ? err_set(e, q->failure, -1, "%s", q->why) : 0;
}

static void finish(struct dns_query *q, int failure, const char *why)
{
	q->done = true;
	q->failure = failure;
	g_strlcpy(q->why, why, sizeof q->why);
}

/* The story, for those who want to read it */

static void tell(struct dns_query *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void tell(struct dns_query *q, const char *fmt, ...)
{
	char addr[NET_ADDR_TEXT];
	va_list args;

	if (!q->config.trace)
		return;
	g_string_append_printf(q->config.trace, "%s ", net_addr_text(&q->server[q->next].addr, addr));
	dns_name_write(&q->at, q->config.trace);
	g_string_append_printf(q->config.trace, " %s: ", dns_type_name(q->type) ? dns_type_name(q->type) : "?");
	va_start(args, fmt);
	g_string_append_vprintf(q->config.trace, fmt, args);
	va_end(args);
	g_string_append_c(q->config.trace, '\n');
}

/* Where to go */

static void add_server(struct dns_query *q, const struct dns_name *name, const struct net_addr *addr)
{
	if (q->servers < ZONE_SERVERS)
		q->server[q->servers++] = (struct server){ .name = *name, .addr = addr ? *addr : (struct net_addr){ 0 } };
}

static bool record_address(const struct dns_record *r, struct net_addr *out)
{
	*out = (struct net_addr){ 0 };
	if (r->type == DNS_A && r->len == 4) {
		*out = net_v4(get32(r->data));
	} else if (r->type == DNS_AAAA && r->len == 16) {
		out->family = NET_IPV6;
		memcpy(out->v6, r->data, 16);
	}
	return out->family != NET_UNSET;
}

/* All addresses of one server, as records of `records`; true if there was one. */
static bool add_addresses(struct dns_query *q, const GArray *records, const struct dns_name *name)
{
	struct net_addr addr;
	bool any = false;

	for (unsigned i = 0; i < records->len; i++) {
		const struct dns_record *r = &g_array_index(records, struct dns_record, i);

		if (dns_name_equal(&r->name, name) && record_address(r, &addr)) {
			add_server(q, name, &addr);
			any = true;
		}
	}
	return any;
}

static bool add_cached(struct dns_query *q, const struct dns_name *name)
{
	const struct dns_rrset *set = dns_cache_find(q->config.cache, name, DNS_A, q->clock->now);

	return set && !set->negative && add_addresses(q, set->records, name);
}

/* The servers of the nearest zone that the cache knows; those inside the zone itself are of use with an address only. */
static bool find_cached_zone(struct dns_query *q)
{
	struct dns_name at = q->at;

	do {
		const struct dns_rrset *set = dns_cache_find(q->config.cache, &at, DNS_NS, q->clock->now);

		q->servers = 0;
		for (unsigned i = 0; set && !set->negative && i < set->records->len; i++) {
			struct dns_name name;

			if (dns_record_target(&g_array_index(set->records, struct dns_record, i), &name) &&
			    !add_cached(q, &name) && !dns_name_is_in(&name, &at))
				add_server(q, &name, NULL);
		}
		if (q->servers) {
			q->zone = at;
			return true;
		}
	} while (dns_name_parent(&at, &at));
	return false;
}

static void choose_servers(struct dns_query *q)
{
	q->next = q->round = 0;
	if (q->config.iterative && q->config.cache && find_cached_zone(q))
		return;
	q->zone = root_name;
	q->servers = 0;
	for (unsigned i = 0; i < q->config.servers; i++)
		add_server(q, &root_name, &q->config.server[i]);
}

/* Moves on to what an alias leads to; false, and the query has failed: there is no end of them. */
static bool move_to(struct dns_query *q, const struct dns_name *name)
{
	q->at = *name;
	if (++q->chain <= CHAIN_MAX)
		return true;
	finish(q, EIO, "a chain of too many aliases");
	return false;
}

/* Answers from the cache as far as it knows; true: that was all. */
static bool from_cache(struct dns_query *q)
{
	struct net_dns_cache *c = q->config.cache;
	ns_t now = q->clock->now;

	while (c) {
		const struct dns_rrset *set = dns_cache_find(c, &q->at, 0, now);
		struct dns_name target;

		if (!set)
			set = dns_cache_find(c, &q->at, q->type, now);
		if (set && set->negative) {
			q->answer.rcode = set->type ? DNS_NOERROR : DNS_NXDOMAIN;
			dns_rrset_copy(set, now, &q->answer, DNS_AUTHORITY);
			finish(q, 0, "");
			return true;
		}
		if (set && set->rank != DNS_RANK_GLUE) { /* glue leads to servers only (RFC 2181 5.4.1) */
			dns_rrset_copy(set, now, &q->answer, DNS_ANSWER);
			finish(q, 0, "");
			return true;
		}
		set = dns_cache_find(c, &q->at, DNS_CNAME, now);
		if (!set || set->negative || !dns_record_target(&g_array_index(set->records, struct dns_record, 0), &target))
			break;
		dns_rrset_copy(set, now, &q->answer, DNS_ANSWER);
		if (!move_to(q, &target))
			return true;
	}
	return false;
}

static void restart(struct dns_query *q)
{
	if (!from_cache(q))
		choose_servers(q);
}

/* Asking */

static void next_server(struct dns_query *q)
{
	close_socket(q);
	q->next++;
}

/* To server[next]; the answer is waited for from now on. False: it cannot be sent there. */
static bool open_socket(struct dns_query *q, bool tcp)
{
	const struct net_addr *to = &q->server[q->next].addr;
	struct net_endpoint server = { .addr = *to, .port = 53 };
	int rc;

	close_socket(q);
	q->tcp = tcp;
	q->connected = false;
	q->sent = 0;
	g_byte_array_set_size(q->in, 0);
	if (net_socket_new(q->config.host, tcp ? NET_TCP : NET_UDP, to->family, &q->config.who, &q->socket, NULL)) {
		q->socket = NULL;
		return false;
	}
	rc = net_connect(q->socket, &server, NULL);
	if ((rc && rc != -EINPROGRESS) ||
	    (!tcp && net_send(q->socket, q->out->data, q->out->len, 0, NULL, NULL) < 0)) {
		close_socket(q);
		return false;
	}
	q->over = false;
	clock_set(q->clock, &q->timer, q->clock->now + q->config.timeout);
	return true;
}

static void write_question(struct dns_query *q)
{
	struct dns_message m;

	dns_message_init(&m);
	m.id = q->id = (uint16_t)rng_next(&q->config.host->rng_dns);
	m.wants_recursion = !q->config.iterative;
	m.has_question = true;
	m.name = q->at;
	m.type = q->type;
	dns_message_write(&m, DNS_UDP_MAX, q->out);
	dns_message_clear(&m);
}

static void look_up_server(struct dns_query *q)
{
	if (q->depth >= DEPTH_MAX) {
		q->next++;
		return;
	}
	q->child = dns_query_new(&q->config, &q->server[q->next].name, DNS_A);
	q->child->depth = q->depth + 1;
	q->child->questions = q->questions;
}

static void ask(struct dns_query *q)
{
	if (q->next == q->servers && ++q->round < q->config.attempts)
		q->next = 0;
	if (q->next == q->servers) {
		if (!q->failure)
			finish(q, q->servers ? ETIMEDOUT : EIO, q->servers ? "no server answers" : "no server is known");
		q->done = true;
	} else if (!q->server[q->next].addr.family) {
		look_up_server(q);
	} else if (++*q->questions > QUESTIONS_MAX) {
		finish(q, EIO, "too many questions for one name");
	} else {
		write_question(q);
		if (!open_socket(q, false)) {
			tell(q, "cannot be sent");
			q->next++;
		}
	}
}

static bool child_on(struct dns_query *q)
{
	const struct dns_message *m;
	struct net_addr addr;
	bool found = false;

	if (!dns_query_step(q->child))
		return false;
	if (!dns_query_result(q->child, &m, NULL))
		for (unsigned i = 0; i < m->section[DNS_ANSWER]->len; i++) {
			if (!record_address(&g_array_index(m->section[DNS_ANSWER], struct dns_record, i), &addr))
				continue;
			if (!found)
				q->server[q->next].addr = addr;
			else
				add_server(q, &q->server[q->next].name, &addr);
			found = true;
		}
	dns_query_free(q->child);
	q->child = NULL;
	if (!found)
		q->next++;
	return true;
}

/* Understanding */

static const struct dns_record *record_of(const struct dns_message *m, unsigned section, const struct dns_name *name, uint16_t type)
{
	for (unsigned i = 0; i < m->section[section]->len; i++) {
		const struct dns_record *r = &g_array_index(m->section[section], struct dns_record, i);

		if (r->type == type && r->class == DNS_IN && (!name || dns_name_equal(&r->name, name)))
			return r;
	}
	return NULL;
}

/* What is not of the zone that was asked for is nothing that this server has a word in. */
static void drop_foreign(const struct dns_query *q, struct dns_message *m)
{
	for (unsigned s = 0; s < DNS_SECTIONS; s++)
		for (unsigned i = m->section[s]->len; i-- > 0; ) {
			const struct dns_record *r = &g_array_index(m->section[s], struct dns_record, i);

			if (r->class != DNS_IN || !dns_name_is_in(&r->name, &q->zone))
				g_array_remove_index(m->section[s], i);
		}
}

static void cache_set(struct dns_query *q, const struct dns_message *m, unsigned section, const struct dns_name *name,
		      uint16_t type, enum dns_rank rank)
{
	if (q->config.cache && type != DNS_ANY)
		dns_cache_add(q->config.cache, m->section[section], name, type, rank, q->clock->now);
}

/* Takes the records of the present name over, if there are any. */
static bool take_records(struct dns_query *q, const struct dns_message *m, uint16_t type)
{
	const GArray *from = m->section[DNS_ANSWER];
	bool any = false;

	for (unsigned i = 0; i < from->len; i++) {
		const struct dns_record *r = &g_array_index(from, struct dns_record, i);

		if (!dns_name_equal(&r->name, &q->at) || r->class != DNS_IN || (type != DNS_ANY && r->type != type))
			continue;
		dns_message_add(&q->answer, DNS_ANSWER, r);
		any = true;
	}
	if (any)
		cache_set(q, m, DNS_ANSWER, &q->at, type, m->authoritative ? DNS_RANK_AUTHORITY : DNS_RANK_ANSWER);
	return any;
}

/* Follows the aliases of the answer to its records; true: the query is done. *moved: to another name. */
static bool take_answer(struct dns_query *q, const struct dns_message *m, bool *moved)
{
	while (!take_records(q, m, q->type)) {
		const struct dns_record *alias = record_of(m, DNS_ANSWER, &q->at, DNS_CNAME);
		struct dns_name target;

		if (!alias || !dns_record_target(alias, &target))
			return false;
		take_records(q, m, DNS_CNAME);
		*moved = true;
		if (!move_to(q, &target))
			return true;
	}
	finish(q, 0, "");
	return true;
}

static void take_none(struct dns_query *q, const struct dns_message *m)
{
	const struct dns_record *soa = record_of(m, DNS_AUTHORITY, NULL, DNS_SOA);

	if (soa && !dns_name_is_in(&q->at, &soa->name))
		soa = NULL;
	q->answer.rcode = m->rcode;
	if (soa)
		dns_message_add(&q->answer, DNS_AUTHORITY, soa);
	if (q->config.cache)
		dns_cache_add_none(q->config.cache, &q->at, m->rcode == DNS_NXDOMAIN ? 0 : q->type, soa, q->clock->now);
	finish(q, 0, "");
}

/* The servers of a zone nearer to the name; false: it is no referral. */
static bool take_referral(struct dns_query *q, const struct dns_message *m)
{
	const GArray *from = m->section[DNS_AUTHORITY];
	const struct dns_record *ns = record_of(m, DNS_AUTHORITY, NULL, DNS_NS);
	g_autoptr(GString) zone = g_string_new(NULL);
	struct dns_name name, target;

	if (!ns || dns_name_equal(&ns->name, &q->zone) || !dns_name_is_in(&q->at, &ns->name))
		return false;
	name = ns->name;
	dns_name_write(&name, zone);
	tell(q, "referral to %s", zone->str);
	cache_set(q, m, DNS_AUTHORITY, &name, DNS_NS, DNS_RANK_GLUE);
	q->servers = q->next = q->round = 0;
	for (unsigned i = 0; i < from->len; i++) {
		const struct dns_record *r = &g_array_index(from, struct dns_record, i);

		if (r->type != DNS_NS || !dns_name_equal(&r->name, &name) || !dns_record_target(r, &target))
			continue;
		if (record_of(m, DNS_ADDITIONAL, &target, DNS_A))
			cache_set(q, m, DNS_ADDITIONAL, &target, DNS_A, DNS_RANK_GLUE);
		if (!add_addresses(q, m->section[DNS_ADDITIONAL], &target) && !(q->config.cache && add_cached(q, &target)) &&
		    !dns_name_is_in(&target, &name))
			add_server(q, &target, NULL);
	}
	q->zone = name;
	return true;
}

static void refused(struct dns_query *q, unsigned rcode)
{
	static const char *const names[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };

	q->failure = EIO;
	if (rcode == DNS_NOERROR)
		g_strlcpy(q->why, "a server knows nothing about the name", sizeof q->why);
	else if (rcode < G_N_ELEMENTS(names))
		g_snprintf(q->why, sizeof q->why, "a server answers %s", names[rcode]);
	else
		g_snprintf(q->why, sizeof q->why, "a server answers with error %u", rcode);
	tell(q, "%s", rcode < G_N_ELEMENTS(names) ? rcode ? names[rcode] : "no answer to it" : "error");
	next_server(q);
}

static void take(struct dns_query *q, struct dns_message *m)
{
	bool moved = false;

	if (m->rcode != DNS_NOERROR && m->rcode != DNS_NXDOMAIN) {
		refused(q, m->rcode);
		return;
	}
	if (q->config.iterative)
		drop_foreign(q, m);
	close_socket(q);
	if (m->section[DNS_ANSWER]->len)
		tell(q, "%u record%s", m->section[DNS_ANSWER]->len, m->section[DNS_ANSWER]->len > 1 ? "s" : "");
	if (take_answer(q, m, &moved))
		return;
	if (moved && q->config.iterative) {
		restart(q);
	} else if (q->config.iterative && m->rcode == DNS_NOERROR && take_referral(q, m)) {
		return;
	} else if (m->rcode == DNS_NXDOMAIN || !q->config.iterative || m->authoritative) {
		if (!m->section[DNS_ANSWER]->len)
			tell(q, "%s", m->rcode == DNS_NXDOMAIN ? "there is no such name" : "there is no such record");
		take_none(q, m);
	} else {
		refused(q, DNS_NOERROR);
	}
}

/* Whether it answers the question that is out. */
static bool fits(const struct dns_query *q, const struct dns_message *m)
{
	return m->response && m->id == q->id && m->opcode == 0 && m->has_question && m->type == q->type && m->class == DNS_IN &&
	       dns_name_equal(&m->name, &q->at);
}

static bool udp_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(MESSAGE_MAX);
	ssize_t n = net_recv(q->socket, bytes, MESSAGE_MAX, 0, NULL, NULL);
	struct dns_message m;

	if (n == -EAGAIN)
		return false;
	if (n < 0) {
		tell(q, "%s", g_strerror((int)-n));
		next_server(q);
		return true;
	}
	if (dns_message_parse(bytes, (size_t)n, &m, NULL))
		return true;
	if (fits(q, &m) && m.truncated) {
		tell(q, "truncated, again by TCP");
		if (!open_socket(q, true))
			q->next++;
	} else if (fits(q, &m)) {
		take(q, &m);
	}
	dns_message_clear(&m);
	return true;
}

static void tcp_failed(struct dns_query *q, int error)
{
	tell(q, "%s", g_strerror(error));
	next_server(q);
}

/* The message behind its length, both ways (RFC 1035 4.2.2). */
static bool tcp_send_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(TCP_PREFIX + q->out->len);
	ssize_t n;

	put16(bytes, q->out->len);
	memcpy(bytes + TCP_PREFIX, q->out->data, q->out->len);
	n = net_send(q->socket, bytes + q->sent, TCP_PREFIX + q->out->len - q->sent, 0, NULL, NULL);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		tcp_failed(q, (int)-n);
	else
		q->sent += (unsigned)n;
	return true;
}

static bool tcp_receive_on(struct dns_query *q)
{
	g_autofree uint8_t *bytes = g_malloc(MESSAGE_MAX);
	ssize_t n = net_recv(q->socket, bytes, MESSAGE_MAX, 0, NULL, NULL);
	struct dns_message m;
	unsigned len;

	if (n == -EAGAIN)
		return false;
	if (n <= 0) {
		tcp_failed(q, n ? (int)-n : ECONNRESET);
		return true;
	}
	g_byte_array_append(q->in, bytes, (guint)n);
	len = q->in->len >= TCP_PREFIX ? get16(q->in->data) : 0;
	if (q->in->len < TCP_PREFIX || q->in->len < TCP_PREFIX + len)
		return true;
	if (dns_message_parse(q->in->data + TCP_PREFIX, len, &m, NULL)) {
		tcp_failed(q, EBADMSG);
		return true;
	}
	if (fits(q, &m) && !m.truncated)
		take(q, &m);
	else
		tcp_failed(q, EBADMSG);
	dns_message_clear(&m);
	return true;
}

static bool tcp_on(struct dns_query *q)
{
	if (!q->connected) {
		int rc = net_connect_result(q->socket, NULL);

		if (rc == -EINPROGRESS)
			return false;
		q->connected = true;
		if (rc)
			tcp_failed(q, -rc);
		return true;
	}
	return q->sent < TCP_PREFIX + q->out->len ? tcp_send_on(q) : tcp_receive_on(q);
}

/* One step; false: it has to wait. */
static bool go_on(struct dns_query *q)
{
	if (q->child)
		return child_on(q);
	if (!q->socket) {
		ask(q);
		return true;
	}
	if (q->tcp ? tcp_on(q) : udp_on(q))
		return true;
	if (!q->over)
		return false;
	tell(q, "no answer");
	next_server(q);
	return true;
}

bool dns_query_step(struct dns_query *q)
{
	while (!q->done && go_on(q))
		;
	return q->done;
}
