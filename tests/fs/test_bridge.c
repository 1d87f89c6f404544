/* test_bridge.c - many sessions of a bridge at once, without a mount: real sockets of this process, a clock of its own. */
#include "net_test.h"

#include "bridge.h"
#include "serve.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SESSIONS = 24, ALL_BEGUN = 40, TURNS = 30, PIECE = 65536 };
#define TURN (10 * NS_PER_MS)     /* of real time, in which simulated time goes on by one way over the wire and back */
#define SLOWNESS 1e-3

/* A world with a bridge to a server of host0, and those who have come through it. */
struct crowd {
	struct world *w;
	char *dir, *path;
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

static void crowd_open(struct crowd *c, const char *serve, unsigned port)
{
	g_autofree char *rule = NULL;

	*c = (struct crowd){ .w = two_hosts("server", "other"), .now = NS_PER_S };
	c->dir = g_dir_make_tmp("vitrine-bridge.XXXXXX", NULL);
	c->path = g_build_filename(c->dir, "at", NULL);
	rule = g_strdup_printf("listen tcp unix:%s to host0:%u", c->path, port);
	run_line(c->w, "wires/lan0/rate", "0");  /* what is short is not the wire, whose queue is fair to nobody */
	gives(c->w, "host0", 2, serve, "0\n");
	/* More may come than have: some of the buffer is kept free for them, and what is left does not suffice for 16K each. */
	run_line(c->w, "bridge/limits", "sessions=1000 rate=100000 buffer=3M");
	run_line(c->w, "bridge/rules", rule);
	world_set_mode(c->w, CLOCK_REAL, SLOWNESS);
	for (unsigned i = 0; i < SESSIONS; i++) {
		c->client[i] = come(c);
		turn(c);
	}
}

static void crowd_close(struct crowd *c)
{
	for (unsigned i = 0; i < SESSIONS; i++)
		close(c->client[i]);
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

	crowd_open(&c, serve, port);
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
	crowd_close(&c);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads_are_fair), cmocka_unit_test(uploads_are_fair), cmocka_unit_test(echoes_are_fair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
