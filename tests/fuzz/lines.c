/* lines.c - mutations of texts that are lines. */
#include "lines.h"

#include "command.h"

#include <string.h>

/* What may fit an argument of that name in the grammar of commands. */
static const struct { const char *name; const char *values[12]; } pools[] = {
	{ "ADDR", { "0x400000", "0x404000", "0x405fff", "0x600000", "0x200000", "0x7ffffffde000", "0xffffffffffffffff", "1", "10.0.0.2", "127.0.0.1", "::1", "0" } },
	{ "LEN", { "1", "4096", "8192", "0x4000", "2M", "0xffffffffffffffff", "0x7fffffffffff", "16K" } },
	{ "PROT", { "r--", "rw-", "rwx", "---", "--x" } },
	{ "FLAGS", { "private,anon", "shared,anon", "private", "shared", "private,anon,fixed", "private,anon,populate", "private,anon,hugetlb",
		     "private,anon,growsdown,stack", "private,anon,locked", "private,anon,fixed_noreplace" } },
	{ "FILE", { "/f", "f", "/demo", "/d/e", "fd:3", "/zone" } },
	{ "FD", { "0", "1", "3", "4", "5", "3=in", "4=out" } },
	{ "ADDR:PORT", { "127.0.0.1:7", "127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "10.0.0.2:7", "10.0.0.1:53", "255.255.255.255:67" } },
	{ "KIND", { "tcp", "udp", "tcp6", "udp6", "rdt", "icmp" } },
	{ "SERVICE", { "echo", "http", "dns", "dhcp", "time", "discard" } },
	{ "ADVICE", { "dontneed", "free", "pageout", "cold", "willneed", "collapse", "hugepage", "remove", "dontfork", "wipeonfork", "populate_write" } },
	{ "SIG", { "KILL", "TERM", "STOP", "CONT", "SEGV", "9", "0" } },
	{ "HEX", { "00", "0102", "ffffffffffffffff", "\"text\"" } },
	{ "T", { "1ms", "1s", "0", "9s" } },
	{ "URL", { "http://127.0.0.1/", "http://127.0.0.1:80/f", "http://[::1]/d/" } },
	{ "FIELD", { "name", "uid", "utime", "oom_score_adj", "state", "nice" } },
};
static const char *const any[] = { "0", "1", "2", "3", "7", "80", "100", "-1", "4096", "0x404000", "18446744073709551615", "host0", "f", "/", "lo",
				   "unlimited", "nofile", "as", "stack", "nodelay", "linger", "sndbuf", "rcvbuf", "reuseaddr", "tcp.syn", "\"\"" };

static const struct command *const tables[] = { process_commands, process_commands, process_commands, host_commands, mem_commands, swap_commands,
						 root_commands, wire_commands, route_commands, neighbour_commands, nat_commands };

unsigned draw(uint32_t *dice, unsigned below)
{
	*dice = *dice * 1664525 + 1013904223;
	return (unsigned)((uint64_t)(*dice >> 8) * below >> 24);
}

static void put_value(GString *out, uint32_t *dice, const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(pools); i++) {
		unsigned n = 0;

		if (strcmp(pools[i].name, name))
			continue;
		while (n < G_N_ELEMENTS(pools[i].values) && pools[i].values[n])
			n++;
		g_string_append(out, pools[i].values[draw(dice, n)]);
		return;
	}
	g_string_append(out, any[draw(dice, G_N_ELEMENTS(any))]);
}

/* One word of a grammar, without its brackets: "ADDR|-", "timeout=T", "maymove" */
static void put_argument(GString *out, uint32_t *dice, const char *word)
{
	g_auto(GStrv) ways = g_strsplit(word, "|", -1);
	const char *way = ways[draw(dice, g_strv_length(ways))], *equals = strchr(way, '=');

	g_string_append_c(out, ' ');
	if (draw(dice, 16) == 0)
		way = "LEN", equals = NULL;
	if (equals)
		g_string_append_len(out, way, equals + 1 - way);
	if (equals)
		way = equals + 1;
	if (g_ascii_isupper(*way))
		put_value(out, dice, way);
	else
		g_string_append(out, way);
}

void put_command(GString *out, uint32_t *dice)
{
	const struct command *c = tables[draw(dice, G_N_ELEMENTS(tables))];
	g_auto(GStrv) words = NULL;
	unsigned count = 0, depth = 0;
	bool left_out = false;

	while (c[count].name)
		count++;
	c += draw(dice, count);
	g_string_append(out, c->name);
	words = g_strsplit(c->grammar, " ", -1);
	for (unsigned i = 0; words[i]; i++) {
		g_autofree char *bare = g_strdup(words[i]);
		size_t at = strspn(bare, "[");

		if (depth == 0 && at)
			left_out = draw(dice, 2);
		depth += (unsigned)at;
		bare[at + strcspn(bare + at, "].")] = '\0';
		if (bare[at] && !(depth && left_out))
			put_argument(out, dice, bare + at);
		for (const char *p = words[i]; *p; p++)
			depth -= *p == ']' && depth;
	}
}

GPtrArray *lines_of(const uint8_t *data, size_t size)
{
	GPtrArray *lines = g_ptr_array_new();
	const char *text = (const char *)data, *end = text + size;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);

		g_ptr_array_add(lines, g_string_new_len(text, (gssize)len));
		text += len + 1;
	}
	return lines;
}

void lines_free(GPtrArray *lines)
{
	for (guint i = 0; i < lines->len; i++)
		g_string_free(lines->pdata[i], TRUE);
	g_ptr_array_free(lines, TRUE);
}

size_t lines_copy(const GPtrArray *lines, uint8_t *data, size_t max)
{
	size_t at = 0;

	for (guint i = 0; i < lines->len; i++) {
		const GString *line = lines->pdata[i];

		if (line->len >= max - at)
			break;
		memcpy(data + at, line->str, line->len);
		at += line->len;
		data[at++] = '\n';
	}
	return at;
}

static void change_bytes(GString *line)
{
	uint8_t bytes[512];
	size_t len = MIN(line->len, sizeof bytes / 2);

	memcpy(bytes, line->str, len);
	len = LLVMFuzzerMutate(bytes, len, sizeof bytes);
	g_string_erase(line, 0, (gssize)MIN(line->len, sizeof bytes / 2));
	g_string_prepend_len(line, (const char *)bytes, (gssize)len);
}

void mutate_lines(GPtrArray *lines, uint32_t *dice, void (*put)(GString *out, uint32_t *dice))
{
	guint at = draw(dice, lines->len + 1), from = lines->len ? draw(dice, lines->len) : 0;
	GString *line = lines->len ? lines->pdata[from] : NULL, *made;

	switch (line ? draw(dice, 6) : 0) {
	case 0:
	case 1:
		made = g_string_new(NULL);
		put(made, dice);
		g_ptr_array_insert(lines, (gint)at, made);
		break;
	case 2:
		g_ptr_array_insert(lines, (gint)at, g_string_new_len(line->str, (gssize)line->len));
		break;
	case 3:
		g_string_free(g_ptr_array_steal_index(lines, from), TRUE);
		break;
	case 4:
		g_ptr_array_steal_index(lines, from);
		g_ptr_array_insert(lines, (gint)MIN(at, lines->len), line);
		break;
	default:
		change_bytes(line);
	}
}

/* A number of more than four digits, a hexadecimal one, or one with a unit; what is behind a dot does not count. */
static bool has_large_number(const char *p, const char *end)
{
	unsigned digits = 0;

	for (; p < end && *p != '\n'; p++) {
		if (*p == '.')
			while (p + 1 < end && g_ascii_isdigit(p[1]))
				p++;
		if (digits > 0 && *p && strchr("xXKMGTkgt", *p))
			return true;
		digits = g_ascii_isdigit(*p) ? digits + 1 : 0;
		if (digits > 4)
			return true;
	}
	return false;
}

bool takes_long(const char *text, size_t len)
{
	static const char *const words[] = { "-n", "run", "step", "advance", "time", "load", "ping", "count", "clients", "next", "real" };

	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		for (const char *p = text; (p = memmem(p, len - (size_t)(p - text), words[i], strlen(words[i]))); p++)
			if (has_large_number(p, text + len))
				return true;
	return false;
}
