/*
 * system.c - what a fixture sets for the whole host, and the host's uptime.
 *
 * `set NAME VALUE` keeps words in host->settings; a file that shows such a value asks here first.
 */
#include "system.h"

const char *system_text(const struct node *n, const char *name, const char *otherwise)
{
	struct host *h = world_host(n, NULL);
	const char *text = h ? g_hash_table_lookup(h->settings, name) : NULL;

	return text ? text : otherwise;
}

void system_override(const struct node *n, const char *name, uint64_t *v)
{
	const char *text = system_text(n, name, NULL);

	if (text)
		*v = g_ascii_strtoull(text, NULL, 10);
}

ns_t system_uptime(const struct node *n)
{
	struct host *h = world_host(n, NULL);

	return h ? n->world->clock.now - h->made : 0;
}
