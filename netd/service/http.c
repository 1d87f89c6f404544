/*
 * http.c - the server's side of HTTP/1.1 (RFC 9110, 9112): requests in, files out.
 *
 * Everything is strict where two readers could disagree about where a request ends (RFC 9112 11.2): then the answer is 400 and the
 * connection closes. A body is read and thrown away; the answer comes behind it.
 *
 * A head has to be there env->patience after its first byte; each 500 bytes of a body give it a second more; between requests
 * a connection may be idle for three times as long, unless whoever serves it is wanted elsewhere.
 */
#include "http.h"

#include "chunks.h"
#include "net_url.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { HEAD_MAX = 16384, BODY_MAX = 16 << 20, OUT_MAX = 1 << 20, BODY_RATE = 500 /* bytes a second, at least */, IDLE_TIMES = 3 };

struct request {
	bool head, old;          /* HTTP/1.0 */
	char *path;              /* decoded; owned */
	uint64_t length;
	bool has_length, coded, chunked, has_host, close, keep, expects;
	int  code;               /* what is wrong with it; 0: nothing */
};

struct http {
	GString *in;             /* not understood yet */
	size_t   line;           /* where its first line begins that is not all there */
	struct request request;  /* whose body is still to come, if there is one: `reading` */
	bool     reading, closing, ended, answered;
	struct chunks chunks;
	uint64_t got;            /* bytes of the body */
	ns_t     since;          /* when nothing began to come */
	ns_t     begun;          /* when the request did; 0: it has not */
};

void *http_open(void)
{
	struct http *h = g_new0(struct http, 1);

	h->in = g_string_new(NULL);
	return h;
}

void http_close(void *state)
{
	struct http *h = state;

	g_string_free(h->in, TRUE);
	g_free(h->request.path);
	g_free(h);
}

/* Answers */

static const struct { int code; const char *reason; } reasons[] = {
	{ 200, "OK" }, { 301, "Moved Permanently" }, { 400, "Bad Request" }, { 403, "Forbidden" }, { 404, "Not Found" },
	{ 408, "Request Timeout" }, { 413, "Content Too Large" }, { 414, "URI Too Long" }, { 417, "Expectation Failed" },
	{ 431, "Request Header Fields Too Large" }, { 500, "Internal Server Error" }, { 501, "Not Implemented" },
	{ 505, "HTTP Version Not Supported" },
};

static const char *reason_of(int code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(reasons); i++)
		if (reasons[i].code == code)
			return reasons[i].reason;
	return "Unknown";
}

static const char *type_of(const char *path)
{
	static const struct { const char *suffix, *type; } types[] = {
		{ ".html", "text/html" }, { ".htm", "text/html" }, { ".txt", "text/plain" }, { ".css", "text/css" },
		{ ".js", "text/javascript" }, { ".json", "application/json" }, { ".svg", "image/svg+xml" },
		{ ".png", "image/png" }, { ".jpg", "image/jpeg" }, { ".gif", "image/gif" }, { ".pdf", "application/pdf" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (g_str_has_suffix(path, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

static void put_answer(struct http *h, const struct net_service_env *env, int code, const char *type, const GString *body,
		       bool head_only, GString *out)
{
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc((gint64)(env->time / NS_PER_S));
	g_autofree char *date = now ? g_date_time_format(now, "%a, %d %b %Y %H:%M:%S GMT") : NULL;

	g_string_append_printf(out, "HTTP/1.1 %d %s\r\n", code, reason_of(code));
	if (date)
		g_string_append_printf(out, "Date: %s\r\n", date);
	g_string_append_printf(out, "Server: vitrine\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", type, body->len,
			       h->closing ? "Connection: close\r\n" : "");
	if (!head_only)
		g_string_append_len(out, body->str, (gssize)body->len);
}

static void refuse(struct http *h, const struct net_service_env *env, int code, bool close, bool head_only, GString *out)
{
	g_autoptr(GString) body = g_string_new(NULL);

	h->closing |= close;
	g_string_printf(body, "%d %s\n", code, reason_of(code));
	put_answer(h, env, code, "text/plain", body, head_only, out);
}

/* Requests */

static bool is_token(const char *from, const char *to)
{
	for (const char *c = from; c < to; c++)
		if (!g_ascii_isalnum(*c) && !(*c && strchr("!#$%&'*+-.^_`|~", *c)))
			return false;
	return from < to;
}

/* The path of a target ("/a%20b?x", "http://h/a", "*"): NULL for none that names a file. */
static char *path_of(const char *from, const char *to)
{
	struct net_url u;
	GString *path = NULL;

	if (net_url_parse(from, (size_t)(to - from), &u, NULL))
		return NULL;
	if (u.path.len == 0 && u.has_authority)
		path = g_string_new("/");
	for (size_t i = 0; i < u.path.len && *u.path.at == '/'; i++) {
		char c = u.path.at[i];

		if (!path)
			path = g_string_new(NULL);
		if (c == '%') {
			c = (char)(g_ascii_xdigit_value(u.path.at[i + 1]) << 4 | g_ascii_xdigit_value(u.path.at[i + 2]));
			i += 2;
		}
		if (c == '\0') {
			g_string_free(path, TRUE);
			path = NULL;
			break;
		}
		g_string_append_c(path, c);
	}
	net_url_clear(&u);
	return path ? g_string_free(path, FALSE) : NULL;
}

/* "GET /path HTTP/1.1" */
static void read_request_line(struct request *r, const char *from, const char *to)
{
	const char *method = memchr(from, ' ', (size_t)(to - from)), *target = method ? method + 1 : to, *version;

	version = memchr(target, ' ', (size_t)(to - target));
	if (!method || !version || !is_token(from, method) || version == target) {
		r->code = 400;
		return;
	}
	if (to - version != 9 || strncmp(version + 1, "HTTP/", 5) || !g_ascii_isdigit(version[6]) || version[7] != '.' ||
	    !g_ascii_isdigit(version[8])) {
		r->code = 400;
		return;
	}
	if (version[6] != '1') {
		r->code = 505;
		return;
	}
	r->old = version[8] == '0';
	r->head = method - from == 4 && !strncmp(from, "HEAD", 4);
	if (!r->head && !(method - from == 3 && !strncmp(from, "GET", 3))) {
		r->code = 501;
		return;
	}
	r->path = path_of(target, version);
	if (!r->path)
		r->code = 400;
}

/* One Content-Length; a second one, or a list, would be read differently by others. */
static void read_length(struct request *r, const char *from, const char *to)
{
	uint64_t v = 0;

	if (from == to || to - from > 18 || r->has_length) {
		r->code = 400;
		return;
	}
	for (; from < to; from++) {
		if (!g_ascii_isdigit(*from)) {
			r->code = 400;
			return;
		}
		v = v * 10 + (uint64_t)(*from - '0');
	}
	r->has_length = true;
	r->length = v;
}

static bool has_word(const char *from, const char *to, const char *word)
{
	size_t len = strlen(word);

	for (const char *c = from; c + len <= to; c++)
		if (!g_ascii_strncasecmp(c, word, len) && (c == from || strchr(", \t", c[-1])) &&
		    (c + len == to || strchr(", \t", c[len])))
			return true;
	return false;
}

/* RFC 9112 6.1, 6.3: chunked comes once, and last. */
static void read_coding(struct request *r, const char *from, const char *to)
{
	bool again = r->coded, last = to - from >= 7 && !g_ascii_strncasecmp(to - 7, "chunked", 7);

	r->coded = true;
	r->chunked = last && to - from == 7;
	if (again || !last || (!r->chunked && !strchr(", \t", to[-8])) || has_word(from, to - 7, "chunked"))
		r->code = 400;
}

static void read_field(struct request *r, const char *from, const char *to)
{
	const char *colon = memchr(from, ':', (size_t)(to - from)), *value;
	size_t len;

	if (!colon || !is_token(from, colon)) {          /* also: folded lines, a blank before the colon */
		r->code = 400;
		return;
	}
	value = colon + 1;
	while (value < to && (*value == ' ' || *value == '\t'))
		value++;
	while (to > value && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	for (const char *c = value; c < to; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			r->code = 400;
	len = (size_t)(colon - from);
	if (len == 14 && !g_ascii_strncasecmp(from, "Content-Length", len)) {
		read_length(r, value, to);
	} else if (len == 17 && !g_ascii_strncasecmp(from, "Transfer-Encoding", len)) {
		read_coding(r, value, to);
	} else if (len == 6 && !g_ascii_strncasecmp(from, "Expect", len)) {
		r->expects = to - value == 12 && !g_ascii_strncasecmp(value, "100-continue", 12);
		if (!r->expects)
			r->code = 417;
	} else if (len == 4 && !g_ascii_strncasecmp(from, "Host", len)) {
		if (r->has_host)
			r->code = 400;
		r->has_host = true;
	} else if (len == 10 && !g_ascii_strncasecmp(from, "Connection", len)) {
		r->close |= has_word(value, to, "close");
		r->keep |= has_word(value, to, "keep-alive");
	}
}

static void read_head(struct request *r, const char *from, const char *end)
{
	bool first = true;

	while (from < end && !r->code) {
		const char *line = from, *to = memchr(from, '\n', (size_t)(end - from));

		from = to + 1;
		if (to == line || to[-1] != '\r') {      /* RFC 9112 2.2: a bare LF is read differently by others */
			r->code = 400;
			return;
		}
		to--;
		if (memchr(line, '\r', (size_t)(to - line)))
			r->code = 400;
		else if (first)
			read_request_line(r, line, to);
		else if (to > line)
			read_field(r, line, to);
		first = false;
	}
	if (!r->code && !r->old && !r->has_host)
		r->code = 400;
	if (!r->code && r->coded && (r->has_length || r->old))
		r->code = 400;                           /* smuggling; and 1.0 has no codings */
	if (!r->code && r->coded && !r->chunked)
		r->code = 501;
	if (!r->code && r->length > BODY_MAX)
		r->code = 413;
}

static int load(const struct net_service_env *env, const char *path, GString *body)
{
	g_autofree char *index = NULL;
	int rc;

	if (!g_str_has_suffix(path, "/"))
		return env->file(env->user, path, body);
	index = g_strconcat(path, "index.html", NULL);
	rc = env->file(env->user, index, body);
	return rc;
}

static void answer(struct http *h, const struct net_service_env *env, const struct request *r, GString *out)
{
	g_autoptr(GString) body = g_string_new(NULL);
	int rc;

	h->closing |= r->close || (r->old && !r->keep);
	rc = load(env, r->path, body);
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -EISDIR)
		refuse(h, env, 404, false, r->head, out);
	else if (rc == -EACCES)
		refuse(h, env, 403, false, r->head, out);
	else if (rc)
		refuse(h, env, 500, false, r->head, out);
	else
		put_answer(h, env, 200, type_of(g_str_has_suffix(r->path, "/") ? "index.html" : r->path), body, r->head, out);
}

/* Steps: each gives false when it needs more. */

/* The end of the first head in `in`, behind its empty line or behind what makes it wrong, a bare LF; NULL: it is not all there. */
static const char *head_end(struct http *h)
{
	const char *text = h->in->str, *newline;

	while ((newline = memchr(text + h->line, '\n', h->in->len - h->line))) {
		size_t len = (size_t)(newline - text) - h->line;

		if (!len || newline[-1] != '\r' || len == 1)
			return newline + 1;
		h->line += len + 1;
	}
	return NULL;
}

static bool take_head(struct http *h, const struct net_service_env *env, GString *out)
{
	struct request r = { 0 };
	const char *end;

	while (h->in->len >= 2 && h->in->str[0] == '\r' && h->in->str[1] == '\n')
		g_string_erase(h->in, 0, 2);             /* RFC 9112 2.2: empty lines before a request */
	if (!h->begun && h->in->len > (h->in->str[0] == '\r'))
		h->begun = env->time;
	end = head_end(h);
	if ((end ? (size_t)(end - h->in->str) : h->in->len) > HEAD_MAX) {
		refuse(h, env, memchr(h->in->str, '\n', HEAD_MAX) ? 431 : 414, true, false, out);
		return true;
	}
	if (!end)
		return false;
	read_head(&r, h->in->str, end);
	g_string_erase(h->in, 0, end - h->in->str);
	h->line = 0;
	if (r.code) {
		refuse(h, env, r.code, true, r.head, out);
		g_free(r.path);
		return true;
	}
	if (r.expects && (r.length || r.chunked) && !h->in->len)
		g_string_append(out, "HTTP/1.1 100 Continue\r\n\r\n");
	h->request = r;
	h->reading = true;
	h->got = 0;
	h->chunks = (struct chunks){ 0 };
	return true;
}

/* What is there of the body; *wrong: it is no body. */
static bool skip_body(struct http *h, bool *wrong)
{
	size_t before = h->in->len;
	const char *why;
	int rc = 1;

	*wrong = false;
	if (h->request.chunked) {
		while ((rc = chunks_take(&h->chunks, h->in, NULL, &why)) > 0)
			;
		h->got += before - h->in->len;
		*wrong = rc < 0;
		return h->chunks.state == CHUNKS_DONE;
	}
	g_string_erase(h->in, 0, (gssize)MIN(h->request.length - h->got, before));
	h->got += before - h->in->len;
	return h->got == h->request.length;
}

static bool take_body(struct http *h, const struct net_service_env *env, GString *out)
{
	bool wrong, whole = skip_body(h, &wrong);

	if (!whole && !wrong && h->got <= BODY_MAX)
		return false;
	if (whole)
		answer(h, env, &h->request, out);
	else
		refuse(h, env, wrong ? 400 : 413, true, h->request.head, out);
	g_free(h->request.path);
	h->request = (struct request){ 0 };
	h->reading = false;
	h->begun = 0;
	h->answered = true;
	h->since = env->time;
	return true;
}

bool http_input(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out)
{
	struct http *h = state;

	if (!h->closing)
		g_string_append_len(h->in, data, (gssize)len);
	h->ended |= end;
	if (len == 0) {                                  /* the connection begins, or all has been sent */
		h->since = env->time;
		h->begun = h->begun ? env->time : 0;
	}
	while (!h->closing && out->len < OUT_MAX && (h->reading ? take_body(h, env, out) : take_head(h, env, out)))
		;
	return !h->closing && (!h->ended || out->len >= OUT_MAX);
}

ns_t http_deadline(const void *state, const struct net_service_env *env)
{
	const struct http *h = state;

	if (!env->patience || h->closing)
		return INT64_MAX;
	if (!h->begun)
		return h->since + IDLE_TIMES * env->patience;
	return h->begun + env->patience + (ns_t)h->got * (NS_PER_S / BODY_RATE);
}

bool http_idle(const void *state)
{
	const struct http *h = state;

	return h->answered && !h->begun && h->in->len == 0;
}

/* RFC 9110 15.5.9; who has asked nothing is told nothing. */
void http_late(void *state, const struct net_service_env *env, GString *out)
{
	struct http *h = state;

	if (h->begun)
		refuse(h, env, 408, true, false, out);
	h->closing = true;
}
