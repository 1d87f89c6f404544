/* arguments.c - the arguments and options of a call as numbers, times, bytes, words of a list. */
#include "command.h"

#include <string.h>

bool arg_present(const struct call *c, unsigned i)
{
	return i < c->count;
}

bool arg_is(const struct call *c, unsigned i, const char *word)
{
	return i < c->count && !c->args[i].quoted && !strcmp(c->args[i].text, word);
}

/* Decimal or 0x digits at the start of `text`; what follows them in *rest. */
static int parse_digits(const char *text, uint64_t *v, const char **rest, struct err *e)
{
	unsigned base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
	const char *c = base == 16 ? text + 2 : text, *first = c;
	uint64_t n = 0;

	for (; base == 16 ? g_ascii_isxdigit(*c) : g_ascii_isdigit(*c); c++)
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, (uint64_t)g_ascii_xdigit_value(*c), &n))
			return err_set(e, ERANGE, -1, "%.40s is too large", text);
	if (c == first)
		return err_set(e, EINVAL, -1, "'%.40s' is not a number", text);
	*v = n;
	*rest = c;
	return 0;
}

int parse_number(const char *text, uint64_t *v, struct err *e)
{
	static const char units[] = "KMGT";
	const char *rest, *unit;
	uint64_t n;
	int rc = parse_digits(text, &n, &rest, e);

	if (rc)
		return rc;
	if (*rest && !rest[1] && (unit = strchr(units, *rest))) {
		if (__builtin_mul_overflow(n, (uint64_t)1 << 10 * (unit - units + 1), &n))
			return err_set(e, ERANGE, -1, "%.40s is too large", text);
	} else if (*rest) {
		return err_set(e, EINVAL, -1, "'%.40s' is not a number", text);
	}
	*v = n;
	return 0;
}

static int not_a_time(const char *text, struct err *e)
{
	return err_set(e, EINVAL, -1, "'%.40s' is not a time, as 200ms or 1.5s", text);
}

int parse_time(const char *text, ns_t *v, struct err *e)
{
	static const struct { const char *name; ns_t ns; } units[] = {
		{ "ns", 1 }, { "us", NS_PER_US }, { "ms", NS_PER_MS }, { "s", NS_PER_S },
	};
	const char *c = text;
	uint64_t whole;
	ns_t scale = 1, part = 0, t;
	int rc;

	if (!g_ascii_isdigit(*text))
		return not_a_time(text, e);
	rc = parse_digits(text, &whole, &c, e);
	if (rc)
		return rc;
	if (*c == '.')
		for (c++; g_ascii_isdigit(*c); c++)
			if (scale < NS_PER_S) {
				part = part * 10 + (ns_t)(*c - '0');
				scale *= 10;
			}
	if (!*c && whole == 0 && part == 0) {
		*v = 0;
		return 0;
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(units); i++) {
		if (strcmp(c, units[i].name))
			continue;
		if (__builtin_mul_overflow(whole, units[i].ns, &t) ||
		    __builtin_add_overflow(t, part * units[i].ns / scale, &t))
			return err_set(e, ERANGE, -1, "%.40s is too large", text);
		*v = t;
		return 0;
	}
	return not_a_time(text, e);
}

/* The text of argument i; NULL, with the error, when it is missing or holds a NUL. */
static const char *arg_text(const struct call *c, unsigned i, struct err *e)
{
	if (i >= c->count) {
		err_set(e, EINVAL, (int)i, "an argument is missing; usage: %s %s", c->command->name,
			c->command->grammar);
		return NULL;
	}
	if (strlen(c->args[i].text) != c->args[i].len) {
		err_set(e, EINVAL, (int)i, "a NUL byte is not allowed here");
		return NULL;
	}
	return c->args[i].text;
}

/* Makes an error of parse_*() one of argument i. */
static bool at_arg(int rc, unsigned i, struct err *e)
{
	if (rc && e)
		e->arg = (int)i;
	return rc == 0;
}

bool arg_number(const struct call *c, unsigned i, uint64_t *v, struct err *e)
{
	const char *text = arg_text(c, i, e);

	return text && at_arg(parse_number(text, v, e), i, e);
}

bool arg_addr(const struct call *c, unsigned i, uint64_t *v, struct err *e)
{
	return arg_number(c, i, v, e);
}

bool arg_size(const struct call *c, unsigned i, uint64_t *v, struct err *e)
{
	return arg_number(c, i, v, e);
}

bool arg_signed(const struct call *c, unsigned i, int64_t *v, struct err *e)
{
	const char *text = arg_text(c, i, e);
	bool minus;
	uint64_t n = 0;

	if (!text)
		return false;
	minus = *text == '-';
	if (!at_arg(parse_number(text + (minus || *text == '+'), &n, e), i, e))
		return false;
	if (n > (uint64_t)INT64_MAX + minus) {
		err_set(e, ERANGE, (int)i, "%.40s is too large", text);
		return false;
	}
	*v = minus ? (int64_t)-n : (int64_t)n;
	return true;
}

bool arg_time(const struct call *c, unsigned i, ns_t *v, struct err *e)
{
	const char *text = arg_text(c, i, e);

	return text && at_arg(parse_time(text, v, e), i, e);
}

bool arg_prot(const struct call *c, unsigned i, unsigned *prot, struct err *e)
{
	static const char letters[] = "rwx";
	const char *text = arg_text(c, i, e);
	unsigned p = 0;

	if (!text)
		return false;
	for (unsigned k = 0; k < 3; k++) {
		if (text[k] != letters[k] && text[k] != '-')
			goto bad;
		p |= (text[k] != '-') << k;
	}
	if (text[3])
		goto bad;
	*prot = p;
	return true;
bad:
	err_set(e, EINVAL, (int)i, "'%.20s' is not a protection, as rw- or r-x", text);
	return false;
}

bool arg_bytes(const struct call *c, unsigned i, GString *bytes, struct err *e)
{
	const struct word *w;

	if (i >= c->count)
		return arg_text(c, i, e);
	w = &c->args[i];
	if (w->quoted) {
		g_string_append_len(bytes, w->text, (gssize)w->len);
		return true;
	}
	for (size_t k = 0; k < w->len; k += 2) {
		int high = g_ascii_xdigit_value(w->text[k]), low = high < 0 ? -1 : g_ascii_xdigit_value(w->text[k + 1]);

		if (low < 0) {
			err_set(e, EINVAL, (int)i, "'%.40s' is neither \"text\" nor pairs of hex digits", w->text);
			return false;
		}
		g_string_append_c(bytes, (char)(high << 4 | low));
	}
	return true;
}

bool arg_choice(const struct call *c, unsigned i, const char *const *names, unsigned *index, struct err *e)
{
	const char *text = arg_text(c, i, e);
	g_autofree char *all = NULL;

	if (!text)
		return false;
	for (unsigned k = 0; names[k]; k++)
		if (!strcmp(names[k], text)) {
			*index = k;
			return true;
		}
	all = g_strjoinv(" ", (char **)names);
	err_set(e, EINVAL, (int)i, "'%.30s' is none of: %s", text, all);
	return false;
}

/* The word of option `name`, and its value. The last one counts when it is given twice. */
static const struct word *find_option(const struct call *c, const char *name, const char **value)
{
	size_t n = strlen(name);

	for (unsigned i = c->option_count; i-- > 0; ) {
		const struct word *w = &c->options[i];

		if (!strncmp(w->text, name, n) && w->text[n] == '=') {
			*value = w->text + n + 1;
			return w;
		}
	}
	return NULL;
}

const char *arg_option(const struct call *c, const char *name)
{
	const char *value;

	return find_option(c, name, &value) ? value : NULL;
}

/* Says which option it was; there is no argument to point at. */
static bool option_error(const char *name, struct err *e)
{
	if (e) {
		e->arg = -1;
		name_reason(name, e);
	}
	return false;
}

bool option_number(const struct call *c, const char *name, uint64_t *v, struct err *e)
{
	const char *value = arg_option(c, name);

	return !value || parse_number(value, v, e) == 0 || option_error(name, e);
}

bool option_time(const struct call *c, const char *name, ns_t *v, struct err *e)
{
	const char *value = arg_option(c, name);

	return !value || parse_time(value, v, e) == 0 || option_error(name, e);
}
