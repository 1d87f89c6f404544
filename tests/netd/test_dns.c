/* test_dns.c - DNS names, messages and zones (RFC 1034, 1035, 2181, 2308). */
#include "lab.h"
#include "dns/cache.h"
#include "dns/zone.h"
#include "rng.h"

#include <errno.h>

static struct dns_name name(const char *text)
{
	struct dns_name n;
	struct err e = { 0 };

	if (dns_name_parse(text, &n, &e))
		print_error("%s: %s\n", text, e.why);
	assert_int_equal(e.code, 0);
	return n;
}

static void assert_name(const struct dns_name *n, const char *text)
{
	g_autoptr(GString) got = g_string_new(NULL);

	dns_name_write(n, got);
	assert_string_equal(got->str, text);
}

/* RFC 1035 2.3.4, 3.1, 5.1 */
static void rfc1035_2_3_4_names_are_labels(void **state)
{
	struct dns_name n = name("Www.Virginia.EDU"), parent, ignored;
	g_autofree char *label63 = g_strnfill(63, 'a'), *label64 = g_strnfill(64, 'a'), *long_name = NULL, *too_long = NULL;

	assert_name(&n, "Www.Virginia.EDU.");
	assert_int_equal(n.len, 18);
	assert_true(dns_name_is_in(&n, &(struct dns_name[]){ name("edu") }[0]));
	assert_true(dns_name_is_in(&n, &(struct dns_name[]){ name(".") }[0]));
	assert_false(dns_name_is_in(&n, &(struct dns_name[]){ name("nia.edu") }[0]));
	assert_false(dns_name_is_in(&(struct dns_name[]){ name("edu") }[0], &n));
	assert_true(dns_name_parent(&n, &parent));
	assert_name(&parent, "Virginia.EDU.");
	parent = name(".");
	assert_name(&parent, ".");
	assert_false(dns_name_parent(&parent, &parent));
	n = name("a\\.b.c\\032d");
	assert_int_equal(dns_name_labels(&n), 2);
	assert_name(&n, "a\\.b.c\\032d.");

	assert_int_equal(dns_name_parse(label63, &ignored, NULL), 0);
	assert_int_equal(dns_name_parse(label64, &ignored, NULL), -EINVAL);
	long_name = g_strdup_printf("%s.%s.%s.%.61s", label63, label63, label63, label63);
	too_long = g_strdup_printf("%s.%s.%s.%.62s", label63, label63, label63, label63);
	n = name(long_name);
	assert_int_equal(n.len, 255);
	assert_int_equal(dns_name_parse(too_long, &ignored, NULL), -EINVAL);
	assert_int_equal(dns_name_parse("a..b", &ignored, NULL), -EINVAL);
	assert_int_equal(dns_name_parse(".a", &ignored, NULL), -EINVAL);
	assert_int_equal(dns_name_parse("", &ignored, NULL), -EINVAL);
	assert_int_equal(dns_name_parse("a\\", &ignored, NULL), -EINVAL);
	assert_int_equal(dns_name_parse("a\\256", &ignored, NULL), -EINVAL);
}

static const char virginia[] =
	"$ORIGIN virginia.edu.\n"
	"$TTL 1h\n"
	"@	IN SOA	ns1 hostmaster ( 2025010101 ; serial\n"
	"		7200 900 1w\n"
	"		300 )\n"
	"	IN NS	ns1\n"
	"	NS	ns2\n"
	"ns1	A	10.0.2.53\n"
	"ns2	300 IN A 10.0.2.54\n"
	"www	CNAME	web\n"
	"web	A	10.0.2.80\n"
	"	A	10.0.2.81\n"
	"	AAAA	fd00::80\n"
	"@	MX	10 mail.virginia.edu.\n"
	"mail	A	10.0.2.25\n"
	"x.empty	TXT	\"a text; with (this)\" two\n"
	"out	CNAME	www.example.com.\n"
	"loop1	CNAME	loop2\n"
	"loop2	CNAME	loop1\n"
	"cs	NS	ns.cs\n"
	"ns.cs	A	10.0.3.53\n";

static struct dns_zone *zone(const char *text)
{
	struct dns_zone *z;
	struct err e = { 0 };

	if (dns_zone_parse(text, strlen(text), NULL, &z, &e))
		print_error("%s\n", e.why);
	assert_int_equal(e.code, 0);
	return z;
}

/* The answer as text: "rcode aa | answers | authority | additional", through bytes and back. */
static char *ask(struct dns_zone *z, const char *what, uint16_t type)
{
	struct dns_message q, a, again;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	GString *out = g_string_new(NULL);

	dns_message_init(&q);
	q.id = 0x1234;
	q.has_question = true;
	q.name = name(what);
	q.type = type;
	dns_zones_answer(&z, 1, &q, &a);
	dns_message_write(&a, 65535, bytes);
	assert_int_equal(dns_message_parse(bytes->data, bytes->len, &again, NULL), 0);
	assert_int_equal(again.id, 0x1234);
	assert_true(again.response && dns_name_equal(&again.name, &q.name));
	g_string_append_printf(out, "%u%s", again.rcode, again.authoritative ? " aa" : "");
	for (unsigned i = 0; i < DNS_SECTIONS; i++) {
		assert_int_equal(again.section[i]->len, a.section[i]->len);
		g_string_append(out, " |");
		for (unsigned k = 0; k < again.section[i]->len; k++) {
			g_string_append(out, k ? ", " : " ");
			dns_record_write(&g_array_index(again.section[i], struct dns_record, k), out);
		}
	}
	dns_message_clear(&q);
	dns_message_clear(&a);
	dns_message_clear(&again);
	return g_string_free(out, FALSE);
}

static void assert_answer(struct dns_zone *z, const char *what, uint16_t type, const char *wanted)
{
	g_autofree char *got = ask(z, what, type);

	if (strcmp(got, wanted))
		print_error("%s\n", what);
	assert_string_equal(got, wanted);
}

/* RFC 1034 4.3.2 */
static void rfc1034_4_3_2_a_zone_answers(void **state)
{
	struct dns_zone *z = zone(virginia);
	const char *soa = "virginia.edu. 300 IN SOA ns1.virginia.edu. hostmaster.virginia.edu. 2025010101 7200 900 604800 300";
	g_autofree char *none = g_strdup_printf("3 aa | | %s |", soa), *empty = g_strdup_printf("0 aa | | %s |", soa);

	assert_answer(z, "ns2.virginia.edu", DNS_A, "0 aa | ns2.virginia.edu. 300 IN A 10.0.2.54 | |");
	assert_answer(z, "WEB.virginia.edu", DNS_AAAA, "0 aa | WEB.virginia.edu. 3600 IN AAAA fd00::80 | |" /* compressed: as the question writes it */);
	assert_answer(z, "www.virginia.edu", DNS_A, "0 aa | www.virginia.edu. 3600 IN CNAME web.virginia.edu., "
		      "web.virginia.edu. 3600 IN A 10.0.2.80, web.virginia.edu. 3600 IN A 10.0.2.81 | |");
	assert_answer(z, "www.virginia.edu", DNS_CNAME, "0 aa | www.virginia.edu. 3600 IN CNAME web.virginia.edu. | |");
	assert_answer(z, "virginia.edu", DNS_MX, "0 aa | virginia.edu. 3600 IN MX 10 mail.virginia.edu. | | "
		      "mail.virginia.edu. 3600 IN A 10.0.2.25");
	assert_answer(z, "virginia.edu", DNS_NS, "0 aa | virginia.edu. 3600 IN NS ns1.virginia.edu., "
		      "virginia.edu. 3600 IN NS ns2.virginia.edu. | | ns1.virginia.edu. 3600 IN A 10.0.2.53, "
		      "ns2.virginia.edu. 300 IN A 10.0.2.54");
	assert_answer(z, "nobody.virginia.edu", DNS_A, none);
	assert_answer(z, "web.virginia.edu", DNS_MX, empty);
	assert_answer(z, "empty.virginia.edu", DNS_A, empty);    /* x.empty exists: RFC 4592 2.2.2 */
	assert_answer(z, "out.virginia.edu", DNS_A, "0 aa | out.virginia.edu. 3600 IN CNAME www.example.com. | |");
	assert_answer(z, "www.cs.virginia.edu", DNS_A, "0 | | cs.virginia.edu. 3600 IN NS ns.cs.virginia.edu. | "
		      "ns.cs.virginia.edu. 3600 IN A 10.0.3.53");
	assert_answer(z, "www.example.com", DNS_A, "5 | | |");
	dns_zone_free(z);
}

/* A chain of aliases that leads round ends. */
static void rfc1034_3_6_2_aliases_that_lead_round_end(void **state)
{
	struct dns_zone *z = zone(virginia);
	g_autofree char *got = ask(z, "loop1.virginia.edu", DNS_A);

	assert_true(g_str_has_prefix(got, "0 aa | loop1.virginia.edu. 3600 IN CNAME loop2.virginia.edu., "));
	dns_zone_free(z);
}

static void rfc1035_5_2_wrong_master_files_are_refused_with_their_line(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "@ SOA a b 1 2 3 4 5\n", "line 1: a relative name, but no $ORIGIN: @" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4\n", "line 2: not a number of a SOA record" },
		{ "$ORIGIN x.\n@ SOA a b ( 1 2 3 4 5\n", "line 3: '(' is not closed" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\na A 10.0.0\n", "line 3: not an address: 10.0.0" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\na B c\n", "line 3: not a type that is known: B" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\ny. A 10.0.0.1\n", "y. is not in the zone" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\n\"\" A 10.0.0.1\n", "line 3: an empty name" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\na CNAME \"\"\n", "line 3: an empty name" },
		{ "$ORIGIN \"\"\n", "line 1: an empty name" },
		{ "$ORIGIN x.\na A 10.0.0.1\n", "a zone has a SOA record" },
		{ "$ORIGIN x.\n@ SOA a b 1 2 3 4 5\n@ SOA a b 1 2 3 4 5\n", "line 3: a second SOA record" },
		{ "$INCLUDE f\n", "line 1: not a directive that is known: $INCLUDE" },
		{ " A 10.0.0.1\n", "line 1: a record without a name" },
		{ "$ORIGIN x.\na TXT \"open\n", "line 2: a quote is not closed" },
		{ "", "a zone has a SOA record" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		struct dns_zone *z = NULL;
		struct err e = { 0 };

		assert_int_equal(dns_zone_parse(wrong[i].text, strlen(wrong[i].text), NULL, &z, &e), -EINVAL);
		assert_string_equal(e.why, wrong[i].why);
		assert_null(z);
	}
	for (size_t len = 0; len < strlen(virginia); len++) { /* cut anywhere: read, or refused */
		struct dns_zone *z;

		if (dns_zone_parse(virginia, len, NULL, &z, NULL) == 0)
			dns_zone_free(z);
	}
}

/* RFC 1035 4.2.1, RFC 2181 9: what does not fit is left out, TC says so; missing additional records do not set it. */
static void rfc2181_9_long_answers_are_truncated(void **state)
{
	GString *text = g_string_new("$ORIGIN x.\n@ SOA a b 1 2 3 4 5\n");
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct dns_message q, a, again;
	struct dns_zone *z;

	for (unsigned i = 0; i < 100; i++)
		g_string_append_printf(text, "many A 10.0.0.%u\n", i);
	z = zone(text->str);
	dns_message_init(&q);
	q.has_question = true;
	q.name = name("many.x");
	q.type = DNS_A;
	dns_zones_answer(&z, 1, &q, &a);
	for (size_t max = 512; max <= 2000; max += 93) {
		dns_message_write(&a, max, bytes);
		assert_true(bytes->len <= max);
		assert_int_equal(dns_message_parse(bytes->data, bytes->len, &again, NULL), 0);
		assert_int_equal(again.truncated, again.section[DNS_ANSWER]->len < 100);
		assert_true(again.section[DNS_ANSWER]->len > 20);
		dns_message_clear(&again);
	}
	q.udp_max = a.udp_max = 1232;
	dns_message_write(&a, 1232, bytes);
	assert_true(bytes->len <= 1232);
	assert_int_equal(dns_message_parse(bytes->data, bytes->len, &again, NULL), 0);
	assert_int_equal(again.udp_max, 512);
	dns_message_clear(&again);
	dns_message_clear(&q);
	dns_message_clear(&a);
	dns_zone_free(z);
	g_string_free(text, TRUE);
}

/* Questions as dig 9.18 sends them, and the answers byte for byte, compressed by hand (RFC 1035 4.1, RFC 6891). */
static void rfc1035_4_1_questions_of_dig(void **state)
{
	static const struct { const char *question, *answer; } cases[] = {
		{ "cd3f01200001000000000000 03777777 0876697267696e6961 03656475 00 00010001",
		  "cd3f85000001000300000000 03777777 0876697267696e6961 03656475 00 00010001"
		  "c00c 0005 0001 00000e10 0006 03776562c010 c02e 0001 0001 00000e10 0004 0a000250 c02e 0001 0001 00000e10 0004 0a000251" },
		{ "47b501200001000000000001 0876697267696e6961 03656475 00 000f0001 00002904d000000000000c000a0008ee327665dbb09dc1",
		  "47b585000001000100000002 0876697267696e6961 03656475 00 000f0001"
		  "c00c 000f 0001 00000e10 0009 000a 046d61696c c00c c02c 0001 0001 00000e10 0004 0a000219 00 0029 0200 00000000 0000" },
		{ "0b36002000010000000000010238300132013002313007696e2d61646472046172706100000c000100002904d0000000000000", /* 80.2.0.10.in-addr.arpa */
		  "0b36800500010000000000010238300132013002313007696e2d61646472046172706100000c0001 00 0029 0200 00000000 0000" },
	};
	struct dns_zone *z = zone(virginia);

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(GStrv) in = g_strsplit(cases[i].question, " ", -1), out = g_strsplit(cases[i].answer, " ", -1);
		g_autofree char *question = g_strjoinv("", in), *answer = g_strjoinv("", out);
		g_autoptr(GByteArray) bytes = g_byte_array_new();
		uint8_t sent[200], wanted[200];
		size_t len = unhex(question, sent, sizeof sent), n = unhex(answer, wanted, sizeof wanted);
		struct dns_message q, a;

		assert_int_equal(dns_message_parse(sent, len, &q, NULL), 0);
		dns_zones_answer(&z, 1, &q, &a);
		dns_message_write(&a, 512, bytes);
		assert_int_equal(bytes->len, n);
		assert_memory_equal(bytes->data, wanted, n);
		dns_message_clear(&q);
		dns_message_clear(&a);
	}
	dns_zone_free(z);
}

/* RFC 1035 4.1.4 */
static void rfc1035_4_1_4_pointers_lead_backwards_or_nowhere(void **state)
{
	static const struct { const char *hex; } wrong[] = {
		{ "0000 0000 0001 0000 0000 0000 c00c 0001 0001" },          /* to itself */
		{ "0000 0000 0001 0000 0000 0000 c00e 0001 0001" },          /* forward */
		{ "0000 0000 0001 0000 0000 0000 c000 0001 0001" },          /* into the header */
		{ "0000 0000 0001 0000 0000 0000 0161c00c 0001 0001" },      /* round */
		{ "0000 0000 0001 0000 0000 0000 40 0001 0001" },            /* a kind that is none */
		{ "0000 0000 0001 0000 0000 0000 0161" },
		{ "0000 0000 0001 0000 0000 0000 c0" },
		{ "0000 0000 0002 0000 0000 0000 00 0001 0001 00 0001 0001" },
		{ "0000 0000 0000 ffff ffff ffff" },
		{ "0000 8000 0000 0001 0000 0000 00 0001 0001 00000000 0003 0a0000" },
		{ "0000 8000 0000 0001 0000 0000 00 0002 0001 00000000 0004 0161 00 00" },
		{ "0000 8000 0000 0001 0000 0000 00 0001 0001 00000000 0004 0a00" },
	};
	struct dns_message m;
	uint8_t bytes[128];

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *packed = g_strdup(wrong[i].hex);
		char *to = packed;
		size_t len;

		for (const char *c = wrong[i].hex; *c; c++)
			if (*c != ' ')
				*to++ = *c;
		*to = '\0';
		len = unhex(packed, bytes, sizeof bytes);
		if (dns_message_parse(bytes, len, &m, NULL) != -EINVAL)
			print_error("%s\n", wrong[i].hex);
		assert_int_equal(dns_message_parse(bytes, len, &m, NULL), -EINVAL);
	}
}

/* Only letters of ASCII have two cases; what is asked comes back as it was written. */
static void rfc4343_3_case_is_kept_and_makes_no_difference(void **state)
{
	static const struct { const char *a, *b; bool same; } pairs[] = {
		{ "Www.Virginia.EDU", "wWW.virginia.edu.", true }, { "a@z", "A@Z", true }, { "a[z", "a{z", false }, { "a\\000", "a\\032", false },
		{ "\\228", "\\196", false } /* of another alphabet */, { "a\\.b", "a.b", false }, { "aa", "a", false },
	};
	struct dns_zone *z = zone(virginia);

	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
		struct dns_name a = name(pairs[i].a), b = name(pairs[i].b);

		assert_int_equal(dns_name_equal(&a, &b), pairs[i].same);
		assert_true(!pairs[i].same || dns_name_hash(&a) == dns_name_hash(&b));
	}
	assert_answer(z, "wEB.Virginia.eDu", DNS_AAAA, "0 aa | wEB.Virginia.eDu. 3600 IN AAAA fd00::80 | |");
	dns_zone_free(z);
}

static void rfc1035_3_5_addresses_have_names(void **state)
{
	struct dns_zone *z = zone("$ORIGIN 2.0.10.in-addr.arpa.\n@ SOA ns.x. a.x. 1 2 3 4 5\n@ NS ns.x.\n80 PTR web.virginia.edu.\n");

	assert_answer(z, "80.2.0.10.in-addr.arpa", DNS_PTR, "0 aa | 80.2.0.10.in-addr.arpa. 3600 IN PTR web.virginia.edu. | |");
	assert_answer(z, "81.2.0.10.in-addr.arpa", DNS_PTR, "3 aa | | 2.0.10.in-addr.arpa. 5 IN SOA ns.x. a.x. 1 2 3 4 5 |");
	dns_zone_free(z);
}

/* A cache, and records for it: time to live and last byte of an address. */
struct store { struct net_dns_cache *c; struct dns_message m; struct dns_name www; };

static struct store store(void)
{
	struct store s = { .c = net_dns_cache_new(), .www = name("www.x") };

	dns_message_init(&s.m);
	return s;
}

static void store_end(struct store *s)
{
	net_dns_cache_free(s->c);
	dns_message_clear(&s->m);
}

static void put(struct store *s, unsigned ttl, uint8_t last, enum dns_rank rank)
{
	uint8_t data[] = { 10, 0, 0, last };
	struct dns_record r = { .name = s->www, .type = DNS_A, .class = DNS_IN, .ttl = ttl, .len = 4, .data = data };

	g_array_set_size(s->m.section[DNS_ANSWER], 0);
	dns_message_add(&s->m, DNS_ANSWER, &r);
	dns_cache_add(s->c, s->m.section[DNS_ANSWER], &s->www, DNS_A, rank, 0);
}

/* The last byte of the address that is kept; 0: none. */
static uint8_t kept(const struct store *s, ns_t now)
{
	const struct dns_rrset *set = dns_cache_find(s->c, &s->www, DNS_A, now);

	return set && !set->negative ? g_array_index(set->records, struct dns_record, 0).data[3] : 0;
}

/* RFC 2181 5.2: records of one name and type live as long as the shortest of them. 8: nor longer than 2^31 - 1 seconds. */
static void rfc2181_5_2_a_set_lives_as_long_as_its_shortest_record(void **state)
{
	struct store s = store();
	uint8_t data[] = { 10, 0, 0, 1 };
	struct dns_record r = { .name = s.www, .type = DNS_A, .class = DNS_IN, .ttl = 100, .len = 4, .data = data };
	struct dns_message out;

	dns_message_add(&s.m, DNS_ANSWER, &r);
	r.ttl = 7;
	data[3] = 2;
	dns_message_add(&s.m, DNS_ANSWER, &r);
	dns_cache_add(s.c, s.m.section[DNS_ANSWER], &s.www, DNS_A, DNS_RANK_ANSWER, 0);
	assert_true(dns_cache_find(s.c, &s.www, DNS_A, 6 * NS_PER_S));
	assert_false(dns_cache_find(s.c, &s.www, DNS_A, 7 * NS_PER_S));
	dns_message_init(&out);
	dns_rrset_copy(dns_cache_find(s.c, &s.www, DNS_A, 2 * NS_PER_S), 2 * NS_PER_S, &out, DNS_ANSWER);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(g_array_index(out.section[DNS_ANSWER], struct dns_record, i).ttl, 5);
	dns_message_clear(&out);
	store_end(&s);
}

static void rfc2181_8_a_time_to_live_without_end_is_none(void **state)
{
	uint8_t bytes[64];
	size_t len = unhex("00008000000000010000000001780000010001ffffffff00040a000001", bytes, sizeof bytes);
	struct dns_message m;

	assert_int_equal(dns_message_parse(bytes, len, &m, NULL), 0);
	assert_int_equal(g_array_index(m.section[DNS_ANSWER], struct dns_record, 0).ttl, 0);
	dns_message_clear(&m);
}

/* What came along beside an answer does not displace what was asked for. */
static void rfc2181_5_4_1_answers_outrank_what_comes_along(void **state)
{
	struct store s = store();

	put(&s, 100, 1, DNS_RANK_GLUE);
	assert_int_equal(kept(&s, 0), 1);
	put(&s, 100, 2, DNS_RANK_ANSWER);
	assert_int_equal(kept(&s, 0), 2);
	put(&s, 100, 3, DNS_RANK_GLUE);
	assert_int_equal(kept(&s, 0), 2);
	put(&s, 100, 4, DNS_RANK_AUTHORITY);
	put(&s, 100, 5, DNS_RANK_ANSWER);
	assert_int_equal(kept(&s, 0), 4);
	assert_int_equal(kept(&s, 100 * NS_PER_S), 0);
	put(&s, 0, 6, DNS_RANK_AUTHORITY);               /* to be used once, not to be kept */
	assert_int_equal(kept(&s, 0), 4);
	store_end(&s);
}

/* As long as the SOA's own time to live, or its minimum where that is less; at most three hours; without a SOA not at all. */
static void rfc2308_5_how_long_nothing_is_remembered(void **state)
{
	static const struct { unsigned ttl, minimum, seconds; } cases[] = {
		{ 10, 300, 10 }, { 300, 10, 10 }, { 86400, 86400, 3 * 3600 }, { 0, 300, 0 }, { 300, 0, 0 },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct store s = store();
		uint8_t data[22] = { 0, 0 };
		struct dns_record soa = { .name = name("x"), .type = DNS_SOA, .class = DNS_IN, .ttl = cases[i].ttl, .len = 22, .data = data };

		for (unsigned b = 0; b < 4; b++)
			data[18 + b] = (uint8_t)(cases[i].minimum >> (24 - 8 * b));
		dns_cache_add_none(s.c, &s.www, DNS_A, NULL, 0);
		assert_false(dns_cache_find(s.c, &s.www, DNS_A, 0));
		dns_cache_add_none(s.c, &s.www, DNS_A, &soa, 0);
		assert_int_equal(dns_cache_find(s.c, &s.www, DNS_A, 0) != NULL, cases[i].seconds > 0);
		if (cases[i].seconds)
			assert_true(dns_cache_find(s.c, &s.www, DNS_A, cases[i].seconds * NS_PER_S - 1)->negative);
		assert_false(dns_cache_find(s.c, &s.www, DNS_A, cases[i].seconds * NS_PER_S));
		put(&s, 100, 1, DNS_RANK_AUTHORITY);
		assert_int_equal(kept(&s, 0), 1);        /* there it is, after all */
		store_end(&s);
	}
}

/* RFC 6891 6.1.1: one OPT record; 6.1.3: of a version that we do not speak, BADVERS, in five bits here and eight there. */
static void rfc6891_6_1_3_of_edns_there_is_version_0(void **state)
{
	uint8_t bytes[64];
	size_t len = unhex("1234010000010000000000010178000001000100002910000001" "00000000", bytes, sizeof bytes);
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct dns_zone *z = zone(virginia);
	struct dns_message q, a;

	assert_int_equal(dns_message_parse(bytes, len, &q, NULL), 0);
	assert_int_equal(q.edns_version, 1);
	dns_zones_answer(&z, 1, &q, &a);
	dns_message_write(&a, 512, out);
	assert_int_equal(out->data[3] & 15, 0);
	assert_int_equal(out->data[out->len - 6], 1);    /* 16 = 1 << 4 | 0 */
	assert_int_equal(out->data[out->len - 5], 0);    /* the version that we speak */
	dns_message_clear(&q);
	dns_message_clear(&a);
	assert_int_equal(dns_message_parse(out->data, out->len, &a, NULL), 0);
	assert_int_equal(a.rcode, DNS_BADVERS);
	dns_message_clear(&a);
	memcpy(bytes + len, bytes + len - 11, 11);       /* a second one */
	bytes[11] = 2;
	assert_int_equal(dns_message_parse(bytes, len + 11, &q, NULL), -EINVAL);
	dns_zone_free(z);
}

/* Whatever comes in: read or refused; what was read can be written and read again. */
static void damaged_messages_are_read_or_refused(void **state)
{
	struct dns_zone *z = zone(virginia);
	g_autoptr(GByteArray) bytes = g_byte_array_new(), again = g_byte_array_new();
	struct dns_message q, a, m;
	struct rng rng;
	unsigned read = 0;

	rng_seed(&rng, 1, "damage");
	dns_message_init(&q);
	q.has_question = true;
	q.name = name("virginia.edu");
	q.type = DNS_ANY;
	q.udp_max = 1232;
	dns_zones_answer(&z, 1, &q, &a);
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t *copy;
		size_t len;

		if (i % 1000 == 0)
			dns_message_write(&a, 65535, bytes);
		len = rng_below(&rng, 4) ? bytes->len : rng_below(&rng, bytes->len + 1);
		copy = g_memdup2(bytes->data, len);
		for (unsigned k = (unsigned)rng_below(&rng, 4); k-- && len;)
			copy[rng_below(&rng, len)] = (uint8_t)rng_below(&rng, 256);
		if (dns_message_parse(copy, len, &m, NULL) == 0) {
			struct dns_message back;

			read++;
			dns_message_write(&m, 65535, again);
			assert_int_equal(dns_message_parse(again->data, again->len, &back, NULL), 0);
			assert_int_equal(back.section[0]->len, m.section[0]->len);
			dns_message_clear(&back);
			dns_message_clear(&m);
		}
		g_free(copy);
	}
	assert_true(read > 1000);
	dns_message_clear(&q);
	dns_message_clear(&a);
	dns_zone_free(z);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1035_2_3_4_names_are_labels),
		cmocka_unit_test(rfc1034_4_3_2_a_zone_answers), cmocka_unit_test(rfc1035_4_1_questions_of_dig),
		cmocka_unit_test(rfc1034_3_6_2_aliases_that_lead_round_end),
		cmocka_unit_test(rfc1035_5_2_wrong_master_files_are_refused_with_their_line),
		cmocka_unit_test(rfc2181_9_long_answers_are_truncated),
		cmocka_unit_test(rfc1035_4_1_4_pointers_lead_backwards_or_nowhere),
		cmocka_unit_test(rfc4343_3_case_is_kept_and_makes_no_difference), cmocka_unit_test(rfc1035_3_5_addresses_have_names),
		cmocka_unit_test(rfc2181_5_2_a_set_lives_as_long_as_its_shortest_record),
		cmocka_unit_test(rfc2181_8_a_time_to_live_without_end_is_none),
		cmocka_unit_test(rfc2181_5_4_1_answers_outrank_what_comes_along),
		cmocka_unit_test(rfc2308_5_how_long_nothing_is_remembered), cmocka_unit_test(rfc6891_6_1_3_of_edns_there_is_version_0),
		cmocka_unit_test(damaged_messages_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
