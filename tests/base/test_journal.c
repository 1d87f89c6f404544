/* test_journal.c - the ring keeps the newest, numbers without a gap. */
#include "test.h"

#include "journal.h"

static const struct event_kind kind = { "test", "value:d" };

static void the_newest_events_are_kept(void **state)
{
	struct journal j;
	ns_t now = 5;

	journal_init(&j, 4, &now);
	assert_int_equal(journal_oldest(&j), 1);
	assert_null(journal_at(&j, 1));
	for (uint64_t i = 1; i <= 10; i++) {
		struct event *e = journal_add(&j, &kind, 1, 2);

		e->value[0] = i * 10;
		e->text = g_strdup("text");
		now++;
	}
	assert_int_equal(journal_oldest(&j), 7);
	assert_null(journal_at(&j, 6));
	assert_null(journal_at(&j, 11));
	for (uint64_t i = 7; i <= 10; i++) {
		assert_int_equal(journal_at(&j, i)->seq, i);
		assert_int_equal(journal_at(&j, i)->value[0], i * 10);
		assert_int_equal(journal_at(&j, i)->time, 4 + i);
	}
	journal_clear(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_newest_events_are_kept) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
