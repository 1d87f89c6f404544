/* test_resolve_lies.c - answers that a look-up does not believe (RFC 2181, 5452). */
#include "internet.h"
#include "dns/message.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(NAME) cmocka_unit_test_setup_teardown(NAME, lab_setup, lab_teardown)
		T(rfc5452_9_1_answers_to_nobodys_question_are_dropped),
		T(rfc5452_6_out_of_bailiwick_is_dropped),
		T(rfc5452_9_2_numbers_and_ports_are_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
