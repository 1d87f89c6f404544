/* message.c - DNS messages between bytes and records (RFC 1035 4). */
#include "message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { HEADER = 12, RECORDS_MAX = 512, POINTER = 0xc0 };

static const struct { uint16_t type; const char *name; } types[] = {
	{ DNS_A, "A" }, { DNS_NS, "NS" }, { DNS_CNAME, "CNAME" }, { DNS_SOA, "SOA" }, { DNS_PTR, "PTR" }, { DNS_MX, "MX" },
	{ DNS_TXT, "TXT" }, { DNS_AAAA, "AAAA" }, { DNS_OPT, "OPT" }, { DNS_ANY, "ANY" },
};

const char *dns_type_name(unsigned type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

bool dns_type_parse(const char *text, uint16_t *type)
{
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
		if (!g_ascii_strcasecmp(types[i].name, text)) {
			*type = types[i].type;
			return true;
		}
	return false;
}

/* Records */

void dns_record_clear(struct dns_record *r)
{
	g_free(r->data);
	r->data = NULL;
}

void dns_record_copy(const struct dns_record *from, struct dns_record *to)
{
	*to = *from;
	to->data = g_memdup2(from->data, from->len);
}

/* An uncompressed name within data. */
static bool name_in(const uint8_t *data, size_t len, struct dns_name *out)
{
	size_t at = 0;

	while (at < len && data[at]) {
		if (data[at] > DNS_LABEL_MAX)
			return false;
		at += data[at] + 1u;
	}
	if (at >= len || at + 1 > DNS_NAME_MAX)
		return false;
	*out = (struct dns_name){ .len = (uint8_t)(at + 1) };
	memcpy(out->at, data, at + 1);
	return true;
}

bool dns_record_target(const struct dns_record *r, struct dns_name *out)
{
	unsigned skip = r->type == DNS_MX ? 2 : 0;

	if (r->type != DNS_NS && r->type != DNS_CNAME && r->type != DNS_PTR && r->type != DNS_MX && r->type != DNS_SOA)
		return false;
	return r->len > skip && name_in(r->data + skip, r->len - skip, out);
}

static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }
static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

/* TXT: strings behind their lengths; false, with nothing written, for data that is not. */
static bool write_strings(const struct dns_record *r, GString *out)
{
	unsigned at = 0;

	while (at < r->len && at + 1u + r->data[at] <= r->len)
		at += 1u + r->data[at];
	if (at != r->len || !at)
		return false;
	for (at = 0; at < r->len; at += 1u + r->data[at]) {
		g_string_append(out, at ? " \"" : "\"");
		for (unsigned i = 1; i <= r->data[at]; i++) {
			char c = (char)r->data[at + i];

			if (c == '"' || c == '\\')
				g_string_append_printf(out, "\\%c", c);
			else if (c == ' ' || g_ascii_isgraph(c))
				g_string_append_c(out, c);
			else
				g_string_append_printf(out, "\\%03u", (uint8_t)c);
		}
		g_string_append_c(out, '"');
	}
	return true;
}

static void write_soa(const struct dns_record *r, const struct dns_name *first, GString *out)
{
	struct dns_name second;
	const uint8_t *rest = r->data + first->len;

	dns_name_write(first, out);
	if (!name_in(rest, r->len - first->len, &second) || r->len < first->len + second.len + 20u)
		return;
	g_string_append_c(out, ' ');
	dns_name_write(&second, out);
	for (unsigned i = 0; i < 5; i++)
		g_string_append_printf(out, " %u", get32(rest + second.len + 4 * i));
}

void dns_record_write_data(const struct dns_record *r, GString *out)
{
	char text[INET6_ADDRSTRLEN];
	struct dns_name n;

	if (r->type == DNS_A && r->len == 4) {
		g_string_append(out, inet_ntop(AF_INET, r->data, text, sizeof text));
	} else if (r->type == DNS_AAAA && r->len == 16) {
		g_string_append(out, inet_ntop(AF_INET6, r->data, text, sizeof text));
	} else if (dns_record_target(r, &n)) {
		if (r->type == DNS_MX)
			g_string_append_printf(out, "%u ", get16(r->data));
		if (r->type == DNS_SOA)
			write_soa(r, &n, out);
		else
			dns_name_write(&n, out);
	} else if (r->type != DNS_TXT || !write_strings(r, out)) {
		g_string_append_printf(out, "\\# %u", r->len);
		for (unsigned i = 0; i < r->len; i++)
			g_string_append_printf(out, "%s%02x", i ? "" : " ", r->data[i]);
	}
}

void dns_record_write(const struct dns_record *r, GString *out)
{
	dns_name_write(&r->name, out);
	g_string_append_printf(out, " %u IN ", r->ttl);
	if (dns_type_name(r->type))
		g_string_append_printf(out, "%s ", dns_type_name(r->type));
	else
		g_string_append_printf(out, "TYPE%u ", r->type);
	dns_record_write_data(r, out);
}

uint32_t dns_soa_negative_ttl(const struct dns_record *soa)
{
	return soa->len < 4 ? 0 : MIN(soa->ttl, get32(soa->data + soa->len - 4));
}

/* Messages */

void dns_message_init(struct dns_message *m)
{
	*m = (struct dns_message){ .class = DNS_IN };
	for (unsigned i = 0; i < DNS_SECTIONS; i++) {
		m->section[i] = g_array_new(FALSE, FALSE, sizeof(struct dns_record));
		g_array_set_clear_func(m->section[i], (GDestroyNotify)dns_record_clear);
	}
}

void dns_message_clear(struct dns_message *m)
{
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		if (m->section[i])
			g_array_free(m->section[i], TRUE);
	*m = (struct dns_message){ 0 };
}

void dns_message_add(struct dns_message *m, unsigned section, const struct dns_record *r)
{
	struct dns_record copy;

	dns_record_copy(r, &copy);
	g_array_append_val(m->section[section], copy);
}

/* Reading */

struct reader { const uint8_t *data; size_t len, at; struct err *e; };

static int bad(struct reader *r, const char *what)
{
	return err_set(r->e, EINVAL, (int)r->at, "byte %zu: %s", r->at, what);
}

/* RFC 1035 4.1.4. Pointers lead strictly backwards, so that following them ends. */
static int read_name(struct reader *r, struct dns_name *out)
{
	size_t at = r->at, limit = r->at;
	bool jumped = false;

	*out = (struct dns_name){ 0 };
	for (;;) {
		uint8_t len;

		if (at >= r->len)
			return bad(r, "a name ends beyond the message");
		len = r->data[at];
		if ((len & POINTER) == POINTER) {
			size_t to;

			if (at + 1 >= r->len)
				return bad(r, "a pointer ends beyond the message");
			to = (size_t)(len & ~POINTER) << 8 | r->data[at + 1];
			if (!jumped)
				r->at = at + 2;
			jumped = true;
			if (to >= limit || to < HEADER)
				return bad(r, "a pointer that does not lead back to a name");
			at = limit = to;
			continue;
		}
		if (len > DNS_LABEL_MAX)
			return bad(r, "a label of an unknown kind");
		if (at + 1 + len > r->len)
			return bad(r, "a label ends beyond the message");
		if (out->len + 1u + len + (len ? 1u : 0u) > DNS_NAME_MAX)
			return bad(r, "a name of more than 255 bytes");
		memcpy(out->at + out->len, r->data + at, len + 1u);
		out->len = (uint8_t)(out->len + len + 1u);
		at += len + 1u;
		if (len == 0)
			break;
	}
	if (!jumped)
		r->at = at;
	return 0;
}

/* The data of types that hold names comes out with them uncompressed. */
static int read_data(struct reader *r, uint16_t type, uint16_t len, GByteArray *out)
{
	size_t end = r->at + len;
	unsigned fixed = type == DNS_MX ? 2 : 0, names = type == DNS_SOA ? 2 : 1;
	struct dns_name n;

	if (type == DNS_A && len != 4)
		return bad(r, "an A record without 4 bytes");
	if (type == DNS_AAAA && len != 16)
		return bad(r, "an AAAA record without 16 bytes");
	if (type != DNS_NS && type != DNS_CNAME && type != DNS_PTR && type != DNS_MX && type != DNS_SOA) {
		g_byte_array_append(out, r->data + r->at, len);
		r->at = end;
		return 0;
	}
	if (len < fixed)
		return bad(r, "a record ends too early");
	g_byte_array_append(out, r->data + r->at, fixed);
	r->at += fixed;
	while (names--) {
		if (read_name(r, &n))
			return -r->e->code;
		g_byte_array_append(out, n.at, n.len);
	}
	if (type == DNS_SOA && r->at + 20 == end) {
		g_byte_array_append(out, r->data + r->at, 20);
		r->at = end;
	}
	return r->at == end ? 0 : bad(r, "a record's length does not fit its names");
}

static int read_record(struct reader *r, struct dns_message *m, unsigned section)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	struct dns_record record = { 0 };
	uint32_t ttl;
	uint16_t len;

	if (read_name(r, &record.name))
		return -r->e->code;
	if (r->len - r->at < 10)
		return bad(r, "a record ends beyond the message");
	record.type = get16(r->data + r->at);
	record.class = get16(r->data + r->at + 2);
	ttl = get32(r->data + r->at + 4);
	record.ttl = ttl > INT32_MAX ? 0 : ttl;          /* RFC 2181 8 */
	len = get16(r->data + r->at + 8);
	r->at += 10;
	if (len > r->len - r->at)
		return bad(r, "a record's data ends beyond the message");
	if (read_data(r, record.type, len, data))
		return -r->e->code;
	if (record.type == DNS_OPT) {                    /* RFC 6891 6.1.2, 6.1.3: the class is the size that its sender takes */
		if (m->udp_max)
			return bad(r, "a second OPT record");
		m->udp_max = MAX(record.class, DNS_UDP_MAX);
		m->edns_version = (uint8_t)(ttl >> 16);
		m->rcode |= ttl >> 24 << 4;
		return 0;
	}
	record.len = (uint16_t)data->len;
	record.data = data->data;
	dns_message_add(m, section, &record);
	return 0;
}

static int read_all(struct reader *r, struct dns_message *m)
{
	unsigned count[DNS_SECTIONS], questions;

	if (r->len < HEADER)
		return bad(r, "shorter than a header");
	m->id = get16(r->data);
	m->response = r->data[2] & 0x80;
	m->opcode = r->data[2] >> 3 & 15;
	m->authoritative = r->data[2] & 4;
	m->truncated = r->data[2] & 2;
	m->wants_recursion = r->data[2] & 1;
	m->recursion = r->data[3] & 0x80;
	m->rcode = r->data[3] & 15;
	questions = get16(r->data + 4);
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		count[i] = get16(r->data + 6 + 2 * i);
	r->at = HEADER;
	if (questions > 1)
		return bad(r, "more than one question");
	if (count[0] + count[1] + count[2] > RECORDS_MAX)
		return bad(r, "more than 512 records");
	if (questions) {
		if (read_name(r, &m->name))
			return -r->e->code;
		if (r->len - r->at < 4)
			return bad(r, "the question ends beyond the message");
		m->has_question = true;
		m->type = get16(r->data + r->at);
		m->class = get16(r->data + r->at + 2);
		r->at += 4;
	}
	for (unsigned i = 0; i < DNS_SECTIONS; i++)
		for (unsigned k = 0; k < count[i]; k++)
			if (read_record(r, m, i))
				return -r->e->code;
	return 0;
}

int dns_message_parse(const uint8_t *data, size_t len, struct dns_message *out, struct err *e)
{
	struct err ignored;
	struct reader r = { .data = data, .len = len, .e = e ? e : &ignored };
	int rc;

	dns_message_init(out);
	rc = read_all(&r, out);
	if (rc)
		dns_message_clear(out);
	return rc;
}

/* Writing */

struct writer { GByteArray *out; GHashTable *names; }; /* names: struct dns_name -> offset */

static void put16(GByteArray *out, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	g_byte_array_append(out, b, 2);
}

static guint hash_name(gconstpointer n) { return dns_name_hash(n); }
static gboolean equal_names(gconstpointer a, gconstpointer b) { return dns_name_equal(a, b); }

static void put_name(struct writer *w, const struct dns_name *name)
{
	struct dns_name n = *name;
	gpointer at;

	while (n.len > 1) {
		if (g_hash_table_lookup_extended(w->names, &n, NULL, &at)) {
			put16(w->out, POINTER << 8 | GPOINTER_TO_UINT(at));
			return;
		}
		if (w->out->len < 0x4000)
			g_hash_table_insert(w->names, g_memdup2(&n, sizeof n), GUINT_TO_POINTER(w->out->len));
		g_byte_array_append(w->out, n.at, n.at[0] + 1u);
		dns_name_parent(&n, &n);
	}
	g_byte_array_append(w->out, (const uint8_t *)"", 1);
}

static void put_data(struct writer *w, const struct dns_record *r)
{
	unsigned at = r->type == DNS_MX ? 2 : 0, names = r->type == DNS_SOA ? 2 : 1;
	struct dns_name n;

	if (!dns_record_target(r, &n)) {
		g_byte_array_append(w->out, r->data, r->len);
		return;
	}
	g_byte_array_append(w->out, r->data, at);
	while (names-- && name_in(r->data + at, r->len - at, &n)) {
		put_name(w, &n);
		at += n.len;
	}
	g_byte_array_append(w->out, r->data + at, r->len - at);
}

/* False, with nothing written, when it does not fit. */
static bool put_record(struct writer *w, const struct dns_record *r, size_t max)
{
	unsigned start = w->out->len, data;
	uint8_t ttl[4] = { (uint8_t)(r->ttl >> 24), (uint8_t)(r->ttl >> 16), (uint8_t)(r->ttl >> 8), (uint8_t)r->ttl };

	put_name(w, &r->name);
	put16(w->out, r->type);
	put16(w->out, r->class);
	g_byte_array_append(w->out, ttl, 4);
	put16(w->out, 0);
	data = w->out->len;
	put_data(w, r);
	w->out->data[data - 2] = (uint8_t)((w->out->len - data) >> 8);
	w->out->data[data - 1] = (uint8_t)(w->out->len - data);
	if (w->out->len <= max)
		return true;
	g_byte_array_set_size(w->out, start);            /* nothing is written behind it: no pointer leads there */
	return false;
}

void dns_message_write(const struct dns_message *m, size_t max, GByteArray *out)
{
	struct writer w = { out, g_hash_table_new_full(hash_name, equal_names, g_free, NULL) };
	uint8_t header[HEADER] = { (uint8_t)(m->id >> 8), (uint8_t)m->id };
	uint8_t opt[9] = { 0, 0, DNS_OPT, DNS_UDP_MAX >> 8, DNS_UDP_MAX & 255, (uint8_t)(m->rcode >> 4) };
	bool cut = false, full = false;

	g_byte_array_set_size(out, 0);
	g_byte_array_append(out, header, HEADER);
	if (m->has_question) {
		put_name(&w, &m->name);
		put16(out, m->type);
		put16(out, m->class);
	}
	max -= m->udp_max ? 11 : 0;
	for (unsigned i = 0; i < DNS_SECTIONS; i++) {
		unsigned count = 0;

		for (; count < m->section[i]->len && !full; count++) {
			full = !put_record(&w, &g_array_index(m->section[i], struct dns_record, count), max);
			if (full)
				break;
		}
		cut |= full && i != DNS_ADDITIONAL && count < m->section[i]->len;
		out->data[6 + 2 * i] = (uint8_t)(count >> 8);
		out->data[7 + 2 * i] = (uint8_t)count;
	}
	if (m->udp_max) {                                /* RFC 6891 6.1.1: who sent an OPT record gets one */
		g_byte_array_append(out, opt, sizeof opt);
		put16(out, 0);
		out->data[11]++;
	}
	out->data[2] = (uint8_t)((m->response ? 0x80 : 0) | m->opcode << 3 | (m->authoritative ? 4 : 0) |
				 (m->truncated || cut ? 2 : 0) | (m->wants_recursion ? 1 : 0));
	out->data[3] = (uint8_t)((m->recursion ? 0x80 : 0) | (m->rcode & 15));
	out->data[5] = m->has_question;
	g_hash_table_destroy(w.names);
}
