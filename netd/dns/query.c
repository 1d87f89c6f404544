/*
 * query.c - the states of a question.
 *
 * A query stands at a name (the one asked for, later what aliases lead to) and has a list of servers of a zone that the name
 * is in. It asks one after the other; an answer ends it or moves it to another name, a referral to another zone. A server
 * whose address is not known is looked up by a query of its own, the child.
 */
#include "query_inside.h"

enum { QUESTIONS_MAX = 64, DEPTH_MAX = 4 };

static void time_is_over(struct timer *t)
{
	entry_of(t, struct dns_query, timer)->over = true;
}

void query_restart(struct dns_query *q)
{
	if (!query_from_cache(q))
		query_choose_servers(q);
}

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
	query_restart(q);
	return q;
}

void dns_query_free(struct dns_query *q)
{
	if (!q)
		return;
	dns_query_free(q->child);
	query_close(q);
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

void query_finish(struct dns_query *q, int failure, const char *why)
{
	q->done = true;
	q->failure = failure;
	g_strlcpy(q->why, why, sizeof q->why);
}

void query_tell(struct dns_query *q, const char *fmt, ...)
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

void query_next_server(struct dns_query *q)
{
	query_close(q);
	q->next++;
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
			query_finish(q, q->servers ? ETIMEDOUT : EIO, q->servers ? "no server answers" : "no server is known");
		q->done = true;
	} else if (!q->server[q->next].addr.family) {
		look_up_server(q);
	} else if (++*q->questions > QUESTIONS_MAX) {
		query_finish(q, EIO, "too many questions for one name");
	} else {
		write_question(q);
		if (!query_open(q, false)) {
			query_tell(q, "cannot be sent");
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
			if (!query_record_address(&g_array_index(m->section[DNS_ANSWER], struct dns_record, i), &addr))
				continue;
			if (!found)
				q->server[q->next].addr = addr;
			else
				query_add_server(q, &q->server[q->next].name, &addr);
			found = true;
		}
	dns_query_free(q->child);
	q->child = NULL;
	if (!found)
		q->next++;
	return true;
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
	if (query_socket_on(q))
		return true;
	if (!q->over)
		return false;
	query_tell(q, "no answer");
	query_next_server(q);
	return true;
}

bool dns_query_step(struct dns_query *q)
{
	while (!q->done && go_on(q))
		;
	return q->done;
}
