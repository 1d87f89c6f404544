/* trace_text.c - traces of lines: lackey, din, page numbers. */
#include "trace_inside.h"

#include <inttypes.h>
#include <string.h>

/* A line being read: the byte at `at` is next. */
struct cursor { const uint8_t *start, *at, *end; };

static int bad(const struct trace *t, const struct cursor *c, struct err *e, const char *what)
{
	char seen[8] = "the end";

	if (c->at < c->end && g_ascii_isprint(*c->at))
		g_snprintf(seen, sizeof(seen), "'%c'", *c->at);
	else if (c->at < c->end)
		g_snprintf(seen, sizeof(seen), "0x%02x", *c->at);
	return err_set(e, EINVAL, -1, "line %" PRIu64 ", byte %" PRIu64 ": %s, not %s", t->line + 1,
		       (uint64_t)(c->at - c->start) + 1, what, seen);
}

static bool is_blank(const struct cursor *c)
{
	return c->at < c->end && (*c->at == ' ' || *c->at == '\t');
}

static void skip_blanks(struct cursor *c)
{
	while (is_blank(c))
		c->at++;
}

/* A number of at least one digit, hexadecimal or decimal; false when none is there or it exceeds 64 bits. */
static bool number(struct cursor *c, unsigned base, uint64_t *v)
{
	const uint8_t *first = c->at;

	for (*v = 0; c->at < c->end; c->at++) {
		int digit = base == 16 ? g_ascii_xdigit_value((char)*c->at) : g_ascii_digit_value((char)*c->at);

		if (digit < 0)
			break;
		if (__builtin_mul_overflow(*v, (uint64_t)base, v) || __builtin_add_overflow(*v, (uint64_t)digit, v))
			return false;
	}
	return c->at > first;
}

static int check_page(const struct trace *t, uint64_t page, uint64_t address, struct err *e)
{
	if (page < VM_REF_PAGES)
		return 0;
	if (address)
		return err_set(e, ERANGE, -1, "line %" PRIu64 ": address 0x%" PRIx64 " is beyond the 48 bits of the space",
			       t->line + 1, address);
	return err_set(e, ERANGE, -1, "line %" PRIu64 ": page %" PRIu64 " is beyond the 2^%d of the space", t->line + 1, page,
		       VM_REF_PAGE_BITS);
}

/* Kernel addresses have all 16 upper bits set: they fold into the upper half of 48 bits. */
static uint64_t page_of_address(const struct trace *t, uint64_t va)
{
	if (va >> 47 == 0x1ffff)
		va &= ((uint64_t)1 << 48) - 1;
	return va >> 47 > 1 ? UINT64_MAX : va >> t->page_bits;
}

static int rest_is_blank(const struct trace *t, struct cursor *c, struct err *e)
{
	skip_blanks(c);
	return c->at == c->end ? 0 : bad(t, c, e, "the line should end here");
}

static int read_address(struct trace *t, struct cursor *c, enum vm_ref_kind kind, uint64_t *ref, struct err *e)
{
	uint64_t va, page;

	if (c->end - c->at > 2 && c->at[0] == '0' && (c->at[1] | 0x20) == 'x')
		c->at += 2;
	if (!number(c, 16, &va))
		return bad(t, c, e, "an address should be here");
	page = page_of_address(t, va);
	if (check_page(t, page, va, e))
		return -e->code;
	*ref = vm_ref(kind, t->space, page);
	return 0;
}

/* `I  04016d00,3`: the kind is in the first or second column. */
static int lackey_line(struct trace *t, struct cursor *c, uint64_t *ref, struct err *e)
{
	static const char kinds[] = "LSMI"; /* in the order of enum vm_ref_kind */
	const char *kind;
	uint64_t size;

	skip_blanks(c);
	kind = c->at < c->end && *c->at ? strchr(kinds, *c->at) : NULL;
	if (!kind)
		return bad(t, c, e, "I, L, S or M should be here");
	c->at++;
	if (!is_blank(c))
		return bad(t, c, e, "a blank should be here");
	skip_blanks(c);
	if (read_address(t, c, (enum vm_ref_kind)(kind - kinds), ref, e))
		return -e->code;
	if (c->at == c->end || *c->at != ',')
		return bad(t, c, e, "a comma should be here");
	c->at++;
	if (!number(c, 10, &size))
		return bad(t, c, e, "a size should be here");
	return rest_is_blank(t, c, e);
}

static int din_line(struct trace *t, struct cursor *c, uint64_t *ref, struct err *e)
{
	static const enum vm_ref_kind kinds[] = { VM_REF_LOAD, VM_REF_STORE, VM_REF_FETCH };
	unsigned label;

	skip_blanks(c);
	if (c->at == c->end || *c->at < '0' || *c->at > '2')
		return bad(t, c, e, "label 0, 1 or 2 should be here");
	label = *c->at++ - '0';
	if (!is_blank(c))
		return bad(t, c, e, "a blank should be here");
	skip_blanks(c);
	if (read_address(t, c, kinds[label], ref, e))
		return -e->code;
	if (c->at < c->end && !is_blank(c))
		return bad(t, c, e, "a hexadecimal digit should be here");
	return 0;              /* some tools write a size or more behind it */
}

static int pages_line(struct trace *t, struct cursor *c, uint64_t *ref, struct err *e)
{
	unsigned base = 10;
	uint64_t page;

	skip_blanks(c);
	if (c->end - c->at > 2 && c->at[0] == '0' && (c->at[1] | 0x20) == 'x') {
		base = 16;
		c->at += 2;
	}
	if (!number(c, base, &page))
		return bad(t, c, e, "a page number should be here");
	if (check_page(t, page, 0, e))
		return -e->code;
	*ref = vm_ref(VM_REF_LOAD, t->space, page);
	return rest_is_blank(t, c, e);
}

static int (*const line_readers[])(struct trace *, struct cursor *, uint64_t *, struct err *) = {
	[TRACE_LACKEY] = lackey_line, [TRACE_DIN] = din_line, [TRACE_PAGES] = pages_line,
};

static bool is_empty(struct cursor c)
{
	skip_blanks(&c);
	return c.at == c.end;
}

/* `pid N`: the process that what follows belongs to. */
static int pid_line(struct trace *t, struct cursor *c, struct err *e)
{
	uint64_t pid;
	unsigned i = 0;

	skip_blanks(c);
	c->at += 4;
	skip_blanks(c);
	if (!number(c, 10, &pid))
		return bad(t, c, e, "a process number should be here");
	if (!t->begun)           /* nothing belongs to the unnamed process */
		g_array_index(t->pids, uint64_t, 0) = pid;
	while (i < t->pids->len && g_array_index(t->pids, uint64_t, i) != pid)
		i++;
	if (i == VM_REF_SPACES)
		return err_set(e, E2BIG, -1, "line %" PRIu64 ": more than %d processes", t->line + 1, VM_REF_SPACES);
	if (i == t->pids->len)
		g_array_append_val(t->pids, pid);
	t->space = i;
	return rest_is_blank(t, c, e);
}

/* A comment, or what valgrind itself says. */
static bool is_remark(const struct trace *t, const struct cursor *c)
{
	struct cursor text = *c;

	skip_blanks(&text);
	if (text.at < text.end && *text.at == '#')
		return true;
	return t->format == TRACE_LACKEY && c->end - c->at >= 2 && c->at[0] == c->at[1] && (c->at[0] == '=' || c->at[0] == '-');
}

static bool is_pid(struct cursor c)
{
	skip_blanks(&c);
	return c.end - c.at > 4 && !memcmp(c.at, "pid", 3) && (c.at[3] == ' ' || c.at[3] == '\t');
}

/* One line without its newline; *ref is set and true given back in *is_ref when it is a reference. */
static int read_line(struct trace *t, struct cursor *c, uint64_t *ref, bool *is_ref, struct err *e)
{
	*is_ref = false;
	if (c->end > c->start && c->end[-1] == '\r')
		c->end--;
	if (is_remark(t, c) || is_empty(*c))
		return 0;
	if (is_pid(*c))
		return pid_line(t, c, e);
	*is_ref = true;
	return line_readers[t->format](t, c, ref, e);
}

/* The next line is [at, *end); *next is behind its newline. False: only part of it is here yet. */
static bool find_line(const struct input *in, const uint8_t **end, const uint8_t **next)
{
	size_t there = (size_t)(in->end - in->at), look = MIN(there, (size_t)LINE_MAX_BYTES + 1);
	const uint8_t *newline = memchr(in->at, '\n', look);

	*end = newline ? newline : in->at + look;
	*next = newline ? newline + 1 : *end;
	return newline || in->last || there > LINE_MAX_BYTES;
}

/* A remark may be of any length: valgrind's has the whole command. */
static int skip_remark(struct trace *t, struct err *e)
{
	for (;;) {
		size_t there = (size_t)(t->in.end - t->in.at);
		const uint8_t *newline = memchr(t->in.at, '\n', there);
		int r;

		input_take(&t->in, newline ? (size_t)(newline + 1 - t->in.at) : there);
		if (newline || t->in.last) {
			t->line++;
			return 0;
		}
		r = input_more(&t->in, e);
		if (r)
			return r;
	}
}

static int take_line(struct trace *t, size_t *n, struct err *e)
{
	const uint8_t *end, *next;
	struct cursor c;
	bool is_ref;
	int r;

	while (!find_line(&t->in, &end, &next)) {
		r = input_more(&t->in, e);
		if (r)
			return r;
	}
	c = (struct cursor) { t->in.at, t->in.at, end };
	if (end - t->in.at > LINE_MAX_BYTES && is_remark(t, &c))
		return skip_remark(t, e);
	if (end - t->in.at > LINE_MAX_BYTES)
		return err_set(e, EINVAL, -1, "line %" PRIu64 " has more than %d bytes: this is no text of the format %s",
			       t->line + 1, LINE_MAX_BYTES, trace_format_names[t->format]);
	r = read_line(t, &c, &t->batch[*n], &is_ref, e);
	if (r)
		return r;
	input_take(&t->in, (size_t)(next - t->in.at));
	t->line++;
	*n += is_ref;
	t->begun |= is_ref;
	return 0;
}

enum {
	CAREFUL_LINES = 64,      /* read one by one before the fast reader gets another chance */
	ROOM_LEAST = 1024,       /* less than that is not worth another call of it */
};

int text_next(struct trace *t, size_t *n, struct err *e)
{
	*n = 0;
	while (*n + CAREFUL_LINES <= BATCH) {
		int r = input_want(&t->in, LINE_MAX_BYTES * 2, e);

		if (r)
			return r;
		if (t->format == TRACE_LACKEY && t->page_bits == TRACE_PAGE_BITS && t->in.passed >= LACKEY_BEFORE) {
			const uint8_t *at = t->in.at;
			size_t got = lackey_fast(&at, t->in.end, t->batch + *n, BATCH - CAREFUL_LINES - *n, t->space);

			*n += got;
			t->begun |= got > 0;
			t->line += got;
			input_take(&t->in, (size_t)(at - t->in.at));
			if (*n + ROOM_LEAST > BATCH)
				break;
		}
		for (unsigned i = 0; i < CAREFUL_LINES; i++) {
			if (t->in.at == t->in.end && t->in.last)
				return 0;
			r = take_line(t, n, e);
			if (r)
				return r;
		}
	}
	return 0;
}
