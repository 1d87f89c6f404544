/* text.c - digits and padding without printf. */
#include "text.h"

#include <string.h>

static const char two_digits[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";

/* Writes the digits so that they end at `end`; gives the first. */
static char *digits(char *end, uint64_t v)
{
	while (v >= 100) {
		end -= 2;
		memcpy(end, two_digits + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		end -= 2;
		memcpy(end, two_digits + v * 2, 2);
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

size_t write_dec(char *to, uint64_t value)
{
	char buf[20], *at = digits(buf + sizeof buf, value);
	size_t len = (size_t)(buf + sizeof buf - at);

	memcpy(to, at, len);
	return len;
}

/* How many digits it has. */
static unsigned dec_width(uint64_t value)
{
	static const uint64_t powers[] = {
		0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
		10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000u,
	};
	unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1), about = bits * 1233 >> 12;  /* log 2 is a little more than 1233 / 4096 */

	return about + (value >= powers[about]);
}

/* Room for so many bytes more, which the caller writes; the string ends behind them. */
static char *make_room(GString *out, size_t len)
{
	size_t at = out->len;

	if (G_UNLIKELY(out->allocated_len - at <= len)) {
		g_string_set_size(out, at + len);
	} else {
		out->len = at + len;
		out->str[out->len] = '\0';
	}
	return out->str + at;
}

void put_dec(GString *out, uint64_t value)
{
	unsigned width = dec_width(value);

	digits(make_room(out, width) + width, value);
}

static void put_blanks(GString *out, size_t n)
{
	static const char blanks[] = "                                                                ";

	for (; n > sizeof blanks - 1; n -= sizeof blanks - 1)
		put_span(out, blanks, sizeof blanks - 1);
	put_span(out, blanks, n);
}

void put_dec_width(GString *out, uint64_t value, unsigned width)
{
	unsigned len = dec_width(value);

	if (width > len)
		put_blanks(out, width - len);
	digits(make_room(out, len) + len, value);
}

void put_hex_width(GString *out, uint64_t value, unsigned width)
{
	char buf[16], *at = buf + sizeof buf;

	memset(buf, '0', sizeof buf);
	for (; value; value >>= 4)
		*--at = "0123456789abcdef"[value & 15];
	width = MAX(MIN(width, (unsigned)sizeof buf), MAX((unsigned)(buf + sizeof buf - at), 1u));
	put_span(out, buf + sizeof buf - width, width);
}

void put_hex(GString *out, uint64_t value)
{
	put_hex_width(out, value, 1);
}

void put_time(GString *out, ns_t t)
{
	char buf[10], *at;
	ns_t rest = t % NS_PER_S;

	put_dec(out, t / NS_PER_S);
	at = digits(buf + sizeof buf, rest);
	while (at > buf + 1)
		*--at = '0';
	buf[0] = '.';
	put_span(out, buf, sizeof buf);
}

void put_duration(GString *out, ns_t t)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned unit = 0;

	while (t && t % 1000 == 0 && unit + 1 < G_N_ELEMENTS(units)) {
		t /= 1000;
		unit++;
	}
	put_dec(out, t);
	put_text(out, units[unit]);
}

void put_size(GString *out, uint64_t value)
{
	static const char *const units[] = { "", "K", "M", "G" };
	unsigned unit = 0;

	while (value && value % 1024 == 0 && unit + 1 < G_N_ELEMENTS(units)) {
		value /= 1024;
		unit++;
	}
	put_dec(out, value);
	put_text(out, units[unit]);
}

void put_pad(GString *out, size_t line_start, size_t column)
{
	size_t at = out->len - line_start;

	if (at < column)
		put_blanks(out, column - at);
}

/* JSON is UTF-8; a file's name need not be. */
void put_json_string(GString *out, const char *text)
{
	g_autofree char *valid = g_utf8_validate(text, -1, NULL) ? NULL : g_utf8_make_valid(text, -1);

	if (valid)
		text = valid;
	put_char(out, '"');
	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			put_char(out, '\\');
		if (*c < 0x20 || *c == 0x7f) {
			put_text(out, "\\u");
			put_hex_width(out, *c, 4);
		} else {
			put_char(out, (char)*c);
		}
	}
	put_char(out, '"');
}

void put_csv_word(GString *out, const char *word)
{
	if (!strpbrk(word, ",\"\r\n")) {
		put_text(out, word);
		return;
	}
	put_char(out, '"');
	for (; *word; word++) {
		if (*word == '"')
			put_char(out, '"');
		put_char(out, *word);
	}
	put_char(out, '"');
}

static bool needs_quotes(const char *word)
{
	if (!*word || *word == '"' || *word == '#')
		return true;
	for (const unsigned char *c = (const unsigned char *)word; *c; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '\\' || *c == '"' || *c == '=')
			return true;
	return !g_utf8_validate(word, -1, NULL);
}

void put_quoted(GString *out, const char *word)
{
	static const char named[] = "\a\b\t\n\v\f\r\\\"", letters[] = "abtnvfr\\\"";
	bool utf8 = g_utf8_validate(word, -1, NULL);

	if (!needs_quotes(word)) {
		put_text(out, word);
		return;
	}
	put_char(out, '"');
	for (const unsigned char *c = (const unsigned char *)word; *c; c++) {
		const char *name = strchr(named, *c);

		if (name) {
			put_char(out, '\\');
			put_char(out, letters[name - named]);
		} else if (*c < ' ' || *c == 0x7f || (*c >= 0x80 && !utf8)) {
			g_string_append_printf(out, "\\%03o", *c);
		} else {
			put_char(out, (char)*c);
		}
	}
	put_char(out, '"');
}
