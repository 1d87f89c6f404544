/* pkt_parse.c - from the text of a script to its events. */
#include "pkt.h"

#include <stdlib.h>
#include <string.h>

struct parser {
	const char *p;
	int         line;
	struct pkt_script *script;
};

static bool fail(struct parser *s, const char *what)
{
	if (!s->script->error) {
		char *rest = g_strndup(s->p, strcspn(s->p, "\n"));

		s->script->error = g_strdup_printf("%s at: %.60s", what, rest);
		s->script->error_line = s->line;
		g_free(rest);
	}
	return false;
}

static bool failed(const struct parser *s) { return s->script->error != NULL; }

/* Blanks and comments; with `lines`, also over ends of lines. */
static void skip(struct parser *s, bool lines)
{
	for (;;) {
		if (*s->p == ' ' || *s->p == '\t' || *s->p == '\r' || (lines && *s->p == '\n')) {
			s->line += *s->p == '\n';
			s->p++;
		} else if (s->p[0] == '/' && s->p[1] == '/') {
			s->p += strcspn(s->p, "\n");
		} else if (s->p[0] == '#') {
			s->p += strcspn(s->p, "\n");
		} else if (s->p[0] == '/' && s->p[1] == '*') {
			const char *end = strstr(s->p + 2, "*/");

			for (const char *q = s->p; q < (end ? end : s->p + strlen(s->p)); q++)
				s->line += *q == '\n';
			s->p = end ? end + 2 : s->p + strlen(s->p);
		} else {
			return;
		}
	}
}

static bool take(struct parser *s, const char *word)
{
	skip(s, false);
	if (!g_str_has_prefix(s->p, word))
		return false;
	if (g_ascii_isalpha(word[0]) && (g_ascii_isalnum(s->p[strlen(word)]) || s->p[strlen(word)] == '_'))
		return false;
	s->p += strlen(word);
	return true;
}

static bool take_number(struct parser *s, uint32_t *out)
{
	char *end;

	skip(s, false);
	if (!g_ascii_isdigit(*s->p))
		return fail(s, "a number is missing");
	*out = (uint32_t)g_ascii_strtoull(s->p, &end, 0);
	s->p = end;
	return true;
}

/* Seconds with a fraction, exactly: no floating point. */
static bool take_seconds(struct parser *s, int64_t *out)
{
	int64_t whole = 0, part = 0, unit = 1000000000;

	if (!g_ascii_isdigit(*s->p) && *s->p != '.')
		return fail(s, "a time is missing");
	for (; g_ascii_isdigit(*s->p); s->p++)
		whole = whole * 10 + (*s->p - '0');
	if (s->p[0] == '.' && g_ascii_isdigit(s->p[1]))
		for (s->p++; g_ascii_isdigit(*s->p); s->p++) {
			unit /= 10;
			part += unit * (*s->p - '0');
		}
	*out = whole * 1000000000 + part;
	return true;
}

static bool parse_time(struct parser *s, struct pkt_event *e)
{
	e->until = e->wait = -1;
	skip(s, false);
	if (*s->p == '*') {
		s->p++;
		e->time = PKT_ANY;
		return true;
	}
	e->time = *s->p == '+' ? PKT_RELATIVE : PKT_ABSOLUTE;
	s->p += *s->p == '+';
	if (!take_seconds(s, &e->at))
		return false;
	if (*s->p == '~') {
		s->p++;
		s->p += *s->p == '+';
		return take_seconds(s, &e->until);
	}
	if (g_str_has_prefix(s->p, "...")) {
		s->p += 3;
		e->wait_relative = *s->p == '+' || e->time == PKT_RELATIVE;
		s->p += *s->p == '+';
		return take_seconds(s, &e->wait);
	}
	return true;
}

/* --- segments ------------------------------------------------------------------------------------ */

static void add_option(struct pkt_segment *g, const void *bytes, unsigned len)
{
	if (g->options_len + len <= PKT_OPTIONS)
		memcpy(g->options + g->options_len, bytes, len);
	g->options_len += len;
}

static void put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static bool parse_sacks(struct parser *s, struct pkt_segment *g)
{
	uint8_t bytes[2 + 8 * 4] = { 5, 2 };
	uint32_t start, end;

	do {
		skip(s, false);
		if (!take_number(s, &start) || !take(s, ":") || !take_number(s, &end))
			return fail(s, "a sack block is start:end");
		if (bytes[1] > 2 + 8 * 3)
			return fail(s, "more than four sack blocks");
		put(bytes + bytes[1], start);
		put(bytes + bytes[1] + 4, end);
		bytes[1] += 8;
		skip(s, false);
	} while (g_ascii_isdigit(*s->p));
	add_option(g, bytes, bytes[1]);
	return true;
}

static bool parse_option(struct parser *s, struct pkt_segment *g)
{
	uint8_t bytes[10];
	uint32_t a, b;

	if (take(s, "mss")) {
		if (!take_number(s, &a))
			return false;
		bytes[0] = 2, bytes[1] = 4, bytes[2] = (uint8_t)(a >> 8), bytes[3] = (uint8_t)a;
		add_option(g, bytes, 4);
	} else if (take(s, "wscale")) {
		if (!take_number(s, &a))
			return false;
		bytes[0] = 3, bytes[1] = 3, bytes[2] = (uint8_t)a;
		add_option(g, bytes, 3);
	} else if (take(s, "sackOK")) {
		add_option(g, "\4\2", 2);
	} else if (take(s, "TS")) {
		if (!take(s, "val") || !take_number(s, &a) || !take(s, "ecr") || !take_number(s, &b))
			return fail(s, "TS val N ecr N");
		bytes[0] = 8, bytes[1] = 10;
		put(bytes + 2, a);
		put(bytes + 6, b);
		add_option(g, bytes, 10);
	} else if (take(s, "sack")) {
		return parse_sacks(s, g);
	} else if (take(s, "nop")) {
		add_option(g, "\1", 1);
	} else if (take(s, "eol")) {
		add_option(g, "\0", 1);
	} else {
		return fail(s, "no such TCP option");
	}
	return true;
}

static bool parse_options(struct parser *s, struct pkt_segment *g)
{
	if (!take(s, "<"))
		return true;
	if (take(s, "...")) {
		g->any_options = true;
	} else {
		skip(s, false);
		while (*s->p != '>') {
			if (!parse_option(s, g))
				return false;
			skip(s, false);
			if (!take(s, ",") && *s->p != '>')
				return fail(s, "between options a comma");
			skip(s, false);
		}
	}
	if (!take(s, ">"))
		return fail(s, "options end with >");
	if (g->options_len > PKT_OPTIONS)
		return fail(s, "more than 40 bytes of options");
	while (g->options_len % 4) /* the end of the list, as packetdrill pads */
		add_option(g, "\0", 1);
	return true;
}

static bool parse_sequence(struct parser *s, struct pkt_segment *g)
{
	return take_number(s, &g->seq) && (take(s, ":") || fail(s, "start:end(len)")) && take_number(s, &g->end) &&
	       (take(s, "(") || fail(s, "start:end(len)")) && take_number(s, &g->len) &&
	       (take(s, ")") || fail(s, "start:end(len)"));
}

static bool parse_icmp(struct parser *s, struct pkt_segment *g)
{
	static const struct { const char *name; uint8_t code; } codes[] = {
		{ "net_unreachable", 0 }, { "host_unreachable", 1 }, { "protocol_unreachable", 2 },
		{ "port_unreachable", 3 }, { "frag_needed", 4 }, { "source_route_failed", 5 }, { "net_unknown", 6 },
		{ "host_unknown", 7 }, { "net_prohibited", 9 }, { "host_prohibited", 10 }, { "packet_filtered", 13 },
	};

	g->proto = PKT_ICMP;
	if (take(s, "time_exceeded")) {
		g->icmp_type = 11;
		return true;
	}
	if (!take(s, "unreachable"))
		return fail(s, "only icmp unreachable and time_exceeded are known");
	g->icmp_type = 3;
	for (unsigned i = 0; i < G_N_ELEMENTS(codes); i++)
		if (take(s, codes[i].name)) {
			g->icmp_code = codes[i].code;
			return !take(s, "mtu") || take_number(s, &g->icmp_mtu);
		}
	return fail(s, "no such ICMP code");
}

static bool parse_segment(struct parser *s, struct pkt_segment *g)
{
	static const char letters[] = "FSRP.UEWC";
	static const uint8_t bits[] = { NET_FIN, NET_SYN, NET_RST, NET_PSH, NET_ACK, NET_URG, NET_ECE, NET_CWR, NET_CWR };

	skip(s, false);
	if (take(s, "[ect0]") || take(s, "[ect1]") || take(s, "[ce]") || take(s, "[noecn]") || take(s, "[ect01]"))
		skip(s, false); /* we have no ECN to compare with */
	if (take(s, "[")) {
		if (take(s, "udp")) {
			if (!take(s, "(") || !take_number(s, &g->len) || !take(s, ")"))
				return fail(s, "[udp (len)]");
			g->flags = 255; /* it was UDP that the error is about */
		} else if (!parse_sequence(s, g)) {
			return false;
		}
		if (!take(s, "]") || !take(s, "icmp"))
			return fail(s, "[seq:end(len)] icmp ...");
		return parse_icmp(s, g);
	}
	if (take(s, "udp")) {
		g->proto = PKT_UDP;
		if (!take(s, "(") || !take_number(s, &g->len) || !take(s, ")"))
			return fail(s, "udp (len)");
		return true;
	}
	g->proto = PKT_TCP;
	while (*s->p && strchr(letters, *s->p)) {
		g->flags |= bits[strchr(letters, *s->p) - letters];
		s->p++;
	}
	if (*s->p != ' ' && *s->p != '\t')
		return fail(s, "no such flags");
	if (!parse_sequence(s, g))
		return false;
	if (take(s, "ack")) {
		g->has_ack = true;
		if (!take_number(s, &g->ack))
			return false;
	}
	if (take(s, "win")) {
		g->has_win = true;
		if (!take_number(s, &g->win))
			return false;
	}
	if (take(s, "urg") && !take_number(s, &g->urgent))
		return false;
	return parse_options(s, g);
}

/* --- calls -------------------------------------------------------------------------------------------- */

static bool parse_args(struct parser *s, struct pkt_event *e)
{
	int depth = 0;
	const char *start;

	skip(s, false);
	start = s->p;
	for (;; s->p++) {
		if (!*s->p || *s->p == '\n')
			return fail(s, "the call does not end");
		if (strchr("([{", *s->p)) {
			depth++;
		} else if (depth > 0 && strchr(")]}", *s->p)) {
			depth--;
		} else if (*s->p == '"') {
			for (s->p++; *s->p && *s->p != '"' && *s->p != '\n'; s->p++)
				;
		} else if (depth == 0 && (*s->p == ',' || *s->p == ')')) {
			bool last = *s->p == ')';

			if (e->nargs == PKT_ARGS)
				return fail(s, "too many arguments");
			if (s->p > start || !last || e->nargs > 0)
				e->args[e->nargs++] = g_strstrip(g_strndup(start, (gsize)(s->p - start)));
			start = s->p + 1;
			if (last) {
				s->p++;
				return true;
			}
		}
	}
}

static bool parse_call(struct parser *s, struct pkt_event *e)
{
	size_t len = strspn(s->p, "abcdefghijklmnopqrstuvwxyz_0123456789");
	char *end;

	if (len == 0)
		return fail(s, "neither a packet nor a call");
	e->name = g_strndup(s->p, len);
	s->p += len;
	if (!take(s, "("))
		return fail(s, "a call has arguments");
	if (!parse_args(s, e))
		return false;
	if (!take(s, "="))
		return fail(s, "a call has a result");
	skip(s, false);
	if (take(s, "...")) {
		e->any_result = true;
		return true;
	}
	e->result = strtol(s->p, &end, 0);
	if (end == s->p)
		return fail(s, "a result is a number");
	s->p = end;
	skip(s, false);
	if (*s->p == 'E') {
		char *name;

		len = strspn(s->p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
		name = g_strndup(s->p, len);
		e->error = pkt_errno(name);
		g_free(name);
		if (!e->error)
			return fail(s, "no such errno");
		s->p += len;
	} else if (g_str_has_prefix(s->p, "/*")) {
		skip(s, false);
	}
	skip(s, false);
	if (*s->p == '(') /* its meaning, for people */
		s->p += strcspn(s->p, "\n");
	return true;
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static bool parse_setting(struct parser *s)
{
	const char *value;

	if (!g_str_has_prefix(s->p, "--"))
		return false;
	value = strchr(s->p, '=');
	if (g_str_has_prefix(s->p, "--tolerance_usecs=") && value)
		s->script->tolerance = strtoll(value + 1, NULL, 10) * 1000;
	if (g_str_has_prefix(s->p, "--strict"))
		s->script->strict = true;
	if (g_str_has_prefix(s->p, "--ours"))
		s->script->ours = true;
	if (g_str_has_prefix(s->p, "--mtu=") && value)
		s->script->mtu = (uint32_t)strtoul(value + 1, NULL, 10);
	s->p += strcspn(s->p, " \t\n");
	return true;
}

static bool parse_event(struct parser *s, struct pkt_event *e)
{
	e->line = s->line;
	if (*s->p == '`') {
		const char *end = strchr(s->p + 1, '`');

		if (!end)
			return fail(s, "a command ends with `");
		e->kind = PKT_SHELL;
		e->until = e->wait = -1;
		e->time = PKT_RELATIVE;
		e->name = g_strndup(s->p + 1, (gsize)(end - s->p - 1));
		for (; s->p <= end; s->p++)
			s->line += *s->p == '\n';
		return true;
	}
	if (g_str_has_prefix(s->p, "%{"))
		return fail(s, "python is not understood");
	if (!parse_time(s, e))
		return false;
	skip(s, false);
	if (*s->p == '`') {
		struct pkt_event time = *e;

		if (!parse_event(s, e))
			return false;
		e->time = time.time;
		e->at = time.at;
		return true;
	}
	if (*s->p == '<' || *s->p == '>') {
		e->kind = *s->p == '<' ? PKT_IN : PKT_OUT;
		s->p++;
		return parse_segment(s, &e->seg);
	}
	e->kind = PKT_CALL;
	return parse_call(s, e);
}

static void event_free(void *data)
{
	struct pkt_event *e = data;

	g_free(e->name);
	for (int i = 0; i < e->nargs; i++)
		g_free(e->args[i]);
	g_free(e);
}

struct pkt_script *pkt_parse(const char *text)
{
	struct pkt_script *script = g_new0(struct pkt_script, 1);
	struct parser s = { .p = text, .line = 1, .script = script };

	script->events = g_ptr_array_new_with_free_func(event_free);
	script->tolerance = 4000000;
	for (skip(&s, true); *s.p && !failed(&s); skip(&s, true)) {
		struct pkt_event *e;

		if (parse_setting(&s))
			continue;
		e = g_new0(struct pkt_event, 1);
		g_ptr_array_add(script->events, e);
		if (!parse_event(&s, e))
			break;
		skip(&s, false);
		if (*s.p && *s.p != '\n')
			fail(&s, "something is left over");
	}
	return script;
}

void pkt_script_free(struct pkt_script *s)
{
	g_ptr_array_free(s->events, TRUE);
	g_free(s->error);
	if (s->trace)
		g_string_free(s->trace, TRUE);
	g_free(s);
}

int64_t pkt_length(const struct pkt_script *s)
{
	int64_t length = 0;

	for (guint i = 0; i < s->events->len; i++) {
		const struct pkt_event *e = s->events->pdata[i];
		int64_t at = e->time == PKT_ANY ? 0 : MAX(e->at, e->until);

		length = e->time == PKT_RELATIVE ? length + at : MAX(length, at);
	}
	return length;
}
