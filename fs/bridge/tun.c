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
#include "tun_inner.h"

#include "device.h"
#include "journal_file.h"
#include "record.h"

#include <string.h>
#include <sys/epoll.h>

enum { FRAMES_A_RUN = 64, SHORTEST = 60, OWN_MAX = 64 };
#define LOOK_AGAIN (200 * NS_PER_MS)    /* real: the user may give the device another address */

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

bool tun_is_own(const struct device *d, uint32_t addr)
{
	for (guint i = 0; i < d->own->len; i++)
		if (g_array_index(d->own, struct net_prefix, i).addr.v4 == addr)
			return true;
	return false;
}

void tun_put_own(struct device *d, uint32_t addr, unsigned len)
{
	struct net_prefix p = { net_v4(addr), MIN(len, 32) };

	if (!tun_is_own(d, addr) && d->own->len < OWN_MAX)
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

void tun_look_at_own(struct device *d)
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
		tun_put_own(d, get32(bytes->data + i), bytes->data[i + 4]);
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
		station_take_arp(d, frame, len);
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

	station_answer_questions(d);
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
			net_tap_send(d->tap, d->buffer + HEADER, pad(d->buffer + HEADER, (size_t)n), NULL);
		else
			station_send_packet(d, d->buffer, HEADER + (size_t)n);
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
		d->neighbours = station_neighbours();
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
