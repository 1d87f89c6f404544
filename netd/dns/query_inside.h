/*
 * query_inside.h - a question from inside. query.c has its states; query_servers.c knows whom to ask, query_socket.c asks,
 * query_answer.c understands what comes back.
 */
#ifndef NETD_DNS_QUERY_INSIDE_H
#define NETD_DNS_QUERY_INSIDE_H

#include "query.h"

#include "host.h"
#include "socket.h"

#include <errno.h>
#include <string.h>

enum { ZONE_SERVERS = 16 };

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

/* ---- query.c ---- */

void query_restart(struct dns_query *q);        /* at the name where it stands */
void query_finish(struct dns_query *q, int failure, const char *why);
void query_next_server(struct dns_query *q);
/* The story, for those who want to read it. */
void query_tell(struct dns_query *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- query_servers.c ---- */

void query_choose_servers(struct dns_query *q);
void query_add_server(struct dns_query *q, const struct dns_name *name, const struct net_addr *addr);
/* All addresses of one server, as records of `records`, or that the cache knows; true if there was one. */
bool query_add_addresses(struct dns_query *q, const GArray *records, const struct dns_name *name);
bool query_add_cached(struct dns_query *q, const struct dns_name *name);
bool query_record_address(const struct dns_record *r, struct net_addr *out); /* false: it has none */

/* ---- query_socket.c ---- */

/* To server[next]; the answer is waited for from now on. False: it cannot be sent there. */
bool query_open(struct dns_query *q, bool tcp);
void query_close(struct dns_query *q);
bool query_socket_on(struct dns_query *q);      /* false: it has to wait */

/* ---- query_answer.c ---- */

/* Answers from the cache as far as it knows; true: that was all. */
bool query_from_cache(struct dns_query *q);
void query_take(struct dns_query *q, struct dns_message *m); /* the answer of server[next] */

#endif
