/* test_decode.c - the lecture's frame, every field of it; frames cut and bent: tests/cases/net/frame_tls.json, arp.json. */
#include "checksum.h"
#include "json.h"
#include "lab.h"

static size_t lecture_frame(const struct json *all, uint8_t *frame)
{
	size_t len = unhex(json_text(all, "hex"), frame, 2000);

	assert_int_equal(len, json_number(all, "frame_len"));
	return len;
}

static void every_field_of_the_lectures_frame(void **state)
{
	struct json *all = json_read("frame_tls.json");
	const struct json *e = json_need(all, "ethernet"), *ip = json_need(all, "ipv4"), *tcp = json_need(all, "tcp");
	const struct json *ts = json_at(json_need(tcp, "options"), 2), *tls = json_need(all, "tls_record");
	char text[NET_MAC_TEXT], a[NET_ADDR_TEXT];
	uint8_t frame[2000];
	size_t len = lecture_frame(all, frame);
	struct net_decoded d;

	net_decode(frame, len, true, &d);
	assert_int_equal(d.bad, 0);
	assert_int_equal(d.layers, NET_LAYER_ETHERNET | NET_LAYER_IPV4 | NET_LAYER_TCP);
	assert_string_equal(net_mac_text(&d.mac_dst, text), json_text(e, "dst"));
	assert_string_equal(net_mac_text(&d.mac_src, text), json_text(e, "src"));
	assert_int_equal(d.ethertype, json_number(e, "ethertype"));
	assert_int_equal(net_mac_is_group(&d.mac_dst), json_number(e, "dst_is_group"));
	assert_int_equal(d.ip_header, json_number(ip, "header_len"));
	assert_int_equal(d.dscp, json_number(ip, "dscp"));
	assert_int_equal(d.ecn, json_number(ip, "ecn"));
	assert_int_equal(d.ip_total, json_number(ip, "total_length"));
	assert_int_equal(d.ip_id, json_number(ip, "id"));
	assert_int_equal(d.df, json_number(ip, "flags_df"));
	assert_int_equal(d.mf, json_number(ip, "flags_mf"));
	assert_int_equal(d.reserved, json_number(ip, "flags_reserved"));
	assert_int_equal(d.fragment_offset, json_number(ip, "fragment_offset"));
	assert_int_equal(d.ttl, json_number(ip, "ttl"));
	assert_int_equal(d.protocol, json_number(ip, "protocol"));
	assert_int_equal(d.ip_checksum, json_number(ip, "checksum"));
	assert_string_equal(net_addr_text(&d.src, a), json_text(ip, "src"));
	assert_string_equal(net_addr_text(&d.dst, a), json_text(ip, "dst"));
	assert_int_equal(d.sport, json_number(tcp, "src_port"));
	assert_int_equal(d.dport, json_number(tcp, "dst_port"));
	assert_int_equal(d.seq, json_number(tcp, "seq"));
	assert_int_equal(d.ack, json_number(tcp, "ack"));
	assert_int_equal(d.tcp_header, json_number(tcp, "header_len"));
	assert_int_equal(d.tcp_reserved, json_number(tcp, "reserved"));
	assert_int_equal(d.tcp_flags, json_number(tcp, "flags"));
	assert_int_equal(d.window, json_number(tcp, "window_raw"));
	assert_int_equal(d.checksum, json_number(tcp, "checksum"));
	assert_int_equal(d.urgent, json_number(tcp, "urgent"));
	assert_true(d.options.ts_present);
	assert_int_equal(d.options.tsval, json_number(ts, "tsval"));
	assert_int_equal(d.options.tsecr, json_number(ts, "tsecr"));
	assert_int_equal(d.payload_len, json_number(tcp, "payload_len"));
	assert_int_equal(d.seq + d.payload_len, json_number(tcp, "next_seq"));
	assert_int_equal(frame[d.payload], json_number(tls, "content_type"));
	assert_int_equal(frame[d.payload + 1] << 8 | frame[d.payload + 2], json_number(tls, "version"));
	assert_int_equal(frame[d.payload + 3] << 8 | frame[d.payload + 4], json_number(tls, "length"));
	assert_int_equal(__builtin_bswap32(net_fcs(frame, len)), strtoul(json_text(all, "ethernet_fcs_le_hex"), NULL, 16));
	json_free(all);
}

static void a_router_changes_ttl_and_checksum(void **state)
{
	struct json *all = json_read("frame_tls.json");
	const struct json *ttl = json_at(json_need(all, "mutations"), 0);
	uint8_t frame[2000];

	lecture_frame(all, frame);
	assert_int_equal(checksum_update(0xcfcd, (uint16_t)(242 << 8 | 6), (uint16_t)(241 << 8 | 6)),
			 json_number(ttl, "ipv4_checksum"));
	json_free(all);
}

static void address_translation_changes_both_checksums(void **state)
{
	struct json *all = json_read("frame_tls.json");
	const struct json *nat = json_at(json_need(all, "mutations"), 1);
	static const uint16_t before[] = { 0xc0a8, 0x0195 }, after[] = { 0x0a00, 0x0005 };
	uint16_t ip = 0xcfcd, tcp = 0x65fe;

	for (int i = 0; i < 2; i++) {
		ip = checksum_update(ip, before[i], after[i]);
		tcp = checksum_update(tcp, before[i], after[i]);
	}
	tcp = checksum_update(tcp, 43716, 50000);
	assert_int_equal(ip, json_number(nat, "ipv4_checksum"));
	assert_int_equal(tcp, json_number(nat, "tcp_checksum"));
	json_free(all);
}

static void what_the_checksums_notice(void **state)
{
	struct json *all = json_read("frame_tls.json");
	const struct json *rows = json_need(all, "corruption");

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		unsigned offset = (unsigned)json_number(row, "offset");
		uint8_t frame[2000], word[2];
		size_t len = lecture_frame(all, frame);
		struct net_decoded d;

		if (json_get(row, "bit")) {
			frame[offset] ^= (uint8_t)(1 << (int)json_number(row, "bit"));
		} else { /* two words change places */
			memcpy(word, frame + offset, 2);
			memmove(frame + offset, frame + offset + 2, 2);
			memcpy(frame + offset + 2, word, 2);
		}
		net_decode(frame, len, true, &d);
		assert_int_equal(!(d.bad & NET_BAD_IP_CHECKSUM), json_number(row, "ipv4_ok"));
		assert_int_equal(!(d.bad & NET_BAD_CHECKSUM), json_number(row, "tcp_ok"));
	}
	json_free(all);
}

static void rfc826_frames(void **state)
{
	struct json *rows = json_read("arp.json");

	for (unsigned i = 0; i < json_count(rows); i++) {
		const struct json *row = json_at(rows, i);
		uint8_t frame[100], mac[6];
		size_t len = unhex(json_text(row, "frame_hex"), frame, sizeof(frame));
		char a[NET_ADDR_TEXT];
		struct net_decoded d;

		net_decode(frame, len, true, &d);
		assert_int_equal(d.layers, NET_LAYER_ETHERNET | NET_LAYER_ARP);
		assert_int_equal(d.bad, 0);
		assert_int_equal(d.arp_op, json_number(row, "op"));
		assert_string_equal(net_addr_text(&d.arp_spa, a), json_text(row, "spa"));
		assert_string_equal(net_addr_text(&d.arp_tpa, a), json_text(row, "tpa"));
		unhex(json_text(row, "sha"), mac, 6);
		assert_memory_equal(&d.arp_sha, mac, 6);
		unhex(json_text(row, "tha"), mac, 6);
		assert_memory_equal(&d.arp_tha, mac, 6);
		unhex(json_text(row, "eth_dst"), mac, 6);
		assert_memory_equal(&d.mac_dst, mac, 6);
	}
	json_free(rows);
}

static void every_cut_of_a_frame_is_told(void **state)
{
	struct json *all = json_read("frame_tls.json");
	uint8_t frame[2000];
	size_t full = lecture_frame(all, frame);

	for (size_t len = 0; len < full; len++) {
		uint8_t *copy = malloc(len ? len : 1); /* so that reading beyond it is noticed */
		struct net_decoded d;

		memcpy(copy, frame, len);
		net_decode(copy, len, true, &d);
		assert_true(d.bad);
		assert_true(d.payload + d.payload_len <= len || d.bad);
		free(copy);
	}
	json_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_the_lectures_frame), cmocka_unit_test(a_router_changes_ttl_and_checksum),
		cmocka_unit_test(address_translation_changes_both_checksums), cmocka_unit_test(what_the_checksums_notice),
		cmocka_unit_test(rfc826_frames), cmocka_unit_test(every_cut_of_a_frame_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
