/*
 * net_http.h - the client's side of HTTP/1.1: requests written, answers understood as they come (RFC 9110, 9112).
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "net_url.h"

/* GET, on a connection that is closed afterwards. EPROTONOSUPPORT another scheme; EINVAL no host, or a user's name (RFC 9110 4.2.4). */
int net_http_request(const struct net_url *u, GString *out, struct err *e);
/* The name or address that a URL's connection goes to, decoded and without brackets; free with g_free(). EINVAL: none. */
char *net_http_host(const struct net_url *u, struct err *e);

struct net_http;
struct net_http_answer {
	int status;              /* 200; 0: not known yet */
	const char *head;        /* status line and fields as they came, lines ended by \n */
	const char *location;    /* NULL: none */
	const GString *body;     /* so far */
	bool done;
};
struct net_http *net_http_new(void);
void net_http_free(struct net_http *h);
/* The next bytes; `end`: the connection has none behind them. EBADMSG not HTTP, or it ends too early; EFBIG. What comes behind is ignored. */
int  net_http_input(struct net_http *h, const char *data, size_t len, bool end, struct err *e);
void net_http_get(const struct net_http *h, struct net_http_answer *out);

#endif
