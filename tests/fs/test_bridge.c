/* test_bridge.c - many sessions of a bridge at once, without a mount: real sockets of this process, a clock of its own. */
#include "net_test.h"

#include "bridge.h"
#include "inside.h"
#include "journal_file.h"
#include "ops.h"
#include "record.h"
#include "repeat.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SESSIONS = 24, ALL_BEGUN = 40, TURNS = 30, CROWDED_TURNS = 12, PIECE = 65536 };
#define TURN (10 * NS_PER_MS)     /* of real time, in which simulated time goes on by one way over the wire and back */
#define SLOWNESS 1e-3

/* A world with a bridge to a server of host0, and those who have come through it. */
struct crowd {
	struct world *w;
	char *dir, *path;            /* where the bridge listens */
	ns_t now;
	int client[SESSIONS];
	uint64_t got[SESSIONS], sent[SESSIONS];
};

/* A machine so slow that nothing takes less than a turn. */
static ns_t slow_wall(void)
{
	static ns_t now;

	return now += 5 * NS_PER_MS;
}

/* One that stops now and then, anywhere. */
static ns_t uneven_wall(void)
{
	static ns_t now;
	static unsigned looks;

	return now += looks++ % 17 ? NS_PER_US : 5 * NS_PER_MS;
}

static void turn(struct crowd *c)
{
	c->now += TURN;
	bridge_poll(c->w, c->now);
	world_tick(c->w, c->now);
}

static int come(const struct crowd *c)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_strlcpy(at.sun_path, c->path, sizeof at.sun_path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

static void crowd_new(struct crowd *c, const char *serve, const char *limits)
{
	*c = (struct crowd){ .w = two_hosts("server", "other"), .now = NS_PER_S };
	c->dir = g_dir_make_tmp("vitrine-bridge.XXXXXX", NULL);
	c->path = g_build_filename(c->dir, "at", NULL);
	run_line(c->w, "wires/lan0/rate", "0");  /* what is short is not the wire, whose queue is fair to nobody */
	gives(c->w, "host0", 2, serve, "0\n");
	run_line(c->w, "bridge/limits", limits);
	world_set_mode(c->w, CLOCK_REAL, SLOWNESS);
}

static void make_rule(struct crowd *c, unsigned port)
{
	g_autofree char *rule = g_strdup_printf("listen tcp unix:%s to host0:%u", c->path, port);

	run_line(c->w, "bridge/rules", rule);
}

static void all_come(struct crowd *c)
{
	for (unsigned i = 0; i < SESSIONS; i++) {
		c->client[i] = come(c);
		turn(c);
	}
}

static void all_go(struct crowd *c)
{
	for (unsigned i = 0; i < SESSIONS; i++)
		close(c->client[i]);
}

static void crowd_free(struct crowd *c)
{
	world_free(c->w);
	g_rmdir(c->dir);
	g_free(c->path);
	g_free(c->dir);
}

/* Each reads all that is there and says as much as it can. */
static void exchange(struct crowd *c, bool reads, bool writes)
{
	static char bytes[PIECE];
	ssize_t n;

	for (unsigned i = 0; i < SESSIONS; i++) {
		while (reads && (n = read(c->client[i], bytes, sizeof bytes)) > 0)
			c->got[i] += (uint64_t)n;
		while (writes && (n = write(c->client[i], bytes, sizeof bytes)) > 0)
			c->sent[i] += (uint64_t)n;
	}
}

/* Each within 20 % of the mean. */
static void assert_fair(const char *what, const uint64_t *bytes)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SESSIONS; i++)
		sum += bytes[i];
	for (unsigned i = 0; i < SESSIONS; i++)
		if (bytes[i] * SESSIONS * 5 < sum * 4 || bytes[i] * SESSIONS * 5 > sum * 6) {
			print_error("%s: session %u has %" PRIu64 " bytes, the mean is %" PRIu64 "\n",
				    what, i, bytes[i], sum / SESSIONS);
			assert_true(false);
		}
	assert_true(sum > SESSIONS * (uint64_t)PIECE);
}

static void share(const char *serve, unsigned port, bool reads, bool writes, bool slow)
{
	struct crowd c;

	/* More may come than have: some of the buffer is kept free for them. */
	crowd_new(&c, serve, "sessions=1000 rate=100000 buffer=3M");
	make_rule(&c, port);
	all_come(&c);
	c.w->wall = slow ? slow_wall : NULL;
	for (unsigned i = 0; i < (slow ? 8 : 1) * (ALL_BEGUN + TURNS); i++) {
		turn(&c);
		exchange(&c, reads, writes);
		if (i == (slow ? 8 : 1) * ALL_BEGUN) {
			memset(c.got, 0, sizeof c.got);
			memset(c.sent, 0, sizeof c.sent);
		}
	}
	if (reads)
		assert_fair("read", c.got);
	if (writes)
		assert_fair("written", c.sent);
	assert_checked(c.w);
	all_go(&c);
	crowd_free(&c);
}

static void downloads_are_fair(void **state)
{
	share("serve chargen 19 style=thread", 19, true, false, false);
	share("serve chargen 19 style=thread", 19, true, false, true);
}

static void uploads_are_fair(void **state)
{
	share("serve discard 9 style=thread", 9, false, true, false);
	share("serve discard 9 style=thread", 9, false, true, true);
}

static void echoes_are_fair(void **state)
{
	share("serve echo 7 style=thread", 7, true, true, false);
	share("serve echo 7 style=thread", 7, true, true, true);
}

/* What can be seen of a world, as one text. */
static char *look(struct world *w)
{
	static const char *const paths[] = { "clock", "events", "wires/lan0/stats", "hosts/gw/proc/net/snmp", "hosts/host0/proc/net/snmp" };
	GString *out = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
		g_autofree char *text = read_path(w, paths[i]);

		g_string_append_printf(out, "== %s\n%s", paths[i], text);
	}
	return g_string_free(out, FALSE);
}

/* The session that is written in `path`; what is seen at its end. */
static char *record_session(const char *path, const char *serve, unsigned port)
{
	struct err e = { 0 };
	struct crowd c;
	char *seen;

	crowd_new(&c, serve, "rate=100000");
	c.w->wall = uneven_wall;
	c.w->record = record_new(path, &e);
	record_begin(c.w->record);
	make_rule(&c, port);
	all_come(&c);
	for (unsigned i = 0; i < CROWDED_TURNS; i++) {
		turn(&c);
		exchange(&c, true, true);
	}
	all_go(&c);
	turn(&c);
	record_end(c.w);
	run_line(c.w, "clock", "manual");
	seen = look(c.w);
	record_free(g_steal_pointer(&c.w->record));
	crowd_free(&c);
	return seen;
}

static void repeats(const char *serve, unsigned port)
{
	g_autofree char *path = g_build_filename(g_get_tmp_dir(), "vitrine-crowd.XXXXXX", NULL), *then = NULL, *now = NULL;
	struct journal_file *j;
	struct err e = { 0 };
	struct crowd c;
	struct fs *fs;

	close(g_mkstemp(path));
	then = record_session(path, serve, port);
	crowd_new(&c, serve, "rate=100000");
	j = journal_file_open(path, &e);
	assert_non_null(j);
	c.w->repeat = j;
	make_rule(&c, port);
	fs = fs_new(c.w, "fsname=test");
	if (journal_repeat(fs, j, 0, &e))
		print_error("%s\n", e.why);
	assert_int_equal(e.code, 0);
	now = look(c.w);
	assert_string_equal(then, now);
	journal_file_free(j);
	fs_end_waits(fs);
	fs_free(fs);
	crowd_free(&c);
	g_unlink(path);
}

/* Turns that are cut short, because all takes long, are cut at the same places. */
static void a_crowded_session_repeats(void **state)
{
	repeats("serve echo 7 style=thread", 7);
	repeats("serve chargen 19 style=thread", 19);
}

/* A client of datagrams, of that path or else with a name that the kernel chooses: an abstract one. */
static int speak(const struct crowd *c, const char *path, const char *word)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	g_strlcpy(at.sun_path, path ?: "", sizeof at.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, path ? sizeof at : sizeof at.sun_family), 0);
	g_strlcpy(at.sun_path, c->path, sizeof at.sun_path);
	assert_int_equal(sendto(fd, word, strlen(word), 0, (struct sockaddr *)&at, sizeof at), strlen(word));
	return fd;
}

static void clients_with_abstract_names_are_told_apart(void **state)
{
	static const char *const words[] = { "one", "two" };
	g_autofree char *rule = NULL;
	struct crowd c;
	int fd[2];

	crowd_new(&c, "serve echo 7 proto=udp", "sessions=10");
	rule = g_strdup_printf("listen udp unix:%s to host0:7", c.path);
	run_line(c.w, "bridge/rules", rule);
	for (unsigned i = 0; i < 2; i++) {
		fd[i] = speak(&c, NULL, words[i]);
		turn(&c);
	}
	for (unsigned i = 0; i < TURNS; i++)
		turn(&c);
	for (unsigned i = 0; i < 2; i++) {
		char got[8] = "";

		assert_int_equal(recv(fd[i], got, sizeof got - 1, 0), 3);
		assert_string_equal(got, words[i]);
		close(fd[i]);
	}
	assert_int_equal(c.w->bridge->sessions.length, 2);
	crowd_free(&c);
}

static void a_client_with_a_newline_in_its_name_writes_no_event_of_its_own(void **state)
{
	g_autofree char *rule = NULL, *name = NULL, *events = NULL;
	struct crowd c;
	int fd;

	crowd_new(&c, "serve echo 7 proto=udp", "sessions=10");
	rule = g_strdup_printf("listen udp unix:%s to host0:7", c.path);
	name = g_strdup_printf("%s/\nlie", c.dir);
	run_line(c.w, "bridge/rules", rule);
	fd = speak(&c, name, "one");
	turn(&c);
	events = read_path(c.w, "events");
	assert_non_null(strstr(events, "_lie"));
	assert_null(strstr(events, "\nlie"));
	close(fd);
	unlink(name);
	crowd_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads_are_fair), cmocka_unit_test(uploads_are_fair), cmocka_unit_test(echoes_are_fair),
		cmocka_unit_test(a_crowded_session_repeats),
		cmocka_unit_test(clients_with_abstract_names_are_told_apart),
		cmocka_unit_test(a_client_with_a_newline_in_its_name_writes_no_event_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
