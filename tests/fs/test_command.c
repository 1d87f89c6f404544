/* test_command.c - lines into words, words into calls. */
#include "fs_test.h"
#include "command.h"
#include "text.h"

/* Words */

static void assert_words(const char *line, unsigned count, ...)
{
	struct words w;
	struct err e = { 0 };
	va_list ap;

	assert_int_equal(words_split(line, &w, &e), 0);
	assert_int_equal(w.count, count);
	va_start(ap, count);
	for (unsigned i = 0; i < count; i++)
		assert_string_equal(w.word[i].text, va_arg(ap, const char *));
	va_end(ap);
	words_free(&w);
}

static void words_are_split_at_blanks(void **state)
{
	assert_words("", 0);
	assert_words("  \t ", 0);
	assert_words("mmap  -\t8K rw- ", 4, "mmap", "-", "8K", "rw-");
}

static void a_word_that_starts_with_a_hash_starts_a_comment(void **state)
{
	assert_words("# mmap", 0);
	assert_words("   # mmap", 0);
	assert_words("mmap 3 # \"three", 2, "mmap", "3");
	assert_words("a#b \"#\"", 2, "a#b", "#");
}

static void quoted_words_take_c_escapes(void **state)
{
	assert_words("a \"b c\" \"\"", 3, "a", "b c", "");
	assert_words("\"\\n\\t\\\\\\\"\\x41\\102\"", 1, "\n\t\\\"AB");
	assert_words("name=\"a b\"", 1, "name=a b");
	assert_words("a\"b", 1, "a\"b");
}

static void a_word_may_hold_nul_when_it_is_quoted(void **state)
{
	struct words w;

	assert_int_equal(words_split("\"a\\0b\"", &w, NULL), 0);
	assert_int_equal(w.word[0].len, 3);
	assert_memory_equal(w.word[0].text, "a\0b", 4);
	words_free(&w);
}

static void an_open_quote_is_pointed_at(void **state)
{
	struct words w;
	struct err e = { 0 };

	assert_int_equal(words_split("write 0 \"abc", &w, &e), -EINVAL);
	assert_int_equal(e.arg, 8);
	assert_int_equal(words_split("\"a\\q\"", &w, &e), -EINVAL);
	assert_int_equal(words_split("\"a\"b", &w, &e), -EINVAL);
	assert_int_equal(words_split("\"\\777\"", &w, &e), -EINVAL);
	assert_int_equal(words_split("\"abc\\", &w, &e), -EINVAL);
}

static void put_quoted_is_read_back_as_the_same_word(void **state)
{
	static const char *const all[] = { "", "a", "a b", "\"", "\\", "a\nb", "#x", "k=v", "\x01\x7f", "\xc3\xa4", "\xff\xfe" };

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		g_autoptr(GString) line = g_string_new("x ");
		struct words w;

		put_quoted(line, all[i]);
		assert_int_equal(words_split(line->str, &w, NULL), 0);
		assert_int_equal(w.count, 2);
		assert_string_equal(w.word[1].text, all[i]);
		words_free(&w);
	}
}

/* Calls */

static int remember(struct call *c, struct err *e)
{
	g_string_append_printf(c->result, "%u %s", c->count, arg_option(c, "uid") ? arg_option(c, "uid") : "-");
	return 0;
}

static int wants_number(struct call *c, struct err *e)
{
	uint64_t v;

	if (!arg_number(c, 1, &v, e))
		return -e->code;
	g_string_append_printf(c->result, "%" G_GUINT64_FORMAT, v);
	return 0;
}

static int fails_plainly(struct call *c, struct err *e)
{
	g_string_append(c->result, "half");
	return -EBUSY;
}

static int faults(struct call *c, struct err *e)
{
	g_string_append(c->result, "SEGV");
	return err_set(e, EFAULT, 0, "SEGV");
}

static const struct command commands[] = {
	{ "none", "", remember, "takes nothing" },
	{ "two", "A B", remember, "takes two" },
	{ "some", "A [B [C]] [uid=N]", remember, "one to three, and an option" },
	{ "many", "A... [uid=N]", remember, "one or more" },
	{ "any", "[A...]", remember, "any number" },
	{ "either", "A|- [r|w] | new A B C", remember, "one of two forms" },
	{ "number", "A N", wants_number, "a number" },
	{ "busy", "", fails_plainly, "fails" },
	{ "fault", "A", faults, "a signal" },
	{ 0 }
};

static int run_line_of(const char *line, GString *result, struct err *e)
{
	struct node n = { 0 };
	g_autofree char *copy = g_strdup(line);

	g_string_truncate(result, 0);
	*e = (struct err){ .arg = -1 };
	return command_run(commands, &n, copy, result, e);
}

static void assert_result(const char *line, const char *wanted)
{
	g_autoptr(GString) result = g_string_new(NULL);
	struct err e;

	assert_int_equal(run_line_of(line, result, &e), 0);
	assert_string_equal(result->str, wanted);
}

static void assert_refused(const char *line, int code, int column, const char *why)
{
	g_autoptr(GString) result = g_string_new(NULL);
	struct err e;

	assert_int_equal(run_line_of(line, result, &e), -code);
	assert_int_equal(e.code, code);
	assert_int_equal(e.arg, column);
	assert_string_equal(e.why, why);
	assert_string_equal(result->str, "");
}

static void the_grammar_counts_the_arguments(void **state)
{
	assert_result("none", "0 -");
	assert_result("two 1 2", "2 -");
	assert_result("some 1", "1 -");
	assert_result("some 1 2 3", "3 -");
	assert_result("many 1 2 3 4 5", "5 -");
	assert_result("any", "0 -");
	assert_result("any 1 2", "2 -");
	assert_result("either -", "1 -");
	assert_result("either new 1 2 3", "4 -");
	assert_refused("none x", EINVAL, 5, "none: takes no argument");
	assert_refused("two 1", EINVAL, 5, "two: an argument is missing; usage: two A B");
	assert_refused("two 1 2 3", EINVAL, 8, "two: one argument too many; usage: two A B");
	assert_refused("many", EINVAL, 4, "many: an argument is missing; usage: many A... [uid=N]");
}

static void options_may_stand_anywhere_and_are_not_counted(void **state)
{
	assert_result("some uid=5 1 2 3", "3 5");
	assert_result("some 1 uid=5", "1 5");
	assert_result("many 1 uid=5 2 uid=6", "2 6");
	assert_result("some gid=5", "1 -");         /* no option of this command: an argument */
	assert_result("some \"uid=5\"", "1 -");     /* a quoted word never is */
}

static void unknown_commands_are_pointed_at(void **state)
{
	assert_refused("  nothing 1", EINVAL, 2, "unknown command 'nothing'");
	assert_refused("\"none\"", EINVAL, 0, "unknown command 'none'");
}

static void blank_lines_and_comments_do_nothing(void **state)
{
	assert_result("", "");
	assert_result("   ", "");
	assert_result("# none", "");
}

static void an_error_names_command_and_column(void **state)
{
	assert_refused("number x 12y", EINVAL, 9, "number: '12y' is not a number");
	assert_refused("busy", EBUSY, -1, "busy: Device or resource busy");
}

static void a_signal_keeps_its_result(void **state)
{
	g_autoptr(GString) result = g_string_new(NULL);
	struct err e;

	assert_int_equal(run_line_of("fault 1", result, &e), -EFAULT);
	assert_string_equal(result->str, "SEGV");
}

/* Numbers and times */

static void numbers_are_parsed_strictly(void **state)
{
	static const struct { const char *text; int code; uint64_t value; } all[] = {
		{ "0", 0, 0 }, { "0x131", 0, 0x131 }, { "0xABCdef", 0, 0xabcdef }, { "4K", 0, 4096 }, { "2M", 0, 2 << 20 },
		{ "1G", 0, 1 << 30 }, { "0x10K", 0, 16384 }, { "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX }, { "18446744073709551616", ERANGE, 0 },
		{ "0x10000000000000000", ERANGE, 0 }, { "18014398509481984K", ERANGE, 0 },
		{ "", EINVAL, 0 }, { "-1", EINVAL, 0 }, { "+1", EINVAL, 0 }, { "1 ", EINVAL, 0 }, { "0x", EINVAL, 0 },
		{ "1k", EINVAL, 0 }, { "1KB", EINVAL, 0 }, { "K", EINVAL, 0 }, { "1.5", EINVAL, 0 }, { "0X1", EINVAL, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		uint64_t v = 77;
		struct err e = { 0 };

		assert_int_equal(parse_number(all[i].text, &v, &e), -all[i].code);
		assert_int_equal(v, all[i].code ? 77 : all[i].value);
	}
}

static void times_take_a_unit(void **state)
{
	static const struct { const char *text; int code; ns_t value; } all[] = {
		{ "0", 0, 0 }, { "1ns", 0, 1 }, { "20us", 0, 20000 }, { "200ms", 0, 200000000 }, { "1s", 0, 1000000000 },
		{ "1.5s", 0, 1500000000 }, { "0.000000001s", 0, 1 }, { "1.5ns", 0, 1 }, { "3.25ms", 0, 3250000 },
		{ "1", EINVAL, 0 }, { "s", EINVAL, 0 }, { "1m", EINVAL, 0 }, { "-1s", EINVAL, 0 }, { "", EINVAL, 0 },
		{ "99999999999s", ERANGE, 0 }, { "99999999999999999999ns", ERANGE, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		ns_t v = 77;
		struct err e = { 0 };

		assert_int_equal(parse_time(all[i].text, &v, &e), -all[i].code);
		assert_int_equal(v, all[i].code ? 77 : all[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_split_at_blanks),
		cmocka_unit_test(a_word_that_starts_with_a_hash_starts_a_comment),
		cmocka_unit_test(quoted_words_take_c_escapes),
		cmocka_unit_test(a_word_may_hold_nul_when_it_is_quoted),
		cmocka_unit_test(an_open_quote_is_pointed_at),
		cmocka_unit_test(put_quoted_is_read_back_as_the_same_word),
		cmocka_unit_test(the_grammar_counts_the_arguments),
		cmocka_unit_test(options_may_stand_anywhere_and_are_not_counted),
		cmocka_unit_test(unknown_commands_are_pointed_at),
		cmocka_unit_test(blank_lines_and_comments_do_nothing),
		cmocka_unit_test(an_error_names_command_and_column),
		cmocka_unit_test(a_signal_keeps_its_result),
		cmocka_unit_test(numbers_are_parsed_strictly),
		cmocka_unit_test(times_take_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
