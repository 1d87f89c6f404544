/* load.c - proc/PID/load: how long the answers took that the latest `load` of the process has had. */
#include "load.h"

#include "table.h"
#include "world.h"

#include <string.h>

/* Borders at 1, 2 and 5 times the powers of ten, from 1 us on; the last has no upper one. */
enum { DECADES = 9, BORDERS = 3 * DECADES, BAR = 40 };

struct load_times { uint64_t count[BORDERS + 1], all; };

static ns_t border(unsigned i)
{
	static const unsigned steps[] = { 1, 2, 5 };
	ns_t b = NS_PER_US * steps[i % 3];

	for (unsigned k = i / 3; k > 0; k--)
		b *= 10;
	return b;
}

void load_times_clear(const struct node *n)
{
	uint64_t key = (uint64_t)n->host << 32 | n->process;

	g_hash_table_remove(n->world->loads, &key);
}

void load_times_add(const struct node *n, ns_t took)
{
	uint64_t key = (uint64_t)n->host << 32 | n->process;
	struct load_times *t = g_hash_table_lookup(n->world->loads, &key);
	unsigned i = 0;

	if (!t) {
		t = g_new0(struct load_times, 1);
		g_hash_table_insert(n->world->loads, g_memdup2(&key, sizeof(key)), t);
	}
	while (i < BORDERS && took >= border(i))
		i++;
	t->count[i]++;
	t->all++;
}

const struct column load_columns[] = {
	{ "from", COLUMN_TIME }, { "to", COLUMN_TIME }, { "count", COLUMN_NUMBER }, { "sum", COLUMN_NUMBER },
	{ "percent", COLUMN_WORD }, { "bar", COLUMN_WORD }, { 0 }
};

static void put_row(struct table_out *o, const struct load_times *t, unsigned i, uint64_t sum, uint64_t most)
{
	uint64_t tenths = sum * 1000 / t->all;
	char percent[16], bar[BAR + 1];
	size_t len = (size_t)(t->count[i] * BAR / most);

	g_snprintf(percent, sizeof percent, "%u.%u", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
	memset(bar, '#', MAX(len, 1));
	bar[MAX(len, 1)] = '\0';
	table_time(o, i ? border(i - 1) : 0);
	if (i < BORDERS)
		table_time(o, border(i));
	else
		table_none(o);
	table_number(o, t->count[i]);
	table_number(o, sum);
	table_word(o, percent);
	table_word(o, t->count[i] ? bar : NULL);
}

int fill_load(const struct node *n, struct table_out *o, struct err *e)
{
	uint64_t key = (uint64_t)n->host << 32 | n->process, sum = 0, most = 0;
	const struct load_times *t = g_hash_table_lookup(n->world->loads, &key);

	if (!world_proc(n, e))
		return -e->code;
	for (unsigned i = 0; t && i <= BORDERS; i++)
		most = MAX(most, t->count[i]);
	for (unsigned i = 0; t && i <= BORDERS && sum < t->all; i++) {
		sum += t->count[i];
		if (sum)
			put_row(o, t, i, sum, most);
	}
	return 0;
}
