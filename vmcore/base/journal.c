/* journal.c - the ring of events. */
#include "journal.h"

enum { AHEAD = 4 /* a fault makes that many, one right after the other */ };

void journal_init(struct journal *j, size_t capacity, const ns_t *now)
{
	*j = (struct journal){ .capacity = capacity, .at = 1 % capacity, .next = 1, .now = now };
	j->ring = g_new0(struct event, capacity);
}

void journal_clear(struct journal *j)
{
	for (size_t i = 0; i < j->capacity; i++)
		g_free(j->ring[i].text);
	g_free(j->ring);
	j->ring = NULL;
}

struct event *journal_add(struct journal *j, const struct event_kind *kind, uint32_t host, int32_t pid)
{
	struct event *e = &j->ring[j->at], *soon = e + AHEAD < j->ring + j->capacity ? e + AHEAD : j->ring;

	j->at = j->at + 1 == j->capacity ? 0 : j->at + 1;
	__builtin_prefetch(soon, 1);                     /* in a large journal it has not been touched for long */
	__builtin_prefetch((char *)(soon + 1) - 1, 1);
	if (e->text)
		g_free(e->text);
	*e = (struct event){ .seq = j->next++, .time = *j->now, .host = host, .pid = pid, .kind = kind };
	return e;
}

uint64_t journal_oldest(const struct journal *j)
{
	return j->next > j->capacity ? j->next - j->capacity : 1;
}

const struct event *journal_at(const struct journal *j, uint64_t seq)
{
	if (seq >= j->next || seq < journal_oldest(j))
		return NULL;
	return &j->ring[seq % j->capacity];
}
