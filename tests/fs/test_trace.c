/*
 * test_trace.c - lackey's text by the fast reader and by the careful one: the same references, or the same complaint.
 *
 * usage: test_trace [SEED]; the seed is printed. Pieces of text too short for the fast reader are the careful one's.
 */
#include "rng.h"
#include "trace.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { PIECE = 2000 /* bytes */, TEXTS = 400, LINES_MOST = 900 };

struct outcome { GArray *refs; int code; uint64_t line; char why[160]; };

static uint64_t the_seed;

/* Reading. */

static ssize_t read_text(void *from, uint64_t at, void *to, size_t len)
{
	const GString *text = from;
	size_t n = at < text->len ? MIN(len, text->len - at) : 0;

	memcpy(to, text->str + MIN(at, text->len), n);
	return (ssize_t)n;
}

/* The complaint without its line number, which goes to o->line. */
static void note_error(struct outcome *o, const struct err *e)
{
	const char *rest = e->why;
	char *end;

	o->code = e->code;
	if (g_str_has_prefix(e->why, "line ")) {
		o->line += g_ascii_strtoull(e->why + 5, &end, 10);
		rest = end;
	}
	g_strlcpy(o->why, rest, sizeof(o->why));
}

static void read_all(GString *text, struct outcome *o)
{
	struct trace_bytes bytes = { read_text, text };
	struct err e = { 0 };
	struct trace *t = trace_open_bytes(&bytes, "a.lackey", TRACE_LACKEY, TRACE_PAGE_BITS, &e);
	const uint64_t *refs;
	size_t n;

	assert_non_null(t);
	do {
		if (trace_next(t, &refs, &n, &e))
			note_error(o, &e);
		g_array_append_vals(o->refs, refs, (guint)n);
	} while (n > 0 && !o->code);
	trace_close(t);
}

static void outcome_clear(struct outcome *o)
{
	g_array_set_size(o->refs, 0);
	o->code = 0;
	o->line = 0;
	o->why[0] = '\0';
}

/* The same in pieces of whole lines that the fast reader does not look at. */
static void read_carefully(const GString *text, struct outcome *o)
{
	g_autoptr(GString) piece = g_string_new(NULL);

	for (size_t at = 0; at < text->len && !o->code; ) {
		size_t end = MIN(at + PIECE, text->len);
		uint64_t lines = o->line;

		while (end < text->len && text->str[end - 1] != '\n')
			end++;
		g_string_truncate(piece, 0);
		g_string_append_len(piece, text->str + at, (gssize)(end - at));
		read_all(piece, o);
		for (size_t i = at; i < end && !o->code; i++)
			o->line += text->str[i] == '\n';
		if (o->code && o->line == lines)
			o->line = 0;                             /* the complaint names no line */
		at = end;
	}
	if (!o->code)
		o->line = 0;
}

static void same_both_ways(GString *text, struct outcome *fast, struct outcome *careful)
{
	outcome_clear(fast);
	outcome_clear(careful);
	read_all(text, fast);
	read_carefully(text, careful);
	if (fast->code != careful->code || strcmp(fast->why, careful->why) || fast->line != careful->line)
		fail_msg("line %" PRIu64 "%s, but line %" PRIu64 "%s, in\n%s", fast->line, fast->why, careful->line, careful->why, text->str);
	/* Those before the complaint in the same call are not given; how many that are, chunks decide. */
	if (!fast->code) {
		assert_int_equal(fast->refs->len, careful->refs->len);
		assert_memory_equal(fast->refs->data, careful->refs->data, fast->refs->len * sizeof(uint64_t));
	}
}

/* Texts. */

static void add_line(GString *text, struct rng *r, unsigned digits)
{
	static const char *const begins[] = { "I  ", " L ", " S ", " M " };
	uint64_t address = rng_next(r) & (((uint64_t)1 << 47) - 1);

	if (digits < 12)
		address &= ((uint64_t)1 << 4 * digits) - 1;
	g_string_append_printf(text, "%s%08" PRIx64 ",%u\n", begins[rng_below(r, 4)], address,
			       (unsigned)rng_below(r, rng_below(r, 4) ? 10 : 100));
}

/* Mostly of one length, as real ones are; some of all lengths. */
static void make_text(GString *text, struct rng *r)
{
	unsigned lines = 300 + (unsigned)rng_below(r, LINES_MOST - 300), usual = 8 + (unsigned)rng_below(r, 5);
	bool mixed = rng_below(r, 4) == 0;

	g_string_truncate(text, 0);
	for (unsigned i = 0; i < lines; i++)
		add_line(text, r, mixed ? 1 + (unsigned)rng_below(r, 12) : rng_below(r, 20) ? usual : 8);
}

static void spoil(GString *text, struct rng *r)
{
	static const char likely[] = "\n\n,, ILSM09afAFgx0123456789abcdef\r\t#=-\0\x7f\x80\xff:/";
	size_t at = (size_t)rng_below(r, text->len);
	char c = rng_below(r, 8) ? likely[rng_below(r, sizeof(likely) - 1)] : (char)rng_below(r, 256);

	switch (rng_below(r, 5)) {
	case 0:
		g_string_insert_c(text, (gssize)at, c);
		break;
	case 1:
		g_string_erase(text, (gssize)at, 1);
		break;
	case 2:
		g_string_truncate(text, at + 1);
		break;
	default:
		text->str[at] = c;
	}
}

static void both_readers_agree(void **state)
{
	struct outcome fast = { .refs = g_array_new(FALSE, FALSE, 8) }, careful = { .refs = g_array_new(FALSE, FALSE, 8) };
	g_autoptr(GString) text = g_string_new(NULL);
	unsigned refused = 0;
	struct rng r;

	rng_seed(&r, the_seed, "trace");
	for (unsigned i = 0; i < TEXTS; i++) {
		make_text(text, &r);
		for (uint64_t n = rng_below(&r, 4); n > 0; n--)
			spoil(text, &r);
		same_both_ways(text, &fast, &careful);
		refused += fast.code != 0;
	}
	assert_in_range(refused, TEXTS / 4, TEXTS * 3 / 4);
	g_array_unref(fast.refs);
	g_array_unref(careful.refs);
}

/* Also the address that is too high by one, and the size that no line of the fast reader's has. */
static void both_readers_agree_on_limits(void **state)
{
	static const char *const lines[] = {
		" L 7fffffffffff,8\n", " L 800000000000,8\n", " L ffffffffffff,8\n", " L 1000000000000,8\n", " L ffffffffffffffff,8\n",
		" L 10000000000000000,8\n", " L 0000000000000000000000001000,8\n", " L 1000,8\n", " L 00001000,888\n", " L 00001000,\n",
		" L 00001000,8,8\n", " L 00001000,,8\n", " L 00001000,a\n", " L 00001000,1a\n", " L 00001000,8 \n", " L 00001000,8\r\n",
		"I 00001000,8\n", "I   00001000,8\n", " I 00001000,8\n", "L  00001000,8\n", "I  0000100G,8\n", "I  0000ABCD,8\n",
		"\n", "# remark\n", "==1== header\n", "--1-- header\n", " Z 00001000,8\n", " L 0x001000,8\n", " L 00001000,99999999999999999999\n",
	};
	struct outcome fast = { .refs = g_array_new(FALSE, FALSE, 8) }, careful = { .refs = g_array_new(FALSE, FALSE, 8) };
	g_autoptr(GString) text = g_string_new(NULL);
	struct rng r;

	rng_seed(&r, the_seed, "limits");
	for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++)
		for (unsigned before = 0; before < 300; before += 1 + (unsigned)rng_below(&r, 60)) {
			g_string_truncate(text, 0);
			for (unsigned k = 0; k < before; k++)
				add_line(text, &r, 8);
			g_string_append(text, lines[i]);
			for (unsigned k = 0; k < 700; k++)
				add_line(text, &r, 8 + k % 2);
			same_both_ways(text, &fast, &careful);
		}
	g_array_unref(fast.refs);
	g_array_unref(careful.refs);
}

static void a_text_cut_at_every_byte_is_read_as_far_as_it_goes(void **state)
{
	struct outcome fast = { .refs = g_array_new(FALSE, FALSE, 8) }, careful = { .refs = g_array_new(FALSE, FALSE, 8) };
	g_autoptr(GString) text = g_string_new(NULL);
	struct rng r;

	rng_seed(&r, the_seed, "cut");
	while (text->len < 8000)
		add_line(text, &r, 8 + (unsigned)rng_below(&r, 4));
	while (text->len > 6900) {
		same_both_ways(text, &fast, &careful);
		g_string_truncate(text, text->len - 1);
	}
	g_array_unref(fast.refs);
	g_array_unref(careful.refs);
}

/* What follows a `pid` line is another's, at any place of it. */
static void processes_are_kept_apart_at_full_speed(void **state)
{
	struct outcome o = { .refs = g_array_new(FALSE, FALSE, 8) };
	g_autoptr(GString) text = g_string_new(NULL);
	struct rng r;

	rng_seed(&r, the_seed, "processes");
	for (unsigned before = 0; before < 1000; before += 97) {
		outcome_clear(&o);
		g_string_assign(text, "pid 7\n");
		for (unsigned k = 0; k < 2000; k++) {
			if (k == before + 1)
				g_string_append(text, "pid 8\n");
			add_line(text, &r, 8);
		}
		read_all(text, &o);
		assert_int_equal(o.code, 0);
		assert_int_equal(o.refs->len, 2000);
		for (unsigned k = 0; k < 2000; k++)
			assert_int_equal(vm_ref_space(g_array_index(o.refs, uint64_t, k)), k > before);
	}
	g_array_unref(o.refs);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_readers_agree),
		cmocka_unit_test(both_readers_agree_on_limits),
		cmocka_unit_test(a_text_cut_at_every_byte_is_read_as_far_as_it_goes),
		cmocka_unit_test(processes_are_kept_apart_at_full_speed),
	};

	the_seed = argc > 1 ? g_ascii_strtoull(argv[1], NULL, 0) : (uint64_t)g_get_real_time() % 1000000;
	print_message("seed %" PRIu64 "\n", the_seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
