/* fuzz_dhcp.c - hostile DHCP messages, to a server that has little to give; what is read, and what it says, must read the same again. */
#include "dhcp/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_dhcp(const uint8_t *data, size_t size)
{
	struct net_dhcp_options o = { .first = net_v4(0x0a000064), .last = net_v4(0x0a000067), .server = net_v4(0x0a000001), .prefix = 24,
				      .lease = 60, .domain = "x" };
	struct dhcp_pool *p = dhcp_pool_new(&o);
	g_autoptr(GByteArray) out = g_byte_array_new();
	struct dhcp_message m, again, reply;

	/* several messages, each behind its length */
	for (ns_t now = 1; size > 1; now += 30 * NS_PER_S) {
		size_t len = MIN((size_t)data[0] * 2 + 200, size - 1);

		if (!dhcp_parse(data + 1, len, &m, NULL)) {
			dhcp_write(&m, out);
			g_assert(!dhcp_parse(out->data, out->len, &again, NULL) && again.xid == m.xid && again.type == m.type);
			if (dhcp_pool_input(p, &m, now, &reply)) {
				dhcp_write(&reply, out);
				g_assert(!dhcp_parse(out->data, out->len, &again, NULL) && again.reply);
			}
		}
		data += 1 + len;
		size -= 1 + len;
	}
	dhcp_pool_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree uint8_t *exact = g_memdup2(data, size); /* so that one byte beyond is seen */

	if (size)
		fuzz_dhcp(exact, size);
	return 0;
}
