/*
 * http_client.c - answers of HTTP/1.1 (RFC 9112), taken apart as they come.
 *
 * A head, then a body whose end is told by chunks, by a length, or by the end of the connection (6.3). Interim answers (1xx) are
 * passed over. An answer that two readers would end at different places is refused.
 */
#include "chunks.h"
#include "net_http.h"

#include <inttypes.h>
#include <string.h>

enum { HEAD_MAX = 65536, BODY_MAX = 16 << 20 };
enum state { STATE_HEAD, STATE_LENGTH, STATE_TO_END, STATE_CHUNKS, STATE_DONE };

struct net_http {
	enum state state;
	GString *in;             /* not understood yet */
	GString *head, *body;
	char    *location;
	int      status;
	uint64_t left;           /* of the body */
	uint64_t length;         /* as told */
	struct chunks chunks;
	bool     has_length, chunked, coded;
};

/* Requests */

char *net_http_host(const struct net_url *u, struct err *e)
{
	GString *out;

	if (!u->host.at || !u->host.len) {
		err_set(e, EINVAL, 0, "the URL names no host");
		return NULL;
	}
	if (*u->host.at == '[')
		return g_strndup(u->host.at + 1, u->host.len - 2);
	out = g_string_new(NULL);
	for (size_t i = 0; i < u->host.len; i++) {
		char c = u->host.at[i];

		if (c == '%') {
			c = (char)(g_ascii_xdigit_value(u->host.at[i + 1]) << 4 | g_ascii_xdigit_value(u->host.at[i + 2]));
			i += 2;
		}
		if (!g_ascii_isalnum(c) && (c == '\0' || !strchr("-._~", c))) {
			err_set(e, EINVAL, 0, "'%.*s' is not the name of a host", (int)MIN(u->host.len, 60), u->host.at);
			g_string_free(out, TRUE);
			return NULL;
		}
		g_string_append_c(out, c);
	}
	return g_string_free(out, FALSE);
}

int net_http_request(const struct net_url *u, GString *out, struct err *e)
{
	g_autofree char *host = NULL;

	if (!u->scheme.at)
		return err_set(e, EINVAL, 0, "a URL begins with its scheme, as http://");
	if (u->scheme.len != 4 || g_ascii_strncasecmp(u->scheme.at, "http", 4))
		return err_set(e, EPROTONOSUPPORT, 0, "%.*s is not spoken here, only http", (int)MIN(u->scheme.len, 40), u->scheme.at);
	host = net_http_host(u, e);
	if (!host)
		return -EINVAL;
	if (u->userinfo.at)
		return err_set(e, EINVAL, 0, "a user's name in a URL misleads, and is not sent");
	if (net_url_port(u) == 0)
		return err_set(e, EINVAL, 0, "there is no port 0");
	g_string_append(out, "GET ");
	if (!u->path.len)
		g_string_append_c(out, '/');
	g_string_append_len(out, u->path.at ? u->path.at : "", (gssize)u->path.len);
	if (u->query.at) {
		g_string_append_c(out, '?');
		g_string_append_len(out, u->query.at, (gssize)u->query.len);
	}
	g_string_append(out, " HTTP/1.1\r\nHost: ");
	g_string_append_len(out, u->host.at, (gssize)u->host.len);
	if (u->port.len)
		g_string_append_printf(out, ":%.*s", (int)u->port.len, u->port.at);
	g_string_append(out, "\r\nUser-Agent: vitrine\r\nAccept: */*\r\nConnection: close\r\n\r\n");
	return 0;
}

/* Answers */

struct net_http *net_http_new(void)
{
	struct net_http *h = g_new0(struct net_http, 1);

	h->in = g_string_new(NULL);
	h->head = g_string_new(NULL);
	h->body = g_string_new(NULL);
	return h;
}

void net_http_free(struct net_http *h)
{
	if (!h)
		return;
	g_string_free(h->in, TRUE);
	g_string_free(h->head, TRUE);
	g_string_free(h->body, TRUE);
	g_free(h->location);
	g_free(h);
}

void net_http_get(const struct net_http *h, struct net_http_answer *out)
{
	*out = (struct net_http_answer){ .status = h->status, .head = h->head->str, .location = h->location, .body = h->body,
					 .done = h->state == STATE_DONE };
}

static int bad(struct err *e, const char *why)
{
	return err_set(e, EBADMSG, -1, "the answer is not HTTP: %s", why);
}

/* The first line, without its end, which may be a bare LF (RFC 9112 2.2); false: it is not all there. */
static bool take_line(struct net_http *h, GString *line)
{
	const char *end = memchr(h->in->str, '\n', h->in->len);
	size_t len;

	if (!end)
		return false;
	len = (size_t)(end - h->in->str);
	g_string_truncate(line, 0);
	g_string_append_len(line, h->in->str, (gssize)(len && end[-1] == '\r' ? len - 1 : len));
	g_string_erase(h->in, 0, (gssize)len + 1);
	return true;
}

/* HTTP/1.1 200 OK */
static int read_status_line(struct net_http *h, const GString *line, struct err *e)
{
	const char *s = line->str;

	if (line->len < 12 || strncmp(s, "HTTP/", 5) || !g_ascii_isdigit(s[5]) || s[6] != '.' || !g_ascii_isdigit(s[7]) || s[8] != ' ' ||
	    !g_ascii_isdigit(s[9]) || !g_ascii_isdigit(s[10]) || !g_ascii_isdigit(s[11]) || (line->len > 12 && s[12] != ' '))
		return bad(e, "it has no status line");
	if (s[5] != '1')
		return bad(e, "another version than 1");
	h->status = (s[9] - '0') * 100 + (s[10] - '0') * 10 + (s[11] - '0');
	return h->status >= 100 && h->status < 600 ? 0 : bad(e, "a status that is none");
}

static int read_length(struct net_http *h, const char *value, struct err *e)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t v;

	if (!digits || value[digits] || digits > 18)
		return bad(e, "a Content-Length that is no number");
	v = g_ascii_strtoull(value, NULL, 10);
	if (h->has_length && v != h->length)
		return bad(e, "two lengths");
	h->has_length = true;
	h->length = v;
	return 0;
}

static int read_field(struct net_http *h, char *line, struct err *e)
{
	char *colon = strchr(line, ':'), *value;

	if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
		return bad(e, "a field without a name");
	*colon = '\0';
	value = g_strstrip(colon + 1);
	if (!g_ascii_strcasecmp(line, "Content-Length"))
		return read_length(h, value, e);
	if (!g_ascii_strcasecmp(line, "Transfer-Encoding")) {
		h->coded = true;
		h->chunked = strlen(value) >= 7 && !g_ascii_strcasecmp(value + strlen(value) - 7, "chunked");
		if (h->chunked && strlen(value) != 7)
			return bad(e, "a coding that is not known");
	} else if (!g_ascii_strcasecmp(line, "Location") && !h->location) {
		h->location = g_strdup(value);
	}
	return 0;
}

static int read_fields(struct net_http *h, const GString *head, struct err *e)
{
	g_auto(GStrv) lines = NULL;
	GString *text = g_string_new_len(head->str, (gssize)head->len);
	int rc = 0;

	for (gsize i = 0; i + 1 < text->len; i++)        /* folded lines (RFC 9112 5.2) */
		if (text->str[i] == '\n' && (text->str[i + 1] == ' ' || text->str[i + 1] == '\t'))
			text->str[i] = ' ';
	lines = g_strsplit(text->str, "\n", -1);
	g_string_free(text, TRUE);
	for (unsigned i = 1; lines[i] && *lines[i] && !rc; i++)
		rc = read_field(h, lines[i], e);
	if (!rc && h->coded && h->has_length)
		return bad(e, "both a length and a coding");  /* RFC 9112 6.3: response splitting */
	return rc;
}

static void begin_body(struct net_http *h)
{
	if (h->status < 200) {                           /* interim: another head follows */
		h->status = 0;
		g_string_truncate(h->head, 0);
		h->has_length = h->chunked = h->coded = false;
		h->state = STATE_HEAD;
	} else if (h->status == 204 || h->status == 304) {
		h->state = STATE_DONE;
	} else if (h->chunked) {
		h->state = STATE_CHUNKS;
	} else if (h->has_length) {
		h->left = h->length;
		h->state = h->left ? STATE_LENGTH : STATE_DONE;
	} else {
		h->state = STATE_TO_END;
	}
}

/* Each of these: 1 it went on, 0 it needs more, -errno. */
static int head_on(struct net_http *h, struct err *e)
{
	g_autoptr(GString) line = g_string_new(NULL);

	if (!take_line(h, line)) {
		if (h->in->len + h->head->len > HEAD_MAX)
			return bad(e, "a head of more than 65536 bytes");
		if (!h->head->len && h->in->len >= 5 && strncmp(h->in->str, "HTTP/", 5))
			return bad(e, "it has no status line");
		return 0;
	}
	if (memchr(line->str, '\0', line->len) || strchr(line->str, '\r'))
		return bad(e, "a byte in its head that may not be there");
	if (!h->head->len && read_status_line(h, line, e))
		return -e->code;
	g_string_append_len(h->head, line->str, (gssize)line->len);
	g_string_append_c(h->head, '\n');
	if (h->head->len > HEAD_MAX)
		return bad(e, "a head of more than 65536 bytes");
	if (line->len)
		return 1;
	g_string_truncate(h->head, h->head->len - 1);
	if (read_fields(h, h->head, e))
		return -e->code;
	begin_body(h);
	return 1;
}

static int too_much(struct err *e)
{
	return err_set(e, EFBIG, -1, "the body has more than %d bytes", BODY_MAX);
}

static int body_on(struct net_http *h, uint64_t most, struct err *e)
{
	size_t n = (size_t)MIN(most, h->in->len);

	if (h->body->len + n > BODY_MAX)
		return too_much(e);
	g_string_append_len(h->body, h->in->str, (gssize)n);
	g_string_erase(h->in, 0, (gssize)n);
	return n > 0;
}

static int length_on(struct net_http *h, struct err *e)
{
	size_t before = h->body->len;
	int rc = body_on(h, h->left, e);

	h->left -= h->body->len - before;
	if (rc > 0 && !h->left)
		h->state = STATE_DONE;
	return rc;
}

static int chunks_on(struct net_http *h, struct err *e)
{
	const char *why;
	int rc = chunks_take(&h->chunks, h->in, h->body, &why);

	if (rc < 0)
		return bad(e, why);
	if (h->body->len > BODY_MAX)
		return too_much(e);
	if (h->chunks.state == CHUNKS_DONE)
		h->state = STATE_DONE;
	return rc;
}

static int go_on(struct net_http *h, struct err *e)
{
	switch (h->state) {
	case STATE_HEAD:   return head_on(h, e);
	case STATE_LENGTH: return length_on(h, e);
	case STATE_TO_END: return body_on(h, UINT64_MAX, e);
	case STATE_CHUNKS: return chunks_on(h, e);
	case STATE_DONE:   break;
	}
	return 0;
}

static int ended(struct net_http *h, struct err *e)
{
	switch (h->state) {
	case STATE_DONE:
		return 0;
	case STATE_TO_END:
		h->state = STATE_DONE;
		return 0;
	case STATE_HEAD:
		return err_set(e, EBADMSG, -1, h->head->len || h->in->len ? "the connection ends within the answer's head" :
			       "the connection ends without an answer");
	case STATE_LENGTH:
		return err_set(e, EBADMSG, -1, "the connection ends after %zu of %" PRIu64 " bytes of the body", h->body->len, h->length);
	default:
		return err_set(e, EBADMSG, -1, "the connection ends within the body, after %zu bytes of chunks", h->body->len);
	}
}

int net_http_input(struct net_http *h, const char *data, size_t len, bool end, struct err *e)
{
	struct err ignored;
	int rc;

	e = e ? e : &ignored;
	if (h->state != STATE_DONE)
		g_string_append_len(h->in, data, (gssize)len);
	do
		rc = go_on(h, e);
	while (rc > 0);
	return rc < 0 ? rc : end ? ended(h, e) : 0;
}
