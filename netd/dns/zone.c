/* zone.c - zones and the answers that they give. */
#include "zone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

enum { RECORDS_MAX = 100000, CHAIN_MAX = 16, TTL_DEFAULT = 3600 };

struct dns_zone {
	struct dns_name apex;
	GArray *records;         /* struct dns_record, in order of the file */
	GHashTable *names;       /* struct dns_name -> GArray of indices */
};

/* Reading */

struct reader {
	GArray *tokens;          /* char * of the present record */
	GPtrArray *storage;
	struct dns_name origin, owner;
	bool has_origin, has_owner;
	uint32_t ttl;
	unsigned line;
	struct dns_zone *zone;
	struct err *e;
};

static int bad(struct reader *r, const char *what, const char *word)
{
	return err_set(r->e, EINVAL, -1, "line %u: %s%s%.60s", r->line, what, word ? ": " : "", word ? word : "");
}

static guint hash_name(gconstpointer n) { return dns_name_hash(n); }
static gboolean equal_names(gconstpointer a, gconstpointer b) { return dns_name_equal(a, b); }

static int read_name(struct reader *r, const char *text, struct dns_name *out)
{
	g_autofree char *whole = NULL;
	g_autoptr(GString) origin = g_string_new(NULL);
	size_t len = strlen(text);

	if (!len)
		return bad(r, "an empty name", NULL);
	if (!strcmp(text, "@") || text[len - 1] != '.') {
		if (!r->has_origin)
			return bad(r, "a relative name, but no $ORIGIN", text);
		if (!strcmp(text, "@")) {
			*out = r->origin;
			return 0;
		}
		dns_name_write(&r->origin, origin);
		whole = g_strconcat(text, ".", strcmp(origin->str, ".") ? origin->str : "", NULL);
		text = whole;
	}
	return dns_name_parse(text, out, r->e) ? bad(r, "not a name", text) : 0;
}

/* 3600, 1h, 2d */
static bool read_ttl(const char *text, uint32_t *ttl)
{
	char *end;
	guint64 v = g_ascii_strtoull(text, &end, 10);
	static const struct { char unit; unsigned seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
									 { 'w', 604800 } };

	if (!g_ascii_isdigit(*text))
		return false;
	for (size_t i = 0; *end && i < G_N_ELEMENTS(units); i++)
		if (g_ascii_tolower(*end) == units[i].unit && !end[1]) {
			v *= units[i].seconds;
			end++;
		}
	if (*end || v > INT32_MAX)
		return false;
	*ttl = (uint32_t)v;
	return true;
}

static void put_number(GByteArray *data, uint32_t v, unsigned bytes)
{
	while (bytes--) {
		uint8_t b = (uint8_t)(v >> 8 * bytes);

		g_byte_array_append(data, &b, 1);
	}
}

static const char *word(const struct reader *r, unsigned i)
{
	return i < r->tokens->len ? g_array_index(r->tokens, char *, i) : NULL;
}

static int put_name(struct reader *r, const char *text, GByteArray *data)
{
	struct dns_name n;

	if (!text)
		return bad(r, "a name is missing", NULL);
	if (read_name(r, text, &n))
		return -r->e->code;
	g_byte_array_append(data, n.at, n.len);
	return 0;
}

static int put_address(struct reader *r, int family, const char *text, GByteArray *data)
{
	uint8_t bytes[16];

	if (!text || inet_pton(family, text, bytes) != 1)
		return bad(r, "not an address", text);
	g_byte_array_append(data, bytes, family == AF_INET ? 4 : 16);
	return 0;
}

/* The words from `i` on are the record's data. */
static int read_data(struct reader *r, uint16_t type, unsigned i, GByteArray *data)
{
	uint32_t v;

	switch (type) {
	case DNS_A:    return put_address(r, AF_INET, word(r, i), data);
	case DNS_AAAA: return put_address(r, AF_INET6, word(r, i), data);
	case DNS_MX:
		if (!word(r, i) || !read_ttl(word(r, i), &v) || v > UINT16_MAX)
			return bad(r, "not a preference", word(r, i));
		put_number(data, v, 2);
		return put_name(r, word(r, i + 1), data);
	case DNS_SOA:
		if (put_name(r, word(r, i), data) || put_name(r, word(r, i + 1), data))
			return -r->e->code;
		for (unsigned k = 0; k < 5; k++) {
			if (!word(r, i + 2 + k) || !read_ttl(word(r, i + 2 + k), &v))
				return bad(r, "not a number of a SOA record", word(r, i + 2 + k));
			put_number(data, v, 4);
		}
		return 0;
	case DNS_TXT:
		for (; word(r, i); i++) {
			size_t len = strlen(word(r, i));

			if (len > 255)
				return bad(r, "a text of more than 255 bytes", NULL);
			put_number(data, (uint32_t)len, 1);
			g_byte_array_append(data, (const uint8_t *)word(r, i), (guint)len);
		}
		return data->len ? 0 : bad(r, "a text is missing", NULL);
	default:
		return put_name(r, word(r, i), data);
	}
}

static void add_record(struct dns_zone *z, const struct dns_record *r)
{
	unsigned index = z->records->len;
	GArray *at;

	g_array_append_val(z->records, *r);
	at = g_hash_table_lookup(z->names, &r->name);
	if (!at) {
		at = g_array_new(FALSE, FALSE, sizeof(unsigned));
		g_hash_table_insert(z->names, g_memdup2(&r->name, sizeof r->name), at);
	}
	g_array_append_val(at, index);
}

static int read_directive(struct reader *r)
{
	if (!strcmp(word(r, 0), "$ORIGIN") && word(r, 1)) {
		if (read_name(r, word(r, 1), &r->origin))
			return -r->e->code;
		r->has_origin = true;
		return 0;
	}
	if (!strcmp(word(r, 0), "$TTL") && word(r, 1) && read_ttl(word(r, 1), &r->ttl))
		return 0;
	return bad(r, "not a directive that is known", word(r, 0));
}

/* [NAME] [TTL] [IN] TYPE DATA; `indented`: the name is that of the record before. */
static int read_record(struct reader *r, bool indented)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	struct dns_record record = { .class = DNS_IN, .ttl = r->ttl };
	unsigned i = 0;

	if (!indented) {
		if (read_name(r, word(r, i++), &r->owner))
			return -r->e->code;
		r->has_owner = true;
	}
	if (!r->has_owner)
		return bad(r, "a record without a name", NULL);
	for (unsigned k = 0; k < 2 && word(r, i); k++)
		if (!g_ascii_strcasecmp(word(r, i), "IN") || read_ttl(word(r, i), &record.ttl))
			i++;
	if (!word(r, i) || !dns_type_parse(word(r, i), &record.type) || record.type == DNS_OPT || record.type == DNS_ANY)
		return bad(r, "not a type that is known", word(r, i));
	if (record.type == DNS_SOA && !r->has_origin) {          /* as a server's configuration would say it */
		r->origin = r->owner;
		r->has_origin = true;
	}
	if (read_data(r, record.type, i + 1, data))
		return -r->e->code;
	record.name = r->owner;
	if (record.type == DNS_SOA) {
		if (r->zone->apex.len)
			return bad(r, "a second SOA record", NULL);
		r->zone->apex = r->owner;
	}
	if (r->zone->records->len >= RECORDS_MAX)
		return bad(r, "more than 100000 records", NULL);
	record.len = (uint16_t)data->len;
	record.data = g_memdup2(data->data, data->len);
	add_record(r->zone, &record);
	return 0;
}

/* One word at *c, quoted or not, appended to the tokens; false: a quote that is not closed. */
static bool read_word(struct reader *r, const char **c, const char *end)
{
	GString *text = g_string_new(NULL);
	bool quoted = **c == '"', closed = !quoted;
	char *token;

	*c += quoted;
	while (*c < end && **c != '\n') {
		if (quoted ? **c == '"' : strchr(" \t\r;()", **c) != NULL) {
			closed = true;
			*c += quoted;
			break;
		}
		if (quoted && **c == '\\' && *c + 1 < end)
			++*c;
		g_string_append_c(text, *(*c)++);
	}
	token = g_string_free(text, FALSE);
	g_ptr_array_add(r->storage, token);
	g_array_append_val(r->tokens, token);
	return closed;
}

/* The words up to the end of the line, or of the parentheses. */
static int read_words(struct reader *r, const char **c, const char *end)
{
	unsigned open = 0;

	g_array_set_size(r->tokens, 0);
	g_ptr_array_set_size(r->storage, 0);
	while (*c < end && (open || **c != '\n')) {
		switch (**c) {
		case '\n':
			r->line++;
			++*c;
			break;
		case ' ': case '\t': case '\r':
			++*c;
			break;
		case ';':
			while (*c < end && **c != '\n')
				++*c;
			break;
		case '(':
			open++;
			++*c;
			break;
		case ')':
			if (open-- == 0)
				return bad(r, "')' without '('", NULL);
			++*c;
			break;
		default:
			if (!read_word(r, c, end))
				return bad(r, "a quote is not closed", NULL);
		}
	}
	return open ? bad(r, "'(' is not closed", NULL) : 0;
}

static int read_all(struct reader *r, const char *text, size_t len)
{
	const char *c = text, *end = text + len;

	for (r->line = 1; c < end; r->line++, c++) {
		bool indented = *c == ' ' || *c == '\t';
		int rc = read_words(r, &c, end);

		if (!rc && r->tokens->len)
			rc = *word(r, 0) == '$' ? read_directive(r) : read_record(r, indented);
		if (rc)
			return rc;
	}
	if (!r->zone->apex.len)
		return err_set(r->e, EINVAL, -1, "a zone has a SOA record");
	for (unsigned i = 0; i < r->zone->records->len; i++) {
		const struct dns_record *record = &g_array_index(r->zone->records, struct dns_record, i);
		g_autoptr(GString) name = g_string_new(NULL);

		if (dns_name_is_in(&record->name, &r->zone->apex))
			continue;
		dns_name_write(&record->name, name);
		return err_set(r->e, EINVAL, -1, "%.100s is not in the zone", name->str);
	}
	return 0;
}

int dns_zone_parse(const char *text, size_t len, const char *origin, struct dns_zone **out, struct err *e)
{
	struct err ignored;
	struct reader r = { .ttl = TTL_DEFAULT, .e = e ? e : &ignored };
	int rc = 0;

	if (memchr(text, '\0', len))
		return err_set(r.e, EINVAL, -1, "a NUL byte");
	r.zone = g_new0(struct dns_zone, 1);
	r.zone->records = g_array_new(FALSE, FALSE, sizeof(struct dns_record));
	g_array_set_clear_func(r.zone->records, (GDestroyNotify)dns_record_clear);
	r.zone->names = g_hash_table_new_full(hash_name, equal_names, g_free, (GDestroyNotify)g_array_unref);
	r.tokens = g_array_new(FALSE, FALSE, sizeof(char *));
	r.storage = g_ptr_array_new_with_free_func(g_free);
	if (origin) {
		rc = dns_name_parse(origin, &r.origin, r.e);
		r.has_origin = true;
	}
	if (!rc)
		rc = read_all(&r, text, len);
	g_array_free(r.tokens, TRUE);
	g_ptr_array_free(r.storage, TRUE);
	if (rc)
		dns_zone_free(r.zone);
	else
		*out = r.zone;
	return rc;
}

void dns_zone_free(struct dns_zone *z)
{
	g_array_free(z->records, TRUE);
	g_hash_table_destroy(z->names);
	g_free(z);
}

const struct dns_name *dns_zone_apex(const struct dns_zone *z)
{
	return &z->apex;
}

/* Answering */

static const struct dns_record *record_at(const struct dns_zone *z, const struct dns_name *name, uint16_t type, unsigned nth)
{
	const GArray *at = g_hash_table_lookup(z->names, name);

	for (unsigned i = 0; at && i < at->len; i++) {
		const struct dns_record *r = &g_array_index(z->records, struct dns_record, g_array_index(at, unsigned, i));

		if ((type == DNS_ANY || r->type == type) && nth-- == 0)
			return r;
	}
	return NULL;
}

static unsigned add_all(const struct dns_zone *z, const struct dns_name *name, uint16_t type, struct dns_message *m,
			unsigned section)
{
	const struct dns_record *r;
	unsigned n = 0;

	for (; (r = record_at(z, name, type, n)); n++)
		dns_message_add(m, section, r);
	return n;
}

/* Whether anything is at that name or below it (RFC 4592 2.2.2: an empty non-terminal exists). */
static bool name_exists(const struct dns_zone *z, const struct dns_name *name)
{
	if (g_hash_table_contains(z->names, name))
		return true;
	for (unsigned i = 0; i < z->records->len; i++)
		if (dns_name_is_in(&g_array_index(z->records, struct dns_record, i).name, name))
			return true;
	return false;
}

/* The highest cut between the apex and the name: from there on others have the authority. */
static bool find_cut(const struct dns_zone *z, const struct dns_name *name, struct dns_name *cut)
{
	struct dns_name at = *name;
	bool found = false;

	while (!dns_name_equal(&at, &z->apex)) {
		if (record_at(z, &at, DNS_NS, 0)) {
			*cut = at;
			found = true;
		}
		if (!dns_name_parent(&at, &at))
			break;
	}
	return found;
}

/* Addresses of the servers and exchangers that a section names. */
static void add_glue(const struct dns_zone *z, struct dns_message *m, unsigned section)
{
	for (unsigned i = 0; i < m->section[section]->len; i++) {
		const struct dns_record *r = &g_array_index(m->section[section], struct dns_record, i);
		struct dns_name target;

		if ((r->type == DNS_NS || r->type == DNS_MX) && dns_record_target(r, &target)) {
			add_all(z, &target, DNS_A, m, DNS_ADDITIONAL);
			add_all(z, &target, DNS_AAAA, m, DNS_ADDITIONAL);
		}
	}
}

/* RFC 2308 3: a negative answer lives as long as the SOA's minimum, at most. */
static void add_soa(const struct dns_zone *z, struct dns_message *m)
{
	const struct dns_record *soa = record_at(z, &z->apex, DNS_SOA, 0);
	struct dns_record *added;

	dns_message_add(m, DNS_AUTHORITY, soa);
	added = &g_array_index(m->section[DNS_AUTHORITY], struct dns_record, m->section[DNS_AUTHORITY]->len - 1);
	added->ttl = dns_soa_negative_ttl(soa);
}

static void answer_from(const struct dns_zone *z, const struct dns_message *q, struct dns_message *m)
{
	struct dns_name name = q->name, cut;
	const struct dns_record *alias;

	for (unsigned i = 0; i < CHAIN_MAX && dns_name_is_in(&name, &z->apex); i++) {
		if (find_cut(z, &name, &cut)) {
			m->authoritative = m->section[DNS_ANSWER]->len > 0;
			add_all(z, &cut, DNS_NS, m, DNS_AUTHORITY);
			add_glue(z, m, DNS_AUTHORITY);
			return;
		}
		m->authoritative = true;
		alias = record_at(z, &name, DNS_CNAME, 0);
		if (!alias || q->type == DNS_CNAME || q->type == DNS_ANY) {
			if (add_all(z, &name, q->type, m, DNS_ANSWER)) {
				add_glue(z, m, DNS_ANSWER);
			} else {
				m->rcode = name_exists(z, &name) ? DNS_NOERROR : DNS_NXDOMAIN;
				add_soa(z, m);
			}
			return;
		}
		dns_message_add(m, DNS_ANSWER, alias);
		dns_record_target(alias, &name);
	}
}

void dns_zones_answer(struct dns_zone *const *zones, unsigned count, const struct dns_message *q, struct dns_message *m)
{
	const struct dns_zone *best = NULL;

	dns_message_init(m);
	m->id = q->id;
	m->response = true;
	m->opcode = q->opcode;
	m->wants_recursion = q->wants_recursion;
	m->has_question = q->has_question;
	m->name = q->name;
	m->type = q->type;
	m->class = q->class;
	m->udp_max = q->udp_max;
	if (q->opcode != 0) {
		m->rcode = DNS_NOTIMP;
		return;
	}
	if (q->edns_version) {                           /* RFC 6891 6.1.3: ours is 0 */
		m->rcode = DNS_BADVERS;
		return;
	}
	if (!q->has_question) {
		m->rcode = DNS_FORMERR;
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (dns_name_is_in(&q->name, &zones[i]->apex) && (!best || zones[i]->apex.len > best->apex.len))
			best = zones[i];
	if (!best || q->class != DNS_IN)
		m->rcode = DNS_REFUSED;
	else
		answer_from(best, q, m);
}
