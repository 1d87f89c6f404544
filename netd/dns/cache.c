/* cache.c - the cache of a host's resolvers. */
#include "cache.h"

#include <string.h>

/* RFC 2308 5: negative answers for at most 3 hours; RFC 2181 8 leaves a bound for others to us: a week. */
enum { SETS_MAX = 10000, TTL_MAX = 7 * 86400, TTL_MAX_NEGATIVE = 3 * 3600 };

struct net_dns_cache { GHashTable *sets; }; /* struct dns_rrset -> itself */

static guint hash_set(gconstpointer p)
{
	const struct dns_rrset *s = p;

	return dns_name_hash(&s->name) * 31 + s->type;
}

static gboolean equal_sets(gconstpointer a, gconstpointer b)
{
	const struct dns_rrset *x = a, *y = b;

	return x->type == y->type && dns_name_equal(&x->name, &y->name);
}

static void free_set(gpointer p)
{
	struct dns_rrset *s = p;

	g_array_free(s->records, TRUE);
	g_free(s);
}

struct net_dns_cache *net_dns_cache_new(void)
{
	struct net_dns_cache *c = g_new(struct net_dns_cache, 1);

	c->sets = g_hash_table_new_full(hash_set, equal_sets, NULL, free_set);
	return c;
}

void net_dns_cache_free(struct net_dns_cache *c)
{
	g_hash_table_destroy(c->sets);
	g_free(c);
}

void net_dns_cache_flush(struct net_dns_cache *c)
{
	g_hash_table_remove_all(c->sets);
}

static struct dns_rrset *set_new(const struct dns_name *name, uint16_t type, enum dns_rank rank)
{
	struct dns_rrset *s = g_new0(struct dns_rrset, 1);

	s->name = *name;
	s->type = type;
	s->rank = rank;
	s->records = g_array_new(FALSE, FALSE, sizeof(struct dns_record));
	g_array_set_clear_func(s->records, (GDestroyNotify)dns_record_clear);
	return s;
}

static void set_add(struct dns_rrset *s, const struct dns_record *r)
{
	struct dns_record copy;

	dns_record_copy(r, &copy);
	g_array_append_val(s->records, copy);
}

/* In one order whatever the hash table's: by expiry, name, type. */
static bool goes_before(const struct dns_rrset *a, const struct dns_rrset *b)
{
	int order;

	if (a->expires != b->expires)
		return a->expires < b->expires;
	order = memcmp(a->name.at, b->name.at, MIN(a->name.len, b->name.len));
	return order ? order < 0 : a->type < b->type;
}

static gboolean has_expired(gpointer key, gpointer value, gpointer now)
{
	return ((struct dns_rrset *)value)->expires <= *(ns_t *)now;
}

static void make_room(struct net_dns_cache *c, ns_t now)
{
	const struct dns_rrset *first = NULL;
	GHashTableIter i;
	gpointer p;

	if (g_hash_table_size(c->sets) < SETS_MAX)
		return;
	g_hash_table_foreach_remove(c->sets, has_expired, &now);
	if (g_hash_table_size(c->sets) < SETS_MAX)
		return;
	g_hash_table_iter_init(&i, c->sets);
	while (g_hash_table_iter_next(&i, NULL, &p))
		if (!first || goes_before(p, first))
			first = p;
	g_hash_table_remove(c->sets, first);
}

/* Takes the set over. */
static void keep(struct net_dns_cache *c, struct dns_rrset *s, uint32_t ttl, ns_t now)
{
	const struct dns_rrset *old = dns_cache_find(c, &s->name, s->type, now);

	if (!ttl || (old && old->rank > s->rank)) {
		free_set(s);
		return;
	}
	s->expires = now + ttl * NS_PER_S;
	make_room(c, now);
	g_hash_table_replace(c->sets, s, s);
}

void dns_cache_add(struct net_dns_cache *c, const GArray *section, const struct dns_name *name, uint16_t type,
		   enum dns_rank rank, ns_t now)
{
	struct dns_rrset *s = set_new(name, type, rank);
	struct dns_rrset nothing = { .name = *name };
	uint32_t ttl = TTL_MAX;                          /* RFC 2181 5.2: of all, the shortest */

	for (unsigned i = 0; i < section->len; i++) {
		const struct dns_record *r = &g_array_index(section, struct dns_record, i);

		if (r->type != type || r->class != DNS_IN || !dns_name_equal(&r->name, name))
			continue;
		set_add(s, r);
		ttl = MIN(ttl, r->ttl);
	}
	g_assert(s->records->len);
	if (ttl)
		g_hash_table_remove(c->sets, &nothing);
	keep(c, s, ttl, now);
}

void dns_cache_add_none(struct net_dns_cache *c, const struct dns_name *name, uint16_t type, const struct dns_record *soa,
			ns_t now)
{
	struct dns_rrset *s;

	if (!soa)
		return;                                  /* RFC 2308 5 */
	s = set_new(name, type, DNS_RANK_ANSWER);
	s->negative = true;
	set_add(s, soa);
	keep(c, s, MIN(dns_soa_negative_ttl(soa), TTL_MAX_NEGATIVE), now);
}

const struct dns_rrset *dns_cache_find(const struct net_dns_cache *c, const struct dns_name *name, uint16_t type, ns_t now)
{
	struct dns_rrset wanted = { .name = *name, .type = type };
	const struct dns_rrset *s = g_hash_table_lookup(c->sets, &wanted);

	return s && s->expires > now ? s : NULL;
}

void dns_rrset_copy(const struct dns_rrset *set, ns_t now, struct dns_message *m, unsigned section)
{
	uint32_t left = (uint32_t)((set->expires - now + NS_PER_S - 1) / NS_PER_S);

	for (unsigned i = 0; i < set->records->len; i++) {
		struct dns_record *r;

		dns_message_add(m, section, &g_array_index(set->records, struct dns_record, i));
		r = &g_array_index(m->section[section], struct dns_record, m->section[section]->len - 1);
		r->ttl = MIN(r->ttl, left);
	}
}

/* The table */

struct row { GString *name; const struct dns_rrset *set; };

static int by_name(gconstpointer a, gconstpointer b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->name->str, y->name->str);

	return order ? order : (int)x->set->type - (int)y->set->type;
}

static void clear_row(gpointer p)
{
	g_string_free(((struct row *)p)->name, TRUE);
}

static void tell(const struct dns_rrset *set, const char *name, ns_t now, net_dns_row_fn *fn, void *user)
{
	g_autoptr(GString) data = g_string_new(NULL);
	struct net_dns_row row = { .name = name, .type = set->type ? dns_type_name(set->type) : "ANY",
				   .left = set->expires - now, .data = data->str };
	char number[16];

	if (!row.type) {
		g_snprintf(number, sizeof number, "TYPE%u", set->type);
		row.type = number;
	}
	if (set->negative) {
		row.data = set->type ? "NODATA" : "NXDOMAIN";
		fn(&row, user);
		return;
	}
	for (unsigned i = 0; i < set->records->len; i++) {
		g_string_truncate(data, 0);
		dns_record_write_data(&g_array_index(set->records, struct dns_record, i), data);
		row.data = data->str;
		fn(&row, user);
	}
}

void net_dns_cache_rows(const struct net_dns_cache *c, ns_t now, net_dns_row_fn *fn, void *user)
{
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct row));
	GHashTableIter i;
	gpointer p;

	g_array_set_clear_func(rows, clear_row);
	g_hash_table_iter_init(&i, c->sets);
	while (g_hash_table_iter_next(&i, NULL, &p)) {
		struct row r = { .set = p };

		if (r.set->expires <= now)
			continue;
		r.name = g_string_new(NULL);
		dns_name_write(&r.set->name, r.name);
		g_array_append_val(rows, r);
	}
	g_array_sort(rows, by_name);
	for (unsigned k = 0; k < rows->len; k++) {
		const struct row *r = &g_array_index(rows, struct row, k);

		tell(r->set, r->name->str, now, fn, user);
	}
}
