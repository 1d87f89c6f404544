/*
 * test_rdt_paths.c - the message protocols under every order of events with up to 4 messages and 3 faults.
 *
 * The explorer tries each choice in each state, depth first, and stops at states that it has seen. A choice is: hand over
 * the oldest packet of one direction; let time run out (free when nothing is under way, else it is the fault LATE); hand over
 * a packet that was held; or a fault with the oldest packet: lose it, double it, damage it, or hold it: it may then arrive at any
 * time, behind any other. What goes wrong on a path has a kind. The table at the end says for each variant and each
 * fault exactly which kinds happen: those and no other.
 */
#include "lab.h"
#include "rdt.h"

enum { MESSAGES = 4, FAULTS = 3, CHANNEL_MAX = 64, DEPTH_MAX = 512 };
enum fault { LOSE = 1, DOUBLE = 2, DAMAGE = 4, LATE = 8, HOLD = 16, IN_ORDER = LOSE | DOUBLE | DAMAGE | LATE, ALL = IN_ORDER | HOLD };

enum kind {
	LOST     = 1,              /* the sender is done, and a message was never delivered */
	REPEATED = 2,              /* a message is delivered twice */
	SPOILED  = 4,              /* a damaged one is delivered */
	SWAPPED  = 8,              /* a message comes behind a later one */
	STOPPED  = 16,             /* nothing more will happen, and the sender is not done */
	DECEIVED = 32,             /* the sender takes a part for acknowledged that the receiver has not (yet) */
	ENDLESS  = 64,             /* without a further fault the same comes again and again */
};
static const char *const kind_names[] = { "lost", "repeated", "spoiled", "swapped", "stopped", "deceived", "endless" };

#define ON_THE_PATH ((void *)1) /* to where the explorer is */
#define EXPLORED    ((void *)2) /* with all that comes behind it */

struct flying { enum rdt_type type; uint32_t number; bool numbered; char data; };
struct channel { struct flying at[CHANNEL_MAX]; unsigned count; };

struct play {
	unsigned faults;           /* left */
	struct rdt a, b;           /* a sends to b */
	struct channel ways[2], held[2]; /* 0: what a sent; 1: what b sent */
	GString *got;
	ns_t now;
};

struct search {
	const struct rdt_rules *rules;
	unsigned allowed, messages, faults, window;
	unsigned kinds;            /* found */
	GHashTable *seen;          /* GBytes -> ON_THE_PATH or EXPLORED */
	GHashTable *outcomes;      /* text */
};

/* Packets */

static void fly(struct channel *c, struct flying f)
{
	assert_true(c->count < CHANNEL_MAX);
	c->at[c->count++] = f;
}

static struct flying take(struct channel *c, unsigned i)
{
	struct flying f = c->at[i];

	memmove(c->at + i, c->at + i + 1, (--c->count - i) * sizeof(c->at[0]));
	return f;
}

static void send_from(struct rdt *r, const struct rdt_packet *p)
{
	struct play *play = r->user;

	fly(&play->ways[r == &play->b], (struct flying){ p->type, p->number, p->numbered, p->len ? (char)p->data[0] : 0 });
}

static void deliver_to(struct rdt *r, const uint8_t *data, size_t len)
{
	struct play *play = r->user;

	g_string_append_len(play->got, (const char *)data, (gssize)len);
}

static const struct rdt_ops ops = { send_from, deliver_to };

static void hand_over(struct play *play, unsigned way, struct flying f, bool damaged)
{
	uint8_t byte = damaged ? '?' : (uint8_t)f.data;
	struct rdt_packet p = { .type = f.type, .number = f.number, .numbered = f.numbered, .last = true, .damaged = damaged, .data = &byte, .len = 1 };

	rdt_input(way == 0 ? &play->b : &play->a, &p, play->now);
}

static void run_out(struct play *play)
{
	ns_t at;

	assert_true(rdt_deadline(&play->a, &at));
	play->now = MAX(play->now, at);
	rdt_tick(&play->a, play->now);
}

/* States */

static void play_begin(struct play *play, const struct search *s)
{
	*play = (struct play){ .faults = s->faults, .got = g_string_new(NULL) };
	rdt_init(&play->a, s->rules, &ops, play);
	rdt_init(&play->b, s->rules, &ops, play);
	play->a.tries = play->b.tries = 0;
	if (s->rules->pipelined)
		play->a.window = play->b.window = s->window;
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

static void parts_copy(GQueue *to, const GQueue *from)
{
	g_queue_init(to);
	for (const GList *l = from->head; l; l = l->next) {
		const struct rdt_part *p = l->data;
		struct rdt_part *copy = g_memdup2(p, sizeof(*p) + p->len);

		copy->link = (GList){ .data = copy };
		g_queue_push_tail_link(to, &copy->link);
	}
}

static void rdt_copy(struct rdt *to, const struct rdt *from, struct play *play)
{
	*to = *from;
	to->user = play;
	parts_copy(&to->parts, &from->parts);
	parts_copy(&to->early, &from->early);
	to->message = g_byte_array_new();                  /* messages are of one part here */
	assert_int_equal(from->message->len, 0);
}

static void play_copy(struct play *to, const struct play *from)
{
	*to = *from;
	rdt_copy(&to->a, &from->a, to);
	rdt_copy(&to->b, &from->b, to);
	to->got = g_string_new(from->got->str);
}

static void put_parts(GByteArray *out, const GQueue *parts, ns_t now)
{
	for (const GList *l = parts->head; l; l = l->next) {
		const struct rdt_part *p = l->data;
		int64_t part[2] = { (int64_t)p->number << 8 | (p->tries > 0) << 1 | p->acked, p->tries && !p->acked ? p->deadline - now : 0 };

		g_byte_array_append(out, (const void *)part, sizeof(part));
	}
	g_byte_array_append(out, (const void *)"|", 1);
}

static void put_channel(GByteArray *out, const struct channel *c)
{
	for (unsigned i = 0; i < c->count; i++) {
		const struct flying *f = &c->at[i];
		uint8_t packet[] = { f->type, (uint8_t)f->number, (uint8_t)(f->number >> 8), (uint8_t)f->data };

		g_byte_array_append(out, packet, sizeof(packet));
	}
	g_byte_array_append(out, (const void *)"|", 1);
}

/* All that the future, and the verdict, depend on. */
static GBytes *picture(const struct play *play)
{
	GByteArray *out = g_byte_array_new();
	uint8_t head[] = { (uint8_t)play->faults, (uint8_t)play->b.expected, play->b.any };

	g_byte_array_append(out, head, sizeof(head));
	g_byte_array_append(out, (const void *)play->got->str, (guint)play->got->len + 1);
	put_parts(out, &play->a.parts, play->now);
	put_parts(out, &play->b.early, play->now);
	for (unsigned way = 0; way < 2; way++) {
		put_channel(out, &play->ways[way]);
		put_channel(out, &play->held[way]);
	}
	return g_byte_array_free_to_bytes(out);
}

/* Choices */

struct choice { enum { HAND_OVER, HAND_OVER_HELD, TIME, FAULT } what; unsigned way, which; };
enum { CHOICES_MAX = 32 };

/* Returns how many there are, and in *open whether one of them must happen, faults or not. */
static unsigned choices_of(const struct play *play, unsigned allowed, struct choice out[CHOICES_MAX], bool *open)
{
	static const enum fault faults[] = { LOSE, DOUBLE, DAMAGE, HOLD };
	bool empty = !play->ways[0].count && !play->ways[1].count;
	unsigned n = 0;
	ns_t at;

	for (unsigned way = 0; way < 2; way++) {
		if (play->ways[way].count)
			out[n++] = (struct choice){ HAND_OVER, way, 0 };
		for (unsigned i = 0; i < play->held[way].count; i++)
			out[n++] = (struct choice){ HAND_OVER_HELD, way, i };
	}
	if (rdt_deadline(&play->a, &at) && (empty || (play->faults && allowed & LATE)))
		out[n++] = (struct choice){ TIME, !empty, 0 };
	*open = n > 0;
	for (unsigned way = 0; way < 2 && play->faults; way++)
		for (unsigned i = 0; i < G_N_ELEMENTS(faults) && play->ways[way].count; i++)
			if (allowed & faults[i])
				out[n++] = (struct choice){ FAULT, way, faults[i] };
	assert_true(n <= CHOICES_MAX);
	return n;
}

static void fault_with_oldest(struct play *play, unsigned way, enum fault fault)
{
	struct channel *c = &play->ways[way];
	struct flying f = take(c, 0);

	play->faults--;
	switch (fault) {
	case LOSE:
		return;
	case DAMAGE:
		hand_over(play, way, f, true);
		return;
	case HOLD:
		fly(&play->held[way], f);
		return;
	default:                                           /* DOUBLE */
		fly(c, f);
		fly(c, f);
		memmove(c->at + 2, c->at, (c->count - 2) * sizeof(f));
		c->at[0] = c->at[1] = f;
	}
}

static void carry_out(struct play *play, const struct choice *c)
{
	switch (c->what) {
	case HAND_OVER:
		hand_over(play, c->way, take(&play->ways[c->way], 0), false);
		return;
	case HAND_OVER_HELD:
		hand_over(play, c->way, take(&play->held[c->way], c->which), false);
		return;
	case TIME:
		play->faults -= c->way;                    /* 1: something was under way */
		run_out(play);
		return;
	case FAULT:
		fault_with_oldest(play, c->way, c->which);
	}
}

/* Verdicts */

/* Whether the receiver has message `c`: delivered, or kept until its turn. */
static bool has(const struct play *play, char c)
{
	bool found = strchr(play->got->str, c);

	for (const GList *l = play->b.early.head; l && !found; l = l->next)
		found = ((const struct rdt_part *)l->data)->data[0] == (uint8_t)c;
	return found;
}

/* What is wrong with this state already. */
static unsigned wrong_here(const struct search *s, const struct play *play)
{
	const char *got = play->got->str;
	bool waits[MESSAGES] = { false };
	unsigned kinds = 0;
	char last = 0;

	for (const GList *l = play->a.parts.head; l; l = l->next) {
		const struct rdt_part *p = l->data;

		waits[p->data[0] - '1'] = !p->acked;
	}
	for (unsigned i = 0; i < s->messages && s->rules->acks; i++)
		if (!waits[i] && !has(play, (char)('1' + i)))
			kinds |= DECEIVED;
	for (size_t i = 0; got[i]; i++) {
		const char *before = memchr(got, got[i], i);

		if (got[i] == '?')
			kinds |= SPOILED;
		else if (before)
			kinds |= REPEATED;
		else if (got[i] < last)
			kinds |= SWAPPED;
		else
			last = got[i];
	}
	return kinds;
}

static unsigned wrong_at_the_end(const struct search *s, const struct play *play)
{
	unsigned missing = 0;

	if (!rdt_done(&play->a))
		return STOPPED;
	for (unsigned i = 0; i < s->messages; i++)
		missing += !strchr(play->got->str, '1' + (int)i);
	for (const char *c = play->got->str; *c; c++)
		missing -= *c == '?' && missing;           /* it came, spoiled */
	return missing ? LOST : 0;
}

static void explore(struct search *s, const struct play *here, unsigned depth)
{
	struct choice choices[CHOICES_MAX];
	GBytes *key = picture(here);
	gpointer known = g_hash_table_lookup(s->seen, key);
	unsigned count;
	bool open;

	assert_true(depth < DEPTH_MAX);
	if (known) {
		if (known == ON_THE_PATH)
			s->kinds |= ENDLESS;               /* faults only grow fewer: there was none on this way round */
		g_bytes_unref(key);
		return;
	}
	g_hash_table_insert(s->seen, g_bytes_ref(key), ON_THE_PATH);
	s->kinds |= wrong_here(s, here);
	count = choices_of(here, s->allowed, choices, &open);
	for (unsigned i = 0; i < count; i++) {
		struct play next;

		play_copy(&next, here);
		carry_out(&next, &choices[i]);
		explore(s, &next, depth + 1);
		play_end(&next);
	}
	if (!open) {
		s->kinds |= wrong_at_the_end(s, here);
		g_hash_table_add(s->outcomes, g_strdup_printf("%s %s", here->got->str, rdt_done(&here->a) ? "done" : "stopped"));
	}
	g_hash_table_insert(s->seen, key, EXPLORED);
}

static const struct rdt_rules *rules_of(const char *name)
{
	for (unsigned i = 0; i < RDT_VARIANTS; i++)
		if (strcmp(rdt_variants[i].name, name) == 0)
			return &rdt_variants[i];
	assert_true(false);
	return NULL;
}

static struct search search(const char *name, unsigned allowed, unsigned messages, unsigned faults, unsigned window)
{
	struct search s = { .rules = rules_of(name), .allowed = allowed, .messages = messages, .faults = faults, .window = window };
	struct play play;

	s.seen = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, (GDestroyNotify)g_bytes_unref, NULL);
	s.outcomes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	play_begin(&play, &s);
	explore(&s, &play, 0);
	play_end(&play);
	assert_true(g_hash_table_size(s.seen) > messages);
	return s;
}

static void search_end(struct search *s)
{
	g_hash_table_destroy(s->seen);
	g_hash_table_destroy(s->outcomes);
}

/* What may happen with that fault alone, with up to MESSAGES messages. */
static unsigned kinds_of(const char *name, unsigned allowed, unsigned window)
{
	unsigned kinds = 0;

	for (unsigned messages = 1; messages <= MESSAGES; messages++) {
		struct search s = search(name, allowed, messages, FAULTS, window);

		kinds |= s.kinds;
		search_end(&s);
	}
	return kinds;
}

static void print_kinds(const char *name, unsigned allowed, unsigned kinds)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < G_N_ELEMENTS(kind_names); i++)
		if (kinds & 1u << i)
			g_string_append_printf(text, " %s", kind_names[i]);
	print_error("%s with faults 0x%x:%s\n", name, allowed, text->str);
}

static void each_variant_fails_in_its_own_way_and_in_no_other(void **state)
{
	static const unsigned faults[] = { 0, LOSE, DOUBLE, DAMAGE, LATE, HOLD, IN_ORDER, ALL };
	static const struct { const char *name; unsigned kinds[G_N_ELEMENTS(faults)]; } wanted[] = {
		/* Kurose and Ross 3.4.1: for a channel without faults; nobody is told of any (lesson 21). */
		{ "1.0", { 0, LOST, REPEATED, SPOILED, 0, SWAPPED, LOST | REPEATED | SPOILED, LOST | REPEATED | SPOILED | SWAPPED } },
		/* For damaged parts; "the fatal flaw" is the damaged answer: the part is sent and taken again. */
		{ "2.0", { 0, STOPPED, REPEATED | DECEIVED, REPEATED, 0, 0, LOST | REPEATED | STOPPED | DECEIVED,
			   LOST | REPEATED | SWAPPED | STOPPED | DECEIVED } },
		/* For all damage; a loss stops it. An answer doubled counts twice where answers have no number. */
		{ "2.1", { 0, STOPPED, DECEIVED, 0, 0, 0, LOST | STOPPED | DECEIVED, LOST | REPEATED | SWAPPED | STOPPED | DECEIVED } },
		{ "2.2", { 0, STOPPED, 0, 0, 0, 0, STOPPED, LOST | REPEATED | SWAPPED | STOPPED | DECEIVED } },
		/* For loss and damage; one bit tells old from new only where nothing overtakes (lesson 23). */
		{ "3.0", { 0, 0, 0, 0, 0, LOST | REPEATED | SWAPPED | DECEIVED, 0, LOST | REPEATED | SWAPPED | DECEIVED } },
		{ "gbn", { 0, 0, 0, 0, 0, 0, 0, 0 } },
		{ "sr",  { 0, 0, 0, 0, 0, 0, 0, 0 } },
		/* Lessons 22 to 24: a loss repeats, it never loses; what is late counts for the next part, and then a loss loses. */
		{ "try1", { 0, REPEATED, REPEATED | DECEIVED, REPEATED, REPEATED | DECEIVED, REPEATED | SWAPPED | DECEIVED,
			    LOST | REPEATED | DECEIVED, LOST | REPEATED | SWAPPED | DECEIVED } },
		/* Lesson 25: nothing is repeated; a late acknowledgement deceives. Then a loss loses, and whoever has gone on alone goes on for ever. */
		{ "try2", { 0, 0, DECEIVED, 0, DECEIVED, LOST | DECEIVED | ENDLESS, LOST | DECEIVED | ENDLESS, LOST | DECEIVED | ENDLESS } },
		{ "v3",  { 0, 0, 0, 0, 0, 0, 0, 0 } },     /* lesson 26 */
	};
	unsigned wrong = 0;

	assert_int_equal(G_N_ELEMENTS(wanted), RDT_VARIANTS);
	for (unsigned v = 0; v < RDT_VARIANTS; v++)
		for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
			unsigned kinds = kinds_of(wanted[v].name, faults[i], MESSAGES);

			if (kinds != wanted[v].kinds[i])
				print_kinds(wanted[v].name, faults[i], kinds);
			wrong += kinds != wanted[v].kinds[i];
		}
	assert_int_equal(wrong, 0);
}

/* Windows that are smaller than what is to be sent, so that they slide. */
static void windows_slide_under_every_fault(void **state)
{
	for (unsigned window = 1; window < MESSAGES; window++) {
		assert_int_equal(kinds_of("gbn", ALL, window), 0);
		assert_int_equal(kinds_of("sr", ALL, window), 0);
	}
}

static gint by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

/* How two messages end, with one fault of those, in every order: all outcomes there are. */
static void ends(const char *name, unsigned allowed, unsigned faults, const char *wanted)
{
	struct search s = search(name, allowed, 2, faults, MESSAGES);
	GList *all = g_list_sort(g_hash_table_get_keys(s.outcomes), by_text);
	g_autoptr(GString) text = g_string_new(NULL);

	for (const GList *l = all; l; l = l->next)
		g_string_append_printf(text, "%s%s", text->len ? ", " : "", (const char *)l->data);
	if (strcmp(text->str, wanted))
		print_error("%s, faults 0x%x:\n", name, allowed);
	assert_string_equal(text->str, wanted);
	g_list_free(all);
	search_end(&s);
}

static void lessons_with_two_parts(void **state)
{
	ends("1.0", LOSE, 1, "1 done, 12 done, 2 done");                /* 21 */
	ends("try1", LOSE, 1, "112 done, 12 done, 122 done");           /* 22, 24 */
	ends("3.0", LOSE, 1, "12 done");
	ends("try1", LATE, 1, "112 done, 12 done, 122 done");           /* 23 */
	ends("try1", LATE | LOSE, 2, "11 done, 1112 done, 112 done, 1122 done, 12 done, 122 done, 1222 done");
	ends("try2", LOSE, 3, "12 done");
	ends("try2", LATE, 1, "12 done");                               /* 25 */
	ends("try2", LATE | LOSE, 2, "1 done, 12 done");
	ends("v3", ALL, 3, "12 done");                                  /* 26 */
	ends("1.0", DAMAGE, 1, "12 done, 1? done, ?2 done");            /* 27 */
	ends("2.0", DAMAGE, 1, "112 done, 12 done, 122 done");
	ends("2.1", DAMAGE, 1, "12 done");
	ends("2.2", LOSE, 1, " stopped, 1 stopped, 12 done, 12 stopped");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_variant_fails_in_its_own_way_and_in_no_other),
		cmocka_unit_test(windows_slide_under_every_fault),
		cmocka_unit_test(lessons_with_two_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
