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
static void a_file_is_served(void **state)
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

static void head_has_no_body(void **state)
{
	const char *head = "HEAD /hello.txt HTTP/1.1\r\nHost: h\r\n\r\n";
	bool open;
	g_autofree char *said = say("http", head, strlen(head), 7, &open);

	assert_true(g_str_has_suffix(said, "Content-Length: 6\r\n\r\n"));
}

/* RFC 9112 9.3: who closes */
static void connections_stay_or_close(void **state)
{
	assert_http("GET / HTTP/1.0\r\n\r\n", "HTTP/1.1 200", false);
	assert_http("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200", true);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close\r\n\r\n", "HTTP/1.1 200", false);
}

/* RFC 9112 9.3.2: pipelining; a body is skipped */
static void requests_follow_each_other(void **state)
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
static void smuggling_is_refused(void **state)
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
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 501", false);
	assert_http("GET / HTTP/2.0\r\nHost: h\r\n\r\n", "HTTP/1.1 505", false);
	assert_http("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n", "HTTP/1.1 413", false);
}

static void a_head_without_end_is_cut_off(void **state)
{
	g_autofree char *line = g_strnfill(20000, 'a'), *fields = g_strdup_printf("GET / HTTP/1.1\r\nX: %s", line);

	assert_http(line, "HTTP/1.1 414", false);
	assert_http(fields, "HTTP/1.1 431", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_small_services),
		cmocka_unit_test(a_file_is_served),
		cmocka_unit_test(head_has_no_body),
		cmocka_unit_test(connections_stay_or_close),
		cmocka_unit_test(requests_follow_each_other),
		cmocka_unit_test(smuggling_is_refused),
		cmocka_unit_test(a_head_without_end_is_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
