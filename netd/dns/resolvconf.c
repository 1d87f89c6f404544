/* resolvconf.c - resolv.conf and hosts, read as libc reads them. */
#include "resolvconf.h"

#include <string.h>

enum { NDOTS = 1, NDOTS_MAX = 15, TIMEOUT_S = 5, TIMEOUT_MAX = 30, ATTEMPTS = 2, ATTEMPTS_MAX = 5 };

static void set_search(struct resolv *r, char **words)
{
	unsigned n = 0;

	resolv_clear(r);
	for (; *words && n < RESOLV_SEARCH; words++)
		if (**words)
			r->search[n++] = g_strdup(*words);
}

/* ndots:2 */
static void set_option(struct resolv *r, const char *word)
{
	const struct { const char *name; unsigned *value, least, most; } options[] = {
		{ "ndots:", &r->ndots, 0, NDOTS_MAX }, { "timeout:", &r->timeout, 1, TIMEOUT_MAX },
		{ "attempts:", &r->attempts, 1, ATTEMPTS_MAX },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		size_t len = strlen(options[i].name);

		if (!strncmp(word, options[i].name, len) && g_ascii_isdigit(word[len]))
			*options[i].value = (unsigned)CLAMP(g_ascii_strtoull(word + len, NULL, 10), options[i].least,
							    options[i].most);
	}
}

static void read_line(struct resolv *r, char *line)
{
	g_auto(GStrv) words = NULL;

	line[strcspn(line, "#;")] = '\0';
	words = g_strsplit_set(g_strstrip(line), " \t\r", -1);
	if (!words[0])
		return;
	if (!strcmp(words[0], "nameserver") && words[1] && r->servers < RESOLV_SERVERS) {
		const char *addr = words[1];

		for (unsigned i = 1; words[i] && !*addr; i++)
			addr = words[i];
		if (net_addr_parse(addr, &r->server[r->servers]))
			r->servers++;
	} else if (!strcmp(words[0], "search") || !strcmp(words[0], "domain")) {
		set_search(r, words + 1);
	} else if (!strcmp(words[0], "options")) {
		for (unsigned i = 1; words[i]; i++)
			set_option(r, words[i]);
	}
}

void resolv_parse(const char *text, struct resolv *out)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	*out = (struct resolv){ .ndots = NDOTS, .timeout = TIMEOUT_S, .attempts = ATTEMPTS };
	for (unsigned i = 0; lines[i]; i++)
		read_line(out, lines[i]);
}

void resolv_clear(struct resolv *r)
{
	for (unsigned i = 0; i < RESOLV_SEARCH; i++) {
		g_free(r->search[i]);
		r->search[i] = NULL;
	}
}

/* ADDR NAME ALIAS...  # comment */
static bool line_has(char *line, const char *name, struct net_addr *out)
{
	g_auto(GStrv) words = NULL;
	bool found = false;

	line[strcspn(line, "#")] = '\0';
	words = g_strsplit_set(g_strstrip(line), " \t\r", -1);
	for (unsigned i = 1; words[0] && words[i]; i++)
		found |= *words[i] && !g_ascii_strcasecmp(words[i], name);
	return found && net_addr_parse(words[0], out);
}

void hosts_find(const char *text, const char *name, bool v4, bool v6, GArray *out)
{
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
	struct net_addr a;

	for (unsigned i = 0; lines[i]; i++)
		if (line_has(lines[i], name, &a) && (a.family == NET_IPV4 ? v4 : v6))
			g_array_append_val(out, a);
}
