/* addr.c - addresses: comparing, printing, parsing. */
#include "ip_addr.h"

#include <arpa/inet.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == NET_IPV6)
		return memcmp(a->v6, b->v6, sizeof(a->v6)) == 0 && a->scope == b->scope;
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
	return ip_is_loopback(ip_of(a));
}

bool net_addr_is_multicast(const struct net_addr *a)
{
	return ip_is_multicast(ip_of(a));
}

bool net_prefix_has(const struct net_prefix *p, const struct net_addr *a)
{
	if (p->addr.family == NET_IPV4 && a->family == NET_IPV4)
		return ((p->addr.v4 ^ a->v4) & net_mask(p->len)) == 0;
	return p->addr.family == NET_IPV6 && a->family == NET_IPV6 &&
	       ip_equal(ip_masked(ip_of(&p->addr), p->len), ip_masked(ip_of(a), p->len));
}

bool net_prefix_broadcast(const struct net_prefix *p, struct net_addr *out)
{
	if (p->addr.family != NET_IPV4 || p->len > 30)
		return false;
	*out = net_v4(p->addr.v4 | ~net_mask(p->len));
	return true;
}

struct net_addr ip_show(struct ip_addr a, enum net_family family)
{
	struct net_addr out = { .family = family, .scope = ip_scope(a) };

	if (family == NET_IPV4)
		return net_v4(ip_v4(a));
	ip_put6(out.v6, a);
	return out;
}

struct net_endpoint ip_show_end(struct ip_addr a, uint16_t port, enum net_family family)
{
	return (struct net_endpoint){ .addr = ip_show(a, family), .port = port };
}

struct net_addr net_addr_of_halves(uint64_t high, uint64_t low)
{
	struct ip_addr a = ip6(high, low);

	return ip_show(a, ip_is4(a) ? NET_IPV4 : NET_IPV6);
}

void net_addr_halves(const struct net_addr *a, uint64_t *high, uint64_t *low)
{
	struct ip_addr ip = ip_of(a);

	*high = ip.hi;
	*low = ip_none(ip) && a->family == NET_IPV4 ? IP_MAPPED : ip.lo;
}

struct ip_addr ip_of(const struct net_addr *a)
{
	if (a->family == NET_IPV6)
		return ip_on(ip_get6(a->v6), a->scope);
	return a->family == NET_IPV4 ? ip4(a->v4) : IP_ANY;
}

unsigned ip_hash(const void *a)
{
	return (unsigned)(ip_mix(*(const struct ip_addr *)a) >> 32);
}

int ip_key_equal(const void *a, const void *b)
{
	return ip_equal(*(const struct ip_addr *)a, *(const struct ip_addr *)b);
}

const char *net_addr_text(const struct net_addr *a, char out[NET_ADDR_TEXT])
{
	if (a->family == NET_UNSET) {
		strcpy(out, "-");
	} else if (a->family == NET_IPV4) {
		snprintf(out, NET_ADDR_TEXT, "%u.%u.%u.%u", a->v4 >> 24, a->v4 >> 16 & 255, a->v4 >> 8 & 255, a->v4 & 255);
	} else {
		inet_ntop(AF_INET6, a->v6, out, NET_ADDR_TEXT);
		if (a->scope)
			snprintf(out + strlen(out), NET_ADDR_TEXT - strlen(out), "%%%u", a->scope);
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

/* An address of version 6 of `len` characters, with %INDEX after it if it needs an interface. */
static bool parse_v6(const char *p, size_t len, struct net_addr *out)
{
	struct net_addr a = { .family = NET_IPV6 };
	char text[INET6_ADDRSTRLEN];
	const char *percent = memchr(p, '%', len), *end;
	size_t digits = percent ? (size_t)(percent - p) : len;

	if (digits >= sizeof(text))
		return false;
	memcpy(text, p, digits);
	text[digits] = 0;
	if (inet_pton(AF_INET6, text, a.v6) != 1)
		return false;
	if (percent) {
		end = parse_number(percent + 1, 65535, &a.scope);
		if (end != p + len || a.scope == 0 || !ip_has_scope(ip_of(&a)))
			return false;
	}
	*out = a;
	return true;
}

bool net_addr_parse(const char *text, struct net_addr *out)
{
	uint32_t v4;
	const char *end = parse_v4(text, &v4);

	if (!end || *end)
		return parse_v6(text, strlen(text), out);
	*out = net_v4(v4);
	return true;
}

bool net_endpoint_parse(const char *text, struct net_endpoint *out)
{
	struct net_addr a;
	uint32_t v4;
	unsigned port;
	const char *end;

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || !parse_v6(text + 1, (size_t)(end - text - 1), &a))
			return false;
		end++;
	} else {
		end = parse_v4(text, &v4);
		if (end)
			a = net_v4(v4);
	}
	if (!end || *end != ':')
		return false;
	end = parse_number(end + 1, 65535, &port);
	if (!end || *end)
		return false;
	*out = (struct net_endpoint){ .addr = a, .port = (uint16_t)port };
	return true;
}

bool net_prefix_parse(const char *text, struct net_prefix *out)
{
	struct net_prefix p = { .len = 32 };
	const char *end = strchr(text, ':') ? text + strcspn(text, "/") : parse_v4(text, &p.addr.v4);

	if (strchr(text, ':')) {
		p.len = 128;
		if (!parse_v6(text, (size_t)(end - text), &p.addr))
			return false;
	} else {
		p.addr.family = NET_IPV4;
	}
	if (end && *end == '/')
		end = parse_number(end + 1, p.len, &p.len);
	if (!end || *end)
		return false;
	*out = p;
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
