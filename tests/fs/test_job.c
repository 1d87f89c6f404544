/* test_job.c - commands that wait: what they keep, and those that nobody waits for; without a kernel. */
#include "command.h"
#include "fs_test.h"
#include "job.h"
#include "node.h"
#include "open.h"

#include <fcntl.h>

enum { WRITER = 100 };

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct node root = tree_root(w);

	w->knowns = knowns_new(w, &root, "");
	run_line(w, "hosts/host0/ctl", "spawn a");
	run_line(w, "hosts/host0/ctl", "spawn b");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void assert_path(struct world *w, const char *path, const char *wanted)
{
	g_autofree char *got = read_path(w, path);

	assert_string_equal(got, wanted);
}

static void in_the_background_nobody_waits(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/host0/ctl", "2 fork");
	run_line(w, "hosts/host0/ctl", "2 wait &");
	assert_true(jobs_any(w));
	run_line(w, "hosts/host0/ctl", "3 fork &");
	assert_path(w, "proc/3/ctl", "5\n");
	run_line(w, "proc/4/ctl", "exit 7");
	world_try(w);
	assert_false(jobs_any(w));
	assert_path(w, "proc/2/ctl", "4 7\n");
}

static void lines_to_one_process_run_in_their_order(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/host0/ctl", "2 fork");
	run_line(w, "hosts/host0/ctl", "2 wait &");
	run_line(w, "hosts/host0/ctl", "2 brk 0 &");
	run_line(w, "hosts/host0/ctl", "2 read 0x1 &");
	world_try(w);
	assert_path(w, "proc/2/ctl", "");
	assert_int_equal(w->errors.length, 0);
	run_line(w, "proc/4/ctl", "exit 1");
	world_try(w);
	assert_false(jobs_any(w));
	assert_path(w, "proc/2/ctl", "SEGV MAPERR addr=0x1\n");
	assert_int_equal(w->errors.length, 1);
}

static void kill_does_not_queue(void **state)
{
	struct world *w = *state;

	run_line(w, "hosts/host0/ctl", "2 fork");
	run_line(w, "hosts/host0/ctl", "2 wait &");
	run_line(w, "hosts/host0/ctl", "2 kill KILL");
	world_try(w);
	assert_false(jobs_any(w));
}

static void a_command_is_needed(void **state)
{
	struct world *w = *state;

	refuse(w, "hosts/host0/ctl", "2 &", EINVAL);
	refuse(w, "hosts/host0/ctl", "77 brk 0 &", ESRCH);
	refuse(w, "hosts/host0/ctl", "2 nonsense \"&\"", EINVAL);
	assert_false(jobs_any(w));
}

/* A command made for the test: waits until it has been tried three times. */
struct counted { unsigned *released, tries; };

static void release_counted(void *state)
{
	++*((struct counted *)state)->released;
	g_free(state);
}

static unsigned released;

static int store_counted(const struct node *n, char *line, GString *result, struct err *e)
{
	struct call c = { .n = n, .result = result };
	struct counted *s = call_state(&c);

	if (!s) {
		s = g_new0(struct counted, 1);
		s->released = &released;
		call_keep(&c, s, release_counted);
	}
	return ++s->tries < 3 ? -EINPROGRESS : 0;
}

static void what_a_command_keeps_is_released_once(void **state)
{
	static const struct row row = TEXT("counted", 0644, show_result, store_counted);
	struct world *w = *state;
	struct node n = { .row = &row, .world = w };
	struct known *k = known_lookup(w, known_root(w), "counted", &n);
	struct open_file *f = file_open(w, k, O_WRONLY, NULL);
	struct write_call c = { .file = f, .data = "x\nx\n", .len = 4, .writer = WRITER };

	released = 0;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(file_write(&c, NULL), -EINPROGRESS);
		assert_int_equal(released, i / 2);
	}
	assert_int_equal(file_write(&c, NULL), 4);
	assert_int_equal(released, 2);

	c.done = 0;
	assert_int_equal(file_write(&c, NULL), -EINPROGRESS);
	file_cancel(&c);
	assert_int_equal(released, 3);
	assert_int_equal(file_end(f), 0);
	assert_int_equal(released, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(in_the_background_nobody_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(lines_to_one_process_run_in_their_order, setup, teardown),
		cmocka_unit_test_setup_teardown(kill_does_not_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(a_command_is_needed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_command_keeps_is_released_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
