/* tool_ping.c - ping: echo requests at intervals, on an icmp socket of its own. */
#include "net_tool.h"
#include "socket.h"

struct net_ping {
	struct net_host   *host;     /* NULL: gone */
	struct net_socket *socket;
	struct net_addr    to;
	unsigned           count, size;
	ns_t               interval, timeout;
	struct timer       timer;    /* the next request; after the last: the end */
	GArray            *echoes;   /* struct net_echo, one a request sent */
	struct net_ping_report report;
	ns_t               sum;
};

static void finish(struct net_ping *p)
{
	if (p->report.done)
		return;
	p->report.done = true;
	net_cancel(p->host->net, &p->timer);
	socket_wake(p->socket);
}

static bool all_settled(const struct net_ping *p)
{
	return p->echoes->len == p->count && p->report.received + p->report.errors >= p->count;
}

static struct net_echo *echo_of(struct net_ping *p, uint16_t sequence)
{
	unsigned index = (uint16_t)(sequence - 1);

	return index < p->echoes->len ? &g_array_index(p->echoes, struct net_echo, index) : NULL;
}

static void take_reply(struct net_ping *p, const struct datagram *d)
{
	struct net_echo *echo = d->len >= 8 ? echo_of(p, get16(d->data + 6)) : NULL;

	if (!echo)
		return;
	if (echo->rtt) {
		p->report.duplicates++;
		return;
	}
	echo->rtt = MAX(d->time - echo->sent, 1);
	echo->from = ip_show(d->src, p->to.family);
	echo->ttl = d->ttl;
	p->sum += echo->rtt;
	p->report.received++;
	p->report.min = p->report.received == 1 ? echo->rtt : MIN(p->report.min, echo->rtt);
	p->report.max = MAX(p->report.max, echo->rtt);
	p->report.average = p->sum / p->report.received;
}

static void take_error(struct net_ping *p)
{
	struct icmp_note *n = &p->socket->note;
	struct net_echo *echo = n->error ? echo_of(p, n->key) : NULL;

	if (echo && !echo->rtt && !echo->error) {
		echo->error = n->error;
		echo->type = n->type;
		echo->code = n->code;
		echo->from = ip_show(n->from, p->to.family);
		p->report.errors++;
	}
	n->error = 0;
}

static void ping_notify(struct net_socket *s)
{
	struct net_ping *p = s->owner;
	struct datagram d;

	take_error(p);
	while (datagram_take(s, &d)) {
		take_reply(p, &d);
		frame_put(d.frame);
	}
	if (!p->report.done && all_settled(p)) {
		p->report.done = true;
		net_cancel(p->host->net, &p->timer);
	}
}

static void send_one(struct net_ping *p)
{
	struct net_echo echo = { .sequence = p->echoes->len + 1, .sent = net_now(p->host->net) };
	uint8_t *data = g_malloc0(p->size + 1);
	int result;

	for (unsigned i = 0; i < p->size; i++)
		data[i] = (uint8_t)i;
	g_array_append_val(p->echoes, echo);
	p->report.sent++;
	result = icmp_echo(p->host, ip_of(&p->to), p->socket->lport, (uint16_t)echo.sequence, data, p->size,
			   p->to.family == NET_IPV6 ? 0 : (uint8_t)KNOB(p->host, IP_DEFAULT_TTL), true);
	g_free(data);
	if (result < 0) {
		g_array_index(p->echoes, struct net_echo, echo.sequence - 1).error = -result;
		p->report.errors++;
	}
}

/* As ping(8) does behind the last request: twice the slowest answer, at least an interval; `timeout` if there was none. */
static ns_t last_wait(const struct net_ping *p)
{
	return p->report.received ? MAX(p->interval, 2 * p->report.max) : p->timeout;
}

static void ping_fire(struct timer *t)
{
	struct net_ping *p = entry_of(t, struct net_ping, timer);

	if (p->echoes->len == p->count || (send_one(p), all_settled(p))) {
		finish(p);
		return;
	}
	net_timer(p->host->net, &p->timer, p->echoes->len < p->count ? p->interval : last_wait(p), false);
}

int net_ping_start(struct net_host *h, const struct net_addr *to, unsigned count, ns_t interval, unsigned size,
		   ns_t timeout, struct net_ping **out, struct err *e)
{
	static const struct net_caller nobody;
	struct ip_addr addr = ip_of(to);
	struct route_hit hit;
	struct net_ping *p;
	struct net_socket *s;
	char text[NET_ADDR_TEXT];
	int result;

	if (to->family == NET_UNSET)
		return err_set(e, EAFNOSUPPORT, 0, "not an address");
	if (count < 1 || count > 65535)
		return err_set(e, EINVAL, 1, "a count of %u is not in 1..65535", count);
	if (size > 65507)
		return err_set(e, EMSGSIZE, 1, "%u bytes of data are more than 65507", size);
	if (ip_none(addr))
		addr = host_self(to->family);
	addr = host_scoped(h, addr);
	result = route_find(h, addr, &hit);
	if (result < 0)
		return err_set(e, -result, 0, "no route to %s", net_addr_text(to, text));
	result = net_socket_new(h, NET_ICMP, to->family, &nobody, &s, e);
	if (result == 0 && (result = bind_port(s, 0, e)) < 0)
		net_socket_release(s);
	if (result < 0)
		return result;

	p = g_new0(struct net_ping, 1);
	*p = (struct net_ping){ .host = h, .socket = s, .to = ip_show(addr, to->family), .count = count, .size = size,
				.interval = interval, .timeout = timeout };
	p->timer.fire = ping_fire;
	p->echoes = g_array_new(FALSE, FALSE, sizeof(struct net_echo));
	s->owner = p;
	s->notify = ping_notify;
	g_ptr_array_add(h->pings, p);
	ping_fire(&p->timer);
	*out = p;
	return 0;
}

void net_ping_report(const struct net_ping *p, struct net_ping_report *out) { *out = p->report; }

bool net_ping_echo(const struct net_ping *p, unsigned index, struct net_echo *out)
{
	if (index >= p->echoes->len)
		return false;
	*out = g_array_index(p->echoes, struct net_echo, index);
	return true;
}

static void ping_stop(struct net_ping *p)
{
	net_cancel(p->host->net, &p->timer);
	p->socket->notify = NULL;
	p->report.done = true;
	p->host = NULL;
}

void net_ping_free(struct net_ping *p)
{
	if (p->host) {
		g_ptr_array_remove(p->host->pings, p);
		ping_stop(p);
	}
	net_socket_release(p->socket);
	g_array_free(p->echoes, TRUE);
	g_free(p);
}

/* --- both tools: the host goes ------------------------------------------------------------------ */



void tools_clear(struct net_host *h)
{
	for (unsigned i = 0; i < h->pings->len; i++)
		ping_stop(h->pings->pdata[i]);
	for (unsigned i = 0; i < h->traces->len; i++)
		trace_stop(h->traces->pdata[i]);
	g_ptr_array_free(h->pings, TRUE);
	g_ptr_array_free(h->traces, TRUE);
}
