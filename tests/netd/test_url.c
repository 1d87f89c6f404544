/* test_url.c - URI references: the examples of RFC 3986, those of the lessons, and what is none. */
#include "lab.h"
#include "net_url.h"

#include <assert.h>

static void resolves_to(const char *base, const char *ref, const char *wanted)
{
	struct net_url b, r, t;
	g_autoptr(GString) text = g_string_new(NULL);

	assert_int_equal(net_url_parse(base, strlen(base), &b, NULL), 0);
	assert_int_equal(net_url_parse(ref, strlen(ref), &r, NULL), 0);
	assert_int_equal(net_url_resolve(&b, &r, &t, NULL), 0);
	net_url_write(&t, text);
	if (strcmp(text->str, wanted) != 0)
		print_error("%s from %s\n", ref, base);
	assert_string_equal(text->str, wanted);
	net_url_clear(&b);
	net_url_clear(&r);
	net_url_clear(&t);
}

/* RFC 3986 5.4.1 and 5.4.2: all 42 */
static void rfc3986_5_4_all_references(void **state)
{
	static const char *const examples[][2] = {
		{ "g:h", "g:h" }, { "g", "http://a/b/c/g" }, { "./g", "http://a/b/c/g" }, { "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" }, { "//g", "http://g" }, { "?y", "http://a/b/c/d;p?y" }, { "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q#s" }, { "g#s", "http://a/b/c/g#s" }, { "g?y#s", "http://a/b/c/g?y#s" },
		{ ";x", "http://a/b/c/;x" }, { "g;x", "http://a/b/c/g;x" }, { "g;x?y#s", "http://a/b/c/g;x?y#s" },
		{ "", "http://a/b/c/d;p?q" }, { ".", "http://a/b/c/" }, { "./", "http://a/b/c/" }, { "..", "http://a/b/" },
		{ "../", "http://a/b/" }, { "../g", "http://a/b/g" }, { "../..", "http://a/" }, { "../../", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" }, { "../../../../g", "http://a/g" }, { "/./g", "http://a/g" },
		{ "/../g", "http://a/g" }, { "g.", "http://a/b/c/g." }, { ".g", "http://a/b/c/.g" }, { "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" }, { "./../g", "http://a/b/g" }, { "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" }, { "g/../h", "http://a/b/c/h" }, { "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" }, { "g?y/./x", "http://a/b/c/g?y/./x" }, { "g?y/../x", "http://a/b/c/g?y/../x" },
		{ "g#s/./x", "http://a/b/c/g#s/./x" }, { "g#s/../x", "http://a/b/c/g#s/../x" }, { "http:g", "http:g" },
	};

	static_assert(G_N_ELEMENTS(examples) == 42, "all of them");
	for (size_t i = 0; i < G_N_ELEMENTS(examples); i++)
		resolves_to("http://a/b/c/d;p?q", examples[i][0], examples[i][1]);
	resolves_to("http://a", "g", "http://a/g");          /* 5.2.3: a base without a path */
}

static void assert_part(const struct net_url_part *p, const char *wanted)
{
	g_autofree char *got = p->at ? g_strndup(p->at, p->len) : g_strdup("(none)");

	assert_string_equal(got, wanted ? wanted : "(none)");
}

static void assert_parts(const char *text, const char *const wanted[7])
{
	struct net_url u;
	struct err e = { 0 };
	g_autoptr(GString) again = g_string_new(NULL);

	if (net_url_parse(text, strlen(text), &u, &e))
		print_error("%s: %s\n", text, e.why);
	assert_int_equal(e.code, 0);
	assert_part(&u.scheme, wanted[0]);
	assert_part(&u.userinfo, wanted[1]);
	assert_part(&u.host, wanted[2]);
	assert_part(&u.port, wanted[3]);
	assert_part(&u.path, wanted[4]);
	assert_part(&u.query, wanted[5]);
	assert_part(&u.fragment, wanted[6]);
	net_url_write(&u, again);
	assert_string_equal(again->str, text);
	net_url_clear(&u);
}

/* Lesson 46, and RFC 3986 1.1.2 */
static void rfc3986_3_the_parts_of_known_urls(void **state)
{
	assert_parts("https://kytos02.cs.virginia.edu:443/cs3130-spring2023/quizzes/quiz.php?qid=02#q2",
		     (const char *[]){ "https", NULL, "kytos02.cs.virginia.edu", "443", "/cs3130-spring2023/quizzes/quiz.php",
				       "qid=02", "q2" });
	assert_parts("sftp://cr4bd@portal.cs.virginia.edu/u/cr4bd/file.txt",
		     (const char *[]){ "sftp", "cr4bd", "portal.cs.virginia.edu", NULL, "/u/cr4bd/file.txt", NULL, NULL });
	assert_parts("tel:+1-434-982-2200", (const char *[]){ "tel", NULL, NULL, NULL, "+1-434-982-2200", NULL, NULL });
	assert_parts("/~cr4bd/3130/S2023/", (const char *[]){ NULL, NULL, NULL, NULL, "/~cr4bd/3130/S2023/", NULL, NULL });
	assert_parts("ldap://[2001:db8::7]/c=GB?objectClass?one",
		     (const char *[]){ "ldap", NULL, "[2001:db8::7]", NULL, "/c=GB", "objectClass?one", NULL });
	assert_parts("http://h:/?#", (const char *[]){ "http", NULL, "h", "", "/", "", "" });
	assert_parts("file:///etc/hosts", (const char *[]){ "file", NULL, "", NULL, "/etc/hosts", NULL, NULL });
}

static void rfc3986_2_what_is_no_reference_is_refused_with_its_place(void **state)
{
	static const struct { const char *text; int column; } wrong[] = {
		{ "http://a b/", 8 }, { "http://a/%zz", 9 }, { "http://a/%4", 9 }, { "http://a:8x/", 10 }, { "http://a:65536/", 9 },
		{ "1http://a/", 0 }, { ":a", 0 }, { "http://[::1/", 7 }, { "http://[1.2.3.4]/", 7 }, { "http://[::1]x/", 12 },
		{ "http://a/\x7f", 9 }, { "http://a/<b>", 9 }, { "http://a/?q=\"", 12 }, { "http://a/#a#b", 11 },
		{ "http://u@v@w/", 10 }, { "http://[v.x]/", 7 }, { "a b", 1 }, { "http://a/\xc3\xa4", 9 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct net_url u;
		struct err e = { 0 };
		int rc = net_url_parse(wrong[i].text, strlen(wrong[i].text), &u, &e);

		if (rc != -EINVAL || e.arg != wrong[i].column)
			print_error("%s: %d, column %d: %s\n", wrong[i].text, rc, e.arg, e.why);
		assert_int_equal(rc, -EINVAL);
		assert_int_equal(e.arg, wrong[i].column);
		assert_null(u.text);
	}
}

static void rfc3986_3_2_3_the_port_follows_the_scheme(void **state)
{
	static const struct { const char *text; uint16_t port; } all[] = {
		{ "http://a/", 80 }, { "HTTPS://a/", 443 }, { "http://a:8080/", 8080 }, { "http://a:/", 80 }, { "x://a/", 0 },
		{ "ftp://a", 21 }, { "http://a:0/", 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
		struct net_url u;

		assert_int_equal(net_url_parse(all[i].text, strlen(all[i].text), &u, NULL), 0);
		assert_int_equal(net_url_port(&u), all[i].port);
		net_url_clear(&u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc3986_5_4_all_references),
		cmocka_unit_test(rfc3986_3_the_parts_of_known_urls),
		cmocka_unit_test(rfc3986_2_what_is_no_reference_is_refused_with_its_place),
		cmocka_unit_test(rfc3986_3_2_3_the_port_follows_the_scheme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
