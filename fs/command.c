/* command.c - words into a call of the row that takes them: grammars, options, waiting. */
#include "command.h"
#include "job.h"
#include "text.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

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

void name_reason(const char *name, struct err *e)
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

/* Up to the next blank that is in no [brackets]. */
static size_t unbroken(const char *text)
{
	unsigned depth = 0;
	const char *c;

	for (c = text; *c && (*c != ' ' || depth > 0); c++)
		if (*c == '[')
			depth++;
		else if (*c == ']' && depth > 0)
			depth--;
	return (size_t)(c - text);
}

/* Lines of at most 110 columns: the first begins in `column`, where the line is now, the others behind `indent` blanks. */
static void put_paragraph(GString *out, size_t column, unsigned indent, const char *text)
{
	while (*text) {
		size_t width = unbroken(text);

		put_char(out, ' ');
		if (column + 1 + width > 110) {
			out->str[out->len - 1] = '\n';
			g_string_append_printf(out, "%*s", (int)indent, "");
			column = indent - 1;
		}
		g_string_append_len(out, text, (gssize)width);
		column += 1 + width;
		text += width + (text[width] == ' ');
	}
	put_char(out, '\n');
}

void command_help(const struct command *commands, GString *out)
{
	for (const struct command *k = commands; k->name; k++) {
		g_string_append_printf(out, "    %s", k->name);
		put_paragraph(out, 4 + strlen(k->name), 5 + (unsigned)strlen(k->name), k->grammar);
		if (k->about && *k->about) {
			put_text(out, "       ");
			put_paragraph(out, 7, 8, k->about);
		}
	}
}

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
