/* chunks.c - bodies in chunks: a size, perhaps extensions, so many bytes; at the end a size of 0 and fields (RFC 9112 7.1). */
#include "chunks.h"

#include <string.h>

enum { LINE_MAX_BYTES = 8192, EXTRA_MAX = 16384, SIZE_DIGITS = 15 };

/* The first line, without its end; 0: it is not all there; -1: it is none. */
static int take_line(GString *in, GString *line)
{
	const char *end = memchr(in->str, '\n', in->len);
	size_t len;

	if (!end)
		return in->len > LINE_MAX_BYTES ? -1 : 0;
	len = (size_t)(end - in->str);
	if (!len || end[-1] != '\r' || memchr(in->str, '\r', len - 1) || len > LINE_MAX_BYTES)
		return -1;                               /* two readers could see different lines */
	for (size_t i = 0; i < len - 1; i++)
		if ((unsigned char)in->str[i] < ' ' && in->str[i] != '\t')
			return -1;
	g_string_append_len(line, in->str, (gssize)len - 1);
	g_string_erase(in, 0, (gssize)len + 1);
	return 1;
}

static int bad(const char **why, const char *text)
{
	*why = text;
	return -1;
}

/* 1a;name=value */
static int take_size(struct chunks *c, GString *in, const char **why)
{
	g_autoptr(GString) line = g_string_new(NULL);
	int rc = take_line(in, line);
	size_t digits = strspn(line->str, "0123456789abcdefABCDEF"), blanks;

	if (rc < 0)
		return bad(why, "a chunk's size without an end");
	if (rc == 0)
		return 0;
	blanks = strspn(line->str + digits, " \t");
	if (!digits || digits > SIZE_DIGITS || (line->str[digits] && line->str[digits + blanks] != ';'))
		return bad(why, "a chunk without a size");
	c->extra += line->len - digits;
	if (c->extra > EXTRA_MAX)
		return bad(why, "more extensions of chunks than anybody needs");
	c->left = g_ascii_strtoull(line->str, NULL, 16);
	c->state = c->left ? CHUNKS_DATA : CHUNKS_TRAILER;
	return 1;
}

static int take_data(struct chunks *c, GString *in, GString *body)
{
	size_t n = (size_t)MIN(c->left, in->len);

	if (body)
		g_string_append_len(body, in->str, (gssize)n);
	g_string_erase(in, 0, (gssize)n);
	c->left -= n;
	if (!c->left)
		c->state = CHUNKS_DATA_END;
	return n > 0;
}

static int take_data_end(struct chunks *c, GString *in, const char **why)
{
	if (in->len && (in->str[0] != '\r' || (in->len > 1 && in->str[1] != '\n')))
		return bad(why, "a chunk longer than its size");
	if (in->len < 2)
		return 0;
	g_string_erase(in, 0, 2);
	c->state = CHUNKS_SIZE;
	return 1;
}

static int take_trailer(struct chunks *c, GString *in, const char **why)
{
	g_autoptr(GString) line = g_string_new(NULL);
	int rc = take_line(in, line);

	if (rc == 0)
		return 0;
	c->extra += line->len;
	if (rc < 0 || c->extra > EXTRA_MAX || (line->len && (!strchr(line->str, ':') || strspn(line->str, " \t:"))))
		return bad(why, "what follows the chunks is no field");
	if (!line->len)
		c->state = CHUNKS_DONE;
	return 1;
}

int chunks_take(struct chunks *c, GString *in, GString *body, const char **why)
{
	switch (c->state) {
	case CHUNKS_SIZE:     return take_size(c, in, why);
	case CHUNKS_DATA:     return take_data(c, in, body);
	case CHUNKS_DATA_END: return take_data_end(c, in, why);
	case CHUNKS_TRAILER:  return take_trailer(c, in, why);
	case CHUNKS_DONE:     break;
	}
	return 0;
}
