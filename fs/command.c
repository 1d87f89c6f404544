/* command.c - a line into words, words into a call of the row that takes them. */
#include "command.h"
#include "job.h"
#include "text.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

/* Words */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int hex_digit(char c)
{
	return g_ascii_xdigit_value(c);
}

/* One C escape at `*in` (behind the backslash) into *out; false for one that C does not know. */
static bool unescape(const char **in, char **out)
{
	static const char letters[] = "abtnvfr\\\"'?", codes[] = "\a\b\t\n\v\f\r\\\"'?";
	const char *c = *in, *known = *c ? strchr(letters, *c) : NULL;
	unsigned v = 0, n = 0;

	if (known) {
		*(*out)++ = codes[known - letters];
		*in = c + 1;
		return true;
	}
	if (*c == 'x') {
		for (c++; n < 2 && hex_digit(*c) >= 0; n++)
			v = v * 16 + (unsigned)hex_digit(*c++);
	} else {
		for (; n < 3 && *c >= '0' && *c <= '7'; n++)
			v = v * 8 + (unsigned)(*c++ - '0');
	}
	if (n == 0 || v > 255)
		return false;
	*(*out)++ = (char)v;
	*in = c;
	return true;
}

/* The rest of a quoted part, behind its opening quote. */
static int read_quoted(const char *line, const char **in, char **out, struct err *e)
{
	const char *c = *in, *open = c - 1;

	while (*c != '"') {
		if (!*c)
			return err_set(e, EINVAL, (int)(open - line), "a quote is not closed");
		if (*c != '\\') {
			*(*out)++ = *c++;
			continue;
		}
		c++;
		if (!unescape(&c, out))
			return err_set(e, EINVAL, (int)(c - 1 - line), "unknown escape in a quoted word");
	}
	*in = c + 1;
	if (**in && !is_blank(**in))
		return err_set(e, EINVAL, (int)(*in - line), "a blank is missing after the closing quote");
	return 0;
}

/* One word at `*in`, which is not blank. A quote opens at its start, or behind the '=' of name="value". */
static int read_word(const char *line, const char **in, char **out, struct word *w, struct err *e)
{
	const char *c = *in;

	*w = (struct word){ .text = *out, .at = (size_t)(c - line), .quoted = *c == '"' };
	while (*c && !is_blank(*c)) {
		if (*c == '"' && (c == *in || c[-1] == '=')) {
			c++;
			if (read_quoted(line, &c, out, e))
				return -e->code;
			break;
		}
		*(*out)++ = *c++;
	}
	w->len = (size_t)(*out - w->text);
	*(*out)++ = '\0';
	*in = c;
	return 0;
}

int words_split(const char *line, struct words *w, struct err *e)
{
	struct err ignored;
	unsigned room = 0;
	char *out;

	if (!e)
		e = &ignored;
	*w = (struct words){ .storage = g_malloc(strlen(line) * 2 + 2) };
	out = w->storage;
	for (const char *c = line;;) {
		while (is_blank(*c))
			c++;
		if (!*c || *c == '#')
			return 0;
		if (w->count == room)
			w->word = g_renew(struct word, w->word, room = room ? room * 2 : 16);
		if (read_word(line, &c, &out, &w->word[w->count], e)) {
			words_free(w);
			return -e->code;
		}
		w->count++;
	}
}

void words_free(struct words *w)
{
	g_free(w->word);
	g_free(w->storage);
	*w = (struct words){ 0 };
}

int words_are_text(const struct word *words, unsigned count, struct err *e)
{
	for (unsigned i = 0; i < count; i++)
		if (memchr(words[i].text, '\0', words[i].len))
			return err_set(e, EINVAL, (int)words[i].at, "a NUL byte is not allowed here");
	return 0;
}

/* Grammars */

struct shape { unsigned least, most; }; /* how many arguments, options not counted */
enum { ANY_NUMBER = UINT32_MAX };

static unsigned add(unsigned a, unsigned b)
{
	return a == ANY_NUMBER || b == ANY_NUMBER ? ANY_NUMBER : a + b;
}

/* name=X: its name's length, else 0. */
static size_t option_name(const char *token, size_t len)
{
	const char *equals = memchr(token, '=', len);

	if (!equals || !g_ascii_islower(*token))
		return 0;
	for (const char *c = token; c < equals; c++)
		if (!g_ascii_isalnum(*c) && *c != '_' && *c != '-')
			return 0;
	return (size_t)(equals - token);
}

static const char *token_end(const char *g)
{
	while (*g && !strchr(" []", *g))
		g++;
	return g;
}

/* Counts what a grammar takes, up to its end or the `]` that closes the present bracket. */
static struct shape grammar_shape(const char **grammar)
{
	struct shape all = { ANY_NUMBER, 0 }, here = { 0, 0 };
	const char *g = *grammar;

	while (*g && *g != ']') {
		struct shape one = { 1, 1 };
		const char *end;

		if (*g == ' ') {
			g++;
			continue;
		}
		if (*g == '[') {
			g++;
			one = grammar_shape(&g);
			one.least = 0;
			end = g;
		} else {
			end = token_end(g);
			if (end - g == 1 && *g == '|') { /* another sequence may stand instead of the one so far */
				all.least = MIN(all.least, here.least);
				all.most = MAX(all.most, here.most);
				here = (struct shape){ 0, 0 };
				g = end;
				continue;
			}
			if (option_name(g, (size_t)(end - g)))
				one = (struct shape){ 0, 0 };
			else if (end - g >= 3 && !strncmp(end - 3, "...", 3))
				one = (struct shape){ end - g == 3 ? 0 : 1, ANY_NUMBER };
		}
		here.least += one.least;
		here.most = add(here.most, one.most);
		g = end;
	}
	if (*g == ']')
		g++;
	*grammar = g;
	return (struct shape){ MIN(all.least, here.least), MAX(all.most, here.most) };
}

/* Whether `word` is name=... for a name=X of the grammar. */
static bool is_option(const char *grammar, const struct word *word)
{
	size_t n = option_name(word->text, word->len);

	if (word->quoted || n == 0)
		return false;
	for (const char *g = grammar; *g; ) {
		const char *end = token_end(g);

		if (option_name(g, (size_t)(end - g)) == n && !strncmp(g, word->text, n))
			return true;
		g = *end ? end + 1 : end;
	}
	return false;
}

/* Calls */

/* Puts the command's name before the reason. */
static void name_reason(const char *name, struct err *e)
{
	char why[sizeof e->why];

	memcpy(why, e->why, sizeof why);
	snprintf(e->why, sizeof e->why, "%s: %.*s", name, (int)(sizeof why - strlen(name) - 3), why);
}

static int check_count(const struct command *command, unsigned count, struct err *e)
{
	const char *g = command->grammar;
	struct shape s = grammar_shape(&g);

	if (count < s.least)
		return err_set(e, EINVAL, (int)count, "an argument is missing; usage: %s %s", command->name,
			       command->grammar);
	if (count > s.most && s.most == 0)
		return err_set(e, EINVAL, 0, "takes no argument");
	if (count > s.most)
		return err_set(e, EINVAL, (int)s.most, "one argument too many; usage: %s %s", command->name,
			       command->grammar);
	return 0;
}

/* e->arg counts arguments; the error log wants the column in the line. */
static void point_at_column(const struct call *c, const struct word *args, struct err *e)
{
	if (e->arg < 0)
		return;
	if ((unsigned)e->arg < c->count)
		e->arg = (int)args[e->arg].at;
	else
		e->arg = (int)strlen(c->line);
}

static int run(const struct command *command, struct call *c, const struct word *words, unsigned count,
	       struct err *e)
{
	struct word *args, *options;
	int rc;

	if (!strstr(command->grammar, "\"text\"") && words_are_text(words, count, e)) {
		name_reason(command->name, e);
		return -e->code;
	}
	args = g_new(struct word, count + 1);
	options = g_new(struct word, count + 1);
	for (unsigned i = 0; i < count; i++)
		if (is_option(command->grammar, &words[i]))
			options[c->option_count++] = words[i];
		else
			args[c->count++] = words[i];
	c->args = args;
	c->options = options;
	rc = check_count(command, c->count, e);
	if (rc == 0)
		rc = command->run(c, e);
	if (rc < 0 && (rc != -EINPROGRESS || e->code == EINPROGRESS)) {
		if (e->code != -rc)
			err_set(e, -rc, -1, "%s", g_strerror(-rc));
		point_at_column(c, args, e);
		name_reason(command->name, e);
		if (rc != -EFAULT)  /* an access that a real program would not survive tells the signal */
			g_string_truncate(c->result, 0);
	}
	g_free(args);
	g_free(options);
	return rc;
}

int command_run_words(const struct command *commands, const struct node *n, const char *line,
		      const struct word *words, unsigned count, GString *result, struct err *e)
{
	struct err ignored = { 0 };
	struct call c = { .n = n, .line = line, .result = result, .nonblock = n->world && n->world->nonblock };

	if (!e)
		e = &ignored;
	*e = (struct err){ .arg = -1 };
	if (count == 0)
		return err_set(e, EINVAL, (int)strlen(line), "a command is missing");
	for (const struct command *k = commands; k->name; k++)
		if (!strcmp(k->name, words[0].text) && !words[0].quoted) {
			c.command = k;
			return run(k, &c, words + 1, count - 1, e);
		}
	return err_set(e, EINVAL, (int)words[0].at, "unknown command '%.40s'", words[0].text);
}

int command_run(const struct command *commands, const struct node *n, char *line, GString *result, struct err *e)
{
	struct err ignored = { 0 };
	struct words w;
	int rc;

	if (!e)
		e = &ignored;
	*e = (struct err){ .arg = -1 };
	if (words_split(line, &w, e))
		return -e->code;
	rc = w.count ? command_run_words(commands, n, line, w.word, w.count, result, e) : 0;
	words_free(&w);
	return rc;
}

void command_help(const struct command *commands, GString *out)
{
	for (const struct command *k = commands; k->name; k++) {
		g_string_append_printf(out, "    %s%s%s\n", k->name, *k->grammar ? " " : "", k->grammar);
		if (k->about && *k->about)
			g_string_append_printf(out, "        %s\n", k->about);
	}
}

/* Waiting */

void *call_state(const struct call *c)
{
	const struct job *job = c->n->world->job;

	return job ? job->state : NULL;
}

void call_keep(struct call *c, void *state, void (*release)(void *state))
{
	struct job *job = c->n->world->job;

	g_assert(job && !job->state);
	job->state = state;
	job->release = release;
}

/* Arguments */

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
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, (uint64_t)hex_digit(*c), &n))
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
	uint64_t n;

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
		int high = hex_digit(w->text[k]), low = high < 0 ? -1 : hex_digit(w->text[k + 1]);

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
