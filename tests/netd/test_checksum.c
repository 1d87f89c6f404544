/* test_checksum.c - the Internet checksum, its update, the FCS: tests/cases/net/checksum.json. */
#include "checksum.h"
#include "json.h"
#include "lab.h"

static uint16_t checksum_of(const uint8_t *bytes, size_t len)
{
	return sum_end(sum_add(0, bytes, len));
}

static void rfc1071_vectors(void **state)
{
	struct json *all = json_read("checksum.json");
	const struct json *rows = json_need(all, "internet_checksum");
	uint8_t *bytes = malloc(65536);
	unsigned done = 0;

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		size_t len = 0;

		if (json_get(row, "hex")) {
			len = unhex(json_text(row, "hex"), bytes, 65536);
		} else if (json_get(row, "gen")) {
			assert_string_equal(json_text(row, "gen"), "7*i+3");
			for (len = 0; len < json_number(row, "len"); len++)
				bytes[len] = (uint8_t)(7 * len + 3);
		} else {
			continue; /* UDP: below */
		}
		assert_int_equal(checksum_of(bytes, len), json_number(row, "checksum"));
		done++;
	}
	assert_true(done >= 12);
	free(bytes);
	json_free(all);
}

static void rfc768_udp_zero_is_sent_as_ones(void **state)
{
	struct json *all = json_read("checksum.json");
	const struct json *rows = json_need(all, "internet_checksum");

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		struct net_addr src, dst;
		uint8_t bytes[256];
		size_t len;

		if (!json_get(row, "udp_hex_checksum_zero") || !net_addr_parse(json_text(row, "src"), &src))
			continue;
		assert_true(net_addr_parse(json_text(row, "dst"), &dst));
		len = unhex(json_text(row, "udp_hex_checksum_zero"), bytes, sizeof(bytes));
		assert_int_equal(sum_end(sum_add(sum_pseudo(ip_of(&src), ip_of(&dst), 17, (uint32_t)len), bytes, len)), 0);
		json_free(all);
		return;
	}
	fail();
}

static void rfc1624_updates(void **state)
{
	struct json *all = json_read("checksum.json");
	const struct json *rows = json_need(all, "incremental_rfc1624");

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);

		assert_int_equal(checksum_update((uint16_t)json_number(row, "hc"), (uint16_t)json_number(row, "m"),
						 (uint16_t)json_number(row, "m2")), json_number(row, "hc2"));
	}
	json_free(all);
}

static void crc32_check_value(void **state)
{
	assert_int_equal(net_fcs((const uint8_t *)"123456789", 9), 0xcbf43926);
}

/* Every length and every split at an even place gives the sum of the whole. */
static void parts_add_up(void **state)
{
	uint8_t bytes[200], copy[200];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (unsigned len = 0; len <= sizeof(bytes); len++) {
		uint32_t slow = 0;

		for (unsigned i = 0; i < len; i += 2)
			slow += (uint32_t)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
		while (slow >> 16)
			slow = (slow & 0xffff) + (slow >> 16);
		assert_int_equal(checksum_of(bytes, len), (uint16_t)~slow);
		for (unsigned at = 0; at <= len; at += 2)
			assert_int_equal(sum_end(sum_add(sum_copy(0, copy, bytes, at), bytes + at, len - at)), (uint16_t)~slow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc1071_vectors), cmocka_unit_test(rfc768_udp_zero_is_sent_as_ones),
		cmocka_unit_test(rfc1624_updates), cmocka_unit_test(crc32_check_value), cmocka_unit_test(parts_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
