/* test_dhcp_pool.c - what the pool of a DHCP server gives to whom (RFC 2131, 2132). */
#include "dhcp_options.h"
#include "lab.h"
#include "dhcp/pool.h"
#include "dhcp/wire.h"

#include <errno.h>

static struct dhcp_message from_client(unsigned client, enum dhcp_type type)
{
	struct dhcp_message m = { .type = type, .xid = client, .chaddr = { 2, 0, 0, 0, (uint8_t)(client >> 8), (uint8_t)client } };

	return m;
}

/* The address that a client is offered; 0: none. */
static uint32_t offered(struct dhcp_pool *p, unsigned client, ns_t now)
{
	struct dhcp_message in = from_client(client, DHCP_DISCOVER), out;

	return dhcp_pool_input(p, &in, now, &out) ? out.yiaddr : 0;
}

static enum dhcp_type request(struct dhcp_pool *p, unsigned client, uint32_t server, uint32_t wanted, uint32_t ciaddr, ns_t now)
{
	struct dhcp_message in = from_client(client, DHCP_REQUEST), out = { 0 };

	in.server = server;
	in.requested = wanted;
	in.ciaddr = ciaddr;
	return dhcp_pool_input(p, &in, now, &out) ? out.type : 0;
}

enum { SERVER = 0x0a420001, FIRST = 0x0a420064 };

static struct dhcp_pool *small_pool(void)
{
	struct net_dhcp_options o = options("10.66.0.100", "10.66.0.102");

	return dhcp_pool_new(&o);
}

static unsigned leases(const struct dhcp_pool *p, ns_t now)
{
	struct net_dhcp_lease l;
	unsigned n = 0;

	while (dhcp_pool_lease(p, n, now, &l))
		n++;
	return n;
}

static void rfc2131_4_3_1_which_address(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message in = from_client(3, DHCP_DISCOVER), out;
	ns_t now = NS_PER_S;

	assert_int_equal(offered(p, 1, now), FIRST);
	assert_int_equal(offered(p, 1, now), FIRST);             /* the same again */
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	assert_int_equal(offered(p, 2, now), FIRST + 1);
	in.requested = FIRST;                                    /* another's: not given */
	assert_true(dhcp_pool_input(p, &in, now, &out));
	assert_int_equal(out.yiaddr, FIRST + 2);
	assert_int_equal(offered(p, 4, now), 0);                 /* no more */
	now += 61 * NS_PER_S;                                    /* two have not taken their offers */
	in = from_client(4, DHCP_DISCOVER);
	in.requested = FIRST + 2;
	assert_true(dhcp_pool_input(p, &in, now, &out));
	assert_int_equal(out.yiaddr, FIRST + 2);
	assert_int_equal(request(p, 4, SERVER, FIRST + 2, 0, now), DHCP_ACK);
	now += 3601 * NS_PER_S;                                  /* all leases are over; each is remembered */
	assert_int_equal(leases(p, now), 0);
	assert_int_equal(offered(p, 4, now), FIRST + 2);
	assert_int_equal(offered(p, 1, now), FIRST);
	dhcp_pool_free(p);
}

static void rfc2131_4_3_2_requests(void **state)
{
	struct dhcp_pool *p = small_pool();
	ns_t now = NS_PER_S;

	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_NAK);        /* never offered */
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST + 1, 0, now), DHCP_NAK);    /* not that one */
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now + 61 * NS_PER_S), DHCP_NAK); /* too late */
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER + 1, FIRST, 0, now), 0);           /* another server's: ours is free again */
	assert_int_equal(leases(p, now), 0);
	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	assert_int_equal(request(p, 1, 0, FIRST, 0, now), DHCP_ACK);             /* INIT-REBOOT */
	assert_int_equal(request(p, 1, 0, FIRST + 1, 0, now), DHCP_NAK);
	assert_int_equal(request(p, 1, 0, 0x0a430064, 0, now), DHCP_NAK);        /* on the wrong network */
	assert_int_equal(request(p, 2, 0, FIRST + 2, 0, now), 0);                /* nothing is known of that client */
	assert_int_equal(request(p, 2, 0, FIRST, 0, now), DHCP_NAK);
	assert_int_equal(request(p, 1, 0, 0, FIRST, now + 1800 * NS_PER_S), DHCP_ACK); /* RENEWING: a new hour */
	assert_int_equal(leases(p, now + 5399 * NS_PER_S), 1);
	assert_int_equal(leases(p, now + 5400 * NS_PER_S), 0);
	assert_int_equal(request(p, 2, 0, 0, FIRST, now + 1800 * NS_PER_S), DHCP_NAK); /* of another's lease */
	dhcp_pool_free(p);
}

static void rfc2131_4_3_3_and_4_declined_and_released(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message m, out;
	ns_t now = NS_PER_S;

	offered(p, 1, now);
	request(p, 1, SERVER, FIRST, 0, now);
	m = from_client(2, DHCP_DECLINE);                        /* not his */
	m.server = SERVER;
	m.requested = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	m = from_client(2, DHCP_RELEASE);
	m.server = SERVER;
	m.ciaddr = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(request(p, 1, 0, 0, FIRST, now), DHCP_ACK);
	m = from_client(1, DHCP_DECLINE);
	m.server = SERVER;
	m.requested = FIRST;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(offered(p, 1, now), FIRST + 1);
	assert_int_equal(request(p, 1, SERVER, FIRST + 1, 0, now), DHCP_ACK);
	m = from_client(1, DHCP_RELEASE);
	m.server = SERVER;
	m.ciaddr = FIRST + 1;
	assert_false(dhcp_pool_input(p, &m, now, &out));
	assert_int_equal(offered(p, 2, now), FIRST + 2);         /* one that nobody had before one that was given back */
	assert_int_equal(offered(p, 3, now), FIRST + 1);
	assert_int_equal(offered(p, 4, now), 0);
	now += 3601 * NS_PER_S;                                  /* declined for an hour */
	for (unsigned i = 10; i < 13; i++)
		assert_true(offered(p, i, now));
	dhcp_pool_free(p);
}

/* Who has his address already asks for the rest: no address, no lease, and none is taken for it. */
static void rfc2131_4_3_5_inform(void **state)
{
	struct dhcp_pool *p = small_pool();
	struct dhcp_message in = from_client(1, DHCP_INFORM), out;

	in.ciaddr = 0x0a420032;
	assert_true(dhcp_pool_input(p, &in, NS_PER_S, &out));
	assert_int_equal(out.type, DHCP_ACK);
	assert_int_equal(out.yiaddr, 0);
	assert_false(out.has_lease);
	assert_int_equal(out.mask, 0xffffff00);
	assert_int_equal(out.router, SERVER);
	assert_int_equal(out.dns[0], SERVER);
	assert_string_equal(out.domain, "sim.test");
	assert_int_equal(leases(p, NS_PER_S), 0);
	in.ciaddr = 0;                                           /* nowhere to send an answer to */
	assert_false(dhcp_pool_input(p, &in, NS_PER_S, &out));
	dhcp_pool_free(p);
}

/* Options may go on in the fields for a file's and a server's name, where option 52 says so; each place has its own end. */
static void rfc2132_9_3_options_overflow_into_other_fields(void **state)
{
	static const uint8_t head[] = { 1, 1, 6, 0, 1, 2, 3, 4 }, cookie[] = { 99, 130, 83, 99 }, type[] = { 53, 1, 3 };
	static const uint8_t file[] = { 50, 4, 10, 66, 0, 100, 0, 255, 54, 4, 9, 9, 9, 9 }, sname[] = { 12, 3, 'a', ' ', 'b', 255 };

	for (uint8_t overload = 0; overload <= 4; overload++) {
		uint8_t bytes[300] = { 0 }, *at = bytes + 240;
		struct dhcp_message m;

		memcpy(bytes, head, sizeof head);
		memcpy(bytes + 44, sname, sizeof sname);
		memcpy(bytes + 108, file, sizeof file);
		memcpy(bytes + 236, cookie, sizeof cookie);
		memcpy(at, type, sizeof type);
		at[3] = 52, at[4] = 1, at[5] = overload, at[6] = 255;
		assert_int_equal(dhcp_parse(bytes, sizeof bytes, &m, NULL), 0);
		assert_int_equal(m.type, DHCP_REQUEST);
		assert_int_equal(m.requested, overload & 1 ? 0x0a420064 : 0);
		assert_string_equal(m.host, overload & 2 ? "a_b" : "");
		assert_int_equal(m.server, 0);
		bytes[109] = 200;                                /* beyond the field's end */
		assert_int_equal(dhcp_parse(bytes, sizeof bytes, &m, NULL), overload & 1 ? -EINVAL : 0);
	}
}

/* A flood of clients takes what is free for a minute, and nothing of who has his address. */
static void a_flood_takes_no_lease_away(void **state)
{
	struct dhcp_pool *p = small_pool();
	ns_t now = NS_PER_S;
	unsigned got = 0;

	offered(p, 1, now);
	assert_int_equal(request(p, 1, SERVER, FIRST, 0, now), DHCP_ACK);
	for (unsigned i = 2; i < 2000; i++)
		got += offered(p, i, now) != 0;
	assert_int_equal(got, 2);
	assert_int_equal(request(p, 1, 0, 0, FIRST, now), DHCP_ACK);
	now += 61 * NS_PER_S;
	assert_int_equal(offered(p, 5000, now) != 0, 1);
	assert_int_equal(leases(p, now), 2);
	dhcp_pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc2131_4_3_1_which_address), cmocka_unit_test(rfc2131_4_3_2_requests),
		cmocka_unit_test(rfc2131_4_3_3_and_4_declined_and_released), cmocka_unit_test(rfc2131_4_3_5_inform),
		cmocka_unit_test(rfc2132_9_3_options_overflow_into_other_fields), cmocka_unit_test(a_flood_takes_no_lease_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
