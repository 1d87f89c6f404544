/*
 * test_rdt.c - the message protocols: every order of deliveries and of up to three faults, then over a network.
 *
 * The explorer plays all choices from the start, again and again, and stops at states that it has seen. A choice is: hand over
 * the oldest packet of one direction; let time run out (free when nothing is under way, else it is the fault "late"); or a
 * fault with the oldest packet: lose it, double it, damage it, or let those behind it overtake it.
 */
#include "lab.h"
#include "rdt.h"

#include <inttypes.h>

enum { MESSAGES = 4, FAULTS = 3, CHANNEL_MAX = 64, DEPTH_MAX = 256 };
enum fault { LOSE = 1, DOUBLE = 2, DAMAGE = 4, LATE = 8, OVERTAKE = 16 };

struct flying { struct rdt_packet p; char data; };
struct channel { struct flying at[CHANNEL_MAX]; unsigned count; };

struct play {
	const struct rdt_rules *rules;
	unsigned allowed;          /* enum fault */
	unsigned messages, faults; /* faults left */
	struct rdt a, b;           /* a sends to b */
	struct channel ways[2];    /* 0: what a sent; 1: what b sent */
	GString *got;
	ns_t now;
};

struct search {
	const struct rdt_rules *rules;
	unsigned allowed, messages;
	GHashTable *seen, *outcomes; /* text -> text */
	uint64_t states;
};

static void fly(struct channel *c, const struct rdt_packet *p)
{
	struct flying *f = &c->at[c->count++];

	assert_true(c->count < CHANNEL_MAX);
	f->p = *p;
	f->data = p->len ? (char)p->data[0] : 0;
}

static void send_from(struct rdt *r, const struct rdt_packet *p)
{
	struct play *play = r->user;

	fly(&play->ways[r == &play->b], p);
}

static void deliver_to(struct rdt *r, const uint8_t *data, size_t len)
{
	struct play *play = r->user;

	g_string_append_len(play->got, (const char *)data, (gssize)len);
}

static const struct rdt_ops ops = { send_from, deliver_to };

static void play_begin(struct play *play, const struct search *s)
{
	*play = (struct play){ .rules = s->rules, .allowed = s->allowed, .messages = s->messages, .faults = FAULTS,
			       .got = g_string_new(NULL) };
	rdt_init(&play->a, s->rules, &ops, play);
	rdt_init(&play->b, s->rules, &ops, play);
	play->a.tries = play->b.tries = 0;
	for (unsigned i = 0; i < s->messages; i++) {
		char text = (char)('1' + i);

		rdt_send(&play->a, &text, 1, 0);
	}
}

static void play_end(struct play *play)
{
	rdt_clear(&play->a);
	rdt_clear(&play->b);
	g_string_free(play->got, TRUE);
}

static struct flying take(struct channel *c)
{
	struct flying f = c->at[0];

	memmove(c->at, c->at + 1, --c->count * sizeof(c->at[0]));
	return f;
}

static void hand_over(struct play *play, unsigned way, bool damaged)
{
	struct flying f = take(&play->ways[way]);
	uint8_t byte = (uint8_t)f.data;

	f.p.data = &byte;
	f.p.damaged = damaged;
	if (damaged)
		byte = '?';
	rdt_input(way == 0 ? &play->b : &play->a, &f.p, play->now);
}

static void run_out(struct play *play)
{
	ns_t at;

	assert_true(rdt_deadline(&play->a, &at));
	play->now = MAX(play->now, at);
	rdt_tick(&play->a, play->now);
}

/* The choice of that number, if there is one. Returns false beyond the last. */
static bool choose(struct play *play, unsigned choice)
{
	ns_t at;
	bool timer = rdt_deadline(&play->a, &at), empty = !play->ways[0].count && !play->ways[1].count;

	for (unsigned way = 0; way < 2; way++)
		if (play->ways[way].count && choice-- == 0) {
			hand_over(play, way, false);
			return true;
		}
	if (empty && timer && choice-- == 0) {
		run_out(play);
		return true;
	}
	if (!play->faults)
		return false;
	if (!empty && timer && play->allowed & LATE && choice-- == 0) {
		play->faults--;
		run_out(play);
		return true;
	}
	for (unsigned way = 0; way < 2; way++) {
		struct channel *c = &play->ways[way];

		if (!c->count)
			continue;
		play->faults--;
		if (play->allowed & LOSE && choice-- == 0) {
			take(c);
			return true;
		}
		if (play->allowed & DAMAGE && choice-- == 0) {
			hand_over(play, way, true);
			return true;
		}
		if (play->allowed & DOUBLE && choice-- == 0) {
			memmove(c->at + 1, c->at, c->count++ * sizeof(c->at[0]));
			return true;
		}
		if (play->allowed & OVERTAKE && c->count > 1 && choice-- == 0) {
			struct flying f = take(c);

			c->at[c->count++] = f;
			return true;
		}
		play->faults++;
	}
	return false;
}

static void write_packet(GString *out, const struct flying *f)
{
	g_string_append_printf(out, " %d.%u.%d", f->p.type, f->p.number, f->data);
}

static void write_parts(GString *out, const GQueue *parts, ns_t now)
{
	for (const GList *l = parts->head; l; l = l->next) {
		const struct rdt_part *p = l->data;

		g_string_append_printf(out, " %u.%d.%d.%" PRId64, p->number, p->tries > 0, p->acked,
				       p->tries && !p->acked ? (int64_t)(p->deadline - now) : 0);
	}
	g_string_append_c(out, '|');
}

/* All that the future depends on. */
static char *picture(const struct play *play)
{
	GString *out = g_string_new(NULL);

	g_string_append_printf(out, "%u %u %d %s|", play->faults, play->b.expected, play->b.any, play->got->str);
	write_parts(out, &play->a.parts, play->now);
	write_parts(out, &play->b.early, play->now);
	for (unsigned way = 0; way < 2; way++) {
		for (unsigned i = 0; i < play->ways[way].count; i++)
			write_packet(out, &play->ways[way].at[i]);
		g_string_append_c(out, '|');
	}
	return g_string_free(out, FALSE);
}

/* How it ended: what arrived, and whether the sender believes that all did ("1234 done", "12 stuck"). */
static void note_outcome(struct search *s, const struct play *play)
{
	char *text = g_strdup_printf("%s %s", play->got->str, rdt_done(&play->a) ? "done" : "stuck");

	g_hash_table_add(s->outcomes, text);
}

static void explore(struct search *s, unsigned char *choices, unsigned depth)
{
	assert_true(depth < DEPTH_MAX);
	for (unsigned choice = 0;; choice++) {
		struct play play;
		bool possible;
		char *seen;

		play_begin(&play, s);
		for (unsigned i = 0; i < depth; i++)
			assert_true(choose(&play, choices[i]));
		possible = choose(&play, choice);
		if (!possible) {
			if (choice == 0)
				note_outcome(s, &play);
			play_end(&play);
			return;
		}
		seen = picture(&play);
		play_end(&play);
		if (!g_hash_table_add(s->seen, seen))
			continue;
		s->states++;
		choices[depth] = (unsigned char)choice;
		explore(s, choices, depth + 1);
	}
}

static const struct rdt_rules *rules_of(const char *name)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++)
		if (strcmp(rdt_variants[i].name, name) == 0)
			return &rdt_variants[i];
	assert_true(false);
	return NULL;
}

static struct search search(const char *name, unsigned allowed, unsigned messages)
{
	struct search s = { .rules = rules_of(name), .allowed = allowed, .messages = messages };
	unsigned char choices[DEPTH_MAX];

	s.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	s.outcomes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	explore(&s, choices, 0);
	assert_true(s.states >= messages);
	return s;
}

static void search_end(struct search *s)
{
	g_hash_table_destroy(s->seen);
	g_hash_table_destroy(s->outcomes);
}

static bool ends(const struct search *s, const char *outcome)
{
	return g_hash_table_contains(s->outcomes, outcome);
}

/* Every message exactly once and in order, whatever happens. */
static void assert_right(const char *name, unsigned allowed)
{
	for (unsigned messages = 1; messages <= MESSAGES; messages++) {
		struct search s = search(name, allowed, messages);
		g_autofree char *right = g_strdup_printf("%.*s done", (int)messages, "1234");
		GHashTableIter i;
		gpointer outcome;

		g_hash_table_iter_init(&i, s.outcomes);
		while (g_hash_table_iter_next(&i, &outcome, NULL))
			if (strcmp(outcome, right) != 0)
				print_error("%s, %u messages: %s\n", name, messages, (char *)outcome);
		assert_true(ends(&s, right));
		assert_int_equal(g_hash_table_size(s.outcomes), 1);
		search_end(&s);
	}
}

/* Without faults every variant is right, and there is nothing else that could happen. */
static void without_faults_all_are_right(void **state)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++)
		assert_right(rdt_variants[i].name, 0);
}

/* Kurose and Ross 3.4.1 */
static void rdt_1_0_loses_and_repeats_without_a_word(void **state)
{
	struct search s = search("1.0", LOSE | DOUBLE | DAMAGE, 3);

	assert_true(ends(&s, "13 done"));
	assert_true(ends(&s, "1123 done"));
	assert_true(ends(&s, "1?3 done"));
	assert_true(ends(&s, " done"));
	search_end(&s);
}

/* 3.4.1: NAKs repair damaged parts; a damaged answer makes a part arrive twice; a lost one stops everything. */
static void rdt_2_0_fails_when_an_answer_is_damaged(void **state)
{
	struct search s = search("2.0", DAMAGE, 2);

	assert_true(ends(&s, "12 done"));
	assert_true(ends(&s, "112 done"));
	assert_true(ends(&s, "122 done"));
	assert_false(ends(&s, "1 done"));
	assert_false(ends(&s, "2 done"));
	search_end(&s);
	s = search("2.0", LOSE, 2);
	assert_true(ends(&s, " stuck"));
	assert_true(ends(&s, "1 stuck"));
	search_end(&s);
}

static void rdt_2_1_and_2_2_are_right_under_damage_and_stop_at_a_loss(void **state)
{
	static const char *const names[] = { "2.1", "2.2" };

	for (unsigned i = 0; i < 2; i++) {
		struct search s;

		assert_right(names[i], DAMAGE);
		s = search(names[i], LOSE, 2);
		assert_true(ends(&s, " stuck"));
		assert_false(ends(&s, "1 done"));
		search_end(&s);
	}
}

static void rdt_3_0_is_right_where_nothing_overtakes(void **state)
{
	struct search s;

	assert_right("3.0", LOSE | DOUBLE | DAMAGE | LATE);
	s = search("3.0", LATE | OVERTAKE, 4);               /* one bit is not enough: an old part is taken for a new one */
	assert_true(g_hash_table_size(s.outcomes) > 1);
	search_end(&s);
}

static void v3_go_back_n_and_selective_repeat_are_right(void **state)
{
	assert_right("v3", LOSE | DOUBLE | DAMAGE | LATE | OVERTAKE);
	assert_right("gbn", LOSE | DOUBLE | DAMAGE | LATE | OVERTAKE);
	assert_right("sr", LOSE | DOUBLE | DAMAGE | LATE | OVERTAKE);
}

/* Lessons 22 and 24: an acknowledgement is lost, the part is sent and taken again. */
static void try1_repeats_what_was_acknowledged_in_vain(void **state)
{
	struct search s = search("try1", LOSE, 2);

	assert_true(ends(&s, "12 done"));
	assert_true(ends(&s, "112 done"));
	assert_true(ends(&s, "122 done"));
	assert_false(ends(&s, "1 done"));                    /* a loss alone never loses a part */
	search_end(&s);
	s = search("try1", LATE | LOSE, 2);                  /* lesson 23: a late acknowledgement counts for the next part */
	assert_true(ends(&s, "11 done"));
	search_end(&s);
}

/* Lesson 25: a late acknowledgement of part 1 is taken for that of part 2. */
static void try2_believes_a_late_acknowledgement(void **state)
{
	struct search s = search("try2", LOSE, 2);

	assert_int_equal(g_hash_table_size(s.outcomes), 1);  /* loss alone it survives */
	assert_true(ends(&s, "12 done"));
	search_end(&s);
	s = search("try2", LOSE | LATE, 2);
	assert_true(ends(&s, "1 done"));                     /* it thinks that part 2 has arrived */
	assert_false(ends(&s, "112 done"));
	search_end(&s);
}

/* Over a network */

struct pair { struct net_wire *wire; struct net_socket *a, *b; };

static void set(struct net_socket *s, enum net_option o, int value)
{
	assert_int_equal(net_setsockopt(s, o, value, NULL), 0);
}

static struct pair pair_of(struct lab *l, const char *variant)
{
	struct pair p = { .wire = lab_wire(l, "lan0") };
	struct net_host *a = lab_host(l, "a", p.wire, "10.0.0.1/24"), *b = lab_host(l, "b", p.wire, "10.0.0.2/24");
	int index = (int)(rules_of(variant) - rdt_variants);

	p.a = open_bound(a, NET_RDT, "0.0.0.0:5000");
	p.b = open_bound(b, NET_RDT, "0.0.0.0:6000");
	assert_string_equal(net_rdt_variant_names[index], variant);
	set(p.a, NET_RDT_VARIANT, index);
	set(p.b, NET_RDT_VARIANT, index);
	return p;
}

static void pair_end(struct pair *p)
{
	net_socket_release(p->a);
	net_socket_release(p->b);
}

static void fault(struct net_wire *w, enum net_fault_action action, unsigned count, unsigned what, unsigned nth)
{
	struct net_fault f = { .action = action, .count = count, .match = { .what = what, .nth = nth } };

	assert_int_equal(net_wire_fault(w, &f, NULL), 0);
}

static void every_variant_carries_a_message_both_ways(void **state)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++) {
		struct lab l;
		struct pair p;

		lab_open(&l, i + 1);
		p = pair_of(&l, rdt_variants[i].name);
		send_text(p.a, "hello", "10.0.0.2:6000");
		lab_settle(&l);
		assert_recv(p.b, "hello", "10.0.0.1:5000");
		send_text(p.b, "back", "10.0.0.1:5000");
		lab_settle(&l);
		assert_recv(p.a, "back", "10.0.0.2:6000");
		lab_check(&l);
		pair_end(&p);
		lab_close(&l);
	}
}

/* The slide of lesson 24, word for word. */
static void a_lost_acknowledgement_gives_the_meeting_the_meeting(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "try1");

	set(p.a, NET_RDT_PART, 12);
	fault(p.wire, NET_DROP, 1, NET_MATCH_RDT | NET_MATCH_ACK, 1);
	send_text(p.a, "The meeting is at 12pm.", "10.0.0.2:6000");
	lab_settle(l);
	assert_recv(p.b, "The meetingThe meeting is at 12pm.", NULL);
	pair_end(&p);
}

static void v3_survives_the_same(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct net_rdt_info info;

	set(p.a, NET_RDT_PART, 12);
	fault(p.wire, NET_DROP, 1, NET_MATCH_RDT | NET_MATCH_ACK, 1);
	send_text(p.a, "The meeting is at 12pm.", "10.0.0.2:6000");
	lab_settle(l);
	assert_recv(p.b, "The meeting is at 12pm.", NULL);
	assert_true(net_rdt_peer(p.a, 0, &info));
	assert_int_equal(info.sent, 3);
	assert_int_equal(info.resent, 1);
	assert_false(info.waits);
	pair_end(&p);
}

static void who_is_not_answered_gives_up(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct err e;

	set(p.a, NET_RDT_TRIES, 3);
	set(p.a, NET_RDT_TIMEOUT, 100);
	fault(p.wire, NET_DROP, 0, NET_MATCH_RDT, 1);
	send_text(p.a, "anybody?", "10.0.0.2:6000");
	lab_settle(l);
	assert_true(l->clock.now >= 300 * NS_PER_MS && l->clock.now < 400 * NS_PER_MS);
	assert_int_equal(net_recv(p.a, NULL, 0, 0, NULL, &e), -ETIMEDOUT);
	assert_int_equal(net_recv(p.a, NULL, 0, 0, NULL, &e), -EAGAIN);
	pair_end(&p);
}

static void a_thousand_parts_arrive_through_a_bad_wire(void **state)
{
	static const char *const names[] = { "v3", "gbn", "sr" };

	for (unsigned i = 0; i < 3; i++) {
		struct lab l;
		struct pair p;
		struct net_wire_config c;
		GString *sent = g_string_new(NULL), *got = g_string_new(NULL);
		char buffer[4096];
		ssize_t n;

		lab_open(&l, 7 + i);
		p = pair_of(&l, names[i]);
		net_wire_get(p.wire, &c);
		c.loss = c.corrupt = c.duplicate = c.reorder = NET_PPM / 10;
		assert_int_equal(net_wire_set(p.wire, &c, NULL), 0);
		set(p.a, NET_RDT_PART, 100);
		set(p.a, NET_RDT_TIMEOUT, 20);
		set(p.a, NET_RDT_TRIES, 1000);           /* ARP asks once a second */
		for (unsigned k = 0; k < 50; k++) {
			for (unsigned j = 0; j < 2000; j++)
				buffer[j] = (char)('a' + (k * 7 + j) % 26);
			g_string_append_len(sent, buffer, 2000);
			assert_int_equal(net_send(p.a, buffer, 2000, 0, &(struct net_endpoint){ addr("10.0.0.2"), 6000 }, NULL), 2000);
			lab_settle(&l);
			while ((n = net_recv(p.b, buffer, sizeof(buffer), 0, NULL, NULL)) > 0)
				g_string_append_len(got, buffer, n);
		}
		assert_int_equal(got->len, sent->len);
		assert_string_equal(got->str, sent->str);
		g_string_free(sent, TRUE);
		g_string_free(got, TRUE);
		pair_end(&p);
		lab_close(&l);
	}
}

static void bad_options_and_messages_are_refused(void **state)
{
	struct lab *l = *state;
	struct pair p = pair_of(l, "v3");
	struct net_endpoint to = at("10.0.0.2:6000");
	struct net_socket *u = open_socket(net_socket_host(p.a), NET_UDP);
	static char big[RDT_MESSAGE_MAX + 1];
	struct err e;

	assert_int_equal(net_setsockopt(p.a, NET_RDT_VARIANT, 10, &e), -EINVAL);
	assert_int_equal(net_setsockopt(p.a, NET_RDT_PART, 0, &e), -EINVAL);
	assert_int_equal(net_setsockopt(u, NET_RDT_PART, 10, &e), -ENOPROTOOPT);
	assert_int_equal(net_send(p.a, big, sizeof(big), 0, &to, &e), -EMSGSIZE);
	assert_int_equal(net_send(p.a, "x", 1, 0, NULL, &e), -EDESTADDRREQ);
	send_text(p.a, "x", "10.0.0.2:6000");
	assert_int_equal(net_setsockopt(p.a, NET_RDT_VARIANT, 1, &e), -EISCONN);
	net_socket_release(u);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_faults_all_are_right),
		cmocka_unit_test(rdt_1_0_loses_and_repeats_without_a_word),
		cmocka_unit_test(rdt_2_0_fails_when_an_answer_is_damaged),
		cmocka_unit_test(rdt_2_1_and_2_2_are_right_under_damage_and_stop_at_a_loss),
		cmocka_unit_test(rdt_3_0_is_right_where_nothing_overtakes),
		cmocka_unit_test(v3_go_back_n_and_selective_repeat_are_right),
		cmocka_unit_test(try1_repeats_what_was_acknowledged_in_vain),
		cmocka_unit_test(try2_believes_a_late_acknowledgement),
		cmocka_unit_test(every_variant_carries_a_message_both_ways),
		cmocka_unit_test_setup_teardown(a_lost_acknowledgement_gives_the_meeting_the_meeting, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(v3_survives_the_same, lab_setup, lab_teardown),
		cmocka_unit_test_setup_teardown(who_is_not_answered_gives_up, lab_setup, lab_teardown),
		cmocka_unit_test(a_thousand_parts_arrive_through_a_bad_wire),
		cmocka_unit_test_setup_teardown(bad_options_and_messages_are_refused, lab_setup, lab_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
