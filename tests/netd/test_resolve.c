/* test_resolve.c - look-ups among name servers on a wire (RFC 1034, 1035, 2308, 6724). */
#include "internet.h"
#include "dns/resolvconf.h"

/* RFC 1034 5.3.3, 6.2 */
static void rfc1034_5_3_3_referrals_are_followed(void **state)
{
	struct scene s;
	struct net_lookup_config a, mx, txt;

	open_scene(&s, *state);
	a = from_root(&s, "A");
	mx = from_root(&s, "MX");
	txt = from_root(&s, "TXT");
	assert_look(&s, "www.virginia.edu", &a, "www.virginia.edu. 100 IN CNAME web.virginia.edu.\n"
		    "web.virginia.edu. 100 IN A 10.0.0.80\nweb.virginia.edu. 100 IN A 10.0.0.81\n");
	assert_string_equal(trace, "10.0.0.1 www.virginia.edu. A: referral to edu.\n10.0.0.2 www.virginia.edu. A: referral to virginia.edu.\n"
			    "10.0.0.3 www.virginia.edu. A: 3 records\n");
	assert_look(&s, "virginia.edu", &mx, "virginia.edu. 100 IN MX 10 mail.virginia.edu.\n");
	assert_int_equal(questions(), 1);                /* the servers are known now */
	assert_look(&s, "WWW.Virginia.EDU.", &a, "www.virginia.edu. 100 IN CNAME web.virginia.edu.\n"
		    "web.virginia.edu. 100 IN A 10.0.0.80\nweb.virginia.edu. 100 IN A 10.0.0.81\n");
	assert_int_equal(questions(), 0);
	assert_look(&s, "text.virginia.edu", &txt, "text.virginia.edu. 100 IN TXT \"a b\" \"c\"\n");
	/* an alias into another zone; its server is known only by a name that lies elsewhere */
	assert_look(&s, "x.com", &a, "x.com. 3600 IN CNAME www.virginia.edu.\nwww.virginia.edu. 100 IN CNAME web.virginia.edu.\n"
		    "web.virginia.edu. 100 IN A 10.0.0.80\nweb.virginia.edu. 100 IN A 10.0.0.81\n");
	net_dns_cache_flush(s.cache);
	assert_look(&s, "www.glueless.edu", &a, "www.glueless.edu. 3600 IN A 10.1.1.1\n");
	close_scene(&s);
}

/* RFC 1035 5.2.2, 7.2: a chain without end, a lame server, one that is silent. */
static void rfc1035_7_2_a_question_ends(void **state)
{
	struct scene s;
	struct net_lookup_config a;
	ns_t before;

	open_scene(&s, *state);
	a = from_root(&s, "A");
	assert_look(&s, "loop1.virginia.edu", &a, "EIO: a chain of too many aliases");
	assert_look(&s, "www.lame.virginia.edu", &a, "EIO: a server knows nothing about the name");
	before = s.l->clock.now;
	assert_look(&s, "www.dead", &a, "ETIMEDOUT: no server answers");
	assert_true(s.l->clock.now - before >= 4 * NS_PER_S && s.l->clock.now - before < 6 * NS_PER_S);
	close_scene(&s);
}

/* RFC 2308 5: what is not there is remembered as long as the SOA says. */
static void rfc2308_5_negative_answers_are_cached(void **state)
{
	struct scene s;
	struct net_lookup_config a, aaaa;

	open_scene(&s, *state);
	a = from_root(&s, "A");
	aaaa = from_root(&s, "AAAA");
	assert_look(&s, "none.virginia.edu", &a, "ENOENT: there is no such name");
	assert_int_equal(questions(), 3);
	assert_look(&s, "none.virginia.edu", &aaaa, "ENOENT: there is no such name"); /* of the name, whatever the type */
	assert_int_equal(questions(), 0);
	assert_look(&s, "mail.virginia.edu", &aaaa, "ENODATA: the name has no record of that type");
	assert_int_equal(questions(), 1);
	assert_look(&s, "mail.virginia.edu", &aaaa, "ENODATA: the name has no record of that type");
	assert_int_equal(questions(), 0);
	assert_look(&s, "mail.virginia.edu", &a, "mail.virginia.edu. 100 IN A 10.0.0.25\n");
	lab_run(s.l, 299 * NS_PER_S);
	assert_look(&s, "none.virginia.edu", &a, "ENOENT: there is no such name");
	assert_int_equal(questions(), 0);
	lab_run(s.l, 2 * NS_PER_S);
	assert_look(&s, "none.virginia.edu", &a, "ENOENT: there is no such name");
	assert_int_equal(questions(), 1);
	close_scene(&s);
}

/* RFC 1035 3.2.1, 7.4: the time to live counts down; 0 is not kept. */
static void rfc1035_3_2_1_records_live_as_long_as_they_are_told(void **state)
{
	struct scene s;
	struct net_lookup_config a;

	open_scene(&s, *state);
	a = from_root(&s, "A");
	assert_look(&s, "short.virginia.edu", &a, "short.virginia.edu. 5 IN A 10.0.0.5\n");
	lab_run(s.l, 3 * NS_PER_S);
	assert_look(&s, "short.virginia.edu", &a, "short.virginia.edu. 2 IN A 10.0.0.5\n");
	assert_int_equal(questions(), 0);
	lab_run(s.l, 2 * NS_PER_S);
	assert_look(&s, "short.virginia.edu", &a, "short.virginia.edu. 5 IN A 10.0.0.5\n");
	assert_int_equal(questions(), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_look(&s, "zero.virginia.edu", &a, "zero.virginia.edu. 0 IN A 10.0.0.7\n");
		assert_int_equal(questions(), 1);
	}
	close_scene(&s);
}

/* RFC 1035 4.2.1, 4.2.2; RFC 7766 5 */
static void rfc1035_4_2_a_truncated_answer_is_asked_for_by_tcp(void **state)
{
	struct scene s;
	struct net_lookup_config a;
	g_autofree char *got = NULL;

	open_scene(&s, *state);
	a = from_root(&s, "A");
	got = look(&s, "many.virginia.edu", &a);
	assert_int_equal(g_strrstr(got, "10.9.0.59") != NULL && g_str_has_prefix(got, "many.virginia.edu. 100 IN A 10.9.0.0\n"), 1);
	assert_non_null(strstr(trace, "10.0.0.3 many.virginia.edu. A: truncated, again by TCP\n10.0.0.3 many.virginia.edu. A: 60 records\n"));
	close_scene(&s);
}

/* The resolver does the work for its clients, once for all of them. */
static void rfc1034_4_3_1_recursion(void **state)
{
	struct scene s;
	struct net_lookup_config c = { .who = root, .v4 = true, .v6 = true, .resolv = "nameserver 10.0.0.53\n" };
	g_autoptr(GString) many = g_string_new(NULL);
	int64_t before;

	open_scene(&s, *state);
	add_server(&s, "resolver", "10.0.0.53/24", NULL, "10.0.0.1");
	assert_look(&s, "www.virginia.edu", &c, "10.0.0.80 10.0.0.81 fd00::80");
	before = counter(net_host_at(s.l->net, "root"), NET_Udp_InDatagrams);
	assert_look(&s, "www.virginia.edu", &c, "10.0.0.80 10.0.0.81 fd00::80");
	assert_look(&s, "web.virginia.edu", &c, "10.0.0.80 10.0.0.81 fd00::80");
	assert_int_equal(counter(net_host_at(s.l->net, "root"), NET_Udp_InDatagrams), before);
	assert_look(&s, "none.virginia.edu", &c, "ENOENT: there is no such name");
	c.v6 = false;
	for (unsigned i = 0; i < 60; i++)
		g_string_append_printf(many, "%s10.9.0.%u", i ? " " : "", i);
	assert_look(&s, "many.virginia.edu", &c, many->str);
	assert_look(&s, "www.dead", &c, "EIO: a server answers SERVFAIL");
	c.resolv = "nameserver 10.0.0.1\n";              /* that one does not */
	assert_look(&s, "www.virginia.edu", &c, "ENODATA: the name has no address of that kind");
	close_scene(&s);
}

/* RFC 1035 6.1, resolv.conf(5) */
static void the_search_list_and_the_file_hosts(void **state)
{
	struct scene s;
	struct net_lookup_config c = { .who = root, .v4 = true, .v6 = true, .hosts = "10.7.7.7 seven Seven.x # www\n fd00::7 seven\n10.7.7.8 seven\n",
				       .resolv = "nameserver 10.0.0.53\nsearch com virginia.edu # x\noptions ndots:1 timeout:1 attempts:3\n" };
	ns_t before;

	open_scene(&s, *state);
	add_server(&s, "resolver", "10.0.0.53/24", NULL, "10.0.0.1");
	assert_look(&s, "10.1.2.3", &c, "10.1.2.3");
	assert_look(&s, "SEVEN", &c, "10.7.7.7 fd00::7 10.7.7.8");   /* none of them can be reached: as they stand */
	assert_look(&s, "seven.x", &c, "10.7.7.7");
	assert_look(&s, "mail", &c, "10.0.0.25");
	assert_look(&s, "mail.", &c, "ENOENT: there is no such name");
	assert_look(&s, "ns.edu", &c, "10.0.0.2");
	assert_look(&s, "virginia.edu", &c, "ENODATA: the name has no address of that kind");
	assert_look(&s, "a..b", &c, "refused: 'a..b' has an empty label");
	assert_look(&s, "", &c, "refused: an empty name");
	c.type = "XX";
	assert_look(&s, "a", &c, "refused: 'XX' is not a type of record, as A, AAAA, MX, NS, PTR, SOA, TXT");
	c.type = NULL;
	c.resolv = "nameserver 10.0.0.98\nnameserver 10.0.0.97\noptions timeout:1 attempts:3\n";
	before = s.l->clock.now;
	assert_look(&s, "mail.virginia.edu", &c, "ETIMEDOUT: no server answers");
	assert_true(s.l->clock.now - before >= 6 * NS_PER_S && s.l->clock.now - before < 7 * NS_PER_S);
	c.resolv = "nameserver 10.0.0.98\nnameserver 10.0.0.53\n";
	assert_look(&s, "mail.virginia.edu", &c, "10.0.0.25");
	c.resolv = "";
	assert_look(&s, "mail.virginia.edu", &c, "refused: 'mail.virginia.edu' is neither an address nor a name in net/hosts, and net/resolv has no "
		    "nameserver");
	close_scene(&s);
}

static void resolv_conf_is_read_as_libc_reads_it(void **state)
{
	struct resolv r;

	resolv_parse("nameserver 10.0.0.1\n; c\nnameserver nonsense\nnameserver\t10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n"
		     "domain a\nsearch b c d e f g h\noptions ndots:99 timeout:0 attempts:77 rotate\nnonsense\n", &r);
	assert_int_equal(r.servers, 3);
	assert_int_equal(r.server[1].v4, 0x0a000002);
	assert_int_equal(r.ndots, 15);
	assert_int_equal(r.timeout, 1);
	assert_int_equal(r.attempts, 5);
	assert_string_equal(r.search[5], "g");
	assert_null(r.search[6]);
	resolv_clear(&r);
}

/* A look-up may be given up in every state, also when its host has gone. */
static void a_look_up_may_be_given_up_at_any_time(void **state)
{
	for (unsigned steps = 0; steps < 60; steps++) {
		struct lab l;
		struct scene s;
		struct net_lookup_config c;
		struct net_lookup *q;

		lab_open(&l, 1);
		open_scene(&s, &l);
		c = from_root(&s, "A");
		assert_int_equal(net_lookup_start(s.client, "many.virginia.edu", &c, &q, NULL), 0);
		for (unsigned i = 0; i < steps && !net_lookup_step(q); i++) {
			step_servers(&s);
			clock_step(&l.clock);
		}
		if (steps % 2)
			net_host_free(s.client);
		net_lookup_free(q);
		close_scene(&s);
		lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, lab_setup, lab_teardown)
		T(rfc1034_5_3_3_referrals_are_followed),
		T(rfc1035_7_2_a_question_ends),
		T(rfc2308_5_negative_answers_are_cached),
		T(rfc1035_3_2_1_records_live_as_long_as_they_are_told),
		T(rfc1035_4_2_a_truncated_answer_is_asked_for_by_tcp),
		T(rfc1034_4_3_1_recursion),
		T(the_search_list_and_the_file_hosts),
		T(resolv_conf_is_read_as_libc_reads_it),
		T(a_look_up_may_be_given_up_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
