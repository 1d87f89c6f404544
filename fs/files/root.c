/* root.c - the top of the tree, and hosts/. */
#include "command.h"
#include "events.h"
#include "process.h"
#include "root.h"
#include "text.h"
#include "version.h"
#include "world.h"

#include <string.h>

/* version */

static int show_version(const struct node *n, GString *out, struct err *e)
{
	const struct vm_geometry *g;

	put_text(out, "vitrine " VITRINE_VERSION "\n");
	put_text(out, "build: " VITRINE_BUILD "\n");
	put_text(out, "geometries:");
	for (unsigned i = 0; (g = vm_geometry_at(i)); i++) {
		put_char(out, ' ');
		put_text(out, g->name);
	}
	put_text(out, "\ntables:");
	for (unsigned i = 0; i < VM_TABLES; i++) {
		put_char(out, ' ');
		put_text(out, vm_table_names[i]);
	}
	put_text(out, "\ndevices:");
	for (unsigned i = 0; i < VM_DEVICE_CUSTOM; i++) {
		put_char(out, ' ');
		put_text(out, vm_device_names[i]);
	}
	put_char(out, '\n');
	return 0;
}

/* events, error_log */

static int show_events(const struct node *n, GString *out, struct err *e)
{
	events_show(n->world, FORMAT_TEXT, out);
	return 0;
}

static int show_events_json(const struct node *n, GString *out, struct err *e)
{
	events_show(n->world, FORMAT_JSON, out);
	return 0;
}

static int show_error_log(const struct node *n, GString *out, struct err *e)
{
	error_log_show(n->world, out);
	return 0;
}

/* check */

struct report { GString *wrong, *poked; const char *host; };

static void add_report(void *arg, bool poked, const char *line)
{
	struct report *r = arg;
	GString *out = poked ? r->poked : r->wrong;

	if (poked)
		put_text(out, "poked: ");
	put_text(out, r->host);
	put_text(out, ": ");
	put_text(out, g_str_has_prefix(line, "poked: ") ? line + 7 : line);
	put_char(out, '\n');
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(a, b);
}

static void put_settings(const struct host *h, GString *out)
{
	g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(h->settings), by_name);

	for (GList *l = names; l; l = l->next)
		g_string_append_printf(out, "set: %s: %s %s\n", h->name, (char *)l->data,
				       (char *)g_hash_table_lookup(h->settings, l->data));
}

static void put_processes_settings(const struct host *h, GString *out)
{
	struct vm_proc_info info;

	for (struct vm_proc *p = vm_proc_above(h->vm, 0); p; p = vm_proc_above(h->vm, info.pid)) {
		g_autofree char *prefix = NULL;

		vm_proc_info(p, &info);
		if (!info.set)
			continue;
		prefix = g_strdup_printf("set: %s: %d ", h->name, info.pid);
		put_process_settings(p, prefix, info.set, out);
	}
}

static int show_check(const struct node *n, GString *out, struct err *e)
{
	struct report r = { g_string_new(NULL), g_string_new(NULL), NULL };
	uint64_t contradictions = 0;

	for (guint i = 0; i < n->world->hosts->len; i++) {
		struct host *h = n->world->hosts->pdata[i];

		r.host = h->name;
		contradictions += vm_host_check(h->vm, add_report, &r);
	}
	if (!net_check(n->world->net, e)) {
		g_string_append_printf(r.wrong, "network: %s\n", e->why);
		contradictions++;
		*e = (struct err){ 0 };
	}
	put_text(out, contradictions ? r.wrong->str : "ok\n");
	put_text(out, r.poked->str);
	for (guint i = 0; i < n->world->hosts->len; i++) {
		put_settings(n->world->hosts->pdata[i], out);
		put_processes_settings(n->world->hosts->pdata[i], out);
	}
	g_string_free(r.wrong, TRUE);
	g_string_free(r.poked, TRUE);
	return 0;
}

/* ctl */

static int run_seed(struct call *c, struct err *e)
{
	uint64_t seed;

	if (!arg_number(c, 0, &seed, e))
		return -e->code;
	world_seed(c->n->world, seed);
	return 0;
}

static int run_reset(struct call *c, struct err *e)
{
	return world_reset(c->n->world, e);
}

const struct command root_commands[] = {
	{ "seed", "N", run_seed, "random numbers start from N, now, in hosts made later, and after reset" },
	{ "reset", "", run_reset, "back to the state after mounting" },
	{ 0 }
};

static int store_ctl(const struct node *n, char *line, GString *result, struct err *e)
{
	return command_run(root_commands, n, line, result, e);
}

/* hosts/ */

const struct row host_row = {
	.name = "HOST", .kind = ROW_DIRECTORY, .mode = 0555, .rows = host_rows, .help = "hosts",
};

static struct node host_node(const struct node *dir, const struct host *h)
{
	return (struct node){ .row = &host_row, .world = dir->world, .host = h->serial };
}

static int find_host(const struct node *dir, const char *name, struct node *child)
{
	struct host *h = world_host_named(dir->world, name);

	if (!h)
		return -ENOENT;
	*child = host_node(dir, h);
	return 0;
}

/* Hosts are in order of their serials, which are the cookies. */
static bool next_host(const struct node *dir, uint64_t *cookie, char *name, struct node *child)
{
	GPtrArray *hosts = dir->world->hosts;

	for (guint i = 0; i < hosts->len; i++) {
		struct host *h = hosts->pdata[i];

		if (h->serial <= *cookie)
			continue;
		*cookie = h->serial;
		g_strlcpy(name, h->name, 256);
		*child = host_node(dir, h);
		return true;
	}
	return false;
}

static int make_host(const struct node *dir, const char *name, mode_t mode, struct err *e)
{
	return world_add_host(dir->world, name, e);
}

static int remove_host(const struct node *dir, const char *name, struct err *e)
{
	return world_remove_host(dir->world, name, e);
}

static const struct dir_ops hosts_dir = {
	.find = find_host, .next = next_host, .mkdir = make_host, .rmdir = remove_host,
};

/* The links of the root. */
static int show_link(const struct node *n, GString *out, struct err *e)
{
	put_text(out, "hosts/host0/");
	put_text(out, n->row->name);
	return 0;
}

#define ROOT_TEXT(NAME, MODE, SHOW, STORE, HELP) \
	{ .name = NAME, .kind = ROW_TEXT, .mode = MODE, .show = SHOW, .store = STORE, .help = HELP }
#define ROOT_LINK(NAME) \
	{ .name = NAME, .kind = ROW_LINK, .mode = 0777, .show = show_link, .help = "hosts" }
#define ROOT_STREAM(NAME, OPS) \
	{ .name = NAME, .kind = ROW_STREAM, .mode = 0444, .stream = OPS, .flags = ROW_UNLISTED, .help = "events" }

static const struct row root_rows[] = {
	ROOT_TEXT("README", 0444, show_readme, NULL, "help"),
	{ .name = "help", .kind = ROW_DIRECTORY, .mode = 0555, .dynamic = &help_dir, .help = "help" },
	ROOT_TEXT("version", 0444, show_version, NULL, "version"),
	{ .name = "clock", .kind = ROW_TEXT, .mode = 0644, .flags = ROW_AT_ONCE, .show = show_clock, .store = store_clock,
	  .help = "clock" },
	ROOT_TEXT("events", 0444, show_events, NULL, "events"),
	{ .name = "events.json", .kind = ROW_TEXT, .mode = 0444, .flags = ROW_UNLISTED, .show = show_events_json,
	  .help = "events" },
	ROOT_STREAM("events.follow", &events_follow),
	ROOT_STREAM("events.json.follow", &events_json_follow),
	ROOT_TEXT("error_log", 0444, show_error_log, NULL, "error_log"),
	ROOT_TEXT("ctl", 0644, show_result, store_ctl, "world-ctl"),
	ROOT_TEXT("check", 0444, show_check, NULL, "check"),
	{ .name = "wires", .kind = ROW_DIRECTORY, .mode = 0755, .dynamic = &wires_dir, .help = "wires" },
	{ .name = "hosts", .kind = ROW_DIRECTORY, .mode = 0755, .dynamic = &hosts_dir, .help = "hosts" },
	{ .name = "bridge", .kind = ROW_DIRECTORY, .mode = 0555, .rows = bridge_rows, .help = "bridge" },
	ROOT_LINK("proc"),
	ROOT_LINK("mem"),
	ROOT_LINK("swap"),
	ROOT_LINK("files"),
	ROOT_LINK("net"),
	{ 0 }
};

const struct row root_row = {
	.name = "", .kind = ROW_DIRECTORY, .mode = 0555, .rows = root_rows, .help = "help",
};
