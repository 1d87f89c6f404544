/*
 * table.c - cells in, text, JSON or CSV out.
 *
 * The text form needs the width of every column before its first line, so cells are gathered in one buffer, one after the
 * other, with their lengths beside it; JSON and CSV are written as the cells come. To know only how long the text is
 * (st_size), widths are enough: no cell is kept.
 */
#include "table.h"
#include "text.h"

#include <string.h>

struct table_out {
	GString *out;
	uint8_t format;
	struct column *columns;  /* owned */
	unsigned count;
	unsigned at;             /* the column of the next cell */
	uint64_t rows;
	GString *cells;          /* text: all cells, one after the other */
	GArray *lengths;         /* text: guint, one a cell */
	unsigned *widths;
	uint64_t last_bytes;     /* text: of the cells in the last column, which is not padded on the right */
	bool     measures;       /* text: cells are not kept */
};

static void set_columns(struct table_out *t, const struct column *columns)
{
	unsigned n = 0;

	while (columns[n].name)
		n++;
	for (unsigned i = 0; i < t->count; i++)
		g_free((char *)t->columns[i].name);
	g_free(t->columns);
	t->count = n;
	t->columns = g_new0(struct column, n + 1);
	t->widths = g_renew(unsigned, t->widths, n + 1);
	for (unsigned i = 0; i < n; i++) {
		t->columns[i] = (struct column){ g_strdup(columns[i].name), columns[i].type };
		t->widths[i] = (unsigned)strlen(columns[i].name);
	}
}

void table_columns(struct table_out *t, const struct column *columns)
{
	g_assert(t->rows == 0 && t->at == 0);
	set_columns(t, columns);
}

/* What stands before a cell: separators, and in JSON its key. */
static void cell_begin(struct table_out *t)
{
	if (t->format == FORMAT_TEXT)
		return;
	if (t->format == FORMAT_CSV) {
		if (t->at)
			put_char(t->out, ',');
		return;
	}
	if (t->at == 0)
		put_text(t->out, t->rows ? ",\n{" : "{");
	else
		put_char(t->out, ',');
	put_json_string(t->out, t->columns[t->at].name);
	put_char(t->out, ':');
}

static void cell_end(struct table_out *t, size_t start)
{
	if (t->format == FORMAT_TEXT) {
		guint len = (guint)(t->cells->len - start);

		t->widths[t->at] = MAX(t->widths[t->at], len);
		if (t->at + 1 == t->count)
			t->last_bytes += len;
		if (t->measures)
			t->cells->len = 0;
		else
			g_array_append_val(t->lengths, len);
	}
	if (++t->at < t->count)
		return;
	t->at = 0;
	t->rows++;
	if (t->format == FORMAT_JSON)
		put_char(t->out, '}');
	else if (t->format == FORMAT_CSV)
		put_text(t->out, "\r\n");
}

/* Where the bytes of a cell go. */
static GString *cell_to(struct table_out *t)
{
	return t->format == FORMAT_TEXT ? t->cells : t->out;
}

void table_none(struct table_out *t)
{
	size_t start = t->cells->len;

	cell_begin(t);
	if (t->format == FORMAT_TEXT)
		put_char(t->cells, '-');
	else if (t->format == FORMAT_JSON)
		put_text(t->out, "null");
	cell_end(t, start);
}

/* Blanks inside a cell would split it for awk: they are escaped as the kernel does in its own tables. */
static void put_text_cell(GString *out, const char *word)
{
	if (!*word)
		put_text(out, "\"\"");
	for (const unsigned char *c = (const unsigned char *)word; *c; c++)
		if (*c <= ' ' || *c == 0x7f || *c == '\\')
			g_string_append_printf(out, "\\%03o", *c);
		else
			put_char(out, (char)*c);
}

void table_word(struct table_out *t, const char *word)
{
	size_t start = t->cells->len;

	if (!word) {
		table_none(t);
		return;
	}
	cell_begin(t);
	if (t->format == FORMAT_TEXT)
		put_text_cell(t->cells, word);
	else if (t->format == FORMAT_JSON)
		put_json_string(t->out, word);
	else
		put_csv_word(t->out, word);
	cell_end(t, start);
}

void table_number(struct table_out *t, uint64_t value)
{
	size_t start = t->cells->len;

	cell_begin(t);
	put_dec(cell_to(t), value);
	cell_end(t, start);
}

void table_signed(struct table_out *t, int64_t value)
{
	size_t start = t->cells->len;

	cell_begin(t);
	if (value < 0)
		put_char(cell_to(t), '-');
	put_dec(cell_to(t), value < 0 ? -(uint64_t)value : (uint64_t)value);
	cell_end(t, start);
}

void table_hex(struct table_out *t, uint64_t value)
{
	size_t start = t->cells->len;
	GString *to = cell_to(t);

	cell_begin(t);
	put_text(to, t->format == FORMAT_JSON ? "\"0x" : "0x");
	put_hex(to, value);
	if (t->format == FORMAT_JSON)
		put_char(to, '"');
	cell_end(t, start);
}

void table_time(struct table_out *t, ns_t value)
{
	size_t start = t->cells->len;

	cell_begin(t);
	if (t->format == FORMAT_JSON)
		put_dec(t->out, value);
	else
		put_time(cell_to(t), value);
	cell_end(t, start);
}

static bool right_aligned(enum column_type type)
{
	return type != COLUMN_WORD;
}

/* Writes a cell with its padding and what follows it at `to`; gives the end. */
static char *print_cell(const struct table_out *t, unsigned i, const char *cell, size_t len, char *to)
{
	size_t pad = t->widths[i] - len;
	bool right = right_aligned(t->columns[i].type), last = i + 1 == t->count;

	if (right) {
		memset(to, ' ', pad);
		to += pad;
	}
	memcpy(to, cell, len);
	to += len;
	if (!right && !last) {
		memset(to, ' ', pad);
		to += pad;
	}
	*to = last ? '\n' : ' ';
	return to + 1;
}

/* Of the whole text, header and all. */
static uint64_t text_bytes(const struct table_out *t)
{
	unsigned last = t->count - 1;
	uint64_t line = 1, lines = t->rows + 1;

	for (unsigned i = 0; i < last; i++)
		line += t->widths[i] + 1;
	if (right_aligned(t->columns[last].type))
		return lines * (line + t->widths[last]);
	return lines * line + t->last_bytes + strlen(t->columns[last].name);
}

static void print_text(struct table_out *t)
{
	const guint *len = (const guint *)(const void *)t->lengths->data;
	const char *cell = t->cells->str;
	size_t front = t->out->len;
	char *to;

	g_string_set_size(t->out, front + text_bytes(t));
	to = t->out->str + front;
	for (unsigned i = 0; i < t->count; i++)
		to = print_cell(t, i, t->columns[i].name, strlen(t->columns[i].name), to);
	for (uint64_t row = 0; row < t->rows; row++)
		for (unsigned i = 0; i < t->count; cell += *len++, i++)
			to = print_cell(t, i, cell, *len, to);
	g_assert(to == t->out->str + t->out->len);
}

/* A CSV header is written before the first cell, when the columns are settled: here, by putting it in front. */
static void print_csv_header(struct table_out *t, size_t front)
{
	g_autoptr(GString) header = g_string_new(NULL);

	for (unsigned i = 0; i < t->count; i++) {
		if (i)
			put_char(header, ',');
		put_csv_word(header, t->columns[i].name);
	}
	put_text(header, "\r\n");
	g_string_insert_len(t->out, (gssize)front, header->str, (gssize)header->len);
}

static void table_init(struct table_out *t, const struct node *n, GString *out)
{
	*t = (struct table_out){ .out = out, .format = n->format, .cells = g_string_new(NULL),
				 .lengths = g_array_new(FALSE, FALSE, sizeof(guint)) };
	set_columns(t, n->row->columns);
}

static void table_clear(struct table_out *t)
{
	for (unsigned i = 0; i < t->count; i++)
		g_free((char *)t->columns[i].name);
	g_free(t->columns);
	g_free(t->widths);
	g_string_free(t->cells, TRUE);
	g_array_free(t->lengths, TRUE);
}

uint64_t table_text_bytes(const struct node *n)
{
	struct err ignored = { 0 };
	struct table_out t;
	uint64_t size;

	g_assert(n->format == FORMAT_TEXT);
	table_init(&t, n, NULL);
	t.measures = true;
	size = n->row->fill(n, &t, &ignored) ? 0 : text_bytes(&t);
	table_clear(&t);
	return size;
}

int table_render(const struct node *n, GString *out, struct err *e)
{
	struct table_out t;
	size_t front = out->len;
	int rc;

	table_init(&t, n, out);
	if (t.format == FORMAT_JSON)
		put_char(out, '[');
	rc = n->row->fill(n, &t, e);
	if (rc == 0) {
		g_assert(t.at == 0);  /* a row that is short of cells */
		if (t.format == FORMAT_TEXT)
			print_text(&t);
		else if (t.format == FORMAT_CSV)
			print_csv_header(&t, front);
		else
			put_text(out, "]\n");
	} else {
		g_string_truncate(out, front);
	}
	table_clear(&t);
	return rc;
}
