/*
 * events.c - rendering the journal.
 *
 * A rendered line never changes, so the text of the ring is kept: new events are appended, and the lines of those that
 * fell out of the ring are cut off at the front, many at a time.
 */
#include "events.h"
#include "text.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

struct kept {
	GString *text;
	size_t   start;         /* where the oldest line begins */
	uint64_t first, next;   /* sequence numbers: lines of [first, next) are there */
};
struct event_texts { struct kept kept[2]; };

struct event_texts *event_texts_new(void)
{
	struct event_texts *t = g_new0(struct event_texts, 1);

	for (unsigned i = 0; i < G_N_ELEMENTS(t->kept); i++)
		t->kept[i] = (struct kept){ .text = g_string_new(NULL), .first = 1, .next = 1 };
	return t;
}

void event_texts_free(struct event_texts *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(t->kept); i++)
		g_string_free(t->kept[i].text, TRUE);
	g_free(t);
}

static const char *host_name(struct world *w, uint32_t serial)
{
	return serial < w->host_names->len ? w->host_names->pdata[serial] : NULL;
}

static void put_address(GString *out, uint8_t format, const uint64_t half[2])
{
	struct net_addr a;
	char text[NET_ADDR_TEXT];

	if (half[0] == JOURNAL_NONE && half[1] == JOURNAL_NONE) {
		put_text(out, format == FORMAT_JSON ? "null" : "-");
		return;
	}
	a = net_addr_of_halves(half[0], half[1]);
	g_string_append_printf(out, format == FORMAT_JSON ? "\"%s\"" : "%s", net_addr_text(&a, text));
}

static const char *wire_name(struct world *w, uint64_t serial)
{
	return serial < w->wire_names->len ? w->wire_names->pdata[serial] : NULL;
}

static void put_value(GString *out, uint8_t format, char type, uint64_t value)
{
	bool json = format == FORMAT_JSON;

	if (type == 'i') {
		g_string_append_printf(out, "%" PRId64, (int64_t)value);
	} else if (value == JOURNAL_NONE) {
		put_text(out, json ? "null" : "-");
	} else if (type == 'x') {
		put_text(out, json ? "\"0x" : "0x");
		put_hex(out, value);
		if (json)
			put_char(out, '"');
	} else if (type == 't' && !json) {
		put_time(out, value);
	} else if (type == 'p' && value >> 32) {
		g_string_append_printf(out, json ? "\"%" PRIu64 ":%" PRIu64 "\"" : "%" PRIu64 ":%" PRIu64, value >> 32,
				       value & UINT32_MAX);
	} else {
		put_dec(out, value);
	}
}

/* One word of one line for awk: blanks and controls show as underscores. */
static void put_word(GString *out, const char *text)
{
	for (; *text; text++)
		put_char(out, (unsigned char)*text <= ' ' ? '_' : *text);
}

static void put_event_text(GString *out, uint8_t format, const char *text)
{
	if (format == FORMAT_JSON && text)
		put_json_string(out, text);
	else
		put_word(out, text ? text : format == FORMAT_JSON ? "null" : "-");
}

/* "0x5:01": see event_candidate(). */
static void put_candidate(GString *out, uint8_t format, uint64_t value)
{
	uint32_t seen = (uint32_t)(value >> 32 & 0x3fffffff);

	put_text(out, format == FORMAT_JSON ? "\"0x" : "0x");
	put_hex(out, (uint32_t)value);
	put_char(out, ':');
	switch ((enum event_seen)(value >> 62)) {
	case EVENT_NOTHING:
		put_char(out, '-');
		break;
	case EVENT_BITS:
		put_dec(out, seen >> 1);
		seen &= 1;
		G_GNUC_FALLTHROUGH;
	case EVENT_NUMBER:
		put_dec(out, seen);
	}
	if (format == FORMAT_JSON)
		put_char(out, '"');
}

/* An object has each key once: a fault's kind is its "fault_kind", as "kind" is "fault". */
static void put_key(GString *out, uint8_t format, const struct event_kind *kind, const char *key, size_t len)
{
	static const char *const columns[] = { "seq", "time", "host", "pid", "kind" };

	if (format != FORMAT_JSON) {
		put_char(out, ' ');
		g_string_append_len(out, key, (gssize)len);
		put_char(out, '=');
		return;
	}
	put_text(out, ",\"");
	for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++)
		if (strlen(columns[i]) == len && !memcmp(columns[i], key, len))
			g_string_append_printf(out, "%s_", kind->name);
	g_string_append_len(out, key, (gssize)len);
	put_text(out, "\":");
}

/* The kind's keys with the event's values: " va=0x1000 bytes=4" or ,"va":"0x1000","bytes":4 */
static void put_details(struct world *w, GString *out, uint8_t format, const struct event *event)
{
	const char *key = event->kind->keys;
	unsigned value = 0;

	while (key && *key) {
		const char *colon = strchr(key, ':');

		if (!colon)
			return;
		put_key(out, format, event->kind, key, (size_t)(colon - key));
		if (colon[1] == 's')
			put_event_text(out, format, event->text);
		else if (colon[1] == 'c' && event->text) {
			put_event_text(out, format, event->text);
			value++;
		} else if (colon[1] == 'c' && value < EVENT_VALUES)
			put_candidate(out, format, event->value[value++]);
		else if (colon[1] == 'n' && value < EVENT_VALUES)
			put_event_text(out, format, (const char *)(uintptr_t)event->value[value++]);
		else if (colon[1] == 'w' && value < EVENT_VALUES)
			put_event_text(out, format, wire_name(w, event->value[value++]));
		else if (colon[1] == 'a' && value + 1 < EVENT_VALUES) {
			put_address(out, format, event->value + value);
			value += 2;
		} else if (value < EVENT_VALUES)
			put_value(out, format, colon[1], event->value[value++]);
		key = colon + 1 + strcspn(colon + 1, " ");
		key += *key == ' ';
	}
}

static void print_text(struct world *w, const struct event *event, GString *out)
{
	const char *host = host_name(w, event->host);
	size_t start = out->len, before;

	put_dec_width(out, event->seq, 6);
	put_char(out, ' ');
	before = out->len;
	put_time(out, event->time);
	put_pad(out, before, 14);
	put_char(out, ' ');
	put_text(out, host ? host : "-");
	put_pad(out, start, 29);
	put_char(out, ' ');
	before = out->len;
	if (event->pid)
		put_dec(out, (uint64_t)event->pid);
	else
		put_char(out, '-');
	put_pad(out, before, 5);
	put_char(out, ' ');
	put_text(out, event->kind->name);
	put_details(w, out, FORMAT_TEXT, event);
	put_char(out, '\n');
}

static void print_json(struct world *w, const struct event *event, GString *out)
{
	const char *host = host_name(w, event->host);

	put_text(out, "{\"seq\":");
	put_dec(out, event->seq);
	put_text(out, ",\"time\":");
	put_dec(out, event->time);
	put_text(out, ",\"host\":");
	put_event_text(out, FORMAT_JSON, host);
	put_text(out, ",\"pid\":");
	put_value(out, FORMAT_JSON, 'd', event->pid ? (uint64_t)event->pid : JOURNAL_NONE);
	put_text(out, ",\"kind\":");
	put_json_string(out, event->kind->name);
	put_details(w, out, FORMAT_JSON, event);
	put_text(out, "}\n");
}

void event_print(struct world *w, uint8_t format, const struct event *event, GString *out)
{
	if (format == FORMAT_JSON)
		print_json(w, event, out);
	else
		print_text(w, event, out);
}

static void cut_front(struct kept *k, uint64_t oldest)
{
	for (; k->first < oldest && k->first < k->next; k->first++) {
		const char *line = k->text->str + k->start;

		k->start += (size_t)((char *)memchr(line, '\n', k->text->len - k->start) + 1 - line);
	}
	if (k->first == k->next) {
		g_string_truncate(k->text, 0);
		k->start = 0;
	} else if (k->start > k->text->len / 2) {
		g_string_erase(k->text, 0, (gssize)k->start);
		k->start = 0;
	}
}

void events_show(struct world *w, uint8_t format, GString *out)
{
	struct kept *k = &w->texts->kept[format == FORMAT_JSON];
	uint64_t oldest = journal_oldest(&w->journal);

	cut_front(k, oldest);
	if (k->first == k->next)
		k->first = k->next = MAX(k->next, oldest);
	for (; k->next < w->journal.next; k->next++)
		event_print(w, format, journal_at(&w->journal, k->next), k->text);
	if (format == FORMAT_TEXT)
		put_text(out, "   seq time           host    pid   kind key=value...\n");
	g_string_append_len(out, k->text->str + k->start, (gssize)(k->text->len - k->start));
}

/* Streams: `next` is the next event that this reader is to see. */

struct follower { uint64_t next; };

static void *follow_open(const struct node *n, struct err *e)
{
	struct follower *f = g_new(struct follower, 1);

	f->next = n->world->journal.next;
	return f;
}

static void put_lost(uint8_t format, uint64_t count, GString *out)
{
	put_text(out, format == FORMAT_JSON ? "{\"lost\":" : "lost ");
	put_dec(out, count);
	put_text(out, format == FORMAT_JSON ? "}\n" : "\n");
}

static int follow(const struct node *n, struct follower *f, uint8_t format, size_t max, GString *out)
{
	struct journal *j = &n->world->journal;
	uint64_t oldest = journal_oldest(j);

	if (f->next > j->next)  /* the world was reset */
		f->next = oldest;
	if (f->next < oldest) {
		put_lost(format, oldest - f->next, out);
		f->next = oldest;
	}
	while (f->next < j->next && out->len < max)
		event_print(n->world, format, journal_at(j, f->next++), out);
	return 0;
}

static int follow_text(const struct node *n, void *state, size_t max, GString *out, struct err *e)
{
	return follow(n, state, FORMAT_TEXT, max, out);
}

static int follow_json(const struct node *n, void *state, size_t max, GString *out, struct err *e)
{
	return follow(n, state, FORMAT_JSON, max, out);
}

static bool follow_ready(const struct node *n, void *state)
{
	return ((struct follower *)state)->next != n->world->journal.next;
}

static void follow_close(const struct node *n, void *state)
{
	g_free(state);
}

const struct stream_ops events_follow = {
	.open = follow_open, .read = follow_text, .ready = follow_ready, .close = follow_close,
};
const struct stream_ops events_json_follow = {
	.open = follow_open, .read = follow_json, .ready = follow_ready, .close = follow_close,
};
