/* journal_file.c - reading journals. They are hostile input: nothing here believes what it reads. */
#include "journal_file.h"

#include "record.h"
#include "world.h"

#include <string.h>

enum { LINE_MAX_BYTES = 1 << 16, WORDS_MAX = 1 << 12 };

struct journal_file {
	char   *name;
	GBytes *text;
	GPtrArray *options;           /* char *: name, value, name, ... */
	size_t  at;                   /* behind the records that have been read */
	uint64_t number;              /* of those */
	/* The latest */
	struct journal_record record;
	struct words words;
	bool    peeked;               /* it has not been taken */
};

/* Whose bytes follow, and which word is their number. */
static const struct { const char *name; unsigned word; } with_bytes[] = { { "write", 2 }, { "answer", 2 } };

/* The line at *at without its newline, and *at behind it; NULL: it is cut, too long or holds a NUL. */
static char *take_line(const char *text, size_t len, size_t *at)
{
	const char *line = text + *at, *end = len > *at ? memchr(line, '\n', MIN(len - *at, LINE_MAX_BYTES)) : NULL;

	if (!end || memchr(line, '\0', (size_t)(end - line)))
		return NULL;
	*at = (size_t)(end + 1 - text);
	return g_strndup(line, (gsize)(end - line));
}

static int read_header(struct journal_file *j, struct err *e)
{
	size_t len, at = 0;
	const char *text = g_bytes_get_data(j->text, &len);
	g_autofree char *magic = take_line(text, len, &at);

	if (!magic || strcmp(magic, RECORD_MAGIC))
		return err_set(e, EINVAL, -1, "%.60s: it does not begin with '" RECORD_MAGIC "'", j->name);
	for (;;) {
		g_autofree char *line = take_line(text, len, &at);
		char *blank;

		if (!line)
			return err_set(e, EINVAL, -1, "%.60s: its header is cut off", j->name);
		if (!*line)
			break;
		blank = strchr(line, ' ');
		if (!blank)
			return err_set(e, EINVAL, -1, "%.60s: '%.30s' in its header is not NAME VALUE", j->name, line);
		g_ptr_array_add(j->options, g_strndup(line, (gsize)(blank - line)));
		g_ptr_array_add(j->options, g_strdup(blank + 1));
	}
	j->at = at;
	return 0;
}

struct journal_file *journal_file_of(const char *name, GBytes *text, struct err *e)
{
	struct journal_file *j = g_new0(struct journal_file, 1);

	j->name = g_strdup(name);
	j->text = text;
	j->options = g_ptr_array_new_with_free_func(g_free);
	if (read_header(j, e) == 0)
		return j;
	journal_file_free(j);
	return NULL;
}

struct journal_file *journal_file_open(const char *path, struct err *e)
{
	GMappedFile *map = g_file_test(path, G_FILE_TEST_IS_REGULAR) ? g_mapped_file_new(path, FALSE, NULL) : NULL;
	g_autoptr(GError) why = NULL;
	GBytes *text;
	char *bytes;
	gsize len;

	if (map) {
		text = g_mapped_file_get_bytes(map);
		g_mapped_file_unref(map);
	} else if (g_file_get_contents(path, &bytes, &len, &why)) {  /* a pipe */
		text = g_bytes_new_take(bytes, len);
	} else {
		err_set(e, EIO, -1, "%s", why->message);
		return NULL;
	}
	return journal_file_of(path, text, e);
}

void journal_file_free(struct journal_file *j)
{
	if (!j)
		return;
	words_free(&j->words);
	g_bytes_unref(j->text);
	g_ptr_array_free(j->options, TRUE);
	g_free(j->name);
	g_free(j);
}

bool journal_file_option(const struct journal_file *j, unsigned index, const char **name, const char **value)
{
	if (index >= j->options->len / 2)
		return false;
	*name = j->options->pdata[2 * index];
	*value = j->options->pdata[2 * index + 1];
	return true;
}

/* Words */

static bool word_number(const struct word *w, uint64_t *v)
{
	char *end;

	if (w->quoted || !g_ascii_isdigit(*w->text))
		return false;
	errno = 0;
	*v = g_ascii_strtoull(w->text, &end, 10);
	return !errno && !*end;
}

static bool word_time(const struct word *w, ns_t *t)
{
	char *dot = strchr(w->text, '.');
	struct word seconds = *w, rest = *w;
	g_autofree char *text = dot ? g_strndup(w->text, (gsize)(dot - w->text)) : NULL;
	uint64_t s, ns;

	if (!dot || strlen(dot) != 10)
		return false;
	seconds.text = text;
	rest.text = dot + 1;
	return word_number(&seconds, &s) && word_number(&rest, &ns) && !__builtin_mul_overflow(s, NS_PER_S, t) &&
	       !__builtin_add_overflow(*t, ns, t) && *t <= INT64_MAX / 2;
}

bool journal_number(const struct journal_record *r, unsigned i, uint64_t *v)
{
	return i < r->count && word_number(&r->words[i], v);
}

bool journal_time(const struct journal_record *r, unsigned i, ns_t *t)
{
	return i < r->count && word_time(&r->words[i], t);
}

bool journal_word(const struct journal_record *r, unsigned i, const char *text)
{
	return i < r->count && !strcmp(r->words[i].text, text);
}

/* Records */

static int cut(struct err *e)
{
	return err_set(e, ENODATA, -1, "the journal is cut off");
}

static int bad(struct err *e, const char *what)
{
	return err_set(e, EBADMSG, -1, "%s", what);
}

/* The bytes behind the line, and their newline. */
static int take_bytes(struct journal_file *j, unsigned word, struct err *e)
{
	struct journal_record *r = &j->record;
	size_t len;
	const char *text = g_bytes_get_data(j->text, &len);
	uint64_t n;

	if (!journal_number(r, word, &n))
		return bad(e, "no number of bytes");
	if (n >= len - j->at)
		return cut(e);
	if (text[j->at + n] != '\n')
		return bad(e, "no newline behind its bytes");
	r->bytes = text + j->at;
	r->bytes_len = n;
	j->at += n + 1;
	return 0;
}

static int read_words(struct journal_file *j, struct err *e)
{
	struct journal_record *r = &j->record;
	const struct word *w = j->words.word;

	if (j->words.count < 4 || j->words.count > WORDS_MAX || words_are_text(w, j->words.count, e) || !word_time(&w[0], &r->time) ||
	    !word_number(&w[1], &r->turns) || !word_number(&w[2], &r->event))
		return bad(e, "it does not begin with time, turns and event");
	r->name = w[3].text;
	r->words = w + 4;
	r->count = j->words.count - 4;
	for (unsigned i = 0; i < G_N_ELEMENTS(with_bytes); i++)
		if (!strcmp(r->name, with_bytes[i].name))
			return take_bytes(j, with_bytes[i].word, e);
	return 0;
}

static int read_record(struct journal_file *j, struct err *e)
{
	size_t len, left;
	const char *text = g_bytes_get_data(j->text, &len);
	g_autofree char *line = NULL;

	words_free(&j->words);
	j->words = (struct words){ 0 };
	j->record = (struct journal_record){ .number = ++j->number, .at = j->at };
	left = len - j->at;
	if (left == 0 || (left < LINE_MAX_BYTES && !memchr(text + j->at, '\n', left)))
		return cut(e);
	line = take_line(text, len, &j->at);
	if (!line || words_split(line, &j->words, e)) {
		j->words = (struct words){ 0 };
		return bad(e, "it is not a line of words");
	}
	return read_words(j, e);
}

const struct journal_record *journal_next(struct journal_file *j, struct err *e)
{
	bool ready = j->peeked;

	j->peeked = false;
	return ready || read_record(j, e) == 0 ? &j->record : NULL;
}

void journal_place(const struct journal_file *j, uint64_t *number, size_t *at)
{
	*number = j->record.number;
	*at = j->record.at;
}

const struct journal_record *journal_peek(struct journal_file *j)
{
	size_t at = j->at;

	if (j->peeked)
		return &j->record;
	j->peeked = read_record(j, NULL) == 0;
	if (j->peeked)
		return &j->record;
	j->at = at;  /* whoever takes it is told why it is none */
	j->number--;
	return NULL;
}

bool journal_is_now(const struct world *w, const struct journal_record *r)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION  /* nobody guesses these, and what lies behind would stay untried */
	return true;
#endif
	return r->time == w->clock.now && r->event == w->journal.next;
}

const struct journal_record *journal_takes(struct world *w, const char *name)
{
	const struct journal_record *r = journal_peek(w->repeat);

	if (!r || strcmp(r->name, name) || !journal_is_now(w, r))
		return NULL;
	w->repeat->peeked = false;
	return r;
}

bool journal_answer(struct world *w, const char *call, int64_t *result, const void **bytes, size_t *len)
{
	const struct journal_record *r = journal_peek(w->repeat);
	char *end;

	if (!r || strcmp(r->name, "answer") || !journal_word(r, 0, call))
		return false;
	*result = g_ascii_strtoll(r->words[1].text, &end, 10);
	*bytes = r->bytes;
	*len = r->bytes_len;
	w->repeat->peeked = false;
	return !*end;
}
