/* six.c - packets of version 6 made by hand. */
#include "six.h"

#include "host.h"

static void keep(void *data, const uint8_t *frame, size_t len)
{
	struct six *s = data;
	struct seen one = { .time = s->l->clock.now, .len = len, .bytes = g_memdup2(frame, len) };

	if (memcmp(frame + 6, STRANGER, 6) != 0)
		g_array_append_val(s->seen, one);
}

static void forget_one(void *one)
{
	g_free(((struct seen *)one)->bytes);
}

void six_begin_fresh(struct six *s, struct lab *l)
{
	static const struct net_mac all;
	struct net_wire *w = lab_wire(l, "w");

	*s = (struct six){ .l = l, .seen = g_array_new(FALSE, FALSE, sizeof(struct seen)) };
	g_array_set_clear_func(s->seen, forget_one);
	assert_int_equal(net_tap_new(w, "stranger", &all, keep, s, &s->tap, NULL), 0);
	s->host = lab_host(l, "a", w, "2001:db8::1/64");
	s->eth = net_iface_at(s->host, "eth0");
}

void six_introduce(struct six *s)
{
	struct net_addr global = addr("2001:db8::63"), local = addr("fe80::63");

	net_neigh_add(s->host, "eth0", &global, (const struct net_mac *)STRANGER, NULL);
	net_neigh_add(s->host, "eth0", &local, (const struct net_mac *)STRANGER, NULL);
}

void six_begin(struct six *s, struct lab *l)
{
	six_begin_fresh(s, l);
	six_introduce(s);
	lab_settle(l);
	six_forget(s);
}

void six_end(struct six *s)
{
	net_tap_free(s->tap);
	g_array_free(s->seen, TRUE);
}

void six_forget(struct six *s)
{
	g_array_set_size(s->seen, 0);
}

/* --- packets ---------------------------------------------------------------------------------- */

static void put_address(uint8_t *to, const char *text)
{
	struct net_addr a = addr(text);

	memcpy(to, a.v6, 16);
}

struct pkt6 *pkt6(const char *src, const char *dst, unsigned hops)
{
	static struct pkt6 one;
	uint8_t *p = one.frame + 14;

	memset(&one, 0, sizeof(one));
	memcpy(one.frame + 6, STRANGER, 6);
	put16(one.frame + 12, TYPE_IPV6);
	p[0] = 0x60;
	p[6] = NONE;
	p[7] = (uint8_t)hops;
	put_address(p + 8, src);
	put_address(p + 24, dst);
	one.at = 14 + 40;
	one.name = 14 + 6;
	return &one;
}

/* Hex digits, blanks, and @ADDRESS. */
static size_t bytes_of(const char *text, uint8_t *out, size_t room)
{
	size_t n = 0;

	while (*text) {
		size_t got = strspn(text, " ");

		if (text[got] == '@') {
			g_autofree char *address = g_strndup(text + got + 1, strcspn(text + got + 1, " "));

			assert_true(n + 16 <= room);
			put_address(out + n, address);
			n += 16;
			text += got + 1 + strlen(address);
			continue;
		}
		text += got;
		got = unhex(text, out + n, room - n);
		if (*text && got == 0)
			fail_msg("'%s' is not hex", text);
		n += got;
		text += 2 * got;
	}
	return n;
}

void pkt6_header(struct pkt6 *p, uint8_t kind, const char *hex)
{
	uint8_t *h = p->frame + p->at;
	size_t len = bytes_of(hex, h + 1, 2040) + 1;

	if (kind == FRAGMENT) {
		assert_int_equal(len, 8);
	} else {
		memmove(h + 2, h + 1, len);
		len = (len + 1 + 7) / 8 * 8;
		h[1] = (uint8_t)(len / 8 - 1);
	}
	h[0] = NONE;
	p->frame[p->name] = kind;
	p->name = p->at;
	p->at += (uint32_t)len;
	put16(p->frame + 14 + 4, p->at - 54);
}

void pkt6_rest(struct pkt6 *p, uint8_t kind, const void *bytes, size_t len)
{
	uint8_t *h = p->frame + p->at, *ip = p->frame + 14;
	struct ip_addr src = ip_get6(ip + 8), dst = ip_get6(ip + 24);

	assert_true(p->at + len <= ROOM);
	memcpy(h, bytes, len);
	p->frame[p->name] = kind;
	if (kind == ICMP6 && len >= 4) {
		put16(h + 2, 0);
		put16(h + 2, sum_end(sum_add(sum_pseudo(src, dst, kind, (uint32_t)len), h, len)));
	} else if (kind == UDP && len >= 8) {
		put16(h + 4, (uint32_t)len);
		put16(h + 6, 0);
		put16(h + 6, sum_end(sum_add(sum_pseudo(src, dst, kind, (uint32_t)len), h, len)));
	}
	p->at += (uint32_t)len;
	put16(ip + 4, p->at - 54);
}

void pkt6_icmp(struct pkt6 *p, const char *text)
{
	uint8_t bytes[4096];

	pkt6_rest(p, ICMP6, bytes, bytes_of(text, bytes, sizeof(bytes)));
}

void six_send(struct six *s, struct pkt6 *p)
{
	const uint8_t *dst = p->frame + 14 + 24;
	struct net_iface_info info;

	net_iface_get(s->eth, &info);
	if (memcmp(p->frame, "\0\0\0\0\0", 6) == 0) {
		if (dst[0] == 0xff) {
			put16(p->frame, 0x3333);
			memcpy(p->frame + 2, dst + 12, 4);
		} else {
			memcpy(p->frame, &info.mac, 6);
		}
	}
	assert_int_equal(net_tap_send(s->tap, p->frame, p->at, NULL), 0);
	lab_run(s->l, NS_PER_MS);
	if (s->sent++ % 16 == 0)
		lab_check(s->l);
}

void six_icmp(struct six *s, const char *src, const char *dst, unsigned hops, const char *text)
{
	struct pkt6 *p = pkt6(src, dst, hops);

	pkt6_icmp(p, text);
	six_send(s, p);
}

/* --- what came ---------------------------------------------------------------------------------- */

unsigned six_count(const struct six *s, unsigned type, struct net_decoded *out, const uint8_t **at)
{
	unsigned count = 0;

	for (unsigned n = 0; n < s->seen->len; n++) {
		const struct seen *one = &g_array_index(s->seen, struct seen, n);
		struct net_decoded d;

		net_decode(one->bytes, one->len, true, &d);
		assert_int_equal(d.bad, 0);
		if (!(d.layers & NET_LAYER_ICMP6) || d.icmp_type != type)
			continue;
		count++;
		if (out)
			*out = d;
		if (at)
			*at = one->bytes + 14 + d.ip_header;
	}
	return count;
}

void six_expect(struct six *s, unsigned type, unsigned code, uint32_t rest)
{
	struct net_decoded d;
	const uint8_t *at;

	assert_int_equal(s->seen->len, 1);
	if (six_count(s, type, &d, &at) != 1) {
		const struct seen *one = &g_array_index(s->seen, struct seen, 0);

		fail_msg("instead of type %u: %u code %u", type, one->bytes[54], one->bytes[55]);
	}
	assert_int_equal(d.icmp_code, code);
	assert_int_equal(get32(at + 4), rest);
	six_forget(s);
}

void six_expect_nothing(struct six *s)
{
	if (s->seen->len > 0) {
		const struct seen *one = &g_array_index(s->seen, struct seen, 0);

		fail_msg("%u frames were sent, the first of type %u code %u", s->seen->len, one->bytes[54], one->bytes[55]);
	}
}

int64_t counter6(struct net_host *h, enum net_counter6 c)
{
	int64_t all[NET_COUNTERS6_END];

	net_counters6(h, all);
	return all[c];
}

int six_neigh(const struct six *s, const char *address, struct net_neigh *out)
{
	struct net_addr a = addr(address);
	struct net_neigh one;

	if (!out)
		out = &one;
	for (unsigned n = 0; net_neigh(s->host, n, out); n++)
		if (net_addr_equal(&out->addr, &a))
			return (int)out->state;
	return -1;
}

bool six_address(const struct six *s, const char *address, struct net_addr6 *out)
{
	struct net_addr a = addr(address);
	struct net_addr6 one;

	if (!out)
		out = &one;
	for (unsigned n = 0; net_iface_address6(s->eth, n, out); n++)
		if (net_addr_equal(&out->prefix.addr, &a))
			return true;
	return false;
}

bool six_route(const struct six *s, const char *to, const char *via, struct net_route *out)
{
	struct net_prefix p = prefix(to);
	struct net_addr gateway = via ? addr(via) : (struct net_addr){ 0 };
	struct net_route one;

	if (!out)
		out = &one;
	for (unsigned n = 0; net_route(s->host, n, out); n++)
		if (net_addr_equal(&out->to.addr, &p.addr) && out->to.len == p.len && out->to.addr.family == p.addr.family &&
		    (!via || net_addr_equal(&out->via, &gateway)))
			return true;
	return false;
}

void six_expect_reply(struct six *s, unsigned times)
{
	assert_int_equal(six_count(s, 129, NULL, NULL), times);
	assert_int_equal(s->seen->len, times);
	six_forget(s);
}

const struct bad six_bads[SIX_BADS] = {
	{ "hop limit 254", .hops = 254 }, { "hop limit 64", .hops = 64 }, { "hop limit 0", .hops = 0 }, { "code", .hops = 255, .code = 1 },
	{ "checksum", .hops = 255, .sum = true }, { "short", .hops = 255, .cut = true },
	{ "option of length 0", .hops = 255, .zero_option = true }, { "option beyond the end", .hops = 255, .long_option = true },
};

void six_send_bad(struct six *s, const struct bad *b, const char *src, const char *dst, const char *message, size_t least)
{
	struct pkt6 *p = pkt6(src, dst, b->hops);
	g_autofree char *text = g_strconcat(message, b->zero_option ? " 0100 020000000063" : b->long_option ? " 0102 020000000063" : "",
					    NULL);
	uint8_t bytes[256];
	size_t len;

	pkt6_icmp(p, text);
	len = p->at - 54;
	memcpy(bytes, p->frame + 54, len);
	bytes[1] = (uint8_t)b->code;
	p = pkt6(src, dst, b->hops);
	pkt6_rest(p, ICMP6, bytes, b->cut ? least - 1 : len);
	if (b->sum)
		p->frame[56] ^= 1;
	six_send(s, p);
}

void six_neighbour_in(struct six *s, struct net_socket *u, int state)
{
	net_neigh_flush(s->host);
	if (state == NET_NEIGH_STALE) {
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, SOLICIT SLLA);
	} else {
		send_text(u, "x", "[2001:db8::77]:9");
		lab_run(s->l, 10 * NS_PER_MS);
	}
	if (state == NET_NEIGH_REACHABLE)
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, ADVERT("60") TLLA);
	if (state == NET_NEIGH_PROBE || state == NET_NEIGH_DELAY) {
		six_icmp(s, "2001:db8::77", "2001:db8::1", 255, ADVERT("20") TLLA);
		send_text(u, "x", "[2001:db8::77]:9");
		if (state == NET_NEIGH_PROBE)
			lab_run(s->l, 5100 * NS_PER_MS);
	}
	assert_int_equal(six_neigh(s, "2001:db8::77", NULL), state);
}
