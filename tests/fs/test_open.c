/* test_open.c - writes cut anywhere, results read back, contents, streams; without a kernel. */
#include "fs_test.h"
#include "node.h"
#include "open.h"
#include "vm_disk.h"

#include <fcntl.h>

enum { WRITER = 100, OTHER = 200 };

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct node root = tree_root(w);

	w->knowns = knowns_new(w, &root, "");
	run_line(w, "hosts/host0/ctl", "spawn demo");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

static struct open_file *open_path(struct world *w, const char *path, int flags)
{
	struct node n = at(w, path);
	struct known *k = known_lookup(w, known_root(w), path, &n);
	struct open_file *f = file_open(w, k, flags, NULL);

	assert_non_null(f);
	return f;
}

static ssize_t put(struct open_file *f, const char *data, size_t len)
{
	struct write_call c = { .file = f, .data = data, .len = len, .writer = WRITER };

	return file_write(&c, NULL);
}

static ssize_t put_text_to(struct open_file *f, const char *text)
{
	return put(f, text, strlen(text));
}

static ssize_t flush(struct open_file *f, int32_t who)
{
	struct write_call c = { .file = f, .writer = who };

	return file_flush(&c, NULL);
}

static void assert_reads(struct open_file *f, uint64_t from, const char *wanted)
{
	const char *bytes;
	ssize_t n = file_read(f, from, 4096, &bytes, NULL);
	g_autofree char *got = g_strndup(bytes, (size_t)MAX(n, 0));

	assert_true(n >= 0);
	assert_string_equal(got, wanted);
}

static unsigned errors(struct world *w)
{
	return w->errors.length;
}

static unsigned processes(struct world *w)
{
	struct host *h = w->hosts->pdata[0];

	return (unsigned)vm_proc_count(h->vm);
}

static void lines_run_in_order_within_the_write(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);
	static const char text[] = "fork\n# a comment\n\n  \nfork\n";

	assert_int_equal(put_text_to(f, text), strlen(text));
	assert_int_equal(processes(w), 4);
	assert_int_equal(file_end(f), 0);
	assert_checked(w);
}

static void a_short_write_without_a_newline_is_a_whole_command(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);

	assert_int_equal(put_text_to(f, "fork"), 4);
	assert_int_equal(processes(w), 3);
	assert_int_equal(put_text_to(f, "nonsense"), -EINVAL);
	assert_int_equal(put_text_to(f, "fork"), 4);
	assert_int_equal(processes(w), 4);
	assert_int_equal(file_end(f), 0);
}

/* The same script, cut in two at every byte. */
static void lines_may_be_cut_anywhere(void **state)
{
	static const char script[] = "fork\n  touch 0x404000 8192 w # two pages\nfork\n";
	struct world *w = *state;

	for (size_t cut = 1; cut < strlen(script); cut++) {
		struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);
		unsigned before = processes(w);
		/* A first part without a newline would be a whole command: a newline goes first. */
		g_autofree char *first = g_strdup_printf("\n%.*s", (int)cut, script);

		assert_int_equal(put_text_to(f, first), cut + 1);
		assert_int_equal(put_text_to(f, script + cut), strlen(script + cut));
		assert_int_equal(file_end(f), 0);
		assert_int_equal(processes(w), before + 2);
		assert_int_equal(errors(w), 0);
	}
	assert_checked(w);
}

static void a_failing_line_behind_others_is_told_by_a_short_count(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);
	static const char text[] = "fork\nnonsense\nfork\n";

	assert_int_equal(put_text_to(f, text), 5);
	assert_int_equal(processes(w), 3);
	assert_int_equal(errors(w), 1);
	/* Sent again, it gets its errno; it did not run twice. */
	assert_int_equal(put_text_to(f, text + 5), -EINVAL);
	assert_int_equal(processes(w), 3);
	assert_int_equal(errors(w), 1);
	/* A third time is a new command. */
	assert_int_equal(put_text_to(f, text + 5), -EINVAL);
	assert_int_equal(errors(w), 2);
	assert_int_equal(file_end(f), 0);
}

static void a_tail_runs_when_its_writer_closes(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);

	assert_int_equal(put_text_to(f, "fork\nfo"), 7);
	assert_int_equal(flush(f, OTHER), 0);   /* a forked child closes its copy */
	assert_int_equal(processes(w), 3);
	assert_int_equal(put_text_to(f, "rk"), 2);
	assert_int_equal(processes(w), 3);
	assert_int_equal(flush(f, WRITER), 0);
	assert_int_equal(processes(w), 4);
	assert_int_equal(flush(f, WRITER), 0);  /* nothing is left */
	assert_int_equal(processes(w), 4);
	assert_int_equal(file_end(f), 0);
}

static void a_failing_tail_is_told_to_close(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);

	assert_int_equal(put_text_to(f, "\nnonsense"), 9);
	assert_int_equal(flush(f, WRITER), -EINVAL);
	assert_int_equal(errors(w), 1);
	assert_int_equal(file_end(f), 0);
	assert_int_equal(errors(w), 1);
}

static void a_tail_that_nobody_flushed_runs_at_the_release(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);

	assert_int_equal(put_text_to(f, "\nfork"), 5);
	assert_int_equal(file_end(f), 0);
	assert_int_equal(processes(w), 3);
}

static void a_tail_in_a_failing_line_is_dropped(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);

	assert_int_equal(put_text_to(f, "\nnon"), 4);
	assert_int_equal(put_text_to(f, "sense\nfork\n"), -EINVAL);
	assert_int_equal(put_text_to(f, "fork\n"), 5);
	assert_int_equal(processes(w), 3);
	assert_int_equal(file_end(f), 0);
	assert_int_equal(processes(w), 3);
}

static void nul_bytes_bad_utf8_and_endless_lines_are_refused(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);
	g_autofree char *endless = g_strnfill(1 << 20, 'x');

	assert_int_equal(put(f, "fo\0rk\n", 6), -EINVAL);
	assert_int_equal(put(f, "\0", 1), -EINVAL);
	assert_int_equal(put(f, "fork \xff\n", 7), -EINVAL);
	assert_int_equal(put(f, endless, 1 << 20), 1 << 20);  /* kept: its newline may follow */
	assert_int_equal(put(f, endless, 1), -E2BIG);
	assert_int_equal(put_text_to(f, "fork\n"), 5);        /* it was dropped */
	assert_int_equal(processes(w), 3);
	assert_int_equal(file_end(f), 0);
}

static void an_open_file_reads_the_result_of_its_own_command(void **state)
{
	struct world *w = *state;
	struct open_file *a = open_path(w, "proc/2/ctl", O_RDWR), *b = open_path(w, "proc/2/ctl", O_RDWR), *c;

	assert_reads(a, 0, "");
	assert_int_equal(put_text_to(a, "fork\n"), 5);
	assert_int_equal(put_text_to(b, "fork\n"), 5);
	assert_reads(a, 5, "3\n");  /* the first read starts it, wherever the file is */
	assert_reads(a, 7, "");
	assert_reads(a, 0, "3\n");
	assert_reads(b, 1000, "4\n");
	c = open_path(w, "proc/2/ctl", O_RDONLY);
	assert_reads(c, 0, "4\n");
	assert_int_equal(put_text_to(a, "nonsense\n"), -EINVAL);
	assert_reads(a, 9, "");
	assert_int_equal(file_end(a), 0);
	assert_int_equal(file_end(b), 0);
	assert_int_equal(file_end(c), 0);
}

static void received_bytes_are_given_as_they_are(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_RDWR);
	struct host *h = w->hosts->pdata[0];
	struct vm_inode *inode;

	assert_int_equal(vm_dir_create(vm_disk_root(h->vm), "x", VM_INODE_FILE, 0644, NULL, &inode, NULL), 0);
	assert_int_equal(vm_inode_write(inode, 0, "hello", 5, NULL), 5);
	assert_int_equal(put_text_to(f, "open /x\n"), 8);
	assert_reads(f, 0, "0\n");
	assert_int_equal(put_text_to(f, "recv 0 3\n"), 9);
	assert_reads(f, 0, "hel");
	assert_int_equal(file_end(f), 0);
}

static void a_content_stands_until_offset_0_is_read_again(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "clock", O_RDONLY);

	assert_reads(f, 0, "now=0.000000000 mode=auto pending=0 next=-\n");
	run_line(w, "clock", "advance 2s");
	assert_reads(f, 4, "0.000000000 mode=auto pending=0 next=-\n");
	assert_reads(f, 0, "now=2.000000000 mode=auto pending=0 next=-\n");
	assert_reads(f, 4, "2.000000000 mode=auto pending=0 next=-\n");
	assert_reads(f, 43, "");
	assert_reads(f, (uint64_t)INT64_MAX, "");
	assert_int_equal(file_end(f), 0);
}

static void sizes_are_exact(void **state)
{
	struct world *w = *state;
	static const char *const paths[] = { "clock", "README", "events", "proc/2/maps", "proc/2/ctl", "mem/stats" };

	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		struct node n = at(w, paths[i]);
		struct known *k = known_lookup(w, known_root(w), paths[i], &n);
		g_autofree char *text = read_path(w, paths[i]);

		assert_int_equal(file_size(w, k), strlen(text));
	}
}

static void renderings_are_bounded_and_go_with_their_nodes(void **state)
{
	struct world *w = *state;
	struct node n = at(w, "README");
	struct known *k = known_lookup(w, known_root(w), "README", &n);
	struct open_stats stats;
	size_t before = known_count(w);

	file_size(w, k);
	open_stats(w, &stats);
	assert_int_equal(stats.contents, 1);
	assert_true(stats.content_bytes > 100);
	known_forget(w, k, 1);
	open_stats(w, &stats);
	assert_int_equal(stats.contents, 0);
	assert_int_equal(stats.content_bytes, 0);
	assert_int_equal(known_count(w), before - 1);
}

static void node_numbers_are_never_used_twice(void **state)
{
	struct world *w = *state;
	struct node n = at(w, "clock");
	uint64_t last = 0;

	for (unsigned i = 0; i < 100; i++) {
		struct known *k = known_lookup(w, known_root(w), "clock", &n);
		uint64_t id = k->id;

		assert_int_not_equal(id, last);
		assert_ptr_equal(known_at(w, id), k);
		known_forget(w, k, 1);
		assert_null(known_at(w, id));
		last = id;
	}
}

static void a_file_in_which_a_command_waits_gets_another_number(void **state)
{
	struct world *w = *state;
	struct node n = at(w, "proc/2/ctl");
	struct known *first = known_lookup(w, known_root(w), "ctl", &n), *second;
	struct open_file *a = file_open(w, first, O_WRONLY, NULL), *b;
	size_t before = known_count(w);

	assert_false(file_is_busy(first, O_RDWR));
	assert_ptr_equal(known_lookup(w, known_root(w), "ctl", &n), first);
	file_waits(a, true);
	assert_true(file_is_busy(first, O_RDWR));
	assert_false(file_is_busy(first, O_RDONLY));
	second = known_lookup(w, known_root(w), "ctl", &n);
	assert_int_not_equal(second->id, first->id);
	assert_false(file_is_busy(second, O_WRONLY));
	b = file_open(w, second, O_WRONLY, NULL);
	assert_int_equal(put_text_to(a, "fork\n"), 5);
	assert_int_equal(put_text_to(b, "fork\n"), 5);
	file_waits(a, false);
	assert_int_equal(file_end(a), 0);
	known_forget(w, first, 2);
	assert_ptr_equal(known_of(w, &n), second);
	assert_int_equal(file_end(b), 0);
	assert_ptr_equal(known_lookup(w, known_root(w), "ctl", &n), second);
	known_forget(w, second, 2);
	assert_null(known_of(w, &n));
	assert_int_equal(known_count(w), before - 1);
}

static void a_dead_process_answers_esrch_and_never_another(void **state)
{
	struct world *w = *state;
	struct open_file *f, *old;
	struct node before;
	const char *bytes;
	struct err e = { 0 };

	run_line(w, "proc/2/ctl", "fork");
	before = at(w, "proc/3/maps");
	f = open_path(w, "proc/3/maps", O_RDONLY);
	old = open_path(w, "proc/3/maps", O_RDONLY);
	assert_true(file_read(old, 0, 10, &bytes, NULL) == 10);
	run_line(w, "proc/3/ctl", "exit");
	run_line(w, "proc/2/ctl", "wait");
	assert_false(node_alive(&before));
	assert_int_equal(file_read(f, 0, 10, &bytes, &e), -ESRCH);
	assert_int_equal(file_read(old, 0, 10, &bytes, &e), -ESRCH);
	assert_int_equal(file_read(old, 5, 10, &bytes, &e), 10);  /* what it had read stands */
	assert_int_equal(file_end(f), 0);
	assert_int_equal(file_end(old), 0);
}

static void others_read_what_the_mode_gives_and_write_nothing(void **state)
{
	struct world *w = *state;
	struct node clock = at(w, "clock"), memory = at(w, "proc/2/mem"), pagemap = at(w, "proc/2/pagemap");
	uid_t stranger = w->uid + 12345;

	assert_int_equal(file_access(&clock, O_RDONLY, stranger), 0);
	assert_int_equal(file_access(&clock, O_WRONLY, stranger), -EACCES);
	assert_int_equal(file_access(&clock, O_RDWR, stranger), -EACCES);
	assert_int_equal(file_access(&clock, O_RDONLY | O_TRUNC, stranger), -EACCES);
	assert_int_equal(file_access(&memory, O_RDONLY, stranger), -EACCES);
	assert_int_equal(file_access(&pagemap, O_RDONLY, stranger), -EACCES);
	assert_int_equal(file_access(&memory, O_RDWR, w->uid), 0);
	assert_int_equal(file_access(&memory, O_RDWR, 0), 0);
}

static void a_stream_gives_what_comes_and_counts_what_was_lost(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "events.follow", O_RDONLY);
	static const struct event_kind kind = { "test", "" };
	const char *bytes;
	ssize_t n;

	assert_int_equal(file_read(f, 0, 4096, &bytes, NULL), -EINPROGRESS);
	assert_false(file_ready(f));
	run_line(w, "proc/2/ctl", "fork");
	assert_true(file_ready(f));
	n = file_read(f, 0, 4096, &bytes, NULL);
	assert_true(n > 0);
	assert_non_null(g_strstr_len(bytes, n, "fork child=3\n"));
	assert_int_equal(file_read(f, 0, 4096, &bytes, NULL), -EINPROGRESS);
	for (unsigned i = 0; i < 65536 + 3; i++)
		journal_add(&w->journal, &kind, 1, 0);
	n = file_read(f, 0, 7, &bytes, NULL);
	assert_int_equal(n, 7);
	assert_memory_equal(bytes, "lost 3\n", 7);
	assert_int_equal(file_end(f), 0);
}

static void one_byte_at_a_time_is_the_same_stream(void **state)
{
	struct world *w = *state;
	struct open_file *whole = open_path(w, "events.json.follow", O_RDONLY),
			 *slow = open_path(w, "events.json.follow", O_RDONLY);
	g_autoptr(GString) a = g_string_new(NULL), b = g_string_new(NULL);
	const char *bytes;
	ssize_t n;

	run_line(w, "proc/2/ctl", "fork");
	run_line(w, "proc/2/ctl", "write 0x404000 41");
	while ((n = file_read(whole, 0, 1 << 20, &bytes, NULL)) > 0)
		g_string_append_len(a, bytes, n);
	while ((n = file_read(slow, 0, 1, &bytes, NULL)) > 0)
		g_string_append_len(b, bytes, n);
	assert_true(a->len > 50);
	assert_string_equal(a->str, b->str);
	assert_int_equal(file_end(whole), 0);
	assert_int_equal(file_end(slow), 0);
}

static void a_command_that_waits_is_tried_again(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_RDWR), *now = open_path(w, "proc/2/ctl", O_RDWR | O_NONBLOCK);
	static const char text[] = "fork\nwait\nfork\n";
	struct write_call c = { .file = f, .data = text, .len = sizeof text - 1, .writer = WRITER };

	assert_int_equal(file_write(&c, NULL), -EINPROGRESS);
	assert_int_equal(c.done, 5);
	assert_int_equal(put_text_to(now, "wait\n"), -EAGAIN);
	assert_int_equal(file_write(&c, NULL), -EINPROGRESS);
	run_line(w, "proc/3/ctl", "exit 7");
	assert_int_equal(file_write(&c, NULL), sizeof text - 1);
	assert_int_equal(processes(w), 3);
	assert_reads(f, 0, "4\n");
	assert_int_equal(file_end(f), 0);
	assert_int_equal(file_end(now), 0);
}

static void maps_are_collected_and_applied_at_close(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/maps", O_WRONLY | O_TRUNC);
	g_autofree char *before = read_path(w, "proc/2/maps"), *during, *after;

	assert_int_equal(put_text_to(f, "00010000-00012000 rw-p 00000000 00:00 0"), 39);
	assert_int_equal(flush(f, OTHER), 0);
	during = read_path(w, "proc/2/maps");
	assert_string_equal(during, before);
	assert_int_equal(put_text_to(f, " \n00020000-00021000 r--p 00000000 00:00 0 \n"), 43);
	assert_int_equal(flush(f, WRITER), 0);
	after = read_path(w, "proc/2/maps");
	assert_string_equal(after, "00010000-00012000 rw-p 00000000 00:00 0 \n00020000-00021000 r--p 00000000 00:00 0 \n");
	assert_int_equal(file_end(f), 0);
	assert_checked(w);
}

static void a_bad_map_changes_nothing_and_is_told_to_close(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/maps", O_WRONLY | O_TRUNC);
	g_autofree char *before = read_path(w, "proc/2/maps"), *after;

	assert_int_equal(put_text_to(f, "00010000-00012000 rw-p 00000000 00:00 0\nnonsense\n"), 49);
	assert_true(flush(f, WRITER) < 0);
	after = read_path(w, "proc/2/maps");
	assert_string_equal(after, before);
	assert_int_equal(errors(w), 1);
	assert_int_equal(file_end(f), 0);
}

static void mtimes_rise_with_every_change(void **state)
{
	struct world *w = *state;
	ns_t before = w->mtime;

	world_changed(w);
	assert_true(w->mtime > before);
	before = w->mtime;
	run_line(w, "clock", "advance 1s");
	assert_true(w->mtime >= before + NS_PER_S - 1000);
	assert_true(w->mtime > 0);
}

static void the_error_log_points_at_the_word(void **state)
{
	struct world *w = *state;
	struct open_file *f = open_path(w, "proc/2/ctl", O_WRONLY);
	g_autofree char *log = NULL;

	run_line(w, "clock", "advance 12.003456789s");
	assert_int_equal(put_text_to(f, "mprotect 0x601001 4096 r--\n"), -EINVAL);
	log = read_path(w, "error_log");
	assert_string_equal(strchr(log, ']'),
			    "] proc/2/ctl: error: mprotect: address 0x601001 is not page aligned\n"
			    "  mprotect 0x601001 4096 r--\n"
			    "           ^\n");
	assert_int_equal(strncmp(log, "[12.0034", 8), 0);
	for (unsigned i = 0; i < 100; i++)
		put_text_to(f, "nonsense\n");
	assert_int_equal(errors(w), 64);
	assert_int_equal(file_end(f), 0);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_run_in_order_within_the_write),
		TEST(a_short_write_without_a_newline_is_a_whole_command),
		TEST(lines_may_be_cut_anywhere),
		TEST(a_failing_line_behind_others_is_told_by_a_short_count),
		TEST(a_tail_runs_when_its_writer_closes),
		TEST(a_failing_tail_is_told_to_close),
		TEST(a_tail_that_nobody_flushed_runs_at_the_release),
		TEST(a_tail_in_a_failing_line_is_dropped),
		TEST(nul_bytes_bad_utf8_and_endless_lines_are_refused),
		TEST(an_open_file_reads_the_result_of_its_own_command),
		TEST(received_bytes_are_given_as_they_are),
		TEST(a_content_stands_until_offset_0_is_read_again),
		TEST(sizes_are_exact),
		TEST(renderings_are_bounded_and_go_with_their_nodes),
		TEST(node_numbers_are_never_used_twice),
		TEST(a_file_in_which_a_command_waits_gets_another_number),
		TEST(a_dead_process_answers_esrch_and_never_another),
		TEST(others_read_what_the_mode_gives_and_write_nothing),
		TEST(a_stream_gives_what_comes_and_counts_what_was_lost),
		TEST(one_byte_at_a_time_is_the_same_stream),
		TEST(a_command_that_waits_is_tried_again),
		TEST(maps_are_collected_and_applied_at_close),
		TEST(a_bad_map_changes_nothing_and_is_told_to_close),
		TEST(mtimes_rise_with_every_change),
		TEST(the_error_log_points_at_the_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
