/* addr.c - addresses: comparing, printing, parsing. */
#include "net_addr.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == NET_IPV6)
		return memcmp(a->v6, b->v6, sizeof(a->v6)) == 0;
	return a->family == NET_UNSET || a->v4 == b->v4;
}

bool net_addr_is_any(const struct net_addr *a)
{
	static const uint8_t zero[16];

	return a->family == NET_UNSET || (a->family == NET_IPV4 && a->v4 == 0) ||
	       (a->family == NET_IPV6 && memcmp(a->v6, zero, 16) == 0);
}

bool net_addr_is_loopback(const struct net_addr *a)
{
	return a->family == NET_IPV4 && a->v4 >> 24 == 127;
}

bool net_addr_is_multicast(const struct net_addr *a)
{
	return a->family == NET_IPV4 && a->v4 >> 28 == 14;
}

bool net_prefix_has(const struct net_prefix *p, const struct net_addr *a)
{
	return p->addr.family == NET_IPV4 && a->family == NET_IPV4 && ((p->addr.v4 ^ a->v4) & net_mask(p->len)) == 0;
}

bool net_prefix_broadcast(const struct net_prefix *p, struct net_addr *out)
{
	if (p->addr.family != NET_IPV4 || p->len > 30)
		return false;
	*out = net_v4(p->addr.v4 | ~net_mask(p->len));
	return true;
}

const char *net_addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
	if (a->family == NET_UNSET) {
		strcpy(out, "-");
	} else if (a->family == NET_IPV4) {
		snprintf(out, NET_ADDR_TEXT, "%u.%u.%u.%u", a->v4 >> 24, a->v4 >> 16 & 255, a->v4 >> 8 & 255, a->v4 & 255);
	} else { /* in full: no run of zeros is shortened yet */
		size_t used = 0;

		for (int i = 0; i < 16; i += 2)
			used += (size_t)snprintf(out + used, NET_ADDR_TEXT - used, i ? ":%x" : "%x",
						 (unsigned)(a->v6[i] << 8 | a->v6[i + 1]));
	}
	return out;
}

const char *net_endpoint_text(const struct net_endpoint *e, char out[NET_ENDPOINT_TEXT])
{
	char addr[NET_ADDR_TEXT];

	snprintf(out, NET_ENDPOINT_TEXT, e->addr.family == NET_IPV6 ? "[%s]:%u" : "%s:%u", net_addr_text(&e->addr, addr),
		 e->port);
	return out;
}

const char *net_mac_text(const struct net_mac *m, char out[NET_MAC_TEXT])
{
	snprintf(out, NET_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m->byte[0], m->byte[1], m->byte[2], m->byte[3],
		 m->byte[4], m->byte[5]);
	return out;
}

/* Reads decimal digits, without sign or blanks, up to `max`; NULL if there are none or too many. */
static const char *parse_number(const char *p, unsigned max, unsigned *out)
{
	const char *start = p;
	unsigned v = 0;

	for (; g_ascii_isdigit(*p); p++) {
		v = v * 10 + (unsigned)(*p - '0');
		if (v > max)
			return NULL;
	}
	if (p == start || (*start == '0' && p - start > 1))
		return NULL;
	*out = v;
	return p;
}

static const char *parse_v4(const char *p, uint32_t *out)
{
	uint32_t v = 0;
	unsigned byte;

	for (int i = 0; i < 4; i++) {
		if (i > 0 && *p++ != '.')
			return NULL;
		p = parse_number(p, 255, &byte);
		if (!p)
			return NULL;
		v = v << 8 | byte;
	}
	*out = v;
	return p;
}

bool net_addr_parse(const char *text, struct net_addr *out)
{
	uint32_t v4;
	const char *end = parse_v4(text, &v4);

	if (!end || *end)
		return false;
	*out = net_v4(v4);
	return true;
}

bool net_endpoint_parse(const char *text, struct net_endpoint *out)
{
	uint32_t v4;
	unsigned port;
	const char *end = parse_v4(text, &v4);

	if (!end || *end != ':')
		return false;
	end = parse_number(end + 1, 65535, &port);
	if (!end || *end)
		return false;
	*out = (struct net_endpoint){ .addr = net_v4(v4), .port = (uint16_t)port };
	return true;
}

bool net_prefix_parse(const char *text, struct net_prefix *out)
{
	uint32_t v4;
	unsigned len = 32;
	const char *end = parse_v4(text, &v4);

	if (end && *end == '/')
		end = parse_number(end + 1, 32, &len);
	if (!end || *end)
		return false;
	*out = (struct net_prefix){ .addr = net_v4(v4), .len = len };
	return true;
}

bool net_mac_parse(const char *text, struct net_mac *out)
{
	struct net_mac m;

	for (int i = 0; i < 6; i++) {
		int high = g_ascii_xdigit_value(text[0]), low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return false;
		m.byte[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	*out = m;
	return true;
}

bool net_mac_equal(const struct net_mac *a, const struct net_mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

bool net_mac_is_group(const struct net_mac *m)
{
	return m->byte[0] & 1;
}
