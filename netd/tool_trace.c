/* tool_trace.c - traceroute: UDP to unlikely ports with a TTL that grows (Jacobson 1987). */
#include "net_tool.h"
#include "socket.h"

enum { FIRST_PORT = 33434, DATA = 32 };

struct net_trace {
	struct net_host   *host;     /* NULL: gone */
	struct net_socket *socket;
	struct net_addr    to;
	ns_t               wait;
	struct timer       timer;    /* no answer */
	unsigned           hop, probe; /* the one under way; hop counts from 1 */
	bool               arrived, done;
	struct net_echo    echo[NET_HOPS][NET_PROBES];
};

static void send_probe(struct net_trace *t);


void trace_stop(struct net_trace *t)
{
	net_cancel(t->host->net, &t->timer);
	t->socket->notify = NULL;
	t->done = true;
	t->host = NULL;
}

/* On to the next probe, the next hop, or the end. */
static void advance(struct net_trace *t)
{
	if (++t->probe == NET_PROBES) {
		t->probe = 0;
		if (t->arrived || t->hop == NET_HOPS) {
			t->done = true;
			net_cancel(t->host->net, &t->timer);
			return;
		}
		t->hop++;
	}
	send_probe(t);
}

static struct net_echo *current(struct net_trace *t)
{
	return &t->echo[t->hop - 1][t->probe];
}

static void send_probe(struct net_trace *t)
{
	struct net_endpoint to = { .addr = t->to,
				   .port = (uint16_t)(FIRST_PORT + (t->hop - 1) * NET_PROBES + t->probe) };
	static const uint8_t data[DATA];
	ssize_t result;

	*current(t) = (struct net_echo){ .sequence = (t->hop - 1) * NET_PROBES + t->probe + 1,
					 .sent = net_now(t->host->net) };
	t->socket->ttl = t->socket->hops = (uint8_t)t->hop;
	net_timer(t->host->net, &t->timer, t->wait, false);
	result = net_send(t->socket, data, sizeof(data), 0, &to, NULL);
	if (result < 0)
		current(t)->error = (int)-result;
}

static void trace_fire(struct timer *timer)
{
	struct net_trace *t = entry_of(timer, struct net_trace, timer);

	advance(t);
	if (t->done)
		socket_wake(t->socket);
}

static void trace_notify(struct net_socket *s)
{
	struct net_trace *t = s->owner;
	struct icmp_note *n = &s->note;
	struct net_echo *echo = current(t);

	if (t->done || !n->error || n->key != FIRST_PORT + echo->sequence - 1)
		return;
	echo->rtt = MAX(net_now(t->host->net) - echo->sent, 1);
	echo->from = ip_show(n->from, t->to.family);
	echo->type = n->type;
	echo->code = n->code;
	if (n->type == (t->to.family == NET_IPV6 ? 1 : 3)) {
		t->arrived = true;
		if (n->code != (t->to.family == NET_IPV6 ? 4 : 3))
			echo->error = n->error;
	}
	n->error = 0;
	advance(t);
}

int net_trace_start(struct net_host *h, const struct net_addr *to, ns_t wait, struct net_trace **out, struct err *e)
{
	static const struct net_caller nobody;
	struct ip_addr addr = ip_of(to);
	struct route_hit hit;
	struct net_trace *t;
	struct net_socket *s;
	char text[NET_ADDR_TEXT];
	int result;

	if (to->family == NET_UNSET)
		return err_set(e, EAFNOSUPPORT, 0, "not an address");
	if (ip_none(addr))
		addr = host_self(to->family);
	addr = host_scoped(h, addr);
	result = route_find(h, addr, &hit);
	if (result < 0)
		return err_set(e, -result, 0, "no route to %s", net_addr_text(to, text));
	result = net_socket_new(h, NET_UDP, to->family, &nobody, &s, e);
	if (result < 0)
		return result;
	t = g_new0(struct net_trace, 1);
	t->host = h;
	t->socket = s;
	t->to = ip_show(addr, to->family);
	t->wait = MAX(wait, 1);
	t->hop = 1;
	t->timer.fire = trace_fire;
	s->owner = t;
	s->notify = trace_notify;
	s->mtu_discover = 0;
	g_ptr_array_add(h->traces, t);
	send_probe(t);
	*out = t;
	return 0;
}

bool net_trace_done(const struct net_trace *t) { return t->done; }
unsigned net_trace_hops(const struct net_trace *t) { return t->hop; }

bool net_trace_probe(const struct net_trace *t, unsigned hop, unsigned probe, struct net_echo *out)
{
	if (hop < 1 || hop > t->hop || probe >= NET_PROBES || (hop == t->hop && probe > t->probe && !t->done))
		return false;
	*out = t->echo[hop - 1][probe];
	return true;
}

void net_trace_free(struct net_trace *t)
{
	if (t->host) {
		g_ptr_array_remove(t->host->traces, t);
		trace_stop(t);
	}
	net_socket_release(t->socket);
	g_free(t);
}
