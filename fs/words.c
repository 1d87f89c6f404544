/* words.c - a line into words: blanks between, quotes, C escapes. */
#include "command.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
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
		for (c++; n < 2 && g_ascii_xdigit_value(*c) >= 0; n++)
			v = v * 16 + (unsigned)g_ascii_xdigit_value(*c++);
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
