/* world.c - the hosts and wires: made, removed, and found by what a node says of them. */
#include "bridge.h"
#include "daemon.h"
#include "events.h"
#include "job.h"
#include "files/policy.h"
#include "net_dns.h"
#include "node.h"
#include "open.h"
#include "serve.h"
#include "socket_file.h"
#include "text.h"
#include "world.h"

#include <string.h>
#include <unistd.h>

enum { JOURNAL_EVENTS = 65536, HOST_NAME_MAX_BYTES = 63 };
#define WORLD_BTIME ((ns_t)1735689600 * NS_PER_S)  /* when every host was switched on */
#define NUMBER_IS_DISK ((uint64_t)1 << 57)

static void host_free(struct host *h)
{
	if (!h)
		return;
	net_host_free(h->net);  /* power is cut: no FIN goes out when the processes' descriptors go */
	vm_host_free(h->vm);
	socket_fixtures_clear(h);
	g_hash_table_destroy(h->settings);
	g_hash_table_destroy(h->names);
	net_dns_cache_free(h->dns_cache);
	g_free(h->name);
	g_free(h);
}

static bool name_is_good(const char *name, const char *what, struct err *e)
{
	size_t len = strlen(name);

	if (len == 0 || len > HOST_NAME_MAX_BYTES || name[0] == '.' || name[0] == '-')
		return err_set(e, EINVAL, 0, "'%.70s' cannot be a %s's name", name, what) == 0;
	for (const char *c = name; *c; c++)
		if (!g_ascii_isalnum(*c) && !strchr("._-", *c))
			return err_set(e, EINVAL, 0, "a %s's name has letters, digits, '.', '_' and '-' only", what) == 0;
	return true;
}

static void names_free(void *text)
{
	g_string_free(text, TRUE);
}

/* All but its part of the network, which plug_in() adds. */
static struct host *host_new(struct world *w, const char *name, struct err *e)
{
	struct vm_options o = { .geometry = w->options.geometry, .ram_bytes = w->options.ram_bytes,
				.swap_bytes = w->options.swap_bytes, .swap_device = w->options.swap_device,
				.live = true, .cpus = w->options.cpus,
				.seed = w->options.seed, .serial = w->next_serial };
	struct vm_host *vm = vm_host_new(&o, &w->clock, &w->journal, e);
	struct host *h;

	if (!vm)
		return NULL;
	if (w->options.policy && policy_set_text(vm, w->options.policy, e)) {
		vm_host_free(vm);
		return NULL;
	}
	h = g_new0(struct host, 1);
	h->serial = w->next_serial++;
	h->number = w->next_number++;
	g_ptr_array_add(w->host_names, g_strdup(name));
	h->name = g_strdup(name);
	h->vm = vm;
	h->made = w->clock.now;
	h->dns_cache = net_dns_cache_new();
	h->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, names_free);
	h->settings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return h;
}

/* The name must be free in the network. */
static void plug_in(struct world *w, struct host *h)
{
	int error = net_host_new(w->net, h->name, h->serial, h->number + 1, &h->net, NULL);

	g_assert(error == 0);
}

static void socket_woke(void *user, struct net_socket *s)
{
	bridge_woke(user, s);
	servers_woke(user, s);
	world_changed(user);
}

static struct net *network_new(struct world *w)
{
	struct net_config c = { .clock = &w->clock, .journal = &w->journal, .seed = w->options.seed,
				.wires = w->wire_names->len - 1, .wake = socket_woke, .user = w };

	return net_new(&c);
}

struct world *world_new(const struct world_options *o, struct err *e)
{
	struct world *w = g_new0(struct world, 1);

	w->options = *o;
	w->next_serial = 1;
	w->generation = 1;
	w->uid = getuid();
	w->gid = getgid();
	w->real_proc = -1;
	w->real_factor = 1;
	w->mtime = WORLD_BTIME;
	clock_init(&w->clock);
	journal_init(&w->journal, o->events ? o->events : JOURNAL_EVENTS, &w->clock.now);
	w->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
	w->host_names = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(w->host_names, NULL);
	w->wire_names = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(w->wire_names, NULL);
	w->net = network_new(w);
	g_queue_init(&w->errors);
	w->opens = opens_new();
	w->jobs = jobs_new();
	w->replays = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	w->loads = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	w->servers = servers_new();
	w->bridge = bridge_new(w);
	w->daemons = daemons_new();
	w->texts = event_texts_new();
	if (world_add_host(w, "host0", e)) {
		world_free(w);
		return NULL;
	}
	return w;
}

void world_free(struct world *w)
{
	if (!w)
		return;
	bridge_free(w->bridge);
	w->bridge = NULL;
	files_abandon(w);
	jobs_free(w->jobs);
	g_hash_table_unref(w->replays);
	g_hash_table_unref(w->loads);
	servers_free(g_steal_pointer(&w->servers));
	daemons_free(w->daemons);
	knowns_free(w->knowns);
	opens_free(w->opens);
	g_ptr_array_free(w->hosts, TRUE);
	net_free(w->net);
	g_ptr_array_free(w->host_names, TRUE);
	g_ptr_array_free(w->wire_names, TRUE);
	error_log_clear(w);
	event_texts_free(w->texts);
	journal_clear(&w->journal);
	clock_clear(&w->clock);
	if (w->real_proc >= 0)
		close(w->real_proc);
	g_free(w);
}

void world_changed(struct world *w)
{
	w->generation++;
	w->mtime = MAX(w->mtime + 1, WORLD_BTIME + w->clock.now);
	if (w->changed)
		w->changed(w->changed_user);
}

int world_reset(struct world *w, struct err *e)
{
	g_autoptr(GPtrArray) before = w->hosts;
	struct net *net = w->net;
	ns_t now = w->clock.now;
	uint32_t next_number = w->next_number;

	w->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_free);
	w->net = network_new(w);
	w->clock.now = 0;
	w->next_number = 0;
	if (world_add_host(w, "host0", e)) {
		g_ptr_array_free(w->hosts, TRUE);
		net_free(w->net);
		w->hosts = g_steal_pointer(&before);
		w->net = net;
		w->clock.now = now;
		w->next_number = next_number;
		return -e->code;
	}

	/* The new world stands; the old one goes. */
	bridge_reset(w->bridge);
	g_ptr_array_set_size(before, 0);
	net_free(net);
	w->clock.spent = 0;
	world_set_mode(w, CLOCK_AUTO, 1);
	journal_clear(&w->journal);
	journal_init(&w->journal, w->journal.capacity, &w->clock.now);
	event_texts_free(w->texts);
	w->texts = event_texts_new();
	error_log_clear(w);
	world_changed(w);
	return 0;
}

int world_add_host(struct world *w, const char *name, struct err *e)
{
	struct err ignored;
	struct host *h;

	if (!e)
		e = &ignored;
	if (!name_is_good(name, "host", e))
		return -e->code;
	if (world_host_named(w, name))
		return err_set(e, EEXIST, 0, "host %s exists", name);
	h = host_new(w, name, e);
	if (!h)
		return -e->code;
	plug_in(w, h);
	g_ptr_array_add(w->hosts, h);
	world_changed(w);
	return 0;
}

int world_remove_host(struct world *w, const char *name, struct err *e)
{
	struct host *h = world_host_named(w, name);

	if (!h)
		return err_set(e, ENOENT, 0, "there is no host %.63s", name);
	if (!strcmp(name, "host0"))
		return err_set(e, EBUSY, 0, "host0 stays: the links of the root lead to it");
	if (bridge_needs(w, h))
		return err_set(e, EBUSY, 0, "rules of the bridge need it: del them first");
	g_ptr_array_remove(w->hosts, h);
	world_changed(w);
	return 0;
}

int world_reboot_host(struct world *w, struct host *h, struct err *e)
{
	struct host *fresh;
	guint i;

	if (bridge_needs(w, h))
		return err_set(e, EBUSY, 0, "rules of the bridge need it: del them first");
	fresh = host_new(w, h->name, e);
	if (!fresh)
		return -e->code;
	for (i = 0; w->hosts->pdata[i] != h; i++)
		;
	fresh->number = h->number;
	w->next_number--;
	w->hosts->pdata[i] = fresh;
	host_free(h);
	plug_in(w, fresh);
	world_changed(w);
	return 0;
}

int world_add_wire(struct world *w, const char *name, struct err *e)
{
	struct net_wire *wire;

	if (!name_is_good(name, "wire", e) || net_wire_new(w->net, name, &wire, e))
		return -e->code;
	g_assert(net_wire_serial(wire) == w->wire_names->len);
	g_ptr_array_add(w->wire_names, g_strdup(name));
	world_changed(w);
	return 0;
}

int world_remove_wire(struct world *w, const char *name, struct err *e)
{
	struct net_wire *wire = net_wire_at(w->net, name);

	if (!wire)
		return err_set(e, ENOENT, 0, "there is no wire %.63s", name);
	net_wire_free(wire);
	world_changed(w);
	return 0;
}

void world_seed(struct world *w, uint64_t seed)
{
	w->options.seed = seed;
	net_reseed(w->net, seed);
	for (guint i = 0; i < w->hosts->len; i++)
		vm_host_reseed(((struct host *)w->hosts->pdata[i])->vm, seed);
}

struct host *world_host_named(struct world *w, const char *name)
{
	for (guint i = 0; i < w->hosts->len; i++) {
		struct host *h = w->hosts->pdata[i];

		if (!strcmp(h->name, name))
			return h;
	}
	return NULL;
}

struct host *world_host(const struct node *n, struct err *e)
{
	GPtrArray *hosts = n->world->hosts;

	/* Serials ascend, so a host is never behind the place that its serial would have without removals. */
	for (guint i = MIN(hosts->len, n->host); i-- > 0; ) {
		struct host *h = hosts->pdata[i];

		if (h->serial == n->host)
			return h;
	}
	err_set(e, ESRCH, -1, "the host is gone");
	return NULL;
}

struct vm_host *world_vm(const struct node *n, struct err *e)
{
	struct host *h = world_host(n, e);

	return h ? h->vm : NULL;
}

struct net_host *world_net(const struct node *n, struct err *e)
{
	struct host *h = world_host(n, e);

	return h ? h->net : NULL;
}

struct net_wire *world_wire(const struct node *n, struct err *e)
{
	struct net_wire *wire = n->arg ? net_wire_above(n->world->net, (uint32_t)n->arg - 1) : NULL;

	if (wire && net_wire_serial(wire) == n->arg)
		return wire;
	err_set(e, ESRCH, -1, "the wire is gone");
	return NULL;
}

struct vm_proc *world_proc(const struct node *n, struct err *e)
{
	struct vm_host *vm = world_vm(n, e);
	struct vm_proc *p = vm ? vm_proc_by_serial(vm, n->process) : NULL;

	if (vm && !p)
		err_set(e, ESRCH, -1, "the process is gone");
	return p;
}

uint64_t world_inode_number(const struct node *n, uint64_t number)
{
	struct host *h = world_host(n, NULL);

	return NUMBER_IS_DISK | (uint64_t)(h ? h->number & 0xffff : 0) << 40 | number;
}
