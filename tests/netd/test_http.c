/* test_http.c - the client's side of HTTP/1.1: requests, and answers of every kind (RFC 9110, 9112). */
#include "lab.h"
#include "net_http.h"
#include "rng.h"

#include <errno.h>

/* RFC 9112 3.2.1, RFC 9110 4.2 */
static void rfc9112_3_2_requests(void **state)
{
	static const struct { const char *url, *wanted; int error; } cases[] = {
		{ "http://www.x.edu", "GET / HTTP/1.1\r\nHost: www.x.edu\r\n", 0 },
		{ "HTTP://www.x.edu:8080/a/b?q=1#frag", "GET /a/b?q=1 HTTP/1.1\r\nHost: www.x.edu:8080\r\n", 0 },
		{ "http://www.x.edu?q", "GET /?q HTTP/1.1\r\nHost: www.x.edu\r\n", 0 },
		{ "http://www.x.edu:/", "GET / HTTP/1.1\r\nHost: www.x.edu\r\n", 0 },
		{ "http://[fd00::1]:80/", "GET / HTTP/1.1\r\nHost: [fd00::1]:80\r\n", 0 },
		{ "http://10.0.0.1/%20", "GET /%20 HTTP/1.1\r\nHost: 10.0.0.1\r\n", 0 },
		{ "https://www.x.edu/", "https is not spoken here, only http", EPROTONOSUPPORT },
		{ "ftp://www.x.edu/", "ftp is not spoken here, only http", EPROTONOSUPPORT },
		{ "www.x.edu/a", "a URL begins with its scheme, as http://", EINVAL },
		{ "//www.x.edu/a", "a URL begins with its scheme, as http://", EINVAL },
		{ "http:a", "the URL names no host", EINVAL }, { "http:///a", "the URL names no host", EINVAL },
		{ "http://user@www.x.edu/", "a user's name in a URL misleads, and is not sent", EINVAL },
		{ "http://www.x.edu:0/", "there is no port 0", EINVAL },
		{ "http://a%2fb/", "'a%2fb' is not the name of a host", EINVAL }, { "http://a%00b/", "'a%00b' is not the name of a host", EINVAL },
		{ "http://a!b/", "'a!b' is not the name of a host", EINVAL },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GString) out = g_string_new(NULL);
		struct err e = { 0 };
		struct net_url u;
		int rc;

		assert_int_equal(net_url_parse(cases[i].url, strlen(cases[i].url), &u, NULL), 0);
		rc = net_http_request(&u, out, &e);
		assert_int_equal(rc, -cases[i].error);
		if (rc)
			assert_string_equal(e.why, cases[i].wanted);
		else
			assert_true(g_str_has_prefix(out->str, cases[i].wanted) && g_str_has_suffix(out->str, "\r\nConnection: close\r\n\r\n"));
		net_url_clear(&u);
	}
}

/* The answer in pieces of `piece` bytes, then the end: "status body", or why it is refused. */
static char *understand(const char *text, size_t len, size_t piece, bool *done_before_end)
{
	struct net_http *h = net_http_new();
	struct net_http_answer a;
	struct err e = { 0 };
	char *got;
	int rc = 0;

	for (size_t at = 0; at < len && !rc; at += piece)
		rc = net_http_input(h, text + at, MIN(piece, len - at), false, &e);
	net_http_get(h, &a);
	*done_before_end = !rc && a.done;
	if (!rc)
		rc = net_http_input(h, "", 0, true, &e);
	net_http_get(h, &a);
	if (rc)
		assert_int_equal(e.code, EBADMSG);
	else
		assert_true(a.done);
	got = rc ? g_strdup(e.why) : g_strdup_printf("%d %s", a.status, a.body->str);
	net_http_free(h);
	return got;
}

#define OK "HTTP/1.1 200 OK\r\n"
#define NOT "the answer is not HTTP: "
/* RFC 9112 4, 5, 6, 7 */
static void rfc9112_6_3_where_a_body_ends(void **state)
{
	static const struct { const char *text, *wanted; bool by_itself; } cases[] = {
		{ OK "Content-Length: 5\r\n\r\nhello", "200 hello", true },
		{ OK "content-length:5\r\n\r\nhelloxxx", "200 hello", true },
		{ OK "Content-Length: 0\r\n\r\n", "200 ", true },
		{ OK "\r\nuntil the end", "200 until the end", false },
		{ OK "\r\n", "200 ", false },
		{ "HTTP/1.0 200\r\n\r\nold", "200 old", false },
		{ "HTTP/1.1 200 \nA: b\n\nbare", "200 bare", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nTrailer: 1\r\n\r\n", "200 hello!", true },
		{ OK "Transfer-Encoding: Chunked\r\n\r\n0a\r\n0123456789\r\n0\r\n\r\n", "200 0123456789", true },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK "Content-Length: 1\r\n\r\nx", "200 x", true },
		{ "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", "204 ", true },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "404 no", true },
		{ OK "X: folded\r\n line\r\nContent-Length: 1\r\n\r\nx", "200 x", true },
		{ OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "200 hello", true },
		/* ended too early */
		{ "", "the connection ends without an answer", false },
		{ "HTTP/1.1 200 OK\r\nA", "the connection ends within the answer's head", false },
		{ OK "Content-Length: 10\r\n\r\nhello", "the connection ends after 5 of 10 bytes of the body", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "the connection ends within the body, after 3 bytes of chunks", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "the connection ends within the body, after 5 bytes of chunks", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", "the connection ends within the body, after 5 bytes of chunks", false },
		/* no HTTP, or such as two readers end at different places (RFC 9112 11) */
		{ "SSH-2.0-x\r\n", NOT "it has no status line", false }, { "HTTP/2.0 200 OK\r\n\r\n", NOT "another version than 1", false },
		{ "HTTP/1.1 2000 OK\r\n\r\n", NOT "it has no status line", false }, { "HTTP/1.1 099 OK\r\n\r\n", NOT "a status that is none", false },
		{ "HTTP/1.1 200OK\r\n\r\n", NOT "it has no status line", false },
		{ OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", NOT "two lengths", false },
		{ OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NOT "both a length and a coding", false },
		{ OK "Content-Length: -5\r\n\r\n", NOT "a Content-Length that is no number", false },
		{ OK "Content-Length: 5, 5\r\n\r\nhello", NOT "a Content-Length that is no number", false },
		{ OK "Content-Length: 99999999999999999999\r\n\r\n", NOT "a Content-Length that is no number", false },
		{ OK "Transfer-Encoding: gzip, chunked\r\n\r\n", NOT "a coding that is not known", false },
		{ OK "Content Length: 5\r\n\r\nhello", NOT "a field without a name", false }, { OK "no colon\r\n\r\n", NOT "a field without a name", false },
		{ OK "A: b\rc\r\n\r\n", NOT "a byte in its head that may not be there", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", NOT "a chunk without a size", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n", NOT "a chunk without a size", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", NOT "a chunk without a size", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", NOT "a chunk longer than its size", false },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		static const size_t pieces[] = { 1, 2, 3, 7, 100000 };

		for (size_t k = 0; k < G_N_ELEMENTS(pieces); k++) {
			bool by_itself;
			g_autofree char *got = understand(cases[i].text, strlen(cases[i].text), pieces[k], &by_itself);

			if (strcmp(got, cases[i].wanted))
				print_error("%s\n", cases[i].text);
			assert_string_equal(got, cases[i].wanted);
			assert_int_equal(by_itself, cases[i].by_itself);
		}
	}
}

static void heads_and_bodies_have_an_end(void **state)
{
	g_autofree char *kib = g_strnfill(1024, 'x');
	struct net_http *h = net_http_new();
	struct err e = { 0 };
	int rc = 0;

	for (unsigned i = 0; i < 100 && !rc; i++)        /* a line without end */
		rc = net_http_input(h, i ? kib : "HTTP/1.1 200 OK\r\nA: ", i ? 1024 : 20, false, &e);
	assert_int_equal(rc, -EBADMSG);
	assert_string_equal(e.why, NOT "a head of more than 65536 bytes");
	net_http_free(h);
	h = net_http_new();
	rc = net_http_input(h, OK, strlen(OK), false, &e);
	for (unsigned i = 0; i < 100000 && !rc; i++)     /* lines without end */
		rc = net_http_input(h, "A: b\r\n", 6, false, &e);
	assert_int_equal(rc, -EBADMSG);
	net_http_free(h);
	h = net_http_new();
	rc = net_http_input(h, OK "\r\n", strlen(OK) + 2, false, &e);
	for (unsigned i = 0; i < 20000 && !rc; i++)
		rc = net_http_input(h, kib, 1024, false, &e);
	assert_int_equal(rc, -EFBIG);
	net_http_free(h);
	h = net_http_new();
	rc = net_http_input(h, "HTTP/1.1 302 Found\r\nLocation: /a b\r\nLocation: /c\r\n\r\n", 53, false, &e);
	assert_int_equal(rc, 0);
	{
		struct net_http_answer a;

		net_http_get(h, &a);
		assert_string_equal(a.location, "/a b");
		assert_string_equal(a.head, "HTTP/1.1 302 Found\nLocation: /a b\nLocation: /c\n");
	}
	net_http_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc9112_3_2_requests), cmocka_unit_test(rfc9112_6_3_where_a_body_ends),
		cmocka_unit_test(heads_and_bodies_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
