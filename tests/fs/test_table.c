/* test_table.c - tables as text, JSON and CSV; digits. */
#include "fs_test.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

static const struct column columns[] = {
	{ "name", COLUMN_WORD }, { "n", COLUMN_NUMBER }, { "at", COLUMN_HEX }, { "time", COLUMN_TIME }, { NULL, 0 },
};

static int fill(const struct node *n, struct table_out *t, struct err *e)
{
	if (n->arg == 1)
		return err_set(e, ESRCH, -1, "gone");
	if (n->arg == 2)
		return 0;
	table_word(t, "init");
	table_number(t, 1);
	table_hex(t, 0x400000);
	table_time(t, 1500000000);
	table_word(t, "a \"b\",c");
	table_signed(t, -12);
	table_none(t);
	table_none(t);
	return 0;
}

static const struct row row = { .name = "t", .kind = ROW_TABLE, .columns = columns, .fill = fill };

static void assert_table(uint8_t format, uint64_t arg, const char *wanted)
{
	struct node n = { .row = &row, .arg = arg, .format = format };
	g_autoptr(GString) out = g_string_new(NULL);

	assert_int_equal(table_render(&n, out, NULL), 0);
	assert_string_equal(out->str, wanted);
	if (format == FORMAT_TEXT)
		assert_int_equal(table_text_bytes(&n), out->len);
}

static void text_is_aligned_and_has_one_word_a_cell(void **state)
{
	assert_table(FORMAT_TEXT, 0,
		     "name         n       at        time\n"
		     "init         1 0x400000 1.500000000\n"
		     "a\\040\"b\",c -12        -           -\n");
}

static void json_has_numbers_strings_and_null(void **state)
{
	assert_table(FORMAT_JSON, 0,
		     "[{\"name\":\"init\",\"n\":1,\"at\":\"0x400000\",\"time\":1500000000},\n"
		     "{\"name\":\"a \\\"b\\\",c\",\"n\":-12,\"at\":null,\"time\":null}]\n");
}

static void csv_is_rfc_4180(void **state)
{
	assert_table(FORMAT_CSV, 0,
		     "name,n,at,time\r\ninit,1,0x400000,1.500000000\r\n\"a \"\"b\"\",c\",-12,,\r\n");
}

static void an_empty_table_has_its_header(void **state)
{
	assert_table(FORMAT_TEXT, 2, "name n at time\n");
	assert_table(FORMAT_JSON, 2, "[]\n");
	assert_table(FORMAT_CSV, 2, "name,n,at,time\r\n");
}

static void an_error_leaves_nothing_behind(void **state)
{
	for (uint8_t format = FORMAT_TEXT; format <= FORMAT_CSV; format++) {
		struct node n = { .row = &row, .arg = 1, .format = format };
		g_autoptr(GString) out = g_string_new("before");
		struct err e = { 0 };

		assert_int_equal(table_render(&n, out, &e), -ESRCH);
		assert_string_equal(out->str, "before");
	}
}

static void digits_agree_with_printf(void **state)
{
	static const uint64_t fixed[] = { 0, 9, 10, 99, 100, 101, 999999999, 1000000000, UINT32_MAX, UINT64_MAX };
	uint64_t v = 88172645463325252u;

	for (unsigned i = 0; i < 20000; i++) {
		g_autoptr(GString) out = g_string_new(NULL);
		char wanted[200];

		if (i < G_N_ELEMENTS(fixed))
			v = fixed[i];
		put_dec(out, v);
		put_char(out, ' ');
		put_dec_width(out, v >> i % 64, 9);
		put_char(out, ' ');
		put_hex(out, v);
		put_char(out, ' ');
		put_hex_width(out, v >> i % 64, 8);
		put_char(out, ' ');
		put_time(out, v);
		snprintf(wanted, sizeof wanted, "%" PRIu64 " %9" PRIu64 " %" PRIx64 " %08" PRIx64 " %" PRIu64 ".%09" PRIu64,
			 v, v >> i % 64, v, v >> i % 64, v / NS_PER_S, v % NS_PER_S);
		assert_string_equal(out->str, wanted);
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_aligned_and_has_one_word_a_cell),
		cmocka_unit_test(json_has_numbers_strings_and_null),
		cmocka_unit_test(csv_is_rfc_4180),
		cmocka_unit_test(an_empty_table_has_its_header),
		cmocka_unit_test(an_error_leaves_nothing_behind),
		cmocka_unit_test(digits_agree_with_printf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
