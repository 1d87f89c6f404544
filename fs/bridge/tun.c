/*
 * tun.c - rules tun and tap: this machine's kernel is a station on a wire.
 *
 * A tap carries frames as they are. A tun carries packets: the station has an address of Ethernet of its own, answers for the
 * addresses that the device has, finds out who has those that packets go to (RFC 826), and sends what goes to other subnets by
 * the first host on the wire that passes packets on.
 *
 * What the device says is hostile: it is looked at within its bounds, and a frame is as any other on the wire. What the wire brings
 * is written at once; where the device has no room it is lost, as on a cable. Everything that a real call gives is in the
 * journal, so that a replay needs no device.
 */
#include "inside.h"

#include "device.h"
#include "journal_file.h"
#include "record.h"

#include "net_tap.h"

#include <string.h>
#include <sys/epoll.h>

enum {
	FRAMES_A_RUN = 64,
	SHORTEST = 60, HEADER = 14, ARP_BYTES = 28, IPV4_HEADER = 20, TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IPV6 = 0x86dd,
	NEIGHBOURS_MAX = 1024, WAITING_MAX = 16, ASKED_MAX = 64, OWN_MAX = 64
};
#define NEIGHBOUR_AGE (60 * NS_PER_S)
#define ASK_AGAIN NS_PER_S
#define LOOK_AGAIN (200 * NS_PER_MS)    /* real: the user may give the device another address */

/* Who has an address on the wire. */
struct neighbour {
	uint32_t addr;
	bool     known;
	struct net_mac mac;
	ns_t     asked, answered;
	GQueue   waiting;            /* GBytes: packets until it is known */
};

/* A question of the wire's: ARP */
struct question { struct net_mac mac; uint32_t from, to; };

struct device {
	struct rule *rule;
	struct net_tap *tap;
	struct net_mac mac;
	bool     ethernet;
	uint8_t *buffer;             /* HEADER bytes, then what is read */
	/* of a tun */
	GHashTable *neighbours;      /* addr -> struct neighbour */
	GArray  *own;                /* struct net_prefix */
	ns_t     looked;             /* real: when it was seen last which those are; 0: never */
	GQueue   asked;              /* struct question */
};

static const struct net_mac everybody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

static struct world *world_of(const struct device *d)
{
	return d->rule->end.bridge->world;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static void put_header(uint8_t *p, const struct net_mac *to, const struct net_mac *from, unsigned type)
{
	memcpy(p, to->byte, 6);
	memcpy(p + 6, from->byte, 6);
	p[12] = (uint8_t)(type >> 8);
	p[13] = (uint8_t)type;
}

static unsigned type_of(const uint8_t *frame)
{
	return (unsigned)frame[12] << 8 | frame[13];
}

/* The real calls, or what the journal says they gave */

/*
 * A call's name in the journal, of this device: calls that gave nothing are not there, and what is there of another device would
 * be taken for this one's.
 */
enum { CALL_TEXT = 24 };
static const char *call_of(const struct device *d, const char *what, char out[CALL_TEXT])
{
	g_snprintf(out, CALL_TEXT, "%s/%u", what, d->rule->number);
	return out;
}

static ssize_t read_device(struct device *d, size_t room)
{
	struct world *w = world_of(d);
	uint8_t *to = d->buffer + HEADER;
	char call[CALL_TEXT];
	const void *bytes;
	int64_t result;
	size_t len;

	call_of(d, "frame", call);
	if (w->repeat) {
		if (!journal_answer(w, call, &result, &bytes, &len))
			return -EAGAIN;
		len = MIN(len, room);
		memcpy(to, bytes, len);
		result = result < 0 ? result : (int64_t)len;
	} else {
		do
			result = device_read(d->rule->fd, to, room);
		while (result == -EINTR);
	}
	if (result != -EAGAIN)
		record_answer(w, call, result, to, result > 0 ? (size_t)result : 0);
	return (ssize_t)result;
}

/* Only what goes wrong is in the journal. */
static void write_device(struct device *d, const uint8_t *bytes, size_t len)
{
	struct world *w = world_of(d);
	int64_t result = 0;
	char call[CALL_TEXT];
	const void *none;
	size_t n;

	if (w->repeat)
		journal_answer(w, call_of(d, "lost", call), &result, &none, &n);
	else if (d->rule->fd >= 0)
		result = MIN(device_write(d->rule->fd, bytes, len), 0);
	else
		result = -EBADFD;
	if (result < 0) {
		record_answer(w, call_of(d, "lost", call), result, NULL, 0);
		d->rule->refused++;
	} else {
		d->rule->accepted++;
	}
}

static bool is_own(const struct device *d, uint32_t addr)
{
	for (guint i = 0; i < d->own->len; i++)
		if (g_array_index(d->own, struct net_prefix, i).addr.v4 == addr)
			return true;
	return false;
}

static void put_own(struct device *d, uint32_t addr, unsigned len)
{
	struct net_prefix p = { net_v4(addr), MIN(len, 32) };

	if (!is_own(d, addr) && d->own->len < OWN_MAX)
		g_array_append_val(d->own, p);
}

/* As bytes for the journal: four of the address, one of the length. */
static GByteArray *own_now(struct device *d)
{
	g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct net_prefix));
	GByteArray *bytes = g_byte_array_new();

	device_addresses(d->rule->device, all);
	for (guint i = 0; i < MIN(all->len, OWN_MAX); i++) {
		const struct net_prefix *p = &g_array_index(all, struct net_prefix, i);
		uint8_t one[5];

		put32(one, p->addr.v4);
		one[4] = (uint8_t)p->len;
		g_byte_array_append(bytes, one, sizeof one);
	}
	return bytes;
}

static void look_at_own(struct device *d)
{
	struct world *w = world_of(d);
	ns_t now = d->rule->end.bridge->now;
	g_autoptr(GByteArray) bytes = NULL;
	const void *told;
	int64_t result;
	size_t len;

	if (d->looked && now < d->looked + LOOK_AGAIN)
		return;
	d->looked = now;
	if (w->repeat) {
		bytes = g_byte_array_new();
		if (journal_answer(w, "addresses", &result, &told, &len))
			g_byte_array_append(bytes, told, (guint)len);
	} else {
		bytes = own_now(d);
	}
	record_answer(w, "addresses", 0, bytes->data, bytes->len);
	g_array_set_size(d->own, 0);
	for (guint i = 0; i + 5 <= bytes->len; i += 5)
		put_own(d, get32(bytes->data + i), bytes->data[i + 4]);
}

/* The station of a tun */

static void send_frame(struct device *d, const void *frame, size_t len)
{
	net_tap_send(d->tap, frame, len, NULL);
}

static void send_arp(struct device *d, unsigned op, const struct net_mac *to, uint32_t from_addr, uint32_t to_addr)
{
	static const uint8_t ethernet_ipv4[6] = { 0, 1, TYPE_IPV4 >> 8, TYPE_IPV4 & 0xff, 6, 4 };
	uint8_t frame[60] = { 0 }, *arp = frame + HEADER;

	put_header(frame, to, &d->mac, TYPE_ARP);
	memcpy(arp, ethernet_ipv4, sizeof ethernet_ipv4);
	arp[7] = (uint8_t)op;
	memcpy(arp + 8, d->mac.byte, 6);
	put32(arp + 14, from_addr);
	if (op == 2)
		memcpy(arp + 18, to->byte, 6);
	put32(arp + 24, to_addr);
	send_frame(d, frame, sizeof frame);
}

static void neighbour_free(void *p)
{
	struct neighbour *n = p;

	g_queue_clear_full(&n->waiting, (GDestroyNotify)g_bytes_unref);
	g_free(n);
}

static struct neighbour *neighbour_at(struct device *d, uint32_t addr)
{
	struct neighbour *n = g_hash_table_lookup(d->neighbours, GUINT_TO_POINTER(addr));

	if (n)
		return n;
	if (g_hash_table_size(d->neighbours) >= NEIGHBOURS_MAX)
		g_hash_table_remove_all(d->neighbours);
	n = g_new0(struct neighbour, 1);
	n->addr = addr;
	g_queue_init(&n->waiting);
	g_hash_table_insert(d->neighbours, GUINT_TO_POINTER(addr), n);
	return n;
}

static void send_waiting(struct device *d, struct neighbour *n)
{
	GBytes *packet;

	while ((packet = g_queue_pop_head(&n->waiting))) {
		gsize len;
		const uint8_t *bytes = g_bytes_get_data(packet, &len);
		g_autofree uint8_t *frame = g_malloc(HEADER + len);

		put_header(frame, &n->mac, &d->mac, TYPE_IPV4);
		memcpy(frame + HEADER, bytes, len);
		send_frame(d, frame, HEADER + len);
		g_bytes_unref(packet);
	}
}

/* A source that the device has: what goes to a peer on the wire says who asks. */
static uint32_t own_towards(const struct device *d, uint32_t to)
{
	for (guint i = 0; i < d->own->len; i++) {
		const struct net_prefix *p = &g_array_index(d->own, struct net_prefix, i);
		struct net_addr a = net_v4(to);

		if (net_prefix_has(p, &a))
			return p->addr.v4;
	}
	return d->own->len ? g_array_index(d->own, struct net_prefix, 0).addr.v4 : 0;
}

/* A host on this wire that passes packets on; 0: there is none. */
static uint32_t router_on_wire(struct device *d)
{
	struct world *w = world_of(d);
	struct net_wire *wire = net_wire_at(w->net, d->rule->wire);

	for (guint n = 0; wire && n < w->hosts->len; n++) {
		struct net_host *h = ((struct host *)w->hosts->pdata[n])->net;
		struct net_iface_info info = { .index = 1 };

		for (struct net_iface *i; net_knob_get(h, NET_IP_FORWARD) && (i = net_iface_above(h, info.index)); ) {
			struct net_prefix p;

			net_iface_get(i, &info);
			for (unsigned k = 0; info.wire == wire && info.up && net_iface_address(i, k, &p); k++)
				if (p.addr.family == NET_IPV4)
					return p.addr.v4;
		}
	}
	return 0;
}

/* To whom a packet goes next. */
static uint32_t next_hop(struct device *d, uint32_t to)
{
	struct net_addr a = net_v4(to);
	uint32_t router;

	for (guint i = 0; i < d->own->len; i++) {
		const struct net_prefix *p = &g_array_index(d->own, struct net_prefix, i);

		if (p->len < 32 && net_prefix_has(p, &a))
			return to;
	}
	router = router_on_wire(d);
	return router ? router : to;
}

static bool is_broadcast(const struct device *d, uint32_t to)
{
	for (guint i = 0; i < d->own->len; i++) {
		struct net_addr last;

		if (net_prefix_broadcast(&g_array_index(d->own, struct net_prefix, i), &last) && last.v4 == to)
			return true;
	}
	return to == UINT32_MAX;
}

static void send_to_hop(struct device *d, uint8_t *frame, size_t len, uint32_t to)
{
	struct neighbour *n = neighbour_at(d, next_hop(d, to));
	ns_t now = world_of(d)->clock.now;

	if (n->known && now < n->answered + NEIGHBOUR_AGE) {
		put_header(frame, &n->mac, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
		return;
	}
	if (n->waiting.length >= WAITING_MAX)
		g_bytes_unref(g_queue_pop_head(&n->waiting));
	g_queue_push_tail(&n->waiting, g_bytes_new(frame + HEADER, len - HEADER));
	if (n->asked && now < n->asked + ASK_AGAIN)
		return;
	n->known = false;
	n->asked = MAX(now, 1);
	send_arp(d, 1, &everybody, own_towards(d, to), n->addr);
}

/* `frame`: HEADER bytes of room, then a packet of the kernel's. */
static void send_packet(struct device *d, uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + HEADER;
	uint32_t from, to;

	if (len < HEADER + IPV4_HEADER || ip[0] >> 4 != 4)
		return;
	from = get32(ip + 12);
	to = get32(ip + 16);
	look_at_own(d);
	if (from)
		put_own(d, from, 32);
	if (to >> 28 == 14) {
		const struct net_mac group = { { 0x01, 0x00, 0x5e, ip[17] & 0x7f, ip[18], ip[19] } };

		put_header(frame, &group, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
	} else if (is_broadcast(d, to)) {
		put_header(frame, &everybody, &d->mac, TYPE_IPV4);
		send_frame(d, frame, len);
	} else {
		send_to_hop(d, frame, len, to);
	}
}

/* Learns who has the sender's address, and keeps questions for run(), which may look at the device. */
static void take_arp(struct device *d, const uint8_t *frame, size_t len)
{
	const uint8_t *arp = frame + HEADER;
	struct question q;
	struct neighbour *n;

	if (len < HEADER + ARP_BYTES || arp[0] || arp[1] != 1 || arp[2] != TYPE_IPV4 >> 8 || arp[3] || arp[4] != 6 || arp[5] != 4)
		return;
	memcpy(q.mac.byte, arp + 8, 6);
	q.from = get32(arp + 14);
	q.to = get32(arp + 24);
	if (net_mac_is_group(&q.mac))
		return;
	n = g_hash_table_lookup(d->neighbours, GUINT_TO_POINTER(q.from));
	if (n) {
		n->mac = q.mac;
		n->known = true;
		n->answered = world_of(d)->clock.now;
		send_waiting(d, n);
	}
	if (arp[7] == 1 && d->asked.length < ASKED_MAX) {
		g_queue_push_tail(&d->asked, g_memdup2(&q, sizeof q));
		end_queue(&d->rule->end);
	}
}

static void answer_questions(struct device *d)
{
	struct question *q;

	while ((q = g_queue_pop_head(&d->asked))) {
		look_at_own(d);
		if (is_own(d, q->to))
			send_arp(d, 2, &q->mac, q->to, q->from);
		g_free(q);
	}
}

/* From the wire */

static void take_frame(void *user, const uint8_t *frame, size_t len)
{
	struct device *d = user;

	if (d->ethernet) {
		write_device(d, frame, len);
		return;
	}
	if (memcmp(frame, d->mac.byte, 6) && !(frame[0] & 1))
		return;
	if (type_of(frame) == TYPE_ARP)
		take_arp(d, frame, len);
	else if ((type_of(frame) == TYPE_IPV4 || type_of(frame) == TYPE_IPV6) && len > HEADER)
		write_device(d, frame + HEADER, len - HEADER);
}

/* To the wire */

static void lose_device(struct device *d)
{
	if (d->rule->fd >= 0 && !world_of(d)->repeat)
		device_close(d->rule->fd);
	d->rule->fd = -1;
}

/* The driver of a card would do it. */
static size_t pad(uint8_t *frame, size_t len)
{
	if (len >= SHORTEST)
		return len;
	memset(frame + len, 0, SHORTEST - len);
	return SHORTEST;
}

static bool device_run(struct end *end)
{
	struct rule *r = (struct rule *)end;
	struct device *d = r->state;
	ssize_t n;

	answer_questions(d);
	for (unsigned i = 0; i < FRAMES_A_RUN; i++) {
		if (r->fd < 0)
			return false;
		n = read_device(d, DEVICE_FRAME_MAX - (d->ethernet ? 0 : HEADER));
		if (n == -EAGAIN)
			return false;
		if (n < 0) {  /* somebody took the interface away */
			lose_device(d);
			return false;
		}
		if (d->ethernet)
			send_frame(d, d->buffer + HEADER, pad(d->buffer + HEADER, (size_t)n));
		else
			send_packet(d, d->buffer, HEADER + (size_t)n);
	}
	return true;
}

/* The rule */

static void device_free(struct device *d)
{
	lose_device(d);
	if (d->tap)
		net_tap_free(d->tap);
	if (d->neighbours)
		g_hash_table_unref(d->neighbours);
	g_array_free(d->own, TRUE);
	g_queue_clear_full(&d->asked, g_free);
	g_free(d->buffer);
	g_free(d);
}

static void close_device(struct rule *r)
{
	device_free(r->state);
	r->state = NULL;
}

/* Locally administered, the same in every run. */
static struct net_mac mac_of(const struct bridge *b, bool tap)
{
	unsigned n = b->next_rule;

	return (struct net_mac){ { 0x02, 0x74, tap ? 0x61 : 0x75, tap ? 0x70 : 0x6e, (uint8_t)(n >> 8), (uint8_t)n } };
}

/* What the journal says of it: its address, or why there is none. The descriptor is only a name then. */
static int64_t repeat_device(struct device *d, struct err *e)
{
	const void *bytes;
	int64_t fd;
	size_t len;

	if (!journal_answer(world_of(d), "device", &fd, &bytes, &len) || fd > INT_MAX || fd < -4095 || (fd >= 0 && len != 6))
		return err_set(e, EIO, -1, "the journal knows of no device here");
	if (fd < 0)
		return err_set(e, (int)-fd, 0, "%.*s", (int)MIN(len, sizeof e->why), (const char *)bytes);
	memcpy(d->mac.byte, bytes, 6);
	return fd;
}

static int open_device(struct device *d, uint32_t mtu, struct err *e)
{
	struct rule *r = d->rule;
	struct world *w = world_of(d);
	int64_t fd = w->repeat ? repeat_device(d, e) : device_open(r->device, d->ethernet, mtu, &d->mac, e);

	if (fd < 0)
		record_answer(w, "device", fd, e->why, strlen(e->why));
	else
		record_answer(w, "device", fd, d->mac.byte, 6);
	r->fd = fd < 0 ? -1 : (int)fd;
	return fd < 0 ? (int)fd : 0;
}

static int plug_in(struct device *d, struct net_wire *wire, struct err *e)
{
	struct rule *r = d->rule;
	g_autofree char *name = g_strdup_printf("%s.%s", d->ethernet ? "tap" : "tun", r->device);
	struct net_wire_config c;
	int rc;

	net_wire_get(wire, &c);
	if (open_device(d, c.mtu, e))
		return -e->code;
	rc = net_tap_new(wire, name, &d->mac, take_frame, d, &d->tap, e);
	if (rc == 0)
		rc = end_watch(&r->end, r->fd, EPOLLIN);
	return rc && !e->code ? err_set(e, -rc, 0, "%s: %s", r->device, g_strerror(-rc)) : rc;
}

static int run_device(struct call *c, enum rule_kind kind, struct err *e)
{
	struct world *w = c->n->world;
	struct net_wire *wire = net_wire_at(w->net, c->args[2].text);
	struct device *d;
	struct rule *r;
	int rc;

	if (!arg_is(c, 1, "wire"))
		return err_set(e, EINVAL, 1, "'%.20s' should be: wire", c->args[1].text);
	if (!wire)
		return err_set(e, ENOENT, 2, "there is no wire %.63s: mkdir wires/%.30s", c->args[2].text, c->args[2].text);
	r = rule_new(w->bridge, kind);
	r->end.run = device_run;
	r->device = g_strdup(c->args[0].text);
	r->wire = g_strdup(c->args[2].text);
	r->state = d = g_new0(struct device, 1);
	d->rule = r;
	d->ethernet = kind == RULE_TAP;
	d->mac = mac_of(w->bridge, d->ethernet);
	d->buffer = g_malloc(HEADER + DEVICE_FRAME_MAX);
	d->own = g_array_new(FALSE, FALSE, sizeof(struct net_prefix));
	g_queue_init(&d->asked);
	if (!d->ethernet)
		d->neighbours = g_hash_table_new_full(NULL, NULL, NULL, neighbour_free);
	rc = plug_in(d, wire, e);
	if (rc) {
		device_free(d);
		rule_free(r);
		return rc;
	}
	r->close = close_device;
	rule_add(w->bridge, r);
	return 0;
}

int run_tun(struct call *c, struct err *e)
{
	return run_device(c, RULE_TUN, e);
}

int run_tap(struct call *c, struct err *e)
{
	return run_device(c, RULE_TAP, e);
}
