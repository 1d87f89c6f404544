/* test_capture.c - captures: read by a pcapng reader of the test's own, which reads a sample made elsewhere too. */
#include "json.h"
#include "lab.h"

#include "net_capture.h"

#include <inttypes.h>
#include <stdio.h>

struct reader {
	const uint8_t *bytes;
	size_t len, at;
	GString *blocks;   /* "SHB\nIDB name\n..." */
	GString *rows;     /* EPBs: time, interface, comment, direction */
	GString *names;    /* NRB: "address name" */
	GPtrArray *ifs;    /* names of interfaces */
};

static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }

/* The option of that code among those at p: its length, or -1. Also checks that they end properly. */
static int option(const uint8_t *p, const uint8_t *end, unsigned code, const uint8_t **value)
{
	int found = -1;

	if (p == end)
		return -1;
	for (;;) {
		unsigned c, len;

		assert_true(end - p >= 4);
		c = u16(p);
		len = u16(p + 2);
		p += 4;
		if (c == 0) {
			assert_int_equal(len, 0);
			assert_ptr_equal(p, end);
			return found;
		}
		assert_true((size_t)(end - p) >= ((len + 3) & ~3u));
		if (c == code && found < 0) {
			*value = p;
			found = (int)len;
		}
		for (unsigned i = len; i < ((len + 3) & ~3u); i++)
			assert_int_equal(p[i], 0);
		p += (len + 3) & ~3u;
	}
}

static void read_interface(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *value = NULL;
	int len;

	assert_int_equal(u16(p), 1);  /* Ethernet */
	assert_int_equal(option(p + 8, end, 9, &value), 1);
	assert_int_equal(value[0], 9); /* nanoseconds */
	len = option(p + 8, end, 2, &value);
	assert_true(len > 0);
	g_ptr_array_add(r->ifs, g_strndup((const char *)value, (gsize)len));
	g_string_append_printf(r->blocks, "IDB %.*s\n", len, (const char *)value);
}

static void read_names(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	g_string_append(r->blocks, "NRB\n");
	while (u16(p) != 0) {
		unsigned len = u16(p + 2);

		assert_int_equal(u16(p), 1);
		assert_int_equal(p[4 + len - 1], 0);
		g_string_append_printf(r->names, "%u.%u.%u.%u %s\n", p[4], p[5], p[6], p[7], (const char *)p + 8);
		p += 4 + ((len + 3) & ~3u);
		assert_true(p < end);
	}
}

static void read_packet(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	uint32_t interface = u32(p), caplen = u32(p + 12), len = u32(p + 16);
	uint64_t time = (uint64_t)u32(p + 4) << 32 | u32(p + 8);
	const uint8_t *options = p + 20 + ((caplen + 3) & ~3u), *value;
	int comment;

	assert_true(interface < r->ifs->len);
	assert_true(caplen <= len);
	g_string_append_printf(r->blocks, "EPB if%u\n", interface);
	g_string_append_printf(r->rows, "%" PRIu64 ".%09" PRIu64 " %s", time / NS_PER_S, time % NS_PER_S,
			       (char *)r->ifs->pdata[interface]);
	comment = option(options, end, 1, &value);
	g_string_append_printf(r->rows, " '%.*s'", MAX(comment, 0), comment < 0 ? "" : (const char *)value);
	if (option(options, end, 2, &value) == 4)
		g_string_append_printf(r->rows, " %u", u32(value) & 3);
	g_string_append_c(r->rows, '\n');
}

static void read_blocks(struct reader *r)
{
	r->blocks = g_string_new(NULL);
	r->rows = g_string_new(NULL);
	r->names = g_string_new(NULL);
	r->ifs = g_ptr_array_new_with_free_func(g_free);
	while (r->at < r->len) {
		const uint8_t *p = r->bytes + r->at;
		uint32_t type, total;

		assert_true(r->len - r->at >= 12);
		type = u32(p);
		total = u32(p + 4);
		assert_int_equal(total % 4, 0);
		assert_true(total <= r->len - r->at);
		assert_int_equal(u32(p + total - 4), total);
		switch (type) {
		case 0x0a0d0d0a:
			assert_int_equal(u32(p + 8), 0x1a2b3c4d);
			g_string_append(r->blocks, "SHB\n");
			break;
		case 1: read_interface(r, p + 8, p + total - 4); break;
		case 4: read_names(r, p + 8, p + total - 4); break;
		case 5: g_string_append_printf(r->blocks, "ISB if%u\n", u32(p + 8)); break;
		case 6: read_packet(r, p + 8, p + total - 4); break;
		default: fail_msg("block type %u", type);
		}
		r->at += total;
	}
}

static void reader_clear(struct reader *r)
{
	g_string_free(r->blocks, TRUE);
	g_string_free(r->rows, TRUE);
	g_string_free(r->names, TRUE);
	g_ptr_array_free(r->ifs, TRUE);
}

/* The reader is right about a file that tshark, tcpdump and capinfos agree on. */
static void the_sample_is_read_as_it_is_described(void **state)
{
	struct json *all = json_read("sample_pcapng.json");
	const struct json *blocks = json_need(all, "blocks"), *rows = json_need(all, "rows"), *nrb = json_need(all, "nrb");
	g_autofree char *bytes = NULL;
	g_autoptr(GString) wanted = g_string_new(NULL), lines = g_string_new(NULL);
	struct reader r = { 0 };

	assert_true(g_file_get_contents(CASES "/sample.pcapng", &bytes, &r.len, NULL));
	assert_int_equal(r.len, json_number(all, "size"));
	r.bytes = (const uint8_t *)bytes;
	read_blocks(&r);
	for (unsigned i = 0; i < json_count(blocks); i++)
		g_string_append_printf(wanted, "%.*s\n", (int)strcspn(json_at(blocks, i)->text, "("), json_at(blocks, i)->text);
	for (char *at; (at = strstr(wanted->str, " \n")); ) /* behind "EPB if1 (caplen 60)" */
		g_string_erase(wanted, at - wanted->str, 1);
	assert_string_equal(r.blocks->str, wanted->str);
	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);

		g_string_append_printf(lines, "%s %s '%s' %s\n", json_at(row, 0)->text, json_at(row, 1)->text,
				       json_at(row, 2)->text, json_at(row, 3)->text);
	}
	assert_string_equal(r.rows->str, lines->str);
	for (unsigned i = 0; i < json_count(nrb); i++) {
		g_autofree char *line = g_strdup_printf("%s %s\n", json_at(nrb, i)->key, json_at(nrb, i)->text);

		assert_non_null(strstr(r.names->str, line));
	}
	reader_clear(&r);
	json_free(all);
}

/* Ours has the same blocks in the same order, each frame once, and its fate in its comment. */
static void a_capture_has_the_blocks_of_the_sample(void **state)
{
	struct lab l;
	struct net_wire *w;
	struct net_socket *s;
	struct net_fault f = { .action = NET_DROP, .count = 1, .match.what = NET_MATCH_UDP };
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct reader r = { 0 };

	lab_open(&l, 1);
	w = lab_wire(&l, "lan0");
	lab_host(&l, "a", w, "10.0.0.1/24");
	lab_host(&l, "b", w, "10.0.0.2/24");
	s = open_bound(net_host_at(l.net, "a"), NET_UDP, "0.0.0.0:1000");
	net_wire_fault(w, &f, NULL);
	send_text(s, "hello", "10.0.0.2:2000");
	lab_settle(&l);
	net_capture_all(w, out);
	r.bytes = out->data;
	r.len = out->len;
	read_blocks(&r);
	assert_string_equal(r.blocks->str, "SHB\nIDB lan0\nIDB a.eth0\nIDB b.eth0\nNRB\nEPB if1\nEPB if2\nEPB if1\nISB if1\nISB if2\n");
	assert_string_equal(r.names->str, "10.0.0.1 a\n10.0.0.2 b\n");
	assert_string_equal(r.rows->str, "0.000000000 a.eth0 '' 2\n0.000005672 b.eth0 '' 2\n"
					 "0.000011344 a.eth0 'lost by rule' 2\n");
	reader_clear(&r);
	net_socket_release(s);
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_read_as_it_is_described),
		cmocka_unit_test(a_capture_has_the_blocks_of_the_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
