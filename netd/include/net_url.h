/*
 * net_url.h - references to resources taken apart and resolved (RFC 3986).
 *
 * Components are slices of the text as written: nothing is decoded, so the text can be put together again. A component
 * that is there but empty ("http://h/?") differs from one that is not.
 */
#ifndef NET_URL_H
#define NET_URL_H

#include "err.h"
#include "units.h"

#include <glib.h>

enum { NET_URL_MAX = 65536 };  /* bytes of one reference */

struct net_url_part { const char *at; size_t len; }; /* `at` NULL: not there */

struct net_url {
	char *text;              /* owned: what the parts point into */
	struct net_url_part scheme, userinfo, host, port, path, query, fragment;
	bool has_authority;      /* `//` is there: host is then present, and may be empty */
};

/*
 * Takes a URI reference apart (RFC 3986 4.1). EINVAL, with what and where: a character that may not stand there, a bad
 * percent encoding, a port that is no number up to 65535, an address in brackets that is none (3.2.2).
 */
int  net_url_parse(const char *text, size_t len, struct net_url *out, struct err *e);
void net_url_clear(struct net_url *u);
/* The target of `ref` seen from `base`, which has a scheme (EINVAL else): RFC 3986 5.2.2, strict. */
int  net_url_resolve(const struct net_url *base, const struct net_url *ref, struct net_url *out, struct err *e);
/* The text again (5.3). */
void net_url_write(const struct net_url *u, GString *out);
/* The port by the scheme, where none is written; 0: none known. */
uint16_t net_url_port(const struct net_url *u);

#endif
