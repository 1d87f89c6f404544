/* trace.c - opening a trace and reading it, whatever its format. */
#include "trace_inside.h"

#include <inttypes.h>
#include <string.h>

const char *const trace_format_names[TRACE_FORMATS + 1] = { "lackey", "din", "pages", "bin64", "compact", NULL };

int trace_format_parse(const char *name, enum trace_format *f, struct err *e)
{
	for (unsigned i = 0; trace_format_names[i]; i++)
		if (!strcmp(trace_format_names[i], name)) {
			*f = (enum trace_format)i;
			return 0;
		}
	return err_set(e, EINVAL, -1, "\"%.40s\" is none of lackey din pages bin64 compact", name);
}

/* Guessing. */

enum trace_format trace_guess_by_name(const char *path)
{
	g_autofree char *name = g_path_get_basename(path);

	if (g_str_has_suffix(name, ".zst"))
		name[strlen(name) - 4] = '\0';
	for (unsigned i = 0; i < TRACE_FORMATS; i++) {
		size_t len = strlen(name), suffix = strlen(trace_format_names[i]);

		if (len > suffix && name[len - suffix - 1] == '.' && !strcmp(name + len - suffix, trace_format_names[i]))
			return (enum trace_format)i;
	}
	return TRACE_GUESS;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

/* By the first line that says anything; *silent: there is none. */
static enum trace_format guess_by_text(const char *text, bool *silent)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	*silent = false;
	for (unsigned i = 0; lines[i]; i++) {
		const char *l = g_strstrip(lines[i]);
		size_t digits = strspn(l, "0123456789");

		if (g_str_has_prefix(l, "==") || g_str_has_prefix(l, "--"))
			return TRACE_LACKEY;
		if (!*l || *l == '#' || (g_str_has_prefix(l, "pid") && is_blank(l[3])))
			continue;
		if (strchr("ILSM", *l) && is_blank(l[1]))
			return TRACE_LACKEY;
		if (digits == 1 && *l <= '2' && is_blank(l[1]) && g_ascii_isxdigit(l[2]))
			return TRACE_DIN;
		if (digits && (!l[digits] || (*l == '0' && (l[1] | 0x20) == 'x')))
			return TRACE_PAGES;
		return TRACE_GUESS;
	}
	*silent = true;
	return TRACE_GUESS;
}

static enum trace_format guess(const struct input *in, size_t look, bool *silent)
{
	size_t there = MIN((size_t)(in->end - in->at), look);
	g_autofree char *text = g_strndup((const char *)in->at, there);

	*silent = false;
	if (there >= sizeof(compact_magic) && !memcmp(in->at, compact_magic, sizeof(compact_magic)))
		return TRACE_COMPACT;
	return strlen(text) == there ? guess_by_text(text, silent) : TRACE_GUESS;
}

/* What is easily taken for a trace, with the program that makes one of it. */
static int check_foreign(const struct input *in, struct err *e)
{
	static const struct { char magic[7]; uint8_t len; const char *what, *remedy; } known[] = {
		{ "\x1f\x8b", 2, "compressed by gzip", "gzip -dc" }, { "\xfd" "7zXZ", 5, "compressed by xz", "xz -dc" },
		{ "BZh", 3, "compressed by bzip2", "bzip2 -dc" }, { "\x04\x22\x4d\x18", 4, "compressed by lz4", "lz4 -dc" },
		{ "PK\3\4", 4, "a zip archive", "unzip -p" }, { "\xff\xfe", 2, "UTF-16", "iconv -f utf-16" },
		{ "\xfe\xff", 2, "UTF-16", "iconv -f utf-16" },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
		if ((size_t)(in->end - in->at) >= known[i].len && !memcmp(in->at, known[i].magic, known[i].len))
			return err_set(e, EINVAL, -1, "it is %s, which is not read: %s FILE | vitrine ... - works", known[i].what,
				       known[i].remedy);
	return 0;
}

/* What a text may begin with. */
static int skip_mark(struct trace *t, struct err *e)
{
	if (t->format == TRACE_BIN64 || t->format == TRACE_COMPACT)
		return 0;
	if (input_want(&t->in, 8, e) || check_foreign(&t->in, e))
		return -e->code;
	if (t->in.end - t->in.at >= 3 && !memcmp(t->in.at, "\xef\xbb\xbf", 3))
		input_take(&t->in, 3);
	return 0;
}

static int find_format(struct trace *t, const char *path, struct err *e)
{
	bool silent = true;

	if (t->format == TRACE_GUESS)
		t->format = trace_guess_by_name(path);
	if (skip_mark(t, e))
		return -e->code;
	for (size_t look = LINE_MAX_BYTES; silent && look <= INPUT_WINDOW; look *= 4) {
		if (t->format != TRACE_GUESS)
			return 0;
		if (input_want(&t->in, look, e))
			return -e->code;
		if (t->in.at == t->in.end)
			return err_set(e, EINVAL, -1, "it is empty");
		t->format = guess(&t->in, look, &silent);
		if (silent && t->in.last && (size_t)(t->in.end - t->in.at) <= look)
			return err_set(e, EINVAL, -1, "it holds no reference");
	}
	if (t->format == TRACE_GUESS)
		return err_set(e, EINVAL, -1, "its format cannot be told from its name or beginning: say which of lackey din "
			       "pages bin64 compact it is");
	return 0;
}

static struct trace *trace_new(enum trace_format f, unsigned page_bits)
{
	struct trace *t = g_new0(struct trace, 1);
	uint64_t pid = 0;

	t->format = f;
	t->page_bits = page_bits;
	t->in.fd = -1;
	t->pids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_array_append_val(t->pids, pid);
	t->batch = g_new(uint64_t, BATCH);
	return t;
}

static struct trace *trace_begin(struct trace *t, int opened, const char *name, struct err *e)
{
	if (opened || find_format(t, name, e) || (t->format == TRACE_COMPACT && compact_start(t, e))) {
		trace_close(t);
		return NULL;
	}
	return t;
}

struct trace *trace_open(const char *path, enum trace_format f, const volatile sig_atomic_t *stop, struct err *e)
{
	struct trace *t = trace_new(f, TRACE_PAGE_BITS);

	return trace_begin(t, input_open(&t->in, path, stop, e), path, e);
}

struct trace *trace_open_bytes(const struct trace_bytes *b, const char *name, enum trace_format f, unsigned page_bits, struct err *e)
{
	struct trace *t = trace_new(f, page_bits);

	return trace_begin(t, input_open_bytes(&t->in, b, e), name, e);
}

void trace_close(struct trace *t)
{
	if (!t)
		return;
	input_close(&t->in);
	g_array_unref(t->pids);
	g_free(t->batch);
	g_free(t->dictionary);
	g_free(t);
}

/* Words of a file. */

static int check_words(const struct trace *t, const uint64_t *words, size_t n, struct err *e)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all |= words[i];
	if (all < VM_REF_PAGES)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (words[i] >= VM_REF_PAGES)
			return err_set(e, ERANGE, -1, "reference %" PRIu64 " (byte %" PRIu64 "): page 0x%" PRIx64
				       " is beyond the 2^%d of the space", t->refs + i + 1, (t->refs + i) * 8, words[i],
				       VM_REF_PAGE_BITS);
	return 0;
}

static int bin64_next(struct trace *t, const uint64_t **refs, size_t *n, struct err *e)
{
	size_t there;

	*n = 0;
	if (input_want(&t->in, BATCH * 8, e))
		return -e->code;
	there = (size_t)(t->in.end - t->in.at);
	if (there > 0 && there < 8)
		return err_set(e, EINVAL, -1, "%" PRIu64 " bytes are no whole number of 64-bit words: it breaks off in reference %"
			       PRIu64, t->in.passed + there, t->refs + 1);
	*n = MIN(there / 8, (size_t)BATCH);
	*refs = (const uint64_t *)(const void *)t->in.at;
	if (!t->in.mapped || G_BYTE_ORDER != G_LITTLE_ENDIAN) {
		memcpy(t->batch, t->in.at, *n * 8);
		for (size_t i = 0; i < *n; i++)
			t->batch[i] = GUINT64_FROM_LE(t->batch[i]);
		*refs = t->batch;
	}
	input_take(&t->in, *n * 8);
	return check_words(t, *refs, *n, e);
}

const uint64_t *trace_array(const struct trace *t, uint64_t *n)
{
	if (t->format != TRACE_BIN64 || !t->in.mapped || G_BYTE_ORDER != G_LITTLE_ENDIAN || t->in.file_bytes % 8)
		return NULL;
	*n = t->in.file_bytes / 8;
	return (const uint64_t *)(const void *)t->in.map;
}

int trace_next(struct trace *t, const uint64_t **refs, size_t *n, struct err *e)
{
	int r;

	*refs = t->batch;
	*n = 0;
	if (t->format == TRACE_BIN64)
		r = bin64_next(t, refs, n, e);
	else if (t->format == TRACE_COMPACT)
		r = compact_next(t, n, e);
	else
		r = text_next(t, n, e);
	t->refs += *n;
	return r;
}

void trace_progress(const struct trace *t, uint64_t *done, uint64_t *total)
{
	*done = t->in.mapped ? t->in.passed : t->in.file_read;
	*total = t->in.file_bytes;
}

uint64_t trace_pid(const struct trace *t, unsigned space)
{
	return space < t->pids->len ? g_array_index(t->pids, uint64_t, space) : space;
}
