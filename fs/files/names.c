/* names.c - hosts/H/net: resolv, hosts and services, texts in the form of the files of /etc. */
#include "net.h"

#include "text.h"
#include "world.h"

#include <string.h>

enum { NAMES_MAX = 1 << 20 };

static const char default_hosts[] = "127.0.0.1\tlocalhost\n";
static const char default_services[] =
	"echo\t\t7/tcp\necho\t\t7/udp\ndiscard\t\t9/tcp\ndiscard\t\t9/udp\ndaytime\t\t13/tcp\nchargen\t\t19/tcp\n"
	"chargen\t\t19/udp\nftp\t\t21/tcp\nssh\t\t22/tcp\ntelnet\t\t23/tcp\nsmtp\t\t25/tcp\ndomain\t\t53/tcp\ndomain\t\t53/udp\n"
	"bootps\t\t67/udp\nbootpc\t\t68/udp\nhttp\t\t80/tcp\npop3\t\t110/tcp\nntp\t\t123/udp\nimap2\t\t143/tcp\n"
	"https\t\t443/tcp\n";

static const char *text_of(const struct host *h, const char *file)
{
	const char *text = g_hash_table_lookup(h->names, file);

	if (text)
		return text;
	return !strcmp(file, "hosts") ? default_hosts : !strcmp(file, "services") ? default_services : "";
}

int show_names(const struct node *n, GString *out, struct err *e)
{
	struct host *h = world_host(n, e);

	if (!h)
		return -e->code;
	put_text(out, text_of(h, n->row->name));
	return 0;
}

/* The text replaces what is there; behind `>>` it is added. */
int store_names(const struct node *n, char *text, GString *result, struct err *e)
{
	struct host *h = world_host(n, e);
	const char *before = "";

	if (!h)
		return -e->code;
	if (!n->world->fresh)
		before = text_of(h, n->row->name);
	if (strlen(before) + strlen(text) > NAMES_MAX)
		return err_set(e, EFBIG, -1, "more than %d bytes", NAMES_MAX);
	g_hash_table_replace(h->names, g_strdup(n->row->name), g_strconcat(before, text, NULL));
	return 0;
}

/* ADDR NAME ALIAS...  # comment */
static bool line_has(char *line, const char *name, struct net_addr *out)
{
	g_auto(GStrv) words = NULL;
	bool found = false;

	line[strcspn(line, "#")] = '\0';
	words = g_strsplit_set(line, " \t\r", -1);
	for (unsigned i = 1; words[0] && words[i]; i++)
		found |= *words[i] && !g_ascii_strcasecmp(words[i], name);
	return found && net_addr_parse(words[0], out) && out->family == NET_IPV4;
}

bool names_lookup(const struct node *n, const char *name, struct net_addr *out)
{
	struct host *h = world_host(n, NULL);
	g_auto(GStrv) lines = NULL;

	if (net_addr_parse(name, out))
		return true;
	if (!h)
		return false;
	lines = g_strsplit(text_of(h, "hosts"), "\n", -1);
	for (unsigned i = 0; lines[i]; i++)
		if (line_has(lines[i], name, out))
			return true;
	return false;
}
