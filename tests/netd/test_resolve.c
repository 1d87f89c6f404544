/* test_resolve.c - look-ups and name servers at work on a wire (RFC 1034, 1035, 2181, 2308, 5452, 6724). */
#include "lab.h"
#include "dns/message.h"
#include "dns/resolvconf.h"
#include "net_dns.h"

#include <arpa/inet.h>
#include <errno.h>

/* --- a small internet: root, edu, virginia; the client c ------------------------------------- */

struct named { struct net_dns_server *server; struct net_socket *udp, *tcp; struct net_dns_cache *cache; };
struct scene { struct lab *l; struct net_wire *wire; struct named named[6]; unsigned count; struct net_host *client;
	       struct net_dns_cache *cache; };

static struct named *add_server(struct scene *s, const char *host, const char *address, const char *zone, const char *hints)
{
	struct named *n = &s->named[s->count++];
	struct net_host *h = lab_host(s->l, host, s->wire, address);
	struct net_addr hint;
	struct err e = { 0 };

	n->cache = net_dns_cache_new();
	n->server = net_dns_server_new(h, &root, n->cache);
	if (zone && net_dns_server_zone(n->server, zone, strlen(zone), &e))
		fail_msg("%s: %s", host, e.why);
	if (hints) {
		hint = addr(hints);
		assert_int_equal(net_dns_server_root(n->server, &hint, NULL), 0);
	}
	n->udp = open_bound(h, NET_UDP, "0.0.0.0:53");
	n->tcp = open_listener(h, "0.0.0.0:53", 8);
	return n;
}

#define SOA " 86400 IN SOA ns admin 1 7200 900 604800 300\n"
static const char root_zone[] = "$ORIGIN .\n." SOA ". NS a.root.\na.root. A 10.0.0.1\nedu. NS ns.edu.\nns.edu. A 10.0.0.2\n"
				"com. NS ns.edu.\ndead. NS ns.dead.\nns.dead. A 10.0.0.99\n";
static const char edu_zone[] = "$ORIGIN edu.\n@" SOA "@ NS ns\nns A 10.0.0.2\nvirginia NS ns.virginia\nns.virginia A 10.0.0.3\n"
			       "glueless NS ns.virginia.edu.\n";
static const char com_zone[] = "$ORIGIN com.\n@" SOA "@ NS ns.edu.\nx CNAME www.virginia.edu.\n";
static const char glueless_zone[] = "$ORIGIN glueless.edu.\n@" SOA "@ NS ns.virginia.edu.\nwww A 10.1.1.1\n";
static char *virginia_zone(void)
{
	GString *z = g_string_new("$ORIGIN virginia.edu.\n$TTL 100\n@" SOA "@ NS ns\nns A 10.0.0.3\nwww CNAME web\n"
				  "web A 10.0.0.80\nweb A 10.0.0.81\nweb AAAA fd00::80\nshort 5 A 10.0.0.5\n@ MX 10 mail\nmail A 10.0.0.25\n"
				  "zero 0 A 10.0.0.7\nloop1 CNAME loop2\nloop2 CNAME loop1\nlame NS ns.edu.\ntext TXT \"a b\" c\n");

	for (unsigned i = 0; i < 60; i++)
		g_string_append_printf(z, "many A 10.9.0.%u\n", i);
	return g_string_free(z, FALSE);
}

static void open_scene(struct scene *s, struct lab *l)
{
	g_autofree char *virginia = virginia_zone();

	*s = (struct scene){ .l = l, .wire = lab_wire(l, "lan0"), .cache = net_dns_cache_new() };
	add_server(s, "root", "10.0.0.1/24", root_zone, NULL);
	add_server(s, "edu", "10.0.0.2/24", edu_zone, NULL);
	assert_int_equal(net_dns_server_zone(s->named[1].server, com_zone, strlen(com_zone), NULL), 0);
	add_server(s, "virginia", "10.0.0.3/24", virginia, NULL);
	assert_int_equal(net_dns_server_zone(s->named[2].server, glueless_zone, strlen(glueless_zone), NULL), 0);
	s->client = lab_host(l, "c", s->wire, "10.0.0.10/24");
}

static void close_scene(struct scene *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		net_dns_server_free(s->named[i].server);
		net_socket_release(s->named[i].udp);
		net_socket_release(s->named[i].tcp);
		net_dns_cache_free(s->named[i].cache);
	}
	net_dns_cache_free(s->cache);
	lab_settle(s->l);
}

static void step_servers(struct scene *s)
{
	bool did;

	do {
		did = false;
		for (unsigned i = 0; i < s->count; i++)
			did |= net_dns_server_step(s->named[i].server, &s->named[i].udp, &s->named[i].tcp, 1);
	} while (did);
}

/* Lets time run until it is done; `also` may be NULL. */
static void finish(struct scene *s, struct net_lookup *q, void (*also)(struct scene *s))
{
	for (unsigned i = 0; !net_lookup_step(q); i++) {
		assert_true(i < 100000);
		step_servers(s);
		if (also)
			also(s);
		if (net_lookup_step(q))
			return;
		assert_true(s->l->clock.busy > 0);
		clock_step(&s->l->clock);
	}
}

static struct net_lookup_config from_root(struct scene *s, const char *type)
{
	struct net_lookup_config c = { .cache = s->cache, .who = root, .v4 = true, .v6 = true, .type = type, .servers = 1,
				       .iterative = true };

	c.server[0] = addr("10.0.0.1");
	return c;
}

/* What it finds: addresses or records, blanks between; or the error's name. The trace is kept in `trace`. */
static char trace[4096];

static char *result_of(struct net_lookup *q, const char *type)
{
	g_autoptr(GArray) addrs = g_array_new(FALSE, FALSE, sizeof(struct net_addr));
	GString *out = g_string_new(NULL);
	struct err e = { 0 };
	char text[NET_ADDR_TEXT];

	g_strlcpy(trace, net_lookup_trace(q), sizeof trace);
	if (type ? net_lookup_records(q, out, &e) : net_lookup_addresses(q, addrs, &e))
		g_string_printf(out, "%s: %s", e.code == ENOENT ? "ENOENT" : e.code == ENODATA ? "ENODATA" :
				e.code == ETIMEDOUT ? "ETIMEDOUT" : e.code == EIO ? "EIO" : "?", e.why);
	for (unsigned i = 0; i < addrs->len; i++) {
		const struct net_addr *a = &g_array_index(addrs, struct net_addr, i);

		g_string_append_printf(out, "%s%s", i ? " " : "", a->family == NET_IPV4 ? net_addr_text(a, text) :
				       inet_ntop(AF_INET6, a->v6, text, sizeof text));
	}
	net_lookup_free(q);
	return g_string_free(out, FALSE);
}

static char *look(struct scene *s, const char *name, const struct net_lookup_config *c)
{
	struct net_lookup *q;
	struct err e = { 0 };

	if (net_lookup_start(s->client, name, c, &q, &e))
		return g_strdup_printf("refused: %s", e.why);
	finish(s, q, NULL);
	return result_of(q, c->type);
}

static void assert_look(struct scene *s, const char *name, const struct net_lookup_config *c, const char *wanted)
{
	g_autofree char *got = look(s, name, c);

	if (strcmp(got, wanted))
		print_error("%s\n%s", name, trace);
	assert_string_equal(got, wanted);
}

static unsigned questions(void)
{
	unsigned n = 0;

	for (const char *c = trace; *c; c++)
		n += *c == '\n';
	return n;
}

/* --- resolution ------------------------------------------------------------------------------- */

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

/* --- answers that are not believed ------------------------------------------------------------ */

static struct net_socket *liar_socket;
static void (*lie)(const struct dns_message *question, const struct net_endpoint *from);

static void put_record(struct dns_message *m, unsigned section, const char *owner, uint16_t type, const char *data)
{
	struct dns_record r = { .type = type, .class = DNS_IN, .ttl = 1000 };
	uint8_t bytes[DNS_NAME_MAX];
	struct dns_name n;

	assert_int_equal(dns_name_parse(owner, &r.name, NULL), 0);
	if (type == DNS_A) {
		struct net_addr a = addr(data);

		for (unsigned i = 0; i < 4; i++)
			bytes[i] = (uint8_t)(a.v4 >> (24 - 8 * i));
		r.len = 4;
	} else {
		assert_int_equal(dns_name_parse(data, &n, NULL), 0);
		memcpy(bytes, n.at, n.len);
		r.len = n.len;
	}
	r.data = bytes;
	dns_message_add(m, section, &r);
}

static struct dns_message answer_to(const struct dns_message *q)
{
	struct dns_message m;

	dns_message_init(&m);
	m.id = q->id;
	m.response = m.authoritative = m.has_question = true;
	m.name = q->name;
	m.type = q->type;
	return m;
}

static void say(struct net_socket *s, struct dns_message *m, const struct net_endpoint *to)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	dns_message_write(m, 512, bytes);
	assert_int_equal(net_send(s, bytes->data, bytes->len, 0, to, NULL), bytes->len);
	dns_message_clear(m);
}

static void liar_step(struct scene *s)
{
	uint8_t bytes[512];
	struct net_endpoint from;
	struct dns_message q;
	ssize_t n;

	while ((n = net_recv(liar_socket, bytes, sizeof bytes, 0, &from, NULL)) > 0) {
		assert_int_equal(dns_message_parse(bytes, (size_t)n, &q, NULL), 0);
		lie(&q, &from);
		dns_message_clear(&q);
	}
}

static struct net_socket *spoofer;

static void lie_in_vain(const struct dns_message *q, const struct net_endpoint *from)
{
	static const char garbage[] = "this is no message of DNS at all";
	struct dns_message m;

	m = answer_to(q);                                /* another number */
	m.id ^= 1;
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "6.6.6.1");
	say(liar_socket, &m, from);
	m = answer_to(q);                                /* another question */
	assert_int_equal(dns_name_parse("www.virginia.edv", &m.name, NULL), 0);
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "6.6.6.2");
	say(liar_socket, &m, from);
	m = answer_to(q);                                /* another type */
	m.type = DNS_MX;
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "6.6.6.3");
	say(liar_socket, &m, from);
	m = answer_to(q);                                /* a question, not an answer */
	m.response = false;
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "6.6.6.4");
	say(liar_socket, &m, from);
	m = answer_to(q);                                /* all right, from another address */
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "6.6.6.5");
	say(spoofer, &m, from);
	assert_true(net_send(liar_socket, garbage, sizeof garbage, 0, from, NULL) > 0);
	m = answer_to(q);
	put_record(&m, DNS_ANSWER, "www.virginia.edu", DNS_A, "10.0.0.80");
	say(liar_socket, &m, from);
}

/* RFC 5452 9.1 */
static void rfc5452_9_1_answers_to_nobodys_question_are_dropped(void **state)
{
	struct scene s;
	struct net_lookup_config c;
	struct net_lookup *q;
	g_autofree char *got = NULL;

	s = (struct scene){ .l = *state, .wire = lab_wire(*state, "lan0"), .cache = net_dns_cache_new() };
	s.client = lab_host(s.l, "c", s.wire, "10.0.0.10/24");
	liar_socket = open_bound(lab_host(s.l, "liar", s.wire, "10.0.0.1/24"), NET_UDP, "10.0.0.1:53");
	spoofer = open_bound(lab_host(s.l, "spoofer", s.wire, "10.0.0.66/24"), NET_UDP, "10.0.0.66:53");
	lie = lie_in_vain;
	c = from_root(&s, "A");
	assert_int_equal(net_lookup_start(s.client, "www.virginia.edu", &c, &q, NULL), 0);
	finish(&s, q, liar_step);
	got = result_of(q, "A");
	assert_string_equal(got, "www.virginia.edu. 1000 IN A 10.0.0.80\n");
	net_socket_release(liar_socket);
	net_socket_release(spoofer);
	close_scene(&s);
}

/* A server of evil.edu that speaks for bank.edu, for edu and for the root; the truth about its own name is wanted. */
static void lie_about_others(const struct dns_message *q, const struct net_endpoint *from)
{
	struct dns_message m = answer_to(q);

	put_record(&m, DNS_ANSWER, "www.evil.edu", DNS_A, "10.0.0.66");
	put_record(&m, DNS_ANSWER, "www.bank.edu", DNS_A, "6.6.6.6");
	put_record(&m, DNS_AUTHORITY, "edu", DNS_NS, "ns.evil.edu");
	put_record(&m, DNS_AUTHORITY, "evil.edu", DNS_NS, "www.bank.edu");
	put_record(&m, DNS_ADDITIONAL, "www.bank.edu", DNS_A, "6.6.6.7");
	put_record(&m, DNS_ADDITIONAL, "ns.edu", DNS_A, "6.6.6.8");
	say(liar_socket, &m, from);
}

static void note_six(const struct net_dns_row *row, void *count)
{
	if (strstr(row->data, "6.6.6.") || (!strcmp(row->name, "edu.") && strstr(row->data, "evil")))
		++*(unsigned *)count;
}

/* RFC 2181 5.4.1, RFC 5452 6: nobody is believed about what is not his. */
static void rfc5452_6_out_of_bailiwick_is_dropped(void **state)
{
	static const char edu[] = "$ORIGIN edu.\n@" SOA "@ NS ns\nns A 10.0.0.2\nevil NS ns.evil\nns.evil A 10.0.0.66\nbank NS ns.bank\n"
				  "ns.bank A 10.0.0.3\n";
	static const char bank[] = "$ORIGIN bank.edu.\n@" SOA "@ NS ns\nns A 10.0.0.3\nwww A 10.0.0.30\n";
	struct net_lookup_config c;
	struct net_lookup *q;
	struct scene s = { .l = *state, .wire = lab_wire(*state, "lan0"), .cache = net_dns_cache_new() };
	unsigned six = 0;
	g_autofree char *got = NULL;

	add_server(&s, "root", "10.0.0.1/24", root_zone, NULL);
	add_server(&s, "edu", "10.0.0.2/24", edu, NULL);
	add_server(&s, "bank", "10.0.0.3/24", bank, NULL);
	s.client = lab_host(s.l, "c", s.wire, "10.0.0.10/24");
	liar_socket = open_bound(lab_host(s.l, "liar", s.wire, "10.0.0.66/24"), NET_UDP, "10.0.0.66:53");
	lie = lie_about_others;
	c = from_root(&s, "A");
	assert_int_equal(net_lookup_start(s.client, "www.evil.edu", &c, &q, NULL), 0);
	finish(&s, q, liar_step);
	got = result_of(q, "A");
	assert_string_equal(got, "www.evil.edu. 1000 IN A 10.0.0.66\n");
	net_dns_cache_rows(s.cache, s.l->clock.now, note_six, &six);
	assert_int_equal(six, 0);
	assert_look(&s, "www.bank.edu", &c, "www.bank.edu. 3600 IN A 10.0.0.30\n");
	net_socket_release(liar_socket);
	close_scene(&s);
}

/* RFC 5452 9.2: numbers and ports cannot be foretold, yet are the same with the same seed. */
static void rfc5452_9_2_numbers_and_ports_are_random(void **state)
{
	uint32_t seen[2][32];

	for (unsigned run = 0; run < 2; run++) {
		struct lab l;
		struct net_wire *w;
		struct net_host *c;
		struct net_socket *server;
		unsigned ascending = 0;

		lab_open(&l, 7);
		w = lab_wire(&l, "lan0");
		c = lab_host(&l, "c", w, "10.0.0.10/24");
		server = open_bound(lab_host(&l, "s", w, "10.0.0.1/24"), NET_UDP, "10.0.0.1:53");
		for (unsigned i = 0; i < 32; i++) {
			struct net_lookup_config config = { .who = root, .v4 = true, .resolv = "nameserver 10.0.0.1" };
			struct net_endpoint from;
			struct net_lookup *q;
			uint8_t bytes[512];

			assert_int_equal(net_lookup_start(c, "x.y", &config, &q, NULL), 0);
			assert_false(net_lookup_step(q));
			lab_run(&l, NS_PER_MS);
			assert_true(net_recv(server, bytes, sizeof bytes, 0, &from, NULL) > 12);
			seen[run][i] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | from.port;
			if (i && (uint16_t)seen[run][i] > (uint16_t)seen[run][i - 1])
				ascending++;
			for (unsigned k = 0; k < i; k++)
				assert_true(seen[run][i] != seen[run][k]);
			net_lookup_free(q);
		}
		assert_true(ascending > 5 && ascending < 27);
		net_socket_release(server);
		lab_close(&l);
	}
	assert_memory_equal(seen[0], seen[1], sizeof seen[0]);
}

/* --- servers under odd clients ---------------------------------------------------------------- */

static void a_server_takes_odd_messages(void **state)
{
	struct scene s;
	struct net_socket *c, *t;
	struct net_endpoint to = at("10.0.0.3:53");
	static const uint8_t question[] = { 0, 29, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e', 'b', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t bytes[600] = { 0 };

	open_scene(&s, *state);
	c = open_socket(s.client, NET_UDP);
	for (unsigned len = 0; len < 40; len++)          /* no answer to what is not understood, nor to answers */
		assert_int_equal(net_send(c, bytes, len, 0, &to, NULL), len);
	bytes[2] = 0x80;
	assert_int_equal(net_send(c, bytes, 12, 0, &to, NULL), 12);
	lab_settle(s.l);
	step_servers(&s);
	lab_settle(s.l);
	for (ssize_t n; (n = net_recv(c, bytes, sizeof bytes, 0, NULL, NULL)) >= 0; )
		assert_int_equal(bytes[3] & 15, DNS_FORMERR); /* a header without a question */

	t = open_socket(s.client, NET_TCP);              /* a byte at a time, then the end in the middle of a message */
	assert_int_equal(net_connect(t, &to, NULL), -EINPROGRESS);
	lab_settle(s.l);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(net_send(t, question + i, 1, 0, NULL, NULL), 1);
		step_servers(&s);
		lab_settle(s.l);
	}
	assert_int_equal(net_shutdown(t, SHUT_WR, NULL), 0);
	lab_settle(s.l);
	step_servers(&s);
	lab_settle(s.l);
	assert_int_equal(net_recv(t, bytes, sizeof bytes, 0, NULL, NULL), 0);
	net_socket_release(t);
	net_socket_release(c);
	close_scene(&s);
}

/* RFC 1035 4.2.2: several questions on one connection, in one segment. */
static void rfc1035_4_2_2_questions_on_one_connection(void **state)
{
	struct scene s;
	struct net_endpoint to = at("10.0.0.53:53");
	g_autoptr(GByteArray) both = g_byte_array_new(), one = g_byte_array_new();
	uint8_t in[2000], len[2] = { 0 };
	struct net_socket *t;
	struct dns_message q;
	unsigned answers = 0, ids = 0;
	ssize_t n;

	open_scene(&s, *state);
	add_server(&s, "resolver", "10.0.0.53/24", NULL, "10.0.0.1");
	t = open_socket(s.client, NET_TCP);
	assert_int_equal(net_connect(t, &to, NULL), -EINPROGRESS);
	lab_settle(s.l);
	for (unsigned i = 0; i < 2; i++) {
		dns_message_init(&q);
		q.id = (uint16_t)(1 << i);
		q.has_question = q.wants_recursion = true;
		assert_int_equal(dns_name_parse(i ? "web.virginia.edu" : "ns.edu", &q.name, NULL), 0);
		q.type = DNS_A;
		dns_message_write(&q, 512, one);
		len[1] = (uint8_t)one->len;
		g_byte_array_append(both, len, 2);
		g_byte_array_append(both, one->data, one->len);
		dns_message_clear(&q);
	}
	assert_int_equal(net_send(t, both->data, both->len, 0, NULL, NULL), both->len);
	assert_int_equal(net_shutdown(t, SHUT_WR, NULL), 0); /* the answers come all the same */
	for (unsigned i = 0; i < 1000 && s.l->clock.busy; i++) {
		step_servers(&s);
		clock_step(&s.l->clock);
	}
	n = net_recv(t, in, sizeof in, 0, NULL, NULL);
	for (ssize_t at = 0; at < n; answers++) {
		size_t m = (size_t)in[at] << 8 | in[at + 1];

		assert_int_equal(dns_message_parse(in + at + 2, m, &q, NULL), 0);
		assert_true(q.recursion && !q.rcode && q.section[DNS_ANSWER]->len);
		ids += q.id;
		dns_message_clear(&q);
		at += 2 + (ssize_t)m;
	}
	assert_int_equal(answers, 2);
	assert_int_equal(ids, 3);
	net_socket_release(t);
	close_scene(&s);
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
		T(rfc1034_5_3_3_referrals_are_followed), T(rfc1035_7_2_a_question_ends), T(rfc2308_5_negative_answers_are_cached),
		T(rfc1035_3_2_1_records_live_as_long_as_they_are_told), T(rfc1035_4_2_a_truncated_answer_is_asked_for_by_tcp),
		T(rfc1034_4_3_1_recursion), T(the_search_list_and_the_file_hosts), T(resolv_conf_is_read_as_libc_reads_it),
		T(rfc5452_9_1_answers_to_nobodys_question_are_dropped), T(rfc5452_6_out_of_bailiwick_is_dropped),
		T(rfc5452_9_2_numbers_and_ports_are_random), T(a_server_takes_odd_messages),
		T(rfc1035_4_2_2_questions_on_one_connection), T(a_look_up_may_be_given_up_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
