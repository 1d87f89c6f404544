/* names.c - hosts/H/net: resolv, hosts and services, texts in the form of the files of /etc; dns_cache. */
#include "net.h"

#include "net_dhcp.h"
#include "table.h"
#include "text.h"
#include "world.h"

#include <string.h>

enum { NAMES_MAX = 1 << 20 };

#define BLANKS " \t\r"

static const char default_hosts[] = "127.0.0.1\tlocalhost\n";
static const char default_services[] =
	"echo\t\t7/tcp\necho\t\t7/udp\ndiscard\t\t9/tcp\ndiscard\t\t9/udp\ndaytime\t\t13/tcp\nchargen\t\t19/tcp\n"
	"chargen\t\t19/udp\nftp\t\t21/tcp\nssh\t\t22/tcp\ntelnet\t\t23/tcp\nsmtp\t\t25/tcp\ndomain\t\t53/tcp\ndomain\t\t53/udp\n"
	"bootps\t\t67/udp\nbootpc\t\t68/udp\nhttp\t\t80/tcp\npop3\t\t110/tcp\nntp\t\t123/udp\nimap2\t\t143/tcp\n"
	"https\t\t443/tcp\n";

static const char *default_of(const char *file)
{
	return !strcmp(file, "hosts") ? default_hosts : !strcmp(file, "services") ? default_services : "";
}

/* What the DHCP servers of its interfaces have told, in the form of resolv.conf. */
static void put_learnt(const struct host *h, GString *out)
{
	struct net_iface_info info = { 0 };
	struct net_iface *i;

	while ((i = net_iface_above(h->net, info.index))) {
		struct net_addr dns[NET_DHCP_DNS];
		const char *domain;
		char text[NET_ADDR_TEXT];
		unsigned n = net_dhcp_dns(i, dns, &domain);

		net_iface_get(i, &info);
		for (unsigned k = 0; k < n; k++)
			g_string_append_printf(out, "nameserver %s\n", net_addr_text(&dns[k], text));
		if (*domain)
			g_string_append_printf(out, "search %s\n", domain);
	}
}

/* As written by hand, else as it is from the start. */
static char *text_of(const struct host *h, const char *file)
{
	const GString *written = g_hash_table_lookup(h->names, file);
	GString *text;

	if (written)
		return g_strdup(written->str);
	text = g_string_new(default_of(file));
	if (!strcmp(file, "resolv"))
		put_learnt(h, text);
	return g_string_free(text, FALSE);
}

int show_names(const struct node *n, GString *out, struct err *e)
{
	struct host *h = world_host(n, e);
	g_autofree char *text = NULL;

	if (!h)
		return -e->code;
	text = text_of(h, n->row->name);
	put_text(out, text);
	return 0;
}

struct name_line {
	char   **word;
	unsigned count;
	size_t  *at; /* columns */
};

static bool any_address(const char *text)
{
	return g_hostname_is_ip_address(text);
}

static int wrong_word(const struct name_line *l, unsigned i, const char *about, struct err *e)
{
	if (i < l->count)
		return err_set(e, EINVAL, (int)l->at[i], "'%.40s' is not %s", l->word[i], about);
	return err_set(e, EINVAL, (int)(l->at[l->count - 1] + strlen(l->word[l->count - 1])), "%s is missing", about);
}

/* ADDR NAME ALIAS... */
static int check_hosts(const struct name_line *l, struct err *e)
{
	if (!any_address(l->word[0]))
		return wrong_word(l, 0, "an address", e);
	return l->count > 1 ? 0 : wrong_word(l, 1, "a name", e);
}

/* NAME PORT/PROTOCOL ALIAS... */
static int check_services(const struct name_line *l, struct err *e)
{
	const char *port = l->count > 1 ? l->word[1] : "";
	char *end = NULL;
	guint64 n = g_ascii_isdigit(*port) ? g_ascii_strtoull(port, &end, 10) : G_MAXUINT64;

	if (n > 65535 || *end != '/' || !g_ascii_isalpha(end[1]))
		return wrong_word(l, 1, "PORT/PROTOCOL, as 80/tcp", e);
	return 0;
}

static int check_resolv(const struct name_line *l, struct err *e)
{
	static const char *const keywords[] = { "nameserver", "search", "domain", "options", "sortlist", NULL };

	if (!g_strv_contains(keywords, l->word[0]))
		return wrong_word(l, 0, "nameserver, search, domain, options or sortlist", e);
	if (strcmp(l->word[0], "nameserver"))
		return 0;
	return l->count > 1 && any_address(l->word[1]) ? 0 : wrong_word(l, 1, "an address", e);
}

/* A line of the file's form, a comment or a blank one; e->arg: a column. */
static int check_form(const char *file, const char *text, struct err *e)
{
	bool resolv = !strcmp(file, "resolv");
	g_autofree char *line = g_strndup(text, strcspn(text, resolv ? "#;" : "#"));
	g_autoptr(GPtrArray) words = g_ptr_array_new();
	g_autoptr(GArray) at = g_array_new(FALSE, FALSE, sizeof(size_t));
	struct name_line l;

	for (char *p = line + strspn(line, BLANKS); *p; p += strspn(p, BLANKS)) {
		size_t column = (size_t)(p - line);

		g_ptr_array_add(words, p);
		g_array_append_val(at, column);
		p += strcspn(p, BLANKS);
		if (*p)
			*p++ = '\0';
	}
	if (words->len == 0)
		return 0;
	l = (struct name_line){ (char **)words->pdata, words->len, (size_t *)(void *)at->data };
	return resolv ? check_resolv(&l, e) : !strcmp(file, "hosts") ? check_hosts(&l, e) : check_services(&l, e);
}

/* A line: the first of an open that truncates replaces what is there, others are added. */
int store_names(const struct node *n, char *line, GString *result, struct err *e)
{
	struct host *h = world_host(n, e);
	const char *file = n->row->name;
	GString *text;

	if (!h || check_form(file, line, e))
		return -e->code;
	text = g_hash_table_lookup(h->names, file);
	if (!text) {
		g_autofree char *before = text_of(h, file);

		text = g_string_new(before);
		g_hash_table_insert(h->names, g_strdup(file), text);
	}
	if ((n->world->fresh ? 0 : text->len) + strlen(line) >= NAMES_MAX)
		return err_set(e, EFBIG, -1, "more than %d bytes", NAMES_MAX);
	if (n->world->fresh)
		g_string_truncate(text, 0);
	put_text(text, line);
	put_char(text, '\n');
	return 0;
}

int names_lookup(const struct node *n, const char *name, struct net_lookup_config *c, struct net_lookup **out, struct err *e)
{
	struct host *h = world_host(n, e);
	g_autofree char *hosts = NULL, *resolv = NULL;

	if (!h)
		return -e->code;
	c->hosts = hosts = text_of(h, "hosts");
	c->resolv = resolv = text_of(h, "resolv");
	c->cache = c->servers && !c->iterative ? NULL : h->dns_cache; /* who asks one server wants to know what that one says */
	return net_lookup_start(h->net, name, c, out, e);
}

/* NAME PORT/PROTOCOL ALIAS...  # comment */
static bool line_is_service(char *line, const char *name, uint16_t *port)
{
	g_auto(GStrv) words = NULL;
	unsigned at = 0;
	bool found = false;

	line[strcspn(line, "#")] = '\0';
	words = g_strsplit_set(g_strstrip(line), BLANKS, -1);
	for (unsigned i = 0; words[i]; i++) {
		if (at == 1 && *words[i])
			*port = (uint16_t)g_ascii_strtoull(words[i], NULL, 10);
		else if (*words[i])
			found |= !strcmp(words[i], name);
		at += *words[i] != '\0';
	}
	return found && at > 1;
}

bool names_port(const struct node *n, const char *text, uint16_t *port)
{
	struct host *h = world_host(n, NULL);
	g_autofree char *services = NULL;
	g_auto(GStrv) lines = NULL;
	uint64_t v;

	if (g_ascii_isdigit(*text)) {
		if (parse_number(text, &v, NULL) || v > UINT16_MAX)
			return false;
		*port = (uint16_t)v;
		return true;
	}
	services = h ? text_of(h, "services") : NULL;
	lines = g_strsplit(services ? services : "", "\n", -1);
	for (unsigned i = 0; lines[i]; i++)
		if (line_is_service(lines[i], text, port))
			return true;
	return false;
}

/* dns_cache */

const struct column dns_cache_columns[] = {
	{ "name", COLUMN_WORD }, { "type", COLUMN_WORD }, { "ttl", COLUMN_NUMBER }, { "data", COLUMN_WORD }, { 0 }
};

static void put_row(const struct net_dns_row *row, void *user)
{
	struct table_out *t = user;
	g_autofree char *data = g_strdelimit(g_strdup(row->data), " ", ',');

	table_word(t, row->name);
	table_word(t, row->type);
	table_number(t, (row->left + NS_PER_S - 1) / NS_PER_S);
	table_word(t, data);
}

int fill_dns_cache(const struct node *n, struct table_out *t, struct err *e)
{
	struct host *h = world_host(n, e);

	if (!h)
		return -e->code;
	net_dns_cache_rows(h->dns_cache, n->world->clock.now, put_row, t);
	return 0;
}

int store_dns_cache(const struct node *n, char *line, GString *result, struct err *e)
{
	struct host *h = world_host(n, e);

	if (!h)
		return -e->code;
	if (strcmp(g_strstrip(line), "flush"))
		return err_set(e, EINVAL, 0, "it takes flush");
	net_dns_cache_flush(h->dns_cache);
	return 0;
}
