/* test_service.c - what built-in servers say: the small services, HTTP's strictness (RFC 9110, 9112). */
#include "lab.h"
#include "net_service.h"

#include <errno.h>

static int a_file(void *unused, const char *path, GString *out)
{
	if (!strcmp(path, "/hello.txt") || !strcmp(path, "/a b.txt") || !strcmp(path, "/index.html")) {
		g_string_append(out, "hello\n");
		return 0;
	}
	return !strcmp(path, "/secret") ? -EACCES : !strcmp(path, "/dir") ? -EISDIR : -ENOENT;
}

static const struct net_service_env env = { .time = (ns_t)784111777 * NS_PER_S, .file = a_file };

/* All that is said to `in`, given whole or byte by byte; *open: whether it would go on. */
static char *say(const char *name, const char *in, size_t len, size_t step, bool *open)
{
	const struct net_service *s = net_service_named(name);
	void *state = s->open();
	GString *out = g_string_new(NULL);

	*open = true;
	for (size_t at = 0; at < len && *open; at += step) {
		GString *more = g_string_new(NULL);

		*open = s->input(state, &env, in + at, MIN(step, len - at), false, more);
		g_string_append_len(out, more->str, (gssize)more->len);
		g_string_free(more, TRUE);
	}
	s->close(state);
	return g_string_free(out, FALSE);
}

static void the_small_services(void **state)
{
	g_autofree char *text = NULL, *more = NULL;
	bool open;

	text = say("echo", "abc", 3, 1, &open);
	assert_string_equal(text, "abc");
	assert_true(open);
	g_free(text);
	text = say("discard", "abc", 3, 3, &open);
	assert_string_equal(text, "");
	g_free(text);
	text = say("daytime", "x", 1, 1, &open);
	assert_string_equal(text, "Sunday, November 6, 1994 08:49:37-UTC\r\n");
	assert_false(open);
	more = say("chargen", "x", 1, 1, &open);
	assert_true(g_str_has_prefix(more, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n"
				     "!\"#$"));
	assert_null(net_service_named("gopher"));
}

static void assert_http(const char *request, const char *status, bool stays)
{
	for (size_t step = strlen(request); step; step = step > 1 ? 1 : 0) {
		bool open;
		g_autofree char *said = say("http", request, strlen(request), step, &open);

		if (!g_str_has_prefix(said, status) || open != stays)
			print_error("%s\n-> %s(%s)\n", request, said, open ? "open" : "closed");
		assert_true(g_str_has_prefix(said, status));
		assert_int_equal(open, stays);
	}
}

/* RFC 9112 3: the request line; 9110 6.6.1: Date */
static void rfc9112_3_a_file_is_served(void **state)
{
	bool open;
	const char *get = "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n";
	g_autofree char *said = say("http", get, strlen(get), 1, &open);

	assert_string_equal(said, "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: vitrine\r\n"
				  "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
	assert_true(open);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("GET /a%20b.txt?x=1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("GET http://h/hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("GET /none HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 404", true);
	assert_http("GET /dir HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 404", true);
	assert_http("GET /secret HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 403", true);
}

static void rfc9110_9_3_2_head_has_no_body(void **state)
{
	const char *head = "HEAD /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n";
	bool open;
	g_autofree char *said = say("http", head, strlen(head), 7, &open);

	assert_true(g_str_has_suffix(said, "Content-Length: 6\r\n\r\n"));
}

/* RFC 9112 9.3: who closes */
static void rfc9112_9_3_connections_stay_or_close(void **state)
{
	assert_http("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200", false);
	assert_http("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", "HTTP/1.1 200", false);
}

/* RFC 9112 9.3.2: pipelining; a body is skipped */
static void rfc9112_9_3_2_requests_follow_each_other(void **state)
{
	const char *three = "GET /hello.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /HEAD /none HTTP/1.1\r\nHost: h\r\n\r\n"
			    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
	unsigned count = 0;
	bool open;

	for (size_t step = 1; step < 80; step++) {
		g_autofree char *said = say("http", three, strlen(three), step, &open);

		count = 0;
		for (const char *c = said; (c = strstr(c, "HTTP/1.1 ")); c++)
			count++;
		assert_int_equal(count, 3);
		assert_false(open);
	}
}

/* RFC 9112 2.2, 5.1, 6.3, 11.2: whatever two readers could read differently */
static void rfc9112_11_2_smuggling_is_refused(void **state)
{
	static const char *const wrong[] = {
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost : h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n",
		"GET / HTTP/1.1\nHost: h\n\r\n",
		"GET / HTTP/1.1\nHost: h\n\n",
		"GET / HTTP/1.1\r\nHost: h\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\n\n",
		"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\vchunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
		"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
		"GET /\r\nHost: h\r\n\r\n",
		"G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET hello.txt HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
		"nonsense\r\n\r\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		assert_http(wrong[i], "HTTP/1.1 400", false);
	assert_http("POST / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 501", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "HTTP/1.1 501", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nExpect: magic\r\n\r\n", "HTTP/1.1 417", false);
	assert_http("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", "HTTP/1.1 413", false);
}

#define CHUNKED "GET /hello.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
/* RFC 9112 7.1; the last of each begins another request, which must not be taken for one */
static void rfc9112_7_1_bodies_in_chunks(void **state)
{
	static const char *const right[] = {
		"0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "00a\r\n0123456789\r\n1\r\nx\r\n000\r\n\r\n",
		"5;name=value;other=\"a;b\"\r\nGET /\r\n0;last\r\nTrailer: 1\r\nOther:\r\n\r\n", "5 ;x\r\nhello\r\n0\r\n\r\n",
	};
	static const char *const wrong[] = {
		"5\r\nhello!\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n",
		"5\r\nhello\rX0\r\n\r\n", "x\r\n", "\r\n", "-1\r\n", "+5\r\nhello\r\n", "0x5\r\nhello\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n",
		"5,5\r\nhello\r\n", "fffffffffffffffff\r\n", "5;a\nb\r\nhello\r\n", "5;a\rb\r\nhello\r\n", "5;\x01\r\nhello\r\n",
		"0\r\nno field\r\n\r\n", "0\r\n folded\r\n\r\n", "0\r\n: no name\r\n\r\n", "0\r\nA: b\n\r\n",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
		g_autofree char *one = g_strconcat(CHUNKED, right[i], NULL);
		g_autofree char *two = g_strconcat(one, "GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", NULL);
		bool open;
		g_autofree char *said = say("http", two, strlen(two), 1, &open);

		assert_http(one, "HTTP/1.1 200", true);
		assert_http(two, "HTTP/1.1 200", false);
		assert_non_null(strstr(said, "hello\nHTTP/1.1 404"));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *text = g_strconcat(CHUNKED, wrong[i], "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n", NULL);

		assert_http(text, "HTTP/1.1 400", false);
	}
}

static void extensions_and_trailers_of_chunks_are_bounded(void **state)
{
	g_autofree char *long_name = g_strnfill(9000, 'a'), *name = g_strnfill(5000, 'a');
	g_autofree char *line = g_strconcat(CHUNKED "1;", long_name, "\r\nx\r\n0\r\n\r\n", NULL);
	g_autofree char *open_end = g_strconcat(CHUNKED "1;", long_name, NULL);
	g_autofree char *chunk = g_strconcat("1;", name, "\r\nx\r\n", NULL), *trailer = g_strconcat("A: ", name, "\r\n", NULL);
	g_autofree char *many = g_strconcat(CHUNKED, chunk, chunk, chunk, chunk, "0\r\n\r\n", NULL);
	g_autofree char *trailers = g_strconcat(CHUNKED "0\r\n", trailer, trailer, trailer, trailer, "\r\n", NULL);

	assert_http(line, "HTTP/1.1 400", false);
	assert_http(open_end, "HTTP/1.1 400", false);
	assert_http(many, "HTTP/1.1 400", false);
	assert_http(trailers, "HTTP/1.1 400", false);
}

/* RFC 9110 10.1.1 */
static void rfc9110_10_1_1_a_body_is_asked_for(void **state)
{
	static const char head[] = "GET /hello.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
	bool open;
	g_autofree char *said = say("http", head, strlen(head), 1, &open);

	assert_string_equal(said, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n", "HTTP/1.1 200", true);
}

static void a_head_without_end_is_cut_off(void **state)
{
	g_autofree char *line = g_strnfill(20000, 'a'), *fields = g_strdup_printf("GET / HTTP/1.1\r\nX: %s", line);
	g_autofree char *whole = g_strconcat(fields, "\r\nHost: h\r\n\r\n", NULL);
	GString *many = g_string_new("GET / HTTP/1.1\r\nHost: h\r\n");

	for (unsigned i = 0; i < 5000; i++)
		g_string_append(many, "A: b\r\n");
	assert_http(line, "HTTP/1.1 414", false);
	assert_http(fields, "HTTP/1.1 431", false);
	assert_http(whole, "HTTP/1.1 431", false);
	assert_http(many->str, "HTTP/1.1 431", false);
	g_string_free(many, TRUE);
}

/* RFC 9110 15.5.9: each byte comes when the time for the whole is nearly over. */
static void rfc9110_15_5_9_who_is_slow_is_answered_408(void **state)
{
	static const struct { const char *text; int late; const char *said; } cases[] = {
		/* seconds after the first byte; a connection that asked nothing is closed after 60 without a word */
		{ "", 60, "" }, { "G", 20, "HTTP/1.1 408" }, { "GET / HTTP/1.1\r\nHost: h\r\n", 20, "HTTP/1.1 408" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\nX: y\r\n", 20, "HTTP/1.1 408" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhi", 20, "HTTP/1.1 408" },
		{ CHUNKED "5\r\nhi", 20, "HTTP/1.1 408" }, { "\r\n\r\n\r\n", 60, "" },
	};
	const struct net_service *s = net_service_named("http");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct net_service_env later = env;
		g_autoptr(GString) out = g_string_new(NULL);
		void *http = s->open();
		ns_t begin = later.time;

		later.patience = 20 * NS_PER_S;
		assert_true(s->input(http, &later, "", 0, false, out));
		for (const char *c = cases[i].text; *c; c++) {
			assert_true(s->input(http, &later, c, 1, false, out));
			later.time += NS_PER_MS;
			assert_true(s->deadline(http, &later) > later.time);
		}
		assert_int_equal((s->deadline(http, &later) - begin) / NS_PER_S, cases[i].late);
		later.time = s->deadline(http, &later);
		s->late(http, &later, out);
		assert_true(g_str_has_prefix(out->str, cases[i].said) && (*cases[i].said || !out->len));
		assert_true(!out->len || strstr(out->str, "\r\nConnection: close\r\n"));
		assert_int_equal(s->deadline(http, &later), INT64_MAX);
		later.patience = 0;
		assert_int_equal(s->deadline(http, &later), INT64_MAX);
		s->close(http);
	}
}

/* A client that asks for more than fits, all at once: the rest is answered when that has been sent. */
static void answers_wait_for_room(void **state)
{
	const struct net_service *s = net_service_named("http");
	g_autoptr(GString) in = g_string_new(NULL), out = g_string_new(NULL);
	unsigned rounds = 0, answers = 0;
	void *http = s->open();
	bool open;

	for (unsigned i = 0; i < 10000; i++)
		g_string_append(in, "GET /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n");
	open = s->input(http, &env, in->str, in->len, false, out);
	for (; out->len; rounds++) {
		assert_true(open || rounds > 0);
		for (const char *c = out->str; (c = strstr(c, "HTTP/1.1 200")); c++)
			answers++;
		g_string_truncate(out, 0);
		open = s->input(http, &env, "", 0, rounds == 0, out);   /* the client has ended its side meanwhile */
	}
	assert_int_equal(answers, 10000);
	assert_true(rounds > 1 && !open);
	s->close(http);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_small_services),
		cmocka_unit_test(rfc9112_3_a_file_is_served),
		cmocka_unit_test(rfc9110_9_3_2_head_has_no_body),
		cmocka_unit_test(rfc9112_9_3_connections_stay_or_close),
		cmocka_unit_test(rfc9112_9_3_2_requests_follow_each_other),
		cmocka_unit_test(rfc9112_11_2_smuggling_is_refused),
		cmocka_unit_test(rfc9112_7_1_bodies_in_chunks),
		cmocka_unit_test(extensions_and_trailers_of_chunks_are_bounded),
		cmocka_unit_test(rfc9110_10_1_1_a_body_is_asked_for),
		cmocka_unit_test(a_head_without_end_is_cut_off),
		cmocka_unit_test(rfc9110_15_5_9_who_is_slow_is_answered_408),
		cmocka_unit_test(answers_wait_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
