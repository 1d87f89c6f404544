/*
 * journal.h - what has happened: a bounded ring of events, the newest last.
 *
 * An engine describes each kind of event once, as a static row; an event then carries up to eight
 * numbers, so that writing one costs no formatting. What does not fit numbers goes into `text`.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "units.h"

#include <glib.h>

enum { EVENT_VALUES = 8, JOURNAL_AHEAD = 4 /* a fault makes that many events, one right after the other */ };

/*
 * `keys` names the values in order, each with how it prints: "va:x pfn:x bytes:d".
 * x hex with 0x (a string in JSON), d decimal, t seconds with nine decimals (JSON: nanoseconds),
 * n a name (the value is a pointer to a static string), w a wire (its serial), a an address of IP (takes two
 * values: the halves of a v4-mapped or version 6 one), s the event's text (takes no value),
 * c an event_candidate(), or the event's text if it has one; i decimal with a sign; p an event_place(). But for i, JOURNAL_NONE
 * prints as `-` (JSON: null).
 */
struct event_kind {
	const char *name;
	const char *keys;
};

#define JOURNAL_NONE UINT64_MAX

struct event {
	uint64_t seq;  /* counts from 1 */
	ns_t     time;
	uint32_t host; /* serial of the host; 0: the world itself */
	int32_t  pid;  /* 0: none */
	const struct event_kind *kind;
	uint64_t value[EVENT_VALUES];
	char    *text; /* owned by the journal, or NULL; no blanks or newlines (the writer quotes) */
};

/* A frame that was looked at, and what was seen there: nothing ("0x5:-"), a number, or two bits ("0x5:01"). Below 2^30. */
enum event_seen { EVENT_NOTHING, EVENT_NUMBER, EVENT_BITS };
static inline uint64_t event_candidate(uint32_t frame, enum event_seen seen, uint32_t value)
{
	return (uint64_t)seen << 62 | (uint64_t)value << 32 | frame;
}

/* A slot of a swap area: "5" in area 0, "3:5" in area 3. */
static inline uint64_t event_place(unsigned area, uint64_t slot) { return (uint64_t)area << 32 | slot; }

struct journal {
	struct event *ring;
	size_t   capacity, at;  /* ring[at] is the next event's */
	uint64_t next; /* sequence number of the next event */
	const ns_t *now;
};

/* `now` is where the time is read; it must outlive the journal. */
void journal_init(struct journal *j, size_t capacity, const ns_t *now);
void journal_clear(struct journal *j);

/* Appends an event; the returned event may be given its values and text until the next call. */
static inline struct event *journal_add(struct journal *j, const struct event_kind *kind, uint32_t host, int32_t pid)
{
	struct event *e = &j->ring[j->at], *soon = &j->ring[j->at + JOURNAL_AHEAD < j->capacity ? j->at + JOURNAL_AHEAD : 0];

	j->at = j->at + 1 == j->capacity ? 0 : j->at + 1;
	__builtin_prefetch(soon, 1);                     /* in a large journal it has not been touched for long */
	__builtin_prefetch((char *)(soon + 1) - 1, 1);
	if (e->text)
		g_free(e->text);
	*e = (struct event){ .seq = j->next++, .time = *j->now, .host = host, .pid = pid, .kind = kind };
	return e;
}
/* The oldest sequence number still kept (== next when empty). */
uint64_t journal_oldest(const struct journal *j);
/* The event with that number, or NULL when it is no longer, or not yet, there. */
const struct event *journal_at(const struct journal *j, uint64_t seq);

#endif
