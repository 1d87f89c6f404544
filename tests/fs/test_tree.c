/* test_tree.c - the rows walk themselves; every file of the tree obeys the rules that hold everywhere. */
#include "fs_test.h"
#include "events.h"
#include "node.h"
#include "open.h"
#include "process.h"
#include "root.h"

/* Something in every file of wires/ and net/. */
static void set_up_network(struct world *w)
{
	static const char *const lines[][2] = {
		{ "net/ifs/eth0/wire", "lan0" }, { "net/ifs/eth0/address", "10.0.0.1/24" }, { "net/ifs/eth0/up", "1" },
		{ "net/neighbours", "add 10.0.0.2 02:00:00:00:00:02" }, { "net/routes", "add default via 10.0.0.2" },
		{ "proc/2/ctl", "socket tcp" }, { "proc/2/ctl", "socket udp" }, { "proc/2/ctl", "sendto 1 10.0.0.9:9 \"x\"" },
		{ "proc/2/ctl", "bind 0 0.0.0.0:80" }, { "proc/2/ctl", "listen 0" },
	};
	struct node wires = at(w, "wires"), ifs = at(w, "net/ifs");
	struct err e = { 0 };

	assert_int_equal(wires.row->dynamic->mkdir(&wires, "lan0", 0755, &e), 0);
	assert_int_equal(ifs.row->dynamic->mkdir(&ifs, "eth0", 0755, &e), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		run_line(w, lines[i][0], lines[i][1]);
}

static int setup(void **state)
{
	struct world *w = world_with("x86-64", 4 * MiB);
	struct node root = tree_root(w);

	w->knowns = knowns_new(w, &root, "");
	run_line(w, "hosts/host0/ctl", "spawn demo");
	run_line(w, "proc/2/ctl", "touch 0x402000 16K w");
	run_line(w, "proc/2/ctl", "fork");
	set_up_network(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* One row, under the name by which a person finds it again. */
static void assert_row_is_whole(const struct row *r)
{
	bool readable = r->show || r->store || r->fill || r->bytes || r->stream || r->kind == ROW_DIRECTORY ||
			r->kind == ROW_SPECIAL || r->attr;
	bool writable = r->store || (r->bytes && r->bytes->write) || (r->stream && r->stream->write) ||
			(r->dynamic && (r->dynamic->mkdir || r->dynamic->create));

	if (!r->kind || !readable)
		print_error("row %s: nothing to read\n", r->name);
	assert_true(r->kind && readable);
	if (r->kind != ROW_LINK && r->kind != ROW_SPECIAL && !r->attr && writable != !!(r->mode & 0200))
		print_error("row %s: mode %o, writable %d\n", r->name, r->mode, writable);
	assert_true(r->kind == ROW_LINK || r->kind == ROW_SPECIAL || r->attr || writable == !!(r->mode & 0200));
	assert_int_equal(r->mode & ~07777u, 0);
	if (r->kind == ROW_TABLE)
		assert_true(r->columns && r->fill);
	if (r->help && !help_exists(r->help))
		print_error("row %s: no text help/%s\n", r->name, r->help);
	assert_true(!r->help || help_exists(r->help));
	if (r->stream)
		assert_true(r->flags & ROW_UNLISTED);
}

static void assert_rows_are_whole(const struct row *rows)
{
	for (const struct row *r = rows; r && r->name; r++) {
		assert_row_is_whole(r);
		for (const struct row *other = rows; other != r; other++)
			assert_string_not_equal(other->name, r->name);
		assert_rows_are_whole(r->rows);
	}
}

static void every_row_is_whole(void **state)
{
	assert_rows_are_whole(root_row.rows);
	assert_rows_are_whole(host_rows);
	assert_rows_are_whole(proc_rows);
	assert_rows_are_whole(process_rows);
	assert_rows_are_whole(mem_rows);
}

static unsigned missing_help(const struct row *rows)
{
	unsigned missing = 0;

	for (const struct row *r = rows; r && r->name; r++) {
		missing += !r->help;
		if (!r->help)
			print_message("%s names no text of help/\n", r->name);
	}
	return missing;
}

static void every_file_beyond_linux_has_help(void **state)
{
	assert_int_equal(missing_help(root_row.rows), 0);
	assert_int_equal(missing_help(host_rows), 0);
	assert_int_equal(missing_help(process_rows), 0);
	assert_int_equal(missing_help(mem_rows), 0);
}

/* The whole tree */

struct walk { unsigned files, directories, links; };

static void look_at_file(struct world *w, const struct node *n, const char *path)
{
	struct known *k = known_lookup(w, known_root(w), path, n);
	g_autoptr(GString) first = g_string_new(NULL), again = g_string_new(NULL);
	struct err e = { 0 };

	if (n->row->kind == ROW_BYTES) {
		known_forget(w, k, 1);
		return;
	}
	if (node_show(n, first, &e)) {
		print_error("%s: %s\n", path, e.why);
		assert_true(false);
	}
	assert_int_equal(file_size(w, k), first->len);
	assert_int_equal(node_show(n, again, &e), 0);
	assert_int_equal(first->len, again->len);
	assert_memory_equal(first->str, again->str, first->len);
	if (!(n->row->flags & ROW_RAW) && first->len) {
		if (first->str[first->len - 1] != '\n' || !g_utf8_validate(first->str, (gssize)first->len, NULL))
			print_error("%s: no line of text at its end\n", path);
		assert_true(first->str[first->len - 1] == '\n');
	}
	known_forget(w, k, 1);
}

static void walk_below(struct world *w, const struct node *dir, const char *path, struct walk *seen)
{
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	uint64_t cookie = 0;
	char name[256];
	struct node child, found;

	while (tree_list(dir, &cookie, name, &child)) {
		g_autofree char *here = g_strdup_printf("%s/%s", path, name);
		struct stat st, entry = { 0 };

		if (!g_hash_table_add(names, g_strdup(name)))
			print_error("%s: twice\n", here);
		if (tree_find(dir, name, &found))
			print_error("%s: listed, not found\n", here);
		assert_int_equal(tree_find(dir, name, &found), 0);
		assert_true(node_equal(&child, &found));
		assert_int_equal(tree_attr(&child, &st), 0);
		assert_int_equal(tree_entry(&child, &entry), 0);
		assert_int_equal(entry.st_mode, st.st_mode);
		assert_int_equal(entry.st_ino, st.st_ino);
		assert_true(st.st_mtim.tv_sec > 0 && st.st_ino > 0);
		assert_true(node_alive(&child));
		assert_true(child.row->kind != ROW_STREAM);
		switch (child.row->kind) {
		case ROW_DIRECTORY:
			seen->directories++;
			walk_below(w, &child, here, seen);
			break;
		case ROW_LINK:
			seen->links++;
			break;
		default:
			seen->files++;
			look_at_file(w, &child, here);
		}
	}
	assert_false(tree_list(dir, &cookie, name, &child));
}

static void the_whole_tree_reads_and_reading_changes_nothing(void **state)
{
	struct world *w = *state;
	struct node root = tree_root(w);
	struct walk seen = { 0 };
	uint64_t generation = w->generation, events = w->journal.next;
	ns_t now = w->clock.now;
	struct host *h = w->hosts->pdata[0];
	struct vm_stats before = *vm_stats(h->vm);

	walk_below(w, &root, "", &seen);
	print_message("%u files, %u directories, %u links\n", seen.files, seen.directories, seen.links);
	assert_true(seen.files > 200 && seen.directories > 20 && seen.links > 5);
	assert_int_equal(w->generation, generation);
	assert_int_equal(w->journal.next, events);
	assert_int_equal(w->clock.now, now);
	assert_memory_equal(&before, vm_stats(h->vm), sizeof before);
	assert_int_equal(w->errors.length, 0);
	assert_checked(w);
}

static void cookies_stay_when_others_come_and_go(void **state)
{
	struct world *w = *state;
	struct node dir = at(w, "proc"), child;
	uint64_t cookie = 0;
	char name[256];
	unsigned seen = 0;

	run_line(w, "hosts/host0/ctl", "spawn -n 50 crowd");
	while (tree_list(&dir, &cookie, name, &child)) {
		if (!g_ascii_isdigit(*name))
			continue;
		seen++;
		if (!strcmp(name, "20")) {  /* one goes before, one behind, one comes */
			run_line(w, "proc/10/ctl", "exit");
			run_line(w, "proc/40/ctl", "exit");
			run_line(w, "proc/2/ctl", "fork");
		}
	}
	assert_int_equal(seen, 3 + 50 - 1 + 1);
}

static void tables_are_also_json_and_csv(void **state)
{
	struct world *w = *state;
	g_autofree char *text = read_path(w, "mem/frames"), *json = read_path(w, "mem/frames.json"),
		       *csv = read_path(w, "mem/frames.csv");
	struct node dir = at(w, "mem"), child;

	assert_int_equal(strncmp(text, "pfn", 3) * strncmp(text, " ", 1), 0);
	assert_int_equal(strncmp(json, "[{\"pfn\":", 8), 0);
	assert_int_equal(strncmp(csv, "pfn,", 4), 0);
	assert_int_equal(tree_find(&dir, "stats.json", &child), -ENOENT);
	assert_int_equal(tree_find(&dir, ".json", &child), -ENOENT);
	assert_int_equal(tree_find(&dir, "frames.json.csv", &child), -ENOENT);
}

static void names_that_are_not_there(void **state)
{
	struct world *w = *state;
	struct node root = tree_root(w), child;
	g_autofree char *longest = g_strnfill(256, 'x');

	assert_int_equal(tree_find(&root, "nothing", &child), -ENOENT);
	assert_int_equal(tree_find(&root, longest, &child), -ENAMETOOLONG);
	assert_int_equal(tree_path(w, "clock/x", &child), -ENOTDIR);
	assert_int_equal(tree_path(w, "proc/99", &child), -ENOENT);
	assert_int_equal(tree_path(w, "proc/../clock", &child), -ENOENT);  /* proc is a link */
	assert_int_equal(tree_path(w, "hosts/host0/../../clock", &child), 0);
}

/* What the kernel may remember for ever: only a process's directory is known to have no other names, nor to make way for others. */
static void names_that_are_never_there(void **state)
{
	struct world *w = *state;
	struct node process = at(w, "proc/2"), task = at(w, "proc/2/task"), fds = at(w, "proc/2/fd"), proc = at(w, "hosts/host0/proc");

	assert_true(tree_never_there(&process, "ctty"));
	assert_true(tree_never_there(&process, ""));
	assert_true(tree_never_there(&process, "stat.json"));
	assert_false(tree_never_there(&process, "stat"));
	assert_false(tree_never_there(&process, "exe"));            /* not listed now */
	assert_false(tree_never_there(&process, "pagetable.json"));
	assert_false(tree_never_there(&process, "children"));       /* a thread with that number has it */
	for (const struct row *r = process_rows; r->name; r++)
		assert_false(tree_never_there(&process, r->name));
	for (const struct row *r = task_rows; r->name; r++)
		assert_false(tree_never_there(&process, r->name));
	assert_false(tree_never_there(&proc, "99"));
	assert_false(tree_never_there(&proc, "nothing"));
	assert_false(tree_never_there(&task, "9"));
	assert_false(tree_never_there(&fds, "9"));
}

static void hosts_come_and_go(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	struct node before, other;

	assert_int_equal(world_add_host(w, "b", &e), 0);
	before = at(w, "hosts/b/proc/1/maps");
	assert_int_equal(world_add_host(w, "b", &e), -EEXIST);
	assert_int_equal(world_add_host(w, "a b", &e), -EINVAL);
	assert_int_equal(world_add_host(w, "", &e), -EINVAL);
	assert_int_equal(world_remove_host(w, "host0", &e), -EBUSY);
	assert_int_equal(world_remove_host(w, "c", &e), -ENOENT);
	assert_int_equal(world_remove_host(w, "b", &e), 0);
	assert_false(node_alive(&before));
	assert_int_equal(world_add_host(w, "b", &e), 0);
	other = at(w, "hosts/b/proc/1/maps");
	assert_false(node_equal(&before, &other));
	assert_false(node_alive(&before));
	assert_checked(w);
}

static void reset_gives_the_world_of_the_beginning(void **state)
{
	struct world *w = *state;
	g_autofree char *events, *clock;
	struct node n;

	run_line(w, "clock", "advance 5s");
	run_line(w, "ctl", "reset");
	assert_int_equal(tree_path(w, "proc/2", &n), -ENOENT);
	events = read_path(w, "events");
	clock = read_path(w, "clock");
	assert_string_equal(clock, "now=0.000000000 mode=auto pending=0 next=-\n");
	assert_ptr_equal(strchr(events, '\n')[1], '\0');
	run_line(w, "hosts/host0/ctl", "spawn demo");
	assert_int_equal(tree_path(w, "proc/2", &n), 0);
}

static void the_same_commands_give_the_same_bytes(void **state)
{
	struct world *w = *state, *other;
	static const char *const paths[] = { "events", "events.json", "mem/frames", "proc/2/pagetable", "proc/3/smaps",
					     "mem/stats", "check" };

	assert_int_equal(setup((void **)&other), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *a = read_path(w, paths[i]), *b = read_path(other, paths[i]);

		assert_string_equal(a, b);
	}
	world_free(other);
}

static const struct event_kind test_kind = { "test", "va:x n:d t:t name:s nice:i kind:d" };

static void events_print_as_their_kind_says(void **state)
{
	struct world *w = *state;
	g_autoptr(GString) text = g_string_new(NULL), json = g_string_new(NULL);
	struct event *e = journal_add(&w->journal, &test_kind, 1, 2);
	g_autofree char *seq = g_strdup_printf("%" G_GUINT64_FORMAT, (guint64)e->seq), *wanted;

	e->value[0] = 0x1000;
	e->value[1] = JOURNAL_NONE;
	e->value[2] = 1500000000;
	e->value[3] = (uint64_t)-1;
	e->value[4] = 7;
	e->text = g_strdup("x\"y");
	event_print(w, FORMAT_TEXT, e, text);
	event_print(w, FORMAT_JSON, e, json);
	assert_non_null(strstr(text->str, "host0   2     test va=0x1000 n=- t=1.500000000 name=x\"y nice=-1 kind=7\n"));
	wanted = g_strdup_printf("{\"seq\":%s,\"time\":%" G_GUINT64_FORMAT ",\"host\":\"host0\",\"pid\":2,\"kind\":\"test\","
				 "\"va\":\"0x1000\",\"n\":null,\"t\":1500000000,\"name\":\"x\\\"y\",\"nice\":-1,\"test_kind\":7}\n", seq, (guint64)e->time);
	assert_string_equal(json->str, wanted);
}

static void the_ring_of_events_is_rendered_bit_by_bit_as_at_once(void **state)
{
	struct world *w = *state;
	static const struct event_kind kind = { "tick", "n:d" };

	for (unsigned i = 0; i < 200; i++) {
		for (unsigned k = 0; k < 1000; k++)
			journal_add(&w->journal, &kind, 1, (int32_t)k)->value[0] = i;
		if (i % 7 == 0)
			g_free(read_path(w, "events"));
	}
	{
		g_autofree char *kept = read_path(w, "events");
		g_autoptr(GString) fresh = g_string_new(NULL);

		for (uint64_t s = journal_oldest(&w->journal); s < w->journal.next; s++)
			event_print(w, FORMAT_TEXT, journal_at(&w->journal, s), fresh);
		assert_string_equal(strchr(kept, '\n') + 1, fresh->str);
	}
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_row_is_whole),
		TEST(every_file_beyond_linux_has_help),
		TEST(the_whole_tree_reads_and_reading_changes_nothing),
		TEST(cookies_stay_when_others_come_and_go),
		TEST(tables_are_also_json_and_csv),
		TEST(names_that_are_not_there),
		TEST(names_that_are_never_there),
		TEST(hosts_come_and_go),
		TEST(reset_gives_the_world_of_the_beginning),
		TEST(the_same_commands_give_the_same_bytes),
		TEST(events_print_as_their_kind_says),
		TEST(the_ring_of_events_is_rendered_bit_by_bit_as_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
