/*
 * test_fsm.c - every transition of RFC 9293 figure 5 and section 3.10: tests/cases/net/tcp_fsm.json.
 *
 * A row of the data is a state, an event, the next state and what is sent. Here is how each state is reached and
 * how each event looks, as script; the data says what must follow. A row for which there is no script fails.
 */
#include "json.h"
#include "lab.h"
#include "pkt_host.h"

#define LISTEN  "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
#define SYN_IN  "+0 < S 0:0(0) win 32792 <mss 1000>\n+0 > S. 0:0(0) ack 1 <...>\n"
#define ACTIVE  "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n" \
		"+0 connect(3, ..., ...) = -1 EINPROGRESS\n+0 > S 0:0(0) <...>\n"
#define OPEN    LISTEN SYN_IN "+.1 < . 1:1(0) ack 1 win 32792\n+0 accept(3, ..., ...) = 4\n"
#define CLOSE_4 "+0 close(4) = 0\n* > F. 1:1(0) ack 1\n"

static const struct { const char *state, *how; int number; } states[] = {
	{ "CLOSED", "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 fcntl(3, F_SETFL, O_NONBLOCK) = 0\n+0 bind(3, ..., ...) = 0\n",
	  NET_TCP_CLOSE },
	{ "LISTEN", LISTEN, NET_TCP_CLOSE }, /* the listener itself is not counted */
	{ "SYN-SENT", ACTIVE, NET_TCP_SYN_SENT },
	{ "SYN-RECEIVED", LISTEN SYN_IN, NET_TCP_SYN_RECV },
	{ "ESTABLISHED", OPEN, NET_TCP_ESTABLISHED },
	{ "FIN-WAIT-1", OPEN CLOSE_4, NET_TCP_FIN_WAIT1 },
	{ "FIN-WAIT-2", OPEN CLOSE_4 "+.01 < . 1:1(0) ack 2 win 32792\n", NET_TCP_FIN_WAIT2 },
	{ "CLOSING", OPEN CLOSE_4 "+.01 < F. 1:1(0) ack 1 win 32792\n+0 > . 2:2(0) ack 2\n", NET_TCP_CLOSING },
	{ "CLOSE-WAIT", OPEN "+.01 < F. 1:1(0) ack 1 win 32792\n", NET_TCP_CLOSE_WAIT },
	{ "LAST-ACK", OPEN "+.01 < F. 1:1(0) ack 1 win 32792\n+0 close(4) = 0\n* > F. 1:1(0) ack 2\n", NET_TCP_LAST_ACK },
	{ "TIME-WAIT", OPEN CLOSE_4 "+.01 < F. 1:1(0) ack 2 win 32792\n+0 > . 2:2(0) ack 2\n", NET_TCP_TIME_WAIT },
};

/* `prefix` replaces the usual way into the state; `after` checks what must have been sent. */
static const struct { const char *state, *event, *prefix, *script, *after; } events[] = {
	{ "CLOSED", "app listen", NULL, "+0 listen(3, 1) = 0\n", SYN_IN },
	{ "CLOSED", "app connect", NULL, "+0 connect(3, ..., ...) = -1 EINPROGRESS\n", "+0 > S 0:0(0) <...>\n" },
	{ "LISTEN", "rcv SYN", NULL, "+0 < S 0:0(0) win 1000\n", "+0 > S. 0:0(0) ack 1 <...>\n" },
	{ "LISTEN", "rcv RST", NULL, "+0 < R 0:0(0) win 0\n", SYN_IN },
	{ "LISTEN", "rcv ACK", NULL, "+0 < . 5:5(0) ack 1000 win 100\n", "+0 > R 1000:1000(0)\n" },
	{ "LISTEN", "app close", NULL, "+0 close(3) = 0\n+0 < S 0:0(0) win 100\n", "+0 > R. 0:0(0) ack 1\n" },
	{ "SYN-SENT", "rcv SYN,ACK acceptable", NULL, "+.1 < S. 0:0(0) ack 1 win 1000\n", "+0 > . 1:1(0) ack 1\n" },
	{ "SYN-SENT", "rcv SYN", NULL, "+.1 < S 0:0(0) win 1000\n", "+0 > S. 0:0(0) ack 1 <...>\n" },
	{ "SYN-SENT", "rcv RST,ACK acceptable", NULL, "+.1 < R. 0:0(0) ack 1 win 0\n",
	  "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0\n" },
	{ "SYN-SENT", "rcv ACK unacceptable", NULL, "+.1 < . 0:0(0) ack 77 win 100\n", "+0 > R 77:77(0)\n" },
	{ "SYN-SENT", "app close", NULL, "+.1 close(3) = 0\n", "" },
	{ "SYN-RECEIVED", "rcv ACK of SYN", NULL, "+.1 < . 1:1(0) ack 1 win 1000\n", "+0 accept(3, ..., ...) = 4\n" },
	{ "SYN-RECEIVED", "rcv RST (passive)", NULL, "+.1 < R 1:1(0) win 0\n", SYN_IN },
	{ "SYN-RECEIVED", "rcv RST (active)", ACTIVE "+.1 < S 0:0(0) win 100\n+0 > S. 0:0(0) ack 1 <...>\n", "+.1 < R 1:1(0) win 0\n",
	  "+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0\n" },
	{ "SYN-RECEIVED", "app close", ACTIVE "+.1 < S 0:0(0) win 100\n+0 > S. 0:0(0) ack 1 <...>\n", "+.1 close(3) = 0\n",
	  "* > F. 1:1(0) ack 1\n" },
	{ "ESTABLISHED", "app close", NULL, "+0 close(4) = 0\n", "+0 > F. 1:1(0) ack 1\n" },
	{ "ESTABLISHED", "rcv FIN", NULL, "+0 < F. 1:1(0) ack 1 win 100\n", "* > . 1:1(0) ack 2\n" },
	{ "ESTABLISHED", "rcv RST exact", NULL, "+0 < R. 1:1(0) ack 1 win 0\n", "+0 read(4, ..., 1) = -1 ECONNRESET\n" },
	{ "ESTABLISHED", "rcv RST in window not exact", NULL, "+0 < R. 9:9(0) ack 1 win 0\n", "+0 > . 1:1(0) ack 1\n" },
	{ "ESTABLISHED", "rcv SYN", NULL, "+0 < S 9:9(0) win 100\n", "+0 > . 1:1(0) ack 1\n" },
	{ "FIN-WAIT-1", "rcv ACK of FIN", NULL, "+0 < . 1:1(0) ack 2 win 100\n", "" },
	{ "FIN-WAIT-1", "rcv FIN", NULL, "+0 < F. 1:1(0) ack 1 win 100\n", "+0 > . 2:2(0) ack 2\n" },
	{ "FIN-WAIT-1", "rcv FIN,ACK of FIN", NULL, "+0 < F. 1:1(0) ack 2 win 100\n", "+0 > . 2:2(0) ack 2\n" },
	{ "FIN-WAIT-2", "rcv FIN", NULL, "+0 < F. 1:1(0) ack 2 win 100\n", "+0 > . 2:2(0) ack 2\n" },
	{ "CLOSING", "rcv ACK of FIN", NULL, "+0 < . 2:2(0) ack 2 win 100\n", "" },
	{ "CLOSE-WAIT", "app close", NULL, "+0 close(4) = 0\n", "* > F. 1:1(0) ack 2\n" },
	{ "LAST-ACK", "rcv ACK of FIN", NULL, "+0 < . 2:2(0) ack 2 win 100\n", "" },
	{ "TIME-WAIT", "2MSL timeout", NULL, "+60.1 tcp_state() = 7\n", "" },
	/* 59 s later it is still there: the clock began anew */
	{ "TIME-WAIT", "rcv FIN", NULL, "+30 < F. 1:1(0) ack 2 win 100\n+0 > . 2:2(0) ack 2\n", "+59 tcp_state() = 6\n" },
	{ "TIME-WAIT", "rcv RST exact", NULL, "+0 < R 2:2(0) win 0\n", "" },
	{ "TIME-WAIT", "rcv SYN seq>RCV.NXT or newer timestamp", NULL, "+1 < S 1000:1000(0) win 100\n", "+0 > S. 0:0(0) ack 1001 <...>\n" },
};

static const char *script_into(const char *state, int *number)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(states); i++)
		if (strcmp(states[i].state, state) == 0) {
			*number = states[i].number;
			return states[i].how;
		}
	fail_msg("no script reaches %s", state);
	return NULL;
}

static void run_row(const char *state, const char *event, const char *next)
{
	int before = 0, after = 0, found = -1;
	const char *how = script_into(state, &before);
	GString *text = g_string_new(NULL), *why = g_string_new(NULL);
	struct pkt_script *script;
	bool good;

	script_into(next, &after);
	for (unsigned i = 0; i < G_N_ELEMENTS(events); i++)
		if (strcmp(events[i].state, state) == 0 && strcmp(events[i].event, event) == 0)
			found = (int)i;
	if (found < 0)
		fail_msg("no script for %s in %s", event, state);
	g_string_append_printf(text, "%s+0 tcp_state() = %d\n%s+0 tcp_state() = %d\n%s",
			       events[found].prefix ? events[found].prefix : how, before, events[found].script, after,
			       events[found].after);
	script = pkt_parse(text->str);
	good = pkt_run(script, &pkt_ours, why) == PKT_RIGHT;
	if (!good)
		print_error("%s, %s -> %s: %s\n%s", state, event, next, why->str, text->str);
	pkt_script_free(script);
	g_string_free(text, TRUE);
	g_string_free(why, TRUE);
	assert_true(good);
}

static void rfc9293_every_transition(void **state)
{
	struct json *all = json_read("tcp_fsm.json");
	const struct json *rows = json_need(all, "transitions");

	assert_int_equal(json_count(rows), G_N_ELEMENTS(events));
	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);

		run_row(json_text(row, "state"), json_text(row, "event"), json_text(row, "next"));
	}
	json_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rfc9293_every_transition) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
