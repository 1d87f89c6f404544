/* journal.c - the ring of events. */
#include "journal.h"

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
