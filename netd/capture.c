/* capture.c - a wire's log as pcapng; every block is 32-bit aligned and little endian. */
#include "host.h"
#include "net_capture.h"

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_NAMES = 4, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6, LINK_ETHERNET = 1,
       SNAPLEN = 262144 };

static void add16(GByteArray *out, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

	g_byte_array_append(out, b, 2);
}

static void add32(GByteArray *out, uint32_t v)
{
	add16(out, (uint16_t)v);
	add16(out, (uint16_t)(v >> 16));
}

static void add_padded(GByteArray *out, const void *bytes, size_t len)
{
	static const uint8_t zero[3];

	g_byte_array_append(out, bytes, (guint)len);
	g_byte_array_append(out, zero, (guint)(-len & 3));
}

static void add_option(GByteArray *out, uint16_t code, const void *bytes, size_t len)
{
	add16(out, code);
	add16(out, (uint16_t)len);
	add_padded(out, bytes, len);
}

static void add_option64(GByteArray *out, uint16_t code, uint64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	add_option(out, code, b, 8);
}

static guint block_begin(GByteArray *out, uint32_t type)
{
	guint at = out->len;

	add32(out, type);
	add32(out, 0);
	return at;
}

static void block_end(GByteArray *out, guint at)
{
	uint32_t len = out->len - at + 4;

	add32(out, len);
	memcpy(out->data + at + 4, out->data + out->len - 4, 4);
}

static void add_times(GByteArray *out, ns_t t)
{
	add32(out, (uint32_t)(t >> 32));
	add32(out, (uint32_t)t);
}

/* Interface `index` stands for the port of that index; the one after the last port for strangers. */
static void add_interface(GByteArray *out, const char *name, const struct net_mac *mac, uint64_t rate)
{
	guint at = block_begin(out, BLOCK_INTERFACE);
	uint8_t resolution = 9;

	add16(out, LINK_ETHERNET);
	add16(out, 0);
	add32(out, SNAPLEN);
	add_option(out, 2, name, strlen(name));
	if (mac)
		add_option(out, 6, mac, 6);
	if (rate)
		add_option64(out, 8, rate);
	add_option(out, 9, &resolution, 1);
	add32(out, 0);
	block_end(out, at);
}

/* Interface 0 is the wire itself, for frames that no port has sent; port i is interface i + 1. */
static void add_new_ports(const struct net_wire *w, unsigned *ports, GByteArray *out)
{
	for (; *ports < w->ports->len; ++*ports) {
		const struct port *p = w->ports->pdata[*ports];

		add_interface(out, p->name, &p->mac, w->config.rate);
	}
}

/* The names of the hosts whose interfaces are on the wire, by address. */
static void add_names(const struct net_wire *w, GByteArray *out)
{
	guint at = block_begin(out, BLOCK_NAMES), empty = out->len;

	for (unsigned i = 0; i < w->ports->len; i++) {
		const struct port *p = w->ports->pdata[i];
		const struct net_iface *f = p->owner && p->host ? p->owner : NULL;

		for (unsigned k = 0; f && k < f->addrs->len; k++) {
			struct ip_addr a = g_array_index(f->addrs, struct own_addr, k).addr;
			GByteArray *record = g_byte_array_sized_new(64);
			uint8_t bytes[16];

			if (ip_is4(a))
				put32(bytes, ip_v4(a));
			else
				ip_put6(bytes, a);
			g_byte_array_append(record, bytes, ip_is4(a) ? 4 : 16);
			g_byte_array_append(record, (const guint8 *)p->host->name, (guint)strlen(p->host->name) + 1);
			add_option(out, ip_is4(a) ? 1 : 2, record->data, record->len); /* nrb_record_ipv4, nrb_record_ipv6 */
			g_byte_array_free(record, TRUE);
		}
	}
	if (out->len == empty) {
		g_byte_array_set_size(out, at);
		return;
	}
	add32(out, 0); /* end of the records; there are no options */
	block_end(out, at);
}

void net_capture_start(const struct net_wire *w, unsigned *ports, GByteArray *out)
{
	guint at = block_begin(out, BLOCK_SECTION);

	add32(out, 0x1a2b3c4d);
	add16(out, 1);
	add16(out, 0);
	add32(out, G_MAXUINT32); /* section length unknown: -1 */
	add32(out, G_MAXUINT32);
	add_option(out, 4, "vitrine", 7);
	add32(out, 0);
	block_end(out, at);
	add_interface(out, w->name, NULL, w->config.rate);
	add_new_ports(w, ports, out);
	add_names(w, out);
}

void net_fate_text(const struct net_frame *f, GString *out)
{
	static const struct { unsigned fate; const char *text; } words[] = {
		{ NET_FATE_INJECTED, "injected" }, { NET_FATE_RESENT, "sent again" }, { NET_FATE_COLLIDED, "collided" },
		{ NET_FATE_LOST, "lost" }, { NET_FATE_DUPLICATED, "duplicated" }, { NET_FATE_REORDERED, "reordered" },
		{ NET_FATE_DELAYED, "delayed" }, { NET_FATE_HELD, "held" }, { NET_FATE_QUEUE_FULL, "queue full" },
		{ NET_FATE_TOO_LONG, "too long" }, { NET_FATE_GIVEN_UP, "given up" },
	};
	gsize before = out->len;

	for (unsigned i = 0; i < G_N_ELEMENTS(words); i++)
		if (f->fate & words[i].fate)
			g_string_append_printf(out, "%s%s", out->len > before ? ", " : "", words[i].text);
	if (f->fate & NET_FATE_CORRUPTED)
		g_string_append_printf(out, "%scorrupted bit %u", out->len > before ? ", " : "", f->bit);
	if (f->fate & NET_FATE_RULE)
		g_string_append(out, " by rule");
}

bool net_capture_frame(const struct net_wire *w, uint64_t number, uint64_t lost, unsigned *ports, GByteArray *out)
{
	struct net_frame f;
	GString *comment;
	guint at;

	if (!net_wire_frame(w, number, &f))
		return false;
	add_new_ports(w, ports, out);
	comment = g_string_new(NULL);
	net_fate_text(&f, comment);
	at = block_begin(out, BLOCK_PACKET);
	add32(out, f.port == G_MAXUINT32 ? 0 : f.port + 1);
	add_times(out, f.time);
	add32(out, f.len);
	add32(out, f.len);
	add_padded(out, f.bytes, f.len);
	if (comment->len)
		add_option(out, 1, comment->str, comment->len);
	add_option(out, 2, "\2\0\0\0", 4); /* outbound: as its sender sees it */
	if (lost)
		add_option64(out, 4, lost);
	add_option64(out, 5, f.number);
	add32(out, 0);
	block_end(out, at);
	g_string_free(comment, TRUE);
	return true;
}

static void add_statistics(const struct net_wire *w, unsigned port, GByteArray *out)
{
	const struct port *p = w->ports->pdata[port];
	guint at = block_begin(out, BLOCK_STATISTICS);

	add32(out, port + 1);
	add_times(out, net_now(w->net));
	add_option64(out, 4, p->rx_frames);
	add_option64(out, 5, p->dropped);
	add32(out, 0);
	block_end(out, at);
}

void net_capture_all(const struct net_wire *w, GByteArray *out)
{
	unsigned ports = 0;

	net_capture_start(w, &ports, out);
	for (uint64_t i = net_wire_first(w); i < net_wire_next(w); i++)
		net_capture_frame(w, i, 0, &ports, out);
	for (unsigned i = 0; i < w->ports->len; i++)
		add_statistics(w, i, out);
}
