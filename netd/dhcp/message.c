/* message.c - DHCP messages. */
#include "message.h"

#include "checksum.h"

#include <errno.h>
#include <string.h>

enum { FIXED = 236, COOKIE = 0x63825363, OPTIONS = 240, PADDED = 300, BOOTREQUEST = 1, BOOTREPLY = 2, ETHERNET = 1, BROADCAST = 0x8000,
       SNAME = 44, SNAME_LEN = 64, FILE_AT = 108, FILE_LEN = 128, CLIENT_MAX = 576 };
enum option { OPTION_PAD, OPTION_MASK = 1, OPTION_ROUTER = 3, OPTION_DNS = 6, OPTION_HOST = 12, OPTION_DOMAIN = 15, OPTION_REQUESTED = 50,
	      OPTION_LEASE, OPTION_OVERLOAD, OPTION_TYPE, OPTION_SERVER, OPTION_WANTS, OPTION_TEXT, OPTION_MAX, OPTION_T1, OPTION_T2,
	      OPTION_ID = 61, OPTION_END = 255 };

static const char *dhcp_type_name(enum dhcp_type t)
{
	static const char *const names[] = { "?", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM" };

	return t < G_N_ELEMENTS(names) ? names[t] : names[0];
}

/* Reading */

static int take_number(const uint8_t *p, unsigned len, unsigned code, uint32_t *out, struct err *e)
{
	if (len != 4)
		return err_set(e, EINVAL, -1, "option %u length must be 4", code);
	*out = get32(p);
	return 0;
}

/* The first of a list of addresses, or as many as there is room for. */
static int take_addresses(const uint8_t *p, unsigned len, unsigned code, uint32_t *out, unsigned most, struct err *e)
{
	if (len == 0 || len % 4)
		return err_set(e, EINVAL, -1, "option %u length must be a multiple of 4", code);
	for (unsigned i = 0; i < len / 4 && i < most; i++)
		out[i] = get32(p + 4 * i);
	return 0;
}

/* Names of others are shown to people and written into files: nothing but what names are made of. */
static void take_name(const uint8_t *p, unsigned len, char *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < len && p[i] && n < DHCP_NAME_MAX - 1; i++)
		out[n++] = g_ascii_isalnum(p[i]) || strchr("._-", p[i]) ? (char)p[i] : '_';
	out[n] = '\0';
}

static int take_option(struct dhcp_message *m, unsigned code, const uint8_t *p, unsigned len, unsigned *overload, struct err *e)
{
	switch (code) {
	case OPTION_MASK:      return take_number(p, len, code, &m->mask, e);
	case OPTION_ROUTER:    return take_addresses(p, len, code, &m->router, 1, e);
	case OPTION_DNS:       return take_addresses(p, len, code, m->dns, DHCP_DNS, e);
	case OPTION_REQUESTED: return take_number(p, len, code, &m->requested, e);
	case OPTION_SERVER:    return take_number(p, len, code, &m->server, e);
	case OPTION_T1:        return take_number(p, len, code, &m->t1, e);
	case OPTION_T2:        return take_number(p, len, code, &m->t2, e);
	case OPTION_LEASE:
		m->has_lease = true;
		return take_number(p, len, code, &m->lease, e);
	case OPTION_HOST:
		take_name(p, len, m->host);
		return 0;
	case OPTION_DOMAIN:
		take_name(p, len, m->domain);
		return 0;
	case OPTION_TEXT:
		take_name(p, len, m->text);
		return 0;
	case OPTION_WANTS:
		m->wants = len > 0;
		return 0;
	case OPTION_OVERLOAD:
		if (len != 1)
			return err_set(e, EINVAL, -1, "option 52 length must be 1");
		*overload = *p & 3;
		return 0;
	case OPTION_TYPE:
		if (len != 1)
			return err_set(e, EINVAL, -1, "option 53 length must be 1");
		if (*p < DHCP_DISCOVER || *p > DHCP_INFORM)
			return err_set(e, EINVAL, -1, "a message of type %u", *p);
		m->type = *p;
		return 0;
	case OPTION_ID:
		if (len >= 2 && len <= DHCP_ID_MAX) {
			memcpy(m->id, p, len);
			m->id_len = len;
		}
		return 0;
	default:
		return 0;
	}
}

static int take_options(struct dhcp_message *m, const uint8_t *p, size_t len, unsigned *overload, struct err *e)
{
	for (size_t at = 0; at < len && p[at] != OPTION_END; ) {
		unsigned code = p[at++], n;

		if (code == OPTION_PAD)
			continue;
		if (at == len || at + 1 + p[at] > len)
			return err_set(e, EINVAL, -1, "option overrun");
		n = p[at++];
		if (take_option(m, code, p + at, n, overload, e))
			return -e->code;
		at += n;
	}
	return 0;
}

int dhcp_parse(const uint8_t *data, size_t len, struct dhcp_message *m, struct err *e)
{
	struct err ignored;
	unsigned overload = 0, none = 0;

	e = e ? e : &ignored;
	*m = (struct dhcp_message){ 0 };
	if (len < OPTIONS)
		return err_set(e, EINVAL, -1, "shorter than %d", OPTIONS);
	if (data[2] > 16)
		return err_set(e, EINVAL, -1, "hlen > 16");
	if (get32(data + FIXED) != COOKIE)
		return err_set(e, EINVAL, -1, "magic cookie");
	if ((data[0] != BOOTREQUEST && data[0] != BOOTREPLY) || data[1] != ETHERNET || data[2] != 6)
		return err_set(e, EINVAL, -1, "not about an interface of Ethernet");
	m->reply = data[0] == BOOTREPLY;
	m->xid = get32(data + 4);
	m->secs = get16(data + 8);
	m->broadcast = get16(data + 10) & BROADCAST;
	m->ciaddr = get32(data + 12);
	m->yiaddr = get32(data + 16);
	m->siaddr = get32(data + 20);
	m->giaddr = get32(data + 24);
	memcpy(m->chaddr, data + 28, 6);
	if (take_options(m, data + OPTIONS, len - OPTIONS, &overload, e) ||
	    (overload & 1 && take_options(m, data + FILE_AT, FILE_LEN, &none, e)) ||
	    (overload & 2 && take_options(m, data + SNAME, SNAME_LEN, &none, e)))
		return -e->code;
	if (!m->type)
		return err_set(e, EINVAL, -1, "no message type");
	if (m->reply != (m->type == DHCP_OFFER || m->type == DHCP_ACK || m->type == DHCP_NAK))
		return err_set(e, EINVAL, -1, "a %s in the wrong direction", dhcp_type_name(m->type));
	return 0;
}

/* Writing */

static void put_option(GByteArray *out, unsigned code, const void *data, size_t len)
{
	uint8_t head[2] = { (uint8_t)code, (uint8_t)len };

	if (!len)
		return;
	g_byte_array_append(out, head, 2);
	g_byte_array_append(out, data, (guint)len);
}

static void put_number(GByteArray *out, unsigned code, uint32_t v)
{
	uint8_t b[4];

	put32(b, v);
	put_option(out, code, b, v ? 4 : 0);
}

static void put_dns(GByteArray *out, const uint32_t *dns)
{
	uint8_t b[4 * DHCP_DNS];
	unsigned n = 0;

	for (; n < DHCP_DNS && dns[n]; n++)
		put32(b + 4 * n, dns[n]);
	put_option(out, OPTION_DNS, b, 4 * n);
}

static void put_options(const struct dhcp_message *m, GByteArray *out)
{
	static const uint8_t wants[] = { OPTION_MASK, OPTION_ROUTER, OPTION_DNS, OPTION_DOMAIN, OPTION_LEASE, OPTION_T1, OPTION_T2 };
	static const uint8_t most[] = { CLIENT_MAX >> 8, CLIENT_MAX & 255 };
	uint8_t type = (uint8_t)m->type;

	put_option(out, OPTION_TYPE, &type, 1);
	put_number(out, OPTION_REQUESTED, m->requested);
	put_number(out, OPTION_SERVER, m->server);
	put_number(out, OPTION_LEASE, m->lease);
	put_number(out, OPTION_T1, m->t1);
	put_number(out, OPTION_T2, m->t2);
	put_number(out, OPTION_MASK, m->mask);
	put_number(out, OPTION_ROUTER, m->router);
	put_dns(out, m->dns);
	put_option(out, OPTION_DOMAIN, m->domain, strlen(m->domain));
	put_option(out, OPTION_TEXT, m->text, strlen(m->text));
	if (m->wants) {
		put_option(out, OPTION_MAX, most, sizeof most);
		put_option(out, OPTION_WANTS, wants, sizeof wants);
	}
	put_option(out, OPTION_HOST, m->host, strlen(m->host));
	put_option(out, OPTION_ID, m->id, m->id_len);
}

void dhcp_write(const struct dhcp_message *m, GByteArray *out)
{
	uint8_t head[OPTIONS] = { m->reply ? BOOTREPLY : BOOTREQUEST, ETHERNET, 6 }, end = OPTION_END;
	static const uint8_t zeros[PADDED];

	put32(head + 4, m->xid);
	put16(head + 8, m->secs);
	put16(head + 10, m->broadcast ? BROADCAST : 0);
	put32(head + 12, m->ciaddr);
	put32(head + 16, m->yiaddr);
	put32(head + 20, m->siaddr);
	put32(head + 24, m->giaddr);
	memcpy(head + 28, m->chaddr, 6);
	put32(head + FIXED, COOKIE);
	g_byte_array_set_size(out, 0);
	g_byte_array_append(out, head, OPTIONS);
	put_options(m, out);
	g_byte_array_append(out, &end, 1);
	if (out->len < PADDED)
		g_byte_array_append(out, zeros, PADDED - out->len);
}
