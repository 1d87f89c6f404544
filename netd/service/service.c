/* service.c - the small services: echo (RFC 862), discard (863), daytime (867), chargen (864); and the list of all. */
#include "http.h"
#include "net_service.h"

#include <string.h>

static void *open_nothing(void)
{
	return NULL;
}

static void close_nothing(void *state)
{
}

static bool echo(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out)
{
	g_string_append_len(out, data, (gssize)len);
	return !end;
}

static bool discard(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out)
{
	return !end;
}

static bool daytime(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out)
{
	g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc((gint64)(env->time / NS_PER_S));
	g_autofree char *text = now ? g_date_time_format(now, "%A, %B %-d, %Y %H:%M:%S-UTC\r\n") : NULL;

	g_string_append(out, text ? text : "\r\n");
	return false;
}

enum { CHARGEN_LINE = 72, CHARGEN_FIRST = ' ', CHARGEN_COUNT = 95, CHARGEN_MORE = 4096 };

/* RFC 864: lines of 72 of the printing characters, each begun one further; after CHARGEN_COUNT lines they repeat. */
struct chargen { unsigned line; char text[CHARGEN_COUNT][CHARGEN_LINE + 2]; };

static void *open_chargen(void)
{
	struct chargen *c = g_new(struct chargen, 1);

	c->line = 0;
	for (unsigned line = 0; line < CHARGEN_COUNT; line++) {
		for (unsigned i = 0; i < CHARGEN_LINE; i++)
			c->text[line][i] = (char)(CHARGEN_FIRST + (line + i) % CHARGEN_COUNT);
		memcpy(c->text[line] + CHARGEN_LINE, "\r\n", 2);
	}
	return c;
}

static bool chargen(void *state, const struct net_service_env *env, const char *data, size_t len, bool end, GString *out)
{
	struct chargen *c = state;

	while (out->len < CHARGEN_MORE) {
		g_string_append_len(out, c->text[c->line], sizeof c->text[0]);
		c->line = (c->line + 1) % CHARGEN_COUNT;
	}
	return true;
}

/* --- datagrams -------------------------------------------------------------------------------- */

static bool echo_message(const struct net_service_env *env, const char *data, size_t len, GString *out)
{
	g_string_append_len(out, data, (gssize)len);
	return true;
}

static bool discard_message(const struct net_service_env *env, const char *data, size_t len, GString *out)
{
	return false;
}

static bool daytime_message(const struct net_service_env *env, const char *data, size_t len, GString *out)
{
	daytime(NULL, env, data, len, true, out);
	return true;
}

/* RFC 864: between 0 and 512 characters, however many came. */
static bool chargen_message(const struct net_service_env *env, const char *data, size_t len, GString *out)
{
	g_autofree void *state = open_chargen();

	chargen(state, env, data, len, false, out);
	g_string_truncate(out, env->random % 513);
	return true;
}

static const struct net_service services[] = {
	{ "echo", 7, open_nothing, echo, close_nothing, .message = echo_message },
	{ "discard", 9, open_nothing, discard, close_nothing, .message = discard_message },
	{ "daytime", 13, open_nothing, daytime, close_nothing, .message = daytime_message },
	{ "chargen", 19, open_chargen, chargen, g_free, .message = chargen_message, .endless = true },
	{ "http", 80, http_open, http_input, http_close, .deadline = http_deadline, .late = http_late, .idle = http_idle },
};

const struct net_service *net_service_at(unsigned index)
{
	return index < G_N_ELEMENTS(services) ? &services[index] : NULL;
}

const struct net_service *net_service_named(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(services); i++)
		if (!strcmp(services[i].name, name))
			return &services[i];
	return NULL;
}
