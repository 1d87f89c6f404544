/*
 * pkt_run.c - a script against a host (pkt_host.h): the far end, the system calls, and when each has to be.
 *
 * The host under test is 192.168.0.1; the script speaks as everything behind the router 192.168.0.2. Sequence numbers and
 * timestamps of the script count from the first of their kind; here they are mapped to what the host really chose.
 *
 * A host in real time is late by what the machine is, and its timers have a grain: the time of an event then counts from when
 * the event before really was, and a packet may come LATE and an eighth of the time it was waited for after its time. The kernel
 * makes large segments and marks the last of those that each is cut into, so PSH is not compared there.
 */
#include "pkt_host.h"

#include "checksum.h"
#include "frame.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REMOTE_PORT = 40000 };
#define EARLY (10 * NS_PER_MS)
#define LATE (100 * NS_PER_MS)
#define PATIENCE (10 * NS_PER_S)

struct sent { ns_t time; uint8_t *bytes; size_t len; };

struct run {
	const struct pkt_script *script;
	const struct pkt_host_ops *ops;
	void           *host;
	GQueue          sent;            /* struct sent *, not yet asked for */
	bool            open[PKT_FDS];   /* the script's descriptors */
	ns_t            start, last;     /* when the script began; when the last event was */
	uint16_t        local_port, remote_port;
	/* maps: live = script + shift */
	bool            remote_known, ts_known;
	uint32_t        local_shift, remote_shift, ts_shift;
	GHashTable     *ts_map;          /* script -> live, of outgoing timestamps */
	uint16_t        ip_id;
	const struct pkt_event *waiting; /* a call that has not returned */
	ns_t            waiting_end;
	struct waiting { struct run *r; const struct pkt_event *e; } call; /* that call, for who makes it */
	bool            failed;
	GString        *why;
};

static ns_t now(const struct run *r)
{
	return r->ops->now(r->host);
}

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

static char *describe(struct run *r, const struct sent *s);

static void receive(void *user, ns_t time, const uint8_t *frame, size_t len)
{
	struct run *r = user;
	struct sent *s = g_new(struct sent, 1);

	*s = (struct sent){ .time = time, .bytes = g_memdup2(frame, len), .len = len };
	g_queue_push_tail(&r->sent, s);
	if (r->script->trace) {
		g_autofree char *text = describe(r, s);

		g_string_append_printf(r->script->trace, "> %s\n", text);
	}
}

static void send_ip(struct run *r, uint8_t *f, size_t payload, uint8_t protocol)
{
	uint8_t *p = f + 14;

	memset(p, 0, 20);
	p[0] = 0x45;
	put16(p + 2, (uint32_t)(20 + payload));
	put16(p + 4, ++r->ip_id);
	p[8] = 255;
	p[9] = protocol;
	put32(p + 12, protocol == 1 ? PKT_ROUTER : PKT_REMOTE);
	put32(p + 16, PKT_LOCAL);
	put16(p + 10, sum_end(sum_add(0, p, 20)));
	r->ops->inject(r->host, f, 34 + payload);
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
	put16(p + 16, sum_end(sum_add(sum_pseudo(ip4(PKT_REMOTE), ip4(PKT_LOCAL), 6, header + g->len), p, header + g->len)));
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
	put32(q + 12, PKT_LOCAL);
	put32(q + 16, PKT_REMOTE);
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
		uint32_t seq = d.tcp_flags & NET_SYN ? 0 : d.seq - r->local_shift; /* its first number it has just chosen */

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
	if ((d->tcp_flags ^ g->flags) & (r->script->strict && !r->ops->real ? 0xff : 0xff & ~NET_PSH))
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

/* All that happens until then; false when a waiting call has gone wrong. */
static bool run_until(struct run *r, ns_t time)
{
	while (r->ops->step(r->host, time))
		if (!try_waiting(r))
			return false;
	return try_waiting(r);
}

#include "pkt_call.h"

static void sent_free(struct sent *s)
{
	if (s)
		g_free(s->bytes);
	g_free(s);
}

/* Between which times the packet has to come. */
static void bounds(const struct run *r, const struct pkt_event *e, ns_t *from, ns_t *to)
{
	ns_t tolerance = (ns_t)r->script->tolerance, early = tolerance + (r->ops->real ? EARLY : 0);

	if (e->time == PKT_ANY) {
		*from = 0;
		*to = now(r) + (r->ops->real ? PATIENCE : 1000 * NS_PER_S);
		return;
	}
	*from = event_time(r, e, e->at);
	*to = e->until >= 0 ? event_time(r, e, e->until) : *from;
	if (r->ops->real)
		*to = MAX(*to, r->last) + LATE + (*to > r->last ? (*to - r->last) / 8 : 0);
	*to += tolerance;
	*from = *from > early ? *from - early : 0;
}

/* The next packet that the script has something to say about; NULL: none until `to`. */
static struct sent *next_packet(struct run *r, const struct pkt_event *e, ns_t to, char **passed)
{
	for (;;) {
		struct sent *s;

		while (g_queue_is_empty(&r->sent) && r->ops->step(r->host, to))
			if (!try_waiting(r))
				return NULL;
		s = g_queue_pop_head(&r->sent);
		if (!s || !may_pass_over(r, e, s))
			return s;
		g_free(*passed);
		*passed = describe(r, s);
		sent_free(s);
	}
}

static bool expect(struct run *r, const struct pkt_event *e)
{
	g_autofree char *passed = NULL, *text = NULL;
	struct sent *s;
	ns_t from, to;
	bool good;

	bounds(r, e, &from, &to);
	s = next_packet(r, e, to, &passed);
	if (!s)
		return r->failed ? false : wrong(r, e, "the host sent nothing%s%s until %.6f", passed ? " but " : "",
						 passed ? passed : "", (double)(int64_t)(to - r->start) / 1e9);
	text = describe(r, s);
	good = e->seg.proto == PKT_UDP ? check_udp(r, e, s) : check_tcp(r, e, s);
	if (good && (s->time < from || s->time > to))
		good = wrong(r, e, "too %s: the host sent %s, expected between %.6f and %.6f", s->time < from ? "early" : "late",
			     text, (double)(int64_t)(from - r->start) / 1e9, (double)(int64_t)(to - r->start) / 1e9);
	r->last = r->ops->real || e->time == PKT_ANY || e->until >= 0 ? MAX(s->time, r->last) : event_time(r, e, e->at);
	sent_free(s);
	return good;
}

/* --- the script ------------------------------------------------------------------------------------------- */

/* What a shell would make of $((32*1024*1024)): products alone. */
static char *multiplied(const char *text)
{
	GString *out = g_string_new(NULL);

	while (*text) {
		long long product = 1;
		char *end;

		if (!g_str_has_prefix(text, "$((")) {
			g_string_append_c(out, *text++);
			continue;
		}
		for (text += 3; *text && *text != ')'; text = end + strspn(end, " *")) {
			product *= strtoll(text, &end, 0);
			if (end == text)
				break;
		}
		text += strspn(text, ")");
		g_string_append_printf(out, "%lli", product);
	}
	return g_string_free(out, FALSE);
}

/*
 * `sysctl -q net.ipv4.name=value`, in whatever program's arguments, also as /proc/sys/net/ipv4/name=value, where the simulated
 * host has such a knob. All else a shell would do is left out.
 */
static bool shell(struct run *r, const struct pkt_event *e)
{
	g_autoptr(GRegex) setting = g_regex_new("(?:/proc/sys/)?([a-z0-9_./]+)=(?:\"([^\"]*)\"|'([^']*)'|([^\\s;]*))", 0, 0, NULL);
	g_autoptr(GMatchInfo) m = NULL;
	enum net_knob k;

	g_regex_match(setting, e->name, 0, &m);
	for (; g_match_info_matches(m); g_match_info_next(m, NULL)) {
		g_autofree char *name = g_strdelimit(g_match_info_fetch(m, 1), "/", '.');
		g_autofree char *a = g_match_info_fetch(m, 2), *b = g_match_info_fetch(m, 3), *c = g_match_info_fetch(m, 4);
		g_autofree char *value = multiplied(c && *c ? c : b && *b ? b : a);

		if (net_knob_find(name, &k) && !r->ops->knob(r->host, name, value))
			return wrong(r, e, "%s cannot be %s here", name, value);
	}
	return true;
}

static bool do_event(struct run *r, const struct pkt_event *e)
{
	if (e->kind == PKT_SHELL)
		return shell(r, e);
	if (e->kind == PKT_OUT)
		return expect(r, e);
	if (e->wait >= 0) /* counts, as the time of the call, from the event before */
		r->waiting_end = (e->wait_relative ? r->last : r->start) + (ns_t)e->wait;
	if (e->time != PKT_ANY) {
		ns_t at = event_time(r, e, e->at);

		if (!run_until(r, at))
			return false;
		r->last = r->ops->real ? now(r) : at;
	}
	if (e->kind == PKT_IN) {
		inject(r, &e->seg);
		return run_until(r, now(r));
	}
	return do_call(r, e);
}

static void teardown(struct run *r)
{
	g_queue_clear_full(&r->sent, (GDestroyNotify)sent_free);
	r->ops->close(r->host);
	g_hash_table_destroy(r->ts_map);
}

enum pkt_outcome pkt_run(const struct pkt_script *script, const struct pkt_host_ops *ops, GString *why)
{
	struct run r = { .script = script, .ops = ops, .why = why, .local_port = PKT_PORT, .remote_port = REMOTE_PORT };
	bool good = true;
	struct err e = { 0 };

	if (script->error) {
		g_string_append_printf(why, "line %d: %s", script->error_line, script->error);
		return PKT_WRONG;
	}
	g_queue_init(&r.sent);
	r.host = ops->open(script, receive, &r, why);
	if (!r.host)
		return PKT_IMPOSSIBLE;
	r.ts_map = g_hash_table_new(NULL, NULL);
	r.start = r.last = now(&r);
	for (unsigned i = 0; good && i < script->events->len; i++)
		good = do_event(&r, script->events->pdata[i]);
	if (good && r.waiting)
		good = run_until(&r, r.waiting_end + lateness(&r) + 1);
	if (good && !ops->check(r.host, &e)) {
		g_string_append(why, e.why);
		good = false;
	}
	teardown(&r);
	return good ? PKT_RIGHT : PKT_WRONG;
}
