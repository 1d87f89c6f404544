/* test_dhcp_messages.c - messages of DHCP against recorded ones, and damaged (RFC 2131, 2132). */
#include "dhcp_options.h"
#include "json.h"
#include "lab.h"
#include "dhcp/pool.h"
#include "dhcp/wire.h"

#include <errno.h>

static size_t payload(const struct json *j, uint8_t *out, size_t room)
{
	const char *hex = json_get(j, "payload_hex") ? json_text(j, "payload_hex") : json_text(j, "frame_hex") + 2 * 42;

	return unhex(hex, out, room);
}

static uint32_t address(const struct json *decode, const char *key)
{
	return addr(json_text(decode, key)).v4;
}

static void assert_decoded(const struct json *c, const struct dhcp_message *m)
{
	const struct json *d = json_need(c, "decode"), *options = json_need(d, "options");
	struct net_mac mac;
	char text[NET_MAC_TEXT];

	assert_int_equal(m->xid, (uint32_t)json_number(d, "xid"));
	assert_int_equal(m->reply, json_number(d, "op") == 2);
	assert_int_equal(m->broadcast, (unsigned)json_number(d, "flags") >> 15);
	assert_int_equal(m->ciaddr, address(d, "ciaddr"));
	assert_int_equal(m->yiaddr, address(d, "yiaddr"));
	assert_int_equal(m->siaddr, address(d, "siaddr"));
	memcpy(mac.byte, m->chaddr, 6);
	assert_string_equal(net_mac_text(&mac, text), json_text(d, "chaddr"));
	for (unsigned i = 0; i < json_count(options); i++) {
		const struct json *o = json_at(options, i);
		uint8_t data[255];
		size_t len = unhex(json_text(o, "hex"), data, sizeof data);
		uint32_t v = len == 4 ? get32(data) : 0;

		switch ((unsigned)json_number(o, "code")) {
		case 1: assert_int_equal(m->mask, v); break;
		case 3: assert_int_equal(m->router, v); break;
		case 6: assert_int_equal(m->dns[0], v); break;
		case 12: assert_memory_equal(m->host, data, len); break;
		case 15: assert_memory_equal(m->domain, data, len); break;
		case 50: assert_int_equal(m->requested, v); break;
		case 51: assert_int_equal(m->lease, v); break;
		case 53: assert_int_equal(m->type, data[0]); break;
		case 54: assert_int_equal(m->server, v); break;
		case 58: assert_int_equal(m->t1, v); break;
		case 59: assert_int_equal(m->t2, v); break;
		case 61:
			assert_int_equal(m->id_len, len);
			assert_memory_equal(m->id, data, len);
			break;
		default: break;
		}
	}
}

/* RFC 2131 2, RFC 2132: recorded and built messages, right and wrong ones. */
static void rfc2131_2_messages_of_others_are_read(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames"), *built = json_need(all, "built");
	uint8_t bytes[1500];
	struct dhcp_message m, again;

	for (unsigned i = 0; i < json_count(frames) + json_count(built); i++) {
		const struct json *c = i < json_count(frames) ? json_at(frames, i) : json_at(built, i - json_count(frames));
		const struct json *valid = json_get(c, "valid");
		size_t len = payload(c, bytes, sizeof bytes);
		g_autoptr(GByteArray) out = g_byte_array_new();
		struct err e = { 0 };

		if (valid && !valid->number) {
			assert_int_equal(dhcp_parse(bytes, len, &m, &e), -EINVAL);
			assert_string_equal(e.why, json_text(c, "reject_reason"));
			continue;
		}
		if (dhcp_parse(bytes, len, &m, &e))
			fail_msg("%s", e.why);
		assert_decoded(c, &m);
		dhcp_write(&m, out);                     /* and as we write it, it says the same */
		assert_true(out->len >= 300);
		assert_int_equal(dhcp_parse(out->data, out->len, &again, NULL), 0);
		assert_memory_equal(&again, &m, sizeof m);
	}
	json_free(all);
}

/* What a real client accepted, byte for byte; ours also repeats the client's identifier (RFC 6842). */
static void rfc2131_4_3_1_the_offer_is_as_recorded(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames");
	struct net_dhcp_options o = options("10.66.0.100", "10.66.0.110");
	struct dhcp_pool *p = dhcp_pool_new(&o);
	g_autoptr(GByteArray) out = g_byte_array_new();

	for (unsigned i = 0; i < 4; i += 2) {            /* DISCOVER, OFFER, REQUEST, ACK */
		uint8_t question[1500], answer[1500];
		size_t len = payload(json_at(frames, i), question, sizeof question);
		size_t wanted = payload(json_at(frames, i + 1), answer, sizeof answer);
		struct dhcp_message in, reply;

		assert_int_equal(dhcp_parse(question, len, &in, NULL), 0);
		assert_true(dhcp_pool_input(p, &in, NS_PER_S, &reply));
		dhcp_write(&reply, out);
		while (answer[wanted - 1] != 0xff)
			wanted--;
		assert_memory_equal(out->data, answer, wanted - 1);
	}
	dhcp_pool_free(p);
	json_free(all);
}

static void damaged_messages_are_read_or_refused(void **state)
{
	struct json *all = json_read("dhcp.json");
	const struct json *frames = json_need(all, "frames");
	uint8_t bytes[1500], damaged[1500];
	struct dhcp_message m;
	struct rng r;

	rng_seed(&r, 1, "dhcp");
	for (unsigned i = 0; i < json_count(frames); i++) {
		size_t len = payload(json_at(frames, i), bytes, sizeof bytes);

		for (size_t cut = 0; cut <= len; cut++) {
			g_autofree uint8_t *exact = g_memdup2(bytes, cut);

			dhcp_parse(exact, cut, &m, NULL);
		}
		for (unsigned k = 0; k < 20000; k++) {
			memcpy(damaged, bytes, len);
			for (unsigned n = 0; n <= rng_below(&r, 4); n++)
				damaged[rng_below(&r, len)] = (uint8_t)rng_next(&r);
			dhcp_parse(damaged, len, &m, NULL);
		}
	}
	json_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc2131_2_messages_of_others_are_read), cmocka_unit_test(rfc2131_4_3_1_the_offer_is_as_recorded),
		cmocka_unit_test(damaged_messages_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
