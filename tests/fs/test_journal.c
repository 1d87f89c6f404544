/* test_journal.c - journals repeated without a kernel: whole, cut at every byte, with any byte another, and hostile ones. */
#include "fs_test.h"

#include "inside.h"
#include "journal_file.h"
#include "node.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"

#include <unistd.h>

enum { TURNS = 2000 };

/* A session by hand: memory, a fork, a network that loses, files, a command in the background. */
static const char *const session[][2] = {
	{ "hosts/host0/ctl", "spawn demo\n" },
	{ "hosts/host0/proc/2/ctl", "write 0x404000 \"hello\"\nfork\n" },
	{ "hosts/host0/proc/3/ctl", "write 0x404000 \"child\"\nread 0x1\n" },
	{ "+wires", "lan0" }, { "+hosts", "b" },
	{ "+hosts/host0/net/ifs", "eth0" }, { "+hosts/b/net/ifs", "eth0" },
	{ "wires/lan0/loss", "20%\n" },
	{ "hosts/host0/net/ifs/eth0/wire", "lan0\n" }, { "hosts/b/net/ifs/eth0/wire", "lan0\n" },
	{ "hosts/host0/net/ifs/eth0/address", "10.0.0.1/24\n" }, { "hosts/b/net/ifs/eth0/address", "10.0.0.2/24\n" },
	{ "hosts/host0/net/ifs/eth0/up", "1\n" }, { "hosts/b/net/ifs/eth0/up", "1\n" },
	{ "hosts/host0/ctl", "2 ping 10.0.0.2 5 &\n" },
	{ "clock", "advance 3s\n" },
	{ "*hosts/host0/files", "a" },
	{ "hosts/host0/files/a", "text" },
	{ "-hosts/host0/files", "a" },
};

/* The journal that a daemon would write of it; the times and events are filled in by what the replay says. */
struct text { GString *s; unsigned file; };

static void put_step(struct text *t, struct world *w, const char *const step[2])
{
	char stamp[64];
	size_t len = strlen(step[1]);

	g_snprintf(stamp, sizeof stamp, "%" G_GUINT64_FORMAT ".%09" G_GUINT64_FORMAT " 0 %" G_GUINT64_FORMAT,
		   w->clock.now / NS_PER_S, w->clock.now % NS_PER_S, w->journal.next);
	switch (*step[0]) {
	case '+': g_string_append_printf(t->s, "%s mkdir %s %s 493\n", stamp, step[0] + 1, step[1]); return;
	case '*': g_string_append_printf(t->s, "%s create %s %s 420\n", stamp, step[0] + 1, step[1]); return;
	case '-': g_string_append_printf(t->s, "%s unlink %s %s\n", stamp, step[0] + 1, step[1]); return;
	}
	t->file++;
	g_string_append_printf(t->s, "%s open %u %s w\n%s write %u 0 %zu\n", stamp, t->file, step[0], stamp, t->file, len);
	g_string_append_len(t->s, step[1], (gssize)len);
	g_string_append_c(t->s, '\n');
}

struct machine { struct world *w; struct fs *fs; };

static struct machine machine_new(void)
{
	struct machine m = { .w = world_with("x86-64", 1 * MiB) };
	struct node root = tree_root(m.w);

	m.w->knowns = knowns_new(m.w, &root, "");
	m.fs = fs_new(m.w, "fsname=test");
	assert_non_null(m.fs);
	return m;
}

static void machine_free(struct machine m)
{
	assert_checked(m.w);
	fs_end_waits(m.fs);
	fs_free(m.fs);
	world_free(m.w);
}

static const char head[] = RECORD_MAGIC "\nseed 1\n\n";

static int repeat(struct machine m, const char *records, size_t len, struct err *e)
{
	GString *all = g_string_new(head);
	struct journal_file *j;
	int rc;

	g_string_append_len(all, records, (gssize)len);
	j = journal_file_of("test", g_string_free_to_bytes(all), e);
	assert_non_null(j);
	*e = (struct err){ 0 };
	rc = journal_repeat(m.fs, j, TURNS, e);
	journal_file_free(j);
	return rc;
}

/* What can be seen of a world, as one text. */
static char *look(struct world *w)
{
	static const char *const paths[] = { "events", "error_log", "clock", "proc/2/maps", "proc/3/maps", "proc/2/faults", "mem/frames",
					     "mem/stats", "wires/lan0/frames", "wires/lan0/stats", "hosts/b/net/neighbours", "hosts/host0/proc/2/ctl" };
	GString *out = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		struct node n;

		if (tree_path(w, paths[i], &n) == 0)
			node_show(&n, out, NULL);
		g_string_append_printf(out, "== %s\n", paths[i]);
	}
	return g_string_free(out, FALSE);
}

/* Step by step: each one's stamp is that of the world behind the steps before it. */
static GString *whole_journal(void)
{
	struct text t = { g_string_new(NULL), 0 };
	struct err e;

	for (unsigned i = 0; i < G_N_ELEMENTS(session); i++) {
		struct machine m = machine_new();

		if (repeat(m, t.s->str, t.s->len, &e) != -ENODATA)
			print_error("%s in\n%s", e.why, t.s->str);
		assert_int_equal(e.code, ENODATA);
		put_step(&t, m.w, session[i]);
		machine_free(m);
	}
	return t.s;
}

static void a_journal_gives_the_same_world_each_time(void **state)
{
	g_autoptr(GString) text = whole_journal();
	char *looks[2];
	struct err e = { 0 };

	for (unsigned i = 0; i < 2; i++) {
		struct machine m = machine_new();

		assert_int_equal(repeat(m, text->str, text->len, &e), -ENODATA);
		looks[i] = look(m.w);
		machine_free(m);
	}
	assert_string_equal(looks[0], looks[1]);
	assert_non_null(strstr(looks[0], "lost"));
	assert_non_null(strstr(looks[0], " fork "));
	g_free(looks[0]);
	g_free(looks[1]);
}

static void what_is_repeated_is_recorded_again(void **state)
{
	g_autoptr(GString) text = whole_journal();
	g_autofree char *path = g_strdup_printf("/tmp/vitrine-journal.%d", getpid()), *got = NULL;
	struct machine m = machine_new();
	struct err e = { 0 };
	gsize len;

	m.w->record = record_new(path, &e);
	assert_non_null(m.w->record);
	record_option(m.w->record, "seed", "1");
	record_begin(m.w->record);
	assert_int_equal(repeat(m, text->str, text->len, &e), -ENODATA);
	record_free(g_steal_pointer(&m.w->record));
	assert_true(g_file_get_contents(path, &got, &len, NULL));
	unlink(path);
	assert_memory_equal(got, head, strlen(head));
	assert_int_equal(len, strlen(head) + text->len);
	assert_memory_equal(got + strlen(head), text->str, text->len);
	machine_free(m);
}

static void a_cut_journal_is_repeated_up_to_its_last_record(void **state)
{
	g_autoptr(GString) text = whole_journal();

	for (size_t len = 0; len < text->len; len++) {
		struct machine m = machine_new();
		struct err e = { 0 };

		assert_int_equal(repeat(m, text->str, len, &e), -ENODATA);
		assert_non_null(strstr(e.why, "cut off"));
		machine_free(m);
	}
}

static void a_cut_header_is_no_journal(void **state)
{
	for (size_t len = 0; len < strlen(head); len++) {
		struct err e = { 0 };

		assert_null(journal_file_of("test", g_bytes_new(head, len), &e));
		assert_int_equal(e.code, EINVAL);
	}
}

static void another_byte_makes_no_harm(void **state)
{
	g_autoptr(GString) text = whole_journal();

	for (size_t at = 0; at < text->len; at++) {
		struct machine m = machine_new();
		struct err e = { 0 };
		char was = text->str[at];

		text->str[at] = (char)(at % 3 == 0 ? was ^ 1 : at % 3 == 1 ? '\n' : '9');
		repeat(m, text->str, text->len, &e);
		text->str[at] = was;
		machine_free(m);
	}
}

static void hostile_records_are_refused(void **state)
{
	static const struct { const char *record; int code; } cases[] = {
		{ "x", EBADMSG }, { "0.000000000 0", EBADMSG }, { "0.0 0 2 end", EBADMSG }, { "-1.000000000 0 2 end", EBADMSG },
		{ "0.000000000 0 1 nothing", EBADMSG }, { "0.000000000 0 9 end", EPROTO }, { "5.000000000 0 2 end", EPROTO },
		{ "99999999999999999999.000000000 0 1 end", EBADMSG }, { "0.000000000 99999999999999999999 1 end", EBADMSG },
		{ "0.000000000 7 1 end", EPROTO }, { "0.000000000 0 1 \"e", EBADMSG }, { "0.000000000 0 1 e\001d", EBADMSG },
		{ "0.000000000 0 1 mkdir hosts ../x 493", EBADMSG }, { "0.000000000 0 1 mkdir hosts . 493", EBADMSG },
		{ "0.000000000 0 1 mkdir hosts \"a/b\" 493", EBADMSG }, { "0.000000000 0 1 mkdir hosts \"\" 493", EBADMSG },
		{ "0.000000000 0 1 mkdir clock a 493", EBADMSG }, { "0.000000000 0 1 mkdir hosts", EBADMSG },
		{ "0.000000000 0 1 mkdir nowhere a 493", EPROTO }, { "0.000000000 0 1 mkdir hosts/host0/files//99 a 493", EPROTO },
		{ "0.000000000 0 1 mkdir // a 493", EPROTO }, { "0.000000000 0 1 rename hosts/host0/files a clock b 0", EBADMSG },
		{ "0.000000000 0 1 link hosts/host0/files a hosts", EBADMSG }, { "0.000000000 0 1 attr clock 8 0 0 0 0 0 0", EBADMSG },
		{ "0.000000000 0 1 attr hosts/host0/files x", EBADMSG }, { "0.000000000 0 1 symlink hosts/host0/files a", EBADMSG },
		{ "0.000000000 0 1 open 2 clock w", EBADMSG }, { "0.000000000 0 1 open 1 clock x", EBADMSG },
		{ "0.000000000 0 1 open 1 clock", EBADMSG }, { "0.000000000 0 1 write 1 0 1\n1", EPROTO },
		{ "0.000000000 0 1 open 1 hosts rw\n0.000000000 0 1 write 1 0 1\n1", EPROTO },
		{ "0.000000000 0 1 open 1 clock r\n0.000000000 0 1 write 1 0 1\n1", EBADMSG },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 write 1 99999999999999999999 1\n1", EBADMSG },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 write 1 9223372036854775807 1\n1", EBADMSG },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 write 1 0 1\n12", EBADMSG },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 release 1\n0.000000000 0 1 release 1", EPROTO },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 read 1 5", EBADMSG },
		{ "0.000000000 0 1 open 1 clock w\n0.000000000 0 1 poll 1", EBADMSG },
		{ "0.000000000 0 1 interrupt 0", EPROTO }, { "0.000000000 0 1 time 1", EBADMSG },
		{ "0.000000000 0 1 victim host0", EPROTO }, { "0.000000000 0 1 victim", EPROTO },
		{ "0.000000000 0 1 ready 0.000000000", EBADMSG }, { "0.000000000 0 1 now 0.000000000", EBADMSG },
		{ "0.000000000 0 1 answer device 5 6\n123456", EBADMSG }, { "0.000000000 0 1 break", EBADMSG },
		{ "0.000000000 0 1 answer frame", EBADMSG }, { "0.000000000 0 1 write 1 0 99999999999\n", ENODATA },
	};

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strconcat(cases[i].record, "\n", NULL);
		struct machine m = machine_new();
		struct err e = { 0 };
		int rc = repeat(m, text, strlen(text), &e);

		if (rc != -cases[i].code)
			print_error("%s: %d (%s)\n", cases[i].record, rc, e.why);
		assert_int_equal(rc, -cases[i].code);
		machine_free(m);
	}
}

/* A record of what another program gave, by where it begins, its last word, its bytes and the next record are. */
struct answer { size_t begin, last, bytes, end; };

/* The first one behind a->end. */
static bool next_answer(const GString *text, struct answer *a)
{
	bool found = false;

	while (!found && a->end < text->len) {
		g_autofree char *line = g_strndup(text->str + a->end, strcspn(text->str + a->end, "\n"));
		const char *last = strrchr(line, ' ');

		found = strstr(line, " answer ");
		a->begin = a->end;
		a->last = a->begin + (size_t)(last - line) + 1;
		a->bytes = a->begin + strlen(line) + 1;
		a->end = MIN(a->bytes + (found || strstr(line, " write ") ? strtoul(last, NULL, 10) + 1 : 0), text->len);
	}
	return found;
}

static void repeat_with(const GString *text, const struct answer *a, size_t keep, const char *instead)
{
	g_autoptr(GString) other = g_string_new_len(text->str, (gssize)keep);
	struct machine m = machine_new();
	struct err e = { 0 };

	g_string_append(other, instead);
	g_string_append_len(other, text->str + a->end, (gssize)(text->len - a->end));
	repeat(m, other->str, other->len, &e);
	machine_free(m);
}

static void an_answer_less_makes_no_harm(void **state)
{
	static const char *const cases[] = { FUZZ_CASES "/datagram", FUZZ_CASES "/tap", FUZZ_CASES "/listen", FUZZ_CASES "/allow" };

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *read = NULL;
		struct answer a = { 0 };
		unsigned count = 0;
		gsize len;

		assert_true(g_file_get_contents(cases[i], &read, &len, NULL));
		g_string_append_len(text, read, (gssize)len);
		for (; next_answer(text, &a); count++) {
			repeat_with(text, &a, a.begin, "");
			repeat_with(text, &a, a.last, "0\n\n");  /* it gave no bytes */
		}
		assert_in_range(count, 3, 100);
	}
}

/* What connect(2) says while it goes on, but without the descriptor that would tell its end. */
static void a_connection_without_a_descriptor_is_refused(void **state)
{
	g_autofree char *text = NULL;
	g_autoptr(GString) all = g_string_new(NULL);
	struct machine m = machine_new();
	struct err e = { 0 };
	char *at;
	gsize len;

	assert_true(g_file_get_contents(FUZZ_CASES "/allow", &text, &len, NULL));
	at = memmem(text, len, "answer connect ", strlen("answer connect "));
	assert_non_null(at);
	g_string_append_len(all, text, at - text);
	g_string_append(all, "answer connect -115 0\n\n");
	repeat(m, all->str, all->len, &e);
	assert_string_equal(strstr(e.why, ": "), ": the journal is cut off");
	assert_int_equal(m.w->bridge->sessions.length, 0);
	assert_int_equal(((const struct rule *)m.w->bridge->rules->pdata[0])->refused, 1);
	machine_free(m);
}

/* Of a replay whoever looks, and when: what went on outside has an end of its own, which is not the session's. */
static void what_a_journal_leaves_stands_however_long_it_is_looked_at(void **state)
{
	static const struct { const char *path; unsigned rules, sessions; } cases[] = { { FUZZ_CASES "/datagram", 1, 1 }, { FUZZ_CASES "/tap", 1, 0 } };

	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct machine m = machine_new();
		struct err e = { 0 };
		g_autofree char *text = NULL;
		uint64_t next;
		gsize len;

		assert_true(g_file_get_contents(cases[i].path, &text, &len, NULL));
		if (repeat(m, text, len, &e) && e.code != ENODATA)
			fail_msg("%s: %s", cases[i].path, e.why);
		assert_int_equal(m.w->bridge->rules->len, cases[i].rules);
		assert_int_equal(m.w->bridge->sessions.length, cases[i].sessions);
		next = m.w->journal.next;
		for (unsigned hours = 1; hours < 4; hours++) {
			bridge_poll(m.w, m.w->bridge->now + hours * 3600 * NS_PER_S);
			assert_false(bridge_busy(m.w));
			assert_int_equal(bridge_wake(m.w), 0);
		}
		assert_int_equal(m.w->bridge->sessions.length, cases[i].sessions);
		assert_int_equal(m.w->journal.next, next);
		machine_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_gives_the_same_world_each_time),
		cmocka_unit_test(what_is_repeated_is_recorded_again),
		cmocka_unit_test(a_cut_journal_is_repeated_up_to_its_last_record),
		cmocka_unit_test(a_cut_header_is_no_journal),
		cmocka_unit_test(another_byte_makes_no_harm),
		cmocka_unit_test(hostile_records_are_refused),
		cmocka_unit_test(an_answer_less_makes_no_harm),
		cmocka_unit_test(a_connection_without_a_descriptor_is_refused),
		cmocka_unit_test(what_a_journal_leaves_stands_however_long_it_is_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
