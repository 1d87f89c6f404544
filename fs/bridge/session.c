/* session.c - what all sessions have: a row in bridge/connections, limits, events. */
#include "inside.h"

#include "net_knob.h"
#include "table.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#define SHARE_AGAIN (50 * NS_PER_MS)          /* as long as shares are not equal */
enum { SHARE_LEAST = 16 * KiB, SHARE_FIRST = 64 * KiB, SHARE_MOST = 4 * MiB, DESCRIPTORS_APART = 64 };

static const struct event_kind open_event = { "bridge", "rule:d sim:a port:d what:n real:s" };
static const struct event_kind close_event = { "bridge", "rule:d sim:a port:d what:n in:d out:d real:s" };

static void tell(const struct session *s, const struct event_kind *kind, const char *what)
{
	struct world *w = s->end.bridge->world;
	struct host *gw = world_host_named(w, "gw");
	struct event *ev = journal_add(&w->journal, kind, gw ? gw->serial : 0, 0);
	char text[REAL_TEXT];

	ev->value[0] = s->rule->number;
	net_addr_halves(&s->sim_remote.addr, &ev->value[1], &ev->value[2]);
	ev->value[3] = s->sim_remote.port;
	ev->value[4] = (uint64_t)(uintptr_t)what;
	if (kind == &close_event) {
		ev->value[5] = s->in;
		ev->value[6] = s->out;
	}
	ev->text = g_strdup(real_text(&s->real_remote, text));
}

/*
 * `buffer` is for both directions of all sessions. Each session has a grant, a power of two as its memory is: an equal share, as
 * far as others do not still hold what was theirs when they were fewer. All grants together are never above the half of `buffer`;
 * some of it is kept free for the least grants of those who may yet come, and an equal share is one of what is left: what is
 * promised to more than can have it makes some fast and some slow for good.
 */
static uint64_t kept_free(const struct bridge *b, uint64_t sessions)
{
	uint64_t more = b->limits.sessions - MIN(b->limits.sessions, sessions);

	return MIN(more * SHARE_LEAST, b->limits.buffer / 4);
}

static uint32_t round_down(uint64_t share)
{
	uint32_t grant = SHARE_LEAST;

	while (grant < SHARE_MOST && 2 * (uint64_t)grant <= share)
		grant *= 2;
	return grant;
}

/* What each of so many may have. */
static uint64_t equal_share(const struct bridge *b, uint64_t sessions)
{
	return (b->limits.buffer / 2 - kept_free(b, sessions)) / MAX(sessions, 1);
}

static uint64_t left_over(const struct bridge *b)
{
	uint64_t taken = b->granted + kept_free(b, b->sessions.length);

	return b->limits.buffer / 2 - MIN(taken, b->limits.buffer / 2);
}

/* A limit below the grant: what is held goes as it is read, and at the next time less is granted. */
static void set_grant(struct session *s, uint64_t share, uint32_t fair)
{
	struct bridge *b = s->end.bridge;
	uint32_t grant = round_down(share);

	b->granted += grant - (uint64_t)s->grant;
	s->grant = grant;
	s->limit = MIN(grant, fair);
	net_limit(s->socket, s->limit);
}

static uint32_t at_least(uint32_t held)
{
	uint32_t grant = SHARE_LEAST;

	while (grant < held)
		grant *= 2;
	return grant;
}

/* Of a session whose share is to be `fair`: what it does not give back in any case counts too. */
static uint32_t needs(const struct session *s, uint32_t fair)
{
	if (s->rule->udp)
		return 0;
	return s->grant <= fair || !s->socket ? fair : MAX(fair, at_least(net_held(s->socket)));
}

static bool is_enough(const struct bridge *b, uint32_t fair)
{
	uint64_t sum = kept_free(b, b->sessions.length);

	for (GList *l = b->sessions.head; l; l = l->next)
		sum += needs(l->data, fair);
	return sum <= b->limits.buffer / 2;
}

/* What all can have, while some still hold more. */
static uint32_t fair_share(const struct bridge *b)
{
	uint32_t fair = round_down(equal_share(b, b->sessions.length));

	while (fair > SHARE_LEAST && !is_enough(b, fair))
		fair /= 2;
	return fair;
}

/* First who has too much gives back what he does not hold, then who has too little gets of it. */
static void share_out(struct bridge *b)
{
	bool uneven = false;
	uint32_t fair = fair_share(b);

	for (GList *l = b->sessions.head; l; l = l->next) {
		struct session *s = l->data;

		if (s->socket && s->grant > fair)
			set_grant(s, MIN(s->grant, MAX(fair, at_least(net_held(s->socket)))), fair);
	}
	for (GList *l = b->sessions.head; l; l = l->next) {
		struct session *s = l->data;

		if (s->socket && s->grant < fair && !s->rule->udp && !s->behind)
			set_grant(s, MIN(fair, s->grant + MIN(s->grant, left_over(b))), fair);
		else if (s->socket && s->limit < MIN(s->grant, fair))
			set_grant(s, s->grant, fair);    /* the share was less for a while */
		uneven |= s->grant && s->grant != fair;
	}
	b->share_at = uneven ? b->now + SHARE_AGAIN : 0;
	if (uneven)
		bridge_wake_at(b, b->share_at);
}

void session_look_at_clock(struct bridge *b)
{
	if (b->share_at && b->share_at <= b->now)
		share_out(b);
	else if (b->share_at)
		bridge_wake_at(b, b->share_at);
}

uint32_t session_share(const struct bridge *b)
{
	uint64_t fair = equal_share(b, b->sessions.length + 1);

	return round_down(MIN(MIN(fair, SHARE_FIRST), left_over(b)));
}

void session_init(struct session *s, struct rule *r)
{
	struct bridge *b = r->end.bridge;

	s->link.data = s;
	s->rule = r;
	if (!r->udp)
		set_grant(s, session_share(b), SHARE_MOST);
	s->opened = b->world->clock.now;
	g_queue_push_tail_link(&b->sessions, &s->link);
	r->accepted++;
	share_out(b);
	tell(s, &open_event, "open");
}

void session_clear(struct session *s, const char *why)
{
	struct bridge *b = s->end.bridge;

	tell(s, &close_event, why);
	end_clear(&s->end);
	g_queue_unlink(&b->sessions, &s->link);
	b->granted -= s->grant;
	share_out(b);
	world_changed(b->world);
}

void session_refused(struct rule *r, const struct real_addr *real, const char *why)
{
	struct session s = { .end.bridge = r->end.bridge, .rule = r, .real_remote = *real, .sim_remote = r->simulated };

	r->refused++;
	tell(&s, &open_event, why);
	world_changed(r->end.bridge->world);
}

/* Limits */

bool session_room(struct bridge *b)
{
	return b->sessions.length < b->limits.sessions && b->granted + SHARE_LEAST <= b->limits.buffer / 2;
}

bool session_rate(struct bridge *b, ns_t *when)
{
	double rate = (double)b->limits.rate;

	if (b->rate_since == 0)
		b->rate_left = rate;
	else
		b->rate_left = MIN(rate, b->rate_left + rate * (double)(b->now - b->rate_since) / NS_PER_S);
	b->rate_since = b->now;
	if (b->rate_left < 1) {
		*when = b->now + (ns_t)((1 - b->rate_left) / rate * NS_PER_S) + 1;
		return false;
	}
	b->rate_left--;
	return true;
}

static const struct limit {
	const char *name;
	size_t   at;
	uint64_t least, most;
	bool     size;
} limits[] = {
	{ "sessions", offsetof(struct limits, sessions), 1, 1000000, false },
	{ "rate", offsetof(struct limits, rate), 1, 10000000, false },
	{ "buffer", offsetof(struct limits, buffer), 64 * KiB, 64 * GiB, true },
};

static uint64_t *limit_value(struct limits *l, const struct limit *which)
{
	return (uint64_t *)((char *)l + which->at);
}

int show_bridge_limits(const struct node *n, GString *out, struct err *e)
{
	struct limits now = n->world->bridge->limits;

	for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
		put_text(out, limits[i].name);
		put_char(out, '=');
		(limits[i].size ? put_size : put_dec)(out, *limit_value(&now, &limits[i]));
		put_char(out, '\n');
	}
	return 0;
}

static int set_limit(struct limits *l, const struct word *word, struct err *e)
{
	const char *equals = strchr(word->text, '=');
	uint64_t v;

	for (unsigned i = 0; equals && i < G_N_ELEMENTS(limits); i++) {
		const struct limit *which = &limits[i];

		if (strlen(which->name) != (size_t)(equals - word->text) || !g_str_has_prefix(word->text, which->name))
			continue;
		if (parse_number(equals + 1, &v, e))
			return -e->code;
		if (v < which->least || v > which->most)
			return err_set(e, ERANGE, -1, "%s is from %" PRIu64 " to %" PRIu64, which->name, which->least, which->most);
		*limit_value(l, which) = v;
		return 0;
	}
	return err_set(e, EINVAL, -1, "'%.40s' is none of: sessions=N rate=N buffer=SIZE", word->text);
}

/* A session has one descriptor, and there are others beside. */
static int check_descriptors(const struct limits *l, struct err *e)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && l->sessions > DESCRIPTORS_APART &&
	    l->sessions - DESCRIPTORS_APART / 2 > files.rlim_max - MIN(files.rlim_max, DESCRIPTORS_APART / 2))
		return err_set(e, ERANGE, -1, "this process may have %" PRIu64 " descriptors, %d of them for other things",
			       (uint64_t)files.rlim_max, DESCRIPTORS_APART);
	return 0;
}

/* Several NAME=VALUE in a line are one change: all or none. */
int store_bridge_limits(const struct node *n, char *line, GString *result, struct err *e)
{
	struct bridge *b = n->world->bridge;
	struct limits wanted = b->limits;
	struct words w;
	int error;

	if (words_split(line, &w, e))
		return -e->code;
	error = words_are_text(w.word, w.count, e);
	for (unsigned i = 0; i < w.count && !error; i++) {
		error = set_limit(&wanted, &w.word[i], e);
		if (error)
			e->arg = (int)w.word[i].at;
	}
	words_free(&w);
	if (!error)
		error = check_descriptors(&wanted, e);
	if (error)
		return error;
	if (wanted.rate != b->limits.rate)
		b->rate_since = 0;
	b->limits = wanted;
	share_out(b);
	return 0;
}

/* The table */

const struct column bridge_connection_columns[] = {
	{ "proto", COLUMN_WORD }, { "real_local", COLUMN_WORD }, { "real_remote", COLUMN_WORD }, { "sim_local", COLUMN_WORD },
	{ "sim_remote", COLUMN_WORD }, { "state", COLUMN_WORD }, { "in", COLUMN_NUMBER }, { "out", COLUMN_NUMBER },
	{ "age", COLUMN_TIME }, { 0 }
};

int fill_bridge_connections(const struct node *n, struct table_out *t, struct err *e)
{
	const struct bridge *b = n->world->bridge;

	for (GList *l = b->sessions.head; l; l = l->next) {
		const struct session *s = l->data;
		char real[REAL_TEXT], simulated[NET_ENDPOINT_TEXT];

		table_word(t, s->rule->udp ? "udp" : "tcp");
		table_word(t, real_text(&s->real_local, real));
		table_word(t, real_text(&s->real_remote, real));
		table_word(t, net_endpoint_text(&s->sim_local, simulated));
		table_word(t, net_endpoint_text(&s->sim_remote, simulated));
		table_word(t, s->state(s));
		table_number(t, s->in);
		table_number(t, s->out);
		table_time(t, n->world->clock.now - s->opened);
	}
	return 0;
}
