/* url.c - URI references: RFC 3986. */
#include "net_url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Classes of characters (RFC 3986 2.2, 2.3). */
static bool is_unreserved(char c)
{
	return g_ascii_isalnum(c) || (c && strchr("-._~", c));
}

static bool is_sub_delim(char c)
{
	return c && strchr("!$&'()*+,;=", c);
}

static bool is_pchar(char c)
{
	return is_unreserved(c) || is_sub_delim(c) || c == ':' || c == '@';
}

static bool of_userinfo(char c) { return is_unreserved(c) || is_sub_delim(c) || c == ':'; }
static bool of_host(char c)     { return is_unreserved(c) || is_sub_delim(c); }
static bool of_path(char c)     { return is_pchar(c) || c == '/'; }
static bool of_query(char c)    { return is_pchar(c) || c == '/' || c == '?'; }

struct reader { const char *start, *at, *end; struct err *e; };

static int bad(struct reader *r, const char *at, const char *what)
{
	return err_set(r->e, EINVAL, (int)(at - r->start), "column %zu: %s", (size_t)(at - r->start) + 1, what);
}

/* All of [from, to) is of that class, or percent-encoded. */
static int check(struct reader *r, const char *from, const char *to, bool (*is_of)(char), const char *where)
{
	char why[64];

	for (const char *c = from; c < to; c++) {
		if (*c == '%') {
			if (to - c < 3 || !g_ascii_isxdigit(c[1]) || !g_ascii_isxdigit(c[2]))
				return bad(r, c, "'%' is not followed by two hexadecimal digits");
			c += 2;
		} else if (!is_of(*c)) {
			if (g_ascii_isprint(*c))
				snprintf(why, sizeof why, "'%c' may not stand in %s", *c, where);
			else
				snprintf(why, sizeof why, "the byte 0x%02x may not stand in %s", (unsigned char)*c, where);
			return bad(r, c, why);
		}
	}
	return 0;
}

static struct net_url_part part(const char *from, const char *to)
{
	return (struct net_url_part){ from, (size_t)(to - from) };
}

static const char *find(const char *from, const char *to, const char *any)
{
	while (from < to && !(*from && strchr(any, *from)))
		from++;
	return from;
}

static bool is_scheme(const char *from, const char *to)
{
	if (from == to || !g_ascii_isalpha(*from))
		return false;
	for (const char *c = from; c < to; c++)
		if (!g_ascii_isalnum(*c) && !strchr("+-.", *c))
			return false;
	return true;
}

static int parse_port(struct reader *r, const char *from, const char *to, struct net_url *out)
{
	unsigned port = 0;

	for (const char *c = from; c < to; c++) {
		if (!g_ascii_isdigit(*c))
			return bad(r, c, "a port is a number");
		port = port * 10 + (unsigned)(*c - '0');
		if (port > 65535)
			return bad(r, from, "a port is at most 65535");
	}
	out->port = part(from, to);
	return 0;
}

/* "[v6]" or "[vX.text]": RFC 3986 3.2.2. Gives the end behind the bracket. */
static int parse_literal(struct reader *r, const char *from, const char *to, const char **end)
{
	const char *close = memchr(from, ']', (size_t)(to - from));
	struct in6_addr addr;
	char text[64];

	*end = close ? close + 1 : to;
	if (!close)
		return bad(r, from, "'[' is not closed");
	if (from[1] == 'v' || from[1] == 'V') {
		const char *dot = memchr(from, '.', (size_t)(close - from));

		if (!dot || dot == from + 2 || dot + 1 == close)
			return bad(r, from, "not an address of a future version");
		for (const char *c = from + 2; c < dot; c++)
			if (!g_ascii_isxdigit(*c))
				return bad(r, c, "not a version in hexadecimal");
		for (const char *c = dot + 1; c < close; c++)
			if (!of_userinfo(*c))
				return bad(r, c, "not an address of a future version");
		return 0;
	}
	if ((size_t)(close - from) >= sizeof text)
		return bad(r, from, "not an address of IPv6");
	snprintf(text, sizeof text, "%.*s", (int)(close - from - 1), from + 1);
	if (inet_pton(AF_INET6, text, &addr) != 1)
		return bad(r, from, "not an address of IPv6");
	return 0;
}

static int parse_authority(struct reader *r, const char *from, const char *to, struct net_url *out)
{
	const char *at = memchr(from, '@', (size_t)(to - from)), *end;
	int rc;

	out->has_authority = true;
	if (at) {
		if (check(r, from, at, of_userinfo, "the user information"))
			return -r->e->code;
		out->userinfo = part(from, at);
		from = at + 1;
	}
	if (from < to && *from == '[') {
		rc = parse_literal(r, from, to, &end);
		if (rc)
			return rc;
		if (end < to && *end != ':')
			return bad(r, end, "only a port may follow the bracket");
	} else {
		end = find(from, to, ":");
		rc = check(r, from, end, of_host, "a host");
		if (rc)
			return rc;
	}
	out->host = part(from, end);
	return end < to ? parse_port(r, end + 1, to, out) : 0;
}

static int parse(struct reader *r, struct net_url *out)
{
	const char *from = r->at, *end = find(from, r->end, ":/?#");
	int rc = 0;

	if (end < r->end && *end == ':') {
		if (!is_scheme(from, end))
			return bad(r, from, "a scheme is a letter, then letters, digits, '+', '-' or '.'; a first segment "
				   "with ':' needs \"./\" before it");
		out->scheme = part(from, end);
		from = end + 1;
	}
	if (r->end - from >= 2 && from[0] == '/' && from[1] == '/') {
		end = find(from + 2, r->end, "/?#");
		rc = parse_authority(r, from + 2, end, out);
		from = end;
	}
	end = find(from, r->end, "?#");
	if (!rc)
		rc = check(r, from, end, of_path, "a path");
	out->path = part(from, end);
	if (!rc && end < r->end && *end == '?') {
		from = end + 1;
		end = find(from, r->end, "#");
		rc = check(r, from, end, of_query, "a query");
		out->query = part(from, end);
	}
	if (!rc && end < r->end) {
		rc = check(r, end + 1, r->end, of_query, "a fragment");
		out->fragment = part(end + 1, r->end);
	}
	return rc;
}

int net_url_parse(const char *text, size_t len, struct net_url *out, struct err *e)
{
	struct err ignored;
	struct reader r;
	int rc;

	if (!e)
		e = &ignored;
	*out = (struct net_url){ 0 };
	if (len > NET_URL_MAX)
		return err_set(e, E2BIG, -1, "%zu bytes; a reference has at most %d", len, NET_URL_MAX);
	out->text = g_malloc(len + 1);
	memcpy(out->text, text, len);
	out->text[len] = '\0';
	r = (struct reader){ .start = out->text, .at = out->text, .end = out->text + len, .e = e };
	rc = parse(&r, out);
	if (rc)
		net_url_clear(out);
	return rc;
}

void net_url_clear(struct net_url *u)
{
	g_free(u->text);
	*u = (struct net_url){ 0 };
}

/* RFC 3986 5.2.4 */
static void remove_dots(const char *in, size_t len, GString *out)
{
	const char *end = in + len;
	size_t start = out->len;

	while (in < end) {
		size_t rest = (size_t)(end - in);
		const char *slash;

		if (rest >= 3 && !strncmp(in, "../", 3)) {
			in += 3;
		} else if (rest >= 2 && !strncmp(in, "./", 2)) {
			in += 2;
		} else if (rest >= 3 && !strncmp(in, "/./", 3)) {
			in += 2;
		} else if (rest == 2 && !strncmp(in, "/.", 2)) {
			g_string_append_c(out, '/');
			return;
		} else if ((rest >= 4 && !strncmp(in, "/../", 4)) || (rest == 3 && !strncmp(in, "/..", 3))) {
			while (out->len > start && out->str[out->len - 1] != '/')
				g_string_truncate(out, out->len - 1);
			if (out->len > start)
				g_string_truncate(out, out->len - 1);
			if (rest == 3) {
				g_string_append_c(out, '/');
				return;
			}
			in += 3;
		} else if ((rest == 1 && *in == '.') || (rest == 2 && !strncmp(in, "..", 2))) {
			return;
		} else {
			slash = memchr(in + 1, '/', rest - 1);
			slash = slash ? slash : end;
			g_string_append_len(out, in, slash - in);
			in = slash;
		}
	}
}

static void put_part(GString *out, const struct net_url_part *p)
{
	g_string_append_len(out, p->at, (gssize)p->len);
}

static void put_authority(GString *out, const struct net_url *u)
{
	if (!u->has_authority)
		return;
	g_string_append(out, "//");
	if (u->userinfo.at) {
		put_part(out, &u->userinfo);
		g_string_append_c(out, '@');
	}
	put_part(out, &u->host);
	if (u->port.at) {
		g_string_append_c(out, ':');
		put_part(out, &u->port);
	}
}

static void put_behind(GString *out, char mark, const struct net_url_part *p)
{
	if (!p->at)
		return;
	g_string_append_c(out, mark);
	put_part(out, p);
}

/* RFC 3986 5.2.3 */
static void put_merged(GString *out, const struct net_url *base, const struct net_url_part *path)
{
	g_autoptr(GString) whole = g_string_new(NULL);
	size_t keep = base->path.len;

	while (keep > 0 && base->path.at[keep - 1] != '/')
		keep--;
	if (base->has_authority && base->path.len == 0)
		g_string_append_c(whole, '/');
	else
		g_string_append_len(whole, base->path.at, (gssize)keep);
	put_part(whole, path);
	remove_dots(whole->str, whole->len, out);
}

int net_url_resolve(const struct net_url *base, const struct net_url *ref, struct net_url *out, struct err *e)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const struct net_url *authority = ref->scheme.at || ref->has_authority ? ref : base;
	const struct net_url_part *query = &ref->query;

	if (!base->scheme.at)
		return err_set(e, EINVAL, -1, "the base has no scheme");
	put_part(text, ref->scheme.at ? &ref->scheme : &base->scheme);
	g_string_append_c(text, ':');
	put_authority(text, authority);
	if (authority == ref || (ref->path.len && *ref->path.at == '/')) {
		remove_dots(ref->path.at, ref->path.len, text);
	} else if (ref->path.len == 0) {
		put_part(text, &base->path);
		if (!query->at)
			query = &base->query;
	} else {
		put_merged(text, base, &ref->path);
	}
	put_behind(text, '?', query);
	put_behind(text, '#', &ref->fragment);
	return net_url_parse(text->str, text->len, out, e);
}

void net_url_write(const struct net_url *u, GString *out)
{
	if (u->scheme.at) {
		put_part(out, &u->scheme);
		g_string_append_c(out, ':');
	}
	put_authority(out, u);
	put_part(out, &u->path);
	put_behind(out, '?', &u->query);
	put_behind(out, '#', &u->fragment);
}

uint16_t net_url_port(const struct net_url *u)
{
	static const struct { const char *scheme; uint16_t port; } known[] = {
		{ "http", 80 }, { "https", 443 }, { "ftp", 21 }, { "sftp", 22 }, { "ssh", 22 }, { "ldap", 389 },
		{ "telnet", 23 }, { "ws", 80 }, { "wss", 443 },
	};
	unsigned port = 0;

	for (size_t i = 0; i < u->port.len; i++)
		port = port * 10 + (unsigned)(u->port.at[i] - '0');
	if (u->port.len)
		return (uint16_t)port;
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (u->scheme.len == strlen(known[i].scheme) &&
		    !g_ascii_strncasecmp(u->scheme.at, known[i].scheme, u->scheme.len))
			return known[i].port;
	return 0;
}
