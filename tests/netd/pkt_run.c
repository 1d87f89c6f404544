/*
 * pkt_run.c - a script against our engine, in virtual time.
 *
 * The host under test is 192.168.0.1 on an infinitely fast wire; the script speaks through a raw port as
 * everything behind the router 192.168.0.2. Sequence numbers and timestamps of the script count from
 * the first of their kind; here they are mapped to what the host really chose.
 */
#include "pkt.h"

#include "checksum.h"
#include "frame.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { LOCAL = 0xc0a80001, ROUTER = 0xc0a80002, REMOTE = 0xc0000201, LOCAL_PORT = 8080, REMOTE_PORT = 40000,
       FD_MAX = 64 };
static const uint8_t tap_mac[6] = { 2, 0, 0, 0, 0, 0xfe };

struct sent { ns_t time; uint8_t *bytes; size_t len; };

struct run {
	const struct pkt_script *script;
	struct clock    clock;
	struct net     *net;
	struct net_host *host;
	struct net_iface *eth;
	struct net_tap *tap;
	struct net_mac  mac;             /* of the host */
	GQueue          sent;            /* struct sent *, not yet asked for */
	struct net_socket *fd[FD_MAX];
	bool            nonblock[FD_MAX];
	ns_t            start, last;     /* when the script began; when the last event was */
	uint16_t        local_port, remote_port;
	bool            active;          /* the host connects */
	/* maps: live = script + shift */
	bool            remote_known, ts_known;
	uint32_t        local_shift, remote_shift, ts_shift;
	GHashTable     *ts_map;          /* script -> live, of outgoing timestamps */
	uint16_t        ip_id;
	const struct pkt_event *waiting; /* a call that has not returned */
	ns_t            waiting_end;
	bool            failed;
	bool            verbose;
	GString        *why;
};

static bool wrong(struct run *r, const struct pkt_event *e, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
static bool wrong(struct run *r, const struct pkt_event *e, const char *fmt, ...)
{
	va_list args;

	g_string_append_printf(r->why, "line %d: ", e->line);
	va_start(args, fmt);
	g_string_append_vprintf(r->why, fmt, args);
	va_end(args);
	return false;
}

/* --- the far end ------------------------------------------------------------------------------------ */

static void answer_arp(struct run *r, const uint8_t *q, size_t len)
{
	uint8_t f[60] = { 0 };

	if (len < 42 || get16(q + 20) != 1 || get32(q + 38) != ROUTER)
		return;
	memcpy(f, q + 6, 6);
	memcpy(f + 6, tap_mac, 6);
	memcpy(f + 12, q + 12, 8);
	put16(f + 20, 2);
	memcpy(f + 22, tap_mac, 6);
	put32(f + 28, ROUTER);
	memcpy(f + 32, q + 22, 10);
	net_tap_send(r->tap, f, sizeof(f), NULL);
}

static void receive(void *user, const uint8_t *frame, size_t len)
{
	struct run *r = user;
	struct sent *s;

	if (get16(frame + 12) == 0x0806) {
		answer_arp(r, frame, len);
		return;
	}
	if (get16(frame + 12) != 0x0800)
		return;
	s = g_new(struct sent, 1);
	*s = (struct sent){ .time = r->clock.now, .bytes = g_memdup2(frame, len), .len = len };
	g_queue_push_tail(&r->sent, s);
}

static void send_ip(struct run *r, uint8_t *f, size_t payload, uint8_t protocol)
{
	uint8_t *p = f + 14;

	memcpy(f, &r->mac, 6);
	memcpy(f + 6, tap_mac, 6);
	put16(f + 12, 0x0800);
	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)(20 + payload));
	put16(p + 4, ++r->ip_id);
	p[8] = 255;
	p[9] = protocol;
	put32(p + 12, protocol == 1 ? ROUTER : REMOTE);
	put32(p + 16, LOCAL);
	put16(p + 10, sum_end(sum_add(0, p, 20)));
	net_tap_send(r->tap, f, 34 + payload, NULL);
}

/* Options from the script, with timestamps and selective blocks mapped. `out`: towards the host. */
static void map_options(struct run *r, const struct pkt_segment *g, uint8_t *out)
{
	memcpy(out, g->options, g->options_len);
	for (unsigned i = 0; i < g->options_len && out[i] != 0;) {
		if (out[i] == 1) {
			i++;
			continue;
		}
		if (out[i] == 8 && get32(out + i + 6) != 0) {
			gpointer live;

			if (g_hash_table_lookup_extended(r->ts_map, GUINT_TO_POINTER(get32(out + i + 6)), NULL, &live))
				put32(out + i + 6, GPOINTER_TO_UINT(live));
			else
				put32(out + i + 6, get32(out + i + 6) + r->ts_shift);
		} else if (out[i] == 5) {
			for (unsigned k = 2; k < out[i + 1]; k += 4)
				put32(out + i + k, get32(out + i + k) + r->local_shift);
		}
		i += out[i + 1];
	}
}

static void inject_tcp(struct run *r, const struct pkt_segment *g)
{
	static uint8_t f[70000];
	uint8_t *p = f + 34;
	unsigned header = 20 + g->options_len;

	if (g->flags & NET_SYN && !r->remote_known) {
		r->remote_known = true;
		r->remote_shift = 0x20000000 - g->seq;
	}
	memset(p, 0, header + g->len);
	put16(p, r->remote_port);
	put16(p + 2, r->local_port);
	put32(p + 4, g->seq + r->remote_shift);
	put32(p + 8, g->has_ack || g->flags & NET_ACK ? g->ack + r->local_shift : 0);
	p[12] = (uint8_t)(header / 4 << 4);
	p[13] = g->flags;
	put16(p + 14, g->win);
	put16(p + 18, g->urgent);
	map_options(r, g, p + 20);
	put16(p + 16, sum_end(sum_add(sum_pseudo(ip4(REMOTE), ip4(LOCAL), 6, header + g->len), p, header + g->len)));
	send_ip(r, f, header + g->len, 6);
}

static void inject_udp(struct run *r, const struct pkt_segment *g)
{
	static uint8_t f[70000];
	uint8_t *p = f + 34;

	memset(p, 0, 8 + g->len);
	put16(p, r->remote_port);
	put16(p + 2, r->local_port);
	put16(p + 4, 8 + g->len);
	send_ip(r, f, 8 + g->len, 17);
}

/* Quotes the header of a segment that the host has, or could have, sent. */
static void inject_icmp(struct run *r, const struct pkt_segment *g)
{
	uint8_t f[14 + 20 + 8 + 28] = { 0 }, *p = f + 34, *q = p + 8, *t = q + 20;
	bool udp = g->flags == 255;

	p[0] = g->icmp_type;
	p[1] = g->icmp_code;
	put16(p + 6, g->icmp_mtu);
	q[0] = 0x45;
	put16(q + 2, g->len + (udp ? 28 : 40));
	q[8] = 64;
	q[9] = udp ? 17 : 6;
	put32(q + 12, LOCAL);
	put32(q + 16, REMOTE);
	put16(q + 10, sum_end(sum_add(0, q, 20)));
	put16(t, r->local_port);
	put16(t + 2, r->remote_port);
	put32(t + 4, udp ? (g->len + 8) << 16 : g->seq + r->local_shift);
	put16(p + 2, sum_end(sum_add(0, p, 36)));
	send_ip(r, f, 36, 1);
}

static void inject(struct run *r, const struct pkt_segment *g)
{
	if (g->proto == PKT_TCP)
		inject_tcp(r, g);
	else if (g->proto == PKT_UDP)
		inject_udp(r, g);
	else
		inject_icmp(r, g);
}

/* --- what the host sends ------------------------------------------------------------------------------- */

static void describe_flags(GString *out, unsigned flags)
{
	static const char letters[] = "FSRP.UEW";

	for (int i = 0; i < 8; i++)
		if (flags & (1u << i))
			g_string_append_c(out, letters[i]);
}

static char *describe(struct run *r, const struct sent *s)
{
	GString *out = g_string_new(NULL);
	struct net_decoded d;

	net_decode(s->bytes, s->len, true, &d);
	if (d.layers & NET_LAYER_TCP) {
		uint32_t seq = d.seq - r->local_shift;

		describe_flags(out, d.tcp_flags);
		g_string_append_printf(out, " %u:%u(%u) ack %u win %u", seq, seq + d.payload_len, d.payload_len,
				       d.tcp_flags & NET_ACK ? d.ack - r->remote_shift : 0, d.window);
		if (d.options.mss_present)
			g_string_append_printf(out, " mss %u", d.options.mss);
		for (int i = 0; i < d.options.sacks; i++)
			g_string_append_printf(out, " sack %u:%u", d.options.sack[i].start - r->remote_shift,
					       d.options.sack[i].end - r->remote_shift);
	} else if (d.layers & NET_LAYER_UDP) {
		g_string_append_printf(out, "udp (%u)", d.payload_len);
	} else {
		g_string_append_printf(out, "protocol %u", d.protocol);
	}
	g_string_append_printf(out, " at %.6f", (double)(int64_t)(s->time - r->start) / 1e9);
	return g_string_free(out, FALSE);
}

/* Options are compared byte by byte, values of time and blocks as far as they can be known. */
static bool same_options(struct run *r, const struct pkt_segment *g, const uint8_t *live, unsigned len)
{
	if (g->any_options)
		return true;
	if (len != g->options_len)
		return false;
	for (unsigned i = 0; i < len;) {
		const uint8_t *script = g->options + i;

		if (script[0] != live[i])
			return false;
		if (script[0] <= 1) {
			i++;
			continue;
		}
		if (script[1] != live[i + 1] || i + script[1] > len)
			return false;
		if (script[0] == 8) {
			if (get32(script + 6) != get32(live + i + 6)) /* the echo is what the script has sent */
				return false;
		} else if (script[0] == 5) {
			for (unsigned k = 2; k < script[1]; k += 4)
				if (get32(script + k) + r->remote_shift != get32(live + i + k))
					return false;
		} else if (memcmp(script, live + i, script[1]) != 0) {
			return false;
		}
		i += script[1];
	}
	return true;
}

static void learn_timestamp(struct run *r, const struct pkt_segment *g, const struct net_tcp_options *live)
{
	if (!live->ts_present)
		return;
	for (unsigned i = 0; i < g->options_len && g->options[i] != 0;) {
		if (g->options[i] == 1) {
			i++;
			continue;
		}
		if (g->options[i] == 8) {
			uint32_t script = get32(g->options + i + 2);

			if (!r->ts_known)
				r->ts_shift = live->tsval - script;
			r->ts_known = true;
			g_hash_table_insert(r->ts_map, GUINT_TO_POINTER(script), GUINT_TO_POINTER(live->tsval));
		}
		i += g->options[i + 1];
	}
	if (!r->ts_known && g->any_options) {
		r->ts_shift = live->tsval;
		r->ts_known = true;
	}
}

/* What differs between the segment and what was expected; NULL if nothing does. */
static const char *difference(struct run *r, const struct pkt_segment *g, const struct net_decoded *d, const struct sent *s)
{
	uint32_t local = d->tcp_flags & NET_SYN ? d->seq - g->seq : r->local_shift;

	if (!(d->layers & NET_LAYER_TCP) || d->bad)
		return "it is no sound TCP segment";
	if ((d->tcp_flags ^ g->flags) & (r->script->strict ? 0xff : 0xff & ~NET_PSH))
		return "flags";
	if (d->seq != g->seq + local)
		return "sequence number";
	if (d->payload_len != g->len)
		return "length";
	if (g->has_ack && d->ack != g->ack + r->remote_shift)
		return "acknowledgement";
	if (g->has_win && d->window != g->win)
		return "window";
	if (g->urgent && d->urgent != g->urgent)
		return "urgent pointer";
	if (!same_options(r, g, s->bytes + 14 + d->ip_header + 20, d->tcp_header - 20u))
		return "options";
	return NULL;
}

static bool check_tcp(struct run *r, const struct pkt_event *e, const struct sent *s)
{
	const struct pkt_segment *g = &e->seg;
	struct net_decoded d;
	const char *bad;
	char *text;

	net_decode(s->bytes, s->len, true, &d);
	bad = difference(r, g, &d, s);
	if (bad) {
		text = describe(r, s);
		wrong(r, e, "%s: the host sent %s", bad, text);
		g_free(text);
		return false;
	}
	if (d.tcp_flags & NET_SYN) { /* the host has chosen its first number, and perhaps its port */
		r->local_shift = d.seq - g->seq;
		r->local_port = d.sport;
		r->remote_port = d.dport;
	}
	learn_timestamp(r, g, &d.options);
	return true;
}

/* An acknowledgement and nothing else, and not the expected one. */
static bool may_pass_over(struct run *r, const struct pkt_event *e, const struct sent *s)
{
	struct net_decoded d;

	net_decode(s->bytes, s->len, true, &d);
	return !r->script->strict && d.layers & NET_LAYER_TCP && d.tcp_flags == NET_ACK && d.payload_len == 0 && !d.bad &&
	       (e->seg.proto != PKT_TCP || difference(r, &e->seg, &d, s));
}

static bool check_udp(struct run *r, const struct pkt_event *e, const struct sent *s)
{
	struct net_decoded d;

	net_decode(s->bytes, s->len, true, &d);
	if (!(d.layers & NET_LAYER_UDP) || d.payload_len != e->seg.len) {
		char *text = describe(r, s);

		wrong(r, e, "the host sent %s", text);
		g_free(text);
		return false;
	}
	r->local_port = d.sport;
	r->remote_port = d.dport;
	return true;
}

static ns_t event_time(const struct run *r, const struct pkt_event *e, int64_t offset)
{
	return (e->time == PKT_RELATIVE ? r->last : r->start) + (ns_t)offset;
}

/* --- system calls: pkt_call.h ----------------------------------------------------------------------------- */

static bool try_waiting(struct run *r);

/* One event of the simulation; false when a waiting call has gone wrong. */
static bool step(struct run *r)
{
	clock_step(&r->clock);
	return try_waiting(r);
}

static bool run_until(struct run *r, ns_t time)
{
	ns_t next;

	while (clock_next(&r->clock, &next) && next <= time)
		if (!step(r))
			return false;
	clock_run(&r->clock, MAX(time, r->clock.now), G_MAXUINT64);
	return try_waiting(r);
}

#include "pkt_call.h"

static bool expect(struct run *r, const struct pkt_event *e)
{
	ns_t tolerance = (ns_t)r->script->tolerance, from, to, next;
	char *passed = NULL;
	struct sent *s;
	bool good;

	if (e->time == PKT_ANY) {
		from = 0;
		to = r->clock.now + 1000 * NS_PER_S;
	} else {
		from = event_time(r, e, e->at);
		to = (e->until >= 0 ? event_time(r, e, e->until) : from) + tolerance;
		from = from > tolerance ? from - tolerance : 0;
	}
	for (;;) {
		while (g_queue_is_empty(&r->sent) && clock_next(&r->clock, &next) && next <= to)
			if (!step(r))
				return false;
		s = g_queue_pop_head(&r->sent);
		if (!s || !may_pass_over(r, e, s))
			break;
		g_free(passed);
		passed = describe(r, s);
		g_free(s->bytes);
		g_free(s);
	}
	if (!s) {
		wrong(r, e, "the host sent nothing%s%s until %.6f", passed ? " but " : "", passed ? passed : "",
		      (double)(int64_t)(to - r->start) / 1e9);
		g_free(passed);
		return false;
	}
	g_free(passed);
	good = e->seg.proto == PKT_UDP ? check_udp(r, e, s) : check_tcp(r, e, s);
	if (good && (s->time < from || s->time > to)) {
		char *text = describe(r, s);

		good = wrong(r, e, "too %s: the host sent %s, expected between %.6f and %.6f", s->time < from ? "early" : "late",
			     text, (double)(int64_t)(from - r->start) / 1e9, (double)(int64_t)(to - r->start) / 1e9);
		g_free(text);
	}
	if (e->time == PKT_ANY || e->until >= 0)
		r->last = MAX(s->time, r->last);
	else
		r->last = event_time(r, e, e->at);
	g_free(s->bytes);
	g_free(s);
	return good;
}

/* --- the script ------------------------------------------------------------------------------------------- */

/* "4096 131072 6291456" is the least, the default and the most: the default is meant, and the most has a knob of its own. */
static void set_knob(struct run *r, enum net_knob k, const char *value)
{
	const char *const *names = net_knobs[k].names;
	long long v[3];
	int given;

	for (int i = 0; names && i <= net_knobs[k].max; i++)
		if (strcmp(names[i], value) == 0)
			net_knob_set(r->host, k, i, NULL);
	given = sscanf(value, "%lli %lli %lli", &v[0], &v[1], &v[2]);
	if (given == 3 && (k == NET_RMEM || k == NET_WMEM)) {
		net_knob_set(r->host, k, v[1], NULL);
		net_knob_set(r->host, k == NET_RMEM ? NET_RMEM_MAX : NET_WMEM_MAX, v[2], NULL);
	} else if (given >= 1 && !names) {
		net_knob_set(r->host, k, v[0], NULL);
	}
}

/*
 * `sysctl -q net.ipv4.name=value`, in whatever program's arguments, also as /proc/sys/net/ipv4/name=value: where the host has
 * such a knob. All else a shell would do is left out.
 */
static void shell(struct run *r, const char *command)
{
	for (const char *p = command; *p;) {
		size_t name = strcspn(p, " \t\n;=");
		char *word, *value, quote;
		enum net_knob k;

		if (p[name] != '=') {
			p += name + (p[name] != '\0');
			continue;
		}
		word = g_strdelimit(g_strndup(g_str_has_prefix(p, "/proc/sys/") ? p + 10 : p,
					      g_str_has_prefix(p, "/proc/sys/") ? name - 10 : name), "/", '.');
		p += name + 1;
		quote = *p == '"' || *p == '\'' ? *p++ : '\0';
		name = quote ? strcspn(p, (char[]){ quote, '\0' }) : strcspn(p, " \t\n;");
		value = g_strndup(p, name);
		p += name + (quote && p[name]);
		if (net_knob_find(word, &k))
			set_knob(r, k, value);
		g_free(word);
		g_free(value);
	}
}

static bool do_event(struct run *r, const struct pkt_event *e)
{
	if (e->kind == PKT_SHELL) {
		shell(r, e->name);
		return true;
	}
	if (e->kind == PKT_OUT)
		return expect(r, e);
	if (e->wait >= 0) /* counts, as the time of the call, from the event before */
		r->waiting_end = (e->wait_relative ? r->last : r->start) + (ns_t)e->wait;
	if (e->time != PKT_ANY) {
		if (!run_until(r, event_time(r, e, e->at)))
			return false;
		r->last = event_time(r, e, e->at);
	}
	if (e->kind == PKT_IN) {
		inject(r, &e->seg);
		return run_until(r, r->clock.now);
	}
	return do_call(r, e);
}

static void setup(struct run *r)
{
	struct net_config config = { .clock = &r->clock, .seed = 7 };
	struct net_prefix here = { net_v4(LOCAL), 16 };
	struct net_route route = { .to = { net_v4(0), 0 }, .via = net_v4(ROUTER) };
	struct net_addr router = net_v4(ROUTER);
	struct net_wire_config c;
	struct net_iface_info info;
	struct net_wire *w;

	clock_init(&r->clock);
	r->clock.now = r->start = r->last = NS_PER_S;
	r->net = net_new(&config);
	net_wire_new(r->net, "wire", &w, NULL);
	net_wire_get(w, &c);
	c.rate = 0;
	c.delay = 0;
	c.mtu = r->script->mtu ? r->script->mtu : 1500;
	net_wire_set(w, &c, NULL);
	net_host_new(r->net, "host", 1, 1, &r->host, NULL);
	net_iface_new(r->host, "tun0", &r->eth, NULL);
	net_iface_attach(r->eth, w, NULL);
	net_iface_add(r->eth, &here, NULL);
	net_iface_up(r->eth, true, NULL);
	net_route_add(r->host, &route, NULL);
	net_tap_new(w, "far", (const struct net_mac *)tap_mac, receive, r, &r->tap, NULL);
	net_neigh_add(r->host, "tun0", &router, (const struct net_mac *)tap_mac, NULL);
	net_iface_get(r->eth, &info);
	r->mac = info.mac;
	r->local_port = LOCAL_PORT;
	r->remote_port = REMOTE_PORT;
	r->ts_map = g_hash_table_new(NULL, NULL);
	g_queue_init(&r->sent);
}

static void teardown(struct run *r)
{
	struct sent *s;

	for (int i = 0; i < FD_MAX; i++)
		if (r->fd[i])
			net_socket_release(r->fd[i]);
	while ((s = g_queue_pop_head(&r->sent))) {
		g_free(s->bytes);
		g_free(s);
	}
	net_tap_free(r->tap);
	net_free(r->net);
	clock_clear(&r->clock);
	g_hash_table_destroy(r->ts_map);
}

bool pkt_run(const struct pkt_script *script, bool verbose, GString *why)
{
	struct run *r = g_new0(struct run, 1);
	bool good = true;
	struct err e = { 0 };

	r->script = script;
	r->verbose = verbose;
	r->why = why;
	if (script->error) {
		g_string_append_printf(why, "line %d: %s", script->error_line, script->error);
		g_free(r);
		return false;
	}
	setup(r);
	for (unsigned i = 0; good && i < script->events->len; i++)
		good = do_event(r, script->events->pdata[i]);
	if (good && r->waiting)
		good = run_until(r, r->waiting_end + (ns_t)script->tolerance + 1);
	if (good && !net_check(r->net, &e)) {
		g_string_append(why, e.why);
		good = false;
	}
	teardown(r);
	g_free(r);
	return good;
}
