/* world.c - struct net: its hosts and wires, timers, events, random streams. */
#include "host.h"

void net_timer(struct net *n, struct timer *t, ns_t delay, bool idle)
{
	if (t->idle != idle) { /* the clock counts by kind */
		clock_cancel(n->clock, t);
		t->idle = idle;
	}
	clock_set(n->clock, t, net_now(n) + delay);
}

void net_stream(const struct net *n, struct rng *r, const char *fmt, ...)
{
	va_list args;
	char *name;

	va_start(args, fmt);
	name = g_strdup_vprintf(fmt, args);
	va_end(args);
	rng_seed(r, n->config.seed, name);
	g_free(name);
}

struct event *net_event(struct net *n, const struct event_kind *kind, const struct net_host *h, int32_t pid)
{
	struct event *ev;

	if (!n->config.journal)
		return NULL;
	ev = journal_add(n->config.journal, kind, h ? h->serial : 0, pid);
	for (int i = 0; i < EVENT_VALUES; i++)
		ev->value[i] = JOURNAL_NONE;
	return ev;
}

struct net *net_new(const struct net_config *config)
{
	struct net *n = g_new0(struct net, 1);

	n->config = *config;
	n->clock = config->clock;
	n->last_wire = config->wires;
	n->wires = g_ptr_array_new();
	n->hosts = g_ptr_array_new();
	n->wire_names = g_hash_table_new(g_str_hash, g_str_equal);
	n->host_names = g_hash_table_new(g_str_hash, g_str_equal);
	return n;
}

static void seed_host(struct net_host *h)
{
	net_stream(h->net, &h->rng_ports, "host/%s/ports", h->name);
	net_stream(h->net, &h->rng_misc, "host/%s/misc", h->name);
	net_stream(h->net, &h->rng_dns, "host/%s/dns", h->name);
}

void net_reseed(struct net *n, uint64_t seed)
{
	n->config.seed = seed;
	for (guint i = 0; i < n->hosts->len; i++)
		seed_host(n->hosts->pdata[i]);
	for (guint i = 0; i < n->wires->len; i++) {
		const struct net_wire *w = n->wires->pdata[i];

		for (guint k = 0; k < w->ports->len; k++)
			((struct port *)w->ports->pdata[k])->rng_ready = false;
	}
}

void net_free(struct net *n)
{
	while (n->hosts->len > 0)
		net_host_free(n->hosts->pdata[n->hosts->len - 1]);
	while (n->wires->len > 0)
		net_wire_free(n->wires->pdata[n->wires->len - 1]);
	g_assert_cmpuint(n->pool.live, ==, 0);
	g_assert_cmpuint(n->live_transits, ==, 0);
	while (n->free_transits) {
		struct transit *t = n->free_transits;

		n->free_transits = t->next;
		g_free(t);
	}
	frame_pool_clear(&n->pool);
	g_ptr_array_free(n->hosts, TRUE);
	g_ptr_array_free(n->wires, TRUE);
	g_hash_table_destroy(n->wire_names);
	g_hash_table_destroy(n->host_names);
	g_free(n);
}

/* --- hosts ------------------------------------------------------------------------------------ */

/* Where a host of that serial stands in n->hosts, or belongs. */
static unsigned host_place(const struct net *n, uint32_t serial)
{
	unsigned low = 0, high = n->hosts->len;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (((const struct net_host *)n->hosts->pdata[middle])->serial < serial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void host_start(struct net_host *h)
{
	struct own_addr loopback = { .addr = ip4(0x7f000001), .len = 8 };
	struct own_addr loopback6 = { .addr = ip6(0, 1), .len = 128, .made = true, .flags = NET_ADDR_PERMANENT };

	seed_host(h);
	h->secret.k[0] = rng_next(&h->rng_misc);
	h->secret.k[1] = rng_next(&h->rng_misc);
	h->next_id = (uint16_t)rng_next(&h->rng_misc);
	h->lo = iface_create(h, "lo");
	h->lo->up = true;
	g_array_append_val(h->lo->addrs, loopback);
	g_array_append_val(h->lo->addrs, loopback6);
	h->loop_timer.fire = loopback_fire;
}

int net_host_new(struct net *n, const char *name, uint32_t serial, uint32_t number, struct net_host **out, struct err *e)
{
	unsigned place = host_place(n, serial);
	struct net_host *h;

	if (g_hash_table_contains(n->host_names, name))
		return err_set(e, EEXIST, 0, "there is a host %s already", name);
	if (place < n->hosts->len && ((struct net_host *)n->hosts->pdata[place])->serial == serial)
		return err_set(e, EEXIST, 1, "there is a host of serial %u already", serial);

	h = g_new0(struct net_host, 1);
	h->net = n;
	h->name = g_strdup(name);
	h->serial = serial;
	h->number = number;
	h->ifaces = g_ptr_array_new();
	h->routes = g_array_new(FALSE, FALSE, sizeof(struct route));
	h->neighs = g_ptr_array_new();
	h->pmtus = g_hash_table_new_full(ip_hash, ip_key_equal, NULL, g_free);
	h->icmp_buckets = g_hash_table_new_full(ip_hash, ip_key_equal, NULL, g_free);
	h->generation = 1;
	h->pings = g_ptr_array_new();
	h->traces = g_ptr_array_new();
	knobs_init(h);
	sockets_init(h);
	host_start(h);
	g_ptr_array_insert(n->hosts, (gint)place, h);
	g_hash_table_insert(n->host_names, h->name, h);
	*out = h;
	return 0;
}

void net_host_free(struct net_host *h)
{
	struct net *n = h->net;

	tools_clear(h);
	nat_clear(h);
	sockets_clear(h);
	while (h->ifaces->len > 0)
		iface_clear(h->ifaces->pdata[h->ifaces->len - 1]);
	neigh_clear(h);
	frag_clear(h);
	frag6_clear(h);
	net_cancel(n, &h->loop_timer);
	frame_queue_clear(&h->loop);
	g_hash_table_remove(n->host_names, h->name);
	g_ptr_array_remove(n->hosts, h);
	g_ptr_array_free(h->ifaces, TRUE);
	g_array_free(h->routes, TRUE);
	g_ptr_array_free(h->neighs, TRUE);
	g_hash_table_destroy(h->pmtus);
	g_hash_table_destroy(h->icmp_buckets);
	g_free(h->name);
	g_free(h);
}

uint32_t net_host_serial(const struct net_host *h) { return h->serial; }

struct net_host *net_host_at(struct net *n, const char *name)
{
	return g_hash_table_lookup(n->host_names, name);
}

struct net_host *net_host_above(struct net *n, uint32_t serial)
{
	unsigned place = serial == G_MAXUINT32 ? n->hosts->len : host_place(n, serial + 1);

	return place < n->hosts->len ? n->hosts->pdata[place] : NULL;
}

/* --- check ------------------------------------------------------------------------------------ */

bool net_check(const struct net *n, struct err *e)
{
	uint64_t transits = 0, logged = 0;

	for (unsigned i = 0; i < n->wires->len; i++) {
		const struct net_wire *w = n->wires->pdata[i];
		uint64_t bytes = 0;
		unsigned attached = 0;

		for (const struct transit *t = w->transits; t; t = t->next) {
			transits++;
			if (timer_is_set(&t->timer) == t->waits || !t->to->owner || t->frame->refs == 0) {
				err_set(e, EINVAL, 0, "wire %s: a frame under way has no timer, receiver or owner", w->name);
				return false;
			}
		}
		for (uint64_t f = w->log_first; f < w->log_next; f++)
			bytes += log_at(w, f)->frame->capacity;
		for (unsigned p = 0; p < w->ports->len; p++)
			attached += ((const struct port *)w->ports->pdata[p])->owner != NULL;
		logged += bytes;
		if (bytes != w->log_bytes || attached != w->attached) {
			err_set(e, EINVAL, 0, "wire %s: log bytes or ports are miscounted", w->name);
			return false;
		}
	}
	if (transits != n->live_transits || logged != n->logged_bytes) {
		err_set(e, EINVAL, 0, "frames under way or in logs are miscounted");
		return false;
	}
	for (unsigned i = 0; i < n->hosts->len; i++)
		if (!sockets_check(n->hosts->pdata[i], e) || !nat_check(n->hosts->pdata[i], e))
			return false;
	return true;
}
